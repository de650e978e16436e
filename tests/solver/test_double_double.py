"""Double-double arithmetic against exact fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qnet_qutip.solver.double_double import two_product, two_sum

NUMBERS = st.floats(min_value=-1e60, max_value=1e60).filter(lambda x: x == 0 or abs(x) > 1e-60)


@given(NUMBERS, NUMBERS)
def test_sum_and_product_are_exact(a, b):
    total, rest = two_sum(np.array([a]), np.array([b]))
    assert Fraction(total[0]) + Fraction(rest[0]) == Fraction(a) + Fraction(b)
    product, error = two_product(np.array([a]), np.array([b]))
    assert Fraction(product[0]) + Fraction(error[0]) == Fraction(a) * Fraction(b)
