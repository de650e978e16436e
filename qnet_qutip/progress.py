"""Progress on the terminal for whatever takes longer than two seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

QUIET_SECONDS = 2.0
"""Nothing is shown before this."""

_silenced: ContextVar[bool] = ContextVar("silenced", default=False)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Show no progress of what runs inside, for a caller that shows its own."""
    token = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(token)


def progress_line(label: str, advice: Callable[[], str] = str) -> Callable[[str], None]:
    """Return a function that writes `label: text` over the last such line on standard error, after two seconds.

    Called with an empty text it ends the line. On a stream that is not a terminal every line stays, at most one in two
    seconds. Inside `silenced` nothing is shown.

    Parameters
    ----------
    label : str
    advice : callable, optional
        What to say once, in a line above, of how to do without waiting; nothing if it returns an empty text.
    """
    if _silenced.get():
        return lambda text: None
    started = last = time.monotonic()
    shown = False

    def show(text: str) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if not text:
            if shown and sys.stderr.isatty():
                sys.stderr.write("\n")
            return
        interval = 0.1 if sys.stderr.isatty() else QUIET_SECONDS
        if now - started < QUIET_SECONDS or now - last < interval:
            return
        if not shown and (said := advice()):
            sys.stderr.write(f"{label}: {said}\n")
        end = "\x1b[K\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"{label}: {text} ({now - started:.0f} s){end}")
        sys.stderr.flush()
        last, shown = now, True

    return show


def one_by_one(label: str, function: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What a function makes of every item, with the progress of it."""
    show, made = progress_line(label), []
    show(f"0 of {len(items)}")
    for number, item in enumerate(items, 1):
        made.append(function(item))
        show(f"{number} of {len(items)}")
    show("")
    return made
