"""Spectral densities of the baths and the rates that they give, eqs. (14)-(15).

Conventions: ħ = k_B = 1. The *decay* rate γ(Ω) of eq. (14) is the downward rate and already contains n + 1; the
*excitation* rate is e^(-Ω/T) γ(Ω).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import checks

Array = NDArray[np.float64]


class SpectralDensity(Protocol):
    """What a bath needs: the spectral density at positive frequencies, as a function `density(frequency)`."""

    def density(self, frequency: ArrayLike) -> Array:
        """Spectral density π Σ_k |g(k)|² δ(ω(k) - Ω) at Ω = `frequency`."""


@dataclass(frozen=True)
class PhononSpectrum:
    """Three-dimensional phonon bath with linear dispersion: spectral density κΩ³, eq. (15).

    Parameters
    ----------
    kappa : float
        κ > 0, proportional to the square of the system-bath coupling; unit frequency⁻².

    Raises
    ------
    ValueError
        If `kappa` is not positive and finite.

    Examples
    --------
    >>> float(PhononSpectrum(kappa=1e-4).density(10.0))
    0.1
    """

    kappa: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "kappa", checks.positive("kappa", self.kappa))

    def density(self, frequency: ArrayLike) -> Array:
        """κΩ³ at Ω = `frequency`, an array of any shape."""
        return self.kappa * np.asarray(frequency, dtype=float) ** 3


@dataclass(frozen=True)
class CallableSpectrum:
    """Spectral density from a function of the frequency: eq. (14) for any bath.

    Parameters
    ----------
    function : callable
        Takes an array of positive frequencies and returns π Σ_k |g(k)|² δ(ω(k) - Ω), an array of that shape, not
        negative. Two spectra are equal if their functions are the same object; to pickle one, its function must be
        importable.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        From `density`, if the function returns a negative or non-finite value.

    Examples
    --------
    An ohmic bath:

    >>> ohmic = CallableSpectrum(lambda frequency: 1e-3 * frequency)
    >>> float(ohmic.density(2.0))
    0.002
    """

    function: Callable[[Array], ArrayLike]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be callable, but is {self.function!r}")

    def density(self, frequency: ArrayLike) -> Array:
        """The function at Ω = `frequency`, an array of any shape."""
        frequencies = np.asarray(frequency, dtype=float)
        values = np.asarray(self.function(frequencies), dtype=float)
        if not (np.all(np.isfinite(values)) and np.all(values >= 0)):
            raise ValueError(
                f"the spectral density must be finite and not negative, but is {values} at frequency {frequencies}"
            )
        return values


def decay_rate(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> Array:
    """Downward rate γ(Ω) of eqs. (14)-(15): density(Ω) / (1 - e^(-Ω/T)).

    Parameters
    ----------
    spectrum : SpectralDensity
        The bath's spectral density.
    frequency, temperature : array_like
        Ω and T, both positive; broadcast against each other.

    Returns
    -------
    ndarray
        Rates, in units of frequency.

    Examples
    --------
    >>> round(float(decay_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.176865375
    """
    ratio = np.asarray(frequency, dtype=float) / np.asarray(temperature, dtype=float)
    rate: Array = spectrum.density(frequency) / -np.expm1(-ratio)
    return rate


def excitation_rate(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> Array:
    """Upward rate e^(-Ω/T) γ(Ω) of eqs. (6) and (11): density(Ω) / (e^(Ω/T) - 1).

    Parameters and result are those of `decay_rate`.

    Examples
    --------
    >>> round(float(excitation_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.076865375
    """
    ratio = np.asarray(frequency, dtype=float) / np.asarray(temperature, dtype=float)
    rate: Array = spectrum.density(frequency) * np.exp(-ratio) / -np.expm1(-ratio)
    return rate
