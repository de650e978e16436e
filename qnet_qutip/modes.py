"""Normal modes of a network, eq. (10), without any Hilbert space: from one-body matrices of the size of the network.

H = Σ_ij h_ij a_i†a_j + ½ Σ_ij g_ij(a_i a_j + a_i†a_j†) up to a constant, with frequencies on the diagonal of h. In
positions x = (a + a†)/√2 and momenta it is ½ xᵀ(h + g)x + ½ pᵀ(h - g)p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qnet_qutip.network import (
    Dispersive,
    FrozenMapping,
    Network,
    Oscillator,
    Quadrature,
    Swap,
    TwoLevel,
    coupling_terms,
    require_network,
)

Matrix = NDArray[np.float64]

EQUAL = 1e-12
"""Distance of two frequencies, relative to the largest, at which their modes are any two of a plane."""

SOFTEST_MODE = 1e-9
"""Of the highest frequency: below it rounding leaves less than six digits of a mode's frequency. Two modes of a swap
have a closed form, which keeps its digits, and may be softer."""


class UnboundedWarning(UserWarning):
    """The energy of a network has no lower bound: it has no ground state, and only the local equation is defined."""


@dataclass(frozen=True)
class NormalModes:
    """Normal modes d_k of a network's nodes: a_i = Σ_k u_ik d_k + v_ik d_k†.

    Attributes
    ----------
    frequencies : mapping of str to float
        Of each mode, in descending order. Two modes are named "+" and "-", other numbers of them "1", "2", ....
    expansion : mapping of str to mapping of str to float
        u: for each node the coefficients of the modes' lowering operators.
    counter_rotating : mapping of str to mapping of str to float
        v: for each node the coefficients of the modes' raising operators, zero without quadrature couplings.
    """

    frequencies: Mapping[str, float]
    expansion: Mapping[str, Mapping[str, float]] = field(repr=False)
    counter_rotating: Mapping[str, Mapping[str, float]] = field(repr=False)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, in the order of the network."""
        return tuple(self.expansion)

    @property
    def omega_plus(self) -> float:
        """ω_+ of eq. (10), of two nodes."""
        return self.frequencies["+"]

    @property
    def omega_minus(self) -> float:
        """ω_- of eq. (10), of two nodes."""
        return self.frequencies["-"]

    @property
    def theta(self) -> float:
        """θ of eq. (10) for two nodes with a swap: d_+ = a cosθ + b sinθ, with 0 ≤ θ ≤ π/2 for ε > 0."""
        first, second = self.nodes
        return float(np.arctan2(self.expansion[second]["+"], self.expansion[first]["+"]))

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.modes_html(self)


def one_body_matrices(network: Network) -> tuple[Matrix, Matrix]:
    """One-body matrices of a network's Hamiltonian, every node taken as a harmonic oscillator.

    Anharmonicities and dispersive couplings are not of one body and are left out.

    Parameters
    ----------
    network : Network

    Returns
    -------
    h : ndarray, shape (nodes, nodes)
        Of a_i†a_j: frequencies on the diagonal, strengths of swaps and quadrature couplings off it.
    g : ndarray, shape (nodes, nodes)
        Of ½(a_i a_j + a_i†a_j†): strengths of quadrature couplings.

    Examples
    --------
    >>> from qnet_qutip import Oscillator, Quadrature, chain
    >>> h, g = one_body_matrices(chain([Oscillator(5), Oscillator(3)], (0.1, Quadrature(0.2))))
    >>> h.round(3).tolist(), g.tolist()
    ([[5.0, 0.3], [0.3, 3.0]], [[0.0, 0.2], [0.2, 0.0]])
    """
    order = {name: index for index, name in enumerate(network.nodes)}
    h = np.diag([node.frequency for node in network.nodes.values()])
    g = np.zeros_like(h)
    for first, second, term in coupling_terms(network):
        i, j = order[first], order[second]
        for matrix, kinds in ((h, Swap | Quadrature), (g, Quadrature)):
            if isinstance(term, kinds):
                matrix[i, j] += term.strength
                matrix[j, i] += term.strength
    return h, g


