"""Networks that tests of several modules share, figure 3's among them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import qnet_qutip as qn
from qnet_qutip.space import Space, node_space
from qnet_qutip.truncation import node_truncation


def fig3(levels: int | dict[str, int], **changes: float) -> qn.MasterEquation:
    """Local equation of two oscillators, of figure 3 but for the changes, in a space that is cut short."""
    parameters = {"omega_h": 10, "omega_c": 5, "epsilon": 0.01, "T_h": 12, "T_c": 10, "kappa": 1e-4} | changes
    with pytest.warns(qn.TruncationWarning):
        return qn.local_master_equation(qn.two_node("oscillator", **parameters), levels=levels)


def space_of(network: qn.Network, **cut: Any) -> Space:
    """The space of a cut, of which it is not asked whether it will do."""
    return node_space(node_truncation(network, None, **cut))


def cut_at_excitations(build: Callable[..., qn.MasterEquation]) -> qn.MasterEquation:
    """The network of figure 3 with 5 excitations at most."""
    with pytest.warns(qn.TruncationWarning):
        return build(fig3(2).network, max_excitations=5)


def chain(nodes: int, epsilon: float, frequencies: list[float] | None = None, kappa: float = 1e-3) -> qn.Network:
    """Two-level nodes in a row between a hot and a cold bath."""
    names = [f"N{index}" for index in range(nodes)]
    spectrum = qn.PhononSpectrum(kappa)
    return qn.Network(
        nodes={name: qn.TwoLevel(w) for name, w in zip(names, frequencies or [5.0] * nodes, strict=True)},
        couplings=dict.fromkeys(itertools.pairwise(names), epsilon),
        baths={"hot": qn.Bath(names[0], 12, spectrum), "cold": qn.Bath(names[-1], 10, spectrum)},
    )


def three_two_level_nodes(
    detuning: float, couplings: tuple[float, float], baths: list[tuple[float, float]]
) -> qn.Network:
    """Two-level nodes of which the last is detuned, with baths (T, κ) on the first of them."""
    return qn.Network(
        nodes={"A": qn.TwoLevel(7.5), "B": qn.TwoLevel(7.5), "C": qn.TwoLevel(7.5 + detuning)},
        couplings={("A", "B"): couplings[0], ("B", "C"): couplings[1]},
        baths={
            name: qn.Bath(name, temperature, qn.PhononSpectrum(kappa))
            for name, (temperature, kappa) in zip("ABC", baths, strict=False)
        },
    )
