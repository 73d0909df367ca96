"""Plugins on and off as facts: permitted by the policy, with their permissions, recorded in the ledger."""

from ombud.kernel import lifecycle
from ombud.kernel.plugins import Loaded
from ombud.trust import roles
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Viewer


class MayNotSwitchError(Exception):
    """The viewer has no right to switch plugins."""


async def enable(viewer: Viewer, slug: str) -> Loaded:
    """Switches a plugin on or upgrades it; raises MayNotSwitchError, UnfitError, MigrationError."""
    _demand(viewer)

    async def also(loaded: Loaded) -> None:
        for permission in loaded.permissions:
            await roles.add_permission(permission.key, permission.label, permission.default_roles, viewer.actor)
        await _tell(viewer, slug, "plugin.enabled", loaded.version)

    return await lifecycle.enable(slug, viewer.actor, also)


async def disable(viewer: Viewer, slug: str) -> None:
    """Switches a plugin off; its data and its permissions stay."""
    _demand(viewer)
    await lifecycle.disable(slug, viewer.actor, lambda: _tell(viewer, slug, "plugin.disabled", ""))


def _demand(viewer: Viewer) -> None:
    if not viewer.may("plugin.manage"):
        raise MayNotSwitchError("Your roles do not allow this. Ask an administrator of this desk.")


async def _tell(viewer: Viewer, slug: str, kind: str, version: str) -> None:
    body = {"version": version} if version else {}
    await append(actor=viewer.actor, entries=[NewEntry(f"plugin/{slug}", kind, body)])
