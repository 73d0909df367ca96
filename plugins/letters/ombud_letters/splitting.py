"""Where letters begin in a scan. Pure: pages in, beginnings out; a person may change them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ombud_letters.recognising import references


@dataclass(frozen=True)
class Page:
    """kind: page, separator or blank."""

    number: int
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Beginning:
    """why: start, separator or reference."""

    page: int
    why: str


HEAD = 1500  # signs at the top of a page, in which a case number says what the page is about


def beginnings(pages: Sequence[Page]) -> list[Beginning]:
    """A letter begins on the first page, after a separator sheet, and on a page whose head names another case than the
    letter so far. A page without a case number goes on with the letter before; blank pages belong to nothing."""
    found: list[Beginning] = []
    about: set[str] = set()
    separated = False
    for page in sorted(pages, key=lambda each: each.number):
        if page.kind == "separator":
            separated = bool(found)
            continue
        if page.kind == "blank":
            continue
        named = set(references(page.text[:HEAD]))
        why = "start" if not found else "separator" if separated else ""
        if not why and named and about and not named & about:
            why = "reference"
        if why:
            found.append(Beginning(page.number, why))
            about = set()
        about |= named
        separated = False
    return found


def letter_pages(first: int, beginnings_: Sequence[int], pages: Sequence[Page], left: Sequence[int] = ()) -> list[int]:
    """The pages of the letter that begins on `first`, without separators, blanks and those that a person left out."""
    end = min((each for each in beginnings_ if each > first), default=None)
    return [
        page.number
        for page in sorted(pages, key=lambda each: each.number)
        if first <= page.number
        and (end is None or page.number < end)
        and page.kind == "page"
        and page.number not in left
    ]
