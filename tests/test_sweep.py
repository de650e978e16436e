"""Sweeps: labels, numbers, processes, interrupts and arguments."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import qnet_qutip as qn
from qnet_qutip import progress
from qnet_qutip.checkpoint import BEGINNING, Record, open_checkpoint
from qnet_qutip.sweep import closed_forms, relative_deviation, sweep

module = sys.modules["qnet_qutip.sweep"]

COLD = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 3.0, "T_c": 2.0, "kappa": 1e-4}
FIGURE_3 = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
EPSILON = [0.01, 0.1, 0.5, 1.0]
BOTH = ["local", "global"]

# For processes of their own: they import what these tests do.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def two_level_sweep(**options):
    return sweep("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3, **options)


def network_with_three_nodes(epsilon, temperature):
    spectrum = qn.PhononSpectrum(1e-4)
    return qn.Network(
        nodes={"A": qn.TwoLevel(10), "B": qn.TwoLevel(7), "C": qn.TwoLevel(5)},
        couplings={("A", "B"): epsilon, ("B", "C"): epsilon},
        baths={"left": qn.Bath("A", temperature, spectrum), "right": qn.Bath("C", 10, spectrum)},
    )


def same_numbers(first, second):
    return first.drop_vars("seconds").identical(second.drop_vars("seconds"))


@pytest.fixture
def solved(monkeypatch):
    """List of the networks that are solved for."""
    networks = []

    def counting(equation, **options):
        networks.append(equation.network)
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", counting)
    return networks


def test_numbers_are_those_of_the_steady_state_at_the_labels():
    fixed = {"omega_c": 5.0, "epsilon": 0.1, "T_c": 2.0, "kappa": 1e-4}
    dataset = sweep("oscillator", BOTH, {"omega_h": [7.0, 9.0], "T_h": [2.5, 3.0, 3.5]}, fixed)
    assert dataset.heat_current.dims == ("equation", "omega_h", "T_h", "bath")
    for name in BOTH:
        for omega_h, T_h in ((7.0, 3.5), (9.0, 2.5)):
            network = qn.two_node("oscillator", omega_h=omega_h, T_h=T_h, **fixed)
            state = qn.steady_state(qn.MASTER_EQUATIONS[name](network))
            point = dataset.sel(equation=name, omega_h=omega_h, T_h=T_h)
            for bath in ("hot", "cold"):
                assert point.heat_current.sel(bath=bath).item() == state.heat_currents[bath]
                assert point.truncation_error.sel(bath=bath).item() == state.truncation_error[bath]
            for node in ("A", "B"):
                assert point.occupation.sel(node=node).item() == state.occupations[node]
            assert point.entropy_production.item() == state.entropy_production
            assert point.residual.item() == state.residual
            assert point.iterations.item() == state.iterations
            assert point.seconds.item() > 0


@pytest.mark.parametrize("make", [float, np.float32, np.array])
def test_attributes_hold_parameters_method_and_versions(make):
    fixed = {name: make(value) for name, value in FIGURE_3.items()}
    attributes = sweep("two-level", BOTH, {"epsilon": EPSILON}, fixed).attrs
    assert attributes["network"] == "two-level"
    # As a file of a dataset can hold them: plain numbers.
    assert {name: attributes[name] for name in fixed} == {name: float(value) for name, value in fixed.items()}
    assert {type(attributes[name]) for name in fixed} == {float}
    assert attributes["method"] == "sectors"
    assert attributes["qnet_qutip"] == qn.__version__
    assert {"qutip", "numpy", "scipy"} <= set(attributes)


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_closed_forms_have_the_layout_and_the_numbers_of_a_sweep(kind):
    coordinates = {"epsilon": EPSILON}
    dataset, closed = sweep(kind, BOTH, coordinates, COLD), closed_forms(kind, BOTH, coordinates, COLD)
    for name in closed.data_vars:
        assert closed[name].dims == dataset[name].dims
    for name in closed.coords:
        assert closed[name].equals(dataset[name])
    assert (relative_deviation(dataset, closed) <= dataset.truncation_error + 1e-9).all()
    np.testing.assert_allclose(dataset.occupation, closed.occupation, rtol=1e-7)
    np.testing.assert_allclose(dataset.entropy_production, closed.entropy_production, rtol=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_deviation_is_relative_to_the_one_way_flow_where_the_current_vanishes(sign):
    fixed = {"omega_c": 5.0, "epsilon": 1e-3, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-7}
    arguments = ("two-level", ["local"], {"omega_h": [6.0, 8.0]}, fixed)
    dataset, closed = sweep(*arguments), closed_forms(*arguments)
    shifted = dataset.assign(heat_current=closed.heat_current + sign * 1e-3 * dataset.one_way_flow)
    deviation = relative_deviation(shifted, closed).sel(equation="local", bath="hot").values
    scale = abs(closed.heat_current / dataset.one_way_flow).sel(equation="local", bath="hot").values
    np.testing.assert_allclose(deviation, 1e-3 / np.maximum(scale, 0.01), rtol=1e-9)
    assert scale[0] < 0.01 < scale[1]


def test_deviation_refuses_other_coordinates():
    closed = closed_forms("two-level", BOTH, {"epsilon": [0.01, 0.1, 0.5, 1.5]}, FIGURE_3)
    with pytest.raises(ValueError, match="values of 'epsilon'"):
        relative_deviation(two_level_sweep(), closed)


def test_a_function_builds_the_networks():
    dataset = sweep(network_with_three_nodes, ["local"], {"temperature": [11, 12]}, {"epsilon": 0.1})
    assert dataset.bath.values.tolist() == ["left", "right"]
    assert dataset.node.values.tolist() == ["A", "B", "C"]
    state = qn.steady_state(qn.local_master_equation(network_with_three_nodes(0.1, 12)))
    assert dataset.heat_current.sel(equation="local", temperature=12, bath="left") == state.heat_currents["left"]


def test_method_and_options_are_passed_on(monkeypatch):
    asked = []

    def recording(equation, *, method):
        asked.append((equation.rtol, method))
        return qn.steady_state(equation, method=method)

    monkeypatch.setattr(module, "steady_state", recording)
    dataset = two_level_sweep(method="direct", options={"rtol": 1e-6})
    assert asked == [(1e-6, "direct")] * (2 * len(EPSILON))
    assert (dataset.attrs["method"], dataset.attrs["options"]) == ("direct", "{'rtol': 1e-06}")


def test_processes_give_the_same_numbers(monkeypatch):
    for name in module.BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)
    assert same_numbers(two_level_sweep(jobs=2), two_level_sweep())
    assert not set(module.BLAS_THREADS) & set(os.environ)


def test_warnings_are_gathered_with_the_first_point():
    with pytest.warns(qn.TruncationWarning, match="4 of 4 points warn, the first at epsilon=0.01: ") as caught:
        sweep("oscillator", ["local"], {"epsilon": EPSILON}, COLD, options={"levels": 4})
    assert [warning.category for warning in caught] == [qn.TruncationWarning, qn.LawWarning]
    assert caught[0].filename == __file__


def test_an_error_names_its_point(monkeypatch):
    def failing(equation, **options):
        if equation.network.couplings["A", "B"] == 0.5:
            raise qn.ConvergenceError("no convergence")
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", failing)
    with pytest.raises(qn.ConvergenceError) as caught:
        two_level_sweep()
    assert caught.value.__notes__ == ["in a sweep, for the local equation at epsilon=0.5"]


# ---------------------------------------------------------------- interrupt and resume


@pytest.fixture
def interrupted_with(tmp_path, monkeypatch):
    """Function that interrupts the sweep with its arguments after three points, and returns the checkpoint."""

    def interrupt(*arguments):
        calls = []

        def interrupting(equation, **options):
            if len(calls) == 3:
                raise KeyboardInterrupt
            calls.append(equation)
            return qn.steady_state(equation, **options)

        path = tmp_path / "sweep.partial"
        with monkeypatch.context() as patch:
            patch.setattr(module, "steady_state", interrupting)
            with pytest.raises(KeyboardInterrupt):
                sweep(*arguments, checkpoint=path)
        return path

    return interrupt


@pytest.fixture
def interrupted(interrupted_with):
    """The checkpoint of `two_level_sweep`, interrupted after three points."""
    return interrupted_with("two-level", BOTH, {"epsilon": EPSILON}, FIGURE_3)


def test_a_finished_sweep_leaves_no_checkpoint(tmp_path):
    two_level_sweep(checkpoint=tmp_path / "sweep.partial")
    assert not list(tmp_path.iterdir())


def test_resumed_sweep_is_identical_and_solves_only_what_is_left(interrupted, solved):
    resumed = two_level_sweep(checkpoint=interrupted)
    assert len(solved) == 2 * len(EPSILON) - 3
    assert not interrupted.exists()
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
    arguments = {"network": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}
    with pytest.raises(ValueError, match=f"must belong to this sweep.* other .*{what}"):
        sweep(**(arguments | changed), checkpoint=interrupted)
    assert not solved
    assert interrupted.read_bytes() == before


def test_checkpoint_of_other_networks_is_refused_and_kept(interrupted_with, solved):
    """Of a function of the same name and the same parameters that makes other networks of them."""

    def building(temperature):
        def build(epsilon):
            return network_with_three_nodes(epsilon, temperature)

        return build

    arguments = (["local"], {"epsilon": EPSILON}, {})
    path = interrupted_with(building(12), *arguments)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"must belong to this sweep, but it is of one with other networks;"):
        sweep(building(11), *arguments, checkpoint=path)
    assert not solved
    assert path.read_bytes() == before
    sweep(building(12), *arguments, checkpoint=path)
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
    with pytest.raises(ValueError, match=r"must belong to this sweep, but it is of one with other networks;"):
        sweep(*arguments, {"spectrum": spectrum(2e-3)}, checkpoint=path)
    assert not solved
    sweep(*arguments, {"spectrum": kept_alive}, checkpoint=path)
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
        first[20:],
        b'{"point": 3}\n',
        b'{"point": 3, "record": {"seconds": 1}}\n',
        b"[]\n",
        b"\xff\n",
    ):
        content = b"".join([header, damaged, *others])[:-10]
        interrupted.write_bytes(content)
        with pytest.raises(
            ValueError, match="must be one that a sweep left behind, but is not: it has a line that is no"
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
    assert not path.exists()


def test_a_link_stays_and_what_it_leads_to_is_begun_taken_up_and_removed(interrupted, solved, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(interrupted)
    two_level_sweep(checkpoint=link)
    assert len(solved) == 2 * len(EPSILON) - 3
    assert link.is_symlink()
    assert not interrupted.exists()
    two_level_sweep(checkpoint=link)
    assert not interrupted.exists()


def test_a_checkpoint_that_was_replaced_meanwhile_is_not_removed(tmp_path, monkeypatch):
    path = tmp_path / "sweep.partial"

    def replacing(equation, **options):
        path.unlink(missing_ok=True)
        path.write_text("of somebody else")
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", replacing)
    dataset = two_level_sweep(checkpoint=path)
    assert path.read_text() == "of somebody else"
    assert same_numbers(dataset, two_level_sweep())


def test_a_checkpoint_that_is_gone_in_the_end_does_not_cost_the_dataset(tmp_path, monkeypatch):
    path = tmp_path / "sweep.partial"

    def removing(equation, **options):
        path.unlink(missing_ok=True)
        return qn.steady_state(equation, **options)

    monkeypatch.setattr(module, "steady_state", removing)
    assert same_numbers(two_level_sweep(checkpoint=path), two_level_sweep())


def test_a_checkpoint_that_cannot_be_removed_does_not_cost_the_dataset(tmp_path, monkeypatch):
    def refusing(path, missing_ok=False):
        raise PermissionError("not allowed")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refusing)
        with pytest.warns(RuntimeWarning, match=r"its checkpoint .* cannot be removed: not allowed") as caught:
            dataset = two_level_sweep(checkpoint=tmp_path / "sweep.partial")
    assert caught[0].filename == __file__
    assert same_numbers(dataset, two_level_sweep())


# ---------------------------------------------------------------- a checkpoint that is cut off anywhere


@pytest.fixture
def key_and_records(interrupted):
    header, *lines = interrupted.read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    return json.loads(header)[1], {entry["point"]: Record(**entry["record"]) for entry in entries}


def test_a_checkpoint_cut_off_anywhere_has_the_points_whose_lines_are_whole(interrupted, key_and_records):
    key, records = key_and_records
    content = interrupted.read_bytes()
    ends = [end for end, byte in enumerate(content, start=1) if byte == ord("\n")]
    for length in (0, *range(len(BEGINNING), len(content) + 1)):
        interrupted.write_bytes(content[:length])
        whole = max([end for end in ends if end <= length], default=0)
        expected = dict(list(records.items())[: sum(end <= whole for end in ends[1:])])
        with open_checkpoint(interrupted, key) as (found, append):
            assert found == expected
            append(7, records[0])
            written = interrupted.read_bytes()
        assert not interrupted.exists()
        assert written.startswith(content[: whole or ends[0]])
        interrupted.write_bytes(written)
        with open_checkpoint(interrupted, key) as (found, append):
            assert found == expected | {7: records[0]}


# ---------------------------------------------------------------- a full disk

FULL_DISK = """
import resource, sys
from test_sweep import two_level_sweep

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
    for limit in (len(before), len(before) + 10, len(before) + 900):
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


