"""What a restored desk knows of its restoration."""

from piccolo.columns import UUID, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Restoration(Table, tablename="core_restoration"):
    """This database was put back from a backup. Until `forgotten_at` it may hold people who were erased."""

    id = UUID(primary_key=True, default=new_id)
    backup_id = UUID(default=None)
    backup_at = Timestamptz(help_text="when the backup was begun")
    restored_at = Timestamptz()
    journal = Text(default="", help_text="given, own (it lay in the data folder), none, waived (a person says so)")
    forgotten_at = Timestamptz(default=None, null=True, help_text="when all of the journal had been replayed")
    orders = Integer(default=0, help_text="how many orders of the journal stood")
    again = Integer(default=0, help_text="how many of them had something to destroy")
