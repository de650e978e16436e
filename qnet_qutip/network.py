"""The network: nodes, couplings and baths, eqs. (2)-(3), as an immutable value.

Conventions: ħ = k_B = 1. A node's lowering operator a obeys a a† + δ a†a = 1, with δ = -1 for an oscillator and δ = +1
for a two-level system, eq. (3); its bare Hamiltonian is ω a†a. A coupling ε between two nodes is the swap
ε(a†b + a b†). A bath couples to its node through (a + a†) ⊗ R.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from qnet_qutip import checks
from qnet_qutip.spectra import CallableSpectrum, PhononSpectrum, SpectralDensity, checked_density, thermal_rates

NODE_KINDS = ("oscillator", "two-level")

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Oscillator:
    """A harmonic oscillator of frequency `frequency` > 0 (δ = -1)."""

    frequency: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))


@dataclass(frozen=True)
class TwoLevel:
    """A two-level system of transition frequency `frequency` > 0 (δ = +1)."""

    frequency: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))


Node = Oscillator | TwoLevel


@dataclass(frozen=True)
class Bath:
    """A heat bath on one node.

    Parameters
    ----------
    node : str
        Name of the node that the bath is coupled to.
    temperature : float
        T > 0, in units of frequency.
    spectrum : SpectralDensity
        The bath's spectral density, for instance `PhononSpectrum(kappa)`.
    """

    node: str
    temperature: float
    spectrum: SpectralDensity

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", checks.positive("temperature", self.temperature))
        if not callable(getattr(self.spectrum, "density", None)):
            raise TypeError(f"spectrum must have a method density(frequency), but is {self.spectrum!r}")


class FrozenMapping(Mapping[Key, Value]):
    """A mapping that cannot be changed, keeps its order, hashes and pickles."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: Key) -> Value:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return repr(self._entries)


@dataclass(frozen=True)
class Network:
    """Nodes, swap couplings and heat baths, eqs. (2)-(3).

    Parameters
    ----------
    nodes : mapping of str to Oscillator or TwoLevel
        At least one; their order is the order of the tensor product.
    couplings : mapping of (str, str) to float
        ε of the swap between two nodes, finite and real; (A, B) and (B, A) are the same coupling.
    baths : mapping of str to Bath
        Any number, on any nodes.

    Raises
    ------
    ValueError
        If a coupling or a bath names no node, a coupling joins a node with itself or is given twice, or a number is
        not finite.

    Examples
    --------
    >>> net = Network(
    ...     nodes={"A": Oscillator(10), "B": TwoLevel(5)},
    ...     couplings={("A", "B"): 0.1},
    ...     baths={"hot": Bath(node="A", temperature=12, spectrum=PhononSpectrum(kappa=1e-4))},
    ... )
    >>> net.replace(couplings={("A", "B"): 0.2}).couplings["A", "B"]
    0.2
    """

    nodes: Mapping[str, Node]
    couplings: Mapping[tuple[str, str], float]
    baths: Mapping[str, Bath]

    def __post_init__(self) -> None:
        for field in ("nodes", "couplings", "baths"):
            if not isinstance(getattr(self, field), Mapping):
                raise TypeError(f"{field} must be a mapping, but is {getattr(self, field)!r}")
        if not self.nodes:
            raise ValueError("nodes must name at least one node, but is empty")
        for name, node in self.nodes.items():
            if not isinstance(name, str):
                raise TypeError(f"a node's name must be a string, but is {name!r}")
            if not isinstance(node, Oscillator | TwoLevel):
                raise TypeError(f"node {name!r} must be an Oscillator or a TwoLevel, but is {node!r}")
        for name, bath in self.baths.items():
            if not isinstance(name, str):
                raise TypeError(f"a bath's name must be a string, but is {name!r}")
            if not isinstance(bath, Bath):
                raise TypeError(f"bath {name!r} must be a Bath, but is {bath!r}")
            checks.one_of(f"the node of bath {name!r}", bath.node, list(self.nodes))
        object.__setattr__(self, "nodes", FrozenMapping(self.nodes))
        object.__setattr__(self, "couplings", FrozenMapping(self._ordered_couplings()))
        object.__setattr__(self, "baths", FrozenMapping(self.baths))

    def _ordered_couplings(self) -> dict[tuple[str, str], float]:
        order = {name: index for index, name in enumerate(self.nodes)}
        ordered: dict[tuple[str, str], float] = {}
        for pair, strength in self.couplings.items():
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise TypeError(f"a coupling must be named by a pair of nodes, but is named {pair!r}")
            for name in pair:
                checks.one_of(f"a node of coupling {pair!r}", name, list(self.nodes))
            first, second = sorted(pair, key=order.__getitem__)
            if first == second:
                raise ValueError(f"a coupling must join two different nodes, but is {pair!r}")
            if (first, second) in ordered:
                raise ValueError(f"the coupling of {first!r} and {second!r} must be given once, but is given twice")
            ordered[first, second] = checks.finite(f"coupling {pair!r}", strength)
        return ordered

    def replace(
        self,
        nodes: Mapping[str, Node] | None = None,
        couplings: Mapping[tuple[str, str], float] | None = None,
        baths: Mapping[str, Bath] | None = None,
    ) -> Network:
        """Return a copy in which the named nodes, couplings and baths are replaced.

        Parameters
        ----------
        nodes, couplings, baths : mapping, optional
            New values for names that the network has; everything else stays.

        Returns
        -------
        Network

        Raises
        ------
        ValueError
            If a name is not in the network.
        """
        changed = {}
        ordered_couplings = None
        if couplings is not None:
            ordered_couplings = {
                (pair[1], pair[0]) if (pair[1], pair[0]) in self.couplings else pair: strength
                for pair, strength in couplings.items()
            }
        for field, kind, new in (
            ("nodes", "node", nodes),
            ("couplings", "coupling", ordered_couplings),
            ("baths", "bath", baths),
        ):
            present = getattr(self, field)
            for name in new or {}:
                checks.one_of(kind, name, list(present))
            changed[field] = {**present, **(new or {})}
        return Network(**changed)


