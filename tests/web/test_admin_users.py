"""Users in the administration: added, given roles, shut out; never more rights than the giver holds."""

import pytest

from ombud.desk import staff
from ombud.desk.administration import leaving
from ombud.desk.administration import units as unit_setup
from ombud.desk.errors import NotAllowed
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud.trust.viewers import viewer_of_user


async def _main():
    return await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")


async def _unit(key, below=None):
    return await unit_setup.add(SYSTEM, key, below or await _main(), {"name": key.capitalize()})


async def _id(name):
    return await db.fetchval("SELECT id FROM core_user WHERE name = $1", name)


async def _kinds(stream):
    rows = await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = $1 ORDER BY seq", stream)
    return [row["kind"] for row in rows]


async def test_a_user_is_added_with_a_role_and_signs_in(desk, send):
    administrator = await desk.signed_in("administrator")
    main = str(await _main())
    weak = await send(administrator, "/users/new", "/users/new", name="ola", password="short", unit=main)
    assert weak.status_code == 422
    assert 'value="ola"' in weak.text
    assert "short" not in weak.text.split('id="password"')[1][:80]
    bare = await send(administrator, "/users/new", "/users/new", name="iga", role="agent", unit=main, follow=True)
    assert "Make an invitation" in bare.text
    assert "No password yet" in (await administrator.get("/users", params={"q": "iga"})).text
    nowhere = await send(administrator, "/users/new", "/users/new", name="ola", password="correct horse battery")
    assert "Choose the unit the person works in." in nowhere.text
    done = await send(administrator, "/users/new", "/users/new", name="Ola", display_name="Ola Bąk", email="o@x.test",
                      password="correct horse battery", role="agent", unit=main, follow=True)  # fmt: skip
    assert "Ola Bąk" in done.text
    assert "added this user" in done.text
    again = await send(administrator, "/users/new", "/users/new", name="ola", password="correct horse battery",
                       unit=main)  # fmt: skip
    assert "somebody is called ola already" in again.text.lower()
    browser = desk.browser()
    assert (await browser.submit("/sign-in", {"login": "ola", "password": "correct horse battery"})).status_code == 303
    assert (await browser.get("/users")).status_code == 403


