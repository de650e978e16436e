"""Networks of a common shape: the pair of the paper, chains, rings and stars."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from itertools import count, pairwise, product

import numpy as np
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.network.bath import Bath
from qnet_qutip.network.couplings import Coupling
from qnet_qutip.network.network import Network
from qnet_qutip.network.nodes import NODE_KINDS, Node, Oscillator, TwoLevel
from qnet_qutip.spectra import PhononSpectrum


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
    >>> from qnet_qutip import Quadrature
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
    """A star: the first node is its centre, the hub, coupled to each of the others.

    Parameters, result and errors are those of `chain`; at least two nodes. Which one is the hub is said by the order of
    the nodes alone: the first of a list, which is named "A", or of a mapping, whatever its name.

    Examples
    --------
    >>> hub, arms = Oscillator(5), {"north": TwoLevel(5), "south": TwoLevel(4)}
    >>> list(star({"hub": hub, **arms}, 0.1).couplings)
    [('hub', 'north'), ('hub', 'south')]
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
