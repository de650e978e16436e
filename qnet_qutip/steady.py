"""Steady states: the package's own method, every method of `qutip.steadystate`, and how far to trust the result."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.correlations import correlation_matrix, covariance_matrix, occupations
from qnet_qutip.equations import MasterEquation
from qnet_qutip.network import FrozenMapping, baths_reach_every_node
from qnet_qutip.progress import progress_line
from qnet_qutip.solver.doubled import DoubledGenerator
from qnet_qutip.solver.generator import CollapseOperator, Generator, build_generator, density_operator, sparse_matrix
from qnet_qutip.solver.iteration import ConvergenceError, MultipleSteadyStatesError, Solution, solve
from qnet_qutip.solver.longtime import long_time_state
from qnet_qutip.solver.sectors import Sectors, find_sectors, hermitian
from qnet_qutip.thermodynamics import check_density_matrix, check_state, entropy_flow, first_law_residual
from qnet_qutip.truncation import TruncationWarning, flow_error, one_way_flows

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

LARGEST_DISTANCE = 1e-6
"""Norm of the difference of two long-time states that passes as the error of either."""

LARGEST_ASYMMETRY = 1e-10
"""Relative norm of ρ - ρ† that passes as rounding in a method of QuTiP."""

LARGEST_IMBALANCE = 1e-6
"""|Σ J| over max |J| that passes as rounding in a method of QuTiP."""


class AccuracyWarning(UserWarning):
    """A heat current has fewer digits than were asked for: a method of QuTiP lost them, or 32 are not enough."""


class PositivityWarning(UserWarning):
    """A density matrix has an eigenvalue that is negative beyond rounding."""


@dataclass(frozen=True, eq=False)
class SteadyState:
    """A steady state with its heat currents, and how far to trust it.

    Attributes
    ----------
    rho : Qobj
        Density matrix, sparse, of unit trace.
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

    rho: qutip.Qobj
    equation: MasterEquation | None
    heat_currents: Mapping[str, float]
    residual: float
    method: str
    iterations: int
    current_changes: Mapping[str, float]
    _sectors: Sectors

    def _of_network(self, name: str) -> MasterEquation:
        if self.equation is None:
            raise AttributeError(f"{name} needs a master equation of a network, but plain operators were solved")
        return self.equation

    @cached_property
    def entropy_production(self) -> float:
        """σ = -Σ J/T, eq. (1) in the steady state; negative where the second law is violated."""
        return -entropy_flow(self._of_network("entropy_production").network, self.heat_currents)

    @property
    def first_law_residual(self) -> float:
        """|Σ J| / max |J|."""
        return first_law_residual(self.heat_currents)

    @cached_property
    def occupations(self) -> Mapping[str, float]:
        """⟨a†a⟩ of every node."""
        return FrozenMapping(occupations(self._of_network("occupations").space, self.rho))

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance matrix (appendix C), shape (2n, 2n), in the order (x_A, p_A, x_B, p_B, ...), vacuum ½."""
        equation = self._of_network("covariance")
        return covariance_matrix(equation.network, equation.space, self.rho)

    @cached_property
    def correlations(self) -> NDArray[np.float64]:
        """Correlation functions of eq. (17), shape (2n, 2n), in the order of `covariance`."""
        self._of_network("correlations")
        return correlation_matrix(self.covariance)

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Smallest eigenvalue of ρ; negative by rounding at most, if the equation keeps ρ positive."""
        blocks = self._sectors.blocks(self._sectors.pack(sparse_matrix(self.rho)))
        return float(min(np.linalg.eigvalsh(hermitian(block))[0] for block in blocks))

    @cached_property
    def positive(self) -> bool:
        """Whether ρ has no negative eigenvalue beyond rounding."""
        for block in self._sectors.blocks(self._sectors.pack(sparse_matrix(self.rho))):
            try:
                np.linalg.cholesky(hermitian(block) + ROUNDED_EIGENVALUE * np.eye(len(block)))
            except np.linalg.LinAlgError:
                return False
        return True

    @cached_property
    def top_shell_population(self) -> float:
        """Population of the basis states at the edge of the truncation."""
        edge = self._of_network("top_shell_population").space.top_shell()
        return float(self._populations[edge].sum())

    @cached_property
    def truncation_error(self) -> Mapping[str, float]:
        """Estimated relative error of each heat current from truncation.

        The population at the edge, weighted as it enters the moment equations, times the one-way flow; relative to the
        current, or to a hundredth of the one-way flow where the current is smaller than that.
        """
        equation = self._of_network("truncation_error")
        fraction = flow_error(equation.space, self._populations)
        flows = one_way_flows(equation.network)
        return FrozenMapping(
            {
                bath: fraction
                * max(flow, abs(self.heat_currents[bath]))
                / max(abs(self.heat_currents[bath]), SMALLEST_CURRENT_SCALE * flow, np.finfo(float).tiny)
                for bath, flow in flows.items()
            }
        )

    @property
    def unknowns(self) -> int:
        """Number of entries of ρ in the sectors that couple to the populations."""
        return self._sectors.unknowns

    @property
    def _populations(self) -> NDArray[np.float64]:
        return np.asarray(sparse_matrix(self.rho).diagonal()).real

    def __repr__(self) -> str:
        currents = ", ".join(f"{bath}: {current:.10g}" for bath, current in self.heat_currents.items())
        lines = [f"SteadyState by {self.method!r} of {self.rho.shape[0]} states, residual {self.residual:.1e}"]
        if self.heat_currents:
            lines.append(f"heat currents {{{currents}}}")
        if self.equation is not None:
            errors = ", ".join(f"{bath}: {error:.1e}" for bath, error in self.truncation_error.items())
            lines.append(f"entropy production {self.entropy_production:.10g}; truncation error {{{errors}}}")
        return "\n".join(lines)


