"""The secular equation: an approximate inverse of the generator, and the state that the solver starts from.

In the eigenbasis of H the populations are solved for exactly, by sparse elimination, and each coherence by its own
rate: far from degeneracy this is already the answer up to small corrections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from qnet_qutip.solver.blocks import sector_pairs
from qnet_qutip.solver.factorisation import PIVOT_THRESHOLD
from qnet_qutip.solver.generator import Block, Generator, Index, Real, total
from qnet_qutip.solver.sectors import Sectors, expectations, rotated
from qnet_qutip.solver.superoperator import SectorGenerator
from qnet_qutip.solver.threads import for_each

NEGLIGIBLE_RATE = 1e-14
"""Rates between eigenstates below this fraction of the largest are left out of the secular rate equation."""

DEGENERACY_LIFT = 5e-4
"""Fraction of the losses that is added to H before its eigenstates are taken."""

SINGLE_PRECISION = 1_000_000
"""Unknowns beyond which the secular equation is kept in single precision: half the memory and time, for a
cycle that reduces by 1e-5 instead of 1e-8; the Krylov vectors stay in double precision. Where that fails, as on modes
slower than its rounding, double precision takes over."""

UNDAMPED = 1e-12
"""Fraction of the largest loss below which the rate of a coherence counts as zero."""


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
    responses : list of (ndarray, ndarray)
        For each sector the real and imaginary parts of 1 over the rates of the coherences, which multiply G and its
        transpose.
    single : bool
        Whether vectors and responses are kept in single precision.
    """

    sectors: Sectors
    vectors: list[Real | Block]
    rates: sp.csc_array
    responses: list[tuple[Real, Real]]
    single: bool
    _pinned: int | None
    _factors: scipy.sparse.linalg.SuperLU

    def diagonal_state(self, populations: Real) -> Real:
        """Flat array of the state with these populations of the eigenstates of H."""
        if self.sectors.classical:
            return populations
        flat = np.empty(self.sectors.unknowns)
        for block, vectors, span in zip(self.sectors.blocks(flat), self.vectors, self.sectors.spans, strict=True):
            block[:] = rotated(vectors, np.diag(populations[span]))
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
        blocks, sectors = self.sectors.blocks(flat), range(len(self.vectors))
        images = for_each(lambda sector: self.seen(sector, blocks[sector]), sectors, len(flat))
        populations = self.populations(np.concatenate([image.diagonal() for image in images]))
        if not coherences:
            return self.diagonal_state(populations)
        solution = np.empty_like(flat)
        answers = self.sectors.blocks(solution)

        def answer(sector: int) -> None:
            answers[sector][:] = self.answer(sector, images[sector], populations)

        for_each(answer, sectors, len(flat))
        return solution

    def seen(self, sector: int, block: Real) -> Real:
        """The block of a sector in the eigenbasis of H."""
        return rotated(self.vectors[sector].conj().T, self._stored(block))

    def seen_populations(self, sector: int, block: Real) -> Real:
        """The diagonal of that alone, at half the cost."""
        return expectations(self.vectors[sector], self._stored(block))

    def populations(self, rates: Real) -> Real:
        """The populations of the eigenstates that have these rates of change."""
        populations: Real = self._factors.solve(rates.astype(float))
        return populations

    def answer(self, sector: int, image: Real, populations: Real) -> Real:
        """The block of a sector with these populations, and coherences whose rates of change are those of the image."""
        losses, energies = self.responses[sector]
        found = losses * image
        found += energies * image.T
        found.flat[:: len(found) + 1] = populations[self.sectors.spans[sector]]
        return rotated(self.vectors[sector], found)

    def _stored(self, block: Real) -> Real:
        return block.astype(np.float32) if self.single else block

    @cached_property
    def separation(self) -> float:
        """Fraction of the coherences whose energy is larger than their loss, weighted by the populations they join.

        Close to 1 the equation is nearly exact; where it is small, levels lie closer than their widths.
        """
        populations = np.abs(self.steady_populations)
        separated = close = 0.0
        for (losses, energies), span in zip(self.responses, self.sectors.spans, strict=True):
            weight = np.sqrt(np.outer(populations[span], populations[span]))
            np.fill_diagonal(weight, 0.0)
            apart = np.abs(energies) > np.abs(losses)
            separated += float(weight[apart].sum())
            close += float(weight[~apart].sum())
        return separated / (separated + close) if separated + close else 1.0


