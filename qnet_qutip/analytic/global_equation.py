"""Closed forms of the global equation, by normal modes: eqs. (10)-(13) and the appendix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qnet_qutip.analytic.populations import (
    bias_of,
    difference_of_products,
    occupation_difference,
    rate_enhancement,
    relaxation_rate,
    thermal_occupation,
)
from qnet_qutip.analytic.two_nodes import (
    OSCILLATOR_DELTA,
    Array,
    Quantity,
    TwoNodeParameters,
    covariance,
    entropy_production,
    plain,
    two_node_parameters,
)
from qnet_qutip.network import Network
from qnet_qutip.rates import decay_rate


class NormalModes(NamedTuple):
    """Eq. (10): frequencies ω_± of the normal modes, and cos²θ, sin²θ, cosθ sinθ of d_+ = a cosθ + b sinθ."""

    omega_plus: Quantity
    omega_minus: Quantity
    cos2: Quantity
    sin2: Quantity
    cos_sin: Quantity


class GlobalMoments(NamedTuple):
    """Steady moments of the global equation: ⟨d_±†d_±⟩, ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, and ⟨Y⟩, which vanishes."""

    n_plus: Quantity
    n_minus: Quantity
    n_A: Quantity
    n_B: Quantity
    X: Quantity
    Y: Quantity


def normal_modes(network: Network | TwoNodeParameters) -> NormalModes:
    """Eq. (10): ω_± and the angle θ of the modes d_+ = a cosθ + b sinθ, d_- = b cosθ - a sinθ.

    ω_- is formed as (ω_hω_c - ε²)/ω_+ and the smaller one of cos²θ and sin²θ from ε², so that each is accurate where it
    is small. For ω_h < ω_c, d_+ is mostly b.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    NormalModes

    Raises
    ------
    TypeError, ValueError
        If the network is not of that form; if ε² ≥ ω_hω_c, where ω_- is not positive; if ε = 0 and ω_h = ω_c, where the
        modes are not defined.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> modes = normal_modes(two_node("oscillator", omega_h=9, omega_c=3, epsilon=4, T_h=12, T_c=10, kappa=1e-4))
    >>> [round(value, 12) for value in modes]
    [11.0, 1.0, 0.8, 0.2, 0.4]
    """
    modes = _normal_modes(two_node_parameters(network))
    return NormalModes(
        omega_plus=plain(modes.omega_plus),
        omega_minus=plain(modes.omega_minus),
        cos2=plain(modes.cos2),
        sin2=plain(modes.sin2),
        cos_sin=plain(modes.cos_sin),
    )


def global_mode_occupations(network: Network | TwoNodeParameters) -> tuple[Quantity, Quantity]:
    """Steady occupations (⟨d_+†d_+⟩, ⟨d_-†d_-⟩) of the global equation; each mode relaxes alone, to both baths.

    n = (g_hx_h + g_cx_c) / (g_h(1 + δx_h) + g_c(1 + δx_c)) at ω = ω_±, with x_l = e^(-ω/T_l) and g_l the rate γ_l(ω)
    times cos²θ or sin²θ. For two-level nodes d_± are Jordan-Wigner fermions.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    tuple of two floats or ndarrays

    Raises
    ------
    TypeError, ValueError
        As for `normal_modes`; also if the spectral densities vanish at ω_+ or ω_- so that a mode does not relax.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> [round(occupation, 6) for occupation in global_mode_occupations(net)]
    [0.74074, 1.634668]
    """
    p = two_node_parameters(network)
    plus, minus = _relaxing_modes(p)
    return plain(_mode_occupation(p, plus)), plain(_mode_occupation(p, minus))


def global_moments(network: Network | TwoNodeParameters) -> GlobalMoments:
    """Steady moments of the global equation: n_± and, rotated back, those of the nodes, with ⟨Y⟩ = 0.

    ⟨a†a⟩ = n_+ cos²θ + n_- sin²θ, ⟨b†b⟩ = n_+ sin²θ + n_- cos²θ, ⟨X⟩ = 2(n_+ - n_-) cosθ sinθ. n_+ - n_- is formed
    without subtracting n_- from n_+, which near resonance agree in almost all digits. If the baths' spectra differ,
    n_+ - n_- is there only as accurate as rounding of n_± allows.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two nodes of one kind, with a bath on each.

    Returns
    -------
    GlobalMoments

    Raises
    ------
    TypeError, ValueError
        As for `global_mode_occupations`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=5, omega_c=5, epsilon=1e-6, T_h=12, T_c=10, kappa=1e-7)
    >>> print(f"{global_moments(net).X:.12e}")
    -8.648852333040e-07
    """
    p = two_node_parameters(network)
    modes = _normal_modes(p)
    n_plus, n_minus = (_mode_occupation(p, mode) for mode in _relaxing_modes(p))
    n_A = modes.cos2 * n_plus + modes.sin2 * n_minus
    n_B = modes.sin2 * n_plus + modes.cos2 * n_minus
    X = 2 * modes.cos_sin * _mode_occupation_difference(p)
    return GlobalMoments(
        n_plus=plain(n_plus),
        n_minus=plain(n_minus),
        n_A=plain(n_A),
        n_B=plain(n_B),
        X=plain(X),
        Y=plain(np.zeros(p.shape)),
    )


def global_heat_current(network: Network | TwoNodeParameters) -> Quantity:
    """Heat current J_h from the first node's bath in the global equation's steady state; J_c = -J_h.

    J_h = Σ_± ω g_hg_c(x_h - x_c) / (g_h(1 + δx_h) + g_c(1 + δx_c)) in the notation of `global_mode_occupations`. For
    oscillators it is the corrected eq. (13); two-level nodes, which the paper leaves out, need only δ = +1. Each term
    has the sign of T_h - T_c: heat runs from hot to cold.

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
        As for `global_mode_occupations`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{global_heat_current(net):.6e}")
    8.449798e-07
    """
    p = two_node_parameters(network)
    current = np.zeros(p.shape)
    for mode in _relaxing_modes(p):
        exponent_difference = mode.frequency * (p.T_h - p.T_c) / (p.T_h * p.T_c)
        difference = occupation_difference(p.delta, mode.frequency / p.T_h, mode.frequency / p.T_c, exponent_difference)
        current = current + mode.frequency * mode.rate_h * mode.share_c * difference
    return plain(current)


def global_heat_current_eq13(network: Network | TwoNodeParameters) -> Quantity:
    """Eq. (13), corrected: J_h of the global equation for two oscillators, as the paper writes it.

    The first fraction's denominator is printed with e^(ω_+/T_c) where it must have e^(ω_-/T_c). Both fractions are
    divided through by their exponentials and multiplied by cos²θ sin²θ, so that they cannot overflow; the difference
    of exponentials is taken as it stands, so that `global_heat_current` is the more accurate where T_h is near T_c.

    Parameters
    ----------
    network : Network or TwoNodeParameters
        Two oscillators, with a bath on each.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError
        As for `normal_modes`; also if the nodes are two-level systems.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{global_heat_current_eq13(net):.6e}")
    8.449798e-07
    """
    p = two_node_parameters(network)
    if p.delta != OSCILLATOR_DELTA:
        raise ValueError("the nodes must be oscillators for eq. (13), but are two-level systems")
    modes = _normal_modes(p)
    current = np.zeros(p.shape)
    for omega, hot_weight, cold_weight in (
        (modes.omega_minus, modes.sin2, modes.cos2),
        (modes.omega_plus, modes.cos2, modes.sin2),
    ):
        gamma_h, gamma_c = decay_rate(p.spectrum_h, omega, p.T_h), decay_rate(p.spectrum_c, omega, p.T_c)
        x_h, x_c = np.exp(-omega / p.T_h), np.exp(-omega / p.T_c)
        numerator = (x_h - x_c) * gamma_c * gamma_h * omega * hot_weight * cold_weight
        current = current + numerator / ((1 - x_c) * gamma_c * cold_weight + (1 - x_h) * gamma_h * hot_weight)
    return plain(current)


def global_entropy_production(network: Network | TwoNodeParameters) -> Quantity:
    """Eq. (1) in the global equation's steady state, -J_h/T_h - J_c/T_c; never negative.

    Parameters, result and errors are those of `global_heat_current`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> print(f"{global_entropy_production(net):.6e}")
    1.408300e-08
    """
    p = two_node_parameters(network)
    return plain(entropy_production(p, global_heat_current(p)))


def global_covariance(network: Network | TwoNodeParameters) -> Array:
    """The appendix's covariance matrix of the global steady state; conventions of `local_covariance`.

    V[x_A, x_B] = V[p_A, p_B] = (n_+ - n_-) cosθ sinθ, and the correlations of a position with a momentum vanish.

    Parameters and result are those of `local_covariance`, errors those of `global_mode_occupations`.

    Examples
    --------
    >>> from qnet_qutip import two_node
    >>> net = two_node("oscillator", omega_h=10, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> covariance = global_covariance(net)
    >>> round(float(covariance[0, 2]), 6), float(covariance[1, 2])
    (-0.165998, 0.0)
    """
    p = two_node_parameters(network)
    moments = global_moments(p)
    return covariance(p, moments.n_A, moments.n_B, moments.X, moments.Y)


class _ModeArrays(NamedTuple):
    """The fields of `NormalModes` as arrays, and the splitting ω_+ - ω_-."""

    omega_plus: Array
    omega_minus: Array
    cos2: Array
    sin2: Array
    cos_sin: Array
    splitting: Array


def _normal_modes(p: TwoNodeParameters) -> _ModeArrays:
    omega_minus_times_plus = difference_of_products(p.omega_h, p.omega_c, p.epsilon, p.epsilon)
    too_strong = ~(omega_minus_times_plus > 0)
    if np.any(too_strong):
        omega_h, omega_c, epsilon = (values[too_strong].flat[0] for values in (p.omega_h, p.omega_c, p.epsilon))
        raise ValueError(
            "epsilon**2 must be below omega_h * omega_c for the global equation, because otherwise omega_minus would "
            f"not be positive, but epsilon = {epsilon:g} with omega_h = {omega_h:g} and omega_c = {omega_c:g}"
        )
    detuning = p.omega_h - p.omega_c
    splitting = np.hypot(detuning, 2 * p.epsilon)
    if not np.all(splitting > 0):
        raise ValueError(
            "epsilon must not be 0 where omega_h = omega_c, because the normal modes are not defined there, but is 0"
        )
    omega_plus = (p.omega_h + p.omega_c + splitting) / 2
    # cos²θ and sin²θ are ½ ± ½ detuning/splitting. Only the larger one can be formed so without cancellation.
    cos_sin = p.epsilon / splitting
    larger = 0.5 + 0.5 * np.abs(detuning) / splitting
    smaller = cos_sin**2 / larger
    return _ModeArrays(
        omega_plus=omega_plus,
        omega_minus=omega_minus_times_plus / omega_plus,
        cos2=np.where(detuning >= 0, larger, smaller),
        sin2=np.where(detuning >= 0, smaller, larger),
        cos_sin=cos_sin,
        splitting=splitting,
    )


class _RelaxingMode(NamedTuple):
    """A normal mode and the rates w_l γ_l(ω)(1 + δx_l) at which the baths relax it, w_l = cos²θ or sin²θ."""

    frequency: Array
    rate_h: Array
    rate_c: Array

    @property
    def share_h(self) -> Array:
        """The hot bath's share of the relaxation."""
        return self.rate_h / (self.rate_h + self.rate_c)

    @property
    def share_c(self) -> Array:
        """The cold bath's share of the relaxation."""
        return self.rate_c / (self.rate_h + self.rate_c)


def _relaxing_modes(p: TwoNodeParameters) -> tuple[_RelaxingMode, _RelaxingMode]:
    """The modes + and -, each of which must relax."""
    modes = _normal_modes(p)
    plus = _relaxing_mode(p, modes.omega_plus, modes.cos2, modes.sin2)
    minus = _relaxing_mode(p, modes.omega_minus, modes.sin2, modes.cos2)
    for name, mode in (("omega_plus", plus), ("omega_minus", minus)):
        if not np.all(mode.rate_h + mode.rate_c > 0):
            raise ValueError(
                f"the global equation must have one steady state, but the baths' spectral densities vanish at {name}"
            )
    return plus, minus


def _relaxing_mode(p: TwoNodeParameters, frequency: Array, weight_h: Array, weight_c: Array) -> _RelaxingMode:
    return _RelaxingMode(
        frequency,
        weight_h * relaxation_rate(p.delta, p.spectrum_h, frequency, p.T_h),
        weight_c * relaxation_rate(p.delta, p.spectrum_c, frequency, p.T_c),
    )


def _mode_occupation(p: TwoNodeParameters, mode: _RelaxingMode) -> Array:
    """n of one mode: thermal occupations at the two temperatures, weighted with the baths' shares."""
    thermal_h = thermal_occupation(p.delta, mode.frequency / p.T_h)
    thermal_c = thermal_occupation(p.delta, mode.frequency / p.T_c)
    return mode.share_h * thermal_h + mode.share_c * thermal_c


def _mode_occupation_difference(p: TwoNodeParameters) -> Array:
    """n_+ - n_-, accurate also where they agree in almost all digits, as they do near resonance for small ε.

    With the hot bath's share h_± of each mode's relaxation, n = hN_h + (1 - h)N_c, and therefore
    n_+ - n_- = h_-[N_h(ω_+) - N_h(ω_-)] + (1 - h_+)[N_c(ω_+) - N_c(ω_-)] + (h_+ - h_-)[N_h(ω_+) - N_c(ω_-)],
    each difference of which can be formed from a difference of exponents. Off resonance with ω_h > ω_c the last term
    is the large one; for ω_h < ω_c the same identity is used with the baths exchanged.
    """
    modes = _normal_modes(p)
    plus, minus = _relaxing_modes(p)
    hot_step = _step(p, p.delta, p.T_h)
    cold_step = _step(p, p.delta, p.T_c)
    share_difference = _hot_share_difference(p)
    # The coupling pushes the modes apart from the nodes' frequencies, each by ½(splitting - |detuning|).
    push = 2 * p.epsilon**2 / (modes.splitting + np.abs(p.omega_h - p.omega_c))
    bias, pushed = bias_of(p), push * (p.T_h + p.T_c) / (p.T_h * p.T_c)
    hot_above = occupation_difference(p.delta, plus.frequency / p.T_h, minus.frequency / p.T_c, bias - pushed)
    cold_above = occupation_difference(p.delta, plus.frequency / p.T_c, minus.frequency / p.T_h, -bias - pushed)
    return np.where(
        p.omega_h >= p.omega_c,
        minus.share_h * hot_step + plus.share_c * cold_step + share_difference * hot_above,
        minus.share_c * cold_step + plus.share_h * hot_step - share_difference * cold_above,
    )


def _step(p: TwoNodeParameters, delta: int, temperature: Array) -> Array:
    """N(ω_+) - N(ω_-) at one temperature, from the splitting."""
    modes = _normal_modes(p)
    return occupation_difference(
        delta, modes.omega_plus / temperature, modes.omega_minus / temperature, -modes.splitting / temperature
    )


def _hot_share_difference(p: TwoNodeParameters) -> Array:
    """h_+ - h_-: how much more of the mode +'s relaxation than of the mode -'s is by the hot bath.

    It is (cos⁴θ A - sin⁴θ B) over the modes' total rates, A = Γ_h(ω_+)Γ_c(ω_-), B = Γ_h(ω_-)Γ_c(ω_+), and written with
    A - B and cos⁴θ - sin⁴θ = cos²θ - sin²θ, both of which are small near resonance and can be formed accurately.
    """
    plus, minus = _relaxing_modes(p)
    modes = _normal_modes(p)
    density_A = p.spectrum_h.density(plus.frequency) * p.spectrum_c.density(minus.frequency)
    # Equal to density_A, to the last bit, where both baths have the same spectrum.
    density_B = p.spectrum_h.density(minus.frequency) * p.spectrum_c.density(plus.frequency)
    enhancement_A, enhancement_B, enhancement_difference = _enhancements(p)
    A, B = density_A * enhancement_A, density_B * enhancement_B
    difference = density_A * enhancement_difference + (density_A - density_B) * enhancement_B
    cos2_minus_sin2 = (p.omega_h - p.omega_c) / modes.splitting
    numerator = 0.5 * (modes.cos2**2 + modes.sin2**2) * difference + 0.5 * cos2_minus_sin2 * (A + B)
    return numerator / ((plus.rate_h + plus.rate_c) * (minus.rate_h + minus.rate_c))


def _enhancements(p: TwoNodeParameters) -> tuple[Array, Array, Array]:
    """A and B of `_hot_share_difference` over their spectral densities, and the difference of these ratios."""
    modes = _normal_modes(p)
    hot_plus, hot_minus, cold_plus, cold_minus = (
        rate_enhancement(p.delta, frequency / temperature)
        for temperature in (p.T_h, p.T_c)
        for frequency in (modes.omega_plus, modes.omega_minus)
    )
    if p.delta == OSCILLATOR_DELTA:
        hot_step = cold_step = np.zeros(p.shape)
    else:
        # coth(r/2) = 1 + 2/(e^r - 1): its differences are twice those of an oscillator's thermal occupation. Below they
        # multiply coth at ω_+, which unlike that at ω_- does not diverge for a soft mode.
        hot_step = 2 * _step(p, OSCILLATOR_DELTA, p.T_h)
        cold_step = 2 * _step(p, OSCILLATOR_DELTA, p.T_c)
    return hot_plus * cold_minus, hot_minus * cold_plus, hot_step * cold_plus - hot_plus * cold_step
