"""What stands on a letter, from the message as core froze it: strings for the typesetter, nothing that it reads."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ombud_letters.settings import Letterhead
from ombud_letters.wording import day, texts
from ombud_plugin_api import OutboundMessage

MOST_ADDRESS_LINES = 8
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ITEM = re.compile(r"\s*(?:[-•*–]|\d{1,2}[.)])\s+(.*)", re.DOTALL)
_BULLET = re.compile(r"\s*[-•*–]\s+\S")
_BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")
_HEADING = re.compile(r"#{1,3} (\S.*)")
_SIGN_OFF = 3
"""Paragraphs at the end that stay together on a page: the last words, the closing, the name."""


@dataclass(frozen=True)
class Block:
    """A paragraph of lines, or a list whose items are lines."""

    kind: str
    parts: Sequence[Any]


def data_of(
    message: OutboundMessage, head: Letterhead, today: date, logo: str, enclosures: Sequence[str]
) -> dict[str, Any]:
    """For `workshop/letter.typ`. Pure."""
    language = language_of(message)
    words = texts(language)["letter"]
    subject = plain(message.subject).strip() or words["no_subject"]
    dated = day(today, language)
    blocks = blocks_of(message.text)
    facts = [[words["reference"], [message.reference]]] if message.reference else []
    return {
        "lang": language, "window": head.window, "marks": head.marks, "subject": subject,
        "title": f"{subject} ({message.reference})" if message.reference else subject,
        "keywords": [message.reference] if message.reference else [],
        "firm": {
            "name": plain(head.name), "lines": list(map(plain, head.lines)), "footer": list(map(plain, head.footer)),
        },
        "logo": logo or None, "back": plain(head.back), "to": address_lines(message),
        "facts": [*facts, [words["date"], [dated]]],
        "running": " · ".join(each for each in (message.reference, dated) if each),
        "blocks": [{"kind": each.kind, "parts": _set(each)} for each in blocks],
        "closing": min(_SIGN_OFF, sum(_short(each) for each in blocks[-_SIGN_OFF:])),
        "enclosures": [plain(each) for each in enclosures],
        "words": {"page": words["page"], "enclosures": words["enclosures"]},
    }  # fmt: skip


def language_of(message: OutboundMessage) -> str:
    """By which words are hyphenated and a screen reader speaks."""
    chosen = (message.language or message.recipient.language or "en").lower().partition("-")[0]
    return chosen if _LANGUAGE.fullmatch(chosen) else "en"


def address_lines(message: OutboundMessage) -> list[str]:
    """Name and postal address as they stand in the window; the name is not said twice."""
    name = plain(message.recipient.name).strip()
    lines = [plain(line).strip() for line in message.recipient.address.splitlines()]
    lines = [line for line in lines if line]
    if name and not (lines and lines[0].casefold() == name.casefold()):
        lines.insert(0, name)
    return lines


def plain(text: str) -> str:
    """Without signs that are not written: controls, and those that turn the direction of reading around."""
    return "".join(" " if sign == "\t" else sign for sign in text if sign in "\n\t" or _is_written(sign))


def _is_written(sign: str) -> bool:
    return (
        unicodedata.category(sign) not in {"Cc", "Cs", "Co", "Cn"}
        and sign not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    )


def blocks_of(text: str) -> list[Block]:
    """Paragraphs stand between empty lines and keep their line ends; lines that all begin with a dash are a list."""
    tidy = plain(text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    found: list[Block] = []
    for each in re.split(r"\n[ ]*\n+", tidy):
        lines = [line.rstrip() for line in each.split("\n") if line.strip()]
        if lines:
            found += _blocks(lines)
    return found


def _blocks(lines: Sequence[str]) -> list[Block]:
    start = next((place for place, line in enumerate(lines) if _BULLET.match(line)), len(lines))
    if len(lines) - start < 2 or not all(_BULLET.match(line) or line.startswith("  ") for line in lines[start:]):
        return [Block("text", list(lines))]
    items: list[list[str]] = []
    for line in lines[start:]:
        if _BULLET.match(line):
            match = _ITEM.match(line)
            items.append([match[1] if match else line])
        else:
            items[-1].append(line.strip())
    before = [Block("text", list(lines[:start]))] if start else []
    return [*before, Block("list", items)]


def _set(block: Block) -> list[Any]:
    """Its lines as runs of words; a list has the lines of each item."""
    if block.kind == "list":
        return [[runs(line) for line in item] for item in block.parts]
    return [runs(line) for line in block.parts]


def runs(line: str) -> list[tuple[bool, str]]:
    """Words and whether they are bold: what stands between two stars, and a whole line that begins with `# `."""
    if heading := _HEADING.fullmatch(line):
        return [(True, heading[1])]
    parts = _BOLD.split(line)
    return [(place % 2 == 1, words) for place, words in enumerate(parts) if words]


def _short(block: Block) -> bool:
    return block.kind == "text" and len(block.parts) <= 5 and sum(map(len, block.parts)) < 500


def cover_data(rows: Sequence[Mapping[str, Any]], language: str, title: str, told: str) -> dict[str, Any]:
    """For `workshop/cover.typ`: `rows` with name, place, reference, kind, pages and by_hand."""
    words = texts(language)["cover"]
    return {
        "lang": language, "title": title, "told": told,
        "heads": [words["number"], words["reference"], words["recipient"], words["kind"], words["pages"]],
        "rows": [
            {key: plain(str(row[key])) for key in ("number", "name", "place", "reference", "kind", "pages", "by_hand")}
            for row in rows
        ],
    }  # fmt: skip
