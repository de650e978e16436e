"""The poles of a damped network, and its Green's function as a sum over them, with as many digits as they need.

The problem is (A - p m) x = 0 with A complex and symmetric and m diagonal of entries ±1: A is the network's matrix
with the baths' self-energies frozen at some frequency. With xᵀ m x = 1, the Green's function is
[ω m - A]⁻¹ = Σ_k x_k x_kᵀ / (ω - p_k). See DERIVATION.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qnet_qutip.exact.secular import secular_poles
from qnet_qutip.progress import progress_line

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Integers = NDArray[np.object_]

# Whole numbers in units of 2^-BITS: 2^-BITS is 1e-96, so that a component of a mode as small as 1e-40 has every digit
# of a float. Modes are refined to what is left of MIXED; a product costs the cube of the size, 1 ms for 10 nodes.
BITS = 320
MIXED = 1e-60
NOTHING = 1e-90
MOST_REFINEMENTS = 40

# A pair of modes is rotated by what mixes it over its distance where that is below this, and otherwise diagonalised
# anew, in units of its own distance: the square of it is what one rotation leaves.
LARGEST_ROTATION = 0.03

# An undamped mode and the next are one cluster where their distance is below this many of their widths: what a float's
# last digit makes of the distance is then in what they do together. Of modes further apart it only moves the resonance.
SEEN_TOGETHER = 30.0


class NoExpansionError(ArithmeticError):
    """The frozen network is at, or next to, an exceptional point: two modes have become one."""


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A complex array in units of 2^-BITS, real and imaginary part of each entry as Python's whole numbers."""

    real: Integers
    imaginary: Integers

    @property
    def transposed(self) -> FixedPoint:
        """Columns as rows."""
        return FixedPoint(self.real.T, self.imaginary.T)

    def columns(self, members: NDArray[np.int64]) -> FixedPoint:
        """Some of the columns."""
        return FixedPoint(self.real[:, members], self.imaginary[:, members])

    def __add__(self, other: FixedPoint) -> FixedPoint:
        return FixedPoint(self.real + other.real, self.imaginary + other.imaginary)

    def __sub__(self, other: FixedPoint) -> FixedPoint:
        return FixedPoint(self.real - other.real, self.imaginary - other.imaginary)

    def __mul__(self, other: FixedPoint) -> FixedPoint:
        return FixedPoint(
            (self.real * other.real - self.imaginary * other.imaginary) >> BITS,
            (self.real * other.imaginary + self.imaginary * other.real) >> BITS,
        )

    def __matmul__(self, other: FixedPoint) -> FixedPoint:
        return FixedPoint(
            (self.real @ other.real - self.imaginary @ other.imaginary) >> BITS,
            (self.real @ other.imaginary + self.imaginary @ other.real) >> BITS,
        )

    def floats(self) -> Complex:
        """The nearest floats."""
        return self.real.astype(float) * 2.0**-BITS + 1j * (self.imaginary.astype(float) * 2.0**-BITS)


def fixed_point(array: Complex | Real) -> FixedPoint:
    """Floats as they are, but for what is below 2^-BITS."""
    return FixedPoint(_whole(array.real), _whole(array.imag))


def _whole(array: Real) -> Integers:
    """Entries in units of 2^-BITS: a float is a whole number of 53 binary digits times a power of two."""
    fractions, exponents = np.frexp(array)
    digits = (fractions * 2.0**53).astype(np.int64).astype(object)
    shifts = exponents.astype(np.int64).astype(object) + (BITS - 53)
    shifted = [d << s if s >= 0 else d >> -s for d, s in zip(digits.flat, shifts.flat, strict=True)]
    result = np.empty(array.shape, dtype=object)
    result.ravel()[:] = shifted
    return result


@dataclass(frozen=True, eq=False)
class UndampedModes:
    """The network without its baths: A x = λ m x, with xᵀ m x = 1, λ ascending."""

    frequencies: Real
    vectors: Complex


