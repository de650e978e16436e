"""The records of a sweep: what a checkpoint has of them, and the others from the workers, with progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from qnet_qutip.progress import progress_line
from qnet_qutip.sweeps.checkpoint import open_checkpoint
from qnet_qutip.sweeps.engines import run
from qnet_qutip.sweeps.point import Record, Work


def gathered(
    count: int,
    make: Callable[[int], Work | Record],
    solve: Callable[[Work], Record],
    place: Callable[[int], str],
    *,
    points: int,
    executor: int | Executor | None,
    checkpoint: Path | None,
    key: Mapping[str, object],
    progress: bool,
) -> list[Record]:
    """The records 0 to `count` - 1.

    Parameters
    ----------
    count : int
    make : callable
        From a number to the work that gives its record, or at once to the record.
    solve : callable
        From the work to the record: a function of a module, as it is sent to the workers.
    place : callable
        From a number to what it is the record of, in words.
    points : int
        How many points all of them are, to show.
    executor : int, Executor or None
    checkpoint : Path or None
    key : mapping of str to value
        What the sweep is, for the checkpoint.
    progress : bool

    Raises
    ------
    OSError, ValueError
        As for `open_checkpoint`; and as for `run`.
    """
    with open_checkpoint(checkpoint, key, count) as (records, append):
        started, finished = time.monotonic(), dict(records)
        show = progress_line("sweep") if progress else _no_progress

        def keep(number: int, record: Record) -> None:
            # An interrupt may come after a record was kept and before it counts as done.
            if number in finished:
                return
            append(number, record)
            finished[number] = record
            left = (time.monotonic() - started) / (len(finished) - len(records)) * (count - len(finished))
            show(f"{len(finished) * points // count}/{points} points, about {_duration(left)} left")

        def waiting() -> Iterator[Work]:
            for number in range(count):
                if number in finished:
                    continue
                made = make(number)
                if isinstance(made, Record):
                    keep(number, made)
                else:
                    yield made

        run(waiting(), solve, executor, keep, place, progress)
        show("")
    return [finished[number] for number in range(count)]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _no_progress(text: str) -> None:
    """Show nothing."""
