"""Signs of life in shared memory: when the event loop last ran, how many wait for an answer, and which provider calls
and deliveries are open.

A process writes its own file, the supervisor reads it even after the process was killed.
"""

import asyncio
import contextvars
import faulthandler
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

PULSE_VARIABLE = "OMBUD_PULSE"
BEAT_EVERY = 0.25  # seconds

_HEAD = struct.Struct("<4sIQ")
_BEAT = slice(8, 16)  # within the head
_READY = _HEAD.size  # a byte: 1 once the process does what it is for
_ASKED = _READY + 1  # a byte: how many requests wait for their answer, 255 for more
_FRESH = 2_000_000_000  # nanoseconds since its last beat in which what a process says of others still holds
_SLOT = struct.Struct("<B7xQQ64s96s16s")
_MAGIC = b"OmbP"
_HEAD_SIZE = 64
_SLOT_SIZE = 208
_SLOTS = 256
SIZE = _HEAD_SIZE + _SLOTS * _SLOT_SIZE


delivery: ContextVar[UUID | None] = ContextVar("ombud_delivery", default=None)
"""The delivery in whose handling this code runs."""


class TooManyCalls(RuntimeError):
    """Every place for a running call is taken; nothing may run that the watchdog cannot see."""


@dataclass(frozen=True)
class OpenCall:
    """A call that has begun and not ended; times in monotonic nanoseconds, a limit of 0 means none."""

    slug: str
    place: str
    started: int
    limit: int
    delivery: UUID | None = None


@dataclass(frozen=True)
class Reading:
    pid: int
    beat: int
    calls: tuple[OpenCall, ...]
    ready: bool = False


class Pulse:
    """The file of this process, or private memory where nobody watches (tests, one-off commands)."""

    def __init__(self, path: Path | None) -> None:
        self._memory = _map(path)
        self._free = list(range(_SLOTS))
        self._lock = threading.Lock()
        self._asked = 0
        _HEAD.pack_into(self._memory, 0, _MAGIC, os.getpid(), 0)

    def beat(self) -> None:
        """In one piece: `pack_into` would blank the bytes first, and whoever reads just then sees a process that never
        came to life."""
        self._memory[_BEAT] = time.monotonic_ns().to_bytes(8, "little")

    def say_ready(self) -> None:
        """Requests or deliveries are taken from now on; the process before this one may go."""
        self._memory[_READY] = 1

    def asked(self, more: int) -> None:
        """A request came (1) or has its answer (-1); on the event loop."""
        self._asked += more
        self._memory[_ASKED] = min(self._asked, 255)

    @contextmanager
    def open_call(self, slug: str, place: str, limit: float = 0.0) -> Iterator[None]:
        """Written before the body starts and wiped after it ends; `limit` in seconds, 0 for none."""
        with self._lock:
            if not self._free:
                raise TooManyCalls(f"{_SLOTS} calls run already; {place} was not started")
            slot = self._free.pop()
        at = _HEAD_SIZE + slot * _SLOT_SIZE
        inside = delivery.get()
        words = (time.monotonic_ns(), int(limit * 1e9), slug.encode()[:64], place.encode()[:96])
        _SLOT.pack_into(self._memory, at, 0, *words, inside.bytes if inside else bytes(16))
        self._memory[at] = 1
        try:
            yield
        finally:
            self._memory[at] = 0
            with self._lock:
                self._free.append(slot)


def _map(path: Path | None) -> mmap.mmap:
    if path is None:
        return mmap.mmap(-1, SIZE)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), SIZE)


def prepare(path: Path) -> None:
    """Makes the empty file; the supervisor does this before it starts the process."""
    path.write_bytes(bytes(SIZE))


def read(path: Path) -> Reading | None:
    """What the process last said; None before it said anything."""
    raw = path.read_bytes()
    if len(raw) < SIZE or raw[:4] != _MAGIC:
        return None
    _, pid, beat = _HEAD.unpack_from(raw)
    calls = [_slot(raw, _HEAD_SIZE + index * _SLOT_SIZE) for index in range(_SLOTS)]
    return Reading(
        pid, beat, tuple(sorted((call for call in calls if call), key=lambda call: call.started)), raw[_READY] == 1
    )


def waiting(folder: Path) -> int:
    """How many requests the processes with a file in this folder are answering at this moment."""
    found = 0
    for path in folder.glob("*.pulse"):
        try:
            with path.open("rb", buffering=0) as file:
                head = file.read(_HEAD_SIZE)
        except FileNotFoundError:
            continue
        if head[_ASKED : _ASKED + 1] > b"\0" and time.monotonic_ns() - _HEAD.unpack_from(head)[2] < _FRESH:
            found += head[_ASKED]
    return found


def _slot(raw: bytes, at: int) -> OpenCall | None:
    if raw[at] != 1:
        return None
    _, started, limit, slug, place, inside = _SLOT.unpack_from(raw, at)
    return OpenCall(_text(slug), _text(place), started, limit, UUID(bytes=inside) if any(inside) else None)


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode(errors="replace")


def stack_file(pulse_file: Path) -> Path:
    return pulse_file.with_suffix(".stack")


class _Process:
    """One pulse, one beating task and one open file for stacks per process."""

    file: Path | None = None
    pulse: Pulse | None = None
    task: asyncio.Task[None] | None = None
    stacks: object = None


def _own_file() -> Path | None:
    """Taken out of the environment: a process that this one starts must not write its own signs of life over ours, or
    the supervisor takes ours for one that never came to life."""
    if (named := os.environ.pop(PULSE_VARIABLE, "")) and _Process.file is None:
        _Process.file = Path(named)
    return _Process.file


def folder() -> Path | None:
    """Where the processes of this supervisor have their files; None without one."""
    file = _own_file()
    return file.parent if file else None


def pulse() -> Pulse:
    if _Process.pulse is None:
        _Process.pulse = Pulse(_own_file())
    return _Process.pulse


def show_stack_on_request() -> None:
    """Lets the watchdog ask where this process is stuck (SIGUSR2); works while Python code blocks."""
    if (file := _own_file()) is not None:
        _Process.stacks = stack_file(file).open("w")
        faulthandler.register(signal.SIGUSR2, file=_Process.stacks, all_threads=True)


def beat_task() -> asyncio.Task[None]:
    """Keeps saying that this process's event loop runs; called at start in the loop that must not stall."""
    if _Process.task is None or _Process.task.done() or _Process.task.get_loop() is not asyncio.get_running_loop():
        _Process.task = asyncio.create_task(_beat(), name="heartbeat", context=contextvars.Context())
    return _Process.task


async def _beat() -> None:
    mine = pulse()
    while True:
        mine.beat()
        await asyncio.sleep(BEAT_EVERY)
