"""Master equations, one-body matrices and exact currents, written out slowly from their definitions.

No code of the package has a part in them. Everything is an array, a number or a callable; ħ = k_B = 1; heat into the
network is positive. Arrays are complex, or object arrays of mpmath numbers (from `exact`): the same code then works
in any number of digits, inside `mpmath.workdps`.

Conventions
-----------
* A node is (frequency, levels) or (frequency, levels, anharmonicity): H = ω a†a + (α/2) a†a†aa, a truncated oscillator.
  **The Kerr term is (α/2) a†a†aa: level n is at nω + α n(n-1)/2 and the step from n to n + 1 is ω + αn.**
  A two-level node is one of two levels, where the Kerr term vanishes and a is the lowering operator.
* A bath is (S, temperature, J, coupling): S the operator it is coupled by, J(ω > 0) its spectral density, coupling
  "rotating-wave", (S R† + h.c.) with S the lowering part, or "full", (S + S†) R, for S not Hermitian, S R if it is.
* Rates are one signed function of the energy ω that the network gives: γ(ω) = J(ω)(1 + n(ω)), γ(-ω) = J(ω) n(ω).
* S(ω) = Σ_{E_n - E_m = ω} |m><m|S|n><n| lowers the energy by ω. S(t) = Σ S(ω) e^(-iωt).
* A part of a bath is (components, rate): [(ω, S(ω)), ...] and a signed rate. Full coupling has one part, S + S† with
  γ. Rotating-wave coupling has two, S with γ where ω > 0 and S† with γ where ω < 0, and no rate elsewhere.
* Everything is in the eigenbasis of the Hamiltonian, so that no rounding of H is brought into small rates. ρ is
  flattened by rows: AρB is kron(A, B^T).
"""

from __future__ import annotations

import functools
import itertools
import math

import mpmath
import numpy as np
from scipy import integrate

# --- numbers -----------------------------------------------------------------------------------------------------


def exact(array):
    """The same numbers, to be computed with in mpmath's working precision."""
    array = np.asarray(array)
    return np.array([mpmath.mpmathify(x) for x in array.ravel().tolist()], dtype=object).reshape(array.shape)


def is_exact(*numbers):
    return any(
        isinstance(x, (mpmath.mpf, mpmath.mpc)) or getattr(x, "dtype", None) == np.dtype(object) for x in numbers
    )


def root(x):
    return mpmath.sqrt(x) if is_exact(x) else math.sqrt(x)


def real(x):
    return mpmath.re(x) if is_exact(x) else float(np.real(x))


def eigh(matrix):
    """Eigenvalues in ascending order and eigenvectors as columns of a Hermitian matrix."""
    if not is_exact(matrix):
        return np.linalg.eigh(matrix)
    values, vectors = mpmath.eighe(mpmath.matrix(matrix.tolist()))
    order = sorted(range(len(values)), key=lambda k: values[k])
    d = len(matrix)
    return (
        np.array([values[k] for k in order], dtype=object),
        np.array([[vectors[i, k] for k in order] for i in range(d)], dtype=object),
    )


def solve(matrix, source):
    """Solution of a square system; in double precision rows and columns are scaled and the residual is fed back once.

    Scaling makes elimination as exact for the small rates as for the large frequencies beside them.
    """
    if is_exact(matrix):
        solution = mpmath.lu_solve(mpmath.matrix(matrix.tolist()), mpmath.matrix(source.tolist()))
        return np.array(list(solution), dtype=object)
    rows = 1 / np.abs(matrix).max(axis=1)
    scaled = matrix * rows[:, None]
    columns = 1 / np.abs(scaled).max(axis=0)
    scaled = scaled * columns
    inverse = np.linalg.inv(scaled)
    solution = inverse @ (source * rows)
    solution = solution + inverse @ (source * rows - scaled @ solution)
    return solution * columns


# --- operators ---------------------------------------------------------------------------------------------------


def lowering(levels):
    """a|n> = √n |n-1> on the levels 0 to levels - 1."""
    return np.diag(np.sqrt(np.arange(1.0, levels)), 1).astype(complex)


def kron_all(operators):
    return functools.reduce(np.kron, operators)


def ladders(nodes, max_excitations=None):
    """Lowering operator of each node in the space of all; basis states in lexical order, the last node the fastest.

    With `max_excitations`, cut to the states of that many excitations in total at most.
    """
    levels = [node[1] for node in nodes.values()]
    found = {
        name: kron_all([lowering(k) if other == name else np.eye(k) for other, k in zip(nodes, levels, strict=True)])
        for name in nodes
    }
    if max_excitations is None:
        return found
    keep = [i for i, n in enumerate(itertools.product(*map(range, levels))) if sum(n) <= max_excitations]
    return {name: a[np.ix_(keep, keep)] for name, a in found.items()}


