"""The picture at the head of letters, by unit."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from ombud_letters.tables import sql
from ombud_letters.typesetting import LOGO_NAMES
from ombud_plugin_api import Platform

LARGEST = 2_000_000


class Picture(NamedTuple):
    """`file_name` is empty where there is none."""

    file_name: str = ""
    content: bytes = b""
    content_type: str = ""


def kind_of(data: bytes) -> str:
    """PNG or JPEG by its bytes; empty for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else ""


async def units() -> list[str]:
    return [row["unit"] for row in await sql("SELECT unit FROM letters_logo ORDER BY unit")]


async def of_unit(unit: str, platform: Platform) -> Picture:
    """That of the unit, else that of the whole desk."""
    rows = await sql(
        "SELECT file_id, content_type FROM letters_logo WHERE unit = ANY({}) ORDER BY unit = '' LIMIT 1", [unit, ""]
    )
    if not rows:
        return Picture()
    kind = str(rows[0]["content_type"])
    return Picture(LOGO_NAMES[kind], await platform.kept_file(rows[0]["file_id"]), kind)


async def put(unit: str, data: bytes, platform: Platform, by: str) -> None:
    """In the place of the one before, whose file is destroyed."""
    before = await _file_of(unit)
    kept = await platform.keep_file(data)
    await sql(
        "INSERT INTO letters_logo (unit, file_id, content_type, added_by, added_at) VALUES ({}, {}, {}, {}, {}) "
        "ON CONFLICT (unit) DO UPDATE SET file_id = excluded.file_id, content_type = excluded.content_type, "
        "added_by = excluded.added_by, added_at = excluded.added_at",
        unit, kept, kind_of(data), by, datetime.now(UTC),
    )  # fmt: skip
    if before is not None:
        await platform.drop_file(before)


async def remove(unit: str, platform: Platform) -> None:
    rows = await sql("DELETE FROM letters_logo WHERE unit = {} RETURNING file_id", unit)
    for row in rows:
        await platform.drop_file(row["file_id"])


async def _file_of(unit: str) -> UUID | None:
    rows = await sql("SELECT file_id FROM letters_logo WHERE unit = {}", unit)
    return rows[0]["file_id"] if rows else None
