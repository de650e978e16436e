"""Benchmark on textbook systems: the package against the fastest of QuTiP's methods, in one process, state by state.

Of each system three sizes are run. QuTiP's `direct` gives the reference; a method counts if its state is within
`TOLERANCE` of that, in trace norm.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qutip

import qnet_qutip as qn

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from systems import SYSTEMS, Operators

Record = dict[str, Any]

TOLERANCE = 1e-9

LARGEST_RATIO = 1.5
"""Of the package's time to that of QuTiP's best method, beyond which a system is named."""

FEW_STATES = 4
"""Up to so many states a system takes less time than the checks of its arguments; their ratios are told apart."""

LONGEST = 5.0
"""Seconds after which a method is not repeated, and other factorisations are not tried beside `direct`."""

DIRECT, ITERATIVE = "direct", "gmres with ILU"
ILU = {"use_precond": True, "permc_spec": "NATURAL", "diag_pivot_thresh": 0.1, "fill_factor": 100}
QUTIP: dict[str, tuple[int, dict[str, Any]]] = {
    DIRECT: (10**9, {"method": "direct"}),
    "direct, rcm": (10**9, {"method": "direct", "use_rcm": True}),
    "direct, dense": (32, {"method": "direct", "sparse": False}),
    "power": (10**9, {"method": "power"}),
    ITERATIVE: (
        300,
        {"method": "direct", "solver": "gmres", "use_rcm": True, "rtol": 1e-13, "atol": 1e-15, "maxiter": 1000, **ILU},
    ),
    "eigen": (12, {"method": "eigen"}),
    "svd": (16, {"method": "svd"}),
}
"""Largest dimension at which each is sensible, and its options; gmres as in QuTiP's tutorial of optomechanics."""


def planned(quick: bool) -> list[Record]:
    """Every system at its sizes, or at the first."""
    return [
        {"section": "systems", "system": name, "size": size}
        for name, system in SYSTEMS.items()
        for size in (system.sizes[:1] if quick else dict.fromkeys(system.sizes))
    ]


def run(system: str, size: int, repeats: int) -> Record:
    """Time the package and QuTiP's methods on one system."""
    operators = SYSTEMS[system].build(size)
    dimension = operators[0].shape[0]
    seconds, reference = _timed(lambda: _by_qutip(operators, QUTIP[DIRECT][1]), repeats)
    methods: Record = {DIRECT: {"seconds": seconds, "error": 0.0}}
    for name, (largest, options) in QUTIP.items():
        if name == DIRECT or dimension > largest or (seconds > LONGEST and name != ITERATIVE):
            continue
        try:
            taken, rho = _timed(lambda options=options: _by_qutip(operators, options), repeats)
        except Exception as error:  # whatever QuTiP and SciPy raise where a method fails is its result
            methods[name] = {"failure": f"{type(error).__name__}: {error}"[:200]}
        else:
            methods[name] = {"seconds": taken, "error": _distance(rho, reference)}
    record: Record = {"dimension": dimension, "methods": methods}
    try:
        record["seconds"], state = _timed(lambda: qn.steady_state(*operators), repeats)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        return {**record, "failure": f"{type(error).__name__}: {error}"[:200]}
    return {**record, "error": _distance(state.rho, reference), "applications": state.iterations}


def _by_qutip(operators: Operators, options: Record) -> qutip.Qobj:
    with warnings.catch_warnings():
        # What a method lost shows in its error.
        warnings.simplefilter("ignore")
        return qutip.steadystate(*operators, **options)


def _timed(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Fastest time, which other processes have least to do with, and the result.

    The first call, which may load modules, counts only where it is the one.
    """
    started = time.perf_counter()
    result = solve()
    first = time.perf_counter() - started
    seconds: list[float] = []
    while len(seconds) < repeats and first + sum(seconds) < LONGEST:
        started = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - started)
    return min(seconds or [first]), result


def _distance(rho: qutip.Qobj, reference: qutip.Qobj) -> float:
    """Trace norm of the difference."""
    difference = (rho - reference).full()
    return float(np.abs(np.linalg.eigvalsh((difference + difference.conj().T) / 2)).sum())


def best_of_qutip(record: Record) -> tuple[str, float]:
    """The fastest of QuTiP's methods that is right, and its time."""
    right = {name: one["seconds"] for name, one in record["methods"].items() if one.get("error", np.inf) <= TOLERANCE}
    return min(right.items(), key=lambda item: item[1])


def table(records: list[Record]) -> str:
    """Markdown table of the systems, and the totals."""
    lines = [
        "| system | dimension | qnet_qutip (ms) | QuTiP's best (ms) | which | ratio | difference | applications |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ours = theirs = 0.0
    slower, wrong, failed = [], [], []
    of_few_states: list[float] = []
    for record in records:
        name = f"{record['system']} {record['size']}"
        if "methods" not in record:
            lines.append(f"| {name} | | {record['failure']} | | | | | |")
            failed.append(name)
            continue
        which, best = best_of_qutip(record)
        cells = f"| {name} | {record['dimension']} |"
        if "failure" in record:
            lines.append(f"{cells} {record['failure'].partition(':')[0]} | {best * 1e3:.3g} | {which} | | | |")
            failed.append(name)
            continue
        ratio = record["seconds"] / best
        ours, theirs = ours + record["seconds"], theirs + best
        of_few_states += [ratio] if record["dimension"] <= FEW_STATES else []
        slower += [name] if ratio > LARGEST_RATIO else []
        wrong += [] if record["error"] <= TOLERANCE else [name]  # NaN is wrong
        lines.append(
            f"{cells} {record['seconds'] * 1e3:.3g} | {best * 1e3:.3g} | {which} | {ratio:.2f} | "
            f"{record['error']:.1e} | {record['applications']} |"
        )
    lines.append(
        f"\n{len(records)} systems: {len(failed)} failed, {len(wrong)} further than {TOLERANCE:.0e} from QuTiP's "
        f"direct method, {len(slower)} slower than {LARGEST_RATIO} times QuTiP's best; in total {ours:.3g} s against "
        f"{theirs:.3g} s."
    )
    if of_few_states:
        lines.append(
            f"\n{len(of_few_states)} systems of up to {FEW_STATES} states: {min(of_few_states):.1f} to "
            f"{max(of_few_states):.1f} times QuTiP's best, {statistics.median(of_few_states):.1f} in the middle."
        )
    for label, names in (("failed", failed), ("different", wrong), ("slower", slower)):
        lines += [f"\n{label}: {', '.join(names)}"] if names else []
    return "\n".join(lines)
