"""The way out by letter: the message is typeset and laid into the print queue; a person prints and posts it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ombud_letters import composing, letters, logos, typesetting
from ombud_letters.letters import Enclosed
from ombud_letters.settings import CHANNEL, in_use, letterhead, zone
from ombud_plugin_api import Context, Deliverer, Document, Misconfigured, OutboundMessage, Permanent, Receipt

QUEUED = "In the print queue."
SECONDS = 110.0


async def send(message: OutboundMessage, key: str, context: Context) -> Receipt:
    """Once for a key. `sent` means that it waits to be printed; what became of it then is told to core by the queue."""
    if (known := await status(key, context)) is not None:
        return known
    chosen = await context.platform.settings(message.unit)
    head = letterhead(chosen)
    if not head.complete:
        raise Misconfigured("Letters have no letterhead in this unit. Set name and return address under Letters.")
    _demand_address(message)
    today = datetime.now(zone(chosen)).date()
    picture = await logos.of_unit(message.unit, context.platform)
    data = composing.data_of(message, head, today, picture.file_name, [each.name for each in message.documents])
    made = await typesetting.letter(data, datetime.now(UTC), picture.content)
    await _keep(message, key, made, context)
    return await _receipt(key)


def _demand_address(message: OutboundMessage) -> None:
    lines = composing.address_lines(message)
    if len(lines) < 2:
        raise Permanent("A letter needs a postal address. Add it to the person and send the letter again.")
    if len(lines) > composing.MOST_ADDRESS_LINES:
        raise Permanent(
            f"The address has {len(lines)} lines; the window shows {composing.MOST_ADDRESS_LINES}. Shorten it."
        )


async def _keep(message: OutboundMessage, key: str, made: typesetting.Typeset, context: Context) -> None:
    """The files first, then one transaction for the rows; where the key is taken meanwhile, the files go again."""
    platform = context.platform
    file_id = await platform.keep_file(made.pdf)
    enclosed = [await _enclosed(each, context) for each in message.documents]
    added = await letters.add(
        platform, message=message, key=key, file_id=file_id, pages=made.pages, enclosed=enclosed,
        recipient=composing.plain(message.recipient.name), language=composing.language_of(message),
    )  # fmt: skip
    if not added:
        for each in [file_id, *(one.file_id for one in enclosed if one.file_id)]:
            await platform.drop_file(each)


async def _enclosed(document: Document, context: Context) -> Enclosed:
    start = document.data[:8]
    printable = start.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff"))
    kept: UUID | None = await context.platform.keep_file(document.data) if printable else None
    return Enclosed(document.name, kept)


async def status(key: str, context: Context) -> Receipt | None:
    """What is known of an earlier attempt: a letter with this key lies in the queue, or went on from there."""
    return await _receipt(key) if await letters.by_key(key) is not None else None


async def _receipt(key: str) -> Receipt:
    letter = await letters.by_key(key)
    if letter is None:  # erased with its person in this very moment
        raise Permanent("The person was erased meanwhile; there is nobody to write to.")
    return Receipt(state="sent", detail=QUEUED, remote_id=str(letter.id), at=letter.queued_at)


def used(settings: Mapping[str, Any]) -> bool:
    return in_use(settings)


def deliverers() -> list[Deliverer]:
    return [Deliverer(CHANNEL, "Letter", "mailbox", "address", send, status, used, SECONDS)]
