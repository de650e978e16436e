"""Steady states: the package's own method, every method of `qutip.steadystate`, and how far to trust the result."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.bohr import Eigenbasis
from qnet_qutip.correlations import correlation_matrix, covariance_matrix, occupations
from qnet_qutip.equations import MasterEquation
from qnet_qutip.equations.assembly import enlarged
from qnet_qutip.network import FrozenMapping, Network
from qnet_qutip.operators import Operators, checked_operators, liouvillian, same_operators
from qnet_qutip.progress import progress_line
from qnet_qutip.solver.double_double import DoubleDouble
from qnet_qutip.solver.few import OnSectors, few_unknowns
from qnet_qutip.solver.generator import (
    CollapseOperator,
    Real,
    build_generator,
    entries,
    operator_like,
    permuted_together,
    sparse_matrix,
)
from qnet_qutip.solver.point import Options, current_scales
from qnet_qutip.solver.sectors import Sectors, hermitian
from qnet_qutip.solver.stationary import long_time_state
from qnet_qutip.solver.stationary import steady_state_on as solve
from qnet_qutip.solver.superoperator import SectorGenerator, expectation, on_sectors
from qnet_qutip.space import Space
from qnet_qutip.thermodynamics import (
    Heat,
    check_density_matrix,
    check_state,
    entropy_flow,
    excitation_operators,
    first_law_residual,
    flow_at,
    require_positive,
)
from qnet_qutip.truncation import TruncationWarning

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUTIP_METHODS = ("direct", "eigen", "svd", "power", "propagator")
METHODS = ("sectors", *QUTIP_METHODS)

QUTIP_OPTIONS = frozenset(
    [
        "solver",
        "use_rcm",
        "use_wbm",
        "weight",
        "power_tol",
        "power_maxiter",
        "power_eps",
        "sparse",
        "rho",
        "propagator_T",
        "propagator_tol",
        "propagator_max_iter",
        "maxiter",
        "restart",
        "M",
    ]
)
"""Options that `qutip.steadystate` and the solvers behind it take."""

SMALLEST_CURRENT_SCALE = 0.01
"""A current is judged against itself, but against no less than this fraction of the one-way flow."""

MOST_ENLARGEMENTS = 7


ROUNDED_EIGENVALUE = 1e-10
"""Size of a negative eigenvalue of ρ that passes as rounding."""

LARGEST_ASYMMETRY = 1e-10
"""Relative norm of ρ - ρ† that passes as rounding in a method of QuTiP."""

LARGEST_IMBALANCE = 1e-6
"""|Σ J| over max |J| that passes as rounding in a method of QuTiP."""


class AccuracyWarning(UserWarning):
    """A heat current has fewer digits than were asked for: a method of QuTiP lost them, or 32 are not enough."""


class PositivityWarning(UserWarning):
    """A density matrix has an eigenvalue that is negative beyond rounding."""


class LawWarning(UserWarning):
    """The heat currents of a steady state break a law of thermodynamics beyond their error."""


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
    _current_tolerances: Mapping[str, float]

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
        >>> state = steady_state(qn.local_master_equation(net))
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
        for block in self._sectors.blocks(self._flat):
            if len(block) == 1:
                continue
            matrix = hermitian(block)
            matrix.flat[:: len(matrix) + 1] += ROUNDED_EIGENVALUE
            try:
                np.linalg.cholesky(matrix)
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

        The population at the edge, weighted as it enters the moment equations, times the one-way flow; relative to the
        current, or to a hundredth of the one-way flow where the current is smaller than that.
        """
        equation = self._of_equation("truncation_error")
        if equation.space is None or not equation.space.cut_factors:
            return FrozenMapping(dict.fromkeys(equation.collapse_operators, 0.0))
        fraction = equation.space.flow_error(self._populations)
        return FrozenMapping(
            {
                bath: fraction
                * max(flow, abs(self.heat_currents[bath]))
                / max(abs(self.heat_currents[bath]), SMALLEST_CURRENT_SCALE * flow, np.finfo(float).tiny)
                for bath, flow in equation.one_way_flows.items()
            }
        )

    @cached_property
    def heat_current_errors(self) -> Mapping[str, float]:
        """Absolute error of each heat current: of the truncation, and what the solver may have left.

        The latter is `rtol` of `steady_state` times what it is relative to there: for the current of a single bath what
        that exchanges with its node.
        """
        flows = self._of_equation("heat_current_errors").one_way_flows
        return FrozenMapping(
            {
                bath: 10 * self._current_tolerances[bath]
                + self.truncation_error[bath] * max(abs(current), SMALLEST_CURRENT_SCALE * flows.get(bath, 0.0))
                for bath, current in self.heat_currents.items()
            }
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
        currents = ", ".join(f"{bath}: {current:.10g}" for bath, current in self.heat_currents.items())
        lines = [f"SteadyState by {self.method!r} of {len(self._sectors.order)} states, residual {self.residual:.1e}"]
        if self.heat_currents:
            lines.append(f"heat currents {{{currents}}}")
        if self.equation is not None:
            errors = ", ".join(f"{bath}: {error:.1e}" for bath, error in self.truncation_error.items())
            lines.append(f"entropy production {self.entropy_production:.10g}; truncation error {{{errors}}}")
        return "\n".join(lines)


def steady_state(
    equation: MasterEquation | qutip.Qobj,
    collapse_operators: Operators | None = None,
    *,
    method: str = "sectors",
    rho0: qutip.Qobj | None = None,
    start: SteadyState | None = None,
    rtol: float = 1e-10,
    max_iterations: int = 1000,
    **options: object,
) -> SteadyState:
    """Steady state of a master equation, or of a Hamiltonian and collapse operators.

    Parameters
    ----------
    equation : MasterEquation or Qobj
        A master equation, or a Hamiltonian together with `collapse_operators`. If the equation's space was chosen
        automatically it is enlarged as long as the result asks for it; `equation` of the result is the one solved.
    collapse_operators : iterable of Qobj, or mapping of str to iterables or to one Qobj, optional
        As for `qutip.steadystate`; by bath in a mapping, which gives the heat current of each. An element can also be
        a pair (S, Λ) that stands for ΛρS† + SρΛ† - S†Λρ - ρΛ†S, the form of Redfield's equation.
    method : str, optional
        "sectors", the package's own, or a method of `qutip.steadystate`: "direct", "eigen", "svd", "power",
        "propagator".
    rho0 : Qobj, optional
        Select, among several steady states, the one that this state evolves to (its average over long times). What
        relaxes more slowly than about 1e-13 of the fastest rate counts as conserved.
    start : SteadyState, optional
        A state of the same space to start from, for instance that of a neighbouring point in a sweep.
    rtol : float, optional
        Error of ρ and of every heat current that the solver may leave: relative to the current, or to a hundredth of
        the one-way flow where that is larger. The current of a single bath, zero in any steady state, is judged
        against what the bath exchanges with its node.
    max_iterations : int, optional
        Limit on the iterations.
    **options
        For a method of QuTiP: its own options.

    Returns
    -------
    SteadyState

    Raises
    ------
    ConvergenceError
        If no stage of the solver reaches the tolerance within the limit; the message says of each why not.
    MultipleSteadyStatesError
        If there are several steady states and no `rho0` selects one. Of plain operators a relaxation slower than 1e-13
        of the fastest counts as none.
    MemoryError
        If the problem would not fit in memory.
    TypeError, ValueError
        If an argument is not valid.

    Warns
    -----
    TruncationWarning
        If the estimated truncation error of a current is above the tolerance that the equation was built with.
    AccuracyWarning
        If a method of QuTiP returns a ρ that is not Hermitian, or with currents that do not add up to zero; or if
        a current is so small a part of what its bath exchanges, below about 1e-20, that double-double arithmetic does
        not resolve it to `rtol`. Up to 80 unknowns it is then computed in a hundred digits instead.
    PositivityWarning
        If ρ has an eigenvalue that is negative beyond rounding.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> state = steady_state(qn.local_master_equation(net))
    >>> f"{state.heat_currents['hot']:.12g}"
    '-5.30353574491e-07'
    """
    checks.one_of("method", method, METHODS)
    checks.tolerance("rtol", rtol)
    checks.whole("max_iterations", max_iterations, 1)
    _check_options(method, options, rho0, start)
    request = _Request(method, rho0, start, rtol, max_iterations, options)
    if isinstance(equation, MasterEquation):
        if collapse_operators is not None:
            raise ValueError("collapse_operators must not be given with a master equation, which has its own")
        return _of_equation(equation, request)
    by_bath = checked_operators(equation, collapse_operators)
    if rho0 is not None:
        check_density_matrix(rho0, equation, "rho0")
    found = _found(equation, by_bath, request, {}, unique=False)
    state = _state(found, None, equation, request, named=isinstance(collapse_operators, Mapping))
    _warn_if_not_positive(state, stacklevel=3)
    _warn_of_energy_rounding(found, stacklevel=3)
    return state


@dataclass(frozen=True, eq=False)
class _Request:
    """What a caller of `steady_state` asked for."""

    method: str
    rho0: qutip.Qobj | None
    start: SteadyState | None
    rtol: float
    max_iterations: int
    options: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class _Found:
    """A steady state on its sectors, by whatever method; in the eigenbasis of H if `basis` is that."""

    sectors: Sectors
    value: DoubleDouble
    currents: Mapping[str, float]
    scales: Mapping[str, float]
    residual: float
    iterations: int = 0
    changes: Mapping[str, float] = field(default_factory=dict)
    unresolved: Mapping[str, float] = field(default_factory=dict)
    basis: Eigenbasis | None = None
    energy_rounding: float = 0.0


def _of_equation(equation: MasterEquation, request: _Request) -> SteadyState:
    smallest_scales = {bath: SMALLEST_CURRENT_SCALE * flow for bath, flow in equation.one_way_flows.items()}
    for enlargement in range(MOST_ENLARGEMENTS + 1):
        if request.rho0 is not None:
            check_state(equation, request.rho0, "rho0")
        form = equation.eigenform if request.method == "sectors" else None
        solved = equation if form is None else form
        found = _found(
            solved.hamiltonian,
            solved.collapse_operators,
            request,
            smallest_scales,
            unique=equation.unique,
            energy=solved.energy,
            basis=None if form is None else form.basis,
        )
        state = _state(found, equation, equation.hamiltonian, request)
        error = max(state.truncation_error.values(), default=0.0)
        last = enlargement == MOST_ENLARGEMENTS
        chosen = equation.space is not None and equation.space.truncation.chosen
        if last or error <= equation.rtol or not chosen or request.method != "sectors":
            # The warning below is to name the space that was solved, not one that comes after it.
            break
        # The error falls off exponentially with the levels: scale them by the ratio of the logarithms.
        factor = float(np.clip(1.02 * np.log(equation.rtol) / np.log(min(error, 0.5)), 1.03, 1.5))
        equation = enlarged(equation, factor)
        request = replace(request, start=None)
    _warn_if_not_positive(state, stacklevel=4)
    if request.method in QUTIP_METHODS and equation.promises.first_law and state.first_law_residual > LARGEST_IMBALANCE:
        # Σ J = Tr[H L(ρ)] vanishes in every steady state, whatever the equation, if H is what moves the state.
        warnings.warn(
            f"the heat currents by method {request.method!r} add up to {state.first_law_residual:.1e} of the largest "
            "instead of zero: ρ is not accurate enough for them; use method 'sectors'",
            AccuracyWarning,
            stacklevel=3,
        )
    for bath, resolved in found.unresolved.items():
        warnings.warn(
            f"the heat current of bath {bath!r}, {found.currents[bath]:.1e}, is resolved to {request.rtol:.0e} of "
            f"{resolved:.1e} only: the one-way flow is too small a part of what the bath exchanges with its node",
            AccuracyWarning,
            stacklevel=3,
        )
    _warn_of_energy_rounding(found, stacklevel=4)
    _warn_of_laws(state, equation, stacklevel=4)
    if equation.space is not None and error > equation.rtol:
        cut = equation.space.truncation.arguments
        warnings.warn(
            f"the estimated truncation error of a heat current is {error:.1e}, above the tolerance "
            f"{equation.rtol:.0e} that the equation was built with ({cut}); build it with more levels or excitations, "
            "or without a cut to have one chosen",
            TruncationWarning,
            stacklevel=3,
        )
    return state


def _check_options(method: str, options: dict[str, object], rho0: qutip.Qobj | None, start: SteadyState | None) -> None:
    known = QUTIP_OPTIONS if method in QUTIP_METHODS else frozenset[str]()
    for name in options:
        checks.one_of(f"option of method {method!r}", name, sorted(known))
    if method in QUTIP_METHODS:
        for name, value in (("rho0", rho0), ("start", start)):
            if value is not None:
                raise ValueError(f"{name} must not be given with method {method!r}: only 'sectors' takes it")
    if start is not None and not isinstance(start, SteadyState):
        raise TypeError(f"start must be a SteadyState, but is {type(start).__name__}")
    if start is not None and rho0 is not None:
        raise ValueError("start and rho0 must not both be given: rho0 selects a steady state, start only speeds it up")


def _found(
    hamiltonian: qutip.Qobj,
    operators: Mapping[str, Iterable[CollapseOperator]],
    request: _Request,
    smallest_scales: Mapping[str, float],
    *,
    unique: bool,
    energy: qutip.Qobj | None = None,
    basis: Eigenbasis | None = None,
) -> _Found:
    if request.start is not None and request.start.rho.shape != hamiltonian.shape:
        raise ValueError(f"start must have {hamiltonian.shape[0]} states, but has {request.start.rho.shape[0]}")
    if request.method in QUTIP_METHODS:
        return _by_qutip(hamiltonian, operators, request, smallest_scales, energy)
    on: OnSectors | None
    show = progress_line("steady state")

    def report(iterations: int, error: float) -> None:
        show(f"{iterations} iterations" + (f", estimated error {error:.1e}" if np.isfinite(error) else ""))

    wanted = Options(request.rtol, request.max_iterations, unique, smallest_scales, report)
    if request.rho0 is not None:
        require_positive(request.rho0, "rho0")
        given = request.rho0 if basis is None else basis.in_eigenbasis(request.rho0)
        on, solution = long_time_state(build_generator(hamiltonian, operators, energy), entries(given), wanted)
    else:
        start = None
        if request.start is not None:
            rho = request.start.rho
            start = entries(rho if basis is None else basis.in_eigenbasis(rho))
        on = few_unknowns(hamiltonian, operators, energy)
        if on is None:
            on = on_sectors(build_generator(hamiltonian, operators, energy))
        solution = solve(on, wanted, start)
    show("")
    return _Found(
        on.sectors,
        solution.value,
        solution.currents,
        solution.scales,
        solution.residual,
        solution.iterations,
        solution.changes,
        solution.unresolved,
        basis,
        solution.energy_rounding,
    )


def _by_qutip(
    hamiltonian: qutip.Qobj,
    operators: Mapping[str, Iterable[CollapseOperator]],
    request: _Request,
    smallest_scales: Mapping[str, float],
    energy: qutip.Qobj | None,
) -> _Found:
    method = request.method
    flat_operators = [member for members in operators.values() for member in members]
    if any(isinstance(member, tuple) for member in flat_operators):
        rho = qutip.steadystate(liouvillian(hamiltonian, flat_operators), method=method, **request.options)
    else:
        rho = qutip.steadystate(hamiltonian, flat_operators, method=method, **request.options)
    matrix = sparse_matrix(rho)
    if not np.all(np.isfinite(matrix.data)):
        raise ArithmeticError(f"qutip.steadystate with method {method!r} returned NaN or infinity")
    asymmetry = float(sp.linalg.norm(matrix - matrix.conj().T) / sp.linalg.norm(matrix))
    if asymmetry > LARGEST_ASYMMETRY:
        warnings.warn(
            f"qutip.steadystate with method {method!r} returned a matrix that misses being Hermitian by "
            f"{asymmetry:.1e} of its norm; its Hermitian part is used",
            AccuracyWarning,
            stacklevel=5,
        )
    state = entries(rho)
    on = on_sectors(build_generator(hamiltonian, operators, energy), state)
    flat = on.sectors.pack(state)
    value = flat, np.zeros_like(flat)
    residual, currents = on.residual_and_currents(value)
    wanted = Options(request.rtol, request.max_iterations, smallest_scales=smallest_scales)
    scales = current_scales(on, flat, currents, wanted)
    return _Found(on.sectors, value, currents, scales, float(np.linalg.norm(residual)))


def _state(
    found: _Found,
    equation: MasterEquation | None,
    hamiltonian: qutip.Qobj,
    request: _Request,
    *,
    named: bool = True,
) -> SteadyState:
    return SteadyState(
        equation=equation,
        heat_currents=FrozenMapping(found.currents if named else {}),
        residual=found.residual,
        method=request.method,
        iterations=found.iterations,
        current_changes=FrozenMapping(found.changes if named else {}),
        _hamiltonian=hamiltonian,
        _sectors=found.sectors,
        _flat=found.value[0],
        _remainder=found.value[1],
        _basis=found.basis,
        _current_tolerances=FrozenMapping({bath: request.rtol * scale for bath, scale in found.scales.items()}),
    )


def _warn_of_energy_rounding(found: _Found, stacklevel: int) -> None:
    if found.energy_rounding:
        warnings.warn(
            "the baths' rates are so small beside the energies that the rounding of these changes the steady state or "
            f"a heat current by {found.energy_rounding:.1e}",
            AccuracyWarning,
            stacklevel=stacklevel,
        )


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
    >>> broken_laws(steady_state(qn.local_master_equation(net)))
    {}
    """
    equation, errors = state._of_equation("broken_laws"), state.heat_current_errors
    broken = {}
    if not equation.promises.first_law and abs(sum(state.heat_currents.values())) > sum(errors.values()):
        broken["first"] = "first_law_residual"
    if equation.promises.second_law != "H" and state.entropy_production < -flow_at(equation.temperatures, errors):
        broken["second"] = "entropy_production"
    return FrozenMapping(broken)


def _warn_of_laws(state: SteadyState, equation: MasterEquation, stacklevel: int) -> None:
    """Warn if a law is broken; the figures are on the state.

    The text is the same for every state, so that Python's filter shows it once.
    """
    for law, attribute in broken_laws(state).items():
        warnings.warn(
            f"heat currents of the {equation.name} equation break the {law} law, which it does not promise for heat "
            f"counted by H; see {attribute} of the state",
            LawWarning,
            stacklevel=stacklevel,
        )


def _warn_if_not_positive(state: SteadyState, stacklevel: int) -> None:
    if not state.positive:
        warnings.warn(
            f"the steady state has the eigenvalue {state.smallest_eigenvalue:.1e}: it is not a density matrix, as can "
            "happen if the generator is not of Lindblad form or the method lost its digits",
            PositivityWarning,
            stacklevel=stacklevel,
        )
