"""Wheels built from this checkout, and environments that hold them and no checkout. No network: what is not ours comes
from what this environment was made of."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
DISTRIBUTIONS = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for pattern in ("core", "plugin_api", "plugins/*", "themes/*")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
)


def run(*words: str | Path, folder: Path, **more: str) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("OMBUD_", "PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env={**environment, **more}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(project: Path, into: Path) -> None:
    """The wheel of a project, without a network and without an environment of its own."""
    run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", into, project,
        folder=into)  # fmt: skip


def environment(wheels: Path, into: Path, *names: str, tests: bool = False) -> Path:
    """The `bin` of a new environment that holds these of our wheels, by name and from that folder alone, and their
    pinned dependencies; `tests`: also what tests need."""
    files = ["requirements.txt", *(["requirements-test.txt"] if tests else [])]
    for each in files:
        shutil.copy(ROOT / each, into)
    run(UV, "venv", "--python", sys.executable, into / "venv", folder=into)
    place = into / "venv" / "bin"
    run(*install(place), *(word for each in files for word in ("-r", each)), folder=into)
    run(*install(place), "--no-index", "--find-links", wheels, *names, folder=into)
    warm(packages_of(place))
    return place


def packages_of(place: Path) -> Path:
    """Where an environment keeps what is installed in it."""
    return next((place.parent / "lib").glob("python*/site-packages"))


def warm(packages: Path) -> None:
    """An environment where everything ran once: what Python compiled for this one holds there too, because uv puts the
    very same files into both. To compile it all anew takes longer than what is tested there."""
    for ours in Path(sysconfig.get_path("purelib")).iterdir():
        if ours.is_dir() and (packages / ours.name).is_dir():
            for compiled in ours.rglob(f"*.{sys.implementation.cache_tag}.pyc"):  # pytest keeps others of its own
                source = importlib.util.source_from_cache(compiled)
                there = packages / Path(compiled).relative_to(ours.parent)
                same = there.parent.parent / Path(source).name
                if not there.exists() and _is_one(Path(source), same):
                    there.parent.mkdir(exist_ok=True)
                    shutil.copyfile(compiled, there)


def _is_one(one: Path, other: Path) -> bool:
    """As Python asks it of what it compiled: by time and size."""
    try:
        facts, others = one.stat(), other.stat()
    except OSError:
        return False
    return (facts.st_size, int(facts.st_mtime)) == (others.st_size, int(others.st_mtime))


def install(place: Path) -> tuple[str | Path, ...]:
    """The beginning of a command that installs into an environment, offline."""
    return (UV, "pip", "install", "--quiet", "--offline", "--python", place / "python")


def name_of(distribution: str) -> str:
    return str(tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]["name"])
