"""Heat currents of every equation against sums over modes, one-body matrices, closed forms and the exact answer."""

from __future__ import annotations

import dense
import mpmath
import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.equations.clusters import Cluster, warn_if_doubtful
from qnet_qutip.thermodynamics import excitation_operators

SPECTRUM = qn.PhononSpectrum(1e-3)


def cubic(kappa):
    return lambda omega: kappa * omega**3


def chain(kind, frequencies, couplings, T_h, T_c, kappa=1e-3):
    names = "ABCDEFGHIJ"[: len(frequencies)]
    spectrum = qn.PhononSpectrum(kappa)
    return qn.chain(
        [kind(frequency) for frequency in frequencies],
        couplings,
        hot=qn.Bath(names[0], T_h, spectrum),
        cold=qn.Bath(names[-1], T_c, spectrum),
    )


def one_body(net, kappa=1e-3):
    h = qn.modes.one_body_matrices(net)[0]
    order = list(net.nodes)
    return h, {name: (order.index(bath.node), bath.temperature, cubic(kappa)) for name, bath in net.baths.items()}


@pytest.mark.parametrize("nodes", [3, 4, 5, 6])
@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_global_chains_of_two_level_nodes_are_free_fermions(nodes, coupling):
    random = np.random.default_rng(nodes)
    net = chain(qn.TwoLevel, random.uniform(4, 6, nodes), random.uniform(0.1, 0.6, nodes - 1), 12, 10)
    net = net.replace(
        baths={name: qn.Bath(b.node, b.temperature, b.spectrum, coupling) for name, b in net.baths.items()}
    )
    expected = dense.global_sum(*one_body(net), 1)
    state = qn.steady_state(qn.global_master_equation(net))
    for bath, current in state.heat_currents.items():
        assert current == pytest.approx(expected[bath], rel=1e-12)


@pytest.mark.parametrize("nodes", range(2, 11))
def test_the_uniform_chain_has_its_closed_form(nodes):
    net = chain(qn.TwoLevel, [5.0] * nodes, 0.3, 12, 10)
    ends = [dense.total_rate_and_fraction(cubic(1e-3), 5.0, T) for T in (12, 10)]
    state = qn.steady_state(qn.local_master_equation(net), rtol=1e-13)
    assert state.heat_currents["hot"] == pytest.approx(dense.uniform_chain_current(5.0, 0.3, *ends), rel=1e-12)


def clusters_for(equation, h):
    """What `dense.one_body` must be told of an equation's choices."""
    if equation.name == "partial_secular":
        return {"cutoff": equation.options["cutoff"]}
    if equation.name == "unified":
        modes = np.linalg.eigvalsh(h)
        members = [
            (middle, [mode for mode in modes if low - 1e-8 <= mode <= high + 1e-8])
            for low, high, middle in equation.clusters
        ]
        assert sum(len(inside) for _, inside in members) == len(modes)
        return {"clusters": members}
    return {}


@pytest.mark.parametrize("name", list(qn.MASTER_EQUATIONS))
@pytest.mark.parametrize(
    ("frequencies", "couplings"),
    [([4.0, 3.0], 0.5), ([3.0, 3.0], 0.01), ([4.0, 3.5, 3.0], [0.3, 0.2]), ([3.0, 3.0, 3.0], [0.02, 0.03])],
)
def test_harmonic_chains_are_those_of_one_body_matrices(name, frequencies, couplings):
    net = chain(qn.Oscillator, frequencies, couplings, 0.7, 0.6)
    h, baths = one_body(net)
    state = qn.steady_state(qn.MASTER_EQUATIONS[name](net, rtol=1e-9))
    options = {"tolerance": 1e-9, **clusters_for(state.equation, h)}
    expected = dense.one_body(name, h, baths, **options)[1]
    for bath, current in state.heat_currents.items():
        scale = max(abs(expected[bath]), 0.01 * state.equation.one_way_flows[bath])
        assert abs(current - expected[bath]) <= 1e-8 * scale


