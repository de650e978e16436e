"""Networks of the package as `dense` takes them, and random ones."""

from __future__ import annotations

import dense
import numpy as np

import qnet_qutip as qn

TOLERANCE = 1e-9
MARGIN = 2e-8
"""Of a cluster's bounds, which are reported to 1e-9 of the highest frequency."""
NAMES = "ABCD"
KINDS = {qn.Swap: "swap", qn.Quadrature: "xx", qn.Dispersive: "dispersive"}


def density(spectrum):
    return lambda omega: float(spectrum.density(omega))


def in_arrays(net, levels=None):
    """H_0, H and the baths of a network as `dense` takes them."""
    nodes = {
        name: (node.frequency, 2)
        if isinstance(node, qn.TwoLevel)
        else (node.frequency, levels[name], node.anharmonicity)
        for name, node in net.nodes.items()
    }
    terms = []
    for (first, second), coupling in net.couplings.items():
        for term in coupling if isinstance(coupling, tuple) else (coupling,):
            if isinstance(term, float):
                term = qn.Swap(term)
            terms.append((first, second, KINDS[type(term)], term.strength))
    a = dense.ladders(nodes)
    bare = dense.bare_hamiltonian(nodes, a)
    baths = {
        name: (a[bath.node], bath.temperature, density(bath.spectrum), bath.coupling)
        for name, bath in net.baths.items()
    }
    return bare, bare + dense.coupling_hamiltonian(terms, a), baths


def options_of(equation, bare, hamiltonian, baths):
    """What `dense` must be told of the choices that an equation reports."""
    if equation.name == "local":
        return {"bare": bare}
    if equation.name == "partial_secular":
        return {"cutoff": equation.options["cutoff"]}
    if equation.name == "unified":
        frequencies = dense.bohr_frequencies(hamiltonian, baths, TOLERANCE)
        clusters = []
        for low, high, middle in equation.clusters:
            for sign in (1, -1) if high > TOLERANCE else (1,):
                members = [omega for omega in frequencies if low - MARGIN <= sign * omega <= high + MARGIN]
                if members:
                    clusters.append((sign * middle, members))
        known = [omega for _, members in clusters for omega in members]
        # A frequency that no bath drives is in no cluster; at its rate of zero it may be one by itself.
        alone = [omega for omega in frequencies if omega not in known]
        return {"clusters": clusters + [(omega, [omega]) for omega in alone]}
    return {}


def literal(equation, bare, hamiltonian, baths, shift_breaks=None):
    """Energies, dissipators, L, and eigenvectors of H, in its eigenbasis."""
    options = options_of(equation, bare, hamiltonian, baths)
    energies, basis, dissipators, shifts = dense.build(
        equation.name, hamiltonian, baths, tolerance=TOLERANCE, shift_breaks=shift_breaks, **options
    )
    return energies, dissipators, dense.liouvillian(energies, dissipators, shifts), basis


def allowed(current, flow, dissipator, energies):
    """1e-10 of a current, and what the reference's own double precision leaves of the flows that the bath exchanges."""
    exchanged = np.abs(dissipator).max() * np.ptp(energies)
    return 1e-10 * max(abs(current), 0.01 * flow) + 100 * np.finfo(float).eps * exchanged


def random_network(seed, nodes=3, weakest=0.05, slowest=1e-4):
    """A chain, ring or star of two-level nodes with swaps, x-x and dispersive couplings, and two or three baths.

    `weakest` is the smallest strength of a coupling, `slowest` the smallest of a bath's.
    """
    rng = np.random.default_rng(seed)
    number = int(rng.integers(2, nodes + 1))
    members = [qn.TwoLevel(frequency) for frequency in ([3.0] * number if seed % 4 == 0 else rng.uniform(2, 6, number))]

    def coupling():
        strength = float(np.exp(rng.uniform(np.log(weakest), np.log(0.3))))
        return [strength, qn.Quadrature(-strength), (strength, qn.Dispersive(0.1)), (strength, qn.Quadrature(0.05))][
            rng.integers(4)
        ]

    def spectrum():
        rate = float(np.exp(rng.uniform(np.log(slowest), np.log(1e-2))))
        return [qn.PhononSpectrum(rate / 50), qn.OhmicSpectrum(rate, cutoff=8.0), qn.DrudeLorentzSpectrum(rate, 2.0)][
            rng.integers(3)
        ]

    places = [0, number - 1, int(rng.integers(number))][: rng.integers(2, 4)]
    baths = {
        f"bath {index}": qn.Bath(
            NAMES[place],
            # Every fifth network has a bath at zero temperature.
            0.0 if seed % 5 == 0 and index == 0 else float(rng.uniform(0.5, 8)),
            spectrum(),
            coupling=["rotating-wave", "full"][(seed + index * (seed % 3 == 0)) % 2],
        )
        for index, place in enumerate(places)
    }
    form = [qn.chain, qn.star, qn.ring if number > 2 else qn.chain][rng.integers(3)]
    links = number if form is qn.ring else number - 1
    return form(members, [coupling() for _ in range(links)], **baths)
