"""The form's private working state. A complaint that was filed lives in core; nothing of it stays here."""

from piccolo.columns import JSONB, UUID, BigInt, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class WebformDraft(Table, tablename="webform_draft"):
    """What somebody is writing. `id` is the hash of the secret in their cookie, and the key the complaint is filed
    under; `sent_at` is set when they first pressed "Send", and from then on nothing in it changes."""

    id = Text(primary_key=True, default="")
    body = JSONB(default="{}")
    sent_at = Timestamptz(default=None, null=True, index=True)
    updated_at = Timestamptz(index=True)


class WebformFile(Table, tablename="webform_file"):
    """A file of a draft; the bytes lie in core's vault under `id`. It outlives its draft only until it is dropped."""

    id = UUID(primary_key=True)
    draft = Text(default="", index=True)
    name = Text(default="")
    content_type = Text(default="")
    size = BigInt(default=0)
    sha256 = Text(default="")
    added_at = Timestamptz()


class WebformSent(Table, tablename="webform_sent"):
    """A draft that became a case: where its writer is led when they send it again."""

    id = Text(primary_key=True, default="")
    case_id = CoreRef("case")
    token = Text(default="")
    sent_at = Timestamptz(index=True)
