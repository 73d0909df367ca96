"""Calls to providers: values, limits, faults and rest; and what the watchdog reads from shared memory."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from ombud.kernel import calling, clock, faults, heartbeat, watchdog
from ombud.kernel.calling import InsideTransaction, call
from ombud.kernel.database import db
from ombud.kernel.heartbeat import OpenCall, Pulse, Reading, TooManyCalls
from ombud.kernel.ids import new_id
from ombud_plugin_api.errors import Misconfigured, Permanent, Transient

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def database(database_url: str) -> AsyncIterator[None]:
    await db.open(database_url)
    await db.execute("TRUNCATE core_fault, core_rest")
    calling._Rests.until.clear()
    calling._Rests.read_at = time.monotonic()
    yield
    await db.close()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the supervisor of this process would read."""
    file = tmp_path / "test.pulse"
    heartbeat.prepare(file)
    monkeypatch.setattr(heartbeat._Process, "pulse", Pulse(file))
    return file


def double(number: int) -> int:
    return 2 * number


async def double_soon(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def broken(*args: object) -> None:
    raise ValueError("no such column")


async def faults_of(slug: str) -> list[tuple[str, str]]:
    rows = await db.fetch("SELECT kind, error FROM core_fault WHERE slug = $1 ORDER BY at, id", slug)
    return [(row["kind"], row["error"]) for row in rows]


@pytest.mark.parametrize("function", [double, double_soon, partial(double), partial(double_soon)])
async def test_value_of_a_sync_or_async_method_comes_back(function: object) -> None:
    outcome = await call("calc", function, 21)  # type: ignore[arg-type,var-annotated]
    assert outcome.ok
    assert outcome.value == 42
    assert await faults_of("calc") == []


async def test_error_becomes_a_recorded_fault_and_does_not_escape() -> None:
    outcome = await call("crm", broken)
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.message) == ("error", "ValueError: no such column")
    with pytest.raises(LookupError, match="no such column"):
        _ = outcome.value
    assert await faults_of("crm") == [("error", "ValueError: no such column")]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Transient("busy"), "transient"), (Permanent("gone"), "permanent"), (Misconfigured("no host"), "misconfigured")],
)
async def test_three_errors_of_the_contract_keep_their_meaning(error: Exception, kind: str) -> None:
    async def fail() -> None:
        raise error

    outcome = await call("mail", fail)
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.message) == (kind, str(error))


async def test_fault_raised_in_a_delivery_backs_off_or_parks_as_the_provider_meant() -> None:
    async def fail(error: Exception) -> None:
        raise error

    assert (await call("mail", double, 4)).or_raise() == 8
    for error, expected in (
        (Permanent("gone"), Permanent),
        (Misconfigured("no host"), Misconfigured),
        (Transient("busy"), Transient),
        (ValueError("oops"), calling.ProviderFailed),
    ):
        with pytest.raises(expected, match=str(error)):
            (await call("mail", fail, error)).or_raise()
    with pytest.raises(Transient, match="longer than"):
        (await call("slow", asyncio.sleep, 5, limit=0.05)).or_raise()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()])
async def test_provider_cannot_end_the_process_or_its_caller(error: BaseException) -> None:
    async def leave() -> None:
        raise error

    def leave_in_thread() -> None:
        raise error

    assert not (await call("wild", leave)).ok
    assert not (await call("wild", leave_in_thread)).ok


async def test_slow_coroutine_is_cancelled_at_its_limit() -> None:
    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    begun = time.monotonic()
    outcome = await call("slow", slow, limit=0.1)
    assert outcome.fault is not None
    assert outcome.fault.kind == "timeout"
    assert time.monotonic() - begun < 1
    assert cancelled.is_set()


async def test_coroutine_that_will_not_end_does_not_hold_its_caller_and_stays_in_sight(shared: Path) -> None:
    stop = asyncio.Event()

    async def stubborn() -> None:
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                continue

    outcome = await call("stubborn", stubborn, limit=0.1)
    assert outcome.fault is not None
    reading = heartbeat.read(shared)
    assert reading is not None
    assert [each.slug for each in reading.calls] == ["stubborn"]
    stop.set()
    await asyncio.sleep(0.05)
    assert (heartbeat.read(shared) or reading).calls == ()


async def test_slow_thread_does_not_hold_its_caller_and_stays_in_sight(shared: Path) -> None:
    def slow() -> None:
        time.sleep(0.6)

    outcome = await call("thready", slow, limit=0.1)
    assert outcome.fault is not None
    assert outcome.fault.kind == "timeout"
    reading = heartbeat.read(shared)
    assert reading is not None
    assert [(each.slug, each.limit) for each in reading.calls] == [("thready", 100_000_000)]
    assert watchdog.judge(reading, time.monotonic_ns()) is None
    await asyncio.sleep(0.7)
    assert (heartbeat.read(shared) or reading).calls == ()


async def test_call_is_in_shared_memory_before_it_starts(shared: Path) -> None:
    seen: list[Reading | None] = []

    def look() -> None:
        seen.append(heartbeat.read(shared))

    token = heartbeat.delivery.set(inside := new_id())
    await call("looker", look, limit=2)
    heartbeat.delivery.reset(token)
    assert seen[0] is not None
    [mine] = seen[0].calls
    assert (mine.slug, mine.limit, mine.delivery) == ("looker", 2_000_000_000, inside)
    assert mine.place.endswith("look")


async def test_call_inside_a_transaction_is_refused() -> None:
    async with db.transaction():
        with pytest.raises(InsideTransaction, match="commit first"):
            await call("calc", double, 1)


