"""Pictures of a steady state: populations of levels, the covariance matrix, and the Wigner function of a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.ticker import MaxNLocator

from qnet_qutip import checks
from qnet_qutip.flows import network_of
from qnet_qutip.plotting.style import LOCAL_BLUE, OTHER_COLOURS, axes_or_new, scientific, upright
from qnet_qutip.reduced import node_populations, wigner_function
from qnet_qutip.state import ROUNDED_EIGENVALUE, SteadyState

MARKERS = "os^vDP<>"
POPULATION_COLOURS = (LOCAL_BLUE, "#e69f00", "#008f6b", "#c565a0", *OTHER_COLOURS)

LARGEST_WRITTEN = 10
"""Rows of a covariance matrix up to which its entries are written into the picture."""

SMALLEST_COLOUR = 1e-4
"""Of the largest entry: below it the colours of a covariance matrix are linear, and nearly white."""

WIGNER_POINTS, WIGNER_DEVIATIONS = 121, 4.0
"""Points along an axis of a Wigner function, and standard deviations that it reaches to on either side."""


def plot_populations(state: SteadyState, nodes: str | Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Populations of the levels of nodes, each node with a marker of its own; a thermal state is a straight line.

    The axis is logarithmic. It is linear for two-level nodes alone, and where a population is negative beyond rounding,
    as Redfield's can be.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    nodes : str or list of str, optional
        By default all nodes.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        As for `qnet_qutip.reduced.node_populations`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> ax = plot_populations(qn.steady_state(qn.local_master_equation(net)), "A")
    >>> ax.get_lines()[0].get_ydata().round(6)
    array([0.697059, 0.302941])
    """
    names = list(network_of(state).nodes) if nodes is None else [nodes] if isinstance(nodes, str) else list(nodes)
    populations = {name: node_populations(state, name) for name in names}
    ax = axes_or_new(ax)
    for index, (name, values) in enumerate(populations.items()):
        colour, marker = POPULATION_COLOURS[index % len(POPULATION_COLOURS)], MARKERS[index % len(MARKERS)]
        style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 7.0 - min(index, 3), "linewidth": 0.8}
        ax.plot(np.arange(len(values)), values, label=name, **style)
    positive = all(values.min() > -ROUNDED_EIGENVALUE for values in populations.values())
    if positive and max(map(len, populations.values())) > 2:
        ax.set_yscale("log")
    elif positive:
        ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("level $n$")
    ax.set_ylabel(r"population $\langle n|\rho|n\rangle$")
    ax.legend()
    return ax


def plot_covariance(state: SteadyState, ax: Axes | None = None) -> Axes:
    r"""Covariance matrix of the nodes' quadratures, appendix C, with its entries written in it.

    Red is positive and blue negative, on a scale that is logarithmic over four decades: what is smaller than 1e-4 of
    the largest entry is nearly white.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If it is not a steady state of a network.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> ax = plot_covariance(qn.steady_state(qn.local_master_equation(net)))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['$x_\\mathrm{A}$', '$p_\\mathrm{A}$', '$x_\\mathrm{B}$', '$p_\\mathrm{B}$']
    """
    network, matrix = network_of(state), state.covariance
    largest = float(np.abs(matrix).max())
    ax = axes_or_new(ax)
    norm = SymLogNorm(SMALLEST_COLOUR * largest, vmin=-largest, vmax=largest)
    mesh = ax.imshow(matrix, norm=norm, cmap="RdBu_r")
    names = [rf"${quadrature}_\mathrm{{{upright(name)}}}$" for name in network.nodes for quadrature in "xp"]
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    if len(matrix) <= LARGEST_WRITTEN:
        digits, size = (3, 9) if len(matrix) <= 4 else (2, 36 / len(matrix))
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if abs(float(norm(value)) - 0.5) > 0.3 else "black"
            # Plus zero, for a zero that has a sign.
            text = f"${scientific(value + 0.0, digits)}$"
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.set_label(r"$V_{ij} = \frac{1}{2}\langle\{\Delta\xi_i, \Delta\xi_j\}\rangle$")
    return ax


def plot_wigner(state: SteadyState, node: str, ax: Axes | None = None) -> Axes:
    """Wigner function of an oscillator's own state, over four standard deviations of its wider quadrature.

    Red is positive, blue negative.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    node : str
        Name of an oscillator.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        As for `qnet_qutip.reduced.wigner_function`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)
    >>> plot_wigner(qn.steady_state(qn.global_master_equation(net)), "B").get_title()
    'B'
    """
    names = list(network_of(state).nodes)
    checks.one_of("node", node, names)
    first = 2 * names.index(node)
    variance = np.diag(state.covariance)[first : first + 2].max()
    axis = np.linspace(-1, 1, WIGNER_POINTS) * WIGNER_DEVIATIONS * np.sqrt(variance)
    values = wigner_function(state, node, axis, axis)
    ax = axes_or_new(ax)
    largest = float(np.abs(values).max())
    mesh = ax.pcolormesh(
        axis, axis, values, vmin=-largest, vmax=largest, cmap="RdBu_r", shading="nearest", rasterized=True
    )
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.set_label("$W(x, p)$")
    ax.set_aspect("equal")
    ax.set_xlabel("$x$")
    ax.set_ylabel("$p$")
    ax.set_title(node, parse_math=False)
    return ax
