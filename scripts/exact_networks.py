"""Exact currents of random oscillator networks against integrals in whole numbers of a hundred digits.

The reference shares nothing with `qnet_qutip.exact`: it eliminates the matrix of the equations of motion at every
frequency, on panels that shrink sixfold towards each pole and are halved until they are resolved; the level shifts
are closed forms.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from outcomes import REFUSED, RIGHT, Outcome, Parameters, judged, solved

import qnet_qutip as qn
from qnet_qutip.network import coupling_terms
from qnet_qutip.spectra import SpectralDensity

Whole = NDArray[np.object_]
Number = Any
Matrix = Any

BITS = 320
UNIT = 1 << BITS
DIGITS = 45
UNDAMPED = 35

KINDS = ("rotating wave", "level shift", "full", "quadrature", "mixed")

TOLERANCE = 1e-8
"""Of a current, relative to itself, or else what the answer itself states as its error."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LEGENDRE = np.polynomial.legendre.legvander(NODES, 15)[:, 14:].T * (np.array([[29], [31]]) / 2) * WEIGHTS
UNRESOLVED = 1e-5
"""Of the whole, in a panel's last two of 16 Legendre polynomials: the error of its integral is about the square."""

MOST_ROUNDS = 60
TEMPERATURES = 60
SLOW = 5.0
"""Seconds after which an answer is said to be slow."""


# ---------------------------------------------------------------- random networks


def random_network(random: np.random.Generator, kind: str) -> qn.Network:
    """Two to five oscillators on any graph, one to four baths, everything over many decades."""
    size = int(random.integers(2, 6 if kind in KINDS[:2] else 4))
    names = "ABCDE"[:size]
    detuned = random.choice([0.0, 1e-6, 1e-3, 1.0])
    frequencies = random.choice([1.0, 2.0, 5.0]) * (1 + detuned * random.random(size))
    if random.random() < 0.3:
        frequencies[:] = random.choice(frequencies, size)
    edges = {(int(random.integers(0, node)), node) for node in range(1, size)}
    edges |= {pair for pair in combinations(range(size), 2) if random.random() < 0.3}
    strongest = 0.5 if kind in KINDS[:2] else 0.1
    common = strongest * 10 ** random.uniform(-8, 0)
    couplings: dict[tuple[str, str], Any] = {}
    for first, second in sorted(edges):
        strength = float(common if random.random() < 0.3 else strongest * 10 ** random.uniform(-8, 0))
        quadrature = kind == "quadrature" or (kind == "mixed" and random.random() < 0.5)
        couplings[names[first], names[second]] = qn.Quadrature(strength) if quadrature else strength
    kappa = 10 ** random.uniform(-10, -2)
    warm = float(random.choice([0.0, 10 ** random.uniform(-2, 2)], p=[0.1, 0.9]))
    baths = {}
    for number in range(int(random.choice([1, 2, 3, 4], p=[0.03, 0.5, 0.27, 0.2]))):
        choice = random.choice(["same", "near", "zero", "any"], p=[0.05, 0.25, 0.1, 0.6])
        temperature = {
            "same": warm,
            "near": warm * (1 + 10 ** random.uniform(-12, -1)),
            "zero": 0.0,
            "any": 10 ** random.uniform(-2, 2),
        }[choice]
        strength = kappa if random.random() < 0.5 else 10 ** random.uniform(-10, -2)
        coupling = "full" if kind == "full" or (kind == "mixed" and random.random() < 0.5) else "rotating-wave"
        spectrum = _random_spectrum(random, strength, kind in ("rotating wave", "quadrature"))
        baths[f"bath {number}"] = qn.Bath(str(random.choice(list(names))), float(temperature), spectrum, coupling)
    return qn.Network({name: qn.Oscillator(w) for name, w in zip(names, frequencies, strict=True)}, couplings, baths)


