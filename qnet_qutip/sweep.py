"""Labelled sweeps: steady states over a grid of parameters, in parallel, with a checkpoint, as an `xarray.Dataset`.

`sweep` solves for density matrices; `closed_forms` evaluates the paper's formulas on a grid and returns a dataset of
the same layout, so that one can be laid over the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import multiprocessing
import os
import pickle
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

import qnet_qutip
from qnet_qutip import analytic, checks
from qnet_qutip.checkpoint import Record, open_checkpoint
from qnet_qutip.equations import MASTER_EQUATIONS
from qnet_qutip.network import NODE_KINDS, Network, Oscillator, bath_density, two_node
from qnet_qutip.progress import progress_line, silenced
from qnet_qutip.steady import METHODS, SMALLEST_CURRENT_SCALE, steady_state

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")
"""Of an object in memory, as its repr shows it."""

MOST_STAND_IN_NODES = 8
"""Nodes up to which a network of two levels each is built in a few milliseconds."""

LONG_NAMES = {
    "heat_current": "heat current into the network",
    "occupation": "occupation of a node",
    "entropy_production": "entropy production",
    "truncation_error": "estimated relative truncation error of the heat current",
    "one_way_flow": "one-way flow that the truncation error is measured against where the current is small",
    "residual": "Frobenius norm of L(rho)",
    "iterations": "iterations of the solver",
    "seconds": "time taken",
}


@dataclass(frozen=True)
class _Task:
    """One equation at one point."""

    point: int
    equation: str
    network: Network
    label: str
    method: str
    options: Mapping[str, object]


def sweep(
    network: str | Callable[..., Network],
    equations: Sequence[str],
    coordinates: Mapping[str, ArrayLike],
    parameters: Mapping[str, Any],
    *,
    method: str = "sectors",
    options: Mapping[str, object] | None = None,
    jobs: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Steady states of a network over a grid of parameters.

    Parameters
    ----------
    network : {"oscillator", "two-level"} or callable
        Kind of node of the paper's network (`two_node`), or a function of the parameters, by keyword, that returns a
        `Network` with always the same names of nodes and baths.
    equations : sequence of str
        Short names of master equations, keys of `MASTER_EQUATIONS`.
    coordinates : mapping of str to array_like
        The parameters that vary, each with its values: one for a curve, two for a map.
    parameters : mapping of str to value
        The parameters that do not.
    method : str, optional
        As for `steady_state`.
    options : mapping of str to value, optional
        Keyword arguments of every equation's builder: `levels`, `max_excitations`, `rtol`. By default each point has
        its own space, large enough for its currents.
    jobs : int, optional
        Number of processes, each with one BLAS thread. As with every use of `multiprocessing`, a script that asks for
        more than one must call this under ``if __name__ == "__main__":``.
    checkpoint : path, optional
        File that every finished point is written to. If the sweep is interrupted, the same call takes up from there;
        the file is removed when the sweep is complete. A file that is not this sweep's, or that another process is
        writing to, is refused and left as it is. A spectrum made of a function is told from others by the function's
        name and by its value at the frequency of the bath's node.
    progress : bool, optional
        Show the progress of a sweep of more than two seconds on standard error.

    Returns
    -------
    xarray.Dataset
        Over the dimension "equation" and the coordinates: `heat_current`, `truncation_error` and `one_way_flow` (also
        over "bath"), `occupation` (also over "node"), `entropy_production`, `residual`, `iterations` and `seconds`. The
        attributes hold the fixed parameters, the method and the versions of the packages.

    Raises
    ------
    ValueError, TypeError
        Before any work starts: if an argument is not valid, an equation is not defined at some point, or the
        checkpoint is not this sweep's.
    OSError
        If the checkpoint cannot be written; a `BlockingIOError` if another process is writing to it.
    ConvergenceError, MemoryError, ...
        As for `steady_state`, with a note that names the point; the checkpoint keeps what is finished.

    Warns
    -----
    TruncationWarning, PositivityWarning, ...
        Once for all points at which `steady_state` does.

    Examples
    --------
    >>> fixed = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    >>> dataset = sweep("two-level", ["local", "global"], {"epsilon": [0.01, 0.1]}, fixed)
    >>> np.sign(dataset.heat_current.sel(bath="hot").values)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    checks.one_of("method", method, METHODS)
    checks.whole("jobs", jobs, 1)
    if not isinstance(checkpoint, str | os.PathLike | None):
        raise TypeError(f"checkpoint must be a path, but is {checkpoint!r}")
    equations = _checked_equations(equations)
    axes = _checked_coordinates(coordinates, parameters)
    options = dict(options or {})
    networks = _networks(network, axes, parameters)
    labels = [_label(axes, index) for index in np.ndindex(*_shape(axes))]
    _check_defined(equations, networks, labels, options)
    if jobs > 1:
        _check_pickles(networks[0])

    attributes = _attributes(network, parameters, method, options)
    key = {
        "equations": list(equations),
        "coordinates": [[name, values.tolist()] for name, values in axes.items()],
        "attributes": attributes,
        "networks": hashlib.sha256("\n".join(map(_described, networks)).encode()).hexdigest(),
    }
    with open_checkpoint(None if checkpoint is None else Path(checkpoint), key) as (records, append):
        total, started, finished = len(equations) * len(networks), time.monotonic(), dict(records)
        show = progress_line("sweep") if progress else _no_progress

        def keep(point: int, record: Record) -> None:
            # An interrupt may come after a point was kept and before it counts as done.
            if point in finished:
                return
            append(point, record)
            finished[point] = record
            rest = (time.monotonic() - started) / (len(finished) - len(records)) * (total - len(finished))
            show(f"{len(finished)}/{total} points, about {_duration(rest)} left")

        _run(_tasks(equations, networks, labels, axes, finished, method, options), jobs, keep, progress)
        show("")
        _warn_again(finished, labels)
        return _dataset([finished[point] for point in range(total)], equations, axes, networks[0], attributes)


def closed_forms(
    network: str,
    equations: Sequence[str],
    coordinates: Mapping[str, ArrayLike],
    parameters: Mapping[str, float],
) -> xr.Dataset:
    """Evaluate the paper's closed forms over a grid of parameters, in the layout of `sweep`.

    Parameters
    ----------
    network : {"oscillator", "two-level"}
        Kind of node of the paper's network.
    equations : sequence of str
        "local", "global" or both.
    coordinates, parameters
        As for `sweep`.

    Returns
    -------
    xarray.Dataset
        `heat_current`, `occupation` and `entropy_production`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or the global equation is not defined at some point.

    Examples
    --------
    >>> fixed = {"omega_c": 5, "epsilon": 1e-3, "T_h": 12, "T_c": 10, "kappa": 1e-7}
    >>> dataset = closed_forms("oscillator", ["local"], {"omega_h": [4.0, 6.0, 10.0]}, fixed)
    >>> np.sign(dataset.heat_current.sel(equation="local", bath="hot").values)
    array([ 1.,  0., -1.])
    """
    checks.one_of("network", network, NODE_KINDS)
    for name in equations:
        checks.one_of("equation", name, ("local", "global"))
    axes = _checked_coordinates(coordinates, parameters)
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    values: dict[str, Any] = {**parameters, **dict(zip(axes, mesh, strict=True))}
    p = analytic.parameters(network, **values)
    currents, occupations, entropy_productions = [], [], []
    for name in equations:
        local = name == "local"
        current = analytic.local_heat_current(p) if local else analytic.global_heat_current(p)
        moments = analytic.local_moments(p) if local else analytic.global_moments(p)
        currents.append(np.stack([current, -np.asarray(current)], axis=-1))
        occupations.append(np.stack([moments.n_A, moments.n_B], axis=-1))
        entropy_productions.append(
            analytic.local_entropy_production(p) if local else analytic.global_entropy_production(p)
        )
    dims = ("equation", *axes)
    return _labelled(
        {
            "heat_current": ((*dims, "bath"), np.array(currents)),
            "occupation": ((*dims, "node"), np.array(occupations)),
            "entropy_production": (dims, np.array(entropy_productions)),
        },
        {"equation": list(equations), **axes, "bath": ["hot", "cold"], "node": ["A", "B"]},
        _attributes(network, parameters, "closed forms", {}),
    )


def relative_deviation(dataset: xr.Dataset, closed: xr.Dataset) -> xr.DataArray:
    """Deviation of the heat currents from the closed forms, relative as `SteadyState.truncation_error` is.

    Parameters
    ----------
    dataset, closed : Dataset
        From `sweep` and from `closed_forms`, over the same coordinates.

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
        if not dataset[name].equals(closed[name]):
            raise ValueError(f"the closed forms must be over the dataset's values of {name!r}, but are not")
    scale = np.maximum(abs(closed.heat_current), SMALLEST_CURRENT_SCALE * dataset.one_way_flow)
    deviation: xr.DataArray = abs(dataset.heat_current - closed.heat_current) / scale
    return deviation


