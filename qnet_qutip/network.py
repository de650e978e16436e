"""The network: nodes, couplings and baths, eqs. (2)-(3), as an immutable value.

Conventions: ħ = k_B = 1. A node's lowering operator a obeys a a† + δ a†a = 1, with δ = -1 for an oscillator and δ = +1
for a two-level system, eq. (3); its bare Hamiltonian is ω a†a, and an anharmonic oscillator has (α/2) a†a†aa beside it.
A coupling between two nodes that is given as a number ε is the swap ε(a†b + a b†). A bath couples to its node through
a R† + a†R, the rotating-wave form, or through (a + a†) R.
"""

from __future__ import annotations

import string
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from qutip import BosonicEnvironment

from qnet_qutip import checks
from qnet_qutip.environments import EnvironmentSpectrum
from qnet_qutip.rates import Rate
from qnet_qutip.spectra import PhononSpectrum, SpectralDensity, density_at

NODE_KINDS = ("oscillator", "two-level")
BATH_COUPLINGS = ("rotating-wave", "full")

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Oscillator:
    """An oscillator, ω a†a + (α/2) a†a†aa (δ = -1).

    Parameters
    ----------
    frequency : float
        ω > 0, the transition frequency between the lowest two levels.
    anharmonicity : float, optional
        α ≥ 0 of the Kerr term, by which each transition frequency exceeds the one below it.

    Raises
    ------
    ValueError
        If the frequency is not positive, or the anharmonicity negative: level n has the energy ωn + αn(n - 1)/2, which
        would then fall without bound.

    Examples
    --------
    >>> Oscillator(5, anharmonicity=0.2)
    Oscillator(5.0, anharmonicity=0.2)
    """

    frequency: float
    anharmonicity: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))
        anharmonicity = checks.finite("anharmonicity", self.anharmonicity)
        if anharmonicity < 0:
            raise ValueError(
                f"anharmonicity must not be negative, but is {anharmonicity:g}: the energy ωn + αn(n - 1)/2 of level n "
                "would have no lower bound; give the few levels that are meant (a transmon's lowest two: a TwoLevel; "
                "its lowest three: a Hamiltonian of one's own)"
            )
        object.__setattr__(self, "anharmonicity", anharmonicity)

    def __repr__(self) -> str:
        anharmonic = f", anharmonicity={self.anharmonicity}" if self.anharmonicity else ""
        return f"Oscillator({self.frequency}{anharmonic})"


@dataclass(frozen=True)
class TwoLevel:
    """A two-level system of transition frequency `frequency` > 0 (δ = +1)."""

    frequency: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))

    def __repr__(self) -> str:
        return f"TwoLevel({self.frequency})"


Node = Oscillator | TwoLevel


@dataclass(frozen=True)
class Swap:
    """The exchange of excitations ε(a†b + a b†), eq. (2), of strength ε = `strength`, finite and real.

    A coupling that is given as a number is this one.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


@dataclass(frozen=True)
class Quadrature:
    """The coupling g(a + a†)(b + b†) of two positions, counter-rotating terms kept, of strength g = `strength`.

    For two-level nodes it is gσ_xσ_x. Within the rotating-wave approximation it is the swap of the same strength.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


