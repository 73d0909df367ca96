"""The plugin's working state. What the complainants said is core's alone."""

from uuid import uuid4

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class CsvImportRun(Table, tablename="csv_import_run"):
    """One import of one file. state: uploaded, waiting, running, finished, stopped or failed."""

    id = UUID(primary_key=True, default=uuid4)
    file_name = Text(default="")
    fingerprint = Text(default="", help_text="SHA-256 of the unpacked bytes")
    source = Text(default="", help_text="names the space of the external ids")
    unit = Text(default="")
    layout = Text(default="")
    mapping = JSONB(default="{}")
    warnings = JSONB(default="[]")
    state = Text(default="uploaded")
    error = Text(default="")
    rows_total = Integer(default=0)
    rows_in = Integer(default=0)
    made = Integer(default=0)
    duplicates = Integer(default=0)
    rejected = Integer(default=0)
    read_to = Integer(default=0, help_text="the last line that is accounted for")
    started_by = Text(default="")
    file_id = UUID(default=None, null=True, help_text="the uploaded file in the vault, until the import ends")
    job_id = UUID(default=None, null=True)
    created_at = Timestamptz()
    started_at = Timestamptz(default=None, null=True)
    finished_at = Timestamptz(default=None, null=True)


class CsvImportRow(Table, tablename="csv_import_row"):
    """What became of one row. A row of outcome `filing` or `made` claims its key: no other row can make that case."""

    id = UUID(primary_key=True, default=uuid4)
    run = UUID(default=None)
    line = Integer(default=0)
    last_line = Integer(default=0)
    key = Text(default="", help_text="idempotency key; empty for a row nobody could read")
    content = Text(default="", help_text="SHA-256 of what was filed")
    outcome = Text(default="filing", help_text="filing, made, duplicate or rejected")
    reference = Text(default="")
    changed = Boolean(default=False)
    code = Text(default="")
    reason = Text(default="")


class CsvImportMapping(Table, tablename="csv_import_mapping"):
    """A mapping kept under a name, to be used again."""

    id = UUID(primary_key=True, default=uuid4)
    name = Text(default="", unique=True)
    mapping = JSONB(default="{}")
    saved_by = Text(default="")
    saved_at = Timestamptz()
