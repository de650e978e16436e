"""The exact steady state of a network of oscillators: heat currents by quantum Langevin equations, after Landauer.

J_l = Σ_b ∫_0^∞ dω/2π ω J_l(ω) J_b(ω) |G_lb(ω)|² [n_l(ω) - n_b(ω)]. See DERIVATION.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.exact.model import Model, NoExactAnswerError, SelfEnergies, densities, model, require_stable
from qnet_qutip.exact.quadrature import QuadratureError, integrate
from qnet_qutip.exact.resonances import Resonances, find_resonances, greens_function
from qnet_qutip.exact.self_energy import NoCutoffError, require_cutoff
from qnet_qutip.network import Bath, FrozenMapping, Network, require_network, require_reached
from qnet_qutip.spectra import checked_density

Real = NDArray[np.float64]
Index = NDArray[np.int64]

# Beyond this many times the highest temperature, added to twice the highest mode, nothing is left but e^-100.
TEMPERATURES = 100.0

# The vacuum's part of an occupation falls as ω^-3 at least, times a spectrum with a cutoff: beyond this many times the
# top of all else less than 1e-12 of it is left.
VACUUM = 1e6


# Poles are refined at once up to so many dimensions, for 1 s of work; up to LARGEST_REFINED where floats turn out to
# have too few digits: 3 s for 45, 6 s for 60 and half a minute for 100.
REFINED_AT_ONCE = 30
LARGEST_REFINED = 100

# In floats both computations have rounding errors of one size, and their difference may be the less of both: of
# 57 random trees of nearly equal nodes the current was off by up to 0.93 of it.
FLOAT_SAFETY = 4.0


@dataclass(frozen=True)
class ExactState:
    """The exact steady state of a network.

    Attributes
    ----------
    network : Network
    heat_currents : mapping of str to float
        J of each bath, positive into the network.
    heat_current_errors : mapping of str to float
        Estimate of the absolute error of each: the difference of two quadrature rules with two expansions in poles.
    level_shift : bool or None
    rtol : float
        As they were given.
    """

    network: Network
    heat_currents: Mapping[str, float]
    heat_current_errors: Mapping[str, float]
    level_shift: bool | None
    rtol: float

    @cached_property
    def occupations(self) -> Mapping[str, float]:
        """⟨a†a⟩ of every node, converged to `rtol` of itself; found when it is first asked for.

        Raises
        ------
        NoExactAnswerError
            If a spectral density does not vanish at zero frequency: J n is then not integrable.
        NoCutoffError
            If a full bath or a quadrature coupling meets a spectrum without a cutoff: the vacuum's part diverges.
        QuadratureError
            If the integral does not converge.
        """
        return FrozenMapping(_occupations(self.network, self.level_shift, self.rtol))

    @property
    def entropy_production(self) -> float:
        """σ = -Σ J/T, eq. (1); infinite if heat flows into a bath at zero temperature."""
        terms = []
        for name, current in self.heat_currents.items():
            temperature = self.network.baths[name].temperature
            if current:
                terms.append(-current / temperature if temperature > 0 else math.copysign(math.inf, -current))
        return math.fsum(terms)

    def __repr__(self) -> str:
        currents = ", ".join(
            f"{name}: {current:.10g} ± {self.heat_current_errors[name]:.1g}"
            for name, current in self.heat_currents.items()
        )
        return f"ExactState of {len(self.network.nodes)} nodes, entropy production {self.entropy_production:.6g}\n" + (
            f"heat currents {{{currents}}}"
        )


def steady_state(network: Network, *, level_shift: bool | None = None, rtol: float = 1e-9) -> ExactState:
    """Exact heat currents of a network of oscillators, of any shape and with any baths.

    J_l = Σ_b ∫_0^∞ dω/2π ω J_l(ω) J_b(ω) |G_lb(ω)|² [n_l(ω) - n_b(ω)], with no expansion in the coupling and no Markov
    approximation. The integrand's resonances may be of any width; two expansions in poles and two quadrature rules give
    the estimate of the error.

    Parameters
    ----------
    network : Network
        Of oscillators without anharmonicity, swaps and quadrature couplings.
    level_shift : bool, optional
        Whether the baths shift the network's levels: the real part S(ω) of each self-energy S(ω) - iJ(ω)/2. It is the
        principal value P∫dx/2π J(x)/(ω - x) of a rotating-wave bath, and P∫dx/2π J(x)[1/(ω - x) - 1/(ω + x)] of a full
        one, whose renormalisation of the frequency is not compensated by a counter-term. By default it is left out
        for rotating-wave baths and kept for full ones.
    rtol : float, optional
        What the currents between two baths are converged to, relative to themselves.

    Returns
    -------
    ExactState

    Raises
    ------
    NoExactAnswerError
        If the network is not quadratic, a mode is undamped, or the network with its level shifts has no ground state.
    NoCutoffError
        If a level shift, or a full coupling, has a spectral density without a cutoff.
    QuadratureError
        If the integral does not converge.
    TypeError, ValueError
        If the network is none, a spectral density is not valid, or a node is not reached by a bath.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=1e-6, T_h=12, T_c=10, kappa=1e-7)
    >>> round(steady_state(net).heat_currents["hot"], 16)
    3.066521715e-07
    """
    require_network(network)
    rtol = checks.positive("rtol", rtol)
    if level_shift is not None:
        level_shift = checks.truth("level_shift", level_shift)
    require_reached(network)
    described = model(network, level_shift)
    temperatures = [bath.temperature for bath in network.baths.values()]
    pairs = [
        (hot, cold)
        for hot, cold in itertools.permutations(range(len(temperatures)), 2)
        if temperatures[hot] > temperatures[cold]
    ]

    def integrals(resonances: Resonances) -> tuple[Real, Real]:
        return _pair_currents(described, resonances, pairs, rtol) if pairs else (np.zeros(0), np.zeros(0))

    values, errors = _with_enough_digits(integrals, described, _top(network, described))
    currents, doubts = _of_baths(network, pairs, values, errors)
    return ExactState(network, currents, doubts, level_shift, rtol)


def _top(network: Network, described: Model) -> float:
    return described.highest + TEMPERATURES * max(bath.temperature for bath in network.baths.values())


def _with_enough_digits(
    integrals: Callable[[Resonances], tuple[Real, Real]], described: Model, top: float
) -> tuple[Real, Real]:
    """Integrals over the resonances, whose poles are refined where a float's digits are too few and it can be done."""
    size = len(described.matrix)
    if size > REFINED_AT_ONCE:
        try:
            values, errors = integrals(_resonances(described, top, refined=False))
            return values, FLOAT_SAFETY * errors
        except (NoExactAnswerError, QuadratureError):
            if size > LARGEST_REFINED:
                raise
    return integrals(_resonances(described, top, refined=True))


