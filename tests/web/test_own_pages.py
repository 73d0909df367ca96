"""Plugins, receipts that need a look, tokens and passwords."""

import re
from datetime import timedelta

from ombud.desk import intake
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import discover
from ombud.testing_desk import PASSWORD
from ombud_plugin_api.facts import RawReceipt


async def _receipt(body: bytes = b"not a complaint", *, faulted: bool = True):
    receipt = await intake.receive(RawReceipt(channel="api", key="k1", content_type="application/json", body=body))
    if faulted:
        await intake.fault(receipt.id, "parsed", "The body is not JSON.")
    return receipt


async def test_a_plugin_is_turned_on_and_off_and_an_unknown_one_is_refused_in_words(desk, send):
    administrator = await desk.signed_in("administrator")
    shown = (await administrator.get("/plugins")).text
    slug = re.search(r'href="/plugins/([^/"]+)/enable"', shown).group(1)
    on = await send(administrator, f"/plugins/{slug}/enable", f"/plugins/{slug}/enable", follow=True)
    assert f"/plugins/{slug}/disable" in on.text
    assert slug in running.loaded
    off = await send(administrator, "/plugins", f"/plugins/{slug}/disable", follow=True)
    assert f"{discover()[slug].manifest.name} is off. Its data stays" in off.text
    assert slug not in running.loaded
    unknown = await administrator.submit("/plugins/no-such/enable", {}, page="/plugins")
    assert unknown.status_code == 409
    assert "there is no plugin no-such installed here" in unknown.text
    assert (await (await desk.signed_in("leader")).get("/plugins")).status_code == 403
    assert (await administrator.submit(f"/plugins/{slug}/explode", {}, page="/plugins")).status_code == 404


async def test_a_message_that_could_not_be_placed_waits_with_its_reason_and_its_bytes(desk):
    leader = await desk.signed_in("leader")
    receipt = await _receipt(b'{"summary": <oops>')
    listed = (await leader.get("/intake")).text
    assert f"/intake?open={receipt.id}" in listed
    shown = (await leader.get(f"/intake?open={receipt.id}")).text
    assert "The body is not JSON." in shown
    assert "&lt;oops&gt;" in shown
    assert "/join" not in shown
    raw = await leader.get(f"/intake/{receipt.id}/raw")
    assert raw.content == b'{"summary": <oops>'
    assert raw.headers["content-disposition"].startswith("attachment")
    assert (await (await desk.signed_in("agent")).get("/intake")).status_code == 403
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'intake.read'") == 2


async def test_a_receipt_is_run_again_once_and_its_failure_comes_back_with_the_reason(desk, send):
    leader = await desk.signed_in("leader")
    receipt = await _receipt()
    for _ in range(2):
        done = await send(leader, f"/intake?open={receipt.id}", f"/intake/{receipt.id}/replay")
        assert done.status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'job/intake.resume'") == 1
    await desk.work()
    assert "Tried 2 times" in (await leader.get(f"/intake?open={receipt.id}")).text
    gone = await leader.submit("/intake/018f0000-0000-7000-8000-000000000000/replay", {}, page="/intake")
    assert gone.status_code == 404


async def test_a_fresh_receipt_is_left_alone_for_a_minute(desk):
    leader = await desk.signed_in("leader")
    receipt = await _receipt(faulted=False)
    assert "Nothing to place" in (await leader.get("/intake")).text
    await db.execute("UPDATE core_raw SET received_at = $1", now() - timedelta(minutes=2))
    assert str(receipt.id) in (await leader.get("/intake")).text


async def test_a_token_is_shown_once_works_within_its_scope_and_ends_when_revoked(desk, send):
    agent = await desk.signed_in("agent")
    made = await send(agent, "/me/tokens", "/me/tokens", name="Nightly export", days="30", scopes=["case.read"])
    plain = re.search(r"omb_[0-9a-f]+_[0-9a-f]+", made.text).group(0)
    again = (await agent.get("/me/tokens")).text
    assert plain not in again
    assert "Nightly export" in again
    bearer = {"authorization": f"Bearer {plain}"}
    http = desk.browser().http
    assert (await http.get("/api/v1/cases", headers=bearer)).status_code == 200
    revoke = re.search(r'action="(/me/tokens/[^"]+/revoke)"', again).group(1)
    assert (await send(agent, "/me/tokens", revoke)).status_code == 303
    assert (await http.get("/api/v1/cases", headers=bearer)).status_code == 401
    leader = await desk.signed_in("leader")
    assert (await leader.submit(revoke, {}, page="/me/tokens")).status_code == 404


async def test_a_token_without_a_name_or_with_foreign_rights_is_refused_and_the_choice_kept(desk, send, forms):
    agent = await desk.signed_in("agent")
    nameless = await send(agent, "/me/tokens", "/me/tokens", name=" ", scopes=["case.read"])
    assert nameless.status_code == 422
    assert forms(nameless.text).of("/me/tokens")["scopes"] == "case.read"
    for wrong in ({"scopes": ["no.such"]}, {"days": "12345"}):
        answer = await send(agent, "/me/tokens", "/me/tokens", **{"name": "x", **wrong})
        assert answer.status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_token") == 0


async def test_a_password_changes_with_the_old_one_and_ends_the_other_sessions(desk, send):
    agent, elsewhere = await desk.signed_in("agent"), await desk.signed_in("agent")
    fresh = "seven green bottles"
    wrong = await send(agent, "/me/password", "/me/password", old="not it", new=fresh, again=fresh)
    assert wrong.status_code == 422
    assert "This is not your password" in wrong.text
    differing = await send(agent, "/me/password", "/me/password", old=PASSWORD, new=fresh, again="seven")
    assert "differ" in differing.text
    weak = await send(agent, "/me/password", "/me/password", old=PASSWORD, new="password", again="password")
    assert weak.status_code == 422
    done = await send(agent, "/me/password", "/me/password", old=PASSWORD, new=fresh, again=fresh)
    assert done.status_code == 303
    assert (await agent.get("/me/tokens")).status_code == 200
    assert (await elsewhere.get("/me/tokens")).status_code == 303
