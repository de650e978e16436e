"""The exact currents against digits of mpmath, tables, closed forms, and themselves in another form."""

from __future__ import annotations

import itertools
import pickle

import dense
import mpmath
import numpy as np
import pytest
import scipy.integrate

import qnet_qutip as qn
from qnet_qutip import exact
from qnet_qutip.exact import secular


def chain(frequencies, swaps, kappa, temperatures=(12, 10)):
    names = "ABCDEFGH"[: len(frequencies)]
    spectrum = qn.PhononSpectrum(kappa)
    baths = {"hot": qn.Bath(names[0], temperatures[0], spectrum), "cold": qn.Bath(names[-1], temperatures[1], spectrum)}
    return qn.chain([qn.Oscillator(w) for w in frequencies], list(swaps), **baths)


def by_mpmath(net, digits):
    """`dense.landauer` of a network with swaps and phonon baths."""
    order = list(net.nodes)
    h = np.diag([node.frequency for node in net.nodes.values()])
    for (first, second), swap in net.couplings.items():
        a, b = order.index(first), order.index(second)
        h[a, b] = h[b, a] = swap
    baths = {
        name: (
            order.index(bath.node),
            bath.temperature,
            lambda w, kappa=bath.spectrum.kappa: mpmath.mpf(kappa) * w**3,
        )
        for name, bath in net.baths.items()
    }
    return {name: float(current) for name, current in dense.landauer(h, baths, digits=digits).items()}


def test_reference_cases(reference_cases):
    for case in reference_cases:
        if "landauer" not in case.values:
            continue
        found = exact.steady_state(qn.two_node("oscillator", **case.parameters))
        assert found.heat_currents["hot"] == pytest.approx(case.values["landauer"]["J_h"], rel=1e-11)


@pytest.mark.parametrize(
    ("detuning", "epsilon", "kappa"), [(0, 1e-6, 1e-9), (1, 1e-3, 1e-6), (0, 1e-6, 1e-4), (0, 0.5, 1e-2)]
)
def test_two_nodes_have_the_digits_of_mpmath(kappa, detuning, epsilon):
    net = chain([2 + detuning, 2], [epsilon], kappa, (3, 2))
    found = exact.steady_state(net)
    expected = by_mpmath(net, 14)
    for bath, current in found.heat_currents.items():
        assert current == pytest.approx(expected[bath], rel=1e-10)
        assert abs(current - expected[bath]) <= max(found.heat_current_errors[bath], 1e-13 * abs(current))


@pytest.mark.parametrize(("epsilon", "temperature"), [(1e-5, 1.0), (1e-7, 1 + 1e-9), (1e-7, 1 + 1e-11)])
def test_a_temperature_on_or_next_to_a_narrow_resonance_hides_none_of_it(epsilon, temperature):
    """A bath's temperature is a place where the axis is cut, and the tail beyond it is as narrow as before it."""
    net = chain([1, 0.3], [epsilon], 1e-12, (temperature, 10))
    assert exact.steady_state(net).heat_currents["hot"] == pytest.approx(by_mpmath(net, 20)["hot"], rel=1e-12, abs=0)


def test_a_ring_of_equal_nodes_beyond_what_is_refined_at_once():
    """Its undamped frequencies coincide in pairs; between neighbours its length is in no digit any more."""

    def current(size):
        names = [str(number) for number in range(size)]
        ends = {"hot": qn.Bath("0", 12, qn.PhononSpectrum(1e-3)), "cold": qn.Bath("1", 10, qn.PhononSpectrum(1e-3))}
        return exact.steady_state(qn.ring(dict.fromkeys(names, qn.Oscillator(5.0)), 0.1, **ends)).heat_currents["hot"]

    assert current(50) == pytest.approx(current(29), rel=1e-9)


