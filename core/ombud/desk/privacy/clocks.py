"""When an answer is due. Months end on the same day of the month, or on its last; the day of receipt is day 0. No law's
roll to the next working day is added: the desk shows the stricter day."""

import calendar as months
from datetime import date, datetime, timedelta
from uuid import UUID

from ombud.desk.calendars.arithmetic import add_days, local_day
from ombud.desk.calendars.versions import current
from ombud_plugin_api import Span


def months_later(day: date, amount: int) -> date:
    """The same date so many months later; the last day of the month where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


async def end_of(span: Span, received_at: datetime, unit_id: UUID, more: Span | None = None) -> datetime:
    """The end of the last day, in the unit's calendar. `more`: an extension, which runs on from that day."""
    calendar = await current(unit_id)
    start, end = received_at, received_at
    for each in (span, more):
        if each is None:
            continue
        if each.unit == "months":
            first = local_day(calendar, start)
            distance = (months_later(first, each.amount) - first).days
            end = add_days(calendar, start, distance, False)
        else:
            end = add_days(calendar, start, each.amount, each.unit == "business_days")
        start = end
    return end


def days_between(start: datetime, end: datetime) -> int:
    """Whole days, for figures; less than a day is 0."""
    return max(0, (end - start) // timedelta(days=1))
