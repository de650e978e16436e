"""The benchmark's sections on textbook systems and on networks: what they compare, and what their tables say."""

import benchmark_networks
import benchmark_quadratic
import benchmark_systems
import pytest

import qnet_qutip as qn


def record(name, seconds, error, **methods):
    methods = {"direct": {"seconds": 1.0, "error": 0.0}, **methods}
    applications = {"dimension": 4, "applications": 3}
    return {"system": name, "size": 2, "seconds": seconds, "error": error, "methods": methods, **applications}


def test_best_method_is_the_fastest_that_is_right():
    others = {"eigen": {"seconds": 0.1, "error": 1e-6}, "svd": {"failure": "no"}, "power": {"seconds": 0.4, "error": 0}}
    assert benchmark_systems.best_of_qutip(record("", 1.0, 0.0, **others)) == ("power", 0.4)


def test_table_names_what_failed_what_differs_and_what_is_slow():
    failed = record("broken", 1.0, 0.0)
    del failed["seconds"], failed["error"]
    failed["failure"] = "ConvergenceError: no"
    text = benchmark_systems.table(
        [record("good", 0.5, 1e-12), record("slow", 2.0, 1e-12), record("wrong", 0.5, 1e-6), failed]
    )
    assert "4 systems: 1 failed, 1 further than 1e-09 from QuTiP's direct method, 1 slower than 1.5 times" in text
    assert text.endswith("failed: broken 2\n\ndifferent: wrong 2\n\nslower: slow 2")
    assert "in total 3 s against 3 s" in text
    assert "3 systems of up to 4 states: 0.5 to 2.0 times QuTiP's best, 0.5 in the middle." in text


def test_every_system_is_planned_at_each_of_its_sizes():
    tasks = benchmark_systems.planned(quick=False)
    assert {task["system"] for task in tasks} == set(benchmark_systems.SYSTEMS)
    assert len({(task["system"], task["size"]) for task in tasks}) == len(tasks)
    assert len(benchmark_systems.planned(quick=True)) == len(benchmark_systems.SYSTEMS)


def test_run_of_a_system_compares_states():
    result = benchmark_systems.run("cavity cut short", 4, 1)
    assert result["dimension"] == 4
    assert result["error"] < benchmark_systems.TOLERANCE
    assert {"direct", "svd", "power"} <= {name for name, one in result["methods"].items() if "failure" not in one}


def test_both_packages_find_the_current_of_the_pair():
    pytest.importorskip("qthermo")
    exact = float(qn.analytic.local_heat_current(qn.two_node("two-level", **benchmark_networks.PAIR)))
    for currents in (benchmark_networks.pair_by_package(), benchmark_networks.pair_by_qthermo()):
        # qthermo's solution in plain double precision keeps ten digits of this current.
        assert currents["hot"] == pytest.approx(exact, rel=1e-9)


def test_table_of_the_pair_says_the_ratio():
    methods = {
        "qnet_qutip": {"seconds": 2e-3, "fastest": 1.5e-3, "error": 0.0},
        "qthermo": {"seconds": 1e-3, "fastest": 1e-3, "error": 1e-12},
    }
    text = benchmark_networks.table([{"section": "pair", "methods": methods}])
    assert "| qnet_qutip | 2 | 0.0e+00 | 1.5 |" in text
    assert "qnet_qutip takes 1.50 times as long as qthermo" in text


@pytest.mark.parametrize("nodes", [2, 4])
def test_current_of_a_chain_is_the_closed_form(nodes):
    assert benchmark_networks.run_chain(nodes, 0.3, 0.01, 1)["error"] < 1e-9


def test_sections_of_one_body_matrices_conserve_heat_and_are_in_the_table():
    tasks = [task for task in benchmark_quadratic.planned(quick=True) if task.get("method") != "qthermo"]
    records = [task | benchmark_quadratic.run(task, 1) for task in tasks]
    assert {record["section"] for record in records} == set(benchmark_quadratic.SECTIONS)
    for record in records:
        if record["section"] == "many nodes" and record["method"] in ("local", "global", "redfield"):
            assert abs(record["ΣJ"]) <= 1e-9 * abs(record["current"])
        # The truncation that is asked for.
        assert record.get("error", 0.0) < 1e-3
    text = benchmark_quadratic.table([*records, {"section": "compare", "nodes": 5, "failure": "no"}])
    assert text.count("\n") == len(records) + 2
    assert text.endswith("| compare, 5 | no | | |")
