"""One linear solve: what it reaches, when it stops and what it says."""

import itertools
import re
import warnings

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import Liouvillian
from problems import chain, fig3, three_two_level_nodes
from systems import dark_amplitudes, dark_chain

import qnet_qutip as qn
from qnet_qutip.estimates import one_way_flows
from qnet_qutip.solver import cycles, judge, refinement, stages
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.linear import solve
from qnet_qutip.solver.point import Options, current_scales
from qnet_qutip.solver.stationary import steady_state
from qnet_qutip.solver.superoperator import SectorGenerator, on_sectors


def current_in_fifty_digits(equation: qn.MasterEquation, bath: str) -> float:
    """Tr[H D(ρ)] of the equation as it is truncated."""
    literal = Liouvillian(
        equation.hamiltonian.full(),
        {name: [operator.full() for operator in members] for name, members in equation.collapse_operators.items()},
    )
    return float(literal.currents(literal.steady_state())[bath])


@pytest.mark.parametrize(
    "changes", [{}, {"epsilon": 1e-8, "kappa": 1e-10}, {"epsilon": 1e-4, "kappa": 1e-7, "omega_h": 6}, {"omega_h": 5.0}]
)
def test_currents_of_the_truncated_equation_in_fifty_digits(changes):
    equation = fig3(4, **changes)
    with pytest.warns(qn.TruncationWarning):
        state = qn.steady_state(equation)
    for bath, current in state.heat_currents.items():
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), rel=1e-11)


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


# ---------------------------------------------------------------- what double-double cannot decide


def row_of_nodes(nodes, epsilon):
    """Two-level nodes on resonance between a bath that damps at 1e3 and one that damps at ten."""
    names = [f"N{index}" for index in range(nodes)]
    return qn.Network(
        nodes={name: qn.TwoLevel(8.9) for name in names},
        couplings=dict.fromkeys(itertools.pairwise(names), epsilon),
        baths={
            "hot": qn.Bath(names[0], 280.0, qn.PhononSpectrum(0.03)),
            "cold": qn.Bath(names[-1], 297.0, qn.PhononSpectrum(4e-4)),
        },
    )


@pytest.mark.parametrize("epsilon", [3e-13, 1e-9])
def test_a_pair_beyond_double_double_has_all_its_digits(epsilon):
    """ε²/κω³ is 1e-27 of what the baths exchange with their nodes, and nothing warns."""
    equation = qn.local_master_equation(row_of_nodes(2, epsilon))
    for bath, current in qn.steady_state(equation).heat_currents.items():
        assert current == pytest.approx(current_in_fifty_digits(equation, bath), rel=1e-10, abs=0)


@pytest.mark.parametrize(("nodes", "epsilon"), [(5, 2e-6), (5, 1e-6), (5, 1e-9), (5, 3e-13), (6, 3e-6), (6, 3e-13)])
def test_currents_beyond_double_double_warn_or_are_refused(nodes, epsilon):
    """More than eighty unknowns: too many for a hundred digits. Through five nodes J is what it is through two."""
    equation = qn.local_master_equation(row_of_nodes(nodes, epsilon))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            state = qn.steady_state(equation)
        except qn.ConvergenceError as error:
            reason = str(error)
        else:
            reason = " ".join(str(warning.message) for warning in caught if warning.category is qn.AccuracyWarning)
            exact = qn.steady_state(qn.local_master_equation(row_of_nodes(2, epsilon))).heat_currents
            for bath, current in state.heat_currents.items():
                assert f"of bath {bath!r}" in reason or current == pytest.approx(exact[bath], rel=1e-6, abs=0)
    assert re.search("is resolved to 1e-10 of .* only|double-double arithmetic", reason)


@pytest.mark.parametrize("share", [1e-12, 1e-6, 1e-2])
def test_a_current_that_rounding_may_hide_is_said_to_be_undecided(share, monkeypatch):
    """As if the rounding of the residual were worth this share of the current: below rtol, up to 1e-3, and beyond."""
    equation = qn.local_master_equation(chain(5, 1e-2))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    current = solve(generator, Options()).currents["hot"]
    functionals = generator.functionals
    hot = functionals.baths == functionals.names.index("hot")
    hidden = np.zeros(generator.sectors.unknowns)
    hidden[functionals.places[hot]] = functionals.high[hot]
    hidden *= share * current / (hidden @ hidden)
    monkeypatch.setattr(refinement, "_draws", lambda *_: [hidden])
    # The tolerance on ρ is not in the way.
    options = Options(rtol=1e-8)
    assert np.linalg.norm(hidden) < 1e-8 or share > 1e-3
    if share > 1e-3:
        with pytest.raises(qn.ConvergenceError, match="double-double arithmetic leaves undecided"):
            solve(generator, options)
        return
    undecided = solve(generator, options).unresolved
    assert ("hot" in undecided) == (share > 1e-8)
    if undecided:
        assert undecided["hot"] == pytest.approx(share * abs(current) / 1e-8, rel=1e-6, abs=0)


