"""What the baths of a network reach: every part of it, and so a steady state that is unique."""

from __future__ import annotations

from collections.abc import Mapping

from qnet_qutip.network.couplings import Dispersive, Quadrature, Swap, Term
from qnet_qutip.network.network import Network, bath_rate, coupling_terms


def require_reached(network: Network) -> None:
    """Raise if the network has a part that no bath reaches, which would keep the energy that it starts with.

    A part is what swaps and quadrature couplings of nonzero strength hold together. A dispersive coupling leaves the
    excitations of both nodes as they are and joins no parts.

    Raises
    ------
    ValueError
        With the names of the nodes that no bath reaches.

    Examples
    --------
    >>> from qnet_qutip import Bath, PhononSpectrum, TwoLevel, chain
    >>> net = chain([TwoLevel(5)] * 3, [0.1, 0.0], hot=Bath("A", 12, PhononSpectrum(1e-4)))
    >>> require_reached(net)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: every part of network must be reached by a bath, but ['C'] are not: ...
    """
    neighbours: dict[str, list[str]] = {}
    for first, second, term in coupling_terms(network):
        if term.strength and not isinstance(term, Dispersive):
            neighbours.setdefault(first, []).append(second)
            neighbours.setdefault(second, []).append(first)
    reached: set[str] = set()
    following = [bath.node for bath in network.baths.values()]
    while following:
        node = following.pop()
        if node not in reached:
            reached.add(node)
            following += neighbours.get(node, ())
    missing = [name for name in network.nodes if name not in reached]
    if missing:
        raise ValueError(
            f"every part of network must be reached by a bath, but {missing} are not: give them a bath, or couple them "
            "to nodes that have one"
        )


def baths_reach_every_node(network: Network) -> bool:
    """Whether every node is reached from the baths' nodes, so that a thermal steady state is unique.

    The steady state is unique if multiples of 1 are all that commutes with H and with the baths' jump operators, a and
    a† of their nodes, and these act at nonzero rates. What commutes with H and with a and a† of a reached node A
    commutes with [H, a] and [H, a†] too, and so with the operators of B if B is the only node not reached yet that A is
    coupled to (Burgarth and Giovannetti, PRL 99, 100501 (2007)):

    - A swap s and a quadrature coupling q give (s + q)b + qb† and its conjugate, up to the factor 2a†a - 1 if A is a
      two-level node, which squares to 1. They are independent, and so hold b and b†, if s ≠ 0 and s ≠ -2q.
    - A quadrature coupling alone gives b + b†. If B has no couplings of another kind and no anharmonicity, then
      [H, b + b†] = ω(b† - b), and B is reached.

    Nothing is claimed for what is reached by dispersive couplings only. The condition is sufficient, not necessary.

    Parameters
    ----------
    network : Network

    Returns
    -------
    bool
        False also if a bath lacks a jump in one direction at its node's frequency, as at zero temperature.

    Raises
    ------
    TypeError, ValueError
        As for `Rate.rate`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> baths_reach_every_node(net)
    True
    """
    for name, bath in network.baths.items():
        if 0.0 in bath_rate(network, name).down_and_up(network.nodes[bath.node].frequency):
            return False
    return couplings_reach_every_node(network)


def couplings_reach_every_node(network: Network) -> bool:
    """The same of baths that act on their nodes by a and a†, each at some rate."""
    coupled: dict[str, dict[str, list[Term]]] = {name: {} for name in network.nodes}
    for first, second, term in coupling_terms(network):
        if term.strength != 0:
            coupled[first].setdefault(second, []).append(term)
            coupled[second].setdefault(first, []).append(term)
    reached = {bath.node for bath in network.baths.values()}
    while True:
        passed_on = set()
        for node in reached:
            unreached = [other for other in coupled[node] if other not in reached]
            if len(unreached) == 1 and _passes_on(network, coupled, node, unreached[0]):
                passed_on.add(unreached[0])
        if not passed_on:
            return len(reached) == len(network.nodes)
        reached |= passed_on


def _passes_on(network: Network, coupled: Mapping[str, Mapping[str, list[Term]]], reached: str, unreached: str) -> bool:
    """Whether the coupling of two nodes passes the baths' action on, as `baths_reach_every_node` has it."""
    terms = coupled[reached][unreached]
    strength = {type(term): term.strength for term in terms}
    if Dispersive in strength:
        return False
    if Swap in strength:
        return strength[Swap] + 2 * strength.get(Quadrature, 0.0) != 0
    others = (term for terms in coupled[unreached].values() for term in terms)
    anharmonicity = getattr(network.nodes[unreached], "anharmonicity", 0.0)
    return anharmonicity == 0 and all(isinstance(term, Quadrature) for term in others)
