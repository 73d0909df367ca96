"""The kit catches what it is for: for each check a plugin that breaks it, and words that say what to do."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_plugins import ALSO_BAD, BAD, said

from ombud.web import plugin_pages
from ombud_plugin_api import deprecation
from ombud_plugin_api.testing import PluginContract, Subject
from ombud_plugin_api.testing.examine import BROKEN, KEPT, UNTRIED, run_check
from ombud_plugin_api.testing.registry import all_checks


def test_for_every_check_there_is_a_plugin_that_breaks_it() -> None:
    assert set(BAD) == set(all_checks())


@pytest.fixture
def core_as_it_was() -> Iterator[None]:
    """Some of these plugins meddle with core on purpose."""
    kept = plugin_pages.PluginPages._app, plugin_pages.call
    goes = deprecation.DEPRECATED
    yield
    deprecation.DEPRECATED = goes
    plugin_pages.PluginPages._app, plugin_pages.call = kept  # type: ignore[method-assign]


async def waits_in_a_folder(own: Any, stage: Any, plugin: Subject, person: Any) -> bool:
    """As the contract of a new plugin that fetches says it."""
    folder = Path(tempfile.mkdtemp())
    await stage.set_setting("folder", str(folder))
    said = {"name": person.name, "email": person.email, "text": person.text}
    (folder / "message.json").write_text(json.dumps(said))
    return True


class TestBadPlugins:
    @pytest.mark.parametrize("what", sorted({**BAD, **ALSO_BAD}))
    def test_what_breaks_it_is_caught(
        self, what: str, written: Callable[..., Subject], ombud_stage: Any, core_as_it_was: None
    ) -> None:
        bad, check_id = {**BAD, **ALSO_BAD}[what], what.split(maxsplit=1)[0]
        slug = f"bad-{what.replace(' ', '-')}"
        plugin = written(slug, bad.kind, bad.changes, bad.also)
        check, contract = all_checks()[check_id]
        assert contract.concerns(plugin)
        own: PluginContract = type("Own", (PluginContract,), {
            "slug": slug, "jobs": {"count": {"key": "first"}}, "waits": waits_in_a_folder,
        })()  # fmt: skip
        stage = ombud_stage.for_plugin(plugin)
        result = run_check(check, contract, plugin, stage, own)
        _gone(ombud_stage, slug)
        if result.outcome == UNTRIED:
            pytest.skip(result.told)
        assert result.outcome == BROKEN
        assert said(bad.caught, slug, plugin.folder) in result.told
        assert len(result.remedy.split()) > 4


class TestWrittenPlugins:
    @pytest.mark.parametrize("kind", ["actions", "classifier", "conditions", "deadlines", "router", "sentiment"])
    def test_what_is_written_anew_keeps_the_promises_of_its_kind(
        self, kind: str, written: Callable[..., Subject], ombud_stage: Any
    ) -> None:
        plugin = written(f"fine-{kind}", kind)
        own: PluginContract = type("Own", (PluginContract,), {"slug": plugin.slug})()
        tried = [(check, contract) for check, contract in all_checks().values() if contract.kind == kind]
        results = [run_check(*each, plugin, ombud_stage.for_plugin(plugin), own) for each in tried]
        _gone(ombud_stage, plugin.slug)
        assert [(each.check.id, each.told) for each in results if each.outcome != KEPT] == []
        assert len(results) > 1


def _gone(theatre: Any, slug: str) -> None:
    """What a bad plugin leaves does not meet the next one."""

    async def work() -> None:
        from ombud.kernel.database import db
        from ombud.kernel.lifecycle import running

        await db.execute("UPDATE core_plugin SET wanted_on = FALSE WHERE slug = $1", slug)
        await db.execute("DELETE FROM core_delivery WHERE plugin = $1", slug)
        await running.refresh()

    theatre.run(work())
