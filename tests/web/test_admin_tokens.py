"""API tokens in the administration: whose, for what, when used; and no scope beyond its owner's rights."""

import pytest

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust import tokens
from ombud.trust.policy import SYSTEM


async def test_all_tokens_are_listed_filtered_and_ended(desk, send):
    administrator = await desk.signed_in("administrator")
    assert "never with a password" in (await administrator.get("/tokens")).text
    api = await desk.api("agent")
    await tokens.create("agent", "Nightly export", ["case.read"], actor="system")
    assert (await api.get("/api/v1/cases")).status_code == 200
    shown = (await administrator.get("/tokens")).text
    assert "Nightly export" in shown
    assert "all they may do" in shown
    found = (await administrator.get("/tokens", params={"q": "nightly"})).text
    assert ">tests<" not in found
    token = await db.fetchval("SELECT id FROM core_token WHERE name = 'tests'")
    done = await send(administrator, "/tokens", f"/tokens/{token}/revoke", follow=True)
    assert "Revoked" in done.text
    assert (await api.get("/api/v1/cases")).status_code == 401
    assert "Nightly export" not in (await administrator.get("/tokens", params={"stands": "over"})).text
    assert (await administrator.get("/tokens", params={"stands": "nonsense"})).status_code == 422
    assert (await (await desk.signed_in("leader")).get("/tokens")).status_code == 403


async def test_tokens_of_people_elsewhere_are_neither_seen_nor_ended(desk):
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    await desk.user("local", "administrator", unit="cards")
    await desk.api("agent")
    local = await desk.signed_in("local")
    assert "tests" not in (await local.get("/tokens")).text.split("<search>")[1]
    token = await db.fetchval("SELECT id FROM core_token")
    assert (await local.submit(f"/tokens/{token}/revoke", {}, page="/users")).status_code == 404
    assert await db.fetchval("SELECT revoked_at FROM core_token") is None


async def test_a_scope_its_owner_does_not_hold_is_refused_with_the_remedy(desk, send):
    agent = await desk.signed_in("agent")
    refused = await send(agent, "/me/tokens", "/me/tokens", name="Too wide", days="30", scopes=["user.manage"])
    assert refused.status_code == 422
    assert "does not hold user.manage; give a role with it" in refused.text
    assert "Too wide" in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_token") == 0
    with pytest.raises(tokens.ScopeNotHeld, match="choose from case"):
        await tokens.create("agent", "Too wide", ["case.read", "user.manage"], actor="system")
    assert await tokens.create("agent", "Right", ["case.read"], actor="system")


async def test_a_token_whose_owner_lost_a_right_is_marked(desk):
    await desk.user("agent")
    await tokens.create("agent", "Closer", ["case.close"], actor="system")
    administrator = await desk.signed_in("administrator")
    assert "Beyond its owner" not in (await administrator.get("/tokens")).text
    await db.execute("DELETE FROM core_user_role WHERE user_id = (SELECT id FROM core_user WHERE name = 'agent')")
    assert "Beyond its owner: case.close" in (await administrator.get("/tokens")).text
