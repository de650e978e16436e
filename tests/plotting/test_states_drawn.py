"""Populations, covariance matrix and Wigner function of a steady state, and the numbers behind them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from artists import draws_into_the_axes_given, lines, makes_a_new_figure, texts
from matplotlib.collections import QuadMesh

import qnet_qutip as qn
from qnet_qutip import plotting
from qnet_qutip.reduced import node_populations, reduced_state, wigner_function

PHONONS = qn.PhononSpectrum(1e-3)


def squeezed(**cut):
    """Two oscillators whose counter-rotating coupling squeezes them; cold, so that few levels do."""
    net = qn.chain(
        [qn.Oscillator(2), qn.Oscillator(1.5)],
        qn.Quadrature(0.6),
        hot=qn.Bath("A", 0.5, PHONONS),
        cold=qn.Bath("B", 0.3, PHONONS),
    )
    return qn.steady_state(qn.global_master_equation(net, rtol=1e-6, **cut))


@pytest.fixture(scope="module")
def of_modes():
    return squeezed()


@pytest.fixture(scope="module")
def of_nodes():
    return squeezed(levels=14, basis="nodes")


@pytest.fixture(scope="module")
def local():
    net = qn.two_node("oscillator", omega_h=2, omega_c=1.5, epsilon=0.3, T_h=0.5, T_c=0.3, kappa=1e-3)
    return qn.steady_state(qn.local_master_equation(net, levels={"A": 10, "B": 12}, rtol=1e-3))


def test_gaussian_formulas_of_a_space_of_modes_are_what_tracing_out_gives(of_modes, of_nodes):
    # The edge of the space of nodes holds 1e-7 and less.
    assert of_nodes.top_shell_population < 1e-7
    x, p = np.linspace(-2, 2, 5), np.linspace(-1, 1, 3)
    for node in "AB":
        assert np.ptp(np.diag(of_modes.covariance)[:2]) > 0.1
        populations, traced = node_populations(of_modes, node), node_populations(of_nodes, node)
        shared = min(len(populations), len(traced))
        np.testing.assert_allclose(populations[:shared], traced[:shared], atol=1e-6)
        assert populations.sum() == pytest.approx(1, abs=1e-6)
        wigner = wigner_function(of_modes, node, x, p)
        assert wigner.shape == (3, 5)
        np.testing.assert_allclose(wigner, wigner_function(of_nodes, node, x, p), atol=1e-6)


def test_populations_give_the_occupation_and_the_vacuum_its_wigner_function(local):
    for node, occupation in local.occupations.items():
        populations = node_populations(local, node)
        assert populations @ np.arange(len(populations)) == pytest.approx(occupation, abs=1e-12)
        assert populations.sum() == pytest.approx(1, abs=1e-12)
    net = qn.two_node("oscillator", omega_h=2, omega_c=1.5, epsilon=0.1, T_h=0.02, T_c=0.02, kappa=1e-3)
    vacuum = qn.steady_state(qn.local_master_equation(net, levels=4))
    assert wigner_function(vacuum, "A", 0.5, 1.0)[0, 0] == pytest.approx(np.exp(-1.25) / np.pi)


def test_wigner_function_has_the_variances_of_the_covariance_matrix(of_modes):
    axis = np.linspace(-6, 6, 121)
    step = axis[1] - axis[0]
    wigner = wigner_function(of_modes, "B", axis, axis) * step**2
    assert wigner.sum() == pytest.approx(1, abs=1e-8)
    assert (wigner @ axis**2).sum() == pytest.approx(of_modes.covariance[2, 2], abs=1e-6)
    assert (axis**2 @ wigner).sum() == pytest.approx(of_modes.covariance[3, 3], abs=1e-6)


def test_states_cut_at_total_excitations_are_traced_out_too():
    net = qn.two_node("oscillator", omega_h=2, omega_c=1.5, epsilon=0.3, T_h=0.5, T_c=0.3, kappa=1e-3)
    state = qn.steady_state(qn.local_master_equation(net, max_excitations=9, rtol=1e-1))
    reduced = reduced_state(state, "B")
    assert np.trace(reduced) == pytest.approx(1, abs=1e-12)
    assert np.diag(reduced).real @ np.arange(len(reduced)) == pytest.approx(state.occupations["B"], abs=1e-12)


def test_populations_are_drawn_as_they_are(local, ax):
    draws_into_the_axes_given(lambda **at: plotting.plot_populations(local, **at), ax)
    drawn = lines(ax)
    assert list(drawn) == ["A", "B"]
    for name, line in drawn.items():
        np.testing.assert_array_equal(line.get_ydata(), node_populations(local, name))
    assert len({line.get_marker() for line in drawn.values()}) == 2
    assert ax.get_yscale() == "log"


def test_populations_of_two_level_nodes_are_on_a_linear_axis(ax):
    net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    plotting.plot_populations(qn.steady_state(qn.local_master_equation(net)), ["B"], ax)
    assert list(lines(ax)) == ["B"]
    assert ax.get_yscale() == "linear"


def test_covariance_is_drawn_and_written_as_it_is(local, ax):
    draws_into_the_axes_given(lambda **at: plotting.plot_covariance(local, **at), ax)
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), local.covariance)
    written = np.array(
        [float(eval(text[1:-1].replace(r"\times 10^{", "*10**(").replace("}", ")"))) for text in texts(ax)]
    )
    np.testing.assert_allclose(written, local.covariance.ravel(), rtol=5e-3, atol=1e-12)
    assert [label.get_text() for label in ax.get_yticklabels()][2] == r"$x_\mathrm{B}$"


def test_wigner_function_is_drawn_as_it_is(of_modes, ax):
    draws_into_the_axes_given(lambda **at: plotting.plot_wigner(of_modes, "A", **at), ax)
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    x = mesh.get_coordinates()[0, :, 0]
    axis = (x[1:] + x[:-1]) / 2
    np.testing.assert_allclose(mesh.get_array().reshape(len(axis), -1), wigner_function(of_modes, "A", axis, axis))
    assert mesh.norm.vmin == -mesh.norm.vmax
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("$x$", "$p$", "A")


def test_new_figures_are_made_without_axes(local):
    for draw in (plotting.plot_populations, plotting.plot_covariance, lambda state: plotting.plot_wigner(state, "A")):
        makes_a_new_figure(lambda draw=draw: draw(local))
        plt.close("all")


def test_what_has_no_picture_is_refused(local, of_modes, ax):
    with pytest.raises(ValueError, match="node must be one of 'A', 'B'"):
        plotting.plot_wigner(local, "C", ax)
    with pytest.raises(ValueError, match="node must be one of 'A', 'B'"):
        plotting.plot_populations(local, ["A", "C"], ax)
    net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    with pytest.raises(ValueError, match="node must be an oscillator to have a Wigner function"):
        plotting.plot_wigner(qn.steady_state(qn.local_master_equation(net)), "A", ax)
    with pytest.raises(ValueError, match="must be in a space of the nodes"):
        reduced_state(of_modes, "A")
