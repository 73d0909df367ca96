"""What routing and escalation tell of one case: who got it and why, what runs, what was before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.routing.laddering import Step, read_content
from ombud.desk.routing.reasons import words
from ombud.desk.shown import moment_of
from ombud.desk.trail.history import Phrase
from ombud.kernel.database import db
from ombud.trust.ledger import open_sealed
from ombud.trust.policy import Arguments, Viewer, about_me, decide


@dataclass(frozen=True)
class EscalationShown:
    """`level` of `of` steps were taken; `next_at`: when the next one is due, None where none is left; `ends`: what ends
    it; `next_step`: what comes then."""

    id: UUID
    ladder: str
    level: int
    of: int
    aspect_id: UUID | None
    started_at: datetime
    moved_at: datetime
    next_at: datetime | None
    next_step: Step | None
    ends: tuple[str, ...]
    running: bool
    ended_at: datetime | None = None
    ended_because: str = ""


@dataclass(frozen=True)
class GivenShown:
    """That somebody got it. `factors`: what counted, the weightiest first; `rule`: the rule that asked for it; `next`:
    they asked for the next one; `reasons`: what routers said, for those who read the audit trail."""

    at: datetime
    owner: str
    mine: bool
    aspect_id: UUID | None
    factors: tuple[Phrase, ...] = ()
    rule: str = ""
    taken_next: bool = False
    escalation: str = ""
    reasons: tuple[str, ...] = ()


_ESCALATIONS = """
SELECT e.*, l.name, v.content FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id
JOIN core_ladder_version v ON v.ladder_id = e.ladder_id AND v.number = e.number
LEFT JOIN core_aspect a ON a.id = e.aspect_id
WHERE e.case_id = {case} AND {which} AND (e.aspect_id IS NULL OR {aspects}) AND NOT {about}
ORDER BY e.state DESC, e.started_at DESC, e.id LIMIT 50
"""


async def escalations(viewer: Viewer, case_id: UUID, *, running_only: bool = False) -> list[EscalationShown]:
    """Those that run first; none for somebody whom a matter of the case is about. One statement."""
    arguments = Arguments()
    sql = _ESCALATIONS.format(
        case=arguments.add(case_id), which="e.state = 'running'" if running_only else "TRUE",
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        about=about_me("e.case_id", arguments.add(viewer.user_id)),
    )  # fmt: skip
    return [_shown(row) for row in await db.fetch(sql, *arguments.values)]


def _shown(row: Any) -> EscalationShown:
    content, level = read_content(row["content"]), row["level"]
    running = row["state"] == "running"
    return EscalationShown(
        row["id"], row["name"], level, len(content.steps), row["aspect_id"], row["started_at"], row["moved_at"],
        row["next_at"], content.steps[level] if running and level < len(content.steps) else None, content.ends,
        running, row["ended_at"], row["ended_because"],
    )  # fmt: skip


_GIVEN = """
SELECT e.seq, e.stream, e.at, e.body, e.cause, coalesce(nullif(o.display_name, ''), o.name) AS owner, o.id AS owner_id
FROM core_ledger_entry e LEFT JOIN core_user o ON o.id = nullif(e.body->>'owner', '')::uuid
WHERE e.stream = {stream} AND e.kind IN ('case.assigned', 'aspect.assigned') AND {seen}
ORDER BY e.seq DESC LIMIT {limit}
"""


async def given(viewer: Viewer, case_id: UUID, *, limit: int = 20) -> list[GivenShown]:
    """Who got the case, or a matter of it, newest first, and why where the entry says so."""
    arguments = Arguments()
    sql = _GIVEN.format(
        stream=arguments.add(f"case/{case_id}"), limit=arguments.add(limit),
        seen=decide(viewer, "case.read", "entry").where("e", arguments),
    )  # fmt: skip
    rows = await db.fetch(sql, *arguments.values)
    said: dict[int, list[str]] = {}
    routed = [(row["stream"], row["seq"]) for row in rows if "routing" in (row["body"].get("because") or {})]
    for each in await open_sealed(routed) if routed else ():
        said.setdefault(each.seq, []).append(str(each.value))
    return [_given(viewer, row, said.get(row["seq"], [])) for row in rows]


def _given(viewer: Viewer, row: Any, said: list[str]) -> GivenShown:
    because: Mapping[str, Any] = row["body"].get("because") or {}
    by = because.get("routing") or because.get("next") or {}
    aspect = row["body"].get("aspect")
    return GivenShown(
        row["at"], row["owner"] or "", row["owner_id"] is not None and row["owner_id"] == viewer.user_id,
        UUID(aspect) if aspect else None, tuple(words(by.get("factors") or ())), str(because.get("rule", "")),
        "next" in because, str(because.get("escalation", "")), tuple(said),
    )  # fmt: skip


@dataclass(frozen=True)
class Glance:
    """For the page of a case: what runs, as (ladder, level, of, next_at), and who got it last, with why."""

    running: tuple[tuple[str, int, int, datetime | None], ...] = ()
    given: GivenShown | None = None


GLANCE = """
CASE WHEN {mine} THEN NULL ELSE (
    SELECT jsonb_agg(jsonb_build_array(l.name, e.level, jsonb_array_length(v.content->'steps'), e.next_at)
        ORDER BY e.level DESC, e.started_at)
    FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id
    JOIN core_ladder_version v ON v.ladder_id = e.ladder_id AND v.number = e.number
    LEFT JOIN core_aspect a ON a.id = e.aspect_id
    WHERE e.case_id = c.id AND e.state = 'running' AND (e.aspect_id IS NULL OR {aspects})) END AS climbing,
