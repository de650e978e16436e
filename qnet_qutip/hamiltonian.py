"""The Hamiltonian of a network in any space, eq. (2), from the lowering operators of its nodes.

Every space is closed under the nodes' lowering operators. A product that lowers first and raises afterwards is then
exactly the block of the infinite matrix that the space keeps, whether it is cut level by level or at a total number of
excitations, or holds normal modes. Every term is written so, or as the Hermitian conjugate of a product that only
lowers: a† b† is (ab)†, and drops what it would raise out of the space.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

import qutip
from qutip import data

from qnet_qutip.modes import NormalModes
from qnet_qutip.network import Dispersive, Network, Oscillator, Quadrature, Swap, coupling_terms
from qnet_qutip.solver.generator import in_rows
from qnet_qutip.solver.process_settings import every_entry_kept


def network_hamiltonian(network: Network, lowering: Mapping[str, qutip.Qobj]) -> qutip.Qobj:
    """H_0 and the couplings, eq. (2).

    Parameters
    ----------
    network : Network
    lowering : mapping of str to Qobj
        Each node's lowering operator, all in the same space.

    Returns
    -------
    Qobj
        Sparse, Hermitian: Σ ω a†a + (α/2) a†a†aa over the nodes, and over the couplings ε(a†b + b†a),
        g(a + a†)(b + b†) and χ a†a b†b.

    Examples
    --------
    >>> import qnet_qutip as qn
    >>> net = qn.chain([qn.TwoLevel(5)] * 2, qn.Quadrature(0.1))
    >>> a, b = qutip.tensor(qutip.destroy(2), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.destroy(2))
    >>> h = network_hamiltonian(net, {"A": a, "B": b})
    >>> h == 5 * (a.dag() * a + b.dag() * b) + 0.1 * (a + a.dag()) * (b + b.dag())
    True
    """
    return _summed(lowering, itertools.chain(_bare_terms(network, lowering), _coupled_terms(network, lowering)))


def mode_hamiltonian(modes: NormalModes, ladder: Mapping[str, qutip.Qobj]) -> qutip.Qobj:
    """Σ ω_k d_k†d_k over the normal modes, eq. (10): the same H but for the energy of the vacuum."""
    return sum(frequency * (ladder[mode].dag() * ladder[mode]) for mode, frequency in modes.frequencies.items()).to(
        "CSR"
    )


def bare_hamiltonian(network: Network, lowering: Mapping[str, qutip.Qobj]) -> qutip.Qobj:
    """H_0 of eq. (2), the nodes without their couplings: Σ ω a†a + (α/2) a†a†aa.

    Parameters and result are those of `network_hamiltonian`.
    """
    return _summed(lowering, _bare_terms(network, lowering))


def _bare_terms(network: Network, lowering: Mapping[str, qutip.Qobj]) -> Iterator[tuple[float, data.Data]]:
    for name, node in network.nodes.items():
        a = lowering[name].data
        # (ω a†)a, not ω(a†a): the same figures to the last digit as from QuTiP's own products.
        yield 1.0, data.matmul(data.mul(data.adjoint(a), node.frequency), a)
        if isinstance(node, Oscillator) and node.anharmonicity:
            twice = data.matmul(a, a)
            yield node.anharmonicity / 2, data.matmul(data.adjoint(twice), twice)


def _coupled_terms(network: Network, lowering: Mapping[str, qutip.Qobj]) -> Iterator[tuple[float, data.Data]]:
    for first, second, term in coupling_terms(network):
        a, b = lowering[first].data, lowering[second].data
        if not isinstance(term, Swap):
            both = data.matmul(a, b)
        if isinstance(term, Dispersive):
            yield term.strength, data.matmul(data.adjoint(both), both)
            continue
        half = data.matmul(data.adjoint(a), b)
        if isinstance(term, Quadrature):
            half = data.add(half, both)
        yield term.strength, data.add(half, data.adjoint(half))


def _summed(lowering: Mapping[str, qutip.Qobj], terms: Iterable[tuple[float, data.Data]]) -> qutip.Qobj:
    """Σ strength · matrix as an operator of the space; on the matrices alone, in a fifth of the time of operators."""
    # A copy of an operator with other entries has its dimensions, those of an excitation-cut space included.
    hamiltonian = next(iter(lowering.values())).copy()
    with every_entry_kept():
        total = data.zeros[data.CSR](*hamiltonian.shape)
        for strength, matrix in terms:
            total = data.add(total, matrix, strength)
    hamiltonian.data = total
    return in_rows(hamiltonian)
