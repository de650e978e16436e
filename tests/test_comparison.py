"""The comparison: every equation beside the exact currents, and which one it names."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.comparison import Assessment, _recommendation, recommended_by_scales
from qnet_qutip.equations import PROMISES
from qnet_qutip.network import Node
from qnet_qutip.scales import Scales, scales

PAPER = {"omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-7}


def pair(omega_h: float, epsilon: float) -> qn.Network:
    return qn.two_node("oscillator", omega_h=omega_h, epsilon=epsilon, **PAPER)


# physics.md, "Who is right?": the current over the exact one.
TABLE = [
    (10, 1e-3, "local", -2.29),
    (6, 1e-3, "local", 0.0),
    (6, 1e-3, "global", 1.0000),
    (5, 1e-3, "local", 1.0000),
    (5, 1e-5, "global", 1.39),
    (5, 1e-6, "global", 40.1),
    (5, 1e-7, "global", 3907),
    (5, 1e-7, "unified", 1.0000),
    (5, 1e-6, "universal", 1.0000),
    (10, 1e-3, "redfield", 1.0000),
]


@pytest.mark.parametrize(("omega_h", "epsilon", "equation", "ratio"), TABLE)
def test_errors_are_those_of_the_known_table(omega_h: float, epsilon: float, equation: str, ratio: float) -> None:
    row = qn.compare(pair(omega_h, epsilon)).assessments[equation]
    # Half a unit of the table's last digit, of the ratio's size.
    assert row.error == pytest.approx(
        abs(ratio - 1), abs=0.005 * max(1, abs(ratio) / 4) if ratio not in (1.0, 0.0) else 1e-4
    )


def test_named_is_what_promises_most_of_those_that_are_right() -> None:
    resolved = qn.compare(pair(6, 1e-3))
    assert resolved.recommended == "global"
    assert resolved.assessments["global"].error <= resolved.scales.neglected
    unresolved = qn.compare(pair(5, 1e-6))
    assert unresolved.recommended == "unified"
    assert unresolved.assessments["global"].error > 30
    assert unresolved.assessments["local"].error <= unresolved.scales.neglected  # but promises less
    assert "use unified" in unresolved.reason


def test_none_will_do_where_the_baths_transfer_directly() -> None:
    # J = κω³ has no cutoff: between two baths on one node most passes at high frequencies, in fourth order.
    phonons = qn.PhononSpectrum(5e-5)
    baths = {"hot": qn.Bath("A", 12, phonons), "cold": qn.Bath("A", 10, phonons)}
    verdict = qn.compare(qn.Network({"A": qn.Oscillator(5)}, {}, baths))
    assert min(row.error for row in verdict.assessments.values()) > max(0.1, verdict.scales.neglected)
    assert verdict.reason.startswith("none will do: ")


def test_baths_of_one_temperature_exchange_nothing_by_any_equation_but_the_local_one() -> None:
    """Where currents are rounding: zero within their errors, and not infinitely far from the exact zero."""
    verdict = qn.compare(qn.two_node("oscillator", omega_h=6, omega_c=5, epsilon=1e-2, T_h=10, T_c=10, kappa=1e-4))
    assert set(verdict.exact.values()) == {0.0}
    errors = {name: row.error for name, row in verdict.assessments.items()}
    assert errors.pop("local") == np.inf
    assert set(errors.values()) == {0.0}
    assert verdict.recommended == "global"


def test_currents_that_are_less_than_their_errors_are_no_row_of_numbers() -> None:
    # Three couplings of 5e-9 to 1e-8 between the baths: exactly 1.9e-35, of 30 digits of what the baths exchange.
    phonons = qn.PhononSpectrum(3e-5)
    net = qn.chain(
        [qn.Oscillator(frequency) for frequency in (4.5, 4.4, 5.6, 5.9)],
        [5e-9, 8e-9, 1e-8],
        hot=qn.Bath("A", 12, phonons),
        cold=qn.Bath("D", 10, phonons),
    )
    verdict = qn.compare(net)
    assert verdict.exact["hot"] > 0
    refusals = {name: row.refusal for name, row in verdict.assessments.items()}
    assert all(text.startswith("heat currents of hot, cold are not resolved") for text in refusals.values())
    assert not any(row.heat_currents for row in verdict.assessments.values())
    assert (verdict.recommended, verdict.reason[:18]) == ("", "no master equation")
    assert "not resolved" in str(verdict)


def test_exact_currents_that_are_less_than_their_errors_are_no_exact_answer(monkeypatch) -> None:
    net = pair(10, 1e-3)
    state = qn.exact.steady_state(net)
    doubtful = replace(state, heat_current_errors={bath: 2 * abs(J) for bath, J in state.heat_currents.items()})
    monkeypatch.setattr(qn.exact, "steady_state", lambda network: doubtful)
    verdict = qn.compare(net)
    assert not verdict.exact
    assert verdict.no_exact_answer.startswith("heat currents of hot, cold are not resolved")
    assert "judged by the scales alone" in verdict.reason


def test_one_body_matrices_and_density_matrices_say_the_same() -> None:
    net = qn.two_node("oscillator", omega_h=4, omega_c=3, epsilon=0.5, T_h=1.2, T_c=1, kappa=1e-3)
    one_body, matrices = qn.compare(net), qn.compare(net, density_matrices=True)
    assert {row.path for row in one_body.assessments.values()} == {"one-body matrices"}
    assert {row.path for row in matrices.assessments.values()} == {"density matrix"}
    assert one_body.recommended == matrices.recommended
    for name, row in one_body.assessments.items():
        other = matrices.assessments[name]
        assert row.promises == other.promises
        assert (row.positive, row.second_law_kept) == (other.positive, other.second_law_kept)
        # To the truncation's tolerance.
        assert dict(row.heat_currents) == pytest.approx(dict(other.heat_currents), rel=2e-8)


def test_local_violates_the_second_law_in_the_table() -> None:
    verdict = qn.compare(pair(10, 1e-3))
    assert not verdict.assessments["local"].second_law_kept
    assert "VIOLATED" in str(verdict)
    assert verdict.assessments["global"].second_law_kept


def test_two_level_nodes_are_judged_by_their_scales() -> None:
    resolved = qn.compare(qn.two_node("two-level", omega_h=10, epsilon=1e-3, **PAPER))
    assert not resolved.exact
    assert "Oscillator" in resolved.no_exact_answer
    assert resolved.recommended == "global"
    assert "judged by the scales alone" in resolved.reason
    assert qn.compare(qn.two_node("two-level", omega_h=5, epsilon=1e-6, **PAPER)).recommended == "unified"


def test_a_given_exact_state_is_the_measure() -> None:
    net = qn.two_node("two-level", omega_h=10, epsilon=1e-3, **PAPER)
    state = qn.steady_state(qn.redfield_master_equation(net))
    verdict = qn.compare(net, exact_state=state)
    assert verdict.assessments["redfield"].error <= 1e-9
    assert verdict.assessments["local"].error > 1
    with pytest.raises(TypeError, match="exact_state must be a state with the heat currents of"):
        qn.compare(net, exact_state=state.rho)


def test_an_equation_without_a_steady_state_says_why() -> None:
    # Two oscillators that Redfield's equation does not keep from growing, or any that refuses: a row without numbers.
    row = replace(Assessment("local", qn.local_master_equation(pair(5, 0.1)).promises), refusal="because")
    assert np.isnan(row.first_law_residual)
    assert recommended_by_scales(Scales(1e-3, 1.0, 1.0, {"global": 1.0}), {"redfield": row}) == "redfield"


def test_bad_input_is_refused() -> None:
    with pytest.raises(TypeError, match="network must be a Network"):
        qn.compare(5)  # type: ignore[arg-type]
    hamiltonian, baths = qutip.sigmaz(), {"hot": qn.OperatorBath(qutip.sigmax(), 2, qn.PhononSpectrum(1e-4))}
    for arguments in ((hamiltonian, baths), (hamiltonian,), (pair(10, 1e-3), baths)):
        with pytest.raises(TypeError, match=r"network must be a Network .*unified_master_equation\(H, baths\).*sweep"):
            qn.compare(*arguments)
    with pytest.raises(TypeError, match="density_matrices must be"):
        qn.compare(pair(5, 0.1), density_matrices="yes")  # type: ignore[arg-type]
    net = pair(5, 0.1)
    with pytest.raises(ValueError, match="network must have at least one bath"):
        qn.compare(qn.Network(net.nodes, net.couplings, {}))
    with pytest.raises(ValueError, match=r"but \['B'\] are not"):
        qn.compare(qn.Network(net.nodes, {}, {"hot": net.baths["hot"]}))
    with pytest.raises(ValueError, match="omega_- would not be positive"):
        qn.compare(pair(5, 0.1).replace(couplings={("A", "B"): 6.0}))


def test_comparison_is_a_value_with_a_dataset() -> None:
    verdict = qn.compare(pair(6, 1e-3))
    again = pickle.loads(pickle.dumps(verdict))
    assert again == verdict
    dataset = verdict.to_dataset()
    assert dataset.attrs["recommended"] == verdict.recommended
    assert dataset.error.sel(equation="global").item() == verdict.assessments["global"].error
    assert (
        dataset.heat_current.sel(equation="local", bath="hot").item()
        == verdict.assessments["local"].heat_currents["hot"]
    )
    assert dataset.exact_heat_current.sel(bath="cold").item() == verdict.exact["cold"]


def test_scales_are_those_of_the_modes() -> None:
    # On resonance the modes are 2ε apart, and each is damped by half of either bath: κω³ in all.
    found = scales(pair(5, 1e-3))
    assert found.rate_over_gap == pytest.approx(1e-7 * 125 / 2e-3, rel=1e-3)
    assert found.neglected == pytest.approx(1e-7 * 25, rel=1e-3)
    assert found.gap_over_frequency == pytest.approx(2e-3 / 5, rel=1e-3)
    assert found.expected_errors["global"] == pytest.approx((1e-7 * 125 / 2e-3) ** 2, rel=1e-2)


def test_a_network_that_no_equation_can_be_solved_for_is_refused_with_the_reasons() -> None:
    baths = {name: qn.Bath(node, T, qn.PhononSpectrum(1e-4)) for name, node, T in (("hot", "0", 2), ("cold", "15", 1))}
    ring = qn.ring({str(number): qn.TwoLevel(5) for number in range(30)}, 0.1, **baths)
    with pytest.raises(ValueError, match=r"must have a steady state by some master equation .* would take about"):
        qn.compare(ring)


# ---------------------------------------------------------------- scales of nodes that are not harmonic


def cold_pair(first: Node, second: Node, epsilon: float, kappa: float = 1e-4) -> qn.Network:
    phonons = qn.PhononSpectrum(kappa)
    return qn.chain([first, second], epsilon, hot=qn.Bath("A", 1.2, phonons), cold=qn.Bath("B", 1, phonons))


def test_rare_transitions_do_not_make_the_scales() -> None:
    """Of the hundreds that an anharmonic pair has, some are closer than 1e-9 or at a tenth of the nodes' frequency."""
    net = cold_pair(qn.Oscillator(5, anharmonicity=0.2), qn.Oscillator(5, anharmonicity=0.2), 0.1)
    verdict = qn.compare(net)
    found, rate = verdict.scales, 1e-4 * 5**3
    # Those of one excitation are 2ε apart, of two and one of the order of ε and the anharmonicity.
    assert rate / 0.2 < found.rate_over_gap < 4 * rate / 0.2
    assert 0.2 / 5 < found.gap_over_frequency < 1 / 5
    assert 1e-4 * 5**2 < found.neglected < 3 * 1e-4 * 5**2