def secular_equation(generator: SectorGenerator, *, single: bool = False) -> SecularEquation:
    """Set up and factorise the secular equation, in single precision if asked to."""
    sectors, operators = generator.sectors, generator.generator
    vectors: list[Real | Block] = []
    responses: list[tuple[Real, Real]] = []
    if sectors.classical:
        rates = generator.matrix.tocsc()
    else:
        # Degenerate eigenstates are told apart by their losses: those mix no coherence between them into the rates.
        loss = operators.loss
        lift = loss.times(DEGENERACY_LIFT)
        hamiltonian = total(operators.dimension, [operators.hamiltonian, lift, lift.adjoint()])
        scale = float(np.abs(loss.diagonal).max()) or 1.0
        mixing = bool(np.any(loss.rows != loss.columns))

        def eigenstates(span: slice) -> tuple[Real | Block, tuple[Real, Real]]:
            energies, own = np.linalg.eigh(hamiltonian.block(span, span))
            if mixing:
                damping = (own.conj() * (loss.block(span, span) @ own)).sum(axis=0)
            else:
                damping = (own.real**2 + own.imag**2).T @ loss.diagonal[span]
            values = energies - 2.0 * DEGENERACY_LIFT * damping.real - 1j * damping
            response = _responses(values, scale, generator.decay)
            return own, (_real(response.real, single), _real(response.imag, single))

        for own, response in for_each(eigenstates, sectors.spans, sectors.unknowns):
            vectors.append(own)
            responses.append(response)
        rates = _eigenstate_rates(operators, vectors, sectors)
        lost = np.asarray(rates.sum(axis=0)).ravel() + generator.decay
        rates = sp.csc_array(rates - sp.diags_array(lost))
        vectors = [_stored(own, single) for own in vectors]
    return _factorised(sectors, vectors, rates, responses, single=single, regular=generator.decay > 0.0)


def _factorised(
    sectors: Sectors,
    vectors: list[Real | Block],
    rates: sp.csc_array,
    responses: list[tuple[Real, Real]],
    *,
    single: bool,
    regular: bool,
) -> SecularEquation:
    dimension = rates.shape[0]
    losses = -rates.diagonal()
    pinned, pinned_rates = None, sp.csc_matrix(rates)
    if not regular:
        # The equation is singular, as populations are conserved. An extra loss from the state that loses least makes
        # it regular without changing the steady populations, which are the answer to a source in that very state.
        pinned = int(np.argmin(losses))
        pin = sp.coo_array(([losses.max() or 1.0], ([pinned], [pinned])), shape=(dimension, dimension))
        pinned_rates = sp.csc_matrix(rates - pin)
    try:
        factors = _lu(pinned_rates)
    except RuntimeError:
        # Some eigenstates of H exchange nothing in this approximation: a small loss keeps it usable.
        shift = sp.eye_array(dimension) * (1e-8 * (losses.max() or 1.0))
        factors = _lu(sp.csc_matrix(pinned_rates - shift))
    return SecularEquation(sectors, vectors, rates, responses, single, pinned, factors)


def _lu(rates: sp.csc_matrix) -> scipy.sparse.linalg.SuperLU:
    """Pivots stay on the diagonal, which outweighs its column in a matrix of rates, and order is for little fill."""
    return scipy.sparse.linalg.splu(
        rates, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=PIVOT_THRESHOLD, options={"SymmetricMode": True}
    )


def _stored(values: Real | Block, single: bool) -> Real | Block:
    """A contiguous copy, in single precision if asked to."""
    if np.iscomplexobj(values):
        return values.astype(np.complex64 if single else complex)
    return _real(values.real, single)


def _real(values: Real, single: bool) -> Real:
    return values.astype(np.float32 if single else float)


def _responses(values: Block, scale: float, decay: float) -> Block:
    """1 over the rates -i(k_j - k_l*) - s of the coherences, k the diagonal of K; undamped: the largest loss."""
    rates = -1j * np.subtract.outer(values, values.conj()) - decay
    rates[np.abs(rates) < UNDAMPED * scale] = -scale
    responses: Block = 1.0 / rates
    return responses


def _eigenstate_rates(generator: Generator, vectors: list[Real | Block], sectors: Sectors) -> sp.csr_array:
    """Rates Re(A_jk B_jk*) between eigenstates of H, all jumps AρB† together."""
    between: dict[tuple[int, int], list[tuple[Real | Block, Real | Block | None]]] = {}
    for left, right in generator.jumps:
        for target, source in sector_pairs(left, sectors):
            rows, columns = sectors.spans[target], sectors.spans[source]
            second = None if right is left else right.block(rows, columns)
            between.setdefault((target, source), []).append((left.block(rows, columns), second))
    dimension = len(sectors.order)

    def rates(sector_pair: tuple[int, int]) -> tuple[Real, Index, Index]:
        target, source = sector_pair
        pairs = between[sector_pair]
        image, adjoint = vectors[target].conj().T, vectors[source]
        a = image @ np.stack([left for left, _ in pairs]) @ adjoint
        if all(right is None for _, right in pairs):
            block = (a.real**2 + a.imag**2 if np.iscomplexobj(a) else a**2).sum(axis=0)
        else:
            b = image @ np.stack([left if right is None else right for left, right in pairs]) @ adjoint
            block = (a * b.conj()).real.sum(axis=0)
        size = np.abs(block)
        row, column = np.nonzero(size > NEGLIGIBLE_RATE * size.max(initial=0.0))
        return block[row, column], row + sectors.starts[target], column + sectors.starts[source]

    none = np.empty(0), np.empty(0, dtype=int), np.empty(0, dtype=int)
    found = [none, *for_each(rates, between, sectors.unknowns)]
    values, rows_of, columns_of = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
    return sp.coo_array((values, (rows_of, columns_of)), shape=(dimension, dimension)).tocsr()
