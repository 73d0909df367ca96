"""What people do with one matter of a case: own it, decide it with a reason, redress it, reopen it, put it in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import queues, taxonomies
from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.matters import protocols
from ombud.desk.opening import moment, shortened
from ombud.desk.redress.granting import Granted, give
from ombud.desk.redress.lines import RedressGiven, checked_redress
from ombud.desk.words import OUTCOMES, PRIORITIES, SEVERITIES, is_code
from ombud.desk.writing import (
    check_version,
    lock_aspect,
    lock_case,
    record,
    refuse_concerned,
    subject_of,
    update,
)
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.process import settings
from ombud.speech import joined, sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide
from ombud.trust.viewers import viewer_of_user

ASPECTS = 20


@dataclass(frozen=True)
class Decision:
    """How one matter ends. `cause` is a code of the unit's causes, or empty; `category` says what the matter is about
    where nobody said so before, or is empty."""

    outcome: str
    reason: str
    cause: str = ""
    redress: tuple[RedressGiven, ...] = ()
    category: str = ""


async def add(viewer: Viewer, case_id: UUID, text: str, title: str = "", category: str = "") -> UUID:
    """Adds a matter that came up later, as the last one; its clock runs from the case's receipt."""
    text = clean_text(text, "text", longest=settings().limits.text_chars, required=True)
    title = clean_text(title, "title", longest=200) or shortened(text, 80)
    category = clean_text(category, "category", longest=200)
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        refuse_closed(case)
        category = await taxonomies.coded("category", case["unit_id"], taxonomies.today(), category)
        position = int(await db.fetchval("SELECT max(position) FROM core_aspect WHERE case_id = $1", case_id)) + 1
        if case["aspects_total"] >= ASPECTS:
            raise NotNow(
                sentence("A case holds at most %(most)s aspects. Put what belongs together into one.", most=ASPECTS)
            )
        identity = new_id()
        apart = await queues.own_queue(case, {"category": category})
        await db.execute(
            "INSERT INTO core_aspect (id, case_id, position, title, text, category, status, priority, severity, "
            "due_at, version, queue_id) VALUES ($1, $2, $3, $4, $5, $6, 'open', 'normal', 1, $7, 1, $8)",
            identity, case_id, position, title, text, category, case["due_at"], apart,
        )  # fmt: skip
        status = "in_progress" if case["status"] == "resolved" else case["status"]
        await update(
            "core_case", case_id, {"aspects_total": case["aspects_total"] + 1, "status": status, "changed_at": now()}
        )
        subject = await subject_of(case_id)
        sealed = {"title": Sealed(subject, title), "text": Sealed(subject, text)}
        sealed |= {} if is_code(category) else {"category": Sealed(subject, category)}
        body = {
            "aspect": str(identity), "position": position, "category": category if is_code(category) else "",
            "priority": "normal", "severity": 1, "due_at": moment(case["due_at"]) if case["due_at"] else "",
            **({"queue": str(apart)} if apart else {}),
        }  # fmt: skip
        await record(viewer, case_id, "aspect.added", body, sealed)
        await _follow_status(viewer, case, status)
        return identity


async def _follow_status(viewer: Viewer, case: Record, status: str) -> None:
    if status != case["status"]:
        await record(viewer, case["id"], "case.status_changed", {"status": status})


async def decide_aspect(
    viewer: Viewer, aspect_id: UUID, decision: Decision, version: int | None
) -> tuple[Granted, ...]:
    """Closes one matter with its outcome, reason, cause and redress; the last one makes the case resolved. Returns what
    became of each line of redress: what is above the viewer's limit waits for a second person."""
    decision = _checked(decision)
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.decide", aspect_id)
        refuse_closed(case)
        yours = {"outcome": decision.outcome, "reason": decision.reason, "cause": decision.cause}
        check_version("This aspect", aspect, version, yours)
        if aspect["status"] == "closed":
            raise NotNow("This aspect is decided already. Reopen it first, with the reason.")
        await _demand_cause(case["unit_id"], decision.cause)
        if decision.category:
            await change(viewer, aspect_id, {"category": decision.category}, None)
        missing = await protocols.demand_met(viewer, case, aspect_id, decision.outcome)
        moment_now = now()
        await update(
            "core_aspect",
            aspect_id,
            {**yours, "status": "closed", "decided_at": moment_now, "decided_by": viewer.user_id},
        )
        lines, done = await give(viewer, case, aspect, decision.redress)
        given = [line for line, each in zip(decision.redress, done, strict=True) if not each.waits]
        await _record_decision(viewer, case, aspect, decision, given, lines, missing)
        await _count_closed(viewer, case, case["aspects_closed"] + 1)
        return tuple(done)


def _checked(decision: Decision) -> Decision:
    if decision.outcome not in OUTCOMES:
        raise Invalid("Choose an outcome.", "outcome")
    reason = clean_text(decision.reason, "reason", longest=settings().limits.text_chars, required=True)
    cause = clean_text(decision.cause, "cause", longest=60)
    if not is_code(cause):
        raise Invalid("Choose a cause of the list.", "cause")
    lines = tuple(checked_redress(each, place) for place, each in enumerate(decision.redress))
    return Decision(decision.outcome, reason, cause, lines, decision.category)