@dataclass(frozen=True)
class Dispersive:
    """The shift χ a†a b†b of one node's frequency for each excitation of the other, of strength χ = `strength`.

    For two-level nodes it is (χ/4)σ_zσ_z, both frequencies raised by χ/2. It passes no excitation on.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


Term = Swap | Quadrature | Dispersive
Coupling = float | Term | tuple[float | Term, ...]


@dataclass(frozen=True)
class Bath:
    """A heat bath on one node.

    Parameters
    ----------
    node : str
        Name of the node that the bath is coupled to.
    temperature : float
        T ≥ 0, in units of frequency. May be left out beside a QuTiP environment that has one.
    spectrum : SpectralDensity or qutip.BosonicEnvironment
        The bath's spectral density, for instance `PhononSpectrum(kappa)`. A QuTiP environment becomes an
        `EnvironmentSpectrum` and brings its temperature along.
    coupling : {"rotating-wave", "full"}, optional
        How the node's lowering operator a is coupled to the bath's R: through a R† + a†R, or through (a + a†) R.

    Raises
    ------
    TypeError
        If the spectrum has no density, or no temperature is given.
    ValueError
        If the temperature is negative or not finite, or is not that of the environment, or the coupling is unknown.

    Examples
    --------
    >>> import qutip
    >>> Bath("A", spectrum=qutip.DrudeLorentzEnvironment(T=12.0, lam=0.01, gamma=5.0)).temperature
    12.0
    """

    node: str
    temperature: float
    spectrum: SpectralDensity
    coupling: str = "rotating-wave"

    def __init__(
        self,
        node: str,
        temperature: float | None = None,
        spectrum: SpectralDensity | BosonicEnvironment | None = None,
        coupling: str = "rotating-wave",
    ) -> None:
        temperature, spectrum = temperature_and_spectrum(temperature, spectrum)
        checks.one_of("coupling", coupling, BATH_COUPLINGS)
        object.__setattr__(self, "node", node)
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "spectrum", spectrum)
        object.__setattr__(self, "coupling", coupling)

    def __repr__(self) -> str:
        coupling = "" if self.coupling == BATH_COUPLINGS[0] else f", coupling={self.coupling!r}"
        return f"Bath({self.node!r}, {self.temperature}, {self.spectrum!r}{coupling})"


def temperature_and_spectrum(
    temperature: float | None, spectrum: SpectralDensity | BosonicEnvironment | None
) -> tuple[float, SpectralDensity]:
    """What a bath is given as these two, checked; a QuTiP environment may bring its temperature along.

    Raises
    ------
    TypeError, ValueError
        As for `Bath`.
    """
    if isinstance(spectrum, BosonicEnvironment):
        spectrum = EnvironmentSpectrum(spectrum)
    density = getattr(spectrum, "density", None)
    if spectrum is None or not callable(density):
        raise TypeError(f"spectrum must have a method density(frequency), but is {spectrum!r}")
    bound = spectrum.environment.T if isinstance(spectrum, EnvironmentSpectrum) else None
    if temperature is None:
        temperature = bound
    if temperature is None:
        raise TypeError(f"temperature must be given, because {spectrum!r} has none")
    temperature = checks.not_negative("temperature", temperature)
    if bound is not None and temperature != bound:
        raise ValueError(
            f"temperature must be that of the environment, {bound:g}, or be left out, but is {temperature:g}"
        )
    return temperature, spectrum


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
    """Nodes, couplings and heat baths, eqs. (2)-(3).

    Parameters
    ----------
    nodes : mapping of str to Oscillator or TwoLevel
        At least one; their order is the order of the tensor product.
    couplings : mapping of (str, str) to float, Swap, Quadrature, Dispersive or a tuple of them
        What couples two nodes: a number ε is the swap ε(a†b + a b†), and a tuple holds couplings that add up, of
        different kinds. (A, B) and (B, A) are the same coupling.
    baths : mapping of str to Bath
        Any number, on any nodes, also several on one.

    Raises
    ------
    ValueError
        If a coupling or a bath names no node, a coupling joins a node with itself or is given twice, or a number is
        not finite.
    TypeError
        If what is given is not of the kinds above.

    Examples
    --------
    >>> net = Network(
    ...     nodes={"A": Oscillator(10), "B": TwoLevel(5)},
    ...     couplings={("A", "B"): 0.1},
    ...     baths={"hot": Bath(node="A", temperature=12, spectrum=PhononSpectrum(kappa=1e-4))},
    ... )
    >>> net.replace(couplings={("A", "B"): 0.2}).couplings["A", "B"]
    0.2
    >>> net.replace(couplings={("A", "B"): (0.2, Dispersive(-0.05))}).couplings["A", "B"]
    (0.2, Dispersive(strength=-0.05))
    """

    nodes: Mapping[str, Node]
    couplings: Mapping[tuple[str, str], Coupling]
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

    def _ordered_couplings(self) -> dict[tuple[str, str], Coupling]:
        order = {name: index for index, name in enumerate(self.nodes)}
        ordered: dict[tuple[str, str], Coupling] = {}
        for pair, coupling in self.couplings.items():
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise TypeError(f"a coupling must be named by a pair of nodes, but is named {pair!r}")
            for name in pair:
                checks.one_of(f"a node of coupling {pair!r}", name, list(self.nodes))
            first, second = sorted(pair, key=order.__getitem__)
            if first == second:
                raise ValueError(f"a coupling must join two different nodes, but is {pair!r}")
            if (first, second) in ordered:
                raise ValueError(f"the coupling of {first!r} and {second!r} must be given once, but is given twice")
            ordered[first, second] = _checked_coupling(f"coupling {pair!r}", coupling)
        return ordered

    def replace(
        self,
        nodes: Mapping[str, Node] | None = None,
        couplings: Mapping[tuple[str, str], Coupling] | None = None,
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
                (pair[1], pair[0]) if (pair[1], pair[0]) in self.couplings else pair: coupling
                for pair, coupling in couplings.items()
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


def require_network(network: object) -> None:
    """Raise `TypeError` if what is given as a network is none."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, but is {network!r}")


