"""Fixtures for every test."""

from __future__ import annotations

import pytest
from reference import REFERENCE_CASES, ReferenceCase


@pytest.fixture(scope="session")
def reference_cases() -> list[ReferenceCase]:
    """Every reference case, for a test that needs all of them at once."""
    return REFERENCE_CASES
