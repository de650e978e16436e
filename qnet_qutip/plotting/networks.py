"""The network, figure 1, and the currents that flow through it."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from qnet_qutip import checks
from qnet_qutip.flows import flows, network_of
from qnet_qutip.network import Dispersive, Network, Oscillator, Quadrature, Swap, coupling_terms, require_network
from qnet_qutip.plotting.schematic import Line, Name, draw_schematic
from qnet_qutip.plotting.style import axes_or_new, current_symbol, scientific
from qnet_qutip.state import SteadyState, broken_laws

COUPLING_SYMBOLS = {Swap: r"\epsilon", Quadrature: "g", Dispersive: r"\chi"}


def plot_network(network: Network, labels: Mapping[Name, str] | None = None, ax: Axes | None = None) -> Axes:
    """Schematic of a network, figure 1: nodes, couplings, and the baths beside their nodes.

    A chain is drawn in a row, a ring on a circle, a star around its centre, any other network so that the distances
    follow the couplings. Oscillators are drawn with a parabola, two-level nodes with two levels; baths are tinted from
    the coldest (blue) to the hottest (red).

    Parameters
    ----------
    network : Network
    labels : mapping, optional
        Text to write for a node's or a bath's name, or a coupling's pair of names, in place of ω, T or ε with its
        value.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If it is not a network.
    ValueError
        If a label names nothing in the network.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> ax = plot_network(net, labels={"hot": "$T_h$", "cold": "$T_c$"})
    >>> {"$T_h$", "$T_c$"} <= {text.get_text() for text in ax.texts}
    True
    """
    require_network(network)
    labels = dict(labels or {})
    for name in labels:
        checks.one_of("a label", name, [*network.nodes, *network.baths, *network.couplings])
    lines: dict[Name, Line] = {name: Line(text, None) for name, text in _strengths(network).items()}
    lines |= {name: Line(text, None) for name, text in labels.items() if isinstance(name, tuple)}
    of_nodes = {name: labels.get(name, _frequency(network, name)) for name in network.nodes}
    of_baths = {name: labels.get(name, text) for name, text in _temperatures(network).items()}
    return draw_schematic(network, of_nodes, of_baths, lines, axes_or_new(ax))


def plot_currents(state: SteadyState, ax: Axes | None = None) -> Axes:
    r"""Heat and excitations that flow through a network in its steady state, as arrows over its schematic.

    An arrow between a bath and its node is the heat current J, in the direction in which heat goes; J is positive into
    the network. An arrow between two nodes is the number I of excitations per time that they exchange; what a
    quadrature coupling creates in pairs is no part of it. Widths are in proportion to |J| and to I times the mean
    frequency of the two nodes; below 1e-10 of the largest there is no arrow. The global equation has none between
    nodes: its steady state is diagonal in the eigenbasis of H. Each node has its occupation n written in it; the
    entropy production is above.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If it is not a steady state, or not one of a network.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.1, T_h=12, T_c=10, kappa=1e-4)
    >>> ax = plot_currents(qn.steady_state(qn.global_master_equation(net)))
    >>> [text.get_text() for text in ax.texts if "J_h" in text.get_text()]
    ['$J_h = 3.18\\times 10^{-5}$']
    """
    network = network_of(state)
    of_nodes = {name: f"$n = {scientific(number, 3)}$" for name, number in state.occupations.items()}
    lines: dict[Name, Line] = {pair: Line("") for pair in network.couplings}
    for name, flow in flows(state).items():
        if isinstance(name, str):
            text = f"{current_symbol(name)[:-1]} = {scientific(flow.current, 3)}$"
        else:
            text = f"$I = {scientific(abs(flow.current), 3)}$" if flow.relative else r"$I \approx 0$"
        lines[name] = Line(text, flow.relative)
    ax = draw_schematic(network, of_nodes, _temperatures(network), lines, axes_or_new(ax))
    assert state.equation is not None
    broken = "".join(f", {law} law broken" for law in broken_laws(state))
    name = state.equation.name.replace("_", " ")
    production = rf"$\Delta\mathcal{{S}}_u = {scientific(state.entropy_production, 3)}$"
    ax.set_title(f"{name} equation: {production}{broken}", fontsize=11)
    return ax


def _strengths(network: Network) -> dict[tuple[str, str], str]:
    strengths: dict[tuple[str, str], list[str]] = {}
    for first, second, term in coupling_terms(network):
        text = f"${COUPLING_SYMBOLS[type(term)]} = {scientific(term.strength)}$"
        strengths.setdefault((first, second), []).append(text)
    return {pair: ", ".join(texts) for pair, texts in strengths.items()}


def _temperatures(network: Network) -> dict[str, str]:
    return {name: f"$T = {scientific(bath.temperature)}$" for name, bath in network.baths.items()}


def _frequency(network: Network, name: str) -> str:
    node = network.nodes[name]
    text = rf"$\omega = {scientific(node.frequency)}$"
    if isinstance(node, Oscillator) and node.anharmonicity:
        text += rf", $\alpha = {scientific(node.anharmonicity)}$"
    return text
