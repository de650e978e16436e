"""Every master equation of random quadratic networks in a hundred digits, against `qnet_qutip.gaussian`.

The equations are written out here in phase space, for any pair (S, Λ) of operators linear in ξ = (x, p): with
[ξ_i, ξ_j] = iΩ_ij, S = sᵀξ and Λ = λᵀξ, the term ΛρS† + SρΛ† - S†Λρ - ρΛ†S moves σ = ½⟨{ξ, ξᵀ}⟩ by Aσ + σAᵀ + D with
A = 2 Im(Ωs*λᵀ) and D = Re(Ωs*(Ωλ)ᵀ) + its transpose. What a bath pairs is summed Bohr frequency by Bohr frequency.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import mpmath
import numpy as np
from outcomes import REFUSED, RIGHT, UNDECIDED, Outcome, Parameters, judged, solved

import qnet_qutip as qn

DIGITS = 100
"""Inner nodes are damped at 1e-40 of the rates and less: 60 digits are to be left."""

PROMISED, SMALLEST = 1e-8, 1e-14
"""Relative error of a current, and the size of a current, relative to what its bath exchanges, down to which it is."""

ROUNDED = 1e-13
"""Relative error of a current that rates given in double precision may make beyond the stated one."""

UNDAMPED = 1e-26
"""Slowest relaxation, relative to the fastest motion, below which a state may be refused: there 32 digits end."""

AMBIGUOUS = (1e-15, 1e-12)
"""Distance of two frequencies, relative to the highest, of which it is not asked whether they are one."""

FAINT = 1e-24
"""Amplitude of a mode at a node below which it is rounding."""

CONSISTENT = 1e-9
"""Distance of two frequencies, relative to the highest, below which they are one where clusters are weighted."""

KINDS = ("chain", "ring", "baths together", "nearly equal temperatures", "cold", "full", "quadrature", "two-level")

Number: TypeAlias = Any
Form: TypeAlias = Any
"""A number and a matrix of mpmath."""

Vector: TypeAlias = list[Number]


class Pair(NamedTuple):
    """S and Λ of a bath, as coefficients of ξ."""

    bath: str
    s: Vector
    coefficients: Vector


class Reference(NamedTuple):
    """Heat currents, what each bath gives its node in a unit of time, and the spectrum of the drift."""

    currents: Mapping[str, Number]
    flows: Mapping[str, Number]
    drift: Form


def random_case(kind: str, random: np.random.Generator) -> tuple[qn.Network, Parameters]:
    """A network of two to six nodes over eight decades of couplings and rates."""
    size = int(random.integers(2, 5 if kind in ("full", "quadrature") else 7))
    epsilon = 10 ** random.uniform(-8, np.log10(0.5))
    kappa = 10 ** random.uniform(-10, -2)
    detuning = float(random.choice([0.0, epsilon, 1e-3, 1.0]))
    names = "ABCDEF"[:size]
    make = qn.TwoLevel if kind == "two-level" else qn.Oscillator
    nodes = {name: make(5 + detuning * float(random.uniform(0, 2))) for name in names}
    pairs = list(itertools.pairwise(names))
    if kind == "ring" and size > 2:
        pairs.append((names[0], names[-1]))
    couplings: dict[tuple[str, str], qn.network.Coupling] = {
        pair: epsilon * (1.0 if detuning == 0 else float(random.uniform(0.5, 1.5))) for pair in pairs
    }
    if kind == "quadrature":
        couplings = {
            pair: qn.Quadrature(strength) if index % 2 == 0 else (strength, qn.Quadrature(strength / 2))
            for index, (pair, strength) in enumerate(couplings.items())
        }
    warm = 10 ** random.uniform(-0.5, 2)
    places = [names[0], names[-1]]
    temperatures = [warm, warm * float(random.choice([0.5, 0.9, 2.0]))]
    if kind == "nearly equal temperatures":
        temperatures[1] = warm * (1 + 10 ** random.uniform(-12, -3))
    if kind == "cold":
        temperatures = [warm if random.random() < 0.5 else 0.05, float(random.choice([0.0, 0.02, 0.3]))]
    if kind == "baths together":
        places += [names[0], str(random.choice(list(names)))]
        temperatures += [warm * 1.5, warm / 3]
    form = "full" if kind == "full" or (kind == "quadrature" and random.random() < 0.5) else "rotating-wave"
    baths = {
        f"bath {index}": qn.Bath(place, temperature, qn.PhononSpectrum(kappa * float(random.uniform(0.5, 2))), form)
        for index, (place, temperature) in enumerate(zip(places, temperatures, strict=True))
    }
    parameters = {"nodes": size, "epsilon": epsilon, "kappa": kappa, "detuning": detuning, "temperatures": temperatures}
    return qn.Network(nodes, couplings, baths), parameters


class Exact:
    """A network in many digits: forms, normal modes and rates."""

    def __init__(self, network: qn.Network) -> None:
        self.network, self.size = network, len(network.nodes)
        order = {name: index for index, name in enumerate(network.nodes)}
        n = self.size
        self.h_x, self.h_p = mpmath.zeros(n), mpmath.zeros(n)
        for name, node in network.nodes.items():
            self.h_x[order[name], order[name]] = self.h_p[order[name], order[name]] = mpmath.mpf(node.frequency)
        for first, second, term in qn.network.coupling_terms(network):
            i, j = order[first], order[second]
            swap = 0 if isinstance(term, qn.Quadrature) else mpmath.mpf(term.strength)
            of_x = 2 * mpmath.mpf(term.strength) if isinstance(term, qn.Quadrature) else swap
            for a, b in ((i, j), (j, i)):
                self.h_x[a, b] += of_x
                self.h_p[a, b] += swap
        self.at = {name: order[bath.node] for name, bath in network.baths.items()}
        swaps = all(isinstance(term, qn.Swap) for *_, term in qn.network.coupling_terms(network))
        self.conserving = swaps and all(bath.coupling != "full" for bath in network.baths.values())
        self.fermions = isinstance(next(iter(network.nodes.values())), qn.TwoLevel)

    def modes(self) -> tuple[Vector, Form, Form]:
        """Frequencies, ascending, S_x and S_p: x = S_x q, p = S_p π, from H_p = LLᵀ and LᵀH_xL = Vω²Vᵀ."""
        lower = mpmath.cholesky(self.h_p)
        squares, v = mpmath.eigsy(lower.T * self.h_x * lower)
        omega = [mpmath.sqrt(square) for square in squares]
        root = mpmath.diag([1 / mpmath.sqrt(each) for each in omega])
        unroot = mpmath.diag([mpmath.sqrt(each) for each in omega])
        return omega, lower * v * root, mpmath.inverse(lower.T) * v * unroot

    def density(self, bath: str, omega: Number) -> Number:
        """κω³."""
        return mpmath.mpf(self.network.baths[bath].spectrum.kappa) * omega**3

    def rate(self, bath: str, omega: Number) -> Number:
        """γ(ω), down for ω > 0 and up for ω < 0."""
        temperature = mpmath.mpf(self.network.baths[bath].temperature)
        density = self.density(bath, abs(omega))
        up = density / mpmath.expm1(abs(omega) / temperature) if temperature > 0 else mpmath.mpf(0)
        return up if omega < 0 else density + up


def _scaled(factor: Number, vector: Vector) -> Vector:
    return [factor * each for each in vector]


def _added(vectors: list[Vector], size: int) -> Vector:
    return [sum((vector[k] for vector in vectors), mpmath.mpc(0)) for k in range(size)]


def clusters_by_gaps(exact: Exact, omega: Vector) -> tuple[list[list[int]], bool]:
    """Modes in clusters cut at gaps above √(γω), and whether no gap is close to that."""
    clusters, clear = [[0]], True
    for k in range(1, len(omega)):
        gap, middle = omega[k] - omega[k - 1], (omega[k] + omega[k - 1]) / 2
        critical = mpmath.sqrt(max(exact.density(bath, middle) for bath in exact.at) * middle)
        clear = clear and not mpmath.mpf("0.999") < gap / critical < mpmath.mpf("1.001")
        if gap > critical:
            clusters.append([])
        clusters[-1].append(k)
    return clusters, clear


def standing_frequency(cluster: list[int], omega: Vector, amplitudes: list[Vector]) -> Number:
    """Mean weighted with Π_b |⟨b|k⟩|², or with Σ_b where that vanishes; equal frequencies are weighted once."""
    levels: list[list[int]] = []
    for k in cluster:
        if levels and (omega[k] - omega[levels[-1][0]]) / omega[-1] < CONSISTENT:
            levels[-1].append(k)
        else:
            levels.append([k])
    shares = [[mpmath.fsum(row[k] ** 2 for k in level) for row in amplitudes] for level in levels]
    weights = [mpmath.fprod(share) for share in shares]
    if sum(weights) == 0:
        weights = [mpmath.fsum(share) for share in shares]
    means = [mpmath.fsum(omega[k] for k in level) / len(level) for level in levels]
    return mpmath.fdot(weights, means) / mpmath.fsum(weights)


def pairs_of(exact: Exact, equation: str, cutoff: float | None) -> tuple[list[Pair], bool]:
    """All pairs of an equation; and whether nothing in it depends on numbers that doubles cannot tell apart."""
    n = exact.size
    half = mpmath.mpf(1) / 2
    if equation == "local":
        found = []
        for bath, j in exact.at.items():
            lowering = [mpmath.mpc(0)] * (2 * n)
            lowering[j], lowering[n + j] = mpmath.sqrt(half), 1j * mpmath.sqrt(half)
            raising = [mpmath.conj(each) for each in lowering]
            omega = exact.h_x[j, j]
            found.append(Pair(bath, lowering, _scaled(exact.rate(bath, omega) / 2, lowering)))
            found.append(Pair(bath, raising, _scaled(exact.rate(bath, -omega) / 2, raising)))
        return found, True
    omega, s_x, s_p = exact.modes()
    ladder = [
        [s_p[i, k] * mpmath.sqrt(half) for i in range(n)] + [1j * s_x[i, k] * mpmath.sqrt(half) for i in range(n)]
        for k in range(n)
    ]
    distances = [abs(omega[k] - omega[m]) / omega[-1] for k in range(n) for m in range(k)]
    clear = equation != "global" or not any(AMBIGUOUS[0] < each < AMBIGUOUS[1] for each in distances)
    groups = [[k] for k in range(n)]
    if equation == "global":
        groups = [[0]]
        for k in range(1, n):
            if (omega[k] - omega[k - 1]) / omega[-1] > AMBIGUOUS[0]:
                groups.append([])
            groups[-1].append(k)
    full = {bath: exact.network.baths[bath].coupling == "full" for bath in exact.at}
    amplitudes: list[Vector] = [
        [s_x[j, k] if full[bath] else (s_x[j, k] + s_p[j, k]) / 2 for k in range(n)] for bath, j in exact.at.items()
    ]
    # Below rounding an amplitude counts as none where the frequencies of clusters are weighted.
    amplitudes = [[each if abs(each) > FAINT else mpmath.mpf(0) for each in row] for row in amplitudes]
    standing = {k: omega[k] for k in range(n)}
    if equation == "unified":
        groups, clear = clusters_by_gaps(exact, omega)
        for group in groups:
            standing |= dict.fromkeys(group, standing_frequency(group, omega, amplitudes))
    found = []
    for bath, j in exact.at.items():
        # Signed Bohr frequency and component of each operator that the bath is coupled by.
        u = [(s_x[j, k] + s_p[j, k]) / 2 for k in range(n)]
        v = [(s_x[j, k] - s_p[j, k]) / 2 for k in range(n)]
        falling = [(omega[k], k, ladder[k]) for k in range(n)]
        rising = [(-omega[k], k, [mpmath.conj(each) for each in ladder[k]]) for k in range(n)]
        if full[bath]:
            both = [(frequency, k, _scaled(u[k] + v[k], vector)) for frequency, k, vector in falling + rising]
            operators = [(both, (1, -1))]
        else:
            operators = []
            for sign, (same, other) in ((1, (falling, rising)), (-1, (rising, falling))):
                parts = [(w, k, _scaled(u[k], vector)) for w, k, vector in same]
                parts += [(w, k, _scaled(v[k], vector)) for w, k, vector in other]
                operators.append((parts, (sign,)))
        for parts, sides in operators:
            active = [each for each in parts if mpmath.sign(each[0]) in sides]
            if equation in ("global", "unified"):
                for side, group in itertools.product(sides, groups):
                    members = [vector for w, k, vector in active if mpmath.sign(w) == side and k in group]
                    s = _added(members, 2 * n)
                    found.append(Pair(bath, s, _scaled(exact.rate(bath, side * standing[group[0]]) / 2, s)))
            elif equation == "universal":
                s = _added([_scaled(mpmath.sqrt(exact.rate(bath, w)), vector) for w, _, vector in active], 2 * n)
                found.append(Pair(bath, s, _scaled(half, s)))
            else:
                for w, _, vector in active:
                    near = [other for x, _, other in parts if equation == "redfield" or abs(x - w) <= cutoff]
                    found.append(Pair(bath, _added(near, 2 * n), _scaled(exact.rate(bath, w) / 2, vector)))
    return found, clear


def phase_space(exact: Exact, pairs: list[Pair]) -> Reference:
    """Steady covariance and the currents Tr[½H(Aσ + σAᵀ + D)]."""
    n = exact.size
    energy = mpmath.zeros(2 * n)
    for i, j in itertools.product(range(n), repeat=2):
        energy[i, j], energy[n + i, n + j] = exact.h_x[i, j], exact.h_p[i, j]
    symplectic = mpmath.zeros(2 * n)
    for i in range(n):
        symplectic[i, n + i], symplectic[n + i, i] = mpmath.mpf(1), mpmath.mpf(-1)
    drifts = {bath: mpmath.zeros(2 * n) for bath in exact.at}
    spreads = {bath: mpmath.zeros(2 * n) for bath in exact.at}
    for bath, s, coefficients in pairs:
        left = symplectic * mpmath.matrix([mpmath.conj(each) for each in s])
        right = symplectic * mpmath.matrix(coefficients)
        for i, j in itertools.product(range(2 * n), repeat=2):
            drifts[bath][i, j] += 2 * mpmath.im(left[i] * coefficients[j])
            spreads[bath][i, j] += mpmath.re(left[i] * right[j] + left[j] * right[i])
    drift, spread = symplectic * energy, mpmath.zeros(2 * n)
    for bath in exact.at:
        drift, spread = drift + drifts[bath], spread + spreads[bath]
    sigma = lyapunov(drift, spread, exact.conserving)
    currents, flows = {}, {}
    for bath, j in exact.at.items():
        change = drifts[bath] * sigma
        currents[bath] = _trace(energy, change + change.T + spreads[bath]) / 2
        flows[bath] = exact.h_x[j, j] * exact.rate(bath, -exact.h_x[j, j])
    return Reference(currents, flows, drift)


def _trace(first: Form, second: Form) -> Number:
    return mpmath.fsum(first[i, j] * second[j, i] for i in range(first.rows) for j in range(first.rows))


def lyapunov(drift: Form, spread: Form, conserving: bool) -> Form:
    """σ of Aσ + σAᵀ + D = 0; if excitations are conserved σ_pp = σ_xx, and σ_xp is antisymmetric."""
    size = drift.rows
    n = size // 2
    where: dict[tuple[int, int], tuple[int, int]] = {}
    rows: list[tuple[int, int]] = []
    for i, j in itertools.combinations_with_replacement(range(size), 2):
        if not conserving or j < n or (i < n <= j and i < j - n):
            where[i, j] = (len(rows), 1)
            rows.append((i, j))
    if conserving:
        for i, j in itertools.combinations_with_replacement(range(n), 2):
            where[n + i, n + j] = where[i, j]
            where[j, n + i] = (where[i, n + j][0], -1) if i < j else (0, 0)
    where |= {(j, i): place for (i, j), place in where.items()}
    equations = [[mpmath.mpf(0)] * (len(rows) + 1) for _ in rows]
    for equation, (i, j) in zip(equations, rows, strict=True):
        equation[-1] = -spread[i, j]
        for k in range(size):
            for coefficient, pair in ((drift[i, k], (k, j)), (drift[j, k], (k, i))):
                column, sign = where[pair]
                if coefficient and sign:
                    equation[column] += sign * coefficient
    found = eliminated(equations)
    sigma = mpmath.zeros(size)
    for (i, j), (index, sign) in where.items():
        sigma[i, j] = sign * found[index]
    return sigma


def eliminated(equations: list[Vector]) -> Vector:
    """Solution of linear equations, right side last, by elimination with pivots; changes its argument."""
    size = len(equations)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(equations[row][column]))
        equations[column], equations[pivot] = equations[pivot], equations[column]
        top = equations[column]
        for row in range(column + 1, size):
            if equations[row][column]:
                factor = equations[row][column] / top[column]
                equations[row] = [
                    below if index < column or not above else below - factor * above
                    for index, (below, above) in enumerate(zip(equations[row], top, strict=True))
                ]
                equations[row][column] = mpmath.mpf(0)
    found = [mpmath.mpf(0)] * size
    for row in reversed(range(size)):
        known = mpmath.fdot(equations[row][row + 1 : size], found[row + 1 :])
        found[row] = (equations[row][-1] - known) / equations[row][row]
    return found


def free_fermions(exact: Exact, equation: str) -> tuple[Reference, bool]:
    """Two-level chains: dG/dt = -i[h, G] - (MG + GM†) + P of the Jordan-Wigner fermions, baths at the ends.

    With G = R + iI: R symmetric, I antisymmetric.
    """
    n, h, clear = exact.size, exact.h_x, True
    losses, gains = {}, {}
    omega, v = mpmath.eigsy(h)
    if equation == "global":
        distances = [abs(omega[k] - omega[m]) / omega[n - 1] for k in range(n) for m in range(k)]
        clear = not any(each < AMBIGUOUS[1] for each in distances)
    for bath, j in exact.at.items():
        unit = mpmath.zeros(n)
        unit[j, j] = mpmath.mpf(1)
        loss, gain = mpmath.zeros(n), mpmath.zeros(n)
        if equation == "local":
            loss, gain = exact.rate(bath, h[j, j]) * unit, exact.rate(bath, -h[j, j]) * unit
        else:
            for k in range(n):
                mode = v[:, k] * v[:, k].T * v[j, k] ** 2
                loss, gain = loss + exact.rate(bath, omega[k]) * mode, gain + exact.rate(bath, -omega[k]) * mode
        losses[bath], gains[bath] = (loss + gain) / 2, gain
    damping, gain = mpmath.zeros(n), mpmath.zeros(n)
    for bath in exact.at:
        damping, gain = damping + losses[bath], gain + gains[bath]
    # (R, I) as one real Lyapunov equation: σ = [[R, -I], [I, R]] obeys Kσ + σKᵀ = P with K = [[M, -h], [h, M]].
    drift, spread = mpmath.zeros(2 * n), mpmath.zeros(2 * n)
    for i, j in itertools.product(range(n), repeat=2):
        drift[i, j] = drift[n + i, n + j] = -damping[i, j]
        drift[i, n + j], drift[n + i, j] = h[i, j], -h[i, j]
        spread[i, j] = spread[n + i, n + j] = gain[i, j]
    sigma = lyapunov(drift, spread, True)
    real = sigma[:n, :n]
    currents, flows = {}, {}
    for bath, j in exact.at.items():
        change = losses[bath] * real
        currents[bath] = _trace(h, gains[bath] - change - change.T)
        flows[bath] = h[j, j] * exact.rate(bath, -h[j, j])
    return Reference(currents, flows, drift), clear


def reference(network: qn.Network, equation: str, cutoff: float | None) -> tuple[Reference, bool]:
    """Currents in many digits, and whether doubles decide the same question."""
    exact = Exact(network)
    if exact.fermions:
        return free_fermions(exact, equation)
    pairs, clear = pairs_of(exact, equation, cutoff)
    return phase_space(exact, pairs), clear


def slowest(drift: Form) -> float:
    """Slowest rate of decay relative to the fastest motion; negative if something grows."""
    values = mpmath.eig(drift, left=False, right=False)
    return float(min(-mpmath.re(each) for each in values) / max(abs(each) for each in values))


def quadratic_networks(count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of every equation of one random network after another."""
    for index in range(count):
        number = index // len(qn.gaussian.EQUATIONS)
        yield try_quadratic(qn.gaussian.EQUATIONS[index % len(qn.gaussian.EQUATIONS)], (seed, number))