Operators = Iterable[CollapseOperator] | Mapping[str, Iterable[CollapseOperator]]


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
    collapse_operators : iterable of Qobj, or mapping of str to iterables, optional
        As for `qutip.steadystate`; by bath in a mapping, which gives the heat current of each. An element can also be
        a pair (S, Λ) that stands for ΛρS† + SρΛ† - S†Λρ - ρΛ†S, the form of Redfield's equation.
    method : str, optional
        "sectors", the package's own, or a method of `qutip.steadystate`: "direct", "eigen", "svd", "power",
        "propagator".
    rho0 : Qobj, optional
        Select, among several steady states, the one that this state evolves to (its average over long times).
    start : SteadyState, optional
        A state of the same space to start from, for instance that of a neighbouring point in a sweep.
    rtol : float, optional
        Change of ρ and of every heat current that the solver may leave: relative to the current, or to a hundredth of
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
        If the iteration limit is reached first.
    MultipleSteadyStatesError
        If there are several steady states and no `rho0` selects one.
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
        the one-way flow is so small a part of what a bath exchanges with its node, about 1e-20, that doubled
        precision does not resolve the current to `rtol`.
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
    checks.positive("rtol", rtol)
    checks.whole("max_iterations", max_iterations, 1)
    _check_options(method, options, rho0, start)
    if isinstance(equation, MasterEquation):
        if collapse_operators is not None:
            raise ValueError("collapse_operators must not be given with a master equation, which has its own")
        return _of_equation(equation, method, rho0, start, rtol, max_iterations, options)
    by_bath = _checked_operators(equation, collapse_operators)
    if rho0 is not None:
        check_density_matrix(rho0, equation, "rho0")
    generator = build_generator(equation, by_bath)
    solution = _solution(generator, equation, by_bath, method, rho0, start, rtol, max_iterations, options, unique=False)
    named = isinstance(collapse_operators, Mapping)
    state = _state(solution, equation, None, method, solution.heat_currents if named else {})
    _warn_if_not_positive(state, stacklevel=3)
    return state


