import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel import plugins
from ombud.kernel.outbox import enqueue_job

DUMMY = Path(__file__).parent.parent / "dummy_plugin"


@pytest.fixture
def dummy() -> Iterator[str]:
    """The dummy plugin, installed for the length of a test."""
    sys.path.insert(0, str(DUMMY))
    yield "dummy"
    sys.path.remove(str(DUMMY))
    for name in [each for each in sys.modules if each.startswith("ombud_dummy")]:
        del sys.modules[name]


@pytest.fixture
async def desk_with_dummy(desk: Any, dummy: str) -> Any:
    assert dummy in plugins.discover()
    await desk.enable(dummy)
    return desk


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
