"""The secular equation: what it answers, and when."""

import numpy as np
import pytest
import qutip
from problems import fig3

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
