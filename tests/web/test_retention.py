"""Retention: rules, what is over and what holds some back, runs that destroy it, and what stands afterwards."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, people
from ombud.desk.aspects import Decision
from ombud.desk.calendars.versions import current
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import Settling, start
from ombud.desk.errors import NotAllowed, NotNow
from ombud.desk.privacy import erasing, holds, journal
from ombud.desk.retention import due, one_case, rules, running, shown
from ombud.desk.retention.commands import preview_command, run_command
from ombud.desk.retention.periods import closed_before, last_day
from ombud.desk.retention.rules import Rule, RuleGiven, chosen
from ombud.desk.search import index as search_index
from ombud.insight import compliance
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import vault, verifier
from ombud.trust.ledger import append, open_sealed
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Document
from ombud_plugin_api.facts import PersonGiven

CANARY, EMAIL = "Zephyrine Quillfeather", "zephyrine@quillfeather.example"
OLD = datetime(2020, 3, 2, 10, tzinfo=UTC)
HOME, RULES, RUNS = "/privacy/retention", "/administration/retention", "/privacy/retention/runs"


async def _rule(desk: Any, amount: int = 3, **more: Any) -> UUID:
    given = {"unit_id": None, "country": "", "case_type": "", "span": "years", "counts_from": "closed",
             "source": "DISP 1.9: three years", "automatic": False, **more}  # fmt: skip
    return await rules.write(await desk.viewer("administrator"), RuleGiven(amount=amount, **given))


async def _closed(desk: Any, at: datetime = OLD, *matters: str, **about: Any) -> Any:
    """A complaint that was decided and closed two days after it came."""
    leader = await desk.viewer("leader")
    with clock.at(at):
        filed = await desk.file(*(matters or (f"I am {CANARY}.",)), **{"name": CANARY, "email": EMAIL, **about})
    with clock.at(at + timedelta(days=2)):
        for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id):
            await aspects.decide_aspect(leader, row["id"], Decision("upheld", f"{CANARY} is right.", "delay"), None)
        await cases.close(leader, filed.case_id)
    return filed


async def _preview(day: date | None = None) -> shown.Preview:
    return await shown.preview(SYSTEM, day)


async def _state(case_id: UUID) -> str:
    """`destroyed`, or the reasons for which the last run held it back."""
    row = await db.fetchrow(
        "SELECT state, reasons FROM core_retention_item WHERE case_id = $1 ORDER BY at DESC, id DESC LIMIT 1", case_id
    )
    return "" if row is None else " ".join(row["reasons"]) or row["state"]


async def _run(desk: Any) -> UUID:
    made = await running.order(await desk.viewer("compliance"), True)
    await desk.work(40)
    assert await db.fetchval("SELECT state FROM core_retention_run WHERE id = $1", made) == "done"
    return made


def _said(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


# Rules


def _made(unit: UUID | None = None, country: str = "", case_type: str = "", amount: int = 1) -> Rule:
    return Rule(new_id(), unit, country, case_type, amount, "years", "closed", "x", False, OLD, "", 1)


def test_the_rule_for_the_type_wins_then_the_nearest_unit_then_the_country():
    firm, brand, team = UUID(int=1), UUID(int=2), UUID(int=3)
    above = (team, brand, firm)
    anywhere, polish, of_firm, of_brand = _made(), _made(country="PL"), _made(firm), _made(brand)
    polish_firm, card, card_firm = _made(firm, "PL"), _made(case_type="card"), _made(firm, case_type="card")
    every = [anywhere, polish, of_firm, of_brand, polish_firm, card, card_firm]
    assert chosen(every, "card", "PL", above) is card_firm
    assert chosen([anywhere, polish, of_brand, card], "card", "PL", above) is card
    assert chosen([anywhere, of_firm, of_brand, polish_firm], "loan", "PL", above) is of_brand
    assert chosen([anywhere, of_firm, polish_firm, polish], "loan", "PL", above) is polish_firm
    assert chosen([anywhere, polish], "loan", "PL", above) is polish
    assert chosen([anywhere, polish], "loan", "GB", above) is anywhere
    assert chosen([polish, card, of_brand], "loan", "GB", (firm,)) is None


@pytest.mark.parametrize(("amount", "span"), [(3, "years"), (6, "years"), (1, "months"), (13, "months"), (30, "days")])
def test_a_case_goes_on_the_day_after_the_last_day_of_its_period(amount, span):
    for passed in range(0, 800, 3):
        day = date(2024, 2, 20) + timedelta(days=passed)
        newest = closed_before(day, amount, span, "UTC").date() - timedelta(days=1)
        assert last_day(newest, amount, span) < day <= last_day(newest + timedelta(days=1), amount, span)


def test_the_day_is_that_of_the_units_zone_and_a_leap_day_ends_with_february():
    assert closed_before(date(2026, 3, 1), 3, "years", "Europe/Warsaw") == datetime(2023, 2, 28, 23, tzinfo=UTC)
    assert last_day(date(2024, 2, 29), 3, "years") == date(2027, 2, 28)


async def test_an_administrator_writes_changes_and_ends_a_rule_and_each_step_is_in_the_ledger(desk, send):
    administrator = await desk.signed_in("administrator")
    first = await administrator.get(RULES)
    assert "Every case is kept for ever" in _said(first)
    assert re.search(r'<option value="PL"[^>]*>Poland</option>', first.text)
    typed = {"amount": "3", "span": "years", "source": "DISP 1.9: three years"}
    wrong = await send(administrator, RULES, RULES, **{**typed, "source": ""})
    assert (wrong.status_code, "Say on which law" in wrong.text) == (422, True)
    assert 'value="3"' in wrong.text, "what was typed is kept"
    many = await send(administrator, RULES, RULES, **{**typed, "amount": "4000"})
    assert (many.status_code, "from 1 to 100" in many.text) == (422, True)
    assert (await send(administrator, RULES, RULES, **typed)).status_code == 303
    twice = await send(administrator, RULES, RULES, **typed)
    assert (twice.status_code, "stands for the same cases already" in twice.text) == (409, True)
    one = await db.fetchval("SELECT id FROM core_retention_rule")
    action = f"{RULES}/{one}"
    changed = await send(administrator, RULES, action, amount="6", source="Limitation: six years", automatic="on")
    assert changed.status_code == 303
    stale = await administrator.submit(action, {**typed, "counts_from": "closed", "version": "1"}, page=RULES)
    assert stale.status_code == 409
    said = _said(await administrator.get(RULES))
    for words in ("6 years from the closing", "Limitation: six years", "version 2", "The most specific one",
                  "changed a retention rule"):  # fmt: skip
        assert words in said, words
    bodies = {row["kind"]: row["body"] for row in await db.fetch(
        "SELECT kind, body FROM core_ledger_entry WHERE stream = $1", rules.stream(one)
    )}  # fmt: skip
    assert bodies["retention_rule.changed"]["before"]["amount"] == 3
    assert bodies["retention_rule.changed"]["after"]["amount"] == 6
    assert "Limitation" not in json.dumps(bodies), "words are sealed"
    assert (await send(administrator, RULES, f"{action}/end")).status_code == 303
    assert await rules.in_force() == []
    assert (await (await desk.signed_in("agent")).get(RULES)).status_code == 403


async def test_who_administers_one_unit_writes_rules_for_it_and_no_other(desk):
    top = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    below = new_id()
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, active, "
        "created_at, version) VALUES ($1, $2, 'brand', 'shore', 'Shore', 'UTC', 'EUR', '', 'en', '', TRUE, $3, 1)",
        below, top, OLD,
    )  # fmt: skip
    await desk.user("berta", "administrator", unit="shore")
    berta = await desk.viewer("berta")
    given = RuleGiven(below, "", "", 1, "years", "closed", "Law", False)
    made = await rules.write(berta, given)
    for other in (None, top):
        with pytest.raises(NotAllowed):
            await rules.write(berta, RuleGiven(other, "", "", 1, "years", "closed", "Law", False))
    whole = await _rule(desk, 3)
    with pytest.raises(NotAllowed):
        await rules.retire(berta, whole, 1)
    drawn = {each.unit_id: each.rule.id for each in (await rules.layout()).grounds(await rules.in_force())}
    assert drawn == {top: whole, below: made}


# What is over, and what holds it back


async def test_the_preview_shows_what_is_over_now_and_on_a_later_day_case_by_case(desk):
    officer = await desk.signed_in("compliance")
    first = await _closed(desk)
    young = await _closed(desk, datetime(2025, 3, 2, 10, tzinfo=UTC))
    assert "Every case is kept for ever" in _said(await officer.get(HOME))
    await _rule(desk)
    said = _said(await officer.get(HOME))
    assert first.reference in said
    assert young.reference not in said
    assert "1 would be destroyed" in said
    later = _said(await officer.get(f"{HOME}?day=2028-03-05"))
    assert first.reference in later
    assert young.reference in later
    assert "You look at a later day" in later
    assert young.reference not in _said(await officer.get(f"{HOME}?day=2028-03-04")), "the last day is kept whole"
    wrong = await officer.get(f"{HOME}?day=soon")
    assert (wrong.status_code, "This is not a date" in wrong.text) == (422, True)
    rule = (await rules.in_force())[0]
    assert first.reference in (await officer.get(f"{HOME}?rule={rule.id}")).text
    assert first.reference not in (await officer.get(f"{HOME}?rule={new_id()}")).text
    assert (await (await desk.signed_in("agent")).get(HOME)).status_code == 403


async def test_pages_go_on_where_the_one_before_ended(desk):
    filed = [await _closed(desk, OLD + timedelta(days=day)) for day in range(5)]
    await _rule(desk)
    laid, found = await rules.layout(), await rules.in_force()
    plan = due.plan(laid.grounds(found), laid.today)
    zones = {each.unit_id: each.zone for each in laid.grounds(found)}
    seen: list[UUID] = []
    after = None
    while True:
        lines, after = await due.page(SYSTEM, plan, {each.id: each for each in found}, zones, after, size=2)
        seen += [each.id for each in lines]
        if after is None:
            break
    assert seen == [UUID(str(each.case_id)) for each in filed]


async def test_pages_take_as_many_statements_however_much_is_over(desk):
    officer, administrator = await desk.signed_in("compliance"), await desk.signed_in("administrator")
    await _rule(desk)

    async def taken() -> list[int]:
        found = []
        for browser, path in ((officer, HOME), (officer, RUNS), (administrator, RULES)):
            await browser.get(path)
            with db.counting() as count:
                assert (await browser.get(path)).status_code == 200
            found.append(count.statements)
        return found

    await _closed(desk)
    few = await taken()
    for day in range(6):
        await _closed(desk, OLD + timedelta(days=day))
    await _rule(desk, country="PL")
    assert await taken() == few
    assert few[0] <= 9, few  # three of them are of the frame
    assert few[1] <= 6, few


async def test_nobody_sees_a_case_that_is_about_them_or_confidential_ones_that_are_not_for_them(desk):
    filed = await _closed(desk)
    await _rule(desk)
    officer = await desk.viewer("compliance")
    assert (await shown.preview(officer)).due == 1
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", officer.user_id)
    seen = await shown.preview(officer)
    assert (seen.due, seen.cases) == (0, ())
    assert (await _preview()).due == 1
    await db.execute("UPDATE core_aspect SET concerns_user_id = NULL")
    assert (await shown.preview(officer)).cases[0].reference == filed.reference


async def _hold(desk: Any, filed: Any) -> None:
    await holds.place(await desk.viewer("compliance"), "Proceedings", "Order", None, reference=filed.reference)


async def _hold_person(desk: Any, filed: Any) -> None:
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await holds.place(await desk.viewer("compliance"), "Proceedings", "Order", None, person_id=person)


async def _reopened(desk: Any, filed: Any) -> None:
    with clock.at(OLD + timedelta(days=9)):
        await cases.reopen(await desk.viewer("leader"), filed.case_id, "It was decided wrongly.")


async def _request(desk: Any, filed: Any) -> None:
    from ombud.desk.privacy import requests

    await desk.enable("gdpr")
    unit, person = await db.fetchrow("SELECT c.unit_id, y.person_id FROM core_case c JOIN core_party y "
                                     "ON y.case_id = c.id WHERE c.id = $1", filed.case_id)  # fmt: skip
    asked = requests.RequestGiven("gdpr", "access", unit, person_id=person, name=CANARY)
    await requests.record(await desk.viewer("compliance"), asked)


async def _redress(desk: Any, filed: Any) -> None:
    await db.execute(
        "INSERT INTO core_redress_request (id, case_id, aspect_id, kind, amount, currency, note, state, requested_at, "
        "reason, version) SELECT $2, a.case_id, a.id, 'money', 500, 'EUR', '', 'waiting', $3, '', 1 "
        "FROM core_aspect a WHERE a.case_id = $1 LIMIT 1",
        filed.case_id, new_id(), OLD,
    )  # fmt: skip


async def _promise(desk: Any, filed: Any) -> None:
    await db.execute(
        "INSERT INTO core_task (id, aspect_id, what, created_at, dropped_why, version) "
        "SELECT $2, a.id, 'Call back', $3, '', 1 FROM core_aspect a WHERE a.case_id = $1 LIMIT 1",
        filed.case_id, new_id(), OLD,
    )  # fmt: skip


async def _time(desk: Any, filed: Any) -> None:
    """As the customer's to go to an ombudsman, which runs on after the closing."""
    async with db.transaction():
        case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", filed.case_id)
        assert case is not None
        settling = Settling(case, await current(case["unit_id"]), "system", [])
        terms = Terms(until=now() + timedelta(days=90), met_by="time")
        await start(settling, Wanted("x.ombudsman", "", "To the ombudsman", "x.ombudsman", terms, OLD))
        await append(actor="system", entries=settling.entries)


