"""The local master equation, eqs. (6)-(7): each bath acts on its own node as if the couplings were not there."""

from __future__ import annotations

from qnet_qutip import checks
from qnet_qutip.equations.master_equation import (
    MasterEquation,
    cooling_and_heating,
    frozen_operators,
    network_hamiltonian,
    node_space,
    require_baths,
)
from qnet_qutip.network import Network, bath_rates
from qnet_qutip.space import Levels
from qnet_qutip.truncation import DEFAULT_RTOL, local_estimate


def local_master_equation(
    network: Network,
    *,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the local master equation of any network, eqs. (6)-(7).

    A bath on node A contributes γ(ω_A)(D[a] + e^(-ω_A/T) D[a†]). This equation can make heat flow from cold to hot.

    Parameters
    ----------
    network : Network
        Oscillators, two-level nodes or a mixture, any number of them.
    levels : int or mapping of str to int, optional
        Levels of every oscillator, or of each.
    max_excitations : int, optional
        Cut at this total number of excitations instead. With neither, a space is chosen that converges the current of
        every bath to `rtol`.
    rtol : float, optional
        Relative truncation error of the heat currents.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError
        If the network is none or has no bath, or a cut is not valid.
    MemoryError
        If the space would not fit in memory.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> len(local_master_equation(net).collapse_operators["hot"])
    2
    """
    return _build(network, levels, max_excitations, checks.positive("rtol", rtol), 1.0)


def _build(
    network: Network, levels: Levels | None, max_excitations: int | None, rtol: float, enlargement: float
) -> MasterEquation:
    require_baths(network)
    space, chosen = node_space(network, lambda: local_estimate(network), levels, max_excitations, rtol, enlargement)
    operators = {}
    for name, bath in network.baths.items():
        down, up = bath_rates(network, name, network.nodes[bath.node].frequency)
        operators[name] = cooling_and_heating(space.lowering[bath.node], down, up)
    return MasterEquation(
        name="local",
        network=network,
        space=space,
        hamiltonian=network_hamiltonian(network, space.lowering),
        collapse_operators=frozen_operators(operators),
        rtol=rtol,
        enlarged=(lambda factor: _build(network, None, None, rtol, enlargement * factor)) if chosen else None,
    )
