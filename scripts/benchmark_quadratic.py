"""Benchmark of one-body matrices: many nodes, many networks, the comparison of all equations, and two packages."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

import qnet_qutip as qn

Record = dict[str, Any]

SECTIONS = ("many nodes", "compare", "twelve points", "many networks")

SPECTRUM = qn.PhononSpectrum(1e-3)

POINTS_AT_ONCE = 20_000


def _ends(names: list[str]) -> dict[str, qn.Bath]:
    return {"hot": qn.Bath(names[0], 12, SPECTRUM), "cold": qn.Bath(names[-1], 10, SPECTRUM)}


def long_chain(kind: type[qn.Oscillator] | type[qn.TwoLevel], nodes: int) -> qn.Network:
    """A resonant chain with baths at its ends."""
    names = [str(number) for number in range(nodes)]
    return qn.chain(dict.fromkeys(names, kind(5.0)), 0.1, **_ends(names))


def random_graph(nodes: int) -> qn.Network:
    """Oscillators of random frequencies, each coupled to four others on average; baths on the first and the last."""
    random = np.random.default_rng(0)
    names = [str(number) for number in range(nodes)]
    pairs = set(itertools.pairwise(names))
    while len(pairs) < 2 * nodes:
        i, j = sorted(random.integers(0, nodes, 2).tolist())
        if i != j:
            pairs.add((names[i], names[j]))
    couplings = {pair: float(random.uniform(0.05, 0.15)) for pair in sorted(pairs)}
    return qn.Network({name: qn.Oscillator(5 + random.uniform(0, 0.1)) for name in names}, couplings, _ends(names))


NETWORKS: dict[str, Callable[[int], qn.Network]] = {
    "oscillators in a chain": functools.partial(long_chain, qn.Oscillator),
    "oscillators in a random graph": random_graph,
    "two-level nodes in a chain": functools.partial(long_chain, qn.TwoLevel),
}


def planned(quick: bool) -> list[Record]:
    """Every run, the cheap ones first."""
    sizes = dict.fromkeys(NETWORKS, 40) if quick else dict(zip(NETWORKS, (1000, 300, 2000), strict=True))
    methods = {"two-level nodes in a chain": ("local", "global")}
    large = [
        {"section": "many nodes", "network": name, "nodes": size, "method": method}
        for name, size in sizes.items()
        for method in methods.get(name, ("local", "global", "redfield", "universal", "exact"))
    ]
    compared = [{"section": "compare", "nodes": nodes} for nodes in ((2, 3) if quick else (2, 10))]
    twelve = [{"section": "twelve points", "method": method} for method in TWELVE_POINTS]
    many = [
        {
            "section": "many networks",
            "count": 1000 if quick else 1_000_000,
            "equation": equation,
            "processes": processes,
        }
        for equation, processes in (("local", 1), ("local", 2), ("redfield", 2))
    ]
    return [*compared, *twelve, *large, *(many[:1] if quick else many)]


def run_large(network: str, nodes: int, method: str) -> Record:
    """Seconds of one solve from the network, and how well heat is conserved."""
    net = NETWORKS[network](nodes)

    def solve() -> Any:  # noqa: ANN401
        return qn.exact.steady_state(net) if method == "exact" else qn.gaussian.steady_state(net, method)

    started, used = time.perf_counter(), time.process_time()
    currents = solve().heat_currents
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "current": currents["hot"],
        "ΣJ": sum(currents.values()),
    }


def run_compare(nodes: int, repeats: int) -> Record:
    """The comparison of all equations of a detuned chain."""
    names = [str(number) for number in range(nodes)]
    net = qn.chain({name: qn.Oscillator(5 + 0.1 * index) for index, name in enumerate(names)}, 1e-2, **_ends(names))
    return _timed(lambda: qn.compare(net).recommended, repeats)


COUPLINGS = 0.02 * np.geomspace(0.1, 5.0, 12)
"""Those of qthermo's `papers.local_vs_global`, whose other numbers are in `twelve_networks`."""


def twelve_networks(spectrum: qn.SpectralDensity) -> list[qn.Network]:
    """Two resonant oscillators of frequency one, white noise, twelve couplings."""
    baths = {"hot": qn.Bath("A", 0.5, spectrum), "cold": qn.Bath("B", 0.25, spectrum)}
    return [qn.chain([qn.Oscillator(1.0)] * 2, float(coupling), **baths) for coupling in COUPLINGS]


