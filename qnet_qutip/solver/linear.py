"""One linear solve with L: steady states, whether they are unique, long-time states.

Find ρ with L(ρ) = σ, where the trace is to be 1 or, beside a decay s, is free. The solve goes through stages, each an
approximate inverse M⁻¹ of L that costs more than the one before and fails on less. A factorisation is refined with, by
itself; the secular equation and the sweeps precondition GMRES, whose cycles are refined. Every step evaluates the
residual and the heat currents in double-double and asks the judge what is still to come.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver import judge, many_digits
from qnet_qutip.solver.factorisation import Factorisation, bordered, eliminated, elimination, sparse
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.krylov import Krylov, gmres
from qnet_qutip.solver.secular import SINGLE_PRECISION, secular_equation
from qnet_qutip.solver.superoperator import CURRENT_ROUNDING, DENSE, SectorGenerator
from qnet_qutip.solver.sweeps import Sweeps

VECTORS = 60
"""Most Krylov vectors in a cycle."""

VECTOR_MEMORY = 0.6e9
"""Bytes that the Krylov vectors may take; large problems get fewer."""

FEWEST_VECTORS = 12
"""Krylov vectors that even the largest problem gets."""

CYCLE_REDUCTION = 1e-8
"""What a cycle reduces the estimated error by before it is evaluated anew. More would be lost to the rounding of double
precision where L is badly conditioned; less costs more evaluations in double-double."""

SINGLE_REDUCTION = 1e-5
"""The same where Krylov vectors are kept in single precision."""

ENOUGH, LEAST_REDUCTION = 0.3, 1e-2
"""A later cycle reduces the estimated error to this part of the tolerance, but by no less than this factor."""

PATIENCE = 150
"""Applications that the secular equation may be heading for; beyond that the sweeps, up to eight times as dear and
seldom in need of more than 60, are the cheaper way."""

FIRST_LOOK = 12
"""Applications before anything is said of how a cycle goes: the first few often bring little."""

SEPARATED = 0.5
"""Fraction of the coherences further apart than their widths from which the secular equation is worth a try."""

FEW_SECTORS = 4
"""Up to so many sectors there is no ladder to sweep over, and a sparse factorisation is looked at first."""

CHEAP_OPERATIONS, LAST_OPERATIONS = 1e10, 2e12
"""Multiplications up to which a sparse factorisation is made before, or after, the other stages: 5 s and 15 min."""

LARGEST_FILL = 1e8
"""Entries of the factors, 12 bytes each, beyond which no sparse factorisation is made."""

COUNTED_UNKNOWNS = 250_000
"""Unknowns beyond which the fill is not even counted."""

REFINEMENTS = 12
"""Most steps of refinement with a factorisation."""

LARGEST_UNDECIDED = 1e-3
"""Error of a current from the rounding of double-double that passes with a warning, if that of ρ is within rtol."""

ROUNDINGS = 0.5
"""Rounding of a residual in double-double, in units of eps² times the sum of the absolute values that it adds up."""

SLOWEST_RATE = 1e-13
"""Slowest rate of L, relative to the fastest, that counts as a relaxation: below that is what rounding makes of a
conserved quantity."""

AS_GOOD = 1e-12
"""Estimated error of a start that is itself a solution in double precision."""

FLOOR = 1e4 * dd.EPS**2
"""Size of an estimated error, relative to ρ, that is the rounding of double-double."""

ZERO_CURRENT = 1e-22
"""Fraction of the energy that a bath exchanges below which its current counts as zero, where there are several."""

COMMUTING = 1e-13
"""Energy that jumps carry, relative to the sum that a current is made of, that is the rounding of a commutator."""

LOST_NORM = 1e10
"""Norm over trace of ρ beyond which an iteration has left all states."""


class ConvergenceError(RuntimeError):
    """The steady state was not reached within the iteration limit."""


class MultipleSteadyStatesError(RuntimeError):
    """The generator has more than one steady state."""


@dataclass(frozen=True)
class Options:
    """What a solve is to reach and may use.

    Attributes
    ----------
    rtol : float
        Error of ρ, relative to its norm, and of every current, relative to its scale, that may be left.
    max_iterations : int
        Limit on the applications of the preconditioned generator.
    unique : bool
        Whether there is known to be one steady state at most. If not, that is looked into.
    smallest_scales : mapping of str to float
        What the error of a current is relative to where the current itself is smaller.
    report : callable or None
        Called after each cycle with the number of iterations and the estimated relative error.
    """

    rtol: float = 1e-10
    max_iterations: int = 1000
    unique: bool = True
    smallest_scales: Mapping[str, float] = field(default_factory=dict)
    report: Callable[[int, float], None] | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """An approximate inverse of L.

    Attributes
    ----------
    name : str
    inverse : callable
        M⁻¹ on flat arrays of zero trace.
    steady_state : ndarray or None
        The steady state in this approximation, of unit trace.
    vectors : int
        Most Krylov vectors in a cycle; 0 for a factorisation, which is refined with instead.
    patience : float
        Applications that a cycle may be heading for before the next stage takes over, judged from how it goes.
    """

    name: str
    inverse: Callable[[Real], Real]
    steady_state: Real | None
    vectors: int = 0
    patience: float = np.inf


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution, how it ended and what it took.

    Attributes
    ----------
    value : pair of ndarray, shape (unknowns,)
        ρ on the sectors, double-double.
    currents : dict of str to float
        Tr[H D(ρ)] of each dissipator, summed in double-double.
    residual : float
        Frobenius norm of L(ρ) - σ, in units of frequency.
    error : float
        What the judge holds possible, relative to what the tolerance is relative to.
    changes : dict of str to float
        What the last step changed each current by, relative to its scale.
    unresolved : dict of str to float
        What a current was resolved to, where that is more than the current and than the scale given for it.
    iterations : int
        Applications of the preconditioned generator, those of failed stages included.
    stages : tuple of str
        The stages that were tried; the last one succeeded.
    stage : Stage
        That one.
    """

    value: dd.DoubleDouble
    currents: dict[str, float]
    residual: float
    error: float
    changes: dict[str, float]
    unresolved: dict[str, float]
    iterations: int
    stages: tuple[str, ...]
    stage: Stage


