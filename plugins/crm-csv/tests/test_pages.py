"""A customer file from its upload to the panel beside a case, and everything in between that goes wrong."""

import re
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_crm_csv import taking

HOME = "/p/crm-csv/files"
FILE = (
    b"Customer no,Name,E-mail,Phone,Post code,Product,Balance,Last contact,Birth date\n"
    b"K-1204,Helena Marsh,Helena@Example.org,0700 900 123,80-831,Current account,128.40 EUR,2026-11-02,1970-01-01\n"
    b"K-1204,Helena Marsh,helena@example.org,,80-831,Debit card,,,1970-01-01\n"
    b"K-1300,Owen Farrow,owen@example.org,0700 900 777,31-042,Savings account,9.00 EUR,2026-01-05,1980-02-02\n"
    b",Nobody,,,,Loan,,,\n"
)
HTMX = {"hx-request": "true"}


@pytest.fixture
async def desk_with_file(desk: Desk) -> Desk:
    await desk.enable("crm-csv")
    return desk


async def _upload(browser: Any, data: bytes = FILE, name: str = "customers.csv", **more: str) -> Any:
    token = await browser.token(HOME)
    return await browser.http.post(HOME, data={"_csrf": token, **more}, files={"file": (name, data, "text/csv")})


async def _taken(desk: Desk, data: bytes = FILE, name: str = "customers.csv", **more: str) -> str:
    """Uploads a file, takes the columns as they are proposed, and lets the work be done; returns its page."""
    adam = await desk.signed_in("administrator")
    sent = await _upload(adam, data, name, **more)
    assert sent.status_code == 303, sent.text
    page = sent.headers["location"]
    forms = re.findall(r'name="(column\.\d+)".*?</select>', (await adam.get(page)).text, re.DOTALL)
    chosen = {name: _chosen((await adam.get(page)).text, name) for name in forms}
    await adam.submit(f"{page}/columns", {**chosen, "step": "take"}, page=page)
    await desk.work()
    return str(page)


def _chosen(html: str, name: str) -> str:
    part = html.split(f'name="{name}"')[1].split("</select>", maxsplit=1)[0]
    found = re.search(r'value="([^"]*)" selected', part)
    return found.group(1) if found else ""


async def _part(desk: Desk, browser: Any, reference: str) -> str:
    path = f"/cases/{reference}/crm/crm-csv"
    await browser.get(path, headers=HTMX)
    await desk.work()
    return str((await browser.get(path, headers=HTMX)).text)


async def test_a_file_is_looked_at_before_it_counts_and_then_stands_beside_the_case(desk_with_file: Desk) -> None:
    desk = desk_with_file
    adam, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    filed = await desk.file()
    assert "knows nobody" not in await _part(desk, agent, filed.reference)
    page = (await _upload(adam)).headers["location"]
    shown = (await adam.get(page)).text
    for words in (
        "3 rows can be taken",
        "1 row is refused",
        "Line 5",
        "Cells are separated by a comma",
        "Helena Marsh",
    ):
        assert words in shown
    assert _chosen(shown, "column.8") == "", "a birth date is not proposed"
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer") == 0
    await _taken(desk)
    await db.execute("UPDATE core_crm_snapshot SET ended_at = ended_at - interval '2 minutes', asked_at = NULL")
    part = await _part(desk, agent, filed.reference)
    for words in ("Helena Marsh", "Found by e-mail, name", "Current account", "Balance: 128.40 EUR", "Debit card",
                  "customers.csv, line 2", "2 Nov", "as of"):  # fmt: skip
        assert words in part.replace("\u00a0", " "), words
    assert "1970" not in part
    assert "Owen" not in part
    assert "1970" not in str([dict(row) for row in await db.fetch("SELECT * FROM crm_csv_customer")])
    assert await db.fetchval("SELECT count(*) FROM core_vault WHERE subject = 'plugin/crm-csv'") == 1, (
        "the other's bytes"
    )


