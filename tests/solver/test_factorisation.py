"""Factorisations: relative accuracy, what they invert, and the fill that is counted before one is made."""

import hard_cases
import mpmath
import numpy as np
import pytest
import qutip
import scipy.sparse as sp
import scipy.sparse.linalg
from literal import Liouvillian
from problems import chain, fig3
from systems import SYSTEMS

import qnet_qutip as qn
from qnet_qutip.solver import factorisation
from qnet_qutip.solver.factorisation import PIVOT_THRESHOLD, bordered, eliminated, elimination, sparse
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.superoperator import on_sectors

EPS = float(np.finfo(float).eps)


def sector_generator(hamiltonian, operators, decay=0.0):
    return on_sectors(build_generator(hamiltonian, {"all": operators}), decay=decay)


def by_sparse(generator):
    return sparse(generator, elimination(generator).order)


FACTORISATIONS = {"eliminated": eliminated, "bordered": bordered, "sparse": by_sparse}


# ---------------------------------------------------------------- relative accuracy


def relative_errors(hamiltonian, jumps):
    """Of every population of the elimination, against sixty digits."""
    generator = sector_generator(hamiltonian, jumps)
    state = eliminated(generator).steady_state
    exact = Liouvillian(hamiltonian.full(), {"all": [jump.full() for jump in jumps]}, digits=60).steady_state()
    populations = generator.sectors.unpack(state).diagonal().real
    exact_populations = [mpmath.re(exact[level, level]) for level in range(len(populations))]
    return np.array(
        [float(abs(ours / exact - 1)) for ours, exact in zip(populations.tolist(), exact_populations, strict=True)]
    )


def levels_with_rates_apart(seed, states=7):
    """Jumps between all levels at rates from 1e-20 to 1."""
    random = np.random.default_rng(seed)
    jumps = [
        10.0 ** random.uniform(-10, 0) * qutip.projection(states, target, source)
        for source in range(states)
        for target in range(states)
        if source != target
    ]
    return 0 * qutip.qeye(states), jumps


@pytest.mark.parametrize("seed", range(5))
def test_every_population_of_a_markov_chain_has_all_its_digits(seed):
    """Rates over twenty orders, and populations too: without subtractions none loses a digit."""
    assert relative_errors(*levels_with_rates_apart(seed)).max() < 1e-12


