"""One jump for each Bohr frequency: of the network (global), of the bare nodes (local), or of a cluster (unified)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import qutip

from qnet_qutip.bohr import CouplingPart


def jumps(part: CouplingPart) -> tuple[qutip.Qobj, ...]:
    """√γ(ω) S(ω) for each Bohr frequency that has a rate (Davies 1974; Breuer and Petruccione, eq. (3.143))."""
    return tuple(
        (np.sqrt(rate) * operator).to("CSR")
        for rate, operator in zip(part.rates, part.operators, strict=True)
        if rate > 0 and operator.norm("max") > 0
    )


def level_shift(parts: Iterable[CouplingPart]) -> qutip.Qobj:
    """Σ_ω 𝒮(ω) S(ω)†S(ω), with 𝒮 the principal value of the rates (Breuer and Petruccione, eq. (3.142))."""
    return sum(
        part.bath.level_shift(frequency) * (operator.dag() * operator)
        for part in parts
        for frequency, operator in zip(part.frequencies, part.operators, strict=True)
    ).to("CSR")
