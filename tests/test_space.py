"""Truncated spaces: the algebra of eq. (3) where it holds, what the cut takes from it, and every bad cut refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import qutip
from problems import space_of

import qnet_qutip as qn
from qnet_qutip.estimates import local_estimate
from qnet_qutip.space import node_space
from qnet_qutip.truncation import (
    LEVEL_BYTES,
    SHELL_BYTES,
    SHELL_SAFETY,
    TWO_LEVEL_BYTES,
    Truncation,
    excitation_error,
    level_error,
    sufficient_excitations,
    sufficient_levels,
)

EPS = float(np.finfo(float).eps)
COLD = {"omega_h": 4.0, "omega_c": 3.0, "epsilon": 0.5, "T_h": 1.2, "T_c": 1.0, "kappa": 1e-3}
FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}


def mixed() -> qn.Network:
    return qn.two_node("oscillator", **COLD).replace(nodes={"B": qn.TwoLevel(3)})


SPACES = {
    "levels": space_of(qn.two_node("oscillator", **COLD), levels={"A": 4, "B": 6}),
    "excitations": space_of(qn.two_node("oscillator", **COLD), max_excitations=5),
    "mixed levels": space_of(mixed(), levels=5),
    "mixed excitations": space_of(mixed(), max_excitations=4),
    "two-level": space_of(qn.two_node("two-level", **COLD)),
    "modes": qn.global_master_equation(qn.two_node("oscillator", **COLD), basis="modes", levels=8, rtol=1.0).space,
}


# ---------------------------------------------------------------- eq. (3)


@pytest.mark.parametrize("name", SPACES)
def test_ladder_operators_obey_eq_3_below_the_edge(name: str) -> None:
    space = SPACES[name]
    unit = np.eye(space.dimension)
    for factor, ladder in space.ladder.items():
        a = ladder.full()
        if factor in space.cut_factors:
            # What the cut takes from the commutation relation is what `missing_commutator` says: no more, no less.
            defect = unit - (a @ a.conj().T - a.conj().T @ a)
            assert np.abs(defect - np.diag(space.missing_commutator(factor))).max() <= 8 * EPS * space.levels[factor]
        else:
            assert not (a @ a).any()
            anticommutator = a @ a.conj().T + a.conj().T @ a
            inside = ~space.top_shell() if space.max_excitations is not None else np.ones(space.dimension, dtype=bool)
            np.testing.assert_allclose(anticommutator[np.ix_(inside, inside)], np.eye(inside.sum()), atol=EPS)


@pytest.mark.parametrize("name", SPACES)
def test_occupations_are_those_of_the_basis_states(name: str) -> None:
    space = SPACES[name]
    for index, ladder in enumerate(space.ladder.values()):
        number = (ladder.dag() * ladder).full()
        np.testing.assert_allclose(number, np.diag(space.occupations[:, index]), atol=8 * EPS * number.max())


def test_dimensions() -> None:
    assert SPACES["levels"].dimension == 4 * 6
    assert SPACES["excitations"].dimension == 6 * 7 // 2
    assert SPACES["mixed levels"].dimension == 5 * 2
    assert SPACES["mixed excitations"].dimension == 5 + 4
    assert SPACES["two-level"].dimension == 4


@pytest.mark.parametrize(
    ("name", "count"), [("levels", 4 + 6 - 1), ("excitations", 6), ("modes", 8 + 8 - 1), ("two-level", 0)]
)
def test_top_shell_is_where_the_cut_is_felt(name: str, count: int) -> None:
    assert SPACES[name].top_shell().sum() == count


def test_nodes_of_a_mode_space_are_rotated() -> None:
    net = qn.two_node("oscillator", **COLD)
    equation = qn.global_master_equation(net, basis="modes", levels=8, rtol=1.0)
    modes = qn.normal_modes(net)
    a, b = equation.space.lowering["A"], equation.space.lowering["B"]
    for mode, expected in (
        ("+", np.cos(modes.theta) * a + np.sin(modes.theta) * b),
        ("-", np.cos(modes.theta) * b - np.sin(modes.theta) * a),
    ):
        assert (equation.space.ladder[mode] - expected).norm("max") <= 8 * EPS


def test_space_of_excitations_is_closed_under_the_rotation_to_modes() -> None:
    net = qn.two_node("oscillator", **COLD)
    equation = qn.global_master_equation(net, max_excitations=5, rtol=1.0)
    modes = qn.normal_modes(net)
    a, b = equation.space.lowering["A"], equation.space.lowering["B"]
    for frequency, d in (
        (modes.omega_plus, np.cos(modes.theta) * a + np.sin(modes.theta) * b),
        (modes.omega_minus, np.cos(modes.theta) * b - np.sin(modes.theta) * a),
    ):
        commutator = equation.hamiltonian * d - d * equation.hamiltonian
        # Products of entries up to 20 and 3, a few of them summed.
        assert (commutator + frequency * d).norm("max") <= 8 * EPS * equation.hamiltonian.norm("max") * d.norm("max")


def test_operators_have_qutip_dimensions_that_fit_each_other() -> None:
    for arguments in ({"levels": 4}, {"max_excitations": 4}):
        equation = qn.local_master_equation(qn.two_node("oscillator", **COLD), **arguments, rtol=1.0)
        assert all(operator.dims == equation.hamiltonian.dims for operator in equation.all_collapse_operators)
        assert isinstance(equation.hamiltonian, qutip.Qobj)


# ---------------------------------------------------------------- bad cuts

PAIR = qn.two_node("oscillator", **COLD)
BOTH = pytest.mark.parametrize("equation", ["local", "global"])


@BOTH
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"levels": 1}, ValueError, r"levels.* must be at least 2, but is 1"),
        ({"levels": 0}, ValueError, r"levels.* must be at least 2, but is 0"),
        ({"levels": -3}, ValueError, r"levels.* must be at least 2, but is -3"),
        ({"levels": {"A": 4, "B": 1}}, ValueError, r"levels\['B'\] must be at least 2, but is 1"),
        ({"levels": 4.0}, TypeError, r"levels.* must be a whole number of at least 2, but is 4\.0"),
        ({"levels": True}, TypeError, r"levels.* must be a whole number of at least 2, but is True"),
        ({"levels": "4"}, TypeError, r"levels.* must be a whole number of at least 2, but is '4'"),
        ({"levels": {"A": 4, "C": 4}}, ValueError, "a node in levels must be one of 'A', 'B', but is 'C'"),
        ({"levels": {"A": 4}}, ValueError, r"levels must name every oscillator, but 'B' is missing from \{'A': 4\}"),
        ({"max_excitations": 0}, ValueError, "max_excitations must be at least 1, but is 0"),
        ({"max_excitations": 3.5}, TypeError, r"max_excitations must be a whole number of at least 1, but is 3\.5"),
        ({"levels": 4, "max_excitations": 4}, ValueError, "levels and max_excitations must not both be given"),
        ({"rtol": 0.0}, ValueError, "rtol must be positive, but is 0"),
        ({"rtol": float("nan")}, ValueError, "rtol must be finite, but is nan"),
        ({"rtol": "small"}, TypeError, "rtol must be a real number, but is 'small'"),
    ],
)
def test_bad_cuts_are_refused(equation: str, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        qn.MASTER_EQUATIONS[equation](PAIR, **arguments)


@BOTH
def test_levels_of_two_level_nodes_are_refused(equation: str) -> None:
    net = qn.two_node("two-level", **COLD)
    with pytest.raises(ValueError, match="levels must not be given, as every node has two levels, but is 4"):
        qn.MASTER_EQUATIONS[equation](net, levels=4)
    with pytest.raises(ValueError, match="levels must name oscillators only, but 'A' is a two-level node and has 2"):
        qn.MASTER_EQUATIONS[equation](net, levels={"A": 4})
    with pytest.raises(ValueError, match="levels must name oscillators only, but 'B' is a two-level node and has 2"):
        qn.local_master_equation(mixed(), levels={"A": 4, "B": 2})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"basis": "mode"}, "basis must be one of 'modes', 'nodes', but is 'mode'; did you mean 'modes'"),
        ({"basis": "modes", "max_excitations": 4}, "max_excitations must not be given with basis='modes', but is 4"),
        ({"basis": "modes", "levels": {"+": 4}}, r"levels must name both modes '\+' and '-', but is "),
        ({"basis": "modes", "levels": {"A": 4, "B": 4}}, r"a mode in levels must be one of '\+', '-', but is 'A'"),
        ({"basis": "modes", "levels": 1}, r"levels\['\+'\] must be at least 2, but is 1"),
    ],
)
def test_bad_bases_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        qn.global_master_equation(PAIR, **arguments)


def test_a_basis_of_two_level_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="basis must be 'nodes' for a network that is not harmonic, but is 'modes'"):
        qn.global_master_equation(qn.two_node("two-level", **COLD), basis="modes")


@BOTH
@pytest.mark.parametrize("arguments", [{"levels": 10**7}, {"levels": {"A": 10**9, "B": 2}}], ids=str)
def test_a_space_that_does_not_fit_is_refused_before_it_is_built(equation: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(MemoryError, match=r"would take about .* GB, but this machine has .* GB; cut it at fewer"):
        qn.MASTER_EQUATIONS[equation](PAIR, **arguments)


@BOTH
def test_an_excitation_cut_that_does_not_fit_is_refused_at_once(equation: str) -> None:
    """In a process of its own, since it must not take the tests' time and memory if it is not."""
    program = (
        "import sys, time, qnet_qutip as qn\n"
        f"net = qn.two_node('oscillator', **{COLD!r})\n"
        "start = time.monotonic()\n"
        "try:\n"
        f"    qn.MASTER_EQUATIONS[{equation!r}](net, max_excitations=10**7)\n"
        "except MemoryError as error:\n"
        "    print(error, file=sys.stderr)\n"
        "    sys.exit(0 if time.monotonic() - start < 1 else 1)\n"
        "sys.exit(2)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0
    assert "would take about" in finished.stderr


def two_level_chain(nodes: int, oscillators: int = 0) -> qn.Network:
    names = [f"n{index}" for index in range(nodes)]
    spectrum = qn.PhononSpectrum(1e-3)
    return qn.Network(
        nodes={name: (qn.Oscillator if index < oscillators else qn.TwoLevel)(2) for index, name in enumerate(names)},
        couplings=dict.fromkeys(pairwise(names), 0.1),
        baths={"hot": qn.Bath(names[0], 1.2, spectrum), "cold": qn.Bath(names[-1], 1, spectrum)},
    )


@pytest.mark.parametrize(("nodes", "oscillators"), [(40, 0), (64, 0), (200, 0), (60, 1), (60, 60)])
def test_too_many_nodes_are_refused_at_once(nodes: int, oscillators: int) -> None:
    """In a process that may take 4 GB at most: the refusal is an estimate's, not that of an allocation that failed."""
    program = (
        "import resource, sys, test_space\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))\n"
        "try:\n"
        f"    test_space.qn.local_master_equation(test_space.two_level_chain({nodes}, {oscillators}))\n"
        "except MemoryError as error:\n"
        "    sys.exit(str(error))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    remedy = "cut it at fewer levels or excitations" if oscillators else "take fewer nodes"
    assert re.search(rf"states would take about .* GB, but this machine has .* GB; {remedy}", finished.stderr)


def test_two_level_nodes_are_refused_by_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 2**18, "SC_PAGE_SIZE": 2**12}.__getitem__)
    assert qn.local_master_equation(two_level_chain(12)).space.dimension == 2**12
    with pytest.raises(MemoryError, match=r"a space of 3\.36e\+07 states would take about 62\.9 GB, .* has 1\.07 GB"):
        qn.local_master_equation(two_level_chain(25))


