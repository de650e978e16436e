"""The network: nodes, couplings and baths, eqs. (2)-(3), as an immutable value.

Conventions: ħ = k_B = 1. A node's lowering operator a obeys a a† + δ a†a = 1, with δ = -1 for an oscillator and δ = +1
for a two-level system, eq. (3); its bare Hamiltonian is ω a†a, and an anharmonic oscillator has (α/2) a†a†aa beside it.
A coupling between two nodes that is given as a number ε is the swap ε(a†b + a b†). A bath couples to its node through
a R† + a†R, the rotating-wave form, or through (a + a†) R.
"""

from __future__ import annotations

from qnet_qutip.network.bath import BATH_COUPLINGS, Bath, temperature_and_spectrum
from qnet_qutip.network.couplings import Coupling, Dispersive, Quadrature, Swap, Term
from qnet_qutip.network.frozen_mapping import FrozenMapping
from qnet_qutip.network.graphs import chain, ring, star, two_node
from qnet_qutip.network.network import Network, bath_density, bath_rate, coupling_terms, require_network
from qnet_qutip.network.nodes import NODE_KINDS, Node, Oscillator, TwoLevel
from qnet_qutip.network.reach import baths_reach_every_node, couplings_reach_every_node, require_reached

__all__ = [
    "BATH_COUPLINGS",
    "NODE_KINDS",
    "Bath",
    "Coupling",
    "Dispersive",
    "FrozenMapping",
    "Network",
    "Node",
    "Oscillator",
    "Quadrature",
    "Swap",
    "Term",
    "TwoLevel",
    "bath_density",
    "bath_rate",
    "baths_reach_every_node",
    "chain",
    "coupling_terms",
    "couplings_reach_every_node",
    "require_network",
    "require_reached",
    "ring",
    "star",
    "temperature_and_spectrum",
    "two_node",
]
