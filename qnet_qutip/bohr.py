"""Coupling operators split by Bohr frequency: the one decomposition that all master equations are made of.

With H|n⟩ = E_n|n⟩, S(ω) = Σ_{E_n - E_m = ω} |m⟩⟨m|S|n⟩⟨n| lowers the energy by ω, and S = Σ_ω S(ω). A bath that couples
through (a + a†)R, the *full* coupling, has one operator S = a + a†. In the *rotating wave*, aR† + a†R, it has two, each
with rates of one sign only: a with those of ω > 0 and a† with those of ω < 0.

For a network of harmonic oscillators the Bohr frequencies are those of the normal modes, a(ω_k) = u_k d_k, whatever the
truncation. Otherwise H is diagonalised in its space, block by block, and S(ω) is given in its eigenbasis. Frequencies
that rounding alone tells apart are one; those that are told apart by less than can be trusted are reported, and refused
where they matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qnet_qutip.modes import NormalModes
from qnet_qutip.network import Node, TwoLevel
from qnet_qutip.progress import one_by_one
from qnet_qutip.rates import Rate
from qnet_qutip.solver.generator import (
    compressed_rows,
    operator_like,
    operator_of,
    operator_with,
    sparse_matrix,
)

EPS = float(np.finfo(float).eps)

ROUNDING = 64 * EPS
"""Distance of two Bohr frequencies, relative to the largest energy, that is rounding: eigenvalues are right to a few
EPS of their block's norm, and a frequency is a difference of two."""

RESOLVED = 1e3
"""How many times its rounding a gap must be to count as one."""

EXTENDED_STATES = 64
"""Dimension up to which matrices are dense and in extended precision (80 bits on most machines), which takes a tenth of
a second there; larger ones are sparse and in double precision."""

ROUNDED_GAP = 1e-10
"""Relative error that rounding to double precision may make of the gap between two levels: so large is that of a
current whose nodes the gap couples."""

FEW_OPERATORS = 16
"""Number of operators up to which they are added as such: two take 0.05 ms, and a list of all elements, from which the
hundreds that anharmonic nodes have are added in a hundredth of the time, takes 0.1 ms to make."""

AnyMatrix: TypeAlias = NDArray[Any] | sp.csr_array


@dataclass(frozen=True)
class UnresolvedGap:
    """Two Bohr frequencies that are closer than double precision can be trusted to tell apart.

    Attributes
    ----------
    lower, upper : float
        The two frequencies.
    weight : float
        Product of the two transitions' amplitudes relative to the whole coupling operator: what their interference
        could make up.
    """

    lower: float
    upper: float
    weight: float


@dataclass(frozen=True, eq=False)
class Split:
    """An operator split by Bohr frequency.

    Attributes
    ----------
    frequencies : tuple of float
        ω, each once, ascending; S(ω) lowers the energy by ω.
    operators : tuple of Qobj
        S(ω), in the same order.
    weights : tuple of float
        Σ|⟨m|S|n⟩|² over the transitions of each frequency, or |⟨node|mode⟩|² where those are normal modes.
    unresolved : tuple of UnresolvedGap
        Frequencies that may be one or two.
    """

    frequencies: tuple[float, ...]
    operators: tuple[qutip.Qobj, ...]
    weights: tuple[float, ...]
    unresolved: tuple[UnresolvedGap, ...] = ()

    def with_adjoint(self) -> Split:
        """The split of S + S† where S only lowers the energy."""
        raised = self.adjoint()
        return Split(
            raised.frequencies + self.frequencies,
            raised.operators + self.operators,
            raised.weights + self.weights,
            self.unresolved,
        )

    def adjoint(self) -> Split:
        """The split of S†: S(ω)† raises the energy by ω."""
        return Split(
            tuple(-frequency for frequency in reversed(self.frequencies)),
            tuple(operator_with(operator, qutip.data.adjoint(operator.data)) for operator in reversed(self.operators)),
            self.weights[::-1],
            self.unresolved,
        )


