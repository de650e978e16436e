"""The paper's formulas for two nodes, written out with NumPy: the second side of the comparisons in `validate.py`.

No code of the package has a part in them. Operators are dense matrices on a Kronecker product of the nodes, A first,
and superoperators act on stacked columns of ρ. δ = -1 for oscillators and δ = +1 for two-level nodes, eq. (3).
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
Parameters = dict[str, float]

DELTA = {"oscillator": -1, "two-level": 1}
NODE_OF = {"hot": ("omega_h", "T_h"), "cold": ("omega_c", "T_c")}


# ---------------------------------------------------------------- baths, eqs. (14) and (15)


def rates(density: Decimal, omega: float, T: float) -> tuple[float, float]:
    """Eq. (14) with 50 digits: J(Ω)(1 + n) down and J(Ω)n up, with n = 1/(e^(Ω/T) - 1)."""
    with localcontext(prec=50):
        n = 1 / ((Decimal(omega) / Decimal(T)).exp() - 1)
        return float(density * (1 + n)), float(density * n)


def phonon_density(kappa: float, omega: float) -> Decimal:
    """J(Ω) = κΩ³ of eq. (15)."""
    with localcontext(prec=50):
        return Decimal(kappa) * Decimal(omega) ** 3


# ---------------------------------------------------------------- operators, eqs. (2) and (10)


def ladder_operators(kind: str, levels: int) -> tuple[Matrix, Matrix]:
    """Lowering operators a and b, each node cut at `levels` levels, of which a two-level node has 2."""
    number = 2 if kind == "two-level" else levels
    lower = np.diag(np.sqrt(np.arange(1.0, number)), 1)
    return np.kron(lower, np.eye(number)), np.kron(np.eye(number), lower)


def hamiltonian(values: Parameters, a: Matrix, b: Matrix) -> Matrix:
    """H_0 + H_AB of eq. (2)."""
    return values["omega_h"] * a.T @ a + values["omega_c"] * b.T @ b + values["epsilon"] * (a.T @ b + a @ b.T)


class Modes(NamedTuple):
    """ω_±, cosθ and sinθ of eq. (10)."""

    plus: float
    minus: float
    cos: float
    sin: float


def normal_modes(values: Parameters) -> Modes:
    omega_h, omega_c, epsilon = (values[name] for name in ("omega_h", "omega_c", "epsilon"))
    root = math.sqrt(((omega_h - omega_c) / 2) ** 2 + epsilon**2)
    plus, minus = (omega_h + omega_c) / 2 + root, (omega_h + omega_c) / 2 - root
    cos2 = (omega_h - minus) / (plus - minus)
    return Modes(plus, minus, math.sqrt(cos2), math.sqrt(1 - cos2))


def eigenoperators(hamiltonian: Matrix, lowering: Matrix) -> list[tuple[float, Matrix]]:
    """Parts of a node's lowering operator by the energy that they take, summed coherently where that is the same."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    elements = vectors.conj().T @ lowering @ vectors
    gaps = energies[None, :] - energies[:, None]
    present = np.abs(elements) > 1e-12
    parts = []
    while present.any():
        # Bohr frequencies that differ by rounding are one; the smallest real splitting here is of the order one.
        same = present & (np.abs(gaps - gaps[present][0]) < 1e-6)
        parts.append((float(gaps[same].mean()), vectors @ np.where(same, elements, 0) @ vectors.conj().T))
        present &= ~same
    return parts


# ---------------------------------------------------------------- generators, eqs. (4), (6), (7), (11) and (12)


def bath_parts(equation: str, kind: str, values: Parameters, bath: str, a: Matrix, b: Matrix) -> list[Any]:
    """Pairs (Ω, d) of a bath, whose dissipator is Σ γ(Ω)(D[d] + e^(-Ω/T)D[d†])."""
    node = a if bath == "hot" else b
    if equation == "local":
        return [(values[NODE_OF[bath][0]], node)]
    if kind == "two-level":
        return eigenoperators(hamiltonian(values, a, b), node)
    modes = normal_modes(values)
    d_plus, d_minus = a * modes.cos + b * modes.sin, b * modes.cos - a * modes.sin
    on_plus, on_minus = (modes.cos, -modes.sin) if bath == "hot" else (modes.sin, modes.cos)
    return [(modes.plus, on_plus * d_plus), (modes.minus, on_minus * d_minus)]


def jump_operators(equation: str, kind: str, values: Parameters, bath: str, a: Matrix, b: Matrix) -> list[Matrix]:
    """Operators L of a bath with their rates in them: its dissipator is Σ LρL† - ½{L†L, ρ}."""
    jumps = []
    for omega, d in bath_parts(equation, kind, values, bath, a, b):
        down, up = rates(phonon_density(values["kappa"], omega), omega, values[NODE_OF[bath][1]])
        jumps += [math.sqrt(down) * d, math.sqrt(up) * d.conj().T]
    return jumps


def dissipator(jumps: list[Matrix]) -> Matrix:
    """ρ → Σ LρL† - ½{L†L, ρ}."""
    unit = np.eye(len(jumps[0]))
    terms = []
    for jump in jumps:
        number = jump.conj().T @ jump
        terms.append(np.kron(jump.conj(), jump) - 0.5 * (np.kron(unit, number) + np.kron(number.T, unit)))
    return np.asarray(sum(terms))


