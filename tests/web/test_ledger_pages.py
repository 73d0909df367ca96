"""The ledger on pages: verified in the background with a kept result, exported, searched as far as one may see."""

import io
import json
import re
from datetime import timedelta

import pytest

from ombud.desk import aspects, cases
from ombud.desk.trail import ledger_search
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust import checkpoints, signing, timestamps, vault
from ombud.trust.verifier import Check

HERE = "/administration/ledger"


async def post(browser, what, follow=False, **data):
    return await browser.submit(f"{HERE}/{what}", data, page="/me/password", follow=follow)


async def test_the_ledger_is_verified_in_the_background_and_the_result_is_kept(desk):
    compliance = await desk.signed_in("compliance")
    await desk.file("The fee was taken twice.")
    assert "Nobody verified yet" in (await compliance.get(HERE)).text
    begun = await post(compliance, "verify", follow=True, sealed="on")
    assert "It begins in a moment." in begun.text
    await post(compliance, "verify")
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'job/ledger.verify'") == 1
    await desk.work()
    shown = (await compliance.get(HERE)).text
    assert ">Holds" in shown
    assert "The whole ledger" in shown
    assert "Compliance, " in shown
    assert re.search(r"\d+ sealed values opened", shown)
    kept = await db.fetchrow("SELECT actor, body FROM core_ledger_entry WHERE kind = 'ledger.verified'")
    assert kept["actor"].startswith("user/")
    assert (kept["body"]["holds"], kept["body"]["scope"]) == (True, "all")


async def test_what_does_not_hold_is_named_in_plain_words(desk):
    compliance = await desk.signed_in("compliance")
    filed = await desk.file("The fee was taken twice.")
    await db.execute("UPDATE core_case SET due_at = due_at + interval '30 days'")
    await post(compliance, "verify")
    await desk.work()
    shown = (await compliance.get(HERE)).text
    assert "Does not hold" in shown
    assert "A record was changed in the database without Ombud." in shown
    assert f"entry case/{filed.case_id}" in shown
    assert "due_at is" in shown


async def test_one_case_is_verified_at_once_and_an_unknown_one_is_refused_with_the_typed_text(desk):
    compliance = await desk.signed_in("compliance")
    filed, other = await desk.file("Fee."), await desk.file("Card.")
    good = await post(compliance, "verify-case", follow=True, reference=filed.reference)
    assert "The record of the case holds." in good.text
    assert f"Case {filed.reference}" in good.text
    await db.execute("UPDATE core_sealed SET ciphertext = set_byte(ciphertext, 3, get_byte(ciphertext, 3) # 1) "
                     "WHERE stream = $1", f"case/{other.case_id}")  # fmt: skip
    bad = await post(compliance, "verify-case", follow=True, reference=other.reference.lower())
    assert "does not hold" in bad.text
    assert "was damaged or replaced" in bad.text
    for wrong in ("OMB-00000-0", "  "):
        refused = await post(compliance, "verify-case", reference=wrong)
        assert refused.status_code == 422
    assert 'value="OMB-00000-0"' in (await post(compliance, "verify-case", reference="OMB-00000-0")).text


async def test_a_checkpoint_is_made_and_published_now_and_shown(desk):
    compliance = await desk.signed_in("compliance")
    await desk.file("Fee.")
    await post(compliance, "checkpoint")
    await desk.work()
    shown = (await compliance.get(HERE)).text
    root = await db.fetchval("SELECT root FROM core_checkpoint ORDER BY n DESC LIMIT 1")
    assert root.hex() in shown
    assert ">Published" in shown
    assert (await signing.public_key())[:16] in shown
    assert len(checkpoints.published(settings().ledger.publish_file)) >= 1
    settings().ledger.publish_file.write_text("rubbish\n")
    assert "restore the file from its copy" in (await compliance.get(HERE)).text


