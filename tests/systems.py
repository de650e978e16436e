"""Textbook open quantum systems: a Hamiltonian and collapse operators as QuTiP operators, of a chosen size.

Parameters are those of QuTiP's tutorials and of its tests of `steadystate` where the system is from there (ħ = 1).
`SYSTEMS` names those with one steady state, with the sizes at which a solver is tried; `SEVERAL` those with more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from qutip import Qobj, destroy, jmat, num, projection, qeye, sigmam, sigmax, sigmaz, tensor

Operators = tuple[Qobj, list[Qobj]]
"""Hamiltonian and collapse operators, rates included."""

TURN = 2 * math.pi


class System(NamedTuple):
    """A named system: how to build it, and three sizes: the usual one, twice and five times its Hilbert space.

    Where five times is out of reach of QuTiP's best method in a minute, the last is the largest that it does.
    """

    build: Callable[[int], Operators]
    sizes: tuple[int, int, int]


def _site(operator: Qobj, index: int, dimensions: Sequence[int]) -> Qobj:
    """An operator of one factor of a tensor product."""
    return tensor([operator if index == other else qeye(size) for other, size in enumerate(dimensions)])


def _thermal(operator: Qobj, rate: float, n_thermal: float) -> list[Qobj]:
    """Jumps of a mode or two-level system in a bath of occupation n."""
    jumps = [math.sqrt(rate * (1 + n_thermal)) * operator]
    return [*jumps, math.sqrt(rate * n_thermal) * operator.dag()] if n_thermal else jumps


def _of_rates(operators: Sequence[Qobj], rates: Sequence[Sequence[float]]) -> list[Qobj]:
    """Jumps of Σ γ_ij (F_i ρ F_j† - ½{F_j† F_i, ρ}) for a positive definite matrix of rates γ."""
    factor = np.linalg.cholesky(np.array(rates))
    return [sum(weight * F for weight, F in zip(column, operators, strict=True) if weight) for column in factor.T]


def _one_way(strength: float, source: Qobj, target: Qobj) -> Qobj:
    """The Hamiltonian that makes a common loss of source and target, γ_st = strength, drive the target only."""
    return -0.5j * strength * (target.dag() * source - source.dag() * target)


# ---------------------------------------------------------------- one mode


def driven_cavity(levels: int, drive: float = 0.01 * TURN, loss: float = 0.05, n_thermal: float = 0.0) -> Operators:
    """Coherently driven cavity: at zero temperature a coherent state, α = -2iΩ/κ."""
    a = destroy(levels)
    return drive * (a + a.dag()), _thermal(a, loss, n_thermal)


def thermal_oscillator(levels: int, omega: float = TURN, rate: float = 0.75, n_thermal: float = 2.0) -> Operators:
    """Oscillator in a bath."""
    a = destroy(levels)
    return omega * a.dag() * a, _thermal(a, rate, n_thermal)


def kerr_cat(
    levels: int, kerr: float = 1.0, drive: float = 4.0, loss: float = 1.0, pair_loss: float = 1.0
) -> Operators:
    """Two-photon-driven Kerr oscillator: a mixture of two cats; without loss of single photons, any mixture of them."""
    a = destroy(levels)
    hamiltonian = kerr * a.dag() * a.dag() * a * a + drive * (a * a + a.dag() * a.dag())
    jumps = [(loss, a), (pair_loss, a * a)]
    return hamiltonian, [math.sqrt(rate) * jump for rate, jump in jumps if rate]


def parametric_oscillator(levels: int, loss: float = 2.0, pump: float = 0.25) -> Operators:
    """Degenerate parametric oscillator below threshold; pump in units of the loss, threshold ½."""
    a = destroy(levels)
    return 0.5j * pump * loss * (a.dag() ** 2 - a**2), [math.sqrt(loss) * a]


def squeezed_reservoir(levels: int, rate: float = 0.05, squeezing: float = 0.5) -> Operators:
    """Mode in a broad squeezed vacuum, seen at its own frequency: a squeezed vacuum."""
    a = destroy(levels)
    return 0 * num(levels), [math.sqrt(rate) * (math.cosh(squeezing) * a + math.sinh(squeezing) * a.dag())]


# ---------------------------------------------------------------- two levels, a few levels, spins


def _spin(states: int, axis: str) -> Qobj:
    """A component of the spin of so many states: of two, half a Pauli matrix, and σ±."""
    return jmat((states - 1) / 2, axis)


def thermal_spin(states: int, omega: float = TURN, rate: float = 0.05, n_thermal: float = 2.5) -> Operators:
    """Spin in a bath; of 2 states a two-level system."""
    return omega * _spin(states, "z"), _thermal(_spin(states, "-"), rate, n_thermal)


def nearly_dark_spin(states: int, slow: float = 1e-5) -> Operators:
    """Loss and a slow pump, and a Hamiltonian that does nothing: populations 1, slow², slow⁴, ..."""
    return qeye(states), [_spin(states, "-"), slow * _spin(states, "+")]


def biased_spin(
    states: int, delta: float = 0.3 * TURN, bias: float = TURN, relaxation: float = 0.15, dephasing: float = 0.05
) -> Operators:
    """Spin between tunnelling and bias, relaxing in the basis of the bias, n_th = ½."""
    hamiltonian = -delta * _spin(states, "x") - bias * _spin(states, "z")
    jumps = _thermal(_spin(states, "+"), relaxation, 0.5)
    return hamiltonian, [*jumps, 2 * math.sqrt(dephasing) * _spin(states, "z")]


def squeezed_spin(states: int, omega: float = TURN, rate: float = 0.05, squeezing: float = 1.0) -> Operators:
    """Spin in a squeezed vacuum; of 2 states the upper and the lower one are as tanh²r : 1."""
    phase = np.exp(0.1j * math.pi)
    jump = math.cosh(squeezing) * _spin(states, "-") + math.sinh(squeezing) * phase * _spin(states, "+")
    return omega * _spin(states, "z"), [math.sqrt(rate) * jump]


def collective_fluorescence(states: int, rabi: float = TURN, rate: float = 0.05) -> Operators:
    """Driven atoms that decay together, in the space of largest spin; of 2 states: resonance fluorescence."""
    return -rabi * _spin(states, "x"), [math.sqrt(rate) * _spin(states, "-")]


def superradiance_ladder(states: int, rate: float = 1.0, pump: float = 0.3, dephasing: float = 0.1) -> Operators:
    """Dicke ladder that decays and is pumped collectively."""
    jumps = [(rate, "-"), (pump, "+"), (dephasing, "z")]
    return _spin(states, "z"), [math.sqrt(strength) * _spin(states, axis) for strength, axis in jumps]


def dark_chain(states: int, rabi: float = 1.0, ratio: float = 0.7, decay: float = 1.0) -> Operators:
    """Ground states (even) and excited states (odd) in a row, each driven to and decaying into its neighbours.

    The Λ system is that of three states. There is one dark state, `dark_amplitudes`.
    """
    hamiltonian, jumps = 0 * qeye(states), []
    for excited in range(1, states, 2):
        for ground, strength in ((excited - 1, rabi), (excited + 1, ratio * rabi)):
            transition = projection(states, ground, excited)
            hamiltonian += 0.5 * strength * (transition + transition.dag())
            jumps.append(math.sqrt(decay) * transition)
    return hamiltonian, jumps


def dark_amplitudes(states: int, ratio: float = 0.7) -> Qobj:
    """The dark state of `dark_chain`."""
    amplitudes = np.zeros(states)
    amplitudes[::2] = (-1 / ratio) ** np.arange((states + 1) // 2)
    return Qobj(amplitudes / np.linalg.norm(amplitudes))


def v_system(states: int, rabi: float = 1.0, decay: float = 1.0) -> Operators:
    """One ground state driven, ever more weakly, to excited states that all decay; the V system is that of three."""
    hamiltonian, jumps = 0 * qeye(states), []
    for excited in range(1, states):
        drop = projection(states, 0, excited)
        hamiltonian += 0.5 * rabi / excited * (drop + drop.dag()) + 0.2 * (excited - 1) * drop.dag() * drop
        jumps.append(math.sqrt(decay / excited) * drop)
    return hamiltonian, jumps


def tripod(states: int, decay: float = 1.0, dephasing: float = 0.0) -> Operators:
    """Ground states driven to one excited state, three in the tripod: one steady state only with dephasing."""
    excited = states - 1
    drops = [projection(states, ground, excited) for ground in range(excited)]
    hamiltonian = sum(0.5 * (ground + 1) * (drop + drop.dag()) for ground, drop in enumerate(drops))
    jumps = [math.sqrt(decay) * drop for drop in drops]
    if dephasing:
        jumps += [math.sqrt(dephasing) * projection(states, ground, ground) for ground in range(excited)]
    return hamiltonian, jumps


def three_level_maser(levels: int, coupling: float = 0.1, loss: float = 0.05) -> Operators:
    """Scovil's maser: a hot and a cold bath pump three levels that feed a lossy mode."""
    dimensions = (levels, 3)
    a = _site(destroy(levels), 0, dimensions)
    lower, cold, hot = (_site(projection(3, *pair), 1, dimensions) for pair in ((0, 1), (1, 2), (0, 2)))
    hamiltonian = 2.0 * a.dag() * a + 2.0 * lower.dag() * lower + 5.0 * hot.dag() * hot
    hamiltonian += coupling * (a * lower.dag() + a.dag() * lower)
    return hamiltonian, [*_thermal(hot, 0.2, 2.0), *_thermal(cold, 0.3, 0.2), math.sqrt(loss) * a]


