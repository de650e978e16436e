# %% [markdown]
# # Bring your own QuTiP Hamiltonian
#
# A network of nodes and pairwise couplings is only the most convenient input. Every master equation but the local one
# also takes a Hamiltonian that you have written in QuTiP, with the operator through which each bath acts on it. The
# example is the smallest refrigerator: three two-level systems with a *three-body* coupling, which no network has
# ([Linden, Popescu and Skrzypczyk, 2010](https://doi.org/10.1103/PhysRevLett.105.130401)).
#
# Units are ħ = k_B = 1, and heat *into* the system is positive.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import qutip

import qnet_qutip as qn
from qnet_qutip import plotting

# %% [markdown]
# ## The absorption refrigerator
#
# Three two-level systems, cold, hot and room, with ω_cold + ω_hot = ω_room. The coupling g(σ_cold σ_hot σ_room† +
# h.c.) turns an excitation of cold and one of hot into one of room. Heat that the hot bath puts in thus drags heat
# out of the coldest one, without any work.

# %%
frequencies = {"cold": 1.0, "hot": 3.0, "room": 4.0}
temperatures = {"cold": 1.0, "hot": 4.0, "room": 1.5}
names = list(frequencies)
lowering = {
    name: qutip.tensor([qutip.destroy(2) if each == name else qutip.qeye(2) for each in names]) for name in names
}


def hamiltonian(g):
    exchange = lowering["cold"] * lowering["hot"] * lowering["room"].dag()
    return sum(frequencies[name] * lowering[name].dag() * lowering[name] for name in names) + g * (
        exchange + exchange.dag()
    )


def baths(spectrum, **changed):
    """A bath on the position operator of each node."""
    return {
        name: qn.OperatorBath(lowering[name] + lowering[name].dag(), {**temperatures, **changed}[name], spectrum)
        for name in names
    }


flat = qn.FlatSpectrum(0.01)
baths(flat)

# %% [markdown]
# From here everything is as for a network: a builder makes the equation, `steady_state` solves it and computes the
# heat current of every bath by itself, Tr[H D_bath(ρ)].

# %%
equation = qn.unified_master_equation(hamiltonian(0.05), baths(flat))
state = qn.steady_state(equation)
state

# %% [markdown]
# Heat flows out of the cold bath. The equation is a plain value: it says what it promises, shows its collapse
# operators, and QuTiP's own solvers take them.

# %%
print(equation.promises)
print({bath: len(operators) for bath, operators in equation.collapse_operators.items()})
by_qutip = qutip.steadystate(equation.hamiltonian, equation.all_collapse_operators)
print(f"distance from qutip.steadystate: below 1e-10: {(by_qutip - state.rho).norm() < 1e-10}")

# %% [markdown]
# ## Every equation, and a local one by hand
#
# The local equation is the one of bare nodes, and a Hamiltonian has none. You can write it down as collapse
# operators, named by bath, with the rates of the same spectral density; the solver takes those too.


# %%
def local_operators(spectrum):
    operators = {}
    for name in names:
        down, up = (
            rate(spectrum, frequencies[name], temperatures[name]) for rate in (qn.decay_rate, qn.excitation_rate)
        )
        operators[name] = [np.sqrt(down) * lowering[name], np.sqrt(up) * lowering[name].dag()]
    return operators


states = {"local": qn.steady_state(hamiltonian(0.05), local_operators(flat))}
for name, build in qn.MASTER_EQUATIONS.items():
    if name != "local":
        states[name] = qn.steady_state(build(hamiltonian(0.05), baths(flat)))

print(f"{'equation':16}{'J_cold':>13}{'J_hot':>13}{'J_room':>13}   J_cold/J_hot   smallest eigenvalue of ρ")
for name, each in states.items():
    currents = each.heat_currents
    row = "".join(f"{currents[bath]:13.5e}" for bath in names)
    print(f"{name:16}{row}   {currents['cold'] / currents['hot']:12.6f}   {each.smallest_eigenvalue:.6f}")

# %% [markdown]
# The ideal coefficient of performance is ω_cold/ω_hot = 1/3. The local equation has it exactly: each cycle takes one
# quantum from each node. The other equations allow for what the coupling does to the energies, and for quanta of 1 ±
# g.
#
# ## Does the equation matter?
#
# A sweep takes a function that returns the Hamiltonian and its baths. Here the coupling g goes from far below the
# rates to far above them:


# %%
def refrigerator(g, hot=4.0):
    return hamiltonian(g), baths(flat, hot=hot)


