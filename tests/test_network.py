"""Networks as values, and every bad one refused with the argument, its value and what it must be."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qnet_qutip as qn
from qnet_qutip.network import coupling_terms

VALUES = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
SPECTRUM = qn.PhononSpectrum(1e-4)


def pair(**changes: Any) -> qn.Network:
    fields: dict[str, Any] = {
        "nodes": {"A": qn.Oscillator(10), "B": qn.TwoLevel(5)},
        "couplings": {("A", "B"): 0.1},
        "baths": {"hot": qn.Bath("A", 12, SPECTRUM), "cold": qn.Bath("B", 10, SPECTRUM)},
    }
    return qn.Network(**{**fields, **changes})


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(("kind", "node"), [("oscillator", qn.Oscillator), ("two-level", qn.TwoLevel)])
def test_two_node_is_the_network_of_figure_1(kind: str, node: type) -> None:
    assert qn.two_node(kind, **VALUES) == qn.Network(
        nodes={"A": node(10), "B": node(5)},
        couplings={("A", "B"): 0.01},
        baths={"hot": qn.Bath("A", 12, SPECTRUM), "cold": qn.Bath("B", 10, SPECTRUM)},
    )


def test_networks_are_values() -> None:
    net = pair()
    assert net == pair()
    assert hash(net) == hash(pair())
    assert net != pair(couplings={("A", "B"): 0.2})
    assert net != pair(nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(5)})
    copied = pickle.loads(pickle.dumps(net))
    assert copied == net
    assert list(copied.nodes) == ["A", "B"]


@pytest.mark.parametrize(
    "value",
    [
        qn.Oscillator(5, anharmonicity=0.2),
        qn.TwoLevel(5),
        qn.Swap(0.1),
        qn.Quadrature(-0.1),
        qn.Dispersive(0.3),
        qn.Bath("A", 12, SPECTRUM, coupling="full"),
        pair(couplings={("B", "A"): (0.1, qn.Quadrature(0.2), qn.Dispersive(-0.3))}),
        qn.star([qn.Oscillator(5, 0.1), qn.TwoLevel(4), qn.TwoLevel(3)], [0.1, qn.Quadrature(0.2)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_pickle_copy_hash_and_print_what_makes_them(value: object) -> None:
    shown = eval(repr(value), {name: getattr(qn, name) for name in qn.__all__})
    for other in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value), shown):
        assert other == value
        assert hash(other) == hash(value)
    assert "\n" not in repr(value)


def test_networks_cannot_be_changed() -> None:
    nodes = {"A": qn.Oscillator(10), "B": qn.TwoLevel(5)}
    net = pair(nodes=nodes)
    nodes["A"] = qn.Oscillator(99)
    assert net.nodes["A"].frequency == 10
    with pytest.raises(AttributeError):
        net.nodes = nodes  # type: ignore[misc]
    with pytest.raises(TypeError):
        net.nodes["A"] = qn.Oscillator(1)  # type: ignore[index]
    with pytest.raises(AttributeError):
        net.nodes["A"].frequency = 1.0  # type: ignore[misc]


def test_a_coupling_is_the_same_in_either_order() -> None:
    assert pair(couplings={("B", "A"): 0.1}) == pair()
    assert pair().replace(couplings={("B", "A"): 0.3}).couplings["A", "B"] == 0.3


def test_replace_changes_a_copy() -> None:
    net = pair()
    changed = net.replace(
        nodes={"A": qn.Oscillator(7)}, baths={"cold": qn.Bath("B", 3, SPECTRUM)}, couplings={("A", "B"): 0.7}
    )
    assert (changed.nodes["A"].frequency, changed.baths["cold"].temperature, changed.couplings["A", "B"]) == (7, 3, 0.7)
    assert changed.nodes["B"] == net.nodes["B"]
    assert changed.baths["hot"] == net.baths["hot"]
    assert net == pair()
    assert net.replace() == net


def test_the_order_of_nodes_is_kept_and_that_of_a_mapping_does_not_matter_for_equality() -> None:
    net = pair(nodes={"B": qn.TwoLevel(5), "A": qn.Oscillator(10)})
    assert list(net.nodes) == ["B", "A"]
    assert list(net.couplings) == [("B", "A")]


# ---------------------------------------------------------------- couplings


def test_couplings_stay_as_given_and_are_listed_one_by_one() -> None:
    several = (np.float64(0.1), qn.Quadrature(np.int64(2)), qn.Dispersive(0.3))
    net = qn.chain([qn.Oscillator(5)] * 4, [0.2, qn.Swap(0.2), several])
    assert list(net.couplings.values()) == [0.2, qn.Swap(0.2), (0.1, qn.Quadrature(2.0), qn.Dispersive(0.3))]
    assert type(net.couplings["C", "D"][0]) is type(net.couplings["C", "D"][1].strength) is float
    assert list(coupling_terms(net)) == [
        ("A", "B", qn.Swap(0.2)),
        ("B", "C", qn.Swap(0.2)),
        ("C", "D", qn.Swap(0.1)),
        ("C", "D", qn.Quadrature(2)),
        ("C", "D", qn.Dispersive(0.3)),
    ]
    changed = net.replace(couplings={("D", "C"): qn.Quadrature(1)})
    assert changed.couplings["C", "D"] == qn.Quadrature(1)
    assert changed.couplings["A", "B"] == 0.2


@pytest.mark.parametrize(
    ("coupling", "error", "message"),
    [
        (
            (),
            ValueError,
            r"coupling \('A', 'B'\) must hold at least one coupling and one of a kind at most, but is \(\)",
        ),
        ((0.1, qn.Swap(0.2)), ValueError, "one of a kind at most"),
        ((0.1, 0.1), ValueError, "one of a kind at most"),
        ([0.1], TypeError, r"a Swap, Quadrature or Dispersive, or a tuple of them, but is \[0.1\]"),
        (qn.Swap, TypeError, "must be a real number, a Swap, Quadrature or Dispersive"),
        (((0.1,),), TypeError, r"but is \(0.1,\)"),
        ((0.1, qn.Oscillator(1)), TypeError, "but is Oscillator"),
        (1j, TypeError, "must be a real number"),
        ((float("nan"), qn.Quadrature(1)), ValueError, "must be finite, but is nan"),
    ],
)
def test_bad_couplings_are_refused(coupling: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pair(couplings={("A", "B"): coupling})


@pytest.mark.parametrize("kind", [qn.Swap, qn.Quadrature, qn.Dispersive])
def test_a_coupling_needs_a_strength(kind: type) -> None:
    with pytest.raises(ValueError, match=r"^strength must be finite, but is inf"):
        kind(float("inf"))
    with pytest.raises(TypeError, match=r"^strength must be a real number, but is '1'"):
        kind("1")


def test_the_anharmonicity_must_leave_a_lowest_level() -> None:
    assert qn.Oscillator(5) == qn.Oscillator(5, 0.0)
    with pytest.raises(ValueError, match=r"^anharmonicity must not be negative, but is -0.2: .* no lower bound; .*Two"):
        qn.Oscillator(5, anharmonicity=-0.2)
    with pytest.raises(ValueError, match=r"^anharmonicity must be finite"):
        qn.Oscillator(5, float("nan"))


def test_a_bath_is_coupled_in_one_of_two_ways() -> None:
    assert qn.Bath("A", 12, SPECTRUM).coupling == "rotating-wave"
    assert qn.Bath("A", 12, SPECTRUM) != qn.Bath("A", 12, SPECTRUM, "full")
    with pytest.raises(
        ValueError, match=r"^coupling must be one of 'rotating-wave', 'full', but is 'ful'; did you mean"
    ):
        qn.Bath("A", 12, SPECTRUM, coupling="ful")


# ---------------------------------------------------------------- chains, rings, stars


def test_a_chain_of_two_is_the_network_of_figure_1() -> None:
    baths = {"hot": qn.Bath("A", 12, SPECTRUM), "cold": qn.Bath("B", 10, SPECTRUM)}
    assert qn.chain([qn.Oscillator(10), qn.Oscillator(5)], 0.01, **baths) == qn.two_node("oscillator", **VALUES)


@pytest.mark.parametrize(
    ("build", "nodes", "pairs"),
    [
        (qn.chain, 1, []),
        (qn.chain, 4, ["AB", "BC", "CD"]),
        (qn.ring, 3, ["AB", "BC", "AC"]),
        (qn.ring, 5, ["AB", "BC", "CD", "DE", "AE"]),
        (qn.star, 2, ["AB"]),
        (qn.star, 4, ["AB", "AC", "AD"]),
    ],
)
def test_which_nodes_are_coupled(build: Callable[..., qn.Network], nodes: int, pairs: list[str]) -> None:
    members = [qn.TwoLevel(1 + index) for index in range(nodes)]
    net = build(members, qn.Quadrature(0.1))
    assert dict(net.couplings) == {tuple(names): qn.Quadrature(0.1) for names in pairs}
    assert [node.frequency for node in net.nodes.values()] == [1 + index for index in range(nodes)]
    strengths = [0.1 * (1 + index) for index in range(len(pairs))]
    for given_strengths in (strengths, np.array(strengths)):
        assert [build(members, given_strengths).couplings[tuple(names)] for names in pairs] == strengths
    named = {f"site {index}": node for index, node in enumerate(members)}
    assert list(build(named, 0.1).nodes) == list(named)


def test_nodes_are_named_by_letters() -> None:
    names = list(qn.chain([qn.TwoLevel(1)] * 703, 0.1).nodes)
    assert [names[index] for index in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
    assert len(set(names)) == 703


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: qn.chain([], 0.1), ValueError, "nodes must be at least 1, but are 0"),
        (lambda: qn.star([qn.TwoLevel(1)], 0.1), ValueError, "nodes must be at least 2, but are 1"),
        (lambda: qn.ring([qn.TwoLevel(1)] * 2, 0.1), ValueError, "nodes must be at least 3, but are 2"),
        (lambda: qn.chain(qn.TwoLevel(1), 0.1), TypeError, "nodes must be a list of nodes or a mapping"),  # type: ignore
        (lambda: qn.chain([5, 5], 0.1), TypeError, "node 'A' must be an Oscillator or a TwoLevel, but is 5"),
        (
            lambda: qn.ring([qn.TwoLevel(1)] * 3, [0.1, 0.2]),
            ValueError,
            "coupling must be one for all pairs or a list of 3, but has 2",
        ),
        (lambda: qn.chain([qn.TwoLevel(1)] * 2, "0.1"), TypeError, "must be a real number"),
        (lambda: qn.chain([qn.TwoLevel(1)] * 2, 0.1, hot=12), TypeError, "bath 'hot' must be a Bath, but is 12"),
        (
            lambda: qn.chain([qn.TwoLevel(1)] * 2, 0.1, hot=qn.Bath("C", 12, SPECTRUM)),
            ValueError,
            "the node of bath 'hot' must be one of 'A', 'B', but is 'C'",
        ),
    ],
)
def test_bad_chains_are_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- what the baths reach


@pytest.mark.parametrize(
    ("couplings", "missing"),
    [
        ([0.1, 0.2, 0.3], []),
        ([0.1, 0.0, 0.3], ["C", "D"]),
        ([0.1, qn.Quadrature(0.2), (0.0, qn.Quadrature(0.2))], []),
        ([0.1, 0.1, qn.Dispersive(0.5)], ["D"]),
        ([0.1, qn.Quadrature(0.0), qn.Swap(0.2)], ["C", "D"]),
        ([0.1, (0.1, qn.Dispersive(0.5)), 0.1], []),
    ],
)
def test_parts_that_no_bath_reaches_are_named(couplings: list[Any], missing: list[str]) -> None:
    net = qn.chain([qn.TwoLevel(5)] * 4, couplings, hot=qn.Bath("B", 12, SPECTRUM))
    if not missing:
        qn.network.require_reached(net)
        return
    with pytest.raises(ValueError, match="every part of network must be reached by a bath, but ") as error:
        qn.network.require_reached(net)
    assert str(missing) in str(error.value)


def test_a_network_without_baths_is_not_reached() -> None:
    with pytest.raises(ValueError, match=r"\['A', 'B'\]"):
        qn.network.require_reached(qn.chain([qn.TwoLevel(5)] * 2, 0.1))


def commutant_dimension(net: qn.Network) -> int:
    """How many independent operators commute with H and with a, a† of the baths' nodes; two-level nodes."""
    number = len(net.nodes)
    lowering = {
        name: np.kron(np.kron(np.eye(2**index), [[0, 1], [0, 0]]), np.eye(2 ** (number - index - 1)))
        for index, name in enumerate(net.nodes)
    }
    hamiltonian = sum(node.frequency * lowering[name].T @ lowering[name] for name, node in net.nodes.items())
    for first, second, term in coupling_terms(net):
        a, b = lowering[first], lowering[second]
        hamiltonian = (
            hamiltonian
            + term.strength
            * {
                qn.Swap: a.T @ b + b.T @ a,
                qn.Quadrature: (a + a.T) @ (b + b.T),
                qn.Dispersive: a.T @ a @ b.T @ b,
            }[type(term)]
        )
    generators = [hamiltonian]
    for bath in net.baths.values():
        generators += [lowering[bath.node], lowering[bath.node].T]
    one = np.eye(2**number)
    commutators = np.concatenate([np.kron(each, one) - np.kron(one, each.T) for each in generators])
    return 4**number - int(np.linalg.matrix_rank(commutators, tol=1e-9))


