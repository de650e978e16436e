"""The generator and the heat currents in doubled precision: every product and sum carries about 32 digits.

A heat current is a small difference of large flows: in figure 2 of the paper 1e-13 out of 1e-5. Eq. (5) evaluated on a
state rounded to 16 digits is then noise. Here every number of ρ is the unevaluated sum of two doubles, and D(ρ) is
summed without rounding loss by the classic error-free transformations: Dekker, Numer. Math. 18, 224 (1971) for the
product; Knuth, The Art of Computer Programming 2, sec. 4.2.2 for the sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.generator import Dissipator, Generator
from qnet_qutip.solver.sectors import Index, Real, Sectors

Pair = tuple[Real, Real]
"""Numbers as unevaluated sums: leading part and remainder."""

SPLITTER = 134217729.0
"""2^27 + 1 halves the 53 bits of a double."""

CHUNK = 1 << 15
"""Entries of ρ handled at once: few enough to stay in the processor's cache."""


def two_sum(a: Real, b: Real) -> Pair:
    """a + b exactly, as the rounded sum and its error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _halves(a: Real) -> Pair:
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: Real, b: Real) -> Pair:
    """a·b exactly, as the rounded product and its error."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _sum(a: Pair, b: Pair) -> Pair:
    high, rest = two_sum(a[0], b[0])
    return high, rest + a[1] + b[1]


def _add_product(total: Pair, factor: Pair, entries: Pair) -> Pair:
    product, error = two_product(factor[0], entries[0])
    high, rest = two_sum(total[0], product)
    return high, total[1] + (rest + (error + factor[1] * entries[0] + factor[0] * entries[1]))


@dataclass(frozen=True, eq=False)
class Slots:
    """A sparse matrix with its entries in slots: slot k holds the k-th entry of every row, zero where there is none."""

    columns: tuple[NDArray[np.int64], ...]
    values: tuple[NDArray[np.complex128], ...]
    remainders: tuple[NDArray[np.complex128], ...]


def _slots(matrix: sp.csr_array, remainder: NDArray[np.complex128] | None = None) -> Slots:
    counts = np.diff(matrix.indptr)
    columns, values, remainders = [], [], []
    for slot in range(int(counts.max(initial=0))):
        rows = np.flatnonzero(counts > slot)
        places = matrix.indptr[rows] + slot
        column = np.zeros(len(counts), dtype=np.int64)
        value, rest = np.zeros(len(counts), dtype=complex), np.zeros(len(counts), dtype=complex)
        column[rows], value[rows] = matrix.indices[places], matrix.data[places]
        if remainder is not None:
            rest[rows] = remainder[places]
        columns.append(column)
        values.append(value)
        remainders.append(rest)
    return Slots(tuple(columns), tuple(values), tuple(remainders))


def _product_pairs(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> tuple[Pair | None, Pair | None]:
    """a·b as pairs for its real and imaginary parts, None for a part that vanishes."""
    if not (a.imag.any() or b.imag.any()):
        return two_product(a.real, b.real), None
    real = _sum(two_product(a.real, b.real), two_product(-a.imag, b.imag))
    return real, _sum(two_product(a.real, b.imag), two_product(a.imag, b.real))


def _loss_slots(dissipator: Dissipator, dimension: int) -> Slots:
    """M = Σ S†Λ with its remainder, so that losses balance jumps to the last digit."""
    keys, real, imag = [], [], []
    for left, right in dissipator.loss_factors:
        left_slots, right_slots = _slots(left), _slots(right)
        for row, left_value in zip(left_slots.columns, left_slots.values, strict=True):
            for column, right_value in zip(right_slots.columns, right_slots.values, strict=True):
                real_pair, imag_pair = _product_pairs(left_value.conj(), right_value)
                zero = np.zeros(dimension)
                keys.append(row * dimension + column)
                real.append(real_pair or (zero, zero))
                imag.append(imag_pair or (zero, zero))
    if not keys:
        return Slots((), (), ())
    key = np.concatenate(keys)
    entries, inverse = np.unique(key, return_inverse=True)
    totals = [(np.zeros(len(entries)), np.zeros(len(entries))) for _ in range(2)]
    parts = [[np.concatenate([pair[k] for pair in pairs]) for k in range(2)] for pairs in (real, imag)]
    # Entries that share a place are added one after the other: each pass takes the first that is left of every place.
    pending = np.arange(len(key))
    while len(pending):
        places, firsts = np.unique(inverse[pending], return_index=True)
        for index, (high, low) in enumerate(parts):
            chosen = pending[firsts]
            total, rest = two_sum(totals[index][0][places], high[chosen])
            totals[index][0][places] = total
            totals[index][1][places] += rest + low[chosen]
        pending = np.delete(pending, firsts)
    value, rest = totals[0][0] + 1j * totals[1][0], totals[0][1] + 1j * totals[1][1]
    kept = value != 0
    rows, columns = np.divmod(entries[kept], dimension)
    pointers = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=dimension))])
    matrix = sp.csr_array((value[kept], columns, pointers), shape=(dimension, dimension))
    return _slots(matrix, rest[kept])