async def test_provider_cannot_leave_a_transaction_open_for_core() -> None:
    async def leaky() -> None:
        await db.transaction().__aenter__()

    assert (await call("leaky", leaky)).ok
    assert not db.in_transaction()


async def test_provider_rests_after_five_faults_and_longer_each_time() -> None:
    with clock.at(NOON):
        for _ in range(5):
            await call("flaky", broken)
        resting = await call("flaky", double, 1)
        assert resting.fault is not None
        assert (resting.fault.kind, resting.fault.retry_after) == ("resting", 60)
        assert (await call("other", double, 1)).ok
    with clock.at(NOON + timedelta(seconds=61)):
        assert (await call("flaky", double, 1)).ok
        for _ in range(5):
            await call("flaky", broken)
        assert await faults.resting() == {"flaky": NOON + timedelta(seconds=61 + 120)}
    with clock.at(NOON + timedelta(hours=3)):
        for _ in range(5):
            await call("flaky", broken)
        assert await faults.resting() == {"flaky": NOON + timedelta(hours=3, seconds=60)}


async def test_rest_in_one_process_is_seen_by_the_others_and_ended_by_an_administrator() -> None:
    with clock.at(NOON):
        for _ in range(5):
            await call("flaky", broken)
    calling._Rests.until.clear()  # another process, which has not read yet
    calling._Rests.read_at = 0
    await db.execute("UPDATE core_rest SET until = now() + interval '1 minute'")
    await call("flaky", double, 1)
    await asyncio.sleep(0.2)
    assert not (await call("flaky", double, 1)).ok
    await faults.wake("flaky")
    calling._Rests.read_at = 0
    await call("flaky", double, 1)
    await asyncio.sleep(0.2)
    assert (await call("flaky", double, 1)).ok


async def test_faults_long_apart_or_of_the_input_bring_no_rest() -> None:
    async def refuse() -> None:
        raise Permanent("this address does not exist")

    for minutes in range(0, 12, 2):
        with clock.at(NOON + timedelta(minutes=minutes)):
            await call("rare", broken)
    with clock.at(NOON):
        for _ in range(6):
            await call("strict", refuse)
        assert await faults.resting() == {}


async def test_equal_faults_are_shown_together() -> None:
    for _ in range(3):
        await call("crm", broken)
    await call("crm", broken, place="elsewhere")
    shown = await faults.recent_faults("crm")
    assert sorted(each.count for each in shown) == [1, 3]


async def test_fault_is_answered_even_if_the_database_is_gone() -> None:
    await db.close()
    assert (await call("crm", broken)).fault is not None


def test_no_call_starts_unseen_when_every_place_is_taken() -> None:
    pulse = Pulse(None)
    held = [pulse.open_call("x", str(number)) for number in range(256)]
    for each in held:
        each.__enter__()
    with pytest.raises(TooManyCalls), pulse.open_call("x", "one more"):
        pass
    for each in held:
        each.__exit__(None, None, None)
    with pulse.open_call("x", "again"):
        pass


# --- the watchdog ---

SECOND = 1_000_000_000


def reading(beat: float, *calls: OpenCall) -> Reading:
    return Reading(1, int(beat * SECOND), calls)


def opened(place: str, started: float, limit: float = 0, delivery: UUID | None = None) -> OpenCall:
    return OpenCall("plugin", place, int(started * SECOND), int(limit * SECOND), delivery)


@pytest.mark.parametrize(
    ("said", "at", "expected"),
    [
        (None, 100, None),
        (reading(0), 100, None),
        (reading(98), 100, None),
        (reading(96.9), 100, "the event loop stood still for 3.1 s"),
        (reading(100, opened("a:slow", 90)), 100, None),
        (reading(100, opened("a:slow", 97.5, 2)), 100, None),
        (reading(100, opened("a:slow", 96.9, 2)), 100, "a:slow ran for 3.1 s; its limit is 2 s"),
    ],
)
def test_watchdog_judges_silence_and_overdue_calls(said: Reading | None, at: float, expected: str | None) -> None:
    verdict = watchdog.judge(said, int(at * SECOND))
    assert (verdict.reason if verdict else None) == expected


def test_watchdog_blames_whose_function_stands_in_the_stack() -> None:
    first, second = new_id(), new_id()
    calls = [opened("a.b:Box.poll", 1, delivery=first), opened("job/x a.c:import_rows", 2, delivery=second)]
    stack = '  File "/a/b.py", line 7 in poll\n  File "/events.py", line 80 in _run\n'
    assert watchdog.blame(calls, stack) == calls[:1]
    assert watchdog.culprit(calls[:1]) == first
    assert watchdog.blame(calls, "nothing") == calls
    assert watchdog.culprit(calls) is None
    assert watchdog.blame([], stack) == []


async def test_beat_goes_on_while_the_loop_runs_and_stops_while_it_is_blocked(shared: Path) -> None:
    task = heartbeat.beat_task()
    assert heartbeat.beat_task() is task
    await asyncio.sleep(0.05)
    first = (heartbeat.read(shared) or reading(0)).beat
    time.sleep(0.4)
    assert (heartbeat.read(shared) or reading(0)).beat == first
    await asyncio.sleep(0.3)
    assert (heartbeat.read(shared) or reading(0)).beat > first
    task.cancel()


def test_place_ends_with_the_name_that_stacks_show() -> None:
    assert calling.place_of(partial(double, 1)).endswith(":double")
    assert calling.place_of(broken).split(":")[0] in sys.modules
