"""The closed forms against 40-digit solutions of the paper's equations, and against what the paper says of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from literal import Literal
from numpy.typing import NDArray
from reference import REFERENCE_CASES, ReferenceCase

from qnet_qutip import (
    Bath,
    CallableSpectrum,
    Network,
    Oscillator,
    PhononSpectrum,
    Quadrature,
    Swap,
    TwoLevel,
    analytic,
    two_node,
)

KINDS = ("oscillator", "two-level")

# The closed forms promise 12 digits. They lose a few units in the last place (2e-16) in each of some ten operations,
# and ω/T times that in the exponentials, which is the most: 500 · 2e-16 = 1e-13.
RELATIVE = 1e-12

FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}

WEAK = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 1e-8, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-10}
HARD_CASES = {
    "weak": WEAK,
    "weak on resonance": {**WEAK, "omega_h": 5.0},
    "weak near resonance": {**WEAK, "omega_h": 5.0 + 1e-9},
    "weak below resonance": {**WEAK, "omega_h": 5.0 - 1e-9},
    "no thermal bias to 12 digits": {**FIGURE_3, "omega_h": 6.0 * (1 + 1e-12)},
    "no thermal bias to the last digit": {**FIGURE_3, "omega_h": float(np.nextafter(6.0, 7.0))},
    "equal temperatures": {**FIGURE_3, "T_h": 10.0},
    "cold": {**FIGURE_3, "T_h": 0.02, "T_c": 0.0101},
    "hot bath frozen": {**FIGURE_3, "T_h": 0.02},
    "cold bath frozen": {**FIGURE_3, "T_c": 0.01},
    "high temperatures": {**FIGURE_3, "T_h": 1.2e7, "T_c": 1e7},
    "cold node above": {**FIGURE_3, "omega_h": 3.0, "epsilon": 1e-6},
    "soft mode": {**FIGURE_3, "epsilon": 7.07106781},
    "negative coupling": {**FIGURE_3, "epsilon": -0.5},
}


# ---------------------------------------------------------------- literal references


def literal(kind: str, values: dict[str, float], quantity: Callable[[Literal], Any]) -> Any:
    """Evaluate one of the references, with digits to spare for what cancels in it."""
    # 40 digits are to remain where 30 cancel, and populations of e^-990 are subtracted from unity.
    with mpmath.workdps(1100 if min(values["T_h"], values["T_c"]) < 1 else 80):
        return quantity(Literal(kind, values))


def relative_error(value: object, expected: mpmath.mpf) -> float:
    """|value/expected - 1|, or |value| where the reference is zero but for its own rounding, of 80 digits."""
    with mpmath.workdps(1100):
        error = abs(mpmath.mpf(float(value)) - expected)
        return float(error) if value == 0 and abs(expected) < 1e-70 else float(error / abs(expected))


@pytest.mark.parametrize("case", REFERENCE_CASES, ids=str)
def test_local_closed_forms_have_the_reference_values(case: ReferenceCase) -> None:
    net = two_node(case.kind, **case.parameters)
    expected = case.values["local"]
    moments = analytic.local_moments(net)
    found = {
        "nA": moments.n_A,
        "nB": moments.n_B,
        "X": moments.X,
        "Y": moments.Y,
        "J_h": analytic.local_heat_current(net),
        "J_c": -analytic.local_heat_current(net),
        "sigma": analytic.local_entropy_production(net),
    }
    assert found == pytest.approx({name: expected[name] for name in found}, rel=RELATIVE, abs=0)


@pytest.mark.parametrize("case", REFERENCE_CASES, ids=str)
def test_global_closed_forms_have_the_reference_values(case: ReferenceCase) -> None:
    net = two_node(case.kind, **case.parameters)
    expected = case.values["global"]
    moments = analytic.global_moments(net)
    found = {
        "n_plus": moments.n_plus,
        "n_minus": moments.n_minus,
        "nA": moments.n_A,
        "nB": moments.n_B,
        "X": moments.X,
        "Y": moments.Y,
        "J_h": analytic.global_heat_current(net),
        "J_c": -analytic.global_heat_current(net),
        "sigma": analytic.global_entropy_production(net),
    }
    assert found == pytest.approx({name: expected[name] for name in found}, rel=RELATIVE, abs=0)
    assert analytic.global_mode_occupations(net) == (moments.n_plus, moments.n_minus)


def test_arrays_give_the_values_of_single_networks(reference_cases: list[ReferenceCase]) -> None:
    for kind in KINDS:
        cases = [case for case in reference_cases if case.kind == kind]
        columns = {name: [case.parameters[name] for case in cases] for name in cases[0].parameters}
        p = analytic.parameters(kind, **columns)
        nets = [two_node(kind, **case.parameters) for case in cases]
        for function in (
            analytic.local_heat_current,
            analytic.local_current_factor,
            analytic.local_entropy_production,
            analytic.global_heat_current,
            analytic.global_entropy_production,
            analytic.local_covariance,
            analytic.global_covariance,
        ):
            # NumPy's vectorised exponentials may differ from its scalar ones in the last place.
            np.testing.assert_allclose(function(p), [function(net) for net in nets], rtol=1e-14, err_msg=kind)


# ---------------------------------------------------------------- the hard cases, against the literal equations


@pytest.mark.parametrize(("kind", "name"), list(product(KINDS, HARD_CASES)))
def test_local_moments_solve_eq_8_in_every_digit(kind: str, name: str) -> None:
    values = HARD_CASES[name]
    expected = literal(kind, values, Literal.local_moments)
    for entry, value, reference in zip(
        ("n_A", "n_B", "X", "Y"), analytic.local_moments(two_node(kind, **values)), expected, strict=True
    ):
        assert relative_error(value, reference) < RELATIVE, entry


@pytest.mark.parametrize(("kind", "name"), list(product(KINDS, HARD_CASES)))
def test_local_current_is_the_appendix_fraction(kind: str, name: str) -> None:
    values = HARD_CASES[name]
    expected = literal(kind, values, Literal.local_heat_current)
    assert relative_error(analytic.local_heat_current(two_node(kind, **values)), expected) < RELATIVE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in HARD_CASES if name != "cold"])
def test_local_current_factor_is_the_appendix_fraction(kind: str, name: str) -> None:
    values = HARD_CASES[name]
    factor = analytic.local_current_factor(two_node(kind, **values))
    assert relative_error(factor, literal(kind, values, Literal.current_factor)) < RELATIVE
    assert factor > 0


@pytest.mark.parametrize("kind", KINDS)
def test_local_current_factor_underflows_where_the_current_does_not(kind: str) -> None:
    net = two_node(kind, **HARD_CASES["cold"])  # ω_h/T_h + ω_c/T_c = 995
    assert analytic.local_current_factor(net) == 0
    assert analytic.local_heat_current(net) != 0


@pytest.mark.parametrize(("kind", "name"), list(product(KINDS, HARD_CASES)))
def test_global_moments_and_current_balance_each_mode(kind: str, name: str) -> None:
    values = HARD_CASES[name]
    net = two_node(kind, **values)
    expected = literal(kind, values, Literal.global_steady_state)
    moments = analytic.global_moments(net)
    for entry, reference in expected.items():
        current = {"J_h": 1, "J_c": -1}.get(entry)
        value = getattr(moments, entry) if current is None else current * analytic.global_heat_current(net)
        assert relative_error(value, reference) < RELATIVE, entry
    assert moments.Y == 0


@pytest.mark.parametrize("name", HARD_CASES)
def test_normal_modes_are_eq_10(name: str) -> None:
    values = HARD_CASES[name]
    modes = analytic.normal_modes(two_node("oscillator", **values))
    omega_plus, omega_minus, cos2 = literal("oscillator", values, Literal.modes)
    with mpmath.workdps(80):
        expected = {
            "omega_plus": omega_plus,
            "omega_minus": omega_minus,
            "cos2": cos2,
            "sin2": 1 - cos2,
            "cos_sin": mpmath.mpf(values["epsilon"]) / (omega_plus - omega_minus),
        }
    for entry, reference in expected.items():
        assert relative_error(getattr(modes, entry), reference) < RELATIVE, entry


@pytest.mark.parametrize(("omega_h", "omega_c"), [(10.0, 5.0), (5.0, 10.0), (5.0, 5.0)])
def test_normal_modes_diagonalise_the_hamiltonian(omega_h: float, omega_c: float) -> None:
    epsilon = 2.0
    modes = analytic.normal_modes(
        two_node("oscillator", **{**FIGURE_3, "omega_h": omega_h, "omega_c": omega_c, "epsilon": epsilon})
    )
    cos, sin = np.sqrt(modes.cos2), np.sqrt(modes.sin2)
    rotation = np.array([[cos, sin], [-sin, cos]])
    hamiltonian = np.array([[omega_h, epsilon], [epsilon, omega_c]])
    # Rounding of entries of order 10.
    np.testing.assert_allclose(
        rotation @ hamiltonian @ rotation.T, np.diag([modes.omega_plus, modes.omega_minus]), atol=1e-14
    )


# ---------------------------------------------------------------- eq. (8) and eq. (13)


@pytest.mark.parametrize("case", REFERENCE_CASES, ids=str)
def test_steady_moments_solve_the_moment_equations(case: ReferenceCase) -> None:
    net = two_node(case.kind, **case.parameters)
    matrix, source = analytic.local_moment_equations(net)
    moments = np.array(analytic.local_moments(net))
    # What rounding leaves of a sum is a few units in the last place of its largest terms.
    allowance = 8 * np.finfo(float).eps * (np.abs(matrix) @ np.abs(moments) + np.abs(source))
    assert np.all(np.abs(matrix @ moments + source) <= allowance)


def test_moment_equations_of_arrays() -> None:
    matrix, source = analytic.local_moment_equations(
        analytic.parameters("two-level", **{**FIGURE_3, "omega_h": np.linspace(1, 10, 6).reshape(2, 3)})
    )
    single_matrix, single_source = analytic.local_moment_equations(two_node("two-level", **FIGURE_3))
    assert matrix.shape == (2, 3, 4, 4)
    assert source.shape == (2, 3, 4)
    np.testing.assert_allclose(matrix[1, 2], single_matrix, rtol=1e-14)
    np.testing.assert_allclose(source[1, 2], single_source, rtol=1e-14)


MISPRINT = {"omega_h": 7.0, "omega_c": 5.0, "epsilon": 0.3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}


def test_eq_13_as_printed_is_misprinted() -> None:
    """The paper prints e^(ω_+/T_c) for e^(ω_-/T_c) in one denominator; the balance of each mode decides."""
    net = two_node("oscillator", **MISPRINT)
    unified = analytic.global_heat_current(net)
    printed = literal("oscillator", MISPRINT, lambda equations: equations.eq_13(printed=True))
    corrected = literal("oscillator", MISPRINT, lambda equations: equations.eq_13(printed=False))
    balance = literal("oscillator", MISPRINT, lambda equations: equations.global_steady_state()["J_h"])
    assert relative_error(unified, balance) < RELATIVE
    assert relative_error(unified, corrected) < RELATIVE
    assert relative_error(unified, printed) == pytest.approx(1.3e-3, abs=5e-5)
    assert relative_error(analytic.global_heat_current_eq13(net), corrected) < RELATIVE


@pytest.mark.parametrize("case", [case for case in REFERENCE_CASES if case.kind == "oscillator"], ids=str)
def test_corrected_eq_13_has_the_reference_values(case: ReferenceCase) -> None:
    current = analytic.global_heat_current_eq13(two_node(case.kind, **case.parameters))
    assert current == pytest.approx(case.values["global"]["J_h"], rel=RELATIVE, abs=0)


def test_eq_13_is_for_oscillators_only() -> None:
    with pytest.raises(ValueError, match="must be oscillators"):
        analytic.global_heat_current_eq13(two_node("two-level", **FIGURE_3))


# ---------------------------------------------------------------- what the paper says of the currents

scale = st.floats(0.1, 10.0)  # ω/T up to 100, so that no current underflows
couplings = st.floats(1e-6, 10.0)
kinds = st.sampled_from(KINDS)


@given(kind=kinds, omega_h=scale, omega_c=scale, epsilon=couplings, T_h=scale, T_c=scale, kappa=st.floats(1e-8, 1e-2))
@settings(max_examples=200, deadline=None)
def test_local_current_has_the_sign_of_the_ratios(
    kind: str, omega_h: float, omega_c: float, epsilon: float, T_h: float, T_c: float, kappa: float
) -> None:
    net = two_node(kind, omega_h=omega_h, omega_c=omega_c, epsilon=epsilon, T_h=T_h, T_c=T_c, kappa=kappa)
    bias = Fraction(omega_c) / Fraction(T_c) - Fraction(omega_h) / Fraction(T_h)
    assert np.sign(analytic.local_heat_current(net)) == (bias > 0) - (bias < 0)


@given(kind=kinds, omega_h=scale, omega_c=scale, fraction=st.floats(1e-6, 0.999), T_h=scale, T_c=scale, kappa=couplings)
@settings(max_examples=200, deadline=None)
def test_global_current_runs_from_hot_to_cold(
    kind: str, omega_h: float, omega_c: float, fraction: float, T_h: float, T_c: float, kappa: float
) -> None:
    assume(T_h != T_c)
    epsilon = fraction * np.sqrt(omega_h * omega_c)
    net = two_node(kind, omega_h=omega_h, omega_c=omega_c, epsilon=float(epsilon), T_h=T_h, T_c=T_c, kappa=kappa)
    assert np.sign(analytic.global_heat_current(net)) == np.sign(T_h - T_c)
    assert analytic.global_entropy_production(net) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [1, -1])
def test_current_at_zero_bias_vanishes_exactly(kind: str, sign: int) -> None:
    local = two_node(kind, **{**FIGURE_3, "omega_h": 6.0, "epsilon": sign * 0.3})  # figure 4's change of sign
    assert analytic.local_heat_current(local) == 0
    assert analytic.global_heat_current(two_node(kind, **{**FIGURE_3, "T_h": 10.0})) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_weak_coupling_leaves_thermal_nodes_and_equal_moments(kind: str) -> None:
    epsilon = 1e-6
    net = two_node(kind, **{**FIGURE_3, "epsilon": epsilon, "kappa": 1e-9})
    sign = -1 if kind == "oscillator" else 1
    thermal = [1 / (np.exp(10 / 12) + sign), 1 / (np.exp(5 / 10) + sign)]
    local, global_ = analytic.local_moments(net), analytic.global_moments(net)
    # Corrections are of the relative order (ε/Δ)² = 4e-14 of eq. (10), and (κω³/Δ)² = 4e-14 in the local coherence,
    # with factors of the order of one, or of the ratio of the two baths' rates, 8.
    assert local[:2] == pytest.approx(thermal, rel=1e-12)
    assert [global_.n_A, global_.n_B] == pytest.approx(thermal, rel=1e-12)
    assert local.X == pytest.approx(global_.X, rel=1e-11)
    # J/(ω ε²): the next order is (ε/Δ)² relative to the first, as above.
    half = two_node(kind, **{**FIGURE_3, "epsilon": epsilon / 2, "kappa": 1e-9})
    for current in (analytic.local_heat_current, analytic.global_heat_current):
        assert current(net) == pytest.approx(4 * current(half), rel=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_uncoupled_nodes_are_thermal(kind: str) -> None:
    net = two_node(kind, **{**FIGURE_3, "epsilon": 0.0})
    sign = -1 if kind == "oscillator" else 1
    thermal = [1 / (np.exp(10 / 12) + sign), 1 / (np.exp(5 / 10) + sign)]
    for moments, current in (
        (analytic.local_moments(net), analytic.local_heat_current(net)),
        (analytic.global_moments(net), analytic.global_heat_current(net)),
    ):
        assert [moments.n_A, moments.n_B] == pytest.approx(thermal, rel=RELATIVE)
        assert (moments.X, moments.Y, current) == (0, 0, 0)


def test_global_equation_overestimates_the_current_on_resonance_at_small_coupling() -> None:
    """The global equation breaks down for ε ≲ κω³: its current tends to a constant, the local one to 0."""
    ratios = []
    for epsilon in (1e-3, 1e-6, 1e-7):
        net = two_node("oscillator", omega_h=5, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=1e-7)
        ratios.append(analytic.global_heat_current(net) / analytic.local_heat_current(net))
    # The ratios of the global current to the exact one, to the digits known, since the local one is exact here.
    assert ratios == pytest.approx([1.0000, 40.1, 3907], rel=2e-3)


# ---------------------------------------------------------------- density matrices of two-level nodes, by hand

LOWER = np.array([[0.0, 1.0], [0.0, 0.0]])
A, B = np.kron(LOWER, np.eye(2)), np.kron(np.eye(2), LOWER)


def dissipator(jump: NDArray[np.float64]) -> NDArray[np.float64]:
    """D[L] as a matrix on the rows of ρ put one behind another."""
    number, unit = jump.T @ jump, np.eye(4)
    return np.kron(jump, jump) - 0.5 * (np.kron(number, unit) + np.kron(unit, number.T))


def bath_dissipator(
    jumps: list[tuple[float, NDArray[np.float64]]], spectrum: PhononSpectrum, T: float
) -> NDArray[np.float64]:
    """Downward jumps with γ, upward ones with e^(-Ω/T)γ, for (Ω, jump operator) in `jumps`."""
    total = np.zeros((16, 16))
    for omega, jump in jumps:
        down = spectrum.density(omega) / (1 - np.exp(-omega / T))
        total += down * (dissipator(jump) + np.exp(-omega / T) * dissipator(jump.T))
    return total


def eigenoperators(
    hamiltonian: NDArray[np.float64], operator: NDArray[np.float64]
) -> list[tuple[float, NDArray[np.float64]]]:
    """Parts of `operator` that lower the energy by Ω > 0, summed coherently over equal Ω."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    elements = vectors.T @ operator @ vectors
    parts: list[tuple[float, NDArray[np.float64]]] = []
    for lower, upper in zip(*np.nonzero(np.abs(elements) > 1e-12), strict=True):
        omega = energies[upper] - energies[lower]
        if omega < 0:
            continue
        part = elements[lower, upper] * np.outer(vectors[:, lower], vectors[:, upper])
        near = [index for index, (other, _) in enumerate(parts) if abs(other - omega) < 1e-9]
        if near:
            parts[near[0]] = (parts[near[0]][0], parts[near[0]][1] + part)
        else:
            parts.append((float(omega), part))
    return parts


