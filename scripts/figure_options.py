"""What the scripts have in common: the command line, the files they write, and the comparison with the closed forms."""
# ruff: noqa: E402, the imports come after the environment that NumPy reads when it is imported

from __future__ import annotations

import os

# Before NumPy is imported: with one BLAS thread in every process the results do not depend on the number of processes.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import csv
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.style import context

import qnet_qutip as qn
from qnet_qutip.sweeps import relative_deviation, sweep
from qnet_qutip.truncation import DEFAULT_RTOL

FIGURES = Path(__file__).resolve().parents[1] / "figures"
QUICK_FIGURES = Path(tempfile.gettempdir()) / "qnet_qutip_figures"

QUTIP_LEVELS = 10
"""Levels of an oscillator for a method of QuTiP, whose cost rises with the sixth power; "sectors" chooses its own."""

SOLVER_ERROR = 1e-9
"""Relative error of a heat current that is allowed besides that of the truncation."""


@dataclass(frozen=True)
class Comparison:
    """How far the heat currents of one figure are from the closed forms.

    Deviation and truncation error are relative to the current, or to a hundredth of the one-way flow where the current
    is smaller than that; `excess` is the largest ratio of the deviation to what truncation and solver allow.
    """

    name: str
    points: int
    deviation: float
    place: str
    truncation_error: float
    excess: float

    def __str__(self) -> str:
        verdict = "as it should be" if self.excess <= 1 else f"{self.excess:.1f} TIMES WHAT THE TRUNCATION ALLOWS"
        return (
            f"{self.name:15} {self.points:5d} points   deviation of J_h {self.deviation:.1e}   "
            f"truncation error {self.truncation_error:.1e}   {verdict} ({self.place})"
        )


def parse_options(
    arguments: Sequence[str] | None, description: str, points: int, quick_points: int
) -> argparse.Namespace:
    """Read the command line that every script takes, and make the output directory."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=whole_number(2), metavar="N", help=f"points along an axis (default {points})")
    add_common_options(parser, quick_points)
    options = parser.parse_args(arguments)
    if options.points is None:
        options.points = quick_points if options.quick else points
    finish_options(parser, options)
    return options


def add_common_options(parser: argparse.ArgumentParser, quick_points: int | None = None) -> None:
    """Add the options that do not concern the number of points."""
    few = "few points" if quick_points is None else f"{quick_points} points"
    parser.add_argument(
        "--jobs", type=whole_number(1), metavar="J", help="processes (default: one for each CPU; 1 with --quick)"
    )
    parser.add_argument("--method", choices=qn.METHODS, default="sectors", help="of steady_state (default: sectors)")
    parser.add_argument(
        "--levels",
        type=whole_number(2),
        metavar="L",
        help=f"levels of every oscillator (default: as many as needed; {QUTIP_LEVELS} for QuTiP's methods)",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help=f"directory (default: {FIGURES})")
    parser.add_argument("--quick", action="store_true", help=f"{few}, and by default into {QUICK_FIGURES}")


def finish_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Fill in what follows from the options, and refuse an output directory that cannot be written."""
    if options.levels is None and options.method != "sectors":
        options.levels = QUTIP_LEVELS
    if options.jobs is None:
        options.jobs = 1 if options.quick else os.cpu_count() or 1
    if options.output is None:
        options.output = QUICK_FIGURES if options.quick else FIGURES
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"argument --output: must be a directory that can be made, but is {options.output}: {error}")
    if not os.access(options.output, os.W_OK):
        parser.error(f"argument --output: must be a directory that can be written, but is {options.output}")


def whole_number(minimum: int) -> Callable[[str], int]:
    """Make a type of argument for argparse: a whole number of at least `minimum`."""

    def whole(text: str) -> int:
        number = int(text)
        if number < minimum:
            raise argparse.ArgumentTypeError(f"must be at least {minimum}, but is {number}")
        return number

    whole.__name__ = "whole number"
    return whole


def solve(
    name: str,
    kind: str,
    equations: Sequence[str],
    coordinates: Mapping[str, np.ndarray],
    parameters: Mapping[str, float],
    options: argparse.Namespace,
    rtol: float = DEFAULT_RTOL,
) -> xr.Dataset:
    """Density-matrix steady states of one figure, taken up from where an interrupted run left them."""
    builder_options: dict[str, object] = {"rtol": rtol}
    if options.levels is not None and kind != "two-level":
        builder_options["levels"] = options.levels
    with warnings.catch_warnings():
        # A figure has all of its points, or is not drawn.
        warnings.simplefilter("error", qn.FailedPointWarning)
        return sweep(
            kind,
            equations,
            coordinates,
            parameters,
            method=options.method,
            options=builder_options,
            # Two-level nodes take milliseconds, less than another process needs to start.
            executor=1 if kind == "two-level" else options.jobs,
            checkpoint=_checkpoint(name, options),
        )