def driven_spin_chain(sites: int, coupling: float = 1.0, drive: float = 0.6, loss: float = 0.5) -> Operators:
    """Ising chain in a transverse drive, each spin with loss: nothing is conserved."""
    dimensions = [2] * sites
    z, x, lowering = ([_site(one, site, dimensions) for site in range(sites)] for one in (sigmaz(), sigmax(), sigmam()))
    hamiltonian = sum((coupling / 4) * left * right for left, right in itertools.pairwise(z))
    hamiltonian += sum(0.5 * drive * one for one in x)
    return hamiltonian, [math.sqrt(loss) * one for one in lowering]


# ---------------------------------------------------------------- light and matter


def single_atom_laser(levels: int, pump: float = 0.35) -> Operators:
    """Atom pumped incoherently in a lossy cavity, coupled with the counter-rotating terms."""
    dimensions = (levels, 2)
    a, sm = _site(destroy(levels), 0, dimensions), _site(destroy(2), 1, dimensions)
    hamiltonian = TURN * (a.dag() * a + sm.dag() * sm) + 0.05 * TURN * (a + a.dag()) * (sm + sm.dag())
    return hamiltonian, [math.sqrt(0.04) * a, math.sqrt(pump) * sm.dag()]


LASER_PUMP_AT_MAXIMUM = 0.5 * 4 * (0.05 * TURN) ** 2 / 0.04
"""Γ at Γκ/4g² = 0.5."""


