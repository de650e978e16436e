"""Which master equation to use for a network, and how wrong each would be."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import qutip

from qnet_qutip import checks, exact, gaussian, thermodynamics
from qnet_qutip.equations import MASTER_EQUATIONS, PROMISES, ClusterWarning, Promises
from qnet_qutip.equations.assembly import require_baths
from qnet_qutip.modes import is_harmonic, require_bounded
from qnet_qutip.network import FrozenMapping, Network, require_reached
from qnet_qutip.scales import Scales, scales
from qnet_qutip.solver.linear import ConvergenceError, MultipleSteadyStatesError
from qnet_qutip.space import Space
from qnet_qutip.steady import LawWarning, PositivityWarning, steady_state
from qnet_qutip.truncation import DEFAULT_RTOL

if TYPE_CHECKING:
    import xarray as xr

REFUSALS = (ValueError, ArithmeticError, MemoryError, ConvergenceError, MultipleSteadyStatesError)
"""What an equation that does not serve a network raises."""


ROUNDED = 1e-8
"""ΣJ relative to the largest current that is the error of the currents."""

AS_GOOD = 1.1
"""Times the smallest error up to which an equation counts as accurate as any: of these the one that promises most."""

RESOLVED = 0.01
"""Error of a heat current that its method may leave, relative to the largest: beyond it the current is not resolved."""

USABLE = 0.1
"""Error of a heat current beyond which no equation will do: a tenth still tells what happens, and where heat flows."""


class Currents(Protocol):
    """A state with a heat current of each bath."""

    @property
    def heat_currents(self) -> Mapping[str, float]:
        """J of each bath, positive into the network."""


@dataclass(frozen=True)
class Assessment:
    """What one master equation says of a network, and how far it can be trusted.

    Attributes
    ----------
    equation : str
        Key of `MASTER_EQUATIONS`.
    promises : Promises
    heat_currents : mapping of str to float
        Of each bath, into the network; empty if there is no steady state.
    heat_current_errors : mapping of str to float
        Estimated absolute error of each.
    entropy_production : float
        σ, counted by H; nan if there is none.
    positive : bool or None
        Whether ρ is a density matrix; None if there is none.
    second_law_kept : bool or None
        Whether σ is not negative by more than the error of the currents.
    error : float or None
        Largest deviation of a heat current from the exact one, relative to the largest of these; None without them.
        Where these are zero, 0 for currents that are zero within their errors, and infinite for others.
    expected_error : float or None
        The same from the scales alone, for the equations that have such an estimate.
    cluster_error : float
        Largest of `equation.cluster_errors`, in units of γ/ω: above 1 frequencies are too dense for clusters.
    path : str
        "one-body matrices" or "density matrix".
    refusal : str
        Why there is no steady state, in the words of the equation.
    """

    equation: str
    promises: Promises
    heat_currents: Mapping[str, float] = field(default_factory=lambda: FrozenMapping({}))
    heat_current_errors: Mapping[str, float] = field(default_factory=lambda: FrozenMapping({}))
    entropy_production: float = math.nan
    positive: bool | None = None
    second_law_kept: bool | None = None
    error: float | None = None
    expected_error: float | None = None
    cluster_error: float = 0.0
    path: str = ""
    refusal: str = ""

    @property
    def first_law_residual(self) -> float:
        """ΣJ, which is to be zero."""
        return math.fsum(self.heat_currents.values()) if self.heat_currents else math.nan


@dataclass(frozen=True)
class Comparison:
    """Every master equation of one network, beside the exact answer, and which to use.

    Attributes
    ----------
    network : Network
    assessments : mapping of str to Assessment
        By the names of `MASTER_EQUATIONS`.
    exact : mapping of str to float
        Exact heat current of each bath; empty if there is none.
    no_exact_answer : str
        Why there is none.
    scales : Scales
    recommended : str
        The equation to use, a key of `MASTER_EQUATIONS`.
    reason : str
        Why, and how wrong it is, in a sentence; or that none will do.
    """

    network: Network
    assessments: Mapping[str, Assessment]
    exact: Mapping[str, float]
    no_exact_answer: str
    scales: Scales
    recommended: str
    reason: str

    def to_dataset(self) -> xr.Dataset:
        """Everything as a labelled dataset, with dimensions `equation` and `bath`."""
        import xarray as xr

        rows, baths = list(self.assessments.values()), list(self.network.baths)
        missing = dict.fromkeys(baths, math.nan)

        def numbers(values: list[float | None]) -> list[float]:
            return [math.nan if value is None else float(value) for value in values]

        currents = [list({**missing, **row.heat_currents}.values()) for row in rows]
        return xr.Dataset(
            {
                "heat_current": (("equation", "bath"), currents),
                "exact_heat_current": ("bath", list({**missing, **self.exact}.values())),
                "entropy_production": ("equation", [row.entropy_production for row in rows]),
                "error": ("equation", numbers([row.error for row in rows])),
                "expected_error": ("equation", numbers([row.expected_error for row in rows])),
                "positive": ("equation", numbers([row.positive for row in rows])),
                "second_law_kept": ("equation", numbers([row.second_law_kept for row in rows])),
            },
            coords={"equation": list(self.assessments), "bath": baths},
            attrs={
                "recommended": self.recommended,
                "reason": self.reason,
                "neglected": self.scales.neglected,
                "rate_over_gap": self.scales.rate_over_gap,
                "gap_over_frequency": self.scales.gap_over_frequency,
            },
        )

    def table(self) -> list[tuple[str, ...]]:
        """The comparison as rows of text, the first of them the heads of the columns."""
        baths = list(self.network.baths)
        heads = ("equation", *(f"J_{bath}" for bath in baths), "ΣJ", "σ", "ρ ≥ 0", "2nd law", "error", "promises")
        rows = [heads]
        for name, row in self.assessments.items():
            marked = f"{name} *" if name == self.recommended else name
            if row.refusal:
                rows.append((marked, *("–" for _ in heads[2:]), _promised(row)))
                continue
            rows.append(
                (
                    marked,
                    *(_current(row, bath) for bath in baths),
                    _residual(row),
                    _entropy(row, _temperatures(self.network)),
                    "yes" if row.positive else "NO",
                    "kept" if row.second_law_kept else "VIOLATED",
                    _error(row),
                    _promised(row),
                )
            )
        if self.exact:
            exact_row = ("exact", *(f"{self.exact[bath]:.6g}" for bath in baths))
            rows.append((*exact_row, *("" for _ in heads[len(exact_row) :])))
        return rows

    def notes(self) -> list[str]:
        """What is to be said of the table: why numbers are missing, and what stands for them."""
        said = [f"{name}: {row.refusal}" for name, row in self.assessments.items() if row.refusal]
        if self.no_exact_answer:
            said.append(f"no exact answer: {self.no_exact_answer}")
        said += [
            f"{name}: clusters of Bohr frequencies are neither narrow nor apart, which may cost "
            f"{row.cluster_error:.1g} times γ/ω of the current or more"
            for name, row in self.assessments.items()
            if row.cluster_error > 1
        ]
        if any(_error(row).startswith("~") for row in self.assessments.values() if not row.refusal):
            said.append("errors with ~ are those that γ/gap and gap/ω let expect")
        return said

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
            for row in rows
        ]
        measured = (
            f"γ/ω = {self.scales.neglected:.1g}, γ/gap = {self.scales.rate_over_gap:.1g}, "
            f"gap/ω = {self.scales.gap_over_frequency:.1g}"
        )
        return "\n".join([*lines, *self.notes(), measured, f"* {self.reason}"])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from qnet_qutip import html

        return html.comparison_html(self)


def _promised(row: Assessment) -> str:
    """In the symbols of the table's heads, with the energy that heat must be counted by."""
    promises = row.promises
    kept = ["ρ ≥ 0"] * promises.positive + ["ΣJ = 0"] * promises.first_law
    kept += [f"σ ≥ 0 by {promises.second_law}"] if promises.second_law else []
    kept += [f"Gibbs by {promises.gibbs_state}"] if promises.gibbs_state else []
    return ", ".join(kept)


