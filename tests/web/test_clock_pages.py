"""The pages of clocks: the sum, holding, moving and going over, for who may, and hidden where an aspect is."""

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from babel.dates import format_date

from ombud.desk import aspects
from ombud.desk.calendars.versions import current
from ombud.desk.clocks import watching
from ombud.desk.clocks.planning import Wanted
from ombud.desk.clocks.reckoning import Terms
from ombud.desk.clocks.settling import Settling, start
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust.ledger import append
from ombud_plugin_api.facts import Filed

EIGHT_HOURS = Terms(working=8 * 3600, met_by="reply", warn=(75,))


def _day(moment: datetime) -> str:
    return str(format_date(moment, "d\u00a0MMM\u00a0y", locale="en_GB"))


async def filed(desk: Desk, *matters: str) -> Filed:
    found = await desk.file(*matters)
    await watching.start_waiting()
    return found


async def reply_clock(case_id: UUID, terms: Terms = EIGHT_HOURS) -> UUID:
    async with db.transaction():
        case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1 FOR UPDATE", case_id)
        assert case is not None
        settling = Settling(case, await current(case["unit_id"]), "system", [])
        await start(settling, Wanted("p.reply", "", "First reply", "p.reply", terms, case["received_at"]))
        await append(actor="system", entries=settling.entries)
    return UUID(str(await db.fetchval("SELECT id FROM core_clock WHERE key = 'p.reply'")))


async def act(browser: Browser, case: Filed, clock: UUID, what: str, **data: str):
    page = f"/cases/{case.reference}/clocks"
    text = (await browser.get(page)).text
    seen = re.search(rf'{clock}/{what}">.*?name="version" value="(\d+)"', text, re.DOTALL)
    version = seen.group(1) if seen else str(await db.fetchval("SELECT version FROM core_clock WHERE id = $1", clock))
    return await browser.submit(f"{page}/{clock}/{what}", {"version": version, **data}, page=page)


