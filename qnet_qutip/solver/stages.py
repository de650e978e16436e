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
from qnet_qutip.solver.sectors import Sectors, norm
from qnet_qutip.solver.secular import SecularEquation, secular_equation
from qnet_qutip.solver.superoperator import DENSE, SectorGenerator
from qnet_qutip.solver.sweeps import Sweeps

VECTORS = 80
"""Most Krylov vectors in a cycle, those that it goes on from included."""

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

SINGLE_PRECISION, SINGLE_SLOWEST = 20_000, 1e-6
"""Unknowns beyond which the secular equation and the Krylov vectors are kept in single precision, for cycles that
reduce by 1e-5 instead of 1e-8, and the slowest rate, relative to the largest weight of L, that its rounding leaves."""

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
    secular : SecularEquation or None
        What M is, up to what the jumps add between colours.
    keeps : bool
        Whether a cycle goes on in the Krylov space of those before.
    """

    name: str
    inverse: Callable[[Real], Real]
    steady_state: Real | None
    vectors: int = 0
    patience: float = np.inf
    secular: SecularEquation | None = None
    keeps: bool = False

    @property
    def single(self) -> bool:
        """Whether M⁻¹ and the Krylov vectors are kept in single precision."""
        return self.secular is not None and self.secular.single


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
    secular = secular_equation(generator)
    if sectors.classical or secular.separation > SEPARATED:
        slowest = SINGLE_SLOWEST * generator.scale
        if sectors.unknowns > SINGLE_PRECISION and secular.slowest_rate > slowest and not sectors.classical:
            # The one in double precision would only take memory.
            secular = secular.rounded()
            yield _secular_stage(generator, secular)
            secular = secular_equation(generator)
        yield _secular_stage(generator, secular)
    if not sectors.classical:
        vectors = affordable_vectors(sectors.unknowns)
        yield Stage("sweeps", Sweeps(generator, secular), _start(generator, secular), vectors, keeps=True)
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
        affordable_vectors(secular.sectors.unknowns, single=secular.single),
        PATIENCE,
        secular=secular,
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


def affordable_vectors(unknowns: int, *, single: bool = False) -> int:
    """Krylov vectors that fit."""
    return int(np.clip(VECTOR_MEMORY / ((4.0 if single else 8.0) * unknowns), FEWEST_VECTORS, VECTORS))


def inverse(generator: OnSectors, stage: Stage, residual: Real) -> Real:
    """M⁻¹ of a residual, of zero trace: the rest is a multiple of the steady state."""
    scale = 1.0 if stage.secular is None else stage.secular.scaled(residual)
    solution = stage.inverse(residual) if scale == 1.0 else stage.inverse(scale * residual) / scale
    if stage.steady_state is None:
        return solution
    trace = float(solution.take(generator.sectors.diagonal).sum())
    # In place: of many unknowns a product and a difference would each take as long as to apply L.
    without: Real = scipy.linalg.blas.daxpy(stage.steady_state, solution, a=-trace)
    return without


def random_numbers(unknowns: int, draws: int = DRAWS) -> Real:
    """Normally distributed numbers, the same every time, shape (unknowns, draws)."""
    return (_few_random_numbers if unknowns <= DENSE else _random_numbers)(unknowns, draws)


@functools.lru_cache(maxsize=1)
def _random_numbers(unknowns: int, draws: int) -> Real:
    numbers = np.random.default_rng(0).normal(size=(unknowns, draws))
    numbers.flags.writeable = False
    return numbers


# A solve of plain operators asks for those of its sectors and of the whole space by turns.
_few_random_numbers = functools.lru_cache(maxsize=32)(_random_numbers.__wrapped__)


def random_change(generator: OnSectors) -> Real:
    """A random Hermitian matrix of zero trace on the sectors; not to be written to."""
    sectors = generator.sectors
    return _few_random_changes(sectors) if sectors.unknowns <= DENSE else _random_change(sectors)


def _random_change(sectors: Sectors) -> Real:
    change = random_numbers(sectors.unknowns, 1)[:, 0].copy()
    populations = change[sectors.diagonal]
    change[sectors.diagonal] = populations - populations.sum() / len(populations)
    change.flags.writeable = False
    return change


_few_random_changes = functools.lru_cache(maxsize=16)(_random_change)


def slowest_rate(generator: OnSectors, stage: Stage) -> float:
    """Slowest rate of L relative to the fastest, by two steps of inverse iteration; 0 if a step is not finite.

    The secular equation knows its own: in two colours too, as a triangular matrix has the eigenvalues of its diagonal.
    Infinite for a single basis state, of which there is no change of zero trace.
    """
    if generator.sectors.unknowns == 1:
        return np.inf
    if stage.secular is not None:
        return stage.secular.slowest_rate / generator.scale
    change = random_change(generator)
    with np.errstate(all="ignore"):
        for _ in range(2):
            change = inverse(generator, stage, change / norm(change))
            growth = norm(change)
            if not 0.0 < growth < np.inf:
                return 0.0
    return 1.0 / (growth * generator.scale)
