"""Where the points of a sweep are solved: in this process, in processes of its own, or by an executor it is given."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from qnet_qutip import checks
from qnet_qutip.sweeps.point import Record, Work, failed, solve_in_worker

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

HANDED_OUT = 1024
"""Groups of points that a given executor has at a time: they keep a thousand workers busy, and take a few megabytes."""

GROUP_SECONDS, LARGEST_GROUP = 0.05, 16
"""Points of which several are solved in this time are handed out together, since each message costs dask some
milliseconds; longer ones come and are kept one by one."""

FIRST_POINTS = 64
"""Handed out before it is known how long they take."""

KINDS = (
    "a number of processes on this machine or a concurrent.futures.Executor, such as mpi4py.futures.MPIPoolExecutor() "
    "or dask.distributed's Client.get_executor()"
)


def check_executor(executor: object, parts: Mapping[str, object]) -> None:
    """Raise if an executor is none, is not where it can work, or could not be sent the parts of a task.

    Raises
    ------
    TypeError
        If it is no executor, or a part does not pickle.
    ValueError
        If it is a number below 1, of threads, or one of MPI outside an MPI launch.
    """
    if executor is None:
        return
    if isinstance(executor, int):
        if checks.whole("executor", executor, 1) == 1:
            return
    elif not isinstance(executor, Executor):
        remedy = "; give its get_executor()" if hasattr(executor, "get_executor") else ""
        remedy = "; make one by calling it" if isinstance(executor, type) else remedy
        raise TypeError(f"executor must be {KINDS}, but is {executor!r}{remedy}")
    elif isinstance(executor, ThreadPoolExecutor):
        raise ValueError(
            f"executor must have processes, but has threads, which QuTiP's settings are common to: {executor!r}; give "
            "the number of processes in its place"
        )
    module = type(executor).__module__
    if module.startswith("mpi4py.futures"):
        _check_mpi()
    # dask sends functions whole, by cloudpickle.
    if not module.startswith("distributed"):
        _check_pickles(parts)


def _check_mpi() -> None:
    from mpi4py import MPI

    launch = "mpirun -n 3 python -m mpi4py.futures SCRIPT"
    if MPI.COMM_WORLD.Get_size() == 1:
        raise ValueError(
            f"executor is an MPIPoolExecutor, which must be in a program that MPI has launched, but this process is "
            f"alone; launch it by: {launch} (one rank hands out the points, the others solve them)"
        )
    if MPI.COMM_WORLD.Get_rank() > 0:
        raise ValueError(
            "executor is an MPIPoolExecutor, which must be on the first rank alone, but every rank runs this script; "
            f"launch it by: {launch}"
        )


def _check_pickles(parts: Mapping[str, object]) -> None:
    for name, part in parts.items():
        try:
            pickled = pickle.dumps(part)
        except Exception as error:
            raise TypeError(
                f"{name} must pickle to be sent to other processes, but does not ({error}): put functions at the top "
                "of a module in place of lambdas and inner functions, or leave executor out"
            ) from error
        if b"__main__" in pickled and not Path(getattr(sys.modules["__main__"], "__file__", "")).is_file():
            raise TypeError(
                f"{name} must be in a module for other processes to import, but was defined at a prompt or in a "
                "notebook: put it in a file and import it, give dask's executor, which sends functions whole, or leave "
                "executor out"
            )


def run(
    tasks: Iterable[Work],
    solve: Callable[[Work], Record],
    executor: int | Executor | None,
    keep: Callable[[int, Record], None],
    place: Callable[[int], str],
    progress: bool,
) -> None:
    """Solve every task and `keep` its points as they come; `place` says of one in words which it is.

    An error of the engine, or a mistake in a function, is raised as long as no point has come back; after that it is
    taken for one of the point's.

    Raises
    ------
    BrokenExecutor
        If the workers are gone.
    KeyboardInterrupt
        After the points that are under way in other processes have been kept.
    """
    if executor is None or executor == 1:
        succeeded = False
        for task in tasks:
            try:
                record = solve(task)
            except Exception as error:
                record = _mistake(error, succeeded, place(task.point))
            succeeded = succeeded or not record.error
            keep(task.point, record)
        return
    with _opened(executor) as (pool, most):
        _run_elsewhere(iter(tasks), solve, pool, most, keep, place, progress)


def _mistake(error: Exception, succeeded: bool, where: str) -> Record:
    """The record of a point that could not be solved at all, or its error if none could so far."""
    if not succeeded:
        error.add_note(f"in a sweep, {where}")
        raise error
    return failed(error)


def _run_elsewhere(
    waiting: Iterator[Work],
    solve: Callable[[Work], Record],
    pool: Executor,
    most: int,
    keep: Callable[[int, Record], None],
    place: Callable[[int], str],
    progress: bool,
) -> None:
    running, done = dict[Future[list[Record]], list[Work]](), SimpleQueue[Future[list[Record]]]()
    alone, seconds, solved, succeeded, timed = deque[Work](), 0.0, 0, False, False

    def hand_out() -> None:
        size = min(LARGEST_GROUP, max(1, int(GROUP_SECONDS * solved / max(seconds, 1e-9)))) if solved else 1
        while len(running) < (most if timed else min(most, FIRST_POINTS)):
            group = [alone.popleft()] if alone else list(itertools.islice(waiting, size))
            if not group:
                return
            future = pool.submit(solve_in_worker, solve, group)
            running[future] = group
            future.add_done_callback(done.put)

    try:
        with _interrupts_ignored():
            hand_out()
        while running:
            try:
                future = done.get(timeout=None if timed else 1.0)
            except Empty:
                # The points take long: every worker is to have one.
                timed = True
                hand_out()
                continue
            group, timed = running[future], True
            try:
                records = future.result()
            except BrokenExecutor:
                raise
            except Exception as error:
                # Of a group it is not known whose error it is: each is tried by itself.
                if len(group) > 1:
                    alone.extend(group)
                    records = []
                else:
                    records = [_mistake(error, succeeded, place(group[0].point))]
            for task, record in zip(group, records, strict=False):
                keep(task.point, record)
                succeeded = succeeded or not record.error
                seconds, solved = seconds + record.seconds, solved + 1
            del running[future]
            hand_out()
    except BaseException as stop:
        broken, interrupted = isinstance(stop, BrokenExecutor), not isinstance(stop, Exception)
        if broken:
            # Also from `submit`, where that comes before a result says so.
            stop.add_note(
                "a worker of the sweep ended, perhaps for want of memory; with a checkpoint the same call takes up "
                "from here"
            )
        under_way = {future: group for future, group in running.items() if not future.cancel()}
        if interrupted and progress:
            print(f"sweep stopped: waiting for {len(under_way)} workers", file=sys.stderr, flush=True)
        for future, group in under_way.items():
            # What came back before a worker ended is kept; what did not is waited for only after an interrupt.
            if (interrupted or (broken and future.done())) and future.exception() is None:
                for task, record in zip(group, future.result(), strict=True):
                    keep(task.point, record)
        raise


@contextlib.contextmanager
def _opened(executor: int | Executor) -> Iterator[tuple[Executor, int]]:
    """An executor, and how many points it is to have at a time."""
    if isinstance(executor, Executor):
        yield executor, HANDED_OUT
        return
    context = multiprocessing.get_context("spawn")
    with _workers_of_one_blas_thread(), ProcessPoolExecutor(executor, context, _end_with_parent) as pool:
        try:
            # No more points than processes, so that there is little to wait for after an interrupt.
            yield pool, executor
        except BrokenExecutor as error:
            error.add_note(
                'if it ended at once: a script must call sweep under `if __name__ == "__main__":`, as every worker '
                "imports the script"
            )
            raise


def _end_with_parent() -> None:
    """Let this process end with the one that started it, however that ends: killed, it cannot tell its workers to."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_for_the_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_for_the_end, daemon=True).start()


@contextlib.contextmanager
def _workers_of_one_blas_thread() -> Iterator[None]:
    """One BLAS thread in the processes started inside: they inherit the environment, and import NumPy only then."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a moment: processes that start meanwhile leave it to the parent for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