@pytest.mark.parametrize("detuned", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("gap", [0.1, 1.0, 30.0, 300.0, 1e3, 1e4, 1e5])
def test_unified_is_right_to_the_neglected_order_at_any_detuning(gap, detuned):
    """Within 3γ/ω of the exact current, the distance of the modes from a tenth of the rate to 1e5 times it."""
    kappa, omega, T_h, T_c = 1e-7, 5.0, 1.0, 0.8
    rate = kappa * omega**3
    distance = gap * rate
    detuning = distance * detuned / np.hypot(1, detuned)
    net = chain(qn.Oscillator, [omega + detuning, omega], 0.5 * distance / np.hypot(1, detuned), T_h, T_c, kappa)
    h, baths = one_body(net, kappa)
    exact = {name: (node, T, lambda w: mpmath.mpf(kappa) * w**3) for name, (node, T, _) in baths.items()}
    expected = float(dense.landauer(h, exact, digits=20)["hot"])
    state = qn.steady_state(qn.unified_master_equation(net))
    assert state.heat_currents["hot"] == pytest.approx(expected, rel=3 * rate / omega)


def test_bare_heat_of_the_local_equation_hides_work():
    """De Chiara and others, NJP 20, 113024 (2018), at figure 3, ε = 0.01."""
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    heat = qn.steady_state(qn.local_master_equation(net)).heat_by("H_0")
    assert heat.currents["hot"] == pytest.approx(-3.4772006e-6, rel=2e-8)
    assert heat.currents["cold"] == pytest.approx(1.7386003e-6, rel=2e-8)
    assert heat.work == pytest.approx(1.7386003e-6, rel=2e-8)
    assert heat.entropy_production == pytest.approx(1.159e-7, rel=1e-3)


@pytest.mark.parametrize("T", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("name", ["unified", "partial_secular"])
def test_two_level_nodes_relax_the_faster_the_hotter_they_are(name, T):
    """The default clusters and cutoff know that: taken apart the modes are off by 0.45 at T = 1000, 4.5e-3 at 100."""
    kappa, omega = 1e-7, 5.0
    net = chain(qn.TwoLevel, [omega, omega], 4.1e-3, 1.2 * T, T, kappa)
    expected = qn.steady_state(qn.redfield_master_equation(net)).heat_currents["hot"]
    rate = kappa * omega**3 * (2 / np.expm1(omega / (1.2 * T)) + 1)
    current = qn.steady_state(qn.MASTER_EQUATIONS[name](net)).heat_currents["hot"]
    assert current == pytest.approx(expected, rel=rate / omega)


@pytest.mark.parametrize("T", [1.0, 30.0])
def test_harmonic_oscillators_relax_as_fast_at_any_temperature(T):
    """Modes 2ε = 0.02 apart: gap* = √(Jω) is 0.017 for ω = 5, κ = 4.6e-7, so that they are two."""
    net = chain(qn.Oscillator, [5.0, 5.0], 0.01, T, 0.8 * T, 4.6e-7)
    equation = qn.unified_master_equation(net, levels=2, rtol=1e9)
    assert len(equation.clusters) == 2
    assert qn.partial_secular_master_equation(net, levels=2, rtol=1e9).options["cutoff"] == pytest.approx(
        np.sqrt(4.6e-7 * 5.01**4), rel=1e-12
    )


def wide_network():
    return qn.chain(
        [qn.Oscillator(4, anharmonicity=0.4), qn.TwoLevel(3.5)],
        (qn.Quadrature(0.3), qn.Dispersive(0.3)),
        hot=qn.Bath("A", 1.0, SPECTRUM),
        cold=qn.Bath("B", 0.8, SPECTRUM),
    )


def test_dense_frequencies_are_warned_of_and_the_error_carried_on_the_equation():
    """From 2.93 to 4.70 neighbours are closer than gap*: as one cluster it would be off by 16 %."""
    net = wide_network()
    with pytest.warns(
        qn.ClusterWarning, match="9 of 9 clusters .* the worst from 5.06958 to 5.27495: .* by 13.2 times"
    ):
        equation = qn.unified_master_equation(net, levels=5, rtol=1e9)
    assert max(equation.cluster_errors) == pytest.approx(13.191122350, rel=1e-9)
    # Somebody who gives clusters is not told, but may ask.
    given = qn.unified_master_equation(net, levels=5, rtol=1e9, clusters=equation.clusters)
    assert given.cluster_errors == equation.cluster_errors
    assert max(qn.unified_master_equation(PAIR).cluster_errors) < 1
    expected = qn.steady_state(qn.universal_master_equation(net, levels=5, rtol=1e9)).heat_currents["hot"]
    # Of the order that is told: 13 times the rate, which is about 0.1 of the frequency in the middle.
    assert qn.steady_state(equation).heat_currents["hot"] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("lowest", "highest", "said"),
    [
        (9.3579101, 9.3579102, "from 9.3579101 to 9.3579102"),
        (9.0, 9.0 + 2e-15, "from 9 to 9.0000000000000018"),
        (0.0, 0.5, "from 0 to 0.5"),
        (9.35791012, 9.35791012, "at 9.35791 alone"),
    ],
)
def test_the_bounds_of_a_doubtful_cluster_are_told_apart(lowest: float, highest: float, said: str):
    with pytest.warns(qn.ClusterWarning, match=f"the worst {said}: the heat currents"):
        warn_if_doubtful([Cluster(lowest, highest, lowest)], [2.0])


def test_no_default_cluster_is_wider_than_its_gap():
    """Γ = J(2n + 1) of the bath that relaxes faster, at the middle of the cluster."""
    with pytest.warns(qn.ClusterWarning):
        equation = qn.unified_master_equation(wide_network(), levels=5, rtol=1e9)
    assert any(cluster.highest > cluster.lowest for cluster in equation.clusters)
    for lowest, highest, _ in equation.clusters:
        middle = (lowest + highest) / 2
        assert highest - lowest <= np.sqrt(middle * 1e-3 * middle**3 / np.tanh(middle / 2))


def test_clusters_may_be_handed_on():
    with pytest.warns(qn.ClusterWarning):
        equation = qn.unified_master_equation(wide_network(), levels=5, rtol=1e9)
    net = wide_network()
    for clusters in (equation.clusters, np.array(equation.clusters), [list(cluster) for cluster in equation.clusters]):
        again = qn.unified_master_equation(net, levels=5, rtol=1e9, clusters=clusters)
        assert again.clusters == equation.clusters
        assert again.liouvillian() == equation.liouvillian()
    moved = [cluster._replace(frequency=cluster.highest) for cluster in equation.clusters]
    assert qn.unified_master_equation(net, levels=5, rtol=1e9, clusters=moved).clusters == tuple(moved)


def test_one_cluster_of_all_and_a_cutoff_without_end():
    one = qn.unified_master_equation(PAIR, clusters=[(0, np.inf)])
    assert len(one.clusters) == 1
    whole, redfield = qn.partial_secular_master_equation(PAIR, cutoff=np.inf), qn.redfield_master_equation(PAIR)
    # Sums of the same in another order.
    assert (whole.liouvillian() - redfield.liouvillian()).norm("max") <= 1e-15
    assert whole.options["cutoff"] == np.inf


def test_where_no_transition_has_a_rate_there_is_no_cutoff_and_no_one_state():
    """A bath in the rotating wave exchanges no quantum between levels of the same energy."""
    bath = qn.OperatorBath(qutip.destroy(2), 2.0, qn.OhmicSpectrum(1e-3, 20), "rotating-wave")
    for name in ("global", "unified", "universal", "redfield", "partial_secular"):
        equation = qn.MASTER_EQUATIONS[name](qutip.qeye(2), {"dead": bath})
        with pytest.raises(qn.MultipleSteadyStatesError, match="steady states"):
            qn.steady_state(equation)
    assert qn.partial_secular_master_equation(qutip.qeye(2), {"dead": bath}).options["cutoff"] == 0.0


@pytest.mark.filterwarnings("ignore::qnet_qutip.ClusterWarning")
@pytest.mark.parametrize("name", list(qn.MASTER_EQUATIONS))
@pytest.mark.parametrize("coupling", [0.3, qn.Quadrature(0.3), (0.3, qn.Dispersive(0.2))], ids=repr)
def test_excitations_are_continuous_at_every_node(name, coupling):
    """What the couplings and the baths add to a node comes to nothing in the steady state."""
    net = qn.ring(
        [qn.TwoLevel(5), qn.TwoLevel(4.5), qn.TwoLevel(4)],
        coupling,
        hot=qn.Bath("A", 6, SPECTRUM),
        cold=qn.Bath("B", 3, SPECTRUM),
    )
    state = qn.steady_state(qn.MASTER_EQUATIONS[name](net))
    equation, rho = state.equation, state.rho.full()
    change = sum(equation.dissipator(bath).full() for bath in net.baths) @ rho.ravel(order="F")
    dissipated = change.reshape(rho.shape, order="F")
    for node, a in equation.space.lowering.items():
        from_baths = np.trace((a.dag() * a).full() @ dissipated).real
        passed = [rate for (_, to), rate in state.excitation_currents.items() if to == node]
        assert len(passed) == 2
        # Rounding of what the baths turn over, ten rates of about 0.1.
        assert sum(passed) + from_baths == pytest.approx(0, abs=1e-13)
    if not isinstance(coupling, qn.Quadrature):
        for (first, second), rate in state.excitation_currents.items():
            assert rate == pytest.approx(-state.excitation_currents[second, first], abs=1e-18)


@pytest.mark.parametrize("coupling", [lambda g: g, qn.Quadrature, lambda g: (g, qn.Quadrature(2 * g))])
def test_excitation_operators_keep_what_a_coupling_of_any_strength_does(coupling):
    """They are linear in the strength, below the 1e-14 at which QuTiP drops entries too."""
    weak, strong = (
        excitation_operators(net, qn.local_master_equation(net).space)
        for net in (chain(qn.TwoLevel, (5, 4), coupling(g), 12, 10) for g in (0.25 * 2.0**-60, 0.25))
    )
    assert list(weak) == list(strong) == [("A", "B"), ("B", "A")]
    for pair, operator in strong.items():
        assert np.abs(operator.full()).max() > 0.2
        assert (2.0**60 * weak[pair].full()).tolist() == operator.full().tolist()


@pytest.mark.parametrize("name", ["local", "global", "redfield", "universal"])
def test_anharmonic_oscillators_are_those_of_the_literal_reference(name):
    net = qn.chain(
        [qn.Oscillator(5, anharmonicity=0.4), qn.Oscillator(4)],
        0.2,
        hot=qn.Bath("A", 1.0, SPECTRUM),
        cold=qn.Bath("B", 0.8, SPECTRUM),
    )
    state = qn.steady_state(qn.MASTER_EQUATIONS[name](net, levels=5, rtol=1.0))
    nodes = {"A": (5.0, 5, 0.4), "B": (4.0, 5)}
    a = dense.ladders(nodes)
    bare = dense.bare_hamiltonian(nodes, a)
    hamiltonian = bare + dense.coupling_hamiltonian([("A", "B", "swap", 0.2)], a)
    baths = {name: (a[bath.node], bath.temperature, cubic(1e-3), "rotating-wave") for name, bath in net.baths.items()}
    options = {"bare": bare} if name == "local" else {}
    energies, _, dissipators, _ = dense.build(name, hamiltonian, baths, tolerance=1e-9, **options)
    rho = dense.steady_state(dense.liouvillian(energies, dissipators))
    expected = dense.heat_currents(energies, dissipators, rho)
    for bath, current in state.heat_currents.items():
        assert current == pytest.approx(expected[bath], rel=1e-10)


def test_baths_at_zero_temperature_take_all_and_give_nothing():
    net = chain(qn.TwoLevel, [5.0, 4.0], 0.3, 2.0, 0.0)
    for build in qn.MASTER_EQUATIONS.values():
        state = qn.steady_state(build(net))
        assert state.heat_currents["cold"] < 0 < state.heat_currents["hot"] or build is qn.local_master_equation
        assert state.entropy_production == np.inf or state.heat_currents["cold"] > 0


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: qn.partial_secular_master_equation(PAIR, cutoff=-1), ValueError, "cutoff must be positive or zero"),
        (lambda: qn.unified_master_equation(PAIR, clusters=[(6, 5)]), ValueError, "cluster 0 must be a lowest and a"),
        (lambda: qn.unified_master_equation(PAIR, clusters=[(0, 4.5)]), ValueError, "clusters must hold every Bohr"),
        (lambda: qn.unified_master_equation(PAIR, clusters=4), TypeError, "clusters must be pairs of a lowest and"),
        (lambda: qn.unified_master_equation(PAIR, clusters=[(1,)]), TypeError, "cluster 0 must be a lowest and a"),
        (
            lambda: qn.unified_master_equation(PAIR, clusters=[(4, 6, 7)]),
            ValueError,
            "the frequency of cluster 0 must be between its bounds",
        ),
        (
            lambda: qn.unified_master_equation(PAIR, clusters=[(np.inf, np.inf)]),
            ValueError,
            "the lowest frequency of cluster 0 must be finite",
        ),
        (
            lambda: qn.partial_secular_master_equation(PAIR, cutoff=-np.inf),
            ValueError,
            "cutoff must be finite, but is -inf",
        ),
        (lambda: qn.global_master_equation(PAIR, level_shift=1), TypeError, "level_shift must be True or False"),
        (
            lambda: qn.global_master_equation(PAIR, level_shift=True),
            ValueError,
            "needs a spectral density with a cutoff",
        ),
        (lambda: qn.global_master_equation(qn.chain([qn.Oscillator(1)] * 3, 1.0, b=BATH)), ValueError, "lowest normal"),
        (
            lambda: qn.redfield_master_equation(qn.chain([qn.TwoLevel(1)] * 2, 0.0, b=BATH)),
            ValueError,
            "must be reached",
        ),
        (lambda: qn.chain([qn.TwoLevel(1)] * 2, 0.1, b=qn.Bath("A", -1, SPECTRUM)), ValueError, "temperature must be"),
        (lambda: qn.Oscillator(1, anharmonicity=-0.1), ValueError, "anharmonicity must not be negative"),
        (lambda: qn.Network({"A": qn.TwoLevel(1)}, {("A", "A"): 1.0}, {}), ValueError, "two different nodes"),
        (lambda: qn.OperatorBath(PAIR_LOWERING, 1.0, SPECTRUM), ValueError, "operator must be Hermitian for a full"),
        (
            lambda: qn.global_master_equation(PAIR_LOWERING.dag() * PAIR_LOWERING, {"b": BATH}),
            TypeError,
            "bath 'b' must be an OperatorBath",
        ),
        (lambda: qn.global_master_equation(PAIR_LOWERING.dag() * PAIR_LOWERING), TypeError, "baths must be given"),
    ],
)
def test_bad_input_is_refused_by_name(build, error, message):
    with pytest.raises(error, match=message):
        build()


