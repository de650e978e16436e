"""Sweeps that several tests share."""

import os
import sys

import qnet_qutip as qn

COLD = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 3.0, "T_c": 2.0, "kappa": 1e-4}
FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
EPSILON = [0.01, 0.1, 0.5, 1.0]
BOTH = ["local", "global"]

# For processes of their own: they import what these tests do.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def two_level_sweep(**options):
    return qn.sweep("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3, **options)


def network_with_three_nodes(epsilon, temperature):
    spectrum = qn.PhononSpectrum(1e-4)
    return qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(7), "C": qn.TwoLevel(5)},
        couplings={("A", "B"): epsilon, ("B", "C"): epsilon},
        baths={"left": qn.Bath("A", temperature, spectrum), "right": qn.Bath("C", 10, spectrum)},
    )


def same_numbers(first, second):
    return first.drop_vars("seconds").identical(second.drop_vars("seconds"))


def known_up_to_two_tenths(epsilon):
    """A pair whose hot temperature is looked up, and found at two couplings only."""
    return qn.two_node("two-level", **{**COLD, "T_h": {0.1: 12.0, 0.2: 10.0}[epsilon], "epsilon": epsilon})
