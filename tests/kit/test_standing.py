"""What stands from one test to the next is as new each time: the database that is set back, and the loop."""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ombud.testing import DeskTemplate
from ombud.testing_standing import StandingDatabase, StandingLoop


@pytest.fixture
def standing(_postgres_run: tuple[str, str], desk_template: DeskTemplate) -> Iterator[StandingDatabase]:
    url, run = _postgres_run
    database = StandingDatabase(url, f"ombud_test_{run}_{os.getpid()}_of_its_test", desk_template.database)
    yield database
    database.drop()


def done(url: str, *statements: str) -> list[Any]:
    """Runs them as a test would, and gives the rows of the last one."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements:
            found = connection.execute(each)
        return found.fetchall() if found.description else []


def told(url: str) -> list[Any]:
    """All there is, to be compared: rows of all tables, where sequences stand, what there is beside them."""
    names = done(
        url,
        "SELECT oid::regclass::text, relkind FROM pg_class WHERE relkind IN ('r', 'S') "
        "AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    whole, place = "SELECT t::text FROM {} t ORDER BY 1", "SELECT last_value, is_called FROM {}"
    rows = [(name, done(url, (place if kind == "S" else whole).format(name))) for name, kind in names]
    return [rows, done(url, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1")]


def which(url: str) -> int:
    return int(done(url, "SELECT oid::bigint FROM pg_database WHERE datname = current_database()")[0][0])


FILED = "INSERT INTO core_role (key, label, permissions) VALUES ('made', 'Made', '{}')"


@pytest.mark.parametrize(
    "left",
    [
        [FILED],
        ["UPDATE core_role SET label = 'Other'"],
        ["DELETE FROM core_user_role"],
        [FILED, "DELETE FROM core_user_role WHERE ctid IN (SELECT ctid FROM core_user_role LIMIT 2)"],
        ["DELETE FROM core_role WHERE key IN (SELECT key FROM core_role ORDER BY key LIMIT 2)", FILED],
        ["SELECT nextval('core_ledger_entry_id_seq'), setval('core_sealed_id_seq', 99)"],
        ["INSERT INTO core_stream (stream, seq, hash) VALUES ('case/1', 1, decode(repeat('00', 32), 'hex'))"],
        ["CREATE TABLE said (id serial PRIMARY KEY, role text REFERENCES core_role)", "CREATE VIEW seen AS SELECT 1"],
    ],
    ids=["new", "changed", "gone", "in two tables", "as many as before", "sequences", "guarded", "tables"],
)  # fmt: skip
def test_what_a_test_left_is_not_there_for_the_next(standing: StandingDatabase, left: list[str]) -> None:
    url = standing.fresh()
    before, first = told(url), which(url)
    done(url, "SET session_replication_role = replica", *left)
    assert told(url) != before
    assert told(standing.fresh()) == before
    if "serial" not in left[0]:
        assert which(url) == first  # set back, not made anew


def test_whatever_else_changed_costs_a_new_copy(standing: StandingDatabase) -> None:
    url = standing.fresh()
    first = which(url)
    done(url, "ALTER TABLE core_role ADD extra text", "DROP TRIGGER core_only_grows ON core_ledger_entry")
    assert which(standing.fresh()) != first
    assert not done(url, "SELECT 1 FROM pg_attribute WHERE attrelid = 'core_role'::regclass AND attname = 'extra'")
    assert done(url, "SELECT 1 FROM pg_trigger WHERE tgname = 'core_only_grows'")


def test_guards_that_hold_for_everybody_hold_for_a_test(standing: StandingDatabase) -> None:
    url = standing.fresh()
    for _ in range(2):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
            done(url, "SET session_replication_role = replica", "DELETE FROM core_ledger_entry")
        assert standing.fresh() == url


def test_whoever_is_still_connected_is_cut_off(standing: StandingDatabase) -> None:
    url = standing.fresh()
    with psycopg.connect(url) as left:
        left.execute(FILED)
        standing.fresh()
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
        left.close()
    assert not done(url, "SELECT 1 FROM core_role WHERE key = 'made'")


def test_the_loop_keeps_nothing_of_a_test() -> None:
    loop, ran = StandingLoop(), []
    ours, theirs = socket.socketpair()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:

        async def leave() -> None:
            loop.call_later(0.05, ran.append, "a timer")
            loop.add_reader(ours, ran.append, "a socket")
            await asyncio.to_thread(str)

        runner.run(leave())
        task = runner.get_loop().create_task(asyncio.sleep(3600))
    theirs.send(b"x")
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(asyncio.sleep(0.1))
        assert runner.run(asyncio.to_thread(str)) == ""
        assert runner.run(_all(_counted())) == [1, 2]
    assert ran == []
    assert task.cancelled()
    ours.close()
    theirs.close()


async def _counted() -> Any:
    yield 1
    yield 2


async def _all(generator: Any) -> list[int]:
    return [each async for each in generator]


async def test_what_is_remembered_of_a_database_by_its_pool_is_not_remembered_for_the_next(desk: Any) -> None:
    from ombud.kernel.database import db

    async def backends() -> set[int]:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ombud web'"
        return {row["pid"] for row in await db.fetch(asked)}

    before, known = db.engine.pool, await backends()
    await db.close()
    await db.open(desk.config.database.url, largest=desk.config.database.pool_max, name="ombud web")
    assert db.engine.pool is not before
    assert await backends() == known  # though its connections are those it had
