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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.blocks import SectorBlocks, sector_blocks
from qnet_qutip.solver.generator import (
    Block,
    Entries,
    Generator,
    Index,
    Real,
    complex_product,
    grouped_sums,
    joined,
    stacked,
)
from qnet_qutip.solver.sectors import Sectors, find_sectors, whole

CHUNK = 1 << 11
"""Entries of ρ handled at once, some ten weights each: few enough to stay in the processor's cache."""

TABLE = 1 << 18
"""Weights enumerated at once: of dense operators, which have as many terms as entries, fewer entries than a chunk."""

REMEMBERED = 300_000
"""Unknowns up to which the weights are kept between evaluations, at some 400 bytes for each unknown, and a sparse
matrix is made of them; beyond, to enumerate them for a matrix takes as long as some ten products of blocks."""

DENSE = 400
"""Unknowns up to which L is a dense matrix: it is then applied and inverted faster than a sparse one."""

CURRENT_ROUNDING = 8 * dd.EPS**2
"""Rounding of a current in double-double, relative to the sum of the absolute values that it adds up."""

COMMUTATOR_ROUNDING = 1e-13
"""Entry of a commutator, relative to the products that it is the difference of, that is rounding."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What every entry of L(ρ) adds up: weights, double-double, times entries of ρ.

    Attributes
    ----------
    high, low : ndarray, shape (terms, entries)
    places : ndarray of int, shape (terms, entries)
        The entries of ρ that they multiply, in the flat array.
    baths : ndarray of int, shape (terms,)
        Number of the bath that a term is of; -1 for those of H and of the decay.
    """

    high: Real
    low: Real
    places: Index
    baths: Index

    def image(self, rho: dd.DoubleDouble) -> Real:
        """What they add up to, summed in double-double and rounded once at the end."""
        high, low = dd.column_sums(
            dd.multiply((self.high, self.low), (rho[0].take(self.places), rho[1].take(self.places)))
        )
        return high + low


def _at(table: NDArray[Any], states: Index) -> NDArray[Any]:
    """Columns of a table: `take` gathers them four times as fast as an index does."""
    return table.take(states, axis=1)


def _slots(dimension: int, count: int, rows: Index, columns: Index, *values: Real | Block) -> tuple[Any, ...]:
    """The entries of `count` operators by slots: the a-th entries of all rows of an operator are its a-th slot.

    Parameters
    ----------
    dimension, count : int
    rows : ndarray of int
        Of the entries of all operators, as in `stacked`.
    columns : ndarray of int
    values : ndarrays

    Returns
    -------
    operators : ndarray of int, shape (slots,)
        The operator that each slot is of, in ascending order.
    columns : ndarray of int, shape (slots, dimension)
    values : ndarrays, shape (slots, dimension)
        Zero where a row has no such entry.
    """
    owners = rows // dimension
    within = np.arange(len(rows)) - rows.searchsorted(rows)
    slots = np.zeros(count, dtype=np.int64)
    np.maximum.at(slots, owners, within + 1)
    slot, row = (slots.cumsum() - slots)[owners] + within, rows - dimension * owners
    shape, tables = (int(slots.sum()), dimension), []
    for value in (columns, *values):
        tables.append(np.zeros(shape, dtype=value.dtype))
        tables[-1][slot, row] = value
    return np.arange(count).repeat(slots), *tables


