import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for what several tests share

from bad_plugins import said

from ombud.stage import wheels
from ombud_plugin_api.scaffold import write_plugin
from ombud_plugin_api.testing import Subject, subject_of


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[..., Subject]]:
    """Writes a plugin of a kind, changes its files, and lets this process find it for the length of a test."""
    before, packages = list(sys.path), []

    def write(slug: str, kind: str, changes: tuple = (), also: Callable = lambda project, package: None) -> Subject:
        project = write_plugin(slug, kind, tmp_path / slug)
        package = "ombud_" + slug.replace("-", "_")
        packages.append(package)
        for name, old, new in changes:
            (path,) = project.glob(said(name, slug, project))
            text = path.read_text("utf-8")
            stands, comes = said(old, slug, project), said(new, slug, project)
            assert stands in text, f"{path.name} holds no {stands!r}"
            path.write_text(text.replace(stands, comes, 1) if stands else text + comes, encoding="utf-8")
        also(project, package)
        sys.path[:0] = [str(each) for each in wheels.described(project, tmp_path)]
        return subject_of(slug)

    yield write
    sys.path[:] = before
    for package in packages:
        wheels.forget(package)


@pytest.fixture
def dummy() -> Iterator[str]:
    """The dummy plugin, installed for the length of a test."""
    home = str(Path(__file__).parent.parent / "dummy_plugin")
    sys.path.insert(0, home)
    yield "dummy"
    sys.path.remove(home)
    wheels.forget("ombud_dummy")
