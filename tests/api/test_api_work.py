"""Cases worked from end to end over the API, its refusals, and its own description."""

from typing import get_args
from uuid import uuid4

from ombud.desk import aspects, cases, words
from ombud.web.api import bodies

JSON = {"Content-Type": "application/json"}


async def seen(api, at, aspect=None):
    """The version a reader has just seen, of the case or of one of its aspects."""
    case = (await api.get(at)).json()
    return {"version": next((each["version"] for each in case["aspects"] if each["id"] == aspect), case["version"])}


async def test_a_case_is_taken_decided_answered_closed_and_reopened(desk, problem_of):
    api = await desk.api("leader")
    filed = await desk.file("The fee was taken twice.", "Nobody called back.")
    at = f"/api/v1/cases/{filed.reference}"
    assert (await api.post(f"{at}/take")).json() == {
        "reference": filed.reference,
        "status": "in_progress",
        "version": 2,
    }
    case = (await api.get(at)).json()
    first, second = (each["id"] for each in case["aspects"])
    assert case["owner"]["name"] == "Leader"

    changed = await api.patch(at, json={"version": case["version"], "priority": "high", "title": "Two fees"})
    assert changed.json()["version"] == 3
    conflict = problem_of(
        await api.patch(at, json={"version": 2, "title": "Mine", "queue": "new-complaints"}), 409, "changed"
    )
    assert conflict["theirs"] == {"title": "Two fees", "queue": "new-complaints"}
    assert conflict["yours"]["title"] == "Mine"
    problem_of(await api.patch(at, json={"title": "No version"}), 422)
    problem_of(await api.patch(at, json={"version": 3, "priority": "loud"}), 422)
    problem_of(await api.patch(at, json={"version": 3, "queue": "nowhere"}), 422)

    one = f"{at}/aspects/{first}"
    assert (await api.patch(one, json={"version": 1, "category": "fees"})).json()["version"] == 2
    problem_of(await api.patch(one, json={"version": 1, "category": "other"}), 409, "changed")
    redress = [{"kind": "money", "amount": "42.5", "currency": "EUR"}, {"kind": "apology", "note": "By letter"}]
    bad = [{"kind": "money", "amount": "1e999", "currency": "EUR"}]
    decision = {"outcome": "upheld", "reason": "We charged twice.", "cause": "system_fault", "version": 2}
    refused = problem_of(await api.post(f"{one}/decide", json={**decision, "redress": bad}), 422)
    assert refused["errors"][0]["field"] == "redress.0.amount"
    decided = await api.post(f"{one}/decide", json={**decision, "redress": redress})
    assert decided.json()["status"] == "closed"
    problem_of(await api.post(f"{one}/decide", json={**decision, "version": 3}), 409, "not-now")
    problem_of(await api.post(f"{one}/decide", json={**decision, "version": None}), 422)
    problem_of(await api.post(f"{at}/close", json={}), 422)
    problem_of(await api.post(f"{at}/close", json=await seen(api, at)), 409, "not-now")
    other = {"outcome": "not_upheld", "reason": "We did.", "version": 1}
    assert (await api.post(f"{at}/aspects/{second}/decide", json=other)).is_success

    case = (await api.get(at)).json()
    assert (case["status"], case["aspects"][0]["cause"]) == ("resolved", "system_fault")
    lines = case["aspects"][0]["redress"]
    assert [(each["kind"], each["amount"], each["standing"]) for each in lines] == [
        ("money", "42.50", True), ("apology", None, True),
    ]  # fmt: skip
    assert (await api.post(f"{one}/redress/{lines[0]['id']}/reverse", json={"reason": "Paid before."})).is_success
    problem_of(await api.post(f"{one}/redress/{lines[0]['id']}/reverse", json={"reason": "Again."}), 409)
    added = await api.post(f"{one}/redress", json={"kind": "money", "amount": "7", "currency": "EUR"})
    assert (added.status_code, added.json()["state"]) == (201, "granted")

    key = {"Idempotency-Key": "m-1"}
    note = {"kind": "answer", "text": "We paid 42.50 back.", "aspects": [first]}
    said = await api.post(f"{at}/messages", json=note, headers=key)
    assert said.json() == (await api.post(f"{at}/messages", json=note, headers=key)).json()
    problem_of(await api.post(f"{at}/messages", json={**note, "aspects": [str(uuid4())]}), 422)
    talk = (await api.get(f"{at}/messages?size=1")).json()
    assert [each["text"] for each in talk["items"]] == ["We paid 42.50 back."]
    earlier = (await api.get(f"{at}/messages", params={"cursor": talk["next_cursor"]})).json()
    assert [each["kind"] for each in earlier["items"]] == ["in"]
    assert earlier["next_cursor"] is None

    version = case["version"]
    assert (await api.post(f"{at}/close", json={"version": (await api.get(at)).json()["version"]})).is_success
    problem_of(await api.post(f"{at}/aspects", json={"text": "One more"}), 409)
    again = {"reason": "She wrote again.", **await seen(api, at)}
    assert (await api.post(f"{at}/reopen", json=again)).json()["status"] == "in_progress"
    problem_of(await api.post(f"{at}/reopen", json={"reason": "Again", "version": version}), 409)
    facts = {"reason": "New facts.", **await seen(api, at, first)}
    assert (await api.post(f"{one}/reopen", json=facts)).json()["status"] == "open"
    assert (await api.post(f"{at}/aspects", json={"text": "One more"})).status_code == 201
    assert len((await api.get(at)).json()["aspects"]) == 3

    trail = (await api.get(f"{at}/history?size=3")).json()
    assert [each["kind"] for each in trail["items"]] == ["aspect.added", "aspect.reopened", "case.status_changed"]
    rest = (await api.get(f"{at}/history", params={"before": trail["next_before"]})).json()["items"]
    assert rest[-1]["kind"] == "case.opened"
    assert rest[-1]["values"]["matter.1"] == "The fee was taken twice."