async def test_a_refused_row_says_line_and_reason_on_the_files_page(desk_with_file: Desk) -> None:
    page = await _taken(desk_with_file)
    shown = (await (await desk_with_file.signed_in("administrator")).get(page)).text
    assert "Line 5" in shown
    assert "Nobody could be found by it" in shown
    assert "Loan" not in shown


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"email": "", "phone": "0700-900-123"}, "Found by phone number"),
        ({"email": "", "postcode": "80831", "name": "MARSH, Helena"}, "Same name, postcode"),
        ({"email": "", "name": "Helena Marsh"}, "knows nobody"), ({"email": "stranger@example.org"}, "knows nobody"),
    ],
)  # fmt: skip
async def test_people_are_found_by_what_the_file_holds(desk_with_file: Desk, about: dict[str, str], words: str) -> None:
    await _taken(desk_with_file)
    agent = await desk_with_file.signed_in("agent")
    filed = await desk_with_file.file(**about)
    part = await _part(desk_with_file, agent, filed.reference)
    assert words in part
    if words.startswith("Same"):
        assert "Current account" not in part, "a name and a postcode alone show nobody's products"


async def test_a_customer_number_in_an_own_field_finds_its_customer(desk_with_file: Desk) -> None:
    desk = desk_with_file
    await _taken(desk)
    adam, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    filed = await desk.file(email="else@example.org", name="H.")
    await db.execute("UPDATE core_case SET fields = $1", {"contract": "k1204"})
    assert "knows nobody" in await _part(desk, agent, filed.reference), "only where a setting names the field"
    typed = {"set.reference_fields": "contract", "version": "0"}
    sent = await adam.submit("/settings/p-crm-csv", typed, page="/settings/p-crm-csv")
    assert sent.status_code == 303, sent.text
    path = f"/cases/{filed.reference}/crm/crm-csv?again=true"
    await db.execute("UPDATE core_crm_snapshot SET ended_at = ended_at - interval '1 minute', asked_at = NULL")
    await agent.get(path, headers=HTMX)
    await desk.work()
    assert "Found by customer number" in (await agent.get(f"/cases/{filed.reference}/crm/crm-csv", headers=HTMX)).text


async def test_a_new_file_takes_the_place_of_the_old_one_in_one_step(desk_with_file: Desk, monkeypatch: Any) -> None:
    desk = desk_with_file
    await _taken(desk)
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    assert "Current account" in await _part(desk, agent, filed.reference)
    person = await db.fetchval("SELECT person FROM crm_csv_customer WHERE person IS NOT NULL LIMIT 1")
    assert person is not None
    seen = []
    write = taking._write

    async def watched(*given: Any) -> None:
        await write(*given)
        seen.append(
            await db.fetchval(
                "SELECT count(*) FROM crm_csv_customer c JOIN crm_csv_file f ON f.id = c.file WHERE f.state = 'live'"
            )
        )

    monkeypatch.setattr(taking, "_write", watched)
    await _taken(desk, FILE.replace(b"Current account", b"Gold account"), "newer.csv")
    assert seen == [3], "while the new rows are read the old ones count"
    assert await db.fetchval("SELECT count(*) FROM crm_csv_file") == 1
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer") == 3
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer WHERE person = $1", person) == 2
    await db.execute("UPDATE core_crm_snapshot SET ended_at = ended_at - interval '10 minutes', asked_at = NULL")
    part = await _part(desk, agent, filed.reference)
    assert "Gold account" in part
    assert "newer.csv, line 2" in part


async def test_taken_twice_or_killed_on_the_way_it_is_there_once(desk_with_file: Desk) -> None:
    desk = desk_with_file
    page = await _taken(desk)
    await db.execute("UPDATE crm_csv_file SET state = 'taking'")
    await db.execute(
        "UPDATE core_delivery SET state = 'waiting', available_at = now() WHERE subscriber = 'job/crm-csv.take'"
    )
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer") == 3
    assert page.rsplit("/", 1)[1] == str(await db.fetchval("SELECT id FROM crm_csv_file"))


