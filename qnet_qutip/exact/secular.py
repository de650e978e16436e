"""Poles of a large network, from its modes without baths: the roots of a secular equation of the baths alone.

With b_k the channels' part of the undamped mode k, the poles are the roots z of det[1 - Σ b_k b_kᵀ Σ*/(z - λ_k)] = 0.
All of them are found at once (Aberth, Math. Comp. 27, 339 (1973)), each as its distance from an undamped λ_k; where the
modes found so are not complete, from the eigenvectors of the whole network. See DERIVATION.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

MOST_STEPS = 100
CONVERGED = 1e-13

# Below this singular value of M_k a pole's mode has next to nothing of the undamped mode k, and loses that many digits
# if it is told from it.
ABSENT = 1e-3
POLISHING_STEPS = 3

# What Σ a_k a_kᵀ may differ by from what it is. A mode that is wrong, or found twice, is seen at 1e-5 and more, and
# rounding leaves 1e-14 of 1000 nodes.
INCOMPLETE = 1e-11

# A pole is told from one undamped mode if its own mode is at least half that, and it is nearer to that than this part
# of the distance to the next.
ALONE = 0.03

# Products of eigenvectors beyond this are of poles that are one but for rounding; its square is left of the others.
OBLIQUE = 1e-8


@dataclass(frozen=True, eq=False)
class _Undamped:
    """λ_j - λ_k as rows j, with ∞ on the diagonal; b_k, b_k b_kᵀ of shape (D, channels²), and Σ*."""

    between: Complex
    amplitudes: Complex
    products: Complex
    self_energies: Complex


def secular_poles(frequencies: Real, amplitudes: Complex, self_energies: Complex) -> tuple[Complex, Complex, float]:
    """Poles, the channels' amplitudes of their modes, and the largest component of a mode.

    Parameters
    ----------
    frequencies : ndarray, shape (D,)
        λ_k.
    amplitudes : ndarray, shape (D, channels)
        b_k.
    self_energies : ndarray, shape (channels,)
        Σ*.
    """
    size = len(frequencies)
    between = (frequencies[:, None] - frequencies[None, :]).astype(complex)
    np.fill_diagonal(between, np.inf)
    products = (amplitudes[:, :, None] * amplitudes[:, None, :]).reshape(size, -1)
    undamped = _Undamped(between, amplitudes, products, self_energies)
    scale = float(np.abs(frequencies).max() + np.abs(self_energies).max())
    whole = amplitudes.T @ amplitudes
    shifts = _roots(undamped, scale) if np.abs(between).min() > 1e-14 * scale else None
    if shifts is not None:
        told_from, shifts = _told_from(undamped, shifts)
        sensed, largest = _modes(undamped, told_from, shifts)
        if np.abs(sensed.T @ sensed - whole).max() < INCOMPLETE * np.abs(whole).max():
            return frequencies[told_from] + shifts, sensed, float(largest.max())
    return _by_eigenvectors(frequencies, undamped)


def _roots(undamped: _Undamped, scale: float) -> Complex | None:
    """s_k = z_k - λ_k of all roots, or None if they are not found."""
    between, amplitudes, self_energies = undamped.between, undamped.amplitudes, undamped.self_energies
    # Of order of the widths, below the axis, where all poles are.
    shifts: Complex = np.einsum("kc,c,kc->k", amplitudes, self_energies, amplitudes)
    active = np.arange(len(shifts))
    for _ in range(MOST_STEPS):
        inverse = 1 / (between[active] + shifts[active, None])
        try:
            inside, sensed, found = _equation(undamped, inverse, active)
            slope, own_slope = _slopes(undamped, inverse, sensed)
            # f = (z - λ_k - s_k) det M_k Π_{j≠k} (z - λ_j), by its logarithmic derivative.
            turned = np.linalg.solve(inside, slope * self_energies)
        except np.linalg.LinAlgError:
            return None
        missed = shifts[active] - found
        others = inverse.sum(axis=1) - np.trace(turned, axis1=1, axis2=2)
        moved = between[active] + shifts[active, None] - shifts[None, :]
        moved[np.arange(active.size), active] = np.inf
        repelled = (1 / moved).sum(axis=1)
        step = missed / (1 - own_slope + missed * (others - repelled))
        shifts[active] -= step
        unfinished = np.abs(step) > CONVERGED * np.abs(shifts[active])
        unfinished &= np.abs(step) > 1e-17 * scale * CONVERGED
        active = active[unfinished]
        if active.size == 0:
            return shifts
    return None


def _told_from(undamped: _Undamped, shifts: Complex) -> tuple[Index, Complex]:
    """For each root the undamped mode that it is told from, and its distance from that mode's frequency.

    A root may be found from the λ_k of a mode that its own mode has nothing of: in a chain with a mirror symmetry every
    second is such. M_k is then singular, and its null vector is a multiple of the channels' amplitudes. The pole is
    told from the undamped mode that it has most of instead.
    """
    modes = np.arange(len(shifts))
    inside = _inside(undamped, 1 / (undamped.between + shifts[:, None]))
    _, values, right = np.linalg.svd(inside)
    absent = np.flatnonzero(values[:, -1] < ABSENT)
    distances = undamped.between[absent] + shifts[absent, None]
    components = (right[absent, -1].conj() * undamped.self_energies @ undamped.amplitudes.T) / distances
    most = np.abs(components).argmax(axis=1)
    told_from, moved = modes.copy(), shifts.copy()
    told_from[absent] = most
    moved[absent] = _polished(undamped, most, distances[np.arange(absent.size), most])
    return told_from, moved


def _polished(undamped: _Undamped, modes: Index, shifts: Complex) -> Complex:
    """s_k by a few steps of Newton's, of roots that are known to a float's digits of z, but not of z - λ_k."""
    for _ in range(POLISHING_STEPS):
        inverse = 1 / (undamped.between[modes] + shifts[:, None])
        _, sensed, found = _equation(undamped, inverse, modes)
        _, own_slope = _slopes(undamped, inverse, sensed)
        shifts = shifts - (shifts - found) / (1 - own_slope)
    return shifts


def _modes(undamped: _Undamped, modes: Index, shifts: Complex) -> tuple[Complex, Real]:
    """a_k of the poles at λ_k + s_k, and the largest component of each mode."""
    inverse = 1 / (undamped.between[modes] + shifts[:, None])
    _, sensed, _ = _equation(undamped, inverse, modes)
    components = ((sensed * undamped.self_energies) @ undamped.amplitudes.T) * inverse
    norms = np.sqrt(1 + (components**2).sum(axis=1))
    largest: Real = np.maximum(np.abs(components).max(axis=1), 1) / np.abs(norms)
    return sensed / norms[:, None], largest


def _by_eigenvectors(frequencies: Real, undamped: _Undamped) -> tuple[Complex, Complex, float]:
    """Poles and modes to a float's digits of all frequencies, or of its own width where a pole is one λ_k's alone.

    That is where poles coincide, as those of two equal ends that are damped more than they are coupled, or where the
    undamped frequencies do.
    """
    amplitudes, self_energies = undamped.amplitudes, undamped.self_energies
    damped = np.diag(frequencies.astype(complex)) + (amplitudes * self_energies) @ amplitudes.T
    poles, vectors = np.linalg.eig(damped)
    vectors = _orthogonal(vectors)
    sensed = vectors.T @ amplitudes
    parts = np.abs(vectors) ** 2
    modes = parts.argmax(axis=0)
    distances = np.abs(poles - frequencies[modes])
    single = distances < ALONE * np.abs(undamped.between[modes]).min(axis=1)
    alone = np.flatnonzero(single & (parts.max(axis=0) > parts.sum(axis=0) / 2))
    shifts = _polished(undamped, modes[alone], poles[alone] - frequencies[modes[alone]])
    poles[alone] = frequencies[modes[alone]] + shifts
    sensed[alone], _ = _modes(undamped, modes[alone], shifts)
    return poles, sensed, float(np.abs(vectors).max())


def _orthogonal(vectors: Complex) -> Complex:
    """Eigenvectors of a complex symmetric matrix with xᵀx = 1, those of one pole orthogonal to each other.

    Their products are a matrix C, and x C^(-1/2) has the products 1. C^(-1/2) = 1 - (C - 1)/2 where C is almost 1.
    """
    vectors = vectors / np.sqrt((vectors**2).sum(axis=0))
    products = vectors.T @ vectors
    count, cluster_of = connected_components(np.abs(products) > OBLIQUE, directed=False)
    sizes = np.bincount(cluster_of, minlength=count)
    for cluster in np.flatnonzero(sizes > 1):
        members = np.flatnonzero(cluster_of == cluster)
        values, turned = np.linalg.eig(products[np.ix_(members, members)])
        vectors[:, members] = vectors[:, members] @ (turned / np.sqrt(values)) @ np.linalg.inv(turned)
    orthogonal: Complex = vectors @ (1.5 * np.eye(len(vectors)) - 0.5 * vectors.T @ vectors)
    return orthogonal


def _equation(undamped: _Undamped, inverse: Complex, modes: Index) -> tuple[Complex, Complex, Complex]:
    """M_k = 1 - g_k Σ* without the mode k itself, r_k = M_k⁻¹ b_k, and s_k = b_kᵀ Σ* r_k: the pole is at λ_k + s_k."""
    amplitudes = undamped.amplitudes[modes]
    inside = _inside(undamped, inverse)
    sensed: Complex = np.linalg.solve(inside, amplitudes[:, :, None])[:, :, 0].astype(np.complex128)
    found: Complex = np.einsum("kc,c,kc->k", amplitudes, undamped.self_energies, sensed)
    return inside, sensed, found


def _inside(undamped: _Undamped, inverse: Complex) -> Complex:
    channels = len(undamped.self_energies)
    others = (inverse @ undamped.products).reshape(-1, channels, channels)
    inside: Complex = np.eye(channels) - others * undamped.self_energies
    return inside


def _slopes(undamped: _Undamped, inverse: Complex, sensed: Complex) -> tuple[Complex, Complex]:
    """By z, of g_k and of s_k."""
    channels = len(undamped.self_energies)
    slope: Complex = -((inverse**2) @ undamped.products).reshape(-1, channels, channels)
    weighted = sensed * undamped.self_energies
    own_slope: Complex = np.einsum("kc,kcd,kd->k", weighted, slope, weighted)
    return slope, own_slope
