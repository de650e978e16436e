"""The generator of a master equation as the entries of its operators: Hamiltonian, jumps and losses.

L(ρ) = -i[H, ρ] + Σ_bath D(ρ) with D(ρ) = Σ AρB† - (Mρ + ρM†). A collapse operator L gives the jump (L, L) and the loss
M = ½L†L. A pair (S, Λ), the form of Redfield's equation, gives the jumps (Λ, S) and (S, Λ) and the loss M = S†Λ:
D(ρ) = ΛρS† + SρΛ† - S†Λρ - ρΛ†S.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver import double_double as dd

CollapseOperator: TypeAlias = qutip.Qobj | tuple[qutip.Qobj, qutip.Qobj]
Index: TypeAlias = NDArray[np.int64]
Real: TypeAlias = NDArray[np.floating[Any]]
Block: TypeAlias = NDArray[np.complexfloating[Any, Any]]

FEW_STATES = 64
"""Up to this dimension the entries are read off the dense matrix, which takes a tenth of SciPy's time."""


@dataclass(frozen=True, eq=False)
class Entries:
    """The nonzero entries of an operator, row after row; about ten times as fast to make as a matrix of SciPy.

    Attributes
    ----------
    dimension : int
    rows, columns : ndarray of int, shape (number of entries,)
    values : ndarray of float or complex
    remainders : ndarray or None
        What `values` lacks of the exact entries, if it is known.
    """

    dimension: int
    rows: Index
    columns: Index
    values: Real | Block
    remainders: Real | Block | None = None

    @cached_property
    def starts(self) -> Index:
        """Where each row starts, shape (dimension + 1,)."""
        return np.searchsorted(self.rows, np.arange(self.dimension + 1))

    @cached_property
    def diagonal(self) -> Real | Block:
        """The diagonal, shape (dimension,)."""
        diagonal = zeros_of(self.values, (self.dimension,))
        on = self.rows == self.columns
        diagonal[self.rows[on]] = self.values[on]
        return diagonal

    def times(self, factor: complex) -> Entries:
        """The entries times a number, rounded to double precision."""
        return Entries(self.dimension, self.rows, self.columns, np.asarray(factor * self.values))

    def adjoint(self) -> Entries:
        """The Hermitian conjugate."""
        return _in_rows(self.dimension, self.columns, self.rows, self.values.conj())

    def permuted(self, rank: Index) -> Entries:
        """The same operator with basis state k as number rank[k]."""
        return _in_rows(self.dimension, rank[self.rows], rank[self.columns], self.values, self.remainders)

    def block(self, rows: slice, columns: slice) -> Real | Block:
        """A block as a dense array."""
        own = slice(self.starts[rows.start], self.starts[rows.stop])
        row, column, values = self.rows[own], self.columns[own], self.values[own]
        block = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=values.dtype)
        inside = (column >= columns.start) & (column < columns.stop)
        block[row[inside] - rows.start, column[inside] - columns.start] = values[inside]
        return block

    def matrix(self) -> sp.csr_array:
        """As a matrix of SciPy."""
        return sp.csr_array((self.values, self.columns, self.starts), shape=(self.dimension, self.dimension))


def _in_rows(
    dimension: int, rows: Index, columns: Index, values: Real | Block, remainders: Real | Block | None = None
) -> Entries:
    order = np.argsort(rows * dimension + columns)
    left = None if remainders is None else remainders[order]
    return Entries(dimension, rows[order], columns[order], values[order], left)


def entries(operator: qutip.Qobj) -> Entries:
    """The entries of a QuTiP operator, real if all of them are."""
    dimension = operator.shape[0]
    if dimension <= FEW_STATES or isinstance(operator.data, qutip.data.Dense):
        dense = operator.full()
        rows, columns = dense.nonzero()
        values = dense[rows, columns]
    else:
        matrix = sparse_matrix(operator)
        rows = np.repeat(np.arange(dimension), np.diff(matrix.indptr))
        columns, values = matrix.indices.astype(np.int64), matrix.data
    if np.iscomplexobj(values) and not values.imag.any():
        values = values.real.copy()
    return Entries(dimension, rows, columns, values)


def zeros_of(values: Real | Block, shape: tuple[int, ...]) -> Real | Block:
    """Zeros to put such values in, complex only if they are."""
    if np.iscomplexobj(values):
        return np.zeros(shape, dtype=complex)
    return np.zeros(shape)


