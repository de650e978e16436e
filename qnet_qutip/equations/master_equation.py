"""A master equation: the network's Hamiltonian and, for each bath, collapse operators, eqs. (4)-(5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.network import FrozenMapping, Network, Oscillator
from qnet_qutip.space import Levels, Space, excitation_space, level_space, node_levels, two_level_space
from qnet_qutip.truncation import (
    DEFAULT_RTOL,
    SHELL_BYTES,
    TWO_LEVEL_BYTES,
    Estimate,
    check_size,
    choose_cut,
    excitation_dimension,
    warn_if_too_small,
)


@dataclass(frozen=True, eq=False, repr=False)
class MasterEquation:
    """dρ/dt = -i[H, ρ] + Σ_bath D_bath(ρ), eq. (4), as QuTiP operators.

    Attributes
    ----------
    name : str
        Short name of the equation, a key of `MASTER_EQUATIONS`.
    network : Network
    space : Space
    hamiltonian : Qobj
        H_0 + H_AB, sparse.
    collapse_operators : mapping of str to tuple of Qobj
        For each bath its collapse operators, rates included, so that D(ρ) = Σ LρL† - ½{L†L, ρ}; QuTiP's own solvers
        take them as they are.
    rtol : float
        Relative truncation error of the heat currents that the space was chosen for, or is judged by.
    enlarged : callable or None
        From a factor, the same equation in a space with that many more levels; None if the caller chose the space.
    """

    name: str
    network: Network
    space: Space
    hamiltonian: qutip.Qobj
    collapse_operators: Mapping[str, tuple[qutip.Qobj, ...]]
    rtol: float = DEFAULT_RTOL
    enlarged: Callable[[float], MasterEquation] | None = None

    @property
    def all_collapse_operators(self) -> list[qutip.Qobj]:
        """The collapse operators of every bath in one list, as `qutip.mesolve` takes them."""
        return [operator for operators in self.collapse_operators.values() for operator in operators]

    def liouvillian(self) -> qutip.Qobj:
        """The superoperator of the right-hand side of eq. (4). It has the fourth power of the levels as its size."""
        return qutip.liouvillian(self.hamiltonian, self.all_collapse_operators)

    def dissipator(self, bath: str) -> qutip.Qobj:
        """The superoperator D of one bath.

        Raises
        ------
        ValueError
            If the network has no such bath.
        """
        checks.one_of("bath", bath, list(self.collapse_operators))
        return sum(qutip.lindblad_dissipator(operator) for operator in self.collapse_operators[bath])

    def __repr__(self) -> str:
        baths = ", ".join(f"{name}: {len(operators)}" for name, operators in self.collapse_operators.items())
        return (
            f"{self.name} master equation, {self.space.dimension} states ({self.space.cut}), "
            f"collapse operators {{{baths}}}"
        )


def network_hamiltonian(network: Network, lowering: Mapping[str, qutip.Qobj]) -> qutip.Qobj:
    """H_0 + H_AB of eq. (2): Σ ω a†a + Σ ε(a†b + a b†)."""
    # QuTiP drops entries below 1e-14 of its own accord, and with them weak couplings.
    tidied = qutip.settings.core["auto_tidyup"]
    qutip.settings.core["auto_tidyup"] = False
    try:
        return _summed_hamiltonian(network, lowering)
    finally:
        qutip.settings.core["auto_tidyup"] = tidied


def _summed_hamiltonian(network: Network, lowering: Mapping[str, qutip.Qobj]) -> qutip.Qobj:
    hamiltonian = sum(node.frequency * lowering[name].dag() * lowering[name] for name, node in network.nodes.items())
    for (first, second), strength in network.couplings.items():
        hop = lowering[first].dag() * lowering[second]
        hamiltonian += strength * (hop + hop.dag())
    return hamiltonian.to("CSR")


def cooling_and_heating(operator: qutip.Qobj, down: float, up: float) -> tuple[qutip.Qobj, ...]:
    """Collapse operators √down·d and √up·d† of a lowering operator d; those of rate zero are left out."""
    pair = ((down, operator), (up, operator.dag()))
    return tuple((np.sqrt(rate) * jump).to("CSR") for rate, jump in pair if rate > 0)


def require_network(network: object) -> None:
    """Raise `TypeError` if what is given as a network is none."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, but is {network!r}")


def require_baths(network: Network) -> None:
    """Raise if a network is none, or cannot have a steady state of its own: no bath at all."""
    require_network(network)
    if not network.baths:
        raise ValueError("network must have at least one bath for a master equation, but has none")


def node_space(
    network: Network,
    estimated: Callable[[], Estimate],
    levels: Levels | None,
    max_excitations: int | None,
    rtol: float,
    enlargement: float = 1.0,
) -> tuple[Space, bool]:
    """The space of the nodes that a builder's arguments ask for.

    Parameters
    ----------
    network : Network
    estimated : callable
        Gives the occupations to expect; not called where nothing is cut.
    levels, max_excitations
        As given to the builder; at most one of them. With neither, the space is chosen.
    rtol : float
        Relative truncation error of the currents to choose for, or to warn above.
    enlargement : float
        Factor on a chosen number of levels or excitations.

    Returns
    -------
    space : Space
    chosen : bool
        Whether the cut was chosen here and may be enlarged.

    Raises
    ------
    ValueError, TypeError
        If both cuts are given, or one is not a valid number.
    MemoryError
        If the space would not fit in memory.
    """
    if levels is not None and max_excitations is not None:
        raise ValueError(
            f"levels and max_excitations must not both be given, but are {levels!r} and {max_excitations!r}"
        )
    if not any(isinstance(node, Oscillator) for node in network.nodes.values()):
        if levels is not None:
            node_levels(network, levels)
        if max_excitations is not None:
            raise ValueError(
                f"max_excitations must not be given, as every node has two levels, but is {max_excitations!r}"
            )
        nodes = len(network.nodes)
        check_size(math.prod([2.0] * nodes), nodes, TWO_LEVEL_BYTES, "take fewer nodes")
        return two_level_space(network), False
    chosen, estimate = levels is None and max_excitations is None, estimated()
    if chosen:
        cut = choose_cut(network, estimate, rtol)
        if isinstance(cut, int):
            max_excitations = int(np.ceil(cut * enlargement))
        else:
            levels = {name: int(np.ceil(number * enlargement)) for name, number in cut.items()}
    if levels is not None:
        numbers = node_levels(network, levels)
        check_size(math.prod(map(float, numbers.values())), len(numbers))
        if not chosen:
            warn_if_too_small(estimate, numbers, rtol)
        return level_space(network, levels), chosen
    excitations = checks.whole("max_excitations", max_excitations, 1)
    oscillators = sum(isinstance(node, Oscillator) for node in network.nodes.values())
    dimension = excitation_dimension(oscillators, len(network.nodes) - oscillators, excitations)
    # No float is larger than 1e308.
    check_size(float(min(dimension, 10**308)), len(network.nodes), SHELL_BYTES)
    if not chosen:
        warn_if_too_small(estimate, excitations, rtol)
    return excitation_space(network, excitations), chosen


def frozen_operators(operators: Mapping[str, Sequence[qutip.Qobj]]) -> Mapping[str, tuple[qutip.Qobj, ...]]:
    """Collapse operators by bath, unchangeable."""
    return FrozenMapping({bath: tuple(members) for bath, members in operators.items()})