async def _demand_cause(unit_id: UUID, cause: str) -> None:
    """A cause is one of the unit's taxonomy as it holds today."""
    if cause and cause not in {each.code for each in await taxonomies.choices("cause", unit_id, taxonomies.today())}:
        raise Invalid("This cause is not in the taxonomy of the case's unit. Choose one of the list.", "cause")


async def _record_decision(
    viewer: Viewer, case: Record, aspect: Record, decision: Decision, given: Sequence[RedressGiven],
    lines: list[dict[str, Any]], missing: Sequence[str],
) -> None:  # fmt: skip
    subject = await subject_of(case["id"])
    sealed = {"reason": Sealed(subject, decision.reason)}
    sealed |= {f"redress.{n}": Sealed(subject, line.note) for n, line in enumerate(given, 1) if line.note}
    body = {
        "aspect": str(aspect["id"]), "outcome": decision.outcome, "status": "closed", "cause": decision.cause,
        "redress": lines,
    }  # fmt: skip
    if missing:  # of what the protocol recommends
        body["missing"] = list(missing)
    await record(viewer, case["id"], "aspect.decided", body, sealed)


async def _count_closed(viewer: Viewer, case: Record, closed: int) -> None:
    status = case["status"]
    if closed == case["aspects_total"]:
        status = "resolved"
    elif status == "resolved":
        status = "in_progress"
    await update("core_case", case["id"], {"aspects_closed": closed, "status": status, "changed_at": now()})
    await _follow_status(viewer, case, status)


async def reopen(viewer: Viewer, aspect_id: UUID, reason: str, version: int | None = None) -> None:
    """Takes a decision back: the outcome goes, its redress lines stand until they are reversed one by one."""
    reason = clean_text(reason, "reason", longest=settings().limits.text_chars, required=True)
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.decide", aspect_id)
        refuse_closed(case)
        check_version("This aspect", aspect, version, {"status": "open"})
        if aspect["status"] == "open":
            raise NotNow("This aspect is open already.")
        empty = {"status": "open", "outcome": "", "reason": "", "cause": "", "decided_at": None, "decided_by": None}
        await update("core_aspect", aspect_id, empty)
        sealed = {
            "reason": Sealed(await subject_of(case["id"]), reason),
        }
        await record(viewer, case["id"], "aspect.reopened", {"aspect": str(aspect_id)}, sealed)
        await _count_closed(viewer, case, case["aspects_closed"] - 1)


CHANGEABLE = ("title", "category", "priority", "severity", "due_at")


async def change(viewer: Viewer, aspect_id: UUID, values: Mapping[str, Any], version: int | None) -> int:
    """Changes title, category, priority, severity or due time of one matter; returns the new version. An empty category
    is filled in a closed case too: a return over its period needs it, and nothing that was said is taken back."""
    wanted = {key: value for key, value in values.items() if key in CHANGEABLE}
    if "title" in wanted:
        wanted["title"] = clean_text(wanted["title"], "title", longest=200, required=True)
    if "category" in wanted:
        wanted["category"] = clean_text(wanted["category"], "category", longest=200)
    if wanted.get("priority", "normal") not in PRIORITIES:
        raise Invalid(sentence("The priority is one of %(joined)s.", joined=joined(PRIORITIES)), "priority")
    if wanted.get("severity", 1) not in SEVERITIES:
        raise Invalid("The severity is a number from 1 (minor) to 4 (grave).", "severity")
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        if aspect["category"] or wanted.keys() != {"category"}:
            refuse_closed(case)
        check_version("This aspect", aspect, version, wanted)
        if wanted.get("category"):
            on = taxonomies.today()
            wanted["category"] = await taxonomies.coded("category", case["unit_id"], on, wanted["category"])
        changed = {key: value for key, value in wanted.items() if aspect[key] != value}
        if not changed:
            return int(aspect["version"])
        changed |= await _led_elsewhere(case, aspect, changed)
        led = await _led_along(case, aspect, changed)
        await update("core_aspect", aspect_id, changed)
        words = {key for key, value in changed.items() if key == "title" or (key == "category" and not is_code(value))}
        codes = {_NAMED.get(key, key): _coded(value) for key, value in changed.items() if key not in words}
        subject = await subject_of(case["id"])
        free = {key: Sealed(subject, changed[key]) for key in sorted(words)}
        await record(viewer, case["id"], "aspect.changed", {"aspect": str(aspect_id), **codes}, free)
        if led is not None:
            await update("core_case", case["id"], {"queue_id": led, "changed_at": now()})
            await queues.follow(case["id"], case["queue_id"], led)
            await record(viewer, case["id"], "case.changed", {"queue": str(led)})
        return int(aspect["version"]) + 1


_NAMED = {"queue_id": "queue"}


