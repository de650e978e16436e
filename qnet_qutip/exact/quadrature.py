"""Integrals over all positive frequencies, in coordinates that begin at each resonance and are as wide as it.

Around a resonance of position c and half width w the frequency is c + w sinh u: a Lorentzian of any width is sech u,
and it takes ln(distance / w) to get to the next one, however narrow they are. See DERIVATION.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Index = NDArray[np.int64]

# Of a panel 2 long in u, where a Lorentzian's own pole is π/2 away, 16 points leave 1e-14 and 10 points 1e-9.
FINE = np.polynomial.legendre.leggauss(16)
COARSE = np.polynomial.legendre.leggauss(11)
PANEL = 2.0

# Rounding asks for more and more panels, and they do not mend it. A narrow feature asks for few, however deep; a smooth
# integrand's error is less by far each time.
PATIENCE = 6
MOST_ROUNDS = 40
MOST_POINTS = 20_000_000

Integrand = Callable[[int, Index, Real], Real]


class QuadratureError(RuntimeError):
    """An integral over frequencies that did not come out as accurate as it must be."""


@dataclass(frozen=True, eq=False)
class Centres:
    """Resonances in ascending order, and the part of the axis that is nearest to each.

    Attributes
    ----------
    widths : ndarray, shape (centres,)
        w, positive.
    below, above : ndarray, shape (centres,)
        How far the resonance's part of the axis reaches down and up from it, at least 0.
    """

    widths: Real
    below: Real
    above: Real


def integrate(
    integrand: Integrand, centres: Centres, rtol: float, measure: Callable[[Real], Real]
) -> tuple[Real, Real]:
    """∫ dω f(ω) of several functions at once, and an estimate of the error of each.

    Parameters
    ----------
    integrand : callable
        Takes the rule (0 or 1), the number of the resonance and the distance ω - c from it, arrays of one shape
        (points,), and returns f, shape (points, functions). The rules may evaluate f in different ways: the
        difference of the two is what the error is estimated by.
    centres : Centres
    rtol : float
        Panels are halved until the error of each integral is below this, relative to its measure.
    measure : callable
        From the integrals of |f| to what the error of each is relative to.

    Returns
    -------
    values, errors : ndarray, shape (functions,)

    Raises
    ------
    QuadratureError
        If that takes too many points.
    """
    centre, start, end = _panels(centres)
    total = error = scale = np.zeros(0)
    points = 0
    history: list[tuple[float, int]] = []
    for _ in range(MOST_ROUNDS):
        fine = _rule(integrand, 0, FINE, centres, (centre, start, end))
        coarse = _rule(integrand, 1, COARSE, centres, (centre, start, end))
        difference = np.abs(fine - coarse)
        if not total.size:
            total, error, scale = (np.zeros(fine.shape[1]) for _ in range(3))
        points += centre.size * (FINE[0].size + COARSE[0].size)
        kept_error = error + difference.sum(axis=0)
        whole = scale + np.abs(fine).sum(axis=0)
        allowed = rtol * measure(whole)
        if (kept_error <= allowed).all():
            return total + fine.sum(axis=0), kept_error
        # Panels that together may be left as they are: those below a part of what is allowed for all of them.
        bad = (difference > allowed / (4 * centre.size)).any(axis=1)
        history.append((float(np.max(kept_error / np.where(allowed > 0, allowed, np.inf))), int(bad.sum())))
        stuck = False
        if len(history) > PATIENCE:
            (before, few), (now, many) = history[-1 - PATIENCE], history[-1]
            stuck = now > before / 2 and many > 8 * few
        if not bad.any() or stuck or points > MOST_POINTS:
            break
        total = total + fine[~bad].sum(axis=0)
        error = error + difference[~bad].sum(axis=0)
        scale = scale + np.abs(fine[~bad]).sum(axis=0)
        middle = (start[bad] + end[bad]) / 2
        start, end = np.concatenate([start[bad], middle]), np.concatenate([middle, end[bad]])
        centre = np.concatenate([centre[bad]] * 2)
    worst = float((kept_error / np.where(whole > 0, whole, 1.0)).max())
    raise QuadratureError(
        f"the integral over frequencies must converge to {rtol:g} of itself, but after {points} points it is uncertain "
        f"by {worst:.1e} of it"
    )


def _panels(centres: Centres) -> tuple[Index, Real, Real]:
    """The resonance of each panel and where it starts and ends, in u."""
    first, last = -np.arcsinh(centres.below / centres.widths), np.arcsinh(centres.above / centres.widths)
    index, starts, ends = [], [], []
    for sides in ((first, np.zeros_like(first)), (np.zeros_like(last), last)):
        low, high = sides
        count = np.ceil((high - low) / PANEL).astype(np.int64)
        which = np.repeat(np.arange(low.size), count)
        number = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
        length = ((high - low) / np.maximum(count, 1))[which]
        index.append(which)
        starts.append(low[which] + number * length)
        ends.append(low[which] + (number + 1) * length)
    return np.concatenate(index), np.concatenate(starts), np.concatenate(ends)


def _rule(
    integrand: Integrand, rule: int, gauss: Sequence[Real], centres: Centres, panels: tuple[Index, Real, Real]
) -> Real:
    """Integral over each panel, shape (panels, functions)."""
    centre, start, end = panels
    nodes, weights = gauss
    u = ((start + end) / 2)[:, None] + ((end - start) / 2)[:, None] * nodes
    width = centres.widths[centre][:, None]
    measure = ((end - start) / 2)[:, None] * weights * width * np.cosh(u)
    values = integrand(rule, np.repeat(centre, nodes.size), (width * np.sinh(u)).ravel())
    result: Real = np.einsum("pn,pnf->pf", measure, values.reshape(*u.shape, -1))
    return result
