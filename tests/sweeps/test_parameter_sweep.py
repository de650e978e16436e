"""Sweeps: labels, numbers, failed points, progress and arguments."""

import math
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import curves
import numpy as np
import pytest
import qutip
from curves import (
    BOTH,
    COLD,
    EPSILON,
    FIGURE_3,
    known_up_to_two_tenths,
    network_with_three_nodes,
    same_numbers,
    two_level_sweep,
)

import qnet_qutip as qn
from qnet_qutip import progress
from qnet_qutip.sweeps import OBSERVABLES, point, relative_deviation


def test_numbers_are_those_of_the_steady_state_at_the_labels():
    fixed = {"omega_c": 5.0, "epsilon": 0.1, "T_c": 2.0, "kappa": 1e-4}
    dataset = qn.sweep("oscillator", BOTH, {"omega_h": [7.0, 9.0], "T_h": [2.5, 3.0, 3.5]}, fixed)
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


@pytest.mark.parametrize("make", [float, np.float32, np.array])
def test_attributes_hold_parameters_method_and_versions(make):
    fixed = {name: make(value) for name, value in FIGURE_3.items()}
    attributes = qn.sweep("two-level", BOTH, {"epsilon": EPSILON}, fixed).attrs
    assert attributes["network"] == "two-level"
    # As a file of a dataset can hold them: plain numbers.
    assert {name: attributes[name] for name in fixed} == {name: float(value) for name, value in fixed.items()}
    assert {type(attributes[name]) for name in fixed} == {float}
    assert attributes["method"] == "sectors"
    assert attributes["qnet_qutip"] == qn.__version__
    assert {"qutip", "numpy", "scipy"} <= set(attributes)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_closed_forms_have_the_layout_and_the_numbers_of_a_sweep(kind):
    coordinates = {"epsilon": EPSILON}
    dataset, closed = (
        qn.sweep(kind, BOTH, coordinates, COLD),
        qn.sweep(kind, BOTH, coordinates, COLD, method="analytic"),
    )
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
    dataset, closed = qn.sweep(*arguments), qn.sweep(*arguments, method="analytic")
    shifted = dataset.assign(heat_current=closed.heat_current + sign * 1e-3 * dataset.one_way_flow)
    deviation = relative_deviation(shifted, closed).sel(equation="local", bath="hot").values
    scale = abs(closed.heat_current / dataset.one_way_flow).sel(equation="local", bath="hot").values
    np.testing.assert_allclose(deviation, 1e-3 / np.maximum(scale, 0.01), rtol=1e-9)
    assert scale[0] < 0.01 < scale[1]


def test_deviation_refuses_other_coordinates():
    closed = qn.sweep("two-level", BOTH, {"epsilon": [0.01, 0.1, 0.5, 1.5]}, FIGURE_3, method="analytic")
    with pytest.raises(ValueError, match="values of 'epsilon'"):
        relative_deviation(two_level_sweep(), closed)


def test_a_function_builds_the_networks():
    dataset = qn.sweep(network_with_three_nodes, ["local"], {"temperature": [11, 12]}, {"epsilon": 0.1})
    assert dataset.bath.values.tolist() == ["left", "right"]
    assert dataset.node.values.tolist() == ["A", "B", "C"]
    state = qn.steady_state(qn.local_master_equation(network_with_three_nodes(0.1, 12)))
    assert dataset.heat_current.sel(equation="local", temperature=12, bath="left") == state.heat_currents["left"]


def test_method_and_options_are_passed_on(monkeypatch):
    asked = []

    def recording(equation, *, method):
        asked.append((equation.rtol, method))
        return qn.steady_state(equation, method=method)

    monkeypatch.setattr(point, "steady_state", recording)
    dataset = two_level_sweep(method="direct", options={"rtol": 1e-6})
    assert asked == [(1e-6, "direct")] * (2 * len(EPSILON))
    assert (dataset.attrs["method"], dataset.attrs["options"]) == ("direct", "{'rtol': 1e-06}")


