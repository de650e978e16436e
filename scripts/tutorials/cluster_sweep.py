# %% [markdown]
# # A sweep on a cluster
#
# Research with this package is sweeps: the same few questions asked of a thousand networks, for hours, on whatever
# machine is at hand. `qn.sweep` is one function for a laptop and for a cluster; only its `executor=` changes. This
# notebook runs on one machine and ends with the two SLURM scripts.
#
# Units are ħ = k_B = 1, and heat *into* the network is positive.

# %%
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

import qnet_qutip as qn
from qnet_qutip import plotting

scratch = TemporaryDirectory()
folder = Path(scratch.name)

# %% [markdown]
# ## From parameters to a labelled dataset
#
# You give a function from parameters to a network, the equations, the parameters that vary and those that do not.
# Values may be numbers or names. Here three two-level nodes in a row or in a ring:


# %%
def three_nodes(shape, epsilon, T_hot):
    phonons = qn.PhononSpectrum(kappa=1e-4)
    connect = {"chain": qn.chain, "ring": qn.ring}[shape]
    return connect(
        {"A": qn.TwoLevel(5.0), "B": qn.TwoLevel(5.0), "C": qn.TwoLevel(5.0)},
        epsilon,
        hot=qn.Bath("A", T_hot, phonons),
        cold=qn.Bath("C", 10.0, phonons),
    )


axes = {"shape": ["chain", "ring"], "epsilon": np.geomspace(1e-3, 1, 10)}
equations = ["global", "universal"]
dataset = qn.sweep(three_nodes, equations, axes, {"T_hot": 12.0}, progress=False)
print(dict(dataset.sizes))
for name, values in dataset.data_vars.items():
    print(f"{name:20} {'unit ' + values.units:18} {values.definition}")

# %% [markdown]
# It is an `xarray` dataset: select by label, and give a curve to any plot function.

# %%
figure, panels = plt.subplots(1, 2, figsize=(10, 3.4), dpi=80, layout="constrained", sharey=True)
for shape, ax in zip(axes["shape"], panels, strict=True):
    plotting.plot_equations(dataset.sel(shape=shape), ax=ax)
    ax.set(xscale="log", yscale="log", title=shape)
panels[0].legend()

# %% [markdown]
# On resonance the global equation is wrong where ε is below the rates, here κω³(2n + 1) ≈ 0.05: it takes the
# frequencies for resolved.
#
# The last rows of the list above say how far to trust each point. Nothing doubtful passes in silence: what a single
# `steady_state` would warn of, the sweep repeats once for all points.
#
# ## Observables and equations of your own
#
# An observable is a function of the state, and an equation a function from the network to something with heat
# currents. Nothing has to be registered.


# %%
def coherence(state):
    """Sum of |ρ_ij| off the diagonal."""
    return float(abs(state.rho.full()).sum() - 1)


solvers = {"universal": "universal"}
for cutoff in (0.01, 1.0):
    solvers[f"partial secular, cutoff {cutoff}"] = partial(qn.partial_secular_master_equation, cutoff=cutoff)
fixed = {"T_hot": 12.0, "shape": "chain"}
mine = qn.sweep(three_nodes, solvers, {"epsilon": [0.01, 0.1]}, fixed, observables=["heat_current", coherence])
for label in solvers:
    print(f"{label:28} coherence at ε = 0.01, 0.1: {mine.coherence.sel(equation=label).values.round(5)}")

# %% [markdown]
# ## More cores
#
# `executor=2` solves in two processes of this machine. As with every use of `multiprocessing`, a script must have the
# call under `if __name__ == "__main__":`. The numbers are the same wherever they are computed:

# %%
if __name__ == "__main__":
    parallel = qn.sweep(three_nodes, equations, axes, {"T_hot": 12.0}, executor=2, progress=False)
    largest = float(abs(parallel.heat_current / dataset.heat_current - 1).max())
    print(f"two processes against one: largest deviation below 1e-12: {largest < 1e-12}")

# %% [markdown]
# Functions of your own must be in a file that those processes can import. The sweep refuses what it could not send
# before it starts, and says what to do:

# %%
if __name__ == "__main__":
    try:
        qn.sweep(three_nodes, equations, axes, {"T_hot": 12.0}, observables=[coherence], executor=2)
    except TypeError as refusal:
        print(refusal)

