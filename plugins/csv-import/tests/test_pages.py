"""The import in a browser without script: upload, columns, preview, start, report."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ombud.desk import intake
from ombud.kernel.database import db
from ombud_csv_import import runs
from ombud_csv_import.receipts import ImportChannel
from ombud_csv_import.runs import sql
from ombud_plugin_api import Permanent, RawReceipt

SAMPLES = Path(__file__).parent / "samples"
HOME = "/p/csv-import/runs"
FEES = (
    b"Ref;Got it;What they wrote;Colour\n1;05.01.2026;The fee was taken twice.;red\n2;31.02.2026;No such day;\n3;;;\n"
)


@pytest.fixture
async def leader(desk: Any) -> Any:
    await desk.enable("csv-import")
    return await desk.signed_in("leader")


async def upload(browser: Any, content: bytes, name: str = "fees.csv") -> Any:
    return await browser.submit(HOME, {}, files={"file": (name, content, "text/csv")})


def form_of(html: str) -> dict[str, Any]:
    """What a browser would send of the mapping form as it stands."""
    form = html[html.index('/mapping">') : html.index('/discard">')]
    values: dict[str, Any] = dict(
        re.findall(r'<input class="input"[^>]* name="(\w+)" type="text" value="([^"]*)"', form)
    )
    for name, body in re.findall(r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        values[name] = chosen[1] if chosen else ""
    for name, body in re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>\n?(.*?)</textarea>', form, re.S):
        values[name] = body
    for name, value in re.findall(r'type="checkbox"[^>]* name="(\w+)" value="([^"]*)" checked', form):
        values.setdefault(name, []).append(value)
    return values


async def mapped(browser: Any, page: str, step: str, **changes: Any) -> Any:
    values = form_of((await browser.get(page)).text) | changes | {"step": step}
    return await browser.submit(page, values)


async def cases() -> list[dict[str, Any]]:
    return await sql("SELECT * FROM core_case ORDER BY reference")


async def test_file_goes_from_upload_to_report(desk: Any, leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    html = (await leader.get(page)).text
    assert "No column gives the text" in html
    answer = await mapped(leader, page, "preview", narrative="What they wrote", external_id="Ref", received_at="Got it")
    assert answer.status_code == 303
    html = (await leader.get(page)).text
    assert "The fee was taken twice." in html
    assert "line 3" in html
    assert "is not a date, read day first" in html
    assert await cases() == []
    started = await mapped(leader, page, "start")
    run = started.headers["location"]
    assert "It starts in a moment." in (await leader.get(run)).text
    await desk.work()
    html = (await leader.get(run)).text
    assert "Every row of the file is accounted for." in html
    assert re.findall(r"<dd>(\d+)</dd>", html)[:4] == ["3", "1", "0", "2"]
    assert len(await cases()) == 1
    report = await leader.get(f"{run}/report.csv")
    rows = list(csv.DictReader(io.StringIO(report.text)))
    assert [(row["line"], row["outcome"]) for row in rows] == [("3", "rejected"), ("4", "rejected")]


async def test_cell_goes_into_the_field_of_the_case_type_that_is_named_alike(desk: Any, leader: Any) -> None:
    await sql("UPDATE core_case_type SET fields = {}", {"colour": {"type": "string", "allowed": ["red", "blue"]}})
    rows = b"Ref;What they wrote;Colour;Size\n1;Twice.;red;L\n2;Never.;green;M\n"
    page = (await upload(leader, rows)).headers["location"]
    run = (await mapped(leader, page, "start", narrative="What they wrote", external_id="Ref")).headers["location"]
    await desk.work()
    assert [case["fields"] for case in await cases()] == [{"colour": "red"}]
    assert "olour: unallowed value green" in (await leader.get(run)).text


async def test_uploaded_file_is_destroyed_when_its_import_ends(desk: Any, leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_narratives_20.csv").read_bytes())).headers["location"]
    kept = (await runs.newest())[0].file_id
    assert await sql("SELECT 1 FROM core_vault WHERE id = {}", kept)
    await mapped(leader, page, "start")
    await desk.work()
    assert len(await cases()) == 20
    assert not await sql("SELECT 1 FROM core_vault WHERE id = {}", kept)


async def test_cfpb_layout_is_recognised_and_filled_in(leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_2026_15_columns.csv").read_bytes())).headers["location"]
    html = (await leader.get(page)).text
    assert "CFPB export, 15 columns" in html
    assert form_of(html)["external_id"] == "Complaint ID"
    assert "Import 12 rows" in html


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (b"\xff\xfe\x00\x00" + b"\x07" * 60, "no"),
        (b'id,text\n1,"open for ever\n', "never ends"),
        (b"1,2\n3,4\n", "names no columns"),
    ],
)
async def test_file_that_cannot_be_read_is_refused_with_the_remedy(leader: Any, content: bytes, words: str) -> None:
    answer = await upload(leader, content)
    assert answer.status_code == 422
    assert words in answer.text
    assert await runs.newest() == []
    assert not await sql("SELECT 1 FROM core_vault WHERE subject = 'plugin/csv-import'")


async def test_form_without_a_file_is_told_to_bring_one(leader: Any) -> None:
    answer = await leader.submit(HOME, {}, files={"other": ("", b"", "text/csv")})
    assert answer.status_code == 422
    assert "Choose a CSV file" in answer.text


async def test_file_larger_than_core_takes_is_refused(desk: Any, leader: Any) -> None:
    answer = await upload(leader, b"id,text\n" + b"1,x\n" * (desk.config.limits.body_mb * 250_000 + 1000))
    assert answer.status_code == 413
    assert await runs.newest() == []


async def test_mapping_that_cannot_be_used_comes_back_with_what_was_chosen(leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    answer = await mapped(
        leader,
        page,
        "start",
        narrative="What they wrote",
        time_zone="Mars/Base",
        source="two\nlines",
        person_name="Gone",
    )
    assert answer.status_code == 422
    for words in ("is no time zone", "Name the source with letters", "has no column &#39;Gone&#39;"):
        assert words in answer.text
    assert form_of(answer.text)["narrative"] == "What they wrote"
    assert (await runs.newest())[0].state == "uploaded"


async def test_saved_mapping_serves_the_next_file(leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    await mapped(leader, page, "preview", narrative="What they wrote", external_id="Ref", keep_as="Shop <1>")
    second = (await upload(leader, FEES + b"4;;A new one;\n", "more.csv")).headers["location"]
    html = (await leader.get(second)).text
    assert "saved:Shop &lt;1&gt;" in html
    await mapped(leader, second, "use", use="saved:Shop <1>")
    assert form_of((await leader.get(second)).text)["narrative"] == "What they wrote"
    file = await leader.get(f"{second.removesuffix('/mapping')}/mapping.json")
    assert json.loads(file.text)["narrative"] == "What they wrote"


async def test_second_upload_of_a_finished_file_makes_duplicates_alone(desk: Any, leader: Any) -> None:
    content = (SAMPLES / "cfpb_narratives_20.csv").read_bytes()
    for _ in range(2):
        page = (await upload(leader, content)).headers["location"]
        run = (await mapped(leader, page, "start")).headers["location"]
        await desk.work()
    html = (await leader.get(run)).text
    assert re.findall(r"<dd>(\d+)</dd>", html)[:4] == ["20", "0", "20", "0"]
    assert f'href="/cases/{(await cases())[0]["reference"]}"' in html
    assert len(await cases()) == 20


async def test_stopped_import_goes_on_where_it_stopped(desk: Any, leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_narratives_20.csv").read_bytes())).headers["location"]
    run = (await mapped(leader, page, "start")).headers["location"]
    await leader.submit(f"{run}/stop", {}, page=run)
    await desk.work()
    html = (await leader.get(run)).text
    assert "20 rows of the file were not reached yet." in html
    assert await cases() == []
    await leader.submit(f"{run}/resume", {}, page=run)
    await desk.work()
    assert len(await cases()) == 20
    assert "Every row of the file is accounted for." in (await leader.get(run)).text


async def test_import_whose_work_failed_half_way_goes_on_by_itself(
    desk: Any, leader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"id,text\n" + b"".join(b"%d,Fee %d was taken twice\n" % (number, number) for number in range(130))
    page = (await upload(leader, content)).headers["location"]
    run = (await mapped(leader, page, "start")).headers["location"]
    filing, calls = intake.file, 0

    async def failing(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 70:
            raise ConnectionError("the database is away")
        return await filing(*given, **named)

    monkeypatch.setattr(intake, "file", failing)
    await desk.work(rounds=1)
    assert 50 <= len(await cases()) < 130
    assert "goes on by itself" in (await leader.get(run)).text
    monkeypatch.undo()
    await sql("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    await desk.work()
    assert len(await cases()) == 130
    assert re.findall(r"<dd>(\d+)</dd>", (await leader.get(run)).text)[:4] == ["130", "130", "0", "0"]


async def test_discarded_upload_leaves_nothing(leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    await leader.submit(page.replace("/mapping", "/discard"), {}, page=page)
    assert await runs.newest() == []
    assert not await sql("SELECT 1 FROM core_vault WHERE subject = 'plugin/csv-import'")
    assert (await leader.get(page)).status_code == 404


async def test_broken_off_command_is_shown_and_can_be_taken_up(desk: Any, leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_narratives_20.csv").read_bytes())).headers["location"]
    run = (await runs.newest())[0]
    await runs.change(run.id, state="running")
    html = (await leader.get(page, follow_redirects=True)).text
    assert "The import was broken off" in html
    await leader.submit(f"{HOME}/{run.id}/resume", {}, page=f"{HOME}/{run.id}")
    await desk.work()
    assert len(await cases()) == 20


async def test_progress_sends_the_browser_to_the_report_when_it_is_done(desk: Any, leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_narratives_20.csv").read_bytes())).headers["location"]
    run = (await mapped(leader, page, "start")).headers["location"]
    part = await leader.get(f"{run}/progress")
    assert 'hx-trigger="every 1s"' in part.text
    assert "<html" not in part.text
    await desk.work()
    assert (await leader.get(f"{run}/progress")).headers["hx-redirect"] == run


async def test_import_asks_for_its_permission(desk: Any, leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    run = page.removesuffix("/mapping")
    agent = await desk.signed_in("agent")
    stranger = desk.browser()
    for path in (HOME, page, run, f"{run}/progress", f"{run}/report.csv", f"{run}/mapping.json"):
        assert (await agent.get(path)).status_code == 403, path
        assert (await stranger.get(path)).status_code in {302, 303, 401}, path
    for path in (HOME, page, f"{run}/discard", f"{run}/stop", f"{run}/resume"):
        assert (await agent.submit(path, {}, page="/queues")).status_code == 403, path
        assert (await stranger.submit(path, {}, page="/sign-in")).status_code in {302, 303, 401}, path
        assert (await leader.http.post(path, data={"_csrf": "wrong"})).status_code == 403, path
    assert "Import</a>" not in (await agent.get("/queues")).text


async def test_import_waits_while_the_plugin_is_off(desk: Any, leader: Any) -> None:
    page = (await upload(leader, (SAMPLES / "cfpb_narratives_20.csv").read_bytes())).headers["location"]
    run = (await mapped(leader, page, "start")).headers["location"]
    await desk.disable("csv-import")
    assert (await leader.get(HOME)).status_code == 404
    await desk.work(rounds=1)
    assert await cases() == []
    await desk.enable("csv-import")
    await sql("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    await desk.work()
    assert len(await cases()) == 20
    assert "Every row" in (await leader.get(run)).text


async def test_unknown_import_is_not_found(leader: Any) -> None:
    for path in ("0193b6a1-0000-7000-8000-000000000000", "no-id"):
        assert (await leader.get(f"{HOME}/{path}")).status_code == 404


async def test_receipt_whose_case_was_not_opened_is_replayed_by_core(desk: Any, leader: Any) -> None:
    page = (await upload(leader, FEES)).headers["location"]
    await mapped(leader, page, "start", narrative="What they wrote", external_id="Ref")
    await desk.work()
    raw_id = (await sql("SELECT id FROM core_raw WHERE channel = 'import' ORDER BY received_at LIMIT 1"))[0]["id"]
    raw, _, principal = await intake.load_raw(raw_id)
    assert principal == "plugin/csv-import"
    complaint = ImportChannel().parse(raw)
    told = await sql(f"SELECT title FROM core_case WHERE id = (SELECT case_id FROM core_raw WHERE id = '{raw_id}')")
    assert complaint.matters[0].text == told[0]["title"]
    assert complaint.documents[0].data == b"Imported from: fees\nId there: 1\nGot it: 05.01.2026\nColour: red\n"
    with pytest.raises(Permanent, match="Import its file anew"):
        ImportChannel().parse(RawReceipt(channel="import", key="k", content_type="application/json", body=b"{"))


async def test_tables_go_and_come_back_with_the_migration(desk: Any) -> None:
    await desk.enable("csv-import")
    await desk.uninstall("csv-import")
    left = await db.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'csv_import%'")
    assert left == []
    await desk.enable("csv-import")
    assert await runs.newest() == []


async def test_files_that_wait_and_names_of_files_are_found_by_whose_they_are(desk: Any, leader: Any) -> None:
    from ombud.desk.platform import context_in
    from ombud.trust.policy import SYSTEM
    from ombud_csv_import import waiting
    from ombud_plugin_api import PersonSought

    content = b"Ref;E-mail;What they wrote\n1;ann@example.org;The fee.\n2;igor@example.org;The card.\n"
    page = (await upload(leader, content, "Ann_Nowak.csv")).headers["location"]
    context, ann = await context_in("csv-import", SYSTEM), PersonSought("1", "Ann Nowak", ("Ann@example.org",))
    named, waits = await waiting.collect(ann, context)
    assert named["file"] == "Ann_Nowak.csv"
    assert waits["lines"] == ["1;ann@example.org;The fee."]
    assert await waiting.collect(PersonSought("2", "Ann"), context) == []
    with pytest.raises(Permanent, match="Import or discard it"):
        await waiting.erase(ann, context)
    await mapped(leader, page, "start", narrative="What they wrote")
    await desk.work()
    assert await waiting.erase(ann, context) == 1
    assert await waiting.collect(ann, context) == []
