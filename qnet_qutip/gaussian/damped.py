"""Damped modes of many nodes: eigenvectors of K = X - ih, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.gaussian.moments import Moments

Eigenform = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Eigenvalues, eigenvectors as columns, and the inverse of their matrix."""

FEW_BATHS = 1 / 40
"""Of the nodes: pairs of operators up to which the low rank of X is made use of. At 1000 nodes with two baths that
takes a twentieth of the time of LAPACK's general eigenvalue problem."""

MOST_STEPS = 50

INVERSE_STEPS = 2

RESIDUAL = 1e-13
"""Of the largest eigenvalue: step at which they are found."""


def eigenvectors(matrix: NDArray[Any]) -> Eigenform | None:
    """By LAPACK; None if the matrix of eigenvectors is singular."""
    values, vectors = np.linalg.eig(matrix)
    try:
        return values, vectors, np.linalg.inv(vectors)
    except np.linalg.LinAlgError:
        return None


def damped_modes(moments: Moments) -> Eigenform | None:
    """Eigenvectors of K from those of h, where few baths damp the modes.

    With h = UωUᵀ and X = ABᵀ of low rank, (UᵀKU - λ)⁻¹ is that of a diagonal matrix with a correction of low rank
    (Woodbury), so that a step for every eigenvalue or eigenvector takes of the order of n² operations.

    Returns
    -------
    Eigenform or None
        None if there are many baths, X is masked, or the iteration does not lead to n different modes.
    """
    n = moments.positions.shape[-1]
    if moments.near is not None or len(moments.owners) > FEW_BATHS * n:
        return None
    omega, u = np.linalg.eigh(moments.positions.high[0])
    sign = 1.0 if moments.fermions else -1.0
    a = u.T @ np.concatenate([moments.s.high[0], moments.t.high[0]]).T
    b = u.T @ np.concatenate([moments.sigma.high[0], sign * moments.tau.high[0]]).T
    values = _eigenvalues(omega, a, b)
    if values is None:
        return None
    # One row for each mode. The eigenvectors are (diag(-iω) - λ)⁻¹ times columns of a, and of b.
    weights = 1 / np.arange(1, a.shape[1] + 1)
    right, left = (np.broadcast_to(side @ weights, (n, n)).astype(complex) for side in (a, b))
    for _ in range(INVERSE_STEPS):
        right, left = (_solved(values, omega, *pair) for pair in ((a, b, right), (b, a, left)))
    moved = -1j * omega * right + (right @ b) @ a.T
    overlap = (left * right).sum(axis=1)
    values = (left * moved).sum(axis=1) / overlap
    # r†Kr has no real part but r†Xr, which keeps the digits of widths that are 1e-20 of the frequencies.
    values = ((right.conj() @ a) * (right @ b)).sum(axis=1).real + 1j * values.imag
    if not np.isfinite(values).all():
        return None
    left = left / overlap[:, None]
    return values, (right @ u.T).T, left @ u.T


def _eigenvalues(omega: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any] | None:
    """Zeros of Π_k(-iω_k - λ) det(1 + bᵀ(diag(-iω) - λ)⁻¹a), all at once (Aberth, Math. Comp. 27, 339 (1973))."""
    n, rank = a.shape
    values: NDArray[Any] = -1j * omega + (a * b).sum(axis=1)
    products = (b[:, :, None] * a[:, None, :]).reshape(n, rank * rank)
    scale = np.abs(values).max()
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(MOST_STEPS):
            inverse = 1 / _distances(values, omega)
            small = np.eye(rank) + (inverse @ products).reshape(n, rank, rank)
            slope = ((inverse * inverse) @ products).reshape(n, rank, rank)
            try:
                logarithmic = np.trace(np.linalg.solve(small, slope), axis1=1, axis2=2) - inverse.sum(axis=1)
            except np.linalg.LinAlgError:
                return None
            others = values[:, None] - values[None, :]
            np.fill_diagonal(others, np.inf)
            step = 1 / (logarithmic - (1 / others).sum(axis=1))
            if not np.isfinite(step).all():
                return None
            values = values - step
            if np.abs(step).max() <= RESIDUAL * scale:
                return values
    return None


def _distances(values: NDArray[Any], omega: NDArray[Any]) -> NDArray[Any]:
    """-iω_l - λ_k, (k, l), never zero."""
    distances: NDArray[Any] = -1j * omega[None, :] - values[:, None]
    distances[distances == 0] = np.finfo(float).eps * max(np.abs(omega).max(), np.finfo(float).tiny)
    return distances


def _solved(
    values: NDArray[Any], omega: NDArray[Any], a: NDArray[Any], b: NDArray[Any], sides: NDArray[Any]
) -> NDArray[Any]:
    """(diag(-iω) + abᵀ - λ)⁻¹ of a row for each λ, of unit length."""
    inverse = 1 / _distances(values, omega)
    n, rank = a.shape
    small = np.eye(rank) + (inverse @ (b[:, :, None] * a[:, None, :]).reshape(n, rank * rank)).reshape(-1, rank, rank)
    scaled = sides * inverse
    found = scaled - (np.linalg.solve(small, (scaled @ b)[..., None])[..., 0] @ a.T) * inverse
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    normal: NDArray[Any] = found / lengths
    return normal
