"""The generator on the sectors against the Liouvillian, in double and in double-double precision."""

import itertools

import mpmath
import numpy as np
import pytest
import qutip
from literal import Liouvillian
from problems import chain, cut_at_excitations, fig3

import qnet_qutip as qn
from qnet_qutip.solver import superoperator
from qnet_qutip.solver.generator import build_generator, entries, entries_together, sparse_matrix
from qnet_qutip.solver.superoperator import on_sectors


@pytest.mark.parametrize(
    "build",
    [
        lambda: fig3(4),
        lambda: cut_at_excitations(qn.local_master_equation),
        lambda: cut_at_excitations(qn.global_master_equation),
        lambda: qn.global_master_equation(chain(2, 0.5)),
        lambda: qn.local_master_equation(chain(3, 0.5, [5.0, 6.0, 7.0])),
    ],
)
def test_every_form_of_the_generator_is_the_liouvillian(build):
    equation = build()
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    flat = np.random.default_rng(1).normal(size=sectors.unknowns)
    rho, hamiltonian = sectors.unpack(flat), sparse_matrix(equation.hamiltonian)
    expected = (-1j * (hamiltonian @ rho - rho @ hamiltonian)).toarray()
    currents = {}
    for bath, operators in equation.collapse_operators.items():
        part = np.zeros(rho.shape, dtype=complex)
        for operator in operators:
            jump = sparse_matrix(operator)
            loss = jump.conj().T @ jump
            part += (jump @ rho @ jump.conj().T - 0.5 * (loss @ rho + rho @ loss)).toarray()
        currents[bath] = np.trace(hamiltonian @ part).real
        expected += part
    scale = np.abs(expected).max() * equation.space.dimension * np.finfo(float).eps * 100
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected).max() < scale
    energy = np.abs(hamiltonian.diagonal()).max() * equation.space.dimension
    for bath, current in currents.items():
        assert heat[bath] == pytest.approx(current, abs=scale * energy)
        assert generator.functionals(flat)[bath] == pytest.approx(current, abs=scale * energy)


def test_complex_operators_and_pairs_are_the_liouvillian():
    """Hopping with a phase, and pairs ΛρS† + SρΛ† - S†Λρ - ρΛ†S whose weights are complex."""
    random = np.random.default_rng(5)
    a, b = qutip.tensor(qutip.destroy(4), qutip.qeye(3)), qutip.tensor(qutip.qeye(4), qutip.destroy(3))
    hop = (0.7 + 0.4j) * a.dag() * b
    hamiltonian = 2.0 * a.dag() * a + 1.5 * b.dag() * b + hop + hop.dag()
    phases = [qutip.tensor(qutip.qdiags(np.exp(2j * np.pi * random.random(4)), 0), qutip.qeye(3)) for _ in range(2)]
    pairs = {"hot": [(a, phases[0] * a)], "cold": [b, (phases[1] * b, (0.3 - 0.2j) * b)]}
    generator = on_sectors(build_generator(hamiltonian, pairs))
    sectors = generator.sectors
    flat = np.random.default_rng(2).normal(size=sectors.unknowns)
    rho = qutip.Qobj(sectors.unpack(flat).toarray(), dims=hamiltonian.dims)
    expected = -1j * (hamiltonian * rho - rho * hamiltonian)
    currents = {}
    for bath, members in pairs.items():
        part = 0 * rho
        for member in members:
            s, filtered = member if isinstance(member, tuple) else (member, member / 2)
            term = filtered * rho * s.dag() - s.dag() * filtered * rho
            part += term + term.dag()
        currents[bath] = (hamiltonian * part).tr().real
        expected += part
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected.full()).max() < 1e-13 * np.abs(expected.full()).max()
    assert heat == pytest.approx(currents, rel=1e-12)


