"""Trajectories: against eq. (8), against QuTiP, and both laws of thermodynamics along them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import Liouvillian
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from scipy.linalg import expm

import qnet_qutip as qn
from qnet_qutip import analytic, dynamics
from qnet_qutip.dynamics import evolve

RTOL = 1e-9
"""The default relative error of a step; the errors of the steps are damped with the state."""

COLD = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.5, "T_h": 3.0, "T_c": 2.0, "kappa": 1e-3}
"""Temperatures at which 14 levels leave out less than 14 e^(-14·2.5) = 1e-14 of anything that is compared."""

FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}

KINDS = ("oscillator", "two-level")

VIOLATION = (-9.780025385e-05, 14.0)
"""Least entropy production along the local trajectory that violates the second law, and its time."""


def build(
    name: str, kind: str, levels: int | None, parameters: dict[str, float] = COLD, **options: object
) -> qn.MasterEquation:
    """An equation in a small space.

    Where the cut is part of the problem, the tolerance is set so high that the estimate of its error stays quiet.
    """
    if kind == "oscillator":
        options = {"levels": levels, "rtol": 1e3, **options}
    return qn.MASTER_EQUATIONS[name](qn.two_node(kind, **parameters), **options)


def dimensions(equation: qn.MasterEquation) -> list[int]:
    return list(equation.space.levels.values())


def thermal(equation: qn.MasterEquation, temperature_A: float, temperature_B: float) -> qutip.Qobj:
    """Product of thermal states of the nodes, in a space that is a product of them."""
    parts = []
    for temperature, node, number in zip(
        (temperature_A, temperature_B), equation.network.nodes.values(), dimensions(equation), strict=True
    ):
        weights = np.exp(-node.frequency * np.arange(number) / temperature)
        parts.append(qutip.qdiags(weights / weights.sum(), 0))
    return qutip.tensor(parts)


def superposition(equation: qn.MasterEquation, *amplitudes: tuple[complex, list[int]]) -> qutip.Qobj:
    dims = dimensions(equation)
    return sum(amplitude * qutip.basis(dims, occupations) for amplitude, occupations in amplitudes).unit()


def density_matrix(equation: qn.MasterEquation, matrix: NDArray[np.complex128]) -> qutip.Qobj:
    """A density matrix with the dimensions of the equation, those of a space cut at excitations included."""
    rho = equation.hamiltonian.copy()
    rho.data = qutip.data.Dense(matrix)
    return rho


def distance(first: qutip.Qobj, second: qutip.Qobj) -> float:
    assert first.dims == second.dims
    return float(np.abs(first.full() - second.full()).max())


def by_qutip(equation: qn.MasterEquation, rho0: qutip.Qobj, times: NDArray[np.float64]) -> list[qutip.Qobj]:
    options = {"method": "dop853", "rtol": 1e-11, "atol": 1e-14, "nsteps": 10**6, "store_states": True}
    collapse = equation.all_collapse_operators
    return qutip.mesolve(equation.hamiltonian, rho0, times, collapse, options=options).states


# Against eq. (8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("initial", ["vacuum", "thermal", "coherent", "all in A"])
@pytest.mark.parametrize("parameters", [COLD, {**COLD, "omega_c": 10.0}, {**COLD, "epsilon": 3.0}])
def test_moments_are_those_of_eq_8(kind: str, initial: str, parameters: dict[str, float]) -> None:
    net = qn.two_node(kind, **parameters)
    equation = qn.local_master_equation(net, **({"levels": 14} if kind == "oscillator" else {}))
    rho0 = {
        "vacuum": superposition(equation, (1, [0, 0])),
        "thermal": thermal(equation, 4.0, 1.5),
        "coherent": superposition(equation, (0.6, [1, 0]), (0.8j, [0, 1])),
        "all in A": superposition(equation, (1, [1, 0])),
    }[initial]
    times = np.linspace(2.0, 8.0, 9)
    trajectory = evolve(equation, rho0, times)

    a, b = (equation.space.lowering[name] for name in "AB")
    operators = (a.dag() * a, b.dag() * b, a.dag() * b + a * b.dag(), 1j * (a.dag() * b - a * b.dag()))
    moments = np.array([[qutip.expect(operator, rho) for operator in operators] for rho in trajectory.states])
    matrix, source = analytic.local_moment_equations(net)
    steady = np.linalg.solve(matrix, -source)
    expected = [steady + expm((time - times[0]) * matrix) @ (moments[0] - steady) for time in times]
    assert np.abs(moments - expected).max() < RTOL
    assert np.abs(trajectory.occupations["A"] - moments[:, 0]).max() < 1e-14
    assert np.abs(trajectory.occupations["B"] - moments[:, 1]).max() < 1e-14
    # The heat current of the hot bath is linear in the same moments.
    down, up = (
        float(rate(net.baths["hot"].spectrum, net.nodes["A"].frequency, net.baths["hot"].temperature))
        for rate in (qn.decay_rate, qn.excitation_rate)
    )
    width = down - up if kind == "oscillator" else down + up
    current = net.nodes["A"].frequency * (up - width * moments[:, 0])
    current -= net.couplings["A", "B"] * width * moments[:, 2] / 2
    assert np.abs(trajectory.heat_currents["hot"] - current).max() < 1e-12 * net.nodes["A"].frequency * down


def test_weak_baths_and_long_times_keep_their_digits() -> None:
    net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=1e-4, T_h=12, T_c=10, kappa=1e-7)
    equation = qn.local_master_equation(net)
    times = np.array([0.0, 1e3, 1e4, 1e5, 1e6])
    trajectory = evolve(equation, superposition(equation, (1, [1, 0])), times)
    matrix, source = analytic.local_moment_equations(net)
    steady = np.linalg.solve(matrix, -source)
    expected = np.array([steady + expm(time * matrix) @ ([1, 0, 0, 0] - steady) for time in times])
    # Both sides turn the phase (ω_h - ω_c)t, and the density matrix (ω_h + ω_c)t, with a relative error of rounding.
    error = 100 * np.finfo(float).eps * 15 * times[-1]
    assert np.abs(trajectory.occupations["A"] - expected[:, 0]).max() < error
    assert np.abs(trajectory.occupations["B"] - expected[:, 1]).max() < error


# Against QuTiP


@pytest.mark.parametrize("name", ["local", "global"])
@pytest.mark.parametrize("epsilon", [0.01, 2.0])
def test_two_level_nodes_with_any_coherence_follow_mesolve(name: str, epsilon: float) -> None:
    net = qn.two_node("two-level", **{**COLD, "epsilon": epsilon})
    equation = qn.MASTER_EQUATIONS[name](net)
    rho0 = qutip.rand_dm([2, 2], seed=7)
    times = np.linspace(0.0, 4.0, 5)
    trajectory = evolve(equation, rho0, times)
    for rho, expected in zip(trajectory.states, by_qutip(equation, rho0, times), strict=True):
        assert distance(rho, expected) < RTOL
        assert rho.isherm


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("local", {"levels": 5}),
        ("local", {"max_excitations": 4}),
        ("global", {"levels": 5, "basis": "nodes"}),
        ("global", {"levels": 5, "basis": "modes"}),
    ],
)
def test_oscillators_with_coherences_between_totals_follow_mesolve(name: str, options: dict[str, object]) -> None:
    equation = build(name, "oscillator", **{"levels": None, **options})
    size = equation.space.dimension
    amplitudes = np.zeros(size, dtype=complex)
    amplitudes[[0, 1, 2, size // 2]] = [1.0, 0.5j, -0.3, 0.4 + 0.2j]
    amplitudes /= np.linalg.norm(amplitudes)
    rho0 = density_matrix(equation, np.outer(amplitudes, amplitudes.conj()))
    times = np.linspace(0.0, 2.0, 4)
    trajectory = evolve(equation, rho0, times)
    assert trajectory.states[0].dims == equation.hamiltonian.dims
    for rho, expected in zip(trajectory.states, by_qutip(equation, rho0, times), strict=True):
        assert distance(rho, expected) < RTOL


def test_populations_of_modes_follow_mesolve() -> None:
    equation = build("global", "oscillator", 9, basis="modes")
    rho0 = superposition(equation, (1, [2, 1]))
    times = np.linspace(0.0, 3.0, 4)
    for rho, expected in zip(evolve(equation, rho0, times).states, by_qutip(equation, rho0, times), strict=True):
        assert distance(rho, expected) < RTOL


# Long times


def literal_trajectory(
    equation: qn.MasterEquation, rho0: qutip.Qobj, time: float
) -> tuple[NDArray[np.complex128], float]:
    """ρ and the current of the hot bath by the eigenvectors of L in 80 digits, of which the zero one is set to zero."""
    literal = Liouvillian(
        equation.hamiltonian.full(),
        {bath: [operator.full() for operator in members] for bath, members in equation.collapse_operators.items()},
        digits=80,
    )
    start = rho0.full()
    with mpmath.workdps(80):
        values, vectors = mpmath.eig(literal.matrix())
        slowest = min(range(len(values)), key=lambda k: abs(values[k]))
        assert abs(values[slowest]) < mpmath.mpf(10) ** -60
        values[slowest] = mpmath.mpf(0)
        coefficients = mpmath.lu_solve(vectors, mpmath.matrix([complex(start[entry]) for entry in literal.entries]))
        weights = [c * mpmath.exp(value * mpmath.mpf(time)) for c, value in zip(coefficients, values, strict=True)]
        rho = dict(zip(literal.entries, vectors * mpmath.matrix(weights), strict=True))
        matrix = np.zeros(start.shape, dtype=complex)
        for entry, value in rho.items():
            matrix[entry] = complex(value)
        return matrix, float(literal.currents(rho)["hot"])


@pytest.mark.parametrize("time", [3e2, 1e3, 1e6, 1e9, 1e12, 1e16, 1e20, 1e300])
@pytest.mark.parametrize(
    "parameters",
    [
        FIGURE_3 | {"epsilon": 0.01},
        FIGURE_3 | {"epsilon": 0.5},
        # Slower and slower: a node that relaxes at ε²/κω³ ~ 1e-8 and at 1e-14, and two at 1e-10.
        {"omega_h": 5.0, "omega_c": 5.0, "epsilon": 1e-4, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-2},
        {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 1e-6, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-12},
    ],
)
def test_a_pair_at_any_time_is_right_or_refused(parameters: dict[str, float], time: float) -> None:
    """What is known of it is known to 1e-9, currents to that of what the bath exchanges at most."""
    equation = qn.local_master_equation(qn.two_node("two-level", **parameters))
    rho0 = superposition(equation, (0.8, [1, 0]), (0.6j, [0, 1])).proj()
    trajectory = None
    with contextlib.suppress(qn.ConvergenceError):
        trajectory = evolve(equation, rho0, [0.0, time])
    if trajectory is None:
        # Phases are lost to rounding before they are damped away: never at early times, nor after all has relaxed.
        assert 1e3 < time < 1e300
        return
    expected, current = literal_trajectory(equation, rho0, time)
    assert np.abs(trajectory.states[-1].full() - expected).max() < 1e-9
    exchanged = (
        qn.decay_rate(equation.network.baths["hot"].spectrum, parameters["omega_h"], parameters["T_h"])
        * parameters["omega_h"]
    )
    assert abs(trajectory.heat_currents["hot"][-1] - current) < 1e-9 * exchanged
    assert trajectory.trace_error < 1e-12


@pytest.mark.parametrize("time", [1e12, 1e16, 1e20, 1e300])
def test_a_pair_that_relaxed_is_in_its_steady_state(time: float) -> None:
    """Rates of 1e-2: nothing is refused."""
    equation = qn.local_master_equation(qn.two_node("two-level", **FIGURE_3, epsilon=0.5))
    trajectory = evolve(equation, superposition(equation, (1, [1, 0])), [0.0, 1.0, time])
    steady = qn.steady_state(equation)
    assert distance(trajectory.states[-1], steady.rho) < 1e-15
    # To the rounding of ρ to doubles, of what is exchanged.
    for bath, current in steady.heat_currents.items():
        assert trajectory.heat_currents[bath][-1] == pytest.approx(current, abs=1e-15)
    assert trajectory.trace_error < 1e-14


def test_plain_operators_evolve_as_their_equation() -> None:
    equation = build("local", "two-level", None)
    rho0 = superposition(equation, (0.6, [1, 0]), (0.8j, [0, 1]))
    times = [0.0, 0.5, 3.0]
    expected = evolve(equation, rho0, times)
    named = evolve(equation.hamiltonian, rho0, times, equation.collapse_operators)
    listed = evolve(equation.hamiltonian, rho0, times, equation.all_collapse_operators)
    for plain in (named, listed):
        assert plain.equation is None
        assert plain.entropy_production is None
        assert dict(plain.occupations) == {}
        assert max(distance(*pair) for pair in zip(plain.states, expected.states, strict=True)) < 1e-12
        np.testing.assert_allclose(plain.energy, expected.energy, rtol=1e-12)
        np.testing.assert_allclose(plain.entropy, expected.entropy, rtol=1e-9, atol=1e-12)
    assert dict(listed.heat_currents) == {}
    for bath, currents in expected.heat_currents.items():
        np.testing.assert_allclose(named.heat_currents[bath], currents, rtol=1e-11)
    # An operator by itself stands for a list of one.
    hamiltonian, (jump, *_) = equation.hamiltonian, equation.collapse_operators["hot"]
    one = evolve(hamiltonian, rho0, times, {"hot": jump})
    assert distance(one.states[-1], evolve(hamiltonian, rho0, times, {"hot": [jump]}).states[-1]) == 0
    assert abs(one.heat_currents["hot"][0]) > 1e-3


def test_the_exponential_and_the_integration_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    equation = qn.local_master_equation(qn.two_node("two-level", **COLD))
    rho0 = qutip.rand_dm([2, 2], seed=11)
    times = np.linspace(0.0, 5.0, 6)
    exponential = evolve(equation, rho0, times)
    monkeypatch.setattr(dynamics, "FEW_UNKNOWNS", 0)
    integrated = evolve(equation, rho0, times)
    assert integrated.evaluations > exponential.evaluations
    for first, second in zip(exponential.states, integrated.states, strict=True):
        assert distance(first, second) < RTOL
    assert np.abs(exponential.entropy_production - integrated.entropy_production).max() < 100 * RTOL


def test_a_ket_of_a_space_cut_at_excitations() -> None:
    equation = build("local", "oscillator", None, max_excitations=4)
    ket = qutip.enr_fock([5, 5], 4, [1, 1])
    trajectory = evolve(equation, ket, [0.0, 0.5])
    assert trajectory.occupations["A"][0] == pytest.approx(1.0)
    assert trajectory.states[1].dims == equation.hamiltonian.dims


# First law


@pytest.mark.parametrize("name", ["local", "global"])
@pytest.mark.parametrize("kind", KINDS)
def test_energy_changes_by_the_heat_that_flows_in(kind: str, name: str) -> None:
    equation = build(name, kind, 10)
    rho0 = superposition(equation, (0.6, [1, 0]), (0.8, [0, 1]))
    # Through Chebyshev points a polynomial of degree 60 follows ten oscillations to rounding.
    duration, number = 4.0, 61
    times = duration / 2 * (1 - np.cos(np.pi * np.arange(number) / (number - 1)))
    trajectory = evolve(equation, rho0, times)
    total = sum(trajectory.heat_currents.values())
    current = Chebyshev.fit(times, total, number - 1, domain=[0, duration])
    gained = current.integ(lbnd=0.0)(times)
    scale = np.abs(total).max() * duration
    assert np.abs(trajectory.energy - trajectory.energy[0] - gained).max() < RTOL * scale
    assert np.ptp(trajectory.energy) > 0.1
    slope = Chebyshev.fit(times, trajectory.energy, number - 1, domain=[0, duration]).deriv()(times)
    # The derivative of an interpolant magnifies the errors of its values by up to degree²/duration at the ends.
    assert np.abs(slope - total).max() < RTOL * scale * number**2 / duration


def test_thermodynamics_at_each_time_is_that_of_the_state() -> None:
    equation = build("local", "oscillator", 10)
    trajectory = evolve(equation, thermal(equation, 3.0, 1.0), [0.0, 0.3, 2.0])
    for index, rho in enumerate(trajectory.states):
        for bath, current in qn.heat_currents(equation, rho).items():
            assert trajectory.heat_currents[bath][index] == pytest.approx(current, rel=1e-14)
        assert trajectory.energy[index] == pytest.approx(qn.energy(equation, rho), rel=1e-14)
        assert trajectory.entropy[index] == pytest.approx(qn.von_neumann_entropy(rho), rel=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        trajectory.energy[0] = 0.0
    assert len(trajectory) == 3
    assert "local master equation" in repr(trajectory)


# Second law


@pytest.mark.parametrize("name", ["local", "global"])
@pytest.mark.parametrize("kind", KINDS)
def test_entropy_production_has_the_derivative_of_the_entropy(kind: str, name: str) -> None:
    equation = build(name, kind, 3)
    mixed = density_matrix(equation, np.eye(equation.space.dimension) / equation.space.dimension)
    rho0 = 0.1 * superposition(equation, (0.6, [1, 0]), (0.8, [0, 1])).proj() + 0.9 * mixed
    number, duration = 61, 2.0
    times = duration / 2 * (1 - np.cos(np.pi * np.arange(number) / (number - 1)))
    trajectory = evolve(equation, rho0, times)
    baths = equation.network.baths
    flow = sum(current / baths[bath].temperature for bath, current in trajectory.heat_currents.items())
    derivative = trajectory.entropy_production + flow
    gained = Chebyshev.fit(times, derivative, number - 1, domain=[0, duration]).integ(lbnd=0.0)(times)
    # ln λ has the integrator's error divided by λ, and enters with a weight of about λ.
    assert np.abs(trajectory.entropy - trajectory.entropy[0] - gained).max() < 10 * RTOL


@given(
    omega_h=st.floats(1.0, 10.0),
    omega_c=st.floats(1.0, 10.0),
    coupling=st.floats(0.01, 0.95),
    T_h=st.floats(0.5, 20.0),
    T_c=st.floats(0.5, 20.0),
    seed=st.integers(0, 2**31),
    rank=st.integers(1, 4),
)
@settings(deadline=None, max_examples=40)
def test_spohn_holds_along_every_global_trajectory_of_two_level_nodes(
    omega_h: float, omega_c: float, coupling: float, T_h: float, T_c: float, seed: int, rank: int
) -> None:
    kappa = 1e-3
    epsilon = coupling * np.sqrt(omega_h * omega_c)
    net = qn.two_node("two-level", omega_h=omega_h, omega_c=omega_c, epsilon=epsilon, T_h=T_h, T_c=T_c, kappa=kappa)
    equation = qn.global_master_equation(net)
    rho0 = qutip.rand_dm([2, 2], distribution="ginibre", rank=rank, seed=seed)
    largest = sum(float((jump.dag() * jump).norm("max")) for jump in equation.all_collapse_operators)
    times = np.concatenate([[0.0], np.geomspace(0.01, 30.0, 12)]) / largest
    trajectory = evolve(equation, rho0, times)
    # Eigenvalues from 1e-16 on are known to rounding, and so are the flows: |ln λ| ≤ 37 times 1e-14 of the rates, and
    # the heat over the lower temperature.
    error = 1e-14 * largest * (37 + 20 * max(omega_h, omega_c) / min(T_h, T_c))
    assert trajectory.entropy_production.min() > -error
    assert np.isinf(trajectory.entropy_production[0]) == (rank < 4)
    assert np.all(np.isfinite(trajectory.entropy_production[1:]))


@pytest.mark.parametrize("initial", ["vacuum", "hot A", "cold B", "coherent", "between totals"])
@pytest.mark.parametrize("options", [{"levels": 9, "basis": "modes"}, {"max_excitations": 8}])
def test_spohn_holds_along_global_trajectories_of_oscillators(initial: str, options: dict[str, object]) -> None:
    # In both spaces the Gibbs state is stationary for each bath in spite of the cut, so that the theorem holds exactly.
    equation = build("global", "oscillator", **{"levels": None, **options})
    occupations = equation.space.occupations
    weights = {
        "vacuum": np.where(occupations.sum(axis=1) == 0, 1.0, 0.0),
        "hot A": np.exp(-occupations @ [1.0, 3.0]),
        "cold B": np.exp(-occupations @ [2.0, 9.0]),
    }
    if initial in weights:
        matrix = np.diag(weights[initial] / weights[initial].sum()).astype(complex)
    else:
        totals = (1,) if initial == "coherent" else (0, 1, 2)
        ket = np.where(np.isin(occupations.sum(axis=1), totals), np.exp(1j * np.arange(len(occupations))), 0.0)
        matrix = np.outer(ket, ket.conj()) / np.vdot(ket, ket).real
    rho0 = density_matrix(equation, matrix)
    trajectory = evolve(equation, rho0, np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 15)]))
    assert trajectory.entropy_production.min() > -RTOL
    singular = initial not in ("hot A", "cold B")
    assert np.isinf(trajectory.entropy_production[0]) == singular
    assert np.all(np.isfinite(trajectory.entropy_production[1:]))
    assert trajectory.entropy_production[1] > 0.1


def test_spohn_fails_along_a_local_trajectory() -> None:
    # ω_h/T_h > ω_c/T_c: the local equation drives heat from cold to hot (figure 3).
    net = qn.two_node("two-level", **FIGURE_3, epsilon=1.0)
    equation = qn.local_master_equation(net)
    times = np.linspace(0.0, 400.0, 201)
    trajectory = evolve(equation, thermal(equation, 12.0, 10.0), times)
    state = qn.steady_state(equation)
    production = trajectory.entropy_production
    # Each node starts in equilibrium with its own bath: nothing is produced, and then less than nothing at most times.
    assert abs(production[0]) < 1e-15
    assert production.min() == pytest.approx(VIOLATION[0], rel=1e-6)
    assert times[np.argmin(production)] == VIOLATION[1]
    assert np.mean(production < -1e-6) > 0.9
    assert production[-1] == pytest.approx(state.entropy_production, rel=1e-6)
    assert state.entropy_production == pytest.approx(analytic.local_entropy_production(net), rel=1e-10)
    # The global equation of the same network, from the same state, produces entropy at all times.
    assert evolve(qn.global_master_equation(net), thermal(equation, 12.0, 10.0), times).entropy_production.min() > 0


def test_spohn_fails_along_a_local_trajectory_of_oscillators() -> None:
    net = qn.two_node("oscillator", **COLD)
    equation = qn.local_master_equation(net, levels=12)
    trajectory = evolve(equation, thermal(equation, 3.0, 2.0), np.linspace(0.0, 2.0, 41))
    assert trajectory.entropy_production.min() < -5e-4


# Long times and stationarity


@pytest.mark.parametrize("name", ["local", "global"])
@pytest.mark.parametrize("kind", KINDS)
def test_trajectories_end_in_the_steady_state(kind: str, name: str) -> None:
    equation = build(name, kind, 6, {**COLD, "omega_c": 8.0})
    state = qn.steady_state(equation)
    # The slowest decay is faster than κω_c³ = 0.5: e^(-0.5·60) = 1e-13.
    trajectory = evolve(equation, superposition(equation, (1, [1, 1])), [0.0, 20.0, 60.0])
    assert distance(trajectory.states[-1], state.rho) < RTOL
    flow = 10.0 * 1e-3 * 10.0**3
    for bath, current in state.heat_currents.items():
        assert trajectory.heat_currents[bath][-1] == pytest.approx(current, abs=RTOL * flow)
    assert trajectory.entropy_production[-1] == pytest.approx(state.entropy_production, abs=10 * RTOL * flow)


@pytest.mark.parametrize("name", ["local", "global"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_steady_state_stays(kind: str, name: str) -> None:
    equation = build(name, kind, 10)
    state = qn.steady_state(equation)
    trajectory = evolve(equation, state.rho, [0.0, 1.0, 10.0])
    for rho in trajectory.states:
        assert distance(rho, state.rho) < 1e-11
    assert np.ptp(trajectory.entropy) < 1e-10
    for bath, current in state.heat_currents.items():
        assert np.abs(trajectory.heat_currents[bath] - current).max() < 1e-9


# How far to trust it


def test_a_trajectory_says_how_far_to_trust_it() -> None:
    equation = qn.local_master_equation(qn.two_node("oscillator", **COLD), levels=12)
    trajectory = evolve(equation, superposition(equation, (1, [1, 1])), [0.0, 1.0, 5.0])
    assert trajectory.trace_error < 1e-13
    assert -1e-12 < trajectory.smallest_eigenvalue < 1e-12
    assert np.all(trajectory.top_shell_population < 1e-8)


def test_a_state_at_the_edge_of_the_space_is_warned_of() -> None:
    equation = qn.local_master_equation(qn.two_node("oscillator", **COLD), levels=12)
    with pytest.warns(qn.TruncationWarning, match="along the trajectory"):
        evolve(equation, superposition(equation, (1, [11, 0])), [0.0, 0.1])


def test_a_generator_that_is_not_positive_is_warned_of() -> None:
    equation = qn.local_master_equation(qn.two_node("two-level", **COLD))
    a = equation.space.lowering["A"]
    # The form of Redfield's equation with a filtered operator that is far from the coupling's.
    pair = (0.3 * (a + a.dag()), 0.3 * a)
    redfield = dataclasses.replace(equation, collapse_operators={**equation.collapse_operators, "hot": (pair,)})
    with pytest.warns(qn.PositivityWarning, match="not a density matrix"):
        evolve(redfield, superposition(equation, (0.9, [0, 0]), (0.4, [1, 0])), np.linspace(0.0, 0.1, 3))


@pytest.mark.parametrize("drift", [1e-9, -1e-9])
def test_a_trace_that_drifts_is_warned_of(drift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An integrator that multiplies the state by 1 + drift on the way; every eigenvalue stays positive."""
    equation = build("local", "oscillator", 6)
    rho0 = thermal(equation, 12.0, 10.0)
    correct = dynamics.solve_ivp

    def drifting(*arguments: object, factor: float, **options: object) -> SimpleNamespace:
        result = correct(*arguments, **options)
        return SimpleNamespace(success=True, t=result.t, y=result.y * np.linspace(1, factor, 3), nfev=result.nfev)

    monkeypatch.setattr(dynamics, "solve_ivp", functools.partial(drifting, factor=1 + drift))
    with pytest.warns(qn.PositivityWarning, match=r"the trace changes by 1\.0e-09 and the smallest") as caught:
        trajectory = evolve(equation, rho0, [0.0, 0.5, 1.0])
    assert caught[0].filename == __file__
    assert trajectory.smallest_eigenvalue > 0
    assert trajectory.trace_error == pytest.approx(1e-9, rel=1e-4)
    # Rounding is not a drift: every warning is an error here.
    monkeypatch.setattr(dynamics, "solve_ivp", functools.partial(drifting, factor=1 + 1e-2 * drift))
    assert evolve(equation, rho0, [0.0, 0.5, 1.0]).trace_error == pytest.approx(1e-11, rel=1e-2)


