"""One contract for every master equation, node kind and truncation.

`CASES` is the product of the equations, the kinds of node pairs and the ways to cut their space; a new equation joins
by being in `qnet_qutip.MASTER_EQUATIONS`. What only some equations promise is asked of those that do: they
say so themselves.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import qutip
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import qnet_qutip as qn

EPS = float(np.finfo(float).eps)
Matrix = NDArray[np.complex128]

# The ladder of a two-level node and an oscillator has many Bohr frequencies close to each other.
pytestmark = pytest.mark.filterwarnings("ignore::qnet_qutip.ClusterWarning")

# Cold enough for small spaces.
PARAMETERS = {"omega_h": 4.0, "omega_c": 3.0, "epsilon": 0.5, "T_h": 1.2, "T_c": 1.0, "kappa": 1e-3}

# Given cuts are to be used as they are, without a warning: the tolerance is what they leave.
GIVEN = {"rtol": 0.1}

OSCILLATOR_CUTS: dict[str, dict[str, Any]] = {
    "levels": {"levels": 7, **GIVEN},
    "levels of each": {"levels": {"A": 6, "B": 8}, **GIVEN},
    "max_excitations": {"max_excitations": 8, **GIVEN},
    "automatic": {},
}
MODE_CUTS: dict[str, dict[str, Any]] = {
    "modes": {"basis": "modes", "levels": 7, **GIVEN},
    "modes, levels of each": {"basis": "modes", "levels": {"+": 6, "-": 9}, **GIVEN},
    "automatic nodes": {"basis": "nodes"},
}
CUTS: dict[str, dict[str, dict[str, Any]]] = {
    "oscillator": OSCILLATOR_CUTS,
    "two-level": {"automatic": {}},
    "mixed": {
        "levels": {"levels": 7, **GIVEN},
        "max_excitations": {"max_excitations": 8, **GIVEN},
        "automatic": {},
    },
}


class Case(NamedTuple):
    """An equation, a kind of pair, and a cut."""

    equation: str
    kind: str
    cut: str

    def __str__(self) -> str:
        return f"{self.equation}, {self.kind}, {self.cut}"

    @property
    def arguments(self) -> dict[str, Any]:
        return {**CUTS[self.kind], **MODE_CUTS}[self.cut]

    def build(self, net: qn.Network) -> qn.MasterEquation:
        return qn.MASTER_EQUATIONS[self.equation](net, **self.arguments)


CASES = [
    Case(equation, kind, cut)
    for equation in qn.MASTER_EQUATIONS
    for kind, cuts in CUTS.items()
    for cut in (*cuts, *(MODE_CUTS if (equation, kind) == ("global", "oscillator") else ()))
]
PAIRS = [case for case in CASES if case.kind != "mixed"]
PROMISES = {name: build(qn.two_node("two-level", **PARAMETERS)).promises for name, build in qn.MASTER_EQUATIONS.items()}
LINDBLAD = [case for case in CASES if PROMISES[case.equation].positive]
GIBBS = [case for case in CASES if PROMISES[case.equation].gibbs_state]
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_lindblad = pytest.mark.parametrize("case", LINDBLAD, ids=str)
each_pair = pytest.mark.parametrize("case", PAIRS, ids=str)


def network(kind: str, **changes: float) -> qn.Network:
    """The network of `PARAMETERS`; "mixed" has an oscillator A and a two-level B."""
    values = {**PARAMETERS, **changes}
    if kind != "mixed":
        return qn.two_node(kind, **values)
    net = qn.two_node("oscillator", **values)
    return net.replace(nodes={"B": qn.TwoLevel(values["omega_c"])})


def superoperator(equation: qn.MasterEquation) -> sp.csr_array:
    """The Liouvillian as a sparse matrix on stacked columns."""
    return sp.csr_array(equation.liouvillian().to("CSR").data_as("csr_matrix"))


Member = Matrix | tuple[Matrix, Matrix]


def dense(operators: Any) -> list[Member]:
    """Collapse operators, or pairs of operators, as dense matrices."""
    return [
        (operator[0].full(), operator[1].full()) if isinstance(operator, tuple) else operator.full()
        for operator in operators
    ]


def dissipated(operators: list[Member], rho: Matrix) -> Matrix:
    """Σ LρL† - ½{L†L, ρ}, and Σ ΛρS† + SρΛ† - S†Λρ - ρΛ†S."""
    total = np.zeros_like(rho)
    for operator in operators:
        if isinstance(operator, tuple):
            coupling, filtered = operator
            half = filtered @ rho @ coupling.conj().T - coupling.conj().T @ filtered @ rho
            total += half + half.conj().T
        else:
            number = operator.conj().T @ operator
            total += operator @ rho @ operator.conj().T - 0.5 * (number @ rho + rho @ number)
    return total


def size(operators: Any) -> float:
    """Σ‖L‖², or 2‖S‖‖Λ‖ of a pair."""
    return float(
        sum(
            2 * operator[0].norm("fro") * operator[1].norm("fro")
            if isinstance(operator, tuple)
            else operator.norm("fro") ** 2
            for operator in operators
        )
    )


def carried(operators: list[Member], rho: Matrix) -> float:
    """What the jumps carry one way."""
    total = 0.0
    for operator in operators:
        left, right = operator if isinstance(operator, tuple) else (operator, operator)
        total += 2 * float(np.linalg.norm(left @ rho @ right.conj().T))
    return total


def rate_of_change(equation: qn.MasterEquation, rho: Matrix) -> Matrix:
    """L(ρ), literally eq. (4)."""
    hamiltonian = equation.hamiltonian.full()
    return -1j * (hamiltonian @ rho - rho @ hamiltonian) + dissipated(dense(equation.all_collapse_operators), rho)


def rounding_of(equation: qn.MasterEquation) -> float:
    """What rounding may leave of a sum that vanishes in L(ρ): `terms` terms, none beyond the norms' product."""
    terms = 10 + 4 * len(equation.all_collapse_operators)
    return terms * EPS * (equation.hamiltonian.norm("fro") + size(equation.all_collapse_operators))


