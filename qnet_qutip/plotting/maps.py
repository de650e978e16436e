"""Maps of a sweep over ω_h and T_h, figure 2: the entropy production, and the error of the heat current."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.ticker import LogLocator

from qnet_qutip import checks
from qnet_qutip.plotting.style import SYMBOLS, axes_or_new, coordinates
from qnet_qutip.sweeps.dataset import relative_deviation

LOGARITHMIC_RANGE = 300.0
"""Of each side of the scale of the entropy production: its end over the point where it becomes linear."""


def plot_entropy_production(
    dataset: xr.Dataset, equation: str = "local", limit: float | None = None, ax: Axes | None = None
) -> Axes:
    """Signed map of the entropy production over (ω_h, T_h), figure 2: blue is negative.

    The colour scale is logarithmic on both sides of zero and linear within a three-hundredth of its ends.

    Parameters
    ----------
    dataset : Dataset
        From `sweep`, over the coordinates omega_h and T_h.
    equation : str, optional
        Which of the dataset's equations.
    limit : float, optional
        Where the colour scale ends, on both sides; values beyond it take the last colour. By default three times the
        largest magnitude of the sign whose magnitudes are smaller, so that both signs show their structure.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the coordinates are not omega_h and T_h, the dataset has no such equation, or `limit` is not positive.
    """
    values = _map_values(dataset, dataset.entropy_production, equation)
    if limit is None:
        magnitudes = [float(np.max(side, initial=0.0)) for side in (values.values, -values.values)]
        limit = 3 * min(magnitudes) if min(magnitudes) > 0 else max(magnitudes)
    limit = checks.positive("limit", limit)
    linear = limit / LOGARITHMIC_RANGE
    ax = axes_or_new(ax)
    mesh = _draw_map(values, SymLogNorm(linear, vmin=-limit, vmax=limit), "RdBu_r", ax)
    low, high = bool(values.min() < -limit), bool(values.max() > limit)
    bar = ax.figure.colorbar(
        mesh, ax=ax, extend={(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[low, high]
    )
    bar.set_label(r"entropy production $\Delta\mathcal{S}_u$")
    decades = 10.0 ** np.arange(np.ceil(np.log10(linear)), np.floor(np.log10(limit)) + 1)
    bar.set_ticks([*-decades[::-1], 0.0, *decades])
    bar.minorticks_off()
    _draw_zero_line(dataset, ax)
    return _label_map(ax)


def plot_relative_error(
    dataset: xr.Dataset, closed: xr.Dataset, equation: str = "local", bath: str = "hot", ax: Axes | None = None
) -> Axes:
    """Map over (ω_h, T_h) of the heat current's deviation from the closed form, by `relative_deviation`.

    Parameters
    ----------
    dataset, closed : Dataset
        From `sweep`, of density matrices and with the method "analytic", over the same coordinates omega_h and T_h.
    equation, bath : str, optional
        Which heat current.
    ax : Axes, optional
        A colour bar is put beside it.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the coordinates are not omega_h and T_h or differ, or the dataset has no such equation.
    """
    values = _map_values(dataset, relative_deviation(dataset, closed).sel(bath=bath), equation)
    ax = axes_or_new(ax)
    # Agreement to the last digit has no logarithm: it takes the lowest colour.
    largest = max(float(values.max()), 2 * np.finfo(float).eps)
    norm = LogNorm(max(largest * 1e-4, np.finfo(float).eps), largest)
    mesh = _draw_map(values.clip(min=np.finfo(float).eps), norm, "viridis", ax)
    bar = ax.figure.colorbar(mesh, ax=ax, extend="min")
    bar.set_label(r"relative error of $J_h$" if bath == "hot" else f"relative error of the {bath} current")
    bar.ax.yaxis.set_major_locator(LogLocator())
    _draw_zero_line(dataset, ax)
    return _label_map(ax)


def _map_values(dataset: xr.Dataset, values: xr.DataArray, equation: str) -> xr.DataArray:
    if set(coordinates(dataset)) != {"omega_h", "T_h"}:
        raise ValueError(f"dataset must be over omega_h and T_h, but is over {', '.join(coordinates(dataset))}")
    checks.one_of("equation", equation, dataset.equation.values.tolist())
    selected: xr.DataArray = values.sel(equation=equation).transpose("T_h", "omega_h")
    return selected


def _draw_map(values: xr.DataArray, norm: Normalize, colours: str, ax: Axes) -> QuadMesh:
    return ax.pcolormesh(
        values.omega_h.values,
        values.T_h.values,
        values.values,
        norm=norm,
        cmap=colours,
        shading="nearest",
        rasterized=True,
    )


def _draw_zero_line(dataset: xr.Dataset, ax: Axes) -> None:
    """ω_h/T_h = ω_c/T_c, where the local heat current changes sign, within the map."""
    slope = dataset.attrs["T_c"] / dataset.attrs["omega_c"]
    limits = ax.get_xlim(), ax.get_ylim()
    ax.plot(limits[0], slope * np.array(limits[0]), color="black", linewidth=1.4, linestyle="--", label="zero line")
    ax.set(xlim=limits[0], ylim=limits[1])


def _label_map(ax: Axes) -> Axes:
    ax.set_xlabel(SYMBOLS["omega_h"])
    ax.set_ylabel(SYMBOLS["T_h"])
    return ax
