"""A row of the validation: one comparison of two figures, with its tolerance and where that comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison."""

    item: str
    nodes: str
    compared: str
    deviation: float
    tolerance: float
    origin: str

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance; one that is not a number is not."""
        return bool(self.deviation <= self.tolerance)


Check = Callable[[], Iterator[Row]]


def relative(value: float, expected: float) -> float:
    """Deviation of a figure, relative to the expected one."""
    return abs(value - expected) / abs(expected)
