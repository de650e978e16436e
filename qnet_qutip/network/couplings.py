"""What couples two nodes: the swap of eq. (2), positions, or a dispersive shift."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from qnet_qutip import checks


@dataclass(frozen=True)
class Swap:
    """The exchange of excitations ε(a†b + a b†), eq. (2), of strength ε = `strength`, finite and real.

    A coupling that is given as a number is this one.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


@dataclass(frozen=True)
class Quadrature:
    """The coupling g(a + a†)(b + b†) of two positions, counter-rotating terms kept, of strength g = `strength`.

    For two-level nodes it is gσ_xσ_x. Within the rotating-wave approximation it is the swap of the same strength.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


@dataclass(frozen=True)
class Dispersive:
    """The shift χ a†a b†b of one node's frequency for each excitation of the other, of strength χ = `strength`.

    For two-level nodes it is (χ/4)σ_zσ_z, both frequencies raised by χ/2. It passes no excitation on.
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checks.finite("strength", self.strength))


Term = Swap | Quadrature | Dispersive
Coupling = float | Term | tuple[float | Term, ...]


def checked_coupling(pair: tuple[str, str], coupling: object) -> Coupling:
    """What is given as the coupling of a pair, or an error that says why it is none."""
    if isinstance(coupling, float) and isfinite(coupling):
        return float(coupling)
    name = f"coupling {pair!r}"
    if not isinstance(coupling, tuple):
        return _checked_term(name, coupling)
    terms = tuple(_checked_term(name, term) for term in coupling)
    kinds = [type(as_term(term)).__name__ for term in terms]
    if not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"{name} must hold at least one coupling and one of a kind at most, but is {coupling!r}")
    return terms


def _checked_term(name: str, term: object) -> float | Term:
    if isinstance(term, Term):
        return term
    try:
        return checks.finite(name, term)
    except TypeError:
        raise TypeError(
            f"{name} must be a real number, a Swap, Quadrature or Dispersive, or a tuple of them, but is {term!r}"
        ) from None


def as_term(term: float | Term) -> Term:
    """A coupling as a value: a number is the swap of that strength."""
    return term if isinstance(term, Term) else Swap(term)