def test_two_level_nodes_have_the_scales_of_the_two_modes() -> None:
    found = qn.compare(cold_pair(qn.TwoLevel(5), qn.TwoLevel(5), 0.01)).scales
    rates = [1e-4 * 5**3 / np.tanh(5 / (2 * T)) for T in (1.2, 1)]
    assert found.rate_over_gap == pytest.approx(sum(rates) / 2 / 0.02, rel=1e-3)
    assert found.gap_over_frequency == pytest.approx(0.02 / 4.99, rel=1e-9)
    assert found.neglected == pytest.approx(1e-4 * 5.01**2 / np.tanh(5.01 / 2.4), rel=1e-9)
    assert found.expected_errors["global"] == pytest.approx(found.rate_over_gap**2, rel=1e-12)


@pytest.mark.parametrize("cold", [0.0, 0.9])
def test_expected_of_global_is_nearly_what_it_makes(cold: float) -> None:
    net = cold_pair(qn.Oscillator(5, anharmonicity=1), qn.Oscillator(5, anharmonicity=1), 0.1)
    verdict = qn.compare(net.replace(baths={"cold": qn.Bath("B", cold, qn.PhononSpectrum(1e-4))}))
    currents = {name: row.heat_currents.get("hot", np.nan) for name, row in verdict.assessments.items()}
    made = currents["global"] / currents["redfield"] - 1
    assert made / 2 < verdict.scales.expected_errors["global"] < 2 * made


