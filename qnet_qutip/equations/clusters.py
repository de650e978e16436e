"""Which Bohr frequencies to take as one: where the errors meet that too fine and too coarse a grouping make.

The global equation, which takes every two frequencies apart, is off by about (Γ/gap)²; taking them as one is off by
about ½(gap/ω)². The two meet at gap* = √(Γω), where both are Γ/ω: the size of what Born and Markov neglect anyway. Γ is
the rate at which the coherence of two transitions decays: that of the amplitudes of harmonic oscillators, J(ω) at any
temperature; of anything else the sum of the rates down and up, J(ω)(2n + 1).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import qutip
import scipy.sparse as sp

from qnet_qutip.bohr import ROUNDING, CouplingOperator, Eigenbasis, Split, grouped
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.rates import Rate
from qnet_qutip.solver.generator import operator_like, sparse_matrix
from qnet_qutip.spectra import density_at

CONSISTENT = 1e-9
"""Difference of two ways to add frequencies up to an energy, relative to the largest, that is rounding."""


Weighted = tuple[float, tuple[float, ...]]
"""A Bohr frequency, and its weight in each bath."""


class ClusterWarning(UserWarning):
    """Bohr frequencies are too dense for clusters whose error is of the size of what Born and Markov neglect."""


class Cluster(NamedTuple):
    """Bohr frequencies |ω| that are taken as one.

    Attributes
    ----------
    lowest, highest : float
        Its bounds.
    frequency : float
        ω_q, the one that stands for all of them.
    """

    lowest: float
    highest: float
    frequency: float


def critical_gap(system: OpenSystem, frequency: float) -> float:
    """gap* = √(Γω) at a Bohr frequency, with Γ the largest rate that a bath gives coherences there; 0 at ω = 0."""
    baths = [replace(couplings[0].bath, side="both") for couplings in system.couplings.values()]
    return gap_of(baths, frequency, harmonic=system.modes is not None)


def gap_of(baths: Sequence[Rate], frequency: float, *, harmonic: bool) -> float:
    """The same of the rates of baths, both sides of them."""
    omega = abs(frequency)
    return math.sqrt(omega * max(coherence_decay(bath, omega, harmonic=harmonic) for bath in baths)) if omega else 0.0


def coherence_decay(bath: Rate, frequency: float, *, harmonic: bool) -> float:
    """Γ at a positive frequency: J(ω) of harmonic oscillators, J(ω)(2n + 1) of anything else."""
    if harmonic:
        return density_at(bath.spectrum, frequency, bath.of)
    return bath.rate(frequency) + bath.rate(-frequency)


def largest_critical_gap(system: OpenSystem) -> float:
    """The largest gap* of all Bohr frequencies that a bath drives; 0 if none does."""
    return max((critical_gap(system, frequency) for frequency, _ in bohr_frequencies(system)), default=0.0)


def cluster_errors(system: OpenSystem, clusters: Sequence[Cluster]) -> tuple[float, ...]:
    """Error that each cluster makes, in units of Γ/ω: of its width ½(width/gap*)², of the gap beside it (gap*/gap)².

    Below 1 it is of the size of what Born and Markov neglect anyway.
    """
    errors = [
        (highest - lowest) ** 2 / (2 * critical_gap(system, (lowest + highest) / 2) ** 2) if highest > lowest else 0.0
        for lowest, highest, _ in clusters
    ]
    for number, (below, above) in enumerate(pairwise(clusters)):
        gap = above.lowest - below.highest
        critical = critical_gap(system, (above.lowest + below.highest) / 2)
        error = (critical / gap) ** 2 if gap > 0 else math.inf
        errors[number] = max(errors[number], error)
        errors[number + 1] = max(errors[number + 1], error)
    return tuple(errors)


def warn_if_doubtful(clusters: Sequence[Cluster], errors: Sequence[float]) -> None:
    """Warn of frequencies so dense that they are neither one cluster nor several: some error is then above Γ/ω."""
    doubtful = [(error, cluster) for error, cluster in zip(errors, clusters, strict=True) if error > 1 + CONSISTENT]
    if not doubtful:
        return
    largest, worst = max(doubtful)
    warnings.warn(
        f"{len(doubtful)} of {len(clusters)} clusters of Bohr frequencies are neither narrow nor far enough apart, the "
        f"worst {_extent(worst)}: the heat currents may be off by {largest:.3g} times the rates over "
        "the frequencies or more; compare with another equation (universal, redfield), or give clusters",
        ClusterWarning,
        stacklevel=3,
    )


def _extent(cluster: Cluster) -> str:
    """The bounds of a cluster in words, with the digits that tell them apart and one more."""
    lowest, highest, _ = cluster
    if lowest == highest:
        return f"at {lowest:.6g} alone"
    digits = min(17, max(6, 2 + math.ceil(math.log10(highest / (highest - lowest)))))
    return f"from {lowest:.{digits}g} to {highest:.{digits}g}"


def bohr_frequencies(system: OpenSystem) -> list[Weighted]:
    """|ω| of every transition that a bath drives, ascending, with its weight in each bath."""
    found = [
        (abs(frequency), number, weight)
        for number, couplings in enumerate(system.couplings.values())
        for coupling in couplings
        for frequency, weight, rate in zip(coupling.frequencies, coupling.split.weights, coupling.rates, strict=True)
        if rate > 0
    ]
    frequencies = np.array([frequency for frequency, _, _ in found])
    # One that two baths drive may differ by rounding. A wider tolerance would make one of a chain of small steps.
    rounding = ROUNDING * float(frequencies.max(initial=0.0)) if system.basis is None else system.basis.rounding
    groups, _ = grouped(frequencies, np.ones(len(found)), 2 * rounding)
    listed = []
    for group in groups:
        weights = [0.0] * len(system.couplings)
        for member in group:
            weights[found[member][1]] += found[member][2]
        zero = frequencies[group].min() == 0
        listed.append((0.0 if zero else float(frequencies[group].mean()), tuple(weights)))
    return listed


def chosen_clusters(system: OpenSystem) -> tuple[Cluster, ...]:
    """Clusters by their gaps: neighbours that are closer than gap* between them are in one. Ascending.

    A chain of such neighbours that is wider than gap* as a whole is cut at its widest gap, until none is. Measured over
    random networks with such a chain, against universal: of 44 anharmonic pairs half were off by more than 13 Γ/ω and
    are now by 2.4, of 8 with three two-level nodes 8 and 2.9; 15 pairs of an oscillator and a two-level node 1.3 and
    1.2. For 10 harmonic networks the logarithm's mean stays as it is, and the worst goes from 500 to 120.
    """
    return clusters_by_gap(bohr_frequencies(system), lambda frequency: critical_gap(system, frequency))


def clusters_by_gap(known: Sequence[Weighted], gap: Callable[[float], float]) -> tuple[Cluster, ...]:
    """The same of ascending frequencies, with gap* as a function of them."""
    clusters: list[list[Weighted]] = []
    for frequency, weights in known:
        last = clusters[-1][-1][0] if clusters else -math.inf
        if clusters and frequency - last <= gap((frequency + last) / 2):
            clusters[-1].append((frequency, weights))
        else:
            clusters.append([(frequency, weights)])
    return tuple(_cluster(members) for chain in clusters for members in _cut(chain, gap))


def _cut(chain: list[Weighted], gap: Callable[[float], float]) -> list[list[Weighted]]:
    frequencies = [frequency for frequency, _ in chain]
    lowest, highest = frequencies[0], frequencies[-1]
    if highest - lowest <= gap((lowest + highest) / 2) or len(chain) == 1:
        return [chain]
    # Of gaps that are equal but for rounding, as above and below the middle of an odd resonant chain, the lowest.
    gaps = np.diff(frequencies)
    after = int(np.flatnonzero(gaps >= gaps.max() - CONSISTENT * highest)[0]) + 1
    return [*_cut(chain[:after], gap), *_cut(chain[after:], gap)]


def given_clusters(system: OpenSystem, bounds: Sequence[tuple[float, ...]]) -> tuple[Cluster, ...]:
    """Clusters by their bounds: each takes the Bohr frequencies |ω| between its two, and the third, if there is one.

    Raises
    ------
    ValueError
        If a Bohr frequency is in none of them, or in two.
    """
    clusters: list[list[Weighted]] = [[] for _ in bounds]
    known = bohr_frequencies(system)
    slack = CONSISTENT * max((frequency for frequency, _ in known), default=0.0)
    for frequency, weights in known:
        inside = [number for number, (low, high, *_) in enumerate(bounds) if low - slack <= frequency <= high + slack]
        if len(inside) != 1:
            raise ValueError(
                f"clusters must hold every Bohr frequency once, but {frequency:.10g} is in {len(inside)} of {bounds}"
            )
        clusters[inside[0]].append((frequency, weights))
    found = []
    for members, (_, _, *standing) in zip(clusters, bounds, strict=True):
        if members:
            cluster = _cluster(members)
            if standing and cluster.lowest == 0 and standing[0] != 0:
                raise ValueError(
                    f"a cluster that holds the Bohr frequency 0 must have the frequency 0, but has {standing[0]}"
                )
            found.append(cluster._replace(frequency=standing[0]) if standing else cluster)
    return tuple(found)


def widened(clusters: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """The same clusters with bounds halfway to each other, so that they hold the frequencies of a space cut elsewhere.

    Examples
    --------
    >>> [(low, high) for low, high, _ in widened([Cluster(2.0, 2.0, 2.0), Cluster(4.0, 5.0, 4.5)])]
    [(0.0, 3.0), (3.0, inf)]
    """
    between = [(below.highest + above.lowest) / 2 for below, above in pairwise(clusters)]
    return tuple(
        cluster._replace(lowest=low, highest=high)
        for cluster, low, high in zip(clusters, [0.0, *between], [*between, math.inf], strict=True)
    )


def _cluster(members: Sequence[Weighted]) -> Cluster:
    """Mean frequency weighted with Π_b |⟨b|k⟩|², the transmission between the baths, if there is any; else plainly.

    A cluster that holds zero holds the frequencies of both signs, whose mean it is.
    """
    frequencies = np.array([frequency for frequency, _ in members])
    if frequencies.min() == 0:
        return Cluster(0.0, float(frequencies.max()), 0.0)
    weights = np.array([math.prod(weight) for _, weight in members])
    if not weights.sum() > 0:
        weights = np.array([sum(weight) for _, weight in members])
    return Cluster(float(frequencies.min()), float(frequencies.max()), float(np.average(frequencies, weights=weights)))


def standing_for(clusters: Sequence[Cluster], frequency: float) -> float:
    """The frequency that stands for a Bohr frequency of either sign; itself if it is in no cluster."""
    if frequency == 0:
        # A cluster that holds zero is at zero; one that only begins near it is not to give zero a side.
        return 0.0
    slack = CONSISTENT * max((highest for _, highest, _ in clusters), default=0.0)
    outside, middle = min(
        ((max(lowest - abs(frequency), abs(frequency) - highest), middle) for lowest, highest, middle in clusters),
        default=(math.inf, 0.0),
    )
    return math.copysign(middle, frequency) if outside <= slack else frequency


def clustered_coupling(coupling: CouplingOperator, clusters: Sequence[Cluster]) -> CouplingOperator:
    """The same coupling operator split by clusters: S_q = Σ_{ω∈q} S(ω), which has the rate at ω_q."""
    operators: dict[float, list[qutip.Qobj]] = {}
    weights: dict[float, float] = {}
    for frequency, operator, weight in zip(
        coupling.frequencies, coupling.operators, coupling.split.weights, strict=True
    ):
        middle = standing_for(clusters, frequency)
        operators.setdefault(middle, []).append(operator)
        weights[middle] = weights.get(middle, 0.0) + weight
    summed = tuple(sum(members).to("CSR") for members in operators.values())
    return CouplingOperator(Split(tuple(operators), summed, tuple(weights.values())), coupling.bath)


def clustered_hamiltonian(system: OpenSystem, clusters: Sequence[Cluster]) -> qutip.Qobj | None:
    """H_TD: H with its energies shifted so that every transition has the frequency that stands for its cluster.

    Returns
    -------
    Qobj or None
        In the basis that the couplings are in. None if there are no such energies: two ways from one level to another
        then add up to different frequencies.
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
    for couplings in system.couplings.values():
        # In the eigenbasis.
        rows, columns = sparse_matrix(couplings[0].operator).tocoo().coords
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
