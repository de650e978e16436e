"""The package as a whole: what its import brings along."""

from __future__ import annotations

import subprocess
import sys


def test_import_brings_nothing_along_that_qutip_does_not() -> None:
    """So that it costs little beside `import qutip`: the plots, the sweeps and rarely used SciPy modules wait."""
    program = (
        "import sys, qutip\n"
        "before = set(sys.modules)\n"
        "import qnet_qutip\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["qnet_qutip"]
