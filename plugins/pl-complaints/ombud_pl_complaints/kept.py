"""Rows of pl_complaints_case: what the plugin keeps beside a case."""

from datetime import date, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from ombud_pl_complaints.tables import PlComplaintsCase


class Kept(msgspec.Struct, kw_only=True):
    """A row of pl_complaints_case."""

    id: UUID
    case_id: UUID
    reference: str
    told_on: date | None
    until: date | None
    cause: str
    circumstances: str
    told_by: str
    deemed_at: datetime | None
    answered_on: date | None
    answered_how: str

    @property
    def deemed(self) -> bool:
        """It counts as upheld, and nobody showed a reply in time."""
        return self.deemed_at is not None and self.answered_on is None


async def sql(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a statement; `{}` stands for a value."""
    return cast(list[dict[str, Any]], await PlComplaintsCase.raw(statement, *values).run())


async def of_case(case_id: UUID) -> Kept | None:
    rows = await sql("SELECT * FROM pl_complaints_case WHERE case_id = {}", case_id)
    return msgspec.convert(rows[0], Kept) if rows else None


async def put(case_id: UUID, **values: Any) -> None:
    """Sets columns of the case's row, which is made at need."""
    names = ", ".join(values)
    places = ", ".join("{}" for _ in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    await sql(
        f"INSERT INTO pl_complaints_case (id, case_id, {names}) VALUES ({{}}, {{}}, {places}) "
        f"ON CONFLICT (case_id) DO UPDATE SET {changes}",
        uuid4(), case_id, *values.values(),
    )  # fmt: skip
