"""Drawing of a network's schematic: circles for nodes, boxes for baths, and lines with or without a current."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon
from numpy.typing import NDArray

from qnet_qutip.layout import BATH_HALF, NODE_RADIUS, ROOM_FOR_CURRENTS, Label, arrow, network_layout
from qnet_qutip.network import Network, Oscillator
from qnet_qutip.plotting.style import TINT_COLD, TINT_HOT

TEXT_HEIGHT = 0.25
"""Of the letters, in units of the schematic."""

LETTERS_THAT_FIT = 6
"""Of that height in a node or a bath; longer texts are smaller."""

GROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
"""Of a text beside a line, so that it can be read where it comes upon another line."""

Name = str | tuple[str, str]


@dataclass(frozen=True)
class Line:
    """What is written beside a line, and the current along it.

    Attributes
    ----------
    text : str
    current : float or None
        Relative to the largest, from -1 to 1: along a coupling from the first node to the second, along a bath's line
        into its node. None where currents are not drawn.
    """

    text: str
    current: float | None = None


def draw_schematic(
    network: Network,
    of_nodes: Mapping[str, str],
    of_baths: Mapping[str, str],
    lines: Mapping[Name, Line],
    ax: Axes,
) -> Axes:
    """Draw a network with texts in its nodes and baths, and beside its lines.

    Parameters
    ----------
    network : Network
    of_nodes, of_baths : mapping of str to str
        What stands below the names of each node and each bath.
    lines : mapping
        For each coupling, and for those baths whose heat current is drawn.
    ax : Axes

    Returns
    -------
    Axes
    """
    with_currents = any(name in lines for name in network.baths)
    layout = network_layout(network, ROOM_FOR_CURRENTS if with_currents else 1.0)
    low, high = layout.corners(of_baths=with_currents)
    ax.set_xlim(low.real, high.real)
    ax.set_ylim(low.imag, high.imag)
    ax.set_aspect("equal")
    ax.set_axis_off()
    for pair in network.couplings:
        _draw_line(ax, *layout.lines[pair], lines[pair].current)
        _label(ax, layout.coupling_labels[pair], lines[pair].text)
    temperatures = [bath.temperature for bath in network.baths.values()]
    for name, bath in network.baths.items():
        if name in lines:
            _draw_line(ax, *layout.lines[name], lines[name].current)
            _label(ax, layout.bath_labels[name], lines[name].text)
        else:
            _draw_wave(ax, layout.nodes[bath.node], layout.baths[name])
        _draw_bath(ax, layout.baths[name], name, of_baths[name], _tint(bath.temperature, temperatures))
    for name, node_kind in network.nodes.items():
        _draw_node(ax, layout.nodes[name], name, of_nodes[name], isinstance(node_kind, Oscillator))
    return ax


def _draw_line(ax: Axes, start: complex, end: complex, current: float | None) -> None:
    """Draw an arrow as wide as its current, a line where there is none, or two heads where currents are not drawn."""
    if current:
        corners = np.array(arrow(start, end, current))
        ax.add_patch(Polygon(np.column_stack([corners.real, corners.imag]), closed=True, color="black", linewidth=0))
        return
    heads = "<|-|>" if current is None else "-"
    style: dict[str, Any] = {"arrowstyle": heads, "mutation_scale": 13, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(_xy(start), _xy(end), color="black", linewidth=1.2, **style))


def _draw_node(ax: Axes, place: complex, name: str, text: str, oscillator: bool) -> None:
    ax.add_patch(Circle(_xy(place), NODE_RADIUS, facecolor="white", edgecolor="black", linewidth=1.4, zorder=2))
    _write(ax, place + 0.36j, name, formula=False, bold=True)
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
    _write(ax, place + 0.15j, name, formula=False)
    _write(ax, place - 0.15j, text)


def _draw_wave(ax: Axes, node: complex, bath: complex) -> None:
    """Draw a wavy line: the coupling of a node to its bath."""
    along = (bath - node) / abs(bath - node)
    distances = np.linspace(NODE_RADIUS + 0.06, abs(bath - node) - BATH_HALF - 0.06, 121)
    swing = 0.08 * np.sin(8 * np.pi * np.linspace(0, 1, 121))
    points = node + (distances + 1j * swing) * along
    ax.plot(points.real, points.imag, color="black", linewidth=1.2, zorder=1)


def _label(ax: Axes, label: Label, text: str) -> None:
    aligned = {-1: "right", 0: "center", 1: "left"}[label.side]
    ax.text(*_xy(label.place), text, ha=aligned, va="center", zorder=4, fontsize=_letters(ax), bbox=GROUND)


def _write(ax: Axes, place: complex, text: str, formula: bool = True, bold: bool = False) -> None:
    """A text in a node or a bath, as small as it must be to fit; a name is no formula, whatever is in it."""
    length = len(re.sub(r"\\[a-z]+", "x", text.replace("$", "").replace(" ", "")) if formula else text)
    size = _letters(ax) * min(1.0, LETTERS_THAT_FIT / max(length, 1))
    weight = "bold" if bold else "normal"
    style: dict[str, Any] = {"fontsize": size, "fontweight": weight, "parse_math": formula}
    ax.text(*_xy(place), text, ha="center", va="center", zorder=4, **style)


def _letters(ax: Axes) -> float:
    """Size of the letters: as large as the schematic lets them be, up to that of a caption."""
    points_per_inch = 72
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    scale = min(ax.bbox.width / (right - left), ax.bbox.height / (top - bottom)) * points_per_inch / ax.figure.dpi
    return float(min(TEXT_HEIGHT * scale, 12.0))


def _xy(place: complex) -> tuple[float, float]:
    return place.real, place.imag


def _tint(temperature: float, temperatures: Sequence[float]) -> NDArray[np.float64]:
    low, high = min(temperatures), max(temperatures)
    warmth = 0.5 if low == high else (temperature - low) / (high - low)
    return (1 - warmth) * np.array(to_rgb(TINT_COLD)) + warmth * np.array(to_rgb(TINT_HOT))
