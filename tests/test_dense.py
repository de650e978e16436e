"""The reference implementations against figures and closed forms that were had without them, and against each other."""

from __future__ import annotations

import functools
import itertools
import math

import dense
import mpmath
import numpy as np
import pytest
import scipy.special
from scipy import integrate

EQUATIONS = ("local", "global", "redfield", "partial_secular", "universal", "unified")
TOLERANCE = 1e-9


def phonon(kappa):
    return lambda omega: kappa * omega**3


def flat(value):
    return lambda omega: value


def ohmic(strength, cutoff):
    """J = αω/(1 + (ω/ω_c)²)², smooth and odd."""
    return lambda omega: strength * omega / (1 + (omega / cutoff) ** 2) ** 2


def hopping(frequencies, swaps):
    return np.diag(np.array(frequencies, float)) + np.diag(swaps, 1) + np.diag(swaps, -1)


def network(nodes, couplings, max_excitations=None):
    """Lowering operators, H_0 and H."""
    a = dense.ladders(nodes, max_excitations)
    bare = dense.bare_hamiltonian(nodes, a)
    return a, bare, bare + dense.coupling_hamiltonian(couplings, a)


def steady(equation, hamiltonian, baths, **options):
    """Energies, eigenvectors, dissipators, L and steady state, in the eigenbasis."""
    energies, basis, dissipators, shifts = dense.build(
        equation, hamiltonian, baths, **{"tolerance": TOLERANCE} | options
    )
    L = dense.liouvillian(energies, dissipators, shifts)
    return energies, basis, dissipators, L, dense.steady_state(L)


def currents(equation, hamiltonian, baths, **options):
    energies, _, dissipators, _, rho = steady(equation, hamiltonian, baths, **options)
    return dense.heat_currents(energies, dissipators, rho)


def options_of(equation, hamiltonian, bare, baths, cutoff=0.3, gap=0.3):
    if equation == "local":
        return {"bare": bare}
    if equation == "partial_secular":
        return {"cutoff": cutoff}
    if equation == "unified":
        frequencies = dense.bohr_frequencies(hamiltonian, baths, TOLERANCE)
        return {"clusters": dense.clusters_by_gap(frequencies, gap)}
    return {}


def chain_of_two_level_nodes(frequencies, swaps, J, coupling="rotating-wave", temperatures=(12.0, 10.0)):
    """Lowering operators, H_0, H and baths of a chain with a bath on each end."""
    nodes = {j: (omega, 2) for j, omega in enumerate(frequencies)}
    a, bare, H = network(nodes, [(j, j + 1, "swap", g) for j, g in enumerate(swaps)])
    ends = {"hot": 0, "cold": len(frequencies) - 1}
    baths = {name: (a[j], T, J, coupling) for (name, j), T in zip(ends.items(), temperatures, strict=True)}
    return a, bare, H, baths


def anharmonic_network(coupling, temperatures=(2.0, 1.0)):
    """Two-level node, Kerr oscillator and two-level node in a ring with each kind of coupling."""
    nodes = {"A": (1.0, 2), "B": (1.3, 3, -0.1), "C": (0.8, 2)}
    couplings = [("A", "B", "swap", 0.07), ("B", "C", "xx", 0.05), ("A", "C", "dispersive", 0.11)]
    a, bare, H = network(nodes, couplings)
    J = ohmic(0.02, 5.0)
    baths = {name: (a[node], T, J, coupling) for name, node, T in zip(("h", "c"), "AC", temperatures, strict=True)}
    return a, bare, H, baths


# --- operators and rates -----------------------------------------------------------------------------------------


def test_levels_of_the_kerr_oscillator():
    _, bare, _ = network({"A": (2.0, 5, -0.1)}, [])
    np.testing.assert_allclose(np.diag(bare), [2.0 * n - 0.05 * n * (n - 1) for n in range(5)], rtol=1e-15)


def test_couplings_by_their_matrix_elements():
    nodes = {"A": (1.0, 3), "B": (1.0, 3)}
    a = dense.ladders(nodes)
    swap, xx, dispersive = (
        dense.coupling_hamiltonian([("A", "B", kind, 0.5)], a) for kind in ("swap", "xx", "dispersive")
    )
    state = {n: 3 * n[0] + n[1] for n in itertools.product(range(3), repeat=2)}
    assert swap[state[1, 0], state[0, 1]] == swap[state[0, 1], state[1, 0]] == 0.5
    assert swap[state[1, 1], state[0, 0]] == 0
    assert swap[state[2, 0], state[1, 1]] == pytest.approx(0.5 * math.sqrt(2))
    assert xx[state[1, 1], state[0, 0]] == 0.5
    assert dispersive[state[2, 1], state[2, 1]] == pytest.approx(1.0)
    assert np.count_nonzero(dispersive - np.diag(np.diag(dispersive))) == 0


def test_cut_at_total_excitations():
    nodes = {"A": (1.0, 4), "B": (1.0, 4)}
    a = dense.ladders(nodes, 3)
    total = sum(one.conj().T @ one for one in a.values())
    assert np.bincount(np.rint(np.diag(total).real).astype(int)).tolist() == [1, 2, 3, 4]