(SELECT jsonb_build_object('at', e.at, 'body', e.body, 'owner', coalesce(nullif(o.display_name, ''), o.name),
        'owner_id', o.id)
    FROM (SELECT * FROM core_ledger_entry a WHERE a.stream = 'case/' || c.id AND a.kind = 'case.assigned' OFFSET 0) e
    LEFT JOIN core_user o ON o.id = nullif(e.body->>'owner', '')::uuid
    WHERE {entries} ORDER BY e.seq DESC LIMIT 1) AS given
"""
"""Columns over a case `c` that `glance_of` reads; `mine`: a matter of it is about the viewer; `aspects` over `a` and
`entries` over `e`: what they may see. OFFSET keeps the few entries of the kind apart from what is asked of each: else
that seems dear to the planner, and it plans the longest statement of a case page anew for every page."""


def glance_of(viewer: Viewer, row: Any) -> Glance:
    """From a row with the columns of GLANCE."""
    running = tuple((name, level, of, moment_of(due)) for name, level, of, due in row["climbing"] or ())
    found = row["given"]
    if not found or not found["owner"]:
        return Glance(running)
    at, owner_id = moment_of(found["at"]), UUID(found["owner_id"])
    return Glance(running, _given(viewer, {**found, "at": at, "owner_id": owner_id}, []))


_OVERVIEW = """
SELECT e.id, e.level, e.next_at, e.started_at, l.name AS ladder, c.reference, c.title, a.position,
    jsonb_array_length(v.content->'steps') AS of, coalesce(nullif(o.display_name, ''), o.name, '') AS owner
FROM core_escalation e JOIN core_ladder l ON l.id = e.ladder_id JOIN core_case c ON c.id = e.case_id
JOIN core_ladder_version v ON v.ladder_id = e.ladder_id AND v.number = e.number
LEFT JOIN core_aspect a ON a.id = e.aspect_id LEFT JOIN core_user o ON o.id = coalesce(a.owner_id, c.owner_id)
WHERE e.state = 'running' AND {cases} AND (e.aspect_id IS NULL OR {aspects}) AND NOT {about}
ORDER BY e.level DESC, e.next_at NULLS FIRST, e.id LIMIT 100
"""


async def overview(viewer: Viewer) -> list[Any]:
    """Every escalation that runs, in the viewer's sight, the highest first."""
    arguments = Arguments()
    sql = _OVERVIEW.format(
        cases=decide(viewer, "case.read", "case").where("c", arguments),
        aspects=decide(viewer, "case.read", "aspect").where("a", arguments),
        about=about_me("c.id", arguments.add(viewer.user_id)),
    )  # fmt: skip
    return list(await db.fetch(sql, *arguments.values))
