# %% [markdown]
# # The paper in ten minutes
#
# Two quantum nodes A and B exchange excitations, a hot bath heats A, and a cold one cools B. Which way does heat
# flow? Levy and Kosloff ([EPL 107, 20004 (2014)](https://doi.org/10.1209/0295-5075/107/20004)) derived the two master
# equations that one writes down for this, and found that the simpler of them can make heat flow from cold to hot.
# This notebook follows their argument, with every number from a density matrix in its steady state.
#
# Units are ħ = k_B = 1, and heat *into* the network is positive.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np

import qnet_qutip as qn
from qnet_qutip import plotting

net = qn.two_node("oscillator", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
net

# %% [markdown]
# Both nodes are harmonic oscillators here, coupled by ε(a†b + ab†). The baths are of phonons with the spectral
# density κΩ³; `qn.decay_rate` and `qn.excitation_rate` give their rates at a frequency.
#
# ## The local equation: heat from cold to hot
#
# The *local* master equation, eqs. (6) and (7), takes for each bath the dissipator that it would have if its node
# were alone. It is the equation that most people write down for weakly coupled nodes. The package warns that
# something is wrong with its currents, so we ask for the warning:

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    local = qn.steady_state(qn.local_master_equation(net))
print(caught[0].category.__name__, "-", caught[0].message)
print(f"J_h = {local.heat_currents['hot']:.6e}   entropy production = {local.entropy_production:.6e}")

# %% [markdown]
# The current from the hot bath is negative: the network takes heat from the cold bath and gives it to the hot one,
# and the entropy of the world goes down. The *global* equation, eqs. (11) and (12), is derived in the eigenmodes of
# the whole network, and does not do that:

# %%
global_ = qn.steady_state(qn.global_master_equation(net))
print(f"J_h = {global_.heat_currents['hot']:.6e}   entropy production = {global_.entropy_production:.6e}")

figure, axes = plt.subplots(2, 1, figsize=(7.5, 3.2), dpi=80, layout="constrained")
for state, ax in zip((local, global_), axes, strict=True):
    plotting.plot_currents(state, ax=ax)

# %% [markdown]
# Arrows point where heat goes. Under the global equation there is none between the nodes, because its steady state
# has no coherences between the eigenmodes: each bath acts on both modes directly.
#
# These are not errors of the numerics. The paper has closed forms of both currents, eq. (9) and eq. (13), and the
# density matrices of about two thousand states agree with them:

# %%
closed = {"local": qn.analytic.local_heat_current(net), "global": qn.analytic.global_heat_current(net)}
for name, state in {"local": local, "global": global_}.items():
    deviation = abs(state.heat_currents["hot"] / closed[name] - 1)
    assert deviation < 1e-8
    print(f"{name:6}  density matrix {state.heat_currents['hot']:.8e}   closed form {closed[name]:.8e}")

# %% [markdown]
# (Eq. (13) as it is printed has a misprint, e^(β_cω_+) for e^(β_cω_-) in one denominator; the package has the
# corrected form.)
#
# ## At any coupling: figure 3
#
# One might think that the local equation is right once the coupling ε is small enough. `qn.sweep` solves both
# equations along a curve and gives a labelled `xarray` dataset; the method "analytic" gives the closed forms on the
# same grid.

# %%
couplings = {"epsilon": np.linspace(0.05, 2.5, 8)}
figure_3 = {"omega_h": 10, "omega_c": 5, "T_h": 12, "T_c": 10, "kappa": 1e-4}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", qn.LawWarning)
    curves = qn.sweep("oscillator", ["local", "global"], couplings, figure_3, progress=False)
closed = qn.sweep("oscillator", ["local", "global"], couplings, figure_3, method="analytic")
assert abs(curves.heat_current / closed.heat_current - 1).max() < 1e-8

figure, ax = plt.subplots(figsize=(6, 3.6), dpi=80, layout="constrained")
plotting.plot_current_and_population(curves, closed, ax=ax, legend="upper left")
ax.axhline(0, color="0.7", linewidth=0.8)

# %% [markdown]
# Solid lines are heat currents, dashed ones populations. For small ε the populations agree, and so does everything
# that concerns one node: the local equation is good for *local* observables. Both currents vanish as ε², each with a
# sign of its own: their ratio does not tend to one.

# %%
small = qn.sweep("oscillator", ["local", "global"], {"epsilon": [1e-1, 1e-3, 1e-5]}, figure_3, method="analytic")
hot = small.heat_current.sel(bath="hot")
for epsilon in small.epsilon.values:
    ratio = float(hot.sel(equation="local", epsilon=epsilon) / hot.sel(equation="global", epsilon=epsilon))
    n_local, n_global = small.occupation.sel(node="A", epsilon=epsilon).values
    print(f"ε = {epsilon:.0e}   J_local/J_global = {ratio:.4f}   ⟨a†a⟩ local {n_local:.6f}, global {n_global:.6f}")

# %% [markdown]
# ## Where the sign turns: figures 4 and 2
#
# The local current has the sign of ω_c/T_c - ω_h/T_h, whatever ε and κ are: the *occupations* of the bare nodes
# decide, not the temperatures. With T_h = 12, T_c = 10 and ω_c = 5 it turns at ω_h = 6.

# %%
frequencies = {"omega_h": np.linspace(3.03, 12.03, 181)}
figure_4 = {"omega_c": 5, "epsilon": 1e-3, "T_h": 12, "T_c": 10, "kappa": 1e-7}
curves = qn.sweep("oscillator", ["local", "global"], frequencies, figure_4, method="analytic")

rows = {"omega_h": np.linspace(1, 15, 120), "T_h": np.linspace(10.05, 20, 120)}
figure_2 = {"omega_c": 5, "epsilon": 1e-4, "T_c": 10, "kappa": 1e-7}
entropy_map = qn.sweep("oscillator", ["local", "global"], rows, figure_2, method="analytic")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), dpi=80, layout="constrained")
plotting.plot_heat_current(curves, ax=left)
left.set_yscale("symlog", linthresh=1e-12)
left.axhline(0, color="0.7", linewidth=0.8)
left.axvline(6, color="0.7", linewidth=0.8, linestyle=":")
left.legend()
plotting.plot_entropy_production(entropy_map, ax=right)

