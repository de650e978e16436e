"""From a network, or a Hamiltonian with coupling operators, to a master equation: what all equations have in common."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.equations.clusters import widened
from qnet_qutip.equations.definition import Definition, Options
from qnet_qutip.equations.eigenform import Eigenform
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem, of_bare_nodes, of_network, of_operators
from qnet_qutip.estimates import (
    harmonic_estimate,
    local_estimate,
    mode_estimate,
    mode_flows,
    mode_occupations,
    one_way_flows,
)
from qnet_qutip.modes import (
    NormalModes,
    UnboundedWarning,
    is_harmonic,
    normal_modes,
    require_bounded,
    require_positive_modes,
)
from qnet_qutip.network import (
    FrozenMapping,
    Network,
    Quadrature,
    coupling_terms,
    couplings_reach_every_node,
    require_network,
    require_reached,
)
from qnet_qutip.operators import OperatorBath, checked_baths
from qnet_qutip.solver.generator import operator_of
from qnet_qutip.solver.process_settings import every_entry_kept
from qnet_qutip.space import Space, mode_space, node_space
from qnet_qutip.truncation import (
    BASES,
    Levels,
    Truncation,
    mode_truncation,
    node_truncation,
    oscillator_names,
    warn_if_too_small,
)

MILLISECONDS = 20
"""Nodes up to which one-body matrices take milliseconds; a thousand take seconds."""


def assemble(
    definition: Definition,
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None,
    options: Options,
    *,
    levels: Levels | None,
    max_excitations: int | None,
    rtol: float,
    basis: str | None = "nodes",
) -> MasterEquation:
    """Build a master equation from the arguments of its builder.

    Parameters
    ----------
    definition : Definition
    network : Network or Qobj
        A network, or a Hamiltonian.
    baths : mapping of str to OperatorBath, or None
        With a Hamiltonian: its baths.
    options : mapping of str to value
        The equation's own options, checked.
    levels, max_excitations, rtol, basis
        As given to the builder.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid.
    MemoryError
        If the space would not fit in memory.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.
    """
    checks.positive("rtol", rtol)
    if definition.local and isinstance(network, qutip.Qobj | np.ndarray):
        raise TypeError(
            "network must be a Network for the local equation, whose baths act on bare nodes, but is a Hamiltonian; "
            "every other builder takes one, as a QuTiP operator together with baths"
        )
    if isinstance(network, qutip.Qobj):
        for name, value in (("levels", levels), ("max_excitations", max_excitations)):
            if value is not None:
                raise ValueError(f"{name} must not be given with a Hamiltonian, which has its space, but is {value!r}")
        members = checked_baths(network, baths)
        with every_entry_kept():
            system = of_operators(network, members)
            return _equation(definition, system, options, {name: bath.temperature for name, bath in members.items()})
    require_baths(network)
    if baths is not None:
        raise ValueError("baths must not be given with a network, which has its own")
    require_reached(network)
    modes = _modes(definition, network)
    if definition.local:
        _warn_if_unbounded(network)
    elif modes is None:
        # `normal_modes` has made sure of it otherwise.
        require_bounded(network)
        if any(bath.coupling == "rotating-wave" for bath in network.baths.values()):
            require_positive_modes(network)
    try:
        truncation = _truncation(definition, network, modes, levels, max_excitations, rtol, basis)
    except MemoryError as error:
        if instead := without_density_matrix(network, definition.name, options):
            raise MemoryError(f"{error}; {instead}") from None
        raise
    return on_truncation(definition, network, modes, truncation, options)


def _warn_if_unbounded(network: Network) -> None:
    """The baths of the local equation act on bare nodes, whose steady state may exist without a ground state of all."""
    try:
        require_bounded(network)
    except ValueError as error:
        warnings.warn(
            f"{error}; no state of such a network is physical, and every other equation refuses it: the local one, "
            "whose baths do not know of the couplings, is solved all the same",
            UnboundedWarning,
            stacklevel=4,
        )


def on_truncation(
    definition: Definition, network: Network, modes: NormalModes | None, truncation: Truncation, options: Options
) -> MasterEquation:
    """Build the master equation of a network in the space of a cut."""
    temperatures = {name: bath.temperature for name, bath in network.baths.items()}
    with every_entry_kept():
        if truncation.basis == "modes" and modes is not None:
            space = mode_space(truncation, modes)
        else:
            space = node_space(truncation)
        system = of_bare_nodes(network, space) if definition.local else of_network(network, space, modes)
        return _equation(definition, system, options, temperatures, network, space, modes)


def without_density_matrix(network: Network | None, equation: str, options: Options) -> str:
    """In words, what gives the same currents in a fraction of the time; nothing where nothing does."""
    from qnet_qutip import gaussian

    if network is None or options.get("level_shift") or not gaussian.is_gaussian(network, equation):
        return ""
    chosen = "".join(f", {name}=..." for name in ("clusters", "cutoff") if options.get(name) is not None)
    return (
        f"gaussian.steady_state(network, {equation!r}{chosen}) gives the same currents without a density matrix, "
        + ("in milliseconds" if len(network.nodes) <= MILLISECONDS else "in seconds")
    )


def enlarged(equation: MasterEquation, factor: float) -> MasterEquation:
    """The same master equation in a space with that many times the levels or excitations."""
    network, space = equation.network, equation.space
    assert network is not None
    assert space is not None
    modes = _modes(equation.definition, network)
    return on_truncation(equation.definition, network, modes, space.truncation.enlarged(factor), equation.options)


def on_stepped_cut(equation: MasterEquation) -> MasterEquation | None:
    """The same master equation in a space cut elsewhere, where what the cut does to a current has to be measured.

    The population at the edge says how much weaker the cut makes the flow through a network, as long as the cut keeps
    the balance of all other jumps: at total excitations, where couplings and baths move one at a time or none; level by
    level, where each jump is one node's, and there are two nodes. Otherwise it is no bound. Couplings and baths that
    make pairs of excitations are spoiled however little flows. Jumps of modes move excitations between nodes that are
    cut at different energies. And of three nodes cut level by level, the shells that are not complete have frequencies
    that can be in resonance where the network's own are not.

    Returns
    -------
    MasterEquation or None
        None where nothing is cut, or the population at the edge bounds the error.
    """
    network, space = equation.network, equation.space
    if network is None or space is None or not space.cut_factors or space.truncation.basis == "modes":
        return None
    pairs = any(isinstance(term, Quadrature) for _, _, term in coupling_terms(network)) or (
        not equation.definition.local and any(bath.coupling == "full" for bath in network.baths.values())
    )
    by_total = space.max_excitations is not None
    if not pairs and (by_total or (equation.definition.local and len(network.nodes) <= 2)):
        return None
    modes, options = _modes(equation.definition, network), equation.options
    if modes is None and equation.clusters:
        # The energies at the edge move with the cut; what is measured is the cut, not another choice of clusters.
        options = {**options, "clusters": widened(equation.clusters)}
    return on_truncation(equation.definition, network, modes, space.truncation.stepped(), options)


def require_baths(network: Network) -> None:
    """Raise if a network is none, or cannot have a steady state of its own: no bath at all."""
    require_network(network)
    if not network.baths:
        raise ValueError("network must have at least one bath for a master equation, but has none")


def _equation(
    definition: Definition,
    system: OpenSystem,
    options: Options,
    temperatures: Mapping[str, float],
    network: Network | None = None,
    space: Space | None = None,
    modes: NormalModes | None = None,
) -> MasterEquation:
    dissipation = definition.dissipation(system, options)
    moving, clustered, shift = system.hamiltonian, dissipation.clustered, dissipation.level_shift
    operators = dissipation.operators
    basis = system.basis
    if basis is None:
        moving = moving if shift is None else (moving + shift).to("CSR")
    else:
        # The operators are given in the eigenbasis of H.
        levels = np.arange(len(basis.energies))
        diagonal = operator_of(moving, levels, levels, basis.energies)
        moving = moving if shift is None else (moving + basis.rotated(shift)).to("CSR")
        clustered = None if clustered is None else basis.rotated(clustered)
        shifted = diagonal if shift is None else (diagonal + shift).to("CSR")
        form = Eigenform(basis, operators, shifted, diagonal, (moving, system.hamiltonian))
        # Rounded to doubles, energies that are all but equal have lost their distance, which H itself has not.
        operators = FrozenMapping(dict(form)) if basis.close_levels else form
    promises, flows = dissipation.promises or definition.promises, dict[str, float]()
    if network is not None:
        flows = one_way_flows(network) if modes is None else mode_flows(network, modes)
    return MasterEquation(
        definition=definition,
        hamiltonian=moving,
        energy=system.hamiltonian,
        collapse_operators=operators,
        temperatures=FrozenMapping(temperatures),
        promises=promises,
        unique=network is not None and promises.positive and _known_unique(network, system),
        one_way_flows=FrozenMapping(flows),
        network=network,
        space=space,
        options=FrozenMapping({**options, **dissipation.chosen}),
        clustered=clustered,
        clusters=dissipation.clusters,
        cluster_errors=dissipation.cluster_errors,
        unresolved=FrozenMapping(
            {bath: gaps for bath, couplings in system.couplings.items() if (gaps := couplings[0].split.unresolved)}
        ),
    )


def _modes(definition: Definition, network: Network) -> NormalModes | None:
    """The normal modes of a network that is harmonic, for an equation whose baths act on the whole of it."""
    return None if definition.local or not is_harmonic(network) else normal_modes(network)


def _truncation(
    definition: Definition,
    network: Network,
    modes: NormalModes | None,
    levels: Levels | None,
    max_excitations: int | None,
    rtol: float,
    basis: str | None,
) -> Truncation:
    in_modes = basis == "modes" or (basis is None and levels is None and max_excitations is None)
    if basis is not None:
        checks.one_of("basis", basis, BASES)
        if modes is None and basis == "modes":
            raise ValueError(f"basis must be 'nodes' for a network that is not harmonic, but is {basis!r}")
    if modes is not None and in_modes and max_excitations is not None:
        raise ValueError(f"max_excitations must not be given with basis='modes', but is {max_excitations!r}")
    if not oscillator_names(network):
        return node_truncation(network, None, levels, max_excitations, rtol)
    if modes is not None and in_modes:
        estimate = mode_occupations(network, modes)
        truncation = mode_truncation(estimate, levels, rtol)
    else:
        if definition.local:
            estimate = local_estimate(network)
        else:
            estimate = harmonic_estimate(network) if modes is None else mode_estimate(network, modes)
        truncation = node_truncation(network, estimate, levels, max_excitations, rtol)
    if not truncation.chosen:
        warn_if_too_small(estimate, truncation)
    return truncation


def _known_unique(network: Network, system: OpenSystem) -> bool:
    """Whether the operators that commute with H and every collapse operator are known to be multiples of 1.

    They then commute with what H turns these into, so with each S(ω) that has a rate, and with the bath's S itself if
    all have; the network passes that on to every node.
    """
    rates = [rate for couplings in system.couplings.values() for coupling in couplings for rate in coupling.rates]
    return min(rates) > 0 and couplings_reach_every_node(network)