def _random_spectrum(random: np.random.Generator, strength: float, any_cutoff: bool) -> SpectralDensity:
    which = random.choice(
        ["phonon", "phonon", "flat", "ohmic", "drude", "peak"] if any_cutoff else ["ohmic", "drude", "peak"]
    )
    if which == "phonon":
        return qn.PhononSpectrum(strength)
    if which == "flat":
        return qn.FlatSpectrum(strength)
    if which == "ohmic":
        return qn.OhmicSpectrum(strength, 10 ** random.uniform(0, 2), float(random.integers(1, 4)))
    if which == "drude":
        return qn.DrudeLorentzSpectrum(strength, 10 ** random.uniform(-0.5, 2))
    frequency = 10 ** random.uniform(0, 1)
    return qn.LorentzianSpectrum(math.sqrt(strength) * 0.3, frequency, frequency * 10 ** random.uniform(-3, 0))


# ---------------------------------------------------------------- spectra, with any number of digits


def density(spectrum: SpectralDensity, x: Number) -> Number:
    """J(x), x > 0."""
    if isinstance(spectrum, qn.PhononSpectrum):
        return mpmath.mpf(spectrum.kappa) * x**3
    if isinstance(spectrum, qn.FlatSpectrum):
        return mpmath.mpf(spectrum.rate)
    if isinstance(spectrum, qn.OhmicSpectrum):
        y = x / mpmath.mpf(spectrum.cutoff)
        return mpmath.mpf(spectrum.strength) * mpmath.mpf(spectrum.cutoff) * y ** int(spectrum.s) * mpmath.exp(-y)
    if isinstance(spectrum, qn.DrudeLorentzSpectrum):
        gamma = mpmath.mpf(spectrum.gamma)
        return 4 * mpmath.mpf(spectrum.lam) * gamma * x / (x * x + gamma * gamma)
    assert isinstance(spectrum, qn.LorentzianSpectrum)
    g, w, k = (mpmath.mpf(value) for value in (spectrum.strength, spectrum.frequency, spectrum.width))
    return 4 * g * g * w * k * x / ((x * x - w * w) ** 2 + (k * x) ** 2)


def shift(spectrum: SpectralDensity, omega: Number) -> Number:
    """P∫_0^∞ dx/2π J(x)/(ω - x), at ω of either sign.

    For x^s e^-x, s whole: x^s/(y - x) = -(x^(s-1) + y x^(s-2) + … + y^(s-1)) + y^s/(y - x), where
    P∫e^-x/(y - x) = e^-y Ei(y).
    """
    if isinstance(spectrum, qn.OhmicSpectrum):
        cutoff, s = mpmath.mpf(spectrum.cutoff), int(spectrum.s)
        y = omega / cutoff
        value = y**s * mpmath.exp(-y) * mpmath.ei(y) - sum(y**k * mpmath.factorial(s - 1 - k) for k in range(s))
        return mpmath.mpf(spectrum.strength) * cutoff * value / (2 * mpmath.pi)
    if isinstance(spectrum, qn.DrudeLorentzSpectrum):
        gamma = mpmath.mpf(spectrum.gamma)
        return 4 * mpmath.mpf(spectrum.lam) * gamma * _overdamped(omega, gamma) / (2 * mpmath.pi)
    assert isinstance(spectrum, qn.LorentzianSpectrum)
    g, w, k = (mpmath.mpf(value) for value in (spectrum.strength, spectrum.frequency, spectrum.width))
    # 1/((x² - w²)² + k²x²) = Im[1/(x² - z²)]/Im z² with z = w' + ik/2, and x² - z² is x² + γ² with γ = -iz.
    z = mpmath.mpc(mpmath.sqrt(w * w - k * k / 4), k / 2)
    return 4 * g * g * w * k * mpmath.im(_overdamped(omega, -1j * z)) / mpmath.im(z * z) / (2 * mpmath.pi)


def _overdamped(omega: Number, gamma: Number) -> Number:
    """P∫_0^∞ dx x/((x² + γ²)(ω - x)), Re γ > 0."""
    return (omega * mpmath.log(abs(omega) / gamma) - mpmath.pi * gamma / 2) / (omega * omega + gamma * gamma)


# ---------------------------------------------------------------- the reference


