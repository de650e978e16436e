"""Poles of a large network, from its modes without baths: the roots of a secular equation of the baths alone.

With b_k the channels' part of the undamped mode k, the poles are the roots z of det[1 - Σ b_k b_kᵀ Σ*/(z - λ_k)] = 0.
All of them are found at once (Aberth, Math. Comp. 27, 339 (1973)), each as its distance from its own λ_k. See
DERIVATION.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_STEPS = 100
CONVERGED = 1e-13

# Below this singular value of M_k a pole's mode has next to nothing of the undamped mode k, and loses that many digits
# if it is told from it.
ABSENT = 1e-3
POLISHING_STEPS = 3


def secular_poles(
    frequencies: Real, amplitudes: Complex, self_energies: Complex
) -> tuple[Complex, Complex, float] | None:
    """Poles, the channels' amplitudes of their modes, and the largest component of a mode.

    Parameters
    ----------
    frequencies : ndarray, shape (D,)
        λ_k.
    amplitudes : ndarray, shape (D, channels)
        b_k.
    self_energies : ndarray, shape (channels,)
        Σ*.

    Returns
    -------
    tuple or None
        None if two modes without baths have one frequency or the roots are not found.
    """
    size, channels = amplitudes.shape
    between = (frequencies[:, None] - frequencies[None, :]).astype(complex)
    np.fill_diagonal(between, np.inf)
    scale = float(np.abs(frequencies).max() + np.abs(self_energies).max())
    if np.abs(between).min() < 1e-14 * scale:
        return None
    products = (amplitudes[:, :, None] * amplitudes[:, None, :]).reshape(size, -1)
    # Of order of the widths, below the axis, where all poles are.
    shifts = np.einsum("kc,c,kc->k", amplitudes, self_energies, amplitudes)
    active = np.arange(size)
    for _ in range(MOST_STEPS):
        inverse = 1 / (between[active] + shifts[active, None])
        inside, sensed, own = _own(inverse, active, amplitudes, products, self_energies)
        # f = (z - λ_k - s_k) det M_k Π_{j≠k} (z - λ_j), by its logarithmic derivative.
        slope, own_slope = _slopes(inverse, sensed, products, self_energies)
        turned = np.linalg.solve(inside, slope * self_energies)
        missed = shifts[active] - own
        rest = inverse.sum(axis=1) - np.trace(turned, axis1=1, axis2=2)
        moved = between[active] + shifts[active, None] - shifts[None, :]
        moved[np.arange(active.size), active] = np.inf
        repelled = (1 / moved).sum(axis=1)
        step = missed / (1 - own_slope + missed * (rest - repelled))
        shifts[active] -= step
        unfinished = np.abs(step) > CONVERGED * np.abs(shifts[active])
        unfinished &= np.abs(step) > 1e-17 * scale * CONVERGED
        active = active[unfinished]
        if active.size == 0:
            break
    else:
        return None
    told_from, shifts = _told_from(between, shifts, amplitudes, products, self_energies)
    inverse = 1 / (between[told_from] + shifts[:, None])
    _, sensed, _ = _own(inverse, told_from, amplitudes, products, self_energies)
    components = ((sensed * self_energies) @ amplitudes.T) * inverse
    norms = np.sqrt(1 + (components**2).sum(axis=1))
    largest = float((np.maximum(np.abs(components).max(axis=1), 1) / np.abs(norms)).max())
    poles: Complex = frequencies[told_from] + shifts
    amplitudes_of_poles: Complex = sensed / norms[:, None]
    return poles, amplitudes_of_poles, largest


def _told_from(
    between: Complex, shifts: Complex, amplitudes: Complex, products: Complex, self_energies: Complex
) -> tuple[NDArray[np.int64], Complex]:
    """For each pole the undamped mode that it is told from, and its distance from that mode's frequency.

    A root may be found from the λ_k of a mode that its own mode has nothing of: in a chain with a mirror symmetry every
    second is such. M_k is then singular, and its null vector is a multiple of the channels' amplitudes. The pole is told
    from the undamped mode that it has most of instead.
    """
    modes = np.arange(len(shifts))
    inside, _, _ = _own(1 / (between + shifts[:, None]), modes, amplitudes, products, self_energies)
    _, values, right = np.linalg.svd(inside)
    absent = np.flatnonzero(values[:, -1] < ABSENT)
    if absent.size == 0:
        return modes, shifts
    distances = between[absent] + shifts[absent, None]
    components = (right[absent, -1].conj() * self_energies @ amplitudes.T) / distances
    most = np.abs(components).argmax(axis=1)
    told_from, moved = modes.copy(), shifts.copy()
    told_from[absent] = most
    moved[absent] = distances[np.arange(absent.size), most]
    for _ in range(POLISHING_STEPS):
        inverse = 1 / (between[most] + moved[absent, None])
        _, sensed, own = _own(inverse, most, amplitudes, products, self_energies)
        _, own_slope = _slopes(inverse, sensed, products, self_energies)
        moved[absent] -= (moved[absent] - own) / (1 - own_slope)
    return told_from, moved


def _own(
    inverse: Complex, active: NDArray[np.int64], amplitudes: Complex, products: Complex, self_energies: Complex
) -> tuple[Complex, Complex, Complex]:
    """M_k = 1 - g_k Σ* without the mode k itself, r_k = M_k⁻¹ b_k, and s_k = b_kᵀ Σ* r_k: the pole is at λ_k + s_k."""
    channels = amplitudes.shape[1]
    others = (inverse @ products).reshape(-1, channels, channels)
    inside: Complex = np.eye(channels) - others * self_energies
    sensed: Complex = np.linalg.solve(inside, amplitudes[active][:, :, None])[:, :, 0].astype(np.complex128)
    own: Complex = np.einsum("kc,c,kc->k", amplitudes[active], self_energies, sensed)
    return inside, sensed, own


def _slopes(inverse: Complex, sensed: Complex, products: Complex, self_energies: Complex) -> tuple[Complex, Complex]:
    """By z, of g_k and of s_k."""
    channels = len(self_energies)
    slope: Complex = -((inverse**2) @ products).reshape(-1, channels, channels)
    own_slope: Complex = np.einsum("kc,kcd,kd->k", sensed * self_energies, slope, sensed * self_energies)
    return slope, own_slope
