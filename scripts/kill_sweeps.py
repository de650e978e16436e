"""Kill a sweep at random moments, again and again, and start it again each time: nothing that was finished may be lost.

`--engine serial` kills the process of the sweep, `processes` that of a sweep with two workers, and `workers` one of its
workers, upon which the sweep ends with an error. After each kill every line of the checkpoint must still be there, and
in the end the dataset must be that of a sweep that nobody interrupted. Exit status: 0 if so, 1 if not. POSIX only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path

import numpy as np
import xarray as xr

import qnet_qutip as qn

PARAMETERS = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
EQUATIONS = ["local", "global"]


def swept(points: int, workers: int, checkpoint: Path | None) -> xr.Dataset:
    """A curve, some of whose points the global equation is not defined at."""
    coordinates = {"epsilon": np.linspace(0.1, 7.5, points)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = qn.sweep(
            "two-level", EQUATIONS, coordinates, PARAMETERS, executor=workers, checkpoint=checkpoint, progress=False
        )
    return dataset.drop_vars("seconds")


def start(points: int, workers: int, checkpoint: Path, result: Path) -> int:
    """Take the sweep up in a process of its own, which has the modules already; return its number."""
    child = os.fork()
    if child:
        return child
    with contextlib.suppress(BrokenExecutor):
        dataset = swept(points, workers, checkpoint)
        unfinished = result.with_suffix(".unfinished")
        unfinished.write_bytes(pickle.dumps(dataset))
        unfinished.rename(result)
        checkpoint.unlink()
    os._exit(0)


def children(process: int) -> list[int]:
    """The workers of a process, without the one that Python has for keeping track of semaphores."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def lines(checkpoint: Path) -> list[bytes]:
    """The whole lines of a checkpoint."""
    content = checkpoint.read_bytes() if checkpoint.exists() else b""
    return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["serial", "processes", "workers"], default="serial")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--points", type=int, default=100, help="of each of two equations (default: 100)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random, workers = np.random.default_rng(options.seed), 1 if options.engine == "serial" else 2
    whole = swept(options.points, 1, None)
    kills = finished = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, result = Path(folder, "sweep.partial"), Path(folder, "dataset")
        kept = lines(checkpoint)
        while kills < options.kills or kept:
            process = start(options.points, workers, checkpoint, result)
            # Some are killed before the first point, some after a few more, and some come to their end.
            more, deadline = random.integers(0, options.points // 2), time.monotonic() + 120
            while kills < options.kills and len(lines(checkpoint)) < len(kept) + more and time.monotonic() < deadline:
                if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    break
                time.sleep(1e-3)
            if kills < options.kills:
                time.sleep(random.uniform(0, 0.01))
                victims = children(process) if options.engine == "workers" else [process]
                if victims:
                    os.kill(int(random.choice(victims)), signal.SIGKILL)
                    kills += 1
            os.waitpid(process, 0)
            found = lines(checkpoint)
            if result.exists():
                finished += 1
                wrong += not pickle.loads(result.read_bytes()).identical(whole)
                result.unlink()
            elif found[: len(kept)] != kept:
                wrong += 1
                print(f"after {kills} kills {len(kept)} lines became {len(found)}")
            kept = found
    print(f"{options.engine}: {kills} kills, {finished} sweeps came to their end, {wrong} of all were wrong")
    return int(wrong > 0 or not finished)


if __name__ == "__main__":
    sys.exit(main())
