"""Texts to begin with: versions of each, found by kind, language, unit and case type."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound
from ombud.desk.outgoing import filling
from ombud.desk.outgoing.standard import STANDARD, Standard
from ombud.desk.outgoing.states import KINDS
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.settled import Memory
from ombud.speech import joined, word
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

RIGHT = "template.manage"
LANGUAGES = (
    ("en", "English"),
    ("pl", "Polish"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("uk", "Ukrainian"),
)
LONGEST = 20_000


@dataclass(frozen=True)
class Template:
    """One version. `id` None and `number` 0: a text of ours that nobody changed yet."""

    key: str
    number: int
    name: str
    kind: str
    language: str
    subject: str
    text: str
    piece: str
    unit_id: UUID | None = None
    case_type: str = ""
    id: UUID | None = None
    retired: bool = False
    created_at: datetime | None = None
    author: str = ""


def named(template: Template) -> str:
    """Its name with its language; ours in the language of whoever reads."""
    return joined((word(template.name), f" ({template.language})"), "")


_NEWEST = """
SELECT DISTINCT ON (t.key) t.*, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS author
FROM core_message_template t LEFT JOIN core_user w ON w.id = t.created_by {where} ORDER BY t.key, t.number DESC
"""


def _of(row: Any) -> Template:
    return Template(
        key=row["key"], number=row["number"], name=row["name"], kind=row["kind"], language=row["language"],
        subject=row["subject"], text=row["text"], piece=row["piece"], unit_id=row["unit_id"],
        case_type=row["case_type"], id=row["id"], retired=row["retired_at"] is not None, created_at=row["created_at"],
        author=row["author"],
    )  # fmt: skip


def _ours(each: Standard) -> Template:
    return Template(
        key=each.key, number=0, name=each.name, kind=each.kind, language=each.language, subject=each.subject,
        text=each.text, piece=each.piece, author="Ombud",
    )  # fmt: skip


async def all_newest() -> list[Template]:
    """The newest version of every text, retired ones too; ours first."""
    rows = [_of(row) for row in await db.fetch(_NEWEST.format(where=""))]
    known = {each.key for each in rows}
    ours = [_ours(each) for each in STANDARD if each.key not in known]
    return sorted(
        [*ours, *rows], key=lambda each: (KINDS.index(each.kind), each.language, each.name.casefold(), each.key)
    )


async def versions(key: str) -> list[Template]:
    """All versions of one text, the newest first; raises NotFound."""
    rows = await db.fetch(
        "SELECT t.*, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS author FROM core_message_template t "
        "LEFT JOIN core_user w ON w.id = t.created_by WHERE t.key = $1 ORDER BY t.number DESC",
        key,
    )
    found = [_of(row) for row in rows] + [_ours(each) for each in STANDARD if each.key == key]
    if not found:
        raise NotFound("There is no such template. It may have another name now.")
    return found


_FITTING = """
WITH RECURSIVE up AS (SELECT id, parent_id, 0 AS far FROM core_unit WHERE id = $1
    UNION ALL SELECT u.id, u.parent_id, up.far + 1 FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT newest.*, up.far, '' AS author FROM (
    SELECT DISTINCT ON (t.key) t.* FROM core_message_template t ORDER BY t.key, t.number DESC) newest
LEFT JOIN up ON up.id = newest.unit_id
"""


_remembered: Memory[UUID, Sequence[asyncpg.Record]] = Memory(1000)


async def for_case(
    unit_id: UUID, case_type: str, language: str, unit_language: str, kinds: Sequence[str] = KINDS, *, settled: int = 0
) -> list[Template]:
    """What can be used in a case, the best fitting first in each kind: language of the message, then of the unit; the
    nearest unit; the case's own type. One statement, or none while nothing has changed since `settled`."""
    rows = await _remembered.of(unit_id, settled, lambda: db.fetch(_FITTING, unit_id))
    far = {row["unit_id"]: int(row["far"]) for row in rows if row["far"] is not None}
    known = {row["key"] for row in rows}
    newest = [*(_of(row) for row in rows), *(_ours(each) for each in STANDARD if each.key not in known)]
    fitting = [
        each for each in newest
        if not each.retired and each.kind in kinds and each.case_type in ("", case_type)
        and (each.unit_id is None or each.unit_id in far)
    ]  # fmt: skip
    tongues = [language[:2], unit_language[:2], "en"]

    def order(each: Template) -> tuple[int, int, int, bool, bool, str]:
        tongue = tongues.index(each.language[:2]) if each.language[:2] in tongues else len(tongues)
        near = far[each.unit_id] if each.unit_id is not None else len(rows) + 1
        return KINDS.index(each.kind), tongue, near, not each.case_type, each.number == 0, each.name.casefold()

    return sorted(fitting, key=order)


async def best(kind: str, unit_id: UUID, case_type: str, language: str, unit_language: str) -> Template:
    """The text that fits a case best; raises NotFound where every one of this kind is retired."""
    found = await for_case(unit_id, case_type, language, unit_language, (kind,))
    if not found:
        raise NotFound("There is no text of this kind. Write one under Administration, Templates.")
    return found[0]


@dataclass(frozen=True)
class TemplateGiven:
    """What somebody typed."""

    name: str
    kind: str
    language: str
    subject: str
    text: str
    piece: str = ""
    unit_id: UUID | None = None
    case_type: str = ""


def _checked(given: TemplateGiven) -> TemplateGiven:
    if given.kind not in KINDS:
        raise Invalid("Choose what the text is for.", "kind")
    if given.language not in dict(LANGUAGES):
        raise Invalid("Choose the language of the text.", "language")
    clean = {
        name: clean_text(getattr(given, name), name, longest=longest, required=needed)
        for name, longest, needed in (("name", 100, True), ("subject", 200, True), ("text", LONGEST, True),
                                      ("piece", LONGEST, False))
    }  # fmt: skip
    for name in ("subject", "text", "piece"):
        filling.checked(clean[name], name)
    if clean["piece"] and "pieces" not in filling.asks_for(clean["text"]):
        raise Invalid("The text has no {{ pieces }}, so its piece would not show. Say where it stands.", "text")
    return TemplateGiven(
        clean["name"], given.kind, given.language, clean["subject"], clean["text"], clean["piece"], given.unit_id,
        given.case_type,
    )  # fmt: skip


async def save(viewer: Viewer, key: str, given: TemplateGiven, seen: int | None = None) -> Template:
    """Writes a new version; `seen`: the number of the version it was made from. A new text has an empty key."""
    given = _checked(given)
    await _may(viewer, given.unit_id)
    async with db.transaction():
        if key:
            await db.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"template/{key}")
            before = (await versions(key))[0]
            await _may(viewer, before.unit_id)
            if seen is not None and before.number != seen:
                raise Changed("This template", before.number, {"text": before.text}, {"text": given.text})
            number = before.number + 1
        else:
            key, number = f"own-{new_id()}", 1
        identity = new_id()
        await db.execute(
            "INSERT INTO core_message_template (id, key, number, name, kind, language, unit_id, case_type, subject, "
            "text, piece, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            identity, key, number, given.name, given.kind, given.language, given.unit_id, given.case_type,
            given.subject, given.text, given.piece, viewer.user_id, now(),
        )  # fmt: skip
        words = {"name": given.name, "subject": given.subject, "text": given.text, "piece": given.piece}
        await _tell(viewer, "template.saved", key, number, words)
    return (await versions(key))[0]


