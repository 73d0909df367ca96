import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from look_stage import stage

from ombud.web import assets


@pytest.fixture(scope="session", autouse=True)
def composed_assets() -> None:
    assets.build()


@pytest.fixture(scope="session")
def desk_address() -> Iterator[str]:
    with stage() as address:
        yield address


@pytest.fixture(scope="module")
def only_pages() -> bool:
    return True
