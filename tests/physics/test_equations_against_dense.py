"""Every master equation of random networks against the superoperators that `dense` builds from their definitions."""

from __future__ import annotations

import copy
import pickle

import dense
import numpy as np
import pytest
import qutip

import qnet_qutip as qn

TOLERANCE = 1e-9
MARGIN = 2e-8
"""Of a cluster's bounds, which are reported to 1e-9 of the highest frequency."""
NAMES = "ABCD"
KINDS = {qn.Swap: "swap", qn.Quadrature: "xx", qn.Dispersive: "dispersive"}


def density(spectrum):
    return lambda omega: float(spectrum.density(omega))


def in_arrays(net, levels=None):
    """H_0, H and the baths of a network as `dense` takes them."""
    nodes = {
        name: (node.frequency, 2)
        if isinstance(node, qn.TwoLevel)
        else (node.frequency, levels[name], node.anharmonicity)
        for name, node in net.nodes.items()
    }
    terms = []
    for (first, second), coupling in net.couplings.items():
        for term in coupling if isinstance(coupling, tuple) else (coupling,):
            if isinstance(term, float):
                term = qn.Swap(term)
            terms.append((first, second, KINDS[type(term)], term.strength))
    a = dense.ladders(nodes)
    bare = dense.bare_hamiltonian(nodes, a)
    baths = {
        name: (a[bath.node], bath.temperature, density(bath.spectrum), bath.coupling)
        for name, bath in net.baths.items()
    }
    return bare, bare + dense.coupling_hamiltonian(terms, a), baths


def options_of(equation, bare, hamiltonian, baths):
    """What `dense` must be told of the choices that an equation reports."""
    if equation.name == "local":
        return {"bare": bare}
    if equation.name == "partial_secular":
        return {"cutoff": equation.options["cutoff"]}
    if equation.name == "unified":
        frequencies = dense.bohr_frequencies(hamiltonian, baths, TOLERANCE)
        clusters = []
        for low, high, middle in equation.clusters:
            for sign in (1, -1) if high > TOLERANCE else (1,):
                members = [omega for omega in frequencies if low - MARGIN <= sign * omega <= high + MARGIN]
                if members:
                    clusters.append((sign * middle, members))
        known = [omega for _, members in clusters for omega in members]
        # A frequency that no bath drives is in no cluster; at its rate of zero it may be one by itself.
        alone = [omega for omega in frequencies if omega not in known]
        return {"clusters": clusters + [(omega, [omega]) for omega in alone]}
    return {}


def literal(equation, bare, hamiltonian, baths, shift_breaks=None):
    """Energies, dissipators, L, and eigenvectors of H, in its eigenbasis."""
    options = options_of(equation, bare, hamiltonian, baths)
    energies, basis, dissipators, shifts = dense.build(
        equation.name, hamiltonian, baths, tolerance=TOLERANCE, shift_breaks=shift_breaks, **options
    )
    return energies, dissipators, dense.liouvillian(energies, dissipators, shifts), basis


def assert_currents_are_those(state, energies, dissipators, liouvillian, flows):
    """Within 1e-10, and what the reference's own double precision leaves of the flows that each bath exchanges."""
    rho = dense.steady_state(liouvillian)
    for bath, current in dense.heat_currents(energies, dissipators, rho).items():
        exchanged = np.abs(dissipators[bath]).max() * np.ptp(energies)
        assert state.heat_currents[bath] == pytest.approx(
            current, abs=1e-10 * max(abs(current), 0.01 * flows[bath]) + 100 * np.finfo(float).eps * exchanged, rel=0
        )


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
def test_own_hamiltonians_with_bohr_frequency_zero(name, seed):
    """Rounding tells two equal levels apart by 1e-16 of either sign; their rate is the limit at zero."""
    matrix, couplings = of_operators(seed)
    spectra = qn.OhmicSpectrum(0.002, cutoff=8.0), qn.DrudeLorentzSpectrum(0.003, gamma=2.0)
    equation = qn.MASTER_EQUATIONS[name](
        qutip.Qobj(matrix),
        {
            bath: qn.OperatorBath(qutip.Qobj(coupling), T, spectrum)
            for bath, coupling, T, spectrum in zip(("hot", "cold"), couplings, (3.0, 1.0), spectra, strict=True)
        },
    )
    baths = {
        bath: (coupling, T, density(spectrum), "full")
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


def random_network(seed, nodes=3):
    """A chain, ring or star of two-level nodes with swaps, x-x and dispersive couplings, and two or three baths."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(2, nodes + 1))
    members = [qn.TwoLevel(frequency) for frequency in ([3.0] * number if seed % 4 == 0 else rng.uniform(2, 6, number))]

    def coupling():
        strength = float(rng.uniform(0.05, 0.3))
        return [strength, qn.Quadrature(-strength), (strength, qn.Dispersive(0.1)), (strength, qn.Quadrature(0.05))][
            rng.integers(4)
        ]

    def spectrum():
        rate = float(10 ** rng.uniform(-4, -2))
        return [qn.PhononSpectrum(rate / 50), qn.OhmicSpectrum(rate, cutoff=8.0), qn.DrudeLorentzSpectrum(rate, 2.0)][
            rng.integers(3)
        ]

    places = [0, number - 1, int(rng.integers(number))][: rng.integers(2, 4)]
    baths = {
        f"bath {index}": qn.Bath(
            NAMES[place],
            # Every fifth network has a bath at zero temperature.
            0.0 if seed % 5 == 0 and index == 0 else float(rng.uniform(0.5, 8)),
            spectrum(),
            coupling=["rotating-wave", "full"][(seed + index * (seed % 3 == 0)) % 2],
        )
        for index, place in enumerate(places)
    }
    form = [qn.chain, qn.star, qn.ring if number > 2 else qn.chain][rng.integers(3)]
    links = number if form is qn.ring else number - 1
    return form(members, [coupling() for _ in range(links)], **baths)


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
