"""Fixtures for every test."""

from __future__ import annotations

import os

# Before NumPy is imported: each test process gets one BLAS thread, as several would wait for each other's cores.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from reference import REFERENCE_CASES, ReferenceCase  # noqa: E402

# The same examples in every run, so that what passed here passes there. `--hypothesis-profile=default` draws new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


@pytest.fixture(scope="session")
def reference_cases() -> list[ReferenceCase]:
    """Every reference case, for a test that needs all of them at once."""
    return REFERENCE_CASES
