"""What routing goes by, tried on the past before it is saved: a profile, a skill or a queue as it would be.

The work of the last months is given out twice, by what holds now and by the draft, in the order in which it came. What
is known is said plainly: rights, absences and facts are those that stand today; what stood then is not kept.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk import trials
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.engine.folding import chain_of
from ombud.desk.queues import ACCOUNT
from ombud.desk.routing import assigning, profiles, skills
from ombud.desk.routing.facts import language_of
from ombud.desk.routing.profiles import ProfileGiven
from ombud.desk.routing.simulating import Away, Given, Person, Piece, Setup, Simulation
from ombud.desk.routing.weighing import Candidate, Place, Proposed, Work
from ombud.desk.rules import in_force
from ombud.kernel.database import db
from ombud.trust.policy import Viewer
from ombud_plugin_api import AspectFacts, CaseFacts

KIND = "routing"
PAGE = 500
MOST = 20_000
"""Pieces of work that are looked at, the newest; how many were left is told."""
MOST_SHOWN = 200

Draft = Mapping[str, Any]


class TriedRouting(msgspec.Struct):
    """What came of it; pairs are [by what holds now, by the draft]. `pieces`: cases, and matters with their own queue;
    `left`: older ones that were not looked at; `as_it_went`: by what holds now, to whoever has it in truth; `nobody`:
    what nobody could have had; `people`, `queues`: by id, how much went there; `why`: what kept people away → times."""

    pieces: int = 0
    left: int = 0
    as_it_went: int = 0
    owned: int = 0
    changed: int = 0
    moved: int = 0
    nobody: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    people: dict[str, list[int]] = {}
    queues: dict[str, list[int]] = {}
    why: dict[str, list[int]] = {}
    shown: list[dict[str, Any]] = []

    def take(self, piece: Piece, was: Given, would: Given) -> None:
        self.pieces += 1
        self.owned += bool(piece.owner)
        self.as_it_went += bool(piece.owner) and was.owner == piece.owner
        for side, given in enumerate((was, would)):
            self.nobody[side] += not given.owner
            if given.owner:
                self.people.setdefault(given.owner, [0, 0])[side] += 1
            self.queues.setdefault(given.queue, [0, 0])[side] += 1
            for law, times in given.result.left.items():
                told = (
                    "right" if law == "concerned" else law
                )  # that a matter is about somebody is nobody's to read here
                self.why.setdefault(told, [0, 0])[side] += times
        self.changed += was.owner != would.owner
        self.moved += was.queue != would.queue
        if (was.owner, was.queue) != (would.owner, would.queue) and len(self.shown) < MOST_SHOWN:
            self.shown.append({
                "case": piece.case, "at": piece.at.isoformat(), "owner": [was.owner, would.owner],
                "queue": [was.queue, would.queue],
            })  # fmt: skip


async def ask_profile(viewer: Viewer, user_id: UUID, given: ProfileGiven, months: int) -> None:
    """Asks for a trial of somebody's profile. Raises as saving it would."""
    wanted = await profiles.wanted(viewer, user_id, given)
    draft = {name: wanted[name] for name in ("skills", "languages", "capacity", "pattern", "time_zone")}
    await trials.ask(viewer, KIND, f"profile/{user_id}", draft, months)


async def ask_skill(
    viewer: Viewer, skill_id: UUID, needed_by: Mapping[str, Sequence[str]], active: bool, months: int
) -> None:
    draft = {"needed_by": await skills.wanted(viewer, needed_by), "active": active}
    await trials.ask(viewer, KIND, f"skill/{skill_id}", draft, months)


async def ask_queue(viewer: Viewer, queue_id: UUID, given: QueueGiven, months: int) -> None:
    given = await queue_setup.wanted(viewer, queue_id, given)
    draft = {
        "unit_id": str(given.unit_id or ""), "condition": dict(given.condition or {}), "active": given.active,
    }  # fmt: skip
    await trials.ask(viewer, KIND, f"queue/{queue_id}", draft, months)


async def latest(kind: str, identity: UUID) -> trials.Trial | None:
    """`kind`: profile, skill or queue."""
    return await trials.latest(KIND, f"{kind}/{identity}")


async def run(about: str, definition: Draft, since: datetime) -> TriedRouting:
    """The trial itself; see `trials`."""
    kind, _, identity = about.partition("/")
    as_it_is = await setup()
    return await give_out(as_it_is, drafted(as_it_is, kind, identity, definition), since)


