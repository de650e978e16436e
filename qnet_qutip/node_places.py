"""Where the nodes of a network are drawn: a graph in the plane, whose points are complex numbers x + iy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.network import Network

NODE_DISTANCE = 2.5
"""Between two nodes, about twice the diameter of one."""

STRESS_STEPS = 300
"""Steps of the majorisation: after them no node of five graphs of four to ten nodes moved by more than 0.06."""

Places = NDArray[np.complex128]


def node_places(network: Network) -> dict[str, complex]:
    """Places of a network's nodes, coupled ones at least `NODE_DISTANCE` apart.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict of str to complex
        In the order in which they lie on a line or a circle, or else that of the network.
    """
    neighbours: dict[str, list[str]] = {name: [] for name in network.nodes}
    for first, second in network.couplings:
        neighbours[first].append(second)
        neighbours[second].append(first)
    places: dict[str, complex] = {}
    for part in _parts(neighbours):
        laid = _part_places({name: neighbours[name] for name in part})
        if places:
            right = max(place.real for place in places.values())
            shift = right + 2 * NODE_DISTANCE - min(place.real for place in laid.values())
            laid = {name: place + shift for name, place in laid.items()}
        places |= laid
    return places


def _parts(neighbours: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Connected parts, each with its nodes in the order of the network."""
    parts: list[list[str]] = []
    for name in neighbours:
        if not any(name in part for part in parts):
            reached = _walk(neighbours, name)
            parts.append([other for other in neighbours if other in reached])
    return parts


def _walk(neighbours: Mapping[str, Sequence[str]], start: str) -> list[str]:
    """Nodes in the order in which one comes by, always to the first neighbour that has not been seen."""
    seen, ahead = [], [start]
    while ahead:
        here = ahead.pop()
        if here not in seen:
            seen.append(here)
            ahead += reversed(neighbours[here])
    return seen


def _part_places(neighbours: Mapping[str, Sequence[str]]) -> dict[str, complex]:
    number = len(neighbours)
    degrees = {name: len(others) for name, others in neighbours.items()}
    ends = [name for name, degree in degrees.items() if degree < 2]
    if ends and max(degrees.values()) <= 2:
        return {name: complex(NODE_DISTANCE * index) for index, name in enumerate(_walk(neighbours, ends[0]))}
    if set(degrees.values()) == {2}:
        return dict(zip(_walk(neighbours, next(iter(neighbours))), _circle(number), strict=True))
    centre = max(degrees, key=degrees.__getitem__)
    if len(ends) == number - 1:
        return {centre: 0j, **dict(zip(ends, _circle(number - 1, NODE_DISTANCE), strict=True))}
    return dict(zip(neighbours, _by_stress(neighbours), strict=True))


def _circle(number: int, smallest: float = 0.0) -> list[complex]:
    """Places on a circle, neighbours at least the distance of two nodes apart, clockwise from the top."""
    radius = max(smallest, NODE_DISTANCE / (2 * np.sin(np.pi / number)))
    return [complex(radius * 1j * np.exp(-2j * np.pi * index / number)) for index in range(number)]


def _by_stress(neighbours: Mapping[str, Sequence[str]]) -> list[complex]:
    """Places whose distances come as close as may be to those along the couplings, each judged relative to itself.

    The stress Σ_ij (|x_i - x_j| - d_ij)²/d_ij² is made smaller step by step by majorisation (Gansner, Koren and North,
    Graph Drawing 2004, eq. (9)), from the places that would be right if the d_ij were distances in a plane.
    """
    distances = NODE_DISTANCE * _steps_between(neighbours)
    number = len(distances)
    weights = np.divide(1.0, distances**2, out=np.zeros_like(distances), where=distances > 0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)
    centring = np.eye(number) - 1 / number
    values, vectors = np.linalg.eigh(-centring @ distances**2 @ centring / 2)
    # A little of a circle keeps those apart that the two largest eigenvectors put on one place.
    places = vectors[:, -1] * np.sqrt(values[-1]) + 1j * vectors[:, -2] * np.sqrt(max(values[-2], 0.0))
    places = places + 0.1 * NODE_DISTANCE * np.exp(2j * np.pi * np.arange(number) / number)
    for _ in range(STRESS_STEPS):
        apart = np.abs(places[:, None] - places)
        pulls = np.divide(weights * distances, apart, out=np.zeros_like(apart), where=apart > 0)
        places = inverse @ (pulls.sum(axis=1) * places - pulls @ places)
    apart = np.abs(places[:, None] - places)
    places = places * NODE_DISTANCE / apart[distances > 0].min()
    return [complex(place) for place in _widest_across(places)]


def _steps_between(neighbours: Mapping[str, Sequence[str]]) -> NDArray[np.float64]:
    names = list(neighbours)
    steps = np.zeros((len(names), len(names)))
    for row, start in enumerate(names):
        seen, edge, distance = {start}, {start}, 0
        while edge:
            for name in edge:
                steps[row, names.index(name)] = distance
            edge = {other for name in edge for other in neighbours[name]} - seen
            seen |= edge
            distance += 1
    return steps


def _widest_across(places: Places) -> Places:
    """Turned so that they spread most from left to right, with the first node on the left and not below the middle."""
    centred: Places = places - places.mean()
    spread = complex((centred**2).sum())
    if abs(spread) > 1e-6 * (abs(centred) ** 2).sum():
        centred = centred * np.exp(-0.5j * np.angle(spread))
    centred = centred if centred[0].real <= 0 else -centred
    return centred if centred[0].imag >= 0 else np.conj(centred)