async def test_the_record_of_a_case_holds_elsewhere_and_taking_it_is_recorded(desk):
    compliance = await desk.signed_in("compliance")
    filed = await desk.file("The fee was taken twice.")
    got = await post(compliance, "export", reference=filed.reference)
    assert got.status_code == 200
    assert got.headers["content-disposition"] == f'attachment; filename="record-{filed.reference}.jsonl"'
    check = Check()
    check.read(io.BytesIO(got.content), await signing.public_key())
    assert "Helena Marsh" in [item["value"] for _, item in check.openings]
    kind = await db.fetchval("SELECT kind FROM core_ledger_entry WHERE stream = $1 ORDER BY seq DESC LIMIT 1",
                             f"case/{filed.case_id}")  # fmt: skip
    assert kind == "ledger.exported"
    assert b"ledger.exported" in got.content
    trail = (await (await desk.signed_in("leader")).get(f"/cases/{filed.reference}/history")).text
    assert "Compliance exported the record of this case" in trail
    assert (await post(compliance, "export", reference="OMB-00000-0")).status_code == 422


async def test_who_may_not_read_names_gets_a_record_without_them(desk):
    await db.execute("INSERT INTO core_role (key, label, permissions) VALUES ('auditor', 'Auditor', "
                     "'{ledger.read,case.read}')")  # fmt: skip
    auditor = await desk.signed_in("auditor")
    filed = await desk.file("The fee was taken twice.")
    got = await post(auditor, "export", reference=filed.reference)
    assert b"Helena Marsh" not in got.content
    assert b"The fee was taken twice." in got.content
    Check().read(io.BytesIO(got.content), await signing.public_key())


async def test_whoever_an_aspect_is_about_learns_nothing_of_the_case_from_the_ledger(desk):
    leader = await desk.viewer("leader")
    filed, other = await desk.file("He shouted at me."), await desk.file("Fee.")
    concerned = await desk.viewer("compliance")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await aspects.concern(leader, aspect, concerned.user_id)
    compliance = await desk.signed_in("compliance")
    entries = (await compliance.get(f"{HERE}/entries")).text
    assert f"case/{other.case_id}" in entries
    assert f"case/{filed.case_id}" not in entries
    for what in ("export", "verify-case"):
        refused = await post(compliance, what, reference=filed.reference)
        assert refused.status_code == 403
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'ledger.exported'") == 0


async def test_entries_are_found_by_case_kind_actor_and_day(desk):
    compliance, leader = await desk.signed_in("compliance"), await desk.viewer("leader")
    filed, other = await desk.file("Fee."), await desk.file("Card.")
    await cases.change(leader, filed.case_id, {"priority": "high"}, 1)

    async def look(**asked: str) -> str:
        return (await compliance.get(f"{HERE}/entries", params=asked)).text

    whole = await look()
    assert "Leader changed the case (priority: high)" in whole
    assert "added the role" in whole
    only = await look(case=filed.reference)
    assert f"case/{filed.case_id}" in only
    assert str(other.case_id) not in only
    changed = await look(kind="case.changed")
    assert changed.count('id="entry-') == 1
    assert "case.opened" not in await look(kind="user.")
    assert (await look(actor="lead")).count('id="entry-') == 1
    assert (await look(actor=leader.actor)).count('id="entry-') == 1
    assert "No entry fits" in await look(actor="nobody at all")
    today = now().date()
    assert 'id="entry-' in await look(since=str(today), until=str(today))
    assert "No entry fits" in await look(until=str(today - timedelta(days=3)))
    assert "No entry fits" in await look(stream="setting/deployment")
    for wrong in ({"since": "yesterday"}, {"until": "9999-01-01"}, {"case": "OMB-00000-0"}):
        refused = await compliance.get(f"{HERE}/entries", params=wrong)
        assert refused.status_code == 422
        assert next(iter(wrong.values())) in refused.text


