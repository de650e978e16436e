"""Cycles of GMRES with an approximate inverse, each refined in double-double."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qnet_qutip.solver import judge
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.krylov import Krylov, gmres
from qnet_qutip.solver.point import (
    FLOOR,
    Attempt,
    Options,
    corrected,
    current_scales,
    evaluated,
    evaluated_roughly,
    imbalance,
)
from qnet_qutip.solver.stages import Stage, inverse
from qnet_qutip.solver.superoperator import SectorGenerator

CYCLE_REDUCTION = 1e-8
"""What a cycle reduces the estimated error by before it is evaluated anew. More would be lost to the rounding of double
precision where L is badly conditioned; less costs more evaluations in double-double."""

SINGLE_REDUCTION = 1e-5
"""The same where Krylov vectors are kept in single precision."""

ENOUGH, LEAST_REDUCTION = 0.3, 1e-2
"""A later cycle reduces the estimated error to this part of the tolerance, but by no less than this factor."""

FIRST_LOOK = 12
"""Applications before anything is said of how a cycle goes: the first few often bring little."""

AS_GOOD = 1e-12
"""Estimated error of a start that is itself a solution in double precision."""

LOST_NORM = 1e10
"""Norm over trace of ρ beyond which an iteration has left all states."""


def cycles(
    generator: SectorGenerator, stage: Stage, first: Real, source: Real | None, options: Options, limit: int
) -> Attempt:
    """Cycles of GMRES on M⁻¹L, each refined in double-double."""
    value = corrected(generator, (first, np.zeros_like(first)), np.zeros_like(first))
    start = point = evaluated_roughly(generator, stage, value, source)
    if np.linalg.norm(point.estimate) <= AS_GOOD * np.linalg.norm(first):
        start = point = evaluated(generator, stage, value, source)
    iterations, error = 0, np.inf
    changes: dict[str, float] = dict.fromkeys(point.currents, np.inf)
    expected: dict[str, float] = {}
    for cycle in range(max(limit, 1)):
        # A stage that has done one cycle in time may take its time for the next, which need not do more than is left.
        reduction = float(np.clip(ENOUGH * options.rtol / error, CYCLE_REDUCTION, LEAST_REDUCTION))
        slow = _too_slow(np.inf if cycle else stage.patience, reduction)
        space = krylov(generator, stage, -point.estimate, reduction, slow)
        iterations += max(space.vectors, 1)
        before, value = point, corrected(generator, point.value, space.solution)
        norm = float(np.linalg.norm(value[0])) or 1.0
        if not norm <= LOST_NORM and not generator.decay:
            return Attempt(start, np.inf, changes, iterations, "it left all states")
        point = evaluated(generator, stage, value, source)
        scales = current_scales(generator, value[0], point.currents, options)
        size, size_before = (float(np.linalg.norm(each.estimate)) for each in (point, before))
        contraction = size / size_before if size_before > 0.0 else 0.0
        if size <= FLOOR * norm:
            contraction = 0.0
        changes = {bath: abs(J - before.currents[bath]) / scales[bath] for bath, J in point.currents.items()}
        estimate = space.answer(point.estimate)
        expected_before, expected = expected, {}
        currents = {}
        for bath, current in ({} if generator.decay else generator.functionals).items():
            expected[bath] = abs(current(estimate))
            change = abs(point.currents[bath] - before.currents[bath])
            currents[bath] = judge.checked(expected[bath], change, expected_before.get(bath))
        state = judge.SAFETY * float(np.linalg.norm(estimate)) / norm
        error = judge.still_to_come(
            judge.Errors(state, currents), scales, imbalance(generator, point), contraction=contraction
        )
        if options.report is not None:
            options.report(iterations, error)
        # An error of the start that the first cycle could not see would pass for none: there are two at least, unless
        # the start was as good as the answer.
        if error <= options.rtol and (cycle or size_before <= AS_GOOD * norm):
            return Attempt(point, error, changes, iterations, None)
        if space.gave_up or contraction > judge.WORST_CONTRACTION:
            kept = point if contraction < 1.0 else before
            why = "it was too slow" if space.gave_up else f"a cycle left {contraction:.2g} of the error"
            return Attempt(kept, error, changes, iterations, why)
        if iterations >= limit:
            break
    return Attempt(
        point,
        error,
        changes,
        iterations,
        f"it or a heat current may still change by {error:.1e} at a residual of {point.residual:.1e}",
    )


def _too_slow(patience: float, reduction: float) -> Callable[[list[float]], bool]:
    """Whether a cycle is heading for more applications than it may take, by how the second half of it went."""

    def judged(reductions: list[float]) -> bool:
        count = len(reductions)
        if count < FIRST_LOOK:
            return False
        half = count // 2
        rate = np.log(max(reductions[-1], 1e-300) / reductions[half - 1]) / (count - half)
        return bool(rate >= 0.0 or count + np.log(reduction / reductions[-1]) / rate > patience)

    return judged


def krylov(
    generator: SectorGenerator,
    stage: Stage,
    right: Real,
    reduction: float,
    too_slow: Callable[[list[float]], bool] = lambda reductions: False,
) -> Krylov:
    """Solve M⁻¹L(x) = right by one cycle of GMRES."""
    return gmres(lambda vector: inverse(generator, stage, generator(vector)), right, reduction, stage.vectors, too_slow)
