"""How far to go: the levels that a heat current needs, and the error that a given cut leaves in it.

A cut at N levels spoils the commutation relation on the top level only: there 1 - [a, a†] is N instead of 0. In the
moment equations (8) this acts as if the bath's drive were weaker by the fraction N p_top, so that the heat current is
off by about that fraction of the *one-way flow*: the current that would run if every other bath were at zero
temperature. This is why a current, a difference of one-way flows, converges long after the populations do, and why the
error is measured against the one-way flow where the current passes through zero.

Where a coupling or a bath makes pairs of excitations the moment equations have ⟨aa⟩ too, and the cut spoils it by
⟨a(1 - [a, a†])a†⟩ = N(N - 1) p of the level below the top: more by N e^(ω/T), in proportion to what the bath exchanges
with its node and not to what flows on, and with populations of odd levels that need not be near those of even ones.
There what two levels less (or more, of very few) change of a current is taken as well, if it is more than estimated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.estimates import Estimate
from qnet_qutip.network import FrozenMapping, Network, Oscillator

Levels = int | Mapping[str, int]

DEFAULT_RTOL = 1e-8
"""Relative truncation error of the heat currents that the default truncation aims at."""

LEVEL_SAFETY, SHELL_SAFETY = 32.0, 8.0
"""Factors on N p_top that make it an upper estimate, for nodes cut one by one, and for total excitations or modes.

