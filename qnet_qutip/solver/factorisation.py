"""Factorisations of the generator: dense for a few hundred unknowns, sparse where its fill is bearable.

Each returns the approximate inverse of L as a function, so that the solver can refine with it. L is singular, as the
trace is conserved, and each factorisation deals with that in its own way; `ALGORITHM.md` has the derivations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg
from scipy.sparse.csgraph import breadth_first_order

from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Index, Real
from qnet_qutip.solver.superoperator import SectorGenerator

Inverse: TypeAlias = Callable[[Real], Real]

PIVOT_THRESHOLD = 0.01
"""How much smaller than the largest entry of its column a diagonal pivot may be before rows are exchanged. Small values
keep the order that limits the fill; what they cost in digits the refinement wins back. With 1, fill is up to five times
as large for a driven Jaynes-Cummings model."""

DISSECTED_OPERATIONS = 4e9
"""Multiplications by minimum degree from which nested dissection is tried as well: 0.3 s, of which it takes 0.05 to 0.1
itself. From 3.5e9 multiplications down it won back no more than that."""

UNDIVIDED, SMALLEST_SIDE, BALANCE = 200, 0.125, 0.75
"""Vertices that are not dissected further, the part of them that either side must have, and the power of the smaller
side that a separator's width is weighed against."""


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
        If the coherences alone are singular, or more than one state is left that nothing leaves, or rounding has left
        rates that are none.
    """
    sectors = generator.sectors
    diagonal, off, unknowns = sectors.diagonal, sectors.coherences, sectors.unknowns
    count = len(off)
    places = np.concatenate([off, diagonal])
    dense = generator.dense[places[:, None], places]
    into, rates = dense[count:, :count], dense[count:, count:]
    if count:
        inner, response = _solved(dense[:count, :count], dense[:count, count:])
        rates = rates - into.dot(response)
    # The state that loses most goes first: what is left to the end is where the probability is.
    order = rates.diagonal().argsort()
    factors = _rate_factors(rates.take(order, axis=0).take(order, axis=1), generator.decay)
    places = diagonal[order]
    if count:
        into, response = into.take(order, axis=0), response.take(order, axis=1)

    def solve(residual: Real) -> Real:
        source, solution = residual.take(places), np.empty(unknowns)
        if count:
            inner_solution = _substituted(inner, residual.take(off))
            source = source - into.dot(inner_solution)
        populations = _substituted(factors, source)
        solution[places] = populations
        if count:
            solution[off] = inner_solution - response.dot(populations)
        return solution

    if generator.decay:
        return Factorisation(solve, None)
    populations = _stationary(factors)
    steady = np.empty(unknowns)
    steady[places] = populations
    if count:
        steady[off] = -response.dot(populations)
    return Factorisation(solve, steady)


def stationary_populations(rates: Real) -> Real:
    """Steady state of a rate matrix, each population with the relative accuracy of the rates.

    Raises
    ------
    LinAlgError
        If more than one state is left that nothing leaves.
    """
    order = rates.diagonal().argsort()
    populations = np.empty(len(rates))
    populations[order] = _stationary(_rate_factors(rates.take(order, axis=0).take(order, axis=1), 0.0))
    return populations


def _stationary(factors: tuple[Real, Index]) -> Real:
    """The population that is free in the factors of a rate matrix, with those that follow from it; their sum is 1."""
    free = np.zeros(len(factors[0]))
    free[-1] = 1.0
    populations = _substituted(factors, free)
    whole = float(populations.sum())
    if not whole > 0.0:
        raise np.linalg.LinAlgError("what is left of the populations' rates is no rate matrix")
    return populations / whole


def _factors(matrix: Real) -> tuple[Real, Index]:
    factors, pivots, info = scipy.linalg.lapack.dgetrf(matrix)
    if info > 0:
        raise np.linalg.LinAlgError("the matrix is singular")
    return factors, pivots


def _solved(matrix: Real, right: Real) -> tuple[tuple[Real, Index], Real]:
    """Factors of a matrix, and the solution for the columns of another; `dgetrs` starts threads for several columns."""
    triangles, pivots, solution, info = scipy.linalg.lapack.dgesv(matrix, right)
    if info > 0:
        raise np.linalg.LinAlgError("the matrix is singular")
    return (triangles, pivots), solution


def _substituted(factors: tuple[Real, Index], right: Real) -> Real:
    solution: Real = scipy.linalg.lapack.dgetrs(factors[0], factors[1], right)[0]
    return solution


def _rate_factors(rates: Real, decay: float) -> tuple[Real, Index]:
    """Elimination of a rate matrix whose columns sum to -decay, as LAPACK has it.

    Where nothing decays the last pivot vanishes: that population is free, a multiple of the steady state, and 1 stands
    in the pivot's place.

    Returns
    -------
    ndarray, shape (states, states)
        The multipliers below the diagonal, of the unit lower triangle, and the upper triangle with the pivots.
    ndarray of int, shape (states,)
        The order of the rows, which is their own. (LAPACK's solver of one triangle starts threads for a 3 x 3 matrix.)
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
    if not triangles[-1, -1]:
        triangles[-1, -1] = 1.0
    return triangles, np.arange(count)


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
    """Order the unknowns by minimum degree or nested dissection and count the fill, before anything is factorised.

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
    found = _counted(graph, _minimum_degree(graph))
    if found.operations > DISSECTED_OPERATIONS:
        found = min(found, _counted(graph, _dissected(graph)), key=lambda order: order.operations)
    return replace(found, order=np.argsort(found.order[pair], kind="stable"))


def _counted(graph: sp.csc_matrix, rank: Index) -> Elimination:
    """What it costs to eliminate pairs in this rank, the place of each in the order."""
    width = 2.0 * _degrees(graph, rank) + 2.0
    return Elimination(rank, float(4.0 * width.sum()), float(4.0 * (width**2).sum()))


def _minimum_degree(graph: sp.csc_matrix) -> Index:
    """The rank of each vertex by minimum degree."""
    # An incomplete factorisation that keeps next to nothing finds the order of the complete one.
    options = {"SymmetricMode": True}
    rank: Index = scipy.sparse.linalg.spilu(
        graph, drop_tol=1.0, fill_factor=1, permc_spec="MMD_AT_PLUS_A", options=options
    ).perm_c
    return rank


def _dissected(graph: sp.csc_matrix) -> Index:
    """The rank of each vertex by nested dissection, and by minimum degree within the pieces that are left.

    A level of a breadth-first search separates those before from those after it: they are eliminated first, and
    dissected in turn (George and Liu, SIAM J. Numer. Anal. 15, 1053 (1978)).
    """
    pieces: list[Index] = []
    undivided = [(np.arange(graph.shape[0]), graph.tocsr())]
    while undivided:
        vertices, within = undivided.pop()
        separator, sides = _divided(within)
        pieces.append(vertices[separator])
        undivided += [(vertices[side], within[side][:, side]) for side in sides]
    # Separators stand before what they separate so far.
    piece_of = np.empty(graph.shape[0], dtype=np.int64)
    for number, piece in enumerate(reversed(pieces)):
        piece_of[piece] = number
    entries = graph.tocoo()
    inside = piece_of[entries.row] == piece_of[entries.col]
    apart = sp.csc_matrix((entries.data[inside], (entries.row[inside], entries.col[inside])), shape=graph.shape)
    rank = np.empty_like(piece_of)
    rank[np.lexsort((_minimum_degree(apart), piece_of))] = np.arange(len(rank))
    return rank


def _divided(graph: sp.csr_matrix) -> tuple[Index, list[Index]]:
    """A separator of the graph and its two sides; all of it and no sides if it is small or has no separator."""
    count = graph.shape[0]
    everything = np.arange(count)
    if count <= UNDIVIDED:
        return everything, []
    order, _ = _levels(graph, 0)
    if len(order) < count:
        return everything[:0], [order, np.setdiff1d(everything, order)]
    best, divided = np.inf, (everything, list[Index]())
    for _ in range(2):
        # From one end of the graph, and from the other.
        order, bounds = _levels(graph, order[-1])
        widths = np.diff(bounds)
        smaller = np.minimum(bounds[:-1], count - bounds[1:])
        costs = np.where(smaller >= SMALLEST_SIDE * count, widths / np.maximum(smaller, 1) ** BALANCE, np.inf)
        level = int(np.argmin(costs))
        if costs[level] < best:
            best, (first, last) = costs[level], bounds[level : level + 2]
            divided = order[first:last], [order[:first], order[last:]]
    return divided


def _levels(graph: sp.csr_matrix, start: int) -> tuple[Index, Index]:
    """The vertices that a breadth-first search reaches, in order, and where each level begins, and the last ends."""
    order, parents = breadth_first_order(graph, start)
    place = np.empty(graph.shape[0], dtype=np.int64)
    place[order] = np.arange(len(order))
    parent_places = place[parents[order[1:]]]
    bounds = [0, 1]
    while bounds[-1] < len(order):
        bounds.append(1 + int(np.searchsorted(parent_places, bounds[-1])))
    return order, np.array(bounds)


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