def is_harmonic(network: Network) -> bool:
    """Whether a network is of harmonic oscillators with swaps and quadrature couplings only."""
    return all(isinstance(node, Oscillator) and not node.anharmonicity for node in network.nodes.values()) and not any(
        isinstance(term, Dispersive) and term.strength != 0 for _, _, term in coupling_terms(network)
    )


def normal_modes(network: Network) -> NormalModes:
    """Normal modes of coupled oscillators, eq. (10), or of two two-level nodes with a swap.

    Counter-rotating terms are kept: the modes are those of a Bogoliubov transformation where there are quadrature
    couplings. For two two-level nodes they are those of the fermions that they become by a Jordan-Wigner
    transformation.

    Parameters
    ----------
    network : Network
        Harmonic oscillators with swaps and quadrature couplings in any graph, or two two-level nodes with a swap.

    Returns
    -------
    NormalModes

    Raises
    ------
    TypeError
        If it is not a network.
    ValueError
        If the network is not harmonic, or its lowest normal mode would not be positive (for two nodes: ε² ≥ ω_hω_c) or
        is too soft to be told from zero in double precision.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=5, omega_c=5, epsilon=1, T_h=12, T_c=10, kappa=1e-4)
    >>> normal_modes(net)
    NormalModes(frequencies={'+': 6.0, '-': 4.0})
    >>> [round(frequency, 12) for frequency in normal_modes(qn.ring([qn.Oscillator(5)] * 3, 1)).frequencies.values()]
    [7.0, 4.0, 4.0]
    """
    require_network(network)
    _require_harmonic(network)
    h, g = one_body_matrices(network)
    nodes, names = list(network.nodes), _mode_names(len(network.nodes))
    _require_positive(nodes, h, g)
    if g.any():
        frequencies, u, v = _bogoliubov(h, g)
    else:
        frequencies, u = _descending(h)
        v = np.zeros_like(u)
    return NormalModes(
        FrozenMapping(dict(zip(names, frequencies.tolist(), strict=True))),
        *(
            FrozenMapping(
                {
                    node: FrozenMapping(dict(zip(names, row, strict=True)))
                    for node, row in zip(nodes, matrix.tolist(), strict=True)
                }
            )
            for matrix in (u, v)
        ),
    )


def require_positive_modes(network: Network) -> None:
    """Raise if the lowest normal mode of a network, every node taken as a harmonic oscillator, is not positive.

    A bath that couples in the rotating wave takes up no excitation that lowers the energy of what it leaves behind.

    Raises
    ------
    ValueError
        Naming the mode and its frequency.
    """
    _require_positive(list(network.nodes), *one_body_matrices(network))


def require_bounded(network: Network) -> None:
    """Raise if the energy of a network has no lower bound, so that it has no ground state.

    It has one if the harmonic oscillators, apart from the others, have positive normal modes, with every two-level node
    excited that lowers their frequencies by a dispersive coupling, and if negative dispersive couplings of
    oscillators are outweighed by their anharmonicities.

    Raises
    ------
    ValueError
        With the mode or the coupling that makes it unbounded.

    Examples
    --------
    >>> from qnet_qutip import Oscillator, chain
    >>> require_bounded(chain([Oscillator(1)] * 3, 1))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: the lowest normal mode must have a positive frequency ... mode '3' of nodes ['A', 'B', 'C'] has -0.4...
    """
    alphas = [getattr(node, "anharmonicity", np.inf) for node in network.nodes.values()]
    if np.isinf(alphas).all():
        return
    order = {name: index for index, name in enumerate(network.nodes)}
    h, g = one_body_matrices(network)
    # Per pair of excitations: ½ Σ_ij q_ij n_i n_j is what the energy comes to where oscillators hold many.
    q, lowered = np.diag(np.array(alphas)), set()
    for first, second, term in coupling_terms(network):
        if isinstance(term, Dispersive) and term.strength < 0:
            i, j = order[first], order[second]
            if np.isinf(alphas[i]) or np.isinf(alphas[j]):
                oscillator = j if np.isinf(alphas[i]) else i
                h[oscillator, oscillator] += term.strength
            else:
                q[i, j] = q[j, i] = term.strength
                lowered |= {i, j}
    several = sorted(lowered)
    # None is positive off the diagonal: q is then positive for all excitation numbers only if it is definite.
    if several and (lowest := np.linalg.eigvalsh(q[np.ix_(several, several)])[0]) <= 0:
        raise ValueError(
            "negative dispersive couplings of oscillators must be outweighed by their anharmonicities, but between "
            f"{[name for name in order if order[name] in lowered]} the matrix of anharmonicities and couplings has the "
            f"eigenvalue {lowest:g}, which must be positive: the energy would have no lower bound"
        )
    harmonic = [name for name in order if alphas[order[name]] == 0]
    if harmonic:
        chosen = np.ix_([order[name] for name in harmonic], [order[name] for name in harmonic])
        _require_positive(harmonic, h[chosen], g[chosen])