def _current(row: Assessment, bath: str) -> str:
    """A heat current, or 0 where it is within its error."""
    current = row.heat_currents[bath]
    return "0" if abs(current) <= row.heat_current_errors[bath] else f"{current:.6g}"


def _entropy(row: Assessment, temperatures: Mapping[str, float]) -> str:
    """σ, or 0 where it is within what the errors of the currents make of it, or no current is beyond its own."""
    beyond = any(abs(current) > row.heat_current_errors[bath] for bath, current in row.heat_currents.items())
    unseen = thermodynamics.flow_at(temperatures, row.heat_current_errors)
    if not beyond or (math.isfinite(unseen) and abs(row.entropy_production) <= unseen):
        return "0"
    return f"{row.entropy_production:.4g}"


def _error(row: Assessment) -> str:
    """The deviation from the exact currents, or after a ~ what the scales let expect of it."""
    if row.error is not None:
        return f"{row.error:.2g}"
    expected = row.expected_error
    return "" if expected is None or math.isinf(expected) else f"~{expected:.1g}"


def _residual(row: Assessment) -> str:
    """ΣJ, or 0 where it is within the errors, or rounding of the currents."""
    unseen = max(ROUNDED * _largest(row.heat_currents), math.fsum(row.heat_current_errors.values()))
    return "0" if abs(row.first_law_residual) <= unseen else f"{row.first_law_residual:.2g}"


