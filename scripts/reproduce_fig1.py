"""Figure 1: the heat transfer network.

Heat goes from a hot bath at T_h to a colder bath at T_c through two coupled nodes, A connected to the hot bath and B
to the cold one. There is nothing to compute; the network drawn is that of figure 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from figure_options import Comparison, parse_options, publication_style, run, save_figure
from matplotlib.figure import Figure

import qnet_qutip as qn
from qnet_qutip.plotting import plot_network

LABELS = {"A": r"$\omega_h$", "B": r"$\omega_c$", ("A", "B"): r"$\epsilon$", "hot": "$T_h$", "cold": "$T_c$"}


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    options = parse_options(arguments, __doc__, points=2, quick_points=2)
    network = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=1e-2, T_h=12, T_c=10, kappa=1e-4)
    with publication_style():
        figure = Figure(figsize=(6.0, 1.25), layout="constrained")
        plot_network(network, LABELS, ax=figure.subplots())
        save_figure(figure, "fig1", options)
    return []


if __name__ == "__main__":
    run(main)
