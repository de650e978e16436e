"""Exact heat currents of two-level, mixed and anharmonic networks, by hierarchical equations of motion.

The network couples to bath l by Q_l R_l, Q_l = a + a† of its node, without a counter term. QuTiP's `HEOMSolver` makes
the hierarchy: with ⟨R_l(t)R_l⟩ = Σ_k c_k e^(-ν_k t) + 2Γ_l δ(t) (see `expansion`), the density matrix is coupled to
auxiliary operators ρ_n of the first tier, one for each exponent, which hold Q_l's correlation with R_l; these to the
second tier, and so on (Tanimura and Kubo, J. Phys. Soc. Jpn. 58, 101 (1989)). It is exact once the answer no longer
changes with the depth, the exponents and the levels of oscillators: this is what is tried here.

Heat current. J_l is the energy that bath l gives away, -d⟨H_l⟩/dt. In the steady state no energy piles up in the
coupling Q_lR_l, and what the bath gives the network takes (Kato and Tanimura, J. Chem. Phys. 145, 224105 (2016), with
the opposite sign; the terms with [Q_l, Q_m] there are 0, for a + a† of nodes commute):

    J_l = -i Σ_n Tr([H, Q_l]ρ_n) - Γ_l Tr([[H, Q_l], Q_l]ρ)
        = -Σ_n ν_n Tr(Q_lρ_n) + 2 Im C_l(0) Tr(Q_l²ρ) - Γ_l Tr([[H, Q_l], Q_l]ρ),    n in tier 1 of bath l.

The first line is what the network takes, the second what the bath gives. Their difference is Tr Q_l of the first tier's
equations, and the sum of the first over all baths is Tr H of the density matrix's: so both hold, and Σ_l J_l = 0, at
every depth and with any exponents, to the residual of the solution. They are no sign of convergence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from qutip import Qobj, destroy, liouvillian, qeye, tensor
from qutip.core.environment import system_terminator
from qutip.solver.heom import HEOMSolver

from qnet_qutip import checks
from qnet_qutip.exact.expansion import environment_of, expand, fewest_terms, is_expanded
from qnet_qutip.exact.tiers import RESTART, steady_operators
from qnet_qutip.network import (
    Dispersive,
    FrozenMapping,
    Network,
    Oscillator,
    Quadrature,
    Swap,
    coupling_terms,
    require_network,
    require_reached,
)
from qnet_qutip.progress import progress_line
from qnet_qutip.spectra import density_at

START = {"depth": 3, "levels": 4}
"""Where the refinement begins: so little that it costs nothing. Of exponents, with the fewest that will do."""

STEPS = {"depth": (1, 2), "exponents": (1,), "levels": (2,)}
"""What each is refined by, to see what changes. Currents swing about their limit as the depth grows, unevenly at strong
coupling (two two-level nodes, λ = 1: 1.17770, 1.17562, 1.17757, 1.17956 at depths 6 to 9): one step may fall near the
last by chance, two rarely do."""

TRIAL_DEPTH = 4
MARGIN = 1.25
"""Each of the three is refined where the others are coarse: at this depth, with the fewest exponents. The change seen
is multiplied by the margin. Two two-level nodes at λ = 1, where no change is small: another exponent changes 0.89 and
0.95 at depth 4 of what it does at depth 7, another tier 0.91 with one exponent of what it does with three. Trials at
full resolution took 3 times as long at λ = 0.25."""


class ConvergenceError(RuntimeError):
    """The exact answer was not reached within the limits."""


@dataclass(frozen=True)
class Resolution:
    """How finely a network and its baths are resolved: the depth, exponents a bath, levels an oscillator."""

    depth: int
    exponents: int
    levels: FrozenMapping[str, int]

    def refined(self, what: str, step: int) -> Resolution:
        """The same with more of one."""
        if what == "depth":
            return Resolution(self.depth + step, self.exponents, self.levels)
        if what == "exponents":
            return Resolution(self.depth, self.exponents + step, self.levels)
        more = FrozenMapping({name: number + step for name, number in self.levels.items()})
        return Resolution(self.depth, self.exponents, more)

    def trial(self, what: str, fewest: int) -> Resolution:
        """Where to see what refining one does: with the others coarse."""
        depth = self.depth if what == "depth" else min(self.depth, TRIAL_DEPTH)
        exponents = self.exponents if what == "exponents" else fewest
        return Resolution(depth, exponents, self.levels)

    def __repr__(self) -> str:
        levels = f", levels {self.levels}" if self.levels else ""
        return f"depth {self.depth}, exponents {self.exponents}{levels}"


@dataclass(frozen=True, repr=False)
class HierarchyState:
    """The steady state of a hierarchy.

    Attributes
    ----------
    network : Network
    rho : qutip.Qobj
        Density matrix of the network.
    heat_currents : mapping of str to float
        J of each bath, into the network.
    error : mapping of str to float
        What each current changes by if the depth, the exponents and the levels are refined, and by how much it misses
        energy conservation: sum of the absolute values.
    resolution : Resolution
        Depth, exponents and levels.
    unchecked : tuple of str
        Which of these the caller fixed: `error` does not contain what is due to them.
    unknowns : int
        Entries of all the operators.
    """

    network: Network
    rho: Qobj
    heat_currents: Mapping[str, float]
    error: Mapping[str, float]
    resolution: Resolution
    unchecked: tuple[str, ...]
    unknowns: int

    @property
    def entropy_production(self) -> float:
        """σ = -Σ_l J_l/T_l, eq. (1)."""
        return -sum(J / self.network.baths[name].temperature for name, J in self.heat_currents.items())

    def __repr__(self) -> str:
        currents = ", ".join(f"{name}: {J:.6g} ± {self.error[name]:.1g}" for name, J in self.heat_currents.items())
        unchecked = f", unchecked: {', '.join(self.unchecked)}" if self.unchecked else ""
        return f"HierarchyState({currents}; {self.resolution}{unchecked}; {self.unknowns} unknowns)"


def steady_state(
    network: Network,
    depth: int | None = None,
    exponents: int | None = None,
    levels: int | Mapping[str, int] | None = None,
    *,
    rtol: float = 1e-4,
    atol: float = 0.0,
    max_unknowns: int = 2_000_000,
) -> HierarchyState:
    """Exact steady state and heat currents, to a tolerance that is checked.

    What is not fixed by the caller is refined until the currents no longer change by more than the tolerance: the depth
    by one and by two, the exponents by one, the levels by two. The progress line tells the resolution reached; after an
    interruption it can be given, and is not tried again.

    Parameters
    ----------
    network : Network
        Its baths are coupled fully, by (a + a†)R, and have spectra that can be expanded: `DrudeLorentzSpectrum`,
        `LorentzianSpectrum`, the QuTiP environments of the same kinds, and QuTiP's `ExponentialBosonicEnvironment`,
        whose exponents are taken as they are: how well they fit what they were fitted to is not in the error.
    depth : int, optional
        Tiers of auxiliary operators, at least 1.
    exponents : int, optional
        Exponents a bath that stand for its temperature (Padé's or Matsubara's), beside those of its spectrum.
    levels : int or mapping of str to int, optional
        Of every oscillator, or of each, at least 2.
    rtol : float, optional
        By how much each current may change, relative to the largest of them.
    atol : float, optional
        The same, absolutely: baths at one temperature have no current that anything could be relative to.
    max_unknowns : int, optional
        Largest hierarchy: a million entries of two-level nodes take about 2 GB and some minutes.

    Returns
    -------
    HierarchyState

    Raises
    ------
    ConvergenceError
        If the next refinement would have more than `max_unknowns`, or a hierarchy cannot be solved.
    MemoryError
        If a fixed resolution does not fit in this machine's memory.
    TypeError, ValueError
        If a bath is not coupled fully or has no expansion, or its exponents are out of detailed balance by more than
        1e-3 at its node's frequency; if a node is reached by no bath, or an argument is not valid.

    Examples
    --------
    Two two-level nodes at the resonance, of Kato and Tanimura, J. Chem. Phys. 143, 064107 (2015), figure 3(a):

    >>> from qnet_qutip import Bath, DrudeLorentzSpectrum, TwoLevel, chain
    >>> spectrum = DrudeLorentzSpectrum(lam=0.05, gamma=2)
    >>> baths = {"hot": Bath("A", 2.02, spectrum, "full"), "cold": Bath("B", 1.98, spectrum, "full")}
    >>> state = steady_state(chain([TwoLevel(1), TwoLevel(1)], 0.1, **baths), depth=7, exponents=1)
    >>> round(1e4 * state.heat_currents["hot"], 4)
    1.2113
    """
    require_network(network)
    require_reached(network)
    for name, bath in network.baths.items():
        if bath.coupling != "full":
            raise ValueError(
                f"the coupling of bath {name!r} must be 'full', because a hierarchy needs one Hermitian operator, "
                f"but is {bath.coupling!r}"
            )
    environments = {name: environment_of(name, bath) for name, bath in network.baths.items()}
    for name, bath in network.baths.items():
        if is_expanded(environments[name]):
            # A fit that is out of detailed balance heats or cools on its own: the spectrum refuses it.
            density_at(bath.spectrum, network.nodes[bath.node].frequency, f" of bath {name!r}")
    rtol, atol = checks.positive("rtol", rtol), checks.not_negative("atol", atol)
    max_unknowns = checks.whole("max_unknowns", max_unknowns, 1)
    fewest = {name: fewest_terms(name, environment) for name, environment in environments.items()}
    if exponents is not None:
        exponents = checks.whole("exponents", exponents, 0)
        for name, terms in fewest.items():
            if exponents < terms:
                raise ValueError(
                    f"exponents must be at least {terms} for bath {name!r}, which is cold against its cutoff, but is "
                    f"{exponents}"
                )
    fixed = {"depth": depth, "exponents": exponents, "levels": levels}
    free = [what for what, value in fixed.items() if value is None]
    start = Resolution(
        START["depth"] if depth is None else checks.whole("depth", depth, 1),
        max(fewest.values()) if exponents is None else exponents,
        _levels(network, START["levels"] if levels is None else levels),
    )
    if all(is_expanded(environment) for environment in environments.values()):
        free = [what for what in free if what != "exponents"]
    if not start.levels:
        free = [what for what in free if what != "levels"]
    unchecked = tuple(
        what for what, value in fixed.items() if value is not None and not (what == "levels" and not start.levels)
    )
    show = progress_line("hierarchy")
    solved: dict[Resolution, HierarchyState] = {}

    def solve(resolution: Resolution) -> HierarchyState:
        if resolution not in solved:
            solved[resolution] = _solve(network, resolution, unchecked, max_unknowns if free else None, show)
        return solved[resolution]

    resolution = start
    changes: dict[str, dict[str, float]] = {}
    while len(changes) < len(free):
        coarse = solve(resolution.trial("depth", start.exponents))
        allowed = max(rtol * max(map(abs, coarse.heat_currents.values())), atol)
        changes = {}
        for what in free:
            change = _change(solve, resolution.trial(what, start.exponents), what)
            if max(change.values()) > allowed:
                resolution = resolution.refined(what, STEPS[what][0])
                break
            changes[what] = change
    state = solve(resolution)
    show("")
    error = {name: own + sum(change[name] for change in changes.values()) for name, own in state.error.items()}
    return dataclasses.replace(state, error=FrozenMapping(error))


def _change(solve: Callable[[Resolution], HierarchyState], trial: Resolution, what: str) -> dict[str, float]:
    """By how much each current may change if one of the three is refined."""
    coarse = solve(trial).heat_currents
    finer = [solve(trial.refined(what, step)).heat_currents for step in STEPS[what]]
    return {name: MARGIN * max(abs(each[name] - J) for each in finer) for name, J in coarse.items()}


def _levels(network: Network, levels: int | Mapping[str, int]) -> FrozenMapping[str, int]:
    oscillators = [name for name, node in network.nodes.items() if isinstance(node, Oscillator)]
    if isinstance(levels, Mapping):
        for name in levels:
            checks.one_of("a node of levels", name, oscillators)
        missing = [name for name in oscillators if name not in levels]
        if missing:
            raise ValueError(f"levels must name every oscillator, but {missing} are missing")
    else:
        levels = dict.fromkeys(oscillators, levels)
    return FrozenMapping({name: checks.whole(f"levels of {name!r}", levels[name], 2) for name in oscillators})


def _operators(network: Network, levels: Mapping[str, int]) -> tuple[Qobj, dict[str, Qobj]]:
    """H and the lowering operator of each node, on the tensor product of all."""
    sizes = {name: levels.get(name, 2) for name in network.nodes}
    lowering = {
        name: tensor([destroy(size) if other == name else qeye(size) for other, size in sizes.items()])
        for name in network.nodes
    }
    number = {name: a.dag() * a for name, a in lowering.items()}
    hamiltonian = sum(node.frequency * number[name] for name, node in network.nodes.items())
    for name, node in network.nodes.items():
        if isinstance(node, Oscillator) and node.anharmonicity:
            hamiltonian += node.anharmonicity / 2 * number[name] * (number[name] - 1)
    for first, second, term in coupling_terms(network):
        a, b = lowering[first], lowering[second]
        match term:
            case Swap(strength):
                hamiltonian += strength * (a.dag() * b + a * b.dag())
            case Quadrature(strength):
                hamiltonian += strength * (a + a.dag()) * (b + b.dag())
            case Dispersive(strength):
                hamiltonian += strength * number[first] * number[second]
    return hamiltonian, lowering


def _solve(
    network: Network,
    resolution: Resolution,
    unchecked: tuple[str, ...],
    max_unknowns: int | None,
    show: Callable[[str], None],
) -> HierarchyState:
    """The steady state at one resolution, with the error of the solution alone."""
    hamiltonian, lowering = _operators(network, resolution.levels)
    positions = {name: lowering[bath.node] + lowering[bath.node].dag() for name, bath in network.baths.items()}
    expansions = {
        name: expand(environment_of(name, bath), resolution.exponents) for name, bath in network.baths.items()
    }
    exponents = {name: list(each.environment.exponents) for name, each in expansions.items()}
    unknowns = _require_room(resolution, hamiltonian, sum(map(len, exponents.values())), max_unknowns)
    generator = liouvillian(hamiltonian)
    for name, expansion in expansions.items():
        generator += system_terminator(positions[name], expansion.remainder)
    solver = HEOMSolver(
        generator,
        [(expansion.environment, positions[name]) for name, expansion in expansions.items()],
        max_depth=resolution.depth,
    )
    operators = steady_operators(
        solver, hamiltonian, lambda count: show(f"{resolution}: {unknowns} unknowns, iteration {count}")
    )
    if operators is None:
        raise ConvergenceError(
            f"the hierarchy of {resolution} could not be solved by iteration: its baths are coupled too strongly "
            "(λ must not be far above the frequencies), or the network has more than one steady state"
        )
    rho = operators[0]
    H = hamiltonian.full()
    taken, given = {}, {}
    index = 0
    for name, expansion in expansions.items():
        Q = positions[name].full()
        flow = H @ Q - Q @ H
        diffusion = expansion.remainder * np.trace((flow @ Q - Q @ flow) @ rho)
        rate = -diffusion
        rate_given = -diffusion
        for exponent in exponents[name]:
            label = tuple(int(index == other) for other in range(len(solver.ados.exponents)))
            first = operators[solver.ados.idx(label)]
            rate -= 1j * np.trace(flow @ first)
            rate_given -= exponent.vk * np.trace(Q @ first)
            imaginary = {"I": exponent.ck, "RI": exponent.ck2}.get(exponent.type.name, 0)
            rate_given += 2 * imaginary * np.trace(Q @ Q @ rho)
            index += 1
        taken[name], given[name] = complex(rate), complex(rate_given)
    left_over = abs(sum(taken.values()))
    error = {name: abs(taken[name] - given[name]) + abs(taken[name].imag) + left_over for name in taken}
    currents = {name: rate.real for name, rate in taken.items()}
    return HierarchyState(
        network,
        Qobj((rho + rho.conj().T) / 2, dims=hamiltonian.dims),
        FrozenMapping(currents),
        FrozenMapping(error),
        resolution,
        unchecked,
        unknowns,
    )


def _require_room(resolution: Resolution, hamiltonian: Qobj, exponents: int, max_unknowns: int | None) -> int:
    """The number of unknowns, or an error before anything is allocated."""
    dimension = hamiltonian.shape[0]
    operators = math.comb(resolution.depth + exponents, exponents)
    unknowns: int = operators * dimension**2
    if max_unknowns is not None and unknowns > max_unknowns:
        raise ConvergenceError(
            f"the currents must change by less than the tolerance within max_unknowns = {max_unknowns}, but "
            f"{resolution} would have {unknowns}: allow more of them or a larger rtol or atol, or fix the depth, the "
            "exponents and the levels and compare two such answers"
        )
    links = 2 * operators * exponents * resolution.depth / (resolution.depth + exponents)
    # 16 bytes a number and 8 an index, thrice (QuTiP's blocks, its matrix, the tiers), some four entries a row, a
    # kilobyte for the object of each block, and GMRES's vectors: an upper estimate, of 500 MB where 219 were measured.
    needed = links * (1000 + 3 * 24 * 4 * dimension**2) + unknowns * 16 * (RESTART + 20)
    checks.fits_in_memory(f"a hierarchy of {resolution}", needed, "take a smaller depth, fewer exponents or levels")
    return unknowns
