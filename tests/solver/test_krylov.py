"""GMRES against dense solves, and what its Krylov space says of the operator."""

import numpy as np
import pytest

from qnet_qutip.solver.krylov import gmres

SIZE = 30


def close_to_one(seed, distance=0.1):
    """1 plus a random matrix of norm about 2·distance."""
    random = np.random.default_rng(seed)
    return np.eye(SIZE) + distance * random.normal(size=(SIZE, SIZE)) / np.sqrt(SIZE), random.normal(size=SIZE)


def applied(matrix):
    """The matrix as an operator, and the number of its applications."""
    calls = []

    def apply(vector):
        calls.append(1)
        return matrix @ vector

    return apply, calls


@pytest.mark.parametrize("reduction", [1e-2, 1e-5, 1e-10])
def test_it_stops_at_the_reduction_that_was_asked_for(reduction):
    matrix, right = close_to_one(1)
    apply, calls = applied(matrix)
    space = gmres(apply, right, reduction, SIZE)
    left = np.linalg.norm(right - matrix @ space.solution) / np.linalg.norm(right)
    assert left == pytest.approx(space.reduction, rel=1e-3)
    assert reduction / 100 < left <= reduction
    assert len(calls) == space.vectors < SIZE
    assert not space.gave_up


@pytest.mark.parametrize("distance", [0.1, 3.0])
def test_a_complete_space_gives_the_solution(distance):
    """As many vectors as unknowns: a dense solve, also far from 1, where most of the way the residual hardly falls."""
    matrix, right = close_to_one(2, distance)
    space = gmres(applied(matrix)[0], right, 0.0, SIZE)
    expected = np.linalg.solve(matrix, right)
    # The error of either solve is the rounding times the condition.
    rounding = 100 * np.finfo(float).eps * np.linalg.cond(matrix) * np.linalg.norm(expected)
    assert np.linalg.norm(space.solution - expected) < rounding


def test_the_solution_is_the_best_in_the_space():
    matrix, right = close_to_one(3, 1.0)
    space = gmres(applied(matrix)[0], right, 0.0, 7)
    krylov = [right]
    for _ in range(6):
        krylov.append(matrix @ krylov[-1])
    images = matrix @ np.array(krylov).T
    best = right - images @ np.linalg.lstsq(images, right, rcond=None)[0]
    assert space.vectors == 7
    assert space.reduction == pytest.approx(np.linalg.norm(best) / np.linalg.norm(right), rel=1e-9)
    assert np.linalg.norm(right - matrix @ space.solution) == pytest.approx(np.linalg.norm(best), rel=1e-9)


def test_the_basis_is_orthonormal_and_the_hessenberg_matrix_that_of_the_operator():
    matrix, right = close_to_one(4)
    space = gmres(applied(matrix)[0], right, 1e-12, SIZE)
    assert space.basis.shape == (space.vectors + 1, SIZE)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(space.vectors + 1), atol=1e-13)
    np.testing.assert_allclose(matrix @ space.basis[:-1].T, space.basis.T @ space.hessenberg, atol=1e-13)
    np.testing.assert_array_equal(np.tril(space.hessenberg, -2), 0.0)


def test_nearly_dependent_vectors_are_orthogonalised_again():
    """Of what A does to a vector all but 1e-9 may lie in the space already."""
    random = np.random.default_rng(5)
    right = random.normal(size=SIZE)
    matrix = np.diag(np.where(np.arange(SIZE) < 3, [*[2.0, 3.0, 4.0], *[1.0] * (SIZE - 3)], 1.0))
    matrix += 1e-9 * random.normal(size=(SIZE, SIZE))
    space = gmres(applied(matrix)[0], right, 0.0, 8)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(len(space.basis)), atol=1e-13)


def test_answer_is_exact_once_the_space_is_complete():
    matrix, right = close_to_one(6)
    space = gmres(applied(matrix)[0], right, 0.0, SIZE)
    other = np.random.default_rng(7).normal(size=SIZE)
    expected = np.linalg.solve(matrix, other)
    assert np.linalg.norm(space.answer(other) - expected) < 1e-12 * np.linalg.norm(expected)


