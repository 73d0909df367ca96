"""Everything of a case that its maker may see, read once under the policy: the ground of a file for outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.in_view import in_view
from ombud.desk.matters.evidence import EvidenceShown, register
from ombud.desk.trail.history import PLAIN, Happened, events
from ombud.desk.trail.timeline import FileShown, Said, messages
from ombud.desk.writing import refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

RIGHT = "case.hand_over"
MOST = 5000  # messages, and entries, of one case
ACTING = ("complainant", "joint_complainant", "representative")


@dataclass(frozen=True)
class Outsider:
    """Somebody in the case who neither complains nor acts for who does; `signs`: what would name them in a text."""

    person_id: UUID
    role: str
    signs: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """The case as the maker sees it. `loose`: files without a message; `marks`: the reason by message or file that is
    privileged; `hashes`: SHA-256 and size of each file; `acting`: people who complain or act for who does."""

    view: CasePageView
    said: tuple[Said, ...]
    loose: tuple[FileShown, ...]
    done: tuple[Happened, ...]
    evidence: Mapping[UUID, tuple[EvidenceShown, ...]]
    marks: Mapping[UUID, str]
    outsiders: tuple[Outsider, ...]
    acting: frozenset[UUID]
    at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.view.case.zone)

    @property
    def final_response_at(self) -> datetime | None:
        """When the last final response left."""
        sent = [
            each.way.sent_at or each.at
            for each in self.said
            if each.way is not None and each.way.kind == "final_response" and each.way.state == "sent"
        ]
        return max(sent, default=None)


async def record_of(viewer: Viewer, reference: str) -> Record:
    """The record in some ten statements, for who may make files of cases. Raises NotFound and NotAllowed, the latter
    also for somebody whom an aspect is about, who is not told why."""
    case = await in_view(viewer, reference, RIGHT)
    await refuse_concerned(viewer, case.id)
    view = await case_page(viewer, case.reference, talk=False)
    said = await messages(viewer, case.id, case.unit_id, case.letters, limit=MOST, shares=True)
    done = await events(viewer, case.id, case.letters, case.unit_id, limit=MOST)
    today = now().astimezone(ZoneInfo(view.case.zone)).date()
    files = [each.id for one in said for each in one.files] + [each.id for each in view.files]
    return Record(
        view=view, said=tuple(said), loose=view.files,
        done=tuple(sorted((each for each in done if each.code in PLAIN), key=lambda each: (each.at, each.id))),
        evidence={each.id: await register(viewer, each.id, today) for each in view.aspects},
        marks=await _marks([each.id for each in said], files), outsiders=await _outsiders(viewer, case.id),
        acting=frozenset(each.person_id for each in view.parties if each.role in ACTING), at=now(),
    )  # fmt: skip


async def _marks(said: list[UUID], files: list[UUID]) -> dict[UUID, str]:
    rows = await db.fetch(
        "SELECT message_id, attachment_id, reason FROM core_privileged "
        "WHERE message_id = ANY($1) OR attachment_id = ANY($2)",
        said, files,
    )  # fmt: skip
    return {row["message_id"] or row["attachment_id"]: row["reason"] for row in rows}


async def _outsiders(viewer: Viewer, case_id: UUID) -> tuple[Outsider, ...]:
    """Their names are read whatever the maker may see of people, because only so they can be left out of the texts;
    they go nowhere."""
    arguments = Arguments(case_id, list(ACTING))
    rows = await db.fetch(
        "SELECT y.person_id, y.role, p.kind, p.name, p.email, p.phone, ARRAY(SELECT w.name FROM core_party a "
        "JOIN core_person w ON w.id = a.person_id WHERE a.case_id = y.case_id AND a.role = ANY($2)) AS acting "
        "FROM core_party y "
        "JOIN core_person p ON p.id = y.person_id JOIN core_case c ON c.id = y.case_id "
        f"WHERE y.case_id = $1 AND {decide(viewer, RIGHT, 'case').where('c', arguments)} AND NOT EXISTS (SELECT 1 "
        "FROM core_party o WHERE o.case_id = y.case_id AND o.person_id = y.person_id AND o.role = ANY($2)) "
        "ORDER BY y.created_at, y.id",
        *arguments.values,
    )
    return tuple(Outsider(row["person_id"], row["role"], _signs(row)) for row in rows)


def _signs(row: asyncpg.Record) -> tuple[str, ...]:
    """The whole name, of a person each word of it too, unless a complainant bears it; the address and the number."""
    found = [" ".join(row["name"].split()), row["email"].strip(), row["phone"].strip()]
    if row["kind"] == "person":
        ours = {word.casefold() for name in row["acting"] for word in name.split()}
        found += [word for word in row["name"].split() if word.casefold() not in ours]
    return tuple(dict.fromkeys(each for each in found if len(each) > 2))
