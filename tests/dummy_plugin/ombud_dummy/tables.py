from piccolo.columns import Text
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class Note(Table, tablename="dummy_note"):
    """One line for each event heard."""

    event = Text(primary_key=True, default="")
    case_id = CoreRef(to="case")
