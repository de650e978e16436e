"""Double-double arithmetic: a number as the unevaluated sum of two doubles, about 32 digits.

The error-free transformations are the classic ones: Dekker, Numer. Math. 18, 224 (1971) for the product; Knuth, The Art
of Computer Programming 2, sec. 4.2.2 for the sum.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Real: TypeAlias = NDArray[np.floating[Any]]
DoubleDouble: TypeAlias = tuple[Real, Real]
"""Leading doubles and remainders, arrays of one shape."""

SPLITTER = 134217729.0
"""2^27 + 1 halves the 53 bits of a double."""

EPS = float(np.finfo(float).eps)


def two_sum(a: Real, b: Real) -> DoubleDouble:
    """a + b exactly, as the rounded sum and its error."""
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def two_product(a: Real, b: Real) -> DoubleDouble:
    """a·b exactly, as the rounded product and its error."""
    product = a * b
    scaled = SPLITTER * a
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = SPLITTER * b
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def add(a: DoubleDouble, b: DoubleDouble) -> DoubleDouble:
    """a + b."""
    high, low = two_sum(a[0], b[0])
    return two_sum(high, low + (a[1] + b[1]))


def plus(a: DoubleDouble, b: Real) -> DoubleDouble:
    """a + b of an ordinary b."""
    high, low = two_sum(a[0], b)
    return two_sum(high, low + a[1])


def multiply(a: DoubleDouble, b: DoubleDouble) -> DoubleDouble:
    """a·b."""
    high, low = two_product(a[0], b[0])
    return high, low + (a[0] * b[1] + a[1] * b[0])


def column_sums(terms: DoubleDouble) -> DoubleDouble:
    """Sum over the first axis, of any length, by pairs."""
    high, low = terms
    if not len(high):
        return np.zeros(high.shape[1:]), np.zeros(high.shape[1:])
    while (count := len(high)) > 1:
        half = count // 2
        first = add((high[:half], low[:half]), (high[half : 2 * half], low[half : 2 * half]))
        if count % 2:
            last = add((first[0][:1], first[1][:1]), (high[-1:], low[-1:]))
            first[0][:1], first[1][:1] = last
        high, low = first
    return high[0], low[0]
