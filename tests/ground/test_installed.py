"""What is installed is read once, and again when something came, went or changed its version."""

import importlib.metadata
import shutil
from pathlib import Path

import pytest

from ombud.kernel import installed

GROUP = "ombud.test_things"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where distributions are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, name: str, version: str = "1.0") -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {name}.plugin\n")
    return folder


def found() -> dict[str, str]:
    return {point.name: point.dist.version for point in installed.points(GROUP) if point.dist}


def test_what_comes_goes_or_changes_is_seen_at_the_next_look(site: Path) -> None:
    assert found() == {}
    bell = install(site, "bell")
    assert found() == {"bell": "1.0"}
    install(site, "horn")
    assert found() == {"bell": "1.0", "horn": "1.0"}
    shutil.rmtree(bell)
    install(site, "bell", "2.0")
    assert found() == {"bell": "2.0", "horn": "1.0"}
    shutil.rmtree(site / "horn-1.0.dist-info")
    assert found() == {"bell": "2.0"}


def test_distributions_are_not_read_again_while_nothing_changed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "bell")
    read = []

    def counted(group: str) -> importlib.metadata.EntryPoints:
        read.append(group)
        return importlib.metadata.entry_points(group=group)

    monkeypatch.setattr(installed, "entry_points", counted)
    assert [found() for _ in range(3)] == [{"bell": "1.0"}] * 3
    assert read == [GROUP]


def test_a_path_that_is_no_folder_hides_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site / "no-such-folder"))
    install(site, "bell")
    assert found() == {"bell": "1.0"}
