"""Saved views: one's own, shared ones, their filters, where the desk opens, and what others may not see of them."""

import re
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import views
from ombud.desk.case_list import CaseFilters
from ombud.desk.errors import Invalid, NotFound
from ombud.kernel.database import db
from ombud.kernel.ids import new_id

FILTERS = "status=&due=&priority=urgent&owner=&order=newest"


async def saved(browser: Any, name: str, query: str = FILTERS, **more: str) -> str:
    """Saves a view by its form and returns the code in its address."""
    page = f"/views/new?list=all&{query}"
    text = (await browser.get(page)).text
    filters = re.search(r'name="filters" value="([^"]+)"', text).group(1).replace("&amp;", "&")
    answer = await browser.submit("/views", {"name": name, "filters": filters, **more}, page=page)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].rsplit("/", 1)[1])


async def unit_id() -> str:
    return str(await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL"))


async def test_the_filters_of_a_list_become_a_view_beside_it_that_shows_the_same(desk):
    agent = await desk.signed_in("agent")
    urgent, plain = await desk.file("Urgent."), await desk.file("Plain.")
    await db.execute("UPDATE core_case SET priority = 'urgent' WHERE id = $1", urgent.case_id)
    form = (await agent.get(f"/views/new?list=all&{FILTERS}")).text
    assert "Priority: urgent" in form
    code = await saved(agent, "Urgent ones")
    text = (await agent.get(f"/queues/{code}")).text
    assert urgent.reference in text
    assert plain.reference not in text
    assert "<h1>Urgent ones</h1>" in text
    assert 'aria-sort="ascending"' not in text  # the newest first: the clock does not order
    beside = (await agent.get("/queues/all")).text
    assert f'href="/queues/{code}"' in beside
    assert "My views" in beside
    wider = await agent.get(f"/queues/{code}?priority=&status=")
    assert plain.reference in wider.text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("channel=phone", ["phone"]),
        ("received_from=2026-02-01&received_to=2026-02-28", ["february"]),
        ("unit=second", ["second"]),
        ("q=pension", ["pension"]),
        ("owner=me", []),
    ],
)
async def test_every_filter_narrows_the_list_and_is_kept(desk, query, shown):
    agent = await desk.signed_in("agent")
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) SELECT $1, id, 'team', 'second', 'Second', 'UTC', 'EUR', '', 'en', '', now(), 1 "
        "FROM core_unit LIMIT 1",
        new_id(),
    )
    filed = {
        "phone": await desk.file("A call.", channel="phone"),
        "february": await desk.file("In winter."),
        "second": await desk.file("Elsewhere."),
        "pension": await desk.file("My pension."),
    }
    await db.execute("UPDATE core_case SET received_on = '2026-02-14' WHERE id = $1", filed["february"].case_id)
    await db.execute(
        "UPDATE core_case SET unit_id = (SELECT id FROM core_unit WHERE key = 'second') WHERE id = $1",
        filed["second"].case_id,
    )
    code = await saved(agent, "Narrow", query)
    text = (await agent.get(f"/queues/{code}")).text
    for name, one in filed.items():
        assert (one.reference in text) == (name in shown), name


async def test_a_filter_that_means_nothing_is_refused_in_words(desk):
    agent = await desk.signed_in("agent")
    for query in ("received_from=yesterday", "received_to=9999-12-31", "order=loudest", "owner=bob"):
        answer = await agent.get(f"/queues/all?{query}")
        assert answer.status_code == 422, query
    answer = await agent.submit("/views", {"name": "Odd", "filters": "status=asleep"}, page="/views/new")
    assert answer.status_code == 422
    empty = await agent.submit("/views", {"name": " ", "filters": "status=open"}, page="/views/new")
    assert empty.status_code == 422
    assert "Status: not closed" in empty.text  # what was chosen is still there


async def test_a_personal_view_is_nobody_elses_by_any_path(desk):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    code = await saved(agent, "Between us")
    identity = code.removeprefix("view-")
    assert "Between us" not in (await leader.get("/queues/all")).text
    assert "Between us" not in (await leader.get("/views")).text
    assert "Between us" not in (await leader.get("/palette")).text
    assert (await leader.get(f"/queues/{code}")).status_code == 404
    assert (await leader.get(f"/views/{identity}")).status_code == 404
    for step in ("delete", "up", "restore"):
        assert (await leader.submit(f"/views/{identity}/{step}", {}, page="/views")).status_code == 404
    assert (
        await leader.submit(f"/views/{identity}", {"name": "Mine", "version": "1"}, page="/views")
    ).status_code == 404
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream LIKE 'view/%'") == 0


