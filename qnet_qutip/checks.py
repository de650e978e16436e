"""Checks of arguments: each raises before any work starts and names the argument, its value and what it must be."""

from __future__ import annotations

import difflib
import math
import numbers
import os
from collections.abc import Collection

import numpy as np


def plain(value: object) -> object:
    """The Python number in a NumPy number or in an array of no dimensions; anything else as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value


def finite(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite real number."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, but is {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, but is {number}")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite number above zero."""
    number = finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, but is {number:g}")
    return number


def truth(name: str, value: object) -> bool:
    """Return `value`, or raise if it is not True or False."""
    value = plain(value)
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, but is {value!r}")
    return value


def not_negative(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite number of at least zero."""
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must be positive or zero, but is {number:g}")
    return number


def whole(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int, or raise if it is not a whole number of at least `minimum`."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number of at least {minimum}, but is {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, but is {value}")
    return int(value)


def one_of(name: str, value: object, known: Collection[object]) -> None:
    """Raise if `value` is not in `known`, suggesting the nearest known name."""
    if value in known:
        return
    near = difflib.get_close_matches(str(value), [str(item) for item in known], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(repr(item) for item in known) or "(there is none)"
    raise ValueError(f"{name} must be one of {listed}, but is {value!r}{hint}")


def fits_in_memory(what: str, needed: float, remedy: str) -> None:
    """Raise `MemoryError` with the estimate if `needed` bytes are more than this machine's memory."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise MemoryError(
            f"{what} would take about {needed / 1e9:.3g} GB, but this machine has {present / 1e9:.3g} GB; {remedy}"
        )
