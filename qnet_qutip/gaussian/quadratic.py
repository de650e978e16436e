"""Networks whose steady state is Gaussian, as plain arrays; any number of networks of one graph at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from qnet_qutip.gaussian.failures import Failures
from qnet_qutip.gaussian.twofold import Array, Twofold
from qnet_qutip.network import (
    Dispersive,
    Network,
    Oscillator,
    Quadrature,
    Swap,
    TwoLevel,
    coupling_terms,
    require_network,
    require_reached,
)
from qnet_qutip.spectra import CallableSpectrum, SpectralDensity, UnknownDensityError, checked_density
from qnet_qutip.wording import listed

Key = TypeVar("Key")
Value = TypeVar("Value")


class NotGaussianError(ValueError):
    """Why a network's steady state is not known to be Gaussian, and what can be done instead."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """H = ½ xᵀ H_x x + ½ pᵀ H_p p and its baths, of `count` networks with one graph.

    Attributes
    ----------
    networks : tuple of Network
    positions, momenta : ndarray, shape (count, nodes, nodes)
        H_x and H_p: frequencies on the diagonal, and off it swaps in both and twice the quadrature couplings in H_x.
    bath_nodes : ndarray of int, shape (baths,)
    temperatures : ndarray, shape (count, baths)
    fermions : bool
        Whether the nodes are two-level ones, in a chain, and the operators those of Jordan-Wigner fermions.
    """

    networks: tuple[Network, ...]
    positions: Array
    momenta: Array
    bath_nodes: np.ndarray
    temperatures: Array
    fermions: bool

    @property
    def swaps_only(self) -> bool:
        """Whether H conserves the number of excitations."""
        return self.positions is self.momenta

    @property
    def baths(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.networks[0].baths)

    @property
    def full(self) -> tuple[bool, ...]:
        """Of each bath, whether it couples through a + a†."""
        return tuple(bath.coupling == "full" for bath in self.networks[0].baths.values())

    @cached_property
    def spectra(self) -> tuple[list[tuple[SpectralDensity, list[int]]], ...]:
        """Of each bath the spectra that occur, and the numbers of the networks that have them."""
        return tuple(
            _alike([network.baths[name].spectrum for network in self.networks]) for name in self.networks[0].baths
        )

    def densities(self, frequencies: Array) -> Array:
        """Spectral density of every bath.

        Parameters
        ----------
        frequencies : ndarray, shape (count, baths, n)
            Positive.

        Returns
        -------
        ndarray, shape (count, baths, n)

        Raises
        ------
        TypeError
            As for `checked_density`; the message names the bath.
        Failures
            With what `checked_density` says of each network where the density is not valid.
        """
        found = np.empty_like(frequencies)
        failures: dict[int, Exception] = {}
        for index, (name, spectra) in enumerate(zip(self.baths, self.spectra, strict=True)):
            for spectrum, numbers in spectra:
                chosen = slice(None) if len(numbers) == len(self.networks) else numbers
                try:
                    found[chosen, index] = _density(spectrum, frequencies[chosen, index], name)
                except ValueError:
                    for number in numbers:
                        try:
                            found[number, index] = _density(spectrum, frequencies[number, index], name)
                        except ValueError as error:
                            failures[number] = error
        if failures:
            raise Failures(failures)
        return found

    def occupations(self, frequencies: Array) -> Twofold:
        """Bose factor n = 1/(e^(ω/T) - 1) of every bath, of the shape of the frequencies, (count, baths, n).

        In extended precision where the machine has it: between baths of nearly one temperature, differences of Bose
        factors are what a current is.
        """
        temperatures = np.broadcast_to(self.temperatures[..., None], frequencies.shape).astype(np.longdouble)
        with np.errstate(divide="ignore", over="ignore"):
            extended = np.where(temperatures > 0, 1 / np.expm1(frequencies / temperatures), 0.0)
        high = extended.astype(float)
        return Twofold(high, (extended - high).astype(float))


def _alike(spectra: list[SpectralDensity]) -> list[tuple[SpectralDensity, list[int]]]:
    """Equal spectra with their numbers in the list."""
    members: dict[object, tuple[SpectralDensity, list[int]]] = {}
    for number, spectrum in enumerate(spectra):
        key: object = spectrum
        try:
            found = members.get(key)
        except TypeError:
            # It has no hash.
            key = id(spectrum)
            found = members.get(key)
        if found is None:
            members[key] = (spectrum, [number])
        else:
            found[1].append(number)
    return list(members.values())


def _density(spectrum: SpectralDensity, frequencies: Array, bath: str) -> Array:
    # A function's own spectrum makes the same check, but does not know the name of its bath.
    function = spectrum.function if isinstance(spectrum, CallableSpectrum) else spectrum.density
    try:
        return checked_density(function, frequencies, f" of bath {bath!r}")
    except UnknownDensityError as error:
        raise ValueError(f"the spectral density of bath {bath!r} is not known: {error}") from None


def quadratic(networks: Sequence[Network], numbers: Numbers, graph: Graph, equation: str) -> Quadratic:
    """Arrays of networks that have one graph.

    Raises
    ------
    NotGaussianError
        If one is not quadratic.
    Failures
        Of networks with a part that no bath reaches.
    """
    nodes, baths = list(graph.nodes), graph.baths.values()
    order = {name: index for index, name in enumerate(nodes)}
    fermions = _require_gaussian(networks, numbers.strengths, equation)
    size = len(order)
    positions = np.zeros((len(networks), size, size))
    positions[:, np.arange(size), np.arange(size)] = numbers.frequencies
    counter_rotating = any(Quadrature in kinds for kinds in graph.couplings.values())
    momenta = positions.copy() if counter_rotating else positions
    columns = iter(numbers.strengths.T)
    for pair, kinds in graph.couplings.items():
        i, j = (order[name] for name in pair)
        for kind in kinds:
            strength = next(columns)
            for a, b in ((i, j), (j, i)):
                positions[:, a, b] += 2 * strength if kind is Quadrature else strength
                if counter_rotating and kind is not Quadrature:
                    momenta[:, a, b] += strength
    return Quadratic(
        tuple(networks),
        positions,
        momenta,
        np.array([order[node] for node, _ in baths]),
        numbers.temperatures,
        fermions,
    )


@dataclass(frozen=True, eq=False)
class Numbers:
    """What networks of one graph differ by: frequencies, strengths and temperatures, (count, ...) each."""

    frequencies: Array
    strengths: Array
    temperatures: Array

    def __getitem__(self, chosen: Sequence[int]) -> Numbers:
        return Numbers(self.frequencies[chosen], self.strengths[chosen], self.temperatures[chosen])


@dataclass(frozen=True)
class Graph:
    """What networks must share to be solved at once."""

    nodes: Mapping[str, type]
    couplings: Mapping[tuple[str, str], tuple[type, ...]]
    baths: Mapping[str, tuple[str, str]]

    @staticmethod
    def of(network: Network) -> Graph:
        """The graph of a network.

        Raises
        ------
        TypeError, ValueError
            If it is no network, or has no bath.
        """
        require_network(network)
        if not network.baths:
            raise ValueError("network must have at least one bath for a steady state, but has none")
        kinds: dict[tuple[str, str], tuple[type, ...]] = dict.fromkeys(network.couplings, ())
        for first, second, term in coupling_terms(network):
            kinds[first, second] += (type(term),)
        return Graph(
            {name: type(node) for name, node in network.nodes.items()},
            kinds,
            {name: (bath.node, bath.coupling) for name, bath in network.baths.items()},
        )

    def numbers(self, networks: Sequence[Network], equation: str) -> Numbers:
        """What the networks differ by, in the order of this graph; the equation that it is for is named in errors.

        Raises
        ------
        TypeError, ValueError
            If one is no network, has another graph, or an anharmonic node (`NotGaussianError`).
        """
        # Plain lists to compare with and flat ones to add to, for millions of networks.
        names, kinds = list(self.nodes), list(self.nodes.values())
        pairs, places = list(self.couplings), list(self.baths)
        terms, forms = list(self.couplings.values()), list(self.baths.values())
        plain = [float] * len(terms) if all(kind == (Swap,) for kind in terms) else None
        frequencies: list[float] = []
        strengths: list[float] = []
        temperatures: list[float] = []
        for network in networks:
            require_network(network)
            nodes = _in_order(network.nodes, names)
            couplings = _in_order(network.couplings, pairs)
            baths = _in_order(network.baths, places)
            if [*map(type, nodes)] != kinds or [(bath.node, bath.coupling) for bath in baths] != forms:
                raise self._other(network)
            if any(getattr(node, "anharmonicity", 0.0) for node in nodes):
                _require_harmonic(network, equation)
            if [*map(type, couplings)] != plain:
                given = [coupling if isinstance(coupling, tuple) else (coupling,) for coupling in couplings]
                if [tuple(Swap if isinstance(term, float) else type(term) for term in each) for each in given] != terms:
                    raise self._other(network)
                couplings = [term if isinstance(term, float) else term.strength for each in given for term in each]
            frequencies += [node.frequency for node in nodes]
            strengths += cast("list[float]", couplings)
            temperatures += [bath.temperature for bath in baths]
        return Numbers(
            *(np.array(flat, dtype=float).reshape(len(networks), -1) for flat in (frequencies, strengths, temperatures))
        )

    def _other(self, network: Network) -> ValueError:
        return ValueError(
            "networks must have the same harmonic nodes, couplings and baths, up to the numbers, but "
            f"{Graph.of(network)} is not {self}"
        )


def _in_order(given: Mapping[Key, Value], names: list[Key]) -> list[Value]:
    """Values in the order of the names; none if the names are others."""
    if [*given.keys()] == names:
        return [*given.values()]
    return [given[name] for name in names] if set(given) == set(names) else []


def _require_gaussian(networks: Sequence[Network], strengths: Array, equation: str) -> bool:
    """Raise if a network's steady state is not known to be Gaussian; return whether its excitations are fermions.

    What there is to be asked depends on which strengths are zero.
    """
    failures: dict[int, Exception] = {}
    patterns, which = np.unique(strengths != 0, axis=0, return_inverse=True)
    fermions = False
    for number in range(len(patterns)):
        members = np.flatnonzero(which.ravel() == number).tolist()
        network = networks[members[0]]
        fermions = _require_one_gaussian(network, equation)
        try:
            require_reached(network)
        except ValueError as error:
            failures |= dict.fromkeys(members, error)
    if failures:
        raise Failures(failures)
    return fermions


def is_gaussian(network: Network, equation: str) -> bool:
    """Whether a network's steady state by a master equation is known to be Gaussian.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> is_gaussian(net, "global"), is_gaussian(net, "redfield")
    (True, False)
    """
    try:
        Graph.of(network).numbers([network], equation)
        _require_one_gaussian(network, equation)
    except NotGaussianError:
        return False
    return True


def _require_one_gaussian(network: Network, equation: str) -> bool:
    for first, second, term in coupling_terms(network):
        if isinstance(term, Dispersive) and term.strength:
            raise NotGaussianError(
                "network must be quadratic to have one-body matrices, but the coupling of "
                f"{first!r} and {second!r} is of fourth order, {term!r}; {_instead(equation)}"
            )
    two_level = [name for name, node in network.nodes.items() if isinstance(node, TwoLevel)]
    if not two_level:
        return False
    if len(two_level) < len(network.nodes):
        others = [name for name in network.nodes if name not in two_level]
        raise NotGaussianError(
            "nodes must be all oscillators, or all two-level in a chain, for one-body matrices, but "
            f"{listed(two_level)} are two-level and {listed(others)} are not; {_instead(equation)}"
        )
    _require_fermions(network, equation)
    return True


def _instead(equation: str) -> str:
    return f"solve its density matrix: steady_state({equation}_master_equation(network))"


def _require_harmonic(network: Network, equation: str) -> None:
    for name, node in network.nodes.items():
        if isinstance(node, Oscillator) and node.anharmonicity:
            raise NotGaussianError(
                f"network must be quadratic to have one-body matrices, but node {name!r} is anharmonic, {node!r}; "
                f"{_instead(equation)}"
            )


def _require_fermions(network: Network, equation: str) -> None:
    """Two-level nodes are free fermions in a chain in the order of the nodes, with swaps, and baths at its ends."""
    nodes = list(network.nodes)
    for first, second, term in coupling_terms(network):
        if not isinstance(term, Swap) and term.strength:
            raise NotGaussianError(
                f"couplings of two-level nodes must be swaps for one-body matrices, but that of {first!r} and "
                f"{second!r} is {term!r}; {_instead(equation)}"
            )
        if abs(nodes.index(first) - nodes.index(second)) != 1 and term.strength:
            raise NotGaussianError(
                "two-level nodes must be coupled in a chain, in the order of the nodes, to be free fermions, but "
                f"{first!r} and {second!r} are not neighbours in {listed(nodes)}; {_instead(equation)}"
            )
    for name, bath in network.baths.items():
        if bath.node not in (nodes[0], nodes[-1]):
            raise NotGaussianError(
                f"baths of a chain of two-level nodes must be on its ends, {nodes[0]!r} and {nodes[-1]!r}, for "
                f"one-body matrices, but bath {name!r} is on {bath.node!r}, where the string of the Jordan-Wigner "
                f"transformation does not cancel; {_instead(equation)}"
            )
    # Last: where the network is in the way, one of these two is no remedy.
    if equation not in ("local", "global"):
        raise NotGaussianError(
            "equation must be 'local' or 'global' for two-level nodes, whose other equations are not those of free "
            f"fermions, but is {equation!r}; take one of these, or {_instead(equation)}"
        )
