"""The paper's closed forms for two nodes, eqs. (8)-(10), (13) and the appendix, over NumPy arrays of parameters.

Conventions: ħ = k_B = 1, heat *into* the network is positive, and "hot" means the bath on the first node, whatever its
temperature. Both nodes are of one kind, δ = -1 (oscillators) or δ = +1 (two-level systems). X = a†b + ab† and
Y = i(a†b - ab†). Every function takes a `Network` of two nodes or the `TwoNodeParameters` that `parameters` makes from
arrays; results have the broadcast shape of the parameters, and are plain floats where that shape is ().

Nothing here touches a density matrix, so that agreement with one is evidence. Differences of populations, of which
every current is made, are formed from the difference of the exponents and not from the populations, so that currents
keep their digits where they are small: at weak coupling, near ω_h/T_h = ω_c/T_c and at large ω/T. An exponent that is
itself a difference of products, ω_h T_c - ω_c T_h, is formed in twice the working precision.
"""

from __future__ import annotations

from qnet_qutip.analytic.global_equation import (
    GlobalMoments,
    NormalModes,
    global_covariance,
    global_entropy_production,
    global_heat_current,
    global_heat_current_eq13,
    global_mode_occupations,
    global_moments,
    normal_modes,
)
from qnet_qutip.analytic.local_equation import (
    LocalMoments,
    local_covariance,
    local_current_factor,
    local_entropy_production,
    local_heat_current,
    local_moment_equations,
    local_moments,
)
from qnet_qutip.analytic.two_nodes import TwoNodeParameters, parameters

__all__ = [
    "GlobalMoments",
    "LocalMoments",
    "NormalModes",
    "TwoNodeParameters",
    "global_covariance",
    "global_entropy_production",
    "global_heat_current",
    "global_heat_current_eq13",
    "global_mode_occupations",
    "global_moments",
    "local_covariance",
    "local_current_factor",
    "local_entropy_production",
    "local_heat_current",
    "local_moment_equations",
    "local_moments",
    "normal_modes",
    "parameters",
]
