"""The questions of a case type, from the lines of the settings. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """`key` stays the same as long as the words do, so that an answer stays with its question."""

    key: str
    text: str
    required: bool


def questions(lines: Sequence[str], case_type: str) -> tuple[Question, ...]:
    """Those for all types and for this one, in the order of the lines, each once."""
    found: dict[str, Question] = {}
    for line in lines:
        kind, bar, rest = line.partition("|")
        if bar and kind.strip() != case_type:
            continue
        text = (rest if bar else line).strip()
        required = text.endswith("*")
        text = text.rstrip("* ").strip()
        if text:
            key = hashlib.sha256(text.encode()).hexdigest()[:10]
            found.setdefault(key, Question(key, text, required))
    return tuple(found.values())