@dataclass(frozen=True, eq=False)
class CouplingOperator:
    """A coupling operator S of a bath, split by Bohr frequency, with the rates that the bath gives it.

    Attributes
    ----------
    split : Split
    bath : Rate
        What gives the rates γ(ω).
    """

    split: Split
    bath: Rate

    @property
    def frequencies(self) -> tuple[float, ...]:
        """ω, ascending."""
        return self.split.frequencies

    @property
    def operators(self) -> tuple[qutip.Qobj, ...]:
        """S(ω) of each frequency."""
        return self.split.operators

    @cached_property
    def rates(self) -> tuple[float, ...]:
        """γ(ω) of each frequency."""
        return tuple(self.bath.rate(frequency) for frequency in self.frequencies)

    def half_correlations(self, level_shift: bool) -> list[complex]:
        """½γ(ω) + i𝒮(ω) of each frequency: half the Fourier transform of the bath's correlations, or its real part."""
        shifts = self.level_shifts() if level_shift else [0.0] * len(self.rates)
        return [complex(rate / 2, shift) for rate, shift in zip(self.rates, shifts, strict=True)]

    def level_shifts(self) -> list[float]:
        """𝒮(ω) of each frequency."""
        return one_by_one(f"level shifts{self.bath.of}", self.bath.level_shift, self.frequencies)

    def weighted(self, weights: Sequence[complex] | NDArray[Any]) -> qutip.Qobj:
        """Σ_ω w(ω) S(ω), for a weight for each frequency; sparse."""
        if len(self.operators) <= FEW_OPERATORS:
            return sum(weight * operator for weight, operator in zip(weights, self.operators, strict=True)).to("CSR")
        number, slots, elements, columns, starts = self._elements
        scaled = np.asarray(weights)[number] * elements
        sums = np.zeros(len(columns), dtype=complex)
        np.add.at(sums, slots, scaled)
        if np.count_nonzero(sums) < len(sums):
            kept = sums != 0
            starts = np.concatenate([[0], np.cumsum(kept)])[starts].astype(np.int32)
            sums, columns = sums[kept], columns[kept]
        made = self.operators[0].copy()
        made.data = qutip.data.CSR((sums, columns, starts), shape=made.shape)
        return made

    @cached_property
    def _elements(self) -> tuple[NDArray[Any], ...]:
        """The elements of all S(ω) in one list, and where they are in a matrix that holds them all.

        Returns
        -------
        number, slots, elements : ndarray, shape (elements,)
            Number of the frequency, place among the entries of the matrix, and ⟨m|S|n⟩.
        columns, starts : ndarray of int
            Of the matrix, as compressed rows.
        """
        stored = [compressed_rows(operator) for operator in self.operators]
        dimension = self.operators[0].shape[0]
        places = np.concatenate(
            [
                np.arange(dimension).repeat(starts[1:] - starts[:-1]) * dimension + columns
                for _, columns, starts in stored
            ]
        )
        number = np.arange(len(stored)).repeat([len(columns) for _, columns, _ in stored])
        found, slots = np.unique(places, return_inverse=True)
        starts = found.searchsorted(np.arange(dimension + 1) * dimension)
        elements = np.concatenate([values for values, _, _ in stored])
        return number, slots, elements, (found % dimension).astype(np.int32), starts.astype(np.int32)

    @cached_property
    def operator(self) -> qutip.Qobj:
        """S = Σ_ω S(ω)."""
        return self.weighted([1.0] * len(self.operators))


