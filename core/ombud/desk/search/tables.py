"""The search index: two tables of one shape, of which one is read while the other may be built, and what waits.

The words (`words`, a tsvector) and the view `core_search`, which is whichever table is live, are in the migration.
"""

from piccolo.columns import UUID, BigInt, BigSerial, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class SearchA(Table, tablename="core_search_a"):
    """The words of a case, a message or a person, whose id it has. Nothing here but stems: snippets are live."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="", help_text="case, message, person")
    case_id = UUID(default=None, null=True)
    at = Timestamptz(help_text="what results are ordered by: received, said, first known")


class SearchB(Table, tablename="core_search_b"):
    """As core_search_a."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="", help_text="case, message, person")
    case_id = UUID(default=None, null=True)
    at = Timestamptz(help_text="what results are ordered by: received, said, first known")


class SearchDue(Table, tablename="core_search_due"):
    """A committed change that is not searchable yet; triggers write it in the transaction of the change."""

    id = BigSerial(primary_key=True)
    kind = Text(default="", help_text="case, message, person")
    subject = UUID(default=None)
    at = Timestamptz()
    taken = Boolean(default=False, help_text="searchable already, but kept for the index that is being built")
    tries = Integer(default=0)
    not_before = Timestamptz(default=None, null=True)
    error = Text(default="")


class SearchState(Table, tablename="core_search_state"):
    """One row: which table is live, and how far a rebuild is."""

    id = Integer(primary_key=True, default=1)
    live = Text(default="a", help_text="a or b")
    built_at = Timestamptz(default=None, null=True, help_text="empty: a desk older than its index")
    building_since = Timestamptz(default=None, null=True)
    done = BigInt(default=0)
    total = BigInt(default=0)
