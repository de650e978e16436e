"""Exact answers: networks of oscillators by quantum Langevin equations."""

from qnet_qutip.exact import hierarchy
from qnet_qutip.exact.landauer import ExactState, steady_state
from qnet_qutip.exact.model import NoExactAnswerError
from qnet_qutip.exact.quadrature import QuadratureError
from qnet_qutip.exact.self_energy import NoCutoffError

__all__ = ["ExactState", "NoCutoffError", "NoExactAnswerError", "QuadratureError", "hierarchy", "steady_state"]
