"""Sectors: the blocks of basis states that Hamiltonian and collapse operators never leave coherently.

ρ stays block diagonal in the sectors, and only these blocks are coupled to the populations. For the networks here the
sectors are the total excitation numbers; they are found as connected components of the operators, not assumed.

A Hermitian ρ is kept as the real matrix G = Re ρ + Im ρ, half the numbers with nothing lost: its symmetric half is Re ρ
and its antisymmetric half Im ρ. Inner products stay what they were, Tr[ρσ] = Σ G_jk F_jk. Where an entry of ρ adds
w ρ_kl to an entry of its image, G adds Re(w) G_kl + Im(w) G_lk to that of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from qnet_qutip.solver.generator import Block, Entries, Generator, Index, Real


def norm(flat: Real) -> float:
    """Frobenius norm of the matrix that a flat array stands for; NumPy's own takes three times as long on a few."""
    return math.sqrt(flat.dot(flat))


def hermitian(block: Real) -> Block:
    """The Hermitian matrix ρ that a square G = Re ρ + Im ρ stands for."""
    matrix = np.empty(block.shape, dtype=np.result_type(block, np.complex64))
    np.add(block, block.T, out=matrix.real)
    np.subtract(block, block.T, out=matrix.imag)
    matrix *= 0.5
    return matrix


def real_form(matrix: Block) -> Real:
    """G = Re ρ + Im ρ of the Hermitian part of a matrix."""
    half = 0.5 * matrix
    return half.real + half.real.T + (half.imag - half.imag.T)


def rotated(operator: Real | Block, block: Real) -> Real:
    """VρV† of a block, both in real form."""
    if operator.dtype.kind == "f":
        return np.asarray(operator @ block @ operator.T)
    return real_form(operator @ hermitian(block) @ operator.conj().T)


def expectations(vectors: Real | Block, block: Real) -> Real:
    """⟨v|ρ|v⟩ for every column v, of a block in real form: the diagonal of V†ρV."""
    rho = block if vectors.dtype.kind == "f" else hermitian(block)
    values: Real = (vectors.conj() * (rho @ vectors)).sum(axis=0).real
    return values


@dataclass(frozen=True, eq=False)
class Sectors:
    """A partition of the basis; the diagonal blocks of G are kept in one flat array, sector after sector.

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
        return [slice(first, last) for first, last in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def blocks(self, flat: Real) -> list[Real]:
        """Views of the blocks of a flat array."""
        return [
            flat[first:last].reshape(size, size)
            for first, last, size in zip(self.offsets[:-1], self.offsets[1:], self.sizes, strict=True)
        ]

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
    """The sectors by the number of each basis state's; a sector's number is that of its first state among the first."""
    sizes = np.bincount(labels)
    return Sectors(
        order=np.argsort(labels, kind="stable"),
        sizes=sizes,
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        offsets=np.concatenate([[0], np.cumsum(sizes**2)]),
    )
