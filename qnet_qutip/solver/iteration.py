"""The steady state of a generator: GMRES on the preconditioned equation, refined in doubled precision.

Each cycle evaluates L(ρ) and the heat currents of the present ρ in doubled precision, solves for a correction in
ordinary precision, and adds it. It ends when the next correction can no longer change a heat current by more than the
tolerance, judged from how much the last ones did. The cheaper preconditioner, the secular equation alone, goes first;
where a cycle with it is slow the better one takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qnet_qutip import checks
from qnet_qutip.solver.blocks import BlockGenerator, block_generator
from qnet_qutip.solver.doubled import DoubledGenerator, Pair, two_sum
from qnet_qutip.solver.generator import Generator
from qnet_qutip.solver.preconditioner import Preconditioner, Sweeps
from qnet_qutip.solver.sectors import Real, Sectors, find_sectors, real_form
from qnet_qutip.solver.secular import SecularEquation, secular_equation

VECTORS = 60
"""Most Krylov vectors in a cycle."""

VECTOR_MEMORY = 3e9
"""Bytes that the Krylov vectors may take; large problems get fewer."""

WORKING_ARRAYS, JUMP_ARRAYS = 40, 4
"""Arrays of the size of ρ that preconditioners, residuals and currents take, and that each jump does at most."""

CYCLE_REDUCTION = 1e-6
"""What a cycle reduces the preconditioned residual by, before it is evaluated anew in doubled precision."""

SECULAR_VECTORS, SECULAR_REDUCTION = 40, 1e-3
"""A cycle of so many vectors with the secular equation alone must reduce by this; if not, sweeps join it."""

WORST_CONTRACTION = 0.5
"""A cycle that reduces the preconditioned residual by less than this is stuck, and its small changes mean nothing."""

ROUNDING_FLOOR = 1e4 * np.finfo(float).eps ** 2
"""Size of the preconditioned residual, relative to ρ, that is the rounding of doubled precision."""

ZERO_CURRENT = 1e-18
"""Fraction of the gross flow from a bath below which its current counts as zero, where there are several baths."""

SAME_STATE = 1e-3
"""Relative distance above which two steady states found from different starts are different."""

LOST_NORM = 1e3
"""Norm over trace of ρ beyond which an iteration has left all states."""


class ConvergenceError(RuntimeError):
    """The steady state was not reached within the iteration limit."""


class MultipleSteadyStatesError(RuntimeError):
    """The generator has more than one steady state."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A steady state and how it was reached.

    Attributes
    ----------
    rho : csr_array, shape (dimension, dimension)
        Of unit trace, in the original basis.
    heat_currents : dict of str to float
        Tr[H D(ρ)] of each dissipator in doubled precision.
    residual : float
        Frobenius norm of L(ρ), in units of frequency.
    iterations : int
        Applications of the preconditioned generator.
    current_changes : dict of str to float
        What the last correction changed each current by, relative to the current.
    sectors : Sectors
    """

    rho: sp.csr_array
    heat_currents: dict[str, float]
    residual: float
    iterations: int
    current_changes: dict[str, float]
    sectors: Sectors


@dataclass(frozen=True, eq=False)
class _Stage:
    """A preconditioner, and the most Krylov vectors in a cycle with it."""

    precondition: Preconditioner
    vectors: int


class _Problem:
    """A generator with its sectors, blocks and preconditioners."""

    def __init__(self, generator: Generator, sectors: Sectors) -> None:
        # A small system needs no more vectors than it has unknowns.
        self._vectors = min(_affordable_vectors(generator, sectors), sectors.unknowns)
        self._ordered = generator.permuted(sectors.order)
        self.sectors = sectors
        self.secular: SecularEquation = secular_equation(self._ordered, sectors)
        self._blocks: BlockGenerator | None = None if sectors.classical else block_generator(self._ordered, sectors)
        self._secular_only = Preconditioner(self.secular, self.apply)
        self.doubled = DoubledGenerator(self._ordered, sectors)
        self.diagonal = sectors.diagonal_places()
        self._losses = {
            bath: 2.0 * part.loss.diagonal().real * np.abs(self._ordered.hamiltonian.diagonal())
            for bath, part in self._ordered.dissipators.items()
        }

    def apply(self, flat: Real) -> Real:
        """L(ρ) in ordinary precision."""
        if self._blocks is None:
            change: Real = self.secular.rates @ flat
            return change
        return self._blocks(flat)

    def gross_flows(self, flat: Real) -> dict[str, float]:
        """Σ p_k (loss rate)(energy): the flow that a bath would carry if nothing came back."""
        populations = np.abs(flat[self.diagonal])
        return {bath: float(np.abs(loss) @ populations) for bath, loss in self._losses.items()}

    def correction(self, stage: _Stage, preconditioned: Real, reduction: float) -> tuple[Real, int]:
        """Approximate solution x of M⁻¹L(x) = -M⁻¹r by one cycle of GMRES, and its number of iterations."""
        count = 0

        def matvec(vector: Real) -> Real:
            nonlocal count
            count += 1
            return stage.precondition(self.apply(np.ascontiguousarray(vector).ravel()))

        norm = float(np.linalg.norm(preconditioned))
        if norm == 0.0:
            return np.zeros_like(preconditioned), 0
        size = len(preconditioned)
        operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=matvec, dtype=float)
        solution, _ = scipy.sparse.linalg.gmres(
            operator, -preconditioned / norm, rtol=reduction, atol=0.0, restart=stage.vectors, maxiter=1
        )
        return norm * solution, count

    def first_stage(self) -> _Stage:
        """The secular equation alone."""
        return _Stage(self._secular_only, min(self._vectors, SECULAR_VECTORS))

    def next_stage(self, stage: _Stage) -> _Stage:
        """What to go on with after a stage got stuck."""
        if self._blocks is None or stage.precondition is not self._secular_only:
            return stage
        sweeps = Sweeps(self.secular, self._ordered, self._blocks)
        return _Stage(Preconditioner(self.secular, self.apply, sweeps), self._vectors)


def solve(
    generator: Generator,
    *,
    rtol: float,
    max_iterations: int,
    start: sp.csr_array | None,
    unique: bool,
    smallest_scales: Mapping[str, float] | None = None,
    report: Callable[[int, float], None] | None = None,
) -> Solution:
    """Find the steady state of a generator.

    Parameters
    ----------
    generator : Generator
    rtol : float
        Relative change of every heat current, and of ρ, that may be left.
    max_iterations : int
        Limit on the applications of the preconditioned generator.
    start : csr_array or None
        A state to start from; by default the secular steady state.
    unique : bool
        Whether the steady state is known to be unique if the sectors allow it. If not, a second start is tried.
    smallest_scales : mapping of str to float, optional
        What the changes of a current are relative to where the current itself is smaller.
    report : callable, optional
        Called after each cycle with the number of iterations and the estimated relative error.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError, MultipleSteadyStatesError, MemoryError
    """
    sectors = find_sectors(generator)
    require_one_closed_class(generator, sectors)
    problem = _Problem(generator, sectors)
    first = problem.secular.diagonal_state(problem.secular.steady_populations())
    if start is not None:
        first = sectors.pack(start)
    solution = _refine(problem, first, rtol, max_iterations, smallest_scales or {}, report)
    if not unique:
        _require_same_from_elsewhere(problem, solution, max_iterations)
    return solution


def _affordable_vectors(generator: Generator, sectors: Sectors) -> int:
    vectors = int(np.clip(VECTOR_MEMORY / (8.0 * sectors.unknowns), 12, VECTORS))
    jumps = sum(len(part.jumps) for part in generator.dissipators.values())
    checks.fits_in_memory(
        f"a steady state with {sectors.unknowns} unknowns in blocks of up to {sectors.sizes.max()} states",
        8.0 * sectors.unknowns * (vectors + WORKING_ARRAYS + JUMP_ARRAYS * jumps),
        "cut the space at fewer levels or excitations",
    )
    return vectors


def _refine(
    problem: _Problem,
    first: Real,
    rtol: float,
    max_iterations: int,
    smallest_scales: Mapping[str, float],
    report: Callable[[int, float], None] | None,
) -> Solution:
    """Cycles of residual and currents in doubled precision, correction, and judgement."""
    rho: Pair = (first / first[problem.diagonal].sum(), np.zeros_like(first))
    # The first correction need not be exact: the next one mends what ordinary precision makes of this residual.
    residual, currents = problem.apply(rho[0]), dict[str, float]()
    stage = problem.first_stage()
    preconditioned = stage.precondition(residual)
    cycles, iterations, error = 0, 0, np.inf
    while error > rtol:
        if iterations >= max_iterations or not np.all(np.isfinite(preconditioned)):
            raise ConvergenceError(
                f"the steady state did not converge within {iterations} iterations: it or a heat current may still "
                f"change by {error:.1e} (tolerance {rtol:.0e}), and the residual is {np.linalg.norm(residual):.1e}; "
                "raise max_iterations or rtol, or start from a state nearby"
            )
        correction, count = problem.correction(stage, preconditioned, CYCLE_REDUCTION)
        cycles, iterations = cycles + 1, iterations + count
        rho = _normalised(_add(rho, correction), problem.diagonal)
        before, size_before = currents, float(np.linalg.norm(preconditioned))
        residual, currents = problem.doubled.residual_and_currents(rho)
        preconditioned = stage.precondition(residual)
        gross = problem.gross_flows(rho[0])
        # The current of a single bath is Tr[H L(ρ)], zero in any steady state: there is nothing to resolve.
        zero = ZERO_CURRENT if len(gross) > 1 else 1.0
        scales = {
            bath: max(abs(current), smallest_scales.get(bath, 0.0), zero * gross[bath], float(np.finfo(float).tiny))
            for bath, current in currents.items()
        }
        changes = {bath: abs(current - before.get(bath, 0.0)) / scales[bath] for bath, current in currents.items()}
        change = max(float(np.linalg.norm(correction) / np.linalg.norm(rho[0])), *changes.values(), 0.0)
        # What is still to come is what this cycle changed, less by the factor that it reduced the residual by. The
        # first cycle removes the error of the start and says nothing of how well its own correction is known.
        size = float(np.linalg.norm(preconditioned))
        ratio = size / size_before if size_before > 0.0 else 0.0
        error = change * ratio / (1.0 - ratio) if cycles > 1 and ratio <= WORST_CONTRACTION else np.inf
        if size <= ROUNDING_FLOOR * float(np.linalg.norm(rho[0])):
            error = 0.0
        if scales:
            # In any steady state Σ J = Tr[H L(ρ)] = 0, whatever the baths: an error that the residual hides shows here.
            error = max(error, abs(sum(currents.values())) / max(scales.values()))
        if report is not None:
            report(iterations, error)
        slow, stuck = count >= stage.vectors and ratio > SECULAR_REDUCTION, cycles > 1 and ratio > WORST_CONTRACTION
        if slow or stuck:
            stage = problem.next_stage(stage)
            preconditioned = stage.precondition(residual)
    return Solution(
        rho=problem.sectors.unpack(rho[0]),
        heat_currents=currents,
        residual=float(np.linalg.norm(residual)),
        iterations=iterations,
        current_changes=changes,
        sectors=problem.sectors,
    )


def _add(rho: Pair, correction: Real) -> Pair:
    high, rest = two_sum(rho[0], correction)
    return two_sum(high, rho[1] + rest)


def _normalised(rho: Pair, diagonal: NDArray[np.int64]) -> Pair:
    """Scale to unit trace; the factor's own rounding scales every current alike."""
    trace = float(rho[0][diagonal].sum() + rho[1][diagonal].sum())
    excess = trace - 1.0
    return _add(rho, -excess * rho[0]) if abs(excess) > np.finfo(float).eps else rho