def test_signed_rate():
    J = phonon(1e-4)
    n = 1 / math.expm1(5 / 12)
    assert dense.rate(J, 12.0, 5.0) == pytest.approx(1e-4 * 125 * (n + 1), rel=1e-14)
    assert dense.rate(J, 12.0, -5.0) == pytest.approx(1e-4 * 125 * n, rel=1e-14)
    assert dense.rate(J, 0.0, 5.0) == 1e-4 * 125
    assert dense.rate(J, 0.0, -5.0) == 0


def test_rate_at_zero_frequency():
    J = ohmic(0.02, 5.0)
    assert dense.rate(J, 3.0, 0.0) == pytest.approx(0.06, rel=1e-13)
    with mpmath.workdps(40):
        assert abs(dense.rate(J, mpmath.mpf(3), mpmath.mpf(0)) / (mpmath.mpf(0.02) * 3) - 1) < 1e-38
    assert dense.rate(phonon(1.0), 3.0, 0.0) == 0
    assert dense.rate(J, 0.0, 0.0) == 0
    with pytest.raises(ValueError, match="diverges"):
        dense.rate(flat(0.1), 3.0, 0.0)
    with pytest.raises(ValueError, match="jumps"):
        dense.rate(flat(0.1), 0.0, 0.0)


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_components_add_up_and_lower_the_energy(coupling):
    *_, H, baths = anharmonic_network(coupling)
    energies, basis = np.linalg.eigh(H)
    for S, T, J, _ in baths.values():
        rotated = basis.conj().T @ S @ basis
        parts = dense.bath_parts((rotated, T, J, coupling), energies, TOLERANCE)
        whole = {"rotating-wave": [rotated, rotated.conj().T], "full": [rotated + rotated.conj().T]}[coupling]
        for (components, _), operator in zip(parts, whole, strict=True):
            np.testing.assert_allclose(sum(one for _, one in components), operator, atol=1e-12)
            for omega, one in components:
                moved = np.diag(energies) @ one - one @ np.diag(energies)
                np.testing.assert_allclose(moved, -omega * one, atol=1e-9)


def test_bohr_frequency_at_zero_is_exactly_zero():
    """Two levels that rounding alone separates."""
    S = np.array([[1.0, 0.5], [0.5, -1.0]], complex)
    assert [omega for omega, _ in dense.bohr_components(S, np.array([1.0, 1.0 + 1e-15]), 1e-9)] == [0.0]


# --- every equation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_generator_keeps_trace_and_hermiticity_and_energy(equation, coupling):
    """Heat counted by the H that moves the state adds up to zero in the steady state of every equation."""
    _, bare, H, baths = anharmonic_network(coupling)
    energies, _, dissipators, L, rho = steady(equation, H, baths, **options_of(equation, H, bare, baths))
    d = len(energies)
    np.testing.assert_allclose(np.eye(d).ravel() @ L, 0, atol=1e-15)
    swapped = np.arange(d * d).reshape(d, d).T.ravel()
    np.testing.assert_allclose(L[np.ix_(swapped, swapped)], L.conj(), atol=1e-15)
    assert np.sum(dense.singular_values(L) < 1e-13) == 1
    np.testing.assert_allclose(rho, rho.conj().T, atol=1e-14)
    J = dense.heat_currents(energies, dissipators, rho)
    assert J["h"] > 1e-5
    assert sum(J.values()) == pytest.approx(0, abs=1e-12 * J["h"])


def positivity(L):
    """Lowest eigenvalue of L's Choi matrix off the maximally entangled state: >= 0 just for Lindblad generators."""
    d = math.isqrt(len(L))
    # L[(i, j), (k, l)] is <i|L(|k><l|)|j>; the Choi matrix has rows (k, i) and columns (l, j).
    choi = L.reshape(d, d, d, d).transpose(2, 0, 3, 1).reshape(d * d, d * d)
    entangled = np.eye(d).ravel() / math.sqrt(d)
    off = np.eye(d * d) - np.outer(entangled, entangled)
    return np.linalg.eigvalsh(off @ choi @ off)[0]


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_lindblad_form(equation, coupling):
    """Of all but Redfield and partial secular."""
    _, bare, H, baths = anharmonic_network(coupling)
    _, _, _, L, rho = steady(equation, H, baths, **options_of(equation, H, bare, baths))
    lowest = positivity(L)
    if equation in ("redfield", "partial_secular"):
        assert lowest < -1e-4
    else:
        assert lowest > -1e-14
        assert np.linalg.eigvalsh(rho)[0] > -1e-14


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_global_leaves_the_gibbs_state_alone(coupling):
    T = 0.9
    _, _, H, baths = anharmonic_network(coupling, (T, T))
    energies, _, dissipators, _, rho = steady("global", H, baths)
    gibbs = np.exp(-energies / T) / np.exp(-energies / T).sum()
    for D in dissipators.values():
        np.testing.assert_allclose(D @ np.diag(gibbs).astype(complex).ravel(), 0, atol=1e-15)
    np.testing.assert_allclose(rho, np.diag(gibbs), atol=1e-13)


