"""Normal modes against what they must fulfil, closed forms, and the spectra of truncated Hamiltonians."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from problems import space_of

import qnet_qutip as qn
from qnet_qutip.hamiltonian import network_hamiltonian

EPS = np.finfo(float).eps
SPECTRUM = qn.PhononSpectrum(1e-4)


def matrices(modes: qn.NormalModes) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ω on the diagonal, u and v, with nodes as rows and modes as columns."""
    u, v = (
        np.array([[of_node[mode] for mode in modes.frequencies] for of_node in expansion.values()])
        for expansion in (modes.expansion, modes.counter_rotating)
    )
    return np.diag(list(modes.frequencies.values())), u, v


@st.composite
def harmonic_networks(draw: Callable[..., Any]) -> qn.Network:
    names = "ABCDE"[: draw(st.integers(1, 5))]
    strength = st.floats(-1.5, 1.5)
    coupling = st.one_of(
        strength, strength.map(qn.Quadrature), st.tuples(strength.map(qn.Swap), strength.map(qn.Quadrature))
    )
    pairs = [pair for pair in itertools.combinations(names, 2) if draw(st.booleans())]
    nodes = {name: qn.Oscillator(draw(st.sampled_from([1.0, 2.0, 2.0, 5.5]))) for name in names}
    return qn.Network(nodes, {pair: draw(coupling) for pair in pairs}, {})


@settings(max_examples=200, deadline=None)
@given(net=harmonic_networks())
def test_modes_make_the_hamiltonian_diagonal_and_keep_the_commutation_relations(net: qn.Network) -> None:
    h, g = qn.modes.one_body_matrices(net)
    lowest = min(np.linalg.eigvalsh(h + g)[0], np.linalg.eigvalsh(h - g)[0])
    assume(abs(lowest) > 1e-6)
    if lowest < 0:
        for refused in (qn.normal_modes, qn.modes.require_bounded):
            with pytest.raises(
                ValueError, match=r"lowest normal mode must have a positive|omega_- would not be positive"
            ):
                refused(net)
        return
    qn.modes.require_bounded(net)
    modes = qn.normal_modes(net)
    omega, u, v = matrices(modes)
    # Rounding grows with the ratio of the highest to the lowest mode.
    bound = 100 * EPS * omega.max() / lowest
    one = np.eye(len(h))
    np.testing.assert_allclose(u @ u.T - v @ v.T, one, rtol=0, atol=bound)
    np.testing.assert_allclose(u @ v.T - v @ u.T, 0 * one, rtol=0, atol=bound)
    np.testing.assert_allclose(u.T @ u - v.T @ v, one, rtol=0, atol=bound)
    np.testing.assert_allclose(u @ omega @ u.T + v @ omega @ v.T, h, rtol=0, atol=bound * omega.max())
    np.testing.assert_allclose(-u @ omega @ v.T - v @ omega @ u.T, g, rtol=0, atol=bound * omega.max())
    frequencies = list(modes.frequencies.values())
    assert frequencies == sorted(frequencies, reverse=True)
    assert frequencies[-1] > 0
    assert list(modes.frequencies) == (["+", "-"] if len(h) == 2 else [str(1 + k) for k in range(len(h))])
    if not g.any():
        assert not v.any()


@pytest.mark.parametrize("nodes", [1, 2, 3, 6])
def test_modes_of_chains_are_the_closed_form(nodes: int) -> None:
    modes = qn.normal_modes(qn.chain([qn.Oscillator(5)] * nodes, 0.3))
    expected = 5 + 0.6 * np.cos(np.pi * np.arange(1, nodes + 1) / (nodes + 1))
    np.testing.assert_allclose(list(modes.frequencies.values()), expected, rtol=8 * EPS)


@pytest.mark.parametrize("nodes", [3, 4, 7])
@pytest.mark.parametrize("counter_rotating", [False, True])
def test_degenerate_modes_of_rings_are_the_closed_form(nodes: int, counter_rotating: bool) -> None:
    modes = qn.normal_modes(qn.ring([qn.Oscillator(5)] * nodes, qn.Quadrature(0.3) if counter_rotating else 0.3))
    hopping = 0.6 * np.cos(2 * np.pi * np.arange(nodes) / nodes)
    expected = np.sqrt(25 + 10 * hopping) if counter_rotating else 5 + hopping
    np.testing.assert_allclose(list(modes.frequencies.values()), np.sort(expected)[::-1], rtol=16 * EPS)


