"""Reference figures, to 16 digits: solutions with 40 digits that no code of the package had a part in.

`generate_reference_values.py` computes them.

`REFERENCE_CASES` is a list of (name, kind, parameters, values): `parameters` are keyword arguments of `two_node`, and
`values` maps "local" and "global" to figures such as "J_h", "nA" or "sigma".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

REFERENCE_FILE = Path(__file__).with_name("reference_values.json")


class ReferenceCase(NamedTuple):
    """One set of parameters, for one kind of node."""

    name: str
    kind: str
    parameters: dict[str, float]
    values: dict[str, dict[str, float]]

    def __str__(self) -> str:
        return f"{self.name}, {self.kind}"


def load_reference_cases() -> list[ReferenceCase]:
    """Every case of `reference_values.json`, once for each kind of node."""
    cases: dict[str, dict[str, Any]] = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))["cases"]
    return [
        ReferenceCase(name, kind, case["parameters"], case[kind])
        for name, case in cases.items()
        for kind in ("oscillator", "two-level")
    ]


REFERENCE_CASES = load_reference_cases()
