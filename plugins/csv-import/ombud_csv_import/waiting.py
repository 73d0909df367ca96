"""What imports hold of somebody beside core: a file that still waits to be imported, and the name a file was given."""

import gzip
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ombud_csv_import.runs import sql
from ombud_plugin_api import Context, Permanent, PersonalData, PersonSought, Platform, Refused

LABEL = "Files that were uploaded to be imported"
NUMBERS = re.compile(r"\+?\d[\d\s().-]{7,}\d")
ADDRESSES = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
NAMELESS = "import.csv"


def personal_data() -> list[PersonalData]:
    return [PersonalData(LABEL, collect, erase)]


async def collect(person: PersonSought, context: Context) -> list[Mapping[str, Any]]:
    """Files named after them, and their lines of files that wait."""
    found: list[Mapping[str, Any]] = [
        {"file": row["file_name"], "uploaded_at": row["created_at"]} for row in await _named(person)
    ]
    for row, lines in await _waiting(person, context.platform):
        found.append({"file": row["file_name"], "uploaded_at": row["created_at"], "lines": list(lines)})
    return found


async def erase(person: PersonSought, context: Context) -> int:
    """Takes their name from the names of files. A file that waits is a person's to import or to discard first."""
    if waiting := await _waiting(person, context.platform):
        names = ", ".join(str(row["file_name"]) for row, _ in waiting)
        raise Permanent(f"They stand in a file that waits to be imported ({names}). Import or discard it, then go on.")
    rows = await _named(person)
    for row in rows:
        changed = "UPDATE csv_import_run SET file_name = {}, source = {} WHERE id = {}"
        await sql(changed, NAMELESS if row["file_name"] else "", f"erased-{row['id']}", row["id"])
    return len(rows)


async def _named(person: PersonSought) -> list[dict[str, Any]]:
    """By the whole name or address, in the file's name or in that of its source, which is taken from it; a name of one
    word would be somebody else's as well."""
    marks = [each.strip().casefold() for each in (person.name, *person.emails) if "@" in each or " " in each.strip()]
    rows = await sql(
        "SELECT id, file_name, source, created_at FROM csv_import_run WHERE state NOT IN ('waiting', 'running') "
        "ORDER BY created_at, id"
    )
    return [row for row in rows if any(mark in _readable(row) for mark in marks)]


def _readable(row: Mapping[str, Any]) -> str:
    return re.sub(r"[\s_+-]+", " ", f"{row['file_name']}\n{row['source']}").casefold()


async def _waiting(person: PersonSought, platform: Platform) -> list[tuple[dict[str, Any], Sequence[str]]]:
    """Whole addresses and numbers are compared, never parts."""
    emails = {each.strip().lower() for each in person.emails} - {""}
    numbers = {_digits(each) for each in person.phones} - {""}
    found: list[tuple[dict[str, Any], Sequence[str]]] = []
    rows = await sql(
        "SELECT id, file_name, file_id, created_at FROM csv_import_run WHERE file_id IS NOT NULL ORDER BY id"
    )
    for row in rows if emails or numbers else []:
        text = _text(await _bytes(platform, row["file_id"]))
        lines = [
            line
            for line in text.splitlines()
            if emails & {each.lower() for each in ADDRESSES.findall(line)}
            or numbers & {_digits(each) for each in NUMBERS.findall(line)}
        ]
        if lines:
            found.append((row, lines))
    return found


async def _bytes(platform: Platform, file_id: Any) -> bytes:
    """Empty where its import ended meanwhile."""
    try:
        return await platform.kept_file(file_id)
    except Refused:
        return b""


def _text(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return data.decode("utf-16" if wide else "utf-8", "replace")


def _digits(number: str) -> str:
    """The last nine; empty for a number too short to be anybody's alone."""
    found = "".join(each for each in number if each.isdigit())
    return found[-9:] if len(found) >= 9 else ""
