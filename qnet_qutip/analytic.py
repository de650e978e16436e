"""The paper's closed forms for two nodes, eqs. (8)-(10), (13) and the appendix, over NumPy arrays of parameters.

Conventions: ħ = k_B = 1, heat *into* the network is positive, and "hot" means the bath on the first node, whatever its
temperature. Both nodes are of one kind, δ = -1 (oscillators) or δ = +1 (two-level systems). X = a†b + ab† and
Y = i(a†b - ab†). Every function takes a `Network` of two nodes or the `TwoNodeParameters` that `parameters` makes from
arrays; results have the broadcast shape of the parameters, and are plain floats where that shape is ().

Nothing here touches a density matrix, so that agreement with one is evidence. Differences of populations, of which
every current is made, are formed from the difference of the exponents and not from the populations, so that currents
keep their digits where they are small: at weak coupling, near ω_h/T_h = ω_c/T_c and at large ω/T. An exponent that is
itself a difference of products, ω_h T_c - ω_c T_h, is formed in twice the working precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import checks
from qnet_qutip.network import NODE_KINDS, Network, Oscillator, Swap, coupling_terms
from qnet_qutip.rates import decay_rate, excitation_rate
from qnet_qutip.spectra import CallableSpectrum, PhononSpectrum, SpectralDensity, checked_density

Array = NDArray[np.float64]
Quantity = float | Array

OSCILLATOR_DELTA, TWO_LEVEL_DELTA = -1, 1


@dataclass(frozen=True, eq=False)
class TwoNodeParameters:
    """Parameters of two coupled nodes with a bath each, as arrays; `parameters` makes the paper's choice of them.

    Parameters
    ----------
    delta : {-1, 1}
        δ of eq. (3): -1 for two oscillators, +1 for two two-level systems.
    omega_h, omega_c : array_like
        Frequencies > 0 of the first and the second node.
    epsilon : array_like
        ε, the strength of the swap coupling.
    T_h, T_c : array_like
        Temperatures > 0 of the baths on the first and the second node.
    spectrum_h, spectrum_c : SpectralDensity
        Spectral densities of these baths.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers.
    ValueError
        If a number is not finite, or not positive where it must be, or if the shapes do not broadcast.
    """

    delta: int
    omega_h: Array
    omega_c: Array
    epsilon: Array
    T_h: Array
    T_c: Array
    spectrum_h: SpectralDensity
    spectrum_c: SpectralDensity

    def __post_init__(self) -> None:
        checks.one_of("delta", self.delta, (OSCILLATOR_DELTA, TWO_LEVEL_DELTA))
        arrays = {name: _positive_array(name, getattr(self, name)) for name in ("omega_h", "omega_c", "T_h", "T_c")}
        arrays["epsilon"] = _finite_array("epsilon", self.epsilon)
        for name, array in _broadcast(arrays).items():
            object.__setattr__(self, name, array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The common shape of the arrays."""
        return self.omega_h.shape


def parameters(
    kind: str,
    *,
    omega_h: ArrayLike,
    omega_c: ArrayLike,
    epsilon: ArrayLike,
    T_h: ArrayLike,
    T_c: ArrayLike,
    kappa: ArrayLike,
) -> TwoNodeParameters:
    """The paper's network as in `two_node`, with arrays for any of its numbers.

    Parameters
    ----------
    kind : {"oscillator", "two-level"}
        What both nodes are.
    omega_h, omega_c, epsilon, T_h, T_c, kappa : array_like
        As in `two_node`; broadcast against each other.

    Returns
    -------
    TwoNodeParameters

    Raises
    ------
    TypeError, ValueError
        As for `TwoNodeParameters`; also if `kind` is unknown or κ is not positive and finite.

    Examples
    --------
    >>> p = parameters("oscillator", omega_h=[4.0, 6.0, 10.0], omega_c=5, epsilon=1e-3, T_h=12, T_c=10, kappa=1e-7)
    >>> np.sign(local_heat_current(p))
    array([ 1.,  0., -1.])
    """
    checks.one_of("kind", kind, NODE_KINDS)
    arrays = {
        "omega_h": _positive_array("omega_h", omega_h),
        "omega_c": _positive_array("omega_c", omega_c),
        "epsilon": _finite_array("epsilon", epsilon),
        "T_h": _positive_array("T_h", T_h),
        "T_c": _positive_array("T_c", T_c),
    }
    kappa_array = _positive_array("kappa", kappa)
    spectrum: SpectralDensity
    if kappa_array.ndim == 0:
        spectrum = PhononSpectrum(float(kappa_array))
    else:
        arrays = _broadcast({**arrays, "kappa": kappa_array})
        spectrum = CallableSpectrum(partial(_phonon_density, kappa=arrays.pop("kappa")))
    delta = OSCILLATOR_DELTA if kind == "oscillator" else TWO_LEVEL_DELTA
    return TwoNodeParameters(delta=delta, **arrays, spectrum_h=spectrum, spectrum_c=spectrum)


