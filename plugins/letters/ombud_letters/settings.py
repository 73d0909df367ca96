"""What a unit may choose about its letters and its scans, and a check of the choice before it is saved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ombud_letters.ocr import program_of
from ombud_plugin_api import Context, Settings, Tried

LINES = {"type": "string", "default": ""}
CHANNEL = "letter"
LANGUAGE = r"[a-z]{3}(_[a-z]+)?"

SCHEMA: dict[str, dict[str, Any]] = {
    "firm_name": {
        "type": "string", "maxlength": 80, "default": "",
        "meta": {
            "label": "Name at the head", "group": "Letterhead", "placeholder": "Modra Bank",
            "help": "As it shall stand on letters. Without it, nothing is sent by letter.",
        },
    },
    "firm_lines": {
        **LINES, "maxlength": 400,
        "meta": {
            "label": "Address and ways to reach you", "multiline": True, "group": "Letterhead",
            "help": "At most seven lines, at the head on the right: team, street, town, phone, e-mail.",
        },
    },
    "return_address": {
        "type": "string", "maxlength": 110, "default": "",
        "meta": {
            "label": "Return address", "group": "Letterhead", "placeholder": "Modra Bank, 12 Harbour Street, London",
            "help": "One line, small above the recipient in the window. What cannot be delivered comes back there.",
        },
    },
    "footer": {
        **LINES, "maxlength": 400,
        "meta": {
            "label": "Lines at the foot", "multiline": True, "group": "Letterhead",
            "help": "At most three: company number, registered office, who regulates you. On the first page.",
        },
    },
    "window": {
        "type": "string", "allowed": ["left", "right"], "default": "left",
        "meta": {
            "label": "Window of your envelopes", "group": "Letterhead",
            "choices": {"left": "Left, as most of Europe has it", "right": "Right, as Poland has it"},
        },
    },
    "fold_marks": {
        "type": "boolean", "default": True,
        "meta": {"label": "Marks for folding and punching", "group": "Letterhead"},
    },
    "post_classes": {
        "type": "list", "schema": {"type": "string", "maxlength": 40},
        "default": ["Standard", "Registered", "By courier"],
        "meta": {"label": "Classes of post", "group": "Posting", "help": "One a line, the usual one first."},
    },
    "time_zone": {
        "type": "string", "maxlength": 60, "default": "UTC",
        "meta": {
            "label": "Time zone of the post", "group": "Posting", "placeholder": "Europe/Warsaw",
            "help": "The day on a letter, and the day on which post came, are days there. Such as Europe/Warsaw.",
        },
    },
    "ocr_languages": {
        "type": "list", "schema": {"type": "string", "regex": LANGUAGE}, "default": ["eng", "pol"],
        "meta": {
            "label": "Languages of incoming post", "group": "Scans",
            "help": "Tesseract's codes, one a line, the most common first. Each needs its package, such as "
            "tesseract-ocr-pol.",
        },
    },
    "scan_mb": {
        "type": "integer", "required": True, "min": 1, "max": 500, "default": 100,
        "meta": {
            "label": "Largest scan", "suffix": "MB", "group": "Scans", "scope": "deployment",
            "help": "The desk's own limit for anything uploaded (limits.body_mb) holds as well.",
        },
    },
    "most_pages": {
        "type": "integer", "required": True, "min": 1, "max": 2000, "default": 300,
        "meta": {"label": "Most pages in one scan", "group": "Scans", "scope": "deployment"},
    },
    "page_seconds": {
        "type": "integer", "required": True, "min": 10, "max": 600, "default": 120,
        "meta": {
            "label": "Longest reading of a page", "suffix": "seconds", "group": "Scans", "scope": "deployment",
            "help": "A page that takes longer is kept without its text, and a person types what matters.",
        },
    },
    "ocr_mb": {
        "type": "integer", "required": True, "min": 500, "max": 32000, "default": 2500,
        "meta": {"label": "Memory for the reading", "suffix": "MB", "group": "Scans", "scope": "deployment"},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Letterhead:
    """How a unit's letters look."""

    name: str
    lines: tuple[str, ...]
    back: str
    footer: tuple[str, ...]
    window: str = "left"
    marks: bool = True

    @property
    def complete(self) -> bool:
        return bool(self.name and self.back)


def letterhead(chosen: Mapping[str, Any]) -> Letterhead:
    name = str(chosen.get("firm_name") or "").strip()
    lines = _lines(chosen.get("firm_lines"))
    back = str(chosen.get("return_address") or "").strip()
    return Letterhead(
        name, lines, back, _lines(chosen.get("footer")), str(chosen.get("window") or "left"),
        bool(chosen.get("fold_marks", True)),
    )  # fmt: skip


def _lines(text: Any) -> tuple[str, ...]:
    return tuple(line.strip() for line in str(text or "").splitlines() if line.strip())


def in_use(chosen: Mapping[str, Any]) -> bool:
    return letterhead(chosen).complete


def zone(chosen: Mapping[str, Any]) -> ZoneInfo:
    """UTC where the settings name no zone there is."""
    try:
        return ZoneInfo(str(chosen.get("time_zone") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


async def try_out(candidate: Mapping[str, Any], context: Context) -> Tried:
    """Says what letters will look like and whether scans can be read here."""
    head = letterhead(candidate)
    if wrong := _wrong(candidate, head):
        return wrong
    program = await program_of()
    if missing := sorted({str(each) for each in candidate["ocr_languages"] or ()} - set(program.languages)):
        if program.there:
            packages = ", ".join(f"tesseract-ocr-{each.replace('_', '-')}" for each in missing)
            return Tried(False, f"Tesseract has no {', '.join(missing)} here. Install {packages}.", "ocr_languages")
        reads = "Scans are kept without their text, because ocrmypdf or tesseract is not installed here."
    else:
        reads = "Scans are read."
    sends = (
        "Letters can be sent." if head.complete else "Nothing is sent by letter before name and return address are set."
    )
    return Tried(True, f"{sends} {reads}")


def _wrong(candidate: Mapping[str, Any], head: Letterhead) -> Tried | None:
    if head.name and not head.back:
        return Tried(False, "Give a return address: it stands in the window above the recipient.", "return_address")
    if len(head.lines) > 7:
        return Tried(False, "More than seven lines do not fit beside the name. Take some out.", "firm_lines")
    if len(head.footer) > 3:
        return Tried(False, "More than three lines do not fit at the foot. Take some out.", "footer")
    named = str(candidate.get("time_zone") or "UTC")
    if zone(candidate).key != named:
        return Tried(False, f"There is no time zone {named}. Write it like Europe/Warsaw.", "time_zone")
    if not re.search(r"\S", " ".join(candidate.get("post_classes") or ())):
        return Tried(False, "Name at least one class of post.", "post_classes")
    return None


def settings() -> list[Settings]:
    return [Settings(SCHEMA, try_out)]