@pytest.mark.parametrize("equation", ["local", "global"])
@pytest.mark.parametrize("omega_h", [10.0, 5.0, 3.0])
def test_two_level_closed_forms_are_those_of_the_density_matrix(equation: str, omega_h: float) -> None:
    values = {**FIGURE_3, "omega_h": omega_h, "epsilon": 1.0}
    net = two_node("two-level", **values)
    hamiltonian = omega_h * A.T @ A + 5.0 * B.T @ B + (A.T @ B + B.T @ A)
    spectrum = PhononSpectrum(values["kappa"])
    if equation == "local":
        hot_jumps, cold_jumps = [(omega_h, A)], [(5.0, B)]
    else:
        hot_jumps, cold_jumps = eigenoperators(hamiltonian, A + A.T), eigenoperators(hamiltonian, B + B.T)
        assert len(hot_jumps) == len(cold_jumps) == 2
    hot = bath_dissipator(hot_jumps, spectrum, 12.0)
    cold = bath_dissipator(cold_jumps, spectrum, 10.0)
    unitary = -1j * (np.kron(hamiltonian, np.eye(4)) - np.kron(np.eye(4), hamiltonian.T))
    trace = np.eye(4).ravel()
    system = np.vstack([unitary + hot + cold, trace])
    rho = np.linalg.lstsq(system, np.append(np.zeros(16), 1), rcond=None)[0].reshape(4, 4)

    def mean(operator: NDArray[np.float64] | NDArray[np.complex128]) -> float:
        value = np.trace(operator @ rho)
        assert abs(value.imag) < 1e-12
        return float(value.real)

    moments = analytic.local_moments(net) if equation == "local" else analytic.global_moments(net)
    covariance = analytic.local_covariance(net) if equation == "local" else analytic.global_covariance(net)
    current = analytic.local_heat_current(net) if equation == "local" else analytic.global_heat_current(net)
    quadratures = [(A + A.T) / np.sqrt(2), 1j * (A.T - A) / np.sqrt(2)]
    quadratures += [(B + B.T) / np.sqrt(2), 1j * (B.T - B) / np.sqrt(2)]
    found = [[mean((first @ second + second @ first) / 2) for second in quadratures] for first in quadratures]
    # Rounding of the frequencies, of order 10, against rates of 1e-2 to 1e-1: 1e-16 · 1e3 in the state.
    accuracy = 1e-12
    assert [mean(A.T @ A), mean(B.T @ B)] == pytest.approx([moments.n_A, moments.n_B], abs=accuracy)
    assert mean(A.T @ B + B.T @ A) == pytest.approx(moments.X, abs=accuracy)
    assert mean(1j * (A.T @ B - B.T @ A)) == pytest.approx(moments.Y, abs=accuracy)
    assert [mean(quadrature) for quadrature in quadratures] == pytest.approx([0, 0, 0, 0], abs=accuracy)
    np.testing.assert_allclose(covariance, found, atol=accuracy)
    for heat, expected in ((hot, current), (cold, -current)):
        flow = np.trace(hamiltonian @ (heat @ rho.ravel()).reshape(4, 4)).real
        assert flow == pytest.approx(expected, abs=accuracy)