# ---------------------------------------------------------------- scales


def solved(hamiltonian, operators, **options):
    """Generator on its sectors, and the solution as `steady_state` finds it."""
    return steady_state(build_generator(hamiltonian, operators), Options(unique=False, **options))


def test_currents_are_judged_against_themselves_or_the_scale_given():
    equation = qn.local_master_equation(chain(3, 0.1))
    on, solution = solved(equation.hamiltonian, equation.collapse_operators)
    flat = solution.value[0]
    scales = current_scales(on, flat, solution.currents, Options(smallest_scales=dict.fromkeys(["hot", "cold"], 1e-30)))
    assert scales == {bath: abs(current) for bath, current in solution.currents.items()}
    given = current_scales(on, flat, solution.currents, Options(smallest_scales={"hot": 5.0, "cold": 1e-30}))
    assert given == scales | {"hot": 5.0}


def exchanged(hamiltonian, operators, rho):
    """Σ |(Tr_jk of H D(·))||ρ_jk|: what a bath exchanges with the network in the state."""
    carried = 0 * hamiltonian
    for jump in operators:
        loss = jump.dag() * jump
        carried += jump.dag() * hamiltonian * jump - 0.5 * (hamiltonian * loss + loss * hamiltonian)
    # In real form, Re + Im, where both are real this is the sum over the entries.
    return float((np.abs(carried.full()) * np.abs(rho.full())).sum())


@pytest.mark.parametrize("both", [True, False])
def test_the_floor_of_a_current_is_what_its_bath_exchanges(both):
    """Of several baths 1e-22 of it, as their currents may cancel to that; of a single one, whose current is zero, it.

    A two-level node at one temperature: J = 0 of each.
    """
    hamiltonian, lower = 3.0 * qutip.num(2), qutip.destroy(2)
    operators = {"one": [lower, 0.5 * lower.dag()]} | ({"two": [0.2 * lower, 0.1 * lower.dag()]} if both else {})
    on, solution = solved(hamiltonian, operators)
    rho = qutip.Qobj(on.sectors.unpack(solution.value[0]))
    known = Options(smallest_scales=dict.fromkeys(operators, 0.0))
    scales = current_scales(on, solution.value[0], dict.fromkeys(operators, 0.0), known)
    for bath, jumps in operators.items():
        floor = exchanged(hamiltonian, jumps, rho) * (1e-22 if both else 1.0)
        assert scales[bath] == pytest.approx(floor, rel=1e-9, abs=0)


def test_jumps_that_commute_carry_nothing_but_rounding():
    """Dephasing in the eigenbasis of H, in a basis where neither is diagonal: its current is rounding."""
    turn = qutip.rand_unitary(4, seed=3)
    hamiltonian = turn * qutip.qdiags([0.0, 1.0, 2.5, 4.1], 0) * turn.dag()
    hamiltonian = (hamiltonian + hamiltonian.dag()) / 2
    dephasing = turn * qutip.qdiags([1.0, -0.5, 0.3, 2.0], 0) * turn.dag()
    lowering = [turn * qutip.projection(4, k, k + 1) * turn.dag() for k in range(3)]
    operators = {"dephasing": [dephasing], "cold": [*lowering, *[0.4 * jump.dag() for jump in lowering]]}
    on, solution = solved(hamiltonian, operators)
    flat = solution.value[0]
    known = Options(smallest_scales=dict.fromkeys(operators, 0.0))
    scales = current_scales(on, flat, dict.fromkeys(operators, 0.0), known)
    rounding = on.current_rounding(flat)
    assert scales["dephasing"] == pytest.approx(rounding["dephasing"] / 1e-10, rel=1e-12, abs=0)
    assert scales["cold"] < 1e-20
    direct = qutip.steadystate(hamiltonian, [jump for jumps in operators.values() for jump in jumps])
    assert (qutip.Qobj(on.sectors.unpack(flat)) - direct).norm() < 1e-10
    assert abs(solution.currents["dephasing"]) < 1e-14


