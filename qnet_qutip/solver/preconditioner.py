"""Approximate inverses of the generator: the secular equation, and where that is not enough sweeps after it.

Where levels lie closer than their widths, what the secular equation leaves is swept down and up over the sectors, as in
symmetric Gauss-Seidel: with the jumps from neighbouring sectors known, -i(Kρ - ρK†) = R is a Sylvester equation, solved
through the eigenvectors of K.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.solver.blocks import BlockGenerator
from qnet_qutip.solver.generator import Generator, dense_block
from qnet_qutip.solver.sectors import Real, Sectors, hermitian, real_form
from qnet_qutip.solver.secular import SecularEquation
from qnet_qutip.solver.sylvester import sylvester


class Preconditioner:
    """The secular equation, and the sweeps after it if there are any.

    Parameters
    ----------
    secular : SecularEquation
    generate : callable
        L(ρ) of flat arrays.
    sweeps : Sweeps, optional
    """

    def __init__(
        self, secular: SecularEquation, generate: Callable[[Real], Real], sweeps: Sweeps | None = None
    ) -> None:
        self._secular, self._generate, self._sweeps = secular, generate, sweeps
        self._diagonal = secular.sectors.diagonal_places()

    def __call__(self, residual: Real) -> Real:
        """Approximate solution ρ of L(ρ) = residual, of zero trace."""
        # The sweeps know more of the coherences: nearly undamped ones of the secular equation would only be in the way.
        solution = self._secular.solve(residual, coherences=self._sweeps is None)
        if self._sweeps is not None:
            solution = solution + self._sweeps(residual - self._generate(solution))
        # Among matrices of zero trace the generator is regular; the rest is a multiple of the steady state.
        trace = float(solution[self._diagonal].sum())
        return solution - trace * self._secular.steady_state


class Sweeps:
    """Down and up the sectors, from the least to the most populated.

    Parameters
    ----------
    secular : SecularEquation
    generator : Generator
        In the order of the sectors' states.
    generate : BlockGenerator
        The same in blocks.
    """

    def __init__(self, secular: SecularEquation, generator: Generator, generate: BlockGenerator) -> None:
        self._sectors = sectors = secular.sectors
        populations = np.add.reduceat(np.abs(secular.steady_populations), sectors.starts[:-1])
        self._down = np.argsort(populations / sectors.sizes)
        rank = np.empty(len(self._down), dtype=int)
        rank[self._down] = np.arange(len(self._down))
        scale = float(np.abs(generator.loss.diagonal()).max()) or 1.0
        effective = _returning_effective(generator, sectors, rank)
        spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
        self._solvers = [sylvester(dense_block(effective, span, span), scale) for span in spans]
        self._from_above = [
            [jump for jump in jumps if rank[jump.source] < rank[target]] for target, jumps in enumerate(generate.jumps)
        ]
        self._from_below = [
            [jump for jump in jumps if rank[jump.source] > rank[target]] for target, jumps in enumerate(generate.jumps)
        ]

    def __call__(self, residual: Real) -> Real:
        """Invert (S + U) S⁻¹ (S + W): S within the sectors, U the jumps from above, W those from below."""
        sources = self._sectors.blocks(residual.copy())
        blocks = self._sectors.blocks(np.empty_like(residual))
        for target in self._down:
            for jump in self._from_above[target]:
                sources[target] -= jump(blocks)
            blocks[target][:] = real_form(self._solvers[target](hermitian(sources[target])))
        solution = np.empty_like(residual)
        blocks = self._sectors.blocks(solution)
        for target in self._down[::-1]:
            for jump in self._from_below[target]:
                sources[target] -= jump(blocks)
            blocks[target][:] = real_form(self._solvers[target](hermitian(sources[target])))
        return solution


def _returning_effective(generator: Generator, sectors: Sectors, rank: NDArray[np.int64]) -> sp.csr_array:
    """K with only those losses that do not come back while the sectors above are eliminated.

    In the elimination of a birth-death chain from its top, what a state loses upwards returns to it, so that its pivot
    is the loss downwards alone. The same choice makes the sweeps exact for everything that fast jumps leave alone,
    such as the slow coherences of nodes far from strongly coupled baths. The last sector, which all the rest returns
    to, keeps its losses.
    """
    state_sector = sectors.state_sector()
    effective = generator.hamiltonian.astype(complex)
    for part in generator.dissipators.values():
        for left, right in part.loss_factors:
            rows, columns = right.tocoo().coords
            reached = np.full(len(sectors.sizes), -1)
            reached[state_sector[columns]] = state_sector[rows]
            image = reached[state_sector]
            upwards = (image >= 0) & (rank[image] < rank[state_sector]) & (rank[state_sector] < len(rank) - 1)
            lost = sp.diags_array(np.where(upwards, 0.0, 1.0))
            effective = effective - 1j * (left.conj().T @ right @ lost)
    return sp.csr_array(effective)
