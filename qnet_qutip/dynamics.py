"""Trajectories of the density matrix, with both laws of thermodynamics at each time, eqs. (1), (4) and (5).

The equation is integrated in the interaction picture of H, in the eigenbasis of H, block by block: every coherent
oscillation is an exact phase there, at any coupling; what is left to integrate are the baths, where they mix modes of
different frequency at the beat of the two. Measured on the default spaces at figure 3, the diagonal of H as the frame
takes 2 to 3 times as many evaluations, and Krylov spaces of the whole generator longer by a factor that grows with t.
Where ρ has few unknowns, as for two-level nodes, the exponential of L is taken instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import qutip
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from qnet_qutip import checks
from qnet_qutip.equations import MasterEquation
from qnet_qutip.network import FrozenMapping
from qnet_qutip.operators import Operators, checked_operators
from qnet_qutip.progress import progress_line
from qnet_qutip.solver.generator import (
    Block,
    CollapseOperator,
    Entries,
    Generator,
    Real,
    build_generator,
    entries,
    operator_like,
)
from qnet_qutip.solver.linear import ConvergenceError, MultipleSteadyStatesError, solve
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.process_settings import one_blas_thread
from qnet_qutip.solver.sectors import Sectors, hermitian, rotated
from qnet_qutip.solver.stages import SLOWEST_RATE, pivoted, slowest_rate
from qnet_qutip.solver.superoperator import SectorGenerator, on_sectors
from qnet_qutip.steady import PositivityWarning
from qnet_qutip.thermodynamics import check_density_matrix, check_state, entropy_flow
from qnet_qutip.truncation import TruncationWarning
from qnet_qutip.wording import listed

EPS = float(np.finfo(float).eps)

SMALLEST_RTOL = 100 * EPS
"""Below this the integrator's error estimate is rounding."""

NEGATIVE = -1e-10
"""An eigenvalue of ρ below this is not rounding."""

TRACE_TOLERANCE = 1e-10
"""A change of Tr ρ above this is not rounding: each step of the integrator conserves it at any tolerance."""

INTEGRATOR_VECTORS = 40
"""Arrays of the size of ρ that the integrator and the generator hold at once."""

FEW_UNKNOWNS = 64
"""Entries of ρ up to which the exponential of L is faster than an integration."""

RELAXED = 40.0
"""Slowest rate times time beyond which a deviation from the steady state, e^-40 of what it was, is below rounding."""

ROUNDED_RATES = 0.1
"""What rounding may add to the exponents of e^{Lt} before nothing can be said of them any more."""

EXPONENTIAL_ERROR = 1e-9
"""Largest error of ρ from the rounding of L that passes."""

EVALUATIONS_A_RATE, MOST_EVALUATIONS = 30.0, 1e7
"""Evaluations that the integrator takes for each 1/rate of the fastest loss, and those that it may take: hours."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A trajectory with its heat currents, energy, entropy and entropy production, and how far to trust it.

    Every array has the times as its only axis and cannot be written to.

    Attributes
    ----------
    equation : MasterEquation or None
        None for plain operators, which have no occupations, temperatures or edge of a truncation.
    times : ndarray, shape (T,)
        In units of inverse frequency.
    states : sequence of Qobj
        ρ at each time, sparse.
    heat_currents : mapping of str to ndarray
        J = Tr[H D(ρ)] of each bath on its own, eq. (5), positive into the network.
    energy : ndarray
        Tr[Hρ]; its derivative is Σ J, H being constant.
    entropy : ndarray
        S = -Tr[ρ ln ρ].
    entropy_production : ndarray or None
        dS/dt - Σ J/T, eq. (1), with dS/dt = -Tr[L(ρ) ln ρ]; negative where the second law is violated. It is +inf at
        the first time if `rho0` is singular and its baths drive it out of its support, as those of a pure state do:
        dS/dt diverges there as -ln(t - t₀). At all later times it is finite.
    occupations : mapping of str to ndarray
        ⟨a†a⟩ of every node.
    top_shell_population : ndarray
        Population of the basis states at the edge of the truncation.
    trace_error : float
        Largest |Tr ρ - 1|.
    smallest_eigenvalue : float
        Most negative eigenvalue of ρ, or else the smallest one.
    evaluations : int
        Applications of the generator that it took.
    """

    equation: MasterEquation | None
    times: Real
    states: Sequence[qutip.Qobj]
    heat_currents: Mapping[str, Real]
    energy: Real
    entropy: Real
    entropy_production: Real | None
    occupations: Mapping[str, Real]
    top_shell_population: Real
    trace_error: float
    smallest_eigenvalue: float
    evaluations: int

    def __len__(self) -> int:
        return len(self.times)

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.trajectory_html(self)

    def __repr__(self) -> str:
        last = listed([f"{bath}: {currents[-1]:.10g}" for bath, currents in self.heat_currents.items()])
        lines = [
            f"Trajectory of the {self.equation or f'{self.states[0].shape[0]} states of plain operators'}",
            f"{len(self)} times from {self.times[0]:g} to {self.times[-1]:g}, {self.evaluations} evaluations",
            f"heat currents at the end {{{last}}}",
        ]
        if self.entropy_production is not None:
            lines.append(
                f"entropy production between {self.entropy_production.min():.3g} and "
                f"{self.entropy_production.max():.3g}"
            )
        lines.append(f"trace error {self.trace_error:.1e}, smallest eigenvalue {self.smallest_eigenvalue:.1e}")
        return "\n".join(lines)


