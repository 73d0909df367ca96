"""What all tests share beside core's own fixtures (`ombud.testing`)."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel import plugins, starting
from ombud.testing_plugins import Made

ROOT = Path(__file__).parent.parent
DUMMY = Path(__file__).parent / "dummy_plugin"
# What takes longest, as tests/costs.py tells; the order changes how long a run takes, and nothing else.
LONGEST = [
    "test_look.py", "test_tour.py", "test_new_plugins.py", "test_commands.py", "test_plugin_faults.py",
    "test_supervisor.py", "test_ocr.py", "test_plugin_life.py", "test_mail.py", "test_rehearsal.py", "test_command.py",
    "test_two_browsers.py", "test_tutorial.py", "test_demo.py", "test_inbox_survives_kills.py", "test_wheels.py",
    "test_every_route.py", "test_survives_kills.py", "test_postgres.py", "test_about_staff.py",
    "test_inbox_in_a_browser.py", "test_keyboard_only.py", "test_arrival_security.py", "test_main_journey.py",
    "test_working_time.py", "test_import_desk.py", "test_api_schema.py", "test_export.py", "test_doors.py",
]  # fmt: skip
SHARED = ROOT.parent / "shared" / "data"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Processes keep what they compiled; what each test costs is written down where somebody asks for it (costs.py)."""
    keep_compiled()
    starting.begin()
    sys.path.insert(0, str(Path(__file__).parent))
    if file := os.environ.get("OMBUD_TEST_COSTS"):
        from costs import Costs

        config.pluginmanager.register(Costs(Path(file)))


def pytest_collection_finish() -> None:
    """Some million objects of modules and tests stay for good; a run would look through them hundreds of times."""
    starting.begun()


def keep_compiled() -> None:
    """Workers and the hundreds of processes that tests start would each compile everything anew, for more time than
    they then need, where the machine says that Python is to keep nothing."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first: what takes minutes must not begin when all else has ended."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda each: places.get(each.path.name, len(LONGEST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole modules (`--dist loadfile`), so that a desk which its tests share is served once."""
    if config.getvalue("dist") != "loadfile":
        return None
    from whole_modules import WholeModules

    return WholeModules(config, log, LONGEST)


def needed(program: str, remedy: str) -> str:
    """The path of a program; without it the test is skipped with the reason, under CI it fails."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed; {remedy}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def only_pages() -> bool:
    """Whether pages are all that a module needs of a browser; conftest.py of a folder may say so."""
    return False


@pytest.fixture(scope="module")
def chromium(only_pages: bool) -> Iterator[Any]:
    """A headless browser (Debian's Chromium, driven by Playwright). It ends with the module: Playwright keeps an event
    loop running in this thread, and no asynchronous test can run meanwhile. The same browser without its windows, where
    it is installed and that is enough (`only_pages`), spends a tenth less: it draws no frame around a page."""
    bare = shutil.which("chromium-headless-shell") if only_pages else None
    path = bare or needed("chromium", "on Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real material beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder shared/data with real complaints is not beside this checkout")
    return SHARED


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