def test_two_positions_coupled_are_the_closed_form() -> None:
    """ω_±² = (ω_h² + ω_c²)/2 ± √((ω_h² - ω_c²)²/4 + 4g²ω_hω_c): the classical oscillators of unit mass."""
    modes = qn.normal_modes(qn.chain([qn.Oscillator(5), qn.Oscillator(3)], qn.Quadrature(0.4)))
    root = np.sqrt(8.0**2 + 4 * 0.4**2 * 15)
    np.testing.assert_allclose([modes.omega_plus, modes.omega_minus], np.sqrt([17 + root, 17 - root]), rtol=8 * EPS)


def test_counter_rotating_modes_are_the_spectrum_of_the_hamiltonian() -> None:
    net = qn.chain([qn.Oscillator(2), qn.Oscillator(1.5)], (0.2, qn.Quadrature(0.15)))
    energies = np.linalg.eigvalsh(network_hamiltonian(net, space_of(net, levels=22).lowering).full())
    modes = qn.normal_modes(net).frequencies
    expected = sorted(n * modes["+"] + m * modes["-"] for n in range(4) for m in range(4))[:6]
    np.testing.assert_allclose(energies[:6] - energies[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("frequencies", [(10.0, 5.0), (5.0, 10.0), (5.0, 5.0), (5.0, 5.0 + 1e-9)])
@pytest.mark.parametrize("epsilon", [1e-12, -1e-7, 0.3, 4.9999])
def test_two_modes_keep_all_their_digits(frequencies: tuple[float, float], epsilon: float) -> None:
    """Against 50 digits: small mixing angles of either sign and order, and a soft mode."""
    modes = qn.normal_modes(qn.chain([qn.Oscillator(w) for w in frequencies], epsilon))
    with mpmath.workdps(50):
        first, second, strength = map(mpmath.mpf, (*frequencies, epsilon))
        root = mpmath.sqrt((first - second) ** 2 / 4 + strength**2)
        theta = mpmath.atan2(2 * strength, first - second) / 2
        plus, minus = (first + second) / 2 + root, (first + second) / 2 - root
        expected = [plus, minus, mpmath.cos(theta), mpmath.sin(theta)]
        found = [modes.omega_plus, modes.omega_minus, modes.expansion["A"]["+"], modes.expansion["B"]["+"]]
        # ω_hω_c - ε² is known to rounding of its terms.
        conditions = [1, first * second / (plus * minus), 1, 1]
        for value, exact, condition in zip(found, expected, conditions, strict=True):
            assert abs(value - exact) <= 8 * EPS * condition * abs(exact)
    assert modes.theta == pytest.approx(float(theta), rel=8 * EPS)
    assert modes.expansion["A"]["-"] == -modes.expansion["B"]["+"]


@pytest.mark.parametrize("g", [0.3, 1e-3, 1e-7, 1e-12])
@pytest.mark.parametrize("nodes", [(5.0, 5.0), (6.5, 4.2), (5.1, 4.3, 5.6)], ids=str)
def test_weakly_counter_rotating_terms_keep_their_digits(nodes: tuple[float, ...], g: float) -> None:
    """h v + g u = -Ω v: what a mode has of a†, g/2ω of it, to a rounding of itself and not of one."""
    couplings = [qn.Quadrature(g), 0.1][: len(nodes) - 1]
    net = qn.chain([qn.Oscillator(frequency) for frequency in nodes], couplings)
    omega, u, v = matrices(qn.normal_modes(net))
    h, pairs = np.diag(nodes), np.zeros((len(nodes), len(nodes)))
    pairs[0, 1] = pairs[1, 0] = g
    h = h + pairs
    if len(nodes) == 3:
        h[1, 2] = h[2, 1] = 0.1
    largest = np.abs(v).max(axis=0)
    assert np.all(largest > 0)
    # Each term is a sum of three products, of a size of 2ωv at most.
    assert np.all(np.abs(h @ v + pairs @ u + v @ omega) <= 16 * EPS * 2 * omega.max() * largest)


@pytest.mark.parametrize("equation", ["redfield", "universal"])
def test_a_current_by_pairs_keeps_its_digits(equation: str) -> None:
    """Redfield's was off by 2e-8, in the last place of a v of 3e-5."""
    phonons = qn.PhononSpectrum
    hot = qn.Bath("A", 0.26828230787629914, phonons(0.00011080449473775724), "full")
    cold = qn.Bath("B", 0.2505875550185754, phonons(3.4788973694363003e-06))
    net = qn.chain([qn.Oscillator(5)] * 2, qn.Quadrature(0.0002632341526440843), hot=hot, cold=cold)
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net, max_excitations=7, rtol=1.0))
    exact = qn.gaussian.steady_state(net, equation)
    assert state.heat_currents["hot"] == pytest.approx(exact.heat_currents["hot"], rel=1e-10, abs=0)


