"""How much somebody may give: limits, the sum over a case, a second person, and what the policy hides."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud.desk import aspects, cases
from ombud.desk.aspects import Decision
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.merges import split
from ombud.desk.redress import disputes, granting, limits, requests, shown
from ombud.desk.redress.limits import Held, weighed
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.redress.requests import content_hash
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a machine with much else to do."""


def money(amount: str, currency: str = "EUR", note: str = "") -> RedressGiven:
    return RedressGiven("money", Decimal(amount), currency, note)


async def _aspects(desk: Any, *matters: str) -> tuple[Any, list[UUID]]:
    filed = await desk.file(*(matters or ("The fee was taken twice.",)))
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    return filed, [row["id"] for row in rows]


async def _hash(request: UUID) -> str:
    row = await db.fetchrow("SELECT * FROM core_redress_request WHERE id = $1", request)
    assert row is not None
    return content_hash(row)


async def _kinds(case_id: UUID) -> list[str]:
    rows = await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = $1 ORDER BY seq", f"case/{case_id}")
    return [row["kind"] for row in rows]


# --- Which limit holds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "roles", "own", "limit"),
    [
        ([], ["agent"], True, "250"),
        ([], ["leader"], True, "2500"),
        ([], ["agent", "leader"], True, "2500"),
        ([], ["quality"], True, "0"),
        ([], ["leader"], False, "0"),
        ([("agent", "100", 0, False)], ["agent"], True, "100"),
        ([("agent", "100", 2, False), ("agent", "40", 1, False)], ["agent"], True, "40"),
        ([("agent", "0", 0, False)], ["agent"], True, "0"),
        ([("agent", "9000", 0, False), ("", "10", 3, True)], ["agent"], True, "10"),
        ([("", "70", 1, True), ("", "60", 0, True)], ["agent"], True, "60"),
        ([("agent", "500", 0, False)], ["agent"], False, "500"),
        ([("leader", "9000", 0, False)], ["agent"], True, "250"),
    ],
)
def test_a_persons_limit_comes_before_their_roles_and_the_nearer_unit_before_the_higher(held, roles, own, limit):
    found = [Held(role, Decimal(amount), distance, personal) for role, amount, distance, personal in held]
    assert weighed(found, roles, own) == Decimal(limit)


@UNHURRIED
@given(
    st.lists(st.builds(Held, st.sampled_from(["agent", "leader"]), st.decimals(0, 9999, places=2),
                       st.integers(0, 4), st.just(False)), max_size=6),
    st.sets(st.sampled_from(["agent", "leader", "quality"])), st.sampled_from(["agent", "leader", "quality"]),
)  # fmt: skip
def test_one_role_more_never_lowers_a_limit_and_who_has_none_gives_nothing(held, roles, more):
    assert weighed(held, sorted(roles | {more}), True) >= weighed(held, sorted(roles), True)
    assert weighed(held, [], True) == 0


# --- Giving -----------------------------------------------------------------------------------------------------------


async def test_an_agent_gives_up_to_the_limit_at_once_and_above_it_a_second_person_is_asked(desk):
    agent = await desk.viewer("agent")
    filed, (only,) = await _aspects(desk)
    first = await granting.add_redress(agent, only, money("250.00"))
    assert not first.waits
    second = await granting.add_redress(agent, only, money("0.01"))
    assert second.waits
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 1
    assert (await _kinds(filed.case_id))[-2:] == ["redress.added", "redress.requested"]
    assert (await verify()).broken == ""


async def test_small_lines_two_agents_and_two_aspects_give_no_more_than_one_line(desk):
    agent = await desk.viewer("agent")
    await desk.user("second", "agent")
    other = await desk.viewer("second")
    _, (one, two) = await _aspects(desk, "The fee was taken twice.", "Nobody called back.")
    assert not (await granting.add_redress(agent, one, money("200"))).waits
    assert (await granting.add_redress(other, two, money("51"))).waits
    assert not (await granting.add_redress(other, two, money("50"))).waits


