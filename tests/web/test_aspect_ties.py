"""Linking aspects, moving one between cases and back, splitting one in two and putting it together again."""

from ombud.desk import aspects, messages
from ombud.desk.aspects import Decision
from ombud.desk.matters import evidence, moves, pins, tasks
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify

WORDS = "The clerk was rude to me on the telephone."


async def _case(desk, *matters, **about):
    filed = await desk.file(*(matters or ("The fee was taken twice.", "A rude call.")), **about)
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    path = f"/cases/{filed.reference}"
    return filed, [row["id"] for row in rows], [f"{path}/aspects/{row['id']}/ties" for row in rows]


async def _holds():
    assert (await verify()).broken == ""


async def test_aspects_of_two_cases_are_linked_in_both_directions_and_the_link_goes(desk, send):
    agent = await desk.signed_in("agent")
    one, _, (_, place) = await _case(desk)
    other, _, (there, _) = await _case(desk, name="Jan", email="jan@example.org")
    await send(agent, place, f"{place}/link", kind="follows_from", other=f"{other.reference} a")
    assert "Follows from" in (await agent.get(place)).text
    back = (await agent.get(there)).text
    assert "Led to" in back
    assert one.reference in back
    for filed in (one, other):
        assert "linked aspect" in (await agent.get(f"/cases/{filed.reference}")).text
    twice = await send(agent, place, f"{place}/link", kind="follows_from", other=f"{other.reference} A")
    assert twice.status_code == 422
    identity = await db.fetchval("SELECT id FROM core_aspect_link")
    await send(agent, there, f"{there}/{identity}/off")
    assert await db.fetchval("SELECT count(*) FROM core_aspect_link") == 0