def gibbs(hamiltonian: Matrix, temperature: float) -> Matrix:
    weights = scipy.linalg.expm(-hamiltonian / temperature)
    return np.asarray(weights / np.trace(weights))


def solver_error(state: qn.SteadyState, rtol: float = 1e-10) -> dict[str, float]:
    """Absolute error that the solver may leave of each current in the space given, and rounding of the rates.

    The solver takes 1e-18 of what a bath's jumps carry both ways for zero; what is zero in any steady state, the
    current of a single bath, it judges against all that the bath exchanges.
    """
    flows = state.equation.one_way_flows
    energy = sum(node.frequency for node in state.equation.network.nodes.values())
    zero = {
        bath: (1e-18 if len(flows) > 1 else rtol) * energy * carried(dense(operators), state.rho.full())
        for bath, operators in state.equation.collapse_operators.items()
    }
    return {
        bath: rtol * max(abs(current), 0.01 * flows[bath]) + 16 * EPS * flows[bath] + zero[bath]
        for bath, current in state.heat_currents.items()
    }


def current_error(state: qn.SteadyState) -> dict[str, float]:
    """Absolute error of each current that the state itself admits, and rounding of the rates."""
    flows = state.equation.one_way_flows
    return {bath: error + 16 * EPS * flows[bath] for bath, error in state.heat_current_errors.items()}


def assert_energy_is_conserved(state: qn.SteadyState, rtol: float = 1e-10) -> None:
    """ΣJ = Tr[H L(ρ)] = 0 in any space, as H commutes with itself in each: what is left of the sum is the solver's."""
    assert abs(sum(state.heat_currents.values())) <= sum(solver_error(state, rtol).values())


# ---------------------------------------------------------------- the generator


@each_case
def test_generator_keeps_the_trace(case: Case) -> None:
    equation = case.build(network(case.kind))
    generator = superoperator(equation)
    trace = np.eye(equation.space.dimension).ravel(order="F")
    # A sum of k terms that cancel is left with at most k·eps times the sum of their magnitudes.
    columns = generator.tocsc()
    counts = np.diff(columns.indptr)
    assert np.all(np.abs(trace @ generator) <= (counts + 4) * EPS * (trace @ abs(generator)))


@each_case
def test_generator_keeps_hermiticity(case: Case) -> None:
    equation = case.build(network(case.kind))
    generator = superoperator(equation)
    random = np.random.default_rng(1)
    shape = (equation.space.dimension,) * 2
    rho = random.normal(size=shape) + 1j * random.normal(size=shape)
    rho = rho + rho.conj().T
    change = (generator @ rho.ravel(order="F")).reshape(shape, order="F")
    magnitude = (abs(generator) @ np.abs(rho).ravel(order="F")).reshape(shape, order="F")
    terms = np.diff(generator.indptr).max() + 4
    assert np.all(np.abs(change - change.conj().T) <= terms * EPS * (magnitude + magnitude.T))


