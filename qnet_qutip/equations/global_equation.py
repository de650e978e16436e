"""The global master equation, eqs. (10)-(12) and (16): each bath drives the transitions of the whole network.

In a harmonic network these are those of the normal modes, and the hot bath of the paper's network contributes
γ(ω_±) cos²θ or sin²θ times D[d_±] and its heating counterpart. For two-level nodes, which the paper leaves out, the
collapse operators are the eigenoperators of the coupling: the transitions 0 → ± and ∓ → both share a Bohr frequency
ω_± and are summed coherently into one operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import qutip

from qnet_qutip import checks
from qnet_qutip.bohr import UnresolvedGap
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.davies import jumps, level_shift
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.modes import normal_modes
from qnet_qutip.network import Network, bath_rate
from qnet_qutip.operators import OperatorBath
from qnet_qutip.truncation import DEFAULT_RTOL, Levels

SMALLEST_WEIGHT = 1e-12
"""Weight of two transitions' interference up to which it cannot matter for a heat current: what it is resolved to."""


def global_master_equation(
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None = None,
    *,
    level_shift: bool = False,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    basis: str | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the global master equation of any network, or of a Hamiltonian with coupling operators, eqs. (10)-(12).

    Each bath contributes Σ_ω γ(ω) D[S(ω)] over the Bohr frequencies of the whole network (Davies 1974). Both laws hold.
    It needs gaps between the frequencies that are wider than the rates.

    Parameters
    ----------
    network : Network or Qobj
        A network, or a Hamiltonian together with `baths`.
    baths : mapping of str to OperatorBath, optional
        With a Hamiltonian: a coupling operator, a temperature and a spectrum for each bath.
    level_shift : bool, optional
        Add the level shift Σ 𝒮(ω)S(ω)†S(ω) to the Hamiltonian that moves the state. It commutes with H.
    levels : int or mapping of str to int, optional
        Levels of every factor that is an oscillator, or of each; the factors are the nodes, or the normal modes if
        `basis` is "modes".
    max_excitations : int, optional
        Cut at this total number of excitations of the nodes instead.
    basis : {"modes", "nodes"}, optional
        For a harmonic network, what the space is a product of. In the basis of the normal modes the excitations of
        each are conserved one by one, so that a soft mode can have the hundreds of levels it needs; the density matrix
        is then one of the modes, which are called "+" and "-" if there are two. In the basis of the nodes it is that of
        `local_master_equation`. By default "nodes" if a cut is given and "modes" otherwise.
    rtol : float, optional
        Relative truncation error of the heat currents that a space is chosen for, if no cut is given.

    Returns
    -------
    MasterEquation

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, a rate is needed where the spectrum has none, or a level shift diverges.
    MemoryError
        If the space would not fit in memory.

    Warns
    -----
    TruncationWarning
        If a given cut is too small for the temperatures.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> sorted(global_master_equation(net).space.levels)
    ['+', '-']
    """
    options = {"level_shift": checks.truth("level_shift", level_shift)}
    return assemble(
        GLOBAL,
        network,
        baths,
        options,
        levels=levels,
        max_excitations=max_excitations,
        rtol=rtol,
        basis=basis,
    )


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    """Eqs. (11)-(12): a jump down and one up for each bath and Bohr frequency of the whole network."""
    for bath, couplings in system.couplings.items():
        require_resolved(bath, couplings[0].split.unresolved)
    return Dissipation(
        operators=by_bath(system, jumps),
        level_shift=level_shift(system.all_couplings) if options["level_shift"] else None,
    )


def require_resolved(bath: str, unresolved: Sequence[UnresolvedGap]) -> None:
    """Raise `ValueError` if it matters for a current whether two Bohr frequencies are one, and cannot be told."""
    for gap in unresolved:
        if gap.weight > SMALLEST_WEIGHT:
            raise ValueError(
                f"the Bohr frequencies {gap.lower!r} and {gap.upper!r} of bath {bath!r} must be equal or further "
                f"apart: their distance {gap.upper - gap.lower:.1e} is neither rounding nor resolved, and the "
                f"interference of their transitions makes up {gap.weight:.1e} of the coupling; change a frequency or "
                "a coupling so that they coincide or separate, or take an equation that does not group them (local, "
                "universal, redfield)"
            )


GLOBAL = Definition("global", _dissipation, Promises(positive=True, first_law=True, second_law="H", gibbs_state="H"))


def global_dissipator_in_local_operators(equation: MasterEquation, bath: str) -> qutip.Qobj:
    """Eq. (16): a bath's global dissipator written with the nodes' operators a and b.

    With c = cosθ, s = sinθ, the hot bath's part from the mode d_+ is γ_+c²(c²D[a] + s²D[b] + cs(cross terms)), and
    that from d_- is γ_-s²(s²D[a] + c²D[b] - cs(cross terms)), each beside its heating counterpart.

    Parameters
    ----------
    equation : MasterEquation
        A global equation of oscillators, in the basis of the nodes.
    bath : str

    Returns
    -------
    Qobj
        Superoperator; the same as `equation.dissipator(bath)`.

    Raises
    ------
    ValueError
        If the equation is not a global one of oscillators in the basis of the nodes, or the bath is unknown.
    """
    network, space = equation.network, equation.space
    checks.one_of("bath", bath, list(equation.collapse_operators))
    if equation.name != "global" or network is None or space is None or space.cut_factors != tuple(network.nodes):
        raise ValueError(f"equation must be a global one of oscillators in the basis of the nodes, but is {equation}")
    modes = normal_modes(network)
    first, second = modes.nodes
    a, b = space.lowering[first], space.lowering[second]
    generator, rate = 0, bath_rate(network, bath)
    for mode, frequency in modes.frequencies.items():
        on_a, on_b = modes.expansion[first][mode], modes.expansion[second][mode]
        weight = modes.expansion[network.baths[bath].node][mode] ** 2
        for omega, on_first, on_second in ((frequency, a, b), (-frequency, a.dag(), b.dag())):
            crossed = qutip.lindblad_dissipator(on_first, on_second) + qutip.lindblad_dissipator(on_second, on_first)
            generator += (weight * rate.rate(omega)) * (
                on_a**2 * qutip.lindblad_dissipator(on_first)
                + on_b**2 * qutip.lindblad_dissipator(on_second)
                + on_a * on_b * crossed
            )
    return generator
