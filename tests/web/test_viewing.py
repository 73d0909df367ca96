"""The record of who looked at a case: what is written, by whom it is read, how it ends; and what a page pays for it."""

import csv
import io
import re
from datetime import timedelta

from litestar.routes import HTTPRoute

from ombud.desk import aspects, cases
from ombud.desk.viewing import record
from ombud.kernel.clock import at, now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud.trust.viewing import AGAIN, held
from ombud.web.guard import handlers_of
from ombud.web.viewed import PARTS, VIEWED
from ombud_plugin_api.facts import Document

# Routes that answer something of cases and are not written down, and why.
LISTS = "a list: that a case stands in it is no look at the case"
APART = {
    "/cases/new": "no case yet",
    "/api/v1/cases": LISTS, "/api/v1/search": LISTS, "/api/v1/redress/waiting": LISTS,
    "/live/cases/{reference}": "a part of a page that is open, asked for by the page",
    "/live/cases/{reference}/timeline": "a part of a page that is open, asked for by the page",
    "/bulk/{bulk_id}": LISTS, "/bulk/{bulk_id}/result.csv": LISTS,
    "/inbox/samples/{sample_id}": LISTS,
    "/inbox/{message_id}/case": "what came in and belongs to no case yet",
    "/intake/{raw_id}/raw": "what came in and belongs to no case yet; the ledger holds each look",
    "/parties/{person_id}": LISTS, "/parties/{person_id}/crm/{key}": "of a person, not of a case",
    "/returns/{return_id}/figures": LISTS,
}  # fmt: skip
SHOWS = ("reference", "aspect_id", "message_id", "attachment_id", "raw_id", "person_id", "sample_id", "bulk_id")


async def _lines() -> list[dict]:
    await held.write()
    return [
        dict(row)
        for row in await db.fetch(
            "SELECT v.part, v.actor, v.times, v.emergency, v.first_at, v.last_at, w.name FROM core_viewing v "
            "JOIN core_user w ON w.id = v.user_id ORDER BY v.part, v.actor, v.first_at"
        )
    ]


def test_every_route_that_could_show_a_case_is_judged(desk):
    unjudged, paths = [], set()
    for route in desk.app.routes:
        if not isinstance(route, HTTPRoute) or not any("GET" in each.http_methods for each in handlers_of(route)):
            continue
        path = re.sub(r":\w+}", "}", route.path)
        paths.add(path)
        if any(f"{{{name}}}" in path for name in SHOWS) and path not in VIEWED and path not in APART:
            unjudged.append(path)
    assert sorted(unjudged) == []
    assert sorted({*VIEWED, *APART} - paths) == []
    assert sorted(set(VIEWED) & set(APART)) == []
    assert set(VIEWED.values()) <= set(PARTS)


async def test_opening_a_case_is_one_line_for_as_long_as_somebody_comes_back(desk):
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    began = now()
    for minutes in (0, 5, 14):
        with at(began + timedelta(minutes=minutes)):
            await agent.get(f"/cases/{filed.reference}")
            await held.write()
    (line,) = await _lines()
    assert (line["part"], line["times"], line["name"], line["emergency"]) == ("case", 3, "agent", False)
    assert line["last_at"] - line["first_at"] >= timedelta(minutes=14)
    parts = {"hx-request": "true", "hx-target": "timeline"}  # what the open page fetches is no further look
    with at(line["last_at"] + timedelta(minutes=1)):
        await agent.http.get(f"/cases/{filed.reference}", headers=parts)
    assert [each["times"] for each in await _lines()] == [3]
    (line,) = await _lines()
    with at(line["last_at"] + AGAIN + timedelta(seconds=1)):
        await agent.get(f"/cases/{filed.reference}")
        await held.write()
    assert [each["times"] for each in await _lines()] == [3, 1]


