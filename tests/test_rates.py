"""The signed rate of a bath and its level shift, against closed forms and integrals in the complex plane, 30 digits."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import dense
import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

import qnet_qutip as qn
from qnet_qutip.network import bath_rate

EPS = float(np.finfo(float).eps)
OHMIC = qn.OhmicSpectrum(strength=1e-3, cutoff=20.0)
DRUDE = qn.DrudeLorentzSpectrum(lam=0.1, gamma=2.0)
FILTER = qn.LorentzianSpectrum(strength=0.01, frequency=5.0, width=0.1)

# ---------------------------------------------------------------- rates


@given(omega=st.floats(1e-3, 1e3), ratio=st.floats(1e-9, 300))
@settings(max_examples=100, deadline=None)
def test_the_signed_rate_is_the_decay_and_the_excitation_rate(omega: float, ratio: float) -> None:
    T = omega / ratio
    for spectrum in (qn.PhononSpectrum(1e-4), OHMIC):
        rate = qn.Rate(spectrum, T)
        allowed = (8 + 2 * ratio) * EPS
        assert rate.rate(omega) == pytest.approx(float(qn.decay_rate(spectrum, omega, T)), rel=allowed, abs=0)
        assert rate.rate(-omega) == pytest.approx(float(qn.excitation_rate(spectrum, omega, T)), rel=allowed, abs=0)


def test_a_network_takes_its_rates_from_it() -> None:
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    assert bath_rate(net, "cold") == qn.Rate(qn.PhononSpectrum(1e-4), 10.0, of=" of bath 'cold'")


def test_a_side_is_half_of_it() -> None:
    both, down, up = (qn.Rate(OHMIC, 3.0, side) for side in ("both", "down", "up"))
    assert (down.rate(2.0), down.rate(-2.0)) == (both.rate(2.0), 0.0)
    assert (up.rate(2.0), up.rate(-2.0)) == (0.0, both.rate(-2.0))


def test_at_zero_temperature_nothing_goes_up() -> None:
    cold = qn.Rate(OHMIC, 0.0)
    assert cold.rate(2.0) == float(OHMIC.density(2.0)) == float(qn.decay_rate(OHMIC, 2.0, 0.0))
    assert cold.rate(-2.0) == 0.0 == float(qn.excitation_rate(OHMIC, 2.0, 0.0))


@pytest.mark.parametrize(
    ("spectrum", "temperature", "expected"),
    [
        (OHMIC, 3.0, 3e-3),
        (OHMIC, 0.0, 0.0),
        (qn.OhmicSpectrum(1e-3, 20.0, s=3), 3.0, 0.0),
        (qn.OhmicSpectrum(1e-3, 20.0, s=1.01), 3.0, 0.0),
        (qn.OhmicSpectrum(1e-3, 20.0, s=0.5), 0.0, 0.0),
        (DRUDE, 3.0, 4 * 0.1 * 3.0 / 2.0),
        (FILTER, 3.0, 4 * 1e-4 * 0.1 * 3.0 / 125),
        (qn.PhononSpectrum(1e-4), 12.0, 0.0),
        (qn.CallableSpectrum(lambda frequency: 0.2 * np.tanh(frequency)), 3.0, 0.6),
    ],
)
def test_the_rate_at_zero_frequency_is_the_limit(
    spectrum: qn.SpectralDensity, temperature: float, expected: float
) -> None:
    rate = qn.Rate(spectrum, temperature)
    assert rate.rate(0.0) == pytest.approx(expected, rel=1e-13, abs=0)
    # One side has the limit beside zero only: a quantum of the bath that is exchanged has an energy.
    for side, sign in (("down", 1), ("up", -1)):
        one_side = qn.Rate(spectrum, temperature, side)
        assert one_side.rate(0.0) == 0.0
        assert one_side.rate(sign * 1e-8) == rate.rate(sign * 1e-8)
    if expected > 0:
        for frequency in (1e-8, -1e-8):
            assert rate.rate(frequency) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("spectrum", "temperature", "message"),
    [
        (qn.FlatSpectrum(0.1), 3.0, "that falls at least as fast as the frequency there, but has FlatSpectrum"),
        (
            qn.OhmicSpectrum(1e-3, 20.0, s=0.99),
            3.0,
            "that falls at least as fast as the frequency there, but has Ohmic",
        ),
        (qn.FlatSpectrum(0.1), 0.0, "that vanishes there, but has FlatSpectrum"),
    ],
)
def test_a_rate_at_zero_frequency_that_has_no_limit_is_refused(
    spectrum: qn.SpectralDensity, temperature: float, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^the rate of bath 'hot' has no limit at zero frequency: .*{message}"):
        qn.Rate(spectrum, temperature, of=" of bath 'hot'").rate(0.0)


def test_a_rate_is_a_value() -> None:
    rate = qn.Rate(OHMIC, 3, "down", " of bath 'hot'")
    assert rate == pickle.loads(pickle.dumps(rate))
    assert hash(rate) == hash(qn.Rate(OHMIC, 3.0, "down", " of bath 'hot'"))
    assert rate != qn.Rate(OHMIC, 3.0)
    assert repr(rate).count("\n") == 0


def test_bad_rates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^temperature must be positive or zero, but is -1"):
        qn.Rate(OHMIC, -1.0)
    with pytest.raises(
        ValueError, match=r"^side must be one of 'both', 'down', 'up', but is 'dwon'; did you mean 'down'"
    ):
        qn.Rate(OHMIC, 1.0, "dwon")
    with pytest.raises(TypeError, match=r"^spectrum must have a method density"):
        qn.Rate(0.1, 1.0)  # type: ignore[arg-type]
    for value in (math.nan, math.inf):
        with pytest.raises(
            ValueError, match=f"^the frequency of the rate of bath 'hot' must be finite, but is {value}"
        ):
            qn.Rate(OHMIC, 1.0, of=" of bath 'hot'").rate(value)
        with pytest.raises(ValueError, match=f"^the frequency of the level shift must be finite, but is {value}"):
            qn.Rate(OHMIC, 1.0).level_shift(value)


# ---------------------------------------------------------------- level shift


def ohmic_density(spectrum: qn.OhmicSpectrum) -> Callable[[Any], Any]:
    ratio = lambda frequency: frequency / mpf(spectrum.cutoff)  # noqa: E731
    return lambda frequency: (
        mpf(spectrum.strength) * spectrum.cutoff * ratio(frequency) ** mpf(spectrum.s) * mpmath.exp(-ratio(frequency))
    )


def in_the_complex_plane(density: Callable[[Any], Any], T: float, side: str, omega: float) -> mpf:
    """The principal value by a path around the pole: the real part, where the integrand is real on the axis.

    The path stays close to the axis, where neither n nor a density has poles.
    """

    def occupation(frequency: Any) -> Any:
        return 1 / mpmath.expm1(frequency / mpf(T)) if T > 0 else mpf(0)

    def integrand(frequency: Any) -> Any:
        down = density(frequency) * (1 + occupation(frequency)) / (mpf(omega) - frequency)
        up = density(frequency) * occupation(frequency) / (mpf(omega) + frequency)
        return {"both": down + up, "down": down, "up": up}[side]

    pole = mpf(abs(omega))
    path = [0, pole / 64, pole / 8, pole / 2, pole * mpmath.mpc(1, 0.004), pole * 1.5]
    path += [pole * 1.5 * mpf(4) ** step for step in range(1, 8)] + [mpmath.inf]
    return mpmath.re(mpmath.quad(integrand, path)) / (2 * mpmath.pi)


@pytest.mark.parametrize(
    ("s", "T", "omega"), [(0.5, 15.0, 3.0), (0.5, 0.3, -0.2), (1.0, 0.3, -3.0), (1.0, 15.0, 40.0), (3.0, 3.0, 3.0)]
)
@pytest.mark.parametrize("side", ["both", "down", "up"])
def test_the_shift_of_a_power_law_is_the_integral(s: float, T: float, omega: float, side: str) -> None:
    spectrum = qn.OhmicSpectrum(1e-3, 20.0, s)
    with mpmath.workdps(20):
        expected = float(in_the_complex_plane(ohmic_density(spectrum), T, side, omega))
    assert qn.Rate(spectrum, T, side).level_shift(omega) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize("omega", [1e-3, 2.0, 20.0, 300.0])
def test_the_shift_of_a_cold_ohmic_bath_is_an_exponential_integral(omega: float) -> None:
    """-∫ Ω e^(-Ω/ω_c)/(Ω - ω) = -ω_c + ω e^(-ω/ω_c) Ei(ω/ω_c), for both signs of ω."""
    for each in (mpf(omega), -mpf(omega)):
        with mpmath.workdps(30):
            ratio = each / mpf(OHMIC.cutoff)
            bracket = -OHMIC.cutoff + each * mpmath.exp(-ratio) * mpmath.ei(ratio)
            expected = float(mpf(OHMIC.strength) * bracket / (2 * mpmath.pi))
        for side in ("both", "down"):
            assert qn.Rate(OHMIC, 0.0, side).level_shift(float(each)) == pytest.approx(expected, rel=1e-9, abs=0)
        assert qn.Rate(OHMIC, 0.0, "up").level_shift(float(each)) == 0.0


def drude_shift(spectrum: qn.DrudeLorentzSpectrum, T: float, omega: float) -> float:
    """Im Σ c/(ν - iω) over the exponentials c e^(-νt) of the correlation function, the Matsubara sum in digammas."""
    with mpmath.workdps(40):
        lam, gamma, temperature, frequency = (mpf(value) for value in (spectrum.lam, spectrum.gamma, T, omega))
        step = 2 * mpmath.pi * temperature
        a, b = gamma / step, 1j * frequency / step
        first = lam * gamma * (mpmath.cot(gamma / (2 * temperature)) - 1j) / (gamma - 1j * frequency)
        digammas = mpmath.digamma(1 + b) + mpmath.digamma(1 - b) - mpmath.digamma(1 + a) - mpmath.digamma(1 - a)
        rest = 2 * lam * gamma * temperature * frequency / (gamma**2 + frequency**2) * digammas / step
        return float(mpmath.im(first) + mpmath.re(rest))


@given(gamma=st.floats(-3, 3), T=st.floats(-3, 3), omega=st.floats(-3, 3), sign=st.sampled_from([-1, 1]))
@settings(max_examples=60, deadline=None)
def test_the_shift_of_a_drude_bath_is_digamma_functions(gamma: float, T: float, omega: float, sign: int) -> None:
    """Scales up to six decades apart."""
    spectrum = qn.DrudeLorentzSpectrum(0.1, 10**gamma)
    rate = qn.Rate(spectrum, 10**T)
    frequency = sign * 10**omega
    # What is promised: 1e-9 of the parts' absolute values, which are of the size of the rate or of the cold shift.
    size = rate.rate(frequency) + rate.rate(-frequency) + spectrum.lam
    assert rate.level_shift(frequency) == pytest.approx(
        drude_shift(spectrum, 10**T, frequency), rel=1e-9, abs=1e-9 * size
    )


@pytest.mark.parametrize("omega", [2.0, -2.0, 0.5])
def test_the_shift_of_a_cold_drude_bath_is_a_logarithm(omega: float) -> None:
    lam, gamma = DRUDE.lam, DRUDE.gamma
    bracket = omega * math.log(abs(omega) / gamma) - math.pi * gamma / 2
    expected = 4 * lam * gamma * bracket / (omega**2 + gamma**2) / (2 * math.pi)
    assert qn.Rate(DRUDE, 0.0).level_shift(omega) == pytest.approx(expected, rel=1e-9, abs=0)
    # At zero frequency both poles together leave -∫ J/Ω, whatever the temperature.
    assert qn.Rate(DRUDE, 3.0).level_shift(0.0) == pytest.approx(-lam, rel=1e-9, abs=0)


@pytest.mark.parametrize("width", [20.0, 1.0, 1e-3, 2e-4])
@pytest.mark.parametrize("detuning", [0.0, 0.3, -1.0, 1e3, -1e3, -1e5])
def test_the_shift_of_a_filter_is_logarithms_however_narrow_it_is(width: float, detuning: float) -> None:
    """∫ dΩ Im[1/(Ω - z)]/(ω - Ω) = Im[(ln|ω| - ln(-z))/(ω - z)] of each pole z; at detunings of so many widths."""
    spectrum = qn.LorentzianSpectrum(0.01, 5.0, width)
    omega = 5.0 + detuning * width
    with mpmath.workdps(30):
        g, f, kappa = mpf(spectrum.strength), mpf(spectrum.frequency), mpf(width)
        root = mpmath.sqrt(mpmath.mpc(f**2 - kappa**2 / 4))
        # J = 4g²fκΩ/Π(Ω - z): a fraction over each of the four poles ±root ± iκ/2.
        poles = [first * root + second * 1j * kappa / 2 for first in (1, -1) for second in (1, -1)]
        total = mpmath.mpc(0)
        for z in poles:
            residue = 4 * g**2 * f * kappa * z
            for other in poles:
                residue /= (z - other) if other is not z else 1
            total += residue * (mpmath.log(abs(mpf(omega))) - mpmath.log(-z)) / (omega - z)
        expected = float(mpmath.re(total) / (2 * mpmath.pi))
    found = qn.Rate(spectrum, 0.0).level_shift(omega)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * spectrum.strength**2 / width)


def test_the_shift_is_the_imaginary_part_of_the_transform_of_qutips_correlation_function() -> None:
    """γ(ω)/2 + iS(ω) = ∫_0^∞ dt e^(iωt) C(t), of QuTiP's own exponentials of C: the sign, and the factor two."""
    drude = qutip.DrudeLorentzEnvironment(T=3.0, lam=0.1, gamma=2.0)
    filtered = qutip.UnderDampedEnvironment(T=3.0, lam=0.1, gamma=0.4, w0=5.0)
    for environment, approximation in (
        (drude, drude.approximate("pade", Nk=20)),
        (filtered, filtered.approximate("matsubara", Nk=100)),
    ):
        rate = qn.Rate(qn.EnvironmentSpectrum(environment), 3.0)
        for omega in (4.0, -4.0, 5.5):
            transform = sum(each.coefficient / (each.exponent - 1j * omega) for each in approximation.exponents)
            assert rate.rate(omega) / 2 == pytest.approx(transform.real, rel=1e-6)
            assert rate.level_shift(omega) == pytest.approx(transform.imag, rel=1e-6)