async def test_a_case_that_is_split_off_does_not_double_the_limit(desk):
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed, (one, two) = await _aspects(desk, "The fee was taken twice.", "Nobody called back.")
    await granting.add_redress(agent, one, money("200"))
    await split.split(leader, filed.case_id, [two], "It is a matter of its own.")
    assert await db.fetchval("SELECT case_id FROM core_aspect WHERE id = $1", two) != filed.case_id
    assert (await granting.add_redress(agent, two, money("100"))).waits


async def _grants(agent: Any, leader: Any, aspect: UUID) -> bool:
    return (await granting.add_redress(agent, aspect, money("200"))).waits


async def _approves(agent: Any, leader: Any, aspect: UUID) -> bool:
    asked = await db.fetchval("SELECT id FROM core_redress_request")
    try:
        await requests.approve(leader, asked, await _hash(asked))
    except NotNow as refusal:
        return "With it the case would have been given €2,600.00" in str(refusal)
    return False


@pytest.mark.parametrize("second_one", [_grants, _approves])
async def test_two_who_give_at_once_in_a_case_and_its_sibling_wait_for_each_other(desk, monkeypatch, second_one):
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed, (one, two) = await _aspects(desk, "The fee was taken twice.", "Nobody called back.")
    assert (await granting.add_redress(agent, one, money("2400"))).waits
    await split.split(leader, filed.case_id, [two], "It is a matter of its own.")
    summed, go_on, put = asyncio.Event(), asyncio.Event(), granting.put

    async def slow(case_id: UUID, aspect_id: UUID, *args: Any, **more: Any) -> UUID:
        if aspect_id == two:
            summed.set()
            await go_on.wait()
        return await put(case_id, aspect_id, *args, **more)

    monkeypatch.setattr(granting, "put", slow)
    first = asyncio.create_task(granting.add_redress(agent, two, money("200")))
    await summed.wait()
    second = asyncio.create_task(second_one(agent, leader, one))
    try:
        while not second.done() and not await _somebody_waits():
            await asyncio.sleep(0.01)
        assert not second.done(), "it summed up without what the other one grants"
    finally:
        go_on.set()
        done = await asyncio.gather(first, second)
    assert not done[0].waits
    assert done[1], "together they are above the limit"
    assert (await verify()).broken == ""


async def _somebody_waits() -> bool:
    """For a lock that somebody else holds."""
    return bool(await db.fetchval("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"))


async def test_what_waits_moves_with_its_aspect_into_the_case_it_is_split_into(desk):
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed, (_, two) = await _aspects(desk, "The fee was taken twice.", "Nobody called back.")
    asked = await granting.add_redress(agent, two, money("900"))
    await split.split(leader, filed.case_id, [two], "It is a matter of its own.")
    await requests.approve(leader, asked.id, await _hash(asked.id))
    case = await db.fetchval("SELECT case_id FROM core_aspect WHERE id = $1", two)
    assert await db.fetchval("SELECT case_id FROM core_redress") == case
    assert (await verify()).broken == ""


async def test_another_currency_goods_and_waivers_count_too_and_words_do_not(desk):
    agent = await desk.viewer("agent")
    _, (only,) = await _aspects(desk)
    assert (await granting.add_redress(agent, only, money("1.00", "GBP"))).waits
    assert not (await granting.add_redress(agent, only, RedressGiven("goods", Decimal(200), "EUR"))).waits
    assert (await granting.add_redress(agent, only, RedressGiven("waiver", Decimal(60), "EUR"))).waits
    for kind in ("apology", "correction", "goods"):
        assert not (await granting.add_redress(agent, only, RedressGiven(kind))).waits
    with pytest.raises(Invalid):
        await granting.add_redress(agent, only, RedressGiven("waiver"))