async def test_the_list_is_filtered_and_goes_on_in_pages(desk):
    administrator = await desk.signed_in("administrator")
    for n in range(55):
        await desk.user(f"person{n:02}", "agent")
    first = (await administrator.get("/users")).text
    assert "person10" in first
    assert "person54" not in first
    following = first.split('rows__more"><a class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "person54" in (await administrator.get(following)).text
    found = (await administrator.get("/users", params={"q": "son07"})).text
    assert "person07" in found
    assert "person08" not in found
    none = (await administrator.get("/users", params={"q": "nobody at all"})).text
    assert "Nobody fits" in none
    assert (await administrator.get("/users", params={"q": "a\0b"})).status_code == 200
    assert (await administrator.get("/users", params={"after": "rubbish"})).status_code == 422


async def test_details_change_with_before_and_after_and_a_second_change_shows_both(desk, forms):
    one, two = await desk.signed_in("administrator"), await desk.signed_in("administrator")
    user = await desk.user("agent")
    path = f"/users/{user}"
    mine, theirs = [forms((await each.get(path)).text).of(path) for each in (one, two)]
    assert (await two.http.post(path, data={**theirs, "display_name": "Anna Nowak"})).status_code == 303
    clash = await one.http.post(path, data={**mine, "display_name": "Anna Lis"})
    assert clash.status_code == 409
    assert "Anna Nowak" in clash.text
    again = forms(clash.text).of(path)
    assert again["display_name"] == "Anna Lis"
    assert (await one.http.post(path, data=again)).status_code == 303
    shown = (await one.get(path)).text
    assert "changed: display name" in shown.lower()
    assert "Anna Nowak" in shown
    wrong = await one.http.post(path, data={**again, "version": "9", "email": "no address"})
    assert wrong.status_code in {409, 422}


async def test_a_role_is_given_and_taken_and_the_last_administrator_stays(desk, send):
    await db.execute("DELETE FROM core_user_role WHERE user_id = (SELECT id FROM core_user WHERE name = 'admin')")
    administrator = await desk.signed_in("administrator")
    user, main = await desk.user("agent"), str(await _main())
    path = f"/users/{user}"
    given = await send(administrator, path, f"{path}/roles", role="leader", unit=main, follow=True)
    assert "gave the role Team leader" in given.text
    taken = await administrator.submit(f"{path}/roles/take", {"role": "leader", "unit": main}, page=path, follow=True)
    assert "took the role Team leader" in taken.text
    unknown = await administrator.submit(f"{path}/roles", {"role": "king", "unit": main}, page=path)
    assert unknown.status_code == 422
    me = f"/users/{await _id('administrator')}"
    last = await administrator.submit(f"{me}/roles/take", {"role": "administrator", "unit": main}, page=me)
    assert last.status_code == 409
    assert "last person who can manage users" in last.text
    out = await send(administrator, f"{me}/leave", f"{me}/leave")
    assert out.status_code == 409
    assert await db.fetchval("SELECT active FROM core_user WHERE name = 'administrator'")


async def test_an_administrator_below_does_not_count_as_the_last_of_the_whole_desk(desk):
    cards = await _unit("cards")
    below = await desk.user("below", "administrator", unit="cards")
    top = await desk.viewer("administrator")
    await db.execute("DELETE FROM core_user_role WHERE user_id = (SELECT id FROM core_user WHERE name = 'admin')")
    with pytest.raises(Exception, match="last person who can manage users of the whole desk"):
        await staff.take(top, top.user_id, "administrator", await _main())
    await staff.take(top, below, "administrator", cards)


async def test_who_administers_one_unit_stays_there_and_gives_no_more_than_they_hold(desk):
    cards, loans = await _unit("cards"), await _unit("loans")
    local = await viewer_of_user(await desk.user("local", "administrator", "agent", unit="cards"))
    inside = await desk.user("inside", "agent", unit="cards")
    outside = await desk.user("outside", "agent", unit="loans")
    await staff.give(local, inside, "administrator", cards)
    for role, unit in (("compliance", cards), ("agent", loans), ("agent", await _main())):
        with pytest.raises(NotAllowed):
            await staff.give(local, inside, role, unit)
    with pytest.raises(Exception, match="no such user that you administer"):
        await staff.give(local, outside, "agent", cards)
    boss = await desk.user("boss", "compliance", "agent", unit="cards")
    for act in (
        staff.set_password(local, boss, "quite another phrase"),
        staff.change(local, boss, {"email": "mine@x.test"}, 1),
        leaving.leave(local, boss, None),
    ):
        with pytest.raises(NotAllowed, match="may do more than you"):
            await act
    await staff.set_password(local, inside, "quite another phrase")
    await desk.user("both", "agent", unit="cards")
    both = await _id("both")
    await staff.give(SYSTEM, both, "agent", loans)
    with pytest.raises(NotAllowed, match="units you do not administer"):
        await staff.set_password(local, both, "quite another phrase")


async def test_pages_show_an_administrator_of_a_unit_only_its_people(desk):
    await _unit("cards"), await _unit("loans")
    await desk.user("local", "administrator", unit="cards")
    inside, outside = (
        await desk.user("inside", "agent", unit="cards"),
        await desk.user("outside", "agent", unit="loans"),
    )
    local = await desk.signed_in("local")
    boss = await desk.user("boss", "compliance", unit="cards")
    assert (await local.get(f"/users/{boss}/access")).status_code == 403
    assert (await local.submit(f"/users/{boss}/reset-link", {}, page="/users/new")).status_code == 403
    assert (await local.get(f"/users/{outside}/access")).status_code == 404
    listed = (await local.get("/users")).text
    assert "inside" in listed
    assert "outside" not in listed
    assert (await local.get(f"/users/{outside}")).status_code == 404
    page = f"/users/{inside}"
    cards = str(await db.fetchval("SELECT id FROM core_unit WHERE key = 'cards'"))
    refused = await local.submit(f"{page}/roles", {"role": "compliance", "unit": cards}, page=page)
    assert refused.status_code == 403
    assert "allows things you may not do yourself" in refused.text
    roles = (await local.get("/roles")).text
    assert "only an administrator of the whole desk" in roles
    assert (
        await local.submit("/roles/new", {"label": "All", "key": "all", "permissions": ["case.read"]})
    ).status_code == 403


async def test_who_is_shut_out_leaves_no_case_behind(desk, send):
    administrator = await desk.signed_in("administrator")
    gone, heir = await desk.user("gone", "agent"), await desk.user("heir", "agent")
    filed = [await desk.file(f"Matter {n}.") for n in range(2)]
    await db.execute("UPDATE core_case SET owner_id = $1, status = 'in_progress'", gone)
    await db.execute("UPDATE core_aspect SET owner_id = $1, concerns_user_id = $2 WHERE case_id = $3", gone, heir,
                     filed[1].case_id)  # fmt: skip
    path = f"/users/{gone}/leave"
    shown = (await administrator.get(path)).text
    assert "2 cases, 1 aspect" in shown
    done = await send(administrator, path, path, to=str(heir), follow=True)
    assert "1 handed on, 2 put back" in done.text
    owners = {row["id"]: row["owner_id"] for row in await db.fetch("SELECT id, owner_id FROM core_case")}
    assert owners == {filed[0].case_id: heir, filed[1].case_id: None}
    assert await db.fetchval("SELECT count(*) FROM core_aspect WHERE owner_id IS NOT NULL") == 0
    assert "case.assigned" in await _kinds(f"case/{filed[0].case_id}")
    assert not await db.fetchval("SELECT active FROM core_user WHERE id = $1", gone)
    browser = desk.browser()
    refused = await browser.submit("/sign-in", {"login": "gone", "password": "correct horse battery"})
    assert refused.status_code != 303
    back = await send(administrator, f"/users/{gone}", f"/users/{gone}/return", follow=True)
    assert "let this user in again" in back.text


async def test_sessions_tokens_and_password_of_somebody_are_ended_by_an_administrator(desk, send):
    administrator, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    api = await desk.api("agent")
    path = f"/users/{await _id('agent')}"
    page = (await administrator.get(path)).text
    assert "Signed in on 1 browser" in page
    token = await db.fetchval("SELECT id FROM core_token")
    done = await administrator.submit(f"/tokens/{token}/revoke", {"back": path}, page=path)
    assert done.headers["location"] == path
    assert (await api.get("/api/v1/cases")).status_code == 401
    await send(administrator, f"{path}/access", f"/users/{await _id('agent')}/sessions/end")
    assert (await agent.get("/queues")).headers["location"].startswith("/sign-in")
    weak = await send(administrator, path, f"{path}/password", password="agent")
    assert weak.status_code == 422
    assert (await send(administrator, path, f"{path}/password", password="an entirely new phrase")).status_code == 303
    entered = await desk.browser().submit("/sign-in", {"login": "agent", "password": "an entirely new phrase"})
    assert entered.status_code == 303
    mine = f"/users/{await _id('administrator')}"
    own = await administrator.submit(f"{mine}/password", {"password": "an entirely new phrase"}, page=mine)
    assert own.status_code == 409
    kinds = await _kinds(f"user/{await _id('agent')}")
    assert {"token.created", "token.revoked", "session.ended", "user.password_changed"} <= set(kinds)
