"""Doing what was planned, case by case: each in its own transaction, once, also where a process is killed half-way."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import aspects, cases, messages, tags
from ombud.desk.because import because
from ombud.desk.bulk import replies
from ombud.desk.bulk.back import BACK
from ombud.desk.bulk.plan import find
from ombud.desk.errors import DeskRefusal, NotNow
from ombud.desk.outgoing.writing import Ready
from ombud.desk.redress import granting
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.money import typed
from ombud.desk.undo import COLUMNS, KEPT_FOR, coded, put_back, standing
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.trust.policy import Arguments, Viewer, decide
from ombud.trust.viewers import viewer_of_user

AT_ONCE = 50
SILENT = timedelta(minutes=1)
KEPT_DAYS = 30
JOB = "bulk.work"

log = logging.getLogger("ombud.desk")

Told = Callable[[int, int], Awaitable[None]]
_OPEN = {"running": "ready", "undoing": "done"}
_ENDS = {"running": "done", "undoing": "undone"}


async def run(viewer: Viewer, bulk_id: UUID) -> None:
    """Starts what was planned: up to AT_ONCE cases at once, more in the background."""
    bulk = await find(viewer, bulk_id)
    if not bulk.count("ready"):
        raise NotNow("None of these cases can be changed so. Choose something else to do, or other cases.")
    await _start(bulk_id, "planned", "running", bulk.count("ready"))


async def undo(viewer: Viewer, bulk_id: UUID) -> None:
    """Puts back what each case had, unless it changed since; for a day, by whoever made the change."""
    bulk = await find(viewer, bulk_id)
    if bulk.action == "note":
        raise NotNow("Notes stay: they are part of what happened. Write another one that puts it right.")
    if bulk.ran_at is None or bulk.ran_at < now() - KEPT_FOR:
        raise NotNow("This change is older than a day and stays. Change the cases by hand where they need it.")
    if bulk.state in {"undoing", "undone"}:
        raise NotNow("This change was taken back already.")
    await _start(bulk_id, "done", "undoing", bulk.count("done"))


async def _start(bulk_id: UUID, state: str, going: str, many: int) -> None:
    async with db.transaction():
        ran = ", ran_at = $4" if going == "running" else ""
        started = await db.execute(
            f"UPDATE core_bulk SET state = $3, touched_at = $4{ran} WHERE id = $1 AND state = $2",
            bulk_id, state, going, now(),
        )  # fmt: skip
        if started == "UPDATE 0":
            raise NotNow("This change is not ready, or was started already. Open it again to see how it stands.")
        if many > AT_ONCE:
            await enqueue_job(JOB, {"bulk": str(bulk_id)}, key=f"bulk/{bulk_id}")
    if many <= AT_ONCE:
        await work(bulk_id)


async def in_background(payload: dict[str, Any], context: JobContext) -> None:
    """The job: goes on with whatever is left."""

    async def told(done: int, total: int) -> None:
        await context.progress(done, total)

    await work(UUID(payload["bulk"]), told)


async def work(bulk_id: UUID, told: Told | None = None) -> None:
    """Does the open rows of a running change. Safe to run twice, and beside itself: a row is done once."""
    bulk = await db.fetchrow("SELECT * FROM core_bulk WHERE id = $1 AND state IN ('running', 'undoing')", bulk_id)
    if bulk is None:
        return
    viewer = await viewer_of_user(bulk["user_id"]) or Viewer(actor=f"user/{bulk['user_id']}", user_id=bulk["user_id"])
    waiting = await db.fetch(
        "SELECT id FROM core_bulk_row WHERE bulk_id = $1 AND state = $2 ORDER BY place", bulk_id, _OPEN[bulk["state"]]
    )
    for place, row in enumerate(waiting, 1):
        await _one(viewer, bulk, row["id"])
        if place % 20 == 0:
            await db.execute("UPDATE core_bulk SET touched_at = $2 WHERE id = $1", bulk_id, now())
        if told is not None:
            await told(place, len(waiting))
    await _end(bulk_id, bulk["state"])


async def _one(viewer: Viewer, bulk: Record, row_id: UUID) -> None:
    doing, going = (_change, "running") if bulk["state"] == "running" else (_take_back, "undoing")
    reason = ""
    try:
        replying = going == "running" and bulk["action"] == "reply"
        ready = await replies.prepared(viewer, bulk, row_id) if replying else None
        async with db.transaction():
            row = await db.fetchrow(
                "SELECT * FROM core_bulk_row WHERE id = $1 AND state = $2 FOR UPDATE SKIP LOCKED", row_id, _OPEN[going]
            )
            if row is not None:
                await doing(viewer, bulk, row, ready)
        return
    except DeskRefusal as refusal:
        reason = str(refusal)
    except Exception:
        log.exception("row %s of bulk change %s failed", row_id, bulk["id"])
        reason = "Something in Ombud failed here; it was written down. Try this case by itself."
    await db.execute(
        "UPDATE core_bulk_row SET state = $3, reason = $4 WHERE id = $1 AND state = $2",
        row_id, _OPEN[going], "refused" if going == "running" else "stayed", reason,
    )  # fmt: skip


async def _change(viewer: Viewer, bulk: Record, row: Record, ready: Ready | None) -> None:
    before = await standing(row["case_id"])
    if before["version"] != row["version"]:
        raise NotNow("Somebody changed the case after the preview. Open it to see how it stands.")
    with because(f"command/bulk/{bulk['id']}"):
        if ready is not None:
            own: Any = {}, await replies.send(viewer, row["case_id"], row["id"], ready)
        else:
            own = await _DO[bulk["action"]](viewer, row["case_id"], bulk["value"], row)
    after = await standing(row["case_id"])
    changed = {name for name in COLUMNS if before[name] != after[name]}
    then, since = own or (coded(before, changed), coded(after, changed))
    await db.execute(
        "UPDATE core_bulk_row SET state = 'done', version = $2, before = $3, after = $4 WHERE id = $1",
        row["id"], after["version"], then, since,
    )  # fmt: skip


async def _take_back(viewer: Viewer, bulk: Record, row: Record, ready: Ready | None) -> None:
    if bulk["action"] in BACK:
        with because(f"command/undo/{bulk['id']}"):
            await BACK[bulk["action"]](viewer, row)
    elif row["before"]:
        await put_back(viewer, bulk["id"], bulk["action"], row["case_id"], row["before"], row["after"])
    await db.execute("UPDATE core_bulk_row SET state = 'undone' WHERE id = $1", row["id"])


Own = tuple[dict[str, Any], dict[str, Any]] | None
Do = Callable[[Viewer, UUID, Mapping[str, Any], Record], Awaitable[Own]]
"""Gives what was there before and what came of it, where that is more than columns of the case."""


async def _take(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.take(viewer, case_id)


async def _assign(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.assign(viewer, case_id, UUID(value["owner"]), row["version"])


async def _release(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.assign(viewer, case_id, None, row["version"])


async def _queue(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.change(viewer, case_id, {"queue_id": UUID(value["queue"])}, row["version"])


async def _priority(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.change(viewer, case_id, {"priority": value["priority"]}, row["version"])


async def _severity(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.change(viewer, case_id, {"severity": value["severity"]}, row["version"])


async def _confidential(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.set_confidential(viewer, case_id, True, row["version"])


async def _category(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> Own:
    """Of the open matters that the viewer sees."""
    arguments = Arguments(case_id)
    seen = decide(viewer, "case.write", "aspect").where("a", arguments)
    found = await db.fetch(
        f"SELECT a.id, a.category FROM core_aspect a WHERE a.case_id = $1 AND a.status = 'open' AND {seen} "
        "ORDER BY a.position",
        *arguments.values,
    )
    for each in found:
        await aspects.change(viewer, each["id"], {"category": value["category"]}, None)
    before = {str(each["id"]): each["category"] for each in found if each["category"] != value["category"]}
    return {"categories": before}, {"category": value["category"]}


async def _close(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.close(viewer, case_id, row["version"])


async def _reopen(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await cases.reopen(viewer, case_id, value["text"], row["version"])


async def _note(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> None:
    await messages.write(viewer, case_id, "note", value["text"], key=f"bulk/{row['id']}")


async def _redress(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> Own:
    """To the first aspect in view, an open one before those decided. What is above the limit waits, as everywhere; the
    row says so."""
    grant, arguments = decide(viewer, "case.decide", "aspect"), Arguments(case_id)
    aspect = await db.fetchval(
        f"SELECT a.id FROM core_aspect a WHERE a.case_id = $1 AND {grant.where('a', arguments)} "
        "ORDER BY a.status = 'closed', a.position LIMIT 1",
        *arguments.values,
    )
    if aspect is None:
        raise NotNow("There is no aspect in it that you may see.")
    line = RedressGiven(value["kind"], typed(value["amount"]), value["currency"], value["text"])
    done = await granting.add_redress(viewer, aspect, line)
    if done.waits:
        await db.execute(
            "UPDATE core_bulk_row SET reason = 'Above your limit: it waits for a second person.' WHERE id = $1",
            row["id"],
        )
    return {}, {"aspect": str(aspect), "request" if done.waits else "line": str(done.id)}


async def _tag(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> Own:
    fresh = await tags.put(viewer, case_id, value["tags"])
    if not fresh:
        raise NotNow("It has these tags already.")
    return {}, {"tags": fresh}


async def _untag(viewer: Viewer, case_id: UUID, value: Mapping[str, Any], row: Record) -> Own:
    gone = await tags.take_off(viewer, case_id, value["tags"])
    if not gone:
        raise NotNow("It has none of these tags.")
    return {"tags": gone}, {}


_DO: dict[str, Do] = {
    "take": _take, "assign": _assign, "release": _release, "queue": _queue, "priority": _priority,
    "severity": _severity, "category": _category, "confidential": _confidential, "close": _close,
    "reopen": _reopen, "note": _note, "redress": _redress, "tag": _tag, "untag": _untag,
}  # fmt: skip


async def _end(bulk_id: UUID, going: str) -> None:
    """Ends it once no row is open; words stand in the cases now, and nowhere else."""
    await db.execute(
        "UPDATE core_bulk b SET state = $3, value = b.value - 'text' - 'subject', touched_at = $5 "
        "WHERE b.id = $1 AND b.state = $2 "
        "AND NOT EXISTS (SELECT 1 FROM core_bulk_row r WHERE r.bulk_id = b.id AND r.state = $4)",
        bulk_id, going, _ENDS[going], _OPEN[going], now(),
    )  # fmt: skip


async def sweep(payload: dict[str, Any], context: JobContext) -> None:
    """Takes up what a killed process left half-way, and forgets what nobody can take back any more."""
    moment = now()
    stuck = await db.fetch(
        "SELECT id FROM core_bulk WHERE state IN ('running', 'undoing') AND touched_at < $1 LIMIT 100", moment - SILENT
    )
    for row in stuck:
        await enqueue_job(JOB, {"bulk": str(row["id"])}, key=f"bulk/{row['id']}")
    await db.execute(
        "DELETE FROM core_bulk WHERE (single OR state IN ('choosing', 'planned')) AND created_at < $1 "
        "OR state IN ('done', 'undone') AND created_at < $2",
        moment - 2 * KEPT_FOR, moment - timedelta(days=KEPT_DAYS),
    )  # fmt: skip
    await db.execute("DELETE FROM core_view WHERE deleted_at < $1", moment - KEPT_FOR)


async def latest(viewer: Viewer, within: timedelta) -> Record | None:
    """The viewer's last change that can still be taken back: its id, action and number of cases."""
    return await db.fetchrow(
        "SELECT b.id, b.action, b.single, (SELECT count(*) FROM core_bulk_row r WHERE r.bulk_id = b.id "
        "AND r.state = 'done') AS cases FROM core_bulk b WHERE b.user_id = $1 AND b.ran_at > $2 AND b.state = 'done' "
        "AND b.action <> 'note' ORDER BY b.ran_at DESC LIMIT 1",
        viewer.user_id,
        now() - within,
    )
