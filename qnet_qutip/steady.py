"""Solving for a steady state: the package's own method, every method of `qutip.steadystate`, and what to warn of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import qutip
import scipy.sparse as sp

from qnet_qutip import checks
from qnet_qutip.bohr import Eigenbasis
from qnet_qutip.equations import MasterEquation
from qnet_qutip.equations.assembly import enlarged, on_stepped_cut, without_density_matrix
from qnet_qutip.network import FrozenMapping
from qnet_qutip.operators import Operators, checked_operators, liouvillian
from qnet_qutip.progress import progress_line
from qnet_qutip.solver.double_double import DoubleDouble
from qnet_qutip.solver.few import OnSectors, few_unknowns
from qnet_qutip.solver.generator import (
    CollapseOperator,
    build_generator,
    entries,
    sparse_matrix,
)
from qnet_qutip.solver.linear import ConvergenceError
from qnet_qutip.solver.point import Options, current_scales
from qnet_qutip.solver.process_settings import one_blas_thread
from qnet_qutip.solver.sectors import Sectors
from qnet_qutip.solver.stationary import long_time_state
from qnet_qutip.solver.stationary import steady_state_on as solve
from qnet_qutip.solver.superoperator import on_sectors
from qnet_qutip.solver.verified import verified
from qnet_qutip.state import ROUNDED_EIGENVALUE, SMALLEST_CURRENT_SCALE, SOLVER_SAFETY, SteadyState, broken_laws
from qnet_qutip.thermodynamics import (
    check_density_matrix,
    check_state,
    require_positive,
)
from qnet_qutip.truncation import TruncationWarning

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

MOST_ENLARGEMENTS = 7
"""How often a space is enlarged: each time by half at most, so 17 times in all, which memory ends before."""

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

    Of oscillators with swaps and quadrature couplings, and of chains of two-level nodes, `gaussian.steady_state` gives
    the currents and second moments without a density matrix, in milliseconds.

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
    LawWarning
        If the currents break, beyond their errors, a law that the equation does not promise.
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

    def instead() -> str:
        # Of a state that `rho0` selects there are no one-body matrices.
        if not isinstance(equation, MasterEquation) or rho0 is not None:
            return ""
        return without_density_matrix(equation.network, equation.name, equation.options)

    show = progress_line("steady state", instead)
    request = _Request(method, rho0, start, rtol, max_iterations, options, show)
    if isinstance(equation, MasterEquation):
        if collapse_operators is not None:
            raise ValueError("collapse_operators must not be given with a master equation, which has its own")
        try:
            return _of_equation(equation, request)
        except MemoryError as error:
            if said := instead():
                raise MemoryError(f"{error}; {said}") from error
            raise
        finally:
            show("")
    by_bath = checked_operators(equation, collapse_operators)
    if rho0 is not None:
        check_density_matrix(rho0, equation, "rho0")
    named = isinstance(collapse_operators, Mapping)
    found = _found(equation, by_bath, request, {}, unique=False, heat=named)
    show("")
    state = _state(found, None, equation, request, named=named)
    if not found.positive:
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
    show: Callable[[str], None]


@dataclass(frozen=True, eq=False)
class _Found:
    """A steady state on its sectors, by whatever method; in the eigenbasis of H if `basis` is that.

    `positive` says that ρ has no negative eigenvalue beyond rounding: of a generator of Lindblad form it has none, and
    the error is known to be as small.
    """

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
    positive: bool = False


def _of_equation(equation: MasterEquation, request: _Request) -> SteadyState:
    smaller = None
    for enlargement in range(MOST_ENLARGEMENTS + 1):
        if request.rho0 is not None:
            check_state(equation, request.rho0, "rho0")
        chosen = equation.space is not None and equation.space.truncation.chosen
        final = enlargement == MOST_ENLARGEMENTS or not chosen or request.method != "sectors"
        try:
            found = _found_of(equation, request)
        except ConvergenceError:
            if smaller is None:
                raise
            # More is out of reach: the state in the space before, with the error that it has there.
            (equation, found), final = smaller, True
        state = _state(found, equation, equation.hamiltonian, request)
        if final or _truncation_error(state) <= equation.rtol:
            changes = _cut_changes(equation, found, request)
            if changes:
                state = replace(state, _cut_changes=changes)
        error = _truncation_error(state)
        if final or error <= equation.rtol:
            # The warning below is to name the space that was solved, not one that comes after it.
            break
        # The error falls off exponentially with the levels: scale them by the ratio of the logarithms.
        smaller = equation, found
        factor = float(np.clip(1.02 * np.log(equation.rtol) / np.log(min(error, 0.5)), 1.03, 1.5))
        equation = enlarged(equation, factor)
        request = replace(request, start=None)
    if not found.positive:
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


def _truncation_error(state: SteadyState) -> float:
    return max(state.truncation_error.values(), default=0.0)


def _found_of(equation: MasterEquation, request: _Request) -> _Found:
    form = equation.eigenform if request.method == "sectors" else None
    solved = equation if form is None else form
    return _found(
        solved.hamiltonian,
        solved.collapse_operators,
        request,
        {bath: SMALLEST_CURRENT_SCALE * flow for bath, flow in equation.one_way_flows.items()},
        unique=equation.unique,
        energy=solved.energy,
        basis=None if form is None else form.basis,
    )


def _cut_changes(equation: MasterEquation, found: _Found, request: _Request) -> Mapping[str, float]:
    """What two levels or excitations change of each current, beyond what the solver may; empty if not needed.

    Two fewer: then it is above what all those beyond the cut change. Of two more, twice that. Of a state that `rho0`
    selects it is not found: the other space has no such state to start from.
    """
    other = None if request.rho0 is not None else on_stepped_cut(equation)
    if other is None:
        return FrozenMapping({})
    there = _found_of(other, replace(request, method="sectors", start=None, options={}))
    assert equation.space is not None
    assert other.space is not None
    factor = 1.0 if other.space.dimension < equation.space.dimension else 2.0
    changes = {}
    for bath, current in found.currents.items():
        solvers = request.rtol * (found.scales[bath] + there.scales[bath])
        changes[bath] = factor * max(0.0, abs(there.currents[bath] - current) - solvers)
    return FrozenMapping(changes)


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
    heat: bool = True,
) -> _Found:
    if request.start is not None and request.start.rho.shape != hamiltonian.shape:
        raise ValueError(f"start must have {hamiltonian.shape[0]} states, but has {request.start.rho.shape[0]}")
    if request.method in QUTIP_METHODS:
        return _by_qutip(hamiltonian, operators, request, smallest_scales, energy)
    if not heat and request.rho0 is None:
        proved = verified(hamiltonian, [member for members in operators.values() for member in members], request.rtol)
        if proved is not None:
            sectors, flat, residual = proved
            return _Found(sectors, (flat, np.zeros_like(flat)), {}, {}, residual, iterations=1, positive=True)
    on: OnSectors | None
    lindblad = not any(isinstance(member, tuple) for members in operators.values() for member in members)
    states = f"{hamiltonian.shape[0]} states"
    request.show(states)

    def report(iterations: int, error: float) -> None:
        doubt = f", estimated error {error:.1e}" if np.isfinite(error) else ""
        request.show(f"{states}, {iterations} iterations{doubt}")

    wanted = Options(request.rtol, request.max_iterations, unique, smallest_scales, report, report)
    if request.rho0 is not None:
        require_positive(request.rho0, "rho0")
        given = request.rho0 if basis is None else basis.in_eigenbasis(request.rho0)
        with one_blas_thread():
            on, solution = long_time_state(build_generator(hamiltonian, operators, energy), entries(given), wanted)
    else:
        start = None
        if request.start is not None:
            rho = request.start.rho
            start = entries(rho if basis is None else basis.in_eigenbasis(rho))
        on = few_unknowns(hamiltonian, operators, energy, heat=heat)
        if on is not None:
            solution = solve(on, wanted, start)
        else:
            with one_blas_thread():
                on = on_sectors(build_generator(hamiltonian, operators, energy))
                solution = solve(on, wanted, start)
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
        lindblad and request.rho0 is None and solution.error <= ROUNDED_EIGENVALUE,
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
        _solver_errors=FrozenMapping(_solver_errors(found, equation, request)),
        _cut_changes=FrozenMapping({}),
    )


def _solver_errors(found: _Found, equation: MasterEquation | None, request: _Request) -> dict[str, float]:
    """What each current may be off by, the cut apart: no less than any warning of its accuracy says."""
    unbalanced = 0.0
    if request.method in QUTIP_METHODS and equation is not None and equation.promises.first_law:
        unbalanced = abs(sum(found.currents.values()))
    return {
        bath: max(
            SOLVER_SAFETY * max(request.rtol, found.energy_rounding) * scale,
            # The judge's own factor is in it.
            request.rtol * found.unresolved.get(bath, 0.0),
            unbalanced,
        )
        for bath, scale in found.scales.items()
    }


def _warn_of_energy_rounding(found: _Found, stacklevel: int) -> None:
    if found.energy_rounding:
        warnings.warn(
            "the baths' rates are so small beside the energies that the rounding of these changes the steady state or "
            f"a heat current by {found.energy_rounding:.1e}",
            AccuracyWarning,
            stacklevel=stacklevel,
        )


def _warn_of_laws(state: SteadyState, equation: MasterEquation, stacklevel: int) -> None:
    """Warn if a law is broken; the figures are on the state.

    The text is the same for every state, so that Python's filter shows it once.
    """
    for law, attribute in broken_laws(state).items():
        warnings.warn(
            f"{_what_happened(law, equation)}; see {attribute} of the state",
            LawWarning,
            stacklevel=stacklevel,
        )


def _what_happened(law: str, equation: MasterEquation) -> str:
    """A broken law in words, and what the equation does promise of it."""
    if law == "first":
        return (
            f"the heat currents of the {equation.name} equation do not add up to zero, as its level shift moves the "
            "state but is no part of the energy that heat is counted by"
        )
    lawful = equation.promises.second_law
    promised = f"promises it for heat counted by {lawful}, heat_by({lawful!r})" if lawful else "does not promise it"
    return (
        f"the entropy production of the {equation.name} equation is negative, against the second law: the equation "
        f"{promised}"
    )


def _warn_if_not_positive(state: SteadyState, stacklevel: int) -> None:
    if not state.positive:
        warnings.warn(
            f"the steady state has the eigenvalue {state.smallest_eigenvalue:.1e}: it is not a density matrix, as can "
            "happen if the generator is not of Lindblad form or the method lost its digits",
            PositivityWarning,
            stacklevel=stacklevel,
        )
