"""Rows of the plugin's tables: complaints at the bureau, and imports."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from ombud_cfpb.reading import Row
from ombud_cfpb.tables import CfpbComplaint

PAGE = 20
LISTS = {
    "open": "state IN ('new', 'draft')", "batched": "state = 'batched'", "handed": "state = 'handed'",
}  # fmt: skip


class Bureau(msgspec.Struct, kw_only=True):
    """A row of cfpb_complaint."""

    id: UUID
    complaint_id: str
    case_id: UUID | None
    reference: str
    unit: str
    product: str
    sub_product: str
    issue: str
    sub_issue: str
    tags: str
    submitted_via: str
    sent_on: date
    state: str
    response: str
    public_response: str
    explanation: str
    drafted_by: str
    batch: UUID | None
    first_code: str
    first_on: date | None
    handed_on: date | None


class Import(msgspec.Struct, kw_only=True):
    """A row of cfpb_import. `refused`: line and a code of the problems."""

    id: UUID
    file_name: str
    file_id: UUID | None
    unit: str
    state: str
    rows_total: int
    made: int
    known: int
    refused: list[tuple[int, str]]
    started_by: str
    created_at: datetime


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await CfpbComplaint.raw(statement, *values).run())


async def _bureaus(where: str, *values: Any) -> list[Bureau]:
    return [msgspec.convert(each, Bureau) for each in await sql(f"SELECT * FROM cfpb_complaint WHERE {where}", *values)]


async def of_case(case_id: UUID) -> Bureau | None:
    found = await _bureaus("case_id = {}", case_id)
    return found[0] if found else None


async def listed(which: str, at: int) -> list[Bureau]:
    """One more than a page, those sent first before others; what was given in, the newest first."""
    order = "handed_on DESC, id" if which == "handed" else "sent_on, complaint_id"
    return await _bureaus(f"{LISTS[which]} ORDER BY {order} LIMIT {{}} OFFSET {{}}", PAGE + 1, (at - 1) * PAGE)


async def drafts(most: int) -> list[Bureau]:
    return await _bureaus("state = 'draft' ORDER BY sent_on, complaint_id LIMIT {}", most)


async def of_batch(batch: UUID) -> list[Bureau]:
    return await _bureaus("batch = {} ORDER BY sent_on, complaint_id", batch)


async def put(case_id: UUID, reference: str, unit: str, row: Row) -> None:
    """What the bureau says of a complaint; one that is known stays as it is."""
    await sql(
        "INSERT INTO cfpb_complaint (id, complaint_id, case_id, reference, unit, product, sub_product, issue, "
        "sub_issue, tags, submitted_via, sent_on) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (complaint_id) DO NOTHING",
        uuid4(), row.complaint_id, case_id, reference, unit, row.product[:300], row.sub_product[:300],
        row.issue[:300], row.sub_issue[:300], row.tags[:100], row.submitted_via[:60], row.sent,
    )  # fmt: skip


async def change(identities: Sequence[UUID], only_in: Sequence[str], **values: Any) -> int:
    """Sets columns of complaints that are in one of these states; returns of how many."""
    places = ", ".join(f"{name} = {{}}" for name in values)
    rows = await sql(
        f"UPDATE cfpb_complaint SET {places} WHERE id = ANY({{}}) AND state = ANY({{}}) RETURNING id",
        *values.values(), list(identities), list(only_in),
    )  # fmt: skip
    return len(rows)


async def add_import(file_name: str, file_id: UUID, unit: str, rows_total: int, by: str, at: datetime) -> UUID:
    identity = uuid4()
    await sql(
        "INSERT INTO cfpb_import (id, file_name, file_id, unit, rows_total, started_by, created_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {})",
        identity, file_name[:200], file_id, unit, rows_total, by[:200], at,
    )  # fmt: skip
    return identity


async def import_of(identity: UUID) -> Import | None:
    rows = await sql("SELECT * FROM cfpb_import WHERE id = {}", identity)
    return _import(rows[0]) if rows else None


async def newest_imports() -> list[Import]:
    return [_import(each) for each in await sql("SELECT * FROM cfpb_import ORDER BY created_at DESC LIMIT 10")]


def _import(row: dict[str, Any]) -> Import:
    told = row["refused"]
    return msgspec.convert({**row, "refused": msgspec.json.decode(told) if isinstance(told, str) else told}, Import)


async def end_import(identity: UUID, state: str, made: int, known: int, refused: Sequence[tuple[int, str]]) -> None:
    await sql(
        "UPDATE cfpb_import SET state = {}, made = {}, known = {}, refused = {}, file_id = NULL WHERE id = {}",
        state, made, known, msgspec.json.encode(list(refused)).decode(), identity,
    )  # fmt: skip
