"""The checkpoint of a sweep: a file of its finished points, one line each, below a line that says whose it is.

A point's line is a checksum and the point as JSON; the checksum covers the first line of the file too, so that a line
that was altered, or that comes from another file, is found out.

A file is read before anything is done to it, and changed only if its first line says that it belongs to this very
sweep. A process that has one open holds a lock on it, which the system takes away when that process ends, however it
ends; so a second sweep cannot write to it, and what a killed one leaves behind can be taken up at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import sys
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path

import numpy as np

from qnet_qutip.sweeps.point import Record

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MARK = "qnet_qutip sweep"
BEGINNING = json.dumps([MARK]).encode()[:-1]
"""How every checkpoint of a sweep begins."""

CHECKSUM_LENGTH = 9
"""Eight digits and a space."""

_open_files: weakref.WeakSet[FileIO] = weakref.WeakSet()

LOCKED_BYTE = 2**40
"""Where a lock is on Windows: beyond the end of the file, as it would keep others from reading what it covers."""


@contextlib.contextmanager
def open_checkpoint(
    path: Path | None, key: Mapping[str, object], total: int
) -> Iterator[tuple[dict[int, Record], Callable[[int, Record], None]]]:
    """Begin a checkpoint, or take up the one that the same sweep left behind.

    Parameters
    ----------
    path : Path or None
        The file; with None nothing is kept.
    key : mapping of str to value
        What the sweep is, as values for JSON.
    total : int
        Number of its points.

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
    """
    if path is None:
        yield {}, lambda point, record: None
        return
    header = _line([MARK, key])
    with _open_alone(path) as file:
        records, length = _read(file, path, key, header, total)
        with _naming(path):
            file.truncate(length)
            if not length:
                _append(file, header)

        def append(point: int, record: Record) -> None:
            with _naming(path):
                _append(file, _point_line(header, point, record))

        yield records, append


def _line(entry: object) -> bytes:
    return json.dumps(entry, sort_keys=True, default=np.ndarray.tolist).encode() + b"\n"


def _point_line(header: bytes, point: int, record: Record) -> bytes:
    line = _line({"point": point, "record": dataclasses.asdict(record)})
    return _checksum(header, line) + line


def _checksum(header: bytes, line: bytes) -> bytes:
    return b"%08x " % zlib.crc32(line, zlib.crc32(header))


def _parsed(header: bytes, line: bytes, total: int) -> tuple[int, Record]:
    """The point and the record of a line, or a ValueError."""
    checksum, line = line[:CHECKSUM_LENGTH], line[CHECKSUM_LENGTH:]
    if checksum != _checksum(header, line):
        raise ValueError("its checksum is another")
    try:
        entry = json.loads(line)
        point, record = entry["point"], Record(**entry["record"])
    except (TypeError, LookupError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(point, int) or not 0 <= point < total:
        raise ValueError(f"there is no point {point!r}")
    return point, dataclasses.replace(record, warnings=tuple((category, text) for category, text in record.warnings))


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
            _open_files.add(file)
            return file
        file.close()
        # If it is not at its place, the sweep that had it came to its end and removed it between opening and locking.
        if not locked:
            raise BlockingIOError(
                f"checkpoint {str(path)!r} must not be in use, but another sweep is writing to it; wait for its end or "
                "name another file"
            )


def _close_in_child() -> None:
    """A worker that is forked while a checkpoint is open would hold its lock on after the sweep was killed."""
    for file in list(_open_files):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


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
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise OSError("its file system has no locks, which keep two sweeps apart; put it on another") from error
        raise
    return True


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether an open file is still the one with this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read(
    file: FileIO, path: Path, key: Mapping[str, object], header: bytes, total: int
) -> tuple[dict[int, Record], int]:
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
                    point, record = _parsed(header, line, total)
                except ValueError as error:
                    raise _no_checkpoint(path, f"it has a damaged line: {error}") from None
                records[point] = record
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
