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
    made: list[Served] = []

    def make(name: str = "desk", program: Path = OMBUD, **environment: str) -> Served:
        desk = Served(tmp_path / name, environment, program)
        made.append(desk)
        return desk

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One desk for the tests of a module that leave each other's cases alone; the module prepares and starts it."""
    desk = Served(tmp_path_factory.mktemp("served") / "desk", {"OMBUD_LOG_LEVEL": "debug"})
    yield desk
    desk.stop()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every distribution, as `make wheels` builds them."""
    run = tmp_path_factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "wheels"
    with folder.with_name("wheels.lock").open("w") as lock:  # the first of xdist's workers builds them for all
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            building = tmp_path_factory.mktemp("building")
            for each in DISTRIBUTIONS:
                build(ROOT / each, building)
            building.rename(folder)
    assert len(list(folder.glob("*.whl"))) == len(DISTRIBUTIONS) >= 6
    return folder


@pytest.fixture(scope="session")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with all of them; nobody changes it."""
    return environment(wheels, tmp_path_factory.mktemp("installed"), *map(name_of, DISTRIBUTIONS))


@pytest.fixture
def spooled(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    """A prepared desk with a channel that fetches from this folder; the test starts it."""
    made = Made("made-up", tmp_path / "site", plugin=SPOOL, tables=False).write()
    spool = tmp_path / "spool"
    spool.mkdir()
    desk = Served(tmp_path / "desk", {"PYTHONPATH": str(made.site), "SPOOL": str(spool)})
    desk.command("migrate")
    try:
        yield desk, spool
    finally:
        desk.stop()
