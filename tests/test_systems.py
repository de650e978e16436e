"""Steady states of textbook systems: against QuTiP's direct method, and against what is known in closed form."""

import math

import numpy as np
import pytest
import qutip
from qutip import basis, coherent, destroy, expect, ket2dm, num, qeye, tensor
from systems import (
    LASER_PUMP_AT_MAXIMUM,
    SEVERAL,
    SYSTEMS,
    TURN,
    cascaded_atoms,
    cascaded_cavities,
    collective_fluorescence,
    dark_amplitudes,
    dark_chain,
    dispersive_readout,
    driven_cavity,
    driven_jaynes_cummings,
    driven_spin_chain,
    kerr_cat,
    nearly_dark_spin,
    parametric_oscillator,
    qubit_beside_cavity,
    single_atom_laser,
    squeezed_light_on_atom,
    squeezed_reservoir,
    squeezed_spin,
    superradiance_ladder,
    thermal_oscillator,
    thermal_spin,
)

import qnet_qutip as qn

TOLERANCE = 1e-9
"""Of the trace norm, and so of any expectation value in units of its operator's norm: what the solver is to reach. The
states of QuTiP's direct method are better than that here; closed forms of a mode need levels beyond this population."""


def solve(system):
    hamiltonian, jumps = system
    return qn.steady_state(hamiltonian, jumps).rho


def distance(rho, expected):
    """Trace norm of the difference."""
    return float(np.abs(np.linalg.eigvalsh((rho - expected).full())).sum())


def geometric(states, ratio):
    """Populations in detailed balance, the first state the highest."""
    populations = ratio ** np.arange(states)[::-1]
    return qutip.Qobj(np.diag(populations / populations.sum()))


# ---------------------------------------------------------------- against QuTiP