HOLDING = {
    "hold": (_hold, "Legal hold"), "hold of a person": (_hold_person, "Legal hold"), "open": (_reopened, "Open"),
    "request": (_request, "Privacy request"), "redress": (_redress, "Redress not settled"),
    "promise": (_promise, "Promise not kept"), "time": (_time, "Somebody's time runs"),
}  # fmt: skip


@pytest.mark.parametrize("reason", list(HOLDING))
async def test_what_holds_a_case_back_is_named_in_the_preview_and_obeyed_by_the_run(desk, reason):
    holding, words = HOLDING[reason]
    held, free = await _closed(desk), await _closed(desk, OLD, "Another matter.", name="Else", email="else@x.example")
    await _rule(desk)
    await holding(desk, held)
    seen = {each.id: each.reasons for each in (await _preview()).cases}
    assert seen == {UUID(str(held.case_id)): (reason.split()[0],), UUID(str(free.case_id)): ()}
    assert words in _said(await (await desk.signed_in("compliance")).get(HOME))
    await _run(desk)
    assert await _state(held.case_id) == reason.split()[0]
    assert await _state(free.case_id) == "destroyed"
    assert CANARY in await db.fetchval("SELECT text FROM core_aspect WHERE case_id = $1", held.case_id)


async def test_by_the_last_word_a_letter_after_the_closing_makes_the_period_begin_anew(desk):
    filed = await _closed(desk)
    one = await _rule(desk, counts_from="last_word")
    assert [each.id for each in (await _preview()).cases] == [filed.case_id]
    await db.execute("UPDATE core_case SET last_word_at = $1", datetime(2025, 1, 2, tzinfo=UTC))
    assert (await _preview()).cases == ()
    (late,) = (await _preview(date(2028, 1, 3))).cases
    assert late.until == date(2028, 1, 2)
    administrator = await desk.viewer("administrator")
    given = RuleGiven(None, "", "", 3, "years", "closed", "DISP 1.9", False)
    await rules.change(administrator, one, given, 1)
    assert len((await _preview()).cases) == 1


