"""Sweeps: labels, numbers, processes, interrupts and arguments."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip import progress
from qnet_qutip.sweep import closed_forms, relative_deviation, sweep

module = sys.modules["qnet_qutip.sweep"]

COLD = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 3.0, "T_c": 2.0, "kappa": 1e-4}
FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
EPSILON = [0.01, 0.1, 0.5, 1.0]
BOTH = ["local", "global"]


def two_level_sweep(**options):
    return sweep("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3, **options)


def network_with_three_nodes(epsilon, temperature):
    spectrum = qn.PhononSpectrum(1e-4)
    return qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(7), "C": qn.TwoLevel(5)},
        couplings={("A", "B"): epsilon, ("B", "C"): epsilon},
        baths={"left": qn.Bath("A", temperature, spectrum), "right": qn.Bath("C", 10, spectrum)},
    )


def same_numbers(first, second):
    return first.drop_vars("seconds").identical(second.drop_vars("seconds"))


@pytest.fixture
def solved(monkeypatch):
    """List of the networks that are solved for."""
    networks = []

    def counting(equation, **options):
        networks.append(equation.network)
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", counting)
    return networks


def test_numbers_are_those_of_the_steady_state_at_the_labels():
    fixed = {"omega_c": 5.0, "epsilon": 0.1, "T_c": 2.0, "kappa": 1e-4}
    dataset = sweep("oscillator", BOTH, {"omega_h": [7.0, 9.0], "T_h": [2.5, 3.0, 3.5]}, fixed)
    assert dataset.heat_current.dims == ("equation", "omega_h", "T_h", "bath")
    for name in BOTH:
        for omega_h, T_h in ((7.0, 3.5), (9.0, 2.5)):
            network = qn.two_node("oscillator", omega_h=omega_h, T_h=T_h, **fixed)
            state = qn.steady_state(qn.MASTER_EQUATIONS[name](network))
            point = dataset.sel(equation=name, omega_h=omega_h, T_h=T_h)
            for bath in ("hot", "cold"):
                assert point.heat_current.sel(bath=bath).item() == state.heat_currents[bath]
                assert point.truncation_error.sel(bath=bath).item() == state.truncation_error[bath]
            for node in ("A", "B"):
                assert point.occupation.sel(node=node).item() == state.occupations[node]
            assert point.entropy_production.item() == state.entropy_production
            assert point.residual.item() == state.residual
            assert point.iterations.item() == state.iterations
            assert point.seconds.item() > 0


def test_attributes_hold_parameters_method_and_versions():
    attributes = two_level_sweep().attrs
    assert attributes["network"] == "two-level"
    assert {name: attributes[name] for name in FIGURE_3} == FIGURE_3
    assert attributes["method"] == "sectors"
    assert attributes["qnet_qutip"] == qn.__version__
    assert {"qutip", "numpy", "scipy"} <= set(attributes)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_closed_forms_have_the_layout_and_the_numbers_of_a_sweep(kind):
    coordinates = {"epsilon": EPSILON}
    dataset, closed = sweep(kind, BOTH, coordinates, COLD), closed_forms(kind, BOTH, coordinates, COLD)
    for name in closed.data_vars:
        assert closed[name].dims == dataset[name].dims
    for name in closed.coords:
        assert closed[name].equals(dataset[name])
    assert (relative_deviation(dataset, closed) <= dataset.truncation_error + 1e-9).all()
    np.testing.assert_allclose(dataset.occupation, closed.occupation, rtol=1e-7)
    np.testing.assert_allclose(dataset.entropy_production, closed.entropy_production, rtol=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_deviation_is_relative_to_the_one_way_flow_where_the_current_vanishes(sign):
    fixed = {"omega_c": 5.0, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
    arguments = ("two-level", ["local"], {"omega_h": [6.0, 8.0]}, fixed)
    dataset, closed = sweep(*arguments), closed_forms(*arguments)
    shifted = dataset.assign(heat_current=closed.heat_current + sign * 1e-3 * dataset.one_way_flow)
    deviation = relative_deviation(shifted, closed).sel(equation="local", bath="hot").values
    scale = abs(closed.heat_current / dataset.one_way_flow).sel(equation="local", bath="hot").values
    np.testing.assert_allclose(deviation, 1e-3 / np.maximum(scale, 0.01), rtol=1e-9)
    assert scale[0] < 0.01 < scale[1]


def test_deviation_refuses_other_coordinates():
    closed = closed_forms("two-level", BOTH, {"epsilon": [0.01, 0.1, 0.5, 1.5]}, FIGURE_3)
    with pytest.raises(ValueError, match="values of 'epsilon'"):
        relative_deviation(two_level_sweep(), closed)


def test_a_function_builds_the_networks():
    dataset = sweep(network_with_three_nodes, ["local"], {"temperature": [11, 12]}, {"epsilon": 0.1})
    assert dataset.bath.values.tolist() == ["left", "right"]
    assert dataset.node.values.tolist() == ["A", "B", "C"]
    state = qn.steady_state(qn.local_master_equation(network_with_three_nodes(0.1, 12)))
    assert dataset.heat_current.sel(equation="local", temperature=12, bath="left") == state.heat_currents["left"]


def test_processes_give_the_same_numbers(monkeypatch):
    for name in module.BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)
    assert same_numbers(two_level_sweep(jobs=2), two_level_sweep())
    assert not set(module.BLAS_THREADS) & set(os.environ)


def test_warnings_are_gathered_with_the_first_point():
    with pytest.warns(qn.TruncationWarning, match="4 of 4 points warn, the first at epsilon=0.01: ") as caught:
        sweep("oscillator", ["local"], {"epsilon": EPSILON}, COLD, options={"levels": 4})
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_an_error_names_its_point(monkeypatch):
    def failing(equation, **options):
        if equation.network.couplings["A", "B"] == 0.5:
            raise qn.ConvergenceError("no convergence")
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", failing)
    with pytest.raises(qn.ConvergenceError) as caught:
        two_level_sweep()
    assert caught.value.__notes__ == ["in a sweep, for the local equation at epsilon=0.5"]


# ---------------------------------------------------------------- interrupt and resume


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """The checkpoint of a sweep that was interrupted after three points."""
    calls = []

    def interrupting(equation, **options):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(equation)
        return qn.steady_state(equation, **options)

    path = tmp_path / "sweep.partial"
    with monkeypatch.context() as patch:
        patch.setattr(module, "steady_state", interrupting)
        with pytest.raises(KeyboardInterrupt):
            two_level_sweep(checkpoint=path)
    return path


def test_a_finished_sweep_leaves_no_checkpoint(tmp_path):
    two_level_sweep(checkpoint=tmp_path / "sweep.partial")
    assert not list(tmp_path.iterdir())


def test_resumed_sweep_is_identical_and_solves_only_what_is_left(interrupted, solved):
    resumed = two_level_sweep(checkpoint=interrupted)
    assert len(solved) == 2 * len(EPSILON) - 3
    assert not interrupted.exists()
    assert same_numbers(resumed, two_level_sweep())


def test_a_line_that_was_cut_off_is_solved_again(interrupted, solved):
    interrupted.write_bytes(interrupted.read_bytes()[:-20])
    resumed = two_level_sweep(checkpoint=interrupted)
    assert len(solved) == 2 * len(EPSILON) - 2
    assert same_numbers(resumed, two_level_sweep())


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"coordinates": {"epsilon": [0.01, 0.1, 0.5, 1.1]}}, "coordinates"),
        ({"parameters": FIGURE_3 | {"T_h": 13.0}}, "attributes"),
        ({"equations": ["local"]}, "equations"),
        ({"method": "direct"}, "attributes"),
    ],
)
def test_checkpoint_of_another_sweep_is_refused_and_kept(interrupted, solved, changed, what):
    before = interrupted.read_bytes()
    arguments = {"network": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}
    with pytest.raises(ValueError, match=f"must belong to this sweep.* other .*{what}"):
        sweep(**(arguments | changed), checkpoint=interrupted)
    assert not solved
    assert interrupted.read_bytes() == before


def test_checkpoint_of_another_version_is_refused(interrupted, monkeypatch):
    monkeypatch.setattr(qn, "__version__", "0.0.0")
    with pytest.raises(ValueError, match="must belong to this sweep"):
        two_level_sweep(checkpoint=interrupted)


def test_file_that_is_no_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(ValueError, match="must be one that a sweep left behind"):
        two_level_sweep(checkpoint=path)
    assert path.read_text() == "my notes\n"


def test_checkpoint_that_cannot_be_written_is_refused_before_work(tmp_path, solved):
    with pytest.raises(OSError, match="checkpoint must be a file that can be written"):
        two_level_sweep(checkpoint=tmp_path / "missing" / "sweep.partial")
    assert not solved


SCRIPT = """
import sys
from qnet_qutip.sweep import sweep

