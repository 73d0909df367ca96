"""Recordings: kept with a legal basis alone, in the vault, for as long as was chosen, and then gone for good."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from ombud_phone.calls import sql
from ombud_phone.settings import Recordings
from ombud_plugin_api import Platform

UNPLACED = timedelta(days=14)  # how long one that found no case is kept
LARGEST = 50_000_000  # bytes


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A row of phone_recording."""

    id: UUID
    unit: str
    system_call: str
    number: str
    case_id: UUID | None
    reference: str
    state: str
    basis: str
    file_id: UUID | None
    content_type: str
    size: int
    seconds: int
    pauses: list[list[str]]
    started_at: datetime
    kept_at: datetime | None
    keep_until: datetime | None
    dropped_at: datetime | None


class NotSound(ValueError):
    """The bytes are no recording that a browser plays."""


# How the formats that browsers play begin, and where.
_SOUNDS = (
    (0, b"ID3", "audio/mpeg"), (0, b"\xff\xfb", "audio/mpeg"), (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"), (0, b"OggS", "audio/ogg"), (0, b"fLaC", "audio/flac"), (4, b"ftyp", "audio/mp4"),
    (0, b"\x1aE\xdf\xa3", "audio/webm"), (8, b"WAVE", "audio/wav"),
)  # fmt: skip


def sound_type(data: bytes) -> str:
    """The type by the bytes, whatever the sender calls it; raises NotSound."""
    for place, begins, kind in _SOUNDS:
        if data[place : place + len(begins)] == begins and (kind != "audio/wav" or data[:4] == b"RIFF"):
            return kind
    raise NotSound("This is no recording: it begins as neither MP3, WAV, Ogg, FLAC, MP4 nor WebM sound does.")


async def get(identity: UUID) -> Recording | None:
    rows = await sql("SELECT * FROM phone_recording WHERE id = {}", identity)
    return _recording(rows[0]) if rows else None


async def of_call(unit: str, system_call: str) -> Recording | None:
    rows = await sql("SELECT * FROM phone_recording WHERE unit = {} AND system_call = {}", unit, system_call)
    return _recording(rows[0]) if rows else None


async def of_case(case_id: UUID) -> list[Recording]:
    rows = await sql(
        "SELECT * FROM phone_recording WHERE case_id = {} AND state IN ('kept', 'dropped') ORDER BY started_at", case_id
    )
    return [_recording(row) for row in rows]


async def newest(state: str, limit: int = 100) -> list[Recording]:
    rows = await sql(
        "SELECT * FROM phone_recording WHERE state = {} ORDER BY started_at DESC, id LIMIT {}", state, limit
    )
    return [_recording(row) for row in rows]


async def announce(
    unit: str, system_call: str, number: str, started_at: datetime, pauses: Sequence[Sequence[str]] = ()
) -> UUID:
    """What is known before the bytes come; what is known already is added to."""
    rows = await sql(
        "INSERT INTO phone_recording AS old (id, unit, system_call, number, started_at, pauses) "
        "VALUES ({}, {}, {}, {}, {}, {}) ON CONFLICT (unit, system_call) WHERE system_call <> '' DO UPDATE "
        "SET number = CASE WHEN old.number = '' THEN excluded.number ELSE old.number END, "
        "pauses = old.pauses || excluded.pauses RETURNING id",
        uuid4(), unit, system_call, number, started_at, [list(each) for each in pauses],
    )  # fmt: skip
    return UUID(str(rows[0]["id"]))


async def set_pauses(identity: UUID, pauses: Sequence[Sequence[str]]) -> None:
    await sql("UPDATE phone_recording SET pauses = {} WHERE id = {}", [list(each) for each in pauses], identity)


async def keep(
    platform: Platform, identity: UUID, data: bytes, rules: Recordings, seconds: int = 0
) -> Recording | None:
    """Puts the bytes of an announced recording into the vault; without a legal basis they go, and it is written down
    that one came. None where it has its bytes already. Raises NotSound."""
    moment = datetime.now(UTC)
    if not rules.wanted:
        await sql(
            "UPDATE phone_recording SET state = 'refused', number = '' WHERE id = {} AND file_id IS NULL", identity
        )
        return None
    kind = sound_type(data)
    file_id = await platform.keep_file(data)
    rows = await sql(
        "UPDATE phone_recording SET state = 'waiting', basis = {}, file_id = {}, content_type = {}, size = {}, "
        "seconds = {}, kept_at = {}, keep_until = started_at + {} WHERE id = {} AND file_id IS NULL "
        "AND state IN ('announced', 'refused') RETURNING *",
        rules.basis, file_id, kind, len(data), seconds, moment, rules.keep_for, identity,
    )  # fmt: skip
    if not rows:
        await platform.drop_file(file_id)
        return None
    return _recording(rows[0])


async def waiting(number: str, system_call: str, around: datetime, window: timedelta) -> list[Recording]:
    """Those without a case that belong to this call."""
    rows = await sql(
        "SELECT * FROM phone_recording WHERE case_id IS NULL AND state IN ('waiting', 'announced') AND "
        "((system_call <> '' AND system_call = {}) OR (number <> '' AND number = {} AND started_at BETWEEN {} AND {}))",
        system_call, number, around - window, around + window,
    )  # fmt: skip
    return [_recording(row) for row in rows]


async def attach(identity: UUID, case_id: UUID, reference: str) -> bool:
    """Ties it to its case; True where it can be listened to there from now on."""
    rows = await sql(
        "UPDATE phone_recording SET case_id = {}, reference = {}, "
        "state = CASE WHEN file_id IS NULL THEN state ELSE 'kept' END "
        "WHERE id = {} AND case_id IS NULL RETURNING file_id",
        case_id, reference, identity,
    )  # fmt: skip
    return bool(rows) and rows[0]["file_id"] is not None


async def settle(identity: UUID) -> bool:
    """One whose case was known before its bytes came; True where it can be listened to from now on."""
    rows = await sql(
        "UPDATE phone_recording SET state = 'kept' WHERE id = {} AND state = 'waiting' AND case_id IS NOT NULL "
        "RETURNING id",
        identity,
    )
    return bool(rows)


async def due(moment: datetime) -> list[Recording]:
    """Those whose time is over, and those that found no case in time."""
    rows = await sql(
        "SELECT * FROM phone_recording WHERE (file_id IS NOT NULL AND keep_until < {}) "
        "OR (case_id IS NULL AND state IN ('waiting', 'announced', 'refused') AND started_at < {}) "
        "ORDER BY started_at LIMIT 200",
        moment, moment - UNPLACED,
    )  # fmt: skip
    return [_recording(row) for row in rows]


async def drop(platform: Platform, recording: Recording, moment: datetime) -> None:
    """Destroys the bytes, forgets number and call, and says so in the case's history. One that found no case goes
    whole. In an order in which a fault on the way lets the next run finish it."""
    if recording.case_id is not None and recording.file_id is not None:
        body: dict[str, Any] = {"recording": str(recording.id), "reason": "retention"}
        await platform.record(recording.case_id, "phone.recording_dropped", body)
    if recording.file_id is not None:
        await platform.drop_file(recording.file_id)
    if recording.case_id is None:
        await sql("DELETE FROM phone_recording WHERE id = {}", recording.id)
        return
    await sql(
        "UPDATE phone_recording SET state = 'dropped', file_id = NULL, number = '', system_call = '', pauses = '[]', "
        "dropped_at = {} WHERE id = {}",
        moment, recording.id,
    )  # fmt: skip


def _recording(row: dict[str, Any]) -> Recording:
    return Recording(**{name: row[name] for name in Recording.__struct_fields__})
