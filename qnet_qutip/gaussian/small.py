"""Steady second moments of few nodes: one linear system, solved in double precision and refined in twofold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qnet_qutip.gaussian.moments import Matrices, Moments, total
from qnet_qutip.gaussian.twofold import PRECISION, Array, Twofold, concatenated
from qnet_qutip.gaussian.unknowns import Layout, as_matrices, currents, layout, matrix, sources

MOST_STEPS = 15

WANTED = 1e-11
"""Relative error of a current at which refinement stops: a thousandth of what is promised."""

SMALLEST = 1e-14
"""Size of a current, relative to what its bath exchanges one way, down to which its relative error is judged."""


BOSE_ROUNDING = 4 * float(np.finfo(np.longdouble).eps)
"""Relative error of a Bose factor."""

RATE_ROUNDING = 8 * float(np.finfo(float).eps)
"""Relative error of a spectral density at a frequency that is itself rounded."""

SMALLEST_PIVOT = 1e-29
"""Of rows whose largest element is one: below it a pivot is rounding, and the matrix singular."""


COEFFICIENT_ROUNDING = 2.0**-98
"""Relative error of the coefficients of the equations of motion, from that of the normal modes, 2^-100 of a sum of a
few. Where modes of one frequency cancel at the baths, a damping that is less than that is rounding."""

LARGEST_RESIDUAL = 1e-13
"""Of each row's terms, for a solution by LAPACK's inverse to be trusted: it trades time. Well solved rows of few small
terms leave up to 2e-12 (13 of 500 chains by Redfield's equation) and are eliminated too; wrong solutions left more than
1e-11, and up to all of the terms."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Second moments and currents of `count` networks.

    Attributes
    ----------
    xx, pp, xp : Twofold, shape (count, n, n)
        δσ: with the vacuum's ½ taken off.
    currents, errors, flows : ndarray, shape (count, baths)
        Heat currents, what the solution leaves of errors, and the sizes of what the currents are differences of.
    rounding : ndarray, shape (count, baths)
        Errors that come with the baths' rates.
    spread_errors : ndarray, shape (count, n, n)
        What the rounding of the coefficients leaves of errors of xx and pp, the larger.
    """

    xx: Twofold
    pp: Twofold
    xp: Twofold
    currents: Array
    errors: Array
    flows: Array
    rounding: Array
    spread_errors: Array


def solved(moments: Moments, of_baths: Matrices) -> Solution:
    """Steady second moments, from what `matrices` makes of the moments."""
    where = layout(moments.positions.shape[-1], moments.conserving)
    x_x, x_p, q_x, q_p = of_baths
    constant, coefficients = currents(where, moments, (x_x, x_p), (q_x, q_p))
    damping = total(x_x)
    generator = matrix(
        where, damping, damping if moments.conserving else total(x_p), moments.positions, moments.momenta
    )
    diffusion = total(q_x)
    source = sources(where, moments, diffusion, diffusion if moments.conserving else total(q_p))
    system = _System(generator, source, constant, coefficients)
    spreads = np.unique(np.stack([where.xx, where.pp]))
    solution, found, errors, responses, reached = _refined(system, spreads)
    flows = _flows(system, solution)
    size = np.abs(found.high)
    rounding, exchanged = _of_rates(where, moments, responses, q_x)
    between = np.minimum(
        *(ratio[:, None] * of for ratio, of in zip(_over_gap(moments, damping.high), (size, exchanged), strict=True))
    )
    rounding = rounding + np.minimum(RATE_ROUNDING * (size + between), RATE_ROUNDING * flows)
    unknown = np.zeros((len(reached), where.number))
    unknown[:, spreads] = COEFFICIENT_ROUNDING * reached
    spread_errors = np.maximum(unknown[:, where.xx], unknown[:, where.pp])
    return Solution(
        *as_matrices(where, solution, moments.conserving), found.high, errors, flows, rounding, spread_errors
    )


@dataclass(frozen=True, eq=False)
class _System:
    """Ax + b = 0 and currents c + Cx."""

    generator: Twofold
    source: Twofold
    constant: Twofold
    coefficients: Twofold

    def residual(self, x: Twofold) -> Twofold:
        return (self.generator * x[:, None, :]).sum() + self.source

    def currents(self, x: Twofold) -> Twofold:
        return self.constant + (self.coefficients * x[:, None, :]).sum()

    def __getitem__(self, chosen: np.ndarray) -> _System:
        return _System(self.generator[chosen], self.source[chosen], self.constant[chosen], self.coefficients[chosen])


def _refined(system: _System, spreads: np.ndarray) -> tuple[Twofold, Twofold, Array, Array, Array]:
    """The solution, the currents, their errors, CA⁻¹, and |A⁻¹|(|A||x| + |b|) of some unknowns.

    By LAPACK's inverse where that converges, else by elimination. An inverse of a matrix that is singular in double
    precision may be so wrong that a wrong solution stands still: it leaves a residual, which is energy that the baths
    bring in all.
    """
    scale = _row_scale(system.generator.high)
    scaled = system.generator.high * scale[..., None]
    inverse, singular = _inverse(scaled)
    # A wrong inverse may lead to anything.
    with np.errstate(invalid="ignore", over="ignore"):
        x = Twofold(-(inverse @ (system.source.high * scale)[..., None])[..., 0])
        current = system.currents(x)
        change, moved = np.full(current.shape, np.inf), np.full(len(inverse), np.inf)
        for _ in range(MOST_STEPS):
            step = -(inverse @ (system.residual(x).high * scale)[..., None])[..., 0]
            x = x + step
            previous, current = current, system.currents(x)
            change, moved = np.abs((current - previous).high), _relative(step, x.high)
            flows = _flows(system, x)
            if (_settled(change, current.high, flows).all(axis=-1) & (moved <= WANTED)).all():
                break
        responses = system.coefficients.high @ inverse * scale[:, None, :]
        errors = change + _of_rounding(system, x, current, responses)
        terms = _terms_of(system, x)
        reached = (np.abs(inverse[:, spreads]) @ (terms * scale)[..., None])[..., 0]
        left = (np.abs(system.residual(x).high) <= LARGEST_RESIDUAL * terms).all(axis=-1)
        settled = _settled(errors, current.high, flows).all(axis=-1)
    wrong = singular | ~left | ~settled | ~(moved <= WANTED)
    if wrong.any():
        chosen = np.flatnonzero(wrong)
        better, found, errors[chosen], responses[chosen], reached[chosen] = _eliminated(system[chosen], spreads)
        for target, values in ((x, better), (current, found)):
            target.high[chosen], target.low[chosen] = values.high, values.low
    return x, current, errors, responses, reached


def _terms_of(system: _System, x: Twofold) -> Array:
    """|A||x| + |b|: what residuals are differences of."""
    terms: Array = (np.abs(system.generator.high) @ np.abs(x.high)[..., None])[..., 0] + np.abs(system.source.high)
    return terms


def _of_rounding(system: _System, x: Twofold, current: Twofold, responses: Array) -> Array:
    """Errors of currents by rounding, of residuals and of their own, and by how much they miss the first law."""
    reach = (np.abs(responses) @ _terms_of(system, x)[..., None])[..., 0]
    missed: Array = np.abs(current.sum().high)[..., None]
    errors: Array = 2 * PRECISION * (reach + _flows(system, x)) + missed
    return errors


def _over_gap(moments: Moments, damping: Array) -> tuple[Array, Array]:
    """ω/gap and γ/gap of the closest modes: how much the rounding of rates at two frequencies is magnified.

    Nodes are coupled through a bath by a difference of its rates at two modes' frequencies, whose relative error is
    that of a rate times ω/gap. It makes γ/ω of what the baths exchange, or all of a current that is less than that.
    """
    n = damping.shape[-1]
    secular = moments.near is not None and moments.far is None
    if moments.modes is None or secular or n == 1:
        return np.zeros(len(damping)), np.zeros(len(damping))
    frequencies = moments.modes.frequencies.high
    highest = frequencies[:, -1]
    gaps = np.maximum(np.diff(frequencies).min(axis=-1), np.finfo(float).eps * highest)
    return highest / gaps, np.abs(damping).max(axis=(-1, -2)) / gaps


def _of_rates(where: Layout, moments: Moments, responses: Array, q_x: Twofold) -> tuple[Array, Array]:
    """Errors of currents by the rounding of rates, and what each bath exchanges with the others.

    Spectral densities change that in proportion; Bose factors change what each sends, which is much more where
    temperatures are nearly equal.
    """
    upper = np.triu_indices(q_x.shape[-1])
    sent = np.zeros((*q_x.shape[:2], where.number))
    sent[..., : len(upper[0])] = q_x.high[..., *upper]
    if not moments.conserving:
        sent[..., len(upper[0]) : 2 * len(upper[0])] = sent[..., : len(upper[0])]
    arriving = responses @ np.swapaxes(sent, -1, -2)
    arriving = arriving * (1 - np.eye(arriving.shape[-1]))
    leaving = np.swapaxes(arriving, -1, -2)
    both, net = np.abs(arriving) + np.abs(leaving), np.abs(arriving - leaving)
    exchanged = both.sum(axis=-1)
    return BOSE_ROUNDING * exchanged + RATE_ROUNDING * net.sum(axis=-1), exchanged


def _flows(system: _System, x: Twofold) -> Array:
    """What the currents are differences of."""
    reached = np.abs(system.coefficients.high) @ np.abs(x.high)[..., None]
    flows: Array = np.abs(system.constant.high) + reached[..., 0]
    return flows


def _relative(step: Array, x: Array) -> Array:
    largest = np.abs(x).max(axis=-1)
    relative: Array = np.abs(step).max(axis=-1) / np.where(largest > 0, largest, 1.0)
    return relative


def _settled(change: Array, currents: Array, flows: Array) -> np.ndarray:
    settled: np.ndarray = change <= WANTED * np.maximum(np.abs(currents), SMALLEST * flows)
    return settled


def _row_scale(matrix: Array) -> Array:
    """Powers of two that bring the largest element of each row near one."""
    largest = np.abs(matrix).max(axis=-1)
    _, exponent = np.frexp(np.where(largest > 0, largest, 1.0))
    return np.ldexp(1.0, -exponent)


def _inverse(matrices: Array) -> tuple[Array, np.ndarray]:
    """Inverses, and which matrices have none in double precision."""
    try:
        found: Array = np.linalg.inv(matrices).astype(float, copy=False)
        return found, np.zeros(len(matrices), dtype=bool)
    except np.linalg.LinAlgError:
        inverses: Array = np.zeros_like(matrices)
        singular = np.zeros(len(matrices), dtype=bool)
        for index, matrix in enumerate(matrices):
            try:
                inverses[index] = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                singular[index] = True
        return inverses, singular


def _eliminated(system: _System, spreads: np.ndarray) -> tuple[Twofold, Twofold, Array, Array, Array]:
    """Gaussian elimination in twofold precision and steps of refinement: what `_refined` returns."""
    scale = _row_scale(system.generator.high)
    scaled = Twofold(system.generator.high * scale[..., None], system.generator.low * scale[..., None])
    x = Twofold(np.zeros_like(system.source.high))
    current = system.currents(x)
    with np.errstate(invalid="ignore", over="ignore"):
        for _ in range(3):
            residual = system.residual(x)
            step = _solve(scaled, Twofold(residual.high * scale, residual.low * scale)[..., None])[..., 0]
            x = x - step
            previous, current = current, system.currents(x)
        unit = np.broadcast_to(np.eye(scale.shape[-1])[:, spreads], (len(scale), scale.shape[-1], len(spreads)))
        columns = _solve(scaled.transposed(), concatenated([system.coefficients.transposed(), Twofold(unit)])).high
        inverse = np.swapaxes(columns, -1, -2) * scale[:, None, :]
        responses = inverse[:, : system.constant.shape[-1]]
        reached = (np.abs(inverse[:, system.constant.shape[-1] :]) @ _terms_of(system, x)[..., None])[..., 0]
        errors = np.abs((current - previous).high) + _of_rounding(system, x, current, responses)
        errors[~(_relative(step.high, x.high) <= WANTED)] = np.nan
    return x, current, errors, responses, reached


def _solve(matrix: Twofold, right: Twofold) -> Twofold:
    """Solutions of stacked linear systems, (count, size, columns), with pivots from the column; nan if singular."""
    high, low = (np.concatenate(both, axis=-1) for both in ((matrix.high, right.high), (matrix.low, right.low)))
    count, size = matrix.shape[:2]
    rows = np.arange(count)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for column in range(size):
            sizes = np.abs(high[:, column:, column])
            pivot = column + sizes.argmax(axis=-1)
            high[sizes.max(axis=-1) < SMALLEST_PIVOT] = np.nan
            for part in (high, low):
                part[rows, pivot], part[:, column] = part[:, column].copy(), part[rows, pivot].copy()
            top = Twofold(high[:, None, column, column:], low[:, None, column, column:])
            below = Twofold(high[:, column + 1 :, column:], low[:, column + 1 :, column:])
            factors = below[..., :1] / top[..., :1]
            reduced = below - factors * top
            high[:, column + 1 :, column:], low[:, column + 1 :, column:] = reduced.high, reduced.low
        solution = Twofold(np.zeros(right.shape))
        for row in reversed(range(size)):
            above = Twofold(high[:, row, None, row + 1 : size], low[:, row, None, row + 1 : size])
            known = (above * solution[:, row + 1 :].transposed()).sum()
            value = (Twofold(high[:, row, size:], low[:, row, size:]) - known) / Twofold(
                high[:, row, row, None], low[:, row, row, None]
            )
            solution.high[:, row], solution.low[:, row] = value.high, value.low
    return solution
