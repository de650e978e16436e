"""Schematics of networks, and the currents that are drawn over them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
from artists import draws_into_the_axes_given, makes_a_new_figure, texts
from matplotlib.patches import Polygon

import qnet_qutip as qn
from qnet_qutip import plotting
from qnet_qutip.flows import flows
from qnet_qutip.layout import BATH_HALF, NODE_RADIUS, ROOM_FOR_CURRENTS, THINNEST, WIDEST, network_layout
from qnet_qutip.plotting.style import scientific

PHONONS = qn.PhononSpectrum(1e-4)


def two_nodes(kind="oscillator"):
    return qn.two_node(kind, omega_h=10, omega_c=5, epsilon=0.25, T_h=12, T_c=9, kappa=1e-4)


def test_network_shows_every_name_and_number(ax):
    plotting.plot_network(two_nodes(), ax=ax)
    shown = texts(ax)
    assert {"A", "B", "hot", "cold"} <= set(shown)
    assert {r"$\omega = 10$", r"$\omega = 5$", r"$\epsilon = 0.25$", "$T = 12$", "$T = 9$"} <= set(shown)


def test_network_takes_symbols_for_numbers(ax):
    plotting.plot_network(two_nodes(), {"A": r"$\omega_h$", ("A", "B"): r"$\epsilon$", "hot": "$T_h$"}, ax=ax)
    assert {r"$\omega_h$", r"$\epsilon$", "$T_h$", "$T = 9$"} <= set(texts(ax))


def test_label_of_nothing_is_refused(ax):
    with pytest.raises(ValueError, match="a label must be one of"):
        plotting.plot_network(two_nodes(), {"C": "x"}, ax=ax)


def test_kinds_of_node_look_different(ax):
    plotting.plot_network(two_nodes("two-level"), ax=ax)
    levels = len(ax.get_lines())
    ax.clear()
    plotting.plot_network(two_nodes("oscillator"), ax=ax)
    assert len(ax.get_lines()) > levels


def chain_out_of_order():
    spectrum = qn.PhononSpectrum(1e-4)
    return qn.Network(
        nodes={name: qn.TwoLevel(5) for name in "ABCD"},
        couplings={("A", "C"): 0.1, ("C", "B"): 0.1, ("B", "D"): 0.1},
        baths={"hot": qn.Bath("A", 12, spectrum), "cold": qn.Bath("D", 10, spectrum), "x": qn.Bath("C", 9, spectrum)},
    )


def ring_with_two_baths_on_a_node():
    spectrum = qn.PhononSpectrum(1e-4)
    return qn.Network(
        nodes={"A": qn.Oscillator(5), "B": qn.TwoLevel(5), "C": qn.TwoLevel(5)},
        couplings={("A", "B"): 0.1, ("B", "C"): 0.1, ("C", "A"): 0.1},
        baths={"hot": qn.Bath("A", 12, spectrum), "cold": qn.Bath("A", 10, spectrum)},
    )


def single_node():
    spectrum = qn.PhononSpectrum(1e-4)
    baths = {"hot": qn.Bath("A", 12, spectrum), "cold": qn.Bath("A", 10, spectrum)}
    return qn.Network({"A": qn.Oscillator(5)}, {}, baths)


@pytest.mark.parametrize("network", [chain_out_of_order(), ring_with_two_baths_on_a_node(), single_node()])
def test_no_two_labels_of_a_network_overlap(network):
    figure = plt.figure(figsize=(6, 6))
    axes = plotting.plot_network(network, ax=figure.subplots())
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 2 * len(network.nodes) + len(network.couplings) + 2 * len(network.baths)
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_chain_is_drawn_in_its_order(ax):
    plotting.plot_network(chain_out_of_order(), ax=ax)
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["A"][0] < places["C"][0] < places["B"][0] < places["D"][0]
    assert len({places[name][1] for name in "ABCD"}) == 1


def test_couplings_and_anharmonicities_are_labelled_by_what_they_are(ax):
    couplings = {("A", "B"): (0.1, qn.Dispersive(-0.2)), ("B", "C"): qn.Quadrature(0.3)}
    nodes = {"A": qn.TwoLevel(5), "B": qn.Oscillator(4, anharmonicity=0.5), "C": qn.Oscillator(3)}
    plotting.plot_network(qn.Network(nodes, couplings, {}), ax=ax)
    texts = {text.get_text() for text in ax.texts}
    assert {r"$\epsilon = 0.1$, $\chi = -0.2$", "$g = 0.3$"} <= texts
    assert {r"$\omega = 5$", r"$\omega = 4$, $\alpha = 0.5$", r"$\omega = 3$"} <= texts


def test_network_is_drawn_into_the_axes_given_or_a_new_figure(ax):
    draws_into_the_axes_given(two_nodes().draw, ax)
    plt.close("all")
    makes_a_new_figure(two_nodes().draw)


def test_a_bath_may_have_the_name_of_a_node(ax):
    net = qn.chain([qn.TwoLevel(5)], 0.0, A=qn.Bath("A", 3, PHONONS))
    net.draw(ax)
    assert sorted(texts(ax)) == ["$T = 3$", r"$\omega = 5$", "A", "A"]
    html = net._repr_html_()
    assert ">ω = 5<" in html
    assert ">T = 3<" in html


def test_names_that_look_like_formulas_are_written_as_they_are(ax):
    net = qn.chain({"q_$1": qn.TwoLevel(5), "b$": qn.TwoLevel(4)}, 0.1, **{"100%": qn.Bath("b$", 3, PHONONS)})
    net.draw(ax)
    ax.figure.canvas.draw()
    assert {"q_$1", "b$", "100%"} <= set(texts(ax))
    plotting.plot_currents(qn.steady_state(qn.local_master_equation(net)), ax.figure.add_subplot())
    ax.figure.canvas.draw()


# ---------------------------------------------------------------- layouts of graphs


def of_pairs(names, pairs, baths=()):
    return qn.Network(
        {name: qn.TwoLevel(5) for name in names},
        dict.fromkeys(pairs, 0.1),
        {f"bath {node}": qn.Bath(node, 10, PHONONS) for node in baths},
    )


GRAPHS = {
    "chain": of_pairs("ABCDE", map(tuple, ["AB", "BC", "CD", "DE"]), "ACE"),
    "ring": of_pairs("ABCDEF", map(tuple, ["AB", "BC", "CD", "DE", "EF", "FA"]), "ABD"),
    "ring out of order": of_pairs("ABCD", map(tuple, ["AC", "CB", "BD", "DA"]), "AB"),
    "star": of_pairs("ABCDEF", map(tuple, ["AB", "AC", "AD", "AE", "AF"]), "ABC"),
    "grid": of_pairs("ABCDEF", map(tuple, ["AB", "BC", "DE", "EF", "AD", "BE", "CF"]), "ABF"),
    "complete": of_pairs("ABCD", map(tuple, ["AB", "AC", "AD", "BC", "BD", "CD"]), "AD"),
    "tree": of_pairs("ABCDEFG", map(tuple, ["AB", "AC", "BD", "BE", "CF", "CG"]), "ADG"),
    "parts": of_pairs("ABCDE", map(tuple, ["AB", "CD"]), "ACE"),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("spacing", [1.0, ROOM_FOR_CURRENTS])
def test_no_two_shapes_of_a_layout_touch(name, spacing):
    layout = network_layout(GRAPHS[name], spacing)
    nodes, baths = np.array(list(layout.nodes.values())), np.array(list(layout.baths.values()))
    apart = np.abs(nodes[:, None] - nodes)[~np.eye(len(nodes), dtype=bool)]
    assert apart.min() > 2 * NODE_RADIUS + 0.5
    offset = baths[:, None] - nodes
    corner = np.maximum(np.abs(offset.real) - BATH_HALF, 0) + 1j * np.maximum(np.abs(offset.imag) - BATH_HALF, 0)
    assert np.abs(corner).min() > NODE_RADIUS
    between = (baths[:, None] - baths)[~np.eye(len(baths), dtype=bool)]
    assert np.maximum(np.abs(between.real), np.abs(between.imag)).min(initial=9) > 2 * BATH_HALF


def test_coupled_nodes_are_nearer_than_others_in_any_graph():
    for name in ("ring", "ring out of order", "grid", "tree"):
        network = GRAPHS[name]
        places = network_layout(network).nodes
        coupled = [abs(places[a] - places[b]) for a, b in network.couplings]
        others = [
            abs(places[a] - places[b]) for a in places for b in places if a < b and (a, b) not in network.couplings
        ]
        assert max(coupled) < min(others), name


def test_star_has_its_centre_in_the_middle_wherever_it_is_in_the_network():
    network = of_pairs("ABCD", map(tuple, ["AC", "BC", "CD"]))
    places = network_layout(network).nodes
    assert places["C"] == pytest.approx(np.mean([places[name] for name in "ABD"]))


def test_parts_lie_side_by_side():
    places = network_layout(GRAPHS["parts"]).nodes
    assert max(places[name].real for name in "AB") < min(places[name].real for name in "CD")
    assert max(places[name].real for name in "CD") < places["E"].real


# ---------------------------------------------------------------- currents


def arrows(axes):
    """Corners of the arrows: tail, head, tip, head, tail."""
    return [patch.get_xy()[:-1] for patch in axes.patches if isinstance(patch, Polygon)]


def direction(corners):
    tail, tip = (corners[0] + corners[-1]) / 2, corners[3]
    return np.sign(tip[0] - tail[0])


def width(corners):
    return np.linalg.norm(corners[0] - corners[-1])


def test_arrows_show_where_heat_goes_and_how_much(ax):
    net = qn.chain(
        [qn.TwoLevel(5)] * 3,
        0.01,
        hot=qn.Bath("A", 12, PHONONS),
        middle=qn.Bath("B", 11.9, PHONONS),
        cold=qn.Bath("C", 10, PHONONS),
    )
    state = qn.steady_state(qn.local_master_equation(net))
    state.plot(ax)
    found = flows(state)
    assert found["hot"].current == state.heat_currents["hot"]
    assert found["A", "B"].current == pytest.approx(state.excitation_currents["A", "B"])
    drawn = arrows(ax)
    # Couplings are drawn first, then baths; on the row both hot on the left and cold on the right push to the right.
    signs = [direction(corners) for corners in drawn]
    assert [signs[0], signs[1], signs[2], signs[4]] == [1, 1, 1, 1]
    widths = [width(corners) for corners in drawn]
    order = [("A", "B"), ("B", "C"), "hot", "middle", "cold"]
    expected = [THINNEST + (WIDEST - THINNEST) * abs(found[name].relative) for name in order]
    np.testing.assert_allclose(widths, expected)
    assert max(widths) == pytest.approx(WIDEST)
    assert any(text == f"$J_h = {scientific(state.heat_currents['hot'], 3)}$" for text in texts(ax))
    assert "law broken" not in ax.get_title()


def test_heat_that_runs_from_cold_to_hot_is_drawn_so_and_named(ax):
    state = qn.steady_state(qn.local_master_equation(two_nodes("two-level")))
    plotting.plot_currents(state, ax)
    assert [direction(corners) for corners in arrows(ax)] == [-1, -1, -1]
    assert "second law broken" in ax.get_title()
    assert scientific(state.entropy_production, 3) in ax.get_title()


def test_what_the_global_equation_exchanges_between_nodes_is_no_current(ax):
    state = qn.steady_state(qn.global_master_equation(two_nodes("two-level")))
    plotting.plot_currents(state, ax)
    assert len(arrows(ax)) == 2
    assert r"$I \approx 0$" in texts(ax)


def test_state_of_a_hamiltonian_of_ones_own_is_refused(ax):
    state = qn.steady_state(qutip.sigmaz(), {"bath": qutip.sigmam()})
    for draw in (plotting.plot_currents, plotting.plot_covariance, plotting.plot_populations):
        with pytest.raises(TypeError, match="state must be one of a network, but is one of a Hamiltonian of one's own"):
            draw(state, ax=ax)
    with pytest.raises(TypeError, match="state must be a SteadyState"):
        plotting.plot_currents(two_nodes(), ax=ax)
