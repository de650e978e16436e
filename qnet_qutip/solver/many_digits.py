"""The steady state of a few unknowns in a hundred digits, and whether there is one: what double-double cannot decide.

Rates that differ by more than 32 digits, as those of a node that a strongly damped one holds at arm's length, leave
nothing of the slowest in double-double. L is assembled here from the operators' entries, which are exact as they stand,
and eliminated with pivoting in decimal arithmetic of Python's own `decimal`.
"""

from __future__ import annotations

import decimal
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal

import numpy as np

from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver.few import OnSectors
from qnet_qutip.solver.generator import Entries, Real
from qnet_qutip.solver.stages import random_change

DIGITS = 100
"""Enough for rates over eighty orders of magnitude."""

FEW_UNKNOWNS = 80
"""Unknowns up to which this is done, at 0.4 µs for each of their third power: 0.2 s."""

LARGEST_ERROR = 1e-40
"""Relative change by a second substitution that shows the digits to have been enough."""

ENTRY_ROUNDING = 1e-14
"""More than the rounding of an operator's entries, relative to the largest, that a few products of matrices leave."""

LARGEST_RATIO = 10.0
"""Ratio of the slowest rates with and without that change up to which they are one relaxation. A rate that rounding has
made goes with its square. The change must be well above what products of matrices leave, 1e-16 to 1e-15."""

Matrix = dict[tuple[int, int], Decimal]
Operator = dict[tuple[int, int], tuple[Decimal, Decimal]]


def steady_state(generator: OnSectors, rough: Real) -> tuple[dd.DoubleDouble, dict[str, float]] | None:
    """Steady state and heat currents, rounded once at the end; None where even so many digits are not enough.

    Parameters
    ----------
    generator : FewUnknowns or SectorGenerator
        Without a decay.
    rough : ndarray, shape (unknowns,)
        A state near it, which tells the most populated basis state.

    Returns
    -------
    pair of ndarray, shape (unknowns,)
        ρ on the sectors, double-double.
    dict of str to float
        Tr[H D(ρ)] of each dissipator.
    """
    with _many_digits():
        parts = _parts(generator, 0.0)
        # The trace takes the place of the most populated state's equation, and that goes first: in the place of another
        # it would leave populations below 1e-100 to rounding.
        diagonal = generator.sectors.diagonal
        populated = int(diagonal[np.nan_to_num(rough[diagonal]).argmax()])
        order = [populated, *(place for place in range(len(rough)) if place != populated)]
        rows = [[row[place] for place in order] for row in _with_trace(generator, parts, populated)]
        rows = [rows[place] for place in order]
        factors = _factors(rows)
        if factors is None:
            return None
        right_side = [Decimal(1), *[Decimal(0)] * (len(rows) - 1)]
        in_order = _substituted(factors, right_side)
        left_over = [
            b - sum((w * x for w, x in zip(row, in_order, strict=True)), Decimal(0))
            for row, b in zip(rows, right_side, strict=True)
        ]
        change = _substituted(factors, left_over)
        if _size(change) > Decimal(LARGEST_ERROR) * _size(in_order):
            return None
        solution = [x for _, x in sorted(zip(order, in_order, strict=True))]
        energies = _energies(generator, _operator(generator.generator.energy))
        currents = {
            bath: float(sum((energies[to] * w * solution[source] for (to, source), w in part.items()), Decimal(0)))
            for bath, part in parts.items()
            if bath is not None
        }
        high = np.array([float(x) for x in solution])
        low = np.array([float(x - Decimal(h)) for x, h in zip(solution, high.tolist(), strict=True)])
    return (high, low), currents


def relaxes(generator: OnSectors) -> bool:
    """Whether there is one steady state, as far as operators in double precision can tell.

    A conserved quantity leaves no rate in so many digits, unless the operators have been rounded: that makes a slow
    rate of it, and another one of operators rounded in another way. So the slowest rate is found twice, once with
    random errors larger than rounding on the entries that there are; a relaxation is the same both times.
    """
    with _many_digits():
        rate = _slowest_rate(generator, 0.0)
        if rate == 0 or rate < Decimal(LARGEST_ERROR) * Decimal(generator.scale):
            return False
        ratio = _slowest_rate(generator, ENTRY_ROUNDING) / rate
        return 1 / Decimal(LARGEST_RATIO) < ratio < Decimal(LARGEST_RATIO)


def _slowest_rate(generator: OnSectors, rounding: float) -> Decimal:
    """Slowest rate of L, by two steps of inverse iteration; 0 if a pivot vanishes."""
    replaced = int(generator.sectors.diagonal[0])
    factors = _factors(_with_trace(generator, _parts(generator, rounding), replaced))
    if factors is None:
        return Decimal(0)
    change = [Decimal(x) for x in random_change(generator).tolist()]
    growth = Decimal(1)
    for _ in range(2):
        size = _size(change)
        change = [x / size for x in change]
        # The equation that the trace has replaced follows from the others; the change itself is to have none.
        change[replaced] = Decimal(0)
        change = _substituted(factors, change)
        growth = _size(change)
    return 1 / growth


def _many_digits() -> AbstractContextManager[decimal.Context]:
    return decimal.localcontext(prec=DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)


def _size(vector: list[Decimal]) -> Decimal:
    return max(abs(x) for x in vector)


