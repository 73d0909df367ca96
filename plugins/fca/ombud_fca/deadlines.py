"""Clocks of DISP 1.5 and 1.6, and the six months to the ombudsman. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ombud_fca.periods import add_months
from ombud_plugin_api import CaseFacts, Deadline, WorkingTime

PLACES = ("GB",)
WARN = (75, 90)


def due(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> list[Deadline]:
    """Every clock the case should have as it stands."""
    types = settings.get("case_types") or ()
    if types and facts.case_type not in types:
        return []
    begins = _begins(facts, calendar, settings)
    found = [_third_day(begins), *_final(facts, settings, begins)]
    ombudsman = _ombudsman(facts, calendar)
    return [*found, ombudsman] if ombudsman else found


def _begins(facts: CaseFacts, calendar: WorkingTime, settings: Mapping[str, Any]) -> datetime | None:
    """None for the moment of receipt. Where the firm says so, what came outside its hours counts as received when it
    next works: an older rule of DISP, shown as deleted since, so it is off unless somebody sets it."""
    if settings.get("next_day") is not True or calendar.is_open(facts.received_at):
        return None
    return calendar.add(facts.received_at, timedelta(seconds=1)) - timedelta(seconds=1)


def _third_day(begins: datetime | None) -> Deadline:
    """Resolved by then, a summary resolution communication is enough. The day of receipt is day 0."""
    return Deadline(clock="third_day", label="Summary resolution communication: third business day", met_by="decision",
                    days=3, business=True, regulatory=True, warn_at=WARN, starts_at=begins)  # fmt: skip


def _final(facts: CaseFacts, settings: Mapping[str, Any], begins: datetime | None) -> list[Deadline]:
    paid = set(settings.get("payment_categories") or ())
    if not any(each.category in paid for each in facts.aspects):
        return [Deadline(clock="eight_weeks", label="Final response: eight weeks", met_by="decision", days=56,
                         regulatory=True, warn_at=WARN, starts_at=begins)]  # fmt: skip
    exceptional = (settings.get("exceptional_tag") or "exceptional") in facts.tags
    first = Deadline(clock="payment_15", label="Payment services: 15 business days", met_by="word" if exceptional else
                     "decision", days=15, business=True, regulatory=True, warn_at=WARN,
                     policy="holding" if exceptional else "final", starts_at=begins)  # fmt: skip
    if not exceptional:
        return [first]
    last = Deadline(clock="payment_35", label="Payment services, exceptional: 35 business days", met_by="decision",
                    days=35, business=True, regulatory=True, warn_at=WARN, starts_at=begins)  # fmt: skip
    return [first, last]


def _ombudsman(facts: CaseFacts, calendar: WorkingTime) -> Deadline | None:
    """The customer has six months from the newest final response or summary resolution communication (DISP 2.8.2R). It
    is their time: closing the case does not end it, and a later response begins it anew."""
    left = facts.final_response_at
    if left is None:
        return None
    return Deadline(
        clock="ombudsman", label="The customer's time to go to the ombudsman: six months", met_by="time",
        until=six_months(left, calendar.zone), starts_at=left, policy=f"{left:%Y-%m-%d}",
    )  # fmt: skip


def six_months(moment: datetime, zone: str) -> datetime:
    """The end of the day six months on, in the unit's zone; the last of the month where it has no such day."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return datetime.combine(add_months_plain(day, 6), time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)


def add_months_plain(day: date, months: int) -> date:
    """As `periods.add_months`, but the last of a short month stays that day."""
    moved = add_months(day, months)
    return moved.replace(day=min(day.day, moved.day)) if moved.day != day.day else moved
