"""Whether a steady state is the only one, and the one that a given state evolves to."""

import numpy as np
import pytest
import qutip
from problems import chain

import qnet_qutip as qn
from qnet_qutip.solver import stages
from qnet_qutip.solver.generator import build_generator, entries
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.stationary import long_time_state, steady_state
from qnet_qutip.solver.superoperator import DENSE

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
