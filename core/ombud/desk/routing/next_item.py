"""The next piece of work for who asks for it: chosen among what waits, taken at once, by one person only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import undo
from ombud.desk.errors import DeskRefusal, NotNow
from ombud.desk.routing import skills
from ombud.desk.routing.assigning import factors_told, hand_over, may_hold
from ombud.desk.routing.facts import language_of
from ombud.desk.routing.ordering import Item, Ranked, ranked
from ombud.desk.routing.profiles import LOAD
from ombud.desk.routing.weighing import Weighed
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.policy import Arguments, Viewer, about_me, decide

LOOKED_AT = 150  # by each order; what waits longest, and what is gravest


@dataclass(frozen=True)
class Taken:
    """What somebody got, and why this one. `aspect_id` where it is one matter of a case; `undo_id`: by which a case can
    be put back for a day."""

    case_id: UUID
    reference: str
    aspect_id: UUID | None
    factors: tuple[Mapping[str, Any], ...]
    undo_id: UUID | None = None


# Cases that nobody has, and matters of their own that nobody has; in sight, with the right to take them, and without
# any matter about the one who asks. Not what a colleague is working on or writing in at this moment: a matter of its
# own is left to whoever claims it or all of the case; the case to whoever claims it or a matter that waits with it.
_SAME = """(k.aspect_id IS NULL OR CASE WHEN near.aspect_id IS NULL
    THEN x.queue_id IS NULL OR x.queue_id IS NOT DISTINCT FROM c.queue_id ELSE k.aspect_id = near.aspect_id END)"""
_WAITING = """
WITH whole AS (
    SELECT c.id AS case_id, NULL::uuid AS aspect_id, c.due_at, c.severity, c.priority, c.received_at
    FROM core_case c WHERE c.owner_id IS NULL AND c.status IN ('new', 'in_progress') AND c.merged_into IS NULL
        AND {in_queue} AND {seen}),
parts AS (
    SELECT c.id AS case_id, a.id AS aspect_id, coalesce(a.due_at, c.due_at) AS due_at, a.severity, a.priority,
        c.received_at
    FROM core_aspect a JOIN core_case c ON c.id = a.case_id
    WHERE a.status = 'open' AND a.owner_id IS NULL AND a.queue_id IS NOT NULL
        AND a.queue_id IS DISTINCT FROM c.queue_id AND c.status IN ('new', 'in_progress') AND c.merged_into IS NULL
        AND {part_in_queue} AND {seen}),
waits AS (SELECT * FROM whole UNION ALL SELECT * FROM parts),
near AS (
    (SELECT * FROM waits ORDER BY due_at NULLS LAST, case_id, aspect_id LIMIT {many})
    UNION (SELECT * FROM waits ORDER BY severity DESC, array_position(ARRAY['urgent', 'high'], priority) NULLS LAST,
        received_at, case_id, aspect_id LIMIT {many}))
SELECT near.*, c.reference, c.case_type, c.language,
    (SELECT p.language FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = c.id
        AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) AS spoken,
    EXISTS (SELECT 1 FROM core_support_needs s WHERE s.case_id = c.id AND s.in_vulnerable_circumstances) AS needs,
    EXISTS (SELECT 1 FROM core_party y JOIN core_party known ON known.person_id = y.person_id
        JOIN core_case before ON before.id = known.case_id AND before.id <> c.id AND before.owner_id = {me}::uuid
        WHERE y.case_id = c.id AND y.role = 'complainant') AS knows,
    (SELECT array_agg(DISTINCT o.category) FROM core_aspect o WHERE o.case_id = c.id AND o.status = 'open'
        AND (near.aspect_id IS NULL OR o.id = near.aspect_id)) AS categories
FROM near JOIN core_case c ON c.id = near.case_id
WHERE NOT {about_me}
    AND NOT EXISTS (SELECT 1 FROM core_claim k LEFT JOIN core_aspect x ON x.id = k.aspect_id
        WHERE k.case_id = c.id AND k.user_id <> {me}::uuid AND k.until > {now} AND {same})
    AND NOT EXISTS (SELECT 1 FROM core_presence w WHERE w.case_id = c.id AND w.user_id <> {me}::uuid
        AND w.doing = 'writing' AND w.until > {now}
        AND NOT EXISTS (SELECT 1 FROM core_claim k LEFT JOIN core_aspect x ON x.id = k.aspect_id
            WHERE k.case_id = c.id AND k.user_id = w.user_id AND k.until > {now} AND NOT {same}))
