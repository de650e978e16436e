"""The global master equation, eqs. (10)-(12) and (16): each bath acts on the normal modes of the whole network.

For two-level nodes, which the paper leaves out, the collapse operators are the eigenoperators of the coupling a + a†:
the transitions 0 → ± and ∓ → both share a Bohr frequency ω_± and are summed coherently into one operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.equations.master_equation import (
    MasterEquation,
    cooling_and_heating,
    frozen_operators,
    network_hamiltonian,
    node_space,
    require_baths,
    require_network,
)
from qnet_qutip.network import Network, Oscillator, bath_rates
from qnet_qutip.space import Levels, Space, mode_space
from qnet_qutip.truncation import (
    CURRENT_OVER_FLOW,
    DEFAULT_RTOL,
    SHELL_SAFETY,
    Estimate,
    check_size,
    sufficient_levels,
    warn_if_too_small,
)

BASES = ("modes", "nodes")


@dataclass(frozen=True)
class NormalModes:
    """Frequencies and mixing angle of eq. (10), for two nodes named `first` and `second`.

    d_+ = a cosθ + b sinθ and d_- = b cosθ - a sinθ, with 0 ≤ θ ≤ π/2 for ε > 0.
    """

    first: str
    second: str
    omega_plus: float
    omega_minus: float
    theta: float

    @property
    def frequencies(self) -> dict[str, float]:
        """ω_+ and ω_- by the names of the modes."""
        return {"+": self.omega_plus, "-": self.omega_minus}

    @property
    def expansion(self) -> dict[str, dict[str, float]]:
        """Each node's lowering operator in those of the modes: a = d_+ cosθ - d_- sinθ, b = d_+ sinθ + d_- cosθ."""
        cos, sin = float(np.cos(self.theta)), float(np.sin(self.theta))
        return {self.first: {"+": cos, "-": -sin}, self.second: {"+": sin, "-": cos}}


def normal_modes(network: Network) -> NormalModes:
    """Normal modes of two coupled nodes, eq. (10).

    Raises
    ------
    TypeError
        If it is not a network.
    ValueError
        If the network has not exactly two nodes of one kind, or ε² ≥ ω_hω_c, so that ω_- would not be positive.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> normal_modes(net).frequencies
    {'+': 6.0, '-': 4.0}
    """
    require_network(network)
    if len(network.nodes) != 2 or len({type(node) for node in network.nodes.values()}) != 1:
        kinds = {name: type(node).__name__ for name, node in network.nodes.items()}
        raise ValueError(f"network must have two nodes of one kind for the global equation, but has {kinds}")
    first, second = network.nodes
    omega_h, omega_c = network.nodes[first].frequency, network.nodes[second].frequency
    epsilon = network.couplings.get((first, second), 0.0)
    if epsilon**2 >= omega_h * omega_c:
        raise ValueError(
            f"epsilon must be below sqrt(omega_h omega_c) = {np.sqrt(omega_h * omega_c):g} for the global equation, "
            f"but is {epsilon:g}: omega_- would not be positive"
        )
    omega_plus = (omega_h + omega_c) / 2 + np.hypot((omega_h - omega_c) / 2, epsilon)
    # The product of the frequencies keeps the digits of ω_- that the difference of eq. (10) loses.
    omega_minus = (omega_h * omega_c - epsilon**2) / omega_plus
    theta = np.arctan2(2 * epsilon, omega_h - omega_c) / 2
    return NormalModes(first, second, float(omega_plus), float(omega_minus), float(theta))


