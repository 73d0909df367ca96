"""A desk served by the command `ombud`, by processes of its own, on a free port and in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

OMBUD = Path(sys.prefix) / "bin" / "ombud"
# httpx reads all certificates for each client, and `httpx.get` makes one: by far more work than a request to a desk.
CERTIFICATES = httpx.create_ssl_context()


def allowed(seconds: float) -> float:
    """The promised time, longer by as much as the machine has more to do than it has cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Served:
    """A desk that is served by processes of its own; `program` is the command `ombud` of one environment or another.
    `of`: the folder of a prepared desk, at rest, which this one is a copy of; `token`: then its administrator's."""

    def __init__(
        self, data: Path, environment: dict[str, str], program: Path = OMBUD, of: Path | None = None
    ) -> None:  # fmt: skip
        self.token = ""
        if of is not None:
            shutil.copytree(of, data, symlinks=True)
            self.token = (of.parent / "token").read_text()
        self.data = data
        self.program = program
        self.address = ""
        self._environment = environment
        self._log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        outside = {
            key: value for key, value in os.environ.items() if not key.startswith(("OMBUD_", "PYTHON", "VIRTUAL"))
        }
        return {**outside, **self._environment, "OMBUD_DATA_DIR": str(self.data)}

    def command(self, *words: str, code: int = 0, given: str = "") -> str:
        """Runs `ombud WORDS` beside the serving processes; returns what it printed on stdout."""
        done = subprocess.run(
            [self.program, *words], cwd=self.data.parent, env=self.environment, input=given, capture_output=True,
            text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"ombud {' '.join(words)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        self.said = done.stderr
        return done.stdout

    def start(self, *more: str, port: int = 0) -> None:
        """Prepares the desk if it is new. Commands are cheaper afterwards: before, each starts the database anew."""
        self._process = subprocess.Popen(
            [self.program, "serve", "--port", str(port), *more], cwd=self.data.parent, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=self._log.open("a"),
        )  # fmt: skip
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "serves on http" in line:
                self.address = line.split("serves on ")[1].strip()
                return
        pytest.fail(f"the desk did not start:\n{self.log[-3000:]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def die(self) -> None:
        """Ends as a power cut would have it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def process(self, words: str) -> psutil.Process:
        """The living process among the desk's own whose command line holds these words."""
        assert self._process is not None
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for each in psutil.Process(self._process.pid).children(recursive=True):
                try:
                    if words in " ".join(each.cmdline()) and each.status() != psutil.STATUS_ZOMBIE:
                        return each
                except psutil.Error:
                    continue
            time.sleep(0.05)
        raise AssertionError(f"no process of the desk runs {words}")

    def kill(self, words: str) -> None:
        """Kills that process with -9 and waits until another has taken its place."""
        victim = self.process(words)
        victim.kill()
        victim.wait(10)