def _of_equation(
    equation: MasterEquation,
    method: str,
    rho0: qutip.Qobj | None,
    start: SteadyState | None,
    rtol: float,
    max_iterations: int,
    options: dict[str, object],
) -> SteadyState:
    smallest_scales = {bath: SMALLEST_CURRENT_SCALE * flow for bath, flow in one_way_flows(equation.network).items()}
    for enlargement in range(MOST_ENLARGEMENTS + 1):
        if rho0 is not None:
            check_state(equation, rho0, "rho0")
        operators = equation.collapse_operators
        generator = build_generator(equation.hamiltonian, operators)
        solution = _solution(
            generator,
            equation.hamiltonian,
            operators,
            method,
            rho0,
            start,
            rtol,
            max_iterations,
            options,
            unique=baths_reach_every_node(equation.network),
            smallest_scales=smallest_scales,
        )
        state = _state(solution, equation.hamiltonian, equation, method, solution.heat_currents)
        error = max(state.truncation_error.values(), default=0.0)
        last = enlargement == MOST_ENLARGEMENTS
        if last or error <= equation.rtol or equation.enlarged is None or method != "sectors":
            # The warning below is to name the space that was solved, not one that comes after it.
            break
        # The error falls off exponentially with the levels: scale them by the ratio of the logarithms.
        equation = equation.enlarged(float(np.clip(1.02 * np.log(equation.rtol) / np.log(min(error, 0.5)), 1.03, 1.5)))
        start = None
    _warn_if_not_positive(state, stacklevel=4)
    if method in QUTIP_METHODS and state.first_law_residual > LARGEST_IMBALANCE:
        # Σ J = Tr[H L(ρ)] vanishes in every steady state, whatever the equation.
        warnings.warn(
            f"the heat currents by method {method!r} add up to {state.first_law_residual:.1e} of the largest instead "
            "of zero: ρ is not accurate enough for them; use method 'sectors'",
            AccuracyWarning,
            stacklevel=3,
        )
    for bath, resolved in solution.unresolved.items():
        warnings.warn(
            f"the heat current of bath {bath!r}, {solution.heat_currents[bath]:.1e}, is resolved to {rtol:.0e} of "
            f"{resolved:.1e} only: the one-way flow is too small a part of what the bath exchanges with its node",
            AccuracyWarning,
            stacklevel=3,
        )
    if error > equation.rtol:
        warnings.warn(
            f"the estimated truncation error of a heat current is {error:.1e}, above the tolerance "
            f"{equation.rtol:.0e} that the equation was built with ({equation.space.cut}); build it with more levels "
            "or excitations, or without a cut to have one chosen",
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


def _checked_operators(hamiltonian: object, collapse_operators: Operators | None) -> dict[str, list[CollapseOperator]]:
    if not isinstance(hamiltonian, qutip.Qobj) or not hamiltonian.isoper:
        raise TypeError(
            f"equation must be a MasterEquation or a Hamiltonian as a QuTiP operator, but is {_described(hamiltonian)}"
        )
    if hamiltonian.shape[0] != hamiltonian.shape[1]:
        raise ValueError(f"the Hamiltonian must be square, but has shape {hamiltonian.shape}")
    if not hamiltonian.isherm:
        raise ValueError("the Hamiltonian must be Hermitian, but is not")
    if collapse_operators is None:
        raise ValueError("collapse_operators must be given with a Hamiltonian, but are missing")
    if isinstance(collapse_operators, qutip.Qobj) or not isinstance(collapse_operators, Iterable):
        raise TypeError(
            "collapse_operators must be a list of operators or a mapping of lists, but is "
            f"{_described(collapse_operators)}"
        )
    if not np.all(np.isfinite(sparse_matrix(hamiltonian).data)):
        raise ValueError("the Hamiltonian must be finite, but has NaN or infinite entries")
    by_bath = (
        {str(bath): list(members) for bath, members in collapse_operators.items()}
        if isinstance(collapse_operators, Mapping)
        else {"all": list(collapse_operators)}
    )
    for bath, members in by_bath.items():
        for index, member in enumerate(members):
            parts = member if isinstance(member, tuple) else (member,)
            if len(parts) > 2 or (isinstance(member, tuple) and len(parts) != 2):
                raise TypeError(
                    f"a pair of operators must have two members, but collapse operator {index} has {len(parts)}"
                )
            for part in parts:
                if not isinstance(part, qutip.Qobj) or not part.isoper:
                    raise TypeError(
                        f"collapse operator {index} of {bath!r} must be a QuTiP operator, but is {_described(part)}"
                    )
                if part.dims != hamiltonian.dims:
                    raise ValueError(
                        f"collapse operator {index} of {bath!r} must have the Hamiltonian's dimensions "
                        f"{hamiltonian.dims}, but has {part.dims}"
                    )
                if not np.all(np.isfinite(sparse_matrix(part).data)):
                    raise ValueError(
                        f"collapse operator {index} of {bath!r} must be finite, but has NaN or infinite entries"
                    )
    return by_bath


def _described(value: object) -> str:
    return f"a Qobj of type {value.type!r}" if isinstance(value, qutip.Qobj) else f"a {type(value).__name__}"


def _solution(
    generator: Generator,
    hamiltonian: qutip.Qobj,
    operators: Mapping[str, Iterable[CollapseOperator]],
    method: str,
    rho0: qutip.Qobj | None,
    start: SteadyState | None,
    rtol: float,
    max_iterations: int,
    options: dict[str, object],
    *,
    unique: bool,
    smallest_scales: Mapping[str, float] | None = None,
) -> Solution:
    if start is not None and start.rho.shape != hamiltonian.shape:
        raise ValueError(f"start must have {hamiltonian.shape[0]} states, but has {start.rho.shape[0]}")
    show = progress_line("steady state")

    def report(iterations: int, error: float) -> None:
        show(f"{iterations} iterations, estimated error {error:.1e}")

    if method in QUTIP_METHODS:
        return _by_qutip(generator, hamiltonian, operators, method, options)
    if rho0 is not None:
        solution = long_time_state(generator, sparse_matrix(rho0), max_iterations=max_iterations)
    else:
        first = None if start is None else sparse_matrix(start.rho)
        try:
            solution = solve(
                generator,
                rtol=rtol,
                max_iterations=max_iterations,
                start=first,
                unique=unique,
                smallest_scales=smallest_scales,
                report=report,
            )
        except ConvergenceError:
            # Where there are several steady states the iteration may wander among them for ever.
            if not unique:
                _require_one_long_time_state(generator, max_iterations)
            raise
    show("")
    return solution


def _require_one_long_time_state(generator: Generator, max_iterations: int) -> None:
    """Raise if two random initial states evolve to different steady states."""
    random = np.random.default_rng(0)
    averages = []
    for _ in range(2):
        populations = random.exponential(size=generator.dimension)
        mixture = sp.csr_array(sp.diags_array(populations / populations.sum(), dtype=complex))
        averages.append(long_time_state(generator, mixture, max_iterations=max_iterations).rho)
    difference = averages[0] - averages[1]
    distance = float(np.sqrt(np.sum(np.abs(difference.data) ** 2)))
    if distance > LARGEST_DISTANCE:
        states = np.argsort(-np.abs(difference.diagonal()))[:6]
        raise MultipleSteadyStatesError(
            f"there are several steady states: two initial states evolve to states at distance {distance:.1e}, which "
            f"differ most in basis states {', '.join(str(state) for state in states)}; some operator there commutes "
            "with the Hamiltonian and all collapse operators, or a subspace is dark; pass rho0 to select the state "
            "that a given one evolves to"
        )


def _by_qutip(
    generator: Generator,
    hamiltonian: qutip.Qobj,
    operators: Mapping[str, Iterable[CollapseOperator]],
    method: str,
    options: dict[str, object],
) -> Solution:
    flat_operators = [member for members in operators.values() for member in members]
    if any(isinstance(member, tuple) for member in flat_operators):
        raise ValueError(f"method {method!r} must have collapse operators only, but a pair of operators was given")
    rho = qutip.steadystate(hamiltonian, flat_operators, method=method, **options)
    matrix = sparse_matrix(rho)
    if not np.all(np.isfinite(matrix.data)):
        raise ArithmeticError(f"qutip.steadystate with method {method!r} returned NaN or infinity")
    adjoint = matrix.conj().T.tocsr()
    asymmetry = float(sp.linalg.norm(matrix - adjoint) / sp.linalg.norm(matrix))
    if asymmetry > LARGEST_ASYMMETRY:
        warnings.warn(
            f"qutip.steadystate with method {method!r} returned a matrix that misses being Hermitian by "
            f"{asymmetry:.1e} of its norm; its Hermitian part is used",
            AccuracyWarning,
            stacklevel=5,
        )
    matrix = (matrix + adjoint).tocsr() / 2
    sectors = find_sectors(generator, matrix)
    flat = sectors.pack(matrix)
    doubled = DoubledGenerator(generator.permuted(sectors.order), sectors)
    residual, currents = doubled.residual_and_currents((flat, np.zeros_like(flat)))
    return Solution(sp.csr_array(matrix), currents, float(np.linalg.norm(residual)), 0, {}, {}, sectors)


def _state(
    solution: Solution,
    hamiltonian: qutip.Qobj,
    equation: MasterEquation | None,
    method: str,
    currents: Mapping[str, float],
) -> SteadyState:
    return SteadyState(
        rho=density_operator(hamiltonian, solution.rho),
        equation=equation,
        heat_currents=FrozenMapping(currents),
        residual=solution.residual,
        method=method,
        iterations=solution.iterations,
        current_changes=FrozenMapping(solution.current_changes),
        _sectors=solution.sectors,
    )


def _warn_if_not_positive(state: SteadyState, stacklevel: int) -> None:
    if not state.positive:
        warnings.warn(
            f"the steady state has the eigenvalue {state.smallest_eigenvalue:.1e}: it is not a density matrix, as can "
            "happen if the generator is not of Lindblad form or the method lost its digits",
            PositivityWarning,
            stacklevel=stacklevel,
        )
