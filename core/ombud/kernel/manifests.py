"""The manifests of installed plugins, each read once and again as soon as its file is another.

Who asks what is installed reads those of all plugins: each start, each notice of a change, and many pages.
"""

import time
from functools import lru_cache
from pathlib import Path

import ombud_plugin_api as api

FRESH_SECONDS = 2.0
"""So lately written, a file may have been written again since it was looked at, within one tick of its times."""


def read(path: Path) -> api.Manifest:
    """Raises `ManifestError`, as the API's own reading does."""
    try:
        facts = path.stat()
    except OSError:
        return api.read_manifest(path)  # which says what is wrong
    if abs(time.time() - max(facts.st_mtime, facts.st_ctime)) < FRESH_SECONDS:
        return api.read_manifest(path)
    return _read(path, (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))


@lru_cache(maxsize=256)
def _read(path: Path, facts: tuple[int, ...]) -> api.Manifest:
    return api.read_manifest(path)
