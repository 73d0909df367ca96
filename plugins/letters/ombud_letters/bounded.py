"""Other programs, each in a process group of its own, with bounds on time, processor and memory."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "ombud-letters-"
LEFT_AFTER = 24 * 3600.0
WORKSHOP_SECONDS, WORKSHOP_MB = 120.0, 3000
# `ulimit` instead of a hook between fork and exec, which may not be used beside threads; where a system knows one of
# the bounds not at all, the clock still holds.
_BOUND = 'ulimit -v "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; ulimit -c 0 2>/dev/null; shift 2; exec "$@"'


class TooLong(Exception):
    """It ran longer than it may, and was ended."""


class Broke(Exception):
    """A program of ours ended without an answer; the text is the end of what it said."""


@dataclass(frozen=True)
class Ended:
    code: int
    said: str


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one piece of work; it goes afterwards. What a killed process left behind goes with the next one."""
    sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as place:
        yield Path(place)


def sweep(older_than: float = LEFT_AFTER) -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if left.stat().st_uid == os.getuid() and time.time() - left.stat().st_mtime > older_than:
                shutil.rmtree(left, ignore_errors=True)


async def run(words: Sequence[str], place: Path, *, seconds: float, megabytes: int) -> Ended:
    """Runs a program in that folder; raises `TooLong`. Also when this is cancelled, nothing of it runs on."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", _BOUND, "sh", str(megabytes * 1024), str(int(seconds) + 1), *words,
        cwd=place, env=_surroundings(place), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        raise TooLong(f"{Path(words[0]).name} ran for {seconds:.0f} s") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            await process.wait()
    return Ended(process.returncode or 0, said.decode("utf-8", "replace")[-2000:])


def _surroundings(place: Path) -> dict[str, str]:
    """Nothing of ours goes along: no secret of the desk stands in the environment of what opens strangers' files."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(place), "TMPDIR": str(place), "LANG": "C.UTF-8",
        "OMP_THREAD_LIMIT": "1", "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }  # fmt: skip


async def workshop(task: str, place: Path, /, seconds: float = WORKSHOP_SECONDS, **about: Any) -> Mapping[str, Any]:
    """One task of the workshop in that folder; its answer. Raises `TooLong` and `Broke`."""
    (place / "task.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
    answer = place / "answer.json"
    answer.unlink(missing_ok=True)
    words = [sys.executable, "-m", "ombud_letters.workshop", task]
    ended = await run(words, place, seconds=seconds, megabytes=WORKSHOP_MB)
    if ended.code != 0 or not answer.is_file():
        raise Broke(ended.said.strip()[-300:] or f"it ended with {ended.code}")
    said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    return said