def drafted(setup: Setup, kind: str, identity: str, draft: Draft) -> Setup:
    """The setup with one thing as it would be. Pure."""
    if kind == "profile" and identity in setup.people:
        person = replace(
            setup.people[identity], skills=frozenset(draft["skills"]), languages=frozenset(draft["languages"]),
            capacity=draft["capacity"], pattern=draft["pattern"],
            zone=draft["time_zone"] or setup.people[identity].zone,
        )  # fmt: skip
        return replace(setup, people={**setup.people, identity: person})
    if kind == "skill":
        changed = [
            replace(each, needed_by=draft["needed_by"], active=draft["active"]) if str(each.id) == identity else each
            for each in setup.skills
        ]
        return replace(setup, skills=changed)
    unit = draft["unit_id"] if kind == "queue" else ""
    queues = [
        {**each, "unit_id": UUID(unit) if unit else None, "condition": draft["condition"], "active": draft["active"]}
        if str(each["id"]) == identity else each
        for each in setup.queues
    ]  # fmt: skip
    return replace(setup, queues=queues) if kind == "queue" else setup


_PEOPLE = f"""
SELECT u.id::text AS id, h.unit_id::text AS unit, p.skills, p.languages, p.capacity, p.pattern, {profiles.ZONE} AS zone,
    bool_or('case.write' = ANY(k.permissions) AND 'case.take' = ANY(k.permissions)) AS fits,
    bool_or('case.confidential' = ANY(k.permissions)) AS secret
FROM core_user u JOIN core_user_role h ON h.user_id = u.id JOIN core_role k ON k.key = h.role
LEFT JOIN core_staff_profile p ON p.user_id = u.id
WHERE u.active GROUP BY u.id, h.unit_id, p.user_id ORDER BY u.id, h.unit_id
"""
_ABSENCES = """
SELECT user_id::text AS id, starts_on, ends_on, coalesce(stand_in_id::text, '') AS stand_in, cancelled_at
FROM core_absence ORDER BY ends_on DESC, id
"""


async def setup() -> Setup:
    """What routing goes by today."""
    absences: dict[str, list[Away]] = {}
    for row in await db.fetch(_ABSENCES):
        away = Away(row["starts_on"], row["ends_on"], row["stand_in"], row["cancelled_at"])
        absences.setdefault(row["id"], []).append(away)
    people: dict[str, Person] = {}
    for row in await db.fetch(_PEOPLE):
        known = people.get(row["id"])
        works_in = {**(known.works_in if known else {}), row["unit"]: (row["fits"], row["secret"])}
        people[row["id"]] = Person(
            row["id"], works_in, frozenset(row["skills"] or ()), frozenset(row["languages"] or ()), row["capacity"],
            row["pattern"] or {}, row["zone"], tuple(absences.get(row["id"], ())),
        )  # fmt: skip
    queues = await db.fetch("SELECT * FROM core_queue ORDER BY position, key")
    return Setup(people, await skills.all_skills(), [dict(each) for each in queues])


_PIECE = f"""
c.id::text AS case_id, c.unit_id, c.case_type, c.channel, c.language, c.confidential, c.opened_at, c.closed_at,
(SELECT p.language FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = c.id
    AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) AS spoken,
(SELECT y.person_id::text FROM core_party y WHERE y.case_id = c.id AND y.role = 'complainant'
    ORDER BY y.created_at, y.id LIMIT 1) AS person,
ARRAY(SELECT DISTINCT a.concerns_user_id::text FROM core_aspect a WHERE (a.case_id = c.id OR a.origin_case_id = c.id)
    AND a.concerns_user_id IS NOT NULL) AS concerned, {ACCOUNT.format(case="c")} AS account
"""
# A case as a whole, with its matters that wait with it; and each matter in a queue of its own.
_PIECES = f"""
SELECT * FROM (
    SELECT c.id AS id, {_PIECE}, c.priority, c.severity, c.owner_id::text AS owner, c.queue_id::text AS queue,
        c.closed_at AS ended_at,
        ARRAY(SELECT a.category FROM core_aspect a WHERE a.case_id = c.id ORDER BY a.position, a.id) AS categories
    FROM core_case c WHERE c.merged_into IS NULL AND c.opened_at >= $1
    UNION ALL
    SELECT a.id AS id, {_PIECE}, a.priority, a.severity, a.owner_id::text, a.queue_id::text,
        coalesce(a.decided_at, c.closed_at), ARRAY[a.category]
    FROM core_aspect a JOIN core_case c ON c.id = a.case_id
    WHERE a.queue_id IS NOT NULL AND c.queue_id IS DISTINCT FROM a.queue_id AND c.merged_into IS NULL
        AND c.opened_at >= $1) pieces
WHERE (opened_at, id) > ($2, $3) ORDER BY opened_at, id LIMIT $4
"""
_MANY = """
SELECT count(*) AS many, (SELECT opened_at FROM core_case WHERE merged_into IS NULL AND opened_at >= $1
    ORDER BY opened_at DESC OFFSET $2 LIMIT 1) AS cut
FROM core_case WHERE merged_into IS NULL AND opened_at >= $1
"""
_CARRIED = """
SELECT c.owner_id::text AS owner, c.priority, c.closed_at AS ended_at FROM core_case c
WHERE c.owner_id IS NOT NULL AND c.merged_into IS NULL AND c.opened_at < $1
    AND (c.closed_at IS NULL OR c.closed_at >= $1)
"""
_HANDLERS = """
SELECT DISTINCT ON (y.person_id) y.person_id::text AS person, c.owner_id::text AS owner
FROM core_party y JOIN core_case c ON c.id = y.case_id
WHERE y.role = 'complainant' AND c.owner_id IS NOT NULL AND NOT c.confidential AND c.opened_at < $1
ORDER BY y.person_id, c.opened_at DESC, c.id
"""


