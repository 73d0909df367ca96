"""Customer systems: no page waits for one, what they told is shown with its age, a person says who is who, and a closed
case is told once."""

import asyncio
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ombud.desk import aspects, cases, people
from ombud.desk.aspects import Decision
from ombud.desk.crm import asking, closing, kept, panel
from ombud.desk.transfer.kinds import KINDS
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import enqueue_job
from ombud.trust import ledger
from ombud.trust.policy import HIDDEN
from ombud.web.pages import crm as crm_pages
from ombud_plugin_api import Datum, PersonGiven, PersonMatch

HTMX = {"hx-request": "true"}


@pytest.fixture
def dummy_book(desk_with_dummy: Any, monkeypatch: Any) -> Any:
    """The dummy's customer system, which knows Helena Marsh once."""
    import ombud_dummy.plugin as module

    module.Mood.people = (_helena("7"),)
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    monkeypatch.setattr(closing, "SECONDS", 0.3)
    monkeypatch.setattr(crm_pages, "_unused", {})
    return module


def _helena(number: str, **more: Any) -> PersonMatch:
    about = {"name": "H. Marsh", "email": "helena@example.org", "source": "Book", "fetched_at": now(), **more}
    return PersonMatch(id=number, **about)


async def _looked(desk: Any, browser: Any, path: str) -> str:
    """The part once the background work is done."""
    await browser.get(path, headers=HTMX)
    await desk.work()
    return (await browser.get(path, headers=HTMX)).text


async def _person() -> Any:
    return await db.fetchval("SELECT person_id FROM core_party LIMIT 1")


