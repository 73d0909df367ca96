"""Calendars and their versions. A version never changes: clocks that run by it keep it."""

from piccolo.columns import JSONB, UUID, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class WorkCalendar(Table, tablename="core_calendar"):
    """The calendar of a unit and all below it that have none of their own; without a unit, a usual one of a zone and
    country for those that nobody set up."""

    id = UUID(primary_key=True, default=new_id)
    unit_id = UUID(default=None, null=True)
    key = Text(default="", help_text="unit/<id>, or usual/<zone>/<country>")
    version = Integer(default=1, help_text="the number of the version that holds")
    created_at = Timestamptz()


class CalendarVersion(Table, tablename="core_calendar_version"):
    """What a calendar said from one change to the next, with every holiday it knew."""

    id = UUID(primary_key=True, default=new_id)
    calendar_id = UUID(default=None)
    number = Integer(default=1)
    zone = Text(default="UTC", help_text="IANA name")
    country = Text(default="", help_text="ISO 3166-1 alpha-2; empty: no public holidays")
    part = Text(default="", help_text="ISO 3166-2 code of the country's part, without the country")
    week = JSONB(default="[]", help_text="seven lists of [opens, closes] in minutes, Monday first")
    exceptions = JSONB(default="{}", help_text="day to {name, hours}")
    holidays = JSONB(default="{}", help_text="day to name, for the years it knows")
    until = Integer(default=0, help_text="the last year whose holidays it knows")
    made_by = Text(default="", help_text="actor")
    made_at = Timestamptz()
