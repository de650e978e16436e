"""The generator acting on the blocks of ρ in ordinary precision: a few small matrix products a sector.

All blocks here are the real ones that `sectors` describes, G = Re ρ + Im ρ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.generator import Generator, dense_block
from qnet_qutip.solver.sectors import Block, Real, Sectors

SPARSE = 0.06
"""Fraction of entries below which the effective Hamiltonian of a sector is multiplied as a sparse matrix."""


@dataclass(frozen=True, eq=False)
class Gather:
    """AρB† where A and B have at most one entry a row: pick entries of the source block and weight them."""

    source: int
    places: NDArray[np.int64]
    weights: Real
    weights_transposed: Real | None
    """Imaginary parts of the weights, which multiply the transposed block; None if they vanish."""

    def __call__(self, blocks: list[Real]) -> Real:
        """The image of the source block."""
        image = blocks[self.source].take(self.places)
        image *= self.weights
        if self.weights_transposed is not None:
            image += blocks[self.source].T.take(self.places) * self.weights_transposed
        return image


@dataclass(frozen=True, eq=False)
class Sandwich:
    """AρB† as matrix products."""

    source: int
    left: Real | Block
    right: Real | Block

    def __call__(self, blocks: list[Real]) -> Real:
        """The image of the source block."""
        block = blocks[self.source]
        image: Real = (self.left @ block @ self.right).real
        if np.iscomplexobj(self.left) or np.iscomplexobj(self.right):
            image = image + (self.left @ block.T @ self.right).imag
        return image


Jump: TypeAlias = Gather | Sandwich


def sector_jumps(pairs: Iterable[tuple[sp.csr_array, sp.csr_array]], sectors: Sectors) -> list[list[Jump]]:
    """For each sector the jumps that lead into it, from pairs (A, B) in the order of the sectors' states."""
    into: list[list[Jump]] = [[] for _ in sectors.sizes]
    state_sector = sectors.state_sector()
    for left, right in pairs:
        for target in range(len(sectors.sizes)):
            rows = sectors.span(target)
            sources = np.unique(state_sector[left.indices[left.indptr[rows.start] : left.indptr[rows.stop]]])
            single = len(sources) == 1 and _single_entries(left, rows) and _single_entries(right, rows)
            for source in sources:
                build = _gather if single else _sandwich
                jump = build(left, right, int(source), rows, sectors)
                if jump is not None:
                    into[target].append(jump)
    return into


def _single_entries(matrix: sp.csr_array, rows: slice) -> bool:
    return bool(np.diff(matrix.indptr[rows.start : rows.stop + 1]).max() <= 1)


def _row_entries(matrix: sp.csr_array, rows: slice) -> tuple[NDArray[np.int64], Real | Block]:
    """Column and value of the only entry of each row; column 0 and value 0 where there is none."""
    counts = np.diff(matrix.indptr[rows.start : rows.stop + 1])
    columns, values = np.zeros(len(counts), dtype=np.int64), np.zeros(len(counts), dtype=matrix.dtype)
    entries = slice(matrix.indptr[rows.start], matrix.indptr[rows.stop])
    columns[counts == 1], values[counts == 1] = matrix.indices[entries], matrix.data[entries]
    return columns, values


def _gather(left: sp.csr_array, right: sp.csr_array, source: int, rows: slice, sectors: Sectors) -> Jump | None:
    start, size = sectors.starts[source], sectors.sizes[source]
    row, row_value = _row_entries(left, rows)
    column, column_value = _row_entries(right, rows)
    column_value = np.where((column >= start) & (column < start + size), column_value, 0.0)
    weights = np.outer(row_value, column_value.conj())
    if not weights.any():
        return None
    places = np.add.outer((row - start).clip(0, size - 1) * size, (column - start).clip(0, size - 1))
    transposed = weights.imag.copy() if weights.imag.any() else None
    return Gather(source, places, np.ascontiguousarray(weights.real), transposed)


def _sandwich(left: sp.csr_array, right: sp.csr_array, source: int, rows: slice, sectors: Sectors) -> Jump | None:
    columns = sectors.span(source)
    left_block, right_block = dense_block(left, rows, columns), dense_block(right, rows, columns)
    if not (left_block.any() and right_block.any()):
        return None
    return Sandwich(source, left_block, np.ascontiguousarray(right_block.conj().T))


@dataclass(frozen=True, eq=False)
class BlockGenerator:
    """L(ρ) = -i(Kρ - ρK†) + jumps on flat arrays, K = H - iM.

    Attributes
    ----------
    sectors : Sectors
    beats, decays : list of ndarray
        Differences of the diagonal energies of each sector, which weigh Gᵀ, and sums of the diagonal losses, which
        weigh G. In the populations the energies would cancel but for rounding, many times that of the losses.
    effective : list of ndarray or csr_array
        For each sector the real matrix that takes (G, Gᵀ), one above the other, to the two halves of the rest.
    jumps : list of list of Jump
        The jumps into each sector.
    """

    sectors: Sectors
    beats: list[Real]
    decays: list[Real]
    effective: list[Real | sp.csr_array]
    jumps: list[list[Jump]]

    def __call__(self, flat: Real) -> Real:
        """L(ρ) in real form, of shape (unknowns,)."""
        image = np.empty_like(flat)
        blocks = self.sectors.blocks(flat)
        for target, out in enumerate(self.sectors.blocks(image)):
            block = blocks[target]
            # -iKρ gives the first half as it is; iρK† is its Hermitian conjugate and gives the second transposed.
            halves = self.effective[target] @ np.concatenate([block, block.T])
            np.add(halves[: len(out)], halves[len(out) :].T, out=out)
            out -= self.beats[target] * block.T
            out -= self.decays[target] * block
            for jump in self.jumps[target]:
                out += jump(blocks)
        return image


def effective_blocks(generator: Generator, sectors: Sectors) -> list[Block]:
    """K = H - iM of each sector."""
    effective = (generator.hamiltonian - 1j * generator.loss).tocsr()
    spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
    return [dense_block(effective, span, span) for span in spans]


def _two_halves(effective: Block) -> Real | sp.csr_array:
    """The matrix [[Im K, -Re K], [Re K, Im K]] without the diagonal of K."""
    rest = effective - np.diag(effective.diagonal())
    halves = np.block([[rest.imag, -rest.real], [rest.real, rest.imag]])
    return sp.csr_array(halves) if np.count_nonzero(halves) < SPARSE * halves.size else halves


def block_generator(generator: Generator, sectors: Sectors) -> BlockGenerator:
    """Cut a generator, in the order of the sectors' states, into blocks."""
    effective = effective_blocks(generator, sectors)
    diagonals = [block.diagonal() for block in effective]
    return BlockGenerator(
        sectors,
        [np.subtract.outer(own.real, own.real) for own in diagonals],
        [-np.add.outer(own.imag, own.imag) for own in diagonals],
        [_two_halves(block) for block in effective],
        sector_jumps([pair for part in generator.dissipators.values() for pair in part.jumps], sectors),
    )
