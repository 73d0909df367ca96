import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel import plugins

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
