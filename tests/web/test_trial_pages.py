"""A change is tried on the past on the page on which it is made: what was typed stays, nothing is saved, and the result
names only cases that are open to the reader."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import trials
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.clocks.settling import settle
from ombud.desk.routing import ladders, profiles, skills
from ombud.desk.routing.laddering import After, Content, Starts, Step
from ombud.kernel import clock
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM


async def came(desk: Any, days: int) -> Any:
    with clock.at(now() - timedelta(days=days)):
        return await desk.file()


async def tried(browser: Any, page: str, data: dict[str, Any], to: str = "") -> str:
    """Presses the button, lets the work be done and opens the page again."""
    answer = await browser.submit(to or page, {"months": "3", **data}, page=page)
    assert answer.status_code == 200, answer.text
    assert "The trial is running" in answer.text
    await browser.desk.work()
    shown = (await browser.get(page)).text
    assert "Nothing has been changed" in shown
    return shown


@pytest.fixture
async def leader(desk: Any) -> Any:
    browser = await desk.signed_in("leader")
    browser.desk = desk
    return browser


@pytest.fixture
async def administrator(desk: Any) -> Any:
    browser = await desk.signed_in("administrator")
    browser.desk = desk
    return browser


async def test_a_profile_is_tried_before_it_is_saved(desk: Any, leader: Any) -> None:
    agent = (await desk.viewer("agent")).user_id
    filed = [await came(desk, 20 - day) for day in range(3)]
    page = f"/team/{agent}"
    wrong = await leader.submit(page, {"step": "try", "months": "0"}, page=page)
    assert (wrong.status_code, "Choose from 1 to 36 months." in wrong.text) == (422, True)
    typed = await leader.submit(page, {"step": "try", "months": "3", "capacity": "0", "languages": "pl"}, page=page)
    assert 'value="pl"' in typed.text
    shown = await tried(leader, page, {"step": "try", "capacity": "0"})
    assert "of 3 cases and matters that came in the last 3 months would have gone to somebody else" in shown
    assert (await profiles.profile(SYSTEM, agent)).version == 0
    changed = await trials.latest("routing", f"profile/{agent}")
    assert changed is not None
    listed = {each["case"] for each in changed.result["shown"]}
    for each in filed:
        assert (f'href="/cases/{each.reference}"' in shown) is (str(each.case_id) in listed)


async def test_who_may_not_read_a_case_gets_its_number_and_no_more(desk: Any, leader: Any) -> None:
    agent, leader_id = (await desk.viewer("agent")).user_id, (await desk.viewer("leader")).user_id
    filed = await came(desk, 3)
    await db.execute("UPDATE core_case SET owner_id = NULL, confidential = FALSE WHERE id = $1", filed.case_id)
    await db.execute("DELETE FROM core_user_role WHERE user_id <> ALL($1)", [agent, leader_id])
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE case_id = $2", leader_id, filed.case_id)
    shown = await tried(leader, f"/team/{agent}", {"step": "try", "capacity": "0"})
    assert filed.reference not in shown
    assert "a matter is about" not in shown, "that there is one is not told either"
    assert "1 more is of a case that is not open to you." in shown


async def test_a_skill_and_a_queue_are_tried_on_their_pages(desk: Any, administrator: Any) -> None:
    skill = await skills.add(SYSTEM, "cards", "Cards", {})
    queue = await queue_setup.add(SYSTEM, "calls", QueueGiven("Calls", None, {"channel": ["phone"]}, True))
    await came(desk, 3)
    page = f"/administration/skills/{skill}"
    shown = await tried(administrator, page, {"step": "try", "label": "Cards", "category_more": "fees", "active": "on"})
    assert "0 of 1 cases and matters" in shown
    assert (await skills.skill(skill)).needed_by == {}
    page = f"/administration/queues/{queue}"
    data = {"step": "try", "name": "Calls", "where": "desk", "channel_more": "api", "active": "on"}
    shown = await tried(administrator, page, data)
    assert "1 into another queue" in shown
    kept = await db.fetchval("SELECT condition FROM core_queue WHERE id = $1", queue)
    assert kept == {"channel": ["phone"]}
    other = await administrator.submit("/administration/queues/" + str(UUID(int=1)), data, page=page)
    assert other.status_code == 404


LADDER = {
    "name": "Slow", "of": "received", "start_after": "30m", "ends": "answered", "s1.to": "owner", "s1.after": "1h",
    "active": "on",
}  # fmt: skip


async def test_a_ladder_is_tried_also_before_there_is_one(desk: Any, administrator: Any) -> None:
    await came(desk, 3)
    page = "/administration/escalations/new"
    answer = await administrator.submit(page, {**LADDER, "step": "try", "months": "3"}, page=page)
    assert (answer.status_code, "Choose whose cases climb it." in answer.text) == (422, True)
    shown = await tried(administrator, page, {**LADDER, "step": "try", "key": "slow", "where": "desk"})
    assert "In 1 of 1 cases of the last 3 months its steps would have been others." in shown
    assert await ladders.all_ladders() == []
    content = Content((Step("owner", After(60)),), Starts(of="received", after=After(30)), ("answered",))
    ladder = await ladders.add(SYSTEM, "slow", "Slow", None, content)
    page = f"/administration/escalations/{ladder}"
    shown = await tried(administrator, page, {**LADDER, "step": "try", "s1.after": "30d"})
    assert "In 1 of 1 cases" in shown
    assert (await ladders.ladder(ladder)).content == content
    assert await db.fetchval("SELECT count(*) FROM core_escalation") == 0


async def test_service_levels_are_tried_where_they_are_set(desk: Any, administrator: Any) -> None:
    await desk.enable("sla")
    await group_settings.change(SYSTEM, "p-sla", Change(values={"levels": ["any: first 16h"]}))
    filed = await came(desk, 6)
    with clock.at(now() - timedelta(days=6)):
        await settle(filed.case_id)
    page = "/settings/p-sla"
    data = {"unit": "", "set.levels": "any: first 400h", "was.levels": "any: first 16h", "version": "1"}
    shown = await tried(administrator, page, data, f"{page}/replay")
    assert "<dt>Breaches avoided</dt><dd>1</dd>" in shown
    assert (f"/cases/{filed.reference}/clocks" in shown) is (await desk.viewer("administrator")).may("case.read")
    held = await group_settings.levels("p-sla")
    assert held[0].values["levels"] == ["any: first 16h"]
    broken = await administrator.submit(f"{page}/replay", {**data, "months": "99"}, page=page)
    assert (broken.status_code, "Choose from 1 to 36 months." in broken.text) == (422, True)
    nothing = await administrator.submit("/settings/outgoing/replay", {"unit": "", "months": "3"}, page=page)
    assert nothing.status_code == 404


async def test_promises_are_tried_and_a_case_type_with_a_term_of_its_own_keeps_it(
    desk: Any, administrator: Any
) -> None:
    filed, other = await came(desk, 40), await came(desk, 40)
    await db.execute(
        "INSERT INTO core_case_type SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), "
        "'key', 'own', 'label', 'Own', 'answer_within_days', 30))).* FROM core_case_type t LIMIT 1"
    )
    await db.execute("UPDATE core_case SET case_type = 'own' WHERE id = $1", other.case_id)
    for each in (filed, other):
        with clock.at(now() - timedelta(days=40)):
            await settle(each.case_id)
    page = "/settings/promises"
    held = {"answer_within_days": "300", "acknowledge_within_days": "5", "triage_within_hours": "4",
            "tracking_link_days": "30"}  # fmt: skip
    data = {"unit": "", "version": "0", **{f"set.{name}": value for name, value in held.items()}}
    shown = await tried(administrator, page, data, f"{page}/replay")
    assert "Full answer within: 300" in shown
    kept = await trials.latest("promises", "")
    assert kept is not None
    moved = {each["case"] for each in kept.result["shown"] if each["label"] == "Full answer"}
    assert moved == {str(filed.case_id)}
    assert await group_settings.levels("promises") == []


async def test_a_day_of_its_own_is_tried_before_it_is_added(desk: Any, administrator: Any) -> None:
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL ORDER BY created_at LIMIT 1")
    page = f"/administration/calendars/{unit}"
    day = {"day": (date.today() - timedelta(days=3)).isoformat(), "name": "Stocktaking", "hours": ""}
    wrong = await administrator.submit(f"{page}/days/try", {**day, "day": ""}, page=page)
    assert (wrong.status_code, "Choose the day." in wrong.text, "Stocktaking" in wrong.text) == (422, True, True)
    shown = await tried(administrator, page, day, f"{page}/days/try")
    assert f"{day['day']} closed" in shown
    assert "None so far." in shown
