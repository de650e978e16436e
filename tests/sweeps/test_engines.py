"""Where points are solved: processes, executors, MPI and dask; and what happens when one of them ends."""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from curves import ENVIRONMENT, EPSILON, FIGURE_3, network_with_three_nodes, same_numbers, two_level_sweep

import qnet_qutip as qn
from qnet_qutip.solver import threads
from qnet_qutip.sweeps import engines
from qnet_qutip.sweeps.checkpoint import CHECKSUM_LENGTH, open_checkpoint

# ---------------------------------------------------------------- several processes

SCRIPT = """
import multiprocessing, os, pathlib, signal, sys, time, warnings
import numpy as np
import qnet_qutip as qn
from qnet_qutip import sweep

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
                    executor=int(jobs), checkpoint=folder / "sweep.partial", progress=False)
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
    points = [json.loads(line[CHECKSUM_LENGTH:])["point"] for line in each.lines()[1:]]
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
    with open_checkpoint(path, {}, 1), pytest.raises(BlockingIOError, match="must not be in use"):
        two_level_sweep(checkpoint=path)
    assert not solved


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_random_moments_and_taken_up_again_it_gives_the_identical_dataset():
    """A sample of what the script does 200 times."""
    script = Path(__file__).parents[2] / "scripts" / "kill_sweeps.py"
    finished = subprocess.run(
        [sys.executable, script, "--kills", "6", "--points", "10"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("serial: 6 kills, ")
    assert finished.stdout.endswith(" came to their end, 0 of all were wrong\n")


# ---------------------------------------------------------------- executors


def test_processes_give_the_same_numbers(monkeypatch):
    for name in engines.BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)
    assert same_numbers(two_level_sweep(executor=2), two_level_sweep())
    assert not set(engines.BLAS_THREADS) & set(os.environ)


class Immediate(Executor):
    """An executor that does at once what it is asked for, but for the points that it is told to lose."""

    def __init__(self, lost=()):
        self.lost, self.points = lost, []

    def submit(self, function, solve, tasks):
        future, points = Future(), [task.point for task in tasks]
        self.points.append(points)
        try:
            if set(points) & set(self.lost):
                raise OSError("the worker is gone")
            future.set_result(function(solve, tasks))
        except Exception as error:
            future.set_exception(error)
        return future


def test_any_executor_will_do():
    executor = Immediate()
    assert same_numbers(two_level_sweep(executor=executor), two_level_sweep())
    assert executor.points == [[point] for point in range(2 * len(EPSILON))]


def test_a_point_that_the_executor_loses_is_nan():
    with pytest.warns(qn.FailedPointWarning, match="2 of 8 points .* at epsilon=0.5: OSError: the worker is gone"):
        dataset = two_level_sweep(executor=Immediate(lost=(2, 5)))
    assert (dataset.error != "").values.nonzero()[1].tolist() == [2, 1]


def nothing(network):
    return Nothing()


class Nothing:
    """A state that takes no time."""

    def __init__(self):
        self.heat_currents, self.occupations, self.entropy_production = {"hot": 0.0}, {"A": 0.0}, 0.0


def test_points_that_take_no_time_go_in_groups_and_one_that_is_lost_costs_no_other(monkeypatch):
    monkeypatch.setattr(engines, "HANDED_OUT", 2)
    executor = Immediate(lost=(20,))
    with pytest.warns(qn.FailedPointWarning, match="1 of 60 points .* OSError: the worker is gone"):
        dataset = qn.sweep("two-level", [nothing], {"epsilon": np.linspace(0.1, 1, 60)}, FIGURE_3, executor=executor)
    assert (dataset.error.values[0] != "").nonzero()[0].tolist() == [20]
    group = next(points for points in executor.points if 20 in points)
    assert 1 < len(group) <= engines.LARGEST_GROUP
    for point in group:
        assert [point] in executor.points


def test_an_executor_that_brings_nothing_back_ends_the_sweep():
    with pytest.raises(OSError, match="the worker is gone") as caught:
        two_level_sweep(executor=Immediate(lost=range(8)))
    assert caught.value.__notes__ == ["in a sweep, for the local equation at epsilon=0.01"]


def threads_of_a_large_problem(state):
    return threads.threads(threads.LARGE)


def test_workers_keep_to_one_core(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert threads_of_a_large_problem(None) == 3
    dataset = two_level_sweep(observables=[threads_of_a_large_problem], executor=Immediate())
    assert (dataset.threads_of_a_large_problem == 1).all()


UNGUARDED = """
import qnet_qutip as qn

