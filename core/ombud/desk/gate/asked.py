"""The parts, rights and leaflets that requirements ask for, and core's own. Pure."""

from collections.abc import Iterable, Sequence

from ombud.desk.gate import phrases
from ombud.desk.gate.comparing import names_the_complaint
from ombud.desk.gate.findings import Finding, Letter, Record, found
from ombud_plugin_api.responses import REDRESS, REFUSED, ResponseLeaflet, ResponsePart, ResponseRequirement

LANGUAGES = {"en": "English", "pl": "Polish"}


def refuses(outcomes: Iterable[str]) -> bool:
    """Whether a matter that is decided was not upheld in full."""
    return any(each and each != "upheld" for each in outcomes)


def applies(when: str, record: Record) -> bool:
    """Whether a part is asked for as the case was decided."""
    if when == REFUSED:
        return refuses(each.outcome for each in record.aspects)
    if when == REDRESS:
        return any(each.sums for each in record.aspects)
    return True


def check_parts(text: str, language: str, record: Record, requirement: ResponseRequirement) -> list[Finding]:
    """Parts that are not found in the words of this language. One that has no phrases for it is not looked for: the
    reader is told to look."""
    findings = []
    for part in requirement.parts:
        known = part.phrases.get(language, ())
        if not applies(part.when, record) or (known and phrases.first(known, text)):
            continue
        findings.append(_missing(part, language, requirement) if known else _by_eye(part, language, requirement))
    return findings


def _missing(part: ResponsePart, language: str, requirement: ResponseRequirement) -> Finding:
    example = part.example.get(language, "") or part.phrases[language][0].replace("*", "…")
    return found(
        "rights" if part.rights else "parts", "part_missing", "%(what)s is missing (%(source)s)",
        "Say it in these words or your own, such as: %(example)s", what=part.label, example=example,
        source=f"{requirement.label}, {part.source}", key=f"{requirement.regulator}/{part.key}/{language}",
    )  # fmt: skip


def _by_eye(part: ResponsePart, language: str, requirement: ResponseRequirement) -> Finding:
    return found(
        "rights" if part.rights else "parts", "part_unread",
        "%(what)s cannot be looked for in %(language)s (%(source)s)", "Read the letter for it yourself.",
        what=part.label, language=LANGUAGES.get(language, language), source=f"{requirement.label}, {part.source}",
        key=f"{requirement.regulator}/{part.key}/{language}",
    )  # fmt: skip


def check_leaflets(letter: Letter, record: Record, requirement: ResponseRequirement) -> list[Finding]:
    return [
        found(
            "rights", "leaflet_missing", "%(what)s does not go along (%(source)s)",
            "Attach it, or put a link to it into the text.", what=each.label, key=f"{requirement.regulator}/{each.key}",
            source=f"{requirement.label}, {each.source}",
        )
        for each in requirement.leaflets
        if applies(each.when, record) and not _goes_along(each, letter)
    ]  # fmt: skip


def _goes_along(leaflet: ResponseLeaflet, letter: Letter) -> bool:
    names, text = [each.lower() for each in letter.files], letter.text.lower()
    attached = any(part.lower() in name for part in leaflet.files if part.strip() for name in names)
    return attached or any(link.lower() in text for link in leaflet.links if link.strip())


def check_languages(spoken: Sequence[str], requirement: ResponseRequirement) -> list[Finding]:
    """A letter in none of the languages that the regulator reads."""
    if not requirement.languages or set(spoken) & set(requirement.languages):
        return []
    wanted = ", ".join(LANGUAGES.get(each, each) for each in requirement.languages)
    return [found(
        "parts", "language_missing", "%(who)s asks for a letter in %(wanted)s", "Write it in %(wanted)s, or in both.",
        who=requirement.label, wanted=wanted, key=requirement.regulator,
    )]  # fmt: skip


def check_own(text: str, letter: Letter, record: Record) -> list[Finding]:
    """What every final response has, whoever supervises the firm."""
    if names_the_complaint(text, letter.subject, record):
        return []
    return [found(
        "parts", "complaint_not_named", "The letter does not say which complaint it answers",
        "Name the reference, %(right)s, or the day it came in.", right=record.reference,
    )]  # fmt: skip
