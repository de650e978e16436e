"""QuTiP's bosonic environments as spectra: the same rates as QuTiP's power spectrum and Bloch-Redfield solver give."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.network import bath_rate

T = 1.3
DRUDE = qutip.DrudeLorentzEnvironment(T=T, lam=0.02, gamma=1.5)
OHMIC = qutip.OhmicEnvironment(T=T, alpha=0.02, wc=4.0, s=1.0)
SUPER_OHMIC = qutip.OhmicEnvironment(T=T, alpha=0.02, wc=4.0, s=3.0)
UNDERDAMPED = qutip.UnderDampedEnvironment(T=T, lam=0.2, gamma=0.3, w0=2.0)

PAIRS = {
    "Drude-Lorentz": (DRUDE, qn.DrudeLorentzSpectrum(lam=0.02, gamma=1.5)),
    "ohmic": (OHMIC, qn.OhmicSpectrum(strength=0.04, cutoff=4.0)),
    "super-ohmic": (SUPER_OHMIC, qn.OhmicSpectrum(strength=0.04, cutoff=4.0, s=3.0)),
    "underdamped": (UNDERDAMPED, qn.LorentzianSpectrum(strength=0.2 / math.sqrt(4), frequency=2.0, width=0.3)),
}

WIDE = np.linspace(-20, 20, 4001)
DEFINED = {
    "spectral density": (qutip.BosonicEnvironment.from_spectral_density(DRUDE.spectral_density, T=T), 1e-14),
    "table of it": (
        qutip.BosonicEnvironment.from_spectral_density(DRUDE.spectral_density(WIDE[2000:]), WIDE[2000:], T=T),
        1e-7,
    ),
    "power spectrum": (qutip.BosonicEnvironment.from_power_spectrum(DRUDE.power_spectrum, T=T), 1e-14),
    "table of that": (qutip.BosonicEnvironment.from_power_spectrum(DRUDE.power_spectrum(WIDE), WIDE, T=T), 1e-7),
    "exponentials": (DRUDE.approximate("pade", Nk=12), 1e-10),
}


def bloch_redfield_rates(environment: Any, omega: float) -> tuple[float, float]:
    """Downward and upward rate of a two-level system coupled by a + a†, from QuTiP's tensor before its secular step."""
    a = qutip.destroy(2)
    tensor = qutip.bloch_redfield_tensor(
        omega * a.dag() * a, [(a + a.dag(), environment)], sec_cutoff=-1, fock_basis=True
    )
    down, up = (
        qutip.vector_to_operator(tensor * qutip.operator_to_vector(qutip.fock_dm(2, level))).full()[
            1 - level, 1 - level
        ]
        for level in (1, 0)
    )
    return down.real, up.real


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("omega", [0.3, 1.7, 2.0, 9.0])
def test_the_rates_are_those_of_qutip(name: str, omega: float) -> None:
    environment, named = PAIRS[name]
    bath = qn.Bath("A", spectrum=environment)
    rate = qn.Rate(bath.spectrum, bath.temperature)
    down, up = rate.rate(omega), rate.rate(-omega)
    assert down == pytest.approx(environment.power_spectrum(omega), rel=1e-12, abs=0)
    assert up == pytest.approx(environment.power_spectrum(-omega), rel=1e-12, abs=0)
    assert (down, up) == pytest.approx(bloch_redfield_rates(environment, omega), rel=1e-12, abs=0)
    network = qn.Network({"A": qn.TwoLevel(omega)}, {}, {"only": bath})
    assert bath_rate(network, "only").rate(omega) == down
    # The named spectrum with the parameters that its docstring says is the same bath.
    same = qn.Rate(named, T)
    assert (same.rate(omega), same.rate(-omega)) == pytest.approx((down, up), rel=1e-12, abs=0)
    assert same.rate(0.0) == pytest.approx(environment.power_spectrum(0.0), rel=1e-12, abs=0)
    assert rate.rate(0.0) == pytest.approx(environment.power_spectrum(0.0), rel=1e-12, abs=0)
    assert rate.level_shift(omega) == pytest.approx(same.level_shift(omega), rel=1e-9, abs=1e-12)


