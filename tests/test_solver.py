"""The solver's parts against literal counterparts: exact fractions, dense superoperators, eigenvalues."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qnet_qutip as qn
from qnet_qutip.solver.double_double import two_product, two_sum
from qnet_qutip.solver.generator import build_generator, entries, sparse_matrix
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.sectors import find_sectors, hermitian, real_form, rotated
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.stationary import steady_state
from qnet_qutip.solver.superoperator import on_sectors
from qnet_qutip.solver.sweeps import schur_sylvester, sylvester
from qnet_qutip.truncation import one_way_flows

NUMBERS = st.floats(min_value=-1e60, max_value=1e60).filter(lambda x: x == 0 or abs(x) > 1e-60)


def fig3(levels: int | dict[str, int], **changes: float) -> qn.MasterEquation:
    parameters = {"omega_h": 10, "omega_c": 5, "epsilon": 0.01, "T_h": 12, "T_c": 10, "kappa": 1e-4} | changes
    with pytest.warns(qn.TruncationWarning):
        return qn.local_master_equation(qn.two_node("oscillator", **parameters), levels=levels)


def cut_at_excitations(build) -> qn.MasterEquation:
    with pytest.warns(qn.TruncationWarning):
        return build(fig3(2).network, max_excitations=5)


def chain(nodes: int, epsilon: float, frequencies: list[float] | None = None, kappa: float = 1e-3) -> qn.Network:
    names = [f"N{index}" for index in range(nodes)]
    spectrum = qn.PhononSpectrum(kappa)
    return qn.Network(
        nodes={name: qn.TwoLevel(w) for name, w in zip(names, frequencies or [5.0] * nodes, strict=True)},
        couplings=dict.fromkeys(itertools.pairwise(names), epsilon),
        baths={"hot": qn.Bath(names[0], 12, spectrum), "cold": qn.Bath(names[-1], 10, spectrum)},
    )


@given(NUMBERS, NUMBERS)
def test_sum_and_product_are_exact(a, b):
    total, rest = two_sum(np.array([a]), np.array([b]))
    assert Fraction(total[0]) + Fraction(rest[0]) == Fraction(a) + Fraction(b)
    product, error = two_product(np.array([a]), np.array([b]))
    assert Fraction(product[0]) + Fraction(error[0]) == Fraction(a) * Fraction(b)


def random_hermitian_blocks(sectors, seed):
    return np.random.default_rng(seed).normal(size=sectors.unknowns)


@pytest.mark.parametrize(
    "build",
    [
        lambda: fig3(4),
        lambda: cut_at_excitations(qn.local_master_equation),
        lambda: cut_at_excitations(qn.global_master_equation),
        lambda: qn.global_master_equation(chain(2, 0.5)),
        lambda: qn.local_master_equation(chain(3, 0.5, [5.0, 6.0, 7.0])),
    ],
)
def test_every_form_of_the_generator_is_the_liouvillian(build):
    equation = build()
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    flat = random_hermitian_blocks(sectors, seed=1)
    rho, hamiltonian = sectors.unpack(flat), sparse_matrix(equation.hamiltonian)
    expected = (-1j * (hamiltonian @ rho - rho @ hamiltonian)).toarray()
    currents = {}
    for bath, operators in equation.collapse_operators.items():
        part = np.zeros(rho.shape, dtype=complex)
        for operator in operators:
            jump = sparse_matrix(operator)
            loss = jump.conj().T @ jump
            part += (jump @ rho @ jump.conj().T - 0.5 * (loss @ rho + rho @ loss)).toarray()
        currents[bath] = np.trace(hamiltonian @ part).real
        expected += part
    scale = np.abs(expected).max() * equation.space.dimension * np.finfo(float).eps * 100
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected).max() < scale
    energy = np.abs(hamiltonian.diagonal()).max() * equation.space.dimension
    for bath, current in currents.items():
        assert heat[bath] == pytest.approx(current, abs=scale * energy)
        assert generator.functionals[bath](flat) == pytest.approx(current, abs=scale * energy)


def test_complex_operators_and_pairs_are_the_liouvillian():
    """Hopping with a phase, and pairs ΛρS† + SρΛ† - S†Λρ - ρΛ†S whose weights are complex."""
    random = np.random.default_rng(5)
    a, b = qutip.tensor(qutip.destroy(4), qutip.qeye(3)), qutip.tensor(qutip.qeye(4), qutip.destroy(3))
    hop = (0.7 + 0.4j) * a.dag() * b
    hamiltonian = 2.0 * a.dag() * a + 1.5 * b.dag() * b + hop + hop.dag()
    phases = [qutip.tensor(qutip.qdiags(np.exp(2j * np.pi * random.random(4)), 0), qutip.qeye(3)) for _ in range(2)]
    pairs = {"hot": [(a, phases[0] * a)], "cold": [b, (phases[1] * b, (0.3 - 0.2j) * b)]}
    generator = on_sectors(build_generator(hamiltonian, pairs))
    sectors = generator.sectors
    flat = random_hermitian_blocks(sectors, seed=2)
    rho = qutip.Qobj(sectors.unpack(flat).toarray(), dims=hamiltonian.dims)
    expected = -1j * (hamiltonian * rho - rho * hamiltonian)
    currents = {}
    for bath, members in pairs.items():
        part = 0 * rho
        for member in members:
            s, filtered = member if isinstance(member, tuple) else (member, member / 2)
            term = filtered * rho * s.dag() - s.dag() * filtered * rho
            part += term + term.dag()
        currents[bath] = (hamiltonian * part).tr().real
        expected += part
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected.full()).max() < 1e-13 * np.abs(expected.full()).max()
    assert heat == pytest.approx(currents, rel=1e-12)


@pytest.mark.parametrize("imaginary", [0.0, 1.0])
def test_real_form_of_a_hermitian_matrix(imaginary):
    random = np.random.default_rng(6)
    matrices = random.normal(size=(2, 5, 5)) + 1j * random.normal(size=(2, 5, 5))
    first, second = (matrix + matrix.conj().T for matrix in matrices)
    assert np.abs(hermitian(real_form(first)) - first).max() < 1e-15 * np.abs(first).max()
    assert (real_form(first) * real_form(second)).sum() == pytest.approx(np.trace(first @ second).real, rel=1e-13)
    vectors = random.normal(size=(5, 5)) + (imaginary * 1j * random.normal(size=(5, 5)) if imaginary else 0.0)
    image = hermitian(rotated(vectors, real_form(first)))
    assert np.abs(image - vectors @ first @ vectors.conj().T).max() < 1e-13 * np.abs(image).max()


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

    error = random_hermitian_blocks(generator.sectors, seed=3)
    error[diagonal] -= error[diagonal].mean()
    left = left_of(left_of(error))
    spacing = 2.0
    assert np.linalg.norm(left) < 10 * rate / spacing * np.linalg.norm(error)


def test_doubled_generator_has_32_digits():
    """One entry of L(ρ) at thermal occupation, where gain and loss cancel to 1e-16, against 50-digit arithmetic."""
    spectrum = qn.PhononSpectrum(0.3)
    network = qn.Network({"A": qn.TwoLevel(1.7)}, {}, {"hot": qn.Bath("A", 1.3, spectrum)})
    equation = qn.local_master_equation(network)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    down, up = (sparse_matrix(operator).toarray().real.max() for operator in equation.collapse_operators["hot"])
    with mpmath.workdps(50):
        gain, loss = mpmath.mpf(up) ** 2, mpmath.mpf(down) ** 2
        excited = float(gain / (gain + loss))
        populations = np.array([1.0 - excited, excited])
        exact = gain * mpmath.mpf(populations[0]) - loss * mpmath.mpf(populations[1])
    excited_state = int(np.argmax(equation.space.occupations[:, 0]))
    flat = np.zeros(2)
    flat[np.argsort(sectors.order)] = populations if excited_state == 1 else populations[::-1]
    _, currents = generator.residual_and_currents((flat, np.zeros(2)))
    assert abs(float(exact)) < 1e-16  # what double precision would make of it is noise
    assert currents["hot"] == pytest.approx(float(exact * mpmath.mpf(1.7)), rel=1e-12)


def test_sectors_of_the_networks_are_the_total_excitations():
    equation = fig3({"A": 3, "B": 5})
    sectors = find_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    totals = equation.space.occupations.sum(axis=1)
    found = {frozenset(sectors.order[sectors.spans[k]]) for k in range(len(sectors.sizes))}
    assert found == {frozenset(np.flatnonzero(totals == total)) for total in range(7)}


def test_sectors_hold_the_coherences_of_a_state():
    equation = fig3(3)
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    state = (qutip.basis([3, 3], [0, 0]) + qutip.basis([3, 3], [1, 0])).unit().proj()
    sectors = find_sectors(generator, entries(state))
    assert abs(sectors.unpack(sectors.pack(entries(state))) - sparse_matrix(state)).max() == 0
    # A jump takes the coherence of 0 and 1 excitations to that of 1 and 2: in the end all is one sector.
    assert len(sectors.sizes) == 1


def test_parity_is_all_that_a_position_coupling_conserves():
    a = qutip.destroy(6)
    sectors = find_sectors(build_generator(qutip.num(6), {"bath": [a + a.dag()]}))
    assert sorted(sectors.sizes) == [3, 3]


@pytest.mark.parametrize("solver", [lambda k: sylvester(k, 1.0), schur_sylvester])
def test_sylvester(solver):
    generator = np.random.default_rng(3)
    hermitian = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    effective = hermitian + hermitian.conj().T - 1j * np.diag(generator.uniform(0.1, 1.0, 5))
    source = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    rho = solver(effective)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    assert np.abs(image - source).max() < 1e-12 * np.abs(source).max()


def test_sylvester_at_an_exceptional_point():
    """Two nodes whose damping differs by 4ε have one eigenvector only; the Schur form takes over."""
    effective = np.array([[1.0 - 1.0j, 0.5], [0.5, 1.0]], dtype=complex)
    assert np.abs(np.linalg.eigvals(effective)[0] - np.linalg.eigvals(effective)[1]) < 1e-6
    source = np.array([[1.0, 0.3j], [-0.3j, 2.0]])
    rho = sylvester(effective, 1.0)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    # The form adds a loss of 1e-12 of the scale, which this point amplifies by its square.
    assert np.abs(image - source).max() < 1e-10


def test_secular_populations_solve_the_rate_equation():
    equation = fig3(6)
    secular = secular_equation(on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators)))
    populations = secular.steady_populations
    flow = abs(secular.rates) @ populations
    assert np.abs(secular.rates @ populations).max() < 1e-13 * flow.max()
    assert populations.min() > 0


def current_in_fifty_digits(equation: qn.MasterEquation, bath: str) -> float:
    """Tr[H D(ρ)] of the equation as it is truncated: L of the blocks as a dense matrix, 50 digits throughout."""
    hamiltonian = equation.hamiltonian.full()
    dimension, totals = len(hamiltonian), equation.space.occupations.sum(axis=1)
    entries = [(i, j) for i in range(dimension) for j in range(dimension) if totals[i] == totals[j]]
    with mpmath.workdps(50):
        jumps = {
            name: [[[mpmath.mpf(float(x.real)) for x in row] for row in operator.full()] for operator in operators]
            for name, operators in equation.collapse_operators.items()
        }
        energies = [[mpmath.mpf(float(x.real)) for x in row] for row in hamiltonian]
        losses = {
            name: [
                [sum(jump[k][i] * jump[k][j] for jump in own for k in range(dimension)) for j in range(dimension)]
                for i in range(dimension)
            ]
            for name, own in jumps.items()
        }

        def dissipated(name: str, i: int, j: int, k: int, m: int) -> mpmath.mpf:
            image = sum(jump[i][k] * jump[j][m] for jump in jumps[name])
            return image - (losses[name][i][k] * (m == j) + (i == k) * losses[name][m][j]) / 2

        matrix = mpmath.matrix(len(entries))
        source = mpmath.matrix(len(entries), 1)
        for row, (i, j) in enumerate(entries):
            for column, (k, m) in enumerate(entries):
                coherent = mpmath.mpc(0, (i == k) * energies[m][j] - energies[i][k] * (m == j))
                matrix[row, column] = coherent + sum(dissipated(name, i, j, k, m) for name in jumps)
        for column, (k, m) in enumerate(entries):
            matrix[0, column] = mpmath.mpf(k == m)
        source[0] = 1
        rho = mpmath.lu_solve(matrix, source)
        current = sum(
            energies[j][i] * dissipated(bath, i, j, k, m) * rho[column]
            for i, j in entries
            if energies[j][i]
            for column, (k, m) in enumerate(entries)
        )
        return float(mpmath.re(current))


@pytest.mark.parametrize(
    "changes", [{}, {"epsilon": 1e-8, "kappa": 1e-10}, {"epsilon": 1e-4, "kappa": 1e-7, "omega_h": 6}, {"omega_h": 5.0}]
)
def test_currents_of_the_truncated_equation_in_fifty_digits(changes):
    equation = fig3(4, **changes)
    with pytest.warns(qn.TruncationWarning):
        state = qn.steady_state(equation)
    for bath, current in state.heat_currents.items():
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), rel=1e-11)


def three_two_level_nodes(detuning: float, couplings: tuple[float, float], baths: list[tuple[float, float]]):
    return qn.Network(
        nodes={"A": qn.TwoLevel(7.5), "B": qn.TwoLevel(7.5), "C": qn.TwoLevel(7.5 + detuning)},
        couplings={("A", "B"): couplings[0], ("B", "C"): couplings[1]},
        baths={
            name: qn.Bath(name, temperature, qn.PhononSpectrum(kappa))
            for name, (temperature, kappa) in zip("ABC", baths, strict=False)
        },
    )


@pytest.mark.parametrize(
    "network",
    [
        # The residual falls by nine orders in a cycle that takes the current only a factor of four closer.
        three_two_level_nodes(4.3e-5, (6.44e-5, 9.0e-8), [(149.0, 1.3e-13), (3.84, 4.2e-10), (424.0, 0.067)]),
        three_two_level_nodes(0.0, (6e-5, 9e-5), [(3.0, 1e-7), (5.0, 3e-3), (2.0, 1e-5)]),
        three_two_level_nodes(0.02, (1e-2, 3e-5), [(12.0, 1e-2), (10.0, 1e-6)]),
    ],
)
@pytest.mark.filterwarnings("ignore::qnet_qutip.AccuracyWarning")  # the estimate of rounding is an upper one
def test_slow_modes_that_carry_the_current_are_waited_for(network):
    equation = qn.local_master_equation(network)
    state = qn.steady_state(equation)
    for bath, current in state.heat_currents.items():
        scale = max(abs(current), 0.01 * one_way_flows(network)[bath])
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), abs=1e-10 * scale)


def test_currents_beyond_doubled_precision_warn():
    """ε²/κω³ is 1e-27 of what the baths exchange with their nodes."""
    network = qn.Network(
        nodes={"A": qn.TwoLevel(8.9), "B": qn.TwoLevel(8.9)},
        couplings={("A", "B"): 3e-13},
        baths={
            "hot": qn.Bath("A", 280.0, qn.PhononSpectrum(0.03)),
            "cold": qn.Bath("B", 297.0, qn.PhononSpectrum(4e-4)),
        },
    )
    with pytest.warns(qn.AccuracyWarning, match="is resolved to 1e-10 of .* only"):
        qn.steady_state(qn.local_master_equation(network))


def test_nearly_undamped_nodes_converge():
    """The oscillator is damped at 1e-6, the other node at 1e-20 through it."""
    network = qn.Network(
        nodes={"A": qn.Oscillator(5.25), "B": qn.TwoLevel(5.99)},
        couplings={("A", "B"): 7e-8},
        baths={"hot": qn.Bath("A", 134.0, qn.PhononSpectrum(1.5e-9))},
    )
    state = qn.steady_state(qn.local_master_equation(network, levels={"A": 3}, rtol=1e9))
    excited = np.exp(-np.array([5.25, 5.25 * 2, 5.99]) / 134.0)
    assert state.iterations < 50
    assert 0 < state.occupations["B"] < 0.5
    assert state.occupations["A"] == pytest.approx((excited[0] + 2 * excited[1]) / (1 + excited[:2].sum()), rel=1e-6)


SIGMA_X, SIGMA_Y, SIGMA_Z, SIGMA_MINUS = qutip.sigmax(), qutip.sigmay(), qutip.sigmaz(), qutip.sigmam()


@pytest.mark.parametrize(
    ("hamiltonian", "operators"),
    [
        (SIGMA_X, {"a": [SIGMA_MINUS]}),
        (SIGMA_X, {"a": [SIGMA_Z]}),
        (SIGMA_X, {"a": [SIGMA_Z], "b": [SIGMA_Y]}),
        (0.7 * SIGMA_X, {"a": [0.3 * SIGMA_MINUS]}),
        (SIGMA_Z, {"a": [SIGMA_Z], "b": [SIGMA_MINUS, 0.3 * SIGMA_MINUS.dag()]}),
    ],
)
def test_hamiltonians_without_a_diagonal_and_jumps_that_commute(hamiltonian, operators):
    """Currents are zero here, and the diagonal of H is no measure of what jumps carry."""
    state = qn.steady_state(hamiltonian, operators)
    direct = qutip.steadystate(hamiltonian, [operator for members in operators.values() for operator in members])
    assert state.iterations < 50
    assert (state.rho - direct).norm() < 1e-12
    assert max(abs(current) for current in state.heat_currents.values()) < 1e-15


WEAK_AND_STRONG = [
    *[{"epsilon": epsilon, "omega_h": omega} for epsilon in (1e-6, 1e-3, 0.3) for omega in (5.0, 5.01, 9.0)],
    {"epsilon": 2.5e-6, "omega_h": 5.0, "kappa": 1e-7},
    {"epsilon": 1e-8, "kappa": 1e-10},
]


@pytest.mark.filterwarnings("ignore::qnet_qutip.AccuracyWarning")  # at 1e-14 the weakest couplings are not resolved
@pytest.mark.parametrize("changes", WEAK_AND_STRONG)
def test_the_tolerance_is_kept(changes):
    """What steady_state returns at its tolerance is what it returns at a far smaller one."""
    equation = fig3(8, **changes)
    with pytest.warns(qn.TruncationWarning):
        state = qn.steady_state(equation)
    with pytest.warns(qn.TruncationWarning):
        refined = qn.steady_state(equation, rtol=1e-14)
    for bath, current in refined.heat_currents.items():
        assert state.heat_currents[bath] == pytest.approx(current, rel=3e-10)


@pytest.mark.parametrize("epsilon", [1.0, 1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("frequencies", [[5.0] * 5, [5.0, 7.0, 5.0, 7.0, 5.0], [10.0, 8.75, 7.5, 6.25, 5.0]])
def test_chains_converge_at_any_coupling(epsilon, frequencies):
    """Undamped nodes between strongly damped ends: the energy that goes in comes out, and links agree with baths."""
    equation = qn.local_master_equation(chain(5, epsilon, frequencies))
    state = qn.steady_state(equation)
    assert state.iterations < 300
    assert state.first_law_residual < 1e-9
    operators = equation.space.lowering
    hop = operators["N1"].dag() * operators["N2"]
    link = qutip.expect(1j * epsilon * (hop - hop.dag()), state.rho)  # excitations from N1 to N2
    other = operators["N2"].dag() * operators["N3"]
    assert link == pytest.approx(qutip.expect(1j * epsilon * (other - other.dag()), state.rho), rel=1e-6)


def test_chain_agrees_with_qutip():
    equation = qn.local_master_equation(chain(4, 0.4, [5.0, 6.0, 5.5, 7.0]))
    state = qn.steady_state(equation)
    direct = qutip.steadystate(equation.hamiltonian, equation.all_collapse_operators)
    assert (state.rho - direct).norm() < 1e-11


def test_a_stuck_iteration_is_an_error():
    equation = qn.local_master_equation(chain(7, 1e-3))
    with pytest.raises(qn.ConvergenceError, match=r"did not converge within \d+ iterations.*residual"):
        qn.steady_state(equation, max_iterations=1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), dimension=st.integers(2, 6), count=st.integers(1, 3))
def test_random_generators_without_structure(seed, dimension, count):
    generator = np.random.default_rng(seed)
    matrices = generator.normal(size=(count + 1, dimension, dimension)) + 1j * generator.normal(
        size=(count + 1, dimension, dimension)
    )
    hamiltonian = qutip.Qobj(matrices[0] + matrices[0].conj().T)
    operators = [qutip.Qobj(matrix) for matrix in matrices[1:]]
    state = qn.steady_state(hamiltonian, operators)
    liouvillian = qutip.liouvillian(hamiltonian, operators).full()
    image = liouvillian @ qutip.operator_to_vector(state.rho).full()
    assert np.abs(image).max() < 1e-12 * np.abs(liouvillian).max()
    assert state.rho.tr() == pytest.approx(1.0, abs=1e-12)


def test_start_leads_to_the_same_state():
    equation = qn.local_master_equation(chain(4, 0.1))
    first = qn.steady_state(qn.local_master_equation(chain(4, 0.12)))
    state, started = qn.steady_state(equation), qn.steady_state(equation, start=first)
    assert started.heat_currents["hot"] == pytest.approx(state.heat_currents["hot"], rel=1e-9)


def test_report_is_called_each_cycle():
    equation = qn.local_master_equation(chain(6, 0.1))
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    seen = []
    options = Options(report=lambda iterations, error: seen.append((iterations, error)))
    _, solution = steady_state(generator, options)
    assert seen[-1][0] == solution.iterations
    assert seen[-1][1] <= 1e-10
