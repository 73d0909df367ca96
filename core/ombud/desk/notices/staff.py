"""Members of staff are told of what concerns their work: on the page at once, once a day by e-mail, or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ombud.desk.routing.absences import stand_ins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, subscribe
from ombud.trust.canonical import moment_text
from ombud.trust.ledger import NEWS
from ombud.trust.policy import Arguments, Viewer, about_me, decide
from ombud.trust.viewers import viewer_of_user

SIGN = "n"
LEADS = "case.assign"
TAKES = "case.take"
APPROVES = "outgoing.approve"
DECIDES = "case.decide"
PAYS = "payment.manage"


@dataclass(frozen=True)
class Kind:
    """`label`: on the page of one's choices; `told`: a line of the list; `usual`: page, digest or none; `href`: where
    it leads, where that is not the case."""

    label: str
    told: str
    icon: str
    usual: str = "page"
    href: str = ""


KINDS: Mapping[str, Kind] = {
    "assigned": Kind("A case or an aspect is given to me", "is yours now", "user"),
    "answered": Kind("Somebody writes in a case of mine", "has a new message", "mail"),
    "red": Kind("An angry message comes in (mine, or of the units I lead)", "got an angry message", "flag-3"),
    "nearing": Kind("A deadline of mine comes near", "has a deadline that comes near", "hourglass"),
    "overdue": Kind("A deadline passed (mine, or of the units I lead)", "has a deadline that passed", "clock"),
    "trouble": Kind("A message of mine fails, comes back or is uncertain", "has a message that did not get through",
                    "alert-circle"),
    "escalated": Kind("A case of mine, or of my team, is escalated", "is escalated", "stairs-up"),
    "approval": Kind("A message waits for my approval", "has a message that waits for approval", "hourglass"),
    "rule": Kind("A rule tells me of a case", "needs your attention, a rule says", "bolt"),
    "reminder": Kind("A rule reminds me of a case that waits", "waits for you", "hourglass"),
    "redress_waits": Kind("Redress waits for a second person (in units where I decide)", "has redress that waits for "
                          "approval", "hourglass", href="/redress"),
    "redress_decided": Kind("Redress I asked for is approved or refused", "has redress that was decided upon", "scale"),
    "payment": Kind("A payment of redress fails or is uncertain", "has a payment that did not get through",
                    "credit-card", href="/payments?which=unsure"),
    "emergency": Kind("A case of mine is opened by emergency access", "was opened by emergency access", "urgent"),
    "emergency_review": Kind("Emergency access waits for my review", "was opened by emergency access: review it",
                             "urgent", href="/administration/emergencies"),
    "returned": Kind("A message of mine is not approved", "has a message that was sent back to you", "arrow-back-up"),
}  # fmt: skip
WAYS = {"page": "On the page, at once", "digest": "Once a day by e-mail", "none": "Not at all"}

# The message that opens a case says its decision: nobody owns the case yet, and nobody is told here.
_HEARS = (
    "case.assigned", "aspect.assigned", "message.received direction=in decision=", "message.mood mood=angry",
    "message.failed", "message.unsure", "message.delivery_reported state=bounced",
    "message.written state=waiting_approval",
    "message.rejected", "clock.warned", "clock.breached", "case.escalated", "redress.requested", "redress.approved",
    "redress.refused", "payment.failed", "payment.unsure", "payment.returned",
)  # fmt: skip


def listen() -> None:
    """Called once by every process, since each writes down who hears of an event."""
    subscribe("notices.staff", list(_HEARS), heard)


async def heard(event: dict[str, Any], context: JobContext) -> None:
    """Writes down whom to tell; safe to run twice."""
    kind, body = event["kind"], event["body"]
    case_id = await _case_of(event)
    message = UUID(body["message"]) if body.get("message") else None
    told = {
        "case.assigned": ("assigned", _owner), "aspect.assigned": ("assigned", _owner),
        "message.received": ("answered", _owner_of_case), "message.mood": ("red", _owner_and_leaders),
        "message.failed": ("trouble", _writer), "message.unsure": ("trouble", _writer),
        "message.delivery_reported": ("trouble", _writer), "message.written": ("approval", _approvers),
        "message.rejected": ("returned", _writer), "clock.warned": ("nearing", _clock_owner),
        "clock.breached": ("overdue", _clock_owner_and_leaders), "case.escalated": ("escalated", _escalated_to),
        "redress.requested": ("redress_waits", _second_people), "redress.approved": ("redress_decided", _asker),
        "redress.refused": ("redress_decided", _asker), "payment.failed": ("payment", _payers),
        "payment.unsure": ("payment", _payers), "payment.returned": ("payment", _payers),
    }  # fmt: skip
    what, whom = told[kind]
    people = {each for each in await whom(case_id, body, message) if f"user/{each}" != event["actor"]}
    people |= set((await stand_ins(sorted(people))).values())
    people -= await _concerned(body)
    for each in sorted(people):
        await tell_one(each, what, event["id"], case_id, message)


async def tell_of_rule(case_id: UUID, to: str, event: str, kind: str) -> None:
    """A rule tells, or reminds: whose case it is, who may take it, who leads the unit, or one person by id. Once for
    each `event`, and only whoever may see the case."""
    row = await db.fetchrow("SELECT owner_id, unit_id FROM core_case WHERE id = $1", case_id)
    if row is None:
        return
    owner = [row["owner_id"]] if row["owner_id"] else []
    match to:
        case "owner":
            people: list[UUID] = owner
        case "owner or queue":
            people = owner or await holders(TAKES, row["unit_id"])
        case "queue":
            people = await holders(TAKES, row["unit_id"])
        case "leaders":
            people = await holders(LEADS, row["unit_id"])
        case _:
            people = [UUID(to)]
    for each in sorted(set(people)):
        await tell_one(each, kind, event, case_id, None)


async def _case_of(event: Mapping[str, Any]) -> UUID | None:
    stream, body = str(event["stream"]), event["body"]
    if stream.startswith("case/"):
        return UUID(stream.removeprefix("case/"))
    if not body.get("message"):
        return None
    found: UUID | None = await db.fetchval("SELECT case_id FROM core_message WHERE id = $1", UUID(body["message"]))
    return found


async def _owner(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    return [UUID(body["owner"])] if body.get("owner") else []


async def _escalated_to(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Whom a step reached; of a queue, whoever leads the unit. Never somebody a matter of the case is about."""
    unit = await db.fetchval("SELECT unit_id FROM core_case WHERE id = $1", case_id)
    role = body.get("to_role") or ""
    if body.get("to_user"):
        people = [UUID(body["to_user"])]
    elif role and role != "leaders":
        people = [row["user_id"] for row in await db.fetch(_IN_ROLE, unit, role)]
    else:
        people = await holders(LEADS, unit) if role or body.get("to_queue") else []
    about = f"SELECT w.id FROM core_user w WHERE w.id = ANY($2) AND {about_me('$1', 'w.id')}"
    concerned = {row["id"] for row in await db.fetch(about, case_id, people)}
    return [each for each in people if each not in concerned]