def evolve(
    equation: MasterEquation | qutip.Qobj,
    rho0: qutip.Qobj,
    times: ArrayLike,
    collapse_operators: Operators | None = None,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-15,
) -> Trajectory:
    """Trajectory of a state under a master equation, eq. (4), or under a Hamiltonian and collapse operators.

    Parameters
    ----------
    equation : MasterEquation or Qobj
        A master equation, or a Hamiltonian together with `collapse_operators`.
    rho0 : Qobj
        The state at the first time: a density matrix or a ket in the equation's space, with any coherences.
    times : array_like, shape (T,)
        Increasing, at least two, in units of inverse frequency. The first is the time of `rho0`.
    collapse_operators : iterable of Qobj, or mapping of str to iterables, optional
        As for `steady_state`.
    rtol, atol : float, optional
        Relative and absolute error of the entries of ρ that the integrator may leave in each step, in the eigenbasis
        of H. A heat current that is a difference of flows inherits its error from the flows: where it is much smaller
        than they are, and for the steady state itself, `steady_state` is the accurate method. Up to 64 unknowns, as
        for two or three two-level nodes, the result is that of the exponential, right to 1e-9 of ρ at any time, and
        these are not needed.

    Returns
    -------
    Trajectory

    Raises
    ------
    TypeError, ValueError
        If `rho0` is not a positive density matrix in the equation's space, or `times` or a tolerance is not valid.
    MemoryError
        If the trajectory would not fit in memory.
    ConvergenceError
        If the integrator cannot reach the tolerance, or a time is so long that it would take more than ten million
        evaluations; up to 64 unknowns, if so long a time loses the phases and rates that are still there to rounding.

    Warns
    -----
    TruncationWarning
        If the population at the edge of the truncation puts a heat current off by more than the equation's tolerance.
    PositivityWarning
        If ρ ceases to be a density matrix beyond rounding.

    Notes
    -----
    Beyond 64 unknowns the cost is that of some thirty evaluations for each 1/rate of the fastest process in the space,
    however little takes part in it, and for each beat of two modes that a bath mixes: times much longer than the
    relaxation buy nothing that `steady_state` does not give, and weak baths take long.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.1, T_h=12, T_c=10, kappa=1e-4)
    >>> trajectory = evolve(qn.global_master_equation(net), qutip.basis([2, 2], [1, 1]), [0.0, 1.0, 1000.0])
    >>> [f"{current:.6g}" for current in trajectory.heat_currents["hot"]]
    ['-1.76921', '-1.37261', '3.18053e-05']
    >>> float(trajectory.entropy_production[0])
    inf
    """
    moments = _checked_times(times)
    checks.positive("rtol", rtol)
    checks.positive("atol", atol)
    if rtol < SMALLEST_RTOL:
        raise ValueError(f"rtol must be at least {SMALLEST_RTOL:.1e}, but is {rtol:g}")
    hamiltonian, operators, named = _checked_equation(equation, collapse_operators)
    energy = equation.energy if isinstance(equation, MasterEquation) else None
    state = _checked_state(equation, hamiltonian, rho0)
    generator = on_sectors(build_generator(hamiltonian, operators, energy), state)
    sectors = generator.sectors
    checks.fits_in_memory(
        f"a trajectory of {len(moments)} states with {sectors.unknowns} entries each",
        16.0 * sectors.unknowns * (INTEGRATOR_VECTORS + 3 * len(moments)),
        "ask for fewer times, cut the space at fewer levels, or start from a state with fewer coherences",
    )
    start = sectors.pack(state)
    smallest = float(_spectrum(sectors, start, start)[0].min())
    if smallest < NEGATIVE:
        raise ValueError(f"rho0 must be positive semidefinite, but has the eigenvalue {smallest:.3g}")
    motion: _Motion = (_Populations if sectors.classical else _InteractionPicture)(generator)
    with one_blas_thread():
        if sectors.unknowns <= FEW_UNKNOWNS:
            unique = isinstance(equation, MasterEquation) and equation.unique
            flats, evaluations = _exponentiated(generator, start, moments, unique=unique)
        else:
            flats, evaluations = _integrated(generator, motion, start, moments, rtol, atol)
    return _trajectory(
        equation if isinstance(equation, MasterEquation) else None,
        hamiltonian,
        moments,
        motion,
        generator,
        flats,
        evaluations,
        named=named,
    )