@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """Energies and eigenvectors of a Hamiltonian.

    Attributes
    ----------
    energies : ndarray, shape (dimension,)
    vectors : ndarray or csr_array, shape (dimension, dimension)
        An eigenvector in each column, nonzero in one block of H only.
    """

    energies: NDArray[np.float64]
    vectors: AnyMatrix

    def rotated(self, operator: qutip.Qobj) -> qutip.Qobj:
        """An operator that is given in the eigenbasis, in the basis of the Hamiltonian: VXV†."""
        return self._transformed(operator, self.vectors)

    def in_eigenbasis(self, operator: qutip.Qobj) -> qutip.Qobj:
        """An operator that is given in the basis of the Hamiltonian, in the eigenbasis: V†XV."""
        return self._transformed(operator, self.vectors.conj().T)

    @staticmethod
    def _transformed(operator: qutip.Qobj, vectors: AnyMatrix) -> qutip.Qobj:
        matrix = sparse_matrix(operator)
        if isinstance(vectors, np.ndarray):
            # Few entries: a product of those rows and columns alone.
            rows, columns = matrix.tocoo().coords
            if len(rows) <= len(vectors):
                return operator_like(operator, vectors[:, rows] * matrix.data @ vectors[:, columns].conj().T)
            return operator_like(operator, vectors @ matrix.toarray() @ vectors.conj().T)
        return operator_like(operator, (vectors @ matrix @ vectors.conj().T).tocsr())

    @property
    def rounding(self) -> float:
        """Distance of two Bohr frequencies that is rounding."""
        return ROUNDING * float(np.abs(self.energies).max(initial=0.0))

    @property
    def close_levels(self) -> bool:
        """Whether two levels of a small space are apart, but too close for their energies to say by how much.

        In larger spaces levels come as close by chance.
        """
        if len(self.energies) > EXTENDED_STATES:
            return False
        gaps = np.diff(np.sort(self.energies))
        largest = EPS * float(np.abs(self.energies).max(initial=0.0)) / ROUNDED_GAP
        return bool(((gaps > self.rounding) & (gaps < largest)).any())


def eigenbasis(hamiltonian: qutip.Qobj) -> Eigenbasis:
    """Diagonalise a Hermitian operator block by block, so that what a symmetry forbids stays exactly zero."""
    matrix = _array(hamiltonian)
    blocks = _connected(matrix)
    energies = np.empty(matrix.shape[0])
    if isinstance(matrix, np.ndarray):
        vectors = np.zeros_like(matrix)
        for block in blocks:
            energies[block], vectors[np.ix_(block, block)] = _refined_eigenvectors(matrix[np.ix_(block, block)])
        return Eigenbasis(energies, vectors)
    values = []
    for block in blocks:
        of_couplings, shift = _relative_to_one(matrix[block][:, block].toarray())
        energies[block], of_block = np.linalg.eigh(of_couplings)
        energies[block] += shift
        values.append(of_block.ravel())
    rows = np.concatenate([np.repeat(block, len(block)) for block in blocks])
    columns = np.concatenate([np.tile(block, len(block)) for block in blocks])
    return Eigenbasis(energies, sp.csr_array((np.concatenate(values), (rows, columns)), shape=matrix.shape))


def _connected(matrix: AnyMatrix) -> list[NDArray[np.int64]]:
    """The states of each block of a Hermitian matrix."""
    if isinstance(matrix, np.ndarray):
        # What is reached in one step, two, four, ...; SciPy takes ten times as long for a few states, and entries below
        # 1e-8 of a dense matrix for no connection.
        reached = np.eye(len(matrix)) + (matrix != 0)
        for _ in range((len(matrix) - 1).bit_length()):
            reached = np.minimum(reached.dot(reached), 1.0)
        first = reached.argmax(axis=1)
        return [np.flatnonzero(first == state) for state in range(len(matrix)) if first[state] == state]
    count, labels = connected_components(matrix != 0, directed=False)
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels, minlength=count))[:-1])