@pytest.mark.parametrize(
    ("network", "arguments", "bytes_each"),
    [
        (two_level_chain(15), {}, TWO_LEVEL_BYTES),
        (PAIR, {"levels": 500}, LEVEL_BYTES),
        (PAIR, {"max_excitations": 500}, SHELL_BYTES),
    ],
    ids=["two-level", "levels", "max_excitations"],
)
def test_the_estimate_of_memory_is_near_what_is_held(
    network: qn.Network, arguments: dict[str, int], bytes_each: float
) -> None:
    """What stays after a build is a known fraction of the estimate of its peak: neither above it nor far below."""
    equation = qn.local_master_equation(network, **arguments)
    operators = [equation.hamiltonian, *equation.all_collapse_operators, *equation.space.lowering.values()]
    matrices = [operator.data_as("csr_matrix") for operator in operators]
    held = sum(each.data.nbytes + each.indices.nbytes + each.indptr.nbytes for each in matrices)
    held += equation.space.occupations.nbytes
    estimate = bytes_each * equation.space.dimension * len(network.nodes)
    # At the peak there are also copies of the occupations and, for total excitations, dictionaries of the states.
    assert estimate / 8 < held < estimate


def test_temperatures_beyond_any_space_are_refused() -> None:
    hot = qn.two_node("oscillator", **{**COLD, "T_h": 1e6})
    for builder in qn.MASTER_EQUATIONS.values():
        with pytest.raises((ValueError, MemoryError), match=r"temperatures must be low enough|would take about"):
            builder(hot)


