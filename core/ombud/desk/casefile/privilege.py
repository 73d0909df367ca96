"""Marks of legal privilege: set and taken away by a person with a reason. What is marked leaves the desk in no file."""

from uuid import UUID

from ombud.desk.casefile.record import RIGHT
from ombud.desk.checking import clean_text
from ombud.desk.errors import NotFound, NotNow
from ombud.desk.writing import lock_case, record, refuse_concerned, subject_of
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide

LONGEST = 500
_KINDS = {"m": ("message", "message_id", "core_message"), "f": ("attachment", "attachment_id", "core_attachment")}


async def mark(viewer: Viewer, case_id: UUID, item: str, reason: str) -> None:
    """Marks a message (`m:<id>`, with its files) or one file (`f:<id>`). Raises Invalid without a reason, NotFound for
    what the viewer may not see, NotNow where it is marked already."""
    reason = clean_text(reason, "reason", longest=LONGEST, required=True)
    async with db.transaction():
        await lock_case(viewer, RIGHT, case_id)
        await refuse_concerned(viewer, case_id)
        kind, column, identity = await _seen(viewer, case_id, item)
        made = await db.execute(
            f"INSERT INTO core_privileged (id, case_id, {column}, reason, marked_by, marked_at) "
            "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            new_id(), case_id, identity, reason, viewer.user_id, now(),
        )  # fmt: skip
        if made == "INSERT 0 0":
            raise NotNow("This is marked as privileged already.")
        sealed = {"reason": Sealed(await subject_of(case_id), reason)}
        await record(viewer, case_id, "privilege.marked", {kind: str(identity)}, sealed)


async def lift(viewer: Viewer, case_id: UUID, item: str, reason: str) -> None:
    """Takes the mark away, with the reason. Raises NotNow where there is none."""
    reason = clean_text(reason, "reason", longest=LONGEST, required=True)
    async with db.transaction():
        await lock_case(viewer, RIGHT, case_id)
        await refuse_concerned(viewer, case_id)
        kind, column, identity = await _seen(viewer, case_id, item)
        gone = await db.execute(f"DELETE FROM core_privileged WHERE {column} = $1", identity)
        if gone == "DELETE 0":
            raise NotNow("This is not marked as privileged.")
        sealed = {"reason": Sealed(await subject_of(case_id), reason)}
        await record(viewer, case_id, "privilege.lifted", {kind: str(identity)}, sealed)


async def _seen(viewer: Viewer, case_id: UUID, item: str) -> tuple[str, str, UUID]:
    """What the key names, if it is in this case and in the viewer's view."""
    sort, _, text = item.partition(":")
    try:
        kind, column, table = _KINDS[sort]
        identity = UUID(text)
    except (KeyError, ValueError):
        raise _unknown() from None
    arguments = Arguments(identity, case_id)
    rows = decide(viewer, "case.read", kind).where("x", arguments)
    shared = "SELECT message_id FROM core_shared_message WHERE case_id = $2"
    here = f"x.case_id = $2 OR x.{'id' if sort == 'm' else 'message_id'} IN ({shared})"
    found = await db.fetchval(f"SELECT x.id FROM {table} x WHERE x.id = $1 AND ({here}) AND {rows}", *arguments.values)
    if found is None:
        raise _unknown()
    return kind, column, identity


def _unknown() -> NotFound:
    return NotFound("There is no such message or file in this case. Open the page again; it may have moved.")