@st.composite
def two_level_networks(draw: Callable[..., Any]) -> qn.Network:
    names = "ABCD"[: draw(st.integers(2, 4))]
    strength = st.sampled_from([-0.6, 0.0, 0.3, 1.2])
    couplings = {}
    for names_of_pair in itertools.combinations(names, 2):
        kinds = draw(st.lists(st.sampled_from([qn.Swap, qn.Quadrature, qn.Dispersive]), unique=True, max_size=3))
        if kinds:
            couplings[names_of_pair] = tuple(kind(draw(strength)) for kind in kinds)
    on = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=2))
    return qn.Network(
        nodes={name: qn.TwoLevel(draw(st.sampled_from([1.0, 1.0, 2.5]))) for name in names},
        couplings=couplings,
        baths={name: qn.Bath(name, 12, SPECTRUM) for name in on},
    )


@settings(max_examples=150, deadline=None)
@given(net=two_level_networks())
def test_where_baths_reach_every_node_only_multiples_of_one_commute(net: qn.Network) -> None:
    if qn.network.baths_reach_every_node(net):
        assert commutant_dimension(net) == 1
        qn.network.require_reached(net)


@pytest.mark.parametrize(
    ("couplings", "reached"),
    [
        ([0.1, 0.1], True),
        ([qn.Quadrature(0.1), qn.Quadrature(0.1)], True),
        ([(0.1, qn.Quadrature(0.1)), 0.1], True),
        ([(0.2, qn.Quadrature(-0.1)), 0.1], False),
        ([qn.Quadrature(0.1), 0.1], False),
        ([0.1, qn.Quadrature(0.1)], True),
        ([0.1, qn.Dispersive(0.1)], False),
        ([0.1, (0.1, qn.Dispersive(0.1))], False),
        ([0.1, 0.0], False),
    ],
)
@pytest.mark.parametrize("node", [qn.TwoLevel(5), qn.Oscillator(5)])
def test_what_passes_the_action_of_a_bath_on(node: qn.network.Node, couplings: list[Any], reached: bool) -> None:
    net = qn.chain([node] * 3, couplings, hot=qn.Bath("A", 12, SPECTRUM))
    assert qn.network.baths_reach_every_node(net) is reached