def test_warnings_are_gathered_with_the_first_point():
    with pytest.warns(
        qn.TruncationWarning, match="4 of 4 points warn, the first for the local equation at epsilon=0.01: "
    ) as caught:
        qn.sweep("oscillator", ["local"], {"epsilon": EPSILON}, COLD, options={"levels": 4})
    assert [warning.category for warning in caught] == [qn.TruncationWarning, qn.LawWarning]
    assert caught[0].filename == __file__


# ---------------------------------------------------------------- points that fail


def failing_at(monkeypatch, epsilon, error):
    def failing(equation, **options):
        if equation.network.couplings["A", "B"] == epsilon:
            raise error
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(point, "steady_state", failing)


def test_a_point_that_fails_is_nan_with_its_error_and_leaves_the_others(monkeypatch):
    whole = two_level_sweep()
    failing_at(monkeypatch, 0.5, qn.ConvergenceError("no convergence"))
    with pytest.warns(
        qn.FailedPointWarning,
        match=r"2 of 8 points failed and are NaN, the first for the local equation at epsilon=0.5: Convergence",
    ) as caught:
        dataset = two_level_sweep()
    assert caught[0].filename == curves.__file__
    assert dataset.error.sel(epsilon=0.5).values.tolist() == ["ConvergenceError: no convergence"] * 2
    for name, variable in dataset.data_vars.items():
        assert variable.sel(epsilon=0.5).isnull().all() or name == "seconds"
    others = [0.01, 0.1, 1.0]
    assert (dataset.error.sel(epsilon=others) == "").all()
    assert same_numbers(dataset.sel(epsilon=others).drop_vars("error"), whole.sel(epsilon=others).drop_vars("error"))


def test_a_point_where_an_equation_is_not_defined_is_nan():
    with pytest.warns(qn.FailedPointWarning, match=r"1 of 4 points failed .* the global equation at epsilon=8: Value"):
        dataset = qn.sweep("two-level", BOTH, {"epsilon": [0.1, 8.0]}, COLD)
    assert "sqrt(omega_h omega_c)" in dataset.error.sel(equation="global", epsilon=8).item()
    assert dataset.heat_current.isnull().sum() == 2


def test_a_network_that_cannot_be_built_is_nan():
    fixed = {name: value for name, value in FIGURE_3.items() if name != "T_h"}
    with pytest.warns(qn.FailedPointWarning, match=r"1 of 2 points failed .* T_h=-1: ValueError: T_h must be positive"):
        dataset = qn.sweep("two-level", ["local"], {"T_h": [12.0, -1.0]}, {**fixed, "epsilon": 0.1})
    assert dataset.occupation.isnull().sum() == 2


@pytest.mark.parametrize("method", ["sectors", "one-body"])
@pytest.mark.parametrize("executor", [None, 2])
def test_an_error_of_what_builds_the_networks_names_its_point(method, executor):
    how = {"method": method, "executor": executor}
    with pytest.raises(KeyError, match=r"0\.3") as caught:
        qn.sweep(known_up_to_two_tenths, ["local"], {"epsilon": [0.3, 0.1]}, **how)
    assert caught.value.__notes__ == ["in a sweep, at epsilon=0.3"]
    with pytest.warns(qn.FailedPointWarning, match=r"1 of 2 .* the first for the local equation at epsilon=0.3: KeyE"):
        dataset = qn.sweep(known_up_to_two_tenths, ["local"], {"epsilon": [0.1, 0.3]}, **how)
    assert dataset.error.sel(epsilon=0.3).item() == "KeyError: 0.3"


def test_a_sweep_of_which_every_point_fails_raises(monkeypatch):
    def failing(equation, **options):
        raise qn.ConvergenceError("no convergence")

    monkeypatch.setattr(point, "steady_state", failing)
    with pytest.raises(RuntimeError, match=r"every point .* the first for the local equation at epsilon=0.01: Conv"):
        two_level_sweep()


def test_a_mistake_in_a_function_ends_the_sweep_at_its_first_point(solved):
    def mistaken(state):
        return state.heat_curents["hot"]

    with pytest.raises(AttributeError, match="heat_curents") as caught:
        two_level_sweep(observables=[mistaken])
    assert caught.value.__notes__ == ["in a sweep, for the local equation at epsilon=0.01"]
    assert len(solved) == 1


