"""The steady state of a hierarchy: GMRES, preconditioned by one sweep down its tiers and one up.

The equations for the auxiliary operators ρ_n, n = (n_1, n_2, ...), couple only tiers Σn that are neighbours: the
hierarchy is block tridiagonal in them, with blocks A_t on the diagonal, U_t to the tier above and L_t to the one below.
Eliminating from the top leaves the Schur complements S_t = A_t - U_t S_(t+1)^-1 L_(t+1) on the diagonal, and

    y_t = S_t^-1 (r_t - U_t y_(t+1)) down,    x_0 = y_0,    x_t = y_t - S_t^-1 L_t x_(t-1) up.

It is exact, and dense. The preconditioner does the same with

- S_t replaced by the free decay -i[H, .] - Σ_k n_k ν_k for t > 0, which is diagonal in the eigenbasis of H,
- S_0 = A_0 - U_0 S_1^-1 L_1, dense: at weak coupling this is Redfield's generator, whose slow rates would otherwise
  cost an iteration each.

The iterations do not grow with the depth or as the coupling becomes weak: two two-level nodes of frequency 1, with
baths of cutoff 2 and temperature 2, take 4 at λ = 1e-3, 19 at 0.25 and 74 at 1, at depth 7 and at 9. At λ = 2.5 they
do not converge. A factorisation of the whole, as `HEOMSolver.steady_state` makes, takes 1 s at depth 7 with one
exponent for the temperature, where this takes 0.03 s.

The operators are scaled by 1/√(Π_k n_k! |c_k|^n_k) (Shi and others, J. Chem. Phys. 130, 084105 (2009)), so that all
tiers are of comparable size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray
from qutip import Qobj
from qutip.solver.heom import HEOMSolver

Vector = NDArray[np.complex128]

TOLERANCE, REFINEMENT = 1e-12, 1e-3
"""Residual of the first solve, relative to the trace, and of the second, relative to the first's: to rounding, because
currents may be 1e-7 of the trace and less."""

RESTART, CYCLES = 60, 10
"""Vectors that GMRES keeps, and how often it begins anew. The most that was needed is 110 iterations in all, λ = 1."""


def steady_operators(
    solver: HEOMSolver, hamiltonian: Qobj, on_iteration: Callable[[int], None] = lambda count: None
) -> Vector | None:
    """Every auxiliary operator in the steady state, the density matrix first.

    Parameters
    ----------
    solver : qutip.solver.heom.HEOMSolver
        The hierarchy.
    hamiltonian : qutip.Qobj
        H of its free evolution.
    on_iteration : callable, optional
        Told the number of iterations so far.

    Returns
    -------
    ndarray, shape (operators, dimension, dimension), or None
        In the order of `solver.ados.labels`; None if the iterations did not converge.
    """
    depth = solver.ados.max_depth
    labels = solver.ados.labels
    tier = np.array([sum(label) for label in labels])
    order = np.argsort(tier, kind="stable")
    energies, vectors = np.linalg.eigh(hamiltonian.full())
    dimension = len(energies)
    size = dimension**2
    ends = np.searchsorted(tier[order], np.arange(depth + 2))
    of_tier = [slice(size * first, size * last) for first, last in pairwise(ends)]

    scale = np.repeat(_scales(solver)[order], size)
    permutation = (order[:, None] * size + np.arange(size)).ravel()
    matrix = solver.rhs(0).to("CSR").data.as_scipy()[permutation]
    blocks = [matrix[rows] for rows in of_tier]
    del matrix
    block = [
        {
            other: _scaled(blocks[t][:, permutation[of_tier[other]]], scale[of_tier[t]], scale[of_tier[other]])
            for other in range(max(t - 1, 0), min(t + 2, depth + 1))
        }
        for t in range(depth + 1)
    ]
    del blocks

    # The first equation, of an entry of the density matrix, follows from the others, which keep the trace: it gives way
    # to the trace itself.
    for other in block[0]:
        block[0][other] = block[0][other].tolil()
        block[0][other][0, :] = np.eye(dimension).ravel() if other == 0 else 0
        block[0][other] = block[0][other].tocsr()

    decay = np.array(labels)[order] @ np.array(solver.ados.vk)
    free = -1j * (energies[None, None, :] - energies[None, :, None]) - decay[:, None, None]

    def relax(t: int, right: Vector) -> Vector:
        """Solve for a tier t > 0 in its free decay. QuTiP stacks columns: rows of the array are columns of ρ."""
        transposed = vectors.T @ right.reshape(-1, dimension, dimension) @ vectors.conj()
        transposed /= free[ends[t] : ends[t + 1]]
        return np.asarray(vectors.conj() @ transposed @ vectors.T).ravel()

    reduced = block[0][0].toarray()
    if depth > 0:
        first = block[1][0].toarray()
        reduced -= block[0][1] @ np.stack([relax(1, column) for column in first.T], axis=1)
    factors = scipy.linalg.lu_factor(reduced)

    def sweep(right: Vector) -> Vector:
        down = [right[rows] for rows in of_tier]
        for t in range(depth, 0, -1):
            if t < depth:
                down[t] = down[t] - block[t][t + 1] @ down[t + 1]
            down[t] = relax(t, down[t])
        start = down[0] - block[0][1] @ down[1] if depth > 0 else down[0]
        up = [scipy.linalg.lu_solve(factors, start)]
        for t in range(1, depth + 1):
            up.append(down[t] - relax(t, block[t][t - 1] @ up[t - 1]))
        return np.concatenate(up)

    def apply(x: Vector) -> Vector:
        return np.concatenate(
            [sum(matrix @ x[of_tier[other]] for other, matrix in block[t].items()) for t in range(depth + 1)]
        )

    trace = np.zeros(len(scale), dtype=complex)
    trace[0] = 1
    solution = _solve(apply, sweep, trace, on_iteration)
    if solution is None:
        return None
    operators = np.empty_like(solution)
    operators[permutation] = solution * scale
    return operators.reshape(-1, dimension, dimension).transpose(0, 2, 1)


def _scales(solver: HEOMSolver) -> NDArray[np.float64]:
    """√(Π_k n_k! |c_k|^n_k) of every operator."""
    sizes = [
        math.log(abs(c) + abs(imaginary or 0)) for c, imaginary in zip(solver.ados.ck, solver.ados.ck2, strict=True)
    ]
    return np.array(
        [
            math.exp(sum(math.lgamma(n + 1) + n * size for n, size in zip(label, sizes, strict=True)) / 2)
            for label in solver.ados.labels
        ]
    )


def _scaled(
    block: scipy.sparse.csr_array, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> scipy.sparse.csr_array:
    return (scipy.sparse.diags(1 / rows) @ block @ scipy.sparse.diags(columns)).tocsr()


def _solve(
    apply: Callable[[Vector], Vector],
    sweep: Callable[[Vector], Vector],
    right: Vector,
    on_iteration: Callable[[int], None],
) -> Vector | None:
    """Solve by GMRES, and once more for the residual."""
    shape = (len(right), len(right))
    operator = scipy.sparse.linalg.LinearOperator(shape, apply, dtype=complex)
    preconditioner = scipy.sparse.linalg.LinearOperator(shape, sweep, dtype=complex)
    count = 0

    def counted(_: float) -> None:
        nonlocal count
        count += 1
        on_iteration(count)

    solution = np.zeros_like(right)
    for tolerance in (TOLERANCE, REFINEMENT):
        step, failed = scipy.sparse.linalg.gmres(
            operator,
            right - apply(solution),
            rtol=tolerance,
            restart=RESTART,
            maxiter=CYCLES,
            M=preconditioner,
            callback=counted,
            callback_type="pr_norm",
        )
        if failed and tolerance == TOLERANCE:
            return None
        solution = solution + step
    return solution
