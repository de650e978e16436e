"""Truncated spaces: the basis and the lowering operators of a network's nodes, as QuTiP operators.

A space is cut level by level, or at a total number of excitations. Its factors are the nodes themselves or, for the
global equation of oscillators, the normal modes d_± of eq. (10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import qutip
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.network import FrozenMapping, Network, Oscillator

Levels = int | Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Space:
    """A truncated space.

    Attributes
    ----------
    lowering : mapping of str to Qobj
        Each node's lowering operator, sparse.
    ladder : mapping of str to Qobj
        Each factor's lowering operator: the same as `lowering`, or that of the normal modes.
    occupations : ndarray of int, shape (dimension, number of factors)
        Excitations of each factor in each basis state.
    levels : mapping of str to int
        Levels of each factor; 2 for a two-level node.
    max_excitations : int or None
        Largest total number of excitations kept, if the space is cut there.
    cut_factors : tuple of str
        The factors that truncation cuts: those that are oscillators.
    """

    lowering: Mapping[str, qutip.Qobj]
    ladder: Mapping[str, qutip.Qobj]
    occupations: NDArray[np.int64]
    levels: Mapping[str, int]
    max_excitations: int | None
    cut_factors: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return len(self.occupations)

    @property
    def cut(self) -> str:
        """How the space is cut, as the builders take it: `levels={...}` or `max_excitations=M`."""
        if self.max_excitations is not None:
            return f"max_excitations={self.max_excitations}"
        return f"levels={ {name: self.levels[name] for name in self.cut_factors} }"

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


def node_levels(network: Network, levels: Levels) -> dict[str, int]:
    """Levels of every node, from one number for all oscillators or from a number for each.

    Raises
    ------
    ValueError
        If a number is below 2, a name is unknown or that of a two-level node, or an oscillator is left out.
    TypeError
        If a number is not whole.
    """
    oscillators = [name for name, node in network.nodes.items() if isinstance(node, Oscillator)]
    if isinstance(levels, Mapping):
        for name in levels:
            checks.one_of("a node in levels", name, list(network.nodes))
            if name not in oscillators:
                raise ValueError(f"levels must name oscillators only, but {name!r} is a two-level node and has 2")
        for name in oscillators:
            if name not in levels:
                raise ValueError(f"levels must name every oscillator, but {name!r} is missing from {dict(levels)}")
        numbers = {name: checks.whole(f"levels[{name!r}]", number, 2) for name, number in levels.items()}
    else:
        if not oscillators:
            raise ValueError(f"levels must not be given, as every node has two levels, but is {levels!r}")
        numbers = dict.fromkeys(oscillators, checks.whole("levels", levels, 2))
    return {name: numbers.get(name, 2) for name in network.nodes}


def level_space(network: Network, levels: Levels) -> Space:
    """Tensor product of the nodes, each oscillator cut at its own number of levels.

    Parameters
    ----------
    network : Network
    levels : int or mapping of str to int
        Levels of all oscillators, or of each; at least 2.

    Returns
    -------
    Space

    Raises
    ------
    ValueError, TypeError
        See `node_levels`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> level_space(net, {"A": 3, "B": 4}).dimension
    12
    """
    return _product_space(node_levels(network, levels), _oscillators(network))


def two_level_space(network: Network) -> Space:
    """Tensor product of a network of two-level nodes: nothing is cut."""
    return _product_space(dict.fromkeys(network.nodes, 2), ())


def excitation_space(network: Network, max_excitations: int) -> Space:
    """All states with at most `max_excitations` excitations in the whole network (QuTiP's `enr` spaces).

    The commutation relations hold exactly below the top shell, and the space is closed under the rotation a, b → d_± of
    eq. (10).

    Parameters
    ----------
    network : Network
    max_excitations : int
        At least 1.

    Returns
    -------
    Space

    Raises
    ------
    ValueError, TypeError
        If `max_excitations` is not a whole number of at least 1.
    """
    cut = checks.whole("max_excitations", max_excitations, 1)
    oscillators = _oscillators(network)
    levels = {name: cut + 1 if name in oscillators else 2 for name in network.nodes}
    dims = list(levels.values())
    operators = [operator.to("CSR") for operator in qutip.enr_destroy(dims, cut)]
    states = qutip.enr_state_dictionaries(dims, cut)[2]
    lowering = FrozenMapping(dict(zip(network.nodes, operators, strict=True)))
    return Space(
        lowering=lowering,
        ladder=lowering,
        occupations=np.array([states[index] for index in range(len(states))]),
        levels=FrozenMapping(levels),
        max_excitations=cut,
        cut_factors=oscillators,
    )


def mode_space(levels: Mapping[str, int], expansion: Mapping[str, Mapping[str, float]]) -> Space:
    """Tensor product of normal modes, with each node's lowering operator as a sum over them.

    Parameters
    ----------
    levels : mapping of str to int
        Levels of each mode, at least 2.
    expansion : mapping of str to mapping of str to float
        For each node the coefficients of the modes' lowering operators: a = d_+ cosθ - d_- sinθ, from eq. (10).

    Returns
    -------
    Space
    """
    product = _product_space(levels, tuple(levels))
    lowering = {
        node: sum(coefficient * product.ladder[mode] for mode, coefficient in modes.items())
        for node, modes in expansion.items()
    }
    return Space(
        lowering=FrozenMapping(lowering),
        ladder=product.ladder,
        occupations=product.occupations,
        levels=product.levels,
        max_excitations=None,
        cut_factors=product.cut_factors,
    )


def _oscillators(network: Network) -> tuple[str, ...]:
    return tuple(name for name, node in network.nodes.items() if isinstance(node, Oscillator))


def _product_space(levels: Mapping[str, int], cut_factors: tuple[str, ...]) -> Space:
    dims = list(levels.values())
    occupations = np.stack([grid.ravel() for grid in np.indices(dims)], axis=1)
    strides = np.cumprod([1, *dims[:0:-1]])[::-1]
    operators = {}
    for factor, (name, number) in enumerate(levels.items()):
        # √n from the state with n excitations to that with n - 1, which is so many states further up: the same entries
        # as those of the tensor product with identities, in a tenth of the time.
        excitations = occupations[:, factor]
        rows = np.flatnonzero(excitations < number - 1)
        starts = np.searchsorted(rows, np.arange(len(occupations) + 1)).astype(np.int32)
        values = np.sqrt(excitations[rows] + 1.0).astype(complex)
        matrix = qutip.data.CSR(
            (values, (rows + strides[factor]).astype(np.int32), starts), shape=(len(occupations),) * 2
        )
        operators[name] = qutip.Qobj(matrix, dims=[dims, dims], copy=False)
    lowering = FrozenMapping(operators)
    return Space(
        lowering=lowering,
        ladder=lowering,
        occupations=occupations,
        levels=FrozenMapping(levels),
        max_excitations=None,
        cut_factors=cut_factors,
    )
