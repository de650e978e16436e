"""Schematic of a network as inline SVG, for notebooks: the layout and the arrows of the pictures, without Matplotlib.

Lines and letters take the colour of the page's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from qnet_qutip.layout import BATH_HALF, NODE_RADIUS, ROOM_FOR_CURRENTS, arrow, network_layout
from qnet_qutip.network import Network, Oscillator

Name = str | tuple[str, str]

UNIT = 52.0
"""Pixels of one unit of the layout."""

LETTERS = 12.0
"""Pixels of the letters, and how many of them fit into a node."""

LETTERS_THAT_FIT = 7

COLD, HOT = (74, 127, 208), (224, 82, 58)


def schematic(
    network: Network,
    of_nodes: Mapping[str, str],
    of_baths: Mapping[str, str],
    line_texts: Mapping[Name, str],
    currents: Mapping[Name, float] | None = None,
) -> str:
    """A network as an SVG element, with texts in its nodes and baths and beside its lines.

    Parameters
    ----------
    network : Network
    of_nodes, of_baths : mapping of str to str
        What stands below the names of each node and each bath.
    line_texts : mapping
        For couplings and baths what stands beside their lines.
    currents : mapping, optional
        Of the lines that are drawn as arrows, relative to the largest; see `qnet_qutip.flows.Flow`.

    Returns
    -------
    str
    """
    layout = network_layout(network, 1.0 if currents is None else ROOM_FOR_CURRENTS)
    low, high = layout.corners(of_baths=currents is not None)
    parts = []
    for name, (start, end) in layout.lines.items():
        parts.append(_line(start, end, (currents or {}).get(name, 0.0), isinstance(name, str)))
    for name, text in line_texts.items():
        label = layout.bath_labels[name] if isinstance(name, str) else layout.coupling_labels[name]
        parts.append(_text(label.place, text, ("middle", "start", "end")[label.side], inside=False))
    temperatures = [bath.temperature for bath in network.baths.values()]
    for name, bath in network.baths.items():
        parts.append(_bath(layout.baths[name], name, of_baths[name], _warmth(bath.temperature, temperatures)))
    for name, node in network.nodes.items():
        parts.append(_node(layout.nodes[name], name, of_nodes[name], isinstance(node, Oscillator)))
    width, height = (high - low).real * UNIT, (high - low).imag * UNIT
    view = f"{low.real * UNIT:.1f} {-high.imag * UNIT:.1f} {width:.1f} {height:.1f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width:.0f}" height="{height:.0f}" '
        f'style="display: block; max-width: 100%; overflow: visible" font-family="sans-serif" font-size="{LETTERS:g}" '
        f'fill="currentColor" stroke="none">{"".join(parts)}</svg>'
    )


def _line(start: complex, end: complex, current: float, of_bath: bool) -> str:
    if current:
        return f'<polygon points="{_points(arrow(start, end, current))}"/>'
    dashes = ' stroke-dasharray="4 3"' if of_bath else ""
    return f'<polyline points="{_points([start, end])}" fill="none" stroke="currentColor"{dashes}/>'


def _node(place: complex, name: str, text: str, oscillator: bool) -> str:
    x, y = _pixels(place)
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{NODE_RADIUS * UNIT:.1f}" fill="none" stroke="currentColor"/>'
    if oscillator:
        well = [place + complex(step / 50, 9 * (step / 50) ** 2 - 0.17) for step in range(-10, 11, 2)]
        lines = [well, *([place + complex(-h, v), place + complex(h, v)] for h, v in ((0.09, -0.1), (0.18, 0.12)))]
    else:
        lines = [[place + complex(-0.2, height), place + complex(0.2, height)] for height in (-0.1, 0.12)]
    drawn = [
        f'<polyline points="{_points(line)}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>' for line in lines
    ]
    return circle + "".join(drawn) + _text(place + 0.36j, name, bold=True) + _text(place - 0.34j, text)


def _bath(place: complex, name: str, text: str, warmth: float) -> str:
    x, y = _pixels(place + complex(-BATH_HALF, BATH_HALF))
    side = 2 * BATH_HALF * UNIT
    colour = ",".join(f"{(1 - warmth) * cold + warmth * hot:.0f}" for cold, hot in zip(COLD, HOT, strict=True))
    box = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" rx="4" fill="rgb({colour})" '
        'fill-opacity="0.4" stroke="currentColor"/>'
    )
    return box + _text(place + 0.15j, name, bold=True) + _text(place - 0.18j, text)


def _text(place: complex, text: str, anchor: str = "middle", bold: bool = False, inside: bool = True) -> str:
    x, y = _pixels(place)
    small = LETTERS * min(1.0, LETTERS_THAT_FIT / max(len(text), 1)) if inside else LETTERS
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" dominant-baseline="central" '
        f'font-size="{small:.1f}"{weight}>{escape(text)}</text>'
    )


def _warmth(temperature: float, temperatures: list[float]) -> float:
    low, high = min(temperatures), max(temperatures)
    return 0.5 if low == high else (temperature - low) / (high - low)


def _pixels(place: complex) -> tuple[float, float]:
    return place.real * UNIT, -place.imag * UNIT


def _points(places: Iterable[complex]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_pixels, places))