BATH = qn.Bath("A", 1.0, SPECTRUM)
PAIR = chain(qn.TwoLevel, [5.0, 4.0], 0.3, 2.0, 1.0)
PAIR_LOWERING = qn.local_master_equation(PAIR).space.lowering["A"]


def test_an_ambiguous_bohr_frequency_is_refused_where_it_matters():
    """ε = 1e-12 on resonance: one frequency or two? Where the transitions of a bath are one alone, nobody cares."""
    net = chain(qn.TwoLevel, [5.0, 5.0], 1e-12, 2.0, 1.0)
    with pytest.raises(
        ValueError, match=r"Bohr frequencies .* of bath 'hot' must be equal or further apart: .* weight|up"
    ):
        qn.global_master_equation(net)
    assert qn.redfield_master_equation(net).unresolved["hot"][0].weight == pytest.approx(0.5, rel=0.1)
    assert not qn.global_master_equation(chain(qn.TwoLevel, [5.0, 4.0], 1e-12, 2.0, 1.0)).unresolved


# Other numbers than these, which are exact, would be rounded by that much.
@pytest.mark.filterwarnings("ignore:the baths' rates are so small:qnet_qutip.AccuracyWarning")
@pytest.mark.parametrize("name", ["redfield", "universal", "unified", "partial_secular"])
@pytest.mark.parametrize(("epsilon", "ratio"), [(1e-6, 1.0), (1e-9, 10.0), (1e-11, 1.0), (3e-12, 1.0), (1e-12, 10.0)])
@pytest.mark.parametrize("detuned", [False, True])
def test_levels_that_are_all_but_equal_keep_their_gap(name, epsilon, ratio, detuned):
    """The distance of their energies, differences of doubles, would be off by 1e-4, and so the current."""
    omega, rate = 3.7, ratio * epsilon
    # A detuning that is one of doubles, in the sum of both frequencies too.
    detuning = 2.0**-24 if detuned else 0.0
    baths = {name: qn.Bath(node, T, qn.FlatSpectrum(rate)) for name, node, T in (("hot", "A", 3.0), ("cold", "B", 2.0))}
    omega = round(omega * 2**24) / 2**24
    net = qn.chain([qn.TwoLevel(omega + detuning), qn.TwoLevel(omega)], epsilon, **baths)
    sides = [dense.total_rate_and_fraction(lambda _: rate, omega, bath.temperature) for bath in baths.values()]
    with mpmath.workdps(40):
        sides = [tuple(map(mpmath.mpf, side)) for side in sides]
        passed = dense.two_node_excitation_current(mpmath.mpf(detuning), mpmath.mpf(epsilon), *sides)
        expected = float(omega * passed)
    build = qn.MASTER_EQUATIONS[name]
    equation = build(net)
    # What the four equations make of the frequencies' distance is of its relative size, and the cutoff keeps all of it.
    tolerance = 1e-10 + 4 * np.hypot(epsilon, detuning) / omega
    assert qn.steady_state(equation).heat_currents["hot"] == pytest.approx(expected, rel=tolerance)
    lowering = equation.space.lowering
    own = {
        name: qn.OperatorBath(lowering[bath.node], bath.temperature, bath.spectrum, "rotating-wave")
        for name, bath in baths.items()
    }
    state = qn.steady_state(build(equation.energy, own))
    assert state.heat_currents["hot"] == pytest.approx(expected, rel=tolerance)


