"""Arithmetic in twofold precision against fifty digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from qnet_qutip.gaussian import twofold
from qnet_qutip.gaussian.twofold import Twofold, product


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


def random(shape, seed):
    generator = np.random.default_rng(seed)
    high = generator.normal(size=shape) * 10.0 ** generator.integers(-3, 4, shape)
    return Twofold(high, 1e-17 * high * generator.uniform(-1, 1, shape))


def exact(number):
    return [mpmath.mpf(high) + mpmath.mpf(low) for high, low in zip(number.high.flat, number.low.flat, strict=True)]


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
    ],
)
def test_operations(operation):
    a, b = random(200, 1), random(200, 2)
    for value, first, second in zip(exact(operation(a, b)), exact(a), exact(b), strict=True):
        size = abs(first) + abs(second) if operation(1, 2) in (3, -1) else abs(operation(first, second))
        assert abs(value - operation(first, second)) <= 2 * twofold.PRECISION * size


def test_square_root():
    a = random(100, 3)
    squares = a * a
    for value, square in zip(exact(squares.sqrt()), exact(squares), strict=True):
        assert abs(value - mpmath.sqrt(square)) <= 2 * twofold.PRECISION * value
    assert Twofold(np.zeros(2)).sqrt().high.tolist() == [0, 0]


@pytest.mark.parametrize(("size", "bits"), [(5, 100), (40, 80)], ids=["element by element", "in slices"])
def test_products_of_matrices(size, bits):
    a, b = random((size, size), 4), random((size, size), 5)
    first, second = (np.array(exact(each), dtype=object).reshape(size, size) for each in (a, b))
    expected = first @ second
    found = np.array(exact(product(a, b)), dtype=object).reshape(size, size)
    scale = np.abs(a.high).max(axis=1)[:, None] * np.abs(b.high).max(axis=0)[None, :]
    assert (np.abs(found - expected) <= size * 2.0**-bits * scale).all()


def test_products_with_few_entries_a_row():
    a, b = random((30, 30), 6), random((30, 30), 7)
    band = np.abs(np.subtract.outer(np.arange(30), np.arange(30))) <= 1
    a = Twofold(a.high * band, a.low * band)
    first, second = (np.array(exact(each), dtype=object).reshape(30, 30) for each in (a, b))
    found = np.array(exact(product(a, b)), dtype=object).reshape(30, 30)
    scale = np.abs(a.high) @ np.abs(b.high)
    assert (np.abs(found - first @ second) <= 4 * twofold.PRECISION * scale).all()