async def test_each_part_is_named_and_a_token_is_told_from_the_browser(desk):
    filed = await desk.file(documents=(Document(name="a.txt", content_type="text/plain", data=b"words"),))
    agent, api, officer = await desk.signed_in("agent"), await desk.api("agent"), await desk.signed_in("compliance")
    aspect, file = await db.fetchval("SELECT id FROM core_aspect"), await db.fetchval("SELECT id FROM core_attachment")
    for path in ("", f"/aspects/{aspect}", "/clocks", "/access"):
        assert (await agent.get(f"/cases/{filed.reference}{path}")).status_code == 200, path
    assert (await agent.get(f"/files/{file}")).status_code == 200
    for path in ("", "/messages"):
        assert (await api.get(f"/api/v1/cases/{filed.reference}{path}")).status_code == 200
    for path in ("/history", "/as-of"):
        assert (await officer.get(f"/cases/{filed.reference}{path}")).status_code == 200
    seen = {(each["part"], each["actor"].partition("/")[0]) for each in await _lines()}
    assert seen == {
        ("case", "user"), ("aspect", "user"), ("clocks", "user"), ("reasons", "user"), ("file", "user"),
        ("case", "token"), ("messages", "token"), ("trail", "user"), ("past", "user"),
    }  # fmt: skip


PAGE = """
from litestar import get

import ombud_plugin_api as api
from ombud_plugin_api.hooks import hookimpl


@get("/of/{reference:str}", opt={"permission": "case.read"})
async def of(reference: str, platform: api.Platform) -> str:
    return (await platform.case(reference)).title


@hookimpl
def provide_pages(manifest: api.Manifest) -> list:
    return [of]
"""


async def test_a_page_of_a_plugin_about_a_case_is_written_down_with_the_plugin(desk, made):
    made.plugin = PAGE
    made.write()
    await desk.enable("made-up")
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    assert (await agent.get(f"/p/made-up/of/{filed.reference}")).status_code == 200
    assert [each["part"] for each in await _lines()] == ["plugin/made-up"]


async def test_lists_refusals_and_customers_leave_no_line(desk):
    filed = await desk.file("The fee was taken twice.")
    await cases.set_confidential(SYSTEM, filed.case_id, True, None)
    agent, stranger = await desk.signed_in("agent"), desk.browser()
    for path in ("/queues/all", "/search?q=fee", "/palette", f"/cases/{filed.reference}", "/cases/OMB-0-0"):
        await agent.get(path)
    await stranger.get(filed.track_url)
    await stranger.get(f"/cases/{filed.reference}")
    assert await _lines() == []


async def test_the_page_of_a_case_pays_nothing_for_its_line(desk):
    await held.stop()  # nothing writes meanwhile
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    await agent.get(f"/cases/{filed.reference}")
    with db.counting() as first:
        await agent.get(f"/cases/{filed.reference}")
    assert first.statements <= 12
    assert len(held) == 1
    with db.counting() as writing:
        assert await held.write() == 1
    assert writing.statements <= 4
    assert await held.write() == 0


async def test_what_cannot_be_written_is_kept_and_written_with_the_next(desk, monkeypatch):
    await held.stop()
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    await agent.get(f"/cases/{filed.reference}")

    def away(*_args, **_more):
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(db, "transaction", away)
        try:
            await held.write()
        except OSError:
            pass
        else:
            raise AssertionError("it should have failed")
    await agent.get(f"/cases/{filed.reference}")
    assert [each["times"] for each in await _lines()] == [2]


async def test_a_process_that_stops_in_order_loses_nothing(desk):
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    await agent.get(f"/cases/{filed.reference}")
    await held.stop()
    assert await db.fetchval("SELECT count(*) FROM core_viewing") == 1


