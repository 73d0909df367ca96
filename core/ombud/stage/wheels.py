"""A plugin that is not installed, put where this process finds it: a wheel unpacked, or a checkout as it stands."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from uuid import uuid4

from packaging.metadata import Metadata


class NotAPlugin(ValueError):
    """Neither a wheel nor a checkout of a plugin; the text says what is missing."""


def unpack(wheel: Path, where: Path) -> Path:
    """The folder into which a wheel was unpacked; no code of it runs."""
    home = where / f"{wheel.stem}-{uuid4().hex[:6]}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not (home / name).resolve().is_relative_to(home.resolve()):
                    raise NotAPlugin(f"{wheel.name} holds a file outside itself ({name}); do not install it")
            archive.extractall(home)
    except (OSError, zipfile.BadZipFile) as problem:
        raise NotAPlugin(f"{wheel} cannot be read as a wheel: {problem}") from None
    return home


def described(project: Path, where: Path) -> tuple[Path, Path]:
    """A folder with the metadata of a checkout, as if it were installed, and the folder its package lies in."""
    path = project / "pyproject.toml"
    if not path.is_file():
        raise NotAPlugin(f"{project} holds no pyproject.toml; name the folder of a plugin, its slug, or a wheel")
    told = tomllib.loads(path.read_text("utf-8"))["project"]
    points = told.get("entry-points", {}).get("ombud.plugins", {})
    if not points:
        raise NotAPlugin(f'{path} has no [project.entry-points."ombud.plugins"]; add one: slug = "package.plugin"')
    info = where / f"{uuid4().hex[:8]}" / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {each}\n" for each in told.get("dependencies", ()))
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n{needs}", encoding="utf-8"
    )
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[ombud.plugins]\n{lines}", encoding="utf-8")
    package = next(iter(points.values())).split(".")[0]
    return info.parent, project / "src" if (project / "src" / package).is_dir() else project


def slug_in(home: Path) -> str:
    """The name of the plugin whose metadata lies in a folder."""
    for path in home.glob("*.dist-info/entry_points.txt"):
        for line in path.read_text("utf-8").split("[ombud.plugins]")[-1].splitlines():
            if "=" in line:
                return line.split("=")[0].strip()
    raise NotAPlugin("it has no entry point of the group ombud.plugins; is it a plugin of Ombud?")


def unpublishable(slug: str) -> list[str]:
    """What keeps an index from taking the distribution of a plugin, or pip from choosing it well; as lines."""
    (point,) = (each for each in metadata.entry_points(group="ombud.plugins") if each.name == slug)
    assert point.dist is not None
    wrong = []
    try:
        told = Metadata.from_email(point.dist.read_text("METADATA") or "", validate=True)
    except ExceptionGroup as problems:
        return [f"its metadata is not in order: {each}" for each in problems.exceptions]
    needs = [each for each in told.requires_dist or () if each.name == "ombud-plugin-api"]
    if not any(span.operator in {"<", "<=", "~="} for each in needs for span in each.specifier):
        wrong.append('it does not require ombud-plugin-api with an upper end; write "ombud-plugin-api>=0.9,<0.10"')
    for name, value, remedy in (
        ("summary", told.summary, "give pyproject.toml a description"),
        ("readme", told.description, 'name it in pyproject.toml: readme = "README.md"'),
        ("license", told.license_expression or told.license, "give pyproject.toml a license"),
        ("requires-python", told.requires_python, 'write requires-python = ">=3.11"'),
    ):
        if not value:
            wrong.append(f"it has no {name}; {remedy}")
    return wrong


@contextmanager
def unpacked(wheel: Path, where: Path, package: str) -> Iterator[str]:
    """Within it this process finds the wheel's code in place of whatever is installed under the package's name."""
    home = unpack(wheel, where)
    hidden = forget(package)
    sys.path.insert(0, str(home))
    try:
        yield slug_in(home)
    finally:
        sys.path.remove(str(home))
        forget(package)
        sys.modules.update(hidden)


def forget(package: str) -> dict[str, ModuleType]:
    """Takes a package out of what this process imported, and returns it."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == package}
