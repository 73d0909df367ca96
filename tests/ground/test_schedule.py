"""The schedule with its time passed in."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.kernel import schedule as ground
from ombud.kernel.database import db
from ombud.kernel.outbox import Registry, register_job
from ombud.kernel.schedule import Schedule, cron, interval

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr("ombud.kernel.outbox.registry", Registry())
    await db.open(database_url)
    await db.execute("TRUNCATE core_delivery, core_fired, core_fault")
    yield
    await db.close()


def every_ten_minutes() -> Schedule:
    made = Schedule()
    made.every("poll", interval(minutes=10), "poll.mailbox", {"box": "in"})
    return made


async def jobs() -> int:
    return int(await db.fetchval("SELECT count(*) FROM core_delivery"))


async def finish_all() -> None:
    await db.execute("UPDATE core_delivery SET state = 'done', finished_at = now()")


async def test_job_fires_at_its_moment_and_not_before() -> None:
    schedule = every_ten_minutes()
    assert await schedule.tick(NOON) == []
    assert await schedule.tick(NOON + timedelta(minutes=9, seconds=59)) == []
    assert await schedule.tick(NOON + timedelta(minutes=10)) == ["poll"]
    assert await schedule.tick(NOON + timedelta(minutes=10, seconds=1)) == []
    row = await db.fetchrow("SELECT subscriber, event FROM core_delivery")
    assert (row["subscriber"], row["event"]) == ("job/poll.mailbox", {"box": "in"})


async def test_what_was_missed_for_a_day_fires_once_and_then_goes_on() -> None:
    schedule = every_ten_minutes()
    await schedule.tick(NOON)
    tomorrow = NOON + timedelta(days=1, minutes=3)
    assert await every_ten_minutes().tick(tomorrow) == ["poll"]
    await finish_all()
    assert await schedule.tick(tomorrow + timedelta(seconds=1)) == []
    assert await schedule.tick(tomorrow + timedelta(minutes=10)) == ["poll"]


async def test_late_tick_does_not_shift_the_following_moments() -> None:
    schedule = every_ten_minutes()
    await schedule.tick(NOON)
    await schedule.tick(NOON + timedelta(minutes=14))
    assert await schedule.tick(NOON + timedelta(minutes=20)) == ["poll"]


async def test_many_schedulers_fire_one_moment_once() -> None:
    await every_ten_minutes().tick(NOON)
    due = NOON + timedelta(minutes=10)
    fired = await asyncio.gather(*(every_ten_minutes().tick(due) for _ in range(5)))
    assert [name for each in fired for name in each] == ["poll"]
    assert await jobs() == 1


async def test_slow_job_is_not_queued_behind_itself() -> None:
    schedule = every_ten_minutes()
    await schedule.tick(NOON)
    for minutes in (10, 20, 30):
        await schedule.tick(NOON + timedelta(minutes=minutes))
    assert await jobs() == 1


async def test_cron_keeps_the_wall_clock_over_the_change_to_summer_time() -> None:
    schedule = Schedule()
    schedule.every("report", cron("30 6 * * *", "Europe/Warsaw"), "write.report")
    saturday = datetime(2026, 3, 28, 5, 30, tzinfo=UTC)  # 6:30 in Warsaw, winter time
    await schedule.tick(saturday - timedelta(hours=1))
    assert await schedule.tick(saturday) == ["report"]
    await finish_all()
    sunday = datetime(2026, 3, 29, 4, 30, tzinfo=UTC)  # 6:30 again, now summer time
    assert await schedule.tick(sunday - timedelta(seconds=1)) == []
    assert await schedule.tick(sunday) == ["report"]


async def test_firing_that_cannot_write_its_job_fires_again(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = every_ten_minutes()
    await schedule.tick(NOON)

    async def refuse(*args: Any, **options: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(ground, "enqueue_job", refuse)
        with pytest.raises(ConnectionError):
            await schedule.tick(NOON + timedelta(minutes=10))
    assert await schedule.tick(NOON + timedelta(minutes=10)) == ["poll"]


async def test_plugin_taken_off_takes_its_times_along_but_not_those_of_others() -> None:
    schedule = every_ten_minutes()
    schedule.every("survey.send", interval(minutes=10), "survey.send", plugin="survey")
    await schedule.tick(NOON)
    schedule.forget_plugin("survey")
    assert await schedule.tick(NOON + timedelta(minutes=10)) == ["poll"]


async def test_old_work_is_swept_but_parked_work_and_the_last_firing_stay() -> None:
    schedule = every_ten_minutes()
    await schedule.tick(NOON - timedelta(days=300))
    await schedule.tick(NOON)
    register_job("core.sweep", ground.sweep_old)
    await db.execute(
        """
        INSERT INTO core_delivery (id, subscriber, state, event, available_at, created_at, finished_at)
        SELECT gen_random_uuid(), 'job/x', state, '{}', now(), now(), now() - interval '300 days'
        FROM unnest(ARRAY['done', 'parked']) AS state
        """
    )
    await ground.sweep_old({}, None)  # type: ignore[arg-type]
    left = await db.fetch("SELECT state FROM core_delivery ORDER BY state")
    assert [row["state"] for row in left] == ["parked", "waiting"]
    assert await db.fetchval("SELECT count(*) FROM core_fired") == 1
