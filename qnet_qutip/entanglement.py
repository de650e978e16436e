"""Entanglement of two oscillators in a Gaussian state, from its covariance matrix (the paper's [21]).

Conventions: order (x_A, p_A, x_B, p_B), V[i, j] = ½⟨ξ_i ξ_j + ξ_j ξ_i⟩ with vanishing means, vacuum V = ½, so that a
symplectic eigenvalue is at least ½.

The criterion is for Gaussian states of oscillators. It does not apply to two-level nodes: their covariance matrix does
not fix their state, whatever the functions here make of its numbers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# An eigenvalue of a covariance matrix V is uncertain by rounding times ‖V‖, with entries that come out of a calculation
# of their own; this factor is some thousand units in the last place.
ROUNDING = 1e-12

VACUUM = 0.5

_SYMPLECTIC_FORM = np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0]], dtype=np.float64)

# Transposing the second oscillator's part of the state changes the sign of its momentum.
_PARTIAL_TRANSPOSE = np.diag([1.0, 1.0, 1.0, -1.0])


def symplectic_eigenvalues(covariance: ArrayLike) -> Array:
    """Symplectic eigenvalues of a two-mode covariance matrix V.

    They are computed from a Hermitian matrix with an error of about the rounding error of ‖V‖; but where the state is
    squeezed, an error in the matrix given moves them by more than itself, by up to its condition number.

    Parameters
    ----------
    covariance : array_like, shape (4, 4)
        Covariance matrix in the order (x_A, p_A, x_B, p_B), vacuum ½, of two oscillators.

    Returns
    -------
    ndarray, shape (2,)
        In ascending order; at least ½ for a physical state, and exactly that for a pure one, to rounding.

    Raises
    ------
    TypeError
        If the matrix is not made of real numbers.
    ValueError
        If the shape is not (4, 4), a number is not finite, the matrix is not symmetric, or it breaks the uncertainty
        relation V + ½iΩ ≥ 0, so that no state has it.

    Examples
    --------
    Two oscillators at different temperatures:

    >>> symplectic_eigenvalues(np.diag([2.5, 2.5, 1.5, 1.5]))
    array([1.5, 2.5])
    """
    return _williamson(_checked(covariance))


def partially_transposed_symplectic_eigenvalues(covariance: ArrayLike) -> Array:
    """Symplectic eigenvalues after partial transposition, that is with the sign of p_B changed.

    Parameters, result and errors are those of `symplectic_eigenvalues`, but an eigenvalue below ½ is possible, and
    shows entanglement.

    Examples
    --------
    >>> partially_transposed_symplectic_eigenvalues(np.diag([2.5, 2.5, 1.5, 1.5]))
    array([1.5, 2.5])
    """
    return _williamson(_PARTIAL_TRANSPOSE @ _checked(covariance) @ _PARTIAL_TRANSPOSE)


def is_separable(covariance: ArrayLike) -> bool:
    """Whether a Gaussian state of two oscillators is separable: the criterion of Simon and of Duan and others.

    The state is separable if and only if both partially transposed symplectic eigenvalues are at least ½, here to
    within `ROUNDING` times the matrix norm. Not for two-level nodes, see the head of this module.

    Parameters
    ----------
    covariance : array_like, shape (4, 4)
        As for `symplectic_eigenvalues`.

    Returns
    -------
    bool

    Raises
    ------
    TypeError, ValueError
        As for `symplectic_eigenvalues`.

    Examples
    --------
    >>> is_separable(np.eye(4) / 2)
    True
    """
    matrix = _checked(covariance)
    smallest = partially_transposed_symplectic_eigenvalues(matrix)[0]
    return bool(smallest >= VACUUM - _allowance(matrix))


def logarithmic_negativity(covariance: ArrayLike) -> float:
    """Logarithmic negativity max(0, -ln 2ν) of a Gaussian state of two oscillators, in natural units.

    ν is the smaller partially transposed symplectic eigenvalue. Exactly 0 where `is_separable`. Not for two-level
    nodes, see the head of this module.

    Parameters
    ----------
    covariance : array_like, shape (4, 4)
        As for `symplectic_eigenvalues`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As for `symplectic_eigenvalues`; also if the squeezing is so strong that ν is lost in rounding.

    Examples
    --------
    >>> logarithmic_negativity(np.eye(4) / 2)
    0.0
    """
    matrix = _checked(covariance)
    if is_separable(matrix):
        return 0.0
    smallest = float(partially_transposed_symplectic_eigenvalues(matrix)[0])
    if smallest <= _allowance(matrix):
        raise ValueError(
            f"covariance must not be squeezed so strongly that its smallest partially transposed symplectic eigenvalue "
            f"is lost in rounding, but this is {smallest:g} and the matrix norm {np.linalg.norm(matrix, 2):g}"
        )
    return -math.log(smallest / VACUUM)


def _checked(covariance: ArrayLike) -> Array:
    """The covariance matrix as an array, exactly symmetric, or an error that says why no state has it."""
    given = np.asarray(covariance)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"covariance must be made of real numbers, but has the type {given.dtype}")
    if given.shape != (4, 4):
        raise ValueError(f"covariance must have the shape (4, 4), but has {given.shape}")
    if not np.all(np.isfinite(given)):
        raise ValueError("covariance must be finite, but has an entry that is not")
    asymmetry = float(np.max(np.abs(given - given.T)))
    if asymmetry > _allowance(given):
        raise ValueError(f"covariance must be symmetric, but differs from its transpose by {asymmetry:g}")
    matrix = np.asarray((given + given.T) / 2, dtype=np.float64)
    smallest = float(np.linalg.eigvalsh(matrix + 0.5j * _SYMPLECTIC_FORM)[0])
    if smallest < -_allowance(matrix):
        raise ValueError(
            "covariance must obey the uncertainty relation V + iΩ/2 >= 0 with vacuum 1/2, but that matrix has the "
            f"eigenvalue {smallest:g}"
        )
    return matrix


def _allowance(matrix: Array) -> float:
    """How far rounding may move an eigenvalue."""
    return ROUNDING * float(np.linalg.norm(matrix, 2))


def _williamson(matrix: Array) -> Array:
    """Symplectic eigenvalues of a matrix V ≥ 0: the positive ones of the Hermitian matrix i√V Ω √V.

    Those of iΩV are the same, but it is not Hermitian, and its eigenvalues lose digits for squeezed states.
    """
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return np.linalg.eigvalsh(1j * root @ _SYMPLECTIC_FORM @ root)[2:]
