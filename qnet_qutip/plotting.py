"""Pictures of networks, sweeps and trajectories, with the symbols of the paper.

Every function draws into the Matplotlib `Axes` that it is given, or into those of a new figure, and returns them. None
changes a global setting of Matplotlib. Import this module by itself: ``from qnet_qutip import plotting``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, Normalize, SymLogNorm, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.network import Dispersive, Network, Oscillator, Quadrature, Swap, coupling_terms
from qnet_qutip.sweep import relative_deviation

LOCAL_BLUE, GLOBAL_RED = "#1f4fa3", "#e0523a"


class Style(NamedTuple):
    """How an equation is drawn: a marker of that size on a line of that width.

    `pattern` is the line's where a pattern tells equations apart, and not the current from the population.
    """

    colour: str
    marker: str
    size: float
    width: float
    pattern: str | tuple[float, tuple[float, ...]] = "-"


# From dark, wide and below to light, narrow and above, so that all are seen where they coincide, and in grey. Markers
# and patterns tell them apart without colours, and readers who confuse red and green can tell the colours apart.
EQUATION_STYLES: Mapping[str, Style] = {
    "local": Style(LOCAL_BLUE, "o", 6.5, 2.8),
    "global": Style(GLOBAL_RED, "s", 3.4, 1.3),
    "unified": Style("#000000", "D", 5.0, 2.0, (0, (7, 3))),
    "universal": Style("#008f6b", "^", 5.5, 1.8, (0, (4, 2, 1, 2))),
    "redfield": Style("#e69f00", "v", 5.0, 1.5, (0, (2, 2))),
    "partial_secular": Style("#c565a0", "P", 4.5, 1.2, (0, (1, 2.5))),
}
OTHER_COLOURS, OTHER_MARKERS = ("#56b4e9", "#8a5a9e", "#b8860b", "#555555"), "<>*X"
OTHER_PATTERNS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0, (5, 1)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2, 2, 2)),
)

SYMBOLS = {
    "omega_h": r"$\omega_h$",
    "omega_c": r"$\omega_c$",
    "epsilon": r"$\epsilon$",
    "T_h": r"$T_h$",
    "T_c": r"$T_c$",
    "kappa": r"$\kappa$",
}
BATH_SYMBOLS = {"hot": "$J_h$", "cold": "$J_c$"}
NODE_SYMBOLS = {"A": r"$\langle a^\dagger a\rangle$", "B": r"$\langle b^\dagger b\rangle$"}
COUPLING_SYMBOLS = {Swap: r"\epsilon", Quadrature: "g", Dispersive: r"\chi"}

# Of the schematic, in its own units.
NODE_RADIUS, GAP, BATH_HALF, NODE_DISTANCE, BATH_DISTANCE = 0.58, 0.64, 0.5, 2.5, 2.1
TEXT_HEIGHT = 0.25

LOGARITHMIC_RANGE = 300.0
"""Of each side of the scale of the entropy production: its end over the point where it becomes linear."""


class HasHistory(Protocol):
    """What `plot_trajectory` needs of a trajectory."""

    @property
    def times(self) -> NDArray[np.float64]:
        """Times."""

    @property
    def heat_currents(self) -> Mapping[str, NDArray[np.float64]]:
        """Heat current of each bath at each time."""

    @property
    def entropy_production(self) -> NDArray[np.float64]:
        """Entropy production at each time."""


# ---------------------------------------------------------------- the network, figure 1


def plot_network(
    network: Network, labels: Mapping[str | tuple[str, str], str] | None = None, ax: Axes | None = None
) -> Axes:
    """Schematic of a network, figure 1: nodes, couplings, and the baths beside their nodes.

    A chain is drawn on a line, any other network on a circle. Oscillators are drawn with a parabola, two-level nodes
    with two levels; baths are tinted from the coldest (blue) to the hottest (red).

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
    labels = dict(labels or {})
    for name in labels:
        checks.one_of("a label", name, [*network.nodes, *network.baths, *network.couplings])
    ax = _axes(ax)
    positions = _node_positions(network)
    bath_places = {
        name: positions[network.baths[name].node] + BATH_DISTANCE * direction
        for name, direction in _bath_directions(network, positions).items()
    }
    places = [*positions.values(), *bath_places.values()]
    ax.set_xlim(min(place.real for place in places) - 0.7, max(place.real for place in places) + 0.7)
    ax.set_ylim(min(place.imag for place in places) - 0.7, max(place.imag for place in places) + 0.7)
    ax.set_aspect("equal")
    ax.set_axis_off()
    strengths: dict[tuple[str, str], list[str]] = {}
    for first, second, term in coupling_terms(network):
        strengths.setdefault((first, second), []).append(rf"${COUPLING_SYMBOLS[type(term)]} = {term.strength:g}$")
    for (first, second), texts in strengths.items():
        text = labels.get((first, second), ", ".join(texts))
        _draw_coupling(ax, positions[first], positions[second], sum(positions.values()) / len(positions), text)
    for name, node in network.nodes.items():
        text = rf"$\omega = {node.frequency:g}$"
        if isinstance(node, Oscillator) and node.anharmonicity:
            text += rf", $\alpha = {node.anharmonicity:g}$"
        text = labels.get(name, text)
        _draw_node(ax, positions[name], name, text, isinstance(node, Oscillator))
    temperatures = [bath.temperature for bath in network.baths.values()]
    for name, bath in network.baths.items():
        text = labels.get(name, f"$T = {bath.temperature:g}$")
        _draw_wave(ax, positions[bath.node], bath_places[name])
        _draw_bath(ax, bath_places[name], name, text, _tint(bath.temperature, temperatures))
    return ax