The coupling moves excitations between nodes that are cut at different energies: the true error reaches 30 N p_top there
over the parameters of figure 2, and 16 over 400 random pairs by the local equation (frequencies a decade apart, T up to
2ω, κ from 1e-8 to 1, 2 to 21 levels), with a median of 0.8. Cut at total excitations it reaches 1.6 over 300 random
pairs and chains of three by every equation, also anharmonic, dispersive or with a two-level node, with a median of 0.3.
The factors hold only where `equations.assembly.on_stepped_cut` has nothing to measure: elsewhere N p_top has been seen
to be too small by anything up to 1e7."""

CURRENT_OVER_FLOW = 0.1
"""What a heat current is taken to be of the one-way flow before it is known."""

LARGEST_CUT = 100_000
"""Levels beyond which no choice is made: the occupation is then too large for a truncated space."""


LEVEL_BYTES, SHELL_BYTES, TWO_LEVEL_BYTES = 230.0, 520.0, 75.0
"""Memory for each state and factor while a master equation is built: measured at its peak, for levels and modes, for
total excitations (two and three oscillators, up to 5e5 states) and for 14 to 20 two-level nodes."""


class TruncationWarning(UserWarning):
    """A space is cut where it still matters for the heat currents."""


BASES = ("modes", "nodes")
"""What a space is a product of: the nodes, or the normal modes of a network of oscillators."""


@dataclass(frozen=True)
class Truncation:
    """How a space is cut: what was asked for, or what was chosen.

    Attributes
    ----------
    levels : mapping of str to int
        Levels of each factor of the space, in their order; 2 for a two-level node. For a cut at total excitations what
        each factor can hold.
    cut_factors : tuple of str
        The factors that the truncation cuts: those that are oscillators.
    max_excitations : int or None
        Largest total number of excitations, if the space is cut there.
    basis : {"nodes", "modes"}
        What the factors are.
    chosen : bool
        Whether the cut was chosen here, so that it may be enlarged if the result asks for it.
    rtol : float
        Relative truncation error of the heat currents that the cut was chosen for, or is judged by.

    Examples
    --------
    >>> cut = Truncation(FrozenMapping({"A": 10, "B": 20}), ("A", "B"), chosen=True)
    >>> cut
    levels={'A': 10, 'B': 20}
    >>> cut.enlarged(1.5)
    levels={'A': 15, 'B': 30}
    """

    levels: Mapping[str, int]
    cut_factors: tuple[str, ...]
    max_excitations: int | None = None
    basis: str = "nodes"
    chosen: bool = False
    rtol: float = DEFAULT_RTOL

    def enlarged(self, factor: float) -> Truncation:
        """The same with that many times the levels or excitations, rounded up."""
        if self.max_excitations is not None:
            largest = math.ceil(self.max_excitations * factor)
            levels = {name: largest + 1 if name in self.cut_factors else 2 for name in self.levels}
            return replace(self, levels=FrozenMapping(levels), max_excitations=largest)
        levels = {
            name: math.ceil(number * factor) if name in self.cut_factors else number
            for name, number in self.levels.items()
        }
        return replace(self, levels=FrozenMapping(levels))

    def stepped(self) -> Truncation:
        """The same with two levels or excitations fewer, or two more where a factor has too few to lose two.

        Two, since pairs of excitations that come and go together make even and odd numbers of them differ.

        Examples
        --------
        >>> Truncation(FrozenMapping({"A": 10, "B": 20}), ("A", "B")).stepped()
        levels={'A': 8, 'B': 18}
        >>> Truncation(FrozenMapping({"A": 10, "B": 3}), ("A", "B")).stepped()
        levels={'A': 12, 'B': 5}
        """
        fewest = min(self.levels[name] for name in self.cut_factors)
        step = -2 if fewest >= 4 else 2
        levels = {name: number + step if name in self.cut_factors else number for name, number in self.levels.items()}
        largest = None if self.max_excitations is None else self.max_excitations + step
        return replace(self, levels=FrozenMapping(levels), max_excitations=largest)

    @property
    def arguments(self) -> str:
        """The cut as the builders take it: `levels={...}` or `max_excitations=M`."""
        if self.max_excitations is not None:
            return f"max_excitations={self.max_excitations}"
        return f"levels={ {name: self.levels[name] for name in self.cut_factors} }"

    def __repr__(self) -> str:
        return self.arguments + (", basis='modes'" if self.basis == "modes" else "")


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


def warn_if_too_small(estimate: Estimate, truncation: Truncation) -> None:
    """Warn if a cut that was asked for leaves more than its tolerance, and name the cut that would do."""
    safety = LEVEL_SAFETY if truncation.basis == "nodes" else SHELL_SAFETY
    cut, tolerance = truncation.max_excitations or truncation.levels, truncation.rtol
    error = estimated_error(estimate, cut, safety)
    if error <= tolerance:
        return
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
        f"{truncation.arguments} is too small for the temperature: the estimated truncation error of the heat currents "
        f"is {error:.1e} of the one-way flow, above the tolerance {tolerance:.0e}; {remedy}",
        TruncationWarning,
        stacklevel=5,
    )


def node_levels(network: Network, levels: Levels) -> dict[str, int]:
    """Levels of every node, from one number for all oscillators or from a number for each.

    Raises
    ------
    ValueError
        If a number is below 2, a name is unknown or that of a two-level node, or an oscillator is left out.
    TypeError
        If a number is not whole.
    """
    oscillators = oscillator_names(network)
    if isinstance(levels, Mapping):
        for name in levels:
            checks.one_of("a node in levels", name, list(network.nodes))
            if name not in oscillators:
                raise ValueError(f"levels must name oscillators only, but {name!r} is a two-level node and has 2")
        for name in oscillators:
            if name not in levels:
                raise ValueError(f"levels must name every oscillator, but {name!r} is missing from {dict(levels)}")
        numbers = {name: checks.whole(f"levels[{name!r}]", number, 2) for name, number in levels.items()}
    else:
        if not oscillators:
            raise ValueError(f"levels must not be given, as every node has two levels, but is {levels!r}")
        numbers = dict.fromkeys(oscillators, checks.whole("levels", levels, 2))
    return {name: numbers.get(name, 2) for name in network.nodes}


def oscillator_names(network: Network) -> tuple[str, ...]:
    """The nodes that truncation cuts."""
    return tuple(name for name, node in network.nodes.items() if isinstance(node, Oscillator))


def node_truncation(
    network: Network,
    estimate: Estimate | None,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> Truncation:
    """The cut of the nodes that a builder's arguments ask for, or one that is chosen.

    Parameters
    ----------
    network : Network
    estimate : Estimate or None
        Occupations to choose for; needed only if neither of the next two is given and there are oscillators.
    levels, max_excitations
        As given to the builder; at most one of them. With neither, the cut is chosen.
    rtol : float
        Relative truncation error of the currents to choose for.

    Returns
    -------
    Truncation

    Raises
    ------
    ValueError, TypeError
        If both cuts are given, or one is not a valid number.
    MemoryError
        If the space would not fit in memory.
    """
    if levels is not None and max_excitations is not None:
        raise ValueError(
            f"levels and max_excitations must not both be given, but are {levels!r} and {max_excitations!r}"
        )
    oscillators, chosen = oscillator_names(network), False
    if not oscillators:
        if levels is not None:
            node_levels(network, levels)
        if max_excitations is not None:
            raise ValueError(
                f"max_excitations must not be given, as every node has two levels, but is {max_excitations!r}"
            )
    elif levels is None and max_excitations is None:
        assert estimate is not None
        cut, chosen = choose_cut(network, estimate, rtol), True
        levels, max_excitations = (None, cut) if isinstance(cut, int) else (cut, None)
    if max_excitations is not None:
        max_excitations = checks.whole("max_excitations", max_excitations, 1)
        numbers = {name: max_excitations + 1 if name in oscillators else 2 for name in network.nodes}
    else:
        numbers = dict.fromkeys(network.nodes, 2) if levels is None else node_levels(network, levels)
    truncation = Truncation(FrozenMapping(numbers), oscillators, max_excitations, chosen=chosen, rtol=rtol)
    check_size(truncation)
    return truncation


def mode_truncation(estimate: Estimate, levels: Levels | None = None, rtol: float = DEFAULT_RTOL) -> Truncation:
    """The levels of a network's normal modes that are asked for, or that the occupations to expect of them need."""
    modes = tuple(estimate.occupations)
    if levels is None:
        share = CURRENT_OVER_FLOW * rtol / len(modes)
        numbers = {
            mode: sufficient_levels(number, share, SHELL_SAFETY) for mode, number in estimate.occupations.items()
        }
    else:
        numbers = _mode_levels(levels, modes)
    truncation = Truncation(FrozenMapping(numbers), modes, basis="modes", chosen=levels is None, rtol=rtol)
    check_size(truncation)
    return truncation