def undamped_modes(matrix: Real, metric: Real) -> UndampedModes:
    """Modes of a positive definite symmetric matrix; a mode of negative frequency has imaginary components."""
    if (metric > 0).all():
        frequencies, vectors = scipy.linalg.eigh(matrix)
        return UndampedModes(frequencies, vectors.astype(complex))
    periods, vectors = scipy.linalg.eigh(np.diag(metric), matrix)
    order = np.argsort(1 / periods)
    return UndampedModes(1 / periods[order], vectors[:, order] / np.sqrt(periods[order].astype(complex)))


@dataclass(frozen=True, eq=False)
class PoleExpansion:
    """Poles p_k, and what of their modes belongs to the channels.

    Attributes
    ----------
    reference : float
    poles : FixedPoint or ndarray, shape (D,)
        p_k - reference; a FixedPoint if they were refined.
    amplitudes : ndarray, shape (D, channels)
        w_cᵀ x_k.
    largest : float
        Largest component of a mode, 1 or so but for exceptional points, where it grows without bound.
    self_energies : ndarray, shape (channels,)
        Those that were frozen.
    """

    reference: float
    poles: FixedPoint | Complex
    amplitudes: Complex
    largest: float
    self_energies: Complex

    @property
    def offsets(self) -> Complex:
        """p_k - reference."""
        return self.poles.floats() if isinstance(self.poles, FixedPoint) else self.poles

    @property
    def positions(self) -> Complex:
        """p_k."""
        return self.reference + self.offsets


def distances(first: PoleExpansion, second: PoleExpansion) -> Complex:
    """Re p_j - p_k, with j a pole of the first and k one of the second expansion: right to the last digit if refined.

    Both have the same reference.
    """
    if isinstance(first.poles, FixedPoint) and isinstance(second.poles, FixedPoint):
        return FixedPoint(
            first.poles.real[:, None] - second.poles.real[None, :],
            np.broadcast_to(-second.poles.imaginary, (len(first.poles.real), len(second.poles.real))),
        ).floats()
    return first.offsets.real[:, None] - second.offsets[None, :]


def computed_again(matrix: Real, metric: Real, modes: UndampedModes) -> UndampedModes:
    """The same modes in the same order, with other rounding errors: those of the nodes in another order.

    An order at random, as a symmetry of the network may leave others as they are.
    """
    order = np.random.default_rng(0).permutation(len(matrix))
    shuffled = undamped_modes(matrix[np.ix_(order, order)], metric[order])
    return UndampedModes(shuffled.frequencies, shuffled.vectors[np.argsort(order)])


def aligned(modes: UndampedModes, again: UndampedModes, channels: Real, self_energies: Complex) -> UndampedModes:
    """Modes computed again, each cluster of them moved as a whole to where it was at first.

    The integral over a resonance, or over several that are seen together, does not depend on where they are.
    """
    amplitudes = modes.vectors.T @ channels
    widths = (np.abs(amplitudes) ** 2 @ np.abs(self_energies)).real
    together = np.diff(modes.frequencies) < SEEN_TOGETHER * (widths[1:] + widths[:-1])
    cluster = np.concatenate([[0], np.cumsum(~together)])
    moved = again.frequencies - modes.frequencies
    means = np.bincount(cluster, moved) / np.bincount(cluster)
    return UndampedModes(again.frequencies - means[cluster], again.vectors)


def expand_in_floats(modes: UndampedModes, channels: Real, self_energies: Complex, reference: float) -> PoleExpansion:
    """`expand` with a float's digits, from the modes without baths."""
    poles, amplitudes, largest = secular_poles(modes.frequencies - reference, modes.vectors.T @ channels, self_energies)
    return PoleExpansion(reference, poles, amplitudes, largest, self_energies)