@each_case
def test_generator_is_the_hamiltonian_and_a_dissipator_for_each_bath(case: Case) -> None:
    equation = case.build(network(case.kind))
    assert set(equation.collapse_operators) == {"hot", "cold"}
    assert equation.hamiltonian.isherm
    together = qutip.liouvillian(equation.hamiltonian) + equation.dissipator("hot") + equation.dissipator("cold")
    difference = equation.liouvillian() - together
    largest = abs(superoperator(equation)).max()
    assert abs(sp.csr_array(difference.to("CSR").data_as("csr_matrix"))).max() <= 16 * EPS * largest


@each_lindblad
def test_mesolve_takes_the_equation_as_it_is(case: Case) -> None:
    equation = case.build(network(case.kind))
    dimension = equation.space.dimension
    # A copy of the Hamiltonian with other entries has the dimensions of an excitation-cut space too.
    rho0 = equation.hamiltonian.copy()
    one_excitation = sp.csr_matrix(([1.0 + 0j], ([1], [1])), shape=(dimension, dimension))
    rho0.data = qutip.data.CSR(one_excitation)
    time, atol = 5.0, 1e-9
    options = {"progress_bar": "", "atol": atol, "rtol": 1e-8, "nsteps": 100_000}
    evolved = qutip.mesolve(equation.hamiltonian, rho0, [0.0, time], equation.all_collapse_operators, options=options)
    propagated = scipy.sparse.linalg.expm_multiply(superoperator(equation) * time, rho0.full().ravel(order="F"))
    error = np.abs(evolved.final_state.full().ravel(order="F") - propagated).max()
    # Each step of the integrator may leave its tolerance; it takes a few for each turn of the fastest phase, and the
    # generator damps what is left.
    energies = equation.hamiltonian.diag()
    steps = 10 * time * np.ptp(energies)
    assert error <= steps * (atol + 1e-8)
    assert abs(evolved.final_state.tr() - 1) <= steps * atol


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
@pytest.mark.parametrize("argument", ["levels", "max_excitations"])
def test_a_cut_of_two_level_nodes_is_refused(equation: str, argument: str) -> None:
    """There is nothing to cut; a smaller space would be silently wrong."""
    with pytest.raises(ValueError, match=f"{argument} must not be given"):
        qn.MASTER_EQUATIONS[equation](network("two-level"), **{argument: 1 if argument == "max_excitations" else 2})


# ---------------------------------------------------------------- the steady state


@each_case
def test_steady_state_is_one(case: Case) -> None:
    equation = case.build(network(case.kind))
    state = qn.steady_state(equation, rtol=1e-13)
    rho = state.rho.full()
    # Rounding of ρ to 16 digits alone leaves this much of L(ρ).
    assert np.linalg.norm(rate_of_change(state.equation, rho)) <= rounding_of(state.equation)
    assert state.residual <= rounding_of(state.equation)
    assert np.trace(rho) == pytest.approx(1, abs=state.equation.space.dimension * EPS)
    np.testing.assert_allclose(rho, rho.conj().T, rtol=0, atol=4 * EPS)
    assert state.smallest_eigenvalue >= -10 * EPS
    assert state.rho.dims == state.equation.hamiltonian.dims


@each_lindblad
def test_qutip_steadystate_takes_the_equation_as_it_is(case: Case) -> None:
    equation = case.build(network(case.kind))
    state = qn.steady_state(equation, rtol=1e-13)
    theirs = qutip.steadystate(state.equation.hamiltonian, state.equation.all_collapse_operators)
    difference = np.abs((theirs - state.rho).full())
    # The residuals are what they are, ours of rounding; the generator's slowest rate, about κω³/2 of the slow
    # node, turns them into ρ. The factor 10 is for the generator's eigenvectors, which are not orthogonal;
    # that of every space here leaves eight digits.
    slowest = 0.5 * PARAMETERS["kappa"] * PARAMETERS["omega_c"] ** 3
    residuals = [np.linalg.norm(rate_of_change(state.equation, rho.full())) for rho in (theirs, state.rho)]
    assert difference.max() <= 10 * sum(residuals) / slowest <= 1e-8