class LocalMoments(NamedTuple):
    """Steady moments of the local equation: ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩."""

    n_A: Quantity
    n_B: Quantity
    X: Quantity
    Y: Quantity


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


# ---------------------------------------------------------------- the local equation, eqs. (6)-(9)


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
    p = _two_node_parameters(network)
    decay_h, decay_c = _node_rates(p)
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
    p = _two_node_parameters(network)
    rates = _local_rates(p)
    thermal_h = _thermal_occupation(p.delta, p.omega_h / p.T_h)
    thermal_c = _thermal_occupation(p.delta, p.omega_c / p.T_c)
    both = rates.decay_h * rates.decay_c
    weight_h, weight_c = rates.hopping * rates.decay_h, rates.hopping * rates.decay_c
    n_A = ((both + weight_h) * thermal_h + weight_c * thermal_c) / rates.determinant
    n_B = ((both + weight_c) * thermal_c + weight_h * thermal_h) / rates.determinant
    response = 2 * p.epsilon * both / (rates.resonance_width * rates.determinant) * _node_occupation_difference(p)
    X, Y = response * rates.detuning, response * rates.coherence_decay
    return LocalMoments(_plain(n_A), _plain(n_B), _plain(X), _plain(Y))


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
    p = _two_node_parameters(network)
    return _plain(_local_conductance(p) * _node_occupation_difference(p))


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
    p = _two_node_parameters(network)
    thermal_h = _thermal_occupation(p.delta, p.omega_h / p.T_h)
    thermal_c = _thermal_occupation(p.delta, p.omega_c / p.T_c)
    return _plain(_local_conductance(p) * thermal_h * thermal_c)


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
    p = _two_node_parameters(network)
    return _plain(_entropy_production(p, local_heat_current(p)))


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
    p = _two_node_parameters(network)
    return _covariance(p, *local_moments(p))


