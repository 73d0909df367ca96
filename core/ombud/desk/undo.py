"""Changes that can be taken back: what a case had before is kept for a day, and put back unless it changed since."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import queues
from ombud.desk.because import because
from ombud.desk.cases import all_aspects_closed, may_own, refuse_closed
from ombud.desk.errors import NotNow
from ombud.desk.words import label
from ombud.desk.writing import demand, lock_case, record, refuse_concerned, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import both, sentence
from ombud.trust.policy import Viewer

KEPT_FOR = timedelta(hours=24)

# What is put back, and what it is called when somebody changed it since.
COLUMNS = {
    "owner_id": "owner",
    "status": "status",
    "closed_at": "status",
    "queue_id": "queue",
    "priority": "priority",
    "severity": "severity",
    "confidential": "confidentiality",
}
_NEEDS = {
    "take": "case.take",
    "close": "case.close",
    "reopen": "case.reopen",
    "confidential": "case.confidential",
}


@dataclass
class Kept:
    """Where a change is kept; `id` is None where nothing changed, so there is nothing to take back."""

    id: UUID | None = None


@asynccontextmanager
async def kept(viewer: Viewer, case_id: UUID, action: str) -> AsyncIterator[Kept]:
    """Around one change of one case: keeps, in its transaction, what to put back. Called by the pages of a case."""
    found = Kept()
    async with db.transaction():
        before = await standing(case_id)
        yield found
        after = await standing(case_id)
        changed = {name for name in COLUMNS if before[name] != after[name]}
        if changed:
            found.id = new_id()
            await db.execute(
                "WITH one AS (INSERT INTO core_bulk (id, user_id, action, value, state, single, cut, origin, "
                "created_at, ran_at, touched_at) VALUES ($1, $2, $3, '{}', 'done', TRUE, FALSE, '', $4, $4, $4)) "
                "INSERT INTO core_bulk_row (id, bulk_id, case_id, place, version, state, reason, before, after) "
                "VALUES ($5, $1, $6, 1, $7, 'done', '', $8, $9)",
                found.id, viewer.user_id, action, now(), new_id(), case_id, after["version"],
                coded(before, changed), coded(after, changed),
            )  # fmt: skip


async def standing(case_id: UUID) -> Record:
    """What can be put back, and the version; the row stays locked until the commit."""
    row = await db.fetchrow(f"SELECT {', '.join(COLUMNS)}, version FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    if row is None:
        raise NotNow("The case is not there any more.")
    return row


def coded(row: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """These columns as JSON holds them."""
    return {name: _plain(row[name]) for name in sorted(names)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(name: str, value: Any) -> Any:
    if value is None or value == "":
        return value
    if name.endswith("_id"):
        return UUID(value)
    return datetime.fromisoformat(value) if name == "closed_at" else value


async def put_back(
    viewer: Viewer, bulk_id: UUID, action: str, case_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Puts back what this change changed and nothing else. Raises NotNow naming what was changed since."""
    async with db.transaction():
        case = await lock_case(viewer, _NEEDS.get(action, "case.write"), case_id)
        _unchanged(case, after)
        wanted = {name: _typed(name, value) for name, value in before.items()}
        await _possible(viewer, case, wanted)
        await update("core_case", case_id, {**wanted, "changed_at": now()})
        if "queue_id" in wanted:
            await queues.follow(case_id, case["queue_id"], wanted["queue_id"])
        with because(f"command/undo/{bulk_id}"):
            await _tell(viewer, case, wanted)


def _unchanged(case: Record, after: Mapping[str, Any]) -> None:
    since = {COLUMNS[name]: name for name, value in after.items() if _plain(case[name]) != value}
    if since:
        what = both(label(each).lower() for each in sorted(since))
        now_is = sentence(" It is now: %(status)s.", status=label(case["status"]).lower()) if "status" in since else ""
        raise NotNow(
            sentence(
                "The %(what)s was changed by somebody since.%(now_is)s Open the case to see how it stands.",
                what=what,
                now_is=now_is,
            )
        )


async def _possible(viewer: Viewer, case: Record, wanted: Mapping[str, Any]) -> None:
    """The rules that every other way of getting there keeps."""
    if wanted.get("status") == "closed":
        await refuse_concerned(viewer, case["id"])
        await all_aspects_closed(case)
    elif case["status"] == "closed" and wanted.keys() - {"confidential"} and "closed_at" not in wanted:
        refuse_closed(case)
    owner = wanted.get("owner_id")
    if owner is not None:
        if owner != viewer.user_id:
            demand(viewer, "case.assign")
        await may_own(case, owner)


async def _tell(viewer: Viewer, case: Record, wanted: Mapping[str, Any]) -> None:
    if "owner_id" in wanted:
        body = {"owner": str(wanted["owner_id"] or ""), "queue": str(case["queue_id"] or "")}
        await record(viewer, case["id"], "case.assigned", body)
    if "status" in wanted:
        await record(viewer, case["id"], "case.status_changed", {"status": wanted["status"], "undone": True})
    codes: dict[str, Any] = {name: wanted[name] for name in ("priority", "severity") if name in wanted}
    codes |= {"queue": str(wanted["queue_id"] or "")} if "queue_id" in wanted else {}
    if codes:
        await record(viewer, case["id"], "case.changed", codes)
    if "confidential" in wanted:
        await record(viewer, case["id"], "case.changed", {"confidential": wanted["confidential"]})