@each_case
def test_heat_currents_are_eq_5_of_each_bath_and_sum_to_zero(case: Case) -> None:
    state = qn.steady_state(case.build(network(case.kind)))
    hamiltonian = state.equation.hamiltonian.full()
    rho = state.rho.full()
    for bath, current in state.heat_currents.items():
        operators = dense(state.equation.collapse_operators[bath])
        flow = np.trace(hamiltonian @ dissipated(operators, rho)).real
        # Rounding of ρ against the flow that each jump carries one way.
        gross = carried(operators, rho) * np.linalg.norm(hamiltonian, 2)
        assert flow == pytest.approx(current, abs=100 * EPS * gross)
    assert_energy_is_conserved(state)
    assert state.heat_currents["hot"] != 0


@each_case
def test_currents_of_a_state_given_are_those_of_the_steady_state(case: Case) -> None:
    state = qn.steady_state(case.build(network(case.kind)))
    flows = state.equation.one_way_flows
    for bath, current in qn.heat_currents(state.equation, state.rho).items():
        # ρ itself is rounded: a few units in the last place of the flow it carries.
        assert current == pytest.approx(state.heat_currents[bath], abs=100 * EPS * flows[bath])
        assert qn.heat_current(state.equation, state.rho, bath) == current
    assert state.entropy_production == pytest.approx(
        -state.heat_currents["hot"] / PARAMETERS["T_h"] - state.heat_currents["cold"] / PARAMETERS["T_c"], rel=4 * EPS
    )


# ---------------------------------------------------------------- closed forms


def closed_forms(equation: str, net: qn.Network) -> tuple[float, Any, NDArray[np.float64]]:
    """J_h, the moments and the covariance matrix."""
    if equation == "local":
        return (
            qn.analytic.local_heat_current(net),
            qn.analytic.local_moments(net),
            qn.analytic.local_covariance(net),
        )
    return qn.analytic.global_heat_current(net), qn.analytic.global_moments(net), qn.analytic.global_covariance(net)


CLOSED = [case for case in PAIRS if case.equation in ("local", "global")]


@pytest.mark.parametrize("case", CLOSED, ids=str)
@pytest.mark.parametrize("omega_h", [4.0, 3.0, 2.5])
def test_density_matrix_agrees_with_closed_forms(case: Case, omega_h: float) -> None:
    net = network(case.kind, omega_h=omega_h)
    state = qn.steady_state(case.build(net))
    current, moments, covariance = closed_forms(case.equation, net)
    error = current_error(state)
    assert state.heat_currents["hot"] == pytest.approx(current, abs=error["hot"], rel=0)
    assert state.heat_currents["cold"] == pytest.approx(-current, abs=error["cold"], rel=0)
    # A population misses no larger share than a one-way flow does. Rounding is of numbers of order one.
    relative = max(state.truncation_error.values()) + 1e-10
    assert state.occupations["A"] == pytest.approx(moments.n_A, rel=relative)
    assert state.occupations["B"] == pytest.approx(moments.n_B, rel=relative)
    scale = moments.n_A + moments.n_B
    np.testing.assert_allclose(state.covariance, covariance, rtol=0, atol=relative * scale + 8 * EPS)
    np.testing.assert_allclose(
        state.correlations, qn.correlations.correlation_matrix(covariance), rtol=0, atol=4 * relative * scale + 16 * EPS
    )
    error_of_entropy = error["hot"] / PARAMETERS["T_h"] + error["cold"] / PARAMETERS["T_c"]
    expected = -current / PARAMETERS["T_h"] + current / PARAMETERS["T_c"]
    assert state.entropy_production == pytest.approx(expected, abs=error_of_entropy, rel=0)


GROWING_CUTS = [
    *({"levels": number} for number in (3, 5, 7, 9)),
    *({"max_excitations": number} for number in (2, 4, 6, 9)),
]


@pytest.mark.parametrize("equation", ["local", "global"])
@pytest.mark.parametrize("cut", GROWING_CUTS, ids=str)
@pytest.mark.parametrize(
    "changes",
    [{}, {"omega_h": 3.0}, {"epsilon": 0.05}, {"epsilon": 2.0}, {"omega_h": 2.0}, {"T_h": 2.5}, {"kappa": 1e-2}],
    ids=str,
)
def test_truncation_error_is_estimated_from_above(
    equation: str, cut: dict[str, int], changes: dict[str, float]
) -> None:
    net = network("oscillator", **changes)
    exact = closed_forms(equation, net)[0]
    bases = ("nodes", "modes") if (equation == "global" and "levels" in cut) else (None,)
    for basis in bases:
        arguments: dict[str, Any] = {**cut, "rtol": 1e9, **({} if basis is None else {"basis": basis})}
        state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net, **arguments))
        for bath, sign in (("hot", 1), ("cold", -1)):
            true = abs(state.heat_currents[bath] - sign * exact)
            assert true <= current_error(state)[bath]
            # Of use only if it is not given up: four orders of magnitude are the worst that the contract allows.
            assert current_error(state)[bath] <= 1e4 * true + 1e-9 * abs(exact)