# ---------------------------------------------------------------- arguments


def _checked_equations(equations: Sequence[str]) -> tuple[str, ...]:
    if isinstance(equations, str):
        raise TypeError(f"equations must be a sequence of names, but is the string {equations!r}")
    if not equations:
        raise ValueError("equations must name at least one master equation, but is empty")
    for name in equations:
        checks.one_of("equation", name, list(MASTER_EQUATIONS))
    if len(set(equations)) < len(equations):
        raise ValueError(f"equations must be different, but are {list(equations)}")
    return tuple(equations)


def _checked_coordinates(
    coordinates: Mapping[str, ArrayLike], parameters: Mapping[str, Any]
) -> dict[str, NDArray[np.float64]]:
    if not coordinates:
        raise ValueError("coordinates must name at least one parameter, but is empty")
    axes = {}
    for name, values in coordinates.items():
        if name in parameters:
            raise ValueError(f"parameter {name!r} must either vary or be fixed, but is in coordinates and parameters")
        if name in ("equation", "bath", "node"):
            raise ValueError(f"a coordinate must not be named {name!r}, which is a dimension of the result")
        array = np.asarray(values, dtype=float)
        if array.ndim != 1 or not array.size:
            raise ValueError(f"coordinate {name!r} must be a sequence of numbers, but has shape {array.shape}")
        if not np.all(np.isfinite(array)):
            raise ValueError(f"coordinate {name!r} must be finite, but is {array}")
        if len(np.unique(array)) < len(array):
            raise ValueError(f"the values of coordinate {name!r} must be different, but are {array}")
        axes[name] = array
    return axes


