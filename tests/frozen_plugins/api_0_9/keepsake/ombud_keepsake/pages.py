"""The page of notes, for whoever holds the permission."""

import secrets
from datetime import UTC, datetime
from typing import Any

from litestar import Request, get, post
from ombud_plugin_api import Pages, Platform, Refused

from ombud_keepsake.tables import Note
from ombud_keepsake.wording import TEXTS

MAY = "keepsake.use"
HERE = "notes"
OPT = {"permission": MAY}


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/notes", opt=OPT)
async def index(pages: Pages, platform: Platform) -> Any:
    return await _index(pages, platform, {})


async def _index(pages: Pages, platform: Platform, typed: dict[str, str], wrong: str = "") -> Any:
    """Notes of the cases that this viewer may see; what was typed stands in the form again."""
    notes = await Note.select(Note.reference, Note.text).order_by(Note.written_at, ascending=False).limit(50)
    return await pages.show(
        "keepsake/notes.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, typed=typed, wrong=wrong,
        notes=[each for each in notes if await _seen(platform, each["reference"])],
        key=typed.get("key") or secrets.token_urlsafe(16),
    )


async def _seen(platform: Platform, reference: str) -> bool:
    try:
        await platform.case(reference)
    except Refused:
        return False
    return True


@post("/notes", opt=OPT, status_code=303)
async def write(request: Request[Any, Any, Any], pages: Pages, platform: Platform) -> Any:
    sent = await request.form()
    typed = {name: str(sent.get(name, ""))[:2000].strip() for name in ("reference", "text", "key")}
    if not typed["text"]:
        return await _index(pages, platform, typed, "missing")
    try:
        case = await platform.case(typed["reference"])
    except Refused as refusal:
        return await _index(pages, platform, typed, str(refusal))
    note = Note(
        id=typed["key"] or secrets.token_urlsafe(16), case_id=case.id, reference=case.reference, text=typed["text"],
        written_at=datetime.now(UTC),
    )
    await Note.insert(note).on_conflict(action="DO NOTHING")
    return pages.go(HERE)


HANDLERS = (home, index, write)
