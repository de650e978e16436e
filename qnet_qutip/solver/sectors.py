"""Sectors: the blocks of basis states that Hamiltonian and collapse operators never leave coherently.

ρ stays block diagonal in the sectors, and only these blocks are coupled to the populations. For the networks here the
sectors are the total excitation numbers; they are found as connected components of the operators, not assumed.

A Hermitian ρ is kept as the real matrix G = Re ρ + Im ρ, half the numbers with nothing lost: its symmetric half is Re ρ
and its antisymmetric half Im ρ. Inner products stay what they were, Tr[ρσ] = Σ G_jk F_jk. Where an entry of ρ adds
w ρ_kl to an entry of its image, G adds Re(w) G_kl + Im(w) G_lk to that of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qnet_qutip.solver.generator import Generator

Index = NDArray[np.int64]
Real = NDArray[np.float64]
Block = NDArray[np.complex128]


def hermitian(block: Real) -> Block:
    """The Hermitian matrix ρ that a square G = Re ρ + Im ρ stands for."""
    matrix = np.empty(block.shape, dtype=complex)
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
    if np.isrealobj(operator):
        return np.asarray(operator @ block @ operator.T, dtype=float)
    return real_form(operator @ hermitian(block) @ operator.conj().T)


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

    def span(self, sector: int) -> slice:
        """Where a sector's states are in `order`."""
        return slice(int(self.starts[sector]), int(self.starts[sector + 1]))

    def blocks(self, flat: Real) -> list[Real]:
        """Views of the blocks of a flat array."""
        return [
            flat[first:last].reshape(size, size)
            for first, last, size in zip(self.offsets[:-1], self.offsets[1:], self.sizes, strict=True)
        ]

    def state_sector(self) -> Index:
        """Sector of each state, in the order of `order`."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def row_offsets(self) -> Index:
        """Where each state's row starts in the flat array, in the order of `order`."""
        sector = self.state_sector()
        return self.offsets[sector] + (np.arange(len(self.order)) - self.starts[sector]) * self.sizes[sector]

    def pack(self, rho: sp.csr_array) -> Real:
        """Flat array of the Hermitian part of a sparse matrix in the original basis."""
        permuted = rho[self.order][:, self.order]
        permuted = ((permuted + permuted.conj().T) / 2).tocoo()
        sector = self.state_sector()
        rows, columns = permuted.coords
        inside = sector[rows] == sector[columns]
        flat = np.zeros(self.unknowns)
        place = self.row_offsets()[rows] + columns - self.starts[sector[rows]]
        flat[place[inside]] = permuted.data[inside].real + permuted.data[inside].imag
        return flat

    def unpack(self, flat: Real) -> sp.csr_array:
        """Sparse Hermitian matrix in the original basis that a flat array stands for."""
        sector = self.state_sector()
        width = self.sizes[sector]
        rows = np.repeat(np.arange(len(self.order)), width)
        columns = np.arange(self.unknowns) - np.repeat(self.row_offsets() - self.starts[sector], width)
        values = np.concatenate([hermitian(block).ravel() for block in self.blocks(flat)])
        dimension = len(self.order)
        matrix = sp.coo_array((values, (self.order[rows], self.order[columns])), shape=(dimension, dimension)).tocsr()
        matrix.eliminate_zeros()
        return matrix

    def diagonal_places(self) -> Index:
        """Places of the populations in the flat array, in the order of `order`."""
        return self.row_offsets() + np.arange(len(self.order)) - self.starts[self.state_sector()]


def find_sectors(generator: Generator, rho: sp.csr_array | None = None) -> Sectors:
    """Find the finest sectors that a generator allows, and that hold a given state.

    Parameters
    ----------
    generator : Generator
    rho : csr_array, optional
        A state whose own coherences must lie within the sectors.

    Returns
    -------
    Sectors
    """
    parts = [generator.hamiltonian, *(dissipator.loss for dissipator in generator.dissipators.values())]
    if rho is not None:
        parts.append(rho)
    pattern = sum(abs(part) for part in parts)
    count, labels = connected_components(pattern, directed=False)
    jumps = [pair for dissipator in generator.dissipators.values() for pair in dissipator.jumps]
    while True:
        merged_count, merged = _merge_images(count, labels, jumps)
        labels = merged[labels]
        if merged_count == count:
            return _from_labels(labels)
        count = merged_count


def _merge_images(count: int, labels: Index, jumps: Sequence[tuple[sp.csr_array, sp.csr_array]]) -> tuple[int, Index]:
    """Join the sectors that one sector is taken to by the two sides of a jump AρB†: it would correlate them."""
    first, second = [np.empty(0, dtype=int)], [np.empty(0, dtype=int)]
    for pair in jumps:
        sources, images = [], []
        for operator in pair:
            rows, columns = operator.tocoo().coords
            sources.append(labels[columns])
            images.append(labels[rows])
        source, image = np.concatenate(sources), np.concatenate(images)
        representative = np.full(count, -1)
        representative[source] = image
        first.append(representative[source])
        second.append(image)
    ends = (np.concatenate(first), np.concatenate(second))
    graph = sp.coo_array((np.ones(len(ends[0])), ends), shape=(count, count))
    merged_count, merged = connected_components(graph, directed=False)
    return int(merged_count), merged


def _from_labels(labels: Index) -> Sectors:
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    return Sectors(
        order=order,
        sizes=sizes,
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        offsets=np.concatenate([[0], np.cumsum(sizes**2)]),
    )
