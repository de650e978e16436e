"""The steady state of a few unknowns in a hundred digits, for what double-double cannot decide.

Rates that differ by more than 32 digits, as those of a node that a strongly damped one holds at arm's length, leave
nothing of the slowest in double-double. L is assembled here from the operators' entries, which are exact as they stand,
and eliminated with pivoting in decimal arithmetic of Python's own `decimal`.
"""

from __future__ import annotations

import decimal
from collections import defaultdict
from decimal import Decimal

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.generator import Entries
from qnet_qutip.solver.superoperator import SectorGenerator

DIGITS = 100
"""Enough for rates over eighty orders of magnitude."""

FEW_UNKNOWNS = 80
"""Unknowns up to which this is done, at 0.4 µs for each of their third power: 0.2 s."""

LARGEST_ERROR = 1e-40
"""Relative change by a second substitution that shows the digits to have been enough."""

Matrix = dict[tuple[int, int], Decimal]
Operator = dict[tuple[int, int], tuple[Decimal, Decimal]]


def steady_state(generator: SectorGenerator) -> tuple[dd.DoubleDouble, dict[str, float]] | None:
    """Steady state and heat currents, rounded once at the end; None where even so many digits are not enough.

    Parameters
    ----------
    generator : SectorGenerator
        Without a decay, and with one steady state.

    Returns
    -------
    pair of ndarray, shape (unknowns,)
        ρ on the sectors, double-double.
    dict of str to float
        Tr[H D(ρ)] of each dissipator.
    """
    with decimal.localcontext(prec=DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX):
        unknowns = generator.sectors.unknowns
        operators = generator.generator
        hamiltonian = _operator(operators.hamiltonian)
        parts: dict[str | None, Matrix] = {None: _one_sided(generator, _times(hamiltonian, Decimal(0), Decimal(-1)))}
        for bath, dissipator in operators.dissipators.items():
            loss: Operator = defaultdict(lambda: (Decimal(0), Decimal(0)))
            for left, right, factor in dissipator.loss_factors:
                _add_product(loss, _operator(left.adjoint()), _operator(right), Decimal(-factor))
            parts[bath] = _one_sided(generator, loss)
            for left, right in dissipator.jumps:
                _add_jump(parts[bath], generator, _operator(left), _operator(right))
        rows = [[Decimal(0)] * unknowns for _ in range(unknowns)]
        for part in parts.values():
            for (target, source), weight in part.items():
                rows[target][source] += weight
        # The trace takes the place of one equation, which the others imply.
        diagonal = set(generator.sectors.diagonal.tolist())
        replaced = min(diagonal)
        rows[replaced] = [Decimal(int(place in diagonal)) for place in range(unknowns)]
        right_side = [Decimal(int(place == replaced)) for place in range(unknowns)]
        solution = _solved(rows, right_side)
        if solution is None:
            return None
        left_over = [
            b - sum((w * x for w, x in zip(row, solution, strict=True)), Decimal(0))
            for row, b in zip(rows, right_side, strict=True)
        ]
        change = _solved(rows, left_over)
        size = max(abs(x) for x in solution)
        if change is None or max(abs(x) for x in change) > Decimal(LARGEST_ERROR) * size:
            return None
        energies = _energies(generator, _operator(operators.energy))
        currents = {
            bath: float(sum((energies[to] * w * solution[source] for (to, source), w in part.items()), Decimal(0)))
            for bath, part in parts.items()
            if bath is not None
        }
        high = np.array([float(x) for x in solution])
        low = np.array([float(x - Decimal(h)) for x, h in zip(solution, high.tolist(), strict=True)])
    return (high, low), currents


def _operator(entries: Entries) -> Operator:
    places = zip(entries.rows.tolist(), entries.columns.tolist(), strict=True)
    values = entries.values.astype(complex).tolist()
    return {place: (Decimal(value.real), Decimal(value.imag)) for place, value in zip(places, values, strict=True)}


def _product(a: tuple[Decimal, Decimal], b: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _times(operator: Operator, real: Decimal, imag: Decimal) -> Operator:
    return {place: _product(value, (real, imag)) for place, value in operator.items()}


def _add_product(total: Operator, left: Operator, right: Operator, factor: Decimal) -> None:
    for (i, k), a in left.items():
        for (m, j), b in right.items():
            if k == m:
                real, imag = _product(a, b)
                total[i, j] = (total[i, j][0] + factor * real, total[i, j][1] + factor * imag)


def _add_term(
    total: Matrix,
    generator: SectorGenerator,
    target: tuple[int, int],
    source: tuple[int, int],
    weight: tuple[Decimal, Decimal],
) -> None:
    """w ρ_km in real form, Re(w) G_km + Im(w) G_mk."""
    sectors = generator.sectors
    row, column = sectors.row_places, sectors.column_places
    place = int(row[target[0]] + column[target[1]])
    k, m = source
    total[place, int(row[k] + column[m])] += weight[0]
    total[place, int(row[m] + column[k])] += weight[1]


def _one_sided(generator: SectorGenerator, operator: Operator) -> Matrix:
    """Xρ + ρX†."""
    total: Matrix = defaultdict(Decimal)
    of_state = generator.sectors.of_state
    for (i, k), (real, imag) in operator.items():
        for j in np.flatnonzero(of_state == of_state[k]).tolist():
            _add_term(total, generator, (i, j), (k, j), (real, imag))
            _add_term(total, generator, (j, i), (j, k), (real, -imag))
    return total


def _add_jump(total: Matrix, generator: SectorGenerator, left: Operator, right: Operator) -> None:
    """AρB†."""
    of_state = generator.sectors.of_state
    for (i, k), a in left.items():
        for (j, m), (real, imag) in right.items():
            if of_state[k] == of_state[m]:
                _add_term(total, generator, (i, j), (k, m), _product(a, (real, -imag)))


def _energies(generator: SectorGenerator, energy: Operator) -> list[Decimal]:
    sectors = generator.sectors
    energies = [Decimal(0)] * sectors.unknowns
    for (i, k), (real, imag) in energy.items():
        if sectors.of_state[i] != sectors.of_state[k]:
            continue
        energies[int(sectors.row_places[i] + sectors.column_places[k])] += real + imag
    return energies


def _solved(rows: list[list[Decimal]], right_side: list[Decimal]) -> list[Decimal] | None:
    """Solution by elimination with pivoting; None if a pivot vanishes."""
    table = [[*row, b] for row, b in zip(rows, right_side, strict=True)]
    size = len(table)
    for step in range(size):
        pivot = max(range(step, size), key=lambda row: abs(table[row][step]))
        table[step], table[pivot] = table[pivot], table[step]
        if table[step][step] == 0:
            return None
        first = table[step]
        for row in table[step + 1 :]:
            if row[step]:
                factor = row[step] / first[step]
                for column in range(step, size + 1):
                    if first[column]:
                        row[column] -= factor * first[column]
    solution = [Decimal(0)] * size
    for step in range(size - 1, -1, -1):
        known = sum((table[step][column] * solution[column] for column in range(step + 1, size)), Decimal(0))
        solution[step] = (table[step][size] - known) / table[step][step]
    return solution