# ---------------------------------------------------------------- the global equation, eqs. (10)-(13)


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
    modes = _normal_modes(_two_node_parameters(network))
    return NormalModes(
        omega_plus=_plain(modes.omega_plus),
        omega_minus=_plain(modes.omega_minus),
        cos2=_plain(modes.cos2),
        sin2=_plain(modes.sin2),
        cos_sin=_plain(modes.cos_sin),
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
    p = _two_node_parameters(network)
    plus, minus = _relaxing_modes(p)
    return _plain(_mode_occupation(p, plus)), _plain(_mode_occupation(p, minus))


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
    p = _two_node_parameters(network)
    modes = _normal_modes(p)
    n_plus, n_minus = (_mode_occupation(p, mode) for mode in _relaxing_modes(p))
    n_A = modes.cos2 * n_plus + modes.sin2 * n_minus
    n_B = modes.sin2 * n_plus + modes.cos2 * n_minus
    X = 2 * modes.cos_sin * _mode_occupation_difference(p)
    return GlobalMoments(
        n_plus=_plain(n_plus),
        n_minus=_plain(n_minus),
        n_A=_plain(n_A),
        n_B=_plain(n_B),
        X=_plain(X),
        Y=_plain(np.zeros(p.shape)),
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
    p = _two_node_parameters(network)
    current = np.zeros(p.shape)
    for mode in _relaxing_modes(p):
        exponent_difference = mode.frequency * (p.T_h - p.T_c) / (p.T_h * p.T_c)
        occupation_difference = _occupation_difference(
            p.delta, mode.frequency / p.T_h, mode.frequency / p.T_c, exponent_difference
        )
        current = current + mode.frequency * mode.rate_h * mode.share_c * occupation_difference
    return _plain(current)


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
    p = _two_node_parameters(network)
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
    return _plain(current)


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
    p = _two_node_parameters(network)
    return _plain(_entropy_production(p, global_heat_current(p)))


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
    p = _two_node_parameters(network)
    moments = global_moments(p)
    return _covariance(p, moments.n_A, moments.n_B, moments.X, moments.Y)


# ---------------------------------------------------------------- arguments and results


def _two_node_parameters(network: Network | TwoNodeParameters) -> TwoNodeParameters:
    """The parameters of a network of the paper's form, or an error that says what that form is."""
    if isinstance(network, TwoNodeParameters):
        return network
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network or TwoNodeParameters, but is {network!r}")
    names = list(network.nodes)
    if len(names) != 2:
        raise ValueError(f"network must have exactly two nodes for the closed forms, but has {len(names)}: {names}")
    first, second = network.nodes.values()
    if type(first) is not type(second):
        raise ValueError(
            f"network must have two nodes of the same kind for the closed forms, but has {first!r} and {second!r}"
        )
    terms = [term for _, _, term in coupling_terms(network) if term.strength != 0]
    if not all(isinstance(term, Swap) for term in terms):
        raise ValueError(f"network must have no coupling but a swap for the closed forms, but has {terms}")
    if any(getattr(node, "anharmonicity", 0.0) for node in (first, second)):
        raise ValueError(f"network must be harmonic for the closed forms, but has {first!r} and {second!r}")
    bath_nodes = [bath.node for bath in network.baths.values()]
    if sorted(bath_nodes) != sorted(names):
        raise ValueError(
            f"network must have exactly two baths, one on each node, for the closed forms, but has "
            f"{len(bath_nodes)} baths, on nodes {bath_nodes}"
        )
    bath_of = {bath.node: bath for bath in network.baths.values()}
    hot, cold = bath_of[names[0]], bath_of[names[1]]
    return TwoNodeParameters(
        delta=OSCILLATOR_DELTA if isinstance(first, Oscillator) else TWO_LEVEL_DELTA,
        omega_h=np.asarray(first.frequency),
        omega_c=np.asarray(second.frequency),
        epsilon=np.asarray(sum((term.strength for term in terms), 0.0)),
        T_h=np.asarray(hot.temperature),
        T_c=np.asarray(cold.temperature),
        spectrum_h=hot.spectrum,
        spectrum_c=cold.spectrum,
    )


def _finite_array(name: str, values: ArrayLike) -> Array:
    """Return a copy of `values` as an array of floats, or raise if they are not finite real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of real numbers, but is {values!r}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, but has the value {array[~np.isfinite(array)].flat[0]}")
    return np.array(array, dtype=np.float64)


def _positive_array(name: str, values: ArrayLike) -> Array:
    """Return a copy of `values` as an array of floats, or raise if they are not finite numbers above zero."""
    array = _finite_array(name, values)
    if not np.all(array > 0):
        raise ValueError(f"{name} must be positive, but has the value {array[array <= 0].flat[0]:g}")
    return array


def _broadcast(arrays: dict[str, Array]) -> dict[str, Array]:
    """The arrays broadcast to their common shape, read-only."""
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        raise ValueError(f"the parameters must broadcast against each other, but have the shapes {shapes}") from error
    return {name: np.broadcast_to(array, shape) for name, array in arrays.items()}


def _phonon_density(frequency: Array, kappa: Array) -> Array:
    """Eq. (15) for an array of κ. A function of the module, so that a spectrum made from it can be pickled."""
    return kappa * frequency**3


def _plain(value: Quantity) -> Quantity:
    """A float for one set of parameters, an array for arrays."""
    return float(value) if np.ndim(value) == 0 else value


def _entropy_production(p: TwoNodeParameters, heat_current: Quantity) -> Quantity:
    """-J_h/T_h - J_c/T_c for J_c = -J_h, accurate where T_h is near T_c."""
    return heat_current * (p.T_h - p.T_c) / (p.T_h * p.T_c)


def _covariance(p: TwoNodeParameters, n_A: Quantity, n_B: Quantity, X: Quantity, Y: Quantity) -> Array:
    """Covariance matrix from the moments; a a† + δ a†a = 1 makes the variances ½ + ½(1 - δ)⟨a†a⟩."""
    covariance = np.zeros((*p.shape, 4, 4))
    for node, occupation in ((0, n_A), (1, n_B)):
        variance = 0.5 + 0.5 * (1 - p.delta) * np.asarray(occupation)
        covariance[..., 2 * node, 2 * node] = variance
        covariance[..., 2 * node + 1, 2 * node + 1] = variance
    for row, column, value in ((0, 2, X), (1, 3, X), (1, 2, Y), (0, 3, -Y)):
        covariance[..., row, column] = covariance[..., column, row] = np.asarray(value) / 2
    return covariance


# ---------------------------------------------------------------- thermal populations and rates


def _statistics(delta: int, ratio: Array) -> Array:
    """1 + δe^(-Ω/T), accurate for small Ω/T, at `ratio` = Ω/T."""
    return -np.expm1(-ratio) if delta == OSCILLATOR_DELTA else 1 + np.exp(-ratio)


def _thermal_occupation(delta: int, ratio: Array) -> Array:
    """N = 1/(e^(Ω/T) + δ) at `ratio` = Ω/T, in a form that does not overflow."""
    return np.exp(-ratio) / _statistics(delta, ratio)


def _occupation_difference(delta: int, ratio_1: Array, ratio_2: Array, ratio_2_minus_1: Array) -> Array:
    """N(ratio_1) - N(ratio_2), as accurate as the difference of the ratios that it is given."""
    larger = np.exp(-np.minimum(ratio_1, ratio_2))
    difference = larger * np.copysign(-np.expm1(-np.abs(ratio_2_minus_1)), ratio_2_minus_1)
    return difference / (_statistics(delta, ratio_1) * _statistics(delta, ratio_2))


def _bias(p: TwoNodeParameters) -> Array:
    """ω_c/T_c - ω_h/T_h, accurate also near its change of sign."""
    return _difference_of_products(p.omega_c, p.T_h, p.omega_h, p.T_c) / (p.T_h * p.T_c)


def _node_occupation_difference(p: TwoNodeParameters) -> Array:
    """N_h(ω_h) - N_c(ω_c)."""
    return _occupation_difference(p.delta, p.omega_h / p.T_h, p.omega_c / p.T_c, _bias(p))


def _rate_enhancement(delta: int, ratio: Array) -> Array:
    """(1 + δx)/(1 - x) at x = e^(-`ratio`): relaxation rate by spectral density, 1 or coth(Ω/2T)."""
    return np.ones_like(ratio) if delta == OSCILLATOR_DELTA else 1 / np.tanh(ratio / 2)


def _relaxation_rate(delta: int, spectrum: SpectralDensity, frequency: Array, temperature: Array) -> Array:
    """Γ = γ(Ω)(1 + δe^(-Ω/T)), the rate at which a bath relaxes the population of a mode or node to N."""
    return checked_density(spectrum.density, frequency) * _rate_enhancement(delta, frequency / temperature)


def _node_rates(p: TwoNodeParameters) -> tuple[Array, Array]:
    """Γ_h and Γ_c of eq. (8), at the nodes' own frequencies."""
    return (
        _relaxation_rate(p.delta, p.spectrum_h, p.omega_h, p.T_h),
        _relaxation_rate(p.delta, p.spectrum_c, p.omega_c, p.T_c),
    )


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """ab - fl(ab), exactly (Dekker's algorithm, with Veltkamp's splitting of each factor into two halves)."""
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: Array) -> tuple[Array, Array]:
    """a = high + low with at most 26 significant bits in each."""
    scaled = (2.0**27 + 1) * a
    high = scaled - (scaled - a)
    return high, a - high


def _difference_of_products(a: Array, b: Array, c: Array, d: Array) -> Array:
    """ab - cd to a few units in the last place, however much cancels."""
    ab, cd = a * b, c * d
    return (ab - cd) + (_product_error(a, b, ab) - _product_error(c, d, cd))


# ---------------------------------------------------------------- parts of the local closed form


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
    decay_h, decay_c = _node_rates(p)
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


# ---------------------------------------------------------------- parts of the global closed form


class _ModeArrays(NamedTuple):
    """The fields of `NormalModes` as arrays, and the splitting ω_+ - ω_-."""

    omega_plus: Array
    omega_minus: Array
    cos2: Array
    sin2: Array
    cos_sin: Array
    splitting: Array


def _normal_modes(p: TwoNodeParameters) -> _ModeArrays:
    omega_minus_times_plus = _difference_of_products(p.omega_h, p.omega_c, p.epsilon, p.epsilon)
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
        weight_h * _relaxation_rate(p.delta, p.spectrum_h, frequency, p.T_h),
        weight_c * _relaxation_rate(p.delta, p.spectrum_c, frequency, p.T_c),
    )


