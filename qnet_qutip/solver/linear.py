"""One linear solve with L: steady states, whether they are unique, long-time states.

Find ρ with L(ρ) = σ, where the trace is to be 1 or, beside a decay s, is free. The solve goes through stages, each an
approximate inverse M⁻¹ of L that costs more than the one before and fails on less. A factorisation is refined with, by
itself; the secular equation and the sweeps precondition GMRES, whose cycles are refined. Every step evaluates the
residual and the heat currents in double-double and asks the judge what is still to come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver import many_digits
from qnet_qutip.solver.cycles import PROBE_REDUCTION, cycles, has_doubtful_modes, left_of_random_change
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.point import Attempt, Options, current_scales
from qnet_qutip.solver.refinement import has_last_resort, proved, refinements
from qnet_qutip.solver.sectors import norm
from qnet_qutip.solver.stages import SLOWEST_RATE, Stage, slowest_rate, stages

SMALLEST_LOSS = 1e-3
"""Part of the baths' fastest rate that has to stand out of the rounding of L, if a conserved quantity is to show."""


class ConvergenceError(RuntimeError):
    """The steady state was not reached within the iteration limit."""


class MultipleSteadyStatesError(RuntimeError):
    """The generator has more than one steady state."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution, how it ended and what it took.

    Attributes
    ----------
    value : pair of ndarray, shape (unknowns,)
        ρ on the sectors, double-double.
    currents : dict of str to float
        Tr[H D(ρ)] of each dissipator, summed in double-double.
    scales : dict of str to float
        What errors of the currents are relative to.
    residual : float
        Frobenius norm of L(ρ) - σ, in units of frequency.
    error : float
        What the judge holds possible, relative to what the tolerance is relative to.
    changes : dict of str to float
        What the last step changed each current by, relative to its scale.
    unresolved : dict of str to float
        What a current was resolved to, where that is more than the current and than the scale given for it.
    iterations : int
        Applications of the preconditioned generator, those of failed stages included.
    stages : tuple of str
        The stages that were tried; the last one succeeded.
    stage : Stage or None
        That one; None for a hundred digits, which are none.
    energy_rounding : float
        What the rounding of energies changes, if that is more than the tolerance; relative, as `error` is.
    """

    value: dd.DoubleDouble
    currents: dict[str, float]
    scales: dict[str, float]
    residual: float
    error: float
    changes: dict[str, float]
    unresolved: dict[str, float]
    iterations: int
    stages: tuple[str, ...]
    stage: Stage | None
    energy_rounding: float = 0.0


def solve(generator: OnSectors, options: Options, *, source: Real | None = None, start: Real | None = None) -> Solution:
    """Solve L(ρ) = σ.

    Parameters
    ----------
    generator : FewUnknowns or SectorGenerator
    options : Options
    source : ndarray, shape (unknowns,), optional
        σ, of zero trace unless the generator has a decay; zero by default.
    start : ndarray, shape (unknowns,), optional
        A state to start from.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError
        Saying of each stage that was tried why it failed.
    MultipleSteadyStatesError
        If a factorisation finds L singular beyond the trace.
    """
    failures: list[str] = []
    names: list[str] = []
    iterations, best, stage, tried = 0, None, None, stages(generator)
    rough: Real = np.zeros(generator.sectors.unknowns)
    while iterations < options.max_iterations:
        try:
            following = next(tried, None)
        except np.linalg.LinAlgError as error:
            failures.append(str(error))
            break
        if following is None:
            break
        stage = following
        names.append(stage.name)
        first = start
        if first is None:
            first = best.point.value[0] if best is not None and stage.vectors else stage.steady_state
        if first is None:
            first = np.zeros(generator.sectors.unknowns)
        run = cycles if stage.vectors else refinements
        attempt = run(generator, stage, first, source, options, options.max_iterations - iterations)
        iterations, rough = iterations + attempt.iterations, attempt.point.value[0]
        if attempt.failure is None and stage.vectors and options.unique and has_doubtful_modes(generator, stage):
            left, used = left_of_random_change(generator, stage, attempt.space)
            iterations += used
            if left > PROBE_REDUCTION:
                hidden = "modes of the generator are so slow that double precision does not have them"
                attempt = replace(attempt, failure=hidden, error=np.inf)
        if attempt.failure is None:
            return _solution(generator, stage, attempt, options, iterations, tuple(names))
        failures.append(f"{stage.name}: {attempt.failure}")
        if attempt.final:
            break
        if np.isfinite(attempt.error):
            best = attempt
    if source is None and has_last_resort(generator, options):
        exact = many_digits.steady_state(generator, rough)
        if exact is not None:
            return _exact(generator, *exact, options, iterations + 1, (*names, "a hundred digits"))
        failures.append("a hundred digits are not enough either")
    if not (options.unique or generator.decay or (stage is not None and stage.vectors)):
        require_relaxation(generator, stage)
    raise ConvergenceError(
        f"the steady state did not converge within {iterations} iterations to {options.rtol:.0e}; "
        f"{'; '.join(failures)}; raise max_iterations or rtol, or start from a state nearby"
    )


