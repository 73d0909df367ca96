"""Looks through a whole export before one row of it is written: sums, lines, files and the ledger, by its verifier."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import msgspec

from ombud.desk.transfer.archive import MANIFEST, Archive, BadExport
from ombud.desk.transfer.kinds import KINDS, Kind
from ombud.trust.verifier import Broken, Check

Progress = Callable[[int, int], None]
WITH_FILES = {"attachments": "attachments", "receipts": "raw"}


@dataclass
class Checked:
    """What holds. `keys`: the public keys that signed the ledger's files."""

    entries: int = 0
    streams: int = 0
    checkpoints: dict[int, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


class _Count:
    def __init__(self, total: int, progress: Progress) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self) -> None:
        self.done += 1
        self.progress(self.done, self.total)


def check(archive: Archive, progress: Progress) -> Checked:
    """Raises BadExport at the first thing that does not hold; reads everything once or twice, keeps little of it."""
    kinds = [kind for kind in KINDS if kind.name in archive.manifest.counts]
    count = _Count(len(archive.names) + len(kinds) + len(archive.ledger_files), progress)
    for name in archive.names:
        for _ in archive.chunks(name):
            pass
        count.add()
    erased = _erased(archive)
    for kind in kinds:
        _check_kind(archive, kind, erased)
        count.add()
    checked = _check_ledger(archive, count)
    if checked.entries != archive.manifest.ledger_entries:
        raise BadExport(
            "ledger/", f"holds {checked.entries} entries, but {MANIFEST} says {archive.manifest.ledger_entries}."
        )
    return checked


def _erased(archive: Archive) -> set[str]:
    return {
        str(_object("erased_subjects", n, line).get("subject")) for n, line in _numbered(archive, "erased_subjects")
    }


def _numbered(archive: Archive, kind: str) -> Iterable[tuple[int, bytes]]:
    if kind not in archive.manifest.counts:
        return ()
    if f"{kind}.jsonl" not in archive.names:
        raise BadExport(f"{kind}.jsonl", f"is missing, but {MANIFEST} counts its lines.")
    return enumerate(archive.lines(f"{kind}.jsonl"), 1)


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def _object(kind: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadExport(f"{kind}.jsonl, line {number}", f"is no record in JSON ({error}).") from None


def _check_kind(archive: Archive, kind: Kind, erased: set[str]) -> None:
    folder = WITH_FILES.get(kind.name, "")
    waiting = archive.files(folder) if folder else set()
    names: set[str] = set()
    lines = 0
    for number, line in _numbered(archive, kind.name):
        place = f"{kind.name}.jsonl, line {number}"
        row = _object(kind.name, number, line)
        names = names or set(row)
        _check_names(kind, row, names, place)
        if folder:
            _check_file(row, waiting, erased, place)
        lines += 1
    if lines != archive.manifest.counts[kind.name]:
        said = archive.manifest.counts[kind.name]
        raise BadExport(
            f"{kind.name}.jsonl", f"has {lines} lines, but {MANIFEST} says {said}. A part of it is missing."
        )
    if waiting:
        raise BadExport(f"{folder}/{min(waiting)}", f"belongs to no line of {kind.name}.jsonl.")


def _check_names(kind: Kind, row: dict[str, Any], names: set[str], place: str) -> None:
    if strange := sorted(row.keys() - set(kind.names)):
        raise BadExport(place, f"has a field {strange[0][:60]!r} that this Ombud does not know. Update Ombud.")
    if row.keys() != names:
        raise BadExport(place, "has other fields than the lines before it.")


def _check_file(row: dict[str, Any], waiting: set[str], erased: set[str], place: str) -> None:
    """Each record has its bytes, unless the keys of its person were destroyed."""
    identity, subject = str(row.get("id")), row.get("subject")
    if identity in waiting:
        waiting.remove(identity)
        if not isinstance(subject, str) or subject in erased:
            raise BadExport(place, "has bytes, but nobody for whom they could be encrypted.")
    elif subject is not None and subject not in erased:
        raise BadExport(place, "the bytes of this record are missing.")


def _check_ledger(archive: Archive, count: _Count) -> Checked:
    checked, seen = Checked(), set[str]()
    for name in archive.ledger_files:
        one = Check()
        try:
            one.read(cast(BinaryIO, archive.lines(name)))
        except Broken as broken:
            raise BadExport(name, f"the ledger does not hold: {broken}.") from None
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadExport(name, f"the ledger cannot be read ({error}).") from None
        if twice := seen & one.heads.keys():
            raise BadExport(name, f"the stream {min(twice)} stands in another file of the ledger too.")
        seen |= one.heads.keys()
        _check_marks(checked, one, name)
        checked.entries += len(one.sealed_by)
        checked.keys.add(one.header.get("public_key", ""))
        count.add()
    checked.streams = len(seen)
    return checked


def _check_marks(checked: Checked, one: Check, name: str) -> None:
    for n, item in one.checkpoints.items():
        if checked.checkpoints.setdefault(n, item["hash"]) != item["hash"]:
            raise BadExport(name, f"checkpoint {n} is another one than in the other files of the ledger.")
