"""Unsent text is never lost and never in the wrong box, whatever happens to case, session or another window."""

import re
from typing import Any

import pytest

from ombud.desk import aspects, cases
from ombud.desk.colleagues import drafts
from ombud.kernel.database import db
from ombud.kernel.ids import new_id


async def _typed(browser: Any, forms: Any, path: str, text: str, **more: str) -> Any:
    form = {**forms((await browser.get(path)).text).of(f"{path}/messages"), "text": text, **more}
    return await browser.http.post(f"{path}/draft", data=form)


def _box(forms: Any, html: str, path: str) -> str:
    return str(forms(html).of(f"{path}/messages")["text"])


async def test_a_draft_survives_a_new_owner_a_closed_case_its_reopening_and_the_end_of_the_session(
    desk: Any, forms: Any
) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    assert (await _typed(agent, forms, path, "Dear Ms Marsh", kind="reply")).status_code == 200
    await cases.take(leader, filed.case_id)
    assert _box(forms, (await agent.get(path)).text, path) == "Dear Ms Marsh"
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await aspects.decide_aspect(leader, aspect, aspects.Decision("upheld", "It was."), None)
    await cases.close(leader, filed.case_id)
    assert "Dear Ms Marsh" in (await agent.get("/me/drafts")).text
    await cases.reopen(leader, filed.case_id, "She called again.")
    await db.execute("DELETE FROM core_session")
    assert (await agent.get(path)).status_code == 303
    again = await desk.signed_in("agent")
    assert _box(forms, (await again.get(path)).text, path) == "Dear Ms Marsh"


async def test_text_for_one_customer_is_not_in_the_box_of_the_next_and_does_not_go_to_them(
    desk: Any, forms: Any
) -> None:
    agent = await desk.signed_in("agent")
    first, second = await desk.file("The fee was taken twice."), await desk.file("Nobody called.", name="Leon Dudek")
    path, other = f"/cases/{first.reference}", f"/cases/{second.reference}"
    written = forms((await agent.get(path)).text).of(f"{path}/messages")
    await _typed(agent, forms, path, "Dear Ms Marsh", kind="reply")
    assert _box(forms, (await agent.get(other)).text, other) == ""
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", second.case_id)
    await db.execute("UPDATE core_party SET person_id = $2 WHERE case_id = $1", first.case_id, person)
    shown = await agent.get(path)
    assert _box(forms, shown.text, path) == ""
    assert "A draft to another customer of this case is kept apart." in shown.text
    assert "Answer" in (await agent.get("/me/drafts")).text
    assert "Dear Ms Marsh" in (await agent.get("/me/drafts")).text
    refused = await agent.http.post(f"{path}/messages", data={**written, "kind": "reply", "text": "Dear Ms Marsh"})
    assert refused.status_code == 422
    assert "somebody else now" in refused.text
    assert _box(forms, refused.text, path) == "Dear Ms Marsh"
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE direction = 'out'") == 0


