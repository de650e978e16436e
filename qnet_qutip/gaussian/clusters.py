"""Which frequencies an equation takes as one: equal ones (global), clusters (unified), a cutoff (partial secular).

The global equation is off by about (γ/gap)², taking two frequencies as one by about ½(gap/ω)²: the errors meet at
gap* = √(γω), with γ = J(ω) the largest of the baths.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qnet_qutip.gaussian.failures import require
from qnet_qutip.gaussian.quadratic import Quadratic
from qnet_qutip.gaussian.twofold import Array, Twofold

EQUAL = 64 * float(np.finfo(float).eps)
"""Distance of two frequencies, relative to the largest, below which they are one: the rounding of the network's
numbers makes it."""

APART = 200.0
"""How many times `EQUAL` two frequencies must be apart not to be one. Rounding of the nodes' frequencies turns modes
into each other by an angle of its size over their gap, which changes a current by the square, 6e-9 here: a smaller
factor costs digits that are promised, a larger one refuses what is right to them."""

SMALLEST_WEIGHT = 1e-12
"""Of two modes at a bath's node, up to which it cannot matter for a heat current whether their frequencies are one."""

CONSISTENT = 1e-9
"""The same for what stands for a cluster: frequencies so close count once in its mean."""


@dataclass(frozen=True)
class Options:
    """What the builders of the unified and the partial secular equation take."""

    clusters: tuple[tuple[float, ...], ...] | None = None
    cutoff: float | None = None


def equal_frequencies(frequencies: Twofold) -> np.ndarray:
    """Whether ω_k and ω_l are one, (count, n, n)."""
    return _same(_labels(np.diff(frequencies.high) > EQUAL * frequencies.high[:, -1:]))


def require_told_apart(system: Quadratic, frequencies: Twofold, near: np.ndarray, amplitudes: Array) -> None:
    """Raise if frequencies are neither one nor apart, and their modes interfere at a bath.

    Parameters
    ----------
    system : Quadratic
    frequencies : Twofold, shape (count, modes)
    near : ndarray of bool, shape (count, modes, modes)
        Which are one.
    amplitudes : ndarray, shape (count, baths, modes)
        Of the modes at the baths' nodes.

    Raises
    ------
    Failures
    """
    gaps, top = (frequencies[:, 1:] - frequencies[:, :-1]).high, frequencies.high[:, -1:]
    close = ~near[:, np.arange(gaps.shape[-1]), np.arange(1, gaps.shape[-1] + 1)] & (gaps <= APART * EQUAL * top)
    if not close.any():
        return
    sizes = np.sqrt((amplitudes**2) @ near)
    weights = sizes[..., :-1] * sizes[..., 1:] / (amplitudes**2).sum(axis=-1, keepdims=True)
    interfering = close[:, None] & (weights > SMALLEST_WEIGHT)

    def neither(number: int) -> Exception:
        bath, mode = np.argwhere(interfering[number])[0].tolist()
        lower, upper = frequencies.high[number, mode : mode + 2].tolist()
        return ValueError(
            f"the frequencies {lower!r} and {upper!r} of normal modes must be equal or further apart: their distance "
            f"{gaps[number, mode]:.1e} is neither rounding nor resolved, and the interference of both makes up "
            f"{weights[number, bath, mode]:.1e} of the coupling of bath {system.baths[bath]!r}; change a frequency or "
            "a coupling so that they coincide or separate, or take an equation that does not group them (local, "
            "universal, redfield)"
        )

    require(~interfering.any(axis=(-1, -2)), neither)


def clusters_of(
    system: Quadratic, frequencies: Array, densities: Array, weights: Array, options: Options
) -> tuple[np.ndarray, Array]:
    """Whether ω_k and ω_l are in one cluster, and the frequency that stands for the cluster of each.

    Parameters
    ----------
    system : Quadratic
    frequencies : ndarray, shape (count, modes)
        Ascending.
    densities, weights : ndarray, shape (count, baths, modes)
        J(ω_k), and the square of the mode's amplitude at the bath's node.
    options : Options

    Returns
    -------
    near : ndarray of bool, shape (count, modes, modes)
    standing : ndarray, shape (count, modes)
        The mean weighted with the transmission Π_b |⟨b|k⟩|², or with Σ_b |⟨b|k⟩|² where nothing is transmitted.
    """
    driven = np.where(densities > 0, weights, 0.0)
    # Frequencies that are one to nine digits count as one, with their mean and the sum of their weights.
    once = _labels(np.diff(frequencies) > CONSISTENT * frequencies[:, -1:])
    alike = _same(once)
    mean = (alike * frequencies[:, None, :]).sum(-1) / alike.sum(-1)
    summed = (alike[:, None] * driven[:, :, None, :]).sum(-1)
    given = np.full_like(mean, np.nan)
    if options.clusters is None:
        labels = cluster_labels(mean, lambda middle: _critical_gap(system, middle))
    else:
        labels, given = _given(mean, options.clusters)
    near = _same(labels)
    passed = summed.prod(axis=1)
    first = np.ones_like(mean, dtype=bool)
    first[:, 1:] = np.diff(once) > 0
    transmission = near * (passed * first)[:, None, :]
    reached = near * (summed.sum(axis=1) * first)[:, None, :]
    chosen = np.where(transmission.sum(-1, keepdims=True) > 0, transmission, reached)
    if not (chosen.sum(-1) > 0).all():
        raise ValueError("every normal mode must be damped by a bath, but one is not: see the global equation")
    weighted = (chosen * mean[:, None, :]).sum(-1) / chosen.sum(-1)
    return near, np.where(np.isnan(given), weighted, given)


