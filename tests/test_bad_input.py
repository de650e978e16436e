"""What is not valid is refused by an error that names the argument, what it was and what it must be."""

from typing import Any

import numpy as np
import pytest
import qutip

import qnet_qutip as qn
from qnet_qutip.thermodynamics import energy, entropy_flow, first_law_residual, heat_current, heat_currents

PHONONS = qn.PhononSpectrum(1e-4)
PAIR = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
EQUATION = qn.local_master_equation(PAIR)
QUBIT = qutip.sigmaz()
BATH = qn.OperatorBath(qutip.sigmax(), temperature=2, spectrum=PHONONS)
OF_HAMILTONIANS = [builder for name, builder in qn.MASTER_EQUATIONS.items() if name != "local"]
NOT_NUMBERS: list[Any] = [None, "1", True, 1j, [1.0, 2.0], {}]
NOT_MAPPINGS: list[Any] = [5, "AB", [("A", "B")], np.eye(2)]


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("node", [["A"], None, 5, ("A",)])
def test_a_bath_names_its_node(node: Any) -> None:
    with pytest.raises(TypeError, match="node must be the name of a node, but is"):
        qn.Bath(node, 1.0, PHONONS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, "A", PHONONS), "node must be the name of a node, but is 12"),
        (("A", PHONONS, 12), r"temperature must be a real number, but is PhononSpectrum\(kappa=0.0001\)"),
        ((PHONONS, 12, "A"), r"node must be the name of a node, but is PhononSpectrum\(kappa=0.0001\)"),
        (("A", "12", PHONONS), "temperature must be a real number, but is '12'"),
        (("A", 12, 1e-4), r"spectrum must have a method density\(frequency\), but is 0.0001"),
    ],
)
def test_swapped_arguments_of_a_bath_are_told_their_order(arguments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}; the order is node, temperature, spectrum$"):
        qn.Bath(*arguments)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ((2, qutip.sigmax(), PHONONS), "operator"),
        ((qutip.sigmax(), PHONONS, 2), "temperature"),
        ((qutip.sigmax(), 2, 1e-4), "spectrum"),
    ],
)
def test_swapped_arguments_of_an_operators_bath_are_told_their_order(arguments: Any, argument: str) -> None:
    with pytest.raises(TypeError, match=f"^{argument} must .*; the order is operator, temperature, spectrum$"):
        qn.OperatorBath(*arguments)


