"""A walk through a whole desk."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "journey"), str(HERE.parent / "look")]


@pytest.fixture(scope="module")
def only_pages() -> bool:
    return True
