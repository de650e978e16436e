"""Steady second moments of many nodes: a Lyapunov equation, solved in the damped modes and refined in more digits.

The damped modes, eigenvectors of what moves the means, are found in double precision; they serve to correct the
solution, whose residual alone is computed in twofold precision, by sparse or sliced products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.gaussian.damped import damped_modes, eigenvectors
from qnet_qutip.gaussian.failures import Failures
from qnet_qutip.gaussian.moments import Moments, matrices
from qnet_qutip.gaussian.small import BOSE_ROUNDING, MOST_STEPS, RATE_ROUNDING, SMALLEST, WANTED, Solution, solved
from qnet_qutip.gaussian.stability import require_decaying, require_stable
from qnet_qutip.gaussian.twofold import KEPT_BITS, Array, Twofold, product

Moved = tuple[Twofold, ...]
"""δσ_xx and δσ_xp, or δσ_xx, δσ_pp and δσ_xp."""

SMALL_UNKNOWNS = 400
"""Second moments up to which one dense system is solved, which also finds modes whose widths are 1e-25 of the rest; at
20 nodes as fast as what is done here."""

EPSILON = float(np.finfo(float).eps)

COEFFICIENT_ROUNDING_LARGE = 2.0 ** (2 - KEPT_BITS)
"""Relative error of products of many rows, a sum of a few."""

MOST_STALLED = 3
"""Steps in a row that are not half as large as the one before, after which it is given up."""


def solved_at_any_size(moments: Moments, report: Callable[[str], None]) -> Solution:
    """Steady second moments, of clusters of modes one by one where nothing couples them.

    Parameters
    ----------
    moments : Moments
    report : callable
        Is told of each step that may take seconds.
    """
    n = moments.positions.shape[-1]
    if n * (n if moments.conserving else 2 * n + 1) <= SMALL_UNKNOWNS:
        of_baths = matrices(moments)
        require_stable(moments, of_baths)
        return solved(moments, of_baths)
    found = []
    failures: dict[int, Exception] = {}
    for number in range(len(moments.positions.high)):
        one = _at(moments, number)
        apart = one.near is not None and one.far is None
        try:
            found.append((_by_blocks if apart else _refined)(one, report))
        except Failures as failed:
            # Of a block of the network, or of itself.
            failures[number] = next(iter(failed.errors.values()))
    if failures:
        raise Failures(failures)
    xx, pp, xp = (_stacked([getattr(each, name) for each in found]) for name in ("xx", "pp", "xp"))
    currents, errors, flows, rounding, spread_errors = (
        np.concatenate([getattr(each, name) for each in found])
        for name in ("currents", "errors", "flows", "rounding", "spread_errors")
    )
    return Solution(xx, pp, xp, currents, errors, flows, rounding, spread_errors)


def _stacked(members: list[Twofold]) -> Twofold:
    return Twofold(np.concatenate([member.high for member in members]), np.concatenate([m.low for m in members]))


def _at(moments: Moments, number: int) -> Moments:
    chosen = slice(number, number + 1)
    return replace(
        moments,
        positions=moments.positions[chosen],
        momenta=moments.momenta[chosen],
        s=moments.s[chosen],
        t=moments.t[chosen],
        sigma=moments.sigma[chosen],
        tau=moments.tau[chosen],
        near=None if moments.near is None else moments.near[chosen],
        far=None if moments.far is None else moments.far[chosen],
    )


def _by_blocks(moments: Moments, report: Callable[[str], None]) -> Solution:
    """Clusters of modes are moved apart from each other: those of one size are solved together."""
    assert moments.near is not None
    near, n = moments.near[0], moments.near.shape[-1]
    first = near.argmax(axis=-1)
    members: dict[int, list[NDArray[np.int64]]] = {}
    for label in np.unique(first):
        block = np.flatnonzero(first == label)
        members.setdefault(len(block), []).append(block)
    parts = {name: (np.zeros((n, n)), np.zeros((n, n))) for name in ("xx", "pp", "xp")}
    currents = errors = flows = rounding = np.zeros(moments.baths)
    spread_errors = np.zeros((n, n))
    for blocks in members.values():
        chosen = np.array(blocks)
        rows, columns = chosen[:, :, None], chosen[:, None, :]
        form = moments.positions[0][rows, columns]
        found = solved_at_any_size(
            replace(
                moments,
                positions=form,
                momenta=form,
                s=_of_blocks(moments.s, chosen),
                t=_of_blocks(moments.t, chosen),
                sigma=_of_blocks(moments.sigma, chosen),
                tau=_of_blocks(moments.tau, chosen),
                near=None,
            ),
            report,
        )
        for name, (high, low) in parts.items():
            high[rows, columns] = getattr(found, name).high
            low[rows, columns] = getattr(found, name).low
        spread_errors[rows, columns] = found.spread_errors
        currents = currents + found.currents.sum(axis=0)
        errors = errors + found.errors.sum(axis=0)
        rounding = rounding + found.rounding.sum(axis=0)
        flows = flows + found.flows.sum(axis=0)
    xx, pp, xp = (Twofold(high[None], low[None]) for high, low in parts.values())
    return Solution(xx, pp, xp, currents[None], errors[None], flows[None], rounding[None], spread_errors[None])


def _of_blocks(pairs: Twofold, chosen: NDArray[np.int64]) -> Twofold:
    """Coefficients of the modes in each block, (blocks, pairs, modes of a block)."""
    return Twofold(np.moveaxis(pairs.high[0][:, chosen], 1, 0), np.moveaxis(pairs.low[0][:, chosen], 1, 0))


@dataclass(frozen=True, eq=False)
class _Motion:
    """Equations of motion of one network as matrices, without a leading axis."""

    h_x: Twofold
    h_p: Twofold
    x_x: Twofold
    x_p: Twofold
    q_x: Twofold
    q_p: Twofold
    conserving: bool

    def residual(self, moved: Moved) -> tuple[Array, ...]:
        """Rate of change of the moments."""
        if self.conserving:
            xx, xp = moved
            real = product(self.x_x, xx) + product(self.h_x, xp)
            imaginary = product(self.h_x, xx) - product(self.x_x, xp)
            return (
                (self.q_x - real - real.transposed()).high,
                (imaginary - imaginary.transposed()).high,
            )
        xx, pp, xp = moved
        px = xp.transposed()
        of_x = product(self.h_p, px) - product(self.x_x, xx)
        of_p = product(self.h_x, xp) + product(self.x_p, pp)
        crossed = product(self.h_p, pp) - product(self.x_x, xp)
        other = product(self.h_x, xx) + product(self.x_p, px)
        vacuum = (self.h_p - self.h_x).high / 2
        return (
            (self.q_x + of_x + of_x.transposed()).high,
            (self.q_p - of_p - of_p.transposed()).high,
            (crossed - other.transposed() + vacuum).high,
        )


def _motion(moments: Moments) -> _Motion:
    def between(first: Twofold, second: Twofold, mask: np.ndarray | None) -> Twofold:
        found = product(first[0].transposed(), second[0])
        return found if mask is None else Twofold(found.high * mask[0], found.low * mask[0])

    falls, rises = between(moments.s, moments.sigma, moments.near), between(moments.t, moments.tau, moments.near)
    damping = falls + rises if moments.fermions else falls - rises
    diffusion = rises + rises.transposed()
    h_x, h_p = moments.positions[0], moments.momenta[0]
    if moments.conserving:
        return _Motion(h_x, h_p, damping, damping, diffusion, diffusion, True)
    created, destroyed = (
        between(*pair, moments.far) for pair in ((moments.s, moments.tau), (moments.t, moments.sigma))
    )
    crossed, mixed = created - destroyed, created + created.transposed()
    return _Motion(h_x, h_p, damping + crossed, damping - crossed, diffusion - mixed, diffusion + mixed, False)


def _refined(moments: Moments, report: Callable[[str], None]) -> Solution:
    motion = _motion(moments)
    # Each with the rounding of the widths that it finds, relative to the largest eigenvalue: those of the first are of
    # second order in that of the eigenvectors.
    ways: list[tuple[Callable[[], tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None], float]] = [
        (lambda: damped_modes(moments) if moments.conserving else None, EPSILON**2),
        (lambda: eigenvectors(_drift(motion)), EPSILON),
    ]
    moved: Moved = ()
    currents, flows = np.zeros(moments.baths), np.zeros(moments.baths)
    errors = np.full(moments.baths, np.inf)
    spread_errors = np.full(moments.positions.shape, np.inf)
    for way, rounding_of_widths in ways:
        report("damped modes")
        modes = way()
        if modes is None:
            continue
        moved, currents, errors, flows = _corrected(moments, motion, modes, report)
        if np.isfinite(errors).all():
            require_decaying(modes[0][None])
            spread_errors = _spread_errors(motion, moved, modes, rounding_of_widths)[None]
            break
    xx, xp = moved[0], moved[-1]
    # Bose factors of nearly equal temperatures: at most of all that is exchanged.
    rounding = RATE_ROUNDING * np.abs(currents) + BOSE_ROUNDING * flows
    return Solution(
        xx[None], moved[-2][None], xp[None], currents[None], errors[None], flows[None], rounding[None], spread_errors
    )


def _spread_errors(
    motion: _Motion,
    moved: Moved,
    modes: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    rounding_of_widths: float,
) -> Array:
    """Errors of δσ_xx and δσ_pp that the rounding of X and Q leaves: as small as it is, a mode may lose less.

    Infinite if a width is rounding: a wrong one may be so large that what the mode has to gain is never asked for.
    """
    values, vectors, inverse = modes
    if values.real.min() <= rounding_of_widths * np.abs(values).max():
        return np.full(motion.h_x.shape, np.inf)
    n = motion.h_x.shape[-1]
    if motion.conserving:
        lost = np.abs(motion.x_x.high) @ (np.abs(moved[0].high) + np.abs(moved[1].high))
        gained = np.abs(motion.q_x.high)
    else:
        xx, pp, xp = (np.abs(each.high) for each in moved)
        x_x, x_p = np.abs(motion.x_x.high), np.abs(motion.x_p.high)
        lost = np.block([[x_x @ xx, x_x @ xp], [x_p @ xp.T, x_p @ pp]])
        gained = np.zeros_like(lost)
        gained[:n, :n], gained[n:, n:] = np.abs(motion.q_x.high), np.abs(motion.q_p.high)
    sums = np.abs(values[:, None] + values[None, :].conj())
    to_modes, back = np.abs(inverse), np.abs(vectors)
    inside = (to_modes @ (lost + lost.T + gained) @ to_modes.T) / sums
    reached = back @ inside @ back.T
    larger = reached if motion.conserving else np.maximum(reached[:n, :n], reached[n:, n:])
    bounds: Array = COEFFICIENT_ROUNDING_LARGE * larger
    return bounds


def _drift(motion: _Motion) -> NDArray[Any]:
    """K of ⟨ξ⟩' = -K⟨ξ⟩, with ξ = x + ip where that is moved by itself, else (x, p)."""
    if motion.conserving:
        return motion.x_x.high - 1j * motion.h_x.high
    return np.block([[motion.x_x.high, -motion.h_p.high], [motion.h_x.high, motion.x_p.high]])