def _require_harmonic(network: Network) -> None:
    kinds = {name: type(node).__name__ for name, node in network.nodes.items()}
    terms = [term for _, _, term in coupling_terms(network) if term.strength != 0]
    if all(isinstance(node, TwoLevel) for node in network.nodes.values()):
        if len(kinds) != 2 or not all(isinstance(term, Swap) for term in terms):
            raise ValueError(f"two-level nodes have normal modes if they are two with a swap, but network has {kinds}")
        return
    if not all(isinstance(node, Oscillator) for node in network.nodes.values()):
        raise ValueError(f"network must be of oscillators, or of two two-level nodes, to have normal modes: {kinds}")
    anharmonic = [name for name, node in network.nodes.items() if getattr(node, "anharmonicity", 0.0)]
    if anharmonic:
        raise ValueError(f"network must be harmonic to have normal modes, but {anharmonic} have an anharmonicity")
    if any(isinstance(term, Dispersive) for term in terms):
        raise ValueError(f"network must have no dispersive couplings to have normal modes, but has {terms}")


def _mode_names(number: int) -> list[str]:
    return ["+", "-"] if number == 2 else [str(index) for index in range(1, number + 1)]


def _require_positive(nodes: Sequence[str], h: Matrix, g: Matrix) -> None:
    """Raise if the lowest normal mode of these nodes is not positive."""
    if len(nodes) == 2 and not g.any() and (h.diagonal() > 0).all():
        # To the last digit: the eigenvalues of larger matrices are known to rounding only.
        if h[0, 1] ** 2 >= h[0, 0] * h[1, 1]:
            raise ValueError(
                f"epsilon must be below sqrt(omega_h omega_c) = {np.sqrt(h[0, 0] * h[1, 1]):g} for nodes "
                f"{list(nodes)}, but is {h[0, 1]:g}: omega_- would not be positive, but {np.linalg.eigvalsh(h)[0]:g}"
            )
        return
    lowest = min(np.linalg.eigvalsh(h + g)[0], np.linalg.eigvalsh(h - g)[0])
    if lowest > SOFTEST_MODE * np.linalg.norm(h, 2):
        return
    value = f"{lowest:g}"
    if g.any():
        square = np.linalg.eigvals((h - g) @ (h + g)).real.min()
        value = f"the square {square:g} and the energy of positions or momenta the eigenvalue {lowest:g}"
    raise ValueError(
        f"the lowest normal mode must have a positive frequency (above {SOFTEST_MODE:g} of the highest), but mode "
        f"{_mode_names(len(nodes))[-1]!r} of nodes {list(nodes)} has {value}: the couplings must be weaker, so that "
        "the matrix of frequencies and couplings is positive definite"
    )