# The run


async def _found(*marks: str) -> set[str]:
    """Where a mark stands: every text and JSON of every table, and what vault, ledger and search index hold, opened
    with the keys there are."""
    await search_index.up_to_date()
    found: set[str] = set()
    columns = await db.fetch(
        "SELECT table_name, string_agg(format('%I::text', column_name), ' || ' ORDER BY column_name) AS whole "
        "FROM information_schema.columns WHERE table_schema = 'public' AND is_nullable = 'NO' "
        "AND data_type IN ('text', 'jsonb', 'character varying', 'ARRAY') GROUP BY table_name ORDER BY table_name"
    )
    for row in columns:
        for mark in marks:
            sql = f'SELECT count(*) FROM "{row["table_name"]}" WHERE position(lower($1) IN lower({row["whole"]})) > 0'
            if await db.fetchval(sql, mark):
                found.add(row["table_name"])
    for row in await db.fetch("SELECT id FROM core_vault"):
        try:
            data = await vault.load(row["id"])
        except (vault.Destroyed, vault.NotStored):
            continue
        if any(mark.encode().lower() in data.lower() for mark in marks):
            found.add("vault")
    places = await db.fetch("SELECT DISTINCT stream, seq FROM core_sealed")
    for each in await open_sealed([(row["stream"], row["seq"]) for row in places]):
        if any(mark.lower() in str(each.value).lower() for mark in marks):
            found.add("sealed")
    for table in ("core_search_a", "core_search_b"):
        for mark in marks:
            if await db.fetchval(f"SELECT count(*) FROM {table} WHERE words::text ILIKE $1", f"%{mark[:7]}%"):
                found.add(table)
    return found