def _coded(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return str(value or "") if value is None or isinstance(value, UUID) else value


async def _led_elsewhere(case: Record, aspect: Record, changed: Mapping[str, Any]) -> dict[str, UUID | None]:
    """Another queue, where what changed leads there and nobody has the matter yet; the first matter stays with its
    case."""
    settled = aspect["owner_id"] is not None or aspect["status"] != "open" or aspect["position"] == 1
    if settled or not changed.keys() & _LEAD:
        return {}
    before = await queues.own_queue(case, aspect)
    after = await queues.own_queue(case, {**dict(aspect), **changed})
    return {"queue_id": after} if before != after and aspect["queue_id"] != after else {}


async def _led_along(case: Record, aspect: Record, changed: Mapping[str, Any]) -> UUID | None:
    """The queue of the case, where what its first matter is now about leads elsewhere: nobody has the case yet, and it
    waits where the matter led it before."""
    settled = case["owner_id"] is not None or case["status"] == "closed"
    if aspect["position"] != 1 or settled or "category" not in changed:
        return None
    before, after = await queues.for_category(case, aspect["category"], changed["category"])
    return after if before == case["queue_id"] and after != before else None


_LEAD = {"category", "priority", "severity"}


async def assign(viewer: Viewer, aspect_id: UUID, owner_id: UUID | None, version: int | None = None) -> None:
    """Gives one matter to somebody; never to the member of staff it is about."""
    async with db.transaction():
        permission = "case.write" if owner_id in {None, viewer.user_id} else "case.assign"
        case, aspect = await lock_aspect(viewer, permission, aspect_id)
        refuse_closed(case)
        check_version("This aspect", aspect, version, {"owner_id": owner_id})
        if owner_id is not None:
            await may_own(case, aspect, owner_id)
        if aspect["owner_id"] != owner_id:
            await update("core_aspect", aspect_id, {"owner_id": owner_id})
            body = {"aspect": str(aspect_id), "owner": str(owner_id or "")}
            await record(viewer, case["id"], "aspect.assigned", body)


async def may_own(case: Record, aspect: Record, owner_id: UUID) -> None:
    """Refuses an owner who may not work on the aspect, or must not see it."""
    owner = await viewer_of_user(owner_id)
    if owner is None or case["unit_id"] not in owner.units("case.write"):
        raise Invalid("This person may not work on cases of this unit. Choose somebody of the team.", "owner_id")
    grant, arguments = decide(owner, "case.write", "aspect"), Arguments()
    place = arguments.add(aspect["id"])
    sees = f"SELECT EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = {place} AND {grant.where('a', arguments)})"
    if not await db.fetchval(sees, *arguments.values):
        raise Invalid("This person cannot take this aspect. Choose somebody else.", "owner_id")


async def concern(viewer: Viewer, aspect_id: UUID, user_id: UUID | None, version: int | None = None) -> None:
    """Says which member of staff a matter is about; from that moment it is hidden from them and leaves their hands."""
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        check_version("This aspect", aspect, version, {"concerns_user_id": user_id})
        if user_id is not None and user_id == viewer.user_id:
            raise Invalid("You cannot record a complaint about yourself. Ask your team leader.", "concerns")
        if user_id is not None and case["owner_id"] == user_id:
            raise NotNow("That person owns the case. Give the case to somebody else first.")
        owner = None if aspect["owner_id"] == user_id else aspect["owner_id"]
        await update("core_aspect", aspect_id, {"concerns_user_id": user_id, "owner_id": owner})
        await record(
            viewer, case["id"], "aspect.concerns_staff", {"aspect": str(aspect_id), "about": str(user_id or "")}
        )
        if owner != aspect["owner_id"]:
            await record(viewer, case["id"], "aspect.assigned", {"aspect": str(aspect_id), "owner": ""})


async def reorder(viewer: Viewer, case_id: UUID, order: Sequence[UUID], version: int | None) -> None:
    """Puts the aspects in a new order, the first one primary; the order before stays in the history."""
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        refuse_closed(case)
        await refuse_concerned(viewer, case_id)
        check_version("The case", case, version, {"order": [str(each) for each in order]})
        grant, arguments = decide(viewer, "case.write", "aspect"), Arguments()
        place = arguments.add(case_id)
        rows = await db.fetch(
            f"SELECT a.id FROM core_aspect a WHERE a.case_id = {place} AND {grant.where('a', arguments)} "
            "ORDER BY a.position",
            *arguments.values,
        )
        if {row["id"] for row in rows} != set(order) or len(rows) != len(order):
            raise Invalid("The order must name each aspect once. Open the case again.", "order")
        await _place(case_id, order)
        await update("core_case", case_id, {"changed_at": now()})
        await record(viewer, case_id, "aspects.reordered", {"order": [str(each) for each in order]})


async def _place(case_id: UUID, order: Sequence[UUID]) -> None:
    await db.execute("UPDATE core_aspect SET position = -position WHERE case_id = $1", case_id)
    await db.execute(
        "UPDATE core_aspect a SET position = new.position FROM unnest($2::uuid[]) WITH ORDINALITY AS new(id, position) "
        "WHERE a.case_id = $1 AND a.id = new.id",
        case_id,
        list(order),
    )
