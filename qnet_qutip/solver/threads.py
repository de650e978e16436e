"""Independent blocks of large problems on several threads, and none inside of BLAS.

NumPy and SciPy release the interpreter's lock in products and sums of large arrays, so that threads keep several cores
busy without a copy of the problem for each. What is computed does not depend on their number. Threads of BLAS only wait
for each other: blocks are small, and between two products there is other work.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

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


_blas, _solves, _before = threading.Lock(), 0, list[Any]()


@functools.cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread of BLAS for what is inside.

    It is the whole process that has it, so that of solves in several threads the first sets it and the last gives it
    back. With the two of OpenBLAS on two cores that others use too, a pair of oscillators of 28 levels took 25 times as
    long; alone on them as long as with one.
    """
    global _solves
    with _blas:
        if _solves == 0:
            _before.append(_controller().limit(limits=1, user_api="blas"))
        _solves += 1
    try:
        yield
    finally:
        with _blas:
            _solves -= 1
            if _solves == 0:
                _before.pop().restore_original_limits()


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
