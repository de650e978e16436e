"""Trajectories of the density matrix, with both laws of thermodynamics at each time, eqs. (1), (4) and (5).

The equation is integrated in the interaction picture of H, in the eigenbasis of H, block by block: every coherent
oscillation is an exact phase there, at any coupling; what is left to integrate are the baths, where they mix modes of
different frequency at the beat of the two. Measured on the default spaces at figure 3, the diagonal of H as the frame
takes 2 to 3 times as many evaluations, and Krylov spaces of the whole generator longer by a factor that grows with t.
Where ρ has few unknowns, as for two-level nodes, its Krylov space closes and the exponential on it is exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import qutip
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from qnet_qutip import checks
from qnet_qutip.equations import MasterEquation
from qnet_qutip.network import FrozenMapping
from qnet_qutip.progress import progress_line
from qnet_qutip.solver.blocks import block_generator
from qnet_qutip.solver.doubled import DoubledGenerator
from qnet_qutip.solver.generator import Generator, build_generator, dense_block, density_operator, sparse_matrix
from qnet_qutip.solver.iteration import ConvergenceError
from qnet_qutip.solver.sectors import Block, Real, Sectors, find_sectors, hermitian, rotated
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.steady import PositivityWarning
from qnet_qutip.thermodynamics import check_state, entropy_flow
from qnet_qutip.truncation import TruncationWarning, flow_error

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
"""Entries of ρ up to which the exponential on its whole Krylov space is faster than an integration."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A trajectory with its heat currents, energy, entropy and entropy production, and how far to trust it.

    Every array has the times as its only axis and cannot be written to.

    Attributes
    ----------
    equation : MasterEquation
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
    entropy_production : ndarray
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

    equation: MasterEquation
    times: Real
    states: Sequence[qutip.Qobj]
    heat_currents: Mapping[str, Real]
    energy: Real
    entropy: Real
    entropy_production: Real
    occupations: Mapping[str, Real]
    top_shell_population: Real
    trace_error: float
    smallest_eigenvalue: float
    evaluations: int

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        last = ", ".join(f"{bath}: {currents[-1]:.10g}" for bath, currents in self.heat_currents.items())
        return "\n".join(
            [
                f"Trajectory of the {self.equation}",
                f"{len(self)} times from {self.times[0]:g} to {self.times[-1]:g}, {self.evaluations} evaluations",
                f"heat currents at the end {{{last}}}",
                f"entropy production between {self.entropy_production.min():.3g} and "
                f"{self.entropy_production.max():.3g}",
                f"trace error {self.trace_error:.1e}, smallest eigenvalue {self.smallest_eigenvalue:.1e}",
            ]
        )