@dataclass(frozen=True, eq=False)
class OneSided:
    """Xρ + ρX† of several X, each purely real or purely imaginary and standing for X or X/i.

    X_ik gives (i, j) the term X_ik ρ_kj, and its conjugate gives X_jk* ρ_ik. In real form they multiply G_kj and G_ik
    for a real X; for an imaginary one G_jk and, with the other sign, G_ki. The tables of places hold what of a place
    is known from the row and what from the column, so that their sum is the place.

    Attributes
    ----------
    baths : ndarray of int, shape (operators,)
    signs : ndarray of int, shape (operators, 1)
        1 for a real X and -1 for an imaginary one.
    high, low : ndarray, shape (operators, dimension)
        The diagonals.
    row_places, column_places : ndarray of int, shape (operators, dimension)
        Of G_ij or, for an imaginary X, of G_ji.
    slots : tuple of ndarray
        Of the entries off the diagonal: baths and signs, shapes (slots,) and (slots, 1); values and remainders,
        places of k as row and as column, and places as above, shape (slots, dimension).
    """

    baths: Index
    signs: Index
    high: Real
    low: Real
    row_places: Index
    column_places: Index
    slots: tuple[np.ndarray, ...]

    def weights(self, rows: Index, columns: Index) -> list[tuple[Real, Real, Index, Index]]:
        """Weights, remainders, places and baths of the terms of the entries with these rows and columns."""
        high, low = _at(self.high, rows), _at(self.low, rows)
        # On the diagonal energies enter as differences, formed once and exactly.
        after = self.signs * _at(self.high, columns), self.signs * _at(self.low, columns)
        places = _at(self.row_places, rows) + _at(self.column_places, columns)
        terms = [(*dd.add((high, low), after), places, self.baths)]
        baths, signs, values, remainders, of_row, of_column, row_places, column_places = self.slots
        if len(baths):
            places = _at(of_row, rows) + _at(column_places, columns)
            terms.append((_at(values, rows), _at(remainders, rows), places, baths))
            places = _at(row_places, rows) + _at(of_column, columns)
            terms.append((signs * _at(values, columns), signs * _at(remainders, columns), places, baths))
        return terms


@dataclass(frozen=True, eq=False)
class Jumps:
    """AρB† of several jumps: a slot of A beside a slot of B gives (i, j) the term A_ik B_jm* ρ_km.

    A row of the tables holds such a pair of slots for every sector that i and j are in, each of some jump of one bath.

    Attributes
    ----------
    baths : ndarray of int, shape (table rows,)
    left, right : ndarray, shape (table rows, dimension)
        A_ik by i and B_jm* by j.
    left_sectors, right_sectors : ndarray of int, shape (table rows, dimension)
        Sectors of k and m; -1 and -2 where there is no entry, so that nothing is equal to them.
    left_places, right_places : tuple of ndarray of int, shape (table rows, dimension)
        What k and m add to the places of G_km and of G_mk.
    """

    baths: Index
    left: Real | Block
    right: Real | Block
    left_sectors: Index
    right_sectors: Index
    left_places: tuple[Index, Index]
    right_places: tuple[Index, Index]

    def weights(self, rows: Index, columns: Index) -> list[tuple[Real, Real, Index, Index]]:
        """Weights, remainders, places and baths of the terms of the entries with these rows and columns."""
        inside = _at(self.left_sectors, rows) == _at(self.right_sectors, columns)
        left, right = _at(self.left, rows) * inside, _at(self.right, columns)
        parts = complex_product(left, right)[: 2 if np.iscomplexobj(left) else 1]
        return [
            (high, low, (_at(of_row, rows) + _at(of_column, columns)) * inside, self.baths)
            for (high, low), of_row, of_column in zip(parts, self.left_places, self.right_places, strict=False)
        ]


