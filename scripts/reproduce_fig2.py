"""Figure 2: rate of entropy production of the local equation over (ω_h, T_h), a violation of the second law.

T_c = 10, ω_c = 5, ε = 1e-4, κ = 1e-7, oscillators. The map is of density-matrix steady states, N x N of them for
--points N. Beside it goes a map of the heat current's error against the closed form, eq. (9).

The paper's ranges are not known. Here ω_h runs from 1 to 15 and T_h from just above T_c to 20, since the paper takes
T_h > T_c: below T_c a second border, T_h = T_c, would cross the map, which the caption does not mention. Blue is
negative. The values span six decades, so that the colours are logarithmic on both sides of zero; the positive ones
around the resonance ω_h = 5 are beyond the scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from figure_options import Comparison, compare, parse_options, publication_style, run, save_data, save_figure, solve
from matplotlib.figure import Figure

from qnet_qutip.plotting import plot_entropy_production, plot_relative_error

PARAMETERS = {"omega_c": 5.0, "epsilon": 1e-4, "T_c": 10.0, "kappa": 1e-7}
DEFAULT, FINE = 25, 61

RTOL = 5e-8
"""Estimated truncation error to allow. The estimate is an upper one: the map of errors shows that 1e-8 is kept."""


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=DEFAULT, quick_points=3)
    # A hot slow node, of hundreds of levels, is too slow for --quick.
    lowest = 4 if options.quick else 1
    axes = {"omega_h": np.linspace(lowest, 15, options.points), "T_h": np.linspace(10, 20, options.points + 1)[1:]}
    # A finer map does not overwrite the default one.
    name = "fig2" if options.points == DEFAULT or options.quick else f"fig2_{options.points}x{options.points}"
    dataset = solve(name, "oscillator", ["local"], axes, PARAMETERS, options, rtol=RTOL)
    closed = save_data(dataset, name, options)

    with publication_style():
        figure = Figure(figsize=(5.2, 3.9), layout="constrained")
        ax = plot_entropy_production(dataset, ax=figure.subplots())
        on_white = {"transform": ax.transAxes, "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.8}}
        ax.text(0.05, 0.9, r"$\Delta\mathcal{S}_u > 0$", **on_white)
        ax.text(0.6, 0.1, r"$\Delta\mathcal{S}_u < 0$", **on_white)
        save_figure(figure, name, options)
        figure = Figure(figsize=(5.2, 3.9), layout="constrained")
        plot_relative_error(dataset, closed, ax=figure.subplots())
        save_figure(figure, f"{name}_error", options)

    mean = float(dataset.seconds.mean())
    minutes = FINE**2 * mean / options.jobs / 60
    print(
        f"{name}: {mean:.2f} s a point; --points {FINE} would take about {minutes:.0f} min with --jobs {options.jobs}"
    )
    return [compare(name, dataset, closed)]


if __name__ == "__main__":
    run(main)