def test_answer_goes_through_the_space_and_leaves_the_rest_alone():
    random = np.random.default_rng(8)
    block = np.eye(4) + 0.5 * random.normal(size=(4, 4))
    matrix = np.eye(SIZE)
    matrix[:4, :4] = block
    right = np.zeros(SIZE)
    right[:4] = random.normal(size=4)
    space = gmres(applied(matrix)[0], right, 0.0, SIZE)
    other = random.normal(size=SIZE)
    np.testing.assert_allclose(space.answer(other), np.linalg.solve(matrix, other), rtol=0, atol=1e-12)
    assert not np.allclose(space.answer(other), other, atol=1e-3)


def test_answer_knows_the_slow_mode_in_what_gmres_leaves():
    """That is orthogonal to all that A makes of the space, so that least squares would find nothing in it."""
    matrix = np.diag([1e-3, *np.linspace(0.8, 1.2, SIZE - 1)])
    right = np.ones(SIZE)
    space = gmres(applied(matrix)[0], right, 0.0, 5)
    left = right - matrix @ space.solution
    error = np.linalg.solve(matrix, left)
    assert np.linalg.norm(error) > 10 * np.linalg.norm(left)
    assert np.linalg.norm(space.answer(left) - error) < 0.5 * np.linalg.norm(error)


@pytest.mark.parametrize("dimension", [1, 3])
def test_a_closed_space_ends_it_with_the_solution(dimension):
    """The right-hand side lies in an invariant subspace."""
    matrix = np.diag(np.linspace(1.0, 2.0, SIZE))
    right = np.zeros(SIZE)
    right[5 : 5 + dimension] = 1.0
    space = gmres(applied(matrix)[0], right, 0.0, SIZE)
    assert space.vectors == dimension
    np.testing.assert_allclose(space.solution, right / matrix.diagonal(), rtol=0, atol=1e-14)
    assert space.reduction < 1e-14


def test_a_singular_operator_leaves_what_it_cannot_reach():
    matrix = np.diag([0.0, *np.linspace(0.9, 1.1, SIZE - 1)])
    right = np.ones(SIZE)
    space = gmres(applied(matrix)[0], right, 1e-8, SIZE)
    assert space.reduction == pytest.approx(1 / np.sqrt(SIZE), rel=1e-6)


def test_nothing_is_solved_by_nothing():
    apply, calls = applied(np.eye(SIZE))
    space = gmres(apply, np.zeros(SIZE), 1e-8, SIZE)
    assert (space.vectors, space.reduction, calls) == (0, 0.0, [])
    np.testing.assert_array_equal(space.solution, 0.0)


def test_it_gives_up_when_told_and_keeps_what_it_has():
    matrix, right = close_to_one(9, 1.0)
    seen = []

    def too_slow(reductions):
        seen.append(list(reductions))
        return len(reductions) == 5

    space = gmres(applied(matrix)[0], right, 1e-14, SIZE, too_slow)
    assert space.gave_up
    assert space.vectors == 5
    assert [len(reductions) for reductions in seen] == [1, 2, 3, 4, 5]
    left = np.linalg.norm(right - matrix @ space.solution) / np.linalg.norm(right)
    assert left == pytest.approx(seen[-1][-1], rel=1e-9)
    # Where it has what was asked for, no opinion on its pace is heard.
    easy = gmres(applied(matrix)[0], right, 0.99, SIZE, lambda _: True)
    assert not easy.gave_up


def test_in_single_precision_the_solution_is_still_summed_in_double():
    """A multiplies one direction by 1e4: of a solution that is summed in single precision it makes 1e-3 of rounding."""
    random = np.random.default_rng(5)
    size = 400
    steep = np.linalg.qr(random.normal(size=(size, size)))[0][:, 0]
    matrix = np.eye(size) + 0.1 * random.normal(size=(size, size)) / np.sqrt(size)
    matrix += 1e4 * np.outer(random.normal(size=size) / np.sqrt(size), steep)
    # The right-hand side is that of a solution without the steep direction, as of a smooth state.
    smooth = random.normal(size=size)
    right = matrix @ (smooth - steep * (steep @ smooth))
    space = gmres(lambda vector: matrix @ vector, right, 1e-6, 40, single=True)
    assert space.basis.dtype == np.float32
    assert space.solution.dtype == np.float64
    left = np.linalg.norm(right - matrix @ space.solution) / np.linalg.norm(right)
    assert left < 1e-5