@pytest.mark.parametrize("coupling", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("detuning", [0.0, 0.3])
def test_populations_that_a_coherence_joins_have_all_their_digits(coupling, detuning):
    """Two levels exchange through a coupling, at ε²/γ: 1e-20 of what damps one of them."""
    lower, other = qutip.projection(4, 0, 1), qutip.projection(4, 0, 2)
    hop = qutip.projection(4, 1, 2)
    hamiltonian = detuning * hop * hop.dag() + coupling * (hop + hop.dag())
    jumps = [lower, 0.6 * lower.dag(), coupling * 1e-3 * other, 1e-9 * qutip.projection(4, 3, 2)]
    jumps.append(1e-5 * qutip.projection(4, 0, 3))
    assert relative_errors(hamiltonian, jumps).max() < 1e-12


def test_populations_of_a_weakly_coupled_pair_have_all_their_digits():
    """ε = 1e-10: what leaves the cold node through the hot one is 1e-20 of the rates there."""
    pair = qn.Network(
        nodes={"A": qn.TwoLevel(5), "B": qn.TwoLevel(5)},
        couplings={("A", "B"): 1e-10},
        baths={"hot": qn.Bath("A", 4.0, qn.PhononSpectrum(0.01))},
    )
    equation = qn.local_master_equation(pair)
    assert relative_errors(equation.hamiltonian, equation.all_collapse_operators).max() < 1e-12


# ---------------------------------------------------------------- what they invert

SAMPLE = [
    "thermal spin",
    "nearly dark spin",
    "biased spin",
    "driven Jaynes-Cummings",
    "cascaded atoms",
    "dark states",
    "V system",
    "tripod with dephasing",
    "driven spin chain",
    "cavity cut short",
]


def sample(name):
    """A system of at most twelve states, with up to 144 unknowns."""
    system, size = SYSTEMS[name], SYSTEMS[name].sizes[0]
    hamiltonian, jumps = system.build(min(size, 4) if name == "driven Jaynes-Cummings" else size)
    assert hamiltonian.shape[0] <= 12
    return hamiltonian, jumps


def rounding(generator):
    """Relative error of an inverse in double precision, with room for the growth of pivots."""
    singular = np.linalg.svd(generator.dense, compute_uv=False)
    smallest = singular[-1] if generator.decay else singular[-2]
    return 100 * EPS * singular[0] / smallest


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize("method", FACTORISATIONS)
def test_it_inverts_the_generator_up_to_the_steady_state(method, name):
    generator = sector_generator(*sample(name))
    diagonal = generator.sectors.diagonal
    factorisation = FACTORISATIONS[method](generator)
    steady = factorisation.steady_state
    assert steady[diagonal].sum() == pytest.approx(1.0, abs=1e-12)
    allowed = rounding(generator)
    assert np.linalg.norm(generator.dense @ steady) < 100 * EPS * np.linalg.norm(generator.gross(steady))
    change = np.random.default_rng(1).normal(size=generator.sectors.unknowns)
    change[diagonal] -= change[diagonal].mean()
    answer = factorisation.solve(generator(change))
    answer = answer - answer[diagonal].sum() * steady
    assert np.linalg.norm(answer - change) < allowed * np.linalg.norm(change)


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize("method", FACTORISATIONS)
@pytest.mark.parametrize("decay", [1e-3, 1.0])
def test_with_a_decay_it_inverts_the_generator_itself(method, name, decay):
    """Also what changes the trace."""
    generator = sector_generator(*sample(name), decay=decay)
    factorisation = FACTORISATIONS[method](generator)
    assert factorisation.steady_state is None
    state = np.random.default_rng(2).normal(size=generator.sectors.unknowns)
    answer = factorisation.solve(generator(state))
    assert np.linalg.norm(answer - state) < rounding(generator) * np.linalg.norm(state)


def test_a_small_decay_keeps_the_digits_of_the_trace():
    """Of L - s the slowest rate is s = 1e-14: it is not taken as the difference of rates of 1."""
    generator = sector_generator(*levels_with_rates_apart(3), decay=1e-14)
    source = np.zeros(generator.sectors.unknowns)
    source[generator.sectors.diagonal[0]] = 1.0
    answer = eliminated(generator).solve(source)
    assert answer[generator.sectors.diagonal].sum() == pytest.approx(-1e14, rel=1e-11)


@pytest.mark.parametrize("method", FACTORISATIONS)
def test_two_ends_are_singular_or_out_of_all_proportion(method):
    """Two levels that nothing leaves."""
    jumps = [qutip.projection(4, 0, 2), qutip.projection(4, 1, 3), qutip.projection(4, 2, 3)]
    generator = sector_generator(0 * qutip.qeye(4), jumps)
    with pytest.raises(np.linalg.LinAlgError):
        FACTORISATIONS[method](generator)


# ---------------------------------------------------------------- fill


def literal_degrees(edges, rank):
    """Eliminate vertex after vertex, joining all neighbours that are left: the number of them each time."""
    count = len(rank)
    neighbours = [set() for _ in range(count)]
    for first, second in edges:
        if first != second:
            neighbours[rank[first]].add(int(rank[second]))
            neighbours[rank[second]].add(int(rank[first]))
    degrees = []
    for vertex in range(count):
        later = {other for other in neighbours[vertex] if other > vertex}
        degrees.append(len(later))
        for other in later:
            neighbours[other] |= later - {other}
    return np.array(degrees)


def vertices(generator):
    """The pair of states that each place of the flat array belongs to, numbered in their order."""
    rows, columns = generator.sectors.states_of_places(0, generator.sectors.unknowns)
    pairs = {}
    return [
        pairs.setdefault((max(row, column), min(row, column)), len(pairs))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ], len(pairs)


@pytest.mark.parametrize(
    "build",
    [
        lambda: sector_generator(*SYSTEMS["driven Jaynes-Cummings"].build(6)),
        lambda: sector_generator(*SYSTEMS["driven spin chain"].build(3)),
        lambda: sector_generator(fig3(4).hamiltonian, fig3(4).all_collapse_operators),
        lambda: sector_generator(*levels_with_rates_apart(1)),
    ],
)
@pytest.mark.parametrize("dissected", [False, True])
def test_the_fill_is_that_of_a_literal_elimination(build, dissected, monkeypatch):
    if dissected:
        monkeypatch.setattr(factorisation, "DISSECTED_OPERATIONS", 0.0)
        monkeypatch.setattr(factorisation, "UNDIVIDED", 8)
    generator = build()
    counted = elimination(generator)
    assert sorted(counted.order) == list(range(generator.sectors.unknowns))
    vertex, count = vertices(generator)
    coo = generator.matrix.tocoo()
    edges = {(vertex[row], vertex[column]) for row, column in zip(*coo.coords, strict=True)}
    # The order of the unknowns is that of the pairs: G_jk and G_kj stand beside each other.
    rank = np.full(count, -1)
    for place in counted.order.tolist():
        if rank[vertex[place]] < 0:
            rank[vertex[place]] = rank.max() + 1
    assert [rank[vertex[place]] for place in counted.order] == sorted(rank[vertex[place]] for place in counted.order)
    # A pair is two rows of both factors, which are as long as its neighbours' pairs and itself.
    width = 2 * literal_degrees(edges, rank) + 2
    assert counted.fill == 4 * width.sum()
    assert counted.operations == 4 * (width**2).sum()


def test_the_count_bounds_what_the_factors_hold():
    """SuperLU keeps to the order unless a pivot is too small; populations are one row, not two."""
    generator = sector_generator(*SYSTEMS["driven Jaynes-Cummings"].build(8))
    counted = elimination(generator)
    ordered = sp.csc_matrix((generator.matrix - sp.eye_array(generator.sectors.unknowns)).tocsr())
    ordered = ordered[counted.order][:, counted.order].tocsc()
    factors = scipy.sparse.linalg.splu(
        ordered, permc_spec="NATURAL", diag_pivot_thresh=PIVOT_THRESHOLD, options={"SymmetricMode": True}
    )
    assert 0.3 * counted.fill < factors.nnz <= counted.fill


def test_the_order_saves_fill():
    """Against the order of the states: a grid of sites has the one, a band the other."""
    equation = qn.local_master_equation(chain(5, 0.3))
    generator = sector_generator(equation.hamiltonian, equation.all_collapse_operators)
    vertex, count = vertices(generator)
    coo = generator.matrix.tocoo()
    edges = {(vertex[row], vertex[column]) for row, column in zip(*coo.coords, strict=True)}
    as_they_stand = (2.0 * literal_degrees(edges, np.arange(count)) + 2.0).sum() * 4
    assert elimination(generator).fill < 0.8 * as_they_stand


def test_residuals_come_down_to_rounding_however_slow_a_mode():
    """To that of 32 digits."""
    network = chain(3, 1e-12, [5.0, 5.0, 5.0], kappa=1.0)
    state = qn.steady_state(qn.universal_master_equation(network))
    assert state.residual < 1e-28


def grid(rows, columns, copies=1):
    """Squares joined to their neighbours, in so many grids that nothing joins, numbered at random."""
    line = [sp.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1]) for n in (rows, columns)]
    graph = sp.csc_matrix(sp.kron(sp.eye_array(copies), sp.kron(*line)))
    graph.data[:] = 1.0
    order = np.random.default_rng(0).permutation(graph.shape[0])
    return sp.csc_matrix(graph[order][:, order] + graph.shape[0] * sp.eye_array(graph.shape[0]))


