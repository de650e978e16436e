"""The generator on the sectors: the one object that knows their order, their packing and L in double-double.

Every entry (j, k) of L(ρ) is a sum of weights times entries of ρ. The weights are enumerated in *slots*: slot a of an
operator holds the a-th entry of every row, so that a slot of A beside a slot of B gives each (j, k) one term of AρB†.
From the slots come L(ρ) and the heat currents in double-double, the real sparse matrix of L in ordinary precision, and
the functionals Tr[H D(·)] of the currents.

A heat current is a small difference of large flows: in figure 2 of the paper 1e-13 out of 1e-5. Eq. (5) evaluated on a
state rounded to 16 digits is then noise, so that every number of ρ is kept as two doubles here and D(ρ) is summed
without rounding loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.blocks import SectorBlocks, sector_blocks
from qnet_qutip.solver.generator import FEW_STATES, Block, Entries, Generator, Index, Real, complex_product, zeros_of
from qnet_qutip.solver.sectors import Sectors, find_sectors

CHUNK = 1 << 12
"""Entries of ρ handled at once, some ten weights each: few enough to stay in the processor's cache."""

REMEMBERED = 300_000
"""Unknowns up to which the weights are kept between evaluations, at some 400 bytes for each unknown, and a sparse
matrix is made of them; beyond, to enumerate them for a matrix takes as long as some ten products of blocks."""

DENSE = 400
"""Unknowns up to which L is a dense matrix: it is then applied and inverted faster than a sparse one."""

CURRENT_ROUNDING = 8 * dd.EPS**2
"""Rounding of a current in double-double, relative to the sum of the absolute values that it adds up."""

COMMUTATOR_ROUNDING = 1e-13
"""Entry of a commutator, relative to the products that it is the difference of, that is rounding."""

Terms: TypeAlias = list[tuple[dd.DoubleDouble, Index]]
"""Weights and the places that they multiply, each of the shape of the entries they belong to."""

Stack: TypeAlias = tuple[dd.DoubleDouble, Index]
"""The same in arrays of shape (terms, entries)."""


@dataclass(frozen=True, eq=False)
class Slots:
    """The entries of an operator, the a-th of every row in row a of each array, shape (slots, dimension)."""

    columns: Index
    values: Real | Block
    remainders: Real | Block | None

    def __iter__(self) -> Iterator[tuple[Index, Real | Block, Real | Block | None]]:
        for slot in range(len(self.columns)):
            yield self.columns[slot], self.values[slot], None if self.remainders is None else self.remainders[slot]


def _slots(operator: Entries, kept: np.ndarray | None = None) -> Slots:
    rows, columns, values = operator.rows, operator.columns, operator.values
    remainders = operator.remainders
    if kept is not None:
        rows, columns, values = rows[kept], columns[kept], values[kept]
        remainders = None if remainders is None else remainders[kept]
    within = np.arange(len(rows)) - np.searchsorted(rows, rows)
    shape = (int(within.max(initial=-1)) + 1, operator.dimension)
    column = np.zeros(shape, dtype=np.int64)
    column[within, rows] = columns
    left = None if remainders is None else _in_slots(shape, within, rows, remainders)
    return Slots(column, _in_slots(shape, within, rows, values), left)


def _in_slots(shape: tuple[int, int], slot: Index, rows: Index, values: Real | Block) -> Real | Block:
    table = zeros_of(values, shape)
    table[slot, rows] = values
    return table


@dataclass(frozen=True, eq=False)
class OneSided:
    """Xρ + ρX†: the diagonal of X with its remainder, and slots of the entries off it."""

    diagonal: Real | Block
    remainder: Real | Block
    off_diagonal: Slots


def _one_sided(operator: Entries, factor: complex) -> OneSided:
    """Xρ + ρX† with X = factor · operator, the factor -1 or ±i so that nothing is rounded."""
    values = _exact(np.asarray(factor * operator.values))
    remainders = None if operator.remainders is None else _exact(np.asarray(factor * operator.remainders))
    scaled = Entries(operator.dimension, operator.rows, operator.columns, values, remainders)
    on = operator.rows == operator.columns
    remainder = np.zeros_like(scaled.diagonal)
    if remainders is not None:
        remainder[operator.rows[on]] = remainders[on]
    return OneSided(scaled.diagonal, remainder, _slots(scaled, ~on))


def _exact(values: Real | Block) -> Real | Block:
    return values if np.iscomplexobj(values) and values.imag.any() else values.real.copy()