def test_doubled_generator_has_32_digits():
    """One entry of L(ρ) at thermal occupation, where gain and loss cancel to 1e-16, against 50-digit arithmetic."""
    spectrum = qn.PhononSpectrum(0.3)
    network = qn.Network({"A": qn.TwoLevel(1.7)}, {}, {"hot": qn.Bath("A", 1.3, spectrum)})
    equation = qn.local_master_equation(network)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    down, up = (sparse_matrix(operator).toarray().real.max() for operator in equation.collapse_operators["hot"])
    with mpmath.workdps(50):
        gain, loss = mpmath.mpf(up) ** 2, mpmath.mpf(down) ** 2
        excited = float(gain / (gain + loss))
        populations = np.array([1.0 - excited, excited])
        exact = gain * mpmath.mpf(populations[0]) - loss * mpmath.mpf(populations[1])
    excited_state = int(np.argmax(equation.space.occupations[:, 0]))
    flat = np.zeros(2)
    flat[np.argsort(sectors.order)] = populations if excited_state == 1 else populations[::-1]
    _, currents = generator.residual_and_currents((flat, np.zeros(2)))
    assert abs(float(exact)) < 1e-16  # what double precision would make of it is noise
    assert currents["hot"] == pytest.approx(float(exact * mpmath.mpf(1.7)), rel=1e-12)


def redfield_like(seed=4):
    """Two modes whose hopping has a phase, with pairs whose weights are complex, and a collapse operator."""
    random = np.random.default_rng(seed)
    a, b = qutip.tensor(qutip.destroy(3), qutip.qeye(2)), qutip.tensor(qutip.qeye(3), qutip.destroy(2))
    hop = (0.7 + 0.4j) * a.dag() * b
    hamiltonian = 2.0 * a.dag() * a + 1.5 * b.dag() * b + hop + hop.dag()
    phase = qutip.tensor(qutip.qdiags(np.exp(0.3j * random.random(3)), 0), qutip.qeye(2))
    return hamiltonian, {
        "hot": [(a, 0.5 * phase * a), (a.dag(), 0.2 * a.dag()), 0.3 * a + 0.7 * b],
        "cold": [b, (b, (0.3 - 0.2j) * b)],
    }


def literal_of(hamiltonian, operators):
    return Liouvillian(
        hamiltonian.full(),
        {
            bath: [tuple(one.full() for one in m) if isinstance(m, tuple) else m.full() for m in members]
            for bath, members in operators.items()
        },
    )


DOUBLE_DOUBLE = 1e-30
"""Eight times eps², of the sum of the absolute values that are added up."""


@pytest.mark.parametrize("decay", [0.0, 0.37])
def test_doubled_generator_of_complex_operators_and_pairs_has_30_digits(decay):
    """At the steady state itself, rounded to double-double, where terms of 1 cancel to 1e-32.

    What is left there is by fifty digits what it is by double-double: an error of the weights would leave 1e-16.
    """
    hamiltonian, operators = redfield_like()
    generator = on_sectors(build_generator(hamiltonian, operators), decay=decay)
    literal = literal_of(hamiltonian, operators)
    state = literal.steady_state()
    sectors = generator.sectors
    high, low = np.zeros(sectors.unknowns), np.zeros(sectors.unknowns)
    with mpmath.workdps(50):
        for (j, k), value in state.items():
            place = sectors.row_places[sectors.rank[j]] + sectors.column_places[sectors.rank[k]]
            real = mpmath.re(value) + mpmath.im(value)
            high[place] = float(real)
            low[place] = float(real - high[place])
    residual, currents = generator.residual_and_currents((high, low))
    gross = generator.gross(high)
    assert (gross > 1e-3).sum() > 5
    np.testing.assert_allclose(residual, -decay * (high + low), rtol=1e-15, atol=DOUBLE_DOUBLE * gross.max())
    for bath, current in literal.currents(state).items():
        rounding = generator.current_rounding(high)[bath]
        assert currents[bath] == pytest.approx(float(current), rel=4e-16, abs=rounding)
        assert rounding < 1e-28


