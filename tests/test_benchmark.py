"""The benchmark's sections on textbook systems and on networks: what they compare, and what their tables say."""

import benchmark_networks
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


@pytest.mark.parametrize("nodes", [2, 4])
def test_current_of_a_chain_is_the_closed_form(nodes):
    assert benchmark_networks.run_chain(nodes, 0.3, 0.01, 1)["error"] < 1e-9
