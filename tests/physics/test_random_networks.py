"""Random networks over twelve decades of couplings and baths, by every equation: an answer, or a clear refusal.

An answer keeps what its equation promises, to the error that it states; what is doubtful raises, or warns by a warning
of the package's own. Two-level nodes are solved by density matrices, oscillators by one-body matrices, and cold ones by
both.
"""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qnet_qutip as qn
from qnet_qutip.network import bath_rate
from qnet_qutip.steady import LawWarning

EQUATIONS = sorted(qn.MASTER_EQUATIONS)
PAIR = qn.two_node("two-level", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1, kappa=1e-3)
PROMISES = {name: build(PAIR).promises for name, build in qn.MASTER_EQUATIONS.items()}

REFUSALS = (
    (qn.ConvergenceError, ""),
    (qn.MultipleSteadyStatesError, ""),
    # Of the one-body matrices: a current that 32 digits do not hold.
    (ArithmeticError, "32 digits are not enough"),
    (ValueError, "neither rounding nor resolved"),
    (ValueError, "must be positive"),
    (ValueError, "must have a positive frequency"),
    (ValueError, "must be reached by a bath"),
    (ValueError, "must be damped by a bath"),
    (ValueError, "must have a steady state"),
)
"""What may be raised for a network that is valid, and what the message must say."""

DOUBTS = (
    qn.AccuracyWarning,
    qn.ClusterWarning,
    qn.PositivityWarning,
    qn.TruncationWarning,
    LawWarning,
)
"""What may be warned of."""

EXAMPLES = int(os.environ.get("RANDOM_NETWORKS", "12"))
"""Networks for each test and equation: RANDOM_NETWORKS=2000 for a night."""

EPS = float(np.finfo(float).eps)

ROUNDING = 1e-13
"""What the rates are given to, relative to the flows between a bath and its node: a hundred roundings."""

twelve_decades = st.floats(-12, 0).map(lambda exponent: 10**exponent)
temperatures = st.floats(-1, 2).map(lambda exponent: 10**exponent)


@st.composite
def networks(draw: st.DrawFn, node: type[Any], largest: int = 3, hottest: float = math.inf) -> qn.Network:
    """A connected graph with one to three baths: degenerate, nearly so, or detuned."""
    names = "ABC"[: draw(st.integers(2, largest))]
    detuning = draw(st.sampled_from([0.0, 1.0])) * draw(twelve_decades)
    nodes = {name: node(5 + detuning * draw(st.floats(-1, 1))) for name in names}
    pairs = list(itertools.pairwise(names))
    if node is qn.Oscillator and len(names) == 3 and draw(st.booleans()):
        pairs.append(("A", "C"))
    couplings = {pair: draw(twelve_decades) * draw(st.sampled_from([1.0, -1.0])) for pair in pairs}
    baths = {
        f"bath {number}": qn.Bath(
            draw(st.sampled_from(names)),
            min(draw(temperatures), hottest),
            qn.PhononSpectrum(draw(twelve_decades)),
            draw(st.sampled_from(["rotating-wave", "full"])),
        )
        for number in range(draw(st.integers(1, 3)))
    }
    return qn.Network(nodes, couplings, baths)


