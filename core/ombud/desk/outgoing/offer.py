"""What the box for a message offers in a case: ways out, people, kinds, files, and how long it can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.colleagues import drafts
from ombud.desk.colleagues.drafts import Shared
from ombud.desk.deadlines import received_on
from ombud.desk.outgoing import templates
from ombud.desk.outgoing.recipients import PARTIES, ROLES, Reachable, of_rows
from ombud.desk.outgoing.rules import KIND_WORDS, Rules, rules_known
from ombud.desk.outgoing.states import WRITTEN
from ombud.desk.outgoing.templates import Template
from ombud.desk.outgoing.ways import PAGE, Way, ways_known
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import HIDDEN, Arguments, Viewer, decide


@dataclass(frozen=True)
class Offer:
    """`why_not`: per way out, what nobody in the case has that it needs; `people`: id, name and role of those who may
    be written to; `usual`: the way by which they wrote last, else the page; `files`: of the case, newest first;
    `texts`: to begin with, the best fitting of each kind first; `shared`: drafts of colleagues."""

    ways: tuple[Way, ...]
    why_not: Mapping[str, str]
    people: tuple[tuple[UUID, str, str], ...]
    usual: str
    letters: tuple[tuple[str, str], ...]
    holds: Mapping[str, int]
    files: tuple[tuple[UUID, str], ...] = ()
    approval: frozenset[str] = field(default_factory=frozenset)
    texts: tuple[Template, ...] = ()
    macros: tuple[tuple[UUID, str], ...] = ()
    shared: tuple[Shared, ...] = ()


async def offer(viewer: Viewer, case: Any) -> Offer:
    """For a case as case_view shows it. Outside transactions: plugins are asked which of their ways are in use."""
    ways = await ways_known(case.unit.id, viewer.settled)
    rules: Rules = await rules_known(case.unit.id, viewer.settled)
    around = await _around(viewer, case)
    people = of_rows(around["people"] or ())
    texts = await templates.for_case(
        case.unit.id, case.case_type, case.language, around["language"], settled=viewer.settled
    )
    named = case.customer is not None or case.customer_id is None
    return Offer(
        ways=tuple(ways), why_not={each.key: why for each in ways if (why := _missing(each, people))},
        people=tuple((each.person_id, each.known["name"] if named else HIDDEN, each.role_label) for each in people),
        usual=_usual(ways, people, around["last"]),
        letters=tuple((kind, KIND_WORDS[kind]) for kind in WRITTEN), holds=rules.holds,
        files=tuple((UUID(each), name) for each, name in around["files"] or ()), approval=rules.approval_kinds,
        texts=tuple(texts), macros=tuple((UUID(each), name) for each, name in around["macros"] or ()),
        shared=tuple(drafts.shared_of(each) for each in around["shared"] or ()),
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


_AROUND = """
SELECT coalesce((SELECT m.channel FROM core_message m WHERE m.case_id = $1 AND m.direction = 'in'
        ORDER BY m.said_at DESC, m.id DESC LIMIT 1), '') AS last,
    (SELECT u.language FROM core_unit u WHERE u.id = $4) AS language,
    (SELECT jsonb_agg(jsonb_build_array(f.id, f.name) ORDER BY f.created_at DESC, f.id) FROM (
        SELECT f.id, f.name, f.created_at FROM core_attachment f WHERE f.case_id = $1 AND {files}
        ORDER BY f.created_at DESC, f.id LIMIT 50) f) AS files,
    (SELECT jsonb_agg(jsonb_build_array(k.id, k.name) ORDER BY lower(k.name), k.id) FROM core_macro k
        WHERE k.retired_at IS NULL AND (k.unit_id IS NULL OR k.unit_id IN (WITH RECURSIVE up AS (
            SELECT id, parent_id FROM core_unit WHERE id = $4
            UNION ALL SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id) SELECT id FROM up))
    ) AS macros,
    (SELECT jsonb_agg(to_jsonb(y)) FROM ({people}) y) AS people,
    (SELECT jsonb_agg(to_jsonb(d)) FROM ({shared}) d) AS shared
"""


async def _around(viewer: Viewer, case: Any) -> Record:
    """What else stands around the box, in one statement."""
    arguments = Arguments(case.id, list(ROLES), received_on(now(), case.zone), case.unit.id)
    files = decide(viewer, "case.read", "attachment").where("f", arguments)
    sql = _AROUND.format(files=files, shared=drafts.shared_sql(viewer, arguments, "$1"), people=PARTIES)
    row = await db.steady.fetchrow(sql, *arguments.values)
    assert row is not None
    return row
