"""Hierarchical equations of motion: published currents, limits with answers of their own, and refusals."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import qutip
from known_results import KATO_TANIMURA
from known_results import resonant_pair as tutorial
from scipy.integrate import quad

import qnet_qutip as qn
from qnet_qutip.exact import hierarchy

DRUDE = qn.DrudeLorentzSpectrum(lam=0.05, gamma=2)


def pair(node, coupling, spectrum, T_h, T_c, other=None, kind="full"):
    return qn.chain(
        [node, other or node],
        coupling,
        hot=qn.Bath("A", T_h, spectrum, kind),
        cold=qn.Bath("B", T_c, spectrum, kind),
    )


@pytest.mark.parametrize(("J12", "zeta", "published", "unit"), KATO_TANIMURA)
def test_resonant_two_level_nodes_of_kato_and_tanimura(J12, zeta, published, unit):
    """QuTiP's heat-transport tutorial, one Padé exponent, depth 7: 10³ j/(εJ12) to the digits that it is known to."""
    state = hierarchy.steady_state(tutorial(J12, zeta), depth=7, exponents=1)
    assert 1e3 * state.heat_currents["hot"] / J12 == pytest.approx(published, abs=unit / 2)
    # What the network takes is what the bath gives, and all that comes in goes out, to rounding.
    assert max(state.error.values()) < 1e-9 * state.heat_currents["hot"]
    assert state.unchecked == ("depth", "exponents")


def test_qutip_factorises_to_the_same_state():
    state = hierarchy.steady_state(tutorial(0.5, 4), depth=5, exponents=1)
    a, b = (qutip.tensor(*each) for each in ((qutip.destroy(2), qutip.qeye(2)), (qutip.qeye(2), qutip.destroy(2))))
    hamiltonian = a.dag() * a + b.dag() * b + 0.5 * (a.dag() * b + a * b.dag())
    generator, baths = qutip.liouvillian(hamiltonian), []
    for Q, T in ((a + a.dag(), 2.02), (b + b.dag(), 1.98)):
        environment = qutip.DrudeLorentzEnvironment(T=T, lam=1.0, gamma=2.0)
        expanded, delta = environment.approximate("pade", Nk=1, compute_delta=True)
        generator += qutip.core.environment.system_terminator(Q, delta)
        baths.append((expanded, Q))
    solver = qutip.solver.heom.HEOMSolver(generator, baths, max_depth=5)
    rho, _ = solver.steady_state()
    np.testing.assert_allclose(state.rho.full(), rho.full(), atol=1e-12)


@pytest.mark.parametrize("J12", [0.02, 0.1])
def test_refined_currents_are_within_their_error(J12):
    state = hierarchy.steady_state(tutorial(J12, 1))
    finer = hierarchy.steady_state(tutorial(J12, 1), state.resolution.depth + 2, state.resolution.exponents + 1)
    assert state.unchecked == ()
    for bath, current in state.heat_currents.items():
        assert 0 < state.error[bath] <= 3 * 1e-4 * abs(current)
        assert abs(current - finer.heat_currents[bath]) <= state.error[bath]