# Places in the plane are complex numbers x + iy.


def _node_positions(network: Network) -> dict[str, complex]:
    """Places of the nodes, in the order in which they are laid out."""
    chain = _chain(network)
    if chain is not None:
        return {name: complex(NODE_DISTANCE * index) for index, name in enumerate(chain)}
    number = len(network.nodes)
    radius = NODE_DISTANCE / (2 * np.sin(np.pi / number))
    return {
        name: complex(radius * 1j * np.exp(-2j * np.pi * index / number)) for index, name in enumerate(network.nodes)
    }


def _chain(network: Network) -> list[str] | None:
    """List the nodes in the order of a chain, if the couplings form one through all of them."""
    neighbours: dict[str, list[str]] = {name: [] for name in network.nodes}
    for first, second in network.couplings:
        neighbours[first].append(second)
        neighbours[second].append(first)
    ends = [name for name, others in neighbours.items() if len(others) < 2]
    if not ends or any(len(others) > 2 for others in neighbours.values()):
        return None
    chain = [ends[0]]
    while following := [other for other in neighbours[chain[-1]] if other not in chain]:
        chain.append(following[0])
    return chain if len(chain) == len(network.nodes) else None


def _bath_directions(network: Network, positions: Mapping[str, complex]) -> dict[str, complex]:
    """Find the direction of each bath from its node: away from the middle, several of them fanned out."""
    on_a_line = _chain(network) is not None
    inner = list(positions)[1:-1] if on_a_line else []
    centre = sum(positions.values()) / len(positions)
    directions = {}
    for node, here in positions.items():
        baths = [name for name, bath in network.baths.items() if bath.node == node]
        if len(positions) == 1:
            first, step = np.pi, 2 * np.pi / max(len(baths), 1)
        else:
            step = np.radians(70)
            outward = np.pi / 2 if node in inner else np.angle(here - centre)
            first = outward - step * (len(baths) - 1) / 2
        directions.update({name: complex(np.exp(1j * (first + step * i))) for i, name in enumerate(baths)})
    return directions


def _draw_coupling(ax: Axes, start: complex, end: complex, centre: complex, text: str) -> None:
    along = (end - start) / abs(end - start)
    ax.add_patch(
        FancyArrowPatch(
            _xy(start + GAP * along),
            _xy(end - GAP * along),
            arrowstyle="<|-|>",
            mutation_scale=13,
            color="black",
            linewidth=1.2,
            shrinkA=0,
            shrinkB=0,
        )
    )
    # The text goes to the side that points away from the middle of the network, or above the line.
    middle, normal = (start + end) / 2, 1j * along
    outward = ((middle - centre) * normal.conjugate()).real
    if outward < -1e-9 or (abs(outward) <= 1e-9 and normal.imag < 0):
        normal = -normal
    # A wide text needs more room beside a steep line than above a level one.
    _write(ax, middle + (0.22 + 0.32 * abs(normal.real)) * normal, text)