# %% [markdown]
# ## Nothing is lost
#
# With `checkpoint=` every point is written down as it comes. Here the "power cut" comes in the eighth point; the same
# call then computes the rest and nothing else.

# %%
solved = []


def purity(state):
    """Tr ρ²."""
    if len(solved) == 7:
        solved.append("cut")
        raise KeyboardInterrupt
    solved.append("point")
    return float((state.rho * state.rho).tr().real)


def long_sweep():
    return qn.sweep(
        three_nodes, ["universal"], axes, {"T_hot": 12.0}, observables=[purity], checkpoint=folder / "long.partial"
    )


try:
    long_sweep()
except KeyboardInterrupt:
    print(f"stopped after {solved.count('point')} points")
whole = long_sweep()
print(f"{solved.count('point')} points solved in all, for {whole.purity.size} in the dataset")

# %% [markdown]
# A checkpoint of another sweep is refused, never overwritten:

# %%
try:
    qn.sweep(three_nodes, ["universal"], axes, {"T_hot": 13.0}, checkpoint=folder / "long.partial")
except ValueError as refusal:
    print(str(refusal).replace(str(folder), "."))

# %% [markdown]
# Delete it when the dataset is saved. That is one line, `dataset.to_netcdf("three_nodes.nc")`.
#
# ## A point that fails
#
# It does not take the others with it: it is NaN, and the coordinate `error` says why. Two oscillators have no ground
# state once ε² reaches ω_hω_c:

# %%
figure_3 = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    some = qn.sweep("oscillator", ["global"], {"epsilon": [0.1, 1.0, 8.0]}, figure_3)
print(f"{caught[0].category.__name__}: {caught[0].message}\n")
for epsilon in some.epsilon.values:
    point = some.sel(equation="global", epsilon=epsilon)
    print(f"ε = {epsilon}   J_h = {float(point.heat_current.sel(bath='hot')):.6e}   {point.error.item()}")

# %% [markdown]
# ## Maps without a cluster
#
# Before you ask for one: closed forms are evaluated on a whole grid at once, 90 000 points here, and what is
# quadratic needs no density matrix (`qn.gaussian`, milliseconds a network; see
# [which_equation](which_equation.ipynb)).

# %%
grid = {"omega_h": np.linspace(2, 14, 300), "T_h": np.linspace(10.05, 20, 300)}
rest = {"omega_c": 5.0, "epsilon": 0.01, "T_c": 10.0, "kappa": 1e-7}
closed = qn.sweep("oscillator", ["local", "global"], grid, rest, method="analytic")

figure, ax = plt.subplots(figsize=(6, 3.6), dpi=80, layout="constrained")
plotting.plot_entropy_production(closed, ax=ax)

# %% [markdown]
# ## On a cluster
#
# `executor=` takes any `concurrent.futures.Executor`. Retries, dashboards and lost workers are the business of the
# engine that you choose:
#
# | engine | executor | started by |
# |---|---|---|
# | processes | `executor=8` | `python script.py` |
# | MPI | `mpi4py.futures.MPIPoolExecutor()` | `mpirun -n 33 python -m mpi4py.futures script.py` |
# | dask | `client.get_executor(pure=False)` of a `dask.distributed.Client` | `python script.py` |
#
# `pip install "qnet-qutip[mpi]"` and `"qnet-qutip[dask]"` bring what they need. Give each worker one core, and one
# BLAS thread. [entropy_map.py](../cluster/entropy_map.py) is a sweep that runs on all of them, made to be copied;
# this is where it makes its executor:

# %%
cluster = Path("../cluster")
source = (cluster / "entropy_map.py").read_text()
print(source[source.index("@contextlib") : source.index("def main")].rstrip())

# %% [markdown]
# For SLURM, by MPI, one rank handing out the points:

# %%
print((cluster / "mpi.slurm").read_text())

# %% [markdown]
# Or by dask, which submits a job for each worker by itself, so that the sweep starts with the first of them:

# %%
print((cluster / "dask.slurm").read_text())

# %% [markdown]
# Both have a checkpoint: when the time is up, submit the script again.

# %%
scratch.cleanup()
