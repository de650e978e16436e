"""What the pictures have in common: colours, line patterns and markers, and the symbols of the paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes

LOCAL_BLUE, GLOBAL_RED = "#1f4fa3", "#e0523a"
TINT_COLD, TINT_HOT = "#b9d3f0", "#f6b9a6"


class Style(NamedTuple):
    """How an equation is drawn: a marker of that size on a line of that width.

    `pattern` is the line's where a pattern tells equations apart, and not the current from the population.
    """

    colour: str
    marker: str
    size: float
    width: float
    pattern: str | tuple[float, tuple[float, ...]] = "-"


# From dark, wide and below to light, narrow and above, so that all are seen where they coincide, and in grey. Markers
# and patterns tell them apart without colours, and readers who confuse red and green can tell the colours apart.
EQUATION_STYLES: Mapping[str, Style] = {
    "local": Style(LOCAL_BLUE, "o", 6.5, 2.8),
    "global": Style(GLOBAL_RED, "s", 3.4, 1.3),
    "unified": Style("#000000", "D", 5.0, 2.0, (0, (7, 3))),
    "universal": Style("#008f6b", "^", 5.5, 1.8, (0, (4, 2, 1, 2))),
    "redfield": Style("#e69f00", "v", 5.0, 1.5, (0, (2, 2))),
    "partial_secular": Style("#c565a0", "P", 4.5, 1.2, (0, (1, 2.5))),
}
OTHER_COLOURS, OTHER_MARKERS = ("#56b4e9", "#8a5a9e", "#b8860b", "#555555"), "<>*X"
OTHER_PATTERNS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0, (5, 1)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2, 2, 2)),
)

SYMBOLS = {
    "omega_h": r"$\omega_h$",
    "omega_c": r"$\omega_c$",
    "epsilon": r"$\epsilon$",
    "T_h": r"$T_h$",
    "T_c": r"$T_c$",
    "kappa": r"$\kappa$",
    "detuning": r"$\omega_h - \omega_c$",
}
BATH_SYMBOLS = {"hot": "$J_h$", "cold": "$J_c$"}
NODE_SYMBOLS = {"A": r"$\langle a^\dagger a\rangle$", "B": r"$\langle b^\dagger b\rangle$"}


def current_symbol(bath: str) -> str:
    """J with the bath's name below it."""
    return BATH_SYMBOLS.get(bath, rf"$J_\mathrm{{{upright(bath)}}}$")


def population_symbol(node: str) -> str:
    """n with the node's name below it."""
    return NODE_SYMBOLS.get(node, rf"$n_\mathrm{{{upright(node)}}}$")


def upright(name: str) -> str:
    r"""A name as it can stand in a formula, with the characters escaped that mean something there.

    Examples
    --------
    >>> print(upright("bath_1 50%"))
    bath\_1\ 50\%
    """
    return re.sub(r"([_$%#&{} ])", r"\\\1", name.replace("\\", " ").replace("^", " "))


def scientific(number: float, digits: int = 6) -> str:
    r"""A number as it stands in a formula.

    Examples
    --------
    >>> print(scientific(0.25), scientific(-3.1825e-5, 3), scientific(1e-7))
    0.25 -3.18\times 10^{-5} 10^{-7}
    """
    mantissa, _, exponent = f"{number:.{digits}g}".partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return {"1": power, "-1": f"-{power}"}.get(mantissa, rf"{mantissa}\times {power}")


def equation_style(dataset: xr.Dataset, equation: str) -> Style:
    """The style of one of a dataset's equations; equations of one's own take those that are left."""
    if equation in EQUATION_STYLES:
        return EQUATION_STYLES[equation]
    others = [name for name in dataset.equation.values.tolist() if name not in EQUATION_STYLES]
    index = others.index(equation) % len(OTHER_COLOURS)
    return Style(OTHER_COLOURS[index], OTHER_MARKERS[index], 4.5, 1.8, OTHER_PATTERNS[index])


def as_drawn(style: Style) -> dict[str, Any]:
    """What Matplotlib calls it."""
    return {"color": style.colour, "marker": style.marker, "markersize": style.size, "linewidth": style.width}


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    return plt.figure(layout="constrained").subplots() if ax is None else ax


def coordinates(dataset: xr.Dataset) -> list[str]:
    """The parameters that a dataset is over."""
    return [str(name) for name in dataset.entropy_production.dims if name != "equation"]


def one_coordinate(dataset: xr.Dataset) -> str:
    """The one parameter that a dataset is over, or an error if there are others."""
    names = coordinates(dataset)
    if len(names) != 1:
        raise ValueError(f"dataset must have one coordinate for a curve, but has {', '.join(names)}")
    return names[0]