def test_local_is_not_expected_to_know_what_it_takes_apart_in_an_anharmonic_node() -> None:
    """Its baths do not tell α from zero here, but it does: 5 % of the current, between nodes in resonance."""
    verdict = qn.compare(cold_pair(qn.Oscillator(5, anharmonicity=0.01), qn.TwoLevel(5), 2e-5, kappa=2e-4))
    currents = {name: row.heat_currents["hot"] for name, row in verdict.assessments.items()}
    error = abs(currents["local"] / currents["redfield"] - 1)
    assert error > 0.03
    assert error / 2 < verdict.scales.expected_errors["local"] < 10 * error
    assert verdict.recommended != "local"


def test_heat_out_of_a_bath_at_zero_temperature_violates_the_second_law_beyond_its_error(monkeypatch) -> None:
    warm = cold_pair(qn.Oscillator(6), qn.Oscillator(5), 0.1)
    net = warm.replace(baths={"cold": qn.Bath("B", 0, qn.PhononSpectrum(1e-4))})
    assert all(row.second_law_kept for row in qn.compare(net).assessments.values())
    solved = qn.gaussian.steady_state

    def reversed_by(size: float):
        def one_body(network: qn.Network, name: str) -> object:
            state = solved(network, name)
            errors = dict.fromkeys(state.heat_currents, 1e-9)
            return replace(state, heat_currents={"hot": -size, "cold": size}, heat_current_errors=errors)

        return one_body

    for size, kept in ((1e-6, False), (1e-10, True)):
        monkeypatch.setattr(qn.gaussian, "steady_state", reversed_by(size))
        assert {row.second_law_kept for row in qn.compare(net).assessments.values() if not row.refusal} == {kept}


