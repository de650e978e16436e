"""Steady states: their start, whether they are unique, and the one that a given state evolves to.

Where there are several, the resolvent s(s - L)⁻¹ leaves every steady state as it is, keeps all conserved quantities,
and damps what decays or rotates at rate g by s/(s + g). Applied with smaller and smaller s it projects onto the steady
states. Each step solves (L - s)δ = -L(ρ) for the change δ of ρ, so that the error of a step, which grows as 1/s,
shrinks with what is left to do.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qnet_qutip import checks
from qnet_qutip.solver.cycles import PROBE_REDUCTION, left_of_random_change
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Entries, Generator, Index
from qnet_qutip.solver.linear import (
    ConvergenceError,
    MultipleSteadyStatesError,
    Solution,
    require_relaxation,
    several,
    solve,
)
from qnet_qutip.solver.point import Options, current_scales
from qnet_qutip.solver.refinement import LARGEST_UNDECIDED
from qnet_qutip.solver.sectors import norm
from qnet_qutip.solver.stages import affordable_vectors, pivoted
from qnet_qutip.solver.superoperator import DENSE, REMEMBERED, SectorGenerator, on_sectors

ENTRY_ROUNDING, UNSEEN = 4e-16, 0.1
"""Rounding of a sum of energies, and the part of √rtol of the baths' rates up to which its square is not looked at."""

FEW_CLASSES = 32
"""Sectors up to which what can be reached from where is found with bits, faster than by a graph."""

WORKING_ARRAYS = 14
"""Arrays of the size of ρ that preconditioners, residuals and currents take."""

SLOWNESSES = tuple(10.0**-exponent for exponent in range(1, 7))
"""Values of s as fractions of the largest loss; what decays slower than the last one takes many steps."""

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
    return on, steady_state_on(on, options, start)


def steady_state_on(on: OnSectors, options: Options, start: Entries | None = None) -> Solution:
    """The same of a generator on its sectors."""
    if not options.unique:
        require_one_closed_class(on)
    require_memory(on)
    solution = solve(on, options, start=None if start is None else on.sectors.pack(start))
    if not options.unique:
        solution = replace(solution, iterations=solution.iterations + _require_unique(on, solution))
    rounding = _energy_rounding(on, solution, options)
    return replace(solution, energy_rounding=rounding) if rounding else solution


def _energy_rounding(on: OnSectors, solution: Solution, options: Options) -> float:
    """What energies rounded in another way change ρ or a heat current by, relative as the tolerance is.

    Levels that coincide, as those of free fermions do, come apart by the rounding of H. Where that is no longer small
    beside the baths' rates, coherences between them are lost, which count. A detuning counts with its square.

    Raises
    ------
    ConvergenceError
        If it is more than what passes with a warning.
    """
    size, fastest = on.largest_energy, on.fastest_loss
    if not ENTRY_ROUNDING * size > UNSEEN * math.sqrt(options.rtol) * fastest > 0.0:
        return 0.0
    h = on.generator.hamiltonian
    # Equal entries are rounded alike.
    distinct, which = np.unique(np.abs(h.values), return_inverse=True)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, size=len(distinct))[which]
    rounded = replace(h, values=h.values * (1.0 + ENTRY_ROUNDING * noise))
    energy = rounded if on.generator.energy is h else on.generator.energy
    other = solve(
        SectorGenerator(replace(on.generator, hamiltonian=rounded, energy=energy), on.sectors),
        replace(options, report=None, applied=None),
    )
    changes = [abs(other.currents[bath] - solution.currents[bath]) / scale for bath, scale in solution.scales.items()]
    change = max(norm(other.value[0] - solution.value[0]) / norm(solution.value[0]), *changes, 0.0)
    if change > LARGEST_UNDECIDED:
        raise ConvergenceError(
            f"the steady state is not known: the baths' rates, up to {fastest:.1e}, are so small that the rounding of "
            f"energies of {size:.1e} changes it or a heat current by {change:.1e}"
        )
    return change if change > options.rtol else 0.0


def require_memory(generator: OnSectors) -> None:
    """Raise if a solve would not fit in memory; what is small enough to keep all weights does."""
    unknowns = generator.sectors.unknowns
    if unknowns <= REMEMBERED:
        return
    vectors = affordable_vectors(unknowns)
    baths = len(generator.baths)
    checks.fits_in_memory(
        f"a steady state with {unknowns} unknowns in blocks of up to {generator.sectors.sizes.max()} states",
        8.0 * unknowns * (vectors + WORKING_ARRAYS + 3 * baths),
        "cut the space at fewer levels or excitations",
    )


def require_one_closed_class(generator: OnSectors) -> None:
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
    source, target = generator.transfers()
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


def _one_is_reached_from_all(count: int, source: Index, target: Index) -> bool:
    """Whether some member is reached from every other, which is when there is one closed class."""
    # Bit k of reached[j] says that k is reached from j (Warshall, J. ACM 9, 11 (1962)).
    reached = [1 << member for member in range(count)]
    for first, last in set(zip(source.tolist(), target.tolist(), strict=True)):
        reached[first] |= 1 << last
    for middle in range(count):
        through = reached[middle]
        reached = [members | through if members >> middle & 1 else members for members in reached]
    return functools.reduce(operator.and_, reached) != 0


def _closed_classes(count: int, source: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """The classes of members that lead to each other and to no other."""
    graph = sp.coo_array((np.ones(len(source)), (source, target)), shape=(count, count))
    class_count, classes = connected_components(graph, directed=True, connection="strong")
    closed = np.ones(class_count, dtype=bool)
    closed[classes[source[classes[source] != classes[target]]]] = False
    return [np.flatnonzero(classes == number) for number in np.flatnonzero(closed)]


def _require_unique(generator: OnSectors, solution: Solution) -> int:
    """Raise if there is a second steady state; the applications that it took to tell.

    L(x) = b is solved for a random b of zero trace. A second steady state has a conserved quantity of its own, and b
    a component along it that L cannot reach: a factorisation answers with an x out of all proportion, and GMRES does
    not come to an end.
    """
    stage, dimension = solution.stage, len(generator.sectors.order)
    if stage is None or not stage.vectors:
        # Coherences between the sectors may be conserved too, which only the whole space shows; and the elimination
        # without subtractions makes small rates of what is rounding, where pivoting does not.
        if dimension**2 <= DENSE and len(generator.sectors.sizes) > 1:
            generator = generator.on_the_whole
        if generator.sectors.unknowns <= DENSE:
            try:
                stage = pivoted(generator)
            except np.linalg.LinAlgError:
                stage = None
        require_relaxation(generator, stage)
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
    # What rotates is averaged over by any s that damps what relaxes.
    scale = on.generator.fastest_loss or float(np.abs(on.generator.hamiltonian.values).max(initial=0.0)) or 1.0
    rho = on.sectors.pack(rho0)
    iterations, left, change, solution = 0, np.inf, np.inf, None
    slownesses = list(SLOWNESSES)
    step_options = replace(options, report=None, applied=None)
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
        change = norm(solution.value[0]) / norm(rho)
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
        scales=current_scales(on, rho, currents, options),
        residual=norm(residual),
        changes={},
        unresolved={},
        iterations=iterations,
    )
