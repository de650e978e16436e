"""Sweeps down and up the sectors, for levels that lie closer than their widths.

As in symmetric Gauss-Seidel: with the jumps from neighbouring sectors known, -i(Kρ - ρK†) = R is a Sylvester equation
for the block of each sector, solved through the eigenvectors of K.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from qnet_qutip.solver.blocks import jumps_by_target
from qnet_qutip.solver.generator import Block, Entries, Generator, Index, Real, total
from qnet_qutip.solver.sectors import Sectors, hermitian, real_form
from qnet_qutip.solver.secular import UNDAMPED, SecularEquation
from qnet_qutip.solver.superoperator import SectorGenerator

WORST_CONDITION = 1e4
"""Beyond this condition of K's eigenvectors, near an exceptional point, its Schur form takes their place."""


class Sweeps:
    """The secular equation for the populations, and a sweep down and up the sectors for what it leaves.

    Parameters
    ----------
    generator : SectorGenerator
    secular : SecularEquation
    """

    def __init__(self, generator: SectorGenerator, secular: SecularEquation) -> None:
        self._generator, self._secular = generator, secular
        self._sectors = sectors = generator.sectors
        populations = np.add.reduceat(np.abs(secular.steady_populations), sectors.starts[:-1])
        self._down = np.argsort(populations / sectors.sizes)
        rank = np.empty(len(self._down), dtype=np.int64)
        rank[self._down] = np.arange(len(self._down))
        scale = float(np.abs(generator.generator.loss.diagonal).max()) or 1.0
        effective = _returning_effective(generator.generator, sectors, rank)
        damping = 0.5j * generator.decay
        self._solvers = [
            sylvester(effective.block(span, span) - damping * np.eye(size), scale)
            for span, size in zip(sectors.spans, sectors.sizes, strict=True)
        ]
        jumps = jumps_by_target(generator.generator, sectors)
        self._from_above = [
            [jump for jump in own if rank[jump.source] < rank[target]] for target, own in enumerate(jumps)
        ]
        self._from_below = [
            [jump for jump in own if rank[jump.source] > rank[target]] for target, own in enumerate(jumps)
        ]

    def __call__(self, residual: Real) -> Real:
        """Approximate solution ρ of L(ρ) = residual."""
        # The sweeps know more of the coherences: nearly undamped ones of the secular equation would only be in the way.
        solution = self._secular.solve(residual, coherences=False)
        return solution + self._down_and_up(residual - self._generator(solution))

    def _down_and_up(self, residual: Real) -> Real:
        """Invert (S + U) S⁻¹ (S + W): S within the sectors, U the jumps from above, W those from below."""
        sources = self._sectors.blocks(residual.copy())
        solution = np.empty_like(residual)
        blocks = self._sectors.blocks(solution)
        for order, jumps in ((self._down, self._from_above), (self._down[::-1], self._from_below)):
            for target in order:
                for jump in jumps[target]:
                    sources[target] -= jump(blocks)
                blocks[target][:] = real_form(self._solvers[target](hermitian(sources[target])))
        return solution


def _returning_effective(generator: Generator, sectors: Sectors, rank: Index) -> Entries:
    """K with only those losses that do not come back while the sectors above are eliminated.

    In the elimination of a birth-death chain from its top, what a state loses upwards returns to it, so that its pivot
    is the loss downwards alone. Of everything that fast jumps leave alone, such as the slow coherences of nodes far
    from strongly coupled baths, one application then leaves the ratio of the rates up and down, e^(-ω/T), however slow
    it is; with all losses kept it leaves nearly all. The last sector, which all the rest returns to, keeps its losses.
    """
    of_state = sectors.of_state
    last = rank[of_state] == len(rank) - 1
    lost = []
    for dissipator in generator.dissipators.values():
        for left, right, factor in dissipator.loss_factors:
            upwards = rank[of_state[right.rows]] < rank[of_state[right.columns]]
            stays = ~upwards | last[right.columns]
            kept = Entries(
                generator.dimension, right.rows[stays], right.columns[stays], -1j * factor * right.values[stays]
            )
            product = (left.adjoint().matrix() @ kept.matrix()).tocoo()
            rows, columns = product.coords
            lost.append(Entries(generator.dimension, rows.astype(np.int64), columns.astype(np.int64), product.data))
    return total(generator.dimension, [generator.hamiltonian, *lost])


def sylvester(effective: Block, scale: float) -> Callable[[Block], Block]:
    """The map from R to the solution of -i(Kρ - ρK†) = R, through the eigenvectors of K.

    Parameters
    ----------
    effective : ndarray of complex, shape (n, n)
        K.
    scale : float
        Largest rate in the problem. States that nothing damps have rate zero and get this one instead: the map is
        then approximate, as a preconditioner may be.
    """
    values, vectors = np.linalg.eig(effective)
    try:
        inverse = np.linalg.inv(vectors)
        condition = float(np.linalg.norm(vectors, 1) * np.linalg.norm(inverse, 1))
    except np.linalg.LinAlgError:
        condition = np.inf
    if condition > WORST_CONDITION:
        return schur_sylvester(effective - 0.5j * UNDAMPED * scale * np.eye(len(effective)))
    rates = -1j * (values[:, None] - values.conj()[None, :])
    rates[np.abs(rates) < UNDAMPED * scale] = -scale
    vectors_adjoint, inverse_adjoint = vectors.conj().T.copy(), inverse.conj().T.copy()

    def solve(right_hand_side: Block) -> Block:
        solution: Block = vectors @ ((inverse @ right_hand_side @ inverse_adjoint) / rates) @ vectors_adjoint
        return solution

    return solve


def schur_sylvester(effective: Block) -> Callable[[Block], Block]:
    """The map from R to the solution, through the Schur form of K: slower, and always stable."""
    triangle, unitary = scipy.linalg.schur(-1j * effective, output="complex")
    adjoint = unitary.conj().T.copy()
    (trsyl,) = scipy.linalg.get_lapack_funcs(("trsyl",), (triangle,))

    def solve(right_hand_side: Block) -> Block:
        transformed, factor, _ = trsyl(triangle, triangle, adjoint @ right_hand_side @ unitary, tranb="C")
        solution: Block = unitary @ (transformed / factor) @ adjoint
        return solution

    return solve
