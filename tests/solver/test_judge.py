"""The judge of convergence: what it adds up, and that none of it is left out."""

import math

import pytest

from qnet_qutip.solver.judge import SAFETY, WORST_CONTRACTION, Errors, checked, still_to_come


def test_an_estimate_is_not_taken_at_its_word():
    """Estimates without a factor were up to 80 times too small, one in 28 of them."""
    assert SAFETY >= 10
    assert checked(1e-12, 1e-6, 1e-6) == pytest.approx(SAFETY * 1e-12)
    assert checked(1e-12, 1e-6, None) == pytest.approx(SAFETY * 1e-12)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 1e4])
def test_an_estimate_counts_for_less_if_the_one_before_was_too_small(ratio):
    assert checked(1e-12, ratio * 1e-7, 1e-7) == pytest.approx(SAFETY * ratio * 1e-12)
    # A smaller change than was expected does not make it more trustworthy.
    assert checked(1e-12, 1e-7 / ratio, 1e-7) == pytest.approx(SAFETY * 1e-12)


def test_a_change_where_none_was_expected_leaves_nothing_known():
    assert checked(1e-12, 1e-20, 0.0) == math.inf
    assert checked(1e-12, 0.0, 0.0) == pytest.approx(SAFETY * 1e-12)


SCALES = {"hot": 1e-3, "cold": 1e-5}


@pytest.mark.parametrize(
    ("state", "hot", "cold", "imbalance", "largest"),
    [
        (1e-6, 0.0, 0.0, 0.0, 1e-6),
        (1e-12, 1e-9, 0.0, 0.0, 1e-6),
        (1e-12, 0.0, 1e-11, 0.0, 1e-6),
        (1e-12, 1e-13, 1e-13, 1e-9, 1e-6),
        (1e-7, 1e-10, 1e-12, 1e-10, 1e-7),
    ],
)
def test_the_largest_of_all_errors_counts(state, hot, cold, imbalance, largest):
    """That of ρ, that of each current against its own scale, and the imbalance against the largest of them."""
    errors = Errors(state, {"hot": hot, "cold": cold})
    assert still_to_come(errors, SCALES, imbalance, contraction=0.1) == pytest.approx(largest)


def test_a_step_that_is_stuck_means_nothing():
    nothing = Errors(0.0, {"hot": 0.0, "cold": 0.0})
    assert still_to_come(nothing, SCALES, 0.0, contraction=WORST_CONTRACTION) == 0.0
    assert still_to_come(nothing, SCALES, 0.0, contraction=0.6) == math.inf
    assert still_to_come(nothing, SCALES, 0.0, contraction=math.inf) == math.inf


def test_without_baths_the_state_alone_is_judged():
    assert still_to_come(Errors(1e-5, {}), {}, 1.0, contraction=0.0) == 1e-5
