"""The folder into which another program drops customer files, and what is tried out of it."""

import os
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.kernel.outbox import enqueue_job
from ombud.testing_desk import Desk
from ombud_crm_csv import folder

FILE = b"Customer no,Name,E-mail\n17,Ann,ann@example.org\n18,Bob,bob@example.org\n"


@pytest.fixture
async def place(desk: Desk, tmp_path: Path) -> Path:
    """A folder that the desk looks into."""
    await desk.enable("crm-csv")
    where = tmp_path / "dropped"
    where.mkdir()
    adam = await desk.signed_in("administrator")
    sent = await adam.submit(
        "/settings/p-crm-csv", {"set.folder": str(where), "version": "0"}, page="/settings/p-crm-csv"
    )
    assert sent.status_code == 303, sent.text
    return where


def _drop(path: Path, data: bytes, age: float = 60.0) -> None:
    path.write_bytes(data)
    moment = path.stat().st_mtime - age
    os.utime(path, (moment, moment))


async def _look(desk: Desk) -> None:
    await enqueue_job("crm-csv.look", {"payload": {}}, plugin="crm-csv")
    await desk.work()


async def _files() -> list[tuple[str, str, str, int]]:
    rows = await db.fetch("SELECT name, state, unit, rows_taken FROM crm_csv_file ORDER BY created_at, name")
    return [tuple(row) for row in rows]


async def _agree(desk: Desk) -> None:
    """Somebody says what the columns of the waiting file mean."""
    adam = await desk.signed_in("administrator")
    waiting = await db.fetchval("SELECT id FROM crm_csv_file WHERE state = 'waiting'")
    page = f"/p/crm-csv/files/{waiting}"
    means = {"column.0": "reference", "column.1": "name", "column.2": "email", "step": "take"}
    await adam.submit(f"{page}/columns", means, page=page)
    await desk.work()


async def test_the_first_file_waits_for_its_columns_and_the_next_is_taken_by_itself(desk: Desk, place: Path) -> None:
    _drop(place / "customers.csv", FILE)
    await _look(desk)
    assert await _files() == [("customers.csv", "waiting", "", 0)]
    await _agree(desk)
    assert await _files() == [("customers.csv", "live", "", 2)]
    await _look(desk)
    assert len(await _files()) == 1, "the same file is taken once"
    _drop(place / "customers.csv", FILE + b"19,Cy,cy@example.org\n", age=30)
    await _look(desk)
    assert await _files() == [("customers.csv", "live", "", 3)]
    assert await db.fetchval("SELECT as_of FROM crm_csv_file") < await db.fetchval(
        "SELECT now() - interval '25 seconds'"
    )


async def test_a_file_with_another_column_waits_and_the_old_rows_count_on(desk: Desk, place: Path) -> None:
    _drop(place / "customers.csv", FILE)
    await _look(desk)
    await _agree(desk)
    _drop(place / "customers.csv", b"Customer no,Name,E-mail,IBAN\n17,Ann,ann@example.org,DE00\n", age=20)
    await _look(desk)
    assert await _files() == [("customers.csv", "live", "", 2), ("customers.csv", "waiting", "", 0)]


async def test_one_that_is_still_being_written_is_left_alone(desk: Desk, place: Path) -> None:
    _drop(place / "customers.csv", FILE, age=-3600)
    await _look(desk)
    assert await _files() == []


async def test_a_folder_called_as_a_unit_holds_that_units_file(desk: Desk, place: Path) -> None:
    (place / "south").mkdir()
    _drop(place / "south" / "list.csv", FILE)
    await _look(desk)
    assert await _files() == [("list.csv", "waiting", "south", 0)]


async def test_links_hidden_files_and_other_kinds_lead_nowhere(desk: Desk, place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    _drop(secret, FILE)
    (place / "link.csv").symlink_to(secret)
    (place / "linked").symlink_to(tmp_path)
    _drop(place / ".hidden.csv", FILE)
    _drop(place / "program.exe", b"MZ")
    assert folder.candidates(place) == []
    await _look(desk)
    assert await _files() == []


async def test_what_cannot_be_read_is_shown_with_the_reason_once(desk: Desk, place: Path) -> None:
    _drop(place / "broken.csv", b"1,2\n3,4\n")
    await _look(desk)
    await _look(desk)
    assert [each[:2] for each in await _files()] == [("broken.csv", "failed")]
    adam = await desk.signed_in("administrator")
    assert "Not taken" in (await adam.get("/p/crm-csv/files")).text
    assert "names no columns" in str(await db.fetchval("SELECT problem FROM crm_csv_file"))


@pytest.mark.parametrize(
    ("value", "words"),
    [("", "No folder is looked into"), ("relative", "Give the whole path"), ("/no/such/folder", "There is no folder")],
)
async def test_trying_it_out_says_what_is_there(desk: Desk, value: str, words: str) -> None:
    await desk.enable("crm-csv")
    adam = await desk.signed_in("administrator")
    tried = await adam.submit("/settings/p-crm-csv/try", {"set.folder": value}, page="/settings/p-crm-csv")
    assert words in tried.text


async def test_trying_it_out_counts_the_files(desk: Desk, place: Path, tmp_path: Path) -> None:
    adam = await desk.signed_in("administrator")
    data: dict[str, Any] = {"set.folder": str(place)}
    assert "is there and empty" in (await adam.submit("/settings/p-crm-csv/try", data, page="/settings/p-crm-csv")).text
    _drop(place / "one.csv", FILE)
    assert "one.csv is the newest" in (
        await adam.submit("/settings/p-crm-csv/try", data, page="/settings/p-crm-csv")
    ).text  # fmt: skip


async def test_a_folder_that_is_gone_disturbs_nobody(desk: Desk, place: Path) -> None:
    place.rmdir()
    await _look(desk)
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'crm-csv'") == 0
