"""Calendars on their settings pages: hours, country, days of their own, versions, and whose calendar holds where."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from ombud.desk.administration import units as unit_setup
from ombud.desk.calendars import setup
from ombud.desk.calendars.versions import Content, current, version
from ombud.desk.clocks import trying
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import Settling, start
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust.ledger import append
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import Filed

LIST = "/administration/calendars"
HOURS = {f"day_{number}": "9:00-12:00, 13:00-17:00" if number < 5 else "" for number in range(7)}


async def _top() -> UUID:
    return UUID(str(await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")))


async def _save(browser: Browser, unit: UUID, **changed: str):
    page = await browser.get(f"{LIST}/{unit}")
    number = re.search(r'name="version" value="(\d+)"', page.text)
    assert number
    data = {"version": number.group(1), "zone": "Europe/Warsaw", "country": "PL", "part": "", **HOURS, **changed}
    return await browser.submit(f"{LIST}/{unit}", data)


async def test_a_unit_that_nobody_set_up_works_weekdays_from_nine_to_five_where_it_is(desk: Desk) -> None:
    unit = await _top()
    await db.execute("UPDATE core_unit SET time_zone = 'Europe/Warsaw', country = 'PL' WHERE id = $1", unit)
    calendar = await current(unit)
    assert calendar.zone == "Europe/Warsaw"
    assert calendar.is_open(datetime(2026, 11, 26, 8, 30, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 11, 11, 10, tzinfo=UTC)), "Independence Day"
    assert await current(unit) is calendar


async def test_an_administrator_gives_a_unit_hours_with_a_break_and_the_holidays_of_its_country(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    answer = await _save(browser, unit)
    assert answer.status_code == 303, answer.text
    calendar = await current(unit)
    start = datetime(2026, 11, 10, 10, 30, tzinfo=UTC)  # 11:30 in Warsaw
    assert calendar.add(start, timedelta(hours=1)) == datetime(2026, 11, 10, 12, 30, tzinfo=UTC)
    page = (await browser.get(f"{LIST}/{unit}?year=2026")).text
    assert "09:00-12:00, 13:00-17:00" in page
    assert "Independence Day" in page
    assert "Administrator made this calendar" in page
    assert "closed anyway" in page
    assert "Version 1" in (await browser.get(LIST)).text


async def test_every_change_is_a_version_and_the_one_before_stays_as_it_was(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    await _save(browser, unit)
    first = await current(unit)
    await _save(browser, unit, day_4="9-12")
    second = await current(unit)
    assert (first.version, second.version, first.key) == (1, 2, second.key)
    friday = datetime(2026, 11, 27, 13, tzinfo=UTC)
    assert (await version(UUID(first.key), 1)).is_open(friday)
    assert not second.is_open(friday)
    assert "as version 2" in (await browser.get(f"{LIST}/{unit}")).text
    with pytest.raises(Exception, match="never changes"):
        await db.execute("UPDATE core_calendar_version SET zone = 'UTC'")


async def test_saving_what_is_there_already_makes_no_version(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    await _save(browser, unit)
    await _save(browser, unit)
    assert (await current(unit)).version == 1


async def test_a_day_of_its_own_is_added_shown_and_removed(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    await _save(browser, unit)
    page = f"{LIST}/{unit}"
    data = {"version": "1", "day": "2026-12-24", "name": "Christmas Eve", "hours": "9-12"}
    assert (await browser.submit(f"{page}/days", data, page=page)).status_code == 303
    assert "Christmas Eve" in (await browser.get(f"{page}?year=2026")).text
    assert not (await current(unit)).is_open(datetime(2026, 12, 24, 12, tzinfo=UTC))
    removed = await browser.submit(f"{page}/days/remove", {"version": "2", "day": "2026-12-24"}, page=page)
    assert removed.status_code == 303
    assert (await current(unit)).exceptions == {}


async def test_hours_that_cannot_be_read_are_refused_beside_their_day_and_stay_typed(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    answer = await _save(browser, unit, day_2="nine to five")
    assert answer.status_code == 422
    assert "cannot be read" in answer.text
    assert "nine to five" in answer.text
    over = await _save(browser, unit, day_2="9-13, 12-17")
    assert "overlap" in over.text
    empty = await _save(browser, unit, **dict.fromkeys(HOURS, ""))
    assert empty.status_code == 422
    assert "at least one interval" in empty.text


async def test_the_nearest_calendar_above_holds_until_a_unit_has_its_own_and_again_after(desk: Desk) -> None:
    browser, top = await desk.signed_in("administrator"), await _top()
    viewer = await desk.viewer("administrator")
    team = await unit_setup.add(viewer, "cards", top, {"name": "Cards", "time_zone": "America/New_York"})
    await _save(browser, top)
    assert (await current(team)).zone == "Europe/Warsaw"
    await _save(browser, team, zone="America/New_York", country="US")
    assert (await current(team)).zone == "America/New_York"
    assert (await current(top)).zone == "Europe/Warsaw"
    own = await current(team)
    answer = await browser.submit(f"{LIST}/{team}/give-up", {"version": "1"}, page=f"{LIST}/{team}")
    assert answer.status_code == 303
    assert (await current(team)).zone == "Europe/Warsaw"
    assert (await version(UUID(own.key), 1)).zone == "America/New_York", "clocks that run by it still find it"


async def test_two_administrators_at_once_see_each_others_change(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    await _save(browser, unit)
    stale = {"version": "1", "zone": "UTC", "country": "", "part": "", **HOURS}
    await _save(browser, unit, day_5="10-14")
    answer = await browser.submit(f"{LIST}/{unit}", stale)
    assert answer.status_code == 409
    with pytest.raises(Changed):
        await setup.remove_day(await desk.viewer("administrator"), unit, date(2026, 12, 24), 1)


async def test_who_does_not_set_up_the_unit_neither_sees_nor_changes_its_calendar(desk: Desk) -> None:
    agent, unit = await desk.signed_in("agent"), await _top()
    assert (await agent.get(LIST)).status_code == 403
    assert (await agent.get(f"{LIST}/{unit}")).status_code == 403
    with pytest.raises(NotFound):
        await setup.in_unit(await desk.viewer("agent"), unit)


async def test_calendars_that_run_out_of_holidays_get_more_years_and_nothing_else(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    await _save(browser, unit)
    held = await current(unit)
    await db.execute("ALTER TABLE core_calendar_version DISABLE TRIGGER core_calendar_version_frozen")
    await db.execute("UPDATE core_calendar_version SET until = 2026, holidays = '{}'")
    await setup.renew({}, None)  # type: ignore[arg-type]
    after = await current(unit)
    assert (after.version, after.week) == (2, held.week)
    assert date(2030, 11, 11) in after.holidays
    await setup.renew({}, None)  # type: ignore[arg-type]
    assert (await current(unit)).version == 2


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", []),
        ("closed", []),
        ("9-17", [(540, 1020)]),
        ("9:00 – 12:30; 13.15 to 17", [(540, 750), (795, 1020)]),
        ("22-6", [(1320, 1800)]),
        ("0-24", [(0, 1440)]),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, hours: list[tuple[int, int]]) -> None:
    assert [tuple(each) for each in setup.hours_of(text, "day_0")] == hours


@pytest.mark.parametrize("text", ["9", "9-25", "9-12-17", "a-b", "9:70-12"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Write hours such as"):
        setup.hours_of(text, "day_0")


ROUND_THE_CLOCK = {f"day_{number}": "0:00-24:00" for number in range(7)}
HARDLY_EVER = {f"day_{number}": "10:00-10:30" if number == 6 else "" for number in range(7)}


async def _waits(desk: Desk, hours: int) -> Filed:
    """A case of eight days ago whose reply was promised within so many hours of work."""
    filed = await desk.file(received_at=now() - timedelta(days=8))
    async with db.transaction():
        case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", filed.case_id)
        assert case is not None
        settling = Settling(case, await current(case["unit_id"]), "system", [])
        terms = Terms(working=hours * 3600, met_by="reply")
        await start(settling, Wanted("p.reply", "", "First reply", "p.reply", terms, case["received_at"]))
        await append(actor="system", entries=settling.entries)
    return filed


async def _try(browser: Browser, unit: UUID, hours: dict[str, str], months: str = "3"):
    content = (await setup.in_unit(SYSTEM, unit)).kept.content
    data = {"zone": content.zone, "country": content.country, "part": "", "months": months, **hours}
    return await browser.submit(f"{LIST}/{unit}/try", data, page=f"{LIST}/{unit}")


async def test_hours_are_tried_on_the_past_before_they_are_saved(desk: Desk) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    long, short = await _waits(desk, 80), await _waits(desk, 8)
    before = await current(unit)
    answer = await _try(browser, unit, ROUND_THE_CLOCK)
    assert answer.status_code == 200
    assert "The trial is running" in answer.text
    assert answer.text.count('value="0:00-24:00"') == 7, "what was typed stays"
    await desk.work()
    page = (await browser.get(f"{LIST}/{unit}")).text
    assert "2 of 2 clocks in 2 cases of the last 3 months would have ended at another time." in page
    assert "<dt>Breaches caused</dt><dd>1</dd><dt>Breaches avoided</dt><dd>0</dd>" in page
    assert "Monday to Sunday 00:00-24:00" in page
    await _try(browser, unit, HARDLY_EVER)
    await desk.work()
    page = (await browser.get(f"{LIST}/{unit}")).text
    assert "<dt>Breaches caused</dt><dd>0</dd><dt>Breaches avoided</dt><dd>1</dd>" in page
    reads = (await desk.viewer("administrator")).may("case.read")
    for filed in (long, short):
        assert (f'href="/cases/{filed.reference}/clocks"' in page) is reads
    assert ("2 clocks more are of cases that are not open to you." in page) is not reads
    assert await current(unit) is before, "nothing is saved by trying"
    dues = await db.fetch("SELECT version FROM core_clock")
    assert {row["version"] for row in dues} == {1}


async def test_a_trial_looks_at_units_that_go_by_the_calendar_and_at_no_others(desk: Desk) -> None:
    unit = await _top()
    await _waits(desk, 8)
    team = await db.fetchval("SELECT unit_id FROM core_case")
    tried = await trying.try_calendar(unit, Content("UTC"), now() - timedelta(days=90))
    assert (tried.clocks, tried.cases, list(tried.units)) == (1, 1, [str(team)])
    below = await unit_setup.add(SYSTEM, "cards", unit, {"name": "Cards", "time_zone": "UTC"})
    await db.execute("UPDATE core_case SET unit_id = $1", below)
    assert (await trying.try_calendar(unit, Content("UTC"), now() - timedelta(days=90))).clocks == 1
    held = await setup.in_unit(SYSTEM, below)
    await setup.save(SYSTEM, below, Content("UTC"), held.kept.number)
    assert (await trying.try_calendar(unit, Content("UTC"), now() - timedelta(days=90))).clocks == 0
    assert (await trying.try_calendar(below, Content("UTC"), now() - timedelta(days=90))).clocks == 1
    await db.execute("UPDATE core_clock SET ended_at = now() - interval '100 days', state = 'met'")
    tried = await trying.try_calendar(below, Content("UTC"), now() - timedelta(days=90))
    assert tried.clocks == 0, "it ended before"
    await db.execute("UPDATE core_clock SET ended_at = NULL, state = 'running', events = events || $1::jsonb",
                     [{"kind": "migrated", "at": now().isoformat(), "policy": "gone", "policy_version": 7,
                       "calendar": str(unit), "calendar_version": 1}])  # fmt: skip
    tried = await trying.try_calendar(below, Content("UTC"), now() - timedelta(days=90))
    assert (tried.clocks, tried.lacking) == (0, 1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"months": "0"}, "Choose from 1 to 36 months."),
        ({"months": "many"}, "Choose from 1 to 36 months."),
        ({"day_1": "nine"}, "cannot be read"),
    ],
)
async def test_hours_that_cannot_be_tried_are_refused_beside_the_field(
    desk: Desk, changed: dict[str, str], words: str
) -> None:
    browser, unit = await desk.signed_in("administrator"), await _top()
    answer = await _try(browser, unit, {**HOURS, **changed})
    assert answer.status_code == 422
    assert words in answer.text
    assert await trying.latest(unit) is None


async def test_who_sets_nothing_up_tries_nothing(desk: Desk) -> None:
    agent, unit = await desk.signed_in("agent"), await _top()
    answer = await agent.submit(f"{LIST}/{unit}/try", {**HOURS, "months": "3"}, page="/queues/all")
    assert answer.status_code == 403
    with pytest.raises(NotAllowed):
        await trying.ask(await desk.viewer("leader"), unit, Content("UTC"), 3)
