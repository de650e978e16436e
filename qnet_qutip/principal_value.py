"""Principal-value integrals over all positive frequencies, in logarithms of the frequency and to a known accuracy.

A bath has several scales at once (cutoff, temperature, Bohr frequency, the width of a filter), often decades apart. In
ln Ω every one of them is as wide as any other, and both ends of the axis decay exponentially. Around the pole the
integrand is folded, and ln|Ω - p| takes the place of ln Ω: what is left is smooth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

from scipy.integrate import quad

Function = Callable[[float], float]

ACCURACY = 1e-9

# An end of the axis is left out from where the integrand, per unit of ln Ω, has fallen to NEGLIGIBLE of its largest; it
# is taken not to converge if that is not so within so many DECADES, as for powers below a sixth.
NEGLIGIBLE = 1e-14
DECADES = 90


class NoPrincipalValueError(Exception):
    """Why an integral has no value, as the end of a sentence."""


def principal_value(numerator: Function, pole: float, landmarks: Iterable[float]) -> float:
    """P∫_0^∞ dΩ f(Ω)/((Ω - p)(Ω + p)), of f = `numerator` at positive frequencies, and p = `pole` ≥ 0.

    Parameters
    ----------
    numerator : callable
        f, of one frequency.
    pole : float
        p; zero for the ordinary integral of f(Ω)/Ω².
    landmarks : iterable of float
        Positive frequencies between which f is smooth in ln Ω.

    Returns
    -------
    float
        Right to 1e-9 of the sum of the absolute values of the integrals from scale to scale.

    Raises
    ------
    NoPrincipalValueError
        If the integral diverges or falls too slowly at one of its ends, or the accuracy is not reached.

    Examples
    --------
    P∫ dΩ Ω e^(-Ω)/((Ω - 1)(Ω + 1)) = (e E_1(1) - Ei(1)/e)/2:

    >>> round(principal_value(lambda frequency: frequency * math.exp(-frequency), 1.0, []), 9)
    -0.05041376
    """

    def per_logarithm(frequency: float) -> float:
        return numerator(frequency) / ((frequency - pole) * (frequency + pole)) * frequency

    def beside_the_pole(distance: float) -> float:
        above, below = pole + distance, pole - distance
        return numerator(above) / (above + pole) - numerator(below) / (below + pole)

    marks = sorted(landmarks)
    scales = sorted({*marks, pole} - {0.0}) or [1.0]
    lowest, highest = _ends(per_logarithm, scales[0], scales[-1])
    if pole == 0:
        return _total([(per_logarithm, [lowest, *marks, highest])])
    below, above = pole / 2, 1.5 * pole
    distances = sorted({abs(mark - pole) for mark in marks if below < mark < above} - {0.0})
    return _total(
        [
            (per_logarithm, [lowest, *(mark for mark in marks if mark < below), below]),
            (per_logarithm, [above, *(mark for mark in marks if mark > above), highest]),
            (beside_the_pole, [NEGLIGIBLE * min([*distances, pole]), *distances, pole / 2]),
        ]
    )


def principal_value_at_zero(numerator: Function, landmarks: Iterable[float]) -> float:
    """P∫ dν g(ν)/ν of g = `numerator` over frequencies of both signs: the integral of g(ν) - g(-ν) over ln ν.

    Parameters
    ----------
    numerator : callable
        g, of one frequency of either sign.
    landmarks : iterable of float
        Frequencies of either sign between which g is smooth.

    Returns
    -------
    float
        As right as `principal_value`.

    Raises
    ------
    NoPrincipalValueError
        As for `principal_value`.

    Examples
    --------
    P∫ dν e^(-ν²)ν/ν = √π:

    >>> round(principal_value_at_zero(lambda frequency: frequency * math.exp(-(frequency**2)), []), 9)
    1.772453851
    """

    def per_logarithm(frequency: float) -> float:
        return numerator(frequency) - numerator(-frequency)

    marks = sorted({abs(mark) for mark in landmarks} - {0.0}) or [1.0]
    lowest, highest = _ends(per_logarithm, marks[0], marks[-1])
    return _total([(per_logarithm, [lowest, *marks, highest])])


def _ends(per_logarithm: Function, lowest: float, highest: float) -> tuple[float, float]:
    """Where an integrand has become negligible, below its lowest scale and above its highest."""
    above = _end(per_logarithm, highest, 10.0)
    if above is None:
        raise NoPrincipalValueError("diverges: it needs a spectral density with a cutoff")
    below = _end(per_logarithm, lowest, 0.1)
    if below is None:
        raise NoPrincipalValueError("diverges: it needs a spectral density that falls faster towards zero frequency")
    return below, above


def _end(per_logarithm: Function, start: float, step: float) -> float | None:
    """Where an integrand has become negligible, in steps from `start` outwards; None if it does not, or overflows."""
    largest, below = 0.0, 0
    for decade in range(1, DECADES + 1):
        value = abs(per_logarithm(start * step**decade))
        if not math.isfinite(value):
            return None
        largest = max(largest, value)
        # Twice in a row, since once might be a change of sign.
        below = below + 1 if value <= NEGLIGIBLE * largest else 0
        if below == 2:
            return start * step**decade
    return None


def _total(stretches: list[tuple[Function, list[float]]]) -> float:
    """Sum of ∫ d(ln x) of each function of x from point to point."""
    values: list[float] = []
    error = 0.0
    for per_logarithm, points in stretches:
        for start, end in itertools.pairwise(points):
            # Without warnings: the errors are added up and judged together. What cancels by itself, as beside the
            # pole it may, need be no more accurate than what came before it.
            value, uncertainty, *_ = quad(
                lambda logarithm, function=per_logarithm: function(math.exp(logarithm)),
                math.log(start),
                math.log(end),
                epsabs=ACCURACY / 1000 * math.fsum(map(abs, values)),
                epsrel=ACCURACY / 100,
                limit=200,
                full_output=1,
            )
            values.append(value)
            error += uncertainty
    total, scale = math.fsum(values), math.fsum(map(abs, values))
    if not error <= ACCURACY * scale:
        raise NoPrincipalValueError(
            f"cannot be integrated to {ACCURACY:g}: it is {total:g} with an error of {error:g}; the spectral density "
            "must be smooth between its `landmarks`, and no peak narrower than 1e-5 of its frequency"
        )
    return total