def _checked_coupling(name: str, coupling: object) -> Coupling:
    """What is given as the coupling of a pair, or an error that says why it is none."""
    if not isinstance(coupling, tuple):
        return _checked_term(name, coupling)
    terms = tuple(_checked_term(name, term) for term in coupling)
    kinds = [type(_as_term(term)).__name__ for term in terms]
    if not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"{name} must hold at least one coupling and one of a kind at most, but is {coupling!r}")
    return terms


def _checked_term(name: str, term: object) -> float | Term:
    if isinstance(term, Swap | Quadrature | Dispersive):
        return term
    try:
        return checks.finite(name, term)
    except TypeError:
        raise TypeError(
            f"{name} must be a real number, a Swap, Quadrature or Dispersive, or a tuple of them, but is {term!r}"
        ) from None


def _as_term(term: float | Term) -> Term:
    return term if isinstance(term, Swap | Quadrature | Dispersive) else Swap(term)


def coupling_terms(network: Network) -> Iterator[tuple[str, str, Term]]:
    """Every coupling by itself, with the names of its two nodes: a number as the swap that it stands for.

    Examples
    --------
    >>> net = chain([TwoLevel(5)] * 2, (0.1, Dispersive(0.02)))
    >>> list(coupling_terms(net))
    [('A', 'B', Swap(strength=0.1)), ('A', 'B', Dispersive(strength=0.02))]
    """
    for (first, second), coupling in network.couplings.items():
        for term in coupling if isinstance(coupling, tuple) else (coupling,):
            yield first, second, _as_term(term)


def bath_density(network: Network, bath: str, frequency: float) -> float:
    """Spectral density of one of a network's baths at a positive frequency.

    Raises
    ------
    TypeError, ValueError
        As for `checked_density`; the message names the bath.
    """
    return density_at(network.baths[bath].spectrum, frequency, f" of bath {bath!r}")


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
    member = network.baths[bath]
    rate = Rate(member.spectrum, member.temperature, of=f" of bath {bath!r}")
    return rate.rate(frequency), rate.rate(-frequency)