def publication_style() -> AbstractContextManager[None]:
    """Matplotlib's defaults, whatever the user's own settings, with embedded fonts."""
    return context(["default", {"pdf.fonttype": 42, "font.size": 10, "legend.framealpha": 0.9}])


def save_figure(figure: Figure, name: str, options: argparse.Namespace) -> None:
    """Write PNG and PDF without dates, so that the same picture is the same file."""
    figure.savefig(
        options.output / f"{name}.png", dpi=200, metadata={"Software": f"Matplotlib {matplotlib.__version__}"}
    )
    figure.savefig(options.output / f"{name}.pdf", metadata={"CreationDate": None})
    print(f"{name}: wrote {options.output / name}.png and .pdf")


def save_data(
    dataset: xr.Dataset, name: str, options: argparse.Namespace, exact: xr.DataArray | None = None
) -> xr.Dataset:
    """Write every number of a figure as CSV, the closed forms beside the density matrix, and return the closed forms.

    The exact heat current of the hot bath, over the one coordinate, is in a column of its own, the same for every
    equation.

    Only the local and the global equation have closed forms; beside the others those columns are empty. The parameters
    and versions are in the lines before the table, which begin with #. Times are left out, so that the same data are
    the same file.
    """
    fixed = {
        key: dataset.attrs[key]
        for key in ("omega_h", "omega_c", "epsilon", "T_h", "T_c", "kappa")
        if key in dataset.attrs
    }
    coordinates = {key: dataset[key].values for key in dataset.entropy_production.dims if key != "equation"}
    known = [name for name in dataset.equation.values.tolist() if name in ("local", "global")]
    closed = sweep(dataset.attrs["network"], known, coordinates, fixed, method="analytic")
    beside = closed.reindex(equation=dataset.equation)
    columns = {**dict(_columns(dataset)), **{f"closed_{key}": values for key, values in _columns(beside)}}
    if exact is not None:
        columns["exact_heat_current_hot"] = np.tile(exact.values, dataset.sizes["equation"])
    grid = np.meshgrid(*(dataset[key].values for key in ("equation", *coordinates)), indexing="ij")
    path = options.output / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in dataset.attrs.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["equation", *coordinates, *columns])
        for index in range(grid[0].size):
            place = [grid[0].flat[index], *(f"{axis.flat[index]:.12g}" for axis in grid[1:])]
            numbers = [values[index] for values in columns.values()]
            writer.writerow([*place, *("" if np.isnan(number) else f"{number:.12g}" for number in numbers)])
    # Every number is saved.
    _checkpoint(name, options).unlink(missing_ok=True)
    print(f"{name}: wrote {path}")
    return closed


def _checkpoint(name: str, options: argparse.Namespace) -> Path:
    return Path(options.output / f"{name}.partial")


def _columns(dataset: xr.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    for key in ("heat_current", "occupation", "entropy_production", "truncation_error", "one_way_flow", "residual"):
        if key not in dataset:
            continue
        last = dataset[key].dims[-1]
        if last in ("bath", "node"):
            for member in dataset[last].values:
                yield f"{key}_{member}", dataset[key].sel({last: member}).values.ravel()
        else:
            yield key, dataset[key].values.ravel()


def compare(name: str, dataset: xr.Dataset, closed: xr.Dataset) -> Comparison:
    """Compare the heat currents of a figure with the closed forms, and print the result."""
    deviation = relative_deviation(dataset, closed)
    excess = float((deviation / (dataset.truncation_error + SOLVER_ERROR)).max())
    worst = deviation.isel(deviation.argmax(...))
    axes = [key for key in deviation.dims if key not in ("equation", "bath")]
    comparison = Comparison(
        name=name,
        points=dataset.residual.size,
        deviation=float(worst),
        place=f"{worst.equation.item()}, " + ", ".join(f"{key}={worst[key].item():.6g}" for key in axes),
        truncation_error=float(dataset.truncation_error.max()),
        excess=excess,
    )
    print(comparison)
    return comparison


def exit_status(comparisons: Sequence[Comparison]) -> int:
    """0 if every deviation is within what truncation and solver allow, otherwise 1."""
    return int(any(not comparison.excess <= 1 for comparison in comparisons))


def run(main: Callable[[], list[Comparison]]) -> None:
    """Run a script: an interrupt leaves a checkpoint and no traceback."""
    try:
        sys.exit(exit_status(main()))
    except KeyboardInterrupt:
        print("interrupted; the same command takes up from here", file=sys.stderr)
        sys.exit(130)