def bare_hamiltonian(nodes, a):
    """Σ ω a†a + (α/2) a†a†aa."""
    total = 0
    for name, (frequency, _, *anharmonicity) in nodes.items():
        up = a[name].conj().T
        total = total + frequency * up @ a[name]
        if anharmonicity:
            total = total + anharmonicity[0] / 2 * up @ up @ a[name] @ a[name]
    return total


def coupling_hamiltonian(couplings, a):
    """Sum of couplings (node, node, kind, g).

    "swap" g(a†b + ab†), "xx" g(a + a†)(b + b†), "dispersive" g a†a b†b.
    """
    total = 0
    for first, second, kind, g in couplings:
        A, B = a[first], a[second]
        A_up, B_up = A.conj().T, B.conj().T
        term = {
            "swap": A_up @ B + A @ B_up,
            "xx": (A + A_up) @ (B + B_up),
            "dispersive": A_up @ A @ B_up @ B,
        }[kind]
        total = total + g * term
    return total


# --- rates -------------------------------------------------------------------------------------------------------


def occupation(omega, temperature):
    """1/(e^(ω/T) - 1) for ω > 0; 0 at T = 0."""
    if temperature == 0:
        return 0
    if is_exact(omega):
        return 1 / mpmath.expm1(omega / temperature)
    # The form that does not overflow.
    return math.exp(-omega / temperature) / -math.expm1(-omega / temperature)


def rate(J, temperature, omega):
    """γ(ω), signed: J(ω)(1 + n(ω)) for ω > 0, J(-ω) n(-ω) for ω < 0, and the limit at 0."""
    if omega > 0:
        return J(omega) * (1 + occupation(omega, temperature))
    if omega < 0:
        return J(-omega) * occupation(-omega, temperature)
    return rate_at_zero(J, temperature, exact_numbers=is_exact(omega))


def rate_at_zero(J, temperature, exact_numbers=False):
    """Limit of γ(ω) from both sides, T J'(0).

    Taken as J(h)(½ + n(h)), the mean of γ(h) and γ(-h), at an h of 1e-14 T (the working precision, with mpmath): a
    product that loses no digits, and is off by h/T and h over the cutoff. Halving h tells whether there is a limit.
    """
    h = mpmath.mpf(10) ** (-mpmath.mp.dps) if exact_numbers else 1e-14
    h = h * temperature if temperature else h
    at_h, at_half = (J(x) * (1 + 2 * occupation(x, temperature)) / 2 for x in (h, h / 2))
    if at_half > 1.1 * at_h:
        raise ValueError("γ(ω) diverges at ω = 0")
    if at_half < 0.9 * at_h or at_h == 0:
        return 0 * at_h
    if temperature == 0:
        raise ValueError("γ(ω) jumps at ω = 0: at T = 0, J must vanish there")
    return at_half


# --- one bath, decomposed ----------------------------------------------------------------------------------------


def bohr_components(S, energies, tolerance):
    """[(ω, S(ω)), ...] in ascending order of ω, for S in the eigenbasis of `energies`.

    Frequencies of nonzero matrix elements are joined where neighbours differ by `tolerance` or less; ω is their mean,
    and exactly 0 where a group holds one within the tolerance of 0.
    """
    # Rounding of a rotation leaves elements of 1e-16 of the largest that are zero.
    floor = 1e-13 * np.max(np.abs(S))
    elements = sorted(
        ((energies[n] - energies[m], m, n) for m, n in np.argwhere(np.abs(S) > floor)), key=lambda element: element[0]
    )
    groups = []
    for element in elements:
        if groups and element[0] - groups[-1][-1][0] <= tolerance:
            groups[-1].append(element)
        else:
            groups.append([element])
    components = []
    for group in groups:
        frequencies = [omega for omega, _, _ in group]
        omega = sum(frequencies) / len(frequencies)
        if min(abs(x) for x in frequencies) <= tolerance:
            omega = 0 * omega
        component = np.zeros_like(S)
        for _, m, n in group:
            component[m, n] = S[m, n]
        components.append((omega, component))
    return components


def mode_components(h, a, node, tolerance):
    """[(ω_k, <j|k> d_k), ...] of a_j in a harmonic network, by its normal modes d_k = Σ_i <k|i> a_i.

    `h` is the one-body matrix, `a` the lowering operators in its order; modes that are neighbours within the tolerance
    are added up. In a space cut node by node these are not quite the components by the levels of the truncated
    Hamiltonian, whose top ones are wrong.
    """
    modes, vectors = eigh(h)
    groups = []
    for k, omega in enumerate(modes):
        if groups and omega - modes[groups[-1][-1]] <= tolerance:
            groups[-1].append(k)
        else:
            groups.append([k])
    components = []
    for group in groups:
        shares = sum(vectors[node, k] * vectors[:, k].conj() for k in group)
        components.append((sum(modes[group]) / len(group), sum(x * one for x, one in zip(shares, a, strict=True))))
    return components


