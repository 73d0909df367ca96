"""What others did to a case since somebody opened its page, in a few words: the page itself does not move."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ombud.desk.colleagues.claims import COLUMNS, Claimed, every, joined, of_row, of_rows
from ombud.desk.colleagues.presence import Present, others
from ombud.desk.in_view import in_view
from ombud.desk.trail.history import PLAIN, SAID, events
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide

LINES = 3
# Beyond the timeline's: a reader's page shows other values than the case has now, so they are told who changed it.
KINDS = (*PLAIN, "case.changed", "aspect.changed", "aspects.reordered")


@dataclass(frozen=True)
class CaseNow:
    """`lines`: the newest changes in words, oldest first, of `changes` in all; `messages`: how many were added."""

    reference: str
    lines: tuple[str, ...]
    changes: int
    messages: int
    claim: Claimed | None
    claims: tuple[Claimed, ...]
    letters: Mapping[str, str]
    others: tuple[Present, ...]
    may_claim: bool
    seq: int


async def case_now(viewer: Viewer, reference: str, since: int, heard: int = 0) -> CaseNow:
    """What entries after number `since` (messages: `heard`) say that the viewer may know and did not do, and who is on
    the case. Raises NotFound with one text for missing and hidden."""
    case = await in_view(viewer, reference)

    def further(arguments: Arguments) -> str:
        return f" AND e.seq > {arguments.add(since)} AND e.actor <> {arguments.add(viewer.actor)}"

    found = await events(viewer, case.id, case.letters, case.unit_id, plain_kinds=KINDS, further=further, limit=50)
    changes = [each for each in found if each.code in KINDS]
    row = await _state(viewer, case.id)
    lines = tuple(dict.fromkeys(each.text for each in reversed(changes)))
    return CaseNow(
        reference=case.reference, lines=lines[-LINES:], changes=len(lines),
        messages=await _messages(viewer, case.id, max(since, heard)), claim=of_row(viewer, row, hidden=case.hidden),
        claims=of_rows(viewer, row, hidden=case.hidden), letters=case.letters,
        others=tuple(await others(viewer, case.id)),
        may_claim=viewer.may_in("case.write", case.unit_id) and row["status"] != "closed" and not case.hidden,
        seq=int(str(row["seq"])),
    )  # fmt: skip


async def _state(viewer: Viewer, case_id: UUID) -> dict[str, object]:
    row = await db.fetchrow(
        "SELECT c.status, coalesce((SELECT s.seq FROM core_stream s WHERE s.stream = 'case/' || c.id), 0) AS seq, "
        f"{COLUMNS}, {every('$2')} FROM core_case c {joined('$2')} WHERE c.id = $1",
        case_id,
        now(),
    )
    return dict(row) if row else {"status": "closed", "claim_user_id": None, "claims": None, "seq": 0}


async def _messages(viewer: Viewer, case_id: UUID, since: int) -> int:
    arguments = Arguments(f"case/{case_id}", since, list(SAID), viewer.actor)
    seen = decide(viewer, "case.read", "entry").where("e", arguments)
    return int(
        await db.fetchval(
            "SELECT count(*) FROM core_ledger_entry e WHERE e.stream = $1 AND e.seq > $2 AND e.kind = ANY($3) "
            f"AND e.actor <> $4 AND {seen}",
            *arguments.values,
        )
    )
