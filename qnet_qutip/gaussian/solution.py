"""Steady second moments, by the way that the size of the network asks for, and whether to trust them."""

from __future__ import annotations

import numpy as np

from qnet_qutip.gaussian.failures import require
from qnet_qutip.gaussian.moments import Moments
from qnet_qutip.gaussian.quadratic import Quadratic
from qnet_qutip.gaussian.small import SMALLEST, Solution
from qnet_qutip.gaussian.twofold import Array, Twofold, product

PROMISED = 1e-8
"""Largest relative error of a current."""

RESOLVED = 1e-6
"""Largest error of an occupation, relative to the largest one. It is judged by a bound, a hundred to a thousand times
the error in three nodes of which the first alone has baths: a smaller one would refuse occupations right to 1e-10."""


def in_nodes(moments: Moments, found: Solution) -> tuple[Twofold, Twofold, Twofold]:
    """δσ_xx, δσ_pp and δσ_xp of the nodes, from those of the modes."""
    if moments.modes is None:
        return found.xx, found.pp, found.xp
    x, p = moments.modes.positions, moments.modes.momenta
    xx = _moved(x, found.xx, x)
    pp = xx if x is p and found.xx is found.pp else _moved(p, found.pp, p)
    if x is not p:
        # The modes' vacuum is not the nodes'.
        xx, pp = (moved + _vacuum(to) for moved, to in ((xx, x), (pp, p)))
    return xx, pp, _moved(x, found.xp, p)


def occupations(moments: Moments, found: Solution) -> Array:
    """⟨a†a⟩ of the nodes, (count, n)."""
    if moments.modes is None:
        return (found.xx.diagonal() + found.pp.diagonal()).high / 2
    x, p = moments.modes.positions, moments.modes.momenta
    if x is p and found.xx is found.pp:
        return (product(x, found.xx) * x).sum().high
    both = (product(x, found.xx) * x).sum() + (product(p, found.pp) * p).sum()
    vacuum = (x * x).sum() + (p * p).sum() - 2.0
    return (both + vacuum.scaled(0.5)).high / 2


def occupation_errors(moments: Moments, found: Solution) -> Array:
    """Bounds on the errors of ⟨a†a⟩ of the nodes, (count, n)."""
    spread = found.spread_errors
    if moments.modes is None:
        bounds: Array = np.diagonal(spread, axis1=-2, axis2=-1)
        return bounds
    x, p = (np.abs(side.high) for side in (moments.modes.positions, moments.modes.momenta))
    with np.errstate(invalid="ignore"):
        both = ((x @ spread) * x).sum(axis=-1) / 2 + ((p @ spread) * p).sum(axis=-1) / 2
    # Infinite times an amplitude of zero.
    return np.where(np.isnan(both), np.inf, both)


def _moved(left: Twofold, moments: Twofold, right: Twofold) -> Twofold:
    return product(product(left, moments), right.transposed())


def _vacuum(to: Twofold) -> Twofold:
    """½(SSᵀ - 1)."""
    excess = product(to, to.transposed()) - np.eye(to.shape[-1])
    return excess.scaled(0.5)


def require_solved(system: Quadratic, equation: str, moments: Moments, found: Solution, occupied: Array) -> None:
    """Raise if there is no steady state, a current is not known to `PROMISED`, or an occupation not to `RESOLVED`."""
    require(
        np.isfinite(found.currents + found.errors + found.rounding).all(axis=-1),
        lambda number: ValueError(
            f"every normal mode must be damped by a bath, but one of nodes {list(system.networks[number].nodes)[:10]} "
            "is not, within 30 digits, so that the steady state depends on the initial one; shift a frequency or add a "
            "bath (the density matrix takes rho0=: steady_state(equation, rho0=...))"
        ),
    )
    right = found.errors <= PROMISED * np.maximum(np.abs(found.currents), SMALLEST * found.flows)

    def doubtful(number: int) -> Exception:
        bath = int(np.argmin(right[number]))
        return ArithmeticError(
            f"the heat current of bath {system.baths[bath]!r} by the {equation} equation is "
            f"{found.currents[number, bath]:.3e} with an error of {found.errors[number, bath]:.1e}: 32 digits are not "
            "enough here, as normal modes that are damped too weakly make it; strengthen a coupling or the baths"
        )

    require(right.all(axis=-1), doubtful)
    errors = occupation_errors(moments, found)
    resolved = errors <= RESOLVED * np.abs(occupied).max(axis=-1, keepdims=True)

    def unresolved(number: int) -> Exception:
        node = int(np.argmin(resolved[number]))
        return ArithmeticError(
            f"the occupation of node {list(system.networks[number].nodes)[node]!r} by the {equation} equation is "
            f"{occupied[number, node]:.3e} with an error of up to {errors[number, node]:.1e}: 32 digits are not enough "
            "here, as a normal mode that no bath damps beyond rounding makes it; strengthen a coupling or shift a "
            "frequency"
        )

    require(resolved.all(axis=-1), unresolved)
