"""The unified equation: Bohr frequencies that the baths cannot tell apart are one, all others are averaged over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import qutip

from qnet_qutip import checks
from qnet_qutip.equations import davies
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.clusters import chosen_clusters, clustered_hamiltonian, collected_part, given_clusters
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
    clusters: Sequence[tuple[float, float]] | None = None,
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
    network : Network or Qobj
        A network, or a Hamiltonian together with `baths`.
    baths : mapping of str to OperatorBath, optional
        With a Hamiltonian: a coupling operator, a temperature and a spectrum for each bath.
    clusters : sequence of (float, float), optional
        Lowest and highest Bohr frequency |ω| of each cluster. By default neighbours closer than gap* = √(γω) are in
        one, where the errors of too fine and too coarse a grouping meet; `equation.clusters` says which they are. The
        mean that stands for a cluster is weighted with what each frequency passes from bath to bath.
    level_shift : bool, optional
        Add the level shift Σ 𝒮(ω_q)S_q†S_q to the Hamiltonian that moves the state. It commutes with H_TD.
    levels : int or mapping of str to int, optional
        Levels of every oscillator, or of each.
    max_excitations : int, optional
        Cut at this total number of excitations instead. With neither, a space is chosen that converges the current of
        every bath to `rtol`.
    rtol : float, optional
        Relative truncation error of the heat currents.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, a rate is needed where the spectrum has none, or a level shift diverges.
    MemoryError
        If the space would not fit in memory.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> [(round(low, 2), round(high, 2)) for low, high, _ in unified_master_equation(net).clusters]
    [(5.0, 5.0), (10.0, 10.0)]
    """
    options = {"clusters": _checked(clusters), "level_shift": checks.truth("level_shift", level_shift)}
    return assemble(UNIFIED, network, baths, options, levels=levels, max_excitations=max_excitations, rtol=rtol)


def _checked(clusters: Sequence[tuple[float, float]] | None) -> tuple[tuple[float, float], ...] | None:
    if clusters is None:
        return None
    bounds = []
    for number, cluster in enumerate(clusters):
        if not isinstance(cluster, Sequence) or len(cluster) != 2:
            raise TypeError(f"cluster {number} must be a lowest and a highest frequency, but is {cluster!r}")
        low, high = (checks.not_negative(f"cluster {number}", bound) for bound in cluster)
        if low > high:
            raise ValueError(f"cluster {number} must be a lowest and a highest frequency, but is {cluster!r}")
        bounds.append((low, high))
    return tuple(bounds)


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    """Davies' jumps and level shift, of clusters instead of single frequencies."""
    given = options["clusters"]
    clusters = chosen_clusters(system) if given is None else given_clusters(system, given)
    collected = replace(
        system,
        parts={bath: tuple(collected_part(part, clusters) for part in parts) for bath, parts in system.parts.items()},
    )
    clustered = clustered_hamiltonian(system, clusters)
    lawful = None if clustered is None else "H_TD"
    return Dissipation(
        operators=by_bath(collected, davies.jumps),
        promises=Promises(positive=True, first_law=not options["level_shift"], second_law=lawful, gibbs_state=lawful),
        level_shift=davies.level_shift(collected.all_parts) if options["level_shift"] else None,
        clustered=clustered,
        clusters=clusters,
    )


UNIFIED = Definition("unified", _dissipation)
