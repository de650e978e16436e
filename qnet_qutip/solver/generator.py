"""The generator of a master equation as sparse matrices: Hamiltonian, jumps and losses, never the Liouvillian.

L(ρ) = -i[H, ρ] + Σ_bath D(ρ) with D(ρ) = Σ AρB† - (Mρ + ρM†). A collapse operator L gives the jump (L, L) and the loss
M = ½L†L. A pair (S, Λ), the form of Redfield's equation, gives the jumps (Λ, S) and (S, Λ) and the loss M = S†Λ:
D(ρ) = ΛρS† + SρΛ† - S†Λρ - ρΛ†S.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import qutip
import scipy.sparse as sp

CollapseOperator: TypeAlias = qutip.Qobj | tuple[qutip.Qobj, qutip.Qobj]


@dataclass(frozen=True, eq=False)
class Dissipator:
    """One bath's part: jumps (A, B), standing for AρB†, and the factors (S, Λ) whose sum S†Λ is the loss M."""

    jumps: tuple[tuple[sp.csr_array, sp.csr_array], ...]
    loss_factors: tuple[tuple[sp.csr_array, sp.csr_array], ...]
    loss: sp.csr_array


@dataclass(frozen=True, eq=False)
class Generator:
    """H and the dissipators by bath, each matrix of shape (dimension, dimension)."""

    hamiltonian: sp.csr_array
    dissipators: Mapping[str, Dissipator]

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return int(self.hamiltonian.shape[0])

    @property
    def loss(self) -> sp.csr_array:
        """M of all baths together."""
        return sum((part.loss for part in self.dissipators.values()), sp.csr_array(self.hamiltonian.shape)).tocsr()

    def permuted(self, order: np.ndarray) -> Generator:
        """The same generator with the basis states in another order."""

        def move(matrix: sp.csr_array) -> sp.csr_array:
            return matrix[order][:, order].tocsr()

        return Generator(
            move(self.hamiltonian),
            {
                bath: Dissipator(
                    tuple((move(left), move(right)) for left, right in part.jumps),
                    tuple((move(left), move(right)) for left, right in part.loss_factors),
                    move(part.loss),
                )
                for bath, part in self.dissipators.items()
            },
        )


def sparse_matrix(operator: qutip.Qobj) -> sp.csr_array:
    """A QuTiP operator as a SciPy matrix without stored zeros."""
    if isinstance(operator.data, qutip.data.Dense):
        # QuTiP's own conversion of a dense matrix drops entries below 1e-14.
        matrix = sp.csr_array(operator.full())
    else:
        # Operators can be stored by diagonals, which data_as cannot hand out as rows.
        matrix = sp.csr_array(operator.to("CSR").data_as("csr_matrix"))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix if matrix.data.imag.any() else matrix.real


def density_operator(hamiltonian: qutip.Qobj, matrix: sp.csr_array) -> qutip.Qobj:
    """A sparse Hermitian matrix as a QuTiP operator of the Hamiltonian's space."""
    # A copy of the Hamiltonian with other entries has its dimensions, those of an excitation-cut space included, and
    # is known to be Hermitian.
    rho = hamiltonian.copy()
    rho.data = qutip.data.CSR(sp.csr_matrix(matrix))
    return rho


def dense_block(matrix: sp.csr_array, rows: slice, columns: slice) -> np.ndarray:
    """A block of a sparse matrix as a dense array; many times faster for small blocks than SciPy's slicing."""
    entries = slice(matrix.indptr[rows.start], matrix.indptr[rows.stop])
    row = np.repeat(np.arange(rows.stop - rows.start), np.diff(matrix.indptr[rows.start : rows.stop + 1]))
    column = matrix.indices[entries] - columns.start
    inside = (column >= 0) & (column < columns.stop - columns.start)
    block = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=matrix.dtype)
    block[row[inside], column[inside]] = matrix.data[entries][inside]
    return block


def build_generator(hamiltonian: qutip.Qobj, collapse_operators: Mapping[str, Iterable[CollapseOperator]]) -> Generator:
    """Generator of a Hamiltonian and of collapse operators (or pairs) by bath."""
    size = hamiltonian.shape
    dissipators = {}
    for bath, members in collapse_operators.items():
        jumps: list[tuple[sp.csr_array, sp.csr_array]] = []
        factors: list[tuple[sp.csr_array, sp.csr_array]] = []
        for member in members:
            if isinstance(member, tuple):
                coupling, filtered = (sparse_matrix(part) for part in member)
                jumps += [(filtered, coupling), (coupling, filtered)]
                factors.append((coupling, filtered))
            else:
                jump = sparse_matrix(member)
                jumps.append((jump, jump))
                factors.append((jump, jump / 2))
        loss = sum((left.conj().T @ right for left, right in factors), sp.csr_array(size, dtype=complex))
        dissipators[bath] = Dissipator(tuple(jumps), tuple(factors), loss.tocsr())
    return Generator(sparse_matrix(hamiltonian), dissipators)
