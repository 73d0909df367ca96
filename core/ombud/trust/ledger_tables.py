"""The ledger's and the vault's tables; their guards are in `migrations/core_2026_11_23t15_10_00_ledger.py`."""

from piccolo.columns import JSONB, UUID, BigInt, BigSerial, Bytea, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class LedgerEntry(Table, tablename="core_ledger_entry"):
    """One committed fact; refuses UPDATE, DELETE and TRUNCATE. Unique (stream, seq)."""

    id = BigSerial(primary_key=True)
    stream = Text(default="")
    seq = BigInt(default=1)
    at = Timestamptz()
    actor = Text(default="")
    cause = Text(default="")
    kind = Text(default="")
    body = JSONB(default="{}")
    sealed = JSONB(default="{}", help_text="field -> commitment, 64 hex digits")
    prev = Bytea()
    hash = Bytea()


class Stream(Table, tablename="core_stream"):
    """The head of a stream; its row serialises appends."""

    stream = Text(primary_key=True, default="")
    seq = BigInt(default=0)
    hash = Bytea()


class Checkpoint(Table, tablename="core_checkpoint"):
    """A Merkle root over the entries committed since the last one."""

    n = BigInt(primary_key=True, default=0)
    at = Timestamptz()
    size = BigInt(default=0)
    root = Bytea()
    prev = Bytea()
    hash = Bytea()


class CheckpointEntry(Table, tablename="core_checkpoint_entry"):
    """Which entry is which leaf of which checkpoint. Unique (stream, seq) and (checkpoint, index)."""

    id = BigSerial(primary_key=True)
    stream = Text(default="")
    seq = BigInt(default=0)
    checkpoint = BigInt(default=0)
    index = BigInt(default=0)


class Key(Table, tablename="core_key"):
    """A subject's key, wrapped by the master key; destroying it makes everything sealed for the subject unreadable."""

    subject = Text(primary_key=True, default="", help_text="person/<uuid>, user/<uuid>, deployment …")
    wrapped = Bytea(default=None, null=True, help_text="nonce and ciphertext; null once destroyed")
    master_id = Text(default="")
    created_at = Timestamptz()
    destroyed_at = Timestamptz(default=None, null=True)


class VaultItem(Table, tablename="core_vault"):
    """Encrypted bytes with a data key of their own, wrapped by the subject's key."""

    id = UUID(primary_key=True, default=new_id)
    subject = Text(default="")
    wrapped = Bytea()
    nonce = Bytea()
    ciphertext = Bytea()
    size = BigInt(default=0, help_text="bytes in clear")
    created_at = Timestamptz()


class SealedValue(Table, tablename="core_sealed"):
    """Nonce and value behind one commitment of one entry, encrypted. Unique (stream, seq, field)."""

    id = BigSerial(primary_key=True)
    stream = Text(default="")
    seq = BigInt(default=0)
    field = Text(default="")
    subject = Text(default="")
    wrapped = Bytea()
    nonce = Bytea()
    ciphertext = Bytea()