def test_a_failed_integration_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    equation = qn.local_master_equation(qn.two_node("oscillator", **COLD), levels=12)

    def failing(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(success=False, t=np.array([0.0, 0.25]), message="the step size became too small")

    monkeypatch.setattr(dynamics, "solve_ivp", failing)
    with pytest.raises(qn.ConvergenceError, match=r"beyond time 1\.25 of 2 .*step size"):
        evolve(equation, superposition(equation, (1, [1, 0])), [1.0, 1.25, 2.0])


# Arguments


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ([0.0], ValueError, "at least two"),
        (1.0, ValueError, "at least two"),
        ([[0.0, 1.0], [2.0, 3.0]], ValueError, "shape"),
        ([0.0, np.nan], ValueError, "finite"),
        ([0.0, np.inf], ValueError, "finite"),
        ([0.0, 1.0, 1.0], ValueError, "times must increase, but 1 follows 1"),
        ([1.0, 0.0], ValueError, "times must increase, but 0 follows 1"),
        (["now", "later"], TypeError, "times must be real"),
        ([0.0, 1.0j], TypeError, "times must be real"),
    ],
)
def test_times_must_increase(times: object, error: type[Exception], message: str) -> None:
    equation = qn.local_master_equation(qn.two_node("two-level", **COLD))
    with pytest.raises(error, match=message):
        evolve(equation, qutip.maximally_mixed_dm([2, 2]), times)