def _mode_levels(levels: Levels, modes: Sequence[str]) -> dict[str, int]:
    if not isinstance(levels, Mapping):
        levels = dict.fromkeys(modes, levels)
    for name in levels:
        checks.one_of("a mode in levels", name, modes)
    for mode in modes:
        if mode not in levels:
            both = "both modes" if len(modes) == 2 else "all modes"
            listed = " and ".join(map(repr, modes)) if len(modes) == 2 else ", ".join(map(repr, modes))
            raise ValueError(f"levels must name {both} {listed}, but is {dict(levels)}")
    return {mode: checks.whole(f"levels[{mode!r}]", levels[mode], 2) for mode in modes}


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


def check_size(truncation: Truncation) -> None:
    """Raise `MemoryError` with the estimate if the space of a cut cannot be held."""
    factors, cut = len(truncation.levels), len(truncation.cut_factors)
    if truncation.max_excitations is not None:
        # No float is larger than 1e308.
        states = min(excitation_dimension(cut, factors - cut, truncation.max_excitations), 10**308)
        dimension, factor_bytes = float(states), SHELL_BYTES
    else:
        dimension = math.prod(map(float, truncation.levels.values()))
        factor_bytes = LEVEL_BYTES if cut else TWO_LEVEL_BYTES
    checks.fits_in_memory(
        f"a space of {dimension:.3g} states",
        factor_bytes * dimension * factors,
        "cut it at fewer levels or excitations" if cut else "take fewer nodes",
    )