equations = ["global", "unified", "universal", "redfield"]
couplings = {"g": np.geomspace(1e-4, 0.1, 16)}
curves = qn.sweep(refrigerator, equations, couplings, {}, progress=False)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), dpi=80, layout="constrained")
plotting.plot_equations(curves, bath="cold", ax=left)
left.set(xscale="log", yscale="log", xlabel="$g$")
left.legend(fontsize=9)
hotter = qn.sweep(refrigerator, ["unified"], {"hot": np.linspace(1.0, 6.0, 21)}, {"g": 0.05}, progress=False)
for bath, style in zip(names, ("-", "--", ":"), strict=True):
    hotter.heat_current.sel(equation="unified", bath=bath).plot.line(style, ax=right, label=bath)
right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
right.set(xlabel=r"$T_\mathrm{hot}$", ylabel="$J$", title="")
right.legend()

# %% [markdown]
# Left: below g ≈ 0.01, where the splitting 2g of the two levels that the coupling mixes is no longer above the rates,
# the global equation still cools, by a current that does not depend on g; there is none without coupling, and the
# other three agree that it vanishes as g². Right: the refrigerator starts to cool when the hot bath is hot enough.
# For the ideal machine that is where (ω_room/T_room - ω_cold/T_cold) T_hot = ω_hot:

# %%
ideal = frequencies["hot"] / (frequencies["room"] / temperatures["room"] - frequencies["cold"] / temperatures["cold"])
cold = hotter.heat_current.sel(equation="unified", bath="cold")
starts = float(np.interp(0, cold.values, hotter.hot.values))
print(f"cools above T_hot = {starts:.2f}; ideal {ideal:.2f}")

# %% [markdown]
# ## The level shift
#
# A bath also moves the levels. With `level_shift=True` that Lamb shift is computed from the same spectral density by
# its principal value. A density without a cutoff has none that is finite, and the package does not make one up:

# %%
try:
    qn.unified_master_equation(hamiltonian(0.05), baths(flat), level_shift=True)
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# With a Drude-Lorentz bath, whose density ends at a cutoff:

# %%
drude = qn.DrudeLorentzSpectrum(lam=0.005, gamma=5.0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for name in ("global", "redfield", "unified"):
        build = qn.MASTER_EQUATIONS[name]
        without, shifted = (
            qn.steady_state(build(hamiltonian(0.05), baths(drude), level_shift=shift)) for shift in (False, True)
        )
        before, after = without.heat_currents["cold"], shifted.heat_currents["cold"]
        print(f"{name:9} J_cold {before:.6e}, with the shift {after:.6e} ({after / before - 1:+.2%})")
for each in caught:
    print(f"{each.category.__name__}: {each.message}")
print(f"|ΣJ| / max |J| counted by H: {shifted.first_law_residual:.1e}")
print(f"ΣJ counted by H_TD: {sum(shifted.heat_by('H_TD').currents.values()):.1e}")

# %% [markdown]
# The shift of the global equation commutes with H: it moves levels and no current. In the unified equation heat is
# conserved exactly when it is counted by H_TD, the Hamiltonian with the frequencies of each cluster made one; by H
# the currents add up to something of the order of rate times shift, which the derivation neglects. The package does
# not hide such a remainder, it warns.

# %% [markdown]
# ## In time
#
# `qn.evolve` gives the way to the steady state, with the heat currents and the entropy production of eq. (1) along
# it. We start with every system in equilibrium with its own bath and switch the coupling on:


# %%
def thermal(name):
    excited = np.exp(-frequencies[name] / temperatures[name])
    return qutip.Qobj(np.diag([1, excited]) / (1 + excited))


start = qutip.tensor([thermal(name) for name in names])
trajectory = qn.evolve(equation, start, np.linspace(0, 300, 151))

figure, ax = plt.subplots(figsize=(7, 3.8), dpi=80, layout="constrained")
plotting.plot_trajectory(trajectory, ax=ax)
final = {bath: float(current[-1]) for bath, current in trajectory.heat_currents.items()}
print("at the end, over the steady state: " + ", ".join(f"{b} {final[b] / state.heat_currents[b]:.3f}" for b in names))

# %% [markdown]
# ## Any Lindblad operators at all
#
# If you have a Hamiltonian and collapse operators and no baths, `qn.steady_state(H, c_ops)` is a replacement for
# `qutip.steadystate` that says how far it can be trusted, and refuses what has no unique answer:

# %%
a = qutip.destroy(12)
driven = qn.steady_state(0.4 * (a + a.dag()) + 0.2 * a.dag() * a.dag() * a * a, [a])
print(f"⟨a†a⟩ = {qutip.expect(a.dag() * a, driven.rho):.6f}, residual below 1e-12: {driven.residual < 1e-12}")

try:
    qn.steady_state(qutip.sigmaz(), [qutip.sigmaz()])
except qn.MultipleSteadyStatesError as refusal:
    print(f"refused: {refusal}")

# %% [markdown]
# Next: many points, on many cores, [cluster_sweep](cluster_sweep.ipynb).
