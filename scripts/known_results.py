"""Results of other papers as rows of the validation, and the formulas that they are checked with, written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import qutip
import refrigerator
from numpy.typing import NDArray
from scipy.integrate import quad
from validation_rows import Check, Row, relative

import qnet_qutip as qn
from qnet_qutip.exact import hierarchy

Matrix = NDArray[np.complex128]

# ---------------------------------------------------------------- two oscillators, exactly

KAPPA, OMEGA, T_H, T_C = 1e-6, 5.0, 1.2, 1.0
RATE = KAPPA * OMEGA**3
"""γ of a node at its frequency."""


def oscillators(epsilon: float, detuning: float = 0.0) -> qn.Network:
    """Two oscillators of which the hot one is detuned."""
    return qn.two_node(
        "oscillator", omega_h=OMEGA + detuning, omega_c=OMEGA, epsilon=epsilon, T_h=T_H, T_c=T_C, kappa=KAPPA
    )


def exact(epsilon: float, detuning: float, entry: Callable[[float, Matrix, float], float]) -> float:
    """∫ dω/2π of entry(ω, G(ω), J(ω)), by panels that grow with the distance from each mode.

    G = [ω - h + (i/2)J(ω)]⁻¹ of both, each with its bath: rotating-wave coupling, no level shift.
    """
    h = np.array([[OMEGA + detuning, epsilon], [epsilon, OMEGA]])

    def integrand(omega: float) -> float:
        J = KAPPA * omega**3
        return entry(omega, np.linalg.inv((omega + 0.5j * J) * np.eye(2) - h), J) / (2 * math.pi)

    steps = [0.0, *RATE * 10.0 ** np.arange(5)]
    edges = {mode + sign * step for mode in np.linalg.eigvalsh(h) for step in steps for sign in (1, -1)}
    panels = itertools.pairwise(sorted({0.01, 60 * T_H, *(edge for edge in edges if 0.01 < edge < 60 * T_H)}))
    return sum(quad(integrand, low, high, epsabs=0, epsrel=1e-9, limit=200)[0] for low, high in panels)


def exact_current(epsilon: float, detuning: float = 0.0) -> float:
    """Landauer's current of the hot bath, written out."""
    return exact(
        epsilon,
        detuning,
        lambda omega, G, J: (
            omega * J**2 * abs(G[0, 1]) ** 2 * float(1 / np.expm1(omega / T_H) - 1 / np.expm1(omega / T_C))
        ),
    )


def errors(epsilon: float, detuning: float = 0.0) -> tuple[float, float]:
    """By how much the current of the local and of the global equation is off, relative to the exact one."""
    net = oscillators(epsilon, detuning)
    current = qn.exact.steady_state(net).heat_currents["hot"]
    local, global_ = (
        relative(qn.steady_state(qn.MASTER_EQUATIONS[name](net)).heat_currents["hot"], current)
        for name in ("local", "global")
    )
    return local, global_


def local_against_global() -> Iterator[Row]:
    neglected = RATE / OMEGA
    source, origin = "Hofer 2017, González 2017", "what Born and Markov neglect, 3γ/ω"
    weak, strong, detuned = errors(RATE / 100), errors(1.0), errors(1e-3, 1.0)
    yield Row(source, "oscillator", "local and exact, resonance, ε = γ/100", weak[0], 3 * neglected, origin)
    yield Row(source, "oscillator", "global and exact, resonance, ε = ω/5", strong[1], 3 * neglected, origin)
    yield Row(source, "oscillator", "global and exact, detuned, ε = 1e-3", detuned[1], 3 * neglected, origin)
    yield Row(
        source,
        "oscillator",
        "global over exact, resonance, ε = γ/100, and 1 + γ²/4ε²",
        # The global current itself: what is off, plus one.
        relative(weak[1] + 1, 1 + 100**2 / 4),
        3 * neglected,
        origin,
    )


