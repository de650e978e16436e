"""What the baths of a master equation do to the ground state: the transitions into it and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.network import FrozenMapping
from qnet_qutip.solver.generator import CollapseOperator, sparse_matrix

SMALLEST_RATE = 1e-20
"""Of the largest of a bath: what an operator does to the ground state below it is rounding."""


@dataclass(frozen=True)
class Jump:
    """What one collapse operator, or pair, takes into the ground state, or out of it.

    Attributes
    ----------
    frequency : float
        Mean energy above the ground state of what it comes from, or leads to; negative for what leaves the ground
        state, which takes that energy from the bath.
    spread : float
        Standard deviation of that energy: zero where the operator belongs to one Bohr frequency.
    rate : float
        Of the jump. For a pair (S, Λ), whose rates can be negative, 2 Re⟨S†Λ⟩ (out of the ground state) or 2 Re⟨ΛS†⟩.
    """

    frequency: float
    spread: float
    rate: float


def ground_state_jumps(equation: MasterEquation) -> Mapping[str, tuple[Jump, ...]]:
    """For each bath the jumps of its operators into and out of the ground state of H, downward ones first.

    The operators are taken in the basis that they were derived in, where one more level of an oscillator would change
    nothing. If no state of that basis is the ground state there are none.

    Parameters
    ----------
    equation : MasterEquation

    Returns
    -------
    mapping of str to tuple of Jump

    Examples
    --------
    Downward and upward rate of eq. (6), κω³(n + 1) and κω³n:

    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> for jump in ground_state_jumps(qn.local_master_equation(net))["hot"]:
    ...     print(f"{jump.frequency:.3f} {jump.rate:.9f}")
    10.000 0.176865375
    -10.000 0.076865375
    """
    form = equation.eigenform or equation
    hamiltonian = sparse_matrix(form.hamiltonian).tocsc()
    energies = hamiltonian.diagonal().real
    ground = int(energies.argmin())
    column = np.abs(hamiltonian[:, [ground]].toarray().ravel())
    column[ground] = 0
    if column.max() > 1e-12 * np.abs(energies).max():
        return FrozenMapping(dict.fromkeys(equation.collapse_operators, ()))
    above = (hamiltonian - energies[ground] * sp.eye_array(len(energies))).tocsr()
    operators = form.collapse_operators
    return FrozenMapping({bath: _of_bath(members, above, ground) for bath, members in operators.items()})


def _of_bath(members: tuple[CollapseOperator, ...], above: sp.csr_array, ground: int) -> tuple[Jump, ...]:
    jumps = []
    for member in members:
        pair = member if isinstance(member, tuple) else (member, member)
        factor = 2.0 if isinstance(member, tuple) else 1.0
        first, second = (sparse_matrix(operator) for operator in pair)
        into = [operator[[ground], :].conj().toarray().ravel() for operator in (first, second)]
        out = [operator[:, [ground]].toarray().ravel() for operator in (first, second)]
        for sign, (one, other) in ((1, into), (-1, out)):
            # Frequencies are those that the rate is taken at: of the second of a pair, which is a function of H of S.
            weight, rate = float(np.vdot(other, other).real), factor * float(np.vdot(one, other).real)
            if weight:
                raised = above @ other
                mean = float(np.vdot(other, raised).real) / weight
                square = float(np.vdot(raised, raised).real) / weight
                jumps.append(Jump(sign * mean, float(np.sqrt(max(square - mean**2, 0.0))), rate))
    largest = max((abs(jump.rate) for jump in jumps), default=0.0)
    kept = [jump for jump in jumps if abs(jump.rate) > SMALLEST_RATE * largest]
    return tuple(sorted(kept, key=lambda jump: (jump.frequency < 0, -abs(jump.rate))))
