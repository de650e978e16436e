"""Master equations, one file each, and the short names they go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qnet_qutip.equations.definition import Promises
from qnet_qutip.equations.global_equation import global_dissipator_in_local_operators, global_master_equation
from qnet_qutip.equations.local_equation import local_master_equation
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.partial_secular_equation import partial_secular_master_equation
from qnet_qutip.equations.redfield_equation import redfield_master_equation
from qnet_qutip.equations.unified_equation import unified_master_equation
from qnet_qutip.equations.universal_equation import universal_master_equation
from qnet_qutip.network import FrozenMapping

MASTER_EQUATIONS: Mapping[str, Callable[..., MasterEquation]] = FrozenMapping(
    {
        "local": local_master_equation,
        "global": global_master_equation,
        "unified": unified_master_equation,
        "universal": universal_master_equation,
        "redfield": redfield_master_equation,
        "partial_secular": partial_secular_master_equation,
    }
)
"""Builders of master equations by their short names."""

__all__ = [
    "MASTER_EQUATIONS",
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