def _exact(
    generator: OnSectors,
    value: dd.DoubleDouble,
    currents: dict[str, float],
    options: Options,
    iterations: int,
    names: tuple[str, ...],
) -> Solution:
    residual, currents = norm(generator.residual(value)), {bath: currents[bath] for bath in generator.baths}
    scales = current_scales(generator, value[0], currents, options)
    return Solution(value, currents, scales, residual, 0.0, dict.fromkeys(currents, 0.0), {}, iterations, names, None)


def _solution(
    generator: OnSectors,
    stage: Stage,
    attempt: Attempt,
    options: Options,
    iterations: int,
    names: tuple[str, ...],
) -> Solution:
    point = attempt.point
    scales, unresolved = attempt.scales, dict(attempt.undecided)
    if options.smallest_scales:
        for bath, rounding in generator.current_rounding(point.value[0]).items():
            smallest, resolved = options.smallest_scales.get(bath, 0.0), max(scales[bath], rounding / options.rtol)
            if smallest > 0.0 and max(smallest, abs(point.currents[bath])) < resolved:
                unresolved[bath] = resolved
    return Solution(
        point.value,
        point.currents,
        scales,
        point.residual,
        attempt.error,
        attempt.changes,
        unresolved,
        iterations,
        names,
        stage,
    )


# ---------------------------------------------------------------- several steady states


def several(evidence: str) -> MultipleSteadyStatesError:
    """The error that says so."""
    return MultipleSteadyStatesError(
        f"there are several steady states, or nearly so: {evidence}; some operator commutes with the Hamiltonian and "
        "all collapse operators, or a subspace is dark; pass rho0 to select the state that a given one evolves to"
    )


def require_relaxation(generator: OnSectors, stage: Stage | None) -> None:
    """Raise unless the slowest rate is a relaxation: not what rounding makes of a conserved quantity.

    A rate well above the rounding of L is one. Below that a hundred digits decide, for few unknowns; else refinement
    on a random right-hand side does, which conserved quantities do not let come to an end, provided that the rate is
    not too small a part of what the baths do: H itself moves, but relaxes nothing.

    Parameters
    ----------
    generator : FewUnknowns or SectorGenerator
    stage : Stage or None
        A factorisation; None if there is none, as L is singular beyond the trace.

    Raises
    ------
    MultipleSteadyStatesError, ConvergenceError
        The latter where it could not be told.
    """
    rate = 0.0 if stage is None else slowest_rate(generator, stage)
    if rate >= SLOWEST_RATE:
        return
    found = f"the slowest relaxation found is {rate:.0e} of the fastest, as of a conserved quantity"
    if generator.sectors.unknowns <= many_digits.FEW_UNKNOWNS:
        if many_digits.relaxes(generator):
            return
        raise several(found)
    fastest = generator.fastest_loss
    if stage is not None and rate * generator.scale >= SLOWEST_RATE * fastest and proved(generator, stage):
        return
    if SLOWEST_RATE * generator.scale > SMALLEST_LOSS * fastest > 0.0:
        raise ConvergenceError(
            f"whether the steady state is unique could not be told: the baths' rates, up to {fastest:.0e}, are lost in "
            f"the rounding of energies of {generator.scale:.0e}; pass rho0 to select a state"
        )
    raise several(found)
