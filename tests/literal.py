"""The paper's equations, and any Liouvillian, as they stand, in any number of digits.

No code of the package has a part in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath


class Literal:
    """The paper's equations at one set of parameters, in the working precision of mpmath.

    A parameter given as a float is taken to be exactly that float; one given as a string, that decimal number.
    """

    def __init__(self, kind: str, values: Mapping[str, float | str]) -> None:
        self.delta = -1 if kind == "oscillator" else 1
        self.omega_h, self.omega_c, self.epsilon, self.T_h, self.T_c, self.kappa = (
            mpmath.mpf(values[name]) for name in ("omega_h", "omega_c", "epsilon", "T_h", "T_c", "kappa")
        )

    def gamma(self, omega: mpmath.mpf, temperature: mpmath.mpf) -> mpmath.mpf:
        """Eqs. (14)-(15)."""
        return self.kappa * omega**3 / (1 - mpmath.exp(-omega / temperature))

    def local_rates(self) -> tuple[tuple[mpmath.mpf, mpmath.mpf], tuple[mpmath.mpf, mpmath.mpf]]:
        """Heating rate γe^(-ω/T) and total rate Γ = γ(1 + δe^(-ω/T)) of either node, of eqs. (6)-(8)."""
        nodes = ((self.omega_h, self.T_h), (self.omega_c, self.T_c))
        gammas = [(self.gamma(omega, T), mpmath.exp(-omega / T)) for omega, T in nodes]
        hot, cold = ((gamma * x, gamma * (1 + self.delta * x)) for gamma, x in gammas)
        return hot, cold

    def local_moments(self) -> list[mpmath.mpf]:
        """Steady ⟨a†a⟩, ⟨b†b⟩, ⟨X⟩, ⟨Y⟩ of eq. (8), by solving it as a linear system."""
        (up_h, total_h), (up_c, total_c) = self.local_rates()
        detuning, epsilon, mean = self.omega_h - self.omega_c, self.epsilon, (total_h + total_c) / 2
        matrix = mpmath.matrix(
            [
                [-total_h, 0, 0, -epsilon],
                [0, -total_c, 0, epsilon],
                [0, 0, -mean, detuning],
                [2 * epsilon, -2 * epsilon, -detuning, -mean],
            ]
        )
        return list(mpmath.lu_solve(matrix, -mpmath.matrix([up_h, up_c, 0, 0])))

    def local_heat(self) -> dict[str, mpmath.mpf]:
        """Heat of either bath in that state: J_l = Tr[L_l(ρ)(H_0 + H_AB)] of eq. (5), and Q_l with H_0 alone."""
        (up_h, total_h), (up_c, total_c) = self.local_rates()
        n_A, n_B, X, _ = self.local_moments()
        Q_h, Q_c = self.omega_h * (up_h - total_h * n_A), self.omega_c * (up_c - total_c * n_B)
        # Each bath damps X, of which H_AB = εX, at half its total rate.
        J_h, J_c = Q_h - self.epsilon * total_h * X / 2, Q_c - self.epsilon * total_c * X / 2
        return {"J_h": J_h, "J_c": J_c, "Q_h": Q_h, "Q_c": Q_c}

    def current_factor(self) -> mpmath.mpf:
        """F of eq. (9): the appendix's fraction, term by term."""
        gamma_h, gamma_c = self.gamma(self.omega_h, self.T_h), self.gamma(self.omega_c, self.T_c)
        E_h, E_c = mpmath.exp(self.omega_h / self.T_h), mpmath.exp(self.omega_c / self.T_c)
        plus_h, plus_c, epsilon2 = E_h + self.delta, E_c + self.delta, self.epsilon**2
        detuning2 = (self.omega_c - self.omega_h) ** 2
        numerator = 4 * epsilon2 * gamma_c * gamma_h * E_c * E_h
        numerator *= self.omega_c * gamma_h * E_c * plus_h + gamma_c * self.omega_h * E_h * plus_c
        denominator = (
            gamma_c**3 * gamma_h * E_h**2 * plus_c**3 * plus_h
            + 2 * gamma_c**2 * plus_c**2 * E_c * E_h * (gamma_h**2 * plus_h**2 + 2 * epsilon2 * E_h**2)
            + gamma_c
            * gamma_h
            * E_c**2
            * plus_c
            * plus_h
            * (4 * E_h**2 * (detuning2 + 2 * epsilon2) + gamma_h**2 * plus_h**2)
            + 4 * epsilon2 * gamma_h**2 * E_c**3 * E_h * plus_h**2
        )
        return numerator / denominator

    def local_heat_current(self) -> mpmath.mpf:
        """Eq. (9)."""
        return (mpmath.exp(self.omega_c / self.T_c) - mpmath.exp(self.omega_h / self.T_h)) * self.current_factor()

    def modes(self) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
        """ω_+, ω_- and cos²θ of eq. (10)."""
        root = mpmath.sqrt(((self.omega_h - self.omega_c) / 2) ** 2 + self.epsilon**2)
        mean = (self.omega_h + self.omega_c) / 2
        omega_plus, omega_minus = mean + root, mean - root
        return omega_plus, omega_minus, (self.omega_h - omega_minus) / (omega_plus - omega_minus)

    def global_steady_state(self) -> dict[str, mpmath.mpf]:
        """Occupations, ⟨X⟩ and heat currents by the balance of each mode with its two baths, eqs. (10)-(12)."""
        omega_plus, omega_minus, cos2 = self.modes()
        sin2 = 1 - cos2
        occupations = []
        J_h = J_c = mpmath.mpf(0)
        for omega, weight_h, weight_c in ((omega_plus, cos2, sin2), (omega_minus, sin2, cos2)):
            g_h, g_c = weight_h * self.gamma(omega, self.T_h), weight_c * self.gamma(omega, self.T_c)
            x_h, x_c = mpmath.exp(-omega / self.T_h), mpmath.exp(-omega / self.T_c)
            occupation = (g_h * x_h + g_c * x_c) / (g_h * (1 + self.delta * x_h) + g_c * (1 + self.delta * x_c))
            occupations.append(occupation)
            J_h += omega * g_h * (x_h - (1 + self.delta * x_h) * occupation)
            J_c += omega * g_c * (x_c - (1 + self.delta * x_c) * occupation)
        n_plus, n_minus = occupations
        return {
            "n_plus": n_plus,
            "n_minus": n_minus,
            "n_A": cos2 * n_plus + sin2 * n_minus,
            "n_B": sin2 * n_plus + cos2 * n_minus,
            "X": 2 * (n_plus - n_minus) * self.epsilon / (omega_plus - omega_minus),
            "J_h": J_h,
            "J_c": J_c,
        }

    def eq_13(self, *, printed: bool) -> mpmath.mpf:
        """Eq. (13), corrected, or with the misprint in the first fraction's denominator."""
        omega_plus, omega_minus, cos2 = self.modes()
        sin2 = 1 - cos2
        current = mpmath.mpf(0)
        for omega, weight_h, weight_c in ((omega_minus, sin2, cos2), (omega_plus, cos2, sin2)):
            gamma_h, gamma_c = self.gamma(omega, self.T_h), self.gamma(omega, self.T_c)
            E_h, E_c = mpmath.exp(omega / self.T_h), mpmath.exp(omega / self.T_c)
            E_denominator = mpmath.exp(omega_plus / self.T_c) if printed else E_c
            current += (
                (E_c - E_h)
                * gamma_c
                * gamma_h
                * omega
                / (E_h * (E_c - 1) * gamma_c / weight_h + E_denominator * (E_h - 1) * gamma_h / weight_c)
            )
        return current