def test_the_package_and_brmesolve_relax_a_two_level_system_alike() -> None:
    """Independent of any convention that both sides of the tests above might share: populations in time."""
    omega, times = 1.7, np.linspace(0, 8, 5)
    network = qn.Network({"A": qn.TwoLevel(omega)}, {}, {"only": qn.Bath("A", spectrum=DRUDE)})
    rate = bath_rate(network, "only")
    down, up = rate.rate(omega), rate.rate(-omega)
    a = qutip.destroy(2)
    solved = qutip.brmesolve(
        omega * a.dag() * a,
        qutip.fock_dm(2, 1),
        times,
        a_ops=[(a + a.dag(), DRUDE)],
        e_ops=[a.dag() * a],
        options={"atol": 1e-12, "rtol": 1e-10},
    )
    thermal = up / (down + up)
    np.testing.assert_allclose(solved.expect[0], thermal + (1 - thermal) * np.exp(-(down + up) * times), rtol=1e-7)
    local = qn.steady_state(qn.local_master_equation(network))
    assert qutip.expect(a.dag() * a, local.rho) == pytest.approx(thermal, rel=1e-10)


@pytest.mark.parametrize("name", DEFINED)
def test_an_environment_may_be_defined_by_any_of_its_functions(name: str) -> None:
    environment, accuracy = DEFINED[name]
    rate, exact = (qn.Rate(qn.EnvironmentSpectrum(each), T) for each in (environment, DRUDE))
    for omega in (0.3, 1.7, -1.7, 6.0, -6.0):
        assert rate.rate(omega) == pytest.approx(exact.rate(omega), rel=accuracy, abs=0)
    # Down to frequencies at which QuTiP's own 1/(e^(ω/T) - 1) has no digit left.
    assert rate.rate(1e-20) == pytest.approx(exact.rate(1e-20), rel=accuracy, abs=0)
    assert rate.rate(0.0) == pytest.approx(DRUDE.power_spectrum(0.0), rel=1e-6)


def test_a_correlation_function_is_taken_for_what_its_fourier_transform_is_worth() -> None:
    times = np.linspace(0, 60, 6001)
    environment = qutip.BosonicEnvironment.from_correlation_function(
        UNDERDAMPED.correlation_function(times), times, T=T
    )
    rate, exact = (qn.Rate(qn.EnvironmentSpectrum(each), T) for each in (environment, UNDERDAMPED))
    assert rate.rate(1.7) == pytest.approx(exact.rate(1.7), rel=1e-2)
    with pytest.raises(ValueError, match=r"^the spectral density is not known at frequency 30: .* in detailed balance"):
        rate.rate(30.0)


def test_the_temperature_comes_with_the_environment() -> None:
    assert qn.Bath("A", spectrum=DRUDE).temperature == T
    assert qn.Bath("A", spectrum=DRUDE) == qn.Bath("A", T, DRUDE) == qn.Bath("A", T, qn.EnvironmentSpectrum(DRUDE))
    cold = qutip.DrudeLorentzEnvironment(T=0, lam=0.02, gamma=1.5)
    assert qn.Bath("A", spectrum=cold).temperature == 0.0
    without = qutip.BosonicEnvironment.from_spectral_density(DRUDE.spectral_density)
    assert qn.Bath("A", 2.0, without).temperature == 2.0
    with pytest.raises(ValueError, match=r"^temperature must be that of the environment, 1\.3, .* but is 2$"):
        qn.Bath("A", 2.0, DRUDE)
    with pytest.raises(TypeError, match=r"^temperature must be given, because EnvironmentSpectrum\(.*\) has none"):
        qn.Bath("A", spectrum=without)
    with pytest.raises(ValueError, match=r"^temperature must be positive or zero, but is -1"):
        qn.Bath("A", spectrum=qutip.DrudeLorentzEnvironment(T=-1, lam=0.02, gamma=1.5))


