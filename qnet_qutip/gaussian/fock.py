"""Density matrices of Gaussian states: the border to QuTiP."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip
from numpy.typing import NDArray

from qnet_qutip import checks

if TYPE_CHECKING:
    from qnet_qutip.gaussian.state import GaussianState

LEFT_OUT = 1e-6
"""Part of the trace that a truncation may leave out without a warning."""


def density_matrix(state: GaussianState, levels: int | None) -> qutip.Qobj:
    """The density matrix of a state, of oscillators with that many levels each or of two-level nodes."""
    size = len(state.network.nodes)
    dimension = 2 if levels is None else levels
    checks.fits_in_memory(
        f"a density matrix of {size} nodes with {dimension} levels",
        48.0 * float(dimension) ** (2 * size),
        "the moments of the state are all that a large network needs",
    )
    matrix = _of_fermions(state) if levels is None else _of_oscillators(state, levels)
    trace = float(matrix.trace().real)
    if abs(trace - 1) > LEFT_OUT:
        warnings.warn(
            f"{levels} levels hold {trace:.6g} of the trace of the density matrix; take more", UserWarning, stacklevel=3
        )
    return qutip.Qobj(matrix / trace, dims=[[dimension] * size] * 2)


def _of_oscillators(state: GaussianState, levels: int) -> NDArray[np.complex128]:
    """⟨m|ρ|n⟩ by the recursion that the generating function of a Gaussian state gives.

    With Σ = ½ + cov(α, α*) and A = X(1 - Σ⁻¹)*, √k ρ[k, ...] = Σ_j A_ij √k_j ρ[k - 1, ..., k_j - 1, ...], from
    ⟨0|ρ|0⟩ = 1/√det Σ (Quesada and others, Quantum 3, 192 (2019), with all means zero).
    """
    size = len(state.network.nodes)
    normal = (state.xx + state.pp) / 2 + 0.5j * (state.xp - state.xp.T)
    anomalous = (state.xx - state.pp) / 2 + 0.5j * (state.xp + state.xp.T)
    # Of (a, a†): ⟨a_i a_j†⟩ antinormally ordered, so that Σ is 1 in the vacuum.
    husimi = np.block([[normal.T + np.eye(size), anomalous], [anomalous.conj(), normal + np.eye(size)]])
    exchange = np.kron([[0, 1], [1, 0]], np.eye(size))
    form = exchange @ (np.eye(2 * size) - np.linalg.inv(husimi))
    # The first indices of the form belong to the bra, the second to the ket.
    form = form.conj()
    elements: NDArray[Any] = np.array(1 / np.sqrt(np.linalg.det(husimi).real), dtype=complex)
    for axis in reversed(range(2 * size)):
        elements = _with_axis(elements, form[axis, axis:], levels)
    matrix: NDArray[np.complex128] = elements.reshape(levels**size, levels**size)
    return matrix


def _with_axis(known: NDArray[Any], row: NDArray[Any], levels: int) -> NDArray[Any]:
    """The elements with one index more, from those where it is zero."""
    elements = np.zeros((levels, *known.shape), dtype=complex)
    elements[0] = known
    roots = np.sqrt(np.arange(levels))
    for k in range(1, levels):
        value = row[0] * np.sqrt(k - 1) * elements[k - 2] if k > 1 else np.zeros_like(known)
        for offset in range(known.ndim):
            lowered = np.roll(elements[k - 1], 1, axis=offset)
            shape = [1] * known.ndim
            shape[offset] = levels
            value = value + row[1 + offset] * roots.reshape(shape) * lowered
        elements[k] = value / np.sqrt(k)
    return elements


def _of_fermions(state: GaussianState) -> NDArray[np.complex128]:
    """Π_k [(1 - n_k) + (2n_k - 1)f_k†f_k] over the modes of ⟨c_i†c_j⟩, with c_j the Jordan-Wigner fermions."""
    size = len(state.network.nodes)
    lower, string = np.array([[0.0, 1.0], [0.0, 0.0]]), np.diag([1.0, -1.0])
    fermions = []
    for node in range(size):
        operator = np.eye(1)
        for other in range(size):
            operator = np.kron(operator, lower if other == node else (string if other < node else np.eye(2)))
        fermions.append(operator)
    occupations, vectors = np.linalg.eigh((state.xx + 1j * state.xp).T)
    rho = np.eye(2**size, dtype=complex)
    for occupation, vector in zip(occupations, vectors.T, strict=True):
        mode = sum(coefficient.conj() * operator for coefficient, operator in zip(vector, fermions, strict=True))
        rho = rho @ ((1 - occupation) * np.eye(2**size) + (2 * occupation - 1) * (mode.conj().T @ mode))
    return rho
