"""The checkpoint of a sweep: a file of its finished points, one JSON line each, below a line that says whose it is.

A file is read before anything is done to it, and changed only if its first line says that it belongs to this very
sweep. A process that has one open holds a lock on it, which the system takes away when that process ends, however it
ends; so a second sweep cannot write to it, and what a killed one leaves behind can be taken up at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MARK = "qnet_qutip sweep"
BEGINNING = json.dumps([MARK]).encode()[:-1]
"""How every checkpoint of a sweep begins."""

LOCKED_BYTE = 2**40
"""Where a lock is on Windows: beyond the end of the file, as it would keep others from reading what it covers."""


@dataclass(frozen=True)
class Record:
    """What is kept of a steady state."""

    heat_current: Mapping[str, float]
    occupation: Mapping[str, float]
    entropy_production: float
    truncation_error: Mapping[str, float]
    one_way_flow: Mapping[str, float]
    residual: float
    iterations: int
    seconds: float
    warnings: Sequence[Sequence[str]]


@contextlib.contextmanager
def open_checkpoint(
    path: Path | None, key: Mapping[str, object]
) -> Iterator[tuple[dict[int, Record], Callable[[int, Record], None]]]:
    """Begin a checkpoint or take up the one that the same sweep left behind, and remove it in the end.

    Parameters
    ----------
    path : Path or None
        The file; with None nothing is kept.
    key : mapping of str to value
        What the sweep is, as values for JSON.

    Yields
    ------
    records : dict of int to Record
        The points that the checkpoint has.
    append : callable
        Adds a point and its record to the file. The file is as before if that fails.

    Raises
    ------
    BlockingIOError
        If another sweep has the file open.
    OSError
        If it is no file that can be written; from `append` too.
    ValueError
        If it is not empty and no checkpoint of this sweep; it is then left as it is.

    Warns
    -----
    RuntimeWarning
        If the file cannot be removed after a block that ended well.
    """
    if path is None:
        yield {}, lambda point, record: None
        return
    header = _line([MARK, key])
    with _open_alone(path) as file:
        records, length = _read(file, path, key, header)
        with _naming(path):
            file.truncate(length)
            if not length:
                _append(file, header)

        def append(point: int, record: Record) -> None:
            with _naming(path):
                _append(file, _line({"point": point, "record": dataclasses.asdict(record)}))

        yield records, append
        _remove(file, path)


def _line(entry: object) -> bytes:
    return json.dumps(entry, sort_keys=True).encode() + b"\n"


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the checkpoint in an error of the system."""
    try:
        yield
    except OSError as error:
        raise OSError(f"checkpoint must be a file that can be written, but is {str(path)!r}: {error}") from error


def _open_alone(path: Path) -> FileIO:
    """The file, created if need be and locked, unbuffered: a line is in it at once, or not at all."""
    while True:
        with _naming(path):
            if path.exists() and not path.is_file():
                raise OSError("this is no regular file")
            file = path.open("a+b", buffering=0)
            try:
                locked, at_its_place = _lock(file), _is_at(file, path)
            except BaseException:
                file.close()
                raise
        if locked and at_its_place:
            return file
        file.close()
        # If it is not at its place, the sweep that had it came to its end and removed it between opening and locking.
        if not locked:
            raise BlockingIOError(
                f"checkpoint {str(path)!r} must not be in use, but another sweep is writing to it; wait for its end or "
                "name another file"
            )


def _lock(file: FileIO) -> bool:
    """Lock a file until it is closed or this process ends, unless it is locked already."""
    try:
        if sys.platform == "win32":
            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether an open file is still the one with this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read(file: FileIO, path: Path, key: Mapping[str, object], header: bytes) -> tuple[dict[int, Record], int]:
    """The records in a file, and its length without a last line that was cut off; an error if it is not this sweep's.

    Of a header that was cut off, as of an empty file, nothing is taken over: the length is 0.
    """
    with open(file.fileno(), "rb", closefd=False) as content:
        content.seek(0)
        first = content.readline(len(header))
        if first != header:
            if not first or (first.startswith(BEGINNING) and header.startswith(first)):
                return {}, 0
            if first.startswith(BEGINNING):
                rest = b"" if first.endswith(b"\n") else content.readline()
                raise _of_another_sweep(path, key, first + rest)
            raise _no_checkpoint(path, "its first line is not that of one")
        records, length = {}, len(header)
        for line in content:
            if line.endswith(b"\n"):
                try:
                    entry = json.loads(line)
                    records[entry["point"]] = Record(**entry["record"])
                except (ValueError, TypeError, KeyError) as error:
                    raise _no_checkpoint(path, f"it has a line that is no point: {error}") from None
                length += len(line)
        return records, length


def _no_checkpoint(path: Path, reason: str) -> ValueError:
    return ValueError(f"checkpoint {str(path)!r} must be one that a sweep left behind, but is not: {reason}")


def _of_another_sweep(path: Path, key: Mapping[str, object], first: bytes) -> ValueError:
    try:
        found = dict(json.loads(first)[1])
    except (ValueError, TypeError, IndexError) as error:
        return _no_checkpoint(path, f"its first line is damaged: {error}")
    different = [name for name in key if _line(found.get(name)) != _line(key[name])]
    return ValueError(
        f"checkpoint {str(path)!r} must belong to this sweep, but it is of one with other {', '.join(different)}; "
        "delete it or name another file"
    )


def _append(file: FileIO, line: bytes) -> None:
    """Add a line at the end, or leave the file as it is: a full disk may take the beginning of a line only."""
    length, written = file.seek(0, os.SEEK_END), 0
    try:
        while written < len(line):
            written += file.write(line[written:])
    except BaseException:
        file.truncate(length)
        raise


def _remove(file: FileIO, path: Path) -> None:
    """Remove a checkpoint that has served, or where its name is a link what that leads to."""
    if not _is_at(file, path):
        return
    if sys.platform == "win32":
        # An open file cannot be removed there.
        file.close()
    try:
        path.resolve().unlink()
    except OSError as error:
        warnings.warn(
            f"the sweep is finished, but its checkpoint {str(path)!r} cannot be removed: {error}",
            RuntimeWarning,
            stacklevel=5,
        )