FIXED = {"omega_h": 10.0, "omega_c": 5.0, "T_h": 12.0, "T_c": 10.0, "kappa": 1e-4}
qn.sweep("two-level", ["local"], {"epsilon": [0.1, 0.2]}, FIXED, executor=2)
"""


def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    ended = subprocess.run([sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert ended.returncode != 0
    assert 'a script must call sweep under `if __name__ == "__main__":`' in ended.stderr


def killing(state):
    if state.equation.network.couplings["A", "B"] == 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def test_a_worker_that_is_killed_ends_the_sweep_with_a_remedy_and_keeps_what_is_done(tmp_path):
    path = tmp_path / "sweep.partial"
    observable = qn.Observable("killing", killing)
    with pytest.raises(BrokenProcessPool) as caught:
        two_level_sweep(observables=[observable], executor=2, checkpoint=path)
    assert "with a checkpoint the same call takes up from here" in caught.value.__notes__[0]
    assert len(path.read_bytes().splitlines()) >= 2


class Broken(Immediate):
    """An executor that works until it is handed the point numbered `last`."""

    def __init__(self, last):
        super().__init__()
        self.last = last

    def submit(self, function, solve, tasks):
        if any(task.point == self.last for task in tasks):
            raise BrokenProcessPool("a process ended")
        return super().submit(function, solve, tasks)


def test_what_came_back_before_an_engine_broke_is_kept_though_it_breaks_while_points_are_handed_out(tmp_path):
    path = tmp_path / "sweep.partial"
    with pytest.raises(BrokenProcessPool) as caught:
        two_level_sweep(executor=Broken(5), checkpoint=path)
    assert "with a checkpoint the same call takes up from here" in caught.value.__notes__[0]
    assert len(path.read_bytes().splitlines()) == 1 + 5


# ---------------------------------------------------------------- what does not pickle


def network_with_a_lambda(T_h):
    bath = qn.Bath("A", T_h, qn.CallableSpectrum(lambda frequency: 1e-4 * frequency**3))
    return network_with_three_nodes(0.1, T_h).replace(baths={"left": bath})


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"build": network_with_a_lambda}, "the network"),
        ({"equations": {"mine": lambda network: qn.local_master_equation(network)}}, "an equation"),
        ({"observables": [qn.Observable("mine", lambda state: 1.0)]}, "observable 'mine'"),
    ],
)
def test_what_does_not_pickle_is_refused_for_processes_before_work(changed, what):
    arguments = {"build": network_at, "equations": ["local"], "coordinates": {"T_h": [11.0, 12.0]}, "parameters": {}}
    with pytest.raises(TypeError, match=f"{what} must pickle to be sent .* or leave executor out"):
        qn.sweep(**arguments | changed, executor=2)
    with pytest.raises(TypeError, match=f"{what} must pickle to be sent .* or leave executor out"):
        qn.sweep(**arguments | changed, executor=Immediate())
    qn.sweep(**arguments | changed)


def network_at(T_h):
    return network_with_three_nodes(0.1, T_h)


def test_a_function_that_builds_the_networks_need_not_pickle():
    dataset = qn.sweep(lambda T_h: network_at(T_h), ["local"], {"T_h": [11.0, 12.0]}, {}, executor=2)
    assert (dataset.error == "").all()


PROMPT = """
import warnings
import qnet_qutip as qn

warnings.simplefilter("ignore")

def purity(state):
    return (state.rho**2).tr().real

try:
    qn.sweep("two-level", ["local"], {"epsilon": [0.1, 0.2]}, %r, observables=[purity], executor=2)
except TypeError as error:
    print(error)
"""


def test_a_function_of_a_prompt_is_refused_for_processes():
    """It has no module that another process could import."""
    finished = subprocess.run(
        [sys.executable, "-c", PROMPT % FIGURE_3], env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert "observable 'purity' must be in a module for other processes to import" in finished.stdout, finished.stderr


def forked_sleeper(started):
    started.set()
    time.sleep(30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_not_keep_the_checkpoint_locked(tmp_path):
    """As those of Python's own pool are, which outlive a sweep that is killed."""
    path = tmp_path / "sweep.partial"
    forking = multiprocessing.get_context("fork")
    started = forking.Event()
    sleeper = forking.Process(target=forked_sleeper, args=(started,))
    with open_checkpoint(path, {}, 1):
        sleeper.start()
        started.wait(60)
    try:
        with open_checkpoint(path, {}, 1):
            assert sleeper.is_alive()
    finally:
        sleeper.kill()
        sleeper.join()
