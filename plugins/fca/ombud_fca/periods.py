"""Reporting periods: half years or years by the accounting reference date, and fixed half years from 2027. Pure."""

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from ombud_plugin_api import ReturnPeriod

LAST_OF_OLD = date(2026, 12, 31)
FIRST_OF_NEW = date(2027, 1, 1)


def add_months(day: date, months: int) -> date:
    """The same day so many months on; the last of the month where it has no such day, or where `day` was the last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    longest = calendar.monthrange(year, month + 1)[1]
    was_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month + 1, longest if was_last else min(day.day, longest))


def weekdays_after(day: date, count: int) -> date:
    """30 business days after the end of the period, without regard to holidays: the day is never too late."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def by_reference_date(today: date, settings: Mapping[str, Any]) -> list[ReturnPeriod]:
    """Those that ended, the latest first, and the one that runs; none ends after the regime does."""
    month, day = (int(each) for each in str(settings.get("reference_date") or "12-31").split("-"))
    months = 12 if settings.get("frequency") == "yearly" else 6
    ends: list[ReturnPeriod] = []
    end = _on(today.year + 1, month, day)
    while len(ends) < 8 and end.year > today.year - 5:
        first = add_months(end, -months) + timedelta(days=1)
        if first <= today and end <= LAST_OF_OLD:
            ends.append(_period(first, end))
        end = add_months(end, -months)
    return ends


def half_years(today: date, settings: Mapping[str, Any]) -> list[ReturnPeriod]:
    """From 2027 on: January to June and July to December."""
    found = []
    for year in range(max(2027, today.year - 4), max(2027, today.year) + 1):
        found += [_period(date(year, 1, 1), date(year, 6, 30)), _period(date(year, 7, 1), date(year, 12, 31))]
    return [each for each in reversed(found) if each.first <= today or each.first == FIRST_OF_NEW]


def for_publication(today: date, settings: Mapping[str, Any]) -> list[ReturnPeriod]:
    """As the return's, with the day by which the summary is to be published: periods that end by June until the end of
    August, others until the end of February."""
    found = []
    for each in by_reference_date(today, settings):
        first_half = each.last.month <= 6
        due = date(each.last.year, 8, 31) if first_half else add_months(date(each.last.year + 1, 1, 31), 1)
        found.append(ReturnPeriod(first=each.first, last=each.last, label=each.label, due=due))
    return found


def _on(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _period(first: date, last: date) -> ReturnPeriod:
    return ReturnPeriod(first=first, last=last, due=weekdays_after(last, 30))
