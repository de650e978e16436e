"""The sectors that are found, and the real form of what lies within them."""

import numpy as np
import pytest
import qutip
from problems import fig3

from qnet_qutip.solver import sectors
from qnet_qutip.solver.generator import build_generator, entries, sparse_matrix
from qnet_qutip.solver.sectors import find_sectors, hermitian, real_form, rotated


@pytest.mark.parametrize("imaginary", [0.0, 1.0])
def test_real_form_of_a_hermitian_matrix(imaginary):
    random = np.random.default_rng(6)
    matrices = random.normal(size=(2, 5, 5)) + 1j * random.normal(size=(2, 5, 5))
    first, second = (matrix + matrix.conj().T for matrix in matrices)
    assert np.abs(hermitian(real_form(first)) - first).max() < 1e-15 * np.abs(first).max()
    assert (real_form(first) * real_form(second)).sum() == pytest.approx(np.trace(first @ second).real, rel=1e-13)
    vectors = random.normal(size=(5, 5)) + (imaginary * 1j * random.normal(size=(5, 5)) if imaginary else 0.0)
    image = hermitian(rotated(vectors, real_form(first)))
    assert np.abs(image - vectors @ first @ vectors.conj().T).max() < 1e-13 * np.abs(image).max()


def test_sectors_of_the_networks_are_the_total_excitations():
    equation = fig3({"A": 3, "B": 5})
    sectors = find_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    totals = equation.space.occupations.sum(axis=1)
    found = {frozenset(sectors.order[sectors.spans[k]]) for k in range(len(sectors.sizes))}
    assert found == {frozenset(np.flatnonzero(totals == total)) for total in range(7)}


def test_sectors_hold_the_coherences_of_a_state():
    equation = fig3(3)
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    state = (qutip.basis([3, 3], [0, 0]) + qutip.basis([3, 3], [1, 0])).unit().proj()
    sectors = find_sectors(generator, entries(state))
    assert abs(sectors.unpack(sectors.pack(entries(state))) - sparse_matrix(state)).max() == 0
    # A jump takes the coherence of 0 and 1 excitations to that of 1 and 2: in the end all is one sector.
    assert len(sectors.sizes) == 1


def test_parity_is_all_that_a_position_coupling_conserves():
    a = qutip.destroy(6)
    sectors = find_sectors(build_generator(qutip.num(6), {"bath": [a + a.dag()]}))
    assert sorted(sectors.sizes) == [3, 3]


@pytest.mark.parametrize("limit", [1, 12, 1 << 15])
def test_groups_hold_every_block_once_and_stacks_those_of_one_size(limit, monkeypatch):
    monkeypatch.setattr(sectors, "GROUP", limit)
    monkeypatch.setattr(sectors, "UNSORTED", 0)
    equation = fig3({"A": 3, "B": 5})
    found = find_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    assert found.sizes.tolist() == [3, 3, 3, 2, 2, 1, 1]
    flat = np.arange(found.unknowns)
    stacks = [stack for group in found.groups for stack in group.stacks(flat[group.unknowns])]
    blocks = [block for stack in stacks for block in stack]
    for block, expected in zip(blocks, found.blocks(flat), strict=True):
        np.testing.assert_array_equal(block, expected)
    diagonal = [flat[group.unknowns][group.diagonal] for group in found.groups]
    np.testing.assert_array_equal(np.concatenate(diagonal), found.diagonal)
    of_states = np.arange(len(found.order))
    by_stack = [own for group in found.groups for own in group.by_stack(of_states[group.states])]
    assert [own.shape for own in by_stack] == [stack.shape[:2] for stack in stacks]
    assert len(stacks) == {1: 7, 12: 5, 1 << 15: 3}[limit]
    assert all(group.unknowns.stop - group.unknowns.start <= max(limit, 9) for group in found.groups)
