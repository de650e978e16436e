"""Figure 4: heat current J_h and population of node A against ω_h, local and global, with the resonance as inset.

T_h = 12, T_c = 10, ω_c = 5, ε = 1e-3, κ = 1e-7. The local heat current changes sign at ω_h = 6, where
ω_h/T_h = ω_c/T_c, and runs from cold to hot beyond it; it is wrong below it as well, except near the resonance
ω_h ≈ ω_c, which the inset shows. Curves are density-matrix steady states, thin black lines the closed forms, eqs. (9)
and (13). Once for oscillators, as in the paper, and once for two-level nodes (fig4_two_level).

The paper's ranges are not known. Here ω_h runs from 2 to 14, and the inset over ω_h - ω_c = ±0.01, ten times ε. The
current spans six decades; its axis is logarithmic on both sides of zero, and linear between the first ticks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from figure_options import Comparison, compare, parse_options, publication_style, run, save_data, save_figure, solve
from matplotlib.figure import Figure

from qnet_qutip.plotting import legend_handles, plot_current_and_population, plot_heat_current
from qnet_qutip.sweeps import sweep

PARAMETERS = {"omega_c": 5.0, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
EQUATIONS = ["local", "global"]
OMEGA_C, ZERO, NEAR, FAR = PARAMETERS["omega_c"], 6.0, 0.01, 0.5
TICKS = [-1e-8, -1e-10, -1e-12, 0, 1e-12, 1e-10, 1e-8, 1e-6]


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=25, quick_points=3)
    few = max(options.points // 4, 1)
    flanks = np.geomspace(NEAR, FAR, few)
    omega_h = np.unique(
        np.concatenate(
            [
                np.linspace(2, 14, options.points),
                # The local current crosses zero at ω_h = 6.
                ZERO - flanks / 2,
                ZERO + flanks / 2,
                OMEGA_C - flanks,
                OMEGA_C + flanks,
                OMEGA_C + NEAR * np.linspace(-1, 1, 2 * few + 1)[1:-1],
            ]
        )
    )
    finely = OMEGA_C + np.concatenate([-np.geomspace(1e-4, 3, 500)[::-1], [0], np.geomspace(1e-4, 9, 700)])
    comparisons = []
    for kind, name in (("oscillator", "fig4"), ("two-level", "fig4_two_level")):
        dataset = solve(name, kind, EQUATIONS, {"omega_h": omega_h}, PARAMETERS, options)
        closed = save_data(dataset, name, options)
        smooth = sweep(kind, EQUATIONS, {"omega_h": finely}, PARAMETERS, method="analytic")
        with publication_style():
            figure = Figure(figsize=(5.6, 4.4), layout="constrained")
            ax = plot_current_and_population(dataset, smooth, ax=figure.subplots(), legend=None)
            # The currents in the upper part and the populations in the lower one.
            ax.set_yscale("symlog", linthresh=1e-12, linscale=0.5)
            ax.set(ylim=(-1e-6, 1e-4), yticks=TICKS)
            ax.minorticks_off()
            ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
            figure.axes[-1].set_ylim(0, 2.5 * float(smooth.occupation.sel(node="A").max()))
            inset = ax.inset_axes((0.56, 0.71, 0.41, 0.22))
            near = {"omega_h": slice(OMEGA_C - NEAR * 1.001, OMEGA_C + NEAR * 1.001)}
            plot_heat_current(dataset.sel(near), smooth.sel(near), ax=inset)
            inset.tick_params(labelsize=8)
            inset.xaxis.labelpad = 0
            inset.set_xticks([OMEGA_C - NEAR, OMEGA_C, OMEGA_C + NEAR])
            figure.legend(handles=legend_handles(dataset, smooth), loc="outside upper center", ncols=3, fontsize=9)
            save_figure(figure, name, options)
        comparisons.append(compare(name, dataset, closed))
    return comparisons


if __name__ == "__main__":
    run(main)
