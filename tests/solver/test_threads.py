"""Blocks on several threads: when, and that the results are the same."""

import multiprocessing
import os
import threading

import numpy as np
import pytest
from problems import fig3
from threadpoolctl import threadpool_info, threadpool_limits

import qnet_qutip as qn
from qnet_qutip import steady
from qnet_qutip.solver import threads
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.superoperator import on_sectors

PAIR = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=2, T_c=1, kappa=1e-4)


@pytest.fixture
def cores(monkeypatch):
    """A machine of three cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    return 3


def test_large_problems_get_a_thread_for_each_core(cores, monkeypatch):
    assert threads.threads(threads.LARGE) == cores
    monkeypatch.setattr(threads, "MOST_THREADS", 2)
    assert threads.threads(threads.LARGE) == 2


def test_small_problems_and_processes_of_a_sweep_have_one(cores, monkeypatch):
    assert threads.threads(threads.LARGE - 1) == 1
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    assert threads.threads(threads.LARGE) == 1


def test_results_come_in_the_order_of_the_items_from_several_threads(cores):
    everyone = threading.Barrier(cores, timeout=10)

    def square(number):
        everyone.wait()
        return number**2, threading.get_ident()

    found = threads.for_each(square, range(cores), threads.LARGE)
    assert [value for value, _ in found] == [0, 1, 4]
    assert len({thread for _, thread in found}) == cores


def test_an_error_is_raised(cores):
    with pytest.raises(ZeroDivisionError):
        threads.for_each(lambda number: 1 / number, [1, 0], threads.LARGE)


def test_the_secular_equation_does_not_depend_on_the_threads(cores, monkeypatch):
    equation = fig3(6)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    secular = secular_equation(generator)
    source = np.random.default_rng(1).normal(size=generator.sectors.unknowns)
    alone = secular.solve(source)
    monkeypatch.setattr(threads, "LARGE", 1)
    np.testing.assert_array_equal(secular.solve(source), alone)


def threads_of_blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_a_solve_has_one_thread_of_blas_and_gives_the_others_back(monkeypatch):
    """Of solves in several threads too, in whatever order they end."""
    with threadpool_limits(2, user_api="blas"):
        before = threads_of_blas()
        seen = []
        first, second = threads.one_blas_thread(), threads.one_blas_thread()
        first.__enter__()
        second.__enter__()
        seen.append(threads_of_blas())
        first.__exit__(None, None, None)
        seen.append(threads_of_blas())
        second.__exit__(None, None, None)
        assert seen == [{1}, {1}]
        assert threads_of_blas() == before
        monkeypatch.setattr(steady, "solve", lambda *_: seen.append(threads_of_blas()) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            qn.steady_state(qn.local_master_equation(PAIR, levels=8, rtol=1.0))
        assert seen[-1] == {1}
        assert threads_of_blas() == before