def global_master_equation(
    network: Network,
    *,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    basis: str | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the global master equation of two oscillators or two two-level nodes, eqs. (10)-(12).

    Parameters
    ----------
    network : Network
        Two nodes of one kind, with baths on either.
    levels : int or mapping of str to int, optional
        Levels of every factor, or of each; the factors are the nodes, or "+" and "-" if `basis` is "modes".
    max_excitations : int, optional
        Cut at this total number of excitations of the nodes instead.
    basis : {"modes", "nodes"}, optional
        For oscillators, what the space is a product of. In the basis of the normal modes the excitations n_+ and n_-
        are conserved one by one, so that a soft mode can have the hundreds of levels it needs; the density matrix is
        then one of the modes. In the basis of the nodes it is that of `local_master_equation`. By default "nodes" if a
        cut is given and "modes" otherwise.
    rtol : float, optional
        Relative truncation error of the heat currents that a space is chosen for, if no cut is given.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError
        If the network is none, has no bath or not two nodes of one kind, ω_- would not be positive, or a cut is not
        valid.
    MemoryError
        If the space would not fit in memory.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> sorted(global_master_equation(net).space.levels)
    ['+', '-']
    """
    return _build(network, levels, max_excitations, basis, checks.positive("rtol", rtol), 1.0)


def _build(
    network: Network,
    levels: Levels | None,
    max_excitations: int | None,
    basis: str | None,
    rtol: float,
    enlargement: float,
) -> MasterEquation:
    require_baths(network)
    modes = normal_modes(network)
    oscillators = isinstance(network.nodes[modes.first], Oscillator)
    if basis is not None:
        checks.one_of("basis", basis, BASES)
        if not oscillators:
            raise ValueError(f"basis must not be given for two-level nodes, but is {basis!r}")
        if basis == "modes" and max_excitations is not None:
            raise ValueError(f"max_excitations must not be given with basis='modes', but is {max_excitations!r}")
    in_modes = oscillators and (basis == "modes" or (basis is None and levels is None and max_excitations is None))
    if in_modes:
        chosen = levels is None
        space = _mode_space(network, modes, levels, rtol, enlargement)
    else:
        space, chosen = node_space(
            network, lambda: global_estimate(network, modes), levels, max_excitations, rtol, enlargement
        )
    operators = {name: _collapse_operators(network, name, modes, space) for name in network.baths}
    return MasterEquation(
        name="global",
        network=network,
        space=space,
        hamiltonian=_mode_hamiltonian(modes, space) if in_modes else network_hamiltonian(network, space.lowering),
        collapse_operators=frozen_operators(operators),
        rtol=rtol,
        enlarged=(lambda factor: _build(network, None, None, basis, rtol, enlargement * factor)) if chosen else None,
    )


def _mode_hamiltonian(modes: NormalModes, space: Space) -> qutip.Qobj:
    """Eq. (10): ω_+ d_+†d_+ + ω_- d_-†d_-."""
    return sum(
        frequency * space.ladder[mode].dag() * space.ladder[mode] for mode, frequency in modes.frequencies.items()
    ).to("CSR")


def _collapse_operators(network: Network, bath: str, modes: NormalModes, space: Space) -> tuple[qutip.Qobj, ...]:
    """Eqs. (11)-(12): for each mode √(γ(ω_±) weight) d_± and its Hermitian conjugate, weight cos²θ or sin²θ."""
    on = network.baths[bath].node
    if space.ladder is not space.lowering:
        parts = {mode: modes.expansion[on][mode] * space.ladder[mode] for mode in modes.frequencies}
    elif isinstance(network.nodes[on], Oscillator):
        expansion, lowering = modes.expansion, space.lowering
        parts = {
            mode: expansion[on][mode] * sum(expansion[node][mode] * lowering[node] for node in expansion)
            for mode in modes.frequencies
        }
    else:
        parts = _eigenoperators(on, modes, space)
    if modes.omega_plus == modes.omega_minus:
        # ε = 0 on resonance: one Bohr frequency, so that both transitions belong to one collapse operator.
        parts = {"+": parts["+"] + parts["-"]}
    return tuple(
        operator
        for mode, part in parts.items()
        for operator in cooling_and_heating(part, *bath_rates(network, bath, modes.frequencies[mode]))
        if operator.norm("max") > 0
    )


def _eigenoperators(node: str, modes: NormalModes, space: Space) -> dict[str, qutip.Qobj]:
    """Parts of a two-level node's lowering operator that lower the energy by ω_+ and by ω_-.

    The two excited levels |±⟩ = d_±†|0⟩ of one excitation have energies ω_±, and the doubly excited state ω_+ + ω_-.
    """
    raising = {name: operator.dag() for name, operator in space.lowering.items()}
    ground = qutip.basis([2, 2], [0, 0])
    level = {
        mode: sum(modes.expansion[name][mode] * (raising[name] * ground) for name in raising)
        for mode in modes.frequencies
    }
    ground_projector = ground.proj()
    doubly_excited = (raising[modes.first] * raising[modes.second] * ground).proj()
    lowering = space.lowering[node]
    other = {"+": "-", "-": "+"}
    return {
        mode: ground_projector * lowering * level[mode].proj() + level[other[mode]].proj() * lowering * doubly_excited
        for mode in modes.frequencies
    }


def global_estimate(network: Network, modes: NormalModes) -> Estimate:
    """Occupations to expect of the global equation: each mode between the baths that reach it."""
    occupations = {
        mode: max(float(1.0 / -np.expm1(-frequency / bath.temperature)) - 1.0 for bath in network.baths.values())
        for mode, frequency in modes.frequencies.items()
    }
    weights = {node: {mode: part**2 for mode, part in parts.items()} for node, parts in modes.expansion.items()}
    of_nodes = {
        node: float(sum(weight * occupations[mode] for mode, weight in parts.items()))
        for node, parts in weights.items()
    }
    return Estimate(of_nodes, tuple(float(occupation) for occupation in occupations.values()))


def _mode_space(network: Network, modes: NormalModes, levels: Levels | None, rtol: float, enlargement: float) -> Space:
    occupations = dict(zip(modes.frequencies, global_estimate(network, modes).normal_occupations, strict=True))
    if levels is None:
        numbers = {
            mode: int(np.ceil(enlargement * sufficient_levels(occupation, CURRENT_OVER_FLOW * rtol / 2, SHELL_SAFETY)))
            for mode, occupation in occupations.items()
        }
    else:
        numbers = _mode_levels(levels)
        warn_if_too_small(Estimate(occupations, ()), numbers, rtol, SHELL_SAFETY)
    check_size(float(numbers["+"]) * numbers["-"], 2)
    return mode_space(numbers, modes.expansion)


def _mode_levels(levels: Levels) -> dict[str, int]:
    if not isinstance(levels, Mapping):
        levels = {"+": levels, "-": levels}
    for name in levels:
        checks.one_of("a mode in levels", name, ("+", "-"))
    for mode in ("+", "-"):
        if mode not in levels:
            raise ValueError(f"levels must name both modes '+' and '-', but is {dict(levels)}")
    return {mode: checks.whole(f"levels[{mode!r}]", levels[mode], 2) for mode in ("+", "-")}


def global_dissipator_in_local_operators(equation: MasterEquation, bath: str) -> qutip.Qobj:
    """Eq. (16): a bath's global dissipator written with the nodes' operators a and b.

    With c = cosθ, s = sinθ, the hot bath's part from the mode d_+ is γ_+c²(c²D[a] + s²D[b] + cs(cross terms)), and
    that from d_- is γ_-s²(s²D[a] + c²D[b] - cs(cross terms)), each beside its heating counterpart.

    Parameters
    ----------
    equation : MasterEquation
        A global equation of oscillators, in the basis of the nodes.
    bath : str

    Returns
    -------
    Qobj
        Superoperator; the same as `equation.dissipator(bath)`.

    Raises
    ------
    ValueError
        If the equation is not a global one of oscillators in the basis of the nodes, or the bath is unknown.
    """
    network, space = equation.network, equation.space
    checks.one_of("bath", bath, list(equation.collapse_operators))
    if equation.name != "global" or space.cut_factors != tuple(network.nodes):
        raise ValueError(f"equation must be a global one of oscillators in the basis of the nodes, but is {equation}")
    modes = normal_modes(network)
    a, b = space.lowering[modes.first], space.lowering[modes.second]
    generator = 0
    for mode, frequency in modes.frequencies.items():
        on_a, on_b = modes.expansion[modes.first][mode], modes.expansion[modes.second][mode]
        weight = modes.expansion[network.baths[bath].node][mode] ** 2
        down, up = bath_rates(network, bath, frequency)
        for rate, first, second in ((down, a, b), (up, a.dag(), b.dag())):
            generator += (weight * rate) * (
                on_a**2 * qutip.lindblad_dissipator(first)
                + on_b**2 * qutip.lindblad_dissipator(second)
                + on_a * on_b * (qutip.lindblad_dissipator(first, second) + qutip.lindblad_dissipator(second, first))
            )
    return generator
