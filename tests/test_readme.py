"""The README: its blocks run, and its transcript is what they print."""

import re
from pathlib import Path

import pytest

import qnet_qutip as qn

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?|-?\d+e[+-]\d+")

pytestmark = pytest.mark.filterwarnings("ignore:heat currents of the local equation break:UserWarning")


def transcript(text):
    """The inputs of an IPython session, each with the output that is shown for it."""
    cells = []
    for line in text.splitlines():
        if line.startswith("In ["):
            cells.append((line.split("]: ", 1)[1], []))
        else:
            cells[-1][1].append(re.sub(r"^Out\[\d+\]: ?", "", line))
    return [(source, "\n".join(shown).strip()) for source, shown in cells]


def test_transcript_is_what_the_package_prints():
    names = {}
    cells = transcript(next(block for block in BLOCKS if block.startswith("In [")))
    assert len(cells) == 10
    for source, shown in cells:
        *statements, last = [part.strip() for part in source.split("  #")[0].split("; ")]
        for statement in statements:
            exec(statement, names)
        if not shown:
            exec(last, names)
            continue
        printed = repr(eval(last, names))
        assert NUMBER.sub("0", printed) == NUMBER.sub("0", shown)
        numbers, expected = ([float(number) for number in NUMBER.findall(text)] for text in (printed, shown))
        # Numbers below are residuals, which are rounding. Truncation errors are shown with two digits.
        assert numbers == pytest.approx(expected, rel=1e-6, abs=1e-14)


def test_blocks_run():
    names = {"qn": qn}
    blocks = [block for block in BLOCKS if not block.startswith("In [")]
    assert len(blocks) == 6
    for block in blocks:
        exec(block, names)
    assert names["state"].rho.tr() == pytest.approx(1)
    assert names["local"].heat_by("H_0").entropy_production > 0


def test_every_equation_and_every_picture_is_there():
    for name in qn.MASTER_EQUATIONS:
        assert f"| `{name}` |" in README
    for path in re.findall(r"\]\((figures/[^)]*)\)", README):
        assert (Path(__file__).parents[1] / path).exists(), path
