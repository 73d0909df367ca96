"""Core's tables of the ground floor: plugins and settings."""

from piccolo.columns import JSONB, UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Plugin(Table, tablename="core_plugin"):
    """What the administrator wants of a plugin; its state is derived from this and from what is installed."""

    slug = Text(primary_key=True, default="")
    wanted_on = Boolean(default=False)
    applied_version = Text(default="")
    declaration = JSONB(default="{}", help_text="tables and personal columns, kept after the code is gone")
    kept = Boolean(default=False, help_text="uninstalled, its tables and their declaration kept")
    changed_by = Text(default="")
    changed_at = Timestamptz()


class Setting(Table, tablename="core_setting"):
    """One value an administrator set, for the whole deployment (no unit) or for a unit and what is below it."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(default="")
    unit_id = UUID(default=None, null=True)
    value = JSONB(default="{}")
    version = Integer(default=1)
    changed_by = Text(default="")
    changed_at = Timestamptz()