async def test_pages_of_entries_follow_each_other_without_gaps_also_past_the_window(desk, monkeypatch):
    compliance = await desk.signed_in("compliance")
    for n in range(30):
        await desk.file(f"Matter {n}.")
    monkeypatch.setattr(ledger_search, "WINDOW", 25)
    seen, page, cut = [], f"{HERE}/entries?kind=case.opened", 0
    while page:
        text = (await compliance.get(page)).text
        seen += re.findall(r'id="entry-(\d+)"', text)
        cut += "Look further back" in text
        found = re.search(r'href="(/administration/ledger/entries\?[^"]*before=\d+)"', text)
        page = found.group(1).replace("&amp;", "&") if found else ""
    expected = await db.fetch("SELECT id FROM core_ledger_entry WHERE kind = 'case.opened' ORDER BY id DESC")
    assert seen == [str(row["id"]) for row in expected]
    assert cut >= 2


async def test_a_right_in_one_unit_shows_that_units_cases_and_nothing_of_the_whole_desk(desk):
    top = await db.fetchval("SELECT id FROM core_unit")
    below = new_id()
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) VALUES ($1, $2, 'brand', 'north', 'North', 'UTC', 'EUR', '', 'en', '', now(), 1)",
        below, top,
    )  # fmt: skip
    await desk.user("nora", "compliance", unit="north")
    here, there = await desk.file("Fee.", unit="north"), await desk.file("Card.")
    nora = await desk.signed_in("nora")
    entries = (await nora.get(f"{HERE}/entries")).text
    assert f"case/{here.case_id}" in entries
    assert f"case/{there.case_id}" not in entries
    assert "role.added" not in entries
    assert f"{HERE}/verify" + '"' not in (await nora.get(HERE)).text
    assert (await post(nora, "verify")).status_code == 403
    assert (await post(nora, "checkpoint")).status_code == 403
    assert (await post(nora, "export", reference=there.reference)).status_code == 422
    assert (await post(nora, "verify-case", reference=here.reference)).status_code == 303


async def test_the_ledger_is_for_who_may_read_it(desk):
    filed = await desk.file("Fee.")
    for name in ("agent", "administrator"):
        other = await desk.signed_in(name)
        for path in (HERE, f"{HERE}/entries"):
            assert (await other.get(path)).status_code == 403
        assert (await post(other, "export", reference=filed.reference)).status_code == 403
        assert (await post(other, "verify")).status_code == 403


async def test_erased_people_do_not_break_the_pages(desk):
    compliance = await desk.signed_in("compliance")
    filed = await desk.file("Fee.")
    await vault.destroy_subject("person/" + str(await db.fetchval("SELECT person_id FROM core_party")))
    good = await post(compliance, "verify-case", follow=True, reference=filed.reference)
    assert "The record of the case holds." in good.text
    assert " erased" in good.text


@pytest.mark.parametrize("days", [0, 400])
async def test_old_entries_are_found_by_their_day(desk, days):
    compliance = await desk.signed_in("compliance")
    then = now() - timedelta(days=days)
    with clock.at(then):
        filed = await desk.file("Fee.")
    found = (
        await compliance.get(f"{HERE}/entries", params={"since": str(then.date()), "until": str(then.date())})
    ).text
    assert f"case/{filed.case_id}" in found


async def test_the_page_says_whether_somebody_outside_stamped_the_checkpoints(desk):
    compliance = await desk.signed_in("compliance")
    assert "No time-stamping service is named" in (await compliance.get(HERE)).text
    line = {
        "type": "timestamp",
        "n": 1,
        "hash": "00" * 32,
        "at": "2026-11-26T10:00:00.000000Z",
        "url": "",
        "response": "",
    }
    path = timestamps.path_beside(settings().ledger.publish_file)
    path.write_text(json.dumps(line) + "\n")
    assert "Checkpoint 1 and all before it were time-stamped" in (await compliance.get(HERE)).text
    await post(compliance, "verify")
    await desk.work()
    shown = (await compliance.get(HERE)).text
    assert "Does not hold" in shown
    assert "names nobody who vouches for them" in shown
    path.write_text("rubbish\n")
    assert "restore the file from its copy" in (await compliance.get(HERE)).text
