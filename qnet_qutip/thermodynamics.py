"""First and second law: heat currents, eq. (5), energy, entropy and entropy production, eq. (1).

Heat into the network is positive; ħ = k_B = 1. One function gives the heat current of every master equation,
Tr[H D(ρ)], each bath on its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.equations import MasterEquation
from qnet_qutip.network import Dispersive, Network, Quadrature, coupling_terms, require_network
from qnet_qutip.solver.generator import Real, build_generator, entries, sparse_matrix
from qnet_qutip.solver.process_settings import every_entry_kept
from qnet_qutip.solver.sectors import Sectors, find_sectors, hermitian
from qnet_qutip.solver.superoperator import on_sectors
from qnet_qutip.space import Space
from qnet_qutip.wording import listed


def check_state(equation: MasterEquation, rho: qutip.Qobj, name: str = "rho") -> None:
    """Raise if a density matrix is not one of the equation's space.

    Raises
    ------
    TypeError
        If it is not a QuTiP operator.
    ValueError
        If its dimensions, its trace or its Hermiticity are not those of a state in the equation's space.
    """
    same_shape = isinstance(rho, qutip.Qobj) and rho.isoper and rho.shape == equation.hamiltonian.shape
    cut = "the Hamiltonian" if equation.space is None else equation.space.truncation.arguments
    if isinstance(rho, qutip.Qobj) and rho.isoper and not (same_shape and rho.dims == equation.hamiltonian.dims):
        raise ValueError(
            f"{name} must be a state of the space with {cut}: {equation.hamiltonian.shape[0]} states and the "
            f"dimensions {equation.hamiltonian.dims}, but has {rho.shape[0]} states and the dimensions {rho.dims}"
        )
    check_density_matrix(rho, equation.hamiltonian, name)


def check_density_matrix(rho: qutip.Qobj, hamiltonian: qutip.Qobj, name: str) -> None:
    """Raise if an operator is not a density matrix of the Hamiltonian's space: dimensions, Hermiticity and trace.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(rho, qutip.Qobj) or not rho.isoper:
        described = f"Qobj of type {rho.type!r}" if isinstance(rho, qutip.Qobj) else type(rho).__name__
        raise TypeError(f"{name} must be a QuTiP operator, but is a {described}")
    if rho.dims != hamiltonian.dims or rho.shape != hamiltonian.shape:
        raise ValueError(f"{name} must have the dimensions {hamiltonian.dims}, but has {rho.dims}")
    if not rho.isherm:
        raise ValueError(f"{name} must be Hermitian, but is not")
    trace = complex(rho.tr())
    if not np.isclose(trace, 1.0, atol=1e-6):
        raise ValueError(f"{name} must have trace 1, but has {trace.real:g}")


def require_positive(rho: qutip.Qobj, name: str) -> None:
    """Raise if a Hermitian operator has an eigenvalue that is negative beyond rounding.

    Raises
    ------
    ValueError
    """
    sectors = find_sectors(build_generator(rho, {}))
    smallest = min(np.linalg.eigvalsh(hermitian(block))[0] for block in sectors.blocks(sectors.pack(entries(rho))))
    if smallest < -1e-10:
        raise ValueError(f"{name} must be positive semidefinite, but has the eigenvalue {smallest:.3g}")


def heat_currents(equation: MasterEquation, rho: qutip.Qobj) -> dict[str, float]:
    """Heat current from every bath into the network, J = Tr[H D(ρ)], eq. (5).

    Summed in double-double; what remains is the rounding of ρ itself, which a steady state's own `heat_currents`
    do not suffer from.

    Parameters
    ----------
    equation : MasterEquation
    rho : Qobj
        Any state in the equation's space.

    Returns
    -------
    dict of str to float

    Raises
    ------
    TypeError, ValueError
        If `rho` is not a state in the equation's space.
    """
    _require_equation(equation)
    check_state(equation, rho)
    state = entries(rho)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators, equation.energy), state)
    flat = generator.sectors.pack(state)
    return generator.residual_and_currents((flat, np.zeros_like(flat)))[1]


def heat_current(equation: MasterEquation, rho: qutip.Qobj, bath: str) -> float:
    """Heat current from one bath into the network; see `heat_currents`.

    Raises
    ------
    ValueError
        If the network has no such bath.
    """
    _require_equation(equation)
    checks.one_of("bath", bath, list(equation.collapse_operators))
    return heat_currents(equation, rho)[bath]


@dataclass(frozen=True)
class Heat:
    """Heat counted by some energy E, and the work that is left over.

    Attributes
    ----------
    energy : str
        Its name, a key of `MasterEquation.energies`.
    currents : mapping of str to float
        Q = Tr[E D(ρ)] of each bath, into the network.
    work : float
        -Σ Q: what else brings energy into a network that does not change, per time.
    entropy_production : float
        -Σ Q/T.
    """

    energy: str
    currents: Mapping[str, float]
    work: float
    entropy_production: float

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.heat_html(self)

    def __repr__(self) -> str:
        currents = listed([f"{bath}: {current:.10g}" for bath, current in self.currents.items()])
        return (
            f"Heat counted by {self.energy} {{{currents}}}\n"
            f"work {self.work:.10g}, entropy production {self.entropy_production:.10g}"
        )