def test_an_environment_is_a_value_of_its_own() -> None:
    original = qutip.DrudeLorentzEnvironment(T=T, lam=0.02, gamma=1.5)
    spectrum = qn.EnvironmentSpectrum(original)
    original.lam = 99.0
    assert spectrum == qn.EnvironmentSpectrum(DRUDE)
    assert hash(spectrum) == hash(qn.EnvironmentSpectrum(DRUDE))
    assert float(spectrum.density(1.0)) == 2 * DRUDE.spectral_density(1.0)
    assert spectrum not in (qn.EnvironmentSpectrum(OHMIC), qn.EnvironmentSpectrum(original))
    assert repr(spectrum) == (
        "EnvironmentSpectrum(DrudeLorentzEnvironment(T=1.3, tag=None, lam=0.02, gamma=1.5, Nk=10))"
    )
    bath = qn.Bath("A", spectrum=UNDERDAMPED)
    assert pickle.loads(pickle.dumps(bath)) == bath
    table = qn.EnvironmentSpectrum(DEFINED["table of it"][0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(table)).density(WIDE[2001:]), table.density(WIDE[2001:]))


def test_density_takes_any_shape() -> None:
    frequencies = np.array([[0.3, 1.7], [2.0, 9.0]])
    found = qn.EnvironmentSpectrum(DRUDE).density(frequencies)
    np.testing.assert_allclose(found, 2 * DRUDE.spectral_density(frequencies.ravel()).reshape(2, 2), rtol=1e-15)


def hot(environment: Any) -> qn.Network:
    net = qn.two_node("two-level", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1, kappa=1e-3)
    return net.replace(baths={"hot": qn.Bath("A", spectrum=environment)})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            qutip.BosonicEnvironment.from_spectral_density(WIDE[2000:2200], WIDE[2000:2200], T=T),
            r"is not known at frequency \d.*: the environment's table, from 0 to 1\.99, must reach to \(\d",
        ),
        (
            qutip.BosonicEnvironment.from_power_spectrum(DRUDE.power_spectrum, T=2 * T),
            r"is not known at frequency \d.*: .* must be in detailed balance at temperature 2\.6 to 0\.001",
        ),
        (DRUDE.approximate("matsubara", Nk=1), r"is not known at frequency \d.*: .* must be in detailed balance"),
        (qutip.BosonicEnvironment.from_spectral_density(lambda w: -w, T=T), "must be finite and not negative"),
        (qutip.BosonicEnvironment.from_spectral_density(lambda w: w * np.nan, T=T), "must be finite and not negative"),
    ],
)
@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
def test_what_an_environment_cannot_tell_is_refused_and_the_bath_named(
    environment: Any, message: str, equation: str
) -> None:
    with pytest.raises(ValueError, match=f"^the spectral density of bath 'hot' {message}"):
        qn.MASTER_EQUATIONS[equation](hot(environment))


def test_bad_environments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^environment must be a qutip\.BosonicEnvironment, but is 0\.1"):
        qn.EnvironmentSpectrum(0.1)
    with pytest.raises(ValueError, match=r"^the environment must have a temperature T, but has none"):
        qn.EnvironmentSpectrum(qutip.BosonicEnvironment.from_power_spectrum(DRUDE.power_spectrum))
    with pytest.raises(TypeError, match=r"^spectrum must have a method density"):
        qn.Bath("A", 1.0, qutip.LorentzianEnvironment(T=1.0, mu=0.0, gamma=0.1, W=1.0))


def test_environment_is_the_same_on_an_operator_of_ones_own():
    environment = qutip.DrudeLorentzEnvironment(T=12.0, lam=0.01, gamma=5.0)
    bath = qn.OperatorBath(qutip.sigmax(), spectrum=environment)
    assert (bath.temperature, bath.spectrum) == (12.0, qn.Bath("A", spectrum=environment).spectrum)
    with pytest.raises(ValueError, match="temperature must be that of the environment, 12"):
        qn.OperatorBath(qutip.sigmax(), 10.0, environment)
    with pytest.raises(TypeError, match="temperature must be given"):
        qn.OperatorBath(qutip.sigmax(), spectrum=qn.PhononSpectrum(1e-4))
