"""The customers of the file that counts, and the files themselves."""

from uuid import uuid4

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class CrmCsvFile(Table, tablename="crm_csv_file"):
    """A customer file. state: waiting (somebody has to say what its columns mean), taking, live (it counts), failed."""

    id = UUID(primary_key=True, default=uuid4)
    unit = Text(default="", help_text="key of the unit it is for; empty: the whole desk")
    name = Text(default="")
    state = Text(default="waiting")
    problem = Text(default="", help_text="why it could not be taken")
    columns = JSONB(default="[]", help_text="pairs of header name and what the column means (columns.py)")
    notes = JSONB(default="[]", help_text="what was noticed in reading it: encoding, sheet")
    rows_taken = Integer(default=0)
    rows_refused = Integer(default=0)
    refused = JSONB(default="[]", help_text="the first refused rows: line and reason, never their words")
    as_of = Timestamptz(help_text="when the file was made: its rows are as of then")
    origin = Text(default="", help_text="where in the folder it was found, with size and time; empty: uploaded")
    kept_file = UUID(default=None, null=True, help_text="its bytes in the vault, until its rows are taken")
    uploaded_by = Text(default="")
    created_at = Timestamptz()
    demo = Boolean(default=False)


class CrmCsvCustomer(Table, tablename="crm_csv_customer"):
    """One row. The columns that are searched are in the form in which they are compared (compare.py)."""

    id = UUID(primary_key=True, default=uuid4)
    file = UUID(default=None)
    line = Integer(default=0)
    person = CoreRef("person")
    reference = Text(default="")
    name = Text(default="", help_text="as written")
    email = Text(default="")
    phone = Text(default="")
    postcode = Text(default="")
    name_key = Text(default="")
    cells = JSONB(default="{}", help_text="the row's cells that are shown, by column, as written")
