"""What needs a plugin's own code and changes its tables, in a process of its own that can be killed:
`python -m ombud.kernel.starting ombud.commands.plugin_changes ACTION SLUG --user ID` prints one line of JSON. Core's
pages start it."""

import argparse
import asyncio
import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ombud.config import load
from ombud.desk.errors import NotNow
from ombud.kernel import starting
from ombud.kernel.child import limit_memory
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugin_change import preview
from ombud.kernel.plugins import UnfitError
from ombud.start import opened
from ombud.trust import switching
from ombud.trust.policy import Viewer
from ombud.trust.switching import MayNotSwitchError
from ombud.trust.viewers import viewer_of_user

ACTIONS = ("enable", "preview", "uninstall-keep", "uninstall-delete")
REFUSED = (UnfitError, MigrationError, MayNotSwitchError, NotNow)


def main() -> None:
    starting.begun()
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("action", choices=ACTIONS)
    words.add_argument("slug")
    words.add_argument("--user", type=UUID, required=True)
    asked = words.parse_args()
    print(json.dumps(asyncio.run(_answered(asked))), flush=True)


async def _answered(asked: argparse.Namespace) -> dict[str, Any]:
    config = load()
    limit_memory(config.plugins.memory_mb)
    # Of the plugins only the one in question is imported, by what is done with it.
    async with opened(config, config.database.url, name="ombud plugin", largest=3, plugins=False):
        viewer = await viewer_of_user(asked.user)
        try:
            if viewer is None:
                raise NotNow("This account is not in use any more.")
            return {"done": await _done(viewer, asked.action, asked.slug)}
        except REFUSED as refusal:
            return {"refused": str(refusal)}


async def _done(viewer: Viewer, action: str, slug: str) -> dict[str, Any]:
    if action == "preview":
        return asdict(await preview(slug))
    if action == "enable":
        return {"version": (await switching.enable(viewer, slug)).version}
    gone = await switching.uninstall(viewer, slug, keep_data=action == "uninstall-keep")
    return {"version": gone.version, "rows": dict(gone.rows)}
