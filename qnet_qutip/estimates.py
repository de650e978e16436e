"""What to expect of a network before anything is solved: occupations, and the scale of what flows from each bath.

From the moments of harmonic oscillators, by the local equation or by normal modes. They choose and judge truncations,
and serve as yardsticks of errors; no heat current is computed from them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import zgees, ztrsyl

from qnet_qutip.modes import NormalModes, normal_modes, one_body_matrices
from qnet_qutip.network import Dispersive, Network, Oscillator, bath_density, bath_rate, coupling_terms


@dataclass(frozen=True)
class Estimate:
    """What to expect of a network before anything is solved.

    Attributes
    ----------
    occupations : mapping of str to float
        Mean excitation of each factor that truncation cuts.
    normal_occupations : tuple of float
        Occupations of the uncorrelated modes of the network, which give the distribution of total excitations.
    """

    occupations: Mapping[str, float]
    normal_occupations: tuple[float, ...]


def _excitation_matrices(network: Network) -> dict[str, NDArray[np.complex128]]:
    """⟨a_j† a_i⟩ of the local moment equations with one bath driving, every node taken as an oscillator.

    What several baths drive together is the sum.
    """
    names = list(network.nodes)
    one_body = one_body_matrices(network)[0].astype(complex)
    damping, drives = np.zeros(len(names)), {}
    for name, bath in network.baths.items():
        node, index = network.nodes[bath.node], names.index(bath.node)
        down, up = bath_rate(network, name).down_and_up(node.frequency)
        damping[index] += down - up if isinstance(node, Oscillator) else down + up
        drives[name] = index, up
    # An undamped mode has no steady occupation of its own; it is not driven either, and stays empty here. What is
    # damped by less than frequencies are rounded by counts as undamped.
    damping += max(1e-12 * damping.max(), 10 * sys.float_info.epsilon * np.abs(one_body).sum(axis=1).max())
    drift = -1j * one_body
    drift.flat[:: len(names) + 1] -= damping / 2
    # AX + XA† = -Q of all baths with one Schur form of A; Q has one entry, where the bath's node is. LAPACK itself:
    # what SciPy checks before takes two nodes three times as long.
    triangle, _, _, unitary, _, info = zgees(lambda eigenvalue: None, drift)
    if info:
        raise np.linalg.LinAlgError(f"the Schur form of the moment equations was not found: LAPACK says {info}")
    adjoint, solutions = unitary.conj().T, {}
    for name, (index, up) in drives.items():
        transformed, factor, _ = ztrsyl(triangle, triangle, adjoint[:, index, None] * unitary[index], tranb="C")
        solutions[name] = unitary.dot(transformed * (-up / factor)).dot(adjoint)
    return solutions


def local_estimate(network: Network) -> Estimate:
    """Occupations to expect of the local equation (6)-(7)."""
    matrix = sum(_excitation_matrices(network).values(), np.zeros((len(network.nodes),) * 2, dtype=complex))
    occupations = {
        name: float(matrix[index, index].real)
        for index, (name, node) in enumerate(network.nodes.items())
        if isinstance(node, Oscillator)
    }
    return Estimate(occupations, tuple(np.linalg.eigvalsh(matrix).clip(min=0.0)))


def one_way_flows(network: Network) -> dict[str, float]:
    """Scale of the energy that flows from each bath to the others, were those at zero temperature, or back.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict of str to float
        For each bath the larger of the two one-way flows, an estimate from the local moment equations of oscillators.
        It is a yardstick for errors where the heat current itself passes through zero.
    """
    names = list(network.nodes)
    driven = _excitation_matrices(network)
    everywhere = sum(driven.values(), np.zeros((len(names),) * 2, dtype=complex))
    absorbing = {}
    for name, bath in network.baths.items():
        frequency = network.nodes[bath.node].frequency
        absorbing[name] = names.index(bath.node), frequency * bath_density(network, name, frequency)
    flows = {}
    for source, out in driven.items():
        back, absorbed = everywhere - out, 0.0
        for name, (index, weight) in absorbing.items():
            matrix = back if name == source else out
            absorbed = max(absorbed, weight * float(matrix[index, index].real))
        flows[source] = absorbed
    return flows


def mode_occupations(network: Network, modes: NormalModes) -> Estimate:
    """Occupation of each normal mode at the temperature of the hottest bath: no equation that is right exceeds it."""
    hottest = max(bath.temperature for bath in network.baths.values())
    occupations = {mode: thermal_occupation(frequency, hottest) for mode, frequency in modes.frequencies.items()}
    return Estimate(occupations, tuple(occupations.values()))


def thermal_occupation(frequency: float, temperature: float) -> float:
    """n = 1/(e^(ω/T) - 1), zero at T = 0."""
    if temperature == 0:
        return 0.0
    with np.errstate(over="ignore"):
        return float(1.0 / np.expm1(frequency / temperature))


def mode_estimate(network: Network, modes: NormalModes) -> Estimate:
    """Occupations to expect of the nodes if each normal mode is as hot as the hottest bath."""
    occupations = np.array(mode_occupations(network, modes).normal_occupations)
    down = np.array([list(row.values()) for row in modes.expansion.values()])
    up = np.array([list(row.values()) for row in modes.counter_rotating.values()])
    matrix = (down * occupations) @ down.T + (up * (occupations + 1.0)) @ up.T
    of_nodes = dict(zip(modes.expansion, np.diag(matrix).tolist(), strict=True))
    return Estimate(of_nodes, tuple(np.linalg.eigvalsh(matrix).clip(min=0.0).tolist()))


def harmonic_estimate(network: Network) -> Estimate:
    """Occupations to expect of a network that is not harmonic: those of the harmonic one without what makes it so.

    Anharmonicities and two-level nodes only take from the occupations; dispersive couplings are taken for small.
    """
    nodes = {name: Oscillator(node.frequency) for name, node in network.nodes.items()}
    couplings = {
        pair: tuple(term for _, _, term in members if not isinstance(term, Dispersive)) or 0.0
        for pair, members in groupby(coupling_terms(network), key=lambda term: term[:2])
    }
    skeleton = Network(nodes, couplings, network.baths)
    try:
        modes = normal_modes(skeleton)
    except ValueError:
        # Two-level nodes have no lowest mode that must be positive.
        return local_estimate(network)
    estimate = mode_estimate(skeleton, modes)
    kept = {
        name: occupation
        for name, occupation in estimate.occupations.items()
        if isinstance(network.nodes[name], Oscillator)
    }
    return Estimate(kept, estimate.normal_occupations)


def mode_flows(network: Network, modes: NormalModes) -> dict[str, float]:
    """The one-way flows of the global equation of a harmonic network: each normal mode between the baths by itself."""
    flows = dict.fromkeys(network.baths, 0.0)
    for mode, frequency in modes.frequencies.items():
        rates = {
            name: modes.expansion[bath.node][mode] ** 2 * bath_density(network, name, frequency)
            for name, bath in network.baths.items()
        }
        total = sum(rates.values())
        for name, bath in network.baths.items():
            others = [
                thermal_occupation(frequency, other.temperature) for key, other in network.baths.items() if key != name
            ]
            if total > 0 and others:
                occupation = max(thermal_occupation(frequency, bath.temperature), *others)
                flows[name] += frequency * rates[name] * (total - rates[name]) / total * occupation
    return flows
