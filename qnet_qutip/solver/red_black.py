"""The secular equation with the sectors in two colours, for levels not much further apart than their widths.

The baths add or remove one excitation: jumps lead from sectors of even to sectors of odd number and back. What they do
to coherences, which the secular equation leaves out, then has the two halves of a matrix off the diagonal, and the
colours are solved one after the other, as in red-black Gauss-Seidel iteration.
"""

from __future__ import annotations

import numpy as np

from qnet_qutip.solver.blocks import sector_pairs
from qnet_qutip.solver.generator import Generator, Real
from qnet_qutip.solver.sectors import Sectors
from qnet_qutip.solver.secular import SecularEquation
from qnet_qutip.solver.superoperator import SectorGenerator
from qnet_qutip.solver.threads import for_each


class RedBlack:
    """The secular equation, with what jumps bring from the black sectors taken into account in the red ones.

    Parameters
    ----------
    generator : SectorGenerator
    secular : SecularEquation
    """

    def __init__(self, generator: SectorGenerator, secular: SecularEquation) -> None:
        self._secular, self._sectors = secular, generator.sectors
        red = coloured(generator.generator, generator.sectors)
        self._red, self._black = np.flatnonzero(red).tolist(), np.flatnonzero(~red).tolist()
        self._jumps = [[jump for jump in jumps if not red[jump.source]] for jumps in generator.blocks.jumps]

    def __call__(self, residual: Real) -> Real:
        """Approximate solution ρ of L(ρ) = residual, up to a multiple of the steady state."""
        secular, unknowns = self._secular, len(residual)
        states = secular.of_sectors
        sources = self._sectors.blocks(residual)
        solution = np.empty_like(residual)
        answers = self._sectors.blocks(solution)

        def seen(sector: int) -> Real:
            return states[sector].seen(residual[states[sector].group.unknowns])

        def seen_populations(sector: int) -> Real:
            return states[sector].seen_populations(residual[states[sector].group.unknowns])

        images = for_each(seen, self._black, unknowns)
        rates = dict(zip(self._red, for_each(seen_populations, self._red, unknowns), strict=True))
        for sector, image in zip(self._black, images, strict=True):
            rates[sector] = image[states[sector].group.diagonal]
        populations = secular.populations(np.concatenate([rates[sector] for sector in range(len(sources))]))

        def answer(sector: int, image: Real) -> None:
            own = states[sector]
            solution[own.group.unknowns] = own.answer(image, populations[own.group.states])

        def answer_red(sector: int) -> None:
            source = sources[sector]
            for jump in self._jumps[sector]:
                source = source - jump(answers)
            answer(sector, states[sector].seen(source.ravel()))

        for_each(lambda black: answer(*black), zip(self._black, images, strict=True), unknowns)
        for_each(answer_red, self._red, unknowns)
        return solution


def coloured(generator: Generator, sectors: Sectors) -> np.ndarray:
    """Whether each sector is red: an odd number of jumps from the first of those that jumps join.

    Where two ways lead to a sector, one odd and one even, some jumps stay within a colour.
    """
    neighbours: list[set[int]] = [set() for _ in sectors.sizes]
    for left, _ in generator.jumps:
        for target, source in sector_pairs(left, sectors):
            neighbours[target].add(source)
            neighbours[source].add(target)
    red = np.zeros(len(neighbours), dtype=bool)
    left_over = set(range(len(neighbours)))
    while left_over:
        reached = [left_over.pop()]
        for sector in reached:
            found = neighbours[sector] & left_over
            red[list(found)] = not red[sector]
            left_over -= found
            reached += found
    return red