def bath_rates(temperature, J, coupling):
    """Signed rate of each part of a bath; a rotating-wave part has none at ω = 0, nor on the wrong side of it."""
    if coupling == "full":
        return [functools.partial(rate, J, temperature)]
    if coupling == "rotating-wave":
        return [
            lambda omega: rate(J, temperature, omega) if omega > 0 else 0 * omega,
            lambda omega: rate(J, temperature, omega) if omega < 0 else 0 * omega,
        ]
    raise ValueError(coupling)


def bath_parts(bath, energies, tolerance):
    """Parts of a bath whose S is in the eigenbasis of `energies`, or is itself [(ω, S(ω)), ...] with all ω > 0."""
    S, temperature, J, coupling = bath
    gammas = bath_rates(temperature, J, coupling)
    if isinstance(S, list):
        down, up = S, [(-omega, one.conj().T) for omega, one in S]
        components = [up + down] if coupling == "full" else [down, up]
        return list(zip(components, gammas, strict=True))
    S_up = S.conj().T
    hermitian = np.max(np.abs(S - S_up)) <= 1e-14 * np.max(np.abs(S))
    if hermitian and coupling == "rotating-wave":
        raise ValueError("rotating-wave coupling needs the lowering part of the coupling operator")
    operators = [S if hermitian else S + S_up] if coupling == "full" else [S, S_up]
    return [
        (bohr_components(operator, energies, tolerance), gamma)
        for operator, gamma in zip(operators, gammas, strict=True)
    ]


# --- superoperators ----------------------------------------------------------------------------------------------


def left_right(A, B):
    """The map from ρ to AρB."""
    return np.kron(A, B.T)


def commutator(H):
    """The map from ρ to -i[H, ρ]."""
    one = np.eye(len(H), dtype=H.dtype)
    i = mpmath.mpc(0, 1) if is_exact(H) else 1j
    return -i * (left_right(H, one) - left_right(one, H))


def pair(S, Lambda):
    """The map from ρ to ΛρS† + SρΛ† - S†Λρ - ρΛ†S."""
    one = np.eye(len(S), dtype=S.dtype)
    loss = S.conj().T @ Lambda
    return (
        left_right(Lambda, S.conj().T)
        + left_right(S, Lambda.conj().T)
        - left_right(loss, one)
        - left_right(one, loss.conj().T)
    )


def jump(L):
    """D[L]: the map from ρ to LρL† - ½{L†L, ρ}."""
    return pair(L, L / 2)


def nothing(components):
    d = len(components[0][1])
    return np.zeros((d * d, d * d), dtype=components[0][1].dtype)


def davies(components, gamma):
    """Σ_ω γ(ω) D[S(ω)]."""
    return sum((gamma(omega) * jump(S) for omega, S in components), nothing(components))


def redfield(components, gamma, shift=None):
    """Pair form of S = Σ S(ω) and Λ = Σ (½γ(ω) + iσ(ω)) S(ω); σ is the level shift's function, none by default."""
    S = sum(S for _, S in components)
    return pair(S, sum(half_sided(gamma, shift, omega) * S_omega for omega, S_omega in components))


def partial_secular(components, gamma, cutoff, shift=None):
    """Redfield's double sum over (ω, ω′), kept where |ω - ω′| ≤ cutoff."""
    total = nothing(components)
    for omega, S in components:
        partners = sum(other for omega_, other in components if abs(omega - omega_) <= cutoff)
        total = total + pair(partners, half_sided(gamma, shift, omega) * S)
    return total


def half_sided(gamma, shift, omega):
    """Γ(ω) = ∫_0^∞ C(t) e^(iωt) dt = ½γ(ω) + iσ(ω)."""
    half = gamma(omega) / 2
    if shift is None:
        return half
    return half + (mpmath.mpc(0, 1) if is_exact(omega) else 1j) * shift(omega)


def universal_jump(components, gamma):
    """Σ_ω √γ(ω) S(ω)."""
    return sum(root(gamma(omega)) * S for omega, S in components)


def universal(components, gamma):
    """One jump operator, D[Σ_ω √γ(ω) S(ω)]."""
    return jump(universal_jump(components, gamma))