def require_one_closed_class(generator: Generator, sectors: Sectors) -> None:
    """Raise if the jumps leave more than one class of sectors that probability cannot leave.

    Raises
    ------
    MultipleSteadyStatesError
        Naming the classes: the population of each is conserved, or has its own steady state.
    """
    label = np.empty(len(sectors.order), dtype=int)
    label[sectors.order] = sectors.state_sector()
    sources, targets = [np.empty(0, dtype=int)], [np.empty(0, dtype=int)]
    for part in generator.dissipators.values():
        for left, _ in part.jumps:
            rows, columns = left.tocoo().coords
            sources.append(label[columns])
            targets.append(label[rows])
    source, target = np.concatenate(sources), np.concatenate(targets)
    count = len(sectors.sizes)
    graph = sp.coo_array((np.ones(len(source)), (source, target)), shape=(count, count))
    class_count, classes = connected_components(graph, directed=True, connection="strong")
    closed = np.ones(class_count, dtype=bool)
    closed[classes[source[classes[source] != classes[target]]]] = False
    if closed.sum() == 1:
        return
    members = [np.flatnonzero(classes[label] == number) for number in np.flatnonzero(closed)]
    listed = "; ".join(
        ", ".join(str(state) for state in states[:6]) + (", ..." if len(states) > 6 else "") for states in members[:6]
    )
    raise MultipleSteadyStatesError(
        f"there are {len(members)} steady states: no collapse operator joins the closed blocks of basis states "
        f"{{{listed}{'; ...' if len(members) > 6 else ''}}}, so that the population of each block is conserved; couple "
        "every part to a bath, or pass rho0 to select the state that a given one evolves to"
    )


