"""Heat currents of every equation against sums over modes, one-body matrices, closed forms and the exact answer."""

from __future__ import annotations

import dense
import mpmath
import numpy as np
import pytest
import qutip

import qnet_qutip as qn

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
        (lambda: qn.global_master_equation(PAIR_LOWERING.dag() * PAIR_LOWERING), TypeError, "baths must be a mapping"),
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