def unified(components, gamma, clusters, tolerance):
    """Σ_q γ(ω_q) D[Σ_{ω∈q} S(ω)] for clusters [(ω_q, [ω, ...]), ...]; every Bohr frequency must be in just one."""
    total = nothing(components)
    left = [omega for omega, _ in components]
    for center, members in clusters:
        chosen = [(omega, S) for omega, S in components if any(abs(omega - member) <= tolerance for member in members)]
        if chosen:
            total = total + gamma(center) * jump(sum(S for _, S in chosen))
            for omega, _ in chosen:
                left.remove(omega)
    if left:
        raise ValueError(f"Bohr frequencies in no cluster: {left}")
    return total


def clusters_by_gap(frequencies, gap, weights=None):
    """Frequencies joined where neighbours differ by `gap` or less, as [(ω_q, [ω, ...]), ...].

    ω_q is the mean, plain or with weights (callable of ω). For clusters of opposite frequencies to have opposite ω_q,
    as rotating-wave parts and H_TD need, the frequencies of all baths and both signs go in together.
    """
    groups = []
    for omega in sorted(frequencies):
        if groups and omega - groups[-1][-1] <= gap:
            groups[-1].append(omega)
        else:
            groups.append([omega])
    clusters = []
    for group in groups:
        w = [weights(omega) if weights else 1 for omega in group]
        clusters.append((sum(x * omega for x, omega in zip(w, group, strict=True)) / sum(w), group))
    return clusters


def bohr_frequencies(hamiltonian, baths, tolerance):
    """Distinct Bohr frequencies of all coupling operators and their adjoints, joined within the tolerance."""
    energies, basis = eigh(hamiltonian)
    found = []
    for S, *_ in baths.values():
        rotated = basis.conj().T @ S @ basis
        found += [omega for omega, _ in bohr_components(rotated, energies, tolerance)]
    found += [-omega for omega in found]
    return [center for center, _ in clusters_by_gap(found, tolerance)]


def thermodynamic_energies(energies, operators, clusters, tolerance):
    """Energies of H_TD, in which every transition of a cluster has just the energy ω_q.

    Potts, Kalaee and Wacker (2021), Trushechkin (2021): [H_TD, S_q] = -ω_q S_q. The lowest of the levels that the
    transitions join keeps its energy. Raises where no such H_TD exists.
    """
    rows, steps = [], []
    for S in operators:
        floor = 1e-13 * np.max(np.abs(S))
        for m, n in np.argwhere(np.abs(S) > floor):
            omega = energies[n] - energies[m]
            centers = [c for c, members in clusters if any(abs(omega - member) <= tolerance for member in members)]
            row = np.zeros(len(energies))
            row[n] += 1
            row[m] -= 1
            rows.append(row)
            steps.append(float(centers[0]))
    rows, steps = np.array(rows), np.array(steps)
    found = np.linalg.lstsq(rows, steps, rcond=None)[0]
    if np.max(np.abs(rows @ found - steps)) > 1e-9 * np.max(np.abs(steps)):
        raise ValueError("no H_TD: the clusters' frequencies do not add up")
    # The null space is a constant for each set of levels that is joined.
    joined = np.abs(np.eye(len(energies)) - np.linalg.pinv(rows) @ rows) > 1e-8
    lowest = [np.flatnonzero(row)[0] for row in joined]
    return found - found[lowest] + np.array([float(energies[k]) for k in lowest])


# --- level shift -------------------------------------------------------------------------------------------------


def quad(f, a, b, exact_numbers):
    if exact_numbers:
        return mpmath.quad(f, [a, b])
    return integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-11, limit=400)[0]


def principal_value(f, pole, breaks):
    """P∫ f(ν)/(ν - pole) dν over the real axis.

    Between the pole and the nearest of `breaks` (the points where f is not smooth or where its scale changes), the two
    sides are taken together, (f(pole + s) - f(pole - s))/s, which is regular; beyond, panel by panel.
    """
    exact_numbers = is_exact(pole)
    breaks = sorted({x for x in breaks if x != pole})
    width = min((abs(x - pole) for x in breaks), default=pole * 0 + 1)
    total = quad(lambda s: (f(pole + s) - f(pole - s)) / s, 0 * width, width, exact_numbers)
    infinity = mpmath.inf if exact_numbers else np.inf
    right = [pole + width, *(x for x in breaks if x > pole + width)]
    left = [pole - width, *(x for x in reversed(breaks) if x < pole - width)]
    for a, b in itertools.pairwise([*right, infinity]):
        total += quad(lambda x: f(x) / (x - pole), a, b, exact_numbers)
    for b, a in itertools.pairwise([*left, -infinity]):
        total += quad(lambda x: f(x) / (x - pole), a, b, exact_numbers)
    return total


