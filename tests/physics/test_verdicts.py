"""What the scales alone recommend: a sample of the random networks of `scripts/verdicts.py`, the worst among them."""

from __future__ import annotations

import numpy as np
import pytest
import verdicts

import qnet_qutip as qn
from qnet_qutip.comparison import recommended_by_scales

SAMPLE = 30


def test_recommended_without_the_exact_answer_is_nearly_the_best_positive_equation() -> None:
    """Not off by more than 3 × the best positive equation's error plus γ/ω, what Born and Markov neglect anyway."""
    random = np.random.default_rng(3)
    found = [verdicts.judged(number, verdicts.random_network(random)) for number in range(SAMPLE)]
    judged = [verdict for verdict in found if verdict is not None]
    assert len(judged) > 0.9 * SAMPLE
    assert max(judged, key=lambda verdict: verdict.ratio).ratio <= 1
    # The sample has all cases: resolved by the baths, one, and neither.
    assert {verdict.recommended for verdict in judged} >= {"global", "unified", "universal"}


def test_a_wrong_recommendation_would_be_seen() -> None:
    """Global where the baths do not resolve the frequencies is off by forty times, and beyond what is allowed."""
    net = qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=1e-6, T_h=12, T_c=10, kappa=1e-7)
    verdict = verdicts.judged(0, net)
    assert verdict is not None
    assert verdict.recommended == recommended_by_scales(verdict.comparison.scales, verdict.comparison.assessments)
    assert verdict.ratio <= 1
    errors = {name: row.error for name, row in verdict.comparison.assessments.items()}
    best = min(errors[name] for name in ("local", "unified", "universal"))
    assert errors["global"] / (verdicts.ALLOWED * best + verdict.comparison.scales.neglected) > 1e6


def test_networks_with_nothing_to_judge_are_counted_apart() -> None:
    """A dark mode: two nodes alike that hang on one with both baths."""
    phonons = qn.PhononSpectrum(1e-4)
    ends = {"hot": qn.Bath("A", 12, phonons), "cold": qn.Bath("A", 10, phonons)}
    assert verdicts.judged(0, qn.star([qn.Oscillator(5)] * 3, 0.1, **ends)) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_the_script_says_how_near_to_failing_it_came(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdicts.main(["--number", "5", "--seed", str(seed)]) == 0
    printed = capsys.readouterr().out
    assert "0 recommendations fail" in printed
    assert printed.count("of what is allowed") == 3


def mixed_network(random: np.random.Generator) -> qn.Network:
    """A pair of a two-level node and any other, or three two-level nodes, in resonance, nearly so, or not."""
    epsilon, kappa = 10 ** random.uniform(-6, -0.3), 10 ** random.uniform(-7, -3.5)
    spread = random.choice([0.0, 2 * epsilon, 1.0])
    frequencies = 5 + spread * random.uniform(-1, 1, 3)
    first = [
        qn.TwoLevel(frequencies[0]),
        qn.Oscillator(frequencies[0]),
        qn.Oscillator(frequencies[0], anharmonicity=10 ** random.uniform(-2, 0.5)),
    ][random.integers(3)]
    count = 2 if isinstance(first, qn.Oscillator) else random.integers(2, 4)
    nodes = [first, *(qn.TwoLevel(frequency) for frequency in frequencies[1:count])]
    phonons, T = qn.PhononSpectrum(kappa), random.uniform(0.6, 1.2)
    couplings = (epsilon * random.uniform(0.5, 1.5, count - 1)).tolist()
    return qn.chain(nodes, couplings, hot=qn.Bath("A", 1.3 * T, phonons), cold=qn.Bath("ABC"[count - 1], T, phonons))


def test_recommended_for_nodes_that_are_not_harmonic_is_nearly_what_redfield_gives() -> None:
    """Of 300 with anharmonic pairs among them at most two were off by more than γ/ω, the worst by 2.4 times that."""
    random = np.random.default_rng(1)
    ratios, recommended = [], set()
    for _ in range(30):
        verdict = qn.compare(mixed_network(random))
        currents = {name: row.heat_currents for name, row in verdict.assessments.items() if not row.refusal}
        right = currents["redfield"]["hot"]
        ratios.append(abs(currents[verdict.recommended]["hot"] / right - 1) / verdict.scales.neglected)
        recommended.add(verdict.recommended)
    assert max(ratios) < 3
    assert np.quantile(ratios, 0.95) < 1
    assert recommended >= {"global", "unified", "universal"}
