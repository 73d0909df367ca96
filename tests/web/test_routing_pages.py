"""Ladders on their page, and why a case is where it is: what a person sees and may do about it."""

from uuid import UUID

from ombud.desk import aspects, cases
from ombud.desk.routing import climbing, ladders
from ombud.desk.routing.laddering import Content, Starts, Step
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

HOME = "/administration/escalations"


async def made(key: str = "slow", *steps: Step) -> UUID:
    return await ladders.add(SYSTEM, key, key.capitalize(), None, Content(steps or (Step("owner"),), Starts()))


async def test_an_administrator_writes_a_ladder_and_takes_an_earlier_wording_back(desk, send):
    administrator = await desk.signed_in("administrator")
    page = f"{HOME}/new"
    given = {"key": "senior", "name": "Senior team", "where": "desk", "severity": "3", "mood": "angry",
             "support_needs": "on", "s1.to": "role", "s1.target": "role/leader", "s1.after": "1h", "s1.business": "on",
             "s2.to": "queue", "s2.target": "queue/new-complaints", "s2.after": "2h"}  # fmt: skip
    wrong = await send(administrator, page, page, **{**given, "s1.after": "soon"})
    assert (wrong.status_code, "Write a time like 30m, 2h or 1d." in wrong.text) == (422, True)
    assert "Senior team" in wrong.text, "what was typed is lost"
    assert (await send(administrator, page, page, **{**given, "s2.target": ""})).status_code == 422
    assert (await send(administrator, page, page, **{**given, "where": ""})).status_code == 422
    saved = await send(administrator, page, page, **given)
    assert saved.status_code == 303
    listed = (await administrator.get(HOME)).text
    assert "severity 3 or more" in listed
    assert "After 1 working hour: tell everybody with a role: Team leader" in listed
    path = saved.headers["location"]
    assert (await send(administrator, path, path, name="Seniors", **{"s2.to": ""})).status_code == 303
    found = await ladders.by_key("senior")
    assert (found.name, found.current, len(found.content.steps)) == ("Seniors", 2, 1)
    assert (await send(administrator, path, f"{path}/versions/1")).status_code == 303
    found = await ladders.by_key("senior")
    assert (found.current, len(found.content.steps)) == (3, 2)
    late = await send(administrator, path, path, name="Late", version="1")
    assert late.status_code == 409
    assert (await (await desk.signed_in("agent")).get(HOME)).status_code == 403


async def test_a_case_says_why_it_is_where_it_is(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    await db.execute("UPDATE core_case SET severity = 3, due_at = now() - interval '1 hour'")
    answer = await agent.submit("/queues/new-complaints/next", {}, page="/queues/new-complaints")
    assert answer.headers["location"] == f"/cases/{filed.reference}"
    case = (await agent.get(f"/cases/{filed.reference}")).text
    assert "it is late" in case
    why = (await agent.get(f"/cases/{filed.reference}/routing")).text
    assert "asked for the next one" in why
    assert "severity 3" in why


async def test_a_person_escalates_says_what_happens_next_and_the_list_shows_it(desk, send):
    await made()
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    filed = await desk.file()
    await cases.take(viewer, filed.case_id)
    page = f"/cases/{filed.reference}/routing"
    assert (await send(agent, page, f"{page}/escalate")).status_code == 422
    assert (await send(agent, page, f"{page}/escalate", ladder="slow")).status_code == 303
    assert "Escalated: Slow" in (await agent.get(f"/cases/{filed.reference}")).text
    assert "Escalated, step 1" in (await agent.get("/queues/mine")).text
    (row,) = await db.fetch("SELECT id FROM core_escalation")
    action = f"/cases/{filed.reference}/escalations/{row['id']}/acknowledge"
    assert (await send(agent, page, action, words=" ")).status_code == 422
    assert (await send(agent, page, action, words="I call her at two.")).status_code == 303
    shown = (await agent.get(page)).text
    assert "Somebody said what happens next" in shown
    assert "Escalated: Slow" not in (await agent.get(f"/cases/{filed.reference}")).text
    assert (await send(agent, page, f"{page}/escalate", ladder="slow")).status_code == 303


async def test_only_who_gives_work_away_takes_an_escalation_back(desk, send):
    await made()
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file()
    identity = await climbing.escalate(filed.case_id, "slow")
    page = f"/cases/{filed.reference}/routing"
    action = f"/cases/{filed.reference}/escalations/{identity}/back"
    assert (await agent.submit(action, {"words": "No."}, page=page)).status_code == 403
    assert (await send(leader, page, action, words="A mistake.")).status_code == 303
    assert await db.fetchval("SELECT ended_because FROM core_escalation") == "taken_back"
    again = await leader.submit(action, {"words": "Again."}, page=page)
    assert again.status_code == 409
    assert "over already" in again.text


async def test_a_leader_lets_routing_choose(desk, send):
    leader = await desk.signed_in("leader")
    filed = await desk.file()
    page = f"/cases/{filed.reference}/routing"
    assert (await send(leader, page, f"{page}/choose")).status_code == 303
    await desk.work()
    assert await db.fetchval("SELECT owner_id FROM core_case") is not None
    assert "in hand" in (await leader.get(page)).text
    refused = await (await desk.signed_in("agent")).submit(f"{page}/choose", {}, page=page)
    assert refused.status_code == 403


async def test_whom_a_matter_is_about_sees_no_escalation_and_starts_none(desk):
    await made()
    filed = await desk.file("The fee.", "The clerk was rude.")
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    browser = await desk.signed_in("agent")
    rude = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    await aspects.concern(leader, rude, agent.user_id)
    await climbing.escalate(filed.case_id, "slow", rude)
    await climbing.escalate(filed.case_id, "slow")
    case = await browser.get(f"/cases/{filed.reference}")
    assert (case.status_code, "Escalated" in case.text) == (200, False)
    page = f"/cases/{filed.reference}/routing"
    shown = await browser.get(page)
    assert (shown.status_code, "Slow" in shown.text) == (200, False)
    assert "Escalated" not in (await browser.get("/queues/all")).text
    refused = await browser.submit(f"{page}/escalate", {"ladder": "slow"}, page=page)
    assert refused.status_code == 403
    assert "Escalated: Slow" in (await (await desk.signed_in("leader")).get(f"/cases/{filed.reference}")).text


async def test_the_audit_trail_tells_of_escalations_in_words(desk):
    await made("slow", Step("owner"), Step("queue", target="new-complaints"))
    leader, viewer = await desk.signed_in("leader"), await desk.viewer("leader")
    filed = await desk.file()
    await cases.take(viewer, filed.case_id)
    identity = await climbing.escalate(filed.case_id, "slow")
    await climbing.climb_due()
    await climbing.acknowledge(viewer, identity, "I call her at two.")
    text = (await leader.get(f"/cases/{filed.reference}/history")).text
    assert "Escalation Slow, step 1: to Leader" in text
    assert "step 2: to New complaints" in text
    assert "The escalation Slow ended: Leader said what happens next" in text