class UndampedError(ArithmeticError):
    """A mode is not damped, as far as digits tell."""


class Equations:
    """[ω m - H - Σ Σ_b(ω) w_b w_bᵀ](a, a†) = Σ_b w_b ξ_b of a network, in mpmath's numbers."""

    def __init__(self, network: qn.Network, level_shift: bool | None) -> None:
        order = {name: number for number, name in enumerate(network.nodes)}
        size = len(order)
        self.baths = list(network.baths.values())
        self.shifted = [bath.coupling == "full" if level_shift is None else level_shift for bath in self.baths]
        terms = list(coupling_terms(network))
        self.paired = any(bath.coupling == "full" for bath in self.baths)
        self.paired |= any(isinstance(term, qn.Quadrature) for *_, term in terms)
        self.size = size * (1 + self.paired)
        self.metric = [1] * size + [-1] * (self.size - size)
        self.matrix = [[mpmath.mpf(0)] * self.size for _ in range(self.size)]
        for name, node in network.nodes.items():
            for row in range(order[name], self.size, size):
                self.matrix[row][row] = mpmath.mpf(node.frequency)
        for first, second, term in terms:
            places = [(order[first], order[second])]
            if self.paired:
                places.append((size + order[first], size + order[second]))
            if isinstance(term, qn.Quadrature):
                places += [(order[first], size + order[second]), (size + order[first], order[second])]
            for i, j in places:
                self.matrix[i][j] += mpmath.mpf(term.strength)
                self.matrix[j][i] += mpmath.mpf(term.strength)
        self.rows = [
            [order[bath.node], size + order[bath.node]] if bath.coupling == "full" else [order[bath.node]]
            for bath in self.baths
        ]
        self.mirror = [size + order[bath.node] for bath in self.baths]

    def self_energies(self, omega: Number) -> list[tuple[list[int], Number, Number]]:
        """(rows, S, J) at ω > 0: what a bath adds to all entries between some rows is S - iJ/2."""
        result = []
        for bath, shifted, rows, mirror in zip(self.baths, self.shifted, self.rows, self.mirror, strict=True):
            J, S, zero = density(bath.spectrum, omega), mpmath.mpf(0), mpmath.mpf(0)
            if shifted:
                S = shift(bath.spectrum, omega)
                if bath.coupling == "full":
                    S += shift(bath.spectrum, -omega)
                elif self.paired:
                    result.append(([mirror], shift(bath.spectrum, -omega), zero))
            result.append((rows, S, J))
        return result

    def inverse(self, omegas: list[Number]) -> tuple[list[list[Number]], Whole, Whole]:
        """J of each bath at each frequency; real and imaginary part of G w_b, (rows, baths, points)."""
        points = len(omegas)
        real = np.zeros((self.size, self.size + len(self.baths), points), dtype=object)
        imaginary = np.zeros_like(real)
        for i in range(self.size):
            for j in range(self.size):
                real[i, j] -= whole(self.matrix[i][j])
            real[i, i] += self.metric[i] * np.array([whole(omega) for omega in omegas], dtype=object)
        for number, rows in enumerate(self.rows):
            real[rows, self.size + number] = UNIT
        J = []
        for point, omega in enumerate(omegas):
            parts = self.self_energies(omega)
            J.append([part[2] for part in parts if part[2]])
            for rows, S, width in parts:
                for i in rows:
                    for j in rows:
                        real[i, j, point] -= whole(S)
                        imaginary[i, j, point] += whole(width) >> 1
        for pivot in range(self.size):
            real[pivot], imaginary[pivot] = _divided(
                real[pivot], imaginary[pivot], real[pivot, pivot], imaginary[pivot, pivot]
            )
            for i in range(self.size):
                if i != pivot:
                    a, b = real[i, pivot].copy(), imaginary[i, pivot].copy()
                    real[i] -= (a * real[pivot] - b * imaginary[pivot]) >> BITS
                    imaginary[i] -= (a * imaginary[pivot] + b * real[pivot]) >> BITS
        return J, real[:, self.size :], imaginary[:, self.size :]

    def poles(self) -> list[Number]:
        """Poles at positive frequencies, with the self-energies of each at its own frequency, all that are found."""
        found = []
        undamped, _ = mpmath.eig(self._damped(None))
        frequencies = sorted(mpmath.re(value) for value in undamped if mpmath.re(value) > 0)
        for frequency in frequencies:
            values, vectors = mpmath.eig(self._damped(frequency))
            near = sorted(range(self.size), key=lambda k: abs(mpmath.re(values[k]) - frequency))
            for k in near[: sum(abs(other - frequency) < 0.1 for other in frequencies)]:
                found += self._followed(values[k], vectors[:, k])
        return found

    def _damped(self, omega: Number | None) -> Matrix:
        matrix = mpmath.matrix(self.matrix)
        for rows, S, J in [] if omega is None else self.self_energies(omega):
            for i in rows:
                for j in rows:
                    matrix[i, j] += mpmath.mpc(S, -J / 2)
        for i, sign in enumerate(self.metric):
            for j in range(self.size):
                matrix[i, j] *= sign
        return matrix

    def _followed(self, pole: Number, vector: Matrix) -> list[Number]:
        """A pole and where it goes when its self-energies are taken at its own frequency: inverse iteration."""
        result = [pole]
        for _ in range(4):
            damped = self._damped(mpmath.re(pole)) if mpmath.re(pole) > 0 else None
            if damped is None:
                break
            shifted = damped - (pole * (1 + mpmath.mpf(10) ** -(DIGITS - 6))) * mpmath.eye(self.size)
            try:
                vector = mpmath.lu_solve(shifted, vector)
            except ZeroDivisionError:
                break
            vector /= mpmath.norm(vector)
            image, signed = damped * vector, [s * v for s, v in zip(self.metric, vector, strict=True)]
            square = mpmath.fdot(signed, vector)
            if abs(square) < 1e-6:
                break
            pole = mpmath.fdot(signed, image) / square
            result.append(pole)
        return result