CUT_WITHOUT_ZERO = qn.CallableSpectrum(lambda frequency: np.exp(-frequency))


@pytest.mark.parametrize(
    ("spectrum", "T", "side", "omega", "message"),
    [
        (qn.PhononSpectrum(1e-4), 3.0, "both", 2.0, "diverges: it needs a spectral density with a cutoff"),
        (qn.FlatSpectrum(0.1), 0.0, "both", 2.0, "diverges: it needs a spectral density with a cutoff"),
        (qn.CallableSpectrum(lambda frequency: 0.1 * frequency), 3.0, "down", -2.0, "diverges: .* with a cutoff"),
        (CUT_WITHOUT_ZERO, 3.0, "both", 2.0, "diverges: .* that falls faster towards zero frequency"),
        (DRUDE, 3.0, "down", 0.0, "diverges: .* that falls faster towards zero frequency"),
        (DRUDE, 3.0, "up", 0.0, "diverges: .* that falls faster towards zero frequency"),
        (qn.LorentzianSpectrum(0.01, 5.0, 1e-6), 3.0, "both", 5.0, "cannot be integrated to 1e-09: it is .* no peak"),
    ],
)
def test_a_shift_that_diverges_or_is_not_accurate_is_refused(
    spectrum: qn.SpectralDensity, T: float, side: str, omega: float, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^the level shift of bath 'hot' at frequency .* {message}"):
        qn.Rate(spectrum, T, side, " of bath 'hot'").level_shift(omega)


def test_a_cold_bath_that_does_not_vanish_at_zero_frequency_has_a_shift_elsewhere() -> None:
    shift = qn.Rate(CUT_WITHOUT_ZERO, 0.0).level_shift(2.0)
    assert shift == pytest.approx(float(mpmath.exp(-2) * mpmath.ei(2)) / (2 * math.pi), rel=1e-9)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1.0, ValueError, "must be finite and not negative, but is -1"),
        (math.nan, ValueError, "must be finite and not negative, but is nan"),
        (math.inf, ValueError, "must be finite and not negative, but is inf"),
        (None, TypeError, "must be made of real numbers, but is None"),
    ],
)
@pytest.mark.parametrize("edge", [(0.0, 1e-3), (6.0, 7.0), (1e4, np.inf)])
def test_a_density_that_is_bad_somewhere_has_no_shift(
    edge: tuple[float, float], value: Any, error: type[Exception], message: str
) -> None:
    def density(frequency: Any) -> Any:
        return value if edge[0] < frequency < edge[1] else frequency / (1 + frequency**2)

    with pytest.raises(error, match=f"^the spectral density of bath 'hot' {message}"):
        qn.Rate(qn.CallableSpectrum(density), 1.0, of=" of bath 'hot'").level_shift(2.0)


