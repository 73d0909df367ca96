"""Scans in the database: the file, its pages, and the letters in it, until core has them."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from ombud_letters.recognising import Seen
from ombud_letters.splitting import Beginning, Page, letter_pages
from ombud_letters.tables import sql
from ombud_plugin_api import Platform, Refused

MOVING = ("waiting", "reading")
SETTLED = ("received", "left_out")


@dataclass(frozen=True)
class Scan:
    """A row of letters_scan."""

    id: UUID
    name: str
    digest: str
    size: int
    unit: str
    received_on: date
    state: str
    reason: str
    about: str
    unread: str
    pages: int
    file_id: UUID | None
    job_id: UUID | None
    uploaded_by: str
    uploaded_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True)
class ScannedPage:
    """A row of letters_page, without its text."""

    number: int
    kind: str
    file_id: UUID | None
    file_page: int
    image_id: UUID | None


@dataclass(frozen=True)
class Incoming:
    """A row of letters_incoming."""

    id: UUID
    scan: UUID
    first_page: int
    why: str
    sender: str
    email: str
    phone: str
    postcode: str
    subject: str
    text: str
    language: str
    received_on: date
    left_pages: list[int]
    version: int
    state: str
    receipt_id: UUID | None
    settled_by: str
    settled_at: datetime | None


@dataclass(frozen=True)
class Read:
    """A page as it was read, before it is kept."""

    number: int
    kind: str
    text: str
    file_page: int
    image: bytes


WORDS = ("sender", "email", "phone", "postcode", "subject", "text", "language")
_SCAN, _PAGE, _INCOMING = (", ".join(each.name for each in fields(kind)) for kind in (Scan, ScannedPage, Incoming))


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def with_digest(digest: str) -> Scan | None:
    """The scan of these very bytes, unless it was discarded."""
    return _scan(await sql(f"SELECT {_SCAN} FROM letters_scan WHERE digest = {{}} AND state <> 'discarded'", digest))


async def add(
    *, name: str, digest: str, size: int, unit: str, received_on: date, file_id: UUID, by: str
) -> UUID | None:
    """A new scan; None where these bytes are here already."""
    rows = await sql(
        "INSERT INTO letters_scan (id, name, digest, size, unit, received_on, file_id, uploaded_by, uploaded_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (digest) WHERE state <> 'discarded' DO NOTHING RETURNING id",
        uuid4(), name, digest, size, unit, received_on, file_id, by, datetime.now(UTC),
    )  # fmt: skip
    return rows[0]["id"] if rows else None


def _scan(rows: Sequence[Mapping[str, Any]]) -> Scan | None:
    return Scan(**rows[0]) if rows else None


async def get(identity: UUID) -> Scan | None:
    return _scan(await sql(f"SELECT {_SCAN} FROM letters_scan WHERE id = {{}}", identity))


async def newest(limit: int = 100) -> list[Scan]:
    """What waits for somebody first, then the newest."""
    rows = await sql(
        f"SELECT {_SCAN} FROM letters_scan WHERE state <> 'discarded' "
        "ORDER BY state IN ('done'), uploaded_at DESC, id DESC LIMIT {}",
        limit,
    )
    return [Scan(**row) for row in rows]


async def moving() -> list[Scan]:
    rows = await sql(f"SELECT {_SCAN} FROM letters_scan WHERE state = ANY({{}}) ORDER BY uploaded_at", list(MOVING))
    return [Scan(**row) for row in rows]


async def change(identity: UUID, only_in: Sequence[str] = (), **values: Any) -> bool:
    """Only while its state is one of these; all where none are named."""
    names = ", ".join(f"{name} = {{}}" for name in values)
    rows = await sql(
        f"UPDATE letters_scan SET {names} WHERE id = {{}} AND (state = ANY({{}}) OR {{}}) RETURNING id",
        *values.values(), identity, list(only_in), not only_in,
    )  # fmt: skip
    return bool(rows)


async def pages(scan: UUID) -> list[ScannedPage]:
    rows = await sql(f"SELECT {_PAGE} FROM letters_page WHERE scan = {{}} ORDER BY number", scan)
    return [ScannedPage(**row) for row in rows]


async def texts(scan: UUID) -> list[Page]:
    rows = await sql("SELECT number, kind, text FROM letters_page WHERE scan = {} ORDER BY number", scan)
    return [Page(row["number"], row["kind"], row["text"]) for row in rows]


async def keep_pages(scan: UUID, pdf: bytes, read: Sequence[Read], platform: Platform) -> None:
    """The files first, then all rows at once; where another run was quicker, its pages stay and these files go."""
    file_id = await platform.keep_file(pdf)
    images = [await platform.keep_file(each.image) for each in read]
    async with platform.transaction():
        alive = await sql("SELECT id FROM letters_scan WHERE id = {} AND state = 'reading' FOR UPDATE", scan)
        known = await sql(
            "SELECT number FROM letters_page WHERE scan = {} AND number = ANY({})", scan, [each.number for each in read]
        )
        fresh = bool(alive) and not known
        for page, image in zip(read if fresh else (), images, strict=fresh):
            await sql(
                "INSERT INTO letters_page (id, scan, number, kind, text, file_id, file_page, image_id) "
                "VALUES ({}, {}, {}, {}, {}, {}, {}, {})",
                uuid4(), scan, page.number, page.kind, page.text, file_id, page.file_page, image,
            )  # fmt: skip
    if not fresh:
        for each in (file_id, *images):
            await platform.drop_file(each)


async def propose(scan: Scan, found: Sequence[tuple[Beginning, Seen, str]], platform: Platform, unread: str) -> None:
    """The letters as they seem to be, for a person to look at; once."""
    async with platform.transaction():
        if not await sql(
            "UPDATE letters_scan SET state = 'review', unread = {} WHERE id = {} AND state = 'reading' RETURNING id",
            unread, scan.id,
        ):  # fmt: skip
            return
        for beginning, seen, text in found:
            await _insert(scan, beginning.page, beginning.why, seen, text)


async def _insert(scan: Scan, page: int, why: str, seen: Seen, text: str) -> None:
    await sql(
        "INSERT INTO letters_incoming (id, scan, first_page, why, sender, email, phone, postcode, subject, language, "
        "text, received_on) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) "
        "ON CONFLICT (scan, first_page) DO NOTHING",
        uuid4(), scan.id, page, why, seen.sender, seen.email, seen.phone, seen.postcode, seen.subject[:200],
        seen.language, text, scan.received_on,
    )  # fmt: skip


async def incoming(scan: UUID) -> list[Incoming]:
    rows = await sql(f"SELECT {_INCOMING} FROM letters_incoming WHERE scan = {{}} ORDER BY first_page", scan)
    return [_incoming(row) for row in rows]


async def one(identity: UUID) -> Incoming | None:
    rows = await sql(f"SELECT {_INCOMING} FROM letters_incoming WHERE id = {{}}", identity)
    return _incoming(rows[0]) if rows else None


async def being_taken() -> list[Incoming]:
    rows = await sql(f"SELECT {_INCOMING} FROM letters_incoming WHERE state = 'taking' ORDER BY id")
    return [_incoming(row) for row in rows]


def _incoming(row: Mapping[str, Any]) -> Incoming:
    left = row["left_pages"]
    return Incoming(**{**row, "left_pages": msgspec.json.decode(left) if isinstance(left, str) else list(left)})


async def change_letter(letter: Incoming, **values: Any) -> bool:
    """Only if nobody changed it meanwhile and it is still open."""
    names = "".join(f"{name} = {{}}, " for name in values)
    rows = await sql(
        f"UPDATE letters_incoming SET {names}version = version + 1 "
        "WHERE id = {} AND version = {} AND state = 'open' RETURNING id",
        *values.values(), letter.id, letter.version,
    )  # fmt: skip
    return bool(rows)


def own_pages(letter: Incoming, letters: Sequence[Incoming], all_pages: Sequence[Page]) -> list[int]:
    return letter_pages(letter.first_page, [each.first_page for each in letters], all_pages, letter.left_pages)


def joined(numbers: Sequence[int], all_pages: Sequence[Page]) -> str:
    """What stands on these pages."""
    by_number = {each.number: each.text for each in all_pages}
    return "\n\n".join(text for number in numbers if (text := by_number.get(number, "").strip()))


async def begin(
    scan: Scan, page: int, seen: Seen, text: str, before: Incoming | None, rest: str | None, platform: Platform
) -> bool:
    """A person says that a letter begins here; `rest` is what stays of the letter before, where nobody typed there."""
    async with platform.transaction():
        changes = {} if rest is None else {"text": rest}
        if before is not None and not await change_letter(before, **changes):
            return False
        await _insert(scan, page, "person", seen, text)
    return True


async def join(letter: Incoming, before: Incoming, text: str, platform: Platform) -> bool:
    """Puts its pages to the letter before."""
    async with platform.transaction():
        gone = await sql(
            "DELETE FROM letters_incoming WHERE id = {} AND version = {} AND state = 'open' RETURNING id",
            letter.id, letter.version,
        )  # fmt: skip
        left = sorted({*before.left_pages, *letter.left_pages})
        if not gone or not await change_letter(before, text=text, left_pages=msgspec.json.encode(left).decode()):
            if gone:
                raise JoinedMeanwhile
            return False
    return True


class JoinedMeanwhile(Exception):
    """The letter before was changed by somebody else; nothing was joined."""


async def settle_letter(letter: Incoming, state: str, by: str, receipt: UUID | None = None) -> bool:
    """Received, or left out: its words are emptied here, because core has them, or nobody wants them."""
    rows = await sql(
        "UPDATE letters_incoming SET state = {}, receipt_id = {}, settled_by = {}, settled_at = {}, sender = '', "
        "email = '', phone = '', postcode = '', subject = '', text = '', language = '', version = version + 1 "
        "WHERE id = {} AND state IN ('open', 'taking') RETURNING id",
        state, receipt, by, datetime.now(UTC), letter.id,
    )  # fmt: skip
    return bool(rows)


async def settle(scan_id: UUID, platform: Platform, state: str = "done") -> bool:
    """Once nothing of it is open: destroys the file, its pages and their pictures. Safe to run twice; True once it is
    settled."""
    async with platform.transaction():
        scan = _scan(await sql(f"SELECT {_SCAN} FROM letters_scan WHERE id = {{}} FOR UPDATE", scan_id))
        if scan is None or scan.state in MOVING:
            return False
        waits = await sql(
            "SELECT 1 FROM letters_incoming WHERE scan = {} AND state IN ('open', 'taking') LIMIT 1", scan_id
        )
        if scan.state in {"review", "broken"} and (waits or (state == "done" and scan.state == "broken")):
            return False
        if scan.state in {"review", "broken"}:
            await sql(
                "UPDATE letters_scan SET state = {}, name = '', about = '', settled_at = {} WHERE id = {}",
                state, datetime.now(UTC), scan_id,
            )  # fmt: skip
    await _destroy(scan_id, platform)
    return True


async def _destroy(scan_id: UUID, platform: Platform) -> None:
    rows = await sql(
        "SELECT file_id FROM letters_scan WHERE id = {} UNION SELECT file_id FROM letters_page WHERE scan = {} "
        "UNION SELECT image_id FROM letters_page WHERE scan = {}",
        scan_id, scan_id, scan_id,
    )  # fmt: skip
    for each in (row["file_id"] for row in rows if row["file_id"] is not None):
        await drop(each, platform)
    await sql("DELETE FROM letters_page WHERE scan = {}", scan_id)
    await sql("UPDATE letters_scan SET file_id = NULL WHERE id = {}", scan_id)


async def drop(file_id: UUID, platform: Platform) -> None:
    """Also where an earlier, interrupted run destroyed it already."""
    with suppress(Refused):
        await platform.drop_file(file_id)


async def unsettled() -> list[UUID]:
    """Done, but with files left by a run that was interrupted; or nothing open and not yet done."""
    rows = await sql(
        "SELECT s.id FROM letters_scan s WHERE (s.state IN ('done', 'discarded') AND s.file_id IS NOT NULL) OR "
        "(s.state = 'review' AND EXISTS (SELECT 1 FROM letters_incoming i WHERE i.scan = s.id) AND NOT EXISTS "
        "(SELECT 1 FROM letters_incoming i WHERE i.scan = s.id AND i.state IN ('open', 'taking')))"
    )
    return [row["id"] for row in rows]


async def counts() -> dict[UUID, dict[str, int]]:
    """Letters by state, for each scan."""
    found: dict[UUID, dict[str, int]] = {}
    for row in await sql("SELECT scan, state, count(*) AS n FROM letters_incoming GROUP BY scan, state"):
        found.setdefault(row["scan"], {})[row["state"]] = row["n"]
    return found


async def start_again(scan: Scan, platform: Platform) -> bool:
    """Back to waiting, with nothing read; not once a letter of it was taken in or is on its way."""
    async with platform.transaction():
        again = await sql(
            "UPDATE letters_scan SET state = 'waiting', reason = '', about = '', unread = '', pages = 0 "
            "WHERE id = {} AND state IN ('review', 'broken') AND file_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM letters_incoming i WHERE i.scan = letters_scan.id AND i.state <> 'open') RETURNING id",
            scan.id,
        )
        if not again:
            return False
        files = await sql(
            "SELECT file_id AS id FROM letters_page WHERE scan = {} "
            "UNION SELECT image_id FROM letters_page WHERE scan = {}",
            scan.id, scan.id,
        )  # fmt: skip
        await sql("DELETE FROM letters_incoming WHERE scan = {}", scan.id)
        await sql("DELETE FROM letters_page WHERE scan = {}", scan.id)
    for each in files:
        if each["id"] is not None:
            await drop(each["id"], platform)
    return True


async def discard(scan: Scan, by: str, platform: Platform) -> bool:
    """Not while a letter of it is being taken in. Letters that core has stay there."""
    async with platform.transaction():
        if await sql("SELECT 1 FROM letters_incoming WHERE scan = {} AND state = 'taking' LIMIT 1", scan.id):
            return False
        received = await sql("SELECT 1 FROM letters_incoming WHERE scan = {} AND state = 'received' LIMIT 1", scan.id)
        for letter in await incoming(scan.id):
            if letter.state == "open":
                await settle_letter(letter, "left_out", by)
        await sql(
            "UPDATE letters_scan SET state = {}, name = '', about = '', settled_at = {} WHERE id = {}",
            "done" if received else "discarded", datetime.now(UTC), scan.id,
        )  # fmt: skip
    await _destroy(scan.id, platform)
    return True
