"""Each hook does what its specification says, tried by the dummy plugin, which implements all of them."""

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ombud.desk import intake
from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.casefile import making
from ombud.desk.clocks import watching
from ombud.desk.clocks.settling import settle
from ombud.desk.demo import commands as demo_commands
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.gate import rules as gate_rules
from ombud.desk.outgoing import settling, writing
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.platform import context_for, context_in
from ombud.desk.privacy import collecting
from ombud.desk.routing import profiles, skills
from ombud.desk.routing.assigning import assign_by_routing
from ombud.desk.routing.profiles import ProfileGiven
from ombud.insight.returns import kept as returns
from ombud.insight.returns import steps as return_steps
from ombud.kernel import clock, plugins, schedule
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import enqueue_job
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import AddTag, CaseFacts, Crm, PersonMatch, ResponseRequirement, SetPriority, hookimpl, specs
from ombud_plugin_api.facts import RawReceipt

HOOKS = sorted(name for name, each in vars(specs).items() if hasattr(each, "ombud_spec"))
DOCUMENT = Path(__file__).parents[2] / "docs" / "plugin-hooks.md"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_an_implementation_in_the_dummy_and_a_documented_signature(hook: str, dummy: str) -> None:
    import ombud_dummy.plugin as implemented

    assert f"test_hook_{hook}" in globals(), f"write test_hook_{hook}"
    assert hasattr(getattr(implemented, hook, None), "ombud_impl"), f"implement {hook} in the dummy plugin"
    arguments = ", ".join(inspect.signature(getattr(specs, hook)).parameters)
    assert re.search(rf"^#+ `{hook}\({arguments}\)`", DOCUMENT.read_text(), re.MULTILINE), (
        f"document {hook}({arguments})"
    )


async def test_hook_provide_permissions(desk_with_dummy: Any) -> None:
    leader, agent = await desk_with_dummy.viewer("leader"), await desk_with_dummy.viewer("agent")
    assert leader.may("dummy.look")
    assert not agent.may("dummy.look")


async def test_hook_provide_navigation(desk_with_dummy: Any) -> None:
    leader, agent = await desk_with_dummy.signed_in("leader"), await desk_with_dummy.signed_in("agent")
    assert 'href="/p/dummy/secret"' in (await leader.get("/parties")).text
    assert "/p/dummy/" not in (await agent.get("/parties")).text


async def test_hook_provide_pages(desk_with_dummy: Any) -> None:
    visitor, agent, leader = (
        desk_with_dummy.browser(), await desk_with_dummy.signed_in("agent"), await desk_with_dummy.signed_in("leader"),
    )  # fmt: skip
    assert (await visitor.get("/p/dummy/public")).status_code == 200
    assert "Thank you" in (await visitor.submit("/p/dummy/public", {})).text
    assert (await visitor.http.post("/p/dummy/public", data={})).status_code == 403
    assert (await visitor.get("/p/dummy/secret")).status_code == 303
    assert (await agent.get("/p/dummy/secret")).status_code == 403
    assert (await leader.get("/p/dummy/secret")).text == "for those who may look"
    await desk_with_dummy.disable("dummy")
    assert (await visitor.get("/p/dummy/public")).status_code == 404
    assert (await leader.get("/p/dummy/secret")).status_code == 404


