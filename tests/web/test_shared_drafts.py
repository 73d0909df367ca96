"""A draft that is shared: colleagues of the case see it and write on, each knows whose it is, nothing is overrun."""

from typing import Any

from ombud.kernel.database import db


async def _share(browser: Any, forms: Any, path: str, text: str) -> Any:
    form = forms((await browser.get(path)).text).of(f"{path}/messages")
    return await browser.http.post(f"{path}/draft/share", data={**form, "kind": "reply", "text": text, "shared": "on"})


async def test_a_colleague_sees_a_shared_draft_and_writes_on_and_its_writer_is_told(
    desk: Any, forms: Any, send: Any
) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    before = forms((await agent.get(path)).text).of(f"{path}/messages")
    assert "Draft of Agent" not in (await leader.get(path)).text
    assert (await _share(agent, forms, path, "Dear Ms Marsh")).status_code == 303
    shown = (await leader.get(path)).text
    assert "Draft of Agent" in shown
    assert "Dear Ms Marsh" in shown
    draft = await db.fetchval("SELECT id FROM core_draft")
    theirs = f"{path}/drafts/{draft}"
    stale = forms(shown).of(theirs)
    assert (await send(leader, path, theirs, text="Dear Ms Marsh, thank you.")).status_code == 303
    late = await leader.http.post(theirs, data={**stale, "text": "Something else"})
    assert late.status_code == 409
    assert "Something else" in late.text
    assert "Dear Ms Marsh, thank you." in late.text
    overrun = await agent.http.post(
        f"{path}/messages", data={**before, "kind": "reply", "text": "Dear Ms Marsh", "draft_version": "1"}
    )
    assert overrun.status_code == 409
    assert "Leader changed the shared draft meanwhile" in overrun.text
    mine = (await agent.get(path)).text
    assert forms(mine).of(f"{path}/messages")["text"] == "Dear Ms Marsh, thank you."


async def test_a_draft_is_seen_by_nobody_until_it_is_shared_and_by_nobody_whom_the_case_is_about(
    desk: Any, forms: Any, send: Any
) -> None:
    from ombud.desk import aspects

    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file("The leader was rude.", "The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    assert (await _share(agent, forms, path, "About the leader")).status_code == 303
    draft = await db.fetchval("SELECT id FROM core_draft")
    quality = await desk.signed_in("quality")
    assert "About the leader" not in (await quality.get(path)).text
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 1", filed.case_id)
    form = forms((await leader.get(path)).text).of(f"{path}/drafts/{draft}")
    await aspects.concern(await desk.viewer("agent"), aspect, (await desk.viewer("leader")).user_id)
    assert "About the leader" not in (await leader.get(path)).text
    refused = await leader.http.post(f"{path}/drafts/{draft}", data={**form, "text": "Nothing of the kind"})
    assert refused.status_code == 404
    mine = forms((await agent.get(path)).text).of(f"{path}/messages")
    await agent.http.post(f"{path}/draft/share", data={**mine, "shared": "off"})
    assert not await db.fetchval("SELECT shared FROM core_draft")