LARGER = {
    "driven cavity, 60 levels": driven_cavity(60),
    "driven cavity, 100 levels": driven_cavity(100),
    "single-atom laser at its maximum, 70 levels": single_atom_laser(70, LASER_PUMP_AT_MAXIMUM),
    "strongly driven Jaynes-Cummings model, 60 levels": driven_jaynes_cummings(60, drive=3.0, atomic_decay=0.1),
    "Kerr cat, 200 levels": kerr_cat(200),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_state_is_that_of_qutip(name):
    system = SYSTEMS[name].build(SYSTEMS[name].sizes[0])
    assert distance(solve(system), qutip.steadystate(*system)) < TOLERANCE


@pytest.mark.parametrize("name", LARGER)
def test_the_state_is_that_of_qutip_where_the_solver_had_trouble(name):
    assert distance(solve(LARGER[name]), qutip.steadystate(*LARGER[name])) < TOLERANCE


# ---------------------------------------------------------------- against closed forms


@pytest.mark.parametrize("levels", [60, 100])
def test_driven_cavity_is_in_a_coherent_state(levels):
    alpha = -2j * 0.01 * TURN / 0.05
    assert distance(solve(driven_cavity(levels)), ket2dm(coherent(levels, alpha, method="analytic"))) < TOLERANCE


def test_warm_driven_cavity_is_in_a_displaced_thermal_state():
    levels, n_thermal = 100, 0.3
    rho, a = solve(driven_cavity(levels, n_thermal=n_thermal)), destroy(levels)
    alpha = -2j * 0.01 * TURN / 0.05
    assert abs(expect(a, rho) - alpha) < TOLERANCE
    assert abs(expect(num(levels), rho) - abs(alpha) ** 2 - n_thermal) < TOLERANCE
    assert abs(expect(a * a, rho) - alpha**2) < TOLERANCE
    assert abs((rho * rho).tr() - 1 / (2 * n_thermal + 1)) < TOLERANCE


@pytest.mark.parametrize("n_thermal", [4.54e-5, 0.1, 2.0, 20.0])
def test_oscillator_and_spin_in_a_bath_are_thermal(n_thermal):
    ratio = n_thermal / (1 + n_thermal)
    # Detailed balance holds level by level, whatever the cut.
    upwards = geometric(30, ratio)[::-1, ::-1]
    assert distance(solve(thermal_oscillator(30, n_thermal=n_thermal)), qutip.Qobj(upwards)) < TOLERANCE
    for states in (2, 5):
        assert distance(solve(thermal_spin(states, n_thermal=n_thermal)), geometric(states, ratio)) < TOLERANCE


@pytest.mark.parametrize("states", [2, 4])
def test_slow_pump_leaves_its_square(states):
    rho = solve(nearly_dark_spin(states))
    assert distance(rho, geometric(states, 1e-10)) < TOLERANCE
    # The small population itself, to the tolerance of what it is.
    assert rho.diag()[-2] == pytest.approx(1e-10, rel=TOLERANCE)


def test_ladder_is_in_detailed_balance():
    assert distance(solve(superradiance_ladder(12)), geometric(12, 0.3)) < TOLERANCE


def test_squeezed_vacuum_of_a_spin_and_of_a_mode():
    squeezing = 1.0
    assert distance(solve(squeezed_spin(2)), geometric(2, math.tanh(squeezing) ** 2)) < TOLERANCE
    levels, squeezing = 60, 0.5
    rho, a = solve(squeezed_reservoir(levels)), destroy(levels)
    assert abs(expect(num(levels), rho) - math.sinh(squeezing) ** 2) < TOLERANCE
    assert abs(expect(a * a, rho) + math.sinh(squeezing) * math.cosh(squeezing)) < TOLERANCE


@pytest.mark.parametrize("states", [2, 3, 8])
def test_driven_atoms_are_in_the_state_of_collective_fluorescence(states):
    hamiltonian, (jump,) = collective_fluorescence(states)
    # Shifting the jump by a number absorbs the drive; of a jump c alone that has an inverse, (c†c)⁻¹ is the state.
    shifted = jump - 1j * TURN / math.sqrt(0.05)
    expected = (shifted.dag() * shifted).inv()
    assert distance(solve((hamiltonian, [jump])), expected / expected.tr()) < TOLERANCE


def test_resonance_fluorescence_of_one_atom():
    rabi, decay = 1.3, 0.8
    rho = solve(collective_fluorescence(2, rabi, decay))
    assert abs(rho[0, 0] - rabi**2 / (decay**2 + 2 * rabi**2)) < TOLERANCE
    assert abs(abs(rho[0, 1]) - rabi * decay / (decay**2 + 2 * rabi**2)) < TOLERANCE


@pytest.mark.parametrize("states", [3, 7, 15])
@pytest.mark.parametrize("decay", [1.0, 1e-3])
def test_dark_state_is_where_the_system_ends(states, decay):
    rho = solve(dark_chain(states, decay=decay))
    assert distance(rho, ket2dm(dark_amplitudes(states))) < TOLERANCE


def test_spins_without_coupling_are_a_product():
    rho = solve(driven_spin_chain(4, coupling=0.0, drive=0.6, loss=0.5))
    one = solve(collective_fluorescence(2, -0.6, 0.5))
    assert abs(one[0, 0] - 0.6**2 / (0.5**2 + 2 * 0.6**2)) < TOLERANCE
    assert distance(rho, tensor([one] * 4)) < TOLERANCE


def test_parametric_oscillator_and_the_light_on_an_atom_have_the_known_number():
    # n = 2E²/(κ² - 4E²) at E = κ/4; a target does not act back on its source.
    assert abs(expect(num(40), solve(parametric_oscillator(40))) - 1 / 6) < TOLERANCE
    rho = solve(squeezed_light_on_atom(30))
    assert abs(expect(tensor(num(30), qeye(2)), rho) - 1 / 6) < TOLERANCE


def test_first_of_cascaded_atoms_does_not_know_of_the_others():
    rabi, decay = 2 * 2.0, 2.0
    first = solve(cascaded_atoms(3)).ptrace(0)
    assert abs(first[1, 1] - rabi**2 / (decay**2 + 2 * rabi**2)) < TOLERANCE


def test_cascaded_linear_cavities_are_in_coherent_states():
    levels, drive = 10, 0.05
    rho = solve(cascaded_cavities(levels, drive=drive, kerr=0.0))
    alpha = -2j * drive
    for index, expected in enumerate((alpha, -2 * alpha / 1.1)):
        a = tensor([destroy(levels) if index == site else qeye(levels) for site in range(2)])
        assert abs(expect(a, rho) - expected) < TOLERANCE
        assert abs(expect(a.dag() * a, rho) - abs(expected) ** 2) < TOLERANCE


def test_qubit_read_out_dispersively_stays_thermal():
    populations = solve(dispersive_readout(20)).ptrace(1).diag()
    assert abs(populations[1] - 0.2 / 1.4) < TOLERANCE


# ---------------------------------------------------------------- more than one steady state


@pytest.mark.parametrize("name", SEVERAL)
def test_several_steady_states_are_an_error(name):
    with pytest.raises(qn.MultipleSteadyStatesError):
        qn.steady_state(*SEVERAL[name].build(SEVERAL[name].sizes[0]))


@pytest.mark.parametrize(("photons", "sign"), [(0, 1), (1, -1)])
def test_cat_grows_from_a_number_of_photons_of_its_parity(photons, sign):
    levels = 40
    state = qn.steady_state(*kerr_cat(levels, loss=0.0), rho0=ket2dm(basis(levels, photons)))
    # a²|ψ⟩ = β|ψ⟩ is dark where the drive cancels what the Kerr term and the loss make of β.
    amplitude = np.sqrt(-4.0 / (1.0 - 0.5j))
    halves = [coherent(levels, side * amplitude, method="analytic") for side in (1, -1)]
    assert distance(state.rho, ket2dm((halves[0] + sign * halves[1]).unit())) < TOLERANCE


def test_what_nothing_touches_keeps_its_state():
    hamiltonian, jumps = qubit_beside_cavity(5)
    qubit, mode = qutip.rand_dm(2, seed=1), qutip.rand_dm(5, seed=2)
    state = qn.steady_state(hamiltonian, jumps, rho0=tensor(qubit, mode))
    assert distance(state.rho, tensor(qubit, ket2dm(basis(5, 0)))) < TOLERANCE