@dataclass(frozen=True, eq=False)
class _Point:
    """A state of the iteration, with what has been evaluated of it: estimate = M⁻¹(L(ρ) - σ)."""

    value: dd.DoubleDouble
    residual: float
    currents: dict[str, float]
    estimate: Real


@dataclass(frozen=True, eq=False)
class _Attempt:
    """How far a stage came.

    `failure` says in words why not all the way; `undecided` what a current is resolved to that rounding keeps from it.
    """

    point: _Point
    error: float
    changes: dict[str, float]
    iterations: int
    failure: str | None
    undecided: Mapping[str, float] = field(default_factory=dict)


def solve(
    generator: SectorGenerator, options: Options, *, source: Real | None = None, start: Real | None = None
) -> Solution:
    """Solve L(ρ) = σ.

    Parameters
    ----------
    generator : SectorGenerator
    options : Options
    source : ndarray, shape (unknowns,), optional
        σ, of zero trace unless the generator has a decay; zero by default.
    start : ndarray, shape (unknowns,), optional
        A state to start from.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError
        Saying of each stage that was tried why it failed.
    MultipleSteadyStatesError
        If a factorisation finds L singular beyond the trace.
    """
    failures: list[str] = []
    names: list[str] = []
    iterations, best, stage, tried = 0, None, None, stages(generator)
    while iterations < options.max_iterations:
        try:
            following = next(tried, None)
        except np.linalg.LinAlgError as error:
            if not (options.unique or generator.decay):
                raise several(f"the generator is singular beyond the trace, as {error}") from None
            failures.append(str(error))
            break
        if following is None:
            break
        stage = following
        names.append(stage.name)
        first = start
        if first is None:
            first = best.point.value[0] if best is not None and stage.vectors else stage.steady_state
        if first is None:
            first = np.zeros(generator.sectors.unknowns)
        run = _cycles if stage.vectors else _refinements
        attempt = run(generator, stage, first, source, options, options.max_iterations - iterations)
        iterations += attempt.iterations
        if attempt.failure is None:
            return _solution(generator, stage, attempt, options, iterations, tuple(names))
        if not (stage.vectors or options.unique or generator.decay):
            rate = slowest_rate(generator, stage)
            if rate < SLOWEST_RATE:
                raise several(f"the slowest relaxation found is {rate:.0e} of the fastest, as of a conserved quantity")
        failures.append(f"{stage.name}: {attempt.failure}")
        if np.isfinite(attempt.error):
            best = attempt
    if stage is not None and source is None and _has_last_resort(generator, options):
        exact = many_digits.steady_state(generator)
        if exact is not None:
            return _exact(generator, stage, *exact, iterations + 1, (*names, "a hundred digits"))
        failures.append("a hundred digits are not enough either")
    raise ConvergenceError(
        f"the steady state did not converge within {iterations} iterations to {options.rtol:.0e}; "
        f"{'; '.join(failures)}; raise max_iterations or rtol, or start from a state nearby"
    )


