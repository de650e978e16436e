"""The tutorials: the notebooks are those of the percent scripts beside them, and show nothing of one machine.

That the code runs and prints what they show is the check of `scripts/tutorials/render.py --check`.
"""

import json
import re
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[1] / "scripts" / "tutorials"
SCRIPTS = sorted(path for path in TUTORIALS.glob("*.py") if path.name != "render.py")
LARGEST_NOTEBOOK = 400_000
ONE_MACHINE = re.compile(r"/home/|/root/|/tmp/|/work/|site-packages|ipykernel|Traceback| at 0x[0-9a-f]+")

by_name = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def cells(script):
    """Kind and source of each cell of a percent script."""
    found = []
    for head, body in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", script.read_text(), re.MULTILINE):
        kind = "markdown" if "[markdown]" in head else "code"
        source = re.sub(r"^# ?", "", body, flags=re.MULTILINE) if kind == "markdown" else body
        found.append((kind, source.strip("\n")))
    return found


def test_there_are_four():
    assert [path.stem for path in SCRIPTS] == ["cluster_sweep", "own_hamiltonian", "paper", "which_equation"]


@by_name
def test_notebook_is_of_the_script(script):
    text = script.with_suffix(".ipynb").read_text()
    assert len(text.encode()) < LARGEST_NOTEBOOK
    notebook = json.loads(text)
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]] == cells(script)
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert all(output.get("name") != "stderr" and output["output_type"] != "error" for output in outputs)
    for output in outputs:
        shown = {kind: shown for kind, shown in output.get("data", {}).items() if kind != "image/png"}
        assert not ONE_MACHINE.search(json.dumps([output.get("text", ""), shown])), output
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