def _require_same_from_elsewhere(problem: _Problem, solution: Solution, max_iterations: int) -> None:
    """Raise if another start leads to another steady state."""
    generator = np.random.default_rng(0)
    populations = generator.exponential(size=len(problem.sectors.order))
    flat = problem.secular.diagonal_state(populations / populations.sum())
    if not problem.sectors.classical:
        # A random mixture of random coherences, so that no symmetry of the eigenbasis hides a second state.
        for block in problem.sectors.blocks(flat):
            vector = generator.normal(size=len(block)) + 1j * generator.normal(size=len(block))
            block += real_form(np.outer(vector, vector.conj())) / len(problem.sectors.order)
    first = problem.sectors.pack(solution.rho)
    flat = flat / flat[problem.diagonal].sum()
    iterations, stage = 0, problem.first_stage()
    preconditioned = stage.precondition(problem.apply(flat))
    while True:
        correction, count = problem.correction(stage, preconditioned, 1e-2 * SAME_STATE)
        iterations += count
        flat = flat + correction
        trace = float(flat[problem.diagonal].sum())
        # A state has a norm of at most its trace: many times that is a null vector of a singular equation.
        lost = not np.linalg.norm(flat) <= LOST_NORM * abs(trace)
        flat = flat if lost else flat / trace
        if not lost and np.linalg.norm(correction) <= SAME_STATE * np.linalg.norm(flat):
            break
        if lost or iterations >= max_iterations:
            raise ConvergenceError(
                f"whether the steady state is unique could not be told within {iterations} iterations from a second "
                "start; raise max_iterations, or pass rho0 to select a state"
            )
        size_before = float(np.linalg.norm(preconditioned))
        preconditioned = stage.precondition(problem.apply(flat))
        if count >= stage.vectors and np.linalg.norm(preconditioned) > SECULAR_REDUCTION * size_before:
            stage = problem.next_stage(stage)
            preconditioned = stage.precondition(problem.apply(flat))
    difference = flat - first
    if np.linalg.norm(difference) > 10 * SAME_STATE * np.linalg.norm(first):
        states = problem.sectors.order[np.argsort(-np.abs(difference[problem.diagonal]))[:6]]
        raise MultipleSteadyStatesError(
            "there are several steady states: two starts lead to states at relative distance "
            f"{np.linalg.norm(difference) / np.linalg.norm(first):.1e}, which differ most in basis states "
            f"{', '.join(str(state) for state in states)}; some operator there commutes with the Hamiltonian and all "
            "collapse operators, or a subspace is dark; pass rho0 to select the state that a given one evolves to"
        )
