"""The generator of a few unknowns: L as a dense matrix in double-double, made of whole operators at once.

What a few unknowns cost is calls of NumPy. `superoperator` enumerates weights entry by entry, so that it can do large
systems in pieces; here operators are small dense arrays, and every array below holds all jumps, or all losses, for all
pairs of an entry (j, k) of L(ρ) and one of ρ. L is then the same matrix as there, from the same formulas, in half of
the time (`ALGORITHM.md`, section 3).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import qutip
from numpy.typing import NDArray

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.generator import (
    Block,
    CollapseOperator,
    Generator,
    Index,
    Real,
    build_generator,
    complex_product,
)
from qnet_qutip.solver.sectors import Sectors, sectors_of_labels, whole
from qnet_qutip.solver.superoperator import (
    COMMUTATOR_ROUNDING,
    CurrentFunctionals,
    SectorGenerator,
)

FEW_STATES = 8
"""Basis states up to which operators are dense arrays."""

FEW_UNKNOWNS = 25
"""Unknowns up to which L is made from them."""

FEW_WEIGHTS = 1 << 15
"""Weights of all jumps together up to which L is made from them."""


@dataclass(frozen=True, eq=False)
class Operators:
    """Hamiltonian, jumps, losses and energy as dense arrays, with the operators that they are of.

    Attributes
    ----------
    given : tuple
        Hamiltonian, collapse operators (or pairs) by bath, and what heat is counted by, as for `build_generator`.
    names : tuple of str
        Of the baths.
    hamiltonian, energy : ndarray, shape (dimension, dimension)
        Real if all operators are.
    jumps : pair of ndarray, shape (jumps, baths, dimension, dimension)
        A and B of AρB†; zero beyond the jumps that a bath has.
    loss : list of pair of ndarray, shape (baths, dimension, dimension)
        M = Σ c S†Λ: the real and, unless all operators are real, the imaginary part, double-double.
    """

    given: tuple[qutip.Qobj, Mapping[str, list[CollapseOperator]], qutip.Qobj | None]
    names: tuple[str, ...]
    hamiltonian: Real | Block
    energy: Real | Block
    jumps: tuple[Real | Block, Real | Block]
    loss: list[dd.DoubleDouble]

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return len(self.hamiltonian)


def read(
    hamiltonian: qutip.Qobj,
    collapse_operators: Mapping[str, list[CollapseOperator]],
    energy: qutip.Qobj | None,
) -> Operators:
    """The dense arrays of few operators of a few states."""
    matrices = [hamiltonian.data.to_array()]
    of_energy = 0
    if energy is not None and energy is not hamiltonian:
        of_energy = 1
        matrices.append(energy.data.to_array())
    left: list[list[int]] = []
    right: list[list[int]] = []
    factors: list[list[tuple[int, int, float]]] = []
    for members in collapse_operators.values():
        left.append([])
        right.append([])
        factors.append([])
        for member in members:
            first = len(matrices)
            if isinstance(member, tuple):
                matrices += [member[0].data.to_array(), member[1].data.to_array()]
                left[-1] += [first + 1, first]
                right[-1] += [first, first + 1]
                factors[-1].append((first, first + 1, 1.0))
            else:
                matrices.append(member.data.to_array())
                left[-1].append(first)
                right[-1].append(first)
                factors[-1].append((first, first, 0.5))
    # One that is zero stands where a bath has no more of them.
    zero = len(matrices)
    matrices.append(np.zeros_like(matrices[0]))
    operators = np.array(matrices)
    if not np.count_nonzero(operators.imag):
        operators = operators.real.copy()
    # Of collapse operators both sides are one.
    first = operators[_table(left, zero)]
    jumps = first, first if left == right else operators[_table(right, zero)]
    lost = _table(factors, (zero, zero, 1.0))
    return Operators(
        (hamiltonian, collapse_operators, energy),
        tuple(collapse_operators),
        operators[0],
        operators[of_energy],
        jumps,
        _losses(operators, lost),
    )


def _table(of_baths: Sequence[Sequence[Any]], filling: object) -> NDArray[Any]:
    """Entries of each bath in a column, filled up to the longest; one row at least."""
    rows: list[Any] = list(itertools.zip_longest(*of_baths, fillvalue=filling))
    return np.array(rows or [[filling] * len(of_baths)])


def _losses(operators: Real | Block, factors: Real) -> list[dd.DoubleDouble]:
    """Σ c S†Λ of each bath; c is a power of two, so that it rounds nothing."""
    numbers = factors[..., :2].astype(int)
    count, baths = numbers.shape[:2]
    states = operators.shape[-1]
    # The rows that S and Λ share come first, to be summed over with the factors.
    first, second = (
        operators[numbers[..., side]].swapaxes(1, 2).reshape(count * states, baths, states) for side in (0, 1)
    )
    weights = factors[..., 2].repeat(states, axis=0)[..., None]
    return [dd.column_sums(part) for part in _products((weights * first)[..., :, None].conj(), second[..., None, :])]


def _products(a: Real | Block, b: Real | Block) -> list[dd.DoubleDouble]:
    """a·b: the real and, unless both are real, the imaginary part."""
    return list(complex_product(a, b)) if np.iscomplexobj(a) else [dd.two_product(a.real, b.real)]


# ---------------------------------------------------------------- sectors


def _sectors(operators: Operators) -> Sectors:
    """The finest sectors, as `find_sectors` has them."""
    dimension = operators.dimension
    joined = operators.hamiltonian != 0
    for high, _ in operators.loss:
        joined = joined | (high != 0).any(axis=0)
    labels = list(range(dimension))

    def join(first: int, second: int) -> bool:
        """Give two states the smaller number of both, and all that have the larger one."""
        low, high = sorted((labels[first], labels[second]))
        if low != high:
            labels[:] = [low if label == high else label for label in labels]
        return low != high

    for first, second in zip(*(places.tolist() for places in joined.nonzero()), strict=True):
        join(first, second)
    # What either side of a jump takes a sector to is one sector.
    left, right = operators.jumps
    steps: list[tuple[int, ...]] = []
    for side in (left,) if left is right else (left, right):
        steps += zip(*(places.tolist() for places in side.nonzero()), strict=True)
    again = max(labels) > 0
    while again:
        again = False
        taken: dict[tuple[int, int, int], int] = {}
        for jump, bath, image, state in steps:
            again |= join(image, taken.setdefault((jump, bath, labels[state]), image))
    numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
    return sectors_of_labels(np.array([numbers[label] for label in labels]))


# ---------------------------------------------------------------- L


@dataclass(frozen=True, eq=False)
class FewUnknowns:
    """L on the sectors, as a `SectorGenerator` has it.

    Attributes
    ----------
    operators : Operators
    sectors : Sectors
    """

    operators: Operators
    sectors: Sectors
    decay = 0.0

    @cached_property
    def generator(self) -> Generator:
        """The entries of the operators, in the order of the sectors' states; only what is rare asks for them."""
        return build_generator(*self.operators.given).permuted(self.sectors.order)

    @property
    def general(self) -> SectorGenerator:
        """The same by enumerated weights."""
        return SectorGenerator(self.generator, self.sectors)

    @property
    def on_the_whole(self) -> FewUnknowns:
        """The same with all states as one sector."""
        return FewUnknowns(self.operators, whole(self.operators.dimension))

    @property
    def baths(self) -> tuple[str, ...]:
        """Names of the baths."""
        return self.operators.names

    @cached_property
    def fastest_loss(self) -> float:
        """The largest rate at which baths take a basis state's population away."""
        return 2.0 * float(np.abs(self._losses.sum(axis=0)).max(initial=0.0))

    @property
    def _losses(self) -> Real | Block:
        """Diagonal of M of each bath, shape (baths, dimension)."""
        real, *imaginary = (high.diagonal(axis1=1, axis2=2) for high, _ in self.operators.loss)
        return real + 1j * imaginary[0] if imaginary else real

    @property
    def largest_energy(self) -> float:
        """Largest entry of H."""
        return float(np.abs(self.operators.hamiltonian).max(initial=0.0))

    @property
    def conserves_energy(self) -> bool:
        """Whether the energy that heat is counted by commutes with the H that moves the state, so that Σ J = 0."""
        h, energy = self.operators.hamiltonian, self.operators.energy
        if h is energy:
            return True
        commutator, size = np.abs(h @ energy - energy @ h), (np.abs(h) @ np.abs(energy)).max()
        return bool(commutator.max() <= COMMUTATOR_ROUNDING * size)

    def transfers(self) -> tuple[Index, Index]:
        """Sectors that jumps lead from and to."""
        _, _, image, state = self.operators.jumps[0].nonzero()
        of_state = self.sectors.of_state[self.sectors.rank]
        return of_state[state], of_state[image]

    # ------------------------------------------------------------ weights

    @cached_property
    def _states(self) -> tuple[Index, Index, Index]:
        """Row and column state of each unknown, and the place of its transpose."""
        sectors = self.sectors
        rows, columns = sectors.states_of_places(0, sectors.unknowns)
        transposed = sectors.row_places[columns] + sectors.column_places[rows]
        return sectors.order[rows], sectors.order[columns], transposed

    def _real_form(self, parts: list[dd.DoubleDouble]) -> dd.DoubleDouble:
        """Re(w) for G_kl and Im(w) for G_lk, of weights w by entry of L(ρ) and of ρ."""
        if len(parts) == 1:
            return parts[0]
        transposed = self._states[2]
        high, low = parts[1]
        return dd.add(parts[0], (high[..., transposed], low[..., transposed]))

    @cached_property
    def _by_cause(self) -> tuple[dd.DoubleDouble, dd.DoubleDouble, Real]:
        """L by what it is made of.

        Returns
        -------
        pair of ndarray, shape (unknowns, unknowns)
            -i[H, ·], double-double.
        pair of ndarray, shape (baths, unknowns, unknowns)
            The dissipators, double-double.
        ndarray, shape (unknowns, unknowns)
            Sum of the absolute values of all weights.
        """
        rows, columns, transposed = self._states
        row, column = (rows[:, None], rows), (columns[:, None], columns)
        same_row, same_column = rows[:, None] == rows, columns[:, None] == columns
        left, right = (side[:, :, *states] for side, states in zip(self.operators.jumps, (row, column), strict=True))
        products = _products(left, right.conj())
        jumps = self._real_form([dd.column_sums(part) for part in products])
        # -(Mρ + ρM†): the conjugate changes the sign of the imaginary part.
        lost, sizes = [], [np.abs(high).sum(axis=(0, 1)) for high, _ in products]
        for number, (high, low) in enumerate(self.operators.loss):
            sign = 1.0 if number else -1.0
            before = -high[:, *row] * same_column, -low[:, *row] * same_column
            after = sign * high[:, *column] * same_row, sign * low[:, *column] * same_row
            lost.append(dd.add(before, after))
            sizes[number] = sizes[number] + (np.abs(before[0]) + np.abs(after[0])).sum(axis=0)
        gross = sizes[0] if len(sizes) == 1 else sizes[0] + sizes[1][:, transposed]
        # -iHρ + iρH: on the diagonal energies enter as differences, exactly.
        h = self.operators.hamiltonian
        first, last = h[row] * same_column, h[column] * same_row
        high, low = dd.two_sum(last.real, -first.real)
        moved = high[:, transposed], low[:, transposed]
        gross = gross + np.abs(moved[0])
        if np.iscomplexobj(h):
            moved = dd.add(moved, dd.two_sum(first.imag, last.imag))
            gross = gross + np.abs(first.imag) + np.abs(last.imag)
        return moved, dd.add(jumps, self._real_form(lost)), gross

    @cached_property
    def _matrix(self) -> dd.DoubleDouble:
        """L, double-double."""
        moved, dissipated, _ = self._by_cause
        return dd.add(moved, dd.column_sums(dissipated))

    @property
    def dense(self) -> Real:
        """L in real form and ordinary precision, shape (unknowns, unknowns)."""
        return self._matrix[0]

    @cached_property
    def scale(self) -> float:
        """Largest weight in L; 1 if there is none."""
        return float(np.abs(self.dense).max(initial=0.0)) or 1.0

    @cached_property
    def _energy(self) -> dd.DoubleDouble:
        """What heat is counted by, in real form."""
        rows, columns, _ = self._states
        entries = self.operators.energy[rows, columns]
        return dd.two_sum(entries.real, entries.imag)

    @cached_property
    def _currents(self) -> dd.DoubleDouble:
        """Tr[E D(·)] of each bath as a functional of G, shape (baths, unknowns), double-double."""
        energies = self._energy[0][:, None], self._energy[1][:, None]
        high, low = dd.multiply(energies, self._by_cause[1])
        return _sums(high.swapaxes(1, 2), low.swapaxes(1, 2))

    @cached_property
    def functionals(self) -> CurrentFunctionals:
        """The current of each bath as a functional of ρ."""
        high, low = self._currents
        baths, places = high.nonzero()
        order, energy = self.sectors.order, np.abs(self.operators.energy)
        inside = self.sectors.of_state[:, None] == self.sectors.of_state
        energy_sums = (energy[order[:, None], order] * inside).sum(axis=1)
        return CurrentFunctionals(
            *(self.baths, baths, places, high[baths, places], low[baths, places]),
            *(self.sectors.diagonal, 4.0 * np.abs(self._losses[:, order]) * energy_sums),
        )

    def current_rounding(self, flat: Real) -> dict[str, float]:
        """What double-double arithmetic leaves uncertain of each current."""
        return self.functionals.rounding(flat)

    # ------------------------------------------------------------ application

    def __call__(self, flat: Real) -> Real:
        """L(ρ) in ordinary precision, shape (unknowns,)."""
        return np.asarray(self.dense @ flat)

    def gross(self, flat: Real) -> Real:
        """Sum of the absolute values that each entry of L(ρ) adds up: the scale of its rounding."""
        return np.asarray(self._by_cause[2] @ np.abs(flat))

    def residual(self, rho: dd.DoubleDouble) -> Real:
        """L(ρ), rounded once at the end."""
        return self.residual_and_currents(rho)[0]

    def residual_and_currents(self, rho: dd.DoubleDouble) -> tuple[Real, dict[str, float]]:
        """L(ρ), rounded once at the end, and Tr[E D(ρ)] of each bath, eq. (5)."""
        images = _sums(*dd.multiply(self._evaluated, rho))[0]
        unknowns = self.sectors.unknowns
        return images[:unknowns], dict(zip(self.baths, images[unknowns:].tolist(), strict=True))

    @cached_property
    def _evaluated(self) -> dd.DoubleDouble:
        """L and, below it, the functionals of the currents."""
        (high, low), (of_currents, left) = self._matrix, self._currents
        return np.concatenate([high, of_currents]), np.concatenate([low, left])