async def test_a_run_leaves_nothing_of_a_case_but_codes_and_figures_and_a_certificate_that_anybody_checks(
    desk, send, tmp_path, capsys
):
    await desk.enable("phone")
    officer = await desk.signed_in("compliance")
    files = (Document(name=f"{CANARY}.txt", content_type="text/plain", data=CANARY.encode()),)
    filed = await _closed(desk, documents=files)
    leader = await desk.viewer("leader")
    await people.add_party(leader, filed.case_id, PersonGiven(name=f"Mother {CANARY}", email="m@x.example"), "witness")
    row = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", filed.case_id)
    await _recorded(filed.case_id)
    await desk.disable("phone")
    await _rule(desk)
    marks = (CANARY, EMAIL, "Quillfeather")
    before = await _found(*marks)
    assert {"core_person", "core_message", "core_aspect", "core_attachment", "vault", "sealed", "core_search_a",
            "phone_call"} <= before, before  # fmt: skip
    unsure = await send(officer, HOME, RUNS)
    assert (unsure.status_code, "Tick that you read" in unsure.text) == (422, True)
    ordered = await send(officer, HOME, RUNS, sure="on")
    await desk.work(40)
    assert "core_case" in await _found(*marks), "a plugin that keeps more than its manifest says must answer first"
    assert "phone" in _said(await officer.get(ordered.headers["location"]))
    await desk.enable("phone")
    ordered = await send(officer, HOME, RUNS, sure="on")
    assert ordered.status_code == 303
    assert "Under way" in _said(await officer.get(ordered.headers["location"]))
    await desk.work(40)
    assert await _found(*marks) == set(), "nothing of them is found"
    after = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", filed.case_id)
    for name in ("status", "case_type", "channel", "received_at", "closed_at", "aspects_total", "severity"):
        assert after[name] == row[name], name
    aspect = await db.fetchrow("SELECT category, outcome, cause, decided_at FROM core_aspect")
    assert (aspect["outcome"], aspect["cause"]) == ("upheld", "delay")
    assert (await verify(sealed=True)).broken == ""
    page = ordered.headers["location"]
    said = _said(await officer.get(page))
    for words in ("DISP 1.9: three years", "Cases destroyed 1", "as the ledger has it", str(filed.case_id)):
        assert words in said, words
    assert filed.reference not in said
    await _checked_by_anybody(officer, page, tmp_path, capsys)
    printed = await officer.get(f"{page}/page")
    assert str(filed.case_id) in printed.text
    assert "ordered by Compliance" in printed.text
    assert page in (await officer.get(RUNS)).text
    again = await officer.get(f"/cases/{filed.reference}")
    assert again.status_code == 200
    assert "destroyed at the end of its time" in _said(again)
    with pytest.raises(NotNow, match="destroyed at the end"):
        await cases.reopen(leader, filed.case_id, "Again.")
    assert [each["what"] for each in journal.read()] == ["erase", "done"]
    assert CANARY not in journal.path().read_text()