async def test_a_system_that_hangs_costs_a_case_page_neither_time_nor_a_statement(
    desk_with_dummy: Any, dummy_book: Any, monkeypatch: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file()
    page = f"/cases/{filed.reference}"

    async def counted() -> int:
        await agent.get(page)
        with db.counting() as count:
            assert (await agent.get(page)).status_code == 200
        return int(count.statements)

    dummy_book.Mood.says = "hang"
    with_system = await counted()
    await agent.get(f"{page}/crm/dummy", headers=HTMX)
    working = asyncio.create_task(desk_with_dummy.work())  # it hangs in work, for as long as its limit lets it
    started = time.monotonic()
    assert await counted() == with_system
    assert (await agent.get(f"{page}/crm/dummy", headers=HTMX)).status_code == 200
    assert time.monotonic() - started < 5, "nothing here waits for sixty seconds of sleep"
    await working
    monkeypatch.setattr(crm_pages.kept, "systems", list)
    assert await counted() == with_system, "a desk without a customer system takes as many"


async def test_a_desk_without_a_system_and_a_unit_that_does_not_use_it_show_nothing(desk: Any, dummy: str) -> None:
    import ombud_dummy.plugin as module

    agent, adam = await desk.signed_in("agent"), await desk.signed_in("administrator")
    filed = await desk.file()
    assert "/crm/" not in (await agent.get(f"/cases/{filed.reference}")).text
    await desk.enable(dummy)
    path = f"/cases/{filed.reference}/crm/dummy"
    typed = {"set.tone": "plain", "set.address": "mail.example.org", "version": "0"}
    assert (await adam.submit("/settings/p-dummy", typed, page="/settings/p-dummy")).status_code == 303
    assert (await _looked(desk, agent, path)).strip() == ""
    assert "is not used in this unit" in (await agent.get(path)).text
    assert "/crm/" not in (await agent.get(f"/cases/{filed.reference}")).text, "the page knows it for a while"
    other = await desk.file(email="other@example.org")
    assert (await agent.get(f"/cases/{other.reference}/crm/dummy", headers=HTMX)).text.strip() == ""
    asked = list(module.ASKED)
    await desk.work()
    assert asked == module.ASKED, "nobody else is asked about"


async def test_no_system_is_asked_from_a_case_whose_words_are_gone(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file()
    page = f"/cases/{filed.reference}"
    assert "/crm/dummy" in (await agent.get(page)).text
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now(), destroyed_at = now()")
    assert "/crm/" not in (await agent.get(page)).text
    asked = list(dummy_book.ASKED)
    assert (await agent.get(f"{page}/crm/dummy", headers=HTMX)).status_code == 404
    assert (await agent.get(f"/parties/{await _person()}/crm/dummy", headers=HTMX)).status_code == 404
    await desk_with_dummy.work()
    assert asked == dummy_book.ASKED


async def test_a_system_that_says_it_is_not_used_shows_nothing(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file()
    dummy_book.Mood.says = "unused"
    assert (await _looked(desk_with_dummy, agent, f"/cases/{filed.reference}/crm/dummy")).strip() == ""


async def test_many_who_look_at_once_ask_once(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent, leader = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.signed_in("leader")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    for browser in (agent, leader, agent):
        assert "Asking" in (await browser.get(path, headers=HTMX)).text
    assert (await agent.get(f"{path}?waiting=true", headers=HTMX)).status_code == 204
    await desk_with_dummy.work()
    ready = await agent.get(f"{path}?waiting=true", headers=HTMX)
    assert "Account of 7" in ready.text
    assert "every 1s" not in ready.text
    assert len(dummy_book.ASKED) == 2  # find and history
    await agent.get(path, headers=HTMX)
    assert await desk_with_dummy.work() == 0, "what is fresh is not asked for again"


async def test_each_datum_has_source_moment_and_age_and_says_when_it_may_be_old(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    fresh = await _looked(desk_with_dummy, agent, path)
    assert fresh.count('class="datum"') == fresh.count("Dummy book · as of") == 4
    assert "may be old" not in fresh
    assert 'href="https://crm.example/calls/1"' in fresh
    assert "javascript:" not in fresh
    dummy_book.Mood.age = timedelta(hours=2)
    await db.execute(
        "UPDATE core_crm_snapshot SET asked_at = asked_at - $1::interval, ended_at = ended_at - $1::interval",
        timedelta(minutes=6),
    )
    old = await _looked(desk_with_dummy, agent, path)
    assert old.count("may be old") == 4
    assert "2 h ago" in old.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("away", "is not answering."), ("hang", "is not answering."), ("raise", "answered what nobody here can read."),
        ("rubbish", "answered what nobody here can read."), ("misconfigured", "is not set up rightly."),
    ],
)  # fmt: skip
async def test_a_system_in_trouble_is_named_and_what_was_known_stays(
    desk_with_dummy: Any, dummy_book: Any, mood: str, said: str
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    dummy_book.Mood.says = mood
    first = await _looked(desk_with_dummy, agent, path)
    assert f"Dummy book {said}" in first
    assert "The case is not affected." in first
    dummy_book.Mood.says = "fine"
    assert "Account of 7" in await _looked(desk_with_dummy, agent, f"{path}?again=true")
    dummy_book.Mood.says = mood
    with clock.at(now() + timedelta(minutes=10)):
        later = await _looked(desk_with_dummy, agent, path)
    assert f"Dummy book {said}" in later
    assert "Shown as of" in later
    assert "Account of 7" in later
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy'") >= 2


async def test_a_system_that_failed_is_left_alone_for_a_minute_unless_somebody_asks(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    dummy_book.Mood.says = "away"
    await _looked(desk_with_dummy, agent, path)
    await agent.get(path, headers=HTMX)
    assert await desk_with_dummy.work() == 0
    with clock.at(now() + panel.AGAIN_AFTER + timedelta(seconds=1)):
        await agent.get(path, headers=HTMX)
    assert await desk_with_dummy.work() == 1


async def test_what_nobody_answered_counts_as_away_after_a_while(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await agent.get(path, headers=HTMX)
    with clock.at(now() + asking.PATIENCE + timedelta(seconds=1)):
        assert "Dummy book is not answering." in (await agent.get(path, headers=HTMX)).text


async def test_a_huge_answer_is_cut_to_size(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    dummy_book.Mood.says = "huge"
    shown = await _looked(desk_with_dummy, agent, path)
    assert shown.count('class="datum"') == kept.MOST_DATA
    assert await db.fetchval("SELECT pg_column_size(answer) FROM core_crm_snapshot") < 400_000
    assert "x" * (kept.LONGEST + 1) not in shown


@pytest.mark.parametrize(
    "given",
    [
        None, "text", 7, {"a": 1}, [None], [{"kind": "account"}],
        [msgspec.structs.replace(Datum(kind="account", label="A", source="S", fetched_at=now()), kind="odd")],
        [Datum(kind="account", label=7, source="S", fetched_at=now())],  # type: ignore[arg-type]
        [Datum(kind="account", label="A", source="S", fetched_at="yesterday")],  # type: ignore[arg-type]
        [Datum(kind="account", label="A", source="S", fetched_at=now().replace(tzinfo=None))],
        [Datum(kind="account", label="A", source="S", fetched_at=now(), at=object())],  # type: ignore[arg-type]
        [Datum(kind="account", label="A", source="S", fetched_at=now(), shows="salary")],
    ],
)  # fmt: skip
def test_an_answer_that_is_not_as_promised_is_rubbish(given: Any) -> None:
    with pytest.raises(kept.Rubbish):
        kept.checked_data(given)


def test_texts_lose_what_no_database_takes_and_addresses_no_browser_should_open() -> None:
    given = Datum(kind="fact", label="A\0B", source="S", fetched_at=now(), href="//evil.example", value="v" * 9_000)
    (checked,) = kept.checked_data([given])
    assert (checked.label, checked.href, len(checked.value)) == ("AB", "", kept.LONGEST)
    with pytest.raises(kept.Rubbish, match="an id of 0 characters"):
        kept.checked_matches([_helena("")])


async def test_who_may_not_see_a_person_asks_and_learns_nothing(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent, admin = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.signed_in("administrator")
    officer, visitor = await desk_with_dummy.signed_in("compliance"), desk_with_dummy.browser()
    filed = await desk_with_dummy.file(confidential=True)
    paths = (f"/cases/{filed.reference}/crm/dummy", f"/parties/{await _person()}/crm/dummy")
    for path in paths:
        assert (await agent.get(path)).status_code == 404
        assert (await admin.get(path)).status_code == 403
        assert (await visitor.get(path)).status_code == 303
        refused = await agent.submit(f"{path}/choice", {"step": "none"}, page="/me/password")
        assert refused.status_code == 404
    assert dummy_book.ASKED == []
    assert await db.fetchval("SELECT count(*) FROM core_crm_snapshot") == 0
    assert "Account of 7" in await _looked(desk_with_dummy, officer, paths[0])
    assert (await agent.get(paths[0])).status_code == 404, "also once it is kept"


async def test_whom_an_aspect_is_about_learns_nothing_of_the_complainant(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent, leader = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.signed_in("leader")
    filed = await desk_with_dummy.file("The agent was rude.", "The fee was taken twice.")
    me = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE position = 1", me)
    for path in (f"/cases/{filed.reference}", f"/parties/{await _person()}"):
        assert "Account of 7" in await _looked(desk_with_dummy, leader, f"{path}/crm/dummy")
        assert (await agent.get(f"{path}/crm/dummy")).status_code == 404
        assert "/crm/dummy" not in (await agent.get(f"/cases/{filed.reference}")).text


async def test_whom_a_complaint_is_about_is_asked_about_by_nobody(desk_with_dummy: Any, dummy_book: Any) -> None:
    leader = await desk_with_dummy.signed_in("leader")
    filed = await desk_with_dummy.file()
    viewer = await desk_with_dummy.viewer("leader")
    accused = await people.add_party(
        viewer, filed.case_id, PersonGiven(name="Mr Blunt", email="blunt@example.org"), "complained_about"
    )
    assert (await leader.get(f"/parties/{accused}/crm/dummy")).status_code == 404
    assert dummy_book.ASKED == []


async def test_addresses_are_masked_for_those_who_may_not_see_them(desk_with_dummy: Any, dummy_book: Any) -> None:
    reviewer, agent = await desk_with_dummy.signed_in("quality"), await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    seen = await _looked(desk_with_dummy, agent, path)
    assert "0700 900 555" in seen
    masked = (await reviewer.get(path, headers=HTMX)).text
    assert "Account of 7" in masked
    assert "0700 900 555" not in masked
    assert HIDDEN in masked
    assert "This is them" not in masked, "nor may a reviewer choose"
    dummy_book.Mood.people = (_helena("7", note="Long Lane"), _helena("8", note="Short Lane"))
    await db.execute("UPDATE core_crm_snapshot SET asked_at = NULL")
    offered = await _looked(desk_with_dummy, agent, path)
    assert "helena@example.org" in offered
    assert "Long Lane" in offered
    masked = (await reviewer.get(path, headers=HTMX)).text
    assert "2 records may be this person" in masked
    assert "helena@example.org" not in masked
    assert "Lane" not in masked, "what tells them apart may be an address"


async def test_another_units_answer_is_not_shown_and_not_shared(desk_with_dummy: Any, dummy_book: Any) -> None:
    """One person, two cases in two units: what one unit's system told stays with those who see that unit."""
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) "
        "SELECT $1, id, 'team', 'south', 'South', 'UTC', 'EUR', '', 'en', '', $2, 1 FROM core_unit LIMIT 1",
        new_id(), now(),
    )  # fmt: skip
    here, there = await desk_with_dummy.file(), await desk_with_dummy.file(unit="south")
    leader = await desk_with_dummy.signed_in("leader")
    await _looked(desk_with_dummy, leader, f"/cases/{here.reference}/crm/dummy")
    assert dummy_book.ASKED[0].units[-1:] == dummy_book.ASKED[0].units
    await _looked(desk_with_dummy, leader, f"/cases/{there.reference}/crm/dummy")
    assert dummy_book.ASKED[2].units[0] == "south"
    assert len(dummy_book.ASKED[2].units) == 2
    assert await db.fetchval("SELECT count(*) FROM core_crm_snapshot") == 2


async def test_several_who_may_be_the_person_wait_for_a_choice_that_is_kept_told_and_taken_back(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent, reviewer = await desk_with_dummy.signed_in("agent"), await desk_with_dummy.signed_in("quality")
    filed = await desk_with_dummy.file()
    path = f"/cases/{filed.reference}/crm/dummy"
    dummy_book.Mood.people = (_helena("7", note="Gdańsk"), _helena("8", note="Leeds"))
    offered = await _looked(desk_with_dummy, agent, path)
    assert "2 records may be this person" in offered
    assert "Gdańsk" in offered
    assert "Account of" not in offered, "nobody's data before somebody chose"
    assert [each for each in dummy_book.ASKED if isinstance(each, PersonMatch)] == []
    sent = await agent.submit(f"{path}/choice", {"record": "8"}, page=path, follow=True)
    assert "The choice is kept" in sent.text
    chosen = await _looked(desk_with_dummy, agent, path)
    assert "Account of 8" in chosen
    assert "Chosen by Agent" in chosen
    person = await _person()
    assert "Agent chose who this is in a customer system" in (await agent.get(f"/parties/{person}")).text
    entry = (await ledger.read([f"person/{person}"]))[-1]
    assert (entry.kind, sorted(entry.sealed), entry.body["crm"]) == ("crm.chosen", ["name", "record"], "dummy")
    refused = await reviewer.submit(f"{path}/choice", {"step": "back"}, page="/me/password")
    assert refused.status_code == 403
    await agent.submit(f"{path}/choice", {"step": "back"}, page=path)
    assert "2 records may be this person" in await _looked(desk_with_dummy, agent, path)
    kinds = [each.kind for each in await ledger.read([f"person/{person}"])]
    assert kinds[-2:] == ["crm.chosen", "crm.choice_ended"]
    assert await db.fetchval("SELECT count(*) FROM core_crm_link WHERE ended_at IS NOT NULL") == 1


async def test_nobody_of_those_found_is_a_choice_too_and_asks_nothing_more(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    token = await agent.token("/me/password")
    none = await agent.http.post(f"{path}/choice", data={"_csrf": token, "step": "none"}, headers=HTMX)
    assert "None of the records found there is this person" in none.text
    assert "Account of 7" not in none.text
    assert await desk_with_dummy.work() == 0


async def test_a_record_that_was_not_offered_is_refused_with_words(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    for data, words in (({"record": "99"}, "does not offer this record any more"), ({}, "Choose one of the records")):
        refused = await agent.submit(f"{path}/choice", data, page=path)
        assert refused.status_code == 422
        assert words in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_crm_link") == 0


async def test_a_name_alone_shows_nobodys_data(desk_with_dummy: Any, dummy_book: Any, monkeypatch: Any) -> None:
    async def by_name(hints: Any, context: Any) -> Any:
        return [_helena("7", evidence=("name", "postcode"))]

    crm = kept.system("dummy").crm  # type: ignore[union-attr]
    known = kept.Known("dummy", crm)
    monkeypatch.setattr(kept, "system", lambda key: known)
    object.__setattr__(crm, "find", by_name)
    agent = await desk_with_dummy.signed_in("agent")
    shown = await _looked(desk_with_dummy, agent, f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy")
    assert "1 record may be this person" in shown
    assert "Same name, postcode" in shown
    assert "Account of" not in shown


async def test_corrected_details_are_asked_with_at_once(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file(email="wrong@example.org")
    path = f"/cases/{filed.reference}/crm/dummy"
    assert "knows nobody with this e-mail" in await _looked(desk_with_dummy, agent, path)
    await people.change(await desk_with_dummy.viewer("agent"), await _person(), {"email": "helena@example.org"}, None)
    assert "Account of 7" in await _looked(desk_with_dummy, agent, path)


async def test_own_fields_travel_as_references_but_not_those_of_confidential_cases(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    leader = await desk_with_dummy.signed_in("leader")
    filed = await desk_with_dummy.file()
    other = await desk_with_dummy.file(confidential=True)
    await db.execute("UPDATE core_case SET fields = $2 WHERE id = $1", filed.case_id, {"contract": "K-1", "open": True})
    await db.execute("UPDATE core_case SET fields = $2 WHERE id = $1", other.case_id, {"contract": "K-2"})
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await db.execute("UPDATE core_party SET person_id = $1", person)
    await _looked(desk_with_dummy, leader, f"/cases/{filed.reference}/crm/dummy")
    assert dummy_book.ASKED[0].references == {"contract": "K-1"}
    assert dummy_book.ASKED[0].person == person


async def test_erasing_a_person_takes_answers_and_choices_along_and_nobody_asks_again(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    await agent.submit(f"{path}/choice", {"record": "7"}, page=path)
    await agent.get(path)
    person = await _person()
    await db.execute("UPDATE core_person SET erased_at = $2, name = '', email = '' WHERE id = $1", person, now())
    await desk_with_dummy.work()
    for table in ("core_crm_snapshot", "core_crm_link"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert (await agent.get(path)).status_code == 404
    names = {kind.name: kind.tablename for kind in KINDS}
    assert {names[each] for each in ("crm_answers", "crm_choices", "crm_records")} == {
        "core_crm_snapshot", "core_crm_link", "core_crm_record",
    }  # fmt: skip


@pytest.mark.parametrize("kept_data", [True, False])
async def test_what_was_borrowed_goes_with_the_plugin_that_borrowed_it_unless_its_data_is_kept(
    desk_with_dummy: Any, dummy_book: Any, kept_data: bool
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    await agent.submit(f"{path}/choice", {"record": "7"}, page=path)
    counts = "SELECT (SELECT count(*) FROM core_crm_snapshot), (SELECT count(*) FROM core_crm_link)"
    assert tuple(await db.fetchrow(counts)) == (1, 1)
    await desk_with_dummy.uninstall("dummy", keep_data=kept_data)
    assert tuple(await db.fetchrow(counts)) == ((1, 1) if kept_data else (0, 0))
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'plugin.uninstalled'")
    told = {each["table"]: each["rows"] for each in body["tables"]}
    assert {name: told.get(name) for name in ("core_crm_snapshot", "core_crm_link")} == dict.fromkeys(
        ("core_crm_snapshot", "core_crm_link"), None if kept_data else 1
    )


async def _close(desk: Any, filed: Any) -> None:
    agent = await desk.viewer("agent")
    if await db.fetchval("SELECT status = 'new' FROM core_case WHERE id = $1", filed.case_id):
        await cases.take(agent, filed.case_id)
    money = aspects.RedressGiven("money", Decimal("12.30"), "EUR", "for the fee")
    for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 AND status = 'open'", filed.case_id):
        await aspects.decide_aspect(agent, row["id"], Decision("upheld", "It was.", "system_fault", (money,)), None)
    await cases.close(agent, filed.case_id)


async def _told(desk: Any) -> int:
    """Runs what a closing leaves for later, now."""
    await desk.work()
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    return int(await desk.work())


async def test_a_closed_case_is_told_once_however_often_it_is_delivered(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file("The fee was taken twice.", summary="Fee")
    path = f"/cases/{filed.reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    await agent.submit(f"{path}/choice", {"record": "7"}, page=path)
    await _close(desk_with_dummy, filed)
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'core/crm' AND state = 'waiting'")
    await _told(desk_with_dummy)
    ((key, told),) = dummy_book.TOLD.items()
    assert key == f"ombud-{filed.case_id}"
    assert (told.reference, told.title, told.person.id) == (filed.reference, "Fee", "7")
    assert told.href == f"http://desk.test/cases/{filed.reference}"
    assert [(each.letter, each.outcome, str(each.redress[0][1])) for each in told.aspects] == [
        ("A", "upheld", "12.3000")
    ]
    shown = (await agent.get(path, headers=HTMX)).text
    assert 'href="https://crm.example/cases/D-1"' in shown
    assert "The closing was written to Dummy book" in (await agent.get(f"/cases/{filed.reference}")).text
    await db.execute(
        "UPDATE core_delivery SET state = 'waiting', available_at = now(), finished_at = NULL "
        "WHERE subscriber IN ('core/crm', 'job/crm.record')"
    )
    await _told(desk_with_dummy)
    assert dummy_book.ASKED.count(key) == 1, "what was told is not told again"
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'crm.recorded'") == 1


async def test_killed_between_writing_and_noting_it_makes_one_record(desk_with_dummy: Any, dummy_book: Any) -> None:
    filed = await desk_with_dummy.file()
    await _close(desk_with_dummy, filed)
    dummy_book.Mood.says = "dies after writing"
    await _told(desk_with_dummy)
    assert len(dummy_book.TOLD) == 1
    assert await db.fetchval("SELECT record FROM core_crm_record") == ""
    dummy_book.Mood.says = "fine"
    await db.execute(
        "UPDATE core_delivery SET state = 'waiting', available_at = now() WHERE subscriber = 'job/crm.record'"
    )
    again = [row["id"] for row in await db.fetch("SELECT id FROM core_delivery WHERE state = 'waiting'")]
    await asyncio.gather(*(Runner(new_id()).run(each) for each in again for _ in range(2)))
    assert len(dummy_book.TOLD) == 1, "one key, one record"
    assert await db.fetchval("SELECT record FROM core_crm_record") == "D-1"
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'crm.recorded'") == 1


async def test_a_system_that_is_away_is_told_later_and_the_jobs_page_shows_it(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    adam, agent = await desk_with_dummy.signed_in("administrator"), await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file()
    await _close(desk_with_dummy, filed)
    dummy_book.Mood.says = "away"
    await _told(desk_with_dummy)
    row = await db.fetchrow(
        "SELECT state, attempts, available_at FROM core_delivery WHERE subscriber = 'job/crm.record'"
    )
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert row["available_at"] > now(), "with a pause"
    assert "is tried again" in (await agent.get(f"/cases/{filed.reference}/crm/dummy", headers=HTMX)).text
    page = (await adam.get("/jobs?show=waiting")).text
    assert "Tell a customer system of a closed case" in page
    dummy_book.Mood.says = "fine"
    await db.execute("UPDATE core_rest SET until = now() - interval '1 second'")
    await _told(desk_with_dummy)
    assert len(dummy_book.TOLD) == 1


async def test_rubbish_after_writing_is_parked_for_a_person_and_not_repeated(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    adam = await desk_with_dummy.signed_in("administrator")
    await _close(desk_with_dummy, await desk_with_dummy.file())
    dummy_book.Mood.says = "rubbish"
    await _told(desk_with_dummy)
    assert await db.fetchval("SELECT state FROM core_delivery WHERE subscriber = 'job/crm.record'") == "parked"
    assert "Tell a customer system of a closed case" in (await adam.get("/jobs?show=parked")).text
    piece = await db.fetchval("SELECT id FROM core_delivery WHERE state = 'parked'")
    assert "did not say what" in (await adam.get(f"/jobs/{piece}")).text
    assert len(dummy_book.TOLD) == 1


async def test_a_case_reopened_and_closed_anew_brings_the_same_record_up_to_date(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    filed = await desk_with_dummy.file()
    await _close(desk_with_dummy, filed)
    await _told(desk_with_dummy)
    first = dummy_book.TOLD[f"ombud-{filed.case_id}"].closed_at
    await cases.reopen(await desk_with_dummy.viewer("leader"), filed.case_id, "More came up.")
    await _told(desk_with_dummy)
    assert len(dummy_book.TOLD) == 1
    await _close(desk_with_dummy, filed)
    await _told(desk_with_dummy)
    (told,) = dummy_book.TOLD.values()
    assert told.closed_at > first
    assert await db.fetchval("SELECT count(*) FROM core_crm_record") == 1


async def test_a_closing_that_is_taken_back_within_the_minute_is_never_told(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    filed = await desk_with_dummy.file()
    await _close(desk_with_dummy, filed)
    await desk_with_dummy.work()
    assert dummy_book.TOLD == {}, "a minute passes first"
    await cases.reopen(await desk_with_dummy.viewer("leader"), filed.case_id, "Closed by mistake.")
    await _told(desk_with_dummy)
    assert dummy_book.TOLD == {}


async def test_confidential_cases_and_aspects_about_staff_are_told_to_nobody(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    secret = await desk_with_dummy.file(confidential=True)
    await desk_with_dummy.user("both", "agent", "compliance")
    both = await desk_with_dummy.viewer("both")
    await cases.take(both, secret.case_id)
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", secret.case_id)
    await aspects.decide_aspect(both, aspect, Decision("upheld", "It was.", "system_fault"), None)
    await cases.close(both, secret.case_id)
    await _told(desk_with_dummy)
    assert dummy_book.TOLD == {}
    filed = await desk_with_dummy.file("The branch manager shouted.", "The fee was taken twice.", summary="Shouting")
    accused = await desk_with_dummy.user("mallory", "agent")
    await db.execute(
        "UPDATE core_aspect SET concerns_user_id = $1 WHERE case_id = $2 AND position = 1", accused, filed.case_id
    )
    await _close(desk_with_dummy, filed)
    await _told(desk_with_dummy)
    (told,) = dummy_book.TOLD.values()
    assert told.title == filed.reference
    assert [each.letter for each in told.aspects] == ["A"]
    assert "shout" not in repr(told).lower()


async def test_without_a_system_no_closing_is_written_down_for_one(desk: Any) -> None:
    await _close(desk, await desk.file())
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'core/crm'") == 0


async def test_while_the_plugin_is_off_its_questions_and_tellings_wait(desk_with_dummy: Any, dummy_book: Any) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    filed = await desk_with_dummy.file()
    await agent.get(f"/cases/{filed.reference}/crm/dummy", headers=HTMX)
    await _close(desk_with_dummy, filed)
    await desk_with_dummy.disable("dummy")
    await desk_with_dummy.work(rounds=2)
    assert dummy_book.ASKED == []
    assert "/crm/" not in (await agent.get(f"/cases/{filed.reference}")).text


async def test_uninstalling_takes_what_was_borrowed_along_unless_the_data_is_kept(
    desk_with_dummy: Any, dummy_book: Any
) -> None:
    agent = await desk_with_dummy.signed_in("agent")
    path = f"/cases/{(await desk_with_dummy.file()).reference}/crm/dummy"
    await _looked(desk_with_dummy, agent, path)
    await agent.submit(f"{path}/choice", {"record": "7"}, page=path)
    await db.execute("UPDATE core_crm_snapshot SET answer = answer || '{\"used\": true}'")
    await desk_with_dummy.uninstall("dummy", keep_data=True)
    assert await db.fetchval("SELECT count(*) FROM core_crm_link") == 1
    await desk_with_dummy.enable("dummy")
    await desk_with_dummy.uninstall("dummy")
    for table in ("core_crm_snapshot", "core_crm_link"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
    entry = (await ledger.read(["plugin/dummy"]))[-1]
    assert {"table": "core_crm_link", "rows": 1} in entry.body["tables"]


async def test_a_refresh_for_somebody_who_is_gone_does_nothing(desk_with_dummy: Any, dummy_book: Any) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit LIMIT 1")
    payload = {"crm": "dummy", "person": str(new_id()), "unit": str(unit)}
    await enqueue_job(asking.JOB, payload, plugin="dummy")
    await desk_with_dummy.work()
    assert dummy_book.ASKED == []
