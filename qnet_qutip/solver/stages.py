"""The stages of a solve: approximate inverses of L in the order in which they are likely to pay."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from qnet_qutip.solver.factorisation import Factorisation, bordered, eliminated, elimination, sparse
from qnet_qutip.solver.few import FewUnknowns, OnSectors
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.red_black import RedBlack
from qnet_qutip.solver.sectors import norm
from qnet_qutip.solver.secular import SINGLE_PRECISION, SecularEquation, secular_equation
from qnet_qutip.solver.superoperator import DENSE, SectorGenerator
from qnet_qutip.solver.sweeps import Sweeps

VECTORS = 60
"""Most Krylov vectors in a cycle."""

VECTOR_MEMORY = 1.2e9
"""Bytes that the Krylov vectors may take; large problems get fewer."""

FEWEST_VECTORS = 18
"""Krylov vectors that even the largest problem gets."""

PATIENCE = 150
"""Applications that the secular equation may be heading for; beyond that the sweeps, up to eight times as dear and
seldom in need of more than 60, are the cheaper way."""

SEPARATED, WELL_SEPARATED = 0.5, 0.92
"""Fractions of the coherences further apart than their widths from which the secular equation is worth a try, and from
which the two colours are not worth what they take."""

FEW_SECTORS = 4
"""Up to so many sectors there is no ladder to sweep over, and a sparse factorisation is looked at first."""

CHEAP_OPERATIONS, LAST_OPERATIONS = 1e10, 2e12
"""Multiplications up to which a sparse factorisation is made before, or after, the other stages: 5 s and 15 min."""

LARGEST_FILL = 1e8
"""Entries of the factors, 12 bytes each, beyond which no sparse factorisation is made."""

SLOWEST_RATE = 1e-13
"""Slowest rate of L, relative to the fastest, that counts as a relaxation: below that is what rounding makes of a
conserved quantity."""

DRAWS = 3
"""Random errors that are drawn: more than one, as one may cancel in the slowest mode."""

COUNTED_UNKNOWNS = 250_000
"""Unknowns beyond which the fill is not even counted."""


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
    single : bool
        Whether M⁻¹ is kept in single precision.
    """

    name: str
    inverse: Callable[[Real], Real]
    steady_state: Real | None
    vectors: int = 0
    patience: float = np.inf
    single: bool = False


def stages(generator: OnSectors) -> Iterator[Stage]:
    """Approximate inverses in the order in which they are likely to pay, each made when it is asked for."""
    sectors = generator.sectors
    if isinstance(generator, FewUnknowns) or sectors.unknowns <= DENSE:
        yield from _dense_stages(generator)
        return
    counted, factorised = None, False
    if len(sectors.sizes) <= FEW_SECTORS and sectors.unknowns <= COUNTED_UNKNOWNS:
        counted = elimination(generator)
        if factorised := counted.operations <= CHEAP_OPERATIONS and counted.fill <= LARGEST_FILL:
            yield _factorised("sparse factorisation", sparse(generator, counted.order))
    # What single precision hides, such as modes slower than its rounding, double precision has.
    for single in (True, False) if sectors.unknowns > SINGLE_PRECISION else (False,):
        secular = secular_equation(generator, single=single)
        if sectors.classical or secular.separation > SEPARATED:
            yield _secular_stage(generator, secular)
    if not sectors.classical:
        vectors = affordable_vectors(sectors.unknowns)
        yield Stage("sweeps", Sweeps(generator, secular), _start(generator, secular), vectors)
    if sectors.unknowns <= COUNTED_UNKNOWNS and not factorised:
        counted = counted or elimination(generator)
        if counted.operations <= LAST_OPERATIONS and counted.fill <= LARGEST_FILL:
            yield _factorised("sparse factorisation", sparse(generator, counted.order))


def _secular_stage(generator: SectorGenerator, secular: SecularEquation) -> Stage:
    well = secular.sectors.classical or secular.separation > WELL_SEPARATED
    return Stage(
        "secular equation in single precision" if secular.single else "secular equation",
        secular.solve if well else RedBlack(generator, secular),
        _start(generator, secular),
        affordable_vectors(secular.sectors.unknowns),
        PATIENCE,
        secular.single,
    )


def _start(generator: SectorGenerator, secular: SecularEquation) -> Real | None:
    return None if generator.decay else secular.steady_state


def _dense_stages(generator: OnSectors) -> Iterator[Stage]:
    with contextlib.suppress(np.linalg.LinAlgError):
        yield _factorised("elimination", eliminated(generator))
    yield pivoted(generator)


def _factorised(name: str, factorisation: Factorisation) -> Stage:
    return Stage(name, factorisation.solve, factorisation.steady_state)


def pivoted(generator: OnSectors) -> Stage:
    """The dense factorisation with partial pivoting.

    Raises
    ------
    LinAlgError
        If that is singular: there are several steady states.
    """
    return _factorised("factorisation", bordered(generator))


def affordable_vectors(unknowns: int) -> int:
    """Krylov vectors that fit."""
    return int(np.clip(VECTOR_MEMORY / (8.0 * unknowns), FEWEST_VECTORS, VECTORS))


def inverse(generator: OnSectors, stage: Stage, residual: Real) -> Real:
    """M⁻¹ of a residual, of zero trace: the rest is a multiple of the steady state.

    With a factorisation also of several, the columns of a matrix.
    """
    solution = stage.inverse(residual)
    if stage.steady_state is None:
        return solution
    trace = solution[generator.sectors.diagonal].sum(axis=0)
    if residual.ndim > 1:
        return solution - np.outer(stage.steady_state, trace)
    # In place: of many unknowns a product and a difference would each take as long as to apply L.
    without: Real = scipy.linalg.blas.daxpy(stage.steady_state, solution, a=-float(trace))
    return without


def random_numbers(unknowns: int) -> Real:
    """Normally distributed numbers, the same every time, shape (unknowns, 3)."""
    return _few_random_numbers(unknowns) if unknowns <= DENSE else _random_numbers(unknowns)


@functools.lru_cache(maxsize=1)
def _random_numbers(unknowns: int) -> Real:
    numbers = np.random.default_rng(0).normal(size=(unknowns, DRAWS))
    numbers.flags.writeable = False
    return numbers


# A solve of plain operators asks for those of its sectors and of the whole space by turns.
_few_random_numbers = functools.lru_cache(maxsize=16)(_random_numbers.__wrapped__)


def random_change(generator: OnSectors) -> Real:
    """A random Hermitian matrix of zero trace on the sectors."""
    change = random_numbers(generator.sectors.unknowns)[:, 0].copy()
    diagonal = generator.sectors.diagonal
    populations = change[diagonal]
    change[diagonal] = populations - populations.sum() / len(diagonal)
    return change


def slowest_rate(generator: OnSectors, stage: Stage) -> float:
    """Slowest rate of L relative to the fastest, by two steps of inverse iteration; 0 if a step is not finite.

    Infinite for a single basis state, of which there is no change of zero trace.
    """
    if generator.sectors.unknowns == 1:
        return np.inf
    change = random_change(generator)
    growth = 1.0
    for _ in range(2):
        with np.errstate(all="ignore"):
            change = inverse(generator, stage, change / norm(change))
        growth = norm(change)
        if not 0.0 < growth < np.inf:
            return 0.0
    return 1.0 / (growth * generator.scale)
