"""Whether a steady state is the only one, and the one that a given state evolves to."""

import numpy as np
import pytest
import qutip
from problems import chain

import qnet_qutip as qn
from qnet_qutip.solver import stages
from qnet_qutip.solver.generator import build_generator, entries
from qnet_qutip.solver.many_digits import relaxes
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.stationary import long_time_state, steady_state
from qnet_qutip.solver.superoperator import DENSE, on_sectors

NOT_KNOWN = Options(unique=False)


def unique_state(hamiltonian, jumps):
    on, solution = steady_state(build_generator(hamiltonian, {"all": jumps}), NOT_KNOWN)
    return qutip.Qobj(on.sectors.unpack(solution.value[0])), solution


# ---------------------------------------------------------------- by a factorisation


def flipped_along_x(large, slow=0.0):
    """A qubit whose H and jump conserve σx, but for a dephasing at slow²: by itself, and beside a driven mode."""
    beside = [qutip.qeye(11)] if large else []
    x, z = (qutip.tensor([one, *beside]) for one in (qutip.sigmax(), qutip.sigmaz()))
    hamiltonian, jumps = 0.3 * x, [x, *([slow * z] if slow else [])]
    if large:
        mode = qutip.tensor(qutip.qeye(2), qutip.destroy(11))
        hamiltonian += 0.1 * (mode + mode.dag())
        jumps.append(mode)
    return hamiltonian, jumps


@pytest.mark.parametrize("slow", [1e-2, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("large", [False, True])
def test_a_slow_relaxation_is_not_taken_for_a_second_state(slow, large):
    """Down to 1e-12 of the other rates, by the dense and by the sparse factorisation."""
    hamiltonian, jumps = flipped_along_x(large, slow)
    rho, solution = unique_state(hamiltonian, jumps)
    assert (solution.value[0].size > DENSE) == large
    rho.dims = hamiltonian.dims
    # Rounding of L over the slowest rate.
    assert (rho.ptrace(0) - qutip.qeye(2) / 2).norm() < max(1e-9, 1e-14 / slow**2)


@pytest.mark.parametrize("large", [False, True])
def test_what_is_conserved_is_found(large):
    with pytest.raises(qn.MultipleSteadyStatesError, match="there are several steady states, or nearly so"):
        unique_state(*flipped_along_x(large))


@pytest.mark.parametrize("given", [{}, {"rho0": qutip.Qobj([[1.0]])}], ids=["alone", "from rho0"])
@pytest.mark.parametrize("jumps", [[], [qutip.Qobj([[0.7j]])]], ids=["no jump", "dephasing"])
def test_a_single_basis_state_is_its_steady_state(jumps, given):
    state = qn.steady_state(qutip.Qobj([[3.0]]), {"bath": jumps}, **given)
    assert state.rho.full().tolist() == [[1.0]]
    assert state.heat_currents["bath"] == 0


# ---------------------------------------------------------------- of weak baths


def pair(kappa, kappa_c=None, epsilon=0.01, T_c=10.0):
    baths = {"hot": ("A", 12.0, kappa), "cold": ("B", T_c, kappa_c or kappa)}
    return qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(5)},
        couplings={("A", "B"): epsilon},
        baths={bath: qn.Bath(node, T, qn.PhononSpectrum(k)) for bath, (node, T, k) in baths.items()},
    )


@pytest.mark.parametrize("kappa", [1e-15, 1e-20, 1e-25])
@pytest.mark.parametrize("builder", [qn.redfield_master_equation, qn.partial_secular_master_equation])
def test_baths_weaker_than_the_rounding_of_energies_have_one_steady_state(builder, kappa):
    """Nothing is left of Redfield's equation then but the global one; that differs by rate over frequency."""
    expected = qn.steady_state(qn.global_master_equation(pair(kappa))).heat_currents
    currents = qn.steady_state(builder(pair(kappa))).heat_currents
    for bath, current in expected.items():
        assert currents[bath] == pytest.approx(current, rel=1e-9)


@pytest.mark.parametrize("builder", [qn.local_master_equation, qn.global_master_equation])
def test_weak_baths_one_of_them_at_zero_temperature_have_one_steady_state(builder):
    """The current is proportional to the rates where they are the smallest of all."""
    strong, weak = (qn.steady_state(builder(pair(k, T_c=0.0))).heat_currents["hot"] for k in (1e-10, 1e-20))
    assert weak == pytest.approx(1e-10 * strong, rel=1e-6)


def test_a_node_that_cools_through_a_weak_coupling_reaches_the_ground_state():
    """At 1e-23 of the rates of the other node, 4ε²Γ/(Γ² + 4Δ²) with Γ = κω³."""
    net = qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(5)},
        couplings={("A", "B"): 1e-10},
        baths={"hot": qn.Bath("A", 0, qn.PhononSpectrum(1e-3))},
    )
    equation = qn.local_master_equation(net)
    rho = qn.steady_state(equation).rho
    assert abs(rho[0, 0] - 1.0) < 1e-15


