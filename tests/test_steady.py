"""Steady states of plain operators and of equations: what is taken, what is refused, and what several states do."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
import qutip
import scipy.linalg
from numpy.typing import NDArray

import qnet_qutip as qn
from qnet_qutip import steady, truncation
from qnet_qutip.network import bath_rate
from qnet_qutip.state import broken_laws

EPS = float(np.finfo(float).eps)
Matrix = NDArray[np.complex128]

VALUES = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
PAIR = qn.local_master_equation(qn.two_node("two-level", **VALUES))
COLD = qn.local_master_equation(
    qn.two_node("oscillator", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1.0, kappa=1e-3), levels=5, rtol=1.0
)

LOWER = qutip.destroy(2)
A, B = qutip.tensor(LOWER, qutip.qeye(2)), qutip.tensor(qutip.qeye(2), LOWER)


def dense_liouvillian(hamiltonian: Matrix, dissipators: list[tuple[Matrix, Matrix]]) -> Matrix:
    """-i[H, ·] + Σ ΛρS† + SρΛ† - S†Λρ - ρΛ†S for each (S, Λ), acting on rows of ρ put one behind another."""
    unit = np.eye(len(hamiltonian))
    total = -1j * (np.kron(hamiltonian, unit) - np.kron(unit, hamiltonian.T))
    for S, Lambda in dissipators:
        total = total + np.kron(Lambda, S.conj()) + np.kron(S, Lambda.conj())
        total = total - np.kron(S.conj().T @ Lambda, unit) - np.kron(unit, (Lambda.conj().T @ S).T)
    return total


def dense_steady_state(liouvillian: Matrix) -> tuple[Matrix, float]:
    """The null vector by singular values, and the smallest singular value but it."""
    size = int(np.sqrt(len(liouvillian)))
    _, singular, vectors = np.linalg.svd(liouvillian)
    rho = vectors[-1].conj().reshape(size, size)
    return rho / np.trace(rho), float(singular[-2])


def assert_same_state(state: qn.SteadyState, liouvillian: Matrix) -> None:
    """Equal to the null vector, as far as rounding of L over its smallest singular value lets it be known."""
    rho, gap = dense_steady_state(liouvillian)
    allowed = 100 * EPS * np.linalg.norm(liouvillian) / gap
    assert allowed < 1e-9
    np.testing.assert_allclose(state.rho.full(), rho, rtol=0, atol=allowed)


# ---------------------------------------------------------------- plain operators


def test_hamiltonian_and_list_of_collapse_operators() -> None:
    state = qn.steady_state(PAIR.hamiltonian, PAIR.all_collapse_operators)
    of_equation = qn.steady_state(PAIR)
    assert np.abs((state.rho - of_equation.rho).full()).max() <= 1e-10  # the solver's tolerance on ρ
    assert dict(state.heat_currents) == {}
    assert state.equation is None
    for name in ("occupations", "covariance", "correlations", "entropy_production", "truncation_error"):
        with pytest.raises(
            AttributeError, match="needs a master equation of a network, but plain operators were solved"
        ):
            getattr(state, name)
    assert "SteadyState by 'sectors' of 4 states" in repr(state)


def test_mapping_of_collapse_operators_gives_a_current_for_each_bath() -> None:
    state = qn.steady_state(PAIR.hamiltonian, PAIR.collapse_operators)
    of_equation = qn.steady_state(PAIR)
    assert list(state.heat_currents) == ["hot", "cold"]
    for bath, current in of_equation.heat_currents.items():
        assert state.heat_currents[bath] == pytest.approx(current, rel=2e-10, abs=0)
    assert state.first_law_residual <= 1e-10


def test_a_single_operator_of_a_bath_needs_no_list() -> None:
    """The whole operator, not its entries, which a Qobj can be iterated over."""
    hamiltonian = 1.3 * A.dag() * A + 0.7 * B.dag() * B + 0.4 * (A.dag() * B + B.dag() * A)
    state = qn.steady_state(hamiltonian, {"hot": A.dag(), "cold": [B]})
    listed = qn.steady_state(hamiltonian, {"hot": [A.dag()], "cold": [B]})
    assert dict(state.heat_currents) == dict(listed.heat_currents)
    assert state.heat_currents["hot"] > 0.1
    assert np.abs((state.rho - listed.rho).full()).max() == 0


@pytest.mark.parametrize("method", qn.METHODS)
def test_every_method_takes_plain_operators(method: str) -> None:
    options: dict[str, Any] = {"propagator_T": 1e4} if method == "propagator" else {}
    state = qn.steady_state(PAIR.hamiltonian, PAIR.collapse_operators, method=method, **options)
    expected = qn.steady_state(PAIR)
    assert list(state.heat_currents) == ["hot", "cold"]
    assert (state.method, state.iterations > 0) == (method, method == "sectors")
    # A traceless difference x of two states is at most L(x) over the smallest singular value there.
    traceless = scipy.linalg.null_space(np.eye(4).reshape(1, 16))
    singular = np.linalg.svd(PAIR.liouvillian().full() @ traceless, compute_uv=False)
    distance = (state.residual + expected.residual) / singular[-1] + 8 * EPS
    assert np.linalg.norm((state.rho - expected.rho).full()) <= distance <= 1e-6


def test_options_of_qutip_reach_it() -> None:
    state = qn.steady_state(PAIR, method="direct", solver="spsolve", use_rcm=True)
    assert np.linalg.norm((state.rho - qn.steady_state(PAIR).rho).full()) <= 1e-9
    with pytest.raises(ValueError, match="solver"):
        qn.steady_state(PAIR, method="direct", solver="no such solver")


@pytest.mark.parametrize("collapse", [[A, 0.5 * B], [A, 0.3 * B, 0.1 * B.dag()]])
def test_decay_only_and_complex_hamiltonians(collapse: list[qutip.Qobj]) -> None:
    hamiltonian = 1.3 * A.dag() * A + 0.7 * B.dag() * B + 0.4j * (A.dag() * B - B.dag() * A)
    state = qn.steady_state(hamiltonian, {"all": collapse})
    jumps = [(operator.full(), operator.full() / 2) for operator in collapse]
    assert_same_state(state, dense_liouvillian(hamiltonian.full(), jumps))
    if len(collapse) == 2:
        # Zero temperature: the empty state, in which nothing flows.
        assert state.rho.full()[0, 0] == pytest.approx(1, abs=4 * EPS)
        assert abs(state.heat_currents["all"]) <= EPS


def test_cold_equation_decays_to_the_empty_state() -> None:
    """At ω/T = 1000 no float is left of the heating rate, and its collapse operator is left out."""
    net = qn.two_node("oscillator", **{**VALUES, "T_h": 0.01, "T_c": 0.005})
    for builder in qn.MASTER_EQUATIONS.values():
        state = qn.steady_state(builder(net))
        assert 1 <= len(state.equation.collapse_operators["hot"]) <= 4
        assert max(state.occupations.values()) <= EPS
        assert max(abs(current) for current in state.heat_currents.values()) <= 1e-30


def driven(amplitude: complex) -> qutip.Qobj:
    return 0.8 * LOWER.dag() * LOWER + amplitude * LOWER + np.conj(amplitude) * LOWER.dag()


@pytest.mark.parametrize("amplitude", [0.3, 0.2 + 0.4j, 1e-3])
def test_systems_that_conserve_nothing(amplitude: complex) -> None:
    hamiltonian, collapse = driven(amplitude), [0.5 * LOWER, 0.2 * LOWER.dag(), 0.1 * LOWER.dag() * LOWER]
    state = qn.steady_state(hamiltonian, {"bath": collapse})
    jumps = [(operator.full(), operator.full() / 2) for operator in collapse]
    assert_same_state(state, dense_liouvillian(hamiltonian.full(), jumps))
    # Driven but by a constant H: the energy that the bath gives is that which it takes.
    assert abs(state.heat_currents["bath"]) <= 1e-12


def test_driven_oscillator_is_a_coherent_state() -> None:
    frequency, drive, damping, levels = 1.0, 0.2, 0.5, 24
    a = qutip.destroy(levels)
    state = qn.steady_state(frequency * a.dag() * a + drive * (a + a.dag()), [np.sqrt(damping) * a])
    alpha = -1j * drive / (1j * frequency + damping / 2)
    # |α|² = 0.04: what 24 levels leave out is far below rounding.
    expected = qutip.coherent_dm(levels, alpha, method="analytic")
    assert np.abs((state.rho - expected).full()).max() <= 1e-10
    assert state.rho.tr() == pytest.approx(1, abs=4 * EPS)


def test_steady_state_of_one_node() -> None:
    net = qn.Network({"A": qn.Oscillator(2)}, {}, {"bath": qn.Bath("A", 1.0, qn.PhononSpectrum(1e-2))})
    state = qn.steady_state(qn.local_master_equation(net))
    assert state.occupations["A"] == pytest.approx(1 / np.expm1(2.0), rel=1e-8)  # DEFAULT_RTOL of the truncation
    # The current is nothing; 1e-18 of the flow counts as nothing to the solver.
    assert abs(state.heat_currents["bath"]) <= 1e-17
    assert state.entropy_production == pytest.approx(0, abs=1e-17)


# ---------------------------------------------------------------- pairs (S, Λ)


def test_pairs_with_half_the_operator_are_lindblad() -> None:
    pairs = {bath: [(jump, 0.5 * jump) for jump in operators] for bath, operators in PAIR.collapse_operators.items()}
    state, lindblad = qn.steady_state(PAIR.hamiltonian, pairs), qn.steady_state(PAIR)
    for bath, current in lindblad.heat_currents.items():
        assert state.heat_currents[bath] == pytest.approx(current, rel=2e-10, abs=0)
    assert np.abs((state.rho - lindblad.rho).full()).max() <= 1e-10


def redfield() -> tuple[qutip.Qobj, dict[str, list[tuple[qutip.Qobj, qutip.Qobj]]]]:
    """Redfield's equation of two two-level nodes: S = a + a† and Λ its elements times half the rate of each Ω."""
    hamiltonian = 1.5 * A.dag() * A + 1.1 * B.dag() * B + 0.4 * (A.dag() * B + B.dag() * A)
    energies, vectors = np.linalg.eigh(hamiltonian.full())
    gaps = energies[:, None] - energies[None, :]  # E_m - E_n of ⟨m|S|n⟩: energy that the network gains
    pairs = {}
    for bath, node, T in (("hot", A, 1.2), ("cold", B, 0.8)):
        with np.errstate(divide="ignore", invalid="ignore"):
            # κ|Ω|³ (n + 1) for a loss and κ|Ω|³ n for a gain are one formula; it vanishes at Ω = 0.
            rates = np.where(np.abs(gaps) > 1e-9, 0.01 * gaps**3 / np.expm1(gaps / T), 0.0)
        coupling = node + node.dag()
        elements = vectors.conj().T @ coupling.full() @ vectors
        filtered = vectors @ (0.5 * rates * elements) @ vectors.conj().T
        pairs[bath] = [(coupling, qutip.Qobj(filtered, dims=hamiltonian.dims))]
    return hamiltonian, pairs


