"""What a master equation is made from: a Hamiltonian, and each bath's coupling operators split by Bohr frequency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import qutip

from qnet_qutip import bohr
from qnet_qutip.bohr import CouplingOperator, Eigenbasis, Split
from qnet_qutip.hamiltonian import mode_hamiltonian, network_hamiltonian
from qnet_qutip.modes import NormalModes
from qnet_qutip.network import Bath, FrozenMapping, Network
from qnet_qutip.operators import OperatorBath
from qnet_qutip.rates import Rate
from qnet_qutip.space import Space, mode_operators


@dataclass(frozen=True, eq=False)
class OpenSystem:
    """A Hamiltonian and its baths.

    Attributes
    ----------
    hamiltonian : Qobj
        In the basis of the nodes, or that of the modes if the space is theirs.
    couplings : mapping of str to tuple of CouplingOperator
        By bath: one operator for a full coupling, two for one in the rotating wave. In the eigenbasis, if there is one.
    modes : NormalModes or None
        Normal modes of a harmonic network, in whose operators the couplings are written.
    ladder : mapping of str to Qobj
        The modes' lowering operators, if there are modes.
    basis : Eigenbasis or None
        Eigenvectors of the Hamiltonian of any other network.
    """

    hamiltonian: qutip.Qobj
    couplings: Mapping[str, tuple[CouplingOperator, ...]]
    modes: NormalModes | None = None
    ladder: Mapping[str, qutip.Qobj] = field(default_factory=lambda: FrozenMapping({}))
    basis: Eigenbasis | None = None

    @property
    def all_couplings(self) -> list[CouplingOperator]:
        """The coupling operators of every bath in one list."""
        return [coupling for couplings in self.couplings.values() for coupling in couplings]


def of_bare_nodes(network: Network, space: Space) -> OpenSystem:
    """Every bath acts on its node as if the couplings were not there."""
    couplings = {}
    for name, bath in network.baths.items():
        excitations = space.occupations[:, list(space.levels).index(bath.node)]
        found = bohr.split_by_itself(network.nodes[bath.node], space.lowering[bath.node], excitations)
        couplings[name] = _coupled(name, bath, found.with_adjoint() if bath.coupling == "full" else found)
    return OpenSystem(network_hamiltonian(network, space.lowering), couplings)


def of_network(network: Network, space: Space, modes: NormalModes | None) -> OpenSystem:
    """Every bath acts on the whole network, through its normal modes if it is harmonic."""
    if modes is not None:
        ladder = mode_operators(modes, space)
        if space.truncation.basis == "modes":
            hamiltonian = mode_hamiltonian(modes, ladder)
        else:
            hamiltonian = network_hamiltonian(network, space.lowering)
        couplings = {
            name: _coupled(name, bath, bohr.split_in_modes(modes, bath.node, ladder, bath.coupling))
            for name, bath in network.baths.items()
        }
        return OpenSystem(hamiltonian, couplings, modes, ladder)
    hamiltonian = network_hamiltonian(network, space.lowering)
    basis = bohr.eigenbasis(hamiltonian)
    couplings = {}
    for name, bath in network.baths.items():
        a = space.lowering[bath.node]
        couplings[name] = _coupled(name, bath, bohr.split(basis, a + a.dag() if bath.coupling == "full" else a))
    return OpenSystem(hamiltonian, couplings, basis=basis)


def of_operators(hamiltonian: qutip.Qobj, baths: Mapping[str, OperatorBath]) -> OpenSystem:
    """A Hamiltonian of one's own, with a coupling operator for each bath."""
    basis = bohr.eigenbasis(hamiltonian)
    couplings = {name: _coupled(name, bath, bohr.split(basis, bath.operator)) for name, bath in baths.items()}
    return OpenSystem(hamiltonian, couplings, basis=basis)


def _coupled(name: str, bath: Bath | OperatorBath, found: Split) -> tuple[CouplingOperator, ...]:
    """One operator for a bath that couples through SR, from the split of S; two for aR† + a†R, from that of a."""
    full = bath.coupling == "full"
    sides = [(found, "both")] if full else [(found, "down"), (found.adjoint(), "up")]
    return tuple(
        CouplingOperator(split, Rate(bath.spectrum, bath.temperature, side, f" of bath {name!r}"))
        for split, side in sides
    )
