"""L of a few unknowns, made of whole operators, against the enumerated weights of any number of unknowns."""

import numpy as np
import pytest
import qutip
import scipy.linalg
from problems import chain, fig3

import qnet_qutip as qn
from qnet_qutip.solver import double_double as dd
from qnet_qutip.solver import few
from qnet_qutip.solver.few import few_unknowns
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.linear import solve
from qnet_qutip.solver.point import Options
from qnet_qutip.solver.superoperator import on_sectors


def matrix(random, states, mixed):
    made = random.normal(size=(states, states))
    return made + 1j * random.normal(size=(states, states)) if mixed else made


def random_operators(states, mixed, pairs):
    """H, one or two baths with one or two collapse operators or pairs each, and an energy that is not H with pairs."""
    random = np.random.default_rng(states)

    def operator():
        return qutip.Qobj(matrix(random, states, mixed))

    def hermitian():
        made = operator()
        return made + made.dag()

    if pairs:
        coupled = {"hot": [(operator(), operator())], "cold": [operator(), (operator(), operator())]}
        return hermitian(), coupled, hermitian()
    return hermitian(), {"hot": [operator(), operator()], "cold": [operator()]}, None


def of_equation(equation):
    return equation.hamiltonian, equation.collapse_operators, equation.energy


def correlated():
    """Three levels a jump takes coherently to one block, and a sector that none joins to it but by populations."""
    states = [qutip.basis(5, number) for number in range(5)]
    jump = states[1] * states[3].dag() + states[2] * states[4].dag()
    back = [states[number + 3] * states[number + 1].dag() for number in range(2)]
    hamiltonian = states[3] * states[4].dag() + states[4] * states[3].dag() + qutip.num(5)
    up = [states[0] * states[1].dag(), states[2] * states[0].dag()]
    return hamiltonian, {"hot": [jump, *back], "cold": up}, None


PROBLEMS = {
    **{
        f"{states} states{', complex' * mixed}{', pairs' * pairs}": random_operators(states, mixed, pairs)
        for states in (2, 3, 4)
        for mixed in (False, True)
        for pairs in (False, True)
    },
    "two nodes": of_equation(qn.local_master_equation(chain(2, 0.5, [5.0, 6.0]))),
    "three nodes": of_equation(qn.local_master_equation(chain(3, 0.5, [5.0, 6.0, 7.0]))),
    "two nodes, Redfield": of_equation(qn.redfield_master_equation(chain(2, 0.5, [5.0, 6.0]))),
    "a jump that correlates": correlated(),
}


@pytest.fixture(params=list(PROBLEMS))
def both(request):
    problem = PROBLEMS[request.param]
    made = few_unknowns(*problem)
    assert made is not None
    return made, on_sectors(build_generator(*problem))


def test_the_sectors_are_those_of_any_generator(both):
    made, general = both
    assert made.sectors.order.tolist() == general.sectors.order.tolist()
    assert made.sectors.offsets.tolist() == general.sectors.offsets.tolist()
    assert set(zip(*map(np.ndarray.tolist, made.transfers()), strict=True)) == set(
        zip(*map(np.ndarray.tolist, general.transfers()), strict=True)
    )


def test_every_form_is_that_of_any_generator(both):
    made, general = both
    flat = np.random.default_rng(1).normal(size=made.sectors.unknowns)
    rounding = 16 * dd.EPS * general.gross(flat)
    assert np.abs(made.dense - general.dense).max() <= 16 * dd.EPS * general.scale
    assert np.all(np.abs(made(flat) - general(flat)) <= rounding)
    assert made.scale == pytest.approx(general.scale, rel=1e-14)
    # It adds up the absolute values of all weights; those of one place and cause may be added before.
    assert np.all(made.gross(flat) >= (1 - 1e-14) * general.gross(flat))
    assert np.all(made.gross(flat) <= 2 * general.gross(flat))
    for of in ("baths", "conserves_energy"):
        assert getattr(made, of) == getattr(general, of)
    for of in ("fastest_loss", "largest_energy"):
        assert getattr(made, of) == pytest.approx(getattr(general, of), rel=1e-14)
    size = max(map(abs, general.functionals.exchanged(flat).values()))
    for name in ("exchanged", "rounding"):
        ours, theirs = (getattr(one.functionals, name)(flat) for one in (made, general))
        assert ours == pytest.approx(theirs, rel=1e-13)
    assert made.functionals(flat) == pytest.approx(general.functionals(flat), rel=1e-13, abs=1e-13 * size)
    assert made.functionals.largest == pytest.approx(general.functionals.largest, rel=1e-13)
    assert np.abs(made.on_the_whole.dense - general.on_the_whole.dense).max() <= 16 * dd.EPS * general.scale


