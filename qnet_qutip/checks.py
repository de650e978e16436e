"""Checks of arguments: each raises before any work starts and names the argument, its value and what it must be."""

from __future__ import annotations

import difflib
import math
import numbers
import os
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.wording import listed


def plain(value: object) -> object:
    """The Python number in a NumPy number or in an array of no dimensions; anything else as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value


def finite(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a finite real number."""
    if type(value) is float and math.isfinite(value):
        # Most are, and networks are made by the million.
        return value
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


def tolerance(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a positive number below 1."""
    number = positive(name, value)
    if number >= 1:
        raise ValueError(f"{name} must be below 1, but is {number:g}")
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


def upper_bound(name: str, value: object) -> float:
    """Return `value` as a float, or raise if it is not a number of at least zero, or infinity."""
    plainly = plain(value)
    return math.inf if isinstance(plainly, float) and plainly == math.inf else not_negative(name, plainly)


def frequency_clusters(clusters: object) -> tuple[tuple[float, ...], ...]:
    """Return bounds of clusters of Bohr frequencies, with the one that stands for each if it is given, or raise."""
    if isinstance(clusters, str | Mapping) or not isinstance(clusters, Iterable):
        raise TypeError(f"clusters must be pairs of a lowest and a highest frequency, but is {clusters!r}")
    bounds = []
    for number, cluster in enumerate(clusters):
        if not isinstance(cluster, Sequence | np.ndarray) or len(cluster) not in (2, 3):
            raise TypeError(
                f"cluster {number} must be a lowest and a highest frequency, and may have the one that stands for it "
                f"as a third, but is {cluster!r}"
            )
        low = not_negative(f"the lowest frequency of cluster {number}", cluster[0])
        high = upper_bound(f"the highest frequency of cluster {number}", cluster[1])
        if not low <= high:
            raise ValueError(f"cluster {number} must be a lowest and a highest frequency, but is {cluster!r}")
        middle = [not_negative(f"the frequency of cluster {number}", value) for value in cluster[2:]]
        if any(not low <= frequency <= high for frequency in middle):
            raise ValueError(f"the frequency of cluster {number} must be between its bounds, but is {cluster!r}")
        bounds.append((low, high, *middle))
    return tuple(bounds)


def whole(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int, or raise if it is not a whole number of at least `minimum`."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number of at least {minimum}, but is {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, but is {value}")
    return int(value)


def reals(name: str, value: object) -> NDArray[np.float64]:
    """Return `value` as an array of floats, or raise if it is not one of finite real numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, but is {value!r}: {error}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be made of real numbers, but is {value!r}")
    array = array.astype(float)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but is {value!r}")
    return array


def mapping(name: str, value: object) -> None:
    """Raise if `value` is not a mapping."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, but is {value!r}")


def one_of(name: str, value: object, known: Collection[object]) -> None:
    """Raise if `value` is not in `known`, suggesting the nearest known name."""
    if value in known:
        return
    near = difflib.get_close_matches(str(value), [str(item) for item in known], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = listed([repr(item) for item in known]) or "(there is none)"
    raise ValueError(f"{name} must be one of {names}, but is {value!r}{hint}")


def fits_in_memory(what: str, needed: float, remedy: str) -> None:
    """Raise `MemoryError` with the estimate if `needed` bytes are more than this machine's memory."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise MemoryError(
            f"{what} would take about {needed / 1e9:.3g} GB, but this machine has {present / 1e9:.3g} GB; {remedy}"
        )