@pytest.mark.parametrize(
    ("frequencies", "swaps", "kappa", "expected"),
    [
        # Inner modes of widths 1e-14, 1e-20 (two of them, which are mixed by 1e-14) and 1e-22; the currents are those
        # of `by_mpmath` with 60 digits for the five nodes, and 30 for the others, which takes half a minute.
        ((2, 2, 2), (1e-9, 1e-9), 1e-4, 2.3658581646871907e-15),
        ((2, 3, 2, 3, 2), (1e-7, 1e-7, 1e-7, 1e-7), 1e-7, 1.2174357314684736e-20),
        ((2, 3, 3, 2), (1e-8, 1e-2, 1e-8), 1e-6, 1.1939448602661746e-21),
    ],
)
def test_inner_modes_that_nothing_damps(frequencies, swaps, kappa, expected):
    net = chain(frequencies, swaps, kappa, (3, 2))
    assert exact.steady_state(net).heat_currents["hot"] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("frequencies", "swaps", "kappa", "expected", "digits"),
    [((10, 7, 5), (0.05, 0.08), 1e-6, 1.571429e-7, 4e-7), ((5, 5, 5), (1e-4, 1e-4), 1e-7, 1.22374501e-5, 1e-8)],
)
def test_table_of_three_oscillators(frequencies, swaps, kappa, expected, digits):
    net = chain(frequencies, swaps, kappa)
    assert exact.steady_state(net).heat_currents["hot"] == pytest.approx(expected, rel=digits)


def test_several_baths_on_one_node_zero_temperature_and_a_ring():
    spectrum = qn.PhononSpectrum(1e-3)
    net = qn.ring(
        [qn.Oscillator(2), qn.Oscillator(2.1), qn.Oscillator(2.5)],
        [0.05, 0.1, 0.02],
        a=qn.Bath("A", 3, spectrum),
        b=qn.Bath("A", 1, qn.PhononSpectrum(2e-3)),
        c=qn.Bath("B", 0, spectrum),
    )
    expected, found = by_mpmath(net, 12), exact.steady_state(net).heat_currents
    assert dict(found) == pytest.approx(expected, rel=1e-9)


def test_secular_poles_agree_with_refined_ones(monkeypatch):
    net = chain([2, 2.1, 1.9, 2.2, 2], [0.1, 0.05, 0.08, 0.1], 1e-3, (3, 2))
    refined = exact.steady_state(net).heat_currents
    monkeypatch.setattr("qnet_qutip.exact.landauer.REFINED_AT_ONCE", 0)
    assert dict(exact.steady_state(net).heat_currents) == pytest.approx(dict(refined), rel=1e-10)


def tridiagonal(frequencies, swaps):
    return np.diag(frequencies) + np.diag(swaps, 1) + np.diag(swaps, -1)


def mirrored(size, seed):
    """Disorder on both sides of the middle: many modes are localised, and come in pairs of one frequency."""
    random = np.random.default_rng(seed)
    frequencies, swaps = random.normal(size=size), random.uniform(0.5, 1.5, size - 1)
    return tridiagonal(0.02 * (frequencies + frequencies[::-1]), 0.02 * (swaps + swaps[::-1]))


@pytest.mark.parametrize(
    ("matrix", "width"),
    [
        # Even roots are found from odd modes.
        (tridiagonal(np.zeros(300), np.full(299, 0.1)), 0.1),
        (tridiagonal(np.zeros(301), np.full(300, 0.1)), 0.1),
        # Both ends are damped far more than they are coupled: two poles are one.
        (tridiagonal(np.zeros(137), np.full(136, 0.005)), 0.19),
        (tridiagonal(np.zeros(134), np.full(133, 0.007)), 0.12),
        (mirrored(120, 0), 0.02),
        (mirrored(131, 1), 0.002),
        (tridiagonal(np.zeros(5), np.array([1e-9, 0.1, 0.1, 1e-9])), 0.3),
    ],
)
def test_secular_poles_and_modes_are_those_of_the_whole_matrix(matrix, width):
    ends = [0, len(matrix) - 1]
    frequencies, vectors = np.linalg.eigh(matrix)
    self_energies = np.full(2, -1j * width)
    poles, amplitudes, largest = secular.secular_poles(frequencies, vectors[ends].T.astype(complex), self_energies)
    assert np.abs(amplitudes.T @ amplitudes - np.eye(2)).max() < 1e-12
    assert largest < 10
    damped = matrix.astype(complex)
    damped[ends, ends] += self_energies
    for frequency in np.linspace(*frequencies[[0, -1]], 7) + 1e-3j:
        expected = np.linalg.inv(frequency * np.eye(len(matrix)) - damped)[np.ix_(ends, ends)]
        found = (amplitudes.T / (frequency - poles)) @ amplitudes
        assert np.abs(found - expected).max() < 1e-11 * np.abs(expected).max()