def exact_currents_written_out() -> Iterator[Row]:
    for label, epsilon, detuning in (("resonance, ε = γ/100", RATE / 100, 0.0), ("detuned, ε = 1", 1.0, 1.0)):
        found = qn.exact.steady_state(oscillators(epsilon, detuning)).heat_currents["hot"]
        yield Row(
            "Landauer",
            "oscillator",
            f"exact current by poles and the integral written out, {label}",
            relative(found, exact_current(epsilon, detuning)),
            2e-9,
            "adaptive quadrature, 1e-9 a panel",
        )


# ---------------------------------------------------------------- every equation against the exact current

THREE_OSCILLATORS = [
    (
        (10.0, 7.0, 5.0),
        (0.05, 0.08),
        1e-6,
        {
            "exact": 1.571429e-7,
            "local": -6.283252e-7,
            "global": 1.571429e-7,
            "redfield": 1.571429e-7,
            "universal": 1.571429e-7,
        },
        1e-13,
    ),
    (
        (5.0, 5.0, 5.0),
        (1e-4, 1e-4),
        1e-7,
        {
            "exact": 1.22374501e-5,
            "local": 1.22374501e-5,
            "global": 1.2285253e-5,
            "redfield": 1.22374501e-5,
            "universal": 1.22374501e-5,
        },
        1e-13,
    ),
]
"""Frequencies, couplings, κ, the hot bath's currents at T = 12 and 10, and a unit of the last digit: solutions of the
one-body equations and of Landauer's integral in 50 digits (`tests/dense.py`)."""

GAPS = [(1.0, 1.0, 0.05), (30.0, 1.1e-3, 5e-5), (300.0, 1.1e-5, 5e-7), (1000.0, 1.0e-6, 5e-8)]
"""Gap of two resonant nodes over the rate, J of the global equation over the exact one, minus 1, and half a unit."""


def three_oscillators(frequencies: tuple[float, ...], swaps: tuple[float, ...], kappa: float) -> qn.Network:
    """A chain of them with a bath at each end."""
    phonons = qn.PhononSpectrum(kappa)
    ends = {"hot": qn.Bath("A", 12, phonons), "cold": qn.Bath("C", 10, phonons)}
    return qn.chain([qn.Oscillator(frequency) for frequency in frequencies], list(swaps), **ends)


def chains_of_three() -> Iterator[Row]:
    for frequencies, swaps, kappa, currents, unit in THREE_OSCILLATORS:
        verdict = qn.compare(three_oscillators(frequencies, swaps, kappa))
        found = {"exact": verdict.exact["hot"]}
        found |= {name: row.heat_currents["hot"] for name, row in verdict.assessments.items()}
        for name, known in currents.items():
            yield Row(
                "three in a chain",
                "oscillator",
                f"ω = {', '.join(f'{each:g}' for each in frequencies)}, {name}: J_h and {known:g}",
                abs(found[name] - known),
                # Global's is given to a digit less.
                10 * unit if known == 1.2285253e-5 else unit,
                "a unit of the last digit",
            )


def gaps_and_rates() -> Iterator[Row]:
    rate = 1e-7 * 5**3
    for ratio, known, unit in GAPS:
        net = qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=ratio * rate / 2, T_h=12, T_c=10, kappa=1e-7)
        verdict = qn.compare(net)
        exact_one = verdict.exact["hot"]
        yield Row(
            "gap over rate",
            "oscillator",
            f"global over exact, minus 1, gap = {ratio:g}γ: {known:g}",
            abs(verdict.assessments["global"].heat_currents["hot"] / exact_one - 1 - known),
            unit,
            "half a unit of the last digit",
        )
        neglected = verdict.scales.neglected
        yield Row(
            "gap over rate",
            "oscillator",
            f"{verdict.recommended}, which the comparison names, and exact, gap = {ratio:g}γ",
            verdict.assessments[verdict.recommended].error,
            neglected,
            "what Born and Markov neglect, γ/ω",
        )