@pytest.mark.parametrize(("up", "down"), [(1e-30, 1e-30), (1e-30, 2e-30), (1.0, 1e-30)])
def test_a_single_qubit_with_rates_of_any_size(up, down):
    hamiltonian = 5 * qutip.sigmaz()
    state = qn.steady_state(hamiltonian, [np.sqrt(up) * qutip.sigmap(), np.sqrt(down) * qutip.sigmam()])
    np.testing.assert_allclose(state.rho.diag(), np.array([up, down]) / (up + down), rtol=1e-14)


def dark(rate, turn=None):
    """A Λ system with a dark state, as it is or in a basis that rounds it."""
    turn = qutip.qeye(3) if turn is None else turn
    lowering = qutip.projection(3, 0, 2) + qutip.projection(3, 1, 2)
    hamiltonian = turn * qutip.qdiags([0.0, 0.0, 10.0], 0) * turn.dag()
    jumps = [np.sqrt(rate) * turn * jump * turn.dag() for jump in (lowering, lowering.dag())]
    return 0.5 * (hamiltonian + hamiltonian.dag()), jumps


@pytest.mark.parametrize("rate", [1.0, 1e-4, 1e-12])
def test_a_rate_that_rounding_has_made_is_no_relaxation(rate):
    for turn in (None, qutip.rand_unitary(3, seed=1), qutip.rand_unitary(3, seed=2)):
        hamiltonian, jumps = dark(rate, turn)
        assert not relaxes(on_sectors(build_generator(hamiltonian, {"all": jumps})))
        with pytest.raises(qn.MultipleSteadyStatesError):
            qn.steady_state(hamiltonian, jumps)
        # What removes the dark state is of the size of the other rates.
        beside = qutip.qeye(3) if turn is None else turn
        dephasing = np.sqrt(rate) * beside * qutip.projection(3, 0, 0) * beside.dag()
        assert relaxes(on_sectors(build_generator(hamiltonian, {"all": [*jumps, dephasing]})))


def test_an_operator_that_is_hermitian_but_for_rounding_has_its_conserved_quantities():
    """What misses being Hermitian is a rate at which the trace grows or falls, of the first order in rounding."""
    turn = qutip.rand_unitary(4, seed=3).full()
    hamiltonian, jump = (
        qutip.Qobj(turn @ np.diag(values) @ turn.conj().T) for values in ([0.1, 0.7, 1.1, 2.0], [1.0, 0.3j, -0.4, 2.0])
    )
    assert np.abs(hamiltonian.full() - hamiltonian.full().conj().T).max() > 0.0
    assert not relaxes(on_sectors(build_generator(hamiltonian, {"all": [jump]})))


def weak_chain(count, kappa, T_c=10.0):
    names = "ABCDE"[:count]
    nodes = {name: qn.TwoLevel(10 - 0.7 * place) for place, name in enumerate(names)}
    phonons = qn.PhononSpectrum(kappa)
    return qn.chain(nodes, 0.1, hot=qn.Bath("A", 12, phonons), cold=qn.Bath(names[-1], T_c, phonons))


def test_weak_baths_of_more_unknowns_than_a_hundred_digits_are_for():
    """Sixteen states with all their coherences; and two oscillators at zero temperature, by a sparse factorisation."""
    expected = qn.steady_state(qn.global_master_equation(weak_chain(4, 1e-15))).heat_currents["hot"]
    current = qn.steady_state(qn.redfield_master_equation(weak_chain(4, 1e-15))).heat_currents["hot"]
    assert current == pytest.approx(expected, rel=1e-9)
    currents = []
    for kappa in (1e-10, 1e-15):
        phonons = qn.PhononSpectrum(kappa)
        baths = {"hot": qn.Bath("A", 2, phonons), "cold": qn.Bath("B", 0, phonons)}
        net = qn.chain([qn.Oscillator(10), qn.Oscillator(9.3)], 0.1, **baths)
        currents.append(qn.steady_state(qn.local_master_equation(net, levels=14)).heat_currents["hot"])
    assert currents[1] == pytest.approx(1e-5 * currents[0], rel=1e-6)


def test_where_rounding_hides_the_rates_it_is_said_that_it_could_not_be_told():
    with pytest.raises(qn.ConvergenceError, match=r"whether the steady state is unique could not be told: .* rates"):
        qn.steady_state(qn.local_master_equation(weak_chain(5, 1e-18, T_c=0.0)))


@pytest.mark.filterwarnings("ignore::qnet_qutip.steady.LawWarning")
def test_energies_whose_rounding_counts_warn_or_are_refused():
    """Free fermions have the same Bohr frequency in many transitions, whose coherences count in the global equation.

    With rates 1e-13 of the frequencies these transitions come apart. Exact is the current of strong baths, scaled.
    """
    exact = qn.steady_state(qn.global_master_equation(weak_chain(5, 1e-10))).heat_currents["hot"]
    with pytest.warns(qn.AccuracyWarning, match="rounding of these changes the steady state or a heat current by"):
        state = qn.steady_state(qn.global_master_equation(weak_chain(5, 1e-14)))
    error = abs(state.heat_currents["hot"] - 1e-4 * exact)
    assert 1e-8 < error / abs(1e-4 * exact) < 1e-5
    assert error <= state.heat_current_errors["hot"]
    with pytest.raises(qn.ConvergenceError, match="the rounding of energies"):
        qn.steady_state(qn.global_master_equation(weak_chain(5, 1e-18)))


