"""The plugin's working state beside a case: the extension that was told, and since when it counts as upheld."""

from piccolo.columns import UUID, Date, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class PlComplaintsCase(Table, tablename="pl_complaints_case"):
    """One row a case, made when the first of it happens."""

    id = UUID(primary_key=True)
    case_id = CoreRef("case")
    reference = Text(default="")
    told_on = Date(default=None, null=True, help_text="the day on which the notice of the extension was sent")
    until = Date(default=None, null=True, help_text="the day it names")
    cause = Text(default="")
    circumstances = Text(default="")
    told_by = Text(default="", help_text="who recorded it")
    deemed_at = Timestamptz(default=None, null=True, help_text="since when it counts as upheld")
    answered_on = Date(default=None, null=True, help_text="the day of a reply in time that was recorded later")
    answered_how = Text(default="")
