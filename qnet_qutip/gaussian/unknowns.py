"""Second moments as one list of unknowns, and the equations of motion as a matrix for it.

δσ_xx' = -X_x δσ_xx + H_p δσ_px + transpose + Q_x, δσ_pp' = -X_p δσ_pp - H_x δσ_xp + transpose + Q_p,
δσ_xp' = -X_x δσ_xp - δσ_xp X_pᵀ + H_p δσ_pp - δσ_xx H_x + ½(H_p - H_x). If excitations are conserved, δσ_pp = δσ_xx and
δσ_xp is antisymmetric.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qnet_qutip.gaussian.moments import Moments, squeezing
from qnet_qutip.gaussian.twofold import Array, Twofold, concatenated, product

Term = tuple[int, int, int, float]
"""Row, column, number of the entry among those of X_x, X_p, H_x and H_p, and its factor."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each moment is in the list of unknowns.

    Attributes
    ----------
    number : int
        Of the unknowns.
    xx, pp, xp : ndarray of int, shape (n, n)
        Number of each moment.
    signs : ndarray, shape (n, n)
        Of xp.
    entries, factors : two ndarrays each, shape (number, number)
        The two entries that each element of the matrix is the sum of.
    """

    number: int
    xx: np.ndarray
    pp: np.ndarray
    xp: np.ndarray
    signs: Array
    entries: tuple[np.ndarray, np.ndarray]
    factors: tuple[Array, Array]


@lru_cache(maxsize=64)
def layout(n: int, conserving: bool) -> Layout:
    """The list of unknowns of n nodes."""
    upper = np.triu_indices(n)
    xx = np.zeros((n, n), dtype=int)
    xx[upper] = np.arange(len(upper[0]))
    xx = np.maximum(xx, xx.T)
    pairs = n * (n + 1) // 2
    if conserving:
        pp, number = xx, pairs + n * (n - 1) // 2
        above = np.triu_indices(n, 1)
        xp = np.zeros((n, n), dtype=int)
        xp[above] = np.arange(pairs, number)
        xp = np.maximum(xp, xp.T)
        signs = np.triu(np.ones((n, n)), 1) - np.tril(np.ones((n, n)), -1)
    else:
        pp, number = xx + pairs, 2 * pairs + n * n
        xp = np.arange(2 * pairs, number).reshape(n, n)
        signs = np.ones((n, n))
    found: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for row, column, entry, factor in _terms(n, xx, pp, xp, signs, conserving):
        found.setdefault((row, column), []).append((entry, factor))
    entries = (np.full((number, number), 4 * n * n), np.full((number, number), 4 * n * n))
    factors = (np.zeros((number, number)), np.zeros((number, number)))
    for (row, column), listed in found.items():
        for which, (entry, factor) in enumerate(listed):
            entries[which][row, column], factors[which][row, column] = entry, factor
    return Layout(number, xx, pp, xp, signs, entries, factors)


def _terms(n: int, xx: np.ndarray, pp: np.ndarray, xp: np.ndarray, signs: Array, conserving: bool) -> Iterator[Term]:
    def x_x(i: int, j: int) -> int:
        return i * n + j

    def x_p(i: int, j: int) -> int:
        return n * n + i * n + j

    def h_x(i: int, j: int) -> int:
        return 2 * n * n + i * n + j

    def h_p(i: int, j: int) -> int:
        return 3 * n * n + i * n + j

    for k in range(n):
        for m in range(n):
            for row, i, j in ((xx[k, m], k, m),) if k <= m else ():
                for o in range(n):
                    yield row, xx[o, j], x_x(i, o), -1.0
                    yield row, xx[i, o], x_x(j, o), -1.0
                    # (H_p σ_px)_ij + (σ_xp H_p)_ij
                    if signs[j, o]:
                        yield row, xp[j, o], h_p(i, o), signs[j, o]
                    if signs[i, o]:
                        yield row, xp[i, o], h_p(o, j), signs[i, o]
            if k <= m and not conserving:
                row = pp[k, m]
                for o in range(n):
                    yield row, pp[o, m], x_p(k, o), -1.0
                    yield row, pp[k, o], x_p(m, o), -1.0
                    yield row, xp[o, m], h_x(k, o), -1.0
                    yield row, xp[o, k], h_x(m, o), -1.0
            if k < m or not conserving:
                row = xp[k, m]
                for o in range(n):
                    if signs[o, m]:
                        yield row, xp[o, m], x_x(k, o), -signs[o, m]
                    if signs[k, o]:
                        yield row, xp[k, o], x_p(m, o), -signs[k, o]
                    yield row, pp[o, m], h_p(k, o), 1.0
                    yield row, xx[k, o], h_x(o, m), -1.0


def matrix(where: Layout, x_x: Twofold, x_p: Twofold, h_x: Twofold, h_p: Twofold) -> Twofold:
    """What multiplies the unknowns in their equations of motion, (count, number, number)."""
    flat = [part.high.reshape(len(part.high), -1) for part in (x_x, x_p, h_x, h_p)]
    lows = [part.low.reshape(len(part.low), -1) for part in (x_x, x_p, h_x, h_p)]
    zero = np.zeros((len(flat[0]), 1))
    high, low = np.concatenate([*flat, zero], axis=-1), np.concatenate([*lows, zero], axis=-1)
    (first, second), (one, other) = where.entries, where.factors
    return Twofold(high[:, first] * one, low[:, first] * one) + Twofold(high[:, second] * other, low[:, second] * other)


def sources(where: Layout, moments: Moments, q_x: Twofold, q_p: Twofold) -> Twofold:
    """What does not multiply unknowns, (count, number)."""
    n = q_x.shape[-1]
    upper = np.triu_indices(n)
    members = [q_x[:, *upper]]
    if moments.conserving:
        members.append(Twofold(np.zeros((len(q_x.high), where.number - len(upper[0])))))
    else:
        driven = squeezing(moments).reshape(len(q_x.high), n * n)
        members += [q_p[:, *upper], Twofold(driven)]
    return concatenated(members)


def currents(
    where: Layout, moments: Moments, damping: tuple[Twofold, Twofold], diffusion: tuple[Twofold, Twofold]
) -> tuple[Twofold, Twofold]:
    """Heat current of each bath as what it is without the unknowns, (count, baths), and their coefficients.

    J = Tr[½H_x(Q_x - 2X_x δσ_xx) + ½H_p(Q_p - 2X_p δσ_pp)] - ½Tr[(H_x - H_p)...] of the vacuum, see DERIVATION.md.
    """
    n = moments.positions.shape[-1]
    h_x, h_p = moments.positions[:, None], moments.momenta[:, None]
    constant = _trace(h_x, diffusion[0]) + _trace(h_p, diffusion[1])
    half = Twofold(constant.high / 2, constant.low / 2)
    of_x = product(h_x, damping[0])
    of_p = of_x if moments.conserving else product(h_p, damping[1])
    upper = np.triu_indices(n)
    if moments.conserving:
        both = _folded(of_x, upper)
        members = [Twofold(2 * both.high, 2 * both.low)]
    else:
        members = [_folded(of_x, upper), _folded(of_p, upper)]
    rest = where.number - sum(member.shape[-1] for member in members)
    members.append(Twofold(np.zeros((*half.shape, rest))))
    return half, -concatenated(members)


def _trace(first: Twofold, second: Twofold) -> Twofold:
    """Tr[AB] of symmetric matrices."""
    products = first * second
    shape = (*products.shape[:-2], products.shape[-2] * products.shape[-1])
    return Twofold(products.high.reshape(shape), products.low.reshape(shape)).sum()


def _folded(coefficients: Twofold, upper: tuple[np.ndarray, ...]) -> Twofold:
    """Coefficients of the elements on and above the diagonal of a symmetric matrix σ in Tr[Zσ]."""
    both = coefficients + coefficients.transposed()
    weights = np.where(upper[0] == upper[1], 0.5, 1.0)
    chosen = both[:, :, *upper]
    return Twofold(chosen.high * weights, chosen.low * weights)


def as_matrices(where: Layout, solution: Twofold, conserving: bool) -> tuple[Twofold, Twofold, Twofold]:
    """δσ_xx, δσ_pp and δσ_xp, (count, n, n) each; the first two are the same object if excitations are conserved."""
    xx, xp = solution[:, where.xx], solution[:, where.xp]
    pp = xx if conserving else solution[:, where.pp]
    return xx, pp, Twofold(xp.high * where.signs, xp.low * where.signs)
