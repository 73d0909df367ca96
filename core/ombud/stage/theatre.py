"""Where a stage is set: a desk that lives in a thread of its own, out of the way of the loops of tests."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ombud.testing_desk import Desk, running_desk
from ombud_plugin_api.testing.checks import Broken
from ombud_plugin_api.testing.subject import Subject

if TYPE_CHECKING:
    from ombud.stage.stage import Stage

T = TypeVar("T")
SILENCE = 10.0  # seconds for which the loop may be silent before the plugin is broken into


class Interrupted(Exception):
    """Raised in the middle of code that holds the process up."""


class Theatre:
    """A thread with an event loop, and a desk that lives on it; stages for several plugins may use it in turn."""

    def __init__(self, url: str, data: Path) -> None:
        self._url, self.data = url, data
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="stage", daemon=True)
        self.log = _Log()
        self.stuck = False

    def __enter__(self) -> Theatre:
        self._thread.start()
        logging.getLogger().addHandler(self.log)
        self._running = running_desk(self._url, self.data)
        self.desk: Desk = self.run(self._running.__aenter__())
        return self

    def __exit__(self, *about: Any) -> None:
        logging.getLogger().removeHandler(self.log)
        if self.stuck:
            return
        with contextlib.suppress(Broken):
            self.run(self._running.__aexit__(None, None, None), 30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self.loop.close()

    def run(self, work: Coroutine[Any, Any, T], limit: float = 90.0) -> T:
        if self.stuck:
            work.close()
            raise Broken("the process still hangs in the plugin's code; nothing more can be tried")
        waiting = asyncio.run_coroutine_threadsafe(work, self.loop)
        until, beaten = time.monotonic() + limit, [time.monotonic()]
        while not waiting.done() and time.monotonic() < until:
            self.loop.call_soon_threadsafe(lambda: beaten.append(time.monotonic()))
            with contextlib.suppress(TimeoutError):
                return waiting.result(0.5)
            if time.monotonic() - beaten[-1] > SILENCE:
                self._interrupt()
                raise Broken(f"its code held the whole process up for more than {SILENCE:.0f} s")
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        raise Broken(f"it took longer than {limit:.0f} s; something of the plugin does not end")

    def _interrupt(self) -> None:
        """Breaks into Python code that does not end; what waits in C cannot be broken into, and the stage is lost."""
        thread = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Interrupted))
        answered = threading.Event()
        self.loop.call_soon_threadsafe(answered.set)
        self.stuck = not answered.wait(5)

    def for_plugin(self, plugin: Subject) -> Stage:
        from ombud.stage.stage import Stage

        return Stage(self, plugin)


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):
            self.lines.append(self.format(record))