async def _recorded(case_id: UUID) -> None:
    """A row of a plugin that leads to the case, as a call that was written down."""
    kept = await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_plugin WHERE slug = 'phone')")
    assert kept
    await db.execute(
        "INSERT INTO phone_call (id, agent, agent_name, channel, state, number, system_call, unit, body, case_id, "
        "reference, started_at, updated_at) VALUES ($1, $1, $2, 'phone', 'filed', '', '', '', '{}', $3, '', $4, $4)",
        new_id(), CANARY, case_id, OLD,
    )  # fmt: skip


async def _checked_by_anybody(officer: Any, page: str, tmp_path: Any, capsys: Any) -> None:
    file = await officer.get(f"{page}/file")
    told = file.json()["certificate"]
    assert told["began_by_name"] == "Compliance"
    assert (
        told["ledger"]["root"] == (await db.fetchval("SELECT root FROM core_checkpoint ORDER BY n DESC LIMIT 1")).hex()
    )
    assert told["counts"] == {"destroyed": 1, "held_back": 0, "people": 2, "keys": told["counts"]["keys"]}
    path = tmp_path / "certificate.json"
    path.write_bytes(file.content)
    assert verifier.main([str(path), "--key", file.json()["signature"]["public_key"]]) == 0
    assert "Signature: good" in capsys.readouterr().out
    path.write_bytes(file.content.replace(b'"people": 2', b'"people": 3', 1))
    assert verifier.main([str(path)]) == 1
    assert "was changed after it was signed" in capsys.readouterr().err
    path.write_bytes(file.content)
    assert verifier.main([str(path), "--key", "0" * 64]) == 1