@pytest.mark.parametrize("equation", ["local", "global"])
@pytest.mark.parametrize("cut", ["levels", "max_excitations"])
def test_truncation_converges(equation: str, cut: str) -> None:
    net = network("oscillator")
    exact = closed_forms(equation, net)[0]
    errors = []
    for number in (3, 5, 7, 9):
        state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net, **{cut: number}, rtol=1e9))
        errors.append(abs(state.heat_currents["hot"] / exact - 1))
    # Two more levels of the softer node cost a factor e^(-2ω/T), twice as far the worst here: 0.05 for ω_- = 2.8.
    assert all(later <= 0.1 * earlier for earlier, later in pairwise(errors))


# ---------------------------------------------------------------- thermodynamics


def edge_population(case: Case, equation: qn.MasterEquation, rho: Matrix) -> float:
    """Population of what a cut of the nodes level by level spoils: shells of N - 1 excitations and more.

    Shells with fewer than N excitations, N the smallest number of levels, are complete: there H is that of the modes,
    and jumps between two of them balance. A cut of the modes themselves or at total excitations keeps every balance.
    """
    space = equation.space
    by_level = case.kind != "two-level" and space.max_excitations is None and space.truncation.basis == "nodes"
    if not by_level:
        return 0.0
    smallest = min(space.levels[factor] for factor in space.cut_factors)
    return float(np.diag(rho).real[space.occupations.sum(axis=1) >= smallest - 1].sum())


def promised_energy(equation: qn.MasterEquation) -> qutip.Qobj:
    """The energy whose Gibbs state is promised."""
    if equation.promises.gibbs_state is None:
        # The clusters of a ladder of unequal steps may be those of no Hamiltonian: then nothing is promised.
        assert (equation.name, equation.clustered) == ("unified", None)
        pytest.skip("no H_TD")
    return equation.energies[equation.promises.gibbs_state]


@pytest.mark.parametrize("case", GIBBS, ids=str)
def test_gibbs_state_is_stationary_at_equal_temperatures(case: Case) -> None:
    equation = case.build(network(case.kind, T_h=1.0, T_c=1.0))
    rho = gibbs(promised_energy(equation).full(), 1.0)
    change = np.linalg.norm(rate_of_change(equation, rho))
    # D[L] of a part of the state has at most the trace norm 2‖L‖² times the part's trace. The exponential is good to
    # its condition number ‖H‖/T in units of the last place, which jumps at the rates' norms turn into a change.
    norms = size(equation.all_collapse_operators)
    exponential = EPS * equation.hamiltonian.norm("fro") * (norms + equation.hamiltonian.norm("fro"))
    allowed = 2 * norms * edge_population(case, equation, rho) + rounding_of(equation) + exponential
    assert change <= allowed
    # That is a statement: the heating jumps alone would change the state by more than ten times that.
    operators = dense(equation.collapse_operators["hot"])
    # Those that bring energy: the second half, of the part a†.
    heating = operators[len(operators) // 2 :]
    assert allowed <= 0.1 * np.linalg.norm(dissipated(heating, rho))


@pytest.mark.parametrize("case", [case for case in CASES if case.equation == "local"], ids=str)
def test_gibbs_state_is_not_stationary_locally(case: Case) -> None:
    equation = case.build(network(case.kind, T_h=1.0, T_c=1.0))
    rho = gibbs(equation.hamiltonian.full(), 1.0)
    rates = dense(equation.collapse_operators["hot"])
    turnover = np.linalg.norm(rates[0] @ rho @ rates[0].conj().T)
    # The coherence of the Gibbs state, of order ε/Δ = 1/2 here, decays at the bath's rates.
    assert np.linalg.norm(rate_of_change(equation, rho)) > 0.1 * turnover


@pytest.mark.parametrize("case", GIBBS, ids=str)
def test_no_heat_flows_at_equal_temperatures(case: Case) -> None:
    equation = case.build(network(case.kind, T_h=1.0, T_c=1.0))
    promised_energy(equation)
    state = qn.steady_state(equation)
    heat = state.heat_by(state.equation.promises.gibbs_state)
    for bath, error in current_error(state).items():
        assert abs(heat.currents[bath]) <= error


frequencies = st.floats(2.0, 6.0)
temperatures = st.floats(0.4, 1.0)
strengths = st.floats(1e-5, 1e-2)
baths_on = st.lists(st.tuples(st.sampled_from("AB"), temperatures, strengths), min_size=1, max_size=3)


def random_pair(
    kind: str, frequency_A: float, frequency_B: float, epsilon: float, baths: list[tuple[str, float, float]]
) -> qn.Network:
    node = qn.Oscillator if kind == "oscillator" else qn.TwoLevel
    return qn.Network(
        nodes={"A": node(frequency_A), "B": node(frequency_B)},
        couplings={("A", "B"): epsilon},
        baths={
            f"bath {index}": qn.Bath(place, temperature, qn.PhononSpectrum(kappa))
            for index, (place, temperature, kappa) in enumerate(baths)
        },
    )


@pytest.mark.parametrize("equation", sorted(name for name, promised in PROMISES.items() if promised.second_law))
@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
@given(frequency_A=frequencies, frequency_B=frequencies, epsilon=st.floats(-1.9, 1.9).filter(bool), baths=baths_on)
@settings(max_examples=25, deadline=None)
def test_second_law_holds_for_random_pairs(
    equation: str,
    kind: str,
    frequency_A: float,
    frequency_B: float,
    epsilon: float,
    baths: list[tuple[str, float, float]],
) -> None:
    # A mode that its only bath reaches with less than rounding has no state of its own.
    assume(abs(epsilon) > 1e-3)
    net = random_pair(kind, frequency_A, frequency_B, epsilon, baths)
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net))
    error = sum(error / net.baths[bath].temperature for bath, error in current_error(state).items())
    heat = state.heat_by(PROMISES[equation].second_law)
    assert heat.entropy_production >= -error
    assert_energy_is_conserved(state)


