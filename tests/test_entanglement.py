"""Entanglement of two-mode Gaussian states whose entanglement is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qnet_qutip import analytic, entanglement, two_node

EPS = float(np.finfo(float).eps)
FORM = np.kron(np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]]))

FUNCTIONS: list[Callable[..., object]] = [
    entanglement.symplectic_eigenvalues,
    entanglement.partially_transposed_symplectic_eigenvalues,
    entanglement.is_separable,
    entanglement.logarithmic_negativity,
]


def squeezed(r: float, n_A: float = 0.0, n_B: float = 0.0) -> NDArray[np.float64]:
    """Two-mode squeezing by r of thermal oscillators."""
    cosh, sinh, Z = np.cosh(r) * np.eye(2), np.sinh(r) * np.eye(2), np.diag([1.0, -1.0])
    squeezing = np.block([[cosh, sinh @ Z], [sinh @ Z, cosh]])
    thermal = np.diag([n_A + 0.5, n_A + 0.5, n_B + 0.5, n_B + 0.5])
    return np.asarray(squeezing @ thermal @ squeezing.T)


def beam_splitter(angle: float) -> NDArray[np.float64]:
    """The rotation of eq. (10), on (x_A, p_A, x_B, p_B)."""
    return np.kron(np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]), np.eye(2))


def rounding(covariance: NDArray[np.float64]) -> float:
    """Error of a symplectic eigenvalue: some units in the last place of the matrix norm."""
    return 100 * EPS * float(np.linalg.norm(covariance, 2))


@pytest.mark.parametrize("r", [0.01, 0.5, 1.0, 3.0])
def test_two_mode_squeezed_vacuum(r: float) -> None:
    covariance = squeezed(r)
    error = rounding(covariance)
    # V = ½SSᵀ: an error of the matrix moves its symplectic eigenvalues by ‖S‖² = 2‖V‖ times itself.
    moved = 2 * float(np.linalg.norm(covariance, 2)) * error
    assert entanglement.symplectic_eigenvalues(covariance) == pytest.approx([0.5, 0.5], abs=moved)
    # The partially transposed matrix is diagonalised by a rotation, which moves nothing further.
    transposed = entanglement.partially_transposed_symplectic_eigenvalues(covariance)
    assert transposed == pytest.approx([np.exp(-2 * r) / 2, np.exp(2 * r) / 2], abs=error)
    assert not entanglement.is_separable(covariance)
    # -ln 2ν turns the error of ν into its relative error.
    assert entanglement.logarithmic_negativity(covariance) == pytest.approx(2 * r, abs=error / transposed[0])


def test_squeezed_thermal_state_becomes_entangled_where_it_is_known_to() -> None:
    """Squeezing by r of two oscillators with n excitations each entangles them if (2n + 1)e^(-2r) < 1."""
    n = 0.75
    threshold = np.log(2 * n + 1) / 2
    assert entanglement.is_separable(squeezed(threshold - 1e-6, n, n))
    assert not entanglement.is_separable(squeezed(threshold + 1e-6, n, n))
    found = entanglement.logarithmic_negativity(squeezed(threshold + 0.2, n, n))
    assert found == pytest.approx(0.4, abs=1e-12)


@given(n_A=st.floats(0, 1e3), n_B=st.floats(0, 1e3), angle=st.floats(0, 2 * np.pi))
@settings(max_examples=200, deadline=None)
def test_passive_mixing_of_thermal_states_never_entangles(n_A: float, n_B: float, angle: float) -> None:
    mixing = beam_splitter(angle)
    covariance = mixing @ squeezed(0.0, n_A, n_B) @ mixing.T
    assert entanglement.is_separable(covariance)
    assert entanglement.logarithmic_negativity(covariance) == 0
    expected = sorted([n_A + 0.5, n_B + 0.5])
    assert entanglement.symplectic_eigenvalues(covariance) == pytest.approx(expected, abs=rounding(covariance))


@given(entries=st.lists(st.floats(-1, 1), min_size=16, max_size=16))
@settings(max_examples=200, deadline=None)
def test_symplectic_eigenvalues_are_those_of_the_definition(entries: list[float]) -> None:
    """|eigenvalues of iΩV|, for random V ≥ ½, which is physical; the same after partial transposition."""
    root = np.reshape(entries, (4, 4))
    covariance = root @ root.T + np.eye(4) / 2
    flip = np.diag([1.0, 1.0, 1.0, -1.0])
    for function, matrix in (
        (entanglement.symplectic_eigenvalues, covariance),
        (entanglement.partially_transposed_symplectic_eigenvalues, flip @ covariance @ flip),
    ):
        expected = np.sort(np.abs(np.linalg.eigvals(1j * FORM @ matrix)))[::2]
        # The matrix iΩV is not normal: its eigenvalues carry the condition number of √V, at most 6, once more.
        assert function(covariance) == pytest.approx(expected, abs=10 * rounding(covariance))
    # V ≥ ½ is a mixture of coherent states.
    assert entanglement.is_separable(covariance)


@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 1.0, 5.0])
@pytest.mark.parametrize("omega_h", [10.0, 6.0])
def test_neither_equation_entangles_the_oscillators(epsilon: float, omega_h: float) -> None:
    """The paper's claim below its covariance matrices."""
    net = two_node("oscillator", omega_h=omega_h, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=1e-4)
    for covariance in (analytic.local_covariance(net), analytic.global_covariance(net)):
        assert entanglement.is_separable(covariance)
        assert entanglement.logarithmic_negativity(covariance) == 0


def test_symplectic_eigenvalues_of_the_global_state_are_those_of_its_modes() -> None:
    net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=5, T_h=12, T_c=10, kappa=1e-4)
    covariance = analytic.global_covariance(net)
    expected = sorted(n + 0.5 for n in analytic.global_mode_occupations(net))
    assert entanglement.symplectic_eigenvalues(covariance) == pytest.approx(expected, abs=rounding(covariance))


def test_rounding_of_the_covariance_is_forgiven() -> None:
    vacuum = np.eye(4) / 2
    vacuum[0, 0] -= 1e-13
    vacuum[0, 1] += 1e-13
    assert entanglement.is_separable(vacuum)
    assert entanglement.logarithmic_negativity(vacuum) == 0


UNPHYSICAL = np.diag([0.4, 0.4, 0.5, 0.5])
ASYMMETRIC = np.eye(4) + np.diag([0.1, 0.0, 0.0], k=1)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("covariance", "error", "message"),
    [
        (UNPHYSICAL, ValueError, "uncertainty relation"),
        (-np.eye(4), ValueError, "uncertainty relation"),
        (ASYMMETRIC, ValueError, "symmetric"),
        (np.eye(3), ValueError, r"shape \(4, 4\)"),
        (np.ones((2, 4, 4)), ValueError, r"shape \(4, 4\)"),
        (np.diag([1.0, 1.0, 1.0, np.nan]), ValueError, "finite"),
        (np.diag([1.0, 1.0, 1.0, np.inf]), ValueError, "finite"),
        (np.eye(4) * 1j, TypeError, "real numbers"),
        ("vacuum", TypeError, "real numbers"),
    ],
)
def test_what_is_no_covariance_matrix_is_refused(
    function: Callable[..., object], covariance: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(covariance)


def test_squeezing_beyond_double_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="lost in rounding"):
        entanglement.logarithmic_negativity(squeezed(12.0))