def driven_jaynes_cummings(levels: int, drive: float = 0.4, atomic_decay: float = 0.0) -> Operators:
    """Detuned atom in a cavity driven at its most anharmonic polariton; drive in units of √Γ_eff."""
    coupling, detuning, loss = 0.6, 1.8, 1.0
    polariton = detuning / 2 + math.hypot(detuning / 2, coupling)
    width = loss / 2 + 2 * np.sqrt(coupling**2 - (loss / 4 + 0.5j * detuning) ** 2).imag
    dimensions = (2, levels)
    sm, a = _site(destroy(2), 0, dimensions), _site(destroy(levels), 1, dimensions)
    hamiltonian = drive * math.sqrt(width) * (a + a.dag()) + coupling * (sm.dag() * a + sm * a.dag())
    hamiltonian += polariton * a.dag() * a + (polariton - detuning) * sm.dag() * sm
    return hamiltonian, [math.sqrt(loss) * a, *([math.sqrt(atomic_decay) * sm] if atomic_decay else [])]


def strong_rabi(levels: int, coupling: float = 0.75 * TURN, loss: float = 0.05) -> Operators:
    """Atom and lossy cavity in ultrastrong coupling, the loss in the basis of the bare cavity."""
    dimensions = (levels, 2)
    a, sm = _site(destroy(levels), 0, dimensions), _site(destroy(2), 1, dimensions)
    hamiltonian = TURN * (a.dag() * a + sm.dag() * sm) + coupling * (a + a.dag()) * (sm + sm.dag())
    return hamiltonian, [math.sqrt(loss) * a]


def dicke(levels: int, coupling: float = 1.0, n_thermal: float = 0.25) -> Operators:
    """Four spins and a lossy cavity at n_th = ¼, beyond the critical coupling ½."""
    spins, loss = 4, 0.05
    dimensions = (levels, spins + 1)
    a = _site(destroy(levels), 0, dimensions)
    x, z = (_site(jmat(spins / 2, axis), 1, dimensions) for axis in "xz")
    hamiltonian = a.dag() * a + z + coupling * 2 / math.sqrt(spins) * (a + a.dag()) * x
    return hamiltonian, _thermal(a, loss, n_thermal)


