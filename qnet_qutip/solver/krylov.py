"""GMRES (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 856 (1986)), which also tells how well the equation is posed.

SciPy's gives neither the Hessenberg matrix nor a say in when to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qnet_qutip.solver.generator import Real

MOST_OF_IT = 0.1
"""A projection that leaves less than this of a vector is made again."""


SINGULAR = 1e-13
"""Singular values of the Hessenberg matrix below this fraction of the largest are rounding: A is singular there."""


@dataclass(frozen=True, eq=False)
class Krylov:
    """A Krylov space of A with the solution found in it.

    Attributes
    ----------
    solution : ndarray, shape (n,)
    reduction : float
        Norm of what is left of the right-hand side, relative to it.
    basis : ndarray, shape (vectors + 1, n)
        Orthonormal rows v with A v_k = Σ_j hessenberg[j, k] v_j.
    hessenberg : ndarray, shape (vectors + 1, vectors)
    gave_up : bool
        Whether the progress was too slow to go on.
    """

    solution: Real
    reduction: float
    basis: Real
    hessenberg: Real
    gave_up: bool

    @property
    def vectors(self) -> int:
        """Applications of A."""
        return int(self.hessenberg.shape[1])

    def answer(self, right: Real) -> Real:
        """Approximate solution of A x = right: by Galerkin's condition within the space, and with A ≈ 1 for the rest.

        Not by least squares: what GMRES leaves is orthogonal to the images of the space, and would have no answer.
        """
        count, coordinates = self.vectors, self.basis @ right
        inside = np.linalg.lstsq(self.hessenberg[:count], coordinates[:count], rcond=None)[0]
        explained = self.hessenberg @ inside
        # What A makes of the inside solution is taken off, what it stands for put in its place.
        solution: Real = right + (np.append(inside, 0.0) - explained) @ self.basis
        return solution


def gmres(
    apply: Callable[[Real], Real],
    right: Real,
    reduction: float,
    vectors: int,
    too_slow: Callable[[list[float]], bool] = lambda reductions: False,
) -> Krylov:
    """Solve A x = right from zero.

    Parameters
    ----------
    apply : callable
        A.
    right : ndarray, shape (n,)
    reduction : float
        Relative norm of the residual to stop at.
    vectors : int
        Limit on the applications of A.
    too_slow : callable, optional
        From the reductions so far, whether to give up.
    """
    size, norm = len(right), float(np.linalg.norm(right))
    vectors = min(vectors, size)
    if norm == 0.0:
        return Krylov(np.zeros(size), 0.0, np.zeros((1, size)), np.zeros((1, 0)), gave_up=False)
    basis = np.empty((vectors + 1, size))
    basis[0] = right / norm
    hessenberg = np.zeros((vectors + 1, vectors))
    triangle, rotations = np.zeros((vectors, vectors)), np.zeros((vectors, 2))
    left = np.zeros(vectors + 1)
    left[0] = 1.0
    reductions: list[float] = []
    count, gave_up = 0, False
    while count < vectors and not gave_up and (not reductions or reductions[-1] > reduction):
        # A is close to 1: what it does beyond that is small, and keeps its digits.
        following = apply(basis[count]) - basis[count]
        hessenberg[count, count] = 1.0
        known = basis[: count + 1]
        length, before = float(np.linalg.norm(following)), np.inf
        # Where most of a vector lies in the space, the rest keeps rounding errors along it: once more.
        while length < MOST_OF_IT * before:
            overlaps = known @ following
            following -= overlaps @ known
            hessenberg[: count + 1, count] += overlaps
            length, before = float(np.linalg.norm(following)), length
        hessenberg[count + 1, count] = length
        column = hessenberg[: count + 2, count].copy()
        for row, (cosine, sine) in enumerate(rotations[:count]):
            column[row], column[row + 1] = (
                cosine * column[row] + sine * column[row + 1],
                cosine * column[row + 1] - sine * column[row],
            )
        radius = float(np.hypot(column[count], column[count + 1]))
        cosine, sine = (column[count] / radius, column[count + 1] / radius) if radius else (1.0, 0.0)
        rotations[count] = cosine, sine
        triangle[:count, count], triangle[count, count] = column[:count], radius
        left[count], left[count + 1] = cosine * left[count], -sine * left[count]
        count += 1
        reductions.append(abs(float(left[count])))
        closed = length <= 1e-14 * float(np.linalg.norm(hessenberg[:count, count - 1]))
        basis[count] = 0.0 if closed else following / length
        if closed:
            break
        gave_up = reductions[-1] > reduction and too_slow(reductions)
    weights = np.linalg.lstsq(triangle[:count, :count], left[:count], rcond=SINGULAR)[0]
    solution = weights @ basis[:count]
    # Of a singular A the rotations know what is left only if nothing was cut off from the weights.
    remainder = -hessenberg[: count + 1, :count] @ weights
    remainder[0] += 1.0
    return Krylov(
        norm * solution,
        float(np.linalg.norm(remainder)),
        basis[: count + 1],
        hessenberg[: count + 1, :count],
        gave_up=gave_up,
    )
