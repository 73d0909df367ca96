"""Values that administrators set, for the whole deployment or for a unit and everything below it."""

from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

CHANNEL = "ombud_settings"  # every process that keeps a setting in memory reads it again at a notice


class MayNotSetError(Exception):
    """The viewer has no right to change settings."""


class SettingChangedError(Exception):
    """Somebody changed the setting meanwhile; `value` and `version` are theirs."""

    def __init__(self, value: Any, version: int) -> None:
        super().__init__("Somebody changed this setting meanwhile. Compare both values and save again.")
        self.value, self.version = value, version


async def read(key: str, unit_id: UUID | None = None, otherwise: Any = None) -> Any:
    """The value that holds in a unit: its own, else that of the nearest unit above, else the deployment's."""
    row = await db.fetchrow(
        """
        WITH RECURSIVE up AS (
            SELECT id, parent_id, 0 AS distance FROM core_unit WHERE id = $2
            UNION
            SELECT above.id, above.parent_id, up.distance + 1 FROM up JOIN core_unit above ON above.id = up.parent_id
        )
        SELECT s.value FROM core_setting s LEFT JOIN up ON up.id = s.unit_id
        WHERE s.key = $1 AND (s.unit_id IS NULL OR up.id IS NOT NULL)
        ORDER BY up.distance NULLS LAST LIMIT 1
        """,
        key,
        unit_id,
    )
    return otherwise if row is None else row["value"]["value"]


async def change(viewer: Viewer, key: str, value: Any, unit_id: UUID | None = None, version: int | None = None) -> int:
    """Sets a value and returns its new version; before and after stand sealed in the ledger.

    Raises MayNotSetError and SettingChangedError.
    """
    if not await _may_set(viewer, unit_id):
        raise MayNotSetError("Your roles do not allow this. Ask an administrator of this desk.")
    async with db.transaction():
        known = await db.fetchrow(
            "SELECT value, version FROM core_setting WHERE key = $1 AND unit_id IS NOT DISTINCT FROM $2 FOR UPDATE",
            key,
            unit_id,
        )
        before, held = (known["value"]["value"], int(known["version"])) if known else (None, 0)
        if version is not None and version != held:
            raise SettingChangedError(before, held)
        await db.execute(
            "INSERT INTO core_setting (id, key, unit_id, value, version, changed_by, changed_at) "
            "VALUES ($1, $2, $3, $4, 1, $5, $6) ON CONFLICT (key, unit_id) DO UPDATE SET value = $4, "
            "version = core_setting.version + 1, changed_by = $5, changed_at = $6",
            new_id(), key, unit_id, {"value": value}, viewer.actor, now(),
        )  # fmt: skip
        scope = f"unit-{unit_id}" if unit_id else "deployment"
        sealed = {name: Sealed(f"setting/{key}", each) for name, each in (("before", before), ("after", value))}
        await append(
            actor=viewer.actor,
            entries=[NewEntry(f"setting/{scope}", "setting.changed", {"key": key, "version": held + 1}, sealed)],
        )
        await db.execute("SELECT pg_notify($1, $2)", CHANNEL, key)
        return held + 1


async def _may_set(viewer: Viewer, unit_id: UUID | None) -> bool:
    """What holds everywhere needs the right in every topmost unit."""
    if unit_id is not None:
        return viewer.may_in("setting.manage", unit_id)
    tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
    return bool(tops) and all(viewer.may_in("setting.manage", row["id"]) for row in tops)
