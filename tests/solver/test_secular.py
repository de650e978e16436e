"""The secular equation: what it answers, and when."""

import numpy as np
import pytest
import qutip
from problems import fig3

from qnet_qutip.solver import sectors, secular, stages
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.superoperator import on_sectors


@pytest.mark.parametrize("phase", [1.0, 1j, np.exp(0.3j)])
def test_secular_equation_answers_for_coherences(phase):
    """Far from degeneracy two steps leave what is of the order of rate over spacing.

    The first leaves populations: those that the coherences, now found, had been driving.
    """
    a, b = qutip.tensor(qutip.destroy(4), qutip.qeye(4)), qutip.tensor(qutip.qeye(4), qutip.destroy(4))
    hop = 0.5 * phase * a.dag() * b
    hamiltonian = 3.0 * a.dag() * a + 1.0 * b.dag() * b + hop + hop.dag()
    rate = 1e-5
    operators = {
        "hot": [np.sqrt(rate) * a, np.sqrt(0.3 * rate) * a.dag()],
        "cold": [np.sqrt(rate) * b, np.sqrt(0.1 * rate) * b.dag()],
    }
    generator = on_sectors(build_generator(hamiltonian, operators))
    secular, diagonal = secular_equation(generator), generator.sectors.diagonal

    def left_of(change):
        answer = secular.solve(generator(change))
        return change - answer + answer[diagonal].sum() * secular.steady_state

    error = np.random.default_rng(3).normal(size=generator.sectors.unknowns)
    error[diagonal] -= error[diagonal].mean()
    left = left_of(left_of(error))
    spacing = 2.0
    assert np.linalg.norm(left) < 10 * rate / spacing * np.linalg.norm(error)


def test_secular_populations_solve_the_rate_equation():
    equation = fig3(6)
    secular = secular_equation(on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators)))
    populations = secular.steady_populations
    flow = abs(secular.rates) @ populations
    assert np.abs(secular.rates @ populations).max() < 1e-13 * flow.max()
    assert populations.min() > 0


def local(changes):
    equation = fig3(4, **changes)
    return on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))


@pytest.mark.parametrize(
    ("changes", "least", "most"),
    [
        # Far off resonance only the coherences of the pairs of levels with one excitation more on one node count.
        ({}, 0.999, 1.0),
        ({"omega_h": 6.0}, 0.999, 1.0),
        # On resonance the modes are 2ε apart: more than their widths κω³T, some 0.3 here, or less.
        ({"omega_h": 5.0, "epsilon": 1.0, "kappa": 1e-5}, 0.999, 1.0),
        ({"omega_h": 5.0, "epsilon": 1e-6, "kappa": 1e-2}, 0.0, 1e-3),
        ({"omega_h": 5.0 + 1e-9, "epsilon": 1e-9, "kappa": 1e-2}, 0.0, 1e-3),
    ],
)
def test_separation_is_one_off_resonance_and_small_on_it(changes, least, most):
    assert least <= secular_equation(local(changes)).separation <= most


def test_separation_is_weighted_by_the_populations_that_are_joined():
    """Three levels in one sector: the ground state far from a pair of excited ones closer than their widths."""
    split, width = 1e-6, 1e-2
    hamiltonian = qutip.qdiags([0.0, 1.0, 1.0 + split], 0) + 1e-9 * (qutip.jmat(1, "+") + qutip.jmat(1, "-"))
    seen = []
    for excitation in (1e-6, 0.5):
        jumps = [np.sqrt(width) * (qutip.projection(3, 0, 1)), np.sqrt(width) * qutip.projection(3, 0, 2)]
        jumps += [np.sqrt(width * excitation) * qutip.projection(3, upper, 0) for upper in (1, 2)]
        secular = secular_equation(on_sectors(build_generator(hamiltonian, {"bath": jumps})))
        ground, *excited = 1 / (1 + 2 * excitation), *[excitation / (1 + 2 * excitation)] * 2
        apart = 2 * np.sqrt(ground * excited[0])
        expected = apart / (apart + excited[0])
        assert secular.separation == pytest.approx(expected, rel=1e-3)
        seen.append(secular.separation)
    assert seen[0] > 0.99 > seen[1] + 0.1


def test_a_classical_generator_is_solved_exactly():
    jumps = [qutip.projection(3, 0, 1), 0.5 * qutip.projection(3, 1, 2), 0.1 * qutip.projection(3, 2, 0)]
    generator = on_sectors(build_generator(qutip.num(3), {"bath": jumps}))
    secular = secular_equation(generator)
    change = np.array([0.3, -0.5, 0.2])
    answer = secular.solve(generator(change))
    assert np.linalg.norm(answer - answer.sum() * secular.steady_state - change) < 1e-13


