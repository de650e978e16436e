"""Rates of the baths, eqs. (14)-(15), against 40-digit arithmetic."""

from __future__ import annotations

import pickle
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qnet_qutip as qn

EPS = float(np.finfo(float).eps)


def exact_rates(kappa: float, omega: float, T: float) -> tuple[Decimal, Decimal]:
    """κΩ³(n + 1) and κΩ³n."""
    with localcontext(prec=60):
        density = Decimal(kappa) * Decimal(omega) ** 3
        x = (-Decimal(omega) / Decimal(T)).exp()
        return density / (1 - x), density * x / (1 - x)


def tolerance(omega: float, T: float) -> float:
    """A few operations, and the exponent Ω/T, whose rounding e^(-Ω/T) multiplies by Ω/T."""
    return (8 + 2 * omega / T) * EPS


@given(kappa=st.floats(1e-12, 1e3), omega=st.floats(1e-3, 1e3), ratio=st.floats(1e-9, 300))
@settings(max_examples=200, deadline=None)
def test_phonon_rates_have_every_digit(kappa: float, omega: float, ratio: float) -> None:
    T = omega / ratio
    spectrum = qn.PhononSpectrum(kappa)
    down, up = exact_rates(kappa, omega, T)
    allowed = tolerance(omega, T)
    assert float(qn.decay_rate(spectrum, omega, T)) == pytest.approx(float(down), rel=allowed, abs=0)
    assert float(qn.excitation_rate(spectrum, omega, T)) == pytest.approx(float(up), rel=allowed, abs=0)


@given(omega=st.floats(1e-2, 1e2), ratio=st.floats(1e-6, 300))
@settings(max_examples=100, deadline=None)
def test_rates_balance_in_detail(omega: float, ratio: float) -> None:
    T = omega / ratio
    spectrum = qn.CallableSpectrum(lambda frequency: 0.3 * frequency / (1 + frequency**2))
    down, up = qn.decay_rate(spectrum, omega, T), qn.excitation_rate(spectrum, omega, T)
    assert float(up / down) == pytest.approx(np.exp(-omega / T), rel=tolerance(omega, T), abs=0)
    # The difference is the spectral density itself, whatever the temperature; what cancels in it is n = T/Ω at most.
    assert float(down - up) == pytest.approx(float(spectrum.density(omega)), rel=(4 + 1 / ratio) * 8 * EPS)


def test_rates_take_arrays() -> None:
    spectrum = qn.PhononSpectrum(1e-4)
    omega, T = np.array([1.0, 2.0, 3.0]), np.array([[4.0], [5.0]])
    down, up = qn.decay_rate(spectrum, omega, T), qn.excitation_rate(spectrum, omega, T)
    assert down.shape == up.shape == (2, 3)
    assert down[1, 2] == pytest.approx(float(qn.decay_rate(spectrum, 3.0, 5.0)), rel=4 * EPS)
    assert up[0, 1] == pytest.approx(float(qn.excitation_rate(spectrum, 2.0, 4.0)), rel=4 * EPS)


def test_a_frozen_bath_does_not_heat() -> None:
    spectrum = qn.PhononSpectrum(2.0)
    assert float(qn.excitation_rate(spectrum, 10.0, 0.01)) == 0.0  # e^-1000 is below the smallest float
    assert float(qn.decay_rate(spectrum, 10.0, 0.01)) == 2000.0


NAMED = [
    (qn.PhononSpectrum, {"kappa": 1e-4}),
    (qn.FlatSpectrum, {"rate": 0.01}),
    (qn.OhmicSpectrum, {"strength": 1e-3, "cutoff": 20.0, "s": 0.5}),
    (qn.DrudeLorentzSpectrum, {"lam": 0.1, "gamma": 2.0}),
    (qn.LorentzianSpectrum, {"strength": 0.01, "frequency": 5.0, "width": 0.1}),
]


@pytest.mark.parametrize(("kind", "values"), NAMED)
def test_spectra_are_values(kind: Any, values: dict[str, float]) -> None:
    spectrum = kind(**values)
    assert spectrum == kind(**values) == pickle.loads(pickle.dumps(spectrum))
    assert hash(spectrum) == hash(kind(**values))
    assert repr(spectrum) == f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in values.items())})"
    frequencies = np.array([[0.1, 4.9], [5.0, 60.0]])
    found = spectrum.density(frequencies)
    assert found.shape == (2, 2)
    assert (found > 0).all()
    assert found[1, 0] == pytest.approx(float(spectrum.density(5)), rel=4 * EPS)
    for name in values:
        assert spectrum != kind(**{**values, name: 7.0})
        with pytest.raises(AttributeError):
            setattr(spectrum, name, 7.0)


