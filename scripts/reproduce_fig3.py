"""Figure 3: heat current J_h and population of node A against the coupling ε, local and global.

T_h = 12, T_c = 10, ω_h = 10, ω_c = 5, κ = 1e-4. Since ω_c/T_c < ω_h/T_h, the local heat current is negative, from cold
to hot, at any ε, and the global one is positive; the populations agree for small ε. Curves are density-matrix steady
states, thin black lines the closed forms, eqs. (9) and (13). Once for oscillators, as in the paper, and once for
two-level nodes (fig3_two_level).

The paper's range of ε is not known. Here it is 0 < ε ≤ 2.5, below sqrt(ω_h ω_c) = 7.07, where the global equation ends;
panel (b) follows |J_h| down to ε = 1e-4, where both currents fall as ε² and still have opposite signs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from figure_options import Comparison, compare, parse_options, publication_style, run, save_data, save_figure, solve
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qnet_qutip.plotting import GLOBAL_RED, LOCAL_BLUE, legend_handles, plot_current_and_population, plot_heat_current
from qnet_qutip.sweeps import sweep

PARAMETERS = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
EQUATIONS = ["local", "global"]
LARGEST, SMALLEST, LINEAR_FROM = 2.5, 1e-4, 0.1
MAIN_RANGE = {"epsilon": slice(LINEAR_FROM * (1 - 1e-9), None)}


def _stretch(ax: Axes, below: float, above: float) -> None:
    low, high = ax.dataLim.intervaly
    ax.set_ylim(low - below * (high - low), high + above * (high - low))


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=20, quick_points=5)
    epsilon = np.union1d(
        np.linspace(LINEAR_FROM, LARGEST, options.points),
        np.geomspace(SMALLEST, LINEAR_FROM, max(options.points // 3, 2)),
    )
    comparisons = []
    for kind, name in (("oscillator", "fig3"), ("two-level", "fig3_two_level")):
        dataset = solve(name, kind, EQUATIONS, {"epsilon": epsilon}, PARAMETERS, options)
        closed = save_data(dataset, name, options)
        finely = {"epsilon": np.geomspace(SMALLEST, LARGEST, 400)}
        smooth = sweep(kind, EQUATIONS, finely, PARAMETERS, method="analytic")
        with publication_style():
            figure = Figure(figsize=(7.2, 3.6), layout="constrained")
            figure.get_layout_engine().set(wspace=0.08)
            left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
            plot_current_and_population(dataset.sel(MAIN_RANGE), smooth, ax=left, legend=None)
            # The currents in the lower half and the populations in the upper one.
            _stretch(left, below=0.05, above=0.9)
            _stretch(figure.axes[-1], below=1.3, above=0.05)
            left.axhline(0, color="0.7", linewidth=0.8, zorder=0)
            left.set_title("(a)", loc="left")
            plot_heat_current(abs(dataset), abs(smooth), ax=right)
            right.set(xscale="log", yscale="log", ylabel="$|J_h|$")
            right.text(0.08, 0.8, "local: $J_h < 0$", color=LOCAL_BLUE, transform=right.transAxes)
            right.text(0.46, 0.25, "global: $J_h > 0$", color=GLOBAL_RED, transform=right.transAxes)
            right.set_title("(b)", loc="left")
            figure.legend(handles=legend_handles(dataset, smooth), loc="outside upper center", ncols=5, fontsize=9)
            save_figure(figure, name, options)
        comparisons.append(compare(name, dataset, closed))
    return comparisons


if __name__ == "__main__":
    run(main)