def test_uniqueness_is_not_claimed_beyond_the_proof() -> None:
    hot = qn.Bath("A", 12, SPECTRUM)
    assert not qn.network.baths_reach_every_node(
        qn.chain([qn.Oscillator(5), qn.Oscillator(5, 0.1)], qn.Quadrature(0.1), hot=hot)
    )
    assert qn.network.baths_reach_every_node(qn.chain([qn.Oscillator(5), qn.Oscillator(5, 0.1)], 0.1, hot=hot))
    # e^(-5/T) is zero in double precision: no jump upwards.
    assert not qn.network.baths_reach_every_node(qn.chain([qn.TwoLevel(5)], 0.1, cold=qn.Bath("A", 1e-3, SPECTRUM)))
    silent = qn.CallableSpectrum(np.zeros_like)
    assert not qn.network.baths_reach_every_node(qn.chain([qn.TwoLevel(5)] * 2, 0.1, hot=qn.Bath("A", 12, silent)))


# ---------------------------------------------------------------- bad numbers


@pytest.mark.parametrize("name", ["omega_h", "omega_c", "T_h", "T_c", "kappa"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, "must be positive, but is 0"),
        (-2.5, "must be positive, but is -2.5"),
        (float("nan"), "must be finite, but is nan"),
        (float("inf"), "must be finite, but is inf"),
    ],
)
def test_numbers_must_be_positive_and_finite(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} {message}$"):
        qn.two_node("oscillator", **{**VALUES, name: value})


