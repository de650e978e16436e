"""Occupations, covariance matrix and correlation functions of the nodes' quadratures, appendix and eq. (17).

Convention: x = (a + a†)/√2 and p = i(a† - a)/√2, in the order (x_A, p_A, x_B, p_B, ...), so that the vacuum of an
oscillator has variance ½. The same definitions serve two-level nodes, whose x² and p² are always ½.
"""

from __future__ import annotations

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip.network import Network, Oscillator
from qnet_qutip.solver.generator import sparse_matrix
from qnet_qutip.space import Space

Matrix = NDArray[np.float64]


def _expectation(operator: sp.csr_array, rho: sp.csr_array) -> complex:
    return complex(operator.T.multiply(rho).sum())


def occupations(space: Space, rho: qutip.Qobj) -> dict[str, float]:
    """⟨a†a⟩ of every node.

    Parameters
    ----------
    space : Space
    rho : Qobj
        State in that space.

    Returns
    -------
    dict of str to float
    """
    state = sparse_matrix(rho)
    lowering = {name: sparse_matrix(operator) for name, operator in space.lowering.items()}
    return {name: _expectation((a.conj().T @ a).tocsr(), state).real for name, a in lowering.items()}


def covariance_matrix(network: Network, space: Space, rho: qutip.Qobj) -> Matrix:
    """Covariance matrix V_ij = ½⟨{Δξ_i, Δξ_j}⟩ of the quadratures, appendix C.

    The commutator of a and a† is taken as 1, as it is without truncation.

    Parameters
    ----------
    network : Network
    space : Space
    rho : Qobj

    Returns
    -------
    ndarray, shape (2n, 2n)
        In the order (x_A, p_A, x_B, p_B, ...), read-only.
    """
    state = sparse_matrix(rho)
    lowering = [sparse_matrix(space.lowering[name]) for name in network.nodes]
    count = len(lowering)
    means = np.array([_expectation(a, state) for a in lowering])
    normal, anomalous = np.empty((count, count), dtype=complex), np.empty((count, count), dtype=complex)
    for i, a in enumerate(lowering):
        for j, b in enumerate(lowering):
            normal[i, j] = _expectation((a.conj().T @ b).tocsr(), state) - means[i].conj() * means[j]
            anomalous[i, j] = _expectation((a @ b).tocsr(), state) - means[i] * means[j]
    matrix = np.empty((2 * count, 2 * count))
    matrix[0::2, 0::2] = normal.real + anomalous.real
    matrix[1::2, 1::2] = normal.real - anomalous.real
    matrix[0::2, 1::2] = normal.imag + anomalous.imag
    matrix[1::2, 0::2] = matrix[0::2, 1::2].T
    for index, node in enumerate(network.nodes.values()):
        x, p = 2 * index, 2 * index + 1
        if isinstance(node, Oscillator):
            matrix[x, x] += 0.5
            matrix[p, p] += 0.5
        else:
            mean = np.sqrt(2.0) * means[index]
            matrix[x, x], matrix[p, p] = 0.5 - mean.real**2, 0.5 - mean.imag**2
            matrix[x, p] = matrix[p, x] = -mean.real * mean.imag
    matrix.flags.writeable = False
    return matrix


def correlation_matrix(covariance: Matrix) -> Matrix:
    """cor(ξ_i, ξ_j) = V_ij / √(V_ii V_jj), eq. (17).

    Parameters
    ----------
    covariance : ndarray, shape (2n, 2n)

    Returns
    -------
    ndarray, shape (2n, 2n)
        With ones on the diagonal, read-only.

    Examples
    --------
    >>> correlation_matrix(np.array([[2.0, 1.0], [1.0, 2.0]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    deviations = np.sqrt(np.diag(covariance))
    correlations: Matrix = covariance / np.outer(deviations, deviations)
    correlations.flags.writeable = False
    return correlations
