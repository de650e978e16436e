"""Estimated truncation errors, against what they are defined to be: literal sums over populations and moments.

The factors 32 (nodes cut level by level) and 8 (total excitations, or modes) are those that make N p_top an upper
estimate: the true error was found to reach 30 N p_top and 1.6 N p_top. Where N p_top is no bound the error is measured.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip.equations.assembly import on_stepped_cut
from qnet_qutip.estimates import local_estimate
from qnet_qutip.truncation import excitation_error, level_error

PARAMETERS = {"omega_h": 4.0, "omega_c": 3.0, "epsilon": 0.5, "T_h": 1.2, "T_c": 1.0, "kappa": 1e-3}
NET = qn.two_node("oscillator", **PARAMETERS)


def moments(drive_h: float, drive_c: float) -> np.ndarray:
    """⟨a†a⟩ and ⟨b†b⟩ of eq. (8) for oscillators, whose total rates are κω³, at the given heating rates."""
    total_h, total_c = (1e-3 * omega**3 for omega in (4.0, 3.0))
    mean, detuning, epsilon = (total_h + total_c) / 2, 1.0, 0.5
    matrix = [
        [-total_h, 0, 0, -epsilon],
        [0, -total_c, 0, epsilon],
        [0, 0, -mean, detuning],
        [2 * epsilon, -2 * epsilon, -detuning, -mean],
    ]
    return np.linalg.solve(matrix, [-drive_h, -drive_c, 0, 0])[:2]


UP_H, UP_C = (1e-3 * omega**3 / np.expm1(omega / T) for omega, T in ((4.0, 1.2), (3.0, 1.0)))


def one_way_flows() -> dict[str, float]:
    """The larger of what the other bath takes when this one alone drives, ωκω³⟨n⟩, and the reverse."""
    by_hot, by_cold = moments(UP_H, 0.0), moments(0.0, UP_C)
    hot_to_cold, cold_to_hot = 3.0 * 1e-3 * 3.0**3 * by_hot[1], 4.0 * 1e-3 * 4.0**3 * by_cold[0]
    return dict.fromkeys(("hot", "cold"), max(hot_to_cold, cold_to_hot))


def mode_flows() -> dict[str, float]:
    """Of the global equation: ω g_h g_c/(g_h + g_c) n summed over the modes, n of the hotter bath, g = weight · κω³."""
    flow = 0.0
    theta = np.arctan2(2 * 0.5, 4.0 - 3.0) / 2
    for omega, weight in ((3.5 + np.sqrt(0.5), np.cos(theta) ** 2), (3.5 - np.sqrt(0.5), np.sin(theta) ** 2)):
        hot, cold = weight * 1e-3 * omega**3, (1 - weight) * 1e-3 * omega**3
        flow += omega * hot * cold / (hot + cold) / np.expm1(omega / 1.2)
    return dict.fromkeys(("hot", "cold"), flow)


def edge_by_levels(populations: np.ndarray, levels: tuple[int, int]) -> float:
    """N p_top, summed over both factors of a space cut level by level."""
    table = populations.reshape(levels)
    return levels[0] * table[-1].sum() + levels[1] * table[:, -1].sum()


def edge_by_excitations(populations: np.ndarray, occupations: np.ndarray, largest: int) -> float:
    """Σ (n_A + 1) + (n_B + 1) over the top shell, weighted with its populations."""
    return sum(
        population * (n_A + 1 + n_B + 1)
        for population, (n_A, n_B) in zip(populations, occupations, strict=True)
        if n_A + n_B == largest
    )


@pytest.mark.parametrize(
    ("equation", "arguments", "factor"),
    [
        ("local", {"levels": {"A": 5, "B": 6}}, 32),
        ("global", {"levels": {"+": 5, "-": 6}, "basis": "modes"}, 8),
        ("local", {"max_excitations": 6}, 8),
        ("global", {"max_excitations": 5}, 8),
    ],
    ids=str,
)
def test_truncation_error_of_a_state_is_the_weighted_edge_over_the_current(
    equation: str, arguments: dict[str, Any], factor: int
) -> None:
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](NET, **arguments, rtol=1e9))
    populations = np.diag(state.rho.full()).real
    if "levels" in arguments:
        edge = edge_by_levels(populations, tuple(arguments["levels"].values()))
    else:
        edge = edge_by_excitations(populations, state.equation.space.occupations, arguments["max_excitations"])
    assert set(state.truncation_error) == {"hot", "cold"}
    for bath, flow in (one_way_flows() if equation == "local" else mode_flows()).items():
        current = abs(state.heat_currents[bath])
        expected = factor * edge * max(flow, current) / max(current, 0.01 * flow)
        # The yardstick is that of a Lyapunov equation with 1e-12 of the damping added, and of another solver.
        assert state.truncation_error[bath] == pytest.approx(expected, rel=1e-9)


def test_truncation_error_is_over_a_hundredth_of_the_flow_where_the_current_vanishes() -> None:
    """Both ratios ω/T are the same: nothing flows."""
    state = qn.steady_state(
        qn.local_master_equation(qn.two_node("oscillator", **{**PARAMETERS, "T_h": 4 / 3}), levels=5, rtol=1e9)
    )
    edge = edge_by_levels(np.diag(state.rho.full()).real, (5, 5))
    for bath, current in state.heat_currents.items():
        assert state.truncation_error[bath] == pytest.approx(32 * edge / 0.01, rel=1e-9)
        assert abs(current) < 1e-3 * one_way_flows()[bath]


PHONONS = qn.PhononSpectrum


def chain(
    frequencies: tuple[float, ...], couplings: list[Any], first: tuple[Any, ...], last: tuple[Any, ...]
) -> qn.Network:
    """Oscillators, the first and the last with a bath: temperature, κ, form of the coupling."""
    (T_1, kappa_1, form_1), (T_2, kappa_2, form_2) = first, last
    baths = {
        "first": qn.Bath("A", T_1, PHONONS(kappa_1), form_1),
        "last": qn.Bath("ABC"[len(frequencies) - 1], T_2, PHONONS(kappa_2), form_2),
    }
    return qn.chain([qn.Oscillator(frequency) for frequency in frequencies], couplings, **baths)


ROTATING = "rotating-wave"
STRONG = chain((5, 5), [0.1], (1.0, 1.0, "full"), (0.1, 1e-3, ROTATING))
PAIRS = chain((6.54, 4.24), [qn.Quadrature(1.5e-3)], (0.57, 7e-4, "full"), (0.445, 9e-3, "full"))
COLD_PAIRS = chain((7.38, 6.63), [qn.Quadrature(6e-5)], (0.744, 1.3e-3, ROTATING), (0.131, 0.364, ROTATING))
RESONANT_SHELLS = chain((5, 5, 5), [0.0513, 1.2e-4], (1.12, 1.2e-5, ROTATING), (0.248, 1.4e-5, ROTATING))
CUT_APART = chain((1.37, 6.19), [0.0106], (0.232, 9.9e-3, ROTATING), (0.4, 4.7e-8, ROTATING))

NO_BOUND = [
    # A bath that makes pairs, stronger than the frequency: odd levels are fifty times emptier than even ones.
    (STRONG, "redfield", {"max_excitations": 5}),
    (STRONG, "universal", {"max_excitations": 5}),
    (STRONG, "universal", {"levels": 6}),
    # A coupling that makes pairs, in the cold.
    *((PAIRS, name, {"max_excitations": 3}) for name in ("global", "partial_secular", "redfield", "universal")),
    *((PAIRS, name, {"levels": 4}) for name in ("redfield", "universal")),
    (COLD_PAIRS, "unified", {"max_excitations": 3}),
    # A third node in resonance with what is left of the third shell of the other two.
    (RESONANT_SHELLS, "local", {"levels": 3}),
    # Jumps of modes between nodes that are cut at 7 and at 31.
    (CUT_APART, "global", {"levels": 5}),
]


@pytest.mark.parametrize(("network", "equation", "cut"), NO_BOUND)
def test_a_current_is_within_its_error_where_the_edge_is_no_bound(
    network: qn.Network, equation: str, cut: dict[str, int]
) -> None:
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](network, **cut, rtol=1e9))
    exact = qn.gaussian.steady_state(network, equation)
    for bath, current in state.heat_currents.items():
        true = abs(current - exact.heat_currents[bath])
        by_edge = state.equation.space.flow_error(np.diag(state.rho.full()).real) * state.equation.one_way_flows[bath]
        assert by_edge < true
        assert true <= state.heat_current_errors[bath]


@pytest.mark.parametrize(("network", "equation", "cut"), NO_BOUND)
def test_the_error_is_then_what_two_levels_change(network: qn.Network, equation: str, cut: dict[str, int]) -> None:
    build, (kind, number) = qn.MASTER_EQUATIONS[equation], next(iter(cut.items()))
    # Two more where there are too few to lose two; what is beyond those is no more than what they change.
    step, factor = (-2, 1) if number + (kind == "max_excitations") >= 4 else (2, 2)
    state, other = (qn.steady_state(build(network, **{kind: each}, rtol=1e9)) for each in (number, number + step))
    for bath, current in state.heat_currents.items():
        scale = max(abs(current), 0.01 * state.equation.one_way_flows[bath])
        change = factor * abs(current - other.heat_currents[bath]) / scale
        # Less what the solver may leave in both.
        assert state.truncation_error[bath] == pytest.approx(change, rel=1e-6, abs=1e-9)


def test_a_chosen_space_grows_until_two_levels_do_not_matter() -> None:
    """Both were off by 8e-9 with 28 states, and were said to be right to 6e-10."""
    for form in (ROTATING, "full"):
        network = chain((5, 5), [0.1], (1.0, 1.0, "full"), (0.1, 1e-3, form))
        state, exact = (
            qn.steady_state(qn.redfield_master_equation(network)),
            qn.gaussian.steady_state(network, "redfield"),
        )
        for bath, current in state.heat_currents.items():
            assert abs(current - exact.heat_currents[bath]) <= state.heat_current_errors[bath]
            assert state.truncation_error[bath] <= 1e-8
            assert current == pytest.approx(exact.heat_currents[bath], rel=1e-9, abs=0)


def test_what_is_measured_is_the_cut_and_not_other_clusters() -> None:
    """The levels of anharmonic oscillators move with the cut, and with them the default clusters."""
    anharmonic = qn.Network(
        {"A": qn.Oscillator(5, anharmonicity=0.3), "B": qn.Oscillator(4)},
        {("A", "B"): qn.Quadrature(0.1)},
        {"hot": qn.Bath("A", 0.8, PHONONS(1e-3)), "cold": qn.Bath("B", 0.5, PHONONS(1e-3))},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", qn.ClusterWarning)
        states = [qn.steady_state(qn.unified_master_equation(anharmonic, levels=number, rtol=1.0)) for number in (3, 5)]
    current, wider = (state.heat_currents["hot"] for state in states)
    assert abs(wider / current - 1) > 10 * states[0].truncation_error["hot"]


@pytest.mark.parametrize(
    ("network", "equation", "cut"),
    [(NET, "local", {"levels": 5}), (NET, "redfield", {"max_excitations": 5}), (NET, "global", {})],
    ids=str,
)
def test_where_the_edge_is_a_bound_nothing_else_is_solved(
    network: qn.Network, equation: str, cut: dict[str, int]
) -> None:
    assert on_stepped_cut(qn.MASTER_EQUATIONS[equation](network, **cut, rtol=1e9)) is None


@pytest.mark.parametrize(("occupation", "levels"), [(1.0, 10), (0.25, 6), (3.0, 40)])
def test_level_error_is_that_of_a_thermal_mode(occupation: float, levels: int) -> None:
    x = occupation / (1 + occupation)
    p_top = (1 - x) * x ** (levels - 1)
    assert level_error(occupation, levels) == pytest.approx(32 * levels * p_top, rel=1e-13)
    assert level_error(occupation, levels, 8.0) == pytest.approx(8 * levels * p_top, rel=1e-13)


def test_excitation_error_is_that_of_two_thermal_modes() -> None:
    estimate = local_estimate(NET)
    x, y = (n / (1 + n) for n in estimate.normal_occupations)
    for largest in (1, 4, 12):
        p_top = (1 - x) * (1 - y) * sum(x**k * y ** (largest - k) for k in range(largest + 1))
        assert excitation_error(estimate, largest) == pytest.approx(8 * (largest + 2) * p_top, rel=1e-12)


def test_occupations_to_expect_are_those_of_eq_8() -> None:
    assert list(local_estimate(NET).occupations.values()) == pytest.approx(moments(UP_H, UP_C), rel=1e-9)


def warned_error(**arguments: Any) -> float:
    with pytest.warns(qn.TruncationWarning) as caught:
        qn.local_master_equation(NET, **arguments)
    found = re.search(r"estimated truncation error of the heat currents is (\S+) of", str(caught[0].message))
    assert found is not None
    return float(found[1])


def test_the_warning_before_a_solution_gives_the_estimate() -> None:
    n_A, n_B = moments(UP_H, UP_C)
    by_level = sum(32 * levels * (1 / (1 + n)) * (n / (1 + n)) ** (levels - 1) for n, levels in ((n_A, 4), (n_B, 6)))
    # Two digits are printed.
    assert warned_error(levels={"A": 4, "B": 6}) == pytest.approx(by_level, rel=0.05)
    assert warned_error(max_excitations=5) == pytest.approx(excitation_error(local_estimate(NET), 5), rel=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qn.local_master_equation(NET, levels={"A": 4, "B": 6}, rtol=1.001 * by_level)
    with pytest.warns(qn.TruncationWarning):
        qn.local_master_equation(NET, levels={"A": 4, "B": 6}, rtol=0.999 * by_level)


# So close to each other that some lie between an error and its half.
TOLERANCES = np.geomspace(1e-9, 1e-3, 31)


def test_total_excitations_chosen_are_the_fewest_for_a_current_of_a_tenth_of_the_flow() -> None:
    x, y = (n / (1 + n) for n in local_estimate(NET).normal_occupations)

    def error(largest: int) -> float:
        shell = sum(x**k * y ** (largest - k) for k in range(largest + 1))
        return 8 * (largest + 2) * (1 - x) * (1 - y) * shell

    for rtol in TOLERANCES:
        largest = qn.local_master_equation(NET, rtol=rtol).space.max_excitations
        assert largest is not None
        assert error(largest) <= 0.1 * rtol < error(largest - 1)


def test_levels_chosen_for_one_node_are_the_fewest_for_a_current_of_a_tenth_of_the_flow() -> None:
    x = np.exp(-2.0 / 1.5)
    net = qn.Network({"A": qn.Oscillator(2.0)}, {}, {"bath": qn.Bath("A", 1.5, qn.PhononSpectrum(1e-3))})
    for rtol in TOLERANCES:
        number = qn.local_master_equation(net, rtol=rtol).space.levels["A"]
        errors = [32 * N * (1 - x) * x ** (N - 1) for N in (number - 1, number)]
        assert errors[1] <= 0.1 * rtol < errors[0]


def test_levels_chosen_for_modes_are_the_fewest_that_share_the_tolerance() -> None:
    """Each mode as full as the hotter bath makes it."""
    frequencies = qn.normal_modes(NET).frequencies
    for rtol in TOLERANCES:
        levels = qn.global_master_equation(NET, rtol=rtol).space.levels
        for mode, frequency in frequencies.items():
            x = np.exp(-frequency / 1.2)
            errors = [8 * N * (1 - x) * x ** (N - 1) for N in (levels[mode] - 1, levels[mode])]
            assert errors[1] <= 0.1 * rtol / 2 < errors[0]