"""


async def take_next(viewer: Viewer, queue: str = "") -> Taken | None:
    """Makes the viewer the owner of the best piece of work for them, of one queue (its key) or of all; None where
    nothing waits. Raises NotNow where they have as much as their capacity holds."""
    demand(viewer, "case.take")
    assert viewer.user_id is not None
    profile = await _room(viewer.user_id)
    rows = await _waiting(viewer, queue)
    terms = await skills.all_skills(active_only=True)
    items = [_item(row, terms) for row in rows]
    order = ranked(items, frozenset(profile["skills"] or ()), frozenset(profile["languages"] or ()), now())
    known = {_key(row): row for row in rows}
    for each in order:
        if taken := await _take(viewer, known[each.id], each):
            return taken
    return None


async def _room(user_id: UUID) -> Record:
    row = await db.fetchrow(
        f"SELECT p.skills, p.languages, p.capacity, {LOAD} AS load FROM core_user u "
        "LEFT JOIN core_staff_profile p ON p.user_id = u.id WHERE u.id = $1",
        user_id,
    )
    assert row is not None
    if row["capacity"] is not None and row["load"] >= row["capacity"]:
        raise NotNow(
            sentence(
                "You have %(load)s of %(capacity)s in your hands. Close something, hand something on, "
                "or take a case by itself if it cannot wait.",
                load=row["load"],
                capacity=row["capacity"],
            )
        )
    return row


async def _waiting(viewer: Viewer, queue: str) -> list[Record]:
    arguments = Arguments()
    place = f"(SELECT id FROM core_queue WHERE key = {arguments.add(queue)})" if queue else ""
    me = arguments.add(viewer.user_id)
    sql = _WAITING.format(
        in_queue=f"c.queue_id = {place}" if queue else "TRUE",
        part_in_queue=f"a.queue_id = {place}" if queue else "TRUE",
        seen=decide(viewer, "case.take", "case").where("c", arguments), many=LOOKED_AT, me=me,
        same=_SAME, about_me=about_me("c.id", me), now=arguments.add(now()),
    )  # fmt: skip
    return await db.fetch(sql, *arguments.values)


def _key(row: Record) -> str:
    return f"{row['case_id']}/{row['aspect_id'] or ''}"


def _item(row: Record, terms: Sequence[skills.SkillShown]) -> Item:
    asked = [
        skills.needed({"category": each, "case_type": row["case_type"]}, terms) for each in row["categories"] or ()
    ]
    return Item(
        id=_key(row), due_at=row["due_at"], received_at=row["received_at"], severity=row["severity"],
        priority=row["priority"], needs=row["needs"], asks=frozenset().union(*asked), language=language_of(row),
        knows=row["knows"],
    )  # fmt: skip


async def _take(viewer: Viewer, row: Record, chosen: Ranked) -> Taken | None:
    """One of those who ask at once gets it; the others, without waiting, try the next."""
    assert viewer.user_id is not None
    async with db.transaction():
        case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE SKIP LOCKED", row["case_id"])
        if case is None or case["status"] not in {"new", "in_progress"} or case["merged_into"] is not None:
            return None
        aspect = await _matter(row["aspect_id"])
        if row["aspect_id"] is not None and aspect is None:
            return None
        if (aspect or case)["owner_id"] is not None:
            return None
        try:
            await may_hold(case, aspect, viewer.user_id)
        except DeskRefusal:
            return None
        told = factors_told(Weighed(chosen.id, factors=chosen.factors))
        async with undo.kept(viewer, case["id"], "take") as kept:
            await hand_over(viewer, case, aspect, viewer.user_id, {"next": {"factors": told}})
        undo_id = kept.id if aspect is None else None
        return Taken(case["id"], case["reference"], row["aspect_id"], tuple(told), undo_id)


async def _matter(aspect_id: UUID | None) -> Record | None:
    if aspect_id is None:
        return None
    return await db.fetchrow("SELECT * FROM core_aspect WHERE id = $1 AND status = 'open' FOR UPDATE", aspect_id)
