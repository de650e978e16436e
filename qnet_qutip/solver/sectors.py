"""Sectors: the blocks of basis states that Hamiltonian and collapse operators never leave coherently.

ρ stays block diagonal in the sectors, and only these blocks are coupled to the populations. For the networks here the
sectors are the total excitation numbers; they are found as connected components of the operators, not assumed.

A Hermitian ρ is kept as the real matrix G = Re ρ + Im ρ, half the numbers with nothing lost: its symmetric half is Re ρ
and its antisymmetric half Im ρ. Inner products stay what they were, Tr[ρσ] = Σ G_jk F_jk. Where an entry of ρ adds
w ρ_kl to an entry of its image, G adds Re(w) G_kl + Im(w) G_lk to that of the image.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.generator import Block, Entries, Generator, Index, Real, zeros_of

GROUP = 1 << 15
"""Unknowns of sectors that are handled together: enough to spare calls, few enough to stay in the processor's cache and
to leave something for every thread."""

UNSORTED = 20
"""States up to which sectors keep the order of their first states, as none are handled together. What the rounding of
32 digits leaves depends on it: by size, 3 of 10,000 extreme pairs had a current of 1e-18 of its neighbours' off by 2e-7
and more, with the warning that says so, and so none."""


def norm(flat: Real) -> float:
    """Frobenius norm of the matrix that a flat array stands for; NumPy's own takes three times as long on a few."""
    return math.sqrt(flat.dot(flat))


def cut_off(flat: Real, smallest: float) -> Real:
    """Set numbers in single precision to zero, in place, below some size, so that none is denormal; no others."""
    if flat.dtype == np.float32:
        # Which takes a tenth of an assignment to places.
        flat *= np.abs(flat) >= np.float32(smallest)
    return flat


def hermitian(block: Real) -> Block:
    """The Hermitian matrix ρ that a square G = Re ρ + Im ρ stands for; of several, one after the other, each."""
    matrix = np.empty(block.shape, dtype=np.result_type(block, np.complex64))
    np.add(block, block.mT, out=matrix.real)
    np.subtract(block, block.mT, out=matrix.imag)
    matrix *= 0.5
    return matrix


def real_form(matrix: Block) -> Real:
    """G = Re ρ + Im ρ of the Hermitian part of a matrix."""
    half = 0.5 * matrix
    return half.real + half.real.mT + (half.imag - half.imag.mT)


def rotated(operator: Real | Block, block: Real, out: Real | None = None) -> Real:
    """VρV† of a block, both in real form; it is also put into `out` if that is given."""
    if operator.dtype.kind == "f":
        return np.matmul(operator @ block, operator.mT, out=out)
    image = real_form(operator @ hermitian(block) @ operator.conj().mT)
    if out is not None:
        out[...] = image
    return image


def expectations(vectors: Real | Block, block: Real) -> Real:
    """⟨v|ρ|v⟩ for every column v, of a block in real form: the diagonal of V†ρV."""
    rho = block if vectors.dtype.kind == "f" else hermitian(block)
    values: Real = (vectors.conj() * (rho @ vectors)).sum(axis=-2).real
    return values


