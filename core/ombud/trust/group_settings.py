"""Values that administrators set, a group at a time, for the whole deployment or for a unit and all below it.

Read anew at each use, with one statement, so a change holds in every process from the next request or call on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.setting_schema import SettingSchema
from ombud.kernel.setting_values import holding
from ombud.trust import keys
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer
from ombud.trust.settings import MayNotSetError
from ombud.trust.vault import Box, seal, unseal

RIGHT = "setting.manage"
CHANGED = "setting.changed"


class GroupChangedError(Exception):
    """Somebody changed this group here meanwhile, to this version; nothing was written."""

    def __init__(self, version: int) -> None:
        super().__init__("Somebody changed these settings meanwhile. Compare both and save again.")
        self.version = version


@dataclass(frozen=True)
class SecretSet:
    """That a secret is set, by whom and when; never what it is."""

    by: str
    at: datetime


@dataclass(frozen=True)
class Level:
    """What is set of one group in one place: a unit, or the whole desk (no unit). `values` are as JSON holds them."""

    unit_id: UUID | None
    unit_name: str
    values: Mapping[str, Any]
    secrets: Mapping[str, SecretSet]
    version: int
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True)
class Change:
    """What to do in one place: `values` to set, `secrets` to write, names of either in `unset` to take away."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()


_BY_ID = "$2::uuid"
_BY_KEY = (
    "(SELECT id FROM core_unit WHERE CASE WHEN $2::text = '' THEN parent_id IS NULL ELSE key = $2 END "
    "ORDER BY created_at, id LIMIT 1)"
)
_UP = """
up AS (
    SELECT id, parent_id, 0 AS distance FROM core_unit WHERE id = {start}
    UNION
    SELECT above.id, above.parent_id, up.distance + 1 FROM up JOIN core_unit above ON above.id = up.parent_id
)
"""

_NAME = "coalesce(nullif({0}.display_name, ''), {0}.name, 'Ombud')"
_LEVELS = f"""
WITH RECURSIVE {_UP}
SELECT s.unit_id, s.value->'value' AS values, s.version, s.changed_at, coalesce(u.name, '') AS unit_name,
    {_NAME.format("w")} AS changed_by,
    (SELECT jsonb_object_agg(x.field, jsonb_build_array({_NAME.format("p")}, x.changed_at))
     FROM core_setting_secret x LEFT JOIN core_user p ON x.changed_by = 'user/' || p.id::text
     WHERE x.key = s.key AND x.unit_id IS NOT DISTINCT FROM s.unit_id) AS secrets
FROM core_setting s LEFT JOIN up ON up.id = s.unit_id LEFT JOIN core_unit u ON u.id = s.unit_id
    LEFT JOIN core_user w ON s.changed_by = 'user/' || w.id::text
WHERE s.key = $1 AND (s.unit_id IS NULL OR up.id IS NOT NULL)
ORDER BY up.distance NULLS LAST
"""


def _from(sql: str, unit: UUID | str | None) -> str:
    return sql.format(start=_BY_KEY if isinstance(unit, str) else _BY_ID)


def key_of_plugin(slug: str) -> str:
    """The key of a plugin's group; no group of core's begins so."""
    return f"p-{slug}"


async def forget(key: str) -> None:
    """Takes away all that is set of a group, secrets too, in the caller's transaction."""
    await db.execute("DELETE FROM core_setting WHERE key = $1", key)
    await db.execute("DELETE FROM core_setting_secret WHERE key = $1", key)


async def levels(key: str, unit: UUID | str | None = None) -> list[Level]:
    """Where the group has values that count in a unit: its own first, then upwards, the deployment's last. `unit`: its
    id, or its key, of which an empty one means the desk's first unit; None, or a key there is not, only the deployment.
    One statement."""
    return [
        Level(
            row["unit_id"], row["unit_name"], row["values"], _secrets(row["secrets"]), row["version"],
            row["changed_by"], row["changed_at"],
        )
        for row in await db.fetch(_from(_LEVELS, unit), key, unit)
    ]  # fmt: skip


async def held_in(unit: UUID | str | None, key: str, schema: SettingSchema) -> dict[str, Any]:
    """The group's values that hold in a unit, each from the nearest place that sets it; no secrets. One statement."""
    return holding(schema, [each.values for each in await levels(key, unit)])


def _secrets(found: Mapping[str, tuple[str, str]] | None) -> dict[str, SecretSet]:
    return {name: SecretSet(by, datetime.fromisoformat(at)) for name, (by, at) in (found or {}).items()}


_REVEAL = f"""
WITH RECURSIVE {_UP}
SELECT DISTINCT ON (x.field) x.id, x.field, x.wrapped, x.nonce, x.ciphertext, k.wrapped AS key, k.master_id
FROM core_setting_secret x LEFT JOIN up ON up.id = x.unit_id
JOIN core_key k ON k.subject = 'setting/' || x.key AND k.destroyed_at IS NULL
WHERE x.key = $1 AND (x.unit_id IS NULL OR up.id IS NOT NULL) AND ($3 OR up.distance > 0 OR x.unit_id IS NULL)
ORDER BY x.field, up.distance NULLS LAST
"""


