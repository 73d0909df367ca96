"""Calls that are being written down: what was typed, kept on the server with each press of a button."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec

from ombud_phone.tables import PhoneCall

CHANNELS = ("phone", "in_person")
MOST_MATTERS, LONGEST = 20, 20_000
LINES = {
    "name": 200, "email": 200, "number": 50, "postcode": 20, "summary": 200, "system_call": 100, "unit": 60,
    "case_type": 60, "rep_name": 200, "rep_number": 50, "rep_until": 10, "known": 60,
}  # fmt: skip
TEXTS = ("wish", "rep_authority")


class Typed(msgspec.Struct, kw_only=True):
    """What stands in the fields. `name`, `email`, `number` and `postcode` are the complainant's; where somebody speaks
    for them, `rep_…` are the caller's. `answers`: by the question's key; `pauses`: from and to, in ISO 8601, the last
    one open while it is paused."""

    unit: str = ""
    case_type: str = "complaint"
    name: str = ""
    email: str = ""
    number: str = ""
    postcode: str = ""
    summary: str = ""
    matters: list[str] = []
    answers: dict[str, str] = {}
    wish: str = ""
    represented: bool = False
    rep_name: str = ""
    rep_number: str = ""
    rep_authority: str = ""
    rep_until: str = ""
    told_of_recording: bool = False
    system_call: str = ""
    pauses: list[list[str]] = []

    @property
    def paused(self) -> bool:
        return bool(self.pauses) and not self.pauses[-1][1]

    @property
    def caller_number(self) -> str:
        return self.rep_number if self.represented and self.rep_number else self.number

    @property
    def said(self) -> list[str]:
        return [each for each in self.matters if each.strip()]


class Call(msgspec.Struct, kw_only=True):
    """A row of phone_call."""

    id: UUID
    agent: UUID
    agent_name: str
    channel: str
    state: str
    number: str
    system_call: str
    unit: str
    body: Typed
    case_id: UUID | None
    reference: str
    started_at: datetime
    updated_at: datetime


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await PhoneCall.raw(statement, *values).run())


async def begin(identity: UUID, agent: UUID, agent_name: str, channel: str, typed: Typed) -> None:
    """The same id again begins nothing new."""
    moment = datetime.now(UTC)
    await sql(
        "INSERT INTO phone_call (id, agent, agent_name, channel, number, system_call, unit, body, started_at, "
        "updated_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (id) DO NOTHING",
        identity, agent, agent_name[:200], channel, typed.caller_number, typed.system_call, typed.unit, plain(typed),
        moment, moment,
    )  # fmt: skip


async def mine(identity: UUID, agent: UUID | None) -> Call | None:
    """Somebody's own call; another's is not there for them."""
    rows = await sql("SELECT * FROM phone_call WHERE id = {} AND agent = {}", identity, agent)
    return _call(rows[0]) if rows else None


async def open_of(agent: UUID | None) -> list[Call]:
    """Somebody's unfinished calls, the newest first."""
    rows = await sql(
        "SELECT * FROM phone_call WHERE agent = {} AND state = 'draft' ORDER BY updated_at DESC LIMIT 50", agent
    )
    return [_call(row) for row in rows]


async def keep(call: Call) -> bool:
    """Writes what was typed; False where the call is no draft any more."""
    rows = await sql(
        "UPDATE phone_call SET body = {}, number = {}, system_call = {}, unit = {}, updated_at = {} "
        "WHERE id = {} AND state = 'draft' RETURNING id",
        plain(call.body), call.body.caller_number, call.body.system_call, call.body.unit, datetime.now(UTC), call.id,
    )  # fmt: skip
    return bool(rows)


async def done(call: Call, state: str, case_id: UUID, reference: str) -> None:
    """The words are core's now; what stays finds the recording of the call."""
    await sql(
        "UPDATE phone_call SET state = {}, case_id = {}, reference = {}, body = {}, updated_at = {} WHERE id = {}",
        state, case_id, reference, {}, datetime.now(UTC), call.id,
    )  # fmt: skip


async def drop(call: Call) -> None:
    await sql("DELETE FROM phone_call WHERE id = {} AND state = 'draft'", call.id)


async def drop_untouched(since: datetime) -> int:
    rows = await sql("DELETE FROM phone_call WHERE state = 'draft' AND updated_at < {} RETURNING id", since)
    return len(rows)


async def cases_of(number: str, system_call: str, around: datetime, window: timedelta) -> list[tuple[UUID, str]]:
    """The cases that a call led to, by the telephony system's name for it, else by number and time."""
    if system_call:
        rows = await sql(
            "SELECT DISTINCT case_id, reference FROM phone_call WHERE system_call = {} AND case_id IS NOT NULL",
            system_call,
        )
        if rows:
            return [(row["case_id"], row["reference"]) for row in rows]
    if not number:
        return []
    rows = await sql(
        "SELECT DISTINCT case_id, reference FROM phone_call WHERE number = {} AND case_id IS NOT NULL "
        "AND started_at BETWEEN {} AND {}",
        number, around - window, around + window,
    )  # fmt: skip
    return [(row["case_id"], row["reference"]) for row in rows]


def plain(typed: Typed) -> Any:
    return msgspec.to_builtins(typed)


def _call(row: Mapping[str, Any]) -> Call:
    try:
        body = msgspec.convert(row["body"], Typed)
    except msgspec.ValidationError:
        body = Typed()
    return Call(**{**row, "body": body})
