"""The plugin's working state. A complaint that was filed lives in core; of the words nothing stays here."""

from piccolo.columns import JSONB, UUID, BigInt, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud_plugin_api import CoreRef


class PhoneCall(Table, tablename="phone_call"):
    """A call or a visit that somebody writes down. `id` is also the key under which it is filed."""

    id = UUID(primary_key=True)
    agent = UUID(help_text="the member of staff whose draft it is")
    agent_name = Text(default="")
    channel = Text(default="phone", help_text="phone or in_person")
    state = Text(default="draft", help_text="draft, filed or noted")
    number = Text(default="", help_text="the caller's, as +44…")
    system_call = Text(default="", help_text="the telephony system's name for the call")
    unit = Text(default="")
    body = JSONB(default="{}")
    case_id = CoreRef("case")
    reference = Text(default="")
    started_at = Timestamptz()
    updated_at = Timestamptz()


class PhoneHook(Table, tablename="phone_hook"):
    """A request of a telephony system as it came; `id` is the digest of unit, signature and bytes."""

    id = Text(primary_key=True, default="")
    unit = Text(default="")
    url = Text(default="")
    headers = JSONB(default="{}", help_text="the signature's and the type")
    file_id = UUID(default=None, null=True)
    state = Text(default="waiting", help_text="waiting, read, refused")
    reason = Text(default="")
    received_at = Timestamptz()


class PhoneRecording(Table, tablename="phone_recording"):
    """A recording, or what is known of one that is being made."""

    id = UUID(primary_key=True)
    unit = Text(default="")
    system_call = Text(default="")
    number = Text(default="")
    case_id = CoreRef("case")
    reference = Text(default="")
    state = Text(default="announced", help_text="announced, waiting (for its case), kept, refused, dropped")
    basis = Text(default="", help_text="the legal basis when it was kept")
    file_id = UUID(default=None, null=True)
    content_type = Text(default="")
    size = BigInt(default=0)
    seconds = Integer(default=0)
    pauses = JSONB(default="[]", help_text="from and to, as seconds of the call's clock in ISO 8601")
    started_at = Timestamptz()
    kept_at = Timestamptz(default=None, null=True)
    keep_until = Timestamptz(default=None, null=True)
    dropped_at = Timestamptz(default=None, null=True)
