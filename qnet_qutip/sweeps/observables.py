"""What a sweep keeps of a state: each observable is a function of it, with a name, a definition and units."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

from qnet_qutip import checks
from qnet_qutip.network import FrozenMapping
from qnet_qutip.state import SteadyState

Value: TypeAlias = float | Mapping[str, float]
"""One number, or one for each bath, node or other label."""


@dataclass(frozen=True)
class Observable:
    """A function of a state whose values a sweep collects.

    Parameters
    ----------
    name : str
        The dataset's variable.
    function : callable
        From a state, such as `SteadyState`, to a real number; with a `dimension`, to a mapping of labels to numbers.
    definition : str, optional
        What it is, in words or a formula.
    units : str, optional
        With ħ = k_B = 1: "frequency" for an energy, "1" for a pure number.
    dimension : str, optional
        What the labels of a mapping are: "bath", "node" or a name of one's own.

    Examples
    --------
    >>> purity = Observable("purity", lambda state: (state.rho**2).tr().real, "Tr ρ²", units="1")
    >>> purity
    Observable('purity', Tr ρ²)
    """

    name: str
    function: Callable[[Any], Any]
    definition: str = ""
    units: str = ""
    dimension: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"the name of an observable must be a string, but is {self.name!r}")
        if not callable(self.function):
            raise TypeError(f"observable {self.name!r} must be a function of a state, but is {self.function!r}")

    def of(self, state: object) -> Value:
        """The value in a state.

        Raises
        ------
        TypeError
            If the function returns no real number, or no mapping of labels to numbers though it has a dimension.
        """
        value = checks.plain(self.function(state))
        if self.dimension is None:
            return _number(self.name, value)
        if not isinstance(value, Mapping):
            raise TypeError(
                f"observable {self.name!r} must return a mapping of each {self.dimension} to a number, but returned "
                f"{value!r}"
            )
        return {_label(self.name, key): _number(self.name, checks.plain(one)) for key, one in value.items()}

    def __repr__(self) -> str:
        about = [self.definition, "" if self.dimension is None else f"for each {self.dimension}"]
        return f"Observable({', '.join([repr(self.name), *filter(None, about)])})"


def _number(name: str, value: object) -> float:
    if not isinstance(value, numbers.Real):
        remedy = (
            f"; for one number of each bath or node give Observable({name!r}, ..., dimension='bath')"
            if isinstance(value, Mapping)
            else ""
        )
        raise TypeError(f"observable {name!r} must be a real number, but is {value!r}{remedy}")
    return float(value)


def _label(name: str, key: object) -> str:
    if isinstance(key, tuple):
        return "-".join(map(str, key))
    if not isinstance(key, str):
        raise TypeError(f"observable {name!r} must have names for its labels, but has {key!r}")
    return key


def _purity(state: SteadyState) -> float:
    return float((state.rho * state.rho).tr().real)


OBSERVABLES: Mapping[str, Observable] = FrozenMapping(
    {
        each.name: each
        for each in (
            Observable(
                "heat_current",
                attrgetter("heat_currents"),
                "J = Tr[H D_bath(ρ)], eq. (5), positive into the network",
                "frequency**2",
                "bath",
            ),
            Observable("occupation", attrgetter("occupations"), "⟨a†a⟩ of a node", "1", "node"),
            Observable("entropy_production", attrgetter("entropy_production"), "σ = -Σ J/T, eq. (1)", "frequency"),
            Observable(
                "excitation_current",
                attrgetter("excitation_currents"),
                "excitations per time that the coupling A-B brings to B",
                "frequency",
                "coupling",
            ),
            Observable("purity", _purity, "Tr ρ²", "1"),
            Observable("first_law_residual", attrgetter("first_law_residual"), "|Σ J| / max |J|", "1"),
            Observable("smallest_eigenvalue", attrgetter("smallest_eigenvalue"), "smallest eigenvalue of ρ", "1"),
            Observable(
                "top_shell_population", attrgetter("top_shell_population"), "population at the edge of the space", "1"
            ),
        )
    }
)
"""Observables by the names that `sweep` knows."""

OF_NETWORKS = ("heat_current", "occupation", "entropy_production")
OF_HAMILTONIANS = ("heat_current", "entropy_production")
"""What is kept unless observables are named: a Hamiltonian has no nodes to be occupied."""

DIAGNOSTICS = (
    Observable(
        "truncation_error",
        attrgetter("truncation_error"),
        "estimated truncation error of the heat current, relative to it or to a hundredth of the one-way flow",
        "1",
        "bath",
    ),
    Observable(
        "one_way_flow",
        attrgetter("equation.one_way_flows"),
        "scale that the truncation error is measured against where the current is small",
        "frequency**2",
        "bath",
    ),
    Observable("residual", attrgetter("residual"), "Frobenius norm of L(ρ)", "frequency"),
    Observable("iterations", attrgetter("iterations"), "applications of the preconditioned generator", "1"),
)
"""How far to trust a point: kept of every state that has them."""

SECONDS = Observable("seconds", attrgetter("seconds"), "time that the point took", "s")
"""Measured by the sweep."""


def diagnosis(state: object) -> dict[str, Value]:
    """The diagnostics of a state; NaN, or no label, for those that a state of its kind does not have."""
    found: dict[str, Value] = {}
    for diagnostic in DIAGNOSTICS:
        try:
            found[diagnostic.name] = diagnostic.of(state)
        except AttributeError:
            found[diagnostic.name] = math.nan if diagnostic.dimension is None else {}
    return found


def checked_observables(
    observables: Sequence[str | Callable[[Any], Any] | Observable] | None, default: Sequence[str]
) -> tuple[Observable, ...]:
    """Observables as a user gives them: names, functions of a state, or `Observable` values.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown or used twice, or a function has no name.
    """
    if isinstance(observables, str | Mapping) or callable(observables):
        raise TypeError(f"observables must be a sequence of names and functions, but is {observables!r}")
    chosen = tuple(_observable(each) for each in (default if observables is None else observables))
    if not chosen:
        raise ValueError(f"observables must name at least one of {', '.join(OBSERVABLES)}, or a function, but is empty")
    taken = {each.name for each in (*DIAGNOSTICS, SECONDS)}
    for each in chosen:
        if each.name in taken:
            raise ValueError(f"observables must have names of their own, but {each.name!r} is there already")
        taken.add(each.name)
    return chosen


def _observable(given: str | Callable[[Any], Any] | Observable) -> Observable:
    if isinstance(given, Observable):
        return given
    if isinstance(given, str):
        checks.one_of("observable", given, list(OBSERVABLES))
        return OBSERVABLES[given]
    if not callable(given):
        raise TypeError(f"an observable must be a name or a function of a state, but is {given!r}")
    name = getattr(given, "__name__", "<lambda>")
    if name == "<lambda>":
        raise TypeError(f"an observable must have a name, but {given!r} has none; give Observable('name', function)")
    return Observable(name, given, (given.__doc__ or "").partition("\n")[0])
