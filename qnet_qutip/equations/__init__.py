"""Master equations, one file each, and the short names they go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qnet_qutip.equations.clusters import ClusterWarning
from qnet_qutip.equations.definition import Definition, Promises
from qnet_qutip.equations.global_equation import GLOBAL, global_dissipator_in_local_operators, global_master_equation
from qnet_qutip.equations.local_equation import LOCAL, local_master_equation
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.partial_secular_equation import PARTIAL_SECULAR, partial_secular_master_equation
from qnet_qutip.equations.redfield_equation import REDFIELD, redfield_master_equation
from qnet_qutip.equations.unified_equation import UNIFIED, unified_master_equation
from qnet_qutip.equations.universal_equation import UNIVERSAL, universal_master_equation
from qnet_qutip.network import FrozenMapping

_EQUATIONS: tuple[tuple[Definition, Callable[..., MasterEquation]], ...] = (
    (LOCAL, local_master_equation),
    (GLOBAL, global_master_equation),
    (UNIFIED, unified_master_equation),
    (UNIVERSAL, universal_master_equation),
    (REDFIELD, redfield_master_equation),
    (PARTIAL_SECULAR, partial_secular_master_equation),
)

MASTER_EQUATIONS: Mapping[str, Callable[..., MasterEquation]] = FrozenMapping(
    {definition.name: builder for definition, builder in _EQUATIONS}
)
"""Builders of master equations by their short names."""

PROMISES: Mapping[str, Promises] = FrozenMapping({definition.name: definition.promises for definition, _ in _EQUATIONS})
"""What each of them promises without a level shift; `MasterEquation.promises` says what is left of it."""

__all__ = [
    "MASTER_EQUATIONS",
    "PROMISES",
    "ClusterWarning",
    "MasterEquation",
    "Promises",
    "global_dissipator_in_local_operators",
    "global_master_equation",
    "local_master_equation",
    "partial_secular_master_equation",
    "redfield_master_equation",
    "unified_master_equation",
    "universal_master_equation",
]