def level_shift(gamma, breaks, omega):
    r"""σ(ω) = P∫ dν/2π γ(ν)/(ω - ν), the imaginary part of Γ(ω) = ∫_0^∞ C(t) e^(iωt) dt.

    With C(t) = ∫ dν/2π γ(ν) e^(-iνt), ∫_0^∞ e^(i(ω-ν)t) dt = πδ(ω - ν) + i P 1/(ω - ν). The second-order equation

        dρ/dt = -∫_0^∞ dt C(t) [S†, S(-t)ρ] + h.c.,  S(-t) = Σ S(ω) e^(iωt)

    is then Redfield's pair form with Λ = Σ Γ(ω) S(ω). Keeping only ω = ω′ leaves Davies' equation with
    H_LS = Σ σ(ω) S†(ω)S(ω). The bath's own states lie at ω - ν: those above push a level down.
    """
    return -principal_value(gamma, omega, [0 * omega, *breaks]) / (2 * (mpmath.pi if is_exact(omega) else math.pi))


def universal_level_shift(gamma, breaks, omega, omega_):
    r"""f(ω, ω′) = -P∫ dν/2π √(γ(ν + ω) γ(ν + ω′))/ν, in Λ = Σ f(ω, ω′) S†(ω) S(ω′).

    Derivation. g(t) = ∫ dν/2π √γ(ν) e^(-iνt) has C(t - t′) = ∫ds g(t - s) g(s - t′). Nathan and Rudner, PRB 102,
    115109 (2020), move the second-order equation's ρ from t to the time s between the jump correlators:

        dρ/ds = -∫dt ∫dt′ θ(t - t′) g(t - s) g(s - t′) [S†(t), S(t′)ρ] + h.c.

    At s = 0, with g(-t) = g(t)*: the terms with ρ inside add up to LρL†, L = ∫dt g(-t) S(t) = Σ √γ(ω) S(ω). Those with
    ρ outside are -Kρ - ρK†, K = ∫∫ θ(t - t′) g(t) g(-t′) S†(t) S(t′) = ½L†L + iΛ. So
    Λ = (1/2i) ∫∫ sgn(t - t′) g(t) g(-t′) S†(t) S(t′), and as sgn τ = P∫ dν e^(iντ)/(iπν),

        f(ω, ω′) = (1/2i)(1/iπ) P∫ dν/ν √γ(ω + ν) √γ(ω′ + ν).

    Between levels m, n and the one between them, k: ω = E_m - E_k, ω′ = E_n - E_k. This is the corrected equation (D8),
    eq. (6) of the erratum, PRB 104, 119901 (2021): f(p, q) = -2π P∫ dν g(ν - p) g(ν + q)/ν with p = E_k - E_m,
    q = E_n - E_k and g = √γ/2π; as first printed, the signs of p and q are reversed. f(ω, ω) = σ(ω), Davies' shift.
    """
    pi = mpmath.pi if is_exact(omega) else math.pi
    points = {-omega, -omega_, *(x - omega for x in breaks), *(x - omega_ for x in breaks)}
    return -principal_value(lambda nu: root(gamma(nu + omega) * gamma(nu + omega_)), 0 * omega, points) / (2 * pi)


def davies_shift(components, gamma, breaks):
    """Σ σ(ω) S†(ω)S(ω)."""
    return sum(level_shift(gamma, breaks, omega) * S.conj().T @ S for omega, S in components)


def universal_shift(components, gamma, breaks):
    """Σ f(ω, ω′) S†(ω)S(ω′)."""
    return sum(
        universal_level_shift(gamma, breaks, omega, omega_) * S.conj().T @ S_
        for omega, S in components
        for omega_, S_ in components
        if np.any(S.conj().T @ S_ != 0)
    )


# --- whole equations ---------------------------------------------------------------------------------------------


