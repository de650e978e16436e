"""Checkpoints: taken up, refused, cut off, damaged, on a full disk."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from curves import BOTH, ENVIRONMENT, EPSILON, FIGURE_3, network_with_three_nodes, same_numbers, two_level_sweep

import qnet_qutip as qn
from qnet_qutip.sweeps import point
from qnet_qutip.sweeps.checkpoint import BEGINNING, open_checkpoint
from qnet_qutip.sweeps.grid import checked_grid
from qnet_qutip.sweeps.point import Record
from qnet_qutip.sweeps.system import described, digest

TOTAL = 2 * len(EPSILON)


def test_a_finished_sweep_leaves_its_checkpoint_until_the_dataset_is_saved(tmp_path, solved):
    path = tmp_path / "sweep.partial"
    dataset = two_level_sweep(checkpoint=path)
    content = path.read_bytes()
    solved.clear()
    assert two_level_sweep(checkpoint=path).identical(dataset)
    assert not solved
    assert path.read_bytes() == content


def test_resumed_sweep_is_identical_and_solves_only_what_is_left(interrupted, solved):
    resumed = two_level_sweep(checkpoint=interrupted)
    assert len(solved) == 2 * len(EPSILON) - 3
    assert same_numbers(resumed, two_level_sweep())


def test_a_line_that_was_cut_off_is_solved_again(interrupted, solved):
    interrupted.write_bytes(interrupted.read_bytes()[:-20])
    resumed = two_level_sweep(checkpoint=interrupted)
    assert len(solved) == 2 * len(EPSILON) - 2
    assert same_numbers(resumed, two_level_sweep())


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"coordinates": {"epsilon": [0.01, 0.1, 0.5, 1.1]}}, "coordinates"),
        ({"parameters": FIGURE_3 | {"T_h": 13.0}}, "attributes"),
        ({"equations": ["local"]}, "equations"),
        ({"method": "direct"}, "attributes"),
        ({"options": {"rtol": 1e-6}}, "attributes"),
    ],
)
def test_checkpoint_of_another_sweep_is_refused_and_kept(interrupted, solved, changed, what):
    before = interrupted.read_bytes()
    arguments = {"build": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}
    with pytest.raises(ValueError, match=f"must belong to this sweep.* other .*{what}"):
        qn.sweep(**(arguments | changed), checkpoint=interrupted)
    assert not solved
    assert interrupted.read_bytes() == before


def test_long_networks_that_differ_in_what_their_repr_leaves_out_are_told_apart():
    bath = qn.Bath("A", 2.0, qn.PhononSpectrum(1e-4))

    def build(omega, epsilon):
        return qn.chain([*[qn.Oscillator(5)] * 29, qn.Oscillator(omega)], epsilon, hot=bath)

    grid = checked_grid({"epsilon": [0.1]}, {})
    first, second = build(5.0, 0.1), build(5.5, 0.1)
    assert repr(first) == repr(second)
    assert digest(build, grid, {"omega": 5.0}) != digest(build, grid, {"omega": 5.5})
    # Also as a fixed parameter, or inside of one.
    assert described(first) != described(second)
    assert described({"levels": [first.nodes]}) != described({"levels": [second.nodes]})


def test_checkpoint_of_other_networks_is_refused_and_kept(interrupted_with, solved):
    """Of a function of the same name and the same parameters that makes other networks of them."""

    def building(temperature):
        def build(epsilon):
            return network_with_three_nodes(epsilon, temperature)

        return build

    arguments = (["local"], {"epsilon": EPSILON}, {})
    path = interrupted_with(building(12), *arguments)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"must belong to this sweep, but it is of one with other systems;"):
        qn.sweep(building(11), *arguments, checkpoint=path)
    assert not solved
    assert path.read_bytes() == before
    qn.sweep(building(12), *arguments, checkpoint=path)
    assert len(solved) == len(EPSILON) - 3


def ohmic(strength):
    return qn.CallableSpectrum(lambda frequency: strength * frequency)


class Ohmic:
    def __init__(self, strength):
        self.strength = strength

    def density(self, frequency):
        return self.strength * np.asarray(frequency)


def network_with_spectrum(epsilon, spectrum):
    network = qn.two_node("two-level", epsilon=epsilon, **FIGURE_3)
    return network.replace(baths={"hot": qn.Bath("A", 12, spectrum)})


@pytest.mark.parametrize("spectrum", [ohmic, Ohmic])
def test_spectra_that_show_their_address_are_told_by_their_values(interrupted_with, solved, spectrum):
    """Objects made anew have another address, as they have in the process that takes a sweep up."""
    arguments = (network_with_spectrum, ["local"], {"epsilon": EPSILON})
    path, kept_alive = interrupted_with(*arguments, {"spectrum": spectrum(1e-3)}), spectrum(1e-3)
    with pytest.raises(ValueError, match=r"must belong to this sweep, but it is of one with other systems;"):
        qn.sweep(*arguments, {"spectrum": spectrum(2e-3)}, checkpoint=path)
    assert not solved
    qn.sweep(*arguments, {"spectrum": kept_alive}, checkpoint=path)
    assert len(solved) == len(EPSILON) - 3


def test_checkpoint_of_another_version_is_refused(interrupted, monkeypatch):
    monkeypatch.setattr(qn, "__version__", "0.0.0")
    with pytest.raises(ValueError, match="must belong to this sweep"):
        two_level_sweep(checkpoint=interrupted)


def test_checkpoint_that_cannot_be_written_is_refused_before_work(tmp_path, solved):
    with pytest.raises(OSError, match="checkpoint must be a file that can be written"):
        two_level_sweep(checkpoint=tmp_path / "missing" / "sweep.partial")
    assert not solved


# ---------------------------------------------------------------- files that are not this sweep's


FOREIGN = {
    "text": b"my notes\n",
    "text without an end of line": b"my notes\nand more of them",
    "one line without an end": b"my notes",
    "one character": b"[",
    "end of line": b"\n",
    "binary": bytes(range(256)) * 20,
    "zeros": bytes(5000),
    "JSON": b'{"point": 1}\n',
    "JSON without an end of line": b'["qnet_qutip", {}]',
    "JSON of another kind": b"[]\n[1, 2",
    "beginning of a header": BEGINNING[:-1],
    "mark alone": BEGINNING + b"]\n",
    "mark with no key": BEGINNING + b", 5]\n{",
    "mark and nonsense": BEGINNING + b" and nonsense",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_file_that_is_no_checkpoint_is_refused_and_left_byte_for_byte(tmp_path, solved, content, link):
    path = target = tmp_path / "notes.txt"
    path.write_bytes(content)
    if link:
        path = tmp_path / "link"
        path.symlink_to(target)
    before = target.stat()
    with pytest.raises(ValueError, match="must be one that a sweep left behind"):
        two_level_sweep(checkpoint=path)
    assert not solved
    assert target.read_bytes() == content
    assert (target.stat().st_mtime_ns, target.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert path.is_symlink() == link


@pytest.mark.parametrize("end", [b"", b"\n", b'{"point": 7, "rec'])
def test_a_checkpoint_of_another_sweep_that_was_cut_off_is_refused_and_kept(interrupted, solved, end):
    """Also its last line: it is another sweep's to say what of it is lost."""
    content = interrupted.read_bytes()[:-30] + end
    interrupted.write_bytes(content)
    with pytest.raises(ValueError, match="must belong to this sweep"):
        two_level_sweep(checkpoint=interrupted, method="direct")
    assert not solved
    assert interrupted.read_bytes() == content


