"""The generator of a master equation as the entries of its operators: Hamiltonian, jumps and losses.

L(ρ) = -i[H, ρ] + Σ_bath D(ρ) with D(ρ) = Σ AρB† - (Mρ + ρM†). A collapse operator L gives the jump (L, L) and the loss
M = ½L†L. A pair (S, Λ), the form of Redfield's equation, gives the jumps (Λ, S) and (S, Λ) and the loss M = S†Λ:
D(ρ) = ΛρS† + SρΛ† - S†Λρ - ρΛ†S.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.process_settings import every_entry_kept

CollapseOperator: TypeAlias = qutip.Qobj | tuple[qutip.Qobj, qutip.Qobj]
Index: TypeAlias = NDArray[np.int64]
Real: TypeAlias = NDArray[np.floating[Any]]
Block: TypeAlias = NDArray[np.complexfloating[Any, Any]]


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


def _in_rows(dimension: int, rows: Index, columns: Index, values: Real | Block) -> Entries:
    order = np.argsort(rows * dimension + columns)
    return Entries(dimension, rows[order], columns[order], values[order])


def stacked(operators: Sequence[Entries]) -> tuple[Index, Index]:
    """Rows of operators one below the other, each `dimension` rows high, and the operator that each entry is of."""
    owners = np.repeat(np.arange(len(operators)), [len(operator.rows) for operator in operators])
    return np.concatenate([operator.rows for operator in operators]) + operators[0].dimension * owners, owners


def permuted_together(operators: Sequence[Entries], rank: Index) -> list[Entries]:
    """The same operators with basis state k as number rank[k]; all of them have remainders, or none."""
    if not operators:
        return []
    dimension = operators[0].dimension
    _, owners = stacked(operators)
    rows = rank[np.concatenate([operator.rows for operator in operators])]
    columns = rank[np.concatenate([operator.columns for operator in operators])]
    order = ((owners * dimension + rows) * dimension + columns).argsort()
    rows, columns = rows[order], columns[order]
    moved, first = [], 0
    for operator in operators:
        last = first + len(operator.rows)
        own = order[first:last] - first
        left = None if operator.remainders is None else operator.remainders[own]
        moved.append(Entries(dimension, rows[first:last], columns[first:last], operator.values[own], left))
        first = last
    return moved


def entries(operator: qutip.Qobj) -> Entries:
    """The entries of a QuTiP operator, real if all of them are."""
    return entries_together([operator])[0]


def entries_together(operators: Sequence[qutip.Qobj]) -> list[Entries]:
    """The entries of QuTiP operators of one dimension, real for each operator whose entries all are."""
    if not operators:
        return []
    dimension, matrices = operators[0].shape[0], [compressed_rows(operator) for operator in operators]
    counts = np.diff(np.concatenate([starts for _, _, starts in matrices]).reshape(len(operators), dimension + 1))
    rows = np.arange(len(operators) * dimension).repeat(counts.ravel())
    columns = np.concatenate([columns for _, columns, _ in matrices]).astype(np.int64)
    values = np.concatenate([values for values, _, _ in matrices])
    places = rows * dimension + columns
    # Stored zeros are left out, and rows need not be stored in ascending order.
    present = values != 0
    if not present.all() or np.count_nonzero(places[1:] < places[:-1]):
        kept = np.flatnonzero(present)
        kept = kept[places[kept].argsort(kind="stable")]
        rows, columns, values = rows[kept], columns[kept], values[kept]
    owners = rows // dimension
    mixed = np.bincount(owners, weights=values.imag != 0, minlength=len(operators)).tolist()
    rows, real = rows - dimension * owners, values.real.copy()
    bounds = owners.searchsorted(np.arange(len(operators) + 1)).tolist()
    return [
        Entries(dimension, rows[first:last], columns[first:last], (values if complex_ else real)[first:last])
        for complex_, (first, last) in zip(mixed, itertools.pairwise(bounds), strict=True)
    ]


def compressed_rows(operator: qutip.Qobj) -> tuple[Block, Index, Index]:
    """Values, columns and starts of rows of an operator as stored."""
    if isinstance(operator.data, qutip.data.Dense):
        # QuTiP's own conversion of a dense matrix drops entries below 1e-14.
        dense = operator.full()
        rows, columns = dense.nonzero()
        return dense[rows, columns], columns, rows.searchsorted(np.arange(len(dense) + 1))
    # A view of the matrix; a copy by QuTiP takes a hundred times as long. Operators can be stored by diagonals too.
    matrix = operator.to("CSR").data.as_scipy()
    return matrix.data, matrix.indices, matrix.indptr


def _exact(values: Real | Block) -> Real | Block:
    """The same values, real if all of them are."""
    return values if np.count_nonzero(values.imag) else values.real.copy()


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


SMALL = 16
"""Dimension up to which QuTiP makes a sparse matrix of a dense one, in 3 µs and 5 kB; of arrays it takes 35 µs."""

SMALLEST = 1e-150
"""What QuTiP's conversion of a dense matrix keeps: it drops what is zero when squared."""


