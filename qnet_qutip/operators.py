"""The border to QuTiP: a Hamiltonian and collapse operators as a user gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import qutip

from qnet_qutip.solver.generator import CollapseOperator, entries

Operators: TypeAlias = Iterable[CollapseOperator] | Mapping[str, Iterable[CollapseOperator] | CollapseOperator]
"""Collapse operators, or pairs of them, by themselves or by bath."""


def checked_operators(hamiltonian: object, collapse_operators: Operators | None) -> dict[str, list[CollapseOperator]]:
    """Collapse operators by bath, those given without one under "all".

    A bath with a single operator may be given that operator instead of a list.

    Raises
    ------
    TypeError, ValueError
        If the Hamiltonian is not a Hermitian operator with finite entries, or a collapse operator not one of its
        dimensions.
    """
    if not isinstance(hamiltonian, qutip.Qobj) or not hamiltonian.isoper:
        raise TypeError(
            f"equation must be a MasterEquation or a Hamiltonian as a QuTiP operator, but is {described(hamiltonian)}"
        )
    if hamiltonian.shape[0] != hamiltonian.shape[1]:
        raise ValueError(f"the Hamiltonian must be square, but has shape {hamiltonian.shape}")
    if not hamiltonian.isherm:
        raise ValueError("the Hamiltonian must be Hermitian, but is not")
    if collapse_operators is None:
        raise ValueError("collapse_operators must be given with a Hamiltonian, but are missing")
    if isinstance(collapse_operators, qutip.Qobj) or not isinstance(collapse_operators, Iterable):
        raise TypeError(
            "collapse_operators must be a list of operators or a mapping of lists, but is "
            f"{described(collapse_operators)}"
        )
    _require_finite("the Hamiltonian", hamiltonian)
    given = collapse_operators if isinstance(collapse_operators, Mapping) else {"all": collapse_operators}
    by_bath: dict[str, list[CollapseOperator]] = {}
    for bath, members in given.items():
        if not isinstance(members, qutip.Qobj | Iterable):
            raise TypeError(f"the collapse operators of {bath!r} must be a list, but are {described(members)}")
        by_bath[str(bath)] = [members] if isinstance(members, qutip.Qobj) else list(members)
        for index, member in enumerate(by_bath[str(bath)]):
            if isinstance(member, tuple) and len(member) != 2:
                raise TypeError(
                    f"a pair of operators must have two members, but collapse operator {index} has {len(member)} "
                    f"(of {bath!r})"
                )
            _check_member(f"collapse operator {index} of {bath!r}", member, hamiltonian)
    return by_bath


def _check_member(name: str, member: object, hamiltonian: qutip.Qobj) -> None:
    for operator in member if isinstance(member, tuple) else (member,):
        if not isinstance(operator, qutip.Qobj) or not operator.isoper:
            raise TypeError(f"{name} must be a QuTiP operator, but is {described(operator)}")
        if operator.dims != hamiltonian.dims:
            raise ValueError(
                f"{name} must have the Hamiltonian's dimensions {hamiltonian.dims}, but has {operator.dims}"
            )
        _require_finite(name, operator)


def _require_finite(name: str, operator: qutip.Qobj) -> None:
    if not np.all(np.isfinite(entries(operator).values)):
        raise ValueError(f"{name} must be finite, but has NaN or infinite entries")


def described(value: object) -> str:
    """What a value is, for a message."""
    return f"a Qobj of type {value.type!r}" if isinstance(value, qutip.Qobj) else f"a {type(value).__name__}"