def answer(solve: Any) -> tuple[Any, set[type]]:
    """What a solution gives and what it warns of; None if it is refused in the package's own words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            state = solve()
        except Exception as error:
            if not any(isinstance(error, kind) and words in str(error) for kind, words in REFUSALS):
                raise
            return None, set()
    for one in caught:
        assert issubclass(one.category, DOUBTS), f"{one.category.__name__}: {one.message}"
    return state, {one.category for one in caught}


def density_matrix(network: qn.Network, equation: str) -> tuple[Any, set[type]]:
    return answer(lambda: qn.steady_state(qn.MASTER_EQUATIONS[equation](network)))


def one_body(network: qn.Network, equation: str) -> tuple[Any, set[type]]:
    return answer(lambda: qn.gaussian.steady_state(network, equation))


def entropy_error(network: qn.Network, errors: Mapping[str, float]) -> float:
    return sum(error / network.baths[bath].temperature for bath, error in errors.items())


def rounding(state: qn.SteadyState, bath: str) -> float:
    """What is left of a current in double precision of the rates, and of one that is zero in twice that.

    The latter is 1e-18 of what the bath exchanges with its node: a single bath's current is zero, and so is its flow.
    """
    network = state.equation.network
    frequency = network.nodes[network.baths[bath].node].frequency
    rate = bath_rate(network, bath)
    exchanged = 3 * frequency * (rate.rate(frequency) + rate.rate(-frequency))
    return ROUNDING * state.equation.one_way_flows[bath] + 1e-18 * exchanged


def assert_promises(state: qn.SteadyState, warned: set[type]) -> None:
    """An answer is finite, positive if that is promised, and keeps the laws that are to the error that it states."""
    errors, promised = state.heat_current_errors, state.equation.promises
    assert all(map(math.isfinite, (*state.heat_currents.values(), *errors.values(), state.smallest_eigenvalue)))
    assert state.positive or qn.PositivityWarning in warned
    if qn.AccuracyWarning in warned:
        # It says that the errors are larger.
        return
    if promised.positive:
        assert state.positive
    allowed = {bath: error + rounding(state, bath) for bath, error in errors.items()}
    if promised.first_law:
        assert abs(sum(state.heat_currents.values())) <= sum(allowed.values())
    if promised.second_law:
        heat = state.heat_by(promised.second_law)
        assert heat.entropy_production >= -entropy_error(state.equation.network, allowed)


@pytest.mark.parametrize("equation", EQUATIONS)
@given(network=networks(qn.TwoLevel))
@settings(max_examples=EXAMPLES, deadline=None)
def test_two_level_networks_keep_what_is_promised_or_are_refused(equation: str, network: qn.Network) -> None:
    state, warned = density_matrix(network, equation)
    if state is not None:
        assert_promises(state, warned)


@pytest.mark.parametrize("equation", EQUATIONS)
@given(network=networks(qn.Oscillator))
@settings(max_examples=EXAMPLES, deadline=None)
def test_oscillators_keep_what_is_promised_or_are_refused(equation: str, network: qn.Network) -> None:
    state, _ = one_body(network, equation)
    if state is None:
        return
    errors, promised = state.heat_current_errors, PROMISES[equation]
    assert all(map(math.isfinite, (*state.heat_currents.values(), *errors.values(), *state.occupations.values())))
    # Of the sum of a few currents the rounding of each counts too.
    allowed = {bath: error + 4 * EPS * abs(state.heat_currents[bath]) for bath, error in errors.items()}
    if promised.first_law:
        assert abs(sum(state.heat_currents.values())) <= sum(allowed.values())
    if promised.second_law == "H":
        assert state.entropy_production >= -entropy_error(network, allowed)


@pytest.mark.parametrize("equation", EQUATIONS)
@given(network=networks(qn.Oscillator, largest=2, hottest=1.0))
@settings(max_examples=EXAMPLES // 4, deadline=None)
def test_cold_oscillators_have_one_answer(equation: str, network: qn.Network) -> None:
    matrix, warned = density_matrix(network, equation)
    if matrix is None:
        return
    assert_promises(matrix, warned)
    state, _ = one_body(network, equation)
    if state is None or warned & {qn.AccuracyWarning, qn.TruncationWarning}:
        return
    for bath, error in matrix.heat_current_errors.items():
        allowed = error + state.heat_current_errors[bath] + rounding(matrix, bath)
        assert abs(matrix.heat_currents[bath] - state.heat_currents[bath]) <= allowed


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("node", [qn.Oscillator, qn.TwoLevel])
@given(
    epsilon=twelve_decades,
    kappa=twelve_decades,
    hot=temperatures,
    cold=temperatures,
    inner=st.floats(-1, 1) | st.none(),
)
@settings(max_examples=EXAMPLES // 2, deadline=None)
def test_exchanged_temperatures_reverse_the_current_of_a_symmetric_network(
    equation: str, node: type[Any], epsilon: float, kappa: float, hot: float, cold: float, inner: float | None
) -> None:
    """A pair, or a chain of three with any node between the baths."""
    nodes = [node(5), node(5)] if inner is None else [node(5), node(5 + inner), node(5)]
    phonons, last = qn.PhononSpectrum(kappa), "ABC"[len(nodes) - 1]

    def current(first: float, second: float) -> tuple[float, float] | None:
        """Heat from the first bath, and its error."""
        network = qn.chain(nodes, epsilon, first=qn.Bath("A", first, phonons), second=qn.Bath(last, second, phonons))
        if node is qn.Oscillator:
            state, _ = one_body(network, equation)
            return state and (state.heat_currents["first"], state.heat_current_errors["first"])
        state, warned = density_matrix(network, equation)
        if state is None or qn.AccuracyWarning in warned:
            return None
        return state.heat_currents["first"], state.heat_current_errors["first"] + rounding(state, "first")

    there, back = current(hot, cold), current(cold, hot)
    if there is not None and back is not None:
        # 4 eps: the sum of two numbers, each rounded.
        assert abs(there[0] + back[0]) <= there[1] + back[1] + 4 * EPS * abs(there[0])
