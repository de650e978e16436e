"""Steady states of quadratic networks from one-body matrices, without any Hilbert space: a thousand nodes and more.

For oscillators with swaps and quadrature couplings in any graph, and for chains of two-level nodes with baths at the
ends, all that a master equation does is a linear equation for second moments. It shares no code with the density
matrices, so that the agreement of both is evidence. DERIVATION.md derives what is solved here, and how heat currents
keep their digits where they are 1e-14 of what the baths exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qnet_qutip import checks
from qnet_qutip.gaussian.clusters import Options
from qnet_qutip.gaussian.failures import Failures
from qnet_qutip.gaussian.large import solved_at_any_size
from qnet_qutip.gaussian.moments import Moments, equations_of_motion
from qnet_qutip.gaussian.quadratic import Graph, NotGaussianError, Numbers, is_gaussian, quadratic
from qnet_qutip.gaussian.small import Solution
from qnet_qutip.gaussian.solution import in_nodes, occupations, require_solved
from qnet_qutip.gaussian.state import GaussianState
from qnet_qutip.gaussian.twofold import Array
from qnet_qutip.network import FrozenMapping, Network
from qnet_qutip.progress import progress_line

__all__ = ["EQUATIONS", "Currents", "GaussianState", "NotGaussianError", "heat_currents", "is_gaussian", "steady_state"]

EQUATIONS = ("local", "global", "unified", "universal", "redfield", "partial_secular")
"""Names of the master equations, those of `MASTER_EQUATIONS`."""

CHUNK = 60_000
"""Elements of the matrices that are in work at once: in reach of the processor's cache, and enough for NumPy."""


def steady_state(
    network: Network,
    equation: str,
    *,
    clusters: Iterable[Sequence[float]] | None = None,
    cutoff: float | None = None,
) -> GaussianState:
    """Steady state of a master equation of a quadratic network.

    Parameters
    ----------
    network : Network
        Oscillators in any graph, with swaps and quadrature couplings; or, with the local and the global equation, a
        chain of two-level nodes in their order, with swaps, and baths on its two ends.
    equation : str
        Key of `MASTER_EQUATIONS`. No level shifts.
    clusters : sequence of (float, float) or (float, float, float), optional
        Of the unified equation, as for `unified_master_equation`.
    cutoff : float, optional
        Of the partial secular equation, as for `partial_secular_master_equation`.

    Returns
    -------
    GaussianState

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid or the network is not quadratic; if a normal mode is not positive, or none of the
        baths damps it; if the moments grow without bound; if two frequencies are neither equal nor apart, by the global
        equation, and it matters for a current.
    ArithmeticError
        If a current is not found to 1e-8 of itself, or of 1e-14 of what its bath exchanges; or an occupation not to
        1e-6 of the largest.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    >>> state = steady_state(net, "local")
    >>> f"{state.heat_currents['hot']:.12g}"
    '-1.93177809827e-06'
    >>> phonons = qn.PhononSpectrum(1e-4)
    >>> ends = {"hot": qn.Bath("1", 12, phonons), "cold": qn.Bath("9", 10, phonons)}
    >>> row = qn.chain({str(number): qn.Oscillator(5) for number in range(1, 10)}, 0.3, **ends)
    >>> round(steady_state(row, "redfield").occupations["5"], 3)
    1.754
    """
    options = _checked(equation, clusters, cutoff)
    graph = Graph.of(network)
    show = progress_line(f"one-body matrices, {equation} equation")
    try:
        moments, found, _ = _solved([network], graph.numbers([network], equation), graph, equation, options, show)
    except Failures as failed:
        raise failed.errors[0] from None
    show("moments of the nodes")
    xx, pp, xp = (matrix.high[0] for matrix in in_nodes(moments, found))
    show("")
    for matrix in (xx, pp, xp):
        matrix.flags.writeable = False
    return GaussianState(
        network,
        equation,
        FrozenMapping(dict(zip(network.baths, found.currents[0].tolist(), strict=True))),
        FrozenMapping(dict(zip(network.baths, (found.errors + found.rounding)[0].tolist(), strict=True))),
        FrozenMapping({name: value for name, value in vars(options).items() if value is not None}),
        xx,
        pp,
        xp,
    )


def _solved(
    networks: Sequence[Network],
    numbers: Numbers,
    graph: Graph,
    equation: str,
    options: Options,
    report: Callable[[str], None],
) -> tuple[Moments, Solution, Array]:
    """Steady second moments of networks of one graph, and occupations; `Failures` of those that have none."""
    system = quadratic(networks, numbers, graph, equation)
    report("rates")
    moments = equations_of_motion(system, equation, options)
    found = solved_at_any_size(moments, report)
    occupied = occupations(moments, found)
    require_solved(system, equation, moments, found, occupied)
    return moments, found, occupied


