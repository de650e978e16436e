"""The absorption refrigerator, a Hamiltonian of one's own: three two-level nodes that draw heat from the coldest bath.

Linden, Popescu and Skrzypczyk, PRL 105, 130401 (2010): nodes cold, hot and room with ω_c + ω_h = ω_r, a bath each, and
a three-body coupling g(a_c a_h a_r† + h.c.), here with ω = (1, 3, 4), T = (1, 4, 1.5), g = 0.05 and the spectral
density 0.01 at every frequency. Heat from the hot bath draws heat out of the cold one into the room. A network has no
three-body couplings: the local equation is given as collapse operators, and the others are built from the Hamiltonian
and the operator that each bath couples to.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import qutip

import qnet_qutip as qn

FREQUENCIES = {"cold": 1.0, "hot": 3.0, "room": 4.0}
TEMPERATURES = {"cold": 1.0, "hot": 4.0, "room": 1.5}
COUPLING = 0.05
SPECTRUM = qn.FlatSpectrum(0.01)

LOWERING = {
    name: qutip.tensor([qutip.destroy(2) if other == name else qutip.qeye(2) for other in FREQUENCIES])
    for name in FREQUENCIES
}


def hamiltonian() -> qutip.Qobj:
    """Three nodes and what turns an excitation of cold and one of hot into one of room."""
    exchange = LOWERING["cold"] * LOWERING["hot"] * LOWERING["room"].dag()
    nodes = sum(frequency * LOWERING[name].dag() * LOWERING[name] for name, frequency in FREQUENCIES.items())
    return nodes + COUPLING * (exchange + exchange.dag())


def local_operators() -> dict[str, list[qutip.Qobj]]:
    """Collapse operators by bath, each of its bare node."""
    operators = {}
    for name, a in LOWERING.items():
        rates = [rate(SPECTRUM, FREQUENCIES[name], TEMPERATURES[name]) for rate in (qn.decay_rate, qn.excitation_rate)]
        operators[name] = [np.sqrt(rate) * jump for rate, jump in zip(rates, (a, a.dag()), strict=True)]
    return operators


def baths() -> dict[str, qn.OperatorBath]:
    """Each bath on the position of its node."""
    return {name: qn.OperatorBath(a + a.dag(), TEMPERATURES[name], SPECTRUM) for name, a in LOWERING.items()}


def states() -> dict[str, qn.SteadyState]:
    """Steady state of every equation."""
    solved = {"local": qn.steady_state(hamiltonian(), local_operators())}
    for name, build in qn.MASTER_EQUATIONS.items():
        if name != "local":
            solved[name] = qn.steady_state(build(hamiltonian(), baths()))
    return solved


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    ).parse_args(arguments)
    print(f"{'equation':16} {'J_c':>14} {'J_h':>14} {'J_r':>14} {'J_c/J_h':>10} {'sum':>9}   (ω_c/ω_h = 1/3)")
    for name, state in states().items():
        cold, hot, room = (state.heat_currents[bath] for bath in FREQUENCIES)
        print(f"{name:16} {cold:14.7e} {hot:14.7e} {room:14.7e} {cold / hot:10.6f} {cold + hot + room:9.1e}")


if __name__ == "__main__":
    main()
