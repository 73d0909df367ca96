"""A scan is read in the background: opened, read a few pages at a time, split into letters. A killed run goes on
after the pages it kept."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from ombud_letters import bounded, ocr, scans
from ombud_letters.bounded import Broke, TooLong
from ombud_letters.channel import SEPARATOR
from ombud_letters.recognising import look
from ombud_letters.scans import Read, Scan
from ombud_letters.settings import letterhead
from ombud_letters.splitting import beginnings, letter_pages
from ombud_plugin_api import Context, Refused

NAME = "read"
LIMIT = 4 * 3600.0
AT_ONCE = 4  # pages that are read together: what a killed run has to do again
LONGEST_TEXT = 200_000


class _Unreadable(Exception):
    """`code`: a key of the texts' `refusals`."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(about)
        self.code = code


async def read_scan(payload: Mapping[str, Any], context: Context) -> None:
    scan = await scans.get(UUID(str(payload["scan"])))
    if scan is None or not await scans.change(scan.id, scans.MOVING, state="reading"):
        return
    try:
        with bounded.folder() as place:
            await _read(scan, place, context)
    except _Unreadable as problem:
        await scans.change(scan.id, ("reading",), state="broken", reason=problem.code, about=str(problem)[:300])
    except (TooLong, Broke) as problem:
        await scans.change(scan.id, ("reading",), state="broken", reason="too_heavy", about=str(problem)[:300])


async def _read(scan: Scan, place: Path, context: Context) -> None:
    chosen = await context.platform.settings(scan.unit)
    await _fetch(scan, place, context)
    opened = await bounded.workshop("open", place, seconds=300.0, most_pages=chosen["most_pages"])
    _demand(opened)
    total = int(opened["pages"])
    await scans.change(scan.id, ("reading",), pages=total)
    unread = scan.unread
    while wanted := await _next(scan.id, total):
        known = await scans.get(scan.id)
        if known is None or known.state != "reading":
            return  # a person discarded it meanwhile
        reason = await _some(scan, place, wanted, chosen, context)
        if reason and reason != unread:
            unread = reason
            await scans.change(scan.id, ("reading",), unread=unread)
        await context.progress(wanted[-1], total)
    await _propose(scan, chosen, context, unread)


def _demand(answer: Mapping[str, Any]) -> None:
    if code := answer.get("refused"):
        raise _Unreadable(str(code), str(answer.get("about", "")))


async def _fetch(scan: Scan, place: Path, context: Context) -> None:
    try:
        if scan.file_id is None:
            raise Refused("the file is gone")
        data = await context.platform.kept_file(scan.file_id)
    except Refused as gone:
        raise _Unreadable("gone") from gone
    await asyncio.to_thread((place / "scan").write_bytes, data)


async def _next(scan: UUID, total: int) -> list[int]:
    """The first pages that nobody has read, at most a few; they follow one another."""
    known = {page.number for page in await scans.pages(scan)}
    missing = [number for number in range(1, total + 1) if number not in known]
    return [number for place, number in enumerate(missing[:AT_ONCE]) if number == missing[0] + place]


async def _some(scan: Scan, place: Path, wanted: Sequence[int], chosen: Mapping[str, Any], context: Context) -> str:
    """Reads these pages and keeps them; the reason why some have no text, if any."""
    part = place / "part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / "scan.pdf").symlink_to(place / "scan.pdf")
    _demand(await _cut(part, "scan.pdf", wanted, "pages.pdf"))
    texts, reason = await _texts(part, len(wanted), chosen)
    looked = await bounded.workshop("look", part, seconds=60.0 * len(wanted), file="read.pdf")
    _demand(looked)
    read = [
        Read(number, _kind(found), _text(text, found), place_ + 1, (part / f"page-{place_ + 1}.jpg").read_bytes())
        for place_, (number, text, found) in enumerate(zip(wanted, texts, looked["pages"], strict=True))
    ]
    await scans.keep_pages(scan.id, (part / "read.pdf").read_bytes(), read, context.platform)
    return reason


async def _cut(part: Path, source: str, pages: Sequence[int], name: str) -> Mapping[str, Any]:
    return await bounded.workshop("put-together", part, parts=[{"file": source, "pages": list(pages)}], name=name)


async def _texts(part: Path, count: int, chosen: Mapping[str, Any]) -> tuple[Sequence[str | None], str]:
    """All at once; where that fails, each page by itself, so that one bad page costs only its own text."""
    read = await ocr.read(part, "pages.pdf", "read.pdf", count, chosen)
    if read.reason not in {"not_readable", "too_long"} or count == 1:
        return read.texts, read.reason
    texts: list[str | None] = []
    reason, made = "", []
    for number in range(1, count + 1):
        _demand(await _cut(part, "pages.pdf", [number], f"alone-{number}.pdf"))
        alone = await ocr.read(part, f"alone-{number}.pdf", f"read-{number}.pdf", 1, chosen)
        texts += alone.texts
        reason = alone.reason or reason
        made.append({"file": f"read-{number}.pdf"})
    _demand(await bounded.workshop("put-together", part, parts=made, name="read.pdf"))
    return texts, reason


def _kind(found: Mapping[str, Any]) -> str:
    if SEPARATOR in found["codes"]:
        return "separator"
    return "blank" if found["blank"] else "page"


def _text(read: str | None, found: Mapping[str, Any]) -> str:
    """What Tesseract said, else what the file itself carries."""
    return (read if read is not None else str(found["text"])).replace("\x00", "")[:LONGEST_TEXT]


async def _propose(scan: Scan, chosen: Mapping[str, Any], context: Context, unread: str) -> None:
    pages = await scans.texts(scan.id)
    head = letterhead(chosen)
    firsts = beginnings(pages)
    found = []
    for each in firsts:
        numbers = letter_pages(each.page, [one.page for one in firsts], pages)
        text = scans.joined(numbers, pages)
        found.append((each, look(text, (head.name, *head.lines, *head.footer)), text))
    await scans.propose(scan, found, context.platform, unread)
