"""A map of the entropy production over (ω_h, T_h), figure 2, by the workers of a cluster: a sweep to copy and change.

On this machine: python entropy_map.py --engine processes --workers 4. By MPI, where one rank hands out the points and
the others solve them: mpirun -n 33 python -m mpi4py.futures entropy_map.py --engine mpi. By dask, which asks SLURM for
the workers itself: python entropy_map.py --engine dask --workers 32. What an interrupted or killed run has finished is
in the checkpoint beside the output: the same command takes up from there.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

import qnet_qutip as qn

PARAMETERS = {"omega_c": 5.0, "epsilon": 0.01, "T_c": 10.0, "kappa": 1e-7}
EQUATIONS = ["local", "global"]


@contextlib.contextmanager
def workers(engine: str, number: int) -> Iterator[int | Executor]:
    """What `qn.sweep` takes as its executor, for as long as the block lasts."""
    if engine == "processes":
        yield number
    elif engine == "mpi":
        from mpi4py.futures import MPIPoolExecutor

        with MPIPoolExecutor() as executor:
            yield executor
    else:
        from dask.distributed import Client, LocalCluster

        if engine == "dask-local":
            cluster = LocalCluster(n_workers=number, threads_per_worker=1, dashboard_address=None)
        else:
            from dask_jobqueue import SLURMCluster

            # Each worker is a SLURM job of its own, with one core: points of one process take turns.
            cluster = SLURMCluster(cores=1, processes=1, memory="4GB", walltime="24:00:00")
            cluster.scale(number)
        with cluster, Client(cluster) as client:
            # Every point is another: dask need not look for results of the same arguments.
            yield client.get_executor(pure=False)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["processes", "mpi", "dask", "dask-local"], default="processes")
    parser.add_argument("--workers", type=int, default=1, help="how many, where MPI does not say it (default: 1)")
    parser.add_argument("--kind", choices=["oscillator", "two-level"], default="oscillator")
    parser.add_argument("--points", type=int, default=40, help="along each axis (default: 40)")
    parser.add_argument("--output", type=Path, default=Path("entropy_map.nc"), help="netCDF (default: entropy_map.nc)")
    options = parser.parse_args(arguments)
    axes = {"omega_h": np.linspace(2, 14, options.points), "T_h": np.linspace(10.5, 20, options.points)}
    checkpoint = options.output.with_suffix(".partial")
    with workers(options.engine, options.workers) as executor:
        dataset = qn.sweep(
            options.kind,
            EQUATIONS,
            axes,
            PARAMETERS,
            executor=executor,
            checkpoint=checkpoint,
        )
    dataset.to_netcdf(options.output)
    checkpoint.unlink()
    negative = int((dataset.entropy_production < 0).sum())
    print(f"wrote {options.output}: {dataset.residual.size} points, entropy production negative at {negative}")


if __name__ == "__main__":
    main()