def _mode_occupation(p: TwoNodeParameters, mode: _RelaxingMode) -> Array:
    """n of one mode: thermal occupations at the two temperatures, weighted with the baths' shares."""
    thermal_h = _thermal_occupation(p.delta, mode.frequency / p.T_h)
    thermal_c = _thermal_occupation(p.delta, mode.frequency / p.T_c)
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
    bias, pushed = _bias(p), push * (p.T_h + p.T_c) / (p.T_h * p.T_c)
    hot_above = _occupation_difference(p.delta, plus.frequency / p.T_h, minus.frequency / p.T_c, bias - pushed)
    cold_above = _occupation_difference(p.delta, plus.frequency / p.T_c, minus.frequency / p.T_h, -bias - pushed)
    return np.where(
        p.omega_h >= p.omega_c,
        minus.share_h * hot_step + plus.share_c * cold_step + share_difference * hot_above,
        minus.share_c * cold_step + plus.share_h * hot_step - share_difference * cold_above,
    )


def _step(p: TwoNodeParameters, delta: int, temperature: Array) -> Array:
    """N(ω_+) - N(ω_-) at one temperature, from the splitting."""
    modes = _normal_modes(p)
    return _occupation_difference(
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
        _rate_enhancement(p.delta, frequency / temperature)
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