def _shape(axes: Mapping[str, NDArray[np.float64]]) -> tuple[int, ...]:
    return tuple(len(values) for values in axes.values())


def _label(axes: Mapping[str, NDArray[np.float64]], index: Sequence[int]) -> str:
    return ", ".join(f"{name}={values[i]:g}" for (name, values), i in zip(axes.items(), index, strict=True))


def _networks(
    network: str | Callable[..., Network], axes: Mapping[str, NDArray[np.float64]], parameters: Mapping[str, Any]
) -> list[Network]:
    """Build the network of every point, the last coordinate running fastest."""
    if isinstance(network, str):
        checks.one_of("network", network, NODE_KINDS)
        build: Callable[..., Network] = partial(two_node, network)
    elif callable(network):
        build = network
    else:
        raise TypeError(f"network must be a kind of node or a function that returns a Network, but is {network!r}")
    networks = [
        build(**parameters, **dict(zip(axes, map(float, point), strict=True)))
        for point in itertools.product(*axes.values())
    ]
    for built in networks:
        if not isinstance(built, Network):
            raise TypeError(f"network must be a function that returns a Network, but it returned {built!r}")
        if list(built.nodes) != list(networks[0].nodes) or list(built.baths) != list(networks[0].baths):
            raise ValueError("network must be a function whose networks all have the same names of nodes and baths")
    return networks


