"""A master equation in the eigenbasis of its Hamiltonian, where its operators have the fewest entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import qutip

from qnet_qutip.bohr import Eigenbasis
from qnet_qutip.solver.generator import CollapseOperator


@dataclass(frozen=True, eq=False)
class Eigenform(Mapping[str, tuple[CollapseOperator, ...]]):
    """The collapse operators of a master equation that was derived in the eigenbasis of H.

    As a mapping it gives each bath's operators in the basis of the nodes, rotated when they are first asked for: a
    network of a few nodes has thousands of transitions, each one entry here and a block of them there. The solver takes
    the operators as they are.

    Attributes
    ----------
    basis : Eigenbasis
    collapse_operators : mapping of str to tuple of Qobj, or of pairs of Qobj
        By bath, in the eigenbasis.
    hamiltonian, energy : Qobj
        What moves the state and what heat is counted by, in the eigenbasis.
    of : tuple of Qobj
        Those two in the basis of the nodes.
    """

    basis: Eigenbasis
    collapse_operators: Mapping[str, tuple[CollapseOperator, ...]]
    hamiltonian: qutip.Qobj
    energy: qutip.Qobj
    of: tuple[qutip.Qobj, qutip.Qobj]
    _rotated: dict[str, tuple[CollapseOperator, ...]] = field(default_factory=dict)

    def __getitem__(self, bath: str) -> tuple[CollapseOperator, ...]:
        if bath not in self._rotated:
            self._rotated[bath] = tuple(
                tuple(map(self.basis.rotated, member)) if isinstance(member, tuple) else self.basis.rotated(member)
                for member in self.collapse_operators[bath]
            )
        return self._rotated[bath]

    def __iter__(self) -> Iterator[str]:
        return iter(self.collapse_operators)

    def __len__(self) -> int:
        return len(self.collapse_operators)

    def __repr__(self) -> str:
        return repr({bath: len(members) for bath, members in self.collapse_operators.items()})
