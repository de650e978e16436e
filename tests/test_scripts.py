"""The scripts: their command line, what they write, and that it is what the density matrix says."""

import csv
import json
import sys

import compare
import compare_equations
import explore
import figure_options
import numpy as np
import pytest
import reproduce_all
import reproduce_fig1
import reproduce_fig2
import reproduce_fig3
import reproduce_fig4
import validity
from figure_options import Comparison, exit_status

import qnet_qutip as qn
from qnet_qutip.sweeps import sweep

SCRIPTS = [reproduce_fig1, reproduce_fig2, reproduce_fig3, reproduce_fig4, compare_equations, validity, reproduce_all]


def read(path):
    lines = path.read_text().splitlines()
    header = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    return header, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_all_figures_are_written_with_their_data_and_show_the_claims(tmp_path):
    # One test, since the figures take seconds: another process would draw them again.
    comparisons = reproduce_all.main(["--quick", "--points", "2", "--output", str(tmp_path)])

    with_data = ["fig2", "fig3", "fig3_two_level", "fig4", "fig4_two_level"]
    with_data += [f"{curve.name}{kind}" for curve in compare_equations.CURVES for kind in ("", "_two_level")]
    pictures = [*with_data, "fig1", "fig2_error", "validity"]
    names = {f"{name}.{ending}" for name in pictures for ending in ("png", "pdf")}
    assert {path.name for path in tmp_path.iterdir()} == names | {f"{name}.csv" for name in [*with_data, "validity"]}

    assert [one.name for one in comparisons] == with_data
    assert exit_status(comparisons) == 0
    assert all(one.deviation <= one.truncation_error + figure_options.SOLVER_ERROR for one in comparisons)

    for name in ("fig3", "fig3_two_level"):
        for row in read(tmp_path / f"{name}.csv")[1]:
            assert (float(row["heat_current_hot"]) > 0) == (row["equation"] == "global")
    for name in ("fig4", "fig4_two_level"):
        for row in read(tmp_path / f"{name}.csv")[1]:
            expected = 6 - float(row["omega_h"]) if row["equation"] == "local" else 1
            assert float(row["heat_current_hot"]) * expected >= 0
    signs = {np.sign(float(row["entropy_production"])) for row in read(tmp_path / "fig2.csv")[1]}
    assert signs == {1, -1}

    header, rows = read(tmp_path / "validity.csv")
    assert {name: float(header[name]) for name in validity.PARAMETERS} == validity.PARAMETERS
    # At the corners: both nodes one, detuned, coupled strongly, and both.
    wrong = {
        (float(row["detuning"]), float(row["epsilon"])): {
            name for name in qn.MASTER_EQUATIONS if not float(row[f"error_{name}"]) <= validity.TOLERANCE
        }
        for row in rows
    }
    assert wrong == {(1e-7, 1e-7): {"global"}, (1e-7, 1): {"local"}, (5, 1e-7): {"local"}, (5, 1): {"local"}}

    for kind in ("", "_two_level"):
        assert_every_equation_follows_the_one_that_is_right(tmp_path, kind)


def assert_every_equation_follows_the_one_that_is_right(directory, kind):
    """Off resonance the global one, to the 2 % that the bath coupling of figure 3 is; on resonance the local one."""
    for name, coordinate, right, wrong in (
        ("fig3_equations", "epsilon", "global", "local"),
        ("resonance_equations", "epsilon", "local", "global"),
    ):
        _, rows = read(directory / f"{name}{kind}.csv")
        assert {row["equation"] for row in rows} == set(qn.MASTER_EQUATIONS)
        smallest = min(float(row[coordinate]) for row in rows)
        found = {row["equation"]: float(row["heat_current_hot"]) for row in rows if float(row[coordinate]) == smallest}
        assert abs(found.pop(wrong) / found[right] - 1) > 1
        assert max(abs(current / found[right] - 1) for current in found.values()) < 0.02
        for row in rows:
            assert (row["closed_heat_current_hot"] == "") == (row["equation"] not in ("local", "global"))
        # Oscillators have an exact current; figure 3 has baths so strong that the best equation is 3 % off.
        if not kind:
            exact = next(float(row["exact_heat_current_hot"]) for row in rows if float(row[coordinate]) == smallest)
            assert abs(found[right] / exact - 1) < 0.04


def test_the_same_run_writes_the_same_files_with_the_numbers_of_the_steady_state(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce_fig3, "EQUATIONS", ["global"])
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        reproduce_fig1.main(["--output", str(directory)])
        reproduce_fig3.main(["--quick", "--points", "2", "--output", str(directory)])
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name

    header, rows = read(first / "fig3.csv")
    assert {name: float(header[name]) for name in reproduce_fig3.PARAMETERS} == reproduce_fig3.PARAMETERS
    assert header["network"] == "oscillator"
    assert header["method"] == "sectors"
    assert header["qnet_qutip"] == qn.__version__
    row = next(row for row in rows if float(row["epsilon"]) == 2.5)
    network = qn.two_node("oscillator", epsilon=2.5, **reproduce_fig3.PARAMETERS)
    state = qn.steady_state(qn.global_master_equation(network))
    assert float(row["heat_current_hot"]) == pytest.approx(state.heat_currents["hot"], rel=1e-11)
    assert float(row["occupation_A"]) == pytest.approx(state.occupations["A"], rel=1e-11)
    assert float(row["closed_heat_current_hot"]) == pytest.approx(state.heat_currents["hot"], rel=1e-7)


