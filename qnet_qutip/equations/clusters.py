"""Which Bohr frequencies to take as one: where the errors meet that too fine and too coarse a grouping make.

The global equation, which takes every two frequencies apart, is off by about (γ/gap)²; taking them as one is off by
about ½(gap/ω)². The two meet at gap* = √(γω), where both are γ/ω: the size of what Born and Markov neglect anyway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import qutip
import scipy.sparse as sp

from qnet_qutip.bohr import CouplingPart, Eigenbasis, Split, grouped
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.solver.generator import operator_like, sparse_matrix
from qnet_qutip.spectra import density_at

Cluster = tuple[float, float, float]
"""Lowest and highest Bohr frequency |ω| of a cluster, and the one that stands for them."""

CONSISTENT = 1e-9
"""Difference of two ways to add frequencies up to an energy, relative to the largest, that is rounding."""


def critical_gap(system: OpenSystem, frequency: float) -> float:
    """gap* = √(γω) at a Bohr frequency, with γ the largest spectral density of the baths there; 0 at ω = 0."""
    omega = abs(frequency)
    if omega == 0:
        return 0.0
    return math.sqrt(omega * max(_density(parts[0], omega) for parts in system.parts.values()))


def _density(part: CouplingPart, frequency: float) -> float:
    return density_at(part.bath.spectrum, frequency, part.bath.of)


def largest_critical_gap(system: OpenSystem) -> float:
    """The largest gap* of all Bohr frequencies."""
    return max(critical_gap(system, frequency) for frequency, _ in bohr_frequencies(system))


def bohr_frequencies(system: OpenSystem) -> list[tuple[float, tuple[float, ...]]]:
    """|ω| of every transition that a bath drives, ascending, with its weight in each bath."""
    found = [
        (abs(frequency), number, weight)
        for number, parts in enumerate(system.parts.values())
        for part in parts
        for frequency, weight, rate in zip(part.frequencies, part.split.weights, part.rates, strict=True)
        if rate > 0
    ]
    frequencies = np.array([frequency for frequency, _, _ in found])
    groups, _ = grouped(frequencies, np.ones(len(found)), CONSISTENT * float(frequencies.max(initial=0.0)))
    listed = []
    for group in groups:
        weights = [0.0] * len(system.parts)
        for member in group:
            weights[found[member][1]] += found[member][2]
        zero = frequencies[group].min() == 0
        listed.append((0.0 if zero else float(frequencies[group].mean()), tuple(weights)))
    return listed


def chosen_clusters(system: OpenSystem) -> tuple[Cluster, ...]:
    """Clusters by their gaps: neighbours that are closer than gap* between them are in one. Ascending."""
    known = bohr_frequencies(system)
    clusters: list[list[tuple[float, tuple[float, ...]]]] = []
    for frequency, weights in known:
        last = clusters[-1][-1][0] if clusters else -math.inf
        if clusters and frequency - last <= critical_gap(system, (frequency + last) / 2):
            clusters[-1].append((frequency, weights))
        else:
            clusters.append([(frequency, weights)])
    return tuple(_cluster(members) for members in clusters)


def given_clusters(system: OpenSystem, bounds: Sequence[tuple[float, float]]) -> tuple[Cluster, ...]:
    """Clusters by their bounds: each takes the Bohr frequencies |ω| between its two.

    Raises
    ------
    ValueError
        If a Bohr frequency is in none of them, or in two.
    """
    clusters: list[list[tuple[float, tuple[float, ...]]]] = [[] for _ in bounds]
    for frequency, weights in bohr_frequencies(system):
        inside = [number for number, (low, high) in enumerate(bounds) if low <= frequency <= high]
        if len(inside) != 1:
            raise ValueError(
                f"clusters must hold every Bohr frequency once, but {frequency:.10g} is in {len(inside)} of {bounds}"
            )
        clusters[inside[0]].append((frequency, weights))
    return tuple(_cluster(members) for members in clusters if members)


def _cluster(members: Sequence[tuple[float, tuple[float, ...]]]) -> Cluster:
    """Mean frequency weighted with Π_b |⟨b|k⟩|², the transmission between the baths, if there is any; else plainly.

    A cluster that holds zero holds the frequencies of both signs, whose mean it is.
    """
    frequencies = np.array([frequency for frequency, _ in members])
    if frequencies.min() == 0:
        return 0.0, float(frequencies.max()), 0.0
    weights = np.array([math.prod(weight) for _, weight in members])
    if not weights.sum() > 0:
        weights = np.array([sum(weight) for _, weight in members])
    return float(frequencies.min()), float(frequencies.max()), float(np.average(frequencies, weights=weights))


def standing_for(clusters: Sequence[Cluster], frequency: float) -> float:
    """The frequency that stands for a Bohr frequency of either sign; itself if it is in no cluster."""
    slack = CONSISTENT * max((highest for _, highest, _ in clusters), default=0.0)
    for lowest, highest, middle in clusters:
        if lowest - slack <= abs(frequency) <= highest + slack:
            return math.copysign(middle, frequency)
    return frequency


def collected_part(part: CouplingPart, clusters: Sequence[Cluster]) -> CouplingPart:
    """The same coupling operator split by clusters: S_q = Σ_{ω∈q} S(ω), which has the rate at ω_q."""
    operators: dict[float, list[qutip.Qobj]] = {}
    weights: dict[float, float] = {}
    for frequency, operator, weight in zip(part.frequencies, part.operators, part.split.weights, strict=True):
        middle = standing_for(clusters, frequency)
        operators.setdefault(middle, []).append(operator)
        weights[middle] = weights.get(middle, 0.0) + weight
    summed = tuple(sum(members).to("CSR") for members in operators.values())
    return CouplingPart(Split(tuple(operators), summed, tuple(weights.values())), part.bath)


def clustered_hamiltonian(system: OpenSystem, clusters: Sequence[Cluster]) -> qutip.Qobj | None:
    """H_TD: H with its energies shifted so that every transition has the frequency that stands for its cluster.

    Returns
    -------
    Qobj or None
        In the basis of the system's parts. None if there are no such energies: two ways from one level to another then
        add up to different frequencies.
    """
    if system.modes is not None:
        return sum(
            standing_for(clusters, frequency) * (system.ladder[mode].dag() * system.ladder[mode])
            for mode, frequency in system.modes.frequencies.items()
        ).to("CSR")
    assert system.basis is not None
    energies = _shifted_energies(system, system.basis, clusters)
    if energies is None:
        return None
    return operator_like(system.hamiltonian, sp.diags_array(energies, dtype=complex).tocsr())


def _shifted_energies(system: OpenSystem, basis: Eigenbasis, clusters: Sequence[Cluster]) -> np.ndarray | None:
    """Energies whose differences are the clusters' frequencies, the lowest level of each connected set kept."""
    edges: list[tuple[int, int, float]] = []
    for parts in system.parts.values():
        # In the eigenbasis.
        rows, columns = sparse_matrix(parts[0].coupling).tocoo().coords
        for low, high in zip(rows.tolist(), columns.tolist(), strict=True):
            frequency = float(basis.energies[high] - basis.energies[low])
            edges.append((int(low), int(high), standing_for(clusters, frequency)))
    neighbours: dict[int, list[tuple[int, float]]] = {}
    for low, high, frequency in edges:
        neighbours.setdefault(low, []).append((high, frequency))
        neighbours.setdefault(high, []).append((low, -frequency))
    energies = np.full(len(basis.energies), np.nan)
    for root in np.argsort(basis.energies):
        if not np.isnan(energies[root]):
            continue
        energies[root], waiting = basis.energies[root], [int(root)]
        while waiting:
            level = waiting.pop()
            for other, frequency in neighbours.get(level, []):
                if np.isnan(energies[other]):
                    energies[other] = energies[level] + frequency
                    waiting.append(other)
    size = float(np.abs(basis.energies).max(initial=0.0))
    wrong = any(abs(energies[high] - energies[low] - frequency) > CONSISTENT * size for low, high, frequency in edges)
    return None if wrong else energies
