"""Every master equation of random networks against the superoperators that `dense` builds from their definitions."""

from __future__ import annotations

import copy
import pickle

import dense
import numpy as np
import pytest
import qutip
from dense_networks import allowed, density, in_arrays, literal, random_network

import qnet_qutip as qn
from qnet_qutip import progress

# The reference is told the clusters, be they wide or not.
pytestmark = pytest.mark.filterwarnings("ignore::qnet_qutip.ClusterWarning")


def assert_currents_are_those(state, energies, dissipators, liouvillian, flows):
    rho = dense.steady_state(liouvillian)
    for bath, current in dense.heat_currents(energies, dissipators, rho).items():
        limit = allowed(current, flows[bath], dissipators[bath], energies)
        assert state.heat_currents[bath] == pytest.approx(current, abs=limit, rel=0)


def test_weak_baths_and_weak_couplings_are_kept():
    """Operators hold entries below 1e-14, which QuTiP drops unless it is told not to."""
    net = qn.ring(
        [qn.TwoLevel(3.1), qn.TwoLevel(2.3), qn.TwoLevel(5.9)],
        [(-0.009, qn.Quadrature(-0.003)), qn.Quadrature(0.02), qn.Quadrature(0.022)],
        hot=qn.Bath("A", 7.0, qn.OhmicSpectrum(0.00018, cutoff=37.0)),
        cold=qn.Bath("C", 5.0, qn.LorentzianSpectrum(0.00005, 3.2, 1.3)),
    )
    equation = qn.redfield_master_equation(net)
    bare, hamiltonian, baths = in_arrays(net)
    energies, dissipators, liouvillian, _ = literal(equation, bare, hamiltonian, baths)
    assert_currents_are_those(qn.steady_state(equation), energies, dissipators, liouvillian, equation.one_way_flows)
    smallest = min(np.abs(filtered.data_as("csr_matrix").data).min() for _, filtered in equation.all_collapse_operators)
    assert 0 < smallest < 1e-14


@pytest.mark.parametrize("name", qn.MASTER_EQUATIONS)
def test_superoperators_keep_entries_that_qutip_would_drop(name):
    """Rates of 1e-16: all that the baths do is below the 1e-14 that QuTiP takes for nothing."""
    net = qn.two_node("two-level", omega_h=3, omega_c=2, epsilon=0.3, T_h=3, T_c=2, kappa=1e-17)
    equation = qn.MASTER_EQUATIONS[name](net)
    bare, hamiltonian, baths = in_arrays(net)
    _, dissipators, _, basis = literal(equation, bare, hamiltonian, baths)
    # `dense` stacks rows in the eigenbasis, QuTiP columns in that of the nodes.
    for bath, expected in dissipators.items():
        turned = np.kron(basis, basis.conj()) @ expected @ np.kron(basis, basis.conj()).conj().T
        order = np.arange(16).reshape(4, 4).T.ravel()
        found = equation.dissipator(bath).full()[np.ix_(order, order)]
        assert np.abs(found - turned).max() <= 1e-12 * np.abs(turned).max()
    # What is no commutator with H, to rounding of the frequencies beside it.
    lindblad = equation.liouvillian().full().real.diagonal()
    dissipated = sum(equation.dissipator(bath).full().real.diagonal() for bath in baths)
    assert np.abs(lindblad - dissipated).max() <= 1e-12 * np.abs(dissipated).max()


OWN = [name for name in qn.MASTER_EQUATIONS if name != "local"]


