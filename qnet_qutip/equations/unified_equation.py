"""The unified equation: Bohr frequencies that the baths cannot tell apart are one, all others are averaged over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import qutip

from qnet_qutip import checks
from qnet_qutip.equations import davies
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.clusters import (
    chosen_clusters,
    cluster_errors,
    clustered_coupling,
    clustered_hamiltonian,
    given_clusters,
    warn_if_doubtful,
)
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import Network
from qnet_qutip.operators import OperatorBath
from qnet_qutip.truncation import DEFAULT_RTOL, Levels


def unified_master_equation(
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None = None,
    *,
    clusters: Iterable[Sequence[float]] | None = None,
    level_shift: bool = False,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the unified equation of any network, or of a Hamiltonian with coupling operators.

    Each bath contributes Σ_q γ(ω_q) D[Σ_{ω∈q} S(ω)] over clusters q of Bohr frequencies (Trushechkin, PRA 103, 062226
    (2021); Potts, Kalaee, Wacker, NJP 23, 123013 (2021)). It keeps ρ positive on and off resonance, and both laws hold
    for heat that is counted by "H_TD", in which each cluster's frequencies are one; see `SteadyState.heat_by`.

    Parameters
    ----------
    network, baths
        As for `universal_master_equation`.
    clusters : sequence of (float, float) or (float, float, float), optional
        Lowest and highest Bohr frequency |ω| of each cluster, which may be infinite, and the one that stands for it, by
        default their mean, weighted with what each frequency passes from bath to bath. `equation.clusters` of another
        equation will do. By default neighbours closer than gap* = √(Γω) are in one cluster, where the errors of too
        fine and too coarse a grouping meet, with Γ = J of harmonic oscillators, and J(2n + 1) of anything else; none
        is wider than gap*.
    level_shift : bool, optional
        Add the level shift Σ 𝒮(ω_q)S_q†S_q to the Hamiltonian that moves the state. It commutes with H_TD.
    levels, max_excitations, rtol
        As for `universal_master_equation`.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `universal_master_equation`.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.
    ClusterWarning
        If frequencies are too dense for default clusters that are narrow and apart, see `equation.cluster_errors`.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> [(round(low, 2), round(high, 2)) for low, high, _ in unified_master_equation(net).clusters]
    [(5.0, 5.0), (10.0, 10.0)]
    """
    options = {
        "clusters": None if clusters is None else checks.frequency_clusters(clusters),
        "level_shift": checks.truth("level_shift", level_shift),
    }
    equation = assemble(UNIFIED, network, baths, options, levels=levels, max_excitations=max_excitations, rtol=rtol)
    if options["clusters"] is None:
        warn_if_doubtful(equation.clusters, equation.cluster_errors)
    return equation


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    """Davies' jumps and level shift, of clusters instead of single frequencies."""
    given = options["clusters"]
    clusters = chosen_clusters(system) if given is None else given_clusters(system, given)
    collected = replace(
        system,
        couplings={
            bath: tuple(clustered_coupling(coupling, clusters) for coupling in couplings)
            for bath, couplings in system.couplings.items()
        },
    )
    clustered = clustered_hamiltonian(system, clusters)
    lawful = None if clustered is None else "H_TD"
    return Dissipation(
        operators=by_bath(collected, davies.jumps),
        promises=replace(UNIFIED.promises, first_law=not options["level_shift"], second_law=lawful, gibbs_state=lawful),
        level_shift=davies.level_shift(collected.all_couplings) if options["level_shift"] else None,
        clustered=clustered,
        clusters=clusters,
        cluster_errors=cluster_errors(system, clusters),
    )


UNIFIED = Definition(
    "unified", _dissipation, Promises(positive=True, first_law=True, second_law="H_TD", gibbs_state="H_TD")
)