async def test_a_person_with_another_case_that_stays_is_not_erased_and_is_apart_from_the_one_that_goes(desk):
    old = await _closed(desk)
    young = await desk.file("The letter is lost.", name=CANARY, email=EMAIL)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", old.case_id)
    other = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", young.case_id)
    await db.execute("UPDATE core_party SET person_id = $1 WHERE person_id = $2", person, other)
    await db.execute("UPDATE core_message SET person_id = $1 WHERE person_id = $2", person, other)
    await _rule(desk)
    assert "sealed" in await _found("is right.")
    await _run(desk)
    assert await _state(old.case_id) == "destroyed"
    assert await db.fetchval("SELECT name FROM core_person WHERE id = $1 AND erased_at IS NULL", person) == CANARY
    assert await db.fetchval("SELECT body FROM core_message WHERE case_id = $1", young.case_id)
    assert await _found("is right.") == set(), "also what was sealed with the person's own key"
    assert await _found(f"I am {CANARY}") == set()
    assert await _found("The letter is lost.") >= {"core_message", "sealed"}
    nameless = await db.fetchrow(
        "SELECT p.name, p.erased_at FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = $1",
        old.case_id,
    )
    assert nameless["name"] == "Erased"
    assert nameless["erased_at"] is not None
    for table in ("core_party", "core_message"):
        found = await db.fetchval(
            f"SELECT count(*) FROM {table} WHERE case_id = $1 AND person_id = $2", old.case_id, person
        )
        assert found == 0, table
    assert (await verify(sealed=True)).broken == ""


async def test_a_merged_case_goes_with_the_one_that_holds_it_and_its_hold_keeps_both(desk):
    main = await _closed(desk)
    merged = await _closed(desk, OLD, "The same again.")
    await db.execute("UPDATE core_case SET merged_into = $1 WHERE id = $2", main.case_id, merged.case_id)
    await _rule(desk)
    assert [each.id for each in (await _preview()).cases] == [main.case_id]
    hold = await holds.place(await desk.viewer("compliance"), "P", "Order", None, reference=merged.reference)
    assert (await _preview()).cases[0].reasons == ("hold",)
    await _run(desk)
    assert await _state(main.case_id) == "hold"
    await holds.lift(await desk.viewer("compliance"), hold, "It ended.")
    await _run(desk)
    rows = await db.fetch("SELECT destroyed_at FROM core_case")
    assert all(row["destroyed_at"] is not None for row in rows)
    assert await _found(CANARY, "The same again.") == set()


async def test_a_hold_that_is_placed_while_the_run_waits_is_obeyed(desk, monkeypatch):
    filed = await _closed(desk)
    await _rule(desk)
    kept = journal.write

    def placed(what: str, content: Any) -> int:
        """As somebody places it between the last look and the transaction."""
        line = kept(what, content)
        if what == "erase":
            late.append(_place_now(filed.case_id))
        return line

    late: list[Any] = []
    locked = one_case._locked

    async def with_hold(task: Any) -> None:
        for each in late:
            await each
        late.clear()
        await locked(task)

    monkeypatch.setattr(one_case.journal, "write", placed)
    monkeypatch.setattr(one_case, "_locked", with_hold)
    await _run(desk)
    assert await _state(filed.case_id) == "hold"
    assert [each["what"] for each in journal.read()] == ["erase", "void"]
    assert journal.orders() == []
    assert await _found(CANARY) >= {"core_person"}


