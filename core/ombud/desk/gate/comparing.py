"""Whether sums, days and references in a letter are those of the record; a wrong one is named beside the right.

Pure."""

import re
from collections.abc import Iterable
from decimal import Decimal

from ombud.desk.gate import days, sums
from ombud.desk.gate.answering import Section, sections
from ombud.desk.gate.blocks import sentence_at
from ombud.desk.gate.findings import AspectFact, Finding, Money, Record, found
from ombud.desk.references import find

_RECEIVED = re.compile(
    r"\byou(?:r)?\s+(?:complain\w*|wrote|contacted)|\bcomplain\w*\s+(?:\w+\s+){0,4}(?:on|of|dated|from)\b"
    r"|\bwe\s+(?:received|got|have\s+received)|\breceived\s+(?:your|the)\s+(?:complaint|letter|message|e-?mail)"
    r"|wpłyn\w+|otrzymaliśmy|złoż\w+|zgłos\w+|(?:skarg|reklamacj)\w+\s+(?:\w+\s+){0,3}z\s+(?:dnia\s+)?\d",
    re.IGNORECASE,
)


def totals(aspects: Iterable[AspectFact]) -> set[Money]:
    """The sum of each currency over these aspects."""
    found: dict[str, Decimal] = {}
    for each in (one for aspect in aspects for one in aspect.sums):
        found[each.currency] = found.get(each.currency, Decimal(0)) + each.amount
    return {Money(amount, currency) for currency, amount in found.items()}


def check_sums(text: str, language: str, record: Record) -> list[Finding]:
    """Redress that is not said, or said otherwise; and sums that nothing in the record explains."""
    granted = {one for each in record.aspects for one in each.sums} | totals(record.aspects)
    granted |= {one for each in record.aspects for one in totals([each])}
    there = sums.said(text)
    said = {each.money for each in there}
    strange = [each for each in there if each.money not in granted | record.sums]
    findings = []
    for section in _with_all(text, record):
        missing = _unsaid(section.aspect, said)
        if not missing and totals(record.aspects) & said:
            continue
        for money in missing:
            near = next((each for each in strange if section.start <= each.start < section.end), None)
            near = near if near and near.money.currency == money.currency else None
            if near:
                strange.remove(near)
            findings.append(_redress(section.aspect, money, near, language))
    return findings + [_unknown_sum(each, language, granted) for each in strange]


def _with_all(text: str, record: Record) -> list[Section]:
    """Each aspect's part of the letter; those that are not named have the whole of it."""
    named = sections(text, record.aspects)
    known = {each.aspect.id for each in named}
    return named + [Section(each, 0, len(text)) for each in record.aspects if each.id not in known]


def _unsaid(aspect: AspectFact, said: set[Money]) -> list[Money]:
    """Its redress that the letter does not say, neither line by line nor as the aspect's sum."""
    if totals([aspect]) and totals([aspect]) <= said:
        return []
    return [each for each in dict.fromkeys(aspect.sums) if each not in said]


def _redress(aspect: AspectFact, money: Money, near: sums.Said | None, language: str) -> Finding:
    facts = {"letter": aspect.letter, "right": sums.worded(money, language), "aspects": (aspect.id,)}
    key = f"{money.amount:f}{money.currency}"
    if near is None:
        return found(
            "sums", "sum_missing", "The redress of aspect %(letter)s is not said: %(right)s",
            "Say the sum in its paragraph.", key=key, **facts,
        )  # fmt: skip
    return found(
        "sums", "sum_differs", "%(wrong)s is not the redress of aspect %(letter)s; the record says %(right)s",
        "Write %(right)s, or correct the redress.", wrong=sums.worded(near.money, language),
        passage=(near.start, near.end), key=f"{key}/{near.money.amount:f}{near.money.currency}", **facts,
    )  # fmt: skip


def _unknown_sum(each: sums.Said, language: str, granted: set[Money]) -> Finding:
    key, wrong = f"{each.money.amount:f}{each.money.currency}", sums.worded(each.money, language)
    return found(
        "record", "sum_unknown", "%(wrong)s stands nowhere in the record of this case",
        "Check it against the record, or take it out.", wrong=wrong, key=key, passage=(each.start, each.end),
    )  # fmt: skip


def check_days(text: str, language: str, record: Record) -> list[Finding]:
    """Days that are none, a wrong day of receipt, and past days that nothing in the record explains."""
    right = frozenset({record.received_on})
    known = record.dates | record.incoming | right | {record.today}
    findings = []
    for each in days.said(text):
        if each.month_day is None and not each.could_be:
            findings.append(_no_day(text, each))
        elif not each.is_in(known):
            findings += _strange_day(text, language, record, each)
    return findings


def _no_day(text: str, each: days.Said) -> Finding:
    wrong = " ".join(text[each.start : each.end].split())
    return found(
        "dates", "no_such_day", "There is no %(wrong)s in the calendar", "Correct the date.", wrong=wrong, key=wrong,
        passage=(each.start, each.end),
    )  # fmt: skip


def _strange_day(text: str, language: str, record: Record, each: days.Said) -> list[Finding]:
    start, end = sentence_at(text, each.start)
    sentence = text[start:end]
    wrong = " ".join(text[each.start : each.end].split())
    about_receipt = bool(_RECEIVED.search(sentence)) and not any(
        other.is_in(frozenset({record.received_on})) for other in days.said(sentence)
    )
    if about_receipt:
        return [found(
            "dates", "receipt_differs", "The letter says %(wrong)s; the complaint came in on %(right)s",
            "Write %(right)s, or correct the day of receipt.", wrong=wrong, key=wrong,
            right=days.worded(record.received_on, language), passage=(each.start, each.end),
        )]  # fmt: skip
    ahead = each.month_day is None and all(day > record.today for day in each.could_be)
    if ahead or each.month_day is not None:
        return []  # what is promised stands in no record yet; a day without a year may be of any
    return [found(
        "record", "day_unknown", "%(wrong)s stands nowhere in the record of this case",
        "Check it against the record, or take it out.", wrong=wrong, key=wrong, passage=(each.start, each.end),
    )]  # fmt: skip


def check_reference(text: str, subject: str, record: Record) -> list[Finding]:
    """References of other cases that this one is not tied to."""
    own = {record.reference, *record.references}
    findings = []
    for wrong in find(f"{subject}\n{text}"):
        if wrong not in own:
            place = re.search(re.escape(wrong), text, re.IGNORECASE)
            findings.append(found(
                "dates", "reference_differs", "%(wrong)s is another case; this one is %(right)s", "Write %(right)s.",
                wrong=wrong, right=record.reference, key=wrong, passage=place.span() if place else None,
            ))  # fmt: skip
    return findings


def names_the_complaint(text: str, subject: str, record: Record) -> bool:
    """Whether the customer can tell which complaint it answers: by its reference or the day it came in."""
    if record.reference in find(f"{subject}\n{text}") or record.reference.lower() in f"{subject}\n{text}".lower():
        return True
    return any(each.is_in(frozenset({record.received_on})) for each in days.said(f"{subject}\n{text}"))
