"""What people do with a case: take it, give it, change it, close it, reopen it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import queues
from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.fields import checked_fields, coded, schema_of
from ombud.desk.matters import open_promises
from ombud.desk.matters import uncategorised as no_category
from ombud.desk.words import PRIORITIES, SEVERITIES, label
from ombud.desk.writing import check_version, lock_case, record, refuse_concerned, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.process import settings
from ombud.speech import counted, joined, sentence, word
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user


async def take(viewer: Viewer, case_id: UUID) -> None:
    """The viewer becomes the owner of a case nobody owns."""
    async with db.transaction():
        case = await lock_case(viewer, "case.take", case_id)
        if case["owner_id"] == viewer.user_id:
            return
        if case["owner_id"] is not None:
            raise NotNow("Somebody else took this case a moment ago. Choose another one, or ask them to hand it over.")
        await _give(viewer, case, viewer.user_id)


async def assign(viewer: Viewer, case_id: UUID, owner_id: UUID | None, version: int | None = None) -> None:
    """Gives a case to somebody who may work on it, or to nobody (back to its queue)."""
    async with db.transaction():
        permission = "case.write" if owner_id in {None, viewer.user_id} else "case.assign"
        case = await lock_case(viewer, permission, case_id)
        check_version("The case", case, version, {"owner_id": owner_id})
        if case["owner_id"] != owner_id:
            await _give(viewer, case, owner_id)


async def _give(viewer: Viewer, case: Record, owner_id: UUID | None) -> None:
    refuse_closed(case)
    if owner_id is not None:
        await may_own(case, owner_id)
    status = "in_progress" if owner_id is not None and case["status"] == "new" else case["status"]
    await update("core_case", case["id"], {"owner_id": owner_id, "status": status, "changed_at": now()})
    body = {"owner": str(owner_id or ""), "queue": str(case["queue_id"] or "")}
    await record(viewer, case["id"], "case.assigned", body)
    if status != case["status"]:
        await record(viewer, case["id"], "case.status_changed", {"status": status})


async def may_own(case: Record, owner_id: UUID) -> None:
    """Raises Invalid where this person could not work on the case."""
    owner = await viewer_of_user(owner_id)
    if owner is None or case["unit_id"] not in owner.units("case.write"):
        raise Invalid("This person may not work on cases of this unit. Choose somebody of the team.", "owner_id")
    if case["confidential"] and case["unit_id"] not in owner.units("case.confidential"):
        raise Invalid("The case is confidential and this person has no right to such cases.", "owner_id")
    concerned = "SELECT EXISTS (SELECT 1 FROM core_aspect WHERE case_id = $1 AND concerns_user_id = $2)"
    if await db.fetchval(concerned, case["id"], owner_id):
        raise Invalid("This person cannot take this case. Choose somebody else.", "owner_id")


def refuse_closed(case: Mapping[str, Any]) -> None:
    if case["status"] == "closed":
        raise NotNow("The case is closed. Reopen it first, with the reason.")


CHANGEABLE = ("title", "priority", "severity", "queue_id", "mood", "fields")


async def change(viewer: Viewer, case_id: UUID, values: Mapping[str, Any], version: int | None) -> int:
    """Changes title, priority, severity, queue, mood or the type's own fields; returns the new version."""
    wanted = {key: value for key, value in values.items() if key in CHANGEABLE}
    async with db.transaction():
        case = await lock_case(viewer, "case.write", case_id)
        if wanted.keys() & {"title", "mood", "fields"}:
            await refuse_concerned(viewer, case_id)
        refuse_closed(case)
        check_version("The case", case, version, wanted)
        checked = await _checked(case, wanted)
        changed = {key: value for key, value in checked.items() if case[key] != value}
        if not changed:
            return int(case["version"])
        said = {"mood_by": "person"} if "mood" in changed else {}
        await update("core_case", case_id, {**changed, **said, "changed_at": now()})
        if "queue_id" in changed:
            await queues.follow(case_id, case["queue_id"], changed["queue_id"])
        await _record_change(viewer, case, changed)
        return int(case["version"]) + 1


async def _checked(case: Record, wanted: Mapping[str, Any]) -> dict[str, Any]:
    checked = dict(wanted)
    if "title" in wanted:
        checked["title"] = clean_text(wanted["title"], "title", longest=200, required=True)
    if "priority" in wanted and wanted["priority"] not in PRIORITIES:
        raise Invalid(sentence("The priority is one of %(joined)s.", joined=joined(PRIORITIES)), "priority")
    if "severity" in wanted and wanted["severity"] not in SEVERITIES:
        raise Invalid("The severity is a number from 1 (minor) to 4 (grave).", "severity")
    if "mood" in wanted and wanted["mood"] not in {"", "calm", "tense", "upset", "angry"}:
        raise Invalid("The mood is calm, tense, upset or angry, or empty.", "mood")
    if wanted.get("queue_id") is not None:
        found = "SELECT EXISTS (SELECT 1 FROM core_queue WHERE id = $1 AND active)"
        if not await db.fetchval(found, wanted["queue_id"]):
            raise Invalid("There is no such queue. Choose one of the list.", "queue_id")
    if "fields" in wanted:
        checked["fields"] = await checked_fields(case["case_type"], wanted["fields"])
    return checked


