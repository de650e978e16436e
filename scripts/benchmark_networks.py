"""Benchmark on small and slow networks: two nodes from parameters to currents, chains of nine, very late times."""

from __future__ import annotations

import itertools
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import qutip

import qnet_qutip as qn

Record = dict[str, Any]

PAIR = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
COUPLINGS = (1e-3, 1e-2, 1e-1, 1.0)
RATES = (1e-4, 1e-2, 1.0)
LATE = (1e6, 1e9, 1e12, 1e16, 1e20, 1e100, 1e300)


def planned(quick: bool) -> list[Record]:
    """The pair, every chain, every time."""
    pairs = [{"section": "pair"}]
    chains = [
        {"section": "chains", "nodes": 5 if quick else 9, "coupling": coupling, "rate": rate}
        for coupling, rate in itertools.product(COUPLINGS, RATES)
    ]
    late = [{"section": "late times", "time": time} for time in LATE]
    return pairs + chains[: 2 if quick else None] + late[: 2 if quick else None]


def pair_by_package() -> Mapping[str, float]:
    """Currents of two two-level nodes, from the parameters."""
    return qn.steady_state(qn.local_master_equation(qn.two_node("two-level", **PAIR))).heat_currents


def pair_by_qthermo() -> Mapping[str, float]:
    """The same with qthermo: its local baths with the spectrum κω³, its steady state and its currents."""
    from qthermo import steady
    from qthermo.baths import local_bath
    from qthermo.subsystems import embed

    lowering, lift = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    number = np.diag([0.0, 1.0])
    swap = np.kron(lowering.T, lowering)
    hamiltonian = PAIR["omega_h"] * embed(number, 0, [2, 2]) + PAIR["omega_c"] * embed(number, 1, [2, 2])
    hamiltonian = hamiltonian + PAIR["epsilon"] * (swap + swap.T)
    baths = [
        local_bath(omega * number, lift, T, site, [2, 2], spectrum=lambda w: PAIR["kappa"] * w**3, name=name)
        for name, site, omega, T in (
            ("hot", 0, PAIR["omega_h"], PAIR["T_h"]),
            ("cold", 1, PAIR["omega_c"], PAIR["T_c"]),
        )
    ]
    with warnings.catch_warnings():
        # Of the second law, which the local equation breaks here.
        warnings.simplefilter("ignore", RuntimeWarning)
        currents: Mapping[str, float] = steady.analyze(hamiltonian, baths).currents
    return currents


PAIR_METHODS: dict[str, Callable[[], Mapping[str, float]]] = {
    "qnet_qutip": pair_by_package,
    "qthermo": pair_by_qthermo,
}


def run_pair(repeats: int) -> Record:
    """Times from parameters to currents, of both packages by turns, so that their ratio is that of one moment.

    Repeated often, as it takes a millisecond; the fastest time is the one that other processes have least to do with.
    """
    exact = float(qn.analytic.local_heat_current(qn.two_node("two-level", **PAIR)))
    errors = {name: abs(solve()["hot"] / exact - 1.0) for name, solve in PAIR_METHODS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in PAIR_METHODS}
    for _ in range(60 * repeats):
        for name, solve in PAIR_METHODS.items():
            started = time.perf_counter()
            solve()
            seconds[name].append(time.perf_counter() - started)
    methods = {
        name: {"seconds": statistics.median(taken), "fastest": min(taken), "error": errors[name]}
        for name, taken in seconds.items()
    }
    return {"methods": methods}


def chain(nodes: int, coupling: float, rate: float) -> qn.MasterEquation:
    """Resonant two-level nodes with baths at both ends whose spectral density at their frequency is `rate`."""
    names, omega = [f"N{index}" for index in range(nodes)], 5.0
    spectrum = qn.PhononSpectrum(rate / omega**3)
    network = qn.Network(
        nodes={name: qn.TwoLevel(omega) for name in names},
        couplings=dict.fromkeys(itertools.pairwise(names), coupling),
        baths={"hot": qn.Bath(names[0], 12, spectrum), "cold": qn.Bath(names[-1], 10, spectrum)},
    )
    return qn.local_master_equation(network)


