"""Is the recommendation that the scales alone give any good? Random networks of two to five oscillators, exact in hand.

Couplings ε and rates κω³ range over eight decades each, frequencies are equal, within a few ε, or apart; baths are two
or three. The equation that `comparison.recommended_by_scales` names, with the exact answer hidden from it, must not be
off by more than three times the best positive equation's error plus γ/ω. Prints how close each comes, and the worst in
full. The exit status is 1 if one fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import qnet_qutip as qn
from qnet_qutip.comparison import recommended_by_scales
from qnet_qutip.progress import progress_line

ALLOWED = 3.0


class Verdict(NamedTuple):
    """How near to failing a recommendation is."""

    ratio: float
    number: int
    recommended: str
    comparison: qn.Comparison


def random_network(rng: np.random.Generator) -> qn.Network:
    """A connected graph of two to five oscillators about ω = 5 with two or three baths."""
    names = list("ABCDE")[: rng.integers(2, 6)]
    epsilon, kappa = 10 ** rng.uniform(-8.3, -0.3), 10 ** rng.uniform(-11, -3)
    spread = rng.choice([0.0, 2 * epsilon, 1.0])
    nodes = {name: qn.Oscillator(5 + spread * rng.uniform(-1, 1)) for name in names}
    couplings = {}
    for index in range(1, len(names)):
        couplings[names[rng.integers(index)], names[index]] = epsilon * rng.uniform(0.5, 1.5)
    if len(names) > 2 and rng.random() < 0.4:
        first, second = sorted(rng.choice(names, 2, replace=False).tolist())
        couplings.setdefault((first, second), epsilon * rng.uniform(0.5, 1.5))
    phonons = qn.PhononSpectrum(kappa)
    first, second = rng.choice(names, 2, replace=False).tolist()
    baths = {"hot": qn.Bath(first, 12, phonons), "cold": qn.Bath(second, 10, phonons)}
    if rng.random() < 0.2:
        baths["third"] = qn.Bath(str(rng.choice(names)), rng.uniform(9, 13), phonons)
    return qn.Network(nodes, couplings, baths)


def judged(number: int, network: qn.Network) -> Verdict | None:
    """The verdict on one network; None where there is nothing to judge: an undamped mode, currents below rounding."""
    comparison = qn.compare(network)
    solved = {name: row for name, row in comparison.assessments.items() if not row.refusal}
    if not comparison.exact or not solved:
        return None
    name = recommended_by_scales(comparison.scales, solved)
    best = min(row.error for row in solved.values() if row.promises.positive)
    ratio = solved[name].error / (ALLOWED * best + comparison.scales.neglected)
    return Verdict(ratio, number, name, comparison)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=1000, help="of networks")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    show = progress_line("verdicts")
    found, without = [], 0
    for number in range(options.number):
        verdict = judged(number, random_network(rng))
        if verdict is None:
            without += 1
        else:
            found.append(verdict)
        show(f"{number + 1} of {options.number}")
    show("")
    found.sort(key=lambda verdict: verdict.ratio)
    failed = [verdict for verdict in found if not verdict.ratio <= 1]
    print(f"{len(found)} networks, {len(failed)} recommendations fail; {without} more have nothing to judge")
    print(f"recommended: {dict(Counter(verdict.recommended for verdict in found))}")
    ratios = np.array([verdict.ratio for verdict in found])
    print(
        "error over what is allowed: " + ", ".join(f"{q:.0%} below {np.quantile(ratios, q):.2g}" for q in (0.5, 0.9, 1))
    )
    for verdict in found[-3:]:
        print(f"\nnetwork {verdict.number}: {verdict.comparison.network}")
        print(f"{verdict.recommended} by the scales, {verdict.ratio:.2f} of what is allowed")
        print(verdict.comparison)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
