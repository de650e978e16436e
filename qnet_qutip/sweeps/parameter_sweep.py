"""Steady states over a grid of parameters, on any executor, with a checkpoint, as an `xarray.Dataset`."""

from __future__ import annotations

import builtins
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike

import qnet_qutip
from qnet_qutip import checks
from qnet_qutip.network import FrozenMapping
from qnet_qutip.steady import METHODS
from qnet_qutip.sweeps.closed_forms import closed_forms
from qnet_qutip.sweeps.dataset import attributes, of_records
from qnet_qutip.sweeps.engines import check_executor
from qnet_qutip.sweeps.gathering import gathered
from qnet_qutip.sweeps.grid import checked_grid
from qnet_qutip.sweeps.observables import OF_HAMILTONIANS, OF_NETWORKS, Observable, checked_observables
from qnet_qutip.sweeps.one_body import Chunk, check_one_body, chunk_starts, of_chunks, solve_chunk
from qnet_qutip.sweeps.point import Record, Task, failed, solve
from qnet_qutip.sweeps.system import (
    Equation,
    System,
    bath_names,
    checked_build,
    checked_equations,
    checked_system,
    described,
    digest,
    node_names,
)
from qnet_qutip.wording import noted


class FailedPointWarning(UserWarning):
    """Points of a sweep failed: they are NaN in the dataset, which says why."""