def _check_defined(
    equations: Sequence[str], networks: Sequence[Network], labels: Sequence[str], options: Mapping[str, object]
) -> None:
    """Raise if an equation cannot be built at some point.

    Whether it can depends on the frequencies, couplings and baths, not on the space, so that oscillators of two levels
    can stand in for those of many; the first point is built as it is, for the options' sake.
    """
    cuts = ("levels", "max_excitations", "basis", "rtol")
    rest = {name: value for name, value in options.items() if name not in cuts}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in equations:
            build = MASTER_EQUATIONS[name]
            build(networks[0], **options)
            for network, label in zip(networks, labels, strict=True):
                cut = {"levels": 2} if any(isinstance(node, Oscillator) for node in network.nodes.values()) else {}
                small = len(network.nodes) <= MOST_STAND_IN_NODES
                try:
                    build(network, **rest, **cut) if small else build(network, **options)
                except (ValueError, TypeError) as error:
                    raise type(error)(f"the {name} equation is not defined at {label}: {error}") from error


def _check_pickles(network: Network) -> None:
    try:
        pickle.dumps(network)
    except Exception as error:
        raise TypeError(
            f"network must be of picklable parts for jobs > 1, but it is not ({error}); a spectrum made of a lambda, "
            "for instance, needs jobs=1 or a function defined at the top of a module"
        ) from error


def _attributes(
    network: str | Callable[..., Network], parameters: Mapping[str, Any], method: str, options: Mapping[str, object]
) -> dict[str, Any]:
    name = network if isinstance(network, str) else getattr(network, "__qualname__", ADDRESS.sub("", repr(network)))
    fixed = {parameter: checks.plain(value) for parameter, value in parameters.items()}
    return {
        "network": name,
        **{
            name: value if isinstance(value, str | int | float) else ADDRESS.sub("", repr(value))
            for name, value in fixed.items()
        },
        "method": method,
        "options": repr(dict(options)),
        "qnet_qutip": qnet_qutip.__version__,
        **{package: version(package) for package in ("qutip", "numpy", "scipy")},
    }


def _described(network: Network) -> str:
    """What tells a network from others in every process.

    A function, or an object whose class does not say how to show it, shows its address in memory, which is another in
    the next process. Its spectrum is then told by its value at the frequency of its bath's node.
    """
    text = repr(network)
    if not ADDRESS.search(text):
        return text
    densities = {
        name: bath_density(network, name, network.nodes[bath.node].frequency) for name, bath in network.baths.items()
    }
    return f"{ADDRESS.sub('', text)} with the densities {densities}"


# ---------------------------------------------------------------- solving


