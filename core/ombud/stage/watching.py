"""Sees what a plugin's code does by itself: statements to the database, connections, and time it takes from others."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg

from ombud_plugin_api.testing.stage import Statement, Watched

CORE = str(Path(__file__).parent.parent)
ENGINE = str(Path(CORE) / "kernel" / "database.py")
SENDS = ("execute", "_execute", "_executemany", "_prepare", "cursor")  # every statement passes one of these
TICK = 0.05
_watching: list[Watch] = []


class Watch:
    """Within it, `watched` fills with what the code below a folder does. Statements and connections are told by the
    innermost frame that is either core's or the plugin's; what core does on its behalf is core's."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._folder, self._loop = str(folder), loop
        self.watched = Watched()
        self._kept: dict[str, Any] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._beat = time.monotonic()

    def __enter__(self) -> Watched:
        for name in SENDS:
            self._kept[name] = getattr(asyncpg.Connection, name)
            setattr(asyncpg.Connection, name, self._seen(self._kept[name]))
        _hear_connections()
        _watching.append(self)
        self._thread.start()
        return self.watched

    def __exit__(self, *about: Any) -> None:
        self._done.set()
        self._thread.join(1)
        _watching.remove(self)
        for name, kept in self._kept.items():
            setattr(asyncpg.Connection, name, kept)

    def _seen(self, kept: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(kept)
        def send(connection: Any, query: str, *args: Any, **kwargs: Any) -> Any:
            if place := self.place(sys._getframe(1)):
                self.watched.statements.append(Statement(str(query), place))
            return kept(connection, query, *args, **kwargs)

        return send

    def place(self, frame: FrameType | None) -> str:
        """The line of the plugin's code that this is done for; empty where it is core's doing."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                return f"{Path(file).relative_to(Path(self._folder).parent)}:{frame.f_lineno}"
            if file.startswith(CORE) and file != ENGINE and not file.startswith(str(Path(CORE) / "stage")):
                return ""
            frame = frame.f_back
        return ""

    def reached(self, host: str) -> None:
        if place := self.place(sys._getframe(2)):
            self.watched.reached.append((host, place))

    def _measure(self) -> None:
        """From another thread: how long the loop stays silent, and where in the plugin it is then."""
        answered = threading.Event()
        while not self._done.wait(TICK):
            answered.clear()
            asked = time.monotonic()
            self._loop.call_soon_threadsafe(answered.set)
            while not answered.wait(TICK) and not self._done.is_set():
                silent = time.monotonic() - asked
                if silent > 10 * TICK and (at := self._at()) and silent > self.watched.silent:
                    self.watched.silent, self.watched.silent_at = silent, at

    def _at(self) -> str:
        """Where in the plugin the thread of the loop is at this moment, if it is."""
        thread = getattr(self._loop, "_thread_id", None)
        frame = sys._current_frames().get(thread) if thread else None
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                return f"{Path(file).relative_to(Path(self._folder).parent)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""


_hears = False


def _hear_connections() -> None:
    """An audit hook stays for the life of the process, so there is one."""
    global _hears
    if not _hears:
        _hears = True
        sys.addaudithook(_audit)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "socket.getaddrinfo" and args[0]:
        _told(args[0])
    elif event == "socket.connect" and isinstance(args[1], tuple):
        _told(args[1][0])


def _told(host: Any) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    for watch in _watching:
        watch.reached(name)