def compare(
    network: Network,
    baths: None = None,
    *,
    exact_state: Currents | None = None,
    density_matrices: bool = False,
    rtol: float = DEFAULT_RTOL,
) -> Comparison:
    """Solve every master equation of a network, compare with the exact currents, and say which equation to use.

    Recommended is, among the equations that are right to γ/ω, which Born and Markov neglect anyway, the one that
    promises most; where none is, the most accurate. Without exact currents the errors are those that the scales let
    expect (`scales`), and the universal equation stands for where none of the others holds.

    Parameters
    ----------
    network : Network
    baths : None
        Not to be given: what every master equation but this function takes beside a Hamiltonian of one's own.
    exact_state : any state with heat currents, optional
        What to take as exact, for instance `exact.hierarchy.steady_state(network)` of two-level nodes, which takes
        seconds to minutes. By default harmonic oscillators have their exact currents by quantum Langevin equations.
    density_matrices : bool, optional
        Take density matrices also where one-body matrices give the same in a hundredth of the time.
    rtol : float, optional
        Relative truncation error of the currents from density matrices.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        If it is no network (a Hamiltonian of one's own has no nodes, from which the local equation, the scales and the
        exact currents are), or one without a bath, with a part that no bath reaches, or an energy without a lower
        bound; or if it is not harmonic and no equation can be solved for it.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=1e-3, T_h=12, T_c=10, kappa=1e-7)
    >>> verdict = compare(net)
    >>> verdict.recommended, verdict.assessments["local"].second_law_kept
    ('global', False)
    """
    if isinstance(network, qutip.Qobj) or baths is not None:
        raise TypeError(
            "network must be a Network with baths of its own, from whose nodes the local equation, the scales and the "
            "exact currents are; a Hamiltonian H with baths must be solved equation by equation, such as by "
            "steady_state(unified_master_equation(H, baths)), or by several of them with sweep, whose build may return "
            "(H, baths)"
        )
    require_baths(network)
    checks.truth("density_matrices", density_matrices)
    checks.positive("rtol", rtol)
    require_reached(network)
    require_bounded(network)
    given, none = _exact_currents(network, exact_state)
    found = {name: _solved(network, name, density_matrices, rtol) for name in MASTER_EQUATIONS}
    space = next((space for _, space in found.values() if space is not None), None)
    if space is None and not is_harmonic(network):
        said = "; ".join(f"{name}: {row.refusal}" for name, (row, _) in found.items())
        raise ValueError(f"network must have a steady state by some master equation to be judged, but has none: {said}")
    measured = scales(network, space)
    # A current may vanish where others do not: local's between nodes of ω/T alike.
    scale = max(_largest(given), *(_largest(row.heat_currents) for row, _ in found.values()))
    resolved = {name: _resolved(network, row, scale) for name, (row, _) in found.items()}
    if given and not any(given.values()):
        # Nothing flows, and zero within the error is then the answer.
        resolved = {name: row for name, (row, _) in found.items()}
    rows = {name: _judged(row, given, _expected(row, measured)) for name, row in resolved.items()}
    recommended, reason = _recommendation(rows, measured, given)
    return Comparison(network, FrozenMapping(rows), FrozenMapping(given), none, measured, recommended, reason)


