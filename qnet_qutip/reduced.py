"""The state of one node by itself: the populations of its levels, and its Wigner function.

Conventions: x = (a + a†)/√2 and p = i(a† - a)/√2, so that the vacuum has W = e^(-x² - p²)/π and variance ½.

In a space of the nodes the other nodes are traced out. A space of normal modes, which the equations in the eigenbasis
of harmonic oscillators use, has no node as a factor; but the steady state of such a network is Gaussian with vanishing
means, so that the node's covariance matrix V, of two by two, says all:

- W(ξ) = e^(-½ ξᵀV⁻¹ξ) / (2π √det V), with ξ = (x, p).
- With the eigenvalues λ₁, λ₂ of V, the populations p_n have the generating function
  Σ p_n zⁿ = Tr[ρ z^(a†a)] = Π_j [λ_j + ½ - (λ_j - ½)z]^(-½),
  because z^(a†a) is a Gaussian operator too: its Wigner function is that of a thermal state, of variance
  (1 + z)/2(1 - z), with the trace 1/(1 - z), and the trace of a product is 2π times the overlap of the two Wigner
  functions.
"""

from __future__ import annotations

import numpy as np
import qutip
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import checks
from qnet_qutip.network import Network, Oscillator
from qnet_qutip.solver.generator import sparse_matrix
from qnet_qutip.space import Space
from qnet_qutip.state import SteadyState

Array = NDArray[np.float64]

NOT_GAUSSIAN = 1e-6
"""Relative deviation of ⟨a†a†aa⟩ from that of a Gaussian state beyond which a state is taken as none.

It allows for the error of a truncation that was chosen for currents to eight digits."""


def node_populations(state: SteadyState, node: str) -> Array:
    """Populations of a node's levels.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    node : str

    Returns
    -------
    ndarray, shape (levels,)
        ⟨n|ρ|n⟩ of the node's state, up to the last level of the space.

    Raises
    ------
    TypeError, ValueError
        If the state is not one of a network, or it has no such node, or the space is of normal modes and the state is
        not Gaussian.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> node_populations(qn.steady_state(qn.local_master_equation(net)), "A").round(6)
    array([0.697059, 0.302941])
    """
    space = checked_node(state, node)[1]
    if space.truncation.basis == "nodes":
        return np.asarray(np.diag(reduced_state(state, node)).real)
    levels = max(space.levels.values())
    series = []
    for eigenvalue in np.linalg.eigvalsh(_gaussian(state, node)):
        # (c - sz)^(-½) = c^(-½) Σ_n (½)(3/2)...(n - ½)/n! (sz/c)ⁿ
        c, s = eigenvalue + 0.5, eigenvalue - 0.5
        steps = np.arange(1, levels)
        series.append(np.concatenate([[1.0], np.cumprod((steps - 0.5) / steps * s / c)]) / np.sqrt(c))
    return np.convolve(*series)[:levels]


def wigner_function(state: SteadyState, node: str, x: ArrayLike, p: ArrayLike) -> Array:
    """Wigner function of an oscillator's own state, W(x, p), of integral 1 over x and p.

    Parameters
    ----------
    state : SteadyState
        Of a network.
    node : str
        Name of an oscillator.
    x, p : array_like, shape (X,) and (P,)
        Values of x = (a + a†)/√2 and p = i(a† - a)/√2.

    Returns
    -------
    ndarray, shape (P, X)

    Raises
    ------
    TypeError, ValueError
        As for `node_populations`, or if the node is a two-level system.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)
    >>> state = qn.steady_state(qn.global_master_equation(net))
    >>> [round(float(wigner_function(state, name, 0, 0)[0, 0]) * np.pi, 4) for name in "AB"]
    [0.9866, 0.9866]
    """
    network, space = checked_node(state, node)
    if not isinstance(network.nodes[node], Oscillator):
        raise ValueError(f"node must be an oscillator to have a Wigner function of x and p, but {node!r} is none")
    x, p = np.atleast_1d(np.asarray(x, dtype=float)), np.atleast_1d(np.asarray(p, dtype=float))
    if space.truncation.basis == "nodes":
        return np.asarray(qutip.wigner(qutip.Qobj(reduced_state(state, node)), x, p, g=np.sqrt(2)))
    covariance = _gaussian(state, node)
    inverse = np.linalg.inv(covariance)
    exponent = inverse[0, 0] * x**2 + (2 * inverse[0, 1] * x + inverse[1, 1] * p[:, None]) * p[:, None]
    return np.asarray(np.exp(-exponent / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance))))


def reduced_state(state: SteadyState, node: str) -> NDArray[np.complex128]:
    """Density matrix of a node, the others traced out, in a space of the nodes.

    Returns
    -------
    ndarray, shape (levels, levels)

    Raises
    ------
    TypeError, ValueError
        If the state is not one of a network, or it has no such node, or the space is of normal modes.
    """
    space = checked_node(state, node)[1]
    if space.truncation.basis != "nodes":
        raise ValueError("the state must be in a space of the nodes for a node's density matrix, but is one of modes")
    index, levels = list(space.levels).index(node), space.levels[node]
    rho = sparse_matrix(state.rho).tocoo()
    excitations, others = space.occupations[:, index], np.delete(space.occupations, index, axis=1)
    traced = (others[rho.row] == others[rho.col]).all(axis=1)
    reduced = np.zeros((levels, levels), dtype=complex)
    np.add.at(reduced, (excitations[rho.row[traced]], excitations[rho.col[traced]]), rho.data[traced])
    return reduced


def checked_node(state: SteadyState, node: str) -> tuple[Network, Space]:
    """The network and the space of a state that has such a node, or an error that says why there are none.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(state, SteadyState):
        raise TypeError(f"state must be a SteadyState, but is {state!r}")
    equation = state.equation
    if equation is None or equation.network is None or equation.space is None:
        raise TypeError("state must be one of a network, but is one of a Hamiltonian of one's own")
    checks.one_of("node", node, list(equation.network.nodes))
    return equation.network, equation.space


def _gaussian(state: SteadyState, node: str) -> Array:
    """Covariance matrix of a node, shape (2, 2), if its state can be the Gaussian one with that matrix."""
    network, space = checked_node(state, node)
    first = 2 * list(network.nodes).index(node)
    covariance = np.array(state.covariance[first : first + 2, first : first + 2])
    a, rho = sparse_matrix(space.lowering[node]), sparse_matrix(state.rho)
    pair = (a @ a).tocsr()
    fourth = (pair.conj().T @ pair).T.multiply(rho).sum().real
    occupation, squeezing = np.trace(covariance) / 2 - 0.5, complex(pair.T.multiply(rho).sum())
    expected = 2 * occupation**2 + abs(squeezing) ** 2
    if abs(fourth - expected) > NOT_GAUSSIAN * (1 + expected):
        raise ValueError(
            f"the state of node {node!r} must be Gaussian in a space of modes, but ⟨a†a†aa⟩ is {fourth:g} and not "
            f"{expected:g}; build the equation with basis='nodes'"
        )
    return covariance
