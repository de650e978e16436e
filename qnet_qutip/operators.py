"""The border to QuTiP: Hamiltonians, collapse operators and coupling operators as a user gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import qutip

from qnet_qutip import checks
from qnet_qutip.network import BATH_COUPLINGS, temperature_and_spectrum
from qnet_qutip.solver.generator import CollapseOperator, compressed_rows, entries, sparse_matrix
from qnet_qutip.solver.process_settings import every_entry_kept
from qnet_qutip.spectra import SpectralDensity

Operators: TypeAlias = Iterable[CollapseOperator] | Mapping[str, Iterable[CollapseOperator] | CollapseOperator]
"""Collapse operators, or pairs of them, by themselves or by bath."""


@dataclass(frozen=True, eq=False)
class OperatorBath:
    """A heat bath on a Hamiltonian of one's own.

    Parameters
    ----------
    operator : Qobj
        S, through which the bath acts on the system: SR with a Hermitian S, or SR† + S†R with an S that lowers the
        energy, if the coupling is in the rotating wave.
    temperature : float
        T ≥ 0, in units of frequency. May be left out beside a QuTiP environment that has one.
    spectrum : SpectralDensity or qutip.BosonicEnvironment
        The bath's spectral density, for instance `PhononSpectrum(kappa)`; see `Bath`.
    coupling : {"full", "rotating-wave"}, optional

    Raises
    ------
    TypeError, ValueError
        If S is no square operator, is zero, or not Hermitian though the coupling is full, or another value is not
        valid.

    Examples
    --------
    >>> from qnet_qutip import PhononSpectrum
    >>> OperatorBath(qutip.sigmax(), temperature=2, spectrum=PhononSpectrum(1e-3))
    OperatorBath(2 x 2, temperature=2.0, spectrum=PhononSpectrum(kappa=0.001), coupling='full')
    """

    operator: qutip.Qobj
    temperature: float
    spectrum: SpectralDensity
    coupling: str = "full"

    def __init__(
        self,
        operator: qutip.Qobj,
        temperature: float | None = None,
        spectrum: SpectralDensity | qutip.BosonicEnvironment | None = None,
        coupling: str = "full",
    ) -> None:
        if not isinstance(operator, qutip.Qobj) or not operator.isoper:
            raise TypeError(
                f"operator must be a QuTiP operator, but is {described(operator)}; the order is operator, temperature, "
                "spectrum"
            )
        if operator.shape[0] != operator.shape[1]:
            raise ValueError(f"operator must be square, but has shape {operator.shape}")
        _require_finite("operator", operator)
        if not entries(operator).values.size:
            raise ValueError("operator must not be zero: the bath would not act on the system")
        checks.one_of("coupling", coupling, BATH_COUPLINGS)
        if coupling == "full" and not operator.isherm:
            raise ValueError(
                "operator must be Hermitian for a full coupling, but is not; for SR† + S†R with a lowering operator S "
                "give coupling='rotating-wave'"
            )
        temperature, spectrum = temperature_and_spectrum("operator", temperature, spectrum)
        object.__setattr__(self, "operator", operator)
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "spectrum", spectrum)
        object.__setattr__(self, "coupling", coupling)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OperatorBath):
            return NotImplemented
        mine, its = (
            (self.temperature, self.spectrum, self.coupling),
            (other.temperature, other.spectrum, other.coupling),
        )
        return mine == its and same_operators([self.operator], [other.operator])

    def __hash__(self) -> int:
        return hash((self.temperature, self.coupling, self.operator.shape))

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.operator.shape))
        return (
            f"OperatorBath({size}, temperature={self.temperature}, spectrum={self.spectrum!r}, "
            f"coupling={self.coupling!r})"
        )


def checked_baths(hamiltonian: qutip.Qobj, baths: object) -> dict[str, OperatorBath]:
    """The baths of a Hamiltonian of one's own, by name.

    Raises
    ------
    TypeError, ValueError
        If the Hamiltonian is not a Hermitian operator with finite entries, or a bath is none or of other dimensions.
    """
    checked_hamiltonian(hamiltonian)
    if baths is None:
        raise TypeError(
            "baths must be given with a Hamiltonian, as a mapping of names to OperatorBath: the coupling operator, "
            "temperature and spectrum of each"
        )
    if not isinstance(baths, Mapping):
        raise TypeError(f"baths must be a mapping of names to OperatorBath with a Hamiltonian, but is {baths!r}")
    if not baths:
        raise ValueError("baths must name at least one bath, but is empty")
    for name, bath in baths.items():
        if not isinstance(name, str):
            raise TypeError(f"a bath's name must be a string, but is {name!r}")
        if not isinstance(bath, OperatorBath):
            raise TypeError(f"bath {name!r} must be an OperatorBath, but is {bath!r}")
        if bath.operator.dims != hamiltonian.dims:
            raise ValueError(
                f"the operator of bath {name!r} must have the Hamiltonian's dimensions {hamiltonian.dims}, but has "
                f"{bath.operator.dims}"
            )
    return dict(baths)


@every_entry_kept()
def dissipator(operator: CollapseOperator) -> qutip.Qobj:
    """The superoperator D of a collapse operator, or of a pair (S, Λ): ΛρS† + SρΛ† - S†Λρ - ρΛ†S."""
    if isinstance(operator, qutip.Qobj):
        return qutip.lindblad_dissipator(operator)
    coupling, filtered = operator
    loss = coupling.dag() * filtered
    jumps = qutip.sprepost(filtered, coupling.dag()) + qutip.sprepost(coupling, filtered.dag())
    return jumps - qutip.spre(loss) - qutip.spost(loss.dag())


@every_entry_kept()
def liouvillian(hamiltonian: qutip.Qobj, operators: Iterable[CollapseOperator]) -> qutip.Qobj:
    """The superoperator -i[H, ·] + Σ D of collapse operators, or of pairs among them."""
    listed = list(operators)
    # QuTiP makes that of collapse operators twice as fast as a sum of dissipators.
    lindblad = qutip.liouvillian(hamiltonian, [member for member in listed if isinstance(member, qutip.Qobj)])
    return lindblad + sum(dissipator(member) for member in listed if isinstance(member, tuple))


def same_operators(first: Iterable[qutip.Qobj], second: Iterable[qutip.Qobj]) -> bool:
    """Whether two lists of operators are equal to the last bit."""
    one, other = list(first), list(second)
    return len(one) == len(other) and all(
        a.dims == b.dims and (sparse_matrix(a) != sparse_matrix(b)).nnz == 0 for a, b in zip(one, other, strict=True)
    )


def checked_operators(hamiltonian: object, collapse_operators: Operators | None) -> dict[str, list[CollapseOperator]]:
    """Collapse operators by bath, those given without one under "all".

    A bath with a single operator may be given that operator instead of a list.

    Raises
    ------
    TypeError, ValueError
        If the Hamiltonian is not a Hermitian operator with finite entries, or a collapse operator not one of its
        dimensions.
    """
    checked_hamiltonian(hamiltonian)
    if collapse_operators is None:
        raise ValueError("collapse_operators must be given with a Hamiltonian, but are missing")
    if isinstance(collapse_operators, qutip.Qobj) or not isinstance(collapse_operators, Iterable):
        raise TypeError(
            "collapse_operators must be a list of operators or a mapping of lists, but is "
            f"{described(collapse_operators)}"
        )
    given = collapse_operators if isinstance(collapse_operators, Mapping) else {"all": collapse_operators}
    by_bath: dict[str, list[CollapseOperator]] = {}
    for bath, members in given.items():
        if not isinstance(members, qutip.Qobj | Iterable):
            raise TypeError(f"the collapse operators of {bath!r} must be a list, but are {described(members)}")
        by_bath[str(bath)] = [members] if isinstance(members, qutip.Qobj) else list(members)
        for index, member in enumerate(by_bath[str(bath)]):
            if isinstance(member, tuple) and len(member) != 2:
                raise TypeError(
                    f"a pair of operators must have two members, but collapse operator {index} has {len(member)} "
                    f"(of {bath!r})"
                )
            _check_member(f"collapse operator {index} of {bath!r}", member, hamiltonian)
    return by_bath


def checked_hamiltonian(hamiltonian: object) -> None:
    """Raise `TypeError` or `ValueError` if an operator is not square, Hermitian and finite."""
    if not isinstance(hamiltonian, qutip.Qobj) or not hamiltonian.isoper:
        raise TypeError(
            f"equation must be a MasterEquation or a Hamiltonian as a QuTiP operator, but is {described(hamiltonian)}"
        )
    if hamiltonian.shape[0] != hamiltonian.shape[1]:
        raise ValueError(f"the Hamiltonian must be square, but has shape {hamiltonian.shape}")
    if not hamiltonian.isherm:
        raise ValueError("the Hamiltonian must be Hermitian, but is not")
    _require_finite("the Hamiltonian", hamiltonian)


def _check_member(name: str, member: object, hamiltonian: qutip.Qobj) -> None:
    for operator in member if isinstance(member, tuple) else (member,):
        if not isinstance(operator, qutip.Qobj) or not operator.isoper:
            raise TypeError(f"{name} must be a QuTiP operator, but is {described(operator)}")
        if operator.dims != hamiltonian.dims:
            raise ValueError(
                f"{name} must have the Hamiltonian's dimensions {hamiltonian.dims}, but has {operator.dims}"
            )
        _require_finite(name, operator)


def _require_finite(name: str, operator: qutip.Qobj) -> None:
    if not np.isfinite(compressed_rows(operator)[0]).all():
        raise ValueError(f"{name} must be finite, but has NaN or infinite entries")


def described(value: object) -> str:
    """What a value is, for a message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}: wrap it in qutip.Qobj"
    return f"a Qobj of type {value.type!r}" if isinstance(value, qutip.Qobj) else f"a {type(value).__name__}"
