"""What the desk writes about a request to who asked: by e-mail, where a plugin that is turned on here sends it.

A letter is an ordinary outgoing message without a case. It becomes the person's as soon as it is known who asks, so
that it is collected and erased with them.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from uuid import UUID

from ombud.desk.calendars.arithmetic import local_day
from ombud.desk.calendars.versions import current
from ombud.desk.outgoing.apart import Letter, email_way, post
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import address
from ombud.speech import gettext, reading
from ombud.writing import long_day_in

KIND = "privacy"
TEXTS: Mapping[str, Any] = tomllib.loads(files("ombud.desk.privacy").joinpath("letters.toml").read_text("utf-8"))


def is_address(contact: str) -> bool:
    """Whether letters can go there by e-mail."""
    name, at, place = contact.strip().rpartition("@")
    return bool(at and name and "." in place) and not any(each.isspace() for each in contact.strip())


async def way(row: Mapping[str, Any]) -> str:
    """The key of what sends to this request's address; empty where nothing does, and for somebody who was erased: the
    letter would keep what was to go. Never inside a transaction."""
    if not is_address(row["contact"]):
        return ""
    if await db.fetchval("SELECT erased_at IS NOT NULL FROM core_person WHERE id = $1", row["person_id"]):
        return ""
    return await email_way(row["unit_id"])


async def send(row: Mapping[str, Any], what: str, actor: str, link: str = "", **words: str) -> bool:
    """Writes one of the letters of letters.toml; False where the desk cannot send there. Outside transactions."""
    key = await way(row)
    if not key:
        return False
    unit = await db.fetchrow("SELECT name, language FROM core_unit WHERE id = $1", row["unit_id"])
    assert unit is not None
    language = row["language"] or unit["language"]
    tongue = language if language in TEXTS else "en"
    day = local_day(await current(row["unit_id"]), row["due_at"])
    filled = {
        "reference": row["reference"], "right": _said(row["terms"]["right"], tongue),
        "law": _said(row["terms"]["law"], tongue),
        "organisation": unit["name"], "link": address(link), "day": long_day_in(day, tongue), **words,
    }  # fmt: skip
    found = TEXTS[tongue][what]
    await _write(row, key, actor, tongue, found["subject"].format(**filled), found["text"].format(**filled))
    return True


def _said(text: str, language: str) -> str:
    """What a law calls a right, in the language of the letter."""
    with reading(language):
        return gettext(text)


async def _write(row: Mapping[str, Any], way_key: str, actor: str, language: str, subject: str, text: str) -> None:
    recipient = {"name": row["agent_name"] or row["name"], "email": row["contact"].strip(), "language": language}
    key = f"privacy/{row['id']}/{new_id()}"
    async with db.transaction():
        await post(Letter(KIND, row["unit_id"], way_key, recipient, subject, text, key, row["person_id"]), actor)


async def give_to(request_id: UUID, person_id: UUID) -> None:
    """Makes the letters of a request the person's; in the caller's transaction."""
    rows = "SELECT o.id FROM core_outgoing o WHERE starts_with(o.key, $1)"
    mine = f"privacy/{request_id}/"
    await db.execute(f"UPDATE core_message SET person_id = $2 WHERE id IN ({rows})", mine, person_id)
    await db.execute("UPDATE core_outgoing SET person_id = $2 WHERE starts_with(key, $1)", mine, person_id)