async def test_a_link_to_nothing_to_itself_or_to_a_hidden_case_is_refused_and_kept(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, _, (place, _) = await _case(desk)
    secret, _, _ = await _case(desk, confidential=True)
    for other, why in (
        ("", "Name the aspect"), ("Z", "no aspect Z"), ("A", "the aspect itself"),
        (f"{secret.reference} A", "There is no case"), ("OMB-0000-0 A", "There is no case"),
    ):  # fmt: skip
        refused = await send(agent, place, f"{place}/link", other=other)
        assert refused.status_code == 422
        assert why in refused.text
        assert forms(refused.text).of(f"{place}/link")["other"] == other


async def test_same_cause_is_one_link_from_either_side(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (first, second) = await _case(desk)
    await send(agent, first, f"{first}/link", kind="same_cause", other="B")
    again = await send(agent, second, f"{second}/link", kind="same_cause", other="A")
    assert again.status_code == 422
    for place in (first, second):
        assert "Has the same cause as" in (await agent.get(place)).text


async def test_an_aspect_moves_with_all_that_is_its_own_and_comes_back(desk, send):
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    source, (first, second), (_, place) = await _case(desk)
    target, _, _ = await _case(desk, "Another matter.")
    alone = await messages.write(viewer, source.case_id, "told", WORDS, aspect_ids=[second])
    both = await messages.write(viewer, source.case_id, "told", "Both are bad.", aspect_ids=[first, second])
    await evidence.ask(viewer, second, "The recording", asked_of="Call centre")
    await tasks.promise(viewer, second, "An apology")
    await pins.pin_passage(viewer, second, alone, "rude to me")
    await _holds()
    moved = await send(agent, place, f"{place}/move", to=target.reference, reason="It belongs there", follow=True)
    assert "The aspect is in this case now." in moved.text
    assert f"From {source.reference} into {target.reference}" in moved.text
    await _holds()
    rows = {row["id"]: row["case_id"] for row in await db.fetch("SELECT id, case_id FROM core_message")}
    assert rows[alone] == target.case_id
    assert rows[both] == source.case_id
    there = (await agent.get(f"/cases/{target.reference}?about=B")).text
    assert "rude to me" in there
    assert "Both are bad." in there
    assert "moved aspect B here from another case" in there
    assert "The recording" in (await agent.get(f"/cases/{target.reference}/aspects/{second}/evidence")).text
    counts = await db.fetch("SELECT aspects_total FROM core_case ORDER BY opened_at")
    assert [row["aspects_total"] for row in counts] == [1, 2]
    here = f"/cases/{target.reference}/aspects/{second}/ties"
    move_id = await db.fetchval("SELECT id FROM core_merge WHERE kind = 'move'")
    back = await send(agent, here, f"{here}/moves/{move_id}/undo", follow=True)
    assert "The aspect is back where it was." in back.text
    await _holds()
    assert await db.fetchval("SELECT case_id FROM core_aspect WHERE id = $1", second) == source.case_id
    assert await db.fetchval("SELECT case_id FROM core_message WHERE id = $1", alone) == source.case_id
    assert await db.fetchval("SELECT count(*) FROM core_shared_message") == 0
    assert "Both are bad." not in (await agent.get(f"/cases/{target.reference}")).text


async def test_moving_to_a_case_of_other_people_asks_once_more(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, (_, second), (_, place) = await _case(desk)
    other, _, _ = await _case(desk, "Theirs.", name="Jan", email="jan@example.org")
    refused = await send(agent, place, f"{place}/move", to=other.reference, reason="It is his")
    assert refused.status_code == 422
    assert "Different people complain in that case." in refused.text
    assert forms(refused.text).of(f"{place}/move")["reason"] == "It is his"
    await send(agent, place, f"{place}/move", to=other.reference, reason="It is his", other_people="on")
    assert await db.fetchval("SELECT case_id FROM core_aspect WHERE id = $1", second) == other.case_id
    await _holds()


async def test_the_only_aspect_a_closed_case_and_the_case_itself_are_no_way_to_move(desk, send):
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    source, (only,), _ = await _case(desk, "One matter.")
    two, _, (place, _) = await _case(desk)
    closed, (theirs,), _ = await _case(desk, "Done.")
    await aspects.decide_aspect(viewer, theirs, Decision("upheld", "Yes."), None)
    token = await agent.token(f"/cases/{closed.reference}")
    version = await db.fetchval("SELECT version FROM core_case WHERE id = $1", closed.case_id)
    await agent.http.post(f"/cases/{closed.reference}/status",
                          data={"_csrf": token, "status": "closed", "version": version})  # fmt: skip
    for to, why in ((two.reference, "This is the case the aspect is in"), (closed.reference, "That case is closed"),
                    ("OMB-0000-0", "There is no case"), ("", "There is no case")):  # fmt: skip
        refused = await send(agent, place, f"{place}/move", to=to, reason="Because")
        assert refused.status_code in {409, 422}
        assert why in refused.text
    alone = f"/cases/{source.reference}/aspects/{only}/ties"
    assert f'action="{alone}/move"' not in (await agent.get(alone)).text
    refused = await agent.submit(f"{alone}/move", {"to": two.reference, "reason": "Because"}, page=alone)
    assert "Merge the cases instead" in refused.text


async def test_a_decided_aspect_moves_with_its_outcome_and_both_cases_follow(desk, send):
    viewer = await desk.viewer("agent")
    source, (first, second), _ = await _case(desk)
    target, (open_,), _ = await _case(desk, "Another matter.")
    await aspects.decide_aspect(viewer, open_, Decision("upheld", "Yes."), None)
    await aspects.decide_aspect(viewer, first, Decision("upheld", "Yes."), None)
    await moves.move(viewer, second, target.case_id, "It belongs there")
    found = {row["id"]: row["status"] for row in await db.fetch("SELECT id, status FROM core_case")}
    assert found == {source.case_id: "resolved", target.case_id: "in_progress"}
    await _holds()


async def test_an_aspect_is_split_with_what_goes_along_and_put_together_again(desk, send):
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    filed, (first,), (place,) = await _case(desk, "The fee was taken twice and the call was rude.")
    await aspects.assign(viewer, first, viewer.user_id)
    await aspects.change(viewer, first, {"priority": "high"}, None)
    kept = await tasks.promise(viewer, first, "Refund")
    going = await tasks.promise(viewer, first, "An apology")
    done = await send(agent, place, f"{place}/part", title="A rude call", going=[f"task.{going}"], follow=True)
    assert "There are two aspects now." in done.text
    assert "Was split into" in done.text
    await _holds()
    made = await db.fetchrow("SELECT * FROM core_aspect WHERE id <> $1", first)
    assert (made["title"], made["priority"], made["owner_id"]) == ("A rude call", "high", viewer.user_id)
    tied = {row["id"]: row["aspect_id"] for row in await db.fetch("SELECT id, aspect_id FROM core_task")}
    assert tied == {kept: first, going: made["id"]}
    new = place.replace(str(first), str(made["id"]))
    joined = await send(agent, new, f"{new}/join", follow=True)
    assert "They are one aspect again." in joined.text
    assert await db.fetchval("SELECT count(*) FROM core_aspect WHERE case_id = $1", filed.case_id) == 1
    assert await db.fetchval("SELECT count(*) FROM core_task WHERE aspect_id = $1", first) == 2
    await _holds()


async def test_a_split_aspect_that_stands_for_itself_is_not_put_together(desk, send):
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    _, (first,), (place,) = await _case(desk, "The fee and the call.")
    await send(agent, place, f"{place}/part", title="A rude call")
    made = await db.fetchval("SELECT id FROM core_aspect WHERE id <> $1", first)
    new = place.replace(str(first), str(made))
    await aspects.decide_aspect(viewer, made, Decision("upheld", "Yes."), None)
    refused = await agent.submit(f"{new}/join", {}, page=new)
    assert refused.status_code == 409
    assert "decided already" in refused.text


async def test_quality_links_moves_and_splits_nothing(desk):
    reader = await desk.signed_in("quality")
    _, _, (place, _) = await _case(desk)
    assert 'method="post" action="/cases' not in (await reader.get(place)).text
    for step in ("link", "move", "part", "join"):
        assert (await reader.submit(f"{place}/{step}", {}, page="/me/password")).status_code == 403
