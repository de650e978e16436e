"""The steady state of a generator: GMRES on the preconditioned equation, refined in doubled precision.

Each cycle evaluates L(ρ) and the heat currents of the present ρ in doubled precision, solves for a correction in
ordinary precision, and adds it. It ends when the next correction can no longer change a heat current by more than the
tolerance, judged from how much the last ones did. The cheaper preconditioner, the secular equation alone, goes first;
where a cycle with it is slow the better one takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qnet_qutip import checks
from qnet_qutip.solver.blocks import BlockGenerator, block_generator
from qnet_qutip.solver.doubled import DoubledGenerator, Pair, two_sum
from qnet_qutip.solver.generator import Dissipator, Generator
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

FEW_UNKNOWNS = 3000
"""Entries of ρ up to which the sweeps cost next to nothing and are taken from the start."""

SECULAR_VECTORS, SECULAR_REDUCTION = 40, 1e-3
"""A cycle of so many vectors with the secular equation alone must reduce by this; if not, sweeps join it."""

WORST_CONTRACTION = 0.5
"""A cycle that reduces the preconditioned residual by less than this is stuck, and its small changes mean nothing."""

SLOWEST_CONTRACTION = 0.999
"""What is assumed of a quantity whose changes do not get smaller from cycle to cycle."""

ESTIMATE_SAFETY = 10.0
"""Factor on the estimate of what is still to come: the next cycle can do less than the last one did."""

ROUNDING_FLOOR = 1e4 * np.finfo(float).eps ** 2
"""Size of the preconditioned residual, relative to ρ, that is the rounding of doubled precision."""

CURRENT_ROUNDING = 8 * np.finfo(float).eps ** 2
"""Rounding of a current in doubled precision, relative to the sum of the absolute values that it adds up."""

COMMUTING = 1e-13
"""Energy carried by jumps, relative to the sum that a current is made of, that is the rounding of a commutator."""

ZERO_CURRENT = 1e-22
"""Fraction of the gross flow from a bath below which its current counts as zero, where there are several baths."""

SAME_STATE = 1e-3
"""Relative distance above which two steady states found from different starts are different."""

LOST_NORM = 1e10
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
    unresolved : dict of str to float
        What a current was resolved to, where that is more than the current and than the scale given for it.
    sectors : Sectors
    """

    rho: sp.csr_array
    heat_currents: dict[str, float]
    residual: float
    iterations: int
    current_changes: dict[str, float]
    unresolved: dict[str, float]
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
        self.doubled = DoubledGenerator(self._ordered, sectors)
        self.diagonal = sectors.diagonal_places()
        hamiltonian = self._ordered.hamiltonian
        parts = self._ordered.dissipators.items()
        # For each basis state, what its population carries at most through each bath, and what its current adds up.
        self._exchanges = {bath: _exchange(hamiltonian, part) for bath, part in parts}
        size = abs(hamiltonian).sum(axis=1)
        self._summands = {bath: 4.0 * np.abs(part.loss.diagonal()) * size for bath, part in parts}

    def apply(self, flat: Real) -> Real:
        """L(ρ) in ordinary precision."""
        if self._blocks is None:
            change: Real = self.secular.rates @ flat
            return change
        return self._blocks(flat)

    def current_scales(
        self, flat: Real, currents: Mapping[str, float], smallest: Mapping[str, float], rtol: float
    ) -> dict[str, float]:
        """What changes of a current are relative to: the current, but no less than can be resolved or matters."""
        populations, rounding = np.abs(flat[self.diagonal]), self.rounding(flat)
        # The current of a single bath is Tr[H L(ρ)], zero in any steady state: there is nothing to resolve.
        zero = ZERO_CURRENT if len(currents) > 1 else 1.0
        scales = {}
        for bath, current in currents.items():
            gross = float(self._exchanges[bath] @ populations)
            # Jumps that commute with H carry no energy: what is left of the current is rounding.
            commute = gross <= COMMUTING / CURRENT_ROUNDING * rounding[bath]
            least = rounding[bath] / rtol if commute else zero * gross
            scales[bath] = max(abs(current), smallest.get(bath, 0.0), least, float(np.finfo(float).tiny))
        return scales

    def rounding(self, flat: Real) -> dict[str, float]:
        """What doubled precision leaves uncertain of each current."""
        populations = np.abs(flat[self.diagonal])
        return {bath: CURRENT_ROUNDING * float(summands @ populations) for bath, summands in self._summands.items()}

    def stages(self) -> Iterator[_Stage]:
        """Preconditioners in the order of their cost, each made when it is asked for."""
        if self._blocks is None or self.sectors.unknowns > FEW_UNKNOWNS:
            yield _Stage(Preconditioner(self.secular, self.apply), min(self._vectors, SECULAR_VECTORS))
        if self._blocks is not None:
            sweeps = Sweeps(self.secular, self._ordered, self._blocks)
            yield _Stage(Preconditioner(self.secular, self.apply, sweeps), self._vectors)

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


