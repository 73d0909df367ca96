"""Queues in the administration: what they take, their order, and what a change would mean."""

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

HOME = "/administration/queues"


async def _id(key):
    return await db.fetchval("SELECT id FROM core_queue WHERE key = $1", key)


async def test_a_queue_shows_what_it_would_take_and_then_takes_it(desk, send):
    administrator = await desk.signed_in("administrator")
    await desk.file(channel="letter"), await desk.file(channel="api")
    path = f"{HOME}/new"
    given = {"key": "letters", "name": "Letters", "where": "desk", "channel": ["letter"]}
    seen = await send(administrator, path, path, step="preview", **given)
    assert "1 open case would be here" in seen.text
    assert "1 complaint of the last 30 days would have come here" in seen.text
    assert await db.fetchval("SELECT count(*) FROM core_queue") == 1
    assert "Choose whose cases it takes." in (await send(administrator, path, path, **{**given, "where": ""})).text
    assert (await send(administrator, path, path, **given)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE queue_id = $1", await _id("letters")) == 0
    filed = await desk.file(channel="letter")
    assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) == await _id("letters")
    listed = (await administrator.get(HOME)).text
    assert "Channel: Letter" in listed
    assert listed.index("Letters") < listed.index("New complaints")
    assert (await (await desk.signed_in("leader")).get(HOME)).status_code == 403


async def test_the_order_decides_and_is_changed_by_one_place(desk, send):
    administrator = await desk.signed_in("administrator")
    path = f"{HOME}/new"
    await send(administrator, path, path, key="letters", name="Letters", where="desk", channel=["letter"])
    letters = await _id("letters")
    assert (await send(administrator, HOME, f"{HOME}/{letters}/down")).status_code == 303
    filed = await desk.file(channel="letter")
    assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) == await _id(
        "new-complaints"
    )
    assert (await administrator.submit(f"{HOME}/{letters}/sideways", {}, page=HOME)).status_code == 404


async def test_a_queue_out_of_use_hands_its_open_cases_on(desk, send, forms):
    administrator = await desk.signed_in("administrator")
    filed = await desk.file()
    path = f"{HOME}/new"
    await send(administrator, path, path, key="other", name="Other", where="desk", channel=["letter"])
    page = f"{HOME}/{await _id('new-complaints')}"
    form = {key: each for key, each in forms((await administrator.get(page)).text).of(page).items() if key != "active"}
    refused = await administrator.http.post(page, data=form)
    assert refused.status_code == 422
    assert "One open case waits here. Choose the queue it goes to." in refused.text
    assert (await administrator.http.post(page, data={**form, "move_to": str(await _id("other"))})).status_code == 303
    assert await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id) == await _id("other")
    stale = await administrator.http.post(page, data={**form, "name": "Late", "active": "on"})
    assert stale.status_code == 409
    assert "Late" in stale.text


async def test_a_severity_written_as_a_smallest_value_is_drawn_and_kept(desk, send):
    administrator = await desk.signed_in("administrator")
    await db.execute('UPDATE core_queue SET condition = \'{"severity": {"min": 3}, "category": ["own"]}\'')
    page = f"{HOME}/{await _id('new-complaints')}"
    assert (await send(administrator, page, page, name="Grave")).status_code == 303
    kept = await db.fetchval("SELECT condition FROM core_queue")
    assert kept == {"severity": [3, 4], "category": ["own"]}


async def test_who_manages_one_unit_makes_queues_there_alone(desk):
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    cards = await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    await desk.user("local", "administrator", unit="cards")
    local = await desk.signed_in("local")
    wide = await local.submit(f"{HOME}/new", {"key": "all", "name": "All", "where": "desk", "active": "on"})
    assert wide.status_code == 403
    assert "only an administrator of the whole desk" in wide.text
    beside = await local.submit(f"{HOME}/new", {"key": "all", "name": "All", "where": str(main), "active": "on"})
    assert beside.status_code == 403
    own = await local.submit(f"{HOME}/new", {"key": "cards", "name": "Cards", "where": str(cards), "active": "on"})
    assert own.status_code == 303
    shared = f"{HOME}/{await _id('new-complaints')}"
    data = {"name": "Mine", "where": str(cards), "active": "on", "version": "1"}
    assert (await local.submit(shared, data, page=f"{HOME}/new")).status_code == 403