def _checked_equation(
    equation: MasterEquation | qutip.Qobj, collapse_operators: Operators | None
) -> tuple[qutip.Qobj, Mapping[str, Sequence[CollapseOperator]], bool]:
    """Hamiltonian, collapse operators by bath, and whether the baths have names."""
    if isinstance(equation, MasterEquation):
        if collapse_operators is not None:
            raise ValueError("collapse_operators must not be given with a master equation, which has its own")
        return equation.hamiltonian, equation.collapse_operators, True
    if collapse_operators is None:
        kind = type(equation).__name__
        raise TypeError(f"equation must be a MasterEquation, but is {kind} and comes without collapse_operators")
    return equation, checked_operators(equation, collapse_operators), isinstance(collapse_operators, Mapping)


def _checked_times(times: ArrayLike) -> Real:
    values = np.asarray(times)
    if values.dtype.kind not in "iuf":
        raise TypeError(f"times must be real numbers, but is {times!r}")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"times must be a list of at least two times, but has the shape {values.shape}")
    moments = values.astype(float)
    if not np.all(np.isfinite(moments)):
        raise ValueError(f"times must be finite, but is {times!r}")
    steps = np.diff(moments)
    if steps.min() <= 0:
        later = int(np.argmin(steps)) + 1
        raise ValueError(f"times must increase, but {moments[later]:g} follows {moments[later - 1]:g}")
    return moments


def _checked_state(equation: MasterEquation | qutip.Qobj, hamiltonian: qutip.Qobj, rho0: qutip.Qobj) -> Entries:
    if isinstance(rho0, qutip.Qobj) and rho0.isket:
        rho0 = rho0.proj()
    if isinstance(equation, MasterEquation):
        check_state(equation, rho0, "rho0")
    else:
        check_density_matrix(rho0, hamiltonian, "rho0")
    return entries(rho0)


class _Motion(Protocol):
    """The equation of motion of what is integrated, and the way from there to the blocks of ρ in real form."""

    def start(self, flat: Real) -> Real:
        """What is integrated, at time 0, of a state given by its blocks."""

    def flat(self, time: float, vector: Real) -> Real:
        """Blocks of ρ."""

    def dissipated(self, flat: Real) -> Real:
        """Blocks of Σ D(ρ)."""

    def __call__(self, time: float, vector: Real) -> Real:
        """Rate of change."""


class _Populations:
    """Where every sector is a single state, H does nothing and the populations obey a sparse rate equation."""

    def __init__(self, generator: SectorGenerator) -> None:
        self._rates = generator.matrix

    def start(self, flat: Real) -> Real:
        return flat

    def flat(self, time: float, vector: Real) -> Real:
        return vector

    def dissipated(self, flat: Real) -> Real:
        return np.asarray(self._rates @ flat)

    def __call__(self, time: float, vector: Real) -> Real:
        return self.dissipated(vector)


