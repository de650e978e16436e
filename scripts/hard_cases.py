"""Try the steady-state solver on random hard cases whose answer is known: extreme pairs of nodes, random operators.

`pairs`: two two-level nodes with one to three baths, parameters over many decades, against a solution with 100 digits.
`operators`: random Hamiltonians and collapse operators of dimension 2 to 12, against the singular values of the dense
Liouvillian and a solution refined in extended precision.
`equations`: every master equation of random networks of two-level nodes, against the superoperator that
`tests/dense.py` writes out.
`gaussian`: every master equation of random quadratic networks, one-body matrices against a hundred digits.
`exact`: `exact.steady_state` of random oscillator networks, against integrals in whole numbers of 96 digits.
Every case that is wrong without a word is listed; so are all that an error ended. Exit status: 0 if the solver does
what is asked of it, 1 if not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
import qutip
import scipy.linalg
from exact_networks import exact_networks
from numpy.typing import NDArray
from outcomes import OUTCOMES, REFUSED, RIGHT, SILENT, UNDECIDED, WARNED, Outcome, Parameters, judged, solved
from random_equations import equations
from random_gaussian import quadratic_networks

import qnet_qutip as qn
from qnet_qutip.progress import progress_line

Matrix = NDArray[Any]

EPS = float(np.finfo(float).eps)

# ---------------------------------------------------------------- extreme pairs

DIGITS = 100
"""The equations mix rates 1e-16 to 1e12: 40 digits can cancel, and 60 are to be left."""

PAIR_TOLERANCE = 1e-8
"""Of a current, relative to itself or to `SMALLEST_SCALE` of its one-way flow; of an occupation, relative to itself.

