"""The scales that decide between master equations: rates, gaps and frequencies, without any steady state.

Two transitions whose frequencies are `gap` apart are resolved up to (Γ/gap)², with Γ the rate at which the baths damp
them, and are one up to gap/ω; see `equations.clusters`. From these follow the errors that each equation is to be
expected to make, beyond what all of them neglect: Γ/ω, by Born and Markov.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.equations.clusters import bohr_frequencies
from qnet_qutip.equations.open_system import of_network
from qnet_qutip.gaussian.clusters import cluster_labels
from qnet_qutip.modes import is_harmonic, normal_modes
from qnet_qutip.network import FrozenMapping, Network, Swap, coupling_terms
from qnet_qutip.rates import Rate
from qnet_qutip.space import Space

Real = NDArray[np.float64]

MERGED = 3.0
"""Error of taking two frequencies as one, in units of gap/ω: the slope of a spectral density κω³. With two modes of
equal shares the first order cancels."""


@dataclass(frozen=True)
class Scales:
    """What decides between the master equations of a network.

    Attributes
    ----------
    neglected : float
        Γ/ω, the largest of a bath's rate over the frequency: what Born and Markov neglect.
    rate_over_gap : float
        The largest Γ/gap of two transitions, with Γ the mean rate at which the baths damp them: where it is not small,
        the global equation fails.
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
    harmonic = is_harmonic(network)
    if harmonic:
        frequencies, amplitudes = _of_modes(network)
    else:
        assert space is not None
        frequencies, amplitudes = _of_transitions(network, space)
    decay = _decay(network, harmonic)
    rates = decay(frequencies)
    neglected = float((rates / frequencies).max())
    gaps = np.abs(frequencies[:, None] - frequencies)
    np.fill_diagonal(gaps, np.inf)
    # By their own widths, not by what a bath sees of both: where two nodes far from resonance hardly mix, the current
    # between them is as small, and its error relative to it is not.
    widths_of = (rates * amplitudes**2).sum(axis=0)
    damped = (widths_of[:, None] + widths_of) / 2
    with np.errstate(divide="ignore"):
        ratios = np.where(damped > 0, damped / gaps, 0.0)
    np.fill_diagonal(gaps, 0.0)
    widths = gaps / np.minimum.outer(frequencies, frequencies)
    return Scales(
        neglected,
        float(ratios.max()),
        float(widths.max()),
        FrozenMapping(
            {
                "local": _local_error(network),
                "global": float((ratios**2).sum(axis=1).max()),
                "unified": _unified_error(frequencies, decay, ratios**2, widths),
            }
        ),
    )


def _of_modes(network: Network) -> tuple[Real, Real]:
    """Frequencies of the normal modes, and the baths' amplitudes in them."""
    modes = normal_modes(network)
    amplitudes = []
    for bath in network.baths.values():
        u, v = (np.array(list(of[bath.node].values())) for of in (modes.expansion, modes.counter_rotating))
        amplitudes.append(np.abs(u) + np.abs(v))
    return np.array(list(modes.frequencies.values())), np.array(amplitudes)


def _of_transitions(network: Network, space: Space) -> tuple[Real, Real]:
    """The same of all transitions."""
    found = [each for each in bohr_frequencies(of_network(network, space, None)) if each[0] > 0]
    weights = np.array([weight for _, weight in found]).T
    return (
        np.array([frequency for frequency, _ in found]),
        np.sqrt(weights / weights.sum(axis=1, keepdims=True)),
    )


def _decay(network: Network, harmonic: bool) -> Callable[[Real], Real]:
    """Γ of each bath, (baths, n), at given frequencies: J(ω) of harmonic oscillators, of anything else J(ω)(2n + 1)."""
    baths = [Rate(bath.spectrum, 0.0 if harmonic else bath.temperature) for bath in network.baths.values()]

    def decay(frequencies: Real) -> Real:
        return np.array([[bath.rate(each) + bath.rate(-each) for each in frequencies.tolist()] for bath in baths])

    return decay


def _unified_error(frequencies: Real, decay: Callable[[Real], Real], resolved: Real, widths: Real) -> float:
    """Of every two frequencies the error of taking them apart, or as one if they are in one cluster."""
    order = np.argsort(frequencies)
    labels = np.empty(len(order), dtype=int)
    labels[order] = cluster_labels(
        frequencies[None, order], lambda middle: np.sqrt(middle * decay(middle[0]).max(axis=0, initial=0.0))
    )[0]
    merged = widths**2 if len(order) == 2 else MERGED * widths
    inside = labels[:, None] == labels
    apart = np.where(inside, 0.0, resolved).sum(axis=1).max()
    return float(max(apart, np.where(inside, merged, 0.0).max()))


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
    relative = MERGED * float(np.ptp(bare)) / lowest + (shift**2 if len(bare) == 2 else MERGED * shift)
    return relative * max(temperatures) / difference