@pytest.mark.parametrize("kind", ["oscillator", "two-level", "mixed"])
def test_local_second_law_fails_beyond_equal_ratios(kind: str) -> None:
    """σ < 0 for T_h > T_c wherever ω_c/T_c < ω_h/T_h, and σ > 0 on the other side."""
    for omega_h, sign in ((4.0, -1), (3.0, 1)):
        net = network(kind, omega_h=omega_h)
        state = qn.steady_state(qn.local_master_equation(net))
        error = sum(error / net.baths[bath].temperature for bath, error in current_error(state).items())
        assert sign * state.entropy_production > error


@given(
    kinds=st.tuples(*[st.sampled_from([qn.TwoLevel, qn.Oscillator])] * 3),
    numbers=st.tuples(frequencies, frequencies, frequencies),
    couplings=st.tuples(st.floats(0.1, 1.0), st.floats(0.1, 1.0)),
    T=st.tuples(temperatures, temperatures),
    kappas=st.tuples(strengths, strengths),
)
@settings(max_examples=12, deadline=None)
def test_local_chains_conserve_energy_and_stay_states(
    kinds: tuple[type, ...],
    numbers: tuple[float, ...],
    couplings: tuple[float, float],
    T: tuple[float, float],
    kappas: tuple[float, float],
) -> None:
    nodes = {name: kind(number) for name, kind, number in zip("ABC", kinds, numbers, strict=True)}
    net = qn.Network(
        nodes=nodes,
        couplings={("A", "B"): couplings[0], ("B", "C"): couplings[1]},
        baths={
            "left": qn.Bath("A", T[0], qn.PhononSpectrum(kappas[0])),
            "right": qn.Bath("C", T[1], qn.PhononSpectrum(kappas[1])),
        },
    )
    cut = {} if qn.Oscillator not in kinds else {"max_excitations": 3, "rtol": 1e9}
    state = qn.steady_state(qn.local_master_equation(net, **cut), rtol=1e-13)
    rho = state.rho.full()
    assert np.linalg.norm(rate_of_change(state.equation, rho)) <= rounding_of(state.equation)
    assert state.smallest_eigenvalue >= -10 * EPS
    assert_energy_is_conserved(state, rtol=1e-13)


# ---------------------------------------------------------------- names and order


