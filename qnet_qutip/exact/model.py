"""A network as one matrix, and what each bath does to it as a function of the frequency.

With rotating-wave baths and swaps alone, [ω - h - Σ_c Σ_c(ω) w_c w_cᵀ]⁻¹ is the Green's function of the lowering
operators a. With a quadrature coupling or a full bath it is that of (a, a†), with the metric m = (1, -1) and
[[h + Q, Q], [Q, h + Q]] in the place of h. A channel c is what baths of one kind on one node act on: a for the
rotating-wave coupling, a + a† for the full one. See DERIVATION.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.exact.self_energy import level_shift, require_cutoff
from qnet_qutip.network import Dispersive, Network, Oscillator, Quadrature, coupling_terms
from qnet_qutip.spectra import checked_density

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


class NoExactAnswerError(ValueError):
    """Why a network has no exact answer here, and what can be done instead."""


@dataclass(frozen=True, eq=False)
class Model:
    """A quadratic network.

    Attributes
    ----------
    network : Network
    matrix : ndarray, shape (D, D)
        h, of D = N nodes, or [[h + Q, Q], [Q, h + Q]], D = 2N.
    metric : ndarray, shape (D,)
    channels : ndarray, shape (D, channels)
        w_c as columns.
    channel_of : ndarray of int, shape (baths,)
        The channel of each of the network's baths.
    shifts : tuple of (int, int, int)
        (bath, channel, sign): what S(sign ω) of a bath adds to a channel's self-energy.
    """

    network: Network
    matrix: Real
    metric: Real
    channels: Real
    channel_of: NDArray[np.int64]
    shifts: tuple[tuple[int, int, int], ...]

    @property
    def reference(self) -> float:
        """A frequency among the nodes': distances from it are exact for nodes that are equal to each other."""
        frequencies = sorted(node.frequency for node in self.network.nodes.values())
        return frequencies[len(frequencies) // 2]

    @property
    def highest(self) -> float:
        """Twice a frequency that no mode exceeds, by Gershgorin's circles."""
        return 2 * float(np.abs(self.matrix).sum(axis=1).max())


def model(network: Network, level_shift: bool | None, observed: bool = False) -> Model:
    """The network's matrices; if it is to be `observed`, with a channel without a bath for each row of them.

    Raises
    ------
    NoExactAnswerError
        If it is not quadratic: a two-level node, an anharmonic oscillator, a dispersive coupling.
    """
    _require_quadratic(network)
    order = {name: index for index, name in enumerate(network.nodes)}
    size = len(order)
    h, Q = np.zeros((size, size)), np.zeros((size, size))
    for name, node in network.nodes.items():
        h[order[name], order[name]] = node.frequency
    for first, second, term in coupling_terms(network):
        target = Q if isinstance(term, Quadrature) else h
        target[order[first], order[second]] += term.strength
        target[order[second], order[first]] += term.strength
    baths = list(network.baths.values())
    paired = bool(Q.any()) or any(bath.coupling == "full" for bath in baths)
    matrix = np.block([[h + Q, Q], [Q, h + Q]]) if paired else h
    metric = np.repeat([1.0, -1.0], size) if paired else np.ones(size)
    # The rows of (a, a†) that a channel is the sum of.
    rows: dict[tuple[int, ...], int] = {}
    channel_of, shifts = [], []
    for number, bath in enumerate(baths):
        row = order[bath.node]
        full = bath.coupling == "full"
        channel = rows.setdefault((row, size + row) if full else (row,), len(rows))
        channel_of.append(channel)
        if full if level_shift is None else level_shift:
            shifts.append((number, channel, 1))
            if full:
                shifts.append((number, channel, -1))
            elif paired:
                shifts.append((number, rows.setdefault((size + row,), len(rows)), -1))
    if observed:
        for single in range(len(matrix)):
            rows.setdefault((single,), len(rows))
    channels = np.zeros((len(matrix), len(rows)))
    for members, channel in rows.items():
        channels[list(members), channel] = 1.0
    return Model(network, matrix, metric, channels, np.array(channel_of, dtype=np.int64), tuple(shifts))


class SelfEnergies:
    """Σ_c(ω) of every channel, shape (points, channels), at 0 ≤ ω ≤ `top`.

    Raises
    ------
    NoCutoffError
        If there is no cutoff where there must be one.
    QuadratureError
        If a level shift cannot be tabulated.
    """

    def __init__(self, described: Model, top: float) -> None:
        self._model = described
        baths = list(described.network.baths.items())
        lowest = min(node.frequency for node in described.network.nodes.values())
        self._shifts: list[tuple[Callable[[Real], Real], int]] = []
        for name, bath in baths:
            if bath.coupling == "full":
                require_cutoff(bath.spectrum, top, f" of bath {name!r}")
        for number, channel, sign in described.shifts:
            name, bath = baths[number]
            require_cutoff(bath.spectrum, top, f" of bath {name!r}")
            self._shifts.append((level_shift(bath.spectrum, lowest, top, sign, f" of bath {name!r}"), channel))

    def __call__(self, frequency: Real) -> Complex:
        """Σ_c at ω = `frequency`."""
        result = np.zeros((frequency.size, self._model.channels.shape[1]), dtype=complex)
        J = densities(self._model.network, frequency)
        for number, channel in enumerate(self._model.channel_of):
            result[:, channel] -= 0.5j * J[:, number]
        for shift, channel in self._shifts:
            result[:, channel] += shift(frequency)
        return result


def require_stable(described: Model, self_energies: SelfEnergies) -> None:
    """Raise unless the network with its level shifts is positive at ω = 0, where all modes have positive frequency.

    Raises
    ------
    NoExactAnswerError
    """
    shifts = self_energies(np.zeros(1))[0].real
    lowest = float(np.linalg.eigvalsh(described.matrix + (described.channels * shifts) @ described.channels.T)[0])
    bare = float(np.linalg.eigvalsh(described.matrix)[0])
    if min(lowest, bare) <= 0:
        by = "its couplings" if bare <= 0 else "the level shifts of its baths"
        raise NoExactAnswerError(
            f"the network must have a ground state, but {by} are so strong that its matrix has the eigenvalue "
            f"{min(lowest, bare):.3g} at frequency zero; make them weaker"
        )


def densities(network: Network, frequency: Real) -> Real:
    """J_b(ω) of each bath, shape (points, baths); zero at ω ≤ 0."""
    result = np.zeros((frequency.size, len(network.baths)))
    positive = frequency > 0
    known: dict[int, Real] = {}
    for number, (name, bath) in enumerate(network.baths.items()):
        if id(bath.spectrum) not in known:
            known[id(bath.spectrum)] = checked_density(bath.spectrum.density, frequency[positive], f" of bath {name!r}")
        result[positive, number] = known[id(bath.spectrum)]
    return result


def _require_quadratic(network: Network) -> None:
    instead = "give only oscillators without anharmonicity, coupled by swaps and quadrature couplings"
    for name, node in network.nodes.items():
        if not isinstance(node, Oscillator):
            raise NoExactAnswerError(f"node {name!r} must be an Oscillator, but is {node!r}; {instead}")
        if node.anharmonicity:
            raise NoExactAnswerError(f"node {name!r} must have no anharmonicity, but is {node!r}; {instead}")
    for first, second, term in coupling_terms(network):
        if isinstance(term, Dispersive) and term.strength:
            raise NoExactAnswerError(
                f"the coupling of {first!r} and {second!r} must not be dispersive, but is {term!r}; {instead}"
            )
