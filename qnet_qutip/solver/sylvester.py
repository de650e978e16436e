"""The Sylvester equation -i(Kρ - ρK†) = R: what a block of ρ does between the jumps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Block = NDArray[np.complex128]

WORST_CONDITION = 1e4
"""Beyond this condition of K's eigenvectors, near an exceptional point, its Schur form takes their place."""

UNDAMPED = 1e-12
"""Fraction of the largest rate below which a rate counts as zero."""


def sylvester(effective: Block, scale: float) -> Callable[[Block], Block]:
    """The map from R to the solution, through the eigenvectors of K.

    Parameters
    ----------
    effective : ndarray of complex, shape (n, n)
        K.
    scale : float
        Largest rate in the problem. States that nothing damps have rate zero and get this one instead: the map is
        then approximate, as a preconditioner may be.
    """
    values, vectors = np.linalg.eig(effective)
    try:
        inverse = np.linalg.inv(vectors)
        condition = float(np.linalg.norm(vectors, 1) * np.linalg.norm(inverse, 1))
    except np.linalg.LinAlgError:
        condition = np.inf
    if condition > WORST_CONDITION:
        return schur_sylvester(effective - 0.5j * UNDAMPED * scale * np.eye(len(effective)))
    rates = -1j * (values[:, None] - values.conj()[None, :])
    rates[np.abs(rates) < UNDAMPED * scale] = -scale
    vectors_adjoint, inverse_adjoint = vectors.conj().T.copy(), inverse.conj().T.copy()

    def solve(right_hand_side: Block) -> Block:
        solution: Block = vectors @ ((inverse @ right_hand_side @ inverse_adjoint) / rates) @ vectors_adjoint
        return solution

    return solve


def schur_sylvester(effective: Block) -> Callable[[Block], Block]:
    """The map from R to the solution, through the Schur form of K: slower, and always stable."""
    triangle, unitary = scipy.linalg.schur(-1j * effective, output="complex")
    adjoint = unitary.conj().T.copy()
    (trsyl,) = scipy.linalg.get_lapack_funcs(("trsyl",), (triangle,))

    def solve(right_hand_side: Block) -> Block:
        transformed, factor, _ = trsyl(triangle, triangle, adjoint @ right_hand_side @ unitary, tranb="C")
        solution: Block = unitary @ (transformed / factor) @ adjoint
        return solution

    return solve
