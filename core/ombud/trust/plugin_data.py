"""What plugins keep of a person, collected and erased by core alone, from the declarations kept in `core_plugin`: also
while a plugin is off or its code is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

RIGHT = "person.write"
COLLECTED, ERASED = "person.plugin_data_collected", "person.plugin_data_erased"
_CASES = "SELECT case_id FROM core_party WHERE person_id = $1"
_CORE = {
    "person": "SELECT $1::uuid",
    "case": _CASES,
    "aspect": f"SELECT id FROM core_aspect WHERE case_id IN ({_CASES})",
    "message": f"SELECT id FROM core_message WHERE person_id = $1 OR case_id IN ({_CASES})",
}
_ONLY = {  # by cases alone
    "case": "SELECT unnest($1::uuid[])",
    "aspect": "SELECT id FROM core_aspect WHERE case_id = ANY($1::uuid[])",
    "message": "SELECT id FROM core_message WHERE case_id = ANY($1::uuid[])",
}
_OWN = {  # by the person alone, whatever case it stands in
    "person": "SELECT $1::uuid",
    "message": "SELECT id FROM core_message WHERE person_id = $1",
}
_EMPTY = {
    "text": "''", "character varying": "''", "jsonb": "'{}'::jsonb", "json": "'{}'::json", "bytea": "''::bytea",
    "ARRAY": "'{}'", "boolean": "FALSE", "integer": "0", "bigint": "0", "numeric": "0",
}  # fmt: skip


class MayNotTouchPersonError(Exception):
    """The viewer has no right to people's data."""


@dataclass(frozen=True)
class Held:
    """What one table of a plugin holds of a person: the personal columns of each row, by name."""

    slug: str
    table: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class _Table:
    slug: str
    name: str
    personal: tuple[str, ...]
    files: tuple[str, ...]
    blank: bool
    where: str
    depth: int


async def collect(viewer: Viewer, person_id: UUID) -> list[Held]:
    """What plugins keep of the person, table by table. A row that leads to a case belongs to everybody who takes part
    in it, so whoever hands this out looks at it first. Recorded in the ledger."""
    _demand(viewer)
    found: list[Held] = []
    async with db.transaction():
        for table in await _tables(_CORE):
            columns = ", ".join(f'"{each}"' for each in table.personal) or "*"
            rows = await db.fetch(f'SELECT {columns} FROM "{table.name}" WHERE {table.where}', person_id)
            if rows:
                found.append(Held(table.slug, table.name, tuple(dict(row) for row in rows)))
        body = {"tables": {each.table: len(each.rows) for each in found}}
        await append(actor=viewer.actor, entries=[NewEntry(f"person/{person_id}", COLLECTED, body)])
    return found


async def erase(
    viewer: Viewer, person_id: UUID, cases: Sequence[UUID] | None = None, *, own: bool = True
) -> dict[str, int]:
    """Deletes or blanks what plugins keep of the person, as each table's declaration says; returns the rows by table.
    `cases`: only of these, where others take part in the rest; `own`: and what leads to the person without a case. One
    transaction, recorded in the ledger; safe to run twice."""
    _demand(viewer)
    gone: dict[str, int] = {}
    async with db.transaction():
        for leads, of in _ways(person_id, cases, own):
            await _destroy(leads, of, gone)
        entry = NewEntry(f"person/{person_id}", ERASED, {"tables": gone})
        await append(actor=viewer.actor, entries=[entry])
    return gone


async def _destroy(leads: Mapping[str, str], of: Any, gone: dict[str, int]) -> None:
    for table in sorted(await _tables(leads), key=lambda each: -each.depth):  # rows that lead over others first
        await _destroy_files(table, of)
        done = await db.execute(await _statement(table), of)
        if count := int(done.rsplit(" ", 1)[-1]):
            gone[table.name] = gone.get(table.name, 0) + count


async def erase_cases(cases: Sequence[UUID]) -> dict[str, int]:
    """The same for what leads to cases, whoever takes part in them and stays. For core's own destruction, which asks
    nobody's rights and tells the ledger of the cases; in the caller's transaction."""
    gone: dict[str, int] = {}
    await _destroy(_ONLY, list(cases), gone)
    return gone


