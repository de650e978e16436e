"""The generator and the heat currents in doubled precision: every product and sum carries about 32 digits.

A heat current is a small difference of large flows: in figure 2 of the paper 1e-13 out of 1e-5. Eq. (5) evaluated on a
state rounded to 16 digits is then noise. Here ρ is the unevaluated sum of two doubles, and D(ρ) is summed without
rounding loss by the classic error-free transformations: Dekker, Numer. Math. 18, 224 (1971) for the product; Knuth,
The Art of Computer Programming 2, sec. 4.2.2 for the sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.generator import Dissipator, Generator
from qnet_qutip.solver.sectors import Sectors

Real = NDArray[np.float64]
Pair = tuple[Real, Real]
"""A number as an unevaluated sum: leading part and remainder."""

Doubled = tuple[NDArray[np.complex128], NDArray[np.complex128]]
"""The same for complex numbers."""

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


class Sum:
    """A running sum of products in doubled precision, for complex entries."""

    def __init__(self, size: int) -> None:
        self._real = (np.zeros(size), np.zeros(size))
        self._imag = (np.zeros(size), np.zeros(size))

    def add(self, real: Pair | None, imag: Pair | None, entries: Doubled) -> None:
        """Add (real + i·imag) times entries; a part that is None is zero."""
        high, low = entries
        if real is not None:
            self._real = _add_product(self._real, real, (high.real, low.real))
            self._imag = _add_product(self._imag, real, (high.imag, low.imag))
        if imag is not None:
            self._real = _add_product(self._real, (-imag[0], -imag[1]), (high.imag, low.imag))
            self._imag = _add_product(self._imag, imag, (high.real, low.real))

    def result(self) -> Doubled:
        """Leading part and remainder."""
        real, imag = two_sum(*self._real), two_sum(*self._imag)
        return real[0] + 1j * imag[0], real[1] + 1j * imag[1]


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
    terms = Sum(len(a))
    zero = np.zeros(len(a))
    terms.add((a.real, zero), (a.imag, zero), (b, np.zeros_like(b)))
    high, low = terms.result()
    return (high.real, low.real), (high.imag, low.imag)


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

    def residual_and_currents(self, rho: Doubled) -> tuple[NDArray[np.complex128], dict[str, float]]:
        """L(ρ), rounded once at the end, and Tr[H D(ρ)] of each bath, eq. (5).

        Parameters
        ----------
        rho : pair of ndarray of complex, shape (unknowns,)
            ρ by sectors, leading part and remainder.

        Returns
        -------
        residual : ndarray of complex, shape (unknowns,)
        currents : dict of str to float
        """
        residual = np.zeros_like(rho[0])
        dissipated = {bath: (np.zeros_like(residual), np.zeros_like(residual)) for bath in self._jumps}
        for first in range(0, len(residual), CHUNK):
            places = slice(first, min(first + CHUNK, len(residual)))
            rows, columns = self._entry_states(places)
            high, low = self._coherent(rows, columns, rho).result()
            for bath in self._jumps:
                part_high, part_low = self._dissipated(bath, rows, columns, rho).result()
                dissipated[bath][0][places], dissipated[bath][1][places] = part_high, part_low
                real, imag = two_sum(high.real, part_high.real), two_sum(high.imag, part_high.imag)
                high = real[0] + 1j * imag[0]
                low = low + part_low + (real[1] + 1j * imag[1])
            residual[places] = high + low
        return residual, {bath: self._energy(*parts) for bath, parts in dissipated.items()}

    def _entry_states(self, places: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column state of each entry of the flat array."""
        entries = np.arange(places.start, places.stop)
        rows = np.searchsorted(self._rows, entries, side="right") - 1
        return rows, entries - self._rows[rows] + self._sectors.starts[self._state_sector[rows]]

    def _coherent(self, rows: NDArray[np.int64], columns: NDArray[np.int64], rho: Doubled) -> Sum:
        """-i[H, ρ], the diagonal of H by exact differences of energies."""
        terms = Sum(len(rows))
        difference = two_sum(self._energies[rows], -self._energies[columns])
        terms.add(None, (-difference[0], -difference[1]), _pick(rho, self._rows[rows] + self._places[columns]))
        for column, value in zip(self._hops.columns, self._hops.values, strict=True):
            before, after = value[rows], value[columns].conj()
            zero = np.zeros(len(rows))
            above, beside = (
                self._rows[column[rows]] + self._places[columns],
                self._rows[rows] + self._places[column[columns]],
            )
            _add_if_any(terms, (before.imag, zero), (-before.real, zero), rho, above)
            _add_if_any(terms, (-after.imag, zero), (after.real, zero), rho, beside)
        return terms

    def _dissipated(self, bath: str, rows: NDArray[np.int64], columns: NDArray[np.int64], rho: Doubled) -> Sum:
        """D(ρ) of one bath: Σ AρB† - (Mρ + ρM†)."""
        terms = Sum(len(rows))
        for left, right in self._jumps[bath]:
            for left_column, left_value in zip(left.columns, left.values, strict=True):
                sources, a = left_column[rows], left_value[rows]
                for right_column, right_value in zip(right.columns, right.values, strict=True):
                    targets = right_column[columns]
                    b = right_value[columns].conj()
                    inside = (self._state_sector[sources] == self._state_sector[targets]) & (a != 0) & (b != 0)
                    if inside.any():
                        real, imag = _product_pairs(np.where(inside, a, 0.0), b)
                        places = np.where(inside, self._rows[sources] + self._places[targets], 0)
                        terms.add(real, imag, _pick(rho, places))
        losses = self._losses[bath]
        for column, value, rest in zip(losses.columns, losses.values, losses.remainders, strict=True):
            before, before_rest = -value[rows], -rest[rows]
            after, after_rest = -value[columns].conj(), -rest[columns].conj()
            above, beside = (
                self._rows[column[rows]] + self._places[columns],
                self._rows[rows] + self._places[column[columns]],
            )
            _add_if_any(terms, (before.real, before_rest.real), (before.imag, before_rest.imag), rho, above)
            _add_if_any(terms, (after.real, after_rest.real), (after.imag, after_rest.imag), rho, beside)
        return terms

    def _energy(self, high: NDArray[np.complex128], low: NDArray[np.complex128]) -> float:
        """Re Tr[H X] of a matrix given as leading part and remainder, rounded once."""
        states = np.arange(len(self._rows))
        summands: list[Real] = []
        for column, value in zip(self._hamiltonian.columns, self._hamiltonian.values, strict=True):
            places = self._rows[column] + self._places[states]
            for factor, part, rest in (
                (value.real, high[places].real, low[places].real),
                (-value.imag, high[places].imag, low[places].imag),
            ):
                summands += [*two_product(factor, part), factor * rest]
        return math.fsum(np.concatenate(summands)) if summands else 0.0


def _pick(rho: Doubled, places: NDArray[np.int64]) -> Doubled:
    return rho[0][places], rho[1][places]


def _add_if_any(terms: Sum, real: Pair, imag: Pair, rho: Doubled, places: NDArray[np.int64]) -> None:
    terms.add(real if real[0].any() else None, imag if imag[0].any() else None, _pick(rho, places))
