"""What one customer system's part of the 360 panel shows to one viewer: the last answer, with its age, at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ombud.desk.crm import asking, kept
from ombud.desk.crm.choosing import MAY
from ombud.desk.crm.kept import Answer, Known
from ombud.desk.crm.subject import Subject
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import HIDDEN, Viewer
from ombud_plugin_api import Datum, PersonMatch

AGAIN_AFTER = timedelta(seconds=60)  # a system that failed is left alone so long, unless somebody asks for it
UNUSED_FOR = timedelta(seconds=60)  # so long a system that is not used in a unit is asked of nobody there


@dataclass(frozen=True)
class Chosen:
    """A colleague's choice. `match` is None where they said it is none of those found."""

    match: PersonMatch | None
    by: str
    at: datetime


@dataclass(frozen=True)
class WrittenBack:
    """What the system was told at closure: its own id and page; without an id it was not reached yet."""

    record: str
    href: str
    at: datetime | None


@dataclass(frozen=True)
class Part:
    """`state`: unused (draw nothing), asking (a refresh is under way), ready, away (the last refresh brought nothing:
    `fault` is why, a kind of kernel/calling.Fault). `fetched_at`: None where there never was an answer; `matches` are
    to choose from; `data`: masked for the viewer, each with whether it is old, newest first in each kind."""

    key: str
    label: str
    icon: str
    state: str
    fault: str = ""
    fetched_at: datetime | None = None
    stale: bool = False
    chosen: Chosen | None = None
    about: PersonMatch | None = None
    matches: tuple[PersonMatch, ...] = ()
    data: tuple[tuple[Datum, bool], ...] = ()
    may_choose: bool = False
    written: WrittenBack | None = None


_KEPT = """
SELECT s.answer, s.asked_at, s.ended_at, s.fetched_at, s.fault, l.record, l.match, l.chosen_at,
    coalesce(nullif(w.display_name, ''), w.name) AS chooser, r.record AS written, r.href AS written_href, r.recorded_at,
    r.id IS NOT NULL AS told
FROM (SELECT 1) one
LEFT JOIN core_crm_snapshot s ON s.person_id = $1 AND s.unit_id = $2 AND s.crm = $3
LEFT JOIN core_crm_link l ON l.person_id = $1 AND l.unit_id = $2 AND l.crm = $3 AND l.ended_at IS NULL
LEFT JOIN core_user w ON w.id = l.chosen_by
LEFT JOIN core_crm_record r ON r.case_id = $4 AND r.crm = $3
"""


async def part(viewer: Viewer, known: Known, subject: Subject, *, again: bool = False) -> Part:
    """Never waits for the system: what is old, or was asked for again, is fetched in the background meanwhile."""
    row = await _kept(known, subject)
    if again or _is_due(known, subject, row):
        if not again and await _unused(known, subject):
            return Part(known.crm.key, known.crm.label, known.crm.icon, "unused")
        await asking.ask(known, subject)
        row = await _kept(known, subject)
    return _shown(viewer, known, subject, row)


async def is_asking(known: Known, subject: Subject) -> bool:
    return _asking(await _kept(known, subject))


async def _kept(known: Known, subject: Subject) -> Any:
    return await db.fetchrow(_KEPT, subject.person_id, subject.unit_id, known.crm.key, subject.case_id)


def _asking(row: Any) -> bool:
    asked, ended = row["asked_at"], row["ended_at"]
    return asked is not None and (ended is None or ended < asked) and now() - asked < asking.PATIENCE


def _is_due(known: Known, subject: Subject, row: Any) -> bool:
    if _asking(row) or (row["chosen_at"] is not None and not row["record"]):
        return False
    if row["asked_at"] is None:
        return True
    if row["ended_at"] is None or row["ended_at"] < row["asked_at"]:
        return bool(now() - row["asked_at"] > asking.PATIENCE + AGAIN_AFTER)
    if row["fault"]:
        return bool(now() - row["ended_at"] > AGAIN_AFTER)
    old = now() - row["ended_at"] > timedelta(seconds=known.crm.fresh_for)
    return old or kept.read(row["answer"]).version != subject.version


async def _unused(known: Known, subject: Subject) -> bool:
    """Whether the system said a moment ago, of anybody, that it is not used in this unit."""
    said = "SELECT answer->>'used' = 'false' FROM core_crm_snapshot WHERE unit_id = $1 AND crm = $2 AND fault = '' "
    lately = now() - UNUSED_FOR
    return bool(
        await db.fetchval(
            f"{said}AND ended_at > $3 ORDER BY ended_at DESC LIMIT 1", subject.unit_id, known.crm.key, lately
        )
    )


def _shown(viewer: Viewer, known: Known, subject: Subject, row: Any) -> Part:
    answer = kept.read(row["answer"]) if row["answer"] else Answer()
    state, fault = _state(row, answer)
    chosen = _chosen(row, subject.mask)
    old = now() - timedelta(seconds=known.crm.stale_after)
    data = () if chosen is not None and chosen.match is None else answer.data
    return Part(
        key=known.crm.key, label=known.crm.label, icon=known.crm.icon, state=state, fault=fault,
        fetched_at=row["fetched_at"], stale=row["fetched_at"] is not None and row["fetched_at"] < old, chosen=chosen,
        about=_masked(answer.about, subject.mask) if answer.about else None,
        matches=tuple(_masked(each, subject.mask) for each in answer.matches),
        data=tuple((_masked_datum(each, subject.mask), each.fetched_at < old) for each in data),
        may_choose=viewer.may_in(MAY, subject.unit_id),
        written=WrittenBack(row["written"], row["written_href"], row["recorded_at"]) if row["told"] else None,
    )  # fmt: skip


def _state(row: Any, answer: Answer) -> tuple[str, str]:
    if _asking(row):
        return "asking", ""
    if row["asked_at"] is not None and (row["ended_at"] is None or row["ended_at"] < row["asked_at"]):
        return "away", "lost"  # nobody ended what was asked for: the work process is away or busy
    if row["fault"]:
        return "away", row["fault"]
    return ("ready" if answer.used else "unused"), ""


def _chosen(row: Any, mask: frozenset[str]) -> Chosen | None:
    if row["chosen_at"] is None:
        return None
    match = kept.read_match(row["match"]) if row["record"] else None
    return Chosen(_masked(match, mask) if match else None, row["chooser"] or "", row["chosen_at"])


def _masked(match: PersonMatch, mask: frozenset[str]) -> PersonMatch:
    """What tells two of one name apart may be an address, so it goes with them."""
    hidden: dict[str, str] = {
        name: HIDDEN for name in ("name", "email", "phone", "postcode") if name in mask and getattr(match, name)
    }
    if match.note and mask & {"email", "phone", "address"}:
        hidden["note"] = ""
    return msgspec.structs.replace(match, **hidden) if hidden else match


def _masked_datum(datum: Datum, mask: frozenset[str]) -> Datum:
    contact = datum.kind == "contact" and not mask.isdisjoint({"email", "phone"})
    return msgspec.structs.replace(datum, value=HIDDEN, href="") if contact or datum.shows in mask else datum
