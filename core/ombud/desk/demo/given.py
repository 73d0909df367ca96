"""Redress in the demonstration year: a second person says yes, money is paid or waits, and a rate to reckon with."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from uuid import UUID

from asyncpg import Record

from ombud.desk.demo.firm import Firm
from ombud.desk.errors import DeskRefusal
from ombud.desk.redress import calculations, disputes, granting, rates, requests
from ombud.desk.redress.calculations import Asked
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.payments import batches, paying, reports
from ombud.desk.redress.payments.accounts import Payee
from ombud.desk.redress.payments.moving import ENGINE
from ombud.desk.redress.payments.reports import Report
from ombud.desk.redress.requests import content_hash
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM, Viewer

Step = Callable[[float, float], AbstractContextManager[None]]

# Published example accounts of the IBAN registry; nobody is paid there.
ACCOUNTS = ("PL61109010140000071219812874", "DE89370400440532013000", "SE4550000000058398257466")
RATE = "Example rate of interest"


async def keep_rate(firm: Firm) -> None:
    """A rate for the calculator that says of itself that it is an example."""
    identity = await rates.add(SYSTEM, RATE, "For the demonstration. It is no official rate.")
    for since, percent in ((date(2015, 1, 1), "5"), (date(2023, 1, 1), "8")):
        await rates.add_value(SYSTEM, identity, since, Decimal(percent), "Made up for the demonstration")
    firm.made.append(("rate", identity))


async def claim(owner: Viewer, aspect_id: UUID, rng: random.Random, currency: str) -> None:
    """The customer names an amount."""
    await disputes.say(owner, aspect_id, Decimal(rng.choice((40, 85, 120, 300, 650, 1400))), currency, None)


async def second_person(leader: Viewer, owner: Viewer, case_id: UUID) -> None:
    """What waits in the case is approved; what the leader may not see or approve is withdrawn."""
    for row in await _waiting(case_id):
        try:
            await requests.approve(leader, row["id"], content_hash(row))
        except DeskRefusal:
            await requests.withdraw(owner, row["id"], "Settled without it.")


async def _waiting(case_id: UUID) -> list[Record]:
    return await db.fetch(
        "SELECT * FROM core_redress_request WHERE case_id = $1 AND state = 'waiting' ORDER BY requested_at, id", case_id
    )


async def ask_for_more(firm: Firm, owner: Viewer, aspect_id: UUID, currency: str) -> None:
    """A sum with interest above what an agent may give: it waits for a second person."""
    today, rate_id = now().date(), next(identity for kind, identity in firm.made if kind == "rate")
    asked = Asked(
        currency, refund=Decimal("900.00"), start=today.replace(year=today.year - 2, day=1), end=today.replace(day=1),
        rate_id=rate_id, distress=Decimal("150.00"),
    )  # fmt: skip
    made = await calculations.keep(owner, aspect_id, asked)
    total = await db.fetchval("SELECT total FROM core_calculation WHERE id = $1", made)
    line = RedressGiven("money", total, currency, "Refund of the fees, with interest and for the trouble.", made)
    await granting.add_redress(owner, aspect_id, line)


_LINES = """
SELECT r.id, r.aspect_id FROM core_redress r WHERE r.case_id = $1 AND r.kind = 'money' AND r.reverses IS NULL
    AND NOT EXISTS (SELECT 1 FROM core_redress b WHERE b.reverses = r.id)
    AND NOT EXISTS (SELECT 1 FROM core_payment p WHERE p.line_id = r.id AND p.state <> 'cancelled')
ORDER BY r.created_at, r.id LIMIT 3
"""


async def pay_out(
    step: Step, owner: Viewer, leader: Viewer, case_id: UUID, person: tuple[UUID, str], rng: random.Random
) -> None:
    """The money of a case is paid: on the next bill, or by a file of the bank that reports back."""
    lines = await db.fetch(_LINES, case_id)
    by_hand = rng.random() < 0.3
    made = []
    with step(1, 20):
        for row in lines:
            if by_hand:
                await paying.record_by_hand(
                    owner, row["aspect_id"], row["id"], now().date(), "Credited to the account."
                )
            else:
                payee = Payee(person[1][:70], rng.choice(ACCOUNTS))
                made.append(await paying.intend(owner, row["aspect_id"], row["id"], person[0], payee))
    if not made:
        return
    with step(10, 60):
        for batch in await batches.make(leader, made):
            await batches.take_file(leader, batch, "csv")
    with step(20, 70):
        for row in await db.fetch("SELECT key FROM core_payment WHERE id = ANY($1) ORDER BY id", made):
            status = "failed" if rng.random() < 0.1 else "paid"
            reason = "Account closed" if status == "failed" else ""
            await reports.one(ENGINE, Report(row["key"], status, now().date().isoformat(), reason=reason))
