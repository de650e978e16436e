"""Pictures: what is drawn is what is in the data, and nothing outside the axes given is touched."""

import matplotlib as mpl

mpl.use("Agg")

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb

import qnet_qutip as qn
from qnet_qutip import plotting
from qnet_qutip.sweep import closed_forms, relative_deviation, sweep

FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
FIGURE_2 = {"omega_c": 5.0, "epsilon": 1e-4, "T_c": 10.0, "kappa": 1e-7}
CURVE = ("two-level", ["local", "global"], {"epsilon": [0.01, 0.1, 0.5, 1.0]}, FIGURE_3)
MAP = ("two-level", ["local"], {"omega_h": [3.0, 6.0, 9.0], "T_h": [11.0, 14.0]}, FIGURE_2)


@dataclass(frozen=True)
class History:
    times: np.ndarray
    heat_currents: dict
    entropy_production: np.ndarray


HISTORY = History(
    times=np.linspace(0, 4, 5),
    heat_currents={"hot": np.arange(5.0), "cold": -np.arange(5.0), "third": np.ones(5)},
    entropy_production=np.array([np.inf, 4.0, 2.0, 1.0, 0.5]),
)


@pytest.fixture(scope="module")
def curve():
    return sweep(*CURVE), closed_forms(*CURVE)


@pytest.fixture(scope="module")
def surface():
    return sweep(*MAP), closed_forms(*MAP)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(autouse=True)
def _settings_stay():
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture(scope="module")
def drawings(curve, surface):
    return {
        "network": lambda **at: plotting.plot_network(two_nodes(), **at),
        "current": lambda **at: plotting.plot_heat_current(*curve, **at),
        "population": lambda **at: plotting.plot_population(*curve, **at),
        "both": lambda **at: plotting.plot_current_and_population(*curve, **at),
        "equations": lambda **at: plotting.plot_equations(curve[0], **at),
        "entropy": lambda **at: plotting.plot_entropy_production(surface[0], **at),
        "error": lambda **at: plotting.plot_relative_error(*surface, **at),
        "trajectory": lambda **at: plotting.plot_trajectory(HISTORY, **at),
    }


NAMES = ["network", "current", "population", "both", "equations", "entropy", "error", "trajectory"]


def two_nodes(kind="oscillator"):
    return qn.two_node(kind, omega_h=10, omega_c=5, epsilon=0.25, T_h=12, T_c=9, kappa=1e-4)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


@pytest.mark.parametrize("name", NAMES)
def test_axes_given_are_drawn_into_and_returned(name, drawings, ax):
    assert drawings[name](ax=ax) is ax
    assert ax.has_data()
    assert len(plt.get_fignums()) == 1
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", NAMES)
def test_new_figure_is_made_without_axes(name, drawings):
    axes = drawings[name]()
    assert plt.get_fignums() == [axes.figure.number]


# ---------------------------------------------------------------- curves


def test_curves_are_the_data(curve, ax):
    dataset, closed = curve
    plotting.plot_current_and_population(dataset, closed, ax=ax)
    right = ax.figure.axes[-1]
    for axes, variable, member in ((ax, "heat_current", {"bath": "hot"}), (right, "occupation", {"node": "A"})):
        drawn = lines(axes)
        for equation in ("local", "global"):
            for label, source in ((equation, dataset), (f"{equation}, closed form", closed)):
                np.testing.assert_array_equal(drawn[label].get_xdata(), source.epsilon)
                np.testing.assert_array_equal(
                    drawn[label].get_ydata(), source[variable].sel(equation=equation, **member)
                )


def test_currents_are_solid_and_populations_dashed_and_equations_differ_in_marker_and_grey(curve, ax):
    plotting.plot_current_and_population(*curve, ax=ax)
    left, right = lines(ax), lines(ax.figure.axes[-1])
    for equation in ("local", "global"):
        assert left[equation].get_linestyle() == "-"
        assert right[equation].get_linestyle() == "--"
    assert left["local"].get_marker() != left["global"].get_marker()
    blue, red = (np.array(to_rgb(left[equation].get_color())) for equation in ("local", "global"))
    assert blue.argmax() == 2
    assert red.argmax() == 0
    luminance = [0.2126, 0.7152, 0.0722]
    assert abs(blue @ luminance - red @ luminance) > 0.1


def test_labels_are_the_symbols_of_the_paper(curve, ax):
    plotting.plot_current_and_population(*curve, ax=ax)
    assert ax.get_xlabel() == r"$\epsilon$"
    assert ax.get_ylabel() == "$J_h$"
    right = ax.figure.axes[-1]
    assert right.get_ylabel() == r"$\langle a^\dagger a\rangle$"
    entries = [text.get_text() for text in right.get_legend().get_texts()]
    assert entries == [
        "$J_h$, local",
        r"$\langle a^\dagger a\rangle$, local",
        "$J_h$, global",
        r"$\langle a^\dagger a\rangle$, global",
        "closed forms",
    ]


