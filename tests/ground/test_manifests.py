"""A manifest is read once, and again when its file changed; also within one tick of the times that files carry."""

import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest

import ombud_plugin_api as api
from ombud.kernel import manifests, plugins
from ombud.testing_plugins import Made

KEEPS_ITS_TIME = 1_700_000_000


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was read, in order."""
    read, real = list[Path](), api.read_manifest

    def counted(path: Path) -> api.Manifest:
        read.append(path)
        return real(path)

    monkeypatch.setattr(api, "read_manifest", counted)
    return read


def name_of(made: Made) -> str:
    found = plugins.discover()[made.slug]
    assert found.manifest is not None, found.problem
    return found.manifest.name


def renamed(made: Made, name: str) -> None:
    path = made.folder / "plugin.toml"
    path.write_text(path.read_text().replace(f'name = "{name_of(made)}"', f'name = "{name}"'))
    os.utime(path, (KEEPS_ITS_TIME, KEEPS_ITS_TIME))


def test_what_did_not_change_is_not_read_again(made: Made, reads: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "FRESH_SECONDS", 0.0)
    assert name_of(made) == "Made-up"
    assert made.folder / "plugin.toml" in reads
    reads.clear()
    assert [name_of(made) for _ in range(3)] == ["Made-up"] * 3
    assert reads == []


def test_what_was_written_just_now_is_read_again_though_its_file_looks_the_same(made: Made) -> None:
    renamed(made, "Made-ab")
    assert name_of(made) == "Made-ab"
    renamed(made, "Made-cd")  # as long, in the same file, with the same time of its words
    assert name_of(made) == "Made-cd"


def test_what_changed_is_read_again(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "FRESH_SECONDS", 0.0)
    assert name_of(made) == "Made-up"
    renamed(made, "Made-over")
    assert name_of(made) == "Made-over"
    (made.folder / "plugin.toml").write_text("not = [a manifest")
    assert "not readable as TOML" in plugins.discover()[made.slug].problem
    made.write()
    assert name_of(made) == "Made-up"


def test_a_package_that_went_is_missed_and_one_that_moved_is_found(made: Made, tmp_path: Path) -> None:
    assert name_of(made) == "Made-up"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sys.path.append(str(elsewhere))
    try:
        assert name_of(made) == "Made-up"
        shutil.move(made.folder, elsewhere / made.package)
        importlib.invalidate_caches()  # Python, too, may take a folder for unchanged within one tick
        assert name_of(made) == "Made-up"
        shutil.rmtree(elsewhere / made.package)
        importlib.invalidate_caches()
        assert "its package ombud_made_up is not there" in plugins.discover()[made.slug].problem
    finally:
        sys.path.remove(str(elsewhere))


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ('"other.sent" = "Sent"', r"'other.sent' must begin with 'made_up\.'"),
        ('"made_up.sent" = " "', "made_up.sent needs a sentence"),
        ('made_up.sent = "Sent"', "'made_up' must begin with"),
        ('"made_up.sent" = "Sent to 10 % of %(many)s"', "no other percent sign"),
        ('"made_up.sent" = "Sent to %(many)d"', "no other percent sign"),
    ],
)
def test_sentences_for_entries_of_others_or_with_other_signs_are_refused(made: Made, said: str, refused: str) -> None:
    path = made.folder / "plugin.toml"
    path.write_text(f"{path.read_text()}\n[records]\n{said}\n")
    with pytest.raises(api.ManifestError, match=refused):
        api.read_manifest(path)


def test_sentences_for_its_own_entries_are_kept(made: Made) -> None:
    path = made.folder / "plugin.toml"
    path.write_text(f'{path.read_text()}\n[records]\n"made_up.sent" = "%(actor)s sent it on %(on)s"\n')
    assert api.read_manifest(path).records == {"made_up.sent": "%(actor)s sent it on %(on)s"}
