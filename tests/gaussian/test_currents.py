"""Currents by one-body matrices against many digits, density matrices, closed forms and known tables."""

from __future__ import annotations

import dataclasses
import itertools
import re

import dense
import mpmath
import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip.gaussian import EQUATIONS, damped, heat_currents, large, small, steady_state

NAMES = "ABCDE"
SPECTRUM = qn.PhononSpectrum(1e-3)


def chain(kind, frequencies, coupling, T_h, T_c, kappa=1e-3, form="rotating-wave"):
    spectrum = qn.PhononSpectrum(kappa)
    names = NAMES[: len(frequencies)]
    return qn.chain(
        [kind(frequency) for frequency in frequencies],
        coupling,
        hot=qn.Bath(names[0], T_h, spectrum, form),
        cold=qn.Bath(names[-1], T_c, spectrum, form),
    )


def random_network(seed):
    """Two to five oscillators over eight decades of coupling and damping, in a chain or a ring."""
    random = np.random.default_rng(seed)
    size = 2 + seed % 4
    epsilon, kappa = 10 ** random.uniform(-8, np.log10(0.5)), 10 ** random.uniform(-10, -2)
    detuning = random.choice([0.0, epsilon, 1.0])
    names = NAMES[:size]
    nodes = {name: qn.Oscillator(5 + detuning * random.uniform(0, 2)) for name in names}
    pairs = list(itertools.pairwise(names)) + ([(names[0], names[-1])] if seed % 3 == 0 and size > 2 else [])
    hot, cold = (qn.PhononSpectrum(kappa * factor) for factor in random.uniform(0.5, 2, 2))
    baths = {"hot": qn.Bath(names[0], 12, hot), "cold": qn.Bath(names[-1], random.choice([0.0, 1.0, 10.0]), cold)}
    if seed % 2:
        baths["third"] = qn.Bath(names[size // 2], 7, hot)
    return qn.Network(nodes, {pair: epsilon * random.uniform(0.5, 1.5) for pair in pairs}, baths)


def in_many_digits(net, equation):
    """Currents from the literal one-body equations in 50 digits, and the energy that each bath sends one way."""
    order = list(net.nodes)
    h = np.array([[mpmath.mpf(0)] * len(order) for _ in order], dtype=object)
    for index, node in enumerate(net.nodes.values()):
        h[index, index] = mpmath.mpf(node.frequency)
    for (a, b), strength in net.couplings.items():
        i, j = order.index(a), order.index(b)
        h[i, j] = h[j, i] = mpmath.mpf(strength)
    baths = {
        name: (
            order.index(bath.node),
            mpmath.mpf(bath.temperature),
            lambda omega, kappa=bath.spectrum.kappa: mpmath.mpf(kappa) * omega**3,
        )
        for name, bath in net.baths.items()
    }
    currents = dense.one_body(equation, h, baths, tolerance=mpmath.mpf("1e-40"))[1]
    flows = {}
    for name, (node, temperature, J) in baths.items():
        omega = h[node, node]
        flows[name] = float(omega * J(omega) * dense.occupation(omega, temperature))
    return currents, flows


@pytest.mark.parametrize("equation", ["local", "global", "redfield", "universal"])
@pytest.mark.parametrize("seed", range(12))
def test_random_networks_against_fifty_digits(seed, equation):
    net = random_network(seed)
    state = steady_state(net, equation)
    with mpmath.workdps(50):
        expected, flows = in_many_digits(net, equation)
    largest = max(flows.values())
    for bath, current in state.heat_currents.items():
        error = float(abs(current - expected[bath]))
        # A thousandth of what is promised; rates are given in double precision.
        assert error <= 1e-11 * max(float(abs(expected[bath])), 1e-14 * largest)
        assert error <= state.heat_current_errors[bath] + 1e-13 * float(abs(expected[bath]))


def test_figure_2_where_currents_are_1e_14_of_the_flows():
    """ε = 1e-4, κ = 1e-7: close to the line ω_h/T_h = ω_c/T_c."""
    found = []
    for omega_h, T_h in ((20.0, 40.0000000001), (20.0, 40.000001), (20.0, 39.9), (6.0, 12.001), (40.0, 80.01)):
        net = qn.two_node("oscillator", omega_h=omega_h, omega_c=5, epsilon=1e-4, T_h=T_h, T_c=10, kappa=1e-7)
        state = steady_state(net, "local")
        with mpmath.workdps(50):
            expected = in_many_digits(net, "local")[0]["hot"]
        found.append(float(abs(expected)))
        assert abs(state.heat_currents["hot"] - expected) <= 1e-8 * abs(expected)
    assert max(found) < 1e-13
    assert min(found) < 1e-20


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("form", ["rotating-wave", "full"])
@pytest.mark.parametrize("coupling", [0.3, qn.Quadrature(0.3), (0.1, qn.Quadrature(0.2))], ids=repr)
def test_two_oscillators_as_by_density_matrices(equation, form, coupling):
    net = chain(qn.Oscillator, [4.0, 3.5], coupling, 0.4, 0.3, form=form)
    reference = qn.steady_state(qn.MASTER_EQUATIONS[equation](net, levels=12, rtol=1))
    agree(steady_state(net, equation), reference, 1e-9)


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("frequencies", [[4.0, 3.5, 3.0], [3.0, 3.0, 3.0]])
def test_three_oscillators_as_by_density_matrices(equation, frequencies):
    net = chain(qn.Oscillator, frequencies, [0.02, 0.03], 0.3, 0.25)
    agree(steady_state(net, equation), qn.steady_state(qn.MASTER_EQUATIONS[equation](net)), 1e-8)


@pytest.mark.parametrize("equation", ["local", "global"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_two_level_chains_as_by_density_matrices(equation, size):
    random = np.random.default_rng(size)
    net = chain(qn.TwoLevel, random.uniform(4, 6, size), list(random.uniform(0.1, 0.5, size - 1)), 12, 10)
    state, reference = steady_state(net, equation), qn.steady_state(qn.MASTER_EQUATIONS[equation](net))
    agree(state, reference, 1e-11)
    # Of a density matrix with eigenvalues of order one.
    assert abs((state.density_matrix() - reference.rho).full()).max() <= 1e-13


def agree(state, reference, tolerance):
    """Every figure that both have; the tolerance is that of the truncation."""
    scales = reference.equation.one_way_flows
    for bath, current in state.heat_currents.items():
        scale = max(abs(current), 0.01 * scales[bath])
        assert abs(reference.heat_currents[bath] - current) <= tolerance * scale
    assert reference.covariance == pytest.approx(state.covariance, abs=10 * tolerance)
    assert reference.correlations == pytest.approx(state.correlations, abs=10 * tolerance)
    assert dict(reference.occupations) == pytest.approx(dict(state.occupations), abs=10 * tolerance)
    largest = max(abs(rate) for rate in state.excitation_currents.values())
    assert list(reference.excitation_currents) == list(state.excitation_currents)
    for pair, rate in state.excitation_currents.items():
        assert reference.excitation_currents[pair] == pytest.approx(rate, abs=100 * tolerance * max(largest, 1e-7))


@pytest.mark.parametrize(
    ("equation", "options"),
    [("unified", {"clusters": [(2, 3.2), (3.3, 5)]}), ("partial_secular", {"cutoff": 0.4}), ("unified", {})],
)
@pytest.mark.parametrize("form", ["rotating-wave", "full"])
def test_clusters_and_cutoffs_mean_what_they_mean_to_density_matrices(equation, options, form):
    net = chain(qn.Oscillator, [3.0, 3.1, 4.0], [0.05, 0.05], 0.3, 0.25, form=form)
    reference = qn.steady_state(qn.MASTER_EQUATIONS[equation](net, **options))
    agree(steady_state(net, equation, **options), reference, 1e-8)


def test_a_cutoff_of_more_than_the_sum_of_two_frequencies_keeps_counter_rotating_terms():
    net = chain(qn.Oscillator, [1.0, 0.8], 0.1, 0.15, 0.1, kappa=0.02, form="full")
    whole, kept = steady_state(net, "redfield"), steady_state(net, "partial_secular", cutoff=5)
    assert dict(kept.heat_currents) == pytest.approx(dict(whole.heat_currents), rel=1e-14)
    less = steady_state(net, "partial_secular", cutoff=1.0)
    assert less.heat_currents["hot"] != pytest.approx(whole.heat_currents["hot"], rel=1e-5)
    agree(less, qn.steady_state(qn.partial_secular_master_equation(net, cutoff=1.0)), 1e-8)


def test_closed_forms_of_two_oscillators():
    for omega_h, epsilon, kappa in ((10, 0.1, 1e-4), (5, 1e-3, 1e-7), (6, 1e-3, 1e-2), (7, 2.0, 1e-5)):
        net = qn.two_node("oscillator", omega_h=omega_h, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=kappa)
        for equation, closed in (
            ("local", qn.analytic.local_heat_current),
            ("global", qn.analytic.global_heat_current),
        ):
            current = steady_state(net, equation).heat_currents["hot"]
            assert current == pytest.approx(closed(net), rel=1e-11, abs=1e-13 * kappa)


@pytest.mark.parametrize("size", [2, 10, 40])
def test_uniform_chain_of_two_level_nodes(size):
    names = [str(number) for number in range(size)]
    nodes = dict.fromkeys(names, qn.TwoLevel(5))
    net = qn.chain(nodes, 0.3, hot=qn.Bath(names[0], 12, SPECTRUM), cold=qn.Bath(names[-1], 10, SPECTRUM))
    ends = [dense.total_rate_and_fraction(lambda omega: 1e-3 * omega**3, 5.0, T) for T in (12, 10)]
    state = steady_state(net, "local")
    expected = dense.uniform_chain_current(5.0, 0.3, *ends)
    assert state.heat_currents["hot"] == pytest.approx(expected, rel=1e-13)
    # What flows through is the same everywhere.
    passed = [state.excitation_currents[pair] for pair in itertools.pairwise(names)]
    assert passed == pytest.approx([expected / 5] * (size - 1), rel=1e-13)


def test_three_oscillators_of_the_table():
    """Currents of the hot bath, in seven to nine digits."""
    detuned = chain(qn.Oscillator, [10, 7, 5], [0.05, 0.08], 12, 10, 1e-6)
    for equation, expected in (
        ("local", -6.283252e-7),
        ("global", 1.571429e-7),
        ("redfield", 1.571429e-7),
        ("universal", 1.571429e-7),
    ):
        assert steady_state(detuned, equation).heat_currents["hot"] == pytest.approx(expected, rel=3e-7)
    resonant = chain(qn.Oscillator, [5, 5, 5], 1e-4, 12, 10, 1e-7)
    for equation, expected in (
        ("local", 1.22374501e-5),
        ("global", 1.2285253e-5),
        ("redfield", 1.22374501e-5),
        ("universal", 1.22374501e-5),
    ):
        assert steady_state(resonant, equation).heat_currents["hot"] == pytest.approx(expected, rel=4e-8)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_many_nodes_are_solved_as_few_are(equation, monkeypatch):
    """Both ways for the same networks: eight oscillators, and six with counter-rotating terms."""
    plain = qn.ring([qn.Oscillator(5 + 0.1 * k) for k in range(8)], 0.1, hot=bath("A", 12), cold=bath("D", 10))
    counter = chain(qn.Oscillator, [5, 4.9, 5.2, 5.1, 5], qn.Quadrature(0.2), 12, 10, form="full")
    few = [steady_state(net, equation) for net in (plain, counter)]
    monkeypatch.setattr(large, "SMALL_UNKNOWNS", 1)
    for net, state in zip((plain, counter), few, strict=True):
        other = steady_state(net, equation)
        for name, current in state.heat_currents.items():
            assert other.heat_currents[name] == pytest.approx(current, rel=1e-13)
        for moments in ("xx", "pp", "xp"):
            assert getattr(other, moments) == pytest.approx(getattr(state, moments), abs=1e-14)


def bath(node, temperature):
    return qn.Bath(node, temperature, SPECTRUM)


@pytest.mark.parametrize("kind", [qn.Oscillator, qn.TwoLevel])
def test_sixty_nodes_with_few_baths(kind):
    """Damped modes by their low rank: heat is conserved, and what flows in passes every coupling."""
    random = np.random.default_rng(1)
    names = [str(number) for number in range(60)]
    nodes = {name: kind(5 + 0.01 * random.uniform()) for name in names}
    net = qn.chain(nodes, 0.1, hot=bath(names[0], 12), cold=bath(names[-1], 10))
    local = steady_state(net, "local")
    assert local.first_law_residual <= 1e-13
    passed = [local.excitation_currents[pair] for pair in itertools.pairwise(names)]
    assert passed == pytest.approx([passed[0]] * 59, rel=1e-12)
    assert steady_state(net, "global").first_law_residual <= 1e-13


@pytest.mark.parametrize("equation", EQUATIONS)
def test_many_networks_at_once_are_as_one_by_one(equation):
    nets = [
        chain(qn.Oscillator, [4.0, 3.5 + 0.2 * k, 3.0], [0.01 * 10**-k, 0.02], 1.0 + k, 0.7 * (k % 2), 1e-3 * 10**-k)
        for k in range(4)
    ]
    found = heat_currents(nets, equation)
    for number, net in enumerate(nets):
        state = steady_state(net, equation)
        for name, current in state.heat_currents.items():
            assert found.heat_currents[name][number] == pytest.approx(current, rel=1e-13)
        for name, occupation in state.occupations.items():
            assert found.occupations[name][number] == pytest.approx(occupation, rel=1e-13)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_cold_and_equal_baths(equation):
    """Nothing flows between baths of zero temperature; a bath of zero temperature only takes."""
    frozen = steady_state(chain(qn.Oscillator, [4.0, 3.0], 0.3, 0, 0), equation)
    assert dict(frozen.heat_currents) == {"hot": 0, "cold": 0}
    assert frozen.entropy_production == 0
    warm = steady_state(chain(qn.Oscillator, [4.0, 3.0], 0.3, 2, 0), equation)
    assert warm.heat_currents["cold"] < 0 or equation == "local"
    assert warm.entropy_production == np.inf or warm.heat_currents["cold"] > 0
    equal = steady_state(chain(qn.Oscillator, [4.0, 4.0], 0.3, 2, 2), equation)
    turnover = 4 * 1e-3 * 4**3 / np.expm1(2)
    assert abs(equal.heat_currents["hot"]) <= 1e-20 * turnover


@pytest.mark.parametrize("equation", ["local", "redfield"])
def test_widths_of_1e_20_of_the_frequencies_by_the_damped_modes(equation, monkeypatch):
    """Inner nodes that are out of resonance with their neighbours: by the way of many nodes as by that of few."""
    frequencies = [5, 5.4, 5.05, 5.3, 5.1, 5.45, 5.15, 5.35]
    net = qn.chain([qn.Oscillator(each) for each in frequencies], 3e-4, hot=bath("A", 12), cold=bath("H", 10))
    few = steady_state(net, equation)
    monkeypatch.setattr(large, "SMALL_UNKNOWNS", 1)
    monkeypatch.setattr(damped, "FEW_BATHS", 1)
    widths = []
    find = large.damped_modes
    monkeypatch.setattr(
        large, "damped_modes", lambda moments: widths.append(find(moments)[0].real.min()) or find(moments)
    )
    many = steady_state(net, equation)
    assert 0 < min(widths) < 1e-16
    for name, current in few.heat_currents.items():
        assert many.heat_currents[name] == pytest.approx(current, rel=1e-12)
    assert many.occupations["D"] == pytest.approx(few.occupations["D"], rel=1e-9)


WEAKEST = [2.07e-11, 10**-8.5, 10**-7.25, 1e-7, 1e-5]
"""Couplings of an inner node whose width is 1e-26 to 1e-14 of those of the ends, of rates 125."""


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("epsilon", WEAKEST)
def test_a_weakly_damped_inner_node_has_the_right_current_or_none(epsilon, equation):
    """Currents of 1e7 came from a matrix that is singular in double precision."""
    for T_h in (1.0, 2.0):
        net = chain(qn.Oscillator, [5.0] * 3, epsilon, T_h, 1.0, kappa=1.0)
        found = heat_currents([net], equation)
        if found.failures:
            assert re.search("must be damped by a bath|32 digits are not enough", str(found.failures[0]))
            assert epsilon <= 1e-7
            continue
        state = steady_state(net, equation)
        hot, cold = state.heat_currents.values()
        of_hot, of_cold = state.heat_current_errors.values()
        assert abs(hot + cold) <= of_hot + of_cold + 1e-15 * abs(hot)
        if T_h == 1.0:
            assert abs(hot) <= of_hot
        elif equation in ("local", "redfield", "universal"):
            with mpmath.workdps(60):
                expected = in_many_digits(net, equation)[0]["hot"]
            assert abs(hot - expected) <= of_hot + 1e-13 * abs(expected)


def test_a_network_that_is_refused_leaves_the_others_standing():
    nets = [chain(qn.Oscillator, [5.0] * 3, epsilon, 2.0, 1.0, kappa=1.0) for epsilon in (1e-3, WEAKEST[0], 1e-2)]
    found = heat_currents(nets, "redfield")
    for number in (0, 2):
        alone = steady_state(nets[number], "redfield")
        for bath, current in alone.heat_currents.items():
            error = alone.heat_current_errors[bath] + found.heat_current_errors[bath][number]
            assert abs(found.heat_currents[bath][number] - current) <= error + 1e-15 * abs(current)
    for bath in found.heat_currents:
        assert np.isfinite(found.heat_currents[bath][1]) == (1 not in found.failures)


@pytest.mark.parametrize("factor", [0.0, 1e-12, 1e40, np.nan])
@pytest.mark.parametrize("equation", ["local", "redfield", "universal"])
def test_a_wrong_inverse_does_not_make_a_wrong_current(factor, equation, monkeypatch):
    """One that lets any solution stand still, one that makes it overflow, and one that is not a number."""
    net = chain(qn.Oscillator, [5.0, 6.0, 5.0], 1e-2, 2.0, 1.0)
    right = steady_state(net, equation)
    inverse = small._inverse
    monkeypatch.setattr(small, "_inverse", lambda matrices: (factor * inverse(matrices)[0], inverse(matrices)[1]))
    state = steady_state(net, equation)
    for bath, current in right.heat_currents.items():
        error = right.heat_current_errors[bath] + state.heat_current_errors[bath]
        assert 0 < error <= 1e-8 * abs(current)
        assert abs(state.heat_currents[bath] - current) <= error + 1e-15 * abs(current)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_what_a_single_bath_sends_is_zero_to_the_stated_error(equation):
    """Over twelve decades of couplings and of the bath: what is left of zero is stated, not an entropy production."""
    random = np.random.default_rng(0)
    answers = 0
    for _ in range(120):
        names = NAMES[: random.integers(2, 4)]
        detuning = random.choice([0, 1]) * 10 ** random.uniform(-12, 0)
        spectrum, form = qn.PhononSpectrum(10 ** random.uniform(-12, 0)), str(random.choice(["rotating-wave", "full"]))
        net = qn.Network(
            {name: qn.Oscillator(5 + detuning * random.uniform(-1, 1)) for name in names},
            {pair: 10 ** random.uniform(-12, 0) for pair in itertools.pairwise(names)},
            {"only": qn.Bath(str(random.choice(list(names))), 10 ** random.uniform(-1, 2), spectrum, form)},
        )
        try:
            state = steady_state(net, equation)
        except (ValueError, ArithmeticError):
            continue
        answers += 1
        assert abs(state.heat_currents["only"]) <= state.heat_current_errors["only"]
    assert answers > 90


@pytest.mark.parametrize("name", ["currents", "errors", "rounding"])
def test_what_is_not_a_number_is_no_answer(name, monkeypatch):
    def spoiled(moments, report):
        found = large.solved_at_any_size(moments, report)
        return dataclasses.replace(found, **{name: np.full_like(getattr(found, name), np.nan)})

    monkeypatch.setattr("qnet_qutip.gaussian.solved_at_any_size", spoiled)
    with pytest.raises(ValueError, match="not, within 30 digits"):
        steady_state(chain(qn.Oscillator, [5.0, 6.0], 0.1, 2.0, 1.0), "local")


def far_of_two_baths(epsilon: float) -> qn.Network:
    """A and C of one frequency, with ε²/0.4 between them, and both baths on A: by symmetry C is as warm as A."""
    phonons = qn.PhononSpectrum(1e-3)
    baths = {"cold": qn.Bath("A", 10, phonons), "hot": qn.Bath("A", 18, phonons)}
    return qn.chain([qn.Oscillator(1.0), qn.Oscillator(0.6), qn.Oscillator(1.0)], epsilon, **baths)


@pytest.mark.parametrize("unknowns", [large.SMALL_UNKNOWNS, 0])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_an_occupation_that_rounding_makes_is_no_answer(equation, unknowns, monkeypatch):
    """Nothing of it is in the currents: occupations of -3.5 came with currents that are right."""
    monkeypatch.setattr(large, "SMALL_UNKNOWNS", unknowns)
    refused = []
    for exponent in np.linspace(-12, -3, 28):
        found = heat_currents([far_of_two_baths(10**exponent)], equation)
        if found.failures:
            refused.append(str(found.failures[0]))
            continue
        # The universal equation has C damped at a frequency that is not quite its own.
        assert found.occupations["C"][0] == pytest.approx(13.50648067, rel=1e-4 if exponent > -4 else 1e-6)
    assert len(refused) <= 22
    if unknowns and equation != "local":
        assert any("the occupation of node" in text for text in refused)


def test_a_refused_occupation_is_named_with_its_error():
    with pytest.raises(ArithmeticError, match=r"occupation of node 'A' by the global equation is .* 32 digits are not"):
        steady_state(far_of_two_baths(1e-9), "global")


def mirror(epsilon: float) -> qn.Network:
    """9, 5, 5, 9: the outer nodes make a doublet whose gap is about 1.25e-5 ε²."""
    frequencies = [qn.Oscillator(each) for each in (9.0, 5.0, 5.0, 9.0)]
    phonons = qn.PhononSpectrum(1e-8)
    baths = {"hot": qn.Bath("A", 6.0, phonons), "cold": qn.Bath("D", 3.0, phonons)}
    return qn.chain(frequencies, [epsilon, 1e-4, epsilon], **baths)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 3e-5, 1e-4, 1e-2, 0.1])
def test_a_cutoff_of_zero_is_the_global_equation_at_any_gap(epsilon):
    """Gaps of 1e-17 to 1e-7: frequencies that are one by one of them are one by the other."""
    found = steady_state(mirror(epsilon), "global").heat_currents["hot"]
    secular = steady_state(mirror(epsilon), "partial_secular", cutoff=0).heat_currents["hot"]
    assert secular == pytest.approx(found, rel=1e-8, abs=0)


def test_frequencies_that_are_neither_one_nor_apart_are_refused_by_the_global_equation():
    """Between 1e-13 and 5e-13 its current jumped from 1e-15 to 8e-6."""
    currents = []
    for epsilon in np.geomspace(1e-5, 0.1, 40):
        found = heat_currents([mirror(epsilon)], "global")
        if found.failures:
            assert "is neither rounding nor resolved" in str(found.failures[0])
        currents.append(found.heat_currents["hot"][0])
    known = np.isfinite(currents)
    jump = np.flatnonzero(known[:-1] != known[1:])
    assert len(jump) == 2
    assert (np.array(currents)[: jump[0] + 1] < 2e-15).all()
    assert np.array(currents)[jump[1] + 1 :] == pytest.approx(7.704e-6, rel=1e-3)


def test_frequencies_that_are_neither_matter_only_where_their_modes_interfere():
    """Of two nodes with a bath each that are coupled by 1e-26, the modes are 5e-13 apart and the nodes themselves."""
    net = qn.chain([qn.Oscillator(5.0), qn.Oscillator(5.0 + 5e-13)], 1e-26, hot=bath("A", 6.0), cold=bath("B", 3.0))
    assert np.isfinite(steady_state(net, "global").occupations["A"])