def test_local_leaves_the_gibbs_state_of_its_nodes_alone():
    """Also of a Kerr oscillator, each step of which has a rate of its own."""
    T = 0.9
    a, bare, _ = network({"A": (1.0, 4, -0.1), "B": (0.7, 2)}, [])
    baths = {name: (a[name], T, ohmic(0.02, 5.0), "full") for name in a}
    *_, rho = steady("local", bare, baths, bare=bare)
    energies = np.linalg.eigvalsh(bare)
    np.testing.assert_allclose(rho, np.diag(np.exp(-energies / T) / np.exp(-energies / T).sum()), atol=1e-13)


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_unified_leaves_the_gibbs_state_of_the_clustered_hamiltonian_alone(coupling):
    T = 0.9
    _, _, H, baths = chain_of_two_level_nodes((1.0, 1.05, 0.98), (0.02, 0.03), ohmic(0.02, 5.0), coupling, (T, T))
    options = options_of("unified", H, None, baths)
    energies, basis, dissipators, _, _ = steady("unified", H, baths, **options)
    assert len(options["clusters"]) == 2
    rotated = [basis.conj().T @ S @ basis for S, *_ in baths.values()]
    clustered = dense.thermodynamic_energies(energies, rotated, options["clusters"], TOLERANCE)
    assert np.ptp(clustered[1:4]) < 1e-14  # one excitation in any of the modes
    assert 1e-3 < np.max(np.abs(clustered - energies)) < 0.1
    gibbs = np.diag(np.exp(-clustered / T) / np.exp(-clustered / T).sum()).astype(complex)
    for D in dissipators.values():
        np.testing.assert_allclose(D @ gibbs.ravel(), 0, atol=1e-15)


def test_clustered_hamiltonian_of_the_vacuum_up():
    """No H_TD where one transition is in two clusters' sum: |0> to |1> to |2> and |0> to |2| straight."""
    energies = np.array([0.0, 1.0, 2.1])
    S = np.zeros((3, 3))
    S[0, 1] = S[1, 2] = S[0, 2] = 1
    with pytest.raises(ValueError, match="no H_TD"):
        dense.thermodynamic_energies(energies, [S], [(1.05, [1.0, 1.1]), (2.5, [2.1])], TOLERANCE)


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_partial_secular_lies_between_global_and_redfield(coupling):
    *_, H, baths = anharmonic_network(coupling)
    build = functools.partial(dense.build, hamiltonian=H, baths=baths, tolerance=TOLERANCE)
    for cutoff, equation in ((0.0, "global"), (100.0, "redfield")):
        found, expected = build("partial_secular", cutoff=cutoff)[2], build(equation)[2]
        for name, D in found.items():
            np.testing.assert_allclose(D, expected[name], atol=1e-16)
    between = build("partial_secular", cutoff=0.3)[2]["h"]
    assert all(np.max(np.abs(between - build(equation)[2]["h"])) > 1e-4 for equation in ("global", "redfield"))


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_unified_with_a_cluster_for_each_frequency_is_global(coupling):
    *_, H, baths = anharmonic_network(coupling)
    frequencies = dense.bohr_frequencies(H, baths, TOLERANCE)
    clusters = [(omega, [omega]) for omega in frequencies]
    found = dense.build("unified", H, baths, tolerance=TOLERANCE, clusters=clusters)[2]
    expected = dense.build("global", H, baths, tolerance=TOLERANCE)[2]
    for name, D in found.items():
        np.testing.assert_allclose(D, expected[name], atol=1e-11)
    with pytest.raises(ValueError, match="in no cluster"):
        dense.build("unified", H, baths, tolerance=TOLERANCE, clusters=clusters[1:])


def test_couplings_agree_where_no_two_opposite_frequencies_meet():
    """Local and global; Redfield and universal differ at the order that they neglect."""
    frequencies, swaps = (7.5, 7.1, 5.0), (0.3, 0.2)
    differences = {}
    for equation in ("local", "global", "redfield", "universal"):
        J = []
        for coupling in ("rotating-wave", "full"):
            _, bare, H, baths = chain_of_two_level_nodes(frequencies, swaps, phonon(1e-4), coupling)
            J.append(currents(equation, H, baths, **options_of(equation, H, bare, baths))["hot"])
        differences[equation] = abs(J[1] / J[0] - 1)
    assert max(differences["local"], differences["global"]) < 1e-12
    assert all(1e-8 < differences[equation] < 1e-3 for equation in ("redfield", "universal"))


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_bath_at_zero_temperature_only_takes(equation, coupling):
    _, bare, H, baths = anharmonic_network(coupling, (2.0, 0.0))
    J = currents(equation, H, baths, **options_of(equation, H, bare, baths))
    assert J["c"] < -1e-5


@pytest.mark.parametrize("equation", EQUATIONS)
def test_excitations_are_conserved_at_each_node(equation):
    """Rotating wave: what the baths bring to a node leaves through its couplings, ig<a†b - ab†> from A to B."""
    nodes = {"A": (1.0, 2), "B": (1.3, 3, -0.1), "C": (0.8, 2)}
    couplings = [("A", "B", "swap", 0.07), ("B", "C", "swap", 0.05), ("A", "C", "swap", 0.03)]
    a, bare, H = network(nodes, couplings)
    baths = {name: (a[name], T, ohmic(0.02, 5.0), "rotating-wave") for name, T in zip("AC", (2.0, 1.0), strict=True)}
    _, basis, dissipators, _, rho = steady(equation, H, baths, **options_of(equation, H, bare, baths))
    inside = {name: basis.conj().T @ one @ basis for name, one in a.items()}
    left = dict.fromkeys(nodes, 0)
    largest = 0
    for name, one in inside.items():
        left[name] = sum(dense.expectation(one.conj().T @ one, D, rho).real for D in dissipators.values())
    for A, B, _, g in couplings:
        up = inside[A].conj().T @ inside[B]
        current = np.trace(1j * g * (up - up.conj().T) @ rho).real
        left[A] -= current
        left[B] += current
        largest = max(largest, abs(current))
    if equation == "global":
        # It has no coherence between modes, and so no current within the network: each bath feeds all nodes by itself.
        assert largest < 1e-16
        largest = 1e-5
    assert largest >= 1e-5
    assert max(map(abs, left.values())) < 1e-12 * largest