def operator_like(operator: qutip.Qobj, matrix: NDArray[Any] | sp.csr_matrix) -> qutip.Qobj:
    """A matrix as a sparse QuTiP operator with the dimensions of another, those of an excitation-cut space included."""
    if isinstance(matrix, np.ndarray):
        rows, columns = matrix.nonzero()
        return operator_of(operator, rows, columns, matrix[rows, columns])
    return operator_with(operator, qutip.data.CSR(matrix.astype(complex)))


def in_rows(operator: qutip.Qobj) -> qutip.Qobj:
    """An operator stored by rows: as it is, if it is; QuTiP takes 4 µs to find that out."""
    return operator if isinstance(operator.data, qutip.data.CSR) else operator.to("CSR")


def operator_with(operator: qutip.Qobj, matrix: qutip.data.Data) -> qutip.Qobj:
    """Another matrix as an operator with the same dimensions, in less than half the time of QuTiP's own products."""
    made = operator.copy()
    made.data = matrix
    return made


def operator_of(operator: qutip.Qobj, rows: Index, columns: Index, values: NDArray[Any]) -> qutip.Qobj:
    """The operator of some entries, each place once, with the dimensions of another."""
    # QuTiP drops small entries of what it converts itself, and takes the dimensions of an excitation-cut space from no
    # list; a matrix of SciPy from entries takes 90 µs.
    made = operator.copy()
    if made.shape[0] <= SMALL and np.abs(values).min(initial=1.0) > SMALLEST:
        dense = np.zeros(made.shape, dtype=complex)
        dense[rows, columns] = values
        with every_entry_kept():
            made.data = qutip.data.to(qutip.data.CSR, qutip.data.Dense(dense, copy=False))
        return made
    order = (rows * made.shape[0] + columns).argsort()
    rows, columns, values = rows[order], columns[order].astype(np.int32), values[order].astype(complex)
    starts = rows.searchsorted(np.arange(made.shape[0] + 1)).astype(np.int32)
    made.data = qutip.data.CSR((values, columns, starts), shape=made.shape)
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
    def fastest_loss(self) -> float:
        """The largest rate at which baths take a basis state's population away."""
        losses = sum(dissipator.loss.diagonal for dissipator in self.dissipators.values())
        return 2.0 * float(np.abs(losses).max(initial=0.0))

    @cached_property
    def effective(self) -> Entries:
        """K = H - iM."""
        return total(self.dimension, [self.hamiltonian, self.loss.times(-1j)])

    def permuted(self, order: Index) -> Generator:
        """The same generator with the basis states in another order."""
        if not np.count_nonzero(order[1:] < order[:-1]):
            return self
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        # An operator that stands in several places is moved once and stays one object.
        factors = [factor for dissipator in self.dissipators.values() for factor in dissipator.loss_factors]
        listed = [self.hamiltonian, self.energy, *itertools.chain.from_iterable(self.jumps)]
        listed += itertools.chain.from_iterable((left, right) for left, right, _ in factors)
        operators = {id(operator): operator for operator in listed}
        of = dict(zip(operators, permuted_together(list(operators.values()), rank), strict=True))
        losses = permuted_together([dissipator.loss for dissipator in self.dissipators.values()], rank)
        dissipators = {}
        for (bath, dissipator), loss in zip(self.dissipators.items(), losses, strict=True):
            jumps = tuple((of[id(left)], of[id(right)]) for left, right in dissipator.jumps)
            moved = tuple((of[id(left)], of[id(right)], factor) for left, right, factor in dissipator.loss_factors)
            dissipators[bath] = Dissipator(jumps, moved, loss)
        return Generator(of[id(self.hamiltonian)], dissipators, of[id(self.energy)])


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
    members = {bath: list(operators) for bath, operators in collapse_operators.items()}
    listed = [hamiltonian] if energy is None or energy is hamiltonian else [hamiltonian, energy]
    moving = len(listed)
    for member in itertools.chain.from_iterable(members.values()):
        listed += member if isinstance(member, tuple) else (member,)
    read = entries_together(listed)
    following = iter(read[moving:])
    jumps: list[list[tuple[Entries, Entries]]] = []
    factors: list[list[tuple[Entries, Entries, float]]] = []
    for of_bath in members.values():
        jumps.append([])
        factors.append([])
        for member in of_bath:
            if isinstance(member, tuple):
                coupling, filtered = next(following), next(following)
                jumps[-1] += [(filtered, coupling), (coupling, filtered)]
                factors[-1].append((coupling, filtered, 1.0))
            else:
                jump = next(following)
                jumps[-1].append((jump, jump))
                factors[-1].append((jump, jump, 0.5))
    losses = _losses(hamiltonian.shape[0], factors)
    return Generator(
        read[0],
        {
            bath: Dissipator(tuple(of_jumps), tuple(of_losses), loss)
            for bath, of_jumps, of_losses, loss in zip(members, jumps, factors, losses, strict=True)
        },
        read[moving - 1],
    )