@dataclass(frozen=True, eq=False)
class CurrentFunctional:
    """J = Σ h·G of a bath, in ordinary precision, which is enough to judge with.

    Attributes
    ----------
    places, weights : ndarray
        Where h is not zero, and its values.
    diagonal : ndarray of int
        Places of the populations.
    gross : ndarray
        For each population what eq. (5) adds up for it: four times the loss, by the jump and by either side of H.
    """

    places: Index
    weights: Real
    diagonal: Index
    gross: Real

    def __call__(self, flat: Real) -> float:
        """The current."""
        return float(self.weights @ flat[self.places])

    def exchanged(self, flat: Real) -> float:
        """|h|·|G|: the energy that jumps carry in all, one way and the other."""
        return float(np.abs(self.weights) @ np.abs(flat[self.places]))

    @property
    def largest(self) -> float:
        """Largest entry of |h|."""
        return float(np.abs(self.weights).max(initial=0.0))

    def rounding(self, flat: Real) -> float:
        """What double-double arithmetic leaves uncertain of the current."""
        return CURRENT_ROUNDING * float(self.gross @ np.abs(flat[self.diagonal]))


@dataclass(frozen=True, eq=False)
class SectorGenerator:
    """L on the sectors, L(ρ) - sρ if a decay s is given.

    Attributes
    ----------
    generator : Generator
        In the order of the sectors' states.
    sectors : Sectors
    decay : float
        s ≥ 0.
    """

    generator: Generator
    sectors: Sectors
    decay: float = 0.0

    # ------------------------------------------------------------ ordinary precision

    @cached_property
    def matrix(self) -> sp.csr_array:
        """L in real form and ordinary precision, shape (unknowns, unknowns)."""
        pieces: list[tuple[Real, Index, Index]] = []
        for _, stacks in self._chunks():
            values = np.concatenate([weights[0] for (weights, _) in stacks.values()]).T
            places = np.concatenate([places for (_, places) in stacks.values()]).T
            present = values != 0
            pieces.append((values[present], places[present].astype(np.int32), present.sum(axis=1)))
        pointers = np.concatenate([[0], np.cumsum(np.concatenate([counts for _, _, counts in pieces]))])
        values = np.concatenate([values for values, _, _ in pieces])
        places = np.concatenate([places for _, places, _ in pieces])
        return sp.csr_array((values, places, pointers), shape=(self.sectors.unknowns,) * 2)

    @cached_property
    def dense(self) -> Real:
        """The same as a dense matrix."""
        unknowns = self.sectors.unknowns
        dense = np.zeros(unknowns * unknowns)
        for first, stacks in self._chunks():
            for (values, _), places in stacks.values():
                rows = np.arange(first, first + values.shape[1]) * unknowns
                dense += np.bincount((rows + places).ravel(), weights=values.ravel(), minlength=len(dense))
        return dense.reshape(unknowns, unknowns)

    @cached_property
    def scale(self) -> float:
        """Largest weight in L, or in K = H - iM where L is no matrix; 1 if there is none."""
        if self.sectors.unknowns <= DENSE:
            size = np.abs(self.dense)
        else:
            size = np.abs(self.generator.effective.values if self.applied_as_blocks else self.matrix.data)
        return float(size.max(initial=0.0)) or 1.0

    @cached_property
    def blocks(self) -> SectorBlocks:
        """The blocks that the operators have between the sectors."""
        return sector_blocks(self.generator, self.sectors, self.decay)

    @property
    def applied_as_blocks(self) -> bool:
        """Whether L is applied by products of blocks: beyond `REMEMBERED` a sparse matrix is not worth making."""
        return self.sectors.unknowns > REMEMBERED

    def __call__(self, flat: Real) -> Real:
        """L(ρ) in ordinary precision, shape (unknowns,)."""
        if self.sectors.unknowns <= DENSE:
            return np.asarray(self.dense @ flat)
        return np.asarray(self.blocks(flat) if self.applied_as_blocks else self.matrix @ flat)

    def gross(self, flat: Real) -> Real:
        """Sum of the absolute values that each entry of L(ρ) adds up, shape (unknowns,): the scale of its rounding."""
        gross, size = np.zeros(len(flat)), np.abs(flat)
        for first, stacks in self._chunks():
            for (weights, _), places in stacks.values():
                gross[first : first + weights.shape[1]] += (np.abs(weights) * size[places]).sum(axis=0)
        return gross

    # ------------------------------------------------------------ double-double

    def residual_and_currents(self, rho: dd.DoubleDouble) -> tuple[Real, dict[str, float]]:
        """L(ρ), rounded once at the end, and Tr[H D(ρ)] of each bath, eq. (5).

        Parameters
        ----------
        rho : pair of ndarray of float, shape (unknowns,)
            ρ by sectors in real form, leading doubles and remainders.

        Returns
        -------
        residual : ndarray of float, shape (unknowns,)
        currents : dict of str to float
        """
        residual = np.zeros_like(rho[0])
        energies = self._energies
        summands: dict[str, list[Real]] = {bath: [] for bath in self.generator.dissipators}
        for first, stacks in self._chunks():
            sums = []
            for bath, (weights, places) in stacks.items():
                part = dd.column_sums(dd.multiply(weights, (rho[0][places], rho[1][places])))
                sums.append(part)
                if bath is not None:
                    summands[bath] += _energy_terms(energies, first, part)
            total = sums[0]
            for part in sums[1:]:
                total = dd.add(total, part)
            residual[first : first + len(total[0])] = total[0] + total[1]
        currents = {bath: math.fsum(np.concatenate(terms)) if terms else 0.0 for bath, terms in summands.items()}
        return residual, currents

    def residual(self, rho: dd.DoubleDouble) -> Real:
        """L(ρ), rounded once at the end."""
        return self.residual_and_currents(rho)[0]

    @cached_property
    def functionals(self) -> Mapping[str, CurrentFunctional]:
        """The current of each bath as a functional of ρ: that of Σ B†EA - EM - M†E, E what heat is counted by."""
        h = _algebra(self.generator.energy)
        energy = np.asarray(abs(h).sum(axis=1)).ravel()
        found = {}
        for bath, dissipator in self.generator.dissipators.items():
            lost = h @ _algebra(dissipator.loss)
            carried = -(lost + lost.conj().T)
            for left, right in dissipator.jumps:
                carried = carried + _algebra(right).conj().T @ h @ _algebra(left)
            flat = self._flat(carried)
            places = np.flatnonzero(flat)
            gross = 4.0 * np.abs(dissipator.loss.diagonal) * energy
            found[bath] = CurrentFunctional(places, flat[places], self.sectors.diagonal, gross)
        return found

    def _flat(self, operator: Real | Block | sp.csr_array) -> Real:
        coo = sp.coo_array(operator) if sp.issparse(operator) else None
        rows, columns = operator.nonzero() if coo is None else coo.coords
        return self.sectors.flat(rows, columns, operator[rows, columns] if coo is None else coo.data)

    def current_rounding(self, flat: Real) -> dict[str, float]:
        """What double-double arithmetic leaves uncertain of each current."""
        return {bath: functional.rounding(flat) for bath, functional in self.functionals.items()}

    # ------------------------------------------------------------ weights

    @cached_property
    def _energies(self) -> list[tuple[Index, Real]]:
        return _real_form(self.generator.energy, self.sectors)

    @cached_property
    def conserves_energy(self) -> bool:
        """Whether the energy that heat is counted by commutes with the H that moves the state, so that Σ J = 0."""
        h, energy = self.generator.hamiltonian, self.generator.energy
        if h is energy:
            return True
        commutator = abs(h.matrix() @ energy.matrix() - energy.matrix() @ h.matrix())
        size = (abs(h.matrix()) @ abs(energy.matrix())).max()
        return bool(commutator.max() <= COMMUTATOR_ROUNDING * size)

    @cached_property
    def _jumps(self) -> dict[str, list[tuple[Slots, Slots]]]:
        slots: dict[str, list[tuple[Slots, Slots]]] = {}
        for bath, dissipator in self.generator.dissipators.items():
            slots[bath] = []
            for left, right in dissipator.jumps:
                first = _slots(left)
                slots[bath].append((first, first if right is left else _slots(right)))
        return slots

    @cached_property
    def _one_sided(self) -> dict[str | None, OneSided]:
        """-iH under None, and -M of every bath."""
        operators: dict[str | None, OneSided] = {None: _one_sided(self.generator.hamiltonian, -1j)}
        for bath, dissipator in self.generator.dissipators.items():
            operators[bath] = _one_sided(dissipator.loss, -1)
        return operators

    def _chunks(self) -> Iterator[tuple[int, dict[str | None, Stack]]]:
        """First place of each chunk of the flat array, with the weights of -i[H, ρ] (None) and of every bath."""
        unknowns = self.sectors.unknowns
        if unknowns <= REMEMBERED:
            yield from self._remembered
            return
        yield from self._enumerated()

    @cached_property
    def _remembered(self) -> list[tuple[int, dict[str | None, Stack]]]:
        return list(self._enumerated())

    def _enumerated(self) -> Iterator[tuple[int, dict[str | None, Stack]]]:
        for first in range(0, self.sectors.unknowns, CHUNK):
            last = min(first + CHUNK, self.sectors.unknowns)
            rows, columns = self.sectors.states_of_places(first, last)
            stacks = {}
            for bath, one_sided in self._one_sided.items():
                terms = self._losses(one_sided, rows, columns)
                if bath is None and self.decay:
                    terms.append(((np.full(len(rows), -self.decay), np.zeros(len(rows))), self._places(rows, columns)))
                for left, right in self._jumps.get(bath, []) if bath is not None else []:
                    terms += self._jump(left, right, rows, columns)
                stacks[bath] = _stacked(terms, len(rows))
            yield first, stacks

    def _places(self, rows: Index, columns: Index) -> Index:
        return self.sectors.row_places[rows] + self.sectors.column_places[columns]

    def _term(self, weight: tuple[dd.DoubleDouble, dd.DoubleDouble], row: Index, column: Index) -> Terms:
        """w ρ_kl in real form, Re(w) G_kl + Im(w) G_lk, without what vanishes."""
        real, imag = weight
        terms = [(real, self._places(row, column))] if real[0].any() else []
        return [*terms, (imag, self._places(column, row))] if imag[0].any() else terms

    def _losses(self, operator: OneSided, rows: Index, columns: Index) -> Terms:
        """Xρ + ρX†."""
        x, rest = operator.diagonal, operator.remainder
        real = dd.add((x.real[rows], rest.real[rows]), (x.real[columns], rest.real[columns]))
        imag = dd.add((x.imag[rows], rest.imag[rows]), (-x.imag[columns], -rest.imag[columns]))
        terms = self._term((real, imag), rows, columns)
        for column, value, remainder in operator.off_diagonal:
            left = np.zeros_like(value) if remainder is None else remainder
            before = (value.real[rows], left.real[rows]), (value.imag[rows], left.imag[rows])
            terms += self._term(before, column[rows], columns)
            after = (value.real[columns], left.real[columns]), (-value.imag[columns], -left.imag[columns])
            terms += self._term(after, rows, column[columns])
        return terms

    def _jump(self, left: Slots, right: Slots, rows: Index, columns: Index) -> Terms:
        """AρB†."""
        of_state, terms = self.sectors.of_state, []
        for left_column, left_value, _ in left:
            source, a = left_column[rows], left_value[rows]
            for right_column, right_value, _ in right:
                target, b = right_column[columns], right_value[columns].conj()
                inside = (of_state[source] == of_state[target]) & (a != 0) & (b != 0)
                if not inside.all():
                    if not inside.any():
                        continue
                    source_in, target_in = np.where(inside, source, 0), np.where(inside, target, 0)
                    weight = complex_product(np.where(inside, a, 0.0), b)
                    terms += self._term(weight, source_in, target_in)
                else:
                    terms += self._term(complex_product(a, b), source, target)
        return terms


