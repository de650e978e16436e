"""The package as a whole: what its import brings along, and what its values print."""

from __future__ import annotations

import subprocess
import sys

import pytest
import qutip

import qnet_qutip as qn


def test_import_brings_nothing_along_that_qutip_does_not() -> None:
    """So that it costs little beside `import qutip`: the plots, the sweeps and rarely used SciPy modules wait."""
    program = (
        "import sys, qutip\n"
        "before = set(sys.modules)\n"
        "import qnet_qutip\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["qnet_qutip"]


def test_what_a_steady_state_does_not_need_is_imported_when_it_is_used() -> None:
    program = (
        "import sys, qnet_qutip as qn\n"
        "late = ('gaussian', 'exact', 'comparison', 'analytic', 'dynamics', 'entanglement')\n"
        "print([name for name in late if f'qnet_qutip.{name}' in sys.modules])\n"
        "print(qn.compare.__module__, qn.gaussian.__name__, qn.exact.__name__)\n"
        "print(qn.evolve.__module__, qn.analytic.__name__, qn.entanglement.__name__)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines() == [
        "[]",
        "qnet_qutip.comparison qnet_qutip.gaussian qnet_qutip.exact",
        "qnet_qutip.dynamics qnet_qutip.analytic qnet_qutip.entanglement",
    ]


PHONONS = qn.PhononSpectrum(1e-4)
PAIR = qn.two_node("two-level", omega_h=5.0, omega_c=5.0, epsilon=0.01, T_h=12.0, T_c=10.0, kappa=1e-4)
VALUES = {
    "network": PAIR,
    "bath": qn.Bath("A", 12, PHONONS, coupling="full"),
    "operator bath": qn.OperatorBath(qutip.sigmax(), 12, PHONONS),
    "environment": qn.EnvironmentSpectrum(qutip.DrudeLorentzEnvironment(T=12.0, lam=0.1, gamma=2.0)),
    "filter": qn.LorentzianSpectrum(0.1, 5, 0.2),
    "modes": qn.normal_modes(qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=0.1, T_h=2, T_c=1, kappa=1e-4)),
    **{f"{name} equation": build(PAIR) for name, build in qn.MASTER_EQUATIONS.items()},
    **{f"promises of {name}": build(PAIR).promises for name, build in qn.MASTER_EQUATIONS.items()},
    "space": qn.local_master_equation(PAIR).space,
    "truncation": qn.local_master_equation(PAIR).space.truncation,
    "state": qn.steady_state(qn.unified_master_equation(PAIR)),
    "heat": qn.steady_state(qn.unified_master_equation(PAIR)).heat_by("H_TD"),
}


OTHERS = [
    PAIR.nodes["A"],
    qn.Oscillator(5),
    PHONONS,
    qn.FlatSpectrum(0.1),
    qn.OhmicSpectrum(1e-3, 20),
    qn.DrudeLorentzSpectrum(0.1, 2),
    qn.CallableSpectrum(lambda frequency: 1e-3 * frequency),
    qn.Swap(0.1),
    qn.Quadrature(0.1),
    qn.Dispersive(0.1),
    qn.Rate(PHONONS, 12.0),
    qn.compare(PAIR),
    qn.Observable("energy", lambda state: 0.0, "Tr[H ρ]", units="frequency"),
    qn.evolve(qn.local_master_equation(PAIR), qutip.basis([2, 2], [0, 0]), [0.0, 1.0]),
]


@pytest.mark.parametrize("name", VALUES)
def test_a_value_prints_itself_in_two_lines_or_three(name):
    lines = repr(VALUES[name]).splitlines()
    assert sum(-(-len(line) // 120) for line in lines) <= (3 if name == "state" else 2)
    assert "array" not in repr(VALUES[name])
    assert " at 0x" not in repr(VALUES[name])


LONG = qn.chain({str(number): qn.Oscillator(5) for number in range(1000)}, 0.1, hot=qn.Bath("0", 2, PHONONS))


def test_a_value_of_a_thousand_nodes_prints_the_first_few():
    for value in (LONG, LONG.nodes, qn.normal_modes(LONG)):
        assert len(repr(value)) < 500
        assert "… and 994 more" in repr(value)


def test_an_error_about_a_thousand_nodes_names_the_first_few():
    with pytest.raises(KeyError, match="'x' is none of \\['0', '1', '2', '3', '4', '5', … and 994 more\\]"):
        LONG.nodes["x"]
    with pytest.raises(ValueError, match=r"node must be one of '0', .* … and 994 more, but is '1000'; did you mean"):
        LONG.replace(nodes={"1000": qn.TwoLevel(5)})


def test_completion_shows_what_is_public():
    shown = dir(qn)
    assert set(qn.__all__) <= set(shown)
    modules = set(shown) - set(qn.__all__) - {"__version__"}
    assert modules == {"notebook", "plotting"}
    assert all(getattr(qn, name).__name__ == f"qnet_qutip.{name}" for name in modules)
    with pytest.raises(AttributeError, match="module 'qnet_qutip' has no attribute 'plot'"):
        _ = qn.plot


def test_every_public_object_prints_more_than_its_address():
    made = {type(value).__name__ for value in VALUES.values()} | {type(value).__name__ for value in OTHERS}
    classes = {name for name in qn.__all__ if isinstance(getattr(qn, name), type)}
    exceptions = {name for name in classes if issubclass(getattr(qn, name), Exception)}
    protocols = {name for name in classes if getattr(getattr(qn, name), "_is_protocol", False)}
    assert classes - exceptions - protocols <= made
    for value in OTHERS:
        # A function shows its address: a checkpoint tells by it that its name alone does not say what it is.
        assert " at 0x" not in repr(value) or isinstance(value, qn.CallableSpectrum)
        assert len(repr(value)) <= 360 or isinstance(value, qn.Comparison)  # a table
    for name in qn.__all__:
        assert getattr(qn, name).__doc__


def test_keys_of_a_mapping_complete_themselves():
    state = VALUES["state"]
    assert state.heat_currents._ipython_key_completions_() == ["hot", "cold"]
    assert PAIR.couplings._ipython_key_completions_() == [("A", "B")]


def test_what_a_network_prints_is_that_network():
    net = qn.star(
        [qn.Oscillator(5, anharmonicity=0.25), qn.TwoLevel(4.5), qn.Oscillator(4)],
        [0.1, (qn.Quadrature(0.2), qn.Dispersive(0.05))],
        hot=qn.Bath("B", 12, PHONONS, coupling="full"),
        cold=qn.Bath("C", 0, qn.FlatSpectrum(0.1)),
    )
    assert eval(repr(net), vars(qn)) == net
