"""Pictures of networks, states, sweeps and trajectories, with the symbols of the paper.

Every function draws into the Matplotlib `Axes` that it is given, or into those of a new figure, and returns them. None
changes a global setting of Matplotlib. Import this package by itself: ``from qnet_qutip import plotting``.
"""

from qnet_qutip.plotting.curves import (
    legend_handles,
    plot_current_and_population,
    plot_equations,
    plot_heat_current,
    plot_population,
)
from qnet_qutip.plotting.maps import plot_entropy_production, plot_relative_error
from qnet_qutip.plotting.networks import plot_currents, plot_network
from qnet_qutip.plotting.states import plot_covariance, plot_populations, plot_wigner
from qnet_qutip.plotting.style import EQUATION_STYLES, GLOBAL_RED, LOCAL_BLUE, Style
from qnet_qutip.plotting.trajectories import plot_trajectory
from qnet_qutip.plotting.validity import plot_validity

__all__ = [
    "EQUATION_STYLES",
    "GLOBAL_RED",
    "LOCAL_BLUE",
    "Style",
    "legend_handles",
    "plot_covariance",
    "plot_current_and_population",
    "plot_currents",
    "plot_entropy_production",
    "plot_equations",
    "plot_heat_current",
    "plot_network",
    "plot_population",
    "plot_populations",
    "plot_relative_error",
    "plot_trajectory",
    "plot_validity",
    "plot_wigner",
]