def _has_last_resort(generator: SectorGenerator, options: Options) -> bool:
    """Whether what double-double cannot decide can be had in a hundred digits."""
    few = generator.sectors.unknowns <= many_digits.FEW_UNKNOWNS
    return few and options.unique and not generator.decay and options.max_iterations > REFINEMENTS


def _exact(
    generator: SectorGenerator,
    stage: Stage,
    value: dd.DoubleDouble,
    currents: dict[str, float],
    iterations: int,
    names: tuple[str, ...],
) -> Solution:
    residual = float(np.linalg.norm(generator.residual(value)))
    return Solution(value, currents, residual, 0.0, dict.fromkeys(currents, 0.0), {}, iterations, names, stage)


# ---------------------------------------------------------------- several steady states


def several(evidence: str) -> MultipleSteadyStatesError:
    """The error that says so."""
    return MultipleSteadyStatesError(
        f"there are several steady states, or nearly so: {evidence}; some operator commutes with the Hamiltonian and "
        "all collapse operators, or a subspace is dark; pass rho0 to select the state that a given one evolves to"
    )


def random_change(generator: SectorGenerator) -> Real:
    """A random Hermitian matrix of zero trace on the sectors."""
    change = np.random.default_rng(0).normal(size=generator.sectors.unknowns)
    diagonal = generator.sectors.diagonal
    change[diagonal] -= change[diagonal].mean()
    return change


def slowest_rate(generator: SectorGenerator, stage: Stage) -> float:
    """Slowest rate of L relative to the fastest, by two steps of inverse iteration; 0 if a step is not finite."""
    change = random_change(generator)
    growth = 1.0
    for _ in range(2):
        with np.errstate(all="ignore"):
            change = inverse(generator, stage, change / float(np.linalg.norm(change)))
        growth = float(np.linalg.norm(change))
        if not 0.0 < growth < np.inf:
            return 0.0
    return 1.0 / (growth * generator.scale)


# ---------------------------------------------------------------- the stages


def stages(generator: SectorGenerator) -> Iterator[Stage]:
    """Approximate inverses in the order in which they are likely to pay, each made when it is asked for."""
    sectors = generator.sectors
    if sectors.unknowns <= DENSE:
        yield from _dense_stages(generator)
        return
    counted = None
    if len(sectors.sizes) <= FEW_SECTORS and sectors.unknowns <= COUNTED_UNKNOWNS:
        counted = elimination(generator)
        if counted.operations <= CHEAP_OPERATIONS and counted.fill <= LARGEST_FILL:
            yield _factorised("sparse factorisation", sparse(generator, counted.order))
            return
    secular = secular_equation(generator)
    vectors = affordable_vectors(sectors.unknowns)
    steady = None if generator.decay else secular.steady_state
    if sectors.classical or secular.separation > SEPARATED:
        yield Stage("secular equation", secular.solve, steady, vectors, PATIENCE)
    if not sectors.classical:
        yield Stage("sweeps", Sweeps(generator, secular), steady, vectors)
    if sectors.unknowns <= COUNTED_UNKNOWNS:
        counted = counted or elimination(generator)
        if counted.operations <= LAST_OPERATIONS and counted.fill <= LARGEST_FILL:
            yield _factorised("sparse factorisation", sparse(generator, counted.order))


