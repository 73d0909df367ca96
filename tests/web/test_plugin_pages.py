"""The plugins page as administrators use it: looked at, turned on after a look at what that does, and taken away."""

import asyncio
import re
from dataclasses import replace
from typing import Any

from ombud.kernel import calling, faults
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.testing_plugins import Made


async def test_turning_on_is_shown_tried_out_before_it_is_done(desk: Any, send: Any, made: Made) -> None:
    administrator = await desk.signed_in("administrator")
    page = "/plugins/made-up/enable"
    first = (await administrator.get(page)).text
    assert "Tried a moment ago and taken back" in first
    assert "CREATE TABLE" in first
    assert "made_up_note" in first
    assert "REFERENCES core_case (id)" in first
    assert "Look at it" in first
    assert "Team leader" in first
    assert await db.fetchval("SELECT to_regclass('made_up_note')") is None
    done = await send(administrator, page, page, follow=True)
    assert "Made-up is on." in done.text
    assert "made-up" in running.loaded
    assert (await administrator.get("/p/made-up/")).text == "made-up 0.1.0"


async def test_a_plugin_that_would_not_work_says_so_before_it_is_turned_on(desk: Any, made: Made) -> None:
    administrator = await desk.signed_in("administrator")
    made.migration("m_0002", "2026-02-01T00:00:00:000000", 'await run_sql("SELECT nonsense FROM nowhere")').write()
    answer = await administrator.get("/plugins/made-up/enable")
    assert answer.status_code == 409
    assert "It would not work" in answer.text
    assert "nowhere" in answer.text
    refused = await administrator.submit("/plugins/made-up/enable", {}, page="/plugins")
    assert refused.status_code == 409
    assert "Last fault (once in seven days), at switching on 0.1.0" in (await administrator.get("/plugins")).text
    made.later.clear()
    made.plugin = "import os\nos._exit(3)\n"
    made.write()
    assert (
        "its code stopped the process that tried it"
        in (await administrator.get("/plugins/made-up/enable")).text.lower()
    )
    refused = await administrator.submit("/plugins/made-up/enable", {}, page="/plugins")
    assert refused.status_code == 409
    assert (await administrator.get("/health")).status_code == 200


async def test_the_page_of_a_plugin_tells_what_it_keeps_what_it_did_and_what_was_done(desk: Any, made: Made) -> None:
    (made.folder / "CHANGES.md").write_text("# 0.1.0\n\nThe first one.\n")
    await desk.enable("made-up")
    await db.execute("INSERT INTO made_up_note (words) VALUES ('one'), ('two')")
    await db.execute(
        "INSERT INTO core_fault (id, slug, at, kind, place, error, trace) "
        "VALUES (gen_random_uuid(), 'made-up', now(), 'timeout', 'slot case.side', 'took longer than 2 s', '')"
    )
    administrator = await desk.signed_in("administrator")
    text = (await administrator.get("/plugins/made-up")).text
    for words in ("made_up_note", "2 rows", "took longer than 2 s", "The first one.", "turned it on, version 0.1.0"):
        assert words in text, words
    assert 'href="/plugins/made-up"' in (await administrator.get("/plugins")).text
    assert (await administrator.get("/plugins/no-such")).status_code == 404
    assert (await (await desk.signed_in("leader")).get("/plugins/made-up")).status_code == 403


async def test_deleting_a_plugins_data_wants_its_name_typed(desk: Any, send: Any, made: Made) -> None:
    await desk.enable("made-up")
    await db.execute("INSERT INTO made_up_note (words) VALUES ('one')")
    administrator = await desk.signed_in("administrator")
    page = "/plugins/made-up/uninstall"
    undecided = await send(administrator, page, page)
    assert undecided.status_code == 422
    assert "Choose what becomes of its own data" in undecided.text
    mistyped = await send(administrator, page, page, data="delete", slug="madeup")
    assert mistyped.status_code == 422
    assert "type made-up exactly" in mistyped.text
    assert 'value="madeup"' in mistyped.text
    assert await db.fetchval("SELECT count(*) FROM made_up_note") == 1
    gone = await send(administrator, page, page, follow=True, data="delete", slug="made-up")
    assert "is uninstalled; one row of its own was deleted" in gone.text
    assert await db.fetchval("SELECT to_regclass('made_up_note')") is None
    assert "made-up" not in running.loaded


async def test_a_plugin_uninstalled_with_its_data_kept_says_so_and_can_still_be_deleted(
    desk: Any, send: Any, made: Made
) -> None:
    await desk.enable("made-up")
    administrator = await desk.signed_in("administrator")
    page = "/plugins/made-up/uninstall"
    kept = await send(administrator, page, page, follow=True, data="keep")
    assert "its data is kept" in kept.text
    assert "It was uninstalled, and its data was kept." in (await administrator.get("/plugins/made-up")).text
    await send(administrator, page, page, data="delete", slug="made-up")
    assert await db.fetchval("SELECT to_regclass('made_up_note')") is None


async def test_a_plugin_whose_page_fails_again_and_again_rests_and_is_woken_by_hand(
    desk: Any, send: Any, made: Made
) -> None:
    made.plugin = made.plugin.replace('return "%(slug)s %(version)s"', 'raise RuntimeError("nasty on purpose")')
    made.write()
    await desk.enable("made-up")
    administrator, visitor = await desk.signed_in("administrator"), desk.browser()
    for count in range(1, faults.FAULTS_BEFORE_REST + 1):  # one is written down before the next happens
        assert (await visitor.get("/p/made-up/")).status_code == 500
        async with asyncio.timeout(10):
            while await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'made-up'") < count:
                await asyncio.sleep(0.02)
    calling._Rests.read_at = float("-inf")
    calling.resting_until("made-up")
    await asyncio.gather(*calling._background)
    rested = await visitor.get("/p/made-up/")
    assert rested.status_code == 503
    assert "rests after repeated faults" in rested.text
    shown = (await administrator.get("/plugins")).text
    assert "It rests for now. Cases work; only its part is missing." in shown
    assert "nasty on purpose" in shown
    woken = await send(administrator, "/plugins", "/plugins/made-up/restart", follow=True)
    assert "may work again" in woken.text
    assert await faults.resting() == {}


async def test_what_a_plugin_sets_up_stands_in_the_administration_and_not_in_the_rail(
    desk_with_dummy: Any, monkeypatch: Any
) -> None:
    loaded = running.loaded["dummy"]
    apart = tuple(replace(item, sets_up=True) for item in loaded.navigation)
    assert apart
    leader = await desk_with_dummy.signed_in("leader")
    rail = re.search(r'<nav class="rail".*?</nav>', (await leader.get("/templates")).text, re.S)
    assert rail
    assert "/p/dummy/" in rail[0]
    monkeypatch.setitem(running.loaded, "dummy", replace(loaded, navigation=apart))
    page = (await leader.get("/templates")).text
    rail = re.search(r'<nav class="rail".*?</nav>', page, re.S)
    assert rail
    assert "/p/dummy/" not in rail[0]
    assert "/p/dummy/" in page
