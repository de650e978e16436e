"""The scales that decide between master equations: rates, gaps and frequencies, without any steady state.

Two transitions whose frequencies are `gap` apart are resolved up to (Γ/gap)², with Γ the rate at which the baths damp
them, and are one up to gap/ω; see `equations.clusters`. From these follow the errors that each equation is to be
expected to make, beyond what all of them neglect: Γ/ω, by Born and Markov.

Harmonic oscillators have as many frequencies as modes. Anything else has one for every pair of levels, most of them
rare: there a transition counts by its share of what a bath exchanges, at the temperature of the hottest, and those that
together make up no more than Γ/ω of it are left out. Two transitions interfere if they share a level: the baths then
make a coherence of the other two levels out of its population, which turns with the gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.equations.clusters import clusters_by_gap, coherence_decay, gap_of
from qnet_qutip.modes import is_harmonic, normal_modes
from qnet_qutip.network import FrozenMapping, Network, Swap, TwoLevel, bath_rate, coupling_terms
from qnet_qutip.rates import Rate
from qnet_qutip.space import Space
from qnet_qutip.transitions import transitions

Real = NDArray[np.float64]

MERGED = 3.0
"""Error of taking two frequencies as one, in units of gap/ω: the slope of a spectral density κω³. With two modes of
equal shares the first order cancels."""

TINY = float(np.finfo(float).tiny)

LADDER = 50
"""Levels of an anharmonic node that are looked at: what its transitions carry is in the lowest few."""


@dataclass(frozen=True)
class Scales:
    """What decides between the master equations of a network.

    Attributes
    ----------
    neglected : float
        Γ/ω, the largest of a bath's rate over the frequency: what Born and Markov neglect.
    rate_over_gap : float
        The largest Γ/gap of two transitions, with Γ the mean rate at which the baths damp them: where it is not small,
        the global equation fails. Of nodes that are not harmonic the root of its mean square, by what each carries.
    gap_over_frequency : float
        The largest distance of two transitions over the lower of them: where it is not small, they are not one.
    expected_errors : mapping of str to float
        Of the heat currents by the local, global and unified equations, relative to the largest, beyond what is
        neglected by all.
    """

    neglected: float
    rate_over_gap: float
    gap_over_frequency: float
    expected_errors: Mapping[str, float] = field(repr=False)


def scales(network: Network, space: Space | None = None) -> Scales:
    """The scales of a network.

    Parameters
    ----------
    network : Network
    space : Space, optional
        In which to diagonalise a network that is not of harmonic oscillators.

    Returns
    -------
    Scales

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> scales(net)
    Scales(neglected=0.01000..., rate_over_gap=0.01124..., gap_over_frequency=1.000...)
    """
    if is_harmonic(network):
        return _of_modes(network)
    assert space is not None
    return _of_transitions(network, space)


def _of_modes(network: Network) -> Scales:
    modes = normal_modes(network)
    frequencies = np.array(list(modes.frequencies.values()))
    baths = [bath_rate(network, name) for name in network.baths]
    rates = np.array([[coherence_decay(bath, each, harmonic=True) for each in frequencies.tolist()] for bath in baths])
    amplitudes = []
    for bath in network.baths.values():
        u, v = (np.array(list(of[bath.node].values())) for of in (modes.expansion, modes.counter_rotating))
        amplitudes.append(np.abs(u) + np.abs(v))
    gaps = np.abs(frequencies[:, None] - frequencies)
    # By their own widths, not by what a bath sees of both: where two nodes far from resonance hardly mix, the current
    # between them is as small, and its error relative to it is not.
    apart = ~np.eye(len(gaps), dtype=bool)
    ratios = _damped_over(gaps, (rates * np.array(amplitudes) ** 2).sum(axis=0), apart)
    distances = gaps / np.minimum.outer(frequencies, frequencies)
    order = np.argsort(frequencies)
    clusters = np.empty(len(order), dtype=int)
    clusters[order] = _clusters(frequencies[order], np.ones((len(order), 1)), baths, harmonic=True)[1]
    inside = _alike(clusters)
    split = np.where(inside, 0.0, ratios**2).sum(axis=1).max()
    merged = np.where(inside, _merged(distances, len(frequencies)), 0.0).max()
    return Scales(
        float((rates / frequencies).max()),
        float(ratios.max()),
        float(distances.max()),
        _errors(network, float((ratios**2).sum(axis=1).max()), float(max(split, merged))),
    )


def _of_transitions(network: Network, space: Space) -> Scales:
    found = transitions(network, space)
    relative = (found.decay / found.frequencies).max(axis=0)[found.number]
    kept = _carrying(found.shares, float((found.shares @ relative).max()))
    number, lower, upper = found.number[kept], found.lower[kept], found.upper[kept]
    frequencies, shares = found.frequencies[number], found.shares[:, kept]
    widths = (found.decay[:, number] * found.squares[:, kept]).sum(axis=0)
    baths = [bath_rate(network, name) for name in network.baths]
    weights = np.zeros((len(found.frequencies), len(baths)))
    np.add.at(weights, found.number, found.squares.T)
    standing, clusters = _clusters(found.frequencies, weights, baths, harmonic=False)
    clusters = clusters[number]
    unresolved, split = np.zeros((2, len(kept)))
    for levels in (lower, upper):
        order = np.argsort(levels, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(levels[order])) + 1):
            gaps = np.abs(frequencies[members][:, None] - frequencies[members])
            squares = _damped_over(gaps, widths[members], ~_alike(number[members])) ** 2
            unresolved[members] += squares.sum(axis=1)
            split[members] += np.where(_alike(clusters[members]), 0.0, squares).sum(axis=1)
    merged = np.zeros(len(kept))
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        inside = frequencies[members]
        farthest = np.maximum(inside - inside.min(), inside.max() - inside)
        merged[members] = _merged(farthest / inside.min(), len(np.unique(number)))
        # The frequency that stands for a cluster is the mean of all in it, of the rare ones too.
        carried = shares[:, members]
        offsets = np.abs(carried @ (inside - standing[cluster])) / np.maximum(carried.sum(axis=1), TINY)
        merged[members] = np.maximum(merged[members], MERGED * offsets.max() / inside.min())
    by_global = _error_of_currents(shares, unresolved)
    return Scales(
        float(relative[kept].max()),
        math.sqrt(by_global),
        float(np.ptp(frequencies) / frequencies.min()),
        _errors(network, by_global, max(_error_of_currents(shares, split), float((shares @ merged).max()))),
    )


def _carrying(shares: Real, neglected: float) -> NDArray[np.int64]:
    """The fewest transitions that make up all but a fraction of what each bath exchanges, and of what passes."""
    kept = np.zeros(shares.shape[1], dtype=bool)
    for row in shares:
        order = np.argsort(row)[::-1]
        kept[order[np.cumsum(row[order]) - row[order] < 1 - neglected]] = True
    return np.flatnonzero(kept)


def _error_of_currents(shares: Real, unresolved: Real) -> float:
    """Of currents, relative to the true ones, if each transition carries 1 + x times what it truly does."""
    excess = (shares * unresolved / (1 + unresolved)).sum(axis=1)
    return float((excess / (shares / (1 + unresolved)).sum(axis=1)).max())


def _damped_over(gaps: Real, widths: Real, apart: NDArray[np.bool_]) -> Real:
    """Γ/gap of every two transitions, with Γ the mean of their widths; 0 of those that are one or not damped."""
    damped = (widths[:, None] + widths) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(apart & (damped > 0), damped / gaps, 0.0)


def _merged(distances: Real, number: int) -> Real:
    """Error of taking frequencies as one, of that number in all, by their distances relative to them."""
    return distances**2 if number == 2 else MERGED * distances


def _alike(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    alike: NDArray[np.bool_] = labels[:, None] == labels
    return alike


def _clusters(
    frequencies: Real, weights: Real, baths: Sequence[Rate], *, harmonic: bool
) -> tuple[Real, NDArray[np.int64]]:
    """What stands for each cluster of the unified equation, and the number of the one that each frequency is in.

    Parameters
    ----------
    frequencies : ndarray, shape (n,)
        Ascending.
    weights : ndarray, shape (n, baths)
    baths : sequence of Rate
    harmonic : bool
    """
    known = list(zip(frequencies.tolist(), map(tuple, weights.tolist()), strict=True))
    clusters = clusters_by_gap(known, lambda frequency: gap_of(baths, frequency, harmonic=harmonic))
    highest = [cluster.highest for cluster in clusters]
    return np.array([cluster.frequency for cluster in clusters]), np.searchsorted(highest, frequencies)


def _errors(network: Network, by_global: float, by_unified: float) -> Mapping[str, float]:
    return FrozenMapping({"local": _local_error(network), "global": by_global, "unified": by_unified})


def _local_error(network: Network) -> float:
    """First order in detunings and couplings over frequencies, and amplified where temperatures are close.

    The local equation gives each bath its own frequency, so that Bose factors do not cancel at equal temperatures. Of
    two nodes in resonance the first order of the coupling cancels, as they share each mode alike.
    """
    temperatures = [bath.temperature for bath in network.baths.values()]
    difference = max(temperatures) - min(temperatures)
    if difference == 0:
        return float("inf")
    bare = np.array([node.frequency for node in network.nodes.values()])
    order = {name: index for index, name in enumerate(network.nodes)}
    strengths = np.zeros(len(bare))
    for first, second, term in coupling_terms(network):
        if not isinstance(term, Swap) and term.strength:
            return float("inf")
        strengths[order[first]] += abs(term.strength)
        strengths[order[second]] += abs(term.strength)
    lowest = float(bare.min())
    shift = float(strengths.max()) / lowest
    detuning, unresolved = _ladder_errors(network, max(temperatures))
    detuning = (detuning + float(np.ptp(bare))) / lowest
    relative = MERGED * detuning + (shift**2 if len(bare) == 2 else MERGED * shift)
    return relative * max(temperatures) / difference + unresolved


def _ladder_errors(network: Network, hottest: float) -> tuple[float, float]:
    """Mean distance of the transitions of an anharmonic node from its lowest, and the error of taking them apart.

    The local equation takes them apart whether the baths do or not. What a bath carries over from the coherences of a
    level and the next one to those below counts by the share of the upper of the two transitions, which are α apart.
    """
    detuning, unresolved = 0.0, 0.0
    for name, node in network.nodes.items():
        if isinstance(node, TwoLevel) or not node.anharmonicity:
            continue
        levels = np.arange(1, LADDER + 1)
        frequencies = node.frequency + node.anharmonicity * (levels - 1)
        shares = levels * frequencies * np.exp(-(np.cumsum(frequencies) - node.frequency) / hottest)
        shares /= shares.sum()
        detuning = max(detuning, float(shares @ (frequencies - node.frequency)))
        baths = [bath_rate(network, bath) for bath, on in network.baths.items() if on.node == name]
        widths = levels * sum(
            (
                np.array([coherence_decay(bath, each, harmonic=False) for each in frequencies.tolist()])
                for bath in baths
            ),
            start=np.zeros(LADDER),
        )
        squares = np.zeros(LADDER)
        squares[1:] = ((widths[1:] + widths[:-1]) / 2 / node.anharmonicity) ** 2
        unresolved = max(unresolved, _error_of_currents(shares[None], squares))
    return detuning, unresolved