def _resonances(described: Model, top: float, *, refined: bool) -> Resonances:
    network = described.network
    temperatures = [bath.temperature for bath in network.baths.values() if bath.temperature > 0]
    marks = {0.0, *temperatures}
    marks |= {mark for bath in network.baths.values() for mark in getattr(bath.spectrum, "landmarks", ())}
    energies = SelfEnergies(described, top)
    require_stable(described, energies)
    return find_resonances(described, energies, sorted(marks), top, refined=refined)


def _pair_currents(
    described: Model, resonances: Resonances, pairs: list[tuple[int, int]], rtol: float
) -> tuple[Real, Real]:
    """Heat that the hotter bath of each pair sends to the colder one."""
    network = described.network
    temperatures = np.array([bath.temperature for bath in network.baths.values()])
    hot, cold = np.array(pairs).T
    channel_of = described.channel_of

    def integrand(rule: int, centre: Index, offset: Real) -> Real:
        frequency = resonances.positions[centre] + offset
        green = greens_function(resonances, rule, centre, offset)
        J = densities(network, frequency)
        transmission = J[:, hot] * J[:, cold] * np.abs(green[:, channel_of[hot], channel_of[cold]]) ** 2
        excess = _excess(frequency[:, None], temperatures[hot], temperatures[cold])
        flow: Real = frequency[:, None] * transmission * excess / (2 * math.pi)
        return flow

    def measure(flows: Real) -> Real:
        """The largest flow of the one bath of each pair or of the other, whichever is less.

        A flow that is less than rounding of what both exchange with others is in neither's current.
        """
        largest = np.zeros(len(temperatures))
        for ends in (hot, cold):
            np.maximum.at(largest, ends, flows)
        least: Real = np.minimum(largest[hot], largest[cold])
        return least

    values, errors = integrate(integrand, resonances.centres, rtol, measure)
    return values, errors


