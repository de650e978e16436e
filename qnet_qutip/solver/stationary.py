"""Steady states: their start, whether they are unique, and the one that a given state evolves to.

Where there are several, the resolvent s(s - L)⁻¹ leaves every steady state as it is, keeps all conserved quantities,
and damps what decays or rotates at rate g by s/(s + g). Applied with smaller and smaller s it projects onto the steady
states. Each step solves (L - s)δ = -L(ρ) for the change δ of ρ, so that the error of a step, which grows as 1/s,
shrinks with what is left to do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qnet_qutip import checks
from qnet_qutip.solver.cycles import PROBE_REDUCTION, left_of_random_change
from qnet_qutip.solver.generator import Entries, Generator
from qnet_qutip.solver.linear import (
    ConvergenceError,
    MultipleSteadyStatesError,
    Solution,
    require_relaxation,
    several,
    solve,
)
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.sectors import whole
from qnet_qutip.solver.stages import affordable_vectors, pivoted, slowest_rate
from qnet_qutip.solver.superoperator import DENSE, REMEMBERED, SectorGenerator, on_sectors

FEW_CLASSES = 128
"""Sectors up to which what can be reached from where is found by squaring a dense matrix, faster than by a graph."""

WORKING_ARRAYS = 14
"""Arrays of the size of ρ that preconditioners, residuals and currents take."""

SLOWNESSES = tuple(10.0**-exponent for exponent in range(1, 7))
"""Values of s as fractions of the largest rate; what decays slower than the last one takes many steps."""

PROJECTION_TOLERANCE, PROJECTION_ROUNDING = 1e-9, 1e-14
"""Relative change of ρ still to come at which the projection is complete, and that of a step that is rounding."""

LARGEST_RATIO = 0.999
"""What is assumed of steps that do not get smaller."""


def steady_state(
    generator: Generator, options: Options, start: Entries | None = None
) -> tuple[SectorGenerator, Solution]:
    """Find the steady state of a generator.

    Parameters
    ----------
    generator : Generator
    options : Options
    start : Entries, optional
        A state to start from; by default the steady state of the first approximation.

    Returns
    -------
    SectorGenerator, Solution

    Raises
    ------
    ConvergenceError, MultipleSteadyStatesError, MemoryError
    """
    on = on_sectors(generator)
    require_one_closed_class(on)
    require_memory(on)
    solution = solve(on, options, start=None if start is None else on.sectors.pack(start))
    if not options.unique:
        solution = replace(solution, iterations=solution.iterations + _require_unique(on, solution))
    return on, solution


def require_memory(generator: SectorGenerator) -> None:
    """Raise if a solve would not fit in memory; what is small enough to keep all weights does."""
    unknowns = generator.sectors.unknowns
    if unknowns <= REMEMBERED:
        return
    vectors = affordable_vectors(unknowns)
    baths = len(generator.generator.dissipators)
    checks.fits_in_memory(
        f"a steady state with {unknowns} unknowns in blocks of up to {generator.sectors.sizes.max()} states",
        8.0 * unknowns * (vectors + WORKING_ARRAYS + 3 * baths),
        "cut the space at fewer levels or excitations",
    )


def require_one_closed_class(generator: SectorGenerator) -> None:
    """Raise if the jumps leave more than one class of sectors that probability cannot leave.

    Raises
    ------
    MultipleSteadyStatesError
        Naming the classes: the population of each is conserved, or has its own steady state.
    """
    sectors = generator.sectors
    of_state, count = sectors.of_state, len(sectors.sizes)
    if count == 1:
        return
    jumps = [left for left, _ in generator.generator.jumps]
    empty = np.empty(0, dtype=np.int64)
    source = of_state[np.concatenate([empty, *(jump.columns for jump in jumps)])]
    target = of_state[np.concatenate([empty, *(jump.rows for jump in jumps)])]
    if count <= FEW_CLASSES and _one_is_reached_from_all(count, source, target):
        return
    closed = _closed_classes(count, source, target)
    if len(closed) == 1:
        return
    members = [np.sort(sectors.order[np.isin(of_state, states)]) for states in closed]
    listed = "; ".join(
        ", ".join(str(state) for state in states[:6]) + (", ..." if len(states) > 6 else "") for states in members[:6]
    )
    raise MultipleSteadyStatesError(
        f"there are {len(members)} steady states: no collapse operator joins the closed blocks of basis states "
        f"{{{listed}{'; ...' if len(members) > 6 else ''}}}, so that the population of each block is conserved; couple "
        "every part to a bath, or pass rho0 to select the state that a given one evolves to"
    )


def _one_is_reached_from_all(count: int, source: np.ndarray, target: np.ndarray) -> bool:
    """Whether some member is reached from every other, which is when there is one closed class."""
    reached = np.eye(count)
    reached[target, source] = 1.0
    for _ in range((count - 1).bit_length()):
        reached = np.minimum(reached @ reached, 1.0)
    return bool(reached.all(axis=1).any())


def _closed_classes(count: int, source: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """The classes of members that lead to each other and to no other."""
    graph = sp.coo_array((np.ones(len(source)), (source, target)), shape=(count, count))
    class_count, classes = connected_components(graph, directed=True, connection="strong")
    closed = np.ones(class_count, dtype=bool)
    closed[classes[source[classes[source] != classes[target]]]] = False
    return [np.flatnonzero(classes == number) for number in np.flatnonzero(closed)]


def _require_unique(generator: SectorGenerator, solution: Solution) -> int:
    """Raise if there is a second steady state; the applications that it took to tell.

    L(x) = b is solved for a random b of zero trace. A second steady state has a conserved quantity of its own, and b
    a component along it that L cannot reach: a factorisation answers with an x out of all proportion, and GMRES does
    not come to an end.
    """
    stage, dimension = solution.stage, generator.generator.dimension
    if not stage.vectors:
        # Coherences between the sectors may be conserved too, which only the whole space shows; and the elimination
        # without subtractions makes small rates of what is rounding, where pivoting does not.
        if dimension**2 <= DENSE and len(generator.sectors.sizes) > 1:
            generator = SectorGenerator(generator.generator.permuted(generator.sectors.rank), whole(dimension))
        try:
            rate = slowest_rate(generator, pivoted(generator) if generator.sectors.unknowns <= DENSE else stage)
        except np.linalg.LinAlgError as error:
            raise several(f"the generator is singular beyond the trace, as {error}") from None
        require_relaxation(rate)
        return 2
    left, applications = left_of_random_change(generator, stage)
    if not np.isfinite(left):
        raise several("the approximate inverse answers to a random change out of all proportion")
    if left > PROBE_REDUCTION:
        raise ConvergenceError(
            f"whether the steady state is unique could not be told within {applications} iterations: {left:.0e} of a "
            "random change is left, as if there were another; pass rho0 to select a state"
        )
    return applications


def long_time_state(generator: Generator, rho0: Entries, options: Options) -> tuple[SectorGenerator, Solution]:
    """Long-time average of the evolution of a state.

    Parameters
    ----------
    generator : Generator
    rho0 : Entries
        The initial state, of unit trace.
    options : Options

    Returns
    -------
    SectorGenerator, Solution

    Raises
    ------
    ConvergenceError
        If the iteration limit is reached first.
    """
    on = on_sectors(generator, rho0)
    require_memory(on)
    effective = on.generator.effective
    scale = float(np.abs(effective.values).max(initial=0.0)) or 1.0
    rho = on.sectors.pack(rho0)
    iterations, left, change, solution = 0, np.inf, np.inf, None
    slownesses = list(SLOWNESSES)
    step_options = replace(options, report=None)
    while left > PROJECTION_TOLERANCE:
        if iterations >= options.max_iterations:
            raise ConvergenceError(
                f"the long-time state was not reached within {iterations} iterations: the last step still changed it "
                f"by {change:.1e}; raise max_iterations"
            )
        slowness = slownesses.pop(0) if len(slownesses) > 1 else slownesses[0]
        damped = replace(on, decay=slowness * scale)
        residual = on.residual((rho, np.zeros_like(rho)))
        solution = solve(damped, step_options, source=-residual)
        rho = rho + solution.value[0]
        iterations += solution.iterations
        change_before = change
        change = float(np.linalg.norm(solution.value[0]) / np.linalg.norm(rho))
        if len(slownesses) == 1 and np.isfinite(change_before):
            # The steps with the same s shrink by s/(s + g): so do those to come.
            ratio = min(change / change_before, LARGEST_RATIO) if change_before else 0.0
            left = change if change <= PROJECTION_ROUNDING else change * ratio / (1.0 - ratio)
    rho = rho / rho[on.sectors.diagonal].sum()
    value = (rho, np.zeros_like(rho))
    residual, currents = on.residual_and_currents(value)
    assert solution is not None
    return on, replace(
        solution,
        value=value,
        currents=currents,
        residual=float(np.linalg.norm(residual)),
        changes={},
        unresolved={},
        iterations=iterations,
    )
