"""Compare steady-state methods: time, memory and the error that each leaves in the heat current.

Every figure comes from a process of its own that builds the same master equation (figure 3 of the paper at ε = 0.01;
chains of two-level nodes with ε = 0.1) and hands its Hamiltonian and collapse operators to one method. The clock runs
for the solve alone; memory is the peak of the whole process, and its growth beyond what it was before the solve. Small
runs are repeated and the median is kept. Each current is compared with the same truncated equation solved by the
package's method to 1e-13, and with the closed form.

More sections: textbook systems against QuTiP's best method (`benchmark_systems`), two nodes, chains of nine and late
times (`benchmark_networks`), and one-body matrices of many nodes and of many networks (`benchmark_quadratic`).

Finished runs are kept in a partial file beside the output: an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import benchmark_networks
import benchmark_quadratic
import benchmark_systems
import numpy as np
import qutip
import scipy

import qnet_qutip as qn

Record = dict[str, Any]

PACKAGE, QTHERMO = "qnet_qutip", "qthermo"
QUTIP = tuple(f"qutip {method}" for method in ("direct", "eigen", "svd", "power", "propagator"))
METHODS = (PACKAGE, QTHERMO, *QUTIP)

STYLE = {PACKAGE: ("#0072B2", "o"), QTHERMO: ("#D55E00", "s"), "qutip direct": ("black", "^")}


def oscillator_pair(levels: int | None, max_excitations: int | None = None) -> qn.MasterEquation:
    """Local equation of the oscillators of figure 3 at ε = 0.01."""
    network = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    return _without_truncation_warning(network, levels=levels, max_excitations=max_excitations)


def hot_slow_pair() -> qn.MasterEquation:
    """Local equation of figure 2 at its hardest point, ω_h = 1 and T_h = 20, in a space that is chosen."""
    network = qn.two_node("oscillator", omega_h=1, omega_c=5, epsilon=1e-4, T_h=20, T_c=10, kappa=1e-7)
    return qn.local_master_equation(network, rtol=1e-6)


def three_hot_oscillators() -> qn.MasterEquation:
    """Local equation of three hot oscillators in a row, hot bath on the first, cold bath on the last."""
    spectrum = qn.PhononSpectrum(1e-4)
    network = qn.Network(
        nodes={"A": qn.Oscillator(10), "B": qn.Oscillator(7), "C": qn.Oscillator(5)},
        couplings={("A", "B"): 0.3, ("B", "C"): 0.3},
        baths={"hot": qn.Bath("A", 12, spectrum), "cold": qn.Bath("C", 10, spectrum)},
    )
    return qn.local_master_equation(network, rtol=1e-6)


def two_level_chain(nodes: int) -> qn.MasterEquation:
    """Local equation of a resonant chain of two-level nodes with baths at its ends."""
    names = [f"N{index}" for index in range(nodes)]
    spectrum = qn.PhononSpectrum(1e-4)
    network = qn.Network(
        nodes={name: qn.TwoLevel(5) for name in names},
        couplings=dict.fromkeys(itertools.pairwise(names), 0.1),
        baths={"hot": qn.Bath(names[0], 12, spectrum), "cold": qn.Bath(names[-1], 10, spectrum)},
    )
    return qn.local_master_equation(network)


def _without_truncation_warning(network: qn.Network, **cut: int | None) -> qn.MasterEquation:
    with warnings.catch_warnings():
        # Equal truncation is the point here, and what it costs in the current is in the table.
        warnings.simplefilter("ignore", qn.TruncationWarning)
        return qn.local_master_equation(network, **cut)


def build(problem: str, size: int) -> qn.MasterEquation:
    """The equation of a named problem and size."""
    if problem == "levels":
        return oscillator_pair(size)
    if problem == "excitations":
        return oscillator_pair(None, size)
    if problem == "hot slow node":
        return hot_slow_pair()
    if problem == "three hot oscillators":
        return three_hot_oscillators()
    return two_level_chain(size)


def solve_once(equation: qn.MasterEquation, method: str) -> tuple[qutip.Qobj | None, Record]:
    """Run one method on the equation; its state, and what else it says of itself."""
    hamiltonian, operators = equation.hamiltonian, equation.all_collapse_operators
    if method == PACKAGE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", qn.TruncationWarning)
            state = qn.steady_state(equation)
        applications = {"applications": state.iterations, "current": state.heat_currents["hot"]}
        return None, {**applications, "states": state.rho.shape[0], "unknowns": state.unknowns}
    if method == QTHERMO:
        from qthermo.baths import Bath
        from qthermo.steady import steady_state

        matrices = [operator.full() for operator in operators]
        rho = steady_state(hamiltonian.full(), [Bath("all", c_ops=matrices)])
        return qutip.Qobj(rho, dims=hamiltonian.dims), {}
    rho = qutip.steadystate(hamiltonian, operators, method=method.removeprefix("qutip "))
    # Some methods return a matrix that is Hermitian to a few digits only.
    return (rho + rho.dag()) / 2, {}


def child(problem: str, size: int, method: str, repeats: int) -> Record:
    """Time a method in this process: median of the repeats."""
    equation = build(problem, size)
    before = _peak_megabytes()
    seconds: list[float] = []
    rho, extra = None, {}
    while len(seconds) < repeats and sum(seconds) < 5.0:
        started = time.perf_counter()
        rho, extra = solve_once(equation, method)
        seconds.append(time.perf_counter() - started)
    peak = _peak_megabytes()
    record = {
        "states": equation.space.dimension,
        "seconds": statistics.median(seconds),
        "repeats": len(seconds),
        "peak_megabytes": peak,
        "growth_megabytes": peak - before,
        **extra,
    }
    if rho is not None:
        record["current"] = qn.heat_currents(equation, rho)["hot"]
    return record


def _peak_megabytes() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e6 if sys.platform == "darwin" else 1e3)


def reference_current(problem: str, size: int) -> float:
    """Hot current of the same truncated equation, refined to 1e-13 from another start than the timed runs have."""
    equation = build(problem, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", qn.TruncationWarning)
        rough = qn.steady_state(equation, rtol=1e-2)
        return qn.steady_state(rough.equation or equation, start=rough, rtol=1e-13).heat_currents["hot"]


def planned_tasks(quick: bool) -> list[Record]:
    """Every run, the cheap ones first: section and arguments."""
    if quick:
        runs = [("levels", size, method) for size in (4, 5) for method in METHODS]
        runs += [("chain", size, method) for size in (2, 3) for method in (PACKAGE, QTHERMO, "qutip direct")]
    else:
        # QuTiP's singular value decomposition is of a dense matrix: a few levels are all it can do.
        runs = [("levels", 6, method) for method in METHODS]
        runs += [("levels", size, PACKAGE) for size in (8, 12, 16, 20, 24, 28, 40, 56, 80, 112)]
        runs += [("levels", size, QTHERMO) for size in (8, 12, 16, 20, 24, 28)]
        runs += [("levels", size, "qutip direct") for size in (8, 12, 16, 20, 24, 28)]
        runs += [("excitations", 60, PACKAGE), ("hot slow node", 0, PACKAGE)]
        runs += [("chain", size, PACKAGE) for size in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]
        runs += [("chain", size, QTHERMO) for size in (2, 3, 4, 5, 6, 7)]
        runs += [("chain", size, "qutip direct") for size in (2, 3, 4, 5)]
        runs += [("three hot oscillators", 0, PACKAGE)]
    methods = [{"section": "methods", "problem": run[0], "size": run[1], "method": run[2]} for run in runs]
    others = [module.planned(quick) for module in (benchmark_networks, benchmark_quadratic, benchmark_systems)]
    return [*itertools.chain(*others), *methods]


def run_task(task: Record, repeats: int) -> Record:
    """Run one task in this process."""
    arguments = {key: value for key, value in task.items() if key != "section"}
    if task["section"] == "methods":
        return child(**arguments, repeats=repeats)
    if task["section"] == "systems":
        return benchmark_systems.run(**arguments, repeats=repeats)
    if task["section"] in benchmark_quadratic.SECTIONS:
        return benchmark_quadratic.run(task, repeats)
    return benchmark_networks.run(task, repeats)


def run_all(tasks: list[Record], partial: Path, repeats: int, limit: float) -> list[Record]:
    """Run what the partial file does not hold yet, each in a process of its own."""
    records: list[Record] = [json.loads(line) for line in partial.read_text().splitlines()] if partial.exists() else []
    for number, task in enumerate(tasks, start=1):
        if any(task.items() <= record.items() for record in records):
            continue
        print(f"[{number}/{len(tasks)}] {', '.join(map(str, task.values()))}", file=sys.stderr, flush=True)
        argument = json.dumps({"task": task, "repeats": repeats})
        record = dict(task)
        try:
            finished = subprocess.run(
                [sys.executable, __file__, "--child", argument], capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            record["failure"] = f"not finished in {limit:.0f} s"
        else:
            if finished.returncode == 0:
                record |= json.loads(finished.stdout.splitlines()[-1])
            else:
                record["failure"] = (finished.stderr.strip().splitlines() or ["no message"])[-1][:200]
        with partial.open("a") as stream:
            stream.write(json.dumps(record) + "\n")
        records.append(record)
    return records


def add_errors(records: list[Record]) -> None:
    """Add to every record the relative deviation of its current from the same equation and from the closed form."""
    network = oscillator_pair(2).network
    closed = {"levels": qn.analytic.local_heat_current(network), "excitations": qn.analytic.local_heat_current(network)}
    closed["hot slow node"] = qn.analytic.local_heat_current(hot_slow_pair().network)
    references: dict[tuple[str, int], float] = {}
    for record in records:
        if "current" not in record:
            continue
        key = (record["problem"], record["size"])
        if key not in references and record["seconds"] < 20:
            references[key] = reference_current(*key)
        if key in references:
            record["error_at_truncation"] = abs(record["current"] / references[key] - 1.0)
        if record["problem"] in closed:
            record["error_to_closed_form"] = abs(record["current"] / float(closed[record["problem"]]) - 1.0)


def growth_exponent(records: list[Record]) -> float:
    """Slope of log time against log unknowns over the larger half of the sizes."""
    own = sorted((record["unknowns"], record["seconds"]) for record in records)
    larger = np.log(np.array(own[len(own) // 2 :]))
    return float(np.polyfit(larger[:, 0], larger[:, 1], 1)[0])


def table(records: list[Record]) -> str:
    """Markdown table of all runs."""
    lines = [
        "| problem | method | states | seconds | peak MB | growth MB | J_h: same equation | J_h: closed form |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for record in records:
        name = f"{record['problem']} {record['size'] or ''}".strip()
        if "failure" in record:
            lines.append(f"| {name} | {record['method']} | | {record['failure']} | | | | |")
            continue
        errors = [
            f"{record[key]:.1e}" if key in record else "" for key in ("error_at_truncation", "error_to_closed_form")
        ]
        lines.append(
            f"| {name} | {record['method']} | {record['states']} | {record['seconds']:.3g} | "
            f"{record['peak_megabytes']:.0f} | {record['growth_megabytes']:.0f} | {errors[0]} | {errors[1]} |"
        )
    return "\n".join(lines)


def summary(records: list[Record]) -> str:
    """The ratios that matter, each within this run."""
    by_key = {(r["problem"], r["size"], r["method"]): r for r in records if "failure" not in r}
    lines = []
    largest = max((key[1] for key in by_key if key[0] == "levels" and key[2] == "qutip direct"), default=0)
    own = by_key.get(("levels", largest, PACKAGE))
    for method in ("qutip direct", QTHERMO):
        other = by_key.get(("levels", largest, method))
        if own and other:
            lines.append(
                f"oscillators, {largest} levels a node: {other['seconds'] / own['seconds']:.0f} times faster than "
                f"{method}, {other['peak_megabytes'] / own['peak_megabytes']:.0f} times less memory "
                f"({other['growth_megabytes'] / max(own['growth_megabytes'], 1.0):.0f} times less beyond the start), "
                f"currents equal to {abs(own['current'] / other['current'] - 1):.0e}"
            )
    for problem in ("levels", "chain"):
        members = [r for r in records if r["problem"] == problem and r["method"] == PACKAGE and "unknowns" in r]
        if len(members) > 3:
            lines.append(f"{problem}: time grows as (unknowns)^{growth_exponent(members):.2f}")
            counts = [r["applications"] for r in members]
            lines.append(f"{problem}: {min(counts)} to {max(counts)} applications of the generator for one solve")
    return "\n".join(lines)


def plot(records: list[Record], path: Path) -> None:
    """Time and memory against levels and against nodes, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for column, (problem, label) in enumerate((("levels", "levels a node"), ("chain", "two-level nodes in a chain"))):
        for row, (key, unit) in enumerate((("seconds", "time (s)"), ("growth_megabytes", "memory of the solve (MB)"))):
            ax = axes[row, column]
            for method, (colour, marker) in STYLE.items():
                points = sorted(
                    (r["size"], max(r[key], 0.1 if row else 0.0))
                    for r in records
                    if r["problem"] == problem and r["method"] == method and "failure" not in r
                )
                if points:
                    ax.loglog(*zip(*points, strict=True), marker=marker, color=colour, label=method)
            ax.set_xlabel(label)
            ax.set_ylabel(unit)
            sizes = sorted({r["size"] for r in records if r["problem"] == problem and "failure" not in r})
            ax.set_xticks(
                sizes[::2] if len(sizes) > 6 else sizes, labels=map(str, sizes[::2] if len(sizes) > 6 else sizes)
            )
            ax.minorticks_off()
            ax.grid(alpha=0.3)
    axes[0, 0].legend()
    for suffix in ("png", "pdf"):
        metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
        figure.savefig(path.with_suffix(f".{suffix}"), dpi=160, metadata=metadata)
    plt.close(figure)


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes only, a few minutes")
    parser.add_argument("--repeats", type=int, default=7, help="largest number of repeats of a short run (default 7)")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds a run may take (default 900)")
    parser.add_argument("--output", type=Path, default=Path("figures"), help="folder for benchmark.{json,md,png,pdf}")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run_task(**json.loads(options.child))))
        return 0
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, but is {options.repeats}")
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / ("benchmark_quick" if options.quick else "benchmark")
    partial = target.with_suffix(".partial")
    everything = run_all(planned_tasks(options.quick), partial, options.repeats, options.limit)
    records = [record for record in everything if record["section"] == "methods"]
    add_errors(records)
    systems = [record for record in everything if record["section"] == "systems"]
    networks = f"{benchmark_networks.table(everything)}\n\n{benchmark_quadratic.table(everything)}"
    text = f"{table(records)}\n\n{summary(records)}\n\n{networks}\n\n{benchmark_systems.table(systems)}\n"
    versions = {"python": platform.python_version(), "qnet_qutip": qn.__version__, "qutip": qutip.__version__}
    versions |= {"numpy": np.__version__, "scipy": scipy.__version__}
    target.with_suffix(".json").write_text(json.dumps({"versions": versions, "runs": everything}, indent=1) + "\n")
    target.with_suffix(".md").write_text(text)
    plot(records, target)
    partial.unlink()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