def build(equation, hamiltonian, baths, *, tolerance, bare=None, cutoff=None, clusters=None, shift_breaks=None):
    """An equation, in the eigenbasis of the Hamiltonian.

    Parameters
    ----------
    equation : str
        "local", "global", "redfield", "partial_secular", "universal" or "unified".
    hamiltonian : array (d, d)
    baths : dict of str to (S, temperature, J, coupling)
        S an array (d, d), or its decomposition [(ω, S(ω)), ...] with all ω > 0, as from `mode_components`.
    tolerance : float
        Absolute, of Bohr frequencies that are the same.
    bare : array (d, d), for "local"
        Hamiltonian without the couplings, whose Bohr frequencies the local equation knows.
    cutoff : float, for "partial_secular"
    clusters : list of (ω_q, [ω, ...]), for "unified"
    shift_breaks : sequence of float, optional
        With the level shift; frequencies that its integrals are divided at, such as a cutoff.

    Returns
    -------
    energies : array (d,)
    basis : array (d, d)
        Eigenvectors as columns.
    dissipators : dict of str to array (d², d²)
        For Redfield and partial secular the shift is part of them, as no Hamiltonian contains all of it.
    shifts : dict of str to array (d, d)
        Level shift Hamiltonian of each bath; empty without it and where it is part of the dissipator.
    """
    energies, basis = eigh(hamiltonian)
    known, known_basis = eigh(bare) if equation == "local" else (energies, basis)
    back = basis.conj().T @ known_basis
    dissipators, shifts = {}, {}
    for name, (S, temperature, J, coupling) in baths.items():
        if isinstance(S, list):
            rotated = [(omega, known_basis.conj().T @ one @ known_basis) for omega, one in S]
        else:
            rotated = known_basis.conj().T @ S @ known_basis
        dissipators[name] = 0
        for components, gamma in bath_parts((rotated, temperature, J, coupling), known, tolerance):
            shift = None if shift_breaks is None else functools.partial(level_shift, gamma, shift_breaks)
            members = [(omega, back @ one @ back.conj().T) for omega, one in components]
            if equation in ("local", "global"):
                found = davies(members, gamma)
            elif equation == "redfield":
                found = redfield(members, gamma, shift)
            elif equation == "partial_secular":
                found = partial_secular(members, gamma, cutoff, shift)
            elif equation == "universal":
                found = universal(members, gamma)
            elif equation == "unified":
                found = unified(members, gamma, clusters, tolerance)
            else:
                raise ValueError(equation)
            dissipators[name] = dissipators[name] + found
            if shift is None or equation in ("redfield", "partial_secular"):
                continue
            if equation == "global":
                Lamb = davies_shift(members, gamma, shift_breaks)
            elif equation == "universal":
                Lamb = universal_shift(members, gamma, shift_breaks)
            else:
                raise ValueError(f"no level shift written out for {equation}")
            shifts[name] = shifts.get(name, 0) + Lamb
    return energies, basis, dissipators, shifts


def liouvillian(energies, dissipators, shifts=None):
    H = np.diag(energies).astype(next(iter(dissipators.values())).dtype)
    return commutator(H + sum((shifts or {}).values())) + sum(dissipators.values())


def steady_state(L):
    """ρ of trace 1 with Lρ = 0, in the basis of L.

    The equations of the populations add up to zero, so that the first may make way for tr ρ = 1. What is left is
    singular just if L has another null vector.
    """
    d = math.isqrt(len(L))
    matrix, source = L.copy(), 0 * L[0]
    matrix[0] = np.eye(d).ravel()
    source[0] = 1
    return solve(matrix, source).reshape(d, d)


def singular_values(L):
    """In ascending order, in units of the largest; the steady state is unique if just one of them is zero."""
    values = np.linalg.svd(L, compute_uv=False)
    return values[::-1] / values[0]


def heat_currents(energies, dissipators, rho):
    """Tr[H D_b ρ] of each bath, all in the eigenbasis of H.

    `energies` may also be a matrix, for heat counted by another operator.
    """
    H = np.diag(energies) if np.ndim(energies) == 1 else energies
    return {name: real(expectation(H, D, rho)) for name, D in dissipators.items()}


def expectation(A, D, rho):
    """Tr[A D(ρ)]."""
    return A.T.ravel() @ (D @ rho.ravel())


# --- harmonic networks, one-body ---------------------------------------------------------------------------------


def one_body_terms(equation, h, bath, *, cutoff=None, clusters=None, statistics=-1, tolerance=None):
    """M and P of a bath on a node, in the eigenbasis of h; rotating-wave coupling, no level shift.

    dG/dt = -i[h, G] - (MG + GM†) + P with G_ij = <a_j†a_i> (its transpose is often called the covariance).
    `bath` is (node, temperature, J), node its index in h; `clusters` [(ω_q, [ω, ...]), ...] are of normal modes;
    `statistics` is -1 for oscillators, +1 for the Jordan-Wigner fermions of two-level nodes: [a, a†]_± = 1.
    Modes that are equal within `tolerance` are not told apart by the global equation.
    """
    node, temperature, J = bath
    modes, vectors = eigh(h)
    if modes[0] <= 0:
        raise ValueError(f"the lowest normal mode, {modes[0]}, is not positive")
    v = vectors[node].conj()  # <k|j>
    e = np.outer(v, v.conj())

    def down(omega):
        return J(omega) * (1 + occupation(omega, temperature))

    def up(omega):
        return J(omega) * occupation(omega, temperature)

    if equation == "local":
        omega = real(h[node, node])
        loss, gain = down(omega) * e, up(omega) * e
    elif equation == "universal":
        out = np.array([root(down(omega)) for omega in modes]) * v
        into = np.array([root(up(omega)) for omega in modes]) * v
        loss, gain = np.outer(out, out.conj()), np.outer(into, into.conj())
    elif equation == "unified":
        loss, gain = 0 * e, 0 * e
        for center, members in clusters:
            inside = np.array([any(abs(omega - x) <= tolerance for x in members) for omega in modes])
            block = e * np.outer(inside, inside)
            loss, gain = loss + down(center) * block, gain + up(center) * block
    else:
        distance = {"redfield": np.inf, "partial_secular": cutoff, "global": tolerance}[equation]
        kept = np.array([[int(abs(x - y) <= distance) for y in modes] for x in modes])
        # ½ e f(h): the second index carries the function.
        loss = e * kept * np.array([down(omega) for omega in modes])[None, :]
        gain = e * kept * np.array([up(omega) for omega in modes])[None, :]
    return (loss + statistics * gain) / 2, (gain + gain.conj().T) / 2


