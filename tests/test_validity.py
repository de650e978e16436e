"""Errors over two parameters: each is that of `compare` at its point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip.scales import scales
from qnet_qutip.validity import validity

OVER = {"detuning": [1e-6, 1.0], "epsilon": [1e-6, 1e-3, 0.1]}


def pair(detuning: float, epsilon: float) -> qn.Network:
    return qn.two_node("oscillator", omega_h=5 + detuning, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=1e-7)


def test_every_number_is_that_of_the_comparison_at_its_point() -> None:
    dataset = validity(pair, OVER)
    assert dataset.error.dims == ("equation", "detuning", "epsilon")
    assert dataset.equation.values.tolist() == list(qn.MASTER_EQUATIONS)
    for detuning in OVER["detuning"]:
        for epsilon in OVER["epsilon"]:
            point, verdict = dataset.sel(detuning=detuning, epsilon=epsilon), qn.compare(pair(detuning, epsilon))
            for name, row in verdict.assessments.items():
                # Errors of the currents themselves.
                assert point.error.sel(equation=name).item() == pytest.approx(row.error, rel=1e-6, abs=1e-12)
            assert point.neglected.item() == scales(pair(detuning, epsilon)).neglected
            assert point.rate_over_gap.item() == verdict.scales.rate_over_gap
            assert point.exact_error.item() < 1e-8


def test_an_equation_without_a_steady_state_is_nan_there_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = qn.gaussian.heat_currents

    def refusing(networks: list[qn.Network], equation: str) -> qn.gaussian.Currents:
        found = solve(networks, equation)
        if equation != "redfield":
            return found
        lost = np.array([net.couplings["A", "B"] == 1e-3 for net in networks])
        return replace(found, heat_currents={b: np.where(lost, np.nan, J) for b, J in found.heat_currents.items()})

    expected = validity(pair, OVER)
    monkeypatch.setattr(qn.gaussian, "heat_currents", refusing)
    found = validity(pair, OVER)
    without = np.isnan(found.error.sel(equation="redfield"))
    assert without.sel(epsilon=1e-3).all()
    assert int(without.sum()) == 2
    assert found.error.fillna(0).values == pytest.approx(expected.error.where(~np.isnan(found.error), 0).values)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="coordinates must be two parameters"):
        validity(pair, {"epsilon": [0.1]})
    with pytest.raises(ValueError, match="coordinate 'epsilon' must be one-dimensional and not empty"):
        validity(pair, {**OVER, "epsilon": []})
    with pytest.raises(TypeError, match="network must be a Network"):
        validity(lambda detuning, epsilon: None, OVER)  # type: ignore[arg-type, return-value]
    with pytest.raises(qn.exact.NoExactAnswerError, match="must be an Oscillator") as caught:
        validity(
            lambda a, b: qn.two_node("two-level", omega_h=5, omega_c=5, epsilon=0.1, T_h=a, T_c=b, kappa=1e-4),
            {"a": [12.0], "b": [10.0]},
        )
    assert caught.value.__notes__ == ["at a=12, b=10"]
    with pytest.raises(ValueError, match="T_c must be positive") as caught:
        validity(
            lambda a, b: qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=0.1, T_h=a, T_c=b, kappa=1e-4),
            {"a": [12.0], "b": [10.0, -1.0]},
        )
    assert caught.value.__notes__ == ["at a=12, b=-1"]


def test_all_that_takes_long_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("qnet_qutip.progress.QUIET_SECONDS", 0.0)
    validity(pair, OVER)
    shown = capsys.readouterr().err
    for label in ("networks", "exact currents", "scales"):
        assert f"{label}: 6 of 6" in shown
