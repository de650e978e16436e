"""Solve the paper's equations with 40 digits and write `reference_values.json`, or check it.

    python tests/generate_reference_values.py            write the file
    python tests/generate_reference_values.py --check    exit with status 1 where the file says anything else

No code of the package has a part in the figures: the local ones are the solution of eq. (8) as a linear system, the
global ones the balance of each normal mode with its two baths, and "landauer" is the exact current of two oscillators
whose baths exchange excitations with them, Γ(ω) = κω³ with no shift of levels:

    J_h = ∫ dω/2π ω T(ω) [n_h(ω) - n_c(ω)],  T = |εΓ / ((ω - ω_h + iΓ/2)(ω - ω_c + iΓ/2) - ε²)|².

Every figure is the float nearest to it. Parameters are the decimal numbers that are written here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

import mpmath
from literal import Literal
from reference import REFERENCE_FILE

DIGITS = 40
GUARD = 40
"""Digits besides, for what cancels: currents are down to 1e-9 of the flows that they are the differences of."""

INTEGRAL_DIGITS = 30
"""Of the integral, in which nothing cancels."""

SOURCE = (
    "40-digit solution of eq. (8), of the mode-by-mode global solution, and of the Landauer integral with Gamma(w) = "
    "kappa w^3; hbar = k_B = 1; delta = -1 oscillators, +1 two-level systems"
)

Parameters = dict[str, str]

FIGURE_2 = {"omega_c": "5", "epsilon": "0.0001", "T_c": "10", "kappa": "1e-07"}
FIGURE_3 = {"omega_h": "10", "omega_c": "5", "T_h": "12", "T_c": "10", "kappa": "0.0001"}
FIGURE_4 = {"omega_c": "5", "epsilon": "0.001", "T_h": "12", "T_c": "10", "kappa": "1e-07"}

CASES: dict[str, Parameters] = {
    "fig3 eps=0.01": {**FIGURE_3, "epsilon": "0.01"},
    "fig3 eps=1": {**FIGURE_3, "epsilon": "1"},
    "fig3 eps=5": {**FIGURE_3, "epsilon": "5"},
    "fig4 omega_h=10": {**FIGURE_4, "omega_h": "10"},
    "fig4 omega_h=5.5": {**FIGURE_4, "omega_h": "5.5"},
    "fig4 omega_h=5 (resonance)": {**FIGURE_4, "omega_h": "5"},
    "fig4 omega_h=3": {**FIGURE_4, "omega_h": "3"},
    "fig2 omega_h=10 T_h=12": {**FIGURE_2, "omega_h": "10", "T_h": "12"},
    "fig2 omega_h=7 T_h=18": {**FIGURE_2, "omega_h": "7", "T_h": "18"},
    "resonance eps<gamma": {**FIGURE_4, "omega_h": "5", "epsilon": "1e-06"},
}
ORDER = ("omega_h", "omega_c", "epsilon", "T_h", "T_c", "kappa")


def local_figures(equations: Literal) -> dict[str, mpmath.mpf]:
    """Moments, heat and entropy production of the local equation."""
    n_A, n_B, X, Y = equations.local_moments()
    heat = equations.local_heat()
    sigma = -heat["J_h"] / equations.T_h - heat["J_c"] / equations.T_c
    moments = {"nA": n_A, "nB": n_B, "X": X, "Y": Y}
    return {**moments, "J_h": heat["J_h"], "J_c": heat["J_c"], "sigma": sigma, "Q_h": heat["Q_h"], "Q_c": heat["Q_c"]}


def global_figures(equations: Literal) -> dict[str, mpmath.mpf]:
    """Heat, entropy production and moments of the global equation; ⟨Y⟩ vanishes, as the modes have no coherence."""
    state = equations.global_steady_state()
    J_h, J_c = state["J_h"], state["J_c"]
    return {
        "J_h": J_h,
        "J_c": J_c,
        "sigma": -J_h / equations.T_h - J_c / equations.T_c,
        "n_plus": state["n_plus"],
        "n_minus": state["n_minus"],
        "nA": state["n_A"],
        "nB": state["n_B"],
        "X": state["X"],
        "Y": mpmath.mpf(0),
    }


def landauer_heat_current(equations: Literal) -> mpmath.mpf:
    """Integral of energy times transmission over all frequencies."""
    omega_h, omega_c, epsilon = equations.omega_h, equations.omega_c, equations.epsilon

    def width(omega: mpmath.mpf) -> mpmath.mpf:
        return equations.kappa * omega**3

    def denominator(omega: mpmath.mpc) -> mpmath.mpc:
        half = 0.5j * width(omega)
        return (omega - omega_h + half) * (omega - omega_c + half) - epsilon**2

    def integrand(omega: mpmath.mpf) -> mpmath.mpf:
        transmission = abs(epsilon * width(omega) / denominator(omega)) ** 2
        occupations = [1 / mpmath.expm1(omega / T) for T in (equations.T_h, equations.T_c)]
        return omega * transmission * (occupations[0] - occupations[1]) / (2 * mpmath.pi)

    # The transmission is that of two resonances, a million times narrower than they are apart: decades away from each
    # are integrated one by one. Beyond 100 T nothing is left but e^-100.
    end = 100 * max(equations.T_h, equations.T_c)
    omega_plus, omega_minus, _ = equations.modes()
    ends = {mpmath.mpf(0), end}
    for frequency in (omega_plus, omega_minus):
        pole = mpmath.findroot(denominator, mpmath.mpc(frequency, -width(frequency) / 2))
        distance = -pole.imag / 10
        while distance < end:
            ends |= {pole.real - distance, pole.real + distance}
            distance *= 3
    limits = sorted(limit for limit in ends if 0 <= limit <= end)
    return mpmath.quad(integrand, limits, method="gauss-legendre")


def nearest_floats(figures: Mapping[str, mpmath.mpf]) -> dict[str, float]:
    """Round to nearest by way of 30 decimals, as `float` of a number with more than 100 bits cuts them off."""
    return {name: float(mpmath.nstr(figure, 30)) for name, figure in figures.items()}


def reference_case(parameters: Parameters) -> dict[str, Any]:
    """Everything that is in the file for one set of parameters."""
    case: dict[str, Any] = {"parameters": {name: json.loads(parameters[name]) for name in ORDER}}
    for kind in ("oscillator", "two-level"):
        with mpmath.workdps(DIGITS + GUARD):
            equations = Literal(kind, parameters)
            figures = {"local": local_figures(equations), "global": global_figures(equations)}
            case[kind] = {name: nearest_floats(of_equation) for name, of_equation in figures.items()}
        if kind == "oscillator":
            with mpmath.workdps(INTEGRAL_DIGITS):
                current = landauer_heat_current(Literal(kind, parameters))
            case[kind]["landauer"] = nearest_floats({"J_h": current})
    return case


def main(arguments: list[str] | None = None) -> int:
    """Write or check the file, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    options = parser.parse_args(arguments)
    cases = {name: reference_case(parameters) for name, parameters in CASES.items()}
    text = json.dumps({"source": SOURCE, "cases": cases}, indent=1) + "\n"
    if not options.check:
        REFERENCE_FILE.write_text(text, encoding="utf-8")
        return 0
    if REFERENCE_FILE.read_text(encoding="utf-8") == text:
        return 0
    recorded = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))["cases"]
    different = [name for name in {**cases, **recorded} if cases.get(name) != recorded.get(name)]
    print(f"{REFERENCE_FILE.name} differs in {', '.join(different) or 'its layout'}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
