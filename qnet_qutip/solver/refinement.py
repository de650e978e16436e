"""Refinement with a factorisation, until the estimated error is rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver import judge, many_digits
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.point import (
    FLOOR,
    Attempt,
    Options,
    Point,
    corrected,
    current_scales,
    evaluated,
    imbalance,
    size,
)
from qnet_qutip.solver.sectors import norm
from qnet_qutip.solver.stages import Stage, inverse, random_change, random_numbers, slowest_rate

REFINEMENTS = 12
"""Most steps of refinement with a factorisation."""

DOUBTFUL_RATE = 1e-10
"""Slowest rate of M, relative to the fastest of L, below which rounding may have made it."""

PROVED = 1e-4
"""What may be left of a random right-hand side; a mode that is missed leaves about 1/√unknowns."""

LARGEST_UNDECIDED = 1e-3
"""Error of a current from the rounding of double-double that passes with a warning, if that of ρ is within rtol."""

ROUNDINGS = 0.5
"""Rounding of a residual in double-double, in units of eps² times the sum of the absolute values that it adds up."""


def refinements(
    generator: OnSectors, stage: Stage, first: Real, source: Real | None, options: Options, limit: int
) -> Attempt:
    """Refine with a factorisation: subtract what it makes of the residual, until that is rounding.

    To go on beyond the tolerance is what proves the inverse: a slow mode that it misjudges by a factor λ shows in the
    estimate as λ times its error, and shrinks by 1 - λ only. Where the estimate comes down to rounding there is none.
    """
    point = evaluated(generator, stage, corrected(generator, (first, np.zeros(len(first))), None), source)
    points, sizes = [point], [size(point)]
    while sizes[-1] > FLOOR and len(points) < min(REFINEMENTS, limit) and not _stalled(sizes):
        point = evaluated(generator, stage, corrected(generator, point.value, -point.estimate), source)
        points.append(point)
        sizes.append(size(point))
    iterations, unknown = len(points), dict.fromkeys(point.currents, np.inf)
    rounding = _draws(generator, stage, ROUNDINGS * dd.EPS**2 * generator.gross(point.value[0]))
    if sizes[-1] > FLOOR:
        arithmetic = _draws(generator, stage, dd.EPS * generator.gross(point.estimate))
        noise = size(point, *arithmetic, *rounding)
        if not sizes[-1] <= judge.SAFETY * noise:
            left = sizes[-1] / sizes[-2] if len(sizes) > 1 and sizes[-2] else np.inf
            return Attempt(point, np.inf, unknown, iterations, f"a step of refinement leaves {left:.2g} of the error")
    if slowest_rate(generator, stage) < DOUBTFUL_RATE and not proved(generator, stage):
        why = "its slowest rates are not those of L, as far as double-double arithmetic shows"
        return Attempt(point, np.inf, unknown, iterations, why)
    # The last step is the best but for luck: a start that is exact has no rounding for the residual to see.
    best = _judged(generator, points[max(iterations - 2, 0)], point, rounding, options, iterations)
    for number in range(iterations - 2, -1, -1):
        if best.failure is None:
            break
        attempt = _judged(generator, points[max(number - 1, 0)], points[number], rounding, options, iterations)
        best = attempt if attempt.error < best.error else best
    if options.report is not None:
        options.report(iterations, best.error)
    return best


def proved(generator: OnSectors, stage: Stage) -> bool:
    """Whether refinement solves L(x) = b for a random b, so that M⁻¹ has all modes of L, the slowest included.

    In the steady state itself a mode of rate l that M takes for m shows as l times its error, which may be less than
    anything. Here it leaves 1 - l/m of its component of b.
    """
    right = random_change(generator)
    right = right / norm(right)
    value: dd.DoubleDouble = inverse(generator, stage, right), np.zeros(len(right))
    for _ in range(REFINEMENTS):
        residual = generator.residual(value) - right
        if norm(residual) <= PROVED:
            return True
        correction = inverse(generator, stage, -residual)
        if not np.all(np.isfinite(correction)):
            return False
        value = dd.plus(value, correction)
    return False


def _judged(
    generator: OnSectors,
    before: Point,
    point: Point,
    rounding: Sequence[Real],
    options: Options,
    iterations: int,
) -> Attempt:
    """A point of a refinement that has come down to rounding.

    What is left is what its estimate says, and what the rounding of the residual may hide from it, the same in every
    step: 16 digits more than double precision has, times what the slowest mode makes of it.
    """
    scales = current_scales(generator, point.value[0], point.currents, options)
    judged = bool(point.currents) and not generator.decay
    expected = generator.functionals(point.estimate) if judged else {}
    of_rounding = [generator.functionals(draw) for draw in rounding] if judged else []
    currents = {
        bath: max(judge.SAFETY * abs(current), *(abs(drawn[bath]) for drawn in of_rounding))
        for bath, current in expected.items()
    }
    hidden = size(point, *rounding)
    errors = judge.Errors(max(judge.SAFETY * size(point), hidden), currents)
    unbalanced = imbalance(generator, point)
    error = judge.still_to_come(errors, scales, unbalanced, contraction=0.0)
    changes = {bath: abs(J - before.currents[bath]) / scales[bath] for bath, J in point.currents.items()}
    undecided = {bath: e / options.rtol for bath, e in currents.items() if e > options.rtol * scales[bath]}
    failure = None
    balanced = unbalanced <= options.rtol * max(scales.values(), default=0.0)
    passes = balanced and errors.state <= options.rtol and error <= LARGEST_UNDECIDED
    passes = passes and not has_last_resort(generator, options)
    if error > options.rtol and not passes:
        failure = f"it or a heat current may be off by {error:.1e}, which double-double arithmetic leaves undecided"
    return Attempt(point, error, changes, iterations, failure, scales, undecided, final=failure is not None)


def _stalled(sizes: list[float]) -> bool:
    """Whether two steps have brought no progress; one may fail on the rounding of the step before."""
    return len(sizes) > 2 and not sizes[-1] < judge.WORST_CONTRACTION * sizes[-3]


def _draws(generator: OnSectors, stage: Stage, rounding: Real) -> list[Real]:
    """What M⁻¹ makes of random errors of this size."""
    return [inverse(generator, stage, rounding * numbers) for numbers in random_numbers(len(rounding)).T]


def has_last_resort(generator: OnSectors, options: Options) -> bool:
    """Whether what double-double cannot decide can be had in a hundred digits."""
    few = generator.sectors.unknowns <= many_digits.FEW_UNKNOWNS
    return few and not generator.decay and options.max_iterations > REFINEMENTS