# ---------------------------------------------------------------- hidden work


def hidden_work() -> Iterator[Row]:
    for kind in ("oscillator", "two-level"):
        for omega_h in (1.2, 3.0):
            net = qn.two_node(kind, omega_h=omega_h, omega_c=1.0, epsilon=0.05, T_h=0.6, T_c=0.3, kappa=1e-3)
            heat = qn.steady_state(qn.local_master_equation(net)).heat_by("H_0")
            yield Row(
                "De Chiara 2018",
                kind,
                f"Q_c/W and ω_c/(ω_h - ω_c), local, heat by H_0, ω_h/ω_c = {omega_h:g}",
                relative(heat.currents["cold"] / heat.work, 1 / (omega_h - 1)),
                1e-10,
                "solver; cutting the space changes both alike",
            )


# ---------------------------------------------------------------- rectification


def rectifier(omega_a: float, omega_b: float, chi: float, T_a: float, T_b: float, eta: float = 1e-4) -> qn.Network:
    """Two two-level nodes that shift each other's frequency, each with an ohmic bath on its position."""
    spectrum = qn.OhmicSpectrum(eta, 50)
    return qn.chain(
        [qn.TwoLevel(omega_a), qn.TwoLevel(omega_b)],
        qn.Dispersive(chi),
        a=qn.Bath("A", T_a, spectrum, "full"),
        b=qn.Bath("B", T_b, spectrum, "full"),
    )


def cycle_current(omega_a: float, omega_b: float, chi: float, T_a: float, T_b: float, eta: float = 1e-4) -> float:
    """Heat from bath a by the four states 00 → 01 → 11 → 10 → 00 of `rectifier`: χ times the net rate of the cycle.

    A rises by ω_A + χ with B excited and falls by ω_A with B not, so that a cycle takes χ from bath a. Its net rate is
    (Π forward - Π backward)/Σ, with Σ over the states of the weights of the trees that lead there (Schnakenberg, Rev.
    Mod. Phys. 48, 571 (1976)): each is the ring without a link, both of its arcs directed to the state.
    """

    def rates(omega: float, T: float) -> tuple[float, float]:
        J, x = eta * omega * math.exp(-omega / 50), math.exp(-omega / T)
        return J / (1 - x), J * x / (1 - x)

    (b_down, b_up), (a_down_b, a_up_b) = rates(omega_b, T_b), rates(omega_a + chi, T_a)
    (b_down_a, b_up_a), (a_down, a_up) = rates(omega_b + chi, T_b), rates(omega_a, T_a)
    forward, backward = [b_up, a_up_b, b_down_a, a_down], [b_down, a_down_b, b_up_a, a_up]
    trees = 0.0
    for root, cut in itertools.product(range(4), repeat=2):
        weight = 1.0
        for link in set(range(4)) - {cut}:
            # Link i joins states i and i + 1; those that follow the cut up to the root run forward.
            ahead = (link - cut - 1) % 4 < (root - cut - 1) % 4
            weight *= forward[link] if ahead else backward[link]
        trees += weight
    return chi * (math.prod(forward) - math.prod(backward)) / trees


RECTIFIERS = [(1.0, 1.0, 0.5), (2.0, 0.4, 0.7), (3.0, 0.2, 1.0), (1.0, 2.5, -0.6)]
"""ω_A, ω_B, χ."""


def rectification() -> Iterator[Row]:
    for parameters in RECTIFIERS:
        for temperatures in ((2.0, 0.5), (0.5, 2.0)):
            state = qn.steady_state(qn.global_master_equation(rectifier(*parameters, *temperatures)))
            yield Row(
                "Werlang 2014",
                "two-level",
                f"σ_zσ_z, ω_A, ω_B, χ = {parameters}, T = {temperatures}: global and the cycle's trees",
                relative(state.heat_currents["a"], cycle_current(*parameters, *temperatures)),
                1e-9,
                "solver",
            )


