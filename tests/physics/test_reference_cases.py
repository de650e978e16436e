"""Every reference case from density matrices at the default truncation, against figures of 40-digit solutions."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from reference import REFERENCE_CASES, ReferenceCase

import qnet_qutip as qn

EPS = float(np.finfo(float).eps)

# What the default truncation aims at, for a current that is a tenth of the one-way flow and more.
RTOL = 1e-8

EQUATIONS = ("local", "global")
each_case = pytest.mark.parametrize("case", REFERENCE_CASES, ids=str)
each_equation = pytest.mark.parametrize("equation", EQUATIONS)


@cache
def solved(index: int, equation: str) -> qn.SteadyState:
    case = REFERENCE_CASES[index]
    return qn.steady_state(qn.MASTER_EQUATIONS[equation](qn.two_node(case.kind, **case.parameters)))


def state_of(case: ReferenceCase, equation: str) -> qn.SteadyState:
    return solved(REFERENCE_CASES.index(case), equation)


@each_case
@each_equation
def test_heat_currents_of_both_baths(case: ReferenceCase, equation: str) -> None:
    state, expected = state_of(case, equation), case.values[equation]
    assert set(state.heat_currents) == {"hot", "cold"}
    for bath, name in (("hot", "J_h"), ("cold", "J_c")):
        assert state.heat_currents[bath] == pytest.approx(expected[name], rel=RTOL, abs=0)
        # The estimate of the state itself is an upper one, and it met what it was built for.
        error = abs(state.heat_currents[bath] / expected[name] - 1)
        assert error <= state.truncation_error[bath] + 1e-10
        assert state.truncation_error[bath] <= RTOL


@each_case
@each_equation
def test_energy_is_conserved(case: ReferenceCase, equation: str) -> None:
    currents = state_of(case, equation).heat_currents.values()
    assert abs(sum(currents)) <= 1e-9 * max(abs(current) for current in currents)


@each_case
@each_equation
def test_populations_and_correlations(case: ReferenceCase, equation: str) -> None:
    state, expected = state_of(case, equation), case.values[equation]
    assert state.occupations["A"] == pytest.approx(expected["nA"], rel=RTOL, abs=0)
    assert state.occupations["B"] == pytest.approx(expected["nB"], rel=RTOL, abs=0)
    # X and Y are differences of populations: the truncation error of these, and rounding, is what is left of them.
    allowed = RTOL * abs(expected["nA"] - expected["nB"]) + 8 * EPS
    if case.parameters["omega_h"] == case.parameters["omega_c"]:
        allowed = RTOL * expected["nA"]
    V = state.covariance
    for entry, value in (((0, 2), "X"), ((1, 3), "X")):
        assert 2 * V[entry] == pytest.approx(expected[value], abs=allowed, rel=0)
    for entry, sign in (((0, 3), -1), ((1, 2), 1)):
        assert 2 * sign * V[entry] == pytest.approx(expected["Y"], abs=allowed, rel=0)


@each_case
@each_equation
def test_small_correlations_keep_their_digits(case: ReferenceCase, equation: str) -> None:
    """In figure 2 they are 1e-8 of the populations: X and Y are wanted relative to themselves."""
    V, expected = state_of(case, equation).covariance, case.values[equation]
    for entry, sign, name in (((0, 2), 1, "X"), ((1, 2), 1, "Y")):
        if abs(expected[name]) > 1e-10:
            # Rounding of ρ is in units of the populations; a truncation error comes over the difference of these.
            allowed = 1e-6 * abs(expected[name]) + 8 * EPS * expected["nA"]
            assert 2 * sign * V[entry] == pytest.approx(expected[name], abs=allowed, rel=0)


@each_case
@each_equation
def test_entropy_production(case: ReferenceCase, equation: str) -> None:
    state, expected = state_of(case, equation), case.values[equation]["sigma"]
    # Both currents are good to RTOL, but σ is smaller than J/T by the factor 1 - T_c/T_h.
    T_h, T_c = case.parameters["T_h"], case.parameters["T_c"]
    assert state.entropy_production == pytest.approx(expected, rel=2 * RTOL / (1 - T_c / T_h), abs=0)
    if equation == "global":
        assert state.entropy_production > 0


@each_case
@each_equation
def test_states_are_physical(case: ReferenceCase, equation: str) -> None:
    state = state_of(case, equation)
    assert abs(state.rho.tr() - 1) <= 100 * EPS
    assert state.smallest_eigenvalue >= -10 * EPS
    assert state.top_shell_population <= RTOL
    assert state.rho.isherm


@each_case
def test_normal_modes_hold_the_reference_occupations(case: ReferenceCase) -> None:
    if case.kind == "two-level":
        pytest.skip("the modes of two-level nodes are fermions of Jordan and Wigner, whose number is not d†d")
    state = state_of(case, "global")
    for mode, name in (("+", "n_plus"), ("-", "n_minus")):
        ladder = state.equation.space.ladder[mode]
        occupation = (ladder.dag() * ladder * state.rho).tr().real
        assert occupation == pytest.approx(case.values["global"][name], rel=RTOL)
