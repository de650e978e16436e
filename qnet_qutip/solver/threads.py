"""Independent blocks of large problems on several threads.

NumPy and SciPy release the interpreter's lock in products and sums of large arrays, so that threads keep several cores
busy without a copy of the problem for each. What is computed does not depend on their number.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE = 300_000
"""Unknowns from which several threads pay: an application of L takes 50 ms there, to start the threads 0.2 ms."""

MOST_THREADS = 4
"""More would wait for memory, and each has blocks of its own to work with."""


_alone: ContextVar[bool] = ContextVar("alone", default=True)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for every problem inside, for a caller that keeps the other cores busy by itself."""
    token = _alone.set(False)
    try:
        yield
    finally:
        _alone.reset(token)


def threads(unknowns: int) -> int:
    """How many threads a problem gets: one for a small problem, else one for each core.

    A process that `multiprocessing` has started has one, and so has a worker of a sweep: its siblings use the others.
    """
    if unknowns < LARGE or not _alone.get() or multiprocessing.parent_process() is not None:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def for_each(function: Callable[[Item], Result], items: Iterable[Item], unknowns: int) -> list[Result]:
    """The function's value for every item, in their order."""
    count = threads(unknowns)
    if count == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, items))