def test_two_level_nodes_have_the_modes_of_eq_10() -> None:
    values = {"omega_h": 10, "omega_c": 5, "epsilon": 2, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    assert qn.normal_modes(qn.two_node("two-level", **values)) == qn.normal_modes(qn.two_node("oscillator", **values))


def test_modes_are_values() -> None:
    net = qn.ring([qn.Oscillator(5), qn.Oscillator(4), qn.Oscillator(3)], qn.Quadrature(0.1))
    modes = qn.normal_modes(net)
    assert pickle.loads(pickle.dumps(modes)) == modes == qn.normal_modes(net)
    assert hash(modes) == hash(qn.normal_modes(net))
    assert modes != qn.normal_modes(net.replace(couplings={("A", "B"): 0.2}))
    assert modes.nodes == ("A", "B", "C")
    assert repr(modes).startswith("NormalModes(frequencies={'1': 5.0")
    assert "\n" not in repr(modes)


# ---------------------------------------------------------------- what has no normal modes


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (qn.chain([qn.Oscillator(5), qn.TwoLevel(5)], 0.1), "must be of oscillators, or of two two-level nodes"),
        (qn.chain([qn.TwoLevel(5)] * 3, 0.1), "if they are two with a swap, but network has {'A': 'TwoLevel'"),
        (qn.chain([qn.TwoLevel(5)] * 2, qn.Quadrature(0.1)), "if they are two with a swap"),
        (qn.chain([qn.Oscillator(5), qn.Oscillator(5, 0.1)], 0.1), r"harmonic .*, but \['B'\] have an anharmonicity"),
        (qn.chain([qn.Oscillator(5)] * 2, (0.1, qn.Dispersive(0.1))), "must have no dispersive couplings"),
        (
            qn.chain([qn.Oscillator(1)] * 3, 0.8),
            r"lowest normal mode must have a positive frequency .* mode '3' of nodes \['A', 'B', 'C'\] has -0.131371",
        ),
        (
            qn.chain([qn.Oscillator(1)] * 2, qn.Quadrature(0.6)),
            r"mode '-' of nodes \['A', 'B'\] has the square -0\.2 and .* the eigenvalue -0\.2",
        ),
        (qn.chain([qn.Oscillator(1)] * 2, qn.Quadrature(0.5)), "mode '-' .* has the square"),
        (qn.chain([qn.Oscillator(5), qn.Oscillator(5)], 5.0), r"epsilon must be below .* = 5 for nodes .*, but is 5"),
        # A positive square, as energy and frequency are negative.
        (
            qn.chain([qn.Oscillator(1)] * 2, (-1.5, qn.Quadrature(0.1))),
            r"must have a positive frequency .*, but mode '-'",
        ),
    ],
)
def test_networks_without_normal_modes_are_refused(net: qn.Network, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        qn.normal_modes(net)


@pytest.mark.parametrize("coupling", [-0.5, -0.5 + 1e-10, (-0.5 + 1e-10, qn.Quadrature(1e-12))])
def test_a_mode_that_rounding_hides_is_refused(coupling: Any) -> None:
    with pytest.raises(
        ValueError, match=r"must have a positive frequency \(above 1e-09 of the highest\), but mode '3'"
    ):
        qn.normal_modes(qn.ring([qn.Oscillator(1)] * 3, coupling))


@pytest.mark.parametrize("softness", [1e-3, 1e-6, 1e-8])
def test_soft_modes_keep_the_digits_that_are_promised(softness: float) -> None:
    """Two positions that are coupled nearly up to the edge: ω_-² = ω² - 2gω of equal oscillators."""
    g = 0.5 * (1 - softness)
    modes = qn.normal_modes(qn.chain([qn.Oscillator(1)] * 2, qn.Quadrature(g)))
    assert modes.omega_minus == pytest.approx(np.sqrt(1 - 2 * g), rel=4 * EPS / softness)
    _, u, v = matrices(modes)
    np.testing.assert_allclose(u @ u.T - v @ v.T, np.eye(2), rtol=0, atol=8 * EPS / softness)


# ---------------------------------------------------------------- energies without a lower bound


@pytest.mark.parametrize(
    "net",
    [
        qn.chain([qn.TwoLevel(1)] * 3, 5.0),
        qn.chain([qn.Oscillator(1, 0.1)] * 3, 5.0),
        qn.chain([qn.Oscillator(1), qn.Oscillator(1, 0.1)], 5.0),
        qn.chain([qn.Oscillator(1), qn.TwoLevel(1)], (5.0, qn.Dispersive(-0.9))),
        qn.chain([qn.Oscillator(1)] * 2, (0.5, qn.Dispersive(0.3))),
        qn.chain([qn.Oscillator(1, 0.2)] * 2, (0.5, qn.Dispersive(-0.19))),
    ],
)
def test_bounded_networks_are_accepted(net: qn.Network) -> None:
    qn.modes.require_bounded(net)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (qn.chain([qn.Oscillator(1), qn.TwoLevel(1)], qn.Dispersive(-1.1)), r"mode '1' of nodes \['A'\] has -0.1"),
        (qn.star([qn.Oscillator(1), qn.TwoLevel(1), qn.TwoLevel(1)], qn.Dispersive(-0.6)), r"\['A'\] has -0.2"),
        (qn.chain([qn.TwoLevel(1), qn.Oscillator(1), qn.Oscillator(1)], 1.0), r"epsilon .* for nodes \['B', 'C'\]"),
        (qn.chain([qn.Oscillator(1)] * 2, qn.Dispersive(-0.1)), r"\['A', 'B'\] the matrix .* the eigenvalue -0.1"),
        (qn.chain([qn.Oscillator(1, 0.2)] * 2, qn.Dispersive(-0.3)), "outweighed by their anharmonicities"),
        (qn.chain([qn.Oscillator(1, 0.2), qn.Oscillator(1)], qn.Dispersive(-0.1)), "outweighed"),
        (qn.ring([qn.Oscillator(1, 0.2)] * 3, qn.Dispersive(-0.11)), "outweighed"),
    ],
)
def test_unbounded_networks_are_refused(net: qn.Network, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        qn.modes.require_bounded(net)


def test_the_local_equation_of_an_unbounded_network_is_solved_with_a_warning():
    """Its moments are those of one-body matrices, whatever the couplings make of the energy."""
    net = qn.two_node("oscillator", omega_h=1, omega_c=1, epsilon=1.5, T_h=0.2, T_c=0.1, kappa=1e-2)
    with pytest.warns(
        qn.UnboundedWarning, match=r"epsilon must be below .* is 1.5: .*no state of such a network is phys"
    ):
        equation = qn.local_master_equation(net)
    assert qn.steady_state(equation).heat_currents["hot"] == pytest.approx(
        qn.gaussian.steady_state(net, "local").heat_currents["hot"], rel=1e-8
    )
    for name, build in qn.MASTER_EQUATIONS.items():
        if name != "local":
            with pytest.raises(ValueError, match="epsilon must be below"):
                build(net)
    with pytest.warns(qn.UnboundedWarning) as caught:
        qn.local_master_equation(net)
    assert caught[0].filename == __file__
    with pytest.warns(qn.UnboundedWarning, match="1 of 2 points warn, the first for the local equation at epsilon=1.5"):
        qn.sweep(
            "oscillator",
            ["local"],
            {"epsilon": [0.5, 1.5]},
            {"omega_h": 1, "omega_c": 1, "T_h": 0.2, "T_c": 0.1, "kappa": 1e-2},
        )
    # A bounded one is not warned of: warnings are errors here.
    qn.local_master_equation(net.replace(couplings={("A", "B"): 0.9}))


@pytest.mark.parametrize("strength", [1e-6, 1e-8])
@pytest.mark.parametrize("equation", ["global", "universal"])
def test_small_coefficients_of_three_nodes_keep_their_digits(equation, strength):
    """A quadrature coupling far below the frequencies alone carries the heat: currents go as its square."""
    rates = qn.FlatSpectrum(1e-4)
    net = qn.Network(
        nodes=dict.fromkeys("ABC", qn.Oscillator(1.0)),
        couplings={("A", "B"): 0.01, ("B", "C"): qn.Quadrature(strength)},
        baths={"first": qn.Bath("A", 0.14, rates), "last": qn.Bath("C", 0.07, rates)},
    )
    expected = qn.gaussian.steady_state(net, equation).heat_currents["first"]
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net))
    assert state.heat_currents["first"] == pytest.approx(expected, rel=1e-10, abs=0)
