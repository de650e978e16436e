"""Heat transport through quantum networks: every master equation in use, on density matrices.

Levy and Kosloff, EPL 107, 20004 (2014). Conventions: ħ = k_B = 1, heat into the network is positive.
"""

from qnet_qutip import analytic, entanglement
from qnet_qutip.dynamics import Trajectory, evolve
from qnet_qutip.environments import EnvironmentSpectrum
from qnet_qutip.equations import (
    MASTER_EQUATIONS,
    MasterEquation,
    global_dissipator_in_local_operators,
    global_master_equation,
    local_master_equation,
    partial_secular_master_equation,
    redfield_master_equation,
    unified_master_equation,
    universal_master_equation,
)
from qnet_qutip.modes import NormalModes, normal_modes
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
from qnet_qutip.steady import METHODS, AccuracyWarning, LawWarning, PositivityWarning, SteadyState, steady_state
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

__version__ = "0.1.0"

__all__ = [
    "MASTER_EQUATIONS",
    "METHODS",
    "AccuracyWarning",
    "Bath",
    "CallableSpectrum",
    "ConvergenceError",
    "Dispersive",
    "DrudeLorentzSpectrum",
    "EnvironmentSpectrum",
    "FlatSpectrum",
    "Heat",
    "LawWarning",
    "LorentzianSpectrum",
    "MasterEquation",
    "MultipleSteadyStatesError",
    "Network",
    "NormalModes",
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
    "analytic",
    "chain",
    "decay_rate",
    "energy",
    "entanglement",
    "entropy_flow",
    "evolve",
    "excitation_rate",
    "first_law_residual",
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
    "two_node",
    "unified_master_equation",
    "universal_master_equation",
    "von_neumann_entropy",
]