@dataclass(frozen=True, eq=False)
class CurrentFunctionals:
    """The heat currents J = Σ h·G of the baths: their h, double-double, entry by entry.

    Attributes
    ----------
    names : tuple of str
        Of the baths.
    baths, places : ndarray of int, shape (entries,)
        Number of the bath, ascending, and place in the flat array.
    high, low : ndarray, shape (entries,)
    diagonal : ndarray of int, shape (dimension,)
        Places of the populations.
    gross : ndarray, shape (baths, dimension)
        For each population what eq. (5) adds up for it: four times the loss, by the jump and by either side of H.
    """

    names: tuple[str, ...]
    baths: Index
    places: Index
    high: Real
    low: Real
    diagonal: Index
    gross: Real

    def __call__(self, flat: Real) -> dict[str, float]:
        """The currents in ordinary precision, which is enough to judge with."""
        return self._by_bath(self.high * flat.take(self.places))

    def exact(self, rho: dd.DoubleDouble) -> dict[str, float]:
        """The currents in double-double."""
        high, low = dd.multiply((self.high, self.low), (rho[0].take(self.places), rho[1].take(self.places)))
        return {
            name: math.fsum(high[own].tolist() + low[own].tolist())
            for name, own in zip(self.names, self._spans, strict=True)
        }

    def exchanged(self, flat: Real) -> dict[str, float]:
        """|h|·|G|: the energy that jumps carry in all, one way and the other."""
        return self._by_bath(np.abs(self.high * flat.take(self.places)))

    def rounding(self, flat: Real) -> dict[str, float]:
        """What double-double arithmetic leaves uncertain of each current."""
        return dict(
            zip(self.names, (CURRENT_ROUNDING * (self.gross @ np.abs(flat[self.diagonal]))).tolist(), strict=True)
        )

    @cached_property
    def largest(self) -> dict[str, float]:
        """Largest entry of |h|."""
        return {
            name: float(np.abs(self.high[own]).max(initial=0.0))
            for name, own in zip(self.names, self._spans, strict=True)
        }

    @cached_property
    def _spans(self) -> list[slice]:
        bounds = self.baths.searchsorted(np.arange(len(self.names) + 1)).tolist()
        return list(map(slice, bounds[:-1], bounds[1:]))

    def _by_bath(self, summands: Real) -> dict[str, float]:
        sums = np.bincount(self.baths, weights=summands, minlength=len(self.names))
        return dict(zip(self.names, sums.tolist(), strict=True))


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

    @property
    def baths(self) -> tuple[str, ...]:
        """Names of the baths."""
        return tuple(self.generator.dissipators)

    @property
    def fastest_loss(self) -> float:
        """The largest rate at which baths take a basis state's population away."""
        return self.generator.fastest_loss

    @property
    def largest_energy(self) -> float:
        """Largest entry of H."""
        return float(np.abs(self.generator.hamiltonian.values).max(initial=0.0))

    @property
    def on_the_whole(self) -> SectorGenerator:
        """The same with all states as one sector."""
        in_place = self.generator.permuted(self.sectors.rank)
        return SectorGenerator(in_place, whole(self.generator.dimension), self.decay)

    def transfers(self) -> tuple[Index, Index]:
        """Sectors that jumps lead from and to."""
        empty = np.empty(0, dtype=np.int64)
        source = np.concatenate([empty, *(left.columns for left, _ in self.generator.jumps)])
        target = np.concatenate([empty, *(left.rows for left, _ in self.generator.jumps)])
        return self.sectors.of_state[source], self.sectors.of_state[target]

    # ------------------------------------------------------------ ordinary precision

    @cached_property
    def matrix(self) -> sp.csr_array:
        """L in real form and ordinary precision, shape (unknowns, unknowns)."""
        values: list[Real] = []
        places: list[NDArray[np.int32]] = []
        lengths: list[Index] = [np.zeros(1, dtype=np.int64)]
        for _, weights in self._chunks():
            terms, entries = weights.high.shape
            values.append(weights.high.T.ravel())
            places.append(weights.places.astype(np.int32).T.ravel())
            lengths.append(np.full(entries, terms, dtype=np.int64))
        pointers = np.concatenate(lengths).cumsum()
        shape = (self.sectors.unknowns,) * 2
        matrix = sp.csr_array((np.concatenate(values), np.concatenate(places), pointers), shape=shape)
        # Which take less time to leave out than to pick out.
        matrix.eliminate_zeros()
        return matrix

    @cached_property
    def dense(self) -> Real:
        """The same as a dense matrix."""
        unknowns = self.sectors.unknowns
        dense = np.empty((unknowns, unknowns))
        for first, weights in self._chunks():
            entries = weights.high.shape[1]
            places = np.arange(0, entries * unknowns, unknowns) + weights.places
            rows = np.bincount(places.ravel(), weights=weights.high.ravel(), minlength=entries * unknowns)
            dense[first : first + entries] = rows.reshape(entries, unknowns)
        return dense

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
        size = np.abs(flat)
        return np.concatenate(
            [(np.abs(weights.high) * size.take(weights.places)).sum(axis=0) for _, weights in self._chunks()]
        )

    # ------------------------------------------------------------ double-double

    def residual(self, rho: dd.DoubleDouble) -> Real:
        """L(ρ), rounded once at the end.

        Parameters
        ----------
        rho : pair of ndarray of float, shape (unknowns,)
            ρ by sectors in real form, leading doubles and remainders.
        """
        return np.concatenate([weights.image(rho) for _, weights in self._chunks()])

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
        return self.residual(rho), self.functionals.exact(rho)

    @cached_property
    def functionals(self) -> CurrentFunctionals:
        """The current of each bath as a functional of ρ: Σ E_kj w over the weights w of the entries (j, k) of D(ρ).

        E is what heat is counted by. Its entries between sectors meet none of D(ρ).
        """
        sectors, unknowns = self.sectors, self.sectors.unknowns
        entries = within_sectors(self.generator.energy, sectors)
        # E in real form, exactly: the sum of its real and imaginary parts in double-double.
        energies = dd.two_sum(entries.values.real, entries.values.imag)
        keys: list[Index] = [np.empty(0, dtype=np.int64)]
        summands: list[dd.DoubleDouble] = [(np.empty(0), np.empty(0))]
        for first in range(0, len(entries.rows), self._chunk):
            own = slice(first, first + self._chunk)
            weights = self._weights_of(entries.rows[own], entries.columns[own])
            term, entry = ((weights.baths >= 0)[:, None] & (weights.high != 0)).nonzero()
            keys.append(unknowns * weights.baths[term] + weights.places[term, entry])
            energy = energies[0][own][entry], energies[1][own][entry]
            summands.append(dd.multiply((weights.high[term, entry], weights.low[term, entry]), energy))
        high, low = (np.concatenate(each) for each in zip(*summands, strict=True))
        key, (high, low) = grouped_sums(np.concatenate(keys), (high, low))
        kept = np.flatnonzero(high)
        baths, places = np.divmod(key[kept], unknowns)
        dissipators = self.generator.dissipators
        dimension = self.generator.dimension
        energy_sums = np.bincount(entries.rows, weights=np.abs(entries.values), minlength=dimension)
        losses = [4.0 * np.abs(dissipator.loss.diagonal) * energy_sums for dissipator in dissipators.values()]
        gross = np.array(losses).reshape(len(losses), dimension)
        return CurrentFunctionals(tuple(dissipators), baths, places, high[kept], low[kept], sectors.diagonal, gross)

    def current_rounding(self, flat: Real) -> dict[str, float]:
        """What double-double arithmetic leaves uncertain of each current."""
        return self.functionals.rounding(flat)

    @cached_property
    def conserves_energy(self) -> bool:
        """Whether the energy that heat is counted by commutes with the H that moves the state, so that Σ J = 0."""
        h, energy = self.generator.hamiltonian, self.generator.energy
        if h is energy:
            return True
        commutator = abs(h.matrix() @ energy.matrix() - energy.matrix() @ h.matrix())
        size = (abs(h.matrix()) @ abs(energy.matrix())).max()
        return bool(commutator.max() <= COMMUTATOR_ROUNDING * size)

    # ------------------------------------------------------------ weights

    @cached_property
    def _one_sided(self) -> OneSided:
        """-iH, and -M of every bath."""
        h, dimension = self.generator.hamiltonian, self.generator.dimension
        pieces: list[tuple[Entries, Real, Real]] = []
        kinds, of_baths = [], []
        losses = [dissipator.loss for dissipator in self.generator.dissipators.values()]
        for bath, operator in zip(range(-1, len(losses)), [h, *losses], strict=True):
            # -iH exchanges the real and the imaginary part of H.
            left = np.zeros(len(operator.rows)) if operator.remainders is None else operator.remainders
            parts = [(int(bath < 0), -operator.values.real, -left.real)]
            if np.iscomplexobj(operator.values):
                parts.append((int(bath >= 0), (1 if bath < 0 else -1) * operator.values.imag, -left.imag))
            for kind, part, remainder in parts:
                pieces.append((operator, part, remainder))
                kinds.append(kind)
                of_baths.append(bath)
        imaginary, baths = np.array(kinds), np.array(of_baths)
        rows, _ = stacked([operator for operator, _, _ in pieces])
        columns = np.concatenate([operator.columns for operator, _, _ in pieces])
        values = np.concatenate([values for _, values, _ in pieces])
        remainders = np.concatenate([left for _, _, left in pieces])
        on = rows % dimension == columns
        diagonals = np.zeros((2, len(pieces) * dimension))
        diagonals[:, rows[on]] = values[on], remainders[on]
        high, low = diagonals.reshape(2, len(pieces), dimension)
        signs = np.where(imaginary, -1, 1)
        places = np.stack([self.sectors.row_places, self.sectors.column_places])
        row_places, column_places = places[imaginary], places[1 - imaginary]
        off = ~on
        of, k, values, remainders = _slots(
            dimension, len(pieces), rows[off], columns[off], values[off], remainders[off]
        )
        swapped = imaginary[of, None]
        slots = (
            *(baths[of], signs[of, None], values, remainders),
            *(places[swapped, k], places[1 - swapped, k], row_places[of], column_places[of]),
        )
        present = np.flatnonzero(high.any(axis=1))
        return OneSided(
            *(baths[present], signs[present, None], high[present], low[present]),
            *(row_places[present], column_places[present], slots),
        )

    @cached_property
    def _jumps(self) -> Jumps | None:
        """The jumps of all baths; None if there are none.

        A slot's entries with rows in one sector are a *piece*; pieces of A and B in the same sector make a pair. Pairs
        in different sectors meet in no entry of ρ, and share a row of the tables: thousands of jumps with one entry
        each take no more rows than there are jumps into one state.
        """
        jumps = [
            (bath, left, right)
            for bath, dissipator in enumerate(self.generator.dissipators.values())
            for left, right in dissipator.jumps
        ]
        if not jumps:
            return None
        dimension, sectors, count = self.generator.dimension, self.sectors, len(self.sectors.sizes)
        operators = list({id(side): side for _, *sides in jumps for side in sides}.values())
        number = {id(operator): index for index, operator in enumerate(operators)}
        numbers = [(bath, number[id(left)], number[id(right)]) for bath, left, right in jumps]
        bath_of_jump, of_left, of_right = np.array(numbers).T
        rows, owners = stacked(operators)
        columns, values = (np.concatenate([getattr(one, name) for one in operators]) for name in ("columns", "values"))
        states = rows - dimension * owners
        # Sectors are in ascending order of states, and so are operators and sectors together.
        within, inside = np.arange(len(rows)) - rows.searchsorted(rows), owners * count + sectors.of_state[states]
        slots = int(within.max(initial=0)) + 1
        by_piece = (inside * slots + within).argsort(kind="stable")
        inside, within = inside[by_piece], within[by_piece]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (inside[1:] != inside[:-1]) | (within[1:] != within[:-1])
        starts = np.flatnonzero(new)
        stops, inside = np.append(starts[1:], len(rows)), inside[starts]
        of_operator = inside.searchsorted(count * np.arange(len(operators) + 1))
        jump, left = joined(of_operator[of_left], of_operator[of_left + 1])
        beside = of_right[jump] * count + inside[left] % count
        pair, right = joined(inside.searchsorted(beside), inside.searchsorted(beside, side="right"))
        left, bath = left[pair], bath_of_jump[jump[pair]]
        shared = bath * count + inside[left] % count
        order = shared.argsort(kind="stable")
        shared, line = shared[order], np.empty_like(order)
        line[order] = np.arange(len(order)) - shared.searchsorted(shared)
        heights = np.zeros(len(self.generator.dissipators), dtype=np.int64)
        np.maximum.at(heights, bath, line + 1)
        line += (heights.cumsum() - heights)[bath]
        shape = (int(heights.sum()), dimension)

        def table(piece: Index) -> Index:
            """Which entry of the operators stands where; one more than there are stands for none."""
            which, entry = joined(starts[piece], stops[piece])
            entry, found = by_piece[entry], np.full(shape, len(rows))
            found[line[which], states[entry]] = entry
            return found

        left, right = table(left), table(right)
        values, columns = np.append(values, 0.0), np.append(columns, 0)
        sector, row_places, column_places = sectors.of_state[columns], sectors.row_places, sectors.column_places
        left_columns, right_columns = columns[left], columns[right]
        sector[-1] = -1
        left_sectors = sector[left]
        sector[-1] = -2
        return Jumps(
            *(np.arange(len(heights)).repeat(heights), values[left], values[right].conj(), left_sectors, sector[right]),
            (row_places[left_columns], column_places[left_columns]),
            (column_places[right_columns], row_places[right_columns]),
        )

    def _weights(self, rows: Index, columns: Index) -> Weights:
        """The weights of the entries of L(ρ) with these rows and columns."""
        terms = self._one_sided.weights(rows, columns)
        if self._jumps is not None:
            terms += self._jumps.weights(rows, columns)
        if self.decay:
            shape = (1, len(rows))
            places = self.sectors.row_places[rows] + self.sectors.column_places[columns]
            terms.append((np.full(shape, -self.decay), np.zeros(shape), places[None], np.array([-1])))
        high, low, places, baths = (np.concatenate(each) for each in zip(*terms, strict=True))
        present = high.any(axis=1)
        if present.all():
            return Weights(high, low, places, baths)
        return Weights(high[present], low[present], places[present], baths[present])

    def _weights_of(self, rows: Index, columns: Index) -> Weights:
        """The same, from those that are remembered if they are in one chunk."""
        if self.sectors.unknowns > min(self._chunk, REMEMBERED):
            return self._weights(rows, columns)
        ((_, weights),) = self._remembered
        own = self.sectors.row_places[rows] + self.sectors.column_places[columns]
        return Weights(
            _at(weights.high, own),
            _at(weights.low, own),
            _at(weights.places, own),
            weights.baths,
        )

    def _chunks(self) -> Iterator[tuple[int, Weights]]:
        """First place of each chunk of the flat array, with its weights."""
        yield from self._remembered if self.sectors.unknowns <= REMEMBERED else self._enumerated()

    @property
    def _chunk(self) -> int:
        terms = 0 if self._jumps is None else len(self._jumps.baths)
        return max(min(CHUNK, TABLE // max(terms, 1)), 1)

    @cached_property
    def _remembered(self) -> list[tuple[int, Weights]]:
        return list(self._enumerated())

    def _enumerated(self) -> Iterator[tuple[int, Weights]]:
        unknowns, chunk = self.sectors.unknowns, self._chunk
        for first in range(0, unknowns, chunk):
            yield first, self._weights(*self.sectors.states_of_places(first, min(first + chunk, unknowns)))


def expectation(operator: Entries, sectors: Sectors, rho: dd.DoubleDouble) -> float:
    """Tr[Xρ] of a Hermitian operator, in the order of the sectors' states, and a state in double-double."""
    inside = within_sectors(operator, sectors)
    places = sectors.row_places[inside.rows] + sectors.column_places[inside.columns]
    real_form = dd.two_sum(inside.values.real, inside.values.imag)
    high, low = dd.multiply(real_form, (rho[0][places], rho[1][places]))
    return math.fsum(high.tolist() + low.tolist())


def within_sectors(operator: Entries, sectors: Sectors) -> Entries:
    """The entries of an operator, in the order of the sectors' states, that are not between two sectors."""
    inside = sectors.of_state[operator.rows] == sectors.of_state[operator.columns]
    if inside.all():
        return operator
    return Entries(operator.dimension, operator.rows[inside], operator.columns[inside], operator.values[inside])


def on_sectors(generator: Generator, rho: Entries | None = None, decay: float = 0.0) -> SectorGenerator:
    """Find the sectors of a generator, which also hold a given state, and put it in their order."""
    sectors = find_sectors(generator, rho)
    return SectorGenerator(generator.permuted(sectors.order), sectors, decay)
