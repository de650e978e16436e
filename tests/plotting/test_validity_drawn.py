"""The map of where equations are right: regions, errors, boundaries and names are those of the data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from artists import draws_into_the_axes_given, makes_a_new_figure, texts
from matplotlib.collections import QuadMesh
from matplotlib.contour import QuadContourSet

from qnet_qutip.plotting import plot_validity

X, Y = np.geomspace(1e-6, 1, 25), np.geomspace(1e-5, 1, 21)


@pytest.fixture
def dataset():
    """One is right left of 1e-3, two above 1e-3, and three nowhere; gap = γ at x = 1e-2, √(γω) at y = 1e-2."""
    x, y = np.meshgrid(X, Y, indexing="ij")
    over = (["detuning", "epsilon"], np.broadcast_to(1e-2 / x, x.shape))
    errors = [x * 10, 1e-5 / y, np.full_like(x, 0.5)]
    neglected = (1e-2 / x) ** 2 * (y / 1e-2)
    return xr.Dataset(
        {
            "error": (["equation", "detuning", "epsilon"], errors),
            "rate_over_gap": over,
            "neglected": (["detuning", "epsilon"], neglected),
        },
        coords={"equation": ["one", "two_more", "three"], "detuning": X, "epsilon": Y},
    )


def meshes(ax):
    return [artist for artist in ax.collections if isinstance(artist, QuadMesh)]


def contours(ax):
    return [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]


def test_regions_are_the_sets_of_equations_that_are_right(dataset, ax):
    plot_validity(dataset, ax=ax)
    (mesh,) = meshes(ax)
    drawn = mesh.get_array().reshape(len(Y), len(X))
    one, two = (10 * X <= 0.01)[None, :], (1e-5 / Y <= 0.01)[:, None]
    # Of the four sets, those of most equations first.
    sets = [(one & two), (one & ~two), (~one & two), (~one & ~two)]
    assert [len(set(drawn[members].tolist())) for members in sets] == [1] * 4
    assert [int(drawn[members][0]) for members in sets] == [0, 1, 2, 3]
    named = [text for text in ax.texts if "gap" not in text.get_text()]
    assert {text.get_text() for text in named} == {"all but three", "one", "two more", "none"}
    for text in named:
        column, row = np.argmin(abs(X - text.get_position()[0])), np.argmin(abs(Y - text.get_position()[1]))
        right = [name for name, found in (("one", one[0, column]), ("two more", two[row, 0])) if found]
        assert text.get_text() == {0: "none", 1: "".join(right), 2: "all but three"}[len(right)]


def test_boundaries_are_where_the_scales_say_and_are_labelled(dataset, ax):
    plot_validity(dataset, ax=ax)
    dashed, dotted = (np.concatenate([path.vertices for path in line.get_paths()]) for line in contours(ax))
    # Between points of the grid the logarithms are linear in x and y, not in their logarithms.
    step = max(X[1] / X[0], Y[1] / Y[0])
    assert 1e-2 / step <= np.nanmin(dashed[:, 0]) <= np.nanmax(dashed[:, 0]) <= 1e-2 * step
    assert 1e-2 / step <= np.nanmin(dotted[:, 1]) <= np.nanmax(dotted[:, 1]) <= 1e-2 * step
    assert {r"gap $= \gamma$", r"gap $= \sqrt{\gamma\omega}$"} <= set(texts(ax))
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\omega_h - \omega_c$", r"$\epsilon$")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_errors_are_those_of_one_equation_with_a_line_at_the_tolerance(dataset, ax):
    plot_validity(dataset, "one", 0.1, ax=ax)
    (mesh,) = meshes(ax)
    expected = dataset.error.sel(equation="one").values.T
    assert np.asarray(mesh.get_array()).reshape(expected.shape) == pytest.approx(expected)
    tolerance = np.concatenate([path.vertices for path in contours(ax)[0].get_paths()])
    assert 1e-2 * X[0] / X[1] <= tolerance[:, 0].min() <= tolerance[:, 0].max() <= 1e-2 * X[1] / X[0]
    assert not texts(ax)
    assert ax.figure.axes[-1].get_ylabel() == "relative error, one"


def test_without_a_steady_state_nothing_is_drawn_over_the_grey(dataset, ax):
    dataset.error[0, :3] = np.nan
    plot_validity(dataset, "one", ax=ax, colour_bar=False)
    drawn = meshes(ax)[0].get_array().reshape(len(Y), len(X))
    assert np.ma.getmaskarray(drawn)[:, :3].all()
    assert not np.ma.getmaskarray(drawn)[:, 3:].any()
    assert len(ax.figure.axes) == 1


def test_scales_that_are_not_crossed_draw_nothing(dataset, ax):
    plot_validity(dataset.assign(rate_over_gap=dataset.rate_over_gap * 0), ax=ax)
    assert not contours(ax)


def test_linear_parameters_stay_linear(dataset, ax):
    plot_validity(dataset.assign_coords(detuning=np.linspace(-1, 1, len(X))), ax=ax)
    assert ax.get_xscale() == "linear"


def test_axes_given_or_new(dataset, ax):
    draws_into_the_axes_given(lambda **at: plot_validity(dataset, **at), ax)


def test_new_axes(dataset):
    makes_a_new_figure(lambda: plot_validity(dataset, "three"))


def test_bad_arguments_are_refused(dataset, ax):
    with pytest.raises(ValueError, match="equation must be one of 'one'"):
        plot_validity(dataset, "four", ax=ax)
    with pytest.raises(ValueError, match="tolerance must be positive"):
        plot_validity(dataset, tolerance=0, ax=ax)