def _corrected(
    moments: Moments,
    motion: _Motion,
    modes: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    report: Callable[[str], None],
) -> tuple[Moved, Array, Array, Array]:
    """Refinement until the currents settle; infinite errors if they do not."""
    values, vectors, inverse = modes
    steps: tuple[Array, ...]
    sums = values[:, None] + values[None, :].conj()
    n = motion.h_x.shape[-1]
    zero = Twofold(np.zeros((n, n)))
    moved: Moved = (zero,) * (2 if motion.conserving else 3)
    currents, flows = _currents(moments, moved)
    last, stalled = np.inf, 0
    for number in range(1, MOST_STEPS + 1):
        report(f"second moments, step {number}")
        rates = motion.residual(moved)
        residual = (
            rates[0] + 1j * rates[1]
            if motion.conserving
            else np.block([[rates[0], rates[2]], [rates[2].T, rates[1]]]).astype(complex)
        )
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # In the basis of the nodes only those with baths are driven at first.
            driven = np.flatnonzero(residual.any(axis=0))
            reached = inverse[:, driven]
            inside = (reached @ residual[np.ix_(driven, driven)] @ reached.conj().T) / sums
            step = vectors @ inside @ vectors.conj().T
        if not np.isfinite(step).all():
            break
        if motion.conserving:
            real, imaginary = step.real, step.imag
            steps = ((real + real.T) / 2, (imaginary - imaginary.T) / 2)
        else:
            whole = (step.real + step.real.T) / 2
            steps = (whole[:n, :n], whole[n:, n:], whole[:n, n:])
        moved = tuple(part + change for part, change in zip(moved, steps, strict=True))
        previous = currents
        found, flows = _currents(moments, moved)
        currents = found
        change = np.abs((currents - previous).high)
        size = max(float(np.abs(part.high).max()) for part in moved)
        moving = max(float(np.abs(part).max()) for part in steps) / (size or 1.0)
        settled = change <= WANTED * np.maximum(np.abs(currents.high), SMALLEST * flows)
        if settled.all() and moving <= WANTED:
            # What the first law is missed by is an error too.
            missed = np.abs(currents.sum().high)
            return moved, currents.high, change + 2.0**-KEPT_BITS * flows + missed, flows
        # What slow modes pick up from the rounding of the others may first have to be taken off again.
        stalled = stalled + 1 if moving > last / 2 and moving > WANTED else 0
        if stalled == MOST_STALLED:
            break
        last = moving
    return moved, currents.high, np.full(moments.baths, np.inf), flows


