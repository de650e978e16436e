"""How wrong each equation is as the gap of two oscillators grows past the rate: one-body matrices over exact currents.

Figures of solutions in 30 and 50 digits, to the digits given: J over Landauer's exact current, minus 1, at ω_c = 5,
κ = 1e-7 (γ = J(5) = 1.25e-5), T = 12, 10 (`tests/test_dense.py` has the same from a literal solution). The local
equation's are of nodes detuned by Δ = 2ε, those of the others of nodes in resonance.
"""

from __future__ import annotations

import numpy as np
import pytest

import qnet_qutip as qn

RATE = 1e-7 * 5.0**3
SMALL = (0.0, 1e-8)

# Gap in units of γ; each equation's deviation, and half a unit of its last digit.
TABLE = [
    (1, (-1e-5, 5e-6), (1.0, 0.05), SMALL, SMALL),
    (30, (-2.9e-4, 5e-6), (1.1e-3, 5e-5), SMALL, (-4.05e-9, 5e-11)),
    (300, (-2.9e-3, 5e-5), (1.1e-5, 5e-7), SMALL, (-4e-7, 5e-8)),
    (1000, (-9.7e-3, 5e-5), (1.0e-6, 5e-8), SMALL, (-4.5e-6, 5e-8)),
    (1e4, (-0.097, 5e-4), (-5e-8, 5e-9), (-6e-8, 5e-9), (-4.5e-4, 5e-6)),
    (1e5, (-0.90, 5e-3), (-6e-6, 5e-7), (-6e-6, 5e-7), (-4e-2, 5e-3)),
]


def pair(epsilon: float, detuning: float) -> qn.Network:
    return qn.two_node("oscillator", omega_h=5 + detuning, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=1e-7)


def deviation(net: qn.Network, equation: str, **options: object) -> float:
    exact = qn.exact.steady_state(net).heat_currents["hot"]
    return qn.gaussian.steady_state(net, equation, **options).heat_currents["hot"] / exact - 1  # type: ignore[arg-type]


@pytest.mark.parametrize(("gap", "local", "global_", "between", "cluster"), TABLE)
def test_errors_of_every_equation_as_the_gap_grows(
    gap: float,
    local: tuple[float, float],
    global_: tuple[float, float],
    between: tuple[float, float],
    cluster: tuple[float, float],
) -> None:
    # The gap is √(Δ² + 4ε²).
    epsilon = gap * RATE / np.sqrt(8)
    detuned, resonant = pair(epsilon, 2 * epsilon), pair(gap * RATE / 2, 0.0)
    found = {
        "local": (deviation(detuned, "local"), local),
        "global": (deviation(resonant, "global"), global_),
        "universal": (deviation(resonant, "universal"), between),
        "redfield": (deviation(resonant, "redfield"), between),
        "one cluster": (deviation(resonant, "unified", clusters=[(0, np.inf)]), cluster),
    }
    for name, (value, (figure, distance)) in found.items():
        assert value == pytest.approx(figure, abs=distance), name


@pytest.mark.parametrize("gap", [row[0] for row in TABLE])
def test_unified_is_right_to_what_born_and_markov_neglect_at_every_gap(gap: float) -> None:
    """To 3γ/ω, with its own clusters, which change from one to two between gaps of 300 and 1000 rates."""
    assert abs(deviation(pair(gap * RATE / 2, 0.0), "unified")) <= 3 * RATE / 5
