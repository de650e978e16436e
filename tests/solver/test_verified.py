"""Steady states in ordinary precision against double-double and closed forms, and where nothing is proved."""

import numpy as np
import pytest
import qutip
import scipy.linalg
from systems import SYSTEMS, nearly_dark_spin

import qnet_qutip as qn
from qnet_qutip.solver import verified as module
from qnet_qutip.solver.few import few_unknowns
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.stationary import steady_state_on
from qnet_qutip.solver.verified import verified

RANDOM = [(states, seed) for states in (2, 3, 4, 5) for seed in range(5)]


def random_operators(states, seed, loss=1.0):
    random = np.random.default_rng(seed)
    made = random.normal(size=(3, states, states)) + 1j * random.normal(size=(3, states, states))
    return qutip.Qobj(made[0] + made[0].conj().T), [qutip.Qobj(loss * made[1]), qutip.Qobj(loss * made[2])]


def in_double_double(hamiltonian, jumps):
    on = few_unknowns(hamiltonian, {"all": jumps}, heat=False)
    return on.sectors.unpack(steady_state_on(on, Options(unique=False)).value[0]).toarray()


def found(hamiltonian, jumps, rtol=1e-10):
    sectors, flat, _ = verified(hamiltonian, jumps, rtol)
    return sectors.unpack(flat).toarray()


@pytest.mark.parametrize(("states", "seed"), RANDOM)
def test_it_is_the_state_that_double_double_finds(states, seed):
    operators = random_operators(states, seed)
    np.testing.assert_allclose(found(*operators), in_double_double(*operators), rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("loss", [1.0, 1e-1, 1e-2, 1e-3, 1e-4])
def test_the_error_is_within_the_bound_or_nothing_is_returned(loss, monkeypatch):
    """The bound grows as the losses become small; ρ moves by the rounding of L over them, whoever solves it."""
    operators = random_operators(3, 1, loss)
    reference = in_double_double(*operators)
    for exponent in range(4, 17):
        monkeypatch.setattr(module, "LARGEST_ERROR", 10.0**-exponent)
        result = verified(*operators, rtol=1.0)
        if result is None:
            break
        error = result[0].unpack(result[1]).toarray() - reference
        assert np.abs(error.diagonal()).max() <= 10.0**-exponent * reference.diagonal().real.min()
        assert np.linalg.norm(error) <= 10.0**-exponent * np.linalg.norm(reference)
    assert result is None


@pytest.mark.parametrize("name", ["thermal spin", "biased spin", "squeezed spin", "resonance fluorescence", "V system"])
def test_textbook_systems_need_no_more(name):
    hamiltonian, jumps = SYSTEMS[name].build(SYSTEMS[name].sizes[0])
    state = qn.steady_state(hamiltonian, jumps)
    assert state.iterations == 1
    assert state.residual < 1e-14
    np.testing.assert_allclose(state.rho.full(), in_double_double(hamiltonian, jumps), rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("slow", [1e-5, 1e-20])
def test_populations_of_a_rate_equation_have_their_digits_however_small(slow):
    hamiltonian, jumps = nearly_dark_spin(4, slow=slow)
    populations = found(hamiltonian, jumps).diagonal().real[::-1]
    np.testing.assert_allclose(populations, slow ** (2 * np.arange(4)) / (1 + slow**2), rtol=1e-9)
    np.testing.assert_allclose(populations[1:] / populations[:-1], slow**2, rtol=1e-13)


def test_a_state_that_is_left_for_good_by_the_slowest_rate():
    """It is eliminated last, and nothing goes to it from what is left."""
    jumps = [
        rate**0.5 * qutip.projection(4, to, of) for to, of, rate in ((2, 0, 0.01), (3, 1, 0.2), (1, 3, 0.4), (3, 2, 1))
    ]
    state = qn.steady_state(qutip.Qobj(np.diag([0.1, 0.5, 0.9, 0.2])), jumps)
    np.testing.assert_allclose(state.rho.diag().real, [0, 2 / 3, 0, 1 / 3], atol=1e-25, rtol=1e-13)


def test_a_small_population_beside_coherences_is_left_to_double_double():
    hamiltonian, jumps = 1e-6 * qutip.sigmax() + qutip.sigmaz(), [qutip.sigmam()]
    assert verified(hamiltonian, jumps, 1e-10) is None
    exact = 1e-12 / (4.0 + 0.25 + 2e-12)
    assert qn.steady_state(hamiltonian, jumps).rho[0, 0].real == pytest.approx(exact, rel=1e-13, abs=0.0)


@pytest.mark.parametrize(
    ("hamiltonian", "jumps"),
    [
        (qutip.sigmaz(), [qutip.sigmaz()]),
        (qutip.Qobj(np.diag([1.0, 2.0, 3.0])), [qutip.projection(3, 0, 1)]),
        (0 * qutip.qeye(4), [qutip.tensor(qutip.sigmam(), qutip.qeye(2))]),
    ],
    ids=["dephasing", "a state by itself", "a spin without a bath"],
)
def test_several_steady_states_are_none(hamiltonian, jumps):
    jumps = [qutip.Qobj(jump.full()) for jump in jumps]
    assert verified(hamiltonian, jumps, 1e-10) is None
    with pytest.raises(qn.MultipleSteadyStatesError):
        qn.steady_state(hamiltonian, jumps)


@pytest.mark.parametrize("seed", range(10))
def test_a_symmetry_in_another_basis_is_no_proof(seed):
    """Rounding makes the matrix regular, and its inverse huge."""
    blocks = zip(*(np.array([one.full() for one in [h, *c]]) for h, c in (random_operators(2, seed),) * 2), strict=True)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))
    turned = [qutip.Qobj(turn @ scipy.linalg.block_diag(*pair) @ turn.T) for pair in blocks]
    assert verified(turned[0], turned[1:], 1e-10) is None


def test_nearly_several_are_left_to_double_double():
    mixing = 1e-6 * (qutip.sigmap() + 1j * qutip.sigmaz())
    assert verified(qutip.sigmaz(), [qutip.sigmaz(), mixing], 1e-10) is None
    assert qn.steady_state(qutip.sigmaz(), [qutip.sigmaz(), mixing]).iterations > 1


def test_pairs_and_tolerances_out_of_reach_are_left_to_double_double():
    hamiltonian, jumps = random_operators(2, 0)
    assert verified(hamiltonian, [*jumps, (jumps[0], jumps[1])], 1e-10) is None
    assert verified(hamiltonian, jumps, 1e-15) is None
    assert verified(hamiltonian, [], 1e-10) is None


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e70])
def test_units_do_not_matter(scale):
    jumps = [scale * qutip.sigmam(), 0.1 * scale * qutip.sigmap()]
    populations = qn.steady_state(0 * qutip.qeye(2), jumps).rho.diag().real
    np.testing.assert_allclose(populations, [0.01 / 1.01, 1 / 1.01], rtol=1e-14)
