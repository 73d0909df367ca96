"""Emergency access: a case is opened for some hours with a reason, everybody concerned hears of it, and somebody else
says afterwards whether it was justified. What it opens, the policy alone says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ombud.desk import references
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.shown import Named, read_cursor, write_cursor
from ombud.desk.viewing.rules import MOST_HOURS, rules_in
from ombud.desk.writing import demand, record, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust import throttle
from ombud.trust.ledger import Sealed
from ombud.trust.policy import OPENED, Arguments, Viewer, about_me, decide

RIGHT, REVIEWS = "case.break_glass", "emergency.review"
HOURS = (1, 2, 4, MOST_HOURS)
LONGEST = 1000
TRIES = 20  # in an hour: references are not to be guessed here
REVIEW_WITHIN = timedelta(days=7)
PAGE = 50


@dataclass(frozen=True)
class EmergencyShown:
    """`over_at`: when it ended or ends; `looks`: how often its user looked at the case by it; `late`: nobody reviewed
    it in time; `own`: of the viewer, who cannot review it."""

    id: UUID
    reference: str
    who: Named
    reason: str
    opened_at: datetime
    over_at: datetime
    ended_early: bool
    open: bool
    looks: int
    reviewed_at: datetime | None
    reviewer: str
    justified: bool | None
    words: str
    own: bool

    @property
    def late(self) -> bool:
        return self.reviewed_at is None and not self.open and now() - self.over_at > REVIEW_WITHIN


class _Place(msgspec.Struct, array_like=True):
    at: datetime
    id: UUID


def _nothing(reference: object) -> NotFound:
    return NotFound(
        sentence(
            "No case %(reference)s can be opened in an emergency. Check the reference, or ask your compliance officer.",
            reference=str(reference)[:100],
        )
    )


async def begin(viewer: Viewer, reference: str, reason: str, hours: int | None) -> str:
    """Opens the case at once and returns its reference. Raises NotFound with one text for what is missing, about the
    viewer or in a unit without emergency access; NotNow where they see the case already; Throttled."""
    _demand_person(viewer)
    reason = clean_text(reason, "reason", longest=LONGEST, required=True)
    if len(reason) < 10:
        raise Invalid("Say in a few words why it cannot wait: somebody will judge it by them.", "reason")
    await throttle.hit(f"emergency/{viewer.user_id}", TRIES, timedelta(hours=1))
    row = await _case(viewer, reference)
    most = (await rules_in(row["unit_id"])).emergency_hours if row is not None else 0
    if row is None or row["mine"] or not most:
        raise _nothing(reference)
    if row["seen"]:
        raise NotNow("You see this case already. Open it.")
    if hours is None or not 1 <= hours <= most:
        raise Invalid(sentence("Choose between 1 and %(most)s hours for this case.", most=most), "hours")
    await _open(viewer, row["id"], reason, hours)
    return str(row["reference"])


def _demand_person(viewer: Viewer) -> None:
    demand(viewer, RIGHT)
    demand(viewer, OPENED)
    if viewer.user_id is None or not viewer.actor.startswith("user/"):
        raise NotAllowed("This is done by a person in the browser. Sign in there; a token cannot do it.")


async def _case(viewer: Viewer, reference: str) -> Any:
    """The case with this reference, or into which it was merged, whoever may see it."""
    arguments = Arguments()
    place = arguments.add(references.tidy(reference) or reference.replace("\0", "")[:100])
    seen = decide(viewer, OPENED, "case").where("c", arguments)
    mine = about_me("c.id", arguments.add(viewer.user_id))
    return await db.fetchrow(
        f"SELECT c.id, c.reference, c.unit_id, {seen} AS seen, {mine} AS mine FROM core_case asked "
        f"JOIN core_case c ON c.id = coalesce(asked.merged_into, asked.id) WHERE asked.reference = {place}",
        *arguments.values,
    )


async def _open(viewer: Viewer, case_id: UUID, reason: str, hours: int) -> None:
    identity, moment = new_id(), now()
    until = moment + timedelta(hours=hours)
    async with db.transaction():
        await db.execute("SELECT 1 FROM core_case WHERE id = $1 FOR UPDATE", case_id)
        if await db.fetchval(
            "SELECT 1 FROM core_emergency WHERE case_id = $1 AND user_id = $2 AND ended_at IS NULL AND until > $3",
            case_id, viewer.user_id, moment,
        ):  # fmt: skip
            raise NotNow("You see this case already. Open it.")
        await db.execute(
            "INSERT INTO core_emergency (id, case_id, user_id, reason, opened_at, until, words) "
            "VALUES ($1, $2, $3, $4, $5, $6, '')",
            identity, case_id, viewer.user_id, reason, moment, until,
        )  # fmt: skip
        sealed = {"reason": Sealed(await subject_of(case_id), reason)}
        body = {"emergency": str(identity), "about": str(viewer.user_id), "hours": hours}
        await record(viewer, case_id, "emergency.opened", body, sealed)


async def end(viewer: Viewer, emergency_id: UUID) -> str:
    """Ends it before its time: one's own, or as a reviewer somebody else's. Returns the case's reference. Ending what
    is over changes nothing."""
    row = await _one(viewer, emergency_id)
    async with db.transaction():
        await _end(viewer, row)
    return str(row["reference"])


async def end_own(viewer: Viewer, case_id: UUID) -> None:
    """Ends the viewer's own access to a case; where there is none, nothing happens."""
    rows = await db.fetch(
        "SELECT e.id, e.case_id, e.user_id FROM core_emergency e WHERE e.case_id = $1 AND e.user_id = $2 "
        "AND e.ended_at IS NULL AND e.until > $3",
        case_id, viewer.user_id, now(),
    )  # fmt: skip
    async with db.transaction():
        for row in rows:
            await _end(viewer, row)


