"""Covariance of the quadratures of any state, against its definition with dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import qutip
from numpy.typing import NDArray

import qnet_qutip as qn
from qnet_qutip.correlations import correlation_matrix, covariance_matrix

EPS = float(np.finfo(float).eps)
LEVELS = 7
"""Of an oscillator; the states here leave its three highest empty, so that its commutator is 1 on them."""

KINDS = {"oscillator": (qn.Oscillator, LEVELS), "two-level": (qn.TwoLevel, 2)}


def equation_of(kinds: tuple[str, str]) -> qn.MasterEquation:
    A, B = (KINDS[kind][0] for kind in kinds)
    bath = qn.Bath("A", 1.0, qn.PhononSpectrum(1e-3))
    net = qn.Network({"A": A(4.0), "B": B(3.0)}, {("A", "B"): 0.5}, {"bath": bath})
    cut = {"levels": LEVELS, "rtol": 1e9} if "oscillator" in kinds else {}
    return qn.local_master_equation(net, **cut)


def literal_covariance(kinds: tuple[str, str], rho: NDArray[np.complex128]) -> NDArray[np.float64]:
    """V_ij = ½⟨ξ_iξ_j + ξ_jξ_i⟩ - ⟨ξ_i⟩⟨ξ_j⟩ with x = (a + a†)/√2 and p = i(a† - a)/√2."""
    sizes = [KINDS[kind][1] for kind in kinds]
    lowering = [np.diag(np.sqrt(np.arange(1.0, size)), 1) for size in sizes]
    nodes = [np.kron(lowering[0], np.eye(sizes[1])), np.kron(np.eye(sizes[0]), lowering[1])]
    quadratures = [xi for a in nodes for xi in ((a + a.T) / np.sqrt(2), 1j * (a.T - a) / np.sqrt(2))]
    means = [np.trace(xi @ rho).real for xi in quadratures]
    products = [[np.trace((xi @ eta + eta @ xi) @ rho).real / 2 for eta in quadratures] for xi in quadratures]
    return np.array(products) - np.outer(means, means)


def random_state(kinds: tuple[str, str], seed: int) -> NDArray[np.complex128]:
    """With coherences between all states that are far enough from the cut."""
    random = np.random.default_rng(seed)
    shape = tuple(KINDS[kind][1] for kind in kinds)
    inside = np.ix_(*(range(size if size == 2 else size - 3) for size in shape))
    vectors = []
    for _ in range(3):
        vector = np.zeros(shape, dtype=complex)
        vector[inside] = random.normal(size=vector[inside].shape) + 1j * random.normal(size=vector[inside].shape)
        vectors.append(vector.ravel())
    rho = sum(np.outer(vector, vector.conj()) for vector in vectors)
    return np.asarray(rho / np.trace(rho))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "kinds",
    [
        ("oscillator", "oscillator"),
        ("two-level", "two-level"),
        ("oscillator", "two-level"),
        ("two-level", "oscillator"),
    ],
    ids="-".join,
)
def test_covariance_of_any_state_is_its_definition(kinds: tuple[str, str], seed: int) -> None:
    equation = equation_of(kinds)
    matrix = random_state(kinds, seed)
    found = covariance_matrix(equation.network, equation.space, qutip.Qobj(matrix, dims=equation.hamiltonian.dims))
    expected = literal_covariance(kinds, matrix)
    # Products of up to three excitations, summed over 49 states.
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * EPS)
    # The means count: without them every variance would be larger.
    assert np.abs(expected - literal_covariance(kinds, np.diag(np.diag(matrix)))).max() > 0.01


@pytest.mark.parametrize("alpha", [0.1, 0.06 + 0.08j])
def test_coherent_states_have_the_variances_of_the_vacuum(alpha: complex) -> None:
    equation = equation_of(("oscillator", "oscillator"))
    ket = qutip.tensor(
        qutip.coherent(LEVELS, alpha, method="analytic"), qutip.coherent(LEVELS, -0.5 * alpha, method="analytic")
    )
    found = covariance_matrix(equation.network, equation.space, ket.proj())
    # Products ⟨aa⟩ = α² miss what is above five of the seven levels, |α|^10/5! = 1e-12 of them.
    np.testing.assert_allclose(found, np.eye(4) / 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4, 1.3])
def test_variances_of_a_pure_two_level_node_are_the_half_less_the_squared_means(angle: float) -> None:
    equation = equation_of(("two-level", "two-level"))
    one = np.cos(angle) * qutip.basis(2, 0) + np.exp(0.7j) * np.sin(angle) * qutip.basis(2, 1)
    found = covariance_matrix(equation.network, equation.space, qutip.tensor(one, qutip.basis(2, 0)).proj())
    # ⟨a⟩ = ½ sin 2θ e^(0.7i), ⟨x⟩ = √2 Re⟨a⟩ and ⟨p⟩ = √2 Im⟨a⟩.
    x, p = np.sqrt(0.5) * np.sin(2 * angle) * np.array([np.cos(0.7), np.sin(0.7)])
    np.testing.assert_allclose(found[:2, :2], [[0.5 - x**2, -x * p], [-x * p, 0.5 - p**2]], rtol=0, atol=8 * EPS)
    np.testing.assert_allclose(found[2:, 2:], np.eye(2) / 2, rtol=0, atol=8 * EPS)
    np.testing.assert_allclose(found[:2, 2:], 0, rtol=0, atol=8 * EPS)


def test_correlation_is_the_covariance_over_both_deviations() -> None:
    covariance = literal_covariance(("oscillator", "two-level"), random_state(("oscillator", "two-level"), 5))
    expected = [[covariance[i, j] / np.sqrt(covariance[i, i] * covariance[j, j]) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(correlation_matrix(covariance), expected, rtol=4 * EPS)
