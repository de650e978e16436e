"""Normal modes in twofold precision: positions x = S_x q and momenta p = S_p π that make H = ½ Σ_k ω_k (q_k² + π_k²).

S_xᵀ S_p = 1, S_xᵀ H_x S_x = S_pᵀ H_p S_p = diag ω. LAPACK gives them in double precision, and steps of Newton's method
the other digits; see DERIVATION.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.gaussian.failures import require
from qnet_qutip.gaussian.quadratic import Quadratic
from qnet_qutip.gaussian.twofold import KEPT_BITS, LARGEST_ELEMENTWISE, Array, Twofold, product

SOFTEST_MODE = 1e-9
"""Of the highest frequency: a softer mode of more than two nodes is refused, as `normal_modes` does."""

MOST_STEPS = 12


@dataclass(frozen=True, eq=False)
class Modes:
    """Normal modes of `count` networks, in ascending order of their frequencies.

    Attributes
    ----------
    frequencies : Twofold, shape (count, modes)
    positions, momenta : Twofold, shape (count, nodes, modes)
        S_x and S_p; the same object if H conserves excitations. a_i = Σ_k u_ik d_k + v_ik d_k† has u + v = S_x and
        u - v = S_p.
    """

    frequencies: Twofold
    positions: Twofold
    momenta: Twofold


def normal_modes(system: Quadratic) -> Modes:
    """Normal modes, each right to about 30 digits of the largest coefficient.

    Raises
    ------
    Failures
        Of networks in which a mode's frequency is not positive, or two modes are too close to be told apart.
    """
    alike = system.swaps_only
    if alike:
        rough, s_x = np.linalg.eigh(system.positions)
        _require_positive(system, rough)
        x = p = Twofold(s_x)
    else:
        for form in (system.positions, system.momenta):
            _require_positive(system, np.linalg.eigvalsh(form))
        rough, *pair = _bogoliubov(system.positions, system.momenta)
        x, p = (Twofold(matrix) for matrix in pair)
    frequencies = Twofold(rough)
    size = rough.shape[-1]
    digits = 2.0**-100 if size <= LARGEST_ELEMENTWISE else 2.0 ** (4 - KEPT_BITS)
    rounding = digits * size * np.abs(system.positions).max(axis=(-1, -2), keepdims=True)
    for _ in range(MOST_STEPS):
        excess = (product(x.transposed(), p) - np.eye(size)).high
        x = x - x.high @ np.swapaxes(excess, -1, -2) / 2
        p = x if alike else p - p.high @ excess / 2
        # By how much H_x S_x = S_p Ω and H_p S_p = S_x Ω are missed: so small that double precision multiplies it.
        of_x = np.swapaxes(x.high, -1, -2) @ _missed(system.positions, x, p, frequencies)
        of_p = of_x if alike else np.swapaxes(p.high, -1, -2) @ _missed(system.momenta, p, x, frequencies)
        step = _rotations(of_x, frequencies, rounding) if alike else _corrections(of_x, of_p, frequencies, rounding)
        corrections = _diagonal(of_x + of_p) / 2
        frequencies = frequencies + corrections
        settled = (
            (np.abs(corrections).max(axis=-1) <= rounding[:, 0, 0])
            & (np.abs(excess).max(axis=(-1, -2)) <= digits * size * 4)
            & ~step.any(axis=(-1, -2))
        )
        if settled.all():
            break
        x = x + x.high @ step
        p = x if alike else p - p.high @ np.swapaxes(step, -1, -2)
    else:
        require(
            settled,
            lambda number: ArithmeticError(
                f"the normal modes of nodes {list(system.networks[number].nodes)[:10]} were not found to "
                f"{-np.log10(digits):.0f} digits in {MOST_STEPS} steps: some are too close to be told apart; change a "
                "frequency or a coupling"
            ),
        )
    return Modes(frequencies, x, p)


def _missed(form: Array, of: Twofold, other: Twofold, frequencies: Twofold) -> Array:
    if form.shape[-1] > LARGEST_ELEMENTWISE:
        # One by one, which sparse matrices are faster for.
        members = [product(Twofold(matrix), of[number]) for number, matrix in enumerate(form)]
        left = Twofold(np.stack([member.high for member in members]), np.stack([member.low for member in members]))
    else:
        left = product(Twofold(form), of)
    return (left - other * frequencies[:, None, :]).high


def _diagonal(matrix: Array) -> Array:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _rotations(off: Array, frequencies: Twofold, rounding: Array) -> Array:
    """The tangent of the angle by which Jacobi's method would rotate each two modes."""
    symmetric = (off + np.swapaxes(off, -1, -2)) / 2
    gaps = _gaps(frequencies + _diagonal(off))
    relevant = np.triu(np.abs(symmetric) > rounding, 1)
    ratio = -gaps / (2 * np.where(relevant, symmetric, 1.0))
    tangents = np.where(ratio < 0, -1.0, 1.0) / (np.abs(ratio) + np.hypot(1, ratio))
    upper = np.where(relevant, tangents, 0.0)
    return upper - np.swapaxes(upper, -1, -2)


