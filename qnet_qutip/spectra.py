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
        Takes an array of positive frequencies and returns π Σ_k |g(k)|² δ(ω(k) - Ω), of that shape or one number for
        all, not negative. Two spectra are equal if their functions are the same object; to pickle one, its function
        must be importable.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    TypeError, ValueError
        From `density`, as for `checked_density`.

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
        return checked_density(self.function, frequency)


def checked_density(density: Callable[[Array], ArrayLike], frequency: ArrayLike, of: str = "") -> Array:
    """Spectral density at some frequencies, or an error that says why it is none: the one place where it is checked.

    Parameters
    ----------
    density : callable
        A spectrum's method `density`, or another function of an array of frequencies.
    frequency : array_like
        Ω, positive, of any shape.
    of : str, optional
        Whose density an error shall say that it is, for instance " of bath 'hot'".

    Returns
    -------
    ndarray
        In the shape of the frequencies; a list is converted, and one number stands for all frequencies.

    Raises
    ------
    TypeError
        If `density` does not return real numbers.
    ValueError
        If it returns a negative or non-finite number, or has another shape than the frequencies.

    Examples
    --------
    >>> checked_density(lambda frequency: [1.0, 2.0], [5.0, 6.0])
    array([1., 2.])
    """
    frequencies = np.asarray(frequency, dtype=float)
    returned = density(frequencies)
    try:
        values = np.asarray(returned)
    except ValueError as error:
        raise ValueError(f"the spectral density{of} must be an array, but is {returned!r}: {error}") from error
    if values.dtype.kind not in "iuf":
        raise TypeError(f"the spectral density{of} must be made of real numbers, but is {returned!r}")
    if values.shape != frequencies.shape:
        if values.ndim > 0 and not values.size == frequencies.size == 1:
            raise ValueError(
                f"the spectral density{of} must have the shape of the frequencies, {frequencies.shape}, "
                f"but has {values.shape}"
            )
        values = np.broadcast_to(values.reshape(()), frequencies.shape)
    if not ((values >= 0) & (values < np.inf)).all():
        raise ValueError(
            f"the spectral density{of} must be finite and not negative, but is {values} at frequency {frequencies}"
        )
    return values.astype(float)


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

    Raises
    ------
    TypeError, ValueError
        If the spectral density is not valid, see `checked_density`.

    Examples
    --------
    >>> round(float(decay_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.176865375
    """
    return thermal_rates(checked_density(spectrum.density, frequency), frequency, temperature)[0]


def excitation_rate(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> Array:
    """Upward rate e^(-Ω/T) γ(Ω) of eqs. (6) and (11): density(Ω) / (e^(Ω/T) - 1).

    Parameters, result and errors are those of `decay_rate`.

    Examples
    --------
    >>> round(float(excitation_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.076865375
    """
    return thermal_rates(checked_density(spectrum.density, frequency), frequency, temperature)[1]


def thermal_rates(density: Array, frequency: ArrayLike, temperature: ArrayLike) -> tuple[Array, Array]:
    """Downward and upward rate of a bath, from its spectral density at Ω = `frequency`."""
    ratio = np.asarray(frequency, dtype=float) / np.asarray(temperature, dtype=float)
    return density / -np.expm1(-ratio), density * np.exp(-ratio) / -np.expm1(-ratio)
