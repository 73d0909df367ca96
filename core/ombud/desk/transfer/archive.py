"""An export as it lies on the disk, read by somebody who trusts nothing in it: names, sizes and sums before content."""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ombud.desk.errors import DeskRefusal
from ombud.desk.transfer.kinds import KINDS

FORMAT, VERSION = "ombud-export", 1
MANIFEST, SUMS, README = "manifest.json", "SHA256SUMS", "README.txt"
LONGEST_LINE = 64_000_000  # bytes; a message has at most some hundred thousand
LARGEST_FILE = 512_000_000  # bytes of one attachment, which has to be in memory to be encrypted
LARGEST_LIST = 256_000_000  # bytes of the manifest and of the list of sums
SWELLS = 1000  # times; text of an export shrinks to a tenth or so, and what swells more is there to fill disks
CHUNK = 1 << 20

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_FILE = re.compile(f"(attachments|raw)/{_UUID}")
_LEDGER = re.compile(r"ledger/[0-9]{5,9}\.jsonl")
_SUM = re.compile(rb"([0-9a-f]{64})  ([!-~]{1,200})\n")
_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, IndexError,
    OverflowError, KeyError,
)  # fmt: skip


class BadExport(DeskRefusal):
    """A file that cannot be taken in; the text names the place in it."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place = place


class FileSum(msgspec.Struct, frozen=True):
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What an export says of itself."""

    format: str
    version: int
    made_at: str
    ombud: str
    case_numbers_used: int
    reference_prefix: str
    counts: dict[str, int]
    ledger_entries: int
    attachment_files: int
    raw_files: int
    erased_files: int
    files: dict[str, FileSum]
    left_out: dict[str, str]