def sparse_matrix(operator: qutip.Qobj) -> sp.csr_array:
    """A QuTiP operator as a SciPy matrix without stored zeros."""
    if isinstance(operator.data, qutip.data.Dense):
        # QuTiP's own conversion of a dense matrix drops entries below 1e-14.
        matrix = sp.csr_array(operator.full())
    else:
        # Operators can be stored by diagonals, which data_as cannot hand out as rows.
        matrix = sp.csr_array(operator.to("CSR").data_as("csr_matrix"))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix if matrix.data.imag.any() else matrix.real


def operator_like(operator: qutip.Qobj, matrix: NDArray[Any] | sp.csr_matrix) -> qutip.Qobj:
    """A matrix as a sparse QuTiP operator with the dimensions of another, those of an excitation-cut space included."""
    # QuTiP drops small entries of what it converts itself, and takes such dimensions from no list.
    made = operator.copy()
    if isinstance(matrix, np.ndarray):
        rows, columns = matrix.nonzero()
        starts = np.searchsorted(rows, np.arange(len(matrix) + 1)).astype(np.int32)
        entries = matrix[rows, columns].astype(complex), columns.astype(np.int32), starts
        made.data = qutip.data.CSR(entries, shape=matrix.shape)
    else:
        made.data = qutip.data.CSR(matrix.astype(complex))
    return made


@dataclass(frozen=True, eq=False)
class Dissipator:
    """One bath's dissipator.

    Attributes
    ----------
    jumps : tuple of (Entries, Entries)
        (A, B), standing for AρB†.
    loss_factors : tuple of (Entries, Entries, float)
        (S, Λ, c), whose sum c S†Λ is the loss M; c is ½ for a collapse operator and 1 for a pair.
    loss : Entries
        M with its remainder.
    """

    jumps: tuple[tuple[Entries, Entries], ...]
    loss_factors: tuple[tuple[Entries, Entries, float], ...]
    loss: Entries


@dataclass(frozen=True, eq=False)
class Generator:
    """H and the dissipators by bath, and what heat is counted by; every operator has the same dimension."""

    hamiltonian: Entries
    dissipators: Mapping[str, Dissipator]
    energy: Entries

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return self.hamiltonian.dimension

    @cached_property
    def jumps(self) -> tuple[tuple[Entries, Entries], ...]:
        """The jumps of all baths."""
        return tuple(jump for dissipator in self.dissipators.values() for jump in dissipator.jumps)

    @cached_property
    def loss(self) -> Entries:
        """M of all baths together."""
        return total(self.dimension, [dissipator.loss for dissipator in self.dissipators.values()])

    @cached_property
    def effective(self) -> Entries:
        """K = H - iM."""
        return total(self.dimension, [self.hamiltonian, self.loss.times(-1j)])

    def permuted(self, order: Index) -> Generator:
        """The same generator with the basis states in another order."""
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        moved: dict[int, Entries] = {}

        def move(operator: Entries) -> Entries:
            # An operator that stands in several places is moved once and stays one object.
            if id(operator) not in moved:
                moved[id(operator)] = operator.permuted(rank)
            return moved[id(operator)]

        return Generator(
            move(self.hamiltonian),
            {
                bath: Dissipator(
                    tuple((move(left), move(right)) for left, right in dissipator.jumps),
                    tuple((move(left), move(right), factor) for left, right, factor in dissipator.loss_factors),
                    move(dissipator.loss),
                )
                for bath, dissipator in self.dissipators.items()
            },
            move(self.energy),
        )


