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


def checked(expected: float, change: float, expected_before: float | None) -> float:
    """Error of a quantity by its estimate, which counts for less the further the one before was from the truth.

    Parameters
    ----------
    expected : float
        What is to come by the estimate, in absolute value.
    change : float
        What the last cycle changed the quantity by.
    expected_before : float or None
        What was to come by the estimate before that cycle; None before the first.

    Examples
    --------
    >>> f"{checked(1e-12, 1e-6, 1e-6):.0e}"
    '1e-11'
    >>> f"{checked(1e-12, 1e-6, 1e-9):.0e}"
    '1e-08'
    """
    if expected_before is None or change <= expected_before:
        return SAFETY * expected
    return SAFETY * expected * change / expected_before if expected_before > 0.0 else math.inf


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