def chain_current(coupling: float, rate: float) -> float:
    """Hot current of such a chain of any length: free fermions, ω 4g²Γ_LΓ_R(f_L - f_R)/[(Γ_L + Γ_R)(4g² + Γ_LΓ_R)]."""
    omega = 5.0
    (left, up), (right, across) = ((rate / np.tanh(omega / (2 * T)), 1 / (np.exp(omega / T) + 1)) for T in (12, 10))
    swaps = 4 * coupling**2
    return float(omega * swaps * left * right * (up - across) / ((left + right) * (swaps + left * right)))


def run_chain(nodes: int, coupling: float, rate: float, repeats: int) -> Record:
    """Time and applications of one chain."""
    equation = chain(nodes, coupling, rate)
    seconds, state = _timed(lambda: qn.steady_state(equation), repeats)
    error = abs(state.heat_currents["hot"] / chain_current(coupling, rate) - 1.0)
    return {"seconds": seconds, "applications": state.iterations, "error": error}


def run_late(until: float, repeats: int) -> Record:
    """Current of two nodes at one late time, and how far it is from the steady one."""
    equation = qn.local_master_equation(qn.two_node("two-level", **PAIR))
    ground = qutip.ket2dm(qutip.basis([2, 2], [0, 0]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seconds, trajectory = _timed(lambda: qn.evolve(equation, ground, [0.0, until]), repeats)
    exact = float(qn.analytic.local_heat_current(equation.network))
    error = abs(float(trajectory.heat_currents["hot"][-1]) / exact - 1.0)
    return {"seconds": seconds, "error": error, "warnings": sorted({one.category.__name__ for one in caught})}


def run(task: Record, repeats: int) -> Record:
    """Run one task of this module."""
    arguments = {key: value for key, value in task.items() if key != "section"}
    if task["section"] == "pair":
        return run_pair(repeats)
    if task["section"] == "chains":
        return run_chain(**arguments, repeats=repeats)
    return run_late(task["time"], repeats)


def _timed(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    result = solve()
    seconds: list[float] = []
    while len(seconds) < repeats and sum(seconds) < 5.0:
        started = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), result


def table(records: list[Record]) -> str:
    """Markdown tables of the three sections."""
    by_section = {
        section: [r for r in records if r["section"] == section] for section in ("pair", "chains", "late times")
    }
    lines = ["| two two-level nodes, parameters to currents | ms | error of J_h | fastest (ms) |", "|---|---|---|---|"]
    for record in by_section["pair"]:
        if "failure" in record:
            lines.append(f"| all | {record['failure']} | | |")
            continue
        ours, theirs = (record["methods"][name]["fastest"] for name in PAIR_METHODS)
        lines += [_row(one, name) + f" {one['fastest'] * 1e3:.3g} |" for name, one in record["methods"].items()]
        lines += ["", f"qnet_qutip takes {ours / theirs:.2f} times as long as qthermo, by the fastest of each."]
    lines += ["", "| chain of two-level nodes | ms | error of J_h | applications |", "|---|---|---|---|"]
    for record in by_section["chains"]:
        name = f"{record['nodes']} nodes, g = {record['coupling']:g}, rate {record['rate']:g}"
        lines.append(_row(record, name) + f" {record.get('applications', '')} |")
    lines += ["", "| two two-level nodes, evolved to | ms | error of J_h | warnings |", "|---|---|---|---|"]
    for record in by_section["late times"]:
        lines.append(_row(record, f"t = {record['time']:.0e}") + f" {', '.join(record.get('warnings', []))} |")
    return "\n".join(lines)


def _row(record: Record, name: str) -> str:
    if "failure" in record:
        return f"| {name} | {record['failure']} | |"
    return f"| {name} | {record['seconds'] * 1e3:.3g} | {record['error']:.1e} |"
