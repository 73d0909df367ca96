"""Unsent text on the server: bound to writer, case, purpose and recipient, versioned, never lost to anybody's change.

A draft outlives a new owner, a closed case, another recipient and an expired session; it ends when it is sent or its
writer throws it away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import DeskRefusal, Invalid, NotFound, NotNow
from ombud.desk.writing import demand, no_case
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.trust.policy import Arguments, Viewer, about_me, decide

PARTS = 100
MESSAGE, DECISION, FILING = "message:", "decision:", "filing:"


class Elsewhere(DeskRefusal):
    """Another window of the same writer holds a newer draft; nothing was overwritten and the newer one is here."""

    def __init__(self, version: int, body: Mapping[str, Any], at: datetime) -> None:
        super().__init__("Another window holds a newer draft. Compare both.")
        self.version, self.body, self.at = version, dict(body), at


@dataclass(frozen=True)
class Mine:
    """One of the viewer's drafts in their list. `reference` is None where they may not see the case, or the matter it
    is about, any more; its text is not shown then either."""

    id: UUID
    purpose: str
    body: Mapping[str, str]
    version: int
    updated_at: datetime
    reference: str | None
    title: str | None
    person: str | None
    aspect_id: UUID | None
    open: bool


def for_message(person_id: UUID | None) -> str:
    """The purpose of what is written to, or about, one customer: it never shows in the box of the next."""
    return f"{MESSAGE}{person_id or ''}"


def for_decision(aspect_id: UUID) -> str:
    return f"{DECISION}{aspect_id}"


def for_filing(key: str) -> str:
    """A complaint that is being written down; each form has its own key."""
    return f"{FILING}{key[:80]}"


async def keep(
    viewer: Viewer, case_id: UUID | None, purpose: str, body: Mapping[str, str], seen: int | None = None
) -> int:
    """Keeps what is typed so far and returns the draft's version; empty text throws the draft away (version 0).

    `seen`: the version this window knows; raises Elsewhere where another window wrote a different one since."""
    demand(viewer, "case.read" if case_id else "case.file")
    if len(purpose) > 100 or len(body) > PARTS:
        raise Invalid("This draft has too many parts. Send it, or shorten it.", "draft")
    longest = settings().limits.text_chars
    parts = {str(name)[:100]: clean_text(text, name, longest=longest) for name, text in body.items()}
    if not any(parts.values()):
        await _drop_seen(viewer, case_id, purpose, seen)
        return 0
    version = await _put(viewer, case_id, purpose, parts, seen)
    if version is None:
        stands = await _standing(viewer, case_id, purpose)
        if stands is not None and seen is not None and stands["version"] > seen:
            raise Elsewhere(stands["version"], stands["body"], stands["updated_at"])
        raise no_case(case_id)
    return version


async def _put(
    viewer: Viewer, case_id: UUID | None, purpose: str, parts: Mapping[str, str], seen: int | None
) -> int | None:
    """In one statement, so that two windows cannot both believe that they were first."""
    arguments = Arguments(new_id(), viewer.user_id, case_id, purpose, parts, now(), seen)
    grant = decide(viewer, "case.read", "case")
    source = "SELECT $1, $2::uuid, $3::uuid, $4, $5::jsonb, 1, $6, FALSE"
    if case_id is not None:
        source += f" FROM core_case c WHERE c.id = $3 AND {grant.where('c', arguments)}"
    version = await db.fetchval(
        f"INSERT INTO core_draft (id, user_id, case_id, purpose, body, version, updated_at, shared) {source} "
        "ON CONFLICT (user_id, case_id, purpose) DO UPDATE SET body = excluded.body, edited_by = NULL, "
        "updated_at = excluded.updated_at, "
        "version = core_draft.version + 1 "
        "WHERE $7::int IS NULL OR core_draft.version <= $7 OR core_draft.body = excluded.body RETURNING version",
        *arguments.values,
    )
    return None if version is None else int(version)


async def _drop_seen(viewer: Viewer, case_id: UUID | None, purpose: str, seen: int | None) -> None:
    stands = await _standing(viewer, case_id, purpose)
    if stands is not None and seen is not None and stands["version"] > seen:
        raise Elsewhere(stands["version"], stands["body"], stands["updated_at"])
    await drop(viewer, case_id, purpose)


async def _standing(viewer: Viewer, case_id: UUID | None, purpose: str) -> Any:
    return await db.fetchrow(
        "SELECT body, version, updated_at FROM core_draft "
        "WHERE user_id = $1 AND case_id IS NOT DISTINCT FROM $2 AND purpose = $3",
        viewer.user_id,
        case_id,
        purpose,
    )


async def version_of(viewer: Viewer, case_id: UUID | None, purpose: str) -> int:
    """Of the viewer's draft; 0 where there is none."""
    stands = await _standing(viewer, case_id, purpose)
    return 0 if stands is None else int(stands["version"])


