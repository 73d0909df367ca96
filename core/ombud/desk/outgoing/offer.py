"""What the box for a message offers in a case: ways out, people, kinds, files, and how long it can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ombud.desk.deadlines import received_on
from ombud.desk.outgoing.recipients import Reachable, reachable
from ombud.desk.outgoing.rules import KIND_WORDS, Rules, rules_in
from ombud.desk.outgoing.states import WRITTEN
from ombud.desk.outgoing.ways import PAGE, Way, ways_in
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import HIDDEN, Arguments, Viewer, decide

FILES = 50


@dataclass(frozen=True)
class Offer:
    """`why_not`: per way out, what nobody in the case has that it needs; `people`: id, name and role of those who may
    be written to; `usual`: the way by which they wrote last, else the page; `files`: of the case, newest first."""

    ways: tuple[Way, ...]
    why_not: Mapping[str, str]
    people: tuple[tuple[UUID, str, str], ...]
    usual: str
    letters: tuple[tuple[str, str], ...]
    holds: Mapping[str, int]
    files: tuple[tuple[UUID, str], ...] = ()
    approval: frozenset[str] = field(default_factory=frozenset)


async def offer(viewer: Viewer, case: Any) -> Offer:
    """For a case as case_view shows it. Outside transactions: plugins are asked which of their ways are in use."""
    ways = await ways_in(case.unit.id)
    people = await reachable(case.id, received_on(now(), case.zone))
    rules: Rules = await rules_in(case.unit.id)
    named = case.customer is not None or case.customer_id is None
    return Offer(
        ways=tuple(ways), why_not={each.key: why for each in ways if (why := _missing(each, people))},
        people=tuple((each.person_id, each.known["name"] if named else HIDDEN, each.role_label) for each in people),
        usual=_usual(ways, people, await _last_channel(case.id)),
        letters=tuple((kind, KIND_WORDS[kind]) for kind in WRITTEN), holds=rules.holds,
        files=await _files(viewer, case.id), approval=rules.approval_kinds,
    )  # fmt: skip


def _missing(way: Way, people: list[Reachable]) -> str:
    if not people:
        return "nobody who speaks for the complaint"
    missing = [way.lacks(each.known) for each in people]
    return missing[0] if all(missing) else ""


def _usual(ways: list[Way], people: list[Reachable], last: str) -> str:
    """The way they wrote last, where it leads back to the first of them."""
    for each in ways:
        if each.key == last and people and not each.lacks(people[0].known):
            return each.key
    return PAGE


async def _last_channel(case_id: UUID) -> str:
    found = await db.fetchval(
        "SELECT channel FROM core_message WHERE case_id = $1 AND direction = 'in' "
        "ORDER BY said_at DESC, id DESC LIMIT 1",
        case_id,
    )
    return str(found or "")


async def _files(viewer: Viewer, case_id: UUID) -> tuple[tuple[UUID, str], ...]:
    arguments = Arguments(case_id)
    seen = decide(viewer, "case.read", "attachment").where("f", arguments)
    rows = await db.fetch(
        f"SELECT f.id, f.name FROM core_attachment f WHERE f.case_id = $1 AND {seen} "
        f"ORDER BY f.created_at DESC, f.id LIMIT {FILES}",
        *arguments.values,
    )
    return tuple((row["id"], row["name"]) for row in rows)
