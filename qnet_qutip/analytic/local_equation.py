"""Closed forms of the local equation: eqs. (6)-(9) and the appendix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qnet_qutip.analytic.populations import (
    node_occupation_difference,
    node_rates,
    thermal_occupation,
)
from qnet_qutip.analytic.two_nodes import (
    Array,
    Quantity,
    TwoNodeParameters,
    covariance,
    entropy_production,
    plain,
    two_node_parameters,
)
from qnet_qutip.network import Network
from qnet_qutip.rates import excitation_rate


class LocalMoments(NamedTuple):
    """Steady moments of the local equation: ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩."""

    n_A: Quantity
    n_B: Quantity
    X: Quantity
    Y: Quantity


def local_moment_equations(network: Network | TwoNodeParameters) -> tuple[Array, Array]:
    """Eq. (8), the local equation's closed set of moments: d/dt v = M v + s with v = (⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩).

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    matrix : ndarray, shape (..., 4, 4)
        M.
    source : ndarray, shape (..., 4)
        s.

    Raises
    ------
    TypeError, ValueError
        If the network is not of that form.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> matrix, source = local_moment_equations(net)
    >>> bool(np.allclose(matrix @ local_moments(net) + source, 0))
    True
    """
    p = two_node_parameters(network)
    decay_h, decay_c = node_rates(p)
    coherence_decay = (decay_h + decay_c) / 2
    detuning = p.omega_h - p.omega_c
    matrix = np.zeros((*p.shape, 4, 4))
    matrix[..., 0, 0] = -decay_h
    matrix[..., 0, 3] = -p.epsilon
    matrix[..., 1, 1] = -decay_c
    matrix[..., 1, 3] = p.epsilon
    matrix[..., 2, 2] = -coherence_decay
    matrix[..., 2, 3] = detuning
    matrix[..., 3, 0] = 2 * p.epsilon
    matrix[..., 3, 1] = -2 * p.epsilon
    matrix[..., 3, 2] = -detuning
    matrix[..., 3, 3] = -coherence_decay
    source = np.zeros((*p.shape, 4))
    source[..., 0] = excitation_rate(p.spectrum_h, p.omega_h, p.T_h)
    source[..., 1] = excitation_rate(p.spectrum_c, p.omega_c, p.T_c)
    return matrix, source


def local_moments(network: Network | TwoNodeParameters) -> LocalMoments:
    """Steady state of eq. (8).

    Eliminating X and then Y leaves two populations that exchange excitations at the hopping rate k of
    `_LocalRates`: ⟨a†a⟩ and ⟨b†b⟩ are averages of the thermal populations with positive weights, and
    ε⟨Y⟩ = kΓ_hΓ_c(N_h - N_c) / (Γ_hΓ_c + k(Γ_h + Γ_c)), ⟨X⟩ = (ω_h - ω_c)⟨Y⟩ / ½(Γ_h + Γ_c). No term cancels another.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    LocalMoments

    Raises
    ------
    TypeError, ValueError
        If the network is not of that form, or spectral densities vanish so that there is no unique steady state.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> moments = local_moments(two_node("oscillator", omega_h=5, omega_c=5, epsilon=1, T_h=12, T_c=12, kappa=1e-4))
    >>> round(moments.n_A, 6), moments.X, moments.Y
    (1.934622, 0.0, 0.0)
    """
    p = two_node_parameters(network)
    rates = _local_rates(p)
    thermal_h = thermal_occupation(p.delta, p.omega_h / p.T_h)
    thermal_c = thermal_occupation(p.delta, p.omega_c / p.T_c)
    both = rates.decay_h * rates.decay_c
    weight_h, weight_c = rates.hopping * rates.decay_h, rates.hopping * rates.decay_c
    n_A = ((both + weight_h) * thermal_h + weight_c * thermal_c) / rates.determinant
    n_B = ((both + weight_c) * thermal_c + weight_h * thermal_h) / rates.determinant
    response = 2 * p.epsilon * both / (rates.resonance_width * rates.determinant) * node_occupation_difference(p)
    X, Y = response * rates.detuning, response * rates.coherence_decay
    return LocalMoments(plain(n_A), plain(n_B), plain(X), plain(Y))


def local_heat_current(network: Network | TwoNodeParameters) -> Quantity:
    """Eq. (9): heat current J_h from the first node's bath in the local equation's steady state; J_c = -J_h.

    Its sign is that of ω_c/T_c - ω_h/T_h. It is the appendix's long fraction (which `local_current_factor` describes)
    written as (N_h - N_c) times the conductance kΓ_hΓ_c / (Γ_hΓ_c + k(Γ_h + Γ_c)) · (ω_hΓ_c + ω_cΓ_h) / (Γ_h + Γ_c),
    with N_l the thermal populations and k the hopping rate of `_LocalRates`; this form has only positive terms and
    cannot overflow.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError
        As for `local_moments`.

    Examples
    --------
    Heat runs from cold to hot at figure 3, where ω_c/T_c < ω_h/T_h:

    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{local_heat_current(net):.6e}")
    -1.931778e-06
    """
    p = two_node_parameters(network)
    return plain(_local_conductance(p) * node_occupation_difference(p))


def local_current_factor(network: Network | TwoNodeParameters) -> Quantity:
    """The positive factor F of eq. (9), J_h = (e^(ω_c/T_c) - e^(ω_h/T_h)) F, given in the appendix.

    Since N_h - N_c = (e^(ω_c/T_c) - e^(ω_h/T_h)) N_h N_c, F is the conductance of `local_heat_current` times N_h N_c.
    It is always finite, but falls like e^(-ω_h/T_h - ω_c/T_c) and underflows to 0 where that exponent is below about
    -745; the current itself does not.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError
        As for `local_moments`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{(np.exp(5 / 10) - np.exp(10 / 12)) * local_current_factor(net):.6e}")
    -1.931778e-06
    """
    p = two_node_parameters(network)
    thermal_h = thermal_occupation(p.delta, p.omega_h / p.T_h)
    thermal_c = thermal_occupation(p.delta, p.omega_c / p.T_c)
    return plain(_local_conductance(p) * thermal_h * thermal_c)


def local_entropy_production(network: Network | TwoNodeParameters) -> Quantity:
    """Eq. (1) in the local equation's steady state, -J_h/T_h - J_c/T_c; negative where heat runs from cold to hot.

    Parameters, result and errors are those of `local_heat_current`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{local_entropy_production(net):.6e}")
    -3.219630e-08
    """
    p = two_node_parameters(network)
    return plain(entropy_production(p, local_heat_current(p)))


def local_covariance(network: Network | TwoNodeParameters) -> Array:
    """The appendix's covariance matrix of the local steady state, in the order (x_A, p_A, x_B, p_B), vacuum 1/2.

    With x = (a + a†)/√2 and p = i(a† - a)/√2, the means vanish and V[i, j] = ½⟨ξ_i ξ_j + ξ_j ξ_i⟩ has the diagonal
    ⟨a†a⟩ + ½, ⟨b†b⟩ + ½ for oscillators and ½ for two-level nodes, for which x² = p² = ½; and for both
    V[x_A, x_B] = V[p_A, p_B] = ½⟨X⟩, V[x_A, p_B] = -½⟨Y⟩, V[p_A, x_B] = ½⟨Y⟩.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    ndarray, shape (..., 4, 4)

    Raises
    ------
    TypeError, ValueError
        As for `local_moments`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> local_covariance(two_node("two-level", omega_h=5, omega_c=5, epsilon=1, T_h=9, T_c=9, kappa=1e-4)).diagonal()
    array([0.5, 0.5, 0.5, 0.5])
    """
    p = two_node_parameters(network)
    return covariance(p, *local_moments(p))


class _LocalRates(NamedTuple):
    """Rates from which the local steady state is made.

    G = ½(Γ_h + Γ_c) is the decay rate of ⟨X⟩ and ⟨Y⟩, Δ = ω_h - ω_c the detuning, k = 2ε²G/(G² + Δ²) the rate of
    hopping between the populations after X and Y are eliminated; `resonance_width` is G² + Δ² and `determinant` is
    Γ_hΓ_c + k(Γ_h + Γ_c).
    """

    decay_h: Array
    decay_c: Array
    coherence_decay: Array
    detuning: Array
    resonance_width: Array
    hopping: Array
    determinant: Array


def _local_rates(p: TwoNodeParameters) -> _LocalRates:
    decay_h, decay_c = node_rates(p)
    coherence_decay = (decay_h + decay_c) / 2
    detuning = p.omega_h - p.omega_c
    resonance_width = coherence_decay**2 + detuning**2
    # 0/0 without any bath on resonance: the determinant is then not a number and refused below.
    with np.errstate(invalid="ignore"):
        hopping = 2 * p.epsilon**2 * coherence_decay / resonance_width
        determinant = decay_h * decay_c + hopping * (decay_h + decay_c)
    if not np.all(determinant > 0):
        raise ValueError(
            "the local equation must have one steady state, but the baths' spectral densities vanish at the "
            "frequencies of both nodes, or of one that is not coupled to the other"
        )
    return _LocalRates(decay_h, decay_c, coherence_decay, detuning, resonance_width, hopping, determinant)


def _local_conductance(p: TwoNodeParameters) -> Array:
    """J_h/(N_h - N_c): rate of excitations between the nodes, times the energy that each brings."""
    rates = _local_rates(p)
    excitations = rates.hopping * rates.decay_h * rates.decay_c / rates.determinant
    energy = (p.omega_h * rates.decay_c + p.omega_c * rates.decay_h) / (rates.decay_h + rates.decay_c)
    return excitations * energy
