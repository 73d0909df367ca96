"""What a regulator wants to find in a letter that answers a complaint: data alone, by which core's gate reads it.

A phrase is words in their order, whatever their case and the signs between them: `refer* … ombudsman`. A star at the
end of a word stands for any ending, which an inflected language needs; `…` stands for up to twelve words between.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

ALWAYS, REFUSED, REDRESS = "always", "refused", "redress"
WHEN = (ALWAYS, REFUSED, REDRESS)
"""When a part is asked for: always; where a matter is not upheld in full; where money was granted."""
LONGEST_PHRASE = 200
GAPS = 3
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True)
class ResponsePart:
    """One thing that must be said. `key`: a code; `label`: in plain words, such as `Right to go to the ombudsman`;
    `source`: the article or rule; `phrases`: by language (`en`, `pl`), of which one must be found; `when`: one of WHEN;
    `rights`: it is about the customer's rights to go elsewhere; `example`: words a writer may put in, by language."""

    key: str
    label: str
    source: str
    phrases: Mapping[str, tuple[str, ...]]
    when: str = ALWAYS
    rights: bool = False
    example: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResponseLeaflet:
    """A leaflet that goes along, as a file whose name holds one of `files` or as a link that holds one of `links`."""

    key: str
    label: str
    source: str
    files: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    when: str = ALWAYS


@dataclass(frozen=True)
class ResponseRequirement:
    """What one regulator asks of one kind of letter. `regulator`: the slug, or a code that begins with it and a dot,
    chosen for a unit or a case type by an administrator; `label`: its name; `letter`: a code for the kind of letter,
    `final_response` or one of the plugin's own, with `letter_label` in words; `languages`: those it is written in (the
    letter must be in one of them; none: in any); `valid_from`, `valid_to`: the first and the last day of a letter it
    holds for; `provenance`: official, secondary or unverified, told to the reader."""

    regulator: str
    label: str
    parts: tuple[ResponsePart, ...] = ()
    leaflets: tuple[ResponseLeaflet, ...] = ()
    letter: str = "final_response"
    letter_label: str = "Final response"
    languages: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    provenance: str = "unverified"

    def holds_on(self, day: date) -> bool:
        """Whether it holds for a letter of this day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def unfit(requirement: ResponseRequirement) -> str:
    """Why core cannot use it, with the remedy; empty where it can."""
    where = f"the requirement {requirement.regulator!r} for {requirement.letter!r}"
    if not _CODE.match(requirement.regulator) or not _CODE.match(requirement.letter) or not requirement.label.strip():
        return f"{where} needs codes of small letters for regulator and letter, and a label"
    if requirement.provenance not in {"official", "secondary", "unverified"}:
        return f"{where}: its provenance is official, secondary or unverified"
    if requirement.valid_from and requirement.valid_to and requirement.valid_from > requirement.valid_to:
        return f"{where} ends before it begins"
    if any(not _LANGUAGE.match(each) for each in requirement.languages):
        return f"{where} names a language that is no code such as en"
    asked: list[ResponsePart | ResponseLeaflet] = [*requirement.parts, *requirement.leaflets]
    if len({each.key for each in asked}) != len(asked):
        return f"{where} has two parts or leaflets of one key"
    problems = (*map(_part_unfit, requirement.parts), *map(_leaflet_unfit, requirement.leaflets))
    return next((f"{where}: {each}" for each in problems if each), "")


def _asked_unfit(asked: ResponsePart | ResponseLeaflet) -> str:
    if not _CODE.match(asked.key) or not asked.label.strip() or not asked.source.strip():
        return f"{asked.key!r} needs a code, a label and its source"
    return "" if asked.when in WHEN else f"{asked.key}: when is one of {', '.join(WHEN)}"


def _part_unfit(part: ResponsePart) -> str:
    if problem := _asked_unfit(part):
        return problem
    if not part.phrases or not all(part.phrases.values()):
        return f"{part.key} needs at least one phrase in each of its languages"
    for language, phrases in part.phrases.items():
        if not _LANGUAGE.match(language):
            return f"{part.key}: {language!r} is no language code such as en"
        for phrase in phrases:
            if problem := _phrase_unfit(phrase):
                return f"{part.key}: the phrase {phrase[:40]!r} {problem}"
    return ""


def _phrase_unfit(phrase: str) -> str:
    words = phrase.split()
    if not words or len(phrase) > LONGEST_PHRASE:
        return f"must hold words, {LONGEST_PHRASE} characters at most"
    if words[0] == "…" or words[-1] == "…" or words.count("…") > GAPS:
        return f"may hold … between words only, {GAPS} times at most"
    if any("*" in word.removesuffix("*") or word == "*" for word in words):
        return "may hold * at the end of a word only"
    return ""


def _leaflet_unfit(leaflet: ResponseLeaflet) -> str:
    if problem := _asked_unfit(leaflet):
        return problem
    if not any(each.strip() for each in (*leaflet.files, *leaflet.links)):
        return f"the leaflet {leaflet.key} needs a part of a file's name or of a link"
    return ""
