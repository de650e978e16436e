"""Where the schematic of a network has its nodes, baths and labels, for pictures and for notebooks.

A place in the plane is a complex number x + iy. Lengths are in the schematic's own unit, a little less than the
diameter of a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qnet_qutip.network import FrozenMapping, Network
from qnet_qutip.node_places import Places, node_places

NODE_RADIUS, GAP, BATH_HALF, BATH_DISTANCE = 0.58, 0.64, 0.5, 2.1

FAN = np.radians(70)
"""Angle between two baths of one node: their boxes are then 2.4 apart, more than twice their width."""

ROOM_OF_A_BATH, ROOM_OF_A_LABEL = 1.4, 0.6
"""Distance from everything else beyond which a place is as good as any other."""

LABEL_OFFSET, LABEL_WIDTH = 0.25, 1.4
"""Of a text from the line that it belongs to, and what it takes up at most."""

STEEP = 0.2
"""Sine of the angle to the horizontal beyond which a text stands beside its line and not above it."""

THINNEST, WIDEST = 0.03, 0.18
"""Width of an arrow of hardly any current, and of that with the largest one."""

ROOM_FOR_CURRENTS = 1.5
"""By how much lines are longer that have a current written beside them."""

Link = tuple[str, str]


@dataclass(frozen=True)
class Label:
    """Where a text goes: to the right of its place (`side` 1), to the left of it (-1), or with its middle there (0)."""

    place: complex
    side: int


@dataclass(frozen=True)
class Layout:
    """Places in the plane, as complex numbers x + iy.

    Attributes
    ----------
    nodes : mapping of str to complex
        In the order in which they lie on a line or a circle, or else that of the network.
    baths : mapping of str to complex
    coupling_labels : mapping of (str, str) to Label
        Where the text of a coupling goes.
    bath_labels : mapping of str to Label
        Where a text goes that belongs to the line between a bath and its node.
    lines : mapping of (str, str) or str to (complex, complex)
        For each coupling the ends of its line, from the first node to the second; for each bath from it to its node.
    """

    nodes: Mapping[str, complex]
    baths: Mapping[str, complex]
    coupling_labels: Mapping[Link, Label]
    bath_labels: Mapping[str, Label]
    lines: Mapping[Link | str, tuple[complex, complex]]

    def corners(self, *, of_baths: bool = False) -> tuple[complex, complex]:
        """Lower left and upper right corner of what is drawn, boxes, circles and texts included.

        Parameters
        ----------
        of_baths : bool, optional
            Whether there are texts beside the lines of the baths, too.
        """
        shapes = np.array([*self.nodes.values(), *self.baths.values()])
        low, high = np.array([shapes - (0.7 + 0.7j), shapes + (0.7 + 0.7j)])
        texts = [*self.coupling_labels.values(), *(self.bath_labels.values() if of_baths else ())]
        spread = np.array([place for label in texts for place in _extent(label)] or shapes)
        low, high = np.array([*low, *(spread - 0.2j)]), np.array([*high, *(spread + 0.2j)])
        return complex(low.real.min(), low.imag.min()), complex(high.real.max(), high.imag.max())


def network_layout(network: Network, spacing: float = 1.0) -> Layout:
    """Lay a network out: a chain in a row, a ring on a circle, a star around its centre, any other graph by its stress.

    Parameters
    ----------
    network : Network
        Parts that no coupling joins are laid out side by side.
    spacing : float, optional
        By how much the lines are longer, to have room for longer texts beside them.

    Returns
    -------
    Layout

    Examples
    --------
    >>> from qnet_qutip import TwoLevel, chain
    >>> dict(network_layout(chain([TwoLevel(5)] * 3, 0.1)).nodes)
    {'A': 0j, 'B': (2.5+0j), 'C': (5+0j)}
    """
    nodes = {name: spacing * place for name, place in node_places(network).items()}
    centre = complex(np.mean(list(nodes.values())))
    lines = [_between(nodes[first], nodes[second]) for first, second in network.couplings]
    obstacles = [*nodes.values(), *(place for line in lines for place in line)]
    baths = _bath_places(network, nodes, centre, obstacles, spacing * BATH_DISTANCE)
    obstacles += baths.values()
    obstacles += [point for name, place in baths.items() for point in _between(nodes[network.baths[name].node], place)]
    labels: dict[Link | str, Label] = {}
    ends: dict[Link | str, tuple[complex, complex]] = {
        **{pair: (nodes[pair[0]], nodes[pair[1]]) for pair in network.couplings},
        **{name: (place, nodes[network.baths[name].node]) for name, place in baths.items()},
    }
    for name, (start, end) in ends.items():
        labels[name] = _label(start, end, centre, obstacles)
        obstacles += _extent(labels[name])
    return Layout(
        FrozenMapping(nodes),
        FrozenMapping(baths),
        FrozenMapping({pair: labels[pair] for pair in network.couplings}),
        FrozenMapping({name: labels[name] for name in baths}),
        FrozenMapping({name: _shortened(start, end, name in baths) for name, (start, end) in ends.items()}),
    )


# ---------------------------------------------------------------- baths and labels


def _bath_places(
    network: Network, nodes: Mapping[str, complex], centre: complex, obstacles: Sequence[complex], distance: float
) -> dict[str, complex]:
    """Each node's baths fanned out in the direction that has room, outward or upward if it has."""
    placed: dict[str, complex] = {}
    for node, here in nodes.items():
        baths = [name for name, bath in network.baths.items() if bath.node == node]
        if not baths:
            continue
        step = min(FAN, 2 * np.pi / len(baths)) if len(nodes) > 1 else 2 * np.pi / len(baths)
        outward = np.pi if len(nodes) == 1 else np.angle(here - centre) if abs(here - centre) > 1e-9 else np.pi / 2
        # Of a chain's inner nodes that is along the chain, where there is no room.
        turns = np.radians([sign * angle for angle in range(0, 181, 15) for sign in (1, -1)])
        directions = [np.pi / 2, *(outward + turns)] if _inside_a_row(nodes, here) else outward + turns
        fan = step * (np.arange(len(baths)) - (len(baths) - 1) / 2 if len(nodes) > 1 else np.arange(len(baths)))
        others = [place for place in (*obstacles, *placed.values()) if abs(place - here) > 1e-9]
        # Points of the node's own couplings that are as near as the node itself hinder nothing.
        others = [place for place in others if abs(place - here) > GAP]
        candidates = [here + distance * np.exp(1j * (direction + fan)) for direction in directions]
        placed |= zip(baths, map(complex, _roomiest(candidates, others, ROOM_OF_A_BATH)), strict=True)
    return {name: placed[name] for name in network.baths}