@pytest.mark.parametrize("copies", [1, 3])
def test_a_separator_leaves_two_sides_that_nothing_joins(copies):
    graph = sp.csr_matrix(grid(30, 20, copies))
    separator, (first, second) = factorisation._divided(graph)
    assert sorted([*separator, *first, *second]) == list(range(graph.shape[0]))
    assert graph[first][:, second].nnz == 0
    if copies == 1:
        assert min(len(first), len(second)) >= factorisation.SMALLEST_SIDE * graph.shape[0]
        assert len(separator) <= 30
    else:
        assert len(separator) == 0
        assert len(first) == 600


@pytest.mark.parametrize("graph", [sp.csc_matrix(np.ones((300, 300)) + 300 * np.eye(300)), grid(10, 10)])
def test_a_graph_without_a_separator_or_small_stays_whole(graph):
    separator, sides = factorisation._divided(sp.csr_matrix(graph))
    assert (len(separator), sides) == (graph.shape[0], [])
    np.testing.assert_array_equal(np.sort(factorisation._dissected(graph)), np.arange(graph.shape[0]))


def test_dissection_halves_the_multiplications_of_two_indices_with_many_levels(monkeypatch):
    """The pairs of states of a driven Jaynes-Cummings model are a triangular grid, with four pairs a place."""
    generator = sector_generator(*SYSTEMS["driven Jaynes-Cummings"].build(75))
    dissected = elimination(generator)
    monkeypatch.setattr(factorisation, "DISSECTED_OPERATIONS", np.inf)
    assert dissected.operations < 0.5 * elimination(generator).operations


def test_of_two_states_that_rounding_joins_the_elimination_makes_none():
    """What is left of the rates of the populations adds up to nothing: it is for the other factorisation to say."""
    hamiltonian, jumps = hard_cases.random_operators(np.random.default_rng((21, 399)), "symmetric")
    with pytest.raises(qn.MultipleSteadyStatesError):
        qn.steady_state(qutip.Qobj(hamiltonian), [qutip.Qobj(jump) for jump in jumps])