def optomechanics(mechanical_levels: int, cavity_levels: int = 4) -> Operators:
    """Driven cavity whose light pushes a mirror of quality 3000 at n_th = 1, in units of the mirror's frequency."""
    loss, drive, detuning, damping = 0.3, 0.1, -0.43, 1 / 0.3e4
    dimensions = (cavity_levels, mechanical_levels)
    a, b = (_site(destroy(levels), index, dimensions) for index, levels in enumerate(dimensions))
    hamiltonian = b.dag() * b - detuning * a.dag() * a + drive * (a + a.dag())
    hamiltonian += 2.4 * loss * (b + b.dag()) * a.dag() * a
    return hamiltonian, [math.sqrt(loss) * a, *_thermal(b, damping, 1.0)]


def optomechanical_cooling(mechanical_levels: int, cavity_levels: int = 3) -> Operators:
    """Weakly driven cavity on the red sideband, cooling a mirror at n_th = 3."""
    loss, drive, damping = 0.2, 0.1, 1e-4
    dimensions = (cavity_levels, mechanical_levels)
    a, b = (_site(destroy(levels), index, dimensions) for index, levels in enumerate(dimensions))
    hamiltonian = a.dag() * a + b.dag() * b + 0.1 * (b + b.dag()) * a.dag() * a + drive * (a + a.dag())
    return hamiltonian, [math.sqrt(loss) * a, *_thermal(b, damping, 3.0)]


def dispersive_readout(levels: int, drive: float = 0.1) -> Operators:
    """Driven cavity whose frequency a relaxing qubit shifts by ±χ."""
    dispersion, loss = 0.025 * TURN, 0.05
    dimensions = (levels, 2)
    a, sm = _site(destroy(levels), 0, dimensions), _site(destroy(2), 1, dimensions)
    z = 2 * sm.dag() * sm - 1
    hamiltonian = dispersion * a.dag() * a * z + drive * (a + a.dag())
    return hamiltonian, [math.sqrt(loss) * a, *_thermal(sm, 0.01, 0.2), math.sqrt(0.005) * z]


def coupled_transmons(levels: int, drive: float = 0.2) -> Operators:
    """Two anharmonic oscillators, detuned and coupled, one of them driven; unit of frequency the coupling."""
    anharmonicity, detuning = -3.0, 0.5
    dimensions = (levels, levels)
    b = [_site(destroy(levels), index, dimensions) for index in range(2)]
    hamiltonian = sum(0.5 * anharmonicity * one.dag() * one.dag() * one * one for one in b)
    hamiltonian += detuning * (b[0].dag() * b[0] - b[1].dag() * b[1]) + b[0].dag() * b[1] + b[1].dag() * b[0]
    hamiltonian += drive * (b[0] + b[0].dag())
    return hamiltonian, [jump for one in b for jump in (*_thermal(one, 0.1, 0.05), math.sqrt(0.02) * one.dag() * one)]


# ---------------------------------------------------------------- cascades


def squeezed_light_on_atom(levels: int, loss: float = 2.0, efficiency: float = 0.9) -> Operators:
    """Light of a parametric oscillator shines on an atom, and nothing comes back."""
    dimensions = (levels, 2)
    a, sm = _site(destroy(levels), 0, dimensions), _site(destroy(2), 1, dimensions)
    strength = math.sqrt(efficiency * loss)
    hamiltonian = 0.125j * loss * (a.dag() ** 2 - a**2) + _one_way(strength, a, sm)
    return hamiltonian, _of_rates([a, sm], [[loss, strength], [strength, 1.0]])


def cascaded_atoms(atoms: int, drive: float = 2.0, decay: float = 2.0, share: float = 0.5) -> Operators:
    """Atoms in a row, the first driven, each excited by what the one before emits into the channel."""
    dimensions = [2] * atoms
    sm = [_site(destroy(2), site, dimensions) for site in range(atoms)]
    rates = decay * np.eye(atoms)
    hamiltonian = -1j * drive * (sm[0].dag() - sm[0])
    for site in range(atoms - 1):
        rates[site, site + 1] = rates[site + 1, site] = share * decay
        hamiltonian += _one_way(share * decay, sm[site], sm[site + 1])
    return hamiltonian, _of_rates(sm, rates)


def thermal_light_on_atoms(levels: int, drive: float = 0.025, n_thermal: float = 1.0) -> Operators:
    """Light of a warm, driven cavity shines on an atom, whose emission shines on a second one."""
    loss, first, second = 0.1, math.sqrt(0.05), 0.5
    dimensions = (levels, 2, 2)
    a, sm, sn = (_site(destroy(size), index, dimensions) for index, size in enumerate(dimensions))
    hamiltonian = 1j * drive * (a - a.dag()) + _one_way(first, a, sm) + _one_way(second, sm, sn)
    rates = [[loss * (1 + n_thermal), first, 0.0], [first, 1.0, second], [0.0, second, 1.0]]
    return hamiltonian, [*_of_rates([a, sm, sn], rates), math.sqrt(loss * n_thermal) * a.dag()]


