"""What tells one master equation from another: what it makes of the baths' coupling operators, and what it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import qutip

from qnet_qutip.equations.clusters import Cluster
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import FrozenMapping
from qnet_qutip.solver.generator import CollapseOperator

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Promises:
    """What holds for an equation at any parameters, beyond keeping Tr ρ and ρ = ρ†.

    Attributes
    ----------
    positive : bool
        ρ stays a density matrix: the generator is of Lindblad form.
    first_law : bool
        The heat currents counted by H, J = Tr[H D(ρ)], add up to zero in the steady state.
    second_law : str or None
        What energy heat must be counted by for the entropy production never to be negative: "H", "H_0" (the nodes
        without their couplings) or "H_TD" (clustered frequencies); None if it is not promised.
    gibbs_state : str or None
        The same for the Gibbs state to be stationary where all baths have one temperature.
    """

    positive: bool = False
    first_law: bool = False
    second_law: str | None = None
    gibbs_state: str | None = None

    def __repr__(self) -> str:
        kept = [
            *(["a positive state"] if self.positive else []),
            *(["the first law"] if self.first_law else []),
            *([f"the second law of heat by {self.second_law}"] if self.second_law else []),
            *([f"the Gibbs state of {self.gibbs_state}"] if self.gibbs_state else []),
        ]
        return "promises " + (", ".join(kept) or "nothing")


@dataclass(frozen=True, eq=False)
class Dissipation:
    """The dissipators of an equation.

    Attributes
    ----------
    operators : mapping of str to tuple of Qobj, or of pairs of Qobj
        By bath, see `MasterEquation.collapse_operators`.
    promises : Promises or None
        What is left of those of the definition with these options; None if all.
    level_shift : Qobj or None
        What the baths add to the Hamiltonian that moves the state.
    clustered : Qobj or None
        H_TD, the Hamiltonian whose Bohr frequencies are those that stand for their clusters.
    clusters : tuple of Cluster
        Lowest and highest Bohr frequency of each cluster, and the one that stands for them.
    cluster_errors : tuple of float
        Error that each makes, in units of the rates over the frequencies.
    chosen : mapping of str to value
        Options that were left to the equation, as it chose them.
    """

    operators: Mapping[str, tuple[CollapseOperator, ...]]
    promises: Promises | None = None
    level_shift: qutip.Qobj | None = None
    clustered: qutip.Qobj | None = None
    clusters: tuple[Cluster, ...] = ()
    cluster_errors: tuple[float, ...] = ()
    chosen: Options = field(default_factory=lambda: FrozenMapping({}))


@dataclass(frozen=True)
class Definition:
    """A master equation as physics.

    Attributes
    ----------
    name : str
        Short name, a key of `MASTER_EQUATIONS`.
    dissipation : callable
        From the open system and the equation's own options, its dissipators.
    promises : Promises
        What it promises without a level shift.
    local : bool
        Whether the baths act on the nodes as if the couplings were not there.
    """

    name: str
    dissipation: Callable[[OpenSystem, Options], Dissipation] = field(repr=False)
    promises: Promises
    local: bool = False


def by_bath(
    system: OpenSystem, operators: Callable[..., tuple[CollapseOperator, ...]], *arguments: object
) -> Mapping[str, tuple[CollapseOperator, ...]]:
    """What a function makes of each coupling operator, by bath; it is given the arguments too."""
    return FrozenMapping(
        {
            bath: tuple(made for coupling in couplings for made in operators(coupling, *arguments))
            for bath, couplings in system.couplings.items()
        }
    )
