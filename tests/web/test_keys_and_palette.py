"""One's own keys, and what the server tells the palette."""

import re

from ombud.kernel.database import db
from ombud.web import keys


async def test_a_key_is_chosen_stands_on_the_sheet_of_every_page_and_goes_back(desk, send):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    assert 'data-binding="decide" data-bound="d"' in (await agent.get("/queues/all")).text
    await send(agent, "/me/keys", "/me/keys", decide="Y")
    for path in ("/queues/all", f"/cases/{filed.reference}", "/me/keys"):
        assert 'data-binding="decide" data-bound="y"' in (await agent.get(path)).text
    assert await db.fetchval("SELECT keys FROM core_user WHERE name = 'agent'") == {"decide": "y"}
    other = await desk.signed_in("leader")
    assert 'data-binding="decide" data-bound="d"' in (await other.get("/queues/all")).text
    await agent.submit("/me/keys", {"step": "reset"})
    assert 'data-binding="decide" data-bound="d"' in (await agent.get("/queues/all")).text


async def test_two_actions_of_one_page_share_no_key_and_what_was_typed_stays(desk, send):
    agent = await desk.signed_in("agent")
    clash = await send(agent, "/me/keys", "/me/keys", decide="r", close="!")
    assert clash.status_code == 422
    assert "is the key of “" in clash.text
    assert re.search(r'name="close" value="!"', clash.text)
    assert await db.fetchval("SELECT keys FROM core_user WHERE name = 'agent'") == {}
    for wrong in ("ab", "\t", "enter"):
        assert (await send(agent, "/me/keys", "/me/keys", decide=wrong)).status_code in {422, 303}
    assert await db.fetchval("SELECT keys FROM core_user WHERE name = 'agent'") == {}


def test_keys_of_pages_that_never_meet_may_be_the_same():
    assert keys.checked({"note": "n", "show_new": "n"}) == {}
    assert keys.checked({"next": "d"}) == {"next": "d"}  # lists and cases are different pages


def test_the_usual_keys_clash_nowhere():
    assert keys.checked({}) == {}


async def test_the_palette_knows_the_places_of_its_reader_and_no_others(desk):
    agent, administrator = await desk.signed_in("agent"), await desk.signed_in("administrator")
    mine = {each["label"]: each["href"] for each in (await agent.get("/palette")).json()["items"]}
    assert mine["New complaints"] == "/queues/new-complaints"
    assert mine["New case"] == "/cases/new"
    assert mine["Keys"] == "/me/keys"
    assert "Plugins" not in mine
    theirs = {each["label"]: each["href"] for each in (await administrator.get("/palette")).json()["items"]}
    assert theirs["Plugins"] == "/plugins"
    assert "New complaints" not in theirs
    assert (await desk.browser().get("/palette")).status_code == 303


async def test_the_last_change_is_offered_for_undo_until_it_is_undone(desk):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file()
    case = f"/cases/{filed.reference}"
    await agent.submit(f"{case}/take", {}, page=case)

    async def offered(browser):
        return [each["post"] for each in (await browser.get("/palette")).json()["items"] if "post" in each]

    (post,) = await offered(agent)
    assert await offered(leader) == []
    await agent.submit(post, {}, page=case)
    assert await offered(agent) == []
    assert await db.fetchval("SELECT owner_id FROM core_case") is None


async def test_a_case_tells_the_palette_what_cannot_be_done_now_and_why(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    text = (await agent.get(f"/cases/{filed.reference}")).text
    found = dict(re.findall(r'<li data-palette="([^"]+)" data-reason="([^"]+)"', text))
    assert "One aspect has no outcome yet" in found["Close the case"]
    assert "Your roles do not allow this" in found["Give the case to somebody"]
    assert "Take the case" not in found
