"""What runs on a cluster's folder: its postmaster, and what a killed one left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil


class Postmaster(NamedTuple):
    """A living server as its `postmaster.pid` describes it; `state` is starting, ready, stopping or standby."""

    pid: int
    state: str


def postmaster_of(cluster: Path) -> Postmaster | None:
    """The server that runs on this folder; a zombie or a stranger with the same number does not count."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not works_on(pid, cluster):
        return None
    return Postmaster(pid, lines[7].strip() if len(lines) > 7 else "starting")


def works_on(pid: int, cluster: Path) -> bool:
    """Every server process stands in its cluster's folder; that tells it from all others."""
    try:
        process = psutil.Process(pid)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return False
        return os.path.samefile(process.cwd(), cluster)
    except (psutil.Error, OSError):
        return False


def alive(pid: int, born: float) -> bool:
    """Whether that very process still works."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - born) < 1
    except psutil.Error:
        return False


def end_orphans(cluster: Path, seconds: float = 10) -> bool:
    """Ends what a killed postmaster left behind, else its shared memory stops the next start; true when all ended."""
    deadline = time.monotonic() + seconds
    while orphans := [pid for pid in psutil.pids() if works_on(pid, cluster)]:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def exclusive(path: Path, seconds: float) -> Iterator[None]:
    """One process at a time; TimeoutError when another one keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not take_lock(descriptor, seconds):
            raise TimeoutError(path)
        yield
    finally:
        os.close(descriptor)


def take_lock(descriptor: int, seconds: float) -> bool:
    """A lock on the open file; who inherits the file holds it too. True where the file system knows none."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        except OSError:
            return True
        else:
            return True