async def test_a_file_of_a_unit_counts_there_and_below_and_nowhere_else(desk_with_file: Desk) -> None:
    desk = desk_with_file
    first = await db.fetchval("SELECT key FROM core_unit LIMIT 1")
    from ombud.kernel.ids import new_id

    for key, parent in (("south", first), ("south-team", "south"), ("north", first)):
        await db.execute(
            "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
            "created_at, version) VALUES ($1, (SELECT id FROM core_unit WHERE key = $2), 'team', $3, $3, 'UTC', 'EUR', "
            "'', 'en', '', now(), 1)",
            new_id(), parent, key,
        )  # fmt: skip
    await _taken(desk, FILE, "south.csv", unit="south")
    leader = await desk.signed_in("leader")
    parts = {
        unit: await _part(desk, leader, (await desk.file(unit=unit)).reference) for unit in ("south-team", "north")
    }
    assert "south.csv, line 2" in parts["south-team"]
    assert parts["north"].strip() == "", "no file there: nothing is shown"
    await _taken(desk, FILE, "all.csv")
    await db.execute("UPDATE core_crm_snapshot SET ended_at = ended_at - interval '2 minutes', asked_at = NULL")
    elsewhere = await _part(desk, leader, (await desk.file(unit="north")).reference)
    assert "all.csv, line 2" in elsewhere


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [(b"", "empty.csv", "The file is empty"), (b"\xd0\xcf\x11\xe0", "old.xls", "an old Excel workbook"),
     (b"1,2\n3,4\n", "figures.csv", "names no columns")],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused_with_words(
    desk_with_file: Desk, data: bytes, name: str, words: str
) -> None:
    adam = await desk_with_file.signed_in("administrator")
    refused = await _upload(adam, data, name, unit="south")
    assert refused.status_code == 422
    assert words in refused.text
    assert 'value="south"' in refused.text, "what was typed stays"
    assert await db.fetchval("SELECT count(*) FROM crm_csv_file") == 0
    nothing = await adam.submit(HOME, {"unit": ""})
    assert "No file came along" in nothing.text


async def test_columns_by_which_nobody_is_found_are_refused_and_the_old_file_counts_on(desk_with_file: Desk) -> None:
    desk = desk_with_file
    await _taken(desk)
    adam, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    page = (await _upload(adam, name="other.csv")).headers["location"]
    refused = await adam.submit(f"{page}/columns", {"step": "take", "column.5": "account"}, page=page)
    assert refused.status_code == 422
    assert "Nobody could be found in this file" in refused.text
    assert "Current account" in await _part(desk, agent, (await desk.file()).reference)


async def test_only_who_may_change_the_file_sees_its_pages(desk_with_file: Desk) -> None:
    desk = desk_with_file
    agent, visitor, adam = await desk.signed_in("agent"), desk.browser(), await desk.signed_in("administrator")
    page = await _taken(desk)
    for path in (HOME, page):
        assert (await agent.get(path)).status_code == 403
        assert (await visitor.get(path)).status_code == 303
        assert (await adam.get(path)).status_code == 200
    token = await agent.token("/me/password")
    for path in (HOME, f"{page}/columns", f"{page}/remove"):
        assert (await agent.http.post(path, data={"_csrf": token})).status_code == 403
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer") == 3
    await desk.disable("crm-csv")
    assert (await adam.get(HOME)).status_code == 404


async def test_a_file_is_removed_with_all_its_rows(desk_with_file: Desk) -> None:
    page = await _taken(desk_with_file)
    adam = await desk_with_file.signed_in("administrator")
    gone = await adam.submit(f"{page}/remove", {}, page=page, follow=True)
    assert "The customer file is gone, with all its rows" in gone.text
    assert await db.fetchval("SELECT count(*) FROM crm_csv_customer") == 0
    assert (await adam.get(page)).status_code == 404
