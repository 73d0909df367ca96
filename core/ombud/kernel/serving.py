"""One `ombud serve` for one folder: a second one would take over the first one's processes and clear its files."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

from ombud.kernel.postgres_process import take_lock

REPLACED = 180.0  # seconds within which all processes should have been replaced


class NotServed(Exception):
    """No process of this machine serves the folder."""


class NotReplaced(Exception):
    """Old processes still run; the text says how many."""


class Served(Exception):
    """Another process serves this folder; `who` names it as well as the file tells."""

    def __init__(self, role: str, who: str) -> None:
        super().__init__(who)
        self.role = role
        self.who = who


@contextlib.contextmanager
def alone(folder: Path, roles: Collection[str]) -> Iterator[None]:
    """Holds the folder for these roles inside the block; raises Served. The kernel lets go of the lock when the process
    ends, however it ends, so a lock that is left on the disk never shuts anybody out."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for role in sorted(roles):
            stack.enter_context(_held(folder / f"serve-{role}.lock", role))
        yield


@contextlib.contextmanager
def _held(path: Path, role: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not take_lock(descriptor, seconds=0):
            raise Served(role, _who(os.pread(descriptor, 100, 0)))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def replace_processes(folder: Path, seconds: float = REPLACED) -> int:
    """Has the supervisors of this folder put new processes in the places of the old ones, and waits for the last;
    returns how many there were. Raises NotServed, NotReplaced."""
    supervisors = {number for path in folder.glob("serve-*.lock") if (number := _holder(path))}
    old = [child for number in supervisors for child in _processes_of(number)]
    if not old:
        raise NotServed
    for number in supervisors:
        os.kill(number, signal.SIGHUP)
    _, left = psutil.wait_procs(old, timeout=seconds)
    if left:
        raise NotReplaced(f"{len(left)} of {len(old)} processes were not replaced within {seconds:.0f} s.")
    return len(old)


def _holder(path: Path) -> int:
    """The process that holds the lock; 0 where nobody does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if take_lock(descriptor, seconds=0):
            return 0
        said = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(descriptor)


def _processes_of(supervisor: int) -> list[psutil.Process]:
    try:
        children = psutil.Process(supervisor).children()
        return [child for child in children if "ombud.kernel.child" in child.cmdline()]
    except psutil.Error:
        return []


def _who(said: bytes) -> str:
    """The process by its number and command, where it can still be seen."""
    text = said.decode(errors="replace").strip()
    if not text.isdigit():
        return "another process"
    try:
        command = " ".join(psutil.Process(int(text)).cmdline())
    except psutil.Error:
        return f"process {text}"
    return f"process {text} ({command[:200]})"