async def put_back(user_id: UUID, case_id: UUID, purpose: str, body: Mapping[str, str]) -> None:
    """Text that was on its way becomes a draft again, in the caller's transaction; what stands in the box already stays
    below it."""
    await db.execute(
        "INSERT INTO core_draft (id, user_id, case_id, purpose, body, shared, version, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, FALSE, 1, $6) ON CONFLICT (user_id, case_id, purpose) DO UPDATE SET "
        "body = excluded.body || jsonb_build_object('text', CASE WHEN coalesce(core_draft.body->>'text', '') IN "
        "('', excluded.body->>'text') THEN excluded.body->>'text' "
        "ELSE (excluded.body->>'text') || E'\\n\\n' || (core_draft.body->>'text') END), "
        "updated_at = excluded.updated_at, version = core_draft.version + 1",
        new_id(), user_id, case_id, purpose, dict(body), now(),
    )  # fmt: skip


async def mine(viewer: Viewer, case_id: UUID) -> dict[str, dict[str, Any]]:
    """The viewer's drafts in a case: purpose → body, version and time."""
    rows = await db.fetch(
        "SELECT d.purpose, d.body, d.version, d.updated_at, d.shared, (SELECT jsonb_agg(jsonb_build_object('id', f.id, "
        "'name', f.name, 'size', f.size) ORDER BY f.created_at, f.id) FROM core_draft_file f WHERE f.draft_id = d.id) "
        "AS files, "
        "coalesce(nullif(e.display_name, ''), e.name, '') AS edited_by FROM core_draft d "
        "LEFT JOIN core_user e ON e.id = d.edited_by WHERE d.user_id = $1 AND d.case_id = $2",
        viewer.user_id,
        case_id,
    )
    return {row["purpose"]: dict(row) for row in rows}


async def drop(viewer: Viewer, case_id: UUID | None, purpose: str) -> None:
    """Throws a draft away, after it was sent or on the writer's wish."""
    await db.execute(
        "DELETE FROM core_draft WHERE user_id = $1 AND case_id IS NOT DISTINCT FROM $2 AND purpose = $3",
        viewer.user_id,
        case_id,
        purpose,
    )


async def throw_away(viewer: Viewer, draft_id: UUID) -> bool:
    """One of one's own, by id; False where there is none."""
    gone = await db.execute("DELETE FROM core_draft WHERE id = $1 AND user_id = $2", draft_id, viewer.user_id)
    return gone != "DELETE 0"


@dataclass(frozen=True)
class Shared:
    """A colleague's unsent text that they share; `edited_by` is empty where its owner wrote it as it stands."""

    id: UUID
    author: str
    body: Mapping[str, str]
    version: int
    updated_at: datetime
    edited_by: str


async def share(viewer: Viewer, case_id: UUID, purpose: str, shared: bool) -> None:
    """Those who may write in the case see one's draft, or do not any more; raises NotNow where there is none."""
    demand(viewer, "case.write")
    done = await db.execute(
        "UPDATE core_draft SET shared = $4 WHERE user_id = $1 AND case_id = $2 AND purpose = $3",
        viewer.user_id, case_id, purpose, shared,
    )  # fmt: skip
    if done == "UPDATE 0":
        raise NotNow("There is nothing to share yet. Write something first.")


_SHARED = """
SELECT d.id, coalesce(nullif(w.display_name, ''), w.name) AS author, d.body, d.version, d.updated_at,
    coalesce(nullif(e.display_name, ''), e.name, '') AS edited_by
FROM core_draft d JOIN core_case c ON c.id = d.case_id JOIN core_user w ON w.id = d.user_id
LEFT JOIN core_user e ON e.id = d.edited_by
WHERE d.shared AND d.user_id <> {me}::uuid AND d.purpose LIKE 'message:%' AND {rows} AND NOT {mine}{further}
ORDER BY d.updated_at DESC, d.id LIMIT 20
"""