@pytest.mark.parametrize("nodes", [100, 300, 500])
def test_the_current_through_a_resonant_chain_is_as_long_as_it_may_be(nodes):
    """That of ten nodes, whose modes are refined: transport is ballistic, and the band's edges are in all of them."""
    short, long = (chain_of(count) for count in (10, nodes))
    expected = exact.steady_state(short).heat_currents["hot"]
    found = exact.steady_state(long)
    assert found.heat_currents["hot"] == pytest.approx(expected, rel=1e-12)
    assert found.heat_current_errors["hot"] < 1e-11 * expected


def chain_of(count):
    names = [str(number) for number in range(count)]
    ends = {
        "hot": qn.Bath(names[0], 12, qn.PhononSpectrum(1e-3)),
        "cold": qn.Bath(names[-1], 10, qn.PhononSpectrum(1e-3)),
    }
    return qn.chain(dict.fromkeys(names, qn.Oscillator(5.0)), 0.1, **ends)


def test_localised_modes_get_more_digits_where_floats_have_too_few(monkeypatch):
    """Disorder: modes inside 31 nodes have widths far below 1e-16, and the current is through them."""
    random = np.random.default_rng(0)
    names = [str(number) for number in range(31)]
    nodes = {name: qn.Oscillator(5 + random.uniform(-1, 1)) for name in names}
    ends = {"hot": qn.Bath("0", 12, qn.PhononSpectrum(1e-3)), "cold": qn.Bath("30", 10, qn.PhononSpectrum(1e-3))}
    net = qn.chain(nodes, 0.1, **ends)
    found = exact.steady_state(net)
    monkeypatch.setattr("qnet_qutip.exact.landauer.LARGEST_REFINED", 0)
    with pytest.raises(exact.NoExactAnswerError, match="as far as a float's digits tell"):
        exact.steady_state(net)
    # A chain's Green's function between its ends is the product of its swaps over a determinant.
    h = np.diag([node.frequency for node in nodes.values()]) + 0.1 * (np.eye(31, k=1) + np.eye(31, k=-1))
    assert found.heat_currents["hot"] == pytest.approx(by_resonances(h, 1e-3, 12, 10), rel=1e-6)


@pytest.mark.parametrize("seed", [2, 12, 23])
def test_the_error_in_floats_knows_of_the_rounding_of_modes(seed, monkeypatch):
    """Nearly equal nodes, of whose modes without baths a float has 10 to 12 digits: the same in both expansions."""
    random = np.random.default_rng(seed)
    names = [str(number) for number in range(24)]
    nodes = {name: qn.Oscillator(5 + 1e-4 * random.uniform(-1, 1)) for name in names}
    tree = {(names[random.integers(0, i)], names[i]): 2e-4 * random.uniform(0.5, 1.5) for i in range(1, 24)}
    spectrum = qn.PhononSpectrum(4e-9)
    net = qn.Network(nodes, tree, {"hot": qn.Bath("0", 12, spectrum), "cold": qn.Bath("23", 10, spectrum)})
    expected = exact.steady_state(net).heat_currents["hot"]
    for size in ("REFINED_AT_ONCE", "LARGEST_REFINED"):
        monkeypatch.setattr(f"qnet_qutip.exact.landauer.{size}", 0)
    in_floats = exact.steady_state(net)
    off = abs(in_floats.heat_currents["hot"] - expected)
    assert off < in_floats.heat_current_errors["hot"]
    # The same modes in both leave 1e-12.
    assert in_floats.heat_current_errors["hot"] > 2e-11 * abs(expected)


def by_resonances(h, kappa, hot, cold):
    """Current through narrow resonances of a chain, each a Lorentzian of its two widths, in 120 digits.

    What a resonance gives is ω Γ_h Γ_c/(Γ_h + Γ_c) [n_h - n_c] with Γ = κω³ x², x the mode's components at the ends.
    """
    with mpmath.workdps(120):
        modes, vectors = mpmath.eigsy(mpmath.matrix(h.tolist()))
        total = mpmath.mpf(0)
        for index, frequency in enumerate(modes):
            width_h, width_c = (kappa * frequency**3 * vectors[end, index] ** 2 for end in (0, len(h) - 1))
            excess = 1 / mpmath.expm1(frequency / hot) - 1 / mpmath.expm1(frequency / cold)
            total += frequency * width_h * width_c / (width_h + width_c) * excess
        return float(total)


