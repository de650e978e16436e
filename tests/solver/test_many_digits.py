"""The steady state in a hundred digits, against mpmath."""

import mpmath
import numpy as np
import pytest
import qutip
from literal import Liouvillian
from problems import chain

import qnet_qutip as qn
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.many_digits import FEW_UNKNOWNS, steady_state
from qnet_qutip.solver.superoperator import on_sectors


def answer(generator):
    """Without a word on which state is populated most."""
    return steady_state(generator, np.zeros(generator.sectors.unknowns))


def of_network(network, builder=qn.local_master_equation):
    equation = builder(network)
    return equation.hamiltonian, equation.collapse_operators


def pair(epsilon, kappas=(0.03, 4e-4), temperatures=(280.0, 297.0), frequencies=(8.9, 8.9)):
    return qn.Network(
        nodes={name: qn.TwoLevel(frequency) for name, frequency in zip("AB", frequencies, strict=True)},
        couplings={("A", "B"): epsilon},
        baths={
            bath: qn.Bath(node, T, qn.PhononSpectrum(kappa))
            for bath, node, T, kappa in zip(("hot", "cold"), "AB", temperatures, kappas, strict=True)
        },
    )


def complex_hopping():
    """A ring of three levels with a flux: no phase of the states makes H real."""
    ring = sum((0.2 + 0.5j) * qutip.projection(3, k, (k + 1) % 3) for k in range(3))
    hamiltonian = ring + ring.dag() + qutip.qdiags([0.0, 0.3, 1.0], 0)
    return hamiltonian, {
        "a": [0.3 * qutip.projection(3, 0, 2), 0.1 * qutip.projection(3, 2, 0)],
        "b": [(0.2 + 0.3j) * qutip.projection(3, 1, 2), 1e-7 * qutip.projection(3, 0, 1)],
    }


def redfield_pairs():
    """Pairs (S, Λ) of different, complex matrices."""
    a, b = qutip.tensor(qutip.destroy(2), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.destroy(2))
    hop = 0.4j * a.dag() * b
    hamiltonian = 1.5 * a.dag() * a + 1.1 * b.dag() * b + hop + hop.dag()
    return hamiltonian, {
        "hot": [(a + a.dag(), 0.02 * a + 0.006 * a.dag() + (0.003 - 0.001j) * b)],
        "cold": [(b + b.dag(), 0.03 * b + 0.001 * b.dag() + 0.002j * a.dag()), 0.1 * b],
    }


PROBLEMS = {
    "pair": of_network(pair(0.3)),
    "pair beyond double-double": of_network(pair(3e-13)),
    "pair at 1e-24 of the rates": of_network(pair(3e-14, (1e6, 1e7))),
    "pair, global": of_network(pair(0.3), qn.global_master_equation),
    "triple": of_network(chain(3, 1e-9, [5.0, 5.0, 5.5])),
    "complex hopping": complex_hopping(),
    "pairs of operators": redfield_pairs(),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_state_and_currents_are_those_of_mpmath(name):
    hamiltonian, operators = PROBLEMS[name]
    generator = on_sectors(build_generator(hamiltonian, operators))
    assert generator.sectors.unknowns <= FEW_UNKNOWNS
    (high, low), currents = answer(generator)
    literal = Liouvillian(
        hamiltonian.full(),
        {
            bath: [tuple(one.full() for one in m) if isinstance(m, tuple) else m.full() for m in members]
            for bath, members in operators.items()
        },
        digits=90,
    )
    exact, sectors = literal.steady_state(), generator.sectors
    with mpmath.workdps(90):
        for place, (row, column) in enumerate(
            zip(*sectors.states_of_places(0, sectors.unknowns), strict=True),
        ):
            value = exact.get((int(sectors.order[row]), int(sectors.order[column])), mpmath.mpc(0))
            left = mpmath.mpf(high[place]) + mpmath.mpf(low[place]) - mpmath.re(value) - mpmath.im(value)
            # Two doubles have 32 digits of a number; entries of nothing are nothing to the digits of either side.
            assert abs(left) <= 1e-31 * abs(mpmath.re(value) + mpmath.im(value)) + mpmath.mpf(10) ** -80
        for bath, current in literal.currents(exact).items():
            assert abs(currents[bath] - current) <= 3e-16 * abs(current) + mpmath.mpf(10) ** -75
    assert len(currents) == len(operators)


def test_a_current_of_46_digits_less_than_what_is_exchanged():
    """J ∝ ε²/κω³, and a bath exchanges κω³T with its node."""
    _, currents = answer(on_sectors(build_generator(*PROBLEMS["pair at 1e-24 of the rates"])))
    _, larger = answer(on_sectors(build_generator(*of_network(pair(6e-14, (1e6, 1e7))))))
    assert currents["hot"] == pytest.approx(-currents["cold"], rel=1e-15)
    assert larger["hot"] == pytest.approx(4 * currents["hot"], rel=1e-12)
    assert 0 < abs(currents["hot"]) < 1e-46 * 1e6 * 8.9**3 * 280


def test_where_there_are_two_states_there_is_no_answer():
    """Exactly two, and two that a rate of 1e-120 joins."""
    jumps = [qutip.projection(3, 0, 2), qutip.projection(3, 1, 2)]
    assert answer(on_sectors(build_generator(0 * qutip.qeye(3), {"all": jumps}))) is None
    joined = [*jumps, 1e-60 * qutip.projection(3, 0, 1)]
    state, _ = answer(on_sectors(build_generator(0 * qutip.qeye(3), {"all": joined})))
    np.testing.assert_allclose(state[0][:1], 1.0)
