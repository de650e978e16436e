"""QuTiP's bosonic environments as spectral densities: the one place where its convention is converted to this one's.

QuTiP gives a coupling Q Σ_k g_k(b_k + b_k†) the spectral density J_QuTiP(Ω) = π Σ_k g_k² δ(ω_k - Ω) and the power
spectrum S(ω) = 2J_QuTiP(ω)(n(ω) + 1), and `qutip.brmesolve` a transition from n to m of Bohr frequency ω the rate
S(ω)|⟨m|Q|n⟩|². Here that rate is γ(ω)|⟨m|Q|n⟩|², with γ(ω) = J(ω)(n(ω) + 1): so J = 2J_QuTiP, and γ = S.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from qutip import (
    BosonicEnvironment,
    DrudeLorentzEnvironment,
    OhmicEnvironment,
    UnderDampedEnvironment,
)
from scipy.interpolate import CubicSpline

from qnet_qutip.spectra import Array, UnknownDensityError, peak_landmarks

# By how much of it a power spectrum may fail the detailed balance S(-ω) = e^(-ω/T) S(ω). QuTiP's Fourier transforms
# and fits miss it by about what they miss of the spectrum itself.
BALANCE = 1e-3

# Below this part of the temperature a power spectrum is asked for its value at zero frequency, as `qutip.brmesolve`
# asks: those that are written with 1/(e^(ω/T) - 1) have a value there, and none beside it.
NO_FREQUENCY = 1e-15


@dataclass(frozen=True, eq=False, repr=False)
class EnvironmentSpectrum:
    """Spectral density of a QuTiP bosonic environment, twice QuTiP's own: γ is the power spectrum.

    `Bath(node, spectrum=environment)` makes it. The rates of a transition, up and down, are those of `qutip.brmesolve`
    with the same environment. They are taken from the spectral density where the environment is defined by one, and
    otherwise from its power spectrum at positive frequencies, which must be in detailed balance.

    Parameters
    ----------
    environment : qutip.BosonicEnvironment
        A copy of it is kept. Two spectra are equal if their environments are of one class and have equal attributes;
        one made of a function is so if the function is the same object, and cannot be pickled.

    Raises
    ------
    TypeError
        If it is no bosonic environment.
    ValueError
        If its spectral density depends on its temperature and it has none. From `density`, if it is a table that does
        not reach to the frequency, or if its power spectrum is out of detailed balance by more than 1e-3 of it.

    Examples
    --------
    >>> import qutip
    >>> environment = qutip.DrudeLorentzEnvironment(T=12.0, lam=0.1, gamma=2.0)
    >>> float(environment.spectral_density(2.0)), float(EnvironmentSpectrum(environment).density(2.0))
    (0.1, 0.2)
    """

    environment: BosonicEnvironment
    by_power_spectrum: bool = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.environment, BosonicEnvironment):
            raise TypeError(f"environment must be a qutip.BosonicEnvironment, but is {self.environment!r}")
        object.__setattr__(self, "environment", copy.copy(self.environment))
        object.__setattr__(self, "by_power_spectrum", not _has_spectral_density(self.environment))
        if self.by_power_spectrum and self.environment.T is None:
            raise ValueError(f"the environment must have a temperature T, but has none, and {self!r} needs it")

    def __repr__(self) -> str:
        attributes = ", ".join(f"{name}={value!r}" for name, value in vars(self.environment).items())
        return f"EnvironmentSpectrum({type(self.environment).__name__}({attributes}))"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EnvironmentSpectrum):
            return NotImplemented
        first, second = vars(self.environment), vars(other.environment)
        return (
            type(self.environment) is type(other.environment)
            and first.keys() == second.keys()
            and all(np.array_equal(first[name], second[name]) for name in first)
        )

    def __hash__(self) -> int:
        return hash((type(self.environment), self.environment.T))

    @property
    def landmarks(self) -> tuple[float, ...]:
        """Cutoffs and peaks of the environments that QuTiP names; of others, made of functions, none are known."""
        match self.environment:
            case DrudeLorentzEnvironment(gamma=cutoff) | OhmicEnvironment(wc=cutoff):
                return (cutoff,)
            case UnderDampedEnvironment(w0=peak, gamma=width):
                return peak_landmarks(peak, width)
        return ()

    def density(self, frequency: ArrayLike) -> Array:
        """Twice QuTiP's spectral density at Ω = `frequency`, an array of any shape."""
        frequencies = np.asarray(frequency, dtype=float)
        # One by one: QuTiP chooses the resolution of a Fourier transform by the first and the last frequency.
        return np.array([self._at(float(each)) for each in frequencies.flat]).reshape(frequencies.shape)

    def _at(self, frequency: float) -> float:
        environment = self.environment
        asked = (-frequency, frequency) if self.by_power_spectrum else (frequency,)
        for table in vars(environment).values():
            if isinstance(table, CubicSpline) and not table.x[0] <= min(asked) <= max(asked) <= table.x[-1]:
                raise UnknownDensityError(
                    f"the environment's table, from {table.x[0]:g} to {table.x[-1]:g}, must reach to {asked}"
                )
        if not self.by_power_spectrum:
            return 2 * _value(environment.spectral_density, frequency)
        ratio = frequency / environment.T if environment.T > 0 else math.inf
        if ratio < NO_FREQUENCY:
            asked = (0.0, 0.0)
        up, down = (_value(environment.power_spectrum, each) for each in asked)
        if abs(up - math.exp(-ratio) * down) > BALANCE * abs(down):
            raise UnknownDensityError(
                f"the environment's power spectrum must be in detailed balance at temperature {environment.T:g} to "
                f"{BALANCE:g} of it, but is {up:g} and {down:g} at -{frequency:g} and {frequency:g}; give its "
                "`BosonicEnvironment.from_spectral_density` instead"
            )
        return down * -math.expm1(-ratio)


def _value(function: Callable[[Array], ArrayLike], frequency: float) -> float:
    """A function's value as QuTiP passes it on: by an array of one frequency, since it wants an array in return."""
    value: float = np.asarray(function(np.array([frequency]))).item()
    return value


def _has_spectral_density(environment: BosonicEnvironment) -> bool:
    """Whether the spectral density is there without a temperature, and not derived from the power spectrum.

    QuTiP's own derivation, by 1/(e^(ω/T) - 1) + 1, has no digits left at low frequencies.
    """
    cold = copy.copy(environment)
    cold.T = None
    try:
        cold.spectral_density(np.array([1.0]))
    except (TypeError, ValueError):
        return False
    return True
