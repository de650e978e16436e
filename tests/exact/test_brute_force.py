"""The exact currents against the network and its baths evolved as a whole, by hundreds of modes a bath."""

from __future__ import annotations

import pytest
from brute_force import evolved

import qnet_qutip as qn
from qnet_qutip import exact

SPECTRUM = qn.OhmicSpectrum(0.25, 3.0)


@pytest.mark.parametrize(
    ("coupling", "kinds"),
    [
        (0.2, ("rotating-wave", "rotating-wave")),
        ((0.1, qn.Quadrature(0.2)), ("full", "full")),
        (qn.Quadrature(0.2), ("full", "rotating-wave")),
    ],
    ids=["rotating-wave", "full", "mixed"],
)
def test_network_and_baths_evolved_as_a_whole(coupling, kinds):
    """Transients are down to e^-10 and the discrete baths come back at 2π·350/24 = 92."""
    net = qn.chain(
        [qn.Oscillator(2), qn.Oscillator(2.3)],
        coupling,
        hot=qn.Bath("A", 3, SPECTRUM, kinds[0]),
        cold=qn.Bath("B", 1, SPECTRUM, kinds[1]),
    )
    state = exact.steady_state(net, level_shift=True)
    found = state.heat_currents
    currents, occupations = evolved(net, modes=350, top=24.0, times=(45.0, 80.0))
    assert currents == pytest.approx(dict(found), rel=3e-4)
    assert occupations == pytest.approx(dict(state.occupations), rel=3e-4)
    # The test would tell the level shift, which is several percent here.
    assert exact.steady_state(net, level_shift=False).heat_currents["hot"] != pytest.approx(found["hot"], rel=1e-2)
