"""Hamiltonian, jumps and losses of a few basis states as dense arrays, and the sectors that they allow.

Every array holds all operators of its kind, so that what is made of them takes a few calls of NumPy.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import qutip

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.generator import Block, CollapseOperator, Real
from qnet_qutip.solver.sectors import Sectors, sectors_of_labels


@dataclass(frozen=True, eq=False)
class DenseOperators:
    """Hamiltonian, jumps, losses and energy as dense arrays, with the operators that they are of.

    Attributes
    ----------
    given : tuple
        Hamiltonian, collapse operators (or pairs) by bath, and what heat is counted by, as for `build_generator`.
    names : tuple of str
        Of the baths whose heat currents are asked for: all, or none.
    hamiltonian, energy : ndarray, shape (dimension, dimension)
        Real if all operators are; the same array if heat is counted by the Hamiltonian.
    jumps : pair of ndarray, shape (jumps, baths, dimension, dimension)
        A and B of AρB†; zero beyond the jumps that a bath has.
    loss : pair of ndarray, shape (parts, baths, dimension, dimension)
        M = Σ c S†Λ, double-double: the real and, unless all operators are real, the imaginary part.
    """

    given: tuple[qutip.Qobj, Mapping[str, list[CollapseOperator]], qutip.Qobj | None]
    names: tuple[str, ...]
    hamiltonian: Real | Block
    energy: Real | Block
    jumps: tuple[Real | Block, Real | Block]
    loss: dd.DoubleDouble

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return len(self.hamiltonian)

    @cached_property
    def ordinary(self) -> Real:
        """L in real form and ordinary precision on all pairs of states, shape (dimension², dimension²)."""
        shape = -1, self.dimension, self.dimension
        left, right = (side.reshape(shape) for side in self.jumps)
        loss = self.loss[0].sum(axis=1)
        return superoperator(
            left, right, -1j * self.hamiltonian - (loss[0] + 1j * loss[1] if len(loss) > 1 else loss[0])
        )


def superoperator(left: Real | Block, right: Real | Block, k: Block) -> Real:
    """Σ AρB† + Kρ + ρK† in real form and ordinary precision, on all pairs of states.

    Parameters
    ----------
    left, right : ndarray, shape (jumps, dimension, dimension)
        A and B.
    k : ndarray, shape (dimension, dimension)

    Returns
    -------
    ndarray, shape (dimension², dimension²)
    """
    jumps, dimension, _ = left.shape
    sides = np.empty((2, jumps + 2, dimension, dimension), dtype=complex)
    sides[0, :jumps], sides[1, :jumps] = left, right
    sides[0, jumps] = sides[1, jumps + 1] = k
    sides[0, jumps + 1] = sides[1, jumps] = np.eye(dimension)
    first, second = sides.reshape(2, jumps + 2, dimension * dimension)
    weights = first.T.dot(second.conj()).reshape((dimension,) * 4)
    # By (j, l, k, m): Re(w) of (j, k), (l, m) for G_lm, and Im(w) for G_ml.
    real: Real = weights.real.transpose(0, 2, 1, 3) + weights.imag.transpose(0, 2, 3, 1)
    return real.reshape(dimension * dimension, -1)


def read(
    hamiltonian: qutip.Qobj,
    collapse_operators: Mapping[str, list[CollapseOperator]],
    energy: qutip.Qobj | None,
    *,
    heat: bool = True,
) -> DenseOperators:
    """The dense arrays of few operators of a few states; `heat` says whether heat currents are asked for."""
    arrays = [hamiltonian.data.to_array()]
    if energy is not None and energy is not hamiltonian:
        arrays.append(energy.data.to_array())
    # A and B of each jump, and the factor of its B†A in the loss: the S†Λ of a pair is that of the first of its two.
    of_baths: list[list[tuple[Block, Block, float]]] = []
    pairs = False
    for members in collapse_operators.values():
        of_baths.append([])
        for member in members:
            if isinstance(member, tuple):
                pairs = True
                coupling, filtered = member[0].data.to_array(), member[1].data.to_array()
                of_baths[-1] += [(filtered, coupling, 1.0), (coupling, filtered, 0.0)]
            else:
                jump = member.data.to_array()
                of_baths[-1].append((jump, jump, 0.5))
    zero = np.zeros(arrays[0].shape, dtype=complex)
    nothing = zero, zero, 0.0
    rows = list(itertools.zip_longest(*of_baths, fillvalue=nothing)) or [(nothing,) * len(of_baths)]
    arrays += (np.array([[jump[side] for jump in row] for row in rows]) for side in ((0, 1) if pairs else (0,)))
    factors = np.array([[jump[2] for jump in row] for row in rows])[..., None, None] if pairs else 0.5
    if not any(np.count_nonzero(array.imag) for array in arrays):
        arrays = [array.real.copy() for array in arrays]
    # Of collapse operators both sides are one.
    jumps = arrays[-2 if pairs else -1], arrays[-1]
    energies = arrays[: -2 if pairs else -1]
    given = hamiltonian, collapse_operators, energy
    names = tuple(collapse_operators) if heat else ()
    return DenseOperators(given, names, energies[0], energies[-1], jumps, _losses(*jumps, factors))


def _losses(left: Real | Block, right: Real | Block, factors: Real | float) -> dd.DoubleDouble:
    """Σ c B†A of each bath; c is a power of two, or zero, and rounds nothing."""
    jumps, baths, states, _ = left.shape
    # The rows that both share come first, to be summed over.
    first, second = (side.swapaxes(1, 2).reshape(jumps * states, baths, states) for side in (left, factors * right))
    high, low = products(first[..., None, :], second[..., :, None])
    return dd.column_sums((high.swapaxes(0, 1), low.swapaxes(0, 1)))


def products(a: Real | Block, b: Real | Block) -> dd.DoubleDouble:
    """a·b̄, double-double: the real and, unless both are real, the imaginary part along the first axis."""
    if not np.iscomplexobj(a):
        return dd.two_product(a.real[None], b.real[None])
    a, b = np.broadcast_arrays(a, b)
    high, low = dd.two_product(np.array([a.real, a.imag, a.imag, -a.real]), np.array([b.real, b.real, b.imag, b.imag]))
    return dd.add((high[:2], low[:2]), (high[2:], low[2:]))


# ---------------------------------------------------------------- sectors


def finest_sectors(operators: DenseOperators) -> Sectors:
    """The finest sectors, as `find_sectors` has them."""
    labels = list(range(operators.dimension))

    def join(first: int, second: int) -> bool:
        """Give two states the smaller number of both, and all that have the larger one."""
        low, high = sorted((labels[first], labels[second]))
        if low != high:
            labels[:] = [low if label == high else label for label in labels]
        return low != high

    for array in (operators.hamiltonian, operators.loss[0]):
        *_, rows, columns = (places.tolist() for places in array.nonzero())
        for first, second in zip(rows, columns, strict=True):
            if first != second:
                join(first, second)
    # What either side of a jump takes a sector to is one sector.
    left, right = operators.jumps
    steps: list[tuple[int, ...]] = []
    again = any(labels)
    if again:
        for side in (left,) if left is right else (left, right):
            steps += zip(*(places.tolist() for places in side.nonzero()), strict=True)
    while again:
        again = False
        taken: dict[tuple[int, int, int], int] = {}
        for jump, bath, image, state in steps:
            again |= join(image, taken.setdefault((jump, bath, labels[state]), image))
    return labelled(tuple(labels))


@functools.lru_cache(maxsize=64)
def labelled(labels: tuple[int, ...]) -> Sectors:
    """Sectors by a number of each basis state's: a few states have few partitions, and what is made of each stays."""
    numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
    return sectors_of_labels(np.array([numbers[label] for label in labels]))
