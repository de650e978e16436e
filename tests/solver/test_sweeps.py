"""The sweeps: Sylvester equations, and what they are exact for."""

import numpy as np
import pytest

from qnet_qutip.solver.sweeps import schur_sylvester, sylvester


@pytest.mark.parametrize("solver", [lambda k: sylvester(k, 1.0), schur_sylvester])
def test_sylvester(solver):
    generator = np.random.default_rng(3)
    hermitian = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    effective = hermitian + hermitian.conj().T - 1j * np.diag(generator.uniform(0.1, 1.0, 5))
    source = generator.normal(size=(5, 5)) + 1j * generator.normal(size=(5, 5))
    rho = solver(effective)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    assert np.abs(image - source).max() < 1e-12 * np.abs(source).max()


def test_sylvester_at_an_exceptional_point():
    """Two nodes whose damping differs by 4ε have one eigenvector only; the Schur form takes over."""
    effective = np.array([[1.0 - 1.0j, 0.5], [0.5, 1.0]], dtype=complex)
    assert np.abs(np.linalg.eigvals(effective)[0] - np.linalg.eigvals(effective)[1]) < 1e-6
    source = np.array([[1.0, 0.3j], [-0.3j, 2.0]])
    rho = sylvester(effective, 1.0)(source)
    image = -1j * (effective @ rho - rho @ effective.conj().T)
    # The form adds a loss of 1e-12 of the scale, which this point amplifies by its square.
    assert np.abs(image - source).max() < 1e-10