def test_redfield_equation_by_pairs() -> None:
    hamiltonian, pairs = redfield()
    state = qn.steady_state(hamiltonian, pairs)
    matrices = {bath: [(S.full(), L.full()) for S, L in members] for bath, members in pairs.items()}
    liouvillian = dense_liouvillian(hamiltonian.full(), [pair for members in matrices.values() for pair in members])
    assert_same_state(state, liouvillian)
    rho, gap = dense_steady_state(liouvillian)
    for bath, members in matrices.items():
        part = dense_liouvillian(0 * hamiltonian.full(), members)
        flow = np.trace(hamiltonian.full() @ (part @ rho.ravel()).reshape(4, 4)).real
        allowed = (
            100 * EPS * np.linalg.norm(liouvillian) / gap * np.linalg.norm(part) * np.linalg.norm(hamiltonian.full())
        )
        assert state.heat_currents[bath] == pytest.approx(flow, abs=allowed)
    assert state.heat_currents["hot"] > 0
    # With its generator summed up energy is conserved, whatever the secular step would have done.
    assert abs(sum(state.heat_currents.values())) <= 1e-10 * state.heat_currents["hot"]


def test_pairs_can_be_given_to_qutip() -> None:
    hamiltonian, pairs = redfield()
    theirs, ours = qn.steady_state(hamiltonian, pairs, method="direct"), qn.steady_state(hamiltonian, pairs)
    assert np.abs((theirs.rho - ours.rho).full()).max() <= 1e-12


