"""One equation at one point of a sweep: what is to be solved, and what is kept of it. This runs in the workers."""

from __future__ import annotations

import functools
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from qnet_qutip.equations import MasterEquation
from qnet_qutip.progress import silenced
from qnet_qutip.solver.process_settings import one_blas_thread
from qnet_qutip.solver.threads import one_thread
from qnet_qutip.steady import steady_state
from qnet_qutip.sweeps.observables import Observable, Value, diagnosis
from qnet_qutip.sweeps.system import System, arguments

PROGRAMMING_ERRORS = (TypeError, AttributeError, NameError, LookupError, ImportError, SyntaxError, AssertionError)
"""What a mistake in a function raises, and no choice of parameters."""

Work = TypeVar("Work", bound="Numbered")
"""A `Task`, or a chunk of points that are solved together."""

_one_at_a_time = threading.Lock()


class Numbered(Protocol):
    """What is handed to workers: it has a number, and is to have a record."""

    @property
    def point(self) -> int:
        """Its number in the sweep."""


@dataclass(frozen=True, eq=False)
class Task:
    """One equation at one point.

    Attributes
    ----------
    point : int
        Its number through all equations, the last coordinate running fastest.
    system : Network, or Hamiltonian and baths
    equation : callable
        Makes of the system a `MasterEquation`, or at once a state.
    observables : tuple of Observable
    method : str
        Of `steady_state`.
    options : mapping of str to value
        Of the equation.
    """

    point: int
    system: System
    equation: Callable[..., Any]
    observables: tuple[Observable, ...]
    method: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """What is kept of a point.

    Attributes
    ----------
    values : mapping of str to float, or to mapping of str to float
        By observable; empty if the point failed. Of a chunk of points see `one_body.solve_chunk`.
    seconds : float
        Time that it took.
    error : str
        Why it failed, or "".
    warnings : tuple of (str, str)
        Category and text of each warning.
    method : str
        How the state was found: the method of `steady_state`, or the kind of state that a function of one's own made.
    """

    values: Mapping[str, Any]
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    method: str = ""


def failed(error: Exception) -> Record:
    """The record of a point that an error ended before it was begun, or in a worker that did not say how."""
    return Record({}, error=in_words(error))


def in_words(error: Exception) -> str:
    """An error as a record has it."""
    return f"{type(error).__name__}: {error}"


def solve(task: Task) -> Record:
    """Solve one equation at one point.

    Raises
    ------
    TypeError, AttributeError, ...
        What only a mistake in a function raises. Any other error is the point's own, and recorded.
    """
    started, words, method, values = time.perf_counter(), "", "", dict[str, Value]()
    with silenced(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            state = _state(task)
            method = str(getattr(state, "method", type(state).__name__))
            values = {**{each.name: each.of(state) for each in task.observables}, **diagnosis(state)}
        except PROGRAMMING_ERRORS:
            raise
        except Exception as error:
            words = in_words(error)
    said = tuple((one.category.__name__, str(one.message)) for one in caught)
    return Record(values, time.perf_counter() - started, words, said, method)


def _state(task: Task) -> object:
    made = task.equation(*arguments(task.system), **task.options)
    if isinstance(made, MasterEquation):
        return steady_state(made, method=task.method)
    if not hasattr(made, "heat_currents"):
        raise TypeError(
            f"an equation must be a function that returns a MasterEquation, or a state with heat currents, but it "
            f"returned {made!r}"
        )
    return made


def solve_in_worker(solve: Callable[[Work], Record], tasks: Sequence[Work]) -> list[Record]:
    """Solve points on one core: the other workers have the others.

    QuTiP's settings and Python's filters of warnings are those of the whole process, so that threads of one process,
    which a dask worker may have, take turns.
    """
    _one_blas_thread_from_now_on()
    with _one_at_a_time, one_thread():
        return [solve(task) for task in tasks]


@functools.cache
def _one_blas_thread_from_now_on() -> AbstractContextManager[None]:
    """Once in a process. Processes of `sweep` itself, and dask's, come into the world with one."""
    entered = one_blas_thread()
    entered.__enter__()
    return entered
