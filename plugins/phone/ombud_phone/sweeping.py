"""What is over goes: recordings after the days that were chosen, drafts nobody came back to, requests once read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ombud_phone import calls, hooks, recordings
from ombud_plugin_api import Context

JOB = "sweep"
EVERY = 3600  # seconds


async def sweep(payload: Mapping[str, Any], context: Context) -> None:
    """The job. Safe to run twice and to stop anywhere."""
    moment = datetime.now(UTC)
    chosen = await context.platform.settings()
    await calls.drop_untouched(moment - timedelta(days=int(chosen["draft_days"])))
    await hooks.drop_old(context.platform, moment)
    done = 0
    while over := await recordings.due(moment):
        for each in over:
            await recordings.drop(context.platform, each, moment)
        done += len(over)
        await context.progress(done, None, "recordings dropped")
