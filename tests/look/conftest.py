import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from look_stage import CHROMIUM, FLAGS, stage
from playwright.sync_api import Browser, sync_playwright

from ombud.web import assets


@pytest.fixture(scope="session", autouse=True)
def composed_assets() -> None:
    assets.build()


@pytest.fixture(scope="session")
def desk_address() -> Iterator[str]:
    with stage() as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
