"""One ZIP on its way to the disk: whole under its name, or not there at all; every member with its SHA-256."""

import hashlib
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class ExportFile:
    """Members are written one after another. Sums of single files pile up on the disk, not in memory."""

    def __init__(self, archive: zipfile.ZipFile, sums: Any) -> None:
        self._archive = archive
        self._sums = sums
        self._time = time.gmtime()[:6]
        self.files: dict[str, dict[str, Any]] = {}
        self.members = 0

    @contextmanager
    def member(self, name: str, *, listed: bool = True, summed: bool = True) -> Iterator["Member"]:
        """A member open for writing. Its sum goes into the manifest if `listed`, into the list of sums if `summed`."""
        info = zipfile.ZipInfo(name, self._time)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as file:
            writing = Member(file)
            yield writing
        self.members += 1
        digest = writing.digest.hexdigest()
        if summed:
            self._sums.write(f"{digest}  {name}\n".encode())
        if listed:
            self.files[name] = {"sha256": digest, "bytes": writing.size}

    def write(self, name: str, data: bytes, *, listed: bool = True, summed: bool = True) -> None:
        with self.member(name, listed=listed, summed=summed) as file:
            file.write(data)

    def close_sums(self) -> None:
        """Writes the list of sums so far, in the form that `sha256sum -c` reads."""
        self._sums.seek(0)
        with self.member("SHA256SUMS", summed=False) as file:
            while part := self._sums.read(1 << 20):
                file.write(part)


class Member:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)


@contextmanager
def written_whole(path: Path) -> Iterator[ExportFile]:
    """The file appears under its name when the block ends well; it may be read by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file, tempfile.TemporaryFile() as sums:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=4) as archive:
                yield ExportFile(archive, sums)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