def test_a_mistake_that_shows_later_is_that_points_error():
    def sometimes(state):
        return {0.01: 1.0}.get(state.equation.network.couplings["A", "B"])

    with pytest.warns(qn.FailedPointWarning, match="3 of 4 points failed .* 'sometimes' must be a real number"):
        dataset = qn.sweep("two-level", ["local"], {"epsilon": EPSILON}, FIGURE_3, observables=[sometimes])
    assert dataset.sometimes.isnull().values.tolist() == [[False, True, True, True]]


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

COLD_WITHOUT_T_H = {name: value for name, value in COLD.items() if name != "T_h"}
GOOD = {"build": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"build": "oscilator"}, ValueError, "build must be one of .* did you mean 'oscillator'"),
        ({"build": 3}, TypeError, "build must be a kind of node or a function"),
        ({"build": lambda **_: 3}, TypeError, "or a Hamiltonian and its baths, but it returned 3"),
        ({"build": lambda **_: (qutip.sigmaz(),)}, TypeError, "or a Hamiltonian and its baths, but it returned"),
        ({"equations": "local"}, TypeError, "equations must be a sequence of names and functions"),
        ({"equations": qn.local_master_equation}, TypeError, "equations must be a sequence of names and functions"),
        ({"equations": []}, ValueError, "equations must name at least one"),
        ({"equations": ["lokal"]}, ValueError, "equation must be one of .* did you mean 'local'"),
        ({"equations": ["local", "local"]}, ValueError, "equations must be different"),
        ({"equations": [3]}, TypeError, "an equation must have a name"),
        ({"equations": [lambda network: None]}, TypeError, "an equation must have a name, .* give {'name': function}"),
        ({"equations": {"mine": lambda: None}}, TypeError, "equation 'mine' must take a network with the options {}"),
        ({"coordinates": [0.1]}, TypeError, "coordinates must be a mapping"),
        ({"coordinates": {}}, ValueError, "coordinates must name at least one"),
        ({"coordinates": {"epsilon": []}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [[1.0]]}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [None]}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [0.1, np.nan]}}, ValueError, "'epsilon' must be finite"),
        ({"coordinates": {"epsilon": [0.1, 0.1]}}, ValueError, "'epsilon' must be different"),
        ({"coordinates": {"bath": [0.1]}}, ValueError, "must not be named 'bath'"),
        ({"coordinates": {"epsilon": EPSILON, "T_h": [1.0]}}, ValueError, "'T_h' must either vary or be fixed"),
        ({"coordinates": {"epsilom": EPSILON}}, ValueError, "a coordinate or parameter must be .* mean 'epsilon'"),
        ({"parameters": FIGURE_3 | {"T_c": -1.0}}, ValueError, "T_c must be positive"),
        ({"parameters": COLD_WITHOUT_T_H}, TypeError, "must be what two_node takes, but: missing .* 'T_h'"),
        ({"observables": "purity"}, TypeError, "observables must be a sequence"),
        ({"observables": []}, ValueError, "observables must name at least one of heat_current"),
        ({"observables": ["heat_curent"]}, ValueError, "observable must be one of .* did you mean 'heat_current'"),
        ({"observables": [3]}, TypeError, "an observable must be a name or a function of a state, but is 3"),
        ({"observables": [lambda state: 1.0]}, TypeError, "must have a name, .* give Observable"),
        ({"observables": ["purity", "purity"]}, ValueError, "names of their own, but 'purity' is there already"),
        ({"observables": [qn.Observable("seconds", min)]}, ValueError, "names of their own, but 'seconds'"),
        ({"method": "guess"}, ValueError, "method must be one of"),
        ({"options": {"level": 4}}, TypeError, "equation 'local' must take a network with .* 'level'"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, but is 3"),
        ({"executor": 0}, ValueError, "executor must be at least 1"),
        ({"executor": True}, TypeError, "executor must be a whole number"),
        ({"executor": "mpi"}, TypeError, "executor must be a number of processes on this machine .*, but is 'mpi'"),
        ({"executor": ProcessPoolExecutor}, TypeError, "make one by calling it"),
        ({"executor": ThreadPoolExecutor(1)}, ValueError, "executor must have processes, but has threads"),
        ({"method": "analytic", "equations": ["redfield"]}, ValueError, "equation must be one of 'local', 'global'"),
        ({"method": "analytic", "observables": ["purity"]}, ValueError, "observable must be one of 'heat_current'"),
        ({"method": "analytic", "options": {"rtol": 1e-3}}, ValueError, "options must not be given with method='ana"),
        ({"method": "analytic", "coordinates": {"epsilon": [8.0]}}, ValueError, "not be positive"),
    ],
)
def test_bad_arguments_are_refused_before_work(solved, changed, error, message, tmp_path):
    checkpoint = None if changed.get("method") == "analytic" else tmp_path / "sweep.partial"
    with pytest.raises(error, match=message):
        qn.sweep(**(GOOD | {"checkpoint": checkpoint} | changed))
    assert not solved
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- systems, equations and observables of one's own


