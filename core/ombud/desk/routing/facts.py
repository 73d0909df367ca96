"""What routing reads of a case and of the staff, each in one statement, before anything is weighed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.routing import skills
from ombud.desk.routing.profiles import AWAY, LOAD, WEIGHTS, ZONE, works_at
from ombud.desk.routing.weighing import Candidate, Work
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud_plugin_api import AspectFacts, CaseFacts


@dataclass(frozen=True)
class Case:
    """A case on its way to somebody, whole or one matter of it."""

    row: Record
    aspect: Mapping[str, Any] | None
    aspects: Sequence[Mapping[str, Any]]
    facts: CaseFacts
    work: Work

    @property
    def owner_id(self) -> UUID | None:
        found = (self.row if self.aspect is None else self.aspect)["owner_id"]
        return UUID(str(found)) if found else None

    @property
    def queue_id(self) -> UUID | None:
        """Where it waits; a matter without a queue of its own with its case."""
        own = self.aspect["queue_id"] if self.aspect is not None else None
        return UUID(own) if own else self.row["queue_id"]

    @property
    def category(self) -> str:
        first = self.aspect or next(iter(self.aspects), None)
        return str(first["category"]) if first else ""

    def queue_facts(self) -> dict[str, Any]:
        """What conditions of queues look at; a matter's own priority and severity before the case's."""
        own = self.aspect or self.row
        return {
            "unit_id": self.row["unit_id"], "case_type": self.row["case_type"], "channel": self.row["channel"],
            "language": self.row["language"], "category": self.category, "priority": own["priority"],
            "severity": own["severity"],
        }  # fmt: skip


_CASE = """
SELECT c.*, (WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = c.unit_id
        UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id)
        SELECT array_agg(up.id) FROM up) AS units,
    coalesce((SELECT jsonb_agg(to_jsonb(a) - 'text' - 'title' - 'reason' ORDER BY a.position)
        FROM core_aspect a WHERE a.case_id = c.id), '[]') AS aspects,
    (SELECT p.language FROM core_party y JOIN core_person p ON p.id = y.person_id WHERE y.case_id = c.id
        AND y.role = 'complainant' ORDER BY y.created_at, y.id LIMIT 1) AS spoken,
    (SELECT before.owner_id FROM core_party y JOIN core_party known ON known.person_id = y.person_id
        AND known.role = 'complainant' JOIN core_case before ON before.id = known.case_id AND before.id <> c.id
        AND before.owner_id IS NOT NULL AND NOT before.confidential
        WHERE y.case_id = c.id AND y.role = 'complainant' ORDER BY before.opened_at DESC, before.id LIMIT 1) AS handler,
    EXISTS (SELECT 1 FROM core_support_needs s WHERE s.case_id = c.id AND s.in_vulnerable_circumstances) AS needs,
    (SELECT max(m.said_at) FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in') AS last_in,
    (SELECT max(m.said_at) FROM core_message m WHERE m.case_id = c.id AND m.direction = 'out') AS last_out,
    (SELECT count(*) FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in') AS came,
    (SELECT count(*) FROM core_message m WHERE m.case_id = c.id AND m.direction = 'out') AS went
FROM core_case c WHERE c.id = $1
"""


async def read(case_id: UUID, aspect_id: UUID | None = None) -> Case | None:
    """None where the case, or that matter of it, is gone or over."""
    row = await db.fetchrow(_CASE, case_id)
    if row is None or row["status"] == "closed" or row["merged_into"] is not None:
        return None
    aspect = next((each for each in row["aspects"] if each["id"] == str(aspect_id)), None) if aspect_id else None
    if aspect_id is not None and (aspect is None or aspect["status"] != "open"):
        return None
    terms = await skills.all_skills(active_only=True)
    return Case(row, aspect, row["aspects"], _facts(row, aspect), _work(row, aspect, terms))


def _work(row: Record, aspect: Mapping[str, Any] | None, terms: Sequence[skills.SkillShown]) -> Work:
    matters = [aspect] if aspect else [each for each in row["aspects"] if each["status"] == "open"]
    asked = [skills.needed({"category": each["category"], "case_type": row["case_type"]}, terms) for each in matters]
    priority = aspect["priority"] if aspect else row["priority"]
    return Work(
        skills=frozenset().union(*asked), language=language_of(row), confidential=row["confidential"],
        weight=WEIGHTS[priority], last_handler=str(row["handler"] or ""),
    )  # fmt: skip


def language_of(row: Mapping[str, Any]) -> str:
    """The customer's own language where it is known, else that of the case."""
    return str(row["spoken"] or row["language"] or "").lower().partition("-")[0]


def _facts(row: Record, aspect: Mapping[str, Any] | None) -> CaseFacts:
    matters = [aspect] if aspect else row["aspects"]
    return CaseFacts(
        id=str(row["id"]), reference=row["reference"], unit=str(row["unit_id"]),
        units=tuple(sorted(str(each) for each in row["units"] or ())), case_type=row["case_type"], status=row["status"],
        priority=row["priority"], severity=row["severity"], owner=str(row["owner_id"] or ""),
        queue=str(row["queue_id"] or ""), channel=row["channel"], language=language_of(row),
        confidential=row["confidential"], mood=row["mood"], received_at=row["received_at"], opened_at=row["opened_at"],
        at=now(), due_at=row["due_at"], aspects=tuple(_matter(each, row) for each in matters),
        support_needs=row["needs"], messages_in=row["came"], messages_out=row["went"], last_in_at=row["last_in"],
        last_out_at=row["last_out"],
    )  # fmt: skip


def _matter(row: Mapping[str, Any], case: Record) -> AspectFacts:
    return AspectFacts(
        id=str(row["id"]), position=row["position"], status=row["status"], category=row["category"],
        priority=row["priority"], severity=row["severity"], owner=str(row["owner_id"] or ""),
        queue=str(row["queue_id"] or case["queue_id"] or ""), outcome=row["outcome"], cause=row["cause"],
        concerns_staff=bool(row["concerns_user_id"]),
    )  # fmt: skip


# Whoever may take work in the unit or above it. One of them whom a matter is about, here or before it moved on, is
# told apart here and nowhere else; nobody is given work who cannot sign in to do it, except by a person.
_STAFF = f"""
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT n.id, n.parent_id FROM core_unit n JOIN up ON n.id = up.parent_id),
able AS (SELECT h.user_id, bool_or('case.write' = ANY(k.permissions)) AS writes,
        bool_or('case.take' = ANY(k.permissions)) AS takes,
        bool_or('case.confidential' = ANY(k.permissions)) AS secret
    FROM core_user_role h JOIN up ON up.id = h.unit_id JOIN core_role k ON k.key = h.role GROUP BY h.user_id),
lately AS (SELECT g.user_id, g.weight, g.at FROM core_given g WHERE g.unit_id = $1
    AND g.at > $2::timestamptz - interval '14 days')
SELECT u.id, able.writes AND able.takes AS fits, able.secret, p.skills, p.languages, p.capacity, p.pattern,
    {ZONE} AS zone, away.ends_on IS NOT NULL AS away, {LOAD} AS load,
    (SELECT coalesce(sum(l.weight), 0)::int FROM lately l WHERE l.user_id = u.id) AS recent,
    (SELECT count(*)::int FROM lately l WHERE l.user_id <> u.id
        AND l.at > coalesce((SELECT max(mine.at) FROM lately mine WHERE mine.user_id = u.id), '-infinity')) AS passed,
    EXISTS (SELECT 1 FROM core_aspect mine WHERE mine.concerns_user_id = u.id
        AND (mine.case_id = $3 OR mine.origin_case_id = $3)) AS concerned
FROM core_user u JOIN able ON able.user_id = u.id LEFT JOIN core_staff_profile p ON p.user_id = u.id
{AWAY.format(moment="$2")}
WHERE u.active AND able.writes AND ($4::uuid IS NULL OR u.id = $4) ORDER BY u.id LIMIT 1000
"""


async def staff(case: Case, only: UUID | None = None) -> list[Candidate]:
    """Everybody who could be asked, or one of them."""
    moment = now()
    rows = await db.fetch(_STAFF, case.row["unit_id"], moment, case.row["id"], only)
    away = [row["id"] for row in rows if row["away"]]
    stand_ins: dict[str, set[str]] = {}
    for row in await db.fetch(_STANDING, away, moment) if away else ():
        stand_ins.setdefault(str(row["stand_in_id"]), set()).add(str(row["id"]))
    return [_candidate(row, moment, frozenset(stand_ins.get(str(row["id"]), ()))) for row in rows]


_STANDING = f"""
SELECT u.id, away.stand_in_id FROM core_user u LEFT JOIN core_staff_profile p ON p.user_id = u.id
{AWAY.format(moment="$2")} WHERE u.id = ANY($1) AND away.stand_in_id IS NOT NULL
"""


def _candidate(row: Record, moment: Any, stands_in_for: frozenset[str]) -> Candidate:
    return Candidate(
        id=str(row["id"]), right=row["fits"], secret=row["secret"], concerned=row["concerned"], away=row["away"],
        off_hours=not works_at(row["pattern"] or {}, row["zone"], moment), skills=frozenset(row["skills"] or ()),
        languages=frozenset(row["languages"] or ()), capacity=row["capacity"], load=row["load"],
        recent=row["recent"], passed=row["passed"], stands_in_for=stands_in_for,
    )  # fmt: skip
