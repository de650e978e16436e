"""Sweeps by one-body matrices, of which many points are solved in one call: chunks of points in place of points."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qnet_qutip import checks, gaussian
from qnet_qutip.network import Network
from qnet_qutip.progress import silenced
from qnet_qutip.sweeps.dataset import labelled
from qnet_qutip.sweeps.grid import Grid
from qnet_qutip.sweeps.observables import OF_NETWORKS, Observable
from qnet_qutip.sweeps.point import Record, in_words
from qnet_qutip.sweeps.system import System, checked_system

OPTIONS = ("clusters", "cutoff")
"""Options of the equations that one-body matrices have too."""

ELEMENTS = 12_000
"""Elements of all one-body matrices of a chunk, 3000 points of two nodes: a third of a second, so that little is lost
when a sweep is killed, and handing the chunk out costs nothing beside it."""

ERROR = Observable(
    "heat_current_error",
    lambda currents: currents.heat_current_errors,
    "estimated absolute error of the heat current",
    "frequency**2",
    "bath",
)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Successive points of one equation.

    Attributes
    ----------
    point : int
        Number of the chunk through all equations.
    build : callable
        From parameters, by keyword, to a `Network`.
    parameters : mapping of str to value
        Those that do not vary.
    axes : mapping of str to ndarray, shape (points,)
        Those that do.
    equation : str
        One of `gaussian.EQUATIONS`.
    options : mapping of str to value
        Of `gaussian.heat_currents`.
    """

    point: int
    build: Callable[..., Any]
    parameters: Mapping[str, Any]
    axes: Mapping[str, NDArray[Any]]
    equation: str
    options: Mapping[str, Any]


def check_one_body(
    system: System, equations: Mapping[str, object], options: Mapping[str, Any], observables: Sequence[Observable]
) -> tuple[Network, dict[str, str]]:
    """Return the network of a sweep's first point and the equations' names, or raise if one-body matrices will not do.

    Raises
    ------
    ValueError, TypeError
        Naming the argument; a `NotGaussianError` if the network is not quadratic.
    """
    if not isinstance(system, Network):
        raise TypeError(f"build must return a Network with method='one-body', but returned {system!r}")
    for name in options:
        checks.one_of("an option with method='one-body'", name, OPTIONS)
    for each in observables:
        checks.one_of("observable with method='one-body'", each.name, OF_NETWORKS)
    kinds = {}
    for label, equation in equations.items():
        if not isinstance(equation, str):
            raise TypeError(
                f"equation {label!r} must be a name with method='one-body', one of {', '.join(gaussian.EQUATIONS)}, "
                f"but is {equation!r}"
            )
        # A first point that has no steady state is recorded when its turn comes.
        gaussian.heat_currents([system], equation, **options)
        kinds[label] = equation
    return system, kinds