# ---------------------------------------------------------------- several processes

SCRIPT = """
import multiprocessing, os, pathlib, signal, sys, time, warnings
import numpy as np
import qnet_qutip as qn
from qnet_qutip.sweep import sweep

warnings.simplefilter("ignore", qn.LawWarning)
folder = pathlib.Path(sys.argv[1])


class Slow:
    '''A spectrum that says which point a worker has begun, and then takes its time once, or is held.'''

    def __init__(self, epsilon, seconds):
        self.epsilon, self.seconds = epsilon, seconds

    def density(self, frequency):
        begun = folder / f"begun {self.epsilon}"
        if multiprocessing.parent_process() and not begun.exists():
            begun.touch()
            time.sleep(self.seconds)
            while (folder / "hold").exists():
                time.sleep(0.01)
        return 1e-4 * np.asarray(frequency) ** 3


def slow(epsilon, seconds):
    nodes = {"A": qn.TwoLevel(10.0), "B": qn.TwoLevel(5.0)}
    spectrum = Slow(epsilon, seconds)
    baths = {"hot": qn.Bath("A", 12.0, spectrum), "cold": qn.Bath("B", 10.0, spectrum)}
    return qn.Network(nodes, {("A", "B"): epsilon}, baths)


if __name__ == "__main__":
    # Ignored, it would stay so in a process that was started in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, _, seconds, jobs = sys.argv
    dataset = sweep(slow, ["local"], {"epsilon": np.linspace(0.1, 1.0, 30)}, {"seconds": float(seconds)},
                    jobs=int(jobs), checkpoint=folder / "sweep.partial", progress=False)
    np.save(folder / "dataset.npy", dataset.heat_current.values)
"""


