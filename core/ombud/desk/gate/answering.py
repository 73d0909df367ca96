"""Whether a letter answers each aspect: names it, and says its outcome as the record has it. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ombud.desk.gate.blocks import sentence_at, words_in
from ombud.desk.gate.findings import AspectFact, Finding, Record, found
from ombud.desk.gate.phrases import pattern

OUTCOME_WORDS = {
    "en": {"upheld": "upheld", "partly_upheld": "partly upheld", "not_upheld": "not upheld", "withdrawn": "withdrawn",
           "out_of_scope": "not for us"},
    "pl": {"upheld": "uznana", "partly_upheld": "uznana częściowo", "not_upheld": "nieuznana", "withdrawn": "wycofana",
           "out_of_scope": "poza naszym zakresem"},
}  # fmt: skip
_SAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "not_upheld": ("not upheld", "not uphold", "not been upheld", "not be upheld", "not upholding", "cannot uphold",
                       "can't uphold", "unable to uphold", "not in your favour", "reject*", "not agree with you",
                       "no fault on our side", "we do not accept"),
        "partly_upheld": ("partly upheld", "partially upheld", "partly uphold", "partially uphold", "upheld in part",
                          "uphold … in part", "partly in your favour", "accept … in part"),
        "upheld": ("upheld", "uphold", "upholding", "in your favour", "agree with you", "you are right",
                   "you were right", "we were wrong", "we accept"),
        "withdrawn": ("withdrawn", "withdrew", "you took back"),
        "out_of_scope": ("not for us", "out of scope", "outside our remit", "cannot deal with", "not about us",
                         "another firm"),
    },
    "pl": {
        "not_upheld": ("nieuznan*", "nie uznajemy", "nie uznaliśmy", "nie została uznana", "nie uwzględni*", "odrzuc*",
                       "odmaw*", "odmów*", "bezzasadn*", "niezasadn*", "nie zgadzamy się"),
        "partly_upheld": ("uznan* częściowo", "częściowo uznan*", "częściowo uznajemy", "uznajemy częściowo",
                          "uznajemy … w części", "uznan* w części", "częściowo zasadn*", "częściowo uwzględni*"),
        "upheld": ("uznan*", "uznajemy", "uznaliśmy", "uwzględni*", "zasadn*", "zgadzamy się", "to nasz błąd"),
        "withdrawn": ("wycofan*", "wycofał*"),
        "out_of_scope": ("poza naszym zakresem", "nie dotyczy nas", "nie możemy zająć się"),
    },
}  # fmt: skip
_ORDER = ("not_upheld", "partly_upheld", "upheld", "withdrawn", "out_of_scope")
_NOUN = "aspect|matter|issue|point|part|kwestia|sprawa|punkt|pkt|zarzut"
_MARK = rf"(?m)^[ \t#>*_-]*(?:(?i:{_NOUN})\s+)?\(?{{}}(?:[.)\]:]|\s*[–—-]\s)"
_ENOUGH = 0.6


@dataclass(frozen=True)
class Section:
    """The part of a letter that speaks of one aspect."""

    aspect: AspectFact
    start: int
    end: int


def sections(text: str, aspects: Iterable[AspectFact]) -> list[Section]:
    """Where each aspect is spoken of, in the order of the text: from its letter (`A.`) or its title to the next
    one's; the whole text where there is only one aspect. One that is not named has none."""
    known = list(aspects)
    if len(known) == 1:
        return [Section(known[0], 0, len(text))]
    places = sorted((place, at) for at, each in enumerate(known) if (place := _place(text, each)) is not None)
    ends = [*(place for place, _ in places), len(text)][1:]
    return [Section(known[at], place, end) for (place, at), end in zip(places, ends, strict=True)]


def _place(text: str, aspect: AspectFact) -> int | None:
    if aspect.letter and (marked := re.search(_MARK.format(re.escape(aspect.letter)), text)):
        return marked.start()
    title = " ".join(words_in(aspect.title))
    if title and (named := pattern(title).search(text)):
        return named.start()
    return _loosely(text, aspect.title)


def _loosely(text: str, title: str) -> int | None:
    """The first sentence that holds most of the title's words, by their beginnings."""
    wanted = {each.lower()[:5] for each in words_in(title) if len(each) > 3}
    if len(wanted) < 2:
        return None
    for match in re.finditer(r"[^.!?\n]+", text):
        there = {each.lower()[:5] for each in words_in(match[0])}
        if len(wanted & there) >= max(2, _ENOUGH * len(wanted)):
            return match.start() + len(match[0]) - len(match[0].lstrip())
    return None


def outcomes_said(text: str, language: str) -> list[tuple[str, int, int]]:
    """The outcomes a text claims, with their places. Longer claims are read first: “not upheld” is no “upheld”."""
    left, claims = text, []
    for outcome in _ORDER:
        for phrase in _SAYS.get(language, _SAYS["en"])[outcome]:
            for match in pattern(phrase).finditer(left):
                claims.append((outcome, *match.span()))
                left = left[: match.start()] + "\0" * (match.end() - match.start()) + left[match.end() :]
    return sorted(claims, key=lambda each: each[1])


def check(text: str, language: str, record: Record) -> list[Finding]:
    """One finding for each aspect that is not named, lacks its outcome, or is told another one."""
    spoken = {each.aspect.id: each for each in sections(text, record.aspects)}
    return [
        finding for each in record.aspects if (finding := _one(text, language, each, spoken.get(each.id))) is not None
    ]


def _one(text: str, language: str, aspect: AspectFact, section: Section | None) -> Finding | None:
    facts = {"letter": aspect.letter, "title": aspect.title, "aspects": (aspect.id,), "key": language}
    if section is None:
        return found(
            "aspects", "aspect_missing", "Aspect %(letter)s is not answered: %(title)s",
            "Begin a paragraph with “%(letter)s.” or its title, and say its outcome.", **facts,
        )  # fmt: skip
    if not aspect.outcome:
        return None
    wanted = OUTCOME_WORDS.get(language, OUTCOME_WORDS["en"]).get(aspect.outcome, aspect.outcome.replace("_", " "))
    claims = outcomes_said(text[section.start : section.end], language)
    if any(each[0] == aspect.outcome for each in claims) or pattern(wanted).search(text, section.start, section.end):
        return None
    if claims:
        other, start, end = claims[0]
        words = OUTCOME_WORDS.get(language, OUTCOME_WORDS["en"]).get(other, other)
        return found(
            "aspects", "outcome_differs", "Aspect %(letter)s reads “%(said)s”; its outcome is “%(wanted)s”",
            "Say the outcome as it was decided, or decide the aspect anew.", said=words, wanted=wanted,
            passage=(section.start + start, section.start + end), **facts,
        )  # fmt: skip
    return found(
        "aspects", "outcome_missing", "The outcome of aspect %(letter)s is not said",
        "Say “%(wanted)s” in its paragraph.", wanted=wanted, passage=sentence_at(text, section.start) if section.end
        < len(text) or section.start else None, **facts,
    )  # fmt: skip
