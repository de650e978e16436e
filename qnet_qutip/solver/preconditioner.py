"""An approximate inverse of the generator: the secular rate equation, then sweeps over the sectors.

First the populations in the eigenbasis of H are solved for exactly, by sparse elimination: far from degeneracy this is
already the answer up to small coherences. What remains is swept down and up over the sectors, as in symmetric
Gauss-Seidel: with the jumps from neighbouring sectors known, -i(Kρ - ρK†) = R is a Sylvester equation, solved through
the eigenvectors of K.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
from numpy.typing import NDArray

from qnet_qutip.solver.blocks import Block, BlockGenerator
from qnet_qutip.solver.generator import Generator, dense_block
from qnet_qutip.solver.sectors import Sectors
from qnet_qutip.solver.sylvester import sylvester

Flat = NDArray[np.complex128]

NEGLIGIBLE_RATE = 1e-14
"""Rates between eigenstates below this fraction of the largest are left out of the secular rate equation."""

DEGENERACY_LIFT = 5e-4
"""Fraction of the losses that is added to H before its eigenstates are taken."""


@dataclass(frozen=True, eq=False)
class SecularEquation:
    """The rate equation of the populations in the eigenbasis of H.

    Attributes
    ----------
    sectors : Sectors
    vectors : list of ndarray
        Eigenvectors of H in each sector, as columns.
    rates : csc_array, shape (dimension, dimension)
        Generator of the populations: d p/dt = rates @ p.
    """

    sectors: Sectors
    vectors: list[Block]
    rates: sp.csc_array
    _pinned: int
    _factors: scipy.sparse.linalg.SuperLU

    def populations(self, flat: Flat) -> NDArray[np.float64]:
        """Diagonal of each block in the eigenbasis of H."""
        if self.sectors.classical:
            return flat.real
        return np.concatenate(
            [
                ((vectors.conj().T @ block) * vectors.T).sum(axis=1).real
                for vectors, block in zip(self.vectors, self.sectors.blocks(flat), strict=True)
            ]
        )

    def diagonal_state(self, populations: NDArray[np.float64]) -> Flat:
        """Flat array of the state with these populations of the eigenstates of H."""
        if self.sectors.classical:
            return populations.astype(complex)
        flat = np.empty(self.sectors.unknowns, dtype=complex)
        spans = zip(self.sectors.starts[:-1], self.sectors.starts[1:], strict=True)
        for block, vectors, (first, last) in zip(self.sectors.blocks(flat), self.vectors, spans, strict=True):
            block[:] = (vectors * populations[first:last]) @ vectors.conj().T
        return flat

    def solve(self, right_hand_side: NDArray[np.float64]) -> NDArray[np.float64]:
        """Populations whose rate of change is the right-hand side, up to a multiple of the steady ones."""
        populations: NDArray[np.float64] = self._factors.solve(right_hand_side)
        return populations

    def steady_populations(self) -> NDArray[np.float64]:
        """The steady populations, summing to 1."""
        source = np.zeros(self.rates.shape[0])
        source[self._pinned] = -1.0
        populations = self.solve(source)
        steady: NDArray[np.float64] = populations / populations.sum()
        return steady


def secular_equation(generator: Generator, sectors: Sectors) -> SecularEquation:
    """Set up and factorise the secular rate equation of a generator in the order of the sectors' states."""
    spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
    dimension = generator.dimension
    jumps = [pair for part in generator.dissipators.values() for pair in part.jumps]
    if sectors.classical:
        vectors: list[Block] = []
        rates = sum((left.multiply(right.conj()).real for left, right in jumps), sp.csr_array((dimension, dimension)))
    else:
        # Degenerate eigenstates are told apart by their losses: those mix no coherence between them into the rates.
        loss = sum((part.loss for part in generator.dissipators.values()), sp.csr_array((dimension, dimension)))
        hamiltonian = (generator.hamiltonian + DEGENERACY_LIFT * (loss + loss.conj().T)).tocsr()
        real = not np.iscomplexobj(hamiltonian.data) or not hamiltonian.data.imag.any()
        vectors = []
        for span in spans:
            block = dense_block(hamiltonian, span, span)
            vectors.append(np.linalg.eigh(block.real if real else block)[1])
        rates = sum(
            (_eigenstate_rates(left, right, vectors, sectors) for left, right in jumps),
            sp.csr_array((dimension, dimension)),
        )
    rates = sp.csc_array(rates - sp.diags_array(np.asarray(rates.sum(axis=0)).ravel()))
    # The equation is singular, as populations are conserved. An extra loss from the state that loses least makes it
    # regular without changing the steady populations, which are the answer to a source in that very state.
    losses = -rates.diagonal()
    pinned = int(np.argmin(losses))
    pin = sp.coo_array(([losses.max() or 1.0], ([pinned], [pinned])), shape=(dimension, dimension))
    pinned_rates = sp.csc_matrix(rates - pin)
    try:
        factors = scipy.sparse.linalg.splu(pinned_rates)
    except RuntimeError:
        # Some eigenstates of H exchange nothing in this approximation: a small loss keeps it usable.
        shift = sp.eye_array(dimension) * (1e-8 * (losses.max() or 1.0))
        factors = scipy.sparse.linalg.splu(sp.csc_matrix(pinned_rates - shift))
    return SecularEquation(sectors, vectors, rates, pinned, factors)


