"""Payments that leave in one file: gathered by a person, taken once, with a sum that must come out again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.redress.payments import files, states
from ombud.desk.redress.payments.files import FORMATS, Order
from ombud.desk.redress.payments.moving import move
from ombud.desk.redress.payments.paying import MANAGE, payee_of
from ombud.desk.redress.payments.rules import rules_in
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import number, sentence
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide

MOST = 2000
NO_BATCH = "There is no such batch that you may see. The page of payments shows those there are."


@dataclass(frozen=True)
class BatchShown:
    """A batch with what became of its payments. `sums`: (count, sum) by state; they add up to `count` and `total`."""

    id: UUID
    unit: str
    currency: str
    total: Decimal
    count: int
    state: str
    by: str
    at: datetime
    downloads: int
    downloaded_by: str
    downloaded_at: datetime | None
    version: int
    sums: dict[str, tuple[int, Decimal]] = field(default_factory=dict)

    @property
    def reconciled(self) -> bool:
        """Every payment of it is paid, and together they are what was handed over."""
        return self.sums.get(states.PAID, (0, Decimal(0))) == (self.count, self.total)

    @property
    def adds_up(self) -> bool:
        many = sum(each for each, _ in self.sums.values())
        total = sum((each for _, each in self.sums.values()), Decimal(0))
        return (many, total) == (self.count, self.total)


_CHOSEN = """
SELECT p.*, c.unit_id, c.reference FROM core_payment p JOIN core_case c ON c.id = p.case_id
JOIN core_aspect a ON a.id = p.aspect_id
WHERE p.id = ANY({ids}) AND p.state = 'intended' AND p.way = 'file' AND p.batch_id IS NULL AND {rows}
ORDER BY p.id FOR UPDATE OF p
"""


async def make(viewer: Viewer, payments: Sequence[UUID]) -> list[UUID]:
    """Gathers payments that have not left into batches: one for each currency and each account that pays. Nothing
    leaves yet."""
    demand(viewer, MANAGE)
    if not payments:
        raise Invalid("Tick the payments that leave together.", "payment")
    if len(payments) > MOST:
        raise Invalid(sentence("A batch holds at most %(most)s payments. Make several.", most=number(MOST)), "payment")
    async with db.transaction():
        arguments = Arguments()
        sql = _CHOSEN.format(
            ids=arguments.add(list(payments)), rows=decide(viewer, MANAGE, "aspect").where("a", arguments)
        )
        rows = await db.fetch(sql, *arguments.values)
        if len(rows) != len(set(payments)):
            raise NotNow("Some of these payments left already, or are in another batch. Choose them again.")
        return [await _put(viewer, unit, currency, those) for (unit, currency), those in (await _sorted(rows)).items()]


async def _sorted(rows: Sequence[Record]) -> dict[tuple[UUID, str], list[Record]]:
    """By the account that pays, for which the first unit that has it stands, and by currency."""
    payers: dict[UUID, tuple[str, str, str]] = {}
    stands: dict[tuple[str, str, str], UUID] = {}
    found: dict[tuple[UUID, str], list[Record]] = {}
    for row in rows:
        if row["unit_id"] not in payers:
            payers[row["unit_id"]] = (await rules_in(row["unit_id"])).payer
        unit = stands.setdefault(payers[row["unit_id"]], row["unit_id"])
        found.setdefault((unit, row["currency"]), []).append(row)
    return found


async def _put(viewer: Viewer, unit: UUID, currency: str, rows: Sequence[Record]) -> UUID:
    identity, total = new_id(), sum((row["amount"] for row in rows), Decimal(0))
    await db.execute(
        "INSERT INTO core_payment_batch (id, unit_id, currency, total, payments, state, created_by, created_at, "
        "downloads, version) VALUES ($1, $2, $3, $4, $5, 'ready', $6, $7, 0, 1)",
        identity, unit, currency, total, len(rows), viewer.user_id, now(),
    )  # fmt: skip
    await db.execute(
        "UPDATE core_payment SET batch_id = $2, changed_at = $3, version = version + 1 WHERE id = ANY($1)",
        [row["id"] for row in rows], identity, now(),
    )  # fmt: skip
    await _tell(viewer, identity, "payment_batch.made", count=len(rows), total=f"{total:f}", currency=currency)
    return identity


async def _tell(viewer: Viewer, identity: UUID, kind: str, **codes: Any) -> None:
    await append(actor=viewer.actor, entries=[NewEntry(f"payment-batch/{identity}", kind, codes)])


_IN_BATCH = """
SELECT p.*, c.unit_id, c.reference, {rows} AS seen FROM core_payment p JOIN core_case c ON c.id = p.case_id
JOIN core_aspect a ON a.id = p.aspect_id WHERE p.batch_id = {batch} ORDER BY p.id FOR UPDATE OF p
"""


async def _opened(viewer: Viewer, identity: UUID) -> tuple[Record, list[Record]]:
    """The batch and its payments, locked; only whoever may see every one of them handles it."""
    demand(viewer, MANAGE)
    batch = await db.fetchrow("SELECT * FROM core_payment_batch WHERE id = $1 FOR UPDATE", identity)
    arguments = Arguments()
    sql = _IN_BATCH.format(batch=arguments.add(identity), rows=decide(viewer, MANAGE, "aspect").where("a", arguments))
    rows = await db.fetch(sql, *arguments.values) if batch else []
    if batch is None or not all(row["seen"] for row in rows) or not viewer.may_in(MANAGE, batch["unit_id"]):
        raise NotFound(NO_BATCH)
    return batch, rows


async def take_file(viewer: Viewer, identity: UUID, form: str, *, again: bool = False) -> tuple[str, bytes]:
    """The name and the bytes of the file. The first time its payments are handed over with it, in the same commit;
    `again`: whoever lost the file takes it once more, knowing that a bank could be given it twice."""
    if form not in FORMATS:
        raise Invalid("Choose the format of the file.", "format")
    async with db.transaction():
        batch, rows = await _opened(viewer, identity)
        first = _first_time(batch, rows, again=again)
        data = await _bytes(batch, rows, form)
        if first:
            for row in rows:
                await move(viewer, row, states.HAND, codes={"batch": str(identity)}, handed_at=now())
        await db.execute(
            "UPDATE core_payment_batch SET state = 'handed_over', downloads = downloads + 1, downloaded_by = $2, "
            "downloaded_at = $3, version = version + 1 WHERE id = $1",
            identity, viewer.user_id, now(),
        )  # fmt: skip
        await _tell(viewer, identity, "payment_batch.taken", format=form, again=not first, count=len(rows))
    return f"payments-{batch['created_at']:%Y-%m-%d}-{identity.hex[-6:]}.{files.SUFFIX[form]}", data


def _first_time(batch: Record, rows: Sequence[Record], *, again: bool) -> bool:
    if batch["state"] == "dissolved" or not rows:
        raise NotNow("This batch holds no payment any more. Make another one.")
    if batch["state"] == "ready":
        if sum((row["amount"] for row in rows), Decimal(0)) != batch["total"] or len(rows) != batch["payments"]:
            raise NotNow("The sum of this batch is not what it was when it was made. Dissolve it and make it anew.")
        return True
    if not again:
        raise NotNow("This file was taken already. Take it again only if it never reached the bank.")
    if any(row["state"] not in {states.HANDED, states.UNSURE} for row in rows):
        raise NotNow("Some of its payments are settled or repeated already, so the same file must not leave again.")
    return False


async def _bytes(batch: Record, rows: Sequence[Record], form: str) -> bytes:
    orders = [Order(row["key"], await payee_of(row), row["amount"], row["currency"], row["reference"]) for row in rows]
    payer = (await rules_in(batch["unit_id"])).payer
    return files.written(form, str(batch["id"]), orders, payer, now().date())


async def dissolve(viewer: Viewer, identity: UUID) -> None:
    """Its payments wait on their own again; only before its file was taken."""
    async with db.transaction():
        batch, rows = await _opened(viewer, identity)
        if batch["state"] != "ready":
            raise NotNow("Its file was taken, so its payments are on their way. Say of each what became of it.")
        await db.execute(
            "UPDATE core_payment SET batch_id = NULL, changed_at = $2, version = version + 1 WHERE batch_id = $1",
            identity, now(),
        )  # fmt: skip
        await db.execute(
            "UPDATE core_payment_batch SET state = 'dissolved', version = version + 1 WHERE id = $1", identity
        )
        await _tell(viewer, identity, "payment_batch.dissolved", count=len(rows))


_SHOWN = """
SELECT b.id, u.name AS unit, b.currency, b.total, b.payments AS count, b.state, b.created_at AS at, b.downloads,
    b.downloaded_at, b.version, coalesce(nullif(w.display_name, ''), w.name, 'Ombud') AS by,
    coalesce(nullif(d.display_name, ''), d.name, '') AS downloaded_by,
    (SELECT jsonb_object_agg(s.state, jsonb_build_array(s.many, s.total::text)) FROM (SELECT p.state, count(*) AS many,
        sum(p.amount) AS total FROM core_payment p WHERE p.batch_id = b.id GROUP BY p.state) s) AS sums
