"""Sums of the parts of a coupling operator: few of them as operators, many by their elements."""

from __future__ import annotations

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip.bohr import FEW_OPERATORS
from qnet_qutip.equations.open_system import of_network
from qnet_qutip.modes import normal_modes
from qnet_qutip.network import Node
from qnet_qutip.space import node_space
from qnet_qutip.truncation import node_truncation


def coupling_of(nodes: list[Node], levels: int):
    phonons = qn.PhononSpectrum(1e-4)
    net = qn.chain(nodes, 0.1, hot=qn.Bath("A", 2, phonons, "full"), cold=qn.Bath("B", 1, phonons))
    harmonic = all(node == qn.Oscillator(node.frequency) for node in nodes)
    space = node_space(node_truncation(net, None, levels, None, 1e-8))
    return of_network(net, space, normal_modes(net) if harmonic else None).couplings["hot"][0]


@pytest.mark.parametrize(
    ("nodes", "levels"),
    [([qn.Oscillator(5, anharmonicity=0.2)] * 2, 6), ([qn.Oscillator(5), qn.Oscillator(6)], 4)],
)
def test_weighted_sum_is_that_of_the_operators(nodes: list[Node], levels: int, monkeypatch) -> None:
    coupling = coupling_of(nodes, levels)
    random = np.random.default_rng(0)
    weights = random.normal(size=len(coupling.operators)) + 1j * random.normal(size=len(coupling.operators))
    weights[::3] = 0
    expected = sum(weight * each.full() for weight, each in zip(weights, coupling.operators, strict=True))
    for few in (0, FEW_OPERATORS, 10**6):
        monkeypatch.setattr("qnet_qutip.bohr.FEW_OPERATORS", few)
        found = coupling.weighted(weights)
        np.testing.assert_allclose(found.full(), expected, rtol=0, atol=1e-15)
        assert found.dims == coupling.operators[0].dims


def test_elements_keep_no_stored_zero_of_what_has_no_weight(monkeypatch) -> None:
    monkeypatch.setattr("qnet_qutip.bohr.FEW_OPERATORS", 0)
    coupling = coupling_of([qn.Oscillator(5, anharmonicity=0.2)] * 2, 6)
    weights = np.zeros(len(coupling.operators))
    weights[3] = 2.0
    found = coupling.weighted(weights)
    assert found.to("CSR").data.as_scipy().nnz == coupling.operators[3].to("CSR").data.as_scipy().nnz
    assert found == 2 * coupling.operators[3]


@pytest.mark.parametrize(("nodes", "epsilon"), [(3, 1e-11), (3, 1e-9), (7, 1e-8)])
@pytest.mark.parametrize("equation", ["unified", "redfield"])
def test_couplings_far_below_the_frequencies_of_nodes_in_resonance_keep_their_digits(
    nodes: int, epsilon: float, equation: str
) -> None:
    """Where the baths see no difference between the levels, every equation is the local one, here by free fermions."""
    kappa = 1e2 * epsilon**1.5
    names = "ABCDEFG"[:nodes]
    baths = {"first": qn.Bath(names[0], 1.0, qn.PhononSpectrum(kappa))}
    baths["last"] = qn.Bath(names[-1], 10.0, qn.PhononSpectrum(kappa))
    net = qn.chain(dict.fromkeys(names, qn.TwoLevel(5.0)), epsilon, **baths)
    expected = qn.gaussian.steady_state(net, "local").heat_currents["first"]
    state = qn.steady_state(qn.MASTER_EQUATIONS[equation](net))
    assert state.heat_currents["first"] == pytest.approx(expected, rel=max(1e-9, epsilon), abs=0)
