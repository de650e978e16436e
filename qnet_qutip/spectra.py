"""Spectral densities of the baths, eqs. (14)-(15).

Conventions: ħ = k_B = 1. The spectral density J(Ω) is the rate itself at zero temperature: a bath takes an excitation
of frequency Ω from its node at the rate J(Ω)(n + 1) and gives one at J(Ω)n, with n = 1/(e^(Ω/T) - 1). For a coupling
(a + a†) Σ_k g_k(b_k + b_k†), or Σ_k g_k(a b_k† + a†b_k), Fermi's golden rule makes it J(Ω) = 2π Σ_k g_k² δ(ω_k - Ω).
(Eq. (14) has π there: its g(k) is √2 times this one. QuTiP has π and this g_k: see `qnet_qutip.environments`.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import checks

Array = NDArray[np.float64]


class SpectralDensity(Protocol):
    """What a bath needs: the spectral density at positive frequencies, as a function `density(frequency)`.

    A spectrum with structure that is narrower than its frequency (a peak, an edge) names it in `landmarks`, a tuple of
    frequencies: the integral of a level shift begins anew at each, so that it cannot step over what is between them.
    """

    def density(self, frequency: ArrayLike) -> Array:
        """Spectral density J(Ω) at Ω = `frequency`: the rate at zero temperature, in units of frequency."""


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
class FlatSpectrum:
    """The same spectral density at every frequency: white noise, the Markov limit.

    It has no cutoff, so that no level shift exists, and no rate at zero frequency.

    Parameters
    ----------
    rate : float
        J > 0, in units of frequency.

    Raises
    ------
    ValueError
        If `rate` is not positive and finite.

    Examples
    --------
    >>> FlatSpectrum(0.01).density([1.0, 2.0])
    array([0.01, 0.01])
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checks.positive("rate", self.rate))

    def density(self, frequency: ArrayLike) -> Array:
        """J at Ω = `frequency`, an array of any shape."""
        return np.full_like(np.asarray(frequency, dtype=float), self.rate)


@dataclass(frozen=True)
class OhmicSpectrum:
    """Power law with an exponential cutoff: J(Ω) = ηΩ(Ω/ω_c)^(s-1) e^(-Ω/ω_c).

    The bath is called ohmic for s = 1, J = ηΩ e^(-Ω/ω_c), sub-ohmic below and super-ohmic above. QuTiP's
    `OhmicEnvironment(T, alpha, wc, s)` is this one with η = 2 alpha.

    Parameters
    ----------
    strength : float
        η > 0, without a unit.
    cutoff : float
        ω_c > 0, in units of frequency.
    s : float, optional
        The exponent, s > 0.

    Raises
    ------
    ValueError
        If an argument is not positive and finite.

    Examples
    --------
    >>> round(float(OhmicSpectrum(strength=1e-3, cutoff=20).density(2.0)), 9)
    0.001809675
    """

    strength: float
    cutoff: float
    s: float = 1.0

    def __post_init__(self) -> None:
        for name in ("strength", "cutoff", "s"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))

    @property
    def landmarks(self) -> tuple[float, ...]:
        """The cutoff."""
        return (self.cutoff,)

    def density(self, frequency: ArrayLike) -> Array:
        """J at Ω = `frequency`, an array of any shape."""
        ratio = np.asarray(frequency, dtype=float) / self.cutoff
        return self.strength * self.cutoff * ratio**self.s * np.exp(-ratio)


@dataclass(frozen=True)
class DrudeLorentzSpectrum:
    """Ohmic with a Lorentzian cutoff, of an overdamped bath: J(Ω) = 4λγΩ/(Ω² + γ²).

    λ and γ are those of QuTiP's `DrudeLorentzEnvironment(T, lam, gamma)`: the rates are the same.

    Parameters
    ----------
    lam : float
        λ > 0, the reorganisation energy ∫ dΩ J(Ω)/2πΩ, in units of frequency.
    gamma : float
        γ > 0, the cutoff and the inverse of the bath's memory time, in units of frequency.

    Raises
    ------
    ValueError
        If an argument is not positive and finite.

    Examples
    --------
    >>> float(DrudeLorentzSpectrum(lam=0.1, gamma=2).density(2.0))
    0.2
    """

    lam: float
    gamma: float

    def __post_init__(self) -> None:
        for name in ("lam", "gamma"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))

    @property
    def landmarks(self) -> tuple[float, ...]:
        """The cutoff."""
        return (self.gamma,)

    def density(self, frequency: ArrayLike) -> Array:
        """J at Ω = `frequency`, an array of any shape."""
        frequencies = np.asarray(frequency, dtype=float)
        return 4 * self.lam * self.gamma * frequencies / (frequencies**2 + self.gamma**2)


