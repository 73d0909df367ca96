"""Files of cases that were made, and what of a case is legally privileged."""

from piccolo.columns import JSONB, UUID, BigInt, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class CaseFile(Table, tablename="core_case_file"):
    """One file of a case that somebody asked for; its bytes lie in the vault under the case's key."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    plugin = Text(default="", help_text="slug of the plugin whose profile it follows")
    profile = Text(default="", help_text="key of the profile")
    profile_version = Text(default="")
    chosen = JSONB(default="{}", help_text="{aspects: [ids], items: [m:<id>, f:<id>]}: what was ticked")
    state = Text(default="waiting", help_text="waiting, ready, failed")
    trouble = Text(default="", help_text="why it failed, for whoever asked for it")
    vault_id = UUID(default=None, null=True)
    size = BigInt(default=0, help_text="bytes")
    documents = BigInt(default=0)
    left_out = BigInt(default=0)
    manifest_sha256 = Text(default="", help_text="of manifest.json; the ledger holds it too")
    made_by = UUID(default=None, null=True)
    asked_at = Timestamptz()
    made_at = Timestamptz(default=None, null=True)


class Privileged(Table, tablename="core_privileged"):
    """A message or a file that a person marked as legally privileged: it leaves the desk in no file. The reason stands
    in the redaction log."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    message_id = UUID(default=None, null=True)
    attachment_id = UUID(default=None, null=True)
    reason = Text(default="")
    marked_by = UUID(default=None, null=True)
    marked_at = Timestamptz()
