"""What became of a hard case: right, wrong with or without a word, or refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import qnet_qutip as qn
from qnet_qutip.progress import silenced

Parameters = dict[str, Any]

RIGHT, WARNED, SILENT, REFUSED, UNDECIDED = "right", "wrong, warned", "wrong, not a word", "refused", "undecided"
OUTCOMES = (RIGHT, WARNED, SILENT, REFUSED, UNDECIDED)


class Outcome(NamedTuple):
    """What became of one case."""

    kind: str
    parameters: Parameters
    outcome: str
    said: str
    error: float
    """Deviation over what is allowed to it: wrong above 1."""


def solved(solve: Callable[[], qn.SteadyState]) -> tuple[qn.SteadyState | None, str]:
    """The state, if there is one, and what was said: the warnings or the error."""
    with warnings.catch_warnings(record=True) as caught, silenced():
        warnings.simplefilter("always")
        try:
            state = solve()
        except (ArithmeticError, RuntimeError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"
    return state, "; ".join(f"{one.category.__name__}: {one.message}" for one in caught)


def judged(error: float, said: str) -> str:
    """How a state is judged that is off by so much."""
    return RIGHT if error <= 1 else WARNED if said else SILENT
