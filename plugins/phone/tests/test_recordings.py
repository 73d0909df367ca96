"""Recordings: signed or refused, kept with a legal basis alone, heard by few and written down, gone in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.desk import aspects
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust import plugin_data
from ombud.trust.policy import SYSTEM
from ombud_phone import fetching, hooks, recordings, sweeping


async def _kept() -> Any:
    return await db.fetchrow("SELECT * FROM phone_recording ORDER BY started_at LIMIT 1")


async def _files() -> int:
    return int(await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/phone'"))


async def _told(kind: str) -> int:
    return int(await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = $1", kind))


async def _sweep(calls: Any) -> None:
    from ombud.desk.platform import context_in
    from ombud.trust.policy import Viewer

    await sweeping.sweep({}, await context_in("phone", Viewer(actor="plugin/phone")))


async def test_a_signed_recording_joins_the_case_of_its_call_by_number(calls: Any, wav: bytes) -> None:
    reference = await calls.filed()
    answer = await calls.hook(calls.recording("c-1"))
    assert answer.status_code == 204
    assert await _kept() is None, "it is answered before anything is looked at"
    await calls.desk.work()
    row = await _kept()
    assert (row["state"], row["reference"], row["basis"], row["seconds"]) == ("kept", reference, "consent", 61)
    assert row["keep_until"] - row["started_at"] == timedelta(days=30)
    assert await _told("phone.recording_kept") == 1
    assert await _files() == 1, "the request's bytes are gone"
    leader = await calls.desk.signed_in("leader")
    assert (await leader.get(f"/p/phone/recordings/{row['id']}/sound")).content == wav


async def test_by_the_systems_name_for_the_call_before_and_after_the_case(calls: Any) -> None:
    await calls.hook(calls.recording("c-9", number=""))
    await calls.desk.work()
    assert (await _kept())["state"] == "waiting"
    reference = await calls.filed(system_call="c-9", number="")
    row = await _kept()
    assert (row["state"], row["reference"]) == ("kept", reference)
    await calls.filed(number="")
    assert await db.fetchval("SELECT count(*) FROM phone_recording WHERE reference <> ''") == 1


async def test_of_two_calls_of_one_number_nobody_guesses(calls: Any) -> None:
    await calls.filed()
    await calls.filed()
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    assert (await _kept())["case_id"] is None


@pytest.mark.parametrize("how", ["other secret", "too late", "no event", "no sound"])
async def test_what_is_not_signed_or_no_recording_is_refused_with_the_reason(calls: Any, how: str) -> None:
    body = calls.recording("c-1")
    match how:
        case "other secret":
            await calls.hook(body, secret="guessed")
        case "too late":
            await calls.hook(body, at=datetime.now(UTC) - timedelta(minutes=10))
        case "no event":
            await calls.hook({"event": "party"})
        case "no sound":
            await calls.hook({**body, "recording": "PHNjcmlwdD4="})
    await calls.desk.work()
    row = await db.fetchrow("SELECT state, reason FROM phone_hook")
    assert row["state"] == "refused"
    assert row["reason"]
    assert await db.fetchval("SELECT count(*) FROM phone_recording WHERE file_id IS NOT NULL") == 0
    assert await db.fetchval("SELECT count(*) FROM core_fault") == 0


async def test_the_same_request_twice_and_a_recording_twice_is_one(calls: Any) -> None:
    await calls.filed()
    at = datetime.now(UTC)
    for _ in range(2):
        assert (await calls.hook(calls.recording("c-1"), at=at)).status_code == 204
    await calls.hook(calls.recording("c-1"), at=at - timedelta(seconds=2))
    await calls.desk.work()
    await calls.hook(calls.recording("c-1"), at=at)
    await calls.desk.work()
    assert await db.fetchval("SELECT count(*) FROM phone_recording") == 1
    assert await _told("phone.recording_kept") == 1
    assert await _files() == 1


async def test_a_run_that_was_killed_on_its_way_is_finished_by_the_next(calls: Any, monkeypatch: Any) -> None:
    await calls.filed()
    await calls.hook(calls.recording("c-1"))
    kept, died = recordings.attach, []

    async def dies(*args: Any) -> bool:
        if not died:
            died.append(args)
            raise ConnectionError("the process dies on purpose")
        return await kept(*args)

    monkeypatch.setattr(recordings, "attach", dies)
    await calls.desk.work()
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    await calls.desk.work()
    assert died
    row = await _kept()
    assert row["state"] == "kept"
    assert await _files() == 1
    assert await _told("phone.recording_kept") == 1


async def test_a_unit_that_has_no_telephony_system_has_no_door(calls: Any, choose: Any) -> None:
    assert (await calls.hook(calls.recording("c-1"), unit="nowhere")).status_code == 204, (
        "the whole desk's settings hold"
    )
    await choose(hook_scheme="none")
    assert (await calls.hook(calls.recording("c-2"))).status_code == 404
    assert await db.fetchval("SELECT count(*) FROM phone_hook") == 1


async def test_a_flood_is_put_off(calls: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(hooks, "MOST_WAITING", 2)
    seen = [(await calls.hook(calls.recording(f"c-{number}"))).status_code for number in range(3)]
    assert seen == [204, 204, 503]
    await calls.desk.work()
    assert (await calls.hook(calls.recording("c-3"))).status_code == 204


async def test_who_is_signed_in_is_nobody_at_that_door(calls: Any) -> None:
    answer = await calls.agent.http.post("/p/phone/hook/main", content=b"{}")
    assert answer.status_code == 204
    form = await calls.agent.http.post("/p/phone/calls", data={"number": "1"})
    assert form.status_code == 403, "everywhere else a form needs its field"


async def test_without_a_legal_basis_no_recording_is_kept(calls: Any, choose: Any, wav: bytes) -> None:
    reference = await calls.filed()
    await choose(recording_basis="none")
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    row = await _kept()
    assert (row["state"], row["file_id"], row["number"]) == ("refused", None, "")
    assert await _files() == 0
    answer = await calls.agent.submit(
        "/p/phone/upload", {"reference": reference, "key": "1"}, files={"recording": ("a.wav", wav, "audio/wav")}
    )
    assert answer.status_code == 422
    assert "no legal basis" in answer.text


async def test_a_file_is_attached_by_whoever_may_write_to_the_case(calls: Any, wav: bytes) -> None:
    reference = await calls.filed()
    form = (await calls.agent.get("/p/phone/upload")).text.split('action="/p/phone/upload"')[1]
    key = form.split('name="key" value="')[1].split('"')[0]
    for _ in range(2):
        answer = await calls.agent.submit(
            "/p/phone/upload", {"reference": reference, "key": key}, files={"recording": ("a.wav", wav, "audio/wav")}
        )
        assert answer.headers["location"] == f"/cases/{reference}"
    assert await db.fetchval("SELECT count(*) FROM phone_recording WHERE state = 'kept'") == 1
    assert "Recordings" not in (await calls.agent.get("/p/phone/calls")).text.split("<main")[0].split('class="rail"')[0]
    wrong = await calls.agent.submit(
        "/p/phone/upload", {"reference": reference, "key": "2"}, files={"recording": ("a.wav", b"<html>", "audio/wav")}
    )
    assert "This file is no recording." in wrong.text
    hidden = await calls.desk.file(confidential=True)
    refused = await calls.agent.submit(
        "/p/phone/upload", {"reference": hidden.reference, "key": "3"}, files={"recording": ("a.wav", wav, "audio/wav")}
    )
    assert refused.status_code == 422
    assert await db.fetchval("SELECT count(*) FROM phone_recording") == 1


async def test_listening_needs_the_permission_and_is_written_down_first(calls: Any, wav: bytes) -> None:
    reference = await calls.filed()
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    page = f"/p/phone/recordings/{(await _kept())['id']}"
    assert (await calls.agent.get(page)).status_code == 403
    assert (await calls.agent.get(f"{page}/sound")).status_code == 403
    assert (await calls.desk.browser().get(f"{page}/sound")).status_code in {303, 401}
    leader = await calls.desk.signed_in("leader")
    assert "Consent of the caller" in (await leader.get(page)).text
    assert await _told("phone.listened") == 0, "looking is not listening"
    whole = await leader.get(f"{page}/sound")
    assert (whole.status_code, whole.headers["content-type"], whole.headers["cache-control"]) == (
        200,
        "audio/wav",
        "no-store",
    )
    part = await leader.get(f"{page}/sound", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, wav[4:8])
    row = await db.fetchrow("SELECT actor, body FROM core_ledger_entry WHERE kind = 'phone.listened'")
    assert row["actor"].startswith("user/")
    assert await _told("phone.listened") == 1
    assert "media-src 'self'" in (await leader.get(page)).headers["content-security-policy"]
    assert page in (await leader.get(f"/cases/{reference}")).text


async def test_a_recording_of_what_is_hidden_is_heard_by_nobody_it_is_hidden_from(calls: Any) -> None:
    await calls.filed()
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    row, leader = await _kept(), await calls.desk.signed_in("leader")
    viewer = await calls.desk.viewer("leader")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", row["case_id"])
    await aspects.concern(SYSTEM, aspect, viewer.user_id)
    for path in (f"/p/phone/recordings/{row['id']}", f"/p/phone/recordings/{row['id']}/sound"):
        assert (await leader.get(path)).status_code == 404
    assert str(row["id"]) not in (await leader.get("/p/phone/recordings")).text
    assert str(row["id"]) not in (await leader.get(f"/cases/{row['reference']}")).text
    await aspects.concern(SYSTEM, aspect, None)
    await db.execute("UPDATE core_case SET confidential = TRUE")
    assert (await leader.get(f"/p/phone/recordings/{row['id']}")).status_code == 404
    assert await _told("phone.listened") == 0


async def test_one_that_waits_is_heard_by_nobody_and_attached_by_a_person(calls: Any) -> None:
    await calls.hook(calls.recording("c-1", number="+442079460077"))
    await calls.desk.work()
    row, leader = await _kept(), await calls.desk.signed_in("leader")
    page = f"/p/phone/recordings/{row['id']}"
    assert (await leader.get(f"{page}/sound")).status_code == 404
    assert "+44 20 7946 0077" in (await leader.get("/p/phone/recordings")).text
    wrong = await leader.submit(page, {"reference": "OMB-00000-0"}, page="/p/phone/recordings")
    assert wrong.status_code == 422
    filed = await calls.desk.file()
    assert (await leader.submit(page, {"reference": filed.reference}, page="/p/phone/recordings")).status_code == 303
    assert (await _kept())["state"] == "kept"
    assert (await leader.get(f"{page}/sound")).status_code == 200


async def test_pauses_of_the_agent_and_of_the_system_stand_with_the_recording(calls: Any) -> None:
    call = await calls.begin(system_call="c-5")
    await calls.type(call, "pause", name="Ann", matter="A fee.")
    await calls.type(call, "continue")
    await calls.file(call)
    for event, at in (("paused", "2026-11-26T09:00:00Z"), ("resumed", "2026-11-26T09:00:40Z")):
        await calls.hook({"event": event, "call": "c-5", "at": at})
        await calls.desk.work()
    await calls.hook(calls.recording("c-5"))
    await calls.desk.work()
    row = await _kept()
    assert len(row["pauses"]) == 2
    assert all(begin and end for begin, end in row["pauses"])
    leader = await calls.desk.signed_in("leader")
    assert "09:00:00–09:00:40 UTC" in (await leader.get(f"/p/phone/recordings/{row['id']}")).text


async def test_when_its_time_is_over_the_bytes_go_and_the_history_says_so(calls: Any) -> None:
    reference = await calls.filed()
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    row = await _kept()
    await _sweep(calls)
    assert (await _kept())["file_id"] is not None
    await db.execute("UPDATE phone_recording SET keep_until = now() - interval '1 minute'")
    await _sweep(calls)
    await _sweep(calls)
    gone = await _kept()
    assert (gone["state"], gone["file_id"], gone["number"]) == ("dropped", None, "")
    assert await _files() == 0
    assert await _told("phone.recording_dropped") == 1
    leader = await calls.desk.signed_in("leader")
    assert (await leader.get(f"/p/phone/recordings/{row['id']}/sound")).status_code == 404
    assert "Destroyed when its time was over" in (await leader.get(f"/p/phone/recordings/{row['id']}")).text
    assert "destroyed" in (await leader.get(f"/cases/{reference}")).text


async def test_one_that_found_no_case_goes_after_two_weeks_and_drafts_and_requests_in_their_time(calls: Any) -> None:
    await calls.hook(calls.recording("c-1"))
    await calls.hook({"event": "party"})
    await calls.desk.work()
    await calls.begin()
    await db.execute("UPDATE phone_recording SET started_at = started_at - interval '15 days'")
    await db.execute("UPDATE phone_call SET updated_at = updated_at - interval '15 days'")
    await db.execute("UPDATE phone_hook SET received_at = received_at - interval '8 days'")
    await _sweep(calls)
    for table in ("phone_recording", "phone_call", "phone_hook"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await _files() == 0


async def test_the_person_goes_and_the_recording_with_them_also_without_the_plugin(calls: Any) -> None:
    await calls.filed()
    await calls.hook(calls.recording("c-1"))
    await calls.desk.work()
    person = await db.fetchval("SELECT person_id FROM core_party LIMIT 1")
    await calls.desk.disable("phone")
    assert "phone" not in running.loaded
    await plugin_data.erase(SYSTEM, person)
    assert await _files() == 0
    assert await db.fetchval("SELECT count(*) FROM phone_recording") == 0
    assert await db.fetchval("SELECT count(*) FROM phone_call") == 0


async def test_a_recording_that_lies_elsewhere_is_fetched_from_listed_hosts(
    calls: Any, monkeypatch: Any, wav: bytes
) -> None:
    asked: list[str] = []

    async def fetch(url: str, chosen: Any) -> bytes:
        asked.append(url)
        return wav

    reference = await calls.filed()
    body = {"event": "recording", "call": "c-1", "from": "+442079460018", "url": "https://evil.example/a.wav"}
    await calls.hook(body)
    await calls.desk.work()
    assert "not among those" in await db.fetchval("SELECT reason FROM phone_hook")
    monkeypatch.setattr(fetching, "fetch", fetch)
    await calls.hook({**body, "call": "c-2", "url": "https://api.twilio.com/a.wav"})
    await calls.desk.work()
    assert asked == ["https://api.twilio.com/a.wav"]
    assert await db.fetchval("SELECT reference FROM phone_recording WHERE state = 'kept'") == reference


async def test_what_found_no_case_is_handed_out_and_destroyed_by_number_and_address(desk: Any, calls: Any) -> None:
    from ombud.desk.platform import context_in
    from ombud.trust.policy import SYSTEM
    from ombud_phone import unplaced
    from ombud_plugin_api import PersonSought

    assert (await calls.hook(calls.recording("lost", number="+447700900461"))).status_code == 204
    assert (await calls.hook(calls.recording("other", number="+447700900999"))).status_code == 204
    forged = await calls.hook(calls.recording("forged", number="07700 900461"), secret="of somebody else")
    assert forged.status_code == 204
    begun = await calls.begin("07700 900461")
    await calls.type(begun, "check", name="Helena Marsh", matter="The fee was taken twice.")
    await desk.work()
    context = await context_in("phone", SYSTEM)
    sought = PersonSought("1", "Helena Marsh", (), ("+44 7700 900 461",))
    found = await unplaced.collect(sought, context)
    assert sorted(each["what"] for each in found) == ["call", "recording", "request of the telephony system"]
    assert "The fee was taken twice." in str(found)
    assert await unplaced.collect(PersonSought("2", "Helena Marsh", ("helena@example.org",)), context) == []
    assert await unplaced.erase(sought, context) == 3
    assert await unplaced.erase(sought, context) == 0
    assert await db.fetchval("SELECT count(*) FROM phone_recording") == 1, "another caller's stays"
    assert await db.fetchval("SELECT count(*) FROM phone_call") == 0
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/phone'") == 1
