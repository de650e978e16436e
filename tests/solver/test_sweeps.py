"""The sweeps: Sylvester equations, and what they are exact for."""

import numpy as np
import pytest
import qutip

from qnet_qutip.solver import sweeps
from qnet_qutip.solver.generator import build_generator, entries
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.superoperator import on_sectors
from qnet_qutip.solver.sweeps import Sweeps, schur_sylvester, sylvester


@pytest.mark.parametrize("solver", [lambda k: sylvester(k, 1.0), schur_sylvester])
def test_sylvester(solver):
    generator = np.random.default_rng(3)
    hermitian = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    effective = hermitian + hermitian.conj().T - 1j * np.diag(generator.uniform(0.1, 1.0, 5))
    source = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    rho = solver(effective)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    assert np.abs(image - source).max() < 1e-12 * np.abs(source).max()


def test_sylvester_at_an_exceptional_point():
    """Two nodes whose damping differs by 4ε have one eigenvector only; the Schur form takes over."""
    effective = np.array([[1.0 - 1.0j, 0.5], [0.5, 1.0]], dtype=complex)
    assert np.abs(np.linalg.eigvals(effective)[0] - np.linalg.eigvals(effective)[1]) < 1e-6
    source = np.array([[1.0, 0.3j], [-0.3j, 2.0]])
    rho = sylvester(effective, 1.0)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    # The form adds a loss of 1e-12 of the scale, which this point amplifies by its square.
    assert np.abs(image - source).max() < 1e-10


# ---------------------------------------------------------------- losses that come back


def all_losses(generator, sectors, rank):
    """K with every loss."""
    return generator.effective


def left_of(generator, state, inverse):
    """What an approximate inverse of L leaves of a state of zero trace, up to a multiple of the steady state."""
    diagonal = generator.sectors.diagonal
    steady = secular_equation(generator).steady_state
    answer = inverse(generator(state))
    answer = answer - answer[diagonal].sum() * steady
    return np.linalg.norm(answer - state) / np.linalg.norm(state)


def sweep(generator):
    """The sweep alone, without the secular equation for the populations."""
    return Sweeps(generator, secular_equation(generator))._down_and_up


@pytest.mark.parametrize("seed", range(4))
def test_sweeps_invert_a_birth_death_chain(seed, monkeypatch):
    """Elimination from the top: what a state loses upwards comes back, and its pivot is the loss downwards."""
    states = 9
    random = np.random.default_rng(seed)
    jumps = []
    for state in range(states - 1):
        down = random.uniform(0.1, 10.0)
        # The sweep begins with the state that is least populated, which is to be the top.
        up = down * random.uniform(0.01, 0.9)
        jumps += [np.sqrt(down) * qutip.projection(states, state, state + 1)]
        jumps += [np.sqrt(up) * qutip.projection(states, state + 1, state)]
    generator = on_sectors(build_generator(qutip.num(states), {"bath": jumps}))
    assert generator.sectors.classical
    change = random.normal(size=states)
    change -= change.mean()
    assert left_of(generator, change, sweep(generator)) < 1e-12
    monkeypatch.setattr(sweeps, "_returning_effective", all_losses)
    assert left_of(generator, change, sweep(generator)) > 0.1


@pytest.mark.parametrize("ratio", [0.4, 0.1, 1e-2])
@pytest.mark.parametrize("slowness", [1e-2, 1e-4])
def test_sweeps_do_not_take_fast_jumps_for_losses_of_far_coherences(ratio, slowness, monkeypatch):
    """A coherence of two undamped nodes, slowly rotating beside a third that exchanges fast with its bath.

    The sweep misses the part of the rotation that passes while that node is excited, r = e^{-ω/T} of it, however slow
    it is. With losses that come back it would take the coherence to be damped at the rate at which the bath excites
    the node, and correct next to nothing of it.
    """
    detuning = slowness * ratio
    hot, middle, far = (
        qutip.tensor([qutip.destroy(2) if site == own else qutip.qeye(2) for site in range(3)]) for own in range(3)
    )
    hamiltonian = 5.0 * (hot.dag() * hot + middle.dag() * middle + far.dag() * far) + detuning * far.dag() * far
    for one, other, share in ((hot, middle, 0.1), (middle, far, 1e-3)):
        hamiltonian += share * detuning * (one.dag() * other + other.dag() * one)
    generator = on_sectors(build_generator(hamiltonian, {"hot": [hot, np.sqrt(ratio) * hot.dag()]}))
    thermal = qutip.qdiags(np.array([1.0, ratio]) / (1.0 + ratio), 0)
    coherence = qutip.tensor(thermal, (1.0 + 0.5j) * qutip.tensor(qutip.destroy(2), qutip.create(2)))
    state = generator.sectors.pack(entries(coherence + coherence.dag()))
    slow = np.linalg.norm(generator(state)) / np.linalg.norm(state)
    assert slow < 2 * detuning
    inverse = Sweeps(generator, secular_equation(generator))
    # A thousandth of the detuning, the coupling makes part of the coherence a conserved difference of populations.
    assert left_of(generator, state, inverse) < 1.05 * ratio + 1e-3
    monkeypatch.setattr(sweeps, "_returning_effective", all_losses)
    assert left_of(generator, state, Sweeps(generator, secular_equation(generator))) > 0.99


@pytest.mark.parametrize("decay", [0.3, 1e-3])
def test_sweeps_with_a_decay_invert_a_single_sector_without_jumps(decay):
    """What is left is a Sylvester equation, the decay half on either side."""
    hamiltonian = qutip.rand_herm(5, density=1.0, seed=1)
    generator = on_sectors(build_generator(hamiltonian, {"none": []}), decay=decay)
    change = np.random.default_rng(2).normal(size=generator.sectors.unknowns)
    answer = sweep(generator)(generator(change))
    assert np.linalg.norm(answer - change) < 1e-10 * np.linalg.norm(change)
