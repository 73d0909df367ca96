"""Take-next: what is most needed of what one can do best, once, whoever asks at the same moment."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.desk import aspects, cases, support
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.bulk import run as bulk_run
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.colleagues import claims
from ombud.desk.errors import NotNow
from ombud.desk.queues import lines
from ombud.desk.routing import next_item, profiles, reasons, skills
from ombud.desk.routing.ordering import Item, ranked
from ombud.desk.routing.profiles import ProfileGiven
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

SETTLED = settings(derandomize=True, deadline=None, max_examples=60)


async def set_case(case_id: UUID, **values: Any) -> None:
    for name, value in values.items():
        await db.execute(f"UPDATE core_case SET {name} = $2 WHERE id = $1", case_id, value)


async def order_for(desk: Any, name: str = "agent") -> list[UUID]:
    viewer, found = await desk.viewer(name), []
    while (taken := await next_item.take_next(viewer)) is not None:
        found.append(taken.case_id)
    return found


async def test_what_is_late_comes_before_what_is_grave_and_what_is_grave_before_what_is_old(desk: Any) -> None:
    old, grave, late, needs = [(await desk.file(f"Matter {n}.")).case_id for n in range(4)]
    far = now() + timedelta(days=40)
    for case_id in (old, grave, needs):
        await set_case(case_id, due_at=far)
    await set_case(old, received_at=now() - timedelta(days=3))
    await set_case(grave, severity=4)
    await set_case(late, due_at=now() - timedelta(hours=1))
    agent = await desk.viewer("agent")
    party = await db.fetchrow("SELECT case_id, person_id FROM core_party WHERE case_id = $1", needs)
    await db.execute(
        "INSERT INTO core_support_needs (id, case_id, person_id, in_vulnerable_circumstances, adjustments, "
        "lawful_basis, confirmed_by, confirmed_at) VALUES (gen_random_uuid(), $1, $2, TRUE, '', 'consent', $3, now())",
        party["case_id"], party["person_id"], agent.user_id,
    )  # fmt: skip
    assert await order_for(desk) == [late, grave, needs, old]
    assert support  # the record above is what that room writes


async def test_the_reason_is_told_and_written(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file()
    await set_case(filed.case_id, due_at=now() - timedelta(hours=1), severity=3)
    taken = await next_item.take_next(agent)
    assert taken.reference == filed.reference
    assert reasons.sentence(taken.factors) == "it is late; severity 3"
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'case.assigned'")
    assert body["because"]["next"]["factors"][0]["key"] == "clock"
    assert await next_item.take_next(agent) is None
    await bulk_run.undo(agent, taken.undo_id)
    assert await db.fetchval("SELECT owner_id FROM core_case WHERE id = $1", filed.case_id) is None


async def test_skills_and_languages_decide_among_equals(desk: Any) -> None:
    agent = await desk.viewer("agent")
    await skills.add(SYSTEM, "fraud", "Fraud", {"category": ["fraud"]})
    given = ProfileGiven(skills=("fraud",), languages=("pl",))
    await profiles.set_profile(SYSTEM, agent.user_id, given, 0)
    plain, polish, fraud = [
        (await desk.file("A matter.", language=language)).case_id for language in ("en", "pl", "pl")
    ]
    await db.execute("UPDATE core_aspect SET category = 'fraud' WHERE case_id = $1", fraud)
    assert await order_for(desk) == [fraud, polish, plain]


async def test_two_dozen_who_ask_at_once_each_get_another_one(desk: Any) -> None:
    filed = {(await desk.file(f"Matter {n}.")).case_id for n in range(20)}
    viewers = []
    for number in range(24):
        await desk.user(f"agent{number}", "agent")
        viewers.append(await desk.viewer(f"agent{number}"))
    got = await asyncio.gather(*(next_item.take_next(each) for each in viewers))
    taken = [each.case_id for each in got if each is not None]
    assert len(taken) == len(set(taken)), "two people got one case"
    owners = await db.fetch("SELECT id, owner_id FROM core_case")
    assert sum(row["owner_id"] is not None for row in owners) == len(taken)
    assert set(taken) == filed, "somebody went away with empty hands although work waited"


async def test_what_a_colleague_works_on_is_left_to_them(desk: Any) -> None:
    await desk.user("other", "agent")
    agent, other = await desk.viewer("agent"), await desk.viewer("other")
    filed = await desk.file()
    await claims.claim(other, filed.case_id)
    assert await next_item.take_next(agent) is None
    assert (await next_item.take_next(other)).case_id == filed.case_id
    written = await desk.file("Another.")
    browser = await db.fetchval("SELECT id FROM core_session LIMIT 1")
    if browser is None:
        await desk.signed_in("other")
        browser = await db.fetchval("SELECT id FROM core_session LIMIT 1")
    await db.execute(
        "INSERT INTO core_presence (id, case_id, user_id, session_id, doing, until) "
        "VALUES (gen_random_uuid(), $1, $2, $3, 'writing', now() + interval '1 minute')",
        written.case_id, other.user_id, browser,
    )  # fmt: skip
    assert await next_item.take_next(agent) is None


async def test_nobody_gets_a_case_with_a_matter_about_themselves(desk: Any) -> None:
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee.", "The clerk was rude.")
    rude = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    await aspects.concern(leader, rude, agent.user_id)
    assert await next_item.take_next(agent) is None
    assert (await next_item.take_next(leader)).case_id == filed.case_id


async def test_a_full_pair_of_hands_is_told_so_and_may_still_take_by_hand(desk: Any) -> None:
    agent = await desk.viewer("agent")
    await profiles.set_profile(SYSTEM, agent.user_id, ProfileGiven(capacity=1), 0)
    first, second = await desk.file("One."), await desk.file("Two.")
    await next_item.take_next(agent)
    with pytest.raises(NotNow, match="You have 1 of 1 in your hands"):
        await next_item.take_next(agent)
    for filed in (first, second):
        await cases.take(agent, filed.case_id)


async def _apart(desk: Any) -> tuple[Any, UUID, UUID]:
    """A case of the usual queue with its second matter in the queue of another team."""
    queue = await queue_setup.add(SYSTEM, "conduct", QueueGiven("Conduct", None, {"category": ["conduct"]}))
    filed, agent = await desk.file("The fee."), await desk.viewer("agent")
    matter = await aspects.add(agent, filed.case_id, "The clerk was rude.", category="conduct")
    return filed, matter, queue


async def test_a_matter_waits_in_its_own_queue_and_is_taken_by_itself(desk: Any) -> None:
    filed, matter, _ = await _apart(desk)
    agent = await desk.viewer("agent")
    taken = await next_item.take_next(agent, "conduct")
    assert (taken.case_id, taken.aspect_id) == (filed.case_id, matter)
    assert await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1", matter) == agent.user_id
    assert await db.fetchval("SELECT owner_id FROM core_case") is None
    assert await next_item.take_next(agent, "conduct") is None
    assert (await next_item.take_next(agent)).case_id == filed.case_id


async def test_a_claimed_matter_is_left_to_its_holder_and_keeps_nobody_off_the_others(desk: Any) -> None:
    await desk.user("other", "agent")
    filed, matter, _ = await _apart(desk)
    agent, other = await desk.viewer("agent"), await desk.viewer("other")
    await claims.claim(other, filed.case_id, matter)
    await desk.signed_in("other")
    await db.execute(
        "INSERT INTO core_presence (id, case_id, user_id, session_id, doing, until) SELECT gen_random_uuid(), $1, $2, "
        "s.id, 'writing', now() + interval '1 minute' FROM core_session s LIMIT 1",
        filed.case_id, other.user_id,
    )  # fmt: skip
    assert await next_item.take_next(agent, "conduct") is None
    taken = await next_item.take_next(agent)
    assert (taken.case_id, taken.aspect_id) == (filed.case_id, None), "the rest of the case is free"


async def test_a_claim_on_all_of_a_case_or_on_what_waits_with_it_keeps_the_case_for_its_holder(desk: Any) -> None:
    await desk.user("other", "agent")
    filed, matter, _ = await _apart(desk)
    agent, other = await desk.viewer("agent"), await desk.viewer("other")
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND id <> $2", filed.case_id, matter)
    await claims.claim(other, filed.case_id)
    assert await next_item.take_next(agent) is None
    await claims.claim(other, filed.case_id, first)
    taken = await next_item.take_next(agent)
    assert taken.aspect_id == matter, "the matter in a queue of its own is free"
    assert await next_item.take_next(agent) is None


async def test_both_teams_see_the_case_and_both_counts_say_so(desk: Any) -> None:
    filed, matter, _ = await _apart(desk)
    agent = await desk.viewer("agent")
    for key in ("conduct", "new-complaints"):
        for order in ("due", "newest"):
            found = await list_cases(agent, CaseFilters(queue=key, status="open", order=order))
            assert ([row.reference for row in found.rows], found.total) == ([filed.reference], 1)
    assert {line.key: (line.waiting, line.unowned) for line in await lines(agent)} == {
        "conduct": (1, 1), "new-complaints": (1, 1),
    }  # fmt: skip
    await aspects.assign(agent, matter, agent.user_id)
    mine = await list_cases(agent, CaseFilters(owner="me", order="due"))
    assert [row.reference for row in mine.rows] == [filed.reference]
    free = await list_cases(agent, CaseFilters(queue="conduct", owner="nobody"))
    assert not free.rows


async def test_the_queue_page_marks_the_matter_and_its_day(desk: Any) -> None:
    filed, matter, _ = await _apart(desk)
    agent = await desk.signed_in("agent")
    await db.execute("UPDATE core_aspect SET due_at = '2027-01-15 12:00+00' WHERE id = $1", matter)
    page = (await agent.get("/queues/conduct")).text
    assert "The clerk was rude." in page
    assert "2027-01-15" in page
    assert "The clerk was rude." not in (await agent.get("/queues/new-complaints")).text
    answer = await agent.submit("/queues/conduct/next", {}, page="/queues/conduct")
    assert answer.headers["location"] == f"/cases/{filed.reference}/aspects/{matter}"


async def test_pages_of_a_queue_of_two_kinds_are_cut_without_a_gap(desk: Any) -> None:
    await queue_setup.add(SYSTEM, "conduct", QueueGiven("Conduct", None, {"category": ["conduct"]}))
    agent, wanted = await desk.viewer("agent"), set()
    for number in range(9):
        filed = await desk.file(f"Matter {number}.")
        if number % 2:
            await aspects.add(agent, filed.case_id, "The clerk was rude.", category="conduct")
        else:
            queue = await db.fetchval("SELECT id FROM core_queue WHERE key = 'conduct'")
            await cases.change(agent, filed.case_id, {"queue_id": queue}, None)
        wanted.add(filed.reference)
    for order in ("due", "newest"):
        seen, cursor = [], None
        while True:
            found = await list_cases(agent, CaseFilters(queue="conduct", order=order), cursor, 2)
            seen += [row.reference for row in found.rows]
            cursor = found.next_cursor
            if cursor is None:
                break
        assert (len(seen), set(seen), found.total) == (9, wanted, 9)


async def test_a_matter_about_somebody_brings_them_no_case_into_their_list(desk: Any) -> None:
    filed, matter, _ = await _apart(desk)
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    await aspects.concern(leader, matter, agent.user_id)
    assert not (await list_cases(agent, CaseFilters(queue="conduct"))).rows
    assert {line.key: line.waiting for line in await lines(agent)}["conduct"] == 0
    assert [row.reference for row in (await list_cases(leader, CaseFilters(queue="conduct"))).rows] == [filed.reference]


items = st.builds(
    Item, id=st.uuids().map(str), due_at=st.none() | st.integers(-100, 4000).map(lambda h: now() + timedelta(hours=h)),
    received_at=st.integers(0, 400).map(lambda days: now() - timedelta(days=days)), severity=st.integers(1, 4),
    priority=st.sampled_from(("low", "normal", "high", "urgent")), needs=st.booleans(),
    asks=st.frozensets(st.sampled_from(("a", "b"))), language=st.sampled_from(("", "en", "pl")), knows=st.booleans(),
)  # fmt: skip


@SETTLED
@given(st.lists(items, max_size=8, unique_by=lambda each: each.id), st.randoms(use_true_random=False))
def test_the_order_is_the_same_however_the_items_come(found: list[Item], shuffled: Any) -> None:
    moment, others = now(), list(found)
    shuffled.shuffle(others)
    mine = frozenset({"a"}), frozenset({"en"}), moment
    assert ranked(found, *mine) == ranked(others, *mine)


@SETTLED
@given(items)
def test_whatever_waits_comes_first_one_day(item: Item) -> None:
    """However little it weighs: age grows without end, all else does not."""
    heavy = Item("z", now(), now(), severity=4, priority="urgent", needs=True, asks=frozenset({"a"}), knows=True)
    old = Item(**{**_fields(item), "received_at": now() - timedelta(days=365)})
    assert ranked([heavy, old], frozenset({"a"}), frozenset(), now())[0].id == old.id


def _fields(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Item.__dataclass_fields__}