def twelve_by_one_body() -> list[float]:
    """Currents of three equations."""
    networks = twelve_networks(qn.FlatSpectrum(0.02))
    return [
        float(current)
        for equation in ("local", "global", "redfield")
        for current in qn.gaussian.heat_currents(networks, equation).heat_currents["hot"]
    ]


def twelve_by_density_matrices() -> list[float]:
    """The same, in a space that is chosen, to 1e-4: qthermo's six levels are said to be right to that."""
    networks = twelve_networks(qn.FlatSpectrum(0.02))
    return [
        qn.steady_state(qn.MASTER_EQUATIONS[equation](network, rtol=1e-4)).heat_currents["hot"]
        for equation in ("local", "global", "redfield")
        for network in networks
    ]


def twelve_by_qthermo() -> list[float]:
    """`papers.local_vs_global`; its local current is counted by the bare Hamiltonian, the same on resonance."""
    from qthermo import papers

    curves = papers.local_vs_global().curves
    return [float(current) for method in ("local", "global", "redfield") for current in curves[method]]


TWELVE_POINTS: dict[str, Callable[[], list[float]]] = {
    "one-body matrices": twelve_by_one_body,
    "density matrices": twelve_by_density_matrices,
    "qthermo": twelve_by_qthermo,
}


def run_twelve(method: str, repeats: int) -> Record:
    """Seconds, and the largest deviation from the one-body matrices."""
    expected = np.array(twelve_by_one_body())
    record = _timed(TWELVE_POINTS[method], repeats)
    return {**record, "result": None, "error": float(np.abs(np.array(record["result"]) / expected - 1).max())}


def currents_of_points(equation: str, first: int, count: int, total: int) -> float:
    """Sum of the hot currents over some of the points of a line through figure 4."""
    frequencies = np.linspace(4.0, 12.0, total)[first : first + count].tolist()
    rest = {"omega_c": 5.0, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
    networks = [qn.two_node("oscillator", omega_h=omega, **rest) for omega in frequencies]
    return float(qn.gaussian.heat_currents(networks, equation).heat_currents["hot"].sum())


def run_many(count: int, equation: str, processes: int) -> Record:
    """Points of two nodes, from their parameters to the currents, in chunks."""
    chunks = [(equation, first, min(POINTS_AT_ONCE, count - first), count) for first in range(0, count, POINTS_AT_ONCE)]
    started = time.perf_counter()
    if processes == 1:
        total = sum(currents_of_points(*chunk) for chunk in chunks)
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as executor:
            total = sum(executor.map(currents_of_points, *zip(*chunks, strict=True)))
    seconds = time.perf_counter() - started
    used = os.times()
    return {"seconds": seconds, "processor_seconds": sum(used[:4]), "current": total / count}


def run(task: Record, repeats: int) -> Record:
    """Run one task of this module."""
    arguments = {key: value for key, value in task.items() if key != "section"}
    if task["section"] == "many nodes":
        found = run_large(**arguments)
    elif task["section"] == "compare":
        found = run_compare(**arguments, repeats=repeats)
    elif task["section"] == "twelve points":
        found = run_twelve(**arguments, repeats=repeats)
    else:
        found = run_many(**arguments)
    return {**found, "load": os.getloadavg()[0]}


def _timed(solve: Callable[[], Any], repeats: int) -> Record:
    """Median time, of the first call too where it is long: what it imports is in it otherwise."""
    seconds: list[float] = []
    result = None
    while not seconds or (len(seconds) <= repeats and sum(seconds) < 5.0):
        started = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds[1:] or seconds), "result": result}


def table(records: list[Record]) -> str:
    """Markdown table of the four sections."""
    lines = ["| one-body matrices | seconds | processor seconds | load |", "|---|---|---|---|"]
    for record in records:
        if record["section"] not in SECTIONS:
            continue
        hidden = ("seconds", "processor_seconds", "load", "result", "current", "ΣJ", "failure")
        name = ", ".join(f"{value}" for key, value in record.items() if key not in hidden)
        if "failure" in record:
            lines.append(f"| {name} | {record['failure']} | | |")
            continue
        processor = f"{record['processor_seconds']:.3g}" if "processor_seconds" in record else ""
        lines.append(f"| {name} | {record['seconds']:.3g} | {processor} | {record['load']:.1f} |")
    return "\n".join(lines)
