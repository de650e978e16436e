"""Networks as values, and every bad one refused with the argument, its value and what it must be."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qnet_qutip as qn

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
    copy = pickle.loads(pickle.dumps(net))
    assert copy == net
    assert list(copy.nodes) == ["A", "B"]


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


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_baths_need_a_temperature(value: float) -> None:
    with pytest.raises(ValueError, match=r"^temperature must be (positive|finite), but is "):
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


@pytest.mark.parametrize(
    "nodes",
    [
        {"A": qn.Oscillator(10), "B": qn.TwoLevel(5)},
        {"A": qn.TwoLevel(10)},
        {"A": qn.TwoLevel(10), "B": qn.TwoLevel(5), "C": qn.TwoLevel(3)},
    ],
)
def test_the_global_equation_is_for_two_nodes_of_one_kind(nodes: dict[str, qn.network.Node]) -> None:
    net = qn.Network(nodes=nodes, couplings={}, baths={"hot": qn.Bath("A", 12, SPECTRUM)})
    with pytest.raises(ValueError, match="network must have two nodes of one kind for the global equation, but has"):
        qn.global_master_equation(net)


def test_normal_modes_keep_the_digits_of_a_soft_mode() -> None:
    modes = qn.normal_modes(qn.two_node("oscillator", **{**VALUES, "epsilon": 7.0710678}))
    # ω_+ω_- = ω_hω_c - ε², a difference of numbers near 50 known to rounding: eps·50/(2.2e-7) relative.
    assert modes.omega_plus * modes.omega_minus == pytest.approx(50 - 7.0710678**2, rel=1e-7)
    assert modes.omega_plus + modes.omega_minus == pytest.approx(15, rel=1e-15)
