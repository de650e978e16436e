"""The judge of convergence: pure functions of what is known about the error of a steady state and of its currents.

The approximate inverse M⁻¹ of L turns the residual r of a state into an estimate of its error, M⁻¹r. Nothing here looks
at how much the last step changed a quantity without asking how much the next one will.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SAFETY = 10.0
"""Factor on an estimate of the error: of 250 random networks of three nodes 9 missed 1e-10
without it, by up to 80 times, and none with it."""

WORST_CONTRACTION = 0.5
"""A step that leaves more than this of the estimated error is stuck, and what it changed means nothing."""


@dataclass(frozen=True)
class Errors:
    """Estimated errors, absolute: of ρ in its norm and of each current.

    Attributes
    ----------
    state : float
        Of ρ, relative to its norm.
    currents : mapping of str to float
    """

    state: float
    currents: Mapping[str, float]


def extrapolated(change: float, change_before: float | None, contraction: float) -> float:
    """What is still to come of a quantity that the last cycle changed by `change`.

    It goes on by cq, cq², ...: q is what the cycle reduced the residual by, or what the change is of the one before,
    whichever is larger, since the residual can shrink while a slow mode that carries the current does not.

    Examples
    --------
    >>> extrapolated(1e-6, None, 0.1) < 1.2e-7
    True
    >>> extrapolated(1e-9, 1.01e-9, 1e-9) > 9e-8
    True
    """
    q = contraction
    if change_before is not None:
        q = max(q, change / change_before if change_before > 0.0 else (1.0 if change > 0.0 else 0.0))
    return change * q / (1.0 - q) if q < 1.0 else math.inf


def still_to_come(errors: Errors, scales: Mapping[str, float], imbalance: float, *, contraction: float) -> float:
    """Largest error, relative to what it is judged against: ρ's norm, or each current's scale.

    Parameters
    ----------
    errors : Errors
    scales : mapping of str to float
        What the errors of the currents are relative to.
    imbalance : float
        |Σ J| beyond its rounding. In any steady state Σ J = Tr[H L(ρ)] = 0, whatever the baths: an error that the
        residual hides shows there.
    contraction : float
        What the last step left of the estimated error.

    Examples
    --------
    >>> still_to_come(Errors(1e-12, {"hot": 1e-15}), {"hot": 1e-3}, 0.0, contraction=1e-6)
    1e-12
    >>> still_to_come(Errors(1e-12, {"hot": 1e-15}), {"hot": 1e-6}, 0.0, contraction=0.9)
    inf
    """
    if contraction > WORST_CONTRACTION:
        return math.inf
    largest = errors.state
    for bath, error in errors.currents.items():
        largest = max(largest, error / scales[bath])
    if scales:
        largest = max(largest, imbalance / max(scales.values()))
    return largest
