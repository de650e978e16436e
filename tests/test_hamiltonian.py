"""The Hamiltonian of networks against Kronecker products, and as exact blocks of larger spaces."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from problems import space_of

import qnet_qutip as qn
from qnet_qutip.hamiltonian import bare_hamiltonian, network_hamiltonian
from qnet_qutip.network import coupling_terms
from qnet_qutip.space import Space, mode_space
from qnet_qutip.truncation import Truncation

EPS = np.finfo(float).eps
MORE = 3


def by_kronecker_products(net: qn.Network, levels: dict[str, int], couplings: bool = True) -> NDArray[np.float64]:
    """H as it is written in the docstrings of nodes and couplings, in so many levels of each node."""

    def on(name: str, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return functools.reduce(np.kron, [matrix if other == name else np.eye(levels[other]) for other in net.nodes])

    lowering = {name: on(name, np.diag(np.sqrt(np.arange(1.0, levels[name])), 1)) for name in net.nodes}
    total = np.zeros((int(np.prod(list(levels.values()))),) * 2)
    for name, node in net.nodes.items():
        n = np.arange(float(levels[name]))
        total += on(name, np.diag(node.frequency * n + getattr(node, "anharmonicity", 0.0) / 2 * n * (n - 1)))
    for first, second, term in coupling_terms(net) if couplings else ():
        a, b = lowering[first], lowering[second]
        if isinstance(term, qn.Swap):
            total += term.strength * (a.T @ b + a @ b.T)
        elif isinstance(term, qn.Quadrature):
            total += term.strength * (a + a.T) @ (b + b.T)
        else:
            total += term.strength * a.T @ a @ b.T @ b
    return total


def block(net: qn.Network, space: Space, couplings: bool = True) -> NDArray[np.float64]:
    """What a space keeps of H in one with more levels, by the occupations of its basis states."""
    levels = {name: space.levels[name] + MORE * isinstance(node, qn.Oscillator) for name, node in net.nodes.items()}
    kept = np.ravel_multi_index(tuple(space.occupations.T), tuple(levels.values()))
    return by_kronecker_products(net, levels, couplings)[np.ix_(kept, kept)]


@st.composite
def networks(draw: Callable[..., Any]) -> qn.Network:
    number = st.floats(-2, 2)
    nodes = {}
    for name in "ABC"[: draw(st.integers(1, 3))]:
        frequency = draw(st.floats(0.1, 9))
        two_level = draw(st.booleans())
        nodes[name] = qn.TwoLevel(frequency) if two_level else qn.Oscillator(frequency, draw(st.floats(0, 2)))
    couplings = {}
    for names in itertools.combinations(nodes, 2):
        kinds = draw(st.lists(st.sampled_from([float, qn.Swap, qn.Quadrature, qn.Dispersive]), unique=True))
        if {float, qn.Swap} <= set(kinds):
            kinds.remove(float)
        if kinds:
            couplings[names] = tuple(kind(draw(number)) for kind in kinds)
    return qn.Network(nodes, couplings, {})


@settings(max_examples=100, deadline=None)
@given(net=networks(), cut=st.integers(1, 3), by_excitations=st.booleans())
def test_hamiltonian_is_the_block_that_a_space_keeps(net: qn.Network, cut: int, by_excitations: bool) -> None:
    """Also in the top shell, where an order of factors that raises first would miss what it hops through."""
    if all(isinstance(node, qn.TwoLevel) for node in net.nodes.values()):
        space = space_of(net)
    else:
        space = space_of(net, max_excitations=cut) if by_excitations else space_of(net, levels=cut + 1)
    for build, couplings in ((network_hamiltonian, True), (bare_hamiltonian, False)):
        hamiltonian, expected = build(net, space.lowering), block(net, space, couplings)
        # Products of four entries, some of them summed.
        np.testing.assert_allclose(hamiltonian.full(), expected, rtol=0, atol=16 * EPS * np.abs(expected).max())
        assert hamiltonian.isherm
        assert isinstance(hamiltonian.data, qutip.data.CSR)
        assert hamiltonian.dims == space.lowering["A"].dims


def test_hamiltonian_is_exact_in_a_space_of_modes() -> None:
    """Beyond what networks with modes have: each product is exact in modes too, where 1 - [a, a†] is not diagonal."""
    net = qn.chain([qn.Oscillator(5, 0.3), qn.Oscillator(3)], (0.4, qn.Quadrature(0.7), qn.Dispersive(0.9)))
    modes = qn.normal_modes(qn.chain([qn.Oscillator(5), qn.Oscillator(3)], 0.4))

    def cut(levels: dict[str, int]) -> Truncation:
        return Truncation(levels, tuple(levels), basis="modes")

    small, large = ({"+": 4, "-": 5}, {"+": 4 + MORE, "-": 5 + MORE})
    kept = np.ravel_multi_index(np.indices(tuple(small.values())).reshape(2, -1), tuple(large.values()))
    found = network_hamiltonian(net, mode_space(cut(small), modes).lowering).full()
    expected = network_hamiltonian(net, mode_space(cut(large), modes).lowering).full()[np.ix_(kept, kept)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=64 * EPS * np.abs(expected).max())
    np.testing.assert_allclose(found, found.conj().T, rtol=0, atol=4 * EPS * np.abs(expected).max())


def test_top_shell_couples_by_hops_but_not_beyond_the_cut() -> None:
    net = qn.chain([qn.Oscillator(5), qn.Oscillator(3)], qn.Quadrature(0.5))
    space = space_of(net, max_excitations=2)
    states = {tuple(state): index for index, state in enumerate(space.occupations.tolist())}
    matrix = network_hamiltonian(net, space.lowering).full()
    assert matrix[states[2, 0], states[1, 1]] == pytest.approx(0.5 * 2**0.5)
    assert matrix[states[1, 1], states[0, 0]] == pytest.approx(0.5)
    assert matrix[states[2, 0], states[2, 0]] == pytest.approx(10)


@pytest.mark.parametrize("kind", [qn.Swap, qn.Quadrature, qn.Dispersive])
def test_weak_couplings_are_kept(kind: type) -> None:
    """QuTiP drops entries below 1e-14 unless told otherwise; its setting is as before afterwards."""
    net = qn.chain([qn.TwoLevel(5e-15), qn.TwoLevel(3e-15)], kind(1e-16))
    before = qutip.settings.core["auto_tidyup"]
    hamiltonian = network_hamiltonian(net, space_of(net).lowering)
    assert qutip.settings.core["auto_tidyup"] is before is True
    np.testing.assert_allclose(hamiltonian.full(), by_kronecker_products(net, {"A": 2, "B": 2}), rtol=4 * EPS)


def test_operators_may_be_stored_in_any_way() -> None:
    net = qn.chain([qn.Oscillator(5, 0.2), qn.Oscillator(3)], (0.1, qn.Quadrature(0.2), qn.Dispersive(0.3)))
    space = space_of(net, levels=4)
    expected = network_hamiltonian(net, space.lowering)
    for kind in ("Dense", "Dia", "CSR"):
        found = network_hamiltonian(net, {name: a.to(kind) for name, a in space.lowering.items()})
        assert isinstance(found.data, qutip.data.CSR)
        assert (found - expected).norm("max") <= 8 * EPS * expected.norm("max")


def test_dispersive_two_level_nodes_are_an_ising_coupling() -> None:
    net = qn.chain([qn.TwoLevel(5), qn.TwoLevel(3)], qn.Dispersive(0.4))
    z = qutip.sigmaz()
    one = qutip.qeye(2)
    # |0⟩ is the ground state here: a†a = (1 - σ_z)/2 with QuTiP's σ_z.
    expected = (
        -(5.2 / 2) * qutip.tensor(z, one) - (3.2 / 2) * qutip.tensor(one, z) + 0.1 * qutip.tensor(z, z) + 8.3 / 2 - 0.05
    )
    difference = network_hamiltonian(net, space_of(net).lowering) - expected
    assert (difference - difference.tr() / 4).norm("max") < 1e-14


def test_an_anharmonic_oscillator_has_a_transition_frequency_for_each_level() -> None:
    net = qn.chain([qn.Oscillator(5, anharmonicity=0.2)], 0.0)
    energies = network_hamiltonian(net, space_of(net, levels=5).lowering).full().diagonal().real
    np.testing.assert_allclose(np.diff(energies), [5, 5.2, 5.4, 5.6], rtol=1e-14)
