"""Where each master equation holds, over two parameters of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from qnet_qutip import checks
from qnet_qutip.plotting.style import SYMBOLS, axes_or_new

# From light, where all hold, to dark, each darker than the last also in grey.
REGION_COLOURS = ("#fdf6d8", "#a9d8ea", "#eda75f", "#6fae94", "#b76a98", "#4a6fb0", "#76563a", "#444444")
NONE_COLOUR = "#222222"
SMALLEST_ERROR = 1e-8
"""End of the colour scale of errors: what is known of exact currents and of those of one-body matrices."""

Real = NDArray[np.float64]


def plot_validity(
    dataset: xr.Dataset,
    equation: str | None = None,
    tolerance: float = 0.01,
    ax: Axes | None = None,
    *,
    colour_bar: bool = True,
) -> Axes:
    """Map of which equations are right, or of the error of one, with the boundaries that the scales draw.

    The dashed line is where the rates are as large as the gap, γ = gap, on resonance ε ≈ κω³; the dotted one where
    the gap is √(γω), at which the unified equation begins to tell two frequencies apart.

    Parameters
    ----------
    dataset : Dataset
        From `validity`.
    equation : str, optional
        Draw the error of this equation, and as a line where it reaches the tolerance; grey where it has no steady
        state. By default the regions where the same equations are right, each with their names.
    tolerance : float, optional
        Largest relative error of a heat current that counts as right.
    ax : Axes, optional
    colour_bar : bool, optional
        Put a colour bar beside the error of one equation; its scale is the same for all.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the dataset has no such equation, or the tolerance is not positive.
    """
    tolerance = checks.positive("tolerance", tolerance)
    if equation is not None:
        checks.one_of("equation", equation, dataset.equation.values.tolist())
    ax = axes_or_new(ax)
    horizontal, vertical = (str(name) for name in dataset.rate_over_gap.dims)
    x, y = dataset[horizontal].values, dataset[vertical].values
    for name, values in ((horizontal, x), (vertical, y)):
        if (values > 0).all() and values.max() > 30 * values.min():
            (ax.set_xscale if name == horizontal else ax.set_yscale)("log")
    if equation is None:
        _draw_regions(dataset, tolerance, x, y, ax)
    else:
        _draw_error(dataset.error.sel(equation=equation).values.T, tolerance, x, y, ax)
        if colour_bar:
            ax.figure.colorbar(ax.collections[0], ax=ax, extend="both").set_label(
                f"relative error, {equation.replace('_', ' ')}"
            )
    _draw_boundaries(dataset, x, y, ax, labelled=equation is None)
    ax.set_xlabel(SYMBOLS.get(horizontal, horizontal))
    ax.set_ylabel(SYMBOLS.get(vertical, vertical))
    return ax


def _draw_error(errors: Real, tolerance: float, x: Real, y: Real, ax: Axes) -> None:
    ax.set_facecolor("0.8")
    shown = np.where(np.isnan(errors), np.nan, np.maximum(errors, SMALLEST_ERROR / 10))
    norm = LogNorm(SMALLEST_ERROR, 1)
    ax.pcolormesh(x, y, shown, norm=norm, cmap="cividis_r", shading="nearest", rasterized=True)
    if np.nanmin(errors) < tolerance < np.nanmax(errors):
        ax.contour(x, y, np.log(shown), [np.log(tolerance)], colors="black", linestyles="-", linewidths=1.2)


def _boundaries(dataset: xr.Dataset) -> tuple[tuple[Real, str, str], ...]:
    """Where gap = γ, and where gap = √(γω), that is (γ/gap)² = γ/ω: zeros over (y, x), line pattern and label."""
    gap_rate, neglected = dataset.rate_over_gap.values.T, dataset.neglected.values.T
    with np.errstate(divide="ignore"):
        logarithms = np.log(gap_rate), np.log(gap_rate**2 / neglected)
    # No gap, or no rate: as far on that side as numbers go.
    equal, resolved = (np.nan_to_num(each, posinf=700.0, neginf=-700.0) for each in logarithms)
    return (equal, "--", r"gap $= \gamma$"), (resolved, ":", r"gap $= \sqrt{\gamma\omega}$")


def _draw_boundaries(dataset: xr.Dataset, x: Real, y: Real, ax: Axes, labelled: bool) -> None:
    """In black on a white edge; the labels are on the lines, near their left ends."""
    for values, pattern, label in _boundaries(dataset):
        if not values.min() < 0 < values.max():
            continue
        width = 1.6 if labelled else 1.0
        line = ax.contour(x, y, values, [0.0], colors="black", linestyles=pattern, linewidths=width)
        line.set_path_effects([withStroke(linewidth=width + 1.6, foreground="white", alpha=0.8)])
        if labelled:
            pieces = [np.asarray(piece) for piece in line.get_paths()[0].to_polygons(closed_only=False)]
            path = max(pieces, key=len)
            path = path if path[0][0] <= path[-1][0] else path[::-1]
            ax.clabel(line, fmt={0.0: label}, fontsize="small", manual=[tuple(path[len(path) // 4])])


def _draw_regions(dataset: xr.Dataset, tolerance: float, x: Real, y: Real, ax: Axes) -> None:
    """A colour for each set of equations that are right together, named where there is most room for it."""
    names = dataset.equation.values.tolist()
    right = (dataset.error <= tolerance).values
    codes = np.tensordot(2 ** np.arange(len(names)), right, axes=1)
    # The most equations first.
    order = sorted(np.unique(codes).tolist(), key=lambda code: (-code.bit_count(), code))
    index = np.vectorize(order.index)(codes)
    light = iter(REGION_COLOURS)
    colours = [next(light, "#333333") if code else NONE_COLOUR for code in order]
    norm = BoundaryNorm(np.arange(len(order) + 1) - 0.5, len(order))
    ax.pcolormesh(x, y, index.T, norm=norm, cmap=ListedColormap(colours), shading="nearest", rasterized=True)
    for position, code in enumerate(order):
        members = [name for bit, name in enumerate(names) if code >> bit & 1]
        place = _widest_place(index == position, [values.T for values, _, _ in _boundaries(dataset)])
        ax.text(
            x[place[0]],
            y[place[1]],
            _described(members, names),
            horizontalalignment="center",
            verticalalignment="center",
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.8)],
        )


def _widest_place(region: NDArray[np.bool_], lines: Sequence[Real]) -> tuple[int, int]:
    """Cell of a region that is furthest from its edge, the map's and lines; sideways three times as far."""
    free = np.pad(region, 1)
    for values in lines:
        above = np.pad(values > 0, 1, mode="edge")
        for axis in (0, 1):
            free &= above == np.roll(above, 1, axis)
    if not free.any():
        free = np.pad(region, 1)
    distance = distance_transform_edt(free, sampling=(1 / 3, 1))
    column, row = np.unravel_index(np.argmax(distance), distance.shape)
    return int(column) - 1, int(row) - 1


def _described(members: list[str], names: list[str]) -> str:
    """A set of equations in the fewest words."""
    missing = [name for name in names if name not in members]
    if not members:
        return "none"
    if not missing:
        return "all"
    words = members if len(members) <= len(missing) else missing
    text = ", ".join(name.replace("_", " ") for name in words)
    return text if words is members else f"all but {text}"