_IN_ROLE = """
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT DISTINCT r.user_id FROM core_user_role r JOIN up ON up.id = r.unit_id
JOIN core_user w ON w.id = r.user_id WHERE w.active AND r.role = $2 LIMIT 200
"""


async def _owner_of_case(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Not for the first message of a case, nor for what a machine said."""
    rows = await db.fetch(
        "SELECT c.owner_id FROM core_case c JOIN core_message m ON m.id = $2 WHERE c.id = $1 AND m.robot = '' "
        "AND c.owner_id IS NOT NULL AND m.recorded_at > c.opened_at",
        case_id, message,
    )  # fmt: skip
    return [row["owner_id"] for row in rows]


async def _owner_and_leaders(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    unit = await db.fetchval(
        "SELECT coalesce(c.unit_id, m.unit_id) FROM core_message m LEFT JOIN core_case c ON c.id = m.case_id "
        "WHERE m.id = $1",
        message,
    )
    owner = await _owner_of_case(case_id, body, message) if case_id else []
    return [*owner, *(await holders(LEADS, unit))]


LONG_PAST = timedelta(days=14)


async def _clock_owner(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Whose the aspect is, else whose the case is; for a clock of the case, the case's owner. Of what passed long ago,
    in a case that was brought over or taken up late, nobody is told now."""
    if _long_past(body):
        return []
    row = await db.fetchrow(
        "SELECT coalesce(a.owner_id, c.owner_id) AS owner_id FROM core_case c "
        "LEFT JOIN core_aspect a ON a.case_id = c.id AND a.id = $2 WHERE c.id = $1",
        case_id, UUID(body["aspect"]) if body.get("aspect") else None,
    )  # fmt: skip
    return [row["owner_id"]] if row and row["owner_id"] else []


async def _clock_owner_and_leaders(
    case_id: UUID | None, body: Mapping[str, Any], message: UUID | None
) -> Iterable[UUID]:
    """Leaders hear of a case's own clocks, and of those of aspects that end on another day."""
    if _long_past(body):
        return []
    owners = await _clock_owner(case_id, body, message)
    row = await db.fetchrow("SELECT unit_id, due_at FROM core_case WHERE id = $1", case_id)
    same_as_case = row is not None and body.get("aspect") and row["due_at"] is not None and (
        body.get("due_at") == moment_text(row["due_at"]) and body["clock"] == "answer"
    )  # fmt: skip
    if row is None or same_as_case:
        return owners
    return [*owners, *(await holders(LEADS, row["unit_id"]))]


def _long_past(body: Mapping[str, Any]) -> bool:
    due_at = body.get("due_at")
    return bool(due_at) and datetime.fromisoformat(str(due_at)) < now() - LONG_PAST


async def _concerned(body: Mapping[str, Any]) -> set[UUID]:
    """Whom the aspect is about that an event names: they hear of it by no path."""
    if not body.get("aspect"):
        return set()
    about = await db.fetchval("SELECT concerns_user_id FROM core_aspect WHERE id = $1", UUID(body["aspect"]))
    return {about} if about else set()


async def _writer(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Whoever wrote it; what nobody wrote concerns whose case it is."""
    row = await db.fetchrow(
        "SELECT coalesce(o.created_by, c.owner_id) AS who FROM core_outgoing o "
        "LEFT JOIN core_case c ON c.id = o.case_id WHERE o.id = $1",
        message,
    )
    return [row["who"]] if row and row["who"] else []


async def _approvers(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    row = await db.fetchrow("SELECT unit_id, created_by FROM core_outgoing WHERE id = $1", message)
    found = await holders(APPROVES, row["unit_id"]) if row else []
    return [each for each in found if row is None or each != row["created_by"]]


async def _second_people(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Who may see the aspect and grant so much; where nobody may, all who decide there, so that it does not lie."""
    from ombud.desk.redress.granting import granted_so_far
    from ombud.desk.redress.limits import limit_of

    row = await db.fetchrow(
        "SELECT c.unit_id, q.amount, q.currency, q.requested_by FROM core_redress_request q "
        "JOIN core_case c ON c.id = q.case_id WHERE q.id = $1 AND q.state = 'waiting'",
        UUID(body["request"]),
    )  # fmt: skip
    if row is None or case_id is None:
        return []
    total = row["amount"] + await granted_so_far(case_id, row["currency"])
    able, all_of_them = [], []
    for each in await holders(DECIDES, row["unit_id"]):
        viewer = await viewer_of_user(each)
        if viewer is None or each == row["requested_by"] or not await _sees_aspect(viewer, UUID(body["aspect"])):
            continue
        all_of_them.append(each)
        if await limit_of(viewer, row["unit_id"], row["currency"]) >= total:
            able.append(each)
    return able or all_of_them


async def _sees_aspect(viewer: Viewer, aspect_id: UUID) -> bool:
    arguments = Arguments(aspect_id)
    rows = decide(viewer, DECIDES, "aspect").where("a", arguments)
    return bool(
        await db.fetchval(f"SELECT EXISTS (SELECT 1 FROM core_aspect a WHERE a.id = $1 AND {rows})", *arguments.values)
    )


async def _asker(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    rows = await db.fetch("SELECT requested_by FROM core_redress_request WHERE id = $1", UUID(body["request"]))
    return [row["requested_by"] for row in rows if row["requested_by"]]


async def _payers(case_id: UUID | None, body: Mapping[str, Any], message: UUID | None) -> Iterable[UUID]:
    """Whoever had it paid, and who hands payments over, where they may see the aspect."""
    row = await db.fetchrow(
        "SELECT p.created_by, c.unit_id FROM core_payment p JOIN core_case c ON c.id = p.case_id WHERE p.id = $1",
        UUID(body["payment"]),
    )  # fmt: skip
    if row is None:
        return []
    people = {*(await holders(PAYS, row["unit_id"])), *([row["created_by"]] if row["created_by"] else [])}
    seeing = []
    for each in sorted(people):
        viewer = await viewer_of_user(each)
        if viewer is not None and await _sees_aspect(viewer, UUID(body["aspect"])):
            seeing.append(each)
    return seeing


_HOLDERS = """
WITH RECURSIVE up AS (SELECT id, parent_id FROM core_unit WHERE id = $1
    UNION SELECT u.id, u.parent_id FROM core_unit u JOIN up ON u.id = up.parent_id)
SELECT DISTINCT r.user_id FROM core_user_role r JOIN up ON up.id = r.unit_id JOIN core_role k ON k.key = r.role
JOIN core_user w ON w.id = r.user_id WHERE w.active AND $2 = ANY(k.permissions) LIMIT 200
"""


async def holders(permission: str, unit_id: UUID | None) -> list[UUID]:
    """Who holds a permission in a unit, or above it."""
    return [row["user_id"] for row in await db.fetch(_HOLDERS, unit_id, permission)] if unit_id else []


async def tell_one(user_id: UUID, kind: str, event: str, case_id: UUID | None, message: UUID | None) -> None:
    """To one person, if they may see what it is about and want to know."""
    viewer = await viewer_of_user(user_id)
    if viewer is None or await _way(user_id, kind) == "none" or not await may_see(viewer, case_id, message):
        return
    async with db.transaction():
        tag = await db.execute(
            "INSERT INTO core_notice (id, user_id, kind, event, case_id, message_id, at) VALUES ($1, $2, $3, $4, $5, "
            "$6, now()) ON CONFLICT (user_id, event, kind) DO NOTHING",
            new_id(), user_id, kind, event, case_id, message,
        )  # fmt: skip
        if tag != "INSERT 0 0":
            db.tell(NEWS, f"{SIGN} {user_id}")


async def _way(user_id: UUID, kind: str) -> str:
    found = await db.fetchval("SELECT way FROM core_notice_choice WHERE user_id = $1 AND kind = $2", user_id, kind)
    return str(found or KINDS[kind].usual)


async def may_see(viewer: Viewer, case_id: UUID | None, message: UUID | None) -> bool:
    """By the policy: the case, and the message where one is meant."""
    arguments = Arguments(case_id, message)
    case = decide(viewer, "case.read", "case").where("c", arguments)
    said = decide(viewer, "case.read", "message").where("m", arguments)
    return bool(
        await db.fetchval(
            f"SELECT ($1::uuid IS NULL OR EXISTS (SELECT 1 FROM core_case c WHERE c.id = $1 AND {case})) "
            f"AND ($2::uuid IS NULL OR EXISTS (SELECT 1 FROM core_message m WHERE m.id = $2 AND {said}))",
            *arguments.values,
        )
    )