@pytest.mark.parametrize(
    ("rho0", "error", "message"),
    [
        ("vacuum", TypeError, "rho0 must be a QuTiP operator"),
        (qutip.maximally_mixed_dm(4), ValueError, "rho0 must be a state of the space"),
        (qutip.basis([2, 3], [0, 0]), ValueError, "rho0 must be a state of the space"),
        (2 * qutip.maximally_mixed_dm([2, 2]), ValueError, "rho0 must have trace 1"),
        (2 * qutip.basis([2, 2], [0, 0]), ValueError, "rho0 must have trace 1"),
        (qutip.Qobj(np.diag([0.5, 0.5, 0.0, 0.0]) + np.eye(4, k=1), dims=[[2, 2]] * 2), ValueError, "Hermitian"),
        (qutip.Qobj(np.diag([0.9, 0.3, -0.2, 0.0]), dims=[[2, 2]] * 2), ValueError, "positive semidefinite.* -0.2"),
    ],
)
def test_the_initial_state_must_be_one(rho0: object, error: type[Exception], message: str) -> None:
    equation = qn.local_master_equation(qn.two_node("two-level", **COLD))
    with pytest.raises(error, match=message):
        evolve(equation, rho0, [0.0, 1.0])


def test_other_arguments_are_checked() -> None:
    equation = qn.local_master_equation(qn.two_node("two-level", **COLD))
    mixed = qutip.maximally_mixed_dm([2, 2])
    with pytest.raises(TypeError, match="equation must be a MasterEquation, but is Qobj"):
        evolve(equation.hamiltonian, mixed, [0.0, 1.0])
    with pytest.raises(ValueError, match="rtol must be positive"):
        evolve(equation, mixed, [0.0, 1.0], rtol=0.0)
    with pytest.raises(ValueError, match="rtol must be at least"):
        evolve(equation, mixed, [0.0, 1.0], rtol=1e-16)
    with pytest.raises(ValueError, match="atol must be positive"):
        evolve(equation, mixed, [0.0, 1.0], atol=-1.0)
