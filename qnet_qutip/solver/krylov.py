"""GMRES (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 856 (1986)), which also tells how well the equation is posed.

A solve may go on in the space of one before, as GCRO does (de Sturler, J. Comput. Appl. Math. 67, 15 (1996)): what that
space can reach is taken off what A does, so that no slow mode is found twice. SciPy's GMRES has none of this, gives no
Hessenberg matrix and no say in when to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.sectors import cut_off

MOST_OF_IT = 0.1
"""A projection that leaves less than this of a vector is made again."""


PIECE = 1 << 16
"""Entries of vectors in single precision that are made double at once."""

SINGLE_SMALLEST = 1e-20
"""Entry of a vector of norm 1 in single precision that is zero: denormal numbers take a processor ten times as long."""

SINGULAR = 1e-13
"""Singular values of the Hessenberg matrix below this fraction of the largest are rounding: A is singular there."""


@dataclass(frozen=True, eq=False)
class Krylov:
    """A Krylov space of A with the solution found in it, beside the space that it goes on from.

    Let C be the orthonormal images that A makes of that earlier space. The new one is of (1 - CC†)A.

    Attributes
    ----------
    solution : ndarray, shape (n,)
    reduction : float
        Norm of what is left of the right-hand side, relative to it.
    basis : ndarray, shape (vectors + 1, n)
        Orthonormal rows v, orthogonal to all images c of the earlier space, with
        A v_k = Σ_j hessenberg[j, k] v_j + Σ_i couplings[i, k] c_i.
    hessenberg : ndarray, shape (vectors + 1, vectors)
    couplings : ndarray, shape (images of the earlier space, vectors)
    earlier : Krylov or None
    gave_up : bool
        Whether the progress was too slow to go on.
    """

    solution: Real
    reduction: float
    basis: Real
    hessenberg: Real
    couplings: Real
    earlier: Krylov | None
    gave_up: bool

    @property
    def vectors(self) -> int:
        """Applications of A, those of the earlier space not counted."""
        return int(self.hessenberg.shape[1])

    @property
    def rows(self) -> int:
        """Vectors in memory, those of the earlier space included."""
        return len(self.basis) + (self.earlier.rows if self.earlier is not None else 0)

    @cached_property
    def _factors(self) -> tuple[Real, Real]:
        """Q and R of the Hessenberg matrix: the images are Q†·basis, each the image of a combination R⁻¹ of the v."""
        orthonormal, triangle = np.linalg.qr(self.hessenberg)
        return orthonormal, triangle

    def without_images(self, right: Real) -> tuple[Real, Real]:
        """Coordinates of a vector along the images, those of the earlier space first, and what they leave of it."""
        of_earlier: Real = np.empty(0)
        if self.earlier is not None:
            of_earlier, right = self.earlier.without_images(right)
        orthonormal = self._factors[0]
        own = orthonormal.T @ (self.basis @ right)
        return np.concatenate([of_earlier, own]), right - (orthonormal @ own) @ self.basis

    def source(self, coordinates: Real) -> Real:
        """What A makes a combination of the images of."""
        of_earlier, own = np.split(coordinates, [len(coordinates) - self.vectors])
        weights = np.linalg.lstsq(self._factors[1], own, rcond=SINGULAR)[0]
        source: Real = _combined(weights, self.basis[:-1])
        if self.earlier is not None:
            source += self.earlier.source(of_earlier - self.couplings @ weights)
        return source

    def answer(self, right: Real) -> Real:
        """Approximate solution of A x = right: by Galerkin's condition within the space, and with A ≈ 1 for the rest.

        Not by least squares: what GMRES leaves is orthogonal to the images of the space, and would have no answer.
        """
        of_earlier: Real = np.empty(0)
        if self.earlier is not None:
            of_earlier, right = self.earlier.without_images(right)
        count, coordinates = self.vectors, self.basis @ right.astype(self.basis.dtype, copy=False)
        inside = np.linalg.lstsq(self.hessenberg[:count], coordinates[:count], rcond=None)[0]
        explained = self.hessenberg @ inside
        # What A makes of the inside solution is taken off, what it stands for put in its place.
        solution: Real = right + _combined(np.append(inside, 0.0) - explained, self.basis)
        if self.earlier is not None:
            solution += self.earlier.source(of_earlier - self.couplings @ inside)
        return solution


def _combined(weights: Real, basis: Real) -> Real:
    """Sum of vectors with weights, in double precision: what A makes of the rounding of the sum may be much larger."""
    if basis.dtype == float:
        return weights @ basis
    pieces = range(0, basis.shape[1], PIECE)
    return np.concatenate([weights @ basis[:, first : first + PIECE].astype(float) for first in pieces])


def gmres(
    apply: Callable[[Real], Real],
    right: Real,
    reduction: float,
    vectors: int,
    too_slow: Callable[[list[float]], bool] = lambda reductions: False,
    earlier: Krylov | None = None,
    *,
    single: bool = False,
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
    earlier : Krylov, optional
        A space of the same A to go on from.
    single : bool, optional
        Keep the vectors in single precision: a solution to some 1e-6 in half the memory.
    """
    size, norm = len(right), float(np.linalg.norm(right))
    vectors = min(vectors, size)
    if norm == 0.0:
        return Krylov(np.zeros(size), 0.0, np.zeros((1, size)), np.zeros((1, 0)), np.zeros((0, 0)), None, gave_up=False)
    of_earlier: Real = np.empty(0)
    if earlier is not None:
        of_earlier, right = earlier.without_images(right)
    remaining = float(np.linalg.norm(right))
    basis = np.empty((vectors + 1, size), dtype=np.float32 if single else float)
    gemv = scipy.linalg.blas.get_blas_funcs("gemv", (basis,))
    basis[0] = right / (remaining or 1.0)
    cut_off(basis[0], SINGLE_SMALLEST)
    hessenberg = np.zeros((vectors + 1, vectors))
    triangle, rotations = np.zeros((vectors, vectors)), np.zeros((vectors, 2))
    left = np.zeros(vectors + 1)
    left[0] = left_at_first = remaining / norm
    couplings = np.zeros((len(of_earlier), vectors))
    reductions: list[float] = []
    count, gave_up = 0, False
    while count < vectors and not gave_up and (not reductions or reductions[-1] > reduction):
        # A is close to 1: what it does beyond that is small, and keeps its digits.
        following = apply(basis[count].astype(float, copy=False)) - basis[count]
        if earlier is not None:
            couplings[:, count], following = earlier.without_images(following)
        following = cut_off(following.astype(basis.dtype, copy=False), SINGLE_SMALLEST)
        hessenberg[count, count] = 1.0
        known = basis[: count + 1]
        length, before = float(np.linalg.norm(following)), np.inf
        # Where most of a vector lies in the space, the rest keeps rounding errors along it: once more.
        while length < MOST_OF_IT * before:
            overlaps = known @ following
            # In place: of many unknowns a new array takes as long as the product.
            following = gemv(-1.0, known.T, overlaps, 1.0, following, overwrite_y=1)
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
        if closed:
            basis[count] = 0.0
            break
        cut_off(np.divide(following, length, out=basis[count]), SINGLE_SMALLEST)
        gave_up = reductions[-1] > reduction and too_slow(reductions)
    weights = np.linalg.lstsq(triangle[:count, :count], left[:count], rcond=SINGULAR)[0]
    couplings = couplings[:, :count]
    solution = _combined(norm * weights, basis[:count])
    if earlier is not None:
        # The images of the earlier space are met exactly, beside whatever the new vectors bring.
        solution += earlier.source(of_earlier - couplings @ (norm * weights))
    # Of a singular A the rotations know what is left only if nothing was cut off from the weights.
    remainder = -hessenberg[: count + 1, :count] @ weights
    remainder[0] += left_at_first
    return Krylov(
        solution,
        float(np.linalg.norm(remainder)),
        basis[: count + 1],
        hessenberg[: count + 1, :count],
        couplings,
        earlier,
        gave_up=gave_up,
    )
