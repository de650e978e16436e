"""The grid of a sweep: named axes, and the points in them, the last axis running fastest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qnet_qutip.wording import at_point

RESERVED = ("equation", "bath", "node", "error", "warning")
"""Names that the dataset has for itself."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Axes of a sweep.

    Attributes
    ----------
    axes : mapping of str to ndarray
        The values of each parameter that varies.
    """

    axes: Mapping[str, NDArray[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def point(self, number: int) -> dict[str, Any]:
        """The parameters at a point, as plain Python values."""
        index = np.unravel_index(number, self.shape)
        return {name: values[i].item() for (name, values), i in zip(self.axes.items(), index, strict=True)}

    def values(self, first: int, end: int) -> dict[str, NDArray[Any]]:
        """The value of each axis at the points from `first` to before `end`."""
        index = np.unravel_index(np.arange(first, end), self.shape)
        return {name: values[i] for (name, values), i in zip(self.axes.items(), index, strict=True)}

    def points(self) -> Iterator[dict[str, Any]]:
        """The parameters at every point."""
        for values in itertools.product(*(axis.tolist() for axis in self.axes.values())):
            yield dict(zip(self.axes, values, strict=True))

    def label(self, number: int) -> str:
        """A point in words, for messages."""
        return at_point(self.point(number))

    def __repr__(self) -> str:
        return "Grid of " + " x ".join(f"{len(values)} {name}" for name, values in self.axes.items())


def checked_grid(coordinates: Mapping[str, ArrayLike], parameters: Mapping[str, Any]) -> Grid:
    """Make the grid of a sweep.

    Parameters
    ----------
    coordinates : mapping of str to array_like
        Numbers or names, in one dimension, all different.
    parameters : mapping of str to value
        What does not vary.

    Raises
    ------
    ValueError, TypeError
        If an axis is not valid, has no name of its own, or is fixed as well.
    """
    for argument, value in (("coordinates", coordinates), ("parameters", parameters)):
        if not isinstance(value, Mapping):
            raise TypeError(f"{argument} must be a mapping of names to values, but is {value!r}")
    if not coordinates:
        raise ValueError("coordinates must name at least one parameter, but is empty")
    axes = {}
    for name, values in coordinates.items():
        if name in parameters:
            raise ValueError(f"parameter {name!r} must either vary or be fixed, but is in coordinates and parameters")
        if name in RESERVED:
            raise ValueError(f"a coordinate must not be named {name!r}, which the dataset has for itself")
        axes[name] = _axis(name, values)
    return Grid(axes)


def _axis(name: str, values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "biufU":
        raise ValueError(
            f"coordinate {name!r} must be a sequence of numbers or of names, but has shape {array.shape} and type "
            f"{array.dtype}"
        )
    if array.dtype.kind == "f":
        array = array.astype(float)
        if not np.all(np.isfinite(array)):
            raise ValueError(f"coordinate {name!r} must be finite, but is {array}")
    if len(np.unique(array)) < len(array):
        raise ValueError(f"the values of coordinate {name!r} must be different, but are {array}")
    return array