@pytest.mark.parametrize("covariance", [analytic.local_covariance, analytic.global_covariance])
def test_covariance_of_oscillators_is_the_appendix_matrix(
    covariance: Callable[[Network | analytic.TwoNodeParameters], NDArray[np.float64]],
) -> None:
    net = two_node("oscillator", **{**FIGURE_3, "epsilon": 1.0})
    moments: analytic.LocalMoments | analytic.GlobalMoments
    if covariance is analytic.local_covariance:
        moments = analytic.local_moments(net)
        assert moments.Y != 0
    else:
        moments = analytic.global_moments(net)
        modes = analytic.normal_modes(net)
        assert moments.X / 2 == pytest.approx((moments.n_plus - moments.n_minus) * modes.cos_sin, rel=RELATIVE)
    V_A, V_B, x, y = moments.n_A + 0.5, moments.n_B + 0.5, moments.X / 2, moments.Y / 2
    expected = [[V_A, 0, x, -y], [0, V_A, y, x], [x, y, V_B, 0], [-y, x, 0, V_B]]
    np.testing.assert_array_equal(covariance(net), expected)


# ---------------------------------------------------------------- other spectra and names


def test_the_hot_bath_is_the_one_on_the_first_node() -> None:
    net = Network(
        nodes={"left": Oscillator(10), "right": Oscillator(5)},
        couplings={("right", "left"): 0.01},
        baths={
            "cold": Bath("right", 10, PhononSpectrum(1e-4)),
            "warm": Bath("left", 12, PhononSpectrum(1e-4)),
        },
    )
    same = two_node("oscillator", **FIGURE_3)
    assert analytic.local_heat_current(net) == analytic.local_heat_current(same)
    assert analytic.global_heat_current(net) == analytic.global_heat_current(same)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("current", [analytic.local_heat_current, analytic.global_heat_current])