def cluster_labels(frequencies: Array, critical_gap: Callable[[Array], Array]) -> np.ndarray:
    """Number of the cluster of each frequency: neighbours closer than gap* are in one, if none is wider than gap*.

    A chain of such neighbours that is wider is cut at its widest gap, the lowest of those, until none is.

    Parameters
    ----------
    frequencies : ndarray, shape (count, n)
        Ascending.
    critical_gap : callable
        gap* at frequencies of shape (count, any).

    Returns
    -------
    ndarray of int, shape (count, n)

    Examples
    --------
    >>> cluster_labels(np.array([[1.0, 1.1, 1.3, 1.4, 3.0]]), lambda middle: np.full_like(middle, 0.3)).tolist()
    [[0, 0, 1, 1, 2]]
    """
    gaps = np.diff(frequencies)
    apart = gaps > critical_gap((frequencies[:, 1:] + frequencies[:, :-1]) / 2)
    first_ones = np.ones((len(frequencies), 1), dtype=bool)
    before = np.concatenate([first_ones, gaps], axis=1).ravel()
    while True:
        begins = np.concatenate([first_ones, apart], axis=1).ravel()
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], frequencies.size) - 1
        cluster = np.cumsum(begins) - 1
        lowest, highest = frequencies.ravel()[starts], frequencies.ravel()[ends]
        middle = ((lowest + highest) / 2)[cluster].reshape(frequencies.shape)
        wide = (highest - lowest)[cluster] > critical_gap(middle).ravel()
        if not wide.any():
            return _labels(apart)
        inside = np.where(begins, -1.0, before)
        # Equal but for rounding, as above and below the middle of an odd resonant chain, is equal.
        slack = CONSISTENT * highest
        widest = np.flatnonzero(wide & ~begins & (inside >= (np.maximum.reduceat(inside, starts) - slack)[cluster]))
        _, lowest_one = np.unique(cluster[widest], return_index=True)
        apart = apart.copy()
        rows, columns = np.divmod(widest[lowest_one], frequencies.shape[1])
        apart[rows, columns - 1] = True


def _critical_gap(system: Quadratic, frequencies: Array) -> Array:
    """gap* = √(γω) of every network, (count, n)."""
    shape = (len(frequencies), len(system.baths), frequencies.shape[-1])
    density = system.densities(np.broadcast_to(frequencies[:, None], shape)).max(axis=1)
    gap: Array = np.sqrt(density * frequencies)
    return gap


def cutoff_of(frequencies: Array, densities: Array, options: Options) -> Array:
    """The cutoff of the partial secular equation, (count,): the largest √(J(ω)ω) if none is given."""
    if options.cutoff is not None:
        return np.full(len(frequencies), options.cutoff)
    largest: Array = np.sqrt(densities.max(axis=1) * frequencies).max(axis=-1)
    return largest


def _given(frequencies: Array, bounds: tuple[tuple[float, ...], ...]) -> tuple[np.ndarray, Array]:
    """Number of the cluster that each frequency is in by its bounds, and what is to stand for it, nan if not given."""
    slack = CONSISTENT * frequencies[:, -1:]
    inside = np.array([(low - slack <= frequencies) & (frequencies <= high + slack) for low, high, *_ in bounds])
    inside = inside.reshape(len(bounds), *frequencies.shape)
    wrong = inside.sum(axis=0) != 1
    if wrong.any():
        times = int(inside.sum(axis=0)[wrong][0])
        raise ValueError(
            f"clusters must hold every Bohr frequency once, but {frequencies[wrong][0]:.10g} is in {times} of {bounds}"
        )
    labels: np.ndarray = inside.argmax(axis=0)
    return labels, np.array([middle[0] if middle else math.nan for _, _, *middle in bounds])[labels]


def _labels(apart: np.ndarray) -> np.ndarray:
    """Number of the group of each frequency, from which neighbours are apart."""
    labels = np.zeros((apart.shape[0], apart.shape[1] + 1), dtype=int)
    np.cumsum(apart, axis=-1, out=labels[:, 1:])
    return labels


def _same(labels: np.ndarray) -> np.ndarray:
    same: np.ndarray = labels[:, :, None] == labels[:, None, :]
    return same