@dataclass(frozen=True, eq=False)
class Currents:
    """Heat currents of many networks of one graph.

    Attributes
    ----------
    equation : str
    heat_currents, heat_current_errors : mapping of str to ndarray, shape (networks,)
        By bath, as of `GaussianState`; nan where there is no steady state.
    occupations : mapping of str to ndarray, shape (networks,)
        By node; nan where there is no steady state.
    failures : mapping of int to Exception
        What `steady_state` raises for a network, by its number, where there is no steady state.
    """

    equation: str
    heat_currents: Mapping[str, Array]
    heat_current_errors: Mapping[str, Array]
    occupations: Mapping[str, Array]
    failures: Mapping[int, Exception]

    def __repr__(self) -> str:
        count = len(next(iter(self.occupations.values())))
        worst = max((float(np.nan_to_num(errors).max()) for errors in self.heat_current_errors.values()), default=0.0)
        failed = f", {len(self.failures)} without a steady state" if self.failures else ""
        return f"Currents of {count} networks, {self.equation} master equation, right to {worst:.0e}{failed}"


def heat_currents(
    networks: Sequence[Network],
    equation: str,
    *,
    clusters: Iterable[Sequence[float]] | None = None,
    cutoff: float | None = None,
) -> Currents:
    """Heat currents of many networks with the same nodes, couplings and baths, and any numbers, in one go.

    A network without a steady state leaves the others standing: see `failures` of the result.

    Parameters
    ----------
    networks : sequence of Network
        At least one; of one graph. The one core that `steady_state` uses solves them together.
    equation, clusters, cutoff
        As for `steady_state`, the same for all.

    Returns
    -------
    Currents

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid, the graphs differ, or the networks are not quadratic.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> arguments = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
    >>> nets = [qn.two_node("oscillator", epsilon=epsilon, **arguments) for epsilon in (0.1, 0.01, 10)]
    >>> found = heat_currents(nets, "global")
    >>> print(found.heat_currents["hot"])
    [8.43950883e-05 8.44979792e-07            nan]
    >>> found.failures[2]
    ValueError("the lowest normal mode must have a positive frequency, but ...
    """
    options = _checked(equation, clusters, cutoff)
    networks = list(networks)
    if not networks:
        raise ValueError("networks must be at least one, but is empty")
    graph = Graph.of(networks[0])
    numbers = graph.numbers(networks, equation)
    count, baths, nodes = len(networks), list(graph.baths), list(graph.nodes)
    currents, errors = np.full((2, count, len(baths)), np.nan)
    occupied = np.full((count, len(nodes)), np.nan)
    failures: dict[int, Exception] = {}
    step = max(1, CHUNK // len(nodes) ** 4)
    pending = [list(range(start, min(start + step, count))) for start in range(0, count, step)][::-1]
    show = progress_line("networks")

    def report(text: str) -> None:
        show(f"{chosen[0]} of {count}, {text}")

    while pending:
        chosen = pending.pop()
        try:
            _, found, occupied[chosen] = _solved(
                [networks[each] for each in chosen], numbers[chosen], graph, equation, options, report
            )
        except Failures as failed:
            failures |= {chosen[each]: error for each, error in failed.errors.items()}
            left = [number for each, number in enumerate(chosen) if each not in failed.errors]
            pending += [left] if left else []
        except NotGaussianError:
            raise
        except (ValueError, ArithmeticError) as error:
            # It does not say of which.
            half = len(chosen) // 2
            if half:
                pending += [chosen[half:], chosen[:half]]
            else:
                failures[chosen[0]] = error
        else:
            currents[chosen], errors[chosen] = found.currents, found.errors + found.rounding
            show(f"{chosen[-1] + 1} of {count}")
    show("")
    return Currents(
        equation,
        FrozenMapping(dict(zip(baths, currents.T, strict=True))),
        FrozenMapping(dict(zip(baths, errors.T, strict=True))),
        FrozenMapping(dict(zip(nodes, occupied.T, strict=True))),
        FrozenMapping(dict(sorted(failures.items()))),
    )


def _checked(equation: str, clusters: Iterable[Sequence[float]] | None, cutoff: float | None) -> Options:
    checks.one_of("equation", equation, EQUATIONS)
    if clusters is not None and equation != "unified":
        raise ValueError(f"clusters must be given with the unified equation only, but is with {equation!r}")
    if cutoff is not None and equation != "partial_secular":
        raise ValueError(f"cutoff must be given with the partial secular equation only, but is with {equation!r}")
    return Options(
        None if clusters is None else checks.frequency_clusters(clusters),
        None if cutoff is None else checks.upper_bound("cutoff", cutoff),
    )
