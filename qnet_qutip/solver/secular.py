"""The secular equation: an approximate inverse of the generator, and the state that the solver starts from.

In the eigenbasis of H the populations are solved for exactly, by sparse elimination, and each coherence by its own
rate: far from degeneracy this is already the answer up to small corrections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from qnet_qutip.solver.blocks import blocks_between
from qnet_qutip.solver.factorisation import PIVOT_THRESHOLD
from qnet_qutip.solver.generator import Block, Generator, Index, Real, total
from qnet_qutip.solver.sectors import GROUP, Group, Sectors, cut_off, expectations, real_form, rotated
from qnet_qutip.solver.superoperator import SectorGenerator
from qnet_qutip.solver.threads import for_each

NEGLIGIBLE_RATE = 1e-14
"""Rates between eigenstates below this fraction of the largest are left out of the secular rate equation."""

DEGENERACY_LIFT = 5e-4
"""Fraction of the losses that is added to H before its eigenstates are taken."""

SINGLE_LARGEST = 1e16
"""What the largest entry of a residual is made for single precision: far from the smallest normal number."""

SINGLE_SMALLEST = 1e-14
"""Entry below which it then is zero, 1e-30 of the largest: with two components of eigenvectors, each at least
`SINGLE_COMPONENT`, products stay normal. Denormal ones take a processor ten times as long and more."""

SINGLE_COMPONENT = 1e-12
"""Components of eigenvectors in single precision below which they are zero."""

UNDAMPED = 1e-12
"""Fraction of the largest loss below which the rate of a coherence counts as zero."""


@dataclass(frozen=True, eq=False)
class Eigenstates:
    """The eigenstates of H in a group of sectors, and the rates of the coherences between them.

    Attributes
    ----------
    group : Group
    vectors : list of ndarray, shapes (sectors, size, size)
        Eigenvectors by stacks, as columns.
    losses, energies : ndarray, shape (unknowns of the group,)
        Real and imaginary parts of 1 over the rates of the coherences, which multiply G and its transpose.
    """

    group: Group
    vectors: list[Real | Block]
    losses: Real
    energies: Real

    def seen(self, flat: Real) -> Real:
        """The blocks of a state in the eigenbasis of H, flat as it is given."""
        return self._rotated([vectors.conj().mT for vectors in self.vectors], self._stored(flat))

    def seen_populations(self, flat: Real) -> Real:
        """The populations there alone, at half the cost."""
        blocks = self.group.stacks(self._stored(flat))
        return np.concatenate([expectations(*pair).ravel() for pair in zip(self.vectors, blocks, strict=True)])

    def answer(self, image: Real, populations: Real) -> Real:
        """The blocks with these populations, and coherences whose rates of change are those of the image."""
        transposed = np.empty_like(image)
        for block, of_image in zip(self.group.stacks(transposed), self.group.stacks(image), strict=True):
            block[...] = of_image.mT
        found = self.losses * image
        found += np.multiply(transposed, self.energies, out=transposed)
        found[self.group.diagonal] = populations
        return self._rotated(self.vectors, cut_off(found, SINGLE_SMALLEST))

    def diagonal_state(self, populations: Real) -> Real:
        """The blocks with these populations and no coherences."""
        flat = np.empty(len(self.losses))
        of_stacks = self.group.by_stack(populations)
        for block, vectors, own in zip(self.group.stacks(flat), self.vectors, of_stacks, strict=True):
            state: Any = (vectors * own[:, None, :]) @ vectors.conj().mT
            block[...] = real_form(state) if np.iscomplexobj(state) else state
        return flat

    def rounded(self) -> Eigenstates:
        """The same in single precision."""
        kinds = [np.complex64 if np.iscomplexobj(own) else np.float32 for own in self.vectors]
        large = [np.where(np.abs(own) < SINGLE_COMPONENT, 0.0, own) for own in self.vectors]
        vectors: list[Any] = [own.astype(kind) for own, kind in zip(large, kinds, strict=True)]
        return Eigenstates(self.group, vectors, self.losses.astype(np.float32), self.energies.astype(np.float32))

    def _rotated(self, operators: list[Real | Block], flat: Real) -> Real:
        image = np.empty_like(flat)
        for operator, block, out in zip(operators, self.group.stacks(flat), self.group.stacks(image), strict=True):
            rotated(operator, block, out)
        return image

    def _stored(self, flat: Real) -> Real:
        return cut_off(flat.astype(np.float32), SINGLE_SMALLEST) if self.losses.dtype == np.float32 else flat


@dataclass(frozen=True, eq=False)
class SecularEquation:
    """The rate equation of the populations in the eigenbasis of H, and the rates of the coherences there.

    Attributes
    ----------
    sectors : Sectors
    groups : list of Eigenstates
        Of each group of sectors; empty where every sector is a single state.
    rates : csc_array, shape (dimension, dimension)
        Generator of the populations: d p/dt = rates @ p.
    single : bool
        Whether vectors and responses are kept in single precision.
    """

    sectors: Sectors
    groups: list[Eigenstates]
    rates: sp.csc_array
    single: bool
    _pinned: int | None
    _factors: scipy.sparse.linalg.SuperLU

    def scaled(self, residual: Real) -> float:
        """What a residual is to be multiplied by before it is solved for: 1 unless in single precision."""
        return SINGLE_LARGEST / (float(np.abs(residual).max()) or 1.0) if self.single else 1.0

    def rounded(self) -> SecularEquation:
        """The same in single precision."""
        return replace(self, groups=[own.rounded() for own in self.groups], single=True)

    @cached_property
    def of_sectors(self) -> list[Eigenstates]:
        """The eigenstates of each sector."""
        found = []
        for states in self.groups:
            vectors = [own[None] for stack in states.vectors for own in stack]
            for number, own in enumerate(vectors, start=states.group.sectors.start):
                group, first = self.sectors.group(number, number + 1), states.group.unknowns.start
                within = slice(group.unknowns.start - first, group.unknowns.stop - first)
                found.append(Eigenstates(group, [own], states.losses[within], states.energies[within]))
        return found

    def diagonal_state(self, populations: Real) -> Real:
        """Flat array of the state with these populations of the eigenstates of H."""
        if self.sectors.classical:
            return populations
        return np.concatenate([states.diagonal_state(populations[states.group.states]) for states in self.groups])

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
        images = for_each(lambda states: states.seen(flat[states.group.unknowns]), self.groups, len(flat))
        seen = zip(self.groups, images, strict=True)
        populations = self.populations(np.concatenate([image[states.group.diagonal] for states, image in seen]))
        if not coherences:
            return self.diagonal_state(populations)
        solution = np.empty_like(flat)

        def answer(number: int) -> None:
            states = self.groups[number]
            solution[states.group.unknowns] = states.answer(images[number], populations[states.group.states])

        for_each(answer, range(len(images)), len(flat))
        return solution

    def populations(self, rates: Real) -> Real:
        """The populations of the eigenstates that have these rates of change."""
        populations: Real = self._factors.solve(rates.astype(float))
        return populations

    @cached_property
    def slowest_rate(self) -> float:
        """Slowest rate in this approximation: of the coherences, and of the populations by inverse iteration."""
        largest = max((np.hypot(own.losses, own.energies).max() for own in self.groups), default=0.0)
        change = np.random.default_rng(0).normal(size=self.rates.shape[0])
        change -= change.mean()
        for _ in range(4):
            change = self.populations(change / np.linalg.norm(change))
            if self._pinned is not None:
                change -= change.sum() * self.steady_populations
        return float(1.0 / max(largest, np.linalg.norm(change)))

    @cached_property
    def separation(self) -> float:
        """Fraction of the coherences whose energy is larger than their loss, weighted by the populations they join.

        Close to 1 the equation is nearly exact; where it is small, levels lie closer than their widths.
        """
        roots = np.sqrt(np.abs(self.steady_populations))
        separated = close = 0.0
        for states in self.groups:
            weight = np.empty(len(states.losses))
            of_stacks = states.group.by_stack(roots[states.group.states])
            for block, own in zip(states.group.stacks(weight), of_stacks, strict=True):
                np.multiply(own[:, :, None], own[:, None, :], out=block)
            weight[states.group.diagonal] = 0.0
            apart = np.abs(states.energies) > np.abs(states.losses)
            separated += float(weight[apart].sum())
            close += float(weight[~apart].sum())
        return separated / (separated + close) if separated + close else 1.0


def secular_equation(generator: SectorGenerator) -> SecularEquation:
    """Set up and factorise the secular equation."""
    sectors, operators = generator.sectors, generator.generator
    groups: list[Eigenstates] = []
    if sectors.classical:
        rates = generator.matrix.tocsc()
    else:
        # Degenerate eigenstates are told apart by their losses: those mix no coherence between them into the rates.
        loss = operators.loss
        lift = loss.times(DEGENERACY_LIFT)
        lifted = total(operators.dimension, [operators.hamiltonian, lift, lift.adjoint()])
        scale = float(np.abs(loss.diagonal).max()) or 1.0
        hamiltonian, losses = sectors.block_diagonal(lifted), loss.diagonal
        mixing = sectors.block_diagonal(loss) if np.any(loss.rows != loss.columns) else None

        def eigenstates(group: Group) -> Eigenstates:
            differences, vectors = np.empty(len(hamiltonian[group.unknowns]), dtype=complex), list[Real | Block]()
            of_states = group.by_stack(losses[group.states])
            of_blocks = of_states if mixing is None else group.stacks(mixing[group.unknowns])
            for blocks, lost, difference in zip(
                group.stacks(hamiltonian[group.unknowns]), of_blocks, group.stacks(differences), strict=True
            ):
                energies, own = np.linalg.eigh(blocks)
                if mixing is None:
                    damping = ((own.real**2 + own.imag**2).mT @ lost[..., None])[..., 0]
                else:
                    damping = (own.conj() * (lost @ own)).sum(axis=-2)
                values = energies - 2.0 * DEGENERACY_LIFT * damping.real - 1j * damping
                np.subtract(values[:, :, None], values.conj()[:, None, :], out=difference)
                vectors.append(own)
            response = _responses(differences, scale, generator.decay)
            return Eigenstates(group, vectors, response.real.copy(), response.imag.copy())

        groups = for_each(eigenstates, sectors.groups, sectors.unknowns)
        rates = _eigenstate_rates(operators, groups, sectors)
        lost = np.asarray(rates.sum(axis=0)).ravel() + generator.decay
        rates = sp.csc_array(rates - sp.diags_array(lost))
    return _factorised(sectors, groups, rates, regular=generator.decay > 0.0)


def _factorised(
    sectors: Sectors,
    groups: list[Eigenstates],
    rates: sp.csc_array,
    *,
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
    return SecularEquation(sectors, groups, rates, False, pinned, factors)


def _lu(rates: sp.csc_matrix) -> scipy.sparse.linalg.SuperLU:
    """Pivots stay on the diagonal, which outweighs its column in a matrix of rates, and order is for little fill."""
    return scipy.sparse.linalg.splu(
        rates, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=PIVOT_THRESHOLD, options={"SymmetricMode": True}
    )


def _responses(differences: Block, scale: float, decay: float) -> Block:
    """1 over the rates -i(k_j - k_l*) - s of the coherences, k the diagonal of K; undamped: the largest loss."""
    rates = -1j * differences - decay
    rates[np.abs(rates) < UNDAMPED * scale] = -scale
    responses: Block = 1.0 / rates
    return responses


def _eigenstate_rates(generator: Generator, groups: list[Eigenstates], sectors: Sectors) -> sp.csr_array:
    """Rates Re(A_jk B_jk*) between eigenstates of H, all jumps AρB† together."""
    vectors = [own for states in groups for stack in states.vectors for own in stack]
    between: dict[tuple[int, int], list[tuple[Real | Block, Real | Block]]] = {}
    for left, right in generator.jumps:
        first = blocks_between(left, sectors)
        second = first if right is left else blocks_between(right, sectors)
        for pair in first:
            if pair in second:
                between.setdefault(pair, []).append((first[pair], second[pair]))
    dimension = len(sectors.order)
    # Pairs of sectors of the same sizes are taken together: on a ladder one of the way up and one of the way down.
    alike: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    for (target, source), jumps in between.items():
        shape = (int(sectors.sizes[target]), int(sectors.sizes[source]), len(jumps))
        alike.setdefault(shape, []).append((target, source))
    batches = []
    for (height, width, count), pairs in alike.items():
        most = max(GROUP // (height * width * count), 1)
        batches += [pairs[first : first + most] for first in range(0, len(pairs), most)]

    def rates(pairs: list[tuple[int, int]]) -> tuple[Real, Index, Index]:
        targets, sources = (list(sides) for sides in zip(*pairs, strict=True))
        image = np.array([vectors[target] for target in targets])[:, None].conj().mT
        adjoint = np.array([vectors[source] for source in sources])[:, None]
        a = image @ np.array([[left for left, _ in between[pair]] for pair in pairs]) @ adjoint
        if all(left is right for pair in pairs for left, right in between[pair]):
            block = (a.real**2 + a.imag**2 if np.iscomplexobj(a) else a**2).sum(axis=1)
        else:
            b = image @ np.array([[right for _, right in between[pair]] for pair in pairs]) @ adjoint
            block = (a * b.conj()).real.sum(axis=1)
        size = np.abs(block)
        which, row, column = np.nonzero(size > NEGLIGIBLE_RATE * size.max(axis=(1, 2), keepdims=True))
        return block[which, row, column], row + sectors.starts[targets][which], column + sectors.starts[sources][which]

    none = np.empty(0), np.empty(0, dtype=int), np.empty(0, dtype=int)
    found = [none, *for_each(rates, batches, sectors.unknowns)]
    values, rows_of, columns_of = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
    return sp.coo_array((values, (rows_of, columns_of)), shape=(dimension, dimension)).tocsr()