def purity(state):
    """Tr ρ², of my own."""
    return (state.rho**2).tr().real


def currents_by_bare_energy(state):
    return state.heat_by("H_0").currents


def test_a_function_of_the_state_is_an_observable():
    bare = qn.Observable("bare_current", currents_by_bare_energy, "heat counted by H_0", "frequency**2", "bath")
    dataset = qn.sweep(
        "two-level", ["local"], {"epsilon": [0.1]}, FIGURE_3, observables=["excitation_current", purity, bare]
    )
    state = qn.steady_state(qn.local_master_equation(qn.two_node("two-level", epsilon=0.1, **FIGURE_3)))
    point = dataset.sel(equation="local", epsilon=0.1)
    assert point.purity == (state.rho**2).tr().real
    assert point.bare_current.sel(bath="cold") == state.heat_by("H_0").currents["cold"]
    assert point.excitation_current.sel(coupling="A-B") == state.excitation_currents["A", "B"]
    assert dataset.purity.attrs == {"definition": "Tr ρ², of my own."}
    assert dataset.bare_current.attrs == {"definition": "heat counted by H_0", "units": "frequency**2"}
    assert "heat_current" not in dataset


def test_every_variable_has_its_definition_and_units():
    dataset = two_level_sweep(observables=list(OBSERVABLES))
    for variable in (*dataset.data_vars.values(), dataset.epsilon):
        assert variable.attrs["definition"]
        assert variable.attrs["units"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda state: 1j, "'mine' must be a real number, but is 1j"),
        (lambda state: state.heat_currents, "'mine' must be a real number, .* give Observable.'mine', ..., dimension="),
        (lambda state: "hot", "'mine' must be a real number, but is 'hot'"),
    ],
)
def test_an_observable_that_is_no_number_is_refused_at_the_first_point(solved, function, message):
    with pytest.raises(TypeError, match=message):
        two_level_sweep(observables=[qn.Observable("mine", function)])
    assert len(solved) == 1


def unified_with_my_tolerance(network, rtol=1e-3):
    return qn.unified_master_equation(network, rtol=rtol)


class Answer:
    """A state of another kind: it has the currents, and nothing to be trusted by."""

    def __init__(self):
        self.heat_currents = {"hot": 1.0, "cold": -1.0}
        self.occupations = {"A": 0.5}
        self.entropy_production = 2.0


def test_equations_of_ones_own_are_solved_and_states_of_another_kind_kept():
    equations = {"unified": "unified", "mine": unified_with_my_tolerance, "answer": lambda network: Answer()}
    dataset = qn.sweep("two-level", equations, {"epsilon": EPSILON}, FIGURE_3)
    assert dataset.equation.values.tolist() == ["unified", "mine", "answer"]
    assert (dataset.heat_current.sel(equation="mine") == dataset.heat_current.sel(equation="unified")).all()
    answer = dataset.sel(equation="answer", epsilon=0.1)
    assert answer.heat_current.values.tolist() == [1.0, -1.0]
    assert answer.occupation.sel(node="A") == 0.5
    assert math.isnan(answer.occupation.sel(node="B"))
    assert math.isnan(answer.residual)
    assert (answer.error, answer.truncation_error.isnull().all()) == ("", True)


