"""A master equation as a plain value: what moves the state, what counts as energy, and each bath's dissipator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import qutip

from qnet_qutip import checks
from qnet_qutip.bohr import UnresolvedGap
from qnet_qutip.equations.clusters import Cluster
from qnet_qutip.equations.definition import Definition, Promises
from qnet_qutip.equations.eigenform import Eigenform
from qnet_qutip.hamiltonian import bare_hamiltonian
from qnet_qutip.network import FrozenMapping, Network
from qnet_qutip.operators import dissipator, liouvillian, same_operators
from qnet_qutip.solver.generator import CollapseOperator
from qnet_qutip.solver.process_settings import every_entry_kept
from qnet_qutip.space import Space
from qnet_qutip.truncation import DEFAULT_RTOL
from qnet_qutip.wording import listed


@dataclass(frozen=True, eq=False, repr=False)
class MasterEquation:
    """dρ/dt = -i[H, ρ] + Σ_bath D_bath(ρ), eq. (4), as QuTiP operators: plain data that pickles, copies and compares.

    Attributes
    ----------
    definition : Definition
        Which equation it is.
    hamiltonian : Qobj
        What moves the state: H_0 + H_AB, with the level shift if one was asked for. Sparse.
    energy : Qobj
        What heat is counted by: H_0 + H_AB.
    collapse_operators : mapping of str to tuple of Qobj, or of pairs of Qobj
        For each bath its collapse operators, rates included, so that D(ρ) = Σ LρL† - ½{L†L, ρ}; QuTiP's own solvers
        take them as they are. Equations that are not of Lindblad form have pairs (S, Λ), each standing for
        ΛρS† + SρΛ† - S†Λρ - ρΛ†S.
    temperatures : mapping of str to float
        Of each bath.
    promises : Promises
        What holds for the equation whatever its parameters.
    unique : bool
        Whether the steady state is known to be the only one. If not, the solver finds out.
    one_way_flows : mapping of str to float
        For each bath the scale of the energy that would flow from it were the others at zero temperature, or back: what
        errors are measured against where the heat current itself passes through zero. Empty for operators of one's own.
    network : Network or None
        None for a Hamiltonian and coupling operators of one's own; `space` is then None too.
    space : Space or None
    options : mapping of str to value
        The equation's own options, as given.
    clustered : Qobj or None
        H_TD of the unified equation, which both laws hold for: the Hamiltonian with each cluster of Bohr frequencies
        made one. None where the shifted frequencies are those of no Hamiltonian.
    clusters : tuple of Cluster
        Of the unified equation: lowest and highest Bohr frequency of each cluster, and the one that stands for them.
        `unified_master_equation(..., clusters=equation.clusters)` takes them as they are.
    cluster_errors : tuple of float
        Estimate of the error that each cluster makes of heat currents, by its width or by the gap beside it, in units
        of the rates over the frequencies: above 1 it is more than what Born and Markov neglect.
    unresolved : mapping of str to tuple of UnresolvedGap
        For each bath the Bohr frequencies that could be one or two, with the weight of their interference.
    """

    definition: Definition
    hamiltonian: qutip.Qobj
    energy: qutip.Qobj
    collapse_operators: Mapping[str, tuple[CollapseOperator, ...]]
    temperatures: Mapping[str, float]
    promises: Promises
    unique: bool = False
    one_way_flows: Mapping[str, float] = field(default_factory=lambda: FrozenMapping({}))
    network: Network | None = None
    space: Space | None = None
    options: Mapping[str, object] = field(default_factory=lambda: FrozenMapping({}))
    clustered: qutip.Qobj | None = None
    clusters: tuple[Cluster, ...] = ()
    cluster_errors: tuple[float, ...] = ()
    unresolved: Mapping[str, tuple[UnresolvedGap, ...]] = field(default_factory=lambda: FrozenMapping({}))

    @property
    def name(self) -> str:
        """Short name of the equation, a key of `MASTER_EQUATIONS`."""
        return self.definition.name

    @property
    def rtol(self) -> float:
        """Relative truncation error of the heat currents that the space was chosen for, or is judged by."""
        return DEFAULT_RTOL if self.space is None else self.space.truncation.rtol

    @cached_property
    def energies(self) -> Mapping[str, qutip.Qobj]:
        """What may be counted as energy: "H"; of the local equation also "H_0", of the unified one "H_TD"."""
        energies = {"H": self.energy}
        if self.definition.local and self.network is not None and self.space is not None:
            energies["H_0"] = bare_hamiltonian(self.network, self.space.lowering)
        if self.clustered is not None:
            energies["H_TD"] = self.clustered
        return FrozenMapping(energies)

    @property
    def all_collapse_operators(self) -> list[CollapseOperator]:
        """The collapse operators of every bath in one list, as `qutip.mesolve` takes them."""
        return [operator for operators in self.collapse_operators.values() for operator in operators]

    @every_entry_kept()
    def liouvillian(self) -> qutip.Qobj:
        """The superoperator of the right-hand side of eq. (4). It has the fourth power of the levels as its size."""
        return liouvillian(self.hamiltonian, self.all_collapse_operators)

    @every_entry_kept()
    def dissipator(self, bath: str) -> qutip.Qobj:
        """The superoperator D of one bath.

        Raises
        ------
        ValueError
            If the network has no such bath.
        """
        checks.one_of("bath", bath, list(self.collapse_operators))
        zero = 0 * qutip.to_super(self.hamiltonian)
        return sum((dissipator(operator) for operator in self.collapse_operators[bath]), zero)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MasterEquation):
            return NotImplemented
        plain = ("definition", "network", "options", "temperatures", "promises", "clusters", "unresolved", "unique")
        return (
            all(getattr(self, name) == getattr(other, name) for name in plain)
            and (self.space is None) == (other.space is None)
            and (self.space is None or other.space is None or self.space.truncation == other.space.truncation)
            and same_operators(self._operators, other._operators)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def eigenform(self) -> Eigenform | None:
        """The equation in the eigenbasis of H, if it was derived there and its operators are still those."""
        form = self.collapse_operators
        if isinstance(form, Eigenform) and form.of[0] is self.hamiltonian and form.of[1] is self.energy:
            return form
        return None

    @property
    def _derived(self) -> Mapping[str, tuple[CollapseOperator, ...]]:
        """The collapse operators in the basis that they were derived in."""
        form = self.collapse_operators
        return form.collapse_operators if isinstance(form, Eigenform) else form

    @property
    def _operators(self) -> list[qutip.Qobj]:
        listed = [self.hamiltonian, self.energy]
        for members in self._derived.values():
            for member in members:
                listed += member if isinstance(member, tuple) else (member,)
        return listed

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.equation_html(self)

    def __repr__(self) -> str:
        cut = "" if self.space is None else f" ({self.space.truncation.arguments})"
        kind = "collapse operators"
        if any(isinstance(member, tuple) for members in self._derived.values() for member in members):
            kind = "pairs of operators"
        baths = listed([f"{bath}: {len(members)}" for bath, members in self._derived.items()])
        return f"{self.name} master equation, {self.hamiltonian.shape[0]} states{cut}, {kind} {{{baths}}}"
