"""Every master equation of two coupled nodes beside the exact heat currents, and which to use.

The network of figure 3: bath "hot" on node A, bath "cold" on node B, and an energy-exchange coupling. Every parameter
is an option; the defaults are those of figure 3 with ε = 0.01. Two-level nodes have no exact answer here and are judged
by their scales.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence

import qnet_qutip as qn

DEFAULTS = {"omega_h": 10.0, "omega_c": 5.0, "epsilon": 0.01, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
SYMBOLS = {"omega_h": "ω_h", "omega_c": "ω_c", "epsilon": "ε", "T_h": "T_h", "T_c": "T_c", "kappa": "κ of J = κω³"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name, value in DEFAULTS.items():
        option = "--" + name.replace("_", "-")
        parser.add_argument(
            option, dest=name, type=float, default=value, metavar="X", help=f"{SYMBOLS[name]} (default {value:g})"
        )
    parser.add_argument("--kind", choices=("oscillator", "two-level"), default="oscillator", help="of both nodes")
    parser.add_argument(
        "--density-matrices", action="store_true", help="also where one-body matrices say the same in less time"
    )
    parser.add_argument("--json", action="store_true", help="print what `Comparison.to_dataset` holds as JSON")
    options = parser.parse_args(arguments)
    try:
        network = qn.two_node(options.kind, **{name: getattr(options, name) for name in DEFAULTS})
        comparison = qn.compare(network, density_matrices=options.density_matrices)
    except ValueError as problem:
        parser.error(str(problem))
    print(as_json(comparison) if options.json else comparison)


def as_json(comparison: qn.Comparison) -> str:
    """The dataset of a comparison; what is not a number there is null."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [plain(member) for member in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(comparison.to_dataset().to_dict()), ensure_ascii=False, indent=1)


if __name__ == "__main__":
    sys.exit(main())
