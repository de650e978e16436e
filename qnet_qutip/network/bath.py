"""A heat bath on a node: its temperature, its spectral density and how it is coupled."""

from __future__ import annotations

from dataclasses import dataclass

from qutip import BosonicEnvironment

from qnet_qutip import checks
from qnet_qutip.environments import EnvironmentSpectrum
from qnet_qutip.spectra import SpectralDensity

BATH_COUPLINGS = ("rotating-wave", "full")


@dataclass(frozen=True)
class Bath:
    """A heat bath on one node.

    Parameters
    ----------
    node : str
        Name of the node that the bath is coupled to.
    temperature : float
        T ≥ 0, in units of frequency. May be left out beside a QuTiP environment that has one.
    spectrum : SpectralDensity or qutip.BosonicEnvironment
        The bath's spectral density, for instance `PhononSpectrum(kappa)`. A QuTiP environment becomes an
        `EnvironmentSpectrum` and brings its temperature along.
    coupling : {"rotating-wave", "full"}, optional
        How the node's lowering operator a is coupled to the bath's R: through a R† + a†R, or through (a + a†) R.

    Raises
    ------
    TypeError
        If the node is no name, the spectrum has no density, or no temperature is given.
    ValueError
        If the temperature is negative or not finite, or is not that of the environment, or the coupling is unknown.

    Examples
    --------
    >>> import qutip
    >>> Bath("A", spectrum=qutip.DrudeLorentzEnvironment(T=12.0, lam=0.01, gamma=5.0)).temperature
    12.0
    """

    node: str
    temperature: float
    spectrum: SpectralDensity
    coupling: str = "rotating-wave"

    def __init__(
        self,
        node: str,
        temperature: float | None = None,
        spectrum: SpectralDensity | BosonicEnvironment | None = None,
        coupling: str = "rotating-wave",
    ) -> None:
        if not isinstance(node, str):
            raise TypeError(f"node must be the name of a node, but is {node!r}; {_order('node')}")
        temperature, spectrum = temperature_and_spectrum("node", temperature, spectrum)
        checks.one_of("coupling", coupling, BATH_COUPLINGS)
        object.__setattr__(self, "node", node)
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "spectrum", spectrum)
        object.__setattr__(self, "coupling", coupling)

    def __repr__(self) -> str:
        coupling = "" if self.coupling == BATH_COUPLINGS[0] else f", coupling={self.coupling!r}"
        return f"Bath({self.node!r}, {self.temperature}, {self.spectrum!r}{coupling})"


def _order(first: str) -> str:
    return f"the order is {first}, temperature, spectrum"


def temperature_and_spectrum(
    first: str, temperature: float | None, spectrum: SpectralDensity | BosonicEnvironment | None
) -> tuple[float, SpectralDensity]:
    """What a bath is given as these two, checked; a QuTiP environment may bring its temperature along.

    Parameters
    ----------
    first : str
        The argument before them, to tell those who swapped them.
    temperature : float or None
    spectrum : SpectralDensity, qutip.BosonicEnvironment or None

    Raises
    ------
    TypeError, ValueError
        As for `Bath`.
    """
    if temperature is not None:
        try:
            temperature = checks.not_negative("temperature", temperature)
        except TypeError as error:
            raise TypeError(f"{error}; {_order(first)}") from None
    if isinstance(spectrum, BosonicEnvironment):
        spectrum = EnvironmentSpectrum(spectrum)
    density = getattr(spectrum, "density", None)
    if spectrum is None or not callable(density):
        raise TypeError(f"spectrum must have a method density(frequency), but is {spectrum!r}; {_order(first)}")
    bound = spectrum.environment.T if isinstance(spectrum, EnvironmentSpectrum) else None
    if temperature is None:
        if bound is None:
            raise TypeError(f"temperature must be given, because {spectrum!r} has none")
        temperature = checks.not_negative("temperature", bound)
    if bound is not None and temperature != bound:
        raise ValueError(
            f"temperature must be that of the environment, {bound:g}, or be left out, but is {temperature:g}"
        )
    return temperature, spectrum
