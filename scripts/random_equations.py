"""Every master equation of random networks of two-level nodes against the superoperators of `tests/dense.py`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from outcomes import REFUSED, UNDECIDED, Outcome, Parameters, judged, solved

import qnet_qutip as qn

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

import dense
import dense_networks

UNIQUE = 1e-11
"""Second-smallest singular value of the Liouvillian, over its largest, above which the reference, of double precision,
has the steady state. Below, it counts only where it agrees: four nodes with couplings of 1e-5 relax at 1e-17."""

NODES = (2, 3, 3, 2, 3, 2, 3, 3, 2, 4)
"""Most nodes of a network, in turn: dense superoperators of four take seconds."""

WEAKEST = (0.05, 1e-3, 0.05, 1e-5)
SLOWEST = (1e-4, 1e-6, 1e-6)
"""Smallest strengths of couplings and baths, in turn."""


def equations(count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of every equation of one random network after another."""
    names = list(qn.MASTER_EQUATIONS)
    for index in range(count):
        number, name = index // len(names), names[index % len(names)]
        yield try_equation(
            name,
            {
                "seed": 1000 * seed + number,
                "nodes": NODES[number % len(NODES)],
                "weakest": WEAKEST[number % len(WEAKEST)],
                "slowest": SLOWEST[number % len(SLOWEST)],
            },
        )


def try_equation(name: str, parameters: Parameters) -> Outcome:
    """Solve an equation of a random network and compare its heat currents."""
    network = dense_networks.random_network(**parameters)
    kind = f"{name}, {len(network.nodes)} nodes"
    try:
        with warnings.catch_warnings():
            # The reference is told the clusters, be they doubtful or not.
            warnings.simplefilter("ignore", qn.ClusterWarning)
            equation = qn.MASTER_EQUATIONS[name](network)
    except ValueError as error:
        # Two Bohr frequencies that may be one: here, as is asked of the global equation, an error and no guess.
        ambiguous = name == "global" and "neither rounding nor resolved" in str(error)
        return Outcome(kind, parameters, UNDECIDED if ambiguous else REFUSED, f"ValueError: {error}", np.nan)
    energies, dissipators, liouvillian, _ = dense_networks.literal(equation, *dense_networks.in_arrays(network))
    gap = float(dense.singular_values(liouvillian)[1])
    state, said = solved(lambda: qn.steady_state(equation))
    if state is None:
        return Outcome(kind, parameters, REFUSED if gap > UNIQUE else UNDECIDED, said, np.nan)
    expected = dense.heat_currents(energies, dissipators, dense.steady_state(liouvillian))
    error = max(
        abs(state.heat_currents[bath] - current)
        / dense_networks.allowed(current, equation.one_way_flows[bath], dissipators[bath], energies)
        for bath, current in expected.items()
    )
    outcome = UNDECIDED if error > 1 and gap < UNIQUE else judged(error, said)
    return Outcome(kind, parameters, outcome, said, float(error))