def evolve(
    equation: MasterEquation, rho0: qutip.Qobj, times: ArrayLike, *, rtol: float = 1e-9, atol: float = 1e-15
) -> Trajectory:
    """Trajectory of a state under a master equation, eq. (4).

    Parameters
    ----------
    equation : MasterEquation
    rho0 : Qobj
        The state at the first time: a density matrix or a ket in the equation's space, with any coherences.
    times : array_like, shape (T,)
        Increasing, at least two, in units of inverse frequency. The first is the time of `rho0`.
    rtol, atol : float, optional
        Relative and absolute error of the entries of ρ that the integrator may leave in each step, in the eigenbasis
        of H. A heat current that is a difference of flows inherits its error from the flows: where it is much smaller
        than they are, and for the steady state itself, `steady_state` is the accurate method. Up to 64 unknowns, as
        for two or three two-level nodes, the result is that of the exponential and these are not needed.

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
        If the integrator cannot reach the tolerance.

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
    matrix = _checked_state(equation, rho0)
    generator = build_generator(equation.hamiltonian, equation.collapse_operators)
    sectors = find_sectors(generator, matrix)
    checks.fits_in_memory(
        f"a trajectory of {len(moments)} states with {sectors.unknowns} entries each",
        16.0 * sectors.unknowns * (INTEGRATOR_VECTORS + 3 * len(moments)),
        "ask for fewer times, cut the space at fewer levels, or start from a state with fewer coherences",
    )
    start = sectors.pack(matrix)
    smallest = float(_spectrum(sectors, start, start)[0].min())
    if smallest < NEGATIVE:
        raise ValueError(f"rho0 must be positive semidefinite, but has the eigenvalue {smallest:.3g}")
    ordered = generator.permuted(sectors.order)
    motion: _Motion = (_Populations if sectors.classical else _InteractionPicture)(ordered, sectors)
    drift = TRACE_TOLERANCE
    if sectors.unknowns <= FEW_UNKNOWNS:
        flats, evaluations = _exponentiated(ordered, sectors, start, moments)
        # Unlike in the interaction picture, the phases that H turns are rounded with all the rest.
        turned = 2.0 * float(abs(ordered.hamiltonian).sum(axis=1).max()) * (moments[-1] - moments[0])
        drift = max(drift, EPS * turned)
    else:
        flats, evaluations = _integrated(motion, start, moments, rtol, atol)
    return _trajectory(equation, moments, motion, sectors, ordered, flats, evaluations, drift)


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


def _checked_state(equation: MasterEquation, rho0: qutip.Qobj) -> sp.csr_array:
    if not isinstance(equation, MasterEquation):
        raise TypeError(f"equation must be a MasterEquation, but is {type(equation).__name__}")
    if isinstance(rho0, qutip.Qobj) and rho0.isket:
        rho0 = rho0.proj()
    check_state(equation, rho0, "rho0")
    # QuTiP drops the entries of a dense matrix below 1e-14 on the way to a sparse one: here they carry entropy.
    matrix = sp.csr_array(rho0.full()) if isinstance(rho0.data, qutip.data.Dense) else sparse_matrix(rho0)
    hermitian = sp.csr_array((matrix + matrix.conj().T) / 2)
    hermitian.eliminate_zeros()
    return hermitian


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

    def __init__(self, generator: Generator, sectors: Sectors) -> None:
        self._rates = secular_equation(generator, sectors).rates.tocsr()

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

    def __init__(self, generator: Generator, sectors: Sectors) -> None:
        without = sp.csr_array(generator.hamiltonian.shape, dtype=complex)
        self._sectors = sectors
        self._dissipation = block_generator(Generator(without, generator.dissipators), sectors)
        spans = [sectors.span(sector) for sector in range(len(sectors.sizes))]
        diagonal = generator.hamiltonian.diagonal().real
        self._vectors: list[Real | Block] | None = None
        energies = [diagonal[span] for span in spans]
        if (generator.hamiltonian - sp.diags_array(diagonal)).count_nonzero():
            systems = [np.linalg.eigh(dense_block(generator.hamiltonian, span, span)) for span in spans]
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


def _exponentiated(generator: Generator, sectors: Sectors, start: Real, times: Real) -> tuple[list[Real], int]:
    """Blocks of ρ at each time by the exponential on the Krylov space of ρ₀, and the number of evaluations.

    Arnoldi's method; it ends when the space is closed, with as many vectors as there are unknowns at the latest.
    """
    generate = block_generator(generator, sectors)
    unknowns = sectors.unknowns
    scale = float(np.linalg.norm(start))
    vectors = np.zeros((unknowns + 1, unknowns))
    vectors[0] = start / scale
    matrix = np.zeros((unknowns + 1, unknowns))
    size = 0
    while size < unknowns:
        following = generate(vectors[size])
        known = vectors[: size + 1]
        # Once is not enough: a vector that lies almost in the space keeps rounding errors along it.
        for _ in range(2):
            overlaps = known @ following
            following = following - overlaps @ known
            matrix[: size + 1, size] += overlaps
        size += 1
        length = float(np.linalg.norm(following))
        if length <= unknowns * EPS * np.linalg.norm(matrix):
            break
        matrix[size, size - 1] = length
        vectors[size] = following / length
    coefficients = np.zeros(size)
    coefficients[0] = scale
    flats = [start]
    for step in np.diff(times):
        coefficients = expm(step * matrix[:size, :size]) @ coefficients
        flats.append(coefficients @ vectors[:size])
    return flats, size


def _integrated(motion: _Motion, start: Real, times: Real, rtol: float, atol: float) -> tuple[list[Real], int]:
    """Blocks of ρ at each time, and the number of evaluations."""
    show = progress_line("trajectory")
    # The phases count from the first time: they are the more accurate the smaller their argument.
    elapsed = times - times[0]

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
    rounding = (EPS * sectors.sizes * largest)[sectors.state_sector()]
    if first:
        zero = eigenvalues <= rounding
        if np.any(flows[zero] > EPS * len(flows) * np.abs(flows).max()):
            return np.inf
    logarithms = np.log(np.maximum(eigenvalues, np.maximum(rounding, np.finfo(float).tiny)))
    return float(-(flows * logarithms).sum())


def _trajectory(
    equation: MasterEquation,
    times: Real,
    motion: _Motion,
    sectors: Sectors,
    ordered: Generator,
    flats: list[Real],
    evaluations: int,
    largest_drift: float,
) -> Trajectory:
    show = progress_line("thermodynamics along the trajectory")
    doubled = DoubledGenerator(ordered, sectors)
    currents: dict[str, list[float]] = {bath: [] for bath in equation.collapse_operators}
    entropy, production = np.empty(len(times)), np.empty(len(times))
    smallest = np.inf
    for index, flat in enumerate(flats):
        show(f"{index} of {len(times)} times")
        now = doubled.residual_and_currents((flat, np.zeros_like(flat)))[1]
        for bath, current in now.items():
            currents[bath].append(current)
        eigenvalues, flows = _spectrum(sectors, flat, motion.dissipated(flat))
        smallest = min(smallest, float(eigenvalues.min()))
        present = eigenvalues[eigenvalues > 0]
        entropy[index] = -(present * np.log(present)).sum()
        rate = _entropy_rate(sectors, eigenvalues, flows, first=index == 0)
        production[index] = rate - entropy_flow(equation.network, now)
    show("")
    stacked = np.stack(flats)
    populations = stacked[:, sectors.diagonal_places()]
    space = equation.space
    trajectory = Trajectory(
        equation=equation,
        times=_frozen(times),
        states=tuple(density_operator(equation.hamiltonian, sectors.unpack(flat)) for flat in flats),
        heat_currents=FrozenMapping({bath: _frozen(np.array(values)) for bath, values in currents.items()}),
        energy=_frozen(_expectations(sectors, stacked, sparse_matrix(equation.hamiltonian))),
        entropy=_frozen(entropy),
        entropy_production=_frozen(production),
        occupations=FrozenMapping(
            {
                name: _frozen(_expectations(sectors, stacked, sparse_matrix(operator.dag() * operator)))
                for name, operator in space.lowering.items()
            }
        ),
        top_shell_population=_frozen(populations[:, space.top_shell()[sectors.order]].sum(axis=1)),
        trace_error=float(np.abs(populations.sum(axis=1) - 1).max()),
        smallest_eigenvalue=smallest,
        evaluations=evaluations,
    )
    unordered = np.empty_like(populations)
    unordered[:, sectors.order] = populations
    _warn(trajectory, populations, max(flow_error(space, now) for now in unordered), largest_drift)
    return trajectory


def _expectations(sectors: Sectors, flats: Real, operator: sp.csr_array) -> Real:
    """Tr[Aρ] at each time of a Hermitian A. What A has outside the sectors meets zeros of ρ."""
    return np.asarray(flats @ sectors.pack(operator))


def _frozen(values: Real) -> Real:
    values.flags.writeable = False
    return values


def _warn(trajectory: Trajectory, populations: Real, truncation_error: float, largest_drift: float) -> None:
    rtol = trajectory.equation.rtol
    if truncation_error > rtol:
        warnings.warn(
            f"the estimated truncation error of the heat currents along the trajectory is {truncation_error:.1e} of "
            f"the one-way flow, above the tolerance {rtol:.0e} that the equation was built with "
            f"({trajectory.equation.space.cut}); build it with more levels or excitations",
            TruncationWarning,
            stacklevel=4,
        )
    traces = populations.sum(axis=1)
    drift = float(np.abs(traces - traces[0]).max())
    if drift > largest_drift or trajectory.smallest_eigenvalue < NEGATIVE:
        warnings.warn(
            f"along the trajectory the trace changes by {drift:.1e} and the smallest eigenvalue is "
            f"{trajectory.smallest_eigenvalue:.1e}: ρ is not a density matrix, as can happen if the generator is not "
            "of Lindblad form or the tolerances are loose",
            PositivityWarning,
            stacklevel=4,
        )
