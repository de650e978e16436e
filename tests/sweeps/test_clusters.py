"""MPI and dask for real, on this machine: three ranks, and a cluster of two workers. Skipped without their extras."""

import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from curves import ENVIRONMENT, EPSILON, FIGURE_3, same_numbers, two_level_sweep

import qnet_qutip as qn

# Open MPI asks for a word before it serves the superuser, or more ranks than there are cores.
MPI_ENVIRONMENT = {
    **ENVIRONMENT,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}

MPI_SWEEP = f"""
import os, sys, warnings
import qnet_qutip as qn
from mpi4py.futures import MPIPoolExecutor

warnings.simplefilter("ignore")

def rank(state):
    from mpi4py import MPI
    return MPI.COMM_WORLD.Get_rank()

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        dataset = qn.sweep("two-level", ["local", "global"], {{"epsilon": {EPSILON}}}, {FIGURE_3},
                           observables=["heat_current", rank], executor=executor, checkpoint=sys.argv[1] + ".partial")
    dataset.to_netcdf(sys.argv[1])
"""


def mpirun() -> str | None:
    """The launcher that is installed beside this Python, or another."""
    here = Path(sys.executable).parent / "mpirun"
    return str(here) if here.exists() else shutil.which("mpirun")


@pytest.fixture
def script(tmp_path):
    pytest.importorskip("mpi4py", exc_type=ImportError)
    path = tmp_path / "script.py"
    path.write_text(MPI_SWEEP)
    return path


def run(*command):
    return subprocess.run(command, env=MPI_ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(mpirun() is None, reason="needs mpirun")
def test_three_ranks_of_mpi_give_the_same_numbers(script, tmp_path):
    xarray = pytest.importorskip("xarray")
    finished = run(mpirun(), "-n", "3", sys.executable, "-m", "mpi4py.futures", script, tmp_path / "dataset.nc")
    assert finished.returncode == 0, finished.stderr
    dataset = xarray.load_dataset(tmp_path / "dataset.nc")
    assert set(dataset["rank"].values.ravel()) <= {1, 2}
    serial = two_level_sweep()
    np.testing.assert_array_equal(dataset.heat_current, serial.heat_current)
    np.testing.assert_array_equal(dataset.residual, serial.residual)


def test_mpi_outside_an_mpi_launch_is_refused_with_the_launch(script, tmp_path):
    finished = run(sys.executable, script, tmp_path / "dataset.nc")
    assert finished.returncode != 0
    assert "must be in a program that MPI has launched, but this process is alone" in finished.stderr
    assert "mpirun -n 3 python -m mpi4py.futures" in finished.stderr


@pytest.mark.skipif(mpirun() is None, reason="needs mpirun")
def test_mpi_launched_so_that_every_rank_runs_the_script_is_refused(script, tmp_path):
    finished = run(mpirun(), "-n", "2", sys.executable, script, tmp_path / "dataset.nc")
    assert finished.returncode != 0
    assert "but every rank runs this script; launch it by: mpirun -n 3 python -m mpi4py.futures" in finished.stderr


# ---------------------------------------------------------------- dask


@pytest.fixture(scope="module")
def client():
    """A client of a cluster of two workers."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        # Its ports and its event loop warn of what is none of ours.
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


ignore_dask = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@ignore_dask
def test_two_workers_of_dask_give_the_same_numbers(client):
    # Functions of this test are sent whole: they need no module.
    dataset = two_level_sweep(
        observables=[
            "heat_current",
            "occupation",
            "entropy_production",
            qn.Observable("process", lambda _: os.getpid()),
        ],
        executor=client.get_executor(pure=False),
    )
    assert same_numbers(dataset.drop_vars("process"), two_level_sweep())
    assert os.getpid() not in dataset.process


@ignore_dask
def test_a_worker_of_dask_that_is_killed_costs_nothing(client, tmp_path):
    mark = tmp_path / "killed"

    def killing(state):
        if state.equation.network.couplings["A", "B"] == 0.5 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 0.0

    dataset = two_level_sweep(
        observables=["heat_current", "occupation", "entropy_production", qn.Observable("killing", killing)],
        executor=client.get_executor(pure=False),
        checkpoint=tmp_path / "sweep.partial",
    )
    assert mark.exists()
    assert same_numbers(dataset.drop_vars("killing"), two_level_sweep())


@ignore_dask
def test_a_client_of_dask_is_refused_with_the_remedy(client):
    with pytest.raises(TypeError, match=r"executor must be .*; give its get_executor\(\)"):
        two_level_sweep(executor=client)
