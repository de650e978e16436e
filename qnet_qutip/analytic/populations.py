"""Thermal populations of modes and nodes, their differences without cancellation, and relaxation rates."""

from __future__ import annotations

import numpy as np

from qnet_qutip.analytic.two_nodes import OSCILLATOR_DELTA, Array, TwoNodeParameters
from qnet_qutip.spectra import SpectralDensity, checked_density


def statistics(delta: int, ratio: Array) -> Array:
    """1 + δe^(-Ω/T), accurate for small Ω/T, at `ratio` = Ω/T."""
    return -np.expm1(-ratio) if delta == OSCILLATOR_DELTA else 1 + np.exp(-ratio)


def thermal_occupation(delta: int, ratio: Array) -> Array:
    """N = 1/(e^(Ω/T) + δ) at `ratio` = Ω/T, in a form that does not overflow."""
    return np.exp(-ratio) / statistics(delta, ratio)


def occupation_difference(delta: int, ratio_1: Array, ratio_2: Array, ratio_2_minus_1: Array) -> Array:
    """N(ratio_1) - N(ratio_2), as accurate as the difference of the ratios that it is given."""
    larger = np.exp(-np.minimum(ratio_1, ratio_2))
    difference = larger * np.copysign(-np.expm1(-np.abs(ratio_2_minus_1)), ratio_2_minus_1)
    return difference / (statistics(delta, ratio_1) * statistics(delta, ratio_2))


def bias_of(p: TwoNodeParameters) -> Array:
    """ω_c/T_c - ω_h/T_h, accurate also near its change of sign."""
    return difference_of_products(p.omega_c, p.T_h, p.omega_h, p.T_c) / (p.T_h * p.T_c)


def node_occupation_difference(p: TwoNodeParameters) -> Array:
    """N_h(ω_h) - N_c(ω_c)."""
    return occupation_difference(p.delta, p.omega_h / p.T_h, p.omega_c / p.T_c, bias_of(p))


def rate_enhancement(delta: int, ratio: Array) -> Array:
    """(1 + δx)/(1 - x) at x = e^(-`ratio`): relaxation rate by spectral density, 1 or coth(Ω/2T)."""
    return np.ones_like(ratio) if delta == OSCILLATOR_DELTA else 1 / np.tanh(ratio / 2)


def relaxation_rate(delta: int, spectrum: SpectralDensity, frequency: Array, temperature: Array) -> Array:
    """Γ = γ(Ω)(1 + δe^(-Ω/T)), the rate at which a bath relaxes the population of a mode or node to N."""
    return checked_density(spectrum.density, frequency) * rate_enhancement(delta, frequency / temperature)


def node_rates(p: TwoNodeParameters) -> tuple[Array, Array]:
    """Γ_h and Γ_c of eq. (8), at the nodes' own frequencies."""
    return (
        relaxation_rate(p.delta, p.spectrum_h, p.omega_h, p.T_h),
        relaxation_rate(p.delta, p.spectrum_c, p.omega_c, p.T_c),
    )


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """ab - fl(ab), exactly (Dekker's algorithm, with Veltkamp's splitting of each factor into two halves)."""
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: Array) -> tuple[Array, Array]:
    """a = high + low with at most 26 significant bits in each."""
    scaled = (2.0**27 + 1) * a
    high = scaled - (scaled - a)
    return high, a - high


def difference_of_products(a: Array, b: Array, c: Array, d: Array) -> Array:
    """ab - cd to a few units in the last place, however much cancels."""
    ab, cd = a * b, c * d
    return (ab - cd) + (_product_error(a, b, ab) - _product_error(c, d, cd))