@dataclass(frozen=True, eq=False)
class Group:
    """Sectors that stand beside each other; the blocks of those of one size are a stack.

    Attributes
    ----------
    sectors, states, unknowns : slice
        Where they, their states and their blocks are.
    shapes : list of (slice, tuple of int)
        Where each stack is among the unknowns of the group, and its shape (sectors, size, size).
    diagonal : ndarray of int
        Places of the populations among the unknowns of the group.
    """

    sectors: slice
    states: slice
    unknowns: slice
    shapes: list[tuple[slice, tuple[int, int, int]]]
    diagonal: Index

    def stacks(self, flat: NDArray[Any]) -> list[NDArray[Any]]:
        """Views of the stacks of a flat array of the group."""
        return [flat[own].reshape(shape) for own, shape in self.shapes]

    def by_stack(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Views of an array over the states of the group, shapes (sectors, size)."""
        bounds = np.cumsum([0, *(count * size for _, (count, size, _) in self.shapes)]).tolist()
        shapes = [shape[:2] for _, shape in self.shapes]
        return [values[a:b].reshape(shape) for a, b, shape in zip(bounds[:-1], bounds[1:], shapes, strict=True)]


@dataclass(frozen=True, eq=False)
class Sectors:
    """A partition of the basis; the diagonal blocks of G are kept in one flat array, sector after sector.

    Sectors of one size stand beside each other, the largest first, but for few states.

    Attributes
    ----------
    order : ndarray of int, shape (dimension,)
        Basis states, sector after sector.
    sizes : ndarray of int
        States in each sector.
    starts, offsets : ndarray of int, shape (number of sectors + 1,)
        Where each sector starts in `order`, and its block in the flat array.
    """

    order: Index
    sizes: Index
    starts: Index
    offsets: Index

    @property
    def unknowns(self) -> int:
        """Length of the flat array."""
        return int(self.offsets[-1])

    @property
    def classical(self) -> bool:
        """Whether every sector is a single state, so that only populations are coupled."""
        return bool(self.sizes.max() == 1)

    @cached_property
    def spans(self) -> list[slice]:
        """Where each sector's states are in `order`."""
        bounds = self.starts.tolist()
        return list(map(slice, bounds[:-1], bounds[1:]))

    def blocks(self, flat: Real) -> list[Real]:
        """Views of the blocks of a flat array."""
        bounds, sizes = self.offsets.tolist(), self.sizes.tolist()
        return [
            flat[first:last].reshape(size, size)
            for first, last, size in zip(bounds[:-1], bounds[1:], sizes, strict=True)
        ]

    @cached_property
    def groups(self) -> list[Group]:
        """All sectors, in groups of up to `GROUP` unknowns or of one sector."""
        bounds, groups, first = self.offsets.tolist(), list[Group](), 0
        while first < len(self.sizes):
            last = max(bisect.bisect(bounds, bounds[first] + GROUP) - 1, first + 1)
            groups.append(self.group(first, last))
            first = last
        return groups

    def group(self, first: int, last: int) -> Group:
        """The sectors from the first to the one before the last."""
        start, shapes, place = int(self.offsets[first]), list[tuple[slice, tuple[int, int, int]]](), 0
        for size, members in itertools.groupby(self.sizes[first:last].tolist()):
            count = len(list(members))
            shapes.append((slice(place, place + count * size**2), (count, size, size)))
            place += count * size**2
        states = slice(int(self.starts[first]), int(self.starts[last]))
        unknowns = slice(start, int(self.offsets[last]))
        return Group(slice(first, last), states, unknowns, shapes, self.diagonal[states] - start)

    def block_diagonal(self, operator: Entries) -> Real | Block:
        """An operator that has no entries between sectors, in the order of their states, as a flat array."""
        flat = zeros_of(operator.values, (self.unknowns,))
        flat[self.row_places[operator.rows] + self.column_places[operator.columns]] = operator.values
        return flat

    @cached_property
    def of_state(self) -> Index:
        """Sector of each state, in the order of `order`."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def row_places(self) -> Index:
        """place(j, k) = row_places[j] + column_places[k] in the flat array, for states j, k of one sector."""
        return self.offsets[self.of_state] + self.column_places * self.sizes[self.of_state]

    @cached_property
    def column_places(self) -> Index:
        """Number of each state within its sector, in the order of `order`."""
        return np.arange(len(self.order)) - self.starts[self.of_state]

    @cached_property
    def diagonal(self) -> Index:
        """Places of the populations in the flat array, in the order of `order`."""
        return self.row_places + self.column_places

    @cached_property
    def coherences(self) -> Index:
        """Places of all else, ascending."""
        off = np.ones(self.unknowns, dtype=bool)
        off[self.diagonal] = False
        return off.nonzero()[0]

    def states_of_places(self, first: int, last: int) -> tuple[Index, Index]:
        """Row and column state of the places first to last of the flat array."""
        places = np.arange(first, last)
        rows = np.searchsorted(self.row_places, places, side="right") - 1
        return rows, places - self.row_places[rows] + self.starts[self.of_state[rows]]

    @cached_property
    def rank(self) -> Index:
        """Where each basis state is in `order`."""
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(self.order))
        return rank

    def pack(self, rho: Entries) -> Real:
        """Flat array of the Hermitian part of a matrix in the original basis; what lies between sectors is left out."""
        return self.flat(self.rank[rho.rows], self.rank[rho.columns], rho.values)

    def flat(self, rows: Index, columns: Index, values: Real | Block) -> Real:
        """The same of entries in the order of the sectors' states."""
        inside = self.of_state[rows] == self.of_state[columns]
        rows, columns, values = rows[inside], columns[inside], 0.5 * values[inside]
        # ρ and ρ† with half the weight each: of their entries the real and imaginary parts add up to G.
        places = np.concatenate(
            [self.row_places[rows] + self.column_places[columns], self.row_places[columns] + self.column_places[rows]]
        )
        weights = np.concatenate([values.real + values.imag, values.real - values.imag])
        return np.bincount(places, weights=weights, minlength=self.unknowns).astype(float)

    def unpack(self, flat: Real) -> sp.csr_matrix:
        """Sparse Hermitian matrix in the original basis that a flat array stands for."""
        rows, columns = self.states_of_places(0, self.unknowns)
        transposed = flat[self.row_places[columns] + self.column_places[rows]]
        values = np.empty(len(flat), dtype=complex)
        values.real, values.imag = 0.5 * (flat + transposed), 0.5 * (flat - transposed)
        kept = values != 0
        row, column = self.order[rows[kept]], self.order[columns[kept]]
        dimension = len(self.order)
        by_row = np.argsort(row * dimension + column)
        pointers = np.searchsorted(row[by_row], np.arange(dimension + 1))
        return sp.csr_matrix((values[kept][by_row], column[by_row], pointers), shape=(dimension, dimension))


def find_sectors(generator: Generator, rho: Entries | None = None) -> Sectors:
    """Find the finest sectors that a generator allows, and that hold a given state.

    Parameters
    ----------
    generator : Generator
    rho : Entries, optional
        A state whose own coherences must lie within the sectors.

    Returns
    -------
    Sectors
    """
    dimension = generator.dimension
    joined = [generator.hamiltonian, *(dissipator.loss for dissipator in generator.dissipators.values())]
    if rho is not None:
        joined.append(rho)
    first = np.concatenate([operator.rows for operator in joined])
    second = np.concatenate([operator.columns for operator in joined])
    off = first != second
    first, second = first[off], second[off]
    # Both sides of a jump, A and B of AρB†, share their sources: (jump, sector) for what a sector is taken to.
    sides = {(id(side), number): side for number, jump in enumerate(generator.jumps) for side in jump}
    empty = np.empty(0, dtype=np.int64)
    image = np.concatenate([empty, *(side.rows for side in sides.values())])
    state = np.concatenate([empty, *(side.columns for side in sides.values())])
    lengths = np.array([len(side.rows) for side in sides.values()], dtype=np.int64)
    jump = dimension * np.array([number for _, number in sides], dtype=np.int64).repeat(lengths)
    # Every state takes the smallest number among those it is joined with, and so does the state that had lent it its
    # number, until none changes.
    labels = np.arange(dimension)
    while True:
        lowest = labels.copy()
        smaller = np.minimum(labels[first], labels[second])
        np.minimum.at(lowest, labels[first], smaller)
        np.minimum.at(lowest, labels[second], smaller)
        taken_to = np.full(dimension * len(generator.jumps), dimension)
        source = jump + labels[state]
        np.minimum.at(taken_to, source, labels[image])
        np.minimum.at(lowest, labels[image], taken_to[source])
        while np.count_nonzero(lowest != (lower := lowest[lowest])):
            lowest = lower
        lowest = lowest[labels]
        if not np.count_nonzero(lowest != labels):
            return sectors_of_labels((labels == np.arange(dimension)).cumsum()[labels] - 1)
        labels = lowest


def whole(dimension: int) -> Sectors:
    """All basis states as one sector."""
    return sectors_of_labels(np.zeros(dimension, dtype=np.int64))


def sectors_of_labels(labels: Index) -> Sectors:
    """The sectors by a number that all basis states of one have."""
    sizes = np.bincount(labels)
    by_size = np.arange(len(sizes)) if len(labels) <= UNSORTED else np.argsort(-sizes, kind="stable")
    rank = np.empty_like(by_size)
    rank[by_size] = np.arange(len(by_size))
    sizes = sizes[by_size]
    return Sectors(
        order=np.argsort(rank[labels], kind="stable"),
        sizes=sizes,
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        offsets=np.concatenate([[0], np.cumsum(sizes**2)]),
    )
