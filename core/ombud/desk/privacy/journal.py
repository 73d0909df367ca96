"""The erasure journal: a file outside database and backups that says whose records were erased, so that a restored
backup can be made to forget them again. It holds ids and codes, no names; each line carries the digest of the one
before."""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ombud import speech
from ombud.kernel.clock import now
from ombud.process import settings

FOLDER, NAME = "erasures", "journal.jsonl"


class JournalBroken(RuntimeError):
    """A line does not follow from the one before it; the text names the line."""


def path() -> Path:
    """Beside the database, not in it: keep a copy of it apart from the backups."""
    return settings().data.dir / FOLDER / NAME


def write(what: str, content: Mapping[str, Any]) -> int:
    """Appends a line and waits until the disk has it; returns its number. `what`: erase (before it is done), done, void
    (it failed, nothing was erased). Each names its `erasure`; an `erase` line holds `people`, `cases`, `kept` and
    `shared`, by which it is done again, and for a case whose time was over `severed` and the `run` that did it."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(file) as handle:
        last = _last_line(handle)
        prev = _digest(last) if last else ""
        number = int(msgspec.json.decode(last)["n"]) + 1 if last else 1
        line = speech.encoded({"n": number, "at": now().isoformat(), "what": what, "prev": prev, **content})
        handle.write(line + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    return number


@contextmanager
def _locked(file: Path) -> Iterator[Any]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle


def _last_line(handle: Any) -> bytes:
    """Found from the end, because the file only grows."""
    size = handle.seek(0, os.SEEK_END)
    back = 0
    while back < size:
        back = min(size, back + 65536)
        handle.seek(size - back)
        lines: list[bytes] = handle.read().splitlines()
        if len(lines) > 1 or back == size:
            return lines[-1] if lines else b""
    return b""


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def read(file: Path | None = None) -> list[dict[str, Any]]:
    """All lines, checked; raises JournalBroken."""
    file = file or path()
    if not file.exists():
        return []
    found, prev = [], ""
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError:
            raise JournalBroken(f"{file}, line {number}: this is no line of a journal; put back its copy") from None
        if entry.get("n") != number or entry.get("prev") != prev:
            raise JournalBroken(f"{file}, line {number}: it does not follow from the line before; put back its copy")
        prev = _digest(line)
        found.append(entry)
    return found


def head(file: Path | None = None) -> dict[str, Any]:
    """How many lines there are and the digest of the last, by which a later copy is known to go on from this one."""
    lines = _lines(file or path())
    return {"lines": len(lines), "last": _digest(lines[-1]) if lines else ""}


def goes_on_from(known: Mapping[str, Any], file: Path) -> bool:
    """Whether the file is a later copy of the journal that had this `head`."""
    lines, number = _lines(file), int(known["lines"])
    return len(lines) >= number and (not number or _digest(lines[number - 1]) == known["last"])


def _lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines() if file.exists() else []


def orders(file: Path | None = None) -> list[dict[str, Any]]:
    """The orders that count, of whatever kind: all but those that failed and destroyed nothing."""
    begun: dict[str, dict[str, Any]] = {}
    standing: dict[str, dict[str, Any]] = {}
    for each in read(file):
        if each["what"] == "void":
            standing.pop(each["erasure"], None)
        elif each["what"] != "done":
            begun[each["erasure"]] = standing[each["erasure"]] = each
        elif each["erasure"] in begun:  # whoever called it void did not wait for its end
            standing[each["erasure"]] = begun[each["erasure"]]
    return list(standing.values())


def unfinished(run: str) -> list[dict[str, Any]]:
    """Orders of a retention run of which nobody wrote how they ended: the process was killed."""
    begun: dict[str, dict[str, Any]] = {}
    for each in read():
        if each["what"] == "erase" and each.get("run") == run:
            begun[each["erasure"]] = each
        elif each["what"] in {"done", "void"}:
            begun.pop(each["erasure"], None)
    return list(begun.values())


def adopt(file: Path) -> int:
    """Makes another copy of the journal this desk's own: takes its place where the other goes on from it; else the
    orders that this one does not know are added as new lines. Returns how many lines came in. Raises JournalBroken."""
    theirs, own = read(file), read()
    if file.exists() and path().exists() and file.samefile(path()):
        return 0
    if goes_on_from(head(), file):
        _replace(file.read_bytes())
        return len(theirs) - len(own)
    known = {each["erasure"] for each in orders()}
    fresh = [each for each in orders(file) if each["erasure"] not in known]
    for each in fresh:
        content = {name: value for name, value in each.items() if name not in {"n", "at", "what", "prev"}}
        write(each["what"], {**content, "line_there": each["n"], "at_there": each["at"]})
    return len(fresh)


def _replace(data: bytes) -> None:
    own = path()
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = own.with_name(f"{own.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(own)
