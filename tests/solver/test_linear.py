"""One linear solve: what it reaches, when it stops and what it says."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import Liouvillian
from problems import chain, fig3, three_two_level_nodes

import qnet_qutip as qn
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.stationary import steady_state
from qnet_qutip.truncation import one_way_flows


def current_in_fifty_digits(equation: qn.MasterEquation, bath: str) -> float:
    """Tr[H D(ρ)] of the equation as it is truncated."""
    literal = Liouvillian(
        equation.hamiltonian.full(),
        {name: [operator.full() for operator in members] for name, members in equation.collapse_operators.items()},
    )
    return float(literal.currents(literal.steady_state())[bath])


@pytest.mark.parametrize(
    "changes", [{}, {"epsilon": 1e-8, "kappa": 1e-10}, {"epsilon": 1e-4, "kappa": 1e-7, "omega_h": 6}, {"omega_h": 5.0}]
)
def test_currents_of_the_truncated_equation_in_fifty_digits(changes):
    equation = fig3(4, **changes)
    with pytest.warns(qn.TruncationWarning):
        state = qn.steady_state(equation)
    for bath, current in state.heat_currents.items():
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), rel=1e-11)


@pytest.mark.parametrize(
    "network",
    [
        # The residual falls by nine orders in a cycle that takes the current only a factor of four closer.
        three_two_level_nodes(4.3e-5, (6.44e-5, 9.0e-8), [(149.0, 1.3e-13), (3.84, 4.2e-10), (424.0, 0.067)]),
        three_two_level_nodes(0.0, (6e-5, 9e-5), [(3.0, 1e-7), (5.0, 3e-3), (2.0, 1e-5)]),
        three_two_level_nodes(0.02, (1e-2, 3e-5), [(12.0, 1e-2), (10.0, 1e-6)]),
    ],
)
@pytest.mark.filterwarnings("ignore::qnet_qutip.AccuracyWarning")  # the estimate of rounding is an upper one
def test_slow_modes_that_carry_the_current_are_waited_for(network):
    equation = qn.local_master_equation(network)
    state = qn.steady_state(equation)
    for bath, current in state.heat_currents.items():
        scale = max(abs(current), 0.01 * one_way_flows(network)[bath])
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), abs=1e-10 * scale)


def test_currents_beyond_doubled_precision_warn():
    """ε²/κω³ is 1e-27 of what the baths exchange with their nodes."""
    network = qn.Network(
        nodes={"A": qn.TwoLevel(8.9), "B": qn.TwoLevel(8.9)},
        couplings={("A", "B"): 3e-13},
        baths={
            "hot": qn.Bath("A", 280.0, qn.PhononSpectrum(0.03)),
            "cold": qn.Bath("B", 297.0, qn.PhononSpectrum(4e-4)),
        },
    )
    with pytest.warns(qn.AccuracyWarning, match="is resolved to 1e-10 of .* only"):
        qn.steady_state(qn.local_master_equation(network))


def test_nearly_undamped_nodes_converge():
    """The oscillator is damped at 1e-6, the other node at 1e-20 through it."""
    network = qn.Network(
        nodes={"A": qn.Oscillator(5.25), "B": qn.TwoLevel(5.99)},
        couplings={("A", "B"): 7e-8},
        baths={"hot": qn.Bath("A", 134.0, qn.PhononSpectrum(1.5e-9))},
    )
    state = qn.steady_state(qn.local_master_equation(network, levels={"A": 3}, rtol=1e9))
    excited = np.exp(-np.array([5.25, 5.25 * 2, 5.99]) / 134.0)
    assert state.iterations < 50
    assert 0 < state.occupations["B"] < 0.5
    assert state.occupations["A"] == pytest.approx((excited[0] + 2 * excited[1]) / (1 + excited[:2].sum()), rel=1e-6)


SIGMA_X, SIGMA_Y, SIGMA_Z, SIGMA_MINUS = qutip.sigmax(), qutip.sigmay(), qutip.sigmaz(), qutip.sigmam()


@pytest.mark.parametrize(
    ("hamiltonian", "operators"),
    [
        (SIGMA_X, {"a": [SIGMA_MINUS]}),
        (SIGMA_X, {"a": [SIGMA_Z]}),
        (SIGMA_X, {"a": [SIGMA_Z], "b": [SIGMA_Y]}),
        (0.7 * SIGMA_X, {"a": [0.3 * SIGMA_MINUS]}),
        (SIGMA_Z, {"a": [SIGMA_Z], "b": [SIGMA_MINUS, 0.3 * SIGMA_MINUS.dag()]}),
    ],
)
def test_hamiltonians_without_a_diagonal_and_jumps_that_commute(hamiltonian, operators):
    """Currents are zero here, and the diagonal of H is no measure of what jumps carry."""
    state = qn.steady_state(hamiltonian, operators)
    direct = qutip.steadystate(hamiltonian, [operator for members in operators.values() for operator in members])
    assert state.iterations < 50
    assert (state.rho - direct).norm() < 1e-12
    assert max(abs(current) for current in state.heat_currents.values()) < 1e-15


WEAK_AND_STRONG = [
    *[{"epsilon": epsilon, "omega_h": omega} for epsilon in (1e-6, 1e-3, 0.3) for omega in (5.0, 5.01, 9.0)],
    {"epsilon": 2.5e-6, "omega_h": 5.0, "kappa": 1e-7},
    {"epsilon": 1e-8, "kappa": 1e-10},
]


@pytest.mark.filterwarnings("ignore::qnet_qutip.AccuracyWarning")  # at 1e-14 the weakest couplings are not resolved
@pytest.mark.parametrize("changes", WEAK_AND_STRONG)
def test_the_tolerance_is_kept(changes):
    """What steady_state returns at its tolerance is what it returns at a far smaller one."""
    equation = fig3(8, **changes)
    with pytest.warns(qn.TruncationWarning):
        state = qn.steady_state(equation)
    with pytest.warns(qn.TruncationWarning):
        refined = qn.steady_state(equation, rtol=1e-14)
    for bath, current in refined.heat_currents.items():
        assert state.heat_currents[bath] == pytest.approx(current, rel=3e-10)


@pytest.mark.parametrize("epsilon", [1.0, 1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("frequencies", [[5.0] * 5, [5.0, 7.0, 5.0, 7.0, 5.0], [10.0, 8.75, 7.5, 6.25, 5.0]])
def test_chains_converge_at_any_coupling(epsilon, frequencies):
    """Undamped nodes between strongly damped ends: the energy that goes in comes out, and links agree with baths."""
    equation = qn.local_master_equation(chain(5, epsilon, frequencies))
    state = qn.steady_state(equation)
    assert state.iterations < 300
    assert state.first_law_residual < 1e-9
    operators = equation.space.lowering
    hop = operators["N1"].dag() * operators["N2"]
    link = qutip.expect(1j * epsilon * (hop - hop.dag()), state.rho)  # excitations from N1 to N2
    other = operators["N2"].dag() * operators["N3"]
    assert link == pytest.approx(qutip.expect(1j * epsilon * (other - other.dag()), state.rho), rel=1e-6)


def test_chain_agrees_with_qutip():
    equation = qn.local_master_equation(chain(4, 0.4, [5.0, 6.0, 5.5, 7.0]))
    state = qn.steady_state(equation)
    direct = qutip.steadystate(equation.hamiltonian, equation.all_collapse_operators)
    assert (state.rho - direct).norm() < 1e-11


def test_a_stuck_iteration_is_an_error():
    equation = qn.local_master_equation(chain(7, 1e-3))
    with pytest.raises(qn.ConvergenceError, match=r"did not converge within \d+ iterations.*residual"):
        qn.steady_state(equation, max_iterations=1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), dimension=st.integers(2, 6), count=st.integers(1, 3))
def test_random_generators_without_structure(seed, dimension, count):
    generator = np.random.default_rng(seed)
    matrices = generator.normal(size=(count + 1, dimension, dimension)) + 1j * generator.normal(
        size=(count + 1, dimension, dimension)
    )
    hamiltonian = qutip.Qobj(matrices[0] + matrices[0].conj().T)
    operators = [qutip.Qobj(matrix) for matrix in matrices[1:]]
    state = qn.steady_state(hamiltonian, operators)
    liouvillian = qutip.liouvillian(hamiltonian, operators).full()
    image = liouvillian @ qutip.operator_to_vector(state.rho).full()
    assert np.abs(image).max() < 1e-12 * np.abs(liouvillian).max()
    assert state.rho.tr() == pytest.approx(1.0, abs=1e-12)


def test_start_leads_to_the_same_state():
    equation = qn.local_master_equation(chain(4, 0.1))
    first = qn.steady_state(qn.local_master_equation(chain(4, 0.12)))
    state, started = qn.steady_state(equation), qn.steady_state(equation, start=first)
    assert started.heat_currents["hot"] == pytest.approx(state.heat_currents["hot"], rel=1e-9)


def test_report_is_called_each_cycle():
    equation = qn.local_master_equation(chain(6, 0.1))
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    seen = []
    options = Options(report=lambda iterations, error: seen.append((iterations, error)))
    _, solution = steady_state(generator, options)
    assert seen[-1][0] == solution.iterations
    assert seen[-1][1] <= 1e-10
