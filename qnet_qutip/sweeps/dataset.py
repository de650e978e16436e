"""The labelled result of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import qnet_qutip
from qnet_qutip import checks
from qnet_qutip.state import SMALLEST_CURRENT_SCALE
from qnet_qutip.sweeps.grid import Grid
from qnet_qutip.sweeps.observables import DIAGNOSTICS, SECONDS, Observable
from qnet_qutip.sweeps.point import Record
from qnet_qutip.sweeps.system import described

CONVENTIONS = "hbar = k_B = 1; heat into the network is positive"

PARAMETERS = {
    "omega_h": ("frequency of node A", "frequency"),
    "omega_c": ("frequency of node B", "frequency"),
    "epsilon": ("strength of the swap coupling", "frequency"),
    "T_h": ("temperature of the hot bath", "frequency"),
    "T_c": ("temperature of the cold bath", "frequency"),
    "kappa": ("kappa of the phonon spectrum, eq. (15)", "frequency**-2"),
}
"""Definition and units of the parameters of `two_node`."""


def attributes(
    build: object, parameters: Mapping[str, Any], method: str, options: Mapping[str, object]
) -> dict[str, Any]:
    """What a dataset says of itself: plain numbers and texts, so that any file format holds them."""
    fixed = {name: checks.plain(value) for name, value in parameters.items()}
    return {
        "network": build if isinstance(build, str) else described(build),
        **{name: value if isinstance(value, str | int | float) else described(value) for name, value in fixed.items()},
        "method": method,
        "options": described(dict(options)),
        "conventions": CONVENTIONS,
        "qnet_qutip": qnet_qutip.__version__,
        **{package: version(package) for package in ("qutip", "numpy", "scipy")},
    }


def of_records(
    records: Sequence[Record],
    equations: Sequence[str],
    grid: Grid,
    observables: Sequence[Observable],
    labels: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Make a dataset of the records of all points.

    Parameters
    ----------
    records : sequence of Record
        Through all equations, the last coordinate running fastest.
    equations : sequence of str
    grid : Grid
    observables : sequence of Observable
        Those that were asked for.
    labels : mapping of str to sequence of str
        The baths and nodes.
    attributes : mapping of str to value

    Returns
    -------
    Dataset
        With NaN where a point failed, or where its state has no such label.
    """
    shape, dims = (len(equations), *grid.shape), ("equation", *grid.axes)
    everything = (*observables, *DIAGNOSTICS)
    members = {dimension: dict.fromkeys(names) for dimension, names in labels.items()}
    for each in everything:
        if each.dimension is not None:
            known = members.setdefault(each.dimension, {})
            for record in records:
                known.update(dict.fromkeys(record.values.get(each.name, {})))
    variables = {}
    for each in everything:
        if each.dimension is None:
            numbers = np.array([record.values.get(each.name, np.nan) for record in records], dtype=float)
            variables[each.name] = (dims, numbers.reshape(shape))
        else:
            names = list(members[each.dimension])
            rows = [_row(record, each.name, names) for record in records]
            variables[each.name] = (
                (*dims, each.dimension),
                np.array(rows, dtype=float).reshape(*shape, len(names)),
            )
    variables[SECONDS.name] = (dims, np.array([record.seconds for record in records]).reshape(shape))
    dataset = labelled(
        variables,
        (*everything, SECONDS),
        equations,
        grid,
        {name: list(found) for name, found in members.items()},
        attributes,
    )
    # Beside the numbers and not among them, so that arithmetic leaves them alone.
    warned = [", ".join(sorted({category for category, _ in record.warnings})) for record in records]
    return dataset.assign_coords(
        error=(dims, np.array([record.error for record in records]).reshape(shape), {"definition": "why it failed"}),
        warning=(dims, np.array(warned).reshape(shape), {"definition": "categories of its warnings"}),
    )


def _row(record: Record, name: str, labels: Sequence[str]) -> list[float]:
    found = record.values.get(name, {})
    assert isinstance(found, Mapping)
    return [found.get(label, np.nan) for label in labels]


def labelled(
    variables: Mapping[str, tuple[tuple[str, ...], NDArray[Any]]],
    observables: Sequence[Observable],
    equations: Sequence[str],
    grid: Grid,
    labels: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put definitions, units and coordinates to arrays over equations, axes and labels."""
    about = {each.name: {"definition": each.definition, "units": each.units} for each in observables}
    described = {
        name: (dims, values, {key: text for key, text in about[name].items() if text})
        for name, (dims, values) in variables.items()
    }
    axes: dict[str, Any] = {}
    of_two_nodes = attributes["network"] in ("oscillator", "two-level")
    for name, values in grid.axes.items():
        definition, units = PARAMETERS[name] if of_two_nodes else ("", "")
        axes[name] = (name, values, {"definition": definition, "units": units} if units else {})
    used = {dimension for dims, _ in variables.values() for dimension in dims}
    return xr.Dataset(
        described,
        coords={
            "equation": list(equations),
            **axes,
            **{name: list(found) for name, found in labels.items() if name in used},
        },
        attrs=dict(attributes),
    )


def relative_deviation(dataset: xr.Dataset, closed: xr.Dataset) -> xr.DataArray:
    """Deviation of the heat currents from the closed forms, relative as `SteadyState.truncation_error` is.

    Parameters
    ----------
    dataset, closed : Dataset
        From `sweep`, of density matrices and with the method "analytic", over the same coordinates.

    Returns
    -------
    DataArray
        |J - J_closed| over |J_closed|, or over a hundredth of the one-way flow where the current is smaller than that.

    Raises
    ------
    ValueError
        If the two differ in their coordinates.
    """
    for name in dataset.heat_current.dims:
        if not np.array_equal(dataset[name], closed[name]):
            raise ValueError(f"the closed forms must be over the dataset's values of {name!r}, but are not")
    scale = np.maximum(abs(closed.heat_current), SMALLEST_CURRENT_SCALE * dataset.one_way_flow)
    deviation: xr.DataArray = abs(dataset.heat_current - closed.heat_current) / scale
    return deviation