async def test_owners_are_given_by_those_who_may(desk, problem_of):
    agent, leader = await desk.api("agent"), await desk.api("leader")
    me, boss = (await agent.get("/api/v1/me")).json(), (await leader.get("/api/v1/me")).json()
    assert "case.write" in me["permissions"]
    assert "case.assign" not in me["permissions"]
    filed = await desk.file()
    at = f"/api/v1/cases/{filed.reference}"
    problem_of(await agent.post(f"{at}/assign", json={"owner": boss["id"], "version": 1}), 403, "not-allowed")
    assert (await leader.post(f"{at}/assign", json={"owner": me["id"], "version": 1})).json()["version"] == 2
    problem_of(await leader.post(f"{at}/assign", json={"owner": None, "version": 1}), 409, "changed")
    problem_of(await leader.post(f"{at}/assign", json={"owner": str(uuid4()), "version": 2}), 422)
    problem_of(await leader.post(f"{at}/take"), 409, "not-now")
    assert (await leader.get("/api/v1/cases", params={"owner": me["id"]})).json()["total"] == 1
    aspect = (await agent.get(at)).json()["aspects"][0]["id"]
    assert (await agent.post(f"{at}/aspects/{aspect}/assign", json={"owner": me["id"], "version": 1})).is_success
    other = await desk.file()
    problem_of(await agent.patch(f"/api/v1/cases/{other.reference}/aspects/{aspect}", json={"version": 1}), 404)
    problem_of(await agent.get(f"{at}/history"), 403)
    queues = (await agent.get("/api/v1/queues")).json()["items"]
    assert [(each["key"], each["waiting"], each["unowned"]) for each in queues] == [("new-complaints", 2, 1)]