def test_state_that_is_not_positive_warns() -> None:
    # Rates of 1 upwards and -1/5 downwards leave populations of 5/4 and -1/4.
    operators = [(LOWER.dag(), 0.5 * LOWER.dag()), (LOWER, -0.1 * LOWER)]
    with pytest.warns(qn.PositivityWarning, match="the steady state has the eigenvalue -2.5e-01") as caught:
        state = qn.steady_state(LOWER.dag() * LOWER, operators)
    assert caught[0].filename == __file__
    assert state.smallest_eigenvalue == pytest.approx(-0.25, rel=1e-9)


@pytest.mark.parametrize("negative", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("of_equation", [True, False])
def test_the_least_eigenvalue_that_is_not_rounding_warns(negative: float, of_equation: bool) -> None:
    """Of plain operators and of an equation; the state has the populations 1 + p and -p."""
    # Rates of 1 upwards and -r downwards, with r = p/(1 + p).
    pairs = {
        "hot": ((LOWER.dag(), 0.5 * LOWER.dag()), (LOWER, -0.5 * negative / (1 + negative) * LOWER)),
    }
    net = qn.Network({"A": qn.TwoLevel(2)}, {}, {"hot": qn.Bath("A", 1.0, qn.PhononSpectrum(1e-2))})
    equation = dataclasses.replace(qn.local_master_equation(net), collapse_operators=pairs)
    with pytest.warns(qn.PositivityWarning, match=f"has the eigenvalue -{negative:.1e}: it is not a density") as caught:
        state = qn.steady_state(equation) if of_equation else qn.steady_state(equation.hamiltonian, pairs)
    assert [warning.filename for warning in caught] == [__file__]
    assert state.smallest_eigenvalue == pytest.approx(-negative, rel=1e-6)
    assert not state.positive


def test_an_eigenvalue_that_is_rounding_does_not_warn() -> None:
    """Every warning is an error here."""
    state = qn.steady_state(LOWER.dag() * LOWER, [(LOWER.dag(), 0.5 * LOWER.dag()), (LOWER, -0.5e-12 * LOWER)])
    assert state.smallest_eigenvalue == pytest.approx(-1e-12, rel=1e-3)
    assert state.positive


def returned_by_qutip(monkeypatch: pytest.MonkeyPatch, rho: qutip.Qobj) -> None:
    monkeypatch.setattr(qutip, "steadystate", lambda *_, **__: rho)


@pytest.mark.parametrize("arguments", [(PAIR,), (PAIR.hamiltonian, PAIR.collapse_operators)], ids=["equation", "plain"])
def test_a_matrix_of_qutip_that_is_not_hermitian_warns(arguments: tuple[Any, ...], monkeypatch: Any) -> None:
    rho = qn.steady_state(PAIR).rho
    returned_by_qutip(monkeypatch, rho + 3e-8j * qutip.qeye([2, 2]) / 2)
    with pytest.warns(qn.AccuracyWarning, match=r"'direct' returned a matrix that misses being Hermitian") as caught:
        state = qn.steady_state(*arguments, method="direct")
    # What the state breaks of the second law is said as well.
    assert [warning.category for warning in caught if warning.category is not qn.LawWarning] == [qn.AccuracyWarning]
    # Its Hermitian part is the steady state, to the last digits of what was added and taken away.
    assert np.abs((state.rho - rho).full()).max() <= 8 * EPS


def test_currents_of_qutip_that_do_not_add_up_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    rho = qn.steady_state(PAIR).rho
    wrong = (1 - 1e-6) * rho + 1e-6 * qutip.maximally_mixed_dm([2, 2])
    returned_by_qutip(monkeypatch, wrong)
    with pytest.warns(qn.AccuracyWarning, match=r"by method 'direct' add up to \S+ of the largest instead") as caught:
        state = qn.steady_state(PAIR, method="direct")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert f"{state.first_law_residual:.1e}" in str(caught[0].message)
    assert state.heat_currents["hot"] == pytest.approx(qn.heat_currents(PAIR, wrong)["hot"], rel=1e-9)
    assert min(state.heat_current_errors.values()) >= abs(sum(state.heat_currents.values()))
    # The steady state itself does not warn.
    returned_by_qutip(monkeypatch, rho)
    assert qn.steady_state(PAIR, method="direct").first_law_residual <= 1e-6


# ---------------------------------------------------------------- several steady states

UNCOUPLED = A.dag() * A + 1.7 * B.dag() * B
ONE_BATH = [A, 0.5 * A.dag()]
DEGENERATE = A.dag() * A + B.dag() * B
COLLECTIVE = [A + B]


@pytest.mark.parametrize(
    ("hamiltonian", "collapse"),
    [(UNCOUPLED, ONE_BATH), (DEGENERATE, COLLECTIVE), (DEGENERATE, [A + B, 0.6 * (A + B).dag()])],
    ids=["two uncoupled qubits with one bath", "dark state", "collective bath"],
)
def test_several_steady_states_are_refused_and_rho0_selects(
    hamiltonian: qutip.Qobj, collapse: list[qutip.Qobj]
) -> None:
    with pytest.raises(qn.MultipleSteadyStatesError, match="steady states"):
        qn.steady_state(hamiltonian, collapse)
    for seed in (1, 2):
        rho0 = qutip.rand_dm([2, 2], seed=seed)
        state = qn.steady_state(hamiltonian, collapse, rho0=rho0)
        # Long after the slowest rate, 1/2, and averaged over whole turns of what never decays, [0.7 and 1.7] · n.
        options = {"progress_bar": "", "atol": 1e-12, "rtol": 1e-10, "nsteps": 1_000_000}
        times = 100 + np.arange(200) * 20 * np.pi / 200
        states = qutip.mesolve(hamiltonian, rho0, [0, *times], collapse, options=options).states[1:]
        average = sum(states) / len(states)
        # The integrator's tolerance, for each of its some thousand steps.
        assert np.abs((state.rho - average).full()).max() <= 1e-7
        assert state.rho.tr() == pytest.approx(1, abs=1e-12)
    others = [qn.steady_state(hamiltonian, collapse, rho0=qutip.rand_dm([2, 2], seed=seed)).rho for seed in (1, 2)]
    assert np.abs((others[0] - others[1]).full()).max() > 1e-3


def test_dark_state_is_kept() -> None:
    dark = (qutip.basis([2, 2], [0, 1]) - qutip.basis([2, 2], [1, 0])).unit().proj()
    state = qn.steady_state(DEGENERATE, COLLECTIVE, rho0=dark)
    assert np.abs((state.rho - dark).full()).max() <= 1e-9


def test_uncoupled_node_without_a_bath_is_refused() -> None:
    for node in (qn.TwoLevel, qn.Oscillator):
        net = qn.Network({"A": node(5), "B": node(4)}, {}, {"hot": qn.Bath("A", 1.0, qn.PhononSpectrum(1e-2))})
        arguments: dict[str, Any] = {} if node is qn.TwoLevel else {"levels": 4, "rtol": 1.0}
        for builder in qn.MASTER_EQUATIONS.values():
            with pytest.raises(
                ValueError, match=r"every part of network must be reached by a bath, but \['B'\] are not"
            ):
                builder(net, **arguments)


@pytest.mark.parametrize("node", [qn.TwoLevel, qn.Oscillator])
def test_dark_mode_of_a_network_is_not_passed_over(node: type) -> None:
    """B and C alike on one A: their difference b - c never meets the bath, and keeps what it holds."""
    net = qn.Network(
        nodes={"A": node(5), "B": node(5), "C": node(5)},
        couplings={("A", "B"): 0.3, ("A", "C"): 0.3},
        baths={"hot": qn.Bath("A", 1.0, qn.PhononSpectrum(1e-2))},
    )
    arguments: dict[str, Any] = {} if node is qn.TwoLevel else {"max_excitations": 3, "rtol": 1e9}
    with warnings.catch_warnings():
        # What SciPy has to say of the undamped mode is a matter of its own: see the next test.
        warnings.filterwarnings("ignore", 'Input "a" has an eigenvalue pair')
        equation = qn.local_master_equation(net, **arguments)
        with pytest.raises(qn.MultipleSteadyStatesError):
            qn.steady_state(equation)


def test_undamped_modes_do_not_leak_warnings_of_scipy() -> None:
    """Every warning is an error here."""
    net = qn.Network(
        nodes={"A": qn.TwoLevel(5), "B": qn.TwoLevel(5), "C": qn.TwoLevel(5)},
        couplings={("A", "B"): 0.3, ("A", "C"): 0.3},
        baths={"hot": qn.Bath("A", 1.0, qn.PhononSpectrum(1e-2))},
    )
    qn.local_master_equation(net)


# ---------------------------------------------------------------- starting from a state


LARGER = qn.local_master_equation(COLD.network, max_excitations=12, rtol=1.0)
"""91 states, 819 unknowns: enough of them for more than one iteration."""


def test_start_shortens_the_way() -> None:
    first = qn.steady_state(LARGER)
    again = qn.steady_state(LARGER, start=first)
    assert again.iterations < first.iterations
    assert again.heat_currents["hot"] == pytest.approx(first.heat_currents["hot"], rel=2e-10)


def test_start_of_another_network_leads_to_the_same_state() -> None:
    near = qn.local_master_equation(COLD.network.replace(couplings={("A", "B"): 0.6}), max_excitations=12, rtol=1.0)
    expected, state = qn.steady_state(LARGER), qn.steady_state(LARGER, start=qn.steady_state(near))
    for bath, current in expected.heat_currents.items():
        assert state.heat_currents[bath] == pytest.approx(current, rel=2e-10, abs=0)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_last_change_of_the_currents_is_within_rtol_and_not_nothing(rtol: float) -> None:
    state = qn.steady_state(LARGER, rtol=rtol)
    assert list(state.current_changes) == ["hot", "cold"]
    assert all(0 <= change <= rtol for change in state.current_changes.values())
    assert max(state.current_changes.values()) > 0
    assert dict(qn.steady_state(PAIR, method="direct").current_changes) == {}


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-12])
def test_rtol_is_reached(rtol: float) -> None:
    exact = qn.analytic.local_heat_current(PAIR.network)
    state = qn.steady_state(PAIR, rtol=rtol)
    # 16 digits of the rates come besides.
    assert state.heat_currents["hot"] == pytest.approx(exact, rel=rtol + 1e-13, abs=0)


