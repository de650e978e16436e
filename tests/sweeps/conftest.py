"""Fixtures for the tests of sweeps."""

import pytest
from curves import BOTH, EPSILON, FIGURE_3

import qnet_qutip as qn
from qnet_qutip.sweeps import point


@pytest.fixture
def solved(monkeypatch):
    """List of the networks that are solved for."""
    networks = []

    def counting(equation, **options):
        networks.append(equation.network)
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(point, "steady_state", counting)
    return networks


@pytest.fixture
def interrupted_with(tmp_path, monkeypatch):
    """Function that interrupts the sweep with its arguments after three points, and returns the checkpoint."""

    def interrupt(*arguments):
        calls = []

        def interrupting(equation, **options):
            if len(calls) == 3:
                raise KeyboardInterrupt
            calls.append(equation)
            return qn.steady_state(equation, **options)

        path = tmp_path / "sweep.partial"
        with monkeypatch.context() as patch:
            patch.setattr(point, "steady_state", interrupting)
            with pytest.raises(KeyboardInterrupt):
                qn.sweep(*arguments, checkpoint=path)
        return path

    return interrupt


@pytest.fixture
def interrupted(interrupted_with):
    """The checkpoint of `two_level_sweep`, interrupted after three points."""
    return interrupted_with("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3)