async def test_hook_provide_slots(desk_with_dummy: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    shown = await desk_with_dummy.file("The fee was taken twice.", summary="Fee")
    hidden = await desk_with_dummy.file("The fee was taken twice.", summary="hide")
    broken = await desk_with_dummy.file("The fee was taken twice.", summary="fail")
    assert f"{shown.reference} seen by Agent" in (await agent.get(f"/cases/{shown.reference}")).text
    assert "dummy-side" not in (await agent.get(f"/cases/{hidden.reference}")).text
    page = await agent.get(f"/cases/{broken.reference}")
    assert page.status_code == 200
    assert "Dummy is not answering" in page.text
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy'") == 1


async def test_a_lazy_slot_is_not_asked_while_the_page_is_drawn_and_opens_with_and_without_script(
    desk_with_dummy: Any,
) -> None:
    import ombud_dummy.plugin as module

    agent, visitor = await desk_with_dummy.signed_in("agent"), desk_with_dummy.browser()
    filed = await desk_with_dummy.file("The fee was taken twice.", summary="Fee")
    hidden = await desk_with_dummy.file("The fee was taken twice.", summary="hide")
    address = f"/cases/{filed.reference}/slots/dummy?part=1"
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert f'hx-get="{address}" hx-trigger="load"' in page
    assert f'href="{address}"' in page, "a link opens it without script"
    assert module.ASKED == []
    part = await agent.get(address, headers={"hx-request": "true"})
    assert f"{filed.reference} seen by Agent" in part.text
    assert "<html" not in part.text
    assert module.ASKED == ["lazy slot"]
    whole = (await agent.get(address)).text
    assert "<html" in whole
    assert f"{filed.reference} seen by Agent" in whole
    nothing = await agent.get(f"/cases/{hidden.reference}/slots/dummy?part=1")
    assert "has nothing to add to this case" in nothing.text
    off = await agent.get(f"/cases/{hidden.reference}/slots/dummy?part=1", headers={"hx-request": "true"})
    assert (off.status_code, off.text.strip()) == (200, "")
    assert (await agent.get(f"/cases/{filed.reference}/slots/dummy?part=2")).status_code == 404
    assert (await agent.get("/cases/OMB-0000/slots/dummy?part=1")).status_code == 404
    assert (await visitor.get(address)).status_code == 303


async def test_hook_provide_crms(desk_with_dummy: Any) -> None:
    """Asked in work, shown from what was kept, told at closure; test_crm.py beside this tells the rest."""
    import ombud_dummy.plugin as module

    module.Mood.people = (
        PersonMatch(id="7", name="H. Marsh", email="helena@example.org", source="Book", fetched_at=module.NOON),
    )
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file("The fee was taken twice.")
    part = f"/cases/{filed.reference}/crm/dummy"
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert f'hx-get="{part}"' in page
    assert "Asking" in (await agent.get(part)).text
    assert module.ASKED == [], "no page asks a customer system itself"
    await desk_with_dummy.work()
    shown = (await agent.get(part)).text
    for words in ("H. Marsh", "Found by e-mail", "Account of 7", "Dummy book", "now", "Called us"):
        assert words in shown
    await desk_with_dummy.disable("dummy")
    assert (await agent.get(part)).status_code == 404
    assert "/crm/" not in (await agent.get(f"/cases/{filed.reference}")).text


def test_a_customer_system_with_a_key_of_somebody_else_is_refused(dummy: str, monkeypatch: Any) -> None:
    import ombud_dummy.plugin as module

    monkeypatch.setattr(module, "provide_crms", hookimpl(lambda: [Crm("other", "Other", module.find, module.history)]))
    with pytest.raises(plugins.UnfitError, match=r"must be 'dummy', or begin with 'dummy\.'"):
        plugins.load(plugins.discover()[dummy])


async def test_hook_provide_demo_data(desk_with_dummy: Any, monkeypatch: Any, capsys: Any) -> None:
    import ombud_dummy.plugin as module

    stories = demo_story.plan
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[::60])
    assert await demo_commands.demo_load_command() == 0
    known = {row["name"] for row in await db.fetch("SELECT name FROM core_person")}
    assert module.DEMO
    assert set(module.DEMO) <= known
    assert await demo_commands.demo_remove_command(with_later=False) == 0
    assert module.DEMO == []

    async def fail(people: Any, context: Any) -> None:
        raise RuntimeError("on purpose")

    data = module.api.DemoData(fail, module.remove_demo)
    monkeypatch.setitem(running.loaded, "dummy", replace(running.loaded["dummy"], demo_data=(data,)))
    assert await demo_commands.demo_load_command() == 0, "the firm stands all the same"
    assert "dummy did not follow (demo load): RuntimeError: on purpose" in capsys.readouterr().err
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy' AND place = 'demo load'") == 1


