"""The secular equation: an approximate inverse of the generator, and the state that the solver starts from.

In the eigenbasis of H the populations are solved for exactly, by sparse elimination, and each coherence by its own
rate: far from degeneracy this is already the answer up to small corrections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from qnet_qutip.solver.generator import Generator, dense_block
from qnet_qutip.solver.sectors import Block, Real, Sectors, rotated
from qnet_qutip.solver.sylvester import UNDAMPED

NEGLIGIBLE_RATE = 1e-14
"""Rates between eigenstates below this fraction of the largest are left out of the secular rate equation."""

DEGENERACY_LIFT = 5e-4
"""Fraction of the losses that is added to H before its eigenstates are taken."""


@dataclass(frozen=True, eq=False)
class SecularEquation:
    """The rate equation of the populations in the eigenbasis of H, and the rates of the coherences there.

    Attributes
    ----------
    sectors : Sectors
    vectors : list of ndarray
        Eigenvectors of H in each sector, as columns; empty where every sector is a single state.
    rates : csc_array, shape (dimension, dimension)
        Generator of the populations: d p/dt = rates @ p.
    """

    sectors: Sectors
    vectors: list[Real | Block]
    rates: sp.csc_array
    _responses: list[Block]
    _pinned: int
    _factors: scipy.sparse.linalg.SuperLU

    def diagonal_state(self, populations: Real) -> Real:
        """Flat array of the state with these populations of the eigenstates of H."""
        if self.sectors.classical:
            return populations
        flat = np.empty(self.sectors.unknowns)
        for block, vectors, own in zip(
            self.sectors.blocks(flat), self.vectors, self._by_sector(populations), strict=True
        ):
            block[:] = rotated(vectors, np.diag(own))
        return flat

    @cached_property
    def steady_populations(self) -> Real:
        """The steady populations, summing to 1."""
        source = np.zeros(self.rates.shape[0])
        source[self._pinned] = -1.0
        populations = self._factors.solve(source)
        steady: Real = populations / populations.sum()
        return steady

    @cached_property
    def steady_state(self) -> Real:
        """Flat array of the state with the steady populations."""
        return self.diagonal_state(self.steady_populations)

    def solve(self, flat: Real, *, coherences: bool = True) -> Real:
        """What has the given rate of change in this approximation, up to a multiple of the steady state.

        Without coherences only the populations of the eigenstates answer.
        """
        if self.sectors.classical:
            solution: Real = self._factors.solve(flat)
            return solution
        images = [
            rotated(vectors.conj().T, block)
            for vectors, block in zip(self.vectors, self.sectors.blocks(flat), strict=True)
        ]
        populations = self._factors.solve(np.concatenate([image.diagonal() for image in images]))
        if not coherences:
            return self.diagonal_state(populations)
        solution = np.empty_like(flat)
        for out, vectors, image, response, own in zip(
            self.sectors.blocks(solution),
            self.vectors,
            images,
            self._responses,
            self._by_sector(populations),
            strict=True,
        ):
            answer = response.real * image + response.imag * image.T
            np.fill_diagonal(answer, own)
            out[:] = rotated(vectors, answer)
        return solution

    def _by_sector(self, populations: Real) -> list[Real]:
        return np.split(populations, self.sectors.starts[1:-1])


def secular_equation(generator: Generator, sectors: Sectors) -> SecularEquation:
    """Set up and factorise the secular equation of a generator in the order of the sectors' states."""
    spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
    dimension = generator.dimension
    jumps = [pair for part in generator.dissipators.values() for pair in part.jumps]
    vectors: list[Real | Block] = []
    responses: list[Block] = []
    if sectors.classical:
        rates = sum((left.multiply(right.conj()).real for left, right in jumps), sp.csr_array((dimension, dimension)))
    else:
        # Degenerate eigenstates are told apart by their losses: those mix no coherence between them into the rates.
        loss = generator.loss
        hamiltonian = (generator.hamiltonian + DEGENERACY_LIFT * (loss + loss.conj().T)).tocsr()
        real = not np.iscomplexobj(hamiltonian.data) or not hamiltonian.data.imag.any()
        effective = (generator.hamiltonian - 1j * loss).tocsr()
        scale = float(np.abs(loss.diagonal()).max()) or 1.0
        for span in spans:
            block = dense_block(hamiltonian, span, span)
            own: Real | Block = np.linalg.eigh(block.real if real else block)[1]
            vectors.append(own)
            values = (own.conj() * (effective[span][:, span] @ own)).sum(axis=0)
            responses.append(_responses(values, scale))
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
    return SecularEquation(sectors, vectors, rates, responses, pinned, factors)


def _responses(values: Block, scale: float) -> Block:
    """1 over the rates -i(k_j - k_l*) of the coherences, k the diagonal of K; undamped ones get the largest loss."""
    rates = -1j * (values[:, None] - values.conj()[None, :])
    rates[np.abs(rates) < UNDAMPED * scale] = -scale
    responses: Block = 1.0 / rates
    return responses


def _eigenstate_rates(
    left: sp.csr_array, right: sp.csr_array, vectors: Sequence[Real | Block], sectors: Sectors
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
