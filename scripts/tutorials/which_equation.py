# %% [markdown]
# # Which equation for my network?
#
# There are six master equations in this package, and none is right everywhere. Which will do depends on three numbers
# of your network, and `qn.compare` works them out, solves all six, sets them beside the exact answer where there is
# one, and names the equation to use. This notebook does that for a network that is not in the paper: two cavities
# with a bridge between them.
#
# Units are ħ = k_B = 1, and heat *into* the network is positive.

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

import qnet_qutip as qn
from qnet_qutip import plotting
from qnet_qutip.exact import hierarchy
from qnet_qutip.validity import validity

phonons = qn.PhononSpectrum(kappa=1e-6)


def bridge(detuning, epsilon):
    """The left cavity is out of tune by `detuning`; each swaps excitations with the bridge at `epsilon`."""
    return qn.chain(
        {"left": qn.Oscillator(5 + detuning), "bridge": qn.Oscillator(5), "right": qn.Oscillator(5)},
        epsilon,
        hot=qn.Bath("left", temperature=12, spectrum=phonons),
        cold=qn.Bath("right", temperature=10, spectrum=phonons),
    )


net = bridge(detuning=0.3, epsilon=0.02)
net

# %% [markdown]
# ## The verdict
#
# One line. Each row is a master equation; `error` is how far its heat currents are from the exact ones, and the
# starred equation is the one to use.

# %%
verdict = qn.compare(net)
verdict

# %% [markdown]
# In code: `verdict.recommended` is a key of `qn.MASTER_EQUATIONS`, `verdict.assessments["local"].error` a number, and
# `verdict.to_dataset()` everything, labelled.

# %%
print(verdict.recommended)
print(verdict.reason)
equation = qn.MASTER_EQUATIONS[verdict.recommended]

# %% [markdown]
# ## The three numbers behind it
#
# - **γ/ω**, rate over frequency: what Born and Markov neglect. No equation here is better than that, except by luck.
# - **γ/gap**, rate over the smallest distance of two transition frequencies: where it is not small, the baths do not
# tell the two apart, and the *global* equation, which assumes they do, fails. Its error is about (γ/gap)².
# - **gap/ω**: where it is not small, two frequencies are not one, and the *local* equation, which gives each bath the
# frequency of its bare node, fails.
#
# The *unified* equation makes one of those frequencies that are closer than √(γω) and keeps the others apart.
# *Universal* and *Redfield* need no such decision; they promise less in return: Redfield's ρ can have negative
# eigenvalues, and of both the second law is not proved.

# %%
networks = {
    "out of tune": bridge(0.3, 0.02),
    "in tune": bridge(0, 0.02),
    "in tune, weakly coupled": bridge(0, 1e-5),
}
print(f"{'':24} {'γ/ω':>8} {'γ/gap':>8} {'gap/ω':>8}   recommended   error of local, global, unified")
for name, each in networks.items():
    verdict = qn.compare(each)
    numbers = (verdict.scales.neglected, verdict.scales.rate_over_gap, verdict.scales.gap_over_frequency)
    errors = ", ".join(f"{verdict.assessments[equation].error:.0e}" for equation in ("local", "global", "unified"))
    print(f"{name:24}" + "".join(f" {number:8.0e}" for number in numbers) + f"   {verdict.recommended:11}   {errors}")

# %% [markdown]
# ## The whole map
#
# `validity` does the same over two parameters of a function of yours, and `plot_validity` draws which equations are
# right. The dashed line is where rate and gap are equal, the dotted one where the gap is √(γω). Crosses are the three
# networks above (with a detuning of 1e-6 for "in tune", as the axis is logarithmic).

# %%
axes = {"detuning": np.geomspace(1e-6, 3, 17), "epsilon": np.geomspace(1e-6, 0.5, 17)}
errors = validity(bridge, axes)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), dpi=80, layout="constrained")
plotting.plot_validity(errors, tolerance=0.01, ax=left)
plotting.plot_validity(errors, equation="unified", ax=right)
for ax in (left, right):
    ax.plot([0.3, 1e-6, 1e-6], [0.02, 0.02, 1e-5], "x", color="black", markersize=8, clip_on=False)
    ax.set_xlabel("detuning")
for name in qn.MASTER_EQUATIONS:
    error = errors.error.sel(equation=name)
    print(f"{name:16} right to 1 % in {float((error <= 0.01).mean()):4.0%} of the map, worst {float(error.max()):.1e}")

