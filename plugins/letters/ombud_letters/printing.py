"""Letters and what goes with them as one file to print, with a list to tick off on top."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from ombud_letters import bounded, composing, letters, typesetting
from ombud_letters.bounded import Broke, TooLong
from ombud_letters.letters import Letter
from ombud_letters.wording import said, texts
from ombud_plugin_api import Permanent, Platform, Transient

MOST = 60
"""Letters in one batch: as many as one pile of paper bears, and the file is made while somebody waits."""


async def of_letter(letter: Letter, platform: Platform) -> bytes:
    """The letter with what can be printed of its enclosures."""
    if not any(each.file_id for each in await letters.enclosures(letter.id)):
        return await platform.kept_file(letter.file_id)
    return await _together([letter], platform, letter.language, letter.subject, b"", False)


async def of_batch(
    made_at: datetime, batch: Sequence[Letter], platform: Platform, language: str, both_sides: bool
) -> bytes:
    """All letters of a batch with their cover list. `both_sides`: each begins on a sheet of its own."""
    words = texts(language)["cover"]
    title = words["title"].format(at=f"{made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    told = words["told"].format(letters=len(batch), pages=sum(each.pages for each in batch))
    rows = [await _row(number, each, language) for number, each in enumerate(batch, 1)]
    cover = await typesetting.cover(composing.cover_data(rows, language, title, told), datetime.now(UTC))
    return await _together(batch, platform, language, title, cover.pdf, both_sides)


async def _row(number: int, letter: Letter, language: str) -> dict[str, str]:
    words = texts(language)
    by_hand = [each.name for each in await letters.enclosures(letter.id) if each.file_id is None]
    return {
        "number": str(number), "name": letter.recipient, "place": letter.place, "reference": letter.reference,
        "kind": words["kinds"].get(letter.kind, letter.kind), "pages": str(letter.pages),
        "by_hand": words["cover"]["by_hand"].format(names=", ".join(by_hand)) if by_hand else "",
    }  # fmt: skip


async def _together(
    batch: Sequence[Letter], platform: Platform, language: str, title: str, cover: bytes, both_sides: bool
) -> bytes:
    """Goes on without an enclosure that cannot be printed; the cover list then says that it is laid in by hand."""
    with bounded.folder() as place:
        parts = [{"file": "cover.pdf"}] if cover else []
        (place / "cover.pdf").write_bytes(cover)
        for letter in batch:
            for file_id in [letter.file_id, *(each.file_id for each in await letters.enclosures(letter.id))]:
                if file_id is not None:
                    (place / str(file_id)).write_bytes(await platform.kept_file(file_id))
                    parts.append({"file": str(file_id)})
        try:
            answer = await bounded.workshop(
                "put-together", place, seconds=60.0, parts=parts, name="all.pdf", title=title, even=both_sides
            )
        except (TooLong, Broke) as problem:
            raise Transient(said(language, "refusals", "typesetter_away", about=str(problem)[:200])) from problem
        if not answer.get("refused"):
            return (place / "all.pdf").read_bytes()
        about = str(answer.get("about", ""))
    if about in {str(each.file_id) for each in batch} or not about:
        raise Permanent(said(language, "refusals", "not_printable", about=about))
    await letters.enclose_by_hand(UUID(about))
    return await _together(batch, platform, language, title, cover, both_sides)