def chunk_starts(equations: int, grid: Grid, network: Network) -> list[int]:
    """Number of each chunk's first point, through all equations, none with points of two; and the number of points."""
    step = max(1, ELEMENTS // len(network.nodes) ** 2)
    starts = [number * grid.size + first for number in range(equations) for first in range(0, grid.size, step)]
    return [*starts, equations * grid.size]


def solve_chunk(chunk: Chunk) -> Record:
    """Solve the points of a chunk together.

    Returns
    -------
    Record
        Its values are arrays over the points, NaN where one failed: by name of the observable, and by bath or node.
        Besides, under "error", the text of each failure and, under "warning", category and text of what building a
        network warned of, both by the number of the point in the chunk.
    """
    started, count = time.perf_counter(), len(next(iter(chunk.axes.values())))
    networks, errors, warned = dict[int, Network](), dict[str, str](), dict[str, list[tuple[str, str]]]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        columns = [values.tolist() for values in chunk.axes.values()]
        for number, row in enumerate(zip(*columns, strict=True)):
            try:
                built = checked_system(chunk.build(**chunk.parameters, **dict(zip(chunk.axes, row, strict=True))))
                if not isinstance(built, Network):
                    raise TypeError(f"build must return a Network with method='one-body', but returned {built!r}")
                networks[number] = built
            except Exception as error:
                errors[str(number)] = in_words(error)
            if caught:
                warned[str(number)] = [(one.category.__name__, str(one.message)) for one in caught]
                caught.clear()
    found: dict[str, Any] = {"heat_current": {}, "heat_current_error": {}, "occupation": {}}
    found["entropy_production"] = np.full(count, np.nan)
    _solve(list(networks), networks, chunk, found, errors)
    return Record({**found, "error": errors, "warning": warned}, time.perf_counter() - started)


def _solve(
    members: list[int], networks: Mapping[int, Network], chunk: Chunk, found: dict[str, Any], errors: dict[str, str]
) -> None:
    """Write the currents of some of a chunk's networks to `found`, and why there are none to `errors`.

    If they are not of one graph the call for all of them fails: halves are then tried.
    """
    if not members:
        return
    together = [networks[number] for number in members]
    try:
        with silenced():
            currents = gaussian.heat_currents(together, chunk.equation, **chunk.options)
    except Exception as error:
        if len(members) == 1:
            errors[str(members[0])] = in_words(error)
            return
        half = len(members) // 2
        _solve(members[:half], networks, chunk, found, errors)
        _solve(members[half:], networks, chunk, found, errors)
        return
    errors.update({str(members[number]): in_words(error) for number, error in currents.failures.items()})
    entropy = np.zeros(len(members))
    for bath, current in currents.heat_currents.items():
        temperatures = np.array([network.baths[bath].temperature for network in together])
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy -= np.where(current == 0, 0.0, current / temperatures)
    found["entropy_production"][members] = entropy
    for name, by_label in (
        ("heat_current", currents.heat_currents),
        ("heat_current_error", currents.heat_current_errors),
        ("occupation", currents.occupations),
    ):
        for label, values in by_label.items():
            found[name].setdefault(label, np.full_like(found["entropy_production"], np.nan))[members] = values


def of_chunks(
    records: Sequence[Record],
    starts: Sequence[int],
    equations: Sequence[str],
    grid: Grid,
    observables: Sequence[Observable],
    labels: Mapping[str, Sequence[str]],
    attributes: Mapping[str, Any],
) -> tuple[xr.Dataset, dict[int, str], dict[int, Sequence[tuple[str, str]]]]:
    """Make a dataset of the records of all chunks.

    Parameters
    ----------
    records : sequence of Record
        As `solve_chunk` makes them.
    starts : sequence of int
        Number of each one's first point, through all equations; and the number of all points.
    equations : sequence of str
    grid : Grid
    observables : sequence of Observable
    labels : mapping of str to sequence of str
        Baths and nodes of the first network.
    attributes : mapping of str to value

    Returns
    -------
    Dataset
    errors : dict of int to str
        Why points failed, by their numbers.
    warned : dict of int to sequence of (str, str)
        Category and text of what points warned of.
    """
    shape, dims, total = (len(equations), *grid.shape), ("equation", *grid.axes), starts[-1]
    everything = (*observables, ERROR)
    members = {dimension: dict.fromkeys(names) for dimension, names in labels.items()}
    for each in everything:
        for record in records if each.dimension is not None else ():
            members[str(each.dimension)].update(dict.fromkeys(record.values.get(each.name, ())))
    variables = {}
    for each in everything:
        names = [""] if each.dimension is None else list(members[each.dimension])
        columns = np.full((total, len(names)), np.nan)
        for start, record in zip(starts[:-1], records, strict=True):
            values = record.values.get(each.name, {})
            for name, column in values.items() if isinstance(values, Mapping) else [("", values)]:
                columns[start : start + len(column), names.index(name)] = column
        if each.dimension is None:
            variables[each.name] = (dims, columns.reshape(shape))
        else:
            variables[each.name] = ((*dims, each.dimension), columns.reshape(*shape, len(names)))
    errors, warned = dict[int, str](), dict[int, Sequence[tuple[str, str]]]()
    for start, end, record in zip(starts[:-1], starts[1:], records, strict=True):
        if record.error:
            errors.update(dict.fromkeys(range(start, end), record.error))
        errors.update({start + int(number): text for number, text in record.values.get("error", {}).items()})
        warned.update({start + int(number): said for number, said in record.values.get("warning", {}).items()})
    # Texts as objects: a million times the length of the longest would be too much.
    why, categories = (np.full(total, "", dtype=object) for _ in range(2))
    for point, text in errors.items():
        why[point] = text
    for point, said in warned.items():
        categories[point] = ", ".join(sorted({category for category, _ in said}))
    lists = {name: list(found) for name, found in members.items()}
    dataset = labelled(variables, everything, equations, grid, lists, attributes).assign_coords(
        error=(dims, why.reshape(shape), {"definition": "why it failed"}),
        warning=(dims, categories.reshape(shape), {"definition": "categories of its warnings"}),
    )
    return dataset, errors, warned
