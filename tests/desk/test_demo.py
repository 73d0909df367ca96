"""The demonstration firm: a year full of life, told in the ledger, and removed without residue."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ombud.desk import aspects, cases, first_desk, messages, units, views
from ombud.desk.aspects import Decision
from ombud.desk.bulk import plan as bulk
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.demo import commands as demo_commands
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.desk.demo.firm import COLLEAGUES, LOG_INS, PASSWORD, TEAMS, UNITS
from ombud.desk.errors import NotFound, NotNow
from ombud.kernel import clock, outbox
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import Subscription
from ombud.testing import DeskTemplate, migrated_copy
from ombud.trust import checkpoints, ledger, passwords, users
from ombud.trust.ledger_verify import verify
from ombud.trust.viewers import viewer_of_user

# What stays by law of the ledger; `core_key` is counted without its tombstones.
STAYS = {"core_ledger_entry", "core_stream", "core_checkpoint", "core_checkpoint_entry"}


async def rows_of_every_table() -> dict[str, int]:
    tables = await db.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'core\\_%' ORDER BY 1"
    )
    names = [row["tablename"] for row in tables if row["tablename"] not in STAYS]
    assert {"core_case", "core_vault", "core_sealed", "core_queue_count", "core_delivery", "core_key"} <= set(names)
    living = {"core_key": "WHERE destroyed_at IS NULL"}
    return {name: await db.fetchval(f"SELECT count(*) FROM {name} {living.get(name, '')}") for name in names}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firm with a short year, where the test is not about the year."""
    stories = demo_story.plan
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[::40])


@dataclass(frozen=True)
class Year:
    """A desk with one case, into which the whole year was loaded; `before`: its rows before the load; `loaded`: the
    moment of it."""

    desk: DeskTemplate
    report: demo.DemoReport
    before: dict[str, int]
    loaded: datetime


async def nobody(event: dict[str, Any], context: Any) -> None: ...


LISTENS = ("listens-to-all", Subscription(("*",), nobody))


@pytest.fixture(scope="module")
def year(
    _postgres_run: tuple[str, str], desk_template: DeskTemplate, open_stage: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Year]:  # fmt: skip
    """Loaded once; each test that is about the year has a copy of it, `lived`."""
    data = desk_template.copy_data(tmp_path_factory.mktemp("year") / "desk")

    async def live() -> tuple[demo.DemoReport, dict[str, int], datetime]:
        async with open_stage(url, data) as stage:
            await stage.file("The fee was taken twice.")
            before, moment = await rows_of_every_table(), now()
            with clock.at(moment):  # months are counted back from it, however long the load takes
                return await demo.load(), before, moment

    with migrated_copy(*_postgres_run, desk_template.database) as url, pytest.MonkeyPatch.context() as patch:
        patch.setitem(outbox.registry.subscriptions, *LISTENS)
        with ThreadPoolExecutor(1) as pool:  # a test's event loop may be set in this thread
            made = pool.submit(asyncio.run, live()).result()
        patch.undo()
        yield Year(DeskTemplate(urlsplit(url).path.removeprefix("/"), data), *made)


@pytest.fixture
async def lived(
    _postgres_run: tuple[str, str], year: Year, open_stage: Callable[..., Any], tmp_path: Path
) -> AsyncIterator[Any]:
    """The stage of a desk that has the year."""
    data = year.desk.copy_data(tmp_path / "desk")
    with migrated_copy(*_postgres_run, year.desk.database) as url:
        async with open_stage(url, data) as stage:
            yield stage