async def _place_now(case_id: UUID) -> None:
    async with db.outside():
        await db.execute(
            "INSERT INTO core_privacy_hold (id, case_id, reason, source, placed_at, lifted_because) "
            "VALUES ($1, $2, 'P', 'Order', $3, '')",
            new_id(), case_id, OLD,
        )  # fmt: skip


class Killed(BaseException):
    """The process dies."""


async def test_a_killed_run_goes_on_where_it_was_and_does_nothing_twice(desk, monkeypatch):
    filed = [await _closed(desk, OLD + timedelta(days=day)) for day in range(3)]
    await _rule(desk)
    made = await running.begin("command", "system", later=False)
    destroy, died = one_case.destroy, []

    async def dies(order: Any, actor: str) -> Any:
        if order.cases == (filed[1].case_id,) and not died:
            died.append(True)
            raise Killed
        return await destroy(order, actor)

    write = one_case.journal.write
    monkeypatch.setattr(one_case, "destroy", dies)
    monkeypatch.setattr(
        one_case.journal, "write", lambda what, content: 0 if what == "void" else write(what, content)
    )  # who is dead writes nothing
    with pytest.raises(Killed):
        await running.step(made)
    monkeypatch.setattr(one_case.journal, "write", write)
    assert [await _state(each.case_id) for each in filed] == ["destroyed", "", ""]
    assert len(journal.unfinished(str(made))) == 1
    one_case._taken_up.clear()  # another process
    assert not await running.step(made)
    assert [await _state(each.case_id) for each in filed] == ["destroyed"] * 3
    assert [each["what"] for each in journal.read()] == [
        "erase",
        "done",
        "erase",
        "void",
        "erase",
        "done",
        "erase",
        "done",
    ]
    assert len(journal.orders()) == 3
    assert await db.fetchval("SELECT destroyed FROM core_retention_run") == 3
    entries = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.destroyed'")
    assert entries == 3
    assert not await running.step(made), "a run that ended is left alone"


async def test_a_case_that_cannot_be_destroyed_is_noted_and_keeps_no_other(desk, monkeypatch):
    first, second = await _closed(desk), await _closed(desk, OLD + timedelta(days=1))
    await _rule(desk)
    destroy = one_case.destroy

    async def fails(order: Any, actor: str) -> Any:
        if order.cases == (first.case_id,):
            raise ValueError("no")
        return await destroy(order, actor)

    monkeypatch.setattr(one_case, "destroy", fails)
    await _run(desk)
    assert (await _state(first.case_id), await _state(second.case_id)) == ("fault", "destroyed")
    assert len(journal.orders()) == 1


async def test_a_plugin_that_does_not_answer_holds_back_whoever_it_may_know(desk, dummy):
    await desk.enable(dummy)
    from ombud_dummy.plugin import Memory

    filed = await _closed(desk)
    await _rule(desk)
    Memory.says, Memory.kept = "raise", {EMAIL: {"note": "x"}}
    await _run(desk)
    assert await _state(filed.case_id) == "plugin dummy"
    assert journal.read() == []
    Memory.says = "fine"
    await _run(desk)
    assert await _state(filed.case_id) == "destroyed"
    assert Memory.kept == {}


async def test_a_run_ends_at_its_bound_in_batches_and_says_that_there_is_more(desk, monkeypatch):
    for day in range(5):
        await _closed(desk, OLD + timedelta(days=day))
    await _rule(desk)
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(running, "MOST", 3)
    await _run(desk)
    assert tuple(await db.fetchrow("SELECT destroyed, more FROM core_retention_run")) == (3, True)
    await _run(desk)
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE destroyed_at IS NULL") == 0
    officer = await desk.signed_in("compliance")
    assert "Ended at its bound" in _said(await officer.get(RUNS))


async def test_one_run_at_a_time_and_only_who_may_erase_everywhere_orders_one(desk):
    await _closed(desk)
    with pytest.raises(NotNow, match="no retention rule"):
        await running.begin("person", "system")
    await _rule(desk)
    await desk.viewer("compliance")
    await running.begin("person", "system")
    with pytest.raises(NotNow, match="goes on already"):
        await running.order(await desk.viewer("compliance"), True)
    await db.execute(
        "INSERT INTO core_unit (id, kind, key, name, time_zone, currency, country, language, phone, active, "
        "created_at, version) VALUES ($1, 'entity', 'far', 'Far', 'UTC', 'EUR', '', 'en', '', TRUE, $2, 1)",
        new_id(), OLD,
    )  # fmt: skip
    with pytest.raises(NotAllowed, match="whole desk"):
        await running.order(await desk.viewer("compliance"), True)
    with pytest.raises(NotAllowed):
        await running.order(await desk.viewer("leader"), True)


