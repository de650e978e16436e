"""Whether the moments of an equation stay bounded: if not, its linear system has a solution that no state comes to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.gaussian.failures import require
from qnet_qutip.gaussian.moments import Matrices, Moments, total

GROWTH = 1e-12
"""Rate of growth, relative to the largest element of the drift, that is more than the rounding of a zero."""


def require_stable(moments: Moments, of_baths: Matrices) -> None:
    """Raise if means or variances of some network grow without bound.

    The local equation without counter-rotating couplings, the global and the unified one damp every mode, and need no
    look.

    Raises
    ------
    Failures
        Of networks with a positive rate of growth.
    """
    secular = moments.near is not None and moments.far is None
    if moments.conserving and (moments.modes is None or secular):
        return
    x_x, x_p, _, _ = of_baths
    damping = total(x_x).high
    if moments.conserving:
        drift = damping - 1j * moments.positions.high
    else:
        drift = np.block([[damping, -moments.momenta.high], [moments.positions.high, total(x_p).high]])
    require_decaying(np.linalg.eigvals(drift))


def require_decaying(rates: NDArray[Any]) -> None:
    """Raise if one of the rates at which the means decay is negative beyond rounding, (count, n)."""
    growth = -rates.real.min(axis=-1)
    require(
        growth <= GROWTH * np.abs(rates).max(axis=-1),
        lambda number: ValueError(
            f"the equation must have a steady state, but its moments grow at a rate of {growth[number]:.3g}: couplings "
            "or baths are too strong for it; weaken them, or take the global equation if the energy has a lower bound"
        ),
    )
