"""The reference figures are those that their generator computes, and it says so if they are not."""

import json
import shutil

import generate_reference_values as generator
import pytest
from reference import REFERENCE_FILE


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A copy of the file, in place of it."""
    path = tmp_path / REFERENCE_FILE.name
    shutil.copy(REFERENCE_FILE, path)
    monkeypatch.setattr(generator, "REFERENCE_FILE", path)
    return path


def test_the_generator_writes_the_file(elsewhere):
    elsewhere.unlink()
    assert generator.main([]) == 0
    assert elsewhere.read_bytes() == REFERENCE_FILE.read_bytes()


@pytest.mark.parametrize(
    "place", [("oscillator", "local", "sigma"), ("two-level", "global", "X"), ("oscillator", "landauer", "J_h")]
)
def test_a_figure_that_is_off_in_the_last_digits_is_named(elsewhere, place, monkeypatch, capsys):
    name = "fig3 eps=1"
    monkeypatch.setattr(generator, "CASES", {name: generator.CASES[name]})
    content = json.loads(elsewhere.read_text())
    content["cases"] = {name: content["cases"][name]}
    elsewhere.write_text(json.dumps(content, indent=1) + "\n")
    assert generator.main(["--check"]) == 0
    kind, equation, figure = place
    content["cases"][name][kind][equation][figure] *= 1 + 1e-15
    elsewhere.write_text(json.dumps(content, indent=1) + "\n")
    before = elsewhere.read_bytes()
    assert generator.main(["--check"]) == 1
    assert f"differs in {name}" in capsys.readouterr().err
    assert elsewhere.read_bytes() == before
