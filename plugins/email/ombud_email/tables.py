"""Further mailboxes, how far each was read, what went out, where tokens lie."""

from uuid import uuid4

from piccolo.columns import JSONB, UUID, BigInt, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class EmailMailbox(Table, tablename="email_mailbox"):
    """A mailbox beside the units' own. `chosen` has the names of the settings' schema, without secrets."""

    id = UUID(primary_key=True, default=uuid4)
    address = Text(default="", unique=True)
    unit = Text(default="", help_text="key of the unit its mails are for; empty: the first")
    chosen = JSONB(default="{}")
    secrets = UUID(default=None, null=True, help_text="file in the vault with passwords and tokens")
    active = Boolean(default=True)
    created_at = Timestamptz()


class EmailPosition(Table, tablename="email_position"):
    """How far a folder was read. What counts is core's receipt of each mail: this only saves reading it again."""

    id = UUID(primary_key=True, default=uuid4)
    account = Text(default="")
    folder = Text(default="")
    uidvalidity = BigInt(default=0)
    last_uid = BigInt(default=0)
    recent = JSONB(default="[]", help_text="UIDs taken lately, because servers may show a smaller one later")
    skipped = JSONB(default="{}", help_text="UIDs that could not be fetched, with how often it was tried")
    taken = Integer(default=0)
    mail_at = Timestamptz(null=True, default=None)
    looked_at = Timestamptz(null=True, default=None)
    how = Text(default="", help_text="idle or polling")
    problem = Text(default="", help_text="why the last look failed, in words")


class EmailSent(Table, tablename="email_sent"):
    """An attempt to send. state: sending, sent."""

    key = Text(primary_key=True, default="")
    thread_id = Text(default="")
    account = Text(default="")
    unit = Text(default="")
    state = Text(default="sending")
    remote_id = Text(default="")
    at = Timestamptz()


class EmailToken(Table, tablename="email_token"):
    """`login`: fingerprint of what an administrator entered; another token there begins anew."""

    login = Text(primary_key=True, default="")
    kept_file = UUID(default=None, null=True)
    at = Timestamptz()