def _dense_stages(generator: SectorGenerator) -> Iterator[Stage]:
    with contextlib.suppress(np.linalg.LinAlgError):
        yield _factorised("elimination", eliminated(generator))
    yield _factorised("factorisation", bordered(generator))


def _factorised(name: str, factorisation: Factorisation) -> Stage:
    return Stage(name, factorisation.solve, factorisation.steady_state)


def affordable_vectors(unknowns: int) -> int:
    """Krylov vectors that fit."""
    return int(
        np.clip(VECTOR_MEMORY / ((4.0 if unknowns > SINGLE_PRECISION else 8.0) * unknowns), FEWEST_VECTORS, VECTORS)
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


# ---------------------------------------------------------------- one stage


def _point(generator: SectorGenerator, stage: Stage, value: dd.DoubleDouble, source: Real | None) -> _Point:
    residual, currents = generator.residual_and_currents(value)
    if source is not None:
        residual = residual - source
    return _Point(value, float(np.linalg.norm(residual)), currents, inverse(generator, stage, residual))


def _rough_point(generator: SectorGenerator, stage: Stage, value: dd.DoubleDouble, source: Real | None) -> _Point:
    """The same from an ordinary residual, which will do for a first correction; the currents are not known."""
    residual = generator(value[0])
    if source is not None:
        residual = residual - source
    unknown = dict.fromkeys(generator.generator.dissipators, np.inf)
    return _Point(value, float(np.linalg.norm(residual)), unknown, inverse(generator, stage, residual))


def inverse(generator: SectorGenerator, stage: Stage, residual: Real) -> Real:
    """M⁻¹ of a residual, of zero trace: the rest is a multiple of the steady state."""
    solution = stage.inverse(residual)
    if stage.steady_state is None:
        return solution
    return solution - float(solution[generator.sectors.diagonal].sum()) * stage.steady_state


def _corrected(generator: SectorGenerator, value: dd.DoubleDouble, correction: Real) -> dd.DoubleDouble:
    """The sum, scaled to unit trace unless there is a decay; the factor's own rounding scales every current alike."""
    total = dd.add(value, (correction, np.zeros_like(correction)))
    if generator.decay:
        return total
    diagonal = generator.sectors.diagonal
    excess = float(dd.column_sums((total[0][diagonal], total[1][diagonal]))[0]) - 1.0
    return dd.add(total, (-excess * total[0], np.zeros_like(correction))) if abs(excess) > dd.EPS else total


def _refinements(
    generator: SectorGenerator, stage: Stage, first: Real, source: Real | None, options: Options, limit: int
) -> _Attempt:
    """Refine with a factorisation: subtract what it makes of the residual, until that is rounding.

    To go on beyond the tolerance is what proves the inverse: a slow mode that it misjudges by a factor λ shows in the
    estimate as λ times its error, and shrinks by 1 - λ only. Where the estimate comes down to rounding there is none.
    """
    point = _point(generator, stage, _corrected(generator, (first, np.zeros_like(first)), np.zeros_like(first)), source)
    points, sizes = [point], [_size(point)]
    while sizes[-1] > FLOOR and len(points) < min(REFINEMENTS, limit) and not _stalled(sizes):
        point = _point(generator, stage, _corrected(generator, point.value, -point.estimate), source)
        points.append(point)
        sizes.append(_size(point))
    iterations, unknown = len(points), dict.fromkeys(point.currents, np.inf)
    rounding = _draws(generator, stage, ROUNDINGS * dd.EPS**2 * generator.gross(point.value[0]))
    if sizes[-1] > FLOOR:
        arithmetic = _draws(generator, stage, dd.EPS * generator.gross(point.estimate))
        noise = max(_size(replace(point, estimate=draw)) for draw in [*arithmetic, *rounding])
        if not sizes[-1] <= judge.SAFETY * noise:
            left = sizes[-1] / sizes[-2] if len(sizes) > 1 and sizes[-2] else np.inf
            return _Attempt(point, np.inf, unknown, iterations, f"a step of refinement leaves {left:.2g} of the error")
    # The last step is the best but for luck: a start that is exact has no rounding for the residual to see.
    best = _Attempt(point, np.inf, unknown, iterations, "")
    for before, point in reversed(list(zip([points[0], *points], points, strict=False))):
        attempt = _judged(generator, before, point, rounding, options)
        best = attempt if attempt.error < best.error or best.failure == "" else best
        if best.failure is None:
            break
    if options.report is not None:
        options.report(iterations, best.error)
    return replace(best, iterations=iterations)


def _judged(
    generator: SectorGenerator, before: _Point, point: _Point, rounding: Sequence[Real], options: Options
) -> _Attempt:
    """A point of a refinement that has come down to rounding.

    What is left is what its estimate says, and what the rounding of the residual may hide from it, the same in every
    step: 16 digits more than double precision has, times what the slowest mode makes of it.
    """
    functionals = {} if generator.decay else generator.functionals
    scales = current_scales(generator, point.value[0], point.currents, options)
    currents = {
        bath: max(judge.SAFETY * abs(current(point.estimate)), *(abs(current(draw)) for draw in rounding))
        for bath, current in functionals.items()
    }
    hidden = max(_size(replace(point, estimate=draw)) for draw in rounding)
    errors = judge.Errors(max(judge.SAFETY * _size(point), hidden), currents)
    error = judge.still_to_come(errors, scales, _imbalance(generator, point), contraction=0.0)
    changes = {bath: abs(J - before.currents[bath]) / scales[bath] for bath, J in point.currents.items()}
    undecided = {bath: e / options.rtol for bath, e in currents.items() if e > options.rtol * scales[bath]}
    failure = None
    passes = errors.state <= options.rtol and error <= LARGEST_UNDECIDED and not _has_last_resort(generator, options)
    if error > options.rtol and not passes:
        failure = f"it or a heat current may be off by {error:.1e}, which double-double arithmetic leaves undecided"
    return _Attempt(point, error, changes, 0, failure, undecided)


def _draws(generator: SectorGenerator, stage: Stage, rounding: Real) -> list[Real]:
    """What M⁻¹ makes of random errors of this size: more than one, as they may cancel in the slowest mode."""
    random = np.random.default_rng(0)
    return [inverse(generator, stage, rounding * random.normal(size=len(rounding))) for _ in range(3)]


def _stalled(sizes: list[float]) -> bool:
    """Whether two steps have brought no progress; one may fail on the rounding of the step before."""
    return len(sizes) > 2 and not sizes[-1] < judge.WORST_CONTRACTION * sizes[-3]


def _size(point: _Point) -> float:
    """Norm of the estimated error, relative to ρ."""
    norm = float(np.linalg.norm(point.value[0])) or 1.0
    return float(np.linalg.norm(point.estimate)) / norm


def _cycles(
    generator: SectorGenerator, stage: Stage, first: Real, source: Real | None, options: Options, limit: int
) -> _Attempt:
    """Cycles of GMRES on M⁻¹L, each refined in double-double."""
    value = _corrected(generator, (first, np.zeros_like(first)), np.zeros_like(first))
    start = point = _rough_point(generator, stage, value, source)
    if np.linalg.norm(point.estimate) <= AS_GOOD * np.linalg.norm(first):
        start = point = _point(generator, stage, value, source)
    iterations, error = 0, np.inf
    changes: dict[str, float] = dict.fromkeys(point.currents, np.inf)
    expected: dict[str, float] = {}
    for cycle in range(max(limit, 1)):
        # A stage that has done one cycle in time may take its time for the next, which need not do more than is left.
        reduction = float(np.clip(ENOUGH * options.rtol / error, CYCLE_REDUCTION, LEAST_REDUCTION))
        slow = _too_slow(np.inf if cycle else stage.patience, reduction)
        space = krylov(generator, stage, -point.estimate, reduction, slow)
        iterations += max(space.vectors, 1)
        before, value = point, _corrected(generator, point.value, space.solution)
        norm = float(np.linalg.norm(value[0])) or 1.0
        if not norm <= LOST_NORM and not generator.decay:
            return _Attempt(start, np.inf, changes, iterations, "it left all states")
        point = _point(generator, stage, value, source)
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
            judge.Errors(state, currents), scales, _imbalance(generator, point), contraction=contraction
        )
        if options.report is not None:
            options.report(iterations, error)
        # An error of the start that the first cycle could not see would pass for none: there are two at least, unless
        # the start was as good as the answer.
        if error <= options.rtol and (cycle or size_before <= AS_GOOD * norm):
            return _Attempt(point, error, changes, iterations, None)
        if space.gave_up or contraction > judge.WORST_CONTRACTION:
            kept = point if contraction < 1.0 else before
            why = "it was too slow" if space.gave_up else f"a cycle left {contraction:.2g} of the error"
            return _Attempt(kept, error, changes, iterations, why)
        if iterations >= limit:
            break
    return _Attempt(
        point,
        error,
        changes,
        iterations,
        f"it or a heat current may still change by {error:.1e} at a residual of {point.residual:.1e}",
    )


