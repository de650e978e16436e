"""The absorption refrigerator of three two-level nodes: heat currents of a Hamiltonian of one's own."""

import dense
import numpy as np
import pytest
import refrigerator

import qnet_qutip as qn

BATHS = ("cold", "hot", "room")


@pytest.fixture(scope="module")
def states():
    return refrigerator.states()


def test_local_currents_are_those_of_the_reference(states):
    currents = states["local"].heat_currents
    # Half a unit of the last digit of what is known.
    assert currents["cold"] == pytest.approx(4.8642652e-4, abs=5e-12)
    assert currents["hot"] == pytest.approx(1.4592795e-3, abs=5e-11)
    assert currents["room"] == pytest.approx(-1.9457061e-3, abs=5e-11)
    # One excitation of each turns into one of the room.
    for bath, share in (("cold", 1 / 3), ("room", -4 / 3)):
        assert currents[bath] / currents["hot"] == pytest.approx(share, rel=1e-13)


@pytest.mark.parametrize("name", [name for name in qn.MASTER_EQUATIONS if name != "local"])
def test_other_equations_are_those_written_out(name, states):
    state = states[name]
    equation = state.equation
    operators = {bath: a.full() for bath, a in refrigerator.LOWERING.items()}
    baths = {
        bath: (a + a.conj().T, refrigerator.TEMPERATURES[bath], lambda omega: 0.01, "full")
        for bath, a in operators.items()
    }
    options = {}
    hamiltonian = refrigerator.hamiltonian().full()
    if name == "partial_secular":
        options["cutoff"] = equation.options["cutoff"]
    if name == "unified":
        known = dense.bohr_frequencies(hamiltonian, baths, 1e-9)
        options["clusters"] = [
            (sign * middle, [sign * omega for omega in known if low - 1e-9 <= omega <= high + 1e-9])
            for low, high, middle in equation.clusters
            for sign in (1, -1)
        ]
    energies, _, dissipators, _ = dense.build(name, hamiltonian, baths, tolerance=1e-9, **options)
    rho = dense.steady_state(dense.liouvillian(energies, dissipators))
    expected = dense.heat_currents(energies, dissipators, rho)
    for bath in BATHS:
        assert state.heat_currents[bath] == pytest.approx(expected[bath], rel=1e-10)


def test_every_equation_cools_and_obeys_both_laws_here(states):
    for name, state in states.items():
        currents = state.heat_currents
        assert currents["cold"] > 0 > currents["room"], name
        assert abs(sum(currents.values())) < 1e-12 * abs(currents["room"]), name
        produced = -sum(currents[bath] / refrigerator.TEMPERATURES[bath] for bath in BATHS)
        assert produced > 0, name
        # Carnot's bound of an absorption refrigerator.
        inverse = {bath: 1 / temperature for bath, temperature in refrigerator.TEMPERATURES.items()}
        bound = (inverse["room"] - inverse["hot"]) / (inverse["cold"] - inverse["room"])
        assert currents["cold"] / currents["hot"] < bound, name


def test_nothing_is_cooled_without_the_three_body_coupling():
    bare = sum(
        frequency * refrigerator.LOWERING[name].dag() * refrigerator.LOWERING[name]
        for name, frequency in refrigerator.FREQUENCIES.items()
    )
    state = qn.steady_state(qn.global_master_equation(bare, refrigerator.baths()))
    np.testing.assert_allclose(list(state.heat_currents.values()), 0, atol=1e-15)


def test_script_prints_every_equation(capsys):
    refrigerator.main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(qn.MASTER_EQUATIONS)
    assert "4.8642652e-04" in lines[1]
