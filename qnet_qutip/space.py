"""Truncated spaces: the basis and the lowering operators of a network's nodes, as QuTiP operators.

A space is cut level by level, or at a total number of excitations. Its factors are the nodes themselves or, for the
global equation of oscillators, the normal modes d_± of eq. (10).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import qutip
from numpy.typing import NDArray
from qutip import data
from qutip.core.dimensions import Dimensions

from qnet_qutip.modes import NormalModes
from qnet_qutip.network import FrozenMapping
from qnet_qutip.truncation import LEVEL_SAFETY, SHELL_SAFETY, Truncation


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """A truncated space.

    Attributes
    ----------
    truncation : Truncation
        How it is cut.
    lowering : mapping of str to Qobj
        Each node's lowering operator, sparse.
    ladder : mapping of str to Qobj
        Each factor's lowering operator: that of a node, or of a normal mode if the basis is that of the modes.
    occupations : ndarray of int, shape (dimension, number of factors)
        Excitations of each factor in each basis state.
    """

    truncation: Truncation
    lowering: Mapping[str, qutip.Qobj]
    ladder: Mapping[str, qutip.Qobj]
    occupations: NDArray[np.int64]

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return len(self.occupations)

    @property
    def levels(self) -> Mapping[str, int]:
        """Levels of each factor; 2 for a two-level node."""
        return self.truncation.levels

    @property
    def max_excitations(self) -> int | None:
        """Largest total number of excitations kept, if the space is cut there."""
        return self.truncation.max_excitations

    @property
    def cut_factors(self) -> tuple[str, ...]:
        """The factors that truncation cuts: those that are oscillators."""
        return self.truncation.cut_factors

    def missing_commutator(self, factor: str) -> NDArray[np.float64]:
        """Diagonal of 1 - [a, a†] of a factor: what the cut takes from its commutation relation, eq. (3).

        Parameters
        ----------
        factor : str
            One of `cut_factors`.

        Returns
        -------
        ndarray, shape (dimension,)
            n + 1 on the basis states from which one more excitation would leave the space, 0 elsewhere.
        """
        excitations = self.occupations[:, list(self.levels).index(factor)]
        if self.max_excitations is None:
            at_the_edge = excitations == self.levels[factor] - 1
        else:
            at_the_edge = self.occupations.sum(axis=1) == self.max_excitations
        return np.where(at_the_edge, excitations + 1.0, 0.0)

    def top_shell(self) -> NDArray[np.bool_]:
        """Mask of the basis states at the edge of the truncation, shape (dimension,)."""
        edge = np.zeros(self.dimension, dtype=bool)
        for factor in self.cut_factors:
            edge |= self.missing_commutator(factor) > 0
        return edge

    def flow_error(self, populations: NDArray[np.float64]) -> float:
        """Estimated error of the heat currents relative to the one-way flow.

        Parameters
        ----------
        populations : ndarray, shape (dimension,)
            Of the basis states.
        """
        by_level = self.max_excitations is None and self.truncation.basis == "nodes"
        missing = sum(float(self.missing_commutator(factor) @ np.abs(populations)) for factor in self.cut_factors)
        return (LEVEL_SAFETY if by_level else SHELL_SAFETY) * missing

    def __repr__(self) -> str:
        return f"{self.dimension} states, {self.truncation!r}"


def node_space(truncation: Truncation) -> Space:
    """The space of the nodes with a cut: their tensor product, or all states with few excitations in the whole network.

    In the second (QuTiP's `enr` spaces) the commutation relations hold exactly below the top shell, and the space is
    closed under the rotation a, b → d_± of eq. (10).

    Examples
    --------
    >>> from qnet_qutip.truncation import Truncation
    >>> node_space(Truncation({"A": 3, "B": 4}, ("A", "B"))).dimension
    12
    """
    if truncation.max_excitations is None:
        lowering, occupations = _product(truncation.levels)
    else:
        dims, cut = list(truncation.levels.values()), truncation.max_excitations
        operators = [operator.to("CSR") for operator in qutip.enr_destroy(dims, cut)]
        states = qutip.enr_state_dictionaries(dims, cut)[2]
        lowering = FrozenMapping(dict(zip(truncation.levels, operators, strict=True)))
        occupations = np.array([states[index] for index in range(len(states))])
    return Space(truncation, lowering, lowering, occupations)


def mode_space(truncation: Truncation, modes: NormalModes) -> Space:
    """Tensor product of normal modes, with each node's lowering operator as a sum over them, eq. (10)."""
    ladder, occupations = _product(truncation.levels)
    lowering = {}
    for node, expansion in modes.expansion.items():
        back = modes.counter_rotating[node]
        lowering[node] = sum(
            amplitude * ladder[mode] + (back[mode] * ladder[mode].dag() if back[mode] else 0)
            for mode, amplitude in expansion.items()
        )
    return Space(truncation, FrozenMapping(lowering), ladder, occupations)


def mode_operators(modes: NormalModes, space: Space) -> Mapping[str, qutip.Qobj]:
    """Lowering operators of the normal modes in a space of modes or of nodes: d_k = Σ_j u_jk a_j - v_jk a_j†."""
    if space.truncation.basis == "modes":
        return space.ladder
    ladder = {}
    for mode in modes.frequencies:
        terms = []
        for node, a in space.lowering.items():
            down, up = modes.expansion[node][mode], modes.counter_rotating[node][mode]
            terms += ([down * a] if down else []) + ([-up * a.dag()] if up else [])
        ladder[mode] = sum(terms)
    return FrozenMapping(ladder)


def _product(levels: Mapping[str, int]) -> tuple[Mapping[str, qutip.Qobj], NDArray[np.int64]]:
    """Lowering operators of the factors of a tensor product, and the excitations of its basis states."""
    operators, occupations = _product_of(tuple(levels.values()))
    return FrozenMapping(dict(zip(levels, operators, strict=True))), occupations


@functools.lru_cache(maxsize=4)
def _product_of(dims: tuple[int, ...]) -> tuple[tuple[qutip.Qobj, ...], NDArray[np.int64]]:
    """The same for factors without names; a sweep asks for one space, or a few, again and again."""
    size, before, operators = math.prod(dims), 1, []
    for number in dims:
        # On the matrices alone, in a twentieth of the time of a tensor product of operators.
        own = data.diag[data.CSR](np.sqrt(np.arange(1.0, number)), 1, (number, number))
        after = size // (before * number)
        matrix = data.kron(data.kron(data.identity[data.CSR](before), own), data.identity[data.CSR](after))
        operators.append(qutip.Qobj(matrix, dims=_dimensions(dims), copy=False))
        before *= number
    occupations = np.indices(dims).reshape(len(dims), size).T.copy()
    occupations.flags.writeable = False
    return tuple(operators), occupations


@functools.lru_cache
def _dimensions(dims: tuple[int, ...]) -> Dimensions:
    """Those of an operator on a tensor product: to make them from lists takes QuTiP 50 µs each time."""
    return Dimensions([list(dims), list(dims)])
