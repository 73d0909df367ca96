"""Fixtures that core lends to the conformance kit and to authors' tests (the `pytest11` entry point).

Each process of a run (each of xdist's workers) starts an embedded server of its own at the first need: on a shared one,
another test's open transaction would hold back this one's ledger checkpoints. It ends with its process, also when that
is killed. Each database is a copy of one migrated template, and each desk of one that was prepared once; the database
of a test's desk is set back to that for the next (`ombud.testing_standing`).
OMBUD_TEST_DATABASE_URL names another server, 15 or newer.

pytest loads this module in every run, also in those that need no database; so functions import what they use.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil
import pytest

if TYPE_CHECKING:
    from ombud.kernel.postgres import EmbeddedPostgres
    from ombud.testing_standing import StandingDatabase

FOLDER_PREFIX = "ombud-tests-"
_numbers = count(1)


class TestServer:
    """The server of one process, started when it is first asked for."""

    __test__ = False

    def __init__(self) -> None:
        self.run = uuid4().hex[:8]
        self._folder: Path | None = None
        self._embedded: EmbeddedPostgres | None = None
        self._url = os.environ.get("OMBUD_TEST_DATABASE_URL", "")

    @property
    def url(self) -> str:
        from ombud.kernel.postgres import EmbeddedPostgres

        if not self._url:
            _sweep()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=_roomy()))
            self._embedded = EmbeddedPostgres(self._folder / "postgres", fast=True)
            self._url = self._embedded.start()
        return self._url

    def stop(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()
        elif self._url:
            from ombud.kernel.postgres import drop_database

            for name in (template_name(self.run), desk_template_name(self.run)):
                drop_database(self._url, name)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _roomy() -> Path | None:
    """Memory, where there is plenty of it as files: each test copies a database of some hundred files and drops it."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it, for nobody else to read
    plenty = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30
    return memory if plenty else None


def _sweep() -> None:
    """Removes what runs that were killed left behind."""
    for folder in (_roomy() or Path(tempfile.gettempdir())).glob(f"{FOLDER_PREFIX}*"):
        number = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def template_name(run: str) -> str:
    return f"ombud_test_{run}_template"


def desk_template_name(run: str) -> str:
    return f"ombud_test_{run}_desk"


_SERVER = pytest.StashKey[TestServer]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SERVER] = TestServer()
    # What the kit's mypy learns of the libraries is the same for every plugin, and takes ten times as long as the rest.
    os.environ.setdefault("MYPY_CACHE_DIR", str(config.rootpath / ".mypy_cache" / "of-plugins"))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Any]:
    """One loop for all asynchronous tests of a process, so that connections last longer than a test."""
    from ombud.testing_standing import standing_loop

    return {"standing": standing_loop}


@pytest.fixture(scope="session")
def _postgres_run(request: pytest.FixtureRequest) -> tuple[str, str]:
    server = request.config.stash[_SERVER]
    return server.url, server.run


@pytest.fixture(scope="session")
def postgres_url(_postgres_run: tuple[str, str]) -> str:
    """A server for tests; its own database is empty, and the role may make others."""
    return _postgres_run[0]


@pytest.fixture(scope="session")
def template_database(_postgres_run: tuple[str, str]) -> str:
    """The name of a database with core's tables; nobody connects to it, so that it can be copied."""
    import psycopg
    from psycopg import sql

    from ombud.kernel.postgres import create_database, drop_database

    url, run = _postgres_run
    name = template_name(run)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return name
        building = f"{name}_building"
        try:
            build_template(create_database(url, building))
        except BaseException:
            drop_database(url, building)
            raise
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(building), sql.Identifier(name)))
    return name


def build_template(url: str) -> None:
    """Runs the migrations in a thread of its own, because a test's event loop may be set in this one."""
    from ombud.kernel.migrations import migrate

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(url)).result()


@dataclass(frozen=True)
class DeskTemplate:
    """A desk that was prepared and that nobody used: its database, and the folder with its keys."""

    database: str
    data: Path

    def copy_data(self, to: Path) -> Path:
        shutil.copytree(self.data, to, dirs_exist_ok=True)
        return to


@pytest.fixture(scope="session")
def desk_template(
    _postgres_run: tuple[str, str], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> DeskTemplate:
    """What each test's desk is copied from; nobody connects to its database."""
    from ombud.kernel.postgres import create_database
    from ombud.testing_desk import prepare

    url, run = _postgres_run
    template = DeskTemplate(desk_template_name(run), tmp_path_factory.mktemp("prepared") / "desk")
    copy = create_database(url, template.database, template_database)
    with ThreadPoolExecutor(1) as pool:  # a test's event loop may be set in this thread
        pool.submit(asyncio.run, prepare(copy, template.data)).result()
    return template


@contextlib.contextmanager
def migrated_copy(url: str, run: str, template: str) -> Iterator[str]:
    """A database of its own, made from a template and dropped at the end."""
    from ombud.kernel.postgres import create_database, drop_database

    name = f"ombud_test_{run}_{os.getpid()}_{next(_numbers)}"
    yield create_database(url, name, template)
    drop_database(url, name)


@pytest.fixture(scope="module")
def database_url(_postgres_run: tuple[str, str], template_database: str) -> Iterator[str]:
    """A migrated database that the tests of one module share."""
    with migrated_copy(*_postgres_run, template_database) as url:
        yield url


@pytest.fixture
def fresh_database_url(_postgres_run: tuple[str, str], template_database: str) -> Iterator[str]:
    """A migrated database for one test alone."""
    with migrated_copy(*_postgres_run, template_database) as url:
        yield url


@pytest.fixture(scope="session")
def _standing_database(_postgres_run: tuple[str, str], desk_template: DeskTemplate) -> Iterator[StandingDatabase]:
    from ombud.testing_standing import StandingDatabase

    url, run = _postgres_run
    standing = StandingDatabase(url, f"ombud_test_{run}_{os.getpid()}_standing", desk_template.database)
    yield standing
    standing.drop()


@pytest.fixture
def prepared_database_url(_standing_database: StandingDatabase) -> str:
    """The database of a fresh desk for one test alone; its keys come by `desk_template.copy_data`."""
    return _standing_database.fresh()


@pytest.fixture
async def desk(prepared_database_url: str, desk_template: DeskTemplate, tmp_path: Path) -> AsyncIterator[Any]:
    """A running desk without plugins on a fresh database: see `ombud.testing_desk.Desk`."""
    from ombud.testing_desk import running_desk

    data = desk_template.copy_data(tmp_path / "desk")
    async with running_desk(prepared_database_url, data, is_prepared=True) as running:
        yield running


@pytest.fixture(scope="class")
def ombud_stage(
    _postgres_run: tuple[str, str], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """What the conformance kit stands on, shared by the checks of one contract: see `ombud.stage`."""
    from ombud.stage.theatre import Theatre

    folder = tmp_path_factory.mktemp("stage")
    with migrated_copy(*_postgres_run, template_database) as url, Theatre(url, folder / "desk") as theatre:
        yield theatre
