"""Real processes: a desk served by the command `ombud`, on a free port, in a folder of its own."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for what several tests share

from served import OMBUD, Served
from spool import SPOOL
from wheel_house import DISTRIBUTIONS, ROOT, build, environment, name_of

from ombud.testing_plugins import Made


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """A desk in an empty folder, which the test prepares; one that is `of` a prepared folder is ready to start."""
    made: list[Served] = []

    def make(name: str = "desk", program: Path = OMBUD, of: Path | None = None, **environment: str) -> Served:
        desk = Served(tmp_path / name, environment, program, of)
        made.append(desk)
        return desk

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Served]:
    """One desk for the tests of a module that leave each other's cases alone; the module starts it."""
    desk = Served(tmp_path_factory.mktemp("served") / "desk", {"OMBUD_LOG_LEVEL": "debug"}, of=prepared)
    yield desk
    desk.stop()


def once_in_a_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all of xdist's workers share; the first that needs it makes it."""
    run = factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / name
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = factory.mktemp("making")
            make(making)
            making.rename(folder)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a desk as `ombud migrate` leaves it, with every plugin on, and a token of its administrator's; each
    copy is a desk that nobody used. For tests that are about something else: to prepare a desk takes as long as to
    start it, and so does each command before the start."""

    def make(folder: Path) -> None:
        desk = Served(folder / "desk", {})
        desk.command("migrate")
        (folder / "token").write_text(desk.command("token", "create", "--user", "admin").splitlines()[-1])

    return once_in_a_run(tmp_path_factory, "prepared-desk", make) / "desk"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every distribution, as `make wheels` builds them."""

    def make(folder: Path) -> None:
        for each in DISTRIBUTIONS:
            build(ROOT / each, folder)

    folder = once_in_a_run(tmp_path_factory, "wheels", make)
    assert len(list(folder.glob("*.whl"))) == len(DISTRIBUTIONS) >= 6
    return folder


@pytest.fixture(scope="session")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with all of them; nobody changes it."""
    return environment(wheels, tmp_path_factory.mktemp("installed"), *map(name_of, DISTRIBUTIONS))


@pytest.fixture
def spooled(tmp_path: Path, prepared: Path) -> Iterator[tuple[Served, Path]]:
    """A prepared desk with a channel that fetches from this folder; the test starts it."""
    made = Made("made-up", tmp_path / "site", plugin=SPOOL, tables=False).write()
    spool = tmp_path / "spool"
    spool.mkdir()
    desk = Served(tmp_path / "desk", {"PYTHONPATH": str(made.site), "SPOOL": str(spool)}, of=prepared)
    desk.command("plugin", "enable", made.slug)
    try:
        yield desk, spool
    finally:
        desk.stop()