def try_quadratic(equation: str, seed: tuple[int, int]) -> Outcome:
    """Solve one equation of a random network, and compare its currents and what it says of their errors."""
    kind = KINDS[seed[1] % len(KINDS)]
    random = np.random.default_rng(seed)
    network, parameters = random_case(kind, random)
    if kind == "two-level" and equation not in ("local", "global"):
        equation = ("local", "global")[seed[1] // len(KINDS) % 2]
    cutoff = 10 ** random.uniform(-6, 0) if equation == "partial_secular" else None
    parameters |= {"seed": list(seed)} | ({} if cutoff is None else {"cutoff": cutoff})
    name = f"{kind}, {equation}"
    state, said = solved(lambda: qn.gaussian.steady_state(network, equation, cutoff=cutoff))
    with mpmath.workdps(DIGITS):
        try:
            found, clear = reference(network, equation, cutoff)
        except (ZeroDivisionError, ValueError) as problem:
            # Cholesky's decomposition does not exist, or a matrix is singular: no steady state.
            outcome = RIGHT if state is None else judged(np.inf, said)
            return Outcome(name, parameters, outcome, f"{said} | {problem}", np.nan)
        if state is None:
            rate = slowest(found.drift)
            parameters |= {"slowest": rate}
            return Outcome(name, parameters, RIGHT if rate < UNDAMPED else REFUSED, said, np.nan)
        largest = max(found.flows.values())
        worst = 0.0
        for bath, current in found.currents.items():
            deviation = abs(state.heat_currents[bath] - current)
            floor = PROMISED * SMALLEST * largest
            promised = max(PROMISED * abs(current), floor)
            stated = state.heat_current_errors[bath] + ROUNDED * abs(current)
            allowed = min(promised, max(stated, ROUNDED * floor))
            worst = max(worst, float(deviation / allowed) if deviation > 0 else 0.0)
    return Outcome(name, parameters, judged(worst, said) if clear or worst <= 1 else UNDECIDED, said, worst)