def one_body(equation, h, baths, *, counted=None, **options):
    """Steady <a_j†a_i> in the basis of nodes and heat current Tr c(P_b - M_bG - GM_b†) of each bath.

    c is h, or `counted`, an array in the basis of nodes by which heat is counted instead.
    """
    modes, vectors = eigh(h)
    terms = {name: one_body_terms(equation, h, bath, **options) for name, bath in baths.items()}
    M, P = (sum(found) for found in zip(*terms.values(), strict=True))
    i = mpmath.mpc(0, 1) if is_exact(h) else 1j
    one = np.eye(len(modes), dtype=M.dtype)
    # -i ω_k + i ω_l is formed as a difference, not as a sum of rounded products.
    lyapunov = np.kron(M, one) + np.kron(one, M.conj()) + np.diag(i * np.subtract.outer(modes, modes).ravel())
    G = solve(lyapunov, P.ravel()).reshape(M.shape)
    energy = np.diag(modes) if counted is None else vectors.conj().T @ counted @ vectors
    currents = {name: real(np.trace(energy @ (P_b - M_b @ G - G @ M_b.conj().T))) for name, (M_b, P_b) in terms.items()}
    return vectors @ G @ vectors.conj().T, currents


def global_sum(h, baths, statistics):
    """Heat currents of the global equation, mode by mode, where no two modes are equal.

    Oscillators (statistics -1) with baths (node, temperature, J) on any nodes; two-level nodes (+1) in a chain with
    baths on its two ends only, where the modes are Jordan-Wigner fermions.
    """
    modes, vectors = eigh(h)
    currents = dict.fromkeys(baths, 0)
    for k, omega in enumerate(modes):
        rates = {}
        for name, (node, temperature, J) in baths.items():
            weight = abs(vectors[node, k]) ** 2
            n = occupation(omega, temperature)
            rates[name] = (weight * J(omega) * (1 + n), weight * J(omega) * n)
        loss = sum(down + statistics * up for down, up in rates.values())
        gains = {name: up for name, (_, up) in rates.items()}
        for name, (down, up) in rates.items():
            # ω (up - (down ± up) n_k) over one denominator, so that nothing cancels but up against up.
            mine = down + statistics * up
            currents[name] += (
                omega
                * sum(up * (rates[other][0] + statistics * rates[other][1]) - mine * gains[other] for other in baths)
                / loss
            )
    return currents


# --- closed forms ------------------------------------------------------------------------------------------------


def total_rate_and_fraction(J, omega, temperature):
    """Γ = J(2n + 1) and f = n/(2n + 1) of a bath on a two-level node."""
    n = occupation(omega, temperature)
    return J(omega) * (2 * n + 1), n / (2 * n + 1)


def uniform_chain_current(omega, g, left, right):
    """Heat current from the left bath through an XX chain of equal two-level nodes, local baths at the ends.

    Baths are (Γ, f).
    """
    (G_L, f_L), (G_R, f_R) = left, right
    return omega * 4 * g**2 * G_L * G_R * (f_L - f_R) / ((G_L + G_R) * (4 * g**2 + G_L * G_R))


def two_node_excitation_current(detuning, g, left, right):
    """Current of excitations from the left bath through two two-level nodes with local baths (Γ, f)."""
    (G_L, f_L), (G_R, f_R) = left, right
    S = G_L + G_R
    return 4 * g**2 * G_L * G_R * S * (f_L - f_R) / (4 * g**2 * S**2 + G_L * G_R * (S**2 + 4 * detuning**2))


