"""The gate itself: a letter, what the record says, what is required and how strict the unit is, to findings. Pure."""

from collections.abc import Sequence

from ombud.desk.gate import answering, asked, comparing, phrases, step
from ombud.desk.gate.blocks import only, spoken
from ombud.desk.gate.findings import BLOCK, CHECKS, OFF, WARN, Finding, Letter, Policy, Record, found
from ombud.desk.gate.reading import measure
from ombud_plugin_api.responses import ResponseRequirement

MOST = 40
_EYE = "part_unread"


def check(
    letter: Letter, record: Record, requirements: Sequence[ResponseRequirement] = (), policy: Policy | None = None
) -> tuple[Finding, ...]:
    """What is to be mended, blocking first, then in the order of the checks and of the text; each shortcoming once."""
    policy = policy or Policy()
    texts = _by_language(letter)
    findings = [*asked.check_own(letter.text, letter, record), *_required(letter, record, requirements, texts)]
    for language, text in texts.items():
        findings += answering.check(text, language, record)
        findings += comparing.check_sums(text, language, record)
        findings += comparing.check_days(text, language, record)
        findings += [*_reading(text, language, policy), *_jargon(text, language, policy)]
    findings += comparing.check_reference(letter.text, letter.subject, record)
    if len(texts) > 1:
        findings += step.check(letter.text, texts, letter.language)
    return _ordered(findings, policy)


def _by_language(letter: Letter) -> dict[str, str]:
    languages = spoken(letter.text, letter.language)
    if len(languages) == 1:
        return {languages[0]: letter.text}
    return {each: only(letter.text, each, letter.language) for each in languages}


def _required(
    letter: Letter, record: Record, requirements: Sequence[ResponseRequirement], texts: dict[str, str]
) -> list[Finding]:
    """Parts are looked for in each language that the regulator reads, or in the first of the letter."""
    findings: list[Finding] = []
    for each in requirements:
        if each.letter != letter.kind or not each.holds_on(record.today):
            continue
        read = [code for code in texts if not each.languages or code in each.languages] or list(texts)[:1]
        findings += asked.check_languages(tuple(texts), each)
        for code in read:
            findings += asked.check_parts(texts[code], code, record, each)
        findings += asked.check_leaflets(letter, record, each)
    return findings


def _reading(text: str, language: str, policy: Policy) -> list[Finding]:
    measured = measure(text, language)
    if measured is None:
        return []
    hard = measured.score > policy.fog if language == "pl" else measured.score < policy.flesch
    if not hard:
        return []
    limit = policy.fog if language == "pl" else policy.flesch
    words = (
        "The Polish text asks for %(score)s years of school (FOG-PL); at most %(limit)s are wanted"
        if language == "pl"
        else "The English text is hard to read: %(score)s (Flesch); at least %(limit)s is wanted"
    )
    return [found(
        "reading", "hard_to_read", words, "Begin with the sentence that is marked: make two of it, with shorter words.",
        score=measured.score, limit=limit, passage=measured.hardest, key=language,
    )]  # fmt: skip


def _jargon(text: str, language: str, policy: Policy) -> list[Finding]:
    findings = []
    for word, plain in policy.jargon.get(language, ()):
        for place in phrases.everywhere(word, text)[:3]:
            said = " ".join(text[place[0] : place[1]].split())
            remedy = "Say “%(plain)s”, or leave it out." if plain else "Say it in everyday words, or leave it out."
            findings.append(found(
                "jargon", "jargon", "“%(said)s” is a word that customers may not know", remedy, said=said, plain=plain,
                passage=place, key=word,
            ))  # fmt: skip
    return findings


def _ordered(findings: Sequence[Finding], policy: Policy) -> tuple[Finding, ...]:
    """What a person must judge by eye never blocks."""
    places = {check: at for at, check in enumerate(CHECKS)}
    kept: dict[object, Finding] = {}
    for each in findings:
        level = policy.level(each.check)
        if level != OFF:
            shown = each.at(WARN if each.code == _EYE and level == BLOCK else level)
            kept.setdefault((shown.key, shown.passage), shown)
    ordered = sorted(kept.values(), key=lambda f: (not f.blocks, places[f.check], f.passage or (-1, -1)))
    blocking = sum(each.blocks for each in ordered)
    return tuple(ordered[: max(MOST, blocking)])


def blocking(findings: Sequence[Finding], overridden: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Those that stop the letter, but for what somebody let pass with a reason."""
    return tuple(each for each in findings if each.blocks and each.key not in overridden)


def in_view(findings: Sequence[Finding], hidden: frozenset[str]) -> tuple[Finding, ...]:
    """Without those that tell of an aspect which is hidden from the reader."""
    return tuple(each for each in findings if not hidden & set(each.aspects))