def _inside_a_row(nodes: Mapping[str, complex], here: complex) -> bool:
    return all(place.imag == 0 for place in nodes.values()) and here.real not in (
        min(place.real for place in nodes.values()),
        max(place.real for place in nodes.values()),
    )


def _label(start: complex, end: complex, centre: complex, obstacles: Sequence[complex]) -> Label:
    """Beside the middle of a line, on the side away from the centre or above; elsewhere if there is no room."""
    along = (end - start) / abs(end - start)
    normal = 1j * along
    outward = (((start + end) / 2 - centre) * normal.conjugate()).real
    if outward < -1e-9 or (abs(outward) <= 1e-9 and normal.imag < 0):
        normal = -normal
    # What lies on the line itself is as far from any place beside it.
    others = [place for place in obstacles if abs(((place - start) / along).imag) > 1e-6]
    candidates = []
    for away in (normal, -normal):
        side = round(np.sign(away.real)) if abs(away.real) > STEEP else 0
        # A centred text would come upon the nodes at the ends of a level line.
        for fraction in (0.5, 0.4, 0.6, 0.3, 0.7) if side else (0.5, 0.4, 0.6):
            candidates.append(Label(start + fraction * (end - start) + LABEL_OFFSET * away, side))
    extents = [np.array(_extent(label)) for label in candidates]
    chosen = _roomiest(extents, others, ROOM_OF_A_LABEL)
    return candidates[next(index for index, extent in enumerate(extents) if extent is chosen)]


def _shortened(start: complex, end: complex, from_box: bool) -> tuple[complex, complex]:
    """A line without what is inside the circles of nodes, or the box of the bath that it starts from."""
    along = (end - start) / abs(end - start)
    box = BATH_HALF / max(abs(along.real), abs(along.imag)) + GAP - NODE_RADIUS
    return start + (box if from_box else GAP) * along, end - GAP * along


def arrow(start: complex, end: complex, current: float) -> list[complex]:
    """Corners of an arrow as wide as its current.

    Parameters
    ----------
    start, end : complex
    current : float
        Relative to the largest, from -1 to 1, and not zero; a negative one goes from the end to the start.
    """
    if current < 0:
        start, end = end, start
    length, width = abs(end - start), THINNEST + (WIDEST - THINNEST) * abs(current)
    head, tip = min(0.16 + 1.4 * width, length / 2), width / 2 + 0.09
    outline = [(0.0, width / 2), (length - head, width / 2), (length - head, tip), (length, 0.0)]
    outline += [(x, -y) for x, y in reversed(outline[:3])]
    return [start + complex(x, y) * (end - start) / length for x, y in outline]


def _extent(label: Label) -> list[complex]:
    """Left end, middle and right end of a text."""
    middle = label.place + label.side * LABEL_WIDTH / 2
    return [middle - LABEL_WIDTH / 2, middle, middle + LABEL_WIDTH / 2]


def _roomiest(candidates: Iterable[Places], obstacles: Sequence[complex], enough: float) -> Places:
    """The first of some sets of places that has enough room around each of its places, or that with the most room."""
    best, most = None, -np.inf
    for places in candidates:
        room = float(np.abs(places[:, None] - np.array(obstacles)).min()) if obstacles else np.inf
        if room > most + 1e-9:
            best, most = places, room
        if room >= enough:
            break
    assert best is not None
    return best


def _between(start: complex, end: complex) -> list[complex]:
    """Five points on a line, evenly spaced, without its ends."""
    return [start + (end - start) * sixth / 6 for sixth in range(1, 6)]
