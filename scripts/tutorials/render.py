"""The tutorials as executed notebooks: each percent script beside this file is run and written as .ipynb.

With --check nothing is written: the notebooks that are there must have the cells of the scripts, and the text that they
show must be what the code prints now, numbers to six digits. The exit status is 1 if one has not. Needs the extra
[tutorials]: pip install ".[tutorials]".
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
TUTORIALS = ("paper", "which_equation", "own_hamiltonian", "cluster_sweep")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_SECONDS = 300
"""A cell that takes longer has gone wrong."""

NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?|-?\d+e[+-]\d+")
RELATIVE, ABSOLUTE = 1e-6, 1e-14
"""To which printed numbers must agree: on another machine the last digits, and residuals, are others."""


class UnwantedOutputError(Exception):
    """A notebook shows what a reader should not see."""


def of_script(name: str) -> nbformat.NotebookNode:
    """The notebook of a percent script, not executed."""
    notebook = jupytext.read(HERE / f"{name}.py")
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.NotebookNode()
    return notebook


def executed(name: str) -> nbformat.NotebookNode:
    """The notebook with its outputs, and nothing in them of when and where it ran.

    Raises
    ------
    UnwantedOutputError
        If a cell writes to standard error anything but its progress: warnings that are meant are caught and printed.
    """
    notebook = of_script(name)
    # Cells import what lies beside them, and read the scripts of the cluster.
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": HERE}},
    ).execute(env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_cleaned(output) for output in cell.outputs if _wanted(name, output)]
    return notebook


def _wanted(name: str, output: nbformat.NotebookNode) -> bool:
    """Whether an output says the same on every machine: not progress, and not where in memory an object is.

    Raises
    ------
    UnwantedOutputError
        If it is a warning.
    """
    if output.get("name") == "stderr":
        if "Warning" in output.text:
            raise UnwantedOutputError(f"{name}: {output.text}")
        return False
    # What a plot function returns.
    return not re.match(r"<|\[<|\(<", output.get("data", {}).get("text/plain", "")) or len(output.data) > 1


def _cleaned(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if "data" in output:
        output.metadata = nbformat.NotebookNode()
        if "image/png" in output.data:
            del output.data["text/plain"]
    return output


def texts(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Everything that the cells show in words."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("text", "") or output.get("data", {}).get("text/plain", "")


def differences(shown: nbformat.NotebookNode, found: nbformat.NotebookNode) -> list[str]:
    """Where one notebook says something else than another, a line for each cell or output."""
    sources = [[cell.source for cell in notebook.cells] for notebook in (shown, found)]
    if sources[0] != sources[1]:
        return ["its cells are not those of the script: run render.py"]
    before, now = list(texts(shown)), list(texts(found))
    if len(before) != len(now):
        return ["it shows more or fewer outputs than the code: run render.py"]
    return [
        f"it shows\n{one}\nbut the code prints\n{other}"
        for one, other in zip(before, now, strict=True)
        if not _same(one, other)
    ]


def _same(before: str, now: str) -> bool:
    if NUMBER.sub("0", before) != NUMBER.sub("0", now):
        return False
    pairs = zip(NUMBER.findall(before), NUMBER.findall(now), strict=True)
    return all(abs(float(a) - float(b)) <= ABSOLUTE + RELATIVE * abs(float(b)) for a, b in pairs)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(TUTORIALS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="compare with the notebooks that are there")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in TUTORIALS:
            parser.error(f"name: must be one of {', '.join(TUTORIALS)}, but is {name!r}")
    wrong = 0
    for name in options.names or TUTORIALS:
        path = HERE / f"{name}.ipynb"
        notebook = executed(name)
        if options.check:
            found = differences(nbformat.read(path, as_version=4), notebook)
            for each in found:
                print(f"{path.name}: {each}")
            wrong += bool(found)
            print(f"{path.name}: {'differs' if found else 'as it is'}")
        else:
            nbformat.write(notebook, path)
            print(f"wrote {path.name}: {path.stat().st_size / 1000:.0f} kB")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
