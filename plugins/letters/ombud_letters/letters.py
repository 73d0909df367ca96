"""Our letters in the database, and the ways their state may go: queued, printed, posted, returned, or withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from ombud_letters.tables import sql
from ombud_plugin_api import OutboundMessage, Permanent, Platform

STATES = ("queued", "printed", "posted", "returned", "withdrawn")
NO_SUCH_ROW = "23503"  # PostgreSQL's code for a reference to a row that is not there


@dataclass(frozen=True)
class Letter:
    """A row of letters_letter."""

    id: UUID
    message_id: UUID
    key: str
    unit: str
    reference: str
    kind: str
    language: str
    subject: str
    recipient: str
    address: str
    pages: int
    file_id: UUID
    state: str
    queued_at: datetime
    batch: UUID | None
    printed_at: datetime | None
    posted_on: date | None
    post_class: str
    tracking: str
    returned_on: date | None
    reason: str
    handled_by: str

    @property
    def place(self) -> str:
        """The last lines of the address, by which a person finds the letter in a pile."""
        lines = [line.strip() for line in self.address.splitlines() if line.strip()]
        return ", ".join(lines[-2:])


_FIELDS = ", ".join(each.name for each in fields(Letter))


@dataclass(frozen=True)
class Enclosed:
    """What goes along; without a file it is laid in by hand."""

    name: str
    file_id: UUID | None


async def add(
    platform: Platform, *, message: OutboundMessage, key: str, file_id: UUID, pages: int, enclosed: Sequence[Enclosed],
    recipient: str, language: str,
) -> bool:  # fmt: skip
    """Into the queue; False where this key has its letter already. Raises Permanent for a message that is gone."""
    identity = uuid4()
    try:
        async with platform.transaction():
            rows = await sql(
                "INSERT INTO letters_letter (id, message_id, key, unit, reference, kind, language, subject, recipient, "
                "address, pages, file_id, queued_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) "
                "ON CONFLICT (key) DO NOTHING RETURNING id",
                identity, message.id, key, message.unit, message.reference, message.kind, language, message.subject,
                recipient, message.recipient.address, pages, file_id, datetime.now(UTC),
            )  # fmt: skip
            for place, each in enumerate(enclosed if rows else ()):
                await sql(
                    "INSERT INTO letters_enclosure (id, letter, position, name, by_hand, file_id) "
                    "VALUES ({}, {}, {}, {}, {}, {})",
                    uuid4(), identity, place, each.name, each.file_id is None, each.file_id,
                )  # fmt: skip
    except Exception as problem:
        if getattr(problem, "sqlstate", "") != NO_SUCH_ROW:
            raise
        for kept in [file_id, *(each.file_id for each in enclosed if each.file_id)]:
            await platform.drop_file(kept)
        raise Permanent("The desk has no message of this id any more; there is nothing to post.") from problem
    return bool(rows)


async def by_key(key: str) -> Letter | None:
    return _one(await sql(f"SELECT {_FIELDS} FROM letters_letter WHERE key = {{}}", key))


async def get(identity: UUID) -> Letter | None:
    return _one(await sql(f"SELECT {_FIELDS} FROM letters_letter WHERE id = {{}}", identity))


def _one(rows: Sequence[dict[str, Any]]) -> Letter | None:
    return Letter(**rows[0]) if rows else None


async def in_state(state: str, limit: int, after: UUID | None = None) -> list[Letter]:
    """The oldest first while something is to be done with them, else the newest first."""
    order = "ASC" if state in {"queued", "printed"} else "DESC"
    beyond = ">" if order == "ASC" else "<"
    further = f"AND (queued_at, id) {beyond} (SELECT queued_at, id FROM letters_letter WHERE id = {{}})"
    rows = await sql(
        f"SELECT {_FIELDS} FROM letters_letter WHERE state = {{}} {further if after else ''} "
        f"ORDER BY queued_at {order}, id {order} LIMIT {{}}",
        state, *([after] if after else []), limit,
    )  # fmt: skip
    return [Letter(**row) for row in rows]


async def of_case(reference: str) -> list[Letter]:
    rows = await sql(f"SELECT {_FIELDS} FROM letters_letter WHERE reference = {{}} ORDER BY queued_at DESC", reference)
    return [Letter(**row) for row in rows]


async def of_batch(batch: UUID) -> list[Letter]:
    rows = await sql(f"SELECT {_FIELDS} FROM letters_letter WHERE batch = {{}} ORDER BY queued_at, id", batch)
    return [Letter(**row) for row in rows]


async def several(identities: Iterable[UUID]) -> list[Letter]:
    rows = await sql(
        f"SELECT {_FIELDS} FROM letters_letter WHERE id = ANY({{}}) ORDER BY queued_at, id", list(identities)
    )
    return [Letter(**row) for row in rows]


async def enclosures(letter: UUID) -> list[Enclosed]:
    rows = await sql("SELECT name, by_hand, file_id FROM letters_enclosure WHERE letter = {} ORDER BY position", letter)
    return [Enclosed(row["name"], None if row["by_hand"] else row["file_id"]) for row in rows]


async def enclose_by_hand(file_id: UUID) -> None:
    """It turned out that it cannot be printed from here."""
    await sql("UPDATE letters_enclosure SET by_hand = TRUE WHERE file_id = {}", file_id)


async def printed(platform: Platform, identities: Sequence[UUID], by: str) -> UUID | None:
    """Puts those that are queued, or were printed before, into a new batch; None where there are none."""
    batch, now = uuid4(), datetime.now(UTC)
    async with platform.transaction():
        await sql("INSERT INTO letters_batch (id, made_by, made_at) VALUES ({}, {}, {})", batch, by, now)
        rows = await sql(
            "UPDATE letters_letter SET state = 'printed', batch = {}, printed_at = {}, handled_by = {} "
            "WHERE id = ANY({}) AND state IN ('queued', 'printed') RETURNING id",
            batch, now, by, list(identities),
        )  # fmt: skip
        if not rows:
            await sql("DELETE FROM letters_batch WHERE id = {}", batch)
    return batch if rows else None


async def posted(identities: Sequence[UUID], on: date, post_class: str, tracking: str, by: str) -> list[UUID]:
    """Those that were waiting to be posted, queued ones too: somebody may have printed a preview."""
    rows = await sql(
        "UPDATE letters_letter SET state = 'posted', posted_on = {}, post_class = {}, tracking = {}, handled_by = {}, "
        "reported = FALSE WHERE id = ANY({}) AND state IN ('queued', 'printed') RETURNING id",
        on, post_class, tracking, by, list(identities),
    )  # fmt: skip
    return [row["id"] for row in rows]


async def returned(identity: UUID, on: date, reason: str, by: str) -> bool:
    return bool(await sql(
        "UPDATE letters_letter SET state = 'returned', returned_on = {}, reason = {}, handled_by = {}, "
        "reported = FALSE WHERE id = {} AND state = 'posted' RETURNING id",
        on, reason, by, identity,
    ))  # fmt: skip


async def withdrawn(identity: UUID, reason: str, by: str) -> bool:
    return bool(await sql(
        "UPDATE letters_letter SET state = 'withdrawn', reason = {}, handled_by = {}, reported = FALSE "
        "WHERE id = {} AND state IN ('queued', 'printed') RETURNING id",
        reason, by, identity,
    ))  # fmt: skip


async def back_to_queue(identity: UUID, by: str) -> bool:
    """A print that failed, or a letter that was withdrawn by mistake."""
    return bool(await sql(
        "UPDATE letters_letter SET state = 'queued', batch = NULL, printed_at = NULL, handled_by = {} "
        "WHERE id = {} AND state = 'printed' RETURNING id",
        by, identity,
    ))  # fmt: skip


async def track(identity: UUID, tracking: str) -> None:
    await sql("UPDATE letters_letter SET tracking = {} WHERE id = {} AND state = 'posted'", tracking, identity)


async def unreported(limit: int = 200) -> list[Letter]:
    rows = await sql(f"SELECT {_FIELDS} FROM letters_letter WHERE NOT reported ORDER BY id LIMIT {{}}", limit)
    return [Letter(**row) for row in rows]


async def reported(letter: Letter) -> None:
    """Only if its state is still the one that was told."""
    await sql("UPDATE letters_letter SET reported = TRUE WHERE id = {} AND state = {}", letter.id, letter.state)


async def counts(platform: Platform) -> dict[str, int]:
    """How many wait to be printed and posted; what the viewer may not read is not counted for them either."""
    rows = await sql("SELECT state, message_id FROM letters_letter WHERE state IN ('queued', 'printed') LIMIT 5000")
    seen = await platform.readable([row["message_id"] for row in rows])
    found = dict.fromkeys(STATES, 0)
    for row in rows:
        found[row["state"]] += row["message_id"] in seen
    return found