def bath_density(network: Network, bath: str, frequency: float) -> float:
    """Spectral density of one of a network's baths at a positive frequency.

    Raises
    ------
    TypeError, ValueError
        As for `checked_density`; the message names the bath.
    """
    spectrum = network.baths[bath].spectrum
    # A function's own spectrum makes the same check, but does not know the name of its bath.
    density = spectrum.function if type(spectrum) is CallableSpectrum else spectrum.density
    return float(checked_density(density, frequency, f" of bath {bath!r}"))


def bath_rates(network: Network, bath: str, frequency: float) -> tuple[float, float]:
    """Downward and upward rate of one of a network's baths at a positive frequency, for every master equation.

    Parameters
    ----------
    network : Network
    bath : str
        Name of a bath of the network.
    frequency : float
        Ω > 0.

    Returns
    -------
    down, up : float
        `decay_rate` and `excitation_rate` at the bath's temperature.

    Raises
    ------
    TypeError, ValueError
        If the spectral density is not valid or a rate is not finite; the message names the bath.

    Examples
    --------
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> [round(rate, 9) for rate in bath_rates(net, "hot", 10.0)]
    [0.176865375, 0.076865375]
    """
    temperature = network.baths[bath].temperature
    with np.errstate(all="ignore"):
        down, up = map(float, thermal_rates(np.asarray(bath_density(network, bath, frequency)), frequency, temperature))
    if not (math.isfinite(down) and math.isfinite(up)):
        raise ValueError(
            f"the rates of bath {bath!r} must be finite, but are {down} and {up} at frequency {frequency:g} and "
            f"temperature {temperature:g}"
        )
    return down, up


def baths_reach_every_node(network: Network) -> bool:
    """Whether every node is reached from the baths' nodes, so that a thermal steady state is unique.

    A node that is reached and is coupled to a single node that is not reached yet passes the baths' action on to it:
    the only operators that commute with the Hamiltonian and with a and a† of the reached nodes are then multiples of 1
    (Burgarth and Giovannetti, PRL 99, 100501 (2007)). The condition is sufficient, not necessary.

    Examples
    --------
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> baths_reach_every_node(net)
    True
    """
    reached = {bath.node for bath in network.baths.values()}
    coupled = [pair for pair, strength in network.couplings.items() if strength != 0]
    while True:
        unreached = {
            node: [other for pair in coupled if node in pair for other in pair if other not in reached]
            for node in reached
        }
        passed_on = {others[0] for others in unreached.values() if len(others) == 1}
        if not passed_on:
            return len(reached) == len(network.nodes)
        reached |= passed_on


def two_node(
    kind: str, *, omega_h: float, omega_c: float, epsilon: float, T_h: float, T_c: float, kappa: float
) -> Network:
    """The paper's network: a hot bath on node A, a cold bath on node B, one coupling, figure 1.

    Parameters
    ----------
    kind : {"oscillator", "two-level"}
        What both nodes are.
    omega_h, omega_c : float
        Frequencies of A and B.
    epsilon : float
        ε, the strength of the swap coupling.
    T_h, T_c : float
        Temperatures of the baths "hot" (on A) and "cold" (on B).
    kappa : float
        κ of eq. (15), for both baths.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If `kind` is unknown, or a frequency, a temperature or κ is not positive and finite.

    Examples
    --------
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> net.baths["hot"].temperature
    12.0
    """
    checks.one_of("kind", kind, NODE_KINDS)
    omega_h, omega_c = checks.positive("omega_h", omega_h), checks.positive("omega_c", omega_c)
    T_h, T_c = checks.positive("T_h", T_h), checks.positive("T_c", T_c)
    epsilon = checks.finite("epsilon", epsilon)
    spectrum = PhononSpectrum(checks.positive("kappa", kappa))
    node: type[Oscillator] | type[TwoLevel] = Oscillator if kind == "oscillator" else TwoLevel
    return Network(
        nodes={"A": node(omega_h), "B": node(omega_c)},
        couplings={("A", "B"): epsilon},
        baths={"hot": Bath("A", T_h, spectrum), "cold": Bath("B", T_c, spectrum)},
    )
