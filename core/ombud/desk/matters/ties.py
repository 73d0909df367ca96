"""Aspects tied to each other: by one cause, as a consequence, or because one was split from the other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.errors import Invalid, NotNow
from ombud.desk.in_view import in_view
from ombud.desk.merges.merge import lock_both
from ombud.desk.writing import lock_aspect, record
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, decide

# Words from the side of the first aspect, and from that of the second.
KINDS = {
    "same_cause": ("Has the same cause as", "Has the same cause as"),
    "follows_from": ("Follows from", "Led to"),
    "split_from": ("Was split from", "Was split into"),
}
CHOICES = ("same_cause", "follows_from", "led_to")


@dataclass(frozen=True)
class TieShown:
    """A tie as one of its aspects sees it."""

    id: UUID
    kind: str
    words: str
    other_id: UUID
    title: str
    reference: str
    decided: bool
    by: str
    at: datetime


_TIES = """
SELECT l.id, l.kind, l.at, l.aspect_id = {this} AS forth, o.id AS other_id, o.title, o.status, c.reference,
    coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by
FROM core_aspect_link l JOIN core_aspect o ON o.id = CASE WHEN l.aspect_id = {this} THEN l.other_id ELSE l.aspect_id END
JOIN core_case c ON c.id = o.case_id LEFT JOIN core_user w ON w.id = l.made_by
WHERE {this} IN (l.aspect_id, l.other_id) AND {others}
    AND EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = {this} AND {rows})
ORDER BY l.at, l.id
"""


async def ties_of(viewer: Viewer, aspect_id: UUID) -> tuple[TieShown, ...]:
    """In both directions; an aspect the viewer may not see is not named at all. One statement."""
    arguments = Arguments()
    sql = _TIES.format(
        this=f"{arguments.add(aspect_id)}::uuid", others=decide(viewer, "case.read", "aspect").where("o", arguments),
        rows=decide(viewer, "case.read", "aspect").where("a", arguments),
    )  # fmt: skip
    return tuple(
        TieShown(
            row["id"], row["kind"], KINDS[row["kind"]][0 if row["forth"] else 1], row["other_id"], row["title"],
            row["reference"], row["status"] == "closed", row["by"], row["at"],
        )
        for row in await db.fetch(sql, *arguments.values)
    )  # fmt: skip


async def named(viewer: Viewer, reference: str, text: str) -> UUID:
    """The aspect a person names: `B` in the case itself, or `OMB-7F3K2-9 B`. Raises Invalid, NotFound."""
    parts = text.split()
    if not parts or len(parts) > 2:
        raise Invalid("Name the aspect by its letter, such as B, or by its case and letter.", "other")
    view = await in_view(viewer, parts[0] if len(parts) == 2 else reference)
    for identity, sign in view.letters.items():
        if sign == parts[-1].upper():
            return UUID(identity)
    raise Invalid(
        sentence("There is no aspect %(upper)s in that case that you may see.", upper=parts[-1].upper()), "other"
    )


async def tie(viewer: Viewer, aspect_id: UUID, other_id: UUID, kind: str) -> UUID:
    """Ties two aspects, in one case or in two; both tell it."""
    if kind not in CHOICES:
        raise Invalid("Choose how they belong together.", "kind")
    first, second, kind = (other_id, aspect_id, "follows_from") if kind == "led_to" else (aspect_id, other_id, kind)
    async with db.transaction():
        await _lock(viewer, aspect_id, other_id)
        return await note_tie(viewer, first, second, kind)


async def note_tie(viewer: Viewer, first: UUID, second: UUID, kind: str) -> UUID:
    """Writes a tie of aspects whose cases the caller has locked."""
    ordered = (min(first, second), max(first, second)) if kind == "same_cause" else (first, second)
    identity = new_id()
    made = await db.execute(
        "INSERT INTO core_aspect_link (id, aspect_id, other_id, kind, at, made_by) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (aspect_id, other_id, kind) DO NOTHING",
        identity, *ordered, kind, now(), viewer.user_id,
    )  # fmt: skip
    if made == "INSERT 0 0":
        raise Invalid("They are linked in this way already.", "other")
    await _tell(viewer, "aspect.linked", ordered, {"link": str(identity), "tie": kind})
    return identity


async def untie(viewer: Viewer, aspect_id: UUID, link_id: UUID) -> None:
    """Takes a tie away, for both."""
    row = await db.fetchrow(
        "SELECT * FROM core_aspect_link WHERE id = $1 AND $2 IN (aspect_id, other_id)", link_id, aspect_id
    )
    if row is None:
        raise NotNow("This link was taken away already.")
    other = row["other_id"] if row["aspect_id"] == aspect_id else row["aspect_id"]
    async with db.transaction():
        await _lock(viewer, aspect_id, other)
        if await db.execute("DELETE FROM core_aspect_link WHERE id = $1", link_id) != "DELETE 0":
            body = {"link": str(link_id), "tie": row["kind"]}
            await _tell(viewer, "aspect.unlinked", (row["aspect_id"], row["other_id"]), body)


async def _lock(viewer: Viewer, aspect_id: UUID, other_id: UUID) -> None:
    """Both cases in one order, then the aspects, each if the viewer may write there."""
    if aspect_id == other_id:
        raise Invalid("This is the aspect itself. Name another one.", "other")
    grant, arguments = decide(viewer, "case.write", "aspect"), Arguments()
    both = arguments.add([aspect_id, other_id])
    rows = await db.fetch(
        f"SELECT a.id, a.case_id FROM core_aspect a WHERE a.id = ANY({both}::uuid[]) AND {grant.where('a', arguments)}",
        *arguments.values,
    )
    cases: dict[UUID, UUID] = {row["id"]: row["case_id"] for row in rows}
    if len(cases) == 2:
        await lock_both(viewer, *cases.values())
    for each in (aspect_id, other_id):
        await lock_aspect(viewer, "case.write", each)


async def _tell(viewer: Viewer, kind: str, aspects: tuple[UUID, UUID], body: dict[str, Any]) -> None:
    """In the stream of each aspect's case, naming its own aspect first; once for each aspect."""
    for this, other in (aspects, aspects[::-1]):
        case_id = await db.fetchval("SELECT case_id FROM core_aspect WHERE id = $1", this)
        await record(viewer, case_id, kind, {"aspect": str(this), "other": str(other), **body})