class Archive:
    """An open export. Every reading of a member compares its sum at the end, so no byte is believed unseen."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._members = _members(archive, size)
        self._sums: dict[str, str] = {}
        text = self._small(MANIFEST)
        self.sha256 = hashlib.sha256(text).hexdigest()
        self.manifest = _manifest(text)
        self._sums = self._read_sums()

    @property
    def ledger_files(self) -> list[str]:
        return sorted(name for name in self._members if _LEDGER.fullmatch(name))

    def files(self, folder: str) -> set[str]:
        """The ids of the files in `attachments` or `raw`."""
        start = f"{folder}/"
        return {name.removeprefix(start) for name in self._members if name.startswith(start)}

    @property
    def names(self) -> list[str]:
        """Every member with a sum."""
        return list(self._sums)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, a piece at a time; raises BadExport where they are not those that were summed."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._archive.open(self._members[name]) as file:
                while part := file.read(CHUNK):
                    digest.update(part)
                    size += len(part)
                    yield part
        except _BROKEN_ZIP as error:
            raise BadExport(
                name, f"cannot be unpacked ({error}). Copy the file again from where it was made."
            ) from None
        self._compare(name, digest.hexdigest(), size)

    def _compare(self, name: str, digest: str, size: int) -> None:
        if name in self._sums and digest != self._sums[name]:
            raise BadExport(name, f"its content is not what {SUMS} says. It was changed since the export.")
        if name in self.manifest.files and (digest, size) != msgspec.structs.astuple(self.manifest.files[name]):
            raise BadExport(name, f"its content is not what {MANIFEST} says. It was changed since the export.")

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member, each with its end."""
        left = b""
        for chunk in self.chunks(name):
            parts = (left + chunk).split(b"\n")
            left = parts.pop()
            for part in parts:
                yield part + b"\n"
            if len(left) > LONGEST_LINE:
                raise BadExport(name, f"a line is longer than {LONGEST_LINE} bytes.")
        if left:
            raise BadExport(name, "its last line has no end. Copy the file again from where it was made.")

    def data(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def _small(self, name: str) -> bytes:
        try:
            return self._archive.read(self._members[name])
        except _BROKEN_ZIP as error:
            raise BadExport(name, f"cannot be unpacked ({error}).") from None

    def _read_sums(self) -> dict[str, str]:
        """The list of sums, which the manifest vouches for; it has to name everything else there is."""
        if SUMS not in self.manifest.files:
            raise BadExport(MANIFEST, f"does not vouch for {SUMS}.")
        sums: dict[str, str] = {}
        for number, line in enumerate(self.lines(SUMS), 1):
            match = _SUM.fullmatch(line)
            if match is None or match[2].decode() in sums:
                raise BadExport(SUMS, f"line {number} is no sum of a file, or comes twice.")
            sums[match[2].decode()] = match[1].decode()
        there = self._members.keys() - {MANIFEST, SUMS}
        for name in sorted(there ^ sums.keys()):
            raise BadExport(name, "is in the file without a sum." if name in there else "has a sum but is missing.")
        listed = {name for name in there if not _FILE.fullmatch(name)} | {SUMS}
        for name in sorted(listed ^ self.manifest.files.keys()):
            raise BadExport(name, f"is in only one of the file and its {MANIFEST}.")
        return sums


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """The export, open for reading; raises BadExport where it is none, OSError where it cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN_ZIP as error:
            raise BadExport(
                path.name, f"is no whole ZIP file ({error}). Copy it again from where it was made."
            ) from None
        with archive:
            yield Archive(archive, size)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for info in archive.infolist():
        _check_name(info.filename)
        if info.filename in found:
            raise BadExport(info.filename, "stands twice in the file; nobody can say which one is meant.")
        _check_size(info)
        total += info.file_size
        found[info.filename] = info
    if total > SWELLS * max(size, 1):
        raise BadExport("the file", "would swell to more than a thousand times its size. No export does that.")
    for name in (MANIFEST, SUMS):
        if name not in found:
            raise BadExport(name, "is missing. This is no export of Ombud, or not a whole one.")
    return found


def _check_name(name: str) -> None:
    """Only names that an export has; nothing is ever unpacked to the disk, and a strange name is still a bad sign."""
    plain = {MANIFEST, SUMS, README, *(f"{kind.name}.jsonl" for kind in KINDS)}
    if name in plain or _FILE.fullmatch(name) or _LEDGER.fullmatch(name):
        return
    shown = repr(name[:80])
    if re.fullmatch(r"[a-z_]{1,60}\.jsonl", name):
        raise BadExport(shown, "this Ombud does not know such records. Update it to the version that made the export.")
    raise BadExport(shown, "no export has a file of this name.")


def _check_size(info: zipfile.ZipInfo) -> None:
    largest = LARGEST_LIST if info.filename in {MANIFEST, SUMS} else LARGEST_FILE
    if info.file_size > largest and not info.filename.endswith(".jsonl"):
        raise BadExport(info.filename, f"is larger than {largest} bytes.")
    if info.file_size > CHUNK and info.file_size > SWELLS * max(info.compress_size, 1):
        raise BadExport(info.filename, "would swell to more than a thousand times its size. No export does that.")
    if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadExport(info.filename, "is packed in a way that no export uses.")


def _manifest(text: bytes) -> Manifest:
    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
        name, version = said.get("format"), said.get("version")
        if name != FORMAT:
            raise BadExport(MANIFEST, "this is no export of Ombud. Make one with: ombud export all -o FILE.zip")
        if version != VERSION:
            raise BadExport(MANIFEST, f"has the format version {version}; this Ombud reads {VERSION}. Update Ombud.")
        manifest = msgspec.convert(said, Manifest)
    except msgspec.MsgspecError as error:
        raise BadExport(MANIFEST, f"cannot be read ({error}).") from None
    numbers = (
        *manifest.counts.values(), manifest.case_numbers_used, manifest.ledger_entries, manifest.attachment_files,
        manifest.raw_files, manifest.erased_files,
    )  # fmt: skip
    if min(numbers) < 0 or max(numbers) >= 2**62:
        raise BadExport(MANIFEST, "a number in it is beyond what a desk can hold.")
    _check_kinds(manifest.counts)
    return manifest


def _check_kinds(named: Iterable[str]) -> None:
    strange = sorted(set(named) - {kind.name for kind in KINDS})
    if strange:
        raise BadExport(MANIFEST, f"names {strange[0][:60]!r}, which this Ombud does not know. Update Ombud.")
