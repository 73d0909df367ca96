"""Plugins on and off as facts: permitted by the policy, with their permissions, recorded in the ledger."""

from collections.abc import Awaitable, Callable

from ombud.kernel import plugin_change
from ombud.kernel.plugin_change import Gone
from ombud.kernel.plugins import Loaded
from ombud.trust import group_settings, roles
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer

Forgets = Callable[[str], Awaitable[dict[str, int]]]
"""Takes away, inside the transaction that uninstalls the plugin of this slug, what it left in tables of core; how many
rows of which tables."""

_forgetting: dict[str, Forgets] = {}


def when_uninstalled(owner: str, forgets: Forgets) -> None:
    """Has the owner of tables forget what came from a plugin whose data is not kept; said by every process at its
    start, again at will."""
    _forgetting[owner] = forgets


class MayNotSwitchError(Exception):
    """The viewer has no right to switch plugins."""


async def enable(viewer: Viewer, slug: str) -> Loaded:
    """Switches a plugin on or upgrades it; raises MayNotSwitchError, UnfitError, MigrationError."""
    _demand(viewer)

    async def also(loaded: Loaded) -> None:
        for permission in loaded.permissions:
            await roles.add_permission(permission.key, permission.label, permission.default_roles, viewer.actor)
        await _tell(viewer, slug, "plugin.enabled", loaded.version)

    return await plugin_change.enable(slug, viewer.actor, also)


async def disable(viewer: Viewer, slug: str) -> None:
    """Switches a plugin off; its data and its permissions stay."""
    _demand(viewer)
    await plugin_change.disable(slug, viewer.actor, lambda: _tell(viewer, slug, "plugin.disabled", ""))


async def uninstall(viewer: Viewer, slug: str, *, keep_data: bool) -> Gone:
    """Takes a plugin away from this desk, with its permissions and, unless its data is kept, its tables, settings and
    secrets, and what core's own tables hold from it; the entry in the ledger tells how many rows of which tables.
    Raises as `enable`."""
    _demand(viewer)

    async def also(gone: Gone) -> None:
        await roles.remove_permissions(slug, viewer.actor)
        if not gone.kept:
            await group_settings.forget(group_settings.key_of_plugin(slug))
        left = {} if gone.kept else await _forgotten(slug)
        tables = [{"table": name, "rows": rows} for name, rows in sorted({**gone.rows, **left}.items())]
        body = {"version": gone.version, "data": "kept" if gone.kept else "deleted", "tables": tables}
        await append(actor=viewer.actor, entries=[NewEntry(f"plugin/{slug}", "plugin.uninstalled", body)])

    return await plugin_change.uninstall(slug, viewer.actor, keep_data, also)


async def _forgotten(slug: str) -> dict[str, int]:
    rows: dict[str, int] = {}
    for forgets in _forgetting.values():
        rows |= {table: count for table, count in (await forgets(slug)).items() if count}
    return rows


def _demand(viewer: Viewer) -> None:
    if not viewer.may("plugin.manage"):
        raise MayNotSwitchError("Your roles do not allow this. Ask an administrator of this desk.")


async def _tell(viewer: Viewer, slug: str, kind: str, version: str) -> None:
    body = {"version": version} if version else {}
    await append(actor=viewer.actor, entries=[NewEntry(f"plugin/{slug}", kind, body)])
