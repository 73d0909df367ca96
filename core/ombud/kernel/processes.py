"""One process that the supervisor keeps: starts it, reads its signs of life, kills it, passes on what it prints."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO
from uuid import UUID

from ombud.kernel import heartbeat
from ombud.kernel.heartbeat import PULSE_VARIABLE, Reading
from ombud.kernel.ids import new_id
from ombud.kernel.mould import Cast, Mould

PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before a process that died is started again
SETTLED = 20.0  # seconds after which an end does not count as another failed start
DOORS, PAGES = "doors", "pages"
APART = (DOORS, PAGES)  # processes for plugins' pages: of those with doors, and of all others
SOCKETS_VARIABLE = "OMBUD_PAGES_AT"  # the folder with a socket for each of APART, in processes that hand over to them
APART_VARIABLE = "OMBUD_PAGES_OF"  # which of APART this process is
STACK_TIME = 0.15  # seconds a stuck process gets to write its stack

_printing = threading.Lock()


def serves_apart() -> str:
    """Which of APART this process is; empty in every other."""
    return os.environ.get(APART_VARIABLE, "")


def socket_of(name: str) -> str:
    """Where the process of APART with this name listens; empty in these processes themselves and where there are none
    (tests, other servers)."""
    folder = os.environ.get(SOCKETS_VARIABLE, "")
    return f"{folder}/{name}" if name and folder and not serves_apart() else ""


class Child:
    """A place that is filled by one process after another; each has its own id and its own file of signs of life."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        sockets: Sequence[int],
        mould: Mould,
    ) -> None:
        self.name = name
        self.worker: UUID = new_id()
        self.culprit: UUID | None = None  # the delivery that stopped it, if that is known
        self.leaving = False
        self.failures = 0
        self.due = 0.0
        self._arguments = list(arguments)
        self._environ = dict(environ)
        self._folder = folder
        self._sockets = tuple(sockets)
        self._mould = mould
        self._process: subprocess.Popen[bytes] | Cast | None = None
        self._started = 0.0

    def start(self) -> None:
        """From the main thread: the process ends when the thread that started it ends."""
        self.worker, self.culprit = new_id(), None
        heartbeat.prepare(self._pulse)
        arguments = [*self._arguments, "--parent", str(os.getpid()), "--worker", str(self.worker)]
        environ = self._environ | {PULSE_VARIABLE: str(self._pulse)}
        self._process = self._mould.cast(arguments, environ, self._sockets) or self._executed(arguments, environ)
        self._started = time.monotonic()
        threading.Thread(target=pass_on, args=(self.name, self._process.stdout), daemon=True).start()

    def _executed(self, arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "ombud.kernel.child", *arguments],
            env=environ,
            pass_fds=self._sockets,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._started

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def bury(self) -> int | None:
        """The exit code of a process that just ended, once; sets when the next one is due."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self.failures = 0 if self.age > SETTLED else self.failures + 1
        self.due = time.monotonic() + PAUSES[min(max(self.failures - 1, 0), len(PAUSES) - 1)]
        self._process = None
        return code

    def reading(self) -> Reading | None:
        with contextlib.suppress(OSError):
            return heartbeat.read(self._pulse)
        return None

    def stack(self) -> str:
        """Where every thread of the process is at this moment."""
        self.signal(signal.SIGUSR2)
        time.sleep(STACK_TIME)
        with contextlib.suppress(OSError):
            return heartbeat.stack_file(self._pulse).read_text(errors="replace")
        return ""

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self, seconds: float) -> bool:
        """Waits for the process to end by itself; False if it had to be killed."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def move(self, url: str) -> None:
        """The database has another address now: the next process gets it, this one ends."""
        self._environ["OMBUD_DATABASE_URL"] = url
        self.signal(signal.SIGTERM)

    def is_ready(self) -> bool:
        """Whether it takes requests or deliveries."""
        return self.runs() and (said := self.reading()) is not None and said.ready

    def successor(self) -> "Child":
        """One that will fill the same place."""
        return Child(self.name, self._arguments, self._environ, self._folder, self._sockets, self._mould)

    def leave(self, seconds: float) -> None:
        """Asks the process to end, because its successor works; kills it where it takes longer."""
        self.leaving = True
        self.signal(signal.SIGTERM)
        killer = threading.Timer(seconds, self._kill_if, [self._process])
        killer.daemon = True
        killer.start()

    def _kill_if(self, process: "subprocess.Popen[bytes] | Cast | None") -> None:
        if process is not None and process is self._process:
            process.kill()

    def forget(self) -> None:
        """Removes the files of the process that was."""
        for file in (self._pulse, heartbeat.stack_file(self._pulse)):
            file.unlink(missing_ok=True)

    @property
    def _pulse(self) -> Path:
        return self._folder / f"{self.worker}.pulse"


def pass_on(name: str, printed: IO[bytes]) -> None:
    """Line by line under the name of the process, until it ends."""
    with printed:
        for line in printed:
            with _printing, contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"{name} | {line.decode(errors='replace')}")
                sys.stderr.flush()


def clear(folder: Path) -> None:
    """Makes the folder for signs of life and removes what processes left that were killed with their supervisor."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in folder.glob("*.pulse"):
        with contextlib.suppress(OSError):
            said = heartbeat.read(file)
            if said is None or not _lives(said.pid):
                file.unlink(missing_ok=True)
                heartbeat.stack_file(file).unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
