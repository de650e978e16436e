"""Sliders: currents that follow every parameter, in a panel that says why where they cannot."""

import sys

import pytest

import qnet_qutip as qn
from qnet_qutip import notebook


def pair(kind="two-level", **changed):
    values = {"omega_h": 10, "omega_c": 5, "epsilon": 0.01, "T_h": 12, "T_c": 10, "kappa": 1e-4} | changed
    return qn.two_node(kind, **values)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_panel_shows_the_network_and_every_equation(kind):
    html = notebook.panel_html(pair(kind))
    assert html.startswith("<svg")
    assert html.endswith(qn.compare(pair(kind))._repr_html_())
    state = qn.steady_state(qn.redfield_master_equation(pair(kind)))
    assert f"{state.heat_currents['hot']:.6g}" in html


def test_without_ipywidgets_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"sliders need ipywidgets: pip install 'qnet-qutip\[notebook\]'"):
        notebook.explore(pair())


@pytest.fixture
def widgets():
    return pytest.importorskip("ipywidgets")


def children(box):
    sliders, panel = box.children
    return {slider.description: slider for slider in sliders.children}, panel


def test_every_parameter_has_a_slider_and_the_panel_follows_it(widgets):
    net = pair()
    sliders, panel = children(notebook.explore(net))
    assert list(sliders) == ["ω of A", "ω of B", "ε of A – B", "T of hot", "κ of hot", "T of cold", "κ of cold"]
    assert panel.value == notebook.panel_html(net)
    sliders["ω of A"].value = 7.0
    changed = net.replace(nodes={"A": qn.TwoLevel(7)})
    assert panel.value == notebook.panel_html(changed)
    sliders["κ of hot"].value = 1e-3
    changed = changed.replace(baths={"hot": qn.Bath("A", 12, qn.PhononSpectrum(1e-3))})
    assert panel.value == notebook.panel_html(changed)


def test_where_there_is_no_steady_state_the_panel_says_why(widgets):
    sliders, panel = children(notebook.explore(pair("oscillator"), ["ε of A – B"]))
    assert list(sliders) == ["ε of A – B"]
    sliders["ε of A – B"].value = 10.0
    assert panel.value.startswith("<pre>ValueError: epsilon must be below sqrt(omega_h omega_c)")
    sliders["ε of A – B"].value = 0.1
    assert "<svg" in panel.value


def test_a_slider_reaches_what_its_number_may_be(widgets):
    sliders, _ = children(notebook.explore(pair(epsilon=-0.01)))
    assert sliders["ε of A – B"].min < 0 < sliders["ε of A – B"].max
    assert sliders["ω of A"].min > 0
    assert sliders["T of hot"].min == 0
    assert isinstance(sliders["κ of hot"], widgets.FloatLogSlider)
    assert sliders["ε of A – B"].value == -0.01


def test_values_that_a_slider_would_round_start_as_they_are(widgets):
    net = pair(omega_h=9.87654321, epsilon=0.0123456)
    sliders, panel = children(notebook.explore(net))
    assert panel.value == notebook.panel_html(net)
    sliders["T of hot"].value = 15.0
    assert panel.value == notebook.panel_html(net.replace(baths={"hot": qn.Bath("A", 15, qn.PhononSpectrum(1e-4))}))


def test_what_cannot_be_explored_is_refused(widgets):
    with pytest.raises(TypeError, match="network must be a Network"):
        notebook.explore("net")
    with pytest.raises(ValueError, match="a parameter must be one of 'ω of A'"):
        notebook.explore(pair(), ["omega"])
    with pytest.raises(ValueError, match="network must have at least one bath"):
        notebook.explore(qn.chain([qn.Oscillator(5)] * 3, 0.1))