def test_exchanging_the_nodes_changes_the_sign(
    kind: str, current: Callable[[Network | analytic.TwoNodeParameters], float]
) -> None:
    values = {**FIGURE_3, "epsilon": 0.7}
    exchanged = {**values, "omega_h": 5.0, "omega_c": 10.0, "T_h": 10.0, "T_c": 12.0}
    assert current(two_node(kind, **exchanged)) == pytest.approx(-current(two_node(kind, **values)), rel=RELATIVE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("omega_h", [10.0, 5.0, 3.0])
def test_mode_difference_holds_for_unlike_spectra(kind: str, omega_h: float) -> None:
    node = Oscillator if kind == "oscillator" else TwoLevel
    net = Network(
        nodes={"A": node(omega_h), "B": node(5)},
        couplings={("A", "B"): 0.5},
        baths={
            "hot": Bath("A", 12, CallableSpectrum(lambda frequency: 1e-3 * frequency)),
            "cold": Bath("B", 10, PhononSpectrum(1e-4)),
        },
    )
    moments, modes = analytic.global_moments(net), analytic.normal_modes(net)
    # The direct difference is good to the rounding of the populations, of order one.
    assert moments.X == pytest.approx(2 * modes.cos_sin * (moments.n_plus - moments.n_minus), abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_whose_bath_is_off_follows_the_other(kind: str) -> None:
    node = Oscillator if kind == "oscillator" else TwoLevel
    net = Network(
        nodes={"A": node(5), "B": node(5)},
        couplings={("A", "B"): 0.5},
        baths={
            "hot": Bath("A", 12, CallableSpectrum(np.zeros_like)),
            "cold": Bath("B", 10, PhononSpectrum(1e-4)),
        },
    )
    thermal = 1 / (np.exp(5 / 10) + (-1 if kind == "oscillator" else 1))
    assert analytic.local_moments(net) == pytest.approx((thermal, thermal, 0, 0), rel=RELATIVE)
    assert analytic.local_heat_current(net) == 0
    assert analytic.global_heat_current(net) == 0


@pytest.mark.parametrize("epsilon", [0.5, 0.0])
def test_without_baths_there_is_no_steady_state(epsilon: float) -> None:
    off = CallableSpectrum(np.zeros_like)
    net = Network(
        nodes={"A": Oscillator(5), "B": Oscillator(5)},
        couplings={("A", "B"): epsilon},
        baths={"hot": Bath("A", 12, off), "cold": Bath("B", 10, off)},
    )
    with pytest.raises(ValueError, match="one steady state"):
        analytic.local_moments(net)
    with pytest.raises(ValueError, match=r"one steady state|not defined"):
        analytic.global_moments(net)


# ---------------------------------------------------------------- shapes and arguments


def test_results_are_floats_for_a_network_and_broadcast_for_arrays() -> None:
    net = two_node("oscillator", **FIGURE_3)
    for value in (
        analytic.local_heat_current(net),
        analytic.global_heat_current(net),
        *analytic.local_moments(net),
        *analytic.global_moments(net),
        *analytic.normal_modes(net),
    ):
        assert type(value) is float
    p = analytic.parameters(
        "oscillator",
        **{**FIGURE_3, "omega_h": np.array([[8.0], [9.0]]), "T_h": np.array([11.0, 12.0, 13.0]), "kappa": [[[1e-4]]]},
    )
    assert p.shape == (1, 2, 3)
    for result in (analytic.local_heat_current(p), *analytic.global_moments(p), *analytic.normal_modes(p)):
        assert np.shape(result) == (1, 2, 3)
    assert analytic.local_covariance(p).shape == analytic.global_covariance(p).shape == (1, 2, 3, 4, 4)


def test_parameters_are_values_of_their_own() -> None:
    frequencies = np.array([8.0, 9.0])
    p = analytic.parameters("two-level", **{**FIGURE_3, "omega_h": frequencies, "kappa": np.array([1e-4, 1e-5])})
    before = analytic.local_heat_current(p)
    frequencies[0] = 1.0
    np.testing.assert_array_equal(analytic.local_heat_current(p), before)
    with pytest.raises(ValueError, match="read-only"):
        p.omega_h[0] = 1.0
    np.testing.assert_array_equal(analytic.local_heat_current(pickle.loads(pickle.dumps(p))), before)


@pytest.mark.parametrize("name", ["omega_h", "omega_c", "T_h", "T_c", "kappa"])
@pytest.mark.parametrize("wrong", [0.0, -1.0, [1.0, -1.0]])
def test_parameters_must_be_positive(name: str, wrong: object) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        analytic.parameters("oscillator", **{**FIGURE_3, name: wrong})


@pytest.mark.parametrize("name", ["omega_h", "omega_c", "epsilon", "T_h", "T_c", "kappa"])
def test_parameters_must_be_finite_real_numbers(name: str) -> None:
    for wrong in (np.nan, [1.0, np.inf]):
        with pytest.raises(ValueError, match=f"{name} must be finite"):
            analytic.parameters("oscillator", **{**FIGURE_3, name: wrong})
    for unreal in ("5", 1j, True, None):
        with pytest.raises(TypeError, match=f"{name} must be a real number"):
            analytic.parameters("oscillator", **{**FIGURE_3, name: unreal})


def test_parameters_must_broadcast_and_be_of_a_known_kind() -> None:
    with pytest.raises(ValueError, match="must broadcast"):
        analytic.parameters("oscillator", **{**FIGURE_3, "omega_h": [1.0, 2.0], "T_h": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="did you mean 'oscillator'"):
        analytic.parameters("ocillator", **FIGURE_3)
    spectrum, ones = PhononSpectrum(1e-4), np.ones(1)
    with pytest.raises(ValueError, match="delta must be one of"):
        analytic.TwoNodeParameters(0, ones, ones, ones, ones, ones, spectrum, spectrum)


BATH_A, BATH_B = Bath("A", 12, PhononSpectrum(1e-4)), Bath("B", 10, PhononSpectrum(1e-4))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            Network({"A": Oscillator(1), "B": Oscillator(1), "C": Oscillator(1)}, {}, {"h": BATH_A, "c": BATH_B}),
            "exactly two nodes",
        ),
        (Network({"A": Oscillator(1), "B": TwoLevel(1)}, {}, {"h": BATH_A, "c": BATH_B}), "same kind"),
        (
            Network({"A": TwoLevel(1), "B": TwoLevel(1)}, {("A", "B"): Quadrature(0.1)}, {"h": BATH_A, "c": BATH_B}),
            "no coupling but a swap",
        ),
        (Network({"A": Oscillator(1), "B": Oscillator(1, 0.1)}, {}, {"h": BATH_A, "c": BATH_B}), "must be harmonic"),
        (Network({"A": Oscillator(1), "B": Oscillator(1)}, {}, {"h": BATH_A}), "exactly two baths"),
        (Network({"A": Oscillator(1), "B": Oscillator(1)}, {}, {"h": BATH_A, "c": BATH_A}), "one on each node"),
        (
            Network({"A": Oscillator(1), "B": Oscillator(1)}, {}, {"h": BATH_A, "c": BATH_B, "d": BATH_B}),
            "exactly two baths",
        ),
    ],
)
def test_other_networks_are_refused(net: Network, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        analytic.local_heat_current(net)


def test_a_swap_may_be_given_as_a_number_or_by_its_kind() -> None:
    net = two_node("oscillator", **FIGURE_3)
    named = net.replace(couplings={("A", "B"): Swap(FIGURE_3["epsilon"])})
    assert analytic.local_heat_current(named) == analytic.local_heat_current(net)


def test_other_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="must be a Network or TwoNodeParameters"):
        analytic.local_heat_current(FIGURE_3)