# %% [markdown]
# ## Along a line: a sweep with any solver
#
# Density matrices are not the only way to a steady state. What is quadratic (oscillators with swaps and quadrature
# couplings) is solved by `qn.gaussian` from second moments, in milliseconds and without any truncation, and by
# `qn.exact` without any master equation. `qn.sweep` takes any function from a network to a state as an "equation", so
# that all can be in one dataset:

# %%
solvers = {name: partial(qn.gaussian.steady_state, equation=name) for name in qn.MASTER_EQUATIONS}
solvers["exact"] = qn.exact.steady_state
curves = qn.sweep(bridge, solvers, {"epsilon": np.geomspace(1e-6, 0.5, 24)}, {"detuning": 1e-5}, progress=False)
exact = curves.heat_current.sel(equation="exact", bath="hot", drop=True)
six = curves.sel(equation=list(qn.MASTER_EQUATIONS))

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), dpi=80, layout="constrained")
plotting.plot_equations(six, ax=left)
left.set(xscale="log", yscale="log")
left.legend(fontsize=8)
plotting.plot_equations(six, reference=exact, ax=right)
right.set_xscale("log")
right.set_yscale("symlog", linthresh=1e-6)
right.set_ylabel("$J_h$ / exact $-$ 1")

# %% [markdown]
# Both agree with the density matrix, by code that shares nothing with it:

# %%
small = bridge(0.3, 0.02).replace(
    baths={
        "hot": qn.Bath("left", temperature=1.2, spectrum=phonons),
        "cold": qn.Bath("right", temperature=1.0, spectrum=phonons),
    }
)
state = qn.steady_state(qn.unified_master_equation(small, rtol=1e-6))
one_body = qn.gaussian.steady_state(small, "unified")
deviation = abs(state.heat_currents["hot"] / one_body.heat_currents["hot"] - 1)
assert deviation < 1e-6
print(f"density matrix of {state.rho.shape[0]} states: {state.heat_currents['hot']:.6e}")
print(f"second moments:                {one_body.heat_currents['hot']:.6e}")

# %% [markdown]
# A hundred nodes are no trouble either:

# %%
baths = {"hot": qn.Bath("1", 12, phonons), "cold": qn.Bath("100", 10, phonons)}
row = qn.chain({str(number): qn.Oscillator(5) for number in range(1, 101)}, 0.3, **baths)
for name in ("universal", "redfield"):
    print(f"{name:10} {qn.gaussian.steady_state(row, name).heat_currents['hot']:.8e}")
print(f"{'exact':10} {qn.exact.steady_state(row).heat_currents['hot']:.8e}")

# %% [markdown]
# ## Without an exact answer
#
# Two-level or anharmonic nodes have no exact answer in closed form. `compare` then goes by the three numbers alone
# and says so.

# %%
spectrum = qn.DrudeLorentzSpectrum(lam=0.0005, gamma=2)
qubits = qn.chain(
    {"A": qn.TwoLevel(1.0), "B": qn.TwoLevel(1.0)},
    0.02,
    hot=qn.Bath("A", temperature=2.5, spectrum=spectrum, coupling="full"),
    cold=qn.Bath("B", temperature=1.5, spectrum=spectrum, coupling="full"),
)
print(qn.compare(qubits).reason)

# %% [markdown]
# For a few two-level nodes there is the hierarchy of equations of motion (HEOM), which is exact but dear: seconds for
# two nodes, minutes for three. Whatever you trust, a state with heat currents, can be given to `compare` as
# `exact_state`:

# %%
exact = hierarchy.steady_state(qubits)
print(exact)
qn.compare(qubits, exact_state=exact)

# %% [markdown]
# ## When none is as good as it should be
#
# The current between nodes that are far out of tune is small, of the order ε²γ, and what the equations neglect can be
# more than a percent of it. In figure 3 of the paper all that are right in principle miss the exact current by 3 %,
# and `compare` says so. Two baths on one node whose spectra have no cutoff exchange most of their heat directly, at
# high frequencies: there none will do.

# %%
figure_3 = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
verdict = qn.compare(figure_3)
print(verdict.reason)
for name, row in verdict.assessments.items():
    print(f"{name:16} off by {row.error:.3f}")

phonons = qn.PhononSpectrum(5e-5)
baths = {"hot": qn.Bath("A", 12, phonons), "cold": qn.Bath("A", 10, phonons)}
print(qn.compare(qn.Network({"A": qn.Oscillator(5)}, {}, baths)).reason)

# %% [markdown]
# Next: a Hamiltonian that is no network at all, [own_hamiltonian](own_hamiltonian.ipynb).
