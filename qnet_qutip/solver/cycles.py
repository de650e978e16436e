"""Cycles of GMRES with an approximate inverse, each refined in double-double."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from qnet_qutip.solver import judge
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.krylov import Krylov, gmres
from qnet_qutip.solver.point import (
    FLOOR,
    Attempt,
    Options,
    Point,
    corrected,
    current_scales,
    evaluated,
    evaluated_roughly,
    imbalance,
)
from qnet_qutip.solver.stages import SLOWEST_RATE, Stage, inverse, random_change, slowest_rate

CYCLE_REDUCTION = 1e-8
"""What a cycle reduces the estimated error by before it is evaluated anew. More would be lost to the rounding of double
precision where L is badly conditioned; less costs more evaluations in double-double."""

SINGLE_REDUCTION = 1e-5
"""The same where the secular equation is kept in single precision: the rounding of that leaves some 1e-6 of the error,
however far a cycle goes."""

LATER_SINGLE_REDUCTION = 3e-6
"""The same for later cycles there, which a little further may be the last ones: three applications instead of ten."""

ENOUGH, LEAST_REDUCTION = 0.1, 1e-2
"""A later cycle reduces the estimated error to this part of the tolerance, but by no less than this factor."""

ENOUGH_TO_GO_ON, LEAST_TO_GO_ON = 2.0, 0.3
"""The same where the next cycle can go on in the space of those before: to ask for too little then takes one evaluation
in double-double more, and no application."""

FIRST_LOOK = 12
"""Applications before anything is said of how a cycle goes: the first few often bring little."""

LEAST_ROOM = 4
"""Krylov vectors that there must be room for if a cycle is to go on in the space of those before, not in a new one."""

ROOM_TO_PROBE = 24
"""The same for a random right-hand side, which takes up to 20 and has nothing to fall back on."""

AS_GOOD = 1e-12
"""Estimated error of a start that is itself a solution in double precision."""

PROBE_REDUCTION = 1e-5
"""What is left of a random right-hand side when no mode of L is missed: a missed one leaves about 1/√unknowns."""

DOUBTFUL_LOSS = 1e-5
"""Slowest rate of M, relative to the largest loss, below which a solve has to prove itself on a random right-hand side.
Nodes that each have a bath stay above it; a node behind a weak coupling does not."""

LOST_NORM = 1e10
"""Norm over trace of ρ beyond which an iteration has left all states."""


@dataclass(frozen=True, eq=False)
class _Cycle:
    """Where a cycle has come to, and what it says of itself.

    Attributes
    ----------
    point : Point
    error : float
        What the judge holds possible.
    changes : dict of str to float
        Of each current, relative to its scale.
    scales : dict of str to float
    expected : dict of str to float
        What is to come of each current, by the estimate.
    contraction : float
        What is left of the estimate.
    vectors : int
    gave_up : bool
    """

    point: Point
    error: float
    changes: dict[str, float]
    scales: dict[str, float]
    expected: Mapping[str, float]
    contraction: float
    vectors: int
    gave_up: bool


def cycles(
    generator: OnSectors, stage: Stage, first: Real, source: Real | None, options: Options, limit: int
) -> Attempt:
    """Cycles of GMRES on M⁻¹L, each refined in double-double."""
    value = corrected(generator, (first, np.zeros(len(first))), None)
    point = evaluated_roughly(generator, stage, value, source)
    as_good = bool(np.linalg.norm(point.estimate) <= AS_GOOD * np.linalg.norm(first))
    if as_good:
        point = evaluated(generator, stage, value, source)
    earlier: Krylov | None = None
    iterations, error, expected = 0, np.inf, dict[str, float]()
    changes = dict.fromkeys(point.currents, np.inf)
    furthest = (SINGLE_REDUCTION, LATER_SINGLE_REDUCTION) if stage.single else (CYCLE_REDUCTION, CYCLE_REDUCTION)
    enough, least = (ENOUGH_TO_GO_ON, LEAST_TO_GO_ON) if stage.keeps else (ENOUGH, LEAST_REDUCTION)
    while iterations < max(limit, 1):
        # A stage that has done one cycle in time may take its time for the next, which need not do more than is left.
        once = iterations > 0
        reduction = float(np.clip(enough * options.rtol / error, furthest[once], least))
        patience = np.inf if once else stage.patience
        too_slow = _reported(_too_slow(patience, reduction), options, iterations, error)
        cycle, space = _cycle(generator, stage, point, source, options, expected, reduction, too_slow, earlier)
        # Let go of at once where it is not to be kept: the next cycle needs its memory.
        earlier = space if stage.keeps and space.rows + LEAST_ROOM <= stage.vectors else None
        del space
        iterations += max(cycle.vectors, 1)
        if not np.linalg.norm(cycle.point.value[0]) <= LOST_NORM and not generator.decay:
            return Attempt(point, np.inf, changes, iterations, "it left all states")
        before, point, error = point, cycle.point, cycle.error
        changes, expected = cycle.changes, dict(cycle.expected)
        if options.report is not None:
            options.report(iterations, error)
        # An error of the start that the first cycle could not see would pass for none: there are two at least, unless
        # the start was as good as the answer.
        if error <= options.rtol and (once or as_good):
            return Attempt(point, error, changes, iterations, None, cycle.scales, space=earlier)
        if cycle.gave_up or cycle.contraction > judge.WORST_CONTRACTION:
            kept = point if cycle.contraction < 1.0 else before
            why = "it was too slow" if cycle.gave_up else f"a cycle left {cycle.contraction:.2g} of the error"
            return Attempt(kept, error, changes, iterations, why)
    why = f"it or a heat current may still change by {error:.1e} at a residual of {point.residual:.1e}"
    return Attempt(point, error, changes, iterations, why)


def _cycle(
    generator: OnSectors,
    stage: Stage,
    before: Point,
    source: Real | None,
    options: Options,
    expected_before: Mapping[str, float],
    reduction: float,
    too_slow: Callable[[list[float]], bool],
    earlier: Krylov | None,
) -> tuple[_Cycle, Krylov]:
    """One cycle: the correction in double precision, the new state in double-double, its error; and the space."""
    space = krylov(generator, stage, -before.estimate, reduction, too_slow, earlier)
    point = evaluated(generator, stage, corrected(generator, before.value, space.solution), source)
    scales = current_scales(generator, point.value[0], point.currents, options)
    norm = float(np.linalg.norm(point.value[0])) or 1.0
    size, size_before = (float(np.linalg.norm(each.estimate)) for each in (point, before))
    contraction = size / size_before if size_before > 0.0 and size > FLOOR * norm else 0.0
    estimate = space.answer(point.estimate)
    changes, expected, currents = {}, {}, {}
    for bath, current in ({} if generator.decay else generator.functionals(estimate)).items():
        expected[bath] = abs(current)
        change = abs(point.currents[bath] - before.currents[bath])
        currents[bath] = judge.checked(expected[bath], change, expected_before.get(bath))
        changes[bath] = change / scales[bath]
    errors = judge.Errors(judge.SAFETY * float(np.linalg.norm(estimate)) / norm, currents)
    error = judge.still_to_come(errors, scales, imbalance(generator, point), contraction=contraction)
    return _Cycle(point, error, changes, scales, expected, contraction, space.vectors, space.gave_up), space


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


def _reported(
    too_slow: Callable[[list[float]], bool], options: Options, before: int, error: float
) -> Callable[[list[float]], bool]:
    """The same, with a call of `applied` after every application but the last."""
    applied = options.applied
    if applied is None:
        return too_slow

    def judged(reductions: list[float]) -> bool:
        applied(before + len(reductions), error)
        return too_slow(reductions)

    return judged


def krylov(
    generator: OnSectors,
    stage: Stage,
    right: Real,
    reduction: float,
    too_slow: Callable[[list[float]], bool] = lambda reductions: False,
    earlier: Krylov | None = None,
) -> Krylov:
    """Solve M⁻¹L(x) = right by one cycle of GMRES, which goes on from the space of those before if given."""

    def apply(vector: Real) -> Real:
        return inverse(generator, stage, generator(vector))

    vectors = stage.vectors - (0 if earlier is None else earlier.rows)
    return gmres(apply, right, reduction, vectors, too_slow, earlier=earlier, single=stage.single)


def left_of_random_change(generator: OnSectors, stage: Stage, earlier: Krylov | None = None) -> tuple[float, int]:
    """What cycles leave of L(x) = b for a random b of zero trace, and the applications that it took.

    They go on from an earlier space if that is given: what is left is evaluated anew, whatever that space says.
    A second steady state, or a mode so slow that double precision does not have it, leaves its component of b. Infinite
    if M⁻¹ itself answers with an x out of all proportion; below `PROBE_REDUCTION` where nothing is left.
    """
    if earlier is not None and earlier.rows + ROOM_TO_PROBE > stage.vectors:
        earlier = None
    right, applications = random_change(generator), 0
    estimate = inverse(generator, stage, right)
    first = size = float(np.linalg.norm(estimate))
    if not first * SLOWEST_RATE * generator.fastest_loss <= float(np.linalg.norm(right)):
        return np.inf, applications
    while size > PROBE_REDUCTION * first:
        space = krylov(generator, stage, estimate, PROBE_REDUCTION * first / size, earlier=earlier)
        applications += space.vectors
        right = right - generator(space.solution)
        estimate, before = inverse(generator, stage, right), size
        size = float(np.linalg.norm(estimate))
        if not size <= judge.WORST_CONTRACTION * before:
            break
    return size / first, applications


def has_doubtful_modes(generator: OnSectors, stage: Stage) -> bool:
    """Whether M has rates so far below the largest loss that modes of L may hide from double precision."""
    return slowest_rate(generator, stage) * generator.scale < DOUBTFUL_LOSS * generator.fastest_loss