# ---------------------------------------------------------------- cuts that are too small


@pytest.mark.parametrize(
    ("equation", "arguments"),
    [
        ("local", {"levels": 10}),
        ("local", {"levels": {"A": 10, "B": 12}}),
        ("local", {"max_excitations": 12}),
        ("global", {"levels": 10}),
        ("global", {"max_excitations": 12}),
        ("global", {"basis": "modes", "levels": 10}),
    ],
    ids=str,
)
def test_a_cut_too_small_for_the_temperature_warns_with_one_that_would_do(
    equation: str, arguments: dict[str, Any]
) -> None:
    net = qn.two_node("oscillator", **FIGURE_3)
    builder = qn.MASTER_EQUATIONS[equation]
    with pytest.warns(qn.TruncationWarning) as caught:
        builder(net, **arguments)
    assert len(caught) == 1
    message = str(caught[0].message)
    name = "max_excitations" if "max_excitations" in arguments else "levels"
    assert message.startswith(f"{name}=")
    assert "is too small for the temperature: the estimated truncation error" in message
    # The remedy is arguments that can be typed in, and they bring no warning.
    remedy = message.rsplit("; ", 1)[1].removesuffix(" would do").removeprefix(f"{name}=")
    basis = {key: value for key, value in arguments.items() if key == "basis"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        builder(net, **{name: eval(remedy, {})}, **basis)


@pytest.mark.parametrize(
    ("equation", "arguments"),
    [("local", {"levels": 10}), ("global", {"max_excitations": 12}), ("global", {"basis": "modes", "levels": 10})],
    ids=str,
)
def test_the_warning_points_to_the_line_that_asked_for_the_cut(equation: str, arguments: dict[str, Any]) -> None:
    with pytest.warns(qn.TruncationWarning) as caught:
        qn.MASTER_EQUATIONS[equation](qn.two_node("oscillator", **FIGURE_3), **arguments)
    assert caught[0].filename == __file__


def test_a_tolerance_that_is_met_does_not_warn() -> None:
    net = qn.two_node("oscillator", **FIGURE_3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qn.local_master_equation(net, levels=10, rtol=2.0)


def test_steady_state_warns_of_the_error_that_it_finds() -> None:
    net = qn.two_node("oscillator", **FIGURE_3)
    with pytest.warns(qn.TruncationWarning):
        equation = qn.local_master_equation(net, levels=20)
    with pytest.warns(
        qn.TruncationWarning, match=r"error of a heat current is .*levels=\{'A': 20, 'B': 20\}"
    ) as caught:
        state = qn.steady_state(equation)
    assert caught[0].filename == __file__
    exact = qn.analytic.local_heat_current(net)
    assert abs(state.heat_currents["hot"] / exact - 1) <= state.truncation_error["hot"]
    assert state.top_shell_population > 1e-6


@pytest.mark.parametrize("occupation", [0.0, 1e-9, 0.03, 1.0, 30.0])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-9])
def test_sufficient_levels_are_the_fewest(occupation: float, tolerance: float) -> None:
    number = sufficient_levels(occupation, tolerance)
    assert level_error(occupation, number) <= tolerance
    assert number == 2 or level_error(occupation, number - 1) > tolerance


