"""Each master equation as equations of motion of second moments; DERIVATION.md has them.

A bath contributes operators S = Σ_k s_k d_k + t_k d_k† paired with Λ = Σ_k σ_k d_k + τ_k d_k†, each pair standing for
ΛρS† + SρΛ† - S†Λρ - ρΛ†S; a collapse operator L is the pair (L, L/2). What equations average over is masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from qnet_qutip.gaussian.clusters import Options, clusters_of, cutoff_of, equal_frequencies, require_told_apart
from qnet_qutip.gaussian.failures import require
from qnet_qutip.gaussian.modes import Modes, normal_modes
from qnet_qutip.gaussian.quadratic import Quadratic
from qnet_qutip.gaussian.twofold import Array, Twofold

SMALLEST_AMPLITUDE = 1e-24
"""Of a mode at the nodes that have baths: below it rounding may be all of it, and nobody knows if the mode is damped.
The digits of large networks' modes end at 1e-24 too."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Equations of motion of `count` networks, in the basis of the nodes (local) or of the normal modes.

    Attributes
    ----------
    positions, momenta : Twofold, shape (count, n, n)
        H_x and H_p in that basis; the same object if they are equal.
    s, t, sigma, tau : Twofold, shape (count, pairs, n)
    owners : ndarray of int, shape (pairs,)
        The bath of each pair.
    near : ndarray of bool, shape (count, n, n), or None
        Which products of d_k and d_l† are kept; None for all.
    far : ndarray of bool, shape (count, n, n), or None
        The same of d_k and d_l, or d_k† and d_l†.
    conserving : bool
        Whether the moments ⟨d_k d_l⟩ vanish.
    fermions : bool
    baths : int
    modes : Modes or None
        If the basis is theirs.
    """

    positions: Twofold
    momenta: Twofold
    s: Twofold
    t: Twofold
    sigma: Twofold
    tau: Twofold
    owners: np.ndarray
    near: np.ndarray | None
    far: np.ndarray | None
    conserving: bool
    fermions: bool
    baths: int
    modes: Modes | None = None


def equations_of_motion(system: Quadratic, equation: str, options: Options) -> Moments:
    """The equations of motion that a master equation gives.

    Raises
    ------
    Failures, TypeError, ValueError
        If a mode is not positive or not damped, or a spectral density or a cluster not valid.
    """
    if equation == "local":
        return _local(system)
    modes = normal_modes(system)
    frequencies = modes.frequencies.high
    count, size = frequencies.shape
    by_bath = (count, len(system.baths), size)
    at = np.broadcast_to(frequencies[:, None], by_bath)
    densities = system.densities(at)
    x_rows, p_rows = modes.positions[:, system.bath_nodes], modes.momenta[:, system.bath_nodes]
    _require_damped(system, frequencies, np.abs(x_rows.high).max(axis=1))
    # a = Σ u d + v d†, a + a† = Σ (u + v)(d + d†).
    u = x_rows if modes.positions is modes.momenta else (x_rows + p_rows).scaled(0.5)
    v = None if modes.positions is modes.momenta else (x_rows - p_rows).scaled(0.5)
    near = far = None
    if equation in ("global", "unified"):
        amplitudes = np.where(np.array(system.full)[:, None], x_rows.high, u.high)
        if equation == "global":
            near = equal_frequencies(modes.frequencies)
            require_told_apart(system, modes.frequencies, near, amplitudes)
        else:
            # Rounding must not decide which frequency stands for a cluster.
            amplitudes = np.where(np.abs(amplitudes) < SMALLEST_AMPLITUDE, 0.0, amplitudes)
            near, standing = clusters_of(system, frequencies, densities, amplitudes**2, options)
            at = np.broadcast_to(standing[:, None], by_bath)
            densities = system.densities(at)
    elif equation == "partial_secular":
        cutoff = cutoff_of(frequencies, densities, options)[:, None, None]
        near = np.abs(frequencies[:, :, None] - frequencies[:, None, :]) <= cutoff
        near |= equal_frequencies(modes.frequencies)
        far = frequencies[:, :, None] + frequencies[:, None, :] <= cutoff
    occupations = system.occupations(at)
    up = occupations * densities
    down = up + densities
    members: list[tuple[int, list[Twofold]]] = []
    for bath, full in enumerate(system.full):
        rows = [x_rows[:, bath] if full else u[:, bath]]
        falls, rises = down[:, bath], up[:, bath]
        zero = Twofold(np.zeros((count, size)))
        s, counter = rows[0], zero if v is None else v[:, bath]
        if equation == "universal":
            fall, rise = falls.sqrt() * s, rises.sqrt() * s
            if full:
                pairs = [[fall, rise, fall.scaled(0.5), rise.scaled(0.5)]]
            else:
                pairs = [[fall, zero, fall.scaled(0.5), zero], [zero, rise, zero, rise.scaled(0.5)]]
        else:
            sigma, tau = falls.scaled(0.5) * s, rises.scaled(0.5) * s
            if equation in ("global", "unified"):
                pairs = [[s, zero, sigma, zero], [zero, s, zero, tau]]
            elif full:
                pairs = [[s, s, sigma, tau]]
            else:
                pairs = [[s, counter, sigma, zero], [counter, s, zero, tau]]
        members += [(bath, pair) for pair in pairs]
    diagonal = Twofold(*(part[..., None] * np.eye(size) for part in (modes.frequencies.high, modes.frequencies.low)))
    conserving = equation in ("global", "unified") or (system.swaps_only and not any(system.full))
    return Moments(
        diagonal,
        diagonal,
        s=_stacked([pair[0] for _, pair in members]),
        t=_stacked([pair[1] for _, pair in members]),
        sigma=_stacked([pair[2] for _, pair in members]),
        tau=_stacked([pair[3] for _, pair in members]),
        owners=np.array([bath for bath, _ in members]),
        near=near,
        far=far,
        conserving=conserving,
        fermions=system.fermions,
        baths=len(system.baths),
        modes=modes,
    )


def _require_damped(system: Quadratic, frequencies: Array, amplitudes: Array) -> None:
    """Raise `Failures` if a normal mode has no amplitude at any node that has a bath."""
    dark = amplitudes < SMALLEST_AMPLITUDE

    def undamped(number: int) -> Exception:
        mode = int(dark[number].argmax())
        return ValueError(
            f"every normal mode must be damped by a bath, but that of frequency {frequencies[number, mode]:g} has an "
            f"amplitude of {amplitudes[number, mode]:.1e} at most at the nodes that have baths, so that it keeps "
            "what it starts with; shift a frequency, change a coupling or add a bath"
        )

    require(~dark.any(axis=-1), undamped)


def _local(system: Quadratic) -> Moments:
    """γ(ω)(D[a] + e^(-ω/T) D[a†]) of each bath at its node, in the basis of the nodes: nothing is diagonalised."""
    count, size = system.positions.shape[:2]
    nodes = system.bath_nodes
    at = system.positions[:, nodes, nodes][..., None]
    densities, occupations = system.densities(at), system.occupations(at)
    up = occupations * densities
    down = up + densities
    unit = np.zeros((1, len(nodes), size))
    unit[0, np.arange(len(nodes)), nodes] = 1.0
    half = unit / 2
    shape = (count, len(nodes), size)
    zero, one = Twofold(np.zeros(shape)), Twofold(np.broadcast_to(unit, shape))
    fall, rise = (Twofold(rate.high * half, rate.low * half) for rate in (down, up))
    positions = Twofold(system.positions)
    return Moments(
        positions,
        positions if system.swaps_only else Twofold(system.momenta),
        s=_joined(one, zero),
        t=_joined(zero, one),
        sigma=_joined(fall, zero),
        tau=_joined(zero, rise),
        owners=np.tile(np.arange(len(nodes)), 2),
        near=None,
        far=None,
        conserving=system.swaps_only,
        fermions=system.fermions,
        baths=len(nodes),
    )


def _joined(first: Twofold, second: Twofold) -> Twofold:
    return Twofold(np.concatenate([first.high, second.high], axis=1), np.concatenate([first.low, second.low], axis=1))


def _stacked(members: list[Twofold]) -> Twofold:
    return Twofold(
        np.stack([member.high for member in members], axis=1), np.stack([member.low for member in members], axis=1)
    )


Matrices: TypeAlias = tuple[Twofold, Twofold, Twofold, Twofold]


def matrices(moments: Moments) -> Matrices:
    """X_x, X_p, Q_x and Q_p of every bath: what damps positions and momenta, and what they diffuse by.

    Returns
    -------
    four Twofold, shape (count, baths, n, n)
        The vacuum's ½ of every variance is taken off, so that Q vanishes at zero temperature with swaps.
    """
    near, far = moments.near, moments.far
    falls = _by_bath(moments, _outer(moments.s, moments.sigma), near)
    rises = _by_bath(moments, _outer(moments.t, moments.tau), near)
    damping = falls + rises if moments.fermions else falls - rises
    diffusion = _symmetric(rises)
    if moments.conserving:
        return damping, damping, diffusion, diffusion
    created = _by_bath(moments, _outer(moments.s, moments.tau), far)
    destroyed = _by_bath(moments, _outer(moments.t, moments.sigma), far)
    crossed, mixed = created - destroyed, _symmetric(created)
    return damping + crossed, damping - crossed, diffusion - mixed, diffusion + mixed


def _outer(first: Twofold, second: Twofold) -> Twofold:
    return first[..., :, None] * second[..., None, :]


def _by_bath(moments: Moments, products: Twofold, mask: np.ndarray | None) -> Twofold:
    """Sum over the pairs of each bath, without what is averaged over."""
    total: Twofold | None = None
    members = []
    for bath in range(moments.baths):
        total = None
        for pair in np.flatnonzero(moments.owners == bath).tolist():
            total = products[:, pair] if total is None else total + products[:, pair]
        assert total is not None
        members.append(total if mask is None else Twofold(total.high * mask, total.low * mask))
    return _stacked(members)


def _symmetric(matrix: Twofold) -> Twofold:
    return matrix + matrix.transposed()


def total(matrix: Twofold) -> Twofold:
    """Sum over the baths."""
    return Twofold(np.moveaxis(matrix.high, 1, -1), np.moveaxis(matrix.low, 1, -1)).sum()


def squeezing(moments: Moments) -> Array:
    """½(H_p - H_x): what the vacuum of the nodes is driven by where it is not that of H, (count, n, n)."""
    return (moments.momenta - moments.positions).high / 2
