"""Giving redress: at once within one's limit, above it as a request that waits for a second person; and taking back.

What counts is the sum over the case, whoever gave it, together with cases it was split from or into: small lines, two
agents, or a second case give no more than one line would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.cases import refuse_closed
from ombud.desk.checking import clean_text
from ombud.desk.errors import NotFound, NotNow
from ombud.desk.redress import limits
from ombud.desk.redress.lines import (
    RedressGiven,
    because_of,
    checked_calculation,
    checked_redress,
    put,
    redress_code,
)
from ombud.desk.redress.requests import ask
from ombud.desk.writing import lock_aspect, record, subject_of
from ombud.kernel.database import db
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Arguments, Viewer, decide


@dataclass(frozen=True)
class Granted:
    """What became of a line: given at once, or waiting for a second person. `id`: of the line or of the request."""

    id: UUID
    waits: bool = False

    @property
    def state(self) -> str:
        return "waiting" if self.waits else "granted"


_ROOTS = """
SELECT array_agg(DISTINCT each) FROM (SELECT coalesce(origin_case_id, case_id) AS each FROM core_aspect
    WHERE case_id = $1 UNION SELECT $1) roots
"""
# A line that was taken back after its money went out still counts: it went out.
_SUM = """
SELECT coalesce(sum(r.amount), 0) FROM core_aspect a JOIN core_redress r ON r.aspect_id = a.id
WHERE (a.case_id = ANY($1) OR a.origin_case_id = ANY($1)) AND r.currency = $2 AND r.amount > 0 AND r.reverses IS NULL
    AND (NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id) OR EXISTS (SELECT 1 FROM core_payment p
        WHERE p.line_id = r.id AND p.state IN ('handing', 'handed_over', 'paid', 'unsure')))
"""


async def lock_sums(case_id: UUID) -> None:
    """Until the commit nobody else grants in this case or in those it was split from or into, so that two who grant
    at once in siblings do not both see a sum without the other's. Always after the case's row, in one order, and anew
    where the case got another sibling while it waited."""
    known: list[UUID] = []
    while (roots := sorted(await db.fetchval(_ROOTS, case_id))) != known:
        for root in roots:
            await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"redress of {root}")
        known = roots


async def granted_so_far(case_id: UUID, currency: str) -> Decimal:
    """What the case has been given in this currency; two statements."""
    roots = await db.fetchval(_ROOTS, case_id)
    return Decimal(await db.fetchval(_SUM, roots, currency))


async def give(
    viewer: Viewer, case: Record, aspect: Record, lines: Sequence[RedressGiven]
) -> tuple[list[dict[str, Any]], list[Granted]]:
    """Gives checked lines in the caller's transaction, with the aspect locked. Returns the codes of those that are
    given, for the caller's entry, and what became of each in order. Those of one currency stay together: where their
    sum is above the limit, all of them wait."""
    if any(line.amount is not None for line in lines):
        await lock_sums(case["id"])
    above = await _above(viewer, case, lines)
    codes: list[dict[str, Any]] = []
    done: list[Granted] = []
    for line in lines:
        await checked_calculation(aspect["id"], line)
        if line.amount is not None and line.currency in above:
            done.append(Granted(await ask(viewer, case, aspect, line), waits=True))
            continue
        identity = await put(case["id"], aspect["id"], line, viewer.user_id)
        codes.append({**redress_code(identity, line.kind, line.amount, line.currency), **because_of(line)})
        done.append(Granted(identity))
    return codes, done


async def _above(viewer: Viewer, case: Record, lines: Sequence[RedressGiven]) -> frozenset[str]:
    """The currencies in which these lines would bring the case above the viewer's limit."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.amount is not None:
            sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
    found = set()
    for currency, amount in sums.items():
        limit = await limits.limit_of(viewer, case["unit_id"], currency)
        if amount + await granted_so_far(case["id"], currency) > limit:
            found.add(currency)
    return frozenset(found)