def _descending(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues of a symmetric positive matrix in descending order, and its eigenvectors as columns."""
    if len(matrix) != 2:
        values, vectors = np.linalg.eigh(matrix)
        values, vectors = values[::-1], vectors[:, ::-1]
        return values, vectors * _signs(vectors)
    # Eq. (10). The product of the eigenvalues keeps the digits of ω_- that the difference would lose, and each of cosθ
    # and sinθ is the sine of an angle, so that both keep theirs where they are small.
    (first, epsilon), (_, second) = matrix.tolist()
    difference = first - second
    plus = (first + second) / 2 + np.hypot(difference / 2, epsilon)
    minus = (first * second - epsilon**2) / plus
    # Without a coupling θ is 0 or π/2 by the sign of the difference, that of its zero included.
    sin = np.sin(np.arctan2(2 * epsilon + 0.0, difference) / 2)
    cos = np.sin(np.arctan2(2 * abs(epsilon), -difference) / 2)
    return np.array([plus, minus]), np.array([[cos, -sin], [sin, cos]])


def _bogoliubov(h: Matrix, g: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Frequencies, u and v of a positive Hamiltonian with counter-rotating terms.

    With h - g = LLᵀ, h + g = RRᵀ and RᵀL = WΩVᵀ, positions x = LVΩ^(-½)X and momenta p = RWΩ^(-½)P keep the
    commutation relations, as LV Ω⁻¹ WᵀRᵀ = 1, and make H diagonal (Colpa, Physica A 93, 327 (1978), for real ones).
    """
    lower, right = np.linalg.cholesky(h - g), np.linalg.cholesky(h + g)
    of_momenta, frequencies, of_positions = np.linalg.svd(right.T @ lower)
    positions = lower @ of_positions.T / np.sqrt(frequencies)
    momenta = right @ of_momenta / np.sqrt(frequencies)
    u: Matrix = _refined(h, g, frequencies, (positions + momenta) / 2, (positions - momenta) / 2)
    u = u * _signs(u)
    # (positions - momenta)/2 has the rounding of numbers near one. [a, H] = ha + ga† says hv + gu = -Ωv instead, which
    # keeps the digits of a v as small as g.
    shifted = h + frequencies[:, None, None] * np.eye(len(h))
    v = -np.linalg.solve(shifted, (g @ u).T[:, :, None])[:, :, 0].T
    return frequencies, u, np.asarray(v, dtype=float)


def _refined(h: Matrix, g: Matrix, frequencies: Matrix, u: Matrix, v: Matrix) -> Matrix:
    """u by one step of Newton's iteration in extended precision, for small coefficients, whose squares are rates.

    X = (u v; v u) has KX = XΛ with K = (h g; -g -h) and Λ = (Ω, -Ω), and JXᵀJ X = 1 with J = (1, -1). As for
    eigenvectors of a symmetric matrix (`bohr`): with R = 1 - JXᵀJX and S = JXᵀJKX, X(1 + E) has the square of the error
    of X for E_ij = (S_ij + λ_j R_ij)/(λ_j - λ_i), or R_ij/2 where the two are equal.
    """
    number = len(h)
    vectors = np.block([[u, v], [v, u]]).astype(np.longdouble)
    matrix = np.block([[h, g], [-g, -h]]).astype(np.longdouble)
    signs: Matrix = np.repeat([1.0, -1.0], number)
    inverse = signs[:, None] * vectors.T * signs
    missing, rotated = np.eye(2 * number) - inverse @ vectors, inverse @ matrix @ vectors
    values = rotated.diagonal() / (1 - missing.diagonal())
    distances = values[None, :] - values[:, None]
    equal = np.abs(distances) <= EQUAL * frequencies.max()
    step = np.where(equal, missing / 2, (rotated + values * missing) / np.where(equal, 1.0, distances))
    return np.asarray((vectors + vectors @ step)[:number, :number], dtype=float)


def _signs(u: Matrix) -> Matrix:
    """Signs that make one coefficient of each mode positive: those of a in d_+ and b in d_-, or each mode's largest."""
    nodes = np.array([0, 1]) if len(u) == 2 else np.abs(u).argmax(axis=0)
    return np.where(u[nodes, range(len(u))] < 0, -1.0, 1.0)