def own_baths(rotation, spectrum, hot, cold, coupling="full"):
    """Two baths on three levels, with couplings between all of them."""
    random = np.random.default_rng(1)
    first, second = (random.normal(size=(3, 3)) for _ in range(2))
    return {
        name: qn.OperatorBath(
            rotation * qutip.Qobj(matrix + matrix.T) * rotation.dag(), temperature, spectrum, coupling
        )
        for name, matrix, temperature in (("hot", first, hot), ("cold", second, cold))
    }


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-9])
def test_no_heat_flows_at_one_temperature_however_small_a_bohr_frequency(gap):
    """Zero and its two neighbours are one frequency or three, but never two of them one."""
    hamiltonian = qutip.Qobj(np.diag([0, gap, 3.0]))
    baths = own_baths(qutip.qeye(3), qn.OhmicSpectrum(1e-3, 20), 10, 10)
    equation = qn.unified_master_equation(hamiltonian, baths)
    assert equation.promises.second_law == "H_TD"
    for current in qn.steady_state(equation).heat_by("H_TD").currents.values():
        assert abs(current) <= 1e-15


@pytest.mark.parametrize("name", ["global", "unified", "universal", "redfield", "partial_secular"])
@pytest.mark.parametrize("coupling", ["full", "rotating-wave"])
def test_a_bohr_frequency_of_zero_is_zero_in_any_basis(name, coupling):
    """The same three levels, two of them equal, in six bases: rounding must not choose a side of zero."""
    currents = []
    for seed in range(6):
        rotation = qutip.Qobj(np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0])
        hamiltonian = rotation * qutip.Qobj(np.diag([1.3, 1.3, 2.3])) * rotation.dag()
        baths = own_baths(rotation, qn.OhmicSpectrum(1e-3, 20), 10, 5, coupling)
        currents.append(qn.steady_state(qn.MASTER_EQUATIONS[name](hamiltonian, baths)).heat_currents["hot"])
    assert currents == pytest.approx([currents[0]] * 6, rel=1e-9)


def test_the_global_state_carries_nothing_between_nodes():
    """ρ commutes with H, so that ⟨i[H, b†b]⟩ = 0, though as much heat flows as with coherences kept."""
    network = qn.two_node("two-level", omega_h=6, omega_c=5, epsilon=0.3, T_h=12, T_c=10, kappa=1e-4)
    resolved, kept = (
        qn.steady_state(build(network)) for build in (qn.global_master_equation, qn.redfield_master_equation)
    )
    assert resolved.heat_currents["hot"] == pytest.approx(kept.heat_currents["hot"], rel=0.01)
    assert abs(resolved.excitation_currents["A", "B"]) < 1e-18
    assert kept.excitation_currents["A", "B"] > 1e-4
