"""What leads to nobody's case: calls that are still being written down, recordings that found no case, and requests of
the telephony system that nobody read. A caller is known there by number, or by the address that was typed."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ombud_phone import recordings
from ombud_phone.calls import Typed, sql
from ombud_phone.hook_events import Unreadable, read_event
from ombud_plugin_api import Context, PersonalData, PersonSought, Platform, Refused

LABEL = "Calls and recordings without a case"
NUMBERS = re.compile(r"\+?\d[\d\s().-]{7,}\d")


def personal_data() -> list[PersonalData]:
    return [PersonalData(LABEL, collect, erase)]


async def collect(person: PersonSought, context: Context) -> list[Mapping[str, Any]]:
    """Drafts with all their words, recordings with their sound, and unread requests as they came."""
    platform = context.platform
    found: list[Mapping[str, Any]] = []
    for row, typed in await _calls(person):
        said = {name: value for name, value in msgspec.to_builtins(typed).items() if value}
        found.append({"what": "call", **said, "began": row["started_at"]})
    for row in await _recordings(person):
        sound = await _bytes(platform, row["file_id"])
        found.append({"what": "recording", "number": row["number"], "began": row["started_at"],
                      "seconds": row["seconds"], "sound_base64": base64.b64encode(sound).decode()})  # fmt: skip
    for row, data in await _hooks(person, platform):
        found.append({"what": "request of the telephony system", "received_at": row["received_at"],
                      "as_it_came": data.decode("utf-8", "replace")})  # fmt: skip
    return found


async def erase(person: PersonSought, context: Context) -> int:
    """Destroys them, with their sound."""
    platform = context.platform
    calls, sounds, hooks = await _calls(person), await _recordings(person), await _hooks(person, platform)
    for call, _ in calls:
        await sql("DELETE FROM phone_call WHERE id = {} AND case_id IS NULL", call["id"])
    moment = datetime.now(UTC)
    for row in sounds:
        recording = await recordings.get(row["id"])
        if recording is not None and recording.case_id is None:
            await recordings.drop(platform, recording, moment)
    for hook, _ in hooks:
        if hook["file_id"] is not None:
            await platform.drop_file(hook["file_id"])
        await sql("DELETE FROM phone_hook WHERE id = {}", hook["id"])
    return len(calls) + len(sounds) + len(hooks)


async def _calls(person: PersonSought) -> list[tuple[Mapping[str, Any], Typed]]:
    rows = await sql(
        "SELECT id, body, number, started_at FROM phone_call WHERE case_id IS NULL ORDER BY started_at, id"
    )
    emails, numbers = known_by(person)
    found: list[tuple[Mapping[str, Any], Typed]] = []
    for row in rows:
        body = row["body"]
        typed = msgspec.json.decode(body, type=Typed) if isinstance(body, str) else msgspec.convert(body, Typed)
        said = {digits(each) for each in (row["number"], typed.number, typed.rep_number)}
        if typed.email.strip().lower() in emails or said & numbers:
            found.append((row, typed))
    return found


async def _recordings(person: PersonSought) -> list[Mapping[str, Any]]:
    _, numbers = known_by(person)
    rows = await sql(
        "SELECT id, number, started_at, seconds, file_id FROM phone_recording WHERE case_id IS NULL AND number <> '' "
        "ORDER BY started_at, id"
    )
    return [row for row in rows if digits(row["number"]) in numbers]


async def _hooks(person: PersonSought, platform: Platform) -> list[tuple[Mapping[str, Any], bytes]]:
    """Those that still hold what came: nobody read them yet, or they were refused."""
    _, numbers = known_by(person)
    found: list[tuple[Mapping[str, Any], bytes]] = []
    if not numbers:
        return found
    rows = await sql(
        "SELECT id, headers, file_id, received_at FROM phone_hook WHERE file_id IS NOT NULL ORDER BY received_at, id"
    )
    for row in rows:
        data = await _bytes(platform, row["file_id"])
        if numbers & set(_numbers_in(row["headers"], data)):
            found.append((row, data))
    return found


async def _bytes(platform: Platform, file_id: Any) -> bytes:
    """Empty where the file went meanwhile."""
    try:
        return await platform.kept_file(file_id) if file_id is not None else b""
    except Refused:
        return b""


def _numbers_in(headers: Any, data: bytes) -> Iterator[str]:
    told = msgspec.json.decode(headers) if isinstance(headers, str) else headers
    try:
        yield digits(read_event(str(told.get("content-type", "")), data).number)
    except Unreadable:
        yield from (digits(each) for each in NUMBERS.findall(data.decode("utf-8", "replace")))


def known_by(person: PersonSought) -> tuple[set[str], set[str]]:
    """Addresses and numbers, as they are compared: whole, never in part; a name alone is somebody else's as well."""
    emails = {each.strip().lower() for each in person.emails} - {""}
    return emails, {digits(each) for each in person.phones} - {""}


def digits(number: str) -> str:
    """The last nine; empty for a number too short to be anybody's alone."""
    found = "".join(each for each in number if each.isdigit())
    return found[-9:] if len(found) >= 9 else ""
