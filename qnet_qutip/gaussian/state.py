"""A Gaussian steady state: its currents, occupations and correlations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qnet_qutip import checks
from qnet_qutip.gaussian.twofold import Array
from qnet_qutip.network import FrozenMapping, Network, Quadrature, Swap, TwoLevel, coupling_terms
from qnet_qutip.wording import listed

if TYPE_CHECKING:
    import qutip

ROUNDED = 1e-12
"""Eigenvalue of the moments, relative to their largest, that is the rounding of zero."""


@dataclass(frozen=True, eq=False)
class GaussianState:
    """A steady state that its second moments determine.

    Attributes
    ----------
    network : Network
    equation : str
        Key of `MASTER_EQUATIONS`.
    heat_currents : mapping of str to float
        J = Tr[H D(ρ)] of each bath on its own, eq. (5), positive into the network.
    heat_current_errors : mapping of str to float
        Estimated absolute error of each.
    options : mapping of str to value
        Options of the equation: "clusters" or "cutoff".
    xx, pp, xp : ndarray, shape (nodes, nodes)
        ⟨x_i x_j⟩ - ½δ_ij, ⟨p_i p_j⟩ - ½δ_ij and ½⟨{x_i, p_j}⟩: of the nodes, or of the fermions that two-level nodes
        are.
    """

    network: Network
    equation: str
    heat_currents: Mapping[str, float]
    heat_current_errors: Mapping[str, float]
    options: Mapping[str, object]
    xx: Array
    pp: Array
    xp: Array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GaussianState):
            return NotImplemented
        plain = ("network", "equation", "heat_currents", "heat_current_errors", "options")
        return all(getattr(self, name) == getattr(other, name) for name in plain) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("xx", "pp", "xp")
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def fermions(self) -> bool:
        """Whether the moments are those of Jordan-Wigner fermions."""
        return isinstance(next(iter(self.network.nodes.values())), TwoLevel)

    @cached_property
    def entropy_production(self) -> float:
        """σ = -Σ J/T, eq. (1) in the steady state; negative where the second law is violated."""
        flow = 0.0
        for name, current in self.heat_currents.items():
            temperature = self.network.baths[name].temperature
            if current != 0:
                flow += current / temperature if temperature > 0 else math.copysign(math.inf, current)
        return -flow

    @property
    def first_law_residual(self) -> float:
        """|Σ J| / max |J|."""
        largest = max(map(abs, self.heat_currents.values()))
        return abs(math.fsum(self.heat_currents.values())) / largest if largest > 0 else 0.0

    @cached_property
    def positive(self) -> bool:
        """Whether the moments are those of a density matrix: the uncertainty relation, or Pauli's principle, holds.

        To rounding of the largest moment. Redfield's and the partial secular equation do not promise it.
        """
        normal = (self.xx + self.pp) / 2 + 1j * (self.xp - self.xp.T) / 2
        if self.fermions:
            occupations = np.linalg.eigvalsh(normal)
            return bool(occupations.min() > -ROUNDED and occupations.max() < 1 + ROUNDED)
        size = len(self.xx)
        moments = np.block([[self.xx, self.xp + 0.5j * np.eye(size)], [self.xp.T - 0.5j * np.eye(size), self.pp]])
        smallest = np.linalg.eigvalsh(moments + np.eye(2 * size) / 2).min()
        return bool(smallest > -ROUNDED * max(1.0, float(np.abs(moments).max())))

    @cached_property
    def occupations(self) -> Mapping[str, float]:
        """⟨a†a⟩ of every node."""
        return FrozenMapping(dict(zip(self.network.nodes, ((self.xx + self.pp).diagonal() / 2).tolist(), strict=True)))

    @cached_property
    def excitation_currents(self) -> Mapping[tuple[str, str], float]:
        """Excitations per time that each coupling brings: under (A, B) those that it adds to B.

        For a swap that is ε⟨p_A x_B - x_A p_B⟩ from A to B, and the opposite under (B, A). A quadrature coupling adds
        -2g⟨x_A p_B⟩, and as it creates and destroys pairs too, another number under (B, A).
        """
        order = {name: index for index, name in enumerate(self.network.nodes)}
        found: dict[tuple[str, str], float] = {}
        for first, second, term in coupling_terms(self.network):
            for pair in ((first, second), (second, first)):
                i, j = (order[name] for name in pair)
                added = 0.0
                if isinstance(term, Swap):
                    added = term.strength * (self.xp[j, i] - self.xp[i, j])
                elif isinstance(term, Quadrature):
                    added = -2 * term.strength * self.xp[i, j]
                found[pair] = found.get(pair, 0.0) + float(added)
        return FrozenMapping(found)

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance matrix (appendix C), shape (2n, 2n), in the order (x_A, p_A, x_B, p_B, ...), vacuum ½.

        Between two-level nodes further apart than neighbours a Jordan-Wigner string lies, which makes each element a
        determinant: n nodes take of the order of n⁵ operations.
        """
        size = len(self.network.nodes)
        matrix = np.empty((2 * size, 2 * size))
        if self.fermions:
            normal = _with_strings(self.xx + 1j * self.xp)
            xx, pp, xp = normal.real.copy(), normal.real.copy(), normal.imag
            np.fill_diagonal(xx, 0.0)
            np.fill_diagonal(pp, 0.0)
        else:
            xx, pp, xp = self.xx, self.pp, self.xp
        matrix[0::2, 0::2] = xx + np.eye(size) / 2
        matrix[1::2, 1::2] = pp + np.eye(size) / 2
        matrix[0::2, 1::2] = xp
        matrix[1::2, 0::2] = xp.T
        matrix.flags.writeable = False
        return matrix

    @cached_property
    def correlations(self) -> NDArray[np.float64]:
        """Correlation functions cor(ξ_i, ξ_j) = V_ij / √(V_ii V_jj), eq. (17), in the order of `covariance`."""
        deviations = np.sqrt(self.covariance.diagonal())
        correlations: Array = self.covariance / np.outer(deviations, deviations)
        correlations.flags.writeable = False
        return correlations

    def density_matrix(self, levels: int | None = None) -> qutip.Qobj:
        """The density matrix of a small network, for all that second moments do not tell.

        Parameters
        ----------
        levels : int, optional
            Levels of every oscillator; not of two-level nodes. The elements are those of the whole space, whatever the
            number of levels, divided by the part of the trace that they hold.

        Returns
        -------
        Qobj
            In the product space of the nodes.

        Raises
        ------
        ValueError
            If `levels` is missing or given for two-level nodes.
        MemoryError
            If the matrix would not fit in memory.

        Warns
        -----
        UserWarning
            If the levels hold less than 1 - 10⁻⁶ of the trace.

        Examples
        --------
        Its second moments are those of the state:

        >>> import qnet_qutip as qn
        >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)
        >>> rho = qn.gaussian.steady_state(net, "local").density_matrix(levels=12)
        >>> rho.dims
        [[12, 12], [12, 12]]
        """
        from qnet_qutip.gaussian.fock import density_matrix

        if self.fermions:
            if levels is not None:
                raise ValueError(f"levels must not be given for two-level nodes, which have two, but is {levels!r}")
        elif levels is None:
            raise ValueError("levels must be given: how many of each oscillator the density matrix is to have")
        else:
            levels = checks.whole("levels", levels, 2)
        return density_matrix(self, levels)

    def __repr__(self) -> str:
        currents = listed([f"{bath}: {current:.10g}" for bath, current in self.heat_currents.items()])
        worst = max(self.heat_current_errors.values())
        return (
            f"GaussianState of {len(self.network.nodes)} nodes, {self.equation} master equation, currents right to "
            f"{worst:.0e}\nheat currents {{{currents}}}; entropy production {self.entropy_production:.10g}"
        )


def _with_strings(fermionic: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """⟨a_i†a_j⟩ of two-level nodes from G_ij = ⟨c_i†c_j⟩: the string between them makes it a determinant.

    ⟨c_i† Π_{i<m<j}(1 - 2c_m†c_m) c_j⟩ = ½(-1)^(j-i) det(1 - 2G) of the rows i to j - 1 and the columns i + 1 to j,
    by Wick's theorem (Lieb, Schultz, Mattis, Ann. Phys. 16, 407 (1961)).
    """
    size = len(fermionic)
    form = np.eye(size) - 2 * fermionic
    spins = fermionic.copy()
    for i in range(size):
        for j in range(i + 2, size):
            spins[i, j] = (-1) ** (j - i) / 2 * np.linalg.det(form[i:j, i + 1 : j + 1])
            spins[j, i] = spins[i, j].conj()
    return spins
