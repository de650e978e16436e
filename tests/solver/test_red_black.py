"""The secular equation in two colours: what it adds to the plain one."""

import itertools

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.red_black import RedBlack, coloured
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.stages import Stage, inverse
from qnet_qutip.solver.superoperator import on_sectors


def chain(nodes, coupling=0.1, rate=0.0125, omega=5.0):
    """Resonant two-level nodes between two baths."""
    names, spectrum = [f"N{index}" for index in range(nodes)], qn.PhononSpectrum(rate / omega**3)
    network = qn.Network(
        nodes={name: qn.TwoLevel(omega) for name in names},
        couplings=dict.fromkeys(itertools.pairwise(names), coupling),
        baths={"hot": qn.Bath(names[0], 12, spectrum), "cold": qn.Bath(names[-1], 10, spectrum)},
    )
    equation = qn.local_master_equation(network)
    return on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))


def left_by(generator, steady, preconditioner):
    """1 - M⁻¹L as a matrix."""
    stage, unknowns = Stage("", preconditioner, steady, 1), generator.sectors.unknowns
    columns = [unit - inverse(generator, stage, generator(unit)) for unit in np.eye(unknowns)]
    return np.array(columns).T


@pytest.mark.parametrize(("coupling", "rate"), [(0.1, 0.0125), (0.1, 0.05), (1e-2, 1e-3)])
def test_what_is_left_is_nearly_the_square(coupling, rate):
    """Young's theorem: if jumps between the colours were all that is left out, eigenvalues would be squared exactly."""
    generator = chain(5, coupling, rate)
    secular = secular_equation(generator)
    plain, coloured_ = (
        np.linalg.eigvals(left_by(generator, secular.steady_state, preconditioner))
        for preconditioner in (secular.solve, RedBlack(generator, secular))
    )
    # The eigenvalue 1 is that of the steady state, which L takes to zero.
    radii = [np.sort(np.abs(values))[-2] for values in (plain, coloured_)]
    assert np.sort(np.abs(plain))[-1] == pytest.approx(1.0, abs=1e-9)
    assert 0.1 < radii[0] < 1.0
    assert radii[0] ** 2.2 < radii[1] < radii[0] ** 1.6


def test_black_sectors_answer_as_the_plain_equation_does():
    generator = chain(4)
    secular, sectors = secular_equation(generator), generator.sectors
    red = coloured(generator.generator, sectors)
    source = np.random.default_rng(1).normal(size=sectors.unknowns)
    plain, answer = secular.solve(source), RedBlack(generator, secular)(source)
    for sector, (one, other) in enumerate(zip(sectors.blocks(plain), sectors.blocks(answer), strict=True)):
        assert np.allclose(one, other, rtol=0, atol=1e-10 * np.abs(plain).max()) != red[sector] or one.size == 1


@pytest.mark.parametrize("phase", [1.0, np.exp(0.3j)])
def test_the_populations_are_those_of_the_plain_equation(phase):
    """With eigenvectors that are real or complex: half the rotation gives the same diagonal."""
    a, b = qutip.tensor(qutip.destroy(3), qutip.qeye(3)), qutip.tensor(qutip.qeye(3), qutip.destroy(3))
    hop = 0.5 * phase * a.dag() * b
    hamiltonian = 3.0 * a.dag() * a + 1.0 * b.dag() * b + hop + hop.dag()
    operators = {"hot": [0.3 * a, 0.2 * a.dag()], "cold": [0.3 * b, 0.1 * b.dag()]}
    generator = on_sectors(build_generator(hamiltonian, operators))
    secular, sectors = secular_equation(generator), generator.sectors
    source = np.random.default_rng(2).normal(size=sectors.unknowns)
    plain, answer = secular.solve(source), RedBlack(generator, secular)(source)
    for sector, (one, other) in enumerate(zip(sectors.blocks(plain), sectors.blocks(answer), strict=True)):
        expected = secular.of_sectors[sector].seen(one.ravel()).reshape(one.shape).diagonal()
        np.testing.assert_allclose(
            secular.of_sectors[sector].seen_populations(other.ravel()), expected, atol=1e-10 * np.abs(plain).max()
        )


def test_colours_are_the_parity_of_the_excitations():
    generator = chain(6)
    excitations = np.array([bin(state).count("1") for state in generator.sectors.order])
    red = coloured(generator.generator, generator.sectors)[generator.sectors.of_state]
    assert len(set(red ^ (excitations % 2 == 1))) == 1


def test_every_sector_has_a_colour_where_jumps_close_odd_circles():
    jumps = [qutip.projection(3, (state + 1) % 3, state) for state in range(3)]
    generator = on_sectors(build_generator(qutip.num(3), {"bath": jumps}))
    assert coloured(generator.generator, generator.sectors).tolist() == [False, True, True]