async def _record_change(viewer: Viewer, case: Record, changed: Mapping[str, Any]) -> None:
    subject = await subject_of(case["id"])
    codes = {key: _code(value) for key, value in changed.items() if key not in {"title", "fields"}}
    codes = {"queue" if key == "queue_id" else key: value for key, value in codes.items()}
    free = {key: Sealed(subject, changed[key]) for key in ("title", "fields") if key in changed}
    codes |= {"fields": sorted(free)} if free else {}
    if "fields" in changed:
        codes["coded"] = coded(await schema_of(case["case_type"]), changed["fields"])
    await record(viewer, case["id"], "case.changed", codes, free)


def _code(value: Any) -> Any:
    return value if isinstance(value, int) else str(value or "")


async def set_confidential(viewer: Viewer, case_id: UUID, confidential: bool, version: int | None) -> None:
    async with db.transaction():
        case = await lock_case(viewer, "case.confidential", case_id)
        check_version("The case", case, version, {"confidential": confidential})
        if case["confidential"] != confidential:
            await update("core_case", case_id, {"confidential": confidential, "changed_at": now()})
            await record(viewer, case_id, "case.changed", {"confidential": confidential})


async def close(viewer: Viewer, case_id: UUID, version: int | None = None, why: str = "") -> None:
    """Closes a case whose every aspect is closed with an outcome and a reason. `why`: needed where something that was
    promised is not done yet, or an aspect has no category; a rule, whom nobody can ask, closes without one."""
    why = clean_text(why, "reason", longest=1000)
    async with db.transaction():
        case = await lock_case(viewer, "case.close", case_id)
        await refuse_concerned(viewer, case_id)
        check_version("The case", case, version, {"status": "closed"})
        if case["status"] == "closed":
            return
        await all_aspects_closed(case)
        promises = await open_promises.undone(case_id)
        open_promises.demand_reason(promises, why)
        uncategorised = 0 if viewer.system else len(await no_category.uncategorised(case_id, case["unit_id"]))
        no_category.demand_reason(uncategorised, why)
        moment = now()
        await update("core_case", case_id, {"status": "closed", "closed_at": moment, "changed_at": moment})
        left = {"open_promises": promises, "uncategorised": uncategorised}
        body = {"status": "closed"} | {key: many for key, many in left.items() if many}
        sealed = {"reason": Sealed(await subject_of(case_id), why)} if why else {}
        await record(viewer, case_id, "case.status_changed", body, sealed)


async def all_aspects_closed(case: Record) -> None:
    """Raises NotNow with the number of aspects that have no outcome yet, or where redress waits for a second person."""
    left = await db.fetchval(
        "SELECT count(*) FROM core_aspect WHERE case_id = $1 AND (status <> 'closed' OR outcome = '' OR reason = '')",
        case["id"],
    )
    if left:
        some = counted(
            "One aspect has no outcome yet. Decide each aspect, then close the case.",
            "%(num)s aspects have no outcome yet. Decide each aspect, then close the case.",
            left,
        )
        raise NotNow(some)
    waits = "SELECT EXISTS (SELECT 1 FROM core_redress_request WHERE case_id = $1 AND state = 'waiting')"
    if await db.fetchval(waits, case["id"]):
        raise NotNow("Redress waits for a second person. Have it approved or refused, or withdraw it, then go on.")


async def reopen(viewer: Viewer, case_id: UUID, reason: str, version: int | None = None) -> None:
    """Opens a closed case again, with a reason; its aspects stay decided until each is reopened."""
    reason = clean_text(reason, "reason", longest=settings().limits.text_chars, required=True)
    async with db.transaction():
        case = await lock_case(viewer, "case.reopen", case_id)
        check_version("The case", case, version, {"status": "in_progress"})
        if case["status"] != "closed":
            raise NotNow(
                sentence("The case is not closed; it is %(status)s.", status=word(label(case["status"])).lower())
            )
        await update("core_case", case_id, {"status": "in_progress", "closed_at": None, "changed_at": now()})
        sealed = {"reason": Sealed(await subject_of(case_id), reason)}
        await record(viewer, case_id, "case.status_changed", {"status": "in_progress", "reopened": True}, sealed)