async def test_what_is_hidden_from_a_viewer_is_hidden_in_the_api(desk, problem_of):
    bob, eve = await desk.viewer("leader"), await desk.viewer("compliance")
    api, officer = await desk.api("leader"), await desk.api("compliance")
    secret, staff = await desk.file("Secret"), await desk.file("The fee.", "The leader shouted.")
    agent = await desk.viewer("agent")
    page = (await officer.get(f"/api/v1/cases/{staff.reference}")).json()
    await aspects.concern(agent, page["aspects"][1]["id"], bob.user_id)
    await cases.set_confidential(eve, secret.case_id, True, 1)
    listed = (await api.get("/api/v1/cases")).json()
    assert (listed["total"], [each["title"] for each in listed["items"]]) == (1, [staff.reference])
    hidden = problem_of(await api.get(f"/api/v1/cases/{secret.reference}"), 404)
    missing = problem_of(await api.get("/api/v1/cases/OMB-00000-0"), 404)
    assert hidden["detail"].replace(secret.reference, "") == missing["detail"].replace("OMB-00000-0", "")
    at = f"/api/v1/cases/{staff.reference}"
    for path in (at, f"{at}/messages", f"{at}/history", "/api/v1/cases?text=shouted", "/api/v1/cases?status=new"):
        text = (await api.get(path)).text
        assert "shouted" not in text.replace("text=shouted", "")
        assert page["aspects"][1]["id"] not in text
    problem_of(await api.patch(f"{at}/aspects/{page['aspects'][1]['id']}", json={"version": 1, "title": "x"}), 404)
    problem_of(await api.patch(at, json={"version": 1, "title": "x"}), 403)
    assert (await officer.get("/api/v1/cases")).json()["total"] == 2


async def test_whatever_goes_wrong_is_a_problem_detail(desk, problem_of):
    api = await desk.api("leader")
    filed = await desk.file()
    at = f"/api/v1/cases/{filed.reference}"
    for path in ("/api/v1/nothing", "/api", "/api/v2/cases", "/api/v1/cases/%00"):
        problem_of(await api.get(path), 404)
    for path in ("/api/v1/cases/%00/take", f"{at}/aspects/not-an-id/decide"):
        problem_of(await api.post(path, json={}), 404)
    answer = await api.delete(at)
    problem_of(answer, 405, "method")
    unreadable = ("size=0", "size=many", f"size={'9' * 20}", "received_from=tomorrow", "cursor=%00", "text=%ff")
    misfits = ("cursor=x", "colour=red", "status=lost", "order=up", "owner=you", "due=never", f"text={'x' * 201}")
    for status, queries in ((400, unreadable), (422, misfits)):
        for query in queries:
            problem_of(await api.get(f"/api/v1/cases?{query}"), status)
    problem_of(
        await api.post(f"{at}/messages", content=b"{}", headers={"Content-Type": "text/plain"}), 415, "media-type"
    )
    problem_of(await api.post(f"{at}/messages", content=b'{"kind": "note"}', headers=JSON), 422)
    problem_of(await api.post(f"{at}/close", content=b"null", headers=JSON), 422)


async def test_the_api_describes_itself(desk):
    browser = desk.browser()
    schema = (await browser.get("/api/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    assert {"/api/v1/complaints", "/api/v1/cases/{reference}", "/api/v1/queues"} <= set(schema["paths"])
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    operation = schema["paths"]["/api/v1/complaints"]["post"]
    assert set(operation["responses"]) == {"201", "default"}
    assert [(each["name"], each["required"]) for each in operation["parameters"]] == [("Idempotency-Key", True)]
    page = await browser.get("/api/docs")
    assert page.status_code == 200
    assert "`" not in page.text
    for word in ("POST /api/v1/complaints", "Idempotency-Key", "matters[].text", "partly_upheld"):
        assert word in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_the_bodies_take_exactly_the_desks_codes():
    assert get_args(bodies.Priority) == words.PRIORITIES
    assert get_args(bodies.Outcome) == words.OUTCOMES
    assert get_args(bodies.RedressKind) == words.REDRESS_KINDS
    assert set(get_args(bodies.Mood)) == {"", *words.MOODS}
