"""The numbers that make up a network, each by itself: what a slider can be set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from qnet_qutip.network import Bath, Coupling, Dispersive, Network, Quadrature, Swap, Term, require_network

SYMBOLS = {"frequency": "ω", "anharmonicity": "α", "temperature": "T", "kappa": "κ"}
COUPLING_SYMBOLS = {Swap: "ε", Quadrature: "g", Dispersive: "χ"}


@dataclass(frozen=True)
class Parameter:
    """One number of a network.

    Attributes
    ----------
    symbol : str
        What it is called, with the name of its node, coupling or bath.
    of : str or (str, str)
        That name, the pair of nodes for a coupling.
    kind : {"node", "coupling", "bath", "spectrum"}
    field : str
        Which number of it; for a coupling that is one of several, the class of the term.
    value : float
    """

    symbol: str
    of: str | tuple[str, str]
    kind: str
    field: str
    value: float


def network_parameters(network: Network) -> tuple[Parameter, ...]:
    """Every number of a network: frequencies, anharmonicities, strengths, temperatures and those of the spectra.

    Anharmonicities are listed where they are not zero, and the numbers of a spectrum if it is a dataclass of numbers.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of Parameter

    Raises
    ------
    TypeError
        If it is not a network.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> [parameter.symbol for parameter in network_parameters(net)]
    ['ω of A', 'ω of B', 'ε of A – B', 'T of hot', 'κ of hot', 'T of cold', 'κ of cold']
    """
    require_network(network)
    found = []
    for name, node in network.nodes.items():
        for field, value in _numbers(node).items():
            if field != "anharmonicity" or value:
                found.append(Parameter(f"{SYMBOLS[field]} of {name}", name, "node", field, value))
    for pair, coupling in network.couplings.items():
        for term in _terms(coupling):
            symbol = f"{COUPLING_SYMBOLS[type(term)]} of {' – '.join(pair)}"
            found.append(Parameter(symbol, pair, "coupling", type(term).__name__, term.strength))
    for name, bath in network.baths.items():
        found.append(Parameter(f"T of {name}", name, "bath", "temperature", bath.temperature))
        for field, value in _numbers(bath.spectrum).items():
            found.append(Parameter(f"{SYMBOLS.get(field, field)} of {name}", name, "spectrum", field, value))
    return tuple(found)


def with_parameter(network: Network, parameter: Parameter, value: float) -> Network:
    """The network with another value for one of its numbers.

    Raises
    ------
    TypeError, ValueError
        As for `Network` and what it is made of, if the value is not valid.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> with_parameter(net, network_parameters(net)[0], 7).nodes["A"]
    Oscillator(7.0)
    """
    field, name = parameter.field, parameter.of
    if isinstance(name, tuple):
        coupling = network.couplings[name]
        if not isinstance(coupling, tuple):
            return network.replace(couplings={name: _with_strength(coupling, field, value)})
        return network.replace(couplings={name: tuple(_with_strength(term, field, value) for term in coupling)})
    if parameter.kind == "node":
        return network.replace(nodes={name: _replaced(network.nodes[name], field, value)})
    bath = network.baths[name]
    temperature, spectrum = bath.temperature, bath.spectrum
    if parameter.kind == "bath":
        temperature = value
    else:
        spectrum = _replaced(spectrum, field, value)
    return network.replace(baths={name: Bath(bath.node, temperature, spectrum, bath.coupling)})


def _with_strength(term: float | Term, kind: str, strength: float) -> float | Term:
    """A term of that kind with another strength, any other as it is; a number stays a number."""
    if isinstance(term, Swap | Quadrature | Dispersive):
        return type(term)(strength) if type(term).__name__ == kind else term
    return strength if kind == Swap.__name__ else term


def _replaced(value: Any, field: str, number: float) -> Any:  # noqa: ANN401, a node or a spectrum, and one of its kind
    return replace(value, **{field: number})


def _numbers(value: object) -> Mapping[str, float]:
    """The fields of a dataclass that are floats."""
    if not is_dataclass(value):
        return {}
    named = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return {name: number for name, number in named.items() if type(number) is float}


def _terms(coupling: Coupling) -> tuple[Term, ...]:
    terms = coupling if isinstance(coupling, tuple) else (coupling,)
    return tuple(term if isinstance(term, Swap | Quadrature | Dispersive) else Swap(term) for term in terms)
