"""Values as HTML in a notebook: well formed, with the numbers of the value, names escaped and nothing to execute."""

import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.html import MOST_ROWS, number

NASTY = 'a<b>&"c'
PHONONS = qn.PhononSpectrum(1e-4)


def pair(kind="two-level"):
    return qn.two_node(kind, omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)


@pytest.fixture(scope="module")
def nasty():
    return qn.chain(
        {NASTY: qn.TwoLevel(5), "<script>": qn.TwoLevel(4.5), "C": qn.TwoLevel(4)},
        [(0.1, qn.Dispersive(0.02)), qn.Quadrature(0.03)],
        **{"hot & <i>": qn.Bath(NASTY, 12, PHONONS), "cold": qn.Bath("C", 10, PHONONS, coupling="full")},
    )


@pytest.fixture(scope="module")
def values(nasty):
    own = {"bath<1>": qn.OperatorBath(qutip.sigmax(), 1.0, qn.FlatSpectrum(0.1))}
    local = qn.local_master_equation(pair())
    with warnings.catch_warnings():
        # Its frequencies are dense, which is not what is shown.
        warnings.simplefilter("ignore", qn.ClusterWarning)
        unified = qn.unified_master_equation(nasty)
    state = qn.steady_state(local)
    return {
        "network": nasty,
        "single node": qn.chain([qn.Oscillator(5, anharmonicity=0.1)], 0.0),
        "local": local,
        "unified": unified,
        "redfield": qn.redfield_master_equation(nasty),
        "own equation": qn.global_master_equation(qutip.sigmaz() / 2, own),
        "state": state,
        "state of nasty names": qn.steady_state(unified),
        "state of own equation": qn.steady_state(qn.global_master_equation(qutip.sigmaz() / 2, own)),
        "state of operators": qn.steady_state(qutip.sigmaz(), {"bath<1>": [qutip.sigmam(), 0.5 * qutip.sigmap()]}),
        "state of unnamed operators": qn.steady_state(qutip.sigmaz(), [qutip.sigmam()]),
        "trajectory": qn.evolve(local, qutip.basis([2, 2], [1, 0]), [0.0, 1.0, 10.0]),
        "modes": qn.normal_modes(pair("oscillator")),
        "squeezed modes": qn.normal_modes(qn.ring([qn.Oscillator(5)] * 3, qn.Quadrature(0.3))),
        "heat": state.heat_by("H_0"),
        "comparison": qn.compare(pair("oscillator")),
        "comparison of nasty names": qn.compare(nasty),
    }


NAMES = [
    "network",
    "single node",
    "local",
    "unified",
    "redfield",
    "own equation",
    "state",
    "state of nasty names",
    "state of own equation",
    "state of operators",
    "state of unnamed operators",
    "trajectory",
    "modes",
    "squeezed modes",
    "heat",
    "comparison",
    "comparison of nasty names",
]


def written(value):
    """The parsed HTML, and all its texts."""
    parsed = ElementTree.fromstring(value._repr_html_())
    return parsed, list(parsed.itertext())


@pytest.mark.parametrize("name", NAMES)
def test_html_is_well_formed_and_executes_nothing(name, values):
    parsed, _ = written(values[name])
    tags = {element.tag.rpartition("}")[2] for element in parsed.iter()}
    drawing = {"svg", "circle", "rect", "polyline", "polygon", "text"}
    assert tags <= {"div", "p", "strong", "table", "tr", "th", "td"} | drawing
    assert not any(key.startswith("on") for element in parsed.iter() for key in element.attrib)


@pytest.mark.parametrize("name", NAMES)
def test_colours_are_those_of_the_page(name, values):
    """A colour of its own would be lost on a dark page or on a light one: only the tints of baths, half transparent."""
    colours = re.findall(r'(?:fill|stroke|color)[=:]\s*"?([^";]+)', values[name]._repr_html_())
    own = {colour for colour in colours if colour not in ("none", "currentColor")}
    assert all(colour.startswith("rgb(") for colour in own)
    assert values[name]._repr_html_().count("rgb(") == values[name]._repr_html_().count("fill-opacity")


def test_names_are_escaped_and_shown(nasty, values):
    for value in (nasty, values["unified"], values["state of nasty names"]):
        assert "hot & <i>" in written(value)[1]
        assert "<i>" not in value._repr_html_()
    assert {NASTY, "<script>"} <= set(written(nasty)[1])


def test_network_shows_every_number(nasty):
    texts = written(nasty)[1]
    assert {"ω = 5", "ω = 4.5", "T = 12", "ε = 0.1, χ = 0.02", "g = 0.03"} <= set(texts)
    assert {"swap", "dispersive", "quadrature", "rotating-wave", "full", "PhononSpectrum(kappa=0.0001)"} <= set(texts)


def test_schematic_has_a_shape_for_each_node_and_bath(nasty):
    parsed = written(nasty)[0]
    count = {tag: sum(element.tag.endswith(tag) for element in parsed.iter()) for tag in ("circle", "rect", "polygon")}
    assert count == {"circle": 3, "rect": 2, "polygon": 0}