def test_the_second_law_is_judged_by_the_currents_of_density_matrices_too_whatever_is_promised(monkeypatch) -> None:
    net = qn.two_node("two-level", omega_h=6, omega_c=5, epsilon=0.1, T_h=2, T_c=1, kappa=1e-4)
    assert qn.compare(net).assessments["global"].second_law_kept

    def reversed_currents(equation: qn.MasterEquation) -> qn.SteadyState:
        state = qn.steady_state(equation)
        return replace(state, heat_currents={bath: -current for bath, current in state.heat_currents.items()})

    monkeypatch.setattr("qnet_qutip.comparison.steady_state", reversed_currents)
    assert not any(row.second_law_kept for row in qn.compare(net, density_matrices=True).assessments.values())


# ---------------------------------------------------------------- how it reads


def test_nothing_that_flows_reads_as_nothing() -> None:
    verdict = qn.compare(
        qn.Network(
            {"A": qn.Oscillator(5), "B": qn.Oscillator(6)},
            {("A", "B"): 0.1},
            {"only": qn.Bath("A", 2, qn.PhononSpectrum(1e-4))},
        )
    )
    heads, *rows = verdict.table()
    for row in rows[:-1]:
        cells = dict(zip(heads, row, strict=True))
        assert (cells["J_only"], cells["ΣJ"], cells["σ"], cells["error"]) == ("0", "0", "0", "0")
    assert verdict.reason == "use global: no heat flows, and it promises most of those that say so"