def require_reached(network: Network) -> None:
    """Raise if the network has a part that no bath reaches, which would keep the energy that it starts with.

    A part is what swaps and quadrature couplings of nonzero strength hold together. A dispersive coupling leaves the
    excitations of both nodes as they are and joins no parts.

    Raises
    ------
    ValueError
        With the names of the nodes that no bath reaches.

    Examples
    --------
    >>> net = chain([TwoLevel(5)] * 3, [0.1, 0.0], hot=Bath("A", 12, PhononSpectrum(1e-4)))
    >>> require_reached(net)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: every part of network must be reached by a bath, but ['C'] are not: ...
    """
    links = [(a, b) for a, b, term in coupling_terms(network) if term.strength and not isinstance(term, Dispersive)]
    reached: set[str] = set()
    following = {bath.node for bath in network.baths.values()}
    while following:
        reached |= following
        following = {node for link in links if reached & set(link) for node in link} - reached
    missing = [name for name in network.nodes if name not in reached]
    if missing:
        raise ValueError(
            f"every part of network must be reached by a bath, but {missing} are not: give them a bath, or couple them "
            "to nodes that have one"
        )


def baths_reach_every_node(network: Network) -> bool:
    """Whether every node is reached from the baths' nodes, so that a thermal steady state is unique.

    The steady state is unique if multiples of 1 are all that commutes with H and with the baths' jump operators, a and
    a† of their nodes, and these act at nonzero rates. What commutes with H and with a and a† of a reached node A
    commutes with [H, a] and [H, a†] too, and so with the operators of B if B is the only node not reached yet that A is
    coupled to (Burgarth and Giovannetti, PRL 99, 100501 (2007)):

    - A swap s and a quadrature coupling q give (s + q)b + qb† and its conjugate, up to the factor 2a†a - 1 if A is a
      two-level node, which squares to 1. They are independent, and so hold b and b†, if s ≠ 0 and s ≠ -2q.
    - A quadrature coupling alone gives b + b†. If B has no couplings of another kind and no anharmonicity, then
      [H, b + b†] = ω(b† - b), and B is reached.

    Nothing is claimed for what is reached by dispersive couplings only. The condition is sufficient, not necessary.

    Parameters
    ----------
    network : Network

    Returns
    -------
    bool
        False also if a bath lacks a jump in one direction at its node's frequency, as at zero temperature.

    Raises
    ------
    TypeError, ValueError
        As for `bath_rates`.

    Examples
    --------
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> baths_reach_every_node(net)
    True
    """
    for name, bath in network.baths.items():
        if min(bath_rates(network, name, network.nodes[bath.node].frequency)) == 0:
            return False
    coupled: dict[str, dict[str, list[Term]]] = {name: {} for name in network.nodes}
    for first, second, term in coupling_terms(network):
        if term.strength != 0:
            coupled[first].setdefault(second, []).append(term)
            coupled[second].setdefault(first, []).append(term)
    reached = {bath.node for bath in network.baths.values()}
    while True:
        passed_on = set()
        for node in reached:
            unreached = [other for other in coupled[node] if other not in reached]
            if len(unreached) == 1 and _passes_on(network, coupled, node, unreached[0]):
                passed_on.add(unreached[0])
        if not passed_on:
            return len(reached) == len(network.nodes)
        reached |= passed_on


def _passes_on(network: Network, coupled: Mapping[str, Mapping[str, list[Term]]], reached: str, unreached: str) -> bool:
    """Whether the coupling of two nodes passes the baths' action on, as `baths_reach_every_node` has it."""
    terms = coupled[reached][unreached]
    strength = {type(term): term.strength for term in terms}
    if Dispersive in strength:
        return False
    if Swap in strength:
        return strength[Swap] + 2 * strength.get(Quadrature, 0.0) != 0
    others = (term for terms in coupled[unreached].values() for term in terms)
    anharmonicity = getattr(network.nodes[unreached], "anharmonicity", 0.0)
    return anharmonicity == 0 and all(isinstance(term, Quadrature) for term in others)


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


Nodes = Mapping[str, Node] | Sequence[Node]
Links = Coupling | list[Coupling] | list[float] | NDArray[np.float64]