def _parts(generator: OnSectors, rounding: float) -> dict[str | None, Matrix]:
    """L by baths, with H under None."""

    def read(entries: Entries) -> Operator:
        return _operator(_perturbed(entries, rounding) if rounding else entries)

    operators = generator.generator
    parts: dict[str | None, Matrix] = {
        None: _one_sided(generator, _times(_hermitian(read(operators.hamiltonian)), Decimal(0), Decimal(-1)))
    }
    for bath, dissipator in operators.dissipators.items():
        loss: Operator = defaultdict(lambda: (Decimal(0), Decimal(0)))
        for left, right, factor in dissipator.loss_factors:
            _add_product(loss, _adjoint(read(left)), read(right), Decimal(-factor))
        parts[bath] = _one_sided(generator, loss)
        for left, right in dissipator.jumps:
            _add_jump(parts[bath], generator, read(left), read(right))
    return parts


def _perturbed(entries: Entries, rounding: float) -> Entries:
    """The operator with errors of its largest entry's rounding, Hermitian if it was."""
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, size=(entries.dimension,) * 2)
    size = rounding * float(np.abs(entries.values).max(initial=0.0))
    return replace(entries, values=entries.values + size * (noise + noise.T)[entries.rows, entries.columns])


def _with_trace(generator: OnSectors, parts: dict[str | None, Matrix], replaced: int) -> list[list[Decimal]]:
    """L with the trace in the place of one population's equation, which the others imply."""
    unknowns = generator.sectors.unknowns
    rows = [[Decimal(0)] * unknowns for _ in range(unknowns)]
    for part in parts.values():
        for (target, source), weight in part.items():
            rows[target][source] += weight
    diagonal = set(generator.sectors.diagonal.tolist())
    rows[replaced] = [Decimal(int(place in diagonal)) for place in range(unknowns)]
    return rows


def _operator(entries: Entries) -> Operator:
    places = zip(entries.rows.tolist(), entries.columns.tolist(), strict=True)
    values = entries.values.astype(complex).tolist()
    return {place: (Decimal(value.real), Decimal(value.imag)) for place, value in zip(places, values, strict=True)}


def _adjoint(operator: Operator) -> Operator:
    return {(column, row): (real, -imag) for (row, column), (real, imag) in operator.items()}


def _hermitian(operator: Operator) -> Operator:
    """Half the sum with the adjoint: the rest, of rounding, would be a rate at which the trace grows or falls."""
    zero = Decimal(0), Decimal(0)
    adjoint = _adjoint(operator)
    halves = {}
    for place in operator.keys() | adjoint.keys():
        (real, imag), (other_real, other_imag) = operator.get(place, zero), adjoint.get(place, zero)
        halves[place] = (real + other_real) / 2, (imag + other_imag) / 2
    return halves


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
    generator: OnSectors,
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


def _one_sided(generator: OnSectors, operator: Operator) -> Matrix:
    """Xρ + ρX†."""
    total: Matrix = defaultdict(Decimal)
    of_state = generator.sectors.of_state
    for (i, k), (real, imag) in operator.items():
        for j in np.flatnonzero(of_state == of_state[k]).tolist():
            _add_term(total, generator, (i, j), (k, j), (real, imag))
            _add_term(total, generator, (j, i), (j, k), (real, -imag))
    return total


def _add_jump(total: Matrix, generator: OnSectors, left: Operator, right: Operator) -> None:
    """AρB†."""
    of_state = generator.sectors.of_state
    for (i, k), a in left.items():
        for (j, m), (real, imag) in right.items():
            if of_state[k] == of_state[m]:
                _add_term(total, generator, (i, j), (k, m), _product(a, (real, -imag)))


def _energies(generator: OnSectors, energy: Operator) -> list[Decimal]:
    sectors = generator.sectors
    energies = [Decimal(0)] * sectors.unknowns
    for (i, k), (real, imag) in energy.items():
        if sectors.of_state[i] != sectors.of_state[k]:
            continue
        energies[int(sectors.row_places[i] + sectors.column_places[k])] += real + imag
    return energies


Factors = tuple[list[list[Decimal]], list[int]]


def _factors(rows: list[list[Decimal]]) -> Factors | None:
    """Both triangles by elimination with pivoting, and the order of the rows; None if a pivot vanishes."""
    table, order = [list(row) for row in rows], list(range(len(rows)))
    size = len(table)
    for step in range(size):
        pivot = max(range(step, size), key=lambda row: abs(table[row][step]))
        table[step], table[pivot] = table[pivot], table[step]
        order[step], order[pivot] = order[pivot], order[step]
        first = table[step]
        if first[step] == 0:
            return None
        present = [column for column in range(step + 1, size) if first[column]]
        for row in table[step + 1 :]:
            if row[step]:
                factor = row[step] = row[step] / first[step]
                for column in present:
                    row[column] -= factor * first[column]
    return table, order


def _substituted(factors: Factors, right_side: list[Decimal]) -> list[Decimal]:
    table, order = factors
    size = len(table)
    solution = [right_side[row] for row in order]
    for step in range(size):
        solution[step] -= sum((table[step][column] * solution[column] for column in range(step)), Decimal(0))
    for step in range(size - 1, -1, -1):
        known = sum((table[step][column] * solution[column] for column in range(step + 1, size)), Decimal(0))
        solution[step] = (solution[step] - known) / table[step][step]
    return solution