@pytest.mark.parametrize("decay", [0.0, 0.37])
def test_every_form_has_the_decay(decay):
    hamiltonian, operators = redfield_like()
    generator = on_sectors(build_generator(hamiltonian, operators), decay=decay)
    bare = on_sectors(build_generator(hamiltonian, operators))
    sectors = generator.sectors
    flat = np.random.default_rng(7).normal(size=sectors.unknowns)
    image = literal_of(hamiltonian, operators).image(
        {(j, k): complex(value) for (j, k), value in sectors.unpack(flat).todok().items()}, decay
    )
    expected = sectors.flat(
        *(sectors.rank[np.array(index)] for index in zip(*image, strict=True)),
        np.array([complex(value) for value in image.values()]),
    )
    residual, currents = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for found in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), generator(flat), residual):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    # What a bath gives does not know of the decay.
    assert currents == bare.residual_and_currents((flat, np.zeros_like(flat)))[1]


@pytest.mark.parametrize(
    "build",
    [
        lambda: redfield_like(),
        lambda: (fig3(4).hamiltonian, fig3(4).collapse_operators),
        lambda: (lambda e: (e.hamiltonian, e.collapse_operators))(qn.local_master_equation(chain(4, 0.5))),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_change_no_bit(build, chunk, monkeypatch):
    """Neither those of L that are handled one after the other, nor their being made anew each time."""
    hamiltonian, operators = build()
    whole = on_sectors(build_generator(hamiltonian, operators), decay=0.1)
    random = np.random.default_rng(3)
    flat = random.normal(size=whole.sectors.unknowns)
    state = (flat, 1e-17 * random.normal(size=len(flat)))
    residual, currents = whole.residual_and_currents(state)
    matrix, dense = whole.matrix, whole.dense
    assert whole.sectors.unknowns < superoperator.CHUNK
    monkeypatch.setattr(superoperator, "CHUNK", chunk)
    monkeypatch.setattr(superoperator, "REMEMBERED", 0)
    cut = on_sectors(build_generator(hamiltonian, operators), decay=0.1)
    assert len(list(cut._chunks())) == -(-len(flat) // chunk)
    for _ in range(2):
        residual_cut, currents_cut = cut.residual_and_currents(state)
        np.testing.assert_array_equal(residual_cut, residual)
        assert currents_cut == currents
    assert "_remembered" not in vars(cut)
    np.testing.assert_array_equal(cut.matrix.toarray(), matrix.toarray())
    np.testing.assert_array_equal(cut.dense, dense)


def test_functionals_are_the_currents():
    """Tr[H D(·)] entry by entry."""
    hamiltonian, operators = redfield_like()
    generator = on_sectors(build_generator(hamiltonian, operators))
    sectors = generator.sectors
    literal = literal_of(hamiltonian, operators)
    for place in range(sectors.unknowns):
        flat = np.zeros(sectors.unknowns)
        flat[place] = 1.0
        rho = {entry: complex(value) for entry, value in sectors.unpack(flat).todok().items()}
        currents = {bath: float(current) for bath, current in literal.currents(rho).items()}
        assert generator.functionals(flat) == pytest.approx(currents, abs=1e-14)


def test_the_rounding_of_a_current_is_that_of_what_it_adds_up():
    """The sum of the absolute values of all terms of Tr[H D(ρ)] in the steady state, and little more than that."""
    hamiltonian, operators = redfield_like()
    generator = on_sectors(build_generator(hamiltonian, operators))
    literal = literal_of(hamiltonian, operators)
    state = literal.steady_state()
    sectors = generator.sectors
    flat = np.zeros(sectors.unknowns)
    for (j, k), value in state.items():
        place = sectors.row_places[sectors.rank[j]] + sectors.column_places[sectors.rank[k]]
        flat[place] = float(mpmath.re(value) + mpmath.im(value))
    for bath, rounding in generator.current_rounding(flat).items():
        summed = sum(
            float(abs(literal.hamiltonian.get((j, i), 0) * weight * state[source]))
            for ((i, j), source), weight in literal.parts[bath].items()
            if source in state
        )
        eps = np.finfo(float).eps
        assert 8 * eps**2 * summed <= rounding <= 32 * eps**2 * summed


def test_gross_is_the_sum_of_absolute_values_before_any_cancels():
    hamiltonian, operators = redfield_like()
    generator = on_sectors(build_generator(hamiltonian, operators), decay=0.2)
    flat = np.random.default_rng(8).normal(size=generator.sectors.unknowns)
    expected = np.abs(generator.blocks(np.eye(len(flat))[0])) * abs(flat[0])
    for place in range(1, len(flat)):
        expected += np.abs(generator.blocks(np.eye(len(flat))[place])) * abs(flat[place])
    # Terms of one weight may cancel in L itself: those of H, of each bath's jumps and of its losses are six at most.
    gross = generator.gross(flat)
    assert np.all(gross >= (1 - 1e-12) * expected)
    assert np.all(gross <= 6 * expected)
    assert gross.sum() < 1.5 * expected.sum()
    assert generator.scale == pytest.approx(max(np.abs(generator.blocks(row)).max() for row in np.eye(len(flat))))


def test_matrix_and_blocks_agree_beyond_the_dense_size():
    """From 400 unknowns on L is a sparse matrix, or blocks if that takes too much memory."""
    equation = qn.local_master_equation(chain(6, 0.4, [5.0, 6.0, 5.5, 7.0, 5.2, 6.1]))
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    assert generator.sectors.unknowns > superoperator.DENSE
    flat = np.random.default_rng(9).normal(size=generator.sectors.unknowns)
    allowed = 1e-14 * generator.gross(flat).max()
    np.testing.assert_allclose(generator.blocks(flat), generator.matrix @ flat, rtol=0, atol=allowed)
    np.testing.assert_allclose(generator(flat), generator.dense @ flat, rtol=0, atol=allowed)
    residual = generator.residual((flat, np.zeros_like(flat)))
    np.testing.assert_allclose(residual, generator.matrix @ flat, rtol=0, atol=allowed)


@pytest.mark.parametrize("build", [redfield_like, lambda: (fig3(4).hamiltonian, fig3(4).collapse_operators)])
def test_packing_and_unpacking_are_inverse(build):
    generator = on_sectors(build_generator(*build()))
    sectors = generator.sectors
    flat = np.random.default_rng(10).normal(size=sectors.unknowns)
    matrix = sectors.unpack(flat)
    assert abs(matrix - matrix.conj().T).max() == 0
    assert abs(matrix.imag).max() > 0.1
    # ½(a + b) and ½(a - b) round once each, and so do their sums.
    again = sectors.pack(entries(qutip.Qobj(matrix)))
    rounding = 4e-16 * np.abs(flat).max()
    np.testing.assert_allclose(again, flat, rtol=0, atol=rounding)
    np.testing.assert_allclose(sectors.unpack(again).toarray(), matrix.toarray(), rtol=0, atol=rounding)
    populations = np.empty(len(sectors.order))
    populations[sectors.order] = flat[sectors.diagonal]
    np.testing.assert_array_equal(matrix.diagonal(), populations)


def test_jumps_into_different_sectors_share_their_rows_of_the_tables():
    """Of jumps with one entry each, between all states, no more than those into one state; and L is that of all."""
    random, states = np.random.default_rng(8), 9
    hamiltonian = qutip.qdiags(np.arange(states) ** 1.5, 0)
    rates = {bath: random.random((states, states)) for bath in ("hot", "cold")}
    for table in rates.values():
        np.fill_diagonal(table, 0.0)
    jumps = {
        bath: [np.sqrt(table[m, n]) * qutip.projection(states, m, n) for m, n in zip(*table.nonzero(), strict=True)]
        for bath, table in rates.items()
    }
    generator = on_sectors(build_generator(hamiltonian, jumps))
    assert generator.sectors.classical
    assert generator._jumps.left.shape == (2 * (states - 1), states)
    total = sum(rates.values())
    np.testing.assert_allclose(generator.dense, total - np.diag(total.sum(axis=0)), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("seed", range(4))
def test_jumps_of_any_shape_into_sectors_of_any_size_are_the_liouvillian(seed):
    """Different numbers of entries in every row, collapse operators and pairs, sectors of 1 to 3 states."""
    random = np.random.default_rng(seed)
    sizes, hamiltonian = (1, 3, 2, 3), np.zeros((9, 9), dtype=complex)
    starts = np.cumsum([0, *sizes])
    spans = [slice(first, last) for first, last in itertools.pairwise(starts)]
    for span in spans:
        hamiltonian[span, span] = random.normal(size=(span.stop - span.start,) * 2)
    hamiltonian += hamiltonian.conj().T

    def between(*sectors):
        matrix = np.zeros((9, 9), dtype=complex)
        for target, source in sectors:
            block = random.normal(size=(2, sizes[target], sizes[source]))
            matrix[spans[target], spans[source]] = (block[0] + 1j * block[1]) * (random.random(block[0].shape) < 0.7)
        return qutip.Qobj(matrix)

    up, down = ((1, 0), (2, 1), (3, 2)), ((0, 1), (1, 2), (2, 3))
    operators = {
        "hot": [between(*up), between(*down), between((3, 0)), between((0, 3)), (between(*up), between(*up))],
        "cold": [between(up[1]), (between(*down), between(*down)), between((0, 0), (1, 1), (2, 2), (3, 3))],
    }
    hamiltonian = qutip.Qobj(hamiltonian)
    generator = on_sectors(build_generator(hamiltonian, operators))
    sectors = generator.sectors
    assert sorted(sectors.sizes) == [1, 2, 3, 3]
    flat = random.normal(size=sectors.unknowns)
    rho = qutip.Qobj(sectors.unpack(flat).toarray())
    expected = -1j * (hamiltonian * rho - rho * hamiltonian)
    for member in itertools.chain(*operators.values()):
        s, filtered = member if isinstance(member, tuple) else (member, member / 2)
        term = filtered * rho * s.dag() - s.dag() * filtered * rho
        expected += term + term.dag()
    np.testing.assert_allclose(
        sectors.unpack(generator.residual((flat, np.zeros_like(flat)))).toarray(), expected.full()
    )


def test_entries_are_those_of_operators_however_they_are_stored():
    """By rows out of order and with stored zeros, by diagonals, dense; each real only if all its own are."""
    matrix = np.array([[0, 2, 1e-20], [0, 0, 0], [3, 0, 4]], dtype=complex)
    rows = np.array([2.0, 0.0, 1e-20, 4.0, 3.0], dtype=complex), np.array([1, 0, 2, 2, 0], dtype=np.int32)
    stored = [
        qutip.Qobj(qutip.data.CSR((*rows, np.array([0, 3, 3, 5], dtype=np.int32)), shape=(3, 3))),
        qutip.Qobj(1j * matrix),
        qutip.Qobj(matrix).to("Dense"),
        qutip.qdiags([4.0, 5.0, 6.0], 0).to("Dia"),
        qutip.Qobj(np.zeros((3, 3))),
    ]
    for operator, found in zip(stored, entries_together(stored), strict=True):
        expected = operator.full()
        at = expected.nonzero()
        np.testing.assert_array_equal((found.rows, found.columns), at)
        np.testing.assert_array_equal(found.values, expected[at])
        assert np.iscomplexobj(found.values) == bool(expected.imag.any())


def test_losses_whose_terms_cancel_keep_the_others_in_place():
    """|0⟩(⟨1| ± ⟨2|) of one bath: what couples 1 to 2 cancels to the last digit, and what comes after it stays."""
    ket = [qutip.basis(5, level) for level in range(5)]
    operators = [ket[0] * (ket[1] + sign * ket[2]).dag() for sign in (1, -1)]
    operators += [2 * ket[1] * ket[3].dag(), 3 * ket[2] * ket[4].dag()]
    built = build_generator(qutip.qdiags(np.arange(5.0), 0), {"bath": operators}).dissipators["bath"].loss
    expected = sum(0.5 * operator.dag() * operator for operator in operators).full().real
    made = np.zeros((5, 5))
    made[built.rows, built.columns] = built.values
    np.testing.assert_array_equal(made, expected)