def _corrections(of_x: Array, of_p: Array, frequencies: Twofold, rounding: Array) -> Array:
    """First-order E of S_x(1 + E) and S_p(1 - Eᵀ) that makes both forms diagonal, and equal there."""
    size = of_x.shape[-1]
    of_x, of_p = ((form + np.swapaxes(form, -1, -2)) / 2 for form in (of_x, of_p))
    omega = frequencies.high
    # ω_k² - ω_l².
    gaps = _gaps(frequencies) * (omega[..., :, None] + omega[..., None, :])
    relevant = (np.maximum(np.abs(of_x), np.abs(of_p)) > rounding) & (gaps != 0)
    numerator = -(of_x * omega[..., :, None] + omega[..., None, :] * of_p)
    step = np.clip(np.where(relevant, numerator / np.where(relevant, gaps, 1.0), 0.0), -0.5, 0.5)
    numbers = np.arange(size)
    balance = _diagonal(of_p - of_x)
    step[..., numbers, numbers] = np.where(np.abs(balance) > rounding[..., 0], balance / (4 * omega), 0.0)
    return step


def _gaps(frequencies: Twofold) -> Array:
    """ω_k - ω_l."""
    return (frequencies[..., :, None] - frequencies[..., None, :]).high


def _bogoliubov(h_x: Array, h_p: Array) -> tuple[Array, Array, Array]:
    """Frequencies, S_x and S_p: H_p = LLᵀ, H_x = RRᵀ, RᵀL = WΩVᵀ (Colpa, Physica A 93, 327 (1978))."""
    lower, right = np.linalg.cholesky(h_p), np.linalg.cholesky(h_x)
    of_momenta, frequencies, of_positions = np.linalg.svd(np.swapaxes(right, -1, -2) @ lower)
    root = np.sqrt(frequencies)[..., None, :]
    positions, momenta = lower @ np.swapaxes(of_positions, -1, -2) / root, right @ of_momenta / root
    return frequencies[..., ::-1], positions[..., ::-1], momenta[..., ::-1]


def _require_positive(system: Quadratic, eigenvalues: NDArray[np.floating]) -> None:
    lowest = eigenvalues.min(axis=-1)
    soft = 0.0 if eigenvalues.shape[-1] == 2 and system.swaps_only else SOFTEST_MODE
    require(
        lowest > soft * np.abs(eigenvalues).max(axis=-1),
        lambda number: ValueError(
            "the lowest normal mode must have a positive frequency, but the matrix of frequencies and couplings of "
            f"nodes {list(system.networks[number].nodes)[:10]} has the eigenvalue {lowest[number]:g}: the energy would "
            "have no lower bound; the couplings must be weaker"
        ),
    )
