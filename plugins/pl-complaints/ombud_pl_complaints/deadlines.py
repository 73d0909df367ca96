"""The clock of the reply: 30 days, or 15 business days for payment services; longer where an extension was told. Pure.

The days are those of the settings, since an administrator may have to correct them. No clock ends later than the day
that the notice named: by then the client expects the reply, and silence counts as agreement.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from ombud_plugin_api import CaseFacts, Deadline, WorkingTime

PLACES = ("PL",)
CLOCK, KEY = "reply", "pl-complaints.reply"
EXTENDED, ANSWERED = "pl_complaints.extended", "pl_complaints.answered"
WARN = (75, 90)
USUAL = {"days_usual": 30, "days_extended": 60, "days_payment": 15, "days_payment_extended": 35}


def days_of(settings: Mapping[str, Any], name: str) -> int:
    """As set, else as the act is known to have it."""
    return int(settings.get(name) or USUAL[name])


def concerns(case_type: str, settings: Mapping[str, Any]) -> bool:
    types = settings.get("case_types") or ()
    return not types or case_type in types


def is_payment(categories: set[str], settings: Mapping[str, Any]) -> bool:
    """Whether a matter of the complaint falls under payment services; it then has business days as a whole."""
    return bool(categories & set(settings.get("payment_categories") or ()))


def due(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> list[Deadline]:
    """One clock, while the case stands as it does."""
    if not concerns(facts.case_type, settings) or (settings.get("outside_tag") or "not-covered") in facts.tags:
        return []
    payment = is_payment({each.category for each in facts.aspects}, settings)
    named = facts.recorded.get(EXTENDED, {}).get("until")
    return [_extended(facts, calendar, settings, payment, str(named)) if named else _plain(settings, payment)]


def _plain(settings: Mapping[str, Any], payment: bool) -> Deadline:
    days = days_of(settings, "days_payment" if payment else "days_usual")
    return Deadline(
        clock=CLOCK, label=f"Reply to the complaint: {days} {'business days' if payment else 'days'}",
        met_by="decision", days=days, business=payment, regulatory=True, warn_at=WARN,
        policy="payment" if payment else "usual",
    )  # fmt: skip


def _extended(
    facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any], payment: bool, named: str
) -> Deadline:
    most = days_of(settings, "days_payment_extended" if payment else "days_extended")
    last = calendar.add_days(facts.received_at, most, payment)
    until = min(last, end_of_day(date.fromisoformat(named), calendar.zone))
    return Deadline(
        clock=CLOCK, label="Reply to the complaint: extended", met_by="decision", until=until, regulatory=True,
        warn_at=WARN, policy="payment_extended" if payment else "extended",
    )  # fmt: skip


def end_of_day(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)
