"""Which equation is right where: the validity map, at the parameters of figure 4, over detuning and coupling.

Two oscillators, ω_c = 5, T_h = 12, T_c = 10, κ = 1e-7. (a) Where the same equations have a heat current within 1 % of
the exact one. (b) The error of each, with a solid line at 1 %. Dashed: the gap of the two modes is the rate γ, on
resonance ε ≈ κω³. Dotted: the gap is √(γω), where the unified equation begins to tell the modes apart. The logarithmic
axes reach from nodes that the baths cannot tell apart to ones a frequency apart; what is at the left edge holds on
resonance too. By one-body matrices, against exact currents.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence

import numpy as np
import xarray as xr
from figure_options import Comparison, parse_options, publication_style, run, save_figure
from matplotlib.figure import Figure

import qnet_qutip as qn
from qnet_qutip.plotting import plot_validity
from qnet_qutip.validity import validity

PARAMETERS = {"omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
DETUNINGS, COUPLINGS = (1e-7, 5.0), (1e-7, 1.0)
TOLERANCE = 0.01
NAME = "validity"


def pair(detuning: float, epsilon: float) -> qn.Network:
    omega_h = PARAMETERS["omega_c"] + detuning
    return qn.two_node("oscillator", omega_h=omega_h, epsilon=epsilon, **PARAMETERS)


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=61, quick_points=9)
    coordinates = {
        "detuning": np.geomspace(*DETUNINGS, options.points),
        "epsilon": np.geomspace(*COUPLINGS, options.points),
    }
    dataset = validity(pair, coordinates)
    save_errors(dataset, options)
    with publication_style():
        save_figure(draw(dataset), NAME, options)
    return []


def draw(dataset: xr.Dataset) -> Figure:
    figure = Figure(figsize=(9.8, 4.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.4])
    regions = plot_validity(dataset, tolerance=TOLERANCE, ax=left.subplots())
    regions.set_title(f"(a) which equations are right to {TOLERANCE:.0%}", loc="left", fontsize=10)
    small = right.subplots(2, 3, sharex=True, sharey=True)
    for ax, equation in zip(small.flat, dataset.equation.values.tolist(), strict=True):
        plot_validity(dataset, equation, TOLERANCE, ax=ax, colour_bar=False)
        ax.set_title(equation.replace("_", " "), fontsize=10)
        ax.set_xticks([1e-6, 1e-3, 1])
        ax.label_outer()
    small[0, 0].set_title("(b) local", loc="left", fontsize=10)
    small[0, 0].set_title("")
    right.colorbar(small[0, 0].collections[0], ax=small, extend="both").set_label("relative error of the heat current")
    return figure


def save_errors(dataset: xr.Dataset, options: argparse.Namespace) -> None:
    """Every number of the map: a row a point, a column an equation."""
    path = options.output / f"{NAME}.csv"
    names = dataset.equation.values.tolist()
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# qnet_qutip: {qn.__version__}\n")
        file.writelines(f"# {key}: {value}\n" for key, value in PARAMETERS.items())
        writer = csv.writer(file, lineterminator="\n")
        scales = ("exact_error", "neglected", "rate_over_gap")
        writer.writerow(["detuning", "epsilon", *(f"error_{name}" for name in names), *scales])
        columns = [dataset.error.sel(equation=name).values for name in names]
        columns += [dataset[name].values for name in scales]
        points = np.meshgrid(dataset.detuning.values, dataset.epsilon.values, indexing="ij")
        for place in np.ndindex(points[0].shape):
            numbers = [f"{column[place]:.4g}" for column in columns]
            writer.writerow([*(f"{axis[place]:.12g}" for axis in points), *numbers])
    print(f"{NAME}: wrote {path}")


if __name__ == "__main__":
    run(main)
