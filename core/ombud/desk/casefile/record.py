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
from ombud.desk.redaction import Known
from ombud.desk.trail.history import PLAIN, Happened, events
from ombud.desk.trail.timeline import FileShown, Said, messages
from ombud.desk.words import label
from ombud.desk.writing import refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

RIGHT = "case.hand_over"
MOST = 5000  # messages, and entries, of one case
ACTING = ("complainant", "joint_complainant", "representative")


@dataclass(frozen=True)
class Outsider:
    """Somebody in the case who neither complains nor acts for who does, and what would name them in a text."""

    person_id: UUID
    role: str
    known: Known


@dataclass(frozen=True)
class Record:
    """The case as the maker sees it. `loose`: files without a message; `marks`: the reason by message or file that is
    privileged; `acting`: people who complain or act for who does; `ours`: what they are known by."""

    view: CasePageView
    said: tuple[Said, ...]
    loose: tuple[FileShown, ...]
    done: tuple[Happened, ...]
    evidence: Mapping[UUID, tuple[EvidenceShown, ...]]
    marks: Mapping[UUID, str]
    outsiders: tuple[Outsider, ...]
    ours: Known
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
        ours=await _ours(viewer, case.id),
        acting=frozenset(each.person_id for each in view.parties if each.role in ACTING), at=now(),
    )  # fmt: skip


async def _marks(said: list[UUID], files: list[UUID]) -> dict[UUID, str]:
    rows = await db.fetch(
        "SELECT message_id, attachment_id, reason FROM core_privileged "
        "WHERE message_id = ANY($1) OR attachment_id = ANY($2)",
        said, files,
    )  # fmt: skip
    return {row["message_id"] or row["attachment_id"]: row["reason"] for row in rows}


_WHO = """
SELECT y.person_id, y.role, p.kind, p.name, p.email, p.phone, p.address, p.postcode FROM core_party y
JOIN core_person p ON p.id = y.person_id JOIN core_case c ON c.id = y.case_id
WHERE y.case_id = $1 AND {rows} AND {which} EXISTS (SELECT 1 FROM core_party o WHERE o.case_id = y.case_id
    AND o.person_id = y.person_id AND o.role = ANY($2))
ORDER BY y.created_at, y.id
"""


async def _who(viewer: Viewer, case_id: UUID, which: str) -> list[asyncpg.Record]:
    arguments = Arguments(case_id, list(ACTING))
    rows = decide(viewer, RIGHT, "case").where("c", arguments)
    return await db.fetch(_WHO.format(rows=rows, which=which), *arguments.values)


async def _outsiders(viewer: Viewer, case_id: UUID) -> tuple[Outsider, ...]:
    """Their names are read whatever the maker may see of people, because only so they can be left out of the texts;
    they go nowhere."""
    return tuple(Outsider(row["person_id"], row["role"], _known(row)) for row in await _who(viewer, case_id, "NOT"))


def _known(row: asyncpg.Record) -> Known:
    role = label(row["role"]) if row["role"] else "Name"
    emails, phones, addresses = (((row[each],) if row[each] else ()) for each in ("email", "phone", "address"))
    return Known(
        row["name"], emails, phones, addresses, instead=f"[{role}, left out]", organisation=row["kind"] != "person"
    )  # fmt: skip


async def _ours(viewer: Viewer, case_id: UUID) -> Known:
    """What stays in the texts."""
    rows = await _who(viewer, case_id, "")
    every = {name: tuple(row[name] for row in rows if row[name]) for name in ("name", "email", "phone", "address")}
    return Known(" ".join(every["name"]), every["email"], every["phone"], every["address"])