async def _end(viewer: Viewer, row: Any) -> None:
    await db.execute("SELECT 1 FROM core_case WHERE id = $1 FOR UPDATE", row["case_id"])
    tag = await db.execute(
        "UPDATE core_emergency SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL AND until > $2",
        row["id"], now(), viewer.user_id,
    )  # fmt: skip
    if tag != "UPDATE 0":
        body = {"emergency": str(row["id"]), "about": str(row["user_id"])}
        await record(viewer, row["case_id"], "emergency.ended", body)


async def review(viewer: Viewer, emergency_id: UUID, justified: bool | None, words: str) -> None:
    """What a second person found. Raises NotAllowed for one's own, NotNow where somebody reviewed it, Invalid without
    a finding and its words. One that was not justified ends with it."""
    demand(viewer, REVIEWS)
    if justified is None:
        raise Invalid("Say whether it was justified.", "justified")
    words = clean_text(words, "words", longest=LONGEST, required=True)
    row = await _one(viewer, emergency_id)
    if row["user_id"] == viewer.user_id:
        raise NotAllowed("Somebody else reviews what you opened. Ask another reviewer.")
    async with db.transaction():
        if not justified:
            await _end(viewer, row)
        await db.execute("SELECT 1 FROM core_case WHERE id = $1 FOR UPDATE", row["case_id"])
        tag = await db.execute(
            "UPDATE core_emergency SET reviewed_at = $2, reviewed_by = $3, justified = $4, words = $5 "
            "WHERE id = $1 AND reviewed_at IS NULL",
            row["id"], now(), viewer.user_id, justified, words,
        )  # fmt: skip
        if tag == "UPDATE 0":
            raise NotNow("Somebody reviewed this already. Open the list again.")
        body = {"emergency": str(row["id"]), "about": str(row["user_id"]), "justified": justified}
        sealed = {"words": Sealed(await subject_of(row["case_id"]), words)}
        await record(viewer, row["case_id"], "emergency.reviewed", body, sealed)


def _reviewable(viewer: Viewer, arguments: Arguments) -> str:
    """SQL over `e` and `c`: in the units where the viewer reviews, whatever else they see of the case; none with a
    matter about them."""
    units = arguments.add(list(viewer.units(REVIEWS)))
    mine = about_me("c.id", arguments.add(viewer.user_id))
    return f"(c.unit_id = ANY({units}::uuid[]) AND NOT {mine})"


async def _one(viewer: Viewer, emergency_id: UUID) -> Any:
    arguments = Arguments(emergency_id)
    seen = f"(e.user_id = {arguments.add(viewer.user_id)}::uuid OR {_reviewable(viewer, arguments)})"
    row = await db.fetchrow(
        "SELECT e.id, e.case_id, e.user_id, c.reference FROM core_emergency e JOIN core_case c ON c.id = e.case_id "
        f"WHERE e.id = $1 AND {seen}",
        *arguments.values,
    )
    if row is None:
        raise NotFound("There is no such emergency access that you may see. Open the list again.")
    return row


_LIST = """
SELECT e.*, c.reference, coalesce(nullif(w.display_name, ''), w.name) AS who,
    coalesce(nullif(r.display_name, ''), r.name, '') AS reviewer,
    (SELECT coalesce(sum(v.times), 0) FROM core_viewing v WHERE v.case_id = e.case_id AND v.user_id = e.user_id
        AND v.emergency AND v.last_at >= e.opened_at AND v.first_at <= coalesce(e.ended_at, e.until)) AS looks
FROM core_emergency e JOIN core_case c ON c.id = e.case_id JOIN core_user w ON w.id = e.user_id
LEFT JOIN core_user r ON r.id = e.reviewed_by
WHERE {rows} {further} ORDER BY e.opened_at DESC, e.id DESC LIMIT {limit}
"""


async def listed(
    viewer: Viewer, *, waiting: bool, cursor: str = "", size: int = PAGE
) -> tuple[list[EmergencyShown], str]:
    """Those the viewer reviews, newest first, with the cursor of the next page; `waiting`: not reviewed yet."""
    demand(viewer, REVIEWS)
    arguments = Arguments()
    further = "AND e.reviewed_at IS NULL" if waiting else ""
    if cursor:
        place = read_cursor(cursor, _Place)
        further += f" AND (e.opened_at, e.id) < ({arguments.add(place.at)}, {arguments.add(place.id)})"
    rows = await db.fetch(
        _LIST.format(rows=_reviewable(viewer, arguments), further=further, limit=arguments.add(size + 1)),
        *arguments.values,
    )
    more = write_cursor(_Place(rows[size - 1]["opened_at"], rows[size - 1]["id"])) if len(rows) > size else ""
    return [_shown(viewer, row) for row in rows[:size]], more


async def mine(viewer: Viewer) -> list[EmergencyShown]:
    """What the viewer opened, newest first, at most twenty; one statement."""
    demand(viewer, RIGHT)
    arguments = Arguments()
    rows = f"e.user_id = {arguments.add(viewer.user_id)}::uuid"
    found = await db.fetch(_LIST.format(rows=rows, further="", limit=arguments.add(20)), *arguments.values)
    return [_shown(viewer, row) for row in found]


def _shown(viewer: Viewer, row: Mapping[str, Any]) -> EmergencyShown:
    over = row["ended_at"] or row["until"]
    return EmergencyShown(
        row["id"], row["reference"], Named(row["user_id"], row["who"]), row["reason"], row["opened_at"], over,
        row["ended_at"] is not None, over > now(), row["looks"], row["reviewed_at"], row["reviewer"], row["justified"],
        row["words"], row["user_id"] == viewer.user_id,
    )  # fmt: skip
