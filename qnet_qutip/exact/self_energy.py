"""What a bath does to its node: the self-energy Σ(ω) = S(ω) - iJ(ω)/2, with S the principal value of the same J.

S(ω) = P∫_0^∞ dx/2π J(x)/(ω - x), of one spectrum at frequencies of both signs, is tabulated once and interpolated: it
is smooth but for ω = 0. A rotating-wave bath has S(ω); a full one S(ω) + S(-ω). See DERIVATION.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.exact.closed_shifts import closed_shift
from qnet_qutip.exact.quadrature import QuadratureError
from qnet_qutip.spectra import SpectralDensity, checked_density

Real = NDArray[np.float64]

GAUSS = np.polynomial.legendre.leggauss(16)

# Chebyshev polynomials on each piece of the table; a piece is halved until the last of them are INTERPOLATED of the
# largest value anywhere, whose rounding is 1e-15 of it.
ORDER = 20
INTERPOLATED = 1e-13
SHORTEST_PIECE = 1e-6
MOST_PIECES = 100

# In the principal value, distances from the pole begin at NEAREST of its frequency: what is closer cancels but for
# NEAREST of it. They end FARTHEST beyond every scale, where a spectrum with a cutoff has fallen to NEGLIGIBLE.
NEAREST = 1e-14
FARTHEST = 1e18
NEGLIGIBLE = 1e-12
NOTHING = 1e-7
"""Frequencies below this part of the smallest scale are taken for it."""


class NoCutoffError(ValueError):
    """A spectrum whose level shift diverges."""


@dataclass(frozen=True, eq=False)
class ShiftTable:
    """S(ω) between two frequencies of one sign: on each piece a Chebyshev series in ln|ω|.

    Attributes
    ----------
    edges : ndarray, shape (pieces + 1,)
        ln|ω|, ascending.
    coefficients : ndarray, shape (ORDER, pieces)
    """

    edges: Real
    coefficients: Real

    def __call__(self, frequency: Real) -> Real:
        """S, at |ω| = `frequency` within the table's range, or at its nearer end."""
        logarithm = np.log(np.clip(frequency, np.exp(self.edges[0]), np.exp(self.edges[-1])))
        piece = np.clip(np.searchsorted(self.edges, logarithm) - 1, 0, len(self.edges) - 2)
        low, high = self.edges[piece], self.edges[piece + 1]
        argument = (2 * logarithm - low - high) / (high - low)
        # Clenshaw's recurrence, with the coefficients of each point's own piece.
        first, second = np.zeros_like(argument), np.zeros_like(argument)
        for row in self.coefficients[:0:-1]:
            first, second = row[piece] + 2 * argument * first - second, first
        result: Real = self.coefficients[0][piece] + argument * first - second
        return result


def require_cutoff(spectrum: SpectralDensity, scale: float, of: str) -> None:
    """Raise if J does not fall off at high frequencies.

    Raises
    ------
    NoCutoffError
    """
    near, far = checked_density(spectrum.density, np.array([scale, scale * FARTHEST]), of)
    if not far <= NEGLIGIBLE * max(near, 1e-300):
        raise NoCutoffError(
            f"the spectral density{of} must have a cutoff, but {spectrum!r} is {near:.3g} at frequency {scale:.3g} and "
            f"{far:.3g} at {scale * FARTHEST:.3g}: the level shift diverges; give a spectrum with a cutoff, or "
            "rotating-wave couplings without level shift"
        )


def level_shift(spectrum: SpectralDensity, lowest: float, highest: float, sign: int, of: str) -> Callable[[Real], Real]:
    """S(`sign` ω) as a function of ω between 0 and `highest`, of a network whose lowest frequency is `lowest`.

    Raises
    ------
    NoCutoffError
        If J has no cutoff.
    QuadratureError
        If S cannot be tabulated.
    """
    closed = closed_shift(spectrum)
    if closed is not None:
        return lambda frequency: closed(sign * frequency)
    # Decades, so that a table serves all temperatures and networks of a sweep.
    decades = [
        10.0 ** round_down(math.log10(edge)) for round_down, edge in ((math.floor, lowest), (math.ceil, highest))
    ]
    return _kept_table(cast("Hashable", spectrum), sign, decades[0], decades[1], of)


