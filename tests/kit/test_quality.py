"""What a plugin says of itself: a skip needs a written reason, and the tier is what was tried."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ombud_plugin_api.scaffold import KINDS, ScaffoldError, write_plugin
from ombud_plugin_api.testing import Subject
from ombud_plugin_api.testing.badge import write_badge
from ombud_plugin_api.testing.examine import BROKEN, EXEMPTED, KEPT, UNTRIED, Result, tier_reached, words_of
from ombud_plugin_api.testing.quality import QualityError
from ombud_plugin_api.testing.registry import all_checks

REFUSED = {
    "an unknown id": ('[basic]\nbasic-00 = "done"\n', "there is no check basic-00"),
    "no reason": ('[sound]\nsound-01 = { exempt = "" }\n', "write the reason"),
    "a reason that is none": ('[sound]\nsound-01 = { exempt = "no" }\n', "write the reason"),
    "another word": ('[sound]\nsound-01 = "skip"\n', 'is either "done"'),
    "the wrong tier": ('[basic]\nsound-01 = "done"\n', "ids there begin with basic-"),
    "no tier": ('sound-01 = "done"\n', "stands alone"),
    "no TOML": ("[basic\n", "not readable as TOML"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_a_word_that_says_nothing_is_refused(what: str, written: Callable[..., Subject]) -> None:
    text, words = REFUSED[what]
    plugin = written("word", "slots")
    assert plugin.project is not None
    (plugin.project / "quality.toml").write_text(text)
    with pytest.raises(QualityError, match=words):
        words_of(plugin)


def test_an_exemption_with_its_reason_is_taken_from_the_package_before_the_project(
    written: Callable[..., Subject],
) -> None:
    plugin = written("word", "slots")
    (plugin.folder / "quality.toml").write_text('[sound]\nsound-01 = { exempt = "nothing comes in by it" }\n')
    assert words_of(plugin)["sound-01"].reason == "nothing comes in by it"


def test_the_tier_is_the_highest_below_which_nothing_is_broken() -> None:
    def results(**outcomes: str) -> list[Result]:
        return [Result(all_checks()[key.replace("_", "-")][0], outcome) for key, outcome in outcomes.items()]

    assert tier_reached(results(basic_01=KEPT, sound_01=KEPT, exemplary_01=KEPT)) == "exemplary"
    assert tier_reached(results(basic_01=KEPT, sound_01=EXEMPTED, exemplary_01=BROKEN)) == "sound"
    assert tier_reached(results(basic_01=UNTRIED, sound_01=BROKEN, exemplary_01=KEPT)) == "basic"
    assert tier_reached(results(basic_01=BROKEN, sound_01=KEPT, exemplary_01=KEPT)) == ""
    assert tier_reached(results(basic_01=KEPT)) == "basic", "what was not tried was not reached"


@pytest.mark.parametrize("tier", ["", "basic", "sound", "exemplary"])
def test_the_badge_tells_the_tier_to_shields_and_as_a_picture(tier: str, tmp_path: Path) -> None:
    write_badge(tmp_path / "badge.json", tier)
    told = json.loads((tmp_path / "badge.json").read_text())
    assert (told["schemaVersion"], told["message"]) == (1, tier or "below basic")
    write_badge(tmp_path / "badge.svg", tier)
    assert f": {tier or 'below basic'}</title>" in (tmp_path / "badge.svg").read_text()


def test_what_cannot_be_written_is_refused_with_what_can(tmp_path: Path) -> None:
    for slug, kind, words in (
        ("Post Box", "slots", "small words joined by hyphens"), ("class", "slots", "cannot be a slug"),
        ("box", "letters", "choose one of actions, "),
    ):  # fmt: skip
        with pytest.raises(ScaffoldError, match=words):
            write_plugin(slug, kind, tmp_path / "new")
    (tmp_path / "new").mkdir()
    with pytest.raises(ScaffoldError, match="nothing was written"):
        write_plugin("box", "slots", tmp_path / "new")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_index_of_a_new_plugin_is_short_and_its_texts_are_in_both_languages(kind: str, tmp_path: Path) -> None:
    project = write_plugin("post-box", kind, tmp_path / "new")
    (index,) = project.glob("*/plugin.py")
    assert len(index.read_text().splitlines()) < 60
    assert not [path for path in project.rglob("*") if "__" in path.stem.replace("__init__", "")]
    assert not any("__slug__" in path.read_text() for path in project.rglob("*") if path.is_file())
    if list(project.rglob("*.html")):
        assert sorted(path.stem for path in project.rglob("texts/*.toml")) == ["en", "pl"]