# ---------------------------------------------------------------- what is refused


def test_iteration_limit_raises_with_a_remedy() -> None:
    with pytest.raises(qn.ConvergenceError, match=r"did not converge within .* iterations.*raise max_iterations"):
        qn.steady_state(COLD, max_iterations=1)
    with pytest.raises(qn.ConvergenceError, match="raise max_iterations"):
        qn.steady_state(DEGENERATE, COLLECTIVE, rho0=qutip.rand_dm([2, 2], seed=1), max_iterations=1)


def test_problem_beyond_memory_raises_before_it_starts() -> None:
    net = qn.two_node("oscillator", **VALUES)
    equation = qn.local_master_equation(net, levels=600, rtol=1.0)
    with pytest.raises(MemoryError, match=r"unknowns .* would take about .* GB, but this machine has"):
        qn.steady_state(equation)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"method": "sector"},
            ValueError,
            "^method must be one of .*'sectors'.* but is 'sector'; did you mean 'sectors'",
        ),
        ({"method": "iterative-gmres"}, ValueError, "^method must be one of "),
        ({"rtol": 0.0}, ValueError, "^rtol must be positive, but is 0$"),
        ({"rtol": float("nan")}, ValueError, "^rtol must be finite, but is nan$"),
        ({"rtol": "tight"}, TypeError, "^rtol must be a real number, but is 'tight'$"),
        ({"max_iterations": 0}, ValueError, "^max_iterations must be at least 1, but is 0$"),
        ({"max_iterations": 1.5}, TypeError, "^max_iterations must be a whole number of at least 1, but is 1.5$"),
        ({"use_rcm": True}, ValueError, "option of method 'sectors' must be one of .* but is 'use_rcm'"),
        ({"tolerance": 1e-3}, ValueError, "option of method 'sectors' must be one of .* but is 'tolerance'"),
        ({"method": "direct", "use_rmc": True}, ValueError, "option of method 'direct' .* did you mean 'use_rcm'"),
        ({"method": "direct", "rho0": A}, ValueError, "rho0 must not be given with method 'direct'"),
        ({"start": A}, TypeError, "start must be a SteadyState, but is Qobj"),
        ({"collapse_operators": [A]}, ValueError, "collapse_operators must not be given with a master equation"),
        ({"rho0": qutip.basis(2, 0)}, TypeError, "rho0 must be a QuTiP operator"),
        ({"rho0": "ground"}, TypeError, "rho0 must be a QuTiP operator, but is a str"),
        ({"rho0": qutip.fock_dm(3, 0)}, ValueError, r"rho0 must .* 4 states.* but has"),
        ({"rho0": 2 * qutip.fock_dm([2, 2], [0, 0])}, ValueError, "rho0 must have trace 1, but has 2"),
        ({"rho0": A}, ValueError, "rho0 must be Hermitian, but is not"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        qn.steady_state(PAIR, **arguments)


def test_start_must_fit() -> None:
    small, large = qn.steady_state(PAIR), qn.steady_state(COLD)
    with pytest.raises(ValueError, match="start must have 4 states, but has 25"):
        qn.steady_state(PAIR, start=large)
    with pytest.raises(ValueError, match="start and rho0 must not both be given"):
        qn.steady_state(PAIR, start=small, rho0=small.rho)


@pytest.mark.parametrize(
    ("hamiltonian", "collapse", "error", "message"),
    [
        (A, [B], ValueError, "the Hamiltonian must be Hermitian, but is not"),
        (1j * DEGENERATE, [B], ValueError, "the Hamiltonian must be Hermitian, but is not"),
        (qutip.Qobj(np.ones((2, 3))), [LOWER], ValueError, r"the Hamiltonian must be square, but has shape \(2, 3\)"),
        (np.eye(4), [A], TypeError, "Hamiltonian as a QuTiP operator, but is an array"),
        (qutip.basis(4, 0), [A], TypeError, "Hamiltonian as a QuTiP operator, but is a Qobj of type 'ket'"),
        (DEGENERATE, None, ValueError, "collapse_operators must be given with a Hamiltonian, but are missing"),
        (DEGENERATE, A, TypeError, "must be a list of operators or a mapping of lists, but is a Qobj of type 'oper'"),
        (DEGENERATE, {"hot": 5}, TypeError, "the collapse operators of 'hot' must be a list, but are a int"),
        (DEGENERATE, [LOWER], ValueError, r"collapse operator 0 of 'all' must have the Hamiltonian's dimensions"),
        (DEGENERATE, [A, qutip.destroy(4)], ValueError, r"collapse operator 1 of 'all' must have .* \[\[4\], \[4\]\]"),
        (DEGENERATE, [A, 0.5], TypeError, "collapse operator 1 of 'all' must be a QuTiP operator, but is a float"),
        (DEGENERATE, {"hot": ["a"]}, TypeError, "collapse operator 0 of 'hot' must be a QuTiP operator, but is a str"),
        (DEGENERATE, [qutip.basis([2, 2], [0, 0])], TypeError, "collapse operator 0 of 'all' .* a Qobj of type 'ket'"),
        (DEGENERATE, [qutip.to_super(A)], TypeError, "collapse operator 0 of 'all' .* a Qobj of type 'super'"),
        (
            DEGENERATE,
            [(A, A, A)],
            TypeError,
            "a pair of operators must have two members, but collapse operator 0 has 3",
        ),
        (DEGENERATE, [(A,)], TypeError, "a pair of operators must have two members, but collapse operator 0 has 1"),
        (DEGENERATE, [(A, LOWER)], ValueError, "collapse operator 0 of 'all' must have the Hamiltonian's dimensions"),
        (DEGENERATE, 5, TypeError, "collapse_operators"),
    ],
)
def test_bad_operators_are_refused(hamiltonian: Any, collapse: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        qn.steady_state(hamiltonian, collapse)


@pytest.mark.parametrize("collapse", [[], {}, {"hot": []}, [0 * A]])
def test_without_dissipation_there_are_many_steady_states(collapse: Any) -> None:
    with pytest.raises(qn.MultipleSteadyStatesError):
        qn.steady_state(DEGENERATE, collapse)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_operators_must_be_finite(bad: float) -> None:
    with pytest.raises(ValueError, match=r"finite"):
        qn.steady_state(DEGENERATE, [A, bad * B])


def test_plain_rho0_is_checked_too() -> None:
    for rho0 in (qutip.fock_dm(3, 0), 2 * qutip.fock_dm([2, 2], [0, 0]), A):
        with pytest.raises(ValueError, match="rho0 must"):
            qn.steady_state(DEGENERATE, COLLECTIVE, rho0=rho0)
    with pytest.raises(TypeError, match="rho0 must"):
        qn.steady_state(DEGENERATE, COLLECTIVE, rho0="dark")
    with pytest.raises(ValueError, match="start must have 4 states, but has 25"):
        qn.steady_state(DEGENERATE, [A, B], start=qn.steady_state(COLD))


# ---------------------------------------------------------------- what a broken law is said to be


def test_warning_of_a_level_shift_says_what_does_not_add_up_and_where_it_is() -> None:
    drude = qn.DrudeLorentzSpectrum(lam=0.005, gamma=5.0)
    net = qn.chain(
        [qn.TwoLevel(5), qn.TwoLevel(5.001)],
        0.01,
        hot=qn.Bath("A", 1.2, drude, coupling="full"),
        cold=qn.Bath("B", 1.0, drude, coupling="full"),
    )
    equation = qn.universal_master_equation(net, level_shift=True)
    said = (
        "^the heat currents of the universal equation do not add up to zero, as its level shift moves the state but is "
        "no part of the energy that heat is counted by; see first_law_residual of the state$"
    )
    with pytest.warns(qn.LawWarning, match=said):
        state = qn.steady_state(equation)
    assert state.first_law_residual > 1e-9


def test_warning_of_negative_entropy_production_names_the_energy_for_which_it_is_not() -> None:
    said = r"promises it for heat counted by H_0, heat_by\('H_0'\); see entropy_production of the state$"
    with pytest.warns(qn.LawWarning, match=said):
        state = qn.steady_state(PAIR)
    assert state.entropy_production < 0 < state.heat_by("H_0").entropy_production


# ---------------------------------------------------------------- heat currents of a state, and other helpers


def test_unknown_bath_is_refused() -> None:
    state = qn.steady_state(PAIR)
    with pytest.raises(ValueError, match="bath must be one of 'hot', 'cold', but is 'warm'"):
        qn.heat_current(PAIR, state.rho, "warm")
    with pytest.raises(ValueError, match="bath must be one of 'hot', 'cold', but is 'hott'; did you mean 'hot'"):
        PAIR.dissipator("hott")
    with pytest.raises(ValueError, match=r"rho must .* 4 states.* but has"):
        qn.heat_currents(PAIR, qutip.fock_dm(3, 0))


def test_currents_and_entropy_of_a_state_with_any_coherence() -> None:
    rho = qutip.rand_dm([2, 2], seed=5)
    hamiltonian = PAIR.hamiltonian.full()
    for bath, operators in PAIR.collapse_operators.items():
        part = dense_liouvillian(0 * hamiltonian, [(jump.full(), jump.full() / 2) for jump in operators])
        flow = np.trace(hamiltonian @ (part @ rho.full().ravel()).reshape(4, 4)).real
        assert qn.heat_currents(PAIR, rho)[bath] == pytest.approx(flow, rel=1e-12)
    assert qn.energy(PAIR, rho) == pytest.approx(np.trace(hamiltonian @ rho.full()).real, rel=1e-13)
    assert qn.von_neumann_entropy(rho) == pytest.approx(qutip.entropy_vn(rho), rel=1e-12)


def test_von_neumann_entropy_of_known_states() -> None:
    assert qn.von_neumann_entropy(qutip.fock_dm([2, 2], [0, 1])) == 0
    assert qn.von_neumann_entropy(qutip.maximally_mixed_dm(5)) == pytest.approx(np.log(5), rel=1e-14)
    plus = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit().proj()
    assert qn.von_neumann_entropy(plus) == pytest.approx(0, abs=1e-14)
    with pytest.raises(ValueError, match=r"rho must be positive, but has the eigenvalue -5\.0e-01"):
        qn.von_neumann_entropy(qutip.Qobj(np.diag([1.5, -0.5])))


def test_von_neumann_entropy_of_a_ket_is_zero() -> None:
    assert qn.von_neumann_entropy(qutip.basis([2, 3], [1, 2])) == 0
    assert qn.von_neumann_entropy((qutip.basis(3, 0) + 1j * qutip.basis(3, 2)).unit()) == 0


@pytest.mark.parametrize(
    ("rho", "error", "message"),
    [
        (2 * qutip.maximally_mixed_dm(2), ValueError, "rho must have trace 1, but has 2"),
        (2 * qutip.basis(2, 0), ValueError, "rho must have norm 1, but has 2"),
        (qutip.fock_dm(2, 0) + qutip.destroy(2), ValueError, "rho must be Hermitian, but is not"),
        (qutip.basis(2, 0).dag(), TypeError, "rho must be a QuTiP operator, but is a Qobj of type 'bra'"),
        (np.eye(2) / 2, TypeError, "rho must be a QuTiP operator, but is a ndarray"),
    ],
    ids=["trace 2", "norm 2", "not Hermitian", "bra", "array"],
)
def test_von_neumann_entropy_of_what_is_no_state_is_refused(rho: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        qn.von_neumann_entropy(rho)


def test_covariance_and_correlations_are_read_only() -> None:
    state = qn.steady_state(COLD)
    for matrix in (state.covariance, state.correlations):
        assert not matrix.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1.0


def test_smallest_eigenvalue_is_that_of_the_density_matrix() -> None:
    state = qn.steady_state(COLD)
    assert state.smallest_eigenvalue == pytest.approx(scipy.linalg.eigvalsh(state.rho.full())[0], abs=10 * EPS)


@pytest.mark.parametrize("name", ["local", "redfield"])
def test_current_of_a_single_bath_is_zero_within_its_error_and_breaks_no_law(name: str) -> None:
    net = qn.Network(
        nodes={"A": qn.TwoLevel(2.0), "B": qn.TwoLevel(2.625)},
        couplings={("A", "B"): 0.0078125},
        baths={"only": qn.Bath("A", 0.875, qn.PhononSpectrum(0.0078125))},
    )
    equation = qn.MASTER_EQUATIONS[name](net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state = qn.steady_state(equation)
    error = state.heat_current_errors["only"]
    # The solver judges it against what the bath exchanges with its node, which is γ(ω)ω⟨σ₊σ₋⟩ at least.
    loss = bath_rate(net, "only").rate(2.0) * 2.0 * state.occupations["A"]
    assert abs(state.heat_currents["only"]) <= error
    assert 1e-10 * loss <= error <= 1e-8 * loss
    assert broken_laws(state) == {}


def test_errors_of_currents_follow_the_tolerance() -> None:
    errors = [qn.steady_state(PAIR, rtol=rtol).heat_current_errors["hot"] for rtol in (1e-10, 1e-6)]
    assert errors[1] == pytest.approx(1e4 * errors[0], rel=1e-6, abs=0)
    by_qutip = qn.steady_state(PAIR, method="direct").heat_current_errors
    assert by_qutip["hot"] == pytest.approx(errors[0], rel=1e-6, abs=0)
    plain = qn.steady_state(PAIR.hamiltonian, PAIR.collapse_operators)
    with pytest.raises(AttributeError, match="heat_current_errors needs a master equation"):
        assert plain.heat_current_errors


def test_error_of_a_current_is_no_less_than_what_a_warning_says_it_is_resolved_to(monkeypatch) -> None:
    plain = steady.solve
    hidden = {"hot": 3e4 * abs(qn.steady_state(PAIR).heat_currents["hot"])}
    monkeypatch.setattr(steady, "solve", lambda *given: dataclasses.replace(plain(*given), unresolved=hidden))
    with pytest.warns(qn.AccuracyWarning, match="heat current of bath 'hot', .* is resolved to 1e-10 of"):
        errors = qn.steady_state(PAIR).heat_current_errors
    assert errors["hot"] == pytest.approx(1e-10 * hidden["hot"], rel=1e-9, abs=0)
    assert errors["cold"] < 1e-3 * errors["hot"]


def test_heat_out_of_a_bath_at_zero_temperature_breaks_the_second_law_whatever_the_others_do() -> None:
    net = qn.two_node("two-level", omega_h=5, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)
    net = net.replace(baths={**net.baths, "cold": dataclasses.replace(net.baths["cold"], temperature=0.0)})
    state = qn.steady_state(qn.local_master_equation(net))
    assert state.entropy_production == np.inf
    assert broken_laws(state) == {}
    backwards = dataclasses.replace(state, heat_currents={bath: -J for bath, J in state.heat_currents.items()})
    assert broken_laws(backwards) == {"second": "entropy_production"}


def test_where_a_larger_space_does_not_converge_the_smaller_one_is_returned_with_its_error(monkeypatch) -> None:
    net = qn.two_node("oscillator", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1.0, kappa=1e-3)
    # Chosen for occupations that are too small: the first space is not enough.
    monkeypatch.setattr(truncation, "LEVEL_SAFETY", 1e-6)
    monkeypatch.setattr(truncation, "SHELL_SAFETY", 1e-6)
    equation = qn.local_master_equation(net)
    monkeypatch.undo()
    first = equation.space.dimension
    assert qn.steady_state(equation).equation.space.dimension > first
    plain = steady.solve

    def stuck(generator, *given):
        if generator.sectors.order.size > first:
            raise qn.ConvergenceError("not within the limit")
        return plain(generator, *given)

    monkeypatch.setattr(steady, "solve", stuck)
    with pytest.warns(qn.TruncationWarning, match="above the tolerance 1e-08"):
        state = qn.steady_state(equation)
    assert state.equation.space.dimension == first
    exact = qn.gaussian.steady_state(net, "local").heat_currents["hot"]
    assert 1e-8 * abs(exact) < abs(state.heat_currents["hot"] - exact) <= state.heat_current_errors["hot"]


# ---------------------------------------------------------------- what is said of one-body matrices


def shown_while_solving(equation, capsys, **options):
    capsys.readouterr()
    qn.steady_state(equation, **options)
    return capsys.readouterr().err


def test_progress_of_what_one_body_matrices_can_do_says_so_once(monkeypatch, capsys):
    monkeypatch.setattr("qnet_qutip.progress.QUIET_SECONDS", 0.0)
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.1, T_h=2, T_c=1, kappa=1e-4)
    for name, build in qn.MASTER_EQUATIONS.items():
        shown = shown_while_solving(build(net), capsys)
        call = f"gaussian.steady_state(network, {name!r}" + (", cutoff=...)" if name == "partial_secular" else ")")
        advice = f"steady state: {call} gives the same currents without a density matrix, in milliseconds\n"
        assert shown.startswith(advice)
        assert shown.count("gaussian") == 1
        assert " states (0 s)" in shown


def test_progress_shows_every_iteration_of_a_first_cycle(monkeypatch, capsys):
    monkeypatch.setattr("qnet_qutip.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("qnet_qutip.steady.few_unknowns", lambda *arguments, **options: None)
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.1, T_h=2, T_c=1, kappa=1e-4)
    shown = shown_while_solving(qn.redfield_master_equation(net), capsys)
    assert " states, 1 iterations (0 s)\n" in shown
    assert " states, 2 iterations" in shown


def test_progress_of_anything_else_does_not(monkeypatch, capsys):
    monkeypatch.setattr("qnet_qutip.progress.QUIET_SECONDS", 0.0)
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.1, T_h=0.5, T_c=0.4, kappa=1e-4)
    ohmic = {
        "hot": qn.Bath("A", 0.5, qn.OhmicSpectrum(1e-4, 20)),
        "cold": qn.Bath("B", 0.4, qn.OhmicSpectrum(1e-4, 20)),
    }
    own = qn.OperatorBath(qutip.sigmax(), 1.0, qn.PhononSpectrum(1e-4))
    equations = [
        qn.redfield_master_equation(net.replace(baths=ohmic), level_shift=True),
        qn.global_master_equation(net.replace(nodes={"A": qn.Oscillator(10, anharmonicity=0.1)})),
        qn.local_master_equation(net.replace(couplings={("A", "B"): (0.1, qn.Dispersive(0.1))})),
        qn.unified_master_equation(qn.chain([qn.TwoLevel(5), qn.TwoLevel(4)], 0.1, **net.baths)),
        qn.global_master_equation(qutip.sigmaz(), {"hot": own}),
    ]
    for equation in equations:
        assert "gaussian" not in shown_while_solving(equation, capsys)
    mixed = qutip.tensor([qutip.qeye(2) / 2] * 2)
    assert "gaussian" in shown_while_solving(PAIR, capsys)
    assert "gaussian" not in shown_while_solving(PAIR, capsys, rho0=mixed)


def test_what_does_not_fit_in_memory_is_told_of_one_body_matrices():
    ends = {"hot": qn.Bath("A", 12, qn.PhononSpectrum(1e-4)), "cold": qn.Bath("H", 10, qn.PhononSpectrum(1e-4))}
    row = qn.chain([qn.Oscillator(5)] * 8, 0.1, **ends)
    for name in ("local", "global"):
        with pytest.raises(MemoryError, match=rf"GB; .*; gaussian\.steady_state\(network, '{name}'\) gives the same"):
            qn.MASTER_EQUATIONS[name](row)
    with pytest.raises(MemoryError) as caught:
        qn.local_master_equation(row.replace(nodes={"A": qn.Oscillator(5, anharmonicity=0.1)}))
    assert "gaussian" not in str(caught.value)


def test_a_solve_that_does_not_fit_in_memory_is_told_of_one_body_matrices(monkeypatch):
    net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.1, T_h=2, T_c=1, kappa=1e-4)
    equation = qn.local_master_equation(net)

    def too_large(*arguments, **options):
        raise MemoryError("it would take about 40 GB")

    monkeypatch.setattr("qnet_qutip.steady.few_unknowns", too_large)
    with pytest.raises(MemoryError, match=r"^it would take about 40 GB; gaussian.steady_state\(network, 'local'\)"):
        qn.steady_state(equation)