Matrix = dict[tuple[int, int], mpmath.mpc]
Entry = tuple[int, int]


class Liouvillian:
    """-i[H, ρ] + Σ ΛρS† + SρΛ† - S†Λρ - ρΛ†S, term by term, with Λ = L/2 and S = L for a collapse operator L.

    Matrices are exactly those given. Only the entries of ρ that are joined to the populations are kept.

    Parameters
    ----------
    hamiltonian : ndarray, shape (d, d)
    operators : mapping of str to sequences
        Collapse operators or pairs (S, Λ) of each bath, as arrays.
    digits : int
    """

    def __init__(self, hamiltonian: Any, operators: Mapping[str, Sequence[Any]], digits: int = 50) -> None:
        self.digits = digits
        with mpmath.workdps(digits):
            self.hamiltonian = _entries(hamiltonian)
            self.dimension = len(hamiltonian)
            self.parts: dict[str | None, dict[tuple[Entry, Entry], mpmath.mpc]] = {None: {}}
            self._add(None, self.hamiltonian, self._unit, mpmath.mpc(0, -1))
            self._add(None, self._unit, self.hamiltonian, mpmath.mpc(0, 1))
            for bath, members in operators.items():
                self.parts[bath] = {}
                for member in members:
                    S, Lambda = (_entries(one) for one in (member if isinstance(member, tuple) else (member, member)))
                    weight = mpmath.mpf(1) if isinstance(member, tuple) else mpmath.mpf(1) / 2
                    loss = _product(_adjoint(S), Lambda)
                    self._add(bath, Lambda, _adjoint(S), weight)
                    self._add(bath, S, _adjoint(Lambda), weight)
                    self._add(bath, loss, self._unit, -weight)
                    self._add(bath, self._unit, _adjoint(loss), -weight)
        self.entries = self._joined()

    @property
    def _unit(self) -> Matrix:
        return {(i, i): mpmath.mpc(1) for i in range(self.dimension)}

    def _add(self, bath: str | None, left: Matrix, right: Matrix, weight: mpmath.mpf | mpmath.mpc) -> None:
        """Weight times the map from ρ to left · ρ · right."""
        part = self.parts[bath]
        for (i, k), a in left.items():
            for (m, j), b in right.items():
                part[(i, j), (k, m)] = part.get(((i, j), (k, m)), 0) + weight * a * b

    def _joined(self) -> list[Entry]:
        into: dict[Entry, set[Entry]] = {}
        for part in self.parts.values():
            for (target, source), weight in part.items():
                if weight:
                    into.setdefault(source, set()).add(target)
        found = {(i, i) for i in range(self.dimension)}
        new = set(found)
        while new:
            new = {target for source in new for target in into.get(source, ())} - found
            found |= new
        return sorted(found)

    def matrix(self) -> mpmath.matrix:
        """On the entries, in their order."""
        place = {entry: number for number, entry in enumerate(self.entries)}
        matrix = mpmath.matrix(len(place))
        with mpmath.workdps(self.digits):
            for part in self.parts.values():
                for (target, source), weight in part.items():
                    if source in place and weight:
                        matrix[place[target], place[source]] += weight
        return matrix

    def steady_state(self) -> Matrix:
        """The state that L takes to zero: the trace in place of the first equation."""
        with mpmath.workdps(self.digits):
            matrix, source = self.matrix(), mpmath.matrix(len(self.entries), 1)
            for column, (i, j) in enumerate(self.entries):
                matrix[0, column] = mpmath.mpf(i == j)
            source[0] = 1
            return dict(zip(self.entries, mpmath.lu_solve(matrix, source), strict=True))

    def image(self, rho: Mapping[Entry, Any], decay: float = 0.0) -> Matrix:
        """L(ρ) - sρ."""
        with mpmath.workdps(self.digits):
            image = {entry: -mpmath.mpf(decay) * rho.get(entry, 0) for entry in self.entries}
            for part in self.parts.values():
                for (target, source), weight in part.items():
                    if source in rho:
                        image[target] = image.get(target, 0) + weight * rho[source]
        return image

    def currents(self, rho: Mapping[Entry, Any]) -> dict[str, mpmath.mpf]:
        """Tr[H D(ρ)] of each bath."""
        with mpmath.workdps(self.digits):
            return {
                bath: mpmath.re(
                    sum(
                        self.hamiltonian[j, i] * weight * rho[source]
                        for ((i, j), source), weight in part.items()
                        if (j, i) in self.hamiltonian and source in rho
                    )
                )
                for bath, part in self.parts.items()
                if bath is not None
            }


def _entries(operator: Any) -> Matrix:
    return {
        (i, j): mpmath.mpc(complex(value)) for i, row in enumerate(operator) for j, value in enumerate(row) if value
    }


def _adjoint(operator: Matrix) -> Matrix:
    return {(j, i): mpmath.conj(value) for (i, j), value in operator.items()}


def _product(left: Matrix, right: Matrix) -> Matrix:
    product: Matrix = {}
    for (i, k), a in left.items():
        for (m, j), b in right.items():
            if k == m:
                product[i, j] = product.get((i, j), 0) + a * b
    return product
