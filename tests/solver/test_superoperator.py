"""The generator on the sectors against the Liouvillian, in double and in double-double precision."""

import mpmath
import numpy as np
import pytest
import qutip
from problems import chain, cut_at_excitations, fig3

import qnet_qutip as qn
from qnet_qutip.solver.generator import build_generator, sparse_matrix
from qnet_qutip.solver.superoperator import on_sectors


@pytest.mark.parametrize(
    "build",
    [
        lambda: fig3(4),
        lambda: cut_at_excitations(qn.local_master_equation),
        lambda: cut_at_excitations(qn.global_master_equation),
        lambda: qn.global_master_equation(chain(2, 0.5)),
        lambda: qn.local_master_equation(chain(3, 0.5, [5.0, 6.0, 7.0])),
    ],
)
def test_every_form_of_the_generator_is_the_liouvillian(build):
    equation = build()
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    flat = np.random.default_rng(1).normal(size=sectors.unknowns)
    rho, hamiltonian = sectors.unpack(flat), sparse_matrix(equation.hamiltonian)
    expected = (-1j * (hamiltonian @ rho - rho @ hamiltonian)).toarray()
    currents = {}
    for bath, operators in equation.collapse_operators.items():
        part = np.zeros(rho.shape, dtype=complex)
        for operator in operators:
            jump = sparse_matrix(operator)
            loss = jump.conj().T @ jump
            part += (jump @ rho @ jump.conj().T - 0.5 * (loss @ rho + rho @ loss)).toarray()
        currents[bath] = np.trace(hamiltonian @ part).real
        expected += part
    scale = np.abs(expected).max() * equation.space.dimension * np.finfo(float).eps * 100
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected).max() < scale
    energy = np.abs(hamiltonian.diagonal()).max() * equation.space.dimension
    for bath, current in currents.items():
        assert heat[bath] == pytest.approx(current, abs=scale * energy)
        assert generator.functionals[bath](flat) == pytest.approx(current, abs=scale * energy)


def test_complex_operators_and_pairs_are_the_liouvillian():
    """Hopping with a phase, and pairs ΛρS† + SρΛ† - S†Λρ - ρΛ†S whose weights are complex."""
    random = np.random.default_rng(5)
    a, b = qutip.tensor(qutip.destroy(4), qutip.qeye(3)), qutip.tensor(qutip.qeye(4), qutip.destroy(3))
    hop = (0.7 + 0.4j) * a.dag() * b
    hamiltonian = 2.0 * a.dag() * a + 1.5 * b.dag() * b + hop + hop.dag()
    phases = [qutip.tensor(qutip.qdiags(np.exp(2j * np.pi * random.random(4)), 0), qutip.qeye(3)) for _ in range(2)]
    pairs = {"hot": [(a, phases[0] * a)], "cold": [b, (phases[1] * b, (0.3 - 0.2j) * b)]}
    generator = on_sectors(build_generator(hamiltonian, pairs))
    sectors = generator.sectors
    flat = np.random.default_rng(2).normal(size=sectors.unknowns)
    rho = qutip.Qobj(sectors.unpack(flat).toarray(), dims=hamiltonian.dims)
    expected = -1j * (hamiltonian * rho - rho * hamiltonian)
    currents = {}
    for bath, members in pairs.items():
        part = 0 * rho
        for member in members:
            s, filtered = member if isinstance(member, tuple) else (member, member / 2)
            term = filtered * rho * s.dag() - s.dag() * filtered * rho
            part += term + term.dag()
        currents[bath] = (hamiltonian * part).tr().real
        expected += part
    residual, heat = generator.residual_and_currents((flat, np.zeros_like(flat)))
    for image in (generator.matrix @ flat, generator.dense @ flat, generator.blocks(flat), residual):
        assert np.abs(sectors.unpack(image).toarray() - expected.full()).max() < 1e-13 * np.abs(expected.full()).max()
    assert heat == pytest.approx(currents, rel=1e-12)


def test_doubled_generator_has_32_digits():
    """One entry of L(ρ) at thermal occupation, where gain and loss cancel to 1e-16, against 50-digit arithmetic."""
    spectrum = qn.PhononSpectrum(0.3)
    network = qn.Network({"A": qn.TwoLevel(1.7)}, {}, {"hot": qn.Bath("A", 1.3, spectrum)})
    equation = qn.local_master_equation(network)
    generator = on_sectors(build_generator(equation.hamiltonian, equation.collapse_operators))
    sectors = generator.sectors
    down, up = (sparse_matrix(operator).toarray().real.max() for operator in equation.collapse_operators["hot"])
    with mpmath.workdps(50):
        gain, loss = mpmath.mpf(up) ** 2, mpmath.mpf(down) ** 2
        excited = float(gain / (gain + loss))
        populations = np.array([1.0 - excited, excited])
        exact = gain * mpmath.mpf(populations[0]) - loss * mpmath.mpf(populations[1])
    excited_state = int(np.argmax(equation.space.occupations[:, 0]))
    flat = np.zeros(2)
    flat[np.argsort(sectors.order)] = populations if excited_state == 1 else populations[::-1]
    _, currents = generator.residual_and_currents((flat, np.zeros(2)))
    assert abs(float(exact)) < 1e-16  # what double precision would make of it is noise
    assert currents["hot"] == pytest.approx(float(exact * mpmath.mpf(1.7)), rel=1e-12)