@pytest.mark.parametrize("make", [np.array, np.float64, np.float32, np.int64, lambda value: np.array([value])[0]])
def test_numbers_may_be_those_of_numpy(make: Callable[[float], Any]) -> None:
    """Whatever stands for one number: NumPy's functions return arrays of no dimensions and numbers of its own types."""
    net = qn.two_node("two-level", **{**VALUES, **{name: make(VALUES[name]) for name in ("omega_h", "T_h")}})
    assert net == qn.two_node("two-level", **VALUES)
    assert type(net.nodes["A"].frequency) is type(net.baths["hot"].temperature) is float
    assert pair(couplings={("A", "B"): make(2)}).couplings["A", "B"] == 2


def test_whole_numbers_may_be_those_of_numpy() -> None:
    net = qn.two_node("oscillator", **VALUES)
    for number in (np.array(4), np.int32(4), np.uint8(4)):
        assert qn.local_master_equation(net, levels=number, rtol=np.array(50.0)).space.dimension == 16
        assert qn.local_master_equation(net, max_excitations=number, rtol=np.array(50.0)).space.dimension == 15
    with pytest.raises(TypeError, match=r"levels must be a whole number of at least 2, but is 4\.0"):
        qn.local_master_equation(net, levels=np.array(4.0))


@pytest.mark.parametrize("name", list(VALUES))
@pytest.mark.parametrize(
    "value", ["5", None, True, 1j, [1.0], np.array([5.0]), np.array(True), np.array(1j), np.array("5"), np.True_]
)
def test_numbers_must_be_real(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a real number, but is "):
        qn.two_node("two-level", **{**VALUES, name: value})


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_couplings_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match=f"^epsilon must be finite, but is {value}"):
        qn.two_node("oscillator", **{**VALUES, "epsilon": value})
    with pytest.raises(ValueError, match=rf"^coupling \('A', 'B'\) must be finite, but is {value}"):
        pair(couplings={("A", "B"): value})


