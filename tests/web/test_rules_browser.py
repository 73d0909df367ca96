"""An administrator's whole way with a rule, in a real browser: written, replayed on the demonstration firm, tried in
shadow, turned on; a new complaint follows it, and its page says why."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ombud.desk import cases, support
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.desk.support import Needs
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.testing_desk import Desk
from ombud.trust.ledger import read


def control(page: Page, name: str) -> Any:
    return page.locator(f"[id='{name}']")


async def say(page: Page) -> None:
    """The rule, in the form: red mood and confirmed support needs, senior queue, one working hour."""
    await page.goto("/rules/new")
    await page.get_by_label("Name", exact=True).fill("Red to the senior team")
    await page.get_by_label("a case is opened").uncheck()
    await page.get_by_label("the customer's tone changes").check()
    await page.get_by_label("support needs are confirmed").first.check()
    await page.get_by_role("button", name="Add a condition").click()
    await control(page, "n.0.0.is").select_option("mood")  # its fields come by themselves
    await page.get_by_label("Angry").check()
    await page.get_by_role("button", name="Add a condition").click()
    await control(page, "n.0.1.is").select_option("support_needs")
    await expect(page.locator("[id='n.0.1.a.priorities-1']")).to_have_count(0)
    await page.get_by_role("button", name="Add an action").click()
    await control(page, "t.0.do").select_option("put_in_queue")
    await control(page, "t.0.a.queue").select_option(label="Senior team")
    await page.get_by_role("button", name="Add an action").click()
    await control(page, "t.1.do").select_option("answer_within")
    await control(page, "t.1.a.clock").fill("senior")
    await page.get_by_role("button", name="Save as a draft").click()
    await expect(page.locator(".rule__says")).to_have_text(
        "When the customer's tone changes or support needs are confirmed, if the customer's tone is Angry and support "
        "needs are confirmed, put it into the queue Senior team and start a clock of 1 working hour, called senior."
    )


async def red_case(desk: Desk) -> Any:
    """A complaint comes in, its tone turns angry and an agent confirms what the customer needs."""
    filed = await desk.file("The card is blocked and nobody helps me.")
    agent = await desk.viewer("agent")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await support.confirm(agent, filed.case_id, person, Needs(True, False, "Call in the morning", "consent"))
    await cases.change(agent, filed.case_id, {"mood": "angry"}, None)
    await desk.work()
    return filed


@pytest.mark.browser
async def test_a_rule_is_built_replayed_tried_in_shadow_turned_on_and_explained(
    desk: Desk, browsing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = demo_story.plan  # a third of the firm's year is enough to choose from
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[1::3])
    await demo.load()
    await desk.work()
    await red_case(desk)  # the made-up year has few, and another third of them at each hour
    await db.execute(
        "INSERT INTO core_queue (id, key, name, condition, position, active) "
        "VALUES ($1, 'senior', 'Senior team', '{}', 9000, TRUE)",
        new_id(),
    )
    before = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream LIKE 'case/%'")
    async with browsing(desk, "administrator", "agent") as (page, reader):
        await say(page)
        await page.get_by_label("Months").fill("12")
        await page.get_by_role("button", name="Replay version 1").click()
        await expect(page.get_by_text("The replay is running")).to_be_visible()
        await desk.work()
        await page.reload()
        told = page.get_by_text(re.compile(r"in \d+ of \d+ cases of the last 12 months"))
        await expect(told).to_be_visible()
        changed, of = map(int, re.findall(r"\d+", await told.inner_text())[:2])
        assert of > 20
        assert 0 < changed < of
        assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE stream LIKE 'case/%'") == before
        await page.get_by_role("button", name="Try version 1 in shadow").click()
        shadowed = await red_case(desk)
        queue = "SELECT q.name FROM core_case c JOIN core_queue q ON q.id = c.queue_id WHERE c.id = $1"
        assert await db.fetchval(queue, shadowed.case_id) != "Senior team"
        await page.reload()
        await expect(page.get_by_text("it would have acted since it was in shadow")).to_be_visible()
        await page.get_by_role("button", name="Turn on version 1").click()
        await expect(page.get_by_text("Version 1 is on")).to_be_visible()
        followed = await red_case(desk)
        assert await db.fetchval(queue, followed.case_id) == "Senior team"
        started = [each for each in await read([f"case/{followed.case_id}"]) if each.kind == "clock.started"]
        assert "senior" in [each.body["clock"] for each in started]
        await reader.goto(f"/cases/{followed.reference}")
        happened = reader.locator(".happening", has_text="acted")
        await happened.get_by_role("link", name="Why?").click()
        await expect(happened).to_contain_text("Red to the senior team, version 1")
        await expect(happened).to_contain_text("the customer's tone is Angry (found: angry)")
        await expect(happened).to_contain_text("support needs are confirmed")
