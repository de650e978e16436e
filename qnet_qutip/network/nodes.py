"""Nodes of a network: oscillators and two-level systems, eq. (3)."""

from __future__ import annotations

from dataclasses import dataclass

from qnet_qutip import checks

NODE_KINDS = ("oscillator", "two-level")


@dataclass(frozen=True)
class Oscillator:
    """An oscillator, ω a†a + (α/2) a†a†aa (δ = -1).

    Parameters
    ----------
    frequency : float
        ω > 0, the transition frequency between the lowest two levels.
    anharmonicity : float, optional
        α ≥ 0 of the Kerr term, by which each transition frequency exceeds the one below it.

    Raises
    ------
    ValueError
        If the frequency is not positive, or the anharmonicity negative: level n has the energy ωn + αn(n - 1)/2, which
        would then fall without bound.

    Examples
    --------
    >>> Oscillator(5, anharmonicity=0.2)
    Oscillator(5.0, anharmonicity=0.2)
    """

    frequency: float
    anharmonicity: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))
        anharmonicity = checks.finite("anharmonicity", self.anharmonicity)
        if anharmonicity < 0:
            raise ValueError(
                f"anharmonicity must not be negative, but is {anharmonicity:g}: the energy ωn + αn(n - 1)/2 of level n "
                "would have no lower bound; give the few levels that are meant (a transmon's lowest two: a TwoLevel; "
                "its lowest three: a Hamiltonian of one's own)"
            )
        object.__setattr__(self, "anharmonicity", anharmonicity)

    def __repr__(self) -> str:
        anharmonic = f", anharmonicity={self.anharmonicity}" if self.anharmonicity else ""
        return f"Oscillator({self.frequency}{anharmonic})"


@dataclass(frozen=True)
class TwoLevel:
    """A two-level system of transition frequency `frequency` > 0 (δ = +1)."""

    frequency: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "frequency", checks.positive("frequency", self.frequency))

    def __repr__(self) -> str:
        return f"TwoLevel({self.frequency})"


Node = Oscillator | TwoLevel