@every_entry_kept()
def excitation_operators(network: Network, space: Space) -> dict[tuple[str, str], qutip.Qobj]:
    """For each coupling of nodes A and B, under (A, B), i[H_AB, b†b]: the rate at which it adds excitations to B.

    Under (B, A) what it adds to A. For a swap that is iε(a†b - b†a) and its opposite; for a quadrature coupling
    ig(a†b - b†a) + ig(ab - a†b†) and, with A and B exchanged, ig(b†a - a†b) + ig(ab - a†b†).
    """
    operators: dict[tuple[str, str], qutip.Qobj] = {}
    for first, second, term in coupling_terms(network):
        a, b = space.lowering[first], space.lowering[second]
        swapped, created = a.dag() * b, a * b
        moved = 1j * (swapped - swapped.dag())
        paired = 1j * (created - created.dag())
        exchange = 0.0 if isinstance(term, Dispersive) else term.strength
        pairs = term.strength if isinstance(term, Quadrature) else 0.0
        for pair, sign in (((first, second), 1.0), ((second, first), -1.0)):
            added = sign * exchange * moved + pairs * paired
            operators[pair] = operators[pair] + added if pair in operators else added
    return operators


def entropy_flow(network: Network | MasterEquation, currents: Mapping[str, float]) -> float:
    """Σ J/T: the entropy that heat carries into a network from its baths.

    A bath at zero temperature takes up infinite entropy with any heat, and none without.

    Raises
    ------
    TypeError, ValueError
        If there is no network or equation, or a current is not a finite number or is that of no bath.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> entropy_flow(net, {"hot": 24.0, "cold": -20.0})
    0.0
    """
    if isinstance(network, MasterEquation):
        temperatures = network.temperatures
    else:
        require_network(network)
        temperatures = {name: bath.temperature for name, bath in network.baths.items()}
    checked = _checked_currents(currents)
    for name in checked:
        checks.one_of("the bath of a current", name, temperatures)
    return flow_at(temperatures, checked)


def flow_at(temperatures: Mapping[str, float], currents: Mapping[str, float]) -> float:
    """Σ J/T of currents that need no check."""
    flow = 0.0
    for name, current in currents.items():
        if current != 0:
            flow += current / temperatures[name] if temperatures[name] > 0 else math.copysign(math.inf, current)
    return flow


def second_law_broken(
    temperatures: Mapping[str, float], currents: Mapping[str, float], errors: Mapping[str, float]
) -> bool:
    """Whether σ = -Σ J/T is negative by more than the errors of the currents make of it.

    Examples
    --------
    >>> temperatures, currents = {"hot": 12.0, "cold": 10.0}, {"hot": -1e-3, "cold": 1e-3}
    >>> [second_law_broken(temperatures, currents, dict.fromkeys(currents, error)) for error in (1e-5, 1e-4)]
    [True, False]
    """
    return flow_at(temperatures, {bath: current - errors[bath] for bath, current in currents.items()}) > 0


def first_law_residual(currents: Mapping[str, float]) -> float:
    """|Σ J| / max |J| of a steady state: zero where the equation conserves energy.

    Zero if no heat flows at all.

    Raises
    ------
    TypeError, ValueError
        If the currents are no mapping to finite numbers.

    Examples
    --------
    >>> first_law_residual({"hot": 2.0, "cold": -2.0})
    0.0
    """
    checked = _checked_currents(currents)
    largest = max((abs(current) for current in checked.values()), default=0.0)
    return abs(sum(checked.values())) / largest if largest > 0 else 0.0


def _checked_currents(currents: Mapping[str, float]) -> dict[str, float]:
    checks.mapping("currents", currents)
    return {name: checks.finite(f"the current of {name!r}", current) for name, current in currents.items()}


def _require_equation(equation: object) -> None:
    if not isinstance(equation, MasterEquation):
        raise TypeError(f"equation must be a MasterEquation, but is {equation!r}")


def energy(equation: MasterEquation, rho: qutip.Qobj) -> float:
    """Tr[Hρ], of the energy that heat is counted by.

    Raises
    ------
    TypeError, ValueError
        If there is no master equation, or `rho` is not a state in its space.
    """
    _require_equation(equation)
    check_state(equation, rho)
    return float((sparse_matrix(equation.energy).T.multiply(sparse_matrix(rho))).sum().real)


def von_neumann_entropy(rho: qutip.Qobj) -> float:
    """-Tr[ρ ln ρ], block by block of the matrix.

    Parameters
    ----------
    rho : Qobj
        A density matrix, or the ket of a pure state, whose entropy is 0.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is not Hermitian, its trace or norm is not 1, or an eigenvalue is negative beyond rounding.

    Examples
    --------
    >>> round(von_neumann_entropy(qutip.maximally_mixed_dm(2)), 12)
    0.69314718056
    """
    if isinstance(rho, qutip.Qobj) and rho.isket:
        if not np.isclose(rho.norm(), 1.0, atol=1e-6):
            raise ValueError(f"rho must have norm 1, but has {rho.norm():g}")
        return 0.0
    check_density_matrix(rho, rho, "rho")
    sectors = find_sectors(build_generator(rho, {}))
    return entropy_of_blocks(sectors, sectors.pack(entries(rho)))


def entropy_of_blocks(sectors: Sectors, flat: Real) -> float:
    """-Tr[ρ ln ρ] of a state given by its blocks."""
    eigenvalues = np.concatenate([np.linalg.eigvalsh(hermitian(block)) for block in sectors.blocks(flat)])
    if eigenvalues.min() < -1e-9:
        raise ValueError(f"rho must be positive, but has the eigenvalue {eigenvalues.min():.1e}")
    present = eigenvalues[eigenvalues > 0]
    return float(0.0 - np.sum(present * np.log(present)))