def whole(x: Number) -> int:
    """In units of 2^-BITS."""
    return int(mpmath.ldexp(x, BITS))


def _divided(a: Whole, b: Whole, c: Whole, d: Whole) -> tuple[Whole, Whole]:
    square = c * c + d * d
    return ((a * c + b * d) << BITS) // square, ((b * c - a * d) << BITS) // square


def _panels(equations: Equations, top: Number) -> list[tuple[Number, Number]]:
    """From half the width of each pole on in steps of a factor of six, and the same around zero and a filter's peak."""
    centres = [(mpmath.re(pole), -mpmath.im(pole)) for pole in equations.poles()]
    for bath in equations.baths:
        if isinstance(bath.spectrum, qn.LorentzianSpectrum):
            centres.append((mpmath.mpf(bath.spectrum.frequency), mpmath.mpf(bath.spectrum.width) / 2))
    centres.append((mpmath.mpf(0), mpmath.mpf("1e-7")))
    narrowest = min(width for _, width in centres)
    if narrowest < mpmath.mpf(10) ** -UNDAMPED:
        raise UndampedError
    points = {mpmath.mpf(0), top}
    for centre, width in centres:
        points.add(centre)
        step = width / 2
        while step < top:
            points |= {centre - step, centre + step}
            step *= 6
    ordered = sorted(x for x in points if 0 <= x <= top)
    # Points of several poles next to each other: none nearer than a tenth of the distance to the nearest pole.
    kept = [ordered[0]]
    for x in ordered[1:-1]:
        least = min(abs(x - centre) + width for centre, width in centres) / 10
        if x - kept[-1] > least:
            kept.append(x)
    return list(pairwise([*kept, top]))


