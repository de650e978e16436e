"""What the paper says, from density matrices; and how far currents keep their digits where everything is weak."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from literal import Literal
from reference import REFERENCE_CASES

import qnet_qutip as qn
from qnet_qutip import entanglement
from qnet_qutip.estimates import one_way_flows

EPS = float(np.finfo(float).eps)
KINDS = ("oscillator", "two-level")
FIGURE_2 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 1e-4, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
FIGURE_4 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
# The ratios ω/T of figure 3 are those of hot oscillators, with spaces of thousands of states; colder ones have the
# same physics.
COLD = {"omega_h": 4.0, "omega_c": 2.0, "epsilon": 0.01, "T_h": 1.2, "T_c": 1.0, "kappa": 1e-4}

each_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def solved(equation: str, kind: str, **values: float) -> qn.SteadyState:
    return qn.steady_state(qn.MASTER_EQUATIONS[equation](qn.two_node(kind, **values)))


def thermal(kind: str, omega: float, T: float) -> float:
    return float(1 / (np.exp(omega / T) + (-1 if kind == "oscillator" else 1)))


# ---------------------------------------------------------------- who lets heat run where


@pytest.mark.filterwarnings("ignore::qnet_qutip.UnboundedWarning")
@each_kind
@pytest.mark.parametrize("epsilon", [1e-6, 1e-4, 1e-2, 1.0, 2.5])
@pytest.mark.parametrize("omega_h", [4.0, 2.4 * (1 + 1e-6), 2.4 * (1 - 1e-6), 2.0, 1.5])
def test_local_current_has_the_sign_of_the_ratios_at_any_coupling(kind: str, epsilon: float, omega_h: float) -> None:
    """Eq. (9): ω_h/T_h = ω_c/T_c at ω_h = 2.4, the nearest frequencies a millionth away."""
    values = {**COLD, "epsilon": epsilon, "omega_h": omega_h}
    if kind == "oscillator" and abs(omega_h - 2.4) < 1e-3:
        # The truncation moves the change of sign of an oscillator's current by about its own error.
        values["omega_h"] = 2.4 + 1e4 * (omega_h - 2.4)
    state = solved("local", kind, **values)
    bias = values["omega_c"] / values["T_c"] - values["omega_h"] / values["T_h"]
    assert np.sign(state.heat_currents["hot"]) == np.sign(bias)
    assert np.sign(state.heat_currents["cold"]) == -np.sign(bias)
    assert np.sign(state.entropy_production) == np.sign(bias)


@each_kind
@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.3, 1.7])
@pytest.mark.parametrize("omega_h", [4.0, 2.4, 2.0, 1.5])
def test_global_current_runs_from_hot_to_cold(kind: str, epsilon: float, omega_h: float) -> None:
    state = solved("global", kind, **{**COLD, "epsilon": epsilon, "omega_h": omega_h})
    assert state.heat_currents["hot"] > 0 > state.heat_currents["cold"]
    assert state.entropy_production > 0


@pytest.mark.parametrize(
    ("kind", "figure"),
    [("oscillator", FIGURE_4), ("two-level", FIGURE_4), ("two-level", FIGURE_3)],
    ids=["oscillators of figure 4", "two-level nodes of figure 4", "two-level nodes at figure 3's coupling"],
)
def test_local_current_vanishes_where_figure_4_changes_sign(kind: str, figure: dict[str, float]) -> None:
    """At exactly ω_h = 6, ω_h/T_h = ω_c/T_c = ½: what is left is measured against the one-way flow."""
    state = solved("local", kind, **{**figure, "omega_h": 6.0})
    flows = one_way_flows(state.equation.network)
    for bath, current in state.heat_currents.items():
        # Rounding of the rates for two-level nodes; for oscillators the truncation's default aim besides, a hundredth
        # of 1e-8 because errors are there judged against a hundredth of the flow.
        allowed = 16 * EPS if kind == "two-level" else 0.01 * state.truncation_error[bath] + 16 * EPS
        assert allowed <= 1.1e-10
        assert abs(current) <= allowed * flows[bath]


@pytest.mark.parametrize(("omega_h", "sign"), [(5.9, 1), (6.1, -1)])
@each_kind
def test_local_current_of_figure_4_has_a_sign_on_either_side(kind: str, omega_h: float, sign: int) -> None:
    values = {**FIGURE_4, "omega_h": omega_h}
    state = solved("local", kind, **values)
    assert state.heat_currents["hot"] == pytest.approx(
        qn.analytic.local_heat_current(qn.two_node(kind, **values)), rel=state.truncation_error["hot"] + 1e-10
    )
    assert sign * state.heat_currents["hot"] > 0


@each_kind
def test_equal_temperatures(kind: str) -> None:
    """The local current does not vanish for T_h = T_c; the global one does."""
    values = {**COLD, "T_h": 1.0, "epsilon": 0.3}
    local, global_ = solved("local", kind, **values), solved("global", kind, **values)
    exact = qn.analytic.local_heat_current(qn.two_node(kind, **values))
    assert local.heat_currents["hot"] == pytest.approx(exact, rel=local.truncation_error["hot"] + 1e-10)
    assert local.heat_currents["hot"] < 0
    flow = one_way_flows(global_.equation.network)["hot"]
    assert abs(local.heat_currents["hot"]) > 1e-2 * flow
    for bath, current in global_.heat_currents.items():
        assert abs(current) <= (0.01 * global_.truncation_error[bath] + 16 * EPS) * flow


# ---------------------------------------------------------------- small coupling


@each_kind
@pytest.mark.parametrize("equation", ["local", "global"])
def test_occupations_tend_to_the_thermal_ones(equation: str, kind: str) -> None:
    deviations = []
    for epsilon in (0.04, 0.02, 0.01):
        state = solved(equation, kind, **{**COLD, "epsilon": epsilon})
        deviations.append(
            [
                state.occupations[node] / thermal(kind, omega, T) - 1
                for node, omega, T in (("A", 4.0, 1.2), ("B", 2.0, 1.0))
            ]
        )
    first, second, third = np.abs(deviations)
    # (ε/Δ)² = 4e-4 at first, times the ratio of the nodes' populations, 4, or rates: each halving of ε quarters it, but
    # for the next order.
    assert np.all(first <= 10 * (0.04 / 2) ** 2)
    np.testing.assert_allclose(second, first / 4, rtol=1e-2, atol=1e-9)
    np.testing.assert_allclose(third, second / 4, rtol=1e-2, atol=1e-9)


def test_correlations_agree_off_resonance() -> None:
    values = {**COLD, "epsilon": 1e-3, "kappa": 1e-6}
    local, global_ = solved("local", "oscillator", **values), solved("global", "oscillator", **values)
    # Hopping at the rate k = (ε/Δ)²(Γ_h + Γ_c) moves the populations by k/Γ_c = 9 (ε/Δ)², Γ = κω³, and their
    # difference, which is more than half of the larger one, by up to twice that; (Γ/Δ)² = (6e-5/2)² is nothing to it.
    allowed = 18 * (1e-3 / 2) ** 2 + 2 * max(local.truncation_error["hot"], global_.truncation_error["hot"])
    for entry in ((0, 2), (1, 3)):
        assert local.correlations[entry] == pytest.approx(global_.correlations[entry], rel=allowed, abs=0)
        assert abs(local.correlations[entry]) > 1e-5


@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 1.0])
def test_position_momentum_correlations_vanish_globally_only(epsilon: float) -> None:
    values = {**COLD, "epsilon": epsilon}
    local, global_ = solved("local", "oscillator", **values), solved("global", "oscillator", **values)
    for entry in ((0, 3), (1, 2)):
        # Only populations of the modes are coupled: there is nothing else to sum.
        assert abs(global_.correlations[entry]) <= 4 * EPS
    exact = qn.analytic.local_covariance(qn.two_node("oscillator", **values))
    scale = float(np.sqrt(exact[0, 0] * exact[2, 2]))
    allowed = local.truncation_error["hot"] + 1e-10
    assert local.correlations[0, 3] == pytest.approx(exact[0, 3] / scale, rel=allowed, abs=8 * EPS)
    assert local.correlations[1, 2] == -local.correlations[0, 3] != 0
    assert abs(local.correlations[0, 3]) > 1e-8


@pytest.mark.parametrize("equation", ["local", "global"])
@pytest.mark.parametrize("values", [COLD, {**COLD, "epsilon": 1.0}, {**COLD, "omega_h": 2.0, "epsilon": 1.0}, FIGURE_3])
def test_no_state_is_entangled(equation: str, values: dict[str, float]) -> None:
    state = solved(equation, "oscillator", **values)
    assert entanglement.is_separable(state.covariance)
    assert entanglement.logarithmic_negativity(state.covariance) == 0
    # Not by a hair: thermal noise leaves the smaller eigenvalue above the vacuum's.
    n_A, n_B = state.occupations["A"], state.occupations["B"]
    smallest = entanglement.partially_transposed_symplectic_eigenvalues(state.covariance)[0]
    assert 0.5 < smallest <= 0.5 + min(n_A, n_B) + 1e-9


@each_kind
def test_global_currents_do_not_converge_to_the_local_ones(kind: str) -> None:
    """The generators converge for ε → 0 off resonance, but currents are of second order: another sign at any ε."""
    ratios = []
    for epsilon in (1e-2, 1e-4):
        values = {**COLD, "epsilon": epsilon, "omega_h": 4.0}
        ratios.append(
            solved("global", kind, **values).heat_currents["hot"] / solved("local", kind, **values).heat_currents["hot"]
        )
    assert ratios[0] < 0
    assert ratios[1] == pytest.approx(ratios[0], rel=1e-3)


@each_kind
@pytest.mark.parametrize("equation", ["local", "global"])
def test_currents_are_of_second_order_in_the_coupling(equation: str, kind: str) -> None:
    currents = [solved(equation, kind, **{**COLD, "epsilon": epsilon}).heat_currents["hot"] for epsilon in (1e-3, 1e-4)]
    # The next order is (ε/Δ)² and less than ten times that; spaces may differ, each with its default error.
    assert currents[0] / currents[1] == pytest.approx(100, rel=10 * (1e-3 / 2) ** 2 + 2e-8)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-6, 1e-7])
def test_global_equation_breaks_down_on_resonance(epsilon: float) -> None:
    """Local/global on resonance is 1 + Γ²/4ε² with Γ = κω³: the secular step is wrong for ε ≲ κω³."""
    values = {**COLD, "omega_h": 2.0, "epsilon": epsilon, "kappa": 1e-6}
    ratio = (
        solved("global", "oscillator", **values).heat_currents["hot"]
        / solved("local", "oscillator", **values).heat_currents["hot"]
    )
    width = 1e-6 * 2.0**3
    # The modes are shifted by ε, which is of the order ε/T relative in the global current, twice: ω³ and n.
    assert ratio == pytest.approx(1 + width**2 / (4 * epsilon**2), rel=10 * epsilon + 4e-8)


@pytest.mark.parametrize(
    ("name", "equation", "ratio"),
    [
        ("fig4 omega_h=10", "global", 1.0),
        ("fig4 omega_h=10", "local", -2.29),
        ("fig4 omega_h=5 (resonance)", "global", 1.0),
        ("fig4 omega_h=5 (resonance)", "local", 1.0),
        ("resonance eps<gamma", "global", 40.1),
    ],
)
def test_currents_over_the_exact_one(name: str, equation: str, ratio: float) -> None:
    """Against the exact solution of excitation-conserving baths: the Landauer integral of the reference figures."""
    case = next(case for case in REFERENCE_CASES if (case.name, case.kind) == (name, "oscillator"))
    current = solved(equation, "oscillator", **case.parameters).heat_currents["hot"]
    # Three digits are given of the ratios; at κ = 1e-7 finite coupling is far beyond them.
    assert current / case.values["landauer"]["J_h"] == pytest.approx(ratio, rel=2e-3)


# ---------------------------------------------------------------- eq. (16)


@pytest.mark.parametrize("arguments", [{"levels": 4}, {"levels": {"A": 3, "B": 5}}, {"max_excitations": 4}], ids=str)
@pytest.mark.parametrize("values", [{**COLD, "epsilon": 0.7}, {**COLD, "omega_h": 1.5, "epsilon": 0.7}], ids=str)
@pytest.mark.parametrize("bath", ["hot", "cold"])
def test_eq_16_is_the_dissipator(arguments: dict[str, Any], values: dict[str, float], bath: str) -> None:
    equation = qn.global_master_equation(qn.two_node("oscillator", **values), **arguments, rtol=1e9)
    written_out, dissipator = qn.global_dissipator_in_local_operators(equation, bath), equation.dissipator(bath)
    # Some thirty products of a few factors in each entry.
    assert (written_out - dissipator).norm("max") <= 100 * EPS * dissipator.norm("max")
    assert written_out.dims == dissipator.dims


def test_eq_16_is_for_oscillators_in_the_basis_of_the_nodes() -> None:
    for equation in (
        qn.global_master_equation(qn.two_node("oscillator", **COLD)),
        qn.global_master_equation(qn.two_node("two-level", **COLD)),
        qn.local_master_equation(qn.two_node("oscillator", **COLD)),
    ):
        with pytest.raises(ValueError, match="must be a global one of oscillators in the basis of the nodes"):
            qn.global_dissipator_in_local_operators(equation, "hot")
    equation = qn.global_master_equation(qn.two_node("oscillator", **COLD), levels=3, rtol=1e9)
    with pytest.raises(ValueError, match="bath must be one of 'hot', 'cold', but is 'warm'"):
        qn.global_dissipator_in_local_operators(equation, "warm")


# ---------------------------------------------------------------- weak coupling, digit by digit


def eq_8_heat_current(kind: str, values: dict[str, float]) -> float:
    """J_h from the moments of eq. (8), with 40 digits and those that cancel."""
    with mpmath.workdps(90):
        return float(Literal(kind, values).local_heat()["J_h"])


@each_kind
@pytest.mark.parametrize("omega_h", [4.0, 2.0, 2.0 + 1e-6])
@pytest.mark.parametrize(
    ("epsilon", "kappa"), [(1e-4, 1e-4), (1e-6, 1e-4), (1e-8, 1e-4), (1e-2, 1e-7), (1e-2, 1e-10), (1e-8, 1e-10)]
)
def test_weak_coupling_keeps_the_digits_of_currents(kind: str, omega_h: float, epsilon: float, kappa: float) -> None:
    values = {**COLD, "omega_h": omega_h, "epsilon": epsilon, "kappa": kappa}
    state = solved("local", kind, **values)
    exact = eq_8_heat_current(kind, values)
    assert state.heat_currents["hot"] == pytest.approx(exact, rel=1e-8, abs=0)
    assert state.heat_currents["cold"] == pytest.approx(-exact, rel=1e-8, abs=0)


@each_kind
@pytest.mark.parametrize("values", [FIGURE_2, FIGURE_3, {**FIGURE_2, "epsilon": 1e-8}, {**FIGURE_2, "kappa": 1e-10}])
def test_weak_coupling_at_the_figures_temperatures(kind: str, values: dict[str, float]) -> None:
    state = solved("local", kind, **values)
    exact = eq_8_heat_current(kind, values)
    assert state.heat_currents["hot"] == pytest.approx(exact, rel=1e-8, abs=0)
    assert state.heat_currents["cold"] == pytest.approx(-exact, rel=1e-8, abs=0)


@each_kind
@pytest.mark.parametrize("omega_h", [4.0, 2.0])
@pytest.mark.parametrize(("epsilon", "kappa"), [(1e-8, 1e-4), (1e-2, 1e-10), (1e-8, 1e-10)])
def test_global_currents_keep_their_digits(kind: str, omega_h: float, epsilon: float, kappa: float) -> None:
    values = {**COLD, "omega_h": omega_h, "epsilon": epsilon, "kappa": kappa}
    state = solved("global", kind, **values)
    exact = qn.analytic.global_heat_current(qn.two_node(kind, **values))
    assert state.heat_currents["hot"] == pytest.approx(exact, rel=1e-8, abs=0)
    assert state.heat_currents["cold"] == pytest.approx(-exact, rel=1e-8, abs=0)
