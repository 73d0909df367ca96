"""A job that keeps a file, reads it again and drops it."""

from collections.abc import Mapping
from typing import Any

from ombud_plugin_api import Context, Permanent


async def tidy(payload: Mapping[str, Any], context: Context) -> None:
    kept = await context.platform.keep_file(b"for a moment")
    if await context.platform.kept_file(kept) != b"for a moment":
        raise Permanent("the vault gave other bytes than it was given; ask who runs this desk")
    await context.platform.drop_file(kept)
    await context.save({"done": True})
    await context.progress(1, 1, "tidied")
