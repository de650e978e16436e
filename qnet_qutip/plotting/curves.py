"""Curves of a sweep over one coordinate: heat currents and populations, figures 3 and 4, and every equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from qnet_qutip import checks
from qnet_qutip.plotting.style import (
    SYMBOLS,
    as_drawn,
    axes_or_new,
    current_symbol,
    equation_style,
    one_coordinate,
    population_symbol,
)


def plot_heat_current(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Heat current of a one-dimensional sweep, a solid line with markers for each equation.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    closed : Dataset, optional
        From `sweep` with the method "analytic", drawn on top as a thin black line.
    bath : str, optional
        Name of the bath.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath.
    """
    return _plot_curves(dataset, closed, "heat_current", "bath", bath, current_symbol(bath), "-", ax)


def plot_population(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, node: str = "A", ax: Axes | None = None
) -> Axes:
    """Occupation of a node in a one-dimensional sweep, a dashed line with open markers for each equation.

    Parameters, result and errors are those of `plot_heat_current`, with a node in place of the bath.
    """
    return _plot_curves(dataset, closed, "occupation", "node", node, population_symbol(node), "--", ax)


def plot_current_and_population(
    dataset: xr.Dataset,
    closed: xr.Dataset | None = None,
    bath: str = "hot",
    node: str = "A",
    ax: Axes | None = None,
    legend: str | tuple[float, float] | None = "best",
) -> Axes:
    """Heat current (solid, left axis) and occupation (dashed, right axis) of a one-dimensional sweep, figures 3 and 4.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    closed : Dataset, optional
        From `sweep` with the method "analytic", drawn on top as thin black lines.
    bath, node : str, optional
        Names of the bath and the node.
    ax : Axes, optional
        The left axis; the right one is made as its twin, `ax.figure.axes[-1]`.
    legend : str, pair of float or None, optional
        Place of the legend, as for Matplotlib's `loc`; no legend if None.

    Returns
    -------
    Axes
        The left axis.

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath or node.
    """
    one_coordinate(dataset)
    ax = axes_or_new(ax)
    plot_heat_current(dataset, closed, bath, ax)
    right = ax.twinx()
    plot_population(dataset, closed, node, right)
    if legend is not None:
        # In the upper of the two axes, where no curve is drawn over it.
        place: Any = legend
        right.legend(handles=legend_handles(dataset, closed, bath, node), loc=place, fontsize=9)
    return ax


def legend_handles(
    dataset: xr.Dataset, closed: xr.Dataset | None = None, bath: str = "hot", node: str = "A"
) -> list[Line2D]:
    """Legend entries for `plot_current_and_population`, to be placed by the caller.

    Parameters
    ----------
    dataset, closed, bath, node
        As for `plot_current_and_population`.

    Returns
    -------
    list of Line2D
    """
    handles = []
    for equation in dataset.equation.values:
        common = as_drawn(equation_style(dataset, equation))
        current, population = f"{current_symbol(bath)}, {equation}", f"{population_symbol(node)}, {equation}"
        handles.append(Line2D([], [], linestyle="-", label=current, **common))
        handles.append(Line2D([], [], linestyle="--", markerfacecolor="white", label=population, **common))
    if closed is not None:
        handles.append(Line2D([], [], color="black", linewidth=0.6, label="closed forms"))
    return handles


def _plot_curves(
    dataset: xr.Dataset,
    closed: xr.Dataset | None,
    variable: str,
    dimension: str,
    name: str,
    symbol: str,
    linestyle: str,
    ax: Axes | None,
) -> Axes:
    coordinate = one_coordinate(dataset)
    checks.one_of(dimension, name, dataset[dimension].values.tolist())
    ax = axes_or_new(ax)
    for equation in dataset.equation.values:
        style = equation_style(dataset, equation)
        values = dataset[variable].sel({"equation": equation, dimension: name})
        ax.plot(
            dataset[coordinate].values,
            values.values,
            linestyle=linestyle,
            markerfacecolor=style.colour if linestyle == "-" else "white",
            markevery=max(len(values) // 25, 1),
            label=str(equation),
            **as_drawn(style),
        )
        if closed is not None and equation in closed.equation.values:
            exact = closed[variable].sel({"equation": equation, dimension: name})
            ax.plot(
                closed[coordinate].values,
                exact.values,
                color="black",
                linewidth=0.6,
                zorder=3,
                label=f"{equation}, closed form",
            )
    ax.set_xlabel(SYMBOLS.get(coordinate, coordinate))
    ax.set_ylabel(symbol)
    return ax


def plot_equations(
    dataset: xr.Dataset, reference: xr.DataArray | None = None, bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Heat current of a one-dimensional sweep by any number of equations, a line pattern and a marker for each.

    Where curves coincide, the markers of each are on points of its own.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, with one coordinate.
    reference : DataArray, optional
        Heat current of that bath over the same coordinate, without an equation. If it is given, J/J_reference - 1 is
        drawn in place of J.
    bath : str, optional
        Name of the bath.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the dataset has not one coordinate, or no such bath, or the reference is not over its coordinate.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from qnet_qutip.sweeps import sweep
    >>> fixed = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    >>> dataset = sweep("two-level", ["local", "global", "unified"], {"epsilon": [0.01, 0.1]}, fixed)
    >>> [line.get_label() for line in plot_equations(dataset).get_lines()]
    ['local', 'global', 'unified']
    """
    coordinate = one_coordinate(dataset)
    checks.one_of("bath", bath, dataset.bath.values.tolist())
    currents = dataset.heat_current.sel(bath=bath)
    if reference is not None:
        if reference.dims != (coordinate,) or not np.array_equal(reference[coordinate], dataset[coordinate]):
            raise ValueError(
                f"reference must be over the dataset's values of {coordinate!r} alone, but is over {reference.dims}"
            )
        currents = currents / reference - 1
    ax = axes_or_new(ax)
    number = dataset.sizes["equation"]
    for index, equation in enumerate(dataset.equation.values.tolist()):
        style = equation_style(dataset, equation)
        ax.plot(
            dataset[coordinate].values,
            currents.sel(equation=equation).values,
            linestyle=style.pattern,
            markevery=(index, number) if dataset.sizes[coordinate] >= 2 * number else 1,
            label=equation.replace("_", " "),
            **as_drawn(style),
        )
    symbol = current_symbol(bath)
    ax.set_xlabel(SYMBOLS.get(coordinate, coordinate))
    ax.set_ylabel(symbol if reference is None else f"{symbol} / reference $-$ 1")
    return ax