# %% [markdown]
# On the right is the paper's figure 2: everything blue breaks the second law. The dashed line is ω_h/T_h = ω_c/T_c.
# Of the global equation there is no blue at all:

# %%
points = entropy_map.omega_h.size * entropy_map.T_h.size
negative = (entropy_map.entropy_production < 0).sum(["omega_h", "T_h"])
for name in ("local", "global"):
    print(f"{name:6}  {int(negative.sel(equation=name))} of {points} points negative")

# %% [markdown]
# ## What the two states differ in
#
# If the populations agree, where is the difference? In the correlations between the nodes. The covariance matrices of
# the quadratures x and p (appendix C), at the network of the first section:

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), dpi=80, layout="constrained")
for state, ax in zip((local, global_), axes, strict=True):
    plotting.plot_covariance(state, ax=ax)
    ax.set_title(state.equation.name, pad=24)
for state in (local, global_):
    print(f"{state.equation.name:6}  separable: {qn.entanglement.is_separable(state.covariance)}")

# %% [markdown]
# The entries between x_A and x_B agree. Those between x_A and p_B, which are the excitation current through the
# coupling divided by 2ε, up to the sign, are there in the local state only. Neither state is entangled.
#
# ## Where the missing heat is
#
# The local equation is not nonsense. It is lawful if heat is counted by the energy of the bare nodes, H_0, in place
# of H; what is missing is then work, put in by whatever holds the couplings up ([De Chiara and others,
# 2018](https://doi.org/10.1088/1367-2630/aaecee)). The network is a refrigerator driven by that work:

# %%
bare = local.heat_by("H_0")
print(bare)
print(
    f"heat drawn from the cold bath / work = {bare.currents['cold'] / bare.work:.6f}   ω_c/(ω_h - ω_c) = {5 / (10 - 5)}"
)

# %% [markdown]
# ## So, is the global equation right?
#
# Not always. It needs frequencies that are further apart than the rates, and on resonance with a weak coupling they
# are not. Two oscillators can be solved exactly, without any master equation (`qn.exact`), and decide:

# %%
print("             ε      exact J_h   local/exact   global/exact   unified/exact")
for omega_h, epsilon in ((10, 1e-3), (5, 1e-3), (5, 1e-5), (5, 1e-6)):
    one = qn.two_node("oscillator", omega_h=omega_h, omega_c=5, epsilon=epsilon, T_h=12, T_c=10, kappa=1e-7)
    exact = qn.exact.steady_state(one).heat_currents["hot"]
    ratios = [
        qn.gaussian.steady_state(one, name).heat_currents["hot"] / exact for name in ("local", "global", "unified")
    ]
    print(f"ω_h = {omega_h:2}   {epsilon:.0e}   {exact:.4e}" + "".join(f"{ratio:14.4f}" for ratio in ratios))

# %% [markdown]
# Off resonance the local equation is wrong and the global one right; on resonance it is the other way round as soon
# as ε is no longer above the rate κω³ = 1.25e-5. The *unified* equation is right in all four. Which to use for a
# network of your own is the subject of the next notebook, [which_equation](which_equation.ipynb).
#
# All figures of the paper, with numerically solved density matrices at every point: `python
# scripts/reproduce_all.py`.