class _InteractionPicture:
    """e^{iHt} ρ e^{-iHt} in the eigenbasis of H: its rate of change is e^{iHt} D(ρ) e^{-iHt}."""

    def __init__(self, generator: SectorGenerator) -> None:
        self._sectors = sectors = generator.sectors
        hamiltonian = generator.generator.hamiltonian
        nothing = hamiltonian.times(0.0)
        self._dissipation = SectorGenerator(Generator(nothing, generator.generator.dissipators, nothing), sectors)
        self._vectors: list[Real | Block] | None = None
        energies = [hamiltonian.diagonal.real[span] for span in sectors.spans]
        if np.any(hamiltonian.rows != hamiltonian.columns):
            systems = [np.linalg.eigh(hamiltonian.block(span, span)) for span in sectors.spans]
            energies = [values for values, _ in systems]
            self._vectors = [vectors for _, vectors in systems]
        self._beats = [np.subtract.outer(values, values) for values in energies]

    def start(self, flat: Real) -> Real:
        return self._into_eigenbasis(flat)

    def flat(self, time: float, vector: Real) -> Real:
        return self._out_of_eigenbasis(self._with_phases(time, vector))

    def dissipated(self, flat: Real) -> Real:
        return self._dissipation(flat)

    def __call__(self, time: float, vector: Real) -> Real:
        return self._with_phases(-time, self._into_eigenbasis(self._dissipation(self.flat(time, vector))))

    def _with_phases(self, time: float, flat: Real) -> Real:
        """The real form of e^{-i(E_j - E_k)t} ρ_jk."""
        image = np.empty_like(flat)
        for out, beats, block in zip(self._sectors.blocks(image), self._beats, self._sectors.blocks(flat), strict=True):
            angles = time * beats
            out[:] = np.cos(angles) * block - np.sin(angles) * block.T
        return image

    def _into_eigenbasis(self, flat: Real) -> Real:
        return self._rotated(flat, [vectors.conj().T for vectors in self._vectors] if self._vectors else None)

    def _out_of_eigenbasis(self, flat: Real) -> Real:
        return self._rotated(flat, self._vectors)

    def _rotated(self, flat: Real, operators: list[Real | Block] | None) -> Real:
        if operators is None:
            return flat
        blocks = zip(operators, self._sectors.blocks(flat), strict=True)
        return np.concatenate([rotated(operator, block).ravel() for operator, block in blocks])


def _exponentiated(generator: SectorGenerator, start: Real, times: Real, *, unique: bool) -> tuple[list[Real], int]:
    """Blocks of ρ at each time by the exponential of L, and the number of its columns.

    What is exponentiated is the deviation from the steady state where there is just one: its trace vanishes, and with
    the trace goes the eigenvalue zero, which rounding would turn into growth. The rounding of L moves every rate and
    phase by eps ‖L‖, so that after a time t a deviation that is still there is known to eps ‖L‖ t of itself. Once even
    the slowest rate, which inverse iteration finds accurately however slow it is, has taken it below rounding, the
    state is the steady state.
    """
    relaxed, slowest = _relaxation(generator, unique=unique)
    elapsed = times - times[0]
    norm = float(np.linalg.norm(generator.dense, 2))
    deviation = start - relaxed
    size = float(np.linalg.norm(deviation))
    flats = [start]
    now, present = deviation, 0.0
    for time in elapsed[1:]:
        if slowest * time > RELAXED:
            flats.append(relaxed)
            continue
        lost = EPS * norm * time
        if lost < ROUNDED_RATES:
            now, present = expm((time - present) * generator.dense) @ now, time
            # The trace of what is left is rounding.
            now = now - float(now[generator.sectors.diagonal].sum()) * relaxed
        if lost >= ROUNDED_RATES or lost * float(np.linalg.norm(now)) > EXPONENTIAL_ERROR * max(size, 1.0):
            raise ConvergenceError(
                f"at time {times[0] + time:g} the trajectory is not known to {EXPONENTIAL_ERROR:.0e}: rates and phases "
                f"are rounded by {EPS * norm:.1e} and the slowest relaxation, at {slowest:.1e}, is not over; ask for "
                "earlier times, or for the steady state"
            )
        flats.append(relaxed + now)
    return flats, generator.sectors.unknowns


