"""Changes of plugins that administrators ask for on a page: in a process of their own, because the plugin's code may
hang, and the web process must not wait with it."""

import asyncio
import json
import sys
from typing import Any

from ombud.kernel.database import db
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugins import UnfitError
from ombud.kernel.supervisor import environment_beside
from ombud.process import settings
from ombud.trust.policy import Viewer

SECONDS = 45.0


async def enable(viewer: Viewer, slug: str) -> str:
    """Switches on or upgrades; returns the version. Raises UnfitError, with what the plugin or its migration said."""
    return str((await _asked(viewer, "enable", slug))["version"])


async def preview(viewer: Viewer, slug: str) -> dict[str, Any]:
    """What switching it on would do, see `plugin_change.Preview`."""
    return await _asked(viewer, "preview", slug)


async def uninstall(viewer: Viewer, slug: str, *, keep_data: bool) -> dict[str, int]:
    """Returns how many rows each of its tables held."""
    return dict((await _asked(viewer, "uninstall-keep" if keep_data else "uninstall-delete", slug))["rows"])


async def _asked(viewer: Viewer, action: str, slug: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ombud.kernel.starting", "ombud.commands.plugin_changes",
        action, slug, "--user", str(viewer.user_id),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment_beside(settings(), db.url),
    )  # fmt: skip
    try:
        said, trouble = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        raise MigrationError(f"it did not end within {SECONDS:g} s and was stopped; nothing was changed") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answer = _read(said)
    if answer is None:
        last = (trouble.decode(errors="replace").strip().splitlines() or ["it ended without a word"])[-1]
        raise UnfitError(f"its code stopped the process that tried it: {last[:300]}")
    if "refused" in answer:
        raise UnfitError(str(answer["refused"]))
    return dict(answer["done"])


def _read(said: bytes) -> dict[str, Any] | None:
    """The last line; what the plugin's code printed before it is nobody's concern."""
    try:
        answer = json.loads(said.decode(errors="replace").strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return answer if isinstance(answer, dict) else None
