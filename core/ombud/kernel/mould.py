"""The supervisor's side of `casting`: a process that imported everything, from which the others are forked. It saves
each of them its second of imports, and they share the memory of what it holds."""

import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO

READY = b"ready"
PR_SET_CHILD_SUBREAPER = 36
IMPORTING = 30.0  # seconds the imports may take
ANSWERING = 5.0  # seconds a fork may take
ROOM = 600  # letters of a command line

log = logging.getLogger("ombud.supervisor")


class Cast:
    """A process that was forked for this one, used as those that `subprocess` starts."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._lock = threading.RLock()  # a timer or a signal may kill what is just being buried

    def poll(self) -> int | None:
        with self._lock:
            return self._buried()

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("ombud.kernel.child", timeout or 0.0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        with self._lock:  # what is not buried keeps its number: no other process gets the signal
            if self._buried() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _buried(self) -> int | None:
        if self.returncode is None:
            with contextlib.suppress(ChildProcessError):  # a signal's handler was here between two of these lines
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Mould:
    """`modules`: what its processes need, imported once (and, as `module:function`, called); where that cannot be done,
    each starts by itself. Plugins' code is not among it: that is imported only where it may stop a process that can be
    replaced."""

    def __init__(self, modules: Collection[str], pass_on: Callable[[str, IO[bytes]], None]) -> None:
        self._modules = sorted(modules)
        self._pass_on = pass_on
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._begun = 0.0
        self._is_ready = False

    def begin(self) -> None:
        """From the main thread, as all that ends with it. What it imports is what is installed at this moment."""
        self.end()
        if sys.platform != "linux":  # only there can a process of another's be adopted
            return
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "ombud.kernel.casting", *self._modules, "--parent", str(os.getpid())]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, "--line", str(theirs.fileno()), "--room", " " * ROOM],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._begun = time.monotonic()
        threading.Thread(target=self._pass_on, args=("imports", self._process.stderr), daemon=True).start()

    def is_coming(self) -> bool:
        """Whether it is worth waiting for."""
        if self._process is None or self._line is None:
            return False
        if self._process.poll() is not None:
            again = self._is_ready  # it worked, so it will again
            log.warning("what imports for all processes ended%s", "" if again else "; each imports for itself")
            self.end()
            if again:
                self.begin()
            return again
        if not self._is_ready:
            with contextlib.suppress(BlockingIOError):
                self._is_ready = self._line.recv(len(READY), socket.MSG_DONTWAIT) == READY
            if not self._is_ready and time.monotonic() - self._begun > IMPORTING:
                log.warning("the imports for all processes take too long; each imports for itself")
                self.end()
                return False
        return not self._is_ready

    def cast(self, arguments: Sequence[str], environ: Mapping[str, str], sockets: Sequence[int]) -> Cast | None:
        """A new process in a session of its own, a child of this one; None where it has to be started otherwise."""
        if self.is_coming() or self._line is None:
            return None
        reading, writing = os.pipe()
        try:
            pid = self._ordered(self._line, arguments, environ, [writing, *sockets])
        except (OSError, ValueError) as problem:
            log.warning("no process could be forked (%s); it is started by itself", problem)
            self.end()
            pid = -1
        finally:
            os.close(writing)
        if pid > 0:
            return Cast(pid, os.fdopen(reading, "rb"))
        os.close(reading)
        return None

    def _ordered(
        self, line: socket.socket, arguments: Sequence[str], environ: Mapping[str, str], descriptors: Sequence[int]
    ) -> int:  # fmt: skip
        order = {"arguments": list(arguments), "environ": dict(environ), "sockets": descriptors[1:]}
        line.settimeout(ANSWERING)
        with _adopting(), os.fdopen(os.memfd_create("order"), "w+") as told:
            json.dump(order, told)
            told.flush()
            os.lseek(told.fileno(), 0, os.SEEK_SET)
            socket.send_fds(line, [b"order"], [told.fileno(), *descriptors])
            return int(line.recv(20))

    def end(self) -> None:
        """Only itself: what was forked from it goes on."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._line = None
        self._is_ready = False


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Inside it this process becomes the parent of grandchildren whose own parent ends."""
    system = ctypes.CDLL(None)
    system.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        system.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