def _excess(frequency: Real, hot: Real, cold: Real) -> Real:
    """n_h - n_c ≥ 0 without cancellation: n_h (1 + n_c)(1 - e^(ω/T_h - ω/T_c))."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x_h, x_c = frequency / hot, frequency / cold
        difference = np.where(cold > 0, frequency * (hot - cold) / (hot * cold), np.inf)
        result = -np.expm1(-difference) / (np.expm1(x_h) * -np.expm1(-x_c))
    positive: Real = np.where((frequency > 0) & (hot > 0), result, 0.0)
    return positive


def _occupations(network: Network, level_shift: bool | None, rtol: float) -> dict[str, float]:
    """⟨a†a⟩ = Σ_b ∫_0^∞ dω/2π J_b [n_b |G_ab|² + (n_b + 1) |G_a†b|²].

    The second term is of networks with a quadrature coupling or a full bath: a(-ω) is the adjoint of a†(ω), which is
    driven by the annihilation part of the noise, and n + 1 is that part's other order.
    """
    described = model(network, level_shift, observed=True)
    size = len(network.nodes)
    paired = len(described.matrix) > size
    top = _top(network, described)
    for name, bath in network.baths.items():
        _require_quiet(name, bath, described.reference)
    if paired:
        # The vacuum's part has no temperature that ends it, only a cutoff.
        for name, bath in network.baths.items():
            _require_vacuum_cutoff(name, bath, top)
        top *= VACUUM
    temperatures = np.array([bath.temperature for bath in network.baths.values()])
    single = described.channels.sum(axis=0) == 1
    row_of = np.argmax(described.channels, axis=0)
    rows = np.array([int(np.flatnonzero(single & (row_of == row))[0]) for row in range(len(described.matrix))])

    def integrals(resonances: Resonances) -> tuple[Real, Real]:
        def integrand(rule: int, centre: Index, offset: Real) -> Real:
            frequency = resonances.positions[centre] + offset
            green = np.abs(greens_function(resonances, rule, centre, offset)[:, rows][:, :, described.channel_of]) ** 2
            J = densities(network, frequency) / (2 * math.pi)
            n = _excess(frequency[:, None], temperatures, np.zeros_like(temperatures))
            result: Real = np.einsum("pb,pib->pi", J * n, green[:, :size])
            if paired:
                result = result + np.einsum("pb,pib->pi", J * (n + 1), green[:, size:])
            return result

        return integrate(integrand, resonances.centres, rtol, lambda flows: flows)

    values, _ = _with_enough_digits(integrals, described, top)
    return dict(zip(network.nodes, values.tolist(), strict=True))


def _require_quiet(name: str, bath: Bath, scale: float) -> None:
    """Raise if J n ∝ J/ω cannot be integrated at ω → 0."""
    low, high = checked_density(bath.spectrum.density, scale * np.array([1e-14, 1e-10]), f" of bath {name!r}")
    if bath.temperature > 0 and low > 0.5 * high > 0:
        raise NoExactAnswerError(
            f"occupations must be of baths whose spectral density vanishes at frequency zero, but that of bath "
            f"{name!r} is {low:.3g} there: endlessly many excitations of low frequency fill its node without bound; "
            "give another spectrum, or a bath at zero temperature"
        )


def _require_vacuum_cutoff(name: str, bath: Bath, top: float) -> None:
    try:
        require_cutoff(bath.spectrum, top, f" of bath {name!r}")
    except NoCutoffError as error:
        raise NoCutoffError(
            f"occupations in a network with a quadrature coupling or a full bath must have a cutoff, or the vacuum "
            f"fills its nodes without bound: {error}"
        ) from None


def _of_baths(
    network: Network, pairs: list[tuple[int, int]], values: Real, errors: Real
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Each bath's current and its error, from those of the pairs."""
    baths = list(network.baths)
    sent: dict[str, list[float]] = {name: [] for name in baths}
    doubts: dict[str, list[float]] = {name: [] for name in baths}
    for (hot, cold), value, error in zip(pairs, values, errors, strict=True):
        sent[baths[hot]].append(float(value))
        sent[baths[cold]].append(-float(value))
        for one in (hot, cold):
            doubts[baths[one]].append(float(error))
    return (
        FrozenMapping({name: math.fsum(terms) for name, terms in sent.items()}),
        FrozenMapping({name: math.fsum(terms) for name, terms in doubts.items()}),
    )