Rates rounded to doubles move the currents of 1,500 such pairs by 1e-11 at most and the occupations by 1e-15: a solver
that is given them can reach it."""

SMALLEST_SCALE = 0.01

SMALLEST_OCCUPATION = 1e-20
"""Populations below this, of a node a hundred times colder than its frequency, are judged against it: double-double
numbers of a state of trace one end near 1e-32, which leaves about 1e-12 of it."""

SMALLEST_CURRENT = 1e-290
"""Currents below this, of baths a thousand times colder than their frequency, end where doubles do."""

LARGEST_REFUSED = 0.01
"""Fraction of pairs that may end with an error."""

RESONANT = 0.2

KNOWN_PAIRS: tuple[Parameters, ...] = (
    {"omega_A": 1.0, "omega_B": 50.0, "epsilon": 3e-4, "baths": [["B", 100.0, 1.0], ["B", 10.0, 1.0]]},
    {"omega_A": 70.0, "omega_B": 50.0, "epsilon": 1e-7, "baths": [["B", 400.0, 3.0], ["B", 3.0, 0.005]]},
)
"""Pairs that an earlier solver got wrong in silence: always the first."""


class Rates(NamedTuple):
    """Down and up rate of a bath on its node."""

    node: str
    down: mpmath.mpf
    up: mpmath.mpf


class ExactPair(NamedTuple):
    """⟨a†a⟩ of each node, and the heat current of each bath."""

    occupations: Mapping[str, mpmath.mpf]
    currents: tuple[mpmath.mpf, ...]


def random_pair(random: np.random.Generator) -> Parameters:
    """Two frequencies, a coupling, and (node, T, κ) of each bath, all uniform in the logarithm."""

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    omega = between(0.03, 100.0)
    other = omega if random.random() < RESONANT else between(0.03, 100.0)
    epsilon = between(1e-8, 1.0)
    count = int(random.integers(1, 4))
    baths = [[str(random.choice(["A", "B"])), between(0.03, 1000.0), between(1e-11, 10.0)] for _ in range(count)]
    return {"omega_A": omega, "omega_B": other, "epsilon": epsilon, "baths": baths}


def pair_network(parameters: Parameters) -> qn.Network:
    """The network of a pair."""
    return qn.Network(
        nodes={name: qn.TwoLevel(parameters[f"omega_{name}"]) for name in "AB"},
        couplings={("A", "B"): parameters["epsilon"]},
        baths={
            str(index): qn.Bath(node, temperature, qn.PhononSpectrum(kappa))
            for index, (node, temperature, kappa) in enumerate(parameters["baths"])
        },
    )


def exact_rates(parameters: Parameters, *, frozen: frozenset[int] = frozenset()) -> list[Rates]:
    """Eqs. (14)-(15) of every bath; those whose index is frozen are at zero temperature."""
    rates = []
    for index, (node, temperature, kappa) in enumerate(parameters["baths"]):
        omega = mpmath.mpf(parameters[f"omega_{node}"])
        density = mpmath.mpf(kappa) * omega**3
        up = mpmath.mpf(0) if index in frozen else density / mpmath.expm1(omega / mpmath.mpf(temperature))
        rates.append(Rates(node, density + up, up))
    return rates


def exact_pair(parameters: Parameters, rates: list[Rates]) -> ExactPair:
    """Steady state of the local equation: four populations p_AB and the coherence c = ⟨10|ρ|01⟩, solved as they are.

    dp10/dt = ... - 2ε Im c,  dp01/dt = ... + 2ε Im c,  dc/dt = -(iΔ + S/2) c - iε (p01 - p10), with S the sum of all
    rates: a jump of either node takes the coherence away, and none brings it.
    """
    down, up = ({node: sum((r[k] for r in rates if r.node == node), mpmath.mpf(0)) for node in "AB"} for k in (1, 2))
    epsilon = mpmath.mpf(parameters["epsilon"])
    frequency = {node: mpmath.mpf(parameters[f"omega_{node}"]) for node in "AB"}
    detuning, width = frequency["A"] - frequency["B"], (sum(down.values()) + sum(up.values())) / 2
    # Unknowns in this order: p00, p10, p01, p11, Re c, Im c. The first row, redundant, is replaced by the trace.
    equations = mpmath.matrix(
        [
            [1, 1, 1, 1, 0, 0],
            [up["A"], -down["A"] - up["B"], 0, down["B"], 0, -2 * epsilon],
            [up["B"], 0, -down["B"] - up["A"], down["A"], 0, 2 * epsilon],
            [0, up["B"], up["A"], -down["A"] - down["B"], 0, 0],
            [0, 0, 0, 0, -width, detuning],
            [0, epsilon, -epsilon, 0, -detuning, -width],
        ]
    )
    _, p10, p01, p11, real, _ = mpmath.lu_solve(equations, mpmath.matrix([1, 0, 0, 0, 0, 0]))
    occupations = {"A": p10 + p11, "B": p01 + p11}
    # Tr[H D(ρ)]: the node's own energy, and the coupling's ε⟨X⟩ = 2ε Re c, that the bath damps at half its rates.
    currents = tuple(
        frequency[node] * (up * (1 - occupations[node]) - down * occupations[node]) - (up + down) * epsilon * real
        for node, down, up in rates
    )
    return ExactPair(occupations, currents)


def one_way_flows(parameters: Parameters, exact: ExactPair) -> list[mpmath.mpf]:
    """The yardstick of each bath's current: what flows from it with all others at zero temperature, or back.

    The larger of |J| of the bath with the others at zero temperature, and |J| with it alone at zero temperature. A
    single bath has no other to send heat to: what it gives its node a unit of time, and takes again, is its flow.
    """
    count = len(parameters["baths"])
    if count == 1:
        (node, _, up) = exact_rates(parameters)[0]
        return [mpmath.mpf(parameters[f"omega_{node}"]) * up * (1 - exact.occupations[node])]
    flows = []
    for index in range(count):
        others = frozenset(range(count)) - {index}
        settings = (exact_rates(parameters, frozen=others), exact_rates(parameters, frozen=frozenset({index})))
        flows.append(max(abs(exact_pair(parameters, rates).currents[index]) for rates in settings))
    return flows


def try_pair(parameters: Parameters) -> Outcome:
    """Solve a pair and compare."""
    state, said = solved(lambda: qn.steady_state(qn.local_master_equation(pair_network(parameters))))
    count, resonant = len(parameters["baths"]), parameters["omega_A"] == parameters["omega_B"]
    kind = f"{count} bath{'s' * (count > 1)}{', resonant' * resonant}"
    if state is None:
        return Outcome(kind, parameters, REFUSED, said, np.nan)
    with mpmath.workdps(DIGITS):
        exact = exact_pair(parameters, exact_rates(parameters))
        flows = one_way_flows(parameters, exact)
        deviations = [
            abs(state.occupations[node] - value) / max(value, SMALLEST_OCCUPATION)
            for node, value in exact.occupations.items()
        ]
        deviations += [
            abs(state.heat_currents[str(index)] - current) / max(abs(current), SMALLEST_SCALE * flow, SMALLEST_CURRENT)
            for index, (current, flow) in enumerate(zip(exact.currents, flows, strict=True))
        ]
        error = float(max(deviations) / PAIR_TOLERANCE)
    return Outcome(kind, parameters, judged(error, said), said, error)


# ---------------------------------------------------------------- random operators

LARGEST_DIMENSION = 12

OPERATOR_TOLERANCE = 1e-9
"""Of the trace norm of a state."""

UNIQUE = 1e-6
"""Second-smallest singular value of the Liouvillian, over its largest, above which a state must be found."""

SEVERAL = 1e-13
"""The same below which there is more than one steady state: rounding of 144 × 144 entries leaves less."""


def _complex(random: np.random.Generator, *shape: int) -> Matrix:
    return (random.standard_normal(shape) + 1j * random.standard_normal(shape)) / np.sqrt(2 * shape[0])


def _hermitian(random: np.random.Generator, dimension: int) -> Matrix:
    matrix = _complex(random, dimension, dimension)
    return (matrix + matrix.conj().T) / 2


def _unitary(random: np.random.Generator, dimension: int) -> Matrix:
    return np.asarray(np.linalg.qr(_complex(random, dimension, dimension))[0])


def _dense(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Nothing in common with anything."""
    return _hermitian(random, dimension), [_complex(random, dimension, dimension) for _ in range(count)]