def test_global_equation_needs_a_positive_lower_mode() -> None:
    with pytest.raises(ValueError, match="omega_minus would not be positive, but epsilon = 5 "):
        analytic.normal_modes(two_node("oscillator", **{**FIGURE_3, "omega_h": 5.0, "epsilon": 5.0}))
    with pytest.raises(ValueError, match="but epsilon = -9 "):
        analytic.global_heat_current(analytic.parameters("two-level", **{**FIGURE_3, "epsilon": [0.1, -9.0]}))


def test_global_equation_needs_a_coupling_on_resonance() -> None:
    with pytest.raises(ValueError, match="normal modes are not defined"):
        analytic.normal_modes(two_node("oscillator", **{**FIGURE_3, "omega_h": 5.0, "epsilon": 0.0}))


@pytest.mark.parametrize("kind", KINDS)
def test_no_current_overflows_or_warns(kind: str) -> None:
    """Every NumPy warning is an error here; ω/T runs from 1e-6 to 1e6."""
    p = analytic.parameters(kind, **{**FIGURE_3, "T_h": np.logspace(-5, 7, 25), "T_c": np.logspace(-5, 7, 25)[:, None]})
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for current in (analytic.local_heat_current, analytic.global_heat_current):
            assert np.all(np.isfinite(current(p)))