def _exchange(hamiltonian: sp.csr_array, dissipator: Dissipator) -> Real:
    """Σ |B|k⟩| |[H, A]|k⟩| over the jumps AρB†, for each basis state k: the energy that its jumps carry at most."""
    total = np.zeros(hamiltonian.shape[0])
    for left, right in dissipator.jumps:
        carried = hamiltonian @ left - left @ hamiltonian
        total += np.sqrt(abs(right).power(2).sum(axis=0) * abs(carried).power(2).sum(axis=0))
    return total


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
    first = problem.secular.steady_state
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
    start: Pair = (first / first[problem.diagonal].sum(), np.zeros_like(first))
    stages = problem.stages()
    stage = next(stages)
    # An ordinary residual will do for the first correction, since no estimate rests on the first cycle.
    rho, residual, currents = start, problem.apply(start[0]), dict[str, float]()
    preconditioned = stage.precondition(residual)
    cycles, iterations, error = 0, 0, np.inf
    changes, scales = dict[str | None, float](), dict[str, float]()
    while error > rtol:
        correction, count = problem.correction(stage, preconditioned, CYCLE_REDUCTION)
        cycles, iterations = cycles + 1, iterations + count
        attempt = _normalised(_add(rho, correction), problem.diagonal)
        # Of a state the norm is at most 1: beyond that by far, the cycle has left all states.
        lost = not np.linalg.norm(attempt[0]) <= LOST_NORM
        slow = stuck = False
        if not lost:
            rho, currents_before, size_before = attempt, currents, float(np.linalg.norm(preconditioned))
            residual, currents = problem.doubled.residual_and_currents(rho)
            preconditioned = stage.precondition(residual)
            size = float(np.linalg.norm(preconditioned))
            ratio = size / size_before if size_before > 0.0 else 0.0
            scales = problem.current_scales(rho[0], currents, smallest_scales, rtol)
            # What the first cycle changes is the error of the start, or rounding where that was as good: neither tells.
            changes_before = changes if cycles > 2 else {}
            changes = {bath: abs(J - currents_before.get(bath, 0.0)) / scales[bath] for bath, J in currents.items()}
            changes[None] = float(np.linalg.norm(correction) / np.linalg.norm(rho[0]))
            error = _still_to_come(changes, changes_before, ratio) if cycles > 1 else np.inf
            if size <= ROUNDING_FLOOR * float(np.linalg.norm(rho[0])):
                error = 0.0
            if scales:
                # In any steady state Σ J = Tr[H L(ρ)] = 0, whatever the baths: an error that the residual hides shows.
                imbalance = abs(sum(currents.values())) - sum(problem.rounding(rho[0]).values())
                error = max(error, imbalance / max(scales.values()))
            if report is not None:
                report(iterations, error)
            slow = count >= stage.vectors and ratio > SECULAR_REDUCTION
            stuck = cycles > 1 and ratio > WORST_CONTRACTION
        following = next(stages, None) if lost or (error > rtol and (slow or stuck)) else None
        if following is not None:
            stage, cycles = following, 0
            if lost or ratio > 1.0:
                rho, residual, currents = start, problem.apply(start[0]), {}
            preconditioned = stage.precondition(residual)
        elif stuck and ratio > 1.0:
            cycles = 0  # what comes down after a rise says little
        nothing_left = cycles > 1 and count == 0
        if error > rtol and (nothing_left or iterations >= max_iterations or (lost and following is None)):
            raise ConvergenceError(
                f"the steady state did not converge within {iterations} iterations: it or a heat current may still "
                f"change by {error:.1e} (tolerance {rtol:.0e}), and the residual is {np.linalg.norm(residual):.1e}; "
                "raise max_iterations or rtol, or start from a state nearby"
            )
    resolved = {bath: max(scales[bath], rounding / rtol) for bath, rounding in problem.rounding(rho[0]).items()}
    return Solution(
        rho=problem.sectors.unpack(rho[0]),
        heat_currents=currents,
        residual=float(np.linalg.norm(residual)),
        iterations=iterations,
        current_changes={bath: changes[bath] for bath in currents},
        unresolved={
            bath: resolved[bath]
            for bath, smallest in smallest_scales.items()
            if smallest > 0.0 and max(smallest, abs(currents[bath])) < resolved[bath]
        },
        sectors=problem.sectors,
    )


def _still_to_come(
    changes: Mapping[str | None, float], changes_before: Mapping[str | None, float], ratio: float
) -> float:
    """Largest change that is still to come, of ρ (None) or of a current, relative to it.

    A quantity that the last cycle changed by c is taken to go on by cq, cq², ...: q is what the cycle reduced the
    residual by, or what its change is of that of the cycle before, whichever is larger, since the residual can shrink
    while a slow mode that carries the current does not.
    """
    if ratio > WORST_CONTRACTION:
        return np.inf
    largest = 0.0
    for name, change in changes.items():
        before = changes_before.get(name, 1.0)
        q = min(max(ratio, change / before if before > 0.0 else 1.0), SLOWEST_CONTRACTION)
        largest = max(largest, ESTIMATE_SAFETY * change * q / (1.0 - q))
    return largest


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
    iterations, stages = 0, problem.stages()
    stage = next(stages)
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
            stage = next(stages, stage)
            preconditioned = stage.precondition(problem.apply(flat))
    difference = flat - first
    if np.linalg.norm(difference) > 10 * SAME_STATE * np.linalg.norm(first):
        states = problem.sectors.order[np.argsort(-np.abs(difference[problem.diagonal]))[:6]]
        raise MultipleSteadyStatesError(
            "there are several steady states, or nearly so: two starts lead to states at relative distance "
            f"{np.linalg.norm(difference) / np.linalg.norm(first):.1e}, which differ most in basis states "
            f"{', '.join(str(state) for state in states)}; some operator there commutes with the Hamiltonian and all "
            "collapse operators, or a subspace is dark; pass rho0 to select the state that a given one evolves to"
        )
