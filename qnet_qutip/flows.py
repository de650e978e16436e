"""What flows along each line of a network in its steady state: heat from the baths, excitations between nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qnet_qutip.network import Dispersive, FrozenMapping, Network, coupling_terms
from qnet_qutip.state import SteadyState

NO_CURRENT = 1e-10
"""Of the largest energy current: what a coupling exchanges below it is rounding."""


@dataclass(frozen=True)
class Flow:
    """A current along a line of a network.

    Attributes
    ----------
    current : float
        Of a bath its heat current J, positive into the network; of a coupling the excitations I per time that its first
        node gives to the second.
    relative : float
        J, or I times the mean frequency of the two nodes, relative to the largest of all these; zero for a coupling
        that exchanges less than `NO_CURRENT` of it.
    """

    current: float
    relative: float


def network_of(state: SteadyState) -> Network:
    """The network that a state is of.

    Raises
    ------
    TypeError
        If it is not a steady state, or not one of a network.
    """
    if not isinstance(state, SteadyState):
        raise TypeError(f"state must be a SteadyState, but is {state!r}")
    network = None if state.equation is None else state.equation.network
    if network is None:
        raise TypeError("state must be one of a network, but is one of a Hamiltonian of one's own")
    return network


def flows(state: SteadyState) -> Mapping[str | tuple[str, str], Flow]:
    """Currents of a steady state along every bath's line and every coupling.

    A dispersive coupling exchanges nothing and is left out; so is what a quadrature coupling creates in pairs. Between
    nodes the global equation has no currents: its steady state is diagonal in the eigenbasis of H.

    Parameters
    ----------
    state : SteadyState
        Of a network.

    Returns
    -------
    mapping of str or (str, str) to Flow

    Raises
    ------
    TypeError
        If it is not a steady state of a network.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=5, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> flow = flows(qn.steady_state(qn.local_master_equation(net)))
    >>> round(flow["hot"].relative, 9), round(flow["cold"].relative, 9), round(flow["A", "B"].relative, 9)
    (1.0, -1.0, 1.0)
    """
    network, moved = network_of(state), state.excitation_currents
    moving = {(a, b) for a, b, term in coupling_terms(network) if not isinstance(term, Dispersive)}
    # Half the difference of what the two nodes gain: what is created in pairs is in both alike.
    exchanged = {(a, b): (moved[a, b] - moved[b, a]) / 2 for a, b in network.couplings if (a, b) in moving}
    energies = {
        (a, b): current * (network.nodes[a].frequency + network.nodes[b].frequency) / 2
        for (a, b), current in exchanged.items()
    }
    largest = max(map(abs, [*state.heat_currents.values(), *energies.values()]), default=0.0) or 1.0
    found: dict[str | tuple[str, str], Flow] = {}
    for pair, current in exchanged.items():
        found[pair] = Flow(current, energies[pair] / largest if abs(energies[pair]) >= NO_CURRENT * largest else 0.0)
    for bath, current in state.heat_currents.items():
        found[bath] = Flow(current, current / largest)
    return FrozenMapping(found)
