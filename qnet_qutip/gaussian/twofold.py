"""Twofold precision: arrays of numbers that are each the unevaluated sum of two doubles, some 32 digits.

Error-free sums and products by Knuth and Dekker; matrices are multiplied in the way of Ozaki, Ogita, Oishi and Rump,
Numer. Algorithms 59, 95 (2012): cut into slices whose products are exact in double precision, so that BLAS does the
work.
"""

from __future__ import annotations

from types import EllipsisType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
One: TypeAlias = int | slice | EllipsisType | NDArray[np.int64] | NDArray[np.bool_] | None
Index: TypeAlias = One | tuple[One, ...]

PRECISION = 2.0**-104
"""Relative error of a sum or a product, a little more than is met in practice."""

SPLITTER = 2.0**27 + 1

LARGEST_ELEMENTWISE = 12
"""Size up to which matrices are multiplied element by element, which keeps the digits of small elements beside large
ones; above it slices for BLAS are faster: at 300 rows by a factor of about 100."""

KEPT_BITS = 84
"""Of large products. A thousand rows take 10 products of BLAS; 106 bits take 21, for digits that no current needs."""


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def _halves(a: Array) -> tuple[Array, Array]:
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


class Twofold:
    """An array of numbers high + low, |low| at most half a unit in the last place of high.

    Examples
    --------
    >>> third = Twofold(np.array(1.0)) / Twofold(np.array(3.0))
    >>> float(third.high), float((third * 3.0 - 1.0).high) == 0
    (0.3333333333333333, True)
    """

    __slots__ = ("high", "low")
    __array_ufunc__ = None

    def __init__(self, high: Array, low: Array | None = None) -> None:
        self.high = high
        self.low = np.zeros_like(high) if low is None else low

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.high.shape

    def __getitem__(self, index: Index) -> Twofold:
        return Twofold(self.high[index], self.low[index])

    def __neg__(self) -> Twofold:
        return Twofold(-self.high, -self.low)

    def __add__(self, other: Twofold | Array | float) -> Twofold:
        if not isinstance(other, Twofold):
            total, error = _two_sum(self.high, np.asarray(other))
            return _normal(total, error + self.low)
        total, error = _two_sum(self.high, other.high)
        low, rest = _two_sum(self.low, other.low)
        partial = _normal(total, error + low)
        return _normal(partial.high, partial.low + rest)

    def __sub__(self, other: Twofold | Array | float) -> Twofold:
        return self + (-other)

    def __mul__(self, other: Twofold | Array | float) -> Twofold:
        if not isinstance(other, Twofold):
            product, error = _two_product(self.high, np.asarray(other))
            return _normal(product, error + self.low * other)
        product, error = _two_product(self.high, other.high)
        return _normal(product, error + (self.high * other.low + self.low * other.high))

    def __truediv__(self, other: Twofold) -> Twofold:
        first = Twofold(self.high / other.high)
        second = (self - other * first).high / other.high
        rough = _normal(first.high, second)
        return rough + (self - other * rough).high / other.high

    def scaled(self, factor: float) -> Twofold:
        """Times a power of two, which is exact."""
        return Twofold(self.high * factor, self.low * factor)

    def sqrt(self) -> Twofold:
        """Square root, of numbers that are not negative."""
        root: Array = np.sqrt(self.high)
        safe: Array = np.where(root > 0, root, 1.0)
        rough = _normal(root, (self - Twofold(*_two_product(root, root))).high / (2 * safe))
        return rough + (self - rough * rough).high / (2 * safe)

    def transposed(self) -> Twofold:
        """The last two axes exchanged."""
        return Twofold(np.swapaxes(self.high, -1, -2), np.swapaxes(self.low, -1, -2))

    def sum(self) -> Twofold:
        """Sum over the last axis, by halves."""
        total = self
        while (count := total.shape[-1]) > 1:
            half = count // 2
            paired = total[..., :half] + total[..., half : 2 * half]
            total = paired if count % 2 == 0 else concatenated([paired, total[..., -1:]])
        return total[..., 0] if total.shape[-1] else Twofold(np.zeros(total.shape[:-1]))

    def diagonal(self) -> Twofold:
        """Of the last two axes."""
        return Twofold(
            np.diagonal(self.high, axis1=-2, axis2=-1).copy(), np.diagonal(self.low, axis1=-2, axis2=-1).copy()
        )


def _normal(high: Array, low: Array) -> Twofold:
    total = high + low
    return Twofold(total, low - (total - high))


def concatenated(members: list[Twofold]) -> Twofold:
    """Along the last axis."""
    return Twofold(
        np.concatenate([member.high for member in members], axis=-1),
        np.concatenate([member.low for member in members], axis=-1),
    )


def product(first: Twofold, second: Twofold) -> Twofold:
    """Product of two (stacked) matrices."""
    if max(first.shape[-2], first.shape[-1], second.shape[-1]) <= LARGEST_ELEMENTWISE:
        return (first[..., :, None, :] * second.transposed()[..., None, :, :]).sum()
    entries = np.count_nonzero(first.high, axis=-1).max(initial=1)
    if first.high.ndim == 2 and entries <= LARGEST_ELEMENTWISE:
        return _sparse_product(first, second, int(entries))
    return _sliced_product(first, second)


def _sparse_product(first: Twofold, second: Twofold, entries: int) -> Twofold:
    """Product with a matrix of few entries a row: one after the other."""
    columns = np.argsort(first.high == 0, axis=-1, kind="stable")[:, :entries]
    chosen = Twofold(*(np.take_along_axis(part, columns, axis=-1) for part in (first.high, first.low)))
    total = chosen[:, :1] * second[columns[:, 0]]
    for index in range(1, entries):
        total = total + chosen[:, index, None] * second[columns[:, index]]
    return total


def _sliced_product(first: Twofold, second: Twofold) -> Twofold:
    """Σ of the products of slices; the error is about 2^-KEPT_BITS of the largest terms of row and column.

    Slices of β bits multiply without error if 2β and the bits of the sum's length do not exceed 53.
    """
    bits = int((53 - np.ceil(np.log2(first.shape[-1] + 1))) // 2)
    count = int(np.ceil(KEPT_BITS / bits))
    rows = _slices(first, bits, count, axis=-1)
    columns = _slices(second, bits, count, axis=-2)
    total = None
    for order in reversed(range(count)):
        # Of one order of magnitude: their sum in double precision loses no more than what the smallest contribute.
        for index in range(order + 1):
            term = Twofold(rows[index] @ columns[order - index])
            total = term if total is None else total + term.high
    assert total is not None
    return total


def _slices(matrix: Twofold, bits: int, count: int, axis: int) -> list[Array]:
    """Leading, next, ... bits of a matrix, each slice a multiple of one power of two per row (or column)."""
    largest = np.abs(matrix.high).max(axis=axis, keepdims=True)
    _, exponent = np.frexp(largest)
    rest, slices = matrix, []
    for index in range(count):
        unit = np.ldexp(1.0, exponent - bits * (index + 1))
        piece = np.rint(rest.high / unit) * unit
        slices.append(piece)
        rest = rest + (-piece)
    return slices