@pytest.mark.parametrize("node", [qn.Oscillator, qn.TwoLevel])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_nodes_need_a_frequency(node: type, value: float) -> None:
    with pytest.raises(ValueError, match=r"^frequency must be (positive|finite), but is "):
        node(value)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_baths_need_a_temperature(value: float) -> None:
    with pytest.raises(ValueError, match=r"^temperature must be (positive or zero|finite), but is "):
        qn.Bath("A", value, SPECTRUM)


# ---------------------------------------------------------------- bad names and kinds


def test_unknown_kind_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        ValueError, match=r"^kind must be one of 'oscillator', 'two-level', but is 'oscilator'; did you"
    ):
        qn.two_node("oscilator", **VALUES)


def test_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="gamma"):
        qn.two_node("oscillator", **VALUES, gamma=1.0)
    with pytest.raises(TypeError, match="level"):
        qn.local_master_equation(qn.two_node("oscillator", **VALUES), level=4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"baths": {"hot": qn.Bath("C", 12, SPECTRUM)}}, ValueError, r"the node of bath 'hot' must be one of .*'C'"),
        ({"couplings": {("A", "C"): 0.1}}, ValueError, r"a node of coupling \('A', 'C'\) must be one of .*'C'"),
        ({"couplings": {("A", "A"): 0.1}}, ValueError, r"two different nodes, but is \('A', 'A'\)"),
        ({"couplings": {("A", "B"): 0.1, ("B", "A"): 0.1}}, ValueError, "must be given once"),
        ({"couplings": {"AB": 0.1}}, TypeError, "pair of nodes, but is named 'AB'"),
        ({"couplings": {("A", "B", "A"): 0.1}}, TypeError, "pair of nodes"),
        ({"couplings": {("A", "B"): "0.1"}}, TypeError, "must be a real number"),
        ({"couplings": [("A", "B", 0.1)]}, TypeError, "couplings must be a mapping"),
        ({"nodes": {}, "couplings": {}, "baths": {}}, ValueError, "at least one node"),
        ({"nodes": [qn.Oscillator(1)]}, TypeError, "nodes must be a mapping"),
        ({"nodes": {"A": 10, "B": 5}}, TypeError, "node 'A' must be an Oscillator or a TwoLevel, but is 10"),
        ({"nodes": {0: qn.Oscillator(1)}}, TypeError, "a node's name must be a string, but is 0"),
        ({"baths": {"hot": SPECTRUM}}, TypeError, "bath 'hot' must be a Bath"),
        ({"baths": {1: qn.Bath("A", 12, SPECTRUM)}}, TypeError, "a bath's name must be a string, but is 1"),
        ({"baths": None}, TypeError, "baths must be a mapping, but is None"),
    ],
)
def test_bad_networks_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pair(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": {"C": qn.Oscillator(1)}}, "^node must be one of 'A', 'B', but is 'C'"),
        ({"couplings": {("A", "C"): 0.1}}, "^coupling must be one of "),
        ({"baths": {"warm": qn.Bath("A", 11, SPECTRUM)}}, "^bath must be one of 'hot', 'cold', but is 'warm'"),
    ],
)
def test_replace_takes_known_names_only(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pair().replace(**changes)
    with pytest.raises(TypeError, match="temperature"):
        pair().replace(temperature=1)


def test_a_spectrum_must_have_a_density() -> None:
    with pytest.raises(TypeError, match=r"spectrum must have a method density\(frequency\), but is 0.1"):
        qn.Bath("A", 12, 0.1)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what an equation asks of a network


@pytest.mark.parametrize("value", [None, "oscillator", {"A": qn.Oscillator(10)}, qn.Oscillator(10)], ids=repr)
@pytest.mark.parametrize("build", [*qn.MASTER_EQUATIONS.values(), qn.normal_modes])
def test_what_is_no_network_is_refused(build: Callable[[Any], object], value: object) -> None:
    with pytest.raises(TypeError, match=r"^network must be a Network, but is "):
        build(value)


def test_an_equation_is_shown_in_one_line() -> None:
    equation = qn.local_master_equation(qn.two_node("oscillator", **VALUES), levels={"A": 4, "B": 3}, rtol=50.0)
    line = "local master equation, 12 states (levels={'A': 4, 'B': 3}), collapse operators {hot: 2, cold: 2}"
    assert repr(equation) == str(equation) == line


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
def test_a_master_equation_needs_a_bath(equation: str) -> None:
    nodes = {"A": qn.TwoLevel(10), "B": qn.TwoLevel(5)}
    net = qn.Network(nodes=nodes, couplings={("A", "B"): 0.1}, baths={})
    with pytest.raises(ValueError, match="network must have at least one bath for a master equation, but has none"):
        qn.MASTER_EQUATIONS[equation](net)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
@pytest.mark.parametrize("epsilon", [50**0.5, 7.1, -8.0])
def test_the_global_equation_needs_a_positive_lower_mode(kind: str, epsilon: float) -> None:
    with pytest.raises(ValueError, match=r"epsilon must be below .* = 7\.07107 .*: omega_- would not be positive"):
        qn.global_master_equation(qn.two_node(kind, **{**VALUES, "epsilon": epsilon}))


def test_normal_modes_keep_the_digits_of_a_soft_mode() -> None:
    modes = qn.normal_modes(qn.two_node("oscillator", **{**VALUES, "epsilon": 7.0710678}))
    # ω_+ω_- = ω_hω_c - ε², a difference of numbers near 50 known to rounding: eps·50/(2.2e-7) relative.
    assert modes.omega_plus * modes.omega_minus == pytest.approx(50 - 7.0710678**2, rel=1e-7)
    assert modes.omega_plus + modes.omega_minus == pytest.approx(15, rel=1e-15)