@dataclass(frozen=True)
class LorentzianSpectrum:
    """A filter: the bath of a node that is coupled to a damped resonator, J(Ω) = 4g²ω_f κΩ/((Ω² - ω_f²)² + κ²Ω²).

    A resonator c of frequency ω_f stands between node and bath, coupled to the node by g(a + a†)(c + c†). An ohmic bath
    without cutoff damps its position, x'' + κx' + ω_f²x = 0, so that its energy decays at the rate κ. Near the peak of
    a narrow filter, κ ≪ ω_f, J is the Lorentzian g²κ/((Ω - ω_f)² + κ²/4): 4g²/κ high, and κ wide at half its height.
    Exactly, it is (g²κω_f/ω')[1/((Ω - ω')² + κ²/4) - 1/((Ω + ω')² + κ²/4)] with ω'² = ω_f² - κ²/4: the mirror image at
    negative frequencies makes J odd, and proportional to Ω at low ones. So the rate at zero frequency is finite,
    4g²κT/ω_f³, and there is a level shift. QuTiP's `UnderDampedEnvironment(T, lam, gamma, w0)` is this spectrum with
    lam = g√(2ω_f), gamma = κ, w0 = ω_f.

    Parameters
    ----------
    strength : float
        g > 0, of the coupling between node and resonator, in units of frequency.
    frequency : float
        ω_f > 0, of the resonator.
    width : float
        κ > 0, the rate at which the resonator's energy decays.

    Raises
    ------
    ValueError
        If an argument is not positive and finite.

    Examples
    --------
    >>> float(LorentzianSpectrum(strength=0.01, frequency=5, width=0.1).density(5.0))
    0.004
    """

    strength: float
    frequency: float
    width: float

    def __post_init__(self) -> None:
        for name in ("strength", "frequency", "width"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))

    @property
    def landmarks(self) -> tuple[float, ...]:
        """The peak and its flanks, in steps of ten."""
        return peak_landmarks(self.frequency, self.width)

    def density(self, frequency: ArrayLike) -> Array:
        """J at Ω = `frequency`, an array of any shape."""
        frequencies = np.asarray(frequency, dtype=float)
        detuning = (frequencies - self.frequency) * (frequencies + self.frequency)
        numerator = 4 * self.strength**2 * self.frequency * self.width * frequencies
        return numerator / (detuning**2 + (self.width * frequencies) ** 2)


def peak_landmarks(frequency: float, width: float) -> tuple[float, ...]:
    """The frequency of a peak, and those on its flanks whose distance is its half width times 1, 10, 100 and so on."""
    decades = range(math.ceil(math.log10(max(2 * frequency / width, 1))))
    offsets = [width / 2 * 10**decade for decade in decades]
    return tuple(sorted([frequency, *(frequency - each for each in offsets), *(frequency + each for each in offsets)]))


@dataclass(frozen=True)
class CallableSpectrum:
    """Spectral density from a function of the frequency: eq. (14) for any bath.

    Parameters
    ----------
    function : callable
        Takes an array of positive frequencies and returns J(Ω), the rate at zero temperature, of that shape or one
        number for all, not negative. Two spectra are equal if their functions are the same object; to pickle one, its
        function must be importable.
    landmarks : tuple of float, optional
        Positive frequencies that the integral of a level shift must not step over: peaks, with a few multiples of
        their widths on both sides, and edges.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        If a landmark is not positive and finite.
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
    landmarks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be callable, but is {self.function!r}")
        landmarks = tuple(checks.positive("a landmark", frequency) for frequency in self.landmarks)
        object.__setattr__(self, "landmarks", landmarks)

    def density(self, frequency: ArrayLike) -> Array:
        """The function at Ω = `frequency`, an array of any shape."""
        return checked_density(self.function, frequency)


class UnknownDensityError(ValueError):
    """Why a spectrum cannot tell its density at a frequency."""


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
    return _checked(density(frequencies), frequencies, of)


def density_at(spectrum: SpectralDensity, frequency: float, of: str = "") -> float:
    """`checked_density` of a spectrum at one frequency, in a few microseconds where it is a plain good number."""
    # A function's own spectrum makes the same check, but does not know the name of its bath.
    density = spectrum.function if type(spectrum) is CallableSpectrum else spectrum.density
    frequencies = np.asarray(frequency, dtype=float)
    try:
        returned = density(frequencies)
    except UnknownDensityError as error:
        raise ValueError(f"the spectral density{of} is not known at frequency {frequency:g}: {error}") from None
    if type(returned) is np.float64 and 0 <= returned < np.inf:
        return float(returned)
    return float(_checked(returned, frequencies, of))


def _checked(returned: ArrayLike, frequencies: Array, of: str) -> Array:
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