def two_node_global_current(omega_h, omega_c, g, hot, cold, delta):
    """Hot bath's current in the two-node global equation; baths are (temperature, J), delta -1 or +1."""
    half, mean = (omega_h - omega_c) / 2, (omega_h + omega_c) / 2
    split = root(half**2 + g**2)
    cos2 = (omega_h - (mean - split)) / (2 * split)
    current = 0
    for omega, w_h, w_c in ((mean + split, cos2, 1 - cos2), (mean - split, 1 - cos2, cos2)):
        n_h, n_c = (occupation(omega, temperature) for temperature, _ in (hot, cold))
        g_h, g_c = w_h * hot[1](omega), w_c * cold[1](omega)
        # γ = J(1 + n) and γx = Jn; the numerator of x_h - x_c is n_h(1 + n_c) - n_c(1 + n_h).
        loss = g_h * (1 + n_h + delta * n_h) + g_c * (1 + n_c + delta * n_c)
        current += omega * g_h * g_c * (n_h - n_c) / loss
    return current


# --- exact currents ----------------------------------------------------------------------------------------------


def landauer(h, baths, digits=30):
    """Exact heat currents of a harmonic network with rotating-wave coupling and no level shift.

    J_l = Σ_b ∫_0^∞ dω/2π ω J_l(ω) J_b(ω) |G_lb(ω)|² [n_l(ω) - n_b(ω)], G = [ω - h + (i/2) Σ_b J_b(ω)|b><b|]⁻¹.

    The integrand has peaks at the poles x - iw of G, which may be as narrow as 1e-20: panels end at x ± w 3^k, from a
    hundredth of the width of each pole up to the whole range. Poles are those with each J at its node's frequency,
    good enough to place panels if J changes by less than tenfold between the modes that it damps. Baths are (node,
    temperature, J), J of mpmath numbers.
    """
    with mpmath.workdps(digits + 10):
        h = exact(h)
        N = len(h)
        names = list(baths)
        modes, _ = eigh(h)
        top = 80 * max(mpmath.mpf(temperature) for _, temperature, _ in baths.values()) + 2 * modes[-1]
        damped = mpmath.matrix(h.tolist())
        for node, _, J in baths.values():
            damped[node, node] -= mpmath.mpc(0, 1) * J(h[node, node]) / 2
        points, centers = {mpmath.mpf(0), top}, []
        for pole in mpmath.eig(damped, left=False, right=False):
            x, step = mpmath.re(pole), max(-mpmath.im(pole), mpmath.mpf(10) ** -digits) / 100
            points.add(x)
            centers.append((x, step))
            while step < top:
                points |= {x - step, x + step}
                step *= 3
        panels = thinned(sorted(x for x in points if 0 <= x <= top), centers)

        def integrand(omega):
            matrix = [[-x for x in row] for row in h.tolist()]
            for k in range(N):
                matrix[k][k] += omega
            for node, _, J in baths.values():
                matrix[node][node] += mpmath.mpc(0, 1) * J(omega) / 2
            whole = abs(determinant(matrix)) ** 2
            flows = {}
            for one, other in itertools.combinations(names, 2):
                (a, T_a, J_a), (b, T_b, J_b) = baths[one], baths[other]
                flows[one, other] = (
                    omega
                    * J_a(omega)
                    * J_b(omega)
                    * abs(determinant(without(matrix, b, a))) ** 2
                    / whole
                    * (occupation(omega, T_a) - occupation(omega, T_b))
                    / (2 * mpmath.pi)
                )
            return flows

        currents = dict.fromkeys(names, mpmath.mpf(0))
        # 24 nodes a panel are good for 14 digits here, 48 for twice that.
        degree = 4 if digits <= 14 else 5
        nodes = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp).calc_nodes(degree, mpmath.mp.prec)
        for a, b in itertools.pairwise(panels):
            for x, weight in nodes:
                for (one, other), flow in integrand((a + b) / 2 + (b - a) / 2 * x).items():
                    currents[one] += weight * (b - a) / 2 * flow
                    currents[other] -= weight * (b - a) / 2 * flow
        return currents


def without(rows, i, j):
    """A matrix, as a list of rows, without row i and column j."""
    return [[*row[:j], *row[j + 1 :]] for k, row in enumerate(rows) if k != i]


def determinant(rows):
    """By the first row; |G_ab| is that of the matrix without row b and column a, over that of the whole."""
    if len(rows) == 0:
        return 1
    return sum((-1) ** j * x * determinant(without(rows, 0, j)) for j, x in enumerate(rows[0]) if x != 0)


def thinned(points, centers):
    """Sorted points without those that lie closer to the one before than 0.8 of the way to the nearest center.

    Centers are (position, smallest distance that counts).
    """
    kept = [points[0]]
    for x in points[1:-1]:
        if x - kept[-1] > min(max(abs(x - center), smallest) for center, smallest in centers) * 0.8:
            kept.append(x)
    return [*kept, points[-1]]