@pytest.mark.parametrize("decay", [1e-2, 1e-4, 1e-6])
def test_with_a_decay_it_inverts_the_generator_itself(decay):
    """Also what changes the trace; twice, as populations answer to the coherences that are found first.

    Of the coherences it leaves what couples them, and of the populations what that makes of them.
    """
    equation = fig3(3, omega_h=9.0, epsilon=0.3, kappa=1e-6)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators), decay=decay)
    secular = secular_equation(generator)
    state = np.random.default_rng(4).normal(size=generator.sectors.unknowns)
    assert abs(state[generator.sectors.diagonal].sum()) > 0.5
    left = state
    for _ in range(2):
        left = left - secular.solve(generator(left))
    # Rates κω³T are below 1e-2, and the modes 4 apart.
    assert np.linalg.norm(left) < 1e-2 * np.linalg.norm(state)
    bare = secular_equation(on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators)))
    assert np.linalg.norm(state - bare.solve(generator(state))) > 0.1 * np.linalg.norm(state)


def test_the_decay_is_in_every_rate():
    """Columns of the populations' rates sum to -s, and a coherence's rate is its own less s."""
    equation = fig3(3)
    decay = 0.01
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    bare, damped = secular_equation(on_sectors(generator)), secular_equation(on_sectors(generator, decay=decay))
    np.testing.assert_allclose(bare.rates.sum(axis=0), 0.0, atol=1e-15)
    np.testing.assert_allclose(damped.rates.sum(axis=0), -decay, rtol=1e-12)
    for one, other in zip(bare.of_sectors, damped.of_sectors, strict=True):
        before, after = (
            np.delete(states.losses + 1j * states.energies, states.group.diagonal) for states in (one, other)
        )
        np.testing.assert_allclose(1 / after, 1 / before - decay, rtol=1e-12)


@pytest.mark.parametrize("levels", [3, {"A": 3, "B": 5}])
@pytest.mark.parametrize("phase", [1.0, np.exp(0.3j)])
def test_the_answer_does_not_depend_on_the_groups(levels, phase, monkeypatch):
    """Nor on which sectors are rotated together, with real eigenvectors and with complex ones."""
    equation = fig3(levels)
    turn = (phase ** equation.space.occupations[:, 0]).tolist()
    turn = qutip.qdiags(turn, 0, dims=equation.hamiltonian.dims)
    made = build_generator(turn * equation.hamiltonian * turn.dag(), equation.collapse_operators)
    source = np.random.default_rng(2).normal(size=on_sectors(made).sectors.unknowns)
    together = secular_equation(on_sectors(made))
    monkeypatch.setattr(sectors, "GROUP", 1)
    alone = secular_equation(on_sectors(made))
    assert len(alone.groups) > len(together.groups) == 1
    expected = together.solve(source)
    assert np.iscomplexobj(alone.groups[0].vectors[0]) == (phase != 1.0)
    np.testing.assert_allclose(alone.solve(source), expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    assert alone.separation == pytest.approx(together.separation, rel=1e-12)


@pytest.mark.parametrize("changes", [{}, {"epsilon": 1e-3}, {"omega_h": 5.0, "epsilon": 0.1}])
def test_the_slowest_rate_is_that_of_the_approximation(changes):
    generator = local(changes)
    secular, sectors_ = secular_equation(generator), generator.sectors
    units = np.eye(sectors_.unknowns)
    inverse = np.array([secular.solve(unit) for unit in units]).T
    inverse -= np.outer(secular.steady_state, inverse[sectors_.diagonal].sum(axis=0))
    # Of changes without a trace: the projector takes the steady state's own direction away.
    change = units - np.outer(secular.steady_state, np.isin(np.arange(sectors_.unknowns), sectors_.diagonal))
    slowest = 1 / np.abs(np.linalg.eigvals(inverse @ change)).max()
    # By four steps from a random start: of what is not normal the last may shrink by more than the slowest does.
    assert 0.9 * slowest < secular.slowest_rate < 1.5 * slowest


def test_single_precision_meets_no_denormal_numbers(monkeypatch):
    """They take a processor ten times as long: populations of high levels are below 1e-38 of the largest."""
    equation = fig3(24)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    single = secular_equation(generator).rounded()
    stage = stages.Stage("single", single.solve, None, secular=single)
    met = []
    plain = sectors.rotated

    def watched(operator, block, out=None):
        image = plain(operator, block, out)
        met.extend([operator, block, image])
        return image

    monkeypatch.setattr(secular, "rotated", watched)
    residual = 1e-11 * np.geomspace(1.0, 1e-60, generator.sectors.unknowns)
    exact = secular_equation(generator).solve(residual)
    met.clear()
    assert stages.inverse(generator, stage, residual) == pytest.approx(exact, abs=1e-5 * np.abs(exact).max())
    sizes = [np.abs(np.concatenate([array.real.ravel(), array.imag.ravel()])) for array in met]
    assert all(array.real.dtype == np.float32 for array in met)
    assert all(np.all((size == 0.0) | (size >= np.finfo(np.float32).tiny)) for size in sizes)
