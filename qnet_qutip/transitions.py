"""Transitions between the eigenstates of a network, and the share of the heat that goes by each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qnet_qutip import bohr
from qnet_qutip.equations.clusters import CONSISTENT, coherence_decay
from qnet_qutip.hamiltonian import network_hamiltonian
from qnet_qutip.network import Network, bath_rate
from qnet_qutip.solver.process_settings import every_entry_kept
from qnet_qutip.space import Space

Real = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transitions:
    """Those from a level n to a lower one m that a bath drives.

    Attributes
    ----------
    lower, upper : ndarray of int, shape (transitions,)
        m and n.
    number : ndarray of int, shape (transitions,)
        Of its Bohr frequency in `frequencies`.
    frequencies : ndarray, shape (frequencies,)
        Those of all, ascending.
    decay : ndarray, shape (baths, frequencies)
        Γ = J(ω)(2n + 1), the rates down and up together.
    squares : ndarray, shape (baths, transitions)
        |⟨m|S|n⟩|².
    shares : ndarray, shape (baths and one, transitions)
        Of all the heat that goes to and fro between each bath and the network, in the Gibbs state at the temperature of
        the hottest bath; and of what can so pass from bath to bath. Without what is zero for all.
    """

    lower: Index
    upper: Index
    number: Index
    frequencies: Real
    decay: Real
    squares: Real
    shares: Real


def transitions(network: Network, space: Space) -> Transitions:
    """The transitions of a network that is diagonalised in a space."""
    baths = list(network.baths.values())
    found = []
    with every_entry_kept():
        basis = bohr.eigenbasis(network_hamiltonian(network, space.lowering))
        for bath in baths:
            a = space.lowering[bath.node]
            rows, columns, elements = bohr.transition_elements(basis, a + a.dag() if bath.coupling == "full" else a)
            # In the rotating wave what a raises has no rate, and of a + a† each transition is there twice.
            down = basis.energies[columns] - basis.energies[rows] > basis.rounding
            found.append((rows[down], columns[down], np.abs(elements[down]).astype(float) ** 2))
    dimension = len(basis.energies)
    places = [rows * dimension + columns for rows, columns, _ in found]
    every = np.unique(np.concatenate(places))
    lower, upper = every // dimension, every % dimension
    squares = np.zeros((len(baths), len(every)))
    for row, place, (_, _, of_bath) in zip(squares, places, found, strict=True):
        row[every.searchsorted(place)] = of_bath
    single = basis.energies[upper] - basis.energies[lower]
    groups, _ = bohr.grouped(single, np.ones(len(single)), CONSISTENT * float(single.max()))
    number = np.empty(len(single), dtype=np.int64)
    for index, group in enumerate(groups):
        number[group] = index
    frequencies = np.array([single[group].mean() for group in groups])
    rates = [bath_rate(network, name) for name in network.baths]
    decay = np.array([[coherence_decay(rate, each, harmonic=False) for each in frequencies.tolist()] for rate in rates])
    down, up = (
        np.array([[rate.rate(sign * each) for each in frequencies.tolist()] for rate in rates])[:, number]
        for sign in (1.0, -1.0)
    )
    hottest = max(bath.temperature for bath in baths)
    heights = basis.energies - basis.energies.min()
    populations = np.exp(-heights / hottest) if hottest > 0 else (heights <= basis.rounding).astype(float)
    exchanged = single * squares * (down * populations[upper] + up * populations[lower])
    if not exchanged.any():
        # Of baths at zero temperature, what they would take from a level next to the ground state.
        exchanged = single * squares * down * populations[lower]
    # The least of two flows, where one bath acts much more on a transition than the other: so much passes between them.
    flows = np.vstack([exchanged, exchanged.sum(axis=0) - exchanged.max(axis=0)])
    sums = flows.sum(axis=1)
    shares = flows[sums > 0] / sums[sums > 0, None]
    return Transitions(lower, upper, number, frequencies, decay, squares, shares)