def test_more_digits_agree_with_double_precision():
    frequencies, swaps, J = (7.5, 5.0), (0.3,), phonon(1e-4)
    _, bare, H, baths = chain_of_two_level_nodes(frequencies, swaps, J, "full")
    with mpmath.workdps(35):
        exact_baths = {name: (dense.exact(S), T, J, coupling) for name, (S, T, J, coupling) in baths.items()}
        for equation in EQUATIONS:
            options = options_of(equation, H, bare, baths)
            expected = currents(equation, H, baths, **options)
            if equation == "local":
                options = {"bare": dense.exact(bare)}
            found = currents(equation, dense.exact(H), exact_baths, **options)
            assert abs(sum(found.values())) < 1e-30
            assert float(found["hot"]) == pytest.approx(expected["hot"], rel=1e-12)


def test_more_digits_where_double_precision_has_none():
    """ε = 1e-12: the global current of two-level nodes, by density matrix and by the sum over modes."""
    h, J = hopping((7.0, 5.0), (1e-12,)), phonon(1e-7)
    _, _, H, baths = chain_of_two_level_nodes((7.0, 5.0), (1e-12,), J)
    with mpmath.workdps(60):
        exact_baths = {name: (dense.exact(S), T, J, coupling) for name, (S, T, J, coupling) in baths.items()}
        found = currents("global", dense.exact(H), exact_baths, tolerance=1e-20)
        expected = dense.global_sum(dense.exact(h), {"hot": (0, 12, J), "cold": (1, 10, J)}, 1)
        assert abs(found["hot"] / expected["hot"] - 1) < 1e-20
        assert 0 < expected["hot"] < 1e-25


# --- figures and closed forms ------------------------------------------------------------------------------------


def test_absorption_refrigerator():
    """Three-body coupling g(a_c a_h a_r† + h.c.), local."""
    a, bare, _ = network({"c": (1.0, 2), "h": (3.0, 2), "r": (4.0, 2)}, [])
    three = a["c"] @ a["h"] @ a["r"].conj().T
    baths = {name: (a[name], T, flat(0.01), "rotating-wave") for name, T in zip("chr", (1.0, 4.0, 1.5), strict=True)}
    J = currents("local", bare + 0.05 * (three + three.conj().T), baths, bare=bare)
    # Half a unit of the last digit: h is 1.45927954967e-3.
    assert J["c"] == pytest.approx(4.8642652e-4, abs=5e-12)
    assert J["h"] == pytest.approx(1.4592795e-3, abs=5e-11)
    assert J["r"] == pytest.approx(-1.9457061e-3, abs=5e-11)
    assert J["c"] / J["h"] == pytest.approx(1 / 3, rel=1e-12)


@pytest.mark.parametrize("length", [2, 3, 4])
def test_uniform_chain(length):
    omega, g, J = 5.0, 0.02, phonon(1e-4)
    _, bare, H, baths = chain_of_two_level_nodes([omega] * length, [g] * (length - 1), J)
    ends = [dense.total_rate_and_fraction(J, omega, T) for T in (12.0, 10.0)]
    expected = dense.uniform_chain_current(omega, g, *ends)
    assert currents("local", H, baths, bare=bare)["hot"] == pytest.approx(expected, rel=1e-12)


def test_two_detuned_nodes():
    omega_h, omega_c, g, J = 7.0, 5.0, 0.3, phonon(1e-4)
    a, bare, H, baths = chain_of_two_level_nodes((omega_h, omega_c), (g,), J)
    _, basis, dissipators, _, rho = steady("local", H, baths, bare=bare)
    n_A = basis.conj().T @ a[0].conj().T @ a[0] @ basis
    ends = [dense.total_rate_and_fraction(J, omega, T) for omega, T in ((omega_h, 12.0), (omega_c, 10.0))]
    expected = dense.two_node_excitation_current(omega_h - omega_c, g, *ends)
    assert dense.expectation(n_A, dissipators["hot"], rho).real == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("epsilon", "local", "bare_heat", "global_"),
    [
        (0.01, -5.303535744907015e-07, -9.085574741935975e-07, 3.183595539276735e-07),
        (1.0, -0.004122127251249233, -0.007061684325020539, 0.002916175479273113),
    ],
)
@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_two_level_nodes_at_figure_3(epsilon, local, bare_heat, global_, coupling):
    _, bare, H, baths = chain_of_two_level_nodes((10.0, 5.0), (epsilon,), phonon(1e-4), coupling)
    energies, basis, dissipators, _, rho = steady("local", H, baths, bare=bare)
    assert dense.heat_currents(energies, dissipators, rho)["hot"] == pytest.approx(local, rel=1e-11)
    counted = basis.conj().T @ bare @ basis
    assert dense.heat_currents(counted, dissipators, rho)["hot"] == pytest.approx(bare_heat, rel=1e-11)
    assert currents("global", H, baths)["hot"] == pytest.approx(global_, rel=1e-11)