async def test_loaded_and_removed_leaves_no_row_and_a_ledger_that_holds(
    lived: Any, year: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(outbox.registry.subscriptions, *LISTENS)
    report, before = year.report, year.before
    assert (await units.first()).name == "Modra Group"
    during = await rows_of_every_table()
    assert 450 < report.cases < 520
    tables = "case aspect redress redress_request payment payment_batch rate_value party raw message attachment"
    for table in (*tables.split(), "support_needs", "draft"):
        assert during[f"core_{table}"] > before[f"core_{table}"], table
    await checkpoints.make_checkpoint()
    assert (await verify()).broken == ""
    removed = await demo.remove()
    assert (removed.cases, removed.people, removed.users) == (
        report.cases,
        report.people,
        len(LOG_INS) + len(COLLEAGUES),
    )
    assert removed.kept == ()
    assert (await units.first()).name == first_desk.NAME
    assert await rows_of_every_table() == before
    await checkpoints.make_checkpoint()
    assert (await verify()).broken == ""
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.removed'") == report.cases
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'demo.removed'") == 1


async def test_the_year_shows_life_on_every_page(lived: Any, year: Year) -> None:
    moment = year.loaded
    cases_now = await db.fetch("SELECT * FROM core_case WHERE id IN (SELECT item_id FROM core_demo_item)")
    open_now = [row for row in cases_now if row["status"] != "closed"]
    assert {row["status"] for row in cases_now} == {"new", "in_progress", "resolved", "closed"}
    assert sum(row["due_at"] < moment for row in open_now) >= 4
    assert sum(moment <= row["due_at"] < moment + timedelta(days=3) for row in open_now) >= 4
    assert sum(row["owner_id"] is None for row in open_now) >= 5
    assert {row["aspects_total"] for row in cases_now} >= {1, 2, 3, 4, 5}
    assert {row["mood"] for row in cases_now} >= {"calm", "tense", "upset", "angry"}
    assert len({row["priority"] for row in cases_now}) == 4
    assert any(row["confidential"] for row in open_now)
    assert min(row["received_at"] for row in cases_now) > moment - timedelta(days=366)
    assert max(row["changed_at"] for row in cases_now) <= moment
    outcomes = {row["outcome"] for row in await db.fetch("SELECT DISTINCT outcome FROM core_aspect")}
    assert outcomes >= {"upheld", "partly_upheld", "not_upheld", "withdrawn", ""}
    currencies = await db.fetch(
        "SELECT DISTINCT u.currency AS unit, r.currency AS paid FROM core_redress r "
        "JOIN core_case c ON c.id = r.case_id JOIN core_unit u ON u.id = c.unit_id WHERE r.kind = 'money'"
    )
    assert {(row["unit"], row["paid"]) for row in currencies} == {("PLN", "PLN"), ("EUR", "EUR")}
    kinds = await db.fetch("SELECT DISTINCT content_type FROM core_attachment")
    assert {row["content_type"] for row in kinds} == {"text/plain", "image/png", "application/pdf"}
    until = await db.fetch("SELECT authority_until FROM core_party WHERE role = 'representative'")
    today = moment.date()
    assert {row["authority_until"] < today for row in until} == {True, False}
    assert await db.fetchval("SELECT count(*) FROM core_raw WHERE status = 'faulted'") == 3
    reopened = "SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.status_changed' AND body ? 'reopened'"
    assert await db.fetchval(reopened) >= 5
    await the_firm_is_full_of_people(moment)
    await the_planted_stories_show(moment)


async def the_firm_is_full_of_people(moment: datetime) -> None:
    assert 15 <= await db.fetchval("SELECT count(DISTINCT owner_id) FROM core_aspect WHERE owner_id IS NOT NULL") <= 20
    assert await db.fetchval("SELECT count(*) FROM core_unit WHERE key LIKE 'modra%'") == len(UNITS) > 6
    teams = await db.fetch(
        "SELECT DISTINCT u.key FROM core_case c JOIN core_unit u ON u.id = c.unit_id "
        "WHERE c.id IN (SELECT item_id FROM core_demo_item)"
    )
    assert {row["key"] for row in teams} == set(TEAMS)
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE case_type = 'modra_file' AND fields <> '{}'") > 50
    assert await db.fetchval(
        "SELECT count(*) FROM (SELECT name FROM core_person p JOIN core_party r ON r.person_id = p.id "
        "WHERE r.role = 'complainant' GROUP BY name HAVING count(*) > 1) AS twice"
    ) > 40  # fmt: skip
    roles = await db.fetch("SELECT DISTINCT r.role, p.kind FROM core_party r JOIN core_person p ON p.id = r.person_id")
    assert {tuple(row) for row in roles} >= {
        ("complainant", "person"), ("complainant", "organisation"), ("representative", "organisation"),
        ("representative", "person"), ("joint_complainant", "person"), ("complained_about", "organisation"),
        ("witness", "person"),
    }  # fmt: skip
    names = await db.fetchval("SELECT string_agg(name, '') FROM core_person")
    assert all(letter in names for letter in "łąóöéñøı"), "several languages"
    weekend = await db.fetchval(
        "SELECT avg((extract(isodow FROM received_at AT TIME ZONE 'Europe/Warsaw') > 5)::int) FROM core_case"
    )
    assert weekend < 0.18, "people write on working days"
    about = await db.fetchval("SELECT count(DISTINCT concerns_user_id) FROM core_aspect")
    assert about >= 3


async def the_planted_stories_show(moment: datetime) -> None:
    """The launch that went wrong, the slow team, the illness nobody wrote down."""
    per_month = await db.fetch(
        "SELECT ceil(extract(epoch FROM $1 - received_at) / 86400 / 29) AS month, count(*) AS many FROM core_case c "
        "JOIN core_unit u ON u.id = c.unit_id WHERE u.key IN ('modra-direct', 'modra-cards') GROUP BY 1",
        moment,
    )
    launch = {int(row["month"]): row["many"] for row in per_month}
    before = sorted(many for month, many in launch.items() if month not in {1, 5})  # the first holds all that is open
    assert launch[5] > 2 * before[-1]
    late = {
        row["key"]: row["late"]
        for row in await db.fetch(
            "SELECT u.key, avg((c.closed_at > c.due_at)::int) AS late FROM core_case c JOIN core_unit u "
            "ON u.id = c.unit_id WHERE c.status = 'closed' GROUP BY 1"
        )
    }
    others = [share for key, share in late.items() if key != "modra-files"]
    assert late["modra-files"] > 0.25
    assert late["modra-files"] > 2 * sum(others) / len(others)
    missed = await db.fetchval("SELECT count(*) FROM core_support_needs WHERE complains_of_our_response")
    assert missed >= 5


async def test_staff_see_what_their_role_shows_and_nothing_about_themselves(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = demo_story.plan
    monkeypatch.setattr(
        demo, "plan", lambda *given: [each for each in stories(*given) if each.secret or each.about_staff]
    )
    loaded = await demo.load()
    about = await db.fetchrow(
        "SELECT a.id, a.case_id, a.owner_id, c.owner_id AS case_owner, u.name FROM core_aspect a "
        "JOIN core_case c ON c.id = a.case_id JOIN core_user u ON u.id = a.concerns_user_id "
        "WHERE u.name = 'piotr' AND c.status <> 'closed' AND a.status = 'open'"
    )
    assert about is not None
    piotr, ewa = await stage.person("piotr"), await stage.person("ewa")
    assert piotr.user_id not in {about["owner_id"], about["case_owner"]}
    with pytest.raises(NotFound, match="no such aspect"):
        await aspects.decide_aspect(piotr, about["id"], Decision("upheld", "It was I."), None)
    await aspects.decide_aspect(ewa, about["id"], Decision("upheld", "The call was rude."), None)
    celia, anna = await stage.person("celia"), await stage.person("anna")
    totals = [(await list_cases(viewer, CaseFilters())).total for viewer in (celia, anna)]
    owned = await db.fetchval("SELECT count(*) FROM core_case WHERE confidential AND owner_id = $1", anna.user_id)
    secret = await db.fetchval("SELECT count(*) FROM core_case WHERE confidential")
    assert secret >= 2
    assert totals == [loaded.cases, loaded.cases - secret + owned]
    for each in LOG_INS:
        stored = await db.fetchval("SELECT password_hash FROM core_user WHERE name = $1", each.name)
        assert await passwords.matches(stored, PASSWORD)


async def test_the_same_year_comes_again_relative_to_today(stage: Any, few: None) -> None:
    told = (
        "SELECT title, status, mood, priority, received_at, aspects_closed FROM core_case ORDER BY received_at, title"
    )
    with clock.at(now()):
        await demo.load()
        first = [tuple(row) for row in await db.fetch(told)]
        await demo.remove()
        await demo.load()
        assert [tuple(row) for row in await db.fetch(told)] == first


async def test_what_was_sealed_of_the_firms_people_can_never_be_opened_again(stage: Any, few: None) -> None:
    await demo.load()
    streams = [row["stream"] for row in await db.fetch("SELECT stream FROM core_stream WHERE stream LIKE 'case/%'")]
    assert await ledger.open_sealed([(stream, 1) for stream in streams])
    entry = await db.fetchval("SELECT body::text FROM core_ledger_entry WHERE kind = 'case.opened' LIMIT 1")
    assert "example.org" not in entry
    await demo.remove()
    assert await ledger.open_sealed([(stream, 1) for stream in streams]) == []
    assert not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_sealed WHERE stream LIKE 'case/%')")


async def test_a_load_that_breaks_off_leaves_nothing(stage: Any, few: None) -> None:
    before = await rows_of_every_table()

    def breaks(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await demo.load(breaks)
    assert await rows_of_every_table() == before
    assert not await demo.is_loaded()


async def test_loading_twice_or_over_a_taken_name_is_refused_with_the_remedy(stage: Any, few: None) -> None:
    await stage.person("ewa", "agent")
    with pytest.raises(NotNow, match="user ewa"):
        await demo.load()
    await db.execute("UPDATE core_user SET name = 'ewa-b' WHERE name = 'ewa'")
    await demo.load()
    with pytest.raises(NotNow, match="demo remove"):
        await demo.load()
    await demo.remove()
    with pytest.raises(NotNow, match="no demonstration data"):
        await demo.remove()


async def test_cases_filed_into_the_firm_afterwards_are_not_removed_unasked(stage: Any, few: None) -> None:
    before = await rows_of_every_table()
    await demo.load()
    later = await stage.file("The app is down.", unit="modra-direct", case_type="modra_card")
    with pytest.raises(NotNow, match=rf"{later.reference}.*--with-later"):
        await demo.remove()
    assert await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_case WHERE id = $1)", later.case_id)
    assert await demo.is_loaded()
    await demo.remove(with_later=True)
    assert await rows_of_every_table() == before
    assert (await verify()).broken == ""


async def test_a_log_in_that_worked_on_another_case_stays_shut_out_under_its_name(stage: Any, few: None) -> None:
    mine = await stage.file("The fee was taken twice.")
    await demo.load()
    ewa = await stage.person("ewa")
    await cases.take(ewa, mine.case_id)
    await messages.write(ewa, mine.case_id, "note", "Looked into it.")
    report = await demo.remove()
    assert report.kept == ("user ewa",)
    assert report.users == len(LOG_INS) + len(COLLEAGUES) - 1
    kept = await users.find("ewa")
    assert (kept.active, kept.has_password, kept.display_name) == (False, False, "Ewa Wrona")
    assert await db.fetchval("SELECT status FROM core_case WHERE id = $1", mine.case_id) == "in_progress"
    assert (await verify()).broken == ""


async def test_views_and_changes_of_many_cases_that_grew_on_the_firm_go_with_it(stage: Any, few: None) -> None:
    before = await rows_of_every_table()
    await demo.load()
    anna = await db.fetchrow("SELECT u.id, r.unit_id FROM core_user u JOIN core_user_role r ON r.user_id = u.id "
                             "WHERE u.name = 'anna' AND r.role = 'leader'")  # fmt: skip
    viewer = await viewer_of_user(anna["id"])
    assert viewer is not None
    await views.save(viewer, "Ours", CaseFilters(due="late"), anna["unit_id"])
    made = await bulk.choose(viewer, filters=CaseFilters(status="open"))
    await bulk.plan(viewer, made, "note", {"text": "The year is nearly over."})
    await demo.remove()
    after = await rows_of_every_table()
    assert {name: count for name, count in after.items() if count != before[name]} == {}


async def test_an_open_case_moved_into_a_queue_of_the_firm_has_to_be_moved_first(stage: Any, few: None) -> None:
    mine = await stage.file("The fee was taken twice.")
    await demo.load()
    queues = {row["key"]: row["id"] for row in await db.fetch("SELECT key, id FROM core_queue")}
    leader = await stage.person("leader")
    await cases.change(leader, mine.case_id, {"queue_id": queues["modra-cards"]}, None)
    with pytest.raises(NotNow, match=mine.reference):
        await demo.remove()
    await cases.change(leader, mine.case_id, {"queue_id": queues["new-complaints"]}, None)
    assert (await demo.remove()).kept == ()


async def test_the_last_person_who_can_manage_users_is_not_removed(stage: Any, few: None) -> None:
    await demo.load()
    await users.deactivate("admin", "system")
    with pytest.raises(NotNow, match="manage users"):
        await demo.remove()
    assert await demo.is_loaded()


async def test_the_commands_print_log_ins_and_say_why_not(
    stage: Any, few: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await demo_commands.demo_once_command(fresh=True) == 0
    said = capsys.readouterr()
    assert PASSWORD in said.out
    assert all(f"  {each.name} " in said.out for each in LOG_INS)
    assert "demonstration cases" in said.err
    assert await demo_commands.demo_load_command() == 1
    assert "Nothing was loaded" in capsys.readouterr().err
    assert await demo_commands.demo_once_command(fresh=False) == 0
    assert PASSWORD in capsys.readouterr().out
    assert await demo_commands.demo_remove_command(False) == 0
    assert "Modra Bank is gone" in capsys.readouterr().out
    assert await demo_commands.demo_remove_command(False) == 1
    assert "Nothing was removed" in capsys.readouterr().err