def total(dimension: int, operators: Iterable[Entries]) -> Entries:
    """The sum of operators, each entry in double precision."""
    listed = list(operators)
    if not listed:
        return Entries(dimension, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    if len(listed) == 1:
        return listed[0]
    places = np.concatenate([operator.rows * dimension + operator.columns for operator in listed])
    values = np.concatenate([operator.values for operator in listed])
    distinct, inverse = np.unique(places, return_inverse=True)
    summed: Real | Block = np.bincount(inverse, weights=values.real, minlength=len(distinct)).astype(float)
    if np.iscomplexobj(values):
        summed = summed + 1j * np.bincount(inverse, weights=values.imag, minlength=len(distinct))
    rows, columns = np.divmod(distinct, dimension)
    return Entries(dimension, rows, columns, summed)


def build_generator(
    hamiltonian: qutip.Qobj,
    collapse_operators: Mapping[str, Iterable[CollapseOperator]],
    energy: qutip.Qobj | None = None,
) -> Generator:
    """Generator of a Hamiltonian and of collapse operators (or pairs) by bath; heat is counted by H by default."""
    dissipators = {}
    for bath, members in collapse_operators.items():
        jumps: list[tuple[Entries, Entries]] = []
        factors: list[tuple[Entries, Entries, float]] = []
        for member in members:
            if isinstance(member, tuple):
                coupling, filtered = entries(member[0]), entries(member[1])
                jumps += [(filtered, coupling), (coupling, filtered)]
                factors.append((coupling, filtered, 1.0))
            else:
                jump = entries(member)
                jumps.append((jump, jump))
                factors.append((jump, jump, 0.5))
        dissipators[bath] = Dissipator(tuple(jumps), tuple(factors), _loss(hamiltonian.shape[0], factors))
    moving = entries(hamiltonian)
    return Generator(moving, dissipators, moving if energy is None or energy is hamiltonian else entries(energy))


def _loss(dimension: int, factors: Iterable[tuple[Entries, Entries, float]]) -> Entries:
    """M = Σ c S†Λ with its remainder, so that losses balance jumps to the last digit; c is a power of two."""
    places: list[Index] = [np.empty(0, dtype=np.int64)]
    products: list[list[Real]] = [[np.empty(0)] for _ in range(4)]
    for left, right, factor in factors:
        first, second = joined(left.rows, right.starts)
        places.append(left.columns[first] * dimension + right.columns[second])
        real, imag = complex_product(factor * left.values[first].conj(), right.values[second])
        for collected, piece in zip(products, (*real, *imag), strict=True):
            collected.append(piece)
    place = np.concatenate(places)
    distinct, inverse = np.unique(place, return_inverse=True)
    high_re, low_re, high_im, low_im = (np.concatenate(collected) for collected in products)
    values, remainders = _grouped_sums(inverse, len(distinct), (high_re, low_re))
    if high_im.any():
        high, low = _grouped_sums(inverse, len(distinct), (high_im, low_im))
        kept = (values != 0) | (high != 0)
        rows, columns = np.divmod(distinct[kept], dimension)
        return Entries(dimension, rows, columns, (values + 1j * high)[kept], (remainders + 1j * low)[kept])
    kept = values != 0
    rows, columns = np.divmod(distinct[kept], dimension)
    return Entries(dimension, rows, columns, values[kept], remainders[kept])


def joined(keys: Index, starts: Index) -> tuple[Index, Index]:
    """All pairs (k, m) of an element k and a member m of the group keys[k], which is starts[key] : starts[key + 1]."""
    counts = starts[keys + 1] - starts[keys]
    first = np.repeat(np.arange(len(keys)), counts)
    behind = np.cumsum(counts) - counts
    return first, np.arange(len(first)) + np.repeat(starts[keys] - behind, counts)


def complex_product(a: Real | Block, b: Real | Block) -> tuple[dd.DoubleDouble, dd.DoubleDouble]:
    """a·b as double-double real and imaginary parts."""
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        zero = np.zeros(np.broadcast_shapes(a.shape, b.shape))
        return dd.two_product(a.real, b.real), (zero, zero)
    real = dd.add(dd.two_product(a.real, b.real), dd.two_product(-a.imag, b.imag))
    return real, dd.add(dd.two_product(a.real, b.imag), dd.two_product(a.imag, b.real))


def _grouped_sums(group: Index, count: int, terms: dd.DoubleDouble) -> dd.DoubleDouble:
    """Double-double sums of the terms of each group."""
    if len(group) == count:  # one term each, in some order
        high, low = np.empty(count), np.empty(count)
        high[group], low[group] = terms
        return high, low
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(count + 1))
    within = np.arange(len(order)) - np.repeat(starts[:-1], np.diff(starts))
    table = np.zeros((2, int(within.max(initial=0)) + 1, count))
    table[0, within, group[order]], table[1, within, group[order]] = terms[0][order], terms[1][order]
    return dd.column_sums((table[0], table[1]))