@pytest.mark.parametrize("states", [3, 7])
def test_a_dark_state_is_found_though_its_currents_tend_to_zero(states):
    hamiltonian, jumps = dark_chain(states)
    on, solution = solved(hamiltonian, {str(number): [jump] for number, jump in enumerate(jumps)})
    expected = qutip.ket2dm(dark_amplitudes(states))
    assert (qutip.Qobj(on.sectors.unpack(solution.value[0])) - expected).norm() < 1e-10
    assert solution.iterations < 30
    # What ρ's own rounding makes of a current that is none counts as zero: 1e4 eps² over the tolerance.
    scales = current_scales(on, solution.value[0], dict.fromkeys(solution.currents, 0.0), Options())
    for bath, scale in scales.items():
        largest = on.functionals.largest[bath]
        assert scale == pytest.approx(1e4 * np.finfo(float).eps ** 2 / 1e-10 * largest, rel=1e-9, abs=0)


# ---------------------------------------------------------------- cycles


def krylov_only(monkeypatch):
    """Leave the cycles of GMRES as the only way, whatever the size."""
    monkeypatch.setattr(stages, "DENSE", 0)
    monkeypatch.setattr(stages, "FEW_SECTORS", 0)
    monkeypatch.setattr(stages, "LAST_OPERATIONS", 0)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-10])
def test_a_single_cycle_is_not_believed(rtol, monkeypatch):
    """However loose the tolerance: what the start hides from the first cycle a second one sees."""
    krylov_only(monkeypatch)
    equation = qn.local_master_equation(chain(4, 0.3, [5.0, 6.0, 5.5, 5.2]))
    seen = []
    _, solution = solved(
        equation.hamiltonian, equation.collapse_operators, rtol=rtol, report=lambda *cycle: seen.append(cycle)
    )
    assert solution.stage.vectors
    assert len(seen) >= 2
    # The last cycle knows what it changed.
    assert all(np.isfinite(change) for change in solution.changes.values())


def test_from_a_solution_one_cycle_will_do(monkeypatch):
    krylov_only(monkeypatch)
    equation = qn.local_master_equation(chain(4, 1.0))
    on, solution = solved(equation.hamiltonian, equation.collapse_operators)
    seen = []
    again = solve(on, Options(report=lambda *cycle: seen.append(cycle)), start=solution.value[0])
    assert len(seen) == 1
    assert again.currents == pytest.approx(solution.currents, rel=1e-10)


@pytest.mark.parametrize(
    ("coupling", "rate"), [(1e-3, 1e-3), (1e-3, 1.0), (1e-2, 1e-2), (1e-2, 0.14), (1e-2, 1.0), (1.0, 0.7)]
)
def test_a_chain_of_nine_takes_sixty_applications(coupling, rate):
    """Levels closer than their widths, where sweeps are what is left: a cycle does not look for slow modes again."""
    state = qn.steady_state(qn.local_master_equation(chain(9, coupling, kappa=rate / 5.0**3)))
    assert state.iterations <= 60


@pytest.mark.parametrize("vectors", [13, 25])
def test_cycles_start_anew_where_there_is_no_room(vectors, monkeypatch):
    """The vectors that are kept count: a space that leaves room for fewer than a cycle takes is let go of."""
    krylov_only(monkeypatch)
    monkeypatch.setattr(stages, "SEPARATED", 2.0)
    monkeypatch.setattr(stages, "affordable_vectors", lambda unknowns: vectors)
    most = []
    plain = cycles.gmres

    def watched(apply, right, reduction, limit, too_slow, **given):
        space = plain(apply, right, reduction, limit, too_slow, **given)
        most.append(space.rows)
        return space

    monkeypatch.setattr(cycles, "gmres", watched)
    equation = qn.local_master_equation(chain(5, 0.1, kappa=1.0 / 5.0**3))
    _, solution = solved(equation.hamiltonian, equation.collapse_operators)
    assert solution.stages == ("sweeps",)
    assert len(most) > 2
    # One vector more than applications, in each of the spaces.
    assert max(most) <= vectors + 1