def with_slow_modes(seed):
    """Twelve modes of rates 1e-4 to 0.3 in a matrix that is near 1 otherwise, and two right-hand sides."""
    random = np.random.default_rng(seed)
    vectors = np.eye(SIZE) + 0.3 * random.normal(size=(SIZE, SIZE)) / np.sqrt(SIZE)
    rates = np.concatenate([np.geomspace(1e-4, 0.3, 12), np.linspace(0.9, 1.1, SIZE - 12)])
    return vectors @ np.diag(rates) @ np.linalg.inv(vectors), random.normal(size=SIZE), random.normal(size=SIZE)


def test_a_space_that_goes_on_is_that_of_a_solve_without_a_break():
    """Going on from what a solve has left takes up its residual as if it had never stopped."""
    matrix, right, _ = with_slow_modes(1)
    apply, calls = applied(matrix)
    first = gmres(apply, right, 0.0, 8)
    left = right - matrix @ first.solution
    second = gmres(apply, left, 0.0, 6, earlier=first)
    assert len(calls) == 14
    at_once = gmres(applied(matrix)[0], right, 0.0, 14)
    anew = gmres(applied(matrix)[0], left, 0.0, 6)
    reached = np.linalg.norm(left - matrix @ second.solution) / np.linalg.norm(left)
    assert reached == pytest.approx(second.reduction, rel=1e-6)
    assert reached * first.reduction == pytest.approx(at_once.reduction, rel=1e-6)
    assert reached < 0.8 * anew.reduction


def test_any_right_hand_side_profits_from_an_earlier_space():
    """Of one that has nothing to do with the first the best is found in both spaces together; a third adds to two."""
    matrix, right, other = with_slow_modes(2)
    apply, _ = applied(matrix)
    first = gmres(apply, right, 0.0, 9)
    second = gmres(apply, other, 0.0, 6, earlier=first)
    assert second.rows == first.rows + 7 == 17
    searched = np.concatenate([first.basis[:-1], second.basis[:-1]])
    images = matrix @ searched.T
    best = other - images @ np.linalg.lstsq(images, other, rcond=None)[0]
    assert np.linalg.norm(other - matrix @ second.solution) == pytest.approx(np.linalg.norm(best), rel=1e-6)
    third = gmres(apply, right + other, 1e-8, SIZE, earlier=second)
    assert third.vectors <= SIZE - 15
    assert np.linalg.norm(right + other - matrix @ third.solution) <= 2e-8 * np.linalg.norm(right + other)


def test_what_a_space_goes_on_from_has_part_in_its_answers():
    matrix, right, other = with_slow_modes(3)
    apply, _ = applied(matrix)
    first = gmres(apply, right, 0.0, 14)
    second = gmres(apply, right - matrix @ first.solution, 0.0, SIZE - 14, earlier=first)
    expected = np.linalg.solve(matrix, other)
    assert np.linalg.norm(second.answer(other) - expected) < 1e-6 * np.linalg.norm(expected)
    assert np.linalg.norm(first.answer(other) - expected) > 1e-2 * np.linalg.norm(expected)
    coordinates, left = second.without_images(other)
    assert np.linalg.norm(left) < 1e-9 * np.linalg.norm(other)
    assert np.linalg.norm(matrix @ second.source(coordinates) - other) < 1e-9 * np.linalg.norm(other)


def test_a_right_hand_side_within_an_earlier_space_needs_next_to_nothing():
    matrix, right, _ = with_slow_modes(4)
    apply, _ = applied(matrix)
    first = gmres(apply, right, 0.0, 8)
    within = matrix @ first.basis[:3].sum(axis=0)
    second = gmres(apply, within, 1e-10, SIZE, earlier=first)
    assert second.vectors == 1
    assert np.linalg.norm(within - matrix @ second.solution) <= 1e-10 * np.linalg.norm(within)


def test_nothing_is_gone_on_from_where_there_is_nothing_to_solve():
    matrix, right, other = with_slow_modes(5)
    apply, _ = applied(matrix)
    nothing = gmres(apply, np.zeros(SIZE), 1e-8, SIZE, earlier=gmres(apply, right, 0.0, 4))
    assert (nothing.vectors, nothing.reduction) == (0, 0.0)
    after = gmres(apply, other, 1e-8, SIZE, earlier=nothing)
    assert np.linalg.norm(other - matrix @ after.solution) <= 2e-8 * np.linalg.norm(other)
