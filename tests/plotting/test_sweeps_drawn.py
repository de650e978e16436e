"""Curves and maps of a sweep: what is drawn is what is in the data."""

import numpy as np
import pytest
import xarray as xr
from artists import draws_into_the_axes_given, lines, makes_a_new_figure
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb

import qnet_qutip as qn
from qnet_qutip import plotting
from qnet_qutip.sweeps import relative_deviation, sweep

FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
FIGURE_2 = {"omega_c": 5.0, "epsilon": 1e-4, "T_c": 10.0, "kappa": 1e-7}
CURVE = ("two-level", ["local", "global"], {"epsilon": [0.01, 0.1, 0.5, 1.0]}, FIGURE_3)
MAP = ("two-level", ["local"], {"omega_h": [3.0, 6.0, 9.0], "T_h": [11.0, 14.0]}, FIGURE_2)


@pytest.fixture(scope="module")
def curve():
    return sweep(*CURVE), sweep(*CURVE, method="analytic")


@pytest.fixture(scope="module")
def surface():
    return sweep(*MAP), sweep(*MAP, method="analytic")


@pytest.fixture(scope="module")
def drawings(curve, surface):
    return {
        "current": lambda **at: plotting.plot_heat_current(*curve, **at),
        "population": lambda **at: plotting.plot_population(*curve, **at),
        "both": lambda **at: plotting.plot_current_and_population(*curve, **at),
        "equations": lambda **at: plotting.plot_equations(curve[0], **at),
        "entropy": lambda **at: plotting.plot_entropy_production(surface[0], **at),
        "error": lambda **at: plotting.plot_relative_error(*surface, **at),
    }


NAMES = ["current", "population", "both", "equations", "entropy", "error"]


@pytest.mark.parametrize("name", NAMES)
def test_axes_given_are_drawn_into_and_returned(name, drawings, ax):
    draws_into_the_axes_given(drawings[name], ax)


@pytest.mark.parametrize("name", NAMES)
def test_new_figure_is_made_without_axes(name, drawings):
    makes_a_new_figure(drawings[name])


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
