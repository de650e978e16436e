"""The universal Lindblad equation: one jump for each coupling operator, weighted with the roots of the rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.bohr import CouplingOperator
from qnet_qutip.equations.assembly import assemble
from qnet_qutip.equations.definition import Definition, Dissipation, Options, Promises, by_bath
from qnet_qutip.equations.master_equation import MasterEquation
from qnet_qutip.equations.open_system import OpenSystem
from qnet_qutip.network import Network
from qnet_qutip.operators import OperatorBath
from qnet_qutip.progress import progress_line
from qnet_qutip.truncation import DEFAULT_RTOL, Levels

ROUNDED_PRODUCT = 1e-14
"""Largest element of S(ω)†S(ω'), relative to those of its factors, that is the rounding of a zero."""


def universal_master_equation(
    network: Network | qutip.Qobj,
    baths: Mapping[str, OperatorBath] | None = None,
    *,
    level_shift: bool = False,
    levels: Levels | None = None,
    max_excitations: int | None = None,
    rtol: float = DEFAULT_RTOL,
) -> MasterEquation:
    """Build the universal Lindblad equation of any network, or of a Hamiltonian with coupling operators.

    Each bath contributes D[L] with L = Σ_ω √γ(ω) S(ω) for each of its coupling operators S (Nathan and Rudner, PRB 102,
    115109 (2020)). It is right on and off resonance to the order that Born and Markov neglect, and keeps ρ positive,
    but promises neither the second law nor a Gibbs state.

    Parameters
    ----------
    network : Network or Qobj
        A network, or a Hamiltonian together with `baths`.
    baths : mapping of str to OperatorBath, optional
        With a Hamiltonian: a coupling operator, a temperature and a spectrum for each bath.
    level_shift : bool, optional
        Add the level shift to the Hamiltonian that moves the state, with the published erratum (PRB 104, 119901
        (2021)). It need not commute with H, so that the heat currents then add up to zero only to the neglected order.
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
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> universal_master_equation(net)
    universal master equation, 4 states (levels={}), collapse operators {hot: 2, cold: 2}
    """
    options = {"level_shift": checks.truth("level_shift", level_shift)}
    return assemble(UNIVERSAL, network, baths, options, levels=levels, max_excitations=max_excitations, rtol=rtol)


def _dissipation(system: OpenSystem, options: Options) -> Dissipation:
    return Dissipation(
        operators=by_bath(system, _jump),
        promises=replace(UNIVERSAL.promises, first_law=not options["level_shift"]),
        level_shift=_level_shift(system) if options["level_shift"] else None,
    )


def _jump(coupling: CouplingOperator) -> tuple[qutip.Qobj, ...]:
    """L = Σ_ω √γ(ω) S(ω)."""
    jump = coupling.weighted([np.sqrt(rate) for rate in coupling.rates])
    return (jump.to("CSR"),) if jump.norm("max") > 0 else ()


def _level_shift(system: OpenSystem) -> qutip.Qobj:
    """Λ = Σ f(ω, ω') S(ω)†S(ω'), with f of `Rate.universal_level_shift`."""
    total = 0 * system.hamiltonian
    for coupling in system.all_couplings:
        pairs, products = [], []
        members = list(zip(coupling.frequencies, coupling.operators, strict=True))
        for index, (first, raising) in enumerate(members):
            for second, lowering in members[index:]:
                product = raising.dag() * lowering
                if product.norm("max") > ROUNDED_PRODUCT * raising.norm("max") * lowering.norm("max"):
                    pairs.append((first, second))
                    products.append(product)
        show = progress_line(f"level shifts{coupling.bath.of}")
        for number, ((first, second), product) in enumerate(zip(pairs, products, strict=True)):
            show(f"{number} of {len(pairs)}")
            term = coupling.bath.universal_level_shift(first, second) * product
            total = total + (term if first == second else term + term.dag())
        show("")
    return total.to("CSR")


UNIVERSAL = Definition("universal", _dissipation, Promises(positive=True, first_law=True))
