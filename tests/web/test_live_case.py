"""Two people on one case or list: who is there, who works on it, and what a page is told that others changed."""

import re
from datetime import timedelta
from typing import Any

from ombud.desk import aspects, cases, messages
from ombud.desk.colleagues import claims, presence
from ombud.kernel.clock import now
from ombud.kernel.database import db


async def _here(browser: Any, **doings: str) -> int:
    token = await browser.token("/me/password")
    cases_shown = {name.replace("_", "-"): doing for name, doing in doings.items()}
    answer = await browser.http.post("/live/here", json={"cases": cases_shown}, headers={"x-csrf-token": token})
    return int(answer.status_code)


async def _on(browser: Any, reference: str, since: int = 0) -> str:
    answer = await browser.get(f"/live/cases/{reference}?since={since}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", str(answer.text))


async def test_who_looks_and_who_writes_is_told_to_the_others_and_ends_by_itself(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    assert await _here(agent, **{filed.reference: "viewing"}) == 204
    assert "Agent is looking" in await _on(leader, filed.reference)
    assert "Agent is" not in await _on(agent, filed.reference)
    await _here(agent, **{filed.reference: "writing"})
    assert "Agent is writing" in await _on(leader, filed.reference)
    await _here(agent)
    assert "Agent is" not in await _on(leader, filed.reference)
    await _here(agent, **{filed.reference: "viewing"})
    await db.execute("UPDATE core_presence SET until = $1", now() - timedelta(seconds=1))
    assert "Agent is" not in await _on(leader, filed.reference)
    await presence.sweep()
    assert await db.fetchval("SELECT count(*) FROM core_presence") == 0


async def test_a_browser_that_leaves_while_it_speaks_is_no_failure(desk: Any, caplog: Any) -> None:
    agent = await desk.signed_in("agent")
    token = await agent.token("/me/password")
    cookies = "; ".join(f"{name}={value}" for name, value in agent.http.cookies.items())
    messages = iter([{"type": "http.request", "body": b'{"ca', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "desk.test", "cookie": cookies, "x-csrf-token": token, "content-type": "application/json"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "https",
        "path": "/live/here", "raw_path": b"/live/here", "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("desk.test", 443),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    with caplog.at_level("INFO", "ombud.web"):
        await desk.app(scope, receive, send)
    assert "POST /live/here: the browser left before it had sent everything" in caplog.text
    assert not [each for each in caplog.records if each.levelname in {"WARNING", "ERROR", "CRITICAL"}]
    assert sent[0]["status"] == 400  # nobody reads it


async def test_presence_ends_with_the_session_and_leaves_no_history(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    before = await db.fetchval("SELECT count(*) FROM core_ledger_entry")
    await _here(agent, **{filed.reference: "writing"})
    await agent.submit("/sign-out", {}, page="/me/password")
    assert "Agent is" not in await _on(leader, filed.reference)
    assert await db.fetchval("SELECT count(*) FROM core_presence") == 0
    kinds = await db.fetch("SELECT kind FROM core_ledger_entry ORDER BY id OFFSET $1", before)
    assert not [row["kind"] for row in kinds if "presence" in row["kind"]]
    assert await db.fetchval("SELECT relpersistence FROM pg_class WHERE relname = 'core_presence'") == b"u"


async def test_nobody_is_present_on_a_case_they_may_not_see_or_for_whom_an_aspect_is_about(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    await _here(leader, **{filed.reference: "writing"})
    assert "Leader is writing" in await _on(agent, filed.reference)
    await claims.claim(await desk.viewer("leader"), filed.case_id)
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.concern(await desk.viewer("leader"), second, (await desk.viewer("agent")).user_id, None)
    assert "Leader is" not in await _on(agent, filed.reference)
    assert "Leader is" not in (await agent.get("/queues/all")).text
    await cases.set_confidential(await desk.viewer("compliance"), filed.case_id, True, None)
    assert (await agent.get(f"/live/cases/{filed.reference}")).status_code == 404
    await _here(agent, **{filed.reference: "writing"})
    names = await db.fetch("SELECT u.name FROM core_presence p JOIN core_user u ON u.id = p.user_id")
    assert "agent" not in {row["name"] for row in names}


async def test_rubbish_about_presence_gets_an_answer_and_nothing_is_kept(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    token = {"x-csrf-token": await agent.token("/me/password")}
    for body in (b"[", b'{"cases": 3}', b"\xff"):
        assert (await agent.http.post("/live/here", content=body, headers=token)).status_code == 400
    assert await _here(agent, **{filed.reference: "dancing", "OMB-0": "writing"}) == 204
    assert await db.fetchval("SELECT count(*) FROM core_presence") == 0
    assert (await agent.http.post("/live/here", json={"cases": {}})).status_code == 403


async def test_a_page_hears_who_changed_what_since_it_was_drawn_but_not_its_own_changes(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    shown = (await agent.get(f"/cases/{filed.reference}")).text
    since = int(re.search(r'data-live-since="(\d+)"', shown).group(1))  # type: ignore[union-attr]
    assert "banner" not in await _on(agent, filed.reference, since)
    leader = await desk.viewer("leader")
    await cases.change(leader, filed.case_id, {"priority": "urgent"}, None)
    await messages.write(leader, filed.case_id, "note", "Ask the branch.")
    await cases.take(await desk.viewer("agent"), filed.case_id)
    told = await _on(agent, filed.reference, since)
    assert "Leader changed the case (priority: urgent)" in told
    assert "1 new message" in told
    assert "Ask the branch" not in told
    assert "owns the case" not in told
    head = await db.fetchval("SELECT seq FROM core_stream WHERE stream = $1", f"case/{filed.case_id}")
    assert "banner" not in await _on(agent, filed.reference, head)


async def test_a_claim_warns_others_blocks_nobody_and_ends_by_itself(desk: Any, send: Any, forms: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    assert (await send(agent, path, f"{path}/claim", step="claim")).status_code == 303
    for place in (path, "/queues/all"):
        assert "Agent is" in (await leader.get(place)).text
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    assert "Agent is working on this case" in (await leader.get(f"{path}/aspects/{aspect}/decide")).text
    assert "is working on this case" not in (await agent.get(f"{path}/aspects/{aspect}/decide")).text
    refused = await leader.submit(f"{path}/claim", {"step": "claim"}, page=path, follow=True)
    assert "Agent is working on this case. Ask them, or take over." in refused.text
    note = await send(leader, path, f"{path}/messages", kind="note", text="I write all the same.")
    assert note.status_code == 303
    await db.execute("UPDATE core_claim SET until = $1", now() - timedelta(seconds=1))
    assert "Agent is" not in (await leader.get(path)).text
    await claims.sweep()
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 0
    kinds = await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = $1", f"case/{filed.case_id}")
    assert not [row["kind"] for row in kinds if row["kind"].startswith("claim")]


async def test_taking_over_is_recorded_and_whoever_held_the_claim_cannot_lose_it_unseen(desk: Any) -> None:
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    await claims.claim(agent, filed.case_id)
    browser = await desk.signed_in("leader")
    path = f"/cases/{filed.reference}"
    taken = await browser.submit(f"{path}/claim", {"step": "take_over"}, page=path, follow=True)
    assert "You took over. Your colleague is told." in taken.text
    assert "You are working on this" in taken.text
    assert "Leader took over the work on the case from Agent" in (await (await desk.signed_in("agent")).get(path)).text
    await claims.release(agent, filed.case_id)
    assert await db.fetchval("SELECT user_id FROM core_claim") == leader.user_id
    await claims.release(leader, filed.case_id)
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 0


async def _matters(filed: Any) -> list[Any]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    return [row["id"] for row in rows]


async def test_two_work_on_two_matters_of_one_case_and_neither_is_told_to_keep_off(desk: Any, forms: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    path, (first, second) = f"/cases/{filed.reference}", await _matters(filed)
    done = await agent.submit(f"{path}/claim", {"step": f"claim|{first}"}, page=path, follow=True)
    assert "You are working on this" in done.text
    at_b = f"{path}/aspects/{second}"
    mine = await leader.submit(f"{path}/claim", {"step": f"claim|{second}", "back": "aspect"}, page=at_b, follow=True)
    assert str(mine.url).endswith(at_b)
    assert "You are working on this, to" in mine.text
    assert "Agent is working" not in (await leader.get(f"{at_b}/decide")).text
    assert "Agent is working on this matter" in (await leader.get(f"{path}/aspects/{first}/decide")).text
    assert "Agent is working on this, to" in (await leader.get(f"{path}/aspects/{first}/evidence")).text
    told = await _on(leader, filed.reference)
    a, b = ('<span class="sr">Aspect </span>A</span>Agent is working on this', "</span>B</span>You are working on this")
    assert a in told
    assert b in told
    assert a in re.sub(r"\s+", " ", (await leader.get(path)).text)
    assert "Agent is on it" in (await leader.get("/queues/all")).text
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 2


async def test_a_matter_or_all_of_a_case_that_is_claimed_is_refused_until_it_is_taken_over(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    path, (first, second) = f"/cases/{filed.reference}", await _matters(filed)

    async def asks(browser: Any, step: str) -> str:
        return str((await browser.submit(f"{path}/claim", {"step": step}, page=path, follow=True)).text)

    await asks(agent, f"claim|{first}")
    assert "Agent is working on this matter. Ask them, or take over." in await asks(leader, f"claim|{first}")
    assert "Agent is working on this case. Ask them, or take over." in await asks(leader, "claim")
    assert "You took over" in await asks(leader, f"take_over|{first}")
    assert "took over the work on aspect A from Agent" in (await agent.get(path)).text
    await asks(leader, f"claim|{second}")
    rows = await db.fetch("SELECT aspect_id FROM core_claim")
    assert [row["aspect_id"] for row in rows] == [second], "one works on one matter of a case at a time"
    await asks(agent, f"claim|{first}")
    await asks(leader, "take_over")
    rows = await db.fetch("SELECT aspect_id, user_id FROM core_claim")
    assert [(row["aspect_id"], row["user_id"]) for row in rows] == [(None, (await desk.viewer("leader")).user_id)]
    assert "Leader is working on all of this case" in await asks(agent, f"claim|{second}")
    assert "not in the case any more" in await asks(agent, f"claim|{filed.case_id}")
    assert "not known here" in await asks(agent, "claim|nothing")
    await asks(leader, "release")
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 0


async def test_a_case_of_one_matter_is_claimed_as_a_whole_also_from_the_page_of_its_matter(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path, (only,) = f"/cases/{filed.reference}", await _matters(filed)
    page = (await agent.get(path)).text
    assert "I am working on this" in page
    assert "claim|" not in page.split('id="case-people"')[1].split("</form>")[0]
    await agent.submit(f"{path}/claim", {"step": f"claim|{only}"}, page=path)
    assert await db.fetchval("SELECT aspect_id FROM core_claim") is None


async def test_a_matter_about_a_member_of_staff_is_claimed_unseen_by_them(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    path, (_, second) = f"/cases/{filed.reference}", await _matters(filed)
    await claims.claim(leader, filed.case_id, second)
    await aspects.concern(leader, second, (await desk.viewer("agent")).user_id, None)
    for place in (path, "/queues/all"):
        assert "Leader is" not in (await agent.get(place)).text
    assert str(second) not in await _on(agent, filed.reference)
    assert (await agent.submit(f"{path}/claim", {"step": f"claim|{second}"}, page=path)).status_code == 403


async def test_who_may_not_write_or_is_concerned_claims_nothing_and_a_closed_case_is_not_worked_on(desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.", "The clerk laughed.")
    path = f"/cases/{filed.reference}"
    reader = await desk.signed_in("quality")
    assert "I am working on this" not in (await reader.get(path)).text
    assert (await reader.submit(f"{path}/claim", {"step": "claim"}, page=path)).status_code == 403
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.concern(await desk.viewer("leader"), second, (await desk.viewer("agent")).user_id, None)
    agent = await desk.signed_in("agent")
    assert "I am working on this" not in (await agent.get(path)).text
    assert (await agent.submit(f"{path}/claim", {"step": "claim"}, page=path)).status_code == 403
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 0


def _shown(html: str) -> str:
    pairs = re.findall(r'data-reference="([^"]+)" data-stamp="([^"]*)"', html)
    return " ".join(f"{reference}={stamp}" for reference, stamp in pairs)


async def test_a_list_learns_how_many_are_new_changed_and_gone_and_every_count(desk: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    stays, changes, goes = [await desk.file(f"Matter {number}.") for number in range(3)]
    shown = (await agent.get("/queues/new-complaints")).text
    form = {"shown": _shown(shown), "whole": "1"}
    same = await agent.submit("/live/queues/new-complaints", form, page="/me/password")
    assert "banner" not in same.text
    assert 'data-queue="new-complaints">3<' in same.text
    await cases.change(leader, changes.case_id, {"priority": "urgent"}, None)
    await cases.change(leader, goes.case_id, {"queue_id": None}, None)
    fresh = await desk.file("Brand new.")
    told = re.sub(r"\s+", " ", (await agent.submit("/live/queues/new-complaints", form, page="/me/password")).text)
    assert "1 new, 1 changed, 1 gone" in told
    assert f'data-changed="{changes.reference}" data-gone="{goes.reference}"' in told
    assert 'data-queue="new-complaints">3<' in told
    assert "Brand new" not in told
    assert fresh.reference not in told
    assert stays.reference not in told
    elsewhere = await agent.submit("/live/queues/all?priority=urgent", {"shown": "", "whole": "1"}, page="/me/password")
    assert "1 new" in elsewhere.text
    assert (await agent.submit("/live/queues/no-such", form, page="/me/password")).status_code == 404


async def test_a_row_below_the_last_one_shown_is_not_new_to_a_list_that_goes_on(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    first = await desk.file("The first.")
    shown = _shown((await agent.get("/queues/all")).text)
    await desk.file("Comes later in the order.")
    part = await agent.submit("/live/queues/all", {"shown": shown, "whole": "0"}, page="/me/password")
    whole = await agent.submit("/live/queues/all", {"shown": shown, "whole": "1"}, page="/me/password")
    assert "banner" not in part.text
    assert "1 new" in whole.text
    assert first.reference in shown


async def test_the_api_claims_shows_and_releases_a_claim_and_refuses_somebody_elses(desk: Any) -> None:
    agent, leader = await desk.api("agent"), await desk.api("leader")
    filed = await desk.file("The fee was taken twice.")
    path = f"/api/v1/cases/{filed.reference}"
    assert (await agent.post(f"{path}/claim", json={})).status_code == 200
    assert (await leader.get(path)).json()["claim"]["by"]["name"] == "Agent"
    assert (await leader.post(f"{path}/claim", json={})).status_code == 409
    await leader.post(f"{path}/release")
    assert (await agent.get(path)).json()["claim"]["by"]["name"] == "Agent"
    assert (await leader.post(f"{path}/claim", json={"take_over": True})).status_code == 200
    assert (await agent.get(path)).json()["claim"]["by"]["name"] == "Leader"
    assert (await leader.post(f"{path}/release")).status_code == 200
    assert (await agent.get(path)).json()["claim"] is None
    reader = await desk.api("quality")
    assert (await reader.post(f"{path}/claim", json={})).status_code == 403