@each_case
def test_names_do_not_matter(case: Case) -> None:
    net = network(case.kind)
    arguments = dict(case.arguments)
    if isinstance(arguments.get("levels"), dict) and "A" in arguments["levels"]:
        arguments["levels"] = {"zebra": arguments["levels"]["A"], "ant": arguments["levels"]["B"]}
    renamed = qn.Network(
        nodes={"zebra": net.nodes["A"], "ant": net.nodes["B"]},
        couplings={("ant", "zebra"): PARAMETERS["epsilon"]},
        baths={
            "sink": qn.Bath("ant", PARAMETERS["T_c"], net.baths["cold"].spectrum),
            "source": qn.Bath("zebra", PARAMETERS["T_h"], net.baths["hot"].spectrum),
        },
    )
    state = qn.steady_state(case.build(net))
    other = qn.steady_state(qn.MASTER_EQUATIONS[case.equation](renamed, **arguments))
    for bath, name in (("hot", "source"), ("cold", "sink")):
        # The same numbers in the same space; the solver may take another path to its tolerance.
        assert other.heat_currents[name] == pytest.approx(state.heat_currents[bath], rel=1e-10, abs=0)
    assert other.occupations["zebra"] == pytest.approx(state.occupations["A"], rel=1e-10)
    assert other.occupations["ant"] == pytest.approx(state.occupations["B"], rel=1e-10)


@each_case
def test_order_does_not_matter(case: Case) -> None:
    net = network(case.kind)
    swapped = qn.Network(nodes={"B": net.nodes["B"], "A": net.nodes["A"]}, couplings=net.couplings, baths=net.baths)
    state, other = (qn.steady_state(case.build(each)) for each in (net, swapped))
    for bath, error in current_error(state).items():
        assert other.heat_currents[bath] == pytest.approx(
            state.heat_currents[bath], abs=error + current_error(other)[bath], rel=0
        )
    exchange = [2, 3, 0, 1]
    relative = max(state.truncation_error.values()) + max(other.truncation_error.values()) + 1e-10
    np.testing.assert_allclose(
        other.covariance, state.covariance[np.ix_(exchange, exchange)], rtol=0, atol=relative + 8 * EPS
    )


# ---------------------------------------------------------------- limits


@each_case
def test_weak_bath_coupling_leaves_currents_proportional_to_it(case: Case) -> None:
    currents: dict[float, float] = {}
    options: dict[str, Any] = {}
    for kappa in (1e-6, 1e-8):
        equation = qn.MASTER_EQUATIONS[case.equation](network(case.kind, kappa=kappa), **case.arguments, **options)
        if case.equation == "unified":
            # Weaker baths tell more frequencies apart: the clusters of the first are to be those of the second.
            options["clusters"] = equation.clusters
        state = qn.steady_state(equation)
        currents[kappa] = state.heat_currents["hot"]
        assert current_error(state)["hot"] <= 1e-2 * abs(currents[kappa])
    # Beyond proportionality: (Γ/Δ)² from the width of the resonance, Γ ~ κω³ coth(ω/2T) ~ 1e-4 at Δ = 1; the cut is the
    # same, so that its error drops out as far as the state stays the same. The solver's tolerance comes twice.
    width = 1e-6 * PARAMETERS["omega_h"] ** 3 * 2
    assert currents[1e-8] / currents[1e-6] == pytest.approx(1e-2, rel=10 * width**2 + 3e-10)


@each_case
def test_weak_coupling_of_the_nodes_leaves_them_thermal(case: Case) -> None:
    states = {eps: qn.steady_state(case.build(network(case.kind, epsilon=eps))) for eps in (1e-4, 5e-5)}
    detuning = PARAMETERS["omega_h"] - PARAMETERS["omega_c"]
    # Second order in ε/Δ, with the ratio of the nodes' rates or populations (8 at most) as a factor.
    second_order = 100 * (1e-4 / detuning) ** 2
    for state in states.values():
        relative = max(state.truncation_error.values()) + second_order + 1e-10
        for node, bath in (("A", "hot"), ("B", "cold")):
            net = state.equation.network
            sign = -1 if isinstance(net.nodes[node], qn.Oscillator) else 1
            thermal = 1 / (np.exp(net.nodes[node].frequency / net.baths[bath].temperature) + sign)
            assert state.occupations[node] == pytest.approx(thermal, rel=relative)
    ratio = states[1e-4].heat_currents["hot"] / states[5e-5].heat_currents["hot"]
    # At automatic cuts the two spaces may differ: then each has the truncation error of its own.
    cut_errors = sum(state.truncation_error["hot"] for state in states.values())
    assert ratio == pytest.approx(4, rel=second_order + 3e-10 + cut_errors)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_global_dissipator_converges_to_the_local_one(kind: str) -> None:
    cut = {"levels": 4, "rtol": 1e9} if kind == "oscillator" else {}
    differences = []
    for epsilon in (1e-3, 1e-4):
        net = network(kind, epsilon=epsilon)
        local, global_ = (qn.MASTER_EQUATIONS[name](net, **cut) for name in ("local", "global"))
        differences.append(
            [
                (local.dissipator(bath) - global_.dissipator(bath)).norm("fro") / local.dissipator(bath).norm("fro")
                for bath in ("hot", "cold")
            ]
        )
    # Cross terms of the order sinθ = ε/Δ; the next order is smaller by that.
    assert np.array(differences[1]) == pytest.approx(np.array(differences[0]) / 10, rel=1e-2)
    assert np.max(differences[0]) <= 3e-3


