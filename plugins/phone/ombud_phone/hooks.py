"""The door for telephony systems: what comes is stored and answered at once, and verified and read in work."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response, post

from ombud_phone import fetching, linking, recordings
from ombud_phone.calls import sql
from ombud_phone.given import Req
from ombud_phone.hook_events import CallEvent, Unreadable, read_event
from ombud_phone.numbers import e164
from ombud_phone.recordings import NotSound, Recording
from ombud_phone.settings import NONE, recordings_of
from ombud_phone.signatures import HEADERS, BadSignature, verify
from ombud_plugin_api import Context, Platform

JOB = "read-hook"
MOST_WAITING = 500  # requests of one unit that nobody has read yet
LARGEST = 70_000_000  # bytes: a recording in base64
KEEP_REFUSED = timedelta(days=7)


@post("/hook/{unit:str}", opt={"public": True}, status_code=204)
async def take(request: Req, unit: str, platform: Platform) -> Response[None]:
    """Stores the request byte for byte and has it read; says nothing of whether it was signed well."""
    unit = unit[:60]
    if (await platform.settings(unit))["hook_scheme"] == NONE:
        return Response(None, status_code=404)
    body = await request.body()
    if len(body) > LARGEST:
        return Response(None, status_code=413)
    headers = {name: request.headers[name][:500] for name in HEADERS if name in request.headers}
    identity = _identity(unit, headers, body)
    if await sql("SELECT id FROM phone_hook WHERE id = {}", identity):
        return Response(None, status_code=204)
    held = await sql("SELECT count(*) AS n FROM phone_hook WHERE unit = {} AND state = 'waiting'", unit)
    if held[0]["n"] >= MOST_WAITING:
        return Response(None, status_code=503, headers={"retry-after": "60"})
    await _store(platform, identity, unit, str(request.url), headers, body)
    return Response(None, status_code=204)


def _identity(unit: str, headers: Mapping[str, str], body: bytes) -> str:
    signed = "\n".join(f"{name}:{headers[name]}" for name in sorted(headers))
    return hashlib.sha256(f"{unit}\n{signed}\n".encode() + body).hexdigest()


async def _store(
    platform: Platform, identity: str, unit: str, url: str, headers: Mapping[str, str], body: bytes
) -> None:
    """The bytes first; two that come at once leave one row, and the bytes of the other go."""
    file_id = await platform.keep_file(body)
    rows = await sql(
        "INSERT INTO phone_hook (id, unit, url, headers, file_id, received_at) VALUES ({}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (id) DO NOTHING RETURNING id",
        identity, unit, url[:2000], dict(headers), file_id, datetime.now(UTC),
    )  # fmt: skip
    if not rows:
        await platform.drop_file(file_id)
        return
    await platform.start_job(JOB, {"hook": identity}, key=identity)


async def read(payload: Mapping[str, Any], context: Context) -> None:
    """The job: verifies, reads, keeps; then the bytes of the request go. Safe to run twice and to stop anywhere."""
    rows = await sql("SELECT * FROM phone_hook WHERE id = {} AND state = 'waiting'", str(payload.get("hook", "")))
    if not rows or rows[0]["file_id"] is None:
        return
    hook, platform = rows[0], context.platform
    chosen, body = await platform.settings(hook["unit"]), await platform.kept_file(hook["file_id"])
    try:
        verify(
            chosen["hook_scheme"], chosen["hook_secret"] or "", hook["headers"], body, _address(chosen, hook["url"]),
            hook["received_at"].timestamp(), chosen["hook_tolerance"],
        )  # fmt: skip
        event = read_event(hook["headers"].get("content-type", ""), body)
        await _apply(platform, hook, chosen, event)
    except (BadSignature, Unreadable, NotSound, fetching.NotFetched) as refusal:
        await sql("UPDATE phone_hook SET state = 'refused', reason = {} WHERE id = {}", str(refusal)[:300], hook["id"])
        return
    await sql(
        "UPDATE phone_hook SET state = 'read', headers = {}, url = '', file_id = NULL WHERE id = {}", {}, hook["id"]
    )
    await platform.drop_file(hook["file_id"])


def _address(chosen: Mapping[str, Any], url: str) -> str:
    """As the telephony system signed it: with the query that came, if it is set without one."""
    known = str(chosen["hook_address"] or "")
    query = url.partition("?")[2]
    return (f"{known}?{query}" if query and "?" not in known else known) or url


async def _apply(platform: Platform, hook: Mapping[str, Any], chosen: Mapping[str, Any], event: CallEvent) -> None:
    number, at = e164(event.number, chosen["country"] or ""), event.at or hook["received_at"]
    identity = await recordings.announce(hook["unit"], event.call, number, at)
    recording = await recordings.get(identity)
    if recording is None:
        return
    if event.event in {"paused", "resumed"}:
        await recordings.set_pauses(identity, paused(recording.pauses, event.event, at))
    if event.event == "recording":
        await _keep(platform, chosen, event, recording)


def paused(pauses: list[list[str]], event: str, at: datetime) -> list[list[str]]:
    """With one more beginning or end; the same event again changes nothing. Pure."""
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    is_open = bool(pauses) and not pauses[-1][1]
    if event == "paused" and not is_open and all(begin != moment for begin, _ in pauses):
        return [*pauses, [moment, ""]]
    if event == "resumed" and is_open:
        return [*pauses[:-1], [pauses[-1][0], moment]]
    return pauses


async def _keep(platform: Platform, chosen: Mapping[str, Any], event: CallEvent, recording: Recording) -> None:
    rules = recordings_of(chosen)
    data = event.data
    if rules.wanted and not data:
        data = await fetching.fetch(event.url, chosen)
    kept = await recordings.keep(platform, recording.id, data, rules, event.seconds)
    if kept is None:
        kept = await recordings.get(recording.id)  # a run before this one kept it, and died
    if kept is None or kept.file_id is None:
        return
    if kept.case_id is not None:
        if await recordings.settle(kept.id):
            await linking.tell(platform, kept, kept.case_id)
        return
    found = await linking.find_case(kept)
    if found is not None:
        await linking.attach(platform, kept, *found)


async def drop_old(platform: Platform, moment: datetime) -> None:
    """Requests that were read leave their digest for a day, so that a repetition is known; refused ones stay a week."""
    rows = await sql(
        "SELECT id, file_id FROM phone_hook WHERE (state = 'read' AND received_at < {}) "
        "OR (state <> 'read' AND received_at < {}) LIMIT 500",
        moment - timedelta(days=1), moment - KEEP_REFUSED,
    )  # fmt: skip
    for row in rows:
        if row["file_id"] is not None:
            await platform.drop_file(row["file_id"])
        await sql("DELETE FROM phone_hook WHERE id = {}", row["id"])