def _stacked(terms: Terms, entries: int) -> Stack:
    if not terms:
        return (np.zeros((0, entries)), np.zeros((0, entries))), np.zeros((0, entries), dtype=np.int64)
    high = np.stack([weight[0] for weight, _ in terms])
    low = np.stack([weight[1] for weight, _ in terms])
    return (high, low), np.stack([places for _, places in terms])


def expectation(operator: Entries, sectors: Sectors, rho: dd.DoubleDouble) -> float:
    """Tr[Xρ] of a Hermitian operator, in the order of the sectors' states, and a state in double-double."""
    weights = _real_form(operator, sectors)
    return math.fsum(np.concatenate([np.empty(0), *_energy_terms(weights, 0, rho)]))


def _real_form(operator: Entries, sectors: Sectors) -> list[tuple[Index, Real]]:
    """A Hermitian operator in real form, real and imaginary entries apart so that neither is rounded: places, weights.

    Entries between sectors meet none of ρ.
    """
    inside = sectors.of_state[operator.rows] == sectors.of_state[operator.columns]
    places = sectors.row_places[operator.rows[inside]] + sectors.column_places[operator.columns[inside]]
    order = np.argsort(places)
    places, values = places[order], operator.values[inside][order]
    return [(places, part) for part in (values.real, values.imag) if part.any()]


def _energy_terms(energies: list[tuple[Index, Real]], first: int, part: dd.DoubleDouble) -> list[Real]:
    """The summands of Tr[H X] that belong to the entries of X from place `first` on."""
    terms = []
    for places, weights in energies:
        own = slice(*np.searchsorted(places, [first, first + len(part[0])]))
        if own.start < own.stop:
            at, weight = places[own] - first, weights[own]
            terms += [*dd.two_product(weight, part[0][at]), weight * part[1][at]]
    return terms


def _algebra(operator: Entries) -> Real | Block | sp.csr_array:
    """An operator to multiply with: dense where it is small."""
    if operator.dimension > FEW_STATES:
        return operator.matrix()
    return operator.block(slice(0, operator.dimension), slice(0, operator.dimension))


def on_sectors(generator: Generator, rho: Entries | None = None, decay: float = 0.0) -> SectorGenerator:
    """Find the sectors of a generator, which also hold a given state, and put it in their order."""
    sectors = find_sectors(generator, rho)
    return SectorGenerator(generator.permuted(sectors.order), sectors, decay)