def of_operators(seed, levels=4, zero=True):
    """A Hamiltonian with two equal levels, and two baths on random Hermitian operators."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(levels, levels)) + 1j * rng.normal(size=(levels, levels)))[0]
    energies = rng.uniform(0.0, 5.0, levels)
    if zero:
        energies[1] = energies[0]
    hamiltonian = basis @ np.diag(energies) @ basis.conj().T
    couplings = rng.normal(size=(2, levels, levels)) + 1j * rng.normal(size=(2, levels, levels))
    hermitian = [matrix + matrix.conj().T for matrix in couplings]
    return (hamiltonian + hamiltonian.conj().T) / 2, hermitian


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["full", "rotating-wave"])
def test_own_hamiltonians_with_bohr_frequency_zero(name, seed, form):
    """Rounding tells two equal levels apart by 1e-16 of either sign; they have the limit at zero, or no rate at all."""
    matrix, couplings = of_operators(seed)
    if form == "rotating-wave":
        # Lowers the energy, leaves it, or (in one element) raises it.
        basis = np.linalg.eigh(matrix)[1]
        rotated = [np.triu(basis.conj().T @ coupling @ basis) for coupling in couplings]
        rotated[0][3, 2] = 0.3
        couplings = [basis @ member @ basis.conj().T for member in rotated]
    spectra = qn.OhmicSpectrum(0.002, cutoff=8.0), qn.DrudeLorentzSpectrum(0.003, gamma=2.0)
    equation = qn.MASTER_EQUATIONS[name](
        qutip.Qobj(matrix),
        {
            bath: qn.OperatorBath(qutip.Qobj(coupling), T, spectrum, form)
            for bath, coupling, T, spectrum in zip(("hot", "cold"), couplings, (3.0, 1.0), spectra, strict=True)
        },
    )
    baths = {
        bath: (coupling, T, density(spectrum), form)
        for bath, coupling, T, spectrum in zip(("hot", "cold"), couplings, (3.0, 1.0), spectra, strict=True)
    }
    energies, dissipators, liouvillian, _ = literal(equation, None, matrix, baths)
    state = qn.steady_state(equation)
    flows = dict.fromkeys(baths, max(map(abs, state.heat_currents.values())))
    assert_currents_are_those(state, energies, dissipators, liouvillian, flows)


def test_a_rate_without_a_limit_at_bohr_frequency_zero_is_refused():
    matrix, couplings = of_operators(0)
    bath = qn.OperatorBath(qutip.Qobj(couplings[0]), 2.0, qn.FlatSpectrum(0.01))
    for name in OWN:
        with pytest.raises(ValueError, match="rate of bath 'warm' has no limit at zero frequency"):
            qn.MASTER_EQUATIONS[name](qutip.Qobj(matrix), {"warm": bath})


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_of_two_level_nodes(seed):
    net = random_network(seed)
    bare, hamiltonian, baths = in_arrays(net)
    for name, build in qn.MASTER_EQUATIONS.items():
        equation = build(net)
        energies, dissipators, liouvillian, _ = literal(equation, bare, hamiltonian, baths)
        if dense.singular_values(liouvillian)[1] < 1e-14:
            assert not equation.unique, name
            with pytest.raises(qn.MultipleSteadyStatesError):
                qn.steady_state(equation)
            continue
        state = qn.steady_state(equation)
        assert_currents_are_those(state, energies, dissipators, liouvillian, equation.one_way_flows)


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
@pytest.mark.parametrize("name", ["global", "redfield", "partial_secular", "universal"])
def test_level_shift(name, coupling):
    spectra = qn.OhmicSpectrum(0.05, cutoff=8.0), qn.DrudeLorentzSpectrum(0.03, gamma=2.0)
    net = qn.chain(
        [qn.TwoLevel(3.0), qn.TwoLevel(2.5)],
        0.3,
        hot=qn.Bath("A", 3.0, spectra[0], coupling=coupling),
        cold=qn.Bath("B", 1.0, spectra[1], coupling=coupling),
    )
    # Wide enough to keep the two modes together.
    options = {"cutoff": 1.0} if name == "partial_secular" else {}
    equation = qn.MASTER_EQUATIONS[name](net, level_shift=True, **options)
    bare, hamiltonian, baths = in_arrays(net)
    breaks = [sign * scale for scale in (1.0, 2.0, 3.0, 8.0, 40.0) for sign in (1, -1)]
    energies, dissipators, liouvillian, _ = literal(equation, bare, hamiltonian, baths, shift_breaks=breaks)
    state, without = qn.steady_state(equation), qn.steady_state(qn.MASTER_EQUATIONS[name](net, **options))
    currents = dense.heat_currents(energies, dissipators, dense.steady_state(liouvillian))
    for bath, current in currents.items():
        # The integrals are right to 1e-9.
        assert state.heat_currents[bath] == pytest.approx(current, rel=2e-9, abs=0)
        if name != "global":
            assert abs(without.heat_currents[bath] / current - 1) > 1e-6


@pytest.mark.parametrize("name", OWN)
def test_level_shifts_show_progress(name, monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    bath = qn.Bath("A", 3.0, qn.OhmicSpectrum(0.05, cutoff=8.0))
    net = qn.chain([qn.TwoLevel(3.0), qn.TwoLevel(2.5)], 0.3, hot=bath)
    qn.MASTER_EQUATIONS[name](net, level_shift=True)
    assert "level shifts of bath 'hot': 0 of " in capsys.readouterr().err


@pytest.mark.parametrize("name", OWN)
def test_a_level_shift_without_a_cutoff_is_refused(name):
    net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    with pytest.raises(ValueError, match=r"level shift of bath 'hot' .* needs a spectral density with a cutoff"):
        qn.MASTER_EQUATIONS[name](net, level_shift=True)


@pytest.mark.parametrize("name", qn.MASTER_EQUATIONS)
def test_equations_and_states_pickle_copy_and_compare(name):
    equation = qn.MASTER_EQUATIONS[name](random_network(1))
    state = qn.steady_state(equation)
    for value in (equation, state):
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.deepcopy(value) == value
        assert copy.copy(value) == value
    other = qn.steady_state(qn.MASTER_EQUATIONS[name](random_network(2)))
    assert other != state
    assert other.equation != equation
    assert state != equation
