"""All figures of the paper, those with every equation, and the validity map.

Prints how far the heat currents of each are from the closed forms.

The exit status is 1 if a deviation is larger than the truncation error and the solver allow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import compare_equations
import reproduce_fig1
import reproduce_fig2
import reproduce_fig3
import reproduce_fig4
import validity
from figure_options import Comparison, add_common_options, finish_options, run, whole_number

FIGURES = (reproduce_fig1, reproduce_fig2, reproduce_fig3, reproduce_fig4, compare_equations, validity)


def main(arguments: Sequence[str] | None = None) -> list[Comparison]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=whole_number(2), metavar="N", help="points along an axis, of every figure")
    add_common_options(parser)
    options = parser.parse_args(arguments)
    finish_options(parser, options)
    passed_on = ["--method", options.method, "--jobs", str(options.jobs), "--output", str(options.output)]
    passed_on += ["--quick"] if options.quick else []
    for name in ("points", "levels"):
        if getattr(options, name) is not None:
            passed_on += [f"--{name}", str(getattr(options, name))]

    comparisons = []
    started = time.monotonic()
    for number, figure in enumerate(FIGURES, 1):
        print(f"--- {figure.__name__}, {number} of {len(FIGURES)} ({time.monotonic() - started:.0f} s)", flush=True)
        comparisons += figure.main(passed_on)
    print(f"--- heat currents against the closed forms ({time.monotonic() - started:.0f} s)")
    for comparison in comparisons:
        print(comparison)
    return comparisons


if __name__ == "__main__":
    run(main)