def expand(matrix: Real, metric: Real, channels: Real, self_energies: Complex, reference: float) -> PoleExpansion:
    """Poles and modes of `matrix` + Σ_c Σ_c w_c w_cᵀ, with as many digits as they need.

    Parameters
    ----------
    matrix : ndarray, shape (D, D)
        Of the network without baths, symmetric.
    metric : ndarray, shape (D,)
        Entries ±1 of m.
    channels : ndarray, shape (D, channels)
        The w_c, of entries 0 and 1.
    self_energies : ndarray, shape (channels,)
    reference : float

    Returns
    -------
    PoleExpansion

    Raises
    ------
    NoExpansionError
    """
    damped = matrix - reference * np.diag(metric) + (channels * self_energies) @ channels.T
    _, vectors = np.linalg.eig(metric[:, None] * damped)
    vectors = vectors / np.sqrt(np.einsum("ik,i,ik->k", vectors, metric, vectors))
    exact = fixed_point(matrix.astype(complex)) - fixed_point(reference * np.diag(metric).astype(complex))
    exact = exact + fixed_point(channels.astype(complex)) @ fixed_point((channels * self_energies).T)
    refined, exact_vectors = _refined(exact, metric, fixed_point(vectors))
    vectors = exact_vectors.floats()
    # Each channel is a node's component, or the sum of two, which may cancel.
    amplitudes = (exact_vectors.transposed @ fixed_point(channels.astype(complex))).floats()
    return PoleExpansion(reference, refined, amplitudes, float(np.abs(vectors).max()), self_energies)


def _refined(matrix: FixedPoint, metric: Real, vectors: FixedPoint) -> tuple[FixedPoint, FixedPoint]:
    """Poles and modes to MIXED, from modes to a float's digits.

    Ogita and Aishima, Jpn. J. Ind. Appl. Math. 35, 1007 (2018), alg. 1, and 36, 435 (2019) for clusters, with the
    bilinear form xᵀ m y in place of the scalar product.

    Raises
    ------
    NoExpansionError
        If the modes do not become orthogonal: A has fewer modes than dimensions, or nearly so.
    """
    signs = metric.astype(int).astype(object)[:, None]
    identity = fixed_point(np.eye(len(metric)).astype(complex))
    show = progress_line("poles")
    for step in range(MOST_REFINEMENTS):
        show(f"{len(metric)} modes with more digits, step {step}")
        energies = vectors.transposed @ (matrix @ vectors)
        excess = identity - vectors.transposed @ FixedPoint(signs * vectors.real, signs * vectors.imaginary)
        # The Rayleigh quotient, as S_kk/(1 - R_kk) to first order; what mixes i into j is S_ij + R_ij λ_j.
        diagonal = FixedPoint(np.diagonal(energies.real), np.diagonal(energies.imaginary))
        poles = diagonal + diagonal * FixedPoint(np.diagonal(excess.real), np.diagonal(excess.imaginary))
        mixing = (energies + excess * poles).floats()
        mixing[np.abs(mixing) < NOTHING] = 0.0
        gaps = FixedPoint(*(part[None, :] - part[:, None] for part in (poles.real, poles.imaginary))).floats()
        symmetric = excess.floats() / 2
        np.fill_diagonal(mixing, 0.0)
        close = np.abs(mixing) > LARGEST_ROTATION * np.abs(gaps)
        apart = (mixing != 0) & ~close
        rotation = np.where(apart, mixing / np.where(apart, gaps, 1.0), symmetric)
        if not np.abs(rotation).max() < 1:
            raise NoExpansionError
        vectors = vectors + vectors @ fixed_point(rotation)
        if close.any():
            vectors = _separated(matrix, vectors, close)
        elif np.abs(rotation).max() < MIXED:
            show("")
            return poles, vectors
    raise NoExpansionError


def _separated(matrix: FixedPoint, vectors: FixedPoint, close: NDArray[np.bool_]) -> FixedPoint:
    """Modes of which those that are close to each other are diagonalised anew, in units of their distance."""
    real, imaginary = vectors.real.copy(), vectors.imaginary.copy()
    count, cluster_of = connected_components(close, directed=False)
    for cluster in range(count):
        members = np.flatnonzero(cluster_of == cluster)
        if len(members) == 1:
            continue
        modes = vectors.columns(members)
        block = modes.transposed @ (matrix @ modes)
        size = len(members)
        identity = np.eye(size, dtype=int).astype(object)
        centred = FixedPoint(
            block.real - identity * block.real[0, 0], block.imaginary - identity * block.imaginary[0, 0]
        ).floats()
        _, turned = np.linalg.eig(centred / np.abs(centred).max())
        separated = modes @ fixed_point(turned / np.sqrt(np.einsum("ik,ik->k", turned, turned)))
        real[:, members], imaginary[:, members] = separated.real, separated.imaginary
    return FixedPoint(real, imaginary)