@pytest.mark.parametrize("delta", [-1, 1])
def test_two_node_global_closed_form(delta):
    h, J = hopping((10.0, 5.0), (1.0,)), phonon(1e-4)
    baths = {"hot": (0, 12.0, J), "cold": (1, 10.0, J)}
    expected = dense.two_node_global_current(10.0, 5.0, 1.0, (12.0, J), (10.0, J), delta)
    assert expected == pytest.approx({-1: 0.00755220620789426, 1: 0.002916175479273113}[delta], rel=1e-14)
    assert dense.global_sum(h, baths, delta)["hot"] == pytest.approx(expected, rel=1e-13)
    _, found = dense.one_body("global", h, baths, statistics=delta, tolerance=TOLERANCE)
    assert found["hot"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
@pytest.mark.parametrize(
    ("frequencies", "swaps"), [((7.5, 7.1, 5.0), (0.3, 0.2)), ((5.0, 5.0, 5.0, 5.0), (0.1, 0.2, 0.3))]
)
def test_chains_of_two_level_nodes_are_free_fermions(frequencies, swaps, coupling):
    J = phonon(1e-4)
    _, bare, H, baths = chain_of_two_level_nodes(frequencies, swaps, J, coupling)
    h, ends = hopping(frequencies, swaps), {"hot": (0, 12.0, J), "cold": (len(frequencies) - 1, 10.0, J)}
    expected = dense.global_sum(h, ends, 1)["hot"]
    assert currents("global", H, baths)["hot"] == pytest.approx(expected, rel=1e-12)
    _, found = dense.one_body("local", h, ends, statistics=1)
    assert currents("local", H, baths, bare=bare)["hot"] == pytest.approx(found["hot"], rel=1e-12)


def test_a_bath_in_the_middle_of_a_chain_is_not_free():
    """The Jordan-Wigner string does not cancel, so that the closed form must not be used there."""
    J = phonon(1e-4)
    a, _, H, _ = chain_of_two_level_nodes((5.0, 5.2, 5.5), (0.3, 0.2), J)
    places = {"hot": (0, 12.0, J), "cold": (1, 3.0, J)}
    baths = {name: (a[j], T, J, "rotating-wave") for name, (j, T, J) in places.items()}
    expected = dense.global_sum(hopping((5.0, 5.2, 5.5), (0.3, 0.2)), places, 1)["hot"]
    assert abs(currents("global", H, baths)["hot"] / expected - 1) > 1e-3


def test_bookkeeping_of_oscillators_at_figure_3():
    """De Chiara and others (2018): heat by H_0, and the work that the local equation hides."""
    h, J = hopping((10.0, 5.0), (0.01,)), phonon(1e-4)
    baths = {"hot": (0, 12.0, J), "cold": (1, 10.0, J)}
    _, Q = dense.one_body("local", h, baths, counted=np.diag(np.diag(h)))
    work = -sum(Q.values())
    assert Q["hot"] == pytest.approx(-3.4772006e-6, rel=2e-8)
    assert Q["cold"] == pytest.approx(1.7386003e-6, rel=2e-8)
    assert Q["cold"] / work == pytest.approx(1.0, rel=1e-10)
    assert -Q["hot"] / 12 - Q["cold"] / 10 == pytest.approx(1.159e-7, rel=1e-3)
    _, full = dense.one_body("local", h, baths)
    assert full["hot"] == pytest.approx(-1.93177809827204e-06, rel=1e-11)
    assert -full["hot"] / 12 - full["cold"] / 10 == pytest.approx(-3.220e-8, rel=1e-3)


# Frequencies, couplings, κ; currents of the hot bath.
THREE_OSCILLATORS = [
    (
        ((10, 7, 5), ("0.05", "0.08"), "1e-6"),
        {"exact": 1.571429e-7, "local": -6.283252e-7, "global": 1.571429e-7, "redfield": 1.571429e-7,
         "universal": 1.571429e-7},
        3.2e-7,
    ),
    (
        ((5, 5, 5), ("1e-4", "1e-4"), "1e-7"),
        {"exact": 1.22374501e-5, "local": 1.22374501e-5, "global": 1.2285253e-5, "redfield": 1.22374501e-5,
         "universal": 1.22374501e-5},
        2.3e-8,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "figures", "last_digit"), THREE_OSCILLATORS)
def test_three_oscillators(parameters, figures, last_digit):
    frequencies, swaps, kappa = parameters
    with mpmath.workdps(30):
        swaps = [mpmath.mpf(g) for g in swaps]
        J = phonon(mpmath.mpf(kappa))
        h = dense.exact(np.diag(np.array(frequencies, object)) + np.diag(swaps, 1) + np.diag(swaps, -1))
        baths = {"hot": (0, 12, J), "cold": (2, 10, J)}
        found = {"exact": dense.landauer(h, baths, digits=12)["hot"]}
        for equation in figures.keys() - {"exact"}:
            found[equation] = dense.one_body(equation, h, baths, tolerance=mpmath.mpf(10) ** -20)[1]["hot"]
    assert {name: float(J) for name, J in found.items()} == pytest.approx(figures, rel=last_digit)


def test_sum_over_modes_is_the_one_body_matrix():
    """Oscillators with a bath on each of three nodes, one at T = 0."""
    h = hopping((5.0, 4.0, 6.0), (0.3, 0.5))
    baths = {"a": (0, 3.0, phonon(1e-3)), "b": (1, 0.0, phonon(1e-3)), "c": (2, 1.0, phonon(2e-3))}
    _, found = dense.one_body("global", h, baths, tolerance=TOLERANCE)
    assert found == pytest.approx(dense.global_sum(h, baths, -1), rel=1e-12)


# Gap in units of γ_0 = J(5); over the exact current, minus 1: local where Δ = 2ε; global, universal and Redfield, one
# cluster where Δ = 0. A bound is given as (0, bound).
CLUSTERS = [
    (1, (-1e-5, 5e-7), (1.0, 5e-2), (0, 1e-8), (0, 1e-8)),
    (30, (-2.9e-4, 5e-6), (1.1e-3, 5e-5), (0, 1e-8), (0, 1e-8)),
    (1000, (-9.7e-3, 5e-5), (1.0e-6, 5e-8), (0, 1e-8), (-4.5e-6, 5e-8)),
    (1e5, (-0.90, 5e-3), (-6e-6, 5e-7), (-6e-6, 5e-7), (-4e-2, 5e-3)),
]


@pytest.mark.parametrize(("ratio", "local", "global_", "between", "cluster"), CLUSTERS)
def test_where_to_cut_the_clusters(ratio, local, global_, between, cluster):
    with mpmath.workdps(30):
        J = phonon(mpmath.mpf("1e-7"))
        gap = ratio * J(5)
        baths = {"hot": (0, 12, J), "cold": (1, 10, J)}

        def errors(epsilon, detuning, equations):
            h = dense.exact(np.array([[5 + detuning, epsilon], [epsilon, mpmath.mpf(5)]], dtype=object))
            exact = dense.landauer(h, baths, digits=12)["hot"]
            modes = list(dense.eigh(h)[0])
            options = {"tolerance": mpmath.mpf(10) ** -20, "clusters": dense.clusters_by_gap(modes, 2 * gap)}
            return [dense.one_body(equation, h, baths, **options)[1]["hot"] / exact - 1 for equation in equations]

        epsilon = gap / mpmath.sqrt(8)
        found = errors(epsilon, 2 * epsilon, ["local"]) + errors(
            gap / 2, 0 * gap, ["global", "universal", "redfield", "unified"]
        )
    for value, (figure, distance) in zip(found, (local, global_, between, between, cluster), strict=True):
        assert float(value) == pytest.approx(figure, abs=distance)


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize(
    ("frequencies", "swaps", "excitations"), [((5.0, 4.8), (0.1,), 4), ((5.0, 4.8, 4.7), (0.1, 0.05), 3)]
)
def test_density_matrices_of_oscillators_agree_with_their_one_body_matrix(equation, frequencies, swaps, excitations):
    """At temperatures of a tenth of the frequencies, where the states left out weigh (M + 1) e^(-ω(M + 1)/T)."""
    J = phonon(1e-4)
    nodes = {j: (omega, excitations + 1) for j, omega in enumerate(frequencies)}
    a, bare, H = network(nodes, [(j, j + 1, "swap", g) for j, g in enumerate(swaps)], excitations)
    places = {"hot": (0, 0.6, J), "cold": (len(nodes) - 1, 0.4, J)}
    baths = {name: (a[j], T, J, "rotating-wave") for name, (j, T, J) in places.items()}
    h = hopping(frequencies, swaps)
    # The spectrum has 2 or 3 modes; cutoff and gap separate some of them.
    cutoff = 0.2 if len(nodes) == 3 else 0.5
    options = options_of(equation, H, bare, baths, cutoff, cutoff)
    energies, basis, dissipators, _, rho = steady(equation, H, baths, **options)
    G, expected = dense.one_body(
        equation,
        h,
        places,
        tolerance=TOLERANCE,
        cutoff=cutoff,
        clusters=dense.clusters_by_gap(np.linalg.eigvalsh(h), cutoff),
    )
    left_out = 1e2 * math.exp(-4.5 * excitations / 0.6)
    found = dense.heat_currents(energies, dissipators, rho)
    assert found == pytest.approx(expected, rel=max(left_out, 1e-12))
    inside = [basis.conj().T @ one @ basis for one in a.values()]
    moments = [[np.trace(up.conj().T @ one @ rho) for up in inside] for one in inside]
    np.testing.assert_allclose(moments, G, atol=max(left_out, 1e-12) * np.max(np.abs(G)))


@pytest.mark.parametrize("coupling", ["rotating-wave", "full"])
def test_decomposition_by_normal_modes_is_that_by_levels_but_for_the_truncation(coupling):
    """Exactly so in a space cut at total excitations, where swaps turn the nodes' operators into the modes'."""
    frequencies, swaps, J = (5.0, 4.8), (0.1,), phonon(1e-4)
    a, _, H = network({j: (omega, 4) for j, omega in enumerate(frequencies)}, [(0, 1, "swap", 0.1)], 3)
    places = {"hot": (0, 4.0), "cold": (1, 3.0)}
    by_levels = {name: (a[j], T, J, coupling) for name, (j, T) in places.items()}
    by_modes = {
        name: (dense.mode_components(hopping(frequencies, swaps), list(a.values()), j, TOLERANCE), T, J, coupling)
        for name, (j, T) in places.items()
    }
    for equation in ("global", "redfield", "universal"):
        expected = currents(equation, H, by_levels)
        assert currents(equation, H, by_modes) == pytest.approx(expected, rel=1e-11)


def test_equal_modes_are_one_component():
    """A ring of three equal nodes has two equal modes; what they share of a node does not depend on their basis."""
    h = np.array([[5.0, 0.1, 0.1], [0.1, 5.0, 0.1], [0.1, 0.1, 5.0]])
    a = list(dense.ladders(dict.fromkeys(range(3), (5.0, 3)), 2).values())
    (low, pair), (high, symmetric) = dense.mode_components(h, a, 0, TOLERANCE)
    assert (low, high) == pytest.approx((4.9, 5.2), rel=1e-14)
    np.testing.assert_allclose(symmetric, (a[0] + a[1] + a[2]) / 3, atol=1e-14)
    np.testing.assert_allclose(pair, (2 * a[0] - a[1] - a[2]) / 3, atol=1e-14)


def test_rotating_wave_coupling_has_a_direction():
    _, _, H, baths = chain_of_two_level_nodes((7.0, 5.0), (0.3,), phonon(1e-4))
    S = baths["hot"][0]
    with pytest.raises(ValueError, match="lowering part"):
        currents("global", H, {"hot": (S + S.conj().T, 12.0, phonon(1e-4), "rotating-wave")})


def test_exact_current_in_two_precisions():
    with mpmath.workdps(40):
        J = phonon(mpmath.mpf("1e-7"))
        h = dense.exact(np.array([[mpmath.mpf(10), mpmath.mpf("1e-3")], [mpmath.mpf("1e-3"), mpmath.mpf(5)]]))
        baths = {"hot": (0, 12, J), "cold": (1, 10, J)}
        coarse, fine = (dense.landauer(h, baths, digits=digits) for digits in (12, 22))
        assert abs(coarse["hot"] / fine["hot"] - 1) < 1e-13
        assert abs(fine["hot"] + fine["cold"]) < 1e-40
        ratios = {
            equation: float(dense.one_body(equation, h, baths, tolerance=mpmath.mpf(10) ** -20)[1]["hot"] / fine["hot"])
            for equation in ("local", "global", "universal", "redfield")
        }
    # Had once with other panels, in ω = x + w sinh(u) around each pole.
    assert float(fine["hot"]) == pytest.approx(8.45016111317632e-12, rel=1e-13)
    # Local has the wrong sign here; the others are off by the finite coupling only.
    assert ratios["local"] == pytest.approx(-2.29, abs=5e-3)
    for equation in ("global", "universal", "redfield"):
        assert ratios[equation] == pytest.approx(1 - 3.08e-5, abs=1e-7)


# --- level shift -------------------------------------------------------------------------------------------------


def test_level_shift_of_an_ohmic_bath_at_zero_temperature():
    """P∫_0^∞ ν e^(-ν/c)/(ω - ν) dν = ω e^(-ω/c) Ei(ω/c) - c."""
    c, gamma = 3.0, lambda nu: nu * math.exp(-nu / 3.0) if nu > 0 else 0.0
    for omega in (0.3, 2.0, 9.0, -2.0):
        expected = (omega * math.exp(-omega / c) * scipy.special.expi(omega / c) - c) / (2 * math.pi)
        assert dense.level_shift(gamma, [c], omega) == pytest.approx(expected, rel=1e-9)


def test_level_shift_against_quadrature_with_a_cauchy_weight_and_in_more_digits():
    gamma = functools.partial(dense.rate, ohmic(0.3, 5.0), 2.0)
    for omega in (1.3, -1.3, 0.0):
        near = integrate.quad(gamma, -20, 20, weight="cauchy", wvar=omega, epsabs=1e-13, limit=400)[0]
        far = sum(
            integrate.quad(lambda nu, omega=omega: gamma(nu) / (nu - omega), *ends, epsabs=1e-14)[0]
            for ends in ((20, np.inf), (-np.inf, -20))
        )
        found = dense.level_shift(gamma, [5.0, -5.0], omega)
        assert found == pytest.approx(-(near + far) / (2 * math.pi), rel=1e-9)
    with mpmath.workdps(20):
        assert float(dense.level_shift(gamma, [5, -5], mpmath.mpf(1.3))) == pytest.approx(
            dense.level_shift(gamma, [5.0, -5.0], 1.3), rel=1e-9
        )


def test_level_shift_of_one_excitation_beside_a_band():
    """Sign and size, by diagonalising a node with a bath of many modes of which none is resonant."""
    omega, count, strength = 1.0, 400, 1e-4
    nu = 2 + (np.arange(count) + 0.5) / count  # a band from 2 to 3
    J = lambda x: strength * (x - 2) * (3 - x) if 2 < x < 3 else 0.0  # noqa: E731
    couplings = np.sqrt([J(x) / (2 * math.pi * count) for x in nu])
    H = np.diag([omega, *nu])
    H[0, 1:] = H[1:, 0] = couplings
    gamma = lambda x: J(x) if x > 0 else 0.0  # noqa: E731
    shift = np.linalg.eigvalsh(H)[0] - omega
    assert shift < 0
    assert dense.level_shift(gamma, [2.0, 3.0], omega) == pytest.approx(shift, rel=1e-4)


@pytest.mark.parametrize(("omega", "omega_"), [(1.1, 1.1), (1.1, -0.4), (-0.4, 1.1), (0.0, 0.7)])
def test_universal_level_shift_from_its_definition_in_time(omega, omega_):
    """f = (1/2i) ∫∫ sgn(t - t′) g(t) g(-t′) e^(iωt - iω′t′), for √γ a Lorentzian around ω_0: g = e^(-k|t| - iω_0t)."""
    k, center = 0.8, 0.5
    sqrt_gamma = lambda nu: 2 * k / (k**2 + (nu - center) ** 2)  # noqa: E731
    found = dense.universal_level_shift(lambda nu: sqrt_gamma(nu) ** 2, [center], omega, omega_)
    u, u_ = omega - center, omega_ - center

    def earlier(t):
        """∫_(-∞)^t e^(-k|t′| - iu′t′) dt′."""
        if t < 0:
            return np.exp((k - 1j * u_) * t) / (k - 1j * u_)
        return 1 / (k - 1j * u_) + (1 - np.exp(-(k + 1j * u_) * t)) / (k + 1j * u_)

    whole = 2 * k / (k**2 + u_**2)

    def integrand(t):
        return np.exp(-k * abs(t) + 1j * u * t) * (2 * earlier(t) - whole) / 2j

    expected = sum(integrate.quad(integrand, *ends, complex_func=True)[0] for ends in ((-60, 0), (0, 60)))
    assert abs(expected.imag) < 1e-10
    assert found == pytest.approx(expected.real, rel=1e-8)


def three_levels():
    """H, a bath and where its spectrum changes scale; no two gaps alike, transitions between all levels."""
    H = np.diag([0.0, 1.0, 2.3]).astype(complex)
    S = np.array([[0.2, 1.0, 0.5 + 0.3j], [1.0, -0.4, 0.8], [0.5 - 0.3j, 0.8, 0.1]])
    return H, {"bath": (S, 0.7, ohmic(1.0, 4.0), "full")}, [-4.0, 4.0]


def second_order(equation, shifted=True):
    """-i[H, .], and what the bath adds with a strength of 1, for three_levels."""
    H, baths, breaks = three_levels()
    options = {"shift_breaks": breaks} if shifted else {}
    _, _, dissipators, shifts = dense.build(equation, H, baths, tolerance=TOLERANCE, **options)
    added = dissipators["bath"]
    if shifts:
        added = added + dense.commutator(shifts["bath"])
    return dense.commutator(H), added


def distance_of_spectra(one, other, free, strength):
    """Largest distance of the eigenvalues of two generators, matched by the frequency that they start from."""
    found, expected = (np.linalg.eigvals(free + strength * added) for added in (one, other))
    return max(min(abs(x - y) for y in expected) for x in found)


def test_universal_and_redfield_agree_at_second_order_with_the_shift_only():
    """They differ by a small change of basis: eigenvalues are the same up to the square of the strength."""
    free, redfield = second_order("redfield")
    _, universal = second_order("universal")
    _, without = second_order("universal", shifted=False)
    far, near = (distance_of_spectra(universal, redfield, free, strength) for strength in (1e-3, 5e-4))
    assert far / near == pytest.approx(4, rel=0.05)
    far_without, near_without = (distance_of_spectra(without, redfield, free, s) for s in (1e-3, 5e-4))
    assert far_without / near_without == pytest.approx(2, rel=0.05)
    assert far < 0.05 * far_without


def test_shifts_have_the_same_secular_part():
    """f(ω, ω) = σ(ω): without what joins different frequencies the universal shift is that of Davies."""
    H, baths, breaks = three_levels()
    davies = dense.build("global", H, baths, tolerance=TOLERANCE, shift_breaks=breaks)[3]["bath"]
    universal = dense.build("universal", H, baths, tolerance=TOLERANCE, shift_breaks=breaks)[3]["bath"]
    np.testing.assert_allclose(universal, universal.conj().T, atol=1e-10)
    np.testing.assert_allclose(np.diag(np.diag(universal)), davies, atol=1e-8)
    assert np.max(np.abs(universal - davies)) > 1e-2


def test_redfield_with_the_shift_and_no_cutoff_is_global_with_it():
    H, baths, breaks = three_levels()
    build = functools.partial(dense.build, hamiltonian=H, baths=baths, tolerance=TOLERANCE, shift_breaks=breaks)
    _, _, cut, nothing = build("partial_secular", cutoff=0.0)
    assert nothing == {}
    _, _, davies, shifts = build("global")
    np.testing.assert_allclose(cut["bath"], davies["bath"] + dense.commutator(shifts["bath"]), atol=1e-10)
