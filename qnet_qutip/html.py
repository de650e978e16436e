"""Values as HTML, for notebooks: what each class's `_repr_html_` returns.

Functions from a value to a text. Colours are those of the page, so that dark and light themes are served alike, and
nothing is executed: tables, and a schematic as inline SVG. Names are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from qnet_qutip.network import Dispersive, Network, Oscillator, Quadrature, Swap, coupling_terms
from qnet_qutip.schematic_svg import Name, schematic

if TYPE_CHECKING:
    from qnet_qutip.comparison import Comparison
    from qnet_qutip.dynamics import Trajectory
    from qnet_qutip.equations import MasterEquation
    from qnet_qutip.modes import NormalModes
    from qnet_qutip.state import SteadyState
    from qnet_qutip.thermodynamics import Heat

COUPLING_SYMBOLS = {Swap: "ε", Quadrature: "g", Dispersive: "χ"}

MOST_ROWS = 12
"""Of a table that could have thousands: of jumps, of clusters of Bohr frequencies, of nodes or of modes."""

MOST_DRAWN = 100
"""Nodes up to which a network is drawn: more are a megabyte, and are not told apart on a page."""

MOST_UNKNOWNS = 1_000_000
"""Entries of ρ up to which its smallest eigenvalue is computed to be shown: a fraction of a second."""


def number(value: float, digits: int = 4) -> str:
    """A number as one reads it, without markup.

    Examples
    --------
    >>> number(0.25), number(-3.18249e-5), number(1e-7)
    ('0.25', '−3.182×10⁻⁵', '10⁻⁷')
    """
    mantissa, _, exponent = f"{value + 0.0:.{digits}g}".partition("e")
    mantissa = mantissa.replace("-", "−")
    if not exponent:
        return mantissa
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return {"1": power, "−1": "−" + power}.get(mantissa, f"{mantissa}×{power}")


def network_html(network: Network, tables: bool = True) -> str:
    """A network: its schematic, and tables of its nodes, couplings and baths."""
    of_nodes = {name: f"ω = {number(node.frequency, 6)}" for name, node in network.nodes.items()}
    strengths: dict[Name, str] = {}
    for first, second, term in coupling_terms(network):
        before = f"{strengths[first, second]}, " if (first, second) in strengths else ""
        strengths[first, second] = before + _strength(term)
    parts = [_schematic(network, of_nodes, strengths)]
    if not tables:
        return parts[0]
    rows = [
        (name, _kind(node), number(node.frequency, 6), number(getattr(node, "anharmonicity", 0.0), 6))
        for name, node in network.nodes.items()
    ]
    columns = ("node", "kind", "frequency ω", "anharmonicity α")
    shown = 4 if any(getattr(node, "anharmonicity", 0.0) for node in network.nodes.values()) else 3
    parts.append(_table(columns[:shown], _first([row[:shown] for row in rows])))
    if strengths:
        rows2 = [(f"{a} – {b}", type(term).__name__.lower(), _strength(term)) for a, b, term in coupling_terms(network)]
        parts.append(_table(("coupling", "kind", "strength"), _first(rows2)))
    if network.baths:
        rows3 = [
            (name, bath.node, number(bath.temperature, 6), repr(bath.spectrum), bath.coupling)
            for name, bath in network.baths.items()
        ]
        parts.append(_table(("bath", "node", "temperature T", "spectrum", "coupling"), _first(rows3)))
    return _block("Network", parts)


def equation_html(equation: MasterEquation) -> str:
    """A master equation: its space, what it promises, and its operators with the rates into and out of the ground."""
    from qnet_qutip.equations.jumps import ground_state_jumps

    promises = equation.promises
    facts = [
        ("space", _space(equation)),
        ("ρ stays positive", _promised(promises.positive)),
        ("first law, ΣJ = 0", _promised(promises.first_law)),
        ("second law, σ ≥ 0", _promised_by(promises.second_law)),
        ("Gibbs state stationary at one temperature", _promised_by(promises.gibbs_state)),
        ("steady state known to be unique", "yes" if equation.unique else "not known"),
    ]
    facts += [(f"option {name}", repr(value)) for name, value in equation.options.items()]
    parts = [_table(None, facts)]
    jumps, operators = ground_state_jumps(equation), (equation.eigenform or equation).collapse_operators
    rows: list[Sequence[str]] = []
    for bath, temperature in equation.temperatures.items():
        members = operators[bath]
        kind = "pairs (S, Λ)" if any(isinstance(member, tuple) for member in members) else "collapse operators"
        of_bath = [
            (
                "into the ground state" if jump.frequency > 0 else "out of it",
                number(jump.frequency, 6) + (f" ± {number(jump.spread, 2)}" if jump.spread > 1e-6 else ""),
                number(jump.rate),
            )
            for jump in jumps[bath]
        ]
        head = (bath, number(temperature, 6), f"{len(members)} {kind}")
        rows += [
            (*(head if index == 0 else ("", "", "")), *row)
            for index, row in enumerate(of_bath[:MOST_ROWS] or [("", "", "")])
        ]
        if len(of_bath) > MOST_ROWS:
            rows.append(("", "", "", f"and {len(of_bath) - MOST_ROWS} weaker", "", ""))
    parts.append(_table(("bath", "T", "operators", "jump", "Bohr frequency", "rate"), rows))
    if equation.clusters:
        bounds = [tuple(number(each, 6) for each in cluster) for cluster in equation.clusters]
        parts.append(_table(("clusters of Bohr frequencies from", "to", "taken as"), _first(bounds)))
    return _block(f"{_spoken(equation.name)} master equation", parts)


def state_html(state: SteadyState) -> str:
    """A steady state: its currents over the network and in a table, both laws, and how far to trust it."""
    equation = state.equation
    errors = {} if equation is None else state.heat_current_errors
    parts = []
    if equation is not None and equation.network is not None:
        parts.append(_currents_svg(state, equation.network))
    rows = [
        (
            bath,
            "" if equation is None else number(equation.temperatures[bath], 6),
            number(current, 10),
            number(errors[bath], 2) if bath in errors else "",
        )
        for bath, current in state.heat_currents.items()
    ]
    if rows:
        parts.append(_table(("bath", "T", "heat current J", "error"), rows))
    parts.append(_table(None, [*_laws(state), *_trust(state)]))
    title = "Steady state" if equation is None else f"Steady state of the {_spoken(equation.name).lower()} equation"
    return _block(title, parts)


def _currents_svg(state: SteadyState, network: Network) -> str:
    from qnet_qutip.flows import flows

    found = flows(state)
    of_nodes = {name: f"n = {number(occupation, 3)}" for name, occupation in state.occupations.items()}
    lines: dict[Name, str] = {}
    for name, flow in found.items():
        excitations = f"I = {number(abs(flow.current), 3)}" if flow.relative else "I ≈ 0"
        lines[name] = f"J = {number(flow.current, 3)}" if isinstance(name, str) else excitations
    relative = {name: flow.relative for name, flow in found.items()}
    return _schematic(network, of_nodes, lines, relative)


def _schematic(
    network: Network,
    of_nodes: Mapping[str, str],
    lines: Mapping[Name, str],
    relative: Mapping[Name, float] | None = None,
) -> str:
    if len(network.nodes) > MOST_DRAWN:
        return f"<p>{len(network.nodes)} nodes, more than are drawn</p>"
    return schematic(network, of_nodes, _temperatures(network), lines, relative)


def _laws(state: SteadyState) -> list[tuple[str, str]]:
    from qnet_qutip.state import broken_laws

    if state.equation is None:
        return [("first law, |ΣJ| / max |J|", number(state.first_law_residual, 2))] if state.heat_currents else []
    broken, promises = broken_laws(state), state.equation.promises
    first = f"{number(state.first_law_residual, 2)}, {'✗ broken' if 'first' in broken else '✓ holds'}"
    second = f"{number(state.entropy_production, 10)}, {'✗ broken' if 'second' in broken else '✓ holds'}"
    return [
        ("first law, |ΣJ| / max |J|", f"{first} ({_promised(promises.first_law)})"),
        ("second law, σ = −ΣJ/T", f"{second} ({_promised_by(promises.second_law)})"),
    ]


def _trust(state: SteadyState) -> list[tuple[str, str]]:
    if state.unknowns <= MOST_UNKNOWNS:
        smallest = number(state.smallest_eigenvalue, 2)
    else:
        smallest = "not below −10⁻¹⁰" if state.positive else "below −10⁻¹⁰"
    facts = [
        ("residual ‖L(ρ)‖", number(state.residual, 2)),
        ("smallest eigenvalue of ρ", smallest),
    ]
    if state.equation is not None and state.equation.space is not None:
        if state.equation.space.cut_factors:
            facts.append(("population of the top shell", number(state.top_shell_population, 2)))
        facts.append(("space", _space(state.equation)))
    facts.append(("method", f"{state.method}, {state.iterations} iterations, {state.unknowns} unknowns"))
    return facts


def comparison_html(comparison: Comparison) -> str:
    """A comparison: the table of every equation, what keeps the others out, and which to use."""
    heads, *rows = comparison.table()
    scales = comparison.scales
    facts = [
        ("γ/ω, what Born and Markov neglect", number(scales.neglected, 2)),
        ("γ/gap", number(scales.rate_over_gap, 2)),
        ("gap/ω", number(scales.gap_over_frequency, 2)),
    ]
    parts = [_table(heads, rows), *(f"<p>{escape(note)}</p>" for note in comparison.notes()), _table(None, facts)]
    return _block("Every master equation", [*parts, f"<p>* <strong>{escape(comparison.reason)}</strong></p>"])


def trajectory_html(trajectory: Trajectory) -> str:
    """A trajectory: heat currents and the rest at its first, middle and last time, and how far to trust it."""
    times = sorted({0, len(trajectory) // 2, len(trajectory) - 1})
    columns = ("", *(f"t = {number(trajectory.times[index], 6)}" for index in times))
    quantities = {f"J of {bath}": values for bath, values in trajectory.heat_currents.items()}
    quantities |= {"energy": trajectory.energy, "entropy": trajectory.entropy}
    if trajectory.entropy_production is not None:
        quantities["entropy production"] = trajectory.entropy_production
    quantities |= {f"⟨n⟩ of {node}": values for node, values in trajectory.occupations.items()}
    rows = [(name, *(number(float(values[index]), 6) for index in times)) for name, values in quantities.items()]
    trust = [
        ("trace error", number(trajectory.trace_error, 2)),
        ("smallest eigenvalue of ρ", number(trajectory.smallest_eigenvalue, 2)),
        ("times, evaluations", f"{len(trajectory)}, {trajectory.evaluations}"),
    ]
    kind = "" if trajectory.equation is None else f" of the {_spoken(trajectory.equation.name).lower()} equation"
    return _block(f"Trajectory{kind}", [_table(columns, rows), _table(None, trust)])


def modes_html(modes: NormalModes) -> str:
    """Normal modes: frequencies, and the coefficients of each node's lowering operator in them."""
    names = list(modes.frequencies)[:MOST_ROWS]
    rows = [("frequency", *(number(modes.frequencies[name], 8) for name in names))]
    sides = [("d", modes.expansion)]
    if any(value for row in modes.counter_rotating.values() for value in row.values()):
        sides.append(("d†", modes.counter_rotating))
    for side, coefficients in sides:
        rows += _first(
            [(f"a of {node}, {side}", *(number(row[name]) for name in names)) for node, row in coefficients.items()]
        )
    shown = "" if len(names) == len(modes.frequencies) else f", the first {len(names)} of {len(modes.frequencies)}"
    return _block(f"Normal modes{shown}", [_table(("mode", *names), rows)])


