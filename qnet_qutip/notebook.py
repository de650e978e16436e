"""Sliders for a notebook: what any parameter of a network does to its heat currents by every master equation, at once.

Needs ipywidgets: ``pip install qnet-qutip[notebook]``.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from qnet_qutip import checks
from qnet_qutip.comparison import compare
from qnet_qutip.html import comparison_html, failure_html, network_html
from qnet_qutip.network import Network
from qnet_qutip.parameters import Parameter, network_parameters, with_parameter

if TYPE_CHECKING:
    from ipywidgets import FloatLogSlider, FloatSlider, VBox

DECADES, TIMES = 3, 3
"""Reach of a logarithmic slider on either side of the value, and of a linear one above it."""


def explore(network: Network, parameters: Sequence[str] | None = None) -> VBox:
    """Sliders for the parameters of a network, and its schematic and `compare` as they follow.

    Two nodes, and oscillators by one-body matrices, follow in less than 0.1 s.

    Parameters
    ----------
    network : Network
        Where the sliders start.
    parameters : list of str, optional
        Which parameters have a slider, by their symbols in `network_parameters`, for instance "ε of A – B"; by default
        all.

    Returns
    -------
    ipywidgets.VBox
        A notebook shows it as the last value of a cell.

    Raises
    ------
    ImportError
        If ipywidgets is not installed.
    TypeError, ValueError
        If it is not a network, has no such parameter, or cannot be compared.
    """
    widgets = _ipywidgets()
    known = {parameter.symbol: parameter for parameter in network_parameters(network)}
    names = list(known) if parameters is None else list(parameters)
    for name in names:
        checks.one_of("a parameter", name, list(known))
    sliders = {name: _slider(widgets, known[name]) for name in names}
    panel = widgets.HTML(panel_html(network))

    def redraw(_: object) -> None:
        try:
            changed = network
            for name, slider in sliders.items():
                changed = with_parameter(changed, known[name], slider.value)
            panel.value = panel_html(changed)
        except (ValueError, ArithmeticError) as error:
            # A slider may go where there is no steady state: a soft mode, a temperature of zero.
            panel.value = failure_html(error)

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    grid = widgets.Layout(grid_template_columns="repeat(auto-fill, minmax(320px, 1fr))")
    return widgets.VBox([widgets.GridBox(list(sliders.values()), layout=grid), panel])


def panel_html(network: Network) -> str:
    """What `explore` shows below its sliders: the network, and every equation beside the exact answer."""
    return network_html(network, tables=False) + comparison_html(compare(network))


def _ipywidgets() -> ModuleType:
    try:
        return importlib.import_module("ipywidgets")
    except ImportError as error:
        raise ImportError("sliders need ipywidgets: pip install 'qnet-qutip[notebook]'") from error


def _slider(widgets: ModuleType, parameter: Parameter) -> FloatSlider | FloatLogSlider:
    """Logarithmic for what spans decades, strengths and κ; linear for frequencies, temperatures and what has a sign."""
    value = parameter.value
    style = {
        "description": parameter.symbol,
        "style": {"description_width": "96px"},
        "value": value,
        "readout_format": ".3g",
    }
    if parameter.kind in ("coupling", "spectrum") and value > 0:
        exponent = round(math.log10(value))
        return widgets.FloatLogSlider(min=exponent - DECADES, max=exponent + DECADES, step=0.05, **style)
    reach = TIMES * abs(value) or 1.0
    lowest = -reach if parameter.kind == "coupling" else 0.0 if parameter.kind == "bath" else reach / 300
    return widgets.FloatSlider(min=lowest, max=reach, step=reach / 300, **style)