def _ways(person_id: UUID, cases: Sequence[UUID] | None, own: bool) -> list[tuple[Mapping[str, str], Any]]:
    if cases is None:
        return [(_CORE, person_id)]
    return [(_ONLY, list(cases)), *([(_OWN, person_id)] if own else [])]


async def counted(person_id: UUID, cases: Sequence[UUID], *, own: bool = True) -> dict[str, int]:
    """How many rows `erase` would take, by table."""
    found: dict[str, int] = {}
    for leads, of in _ways(person_id, cases, own):
        for table in await _tables(leads):
            number = await db.fetchval(f'SELECT count(*) FROM "{table.name}" WHERE {table.where}', of)
            if number:
                found[table.name] = found.get(table.name, 0) + number
    return found


def _demand(viewer: Viewer) -> None:
    if not viewer.may(RIGHT):
        raise MayNotTouchPersonError("Your roles do not allow this. Ask an administrator of this desk.")


async def _destroy_files(table: _Table, of: Any) -> None:
    """What the plugin keeps in the vault for these rows, and nothing of anybody else's."""
    for column in table.files:
        await db.execute(
            f"DELETE FROM core_vault WHERE subject = $2 AND id IN "
            f'(SELECT "{column}" FROM "{table.name}" WHERE {table.where})',
            of,
            f"plugin/{table.slug}",
        )


async def _statement(table: _Table) -> str:
    if not table.blank:
        return f'DELETE FROM "{table.name}" WHERE {table.where}'
    kinds = await _columns(table.name)
    changes = ", ".join(f'"{each}" = {_blank(*kinds[each])}' for each in table.personal)
    return f'UPDATE "{table.name}" SET {changes} WHERE {table.where}'


def _blank(kind: str, nullable: bool) -> str:
    return "NULL" if nullable else _EMPTY.get(kind, "DEFAULT")


async def _columns(table: str) -> dict[str, tuple[str, bool]]:
    rows = await db.fetch(
        "SELECT column_name, data_type, is_nullable = 'YES' AS nullable FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = $1",
        table,
    )
    return {row["column_name"]: (row["data_type"], row["nullable"]) for row in rows}


async def _tables(leads: Mapping[str, str]) -> list[_Table]:
    """The declared tables that are there and lead to a person."""
    found = []
    for row in await db.fetch("SELECT slug, declaration FROM core_plugin ORDER BY slug"):
        declared = {each["name"]: each for each in row["declaration"].get("tables", ())}
        for name, table in declared.items():
            columns = await _columns(name)
            where, depth = await _path(table, declared, frozenset(), leads)
            if not columns or not where:
                continue
            personal = tuple(each for each in table.get("personal", ()) if each in columns)
            blank = table.get("erase") == "blank"
            files = tuple(each for each in table.get("files", ()) if columns.get(each, ("",))[0] == "uuid")
            if personal or not blank:
                found.append(_Table(row["slug"], name, personal, files, blank, where, depth))
    return found


async def _path(
    table: Mapping[str, Any], declared: Mapping[str, Any], seen: frozenset[str], leads: Mapping[str, str]
) -> tuple[str, int]:
    """SQL, true for the rows of the person (or the cases) $1, and over how many tables it leads; empty where there is
    no way."""
    column, via, name = table.get("person", ""), table.get("person_via", "person"), table["name"]
    if not column or name in seen or column not in await _columns(name):
        return "", 0
    if via in leads:
        return f'"{name}"."{column}" IN ({leads[via]})', 1
    if via not in declared:
        return "", 0
    where, depth = await _path(declared[via], declared, seen | {name}, leads)
    key = await _key(via) if where else ""
    return (f'"{name}"."{column}" IN (SELECT "{key}" FROM "{via}" WHERE {where})', depth + 1) if key else ("", 0)


async def _key(table: str) -> str:
    return str(
        await db.fetchval(
            "SELECT a.attname FROM pg_index i "
            "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisprimary",
            table,
        )
        or ""
    )
