"""Trajectories: heat currents and entropy production against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from qnet_qutip.plotting.style import GLOBAL_RED, LOCAL_BLUE, OTHER_COLOURS, axes_or_new, current_symbol


class HasHistory(Protocol):
    """What `plot_trajectory` needs of a trajectory."""

    @property
    def times(self) -> NDArray[np.float64]:
        """Times."""

    @property
    def heat_currents(self) -> Mapping[str, NDArray[np.float64]]:
        """Heat current of each bath at each time."""

    @property
    def entropy_production(self) -> NDArray[np.float64]:
        """Entropy production at each time."""


def plot_trajectory(trajectory: HasHistory, ax: Axes | None = None) -> Axes:
    """Heat currents of every bath against time (left axis) and the entropy production (right axis, dotted).

    Parameters
    ----------
    trajectory : Trajectory
    ax : Axes, optional
        The left axis; the right one is made as its twin, `ax.figure.axes[-1]`.

    Returns
    -------
    Axes
        The left axis.
    """
    ax = axes_or_new(ax)
    styles = {"hot": (GLOBAL_RED, "-"), "cold": (LOCAL_BLUE, "--")}
    handles: list[Line2D] = []
    for index, (bath, current) in enumerate(trajectory.heat_currents.items()):
        colour, linestyle = styles.get(bath, (OTHER_COLOURS[index % len(OTHER_COLOURS)], "-."))
        style: dict[str, Any] = {"color": colour, "linestyle": linestyle, "linewidth": 1.8}
        handles += ax.plot(trajectory.times, current, label=current_symbol(bath), **style)
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_xlabel("$t$")
    ax.set_ylabel("$J$")
    right = ax.twinx()
    # At the first time it can be infinite, when the first state is pure.
    finite = np.where(np.isfinite(trajectory.entropy_production), trajectory.entropy_production, np.nan)
    symbol = r"$\Delta\mathcal{S}_u$"
    handles += right.plot(trajectory.times, finite, color="black", linestyle=":", linewidth=1.5, label=symbol)
    right.set_ylabel(f"entropy production {symbol}")
    # Above the axes: curves level off at any height.
    right.legend(
        handles=handles, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(handles), frameon=False
    )
    return ax
