"""Every master equation beside the paper's two: the heat current of figures 3 and 4, and through resonance.

fig3_equations: J_h against the coupling ε, parameters of figure 3. fig4_equations: against ω_h, parameters of figure 4.
resonance_equations: against ε at ω_h = ω_c = 5, T_h = 12, T_c = 10, κ = 1e-7, from ε far below the rate γ = κω³ to far
above it. Once for oscillators, with the exact current: panel (a) is the current, panel (b) its deviation from the exact
one. Once for two-level nodes (..._two_level), where panel (b) is the deviation from a closed form of the paper: the
global one, eq. (13) corrected, in figures 3 and 4, and on resonance the local one, eq. (9), which is right there up to
(ε/ω)².

Off resonance only the local equation fails, and on it only the global one; the unified, universal, Redfield and partial
secular equations follow whichever is right. What the baths' coupling of figure 3 adds beyond second order, 2 to 3 %,
all equations miss. Curves are density-matrix steady states to 1e-6; those that have closed forms are checked with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from figure_options import Comparison, compare, parse_options, publication_style, run, save_data, save_figure, solve
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import qnet_qutip as qn
from qnet_qutip.plotting import plot_equations
from qnet_qutip.plotting.style import BATH_SYMBOLS

EQUATIONS = list(qn.MASTER_EQUATIONS)
RTOL, QUICK_RTOL = 1e-6, 1e-2
"""Of the truncation. 1e-8 takes more than twice as long, for digits that no curve shows."""

EXACT_POINTS = 200
"""Of the exact curve in panel (a)."""

OMEGA_C, KAPPA = 5.0, 1e-7
GAMMA = KAPPA * OMEGA_C**3
RESOLVED = np.sqrt(GAMMA * OMEGA_C) / 2
"""ε at which the distance 2ε of the two modes is √(γω), where the unified equation begins to tell them apart."""


@dataclass(frozen=True)
class Curve:
    """One figure: what varies, over which values for a number of points, and which closed form is right there."""

    name: str
    coordinate: str
    values: Callable[[int], np.ndarray]
    parameters: dict[str, float]
    reference: str
    draw: Callable[[Axes, Axes], None]


def _label_figure_3(left: Axes, right: Axes) -> None:
    left.set_yscale("symlog", linthresh=1e-8, linscale=0.5)
    left.set_yticks([-1e-2, -1e-4, -1e-6, 0, 1e-6, 1e-4, 1e-2])
    left.minorticks_off()
    left.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    right.set_yscale("symlog", linthresh=1e-6, linscale=0.6)
    for ax in (left, right):
        ax.set_xscale("log")


def _label_figure_4(left: Axes, right: Axes) -> None:
    left.set_yscale("symlog", linthresh=1e-12, linscale=0.5)
    left.set_yticks([-1e-8, -1e-10, -1e-12, 0, 1e-12, 1e-10, 1e-8, 1e-6])
    left.minorticks_off()
    left.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    right.set_yscale("symlog", linthresh=1e-6, linscale=0.6)


def _label_resonance(left: Axes, right: Axes) -> None:
    left.set_yscale("log")
    right.set_yscale("symlog", linthresh=1e-6, linscale=0.6)
    for ax in (left, right):
        ax.set_xscale("log")
        for place, text, side in ((GAMMA, r" $\gamma$", "left"), (RESOLVED, r"$\sqrt{\gamma\omega}/2$ ", "right")):
            ax.axvline(place, color="0.7", linewidth=0.8, zorder=0)
            ax.text(place, 0.7, text, transform=ax.get_xaxis_transform(), horizontalalignment=side)


def _around_resonance(points: int) -> np.ndarray:
    """ω_h from 3 to 14, denser towards ω_c."""
    flanks = np.geomspace(1e-3, 1, max(points // 4, 1))
    return np.unique(np.concatenate([np.linspace(3, 14, points), OMEGA_C - flanks, [OMEGA_C], OMEGA_C + flanks]))


CURVES = (
    Curve(
        "fig3_equations",
        "epsilon",
        lambda points: np.geomspace(1e-3, 2.5, points),
        {"omega_h": 10.0, "omega_c": OMEGA_C, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4},
        "global",
        _label_figure_3,
    ),
    Curve(
        "fig4_equations",
        "omega_h",
        _around_resonance,
        {"omega_c": OMEGA_C, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": KAPPA},
        "global",
        _label_figure_4,
    ),
    Curve(
        "resonance_equations",
        "epsilon",
        lambda points: np.geomspace(1e-7, 1e-2, points),
        {"omega_h": OMEGA_C, "omega_c": OMEGA_C, "T_h": 12.0, "T_c": 10.0, "kappa": KAPPA},
        "local",
        _label_resonance,
    ),
)


def exact_currents(curve: Curve, values: np.ndarray) -> xr.DataArray:
    """Exact J_h of two oscillators over the coordinate of a figure."""
    currents = [
        qn.exact.steady_state(qn.two_node("oscillator", **{**curve.parameters, curve.coordinate: value})).heat_currents
        for value in values.tolist()
    ]
    return xr.DataArray([each["hot"] for each in currents], {curve.coordinate: values}, [curve.coordinate])


def draw(curve: Curve, dataset: xr.Dataset, reference: xr.DataArray, relative_to: str) -> Figure:
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_equations(dataset, ax=left)
    plot_equations(dataset, reference, ax=right)
    handles = left.get_lines()
    if relative_to == "exact":
        values = curve.values(EXACT_POINTS)
        # Below all others, and wider.
        handles += left.plot(values, exact_currents(curve, values), color="0.75", linewidth=6, zorder=1, label="exact")
    curve.draw(left, right)
    right.set_ylabel(f"{BATH_SYMBOLS['hot']} / {relative_to} $-$ 1")
    left.set_title("(a)", loc="left")
    right.set_title("(b)", loc="left")
    figure.legend(
        handles=[*handles], loc="outside upper center", ncols=7, fontsize=8, handlelength=2.2, columnspacing=1
    )
    return figure


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=13, quick_points=2)
    rtol = QUICK_RTOL if options.quick else RTOL
    comparisons = []
    for curve in CURVES:
        values = curve.values(options.points)
        for kind, name in (("oscillator", curve.name), ("two-level", f"{curve.name}_two_level")):
            dataset = solve(name, kind, EQUATIONS, {curve.coordinate: values}, curve.parameters, options, rtol)
            exact = exact_currents(curve, values) if kind == "oscillator" else None
            closed = save_data(dataset, name, options, exact)
            reference = closed.heat_current.sel(equation=curve.reference, bath="hot", drop=True)
            relative_to = f"{curve.reference} closed form" if exact is None else "exact"
            with publication_style():
                save_figure(draw(curve, dataset, reference if exact is None else exact, relative_to), name, options)
            comparisons.append(compare(name, dataset.sel(equation=closed.equation.values), closed))
    return comparisons


if __name__ == "__main__":
    run(main)
