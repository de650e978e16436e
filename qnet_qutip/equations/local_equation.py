"""The local master equation, eqs. (6)-(7): each bath acts on its own node as if the couplings were not there."""

from __future__ import annotations

from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.davies import jumps
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import Network
from qnet_qutip.truncation import DEFAULT_RTOL, Levels


def local_master_equation(
    network: Network,
    *,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the local master equation of any network, eqs. (6)-(7).

    A bath on node A contributes γ(ω_A)(D[a] + e^(-ω_A/T) D[a†]), or a term for each transition of the node if it is an
    anharmonic oscillator. This equation can make heat flow from cold to hot. Counted by the nodes' bare energy "H_0"
    its heat obeys the second law, and the couplings do work (De Chiara and others, NJP 20, 113024 (2018)); see
    `SteadyState.heat_by`.

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
    UnboundedWarning
        If the energy of the network has no lower bound, where every other equation is refused.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> len(local_master_equation(net).collapse_operators["hot"])
    2
    """
    return assemble(LOCAL, network, None, {}, levels=levels, max_excitations=max_excitations, rtol=rtol)


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    """Eqs. (6)-(7): a jump down and one up for each bath; the coupling operators are those of the bare nodes."""
    return Dissipation(operators=by_bath(system, jumps))


# Each dissipator leaves the Gibbs state of its bare node as it is (Spohn, J. Math. Phys. 19, 1227 (1978)).
LOCAL = Definition("local", _dissipation, Promises(positive=True, first_law=True, second_law="H_0"), local=True)