def test_deviation_beyond_that_gives_a_status():
    good = Comparison("good", 1, 1e-9, "", 1e-8, 0.1)
    assert exit_status([good]) == 0
    for excess in (1.1, float("nan")):
        assert exit_status([good, Comparison("bad", 1, 1e-5, "", 1e-8, excess)]) == 1


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_a_method_of_qutip_reports_its_truncation_error(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce_fig3, "EQUATIONS", ["global"])
    comparisons = reproduce_fig3.main(
        ["--quick", "--points", "2", "--method", "direct", "--levels", "5", "--output", str(tmp_path)]
    )
    assert comparisons[0].deviation > 1e-3
    assert comparisons[0].truncation_error > comparisons[0].deviation
    # That of two-level nodes has none, and what "direct" loses is not excused by it.
    assert comparisons[1].truncation_error == 0
    assert exit_status(comparisons) == (comparisons[1].deviation > figure_options.SOLVER_ERROR)
    assert "method: direct" in (tmp_path / "fig3.csv").read_text()


def test_qutip_methods_have_few_levels_by_default(tmp_path):
    options = figure_options.parse_options(["--method", "direct", "--output", str(tmp_path)], "", 3, 2)
    assert options.levels == figure_options.QUTIP_LEVELS
    assert figure_options.parse_options(["--output", str(tmp_path)], "", 3, 2).levels is None


def test_points_and_jobs_have_defaults(tmp_path):
    arguments = ["--output", str(tmp_path)]
    assert figure_options.parse_options(arguments, "", 9, 2).points == 9
    quick = figure_options.parse_options([*arguments, "--quick"], "", 9, 2)
    assert (quick.points, quick.jobs) == (2, 1)
    assert figure_options.parse_options([*arguments, "--quick", "--points", "5"], "", 9, 2).points == 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_help_is_the_docstring(script, capsys):
    with pytest.raises(SystemExit) as left:
        script.main(["--help"])
    assert left.value.code == 0
    assert script.__doc__.strip().splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--point-count", "3"], "unrecognized arguments"),
        (["--points", "1"], "--points: must be at least 2, but is 1"),
        (["--points", "many"], "--points: invalid whole number value: 'many'"),
        (["--jobs", "0"], "--jobs: must be at least 1, but is 0"),
        (["--levels", "1"], "--levels: must be at least 2, but is 1"),
        (["--method", "guess"], "--method: invalid choice: 'guess'"),
    ],
)
def test_bad_options_are_refused(script, arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        script.main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_output_that_cannot_be_a_directory_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit):
        reproduce_fig3.main(["--output", str(tmp_path / "file" / "figures")])
    assert "--output: must be a directory that can be made" in capsys.readouterr().err


def test_interrupt_leaves_the_checkpoint_and_its_own_status(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(figure_options, "sweep", interrupted)
    with pytest.raises(SystemExit) as left:
        figure_options.run(lambda: reproduce_fig3.main(["--quick", "--output", str(tmp_path)]))
    assert left.value.code == 130
    assert "takes up from here" in capsys.readouterr().err


def test_a_run_takes_up_its_own_checkpoint(tmp_path, monkeypatch):
    paths = []

    def recording(*arguments, checkpoint=None, **options):
        if checkpoint is not None:
            paths.append(checkpoint)
        return sweep(*arguments, checkpoint=checkpoint, **options)

    monkeypatch.setattr(figure_options, "sweep", recording)
    monkeypatch.setattr(reproduce_fig3, "EQUATIONS", ["global"])
    reproduce_fig3.main(["--quick", "--points", "2", "--output", str(tmp_path)])
    assert paths == [tmp_path / "fig3.partial", tmp_path / "fig3_two_level.partial"]
    # Once every number is in the CSV it is of no more use.
    assert not any(path.exists() for path in paths)


def test_what_the_prompt_proposes_runs(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    names = explore.namespace()
    for command in explore.TRY.values():
        assert command in explore.banner()
        *statements, last = command.split("; ")
        exec("; ".join(statements), names)
        names["shown"] = eval(last, names)
    assert names["state"].heat_currents["hot"] < 0
    assert names["shown"] == qn.compare(names["net"])
    assert names["shown"].recommended == "global"


def test_prompt_without_ipython_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(SystemExit, match=r"explore\.py needs IPython: pip install ipython"):
        explore.main([])


def test_compare_prints_the_verdict_of_any_two_nodes(capsys):
    compare.main([])
    printed = capsys.readouterr().out
    network = qn.two_node("oscillator", **compare.DEFAULTS)
    assert printed == f"{qn.compare(network)}\n"
    compare.main(["--omega-h", "5", "--epsilon", "1e-6", "--kappa", "1e-7", "--T-c", "9", "--kind", "two-level"])
    values = {**compare.DEFAULTS, "omega_h": 5, "epsilon": 1e-6, "kappa": 1e-7, "T_c": 9}
    assert capsys.readouterr().out == f"{qn.compare(qn.two_node('two-level', **values))}\n"


def test_compare_as_json_is_its_dataset(capsys):
    compare.main(["--kappa", "1e-7", "--json"])
    found = json.loads(capsys.readouterr().out)
    dataset = qn.compare(qn.two_node("oscillator", **{**compare.DEFAULTS, "kappa": 1e-7})).to_dataset()
    assert found["attrs"]["recommended"] == "global"
    assert found["data_vars"]["heat_current"]["data"] == dataset.heat_current.values.tolist()
    # Three equations have no error that the scales let expect.
    assert found["data_vars"]["expected_error"]["data"].count(None) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epsilon", "8"], "omega_- would not be positive"),
        (["--kind", "spin"], "--kind: invalid choice: 'spin'"),
        (["--T-h", "-1"], "T_h"),
        (["--omega", "5"], "unrecognized arguments: --omega"),
    ],
)
def test_compare_refuses_bad_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        compare.main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err