def test_a_checkpoint_with_a_damaged_line_is_refused_and_kept(interrupted, solved):
    header, first, *others = interrupted.read_bytes().splitlines(keepends=True)
    for damaged in (
        b"\n",
        first.replace(b"1", b"2", 1),
        first[:-3] + b"0}\n",
        first[20:],
        b'{"point": 3}\n',
        b'{"point": 3, "record": {"seconds": 1}}\n',
        b"[]\n",
        b"\xff\n",
    ):
        content = b"".join([header, damaged, *others])[:-10]
        interrupted.write_bytes(content)
        with pytest.raises(
            ValueError, match="must be one that a sweep left behind, but is not: it has a damaged line: "
        ):
            two_level_sweep(checkpoint=interrupted)
        assert interrupted.read_bytes() == content
    assert not solved


def test_what_is_no_file_is_refused(tmp_path, solved):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match=r"checkpoint must be a file that can be written, .* no regular file"):
            two_level_sweep(checkpoint=path)
        assert path.exists()
    assert not solved
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_empty_file_is_begun(tmp_path):
    path = tmp_path / "sweep.partial"
    path.touch()
    assert same_numbers(two_level_sweep(checkpoint=path), two_level_sweep())


def test_a_link_stays_and_what_it_leads_to_is_taken_up(interrupted, solved, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(interrupted)
    two_level_sweep(checkpoint=link)
    assert len(solved) == 2 * len(EPSILON) - 3
    assert link.is_symlink()
    assert len(interrupted.read_bytes().splitlines()) == 1 + 2 * len(EPSILON)


def test_a_checkpoint_that_was_replaced_meanwhile_is_not_removed(tmp_path, monkeypatch):
    path = tmp_path / "sweep.partial"

    def replacing(equation, **options):
        path.unlink(missing_ok=True)
        path.write_text("of somebody else")
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(point, "steady_state", replacing)
    dataset = two_level_sweep(checkpoint=path)
    assert path.read_text() == "of somebody else"
    assert same_numbers(dataset, two_level_sweep())


def test_a_checkpoint_that_is_gone_in_the_end_does_not_cost_the_dataset(tmp_path, monkeypatch):
    path = tmp_path / "sweep.partial"

    def removing(equation, **options):
        path.unlink(missing_ok=True)
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(point, "steady_state", removing)
    assert same_numbers(two_level_sweep(checkpoint=path), two_level_sweep())


# ---------------------------------------------------------------- a checkpoint that is cut off anywhere


@pytest.fixture
def key_and_records(interrupted):
    header = interrupted.read_bytes().splitlines()[0]
    key, content = json.loads(header)[1], interrupted.read_bytes()
    with open_checkpoint(interrupted, key, TOTAL) as (records, _):
        pass
    interrupted.write_bytes(content)
    return key, records


def test_a_checkpoint_cut_off_anywhere_has_the_points_whose_lines_are_whole(interrupted, key_and_records):
    key, records = key_and_records
    assert len(records) == 3
    content = interrupted.read_bytes()
    ends = [end for end, byte in enumerate(content, start=1) if byte == ord("\n")]
    for length in (0, *range(len(BEGINNING), len(content), 11), *ends, *(end - 1 for end in ends)):
        interrupted.write_bytes(content[:length])
        whole = max([end for end in ends if end <= length], default=0)
        expected = dict(list(records.items())[: sum(end <= whole for end in ends[1:])])
        with open_checkpoint(interrupted, key, TOTAL) as (found, append):
            assert found == expected
            append(7, records[0])
            written = interrupted.read_bytes()
        assert written.startswith(content[: whole or ends[0]])
        interrupted.write_bytes(written)
        with open_checkpoint(interrupted, key, TOTAL) as (found, append):
            assert found == expected | {7: records[0]}


def test_a_checkpoint_with_any_byte_changed_is_refused_and_kept(interrupted, key_and_records):
    """Also one of a number's digits: it would be as good a number."""
    key, _ = key_and_records
    content = interrupted.read_bytes()
    for place in range(0, len(content) - 1, 7):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        interrupted.write_bytes(altered)
        with (
            pytest.raises(ValueError, match=r"must be one that a sweep left behind|must belong to this sweep"),
            open_checkpoint(interrupted, key, TOTAL),
        ):
            pass
        assert interrupted.read_bytes() == altered


@pytest.mark.parametrize(("point_number", "record"), [(TOTAL, Record({})), (-1, Record({})), ("0", Record({}))])
def test_a_point_that_the_sweep_does_not_have_is_refused(tmp_path, point_number, record):
    path = tmp_path / "sweep.partial"
    with open_checkpoint(path, {}, TOTAL) as (_, append):
        append(point_number, record)
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(ValueError, match="it has a damaged line: there is no point"), open_checkpoint(path, {}, TOTAL):
        pass


def test_a_failed_point_is_taken_up_as_it_is(tmp_path, monkeypatch, solved):
    def failing(equation, **options):
        solved.append(equation)
        if equation.network.couplings["A", "B"] == 1.0:
            raise KeyboardInterrupt
        raise qn.ConvergenceError("no convergence")

    def succeeding(equation, **options):
        solved.append(equation)
        return qn.steady_state(equation)

    path = tmp_path / "sweep.partial"
    monkeypatch.setattr(point, "steady_state", failing)
    with pytest.raises(KeyboardInterrupt):
        two_level_sweep(checkpoint=path)
    solved.clear()
    monkeypatch.setattr(point, "steady_state", succeeding)
    with pytest.warns(qn.FailedPointWarning, match="3 of 8 points failed"):
        dataset = two_level_sweep(checkpoint=path)
    assert len(solved) == 5
    assert dataset.error.sel(equation="local").values.tolist() == ["ConvergenceError: no convergence"] * 3 + [""]


# ---------------------------------------------------------------- a full disk

FULL_DISK = """
import resource, sys
from curves import two_level_sweep

_, path, limit = sys.argv
# Writing beyond this size fails, after what still fits has been written, as on a disk that becomes full.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    two_level_sweep(checkpoint=path)
except OSError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def test_a_full_disk_destroys_nothing(interrupted, solved, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(FULL_DISK)
    before = interrupted.read_bytes()
    for limit in (len(before) + 10, len(before) + 900):
        finished = subprocess.run(
            [sys.executable, script, interrupted, str(limit)],
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        assert b"OSError: checkpoint must be a file that can be written" in finished.stderr
        after = interrupted.read_bytes()
        assert after.startswith(before)
        assert after.endswith(b"\n")
        assert len(after) <= limit
    lines = len(after.splitlines())
    assert lines >= 4
    assert same_numbers(two_level_sweep(checkpoint=interrupted), two_level_sweep())


def test_a_disk_that_is_full_from_the_beginning_leaves_no_half_header(tmp_path):
    script, path = tmp_path / "script.py", tmp_path / "sweep.partial"
    script.write_text(FULL_DISK)
    finished = subprocess.run(
        [sys.executable, script, path, "50"], env=ENVIRONMENT, stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert b"OSError: checkpoint must be a file that can be written" in finished.stderr
    assert path.read_bytes() == b""
