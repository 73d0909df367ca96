"""What was promised about one aspect: due on a day, done, and the customer told of it; or dropped, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import NotNow
from ombud.desk.writing import check_version, lock_aspect, record, subject_of, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide

MOST = 100


@dataclass(frozen=True)
class TaskShown:
    """One promise. `state`: open, late, done (the customer does not know yet), told, dropped."""

    id: UUID
    aspect_id: UUID
    what: str
    due_on: date | None
    state: str
    promised_by: str
    promised_at: datetime
    done_at: datetime | None
    done_by: str
    told_at: datetime | None
    told_by: str
    dropped_at: datetime | None
    dropped_why: str
    version: int

    @property
    def open(self) -> bool:
        return self.state in {"open", "late"}


_WHO = ("created_by", "done_by", "told_by")
_NAMES = ", ".join(f"coalesce(nullif({c}.display_name, ''), {c}.name, '') AS {c}_name" for c in _WHO)
_JOINS = " ".join(f"LEFT JOIN core_user {c} ON {c}.id = t.{c}" for c in _WHO)
_TASKS = f"""
SELECT t.*, {_NAMES} FROM core_task t {_JOINS} JOIN core_aspect a ON a.id = t.aspect_id
WHERE t.aspect_id = ANY({{aspects}}::uuid[]) AND {{rows}} ORDER BY a.position, t.created_at, t.id
"""


async def tasks_of(viewer: Viewer, aspect_ids: Sequence[UUID], today: date) -> tuple[TaskShown, ...]:
    """The promises about these aspects, as far as the viewer sees those; one statement."""
    arguments = Arguments()
    sql = _TASKS.format(
        aspects=arguments.add(list(aspect_ids)), rows=decide(viewer, "case.read", "aspect").where("a", arguments)
    )
    return tuple(_shown(row, today) for row in await db.fetch(sql, *arguments.values))


def _shown(row: Record, today: date) -> TaskShown:
    return TaskShown(
        id=row["id"], aspect_id=row["aspect_id"], what=row["what"], due_on=row["due_on"], state=_state(row, today),
        promised_by=row["created_by_name"], promised_at=row["created_at"], done_at=row["done_at"],
        done_by=row["done_by_name"], told_at=row["told_at"], told_by=row["told_by_name"],
        dropped_at=row["dropped_at"], dropped_why=row["dropped_why"], version=row["version"],
    )  # fmt: skip


def _state(row: Record, today: date) -> str:
    for name, state in (("dropped_at", "dropped"), ("told_at", "told"), ("done_at", "done")):
        if row[name] is not None:
            return state
    return "late" if row["due_on"] is not None and row["due_on"] < today else "open"


async def promise(viewer: Viewer, aspect_id: UUID, what: str, due_on: date | None = None) -> UUID:
    """Writes down what was promised, also after the decision; not in a closed case."""
    what = clean_text(what, "what", longest=500, required=True)
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.write", aspect_id)
        refuse_closed(case)
        if await db.fetchval("SELECT count(*) FROM core_task WHERE aspect_id = $1", aspect_id) >= MOST:
            raise NotNow(
                sentence("An aspect has at most %(most)s promises. Put what belongs together into one.", most=MOST)
            )
        identity = new_id()
        await db.execute(
            "INSERT INTO core_task (id, aspect_id, what, due_on, created_at, created_by, dropped_why, version) "
            "VALUES ($1, $2, $3, $4, $5, $6, '', 1)",
            identity, aspect_id, what, due_on, now(), viewer.user_id,
        )  # fmt: skip
        body = _body(aspect_id, identity, due_on=due_on.isoformat() if due_on else "")
        await _record(viewer, case["id"], "task.promised", body, what=what)
        return identity


async def done(viewer: Viewer, aspect_id: UUID, task_id: UUID, version: int | None = None) -> None:
    """It was done; in a closed case too, for a promise outlives it."""
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, task_id, version)
        if row["done_at"] is not None:
            return
        if row["dropped_at"] is not None:
            raise NotNow("This promise was dropped. Take that back first.")
        await update("core_task", task_id, {"done_at": now(), "done_by": viewer.user_id})
        await _record(viewer, case["id"], "task.done", _body(aspect_id, task_id))


async def told(viewer: Viewer, aspect_id: UUID, task_id: UUID, version: int | None = None) -> None:
    """The customer knows that it was done."""
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, task_id, version)
        if row["told_at"] is not None:
            return
        if row["done_at"] is None:
            raise NotNow("Mark it as done first, then say that the customer was told.")
        await update("core_task", task_id, {"told_at": now(), "told_by": viewer.user_id})
        await _record(viewer, case["id"], "task.told", _body(aspect_id, task_id))


async def drop(viewer: Viewer, aspect_id: UUID, task_id: UUID, why: str, version: int | None = None) -> None:
    """The promise is given up, with the reason."""
    why = clean_text(why, "why", longest=500, required=True)
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, task_id, version)
        if row["done_at"] is not None or row["dropped_at"] is not None:
            raise NotNow("This promise is not open any more. Open the page again to see how it stands.")
        await update("core_task", task_id, {"dropped_at": now(), "dropped_by": viewer.user_id, "dropped_why": why})
        await _record(viewer, case["id"], "task.dropped", _body(aspect_id, task_id), why=why)


async def reopen(viewer: Viewer, aspect_id: UUID, task_id: UUID, version: int | None = None) -> None:
    """Takes back that it was done, told or dropped: the promise is open again."""
    async with db.transaction():
        case, row = await _locked(viewer, aspect_id, task_id, version)
        if row["done_at"] is None and row["dropped_at"] is None:
            return
        names = ("done_at", "done_by", "told_at", "told_by", "dropped_at", "dropped_by")
        await update("core_task", task_id, {**dict.fromkeys(names), "dropped_why": ""})
        await _record(viewer, case["id"], "task.reopened", _body(aspect_id, task_id))


async def _locked(viewer: Viewer, aspect_id: UUID, task_id: UUID, version: int | None) -> tuple[Record, Record]:
    case, _ = await lock_aspect(viewer, "case.write", aspect_id)
    row = await db.fetchrow("SELECT * FROM core_task WHERE id = $1 AND aspect_id = $2 FOR UPDATE", task_id, aspect_id)
    if row is None:
        raise NotNow("There is no such promise here any more. Open the page again to see how it stands.")
    check_version("This promise", row, version, {"what": row["what"]})
    return case, row


def _body(aspect_id: UUID, task_id: UUID, **codes: Any) -> dict[str, Any]:
    return {"aspect": str(aspect_id), "task": str(task_id), **codes}


async def _record(viewer: Viewer, case_id: UUID, kind: str, body: dict[str, Any], **words: str) -> None:
    subject = await subject_of(case_id)
    await record(viewer, case_id, kind, body, {key: Sealed(subject, text) for key, text in words.items() if text})
