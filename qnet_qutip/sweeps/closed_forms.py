"""The paper's closed forms over a whole grid at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import analytic, checks
from qnet_qutip.network import NODE_KINDS
from qnet_qutip.sweeps.dataset import labelled
from qnet_qutip.sweeps.grid import Grid
from qnet_qutip.sweeps.observables import OF_NETWORKS, Observable

CLOSED_FORMS: Mapping[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "local": (analytic.local_heat_current, analytic.local_moments, analytic.local_entropy_production),
    "global": (analytic.global_heat_current, analytic.global_moments, analytic.global_entropy_production),
}
"""Heat current into the network from the hot bath, occupations and entropy production of the two equations."""


def closed_forms(
    kind: object,
    equations: Sequence[str],
    grid: Grid,
    parameters: Mapping[str, float],
    observables: Sequence[Observable],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Evaluate the closed forms on a grid.

    Parameters
    ----------
    kind : {"oscillator", "two-level"}
    equations : sequence of str
        "local", "global" or both.
    grid : Grid
    parameters : mapping of str to float
    observables : sequence of Observable
        Of "heat_current", "occupation" and "entropy_production".
    attributes : mapping of str to value

    Returns
    -------
    Dataset
        In the layout that a sweep of density matrices has.

    Raises
    ------
    ValueError, TypeError
        If there is no such closed form, or the global equation is not defined at some point.
    """
    checks.one_of("build", kind, NODE_KINDS)
    for name in equations:
        checks.one_of("equation", name, list(CLOSED_FORMS))
    for each in observables:
        checks.one_of("observable", each.name, OF_NETWORKS)
    mesh = np.meshgrid(*grid.axes.values(), indexing="ij", sparse=True)
    p = analytic.parameters(str(kind), **{**parameters, **dict(zip(grid.axes, mesh, strict=True))})
    shape, dims = grid.shape, ("equation", *grid.axes)

    def filled(values: ArrayLike) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(values, dtype=float), shape)

    found: dict[str, list[Any]] = {name: [] for name in OF_NETWORKS}
    for name in equations:
        heat_current, moments, entropy_production = CLOSED_FORMS[name]
        current, moment = filled(heat_current(p)), moments(p)
        found["heat_current"].append(np.stack([current, -current], axis=-1))
        found["occupation"].append(np.stack([filled(moment.n_A), filled(moment.n_B)], axis=-1))
        found["entropy_production"].append(filled(entropy_production(p)))
    variables = {
        each.name: (dims if each.dimension is None else (*dims, each.dimension), np.array(found[each.name]))
        for each in observables
    }
    return labelled(variables, observables, equations, grid, {"bath": ["hot", "cold"], "node": ["A", "B"]}, attributes)