def test_residual_and_currents_have_double_the_digits(both):
    """Where nearly all cancels, in the steady state, both are alike to the rounding of 32 digits."""
    made, general = both
    value = solve(general, Options()).value
    rounding = 8 * dd.EPS**2 * general.gross(value[0])
    residual, currents = made.residual_and_currents(value)
    expected, of_general = general.residual_and_currents(value)
    assert np.all(np.abs(residual - expected) <= rounding)
    # Doubles alone have nothing to say there.
    assert np.linalg.norm(made(value[0])) > 1e6 * np.linalg.norm(residual)
    resolved = general.current_rounding(value[0])
    for bath, current in of_general.items():
        assert abs(currents[bath] - current) <= dd.EPS * abs(current) + resolved[bath]


def test_the_solution_is_the_same(both):
    made, general = both
    ours, theirs = solve(made, Options()), solve(general, Options())
    assert np.linalg.norm(ours.value[0] - theirs.value[0]) <= 1e-15 * np.linalg.norm(theirs.value[0])
    scale = max(map(abs, theirs.currents.values()))
    assert ours.currents == pytest.approx(theirs.currents, rel=1e-13, abs=1e-28 * scale)
    assert ours.stages == theirs.stages == ("elimination",)


def test_what_is_not_small_is_left_to_enumeration(monkeypatch):
    assert few_unknowns(*of_equation(fig3(few.FEW_STATES))) is None
    assert few_unknowns(qutip.num(8), {"all": [qutip.rand_dm(8, seed=1)]}) is None  # 64 unknowns
    assert few_unknowns(qutip.num(2), {}) is None
    many = [qutip.num(4)] * (few.FEW_WEIGHTS // 4**2)
    assert few_unknowns(qutip.num(4), {"all": many[:-1]}) is not None
    assert few_unknowns(qutip.num(4), {"all": [*many, qutip.num(4)]}) is None


def test_currents_that_nobody_asks_for_are_not_evaluated(both):
    made, _ = both
    alone = few_unknowns(*made.operators.given, heat=False)
    ours, theirs = solve(alone, Options()), solve(made, Options())
    assert alone.baths == ()
    assert ours.currents == ours.changes == ours.unresolved == {}
    assert np.linalg.norm(ours.value[0] - theirs.value[0]) <= 1e-15 * np.linalg.norm(theirs.value[0])


def test_nothing_is_judged_by_a_current_that_nobody_asks_for():
    """Of two baths far apart in strength the weak one's current is resolved by a hundred digits only; ρ is not."""
    hamiltonian, weak = qutip.sigmaz(), 1e-14
    hot = [qutip.sigmam(), 0.5 * qutip.sigmap()]
    cold = [weak * qutip.sigmam(), 0.1 * weak * qutip.sigmap()]
    listed = qn.steady_state(hamiltonian, [*hot, *cold])
    named = qn.steady_state(hamiltonian, {"hot": hot, "cold": cold})
    assert listed.heat_currents == {}
    assert (listed.rho - named.rho).norm() < 1e-15
    with pytest.raises(AttributeError, match="plain operators"):
        _ = listed.entropy_production


@pytest.mark.parametrize("problem", ["a driven spin", "two nodes"])
def test_lapack_is_given_one_right_side_at_a_time(problem, monkeypatch):
    """For several it starts threads, even for two unknowns: milliseconds where the cores are busy."""
    calls = []
    substituted = scipy.linalg.lapack.dgetrs

    def of_one(factors, pivots, right, **options):
        calls.append(right.ndim)
        return substituted(factors, pivots, right, **options)

    monkeypatch.setattr(scipy.linalg.lapack, "dgetrs", of_one)
    monkeypatch.setattr(scipy.linalg.lapack, "dtrtrs", None)
    if problem == "two nodes":
        qn.steady_state(qn.local_master_equation(chain(2, 0.5, [5.0, 6.0])))
    else:
        qn.steady_state(qutip.sigmax() + qutip.sigmaz(), {"bath": [qutip.sigmam()]})
    assert set(calls) == {1}
