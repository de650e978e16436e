"""What is printed and said in errors: of a thousand names the first few, and at which parameters something failed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar

MOST_WORDS, FIRST_WORDS = 20, 6
"""Words up to which all are shown, and how many of more: twenty are two lines of a terminal."""

_in_full: ContextVar[bool] = ContextVar("in_full", default=False)


@contextlib.contextmanager
def in_full() -> Iterator[None]:
    """Leave out nothing of what is listed inside, for a text that is to tell a value from any other."""
    token = _in_full.set(True)
    try:
        yield
    finally:
        _in_full.reset(token)


def listed(words: Sequence[str]) -> str:
    """Words with commas between them; of many the first few, and how many more there are.

    Examples
    --------
    >>> listed(["hot", "cold"])
    'hot, cold'
    >>> listed([str(number) for number in range(1000)])
    '0, 1, 2, 3, 4, 5, … and 994 more'
    """
    if len(words) <= MOST_WORDS or _in_full.get():
        return ", ".join(words)
    return f"{', '.join(words[:FIRST_WORDS])}, … and {len(words) - FIRST_WORDS} more"


def at_point(point: Mapping[str, object]) -> str:
    """A point of a grid by the values of its parameters.

    Examples
    --------
    >>> at_point({"epsilon": 0.01, "kind": "full"})
    'at epsilon=0.01, kind=full'
    """
    values = (f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in point.items())
    return f"at {', '.join(values)}"


@contextlib.contextmanager
def noted(where: str) -> Iterator[None]:
    """Add a note to any error that is raised inside: a traceback shows it below the message."""
    try:
        yield
    except Exception as error:
        error.add_note(where)
        raise