async def add_redress(viewer: Viewer, aspect_id: UUID, line: RedressGiven) -> Granted:
    """One more line, also after the decision."""
    line = checked_redress(line)
    async with db.transaction():
        case, aspect = await lock_aspect(viewer, "case.decide", aspect_id)
        refuse_closed(case)
        codes, done = await give(viewer, case, aspect, [line])
        for code in codes:
            sealed = {"note": Sealed(await subject_of(case["id"]), line.note)} if line.note else {}
            await record(viewer, case["id"], "redress.added", {"aspect": str(aspect_id), **code}, sealed)
        return done[0]


_LINE = """
SELECT r.*, EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id) AS gone, p.id AS payment_id,
    p.state AS payment_state
FROM core_redress r LEFT JOIN core_payment p ON p.line_id = r.id AND p.state <> 'cancelled'
WHERE r.id = $1 AND r.aspect_id = $2
"""


async def reverse_redress(viewer: Viewer, aspect_id: UUID, line_id: UUID, reason: str) -> None:
    """Takes a line back by another line with the opposite amount; nothing is edited. Its payment must not be on its way
    or in doubt; one that has not left is cancelled with it, one that was paid stays paid and counts."""
    reason = clean_text(reason, "reason", longest=1000, required=True)
    async with db.transaction():
        case, _ = await lock_aspect(viewer, "case.decide", aspect_id)
        refuse_closed(case)
        line = await db.fetchrow(_LINE, line_id, aspect_id)
        if line is None or line["reverses"] is not None or line["gone"]:
            raise NotNow("There is no such standing line of redress. Open the case again to see how it stands.")
        await _stop_payment(viewer, line)
        amount = None if line["amount"] is None else -line["amount"]
        back = RedressGiven(line["kind"], amount, line["currency"], reason)
        identity = await put(case["id"], aspect_id, back, viewer.user_id, reverses=line_id)
        body = {"aspect": str(aspect_id), "reverses": str(line_id),
                **redress_code(identity, line["kind"], amount, line["currency"])}  # fmt: skip
        sealed = {"reason": Sealed(await subject_of(case["id"]), reason)}
        await record(viewer, case["id"], "redress.reversed", body, sealed)


async def place_of(viewer: Viewer, line_id: UUID) -> tuple[str, UUID]:
    """The reference of the case and the aspect of a line that the viewer may see; raises NotFound."""
    arguments = Arguments(line_id)
    seen = decide(viewer, "case.decide", "aspect").where("a", arguments)
    row = await db.fetchrow(
        "SELECT c.reference, a.id FROM core_redress r JOIN core_aspect a ON a.id = r.aspect_id "
        f"JOIN core_case c ON c.id = a.case_id WHERE r.id = $1 AND {seen}",
        *arguments.values,
    )
    if row is None:
        raise NotFound("There is no such line of redress that you may see.")
    return row["reference"], row["id"]


async def undo_redress(viewer: Viewer, aspect_id: UUID, line_id: UUID, reason: str) -> None:
    """Takes a line back that is only promised, by another line. Raises NotNow once it was handed over for payment."""
    async with db.transaction():
        await lock_aspect(viewer, "case.decide", aspect_id)
        state = await db.fetchval(
            "SELECT state FROM core_payment WHERE line_id = $1 AND state <> 'cancelled' FOR UPDATE", line_id
        )
        if state not in {None, "intended"}:
            raise NotNow(
                "It was handed over for payment and is not only promised any more. Take it back with a reason on the "
                "redress page of the aspect, once it is known what became of the payment."
            )
        await reverse_redress(viewer, aspect_id, line_id, reason)


async def _stop_payment(viewer: Viewer, line: Record) -> None:
    from ombud.desk.redress.payments.paying import cancel_with_line

    if line["payment_id"] is None:
        return
    if line["payment_state"] in {"handing", "handed_over", "unsure"}:
        raise NotNow("Its payment is on its way or in doubt. Say first what became of it, on the page of payments.")
    await cancel_with_line(viewer, line["payment_id"])
