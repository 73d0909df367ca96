"""The plugin's working state."""

from ombud_plugin_api import CoreRef
from piccolo.columns import Integer, Text, Timestamptz
from piccolo.table import Table


class Note(Table, tablename="keepsake_note"):
    """A note on a case. `id` comes with the form, so that one sent twice is written once."""

    id = Text(primary_key=True, default="")
    case_id = CoreRef("case")
    reference = Text(default="")
    text = Text(default="")
    written_at = Timestamptz()


class Heard(Table, tablename="keepsake_heard"):
    """An event that was heard."""

    event = Text(primary_key=True, default="")
    case_id = CoreRef("case")
    days = Integer(default=0)
