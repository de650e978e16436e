"""Where the resonances of a damped network are, and its Green's function between the baths next to each of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.exact.model import Model, NoExactAnswerError, SelfEnergies
from qnet_qutip.exact.poles import (
    FixedPoint,
    NoExpansionError,
    PoleExpansion,
    UndampedModes,
    aligned,
    computed_again,
    distances,
    expand,
    expand_in_floats,
    undamped_modes,
)
from qnet_qutip.exact.quadrature import Centres

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

# One expansion serves all modes among which no self-energy changes by more than this factor: what is lost by freezing
# it at the wrong value is about that factor in accuracy, of the sixteen digits that there are.
LARGEST_CHANGE = 30.0

# What the frozen self-energies are multiplied by. Any number is as good, as the difference is put right afterwards; two
# different ones are two different computations of the same thing. There are spare ones for exceptional points.
FACTORS = (1.0, 1.6, 0.7, 2.3)
LARGEST_COMPONENT = 1e4

# Resonances closer than this part of the narrower one's width share its coordinates.
MERGED = 0.3
POLISHING_STEPS = 4

# At a distance from every pole that is this part of all frequencies, floats have the digits for a linear system, which
# keeps those of a Green's function between two baths that is far less than each pole's part of it. That is where the
# current is from when the temperatures are far below the resonances.
FAR = 1e-3

# Numbers in memory at a time, 16 bytes each.
CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class Band:
    """Modes that share an expansion.

    Attributes
    ----------
    expansions : pair of PoleExpansion
        Of the same network, with self-energies frozen at different values.
    gaps : pair of ndarray, shape (centres, N)
        c_j - p_k from each centre of the band to the poles of each expansion, without cancellation.
    """

    expansions: tuple[PoleExpansion, PoleExpansion]
    gaps: tuple[Complex, Complex]


@dataclass(frozen=True, eq=False)
class Resonances:
    """All centres in ascending order.

    Attributes
    ----------
    centres : Centres
    positions : ndarray, shape (centres,)
    band_of, row_of : ndarray of int, shape (centres,)
        The band of each centre, and its row in the band's gaps.
    bands : tuple of Band
    model : Model
    self_energies : SelfEnergies
    refined : bool
        Whether the poles have as many digits as they need, or a float's.
    """

    centres: Centres
    positions: Real
    band_of: Index
    row_of: Index
    bands: tuple[Band, ...]
    model: Model
    self_energies: SelfEnergies
    refined: bool


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A centre in the making: c = `pole`'s real part + shift, or just the shift if it belongs to no pole."""

    band: int
    pole: int
    shift: float
    width: float
    position: float


def find_resonances(
    model: Model, self_energies: SelfEnergies, marks: list[float], top: float, *, refined: bool
) -> Resonances:
    """Resonances between 0 and `top`, with the frequencies in `marks` added as centres.

    Raises
    ------
    NoExactAnswerError
        If a mode is undamped.
    """
    undamped = undamped_modes(model.matrix, model.metric)
    frozen = _frozen(undamped.frequencies[undamped.frequencies > 0], self_energies)
    edges = [0.0, *(np.sqrt(low[-1] * high[0]) for (low, _), (high, _) in itertools.pairwise(frozen)), np.inf]
    in_floats = None if refined else (undamped, computed_again(model.matrix, model.metric, undamped))
    pairs = [_two_expansions(model, sigma, in_floats) for _, sigma in frozen]
    candidates: list[_Candidate] = []
    for band, (first, _) in enumerate(pairs):
        _require_damped(model, first, undamped)
        shifts = _shifts(first, self_energies)
        positions = (first.positions + shifts).real
        for pole in np.flatnonzero((positions > edges[band]) & (positions <= edges[band + 1]) & (positions < top)):
            width = abs((first.positions[pole] - first.positions[pole].real + shifts[pole]).imag)
            candidates.append(_Candidate(band, int(pole), float(shifts[pole].real), width, float(positions[pole])))
    for mark in {mark for mark in marks if mark < top}:
        band = int(np.searchsorted(edges, mark, side="right")) - 1
        nearest = min((abs(mark - other) for other in marks if other != mark), default=top)
        candidates.append(_Candidate(band, -1, mark, 0.3 * min(nearest, mark or nearest), mark))
    return _arranged(candidates, pairs, top, model, self_energies, refined)