@pytest.mark.parametrize("cycles", [True, False])
@pytest.mark.parametrize("excess", [1e-2, 1e-5, 1e-9])
def test_currents_that_do_not_add_up_are_not_accepted(cycles, excess, monkeypatch):
    """As if one were off by a part of itself that the residual does not show: Σ J is all there is to see it by."""
    if cycles:
        krylov_only(monkeypatch)
    # More unknowns than the hundred digits are for.
    equation = qn.local_master_equation(chain(5, 0.3))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    assert solve(generator, Options()).unresolved == {}
    plain = SectorGenerator.residual_and_currents

    def off(self, rho):
        residual, currents = plain(self, rho)
        return residual, currents | {"hot": currents["hot"] * (1.0 + excess)}

    monkeypatch.setattr(SectorGenerator, "residual_and_currents", off)
    try:
        solution = solve(generator, Options(max_iterations=300))
    except qn.ConvergenceError:
        return
    # Up to a thousandth it may pass, with a word.
    assert excess < 1e-3
    assert solution.unresolved


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 1.0])
def test_cycles_keep_any_tolerance(epsilon, rtol, monkeypatch):
    """Of ρ and of the currents, against the refinement of a factorisation."""
    equation = qn.local_master_equation(chain(4, epsilon, [5.0, 5.2, 4.9, 5.1]))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    exact = solve(generator, Options(rtol=1e-13))
    krylov_only(monkeypatch)
    rough = solve(generator, Options(rtol=rtol))
    assert (exact.stage.vectors, rough.stage.vectors > 0) == (0, True)
    assert rough.error <= rtol
    assert np.linalg.norm(rough.value[0] - exact.value[0]) <= rtol * np.linalg.norm(exact.value[0])
    for bath, current in exact.currents.items():
        assert rough.currents[bath] == pytest.approx(current, rel=rtol, abs=0)


SIX_NODES = [
    (
        [4.99933, 5.000225, 4.999016, 5.000978, 4.99892, 5.000356],
        [2.742e-3, 1.2e-3, 6.28e-4, 1.846e-3, 2.139e-3],
        [(2.226, 8.57e-4), (23.14, 1.574e-4)],
    ),
    ([5.0, 5.001, 5.0, 4.999, 5.0, 5.001], [1e-3] * 5, [(3.0, 1e-3), (20.0, 1e-4)]),
    ([5.0, 5.3, 4.8, 5.1, 4.7, 5.2], [0.05] * 5, [(3.0, 5e-3), (20.0, 5e-3)]),
]


@pytest.mark.parametrize(("frequencies", "couplings", "baths"), SIX_NODES)
def test_slow_modes_that_a_cycle_hardly_moves_are_waited_for(frequencies, couplings, baths, monkeypatch):
    """What GMRES leaves of the residual says little of the slow modes, which make up the error of the currents."""
    names = [f"N{index}" for index in range(6)]
    network = qn.Network(
        nodes={name: qn.TwoLevel(frequency) for name, frequency in zip(names, frequencies, strict=True)},
        couplings=dict(zip(itertools.pairwise(names), couplings, strict=True)),
        baths={
            bath: qn.Bath(node, T, qn.PhononSpectrum(kappa))
            for bath, node, (T, kappa) in zip(("hot", "cold"), (names[0], names[-1]), baths, strict=True)
        },
    )
    equation = qn.local_master_equation(network)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    by_cycles = solve(generator, Options())
    assert by_cycles.stage.vectors
    monkeypatch.setattr(stages, "FEW_SECTORS", 100)
    by_factorisation = solve(generator, Options())
    assert not by_factorisation.stage.vectors
    assert by_cycles.currents == pytest.approx(by_factorisation.currents, rel=1e-10, abs=0)


# ---------------------------------------------------------------- limits and starts


@pytest.mark.parametrize("limit", [1, 2])
def test_the_limit_on_steps_of_refinement_is_kept(limit):
    """From the empty network it takes three."""
    equation = qn.local_master_equation(chain(3, 0.3))
    on = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    empty = np.zeros(on.sectors.unknowns)
    empty[on.sectors.diagonal[0]] = 1.0
    with pytest.raises(
        qn.ConvergenceError, match=f"did not converge within {limit} iterations .* raise max_iterations"
    ):
        solve(on, Options(max_iterations=limit), start=empty)


def test_the_limit_on_iterations_is_looked_at_after_each_cycle(monkeypatch):
    krylov_only(monkeypatch)
    equation = qn.local_master_equation(chain(4, 0.3))
    on = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    seen = []
    with pytest.raises(qn.ConvergenceError, match=r"did not converge within \d+ iterations .* raise max_iterations"):
        solve(on, Options(max_iterations=2, report=lambda *cycle: seen.append(cycle)))
    assert len(seen) == 1


