"""The outbox and the running of a delivery, in one process; real kills are in test_supervisor."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from ombud.config import Config
from ombud.config_table import Jobs
from ombud.kernel import delivery, heartbeat, outbox
from ombud.kernel.broker import UnknownBroker, make_broker, message_for
from ombud.kernel.database import db
from ombud.kernel.delivery import ATTEMPTS, LostDelivery, Runner
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import (
    Delivered,
    JobContext,
    enqueue_events,
    enqueue_job,
    job_progress,
    list_parked,
    register_job,
    run_again,
    set_plugins,
    subscribe,
)
from ombud.kernel.relay import TOGETHER, Relay
from ombud.kernel.requeue import REQUEUE
from ombud_plugin_api.errors import Misconfigured, Permanent, Transient


@pytest.fixture
async def runner(database_url: str) -> AsyncIterator[Runner]:
    await db.open(database_url)
    await db.execute("TRUNCATE core_delivery, core_fault, core_rest, core_worker")
    yield Runner(new_id())
    await db.close()


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> outbox.Registry:
    fresh = outbox.Registry()
    for module in ("outbox", "relay", "delivery"):
        monkeypatch.setattr(f"ombud.kernel.{module}.registry", fresh)
    return fresh


@pytest.fixture
def heard() -> list[Any]:
    """What the handler `listen` was called with."""
    events: list[Any] = []

    async def listen(event: dict[str, Any], context: JobContext) -> None:
        events.append(event)

    register_job("listen", listen)
    subscribe("listener", ["case.*"], listen)
    return events


def failing(error: Exception) -> None:
    async def fail(payload: dict[str, Any], context: JobContext) -> None:
        raise error

    register_job("fail", fail)


async def row(identity: UUID) -> Any:
    return await db.fetchrow("SELECT * FROM core_delivery WHERE id = $1", identity)


async def waits(identity: UUID) -> float:
    """Seconds until it may run."""
    sql = "SELECT extract(epoch FROM available_at - now())::float8 FROM core_delivery WHERE id = $1"
    return float(await db.fetchval(sql, identity))


async def hurry(identity: UUID) -> None:
    await db.execute("UPDATE core_delivery SET available_at = now() WHERE id = $1", identity)


async def run_all(runner: Runner) -> None:
    for each in await db.fetch("SELECT id FROM core_delivery WHERE state = 'waiting'"):
        await runner.run(each["id"])


async def relayed(runner: Runner, seconds: float = 0.6) -> list[UUID]:
    """What the relay hands over while it runs for a moment."""
    given: list[UUID] = []
    relay = Relay(Config(), runner, given.extend)
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await relay.close()
    return given


async def test_event_is_delivered_once_to_each_interested_subscriber(runner: Runner, heard: list[Any]) -> None:
    async def elsewhere(event: dict[str, Any], context: JobContext) -> None:
        heard.append("elsewhere")

    subscribe("other", ["user.signed_in"], elsewhere)
    event = {"id": "case/1/1", "kind": "case.opened", "body": {"amount": "10.50"}}
    async with db.transaction():
        assert await enqueue_events([event, {"id": "case/1/2", "kind": "nobody.cares"}]) == 1
        assert await enqueue_events([event]) == 1
    await run_all(runner)
    assert heard == [event]


async def test_subscriber_may_want_only_events_whose_body_says_something(runner: Runner, heard: list[Any]) -> None:
    async def fussy(event: dict[str, Any], context: JobContext) -> None:
        heard.append(("fussy", event["id"]))

    subscribe("fussy", ["case.opened channel=webform", "message.* direction=in channel=api"], fussy)
    del outbox.registry.subscriptions["listener"]
    bodies = {
        "1": ("case.opened", {"channel": "webform"}), "2": ("case.opened", {"channel": "api"}),
        "3": ("case.opened", {}),
        "4": ("message.received", {"direction": "in", "channel": "api"}), "5": ("message.sent", {"direction": "out"}),
    }  # fmt: skip
    events = [{"id": key, "kind": kind, "body": body} for key, (kind, body) in bodies.items()]
    assert await enqueue_events(events) == 2
    await run_all(runner)
    assert sorted(heard) == [("fussy", "1"), ("fussy", "4")]


async def test_work_rolled_back_with_its_fact_is_never_delivered(runner: Runner, heard: list[Any]) -> None:
    async def fact_that_fails() -> None:
        async with db.transaction():
            await enqueue_events([{"id": "case/1/1", "kind": "case.opened"}])
            await enqueue_job("listen", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fact_that_fails()
    assert await relayed(runner) == []
    assert await db.fetchval("SELECT count(*) FROM core_delivery") == 0


async def test_relay_hands_over_at_commit_not_before(runner: Runner, heard: list[Any]) -> None:
    given: list[UUID] = []
    relay = Relay(Config(jobs=Jobs(heartbeat_seconds=60)), runner, given.extend)
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(0.3)
    async with db.transaction():
        identity = await enqueue_job("listen", {})
        await asyncio.sleep(0.2)
        assert given == []
    await asyncio.sleep(0.3)
    assert given == [identity], "the notice did not wake the relay, whose next look is a minute away"
    task.cancel()
    await relay.close()


async def test_relay_hands_each_delivery_over_once_however_many_relays_run(runner: Runner, heard: list[Any]) -> None:
    made = {await enqueue_job(f"listen.{n}", {}) for n in range(40)}
    given: list[UUID] = []
    relays = [Relay(Config(), Runner(new_id()), given.extend) for _ in range(3)]
    await asyncio.gather(*(relay._relay() for relay in relays))
    assert len(given) == 40
    assert set(given) == made


async def test_flood_for_one_subscriber_does_not_hold_up_another(runner: Runner, heard: list[Any]) -> None:
    async with db.transaction():
        for n in range(100):
            await enqueue_job("listen", {"n": n})
    lone = await enqueue_job("other", {})
    given = await relayed(runner, 0.3)
    assert lone in given
    assert len(given) == 4 * Config().jobs.threads + 1


async def test_events_of_one_subscriber_go_together_and_jobs_alone(runner: Runner, heard: list[Any]) -> None:
    subscribe("other", ["case.*"], outbox.registry.jobs["listen"].handler)
    async with db.transaction():
        await enqueue_events([{"id": str(n), "kind": "case.opened"} for n in range(TOGETHER + 1)])
        jobs = [await enqueue_job("listen", {"n": n}) for n in range(3)]
    messages: list[list[UUID]] = []
    await Relay(Config(), runner, messages.append)._relay()
    assert sorted(map(len, messages)) == [1, 1, 1, 1, 1, TOGETHER, TOGETHER]
    assert all([job] in messages for job in jobs)
    for message in messages:
        told = await db.fetch("SELECT DISTINCT subscriber FROM core_delivery WHERE id = ANY($1)", message)
        assert len(told) == 1


async def test_deliveries_that_came_together_run_in_one_go(runner: Runner, heard: list[Any]) -> None:
    ids = [await enqueue_job("listen", {"n": n}) for n in range(3)]
    await runner.run_together(ids)
    assert heard == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_work_begins_only_when_nobody_waits_for_an_answer(
    runner: Runner, heard: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = asyncio.Event()
    way = SimpleNamespace(pause=free.wait, ours=free.is_set)
    monkeypatch.setattr("ombud.kernel.delivery.way", lambda: way)
    working = asyncio.create_task(runner.run_together([await enqueue_job("listen", {"n": n}) for n in range(2)]))
    await asyncio.sleep(0.1)
    assert heard == []
    free.set()
    await asyncio.wait_for(working, 20)
    assert heard == [{"n": 0}, {"n": 1}]


async def test_those_behind_a_slow_one_go_back_to_the_relay(
    runner: Runner, heard: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ombud.kernel.delivery.QUICK", -1.0)  # whatever runs is too slow
    ids = [await enqueue_job("listen", {"n": n}) for n in range(3)]
    await db.execute("UPDATE core_delivery SET handed_at = now()")
    woken: list[str] = []
    runner.when_done = lambda: woken.append("relay")
    await runner.run_together(ids)
    assert heard == [{"n": 0}]
    rest = [await row(each) for each in ids[1:]]
    assert [(each["state"], each["handed_at"], each["attempts"]) for each in rest] == [("waiting", None, 0)] * 2
    assert woken == ["relay", "relay"]


async def test_backlog_is_handed_over_as_fast_as_it_is_worked_off(runner: Runner, heard: list[Any]) -> None:
    async with db.transaction():
        for n in range(100):
            await enqueue_job("listen", {"n": n})
    loop = asyncio.get_running_loop()

    def run_each(ready: list[UUID]) -> None:
        for each in ready:
            asyncio.run_coroutine_threadsafe(runner.run(each), loop)

    relay = Relay(Config(jobs=Jobs(heartbeat_seconds=60)), runner, run_each)
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(3)
    task.cancel()
    await relay.close()
    assert sorted(each["n"] for each in heard) == list(range(100))


async def test_broker_that_refuses_loses_nothing(runner: Runner, heard: list[Any]) -> None:
    identity = await enqueue_job("listen", {})

    def refuse(ready: list[UUID]) -> None:
        raise ConnectionError("the broker is away")

    relay = Relay(Config(), runner, refuse)
    task = asyncio.create_task(relay.run())
    await asyncio.sleep(0.3)
    task.cancel()
    await relay.close()
    assert await relayed(runner) == [identity]


async def test_same_message_twice_runs_the_handler_once(runner: Runner, heard: list[Any]) -> None:
    identity = await enqueue_job("listen", {"n": 1})
    await asyncio.gather(runner.run(identity), runner.run(identity), Runner(new_id()).run(identity))
    await runner.run(identity)
    assert heard == [{"n": 1}]
    assert (await row(identity))["state"] == "done"


async def test_job_with_a_key_is_not_written_again_until_it_is_done(runner: Runner, heard: list[Any]) -> None:
    first = await enqueue_job("listen", {"n": 1}, key="mailbox")
    assert await enqueue_job("listen", {"n": 2}, key="mailbox") == first
    assert await enqueue_job("listen", {"n": 3}, key="other") != first
    await runner.run(first)
    assert await enqueue_job("listen", {"n": 4}, key="mailbox") != first


async def test_delayed_job_is_not_handed_over_early(runner: Runner, heard: list[Any]) -> None:
    identity = await enqueue_job("listen", {}, delay=timedelta(hours=1))
    assert await relayed(runner, 0.3) == []
    await runner.run(identity)
    assert heard == []
    await hurry(identity)
    assert await relayed(runner, 0.3) == [identity]


async def test_failing_handler_backs_off_and_is_parked_in_the_end(runner: Runner) -> None:
    failing(ValueError("no such folder"))
    identity = await enqueue_job("fail", {})
    pauses = []
    while (await row(identity))["state"] == "waiting":
        await hurry(identity)
        await runner.run(identity)
        pauses.append(round(await waits(identity)))
    assert pauses[:4] == [1, 5, 30, 300]
    assert len(pauses) == ATTEMPTS
    [parked] = await list_parked()
    assert (parked.id, parked.attempts, parked.error) == (identity, ATTEMPTS, "ValueError: no such folder")


async def test_permanent_error_parks_at_once_and_counts_against_the_plugin(runner: Runner) -> None:
    async def refuse(slug: str, event: dict[str, Any], context: JobContext) -> None:
        raise Permanent("the address does not exist")

    set_plugins(subscribers=lambda: [("mailer", ["case.opened"])], enabled=lambda: {"mailer"}, deliver=refuse)
    await enqueue_events([{"id": "1", "kind": "case.opened"}])
    await run_all(runner)
    [parked] = await list_parked(plugin="mailer")
    assert parked.error == "Permanent: the address does not exist"
    assert await db.fetchval("SELECT slug FROM core_fault WHERE kind = 'parked'") == "mailer"


async def planned(seconds: float) -> UUID:
    """A job of the schedule that has failed six times, with its next moment so far ahead."""
    await db.execute("TRUNCATE core_planned")
    await db.execute(
        "INSERT INTO core_planned (name, job, plugin, rhythm, next_at) "
        "VALUES ('poll', 'fail', '', 'interval:60', now() + make_interval(secs => $1))", seconds,
    )  # fmt: skip
    identity = await enqueue_job("fail", {}, key="schedule/poll")
    await db.execute("UPDATE core_delivery SET attempts = 6 WHERE id = $1", identity)
    return identity


@pytest.mark.parametrize("error", [Transient("the server is busy"), Misconfigured("no folder")])
async def test_what_the_schedule_wrote_waits_no_longer_than_its_next_moment_where_it_may_pass(
    runner: Runner, error: Exception
) -> None:
    failing(error)
    identity = await planned(40)
    await runner.run(identity)
    assert 30 < await waits(identity) <= 40
    identity = await planned(-5)  # the schedule has not looked yet
    await hurry(identity)
    await runner.run(identity)
    assert await waits(identity) <= 1


@pytest.mark.parametrize("handled", [True, False])
async def test_what_the_schedule_wrote_is_soon_tried_again_while_its_plugin_is_changed(
    runner: Runner, handled: bool
) -> None:
    """A worker that has the plugin before the schedule plans it again, or still has it, or has it no more."""
    if handled:
        failing(Misconfigured("no folder"))
    identity = await planned(40)
    await db.execute("TRUNCATE core_planned")
    await runner.run(identity)
    assert await waits(identity) <= 60


async def test_what_the_other_side_asked_for_and_faults_are_waited_for_in_full(runner: Runner) -> None:
    busy = Transient("come back later")
    busy.retry_after = 500.0  # type: ignore[attr-defined]
    for error, least in ((busy, 490), (RuntimeError("broken"), 3000)):
        failing(error)
        await db.execute("TRUNCATE core_delivery")
        identity = await planned(40)
        await runner.run(identity)
        assert await waits(identity) > least


@pytest.mark.parametrize("error", [Transient("the server is busy"), Misconfigured("no host is set")])
async def test_error_that_may_pass_is_tried_for_days(runner: Runner, error: Exception) -> None:
    failing(error)
    identity = await enqueue_job("fail", {})
    await db.execute("UPDATE core_delivery SET attempts = 50 WHERE id = $1", identity)
    await runner.run(identity)
    assert (await row(identity))["state"] == "waiting"
    assert 3000 < await waits(identity) < 11_000
    await db.execute("UPDATE core_delivery SET created_at = now() - interval '8 days' WHERE id = $1", identity)
    await hurry(identity)
    await runner.run(identity)
    assert (await row(identity))["state"] == "parked"


async def test_parked_delivery_runs_again_when_asked_but_not_beside_its_twin(runner: Runner) -> None:
    failing(Permanent("never"))
    identity = await enqueue_job("fail", {}, key="k")
    await runner.run(identity)
    register_job("fail", lambda payload, context: asyncio.sleep(0))
    twin = await enqueue_job("fail", {}, key="k")
    assert not await run_again(identity)
    await runner.run(twin)
    assert await run_again(identity)
    await runner.run(identity)
    assert (await row(identity))["state"] == "done"
    assert not await run_again(identity)
    assert not await run_again(new_id())


async def test_deliveries_of_a_disabled_plugin_wait_and_are_not_lost(runner: Runner) -> None:
    enabled: set[str] = set()
    got: list[str] = []

    async def deliver(slug: str, event: dict[str, Any], context: JobContext) -> None:
        got.append(slug)

    set_plugins(subscribers=lambda: [("survey", ["*"])], enabled=lambda: enabled, deliver=deliver)
    await enqueue_events([{"id": "1", "kind": "case.closed"}])
    assert await relayed(runner, 0.3) == []
    enabled.add("survey")
    [identity] = await relayed(runner, 0.3)
    await runner.run(identity)
    assert got == ["survey"]


async def test_message_of_a_plugin_disabled_meanwhile_leaves_its_delivery_waiting(runner: Runner) -> None:
    set_plugins(subscribers=lambda: [("survey", ["*"])], enabled=lambda: (), deliver=outbox._nobody)
    await enqueue_events([{"id": "1", "kind": "case.closed"}])
    await run_all(runner)
    assert await db.fetchval("SELECT state FROM core_delivery") == "waiting"


async def test_job_shows_progress_and_resumes_from_its_checkpoint(runner: Runner) -> None:
    seen: list[dict[str, Any]] = []

    async def count(payload: dict[str, Any], context: JobContext) -> None:
        seen.append(context.state)
        await context.progress(5, 10, "rows")
        await context.save({"line": 5})
        if context.attempt == 1:
            raise ValueError("power cut")
        await context.progress(10, 10, "rows")

    register_job("count", count)
    identity = await enqueue_job("count", {})
    await runner.run(identity)
    half = await job_progress(identity)
    assert half is not None
    assert (half.state, half.done, half.total, half.note) == ("waiting", 5, 10, "rows")
    await hurry(identity)
    await runner.run(identity)
    assert seen == [{}, {"line": 5}]
    whole = await job_progress(identity)
    assert whole is not None
    assert (whole.state, whole.done) == ("done", 10)
    assert await job_progress(new_id()) is None


async def test_handler_whose_delivery_went_elsewhere_is_stopped_at_its_next_checkpoint(runner: Runner) -> None:
    raised: list[Exception] = []

    async def slow(payload: dict[str, Any], context: JobContext) -> None:
        await db.fetchval(REQUEUE, [runner.worker], None)
        try:
            await context.save({"mine": 1})
        except LostDelivery as lost:
            raised.append(lost)
            raise

    register_job("slow", slow)
    identity = await enqueue_job("slow", {})
    await runner.run(identity)
    assert len(raised) == 1
    after = await row(identity)
    assert (after["state"], after["kills"], after["checkpoint"]) == ("waiting", 1, {})


async def test_suspects_of_a_crash_run_one_at_a_time_and_others_beside_them(runner: Runner) -> None:
    at_once: list[int] = []
    running = 0

    async def busy(payload: dict[str, Any], context: JobContext) -> None:
        nonlocal running
        running += payload["suspect"]
        at_once.append(running)
        await asyncio.sleep(0.1)
        running -= payload["suspect"]

    register_job("busy", busy)
    suspects = [await enqueue_job("busy", {"suspect": 1}) for _ in range(3)]
    await db.execute("UPDATE core_delivery SET kills = 1")
    fresh = await enqueue_job("busy", {"suspect": 0})
    await asyncio.gather(*(runner.run(each) for each in [*suspects, fresh]))
    assert max(at_once) == 1
    assert (await row(fresh))["state"] == "done"
    states = [(await row(each))["state"] for each in suspects]
    assert sorted(states) == ["done", "waiting", "waiting"]
    for each in suspects:
        await hurry(each)
        await runner.run(each)
    assert {(await row(each))["state"] for each in suspects} == {"done"}


async def test_kill_counts_for_the_culprit_alone_if_it_is_known(runner: Runner) -> None:
    async def hang(payload: dict[str, Any], context: JobContext) -> None:
        await asyncio.sleep(30)

    register_job("hang", hang)
    ids = [await enqueue_job("hang", {}) for _ in range(3)]
    tasks = [asyncio.create_task(runner.run(each)) for each in ids]
    await asyncio.sleep(0.2)
    assert await db.fetchval(REQUEUE, [runner.worker], ids[1]) == 3
    assert [(await row(each))["kills"] for each in ids] == [0, 1, 0]
    for task in tasks:
        task.cancel()


# Several of one subscriber in one go.
@pytest.fixture
def several() -> list[Any]:
    """What the handler of several was called with, a list of numbers for each call; `alone`: the numbers of those that
    went to the handler of one. Number 9 makes the handler of several fail, 8
    fails by itself, 6 is not begun."""
    calls: list[Any] = []

    async def alone(event: dict[str, Any], context: JobContext) -> None:
        calls.append(("alone", event["n"], context.attempt))
        if event["n"] == 9:
            raise ValueError("nine")

    async def together(many: Sequence[Delivered]) -> None:
        calls.append([each.event["n"] for each in many])
        if any(each.event["n"] == 9 for each in many):
            raise ValueError("nine is among them")
        for each in many:
            if each.event["n"] == 8:
                each.failed = Transient("eight is away")
            each.later = each.event["n"] == 6

    subscribe("several", ["case.*"], alone, together=together)
    return calls


async def came(*numbers: int) -> list[UUID]:
    """Events of these numbers, as they come from the relay."""
    await enqueue_events([{"id": str(n), "kind": "case.opened", "n": n} for n in numbers])
    sql = "SELECT id FROM core_delivery WHERE subscriber = 'core/several' AND (event->>'n')::int = $1"
    return [await db.fetchval(sql, n) for n in numbers]


async def test_several_are_claimed_handled_and_closed_in_one_go(runner: Runner, several: list[Any]) -> None:
    ids = await came(1, 2, 3, 4)
    with db.counting() as count:
        await runner.run_together(ids)
    assert [sorted(each) for each in several] == [[1, 2, 3, 4]]
    assert count.statements == 2
    rows = [await row(each) for each in ids]
    assert {(each["state"], each["attempts"], each["locked_by"]) for each in rows} == {("done", 1, None)}
    await runner.run_together(ids)
    assert len(several) == 1, "a message that came twice does nothing"


async def test_one_of_several_that_fails_takes_its_own_course(runner: Runner, several: list[Any]) -> None:
    ids = await came(1, 8, 2)
    await runner.run_together(ids)
    rows = [await row(each) for each in ids]
    assert [(each["state"], each["attempts"]) for each in rows] == [("done", 1), ("waiting", 1), ("done", 1)]
    assert "eight is away" in rows[1]["error"]
    assert await waits(ids[1]) > 0.3


async def test_one_of_several_that_was_not_begun_costs_no_attempt(runner: Runner, several: list[Any]) -> None:
    ids = await came(1, 6)
    await db.execute("UPDATE core_delivery SET handed_at = now()")
    woken: list[str] = []
    runner.when_done = lambda: woken.append("relay")
    await runner.run_together(ids)
    later = await row(ids[1])
    assert (later["state"], later["attempts"], later["handed_at"], later["locked_by"]) == ("waiting", 0, None, None)
    assert (await row(ids[0]))["state"] == "done"
    assert woken == ["relay"]


async def test_where_several_fail_at_once_each_runs_alone_in_the_attempt_that_was_counted(
    runner: Runner, several: list[Any]
) -> None:
    ids = await came(1, 9, 2)
    await runner.run_together(ids)
    assert sorted(several[0]) == [1, 2, 9]
    assert sorted(several[1:]) == [("alone", 1, 1), ("alone", 2, 1), ("alone", 9, 1)]
    rows = [await row(each) for each in ids]
    assert [(each["state"], each["attempts"]) for each in rows] == [("done", 1), ("waiting", 1), ("done", 1)]
    assert "nine" in rows[1]["error"]


async def test_suspect_of_a_crash_runs_alone_and_not_among_several(runner: Runner, several: list[Any]) -> None:
    ids = await came(1, 2, 3)
    await db.execute("UPDATE core_delivery SET kills = 1 WHERE id = $1", ids[1])
    await runner.run_together(ids)
    assert [sorted(each) if isinstance(each, list) else each for each in several] == [[1, 3], ("alone", 2, 1)]
    assert {(await row(each))["state"] for each in ids} == {"done"}


async def test_kill_among_several_counts_for_each_or_for_the_culprit_that_was_named(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    named: list[UUID | None] = []

    async def hang(many: Sequence[Delivered]) -> None:
        named.append(heartbeat.delivery.get())
        with many[0].blamed():
            named.append(heartbeat.delivery.get())
            begun.set()
            await asyncio.sleep(30)

    async def alone(event: dict[str, Any], context: JobContext) -> None:
        pass

    subscribe("several", ["case.*"], alone, together=hang)
    ids = await came(1, 2, 3)
    task = asyncio.create_task(runner.run_together(ids))
    await begun.wait()
    assert named[0] is None, "what is done for all of them names none"
    assert named[1] in ids
    assert await db.fetchval(REQUEUE, [runner.worker], named[1]) == 3
    kills = {each: (await row(each))["kills"] for each in ids}
    assert kills == {each: int(each == named[1]) for each in ids}
    await db.execute("UPDATE core_delivery SET state = 'running', locked_by = $1, kills = 0", runner.worker)
    assert await db.fetchval(REQUEUE, [runner.worker], None) == 3
    assert [(await row(each))["kills"] for each in ids] == [1, 1, 1]
    runner.stopping = True
    runner.interrupt()
    await task


async def test_several_that_the_end_of_the_process_interrupts_are_put_back(runner: Runner) -> None:
    begun = asyncio.Event()

    async def hang(many: Sequence[Delivered]) -> None:
        begun.set()
        await asyncio.sleep(30)

    async def alone(event: dict[str, Any], context: JobContext) -> None:
        raise AssertionError("nothing new begins at the end")

    subscribe("several", ["case.*"], alone, together=hang)
    ids = await came(1, 2)
    task = asyncio.create_task(runner.run_together(ids))
    await begun.wait()
    runner.stopping = True
    runner.interrupt()
    await task
    rows = [await row(each) for each in ids]
    assert {(each["state"], each["attempts"], each["locked_by"]) for each in rows} == {("waiting", 0, None)}
    assert runner.running == {}


async def test_several_whose_end_could_not_be_written_run_again(runner: Runner, several: list[Any]) -> None:
    ids = await came(1, 2)
    execute = db.execute

    async def away(sql: str, *values: Any) -> str:
        if sql == delivery._CLOSE_SEVERAL:
            raise ConnectionError("the database is away")
        return await execute(sql, *values)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(db, "execute", away)
        await runner.run_together(ids)
    assert {(await row(each))["state"] for each in ids} == {"running"}
    await Relay(Config(), runner, lambda given: None)._free_unbooked()
    assert {(await row(each))["state"] for each in ids} == {"waiting"}


async def test_unknown_job_waits_for_the_version_that_knows_it(runner: Runner) -> None:
    identity = await enqueue_job("from.the.future", {})
    await runner.run(identity)
    after = await row(identity)
    assert after["state"] == "waiting"
    assert "nothing handles job/from.the.future" in after["error"]


async def test_handler_that_cancels_itself_has_failed(runner: Runner) -> None:
    failing(asyncio.CancelledError())  # type: ignore[arg-type]
    identity = await enqueue_job("fail", {})
    await runner.run(identity)
    after = await row(identity)
    assert (after["state"], after["attempts"]) == ("waiting", 1)
    assert "cancelled itself" in after["error"]


async def test_delivery_whose_end_could_not_be_written_runs_again(runner: Runner, heard: list[Any]) -> None:
    identity = await enqueue_job("listen", {})
    await db.execute(
        "UPDATE core_delivery SET state = 'running', locked_by = $2 WHERE id = $1", identity, runner.worker
    )
    assert identity in await relayed(runner, 1.6)


async def test_job_name_of_core_cannot_be_taken_by_a_plugin(heard: list[Any]) -> None:
    with pytest.raises(ValueError, match="already belongs to core; choose another name"):
        register_job("listen", lambda payload, context: asyncio.sleep(0), plugin="email")


def test_broker_that_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownBroker, match='carries jobs by "postgres"'):
        make_broker(Config(jobs=Jobs(broker="rabbitmq")), "", new_id())


def test_message_carries_nothing_but_the_id_of_its_delivery() -> None:
    identity = new_id()
    message = message_for(identity)
    assert (message.message_id, message.args, message.kwargs) == (str(identity), (str(identity),), {})


def test_message_of_several_deliveries_has_the_id_of_the_first() -> None:
    first, second = new_id(), new_id()
    message = message_for(first, second)
    assert (message.message_id, message.args) == (str(first), (str(first), str(second)))
