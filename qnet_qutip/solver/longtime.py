"""The steady state that a given state evolves to, where there are several: its average over long times.

The resolvent s(s - L)⁻¹ leaves every steady state as it is, keeps all conserved quantities, and damps what decays or
rotates at rate g by s/(s + g). Applied with smaller and smaller s it projects onto the steady states. Each step solves
(s - L)δ = L(ρ) for the change δ of ρ, so that the error of a step, which grows as 1/s, shrinks with what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from qnet_qutip.solver.blocks import BlockGenerator, block_generator, effective_blocks
from qnet_qutip.solver.doubled import DoubledGenerator
from qnet_qutip.solver.generator import Dissipator, Generator
from qnet_qutip.solver.iteration import ConvergenceError, Solution
from qnet_qutip.solver.sectors import Real, Sectors, find_sectors, hermitian, real_form
from qnet_qutip.solver.sylvester import schur_sylvester

SLOWNESSES = tuple(10.0**-exponent for exponent in range(1, 7))
"""Values of s as fractions of the largest rate; what decays slower than the last one takes many steps."""

PROJECTION_TOLERANCE = 1e-9
"""Relative change of ρ in a step with the smallest s at which the projection is complete."""


def long_time_state(generator: Generator, rho0: sp.csr_array, *, max_iterations: int) -> Solution:
    """Long-time average of the evolution of a state.

    Parameters
    ----------
    generator : Generator
    rho0 : csr_array, shape (dimension, dimension)
        The initial state, of unit trace.
    max_iterations : int
        Limit on the applications of the generator.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError
        If the limit is reached first.
    """
    sectors = find_sectors(generator, rho0)
    ordered = generator.permuted(sectors.order)
    generate = block_generator(ordered, sectors)
    scale = max(float(np.abs(block).max()) for block in effective_blocks(ordered, sectors)) or 1.0
    rho, iterations, change = sectors.pack(rho0), 0, np.inf
    steps = [_resolvent_step(ordered, sectors, generate, slowness * scale) for slowness in SLOWNESSES]
    while change > PROJECTION_TOLERANCE:
        if iterations >= max_iterations:
            raise ConvergenceError(
                f"the long-time state was not reached within {iterations} iterations: the last step still changed it "
                f"by {change:.1e}; raise max_iterations"
            )
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        difference, count = step(rho)
        rho, iterations = rho + difference, iterations + count
        change = float(np.linalg.norm(difference) / np.linalg.norm(rho)) if len(steps) == 1 else np.inf
    rho = rho / rho[sectors.diagonal_places()].sum()
    doubled = DoubledGenerator(ordered, sectors)
    residual, currents = doubled.residual_and_currents((rho, np.zeros_like(rho)))
    return Solution(sectors.unpack(rho), currents, float(np.linalg.norm(residual)), iterations, {}, {}, sectors)


def _resolvent_step(
    ordered: Generator, sectors: Sectors, generate: BlockGenerator, decay: float
) -> Callable[[Real], tuple[Real, int]]:
    """The map from ρ to the solution δ of (s - L)δ = L(ρ), with the number of iterations that it took."""
    # A loss of s on every state turns L into L - s, whose Sylvester part is inverted block by block.
    identity = sp.csr_array(sp.eye_array(ordered.dimension, dtype=complex))
    everywhere = Dissipator(jumps=(), loss_factors=(), loss=sp.csr_array(decay / 2 * identity))
    with_loss = Generator(ordered.hamiltonian, {**ordered.dissipators, "resolvent": everywhere})
    shifted = block_generator(with_loss, sectors)
    solvers = [schur_sylvester(block) for block in effective_blocks(with_loss, sectors)]

    def precondition(flat: Real) -> Real:
        result = np.empty_like(flat)
        for out, solver, block in zip(sectors.blocks(result), solvers, sectors.blocks(flat), strict=True):
            out[:] = real_form(solver(hermitian(block)))
        return result

    def matvec(vector: Real) -> Real:
        return precondition(shifted(np.ascontiguousarray(vector).ravel()))

    size = sectors.unknowns
    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=matvec, dtype=float)

    def step(rho: Real) -> tuple[Real, int]:
        source = precondition(-generate(rho))
        norm = float(np.linalg.norm(source))
        if norm == 0.0:
            return np.zeros_like(rho), 1
        counted: list[float] = []
        solution, _ = scipy.sparse.linalg.gmres(
            operator,
            source / norm,
            rtol=1e-13,
            atol=0.0,
            restart=min(60, size),
            maxiter=5,
            callback=counted.append,
            callback_type="pr_norm",
        )
        return norm * solution, max(len(counted), 1)

    return step