async def test_only_compliance_reads_the_record_and_each_reading_is_in_the_ledger(desk):
    filed = await desk.file()
    agent, officer = await desk.signed_in("agent"), await desk.signed_in("compliance")
    await agent.get(f"/cases/{filed.reference}")
    agent_id = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    paths = (f"/cases/{filed.reference}/viewers", f"/cases/{filed.reference}/viewers.csv", "/administration/viewing",
             f"/administration/viewing?person={agent_id}", "/administration/viewing/views.csv")  # fmt: skip
    for role in ("agent", "leader", "quality", "administrator"):
        browser = await desk.signed_in(role)
        for path in paths:
            assert (await browser.get(path)).status_code == 403, f"{role} {path}"
    for path in paths:
        answer = await officer.get(path)
        assert answer.status_code == 200
        assert "Agent" in answer.text, path
    kinds = [row["kind"] for row in await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = 'desk/viewing' "
                                                   "ORDER BY seq")]  # fmt: skip
    assert kinds == ["viewing.read", "viewing.taken", "viewing.read", "viewing.read", "viewing.taken"]
    officers = [each for each in await _lines() if each["name"] == "compliance"]
    assert [each["part"] for each in officers] == ["viewers"]


async def test_what_a_person_looked_at_between_two_days(desk):
    one, other = await desk.file("One."), await desk.file("Other.")
    agent, officer = await desk.signed_in("agent"), await desk.signed_in("compliance")
    with at(now() - timedelta(days=10)):
        await agent.get(f"/cases/{one.reference}")  # the session of today is older than this moment; it holds
    await agent.get(f"/cases/{other.reference}")
    await held.write()
    agent_id = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    day = (now() - timedelta(days=5)).date()
    late = await officer.get("/administration/viewing", params={"person": str(agent_id), "since": day.isoformat()})
    assert other.reference in late.text
    assert one.reference not in late.text
    early = await officer.get("/administration/viewing", params={"until": day.isoformat()})
    assert one.reference in early.text
    assert other.reference not in early.text
    rows = list(csv.reader(io.StringIO((await officer.get("/administration/viewing/views.csv")).text.lstrip("\ufeff"))))
    assert rows[0] == list(record.COLUMNS)
    assert {row[5] for row in rows[1:]} == {one.reference, other.reference}
    for wrong in ({"since": "yesterday"}, {"person": "x"}, {"since": "2026-02-02", "until": "2026-01-01"}):
        assert (await officer.get("/administration/viewing", params=wrong)).status_code == 422


async def test_the_record_is_read_page_by_page(desk):
    filed = await desk.file()
    officer = await desk.viewer("compliance")
    user_id, began = officer.user_id, now()
    for n in range(7):
        moment = began - timedelta(hours=n // 2)  # some at the same moment
        await db.execute(
            "INSERT INTO core_viewing (id, case_id, user_id, actor, part, emergency, first_at, last_at, times) "
            "VALUES (gen_random_uuid(), $1, $2, $3, 'case', FALSE, $4, $4, 1)",
            filed.case_id, user_id, officer.actor, moment,
        )  # fmt: skip
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        lines, cursor = await record.lines(officer, record.Sought(), cursor, 3)
        found += [each.id for each in lines]
        pages += 1
    assert (len(found), len(set(found)), pages) == (7, 7, 3)


async def test_nobody_reads_who_looked_at_a_case_that_is_about_them(desk):
    filed = await desk.file("He shouted.", "A fee.")
    officer, agent = await desk.viewer("compliance"), await desk.signed_in("agent")
    aspect = await db.fetchval("SELECT id FROM core_aspect ORDER BY position LIMIT 1")
    await agent.get(f"/cases/{filed.reference}")
    browser = await desk.signed_in("compliance")
    assert (await browser.get(f"/cases/{filed.reference}/viewers")).status_code == 200
    await aspects.concern(SYSTEM, aspect, officer.user_id)
    assert (await browser.get(f"/cases/{filed.reference}/viewers")).status_code == 404
    answer = await browser.get("/administration/viewing")
    assert answer.status_code == 200
    assert filed.reference not in answer.text


async def test_the_record_ends_with_its_months(desk):
    filed = await desk.file()
    agent = await desk.signed_in("agent")
    for days in (800, 700):
        with at(now() - timedelta(days=days)):
            await agent.get(f"/cases/{filed.reference}")
            await held.write()
    assert len(await _lines()) == 2
    await record.sweep({}, None)
    (line,) = await _lines()
    assert now() - line["last_at"] < timedelta(days=731)