def reference(network: qn.Network, level_shift: bool | None) -> dict[str, float]:
    """Heat current of each bath to ten digits of the pairs' flows.

    Raises
    ------
    UndampedError
        If a mode is not damped.
    ArithmeticError
        If a panel is not resolved.
    """
    with mpmath.workdps(DIGITS):
        equations = Equations(network, level_shift)
        temperatures = [mpmath.mpf(bath.temperature) for bath in equations.baths]
        highest = 2 * max(sum(abs(x) for x in row) for row in equations.matrix)
        panels = _panels(equations, highest + TEMPERATURES * max(temperatures))
        names = list(network.baths)
        couples = list(combinations(range(len(names)), 2))
        total = np.zeros(len(couples))
        for _ in range(MOST_ROUNDS):
            values = np.array([_flows(equations, temperatures, couples, panel) for panel in panels])
            lengths = np.array([float(high - low) / 2 for low, high in panels])[:, None]
            tails = lengths * np.abs(np.einsum("tn,pnc->ptc", LEGENDRE, values)).max(axis=1)
            integrals = lengths * np.einsum("n,pnc->pc", WEIGHTS, values)
            size = np.abs(total + integrals.sum(axis=0))
            bad = (tails > UNRESOLVED * size).any(axis=1)
            total = total + integrals[~bad].sum(axis=0)
            if not bad.any():
                break
            panels = [
                half
                for (low, high), halve in zip(panels, bad, strict=True)
                if halve
                for half in ((low, (low + high) / 2), ((low + high) / 2, high))
            ]
        else:
            raise ArithmeticError("the reference does not converge")
    flows = dict(zip(couples, total.tolist(), strict=True))
    return {
        name: math.fsum((1 if pair[0] == number else -1) * flow for pair, flow in flows.items() if number in pair)
        for number, name in enumerate(names)
    }


def _flows(
    equations: Equations, temperatures: list[Number], couples: list[tuple[int, int]], panel: tuple[Number, Number]
) -> NDArray[np.float64]:
    """Flow from the first to the second bath of each pair at the nodes of a panel."""
    low, high = panel
    omegas = [(low + high) / 2 + (high - low) / 2 * mpmath.mpf(float(node)) for node in NODES]
    J, real, imaginary = equations.inverse(omegas)
    # Whatever cancels has done so: what is left are products of floats.
    real, imaginary = (real / UNIT).astype(float), (imaginary / UNIT).astype(float)
    result = np.zeros((len(omegas), len(couples)))
    for point, omega in enumerate(omegas):
        n = [1 / mpmath.expm1(omega / T) if T else mpmath.mpf(0) for T in temperatures]
        for number, (one, other) in enumerate(couples):
            amplitude = complex(
                real[equations.rows[one], other, point].sum(), imaginary[equations.rows[one], other, point].sum()
            )
            transmission = float(J[point][one]) * float(J[point][other]) * abs(amplitude) ** 2
            result[point, number] = float(omega) * transmission * float(n[one] - n[other]) / (2 * math.pi)
    return result


# ---------------------------------------------------------------- the study


def exact_networks(count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of random networks of every kind in turn."""
    for index in range(count):
        yield try_network(KINDS[index % len(KINDS)], (seed, index))


def try_network(kind: str, seed: tuple[int, int]) -> Outcome:
    """The exact currents of a random network against the reference."""
    network = random_network(np.random.default_rng(seed), kind)
    level_shift = True if kind == "level shift" else None
    parameters: Parameters = {"seed": list(seed), "kind": kind}
    started = time.perf_counter()
    state, said = solved(lambda: qn.exact.steady_state(network, level_shift=level_shift))
    seconds = time.perf_counter() - started
    if seconds > SLOW:
        said = f"{seconds:.1f} s; {said}"
    try:
        expected = reference(network, level_shift)
    except UndampedError:
        # Symmetric networks have modes that no bath damps: an error that says so is right.
        return Outcome(kind, parameters, RIGHT if "must be damped" in said else judged(np.inf, said), said, np.nan)
    if state is None:
        return Outcome(kind, parameters, REFUSED, said, np.nan)
    error = max(
        abs(state.heat_currents[name] - current)
        / max(TOLERANCE * abs(current), state.heat_current_errors[name], 1e-290)
        for name, current in expected.items()
    )
    return Outcome(kind, parameters, judged(error, said), said, float(error))
