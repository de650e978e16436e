"""The partial secular equation: Redfield's, without what oscillates faster than a cutoff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.bohr import CouplingOperator
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.clusters import largest_critical_gap
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import Network
from qnet_qutip.operators import OperatorBath
from qnet_qutip.truncation import DEFAULT_RTOL, Levels


def partial_secular_master_equation(
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None = None,
    *,
    cutoff: float | None = None,
    level_shift: bool = False,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the partial secular equation of any network, or of a Hamiltonian with coupling operators.

    Of Redfield's double sum over Bohr frequencies ω and ω' the terms with |ω - ω'| ≤ `cutoff` are kept. With a cutoff
    of zero it is the global equation, with a large one Redfield's. It need not keep ρ positive.

    Parameters
    ----------
    network, baths
        As for `universal_master_equation`.
    cutoff : float, optional
        Largest distance of two Bohr frequencies that is kept, in units of frequency, not negative; infinity is
        Redfield's equation. By default the largest gap* = √(Γω) over the baths and their frequencies, where the two
        errors meet that too small and too large a cutoff make, with Γ = J of harmonic oscillators, and J(2n + 1) of
        anything else; `equation.options["cutoff"]` says what it is.
    level_shift : bool, optional
        Keep the imaginary part of the bath's correlations: Λ = Σ_ω (½γ(ω) + i𝒮(ω))S(ω), with 𝒮 the principal value of
        γ. It is part of what the bath does, and of its heat current.
    levels, max_excitations, rtol
        As for `universal_master_equation`.

    Returns
    -------
    MasterEquation
        With pairs of operators instead of collapse operators.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `universal_master_equation`.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> partial_secular_master_equation(net)
    partial_secular master equation, 4 states (levels={}), pairs of operators {hot: 4, cold: 4}
    """
    options = {
        "cutoff": None if cutoff is None else checks.upper_bound("cutoff", cutoff),
        "level_shift": checks.truth("level_shift", level_shift),
    }
    return assemble(PARTIAL_SECULAR, network, baths, options, levels=levels, max_excitations=max_excitations, rtol=rtol)


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    cutoff = largest_critical_gap(system) if options["cutoff"] is None else options["cutoff"]
    return Dissipation(by_bath(system, _pairs, cutoff, options["level_shift"]), chosen={"cutoff": cutoff})


def _pairs(coupling: CouplingOperator, cutoff: float, level_shift: bool) -> tuple[tuple[qutip.Qobj, qutip.Qobj], ...]:
    """For each ω the pair of Σ S(ω') over the ω' near it and (½γ(ω) + i𝒮(ω))S(ω)."""
    pairs, frequencies = [], np.array(coupling.frequencies)
    weights = coupling.half_correlations(level_shift)
    for weight, frequency, operator in zip(weights, coupling.frequencies, coupling.operators, strict=True):
        if weight != 0:
            near = coupling.weighted(np.abs(frequencies - frequency) <= cutoff)
            pairs.append((near, (weight * operator).to("CSR")))
    return tuple(pairs)


PARTIAL_SECULAR = Definition("partial_secular", _dissipation, Promises(first_law=True))
