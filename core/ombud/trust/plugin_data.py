"""What plugins keep of a person, collected and erased by core alone, from the declarations kept in `core_plugin`: also
while a plugin is off or its code is gone."""

from collections.abc import Mapping
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
    blank: bool
    where: str
    depth: int
    files: tuple[str, ...] = ()


async def collect(viewer: Viewer, person_id: UUID) -> list[Held]:
    """What plugins keep of the person, table by table. A row that leads to a case belongs to everybody who takes part
    in it, so whoever hands this out looks at it first. Recorded in the ledger."""
    _demand(viewer)
    found: list[Held] = []
    async with db.transaction():
        for table in await _tables():
            columns = ", ".join(f'"{each}"' for each in table.personal) or "*"
            rows = await db.fetch(f'SELECT {columns} FROM "{table.name}" WHERE {table.where}', person_id)
            if rows:
                found.append(Held(table.slug, table.name, tuple(dict(row) for row in rows)))
        body = {"tables": {each.table: len(each.rows) for each in found}}
        await append(actor=viewer.actor, entries=[NewEntry(f"person/{person_id}", COLLECTED, body)])
    return found


async def erase(viewer: Viewer, person_id: UUID) -> dict[str, int]:
    """Deletes or blanks what plugins keep of the person, as each table's declaration says; returns the rows by table.
    One transaction, recorded in the ledger; safe to run twice."""
    _demand(viewer)
    gone: dict[str, int] = {}
    async with db.transaction():
        for table in sorted(await _tables(), key=lambda each: -each.depth):  # rows that lead over others go first
            await _destroy_files(table, person_id)
            done = await db.execute(await _statement(table), person_id)
            if count := int(done.rsplit(" ", 1)[-1]):
                gone[table.name] = count
        entry = NewEntry(f"person/{person_id}", ERASED, {"tables": gone})
        await append(actor=viewer.actor, entries=[entry])
    return gone


def _demand(viewer: Viewer) -> None:
    if not viewer.may(RIGHT):
        raise MayNotTouchPersonError("Your roles do not allow this. Ask an administrator of this desk.")


async def _destroy_files(table: _Table, person_id: UUID) -> None:
    """The bytes that these rows keep in the vault under the plugin's own key."""
    for column in table.files:
        await db.execute(
            f'DELETE FROM core_vault WHERE subject = $2 AND id IN (SELECT "{column}" FROM "{table.name}" '
            f"WHERE {table.where})",
            person_id, f"plugin/{table.slug}",
        )  # fmt: skip


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


async def _tables() -> list[_Table]:
    """The declared tables that are there and lead to a person."""
    found = []
    for row in await db.fetch("SELECT slug, declaration FROM core_plugin ORDER BY slug"):
        declared = {each["name"]: each for each in row["declaration"].get("tables", ())}
        for name, table in declared.items():
            columns = await _columns(name)
            where, depth = await _path(table, declared, frozenset())
            if not columns or not where:
                continue
            personal = tuple(each for each in table.get("personal", ()) if each in columns)
            blank = table.get("erase") == "blank"
            if personal or not blank:
                files = tuple(each for each in table.get("files", ()) if columns.get(each, ("", False))[0] == "uuid")
                found.append(_Table(row["slug"], name, personal, blank, where, depth, files))
    return found


async def _path(table: Mapping[str, Any], declared: Mapping[str, Any], seen: frozenset[str]) -> tuple[str, int]:
    """SQL, true for the rows of the person $1, and over how many tables it leads; empty where there is no way."""
    column, via, name = table.get("person", ""), table.get("person_via", "person"), table["name"]
    if not column or name in seen or column not in await _columns(name):
        return "", 0
    if via in _CORE:
        return f'"{name}"."{column}" IN ({_CORE[via]})', 1
    if via not in declared:
        return "", 0
    where, depth = await _path(declared[via], declared, seen | {name})
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
