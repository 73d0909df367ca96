"""The file of a backup: a ZIP with the database, what else the data folder holds, and a manifest with every SHA-256."""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import msgspec

from ombud.desk.errors import NotNow

FORMAT, VERSION = "ombud-backup", 1
SUFFIX = ".ombud-backup.zip"
MANIFEST, SUMS, DUMP, SETTINGS = "manifest.json", "SHA256SUMS", "database.dump", "settings.toml"
DATA, SECRETS, JOURNAL = "data/", "secrets/", "erasures/journal.jsonl"
PART = 1 << 20


class Unfit(NotNow):
    """The file is no backup, or not whole; the text names the part and what to do."""


class Backup:
    """An open backup. Nothing of it is believed before `check` was through."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self.manifest = _manifest(path, archive)

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.manifest["files"]
        return found

    def under(self, folder: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(folder))

    def check(self) -> None:
        """Every member against the manifest, and no member that it does not name. Raises Unfit."""
        names = {info.filename for info in self._archive.infolist()} - {MANIFEST, SUMS}
        if missing := sorted(set(self.files) - names):
            raise Unfit(f"{self.path} lacks {missing[0]}, which its manifest names. Take another backup.")
        if strange := sorted(names - set(self.files)):
            raise Unfit(f"{self.path} holds {strange[0]}, which its manifest does not name. Take another backup.")
        for name, said in self.files.items():
            if not _is_safe(name):
                raise Unfit(f"{self.path} names {name!r}, which leads out of a folder. Do not use this file.")
            if self._digest(name) != said["sha256"]:
                raise Unfit(f"{name} in {self.path} is not what was written: it was damaged or changed. Take another.")

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._archive.open(name) as member:
                while part := member.read(PART):
                    digest.update(part)
        except (zipfile.BadZipFile, OSError, EOFError):
            return ""
        return digest.hexdigest()

    def read(self, name: str) -> bytes:
        return self._archive.read(name)

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """Raises Unfit where this is no backup."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise Unfit(f"There is no file {path}. Name the backup.") from None
    except (zipfile.BadZipFile, OSError) as problem:
        raise Unfit(f"{path} is no backup, or not a whole one: {problem}. Take another.") from None
    with archive:
        yield Backup(path, archive)


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(archive.read(MANIFEST), type=dict[str, Any])
    except (KeyError, zipfile.BadZipFile, msgspec.MsgspecError):
        found = {}
    if found.get("format") != FORMAT:
        remedy = "What `ombud export all` wrote goes in by `ombud import desk`."
        raise Unfit(f"{path} holds no manifest of a backup. {remedy}")
    if found.get("version") != VERSION:
        raise Unfit(
            f"{path} is a backup in version {found.get('version')}; this Ombud reads {VERSION}. Use a newer one."
        )
    return found
