"""A steady state with its heat currents, what else is asked of it, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import qutip
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.bohr import Eigenbasis
from qnet_qutip.correlations import correlation_matrix, covariance_matrix, occupations
from qnet_qutip.equations import MasterEquation
from qnet_qutip.network import FrozenMapping, Network
from qnet_qutip.operators import same_operators
from qnet_qutip.solver.generator import Real, build_generator, entries, operator_like, permuted_together
from qnet_qutip.solver.sectors import Sectors, hermitian
from qnet_qutip.solver.superoperator import SectorGenerator, expectation
from qnet_qutip.space import Space
from qnet_qutip.thermodynamics import (
    Heat,
    entropy_flow,
    excitation_operators,
    first_law_residual,
    flow_at,
    second_law_broken,
)
from qnet_qutip.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST_CURRENT_SCALE = 0.01
"""A current is judged against itself, but against no less than this fraction of the one-way flow."""

SOLVER_SAFETY = 10.0
"""On the tolerance of the solver, in what is said of a current's error: an estimate may be off by so much."""

ROUNDED_EIGENVALUE = 1e-10
"""Size of a negative eigenvalue of ρ that passes as rounding."""


@dataclass(frozen=True, eq=False)
class SteadyState:
    """A steady state with its heat currents, and how far to trust it.

    Attributes
    ----------
    equation : MasterEquation or None
        The equation solved, in the space that was used; None for plain operators.
    heat_currents : mapping of str to float
        J = Tr[H D(ρ)] of each bath on its own, eq. (5), positive into the network.
    residual : float
        Frobenius norm of L(ρ), in units of frequency.
    method : str
    iterations : int
        Applications of the preconditioned generator; 0 for a method of QuTiP.
    current_changes : mapping of str to float
        Relative change of each current by the last correction; empty for a method of QuTiP.
    """

    equation: MasterEquation | None
    heat_currents: Mapping[str, float]
    residual: float
    method: str
    iterations: int
    current_changes: Mapping[str, float]
    _hamiltonian: qutip.Qobj
    _sectors: Sectors
    _flat: Real
    _remainder: Real
    _basis: Eigenbasis | None
    _solver_errors: Mapping[str, float]
    _cut_changes: Mapping[str, float]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SteadyState):
            return NotImplemented
        plain = ("equation", "heat_currents", "residual", "method", "iterations", "current_changes")
        return all(getattr(self, name) == getattr(other, name) for name in plain) and same_operators(
            [self._hamiltonian, self.rho], [other._hamiltonian, other.rho]
        )

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def rho(self) -> qutip.Qobj:
        """Density matrix, sparse, of unit trace."""
        rho = operator_like(self._hamiltonian, self._sectors.unpack(self._flat))
        return rho if self._basis is None else self._basis.rotated(rho)

    def _of_equation(self, name: str) -> MasterEquation:
        if self.equation is None:
            raise AttributeError(f"{name} needs a master equation of a network, but plain operators were solved")
        return self.equation

    def _of_network(self, name: str) -> tuple[Network, Space]:
        equation = self._of_equation(name)
        if equation.network is None or equation.space is None:
            raise AttributeError(f"{name} needs a network, but the equation is that of a Hamiltonian of one's own")
        return equation.network, equation.space

    @cached_property
    def entropy_production(self) -> float:
        """σ = -Σ J/T, eq. (1) in the steady state; negative where the second law is violated."""
        return -flow_at(self._of_equation("entropy_production").temperatures, self.heat_currents)

    def heat_by(self, energy: str) -> Heat:
        """The heat that each bath gives, counted by another energy than the whole Hamiltonian.

        Parameters
        ----------
        energy : str
            A key of `equation.energies`: "H", of the local equation also "H_0", of the unified one "H_TD".

        Returns
        -------
        Heat
            Q = Tr[E D(ρ)] of each bath, the work -Σ Q that a state that does not change then takes in, and -Σ Q/T.

        Raises
        ------
        ValueError
            If the equation has no such energy.

        Examples
        --------
        The local equation hides work (De Chiara and others, NJP 20, 113024 (2018)):

        >>> import qnet_qutip as qn
        >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
        >>> state = qn.steady_state(qn.local_master_equation(net))
        >>> state.entropy_production < 0 < state.heat_by("H_0").entropy_production
        True
        """
        equation = self._of_equation("heat_by")
        checks.one_of("energy", energy, list(equation.energies))
        if energy == "H":
            currents = dict(self.heat_currents)
        else:
            currents = self._generator(equation.energies[energy]).residual_and_currents((self._flat, self._remainder))[
                1
            ]
        return Heat(energy, FrozenMapping(currents), -sum(currents.values()), -entropy_flow(equation, currents))

    @cached_property
    def excitation_currents(self) -> Mapping[tuple[str, str], float]:
        """Excitations per time that each coupling brings: under (A, B) those that it adds to B.

        For a swap that is iε⟨a†b - ab†⟩ from A to B, and the opposite under (B, A). A quadrature coupling creates and
        destroys pairs too, so that what it adds to the one is not what it takes from the other; a dispersive one moves
        none. With those of the baths they add up to zero at every node, d⟨b†b⟩/dt = 0.

        Where ρ commutes with H, as it does under the global equation (and under unified and partial_secular where each
        frequency is on its own), all couplings of a node together add none, ⟨i[H, b†b]⟩ = 0, and without rings no
        single one does: heat then passes through eigenmodes that several baths act on, not through coherences that
        would show on the way. What flows between nodes is in the coherences that the other equations keep.
        """
        network, space = self._of_network("excitation_currents")
        rho, operators = (self._flat, self._remainder), excitation_operators(network, space)
        solved = [entries(self._as_solved(operator)) for operator in operators.values()]
        moved = permuted_together(solved, self._sectors.rank)
        return FrozenMapping(
            {pair: expectation(operator, self._sectors, rho) for pair, operator in zip(operators, moved, strict=True)}
        )

    def _as_solved(self, operator: qutip.Qobj) -> qutip.Qobj:
        """An operator in the basis that the sectors are of."""
        return operator if self._basis is None else self._basis.in_eigenbasis(operator)

    def _generator(self, energy: qutip.Qobj) -> SectorGenerator:
        equation = self._of_equation("energy")
        form = equation if self._basis is None else equation.eigenform
        assert form is not None
        generator = build_generator(form.hamiltonian, form.collapse_operators, self._as_solved(energy))
        return SectorGenerator(generator.permuted(self._sectors.order), self._sectors)

    @property
    def first_law_residual(self) -> float:
        """|Σ J| / max |J|."""
        return first_law_residual(self.heat_currents)

    @cached_property
    def occupations(self) -> Mapping[str, float]:
        """⟨a†a⟩ of every node."""
        return FrozenMapping(occupations(self._of_network("occupations")[1], self.rho))

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance matrix (appendix C), shape (2n, 2n), in the order (x_A, p_A, x_B, p_B, ...), vacuum ½."""
        return covariance_matrix(*self._of_network("covariance"), self.rho)

    @cached_property
    def correlations(self) -> NDArray[np.float64]:
        """Correlation functions of eq. (17), shape (2n, 2n), in the order of `covariance`."""
        self._of_network("correlations")
        return correlation_matrix(self.covariance)

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of ρ; negative by rounding at most, if the equation keeps ρ positive."""
        if self._sectors.classical:
            return float(self._flat.min())
        return float(min(np.linalg.eigvalsh(hermitian(block))[0] for block in self._sectors.blocks(self._flat)))

    @cached_property
    def positive(self) -> bool:
        """Whether ρ has no negative eigenvalue beyond rounding."""
        if self._sectors.classical:
            return self.smallest_eigenvalue >= -ROUNDED_EIGENVALUE
        if self._flat[self._sectors.diagonal].min() < -ROUNDED_EIGENVALUE:
            return False
        for group in self._sectors.groups:
            for blocks in group.stacks(self._flat[group.unknowns]):
                size = blocks.shape[-1]
                if size == 1:
                    continue
                try:
                    np.linalg.cholesky(hermitian(blocks) + ROUNDED_EIGENVALUE * np.eye(size))
                except np.linalg.LinAlgError:
                    return False
        return True

    @cached_property
    def top_shell_population(self) -> float:
        """Population of the basis states at the edge of the truncation."""
        edge = self._of_network("top_shell_population")[1].top_shell()
        return float(self._populations[edge].sum())

    @cached_property
    def truncation_error(self) -> Mapping[str, float]:
        """Estimated relative error of each heat current from truncation.

        The population at the edge, weighted as it enters the moment equations, times the one-way flow; where that is no
        bound, as with couplings or baths that make pairs of excitations, also what two levels or excitations change of
        the current, if it is more. Relative to the current, or to a hundredth of the one-way flow where the current is
        smaller than that.
        """
        flows, tiny = self._of_equation("truncation_error").one_way_flows, float(np.finfo(float).tiny)
        scales = {
            bath: max(abs(current), SMALLEST_CURRENT_SCALE * flows.get(bath, 0.0), tiny)
            for bath, current in self.heat_currents.items()
        }
        return FrozenMapping({bath: error / scales[bath] for bath, error in self._absolute_truncation_errors.items()})

    @cached_property
    def _absolute_truncation_errors(self) -> dict[str, float]:
        equation = self._of_equation("truncation_error")
        if equation.space is None or not equation.space.cut_factors:
            return dict.fromkeys(equation.collapse_operators, 0.0)
        fraction = equation.space.flow_error(self._populations)
        return {
            bath: max(fraction * max(flow, abs(self.heat_currents[bath])), self._cut_changes.get(bath, 0.0))
            for bath, flow in equation.one_way_flows.items()
        }

    @cached_property
    def heat_current_errors(self) -> Mapping[str, float]:
        """Absolute error of each heat current: of the truncation, and what the solver may have left.

        The latter is ten times `rtol` of `steady_state`, as it judges by estimates, times what that is relative to
        there: for the current of a single bath what this exchanges with its node. Where an `AccuracyWarning` says that
        a current is resolved to less, or that the rounding of energies changes it, it is no less than that; of a method
        of QuTiP no less than what the currents miss adding up to zero by.
        """
        self._of_equation("heat_current_errors")
        return FrozenMapping(
            {bath: self._solver_errors[bath] + self._absolute_truncation_errors[bath] for bath in self.heat_currents}
        )

    @property
    def unknowns(self) -> int:
        """Number of entries of ρ in the sectors that couple to the populations."""
        return self._sectors.unknowns

    @property
    def _populations(self) -> NDArray[np.float64]:
        if self._basis is not None:
            return np.asarray(self.rho.diag().real)
        populations = np.empty(len(self._sectors.order))
        populations[self._sectors.order] = self._flat[self._sectors.diagonal]
        return populations

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the currents over the network into Matplotlib's axes, or a new figure; see `plotting.plot_currents`.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        Axes

        Raises
        ------
        TypeError
            If the equation is not that of a network.
        """
        from qnet_qutip.plotting import plot_currents

        return plot_currents(self, ax)

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.state_html(self)

    def __repr__(self) -> str:
        currents = listed([f"{bath}: {current:.10g}" for bath, current in self.heat_currents.items()])
        lines = [f"SteadyState by {self.method!r} of {len(self._sectors.order)} states, residual {self.residual:.1e}"]
        if self.heat_currents:
            lines.append(f"heat currents {{{currents}}}")
        if self.equation is not None:
            errors = listed([f"{bath}: {error:.1e}" for bath, error in self.truncation_error.items()])
            lines.append(f"entropy production {self.entropy_production:.10g}; truncation error {{{errors}}}")
        return "\n".join(lines)


def broken_laws(state: SteadyState) -> Mapping[str, str]:
    """The laws that the heat currents of a steady state break by more than their errors, counted by H.

    Parameters
    ----------
    state : SteadyState
        Of a master equation.

    Returns
    -------
    mapping of str to str
        "first" and "second", if broken, to the attribute of the state that shows it.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=5, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> broken_laws(qn.steady_state(qn.local_master_equation(net)))
    {}
    """
    equation, errors = state._of_equation("broken_laws"), state.heat_current_errors
    broken = {}
    if not equation.promises.first_law and abs(sum(state.heat_currents.values())) > sum(errors.values()):
        broken["first"] = "first_law_residual"
    promised = equation.promises.second_law == "H"
    if not promised and second_law_broken(equation.temperatures, state.heat_currents, errors):
        broken["second"] = "entropy_production"
    return FrozenMapping(broken)