async def _night() -> None:
    await running.nightly({}, None)  # type: ignore[arg-type]


async def test_each_night_only_rules_that_say_so_and_have_stood_a_week_are_carried_out(desk):
    filed = await _closed(desk)
    by_hand = await _rule(desk, case_type="complaint", amount=5)
    await _rule(desk, automatic=True)
    await db.execute("UPDATE core_retention_rule SET changed_at = $1", OLD)
    await _night()
    assert await db.fetchval("SELECT count(*) FROM core_retention_run") == 0, "the more specific rule holds"
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'retention.looked'") == 1
    await rules.retire(await desk.viewer("administrator"), by_hand, 1)
    await db.execute("UPDATE core_retention_rule SET changed_at = now()")
    await _night()
    await desk.work()
    assert await _state(filed.case_id) == ""
    await db.execute("UPDATE core_retention_rule SET changed_at = $1", OLD)
    await _night()
    await desk.work()
    assert await _state(filed.case_id) == "destroyed"
    assert await db.fetchval("SELECT kind FROM core_retention_run") == "schedule"
    await _night()
    assert await db.fetchval("SELECT count(*) FROM core_retention_run") == 1


async def test_a_restored_backup_forgets_the_case_again(desk, capsys):
    from ombud.desk.privacy.commands import replay_command

    filed = await _closed(desk)
    kept = {table: await db.fetch(f"SELECT * FROM {table}") for table in ("core_person", "core_aspect", "core_case")}
    await _rule(desk)
    await _run(desk)
    person = kept["core_person"][0]
    async with db.transaction():  # the rows as an older backup holds them
        await db.execute("UPDATE core_person SET name = $2, erased_at = NULL WHERE id = $1", person["id"], CANARY)
        await db.execute("UPDATE core_case SET title = $2, destroyed_at = NULL WHERE id = $1", filed.case_id, CANARY)
        await db.execute("UPDATE core_aspect SET text = $1", CANARY)
    assert await _found(CANARY) >= {"core_person", "core_case", "core_aspect"}
    assert await replay_command() == 0
    assert "The journal names 1 erasures; 1 were done again." in capsys.readouterr().out
    assert await _found(CANARY) == set()
    assert await db.fetchval("SELECT destroyed_at IS NOT NULL FROM core_case") is True
    assert await erasing.replay() == 0
    assert (await verify(sealed=True)).broken == ""


async def test_the_command_line_previews_and_runs(desk, capsys):
    filed = await _closed(desk)
    assert await preview_command(None) == 0
    assert "every case is kept" in capsys.readouterr().out
    await _rule(desk)
    await preview_command(None)
    said = capsys.readouterr().out
    assert "All cases: 3 years from the closing (DISP 1.9: three years). 1 due, 0 of them held back." in said
    assert f"{filed.reference}  kept until 2023-03-04  goes" in said
    assert await run_command() == 0
    assert "1 cases destroyed, 0 held back" in capsys.readouterr().out
    assert await _state(filed.case_id) == "destroyed"


async def _gaps(desk: Any) -> dict[str, str]:
    report = await compliance.report(await desk.viewer("compliance"))
    return {each.code: each.gap for _, controls in report.groups for each in controls}


async def test_the_compliance_report_names_missing_rules_and_overdue_runs(desk):
    await _closed(desk)
    assert "No retention rule" in (await _gaps(desk))["retention_rules"]
    one = await _rule(desk, country="PL")
    assert "that no rule speaks of" in (await _gaps(desk))["retention_rules"]
    await rules.retire(await desk.viewer("administrator"), one, 1)
    await _rule(desk)
    gaps = await _gaps(desk)
    assert gaps["retention_rules"] == ""
    assert "over for more than" in gaps["retention_due"]
    await _run(desk)
    gaps = await _gaps(desk)
    assert (gaps["retention_rules"], gaps["retention_due"], gaps["retention"]) == ("", "", "")