async def test_hook_provide_channels(desk_with_dummy: Any) -> None:
    good = RawReceipt(
        channel="dummy", key="1", content_type="application/json", body=b'{"name": "Ann", "text": "Rude."}'
    )
    bad = RawReceipt(channel="dummy", key="2", content_type="application/json", body=b"\xff\x00")
    receipts = [await intake.receive(each) for each in (good, bad)]
    for receipt in receipts:
        await enqueue_job("intake.resume", {"raw": str(receipt.id)})
    await desk_with_dummy.work()
    rows = await db.fetch("SELECT status, reason FROM core_raw ORDER BY key")
    assert rows[0]["status"] == "done"
    assert (rows[1]["status"], "not a letter" in rows[1]["reason"]) == ("faulted", True)
    assert await db.fetchval("SELECT text FROM core_aspect") == "Rude."


async def test_hook_provide_deliverers(desk_with_dummy: Any) -> None:
    """Offered where it has what it needs, called in work under one key; tests/web/test_outgoing.py tells the rest."""
    import ombud_dummy.plugin as module

    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False}))
    agent, filed = await desk_with_dummy.viewer("agent"), await desk_with_dummy.file()
    written = await writing.write(agent, filed.case_id, Wanted("We paid it back.", channel="dummy-wire"))
    await settling.hurry(agent, written.id)
    await desk_with_dummy.work()
    assert list(module.SENT) == [f"ombud-{written.id}"]
    row = await db.fetchrow("SELECT state, remote_id FROM core_outgoing WHERE id = $1", written.id)
    assert (row["state"], row["remote_id"]) == ("sent", "wire-1")
    await desk_with_dummy.disable("dummy")
    with pytest.raises(Invalid, match="not in use here"):
        await writing.write(agent, filed.case_id, Wanted("We paid it back.", channel="dummy-wire"))


async def test_a_channel_that_fetches_hands_each_message_over_once_and_what_it_cannot_read_waits_for_a_person(
    desk_with_dummy: Any,
) -> None:
    import ombud_dummy.plugin as module

    entry = schedule.schedule.entries["dummy.poll-dummy-wire"]
    assert entry.plugin == "dummy"
    module.Wire.lies[:] = [b'{"name": "Ann", "text": "Where is it?"}', b"\xff", b'{"name": "Ann", "text": "Well?"}']
    twice = list(module.Wire.lies)
    for lies in (module.Wire.lies, twice):
        module.Wire.lies = lies
        await enqueue_job("dummy.poll-dummy-wire", {"payload": {}}, plugin="dummy")
        await desk_with_dummy.work()
        assert module.Wire.lies == [], "what was committed is off the wire"
    said = await db.fetch("SELECT body FROM core_message ORDER BY recorded_at")
    assert [row["body"] for row in said] == ["Where is it?", "Well?"]
    leader = await desk_with_dummy.signed_in("leader")
    page = (await leader.get("/intake")).text
    assert "Wire" in page
    assert page.count('class="mail"') == 1
    assert "Ann" in (await leader.get("/inbox")).text


@pytest.fixture
def watch(dummy: str) -> Any:
    from ombud_dummy.plugin import Watch

    yield Watch
    Watch.says, Watch.hours = "fine", 8


async def _tea(case_id: Any) -> Any:
    return await db.fetchrow("SELECT * FROM core_clock WHERE case_id = $1 AND key = 'dummy.tea'", case_id)


async def test_hook_provide_deadlines(desk_with_dummy: Any, watch: Any) -> None:
    filed = await desk_with_dummy.file()
    await watching.start_waiting()
    clock = await _tea(filed.case_id)
    assert (clock["state"], clock["label"], clock["policy"], clock["regulatory"]) == (
        "running", "Tea", "dummy.tea/normal", False,
    )  # fmt: skip
    watch.hours = 16
    await settle(filed.case_id)
    assert (await _tea(filed.case_id))["due_at"] == clock["due_at"], "a running clock keeps its terms"
    watch.says = "nothing"
    await settle(filed.case_id)
    assert (await _tea(filed.case_id))["state"] == "stopped"


@pytest.fixture
def placed(watch: Any, monkeypatch: Any) -> Any:
    """Says of which countries the dummy's clocks are law."""

    def place(*places: str) -> None:
        loaded = running.loaded["dummy"]
        moved = tuple(replace(each, places=places) for each in loaded.deadlines)
        monkeypatch.setitem(running.loaded, "dummy", replace(loaded, deadlines=moved))

    return place