FROM core_payment_batch b JOIN core_unit u ON u.id = b.unit_id LEFT JOIN core_user w ON w.id = b.created_by
LEFT JOIN core_user d ON d.id = b.downloaded_by
WHERE b.state <> 'dissolved' AND b.unit_id = ANY({units}) {only} AND NOT EXISTS (SELECT 1 FROM core_payment p
    JOIN core_aspect a ON a.id = p.aspect_id WHERE p.batch_id = b.id AND NOT {rows})
ORDER BY b.created_at DESC, b.id DESC LIMIT 100
"""


async def listed(viewer: Viewer, identity: UUID | None = None) -> list[BatchShown]:
    """Batches all of whose payments the viewer may see, the newest first."""
    arguments = Arguments()
    sql = _SHOWN.format(
        units=arguments.add(list(viewer.units(MANAGE))),
        only=f"AND b.id = {arguments.add(identity)}" if identity else "",
        rows=decide(viewer, MANAGE, "aspect").where("a", arguments),
    )
    return [_shown(row) for row in await db.fetch(sql, *arguments.values)]


def _shown(row: Record) -> BatchShown:
    sums = {state: (many, Decimal(total)) for state, (many, total) in (row["sums"] or {}).items()}
    return BatchShown(**{**dict(row), "sums": sums})


async def one(viewer: Viewer, identity: UUID) -> BatchShown:
    for each in await listed(viewer, identity):
        return each
    raise NotFound(NO_BATCH)