def _blocks(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Two halves that neither the Hamiltonian nor any jump joins: two steady states."""
    first = int(random.integers(1, dimension))
    pieces = [_dense(random, size, count) for size in (first, dimension - first)]
    hamiltonian = scipy.linalg.block_diag(*(piece[0] for piece in pieces))
    return hamiltonian, [scipy.linalg.block_diag(*jumps) for jumps in zip(*(piece[1] for piece in pieces), strict=True)]


def _symmetric(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Two such halves, seen in another basis."""
    hamiltonian, jumps = _blocks(random, dimension, count)
    rotation = _unitary(random, dimension)
    return rotation @ hamiltonian @ rotation.conj().T, [rotation @ jump @ rotation.conj().T for jump in jumps]


def _slow(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Two such halves, and a jump of any kind between them at a rate 1e-6 to 1e-3."""
    hamiltonian, jumps = _blocks(random, dimension, count)
    return hamiltonian, [*jumps, 10.0 ** random.uniform(-3.0, -1.5) * _complex(random, dimension, dimension)]


def _weak(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """A Hamiltonian and jumps without anything in common, all at rates 1e-6 to 1e-3 of its frequencies."""
    hamiltonian, jumps = _dense(random, dimension, count)
    return hamiltonian, [10.0 ** random.uniform(-3.0, -1.5) * jump for jump in jumps]


def _transitions(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Levels with some couplings, and jumps from level to level at rates over four decades."""
    hamiltonian = np.diag(random.standard_normal(dimension)).astype(complex)
    hamiltonian += np.where(random.random((dimension, dimension)) < 0.3, 1, 0) * _hermitian(random, dimension)
    hamiltonian = np.tril(hamiltonian) + np.tril(hamiltonian, -1).conj().T
    jumps = []
    for _ in range(count + dimension):
        jump = np.zeros((dimension, dimension), dtype=complex)
        source, target = random.choice(dimension, 2, replace=False)
        jump[target, source] = 10.0 ** random.uniform(-2.0, 0.0)
        jumps.append(jump)
    return hamiltonian, jumps


def _dark(random: np.random.Generator, dimension: int, count: int, states: int = 1) -> tuple[Matrix, list[Matrix]]:
    """Eigenstates of the Hamiltonian that no jump touches, or leaves."""
    rotation = _unitary(random, dimension)
    bright = dimension - states
    hamiltonian = scipy.linalg.block_diag(_hermitian(random, states), _hermitian(random, bright))
    jumps = [np.hstack([np.zeros((dimension, states)), _complex(random, dimension, bright)]) for _ in range(count)]
    return rotation @ hamiltonian @ rotation.conj().T, [rotation @ jump @ rotation.conj().T for jump in jumps]


def _two_dark(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """Two dark states, if there is room: several steady states."""
    return _dark(random, dimension, count, min(2, dimension - 1))


def _nearly_dark(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """One or two states that are dark but for a jump at a rate 1e-6 to 1e-3."""
    hamiltonian, jumps = _dark(random, dimension, count, min(int(random.integers(1, 3)), dimension - 1))
    return hamiltonian, [*jumps, 10.0 ** random.uniform(-3.0, -1.5) * _complex(random, dimension, dimension)]


def _falling(random: np.random.Generator, dimension: int, count: int) -> tuple[Matrix, list[Matrix]]:
    """No Hamiltonian, and jumps that only go down: the lowest level, with singular values of every size."""
    return np.zeros((dimension, dimension)), [np.triu(_complex(random, dimension, dimension), 1) for _ in range(count)]


KINDS: Mapping[str, Callable[[np.random.Generator, int, int], tuple[Matrix, list[Matrix]]]] = {
    "dense": _dense,
    "slow": _slow,
    "weak": _weak,
    "transitions": _transitions,
    "dark state": _dark,
    "two dark states": _two_dark,
    "nearly dark": _nearly_dark,
    "falling": _falling,
    "blocks": _blocks,
    "symmetric": _symmetric,
}


def random_operators(random: np.random.Generator, kind: str) -> tuple[Matrix, list[Matrix]]:
    """A Hamiltonian and collapse operators of the kind."""
    return KINDS[kind](random, int(random.integers(2, LARGEST_DIMENSION + 1)), int(random.integers(1, 4)))


def liouvillian(hamiltonian: Matrix, jumps: list[Matrix]) -> Matrix:
    """-i[H, ρ] + Σ (cρc† - ½{c†c, ρ}) on the rows of ρ, one after another, in extended precision."""
    unit = np.eye(len(hamiltonian), dtype=np.clongdouble)
    effective = -1j * hamiltonian.astype(np.clongdouble)
    generator = np.zeros((unit.size, unit.size), dtype=np.clongdouble)
    for jump in jumps:
        wide = jump.astype(np.clongdouble)
        effective = effective - wide.conj().T @ wide / 2
        generator += np.kron(wide, wide.conj())
    return generator + np.kron(effective, unit) + np.kron(unit, effective.conj())


def refined_state(generator: Matrix) -> Matrix:
    """The one steady state: a solution in double precision, refined with residuals in extended precision."""
    dimension = int(np.sqrt(len(generator)))
    unit = np.eye(dimension).ravel()
    # With the trace added to it the generator is invertible exactly if it has one null vector.
    scale = float(np.abs(generator).max())
    equations = generator + scale * np.outer(unit, unit) / dimension
    factors = scipy.linalg.lu_factor(equations.astype(complex))
    right = (scale / dimension * unit).astype(np.clongdouble)
    rho = np.zeros_like(right)
    for _ in range(6):
        rho = rho + scipy.linalg.lu_solve(factors, (right - equations @ rho).astype(complex))
    matrix = rho.reshape(dimension, dimension).astype(complex)
    return (matrix + matrix.conj().T) / 2


def try_operators(kind: str, seed: tuple[int, int]) -> Outcome:
    """Solve random operators and compare with what their Liouvillian says."""
    hamiltonian, jumps = random_operators(np.random.default_rng(seed), kind)
    generator = liouvillian(hamiltonian, jumps)
    singular = np.linalg.svd(generator.astype(complex), compute_uv=False)
    gap = float(singular[-2] / singular[0])
    parameters = {"seed": list(seed), "dimension": len(hamiltonian), "jumps": len(jumps), "gap": gap}
    state, said = solved(lambda: qn.steady_state(qutip.Qobj(hamiltonian), [qutip.Qobj(jump) for jump in jumps]))
    if gap < SEVERAL:
        found = said.startswith(qn.MultipleSteadyStatesError.__name__)
        outcome = RIGHT if found else REFUSED if state is None else judged(np.inf, said)
        return Outcome(f"{kind}, several", parameters, outcome, said, np.nan)
    if state is None:
        return Outcome(kind, parameters, REFUSED if gap > UNIQUE else UNDECIDED, said, np.nan)
    difference = state.rho.full() - refined_state(generator)
    # Rounding of the generator's entries moves the state by about this much, whoever solves it.
    allowed = max(OPERATOR_TOLERANCE, 10 * EPS / gap)
    error = float(np.abs(np.linalg.eigvalsh(difference)).sum()) / allowed
    return Outcome(kind, parameters, judged(error, said), said, error)


# ---------------------------------------------------------------- all studies


def pairs(count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of the known pairs and of random ones."""
    for index in range(count):
        known = index < len(KNOWN_PAIRS)
        yield try_pair(KNOWN_PAIRS[index] if known else random_pair(np.random.default_rng((seed, index))))


def operators(count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of random operators, of every kind in turn."""
    kinds = list(KINDS)
    for index in range(count):
        yield try_operators(kinds[index % len(kinds)], (seed, index))


def passed(study: str, outcomes: list[Outcome]) -> bool:
    """Whether the solver did what is asked: nothing wrong in silence, and errors only where they are allowed."""
    counts = Counter(one.outcome for one in outcomes)
    allowed = LARGEST_REFUSED * len(outcomes) if study == "pairs" else 0
    # A pair may be wrong with a warning; the others must be solved.
    wrong = counts[SILENT] + (0 if study == "pairs" else counts[WARNED])
    return wrong == 0 and counts[REFUSED] <= allowed


def table(outcomes: list[Outcome]) -> str:
    """Counts by kind, by error class, and the cases that are wrong or refused."""
    head = f"{'kind':24s}" + "".join(f"{name:>19s}" for name in (*OUTCOMES, "right and warned")) + f"{'worst':>10s}"
    lines = [head]
    for kind in [*dict.fromkeys(sorted(one.kind for one in outcomes)), "all"]:
        members = [one for one in outcomes if kind in (one.kind, "all")]
        counts = Counter(one.outcome for one in members)
        counts["right and warned"] = sum(one.outcome == RIGHT and "Warning" in one.said for one in members)
        worst = max((one.error for one in members if np.isfinite(one.error)), default=0.0)
        cells = "".join(f"{counts[name]:19d}" for name in (*OUTCOMES, "right and warned"))
        lines.append(f"{kind:24s}{cells}{worst:10.1e}")
    lines.append("\n'worst' is the largest deviation in units of what is allowed.")
    refused = Counter(one.said.partition(":")[0] for one in outcomes if one.outcome in (REFUSED, UNDECIDED))
    lines += [f"{name}: {number}" for name, number in refused.most_common()]
    for outcome in (SILENT, WARNED, REFUSED):
        listed = [one for one in outcomes if one.outcome == outcome]
        lines += [f"\n{outcome}:"] * bool(listed)
        lines += [
            f"  {one.kind}: {json.dumps(one.parameters)} error {one.error:.1e} {one.said[:120]}" for one in listed
        ]
    return "\n".join(lines)


STUDIES = {
    "pairs": pairs,
    "operators": operators,
    "equations": equations,
    "gaussian": quadratic_networks,
    "exact": exact_networks,
}
DEFAULT_COUNTS = {"pairs": 10_000, "operators": 2_000, "equations": 1_800, "gaussian": 1_200, "exact": 200}


def main(arguments: list[str] | None = None) -> int:
    """Run a study, print its table, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument(
        "--count",
        type=int,
        help="number of cases (default: 10000 pairs, 2000 operators, 1800 equations, 1200 gaussian, 200 exact)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random cases (default 0)")
    parser.add_argument("--output", type=Path, help="file for every outcome, one line of JSON each")
    options = parser.parse_args(arguments)
    count = DEFAULT_COUNTS[options.study] if options.count is None else options.count
    if count < 1:
        parser.error(f"argument --count: must be at least 1, but is {count}")
    if options.seed < 0:
        parser.error(f"argument --seed: must not be negative, but is {options.seed}")
    if options.output is not None and not options.output.parent.is_dir():
        parser.error(f"argument --output: must be a file in a directory that exists, but is {options.output}")
    show = progress_line(options.study)
    outcomes: list[Outcome] = []
    for outcome in STUDIES[options.study](count, options.seed):
        outcomes.append(outcome)
        bad = sum(one.outcome in (SILENT, REFUSED) for one in outcomes)
        show(f"{len(outcomes)} of {count}, {bad} wrong in silence or refused")
    show("")
    print(table(outcomes))
    if options.output is not None:
        options.output.write_text("".join(json.dumps(one._asdict()) + "\n" for one in outcomes))
    return 0 if passed(options.study, outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
