"""The texts that a fresh desk has, in English and Polish; a firm writes its own over them. Our own words: they promise
nothing that the desk does not know, and name no regulator."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "standard_texts"


@dataclass(frozen=True)
class Standard:
    """One text of ours, until somebody writes a version of their own under its key."""

    key: str
    kind: str
    language: str
    name: str
    subject: str
    text: str
    piece: str = ""


def _read(path: Path) -> Standard:
    """Name, subject, text and piece of a file `<kind>.<language>.txt`; lines of four dashes part them."""
    head, text, piece = (*path.read_text("utf-8").split("\n----\n"), "")[:3]
    name, subject = head.split("\n")
    kind, language = path.stem.split(".")
    return Standard(f"standard-{kind}-{language}", kind, language, name, subject, text.strip(), piece.strip())


STANDARD = tuple(_read(path) for path in sorted(FOLDER.glob("*.txt")))
