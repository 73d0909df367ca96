"""Redress over the API: the same limits, the same second person, the same hidden aspects as on the pages."""

from typing import Any
from uuid import uuid4

from ombud.desk import aspects
from ombud.kernel.database import db


async def _filed(desk: Any, *matters: str) -> tuple[str, str]:
    filed = await desk.file(*(matters or ("The fee was taken twice.",)))
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    return f"/api/v1/cases/{filed.reference}/aspects/{aspect}", str(aspect)


async def test_a_line_above_the_limit_waits_until_somebody_else_approves_what_they_saw(desk: Any) -> None:
    agent, leader = await desk.api("agent"), await desk.api("leader")
    one, _ = await _filed(desk)
    decided = await agent.post(
        f"{one}/decide",
        json={"outcome": "upheld", "reason": "Our fault.", "version": 1,
              "redress": [{"kind": "money", "amount": "300", "currency": "EUR"}, {"kind": "apology"}]},
    )  # fmt: skip
    assert [each["state"] for each in decided.json()["redress"]] == ["waiting", "granted"]
    (waiting,) = (await leader.get("/api/v1/redress/waiting")).json()["items"]
    assert (waiting["amount"], waiting["state"], waiting["mine"]) == ("300.00", "waiting", False)
    assert (await agent.get("/api/v1/redress/waiting")).json()["items"][0]["mine"]
    approve = f"/api/v1/redress/requests/{waiting['id']}/approve"
    assert (await agent.post(approve, json={"content": waiting["content"]})).status_code == 403
    assert (await leader.post(approve, json={"content": "0" * 64})).status_code == 409
    assert (await leader.post(approve, json={"content": waiting["content"]})).json()["state"] == "granted"
    case = (await agent.get(one.rpartition("/aspects/")[0])).json()
    lines = case["aspects"][0]["redress"]
    assert {(each["kind"], each["approved"]) for each in lines} == {("money", True), ("apology", False)}
    assert case["aspects"][0]["redress_waiting"] == 0


async def test_a_request_is_refused_with_a_reason_or_withdrawn(desk: Any) -> None:
    agent, leader = await desk.api("agent"), await desk.api("leader")
    one, _ = await _filed(desk)
    line = {"kind": "money", "amount": "300", "currency": "EUR"}
    asked = (await agent.post(f"{one}/redress", json=line)).json()
    assert asked["state"] == "waiting"
    at = f"/api/v1/redress/requests/{asked['id']}"
    assert (await leader.post(f"{at}/refuse", json={"reason": " "})).status_code == 422
    assert (await leader.post(f"{at}/refuse", json={"reason": "We pay 120."})).json()["state"] == "refused"
    assert (await leader.post(f"{at}/refuse", json={"reason": "Again."})).status_code == 409
    found = (await agent.get(f"{one}/redress")).json()
    assert [(each["state"], each["reason"]) for each in found["requests"]] == [("refused", "We pay 120.")]
    other = (await agent.post(f"{one}/redress", json=line)).json()
    gone = await agent.post(f"/api/v1/redress/requests/{other['id']}/withdraw", json={"reason": "Not needed."})
    assert gone.json()["state"] == "withdrawn"
    assert (await leader.post(f"/api/v1/redress/requests/{uuid4()}/approve", json={"content": ""})).status_code == 404


async def test_the_amount_in_dispute_is_set_and_read(desk: Any) -> None:
    agent = await desk.api("agent")
    one, _ = await _filed(desk)
    at = f"{one}/amount-in-dispute"
    assert (await agent.put(at, json={"amount": "lots", "currency": "EUR", "version": 1})).status_code == 422
    assert (await agent.put(at, json={"amount": "1200.5", "currency": "EUR", "version": 1})).is_success
    assert (await agent.put(at, json={"amount": "7", "currency": "EUR", "version": 1})).status_code == 409
    case = (await agent.get(one.rpartition("/aspects/")[0])).json()
    assert case["aspects"][0]["amount_in_dispute"] == "1200.50"
    assert (await agent.put(at, json={"amount": "", "version": 2})).is_success


async def test_an_aspect_about_somebody_shows_them_no_redress_over_the_api(desk: Any) -> None:
    leader, agent = await desk.viewer("leader"), await desk.api("agent")
    await desk.user("boss", "leader")
    boss, boss_id = await desk.api("boss"), (await desk.viewer("boss")).user_id
    one, aspect = await _filed(desk, "The clerk was rude.", "The fee is wrong.")
    await aspects.concern(leader, aspect, boss_id)
    asked = (await agent.post(f"{one}/redress", json={"kind": "money", "amount": "300", "currency": "EUR"})).json()
    assert (await boss.get("/api/v1/redress/waiting")).json()["items"] == []
    assert (await boss.get(f"{one}/redress")).status_code == 404
    answer = await boss.post(f"/api/v1/redress/requests/{asked['id']}/approve", json={"content": ""})
    assert answer.status_code == 404