def test_sufficient_excitations_are_the_fewest() -> None:
    estimate = local_estimate(qn.two_node("oscillator", **FIGURE_3))
    for tolerance in (1e-3, 1e-9):
        number = sufficient_excitations(estimate, tolerance)
        assert excitation_error(estimate, number) <= tolerance < excitation_error(estimate, number - 1)


def test_levels_of_the_modes_that_suffice_do_not_warn() -> None:
    """What is enough by the estimate for modes is not judged by the larger one for nodes; fewer do warn."""
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.5, T_h=12, T_c=10, kappa=1e-4)
    rtol, largest = 1e-6, 12.0
    frequencies = qn.normal_modes(net).frequencies
    occupations = {mode: 1 / np.expm1(frequency / largest) for mode, frequency in frequencies.items()}
    levels = {mode: sufficient_levels(n, rtol / 2, SHELL_SAFETY) for mode, n in occupations.items()}
    equation = qn.global_master_equation(net, levels=levels, basis="modes", rtol=rtol)
    assert equation.space.dimension == levels["+"] * levels["-"]
    fewer = {mode: number - 2 for mode, number in levels.items()}
    with pytest.warns(qn.TruncationWarning, match="too small for the temperature"):
        qn.global_master_equation(net, levels=fewer, basis="modes", rtol=rtol)


def test_a_space_that_is_asked_for_again_has_its_own_names():
    first, second = (node_space(Truncation(dict(zip(names, (3, 2), strict=True)), ())) for names in ("AB", "BA"))
    assert list(first.lowering) == ["A", "B"]
    assert list(second.lowering) == ["B", "A"]
    assert first.lowering["A"] == second.lowering["B"] == qutip.tensor(qutip.destroy(3), qutip.qeye(2))
    with pytest.raises(ValueError, match="read-only"):
        first.occupations[0] = 1