def chain(nodes: Nodes, coupling: Links, **baths: Bath) -> Network:
    """Nodes in a row, each coupled to the next.

    Parameters
    ----------
    nodes : list of Oscillator or TwoLevel, or mapping of str to them
        The nodes of a list are named "A", "B", ..., "Z", "AA", "AB", ....
    coupling : float, Swap, Quadrature, Dispersive or a tuple of them, or a list of such
        The coupling of every pair of neighbours, or a list (or an array of numbers) with one for each pair in turn.
    **baths : Bath
        By name; each says which node it is on.

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 1 (chain), 2 (star) or 3 (ring) nodes, or not as many couplings as pairs, or as for
        `Network`.

    Examples
    --------
    >>> phonons = PhononSpectrum(1e-4)
    >>> net = chain([TwoLevel(5)] * 4, 0.1, hot=Bath("A", 12, phonons), cold=Bath("D", 10, phonons))
    >>> dict(net.couplings)
    {('A', 'B'): 0.1, ('B', 'C'): 0.1, ('C', 'D'): 0.1}
    >>> list(chain({"emitter": TwoLevel(5), "cavity": Oscillator(5)}, Quadrature(0.1)).couplings)
    [('emitter', 'cavity')]
    """
    named = _named(nodes, 1)
    return _linked(named, list(pairwise(named)), coupling, baths)


def ring(nodes: Nodes, coupling: Links, **baths: Bath) -> Network:
    """At least three nodes in a ring, each coupled to the next and the last to the first.

    Parameters, result and errors are those of `chain`; a list of couplings ends with that of the last and first node.

    Examples
    --------
    >>> net = ring([Oscillator(5)] * 3, 0.1, warm=Bath("A", 12, PhononSpectrum(1e-4)))
    >>> list(net.couplings)
    [('A', 'B'), ('B', 'C'), ('A', 'C')]
    """
    named = _named(nodes, 3)
    names = list(named)
    return _linked(named, [*pairwise(names), (names[-1], names[0])], coupling, baths)


def star(nodes: Nodes, coupling: Links, **baths: Bath) -> Network:
    """A star: the first node, its centre, coupled to each of the others.

    Parameters, result and errors are those of `chain`; at least two nodes.

    Examples
    --------
    >>> phonons = PhononSpectrum(1e-4)
    >>> baths = {name: Bath(name, temperature, phonons) for name, temperature in {"B": 12, "C": 11, "D": 10}.items()}
    >>> net = star([Oscillator(5)] + [TwoLevel(5)] * 3, 0.1, **baths)
    >>> list(net.couplings)
    [('A', 'B'), ('A', 'C'), ('A', 'D')]
    """
    named = _named(nodes, 2)
    centre, *others = named
    return _linked(named, [(centre, other) for other in others], coupling, baths)


def _named(nodes: Nodes, fewest: int) -> Mapping[str, Node]:
    """Nodes by their names: letters, if none are given."""
    if not isinstance(nodes, Mapping | Sequence):
        raise TypeError(f"nodes must be a list of nodes or a mapping of names to nodes, but is {nodes!r}")
    if len(nodes) < fewest:
        raise ValueError(f"nodes must be at least {fewest}, but are {len(nodes)}")
    if isinstance(nodes, Mapping):
        return nodes
    letters = ("".join(name) for length in count(1) for name in product(string.ascii_uppercase, repeat=length))
    return dict(zip(letters, nodes, strict=False))


def _linked(
    nodes: Mapping[str, Node], pairs: list[tuple[str, str]], coupling: Links, baths: dict[str, Bath]
) -> Network:
    if isinstance(coupling, list) or (isinstance(coupling, np.ndarray) and coupling.ndim == 1):
        couplings = list(coupling)
        if len(couplings) != len(pairs):
            raise ValueError(f"coupling must be one for all pairs or a list of {len(pairs)}, but has {len(couplings)}")
    else:
        couplings = [coupling] * len(pairs)
    return Network(nodes=nodes, couplings=dict(zip(pairs, couplings, strict=True)), baths=baths)