def _tasks(
    equations: Sequence[str],
    networks: Sequence[Network],
    labels: Sequence[str],
    axes: Mapping[str, NDArray[np.float64]],
    finished: Mapping[int, Record],
    method: str,
    options: Mapping[str, object],
) -> list[_Task]:
    """List what is left to do; points are numbered through all equations, the last coordinate running fastest."""
    return [
        _Task(point, equations[point // len(networks)], network, label, method, options)
        for point, (network, label) in enumerate(list(zip(networks, labels, strict=True)) * len(equations))
        if point not in finished
    ]


def _run(tasks: Iterable[_Task], jobs: int, keep: Callable[[int, Record], None], progress: bool) -> None:
    """Solve every task and `keep` its points; if stopped, keep also those that are under way in other processes."""
    if jobs == 1:
        for task in tasks:
            keep(task.point, _solve(task))
        return
    waiting = iter(tasks)
    context = multiprocessing.get_context("spawn")
    with _one_blas_thread(), ProcessPoolExecutor(jobs, context, _end_with_parent) as pool:
        # No more tasks than processes are handed out, so that there is little to wait for after an interrupt.
        running: dict[Future[Record], int] = {}
        try:
            with _interrupts_ignored():
                running |= {pool.submit(_solve, task): task.point for task in itertools.islice(waiting, jobs)}
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    keep(running[future], future.result())
                    del running[future]
                    running |= {pool.submit(_solve, task): task.point for task in itertools.islice(waiting, 1)}
        except BaseException:
            if progress:
                print(f"sweep stopped: waiting for the {len(running)} processes at work", file=sys.stderr, flush=True)
            for future, point in running.items():
                if future.exception() is None:
                    keep(point, future.result())
            raise


def _end_with_parent() -> None:
    """Let this process end with the one that started it, however that ends: killed, it cannot tell its workers to."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_for_the_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_for_the_end, daemon=True).start()


def _solve(task: _Task) -> Record:
    try:
        return _solved(task)
    except Exception as error:
        error.add_note(f"in a sweep, for the {task.equation} equation at {task.label}")
        raise


def _solved(task: _Task) -> Record:
    started = time.perf_counter()
    with silenced(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        equation = MASTER_EQUATIONS[task.equation](task.network, **task.options)
        state = steady_state(equation, method=task.method)
        return Record(
            heat_current=dict(state.heat_currents),
            occupation=dict(state.occupations),
            entropy_production=state.entropy_production,
            truncation_error=dict(state.truncation_error),
            one_way_flow=dict(equation.one_way_flows),
            residual=state.residual,
            iterations=state.iterations,
            seconds=time.perf_counter() - started,
            warnings=[(warning.category.__name__, str(warning.message)) for warning in caught],
        )


@contextlib.contextmanager
def _one_blas_thread() -> Iterator[None]:
    """One BLAS thread in the processes started inside: they inherit the environment, and import NumPy only then."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a moment: processes that start meanwhile leave it to the parent for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


# ---------------------------------------------------------------- the result


def _dataset(
    records: Sequence[Record],
    equations: Sequence[str],
    axes: Mapping[str, NDArray[np.float64]],
    network: Network,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    shape, dims = (len(equations), *_shape(axes)), ("equation", *axes)
    names = {"bath": list(network.baths), "node": list(network.nodes)}
    variables: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {}
    for field, of in (
        ("heat_current", "bath"),
        ("occupation", "node"),
        ("truncation_error", "bath"),
        ("one_way_flow", "bath"),
    ):
        rows = [[getattr(record, field)[name] for name in names[of]] for record in records]
        variables[field] = ((*dims, of), np.array(rows, dtype=float).reshape(*shape, len(names[of])))
    for field in ("entropy_production", "residual", "iterations", "seconds"):
        variables[field] = (dims, np.array([getattr(record, field) for record in records]).reshape(shape))
    return _labelled(variables, {"equation": list(equations), **axes, **names}, attributes)


def _labelled(
    variables: Mapping[str, tuple[tuple[str, ...], NDArray[Any]]],
    coordinates: Mapping[str, Any],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    described = {name: (dims, values, {"long_name": LONG_NAMES[name]}) for name, (dims, values) in variables.items()}
    return xr.Dataset(described, coords=dict(coordinates), attrs=dict(attributes))


def _warn_again(records: Mapping[int, Record], labels: Sequence[str]) -> None:
    """Repeat what the points warned of, once for each category."""
    found: dict[str, list[tuple[int, str]]] = {}
    for point, record in sorted(records.items()):
        for category, message in record.warnings:
            found.setdefault(category, []).append((point, message))
    for category, messages in found.items():
        point, message = messages[0]
        points = len({number for number, _ in messages})
        warnings.warn(
            f"{points} of {len(records)} points warn, the first at {labels[point % len(labels)]}: {message}",
            getattr(qnet_qutip, category, RuntimeWarning),
            stacklevel=3,
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _no_progress(text: str) -> None:
    """Show nothing."""
