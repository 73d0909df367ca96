"""Work that nobody waits for gives way to whoever waits for an answer on the same machine, for a while: under a flood
the two take turns, so that neither stands still."""

import asyncio
import time
from functools import cache
from pathlib import Path

from ombud.kernel import heartbeat

TURN = 3.0  # seconds that work stands back at a stretch, and then goes on whoever waits
LOOKS = 0.02  # seconds between two looks


class GivingWay:
    """One for each process that works in the background; `folder` holds the signs of life of its neighbours."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._since = 0.0  # when this stretch of standing back began; 0 while none does
        self._ours_until = 0.0
        self._look_again = 0.0

    async def pause(self) -> None:
        """Returns as soon as nobody waits, or when it is the turn of the work."""
        while not self.ours():  # noqa: ASYNC110 - the memory of another process sets no event
            await asyncio.sleep(LOOKS)

    def ours(self) -> bool:
        """Whether work may go on at this moment."""
        moment = time.monotonic()
        if self._folder is None or moment < self._ours_until:
            return True
        if self._since and moment < self._look_again:  # many ask at once
            return False
        self._look_again = moment + LOOKS
        if not heartbeat.waiting(self._folder):
            self._since = 0.0
            return True
        self._since = self._since or moment
        if moment - self._since < TURN:
            return False
        self._since, self._ours_until = 0.0, moment + TURN
        return True


@cache
def way() -> GivingWay:
    """The one of this process; it never waits where no supervisor is."""
    return GivingWay(heartbeat.folder())