def test_a_callable_spectrum_is_its_function() -> None:
    assert qn.CallableSpectrum(np.square) == pickle.loads(pickle.dumps(qn.CallableSpectrum(np.square)))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, values in NAMED for name in values])
@pytest.mark.parametrize("value", [0.0, -1e-4, float("nan"), float("inf"), "1e-4", None, True])
def test_parameters_must_be_positive_and_finite(kind: Any, name: str, value: Any) -> None:
    values = {**next(each for other, each in NAMED if other is kind), name: value}
    with pytest.raises((ValueError, TypeError), match=f"^{name} must be (positive|finite|a real number), but is "):
        kind(**values)


@pytest.mark.parametrize("omega", [0.01, 4.9, 30.0])
def test_a_filter_is_a_lorentzian_minus_its_mirror_image(omega: float) -> None:
    g, f, kappa = 0.01, 5.0, 0.1
    shifted = np.sqrt(f**2 - kappa**2 / 4)
    peak, image = (1 / ((omega - sign * shifted) ** 2 + kappa**2 / 4) for sign in (1, -1))
    found = float(qn.LorentzianSpectrum(g, f, kappa).density(omega))
    # The difference cancels where Ω is small: by as much as Ω is below f.
    assert found == pytest.approx(g**2 * kappa * f / shifted * (peak - image), rel=1e-13 * (1 + f / omega))


def test_a_filter_is_the_bath_that_its_resonator_hands_on() -> None:
    """J = -2g² Im χ(Ω), of the position c + c† of the damped resonator, χ = 2f/(Ω² - f² + iκΩ)."""
    g, f, kappa = 0.02, 3.0, 0.4
    omega = np.array([0.1, 2.0, 3.0, 10.0])
    susceptibility = 2 * f / (omega**2 - f**2 + 1j * kappa * omega)
    np.testing.assert_allclose(
        qn.LorentzianSpectrum(g, f, kappa).density(omega), -2 * g**2 * susceptibility.imag, rtol=1e-13
    )


def test_a_narrow_filter_has_the_peak_of_a_cavity() -> None:
    spectrum = qn.LorentzianSpectrum(0.01, 5.0, 1e-4)
    peak = float(spectrum.density(5.0))
    assert peak == pytest.approx(4 * 0.01**2 / 1e-4, rel=1e-12)
    for half in (5 - 5e-5, 5 + 5e-5):
        assert float(spectrum.density(half)) == pytest.approx(peak / 2, rel=1e-4)


def test_landmarks_lie_around_a_peak() -> None:
    assert qn.LorentzianSpectrum(1.0, 5.0, 0.2).landmarks == pytest.approx((4.0, 4.9, 5.0, 5.1, 6.0))
    assert qn.LorentzianSpectrum(1.0, 5.0, 30.0).landmarks == (5.0,)
    assert min(qn.LorentzianSpectrum(1.0, 5.0, 1e-9).landmarks) > 0


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_a_callable_spectrum_gives_the_state_of_the_named_one(kind: str) -> None:
    values = {"omega_h": 4, "omega_c": 3, "epsilon": 0.5, "T_h": 1.2, "T_c": 1, "kappa": 1e-3}
    net = qn.two_node(kind, **values)
    spectrum = qn.CallableSpectrum(lambda frequency: 1e-3 * frequency**3)
    other = net.replace(baths={"hot": qn.Bath("A", 1.2, spectrum), "cold": qn.Bath("B", 1, spectrum)})
    for builder in qn.MASTER_EQUATIONS.values():
        first, second = (qn.steady_state(builder(each)) for each in (net, other))
        # The solver's tolerance; the rates are the same to rounding.
        assert second.heat_currents["hot"] == pytest.approx(first.heat_currents["hot"], rel=2e-10)


class Returning:
    """A spectrum that returns whatever it was made with, or what a function makes of the frequency."""

    def __init__(self, value: object) -> None:
        self.value = value

    def density(self, frequency: object) -> Any:
        return self.value(frequency) if callable(self.value) else self.value


def pair(kind: str, spectrum: Any) -> qn.Network:
    net = qn.two_node(kind, omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1, kappa=1e-3)
    return net.replace(baths={"hot": qn.Bath("A", 1.2, spectrum)})