async def reveal(key: str, unit: UUID | str | None = None, own: bool = True) -> dict[str, str]:
    """The group's secrets that count in a unit, in clear, for the provider alone: never for a page, a log or a file.
    `own` false: only those from above it, of the deployment none."""
    if unit is None and not own:
        return {}
    found = {}
    for row in await db.fetch(_from(_REVEAL, unit), key, unit, own):
        opened = keys.open_wrapped(keys.master(), _subject(key), row["master_id"], row["key"])
        box = Box(row["wrapped"], row["nonce"], row["ciphertext"])
        found[row["field"]] = unseal(opened, box, _label(row["id"], key, row["field"])).decode()
    return found


_PLACE = "key = $1 AND unit_id IS NOT DISTINCT FROM $2"


async def change(
    viewer: Viewer, key: str, wanted: Change, unit_id: UUID | None = None, version: int | None = None, tried: str = ""
) -> int:
    """Writes it and returns the new version; one ledger entry holds before and after, sealed, of secrets only that they
    changed. `version`: the one the writer saw, 0 where nothing was set. `tried`: works, failed or fault.

    What changes nothing leaves no trace. Raises MayNotSetError and GroupChangedError.
    """
    if not await may_set(viewer, unit_id):
        raise MayNotSetError("Your roles do not allow this. Ask an administrator of this desk.")
    async with db.transaction():
        held, at = await _lock(viewer, key, unit_id)
        if version is not None and version != at:
            raise GroupChangedError(at)
        after = {name: value for name, value in {**held, **wanted.values}.items() if name not in wanted.unset}
        names = sorted(name for name in {*held, *after} if _only(held, [name]) != _only(after, [name]))
        told = await _write_secrets(viewer, key, unit_id, wanted)
        if not names and not told:
            await db.execute(f"DELETE FROM core_setting WHERE {_PLACE} AND version = 0", key, unit_id)
            return at
        await db.execute(
            "UPDATE core_setting SET value = $3, version = version + 1, changed_by = $4, changed_at = $5 "
            f"WHERE {_PLACE}",
            key, unit_id, {"value": after}, viewer.actor, now(),
        )  # fmt: skip
        sides = {"before": _only(held, names), "after": _only(after, names)} if names else {}
        body = {"key": key, "version": at + 1, "fields": names, "secrets": told, "tried": tried}
        sealed = {name: Sealed(_subject(key), side) for name, side in sides.items()}
        await append(actor=viewer.actor, entries=[NewEntry(stream_of(unit_id), CHANGED, body, sealed)])
        return at + 1


def _only(values: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


async def _lock(viewer: Viewer, key: str, unit_id: UUID | None) -> tuple[dict[str, Any], int]:
    """The values and the version, locked; a row that is not there yet is made first, so that two writers queue here."""
    await db.execute(
        "INSERT INTO core_setting (id, key, unit_id, value, version, changed_by, changed_at) "
        "VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (key, unit_id) DO NOTHING",
        new_id(), key, unit_id, {"value": {}}, viewer.actor, now(),
    )  # fmt: skip
    row = await db.fetchrow(f"SELECT value, version FROM core_setting WHERE {_PLACE} FOR UPDATE", key, unit_id)
    if row is None:  # a writer before us changed nothing and took its empty row away
        return await _lock(viewer, key, unit_id)
    return dict(row["value"]["value"]), int(row["version"])


async def _write_secrets(viewer: Viewer, key: str, unit_id: UUID | None, wanted: Change) -> dict[str, str]:
    """What became of each secret: set, replaced or removed."""
    names = [*wanted.secrets, *wanted.unset]
    gone = await db.fetch(
        f"DELETE FROM core_setting_secret WHERE {_PLACE} AND field = ANY($3) RETURNING field", key, unit_id, names
    )
    before = {row["field"] for row in gone}
    told = dict.fromkeys(sorted(before - set(wanted.secrets)), "removed")
    if not wanted.secrets:
        return told
    subject_key = (await keys.sealing_keys([_subject(key)]))[_subject(key)]
    for name, clear in sorted(wanted.secrets.items()):
        identity = new_id()
        box = seal(subject_key, clear.encode(), _label(identity, key, name))
        await db.execute(
            "INSERT INTO core_setting_secret (id, key, unit_id, field, wrapped, nonce, ciphertext, changed_by, "
            "changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            identity, key, unit_id, name, box.wrapped, box.nonce, box.ciphertext, viewer.actor, now(),
        )  # fmt: skip
        told[name] = "replaced" if name in before else "set"
    return told


def stream_of(unit_id: UUID | None) -> str:
    """The ledger's stream of what is set in one place."""
    return f"setting/unit-{unit_id}" if unit_id else "setting/deployment"


def _subject(key: str) -> str:
    return f"setting/{key}"


def _label(identity: UUID, key: str, name: str) -> bytes:
    return f"ombud-setting-1\n{identity}\n{key}\n{name}".encode()


async def may_set(viewer: Viewer, unit_id: UUID | None) -> bool:
    """What holds everywhere needs the right in every topmost unit."""
    if unit_id is not None:
        return viewer.may_in(RIGHT, unit_id)
    tops = await db.fetch("SELECT id FROM core_unit WHERE parent_id IS NULL")
    return bool(tops) and all(viewer.may_in(RIGHT, row["id"]) for row in tops)
