"""To which case a message belongs, and whether it may join it: only where its sender is a party of that case.

The ways to a case are asked in a fixed order: the ids of the messages it answers, the signed token in the address to
which it was sent, and a reference in what the sender wrote this time. A subject's prefix says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import deadlines, references
from ombud.desk.customers import plain
from ombud.desk.inbox import threads
from ombud.kernel.database import db
from ombud_plugin_api.correspondence import Thread
from ombud_plugin_api.facts import PersonGiven

# Whoever a complaint speaks about writes nothing into it by themselves.
SPEAK = ("complainant", "joint_complainant", "representative")
_SHORTEST_NUMBER = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """What matching looks at of a message."""

    sender: PersonGiven
    thread: Thread
    written: str
    received_at: datetime
    possible: UUID | None = None  # the case that it was thought to belong to before
    possible_by: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A case that a message points at: `by` thread, token or reference, `told` what said so."""

    by: str
    told: str
    case_id: UUID | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Belongs:
    """Where a message belongs. `person_id`: the party who sent it; without one it does not join. `origin`: the case it
    was said to, where that was merged into this one."""

    case_id: UUID
    hint: Hint
    person_id: UUID | None
    origin: UUID | None = None


async def find(asked: Asked) -> Belongs | None:
    """The first case by the order of hints whose party the sender is; else the first there is; two statements."""
    hints = await _hints(asked)
    if not hints:
        return None
    cases = await _cases(hints)
    first: Belongs | None = None
    for hint in hints:
        case = cases.get(hint.case_id or hint.reference)
        if case is None:
            continue
        person = party(case, asked.sender, asked.received_at)
        origin = case["origin"] if case["origin"] != case["id"] else None
        if person is not None:
            return Belongs(case["id"], hint, person, origin)
        first = first or Belongs(case["id"], hint, None)
    return first


async def _hints(asked: Asked) -> list[Hint]:
    hints = await _by_thread(asked.thread)
    if (signed := threads.case_in_addresses(asked.thread.addresses)) is not None:
        hints.append(Hint("token", "", signed))
    if asked.possible is not None:
        hints.append(Hint(asked.possible_by, "", asked.possible))
    return hints + [Hint("reference", each, None, each) for each in references.find(asked.written)]


async def _by_thread(thread: Thread) -> list[Hint]:
    if not thread.answers:
        return []
    rows = await db.fetch(
        "SELECT t.value, coalesce(m.origin_case_id, m.case_id) AS case_id "
        "FROM unnest($1::text[]) WITH ORDINALITY AS given (value, place) "
        "JOIN core_thread_id t ON t.value = given.value JOIN core_message m ON m.id = t.message_id "
        "WHERE m.case_id IS NOT NULL ORDER BY given.place, m.recorded_at, m.id",
        list(thread.answers),
    )
    found: dict[UUID, str] = {}
    for row in rows:
        found.setdefault(row["case_id"], row["value"])
    return [Hint("thread", value, case_id) for case_id, value in found.items()]


CASES = """
WITH RECURSIVE asked AS (
    SELECT id, reference, merged_into FROM core_case WHERE id = ANY($1) OR reference = ANY($2)),
up AS (
    SELECT asked.id AS origin, asked.reference, asked.id, asked.merged_into FROM asked
    UNION SELECT up.origin, up.reference, c.id, c.merged_into FROM up JOIN core_case c ON c.id = up.merged_into)
SELECT up.origin, up.reference, c.id, u.time_zone, coalesce((
    SELECT jsonb_agg(jsonb_build_object('person', y.person_id, 'role', y.role, 'until', y.authority_until,
        'name', p.name, 'email', p.email, 'phone', p.phone) ORDER BY y.created_at, y.id)
    FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = c.id), '[]') AS parties
FROM up JOIN core_case c ON c.id = up.id JOIN core_unit u ON u.id = c.unit_id WHERE up.merged_into IS NULL
"""


async def _cases(hints: Sequence[Hint]) -> dict[UUID | str, Any]:
    """By id and by reference of the case that was named: the case that holds today what that one held."""
    ids = [hint.case_id for hint in hints if hint.case_id]
    rows = await db.fetch(CASES, ids, [hint.reference for hint in hints if hint.reference])
    return {row["origin"]: row for row in rows} | {row["reference"]: row for row in rows}


def party(case: Mapping[str, Any], sender: PersonGiven, at: datetime) -> UUID | None:
    """The party of a case (`parties`, `time_zone`) whose address this is, of several the one of the same name. Pure."""
    day = deadlines.received_on(at, case["time_zone"]).isoformat()
    same = [
        each
        for each in case["parties"]
        if each["role"] in SPEAK and (each["until"] is None or each["until"] >= day) and _same(each, sender)
    ]
    named = [each for each in same if sender.name and each["name"].casefold() == sender.name.casefold()]
    chosen = (named or same)[:1]
    return UUID(chosen[0]["person"]) if chosen else None


def _same(party: Mapping[str, Any], sender: PersonGiven) -> bool:
    """An address or a number of one's own; a name is nothing by which a person is known."""
    address = sender.email.strip().casefold()
    if address and party["email"].strip().casefold() == address:
        return True
    number = plain("phone", sender.phone)
    return len(number) >= _SHORTEST_NUMBER and plain("phone", party["phone"]) == number
