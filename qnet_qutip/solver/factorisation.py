"""Factorisations of the generator: dense for a few hundred unknowns, sparse where its fill is bearable.

Each returns the approximate inverse of L as a function, so that the solver can refine with it. L is singular, as the
trace is conserved, and each factorisation deals with that in its own way; `ALGORITHM.md` has the derivations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Index, Real
from qnet_qutip.solver.superoperator import SectorGenerator

Inverse: TypeAlias = Callable[[Real], Real]

PIVOT_THRESHOLD = 0.01
"""How much smaller than the largest entry of its column a diagonal pivot may be before rows are exchanged. Small values
keep the order that limits the fill; what they cost in digits the refinement wins back. With 1, fill is up to five times
as large for a driven Jaynes-Cummings model."""


@dataclass(frozen=True, eq=False)
class Factorisation:
    """An approximate inverse of L, and the steady state as it gives it (of unit trace; None where s > 0)."""

    solve: Inverse
    steady_state: Real | None


# ---------------------------------------------------------------- dense


def eliminated(generator: OnSectors) -> Factorisation:
    """Coherences eliminated first, then the populations as in a Markov chain, without subtractions.

    The Schur complement R of the coherences is a rate matrix of the populations: its columns sum to zero, as those of L
    do. Each pivot is taken as minus the sum of the rates that are left in its column (Grassmann, Taksar and Heyman,
    Oper. Res. 33, 1107 (1985)), which keeps the relative accuracy of the smallest rate however large the others are.

    Raises
    ------
    LinAlgError
        If the coherences alone are singular, or more than one state is left that nothing leaves.
    """
    diagonal, unknowns = generator.sectors.diagonal, generator.sectors.unknowns
    is_coherence = np.ones(unknowns, dtype=bool)
    is_coherence[diagonal] = False
    off = np.flatnonzero(is_coherence)
    count = len(off)
    places = np.concatenate([off, diagonal])
    dense = generator.dense[places[:, None], places]
    into, rates = dense[count:, :count], dense[count:, count:]
    if count:
        inner = _factors(dense[:count, :count])
        response = _substituted(inner, dense[:count, count:])
        rates = rates - into @ response
    # The state that loses most goes first: what is left to the end is where the probability is.
    order = rates.diagonal().argsort()
    triangles, free = _rate_factors(rates[order[:, None], order], generator.decay)
    places = diagonal[order]
    if count:
        into, response = into[order], response[:, order]

    def solve(residual: Real) -> Real:
        solution = np.empty_like(residual)
        source = residual[places]
        if count:
            inner_solution = _substituted(inner, residual[off])
            source = source - into @ inner_solution
        populations = _triangular_solution(triangles, source, lower=1, unitdiag=1)
        if free:
            populations[-1] = 0.0
        populations = _triangular_solution(triangles, populations)
        solution[places] = populations
        if count:
            solution[off] = inner_solution - response @ populations
        return solution

    if generator.decay:
        return Factorisation(solve, None)
    last = np.zeros(len(order))
    last[-1] = 1.0
    populations = _triangular_solution(triangles, last)
    populations /= populations.sum()
    steady = np.empty(unknowns)
    steady[places] = populations
    if count:
        steady[off] = -(response @ populations)
    return Factorisation(solve, steady)


def _factors(matrix: Real) -> tuple[Real, Index]:
    factors, pivots, info = scipy.linalg.lapack.dgetrf(matrix)
    if info > 0:
        raise np.linalg.LinAlgError("the matrix is singular")
    return factors, pivots


def _substituted(factors: tuple[Real, Index], right: Real) -> Real:
    solution: Real = scipy.linalg.lapack.dgetrs(factors[0], factors[1], right)[0]
    return solution


def _rate_factors(rates: Real, decay: float) -> tuple[Real, bool]:
    """Elimination of a rate matrix whose columns sum to -decay.

    Returns
    -------
    ndarray, shape (states, states)
        The multipliers below the diagonal, of the unit lower triangle, and the upper triangle with the pivots.
    bool
        Whether the last pivot vanishes, as where nothing decays: that population is free, a multiple of the steady
        state, and 1 stands in the pivot's place.
    """
    # The decay is a rate into one state more, which nothing leaves.
    count = len(rates)
    table = np.empty((count + 1, count), order="F")
    table[:count], table[count] = rates, decay
    for state in range(count):
        below = table[state + 1 :, state]
        pivot = -below.sum()
        table[state, state] = pivot
        if state < count - 1:
            if pivot == 0.0:
                raise np.linalg.LinAlgError("two states are left that nothing leaves")
            below /= pivot
            table[state + 1 :, state + 1 :] -= below[:, None] * table[state, state + 1 :]
    triangles = np.asfortranarray(table[:count])
    free = not triangles[-1, -1]
    if free:
        triangles[-1, -1] = 1.0
    return triangles, free


def _triangular_solution(triangles: Real, right: Real, **triangle: int) -> Real:
    solution: Real = scipy.linalg.lapack.dtrtrs(triangles, right, **triangle)[0]
    return solution


def bordered(generator: OnSectors) -> Factorisation:
    """L with the trace added to one of its rows, factorised with partial pivoting.

    Raises
    ------
    LinAlgError
        If that is singular: there are several steady states.
    """
    dense, sectors = generator.dense.copy(), generator.sectors
    scale = float(np.abs(dense).max()) or 1.0
    row = int(sectors.diagonal[np.argmax(dense[sectors.diagonal, sectors.diagonal])])
    if not generator.decay:
        dense[row, sectors.diagonal] -= scale
    factors = _factors(dense)
    steady = None
    if not generator.decay:
        source = np.zeros(sectors.unknowns)
        source[row] = -scale
        steady = _substituted(factors, source)
    return Factorisation(lambda residual: _substituted(factors, residual), steady)


# ---------------------------------------------------------------- sparse


@dataclass(frozen=True, eq=False)
class Elimination:
    """An order of the unknowns that keeps the fill small, and what it costs.

    Attributes
    ----------
    order : ndarray of int, shape (unknowns,)
    fill : float
        Entries of both factors.
    operations : float
        Multiplications of the factorisation.
    """

    order: Index
    fill: float
    operations: float


def elimination(generator: SectorGenerator) -> Elimination:
    """Order the unknowns by minimum degree and count the fill, before anything is factorised.

    G_jk and G_kj are coupled by H and by whatever else couples either, so that the graph is that of the pairs. The fill
    is that of a symmetric pattern, counted exactly: the neighbours of an eliminated pair become those of its parent,
    the first of them.
    """
    sectors, matrix = generator.sectors, generator.matrix
    rows, columns = sectors.states_of_places(0, sectors.unknowns)
    lower = sectors.row_places[np.maximum(rows, columns)] + sectors.column_places[np.minimum(rows, columns)]
    first, pair = np.unique(lower, return_inverse=True)
    count = len(first)
    coo = matrix.tocoo()
    graph = sp.coo_matrix((np.ones(coo.nnz), (pair[coo.coords[0]], pair[coo.coords[1]])), shape=(count, count)).tocsc()
    graph.data[:] = 1.0
    graph = sp.csc_matrix(graph + graph.T + count * sp.eye_array(count))
    # An incomplete factorisation that keeps next to nothing finds the order of the complete one.
    options = {"SymmetricMode": True}
    incomplete = scipy.sparse.linalg.spilu(
        graph, drop_tol=1.0, fill_factor=1, permc_spec="MMD_AT_PLUS_A", options=options
    )
    rank = incomplete.perm_c
    degrees = _degrees(graph, rank)
    width = 2.0 * degrees + 2.0
    return Elimination(np.argsort(rank[pair], kind="stable"), float(4.0 * width.sum()), float(4.0 * (width**2).sum()))


def _degrees(graph: sp.csc_matrix, rank: Index) -> Real:
    """Neighbours of each vertex of a symmetric graph at its elimination, as sets of bits."""
    count = len(rank)
    coo = graph.tocoo()
    row, column = rank[coo.row], rank[coo.col]
    later = column > row
    row, column = row[later], column[later]
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    starts = np.searchsorted(row, np.arange(count + 1))
    neighbours: list[int] = [0] * count
    degrees = np.zeros(count)
    for vertex in range(count):
        own = column[starts[vertex] : starts[vertex + 1]] - vertex
        # Bit d stands for vertex + d.
        bits = neighbours[vertex]
        neighbours[vertex] = 0
        for distance in own.tolist():
            bits |= 1 << distance
        degrees[vertex] = bits.bit_count()
        if bits:
            parent = (bits & -bits).bit_length() - 1
            neighbours[vertex + parent] |= (bits >> parent) & ~1
    return degrees


def sparse(generator: SectorGenerator, order: Index) -> Factorisation:
    """SuperLU of L in a given order, with an extra loss from the state that loses least.

    For a residual of zero trace that loss changes nothing: the trace of (L - wP)x = r demands a vanishing population
    of that state.

    Raises
    ------
    LinAlgError
        If the matrix is singular: there are several steady states.
    """
    matrix, sectors = generator.matrix, generator.sectors
    scale = float(np.abs(matrix.data).max(initial=0.0)) or 1.0
    losses = matrix.diagonal()[sectors.diagonal]
    pinned = int(sectors.diagonal[np.argmax(losses)])
    if not generator.decay:
        matrix = matrix - sp.coo_array(([scale], ([pinned], [pinned])), shape=matrix.shape)
    ordered = sp.csc_matrix(matrix.tocsr()[order][:, order])
    try:
        factors = scipy.sparse.linalg.splu(
            ordered, permc_spec="NATURAL", diag_pivot_thresh=PIVOT_THRESHOLD, options={"SymmetricMode": True}
        )
    except RuntimeError as error:
        raise np.linalg.LinAlgError(str(error)) from None

    def solve(residual: Real) -> Real:
        solution = np.empty_like(residual)
        solution[order] = factors.solve(residual[order])
        return solution

    steady = None
    if not generator.decay:
        source = np.zeros(sectors.unknowns)
        source[pinned] = -scale
        steady = solve(source)
        steady /= steady[sectors.diagonal].sum()
    return Factorisation(solve, steady)
