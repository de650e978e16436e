"""Every number of a network by itself: all of them listed, and each set without touching the others."""

import pytest

import qnet_qutip as qn
from qnet_qutip.parameters import network_parameters, with_parameter

NET = qn.chain(
    [qn.Oscillator(5, anharmonicity=0.2), qn.TwoLevel(4), qn.Oscillator(3)],
    [(0.1, qn.Dispersive(0.02)), qn.Quadrature(0.03)],
    hot=qn.Bath("A", 12, qn.LorentzianSpectrum(0.1, 5, 0.2), coupling="full"),
    cold=qn.Bath("C", 10, qn.CallableSpectrum(abs)),
)


def test_every_number_is_listed():
    values = {parameter.symbol: parameter.value for parameter in network_parameters(NET)}
    assert values == {
        "ω of A": 5.0,
        "α of A": 0.2,
        "ω of B": 4.0,
        "ω of C": 3.0,
        "ε of A – B": 0.1,
        "χ of A – B": 0.02,
        "g of B – C": 0.03,
        "T of hot": 12.0,
        "strength of hot": 0.1,
        "ω of hot": 5.0,
        "width of hot": 0.2,
        "T of cold": 10.0,
    }


@pytest.mark.parametrize("index", range(12))
def test_each_is_set_and_the_others_stay(index):
    before = network_parameters(NET)
    changed = with_parameter(NET, before[index], 1.5 * before[index].value)
    after = network_parameters(changed)
    ratios = [new.value / old.value for new, old in zip(after, before, strict=True)]
    assert ratios == pytest.approx([1.5 if position == index else 1.0 for position in range(12)])
    assert with_parameter(changed, before[index], before[index].value) == NET


def test_what_is_no_network_and_what_no_value_are_refused():
    with pytest.raises(TypeError, match="network must be a Network"):
        network_parameters({})
    with pytest.raises(ValueError, match="frequency must be positive"):
        with_parameter(NET, network_parameters(NET)[0], -1)
    with pytest.raises(ValueError, match="temperature must be positive or zero"):
        with_parameter(NET, network_parameters(NET)[7], -1)
