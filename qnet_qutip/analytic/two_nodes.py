"""Arrays of parameters of two coupled nodes with a bath each, and what their closed forms have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qnet_qutip import checks
from qnet_qutip.network import NODE_KINDS, Network, Oscillator, Swap, coupling_terms
from qnet_qutip.spectra import CallableSpectrum, PhononSpectrum, SpectralDensity

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
        arrays = {name: positive_array(name, getattr(self, name)) for name in ("omega_h", "omega_c", "T_h", "T_c")}
        arrays["epsilon"] = finite_array("epsilon", self.epsilon)
        for name, array in broadcast(arrays).items():
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
    >>> from qnet_qutip import analytic
    >>> p = parameters("oscillator", omega_h=[4.0, 6.0, 10.0], omega_c=5, epsilon=1e-3, T_h=12, T_c=10, kappa=1e-7)
    >>> np.sign(analytic.local_heat_current(p))
    array([ 1.,  0., -1.])
    """
    checks.one_of("kind", kind, NODE_KINDS)
    arrays = {
        "omega_h": positive_array("omega_h", omega_h),
        "omega_c": positive_array("omega_c", omega_c),
        "epsilon": finite_array("epsilon", epsilon),
        "T_h": positive_array("T_h", T_h),
        "T_c": positive_array("T_c", T_c),
    }
    kappa_array = positive_array("kappa", kappa)
    spectrum: SpectralDensity
    if kappa_array.ndim == 0:
        spectrum = PhononSpectrum(float(kappa_array))
    else:
        arrays = broadcast({**arrays, "kappa": kappa_array})
        spectrum = CallableSpectrum(partial(phonon_density, kappa=arrays.pop("kappa")))
    delta = OSCILLATOR_DELTA if kind == "oscillator" else TWO_LEVEL_DELTA
    return TwoNodeParameters(delta=delta, **arrays, spectrum_h=spectrum, spectrum_c=spectrum)


def two_node_parameters(network: Network | TwoNodeParameters) -> TwoNodeParameters:
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


def finite_array(name: str, values: ArrayLike) -> Array:
    """Return a copy of `values` as an array of floats, or raise if they are not finite real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of real numbers, but is {values!r}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, but has the value {array[~np.isfinite(array)].flat[0]}")
    return np.array(array, dtype=np.float64)


def positive_array(name: str, values: ArrayLike) -> Array:
    """Return a copy of `values` as an array of floats, or raise if they are not finite numbers above zero."""
    array = finite_array(name, values)
    if not np.all(array > 0):
        raise ValueError(f"{name} must be positive, but has the value {array[array <= 0].flat[0]:g}")
    return array


def broadcast(arrays: dict[str, Array]) -> dict[str, Array]:
    """The arrays broadcast to their common shape, read-only."""
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        raise ValueError(f"the parameters must broadcast against each other, but have the shapes {shapes}") from error
    return {name: np.broadcast_to(array, shape) for name, array in arrays.items()}


def phonon_density(frequency: Array, kappa: Array) -> Array:
    """Eq. (15) for an array of κ. A function of the module, so that a spectrum made from it can be pickled."""
    return kappa * frequency**3


def plain(value: Quantity) -> Quantity:
    """A float for one set of parameters, an array for arrays."""
    return float(value) if np.ndim(value) == 0 else value


def entropy_production(p: TwoNodeParameters, heat_current: Quantity) -> Quantity:
    """-J_h/T_h - J_c/T_c for J_c = -J_h, accurate where T_h is near T_c."""
    return heat_current * (p.T_h - p.T_c) / (p.T_h * p.T_c)


def covariance(p: TwoNodeParameters, n_A: Quantity, n_B: Quantity, X: Quantity, Y: Quantity) -> Array:
    """Covariance matrix from the moments; a a† + δ a†a = 1 makes the variances ½ + ½(1 - δ)⟨a†a⟩."""
    covariance = np.zeros((*p.shape, 4, 4))
    for node, occupation in ((0, n_A), (1, n_B)):
        variance = 0.5 + 0.5 * (1 - p.delta) * np.asarray(occupation)
        covariance[..., 2 * node, 2 * node] = variance
        covariance[..., 2 * node + 1, 2 * node + 1] = variance
    for row, column, value in ((0, 2, X), (1, 3, X), (1, 2, Y), (0, 3, -Y)):
        covariance[..., row, column] = covariance[..., column, row] = np.asarray(value) / 2
    return covariance