@pytest.mark.parametrize("kappa", [1e-15, 1e-18])
def test_the_long_time_state_of_weak_baths(kappa):
    """Steps of the resolvent are measured by the rates, not by the energies."""
    equation = qn.redfield_master_equation(pair(kappa))
    mixed = qutip.qeye(equation.hamiltonian.dims[0]) / 4
    state = qn.steady_state(equation, rho0=mixed)
    assert (state.rho - qn.steady_state(equation).rho).norm() < 1e-8


# ---------------------------------------------------------------- by cycles


def hidden(sizes, seed=3):
    """Unitary jumps with blocks, in a basis that hides them: H = 0 and ½ΣL†L = 1 show nothing of them either."""
    dimension = sum(sizes)
    turn = qutip.rand_unitary(dimension, seed=seed).full()
    jumps = []
    for number in range(2):
        block = np.zeros((dimension, dimension), dtype=complex)
        first = 0
        for size in sizes:
            last = first + size
            block[first:last, first:last] = qutip.rand_unitary(size, seed=10 * seed + number + size).full()
            first = last
        jumps.append(qutip.Qobj(turn @ block @ turn.conj().T))
    return 0 * jumps[0], jumps


def test_cycles_tell_a_single_state_from_two(monkeypatch):
    """Of 21 dimensions, where two factorisations would be had for the asking."""
    monkeypatch.setattr(stages, "FEW_SECTORS", 0)
    rho, solution = unique_state(*hidden((21,)))
    assert solution.stage.vectors
    assert (rho - qutip.qeye(21) / 21).norm() < 1e-10
    with pytest.raises((qn.MultipleSteadyStatesError, qn.ConvergenceError), match="steady state"):
        unique_state(*hidden((11, 10)))


def test_the_probe_counts_its_applications(monkeypatch):
    monkeypatch.setattr(stages, "FEW_SECTORS", 0)
    generator = build_generator(*(lambda h, jumps: (h, {"all": jumps}))(*hidden((21,))))
    _, known = steady_state(generator, Options())
    _, looked_into = steady_state(generator, NOT_KNOWN)
    assert looked_into.iterations > known.iterations


def test_cycles_find_a_qubit_that_conserves_its_x():
    """Beside a warm mode: a hundred sectors of two states, so that no factorisation is looked at."""
    levels = 120
    mode, x = qutip.tensor(qutip.qeye(2), qutip.destroy(levels)), qutip.tensor(qutip.sigmax(), qutip.qeye(levels))
    hamiltonian = mode.dag() * mode + 0.3 * x
    with pytest.raises((qn.MultipleSteadyStatesError, qn.ConvergenceError), match="steady state"):
        unique_state(hamiltonian, [mode, 0.5 * mode.dag()])


def test_cycles_find_a_qubit_that_shifts_a_chain():
    """Five two-level nodes between baths, whose number shifts the qubit about its conserved x."""
    equation = qn.local_master_equation(chain(5, 0.3))
    one = qutip.qeye(2)
    number = sum(lower.dag() * lower for lower in equation.space.lowering.values())
    hamiltonian = qutip.tensor(equation.hamiltonian, one) + 0.3 * qutip.tensor(number, qutip.sigmax())
    with pytest.raises((qn.MultipleSteadyStatesError, qn.ConvergenceError), match="steady state"):
        unique_state(hamiltonian, [qutip.tensor(jump, one) for jump in equation.all_collapse_operators])


# ---------------------------------------------------------------- the state that a given one evolves to


def test_the_long_time_state_keeps_what_is_conserved():
    """⟨σx⟩ of a qubit that flips along x, and nothing else of it."""
    jumps = [qutip.sigmax()]
    rho0 = qutip.Qobj([[0.7, 0.2 + 0.1j], [0.2 - 0.1j, 0.3]])
    on, solution = long_time_state(
        build_generator(0.4 * qutip.sigmax(), {"all": jumps}), entries(rho0), Options(unique=False)
    )
    rho = qutip.Qobj(on.sectors.unpack(solution.value[0]))
    expected = 0.5 * (qutip.qeye(2) + qutip.expect(qutip.sigmax(), rho0) * qutip.sigmax())
    assert (rho - expected).norm() < 1e-9


def test_the_limit_on_iterations_is_kept_on_the_way_there():
    equation = qn.local_master_equation(chain(3, 0.3))
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    empty = qutip.basis([2] * 3, [0] * 3).proj()
    for limit in (1, 5, 10):
        with pytest.raises(qn.ConvergenceError, match=r"within \d+ iterations"):
            long_time_state(generator, entries(empty), Options(unique=False, max_iterations=limit))
    on, solution = long_time_state(generator, entries(empty), Options(unique=False))
    assert 10 < solution.iterations <= 1000
    expected = qn.steady_state(equation).rho
    assert abs(on.sectors.unpack(solution.value[0]) - expected.full()).max() < 1e-9
