"""What the inbox keeps beside a message."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class ThreadId(Table, tablename="core_thread_id"):
    """A Message-ID, or what a channel has for one, that we sent or saw: an answer to it belongs to the same case."""

    id = UUID(primary_key=True, default=new_id)
    value = Text(default="", help_text="without brackets")
    message_id = UUID(default=None)
    at = Timestamptz()
