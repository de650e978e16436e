"""The script of hard cases: a sample of its studies, its exact answers, and that it notices a wrong state."""

from __future__ import annotations

import dataclasses
import json

import exact_networks
import hard_cases
import mpmath
import numpy as np
import pytest
import qutip
import random_gaussian

import qnet_qutip as qn


def pair_on_both_nodes(seed):
    random = np.random.default_rng(seed)
    while True:
        parameters = hard_cases.random_pair(random)
        if {node for node, *_ in parameters["baths"]} == {"A", "B"}:
            return parameters


@pytest.mark.parametrize(
    ("study", "count"), [("pairs", 200), ("operators", 200), ("equations", 60), ("gaussian", 24), ("exact", 2)]
)
def test_sample_of_hard_cases(study, count, tmp_path, capsys):
    output = tmp_path / "outcomes.jsonl"
    status = hard_cases.main([study, "--count", str(count), "--seed", "7", "--output", str(output)])
    assert status == 0, capsys.readouterr().out
    assert len(output.read_text().splitlines()) == count


@pytest.mark.parametrize(
    "parameters",
    [
        # Populations of 1e-141 beside 1, of states that come before the ground state.
        {
            "omega_A": 40.40579592105242,
            "omega_B": 40.40579592105242,
            "epsilon": 1.991795626808106e-08,
            "baths": [
                ("A", 0.12486244474126865, 3.658358293782816e-05),
                ("B", 0.04440167604638998, 9.484822324898956e-07),
                ("B", 0.03025166347306133, 2.3132412785772696e-08),
            ],
        },
        # A current of 1e-14 of the others.
        {
            "omega_A": 0.045770089467382105,
            "omega_B": 99.82212625004433,
            "epsilon": 2.1493646473844376e-08,
            "baths": [
                ("B", 145.00139268384876, 0.11736418195326069),
                ("A", 0.18790299270316774, 6.599277851406907),
                ("A", 749.5661425803244, 4.259947377579451e-07),
            ],
        },
    ],
)
def test_currents_far_below_others_keep_their_digits(parameters):
    outcome = hard_cases.try_pair(parameters)
    assert outcome.error <= 1, outcome


@pytest.mark.parametrize("excess", [3e-8, 3e-12])
def test_wrong_one_body_current_is_noticed(excess, monkeypatch):
    """Also where it is off by no more than is promised, but by more than it says itself."""
    solve = qn.gaussian.steady_state

    def wrong(*arguments, **options):
        state = solve(*arguments, **options)
        wrong_currents = {name: current * (1 + excess) for name, current in state.heat_currents.items()}
        return dataclasses.replace(state, heat_currents=wrong_currents)

    monkeypatch.setattr(qn.gaussian, "steady_state", wrong)
    assert random_gaussian.try_quadratic("redfield", (7, 0)).outcome == hard_cases.SILENT


@pytest.mark.parametrize("seed", range(5))
def test_exact_pair_is_the_closed_form_of_two_nodes(seed):
    parameters = pair_on_both_nodes(seed)
    with mpmath.workdps(hard_cases.DIGITS):
        rates = hard_cases.exact_rates(parameters)
        exact = hard_cases.exact_pair(parameters, rates)
        width = {node: sum(r.down + r.up for r in rates if r.node == node) for node in "AB"}
        filled = {node: sum(r.up for r in rates if r.node == node) / width[node] for node in "AB"}
        product, total = width["A"] * width["B"], width["A"] + width["B"]
        detuning = mpmath.mpf(parameters["omega_A"]) - mpmath.mpf(parameters["omega_B"])
        swaps = 4 * mpmath.mpf(parameters["epsilon"]) ** 2
        flow = swaps * product * total * (filled["A"] - filled["B"])
        flow /= swaps * total**2 + product * (total**2 + 4 * detuning**2)
        largest = max(abs(current) for current in exact.currents)
        # 60 of the 100 digits are what the study counts on.
        assert abs(exact.occupations["A"] - filled["A"] + flow / width["A"]) < mpmath.mpf("1e-60")
        assert abs(exact.occupations["B"] - filled["B"] - flow / width["B"]) < mpmath.mpf("1e-60")
        assert abs(sum(exact.currents)) < mpmath.mpf("1e-60") * largest


