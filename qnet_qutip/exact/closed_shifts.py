"""Closed forms of S(ω) = P∫_0^∞ dx/2π J(x)/(ω - x), for the spectral densities that have one. See DERIVATION.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expi

from qnet_qutip.spectra import DrudeLorentzSpectrum, LorentzianSpectrum, OhmicSpectrum, SpectralDensity

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Shift = Callable[[Real], Real]

# Beyond this many cutoffs the asymptotic series is better than the closed form: its smallest term is e^-40, and the
# closed form loses y^s of sixteen digits.
ASYMPTOTIC = 40.0
ASYMPTOTIC_TERMS = 38
LARGEST_EXPONENT = 4

# A filter of two poles closer than this, relative to their size, loses that many digits in their difference.
CRITICAL = 1e-3

SMALLEST = 1e-290


def closed_shift(spectrum: SpectralDensity) -> Shift | None:
    """S of a spectrum at frequencies of either sign, or None if no closed form of it is known."""
    if type(spectrum) is DrudeLorentzSpectrum:
        return partial(_drude, spectrum)
    if type(spectrum) is OhmicSpectrum and spectrum.s in range(1, LARGEST_EXPONENT + 1):
        return partial(_ohmic, spectrum)
    if type(spectrum) is LorentzianSpectrum and abs(_splitting(spectrum)) > CRITICAL * spectrum.frequency:
        return partial(_lorentzian, spectrum)
    return None


def _away_from_zero(omega: Real) -> Real:
    """S(0) as the limit: ω ln|ω| vanishes there."""
    result: Real = np.where(np.abs(omega) < SMALLEST, SMALLEST, omega)
    return result


def _drude(spectrum: DrudeLorentzSpectrum, omega: Real) -> Real:
    factor = 2 * spectrum.lam * spectrum.gamma / math.pi
    result: Real = factor * _overdamped(_away_from_zero(omega), complex(spectrum.gamma)).real
    return result


def _overdamped(omega: Real, gamma: complex) -> Complex:
    """P∫_0^∞ dx x/((x² + γ²)(ω - x)), Re γ > 0, by partial fractions."""
    logarithm = np.log(np.abs(omega)) - np.log(gamma)
    result: Complex = (omega * logarithm - math.pi * gamma / 2) / ((omega - 1j * gamma) * (omega + 1j * gamma))
    return result


def _splitting(spectrum: LorentzianSpectrum) -> complex:
    """√(ω_f² - κ²/4), imaginary if the filter is overdamped."""
    half = spectrum.width / 2
    return complex(np.sqrt(complex((spectrum.frequency - half) * (spectrum.frequency + half))))


def _lorentzian(spectrum: LorentzianSpectrum, omega: Real) -> Real:
    """x/((x² + γ₁²)(x² + γ₂²)) is the difference of two overdamped ones, γ = κ/2 ± i√(ω_f² - κ²/4)."""
    half, splitting = spectrum.width / 2, _splitting(spectrum)
    first, second = half - 1j * splitting, half + 1j * splitting
    argument = _away_from_zero(omega)
    # γ₂² - γ₁² = 4i (κ/2) √(ω_f² - κ²/4)
    difference = (_overdamped(argument, first) - _overdamped(argument, second)) / (4j * half * splitting)
    factor = 4 * spectrum.strength**2 * spectrum.frequency * spectrum.width / (2 * math.pi)
    result: Real = factor * difference.real
    return result


def _ohmic(spectrum: OhmicSpectrum, omega: Real) -> Real:
    """For x^s e^-x, s whole: x^s/(y - x) = -(x^(s-1) + … + y^(s-1)) + y^s/(y - x) and P∫e^-x/(y - x) = e^-y Ei(y)."""
    s = int(spectrum.s)
    y = _away_from_zero(omega) / spectrum.cutoff
    near = np.where(np.abs(y) < ASYMPTOTIC, y, 1.0)
    value = near**s * np.exp(-near) * expi(near) - sum(near**k * math.factorial(s - 1 - k) for k in range(s))
    inverse = 1 / np.where(np.abs(y) < ASYMPTOTIC, np.inf, y)
    series = np.zeros_like(y)
    for k in reversed(range(ASYMPTOTIC_TERMS)):
        series = inverse * (math.factorial(s + k) * inverse**k) + series
    result: Real = spectrum.strength * spectrum.cutoff / (2 * math.pi) * np.where(np.abs(y) < ASYMPTOTIC, value, series)
    return result