def test_unchanged_under_renaming_and_reordering():
    net = chain([2, 2.5, 3], [0.1, 0.2], 1e-3, (3, 2))
    turned = qn.Network(dict(reversed(list(net.nodes.items()))), net.couplings, dict(reversed(list(net.baths.items()))))
    first, second = exact.steady_state(net).heat_currents, exact.steady_state(turned).heat_currents
    assert dict(first) == pytest.approx(dict(second), rel=1e-11)


def test_weak_full_coupling_is_the_rotating_wave_one():
    """They differ at order J/ω."""
    spectrum = qn.OhmicSpectrum(1e-6, 10.0)
    currents = [
        exact.steady_state(
            qn.chain(
                [qn.Oscillator(2)] * 2,
                0.3,
                hot=qn.Bath("A", 3, spectrum, coupling),
                cold=qn.Bath("B", 2, spectrum, coupling),
            )
        ).heat_currents["hot"]
        for coupling in ("rotating-wave", "full")
    ]
    assert currents[0] == pytest.approx(currents[1], rel=1e-5)


@pytest.mark.parametrize(
    "spectrum",
    [qn.OhmicSpectrum(0.05, 3.0, 2.0), qn.DrudeLorentzSpectrum(0.02, 3.0), qn.LorentzianSpectrum(0.1, 2, 0.5)],
)
def test_tabulated_level_shifts_are_those_in_closed_form(spectrum):
    """A table is right to 1e-12 of the largest shift."""
    tabulated = qn.CallableSpectrum(spectrum.density, spectrum.landmarks)
    currents = [
        exact.steady_state(
            qn.chain([qn.Oscillator(2)] * 2, 0.3, hot=qn.Bath("A", 3, each, "full"), cold=qn.Bath("B", 2, each)),
            level_shift=True,
        ).heat_currents["hot"]
        for each in (spectrum, tabulated)
    ]
    assert currents[0] == pytest.approx(currents[1], rel=1e-10)


def test_a_level_shift_that_cannot_be_tabulated_is_refused(monkeypatch):
    monkeypatch.setattr("qnet_qutip.exact.self_energy.MOST_PIECES", 5)
    bath = qn.Bath("A", 3, qn.OhmicSpectrum(0.05, 3.0, 1.5), "full")
    with pytest.raises(exact.QuadratureError, match="level shift of bath 'hot' must be smooth"):
        exact.steady_state(qn.chain([qn.Oscillator(2)], 0.1, hot=bath))


def test_currents_far_from_every_resonance():
    """At temperatures of a thirtieth of the frequencies, where poles cancel to 1e-9 of each other's parts.

    The current is what a swap of swaps ε²/ω³ between the baths carries; `by_mpmath` has its digits.
    """
    net = chain([5, 5.1, 5.2], [1e-4, 1e-5], 1e-5, (0.06, 0.02))
    assert dict(exact.steady_state(net).heat_currents) == pytest.approx(by_mpmath(net, 14), rel=1e-9)


def test_no_current_between_equal_temperatures_and_it_prints_pickles_compares():
    net = chain([2, 2.5], [0.1], 1e-3, (3, 3))
    state = exact.steady_state(net)
    assert set(state.heat_currents.values()) == {0.0}
    warm = exact.steady_state(chain([2, 2.5], [0.1], 1e-3, (3, 2)))
    assert pickle.loads(pickle.dumps(warm)) == warm != state
    assert len(repr(warm).splitlines()) == 2
    assert warm.entropy_production > 0
    assert sum(warm.heat_currents.values()) == 0


