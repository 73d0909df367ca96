"""Reading scans with Debian's `ocrmypdf` and Tesseract, as programs beside us; without them scans are kept unread."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ombud_letters import bounded

READ, BROKEN_FILE = 0, 2
ORIENTATION = "osd"  # Tesseract's data by which a page that lies on its side is turned


@dataclass(frozen=True)
class Program:
    """What of it is here."""

    there: bool
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """How the reading of some pages went. `texts`: by page, None where the page had its text already or was not read;
    `reason`: a key of the texts' `unread`, empty where all went well."""

    texts: tuple[str | None, ...]
    reason: str = ""


async def program_of() -> Program:
    """Asked anew each time: packages come and go while a desk runs."""
    if shutil.which("ocrmypdf") is None or (tesseract := shutil.which("tesseract")) is None:
        return Program(False)
    with bounded.folder() as place:
        try:
            ended = await bounded.run([tesseract, "--list-langs"], place, seconds=20, megabytes=1000)
        except bounded.TooLong:
            return Program(False)
    return Program(True, tuple(line.strip() for line in ended.said.splitlines()[1:] if line.strip()))


async def read(place: Path, source: str, made: str, pages: int, chosen: Mapping[str, Any]) -> Read:
    """Makes `made` of `source`, both in that folder: straightened, and with text that can be searched. Where it cannot,
    `made` is the source as it is."""
    program = await program_of()
    nothing: tuple[str | None, ...] = (None,) * pages
    languages = [each for each in chosen["ocr_languages"] or () if each in program.languages]
    if not program.there or not languages:
        shutil.copyfile(place / source, place / made)
        return Read(nothing, "no_program" if not program.there else "no_language")
    try:
        ended = await bounded.run(
            _words(program, languages, source, made, chosen), place,
            seconds=float(chosen["page_seconds"]) * pages, megabytes=int(chosen["ocr_mb"]),
        )  # fmt: skip
        reason = "" if ended.code == READ and (place / made).is_file() else "not_readable"
    except bounded.TooLong:
        reason = "too_long"
    if reason:
        shutil.copyfile(place / source, place / made)
        return Read(nothing, reason)
    return Read(_texts(place / "text.txt", pages))


def _words(
    program: Program, languages: Sequence[str], source: str, made: str, chosen: Mapping[str, Any]
) -> Sequence[str]:
    turning = ["--rotate-pages"] if ORIENTATION in program.languages else []
    return [
        "ocrmypdf", "--skip-text", "--deskew", *turning, "--language", "+".join(languages), "--output-type", "pdf",
        "--jobs", "1", "--optimize", "0", "--tesseract-timeout", str(chosen["page_seconds"]), "--sidecar", "text.txt",
        "--quiet", source, made,
    ]  # fmt: skip


SKIPPED = "[OCR skipped on page"


def _texts(sidecar: Path, pages: int) -> tuple[str | None, ...]:
    """By page; a form feed ends each."""
    said = sidecar.read_text("utf-8", "replace").split("\f") if sidecar.is_file() else []
    if len(said) < pages:  # not one text a page, as after a skipped run of pages: the layer in the PDF tells then
        return (None,) * pages
    return tuple(None if SKIPPED in text or not text.strip() else text.strip() for text in said[:pages])
