"""Drafts lead to nobody: what somebody has typed and not sent is known by the address or number they typed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ombud_plugin_api import Context, PersonalData, PersonSought
from ombud_webform.draft import Typed, drop_files
from ombud_webform.tables import WebformDraft, WebformFile

LABEL = "Unsent complaints"


def personal_data() -> list[PersonalData]:
    return [PersonalData(LABEL, collect, erase)]


async def collect(person: PersonSought, context: Context) -> list[Mapping[str, Any]]:
    """Every draft with the person's address or number, with its words and its files' names."""
    found: list[Mapping[str, Any]] = []
    for row, typed in await _drafts(person):
        files = await WebformFile.select(WebformFile.name).where(WebformFile.draft == row["id"])
        said = {name: value for name, value in msgspec.to_builtins(typed).items() if value}
        found.append({**said, "files": [each["name"] for each in files], "updated_at": row["updated_at"]})
    return found


async def erase(person: PersonSought, context: Context) -> int:
    """Destroys these drafts and their files."""
    drafts = [row["id"] for row, _ in await _drafts(person)]
    for each in drafts:
        files = await WebformFile.select(WebformFile.id).where(WebformFile.draft == each)
        await drop_files(context.platform, [file["id"] for file in files])
        await WebformDraft.delete().where(WebformDraft.id == each)
    return len(drafts)


async def _drafts(person: PersonSought) -> list[tuple[Mapping[str, Any], Typed]]:
    """Whole addresses and numbers are compared, never parts; a name alone is somebody else's as well."""
    emails = {each.strip().lower() for each in person.emails}
    phones = {_digits(each) for each in person.phones} - {""}
    if not emails and not phones:
        return []
    rows = await WebformDraft.raw(
        "SELECT id, body, updated_at FROM webform_draft WHERE lower(trim(body->>'email')) = ANY({}) "
        "OR right(regexp_replace(coalesce(body->>'phone', ''), '[^0-9]', '', 'g'), 9) = ANY({}) "
        "ORDER BY updated_at, id",
        sorted(emails), sorted(phones),
    )  # fmt: skip
    return [(row, _typed(row["body"])) for row in rows]


def _typed(body: Any) -> Typed:
    return msgspec.json.decode(body, type=Typed) if isinstance(body, str) else msgspec.convert(body, Typed)


def _digits(phone: str) -> str:
    """The last nine; empty for a number too short to be anybody's alone."""
    found = "".join(each for each in phone if each.isdigit())
    return found[-9:] if len(found) >= 9 else ""
