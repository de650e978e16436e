"""The generator acting on the blocks of ρ in ordinary precision: a few small matrix products a sector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.generator import Generator, dense_block
from qnet_qutip.solver.sectors import Sectors

Block = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Gather:
    """AρB† where A and B have at most one entry a row: pick entries of the source block and weight them."""

    source: int
    places: NDArray[np.int64]
    weights: NDArray[np.float64] | Block

    def __call__(self, blocks: list[Block]) -> Block:
        """The image of the source block."""
        return blocks[self.source].ravel()[self.places] * self.weights


@dataclass(frozen=True, eq=False)
class Sandwich:
    """AρB† as two matrix products."""

    source: int
    left: Block
    right: Block

    def __call__(self, blocks: list[Block]) -> Block:
        """The image of the source block."""
        return self.left @ blocks[self.source] @ self.right


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


def _row_entries(matrix: sp.csr_array, rows: slice) -> tuple[NDArray[np.int64], Block]:
    """Column and value of the only entry of each row; column 0 and value 0 where there is none."""
    counts = np.diff(matrix.indptr[rows.start : rows.stop + 1])
    columns, values = np.zeros(len(counts), dtype=np.int64), np.zeros(len(counts), dtype=complex)
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
    return Gather(source, places, weights if weights.imag.any() else weights.real.copy())


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
    effective : list of ndarray
        K of each sector.
    jumps : list of list of Jump
        The jumps into each sector.
    """

    sectors: Sectors
    effective: list[Block]
    jumps: list[list[Jump]]

    def __call__(self, flat: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """L(ρ) of a Hermitian ρ, both flat arrays of shape (unknowns,)."""
        image = np.empty_like(flat)
        blocks = self.sectors.blocks(flat)
        for target, out in enumerate(self.sectors.blocks(image)):
            # The second half of -i(Kρ - ρK†) is the Hermitian conjugate of the first.
            half = -1j * (self.effective[target] @ blocks[target])
            np.add(half, half.conj().T, out=out)
            for jump in self.jumps[target]:
                out += jump(blocks)
        return image


def block_generator(generator: Generator, sectors: Sectors) -> BlockGenerator:
    """Cut a generator, in the order of the sectors' states, into blocks."""
    loss = sum((part.loss for part in generator.dissipators.values()), sp.csr_array(generator.hamiltonian.shape))
    effective = (generator.hamiltonian - 1j * loss).tocsr()
    spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
    return BlockGenerator(
        sectors,
        [dense_block(effective, span, span) for span in spans],
        sector_jumps([pair for part in generator.dissipators.values() for pair in part.jumps], sectors),
    )