async def retire(viewer: Viewer, key: str, retired: bool) -> None:
    """Takes a text out of use, or back into it; what was written from it stays as it is."""
    async with db.transaction():
        newest = (await versions(key))[0]
        await _may(viewer, newest.unit_id)
        if newest.retired == retired:
            return
        if newest.id is None:  # one of ours: a first version of its own remembers that it is out of use
            newest = await save(viewer, key, _given(newest))
        await db.execute(
            "UPDATE core_message_template SET retired_at = $2 WHERE id = $1", newest.id, now() if retired else None
        )
        await _tell(viewer, "template.retired" if retired else "template.restored", key, newest.number, {})


def _given(each: Template) -> TemplateGiven:
    return TemplateGiven(
        each.name, each.kind, each.language, each.subject, each.text, each.piece, each.unit_id, each.case_type
    )


async def _tell(viewer: Viewer, kind: str, key: str, number: int, words: dict[str, str]) -> None:
    sealed = {"words": Sealed("setting/templates", words)} if words else {}
    body = {"template": key, "number": number}
    await append(actor=viewer.actor, entries=[NewEntry("setting/templates", kind, body, sealed)])


async def _may(viewer: Viewer, unit_id: UUID | None) -> None:
    """What holds on the whole desk needs the right in every topmost unit."""
    if unit_id is not None:
        allowed = viewer.may_in(RIGHT, unit_id)
    else:
        tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
        allowed = bool(tops) and all(viewer.may_in(RIGHT, row["id"]) for row in tops)
    if not allowed:
        raise NotAllowed("Your roles do not allow this here. Choose a unit of yours, or ask an administrator.")
