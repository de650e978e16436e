"""Estimated truncation errors, against what they are defined to be: literal sums over populations and moments.

The factors 32 (nodes cut level by level) and 8 (total excitations, or modes) are those that make N p_top an upper
estimate: the true error was found to reach 30 N p_top and N p_top.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import qnet_qutip as qn
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
        ("global", {"levels": {"A": 6, "B": 5}}, 32),
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