def _frozen(modes: Real, self_energies: SelfEnergies) -> list[tuple[Real, Complex]]:
    """Modes in bands, and the self-energies in the middle of each."""
    values = self_energies(modes)
    widths = -values.imag
    bands: list[tuple[Real, Complex]] = []
    start = 0
    for end in range(1, len(modes) + 1):
        if end < len(modes):
            low, high = widths[start : end + 1].min(axis=0), widths[start : end + 1].max(axis=0)
            moved = np.abs(values[start : end + 1].real - values[start].real).max(axis=0)
            # A channel that only shifts levels has no width of its own.
            least = np.where(high > 0, low, low[high > 0].min(initial=np.inf))
            if (np.maximum(high, moved) <= LARGEST_CHANGE * least).all():
                continue
        bands.append((modes[start:end], values[(start + end - 1) // 2]))
        start = end
    return bands


def _two_expansions(
    model: Model, frozen: Complex, in_floats: tuple[UndampedModes, UndampedModes] | None
) -> tuple[PoleExpansion, PoleExpansion]:
    """Two expansions, neither of them at an exceptional point.

    In floats each is from modes of its own, so that what rounding does to the modes is in the difference too.
    """
    found: list[PoleExpansion] = []
    for factor in FACTORS:
        sigma = factor * frozen
        try:
            if in_floats is None:
                expansion = expand(model.matrix, model.metric, model.channels, sigma, model.reference)
            else:
                first, again = in_floats
                modes = aligned(first, again, model.channels, sigma) if found else first
                expansion = expand_in_floats(modes, model.channels, sigma, model.reference)
        except NoExpansionError:
            continue
        if expansion.largest < LARGEST_COMPONENT:
            found.append(expansion)
        if len(found) == 2:
            return found[0], found[1]
    raise NoExactAnswerError(
        "the network must not be at an exceptional point, where two resonances are one, but is next to one whatever "
        "its baths are multiplied by; change a frequency or a coupling a little"
    )


def _require_damped(model: Model, expansion: PoleExpansion, undamped: UndampedModes) -> None:
    refined = isinstance(expansion.poles, FixedPoint)
    widths = -expansion.offsets.imag
    least = (1e-70 if refined else 1e-16) * float(np.abs(model.matrix).max())
    for pole in np.flatnonzero((expansion.positions.real > 0) & (widths <= least)):
        frequency = expansion.positions[pole].real
        mode = undamped.vectors[:, np.argmin(np.abs(undamped.frequencies - frequency))]
        names = list(model.network.nodes)
        weights = np.abs(mode).reshape(-1, len(names)).max(axis=0)
        where = [names[node] for node in np.argsort(-weights)[:3] if weights[node] > 0.1 * weights.max()]
        digits = "" if refined else " as far as a float's digits tell"
        raise NoExactAnswerError(
            f"every mode of the network must be damped by a bath, but that of frequency {frequency:.10g}, which is on "
            f"nodes {where}, is not{digits}: it would keep the energy that it starts with; give one of these nodes a "
            "bath, or break the symmetry that keeps it from the baths"
        )


def _shifts(expansion: PoleExpansion, self_energies: SelfEnergies) -> Complex:
    """From each frozen pole to the pole of the network with the self-energies at its own frequency.

    The pole p_k moves by aᵀ Δ [1 - G Δ]⁻¹ a, with Δ what the self-energies differ from the frozen ones, a = w_cᵀ x_k
    and G the sum over all other poles.
    """
    amplitudes = expansion.amplitudes
    gaps = distances(expansion, expansion)
    gaps = gaps - 1j * np.diagonal(gaps).imag[:, None]
    np.fill_diagonal(gaps, np.inf)
    channels = amplitudes.shape[1]
    shifts = np.zeros(len(gaps), dtype=complex)
    products = _products(amplitudes)
    for _ in range(POLISHING_STEPS):
        position = np.maximum((expansion.positions + shifts).real, 0.0)
        change = self_energies(position) - expansion.self_energies
        distance = gaps + shifts[:, None]
        distance[distance == 0] = np.inf
        others = ((1 / distance) @ products).reshape(-1, channels, channels)
        matrix = np.eye(channels) - others * change[:, None, :]
        # Next to a pole that coincides with it none moves as if it were alone, and the matrix may be singular. Where
        # centres are decides how many panels it takes, not what the integral is.
        moved = (np.linalg.pinv(matrix) @ amplitudes[:, :, None])[:, :, 0]
        shifts = np.einsum("kc,kc,kc->k", amplitudes, change, moved)
    return shifts


def _products(amplitudes: Complex) -> Complex:
    """a_k a_kᵀ, shape (N, channels²)."""
    return (amplitudes[:, :, None] * amplitudes[:, None, :]).reshape(len(amplitudes), -1)


def _arranged(
    candidates: list[_Candidate],
    pairs: list[tuple[PoleExpansion, PoleExpansion]],
    top: float,
    model: Model,
    self_energies: SelfEnergies,
    refined: bool,
) -> Resonances:
    own_gaps = [distances(first, first).real for first, _ in pairs]

    def distance(low: _Candidate, high: _Candidate) -> float:
        """From one centre up to another; exact within a band, as parts of the axis must neither overlap nor gape."""
        if low.band != high.band:
            return high.position - low.position
        if low.pole < 0 or high.pole < 0:
            return from_reference(high) - from_reference(low)
        return float(own_gaps[low.band][high.pole, low.pole]) + (high.shift - low.shift)

    def from_reference(each: _Candidate) -> float:
        expansion = pairs[each.band][0]
        if each.pole < 0:
            return each.position - expansion.reference
        return float(expansion.offsets[each.pole].real) + each.shift

    def offset(each: _Candidate) -> tuple[float, float]:
        if each.pole < 0:
            return each.position, 0.0
        return each.position, float(own_gaps[each.band][each.pole, 0]) + each.shift

    kept: list[_Candidate] = []
    for each in sorted(candidates, key=offset):
        while kept and abs(distance(kept[-1], each)) < MERGED * min(kept[-1].width, each.width):
            each = min(kept.pop(), each, key=lambda one: one.width)
        kept.append(each)
    steps = np.array([max(distance(low, high), 0.0) for low, high in itertools.pairwise(kept)])
    below = np.concatenate([[kept[0].position], steps / 2])
    above = np.concatenate([steps / 2, [top - kept[-1].position]])
    # The tail of a narrow resonance goes on behind a broad one, or a mark, and is as steep there as they are apart.
    nearest = np.minimum(np.concatenate([[np.inf], steps]), np.concatenate([steps, [np.inf]]))
    widths = np.array([each.width for each in kept])
    widths = np.where(nearest > 0, np.minimum(widths, nearest), widths)
    bands, row_of = [], np.zeros(len(kept), dtype=np.int64)
    for band, pair in enumerate(pairs):
        members = [number for number, each in enumerate(kept) if each.band == band]
        row_of[members] = np.arange(len(members))
        gaps = []
        for expansion in pair:
            from_poles = distances(pair[0], expansion)
            rows = [
                from_poles[kept[n].pole] + kept[n].shift
                if kept[n].pole >= 0
                else (kept[n].position - expansion.reference) - expansion.offsets
                for n in members
            ]
            gaps.append(np.array(rows).reshape(len(members), len(expansion.positions)))
        bands.append(Band(pair, (gaps[0], gaps[1])))
    return Resonances(
        Centres(widths, below, above),
        np.array([each.position for each in kept]),
        np.array([each.band for each in kept], dtype=np.int64),
        row_of,
        tuple(bands),
        model,
        self_energies,
        refined,
    )


def greens_function(resonances: Resonances, rule: int, centre: Index, offset: Real) -> Complex:
    """w_cᵀ [ω m - A(ω)]⁻¹ w_c' at ω = c + `offset`, shape (points, channels, channels).

    G = [1 - G* (Σ(ω) - Σ*)]⁻¹ G* with G* = Σ_k a_k a_kᵀ/(ω - p_k) of the frozen self-energies Σ*; far from all
    poles, the solution of the linear system.
    """
    model = resonances.model
    channels = model.channels.shape[1]
    frequency = resonances.positions[centre] + offset
    self_energies = resonances.self_energies(frequency)
    result = np.empty((centre.size, channels, channels), dtype=complex)
    largest = np.maximum(np.abs(np.diagonal(model.matrix)).max(), frequency)
    for number, band in enumerate(resonances.bands):
        inside = np.flatnonzero(resonances.band_of[centre] == number)
        gaps, products = band.gaps[rule], _products(band.expansions[rule].amplitudes)
        rows = max(1, CHUNK // max(gaps.shape[1], channels**2))
        for start in range(0, inside.size, rows):
            points = inside[start : start + rows]
            distance = gaps[resonances.row_of[centre[points]]] + offset[points, None]
            apart = resonances.refined & (np.abs(distance).min(axis=1) > FAR * largest[points])
            near, far = points[~apart], points[apart]
            frozen = (1 / distance[~apart]) @ products
            frozen = frozen.reshape(-1, channels, channels)
            change = self_energies[near] - band.expansions[rule].self_energies
            result[near] = np.linalg.solve(np.eye(channels) - frozen * change[:, None, :], frozen)
            result[far] = _solved(model, frequency[far], self_energies[far])
    return result


def _solved(model: Model, frequency: Real, self_energies: Complex) -> Complex:
    """w_cᵀ [ω m - A(ω)]⁻¹ w_c' by elimination."""
    damping = (model.channels * self_energies[:, None, :]) @ model.channels.T
    inverse = frequency[:, None, None] * np.diag(model.metric) - model.matrix - damping
    right = np.broadcast_to(model.channels.astype(complex), (frequency.size, *model.channels.shape))
    result: Complex = model.channels.T @ np.linalg.solve(inverse, right)
    return result