def _refined_eigenvectors(matrix: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Eigenvalues and eigenvectors X of a Hermitian matrix A in extended precision.

    Those of weakly coupled nodes have small components, whose squares a current is made of: at ε/Δ = 1e-8 those that
    are right to 1e-16 of the vector have lost half of their digits. One step of Newton's iteration from them restores
    these (Ogita and Aishima, Japan J. Indust. Appl. Math. 35, 1007 (2018), algorithm 1): with R = 1 - X†X and S = X†AX,
    λ_i = S_ii/(1 - R_ii) and E_ij = (S_ij + λ_j R_ij)/(λ_j - λ_i), or R_ij/2 where the two are equal, X(1 + E) is right
    to the square of the error of X.
    """
    if len(matrix) == 1:
        return matrix.diagonal().real.astype(float), np.ones_like(matrix)
    matrix, shift = _relative_to_one(matrix)
    rough = np.linalg.eigh(matrix.astype(complex if np.iscomplexobj(matrix) else float))[1]
    vectors = rough.astype(matrix.dtype)
    missing = np.eye(len(matrix)) - vectors.conj().T @ vectors
    rotated = vectors.conj().T @ matrix @ vectors
    energies = rotated.diagonal().real / (1 - missing.diagonal().real)
    distances = energies[None, :] - energies[:, None]
    equal = np.abs(distances) <= ROUNDING * np.abs(energies).max()
    correction = np.where(equal, missing / 2, (rotated + energies[None, :] * missing) / np.where(equal, 1.0, distances))
    return (energies + shift).astype(float), vectors + vectors @ correction


def _relative_to_one(matrix: NDArray[Any]) -> tuple[NDArray[Any], Any]:
    """A Hermitian matrix less one of its energies, and that.

    Of nodes in resonance only the couplings are left, which then do not drown in the rounding of the frequencies.
    """
    shift = matrix[0, 0].real
    return matrix - shift * np.eye(len(matrix), dtype=matrix.dtype), shift


def _array(operator: qutip.Qobj) -> AnyMatrix:
    """A matrix to multiply with: dense and in extended precision where it is small."""
    if operator.shape[0] > EXTENDED_STATES:
        return sparse_matrix(operator)
    matrix = operator.full()
    return matrix.astype(np.clongdouble) if matrix.imag.any() else matrix.real.astype(np.longdouble)


def transition_elements(
    basis: Eigenbasis, operator: qutip.Qobj
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.complex128]]:
    """⟨m|S|n⟩ in the eigenbasis, without what is rounding of a zero: m, n and the matrix elements."""
    rotated = basis.vectors.conj().T @ _array(operator) @ basis.vectors
    if isinstance(rotated, np.ndarray):
        rows, columns = rotated.nonzero()
        values = rotated[rows, columns]
    else:
        rows, columns = rotated.tocoo().coords
        values = rotated.tocoo().data
    kept = np.abs(values) > 16 * np.finfo(values.dtype).eps * np.abs(values).max(initial=0.0)
    return rows[kept], columns[kept], values[kept]


def split(basis: Eigenbasis, operator: qutip.Qobj) -> Split:
    """Split an operator by the Bohr frequencies of a Hamiltonian.

    Parameters
    ----------
    basis : Eigenbasis
    operator : Qobj

    Returns
    -------
    Split
        In the eigenbasis: there S(ω) has no more entries than it has transitions.
    """
    rows, columns, elements = transition_elements(basis, operator)
    frequencies = basis.energies[columns] - basis.energies[rows]
    groups, unresolved = grouped(frequencies, np.abs(elements), basis.rounding)
    operators, means, weights = [], [], []
    for group in groups:
        operators.append(operator_of(operator, rows[group], columns[group], elements[group]))
        squares = np.abs(elements[group]) ** 2
        # A zero that rounding makes ±1e-16 would be on one side of zero, where a rate may be huge or none.
        zero = np.abs(frequencies[group]).min() <= basis.rounding
        means.append(0.0 if zero else float(squares @ frequencies[group] / squares.sum()))
        weights.append(float(squares.sum()))
    return Split(tuple(means), tuple(operators), tuple(weights), unresolved)


def grouped(
    frequencies: NDArray[np.float64], amplitudes: NDArray[np.float64], rounding: float
) -> tuple[list[NDArray[np.int64]], tuple[UnresolvedGap, ...]]:
    """Members of each Bohr frequency, in ascending order, and the gaps between them that are not resolved.

    Examples
    --------
    >>> groups, unresolved = grouped(np.array([5.0, 3.0, 5.0 + 1e-15]), np.ones(3), 1e-13)
    >>> [group.tolist() for group in groups], unresolved
    ([[1], [0, 2]], ())
    """
    order = np.argsort(frequencies, kind="stable")
    ascending, whole = frequencies[order], float(np.linalg.norm(amplitudes))
    gaps = np.diff(ascending)
    groups = np.split(order, np.flatnonzero(gaps > rounding) + 1) if len(order) else []
    unresolved = []
    for lower, upper in pairwise(groups):
        last, first = float(frequencies[lower[-1]]), float(frequencies[upper[0]])
        if first - last <= RESOLVED * rounding:
            sizes = [float(np.linalg.norm(amplitudes[group])) for group in (lower, upper)]
            unresolved.append(UnresolvedGap(last, first, sizes[0] * sizes[1] / whole**2))
    for group in groups:
        # A chain of small steps that is wide as a whole.
        width = float(frequencies[group[-1]] - frequencies[group[0]])
        if width > 4 * rounding:
            size = float(np.linalg.norm(amplitudes[group]))
            ends = float(frequencies[group[0]]), float(frequencies[group[-1]])
            unresolved.append(UnresolvedGap(*ends, (size / whole) ** 2))
    return groups, tuple(unresolved)


def split_in_modes(modes: NormalModes, node: str, ladder: Mapping[str, qutip.Qobj], coupling: str) -> Split:
    """Split the coupling operator of a node of a harmonic network into its normal modes', whatever the truncation.

    Parameters
    ----------
    modes : NormalModes
    node : str
    ladder : mapping of str to Qobj
        d_k of each mode.
    coupling : {"rotating-wave", "full"}
        Whether to split a = Σ_k u_k d_k + v_k d_k†, or a + a† = Σ_k (u_k + v_k)(d_k + d_k†).
    """
    terms = []
    for mode, frequency in modes.frequencies.items():
        down, up = modes.expansion[node][mode], modes.counter_rotating[node][mode]
        if coupling == "full":
            down = up = down + up
        terms += [(frequency, down, ladder[mode]), (-frequency, up, ladder[mode].dag())]
    terms = [term for term in terms if term[1] != 0]
    frequencies = np.array([frequency for frequency, _, _ in terms])
    amplitudes = np.array([amplitude for _, amplitude, _ in terms])
    rounding = ROUNDING * max(modes.frequencies.values())
    groups, unresolved = grouped(frequencies, np.abs(amplitudes), rounding)
    operators = tuple(sum(terms[member][1] * terms[member][2] for member in group).to("CSR") for group in groups)
    means = tuple(float(np.average(frequencies[group], weights=amplitudes[group] ** 2)) for group in groups)
    weights = tuple(float(np.sum(amplitudes[group] ** 2)) for group in groups)
    return Split(means, operators, weights, unresolved)


def split_by_itself(node: Node, lowering: qutip.Qobj, excitations: NDArray[np.int64]) -> Split:
    """Split the lowering operator of a node without its couplings: one frequency, or one a level if it is anharmonic.

    Parameters
    ----------
    node : Oscillator or TwoLevel
    lowering : Qobj
    excitations : ndarray of int, shape (dimension,)
        Those of the node in each basis state.
    """
    if isinstance(node, TwoLevel) or not node.anharmonicity:
        return Split((node.frequency,), (lowering,), (1.0,))
    matrix = sparse_matrix(lowering)
    levels = range(1, int(excitations.max()) + 1)
    from_level = [(matrix @ sp.diags_array((excitations == level).astype(float))).tocsr() for level in levels]
    return Split(
        tuple(node.frequency + node.anharmonicity * (level - 1) for level in levels),
        tuple(operator_like(lowering, found) for found in from_level),
        tuple(map(float, levels)),
    )
