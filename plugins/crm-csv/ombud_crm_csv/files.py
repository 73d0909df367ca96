"""The customer files: kept, looked up, and put in the place of one another."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from ombud_crm_csv.tables import CrmCsvFile
from ombud_plugin_api import Platform

FIELDS = (
    "id, unit, name, state, problem, columns, notes, rows_taken, rows_refused, refused, as_of, origin, kept_file, "
    "uploaded_by, created_at, demo"
)
KEEP_WAITING = timedelta(days=7)  # a file nobody came back to, and the remains of one that failed


class CustomerFile(msgspec.Struct, frozen=True, kw_only=True):
    """One row of crm_csv_file; `refused`: (line, reason) of the first refused rows."""

    id: UUID
    unit: str
    name: str
    state: str
    problem: str
    columns: dict[str, str]
    notes: list[str]
    rows_taken: int
    rows_refused: int
    refused: list[tuple[int, str]]
    as_of: datetime
    origin: str
    kept_file: UUID | None
    uploaded_by: str
    created_at: datetime
    demo: bool


def _file(row: Mapping[str, Any]) -> CustomerFile:
    plain = {
        name: msgspec.json.decode(value) if name in _JSON and isinstance(value, str) else value
        for name, value in row.items()
    }
    return msgspec.convert({**plain, "columns": dict(plain["columns"])}, CustomerFile)


_JSON = ("columns", "notes", "refused")


async def newest_first() -> list[CustomerFile]:
    rows = await CrmCsvFile.raw(f"SELECT {FIELDS} FROM crm_csv_file ORDER BY created_at DESC, id LIMIT 100")
    return [_file(row) for row in rows]


async def get(file_id: UUID) -> CustomerFile | None:
    rows = await CrmCsvFile.raw(f"SELECT {FIELDS} FROM crm_csv_file WHERE id = {{}}", file_id)
    return _file(rows[0]) if rows else None


async def live(units: Sequence[str]) -> CustomerFile | None:
    """The file that counts: that of the nearest unit that has one, else that of the whole desk."""
    rows = await CrmCsvFile.raw(
        f"SELECT {FIELDS} FROM crm_csv_file WHERE state = 'live' AND unit = ANY({{}}) "
        "ORDER BY array_position({}::text[], unit) LIMIT 1",
        [*units, ""], [*units, ""],
    )  # fmt: skip
    return _file(rows[0]) if rows else None


async def known_columns(unit: str) -> dict[str, str]:
    """How the file before this one was read, in this unit; empty where there was none."""
    before = await live([unit]) if unit else await live([])
    return before.columns if before is not None and before.unit == unit else {}


async def of_origin(origin: str) -> bool:
    """Whether this very file of the folder was met before."""
    return bool(await CrmCsvFile.exists().where(CrmCsvFile.origin == origin))


async def add(**values: Any) -> UUID:
    identity = uuid4()
    moment = datetime.now(UTC)
    given = {"as_of": moment, **values}
    await CrmCsvFile.insert(CrmCsvFile(id=identity, created_at=moment, **_stored(given)))
    return identity


async def change(file_id: UUID, **values: Any) -> None:
    await CrmCsvFile.update(_stored(values)).where(CrmCsvFile.id == file_id)


def _stored(values: Mapping[str, Any]) -> dict[Any, Any]:
    """Columns are kept as pairs: jsonb does not keep the order of names."""
    pairs = {"columns": list(values["columns"].items())} if "columns" in values else {}
    plain = {**values, **pairs}
    return {name: msgspec.json.encode(value).decode() if name in _JSON else value for name, value in plain.items()}


async def remove(file: CustomerFile, platform: Platform) -> None:
    """The file and its rows, and its bytes."""
    await CrmCsvFile.delete().where(CrmCsvFile.id == file.id)
    if file.kept_file is not None:
        await platform.drop_file(file.kept_file)


async def sweep(platform: Platform) -> None:
    """Files that nobody came back to do not stay for ever. One of the folder stays known, without its bytes."""
    for file in await newest_first():
        if file.state in {"waiting", "failed"} and datetime.now(UTC) - file.created_at > KEEP_WAITING:
            await remove(file, platform)