def star(leaves):
    spectrum = qn.PhononSpectrum(1e-3)
    return qn.star([qn.Oscillator(2)] * 3, leaves, hot=qn.Bath("A", 3, spectrum), cold=qn.Bath("A", 2, spectrum))


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (star(0.1), {}, r"must be damped by a bath, but that of frequency 2, which is on nodes \['C', 'B'\]"),
        (chain([2, 2], [3.0], 1e-3), {}, "must have a ground state, but its couplings"),
        (chain([2, 2], [0.1], 1e-3), {"level_shift": True}, "bath 'hot' must have a cutoff"),
        (chain([2, 2], [0.1], 1e-3), {"level_shift": 3}, "level_shift must be True or False"),
        (chain([2, 2], [0.1], 1e-3), {"rtol": 0}, "rtol must be positive"),
        (qn.chain([qn.TwoLevel(2)], 0.1, hot=qn.Bath("A", 3, qn.PhononSpectrum(1e-3))), {}, "must be an Oscillator"),
        (
            qn.chain([qn.Oscillator(2, 0.1)], 0.1, hot=qn.Bath("A", 3, qn.PhononSpectrum(1e-3))),
            {},
            "must have no anharmonicity",
        ),
        (
            qn.chain([qn.Oscillator(2)], 0.1, hot=qn.Bath("A", 3, qn.FlatSpectrum(1e-3), "full")),
            {},
            "must have a cutoff",
        ),
        (
            qn.chain([qn.Oscillator(2)], 0.1, hot=qn.Bath("A", 3, qn.OhmicSpectrum(1.0, 30.0), "full")),
            {},
            "must have a ground state, but the level shifts",
        ),
    ],
)
def test_bad_input_is_refused(network, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        exact.steady_state(network, **options)


def test_what_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr("qnet_qutip.exact.quadrature.MOST_POINTS", 10)
    with pytest.raises(exact.QuadratureError, match="must converge to 1e-15"):
        exact.steady_state(chain([2, 2.5], [0.1], 1e-3, (3, 2)), rtol=1e-15)


def test_occupations_at_weak_coupling_are_thermal():
    """But for the order of J/ω."""
    spectrum = qn.OhmicSpectrum(1e-6, 10.0)
    baths = {"a": qn.Bath("B", 1, spectrum), "b": qn.Bath("A", 2, spectrum)}
    net = qn.chain([qn.Oscillator(2), qn.Oscillator(3)], 1e-6, **baths)
    expected = {"A": 1 / np.expm1(1.0), "B": 1 / np.expm1(3.0)}
    assert dict(exact.steady_state(net).occupations) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(exact.NoCutoffError, match="the vacuum fills its nodes without bound"):
        _ = chain_with_quadrature().occupations


def test_occupations_that_diverge_are_refused_and_at_zero_temperature_there_are_none():
    net = qn.chain([qn.Oscillator(2)], 0.1, a=qn.Bath("A", 3, qn.FlatSpectrum(1e-3)))
    with pytest.raises(exact.NoExactAnswerError, match="vanishes at frequency zero, but that of bath 'a'"):
        _ = exact.steady_state(net).occupations
    assert dict(exact.steady_state(chain([2, 3], [0.1], 1e-3, (0, 0))).occupations) == {"A": 0.0, "B": 0.0}


def chain_with_quadrature():
    net = chain([2, 3], [0.1], 1e-3, (3, 2))
    return exact.steady_state(net.replace(couplings={("A", "B"): qn.Quadrature(0.1)}))


@pytest.mark.parametrize("temperature", [0.0, 0.4, 5.0])
def test_occupation_of_a_full_bath_in_equilibrium_is_that_of_the_fluctuation_dissipation_theorem(temperature):
    """⟨X²⟩ = -∫dω/π coth(ω/2T) Im χ(ω) of X = a + a†, and ⟨P²⟩ with (ω/ω₀)²; ⟨a†a⟩ = (⟨X²⟩ + ⟨P²⟩)/4 - ½."""
    frequency, lam, gamma = 2.0, 0.1, 3.0
    bath = qn.Bath("A", temperature, qn.DrudeLorentzSpectrum(lam, gamma), "full")
    found = exact.steady_state(qn.chain([qn.Oscillator(frequency)], 0.1, a=bath)).occupations["A"]

    def integrand(w):
        # The Drude self-energy of both signs, -2λγ/(γ - iω).
        chi = 2 * frequency / (w**2 - frequency**2 + 2 * frequency * 2 * lam * gamma / (gamma - 1j * w))
        thermal = 1 / np.tanh(w / (2 * temperature)) if temperature else 1.0
        return -chi.imag * thermal * (1 + (w / frequency) ** 2) / np.pi

    points = [0, 1, 1.5, 2, 2.5, 3, 5, 10, 100, 1e4, 1e6]
    total = sum(
        scipy.integrate.quad(integrand, *ends, epsabs=0, epsrel=1e-11)[0] for ends in itertools.pairwise(points)
    )
    # Beyond 1e6 the integrand is 4λγω₀(1/ω₀²)/πω³ or so, 1e-12 in all.
    assert found == pytest.approx(total / 4 - 0.5, rel=1e-8, abs=1e-10)