@pytest.mark.parametrize(
    ("country", "places", "runs"),
    [("GB", ("GB",), True), ("PL", ("GB",), False), ("", ("GB",), False), ("PL", ("EU",), True), ("", (), True)],
)
async def test_clocks_run_where_they_are_law(
    desk_with_dummy: Any, placed: Any, country: str, places: tuple[str, ...], runs: bool
) -> None:
    await db.execute("UPDATE core_unit SET country = $1", country)
    placed(*places)
    filed = await desk_with_dummy.file()
    await watching.start_waiting()
    assert bool(await _tea(filed.case_id)) is runs


async def test_a_unit_without_a_country_has_that_of_the_unit_above(desk_with_dummy: Any, placed: Any) -> None:
    top = await db.fetchval("UPDATE core_unit SET country = 'GB' WHERE parent_id IS NULL RETURNING id")
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) VALUES ($1, $2, 'team', 'below', 'Below', 'UTC', 'GBP', '', 'en', '', now(), 1)",
        new_id(), top,
    )  # fmt: skip
    placed("GB")
    filed = await desk_with_dummy.file(unit="below")
    await watching.start_waiting()
    assert await _tea(filed.case_id)
    placed("PL")
    await settle(filed.case_id)
    assert (await _tea(filed.case_id))["state"] == "stopped", "the law of another place stops where it ran"


async def test_what_a_plugin_wrote_down_in_a_case_its_own_clocks_read(desk_with_dummy: Any, watch: Any) -> None:
    watch.says = "recorded"
    filed = await desk_with_dummy.file()
    await watching.start_waiting()
    before = await _tea(filed.case_id)
    context = context_for("dummy", SYSTEM)
    await context.platform.record(filed.case_id, "dummy.brewed", {"hours": 20})
    await context.platform.record(filed.case_id, "dummy.brewed", {"hours": 30})
    await watching.start_waiting()
    after = await _tea(filed.case_id)
    assert (before["policy"], after["policy"]) == ("dummy.tea/h8", "dummy.tea/h30")
    assert after["due_at"] > before["due_at"]


@pytest.mark.parametrize("says", ["raise", "rubbish", "both"])
async def test_deadlines_that_fail_leave_the_case_its_own_clocks_and_those_that_ran(
    desk_with_dummy: Any, watch: Any, says: str
) -> None:
    ran = await desk_with_dummy.file()
    await watching.start_waiting()
    watch.says = says
    filed = await desk_with_dummy.file()
    await watching.start_waiting()
    await settle(ran.case_id)
    keys = await db.fetch("SELECT key FROM core_clock WHERE case_id = $1", filed.case_id)
    assert sorted(row["key"] for row in keys) == ["acknowledge", "answer", "answer"]
    assert (await _tea(ran.case_id))["state"] == "running"
    faults = await db.fetch("SELECT place FROM core_fault WHERE slug = 'dummy'")
    assert {row["place"] for row in faults} == {"deadlines dummy"}


