"""Deadlines kept: what counts as kept, late, missed and not at all; each figure beside its clocks, and as a file."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

from ombud.desk import aspects
from ombud.desk.administration import units as unit_setup
from ombud.desk.clocks import watching
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust.policy import SYSTEM

HERE = "/deadlines"
MARCH = {"from": "2026-03", "to": "2026-03"}
DUE = datetime(2026, 3, 10, 12, tzinfo=UTC)
COLUMNS = ("counted", "in_time", "late", "missed", "running", "held", "stopped")


async def clock(desk: Desk, state: str, due_at: datetime | None = DUE, ended_at: datetime | None = None) -> UUID:
    """The first word of a case of its own as that state leaves it; its other clocks are taken away."""
    case = (await desk.file("The fee was taken twice.")).case_id
    await watching.start_waiting()
    await db.execute("DELETE FROM core_clock WHERE case_id = $1 AND key <> 'acknowledge'", case)
    await db.execute(
        "UPDATE core_clock SET state = $2, due_at = $3, ended_at = $4, regulatory = FALSE WHERE case_id = $1",
        case, state, due_at, ended_at,
    )  # fmt: skip
    return case


def line(html: str, label: str) -> dict[str, int]:
    """The figures of the first row with that head."""
    row = re.search(rf'<th scope="row">{re.escape(label)}</th>(.*?)</tr>', html, re.DOTALL)
    assert row, label
    cells = re.findall(r'<td class="num tabular"><[^>]*>(\d+)', row.group(1))
    return dict(zip(COLUMNS, map(int, cells), strict=True))


def share(html: str, label: str) -> str:
    row = re.search(rf'<th scope="row">{re.escape(label)}</th><td>(.*?)</td>', html, re.DOTALL)
    assert row, label
    found = re.search(r"([\d.]+)&nbsp;%", row.group(1))
    return found.group(1) if found else ""


async def one_of_each(desk: Desk) -> dict[str, UUID]:
    return {
        "in_time": await clock(desk, "met", ended_at=DUE),
        "late": await clock(desk, "met", ended_at=DUE + timedelta(hours=2, minutes=5)),
        "missed": await clock(desk, "running"),
        "held": await clock(desk, "paused", None),
        "stopped": await clock(desk, "stopped", ended_at=DUE - timedelta(days=1)),
    }


async def test_what_is_met_late_and_missed_counts_and_what_runs_is_held_or_stopped_does_not(desk: Desk) -> None:
    await one_of_each(desk)
    breached = await clock(desk, "stopped", ended_at=DUE + timedelta(days=1))
    await db.execute("UPDATE core_clock SET breached_at = due_at WHERE case_id = $1", breached)
    quality = await desk.signed_in("quality")
    html = (await quality.get(HERE, params=MARCH)).text
    each = {"counted": 4, "in_time": 1, "late": 1, "missed": 2, "running": 0, "held": 1, "stopped": 1}
    assert line(html, "All") == each
    assert line(html, "First word") == each
    assert line(html, "March 2026") == {**each, "held": 0}
    assert share(html, "All") == "25.0"
    ahead = now() + timedelta(days=3)
    await db.execute("UPDATE core_clock SET due_at = $1 WHERE state = 'running'", ahead)
    month = f"{ahead:%Y-%m}"
    html = (await quality.get(HERE, params={"from": month, "to": month})).text
    assert (line(html, "All")["running"], line(html, "All")["counted"], share(html, "All")) == (1, 0, "")


async def test_each_figure_is_as_long_as_its_list_and_tells_by_how_much(desk: Desk) -> None:
    cases = await one_of_each(desk)
    leader = await desk.signed_in("leader")
    html = (await leader.get(HERE, params={**MARCH, "by": "priority"})).text
    links = re.findall(rf'<a class="textlink" href="({HERE}/clocks[^"]+)">(\d+)<', html)
    assert len(links) >= 15
    for href, figure in links:
        text = (await leader.get(unescape(href))).text
        assert text.count("#clock-") == int(figure), href
    late = (await leader.get(f"{HERE}/clocks", params={**MARCH, "outcome": "late"})).text
    reference = await db.fetchval("SELECT reference FROM core_case WHERE id = $1", cases["late"])
    assert reference in late
    assert "2 h 5 min late" in late
    assert (await leader.get(f"{HERE}/clocks", params={**MARCH, "outcome": "nonsense"})).status_code == 404


async def test_a_long_list_goes_on_where_the_page_before_ended(desk: Desk) -> None:
    case = await clock(desk, "met", ended_at=DUE)
    await db.execute(
        "INSERT INTO core_clock SELECT (jsonb_populate_record(k, jsonb_build_object('id', gen_random_uuid()))).* "
        "FROM core_clock k, generate_series(1, 54) WHERE k.case_id = $1", case,
    )  # fmt: skip
    leader = await desk.signed_in("leader")
    address, seen = f"{HERE}/clocks?from=2026-03&to=2026-03&outcome=counted", set[str]()
    for expected in (50, 5):
        text = (await leader.get(address)).text
        found = set(re.findall(r"#clock-([0-9a-f-]+)", text))
        assert len(found) == expected
        assert not seen & found
        seen |= found
        more = re.search(r'class="rows__more"><a class="button" href="([^"]+)"', text)
        address = unescape(more.group(1)) if more else ""
    assert not address


async def test_the_file_has_the_figures_of_the_page(desk: Desk) -> None:
    await one_of_each(desk)
    leader = await desk.signed_in("leader")
    html = (await leader.get(HERE, params=MARCH)).text
    href = re.search(rf'href="({HERE}/figures.csv[^"]+)"', html)
    assert href
    got = await leader.get(unescape(href.group(1)))
    assert got.headers["content-disposition"] == 'attachment; filename="deadlines-2026-03-2026-03.csv"'
    rows = {(row[0], row[1]): row[2:] for row in csv.reader(io.StringIO(got.text))}
    for place, label in ((("All", ""), "All"), (("Month", "2026-03"), "March 2026"), (("Clock", "First word"),
                         "First word"), (("Month", "Held"), "Held, so in no month")):  # fmt: skip
        assert rows[place] == [share(html, label), *(str(each) for each in line(html, label).values())]


async def test_a_leader_of_another_unit_counts_only_theirs_and_confidential_cases_only_who_may_see_them(
    desk: Desk,
) -> None:
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    cards = await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    theirs, secret = await clock(desk, "met", ended_at=DUE), await clock(desk, "running")
    await db.execute("UPDATE core_case SET unit_id = $1 WHERE id = $2", cards, theirs)
    await db.execute("UPDATE core_case SET confidential = TRUE WHERE id = $1", secret)
    await desk.user("carla", "leader", unit="cards")
    await clock(desk, "met", ended_at=DUE)

    async def counted(browser: Browser, **more: str) -> int:
        return line((await browser.get(HERE, params={**MARCH, **more})).text, "All")["counted"]

    carla, leader, officer = [await desk.signed_in(each) for each in ("carla", "leader", "compliance")]
    assert (await counted(carla), await counted(leader), await counted(officer)) == (1, 2, 3)
    assert await counted(leader, unit="cards") == 1
    assert await counted(officer, unit="main") == 3  # with those below
    text = (await carla.get(f"{HERE}/clocks", params={**MARCH, "outcome": "counted"})).text
    assert text.count("#clock-") == 1


async def test_a_case_with_an_aspect_about_the_reader_does_not_count_for_them(desk: Desk) -> None:
    case = await clock(desk, "met", ended_at=DUE)
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", case)
    quality, leader = await desk.signed_in("quality"), await desk.signed_in("leader")
    await aspects.concern(await desk.viewer("leader"), aspect, (await desk.viewer("quality")).user_id)
    assert "No clock was due then" in (await quality.get(HERE, params=MARCH)).text
    assert "#clock-" not in (await quality.get(f"{HERE}/clocks", params={**MARCH, "outcome": "counted"})).text
    assert line((await leader.get(HERE, params=MARCH)).text, "All")["counted"] == 1


async def test_a_month_ends_where_it_ends_in_the_units_own_zone(desk: Desk) -> None:
    await clock(desk, "running", datetime(2026, 3, 31, 23, 30, tzinfo=UTC))
    leader = await desk.signed_in("leader")
    both = {"from": "2026-03", "to": "2026-04"}
    for zone, months in (("UTC", (1, 0)), ("Europe/Warsaw", (0, 1)), ("America/New_York", (1, 0))):
        await db.execute("UPDATE core_unit SET time_zone = $1", zone)
        html = (await leader.get(HERE, params=both)).text
        assert (line(html, "March 2026")["missed"], line(html, "April 2026")["missed"]) == months, zone
        march = (await leader.get(HERE, params={**MARCH, "unit": "main"})).text
        assert ("No clock was due then" in march) == (months[0] == 0), zone


async def test_clocks_are_grouped_and_narrowed_as_asked(desk: Desk) -> None:
    case, other = await clock(desk, "met", ended_at=DUE), await clock(desk, "running")
    await db.execute("UPDATE core_aspect SET category = 'late_fee' WHERE case_id = $1", case)
    await db.execute("UPDATE core_case SET priority = 'urgent' WHERE id = $1", case)
    await db.execute("UPDATE core_clock SET key = 'sla.reply', label = 'First reply' WHERE case_id = $1", other)
    leader = await desk.signed_in("leader")
    for by, first, second in (
        ("clock", "First word", "First reply"), ("category", "Late fee", "No category yet"),
        ("priority", "Urgent", "Normal"),
    ):  # fmt: skip
        html = (await leader.get(HERE, params={**MARCH, "by": by})).text
        assert (line(html, first)["in_time"], line(html, second)["missed"]) == (1, 1), by
    for by in ("unit", "case_type", "channel"):
        assert line((await leader.get(HERE, params={**MARCH, "by": by})).text, "All")["counted"] == 2
    html = (await leader.get(HERE, params={**MARCH, "clock": "sla.reply"})).text
    assert (line(html, "All")["counted"], "First word</option>" in html) == (1, True)


async def test_who_may_not_read_it_gets_none_and_wrong_months_are_told(desk: Desk) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    for path in (HERE, f"{HERE}/clocks", f"{HERE}/figures.csv"):
        assert (await agent.get(path)).status_code == 403
    assert (await leader.get(HERE)).status_code == 200
    assert 'href="/deadlines"' in (await leader.get(HERE)).text
    for months, said in (
        ({"from": "soon"}, "This is not a month"), ({"from": "2026-05", "to": "2026-04"}, "comes after the last one"),
        ({"from": "2000-01", "to": "2026-04"}, "more than 36 months"),
    ):  # fmt: skip
        answer = await leader.get(HERE, params=months)
        assert answer.status_code == 422
        assert said in answer.text
        assert (await leader.get(f"{HERE}/figures.csv", params=months)).status_code == 404