def _draw_node(ax: Axes, place: complex, name: str, text: str, oscillator: bool) -> None:
    ax.add_patch(Circle(_xy(place), NODE_RADIUS, facecolor="white", edgecolor="black", linewidth=1.4, zorder=2))
    _write(ax, place + 0.36j, name, bold=True)
    _write(ax, place - 0.34j, text)
    x, y = _xy(place)
    if oscillator:
        grid = np.linspace(-0.2, 0.2, 41)
        ax.plot(x + grid, y - 0.17 + 9 * grid**2, color="0.35", linewidth=1.0, zorder=3)
        for height in (-0.1, 0.01, 0.12):
            half = np.sqrt((height + 0.17) / 9)
            ax.plot([x - half, x + half], [y + height] * 2, color="0.35", linewidth=1.0, zorder=3)
    else:
        for height in (-0.1, 0.12):
            ax.plot([x - 0.2, x + 0.2], [y + height] * 2, color="0.35", linewidth=1.6, zorder=3)


def _draw_bath(ax: Axes, place: complex, name: str, text: str, colour: NDArray[np.float64]) -> None:
    size = 2 * BATH_HALF
    shape = FancyBboxPatch(
        _xy(place - complex(BATH_HALF, BATH_HALF)), size, size, boxstyle="round,pad=0,rounding_size=0.08", zorder=2
    )
    shape.set(facecolor=colour, edgecolor="black", linewidth=1.4)
    ax.add_patch(shape)
    _write(ax, place + 0.15j, name)
    _write(ax, place - 0.15j, text)


def _draw_wave(ax: Axes, node: complex, bath: complex) -> None:
    """Draw a wavy line: the coupling of a node to its bath."""
    along = (bath - node) / abs(bath - node)
    distances = np.linspace(GAP, BATH_DISTANCE - BATH_HALF - 0.06, 121)
    swing = 0.08 * np.sin(8 * np.pi * np.linspace(0, 1, 121))
    points = node + (distances + 1j * swing) * along
    ax.plot(points.real, points.imag, color="black", linewidth=1.2, zorder=1)


def _write(ax: Axes, place: complex, text: str, bold: bool = False) -> None:
    # The text is as large as the schematic lets it be, up to the size of a caption.
    points_per_inch = 72
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    scale = min(ax.bbox.width / (right - left), ax.bbox.height / (top - bottom)) * points_per_inch / ax.figure.dpi
    size = min(TEXT_HEIGHT * scale, 12.0)
    weight = "bold" if bold else "normal"
    ax.text(*_xy(place), text, ha="center", va="center", zorder=4, fontsize=size, fontweight=weight)


def _xy(place: complex) -> tuple[float, float]:
    return place.real, place.imag


def _tint(temperature: float, temperatures: Sequence[float]) -> NDArray[np.float64]:
    low, high = min(temperatures), max(temperatures)
    warmth = 0.5 if low == high else (temperature - low) / (high - low)
    return (1 - warmth) * np.array(to_rgb("#b9d3f0")) + warmth * np.array(to_rgb("#f6b9a6"))


# ---------------------------------------------------------------- curves, figures 3 and 4


