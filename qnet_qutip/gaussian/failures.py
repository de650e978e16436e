"""What becomes of networks without a steady state where many are solved at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray


class Failures(Exception):  # noqa: N818
    """Which of the networks in work have no steady state, and the error of each: the others may go on without them."""

    def __init__(self, errors: Mapping[int, Exception]) -> None:
        super().__init__(f"{len(errors)} networks without a steady state")
        self.errors = errors


def require(holds: NDArray[np.bool_] | np.bool_, error: Callable[[int], Exception]) -> None:
    """Raise `Failures` unless something holds for every network.

    Parameters
    ----------
    holds : ndarray of bool, shape (count,)
    error : callable
        From the number of a network to what is wrong with it.
    """
    if not holds.all():
        raise Failures({number: error(number) for number in np.flatnonzero(~holds).tolist()})
