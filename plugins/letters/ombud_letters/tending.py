"""Every few minutes: what an interrupted moment left undone is taken up again."""

from collections.abc import Mapping
from typing import Any

from ombud_letters import reading, receiving, scans, telling
from ombud_plugin_api import Context

NAME = "tend"
EVERY = 120


async def tend(payload: Mapping[str, Any], context: Context) -> None:
    """Starts what was to be started, tells what was to be told, and destroys what nobody needs any more."""
    platform = context.platform
    await telling.tell(platform)
    for scan in await scans.moving():
        await start_reading(scan.id, context)
    for letter in await scans.being_taken():
        await start_taking(letter.id, context)
    for each in await scans.unsettled():
        await scans.settle(each, platform)


async def start_reading(scan: Any, context: Context) -> None:
    """The key keeps a second one from starting while the first is not done."""
    job = await context.platform.start_job(reading.NAME, {"scan": str(scan)}, key=f"read/{scan}")
    await scans.change(scan, scans.MOVING, job_id=job)


async def start_taking(letter: Any, context: Context) -> None:
    await context.platform.start_job(receiving.NAME, {"letter": str(letter)}, key=f"take/{letter}")