def plot_heat_current(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Heat current of a one-dimensional sweep, a solid line with markers for each equation.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    closed : Dataset, optional
        From `closed_forms`, drawn on top as a thin black line.
    bath : str, optional
        Name of the bath.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath.
    """
    return _plot_curves(dataset, closed, "heat_current", "bath", bath, _current_symbol(bath), "-", ax)


def plot_population(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, node: str = "A", ax: Axes | None = None
) -> Axes:
    """Occupation of a node in a one-dimensional sweep, a dashed line with open markers for each equation.

    Parameters, result and errors are those of `plot_heat_current`, with a node in place of the bath.
    """
    return _plot_curves(dataset, closed, "occupation", "node", node, _population_symbol(node), "--", ax)


def plot_current_and_population(
    dataset: xr.Dataset,
    closed: xr.Dataset | None = None,
    bath: str = "hot",
    node: str = "A",
    ax: Axes | None = None,
    legend: str | tuple[float, float] | None = "best",
) -> Axes:
    """Heat current (solid, left axis) and occupation (dashed, right axis) of a one-dimensional sweep, figures 3 and 4.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    closed : Dataset, optional
        From `closed_forms`, drawn on top as thin black lines.
    bath, node : str, optional
        Names of the bath and the node.
    ax : Axes, optional
        The left axis; the right one is made as its twin, `ax.figure.axes[-1]`.
    legend : str, pair of float or None, optional
        Place of the legend, as for Matplotlib's `loc`; no legend if None.

    Returns
    -------
    Axes
        The left axis.

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath or node.
    """
    _one_coordinate(dataset)
    ax = _axes(ax)
    plot_heat_current(dataset, closed, bath, ax)
    right = ax.twinx()
    plot_population(dataset, closed, node, right)
    if legend is not None:
        # In the upper of the two axes, where no curve is drawn over it.
        place: Any = legend
        right.legend(handles=legend_handles(dataset, closed, bath, node), loc=place, fontsize=9)
    return ax


def legend_handles(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, bath: str = "hot", node: str = "A"
) -> list[Line2D]:
    """Legend entries for `plot_current_and_population`, to be placed by the caller.

    Parameters
    ----------
    dataset, closed, bath, node
        As for `plot_current_and_population`.

    Returns
    -------
    list of Line2D
    """
    handles = []
    for equation in dataset.equation.values:
        common = _drawn(_style(dataset, equation))
        current, population = f"{_current_symbol(bath)}, {equation}", f"{_population_symbol(node)}, {equation}"
        handles.append(Line2D([], [], linestyle="-", label=current, **common))
        handles.append(Line2D([], [], linestyle="--", markerfacecolor="white", label=population, **common))
    if closed is not None:
        handles.append(Line2D([], [], color="black", linewidth=0.6, label="closed forms"))
    return handles


def _plot_curves(
    dataset: xr.Dataset,
    closed: xr.Dataset | None,
    variable: str,
    dimension: str,
    name: str,
    symbol: str,
    linestyle: str,
    ax: Axes | None,
) -> Axes:
    coordinate = _one_coordinate(dataset)
    checks.one_of(dimension, name, dataset[dimension].values.tolist())
    ax = _axes(ax)
    for equation in dataset.equation.values:
        style = _style(dataset, equation)
        values = dataset[variable].sel({"equation": equation, dimension: name})
        ax.plot(
            dataset[coordinate].values,
            values.values,
            linestyle=linestyle,
            markerfacecolor=style.colour if linestyle == "-" else "white",
            markevery=max(len(values) // 25, 1),
            label=str(equation),
            **_drawn(style),
        )
        if closed is not None and equation in closed.equation.values:
            exact = closed[variable].sel({"equation": equation, dimension: name})
            ax.plot(
                closed[coordinate].values,
                exact.values,
                color="black",
                linewidth=0.6,
                zorder=3,
                label=f"{equation}, closed form",
            )
    ax.set_xlabel(SYMBOLS.get(coordinate, coordinate))
    ax.set_ylabel(symbol)
    return ax


def _current_symbol(bath: str) -> str:
    return BATH_SYMBOLS.get(bath, rf"$J_\mathrm{{{bath}}}$")


def _population_symbol(node: str) -> str:
    return NODE_SYMBOLS.get(node, rf"$n_\mathrm{{{node}}}$")


def _style(dataset: xr.Dataset, equation: str) -> Style:
    if equation in EQUATION_STYLES:
        return EQUATION_STYLES[equation]
    others = [name for name in dataset.equation.values.tolist() if name not in EQUATION_STYLES]
    index = others.index(equation) % len(OTHER_COLOURS)
    return Style(OTHER_COLOURS[index], OTHER_MARKERS[index], 4.5, 1.8, OTHER_PATTERNS[index])


def _drawn(style: Style) -> dict[str, Any]:
    """What Matplotlib calls it."""
    return {"color": style.colour, "marker": style.marker, "markersize": style.size, "linewidth": style.width}


# ---------------------------------------------------------------- every equation side by side


def plot_equations(
    dataset: xr.Dataset, reference: xr.DataArray | None = None, bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Heat current of a one-dimensional sweep by any number of equations, a line pattern and a marker for each.

    Where curves coincide, the markers of each are on points of its own.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    reference : DataArray, optional
        Heat current of that bath over the same coordinate, without an equation. If it is given, J/J_reference - 1 is
        drawn in place of J.
    bath : str, optional
        Name of the bath.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath, or the reference is not over its coordinate.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from qnet_qutip.sweep import sweep
    >>> fixed = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    >>> dataset = sweep("two-level", ["local", "global", "unified"], {"epsilon": [0.01, 0.1]}, fixed)
    >>> [line.get_label() for line in plot_equations(dataset).get_lines()]
    ['local', 'global', 'unified']
    """
    coordinate = _one_coordinate(dataset)
    checks.one_of("bath", bath, dataset.bath.values.tolist())
    currents = dataset.heat_current.sel(bath=bath)
    if reference is not None:
        if reference.dims != (coordinate,) or not reference[coordinate].equals(dataset[coordinate]):
            raise ValueError(
                f"reference must be over the dataset's values of {coordinate!r} alone, but is over {reference.dims}"
            )
        currents = currents / reference - 1
    ax = _axes(ax)
    number = dataset.sizes["equation"]
    for index, equation in enumerate(dataset.equation.values.tolist()):
        style = _style(dataset, equation)
        ax.plot(
            dataset[coordinate].values,
            currents.sel(equation=equation).values,
            linestyle=style.pattern,
            markevery=(index, number) if dataset.sizes[coordinate] >= 2 * number else 1,
            label=equation.replace("_", " "),
            **_drawn(style),
        )
    symbol = _current_symbol(bath)
    ax.set_xlabel(SYMBOLS.get(coordinate, coordinate))
    ax.set_ylabel(symbol if reference is None else f"{symbol} / reference $-$ 1")
    return ax


# ---------------------------------------------------------------- maps, figure 2


def plot_entropy_production(
    dataset: xr.Dataset, equation: str = "local", limit: float | None = None, ax: Axes | None = None
) -> Axes:
    """Signed map of the entropy production over (ω_h, T_h), figure 2: blue is negative.

    The colour scale is logarithmic on both sides of zero and linear within a three-hundredth of its ends.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, over the coordinates omega_h and T_h.
    equation : str, optional
        Which of the dataset's equations.
    limit : float, optional
        Where the colour scale ends, on both sides; values beyond it take the last colour. By default three times the
        largest magnitude of the sign whose magnitudes are smaller, so that both signs show their structure.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the coordinates are not omega_h and T_h, the dataset has no such equation, or `limit` is not positive.
    """
    values = _map_values(dataset, dataset.entropy_production, equation)
    if limit is None:
        magnitudes = [float(np.max(side, initial=0.0)) for side in (values.values, -values.values)]
        limit = 3 * min(magnitudes) if min(magnitudes) > 0 else max(magnitudes)
    limit = checks.positive("limit", limit)
    linear = limit / LOGARITHMIC_RANGE
    ax = _axes(ax)
    mesh = _draw_map(values, SymLogNorm(linear, vmin=-limit, vmax=limit), "RdBu_r", ax)
    low, high = bool(values.min() < -limit), bool(values.max() > limit)
    bar = ax.figure.colorbar(
        mesh, ax=ax, extend={(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[low, high]
    )
    bar.set_label(r"entropy production $\Delta\mathcal{S}_u$")
    decades = 10.0 ** np.arange(np.ceil(np.log10(linear)), np.floor(np.log10(limit)) + 1)
    bar.set_ticks([*-decades[::-1], 0.0, *decades])
    bar.minorticks_off()
    _draw_zero_line(dataset, ax)
    return _label_map(ax)


def plot_relative_error(
    dataset: xr.Dataset, closed: xr.Dataset, equation: str = "local", bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Map over (ω_h, T_h) of the heat current's deviation from the closed form, by `relative_deviation`.

    Parameters
    ----------
    dataset, closed : Dataset
        From `sweep` and from `closed_forms`, over the same coordinates omega_h and T_h.
    equation, bath : str, optional
        Which heat current.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the coordinates are not omega_h and T_h or differ, or the dataset has no such equation.
    """
    values = _map_values(dataset, relative_deviation(dataset, closed).sel(bath=bath), equation)
    ax = _axes(ax)
    # Agreement to the last digit has no logarithm: it takes the lowest colour.
    largest = max(float(values.max()), 2 * np.finfo(float).eps)
    norm = LogNorm(max(largest * 1e-4, np.finfo(float).eps), largest)
    mesh = _draw_map(values.clip(min=np.finfo(float).eps), norm, "viridis", ax)
    bar = ax.figure.colorbar(mesh, ax=ax, extend="min")
    bar.set_label(r"relative error of $J_h$" if bath == "hot" else f"relative error of the {bath} current")
    bar.ax.yaxis.set_major_locator(LogLocator())
    _draw_zero_line(dataset, ax)
    return _label_map(ax)


def _map_values(dataset: xr.Dataset, values: xr.DataArray, equation: str) -> xr.DataArray:
    if set(_coordinates(dataset)) != {"omega_h", "T_h"}:
        raise ValueError(f"dataset must be over omega_h and T_h, but is over {', '.join(_coordinates(dataset))}")
    checks.one_of("equation", equation, dataset.equation.values.tolist())
    selected: xr.DataArray = values.sel(equation=equation).transpose("T_h", "omega_h")
    return selected


def _draw_map(values: xr.DataArray, norm: Normalize, colours: str, ax: Axes) -> QuadMesh:
    return ax.pcolormesh(
        values.omega_h.values,
        values.T_h.values,
        values.values,
        norm=norm,
        cmap=colours,
        shading="nearest",
        rasterized=True,
    )


def _draw_zero_line(dataset: xr.Dataset, ax: Axes) -> None:
    """ω_h/T_h = ω_c/T_c, where the local heat current changes sign, within the map."""
    slope = dataset.attrs["T_c"] / dataset.attrs["omega_c"]
    limits = ax.get_xlim(), ax.get_ylim()
    ax.plot(limits[0], slope * np.array(limits[0]), color="black", linewidth=1.4, linestyle="--", label="zero line")
    ax.set(xlim=limits[0], ylim=limits[1])


def _label_map(ax: Axes) -> Axes:
    ax.set_xlabel(SYMBOLS["omega_h"])
    ax.set_ylabel(SYMBOLS["T_h"])
    return ax


# ---------------------------------------------------------------- trajectories


def plot_trajectory(trajectory: HasHistory, ax: Axes | None = None) -> Axes:
    """Heat currents of every bath against time (left axis) and the entropy production (right axis, dotted).

    Parameters
    ----------
    trajectory : Trajectory
    ax : Axes, optional
        The left axis; the right one is made as its twin, `ax.figure.axes[-1]`.

    Returns
    -------
    Axes
        The left axis.
    """
    ax = _axes(ax)
    styles = {"hot": (GLOBAL_RED, "-"), "cold": (LOCAL_BLUE, "--")}
    handles: list[Line2D] = []
    for index, (bath, current) in enumerate(trajectory.heat_currents.items()):
        colour, linestyle = styles.get(bath, (OTHER_COLOURS[index % len(OTHER_COLOURS)], "-."))
        style: dict[str, Any] = {"color": colour, "linestyle": linestyle, "linewidth": 1.8}
        handles += ax.plot(trajectory.times, current, label=_current_symbol(bath), **style)
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_xlabel("$t$")
    ax.set_ylabel("$J$")
    right = ax.twinx()
    # At the first time it can be infinite, when the first state is pure.
    finite = np.where(np.isfinite(trajectory.entropy_production), trajectory.entropy_production, np.nan)
    symbol = r"$\Delta\mathcal{S}_u$"
    handles += right.plot(trajectory.times, finite, color="black", linestyle=":", linewidth=1.5, label=symbol)
    right.set_ylabel(f"entropy production {symbol}")
    right.legend(handles=handles, fontsize=9, loc="center right")
    return ax


# ---------------------------------------------------------------- common


def _axes(ax: Axes | None) -> Axes:
    return plt.figure(layout="constrained").subplots() if ax is None else ax


def _coordinates(dataset: xr.Dataset) -> list[str]:
    return [str(name) for name in dataset.entropy_production.dims if name != "equation"]


def _one_coordinate(dataset: xr.Dataset) -> str:
    names = _coordinates(dataset)
    if len(names) != 1:
        raise ValueError(f"dataset must have one coordinate for a curve, but has {', '.join(names)}")
    return names[0]