async def test_hook_provide_returns(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file()
    officer = await desk_with_dummy.viewer("compliance")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    made = await return_steps.start(officer, "dummy", unit, "2000-01-01..2099-12-31")
    head = await returns.head(officer, made)
    found = await returns.figures_of(head)
    assert found.values() == {"1": 1, "2": None}
    assert len(found.figures[0].evidence) == 1
    with pytest.raises(NotNow, match="The period runs until 31 December 2099"):
        await return_steps.freeze(officer, made, head.version)
    with clock.at(datetime(2100, 1, 2, 12, tzinfo=UTC)):
        with pytest.raises(NotNow, match="1 check fails"):  # nobody has entered the second
            await return_steps.freeze(officer, made, head.version)
        await return_steps.enter(officer, made, {"2": "70"}, head.version)
        head = await returns.head(officer, made)
        await return_steps.freeze(officer, made, head.version)
    assert (await returns.frozen(await returns.head(officer, made))).values() == {"1": "1", "2": "70"}


async def test_hook_provide_jobs(desk_with_dummy: Any) -> None:
    job = await enqueue_job("dummy.count", {"payload": {"to": 5, "fail_at": 3}}, plugin="dummy")
    await desk_with_dummy.work()
    paused = await db.fetchrow("SELECT state, checkpoint FROM core_delivery WHERE id = $1", job)
    assert (paused["state"], paused["checkpoint"]["done"]) == ("waiting", 3)
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE id = $1", job)
    await desk_with_dummy.work()
    row = await db.fetchrow("SELECT state, progress FROM core_delivery WHERE id = $1", job)
    assert (row["state"], row["progress"]["done"]) == ("done", 5)


async def test_a_job_with_a_rhythm_starts_by_itself_while_its_plugin_is_on(desk_with_dummy: Any) -> None:
    import ombud_dummy.plugin as module

    start = now()
    assert "dummy.tick" not in await schedule.schedule.tick(start)  # first seen: its times count from here
    assert "dummy.tick" in await schedule.schedule.tick(start + timedelta(seconds=61))
    await desk_with_dummy.work()
    assert module.ASKED == [("tick", {})]
    await desk_with_dummy.disable("dummy")
    assert "dummy.tick" not in schedule.schedule.entries


async def test_a_job_that_takes_longer_than_its_limit_is_stopped_and_goes_on_from_its_state(
    desk_with_dummy: Any,
) -> None:
    job = await enqueue_job("dummy.count", {"payload": {"to": 4, "sleep_at": 2}}, plugin="dummy")
    await desk_with_dummy.work()
    row = await db.fetchrow("SELECT state, error, checkpoint FROM core_delivery WHERE id = $1", job)
    assert (row["state"], row["checkpoint"]["done"]) == ("waiting", 2)
    assert "goes on from its state" in row["error"]
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE id = $1", job)
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT state FROM core_delivery WHERE id = $1", job) == "done"


async def test_hook_provide_settings(desk_with_dummy: Any) -> None:
    """Its page, its values by unit, its own secret, trying out; tests/web/test_settings_pages.py tells the rest."""
    adam, agent = await desk_with_dummy.signed_in("administrator"), await desk_with_dummy.signed_in("agent")
    page = await adam.get("/settings/p-dummy")
    assert (page.status_code, "Words above the page." in page.text) == (200, True)
    tried = await adam.submit("/settings/p-dummy/try", {"set.address": "refuse"}, page="/settings/p-dummy")
    assert "refuse took None from Administrator and refused. Check the name." in tried.text
    typed = {"set.greeting": "Good day", "set.password": "swordfish", "set.limit": "12.50", "version": "0"}
    assert (await adam.submit("/settings/p-dummy", typed, page="/settings/p-dummy")).status_code == 303
    held = (await context_in("dummy", SYSTEM)).settings
    assert (held["greeting"], held["password"], held["limit"], held["hours"]) == (
        "Good day", "swordfish", Decimal("12.50"), 24,
    )  # fmt: skip
    filed = await desk_with_dummy.file("The fee was taken twice.", summary="Fee")
    assert "Good day" in (await agent.get(f"/cases/{filed.reference}")).text
    assert await context_for("portal", SYSTEM).platform.settings() == {}, "no plugin reads another's"
    await desk_with_dummy.disable("dummy")
    assert (await adam.get("/settings/p-dummy")).status_code == 404


async def test_a_plugin_whose_settings_do_not_fit_is_refused_with_the_reason(
    desk: Any, dummy: str, monkeypatch: Any
) -> None:
    import ombud_dummy.plugin as module

    monkeypatch.setitem(module.SETTINGS, "hours", {"type": "integer", "min": "1", "meta": {"label": "Hours"}})
    with pytest.raises(plugins.UnfitError, match="its settings do not fit: setting hours: min must be a int"):
        await desk.enable("dummy")
    assert "dummy" not in running.loaded


async def test_hook_provide_commands(dummy: str, capsys: Any) -> None:
    loaded = plugins.load(plugins.discover()[dummy])
    (command,) = loaded.commands
    assert (command.group, command.name) == ("dummy", "greet")


async def test_hook_on_event(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file("The fee was taken twice.")
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'plugin/dummy'") == 1
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT case_id FROM dummy_note") == filed.case_id
    await db.execute("UPDATE core_delivery SET state = 'waiting', available_at = now(), finished_at = NULL")
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT count(*) FROM dummy_note") == 1


async def test_a_disabled_plugins_deliveries_wait_until_it_is_on_again(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file("The fee was taken twice.")
    await desk_with_dummy.disable("dummy")
    await desk_with_dummy.work(rounds=2)
    assert await db.fetchval("SELECT count(*) FROM dummy_note") == 0
    await desk_with_dummy.enable("dummy")
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT count(*) FROM dummy_note") == 1


async def test_a_failing_page_says_so_and_the_rest_of_the_desk_works(desk_with_dummy: Any) -> None:
    visitor = desk_with_dummy.browser()
    answer = await visitor.get("/p/dummy/fail")
    assert answer.status_code == 500
    assert "Nothing was changed" in answer.text
    assert "on purpose" not in answer.text
    assert (await visitor.get("/")).status_code == 200


async def test_a_hanging_page_is_ended_and_named(desk_with_dummy: Any, monkeypatch: Any) -> None:
    from ombud.web import plugin_pages

    monkeypatch.setattr(plugin_pages, "FIRST_BYTE_SECONDS", 0.2)
    answer = await desk_with_dummy.browser().get("/p/dummy/hang")
    assert answer.status_code == 503
    assert "This page is not answering" in answer.text
    fault = await db.fetchrow("SELECT kind, place FROM core_fault WHERE slug = 'dummy'")
    assert (fault["kind"], fault["place"]) == ("timeout", "page /hang")


async def test_a_plugins_tables_refer_to_core_by_constraint_and_leave_with_it(desk_with_dummy: Any) -> None:
    assert await db.fetchval("SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'dummy_note_case_id_core')")
    assert await db.fetchval("SELECT EXISTS (SELECT 1 FROM pg_indexes WHERE indexname = 'dummy_note_case_id_core')")
    await desk_with_dummy.uninstall("dummy")
    assert await db.fetchval("SELECT to_regclass('dummy_note')") is None
    assert await db.fetchval("SELECT count(*) FROM migration WHERE app_name = 'dummy'") == 0


async def test_a_plugin_that_cannot_run_is_shown_and_stops_nothing(desk: Any, dummy: str, tmp_path: Path) -> None:
    import sys

    broken = tmp_path / "ombud_broken"
    broken.mkdir()
    (broken / "__init__.py").write_text("")
    (broken / "plugin.py").write_text("raise RuntimeError('no')")
    manifest = (Path(dummy_folder()) / "plugin.toml").read_text()
    (broken / "plugin.toml").write_text(manifest.replace('"dummy"', '"broken"').replace("dummy_note", "broken_note"))
    info = tmp_path / "ombud_broken-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ombud-broken\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[ombud.plugins]\nbroken = ombud_broken.plugin\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(plugins.UnfitError, match="cannot be imported"):
            await desk.enable("broken")
        await desk.enable("dummy")
        filed = await desk.file("The fee was taken twice.")
        assert filed.reference
        assert "broken" not in running.loaded
    finally:
        sys.path.remove(str(tmp_path))


def dummy_folder() -> str:
    return str(Path(__file__).parent.parent / "dummy_plugin" / "ombud_dummy")


async def test_hook_provide_sentiment_scorers(desk_with_dummy: Any) -> None:
    loud = await desk_with_dummy.file("THE FEE WAS TAKEN TWICE.")
    plain = await desk_with_dummy.file("The fee was taken twice.")
    polish = await desk_with_dummy.file("OPŁATA POBRANA DWA RAZY.", language="pl")
    await desk_with_dummy.work()
    rows = await db.fetch("SELECT id, mood FROM core_case")
    moods = {row["id"]: row["mood"] for row in rows}
    assert moods == {loud.case_id: "angry", plain.case_id: "calm", polish.case_id: ""}
    assert await db.fetchval("SELECT count(*) FROM core_finding WHERE provider = 'plugin/dummy'") == 2
    await desk_with_dummy.disable("dummy")
    later = await desk_with_dummy.file("THE FEE WAS TAKEN TWICE.")
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT mood FROM core_case WHERE id = $1", later.case_id) == ""


def test_hook_provide_conditions(dummy: str, monkeypatch: Any) -> None:
    import ombud_dummy.plugin as module

    (old,) = plugins.load(plugins.discover()[dummy]).conditions
    facts = CaseFacts(id="1", received_at=module.NOON, opened_at=module.NOON, at=module.NOON + timedelta(days=3))
    assert [old.holds(facts, {"days": days}) for days in (2, 3, 4)] == [True, True, False]
    assert old.describe({"days": 3}) == "the dummy finds it older than 3 days"
    for key, schema, said in (
        ("other.old", old.schema, "must be 'dummy', or begin with 'dummy.'"),
        ("dummy.old", {"days": {"type": "integer"}}, "the arguments of its condition dummy.old do not fit"),
    ):
        bad = replace(old, key=key, schema=schema)
        monkeypatch.setattr(module, "provide_conditions", hookimpl(lambda bad=bad: [bad]))
        with pytest.raises(plugins.UnfitError, match=re.escape(said)):
            plugins.load(plugins.discover()[dummy])
    monkeypatch.setattr(module, "provide_conditions", hookimpl(lambda: [old, old]))
    with pytest.raises(plugins.UnfitError, match="two of its conditions have one key"):
        plugins.load(plugins.discover()[dummy])


def test_hook_provide_actions(dummy: str, monkeypatch: Any) -> None:
    import ombud_dummy.plugin as module

    (hurry,) = plugins.load(plugins.discover()[dummy]).actions
    facts = CaseFacts(id="1", received_at=module.NOON, opened_at=module.NOON, at=module.NOON)
    planned = hurry.plan(facts, {"tag": "late"})
    assert [(each.kind, type(each)) for each in planned] == [("set_priority", SetPriority), ("add_tag", AddTag)]
    monkeypatch.setattr(module, "provide_actions", hookimpl(lambda: [replace(hurry, key="core.hurry")]))
    with pytest.raises(plugins.UnfitError, match="must be 'dummy', or begin with"):
        plugins.load(plugins.discover()[dummy])


async def test_hook_provide_routers(desk_with_dummy: Any) -> None:
    await db.execute("DELETE FROM core_user_role")
    await skills.add(SYSTEM, "dummy", "Dummy", {})
    names = sorted([await desk_with_dummy.user(f"agent{number}", "agent") for number in range(3)])
    await profiles.set_profile(SYSTEM, names[2], ProfileGiven(skills=("dummy",)), 0)
    first = await desk_with_dummy.file("The fee was taken twice.")
    assert (await assign_by_routing(first.case_id)).owner == names[2]
    told = await db.fetchval("SELECT body::text FROM core_ledger_entry WHERE kind = 'case.assigned'")
    assert '"router:dummy"' in told
    await desk_with_dummy.disable("dummy")
    later = await desk_with_dummy.file("Again.", name="Somebody else", email="else@example.org")
    assert (await assign_by_routing(later.case_id)).owner == names[0]


async def test_hook_provide_response_requirements(desk_with_dummy: Any, monkeypatch: Any) -> None:
    import ombud_dummy.plugin as module

    await group_settings.change(SYSTEM, "gate", Change(values={"requires_dummy": True}))
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    held = await gate_rules.rules_in(unit)
    assert [(each.letter, each.label) for each in held.required("complaint")] == [
        ("final_response", "Dummy office"), ("settled", "Dummy office"),
    ]  # fmt: skip
    wrong = ResponseRequirement("dummy", "Dummy office", letter="No code")
    monkeypatch.setattr(module, "provide_response_requirements", hookimpl(lambda: [wrong]))
    with pytest.raises(plugins.UnfitError, match="codes of small letters"):
        plugins.load(plugins.discover()["dummy"])
    foreign = ResponseRequirement("elsewhere", "Office")
    monkeypatch.setattr(module, "provide_response_requirements", hookimpl(lambda: [foreign]))
    with pytest.raises(plugins.UnfitError, match="must be 'dummy', or begin with"):
        plugins.load(plugins.discover()["dummy"])
    await desk_with_dummy.disable("dummy")
    assert (await gate_rules.rules_in(unit)).required("complaint") == ()


async def test_hook_provide_case_files(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file("The fee was taken twice.")
    leader = await desk_with_dummy.viewer("leader")
    prepared = await making.prepare(leader, filed.reference, "dummy")
    assert (prepared.told.recipient, prepared.told.cover) == (
        "The Dummy", (("Dummy number", f"{filed.reference}/1"),),
    )  # fmt: skip
    from ombud_dummy.plugin import Outside

    for says in ("raise", "rubbish"):
        Outside.says = says
        try:
            poorer = await making.prepare(leader, filed.reference, "dummy")
        finally:
            Outside.says = "fine"
        assert poorer.told.cover == ()
        assert "could not say what belongs on the cover" in poorer.told.trouble
        assert await making.make(leader, poorer)
    await desk_with_dummy.disable("dummy")
    with pytest.raises(NotFound, match="makes no such file"):
        await making.prepare(leader, filed.reference, "dummy")


async def test_hook_provide_classifiers(desk_with_dummy: Any) -> None:
    for code in ("fee", "delay"):
        await taxonomy_setup.add(SYSTEM, "category", code, None, TermGiven({"en": code.capitalize()}))
    filed = await desk_with_dummy.file("The fee was taken twice, and after a delay of a week.")
    await desk_with_dummy.work()
    rows = await db.fetch("SELECT value, state, provider FROM core_finding WHERE kind = 'aspect' ORDER BY id")
    assert [row["value"] for row in rows] == [
        {"category": "delay", "classifier": "dummy", "version": "1", "spans": [[37, 42]]},
        {"category": "fee", "classifier": "dummy", "version": "1", "spans": [[4, 7]]},
    ]
    assert {(row["state"], row["provider"]) for row in rows} == {("suggested", "plugin/dummy")}
    aspect = await db.fetchrow("SELECT outcome, category FROM core_aspect WHERE case_id = $1", filed.case_id)
    assert (aspect["outcome"], aspect["category"]) == ("", "")
    await desk_with_dummy.disable("dummy")
    await desk_with_dummy.file("Another fee.")
    await desk_with_dummy.work()
    assert await db.fetchval("SELECT count(*) FROM core_finding WHERE kind = 'aspect'") == 2


async def test_hook_provide_rights(desk_with_dummy: Any, monkeypatch: Any) -> None:
    import ombud_dummy.plugin as dummy

    officer = await desk_with_dummy.signed_in("compliance")
    page = (await officer.get("/privacy/new")).text
    assert "Dummy Act: A look at the dummy" in page
    assert "What core does not know" not in page, "a right that core cannot do is left out"
    await desk_with_dummy.disable("dummy")
    assert "No law is turned on" in (await officer.get("/privacy/new")).text
    wrong = [replace(dummy.provide_rights(manifest=None)[0], key="other")]  # type: ignore[arg-type]
    monkeypatch.setattr(dummy, "provide_rights", hookimpl(lambda manifest: wrong))
    with pytest.raises(plugins.UnfitError, match="must be 'dummy', or begin with"):
        plugins.load(plugins.discover()["dummy"])


async def test_hook_provide_personal_data(desk_with_dummy: Any, monkeypatch: Any) -> None:
    from ombud_dummy.plugin import Memory

    monkeypatch.setattr(
        Memory, "kept", {"helena@example.org": {"note": "likes tea"}, "igor@example.org": {"note": "no"}}
    )
    await desk_with_dummy.file("The fee was taken twice.")
    person = await db.fetchval("SELECT person_id FROM core_party")
    found = await collecting.gathered(SYSTEM, [person])
    assert found.data["dummy"]["Memory of the dummy"] == [{"note": "likes tea"}]
    monkeypatch.setattr(Memory, "says", "rubbish")
    (missing,) = (await collecting.gathered(SYSTEM, [person])).missing
    assert (missing["source"], missing["state"]) == ("dummy", "rubbish")
    monkeypatch.setattr(Memory, "says", "fine")
    (asked,) = await collecting.asked([person], "erase")
    assert (asked["state"], asked["items"], list(Memory.kept)) == ("answered", 1, ["igor@example.org"])
    await desk_with_dummy.disable("dummy")
    (off,) = (await collecting.gathered(SYSTEM, [person])).missing
    assert (off["source"], off["state"]) == ("dummy", "off")