def heat_html(heat: Heat) -> str:
    """Heat counted by some energy: what each bath gives, the work, and the entropy production."""
    rows = [*((f"heat of {bath}", number(current, 10)) for bath, current in heat.currents.items())]
    rows += [("work −ΣQ", number(heat.work, 10)), ("entropy production −ΣQ/T", number(heat.entropy_production, 10))]
    return _block(f"Heat counted by {heat.energy}", [_table(None, rows)])


def failure_html(error: Exception) -> str:
    """Why there is nothing to show."""
    return f"<pre>{escape(f'{type(error).__name__}: {error}')}</pre>"


# ---------------------------------------------------------------- pieces


def _first(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The first rows of a table, and how many more there are."""
    if len(rows) <= MOST_ROWS:
        return list(rows)
    return [*rows[:MOST_ROWS], (f"and {len(rows) - MOST_ROWS} more", *[""] * (len(rows[0]) - 1))]


def _table(columns: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; without columns the first of each row is its heading."""
    lines = []
    if columns is not None:
        lines.append(
            "<tr>" + "".join(f'<th style="text-align: left">{escape(name)}</th>' for name in columns) + "</tr>"
        )
    for row in rows:
        cells = [f'<td style="text-align: left">{escape(cell)}</td>' for cell in row]
        if columns is None:
            cells[0] = f'<th style="text-align: left; font-weight: normal">{escape(row[0])}</th>'
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "<table>" + "".join(lines) + "</table>"


def _block(title: str, parts: Iterable[str]) -> str:
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def _space(equation: MasterEquation) -> str:
    cut = "" if equation.space is None or not equation.space.cut_factors else f", {equation.space.truncation!r}"
    return f"{equation.hamiltonian.shape[0]} states{cut}"


def _kind(node: object) -> str:
    return "oscillator" if isinstance(node, Oscillator) else "two-level"


def _temperatures(network: Network) -> dict[str, str]:
    return {name: f"T = {number(bath.temperature, 6)}" for name, bath in network.baths.items()}


def _strength(term: Swap | Quadrature | Dispersive) -> str:
    return f"{COUPLING_SYMBOLS[type(term)]} = {number(term.strength, 6)}"


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _promised(kept: bool) -> str:
    return "promised" if kept else "not promised"


def _promised_by(energy: str | None) -> str:
    return "not promised" if energy is None else f"promised for heat by {energy}"