def generator(equation: str, kind: str, values: Parameters, a: Matrix, b: Matrix) -> Matrix:
    """ρ → -i[H, ρ] + D_hot(ρ) + D_cold(ρ)."""
    H, unit = hamiltonian(values, a, b), np.eye(len(a))
    commutator = -1j * (np.kron(unit, H) - np.kron(H.T, unit))
    return commutator + sum(dissipator(jump_operators(equation, kind, values, bath, a, b)) for bath in NODE_OF)


def dissipated(jumps: list[Matrix], rho: Matrix) -> Matrix:
    """Σ LρL† - ½{L†L, ρ} of one ρ."""
    numbers = [jump.conj().T @ jump for jump in jumps]
    terms = [
        jump @ rho @ jump.conj().T - 0.5 * (number @ rho + rho @ number)
        for jump, number in zip(jumps, numbers, strict=True)
    ]
    return np.asarray(sum(terms))


def entropy_production(equation: str, kind: str, values: Parameters, rho: Matrix) -> float:
    """Eq. (1), dS/dt - ΣJ/T, of any ρ of full rank, with dS/dt = -Tr[D(ρ) ln ρ]."""
    a, b = ladder_operators(kind, math.isqrt(len(rho)))
    H, production = hamiltonian(values, a, b), 0.0
    eigenvalues, vectors = np.linalg.eigh(rho)
    logarithm = vectors @ np.diag(np.log(eigenvalues)) @ vectors.conj().T
    for bath, (_, T) in NODE_OF.items():
        change = dissipated(jump_operators(equation, kind, values, bath, a, b), rho)
        production -= np.trace(change @ (logarithm + H / values[T])).real
    return float(production)


# ---------------------------------------------------------------- steady moments and correlations, eqs. (8) and (17)


def local_moments(kind: str, values: Parameters) -> Matrix:
    """Steady ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩: eq. (8) as a linear system."""
    (down_h, up_h), (down_c, up_c) = (
        rates(phonon_density(values["kappa"], values[omega]), values[omega], values[T]) for omega, T in NODE_OF.values()
    )
    total_h, total_c = down_h + DELTA[kind] * up_h, down_c + DELTA[kind] * up_c
    mean, detuning, epsilon = (total_h + total_c) / 2, values["omega_h"] - values["omega_c"], values["epsilon"]
    matrix = [
        [-total_h, 0, 0, -epsilon],
        [0, -total_c, 0, epsilon],
        [0, 0, -mean, detuning],
        [2 * epsilon, -2 * epsilon, -detuning, -mean],
    ]
    return np.linalg.solve(np.array(matrix), -np.array([up_h, up_c, 0, 0]))


def global_moments(kind: str, values: Parameters) -> Matrix:
    """Steady ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩: each mode in balance with both baths, turned back to the nodes."""
    modes = normal_modes(values)
    cos2, sin2 = modes.cos**2, modes.sin**2
    n = []
    for omega, weights in ((modes.plus, (cos2, sin2)), (modes.minus, (sin2, cos2))):
        of_baths = [rates(phonon_density(values["kappa"], omega), omega, values[T]) for _, T in NODE_OF.values()]
        down, up = (sum(w * both[way] for w, both in zip(weights, of_baths, strict=True)) for way in (0, 1))
        n.append(up / (down + DELTA[kind] * up))
    n_A, n_B = cos2 * n[0] + sin2 * n[1], sin2 * n[0] + cos2 * n[1]
    return np.array([n_A, n_B, 2 * (n[0] - n[1]) * modes.cos * modes.sin, 0.0])


def correlations(kind: str, moments: Matrix) -> Matrix:
    """cor(ξ_i, ξ_j) = V_ij/√(V_ii V_jj) in the order (x_A, p_A, x_B, p_B), with V from the appendix."""
    n_A, n_B, X, Y = moments
    # x² = p² = ½ in a two-level node.
    A, B = (0.5, 0.5) if kind == "two-level" else (n_A + 0.5, n_B + 0.5)
    xx, xp = X / (2 * math.sqrt(A * B)), Y / (2 * math.sqrt(A * B))
    return np.array([[1, 0, xx, -xp], [0, 1, xp, xx], [xx, xp, 1, 0], [-xp, xx, 0, 1]])


def smallest_transposed_eigenvalue(moments: Matrix) -> float:
    """Smaller symplectic eigenvalue of two oscillators' partially transposed V: entangled below ½ (Simon, 2000).

    With variances A and B, V's block between the nodes has the determinant C = ¼(⟨X⟩² + ⟨Y⟩²), whose sign the transpose
    changes: the eigenvalues ν² solve ν⁴ - (A² + B² - 2C)ν² + (AB - C)² = 0.
    """
    n_A, n_B, X, Y = moments
    A, B, C = n_A + 0.5, n_B + 0.5, (X**2 + Y**2) / 4
    half = (A**2 + B**2 - 2 * C) / 2
    return math.sqrt(half - math.sqrt(half**2 - (A * B - C) ** 2))