OnSectors: TypeAlias = FewUnknowns | SectorGenerator
"""L on its sectors."""


def _sums(high: Real, low: Real) -> dd.DoubleDouble:
    """Sums over the last axis, each exact and rounded to double-double; of short rows as fast as any."""
    rows = np.concatenate([high, low], axis=-1).reshape(-1, 2 * high.shape[-1]).tolist()
    sums = [math.fsum(row) for row in rows]
    left = [math.fsum([*row, -total]) for row, total in zip(rows, sums, strict=True)]
    shape = high.shape[:-1]
    return np.array(sums).reshape(shape), np.array(left).reshape(shape)


def few_unknowns(
    hamiltonian: qutip.Qobj,
    collapse_operators: Mapping[str, Iterable[CollapseOperator]],
    energy: qutip.Qobj | None = None,
) -> FewUnknowns | None:
    """L on its sectors, as `on_sectors` finds it, if it has few unknowns; else None."""
    if hamiltonian.shape[0] > FEW_STATES or not collapse_operators:
        return None
    operators = read(hamiltonian, {bath: list(members) for bath, members in collapse_operators.items()}, energy)
    sectors = _sectors(operators)
    jumps, baths = operators.jumps[0].shape[:2]
    if sectors.unknowns > FEW_UNKNOWNS or jumps * baths * sectors.unknowns**2 > FEW_WEIGHTS:
        return None
    return FewUnknowns(operators, sectors)
