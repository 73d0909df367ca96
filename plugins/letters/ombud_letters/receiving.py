"""A letter that a person looked over is handed to core, which keeps it under the sender's key; then it goes here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ombud_letters import bounded, scans
from ombud_letters.bounded import Broke, TooLong
from ombud_letters.channel import receipt
from ombud_letters.scans import Incoming, Scan, ScannedPage
from ombud_letters.settings import zone
from ombud_plugin_api import Conflict, Context, Permanent, Transient

NAME = "take"
LIMIT = 900.0
NOON = time(12)


async def take(payload: Mapping[str, Any], context: Context) -> None:
    """Safe to run twice: the letter's id is the key under which core has it."""
    letter = await scans.one(UUID(str(payload["letter"])))
    if letter is None:
        return
    if letter.state == "taking":
        await _hand_over(letter, context)
    await scans.settle(letter.scan, context.platform)


async def _hand_over(letter: Incoming, context: Context) -> None:
    scan = await scans.get(letter.scan)
    if scan is None:
        return
    texts = await scans.texts(scan.id)
    numbers = scans.own_pages(letter, await scans.incoming(scan.id), texts)
    pdf = await _pdf(numbers, await scans.pages(scan.id), context)
    read = "machine" if letter.text == scans.joined(numbers, texts) and letter.text else "person"
    said = said_of(letter, scan, zone(await context.platform.settings(scan.unit)), read, numbers)
    raw = receipt(f"letter/{letter.id}", said, pdf)
    try:
        received: UUID | None = await context.platform.receive(raw)
    except Conflict:  # an earlier run handed it over, and a newer program makes other bytes of the same letter
        received = None
    await scans.settle_letter(letter, "received", letter.settled_by, received)


def said_of(letter: Incoming, scan: Scan, local: ZoneInfo, read: str, numbers: Sequence[int]) -> dict[str, Any]:
    """What core is told of it. Pure."""
    return {
        "sender": {"name": letter.sender, "email": letter.email, "phone": letter.phone, "postcode": letter.postcode},
        "text": letter.text, "subject": letter.subject, "language": letter.language, "unit": scan.unit, "read": read,
        "received_at": came_at(letter.received_on, scan.uploaded_at, local).isoformat(),
        "scan": {"sha256": scan.digest, "pages": list(numbers)},
    }  # fmt: skip


def came_at(on: date, uploaded_at: datetime, local: ZoneInfo) -> datetime:
    """Noon of the day on which it came, as the person said; never after it was scanned."""
    return min(datetime.combine(on, NOON, local).astimezone(UTC), uploaded_at.astimezone(UTC))


async def _pdf(numbers: Sequence[int], pages: Sequence[ScannedPage], context: Context) -> bytes:
    """The pages as one file that can be searched; empty where a person left out all of them."""
    if not numbers:
        return b""
    by_number = {page.number: page for page in pages}
    with bounded.folder() as place:
        parts: list[dict[str, Any]] = []
        for number in numbers:
            page = by_number[number]
            name = f"{page.file_id}.pdf"
            if page.file_id is None:
                continue
            if not (place / name).exists():
                (place / name).write_bytes(await context.platform.kept_file(page.file_id))
            parts.append({"file": name, "pages": [page.file_page]})
        try:
            answer = await bounded.workshop("put-together", place, parts=parts, name="letter.pdf")
        except (TooLong, Broke) as problem:
            raise Transient("The pages of a letter could not be put together in time; it is tried again.") from problem
        if answer.get("refused"):
            raise Permanent("The pages of a letter cannot be put together any more. Scan it again.")
        return (place / "letter.pdf").read_bytes()
