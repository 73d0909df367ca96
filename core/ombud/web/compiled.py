"""Templates compiled once: to compile core's takes three seconds, to read what was compiled a fortieth of that.

Kept as Python keeps modules: in memory for all environments of a process (the desk's, each plugin's, each theme's), and
for later processes in `__pycache__`, where that folder can be written. There are core's own templates alone: what a
plugin or a theme brings leaves nothing behind when it goes.
"""

import contextlib
import hashlib
import os
import pickle
import sys
from pathlib import Path

import jinja2
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """`of`: the folder of templates whose code is kept in `folder`; `made_by`: modules on whose text that code depends
    as well, because they say how templates are read."""

    def __init__(self, of: Path, folder: Path, made_by: tuple[Path, ...] = ()) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}
        self._of, self._folder = f"{of}{os.sep}", folder
        self._lasting: set[str] = set()
        told = hashlib.sha256(f"{sys.implementation.cache_tag} {jinja2.__version__}".encode())
        for path in made_by:
            told.update(path.read_bytes())
        self._made_by = told.hexdigest()

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        key = super().get_cache_key(name, filename)
        if filename is not None and filename.startswith(self._of):
            self._lasting.add(key)
        return key

    def get_source_checksum(self, source: str) -> str:
        """Two texts that are compiled to different code have different ones."""
        return hashlib.sha256(f"{self._made_by}\n{source}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        known = bucket.key, bucket.checksum
        if known not in self._kept and bucket.key in self._lasting:
            with contextlib.suppress(OSError):
                self._kept[known] = self._file(bucket).read_bytes()
        if found := self._kept.get(known):
            try:
                bucket.bytecode_from_string(found)  # of another text: then it is compiled
            except (EOFError, ValueError, pickle.UnpicklingError):  # half of it, after the power went
                bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = code = bucket.bytecode_to_string()
        if bucket.key in self._lasting and not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):  # a folder that nobody may write: each process compiles for itself
                _write(self._file(bucket), code)

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}"


def _write(file: Path, code: bytes) -> None:
    """As a whole or not at all: another process may be reading it at this moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(code)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
