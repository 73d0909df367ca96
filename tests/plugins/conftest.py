import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel import plugins
from ombud.testing_plugins import Made

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
def made(tmp_path: Path) -> Iterator[Made]:
    """A plugin of this test's own, installed as a wheel would be."""
    site = tmp_path / "site"
    site.mkdir()
    sys.path.insert(0, str(site))
    plugin = Made("made-up", site)
    yield plugin.write()
    sys.path.remove(str(site))
    plugin.remove()