class DoubledGenerator:
    """A generator acting on flat arrays of blocks in doubled precision.

    Parameters
    ----------
    generator : Generator
        In the order of the sectors' states.
    sectors : Sectors
    """

    def __init__(self, generator: Generator, sectors: Sectors) -> None:
        self._sectors = sectors
        self._state_sector, self._rows = sectors.state_sector(), sectors.row_offsets()
        self._places = np.arange(generator.dimension) - sectors.starts[self._state_sector]
        diagonal = sp.diags_array(generator.hamiltonian.diagonal()).tocsr()
        self._energies = generator.hamiltonian.diagonal().real
        off_diagonal = (generator.hamiltonian - diagonal).tocsr()
        off_diagonal.eliminate_zeros()
        self._hops = _slots(off_diagonal)
        self._hamiltonian = _slots(generator.hamiltonian)
        self._jumps = {
            bath: [(_slots(left), _slots(right)) for left, right in part.jumps]
            for bath, part in generator.dissipators.items()
        }
        self._losses = {bath: _loss_slots(part, generator.dimension) for bath, part in generator.dissipators.items()}

    def residual_and_currents(self, rho: Pair) -> tuple[Real, dict[str, float]]:
        """L(ρ), rounded once at the end, and Tr[H D(ρ)] of each bath, eq. (5).

        Parameters
        ----------
        rho : pair of ndarray of float, shape (unknowns,)
            ρ by sectors in real form, leading part and remainder.

        Returns
        -------
        residual : ndarray of float, shape (unknowns,)
        currents : dict of str to float
        """
        residual = np.zeros_like(rho[0])
        dissipated = {bath: (np.zeros_like(residual), np.zeros_like(residual)) for bath in self._jumps}
        for first in range(0, len(residual), CHUNK):
            places = slice(first, min(first + CHUNK, len(residual)))
            rows, columns = self._entry_states(places)
            high, low = self._coherent(rows, columns, rho)
            for bath in self._jumps:
                part_high, part_low = self._dissipated(bath, rows, columns, rho)
                dissipated[bath][0][places], dissipated[bath][1][places] = part_high, part_low
                high, rest = two_sum(high, part_high)
                low = low + part_low + rest
            residual[places] = high + low
        return residual, {bath: self._energy(*parts) for bath, parts in dissipated.items()}

    def _entry_states(self, places: slice) -> tuple[Index, Index]:
        """Row and column state of each entry of the flat array."""
        entries = np.arange(places.start, places.stop)
        rows = np.searchsorted(self._rows, entries, side="right") - 1
        return rows, entries - self._rows[rows] + self._sectors.starts[self._state_sector[rows]]

    def _add_term(
        self, total: Pair, real: Pair | None, imag: Pair | None, rho: Pair, row: Index, column: Index
    ) -> Pair:
        """Add w ρ_kl in real form, Re(w) G_kl + Im(w) G_lk; a part of w that is None is zero."""
        if real is not None:
            place = self._rows[row] + self._places[column]
            total = _add_product(total, real, (rho[0][place], rho[1][place]))
        if imag is not None:
            place = self._rows[column] + self._places[row]
            total = _add_product(total, imag, (rho[0][place], rho[1][place]))
        return total

    def _coherent(self, rows: Index, columns: Index, rho: Pair) -> Pair:
        """-i[H, ρ], the diagonal of H by exact differences of energies."""
        zero = np.zeros(len(rows))
        difference = two_sum(self._energies[columns], -self._energies[rows])
        total = self._add_term((zero, zero), None, difference, rho, rows, columns)
        for column, value in zip(self._hops.columns, self._hops.values, strict=True):
            before, after = -1j * value[rows], 1j * value[columns].conj()
            total = self._add_term(total, _part(before.real), _part(before.imag), rho, column[rows], columns)
            total = self._add_term(total, _part(after.real), _part(after.imag), rho, rows, column[columns])
        return total

    def _dissipated(self, bath: str, rows: Index, columns: Index, rho: Pair) -> Pair:
        """D(ρ) of one bath: Σ AρB† - (Mρ + ρM†)."""
        zero = np.zeros(len(rows))
        total = (zero, zero)
        for left, right in self._jumps[bath]:
            for left_column, left_value in zip(left.columns, left.values, strict=True):
                sources, a = left_column[rows], left_value[rows]
                for right_column, right_value in zip(right.columns, right.values, strict=True):
                    targets = right_column[columns]
                    b = right_value[columns].conj()
                    inside = (self._state_sector[sources] == self._state_sector[targets]) & (a != 0) & (b != 0)
                    if inside.any():
                        real, imag = _product_pairs(np.where(inside, a, 0.0), b)
                        first, second = np.where(inside, sources, 0), np.where(inside, targets, 0)
                        total = self._add_term(total, real, imag, rho, first, second)
        losses = self._losses[bath]
        for column, value, rest in zip(losses.columns, losses.values, losses.remainders, strict=True):
            before, before_rest = -value[rows], -rest[rows]
            after, after_rest = -value[columns].conj(), -rest[columns].conj()
            for w, w_rest, row, other in (
                (before, before_rest, column[rows], columns),
                (after, after_rest, rows, column[columns]),
            ):
                real, imag = _part(w.real, w_rest.real), _part(w.imag, w_rest.imag)
                total = self._add_term(total, real, imag, rho, row, other)
        return total

    def _energy(self, high: Real, low: Real) -> float:
        """Tr[H X] of a matrix in real form, given as leading part and remainder, rounded once."""
        states = np.arange(len(self._rows))
        summands: list[Real] = []
        for column, value in zip(self._hamiltonian.columns, self._hamiltonian.values, strict=True):
            places = self._rows[states] + self._places[column]
            for factor in (value.real, value.imag):
                if factor.any():
                    summands += [*two_product(factor, high[places]), factor * low[places]]
        return math.fsum(np.concatenate(summands)) if summands else 0.0


def _part(high: Real, low: Real | None = None) -> Pair | None:
    """A real or imaginary part of weights as a pair, None if it vanishes."""
    return (high, np.zeros(len(high)) if low is None else low) if high.any() else None