def test_equation_shows_its_promises_and_rates(values):
    texts = written(values["local"])[1]
    assert {"promised for heat by H_0", "promised", "not promised", "2 collapse operators"} <= set(texts)
    # Eq. (15) at ω = 10 and T = 12, down and up.
    assert {"0.1769", "0.07687"} <= set(texts)
    texts = written(values["redfield"])[1]
    assert "not known" in texts
    assert any(text.endswith("pairs (S, Λ)") for text in texts)


def test_state_shows_its_currents_laws_and_how_far_to_trust_it(values):
    state = values["state"]
    texts = written(state)[1]
    for bath in ("hot", "cold"):
        assert number(state.heat_currents[bath], 10) in texts
        assert f"J = {number(state.heat_currents[bath], 3)}" in texts
    assert f"{number(state.entropy_production, 10)}, ✗ broken (promised for heat by H_0)" in texts
    assert any(text.endswith("✓ holds (promised)") for text in texts)
    assert {number(state.residual, 2), number(state.smallest_eigenvalue, 2)} <= set(texts)
    assert sum(element.tag.endswith("polygon") for element in written(state)[0].iter()) == 3


def test_state_of_oscillators_shows_the_edge_of_its_truncation():
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=2, kappa=1e-4)
    state = qn.steady_state(qn.local_master_equation(net, levels=8, rtol=0.9))
    texts = written(state)[1]
    assert number(state.top_shell_population, 2) in texts
    assert number(state.heat_current_errors["hot"], 2) in texts
    assert "64 states, levels={'A': 8, 'B': 8}" in texts


def test_state_of_operators_shows_the_currents_that_it_has(values):
    state = values["state of operators"]
    assert number(state.heat_currents["bath<1>"], 10) in written(state)[1]


def test_trajectory_shows_its_ends(values):
    trajectory = values["trajectory"]
    texts = written(trajectory)[1]
    assert {"t = 0", "t = 1", "t = 10", "inf"} <= set(texts)
    assert {number(trajectory.heat_currents["hot"][index], 6) for index in range(3)} <= set(texts)


def test_modes_and_heat_show_their_numbers(values):
    assert {"10.00002", "4.99998"} <= {text.replace("−", "-") for text in written(values["modes"])[1]}
    assert any(text.endswith("d†") for text in written(values["squeezed modes"])[1])
    assert number(values["heat"].work, 10) in written(values["heat"])[1]


def test_a_thousand_nodes_are_not_all_shown():
    bath = qn.Bath("0", 12, qn.PhononSpectrum(1e-9))
    net = qn.chain({str(number): qn.Oscillator(5) for number in range(1000)}, 0.1, hot=bath)
    for value, head in ((net, "Network"), (qn.normal_modes(net), "Normal modes, the first 12 of 1000")):
        texts = written(value)[1]
        assert texts[0] == head
        assert "and 988 more" in texts
        assert len(value._repr_html_()) < 20_000
    assert "1000 nodes, more than are drawn" in written(net)[1]


def test_long_tables_are_cut():
    weak = qn.Bath("A", 12, qn.PhononSpectrum(1e-9))
    nodes, coupling = [qn.TwoLevel(5 + index / 7) for index in range(4)], (0.3, qn.Dispersive(0.2))
    equation = qn.unified_master_equation(qn.chain(nodes, coupling, hot=weak))
    assert len(equation.clusters) > MOST_ROWS
    rows = list(written(equation)[0].iter("tr"))
    assert rows[-1][0].text == f"and {len(equation.clusters) - MOST_ROWS} more"
    assert rows[-MOST_ROWS - 2][0].text == "clusters of Bohr frequencies from"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 4, "0"),
        (-0.0, 4, "0"),
        (-1.5, 4, "−1.5"),
        (1e-7, 4, "10⁻⁷"),
        (-1e12, 4, "−10¹²"),
        (-3.18249e-5, 3, "−3.18×10⁻⁵"),
        (float("inf"), 4, "inf"),
    ],
)
def test_numbers_are_written_as_one_reads_them(value, digits, text):
    assert number(value, digits) == text


def test_comparison_shows_every_equation_beside_the_exact_answer(values):
    verdict = values["comparison"]
    texts = written(verdict)[1]
    assert {"exact", "global *", "VIOLATED", verdict.reason, f"{verdict.exact['hot']:.6g}"} <= set(texts)
    assert {f"{row.heat_currents['hot']:.6g}" for row in verdict.assessments.values()} <= set(texts)
    assert any(text.startswith("no exact answer: ") for text in written(values["comparison of nasty names"])[1])


def test_html_needs_no_plots():
    program = (
        "import sys, qnet_qutip as qn\n"
        "before = set(sys.modules)\n"
        "net = qn.two_node('two-level', omega_h=5, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)\n"
        "qn.steady_state(qn.local_master_equation(net))._repr_html_()\n"
        "print('qnet_qutip.plotting' in sys.modules, *{m for m in set(sys.modules) - before if 'matplotlib' in m})"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["False"]
