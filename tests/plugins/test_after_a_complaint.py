"""What one complaint leaves to the background, and what that costs: bounds that cannot creep. Several that came in
together are handled for the price of few, and none of them waits for another one."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from ombud.desk import promises
from ombud.desk.clocks import settling, watching
from ombud.desk.inbox import mood
from ombud.desk.matters import classifying
from ombud.desk.notices import customers
from ombud.desk.notices import rules as notices
from ombud.kernel import outbox
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.ids import new_id
from ombud.kernel.relay import TOGETHER
from ombud.kernel.telling import Teller
from ombud.trust import group_settings
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM

LOUD, QUIET = "THE FEE WAS TAKEN TWICE.", "The fee was taken twice."
WARM = 2  # cases
AGREED = 1
"""Round trips that go beside the work: a notice, or the rests of providers read again."""


@pytest.fixture
async def desk(desk_with_dummy: Any) -> Any:
    """Every kind of plugin is on, customers are told nothing by themselves, and what is remembered is known."""
    await group_settings.change(SYSTEM, notices.KEY, group_settings.Change({"acknowledge": False}))
    for _ in range(WARM):
        await desk_with_dummy.file(QUIET, QUIET)
        await desk_with_dummy.work()
        await watching.start_waiting()
        await desk_with_dummy.work()
    return desk_with_dummy


async def waiting() -> dict[str, list[UUID]]:
    """Deliveries to core that wait, by subscriber; what a plugin asked to hear is its own."""
    found: dict[str, list[UUID]] = {}
    for row in await db.fetch(
        "SELECT id, subscriber FROM core_delivery WHERE state = 'waiting' AND plugin = '' ORDER BY created_at, id"
    ):
        found.setdefault(row["subscriber"], []).append(row["id"])
    return found


async def together(ids: list[UUID]) -> int:
    """Runs them as they come from the relay; returns how many statements that took."""
    with db.counting() as count:
        await Runner(new_id()).run_together(ids)
    states = await db.fetch("SELECT DISTINCT state FROM core_delivery WHERE id = ANY($1)", ids)
    assert [row["state"] for row in states] == ["done"]
    return count.statements


async def test_a_complaint_leaves_three_deliveries_and_its_tone_one_more(desk: Any) -> None:
    await desk.file(LOUD, QUIET)
    first = await waiting()
    assert {name: len(ids) for name, ids in first.items()} == {
        "core/classify": 1, "core/mood": 1, "core/notices.customers": 1,
    }  # fmt: skip
    for ids in first.values():
        await together(ids)
    then = await waiting()
    assert {name: len(ids) for name, ids in then.items()} == {"core/clocks": 1}
    await together(then["core/clocks"])
    await watching.start_waiting()
    assert await waiting() == {}, "clocks that start set nothing off where no rule of time holds"


@pytest.mark.parametrize("cases", [2, TOGETHER])
async def test_what_follows_complaints_costs_the_same_for_two_as_for_eight(desk: Any, cases: int) -> None:
    for _ in range(cases):
        await desk.file(QUIET, QUIET)
    left = await waiting()
    assert {len(ids) for ids in left.values()} == {cases}
    cost = {name: await together(ids) for name, ids in left.items()}
    left = await waiting()
    cost |= {name: await together(ids) for name, ids in left.items()}
    assert set(cost) == {"core/mood", "core/classify", "core/notices.customers", "core/clocks"}
    # Two of each are the claim and the close.
    most = {"core/mood": 9, "core/classify": 4, "core/notices.customers": 3, "core/clocks": 3}
    assert {name: spent for name, spent in cost.items() if spent > most[name] + AGREED} == {}


@pytest.mark.parametrize("cases", [2, watching.TOGETHER])
async def test_clocks_of_twenty_cases_start_for_the_price_of_two(desk: Any, cases: int) -> None:
    for _ in range(cases):
        await desk.file(QUIET, QUIET)
    with db.counting() as count:
        assert await watching.start_waiting() == cases
    assert count.statements <= 17 + AGREED, "two of them read the plugin's secrets"
    assert await db.fetchval("SELECT count(*) FROM core_clock") == 5 * (cases + WARM), "case, two matters, word, tea"
    assert (await verify()).broken == ""


async def test_several_in_one_go_leave_what_one_at_a_time_leaves(desk: Any) -> None:
    texts = [LOUD, QUIET, LOUD, QUIET]
    one_by_one = [(await desk.file(text)).case_id for text in texts]
    await desk.work()
    in_one_go = [(await desk.file(text)).case_id for text in texts]
    for ids in (await waiting()).values():
        await together(ids)
    await desk.work()
    assert await _left_in(one_by_one) == await _left_in(in_one_go)
    assert (await verify()).broken == ""


async def _left_in(case_ids: list[UUID]) -> list[Any]:
    rows = await db.fetch(
        """
        SELECT c.mood, c.mood_by, m.mood AS said, f.value, f.reason,
            (SELECT array_agg(e.kind || ' ' || split_part(e.actor, '/', 1) ORDER BY e.seq) FROM core_ledger_entry e
             WHERE e.stream = 'case/' || c.id) AS entries
        FROM core_case c JOIN core_message m ON m.case_id = c.id
        LEFT JOIN core_finding f ON f.message_id = m.id AND f.kind = 'mood'
        WHERE c.id = ANY($1) ORDER BY array_position($1, c.id)
        """,
        case_ids,
    )
    return [tuple(row) for row in rows]


async def _held(case_id: UUID) -> asyncpg.Connection:
    """Somebody who works on a case just now."""
    other = await asyncpg.connect(db.url)
    await other.execute("BEGIN")
    await other.execute("SELECT 1 FROM core_case WHERE id = $1 FOR UPDATE", case_id)
    return other


async def _until(sql: str, *values: Any) -> None:
    async with asyncio.timeout(60):
        while not await db.fetchval(sql, *values):
            await asyncio.sleep(0.02)


async def test_a_case_that_somebody_works_on_keeps_nobody_elses_clocks_waiting(desk: Any) -> None:
    busy, *others = [(await desk.file(QUIET)).case_id for _ in range(3)]
    somebody = await _held(busy)
    try:
        starting = asyncio.create_task(watching.start_waiting())
        await _until("SELECT bool_and(clocked) FROM core_case WHERE id = ANY($1)", others)
        assert not await db.fetchval("SELECT clocked FROM core_case WHERE id = $1", busy)
    finally:
        await somebody.close()
    await starting
    assert await db.fetchval("SELECT clocked FROM core_case WHERE id = $1", busy)


async def test_a_case_that_somebody_works_on_keeps_nobody_elses_tone_waiting(desk: Any) -> None:
    busy, *others = [(await desk.file(LOUD)).case_id for _ in range(3)]
    ids = (await waiting())["core/mood"]
    somebody = await _held(busy)
    try:
        running = asyncio.create_task(together(ids))
        await _until("SELECT bool_and(mood = 'angry') FROM core_case WHERE id = ANY($1)", others)
        assert await db.fetchval("SELECT mood FROM core_case WHERE id = $1", busy) == ""
    finally:
        await somebody.close()
    await running
    assert await db.fetchval("SELECT mood FROM core_case WHERE id = $1", busy) == "angry"


async def test_a_case_whose_clocks_cannot_be_settled_delays_nobody_elses(desk: Any, monkeypatch: Any) -> None:
    bad, *others = [(await desk.file(QUIET)).case_id for _ in range(3)]
    promised = settling._promised

    def failing(of: settling.Settling, *rest: Any) -> Any:
        if of.case["id"] == bad:
            raise RuntimeError("this one fails")
        return promised(of, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(settling, "_promised", failing)
        with pytest.raises(RuntimeError, match="this one fails"):
            await watching.start_waiting()
    clocked = await db.fetch("SELECT id FROM core_case WHERE clocked")
    assert {row["id"] for row in clocked} >= set(others)
    assert bad not in {row["id"] for row in clocked}
    assert await watching.start_waiting() == 1


async def test_two_messages_of_one_case_that_came_together_leave_the_later_tone(desk: Any, monkeypatch: Any) -> None:
    filed = await desk.file(LOUD)
    first = (await waiting())["core/mood"]
    await db.execute(
        "INSERT INTO core_message SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'body', "
        "$2::text, 'said_at', m.said_at + interval '1 minute', 'raw_id', NULL))).* FROM core_message m "
        "WHERE m.case_id = $1",
        filed.case_id, QUIET,
    )  # fmt: skip
    second = await db.fetchval("SELECT id FROM core_message WHERE case_id = $1 AND body = $2", filed.case_id, QUIET)
    await db.execute(
        "INSERT INTO core_delivery SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), "
        "'dedupe', 'again', 'event', jsonb_set(d.event, '{body,message}', to_jsonb($2::text))))).* "
        "FROM core_delivery d WHERE d.id = $1",
        first[0], str(second),
    )  # fmt: skip
    await together((await waiting())["core/mood"])
    said = await db.fetch("SELECT mood FROM core_message WHERE case_id = $1 ORDER BY said_at", filed.case_id)
    assert said[0]["mood"] == "angry"
    assert await db.fetchval("SELECT mood FROM core_case WHERE id = $1", filed.case_id) == said[1]["mood"]
    assert (
        await db.fetchval("SELECT count(*) FROM core_finding WHERE case_id = $1 AND kind = 'mood'", filed.case_id) == 2
    )


@pytest.mark.parametrize("room", [mood, classifying, customers])
async def test_what_is_not_begun_while_the_others_are_quick_waits_without_an_attempt(
    desk: Any, monkeypatch: Any, room: Any
) -> None:
    name = {mood: "core/mood", classifying: "core/classify", customers: "core/notices.customers"}[room]
    monkeypatch.setattr(outbox, "QUICK", -1.0)  # whatever runs is too slow
    if room is classifying:
        monkeypatch.setattr(classifying, "_options", _some_options)
    for _ in range(3):
        await desk.file(QUIET)
    ids = (await waiting())[name]
    await Runner(new_id()).run_together(ids)
    rows = await db.fetch("SELECT state, attempts, handed_at FROM core_delivery WHERE id = ANY($1)", ids)
    assert Counter(tuple(row) for row in rows) == {("done", 1, None): 1, ("waiting", 0, None): 2}


async def _some_options(unit_id: UUID) -> Any:
    from ombud_plugin_api import CategoryOption

    return (CategoryOption(code="fees", labels={"en": "Fees"}),)


async def test_settings_that_changed_hold_for_the_next_clocks(desk: Any) -> None:
    before = await _word_due((await desk.file(QUIET)).case_id)
    await group_settings.change(SYSTEM, promises.KEY, group_settings.Change({"acknowledge_within_days": 50}))
    after = await _word_due((await desk.file(QUIET)).case_id)
    assert (after - before).days > 30


async def _word_due(case_id: UUID) -> Any:
    await watching.start_waiting()
    return await db.fetchval("SELECT due_at FROM core_clock WHERE case_id = $1 AND key = 'acknowledge'", case_id)


async def test_open_pages_hear_once_that_the_clocks_of_a_case_have_started(desk: Any, monkeypatch: Any) -> None:
    told: list[str] = []
    add = Teller.add
    monkeypatch.setattr(
        Teller, "add", lambda self, notices: (told.extend(p for _, p in notices), add(self, notices))[1]
    )
    cases = [(await desk.file(QUIET, QUIET)).case_id for _ in range(4)]
    told.clear()
    await watching.start_waiting()
    news = [each.split() for each in told if "clock.started" in each]
    assert sorted(each[1] for each in news) == sorted(map(str, cases))
    assert "*" not in told, "which would have every open page look again"
