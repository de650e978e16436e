"""Settings of the process that a solve holds, and gives back."""

import threading

import pytest
import qutip
from threadpoolctl import threadpool_info, threadpool_limits

import qnet_qutip as qn
from qnet_qutip import steady
from qnet_qutip.solver.process_settings import every_entry_kept, held, one_blas_thread

PAIR = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)


def threads_of_blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if threads_of_blas() != {2}:
            pytest.skip("BLAS has one thread only")
        yield


def test_a_solve_has_one_thread_of_blas_and_gives_the_others_back(two_threads, monkeypatch):
    seen = []
    monkeypatch.setattr(steady, "solve", lambda *_: seen.append(threads_of_blas()) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        qn.steady_state(qn.local_master_equation(PAIR, levels=8, rtol=1.0))
    assert seen == [{1}]
    assert threads_of_blas() == {2}


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_of_several_threads_the_first_sets_it_and_the_last_gives_it_back(first_to_leave):
    value = ["before"]

    @held
    def setting():
        assert value == ["before"]
        value[0] = "inside"
        return lambda: value.__setitem__(0, "before")

    entered, leave = threading.Barrier(3), [threading.Event(), threading.Event()]

    def work(number):
        with setting():
            entered.wait(10)
            leave[number].wait(10)

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    entered.wait(10)
    assert value == ["inside"]
    leave[first_to_leave].set()
    workers[first_to_leave].join(10)
    assert value == ["inside"]
    leave[1 - first_to_leave].set()
    workers[1 - first_to_leave].join(10)
    assert value == ["before"]


def test_both_settings_of_the_package_are_given_back(two_threads):
    before = qutip.settings.core["auto_tidyup"]
    assert before
    with every_entry_kept(), every_entry_kept(), one_blas_thread():
        assert not qutip.settings.core["auto_tidyup"]
        assert threads_of_blas() == {1}
    assert qutip.settings.core["auto_tidyup"] is before
    assert threads_of_blas() == {2}