async def test_two_windows_cannot_overwrite_each_other_unseen(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    assert await drafts.keep(agent, filed.case_id, "message:x", {"text": "One"}, 0) == 1
    assert await drafts.keep(agent, filed.case_id, "message:x", {"text": "Two"}, 1) == 2
    for body in ({"text": "Stale"}, {"text": ""}):
        with pytest.raises(drafts.Elsewhere) as newer:
            await drafts.keep(agent, filed.case_id, "message:x", body, 1)
        assert (newer.value.version, newer.value.body) == (2, {"text": "Two"})
    assert await drafts.keep(agent, filed.case_id, "message:x", {"text": "Both"}, 2) == 3


async def test_a_decision_is_kept_while_it_is_typed_and_dropped_when_it_is_made(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    path = f"/cases/{filed.reference}/aspects/{aspect}"
    form = forms((await agent.get(f"{path}/decide")).text).of(f"{path}/decide")
    typed = {**form, "outcome": "upheld", "reason": "We blocked it", "redress_kind": "money", "redress_amount": "42"}
    kept = await agent.http.post(f"{path}/draft", data=typed)
    assert "Draft saved" in kept.text
    shown = (await agent.get(f"{path}/decide")).text
    later = forms(shown).of(f"{path}/decide")
    assert (later["reason"], later["outcome"], later["redress_amount"]) == ("We blocked it", "upheld", "42")
    stale = await agent.http.post(f"{path}/draft", data={**typed, "reason": "Older words"})
    assert stale.status_code == 409
    assert "We blocked it" in stale.text
    listed = (await agent.get("/me/drafts")).text
    assert f"{path}/decide" in listed
    await agent.http.post(f"{path}/decide", data=later)
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 0


async def test_a_complaint_being_written_down_is_kept_and_goes_on_where_it_was_left(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    form = forms((await agent.get("/cases/new")).text).of("/cases/new")
    nothing = await agent.http.post("/cases/new/draft", data=form)
    assert "Drafts are kept." in nothing.text
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 0
    typed = {
        **form,
        "name": "Leon Dudek",
        "matter": ["The clerk laughed.", "Nobody called."],
        "category": ["", "calls"],
    }
    assert "Draft saved" in (await agent.http.post("/cases/new/draft", data=typed)).text
    offered = (await agent.get("/cases/new")).text
    assert "You began another complaint" in offered
    href = re.search(r'href="(/cases/new\?draft=[^"]+)"', offered).group(1)  # type: ignore[union-attr]
    again = forms((await agent.get(href)).text).of("/cases/new")
    assert again["matter"] == ["The clerk laughed.", "Nobody called."]
    assert again["category"] == ["", "calls"]
    assert (again["name"], again["key"], again["draft_version"]) == ("Leon Dudek", form["key"], "1")
    colleague = await desk.signed_in("leader")
    assert forms((await colleague.get(href)).text).of("/cases/new")["name"] == ""
    assert (await agent.http.post("/cases/new", data=again)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 0


async def test_my_drafts_are_mine_alone_and_a_case_out_of_sight_gives_nothing_away(desk: Any, forms: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    assert "Nothing is waiting to be finished" in (await agent.get("/me/drafts")).text
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    await _typed(agent, forms, path, "My secret words", kind="note")
    draft_id = await db.fetchval("SELECT id FROM core_draft")
    assert "My secret words" not in (await leader.get("/me/drafts")).text
    await leader.submit(f"/me/drafts/{draft_id}/drop", {}, page="/me/drafts")
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 1
    await cases.set_confidential(await desk.viewer("compliance"), filed.case_id, True, None)
    listed = (await agent.get("/me/drafts")).text
    assert "A case you may not see any more" in listed
    assert filed.reference not in listed
    assert "My secret words" not in listed
    gone = await agent.submit(f"/me/drafts/{draft_id}/drop", {}, page="/me/drafts", follow=True)
    assert "The draft is gone." in gone.text
    again = await agent.submit(f"/me/drafts/{new_id()}/drop", {}, page="/me/drafts", follow=True)
    assert "gone already" in again.text


async def test_who_goes_on_writing_keeps_their_claim_and_begins_none(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    await _typed(agent, forms, path, "One")
    assert await db.fetchval("SELECT count(*) FROM core_claim") == 0
    await agent.submit(f"{path}/claim", {"step": "claim"}, page=path)
    before = await db.fetchval("UPDATE core_claim SET until = until - interval '5 minutes' RETURNING until")
    await _typed(agent, forms, path, "One and two")
    assert await db.fetchval("SELECT until FROM core_claim") > before


async def test_a_draft_on_its_way_while_the_text_is_sent_does_not_come_back(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    form = {**forms((await agent.get(path)).text).of(f"{path}/messages"), "kind": "note", "text": "Sent."}
    await agent.http.post(f"{path}/messages", data=form)
    await agent.http.post(f"{path}/draft", data=form)
    new = {
        **forms((await agent.get("/cases/new")).text).of("/cases/new"),
        "name": "Leon",
        "matter": "The clerk laughed.",
    }
    assert (await agent.http.post("/cases/new", data=new)).status_code == 303
    await agent.http.post("/cases/new/draft", data=new)
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 0
