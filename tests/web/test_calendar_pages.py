"""Calendars on their settings pages: hours, country, days of their own, versions, and whose calendar holds where."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from ombud.desk.administration import units as unit_setup
from ombud.desk.calendars import setup
from ombud.desk.calendars.versions import current, version
from ombud.desk.errors import Changed, Invalid, NotFound
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk

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
