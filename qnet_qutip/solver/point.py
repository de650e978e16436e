"""A state on the way to a solution, what is known of it, and what its errors are judged against."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Real
from qnet_qutip.solver.krylov import Krylov
from qnet_qutip.solver.sectors import norm
from qnet_qutip.solver.stages import Stage, inverse
from qnet_qutip.solver.superoperator import CURRENT_ROUNDING

FLOOR = 1e4 * dd.EPS**2
"""Size of an estimated error, relative to ρ, that is the rounding of double-double."""

ZERO_CURRENT = 1e-22
"""Fraction of the energy that a bath exchanges below which its current counts as zero, where there are several."""

PIECE = 1 << 16
"""Entries of ρ that are added at once."""

COMMUTING = 1e-13
"""Energy that jumps carry, relative to the sum that a current is made of, that is the rounding of a commutator."""


@dataclass(frozen=True)
class Options:
    """What a solve is to reach and may use.

    Attributes
    ----------
    rtol : float
        Error of ρ, relative to its norm, and of every current, relative to its scale, that may be left.
    max_iterations : int
        Limit on the applications of the preconditioned generator.
    unique : bool
        Whether there is known to be one steady state at most. If not, that is looked into.
    smallest_scales : mapping of str to float
        What the error of a current is relative to where the current itself is smaller.
    report : callable or None
        Called after each cycle with the number of iterations and the estimated relative error.
    applied : callable or None
        Called with the same within a cycle, after each application: the error is that after the cycle before. A cycle
        of a large space takes many seconds.
    """

    rtol: float = 1e-10
    max_iterations: int = 1000
    unique: bool = True
    smallest_scales: Mapping[str, float] = field(default_factory=dict)
    report: Callable[[int, float], None] | None = None
    applied: Callable[[int, float], None] | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """A state of the iteration, with what has been evaluated of it: estimate = M⁻¹(L(ρ) - σ)."""

    value: dd.DoubleDouble
    residual: float
    currents: dict[str, float]
    estimate: Real


@dataclass(frozen=True, eq=False)
class Attempt:
    """How far a stage came, and what the errors of the currents are relative to there.

    `failure` says in words why not all the way; `undecided` what a current is resolved to that rounding keeps from it.
    A failure is `final` if it is that of double-double, which no other stage can mend. `space` is what a later cycle
    could go on from.
    """

    point: Point
    error: float
    changes: dict[str, float]
    iterations: int
    failure: str | None
    scales: dict[str, float] = field(default_factory=dict)
    undecided: Mapping[str, float] = field(default_factory=dict)
    final: bool = False
    space: Krylov | None = None


def evaluated(generator: OnSectors, stage: Stage, value: dd.DoubleDouble, source: Real | None) -> Point:
    """A state with its residual, its currents in double-double, and the estimate of its error."""
    residual, currents = generator.residual_and_currents(value)
    if source is not None:
        residual = residual - source
    return Point(value, norm(residual), currents, inverse(generator, stage, residual))


def evaluated_roughly(generator: OnSectors, stage: Stage, value: dd.DoubleDouble, source: Real | None) -> Point:
    """The same from an ordinary residual, which will do for a first correction; the currents are not known."""
    residual = generator(value[0])
    if source is not None:
        residual = residual - source
    unknown = dict.fromkeys(generator.baths, np.inf)
    return Point(value, norm(residual), unknown, inverse(generator, stage, residual))


def corrected(generator: OnSectors, value: dd.DoubleDouble, correction: Real | None) -> dd.DoubleDouble:
    """The sum, scaled to unit trace unless there is a decay; the factor's own rounding scales every current alike."""
    total = value if correction is None else _sum(value, correction)
    if generator.decay:
        return total
    diagonal = generator.sectors.diagonal
    excess = math.fsum([-1.0, *total[0][diagonal].tolist(), *total[1][diagonal].tolist()])
    return _sum(total, -excess * total[0]) if abs(excess) > dd.EPS else total


def _sum(value: dd.DoubleDouble, correction: Real) -> dd.DoubleDouble:
    """The sum, piece by piece: all at once it would take six more arrays of the size of ρ."""
    if len(correction) <= PIECE:
        return dd.plus(value, correction)
    high, low = np.empty_like(correction), np.empty_like(correction)
    for first in range(0, len(correction), PIECE):
        piece = slice(first, first + PIECE)
        high[piece], low[piece] = dd.plus((value[0][piece], value[1][piece]), correction[piece])
    return high, low


def size(point: Point, *estimates: Real) -> float:
    """Norm of the estimated error, or the largest of some estimates, relative to ρ."""
    return max(norm(estimate) for estimate in estimates or (point.estimate,)) / (norm(point.value[0]) or 1.0)


def current_scales(
    generator: OnSectors, flat: Real, currents: Mapping[str, float], options: Options
) -> dict[str, float]:
    """What errors of a current are relative to: the current, but no less than can be resolved or matters."""
    if not currents:
        return {}
    # The current of a single bath is Tr[H L(ρ)], zero in any steady state: there is nothing to resolve.
    zero = ZERO_CURRENT if len(currents) > 1 or not generator.conserves_energy else 1.0
    functionals, scales = generator.functionals, {}
    exchanged = functionals.exchanged(flat)
    for bath, rounding in functionals.rounding(flat).items():
        # Jumps that commute with H carry no energy: what is left of the current is rounding.
        commute = exchanged[bath] <= COMMUTING / CURRENT_ROUNDING * rounding
        least = rounding / options.rtol if commute else zero * exchanged[bath]
        if bath not in options.smallest_scales:
            # Nothing is known of the currents: what the rounding of ρ makes of a dark state is none.
            least = max(least, FLOOR / options.rtol * functionals.largest[bath])
        scales[bath] = max(abs(currents[bath]), options.smallest_scales.get(bath, 0.0), least, sys.float_info.min)
    return scales


def imbalance(generator: OnSectors, point: Point) -> float:
    """|Σ J| beyond its rounding, where it is to vanish."""
    if generator.decay or not point.currents or not generator.conserves_energy:
        return 0.0
    rounding = sum(generator.current_rounding(point.value[0]).values())
    return max(abs(sum(point.currents.values())) - rounding, 0.0)