BAD_DENSITIES = {
    "negative": (-1.0, ValueError, "must be finite and not negative, but is -1.0 at frequency "),
    "nan": (float("nan"), ValueError, "must be finite and not negative, but is nan"),
    "infinite": ([float("inf")], ValueError, "must be finite and not negative, but is inf"),
    "two numbers": ([0.1, 0.2], ValueError, r"must have the shape of the frequencies, \(\), but has \(2,\)"),
    "no number": ([], ValueError, r"must have the shape of the frequencies, \(\), but has \(0,\)"),
    "ragged": ([[0.1], [0.1, 0.2]], ValueError, "must be an array, but is"),
    "nothing": (None, TypeError, "must be made of real numbers, but is None"),
    "text": ("0.1", TypeError, "must be made of real numbers, but is '0.1'"),
    "complex": (0.1 + 0j, TypeError, "must be made of real numbers, but is "),
}


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
@pytest.mark.parametrize("bad", BAD_DENSITIES)
def test_a_bad_density_is_refused_by_every_equation_and_its_bath_is_named(bad: str, kind: str, equation: str) -> None:
    value, error, message = BAD_DENSITIES[bad]
    for spectrum in (Returning(value), qn.CallableSpectrum(lambda frequency: value)):
        with pytest.raises(error, match=f"^the spectral density of bath 'hot' {message}"):
            qn.MASTER_EQUATIONS[equation](pair(kind, spectrum))


@pytest.mark.parametrize("value", [-1.0, float("nan"), [0.1, 0.2], "0.1"])
def test_a_bad_density_is_refused_by_rates_and_closed_forms(value: object) -> None:
    spectrum = Returning(value)
    for rate in (qn.decay_rate, qn.excitation_rate):
        with pytest.raises((ValueError, TypeError), match=r"^the spectral density must "):
            rate(spectrum, 1.0, 1.0)
    for current in (qn.analytic.local_heat_current, qn.analytic.global_heat_current):
        with pytest.raises((ValueError, TypeError), match=r"^the spectral density must "):
            current(pair("oscillator", spectrum))


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
def test_a_density_that_is_negative_at_one_frequency_only_is_refused(equation: str) -> None:
    """Each equation asks at its own frequencies; the negative sign must not drop a jump at any of them."""
    net = qn.two_node("two-level", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1, kappa=1e-3)
    frequency = 3.0 if equation == "local" else qn.normal_modes(net).omega_minus
    spectrum = Returning(lambda asked: -1e-3 if np.isclose(asked, frequency) else 1e-3)
    # To the digits that H's eigenvalues are known to.
    with pytest.raises(
        ValueError, match=f"^the spectral density of bath 'cold' must .* -0.001 at frequency {str(frequency)[:12]}"
    ):
        qn.MASTER_EQUATIONS[equation](net.replace(baths={"cold": qn.Bath("B", 1, spectrum)}))


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
def test_what_is_obviously_meant_is_taken(equation: str) -> None:
    """A list, an array of one number, an integer or a constant function are a density as good as any."""
    build = qn.MASTER_EQUATIONS[equation]
    expected = build(pair("two-level", qn.CallableSpectrum(lambda frequency: 2.0 + 0 * frequency)))
    for value in ([2.0], [[2]], 2, np.array(2.0), np.float32(2)):
        for spectrum in (Returning(value), qn.CallableSpectrum(lambda frequency, value=value: value)):
            found = build(pair("two-level", spectrum))
            for first, second in zip(found.all_collapse_operators, expected.all_collapse_operators, strict=True):
                assert first == second


def test_a_list_is_converted_and_a_constant_stands_for_every_frequency() -> None:
    frequencies = [1.0, 2.0, 3.0]
    of_list = Returning(lambda frequency: [0.1 * each for each in np.atleast_1d(frequency)])
    ohmic = qn.CallableSpectrum(lambda frequency: 0.1 * frequency)
    np.testing.assert_array_equal(qn.decay_rate(of_list, frequencies, 2.0), qn.decay_rate(ohmic, frequencies, 2.0))
    np.testing.assert_array_equal(qn.CallableSpectrum(lambda _: 0.5).density(frequencies), [0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match=r"must have the shape of the frequencies, \(3,\), but has \(1,\)"):
        qn.CallableSpectrum(lambda _: [0.5]).density(frequencies)
    with pytest.raises(ValueError, match=r"must have the shape of the frequencies, \(3,\), but has \(1, 3\)"):
        qn.CallableSpectrum(lambda frequency: [frequency]).density(frequencies)


def test_an_error_of_the_function_itself_is_left_as_it_is() -> None:
    def failing(frequency: object) -> float:
        raise ZeroDivisionError("of the function")

    with pytest.raises(ZeroDivisionError, match=r"^of the function$"):
        qn.local_master_equation(pair("two-level", qn.CallableSpectrum(failing)))


def test_a_rate_that_overflows_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^the rates of bath 'hot' must be finite, but are inf .* temperature 1e\+300"
    ):
        qn.local_master_equation(
            pair("two-level", Returning(1e200)).replace(baths={"hot": qn.Bath("A", 1e300, Returning(1e200))})
        )


def test_a_function_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"^function must be callable, but is 0\.5"):
        qn.CallableSpectrum(0.5)  # type: ignore[arg-type]
