"""The plugin's working state: what stands at the bureau beside a case, the response to it, and imports."""

from piccolo.columns import JSONB, UUID, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class CfpbComplaint(Table, tablename="cfpb_complaint"):
    """One complaint as the bureau knows it. `state`: new, draft, batched (in a file for the portal), handed (given
    in); after an `in_progress` that was given in it is new again, with `first_code` and `first_on`."""

    id = UUID(primary_key=True)
    complaint_id = Text(unique=True)
    case_id = CoreRef("case")
    reference = Text(default="")
    unit = Text(default="")
    product = Text(default="")
    sub_product = Text(default="")
    issue = Text(default="")
    sub_issue = Text(default="")
    tags = Text(default="")
    submitted_via = Text(default="")
    sent_on = Date(help_text="to the company: the day from which the clocks run")
    state = Text(default="new")
    response = Text(default="", help_text="a code of the response categories")
    public_response = Text(default="", help_text="a code of the public responses; empty: none yet")
    explanation = Text(default="")
    drafted_by = Text(default="")
    batch = UUID(default=None, null=True)
    first_code = Text(default="")
    first_on = Date(default=None, null=True)
    handed_on = Date(default=None, null=True)


class CfpbImport(Table, tablename="cfpb_import"):
    """A file of complaints and what became of its rows."""

    id = UUID(primary_key=True)
    file_name = Text(default="")
    file_id = UUID(default=None, null=True)
    unit = Text(default="")
    state = Text(default="waiting", help_text="waiting, done, failed")
    rows_total = Integer(default=0)
    made = Integer(default=0)
    known = Integer(default=0, help_text="rows whose complaint was here before")
    refused = JSONB(default="[]", help_text="line and a code of the problems")
    started_by = Text(default="")
    created_at = Timestamptz()
