"""Roles: what a fresh desk has, and what plugins add to them."""

import re
from collections.abc import Collection

from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, append
from ombud.trust.permissions import KEYS, PERMISSIONS, ROLES, default_permissions

STREAM = "setting/roles"
_SHAPE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9_-]*)+")


class NotAPermission(ValueError):
    """A permission or a prefix that a plugin may not have; the message names the remedy."""


async def install_defaults() -> list[str]:
    """Writes those of core's roles that are not there yet, and returns their keys. The others stay as they are, but for
    permissions that this desk meets for the first time."""
    async with db.transaction():
        rows = await db.fetch(
            """INSERT INTO core_role (key, label, permissions)
            SELECT given.key, given.label, string_to_array(given.permissions, ' ')
            FROM unnest($1::text[], $2::text[], $3::text[]) AS given (key, label, permissions)
            ON CONFLICT (key) DO NOTHING RETURNING key, permissions""",
            [role.key for role in ROLES],
            [role.label for role in ROLES],
            [" ".join(default_permissions(role.key)) for role in ROLES],
        )
        entries = [
            NewEntry(STREAM, "role.added", {"role": row["key"], "permissions": list(row["permissions"])})
            for row in sorted(rows, key=lambda row: str(row["key"]))
        ]
        entries += await _give_new_permissions()
        if entries:
            await append(actor="system", cause="", entries=entries)
    return sorted(row["key"] for row in rows)


async def _give_new_permissions() -> list[NewEntry]:
    """A desk that kept no list yet (an older one, or one just imported) has met what some role holds."""
    await db.execute(
        "INSERT INTO core_known_permission SELECT DISTINCT unnest(permissions) FROM core_role "
        "WHERE NOT EXISTS (SELECT 1 FROM core_known_permission)"
    )
    met = await db.fetch(
        "INSERT INTO core_known_permission SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING key", sorted(KEYS)
    )
    new = {row["key"] for row in met}
    entries = []
    for permission in (each for each in PERMISSIONS if each.key in new):
        rows = await db.fetch(
            """UPDATE core_role SET permissions = array_append(permissions, $1)
            WHERE key = ANY($2) AND NOT $1 = ANY(permissions) RETURNING key""",
            permission.key,
            list(permission.roles),
        )
        if rows:
            body = {"permission": permission.key, "roles": sorted(row["key"] for row in rows)}
            entries.append(NewEntry(STREAM, "permission.given", body))
    return entries


async def add_permission(key: str, label: str, default_roles: Collection[str], actor: str = "system") -> None:
    """Gives a plugin's permission to its default roles, when the plugin is switched on for the first time.

    Roles the desk does not have are passed over. Raises NotAPermission.
    """
    if not _SHAPE.fullmatch(key) or not label.strip():
        raise NotAPermission(f"{key!r}: a permission needs a label and a key like `slug.verb` in small letters")
    if key in KEYS:
        raise NotAPermission(f"{key} is core's; begin the key with the plugin's slug")
    async with db.transaction():
        rows = await db.fetch(
            """UPDATE core_role SET permissions = array_append(permissions, $1)
            WHERE key = ANY($2) AND NOT $1 = ANY(permissions) RETURNING key""",
            key,
            list(default_roles),
        )
        if rows:
            body = {"permission": key, "label": label, "roles": sorted(row["key"] for row in rows)}
            await append(actor=actor, cause="", entries=[NewEntry(STREAM, "permission.given", body)])


async def remove_permissions(prefix: str, actor: str = "system") -> None:
    """Takes every permission below `prefix` (a plugin's slug) from all roles, when the plugin is uninstalled."""
    start = prefix.rstrip(".") + "."
    if start == "." or any(key.startswith(start) for key in KEYS):
        raise NotAPermission(f"{prefix!r} is not a plugin's slug; core's permissions stay")
    async with db.transaction():
        rows = await db.fetch(
            """UPDATE core_role SET permissions =
                ARRAY(SELECT p FROM unnest(permissions) AS p WHERE NOT starts_with(p, $1))
            WHERE EXISTS (SELECT 1 FROM unnest(permissions) AS p WHERE starts_with(p, $1)) RETURNING key""",
            start,
        )
        if rows:
            body = {"prefix": start, "roles": sorted(row["key"] for row in rows)}
            await append(actor=actor, cause="", entries=[NewEntry(STREAM, "permission.taken", body)])


async def known_permissions() -> frozenset[str]:
    """Every permission that core knows or some role holds."""
    rows = await db.fetch("SELECT DISTINCT unnest(permissions) AS key FROM core_role")
    return KEYS | {row["key"] for row in rows}
