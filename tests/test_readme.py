"""The README and the manual: their blocks run, and the transcript is what they print."""

import re
from pathlib import Path

import pytest

import qnet_qutip as qn

ROOT = Path(__file__).parents[1]
PAGES = {path: (ROOT / path).read_text() for path in ("README.md", "qnet_qutip/README.md", "scripts/README.md")}
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?|-?\d+e[+-]\d+")


def blocks_of(page):
    return re.findall(r"^```python\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


pytestmark = pytest.mark.filterwarnings("ignore:the entropy production of the local equation is negative:UserWarning")


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
    cells = transcript(next(block for block in blocks_of("README.md") if block.startswith("In [")))
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


@pytest.mark.parametrize(("page", "count"), [("README.md", 1), ("qnet_qutip/README.md", 6)])
def test_blocks_run(page, count):
    names = {"qn": qn}
    blocks = [block for block in blocks_of(page) if not block.startswith("In [")]
    assert len(blocks) == count
    for block in blocks:
        exec(block, names)
    assert qn.Network.__name__ == type(names["net"]).__name__
    if "local" in names:
        assert names["state"].rho.tr() == pytest.approx(1)
        assert names["local"].heat_by("H_0").entropy_production > 0


def test_every_equation_and_every_page_and_picture_is_there():
    for name in qn.MASTER_EQUATIONS:
        assert f"| `{name}` |" in PAGES["README.md"]
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if not link.startswith("http"):
                assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"
