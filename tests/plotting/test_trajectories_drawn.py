"""Trajectories: currents and entropy production against time."""

from dataclasses import dataclass

import numpy as np
from artists import draws_into_the_axes_given, lines, makes_a_new_figure

from qnet_qutip import plotting


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


def test_trajectory_is_drawn_into_the_axes_given_or_a_new_figure(ax):
    draws_into_the_axes_given(lambda **at: plotting.plot_trajectory(HISTORY, **at), ax)


def test_trajectory_without_axes_makes_a_new_figure():
    makes_a_new_figure(lambda: plotting.plot_trajectory(HISTORY))


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