# ---------------------------------------------------------------- every steady-state method


FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}


@pytest.mark.parametrize("equation", list(qn.MASTER_EQUATIONS))
@pytest.mark.parametrize("method", qn.METHODS)
@pytest.mark.parametrize("epsilon", [0.01, 1.0])
def test_every_method_agrees_as_far_as_its_residual_says(equation: str, method: str, epsilon: float) -> None:
    net = qn.two_node("two-level", **{**FIGURE_3, "epsilon": epsilon})
    built = qn.MASTER_EQUATIONS[equation](net)
    ours = qn.steady_state(built)
    # The propagator's own step, 10, is short against the decay times here, 1e2.
    options: dict[str, Any] = {"propagator_T": 1e4} if method == "propagator" else {}
    state = qn.steady_state(built, method=method, **options)
    assert state.method == method
    # Two states differ by a traceless matrix x with L(x) = the difference of the residuals: ‖x‖ is at most that over
    # the smallest singular value of L on traceless matrices, and a current is Tr[D†(H) x].
    traceless = scipy.linalg.null_space(np.eye(4).reshape(1, 16))
    singular = np.linalg.svd(built.liouvillian().full() @ traceless, compute_uv=False)
    # A generator applied to a state leaves rounding, in the reckoning of the residual as in the solution.
    distance = (state.residual + ours.residual) / singular[-1] + 8 * EPS
    assert np.linalg.norm((state.rho - ours.rho).full()) <= distance
    hamiltonian = built.hamiltonian.full().ravel(order="F").conj()
    for bath in ("hot", "cold"):
        response = np.linalg.norm(built.dissipator(bath).full().conj().T @ hamiltonian)
        assert abs(state.heat_currents[bath] - ours.heat_currents[bath]) <= response * distance
    # No current is deduced from the other: what energy the residual makes, the sum shows.
    energy = np.linalg.norm(hamiltonian) * state.residual + 4 * EPS * abs(state.heat_currents["hot"])
    assert abs(sum(state.heat_currents.values())) <= energy
    # And the residual itself is of use: the worst of QuTiP's methods still has six digits of ρ here.
    assert distance <= 1e-6


@pytest.mark.parametrize("cut", list(CUTS["mixed"]))
def test_mixed_pair_is_that_of_qutip(cut: str) -> None:
    equation = qn.local_master_equation(network("mixed"), **CUTS["mixed"][cut])
    state = qn.steady_state(equation)
    equation = state.equation
    theirs = qn.steady_state(equation, method="direct")
    theirs_rho = qutip.steadystate(equation.hamiltonian, equation.all_collapse_operators)
    np.testing.assert_allclose(theirs.rho.full(), theirs_rho.full(), rtol=0, atol=4 * EPS)
    generator = equation.liouvillian()
    # As for the pairs of two-level nodes, with H's response bounded by the norms of its parts.
    slowest = 0.05 * PARAMETERS["kappa"] * PARAMETERS["omega_c"] ** 3
    distance = (theirs.residual + state.residual) / slowest + 8 * EPS
    assert np.linalg.norm((theirs.rho - state.rho).full()) <= distance <= 1e-9
    assert generator.shape[0] == equation.space.dimension**2
    hamiltonian = equation.hamiltonian.full().ravel(order="F").conj()
    for bath in ("hot", "cold"):
        dissipator = sp.csr_array(equation.dissipator(bath).to("CSR").data_as("csr_matrix"))
        response = np.linalg.norm(dissipator.conj().T @ hamiltonian)
        assert abs(state.heat_currents[bath] - theirs.heat_currents[bath]) <= response * distance
