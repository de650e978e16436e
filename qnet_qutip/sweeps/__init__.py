"""Sweeps: one function from parameters to a labelled dataset, on any executor. Loaded when used, as it needs xarray.

`parameter_sweep` reads like the sweep itself; what it takes is in `grid`, `system` and `observables`, one point in
`point`, where the points are solved in `engines`, what is left of a killed sweep in `checkpoint`, both together in
`gathering`, and the result in `dataset`. `closed_forms` and `one_body` are the ways of what needs no density matrix.
"""

from qnet_qutip.sweeps.dataset import relative_deviation
from qnet_qutip.sweeps.observables import OBSERVABLES, Observable
from qnet_qutip.sweeps.parameter_sweep import FailedPointWarning, sweep

__all__ = ["OBSERVABLES", "FailedPointWarning", "Observable", "relative_deviation", "sweep"]
