"""Rates that a bath gives, eqs. (14)-(15): downward, upward, and both as one signed function of the frequency.

Conventions: ħ = k_B = 1. The *decay* rate γ(Ω) of eq. (14) is the downward rate and already contains n + 1; the
*excitation* rate is e^(-Ω/T) γ(Ω).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qnet_qutip import checks
from qnet_qutip.principal_value import NoPrincipalValueError, principal_value, principal_value_at_zero
from qnet_qutip.spectra import Array, SpectralDensity, checked_density, density_at

SIDES = ("both", "down", "up")

# Where limits at zero frequency are read off: below any frequency in use, whatever its unit, and far enough apart that
# a power law shows.
NEAR_ZERO, NEARER_ZERO = 1e-30, 1e-60


@dataclass(frozen=True)
class Rate:
    """The rate of one bath as one signed function of the Bohr frequency, up and down alike, and its level shift.

    γ(ω) = J(ω)(1 + n(ω)) for ω > 0, energy into the bath, and J(-ω)n(-ω) for ω < 0, energy out of it, with
    n(ω) = 1/(e^(ω/T) - 1); at ω = 0 the limit J(ω)T/ω of both, or none if the bath has one side alone.

    Parameters
    ----------
    spectrum : SpectralDensity
        J.
    temperature : float
        T, positive, or zero, where n = 0.
    side : {"both", "down", "up"}, optional
        All of γ, for a bath that is coupled to its node by a Hermitian operator; or one half of it, as a rotating-wave
        coupling a R† + a†R has it: "down", that of a, is zero for ω ≤ 0, and "up", that of a†, for ω ≥ 0. A quantum of
        the bath has an energy, so that none is exchanged by a transition without; a side is not continuous there.
    of : str, optional
        Whose rate an error shall say that it is, for instance " of bath 'hot'".

    Raises
    ------
    TypeError
        If the spectrum has no method `density`.
    ValueError
        If the temperature is negative or not finite, or the side is unknown.

    Examples
    --------
    >>> from qnet_qutip import PhononSpectrum
    >>> rate = Rate(PhononSpectrum(1e-4), temperature=12.0)
    >>> round(rate.rate(10.0), 9), round(rate.rate(-10.0), 9)
    (0.176865375, 0.076865375)
    """

    spectrum: SpectralDensity
    temperature: float
    side: str = "both"
    of: str = ""

    def __post_init__(self) -> None:
        if not callable(getattr(self.spectrum, "density", None)):
            raise TypeError(f"spectrum must have a method density(frequency), but is {self.spectrum!r}")
        object.__setattr__(self, "temperature", checks.not_negative("temperature", self.temperature))
        checks.one_of("side", self.side, SIDES)

    def rate(self, omega: float) -> float:
        """γ(ω), in units of frequency, at a Bohr frequency ω = `omega` of either sign.

        Raises
        ------
        TypeError, ValueError
            If the spectral density is not valid at |ω| (see `checked_density`) or γ is not finite there. At ω = 0 if
            there is no limit: for T > 0, where J falls slower than ω; at T = 0, where it does not vanish, so that γ is
            J on one side and zero on the other. The message names the bath.

        Examples
        --------
        >>> from qnet_qutip import DrudeLorentzSpectrum
        >>> Rate(DrudeLorentzSpectrum(lam=0.1, gamma=2.0), temperature=5.0).rate(0.0)
        1.0
        """
        omega = checks.finite(f"the frequency of the rate{self.of}", omega)
        if omega == 0:
            return self._rate_at_zero() if self.side == "both" else 0.0
        if (omega < 0 and self.side == "down") or (omega > 0 and self.side == "up"):
            return 0.0
        down, up = self.down_and_up(abs(omega))
        return down if omega > 0 else up

    def down_and_up(self, frequency: float) -> tuple[float, float]:
        """γ(Ω) and γ(-Ω) at a frequency Ω > 0, of both sides.

        Raises
        ------
        TypeError, ValueError
            As for `rate`.
        """
        density = density_at(self.spectrum, frequency, self.of)
        decay, rise = self._exponentials(frequency)
        down, up = (density / rise, density * decay / rise) if rise > 0 else (math.inf, math.inf)
        if not (math.isfinite(down) and math.isfinite(up)):
            raise ValueError(
                f"the rates{self.of} must be finite, but are {down} and {up} at frequency {frequency:g} and "
                f"temperature {self.temperature:g}"
            )
        return down, up

    def level_shift(self, omega: float) -> float:
        """𝒮(ω) = P∫ dω'/2π γ(ω')/(ω - ω'), the level (Lamb) shift at a Bohr frequency ω = `omega` of either sign.

        γ(ω)/2 + i𝒮(ω) is the half-sided Fourier transform of the bath's correlation function, Breuer and Petruccione,
        The Theory of Open Quantum Systems (2002), eq. (3.137): the Hamiltonian of the level shift is Σ 𝒮(ω) S(ω)†S(ω).
        The integral is over the side of γ that there is.

        Returns
        -------
        float
            In units of frequency; right to 1e-9 of the sum of the absolute values of the integral's parts.

        Raises
        ------
        TypeError, ValueError
            If the integral diverges: without a cutoff, at low frequencies (for ω ≠ 0 and T > 0 where J does not vanish
            at zero; for a single side at ω = 0 and T > 0 where it does not vanish faster than ω); if the integration
            does not reach its accuracy; or if the spectral density is not valid at some frequency. The message names
            the bath.

        Examples
        --------
        >>> from qnet_qutip import DrudeLorentzSpectrum
        >>> round(Rate(DrudeLorentzSpectrum(lam=0.1, gamma=2.0), temperature=0.0).level_shift(2.0), 9)
        -0.05
        """
        omega = checks.finite(f"the frequency of the level shift{self.of}", omega)

        def numerator(frequency: float) -> float:
            """Of both poles' fractions over (Ω - ω)(Ω + ω), so that what cancels between them never appears."""
            decay, rise = self._exponentials(frequency)
            kernel = {
                "both": -(omega * (1 + decay) / rise + frequency),
                "down": -(frequency + omega) / rise,
                "up": (frequency - omega) * decay / rise,
            }[self.side]
            return density_at(self.spectrum, frequency, self.of) * kernel

        try:
            with np.errstate(all="ignore"):
                return principal_value(numerator, abs(omega), self._landmarks()) / (2 * math.pi)
        except NoPrincipalValueError as problem:
            raise ValueError(
                f"the level shift{self.of} at frequency {omega:g} and temperature {self.temperature:g} {problem}"
            ) from None

    def universal_level_shift(self, first: float, second: float) -> float:
        """f(ω, ω') = -P∫ dν/2π √(γ(ν + ω)γ(ν + ω'))/ν, what the universal equation's level shift is made of.

        That is Λ = Σ f(ω, ω') S(ω)†S(ω'): Nathan and Rudner, PRB 102, 115109 (2020), eq. (D8) as corrected in eq. (6)
        of the erratum, PRB 104, 119901 (2021). As first printed it has the signs of ω and ω' reversed. f is symmetric,
        and f(ω, ω) is `level_shift(ω)`.

        Parameters
        ----------
        first, second : float
            ω and ω', of either sign.

        Returns
        -------
        float
            In units of frequency; as right as `level_shift`.

        Raises
        ------
        TypeError, ValueError
            As for `level_shift`.

        Examples
        --------
        >>> from qnet_qutip import DrudeLorentzSpectrum
        >>> rate = Rate(DrudeLorentzSpectrum(lam=0.1, gamma=2.0), temperature=1.0)
        >>> abs(rate.universal_level_shift(2.0, 2.0) - rate.level_shift(2.0)) < 1e-9
        True
        """
        first, second = (checks.finite(f"the frequency of the level shift{self.of}", each) for each in (first, second))
        scales = [0.0, *self._landmarks()]
        marks = [sign * scale - omega for omega in (first, second) for scale in scales for sign in (1.0, -1.0)]

        def numerator(frequency: float) -> float:
            rate = self.rate(frequency + first)
            if rate == 0 or first == second:
                return rate
            # The product of the roots, as that of the rates may underflow.
            return math.sqrt(rate) * math.sqrt(self.rate(frequency + second))

        try:
            with np.errstate(all="ignore"):
                return -principal_value_at_zero(numerator, marks) / (2 * math.pi)
        except NoPrincipalValueError as problem:
            raise ValueError(
                f"the level shift{self.of} at frequencies {first:g} and {second:g} and temperature "
                f"{self.temperature:g} {problem}"
            ) from None

    def _landmarks(self) -> list[float]:
        """Positive frequencies where the rate changes its scale."""
        landmarks = [
            checks.positive(f"a landmark of the spectrum{self.of}", landmark)
            for landmark in getattr(self.spectrum, "landmarks", ())
        ]
        return [*landmarks, self.temperature] if self.temperature > 0 else landmarks

    def _exponentials(self, frequency: float) -> tuple[float, float]:
        """e^(-Ω/T) = n/(n + 1) and 1 - e^(-Ω/T) = 1/(n + 1) at Ω = `frequency` > 0."""
        if self.temperature == 0:
            return 0.0, 1.0
        ratio = frequency / self.temperature
        return math.exp(-ratio), -math.expm1(-ratio)

    def _rate_at_zero(self) -> float:
        far, near = (density_at(self.spectrum, frequency, self.of) for frequency in (NEAR_ZERO, NEARER_ZERO))
        if self.temperature > 0:
            far, near = far * self.temperature / NEAR_ZERO, near * self.temperature / NEARER_ZERO
        if near < far * (1 - 1e-6) or near == 0:
            return 0.0
        if self.temperature > 0 and near <= far * (1 + 1e-6):
            return near
        must = "falls at least as fast as the frequency" if self.temperature > 0 else "vanishes"
        raise ValueError(
            f"the rate{self.of} has no limit at zero frequency: at temperature {self.temperature:g} it needs a "
            f"spectral density that {must} there, but has {self.spectrum!r}"
        )


def decay_rate(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> Array:
    """Downward rate γ(Ω) of eqs. (14)-(15): density(Ω) / (1 - e^(-Ω/T)).

    Parameters
    ----------
    spectrum : SpectralDensity
        The bath's spectral density.
    frequency, temperature : array_like
        Ω, positive, and T, positive or zero; broadcast against each other.

    Returns
    -------
    ndarray
        Rates, in units of frequency.

    Raises
    ------
    TypeError, ValueError
        If a frequency is not positive or a temperature negative, one is not a finite real number, or the spectral
        density is not valid, see `checked_density`.

    Examples
    --------
    >>> from qnet_qutip import PhononSpectrum
    >>> round(float(decay_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.176865375
    """
    return _checked_rates(spectrum, frequency, temperature)[0]


def excitation_rate(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> Array:
    """Upward rate e^(-Ω/T) γ(Ω) of eqs. (6) and (11): density(Ω) / (e^(Ω/T) - 1).

    Parameters, result and errors are those of `decay_rate`.

    Examples
    --------
    >>> from qnet_qutip import PhononSpectrum
    >>> round(float(excitation_rate(PhononSpectrum(1e-4), 10.0, 12.0)), 9)
    0.076865375
    """
    return _checked_rates(spectrum, frequency, temperature)[1]


def _checked_rates(spectrum: SpectralDensity, frequency: ArrayLike, temperature: ArrayLike) -> tuple[Array, Array]:
    """Downward and upward rate."""
    if not callable(getattr(spectrum, "density", None)):
        raise TypeError(f"spectrum must have a method density(frequency), but is {spectrum!r}")
    frequencies, temperatures = checks.reals("frequency", frequency), checks.reals("temperature", temperature)
    if not (frequencies > 0).all():
        raise ValueError(f"frequency must be positive, but is {frequency!r}")
    if not (temperatures >= 0).all():
        raise ValueError(f"temperature must be positive or zero, but is {temperature!r}")
    try:
        np.broadcast_shapes(frequencies.shape, temperatures.shape)
    except ValueError:
        raise ValueError(
            f"frequency and temperature must be broadcast against each other, but have the shapes {frequencies.shape} "
            f"and {temperatures.shape}"
        ) from None
    density = checked_density(spectrum.density, frequencies)
    with np.errstate(divide="ignore"):  # at zero temperature e^(-Ω/T) is zero
        ratio = frequencies / temperatures
    return density / -np.expm1(-ratio), density * np.exp(-ratio) / -np.expm1(-ratio)