class Running:
    """A sweep in a process of its own: of 30 points, which take some time each, or are held until they are released."""

    def __init__(self, folder, jobs=2, seconds=0, hold=False):
        self.folder, self.path, self.dataset = folder, folder / "sweep.partial", folder / "dataset.npy"
        if hold:
            (folder / "hold").touch()
        script = folder / "script.py"
        script.write_text(SCRIPT)
        self.process = subprocess.Popen(
            [sys.executable, script, folder, str(seconds), str(jobs)],
            env=ENVIRONMENT,
            start_new_session=True,
            stderr=subprocess.PIPE,
        )

    def begun(self):
        return len(list(self.folder.glob("begun *")))

    def lines(self):
        return self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []

    def wait_for(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            assert self.process.poll() in (None, 0), self.process.communicate()
            time.sleep(0.005)

    def release(self):
        (self.folder / "hold").unlink()

    def end(self):
        """What it wrote, once it and every process that it started have closed their standard error."""
        return self.process.communicate(timeout=60)[1].decode()

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def running(tmp_path):
    """Function that starts a sweep in a process of its own."""
    started = []

    def start(**options):
        started.append(Running(tmp_path, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def slow_currents(tmp_path_factory):
    """The heat currents of the slow sweep, uninterrupted."""
    each = Running(tmp_path_factory.mktemp("uninterrupted"), jobs=1)
    assert not each.end()
    return np.load(each.dataset)


def test_an_interrupt_of_all_processes_keeps_every_point_that_is_under_way(running):
    each = running(hold=True)
    each.wait_for(lambda: each.begun() == 2)
    # As Ctrl-C does, to the parent and to the workers; time for it to come through before these have done.
    os.killpg(each.process.pid, signal.SIGINT)
    time.sleep(0.5)
    each.release()
    errors = each.end()
    assert each.process.returncode != 0
    assert errors.count("Traceback") == 1, errors
    assert "KeyboardInterrupt" in errors
    points = [json.loads(line)["point"] for line in each.lines()[1:]]
    assert sorted(points) == [0, 1]
    assert each.begun() == 2


def test_workers_do_not_outlive_a_parent_that_is_killed(running):
    each = running(hold=True)
    each.wait_for(lambda: each.begun() == 2)
    each.process.kill()
    # Comes to its end only when no process has the standard error open any more.
    assert "Traceback" not in each.end()


def test_a_second_sweep_on_one_checkpoint_is_refused_at_once_and_costs_neither_its_dataset(running, slow_currents):
    first = running(hold=True)
    first.wait_for(lambda: first.begun() == 2)
    before = first.path.read_bytes()
    second = running(jobs=1)
    errors = second.end()
    assert second.process.returncode != 0
    assert "BlockingIOError: checkpoint" in errors
    assert "must not be in use, but another sweep is writing to it" in errors
    assert first.path.read_bytes() == before
    first.release()
    assert not first.end()
    np.testing.assert_array_equal(np.load(first.dataset), slow_currents)
    assert not first.path.exists()


def test_of_sweeps_that_start_together_on_one_checkpoint_each_is_refused_or_whole(running, slow_currents):
    both = [running(seconds=0.05) for _ in range(2)]
    errors = [each.end() for each in both]
    ended_well = [each.process.returncode == 0 for each in both]
    assert any(ended_well)
    for well, text in zip(ended_well, errors, strict=True):
        assert (text == "") if well else ("BlockingIOError: checkpoint" in text)
    np.testing.assert_array_equal(np.load(both[0].dataset), slow_currents)


def test_a_checkpoint_in_use_is_refused_within_one_process_too(tmp_path, solved):
    path = tmp_path / "sweep.partial"
    with open_checkpoint(path, {}), pytest.raises(BlockingIOError, match="must not be in use"):
        two_level_sweep(checkpoint=path)
    assert not solved


def test_killed_at_random_moments_and_taken_up_again_it_gives_the_identical_dataset(running, slow_currents):
    """The resumption comes at once: nothing that is left of a killed sweep may keep the checkpoint locked."""
    rng = np.random.default_rng(7)
    for _ in range(2):
        each = running(seconds=0.05)
        kept = len(each.lines())
        each.wait_for(lambda each=each, kept=kept: len(each.lines()) > kept + 1)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(each.process.pid, signal.SIGKILL)
        each.process.wait()
    assert not each.dataset.exists()
    last = running(seconds=0.05)
    assert not last.end()
    np.testing.assert_array_equal(np.load(last.dataset), slow_currents)
    assert not last.path.exists()


# ---------------------------------------------------------------- progress


def test_progress_is_shown_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    two_level_sweep()
    captured = capsys.readouterr()
    assert not captured.out
    lines = captured.err.splitlines()
    assert len(lines) == 2 * len(EPSILON)
    assert re.match(r"sweep: 3/8 points, about \d+ s left", lines[2])


def test_progress_can_be_turned_off(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    two_level_sweep(progress=False)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- arguments

GOOD = {"network": "two-level", "equations": BOTH, "coordinates": {"epsilon": EPSILON}, "parameters": FIGURE_3}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"network": "oscilator"}, ValueError, "network must be one of .* did you mean 'oscillator'"),
        ({"network": 3}, TypeError, "network must be a kind of node or a function"),
        ({"network": lambda **_: 3}, TypeError, "it returned 3"),
        ({"equations": "local"}, TypeError, "equations must be a sequence of names"),
        ({"equations": []}, ValueError, "equations must name at least one"),
        ({"equations": ["lokal"]}, ValueError, "equation must be one of .* did you mean 'local'"),
        ({"equations": ["local", "local"]}, ValueError, "equations must be different"),
        ({"coordinates": {}}, ValueError, "coordinates must name at least one"),
        ({"coordinates": {"epsilon": []}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [[1.0]]}}, ValueError, "'epsilon' must be a sequence of numbers"),
        ({"coordinates": {"epsilon": [0.1, np.nan]}}, ValueError, "'epsilon' must be finite"),
        ({"coordinates": {"epsilon": [0.1, 0.1]}}, ValueError, "'epsilon' must be different"),
        ({"coordinates": {"bath": [0.1]}}, ValueError, "must not be named 'bath'"),
        ({"coordinates": {"epsilon": EPSILON, "T_h": [1.0]}}, ValueError, "'T_h' must either vary or be fixed"),
        ({"coordinates": {"epsilom": EPSILON}}, TypeError, "epsilo"),
        ({"parameters": FIGURE_3 | {"T_c": -1.0}}, ValueError, "T_c must be positive"),
        ({"method": "guess"}, ValueError, "method must be one of"),
        ({"jobs": 0}, ValueError, "jobs must be at least 1"),
        ({"options": {"level": 4}}, TypeError, "level"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, but is 3"),
    ],
)
def test_bad_arguments_are_refused_before_work(solved, changed, error, message, tmp_path):
    with pytest.raises(error, match=message):
        sweep(**(GOOD | {"checkpoint": tmp_path / "sweep.partial"} | changed))
    assert not solved
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["oscillator", "two-level"])
def test_undefined_point_is_refused_before_work(solved, kind):
    with pytest.raises(
        ValueError, match=r"the global equation is not defined at epsilon=8: .* sqrt\(omega_h omega_c\)"
    ):
        sweep(kind, BOTH, {"epsilon": [0.1, 8.0]}, COLD)
    assert not solved


def test_networks_must_keep_their_names():
    def build(T_h):
        network = network_with_three_nodes(0.1, T_h)
        return network if T_h < 12 else qn.Network(network.nodes, network.couplings, {"other": network.baths["left"]})

    with pytest.raises(ValueError, match="same names of nodes and baths"):
        sweep(build, ["local"], {"T_h": [11.0, 12.0]}, {})


def test_spectrum_that_does_not_pickle_is_refused_for_processes():
    def build(T_h):
        network = network_with_three_nodes(0.1, T_h)
        bath = qn.Bath("A", T_h, qn.CallableSpectrum(lambda frequency: 1e-4 * frequency**3))
        return network.replace(baths={"left": bath})

    with pytest.raises(TypeError, match="picklable parts for jobs > 1"):
        sweep(build, ["local"], {"T_h": [11.0, 12.0]}, {}, jobs=2)


def test_closed_forms_exist_for_two_equations_only():
    with pytest.raises(ValueError, match="equation must be one of 'local', 'global'"):
        closed_forms("two-level", ["redfield"], {"epsilon": EPSILON}, FIGURE_3)