@pytest.mark.parametrize(("coupling", "detuning"), [(0.1, 0.0), (1e-3, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("name", ["redfield", "universal"])
def test_weak_coupling_is_that_of_the_equations_in_between(name, coupling, detuning):
    """They are off by the order of λ that Born and Markov neglect: ten times less at a tenth of λ."""
    off = []
    for lam in (1e-4, 1e-5):
        spectrum = qn.DrudeLorentzSpectrum(lam, 3)
        net = pair(qn.TwoLevel(1 + detuning), coupling, spectrum, 2.0, 1.5, qn.TwoLevel(1))
        exact = hierarchy.steady_state(net, depth=3, exponents=3).heat_currents["hot"]
        state = qn.steady_state(qn.MASTER_EQUATIONS[name](net, level_shift=True))
        off.append(state.heat_currents["hot"] / exact - 1)
    assert abs(off[0]) < 1e-4
    # What is left of higher orders, and of the third digit of `off` in the exponents.
    assert off[0] / off[1] == pytest.approx(10, rel=0.1)


def langevin_current(omegas, g, lam, gamma, T_h, T_c):
    """Landauer's current of two positions, full coupling and no counter term, from the quantum Langevin equation.

    x_i = a + a† obeys ((ω_i² - ω²)/2ω_i - χ(ω))x_i + g x_j = -ξ_i with χ = 2λγ/(γ - iω), Im χ = J/2.
    """

    def integrand(omega):
        chi = 2 * lam * gamma / (gamma - 1j * omega)
        inverse = np.diag([(w**2 - omega**2) / (2 * w) - chi for w in omegas]) + g * np.array([[0, 1], [1, 0]])
        J = 2 * chi.imag
        passed = J**2 * abs(np.linalg.inv(inverse)[0, 1]) ** 2
        return omega * passed * (1 / math.expm1(omega / T_h) - 1 / math.expm1(omega / T_c)) / (2 * math.pi)

    middle = sum(omegas) / 2
    marks = [middle + offset for offset in (-3 * g, -g, 0, g, 3 * g)]
    return quad(integrand, 1e-9, 60 * T_h, points=marks, limit=400, epsabs=0, epsrel=1e-9)[0]


def test_oscillators_tend_to_the_quantum_langevin_equation():
    omegas, g, lam, gamma, T_h, T_c = (2.0, 2.1), 0.1, 0.01, 3.0, 0.7, 0.6
    expected = langevin_current(omegas, g, lam, gamma, T_h, T_c)
    nodes = [qn.Oscillator(omega) for omega in omegas]
    net = pair(nodes[0], qn.Quadrature(g), qn.DrudeLorentzSpectrum(lam, gamma), T_h, T_c, nodes[1])
    # Another derivation, by the poles of a and a†.
    assert qn.exact.steady_state(net).heat_currents["hot"] == pytest.approx(expected, rel=1e-8)
    off = [
        abs(hierarchy.steady_state(net, depth=2, exponents=3, levels=levels).heat_currents["hot"] / expected - 1)
        for levels in (3, 5)
    ]
    # What the fifth level would carry is e^(-ω/T) twice over, 4e-3, of what the third would: 7e-3 there.
    assert off[0] > 5e-3
    assert off[1] < 1e-4


def test_an_oscillator_whose_third_level_is_far_away_is_a_two_level_node():
    """What the level adds in second order falls with its distance α."""
    two_level = hierarchy.steady_state(tutorial(0.1, 1), 4, 2).heat_currents["hot"]
    net = tutorial(0.1, 1).replace(nodes={"A": qn.Oscillator(1)})
    assert hierarchy.steady_state(net, 4, 2, levels={"A": 2}).heat_currents["hot"] == pytest.approx(two_level, rel=1e-9)
    near, far = (
        hierarchy.steady_state(net.replace(nodes={"A": qn.Oscillator(1, anharmonicity=alpha)}), 4, 3, 3)
        for alpha in (10, 20)
    )
    off = [state.heat_currents["hot"] / two_level - 1 for state in (near, far)]
    assert off[1] / off[0] == pytest.approx(0.5, abs=0.1)
    assert abs(off[1]) < 0.02
    assert hierarchy.steady_state(net, 4, 2, levels=3).heat_currents["hot"] > 1.5 * two_level


def test_a_dispersive_coupling_carries_heat_and_a_third_bath_has_its_own_current():
    """Between nodes that only shift each other's frequency: none at second order would be forbidden by energy."""
    net = qn.chain(
        [qn.TwoLevel(1), qn.TwoLevel(1.5)],
        qn.Dispersive(0.5),
        hot=qn.Bath("A", 2.0, DRUDE, "full"),
        warm=qn.Bath("A", 1.5, DRUDE, "full"),
        cold=qn.Bath("B", 1.0, DRUDE, "full"),
    )
    state = hierarchy.steady_state(net, depth=3, exponents=1)
    assert state.heat_currents["hot"] > 0 > state.heat_currents["cold"]
    assert sum(state.heat_currents.values()) == pytest.approx(0, abs=1e-12)
    assert state.entropy_production > 0


def test_no_heat_flows_at_one_temperature():
    net = pair(qn.TwoLevel(1), 0.3, DRUDE, 1.5, 1.5, qn.TwoLevel(1.4))
    state = hierarchy.steady_state(net, atol=1e-8)
    assert max(map(abs, state.heat_currents.values())) < 1e-8
    with pytest.raises(hierarchy.ConvergenceError, match="must change by less than the tolerance within max_unknowns"):
        hierarchy.steady_state(net, max_unknowns=3000)


def test_a_filtered_bath_is_qutips_underdamped_environment():
    filtered = qn.LorentzianSpectrum(strength=0.05, frequency=1.2, width=0.5)
    environment = {
        T: qutip.UnderDampedEnvironment(T=T, lam=0.05 * math.sqrt(2.4), gamma=0.5, w0=1.2) for T in (1.0, 0.8)
    }
    net = pair(qn.TwoLevel(1), 0.1, filtered, 1.0, 0.8)
    own = hierarchy.steady_state(net, 3, 1).heat_currents["hot"]
    same = net.replace(
        baths={
            name: qn.Bath(bath.node, spectrum=environment[bath.temperature], coupling="full")
            for name, bath in net.baths.items()
        }
    )
    assert hierarchy.steady_state(same, 3, 1).heat_currents["hot"] == pytest.approx(own, rel=1e-10)
    # Exponents that the caller made of it are taken as they are.
    made = {
        name: qn.Bath(
            bath.node,
            spectrum=environment[bath.temperature].approximate("matsubara", Nk=3),
            coupling="full",
        )
        for name, bath in net.baths.items()
    }
    state = hierarchy.steady_state(net.replace(baths=made), rtol=1e-3)
    assert state.unchecked == ()
    reference = hierarchy.steady_state(net, state.resolution.depth, 3).heat_currents["hot"]
    # Without the remainder of three exponents, 5e-5 of the integral at the lower temperature.
    assert state.heat_currents["hot"] == pytest.approx(reference, rel=1e-4)


def test_exponents_that_fit_badly_are_refused():
    """QuTiP's fit of an ohmic bath, good to 5 %: its detailed balance is off by as much."""
    frequencies = np.concatenate((-np.logspace(2, -3, 500), np.logspace(-3, 2, 500)))
    environment = qutip.OhmicEnvironment(T=0.8, alpha=0.005, wc=3.0, s=1)
    fitted, _ = environment.approximate("aaa", frequencies, Nmax=4, tol=1e-6)
    baths = {"hot": qn.Bath("A", 1.0, DRUDE, "full"), "cold": qn.Bath("B", spectrum=fitted, coupling="full")}
    with pytest.raises(ValueError, match=r"of bath 'cold' is not known at frequency 1: .* in detailed balance"):
        hierarchy.steady_state(qn.chain([qn.TwoLevel(1)] * 2, 0.1, **baths))


def test_currents_do_not_care_where_two_exponents_nearly_coincide():
    """γ = 2πT to 1 % on either side and to 2 %: the same in between, but for the curve's own bend."""
    near, far = (
        sum(
            hierarchy.steady_state(pair(qn.TwoLevel(1), 0.1, DRUDE, 1.0, off / math.pi), 2, 6).heat_currents["hot"]
            for off in (1 - distance, 1 + distance)
        )
        for distance in (0.01, 0.02)
    )
    assert near == pytest.approx(far, rel=3e-4)
    with pytest.raises(ValueError, match="cutoff of bath 'cold' must not be a multiple of 2πT"):
        hierarchy.steady_state(pair(qn.TwoLevel(1), 0.1, DRUDE, 1.0, 1.001 / math.pi))


def test_a_state_is_a_value():
    state = hierarchy.steady_state(tutorial(0.1, 1), 2, 1)
    assert pickle.loads(pickle.dumps(state)) == state
    assert repr(state).startswith("HierarchyState(hot: 0.00012")
    assert "unchecked: depth, exponents" in repr(state)
    assert state.rho.tr() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("network", "options", "error", "message"),
    [
        (tutorial(0.1, 1), {"depth": 0}, ValueError, "depth must be at least 1"),
        (tutorial(0.1, 1), {"exponents": -1}, ValueError, "exponents must be at least 0"),
        (tutorial(0.1, 1), {"rtol": 0}, ValueError, "rtol must be positive"),
        (tutorial(0.1, 1), {"levels": {"A": 3}}, ValueError, "a node of levels must be one of"),
        (pair(qn.Oscillator(1), 0.1, DRUDE, 2, 1), {"levels": {"A": 3}}, ValueError, r"\['B'\] are missing"),
        (pair(qn.Oscillator(1), 0.1, DRUDE, 2, 1), {"levels": 1}, ValueError, "levels of 'A' must be at least 2"),
        (pair(qn.TwoLevel(1), 0.1, DRUDE, 2, 1, kind="rotating-wave"), {}, ValueError, "'hot' must be 'full'"),
        (pair(qn.TwoLevel(1), 0.1, qn.PhononSpectrum(1e-3), 2, 1), {}, ValueError, "'hot' must have an expansion"),
        (pair(qn.TwoLevel(1), 0.1, DRUDE, 2, 0), {}, ValueError, "temperature of bath 'cold' must be positive"),
        (pair(qn.TwoLevel(1), 0.1, DRUDE, 2, 0.3), {"exponents": 1}, ValueError, "at least 3 for bath 'cold'"),
        (pair(qn.TwoLevel(1), 0.1, DRUDE, 2, 1e-3), {}, ValueError, "must not be so low against its cutoff"),
        (
            pair(qn.TwoLevel(1), 0.1, qn.LorentzianSpectrum(0.1, 1, 3), 2, 1),
            {},
            ValueError,
            "narrower than twice its frequency",
        ),
        (qn.chain([qn.TwoLevel(1)] * 2, 0.0, b=qn.Bath("A", 1, DRUDE, "full")), {}, ValueError, r"\['B'\] are not"),
        (tutorial(0.1, 1), {"depth": 60, "exponents": 3}, MemoryError, "take a smaller depth"),
        ("net", {}, TypeError, "network must be a Network"),
    ],
)
def test_what_has_no_hierarchy_is_refused_by_name(network, options, error, message):
    with pytest.raises(error, match=message):
        hierarchy.steady_state(network, **options)


def test_a_coupling_that_defeats_the_iteration_is_no_number():
    with pytest.raises(hierarchy.ConvergenceError, match="could not be solved by iteration"):
        hierarchy.steady_state(tutorial(1, 60), depth=4, exponents=1)