def sweep(
    build: str | Callable[..., System],
    equations: Sequence[Equation] | Mapping[str, Equation],
    coordinates: Mapping[str, ArrayLike],
    parameters: Mapping[str, Any] = FrozenMapping({}),
    *,
    observables: Sequence[str | Callable[[Any], Any] | Observable] | None = None,
    method: str = "sectors",
    options: Mapping[str, object] | None = None,
    executor: int | Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Steady states of a network over a grid of parameters.

    Parameters
    ----------
    build : {"oscillator", "two-level"} or callable
        Kind of node of the paper's network (`two_node`), or a function of the parameters, by keyword, that returns a
        `Network`, or a Hamiltonian and its baths as the equations take them.
    equations : sequence, or mapping of str, of str or callable
        Short names of master equations, keys of `MASTER_EQUATIONS`, and functions of one's own: from what `build`
        returns to a `MasterEquation`, which is then solved, or to a state of any kind that has heat currents. They are
        labelled by their names, or by the keys of a mapping.
    coordinates : mapping of str to array_like
        The parameters that vary, each with its values, numbers or names: one for a curve, two for a map.
    parameters : mapping of str to value, optional
        The parameters that do not; by default none, where the coordinates are all that `build` takes.
    observables : sequence of str, callable or Observable, optional
        What to keep of every state: names (keys of `OBSERVABLES`), functions of the state that return a real number,
        and `Observable` values, which have a definition and units and may have a number for each bath or node. By
        default the heat currents, the occupations of a network's nodes, and the entropy production.
    method : str, optional
        As for `steady_state`, of density matrices; or "one-body" for the one-body matrices of quadratic networks, as
        `gaussian.heat_currents` has them, thousands of points at once; or "analytic" for the paper's closed forms, on
        the whole grid at once.
    options : mapping of str to value, optional
        Keyword arguments of every equation: `levels`, `max_excitations`, `rtol`; of one-body matrices `clusters` and
        `cutoff`. By default each point has its own
        space, large enough for its currents.
    executor : int or concurrent.futures.Executor, optional
        Where to solve: in this process, in that number of processes on this machine, or wherever an executor does, each
        worker on one core. For `mpi4py.futures.MPIPoolExecutor()` start the script by ``mpirun -n 3 python -m
        mpi4py.futures SCRIPT``; of a `dask.distributed.Client` give ``client.get_executor(pure=False)``. As with every
        use of `multiprocessing`, a script must call this under ``if __name__ == "__main__":``.
    checkpoint : path, optional
        File that every point is written to as it comes; with one-body matrices, every third of a second's thousand
        points. If the sweep is interrupted or killed, the same call takes up from there. The file stays, so that
        nothing is lost between the end of the sweep and the moment the dataset is saved: delete it then. A file that
        is not this sweep's, that is damaged, or that another process is writing to, is refused and left as it is. A
        spectrum made of a function is told from others by the function's name and by its value at the frequency of the
        bath's node.
    progress : bool, optional
        Show the progress of a sweep of more than two seconds on standard error.

    Returns
    -------
    xarray.Dataset
        Over the dimension "equation" and the coordinates: the observables, and as diagnostics `truncation_error`,
        `one_way_flow`, `residual`, `iterations` and `seconds`, each with its definition and units; `heat_current`,
        `truncation_error` and `one_way_flow` also over "bath", `occupation` also over "node". A point that failed is
        NaN; the coordinate `error` says why, and `warning` which categories a point warned of. The attributes hold the
        fixed parameters, the method (of states that functions of one's own return, their kind; equation by equation
        where they differ), the conventions and the versions of the packages. Of the closed forms there are no
        diagnostics; of one-body matrices there is the absolute `heat_current_error`.

    Raises
    ------
    ValueError, TypeError
        Before any work starts: if an argument is not valid, cannot be sent to the executor's processes, or the
        checkpoint is not this sweep's.
    TypeError, AttributeError, ...
        At the first point, with a note that names it: whatever building it raises, and what only a mistake in a
        function of one's own does.
    OSError
        If the checkpoint cannot be written; a `BlockingIOError` if another process is writing to it.
    RuntimeError
        If every point failed.

    Warns
    -----
    FailedPointWarning
        Once if points failed.
    TruncationWarning, PositivityWarning, ...
        Once for all points at which `steady_state` does.

    Examples
    --------
    >>> import numpy as np
    >>> fixed = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    >>> dataset = sweep("two-level", ["local", "global"], {"epsilon": [0.01, 0.1]}, fixed)
    >>> np.sign(dataset.heat_current.sel(bath="hot").values)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> closed = sweep("two-level", ["local", "global"], {"epsilon": [0.01, 0.1]}, fixed, method="analytic")
    >>> bool(abs(dataset.heat_current / closed.heat_current - 1).max() < 1e-8)
    True
    >>> epsilon = np.geomspace(1e-6, 1, 3000)
    >>> many = sweep("oscillator", ["unified", "redfield"], {"epsilon": epsilon}, fixed, method="one-body")
    >>> many.heat_current.shape
    (2, 3000, 2)
    """
    checks.one_of("method", method, (*METHODS, "analytic", "one-body"))
    if not isinstance(checkpoint, str | os.PathLike | None):
        raise TypeError(f"checkpoint must be a path, but is {checkpoint!r}")
    grid, options = checked_grid(coordinates, parameters), dict(options or {})
    builder = checked_build(build, [*parameters, *grid.axes])
    with noted(f"in a sweep, {grid.label(0)}"):
        system = checked_system(builder(**parameters, **grid.point(0)))
    builders = checked_equations(equations, system, options)
    chosen = checked_observables(observables, OF_HAMILTONIANS if isinstance(system, tuple) else OF_NETWORKS)
    about = attributes(build, parameters, method, options)
    if method == "analytic":
        for name, value in (("options", options), ("executor", executor), ("checkpoint", checkpoint)):
            if value:
                raise ValueError(f"{name} must not be given with method='analytic', but is {value!r}")
        return closed_forms(build, list(equations), grid, parameters, chosen, about)  # type: ignore[arg-type]

    labels, total = list(builders), len(builders) * grid.size
    names = {"bath": bath_names(system), "node": node_names(system)}

    def place(point: int) -> str:
        return f"for the {labels[point // grid.size]} equation {grid.label(point % grid.size)}"

    def collected(
        count: int, make: Callable[[int], Any], solve_one: Callable[[Any], Record], where: Callable[[int], str]
    ) -> list[Record]:
        key = {
            "equations": [[label, described(function)] for label, function in builders.items()],
            "coordinates": [[name, values.tolist()] for name, values in grid.axes.items()],
            "observables": [each.name for each in chosen],
            "attributes": about,
            "systems": None if checkpoint is None else digest(builder, grid, parameters),
        }
        path = None if checkpoint is None else Path(checkpoint)
        return gathered(
            count, make, solve_one, where, points=total, executor=executor, checkpoint=path, key=key, progress=progress
        )

    if method == "one-body":
        given = dict(zip(labels, equations.values() if isinstance(equations, Mapping) else equations, strict=True))
        network, kinds = check_one_body(system, given, options, chosen)
        check_executor(executor, {"build": builder, "parameters": dict(parameters), "the options": options})
        starts = chunk_starts(len(labels), grid, network)

        def chunk(number: int) -> Chunk:
            equation, first = divmod(starts[number], grid.size)
            axes = grid.values(first, first + starts[number + 1] - starts[number])
            return Chunk(number, builder, dict(parameters), axes, kinds[labels[equation]], options)

        chunks = collected(len(starts) - 1, chunk, solve_chunk, lambda number: place(starts[number]))
        dataset, errors, warned = of_chunks(chunks, starts, labels, grid, chosen, names, about)
        _warn_again(total, errors, warned, place)
        return dataset

    functions = list(builders.values())
    parts = {"the network": system, "an equation": functions[0], "the options": options}
    check_executor(executor, parts | {f"observable {each.name!r}": each for each in chosen})

    def task(point: int) -> Task | Record:
        equation, index = divmod(point, grid.size)
        try:
            built = checked_system(builder(**parameters, **grid.point(index)))
        except Exception as error:
            return failed(error)
        return Task(point, built, functions[equation], chosen, method, options)

    records = collected(total, task, solve, place)
    errors = {point: record.error for point, record in enumerate(records) if record.error}
    warned = {point: record.warnings for point, record in enumerate(records) if record.warnings}
    _warn_again(total, errors, warned, place)
    return of_records(records, labels, grid, chosen, names, {**about, "method": _method(records, labels) or method})


def _method(records: Sequence[Record], labels: Sequence[str]) -> str:
    """How the states were found, equation by equation where not all were found alike."""
    each = len(records) // len(labels)
    found = {
        label: sorted({record.method for record in records[number * each : (number + 1) * each] if record.method})
        for number, label in enumerate(labels)
    }
    kinds = {", ".join(methods) for methods in found.values() if methods}
    if len(kinds) <= 1:
        return "".join(kinds)
    return "; ".join(f"{label}: {', '.join(methods)}" for label, methods in found.items() if methods)


def _warn_again(
    total: int,
    errors: Mapping[int, str],
    warned: Mapping[int, Sequence[tuple[str, str]]],
    place: Callable[[int], str],
) -> None:
    """Repeat what the points warned of, once for each category, and say which failed.

    Raises
    ------
    RuntimeError
        If all did.
    """
    if errors:
        first = min(errors)
        text = f"the first {place(first)}: {errors[first]}"
        if len(errors) == total:
            raise RuntimeError(f"every point of the sweep failed, {text}")
        warnings.warn(f"{len(errors)} of {total} points failed and are NaN, {text}", FailedPointWarning, stacklevel=3)
    found: dict[str, list[tuple[int, str]]] = {}
    for point, said in sorted(warned.items()):
        for category, message in said:
            found.setdefault(category, []).append((point, message))
    for category, messages in found.items():
        point, message = messages[0]
        points = len({number for number, _ in messages})
        known = getattr(qnet_qutip, category, getattr(builtins, category, RuntimeWarning))
        warnings.warn(f"{points} of {total} points warn, the first {place(point)}: {message}", known, stacklevel=3)