async def give_out(was: Setup, would: Setup, since: datetime) -> TriedRouting:
    """The work that came since then, given out on both sides."""
    tried = TriedRouting()
    many = await db.fetchrow(_MANY, since, MOST)
    if many is not None and many["cut"] is not None:
        since = many["cut"] + timedelta(microseconds=1)
        tried.left = many["many"] - MOST
    sides = await _sides(was, would, since)
    place: tuple[datetime, UUID] = (since - timedelta(microseconds=1), UUID(int=0))
    while rows := await db.fetch(_PIECES, since, *place, PAGE):
        place = (rows[-1]["opened_at"], rows[-1]["id"])
        for row in rows:
            piece = _piece(row)
            given = [await _give(side, piece) for side in sides]
            tried.take(piece, *given)
        await asyncio.sleep(0)
    return tried


async def _sides(was: Setup, would: Setup, since: datetime) -> list[Simulation]:
    parents = await in_force.parents()
    above = {unit: chain_of(unit, parents) for unit in parents}
    handlers = {row["person"]: row["owner"] for row in await db.fetch(_HANDLERS, since)}
    sides = [Simulation(each, above, handlers) for each in (was, would)]
    for row in await db.fetch(_CARRIED, since):
        for side in sides:
            side.carry(row["owner"], profiles.WEIGHTS.get(row["priority"], 1), row["ended_at"])
    return sides


def _piece(row: Any) -> Piece:
    categories = tuple(row["categories"])
    facts = {
        "unit_id": row["unit_id"], "case_type": row["case_type"], "channel": row["channel"], "language":
        row["language"], "priority": row["priority"], "severity": row["severity"], "account": row["account"],
        "category": categories[0] if categories else "",
    }  # fmt: skip
    return Piece(
        str(row["id"]), row["case_id"], str(row["unit_id"]), row["opened_at"], facts, categories, language_of(row),
        row["confidential"], frozenset(row["concerned"]), row["person"] or "", row["ended_at"], row["owner"] or "",
        row["queue"] or "",
    )  # fmt: skip


async def _give(side: Simulation, piece: Piece) -> Given:
    offer = side.offer(piece)
    return side.give(piece, offer, await _proposed(piece, offer))


async def _proposed(piece: Piece, offer: tuple[Work, Sequence[Candidate], Sequence[Place]]) -> list[Proposed]:
    """What the routers of plugins say, as they are asked live; they change nothing."""
    work, people, places = offer
    return await assigning.proposals(_facts(piece), work, people, places)


def _facts(piece: Piece) -> CaseFacts:
    facts = piece.facts
    matters = tuple(
        AspectFacts(id=f"{piece.id}/{place}", position=place, category=each, priority=facts["priority"],
                    severity=facts["severity"])
        for place, each in enumerate(piece.categories, 1)
    )  # fmt: skip
    return CaseFacts(
        id=piece.case, unit=piece.unit, case_type=facts["case_type"], priority=facts["priority"],
        severity=facts["severity"], queue=piece.queue, channel=facts["channel"], language=piece.language,
        confidential=piece.confidential, received_at=piece.at, opened_at=piece.at, at=piece.at, aspects=matters,
    )  # fmt: skip


__all__ = [
    "KIND", "TriedRouting", "ask_profile", "ask_queue", "ask_skill", "drafted", "give_out", "latest", "run", "setup",
]  # fmt: skip