def _losses(dimension: int, factors: Sequence[Sequence[tuple[Entries, Entries, float]]]) -> list[Entries]:
    """M = Σ c S†Λ of each bath with its remainder, so that losses balance jumps to the last digit.

    c is a power of two, so that it rounds nothing.
    """
    listed = [factor for of_bath in factors for factor in of_bath]
    if not listed:
        empty = np.empty(0, dtype=np.int64)
        return [Entries(dimension, empty, empty, np.empty(0), np.empty(0)) for _ in factors]
    lefts, rights = [left for left, _, _ in listed], [right for _, right, _ in listed]
    bath = np.repeat(np.arange(len(factors)), [len(of_bath) for of_bath in factors])
    rows, owners = stacked(lefts)
    right_rows = rows if all(left is right for left, right, _ in listed) else stacked(rights)[0]
    # All pairs of an entry of S and one of Λ in the same row of the same factor.
    first, second = joined(right_rows.searchsorted(rows), right_rows.searchsorted(rows, side="right"))
    column = bath[owners] * dimension + np.concatenate([left.columns for left in lefts])
    place = column[first] * dimension + np.concatenate([right.columns for right in rights])[second]
    left_values = np.array([factor for _, _, factor in listed])[owners] * np.concatenate(
        [left.values for left in lefts]
    )
    right_values = np.concatenate([right.values for right in rights])
    real, imag = complex_product(left_values[first].conj(), right_values[second])
    mixed = bool(np.count_nonzero(imag[0]))
    place, (values, remainders), *imaginary = grouped_sums(place, *([real, imag] if mixed else [real]))
    for high, low in imaginary:
        values, remainders = values + 1j * high, remainders + 1j * low
    # Terms may cancel to the last digit.
    kept = np.flatnonzero(values)
    values, remainders = values[kept], remainders[kept]
    rows, columns = np.divmod(place[kept], dimension)
    starts = rows.searchsorted(dimension * np.arange(len(factors) + 1))
    return [
        Entries(dimension, rows[own] - number * dimension, columns[own], _exact(values[own]), remainders[own])
        for number, own in enumerate(map(slice, starts[:-1], starts[1:]))
    ]


def joined(starts: Index, stops: Index) -> tuple[Index, Index]:
    """All pairs (k, m) with starts[k] ≤ m < stops[k]."""
    counts = stops - starts
    first = np.arange(len(counts)).repeat(counts)
    behind = counts.cumsum() - counts
    return first, np.arange(len(first)) + (starts - behind)[first]


def complex_product(a: Real | Block, b: Real | Block) -> tuple[dd.DoubleDouble, dd.DoubleDouble]:
    """a·b as double-double real and imaginary parts."""
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        zero = np.zeros(np.broadcast_shapes(a.shape, b.shape))
        return dd.two_product(a.real, b.real), (zero, zero)
    real = dd.add(dd.two_product(a.real, b.real), dd.two_product(-a.imag, b.imag))
    return real, dd.add(dd.two_product(a.real, b.imag), dd.two_product(a.imag, b.real))


def grouped_sums(places: Index, *terms: dd.DoubleDouble) -> tuple[Any, ...]:
    """The distinct places in ascending order, and for each set of terms the double-double sums of those of each."""
    order = places.argsort(kind="stable")
    places = places[order]
    first = np.ones(len(places), dtype=bool)
    first[1:] = places[1:] != places[:-1]
    starts = np.flatnonzero(first)
    position = np.arange(len(places)) - starts[first.cumsum() - 1]
    sums = [(high[order], low[order]) for high, low in terms]
    while len(position) > len(starts):
        # Neighbours of the same place are added two by two; a last one without another waits.
        odd = np.flatnonzero(position % 2)
        for high, low in sums:
            high[odd - 1], low[odd - 1] = dd.add((high[odd - 1], low[odd - 1]), (high[odd], low[odd]))
        even = position % 2 == 0
        position = position[even] // 2
        sums = [(high[even], low[even]) for high, low in sums]
    return places[starts], *sums
