"""Mappings kept under a name."""

from typing import Any
from uuid import uuid4

from ombud_csv_import.mapping import Mapping, MappingError, read_mapping
from ombud_csv_import.runs import sql

NAME = 60


async def names() -> list[str]:
    return [row["name"] for row in await sql("SELECT name FROM csv_import_mapping ORDER BY name LIMIT 200")]


async def keep(name: str, mapping: Mapping, by: str) -> None:
    """A mapping of the same name is replaced."""
    await sql(
        "INSERT INTO csv_import_mapping (id, name, mapping, saved_by) VALUES ({}, {}, {}, {}) "
        "ON CONFLICT (name) DO UPDATE SET mapping = excluded.mapping, saved_by = excluded.saved_by, saved_at = now()",
        uuid4(),
        name[:NAME],
        mapping.document(),
        by,
    )


async def named(name: str) -> Mapping:
    """Raises MappingError."""
    rows: list[dict[str, Any]] = await sql("SELECT mapping FROM csv_import_mapping WHERE name = {}", name)
    if not rows:
        raise MappingError((f"There is no saved mapping {name!r} any more. Choose another.",))
    return read_mapping(rows[0]["mapping"])
