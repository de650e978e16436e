"""Settings of the whole process that hold while a solve needs them."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import qutip

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

    from threadpoolctl import ThreadpoolController


def held(setting: Callable[[], Callable[[], None]]) -> Callable[[], _GeneratorContextManager[None]]:
    """A setting as a context: of several threads inside, the first sets it and the last gives it back.

    Parameters
    ----------
    setting : callable
        Sets it, and returns what gives it back.
    """
    lock, inside = threading.Lock(), 0
    give_back: Callable[[], None] = lambda: None  # noqa: E731

    @contextlib.contextmanager
    @functools.wraps(setting)
    def context() -> Iterator[None]:
        nonlocal inside, give_back
        with lock:
            if inside == 0:
                give_back = setting()
            inside += 1
        try:
            yield
        finally:
            with lock:
                inside -= 1
                if inside == 0:
                    give_back()

    return context


@held
def every_entry_kept() -> Callable[[], None]:
    """QuTiP drops entries below 1e-14 of its own accord: with them, what a weak bath does through a weak coupling.

    Its own `CoreOptions` takes 50 ms to come and go.
    """
    tidied = qutip.settings.core["auto_tidyup"]
    qutip.settings.core["auto_tidyup"] = False

    def give_back() -> None:
        qutip.settings.core["auto_tidyup"] = tidied

    return give_back


@held
def one_blas_thread() -> Callable[[], None]:
    """One thread of BLAS: blocks are small, with other work between two products, and its threads wait for each other.

    With the two of OpenBLAS on two cores that others use too, a pair of oscillators of 28 levels took 25 times as long.
    """
    give_back: Callable[[], None] = _blas().limit(limits=1, user_api="blas").restore_original_limits
    return give_back


@functools.cache
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