if __name__ == "__main__":
    fixed = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 3.0, "T_c": 2.0, "kappa": 1e-4}
    epsilon = [0.1 + 0.002 * i for i in range(120)]
    sweep("oscillator", ["local"], {"epsilon": epsilon}, fixed, jobs=2, checkpoint=sys.argv[1])
"""


def test_interrupt_of_all_processes_keeps_every_point_that_was_begun(tmp_path, solved):
    script, path = tmp_path / "script.py", tmp_path / "sweep.partial"
    script.write_text(SCRIPT)
    process = subprocess.Popen([sys.executable, script, path], start_new_session=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (path.exists() and len(path.read_bytes().splitlines()) > 2) and time.monotonic() < deadline:
        time.sleep(0.02)
    # As Ctrl-C does, to the parent and to the workers.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.count(b"Traceback") == 1, errors.decode()
    lines = path.read_bytes().splitlines()
    points = [json.loads(line)["point"] for line in lines[1:]]
    assert points == list(dict.fromkeys(points))
    sweep("oscillator", ["local"], {"epsilon": [0.1 + 0.002 * i for i in range(120)]}, COLD, checkpoint=path)
    assert len(solved) == 120 - len(points)
    assert len(points) >= 2


# ---------------------------------------------------------------- progress


def test_progress_is_shown_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    two_level_sweep()
    captured = capsys.readouterr()
    assert not captured.out
    lines = captured.err.splitlines()
    assert len(lines) == 2 * len(EPSILON)
    assert re.match(r"sweep: 3/8 points, about \d+ s left", lines[2])


def test_progress_can_be_turned_off(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    two_level_sweep(progress=False)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- arguments

GOOD = {"network": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"network": "oscilator"}, ValueError, "network must be one of .* did you mean 'oscillator'"),
        ({"network": 3}, TypeError, "network must be a kind of node or a function"),
        ({"network": lambda **_: 3}, TypeError, "it returned 3"),
        ({"equations": "local"}, TypeError, "equations must be a sequence of names"),
        ({"equations": []}, ValueError, "equations must name at least one"),
        ({"equations": ["lokal"]}, ValueError, "equation must be one of .* did you mean 'local'"),
        ({"equations": ["local", "local"]}, ValueError, "equations must be different"),
        ({"coordinates": {}}, ValueError, "coordinates must name at least one"),
        ({"coordinates": {"epsilon": []}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [[1.0]]}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [0.1, np.nan]}}, ValueError, "'epsilon' must be finite"),
        ({"coordinates": {"epsilon": [0.1, 0.1]}}, ValueError, "'epsilon' must be different"),
        ({"coordinates": {"bath": [0.1]}}, ValueError, "must not be named 'bath'"),
        ({"coordinates": {"epsilon": EPSILON, "T_h": [1.0]}}, ValueError, "'T_h' must either vary or be fixed"),
        ({"coordinates": {"epsilom": EPSILON}}, TypeError, "epsilo"),
        ({"parameters": FIGURE_3 | {"T_c": -1.0}}, ValueError, "T_c must be positive"),
        ({"method": "guess"}, ValueError, "method must be one of"),
        ({"jobs": 0}, ValueError, "jobs must be at least 1"),
        ({"options": {"level": 4}}, TypeError, "level"),
    ],
)
def test_bad_arguments_are_refused_before_work(solved, changed, error, message, tmp_path):
    with pytest.raises(error, match=message):
        sweep(**(GOOD | changed), checkpoint=tmp_path / "sweep.partial")
    assert not solved
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_undefined_point_is_refused_before_work(solved, kind):
    with pytest.raises(
        ValueError, match=r"the global equation is not defined at epsilon=8: .* sqrt\(omega_h omega_c\)"
    ):
        sweep(kind, BOTH, {"epsilon": [0.1, 8.0]}, COLD)
    assert not solved


def test_networks_must_keep_their_names():
    def build(T_h):
        network = network_with_three_nodes(0.1, T_h)
        return network if T_h < 12 else qn.Network(network.nodes, network.couplings, {"other": network.baths["left"]})

    with pytest.raises(ValueError, match="same names of nodes and baths"):
        sweep(build, ["local"], {"T_h": [11.0, 12.0]}, {})


def test_spectrum_that_does_not_pickle_is_refused_for_processes():
    def build(T_h):
        network = network_with_three_nodes(0.1, T_h)
        bath = qn.Bath("A", T_h, qn.CallableSpectrum(lambda frequency: 1e-4 * frequency**3))
        return network.replace(baths={"left": bath})

    with pytest.raises(TypeError, match="picklable parts for jobs > 1"):
        sweep(build, ["local"], {"T_h": [11.0, 12.0]}, {}, jobs=2)


def test_closed_forms_exist_for_two_equations_only():
    with pytest.raises(ValueError, match="equation must be one of 'local', 'global'"):
        closed_forms("two-level", ["redfield"], {"epsilon": EPSILON}, FIGURE_3)
