"""Heat transport through quantum networks: every master equation in use, on density matrices.

Levy and Kosloff, EPL 107, 20004 (2014). Conventions: ħ = k_B = 1, heat into the network is positive.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qnet_qutip.environments import EnvironmentSpectrum
from qnet_qutip.equations import (
    MASTER_EQUATIONS,
    ClusterWarning,
    MasterEquation,
    global_dissipator_in_local_operators,
    global_master_equation,
    local_master_equation,
    partial_secular_master_equation,
    redfield_master_equation,
    unified_master_equation,
    universal_master_equation,
)
from qnet_qutip.modes import NormalModes, UnboundedWarning, normal_modes
from qnet_qutip.network import (
    Bath,
    Dispersive,
    Network,
    Oscillator,
    Quadrature,
    Swap,
    TwoLevel,
    chain,
    ring,
    star,
    two_node,
)
from qnet_qutip.operators import OperatorBath
from qnet_qutip.rates import Rate, decay_rate, excitation_rate
from qnet_qutip.solver.linear import ConvergenceError, MultipleSteadyStatesError
from qnet_qutip.spectra import (
    CallableSpectrum,
    DrudeLorentzSpectrum,
    FlatSpectrum,
    LorentzianSpectrum,
    OhmicSpectrum,
    PhononSpectrum,
    SpectralDensity,
)
from qnet_qutip.state import SteadyState
from qnet_qutip.steady import METHODS, AccuracyWarning, LawWarning, PositivityWarning, steady_state
from qnet_qutip.thermodynamics import (
    Heat,
    energy,
    entropy_flow,
    first_law_residual,
    heat_current,
    heat_currents,
    von_neumann_entropy,
)
from qnet_qutip.truncation import TruncationWarning

if TYPE_CHECKING:
    from qnet_qutip import analytic, entanglement, exact, gaussian, validity
    from qnet_qutip.comparison import Comparison, compare
    from qnet_qutip.dynamics import Trajectory, evolve
    from qnet_qutip.sweeps import FailedPointWarning, Observable, sweep

__version__ = "0.2.0"

_LOADED_WHEN_USED = {
    "Comparison": "comparison",
    "FailedPointWarning": "sweeps",
    "Observable": "sweeps",
    "Trajectory": "dynamics",
    "analytic": "",
    "compare": "comparison",
    "entanglement": "",
    "evolve": "dynamics",
    "exact": "",
    "gaussian": "",
    "notebook": "",
    "plotting": "",
    "sweep": "sweeps",
    "validity": "",
}
"""Names that take time to import, or need what `import qutip` does not load, and their modules."""

__all__ = [
    "MASTER_EQUATIONS",
    "METHODS",
    "AccuracyWarning",
    "Bath",
    "CallableSpectrum",
    "ClusterWarning",
    "Comparison",
    "ConvergenceError",
    "Dispersive",
    "DrudeLorentzSpectrum",
    "EnvironmentSpectrum",
    "FailedPointWarning",
    "FlatSpectrum",
    "Heat",
    "LawWarning",
    "LorentzianSpectrum",
    "MasterEquation",
    "MultipleSteadyStatesError",
    "Network",
    "NormalModes",
    "Observable",
    "OhmicSpectrum",
    "OperatorBath",
    "Oscillator",
    "PhononSpectrum",
    "PositivityWarning",
    "Quadrature",
    "Rate",
    "SpectralDensity",
    "SteadyState",
    "Swap",
    "Trajectory",
    "TruncationWarning",
    "TwoLevel",
    "UnboundedWarning",
    "analytic",
    "chain",
    "compare",
    "decay_rate",
    "energy",
    "entanglement",
    "entropy_flow",
    "evolve",
    "exact",
    "excitation_rate",
    "first_law_residual",
    "gaussian",
    "global_dissipator_in_local_operators",
    "global_master_equation",
    "heat_current",
    "heat_currents",
    "local_master_equation",
    "normal_modes",
    "partial_secular_master_equation",
    "redfield_master_equation",
    "ring",
    "star",
    "steady_state",
    "sweep",
    "two_node",
    "unified_master_equation",
    "universal_master_equation",
    "validity",
    "von_neumann_entropy",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _LOADED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _LOADED_WHEN_USED[name]
    found = importlib.import_module(f"{__name__}.{module or name}")
    return getattr(found, name) if module else found


def __dir__() -> list[str]:
    return sorted({*__all__, *_LOADED_WHEN_USED, "__version__"})