def shared_sql(viewer: Viewer, arguments: Arguments, case_id: str) -> str:
    """What colleagues share in a case, for those who may write in it; nothing for somebody whom an aspect is about.
    A part of the statement that draws the case's page; `case_id` is its placeholder."""
    return _shared(viewer, arguments, f" AND d.case_id = {case_id}")


def shared_of(row: Mapping[str, Any]) -> Shared:
    """From one row of it, as JSON."""
    at = datetime.fromisoformat(row["updated_at"])
    return Shared(UUID(row["id"]), row["author"], row["body"], row["version"], at, row["edited_by"])


def _shared(viewer: Viewer, arguments: Arguments, further: str) -> str:
    rows, me = decide(viewer, "case.write", "case").where("c", arguments), arguments.add(viewer.user_id)
    return _SHARED.format(rows=rows, me=me, mine=about_me("d.case_id", me), further=further)


async def changed_by_another(viewer: Viewer, case_id: UUID, purpose: str, seen: int) -> str:
    """Who wrote on one's shared draft since this version of it was seen; empty where nobody did."""
    found = await db.fetchval(
        "SELECT coalesce(nullif(e.display_name, ''), e.name) FROM core_draft d JOIN core_user e ON e.id = d.edited_by "
        "WHERE d.user_id = $1 AND d.case_id = $2 AND d.purpose = $3 AND d.version > $4",
        viewer.user_id, case_id, purpose, seen,
    )  # fmt: skip
    return str(found or "")


async def write_on(viewer: Viewer, draft_id: UUID, text: str, version: int) -> None:
    """Changes the text of a colleague's shared draft; raises Elsewhere where it was changed since it was seen, NotFound
    where it is not shared any more."""
    text = clean_text(text, "text", longest=settings().limits.text_chars, required=True)
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_draft WHERE id = $1 FOR UPDATE", draft_id)
        arguments = Arguments(draft_id)
        further = " AND d.id = $1"
        row = await db.fetchrow(_shared(viewer, arguments, further), *arguments.values)
        if row is None:
            raise NotFound("This draft is not shared any more. It may have been sent.")
        if row["version"] != version:
            raise Elsewhere(row["version"], row["body"], row["updated_at"])
        await db.execute(
            "UPDATE core_draft SET body = body || jsonb_build_object('text', $2::text), edited_by = $3, "
            "version = version + 1, updated_at = $4 WHERE id = $1",
            draft_id, text, viewer.user_id, now(),
        )  # fmt: skip


_MINE = """
SELECT d.id, d.purpose, d.body, d.version, d.updated_at, c.reference, c.status <> 'closed' AS open,
    CASE WHEN {hidden} THEN c.reference ELSE c.title END AS title, p.name AS person, a.id AS aspect_id
FROM core_draft d LEFT JOIN core_case c ON c.id = d.case_id AND {rows}
LEFT JOIN core_aspect a ON a.case_id = c.id AND d.purpose = 'decision:' || a.id AND {aspects}
LEFT JOIN core_person p ON d.purpose = 'message:' || p.id AND {people}
WHERE d.user_id = $1{one} ORDER BY d.updated_at DESC, d.id LIMIT 200
"""


async def all_mine(viewer: Viewer, draft_id: UUID | None = None) -> list[Mine]:
    """Every draft of the viewer, newest first, with where it belongs as far as they may see it now; or just one."""
    arguments = Arguments(viewer.user_id)
    me = "$1"
    sql = _MINE.format(
        hidden=f"EXISTS (SELECT 1 FROM core_aspect x WHERE x.case_id = c.id AND x.concerns_user_id = {me})",
        rows=decide(viewer, "case.read", "case").where("c", arguments),
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        people=decide(viewer, "person.read", "person").where("p", arguments),
        one=f" AND d.id = {arguments.add(draft_id)}" if draft_id else "",
    )
    return [_mine(row) for row in await db.fetch(sql, *arguments.values)]


def _mine(row: Any) -> Mine:
    of_hidden = row["purpose"].startswith(DECISION) and row["aspect_id"] is None
    seen = row["purpose"].startswith(FILING) or (row["reference"] is not None and not of_hidden)
    return Mine(
        id=row["id"], purpose=row["purpose"], body=row["body"] if seen else {}, version=row["version"],
        updated_at=row["updated_at"], reference=row["reference"] if seen else None,
        title=row["title"] if seen else None, person=row["person"] if seen else None, aspect_id=row["aspect_id"],
        open=bool(row["open"]),
    )  # fmt: skip