@pytest.mark.parametrize("kind", ["dense", "slow", "dark state"])
def test_refined_state_is_stationary_to_the_digits_of_extended_precision(kind):
    hamiltonian, jumps = hard_cases.random_operators(np.random.default_rng(3), kind)
    generator = hard_cases.liouvillian(hamiltonian, jumps)
    qutip_generator = qutip.liouvillian(qutip.Qobj(hamiltonian), [qutip.Qobj(jump) for jump in jumps]).full()
    rho = hard_cases.refined_state(generator)
    assert np.trace(rho) == pytest.approx(1.0, abs=1e-14)
    # QuTiP stacks columns. A state of trace one rounded to doubles: the residual is rounding of the generator's norm.
    rounding = 10 * np.finfo(float).eps * np.linalg.norm(qutip_generator, 2)
    assert np.linalg.norm(qutip_generator @ rho.ravel("F")) < rounding
    assert np.linalg.norm(generator @ rho.ravel()) < rounding


class Wrong:
    """A state that is not the steady one."""

    def __init__(self, state, excess):
        self.occupations = {node: value * (1 + excess) for node, value in state.occupations.items()}
        self.heat_currents = state.heat_currents


@pytest.mark.parametrize(("excess", "status"), [(0.0, 0), (3e-8, 1)])
def test_wrong_pair_is_noticed(excess, status, monkeypatch, capsys):
    mild = {"omega_A": 2.0, "omega_B": 1.5, "epsilon": 0.1, "baths": [["A", 2.0, 0.1], ["B", 1.0, 0.1]]}
    right = qn.steady_state(qn.local_master_equation(hard_cases.pair_network(mild)))
    monkeypatch.setattr(hard_cases, "KNOWN_PAIRS", (mild,))
    monkeypatch.setattr(hard_cases.qn, "steady_state", lambda equation: Wrong(right, excess))
    assert hard_cases.main(["pairs", "--count", "1"]) == status
    assert ("wrong, not a word:" in capsys.readouterr().out) == bool(status)


def test_errors_count_as_refused_with_their_class(monkeypatch, capsys):
    def refusing(*arguments):
        raise qn.ConvergenceError("no")

    monkeypatch.setattr(hard_cases.qn, "steady_state", refusing)
    monkeypatch.setattr(hard_cases.qn.gaussian, "steady_state", lambda *arguments, **options: refusing())
    for study in hard_cases.STUDIES.keys() - {"exact"}:
        assert hard_cases.main([study, "--count", "10"]) == 1
        assert "ConvergenceError: 10" in capsys.readouterr().out


def test_wrong_exact_current_is_noticed(monkeypatch):
    kind, seed = "quadrature", (1, 3)
    right = exact_networks.try_network(kind, seed)
    assert (right.outcome, right.error < 1e-2) == (hard_cases.RIGHT, True)
    solve = qn.exact.steady_state

    def wrong(network, **options):
        state = solve(network, **options)
        return dataclasses.replace(state, heat_currents={b: J * (1 + 3e-8) for b, J in state.heat_currents.items()})

    monkeypatch.setattr(exact_networks.qn.exact, "steady_state", wrong)
    assert exact_networks.try_network(kind, seed).outcome == hard_cases.SILENT


def test_undamped_mode_is_known_to_the_reference():
    equal = qn.star([qn.Oscillator(2)] * 3, 0.1, hot=qn.Bath("A", 3, qn.PhononSpectrum(1e-3)))
    with pytest.raises(exact_networks.UndampedError):
        exact_networks.reference(equal, None)


def test_one_of_several_states_is_not_an_answer(monkeypatch):
    class Mixed:
        rho = qutip.maximally_mixed_dm(2)

    monkeypatch.setattr(hard_cases.qn, "steady_state", lambda *arguments: Mixed)
    outcome = hard_cases.try_operators("blocks", (0, 0))
    assert outcome.outcome == hard_cases.SILENT
    assert json.dumps(outcome.parameters)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pairs", "--count", "0"], "--count: must be at least 1, but is 0"),
        (["pairs", "--seed", "-1"], "--seed: must not be negative, but is -1"),
        (["pairs", "--output", "/no/such/directory/file"], "--output: must be a file in a directory that exists"),
        (["triples"], "invalid choice: 'triples'"),
    ],
)
def test_bad_options_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        hard_cases.main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
