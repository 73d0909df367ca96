"""Customers are told once, by a way that leads to them, and never a machine; staff are told of what concerns them."""

from typing import Any

import pytest

from ombud.desk import cases
from ombud.desk.notices import digest, mine
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import Filed


@pytest.fixture
def sent(desk_with_dummy: Any) -> Any:
    import ombud_dummy.plugin as module

    module.SENT.clear()
    module.Line.says = "fine"
    return module.SENT


async def test_what_comes_in_is_acknowledged_once_in_the_customers_language(desk_with_dummy: Any, sent: Any) -> None:
    filed = await desk_with_dummy.file("Opłatę pobrano dwa razy.", language="pl")
    await desk_with_dummy.work()
    await desk_with_dummy.work()
    (message,) = sent.values()
    assert (message.kind, message.robot, message.recipient.email) == ("acknowledgement", True, "helena@example.org")
    assert filed.reference in message.subject
    assert "Szanowni Państwo" in message.text
    assert message.reference == filed.reference
    rows = await db.fetch("SELECT state, author_id FROM core_outgoing o JOIN core_message m USING (id)")
    assert [(row["state"], row["author_id"]) for row in rows] == [("sent", None)]


async def test_nobody_without_an_address_nothing_old_and_no_machine_is_acknowledged(
    desk_with_dummy: Any, sent: Any, wire: Any
) -> None:
    await desk_with_dummy.file("The fee was taken twice.", email="")
    old = await desk_with_dummy.file("The fee was taken twice, long ago.")
    await db.execute("UPDATE core_case SET received_at = received_at - interval '40 days' WHERE id = $1", old.case_id)
    away = {"automatic": {"kind": "auto_reply", "reason": "Auto-Submitted: auto-replied"}}
    await wire({"name": "Postmaster", "email": "robot@example.org"}, "I am away.", more=away)
    message = await db.fetchval("SELECT id FROM core_message WHERE case_id IS NULL")
    browser = await desk_with_dummy.signed_in("leader")
    made = await browser.submit(f"/inbox/{message}/case", {}, page=f"/inbox?open={message}")
    assert made.status_code == 303, made.text[-500:]
    await desk_with_dummy.work()
    assert not sent
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0


async def test_customers_are_told_of_news_the_unit_chose_and_whoever_wants_none_is_left_in_peace(
    desk_with_dummy: Any, sent: Any
) -> None:
    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False, "news": ["in_progress"]}))
    agent, browser = await desk_with_dummy.viewer("agent"), await desk_with_dummy.signed_in("leader")
    one, two = await desk_with_dummy.file("The fee was taken twice."), await desk_with_dummy.file("It was rude.")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", two.case_id)
    await browser.submit(f"/parties/{person}/news", {"wanted": "no"}, page=f"/parties/{person}")
    for each in (one, two):
        await cases.take(agent, each.case_id)
    await desk_with_dummy.work()
    await db.execute("UPDATE core_outgoing SET leave_at = now() WHERE leave_at IS NOT NULL")
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE state = 'waiting'")
    await desk_with_dummy.work()
    assert [(each.kind, each.reference) for each in sent.values()] == [("status", one.reference)]


async def assigned(desk: Any) -> tuple[Any, Filed]:
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    await cases.assign(leader, filed.case_id, agent.user_id)
    await desk.work()
    return agent, filed


async def test_whoever_is_given_a_case_finds_it_among_their_notices_once(desk_with_dummy: Any) -> None:
    _, filed = await assigned(desk_with_dummy)
    browser = await desk_with_dummy.signed_in("agent")
    assert (await browser.get("/live/notices")).json()["count"] == 1
    page = await browser.get("/me/notices")
    assert f"{filed.reference}</strong> is yours now" in page.text
    assert (await browser.get("/live/notices")).json()["count"] == 0
    leader = await desk_with_dummy.viewer("leader")
    assert (await mine.mine(leader))[0] == []


async def test_a_leader_is_told_at_once_of_an_angry_message_and_an_agent_of_another_case_is_not(
    desk_with_dummy: Any,
) -> None:
    filed = await desk_with_dummy.file("THIS IS A DISGRACE. I WANT MY MONEY BACK.")
    leader, agent = await desk_with_dummy.viewer("leader"), await desk_with_dummy.viewer("agent")
    await desk_with_dummy.work()
    told, _ = await mine.mine(leader)
    assert [(each.kind, each.reference) for each in told] == [("red", filed.reference)]
    assert (await mine.mine(agent))[0] == []


async def test_who_may_not_see_a_case_is_told_nothing_of_it(desk_with_dummy: Any) -> None:
    leader = await desk_with_dummy.viewer("leader")
    filed = await desk_with_dummy.file("THE CLERK IS A DISGRACE. I WANT MY MONEY BACK.")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE case_id = $1", filed.case_id, leader.user_id)
    await desk_with_dummy.work()
    assert (await mine.mine(leader))[0] == []


async def test_a_digest_goes_out_once_a_day_and_says_how_many_of_what_without_a_word_of_a_case(
    desk_with_dummy: Any, sent: Any, monkeypatch: Any
) -> None:
    browser = await desk_with_dummy.signed_in("agent")
    await browser.submit("/me/notices/choices", {"assigned": "digest"})
    await db.execute("UPDATE core_user SET email = 'agent@example.org' WHERE name = 'agent'")
    await assigned(desk_with_dummy)
    monkeypatch.setattr(digest, "FROM", digest.time(0, 0))
    for _ in range(2):
        await digest.send({}, None)  # type: ignore[arg-type]
        await desk_with_dummy.work()
    digests = [each for each in sent.values() if each.kind == "digest"]
    assert [each.recipient.email for each in digests] == ["agent@example.org"]
    assert "1 × a case or an aspect is given to me" in digests[0].text
    assert "fee" not in digests[0].text


async def test_who_wants_to_be_told_nothing_is_told_nothing(desk_with_dummy: Any) -> None:
    browser = await desk_with_dummy.signed_in("agent")
    await browser.submit("/me/notices/choices", {"assigned": "none"})
    agent, _ = await assigned(desk_with_dummy)
    assert (await mine.mine(agent))[0] == []


async def test_a_way_there_is_not_is_refused_and_nothing_changes(desk_with_dummy: Any) -> None:
    browser = await desk_with_dummy.signed_in("agent")
    answer = await browser.submit("/me/notices/choices", {"assigned": "pigeon"})
    assert answer.status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_notice_choice") == 0
