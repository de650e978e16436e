"""Clusters of the unified equation: one-body matrices take the same frequencies as one as density matrices do."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip.gaussian.clusters import cluster_labels


def three(form: str) -> qn.Network:
    """Modes at 2.95, 3.04 and 3.14: gap* is 0.13, between the distance of neighbours and that of the outer two."""
    phonons = qn.PhononSpectrum(2e-4)
    return qn.chain(
        [qn.Oscillator(3.0), qn.Oscillator(3.06), qn.Oscillator(3.08)],
        [0.06, 0.06],
        hot=qn.Bath("A", 0.3, phonons, form),
        cold=qn.Bath("C", 0.25, phonons, form),
    )


def solved(equation: str, net: qn.Network, **options: object) -> qn.SteadyState:
    """By density matrices; that frequencies are dense is what is tried here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", qn.ClusterWarning)
        return qn.steady_state(qn.MASTER_EQUATIONS[equation](net, **options))


@pytest.mark.parametrize("form", ["rotating-wave", "full"])
@pytest.mark.parametrize("equation", qn.gaussian.EQUATIONS)
def test_density_matrices_agree_where_a_chain_of_close_frequencies_is_cut(equation: str, form: str) -> None:
    net = three(form)
    reference, state = solved(equation, net), qn.gaussian.steady_state(net, equation)
    for bath, current in state.heat_currents.items():
        # The truncation's tolerance.
        assert reference.heat_currents[bath] == pytest.approx(current, rel=1e-8)
    if equation == "unified":
        lower, _ = reference.equation.clusters
        assert lower.highest - lower.lowest > 0.08
        whole = qn.gaussian.steady_state(net, equation, clusters=[(0, np.inf)])
        assert abs(whole.heat_currents["hot"] / state.heat_currents["hot"] - 1) > 1e-4


@pytest.mark.parametrize("epsilon", [0.42631431150156823, 0.45, 0.5, 0.61])
def test_gaps_that_differ_by_rounding_are_cut_alike(epsilon: float) -> None:
    """Three in resonance have a mode at ω and two as far above as below: which gap is wider is up to rounding."""
    phonons = qn.PhononSpectrum(9e-4)
    net = qn.chain(
        [qn.Oscillator(5.0)] * 3, [epsilon, 0.038], hot=qn.Bath("A", 0.5, phonons), cold=qn.Bath("C", 0.11, phonons)
    )
    reference = solved("unified", net, max_excitations=3, rtol=1.0)
    lower, upper = reference.equation.clusters
    assert lower.lowest == lower.highest < upper.lowest < upper.highest
    state = qn.gaussian.steady_state(net, "unified")
    assert reference.heat_currents["hot"] == pytest.approx(state.heat_currents["hot"], rel=1e-8, abs=0)


@pytest.mark.parametrize("as_array", [False, True])
def test_clusters_of_an_equation_are_clusters_for_another(as_array: bool) -> None:
    """With the frequency that stands for each; another one moves the current of both paths alike."""
    net = three("rotating-wave")
    reference = solved("unified", net)
    clusters = np.array(reference.equation.clusters) if as_array else reference.equation.clusters
    state = qn.gaussian.steady_state(net, "unified", clusters=clusters)
    expected = qn.gaussian.steady_state(net, "unified")
    # Frequencies of clusters are those of doubles.
    assert dict(state.heat_currents) == pytest.approx(dict(expected.heat_currents), rel=1e-12)
    moved = [(lowest, highest, lowest) for lowest, highest, _ in reference.equation.clusters]
    state, other = qn.gaussian.steady_state(net, "unified", clusters=moved), solved("unified", net, clusters=moved)
    assert dict(state.heat_currents) == pytest.approx(dict(other.heat_currents), rel=1e-8)
    assert abs(state.heat_currents["hot"] / expected.heat_currents["hot"] - 1) > 1e-4


def test_clusters_with_infinite_bounds_and_without_a_frequency() -> None:
    net = three("rotating-wave")
    bounds = [(0, 1), (1, 3.1), (3.1, np.inf)]
    state, other = qn.gaussian.steady_state(net, "unified", clusters=bounds), solved("unified", net, clusters=bounds)
    assert dict(state.heat_currents) == pytest.approx(dict(other.heat_currents), rel=1e-8)
    everything = qn.gaussian.steady_state(net, "partial_secular", cutoff=np.inf)
    redfield = qn.gaussian.steady_state(net, "redfield")
    assert dict(everything.heat_currents) == pytest.approx(dict(redfield.heat_currents), rel=1e-13)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([(3.0,)], TypeError, "cluster 0 must be a lowest and a highest frequency"),
        ([(3.1, 3.0)], ValueError, "cluster 0 must be a lowest and a highest frequency"),
        ([(2.0, 4.0, 5.0)], ValueError, "the frequency of cluster 0 must be between its bounds"),
        ([(2.0, 3.1)], ValueError, "clusters must hold every Bohr frequency once"),
        ([], ValueError, "clusters must hold every Bohr frequency once"),
        ({2.0: 4.0}, TypeError, "clusters must be pairs"),
    ],
)
def test_what_are_no_clusters_is_refused(bad: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        qn.gaussian.steady_state(three("full"), "unified", clusters=bad)  # type: ignore[arg-type]


def literally(frequencies: list[float], gap: float) -> list[list[float]]:
    """Chains, each cut at its widest gap as often as it is wider."""
    if frequencies[-1] - frequencies[0] <= gap:
        return [frequencies]
    steps = [after - before for before, after in itertools.pairwise(frequencies)]
    place = next((index for index, step in enumerate(steps) if step > gap), steps.index(max(steps))) + 1
    return [*literally(frequencies[:place], gap), *literally(frequencies[place:], gap)]


def test_labels_of_many_networks_are_those_of_the_rule_written_out() -> None:
    random = np.random.default_rng(3)
    frequencies = np.sort(random.uniform(1, 2, (40, 9)), axis=1)
    labels = cluster_labels(frequencies, lambda middle: np.full_like(middle, 0.2))
    for row, numbers in zip(frequencies.tolist(), labels, strict=True):
        expected = [number for number, members in enumerate(literally(row, 0.2)) for _ in members]
        assert numbers.tolist() == expected
    assert len({len(set(row)) for row in labels.tolist()}) > 2
