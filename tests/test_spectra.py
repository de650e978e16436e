"""Rates of the baths, eqs. (14)-(15), against 40-digit arithmetic."""

from __future__ import annotations

import pickle
from decimal import Decimal, localcontext

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


def test_spectra_are_values() -> None:
    assert qn.PhononSpectrum(1e-4) == qn.PhononSpectrum(1e-4)
    assert qn.PhononSpectrum(1e-4) != qn.PhononSpectrum(2e-4)
    assert pickle.loads(pickle.dumps(qn.PhononSpectrum(1e-4))) == qn.PhononSpectrum(1e-4)
    assert qn.CallableSpectrum(np.square) == pickle.loads(pickle.dumps(qn.CallableSpectrum(np.square)))


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


@pytest.mark.parametrize("value", [0.0, -1e-4, float("nan"), float("inf")])
def test_kappa_must_be_positive_and_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"^kappa must be (positive|finite), but is "):
        qn.PhononSpectrum(value)


@pytest.mark.parametrize("value", ["1e-4", None, True])
def test_kappa_must_be_a_number(value: object) -> None:
    with pytest.raises(TypeError, match=r"^kappa must be a real number, but is "):
        qn.PhononSpectrum(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_spectral_density_must_not_be_negative(value: float) -> None:
    spectrum = qn.CallableSpectrum(lambda frequency: np.full_like(frequency, value))
    with pytest.raises(ValueError, match=r"spectral density must be finite and not negative, but is .* at frequency"):
        qn.decay_rate(spectrum, 1.0, 1.0)


def test_a_function_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"^function must be callable, but is 0\.5"):
        qn.CallableSpectrum(0.5)  # type: ignore[arg-type]
