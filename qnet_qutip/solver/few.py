"""The generator of a few unknowns: L as a dense matrix in double-double, made of whole operators at once.

What a few unknowns cost is calls of NumPy. `superoperator` enumerates weights entry by entry, so that it can do large
systems in pieces; here operators are small dense arrays, and every array below holds all jumps, or all losses, for all
pairs of an entry (j, k) of L(ρ) and one of ρ. L is then the same matrix as there, from the same formulas, in 0.6 to
0.8 of the time (`ALGORITHM.md`, section 3).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import qutip

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.dense_operators import DenseOperators, finest_sectors, labelled, products, read
from qnet_qutip.solver.generator import Block, CollapseOperator, Generator, Index, Real, build_generator
from qnet_qutip.solver.sectors import Sectors
from qnet_qutip.solver.superoperator import COMMUTATOR_ROUNDING, CurrentFunctionals, SectorGenerator

FEW_STATES = 10
"""Basis states up to which operators are dense arrays."""

FEW_UNKNOWNS = 50
"""Unknowns up to which L is made from them."""

FEW_WEIGHTS = 1 << 15
"""Weights of all jumps together up to which L is made from them; products of complex operators are of four."""


@dataclass(frozen=True, eq=False)
class FewUnknowns:
    """L on the sectors, as a `SectorGenerator` has it.

    Attributes
    ----------
    operators : DenseOperators
    sectors : Sectors
    """

    operators: DenseOperators
    sectors: Sectors
    decay = 0.0

    @cached_property
    def generator(self) -> Generator:
        """The entries of the operators, in the order of the sectors' states; only what is rare asks for them."""
        return build_generator(*self.operators.given).permuted(self.sectors.order)

    @property
    def general(self) -> SectorGenerator:
        """The same by enumerated weights."""
        return SectorGenerator(self.generator, self.sectors)

    @property
    def on_the_whole(self) -> FewUnknowns:
        """The same with all states as one sector."""
        return FewUnknowns(self.operators, labelled((0,) * self.operators.dimension))

    @property
    def baths(self) -> tuple[str, ...]:
        """Names of the baths whose heat currents are asked for."""
        return self.operators.names

    @cached_property
    def fastest_loss(self) -> float:
        """The largest rate at which baths take a basis state's population away."""
        return 2.0 * float(np.abs(self._losses.sum(axis=0)).max(initial=0.0))

    @property
    def _losses(self) -> Real | Block:
        """Diagonal of M of each bath, shape (baths, dimension)."""
        real, *imaginary = self.operators.loss[0].diagonal(axis1=2, axis2=3)
        losses: Real | Block = real + 1j * imaginary[0] if imaginary else real
        return losses

    @property
    def largest_energy(self) -> float:
        """Largest entry of H."""
        return float(np.abs(self.operators.hamiltonian).max(initial=0.0))

    @cached_property
    def conserves_energy(self) -> bool:
        """Whether the energy that heat is counted by commutes with the H that moves the state, so that Σ J = 0."""
        h, energy = self.operators.hamiltonian, self.operators.energy
        if h is energy:
            return True
        commutator, size = np.abs(h @ energy - energy @ h), (np.abs(h) @ np.abs(energy)).max()
        return bool(commutator.max() <= COMMUTATOR_ROUNDING * size)

    def transfers(self) -> tuple[Index, Index]:
        """Sectors that jumps lead from and to."""
        _, _, image, state = self.operators.jumps[0].nonzero()
        of_state = self.sectors.of_state[self.sectors.rank]
        return of_state[state], of_state[image]

    # ------------------------------------------------------------ weights

    @cached_property
    def _by_cause(self) -> tuple[dd.DoubleDouble, dd.DoubleDouble, Real]:
        """L by what it is made of.

        Returns
        -------
        pair of ndarray, shape (unknowns, unknowns)
            -i[H, ·], double-double.
        pair of ndarray, shape (baths, unknowns, unknowns)
            The dissipators, double-double.
        ndarray, shape (unknowns, unknowns)
            Sum of the absolute values of all weights.
        """
        operators, pairs = self.operators, _pairs(self.sectors)
        flat = operators.dimension**2
        left, right = operators.jumps
        sides = left.reshape(*left.shape[:2], flat), right.reshape(*right.shape[:2], flat)
        high, low = products(sides[0].take(pairs.row, axis=2), sides[1].take(pairs.column, axis=2))
        jumps = dd.column_sums((high.swapaxes(0, 1), low.swapaxes(0, 1)))
        # -(Mρ + ρM†): the conjugate changes the sign of the imaginary part.
        m = [part.reshape(*part.shape[:2], flat) for part in operators.loss]
        before = [part.take(pairs.row, axis=2) * -pairs.same_column for part in m]
        after = [part.take(pairs.column, axis=2) * pairs.same_row for part in m]
        for part in after:
            np.negative(part[0], out=part[0])
        dissipated = dd.add(jumps, dd.add((before[0], before[1]), (after[0], after[1])))
        sizes = np.abs(high).sum(axis=(1, 2)) + (np.abs(before[0]) + np.abs(after[0])).sum(axis=1)
        # -iHρ + iρH: on the diagonal energies enter as differences, exactly.
        h = operators.hamiltonian.reshape(flat)
        first, last = h.take(pairs.row) * pairs.same_column, h.take(pairs.column) * pairs.same_row
        high, low = dd.two_sum(last.real, -first.real)
        moved = high.take(pairs.transposed, axis=1), low.take(pairs.transposed, axis=1)
        gross = sizes[0] + np.abs(moved[0])
        if len(sizes) == 1:
            return moved, (dissipated[0][0], dissipated[1][0]), gross
        # Re(w) for G_kl and Im(w) for G_lk, of weights w by entry of L(ρ) and of ρ.
        moved = dd.add(moved, dd.two_sum(first.imag, last.imag))
        gross = gross + sizes[1].take(pairs.transposed, axis=1) + np.abs(first.imag) + np.abs(last.imag)
        exchanged = dissipated[0][1].take(pairs.transposed, axis=2), dissipated[1][1].take(pairs.transposed, axis=2)
        return moved, dd.add((dissipated[0][0], dissipated[1][0]), exchanged), gross

    @cached_property
    def dense(self) -> Real:
        """L in real form and ordinary precision, shape (unknowns, unknowns): what M⁻¹ is made of."""
        # On the whole it is all that is asked for; else the leading doubles are there, or will be.
        return self.operators.ordinary if len(self.sectors.sizes) == 1 else self._evaluated[0][: self.sectors.unknowns]

    @cached_property
    def scale(self) -> float:
        """Largest weight in L; 1 if there is none."""
        return float(np.abs(self.dense).max(initial=0.0)) or 1.0

    @cached_property
    def _currents(self) -> dd.DoubleDouble:
        """Tr[E D(·)] of each bath as a functional of G, shape (baths, unknowns), double-double."""
        if not self.baths:
            return (np.empty((0, self.sectors.unknowns)),) * 2
        energy = self.operators.energy.reshape(-1).take(_pairs(self.sectors).places)
        # What heat is counted by, in real form.
        high, low = dd.two_sum(energy.real, energy.imag)
        high, low = dd.multiply((high[:, None], low[:, None]), self._by_cause[1])
        return _sums(high.swapaxes(1, 2), low.swapaxes(1, 2))

    @cached_property
    def functionals(self) -> CurrentFunctionals:
        """The current of each bath as a functional of ρ."""
        high, low = self._currents
        baths, places = high.nonzero()
        pairs = _pairs(self.sectors)
        losses = np.abs(self._losses[: len(self.baths)].take(self.sectors.order, axis=1))
        energy_sums = np.bincount(pairs.rows, weights=np.abs(self.operators.energy.reshape(-1).take(pairs.places)))
        return CurrentFunctionals(
            *(self.baths, baths, places, high[baths, places], low[baths, places]),
            *(self.sectors.diagonal, 4.0 * losses * energy_sums),
        )

    def current_rounding(self, flat: Real) -> dict[str, float]:
        """What double-double arithmetic leaves uncertain of each current."""
        return self.functionals.rounding(flat)

    # ------------------------------------------------------------ application

    def __call__(self, flat: Real) -> Real:
        """L(ρ) in ordinary precision, shape (unknowns,)."""
        return np.asarray(self.dense @ flat)

    def gross(self, flat: Real) -> Real:
        """Sum of the absolute values that each entry of L(ρ) adds up: the scale of its rounding."""
        return np.asarray(self._by_cause[2] @ np.abs(flat))

    def residual(self, rho: dd.DoubleDouble) -> Real:
        """L(ρ), rounded once at the end."""
        return self.residual_and_currents(rho)[0]

    def residual_and_currents(self, rho: dd.DoubleDouble) -> tuple[Real, dict[str, float]]:
        """L(ρ), rounded once at the end, and Tr[E D(ρ)] of each bath, eq. (5)."""
        high, low = dd.multiply(self._evaluated, rho)
        images = [math.fsum(row + left) for row, left in zip(high.tolist(), low.tolist(), strict=True)]
        unknowns = self.sectors.unknowns
        return np.array(images[:unknowns]), dict(zip(self.baths, images[unknowns:], strict=True))

    @cached_property
    def _evaluated(self) -> dd.DoubleDouble:
        """L and, below it, the functionals of the currents."""
        moved, dissipated, _ = self._by_cause
        high, low = dd.add(moved, dd.column_sums(dissipated))
        if not self.baths:
            return high, low
        of_currents, left = self._currents
        return np.concatenate([high, of_currents]), np.concatenate([low, left])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Where in the flat array of an operator is what an entry of L takes, row (j, k) of L(ρ) and column (l, m) of ρ.

    Attributes
    ----------
    row, column : ndarray of int, shape (unknowns, unknowns)
        Places of (j, l) and of (k, m).
    same_row, same_column : ndarray of float, shape (unknowns, unknowns)
        1 where j = l, or k = m, else 0.
    places : ndarray of int, shape (unknowns,)
        Place of (j, k).
    transposed : ndarray of int, shape (unknowns,)
        Number of the unknown (k, j).
    rows : ndarray of int, shape (unknowns,)
        Where j is in the order of the sectors' states.
    """

    row: Index
    column: Index
    same_row: Real
    same_column: Real
    places: Index
    transposed: Index
    rows: Index


@functools.lru_cache(maxsize=64)
def _pairs(sectors: Sectors) -> _Pairs:
    in_order, columns = sectors.states_of_places(0, sectors.unknowns)
    transposed = sectors.row_places[columns] + sectors.column_places[in_order]
    rows, columns, dimension = sectors.order[in_order], sectors.order[columns], len(sectors.order)
    return _Pairs(
        rows[:, None] * dimension + rows,
        columns[:, None] * dimension + columns,
        (rows[:, None] == rows).astype(float),
        (columns[:, None] == columns).astype(float),
        rows * dimension + columns,
        transposed,
        in_order,
    )


OnSectors: TypeAlias = FewUnknowns | SectorGenerator
"""L on its sectors."""


def _sums(high: Real, low: Real) -> dd.DoubleDouble:
    """Sums over the last axis, each exact and rounded to double-double; of short rows as fast as any."""
    rows = np.concatenate([high, low], axis=-1).reshape(-1, 2 * high.shape[-1]).tolist()
    sums = [math.fsum(row) for row in rows]
    left = [math.fsum([*row, -total]) for row, total in zip(rows, sums, strict=True)]
    shape = high.shape[:-1]
    return np.array(sums).reshape(shape), np.array(left).reshape(shape)


def few_unknowns(
    hamiltonian: qutip.Qobj,
    collapse_operators: Mapping[str, Iterable[CollapseOperator]],
    energy: qutip.Qobj | None = None,
    *,
    heat: bool = True,
) -> FewUnknowns | None:
    """L on its sectors, as `on_sectors` finds it, if it has few unknowns; else None.

    Without `heat` the baths' currents are not evaluated, and no solution is judged by them.
    """
    if hamiltonian.shape[0] > FEW_STATES or not collapse_operators:
        return None
    operators = read(
        hamiltonian, {bath: list(members) for bath, members in collapse_operators.items()}, energy, heat=heat
    )
    sectors = finest_sectors(operators)
    (jumps, baths, *_), mixed = operators.jumps[0].shape, np.iscomplexobj(operators.hamiltonian)
    if sectors.unknowns > FEW_UNKNOWNS or (4 if mixed else 1) * jumps * baths * sectors.unknowns**2 > FEW_WEIGHTS:
        return None
    return FewUnknowns(operators, sectors)
