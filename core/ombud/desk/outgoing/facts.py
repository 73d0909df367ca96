"""What a template may say of a case: facts in the language of the message, as the viewer may see them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.kernel.clock import now
from ombud.writing import long_day_in, money_in

_WORDS: dict[str, dict[str, str]] = {
    "pl": {
        "Upheld": "Uznana", "Partly upheld": "Uznana częściowo", "Not upheld": "Nieuznana", "Withdrawn": "Wycofana",
        "Not for us": "Poza naszym zakresem", "Money": "Wypłata", "Goods or service": "Towar lub usługa",
        "Claim or fee waived": "Umorzona należność", "Apology": "Przeprosiny", "Correction": "Naprawienie błędu",
    }
}  # fmt: skip


def of_case(
    view: CasePageView, language: str, *, person: str, writer: str, phone: str, link: str = ""
) -> dict[str, Any]:
    """From the page of a case as its viewer sees it; what is not known stays empty, and so is missing."""
    case = view.case
    zone = ZoneInfo(case.zone)
    return {
        "case": {
            "reference": case.reference, "title": "" if case.about_me else case.title, "type": case.case_type_label,
            "received_on": day(case.received_on, language),
            "answer_by": day(case.due_at.astimezone(zone).date(), language) if case.due_at else "",
        },
        "person": {"name": person}, "customer": {"name": case.customer or ""},
        "firm": {"name": case.unit.name, "phone": phone}, "writer": {"name": writer},
        "today": day(now().astimezone(zone).date(), language), "link": link,
        "aspects": [aspect(each, language) for each in view.aspects],
    }  # fmt: skip


def aspect(each: AspectShown, language: str) -> dict[str, Any]:
    return {
        "letter": each.letter, "title": each.title, "text": each.text, "decided": each.decided,
        "outcome": worded(each.outcome_label, language), "reason": each.reason, "cause": each.cause_label,
        "redress": [_redress(line, language) for line in each.redress if line.standing],
        "working": "\n".join(_working(line, language) for line in each.redress if line.standing and line.working),
    }  # fmt: skip


def _redress(line: Any, language: str) -> str:
    kind = worded(line.kind_label, language)
    if line.amount is None:
        return f"{kind}: {line.note}" if line.note else kind
    amount = money_in(line.amount, line.currency, language)
    return f"{amount} ({line.note})" if line.note else amount


def _working(line: Any, language: str) -> str:
    """The kept working of a line of money, one step a line, for a customer to do it again."""
    steps = [f"{each['label']}: {each['formula'] or each['amount']} = {each['amount']}" if each["formula"]
             else f"{each['label']}: {each['amount']}" for each in line.working]  # fmt: skip
    total = money_in(line.amount, line.currency, language)
    return "\n".join([*steps, total])


def worded(text: str, language: str) -> str:
    """An outcome or kind of redress in the language of the message."""
    return _WORDS.get(language[:2], {}).get(text, text)


def day(value: date | datetime, language: str) -> str:
    """6 November 2026"""
    return long_day_in(value.date() if isinstance(value, datetime) else value, language)


_INVENTED = {
    "en": {
        "title": "Fee taken twice", "type": "Complaint", "cause": "System fault", "text": "The fee was taken twice.",
        "reason": "It was booked twice by mistake.", "refund": "Refund", "interest": "Interest",
        "silent": "Nobody called back", "called": "We called twice, on 3 and 4 November.",
    },
    "pl": {
        "title": "Opłata pobrana dwa razy", "type": "Reklamacja", "cause": "Błąd systemu",
        "text": "Opłatę pobrano dwa razy.", "reason": "Przez pomyłkę zaksięgowano ją dwukrotnie.",
        "refund": "Zwrot", "interest": "Odsetki", "silent": "Brak obiecanego telefonu",
        "called": "Dzwoniliśmy dwa razy, 3 i 4 listopada.",
    },
}  # fmt: skip


def sample(language: str = "en") -> Mapping[str, Any]:
    """Invented facts, for a first look at a template."""
    said, granted = _INVENTED.get(language[:2], _INVENTED["en"]), money_in(Decimal(42), "EUR", language)
    working = f"{said['refund']}: 40\n{said['interest']}: 40 × 5 % × 365/365 = 2\n{granted}"
    aspects: Sequence[dict[str, Any]] = [
        {"letter": "A", "title": said["title"], "text": said["text"], "decided": True,
         "outcome": worded("Upheld", language), "reason": said["reason"], "cause": said["cause"],
         "redress": [granted], "working": working},
        {"letter": "B", "title": said["silent"], "text": f"{said['silent']}.", "decided": True,
         "outcome": worded("Not upheld", language), "reason": said["called"], "cause": "", "redress": [],
         "working": ""},
    ]  # fmt: skip
    return {
        "case": {"reference": "OMB-2026-000017-X", "title": said["title"], "type": said["type"],
                 "received_on": day(date(2026, 11, 2), language), "answer_by": day(date(2026, 12, 6), language)},
        "person": {"name": "Helena Marsh"}, "customer": {"name": "Helena Marsh"},
        "firm": {"name": "Northbank", "phone": "0800 000 000"}, "writer": {"name": "Ewa Kruk"},
        "today": day(now(), language), "link": "https://desk.example/track/…", "aspects": list(aspects),
    }  # fmt: skip
