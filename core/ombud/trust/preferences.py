"""What people like for themselves, kept with their log-in: their keys, and where the desk opens."""

from collections.abc import Mapping

from ombud.kernel.database import db
from ombud.trust.policy import Viewer


async def keep_keys(viewer: Viewer, keys: Mapping[str, str]) -> None:
    """The keys that differ from the usual ones, by action."""
    await db.execute("UPDATE core_user SET keys = $2 WHERE id = $1", viewer.user_id, dict(keys))


async def landing(viewer: Viewer) -> str:
    """The queue or view the desk opens with, by its code; empty for the usual one."""
    return str(await db.fetchval("SELECT landing FROM core_user WHERE id = $1", viewer.user_id) or "")


async def keep_landing(viewer: Viewer, code: str) -> None:
    await db.execute("UPDATE core_user SET landing = $2 WHERE id = $1", viewer.user_id, code)