def test_landmarks_keep_the_integral_from_stepping_over_a_peak() -> None:
    narrow = qn.LorentzianSpectrum(0.01, 5.0, 1e-3)
    told = qn.CallableSpectrum(narrow.density, landmarks=narrow.landmarks)
    assert qn.Rate(told, 2.0).level_shift(0.7) == qn.Rate(narrow, 2.0).level_shift(0.7)
    with pytest.raises(ValueError, match=r"^a landmark must be positive, but is -1"):
        qn.CallableSpectrum(narrow.density, landmarks=(-1.0,))


@pytest.mark.parametrize("side", ["both", "down", "up"])
@pytest.mark.parametrize(("first", "second"), [(1.1, 1.1), (1.1, 2.0), (1.1, -0.7), (-0.4, -0.3), (0.2, 5.0)])
@pytest.mark.parametrize("spectrum", [OHMIC, DRUDE], ids=repr)
@pytest.mark.parametrize("T", [0.0, 0.3, 2.0])
def test_the_universal_shift_is_its_integral(
    spectrum: qn.SpectralDensity, T: float, first: float, second: float, side: str
) -> None:
    gammas = dense.bath_rates(T, lambda omega: float(spectrum.density(omega)), "rotating-wave")
    gammas += dense.bath_rates(T, lambda omega: float(spectrum.density(omega)), "full")
    gamma = dict(zip(("down", "up", "both"), gammas, strict=True))[side]
    breaks = [sign * scale for scale in (0.3, 1.0, 3.0, 30.0) for sign in (1, -1)]
    rate = qn.Rate(spectrum, T, side)
    found = rate.universal_level_shift(first, second)
    # 1e-9 of the absolute values, which the shift of both sides may be less than.
    size = abs(qn.Rate(spectrum, T).level_shift(abs(first))) + abs(found)
    assert found == pytest.approx(dense.universal_level_shift(gamma, breaks, first, second), abs=1e-9 * size, rel=0)
    assert rate.universal_level_shift(second, first) == pytest.approx(found, abs=1e-9 * size, rel=0)
    if first == second:
        assert found == pytest.approx(rate.level_shift(first), abs=1e-9 * size, rel=0)


def test_a_universal_shift_that_diverges_is_refused() -> None:
    with pytest.raises(ValueError, match=r"level shift of bath 'hot' at frequencies 1 and 2 .* needs .* a cutoff"):
        qn.Rate(qn.PhononSpectrum(1e-3), 1.0, of=" of bath 'hot'").universal_level_shift(1.0, 2.0)
    with pytest.raises(ValueError, match="falls faster towards zero"):
        qn.Rate(OHMIC, 1.0, "down").universal_level_shift(0.0, 0.7)
    with pytest.raises(ValueError, match="must be finite"):
        qn.Rate(OHMIC, 1.0).universal_level_shift(1.0, float("nan"))
