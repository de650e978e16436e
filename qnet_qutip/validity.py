"""Where each master equation holds: its error against the exact current over two parameters of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qnet_qutip import exact, gaussian
from qnet_qutip.equations import MASTER_EQUATIONS
from qnet_qutip.network import Network, require_network
from qnet_qutip.progress import Item, Made, one_by_one
from qnet_qutip.scales import scales
from qnet_qutip.wording import at_point, noted


def validity(build: Callable[..., Network], coordinates: Mapping[str, ArrayLike]) -> xr.Dataset:
    """Errors of every master equation over two parameters, by one-body matrices against the exact heat currents.

    Parameters
    ----------
    build : callable
        From the two parameters, by name, to a network of harmonic oscillators; all of one graph.
    coordinates : mapping of str to array_like
        The values of the two, each one-dimensional; the first runs along the abscissa of `plot_validity`.

    Returns
    -------
    Dataset
        Over "equation" and the two parameters: "error", the largest deviation of a heat current from the exact one,
        relative to the largest of these; nan where the equation has no steady state. Without "equation":
        "exact_error", the estimate of the exact currents' own error, and the scales "neglected", γ/ω, and
        "rate_over_gap", γ/gap.

    Raises
    ------
    TypeError, ValueError
        If there are not two parameters, or `build` returns no network of harmonic oscillators, or one without a
        unique steady state: with a note that names the point.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> def pair(detuning, epsilon):
    ...     rest = {"omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-7}
    ...     return qn.two_node("oscillator", omega_h=5 + detuning, epsilon=epsilon, **rest)
    >>> errors = validity(pair, {"detuning": [1e-6, 1.0], "epsilon": [1e-6, 1e-3]}).error
    >>> (errors.sel(equation="global") < 0.01).values.tolist()
    [[False, True], [True, True]]
    """
    if len(coordinates) != 2:
        raise ValueError(f"coordinates must be two parameters and their values, but are {list(coordinates)}")
    axes = {name: np.asarray(values, dtype=float) for name, values in coordinates.items()}
    for name, values in axes.items():
        if values.ndim != 1 or not values.size:
            raise ValueError(f"coordinate {name!r} must be one-dimensional and not empty, but has shape {values.shape}")
    points = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]

    def at_every_point(label: str, function: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
        def at(number: int) -> Made:
            with noted(at_point(points[number])):
                return function(items[number])

        return one_by_one(label, at, range(len(points)))

    def built(point: Mapping[str, float]) -> Network:
        network = build(**point)
        require_network(network)
        return network

    networks = at_every_point("networks", built, points)
    states = at_every_point("exact currents", exact.steady_state, networks)
    exact_currents = np.array([list(state.heat_currents.values()) for state in states])
    largest = np.abs(exact_currents).max(axis=1)
    shape = tuple(map(len, axes.values()))

    def on_grid(values: ArrayLike) -> tuple[list[str], np.ndarray]:
        return list(axes), np.reshape(values, shape)

    errors = []
    for name in MASTER_EQUATIONS:
        currents = np.stack(list(gaussian.heat_currents(networks, name).heat_currents.values()), axis=-1)
        errors.append(np.abs(currents - exact_currents).max(axis=1) / largest)
    measured = at_every_point("scales", scales, networks)
    doubts = [max(state.heat_current_errors.values()) for state in states]
    return xr.Dataset(
        {
            "error": (["equation", *axes], np.reshape(errors, (len(errors), *shape))),
            "exact_error": on_grid(doubts / largest),
            "neglected": on_grid([each.neglected for each in measured]),
            "rate_over_gap": on_grid([each.rate_over_gap for each in measured]),
        },
        coords={"equation": list(MASTER_EQUATIONS), **axes},
    )