def _eigenstate_rates(
    left: sp.csr_array, right: sp.csr_array, vectors: Sequence[Block], sectors: Sectors
) -> sp.coo_array:
    """Rates Re(A_jk B_jk*) between eigenstates of H for a jump AρB†."""
    state_sector = sectors.state_sector()
    values, rows, columns = [], [], []
    for target in range(len(sectors.sizes)):
        into = sectors.span(target)
        for source in np.unique(state_sector[left.indices[left.indptr[into.start] : left.indptr[into.stop]]]):
            span = sectors.span(source)
            image, adjoint = vectors[target].conj().T, vectors[source]
            a = image @ dense_block(left, into, span) @ adjoint
            b = a if right is left else image @ dense_block(right, into, span) @ adjoint
            block = (a * b.conj()).real
            row, column = np.nonzero(np.abs(block) > NEGLIGIBLE_RATE * np.abs(block).max(initial=0.0))
            values.append(block[row, column])
            rows.append(row + into.start)
            columns.append(column + span.start)
    dimension = len(sectors.order)
    if not values:
        return sp.coo_array((dimension, dimension))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sp.coo_array(entries, shape=(dimension, dimension))


class Preconditioner:
    """The secular equation followed by a sweep down and up the sectors, from the least to the most populated.

    Parameters
    ----------
    secular : SecularEquation
    generator : Generator
        In the order of the sectors' states.
    blocks : BlockGenerator or None
        The same in blocks; None where every sector is a single state, as the secular equation is then the generator.
    """

    def __init__(self, secular: SecularEquation, generator: Generator, blocks: BlockGenerator | None) -> None:
        self._secular, self._blocks = secular, blocks
        self._diagonal = secular.sectors.diagonal_places()
        self._steady = secular.diagonal_state(secular.steady_populations())
        if blocks is None:
            return
        sectors = secular.sectors
        populations = np.add.reduceat(np.abs(secular.steady_populations()), sectors.starts[:-1])
        self._down = np.argsort(populations / sectors.sizes)
        rank = np.empty(len(self._down), dtype=int)
        rank[self._down] = np.arange(len(self._down))
        scale = max(float(np.abs(block.diagonal().imag).max()) for block in blocks.effective)
        effective = _returning_effective(generator, sectors, rank)
        spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
        self._solvers = [sylvester(dense_block(effective, span, span), scale) for span in spans]
        self._from_above = [
            [jump for jump in jumps if rank[jump.source] < rank[target]] for target, jumps in enumerate(blocks.jumps)
        ]
        self._from_below = [
            [jump for jump in jumps if rank[jump.source] > rank[target]] for target, jumps in enumerate(blocks.jumps)
        ]

    def __call__(self, residual: Flat) -> Flat:
        """Approximate solution ρ of L(ρ) = residual, Hermitian and of zero trace."""
        secular = self._secular
        correction = secular.diagonal_state(secular.solve(secular.populations(residual)))
        if self._blocks is not None:
            correction = correction + self._sweeps(residual - self._blocks(correction))
            correction = secular.sectors.hermitian_part(correction)
        # Among matrices of zero trace the generator is regular; the rest is a multiple of the steady state.
        trace = float(correction[self._diagonal].sum().real)
        return correction - trace * self._steady

    def _sweeps(self, residual: Flat) -> Flat:
        """Invert (S + U) S⁻¹ (S + W): S within the sectors, U the jumps from above, W those from below."""
        sectors = self._secular.sectors
        sources = sectors.blocks(residual.copy())
        blocks = sectors.blocks(np.empty_like(residual))
        for target in self._down:
            for jump in self._from_above[target]:
                sources[target] -= jump(blocks)
            blocks[target][:] = self._solvers[target](sources[target])
        solution = np.empty_like(residual)
        blocks = sectors.blocks(solution)
        for target in self._down[::-1]:
            for jump in self._from_below[target]:
                sources[target] -= jump(blocks)
            blocks[target][:] = self._solvers[target](sources[target])
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
