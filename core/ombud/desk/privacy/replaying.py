"""The erasure journal replayed: a desk that was put back from an older backup forgets again whom it had to forget."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ombud.desk.errors import NotNow
from ombud.desk.privacy import collecting, journal
from ombud.desk.privacy.destroying import Order, destroy, of_journal
from ombud.desk.search import index as search_index
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, append

Again = Callable[[Mapping[str, Any]], Awaitable[bool]]


@dataclass
class Replayed:
    """`orders`: how many stand in the journal; `again`: how many had something to destroy; `silent`: orders that wait,
    each with the plugins that did not answer."""

    orders: int = 0
    again: int = 0
    silent: list[tuple[str, Sequence[Mapping[str, Any]]]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.silent


class Silent(Exception):
    """Plugins that keep what only they can look up did not answer; nothing of this order was done."""

    def __init__(self, sources: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(", ".join(each["source"] for each in sources))
        self.sources = sources


async def erase_again(entry: Mapping[str, Any]) -> bool:
    """One erasure of a person, or one case whose time was over. Plugins first, while the restored rows still say by
    what a person is known."""
    wanted = of_journal(entry)
    if not await _stands(wanted):
        return False
    sources = await collecting.asked(wanted.people, "erase") if wanted.whole and wanted.people else []
    if missing := [each for each in sources if each["state"] != "answered"]:
        raise Silent(missing)
    async with db.transaction():
        await destroy(wanted, "system")
        if wanted.whole:  # what was asked and answered since may stand open in the backup: the answer went out
            sql = "UPDATE core_privacy_request SET name = '', contact = '' WHERE person_id = ANY($1)"
            await db.execute(sql, list(wanted.people))
        body = {"erasure": entry["erasure"], "line": entry["n"]}
        entries = [NewEntry(f"person/{each}", "person.erased_again", body) for each in wanted.people]
        if wanted.severed:
            entries += [NewEntry(f"case/{each}", "case.destroyed_again", body) for each in wanted.cases]
        await append(actor="system", entries=entries)
    return True


async def _stands(wanted: Order) -> bool:
    """Whether anything of it is there: a record that was erased is known by its mark, a case by its title, or by its
    mark where its time was over."""
    if wanted.severed:
        return bool(await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_case WHERE id = ANY($1) AND destroyed_at IS NULL) "
            "OR EXISTS (SELECT 1 FROM core_person WHERE id = ANY($2) AND erased_at IS NULL)",
            list(wanted.cases), list(wanted.people),
        ))  # fmt: skip
    if wanted.whole:
        return bool(await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_person WHERE id = ANY($1) AND erased_at IS NULL)", list(wanted.people)
        ))  # fmt: skip
    return bool(await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM core_case WHERE id = ANY($1) AND title <> 'Erased')", list(wanted.cases)
    ))  # fmt: skip


KINDS: dict[str, Again] = {"erase": erase_again}
"""What does an order of the journal again, by its kind. Whoever writes a kind of its own adds it here."""


def demand_known(orders: Sequence[Mapping[str, Any]]) -> None:
    """Before anything is done: an order that this program does not understand would be left undone without a word."""
    for each in orders:
        if each["what"] not in KINDS:
            raise NotNow(
                f"Line {each['n']} of the journal is an order of the kind {each['what']!r}, which this Ombud does not "
                "know. Install the version that wrote it, then replay again. Nothing was erased."
            )


async def replay(file: Path | None = None) -> Replayed:
    """Does again what stands in the journal. Each order is a transaction of its own; safe to stop anywhere and to run
    twice. Raises JournalBroken, or NotNow for a kind that is unknown; then nothing was done."""
    orders = journal.orders(file)
    demand_known(orders)
    done = Replayed(len(orders))
    for each in orders:
        try:
            done.again += await KINDS[each["what"]](each)
        except Silent as silent:
            done.silent.append((each["erasure"], silent.sources))
    if done.again:
        await search_index.up_to_date()
    return done


async def settle(done: Replayed, came: str = "") -> None:
    """Notes at the last restoration what became of the journal. `came`: as core_restoration.journal says it; empty:
    nothing new came, so a restoration without a journal stays one."""
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT id, journal FROM core_restoration ORDER BY restored_at DESC, id DESC LIMIT 1 FOR UPDATE"
        )
        if row is None:
            return
        journal_was = came or row["journal"]
        await db.execute(
            "UPDATE core_restoration SET journal = $2, forgotten_at = $3, orders = $4, again = again + $5 "
            "WHERE id = $1",
            row["id"], journal_was, now() if done.whole and journal_was != "none" else None, done.orders, done.again,
        )  # fmt: skip
        body = {"journal": journal_was, "orders": done.orders, "again": done.again, "waiting": len(done.silent)}
        await append(actor="system", entries=[NewEntry(f"restoration/{row['id']}", "desk.journal_replayed", body)])