async def test_the_page_shows_every_clock_with_its_sum_and_the_case_page_names_the_next_one(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk hung up on me.")
    await reply_clock(case.case_id)
    agent = await desk.signed_in("agent")
    text = (await agent.get(f"/cases/{case.reference}/clocks")).text
    for words in ("Full answer", "aspect A", "aspect B", "First word", "First reply", "Allowed: 8 h", "Ends ",
                  "Set by a regulator", "so nothing holds it.", "Warns at 75% of its time."):  # fmt: skip
        assert words in text, words
    page = (await agent.get(f"/cases/{case.reference}")).text
    assert f'href="/cases/{case.reference}/clocks"' in page
    assert "First reply" in page


async def test_a_clock_is_held_with_a_reason_and_runs_on_again_without_any_script(desk: Desk) -> None:
    case = await filed(desk)
    clock = await reply_clock(case.case_id)
    agent = await desk.signed_in("agent")
    answer = await act(agent, case, clock, "pause", reason="customer", note="Waits for the contract.")
    assert answer.status_code == 303
    text = (await agent.get(f"/cases/{case.reference}/clocks")).text
    assert "We wait for the customer" in text
    assert "Left when it runs on" in text
    assert (await act(agent, case, clock, "resume")).status_code == 303
    assert "Runs on" in (await agent.get(f"/cases/{case.reference}/clocks")).text
    history = (await agent.get(f"/cases/{case.reference}")).text
    assert "held a clock" in history


async def test_a_refusal_names_the_remedy_and_keeps_what_was_typed(desk: Desk) -> None:
    case = await filed(desk)
    clock = await reply_clock(case.case_id)
    agent = await desk.signed_in("agent")
    answer = await act(agent, case, clock, "pause", reason="", note="Typed words stay.")
    assert answer.status_code == 422
    assert "Choose why the clock is held." in answer.text
    assert "Typed words stay." in answer.text
    strict = await db.fetchval("SELECT id FROM core_clock WHERE key = 'acknowledge'")
    refused = await act(agent, case, strict, "pause", reason="customer")
    assert refused.status_code == 409
    assert "A regulator set this clock" in refused.text
    stale = await agent.submit(
        f"/cases/{case.reference}/clocks/{clock}/resume", {"version": "99"}, page=f"/cases/{case.reference}/clocks"
    )
    assert stale.status_code == 409
    assert "Somebody changed this clock" in stale.text


async def test_an_answer_date_is_moved_with_a_reason_from_the_page_of_the_aspect(desk: Desk) -> None:
    case = await filed(desk)
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    clock = await db.fetchval("SELECT id FROM core_clock WHERE aspect_id = $1", aspect)
    agent = await desk.signed_in("agent")
    page = f"/cases/{case.reference}/aspects/{aspect}/clocks"
    assert "All clocks of the case" in (await agent.get(page)).text
    day = (now() + timedelta(days=80)).date().isoformat()
    version = str(await db.fetchval("SELECT version FROM core_clock WHERE id = $1", clock))
    answer = await agent.submit(
        f"/cases/{case.reference}/clocks/{clock}/move",
        {"version": version, "due": day, "because": "The expert needs longer.", "back": "aspect"}, page=page,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert (await db.fetchval("SELECT due_at FROM core_aspect")).date().isoformat() == day
    assert "Moved on" in (await agent.get(page)).text


async def test_the_clocks_of_an_aspect_about_a_member_of_staff_are_nowhere_for_them(desk: Desk) -> None:
    case = await filed(desk, "The fee was taken twice.", "The clerk was rude.")
    about = await desk.user("clerk", "agent")
    second = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    await aspects.concern(await desk.viewer("leader"), second, about)
    clock = await db.fetchval("SELECT id FROM core_clock WHERE aspect_id = $1", second)
    await db.execute("UPDATE core_clock SET due_at = now() + interval '1 hour' WHERE id = $1", clock)
    clerk, leader = await desk.signed_in("clerk"), await desk.signed_in("leader")
    assert str(clock) in (await leader.get(f"/cases/{case.reference}/clocks")).text
    assert (await clerk.get(f"/cases/{case.reference}/aspects/{second}/clocks")).status_code == 404
    for page in (f"/cases/{case.reference}/clocks", f"/cases/{case.reference}"):
        answer = await clerk.get(page)
        assert answer.status_code == 200
        assert str(clock) not in answer.text
    answer = await act(clerk, case, clock, "move", due="2027-06-01", because="Later.")
    assert answer.status_code in {404, 422}
    assert "no such clock" in answer.text


async def test_who_may_only_read_sees_the_sum_and_no_buttons(desk: Desk) -> None:
    case = await filed(desk)
    clock = await reply_clock(case.case_id)
    reader = await desk.signed_in("quality")
    text = (await reader.get(f"/cases/{case.reference}/clocks")).text
    assert "How it is reckoned" in text
    assert "Hold it" not in text
    assert (await act(reader, case, clock, "pause", reason="customer")).status_code == 403


@pytest.mark.parametrize("place", ["clocks", "aspects/00000000-0000-0000-0000-000000000000/clocks"])
async def test_a_case_that_is_not_there_has_no_clocks(desk: Desk, place: str) -> None:
    agent = await desk.signed_in("agent")
    assert (await agent.get(f"/cases/OMB-NOPE/{place}")).status_code == 404


async def test_the_timeline_says_when_a_deadline_was_due_and_when_a_late_look_noticed_it(desk: Desk) -> None:
    old, fresh = await desk.file(received_at=now() - timedelta(days=200)), await filed(desk, "Nobody called back.")
    await watching.start_waiting()
    due = await db.fetchval("SELECT due_at FROM core_clock WHERE case_id = $1 AND key = 'acknowledge'", old.case_id)
    clock = await reply_clock(fresh.case_id)
    await db.execute("UPDATE core_clock SET due_at = now() - interval '1 minute' WHERE id = $1", clock)
    await watching.tell_late()
    agent = await desk.signed_in("agent")
    page = (await agent.get(f"/cases/{old.reference}")).text
    assert f"A deadline of {_day(due)} was missed (first word); noticed on {_day(now())}" in page
    page = (await agent.get(f"/cases/{fresh.reference}")).text
    missed = await db.fetchval("SELECT breached_at FROM core_clock WHERE id = $1", clock)
    assert f"A deadline of {_day(missed)} was missed (reply)" in page
    assert "noticed on" not in page


async def test_several_deadlines_missed_in_a_row_stand_under_one_line_each_with_its_day(desk: Desk) -> None:
    old = await desk.file("The fee was taken twice.", "Nobody called.", received_at=now() - timedelta(days=200))
    await watching.start_waiting()
    await watching.tell_late()
    missed = await db.fetchval("SELECT count(*) FROM core_clock WHERE case_id = $1 AND state <> 'met'", old.case_id)
    assert missed >= 3
    page = (await (await desk.signed_in("agent")).get(f"/cases/{old.reference}")).text
    (folded,) = re.findall(r"<details><summary>(.*?)</summary>(.*?)</details>", page, re.DOTALL)
    assert f"{missed} deadlines were missed" in folded[0]
    assert folded[1].count("was missed (") == page.count("was missed (") == missed
    assert len(set(re.findall(r'<li id="entry-e(\d+)">', folded[1]))) == missed