def test_nodes_that_are_not_coupled_have_steady_states() -> None:
    ends = {name: qn.Bath(at, T, qn.PhononSpectrum(1e-4)) for name, at, T in (("hot", "A", 12), ("cold", "B", 10))}
    verdict = qn.compare(qn.chain([qn.Oscillator(5)] * 2, 0.0, **ends))
    assert not any(row.refusal for row in verdict.assessments.values())
    heads, *rows = verdict.table()
    assert [dict(zip(heads, row, strict=True))["J_hot"] for row in rows[:-1]] == ["0"] * 6
    assert verdict.reason == "use global: no heat flows, and it promises most of those that say so"
    unresolved = qn.compare(qn.chain([qn.Oscillator(5)] * 2, 1e-17, **ends))
    assert unresolved.reason.startswith("no master equation has a steady state, or currents beyond their errors")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ({"global": 0.97, "unified": 0.89}, "none will do: unified comes closest and is off by 0.9"),
        ({"global": 0.021, "redfield": 0.02}, "use global: as accurate as redfield but for a tenth, and promises more"),
        ({"global": 0.02, "redfield": 0.021}, "use global: the most accurate, off by 0.02"),
        ({"global": 0.04, "redfield": 0.02}, "use redfield: the most accurate, off by 0.02"),
    ],
)
def test_closest_is_said_of_what_is(errors, said) -> None:
    measured = scales(pair(6, 1e-3))
    rows = {name: Assessment(name, PROMISES[name], error=error) for name, error in errors.items()}
    given = {"hot": 1.0, "cold": -1.0}
    _, reason = _recommendation(rows, replace(measured, neglected=1e-3), given)
    assert reason.startswith(said)


def test_entropy_production_into_a_bath_at_zero_temperature_is_infinite_and_not_nothing() -> None:
    warm = cold_pair(qn.TwoLevel(6), qn.TwoLevel(5), 0.1)
    heads, *rows = qn.compare(warm.replace(baths={"cold": qn.Bath("B", 0, qn.PhononSpectrum(1e-4))})).table()
    assert {dict(zip(heads, row, strict=True))["σ"] for row in rows} == {"inf"}


def test_expected_errors_stand_in_for_those_against_an_exact_answer() -> None:
    net = cold_pair(qn.TwoLevel(6), qn.TwoLevel(5), 0.1)
    verdict = qn.compare(net)
    heads, *rows = verdict.table()
    errors = {row[0].removesuffix(" *"): dict(zip(heads, row, strict=True))["error"] for row in rows}
    assert errors["global"] == f"~{verdict.scales.expected_errors['global']:.1g}"
    assert errors["redfield"] == ""
    for text in (str(verdict), verdict._repr_html_()):
        assert "errors with ~ are those that γ/gap and gap/ω let expect" in text
    assert "or give an exact_state" in verdict.no_exact_answer
    known = qn.compare(net, exact_state=qn.steady_state(qn.redfield_master_equation(net)))
    assert "~" not in str(known)
    # Without an estimate there is none.
    pairs = net.replace(couplings={("A", "B"): qn.Quadrature(0.1)})
    heads, local, *_ = qn.compare(pairs).table()
    assert dict(zip(heads, local, strict=True))["error"] == ""


def test_what_exact_currents_need_and_have_not_is_no_exact_answer() -> None:
    full = [qn.Bath(node, T, qn.PhononSpectrum(1e-3), coupling="full") for node, T in (("A", 1.2), ("B", 0.8))]
    verdict = qn.compare(qn.chain([qn.Oscillator(1.0), qn.Oscillator(1.1)], 0.1, hot=full[0], cold=full[1]))
    assert not verdict.exact
    assert "bath 'hot' must have a cutoff" in verdict.no_exact_answer
    assert verdict.recommended == "global"


def test_clusters_that_are_too_dense_are_said_and_count() -> None:
    """The unified current of this network is a fifth of what the others agree on."""
    phonons = qn.PhononSpectrum(1e-4)
    net = qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(7), "C": qn.Oscillator(5, anharmonicity=0.2)},
        couplings={("A", "B"): 0.1, ("B", "C"): (0.1, qn.Dispersive(0.05))},
        baths={"hot": qn.Bath("A", 1.2, phonons), "cold": qn.Bath("C", 1.0, phonons)},
    )
    with pytest.warns(qn.ClusterWarning):
        errors = qn.unified_master_equation(net).cluster_errors
    verdict = qn.compare(net)
    row = verdict.assessments["unified"]
    assert row.cluster_error == pytest.approx(max(errors))
    assert row.expected_error >= row.cluster_error * verdict.scales.neglected
    assert any(note.startswith("unified: clusters of Bohr frequencies") for note in verdict.notes())
    assert verdict.recommended != "unified"
