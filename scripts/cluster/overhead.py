"""What a sweep costs besides its points: milliseconds a point of nothing to solve, by every engine of entropy_map.py.

With --seconds the points take that long each instead, and the time of all of them over the time of the sweep says how
many workers were kept busy: with --sleep by points that leave the cores alone, so that a machine with other work
measures the engine too, and without it by points that compute. The workers start and import before the clock does.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from entropy_map import workers

import qnet_qutip as qn

PARAMETERS = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}


@dataclass(frozen=True)
class Nothing:
    """A state that took nothing to find."""

    heat_currents: dict[str, float] = field(default_factory=lambda: {"hot": 0.0, "cold": 0.0})
    occupations: dict[str, float] = field(default_factory=lambda: {"A": 0.0, "B": 0.0})
    entropy_production: float = 0.0


def nothing(network: qn.Network, seconds: float = 0.0, sleep: bool = False) -> Nothing:
    """Sleep, or take that much time of a core: on a busy one that is longer by the clock."""
    if sleep:
        time.sleep(seconds)
    end = time.process_time() + (0.0 if sleep else seconds)
    while time.process_time() < end:
        pass
    return Nothing()


@contextlib.contextmanager
def engine(name: str, number: int) -> Iterator[int | Executor]:
    """As for entropy_map.py; processes outlast a sweep, so that the second finds them started. One is this process."""
    if name != "processes" or number == 1:
        with workers(name, number) as executor:
            yield executor
        return
    with ProcessPoolExecutor(number, multiprocessing.get_context("spawn")) as pool:
        yield pool


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["processes", "mpi", "dask", "dask-local"], default="processes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--sleep", action="store_true")
    options = parser.parse_args(arguments)
    with engine(options.engine, options.workers) as executor:
        # Workers start, and import, with the first points.
        for points in (4, options.points):
            started = time.perf_counter()
            qn.sweep(
                "two-level",
                [nothing],
                {"epsilon": np.linspace(0.01, 0.1, points)},
                PARAMETERS,
                options={"seconds": options.seconds, "sleep": options.sleep},
                executor=executor,
            )
            elapsed = time.perf_counter() - started
    each = elapsed / options.points
    print(f"{options.engine}: {1e3 * (each - options.seconds):.3f} ms a point besides {options.seconds} s", end="")
    print(f", {options.seconds / each:.2f} workers busy" if options.seconds else "")


if __name__ == "__main__":
    main()
