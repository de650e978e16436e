"""Jumps into and out of the ground state: the rates of the paper, for every equation."""

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.equations.jumps import ground_state_jumps
from qnet_qutip.network import bath_rate

NET = qn.two_node("oscillator", omega_h=5.5, omega_c=5, epsilon=0.5, T_h=3, T_c=2, kappa=1e-4)


def test_global_equation_has_a_jump_into_and_out_of_each_mode():
    """Eq. (12): γ(ω_±) times cos²θ or sin²θ."""
    modes = qn.normal_modes(NET)
    jumps = ground_state_jumps(qn.global_master_equation(NET, levels=6, rtol=1.0))
    weights = {"+": np.cos(modes.theta) ** 2, "-": np.sin(modes.theta) ** 2}
    expected, rate = [], bath_rate(NET, "hot")
    for mode, frequency in modes.frequencies.items():
        expected += [(omega, weights[mode] * rate.rate(omega)) for omega in (frequency, -frequency)]
    found = [(jump.frequency, jump.rate) for jump in jumps["hot"]]
    np.testing.assert_allclose(sorted(found), sorted(expected))
    assert max(jump.spread for jump in jumps["hot"]) < 1e-6


def test_local_equation_has_the_rates_of_the_node_and_the_spread_of_its_coupling():
    """Eq. (6). a† leads to a state that H couples to its neighbour by ε, so that its energy is spread by ε."""
    for bath, frequency in (("hot", 5.5), ("cold", 5.0)):
        down, up = ground_state_jumps(qn.local_master_equation(NET, levels=6, rtol=1.0))[bath]
        rate = bath_rate(NET, bath)
        np.testing.assert_allclose((down.rate, up.rate), (rate.rate(frequency), rate.rate(-frequency)))
        np.testing.assert_allclose((down.frequency, up.frequency), (frequency, -frequency))
        np.testing.assert_allclose((down.spread, up.spread), 0.5)


@pytest.mark.parametrize("name", qn.MASTER_EQUATIONS)
def test_every_equation_leaves_the_ground_state_at_a_rate_that_adds_up(name):
    """The ground state's whole loss -⟨0|L(|0⟩⟨0|)|0⟩ is the sum over the jumps out of it."""
    net = qn.two_node("two-level", omega_h=5.5, omega_c=5, epsilon=0.5, T_h=3, T_c=2, kappa=1e-4)
    equation = qn.MASTER_EQUATIONS[name](net)
    ground = qutip.ket2dm(qutip.basis([2, 2], [0, 0]))
    loss = -qutip.vector_to_operator(equation.liouvillian() * qutip.operator_to_vector(ground))
    leaving = sum(jump.rate for jumps in ground_state_jumps(equation).values() for jump in jumps if jump.frequency < 0)
    assert leaving == pytest.approx((loss * ground).tr().real, rel=1e-10)


def test_there_are_none_where_no_basis_state_is_the_ground_state():
    net = qn.chain([qn.TwoLevel(5)] * 2, qn.Quadrature(0.5), hot=qn.Bath("A", 12, qn.PhononSpectrum(1e-4)))
    assert ground_state_jumps(qn.local_master_equation(net)) == {"hot": ()}