def _relaxation(generator: SectorGenerator, *, unique: bool) -> tuple[Real, float]:
    """The steady state and the slowest rate of relaxation; zero and 0 where there are several steady states."""
    try:
        solution = solve(generator, Options(unique=unique))
        slowest = slowest_rate(generator, pivoted(generator))
    except (ConvergenceError, MultipleSteadyStatesError, np.linalg.LinAlgError):
        slowest = 0.0
        if not unique:
            return np.zeros(generator.sectors.unknowns), slowest
        solution = solve(generator, Options(unique=unique))
    if slowest < SLOWEST_RATE:
        # With pivots a conserved quantity and a slow rate look alike. Where there is one steady state it is a rate,
        # which the elimination without subtractions has; else it may be either, and nothing is over.
        slowest = slowest_rate(generator, solution.stage) if unique and solution.stage is not None else 0.0
    return solution.value[0], slowest * generator.scale


def _integrated(
    generator: SectorGenerator, motion: _Motion, start: Real, times: Real, rtol: float, atol: float
) -> tuple[list[Real], int]:
    """Blocks of ρ at each time, and the number of evaluations."""
    # The phases count from the first time: they are the more accurate the smaller their argument.
    elapsed = times - times[0]
    loss = generator.generator.loss.diagonal
    evaluations = EVALUATIONS_A_RATE * float(np.abs(loss).max(initial=0.0)) * elapsed[-1]
    if evaluations > MOST_EVALUATIONS:
        raise ConvergenceError(
            f"a trajectory to time {times[-1]:g} would take about {evaluations:.1e} evaluations: the fastest loss has "
            f"the rate {2 * np.abs(loss).max():.1e}; ask for earlier times, or for the steady state"
        )
    show = progress_line("trajectory")

    def rate_of_change(time: float, vector: Real) -> Real:
        show(f"time {times[0] + time:.6g} of {times[-1]:.6g}")
        return motion(time, vector)

    result = solve_ivp(
        rate_of_change,
        (0.0, elapsed[-1]),
        motion.start(start),
        method="DOP853",
        t_eval=elapsed,
        rtol=rtol,
        atol=atol,
    )
    show("")
    if not result.success:
        reached = times[0] + (result.t[-1] if len(result.t) else 0.0)
        raise ConvergenceError(
            f"the trajectory was not integrated beyond time {reached:g} of {times[-1]:g} at rtol {rtol:g} and atol "
            f"{atol:g}: {result.message}"
        )
    flats = [motion.flat(time, vector) for time, vector in zip(elapsed, result.y.T, strict=True)]
    flats[0] = start
    return flats, int(result.nfev)


def _spectrum(sectors: Sectors, flat: Real, image: Real) -> tuple[Real, Real]:
    """Eigenvalues of ρ, and the diagonal of another matrix in its eigenvectors, sector after sector."""
    if sectors.classical:
        return flat, image
    eigenvalues, diagonal = [], []
    for block, image_block in zip(sectors.blocks(flat), sectors.blocks(image), strict=True):
        values, vectors = np.linalg.eigh(hermitian(block))
        eigenvalues.append(values)
        diagonal.append((vectors.conj() * (hermitian(image_block) @ vectors)).sum(axis=0).real)
    return np.concatenate(eigenvalues), np.concatenate(diagonal)


def _entropy_rate(sectors: Sectors, eigenvalues: Real, flows: Real, *, first: bool) -> float:
    """dS/dt = -Σ_k ⟨k|D(ρ)|k⟩ ln λ_k; [H, ρ] has no diagonal in the eigenvectors of ρ.

    An eigenvalue is zero if it is so to rounding within its sector. A flow into it makes dS/dt infinite at the first
    time. Later it cannot vanish and have a flow into it at once (λ_k ≥ 0 would be at its minimum): it is then small
    by λ_k ~ (t - t₀)^m with the flow mλ_k/(t - t₀), of which rounding's size instead of λ_k loses nothing that counts.
    """
    largest = np.maximum.reduceat(eigenvalues, sectors.starts[:-1])
    rounding = (EPS * sectors.sizes * largest)[sectors.of_state]
    if first:
        zero = eigenvalues <= rounding
        if np.any(flows[zero] > EPS * len(flows) * np.abs(flows).max()):
            return np.inf
    logarithms = np.log(np.maximum(eigenvalues, np.maximum(rounding, np.finfo(float).tiny)))
    return float(-(flows * logarithms).sum())


