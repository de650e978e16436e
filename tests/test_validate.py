"""The validation: a row can fail, a failed row is reported, and the exit status says so."""

import json
import runpy
from types import SimpleNamespace

import numpy as np
import paper_formulas
import pytest
import validate
from validate import Row, main

import qnet_qutip as qn

GOOD = Row("(0)", "both", "good", 1e-9, 1e-8, "rounding")
BAD = Row("(0)", "both", "bad", 1e-7, 1e-8, "rounding")


@pytest.mark.parametrize(
    ("deviation", "tolerance", "passed"),
    [(0.0, 0.0, True), (1e-8, 1e-8, True), (1.1e-8, 1e-8, False), (float("nan"), 1e-8, False), (np.inf, 1e-8, False)],
)
def test_row_passes_within_its_tolerance(deviation, tolerance, passed):
    assert Row("(0)", "both", "a row", deviation, tolerance, "rounding").passed is passed


@pytest.mark.parametrize(("rows", "status"), [([GOOD], 0), ([GOOD, BAD], 1), ([BAD, GOOD], 1), ([BAD], 1)])
def test_a_failed_row_is_reported_and_gives_the_status(rows, status, monkeypatch, capsys):
    monkeypatch.setattr(validate, "validate", lambda: rows)
    assert main([]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[2 : 2 + len(rows)]] == ["pass" if row.passed else "FAIL" for row in rows]
    assert lines[-1] == f"{len(rows)} rows, {rows.count(BAD)} failed"
    assert main(["--json"]) == status
    assert [row["passed"] for row in json.loads(capsys.readouterr().out)] == [row is GOOD for row in rows]


def test_the_script_passes_but_for_the_rows_of_a_formula_that_is_off(monkeypatch, capsys):
    correct = paper_formulas.correlations
    monkeypatch.setattr(paper_formulas, "correlations", lambda *arguments: correct(*arguments) * (1 + 1e-7))
    monkeypatch.setattr("sys.argv", ["validate.py", "--json"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(validate.__file__, run_name="__main__")
    assert left.value.code == 1
    rows = json.loads(capsys.readouterr().out)
    failed = [row for row in rows if not row["passed"]]
    assert len(failed) == 4
    assert {row["item"] for row in failed} == {"(17)"}


@pytest.mark.parametrize("share", [1.0, 1e-6])
def test_the_first_law_fails_for_a_state_that_is_not_steady(share, monkeypatch):
    """The maximally mixed state, and a millionth of it in the steady one."""
    correct = validate.solved

    def wrong(*arguments):
        state = correct(*arguments)
        size = state.equation.space.dimension
        mixed = validate.density_matrix(state.equation, np.eye(size) / size)
        rho = (1 - share) * state.rho + share * mixed
        return SimpleNamespace(heat_currents=qn.heat_currents(state.equation, rho))

    monkeypatch.setattr(validate, "solved", wrong)
    assert not any(row.passed for row in validate.first_law())