@pytest.mark.parametrize(("options", "label"), [({}, "$J_h$"), ({"bath": "hot"}, "$J_h$"), ({"bath": "cold"}, "$J_c$")])
def test_heat_current_is_labelled_by_its_bath(options, label, curve, ax):
    plotting.plot_heat_current(*curve, **options, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\epsilon$", label)


@pytest.mark.parametrize(
    ("options", "label"),
    [({}, r"$\langle a^\dagger a\rangle$"), ({"node": "B"}, r"$\langle b^\dagger b\rangle$")],
)
def test_population_is_labelled_by_its_node(options, label, curve, ax):
    plotting.plot_population(*curve, **options, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\epsilon$", label)


def test_both_axes_are_labelled_by_the_bath_and_the_node_asked_for(curve, ax):
    plotting.plot_current_and_population(*curve, bath="cold", node="B", ax=ax)
    assert (ax.get_ylabel(), ax.figure.axes[-1].get_ylabel()) == ("$J_c$", r"$\langle b^\dagger b\rangle$")


@pytest.mark.parametrize("variable", ["omega_h", "T_h", "T_c", "kappa", "omega_c"])
def test_coordinate_of_a_curve_is_its_symbol(variable, curve, ax):
    plotting.plot_heat_current(curve[0].rename(epsilon=variable), ax=ax)
    symbols = {"omega_h": r"$\omega_h$", "omega_c": r"$\omega_c$", "T_h": "$T_h$", "T_c": "$T_c$", "kappa": r"$\kappa$"}
    assert ax.get_xlabel() == symbols[variable]


def test_legend_can_be_left_out(curve, ax):
    plotting.plot_current_and_population(*curve, ax=ax, legend=None)
    assert ax.figure.axes[-1].get_legend() is None


def test_other_equations_have_their_own_styles(curve, ax):
    renamed = curve[0].assign_coords(equation=["redfield", "exact"])
    plotting.plot_heat_current(renamed, ax=ax)
    drawn = lines(ax)
    assert drawn["redfield"].get_color() != drawn["exact"].get_color()
    assert drawn["redfield"].get_marker() != drawn["exact"].get_marker()


def test_curves_refuse_a_map_and_unknown_names(curve, surface, ax):
    with pytest.raises(ValueError, match="must have one coordinate for a curve, but has omega_h, T_h"):
        plotting.plot_current_and_population(surface[0], ax=ax)
    with pytest.raises(ValueError, match="bath must be one of 'hot', 'cold'"):
        plotting.plot_heat_current(curve[0], bath="warm", ax=ax)
    with pytest.raises(ValueError, match="node must be one of 'A', 'B'"):
        plotting.plot_population(curve[0], node="C", ax=ax)


# ---------------------------------------------------------------- every equation


@pytest.fixture(scope="module")
def every_equation():
    return sweep("two-level", list(qn.MASTER_EQUATIONS), {"epsilon": np.linspace(0.1, 1, 12)}, FIGURE_3)


def test_every_equation_is_drawn_as_it_is(every_equation, ax):
    plotting.plot_equations(every_equation, bath="cold", ax=ax)
    drawn = lines(ax)
    assert list(drawn) == ["local", "global", "unified", "universal", "redfield", "partial secular"]
    for name, line in zip(qn.MASTER_EQUATIONS, drawn.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), every_equation.epsilon)
        np.testing.assert_array_equal(line.get_ydata(), every_equation.heat_current.sel(equation=name, bath="cold"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\epsilon$", "$J_c$")


def test_equations_are_told_apart_without_colours_and_where_they_coincide(every_equation, ax):
    plotting.plot_equations(every_equation, ax=ax)
    drawn = ax.get_lines()
    assert len({line.get_marker() for line in drawn}) == len(drawn)
    # Local and global, dark and wide below light and narrow, are both solid; all others have patterns of their own.
    patterns = [line._dash_pattern for line in drawn]
    assert len({str(pattern) for pattern in patterns}) == len(drawn) - 1
    marked = [set(range(12)[line.get_markevery()[0] :: line.get_markevery()[1]]) for line in drawn]
    assert sum(map(len, marked)) == len(set().union(*marked)) == 12


def test_equations_of_other_names_have_patterns_and_markers_of_their_own(every_equation, ax):
    plotting.plot_equations(every_equation.assign_coords(equation=[*"abcd", "local", "global"]), ax=ax)
    assert len({line.get_marker() for line in ax.get_lines()}) == 6


def test_deviation_is_from_the_reference(every_equation, ax):
    reference = every_equation.heat_current.sel(equation="global", bath="hot", drop=True)
    plotting.plot_equations(every_equation, reference, ax=ax)
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["global"].get_ydata(), 0)
    expected = every_equation.heat_current.sel(equation="redfield", bath="hot") / reference - 1
    np.testing.assert_array_equal(drawn["redfield"].get_ydata(), expected)
    assert ax.get_ylabel() == "$J_h$ / reference $-$ 1"


def test_reference_of_other_values_is_refused(every_equation, ax):
    reference = every_equation.heat_current.sel(bath="hot")
    with pytest.raises(ValueError, match="reference must be over the dataset's values of 'epsilon' alone"):
        plotting.plot_equations(every_equation, reference, ax=ax)
    with pytest.raises(ValueError, match="reference must be over the dataset's values of 'epsilon' alone"):
        plotting.plot_equations(every_equation, reference.sel(equation="global")[1:], ax=ax)
    with pytest.raises(ValueError, match="bath must be one of 'hot', 'cold'"):
        plotting.plot_equations(every_equation, bath="warm", ax=ax)


# ---------------------------------------------------------------- maps


def mesh_of(axes):
    return next(item for item in axes.collections if isinstance(item, QuadMesh))


def test_entropy_map_is_the_data_with_blue_negative(surface, ax):
    plotting.plot_entropy_production(surface[0], ax=ax)
    mesh = mesh_of(ax)
    values = surface[0].entropy_production.sel(equation="local").transpose("T_h", "omega_h").values
    np.testing.assert_array_equal(mesh.get_array().reshape(values.shape), values)
    assert mesh.norm.vmin == -mesh.norm.vmax
    assert mesh.norm(0) == pytest.approx(0.5)
    colours = mesh.cmap(mesh.norm(values))
    assert (values < 0).any()
    assert (values > 0).any()
    assert np.all((colours[..., 2] > colours[..., 0]) == (values < 0))
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\omega_h$", "$T_h$")
    assert "entropy production" in ax.figure.axes[-1].get_ylabel()


def test_zero_line_is_where_the_local_current_changes_sign(surface, ax):
    plotting.plot_entropy_production(surface[0], ax=ax)
    line = lines(ax)["zero line"]
    np.testing.assert_allclose(line.get_xdata() / line.get_ydata(), FIGURE_2["omega_c"] / FIGURE_2["T_c"])


def test_scale_of_the_entropy_map_can_be_given(surface, ax):
    plotting.plot_entropy_production(surface[0], limit=1e-13, ax=ax)
    assert mesh_of(ax).norm.vmax == 1e-13


def test_error_map_is_the_relative_deviation(surface, ax):
    dataset, closed = surface
    wrong = dataset.assign(heat_current=dataset.heat_current * 1.01)
    plotting.plot_relative_error(wrong, closed, ax=ax)
    expected = relative_deviation(wrong, closed).sel(equation="local", bath="hot").transpose("T_h", "omega_h").values
    drawn = mesh_of(ax).get_array().reshape(expected.shape)
    np.testing.assert_array_equal(drawn, np.maximum(expected, np.finfo(float).eps))
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\omega_h$", "$T_h$")
    assert ax.figure.axes[-1].get_ylabel() == "relative error of $J_h$"


def test_error_map_of_another_bath_says_so(surface, ax):
    dataset, closed = surface
    shift = xr.DataArray([0.01, 0.02], {"bath": ["hot", "cold"]})
    wrong = dataset.assign(heat_current=dataset.heat_current * (1 + shift))
    plotting.plot_relative_error(wrong, closed, bath="cold", ax=ax)
    expected = relative_deviation(wrong, closed).sel(equation="local", bath="cold").transpose("T_h", "omega_h").values
    np.testing.assert_array_equal(mesh_of(ax).get_array().reshape(expected.shape), expected)
    assert ax.figure.axes[-1].get_ylabel() == "relative error of the cold current"


@pytest.mark.parametrize("name", ["entropy", "error"])
def test_maps_have_omega_h_across_and_T_h_upwards(name, drawings, ax):
    drawings[name](ax=ax)
    # The cells' corners lie half a step outside the first and the last value.
    assert (ax.get_xlim(), ax.get_ylim()) == ((1.5, 10.5), (9.5, 15.5))


def test_maps_refuse_other_coordinates_and_arguments(curve, surface, ax):
    with pytest.raises(ValueError, match="must be over omega_h and T_h, but is over epsilon"):
        plotting.plot_entropy_production(curve[0], ax=ax)
    with pytest.raises(ValueError, match="equation must be one of 'local'"):
        plotting.plot_entropy_production(surface[0], equation="global", ax=ax)
    with pytest.raises(ValueError, match="limit must be positive"):
        plotting.plot_entropy_production(surface[0], limit=-1, ax=ax)
    with pytest.raises(ValueError, match="values of 'omega_h'"):
        plotting.plot_relative_error(surface[0], surface[1].assign_coords(omega_h=[1, 2, 3]), ax=ax)


# ---------------------------------------------------------------- networks and trajectories


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


def test_trajectory_is_drawn_where_it_is_finite(ax):
    plotting.plot_trajectory(HISTORY, ax=ax)
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["$J_h$"].get_ydata(), HISTORY.heat_currents["hot"])
    np.testing.assert_array_equal(drawn["$J_c$"].get_ydata(), HISTORY.heat_currents["cold"])
    np.testing.assert_array_equal(drawn[r"$J_\mathrm{third}$"].get_ydata(), HISTORY.heat_currents["third"])
    right = ax.figure.axes[-1]
    np.testing.assert_array_equal(right.get_lines()[0].get_ydata(), [np.nan, 4.0, 2.0, 1.0, 0.5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$t$", "$J$")
    assert "entropy production" in right.get_ylabel()
