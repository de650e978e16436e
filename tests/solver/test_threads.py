"""Blocks on several threads: when, and that the results are the same."""

import multiprocessing
import os
import threading

import numpy as np
import pytest
from problems import fig3

from qnet_qutip.solver import threads
from qnet_qutip.solver.generator import build_generator
from qnet_qutip.solver.secular import secular_equation
from qnet_qutip.solver.superoperator import on_sectors


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