# ---------------------------------------------------------------- the absorption refrigerator


def absorption_refrigerator() -> Iterator[Row]:
    local = qn.steady_state(refrigerator.hamiltonian(), refrigerator.local_operators()).heat_currents
    for bath, known, unit in (
        ("cold", 4.8642652e-4, 1e-11),
        ("hot", 1.4592795e-3, 1e-10),
        ("room", -1.9457061e-3, 1e-10),
    ):
        yield Row(
            "Linden 2010",
            "two-level",
            f"absorption refrigerator, local, bath {bath!r}, and {known:g}",
            abs(local[bath] - known),
            unit,
            "a unit of the last digit",
        )


# ---------------------------------------------------------------- the hierarchy


KATO_TANIMURA = [
    (0.01, 0.25, 0.82445, 1e-5),
    (0.01, 1, 1.06404, 1e-5),
    (0.1, 1, 1.2113, 1e-4),
    (0.5, 1, 1.73306, 1e-5),
    (0.5, 4, 1.17562, 1e-5),
]
"""J12, ζ, 10³ j/(εJ12) at depth 7 with one exponent, and the unit of its last digit."""


def resonant_pair(J12: float, zeta: float) -> qn.Network:
    """Figure 3(a) of Kato and Tanimura, J. Chem. Phys. 143, 064107 (2015), as in QuTiP's tutorial: λ = ζJ12/2."""
    spectrum = qn.DrudeLorentzSpectrum(zeta * J12 / 2, 2)
    return qn.chain(
        [qn.TwoLevel(1), qn.TwoLevel(1)],
        J12,
        hot=qn.Bath("A", 2.02, spectrum, "full"),
        cold=qn.Bath("B", 1.98, spectrum, "full"),
    )


def hierarchy_of_two_qubits() -> Iterator[Row]:
    for J12, zeta, known, unit in KATO_TANIMURA:
        current = hierarchy.steady_state(resonant_pair(J12, zeta), depth=7, exponents=1).heat_currents["hot"]
        yield Row(
            "Kato 2015",
            "two-level",
            f"hierarchy, J12 = {J12:g}, ζ = {zeta:g}: 10³ j/(εJ12) and {known:g}",
            abs(1e3 * current / J12 - known),
            unit / 2,
            "half a unit of the last digit",
        )


# ---------------------------------------------------------------- one electron at high bias


def double_dot(t: float, left: float, right: float, detuning: float) -> tuple[float, float]:
    """Current through a double quantum dot that holds one electron, from the density matrix and in closed form.

    Stoof and Nazarov, Phys. Rev. B 53, 1050 (1996): I = t²Γ_R/[t²(2 + Γ_R/Γ_L) + Γ_R²/4 + ε²].
    """
    empty, first, second = (qutip.basis(3, n) for n in range(3))
    hamiltonian = detuning * first.proj() + t * (first * second.dag() + second * first.dag())
    jumps = {"left": [math.sqrt(left) * first * empty.dag()], "right": [math.sqrt(right) * empty * second.dag()]}
    current = right * qutip.expect(second.proj(), qn.steady_state(hamiltonian, jumps).rho)
    return current, t**2 * right / (t**2 * (2 + right / left) + right**2 / 4 + detuning**2)


def high_bias() -> Iterator[Row]:
    for detuning in (0.0, 0.3):
        current, known = double_dot(0.2, 0.15, 0.1, detuning)
        yield Row(
            "Stoof 1996",
            "own",
            f"double quantum dot, ε = {detuning:g}: density matrix and closed form",
            relative(current, known),
            1e-12,
            "rounding",
        )


CHECKS: tuple[Check, ...] = (
    local_against_global,
    exact_currents_written_out,
    chains_of_three,
    gaps_and_rates,
    hidden_work,
    rectification,
    absorption_refrigerator,
    hierarchy_of_two_qubits,
    high_bias,
)