def _exact_currents(network: Network, exact_state: Currents | None) -> tuple[Mapping[str, float], str]:
    """Exact currents, or why there are none."""
    if exact_state is not None:
        currents = getattr(exact_state, "heat_currents", None)
        if not isinstance(currents, Mapping) or set(currents) != set(network.baths):
            raise TypeError(
                f"exact_state must be a state with the heat currents of {list(network.baths)}, but is {exact_state!r}"
            )
        return currents, ""
    try:
        state = exact.steady_state(network)
    except exact.NoExactAnswerError as problem:
        return {}, f"{problem}; or give an exact_state, such as that of exact.hierarchy"
    except (exact.NoCutoffError, exact.QuadratureError) as problem:
        return {}, str(problem)
    unresolved = _unresolved(network, state.heat_currents, state.heat_current_errors, _largest(state.heat_currents))
    return ({}, unresolved) if unresolved else (state.heat_currents, "")


def _solved(network: Network, name: str, density_matrices: bool, rtol: float) -> tuple[Assessment, Space | None]:
    """One equation by the fastest faithful path, not yet judged, and the space of its density matrix."""
    refused = Assessment(name, PROMISES[name])
    if not density_matrices:
        try:
            one_body = gaussian.steady_state(network, name)
        except gaussian.NotGaussianError:
            pass
        except (ValueError, ArithmeticError) as problem:
            return replace(refused, refusal=str(problem)), None
        else:
            currents, errors = one_body.heat_currents, one_body.heat_current_errors
            return (
                Assessment(
                    name,
                    PROMISES[name],
                    currents,
                    errors,
                    one_body.entropy_production,
                    one_body.positive,
                    not thermodynamics.second_law_broken(_temperatures(network), currents, errors),
                    path="one-body matrices",
                ),
                None,
            )
    with warnings.catch_warnings():
        # What these say is in the table.
        for category in (LawWarning, PositivityWarning, ClusterWarning):
            warnings.simplefilter("ignore", category)
        try:
            equation = MASTER_EQUATIONS[name](network, rtol=rtol)
            state = steady_state(equation)
        except REFUSALS as problem:
            return replace(refused, refusal=str(problem)), None
    currents, errors = state.heat_currents, state.heat_current_errors
    return (
        Assessment(
            name,
            equation.promises,
            currents,
            errors,
            state.entropy_production,
            state.positive,
            not thermodynamics.second_law_broken(_temperatures(network), currents, errors),
            cluster_error=max(equation.cluster_errors, default=0.0),
            path="density matrix",
        ),
        equation.space,
    )


def _resolved(network: Network, row: Assessment, scale: float) -> Assessment:
    """The row, or one without numbers if its currents are not known to a hundredth of what flows."""
    unresolved = "" if row.refusal else _unresolved(network, row.heat_currents, row.heat_current_errors, scale)
    return Assessment(row.equation, row.promises, refusal=unresolved) if unresolved else row


def _unresolved(network: Network, currents: Mapping[str, float], errors: Mapping[str, float], scale: float) -> str:
    """Why currents are no answer, if their errors are not small on the scale of what flows here; else nothing.

    Baths of one temperature exchange no heat, and zero within the error is then the answer.
    """
    error = max(errors.values())
    if error <= RESOLVED * scale or len({bath.temperature for bath in network.baths.values()}) == 1:
        return ""
    return (
        f"heat currents of {', '.join(currents)} are not resolved: the largest is {_largest(currents):.1g}, with an "
        f"error of {error:.1g}; strengthen a coupling, or the baths"
    )


