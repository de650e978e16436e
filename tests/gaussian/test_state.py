"""What a Gaussian state tells besides its currents, and the networks that have none."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip import gaussian
from qnet_qutip.gaussian import EQUATIONS, heat_currents, steady_state

SPECTRUM = qn.PhononSpectrum(1e-2)
HOT = qn.Bath("A", 1.0, SPECTRUM, "full")
PAIR = qn.chain([qn.Oscillator(4), qn.Oscillator(3)], qn.Quadrature(0.5), hot=HOT, cold=qn.Bath("B", 0.5, SPECTRUM))


@pytest.mark.parametrize("equation", EQUATIONS)
def test_the_density_matrix_has_the_moments_of_the_state(equation):
    state = steady_state(PAIR, equation)
    rho = state.density_matrix(levels=14)
    a, b = (qutip.tensor(*pair) for pair in ((qutip.destroy(14), qutip.qeye(14)), (qutip.qeye(14), qutip.destroy(14))))
    ladder = [a, b]
    quadratures = [each for c in ladder for each in ((c + c.dag()) / np.sqrt(2), 1j * (c.dag() - c) / np.sqrt(2))]
    for i, first in enumerate(quadratures):
        for j, second in enumerate(quadratures):
            found = qutip.expect((first * second + second * first) / 2, rho).real
            # Fourteen levels hold all but e^(-14 * 3) of the population; x² of the topmost is wrong by its own size.
            assert found == pytest.approx(state.covariance[i, j], abs=1e-12)


def test_a_state_prints_pickles_and_compares():
    state = steady_state(PAIR, "redfield")
    assert pickle.loads(pickle.dumps(state)) == state
    assert state != steady_state(PAIR, "local")
    assert repr(state).startswith("GaussianState of 2 nodes, redfield master equation, currents right to ")
    assert f"hot: {state.heat_currents['hot']:.10g}" in repr(state)
    with pytest.raises(ValueError, match="read-only"):
        state.xx[0, 0] = 1
    many = heat_currents([PAIR, PAIR], "local")
    assert repr(many).startswith("Currents of 2 networks, local master equation")


@pytest.mark.parametrize("equation", ["global", "unified", "universal", "redfield"])
def test_occupations_far_from_the_baths_are_known_or_refused(equation):
    """The far node and its mirror image exchange energy by ε²/0.4, damped by (ε²)²: 1e-37 of all for ε = 1e-9."""
    baths = {name: qn.Bath("A", temperature, qn.PhononSpectrum(1e-3)) for name, temperature in (("a", 10), ("b", 18))}
    nodes = [qn.Oscillator(1.0), qn.Oscillator(0.6), qn.Oscillator(1.0)]
    for epsilon in (1e-4, 1e-5, 1e-6):
        occupied = steady_state(qn.chain(nodes, epsilon, **baths), equation).occupations
        assert occupied["C"] == pytest.approx(occupied["A"], rel=1e-5)
    for epsilon in (1e-8, 1e-9, 1e-10, 1e-11, 1e-12):
        with pytest.raises((ValueError, ArithmeticError), match=r"every normal mode must be damped|with an error of"):
            steady_state(qn.chain(nodes, epsilon, **baths), equation)


@pytest.mark.parametrize("epsilon", [1e-1, 1e-2, 1e-4, 1e-5])
def test_without_a_cutoff_only_equal_frequencies_are_kept_as_in_the_global_equation(epsilon):
    """The modes of the two ends are ε²/16 · 1e-4 apart: from 1e-7 to less than rounding."""
    baths = {name: qn.Bath(at, T, qn.PhononSpectrum(1e-8)) for name, at, T in (("hot", "A", 6.0), ("cold", "D", 3.0))}
    net = qn.chain([qn.Oscillator(omega) for omega in (9, 5, 5, 9)], [epsilon, 1e-4, epsilon], **baths)
    expected = steady_state(net, "global").heat_currents["hot"]
    found = steady_state(net, "partial_secular", cutoff=0).heat_currents["hot"]
    assert found == pytest.approx(expected, rel=1e-9, abs=0)


def test_every_step_of_many_nodes_is_shown(monkeypatch, capsys):
    monkeypatch.setattr("qnet_qutip.progress.QUIET_SECONDS", 0.0)
    row = qn.chain([qn.Oscillator(4)] * 30, 0.3, hot=HOT, cold=qn.Bath("B", 0.5, SPECTRUM))
    for equation in ("local", "redfield"):
        steady_state(row, equation)
        shown = capsys.readouterr().err
        for step in (
            "rates",
            "damped modes",
            "second moments, step 1",
            "second moments, step 2",
            "moments of the nodes",
        ):
            assert f"one-body matrices, {equation} equation: {step} (0 s)" in shown
    heat_currents([row, row], "local")
    shown = capsys.readouterr().err
    for step in ("0 of 2, second moments, step 1", "1 of 2, damped modes", "2 of 2"):
        assert f"networks: {step} (0 s)" in shown


def test_too_few_levels_warn():
    with pytest.warns(UserWarning, match="2 levels hold 0.9"):
        steady_state(PAIR, "global").density_matrix(levels=2)


OSC, TWO = qn.Oscillator, qn.TwoLevel
END = qn.Bath("C", 0.5, SPECTRUM)


@pytest.mark.parametrize(
    ("network", "equation", "options", "error", "message"),
    [
        (PAIR, "lokal", {}, ValueError, "did you mean 'local'"),
        (3, "local", {}, TypeError, "must be a Network"),
        (qn.chain([OSC(4)], 0.1), "local", {}, ValueError, "at least one bath"),
        (qn.chain([OSC(4)] * 2, 0.0, hot=HOT), "local", {}, ValueError, r"\['B'\] are not"),
        (qn.chain([OSC(4, 0.1)] * 2, 0.1, hot=HOT), "local", {}, ValueError, "anharmonic.*density matrix"),
        (qn.chain([OSC(4)] * 2, (0.1, qn.Dispersive(0.1)), hot=HOT), "local", {}, ValueError, "fourth order"),
        (qn.chain([OSC(4), TWO(4)], 0.1, hot=HOT), "local", {}, ValueError, "all oscillators, or all two-level"),
        (qn.ring([TWO(4)] * 3, 0.1, hot=HOT), "local", {}, ValueError, "coupled in a chain"),
        (qn.star([TWO(4)] * 3, 0.1, hot=HOT), "global", {}, ValueError, "coupled in a chain"),
        (qn.chain([TWO(4)] * 2, qn.Quadrature(0.1), hot=HOT), "local", {}, ValueError, "must be swaps"),
        (qn.chain([TWO(4)] * 3, 0.1, hot=HOT, mid=qn.Bath("B", 1, SPECTRUM)), "local", {}, ValueError, "on its ends"),
        (qn.chain([TWO(4)] * 3, 0.1, hot=HOT, cold=END), "redfield", {}, ValueError, "'local' or 'global'"),
        (qn.chain([OSC(1)] * 3, 1.0, hot=HOT), "global", {}, ValueError, "positive frequency"),
        (qn.chain([OSC(1)] * 2, qn.Quadrature(0.6), hot=HOT), "redfield", {}, ValueError, "positive frequency"),
        (qn.chain([OSC(1)] * 2, qn.Quadrature(0.6), hot=HOT), "local", {}, ValueError, "grow at a rate"),
        (qn.star([OSC(4)] * 3, 0.1, hot=HOT), "local", {}, ValueError, "must be damped"),
        (qn.star([OSC(4)] * 3, 0.1, hot=HOT), "global", {}, ValueError, "must be damped"),
        (qn.star([OSC(4)] * 3, 0.1, hot=HOT), "universal", {}, ValueError, "must be damped"),
        (PAIR, "local", {"cutoff": 1}, ValueError, "partial secular equation only"),
        (PAIR, "redfield", {"clusters": [(1, 2)]}, ValueError, "unified equation only"),
        (PAIR, "unified", {"clusters": [(1, 2)]}, ValueError, "every Bohr frequency once"),
        (PAIR, "unified", {"clusters": [(2, 1)]}, ValueError, "cluster 0 must be a lowest and a highest"),
        (PAIR, "unified", {"clusters": [3]}, TypeError, "cluster 0 must be a lowest and a highest"),
        (PAIR, "partial_secular", {"cutoff": -1}, ValueError, "cutoff must be positive or zero"),
    ],
)
def test_what_has_no_gaussian_steady_state_is_refused(network, equation, options, error, message):
    with pytest.raises(error, match=message):
        steady_state(network, equation, **options)
    with pytest.raises(error, match=message):  # noqa: PT012
        found = heat_currents([network], equation, **options)
        assert np.isnan(found.heat_currents["hot"]).all()
        raise found.failures[0]


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize(
    "network",
    [
        qn.chain([OSC(4, 0.1)] * 2, 0.1, hot=HOT),
        qn.chain([OSC(4)] * 2, (0.1, qn.Dispersive(0.1)), hot=HOT),
        qn.chain([OSC(4), TWO(4)], 0.1, hot=HOT),
        qn.star([TWO(4)] * 3, 0.1, hot=HOT),
    ],
)
def test_a_network_without_one_body_matrices_is_to_be_solved_by_the_equation_asked_for(network, equation):
    """No other equation by one-body matrices is named, which would be refused just as well."""
    with pytest.raises(
        gaussian.NotGaussianError,
        match=rf"; solve its density matrix: steady_state\({equation}_master_equation\(network\)\)$",
    ) as refused:
        steady_state(network, equation)
    assert "equation must be" not in str(refused.value)


def test_an_equation_without_one_body_matrices_is_told_which_have_some():
    chain = qn.chain([TWO(4)] * 3, 0.1, hot=HOT, cold=END)
    with pytest.raises(
        gaussian.NotGaussianError,
        match=r"'local' or 'global' .* take one of these, or .* steady_state\(unified_master_equation\(network\)\)$",
    ):
        steady_state(chain, "unified")


@pytest.mark.parametrize(
    "other",
    [
        PAIR.replace(nodes={"B": OSC(3, 0.1)}),
        PAIR.replace(couplings={("A", "B"): 0.5}),
        PAIR.replace(baths={"hot": qn.Bath("A", 1.0, SPECTRUM)}),
        qn.chain([OSC(4)] * 3, 0.1, hot=HOT),
    ],
)
def test_networks_of_several_graphs_are_not_solved_at_once(other):
    with pytest.raises(ValueError, match=r"networks must have the same harmonic nodes, couplings and baths|anharmonic"):
        heat_currents([PAIR, other], "local")
    with pytest.raises(ValueError, match="networks must be at least one"):
        heat_currents([], "local")


def test_a_coupling_that_vanishes_in_one_of_many_networks_is_noticed():
    nets = [qn.chain([OSC(4)] * 2, strength, hot=HOT) for strength in (0.1, 0.0)]
    found = heat_currents(nets, "local")
    assert list(found.failures) == [1]
    assert "['B'] are not" in str(found.failures[1])


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("chunk", [1, 60_000])
def test_networks_without_a_steady_state_leave_the_others_standing(equation, chunk, monkeypatch):
    """Unbounded, uncoupled, dark by symmetry, and with a spectrum that fails, each beside sound ones."""
    monkeypatch.setattr(gaussian, "CHUNK", chunk)
    failing = qn.Bath("A", 1.0, qn.CallableSpectrum(lambda frequency: np.where(frequency > 6, -1.0, 1e-3)), "full")

    def star(strengths, frequencies=(4, 3, 2), bath=HOT):
        return qn.star([OSC(frequency) for frequency in frequencies], list(strengths), hot=bath)

    sound = [star((0.1, 0.2)), star((0.3, 0.1), bath=failing), star((1e-3, 0.2))]
    bad = [star((5.0, 0.1)), star((0.0, 0.1)), star((0.1, 0.1), (4, 3, 3)), star((0.1, 0.2), (7, 3, 2), failing)]
    if equation == "local":
        # It does not ask for the normal modes.
        del bad[0]
    nets = [bad[0], sound[0], *bad[1:], *sound[1:]]
    found = heat_currents(nets, equation)
    assert sorted(found.failures) == [number for number, net in enumerate(nets) if any(net is each for each in bad)]
    for number, net in enumerate(nets):
        if number in found.failures:
            with pytest.raises(ValueError, match=re.escape(str(found.failures[number]))):
                steady_state(net, equation)
            assert np.isnan(found.heat_currents["hot"][number])
            assert np.isnan(found.occupations["B"][number])
        else:
            assert found.occupations["B"][number] == pytest.approx(
                steady_state(net, equation).occupations["B"], rel=1e-12
            )
    assert f"{len(bad)} without a steady state" in repr(found)


def test_graphs_are_compared_over_all_chunks(monkeypatch):
    monkeypatch.setattr(gaussian, "CHUNK", 1)
    with pytest.raises(ValueError, match="networks must have the same"):
        heat_currents([PAIR, PAIR.replace(couplings={("A", "B"): 0.5})], "local")


def test_levels_are_given_for_oscillators_only():
    with pytest.raises(ValueError, match="levels must be given"):
        steady_state(PAIR, "local").density_matrix()
    chain = qn.chain([TWO(4)] * 3, 0.1, hot=HOT, cold=END)
    with pytest.raises(ValueError, match="levels must not be given"):
        steady_state(chain, "local").density_matrix(levels=3)
    with pytest.raises(MemoryError, match="a density matrix of 2 nodes"):
        steady_state(PAIR, "local").density_matrix(levels=10_000)


def test_a_spectrum_that_fails_is_named():
    broken = qn.Bath("A", 1.0, qn.CallableSpectrum(lambda frequency: -frequency))
    net = qn.chain([OSC(4), OSC(3)], 0.1, hot=broken)
    for equation in EQUATIONS:
        with pytest.raises(ValueError, match="of bath 'hot'"):
            steady_state(net, equation)
