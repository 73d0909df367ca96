"""Requests about personal data: recorded, identified, collected from everywhere, erased with proof."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import people
from ombud.desk.errors import Invalid
from ombud.desk.outgoing import writing
from ombud.desk.privacy import answering, erasing, journal, laws, requests
from ombud.desk.privacy.answering import AnswerGiven
from ombud.desk.privacy.clocks import end_of, months_later
from ombud.desk.privacy.commands import replay_command
from ombud.desk.privacy.holdings import HOLDINGS, NOT_OF_PEOPLE
from ombud.desk.privacy.requests import RequestGiven
from ombud.desk.redaction import Known, of_others
from ombud.desk.search import index as search_index
from ombud.desk.transfer.kinds import KINDS, LEFT_OUT
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import keys
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Document, Span
from ombud_plugin_api.facts import PersonGiven

CANARY = "Zephyrine Quillfeather"
EMAIL = "zephyrine@quillfeather.example"
PHONE = "+44 7700 900461"


@pytest.fixture
async def lawful(desk: Any) -> Any:
    await desk.enable("gdpr")
    return desk


async def _person(desk: Any, *matters: str, **about: Any) -> tuple[UUID, str, UUID]:
    """A complainant, the reference and the id of their case."""
    given = {"name": CANARY, "email": EMAIL, "phone": PHONE, **about}
    filed = await desk.file(*matters, **given)
    person = await db.fetchval(
        "SELECT person_id FROM core_party WHERE case_id = $1 AND role = 'complainant'", filed.case_id
    )
    return UUID(str(person)), filed.reference, UUID(str(filed.case_id))


async def _close(case_id: UUID) -> None:
    """As a decided case stands, with the entry that says so."""
    from ombud.trust.ledger import NewEntry, append

    async with db.transaction():
        await db.execute("UPDATE core_case SET status = 'closed', closed_at = $2 WHERE id = $1", case_id, now())
        body = {"status": "closed", "before": "new"}
        await append(actor="system", entries=[NewEntry(f"case/{case_id}", "case.status_changed", body)])


async def _asked(desk: Any, kind: str, person: UUID | None, **about: Any) -> UUID:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    viewer = await desk.viewer("compliance")
    return await requests.record(viewer, RequestGiven("gdpr", kind, unit, person_id=person, name=CANARY, **about))


async def _known(desk: Any, request_id: UUID) -> None:
    viewer = await desk.viewer("compliance")
    await requests.check_identity(viewer, request_id, "confirmed", "Called back on the number we know.", None)


def _said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.text)


async def test_a_request_is_recorded_by_its_page_and_its_time_runs_from_the_day_it_came(lawful, send):
    officer = await lawful.signed_in("compliance")
    unit = str(await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL"))
    empty = await officer.get("/privacy")
    assert "Nothing here" in empty.text
    wrong = await send(officer, "/privacy/new", "/privacy/new", right="gdpr/access", unit=unit, name="", contact="")
    assert (wrong.status_code, "Say who asks" in wrong.text) == (422, True)
    made = await send(
        officer,
        "/privacy/new",
        "/privacy/new",
        right="gdpr/access",
        unit=unit,
        name=CANARY,
        contact=EMAIL,
        received_on="2026-01-31",
        words="What do you keep of me?",
    )
    assert made.status_code == 303
    row = await db.fetchrow("SELECT * FROM core_privacy_request")
    assert row["due_at"].date().isoformat() == "2026-02-28", "the last day, where the next month has no such date"
    shown = _said(await officer.get(made.headers["location"]))
    for words in ("GDPR Art. 12(3)", "1 month", "Not looked at yet", "not checked against the law's text", "Overdue"):
        assert words in shown, words
    assert CANARY in (await officer.get("/privacy")).text
    assert CANARY in (await officer.get("/privacy?which=late")).text
    assert (await (await lawful.signed_in("agent")).get("/privacy")).status_code == 403
    entry = await db.fetchval("SELECT body::text FROM core_ledger_entry WHERE kind = 'privacy.requested'")
    assert CANARY not in entry


async def test_no_law_means_no_request_and_the_page_says_who_turns_one_on(desk):
    officer = await desk.signed_in("compliance")
    assert "No law is turned on" in (await officer.get("/privacy/new")).text
    assert "No law is turned on" in (await officer.get("/privacy")).text


def test_a_month_ends_on_the_same_date_or_the_last_of_the_month():
    day = datetime(2024, 1, 31, tzinfo=UTC).date()
    assert months_later(day, 1).isoformat() == "2024-02-29"
    assert months_later(day, 3).isoformat() == "2024-04-30"
    assert months_later(day, 12).isoformat() == "2025-01-31"


async def test_business_days_follow_the_calendar_of_the_unit(desk):
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    friday = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    due = await end_of(Span(10, "business_days", "§"), friday, unit)
    assert due.date().isoformat() == "2026-12-04"
    later = await end_of(Span(1, "months", "§"), friday, unit, Span(2, "months", "§"))
    assert later.date().isoformat() == "2027-02-20"


async def test_an_extension_is_given_once_with_its_reason_and_not_after_the_time(lawful, send):
    officer = await lawful.signed_in("compliance")
    person, _, _ = await _person(lawful)
    made = await _asked(lawful, "access", person)
    page = f"/privacy/{made}"
    assert (await send(officer, page, f"{page}/extend", because="")).status_code == 422
    assert (await send(officer, page, f"{page}/extend", because="Six hundred messages.")).status_code == 303
    assert "Extended" in (await officer.get(page)).text
    version = await db.fetchval("SELECT version FROM core_privacy_request WHERE id = $1", made)
    again = await officer.submit(f"{page}/extend", {"because": "More.", "version": str(version)}, page=page)
    assert (again.status_code, "only once" in again.text) == (409, True)
    old = await _asked(lawful, "access", person, received_at=now() - timedelta(days=60))
    late = await send(officer, f"/privacy/{old}", f"/privacy/{old}/extend", because="Too late.")
    assert (late.status_code, "The time is over" in late.text) == (409, True)


async def test_two_officers_at_one_request_do_not_overwrite_each_other(lawful):
    officer = await lawful.signed_in("compliance")
    person, _, _ = await _person(lawful)
    page = f"/privacy/{await _asked(lawful, 'access', person)}"
    given = {"result": "confirmed", "how": "The passport, shown.", "version": "1"}
    assert (await officer.submit(f"{page}/identity", given, page=page)).status_code == 303
    late = await officer.submit(f"{page}/identity", {**given, "how": "Something else."}, page=page)
    assert late.status_code == 409
    assert "Something else." in late.text, "what was typed is kept"


async def test_who_is_complained_about_sees_nothing_of_the_complainants_request(lawful):
    person, _, case = await _person(lawful, "The officer was rude.")
    made = await _asked(lawful, "access", person)
    me = (await lawful.viewer("compliance")).user_id
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE case_id = $1", case, me)
    officer = await lawful.signed_in("compliance")
    assert CANARY not in (await officer.get("/privacy")).text
    for path in (f"/privacy/{made}", f"/privacy/{made}/bundle", f"/privacy/{made}/erase"):
        assert (await officer.get(path)).status_code == 404, path


async def test_everything_is_collected_and_others_are_taken_out(lawful, send):
    officer = await lawful.signed_in("compliance")
    text = f"Mr Barnaby Thistlewood (barnaby@thistle.example) saw it. I am {CANARY}."
    person, reference, case = await _person(
        lawful, text, documents=(Document(name="bill.txt", content_type="text/plain", data=b"the bill"),)
    )
    leader = await lawful.viewer("leader")
    await people.add_party(
        leader, case, PersonGiven(name="Barnaby Thistlewood", email="barnaby@thistle.example"), "witness"
    )
    page = f"/privacy/{await _asked(lawful, 'access', person)}"
    assert (await officer.get(f"{page}/bundle")).status_code == 404
    early = await send(officer, page, f"{page}/answer", outcome="granted", answer="Here it is.")
    assert "Say first how" in early.text
    await send(officer, page, f"{page}/identity", result="confirmed", how="Called back.")
    early = await send(officer, page, f"{page}/answer", outcome="granted", answer="Here it is.")
    assert "Collect what is kept first" in early.text
    assert (await send(officer, page, f"{page}/collect")).status_code == 303
    assert "Being collected" in (await officer.get(page)).text
    await lawful.work()
    assert "Take the bundle" in (await officer.get(page)).text
    got = await officer.get(f"{page}/bundle")
    assert got.headers["cache-control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(got.content))
    whole = json.loads(archive.read("data.json"))
    said = json.dumps(whole, ensure_ascii=False)
    assert CANARY in said
    assert EMAIL in said
    assert reference in said
    for stranger in ("Barnaby", "Thistlewood", "barnaby@thistle.example"):
        assert stranger not in said
        assert stranger not in archive.read("index.html").decode()
    log = json.loads(archive.read("redactions.json"))
    assert {each["what"] for each in log} >= {"name", "email"}
    assert "Thistlewood" not in json.dumps(log)
    files = {name: archive.read(name) for name in archive.namelist()}
    assert b"the bill" in [data for name, data in files.items() if name.startswith("files/")]
    assert any(name.startswith("received/") for name in files)
    sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"].decode().splitlines())
    assert set(sums) == set(files) - {"SHA256SUMS"}
    taken = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'privacy.bundle_taken'")
    assert taken == 1
    done = await send(officer, page, f"{page}/answer", outcome="granted", answer="Here it is. You can complain.")
    assert done.status_code == 303
    assert "Granted" in (await officer.get(page)).text


async def test_an_aspect_about_a_member_of_staff_is_not_handed_out(lawful):
    person, _, case = await _person(lawful, "The fee was wrong.", "Ada Lovage laughed at me.")
    staff = await lawful.user("lovage", "agent")
    await db.execute("UPDATE core_user SET display_name = 'Ada Lovage' WHERE id = $1", staff)
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", case)
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE id = $1", aspect, staff)
    from ombud.desk.privacy import collecting

    found = await collecting.gathered(SYSTEM, [person])
    assert [row["title"] for row in found.data["core"]["matters"]] == ["The fee was wrong."]
    assert ("core.matters", "about a member of staff, or privileged", 1) in found.left_out
    redaction = of_others(*await collecting._others([person]))
    assert redaction.text("Ada Lovage laughed", "x") == "[name of another person] laughed"


def test_redaction_leaves_the_persons_own_name_and_finds_others_in_all_ways_of_writing():
    others = [Known("Anna Marsh-Smith", ("anna@x.example",), ("+48 22 555 01 99",), ("1 Long Lane",))]
    redaction = of_others(others, Known("Helena Marsh-Smith"))
    said = redaction.text("ANNA  marsh-smith of 1 long lane, 022-555-0199, Anna; Helena Marsh-Smith stays.", "x")
    assert said.count("[name of another person]") == 2
    assert "555" not in said
    assert "Helena Marsh-Smith stays" in said
    assert "long lane" not in said


async def test_a_plugin_that_does_not_answer_stops_the_request_and_is_named(lawful, dummy, send):
    await lawful.enable(dummy)
    from ombud_dummy.plugin import Memory

    officer = await lawful.signed_in("compliance")
    person, _, _ = await _person(lawful)
    Memory.kept = {EMAIL: {"note": "likes tea"}}
    page = f"/privacy/{await _asked(lawful, 'access', person)}"
    Memory.says = "raise"
    await send(officer, page, f"{page}/collect")
    await lawful.work()
    shown = _said(await officer.get(page))
    assert "Not everything answered" in shown
    assert "<code>dummy</code>" in shown
    assert "Ask again" in shown
    assert (await officer.get(f"{page}/bundle")).status_code == 404
    Memory.says = "fine"
    await lawful.disable(dummy)
    await send(officer, page, f"{page}/collect")
    await lawful.work()
    assert "The plugin is off" in (await officer.get(page)).text
    await lawful.enable(dummy)
    await send(officer, page, f"{page}/collect")
    await lawful.work()
    whole = zipfile.ZipFile(io.BytesIO((await officer.get(f"{page}/bundle")).content)).read("data.json")
    assert b"likes tea" in whole


async def test_erasure_is_previewed_ordered_and_proved_and_nothing_is_found_afterwards(lawful, send):
    officer = await lawful.signed_in("compliance")
    person, reference, case = await _person(
        lawful,
        f"I am {CANARY}, call {PHONE}.",
        documents=(Document(name=f"{CANARY}.txt", content_type="text/plain", data=CANARY.encode()),),
    )
    await _let_pass(await lawful.viewer("leader"), case)
    stranger, _, _ = await _person(lawful, "Another matter.", name="Somebody Else", email="else@example.org", phone="")
    made = await _asked(lawful, "erasure", person, contact=EMAIL)
    page = f"/privacy/{made}"
    preview = _said(await officer.get(f"{page}/erase"))
    assert "Some of their cases are open" in preview
    assert "Order it" not in preview
    await _close(case)
    await send(officer, page, f"{page}/identity", result="confirmed", how="Called back.")
    preview = await officer.get(f"{page}/erase")
    assert "What stays, and why" in preview.text
    assert "Messages" in preview.text
    unsure = await send(officer, f"{page}/erase", f"{page}/erase", do="erase")
    assert (unsure.status_code, "Tick that you read" in unsure.text) == (422, True)
    found = await _found()
    assert {"core_person", "core_message", "core_aspect", "vault", "sealed", "core_search_a", "core_outgoing"} <= found
    ordered = await send(officer, f"{page}/erase", f"{page}/erase", do="erase", sure="on")
    assert ordered.status_code == 303
    await lawful.work()
    proof = await officer.get(ordered.headers["location"])
    assert "Nothing that names them stays" in proof.text
    assert "as the ledger has it" in proof.text
    file = await officer.get(f"{ordered.headers['location']}/file")
    assert json.loads(file.content)["people"] == [str(person)]
    assert CANARY not in file.text
    done = await send(officer, page, f"{page}/answer", outcome="granted", answer=f"Dear {CANARY}, it is done.")
    assert done.status_code == 303
    assert await _found() == set(), "the person is found nowhere"
    assert await db.fetchval("SELECT erased_at IS NOT NULL FROM core_person WHERE id = $1", person)
    with pytest.raises(keys.Destroyed):
        await keys.sealing_keys([f"person/{person}"])
    assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", stranger) == "Somebody Else"
    counted = await db.fetchrow("SELECT status, aspects_total, channel FROM core_case WHERE id = $1", case)
    assert tuple(counted) == ("closed", 1, "api"), "what is counted stays"
    report = await verify(sealed=True)
    assert report.broken == "", report
    for path in (f"/cases/{reference}", "/privacy", page, f"/parties/{person}", "/privacy/figures"):
        assert (await officer.get(path)).status_code in {200, 404}, path
    figures = _said(await officer.get("/privacy/figures"))
    assert "Erasure" in figures
    entries = journal.read()
    assert [each["what"] for each in entries] == ["erase", "done"]
    assert CANARY not in journal.path().read_text()
    assert journal.path().stat().st_mode & 0o077 == 0


async def _let_pass(viewer: Any, case: UUID) -> None:
    """A letter that left in spite of the gate: why, and what it lacked, are words of its writer."""
    letter = await writing.write(viewer, case, writing.Wanted("We look into it.", at_once=True))
    sql = "UPDATE core_outgoing SET let_pass_why = $2, let_pass = $3 WHERE id = $1 RETURNING TRUE"
    assert await db.fetchval(sql, letter.id, f"{CANARY} knows it.", [f"date_differs/{CANARY}"])


async def _found() -> set[str]:
    """Where the canary sings: every text, JSON and bytes of every table, what vault and ledger hold, opened with
    the keys there are, and words of the search index."""
    from ombud.trust import vault
    from ombud.trust.ledger import open_sealed

    await search_index.up_to_date()
    marks = (CANARY, EMAIL, PHONE, "Quillfeather", "7700 900461")
    found: set[str] = set()
    columns = await db.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('text', 'jsonb', 'character varying', 'ARRAY')"
    )
    for row in columns:
        for mark in marks:
            place = f'lower("{row["column_name"]}"::text)'
            sql = f'SELECT count(*) FROM "{row["table_name"]}" WHERE position(lower($1) IN {place}) > 0'
            if await db.fetchval(sql, mark):
                found.add(row["table_name"])
    for row in await db.fetch("SELECT id FROM core_vault"):
        try:
            data = await vault.load(row["id"])
        except (vault.Destroyed, vault.NotStored):
            continue
        if _sings(data, marks):
            found.add("vault")
    for each in await open_sealed(
        [(row["stream"], row["seq"]) for row in await db.fetch("SELECT DISTINCT stream, seq FROM core_sealed")]
    ):
        if _sings(str(each.value).encode(), marks):
            found.add("sealed")
    for table in ("core_search_a", "core_search_b"):
        if await db.fetchval(f"SELECT count(*) FROM {table} WHERE words::text ILIKE '%quillf%'"):
            found.add(table)
    return found


def _sings(data: bytes, marks: tuple[str, ...]) -> bool:
    if data[:2] == b"PK":
        archive = zipfile.ZipFile(io.BytesIO(data))
        return any(_sings(archive.read(name), marks) for name in archive.namelist())
    return any(mark.encode().lower() in data.lower() for mark in marks)


async def test_a_legal_hold_wins_and_a_case_kept_by_law_keeps_the_person(lawful, send):
    officer = await lawful.signed_in("compliance")
    person, held, case = await _person(lawful, "The first matter.")
    second = await lawful.file("The second matter.", name=CANARY, email=EMAIL, phone=PHONE)
    other = UUID(str(await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", second.case_id)))
    for each in (case, second.case_id):
        await _close(each)
    made = await _asked(lawful, "erasure", person)
    page = f"/privacy/{made}"
    both = await officer.get(page)
    assert second.reference in both.text, "a record with the same address is offered"
    version = await db.fetchval("SELECT version FROM core_privacy_request WHERE id = $1", made)
    linked = {"person": [str(person), str(other)], "version": str(version)}
    assert (await officer.submit(f"{page}/people", linked, page=page)).status_code == 303
    await _known(lawful, made)
    placed = await send(
        officer,
        "/privacy/holds",
        "/privacy/holds",
        case=held,
        reason="Proceedings 4 C 12.",
        source="Order of the court",
    )
    assert placed.status_code == 303
    preview = await officer.get(f"{page}/erase")
    assert "legal hold" in preview.text
    await send(officer, f"{page}/erase", f"{page}/erase", do="erase", sure="on")
    await lawful.work()
    row = await db.fetchrow("SELECT state, whole FROM core_privacy_erasure")
    assert tuple(row) == ("done", 0)
    assert await db.fetchval("SELECT title FROM core_case WHERE id = $1", case) == "The first matter."
    assert await db.fetchval("SELECT title FROM core_case WHERE id = $1", second.case_id) == "Erased"
    assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == CANARY
    assert (await verify()).broken == ""
    await db.execute("UPDATE core_privacy_hold SET case_id = NULL, person_id = $1", person)
    again = await send(officer, page, f"{page}/withdraw")
    assert again.status_code == 303
    whole = await _asked(lawful, "erasure", person)
    await _known(lawful, whole)
    refused = await officer.get(f"/privacy/{whole}/erase")
    assert "A legal hold stands on this person" in refused.text
    with pytest.raises(Exception, match="legal hold"):
        await erasing.order(await lawful.viewer("compliance"), whole, {}, None)


async def test_a_joint_complaint_stays_the_other_persons_and_the_name_is_taken_out(lawful):
    person, _, case = await _person(lawful, f"We, {CANARY} and I, were charged twice.")
    leader = await lawful.viewer("leader")
    await people.add_party(leader, case, PersonGiven(name="Igor Joint", email="igor@example.org"), "joint_complainant")
    await _close(case)
    made = await _asked(lawful, "erasure", person)
    await _known(lawful, made)
    await erasing.order(await lawful.viewer("compliance"), made, {}, None)
    await lawful.work()
    row = await db.fetchrow("SELECT title, text FROM core_aspect WHERE case_id = $1", case)
    assert CANARY not in row["text"]
    assert "were charged twice" in row["text"]
    assert await _found() - {"core_privacy_request"} == set()
    assert await db.fetchval("SELECT count(*) FROM core_person WHERE name = 'Igor Joint'") == 1


async def test_a_plugin_that_fails_stops_the_erasure_before_anything_of_core_is_gone(lawful, dummy):
    await lawful.enable(dummy)
    from ombud_dummy.plugin import Memory

    Memory.says, Memory.kept = "raise", {EMAIL: {"note": "x"}}
    person, _, case = await _person(lawful)
    await _close(case)
    made = await _asked(lawful, "erasure", person)
    await _known(lawful, made)
    await erasing.order(await lawful.viewer("compliance"), made, {}, None)
    await lawful.work()
    assert await db.fetchval("SELECT state FROM core_privacy_erasure") == "stopped"
    assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == CANARY
    assert journal.read() == []
    Memory.says = "fine"
    await erasing.order(await lawful.viewer("compliance"), made, {}, None)
    await lawful.work()
    assert await db.fetchval("SELECT state FROM core_privacy_erasure") == "done"
    assert Memory.kept == {}


async def test_the_journal_makes_a_restored_desk_forget_again(lawful, capsys):
    person, _, case = await _person(lawful, f"I am {CANARY}.")
    await _close(case)
    made = await _asked(lawful, "erasure", person)
    await _known(lawful, made)
    before = {
        table: await db.fetch(f"SELECT * FROM {table}") for table in ("core_person", "core_message", "core_aspect")
    }
    await erasing.order(await lawful.viewer("compliance"), made, {}, None)
    await lawful.work()
    async with db.transaction():  # the rows as an older backup holds them
        row = before["core_person"][0]
        await db.execute(
            "UPDATE core_person SET name = $2, email = $3, erased_at = NULL WHERE id = $1",
            row["id"],
            row["name"],
            row["email"],
        )
        for row in before["core_message"]:
            await db.execute("UPDATE core_message SET body = $2 WHERE id = $1", row["id"], row["body"])
    assert "core_person" in await _found()
    assert await replay_command() == 0
    assert "The journal names 1 erasures; 1 were done again." in capsys.readouterr().out
    assert await _found() - {"core_privacy_request"} == set()
    assert await erasing.replay() == 0
    lines = journal.path().read_bytes().splitlines()
    journal.path().write_bytes(b"\n".join([lines[0].replace(b"erase", b"spare", 1), *lines[1:]]) + b"\n")
    assert await replay_command() == 1
    assert "line 2" in capsys.readouterr().err


async def test_a_refusal_names_its_ground_and_the_figures_count_it(lawful, send):
    officer = await lawful.signed_in("compliance")
    person, _, _ = await _person(lawful)
    page = f"/privacy/{await _asked(lawful, 'erasure', person)}"
    bare = await send(officer, page, f"{page}/answer", outcome="refused", answer="No.")
    assert (bare.status_code, "Choose the ground" in bare.text) == (422, True)
    done = await send(
        officer, page, f"{page}/answer", outcome="refused", grounds="claims", answer="A claim is pending."
    )
    assert done.status_code == 303
    shown = _said(await officer.get(page))
    assert "GDPR Art. 17(3)(e)" in shown
    figures = _said(await officer.get("/privacy/figures"))
    assert "1 × Legal claims" in figures


async def test_what_a_request_leaves_with_a_person_stands_on_their_page(lawful):
    person, _, _ = await _person(lawful)
    made = await _asked(lawful, "restriction", person)
    await _known(lawful, made)
    viewer = await lawful.viewer("compliance")
    given = AnswerGiven("granted", "It is restricted.")
    await answering.answer(viewer, made, given, None)
    agent = await lawful.signed_in("agent")
    assert "Processing is restricted" in (await agent.get(f"/parties/{person}")).text


async def test_an_administrator_corrects_a_number_and_only_later_requests_follow(lawful, send):
    administrator = await lawful.signed_in("administrator")
    person, _, _ = await _person(lawful)
    first = await _asked(lawful, "access", person)
    home = "/administration/laws"
    shown = _said(await administrator.get(home))
    assert "Check it" in shown
    assert "GDPR Art. 12(3)" in shown
    given = {"time": "gdpr/access/answer", "amount": "20", "unit": "days", "source": "Our supervisor's letter"}
    assert (await send(administrator, home, home, **{**given, "source": ""})).status_code == 422
    assert (await send(administrator, home, home, **given)).status_code == 303
    assert "Corrected by this firm" in (await administrator.get(home)).text
    second = await _asked(lawful, "access", person)
    rows = await db.fetch("SELECT id, terms->'answer'->>'amount' AS amount FROM core_privacy_request")
    assert {row["id"]: row["amount"] for row in rows} == {first: "1", second: "20"}
    assert (await (await lawful.signed_in("compliance")).get(home)).status_code == 403
    (right,) = [r for law in await laws.in_force() if law.key == "gdpr" for r in law.rights if r.key == "access"]
    assert right.answer.provenance == "corrected"


def test_every_table_of_core_says_what_it_keeps_of_people_or_why_nothing():
    known = {kind.tablename for kind in KINDS} | set(LEFT_OUT)
    held = {each.table for each in HOLDINGS}
    assert known - held - set(NOT_OF_PEOPLE) == set(), "say in desk/privacy/holdings.py what it keeps of people"
    assert held & set(NOT_OF_PEOPLE) == set()


async def test_a_request_is_recorded_by_the_law_of_the_units_country_or_as_the_settings_say(lawful: Any) -> None:
    await db.execute("UPDATE core_unit SET country = 'GB'")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    assert [each.key for each in await laws.holding([unit])] == ["gdpr.uk"]
    with pytest.raises(Invalid, match="GDPR does not hold in this unit"):
        await _asked(lawful, "access", None)
    officer = await lawful.signed_in("compliance")
    html = (await officer.get("/privacy/new")).text
    assert "UK GDPR: Access" in html
    assert ">GDPR: Access" not in html
    for wish, held in (("always", ["gdpr", "gdpr.uk"]), ("never", []), ("nonsense", ["gdpr.uk"])):
        await db.execute("DELETE FROM core_setting WHERE key = 'p-gdpr'")
        await db.execute(
            "INSERT INTO core_setting (id, key, unit_id, value, changed_at) "
            "VALUES (gen_random_uuid(), 'p-gdpr', $2, $1, now())",
            {"value": {"applies": wish}}, unit,
        )  # fmt: skip
        assert [each.key for each in await laws.holding([unit])] == held
