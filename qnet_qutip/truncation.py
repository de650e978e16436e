"""How far to go: the levels that a heat current needs, and the error that a given cut leaves in it.

A cut at N levels spoils the commutation relation on the top level only: there 1 - [a, a†] is N instead of 0. In the
moment equations (8) this acts as if the bath's drive were weaker by the fraction N p_top, so that the heat current is
off by about that fraction of the *one-way flow*: the current that would run if every other bath were at zero
temperature. This is why a current, a difference of one-way flows, converges long after the populations do, and why the
error is measured against the one-way flow where the current passes through zero.

The numbers here only choose and judge truncations; no heat current is computed from them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov

from qnet_qutip import checks
from qnet_qutip.network import Network, Oscillator, bath_density, bath_rates
from qnet_qutip.space import Space

DEFAULT_RTOL = 1e-8
"""Relative truncation error of the heat currents that the default truncation aims at."""

LEVEL_SAFETY, SHELL_SAFETY = 32.0, 8.0
"""Factors on N p_top that make it an upper estimate, for nodes cut one by one, and for total excitations or modes.

The coupling moves excitations between nodes that are cut at different energies: over the parameters of figure 2 the
true error reaches 30 N p_top there, and N p_top otherwise."""

CURRENT_OVER_FLOW = 0.1
"""What a heat current is taken to be of the one-way flow before it is known."""

LARGEST_CUT = 100_000
"""Levels beyond which no choice is made: the occupation is then too large for a truncated space."""


LEVEL_BYTES, SHELL_BYTES, TWO_LEVEL_BYTES = 230.0, 520.0, 75.0
"""Memory for each state and factor while a master equation is built: measured at its peak, for levels and modes, for
total excitations (two and three oscillators, up to 5e5 states) and for 14 to 20 two-level nodes."""


class TruncationWarning(UserWarning):
    """A space is cut where it still matters for the heat currents."""


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
    one_body = np.diag([node.frequency for node in network.nodes.values()]).astype(complex)
    for (first, second), strength in network.couplings.items():
        i, j = names.index(first), names.index(second)
        one_body[i, j] = one_body[j, i] = strength
    damping, drives = np.zeros(len(names)), {}
    for name, bath in network.baths.items():
        node, index = network.nodes[bath.node], names.index(bath.node)
        down, up = bath_rates(network, name, node.frequency)
        damping[index] += down - up if isinstance(node, Oscillator) else down + up
        drives[name] = np.zeros((len(names), len(names)))
        drives[name][index, index] = up
    # An undamped mode has no steady occupation of its own; it is not driven either, and stays empty here. What is
    # damped by less than frequencies are rounded by counts as undamped.
    damping += max(1e-12 * damping.max(), 10 * np.finfo(float).eps * np.abs(one_body).sum(axis=1).max())
    drift = -1j * one_body - np.diag(damping) / 2
    return {name: solve_continuous_lyapunov(drift, -drive) for name, drive in drives.items()}


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


def flow_error(space: Space, populations: NDArray[np.float64]) -> float:
    """Estimated error of the heat currents relative to the one-way flow, from the populations of the basis states."""
    cut_by_node = space.max_excitations is None and space.ladder is space.lowering
    missing = sum(float(space.missing_commutator(factor) @ np.abs(populations)) for factor in space.cut_factors)
    return (LEVEL_SAFETY if cut_by_node else SHELL_SAFETY) * missing


def level_error(occupation: float, levels: int, safety: float = LEVEL_SAFETY) -> float:
    """Estimated relative error of a current from cutting a mode of this mean excitation at `levels` levels."""
    ratio = occupation / (1.0 + occupation)
    return safety * levels * (1.0 - ratio) * ratio ** (levels - 1)


def sufficient_levels(occupation: float, tolerance: float, safety: float = LEVEL_SAFETY) -> int:
    """Smallest number of levels, at least 2, beyond which `level_error` is within the tolerance."""
    ratio = occupation / (1.0 + occupation)
    # N x^N first grows where the mode is hot, up to the level 1/ln(1/x): only the falling side counts.
    largest_error_at = math.ceil(-1.0 / math.log(ratio)) if ratio > 0.0 else 2
    low, high = max(2, largest_error_at), LARGEST_CUT
    if low >= high or level_error(occupation, high, safety) > tolerance:
        raise ValueError(
            f"the temperatures must be low enough for a truncated space, but a mode would hold {occupation:.3g} "
            f"excitations and need more than {LARGEST_CUT} levels"
        )
    while low < high:
        middle = (low + high) // 2
        if level_error(occupation, middle, safety) <= tolerance:
            high = middle
        else:
            low = middle + 1
    return high


def _shell_populations(occupations: Sequence[float], largest: int) -> NDArray[np.float64]:
    """Distribution of the total excitation of independent thermal modes, up to `largest`."""
    shells = [1.0] + [0.0] * largest
    for occupation in occupations:
        # Convolution with the geometric distribution (1 - x) x^n of a thermal mode: q_n = x q_(n-1) + (1 - x) p_n.
        ratio, convolved = occupation / (1.0 + occupation), 0.0
        for excitations, population in enumerate(shells):
            convolved = ratio * convolved + (1.0 - ratio) * population
            shells[excitations] = convolved
    return np.array(shells)


def excitation_error(estimate: Estimate, max_excitations: int) -> float:
    """Estimated relative error of a current from keeping at most `max_excitations` excitations."""
    populations = _shell_populations(estimate.normal_occupations, max_excitations)
    return SHELL_SAFETY * (max_excitations + len(estimate.occupations)) * float(populations[-1])


def sufficient_excitations(estimate: Estimate, tolerance: float) -> int:
    """Smallest total number of excitations whose `excitation_error` is within the tolerance."""
    largest = 2 * sum(sufficient_levels(occupation, tolerance) for occupation in estimate.normal_occupations)
    populations = _shell_populations(estimate.normal_occupations, largest)
    cuts = np.arange(largest + 1)
    errors = SHELL_SAFETY * (cuts + len(estimate.occupations)) * populations
    too_small = np.flatnonzero(errors > tolerance)
    return int(too_small[-1]) + 1 if len(too_small) else 1


def work(sector_sizes: NDArray[np.float64]) -> float:
    """What a steady state costs: the products of blocks of ρ, a block for each total excitation."""
    return float(np.sum(sector_sizes**3))


def level_sectors(levels: Sequence[int]) -> NDArray[np.float64]:
    """Number of states of each total excitation, the nodes cut level by level."""
    sizes = np.ones(1)
    for number in levels:
        # Convolution with `number` ones: differences of running sums.
        sums = np.cumsum(np.concatenate([sizes, np.zeros(number - 1)]))
        sizes = sums - np.concatenate([np.zeros(number), sums[:-number]])
    return sizes


def choose_cut(network: Network, estimate: Estimate, tolerance: float) -> dict[str, int] | int:
    """Levels of each oscillator or a largest total excitation, whichever is cheaper.

    Parameters
    ----------
    network : Network
    estimate : Estimate
    tolerance : float
        Relative truncation error of the currents to aim at.

    Returns
    -------
    dict of str to int, or int
        Levels of each oscillator, or the largest total number of excitations.

    Raises
    ------
    ValueError
        If a mode is too hot for any truncated space.
    """
    tolerance = CURRENT_OVER_FLOW * tolerance
    share = tolerance / max(len(estimate.occupations), 1)
    levels = {name: sufficient_levels(occupation, share) for name, occupation in estimate.occupations.items()}
    if len(network.nodes) == 1:
        return levels
    excitations = sufficient_excitations(estimate, tolerance)
    by_level = level_sectors([levels.get(name, 2) for name in network.nodes])
    by_excitation = level_sectors([excitations + 1 if name in levels else 2 for name in network.nodes])
    return levels if work(by_level) <= work(by_excitation[: excitations + 1]) else excitations


def estimated_error(estimate: Estimate, cut: Mapping[str, int] | int, safety: float = LEVEL_SAFETY) -> float:
    """Estimated relative error of the currents for a cut, before anything is solved."""
    if isinstance(cut, int):
        return excitation_error(estimate, cut)
    return sum(level_error(occupation, cut[name], safety) for name, occupation in estimate.occupations.items())


def warn_if_too_small(
    estimate: Estimate, cut: Mapping[str, int] | int, tolerance: float, safety: float = LEVEL_SAFETY
) -> None:
    """Warn if a cut that was asked for leaves more than the tolerance, and name the cut that would do."""
    error = estimated_error(estimate, cut, safety)
    if error <= tolerance:
        return
    given = (
        f"max_excitations={cut}" if isinstance(cut, int) else f"levels={ {n: cut[n] for n in estimate.occupations} }"
    )
    try:
        if isinstance(cut, int):
            remedy = f"max_excitations={sufficient_excitations(estimate, tolerance)} would do"
        else:
            share = tolerance / len(estimate.occupations)
            enough = {name: sufficient_levels(n, share, safety) for name, n in estimate.occupations.items()}
            remedy = f"levels={enough} would do"
    except ValueError as too_hot:
        remedy = str(too_hot)
    warnings.warn(
        f"{given} is too small for the temperature: the estimated truncation error of the heat currents is "
        f"{error:.1e} of the one-way flow, above the tolerance {tolerance:.0e}; {remedy}",
        TruncationWarning,
        stacklevel=5,
    )


def excitation_dimension(oscillators: int, two_levels: int, max_excitations: int) -> int:
    """Number of states with at most `max_excitations` excitations in so many oscillators and two-level nodes.

    Examples
    --------
    >>> excitation_dimension(2, 0, 3)
    10
    """
    excited = range(min(two_levels, max_excitations) + 1)
    return sum(
        math.comb(two_levels, count) * math.comb(max_excitations - count + oscillators, oscillators)
        for count in excited
    )


def check_size(
    dimension: float,
    factors: int,
    factor_bytes: float = LEVEL_BYTES,
    remedy: str = "cut it at fewer levels or excitations",
) -> None:
    """Raise `MemoryError` with the estimate if a space of this dimension cannot be held."""
    checks.fits_in_memory(f"a space of {dimension:.3g} states", factor_bytes * dimension * factors, remedy)