def shift_table(spectrum: SpectralDensity, sign: int, lowest: float, highest: float, of: str) -> ShiftTable:
    """S(ω) at ω = `sign` × (`lowest` × NOTHING to `highest`).

    Raises
    ------
    NoCutoffError
        If J has no cutoff.
    QuadratureError
        If the table would be too long.
    """
    marks = sorted(getattr(spectrum, "landmarks", ()))
    scale = max([*marks, highest])
    require_cutoff(spectrum, scale, of)
    start, end = np.log(lowest * NOTHING), np.log(highest)
    inner = [np.log(mark) for mark in marks if start < np.log(mark) < end] if sign > 0 else []
    waiting = _split(np.array([start, *inner, end]), 1.5)
    points = np.cos(np.pi * (np.arange(ORDER) + 0.5) / ORDER)
    transform = 2 / ORDER * np.cos(np.pi * np.arange(ORDER)[:, None] * (np.arange(ORDER) + 0.5) / ORDER)
    transform[0] /= 2

    def values(low: float, high: float) -> Real:
        return _shift(spectrum.density, sign * np.exp((low + high) / 2 + (high - low) / 2 * points), marks, scale, of)

    known = [(low, high, values(low, high)) for low, high in waiting]
    # Known before any piece is halved: far from all scales S is small, and its rounding is not to be resolved.
    largest = max(float(np.abs(each).max()) for *_, each in known)
    pieces: list[tuple[float, float, Real]] = []
    while known:
        low, high, found = known.pop()
        coefficients = transform @ found
        rough = np.abs(coefficients[-3:]).max() > INTERPOLATED * largest
        if rough and high - low > SHORTEST_PIECE:
            middle = (low + high) / 2
            known += [(low, middle, values(low, middle)), (middle, high, values(middle, high))]
        else:
            pieces.append((low, high, coefficients))
        if len(known) + len(pieces) > MOST_PIECES:
            raise QuadratureError(
                f"the level shift{of} must be smooth between the landmarks of its spectral density, but next to the "
                f"frequency {np.exp(high):.6g} it is not; give {spectrum!r} landmarks there, or leave out level shifts"
            )
    pieces.sort(key=lambda piece: piece[0])
    return ShiftTable(
        np.array([pieces[0][0], *(high for _, high, _ in pieces)]), np.array([each for *_, each in pieces]).T
    )


_kept_table = lru_cache(maxsize=64)(shift_table)


def _split(edges: Real, longest: float) -> list[tuple[float, float]]:
    result = []
    for low, high in itertools.pairwise(edges):
        cuts = np.linspace(low, high, max(1, int(np.ceil((high - low) / longest))) + 1)
        result += list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
    return result


def _shift(density: Callable[[Real], Real], omega: Real, marks: list[float], scale: float, of: str) -> Real:
    """S(ω), over distances y from the pole, in logarithms of y, of J(ω - y) - J(ω + y)."""
    pole = np.abs(omega)[:, None]
    kinks = np.abs(np.array([0.0, *marks])[None, :] - omega[:, None])
    # Towards a kink from both sides, as J may have a power of the distance from it, at ω = 0.
    near = [1 + side * 10.0**-decade for decade in (1, 2, 4, 7, 10) for side in (-1, 1)]
    around = (kinks[:, :, None] * np.array([1.0, *near])).reshape(omega.size, -1)
    grid = np.exp(np.arange(np.log(NEAREST), np.log(FARTHEST * scale / pole.min()), 1.5)) * pole
    edges = np.clip(np.concatenate([around, grid], axis=1), NEAREST * pole, FARTHEST * scale)
    edges = np.log(np.sort(edges, axis=1))
    # In thirds, for the flanks of a peak, whose landmarks are decades apart.
    parts = edges[:, :-1, None] + np.diff(edges)[:, :, None] * (np.arange(3) / 3)
    half = np.repeat(np.diff(edges) / 6, 3, axis=1)
    nodes, weights = GAUSS
    y = np.exp(parts.reshape(omega.size, -1, 1) + half[:, :, None] * (1 + nodes))
    centre = omega[:, None, None]
    values = _density(density, centre - y, of) - _density(density, centre + y, of)
    result: Real = np.einsum("wpn,n,wp->w", values, weights, half) / (2 * np.pi)
    return result


def _density(density: Callable[[Real], Real], frequency: Real, of: str) -> Real:
    result = np.zeros_like(frequency)
    positive = frequency > 0
    result[positive] = checked_density(density, frequency[positive], of)
    return result
