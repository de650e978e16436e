"""A network and baths of thousands of discrete modes, evolved exactly: the slow, literal reference of `exact`.

Everything is a, b: H = Σ h a†a + ½ Σ Q (a + a†)(a + a†) + Σ ω_k b†b + Σ g_k(a b† + h.c.) or g_k(a + a†)(b + b†), with
g_k² = J(ω_k) δω_k/2π. The heat current is what the coupling takes from the bath's energy, d⟨Σ ω_k b†b⟩/dt = -J, and
is averaged over times when the network is steady and the discrete bath has not come back, 2π/δω.
"""

from __future__ import annotations

import numpy as np

import qnet_qutip as qn
from qnet_qutip.network import coupling_terms


def heat_currents(network, modes, top, times):
    """Mean heat current of each bath between two times, from a start with thermal baths and an empty network."""
    currents, _ = evolved(network, modes, top, times)
    return currents


def evolved(network, modes, top, times):
    """Mean heat current of each bath between two times, and ⟨a†a⟩ of each node at the last."""
    order = {name: number for number, name in enumerate(network.nodes)}
    size = len(order)
    total = size + modes * len(network.baths)
    hopping, pairing = np.zeros((total, total)), np.zeros((total, total))
    for name, node in network.nodes.items():
        hopping[order[name], order[name]] = node.frequency
    for first, second, term in coupling_terms(network):
        a, b = order[first], order[second]
        hopping[a, b] = hopping[b, a] = hopping[a, b] + term.strength
        if isinstance(term, qn.Quadrature):
            pairing[a, b] = pairing[b, a] = term.strength
    frequencies = (np.arange(modes) + 0.5) * top / modes
    occupations = np.zeros(total)
    members = {}
    for number, (name, bath) in enumerate(network.baths.items()):
        slots = members[name] = size + number * modes + np.arange(modes)
        g = np.sqrt(bath.spectrum.density(frequencies) * top / modes / (2 * np.pi))
        hopping[slots, slots] = frequencies
        hopping[order[bath.node], slots] = hopping[slots, order[bath.node]] = g
        if bath.coupling == "full":
            pairing[order[bath.node], slots] = pairing[slots, order[bath.node]] = g
        if bath.temperature > 0:
            occupations[slots] = 1 / np.expm1(frequencies / bath.temperature)
    found = [_occupations(hopping, pairing, occupations, time) for time in times]
    currents = {
        name: -float(frequencies @ (found[1] - found[0])[slots]) / (times[1] - times[0])
        for name, slots in members.items()
    }
    return currents, {name: float(found[1][row]) for name, row in order.items()}


def _occupations(hopping, pairing, occupations, time):
    """⟨a†a⟩ and ⟨b†b⟩ of everything at one time: a(t) = U a + V a†, from the modes of the whole."""
    # x' = (hopping - pairing) p, p' = -(hopping + pairing) x with a = (x + ip)/√2.
    stiff, soft = hopping + pairing, hopping - pairing
    values, vectors = np.linalg.eigh(soft)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse_root = (vectors / np.sqrt(values)) @ vectors.T
    squares, modes = np.linalg.eigh(root @ stiff @ root)
    omega = np.sqrt(squares)
    left, right = root @ modes, inverse_root @ modes
    cosine, sine = np.cos(omega * time), np.sin(omega * time)
    xx, xp = (left * cosine) @ right.T, (left * (sine / omega)) @ left.T
    px, pp = -(right * (omega * sine)) @ right.T, (right * cosine) @ left.T
    variance = occupations + 0.5
    x2, p2 = (xx**2 + xp**2) @ variance, (px**2 + pp**2) @ variance
    return (x2 + p2 - 1) / 2