def _temperatures(network: Network) -> dict[str, float]:
    return {name: bath.temperature for name, bath in network.baths.items()}


def _largest(currents: Mapping[str, float]) -> float:
    return max((abs(current) for current in currents.values()), default=0.0)


def _expected(row: Assessment, measured: Scales) -> float | None:
    """The error to be expected, that of the clusters of this network included."""
    expected = measured.expected_errors.get(row.equation)
    if expected is None or row.cluster_error <= 1:
        return expected
    return max(expected, row.cluster_error * measured.neglected)


def _judged(row: Assessment, given: Mapping[str, float], expected: float | None) -> Assessment:
    """With its deviation from the exact currents."""
    error = None
    if given and row.heat_currents:
        largest = _largest(given)
        deviations = {bath: abs(row.heat_currents[bath] - current) for bath, current in given.items()}
        if largest > 0:
            error = max(deviations.values()) / largest
        else:
            zero = all(deviation <= row.heat_current_errors[bath] for bath, deviation in deviations.items())
            error = 0.0 if zero else math.inf
    return replace(row, error=error, expected_error=expected)


def _rank(row: Assessment) -> int:
    """How much an equation promises: heat counted by H counts more than by any other energy."""
    promises = row.promises
    lawful = [2 if law == "H" else 1 if law else 0 for law in (promises.second_law, promises.gibbs_state)]
    return int(promises.positive) + int(promises.first_law) + sum(lawful)


def recommended_by_scales(measured: Scales, candidates: Mapping[str, Assessment]) -> str:
    """The equation that the scales alone speak for: the one that promises most of those expected within γ/ω.

    The universal equation, or where it has no steady state Redfield's, if none is.
    """
    within = [
        name for name, error in measured.expected_errors.items() if error <= measured.neglected and name in candidates
    ]
    if within:
        return max(within, key=lambda name: _rank(candidates[name]))
    return next(name for name in ("universal", "redfield", "partial_secular", *candidates) if name in candidates)


def _recommendation(rows: Mapping[str, Assessment], measured: Scales, given: Mapping[str, float]) -> tuple[str, str]:
    """The name of an equation, and why."""
    solved = {name: row for name, row in rows.items() if not row.refusal}
    if not solved:
        return "", "no master equation has a steady state, or currents beyond their errors, here: see why beside each"
    if not given:
        name = recommended_by_scales(measured, solved)
        expected = measured.expected_errors.get(name)
        if expected is not None and expected <= measured.neglected:
            why = f"expected to be right to γ/ω = {measured.neglected:.1g}, and promises most of those that are"
        else:
            why = "holds at any gap, where the frequencies are neither resolved by the baths nor one"
        return name, f"use {name}: {why}; judged by the scales alone"
    errors = {name: row.error for name, row in solved.items() if row.error is not None}
    within = [name for name, error in errors.items() if error <= min(measured.neglected, USABLE)]
    if within:
        name = max(within, key=lambda each: (_rank(solved[each]), -errors[each]))
        if not any(given.values()):
            return name, f"use {name}: no heat flows, and it promises most of those that say so"
        return name, (
            f"use {name}: off by {errors[name]:.1g} of the exact current, within γ/ω = {measured.neglected:.1g}, and "
            "promises most of those that are"
        )
    closest = min(errors, key=lambda each: errors[each])
    if errors[closest] > USABLE:
        return closest, (
            f"none will do: {closest} comes closest and is off by {errors[closest]:.1g} of the exact current, more "
            f"than γ/ω = {measured.neglected:.1g}, as the baths' coupling is beyond any master equation of second "
            "order; use the exact answer"
        )
    as_good = [each for each, error in errors.items() if error <= AS_GOOD * errors[closest]]
    name = max(as_good, key=lambda each: (_rank(solved[each]), -errors[each]))
    accurate = (
        "the most accurate" if name == closest else f"as accurate as {closest} but for a tenth, and promises more"
    )
    return name, (
        f"use {name}: {accurate}, off by {errors[name]:.1g} of the exact current, though none is within γ/ω = "
        f"{measured.neglected:.1g}"
    )
