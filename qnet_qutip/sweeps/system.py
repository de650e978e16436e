"""What a sweep varies: a network, or a Hamiltonian with its baths, built from parameters; and the equations of it."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import qutip

from qnet_qutip import checks
from qnet_qutip.equations import MASTER_EQUATIONS
from qnet_qutip.network import NODE_KINDS, Network, bath_density, two_node
from qnet_qutip.operators import OperatorBath
from qnet_qutip.sweeps.grid import Grid
from qnet_qutip.wording import in_full

System: TypeAlias = Network | tuple[qutip.Qobj, Mapping[str, OperatorBath]]
Equation: TypeAlias = str | Callable[..., Any]

ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")
"""Of an object in memory, as its repr shows it."""


def checked_build(build: str | Callable[..., Any], given: Sequence[str]) -> Callable[..., Any]:
    """The function that builds the systems of a sweep.

    Parameters
    ----------
    build : {"oscillator", "two-level"} or callable
    given : sequence of str
        Names of the parameters, varying and fixed.

    Raises
    ------
    ValueError, TypeError
        If it is none, or does not take these parameters.
    """
    if isinstance(build, str):
        checks.one_of("build", build, NODE_KINDS)
        build = partial(two_node, build)
    elif not callable(build):
        raise TypeError(f"build must be a kind of node or a function that returns a Network, but is {build!r}")
    signature = _signature(build)
    if signature is None:
        return build
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values())
    for name in () if takes_any else given:
        checks.one_of("a coordinate or parameter", name, _keywords(signature))
    try:
        signature.bind(**dict.fromkeys(given))
    except TypeError as error:
        raise TypeError(f"coordinates and parameters must be what {_name(build)} takes, but: {error}") from None
    return build


def _keywords(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, one in signature.parameters.items() if one.kind in kinds]


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        # Functions written in C need not say what they take.
        return None


def checked_system(built: object) -> System:
    """Return what was built, or raise if it is neither a network nor a Hamiltonian with its baths."""
    if isinstance(built, Network):
        return built
    if (
        isinstance(built, tuple)
        and len(built) == 2
        and isinstance(built[0], qutip.Qobj)
        and isinstance(built[1], Mapping)
    ):
        return built
    raise TypeError(
        f"build must be a function that returns a Network, or a Hamiltonian and its baths, but it returned {built!r}"
    )


def arguments(system: System) -> tuple[Any, ...]:
    """What a builder of equations is called with."""
    return system if isinstance(system, tuple) else (system,)


def bath_names(system: System) -> list[str]:
    """Names of the baths."""
    return list(system[1] if isinstance(system, tuple) else system.baths)


def node_names(system: System) -> list[str]:
    """Names of the nodes, of which a Hamiltonian of one's own has none."""
    return [] if isinstance(system, tuple) else list(system.nodes)


def checked_equations(
    equations: Sequence[Equation] | Mapping[str, Equation], system: System, options: Mapping[str, object]
) -> dict[str, Callable[..., Any]]:
    """The builders of the equations, by the labels of the dataset.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown or used twice, a function has no name, or one does not take the system or the options.
    """
    if isinstance(equations, str) or callable(equations):
        raise TypeError(f"equations must be a sequence of names and functions, but is {equations!r}")
    if not equations:
        raise ValueError("equations must name at least one master equation, but is empty")
    if isinstance(equations, Mapping):
        labelled = [(label, equations[label]) for label in equations]
    else:
        labelled = [(each if isinstance(each, str) else _own_name(each), each) for each in equations]
    labels = [label for label, _ in labelled]
    if len(set(labels)) < len(labels):
        raise ValueError(f"equations must be different, but are {labels}")
    builders = {}
    for label, each in labelled:
        if isinstance(each, str):
            checks.one_of("equation", each, list(MASTER_EQUATIONS))
            builders[label] = MASTER_EQUATIONS[each]
        elif callable(each):
            builders[label] = each
        else:
            raise TypeError(f"equation {label!r} must be a name or a function of the network, but is {each!r}")
        signature = _signature(builders[label])
        try:
            if signature is not None:
                signature.bind(*arguments(system), **options)
        except TypeError as error:
            kind = "a Hamiltonian and its baths" if isinstance(system, tuple) else "a network"
            raise TypeError(
                f"equation {label!r} must take {kind} with the options {dict(options)}, but: {error}"
            ) from None
    return builders


def _own_name(function: object) -> str:
    name = getattr(function, "__name__", "<lambda>")
    if name == "<lambda>":
        raise TypeError(f"an equation must have a name, but {function!r} has none; give {{'name': function}}")
    return str(name)


def _name(function: object) -> str:
    if isinstance(function, partial):
        function = function.func
    return getattr(function, "__qualname__", _in_full(function))


def described(value: object) -> str:
    """How an attribute of a dataset shows a function or any other value: the same in every process."""
    return _name(value) if callable(value) else _in_full(value)


def _in_full(value: object) -> str:
    """The repr of a value, as every process shows it, without leaving out any of a thousand nodes."""
    with in_full():
        return ADDRESS.sub("", repr(value))


def digest(build: Callable[..., Any], grid: Grid, parameters: Mapping[str, Any]) -> str:
    """What tells all systems of a sweep from those of another, whatever their builders are called."""
    found = hashlib.sha256()
    for point in grid.points():
        try:
            text = _contents(checked_system(build(**parameters, **point)))
        except Exception as error:
            # A point that cannot be built fails when its turn comes.
            text = f"{type(error).__name__}: {error}"
        found.update(text.encode() + b"\n")
    return found.hexdigest()


def _contents(system: System) -> str:
    """What tells a system from others in every process.

    A function, or an object whose class does not say how to show it, shows its address in memory, which is another in
    the next process. Its spectrum is then told by its value at the frequency of its bath's node.
    """
    if isinstance(system, tuple):
        hamiltonian, baths = system
        operators = [hamiltonian, *(bath.operator for bath in baths.values() if isinstance(bath, OperatorBath))]
        matrices = [hashlib.sha256(operator.full().tobytes()).hexdigest() for operator in operators]
        return f"{matrices} {_in_full(baths)}"
    with in_full():
        text = repr(system)
    if not ADDRESS.search(text):
        return text
    densities = {
        name: bath_density(system, name, system.nodes[bath.node].frequency) for name, bath in system.baths.items()
    }
    return f"{ADDRESS.sub('', text)} with the densities {densities}"