def cascaded_cavities(levels: int, drive: float = 0.4, kerr: float = 0.5, loss: float = 1.0) -> Operators:
    """A driven Kerr cavity whose light drives a second one, all of it."""
    dimensions = (levels, levels)
    a, b = (_site(destroy(levels), index, dimensions) for index in range(2))
    hamiltonian = drive * (a + a.dag()) + kerr * a.dag() * a.dag() * a * a + _one_way(loss, a, b)
    return hamiltonian, [math.sqrt(loss) * (a + b), math.sqrt(0.1 * loss) * b]


# ---------------------------------------------------------------- more than one steady state


def qubit_beside_cavity(levels: int) -> Operators:
    """A qubit that nothing touches beside a lossy oscillator."""
    return tensor(qeye(2), num(levels)), [tensor(qeye(2), destroy(levels))]


SYSTEMS: dict[str, System] = {
    # QuTiP's tests of `steadystate`.
    "thermal spin": System(thermal_spin, (2, 4, 10)),
    "nearly dark spin": System(nearly_dark_spin, (2, 4, 10)),
    "driven cavity": System(driven_cavity, (30, 60, 150)),
    "cavity cut short": System(partial(driven_cavity, drive=1.0, loss=1.0), (4, 8, 20)),
    "cold oscillator": System(partial(thermal_oscillator, omega=math.pi, rate=0.05, n_thermal=0.5), (30, 60, 150)),
    # QuTiP's tutorials.
    "biased spin": System(biased_spin, (2, 4, 10)),
    "squeezed spin": System(squeezed_spin, (2, 4, 10)),
    "resonance fluorescence": System(collective_fluorescence, (2, 4, 10)),
    "thermal oscillator": System(thermal_oscillator, (20, 40, 100)),
    "single-atom laser": System(single_atom_laser, (50, 100, 250)),
    "single-atom laser, strong pump": System(partial(single_atom_laser, pump=3.3064), (50, 100, 250)),
    "single-atom laser, maximum": System(partial(single_atom_laser, pump=LASER_PUMP_AT_MAXIMUM), (50, 100, 250)),
    "driven Jaynes-Cummings": System(driven_jaynes_cummings, (15, 30, 75)),
    "driven Jaynes-Cummings, strong": System(
        partial(driven_jaynes_cummings, drive=3.0, atomic_decay=0.1), (15, 30, 75)
    ),
    "ultrastrong Rabi": System(strong_rabi, (10, 20, 50)),
    "Dicke": System(dicke, (16, 32, 56)),
    "Kerr cat": System(kerr_cat, (20, 40, 100)),
    "optomechanics": System(optomechanics, (12, 24, 60)),
    "parametric oscillator": System(parametric_oscillator, (10, 20, 50)),
    "squeezed light on an atom": System(squeezed_light_on_atom, (10, 20, 50)),
    "cascaded atoms": System(cascaded_atoms, (2, 3, 4)),
    "thermal light on atoms": System(thermal_light_on_atoms, (10, 20, 50)),
    "dispersive readout": System(dispersive_readout, (20, 40, 100)),
    # Others.
    "driven cavity, warm": System(partial(driven_cavity, n_thermal=0.3), (40, 80, 200)),
    "Kerr cat, weak loss": System(partial(kerr_cat, loss=1e-3), (20, 40, 200)),
    "squeezed reservoir": System(squeezed_reservoir, (20, 40, 100)),
    "superradiance ladder": System(superradiance_ladder, (9, 18, 45)),
    "dark states": System(dark_chain, (3, 7, 15)),
    "V system": System(v_system, (3, 6, 15)),
    "tripod with dephasing": System(partial(tripod, dephasing=1e-3), (4, 8, 20)),
    "three-level maser": System(three_level_maser, (10, 20, 50)),
    "optomechanical cooling": System(optomechanical_cooling, (12, 24, 60)),
    "cascaded cavities": System(cascaded_cavities, (5, 7, 11)),
    "coupled transmons": System(coupled_transmons, (4, 6, 9)),
    "driven spin chain": System(driven_spin_chain, (3, 4, 5)),
}

SEVERAL: dict[str, System] = {
    "qubit beside a cavity": System(qubit_beside_cavity, (5, 10, 25)),
    "Kerr cat without single losses": System(partial(kerr_cat, loss=0.0), (20, 40, 100)),
    "tripod": System(tripod, (4, 8, 20)),
}
"""Systems with more than one steady state."""
