"""Letters in scans that no one received yet lead to nobody: a writer is known there by the address or number that was
read or typed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ombud_letters import bounded, scans
from ombud_letters.bounded import Broke, TooLong
from ombud_letters.scans import Incoming, ScannedPage
from ombud_letters.tables import sql
from ombud_plugin_api import Context, Permanent, PersonalData, PersonSought, Platform, Transient

LABEL = "Scanned letters that nobody received yet"
ADDRESSES = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
NUMBERS = re.compile(r"\+?\d[\d\s().-]{7,}\d")
BY = "erasure"


def personal_data() -> list[PersonalData]:
    return [PersonalData(LABEL, collect, erase)]


async def collect(person: PersonSought, context: Context) -> list[Mapping[str, Any]]:
    """Each letter with what was read, and the text of its pages."""
    found: list[Mapping[str, Any]] = []
    for letter in await _letters(person):
        texts = await scans.texts(letter.scan)
        pages = scans.own_pages(letter, await scans.incoming(letter.scan), texts)
        said = {name: value for name in scans.WORDS if (value := getattr(letter, name))}
        found.append({**said, "received_on": letter.received_on, "pages": scans.joined(pages, texts)})
    return found


async def erase(person: PersonSought, context: Context) -> int:
    """Leaves these letters out, and destroys their pages; other people's pages of the same scan stay readable."""
    letters = await _letters(person)
    for letter in letters:
        await _pages_gone(letter, context.platform)
        await scans.settle_letter(letter, "left_out", BY)
        await scans.settle(letter.scan, context.platform)
    return len(letters)


async def _letters(person: PersonSought) -> list[Incoming]:
    """Raises Transient while a scan is being read or a letter received: then nobody knows yet whose it is."""
    emails = {each.strip().lower() for each in person.emails} - {""}
    numbers = {digits(each) for each in person.phones} - {""}
    if not emails and not numbers:
        return []
    if await scans.moving() or await scans.being_taken():
        raise Transient("Scanned post is being read or received just now. Ask again when that is done.")
    rows = await sql("SELECT id FROM letters_incoming WHERE state = 'open' ORDER BY id")
    found = [await scans.one(row["id"]) for row in rows]
    return [each for each in found if each is not None and _is_by(each, emails, numbers)]


def _is_by(letter: Incoming, emails: set[str], numbers: set[str]) -> bool:
    """Whole addresses and numbers are compared, never parts; a name alone is somebody else's as well."""
    addresses = {letter.email.strip().lower(), *(each.lower().rstrip(".") for each in ADDRESSES.findall(letter.text))}
    calls = {digits(letter.phone), *(digits(each) for each in NUMBERS.findall(letter.text))}
    return bool(addresses & emails or calls & numbers)


async def _pages_gone(letter: Incoming, platform: Platform) -> None:
    """The file as it came holds every letter of the scan, so it goes whole; what the others need was taken from it."""
    scan = await scans.get(letter.scan)
    own = set(scans.own_pages(letter, await scans.incoming(letter.scan), await scans.texts(letter.scan)))
    pages = await scans.pages(letter.scan)
    for file_id in sorted({each.file_id for each in pages if each.number in own and each.file_id is not None}):
        of_file = [each for each in pages if each.file_id == file_id]
        await _without(file_id, [each for each in of_file if each.number not in own], platform)
    for page in pages:
        if page.number in own:
            if page.image_id is not None:
                await scans.drop(page.image_id, platform)
            await sql(
                "UPDATE letters_page SET text = '', file_id = NULL, image_id = NULL WHERE scan = {} AND number = {}",
                letter.scan, page.number,
            )  # fmt: skip
    if scan is not None and scan.file_id is not None:
        await sql("UPDATE letters_scan SET file_id = NULL, name = '' WHERE id = {}", scan.id)
        await scans.drop(scan.file_id, platform)


async def _without(file_id: Any, others: Sequence[ScannedPage], platform: Platform) -> None:
    """Makes a file of the pages that stay, and destroys the one that held them all."""
    if others:
        made = await platform.keep_file(await _put_together(file_id, others, platform))
        for place, page in enumerate(others, 1):
            await sql(
                "UPDATE letters_page SET file_id = {}, file_page = {} WHERE file_id = {} AND number = {}",
                made, place, file_id, page.number,
            )  # fmt: skip
    await scans.drop(file_id, platform)


async def _put_together(file_id: Any, others: Sequence[ScannedPage], platform: Platform) -> bytes:
    with bounded.folder() as place:
        (place / "all.pdf").write_bytes(await platform.kept_file(file_id))
        parts = [{"file": "all.pdf", "pages": [each.file_page for each in others]}]
        try:
            answer = await bounded.workshop("put-together", place, parts=parts, name="rest.pdf")
        except (TooLong, Broke) as problem:
            raise Transient(f"The other letters of a scan could not be kept: {problem}") from None
        if answer.get("refused"):
            raise Permanent(
                "The other letters of a scan cannot be kept. Receive them or leave them out, then ask again."
            )
        return (place / "rest.pdf").read_bytes()


def digits(number: str) -> str:
    """The last nine; empty for a number too short to be anybody's alone."""
    found = "".join(each for each in number if each.isdigit())
    return found[-9:] if len(found) >= 9 else ""