@pytest.mark.parametrize("cycles", [True, False])
@pytest.mark.parametrize("rtol", [1e-2, 1e-10])
def test_without_energies_the_error_is_that_of_the_state(cycles, rtol, monkeypatch):
    """H = 0: no current says anything."""
    if cycles:
        krylov_only(monkeypatch)
    jumps = [qutip.rand_unitary(8, seed=seed) for seed in (1, 2)]
    on, solution = solved(0 * jumps[0], {"bath": jumps}, rtol=rtol)
    distance = (qutip.Qobj(on.sectors.unpack(solution.value[0])) - qutip.qeye(8) / 8).norm("fro") * np.sqrt(8)
    assert 0 < solution.error <= rtol
    # The exact state is rounded too.
    assert distance <= solution.error + 1e-15


def test_each_cycle_is_told_what_the_one_before_expected(monkeypatch):
    krylov_only(monkeypatch)
    equation = qn.local_master_equation(chain(4, 0.3))
    on = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    told, plain = [], judge.checked

    def recorded(*arguments):
        told.append(arguments)
        return plain(*arguments)

    monkeypatch.setattr(judge, "checked", recorded)
    solve(on, Options())
    first, second = told[:2], told[2:4]
    assert [before for _, _, before in first] == [None, None]
    assert [before for _, _, before in second] == [expected for expected, _, _ in first]
    assert all(np.isfinite(change) and change > 0 for _, change, _ in second)


@pytest.mark.parametrize("cycles", [True, False])
def test_a_start_nearby_is_made_use_of(cycles, monkeypatch):
    """The error after the first step, or cycle, is smaller the nearer the start."""
    if cycles:
        krylov_only(monkeypatch)
    equation = qn.local_master_equation(chain(4, 0.1))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    solution = solve(generator, Options())
    random = np.random.default_rng(1).normal(size=generator.sectors.unknowns)
    errors = []
    for distance in (0.0, 1e-6, 1e-2, None):
        start = None if distance is None else solution.value[0] + distance * random
        seen = []
        state = solve(generator, Options(report=lambda *cycle, seen=seen: seen.append(cycle)), start=start)
        assert state.currents == pytest.approx(solution.currents, rel=1e-9)
        errors.append(seen[0][1] if cycles else state.iterations)
    if cycles:
        # A cycle takes a fixed factor off what it starts from.
        assert errors[0] < 0.1 * errors[3]
        assert errors[1] < 0.1 * errors[2]
    else:
        assert errors[0] <= errors[1] <= errors[2]
        assert errors[0] < errors[2]


@pytest.mark.parametrize("state", [0, -1])
def test_a_start_far_away_leads_to_the_same_state(state):
    """The network empty, or full."""
    equation = qn.local_master_equation(chain(6, 0.1))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    start = np.zeros(generator.sectors.unknowns)
    start[generator.sectors.diagonal[state]] = 1.0
    far = solve(generator, Options(), start=start)
    assert far.currents == pytest.approx(solve(generator, Options()).currents, rel=1e-9)


@pytest.mark.parametrize(
    ("coupling", "slowest", "stage_names"),
    [
        (0.1, 1e-6, ("secular equation in single precision",)),
        # Modes of 1e-9 of the largest weight: not tried, or tried in vain.
        (0.003, 1e-6, ("secular equation",)),
        (0.003, 0.0, ("secular equation in single precision", "secular equation")),
    ],
)
def test_what_single_precision_hides_double_precision_has(coupling, slowest, stage_names, monkeypatch):
    """Three oscillators whose middle one is coupled weakly."""
    phonons = qn.PhononSpectrum(1e-4)
    baths = {"hot": qn.Bath("A", 2, phonons), "cold": qn.Bath("C", 1, phonons)}
    network = qn.chain([qn.Oscillator(5), qn.Oscillator(4), qn.Oscillator(3)], coupling, **baths)
    equation = qn.local_master_equation(network, max_excitations=11)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    expected = solve(generator, Options())
    monkeypatch.setattr(stages, "SINGLE_PRECISION", 0)
    monkeypatch.setattr(stages, "SINGLE_SLOWEST", slowest)
    solution = solve(generator, Options())
    assert solution.stages == stage_names
    assert solution.currents["hot"] == pytest.approx(expected.currents["hot"], rel=1e-9)
