"""Eigenvectors of a Hamiltonian block by block."""

import itertools

import numpy as np
import pytest
import qutip
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qnet_qutip.bohr import EXTENDED_STATES, eigenbasis


@pytest.mark.parametrize("states", [1, 2, 5, 9, 33, EXTENDED_STATES + 1])
@pytest.mark.parametrize("weakest", [1.0, 1e-30])
def test_an_eigenvector_has_entries_in_one_block_only(states, weakest):
    """Blocks are what any entry joins, however small, and however long the way."""
    random = np.random.default_rng(states)
    order = random.permutation(states)
    matrix = np.diag(random.normal(size=states))
    for first, second in itertools.pairwise(order):
        if random.random() < 0.7:
            matrix[first, second] = matrix[second, first] = weakest * random.normal()
    _, labels = connected_components(sp.csr_array(np.where(matrix != 0, 1.0, 0.0)), directed=False)
    basis = eigenbasis(qutip.Qobj(sp.csr_array(matrix)))
    vectors = basis.vectors if isinstance(basis.vectors, np.ndarray) else basis.vectors.toarray()
    for column in vectors.T:
        assert len(set(labels[np.flatnonzero(column)])) == 1
    assert sorted(basis.energies) == pytest.approx(sorted(np.linalg.eigvalsh(matrix)), abs=1e-13)
    back = (vectors * basis.energies) @ vectors.conj().T
    assert np.abs(back - matrix).max() < 1e-13
    if states > 1:
        assert (np.abs(vectors).astype(bool).sum(axis=0) == np.bincount(labels)[labels]).any()
