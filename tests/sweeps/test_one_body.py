"""Sweeps by one-body matrices: the numbers of single calls, and the habits of every sweep."""

import numpy as np
import pytest
from curves import FIGURE_3, network_with_three_nodes

import qnet_qutip as qn
from qnet_qutip.sweeps import one_body

EQUATIONS = list(qn.gaussian.EQUATIONS)
EPSILON = np.geomspace(1e-6, 1.0, 30)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 7 points of two nodes."""
    monkeypatch.setattr(one_body, "ELEMENTS", 28)


def one_body_sweep(equations=("local", "redfield"), epsilon=EPSILON, **options):
    return qn.sweep("oscillator", equations, {"epsilon": epsilon}, FIGURE_3, method="one-body", **options)


@pytest.mark.usefixtures("small_chunks")
def test_numbers_are_those_of_single_calls_at_the_labels():
    fixed = {name: value for name, value in FIGURE_3.items() if name != "omega_h"}
    coordinates = {"omega_h": [6.0, 8.0, 10.0], "epsilon": [1e-5, 0.1, 0.3]}
    dataset = qn.sweep("oscillator", EQUATIONS, coordinates, fixed, method="one-body")
    for equation in EQUATIONS:
        for omega_h in coordinates["omega_h"]:
            for epsilon in coordinates["epsilon"]:
                network = qn.two_node("oscillator", omega_h=omega_h, epsilon=epsilon, **fixed)
                state = qn.gaussian.steady_state(network, equation)
                point = dataset.sel(equation=equation, omega_h=omega_h, epsilon=epsilon)
                # The two differ in the order of their sums: by no more than the errors that they state.
                for bath, current in state.heat_currents.items():
                    error = state.heat_current_errors[bath] + float(point.heat_current_error.sel(bath=bath))
                    assert abs(float(point.heat_current.sel(bath=bath)) - current) <= error
                sizes = [abs(state.heat_currents[bath]) / network.baths[bath].temperature for bath in network.baths]
                assert float(point.entropy_production) == pytest.approx(
                    state.entropy_production, rel=1e-12, abs=1e-14 * max(sizes)
                )
                for node, occupation in state.occupations.items():
                    assert float(point.occupation.sel(node=node)) == pytest.approx(occupation, rel=1e-12)


def test_the_layout_is_that_of_density_matrices():
    arguments = ("two-level", ["local", "global"], {"epsilon": [0.01, 0.1]}, FIGURE_3)
    dataset, matrices = qn.sweep(*arguments, method="one-body"), qn.sweep(*arguments)
    for name in ("heat_current", "occupation", "entropy_production"):
        assert dataset[name].dims == matrices[name].dims
        assert dataset[name].attrs == matrices[name].attrs
        np.testing.assert_allclose(dataset[name], matrices[name], rtol=1e-8)
    # That the local equation breaks the second law is a warning of `steady_state`.
    assert set(dataset.coords) == set(matrices.coords)
    for name in set(matrices.coords) - {"warning"}:
        assert (dataset[name] == matrices[name]).all()
    assert dataset.heat_current_error.attrs["units"] == "frequency**2"


@pytest.mark.usefixtures("small_chunks")
def test_points_without_a_steady_state_are_nan_and_leave_their_chunk_standing():
    epsilon = np.array([0.1, 8.0, 0.2, 0.3, 9.0, 10.0, 0.4, 0.5])
    with pytest.warns(qn.FailedPointWarning, match="3 of 8 points failed .* epsilon=8: ValueError"):
        dataset = one_body_sweep(["global"], epsilon)
    failed = epsilon > 5
    curve = dataset.sel(equation="global")
    assert (np.isnan(curve.heat_current.sel(bath="hot")) == failed).all()
    assert ((curve.error != "") == failed).all()
    alone = one_body_sweep(["global"], epsilon[~failed])
    np.testing.assert_array_equal(curve.heat_current[~failed], alone.heat_current.sel(equation="global"))


def test_a_sweep_of_which_every_point_fails_raises():
    with pytest.raises(RuntimeError, match="every point of the sweep failed, the first for the global"):
        one_body_sweep(["global"], [8.0, 9.0])


def chain_of(length):
    phonons = qn.PhononSpectrum(1e-4)
    ends = {"left": qn.Bath("1", 12, phonons), f"right of {length}": qn.Bath(str(length), 10, phonons)}
    return qn.chain({str(number): qn.Oscillator(5) for number in range(1, length + 1)}, 0.3, **ends)


def test_networks_of_different_graphs_are_swept():
    dataset = qn.sweep(chain_of, ["local"], {"length": [2, 3, 4]}, {}, method="one-body")
    for length in (2, 3, 4):
        state = qn.gaussian.steady_state(chain_of(length), "local")
        point = dataset.sel(equation="local", length=length)
        assert float(point.heat_current.sel(bath="left")) == pytest.approx(state.heat_currents["left"], rel=1e-12)
        assert int(point.occupation.notnull().sum()) == length


def only_warm(T_h):
    if T_h > 11:
        raise ValueError("too hot")
    return qn.two_node("oscillator", epsilon=0.1, **{**FIGURE_3, "T_h": T_h})


def test_a_network_that_cannot_be_built_is_nan():
    with pytest.warns(qn.FailedPointWarning, match="1 of 3 points failed and are NaN, .* T_h=12: ValueError: too hot"):
        dataset = qn.sweep(only_warm, ["local"], {"T_h": [9.0, 10.5, 12.0]}, {}, method="one-body")
    assert dataset.heat_current.isnull().sum() == 2


@pytest.mark.usefixtures("small_chunks")
def test_interrupted_and_taken_up_again_it_is_identical(tmp_path, monkeypatch):
    path, calls, heat_currents = tmp_path / "sweep.partial", [], qn.gaussian.heat_currents

    def interrupting(networks, equation):
        # The first two calls are those of the check of both equations, before any work.
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append(len(networks))
        return heat_currents(networks, equation)

    with monkeypatch.context() as patch:
        patch.setattr(one_body.gaussian, "heat_currents", interrupting)
        with pytest.raises(KeyboardInterrupt):
            one_body_sweep(checkpoint=path)
    assert len(path.read_text().splitlines()) == 4
    calls.clear()
    monkeypatch.setattr(one_body.gaussian, "heat_currents", lambda *given: (calls.append(1), heat_currents(*given))[1])
    resumed = one_body_sweep(checkpoint=path)
    assert len(calls) == 2 + 10 - 3
    assert resumed.identical(one_body_sweep())
    with pytest.raises(ValueError, match="must belong to this sweep, but it is of one with other coordinates, systems"):
        one_body_sweep(checkpoint=path, epsilon=EPSILON * 2)


def test_processes_give_the_same_numbers():
    dataset = one_body_sweep(["local"], np.geomspace(1e-6, 1.0, 3500), executor=2)
    assert dataset.identical(one_body_sweep(["local"], np.geomspace(1e-6, 1.0, 3500)))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"equations": [qn.local_master_equation]}, TypeError, "must be a name with method='one-body'"),
        ({"observables": ["purity"]}, ValueError, "observable with method='one-body' must be one of 'heat_current'"),
        ({"options": {"levels": 4}}, ValueError, "option with method='one-body' must be one of 'clusters', 'cutoff'"),
        ({"equations": ["redfield"], "build": "two-level"}, ValueError, "must be 'local' or 'global' for two-level"),
        ({"build": network_with_three_nodes, "equations": ["redfield"]}, ValueError, "must be 'local' or 'global'"),
        ({"build": lambda **given: qn.two_node("oscillator", **given), "executor": 2}, TypeError, "build must pickle"),
    ],
)
def test_bad_arguments_are_refused_before_work(changed, error, message):
    good = {
        "build": "oscillator",
        "equations": ["local"],
        "coordinates": {"epsilon": [0.1, 0.2]},
        "parameters": {"temperature": 3.0} if changed.get("build") is network_with_three_nodes else FIGURE_3,
        "method": "one-body",
    }
    with pytest.raises(error, match=message):
        qn.sweep(**(good | changed))
