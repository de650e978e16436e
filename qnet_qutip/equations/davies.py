"""One jump for each Bohr frequency: of the network (global), of the bare nodes (local), or of a cluster (unified)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import qutip

from qnet_qutip.bohr import CouplingOperator
from qnet_qutip.solver.generator import in_rows, operator_with


def jumps(coupling: CouplingOperator) -> tuple[qutip.Qobj, ...]:
    """√γ(ω) S(ω) for each Bohr frequency that has a rate (Davies 1974; Breuer and Petruccione, eq. (3.143))."""
    return tuple(
        in_rows(operator_with(operator, qutip.data.mul(operator.data, math.sqrt(rate))))
        for rate, operator in zip(coupling.rates, coupling.operators, strict=True)
        if rate > 0 and operator.norm("max") > 0
    )


def level_shift(couplings: Iterable[CouplingOperator]) -> qutip.Qobj:
    """Σ_ω 𝒮(ω) S(ω)†S(ω), with 𝒮 the principal value of the rates (Breuer and Petruccione, eq. (3.142))."""
    return sum(
        shift * (operator.dag() * operator)
        for coupling in couplings
        for shift, operator in zip(coupling.level_shifts(), coupling.operators, strict=True)
    ).to("CSR")
