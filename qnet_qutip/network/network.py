"""The network as an immutable value, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qnet_qutip import checks
from qnet_qutip.network.bath import Bath
from qnet_qutip.network.couplings import Coupling, Term, as_term, checked_coupling
from qnet_qutip.network.frozen_mapping import FrozenMapping
from qnet_qutip.network.nodes import Node
from qnet_qutip.rates import Rate
from qnet_qutip.spectra import density_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    >>> from qnet_qutip import Bath, Dispersive, Oscillator, PhononSpectrum, TwoLevel
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
            checks.mapping(field, getattr(self, field))
        if not self.nodes:
            raise ValueError("nodes must name at least one node, but is empty")
        for name, node in self.nodes.items():
            if not isinstance(name, str):
                raise TypeError(f"a node's name must be a string, but is {name!r}")
            if not isinstance(node, Node):
                raise TypeError(f"node {name!r} must be an Oscillator or a TwoLevel, but is {node!r}")
        for name, bath in self.baths.items():
            if not isinstance(name, str):
                raise TypeError(f"a bath's name must be a string, but is {name!r}")
            if not isinstance(bath, Bath):
                raise TypeError(f"bath {name!r} must be a Bath, but is {bath!r}")
            if bath.node not in self.nodes:
                checks.one_of(f"the node of bath {name!r}", bath.node, list(self.nodes))
        object.__setattr__(self, "nodes", FrozenMapping(self.nodes))
        object.__setattr__(self, "couplings", FrozenMapping(self._ordered_couplings()))
        object.__setattr__(self, "baths", FrozenMapping(self.baths))

    def _ordered_couplings(self) -> dict[tuple[str, str], Coupling]:
        order = {name: index for index, name in enumerate(self.nodes)}
        ordered: dict[tuple[str, str], Coupling] = {}
        for pair, coupling in self.couplings.items():
            _require_pair(pair)
            for name in pair:
                if name not in order:
                    checks.one_of(f"a node of coupling {pair!r}", name, list(order))
            first, second = pair if order[pair[0]] < order[pair[1]] else pair[::-1]
            if first == second:
                raise ValueError(f"a coupling must join two different nodes, but is {pair!r}")
            if (first, second) in ordered:
                raise ValueError(f"the coupling of {first!r} and {second!r} must be given once, but is given twice")
            ordered[first, second] = checked_coupling(pair, coupling)
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
            If a name is not in the network, or a coupling is given twice.
        TypeError
            If what is given is no mapping, or what it holds is not of the kinds that `Network` takes.
        """
        changed: dict[str, Any] = {}
        for field, kind, new in (
            ("nodes", "node", nodes),
            ("couplings", "coupling", couplings),
            ("baths", "bath", baths),
        ):
            present, named = getattr(self, field), dict[Any, Any]()
            if new is not None:
                checks.mapping(field, new)
            for given, value in (new or {}).items():
                name = given
                if field == "couplings":
                    _require_pair(given)
                    name = given[::-1] if given[::-1] in present else given
                checks.one_of(kind, name, list(present))
                if name in named:
                    raise ValueError(f"the {kind} {name!r} must be given once, but is given twice")
                named[name] = value
            changed[field] = {**present, **named}
        return Network(**changed)

    def draw(self, ax: Axes | None = None) -> Axes:
        """Draw the network into Matplotlib's axes, or those of a new figure; see `plotting.plot_network`.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        Axes
        """
        from qnet_qutip.plotting import plot_network

        return plot_network(self, ax=ax)

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.network_html(self)


def _require_pair(pair: object) -> None:
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(f"a coupling must be named by a pair of nodes, but is named {pair!r}")


def require_network(network: object) -> None:
    """Raise `TypeError` if what is given as a network is none."""
    if isinstance(network, np.ndarray):
        raise TypeError(
            "network must be a Network or a Hamiltonian as a QuTiP operator, but is an array of shape "
            f"{network.shape}: wrap it in qutip.Qobj"
        )
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, but is {network!r}")


def coupling_terms(network: Network) -> Iterator[tuple[str, str, Term]]:
    """Every coupling by itself, with the names of its two nodes: a number as the swap that it stands for.

    Examples
    --------
    >>> from qnet_qutip import Dispersive, TwoLevel, chain
    >>> net = chain([TwoLevel(5)] * 2, (0.1, Dispersive(0.02)))
    >>> list(coupling_terms(net))
    [('A', 'B', Swap(strength=0.1)), ('A', 'B', Dispersive(strength=0.02))]
    """
    for (first, second), coupling in network.couplings.items():
        for term in coupling if isinstance(coupling, tuple) else (coupling,):
            yield first, second, as_term(term)


def bath_density(network: Network, bath: str, frequency: float) -> float:
    """Spectral density of one of a network's baths at a positive frequency.

    Raises
    ------
    TypeError, ValueError
        As for `checked_density`; the message names the bath.
    """
    return density_at(network.baths[bath].spectrum, frequency, f" of bath {bath!r}")


def bath_rate(network: Network, bath: str) -> Rate:
    """The rate of one of a network's baths, whose errors name it.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> rate = bath_rate(net, "hot")
    >>> round(rate.rate(10.0), 9), round(rate.rate(-10.0), 9)
    (0.176865375, 0.076865375)
    """
    return Rate(network.baths[bath].spectrum, network.baths[bath].temperature, of=f" of bath {bath!r}")