def test_what_is_replaced_is_named_once_and_by_name() -> None:
    with pytest.raises(ValueError, match=r"the coupling \('A', 'B'\) must be given once, but is given twice"):
        PAIR.replace(couplings={("A", "B"): 0.1, ("B", "A"): 0.2})
    for name in (5, "AB", ("A",)):
        with pytest.raises(TypeError, match="a coupling must be named by a pair of nodes, but is named"):
            PAIR.replace(couplings={name: 0.1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="coupling must be one of"):
        PAIR.replace(couplings={("A", "Z"): 0.1})
    for field in ("nodes", "couplings", "baths"):
        for value in (*NOT_MAPPINGS, 0, "", []):
            with pytest.raises(TypeError, match=f"{field} must be a mapping, but is"):
                PAIR.replace(**{field: value})


def test_a_missing_name_is_told_what_there_is() -> None:
    state = qn.steady_state(EQUATION)
    with pytest.raises(KeyError, match=r"'Z' is none of \['A', 'B'\]"):
        state.occupations["Z"]
    with pytest.raises(KeyError, match=r"'warm' is none of \['hot', 'cold'\]"):
        state.heat_currents["warm"]
    assert state.occupations.get("Z") is None
    assert "Z" not in state.occupations


# ---------------------------------------------------------------- rates


@pytest.mark.parametrize("function", [qn.decay_rate, qn.excitation_rate])
@pytest.mark.parametrize(
    ("spectrum", "frequency", "temperature", "error", "message"),
    [
        (3, 1.0, 1.0, TypeError, "spectrum must have a method density"),
        (PHONONS, 0.0, 1.0, ValueError, "frequency must be positive, but is 0.0"),
        (PHONONS, [1.0, -2.0], 1.0, ValueError, "frequency must be positive"),
        (PHONONS, np.inf, 1.0, ValueError, "frequency must be finite"),
        (PHONONS, "a", 1.0, TypeError, "frequency must be made of real numbers"),
        (PHONONS, True, 1.0, TypeError, "frequency must be made of real numbers"),
        (PHONONS, 1.0, -1.0, ValueError, "temperature must be positive or zero, but is -1.0"),
        (PHONONS, 1.0, np.nan, ValueError, "temperature must be finite"),
        (PHONONS, 1.0, None, TypeError, "temperature must be made of real numbers"),
        (PHONONS, [1.0, 2.0], [1.0, 2.0, 3.0], ValueError, r"must be broadcast .* shapes \(2,\) and \(3,\)"),
    ],
)
def test_rates_of_what_is_no_bath(
    function: Any, spectrum: Any, frequency: Any, temperature: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(spectrum, frequency, temperature)


@pytest.mark.parametrize("bad", NOT_NUMBERS)
def test_a_rate_is_that_of_one_frequency(bad: Any) -> None:
    rate = qn.Rate(qn.DrudeLorentzSpectrum(1.0, 1.0), 1.0, of=" of bath 'hot'")
    with pytest.raises(TypeError, match="the frequency of the rate of bath 'hot' must be a real number, but is"):
        rate.rate(bad)
    for shifted in (rate.level_shift, lambda bad: rate.universal_level_shift(1.0, bad)):
        with pytest.raises(TypeError, match="the frequency of the level shift of bath 'hot' must be a real number"):
            shifted(bad)


# ---------------------------------------------------------------- thermodynamics


@pytest.mark.parametrize("bad", [None, 5, PAIR, QUBIT])
def test_energy_and_heat_are_those_of_an_equation(bad: Any) -> None:
    rho = qn.steady_state(EQUATION).rho
    for function in (energy, heat_currents, lambda equation, rho: heat_current(equation, rho, "hot")):
        with pytest.raises(TypeError, match="equation must be a MasterEquation, but is"):
            function(bad, rho)


def test_energy_is_that_of_a_state_in_the_space() -> None:
    with pytest.raises(TypeError, match="rho must be a QuTiP operator"):
        energy(EQUATION, np.eye(4) / 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rho must be a state of the space with"):
        energy(EQUATION, qutip.qeye(2) / 2)


def test_currents_are_numbers_by_bath() -> None:
    for bad in NOT_MAPPINGS:
        with pytest.raises(TypeError, match="currents must be a mapping"):
            entropy_flow(PAIR, bad)
        with pytest.raises(TypeError, match="currents must be a mapping"):
            first_law_residual(bad)
    for bad in NOT_NUMBERS:
        with pytest.raises(TypeError, match="the current of 'hot' must be a real number"):
            entropy_flow(EQUATION, {"hot": bad})
    with pytest.raises(ValueError, match="the current of 'hot' must be finite"):
        first_law_residual({"hot": np.nan})
    with pytest.raises(ValueError, match="the bath of a current must be one of 'hot', 'cold', but is 'warm'"):
        entropy_flow(PAIR, {"warm": 1.0})
    with pytest.raises(TypeError, match="network must be a Network"):
        entropy_flow(5, {"hot": 1.0})  # type: ignore[arg-type]


# ---------------------------------------------------------------- equations


def test_a_bath_acts_on_the_system() -> None:
    with pytest.raises(ValueError, match="operator must not be zero"):
        qn.OperatorBath(0 * qutip.sigmax(), 1.0, PHONONS)


def test_a_hamiltonian_without_frequencies_is_an_equation() -> None:
    """Nothing to tell apart, and no rate at zero frequency: no dissipation."""
    equation = qn.partial_secular_master_equation(0 * QUBIT, {"bath": BATH})
    assert equation.options["cutoff"] == 0.0
    assert not equation.all_collapse_operators


@pytest.mark.parametrize("bad", [5, 0.5, {1: 2}, object()])
def test_clusters_are_pairs_of_frequencies(bad: Any) -> None:
    with pytest.raises(TypeError, match="clusters must be pairs of a lowest and a highest frequency, but is"):
        qn.unified_master_equation(PAIR, clusters=bad)


def test_clusters_may_be_an_array() -> None:
    bounds = [(4.0, 6.0), (9.0, 11.0)]
    array = qn.unified_master_equation(PAIR, clusters=np.array(bounds))  # type: ignore[arg-type]
    assert array == qn.unified_master_equation(PAIR, clusters=bounds)


def test_a_hamiltonian_is_told_what_to_come_with() -> None:
    for hamiltonian in (QUBIT, QUBIT.full()):
        with pytest.raises(TypeError, match=r"must be a Network for the local equation, .* every other builder takes"):
            qn.local_master_equation(hamiltonian)  # type: ignore[arg-type]
    for builder in OF_HAMILTONIANS:
        with pytest.raises(
            TypeError, match="baths must be given with a Hamiltonian, as a mapping of names to Operator"
        ):
            builder(QUBIT)
        with pytest.raises(TypeError, match=r"is an array of shape \(2, 2\): wrap it in qutip.Qobj"):
            builder(QUBIT.full(), {"bath": BATH})


def test_an_array_is_to_be_wrapped() -> None:
    wrap = r"an array of shape \(2, 2\): wrap it in qutip.Qobj"
    with pytest.raises(TypeError, match=f"Hamiltonian as a QuTiP operator, but is {wrap}"):
        qn.steady_state(QUBIT.full(), [qutip.sigmam()])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"collapse operator 0 of 'all' must be a QuTiP operator, but is {wrap}"):
        qn.steady_state(QUBIT, [qutip.sigmam().full()])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=f"operator must be a QuTiP operator, but is {wrap}"):
        qn.OperatorBath(QUBIT.full(), 1.0, PHONONS)  # type: ignore[arg-type]


@pytest.mark.parametrize("rtol", [1.0, 3, 1e308])
def test_a_tolerance_is_less_than_the_thing_itself(rtol: float) -> None:
    with pytest.raises(ValueError, match="rtol must be below 1, but is"):
        qn.steady_state(EQUATION, rtol=rtol)