def test_an_equation_that_returns_neither_is_refused_at_the_first_point():
    with pytest.raises(TypeError, match="a MasterEquation, or a state with heat currents, but it returned None"):
        qn.sweep("two-level", {"mine": lambda network: None}, {"epsilon": EPSILON}, FIGURE_3)


def driven_qubit(splitting, count):
    spectrum = qn.PhononSpectrum(1e-4)
    return splitting / 2 * qutip.sigmaz(), {
        f"bath {i}": qn.OperatorBath(qutip.sigmax(), 10.0 + i, spectrum) for i in range(count)
    }


def test_a_hamiltonian_and_its_baths_are_swept_over_whole_numbers_too():
    dataset = qn.sweep(driven_qubit, ["redfield"], {"count": [1, 2]}, {"splitting": 5.0})
    assert dataset["count"].dtype.kind == "i"
    assert dataset.bath.values.tolist() == ["bath 0", "bath 1"]
    assert "occupation" not in dataset
    state = qn.steady_state(qn.redfield_master_equation(*driven_qubit(5.0, 2)))
    for bath, current in state.heat_currents.items():
        assert dataset.heat_current.sel(equation="redfield", count=2, bath=bath) == current
    assert dataset.heat_current.sel(count=1, bath="bath 1").isnull().all()


def test_the_local_equation_of_a_hamiltonian_is_refused_before_work():
    with pytest.raises(TypeError, match="equation 'local' must take a Hamiltonian and its baths"):
        qn.sweep(driven_qubit, ["local"], {"count": [1, 2]}, {"splitting": 5.0})


def network_of_kind(kind):
    return qn.two_node(kind, epsilon=0.1, **COLD)


def test_an_axis_may_be_of_names():
    dataset = qn.sweep(network_of_kind, ["local"], {"kind": ["oscillator", "two-level"]}, {})
    found = dataset.heat_current.sel(equation="local", kind="two-level", bath="hot")
    assert found == qn.steady_state(qn.local_master_equation(network_of_kind("two-level"))).heat_currents["hot"]


def test_sweeps_are_loaded_when_used():
    assert {"sweep", "Observable"} <= set(dir(qn))
    with pytest.raises(AttributeError, match="has no attribute 'sweeep'"):
        qn.sweeep  # noqa: B018


# ---------------------------------------------------------------- what need not be said, and what must


def pair_at(epsilon):
    return qn.two_node("two-level", epsilon=epsilon, **FIGURE_3)


def harmonic_pair_at(epsilon):
    return qn.two_node("oscillator", epsilon=epsilon, **COLD)


def test_parameters_may_be_left_out_where_the_axes_are_all():
    alone = qn.sweep(pair_at, BOTH, {"epsilon": EPSILON})
    given = qn.sweep("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3)
    assert alone.heat_current.equals(given.heat_current)
    with pytest.raises(TypeError, match="coordinates and parameters must be what two_node takes, but: missing"):
        qn.sweep("two-level", BOTH, {"epsilon": EPSILON})


def by_one_body_matrices(network):
    return qn.gaussian.steady_state(network, "local")


def by_a_method_of_qutip(network):
    return qn.steady_state(qn.local_master_equation(network, levels=4, rtol=1), method="direct")


def test_method_is_how_the_states_were_found():
    axis = {"epsilon": [0.1, 0.5]}
    assert qn.sweep(harmonic_pair_at, [by_one_body_matrices], axis).attrs["method"] == "GaussianState"
    own = {"one": by_one_body_matrices, "exact": qn.exact.steady_state, "direct": by_a_method_of_qutip}
    mixed = qn.sweep(harmonic_pair_at, {**own, "local": "local"}, axis)
    assert mixed.attrs["method"] == "one: GaussianState; exact: ExactState; direct: direct; local: sectors"


def test_method_survives_in_the_checkpoint(tmp_path):
    arguments = harmonic_pair_at, [by_one_body_matrices], {"epsilon": [0.1, 0.5]}
    path = tmp_path / "sweep.partial"
    first, again = qn.sweep(*arguments, checkpoint=path), qn.sweep(*arguments, checkpoint=path)
    assert first.attrs["method"] == again.attrs["method"] == "GaussianState"
