"""What each right asks the desk to do: corrections told to those who got the data, restrictions that hold, rules looked
at again, data to take along, agents, marks that end, and the figures of a year."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import messages, zips
from ombud.desk.inbox import mood
from ombud.desk.matters import classifying
from ombud.desk.outgoing import apart
from ombud.desk.outgoing.ways import Way
from ombud.desk.privacy import answering, automated, figures, letters, requests, restricted
from ombud.desk.privacy.answering import AnswerGiven
from ombud.desk.privacy.requests import AuthorityGiven, RequestGiven
from ombud.desk.redaction import Known, of_erased, of_others
from ombud.desk.rules import applying
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Document
from ombud_plugin_api.treatment import AddTag, SetPriority

NAME, EMAIL = "Zephyrine Quillfeather", "zephyrine@quillfeather.example"


@pytest.fixture
async def lawful(desk: Any) -> Any:
    await desk.enable("gdpr")
    return desk


async def _person(desk: Any, *matters: str) -> tuple[UUID, str, UUID]:
    filed = await desk.file(*(matters or ("A fee.",)), name=NAME, email=EMAIL, phone="+44 7700 900461")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    return UUID(str(person)), filed.reference, UUID(str(filed.case_id))


async def _asked(desk: Any, kind: str, person: UUID | None, **about: Any) -> UUID:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    given = RequestGiven("gdpr", kind, unit, person_id=person, name=NAME, contact=EMAIL, **about)
    return await requests.record(await desk.viewer("compliance"), given)


async def _granted(desk: Any, kind: str, person: UUID) -> UUID:
    viewer, made = await desk.viewer("compliance"), await _asked(desk, kind, person)
    await requests.check_identity(viewer, made, "confirmed", "Called back.", None)
    await answering.answer(viewer, made, AnswerGiven("granted", "It is done."), None)
    return made


def _said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.text)


async def test_a_correction_keeps_what_stood_before_and_is_told_to_who_got_the_data(lawful, send):
    person, _, case = await _person(lawful)
    unit = await db.fetchval("SELECT unit_id FROM core_case WHERE id = $1", case)
    await db.execute(
        "INSERT INTO core_crm_link (id, person_id, unit_id, crm, record, match, chosen_at) "
        "VALUES (gen_random_uuid(), $1, $2, 'ledger-one', '42', '{}', now())",
        person, unit,
    )  # fmt: skip
    officer = await lawful.signed_in("compliance")
    page = f"/privacy/{await _asked(lawful, 'rectification', person)}"
    await send(officer, page, f"{page}/identity", result="confirmed", how="Called back.")
    early = await send(officer, page, f"{page}/answer", outcome="granted", answer="Done.")
    assert "Correct the details first" in early.text
    same = await send(officer, page, f"{page}/correct", person=str(person), name=NAME)
    assert (same.status_code, "Nothing is different" in same.text) == (422, True)
    fixed = await send(officer, page, f"{page}/correct", person=str(person), name="Zephyrine Quill", email=EMAIL)
    assert fixed.status_code == 303
    assert await db.fetchval("SELECT name FROM core_person WHERE id = $1", person) == "Zephyrine Quill"
    shown = _said(await officer.get(page))
    assert f"<s>{NAME}</s> → <strong>Zephyrine Quill</strong>" in shown
    assert "Ledger-one" in shown
    waits = await send(officer, page, f"{page}/answer", outcome="granted", answer="Done.")
    assert "was not told yet" in waits.text
    line = await db.fetchval("SELECT id FROM core_privacy_told")
    silent = await send(officer, page, f"{page}/told/{line}", state="told", how="")
    assert (silent.status_code, "Say how they were told" in silent.text) == (422, True)
    await send(officer, page, f"{page}/told/{line}", state="told", how="By their form, on Monday.")
    await send(officer, page, f"{page}/recipients", who="The court")
    extra = await db.fetchval("SELECT id FROM core_privacy_told WHERE kind = 'other'")
    await send(officer, page, f"{page}/told/{extra}", state="not_needed", how="The file was closed.")
    assert (await send(officer, page, f"{page}/answer", outcome="granted", answer="Done.")).status_code == 303
    entries = await db.fetch("SELECT body::text AS body FROM core_ledger_entry WHERE kind LIKE 'privacy%'")
    assert not any("Quill" in row["body"] for row in entries)


async def test_only_a_record_that_was_chosen_can_be_corrected_and_only_by_such_a_request(lawful, send):
    person, _, _ = await _person(lawful)
    stranger = await lawful.file("Another.", name="Somebody Else", email="else@example.org")
    other = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", stranger.case_id)
    officer = await lawful.signed_in("compliance")
    page = f"/privacy/{await _asked(lawful, 'rectification', person)}"
    assert (await send(officer, page, f"{page}/correct", person=str(other), name="X")).status_code == 409
    access = f"/privacy/{await _asked(lawful, 'access', person)}"
    typed = {"person": str(person), "name": "X", "version": "1"}
    assert (await officer.submit(f"{access}/correct", typed, page=access)).status_code == 409
    assert (await db.fetchval("SELECT name FROM core_person WHERE id = $1", other)) == "Somebody Else"


async def test_a_restriction_is_shown_to_agents_and_stops_what_the_desk_does_by_itself(lawful):
    person, reference, case = await _person(lawful)
    why = {"rule": "r", "version": 1, "trigger": "t"}
    assert await applying.apply(case, SetPriority(priority="urgent"), why) == ""
    await _granted(lawful, "restriction", person)
    agent = await lawful.signed_in("agent")
    assert "Processing is restricted" in (await agent.get(f"/cases/{reference}")).text
    held = await applying.apply(case, SetPriority(priority="low"), why)
    assert held == restricted.WHY["restrict"]
    assert await db.fetchval("SELECT priority FROM core_case WHERE id = $1", case) == "urgent"
    assert await applying.apply(case, AddTag(tag="seen"), why) == "", "a tag weighs nobody"


async def test_no_program_reads_what_they_write_to_weigh_it_while_a_restriction_stands(lawful):
    person, _, case = await _person(lawful)
    async with db.transaction():
        message = await messages.add(
            SYSTEM, case, direction="in", channel="email", text="I am angry.", person_id=person, key="m1"
        )
    assert (await mood._messages([message])).get(message) is not None
    assert len(await db.fetch(classifying._MESSAGES, [message])) == 1
    await _granted(lawful, "restriction", person)
    assert (await mood._messages([message])).get(message) is None
    assert await db.fetch(classifying._MESSAGES, [message]) == []


async def test_no_text_goes_to_many_people_at_once_to_somebody_who_objects(lawful):
    from ombud.desk.bulk import plan

    person, _, case = await _person(lawful)
    await lawful.file("Another.", name="Somebody Else", email="else@example.org")
    await _granted(lawful, "objection", person)
    leader = await lawful.viewer("leader")
    cases = [row["id"] for row in await db.fetch("SELECT id FROM core_case ORDER BY received_at")]
    rows = await db.fetch(
        f"SELECT c.id, {restricted.stopped('c.id')} AS held FROM core_case c WHERE c.id = ANY($1)", cases
    )
    assert {row["id"] for row in rows if row["held"]} == {case}
    row = {"restricted": True, "owner_id": None, "status": "new", "undecided": 0, "hidden": False}
    told = plan._obstacle(leader, "reply", {}, row, frozenset(), None)
    assert told == restricted.BULK


async def test_what_stands_with_a_person_is_lifted_with_a_reason_and_the_desk_works_on(lawful, send):
    person, reference, case = await _person(lawful)
    await _granted(lawful, "restriction", person)
    mark = await db.fetchval("SELECT id FROM core_privacy_mark")
    officer, home = await lawful.signed_in("compliance"), f"/privacy/marks/{mark}/end"
    assert home in (await officer.get(f"/parties/{person}")).text
    silent = await send(officer, home, home, because="")
    assert (silent.status_code, "as you told the person" in silent.text) == (422, True)
    assert (await send(officer, home, home, because="The dispute is settled; told on Monday.")).status_code == 303
    assert "Processing is restricted" not in (await officer.get(f"/cases/{reference}")).text
    assert await applying.apply(case, SetPriority(priority="low"), {"rule": "r", "version": 1, "trigger": "t"}) == ""
    assert (await officer.get(home)).status_code == 404
    agent = await lawful.signed_in("agent")
    assert (await agent.get(home)).status_code == 403


async def test_what_rules_did_is_shown_with_why_looked_at_again_and_handed_out(lawful, send):
    person, reference, case = await _person(lawful)
    from ombud.desk.rules import running
    from ombud.desk.rules.versions import all_rules

    rule = next(iter(await all_rules()))
    body = {"rule": rule.key, "version": 1, "trigger": f"case/{case}#1", "matched": [],
            "changes": [{"kind": "set_priority", "priority": "high", "aspect": ""}]}  # fmt: skip
    await running._note(case, running.APPLIED, body)
    officer = await lawful.signed_in("compliance")
    page = f"/privacy/{await _asked(lawful, 'automated', person)}"
    shown = _said(await officer.get(page))
    assert reference in shown.partition("What rules did")[2]
    await send(officer, page, f"{page}/identity", result="confirmed", how="Called back.")
    early = await send(officer, page, f"{page}/answer", outcome="granted", answer="We looked.")
    assert "Look at what rules did first" in early.text
    assert (await send(officer, page, f"{page}/review", review_result="", review="Fine.")).status_code == 422
    await send(officer, page, f"{page}/review", review_result="stands", review="The priority is right.")
    assert (await send(officer, page, f"{page}/answer", outcome="granted", answer="It stands.")).status_code == 303
    [done] = await automated.of_people([person])
    assert done.changes
    handed = await _bundle(lawful, officer, send, "access", person)
    assert handed["data"]["core"]["what rules did"][0]["case"] == reference


async def _bundle(desk: Any, officer: Any, send: Any, kind: str, person: UUID) -> Any:
    page = f"/privacy/{await _asked(desk, kind, person)}"
    await send(officer, page, f"{page}/collect")
    await desk.work()
    archive = zipfile.ZipFile(io.BytesIO((await officer.get(f"{page}/bundle")).content))
    found = json.loads(archive.read("data.json"))
    found["names"] = archive.namelist()
    found["csv"] = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".csv")}
    return found


async def test_portability_hands_out_what_they_gave_as_tables_and_nothing_that_the_firm_concluded(lawful, send):
    person, _, case = await _person(lawful, "The fee was wrong.")
    await db.execute("UPDATE core_aspect SET reason = 'We think so.', outcome = 'upheld' WHERE case_id = $1", case)
    officer = await lawful.signed_in("compliance")
    whole = await _bundle(lawful, officer, send, "access", person)
    assert "We think so." in json.dumps(whole["data"])
    given = await _bundle(lawful, officer, send, "portability", person)
    assert given["request"]["format"] == "ombud-portable-1"
    assert "We think so." not in json.dumps(given["data"])
    assert "history" not in given["data"]["core"]
    rows = list(csv.DictReader(io.StringIO(given["csv"]["csv/core.matters.csv"])))
    assert [row["text"] for row in rows] == ["The fee was wrong."]
    [who] = csv.DictReader(io.StringIO(given["csv"]["csv/core.who_they_are.csv"]))
    assert who["email"] == EMAIL


async def test_an_authority_that_does_not_suffice_stops_the_request(lawful, send):
    person, _, _ = await _person(lawful)
    viewer = await lawful.viewer("compliance")
    made = await _asked(lawful, "objection", person, agent_name="Ida Agent")
    page, officer = f"/privacy/{made}", await lawful.signed_in("compliance")
    await requests.check_identity(viewer, made, "confirmed", "Called back.", None)
    letter = {"documents": ("letter.txt", b"I let Ida ask.", "text/plain")}
    fields = {"kind": "authority", "version": await _version(made)}
    assert (await officer.submit(f"{page}/files", fields, page=page, files=letter)).status_code == 303
    assert "letter.txt" in (await officer.get(page)).text
    nothing = await send(
        officer, page, f"{page}/agent", agent_name="Ida", agent_authority="A letter.", agent_result="accepted"
    )
    assert (nothing.status_code, "Say what you looked at" in nothing.text) == (422, True)
    old = AuthorityGiven("Ida", "A letter.", "accepted", ("document",), now().date() - timedelta(days=1))
    with pytest.raises(Exception, match="ended before today"):
        await requests.see_authority(viewer, made, old, None)
    await requests.see_authority(viewer, made, AuthorityGiven("Ida", "A letter.", "refused"), None)
    stopped = await send(officer, page, f"{page}/answer", outcome="granted", answer="Done.")
    assert "their authority suffices" in stopped.text
    seen = AuthorityGiven("Ida", "A letter.", "accepted", ("document", "person_asked"))
    await requests.see_authority(viewer, made, seen, None)
    assert (await send(officer, page, f"{page}/answer", outcome="granted", answer="Done.")).status_code == 303


async def _version(request_id: UUID) -> str:
    return str(await db.fetchval("SELECT version FROM core_privacy_request WHERE id = $1", request_id))


async def test_answers_extensions_and_news_go_by_mail_where_the_desk_can_send(lawful, send, monkeypatch):
    person, _, _ = await _person(lawful)
    officer = await lawful.signed_in("compliance")
    made = await _asked(lawful, "objection", person)
    page = f"/privacy/{made}"
    kept = await send(officer, page, f"{page}/news", news="We are looking.")
    assert "No e-mail could be sent" in (await officer.get(kept.headers["location"])).text

    async def way(row: Any) -> str:
        return "email"

    monkeypatch.setattr(letters, "way", way)
    await send(officer, page, f"{page}/news", news="We are still looking.")
    await send(officer, page, f"{page}/extend", because="Many messages.", mail="on")
    await requests.check_identity(await lawful.viewer("compliance"), made, "confirmed", "Called back.", None)
    await send(officer, page, f"{page}/answer", outcome="granted", answer="We stopped.", mail="on")
    rows = await db.fetch(
        "SELECT m.body, o.person_id FROM core_outgoing o JOIN core_message m ON m.id = o.id ORDER BY o.created_at, o.id"
    )
    for words, row in zip(("We are still looking.", "Many messages.", "We stopped."), rows, strict=True):
        assert words in row["body"]
        assert row["person_id"] == person
    assert "/p/gdpr/asked/" in rows[0]["body"]


async def test_no_letter_is_kept_of_somebody_who_was_erased(lawful, monkeypatch):
    async def ways(unit: Any) -> list[Way]:
        return [Way("email", "E-mail", "mail", "email", "email")]

    monkeypatch.setattr(apart, "ways_in", ways)
    person, _, _ = await _person(lawful)
    made = await _asked(lawful, "erasure", person)
    row = await db.fetchrow("SELECT * FROM core_privacy_request WHERE id = $1", made)
    assert await letters.way(row) == "email"
    await db.execute("UPDATE core_person SET erased_at = now() WHERE id = $1", person)
    assert await letters.way(row) == ""
    assert await letters.send(row, "answer", "system", text="It is done.") is False
    assert await db.fetchval("SELECT count(*) FROM core_outgoing WHERE kind = 'privacy'") == 0


async def test_the_figures_of_a_year_are_defined_once_for_page_and_file(lawful, send):
    person, _, _ = await _person(lawful)
    viewer, officer = await lawful.viewer("compliance"), await lawful.signed_in("compliance")
    for days in (2, 5):
        made = await _asked(lawful, "objection", person, received_at=now() - timedelta(days=days))
        await requests.check_identity(viewer, made, "confirmed", "Called back.", None)
        await answering.answer(viewer, made, AnswerGiven("granted", "Done."), None)
    refused = await _asked(lawful, "objection", person, received_at=now() - timedelta(days=12))
    await answering.answer(viewer, refused, AnswerGiven("refused", "No.", (), "=1+1 is no ground"), None)
    year = (now() - timedelta(days=12)).year
    [line] = await figures.of_year(viewer, year)
    if now().year == year:
        assert (line.received, line.complied, line.refused) == (3, 2, 1)
        assert (line.median_days, line.mean_days) == (5.0, 6.3)
    assert line.reasons == {figures.OTHER: 1}
    page = await officer.get(f"/privacy/figures?year={year}")
    for label, meaning in figures.FIGURES.values():
        assert label in page.text
        assert meaning.partition("'")[0] in page.text
    file = await officer.get(f"/privacy/figures/file?year={year}")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert rows[0]["refused"] == "1"
    assert rows[1]["reason"] == figures.OTHER
    assert "1+1" not in file.text


async def test_a_cell_of_the_log_begins_no_formula(lawful):
    assert figures._safe("=SUM(A1)") == "'=SUM(A1)"
    assert figures._safe("plain") == "plain"


async def test_staff_take_no_document_of_a_request_that_they_may_not_see(lawful):
    person, _, case = await _person(lawful, "The officer was rude.")
    from ombud.desk.privacy import papers

    made = await _asked(lawful, "access", person)
    viewer = await lawful.viewer("compliance")
    await papers.add(viewer, made, "added", (Document(name="a.txt", content_type="text/plain", data=b"x"),))
    file = await db.fetchval("SELECT id FROM core_privacy_file")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE case_id = $1", case, viewer.user_id)
    officer = await lawful.signed_in("compliance")
    assert (await officer.get(f"/privacy/{made}/files/{file}")).status_code == 404


def test_the_same_content_makes_the_same_bytes_and_no_file_hides_another():
    def made(at: datetime) -> bytes:
        out = zips.Zip(at)
        out.put("a/b.txt", b"one")
        out.put("c.txt", b"two")
        return out.finish()

    at = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    assert made(at) == made(at)
    archive = zipfile.ZipFile(io.BytesIO(made(at)))
    assert archive.namelist() == ["a/b.txt", "c.txt", "SHA256SUMS"]
    assert archive.read("SHA256SUMS").decode().splitlines()[0] == f"{zips.digest(b'one')}  a/b.txt"
    assert archive.getinfo("c.txt").date_time == (2026, 11, 26, 12, 0, 0)
    out = zips.Zip(datetime(1970, 1, 1, tzinfo=UTC))
    out.put("a", b"")
    with pytest.raises(ValueError, match="already"):
        out.put("a", b"")


def test_one_redaction_says_what_stood_there_in_each_use():
    witness = Known("Anna May", ("anna@x.example",), ("+48 600 100 200",), instead="[Witness, left out]")
    firm = Known("May Trading", organisation=True)
    text = "ANNA MAY (Anna@X.example, 600-100-200) may come, says May Trading and trading it is."
    filed = of_others([witness, firm], Known("Helena Marsh"))
    said = filed(text)
    assert said.startswith("[Witness, left out] ([Witness, left out], [Witness, left out]) may come")
    assert said.endswith("trading it is.")
    assert filed.count == 4
    assert "anna" not in of_erased([witness]).text(text, "x").lower()
    assert "[erased]" in of_erased([witness]).text(text, "x")