def _trajectory(
    equation: MasterEquation | None,
    hamiltonian: qutip.Qobj,
    times: Real,
    motion: _Motion,
    generator: SectorGenerator,
    flats: list[Real],
    evaluations: int,
    *,
    named: bool,
) -> Trajectory:
    show = progress_line("thermodynamics along the trajectory")
    sectors = generator.sectors
    currents: dict[str, list[float]] = {bath: [] for bath in generator.generator.dissipators}
    entropy, entropy_rate = np.empty(len(times)), np.empty(len(times))
    smallest = np.inf
    for index, flat in enumerate(flats):
        show(f"{index} of {len(times)} times")
        for bath, current in generator.residual_and_currents((flat, np.zeros_like(flat)))[1].items():
            currents[bath].append(current)
        eigenvalues, flows = _spectrum(sectors, flat, motion.dissipated(flat))
        smallest = min(smallest, float(eigenvalues.min()))
        present = eigenvalues[eigenvalues > 0]
        entropy[index] = -(present * np.log(present)).sum()
        entropy_rate[index] = _entropy_rate(sectors, eigenvalues, flows, first=index == 0)
    show("")
    heat = {bath: np.array(values) for bath, values in currents.items()} if named else {}
    stacked = np.stack(flats)
    populations = np.empty((len(times), len(sectors.order)))
    populations[:, sectors.order] = stacked[:, sectors.diagonal]
    space = None if equation is None else equation.space
    lowering = {} if space is None else space.lowering
    edge = np.zeros(len(sectors.order), dtype=bool) if space is None else space.top_shell()
    production, counted = None, hamiltonian
    if equation is not None:
        counted = equation.energy
        entropy_flows = [
            entropy_flow(equation, {bath: float(heat[bath][time]) for bath in heat}) for time in range(len(times))
        ]
        production = _frozen(entropy_rate - np.array(entropy_flows))
    trajectory = Trajectory(
        equation=equation,
        times=_frozen(times),
        states=tuple(operator_like(hamiltonian, sectors.unpack(flat)) for flat in flats),
        heat_currents=FrozenMapping({bath: _frozen(values) for bath, values in heat.items()}),
        energy=_frozen(_expectations(sectors, stacked, counted)),
        entropy=_frozen(entropy),
        entropy_production=production,
        occupations=FrozenMapping(
            {
                name: _frozen(_expectations(sectors, stacked, operator.dag() * operator))
                for name, operator in lowering.items()
            }
        ),
        top_shell_population=_frozen(populations[:, edge].sum(axis=1)),
        trace_error=float(np.abs(populations.sum(axis=1) - 1).max()),
        smallest_eigenvalue=smallest,
        evaluations=evaluations,
    )
    _warn(trajectory, populations)
    return trajectory


def _expectations(sectors: Sectors, flats: Real, operator: qutip.Qobj) -> Real:
    """Tr[Aρ] at each time of a Hermitian A. What A has outside the sectors meets zeros of ρ."""
    return np.asarray(flats @ sectors.pack(entries(operator)))


def _frozen(values: Real) -> Real:
    values.flags.writeable = False
    return values


def _warn(trajectory: Trajectory, populations: Real) -> None:
    if trajectory.equation is not None and trajectory.equation.space is not None:
        space, rtol = trajectory.equation.space, trajectory.equation.rtol
        truncation_error = max(space.flow_error(now) for now in populations)
        if truncation_error > rtol:
            warnings.warn(
                "the estimated truncation error of the heat currents along the trajectory is "
                f"{truncation_error:.1e} of the one-way flow, above the tolerance {rtol:.0e} that the equation was "
                f"built with ({space.truncation.arguments}); build it with more levels or excitations",
                TruncationWarning,
                stacklevel=4,
            )
    traces = populations.sum(axis=1)
    drift = float(np.abs(traces - traces[0]).max())
    if drift > TRACE_TOLERANCE or trajectory.smallest_eigenvalue < NEGATIVE:
        warnings.warn(
            f"along the trajectory the trace changes by {drift:.1e} and the smallest eigenvalue is "
            f"{trajectory.smallest_eigenvalue:.1e}: ρ is not a density matrix, as can happen if the generator is not "
            "of Lindblad form or the tolerances are loose",
            PositivityWarning,
            stacklevel=4,
        )
