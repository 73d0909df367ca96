"""The demonstration firm Modra Bank: loaded through the desk's own commands, and removed without residue.

The ledger is append-only: the firm's entries, streams and checkpoints stay after a removal, with its people's and
users' keys destroyed, so that nobody can open what the entries sealed. The tombstones of those keys stay too. All else
goes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ombud.desk import intake
from ombud.desk.demo import firm as demo_firm
from ombud.desk.demo import given, incoming
from ombud.desk.demo import matters as demo_matters
from ombud.desk.demo import routing as demo_routing
from ombud.desk.demo.firm import LOCK, Firm
from ombud.desk.demo.removal import RemovalReport, remove
from ombud.desk.demo.story import plan
from ombud.desk.demo.telling import Telling
from ombud.desk.errors import NotNow
from ombud.desk.promises import promises_in
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, append
from ombud_plugin_api.facts import RawReceipt

__all__ = ["DemoReport", "RemovalReport", "is_loaded", "load", "remove"]

Progress = Callable[[int, int], None]  # cases done, cases in all


@dataclass(frozen=True)
class DemoReport:
    """What a load made."""

    cases: int
    aspects: int
    messages: int
    people: int
    users: int
    seconds: float


def quiet(done: int, total: int) -> None:
    return None


async def is_loaded() -> bool:
    return bool(await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_demo_item)"))


async def load(progress: Progress = quiet) -> DemoReport:
    """Makes the firm and its year in one transaction: wholly there afterwards, or not at all. The same year each time,
    relative to the present moment. Raises NotNow where it is there already or a name of it is taken."""
    started, present = time.monotonic(), clock.now()
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        if await is_loaded():
            raise NotNow("The demonstration data is loaded already. Run `ombud demo remove` first to have it anew.")
        with clock.at(present - timedelta(days=400)):
            firm = await demo_firm.found()
            await given.keep_rate(firm)
            await demo_routing.set_up(firm, present)
            await demo_matters.set_up(firm)
        stories = plan(present, (await promises_in(None)).answer_within_days)
        for number, story in enumerate(stories, 1):
            filed = await Telling(firm, story, number, present).tell()
            firm.made.append(("case", filed.case_id))
            progress(number, len(stories))
        await _needs_a_look(firm, present)
        await incoming.come_in(firm, present)
        await demo_routing.give_out(firm, present)
        await demo_matters.work_on(firm, present)
        await _note(firm)
    await db.execute("ANALYZE")  # else the first minutes are planned for an empty desk
    return await _report(firm, time.monotonic() - started)


# What broke off on the way: hours ago, channel, type, bytes, step, why.
_BROKEN = (
    (7, "api", "application/json",
     b'{"channel": "api", "person": {"name": "Ola Bielak", "email": "ola.bielak@example.org"}, "summ',
     "parsed", "The text is not complete JSON: it ends within a name."),
    (26, "api", "application/json",
     b'{"channel": "api", "person": {"name": "Uwe Vogt"}, "matters": [{"text": "Fee."}], "unit": "modra-berlin"}',
     "opened", "There is no unit 'modra-berlin'. Leave it out, or name an existing one."),
    (53, "email", "message/rfc822", b"From: somebody\r\nSubject: =?utf-9?B?cmVrbGFtYWNqYQ==?=\r\n\r\n",
     "parsed", "The subject is written in a character set that nobody knows, and the message is empty."),
)  # fmt: skip


async def _needs_a_look(firm: Firm, present: datetime) -> None:
    """Complaints that broke off on the way: their receipts wait for somebody."""
    for number, (hours, channel, content_type, body, step, why) in enumerate(_BROKEN):
        raw = RawReceipt(channel=channel, key=f"demo-broken-off-{number}", content_type=content_type, body=body)
        with clock.at(present - timedelta(hours=hours)):
            receipt = await intake.receive(raw)
            await intake.fault(receipt.id, step, why)
        firm.made.append(("receipt", receipt.id))


async def _note(firm: Firm) -> None:
    """Writes down what was made, people included, and says so once in the ledger."""
    made = [identity for kind, identity in firm.made if kind == "case"]
    rows = await db.fetch("SELECT DISTINCT person_id FROM core_party WHERE case_id = ANY($1)", made)
    said = [identity for kind, identity in firm.made if kind == "message"]
    rows += await db.fetch("SELECT person_id FROM core_message WHERE id = ANY($1) AND case_id IS NULL", said)
    firm.made += [("person", row["person_id"]) for row in rows]
    load_id = new_id()
    firm.made.append(("load", load_id))
    await db.execute(
        "INSERT INTO core_demo_item (id, kind, item_id) "
        "SELECT given.id, given.kind, given.item_id FROM unnest($1::uuid[], $2::text[], $3::uuid[]) "
        "AS given(id, kind, item_id)",
        [new_id() for _ in firm.made],
        [kind for kind, _ in firm.made],
        [identity for _, identity in firm.made],
    )
    await append(actor="system", entries=[NewEntry(f"demo/{load_id}", "demo.loaded", {"cases": len(made)})])


async def _report(firm: Firm, seconds: float) -> DemoReport:
    made: list[UUID] = [identity for kind, identity in firm.made if kind == "case"]
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM core_aspect WHERE case_id = ANY($1)) AS aspects, "
        "(SELECT count(*) FROM core_message WHERE case_id = ANY($1)) AS messages",
        made,
    )
    assert row is not None
    people = sum(kind == "person" for kind, _ in firm.made)
    return DemoReport(len(made), row["aspects"], row["messages"], people, len(firm.staff), seconds)