async def test_a_decision_stands_while_its_redress_waits_and_the_case_stays_open_until_it_is_settled(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed, (only,) = await _aspects(desk)
    lines = (money("300.00", note="For the fee"), RedressGiven("apology"))
    done = await aspects.decide_aspect(agent, only, Decision("upheld", "It was our fault.", "", lines), None)
    assert [each.state for each in done] == ["waiting", "granted"]
    assert await db.fetchval("SELECT status FROM core_aspect WHERE id = $1", only) == "closed"
    with pytest.raises(NotNow, match="waits for a second person"):
        await cases.close(agent, filed.case_id)
    await requests.approve(leader, done[0].id, await _hash(done[0].id))
    row = await db.fetchrow("SELECT * FROM core_redress WHERE kind = 'money'")
    assert (row["amount"], row["created_by"], row["approved_by"]) == (Decimal(300), agent.user_id, leader.user_id)
    await cases.close(agent, filed.case_id)
    assert (await verify()).broken == ""


async def test_lines_of_one_decision_stay_together_when_their_sum_is_above_the_limit(desk):
    agent = await desk.viewer("agent")
    _, (only,) = await _aspects(desk)
    lines = (money("200"), money("100"))
    done = await aspects.decide_aspect(agent, only, Decision("upheld", "It was our fault.", "", lines), None)
    assert all(each.waits for each in done)
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 0


# --- A second person --------------------------------------------------------------------------------------------------


async def test_nobody_approves_what_they_asked_for_nor_what_is_above_their_own_limit(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    await desk.user("second", "agent")
    other = await desk.viewer("second")
    _, (only,) = await _aspects(desk)
    asked = await granting.add_redress(agent, only, money("300"))
    shown_hash = await _hash(asked.id)
    with pytest.raises(NotAllowed, match="Somebody else"):
        await requests.approve(agent, asked.id, shown_hash)
    with pytest.raises(NotNow, match=r"your own limit is €250\.00"):
        await requests.approve(other, asked.id, shown_hash)
    mine = await granting.add_redress(leader, only, money("2501"))
    with pytest.raises(NotAllowed):
        await requests.approve(leader, mine.id, await _hash(mine.id))
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 0


async def test_the_approved_version_is_the_one_that_was_shown_and_a_changed_one_asks_again(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed, (only,) = await _aspects(desk)
    asked = await granting.add_redress(agent, only, money("300"))
    seen = await _hash(asked.id)
    await requests.change(agent, asked.id, money("400"), 1)
    with pytest.raises(Changed):
        await requests.approve(leader, asked.id, seen)
    with pytest.raises(NotAllowed):
        await requests.change(leader, asked.id, money("1"), 2)
    await requests.approve(leader, asked.id, await _hash(asked.id))
    assert await db.fetchval("SELECT amount FROM core_redress") == Decimal(400)
    kinds = await _kinds(filed.case_id)
    assert kinds[-4:] == ["redress.requested", "redress.requested", "redress.approved", "redress.added"]
    with pytest.raises(NotNow):
        await requests.approve(leader, asked.id, await _hash(asked.id))


async def test_a_refusal_needs_a_reason_and_grants_nothing(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    _, (only,) = await _aspects(desk)
    asked = await granting.add_redress(agent, only, money("300"))
    with pytest.raises(Invalid):
        await requests.refuse(leader, asked.id, "  ")
    await requests.refuse(leader, asked.id, "The bank pays 120 for this.")
    found = (await shown.requests_of(agent, only))[0]
    assert (found.state, found.reason) == ("refused", "The bank pays 120 for this.")
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 0
    assert await shown.waiting(leader) == []


async def test_approvers_are_told_and_so_is_whoever_asked(desk):
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    await desk.user("second", "agent")
    _, (only,) = await _aspects(desk)
    asked = await granting.add_redress(agent, only, money("300"))
    await desk.work()
    told = "SELECT u.name FROM core_notice n JOIN core_user u ON u.id = n.user_id WHERE n.kind = $1 ORDER BY 1"
    able = {row["name"] for row in await db.fetch(told, "redress_waits")}
    assert "leader" in able
    assert not able & {"agent", "second"}  # who asked, and whose limit is not enough
    assert await shown.count_waiting(leader) == 1
    assert await shown.count_waiting(agent) == 0
    await requests.approve(leader, asked.id, await _hash(asked.id))
    await desk.work()
    assert [row["name"] for row in await db.fetch(told, "redress_decided")] == ["agent"]


async def test_redress_of_an_aspect_about_somebody_is_hidden_from_them_by_every_path(desk):
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    await desk.user("boss", "leader")
    boss = await desk.viewer("boss")
    _, (only, _) = await _aspects(desk, "The clerk was rude.", "The fee is wrong.")
    await aspects.concern(leader, only, boss.user_id)
    asked = await granting.add_redress(agent, only, money("300"))
    await desk.work()
    assert await shown.waiting(boss) == []
    assert await shown.count_waiting(boss) == 0
    assert await shown.requests_of(boss, only) == []
    assert await shown.payments_of(boss, only) == []
    told = "SELECT count(*) FROM core_notice n JOIN core_user u ON u.id = n.user_id WHERE u.name = 'boss'"
    assert await db.fetchval(told) == 0
    for refused in (
        requests.approve(boss, asked.id, await _hash(asked.id)), requests.refuse(boss, asked.id, "No."),
        requests.withdraw(boss, asked.id), granting.add_redress(boss, only, money("1")),
        disputes.say(boss, only, Decimal(1), "EUR", None),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await refused


# --- Limits that are set ----------------------------------------------------------------------------------------------


async def test_a_limit_that_is_set_holds_from_then_on_below_its_unit_and_the_one_before_stays_readable(desk):
    admin, agent = await desk.viewer("administrator"), await desk.viewer("agent")
    _, (only,) = await _aspects(desk)
    unit = await db.fetchval("SELECT id FROM core_unit")
    await limits.set_limit(admin, unit, role="agent", currency="EUR", amount=Decimal(20))
    assert (await granting.add_redress(agent, only, money("21"))).waits
    await limits.set_limit(admin, unit, user_id=agent.user_id, currency="EUR", amount=Decimal(30))
    assert not (await granting.add_redress(agent, only, money("21"))).waits
    await limits.set_limit(admin, unit, user_id=agent.user_id, currency="EUR", amount=Decimal(10))
    rows = await db.fetch("SELECT amount, ended_at FROM core_redress_limit WHERE user_id IS NOT NULL ORDER BY set_at")
    assert [(row["amount"], row["ended_at"] is None) for row in rows] == [(Decimal(30), False), (Decimal(10), True)]
    kept = next(each for each in await limits.all_limits(admin) if each.user_id)
    await limits.end_limit(admin, kept.id)
    assert await limits.limit_of(agent, unit, "EUR") == Decimal(20)


async def test_limits_are_set_by_administrators_alone_for_one_role_or_one_person(desk):
    admin, leader = await desk.viewer("administrator"), await desk.viewer("leader")
    unit = await db.fetchval("SELECT id FROM core_unit")
    with pytest.raises(NotAllowed):
        await limits.set_limit(leader, unit, role="leader", currency="EUR", amount=Decimal(10**6))
    for wrong in (
        {"role": "agent", "user_id": leader.user_id}, {}, {"role": "nobody"},
    ):  # fmt: skip
        with pytest.raises(Invalid):
            await limits.set_limit(admin, unit, currency="EUR", amount=Decimal(1), **wrong)
    for currency, amount in (("EURO", Decimal(1)), ("EUR", Decimal(-1)), ("EUR", None), ("JPY", Decimal("0.5"))):
        with pytest.raises(Invalid):
            await limits.set_limit(admin, unit, role="agent", currency=currency, amount=amount)


# --- What the customer asks for ---------------------------------------------------------------------------------------


async def test_the_amount_in_dispute_stands_in_the_ledger_as_codes(desk):
    agent = await desk.viewer("agent")
    filed, (only,) = await _aspects(desk)
    await disputes.say(agent, only, Decimal("1200.50"), "eur", None)
    entry = await db.fetchrow(
        "SELECT kind, body FROM core_ledger_entry WHERE stream = $1 ORDER BY seq DESC LIMIT 1", f"case/{filed.case_id}"
    )
    assert entry["kind"] == "redress.claimed"
    assert entry["body"] == {"aspect": str(only), "amount_in_dispute": "1200.50", "currency": "EUR"}
    await disputes.say(agent, only, None, "", None)
    assert await db.fetchval("SELECT amount_in_dispute FROM core_aspect WHERE id = $1", only) is None
    with pytest.raises(Invalid):
        await disputes.say(agent, only, Decimal("1.001"), "EUR", None)
    with pytest.raises(Changed):
        await disputes.say(agent, only, Decimal(5), "EUR", 1)
