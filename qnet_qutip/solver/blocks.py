"""The blocks that the operators have between sectors: L(ρ) by products of small matrices.

All blocks here are the real ones that `sectors` describes, G = Re ρ + Im ρ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from qnet_qutip.solver.generator import Block, Entries, Generator, Real
from qnet_qutip.solver.sectors import Sectors

SPARSE = 0.06
"""Fraction of entries below which a block is multiplied as a sparse matrix."""

Matrix: TypeAlias = Real | Block | sp.csr_array


@dataclass(frozen=True, eq=False)
class Jump:
    """AρB† from one sector to another, with B† transposed so that it may be sparse too."""

    source: int
    left: Matrix
    right: Matrix

    def __call__(self, blocks: list[Real]) -> Real:
        """The image of the source block."""
        block = blocks[self.source]
        image: Real = self._product(block).real
        if np.iscomplexobj(self.left) or np.iscomplexobj(self.right):
            image = image + self._product(np.ascontiguousarray(block.T)).imag
        return image

    def _product(self, block: Real) -> Real | Block:
        product = self.left @ block
        return np.asarray((self.right @ product.T).T)


@dataclass(frozen=True, eq=False)
class SectorBlocks:
    """L on a flat array of blocks.

    Attributes
    ----------
    sectors : Sectors
    diagonals : list of ndarray
        Diagonal of K = H - iM of each sector: differences of the energies weigh Gᵀ, sums of the losses weigh G. In the
        populations the energies would cancel but for rounding, many times that of the losses.
    effective : list of ndarray or csr_array
        For each sector the real matrix that takes (G, Gᵀ), one above the other, to the two halves of the rest.
    jumps : list of list of Jump
        The jumps into each sector.
    decay : float
        Rate at which every entry of ρ decays besides.
    """

    sectors: Sectors
    diagonals: list[Real | Block]
    effective: list[Matrix]
    jumps: list[list[Jump]]
    decay: float

    def __call__(self, flat: Real) -> Real:
        """L(ρ) in real form, of shape (unknowns,)."""
        image = np.empty_like(flat)
        blocks = self.sectors.blocks(flat)
        for target, out in enumerate(self.sectors.blocks(image)):
            block = blocks[target]
            # -iKρ gives the first half as it is; iρK† is its Hermitian conjugate and gives the second transposed.
            halves = self.effective[target] @ np.concatenate([block, block.T])
            np.add(halves[: len(out)], halves[len(out) :].T, out=out)
            own = self.diagonals[target]
            out -= np.subtract.outer(own.real, own.real) * block.T
            out += (np.add.outer(own.imag, own.imag) - self.decay) * block
            for jump in self.jumps[target]:
                out += jump(blocks)
        return image


def sector_blocks(generator: Generator, sectors: Sectors, decay: float = 0.0) -> SectorBlocks:
    """Cut a generator, in the order of the sectors' states, into blocks; every entry of ρ also decays at a rate."""
    effective = [generator.effective.block(span, span) for span in sectors.spans]
    diagonals = [block.diagonal() for block in effective]
    return SectorBlocks(
        sectors,
        diagonals,
        [_two_halves(block) for block in effective],
        jumps_by_target(generator, sectors),
        decay,
    )


def jumps_by_target(generator: Generator, sectors: Sectors) -> list[list[Jump]]:
    """For each sector the jumps that lead into it."""
    into: list[list[Jump]] = [[] for _ in sectors.sizes]
    for left, right in generator.jumps:
        first = blocks_between(left, sectors)
        second = first if right is left else blocks_between(right, sectors)
        for (target, source), block in first.items():
            if (target, source) in second:
                into[target].append(Jump(source, _thinned(block), _thinned(second[target, source].conj())))
    return into


def blocks_between(operator: Entries, sectors: Sectors) -> dict[tuple[int, int], Real | Block]:
    """The blocks of an operator by their sectors (target, source): those that have entries, as dense arrays."""
    count = len(sectors.sizes)
    keys, block = np.unique(
        sectors.of_state[operator.rows] * count + sectors.of_state[operator.columns], return_inverse=True
    )
    targets, sources = np.divmod(keys, count)
    heights, widths = sectors.sizes[targets], sectors.sizes[sources]
    bounds = np.concatenate([[0], np.cumsum(heights * widths)])
    places = bounds[block] + sectors.column_places[operator.rows] * widths[block]
    flat = np.zeros(bounds[-1], dtype=operator.values.dtype)
    flat[places + sectors.column_places[operator.columns]] = operator.values
    shapes = zip(bounds[:-1].tolist(), bounds[1:].tolist(), widths.tolist(), strict=True)
    blocks = [flat[first:last].reshape(-1, width) for first, last, width in shapes]
    return dict(zip(zip(targets.tolist(), sources.tolist(), strict=True), blocks, strict=True))


def sector_pairs(operator: Entries, sectors: Sectors) -> list[tuple[int, int]]:
    """The pairs (target, source) of sectors between which an operator has entries."""
    count = len(sectors.sizes)
    pairs = np.unique(sectors.of_state[operator.rows] * count + sectors.of_state[operator.columns])
    return [divmod(int(pair), count) for pair in pairs]


def _thinned(block: Real | Block) -> Matrix:
    return sp.csr_array(block) if np.count_nonzero(block) < SPARSE * block.size else block


def _two_halves(effective: Real | Block) -> Matrix:
    """The matrix [[Im K, -Re K], [Re K, Im K]] without the diagonal of K."""
    rest = effective - np.diag(effective.diagonal())
    return _thinned(np.block([[rest.imag, -rest.real], [rest.real, rest.imag]]))