def krylov(
    generator: SectorGenerator,
    stage: Stage,
    right: Real,
    reduction: float,
    too_slow: Callable[[list[float]], bool] = lambda reductions: False,
) -> Krylov:
    """Solve M⁻¹L(x) = right by one cycle of GMRES."""
    return gmres(lambda vector: inverse(generator, stage, generator(vector)), right, reduction, stage.vectors, too_slow)


# ---------------------------------------------------------------- what errors are judged against


def current_scales(
    generator: SectorGenerator, flat: Real, currents: Mapping[str, float], options: Options
) -> dict[str, float]:
    """What errors of a current are relative to: the current, but no less than can be resolved or matters."""
    # The current of a single bath is Tr[H L(ρ)], zero in any steady state: there is nothing to resolve.
    zero = ZERO_CURRENT if len(currents) > 1 else 1.0
    scales = {}
    for bath, rounding in generator.current_rounding(flat).items():
        functional = generator.functionals[bath]
        exchanged = functional.exchanged(flat)
        # Jumps that commute with H carry no energy: what is left of the current is rounding.
        commute = exchanged <= COMMUTING / CURRENT_ROUNDING * rounding
        least = rounding / options.rtol if commute else zero * exchanged
        if bath not in options.smallest_scales:
            # Nothing is known of the currents: what the rounding of ρ makes of a dark state is none.
            least = max(least, FLOOR / options.rtol * functional.largest)
        scales[bath] = max(
            abs(currents[bath]), options.smallest_scales.get(bath, 0.0), least, float(np.finfo(float).tiny)
        )
    return scales


def _imbalance(generator: SectorGenerator, point: _Point) -> float:
    """|Σ J| beyond its rounding."""
    if generator.decay or not point.currents:
        return 0.0
    rounding = sum(generator.current_rounding(point.value[0]).values())
    return max(abs(sum(point.currents.values())) - rounding, 0.0)


def _solution(
    generator: SectorGenerator,
    stage: Stage,
    attempt: _Attempt,
    options: Options,
    iterations: int,
    names: tuple[str, ...],
) -> Solution:
    point = attempt.point
    scales = current_scales(generator, point.value[0], point.currents, options)
    unresolved = dict(attempt.undecided)
    for bath, rounding in generator.current_rounding(point.value[0]).items():
        smallest, resolved = options.smallest_scales.get(bath, 0.0), max(scales[bath], rounding / options.rtol)
        if smallest > 0.0 and max(smallest, abs(point.currents[bath])) < resolved:
            unresolved[bath] = resolved
    return Solution(
        point.value,
        point.currents,
        point.residual,
        attempt.error,
        attempt.changes,
        unresolved,
        iterations,
        names,
        stage,
    )
