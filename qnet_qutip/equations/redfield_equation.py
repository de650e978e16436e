"""The Redfield equation: second order in the bath coupling, Markovian, nothing averaged over."""

from __future__ import annotations

from collections.abc import Mapping

import qutip

from qnet_qutip import checks
from qnet_qutip.bohr import CouplingOperator
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import Network
from qnet_qutip.operators import OperatorBath
from qnet_qutip.truncation import DEFAULT_RTOL, Levels


def redfield_master_equation(
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None = None,
    *,
    level_shift: bool = False,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the Redfield equation of any network, or of a Hamiltonian with coupling operators.

    Each bath contributes ΛρS† + SρΛ† - S†Λρ - ρΛ†S for each of its coupling operators S, with Λ = ½ Σ_ω γ(ω)S(ω)
    (Breuer and Petruccione, section 3.3.1). It is right on and off resonance to the order that Born and Markov neglect,
    but need not keep ρ positive, and promises neither the second law nor a Gibbs state.

    Parameters
    ----------
    network, baths
        As for `universal_master_equation`.
    level_shift : bool, optional
        Keep the imaginary part of the bath's correlations: Λ = Σ_ω (½γ(ω) + i𝒮(ω))S(ω), with 𝒮 the principal value of
        γ. It is part of what the bath does, and of its heat current.
    levels, max_excitations, rtol
        As for `universal_master_equation`.

    Returns
    -------
    MasterEquation
        With pairs of operators instead of collapse operators.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `universal_master_equation`.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> redfield_master_equation(net)
    redfield master equation, 4 states (levels={}), pairs of operators {hot: 2, cold: 2}
    """
    options = {"level_shift": checks.truth("level_shift", level_shift)}
    return assemble(REDFIELD, network, baths, options, levels=levels, max_excitations=max_excitations, rtol=rtol)


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    return Dissipation(operators=by_bath(system, _pair, options["level_shift"]))


def _pair(coupling: CouplingOperator, level_shift: bool) -> tuple[tuple[qutip.Qobj, qutip.Qobj], ...]:
    """S and Λ = Σ_ω (½γ(ω) + i𝒮(ω))S(ω)."""
    return ((coupling.operator, coupling.weighted(coupling.half_correlations(level_shift))),)


REDFIELD = Definition("redfield", _dissipation, Promises(first_law=True))
