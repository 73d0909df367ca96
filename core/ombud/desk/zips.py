"""ZIP files that are handed to people: the same content makes the same bytes, and every file stands in SHA256SUMS."""

import hashlib
import io
import zipfile
from datetime import datetime

SUMS = "SHA256SUMS"
_MODE = 0o100644 << 16  # a plain file that everybody may read, wherever it is unpacked


class Zip:
    """Written file by file. `at` stands as the time of each file; times before 1980 are not known to the format."""

    def __init__(self, at: datetime) -> None:
        self._out = io.BytesIO()
        self._at = max(at.timetuple()[:6], (1980, 1, 1, 0, 0, 0))
        self._archive = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)
        self._sums: list[tuple[str, str]] = []

    def put(self, path: str, data: bytes) -> str:
        """Adds one file and returns its SHA-256; two of one path would hide one of them."""
        if any(path == known for known, _ in self._sums):
            raise ValueError(f"{path} is in the file already")
        found = digest(data)
        self._sums.append((path, found))
        self._write(path, data)
        return found

    def finish(self) -> bytes:
        """The whole, with the list of digests as its last file."""
        self._write(SUMS, "".join(f"{found}  {path}\n" for path, found in self._sums).encode())
        self._archive.close()
        return self._out.getvalue()

    def _write(self, path: str, data: bytes) -> None:
        info = zipfile.ZipInfo(path, self._at)
        info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
        self._archive.writestr(info, data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
