import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for what several modules share

from ombud.kernel.outbox import enqueue_job


@pytest.fixture
async def wire(desk_with_dummy: Any) -> Any:
    """Puts a message on the wire, has it fetched and everything done that follows. `wire.lay` only puts it there."""
    import ombud_dummy.plugin as module

    module.Wire.lies.clear()

    async def fetch() -> None:
        await enqueue_job("dummy.poll-dummy-wire", {"payload": {}}, plugin="dummy")
        await desk_with_dummy.work()

    def lay(sender: dict[str, str], text: str, **more: Any) -> None:
        said = {**sender, "text": text, **more, "nonce": next(numbers)}
        module.Wire.lies.append(json.dumps(said).encode())

    async def send(sender: dict[str, str], text: str, **more: Any) -> None:
        lay(sender, text, **more)
        await fetch()

    numbers = itertools.count()
    send.lay, send.fetch = lay, fetch  # type: ignore[attr-defined]
    return send
