"""A bath's correlation function as a sum of decaying exponentials, which is what a hierarchy needs of it.

C(t) = ⟨R(t)R⟩ = Σ_k c_k e^(-ν_k t) + 2Γ δ(t). Terms that a finite sum leaves out have decayed long before the network
moves: Γ, their integral, stands for all of them (Ishizaki and Tanimura, J. Phys. Soc. Jpn. 74, 3131 (2005)).
QuTiP's parameters are used as they are: J is twice QuTiP's, and C is the same (see `qnet_qutip.environments`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qutip import (
    BosonicEnvironment,
    DrudeLorentzEnvironment,
    ExponentialBosonicEnvironment,
    UnderDampedEnvironment,
)

from qnet_qutip.environments import EnvironmentSpectrum
from qnet_qutip.network import Bath
from qnet_qutip.spectra import DrudeLorentzSpectrum, LorentzianSpectrum

REMEDY = (
    "give a DrudeLorentzSpectrum, a LorentzianSpectrum, or a qutip.ExponentialBosonicEnvironment with its temperature, "
    "for instance one that environment.approximate fits"
)

REMAINDER = 0.1
"""Largest part of the correlation function's integral that may be left to Γ. With too few exponents at a low
temperature Γ may be negative and many times the integral (T = 0.3, cutoff 2: -30 with one, 1.9 with two, 0.01 with
three): a gain instead of a loss, and currents of the wrong sign."""

CONFLUENCE = 2e-3
"""How near the cutoff may come to a multiple of 2πT, in units of 2πT. There two exponents become one, with coefficients
that grow without bound and cancel. What Padé's frequency misses of 2πT is magnified with them: a current was 0.5 % off
at 1e-3 with four exponents."""

MOST_TERMS = 40
"""Exponents beyond which none is looked for: no hierarchy of that many fits anywhere."""


@dataclass(frozen=True, eq=False)
class Expansion:
    """A bath's correlation function in exponents.

    Attributes
    ----------
    environment : qutip.ExponentialBosonicEnvironment
        Its exponents.
    remainder : float
        Γ, the weight of what they leave out.
    """

    environment: ExponentialBosonicEnvironment
    remainder: float


def environment_of(name: str, bath: Bath) -> BosonicEnvironment:
    """The QuTiP environment of a bath that can be expanded, at the bath's temperature.

    Raises
    ------
    ValueError
        If its spectrum or its temperature has no expansion here; the message names the bath and what can be given.
    """
    spectrum, temperature = bath.spectrum, bath.temperature
    environment: BosonicEnvironment | None = None
    if isinstance(spectrum, DrudeLorentzSpectrum):
        environment = DrudeLorentzEnvironment(temperature, spectrum.lam, spectrum.gamma)
    elif isinstance(spectrum, LorentzianSpectrum):
        lam = spectrum.strength * np.sqrt(2 * spectrum.frequency)
        environment = UnderDampedEnvironment(temperature, lam, spectrum.width, spectrum.frequency)
    elif isinstance(spectrum, EnvironmentSpectrum):
        environment = spectrum.environment
    if isinstance(environment, ExponentialBosonicEnvironment):
        return environment
    if not isinstance(environment, DrudeLorentzEnvironment | UnderDampedEnvironment):
        raise ValueError(
            f"the spectrum of bath {name!r} must have an expansion in exponents, but is {spectrum!r}; {REMEDY}"
        )
    if temperature == 0:
        raise ValueError(f"the temperature of bath {name!r} must be positive for a hierarchy, but is 0")
    if isinstance(environment, UnderDampedEnvironment) and environment.gamma >= 2 * environment.w0:
        raise ValueError(
            f"the peak of bath {name!r} must be narrower than twice its frequency {environment.w0:g}, but its width is "
            f"{environment.gamma:g}; {REMEDY}"
        )
    return environment


def is_expanded(environment: BosonicEnvironment) -> bool:
    """Whether an environment is made of exponents already, and has no more of them."""
    return isinstance(environment, ExponentialBosonicEnvironment)


def expand(environment: BosonicEnvironment, terms: int) -> Expansion:
    """The correlation function in the exponents of the spectrum's own poles and `terms` of the temperature's.

    Of an overdamped bath these are Padé's, which need the fewest (Hu and others, J. Chem. Phys. 134, 244106 (2011)); of
    a peak, Matsubara's.
    """
    if isinstance(environment, ExponentialBosonicEnvironment):
        return Expansion(environment, 0.0)
    method = "pade" if isinstance(environment, DrudeLorentzEnvironment) else "matsubara"
    approximation, remainder = environment.approximate(method, Nk=terms, compute_delta=True)
    # Γ of an overdamped bath is complex in QuTiP, but all of C's imaginary part is in the exponent of the cutoff.
    return Expansion(approximation, float(np.real(remainder)))


def fewest_terms(name: str, environment: BosonicEnvironment) -> int:
    """The fewest exponents for the temperature that leave no more than `REMAINDER` of the correlation's integral.

    Raises
    ------
    ValueError
        If the temperature is so low that there are too many, or two of them coincide; the message names the bath.
    """
    if is_expanded(environment):
        return 0
    if isinstance(environment, DrudeLorentzEnvironment):
        multiple = environment.gamma / (2 * np.pi * environment.T)
        if round(multiple) > 0 and abs(multiple - round(multiple)) < CONFLUENCE:
            raise ValueError(
                f"the cutoff of bath {name!r} must not be a multiple of 2πT to {CONFLUENCE:g} of that, but is "
                f"{environment.gamma:g} at T = {environment.T:g}: two exponents become one; take it a hundredth off"
            )
    for terms in range(1, MOST_TERMS + 1):
        expansion = expand(environment, terms)
        integrals = [exponent.coefficient / exponent.exponent for exponent in expansion.environment.exponents]
        whole = expansion.remainder + float(np.real(sum(integrals)))
        if abs(expansion.remainder) <= REMAINDER * whole:
            return terms
    raise ValueError(
        f"the temperature of bath {name!r} must not be so low against its cutoff that more than {MOST_TERMS} exponents "
        f"are needed, but is {environment.T:g}"
    )