def _currents(moments: Moments, moved: Moved) -> tuple[Twofold, Array]:
    """Heat current of each bath, and the size of what it is the difference of; see `unknowns.currents`."""
    s, t, sigma, tau = (pair[0] for pair in (moments.s, moments.t, moments.sigma, moments.tau))
    sign = 1.0 if moments.fermions else -1.0
    near = None if moments.near is None else moments.near[0]
    far = None if moments.far is None else moments.far[0]
    pieces = []
    for form, spread, of_p in ((moments.positions[0], moved[0], 0.0), (moments.momenta[0], moved[-2], 1.0)):
        hs, ht = (product(form, pair.transposed()).transposed() for pair in (s, t))
        here = _masked(spread, near)
        of_s, of_t = product(hs, here), product(ht, here)
        pieces += [ht * tau, -(of_s * sigma), of_t * tau * -sign]
        if moments.conserving:
            pieces = [Twofold(2 * piece.high, 2 * piece.low) for piece in pieces]
            break
        there = _masked(spread, far)
        side = -1.0 if of_p else 1.0
        of_s, of_t = product(hs, there), product(ht, there)
        made = hs * tau if far is None else hs * tau * far.diagonal().astype(float)
        pieces += [made * -side, of_s * tau * -side, of_t * sigma * side]
    # A sum over the modes of every piece, and over the pairs of each bath.
    owned = [np.flatnonzero(moments.owners == bath) for bath in range(moments.baths)]
    sums = [piece.sum() for piece in pieces]
    rows = []
    for pairs in owned:
        terms = Twofold(
            np.array([each.high[pair] for each in sums for pair in pairs]),
            np.array([each.low[pair] for each in sums for pair in pairs]),
        )
        rows.append((terms.sum(), float(np.abs(terms.high).sum())))
    return (
        Twofold(np.array([float(row.high) for row, _ in rows]), np.array([float(row.low) for row, _ in rows])),
        np.array([flow for _, flow in rows]),
    )


def _masked(matrix: Twofold, mask: np.ndarray | None) -> Twofold:
    return matrix if mask is None else Twofold(matrix.high * mask, matrix.low * mask)