async def test_a_leader_shares_a_view_with_the_unit_and_the_ledger_holds_it_without_words(desk):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    code = await saved(leader, "Late letters of Mrs Marsh", "due=late&q=Marsh", unit=await unit_id())
    assert "Late letters of Mrs Marsh" in (await agent.get("/queues/all")).text
    assert (await agent.get(f"/queues/{code}")).status_code == 200
    identity = code.removeprefix("view-")
    refused = await agent.submit(f"/views/{identity}/delete", {}, page="/views")
    assert refused.status_code == 403
    assert "Whoever may share views with its unit can change it" in refused.text
    row = await db.fetchrow(
        "SELECT kind, body::text AS body FROM core_ledger_entry WHERE stream = $1", f"view/{identity}"
    )
    assert row["kind"] == "view.shared"
    assert "Marsh" not in row["body"]
    assert '"due": "late"' in row["body"]


async def test_an_agent_shares_nothing_and_a_unit_elsewhere_sees_nothing(desk):
    agent = await desk.viewer("agent")
    unit = UUID(await unit_id())
    with pytest.raises(Invalid):
        await views.save(agent, "For all", CaseFilters(), unit)
    await db.execute(
        "INSERT INTO core_unit (id, kind, key, name, time_zone, currency, country, language, phone, created_at, "
        "version) VALUES ($1, 'entity', 'other', 'Other', 'UTC', 'EUR', '', 'en', '', now(), 1)",
        new_id(),
    )
    await desk.user("zofia", "agent", unit="other")
    zofia = await desk.viewer("zofia")
    shared = await views.save(await desk.viewer("leader"), "Ours", CaseFilters(), unit)
    with pytest.raises(NotFound):
        await views.find(zofia, shared)
    assert (await views.find(agent, shared)).name == "Ours"


async def test_a_view_is_renamed_filled_anew_put_in_order_deleted_and_brought_back(desk, send):
    agent = await desk.signed_in("agent")
    first, second = await saved(agent, "One"), await saved(agent, "Two")
    identity = second.removeprefix("view-")
    await send(agent, f"/views/{identity}", f"/views/{identity}", name="Number two")
    text = (await agent.get("/views")).text
    assert text.index("One") < text.index("Number two")
    await agent.submit(f"/views/{identity}/up", {}, page="/views")
    text = (await agent.get("/views")).text
    assert text.index("Number two") < text.index(">One<")
    stale = await agent.submit(f"/views/{identity}", {"name": "Late", "version": "1"}, page="/views")
    assert stale.status_code == 409
    page = f"/views/new?list={second}&due=late"
    await send(agent, page, f"/views/{identity}")
    assert "Clock: late" in (await agent.get(f"/views/{identity}")).text
    gone = await agent.submit(f"/views/{identity}/delete", {}, page="/views", follow=True)
    assert f'action="/views/{identity}/restore"' in gone.text  # the toast takes it back
    assert (await agent.get(f"/queues/{second}")).status_code == 404
    await agent.submit(f"/views/{identity}/restore", {}, page="/views")
    assert (await agent.get(f"/queues/{second}")).status_code == 200
    assert first != second


async def test_the_desk_opens_with_the_view_one_chose_and_as_usual_once_that_is_gone(desk):
    agent = await desk.signed_in("agent")
    code = await saved(agent, "Start here", landing="on")
    assert (await agent.get("/queues")).headers["location"] == f"/queues/{code}"
    await agent.submit(f"/views/{code.removeprefix('view-')}/delete", {}, page="/views")
    assert (await agent.get("/queues")).headers["location"] == "/queues/new-complaints"
    await agent.submit("/views/landing", {"landing": "late"}, page="/views")
    assert (await agent.get("/queues")).headers["location"] == "/queues/late"
    assert (await agent.submit("/views/landing", {"landing": "no-such"}, page="/views")).status_code == 404


async def test_an_empty_list_says_why_and_what_to_do(desk):
    agent = await desk.signed_in("agent")
    assert "No complaint has come in yet" in (await agent.get("/queues/all")).text
    filed = await desk.file()
    assert "You own no open case" in (await agent.get("/queues/mine")).text
    hidden = (await agent.get("/queues/all?priority=urgent")).text
    assert "The filters leave nothing" in hidden
    assert "Show it without my filters" in hidden
    await db.execute("UPDATE core_case SET owner_id = (SELECT id FROM core_user WHERE name = 'agent')")
    assert "Nothing waits here" in (await agent.get("/queues/nobody")).text
    assert filed.reference in (await agent.get("/queues/mine")).text


async def test_pages_with_many_views_take_no_more_statements(desk):
    agent = await desk.signed_in("agent")
    await desk.file()
    code = await saved(agent, "First")
    await agent.get(f"/queues/{code}")
    with db.counting() as few:
        await agent.get(f"/queues/{code}")
    for number in range(12):
        await views.save(await desk.viewer("agent"), f"View {number}", CaseFilters(due="late"))
    with db.counting() as many:
        await agent.get(f"/queues/{code}")
    assert many.statements == few.statements <= 6
