"""One complaint with three matters, in a real browser: three teams take them, each by its own deadline and with its own
outcome, and the case closes only with the third."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ombud.desk import messages
from ombud.desk.administration import queues as queue_setup
from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration.queues import QueueGiven
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.clocks import watching
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

MATTERS = (
    ("The fee was taken twice.", "billing", "Billing", "normal", "upheld", "We paid the fee back."),
    ("Your clerk shouted at me.", "conduct", "Conduct", "high", "not_upheld", "The recording shows no shouting."),
    ("My statement went to a neighbour.", "leak", "Data protection", "urgent", "partly_upheld", "It was one letter."),
)
TEAMS = ("bea", "carl", "dora")


SELECT = """([id, from, to]) => {
  const text = document.querySelector(`#entry-${id} [data-said]`);
  const parts = [...text.childNodes].filter((each) => each.nodeType === 3 || each.localName === "mark")
    .map((each) => (each.nodeType === 3 ? each : each.firstChild));
  const place = (at) => {
    for (const part of parts) {
      if (at <= part.data.length) return [part, at];
      at -= part.data.length;
    }
  };
  getSelection().setBaseAndExtent(...place(from), ...place(to));
}"""


async def teams(desk: Desk) -> None:
    """A category and a queue for each matter, an agent for each team, and service levels by priority."""
    for _, code, name, *_ in MATTERS:
        await taxonomy_setup.add(SYSTEM, "category", code, None, TermGiven({"en": name}))
        await queue_setup.add(SYSTEM, code, QueueGiven(f"{name} team", None, {"category": [code]}))
    for name in TEAMS:
        await desk.user(name, "agent")
    await desk.enable("sla")
    levels = ["priority=urgent: resolution 1d", "priority=high: resolution 3d", "any: resolution 10d"]
    await group_settings.change(SYSTEM, "p-sla", Change(values={"levels": levels}))


async def sort_out(page: Page, case: str, aspects: list[str]) -> None:
    """The leader says what each matter is about and how urgent it is; that leads it to its team."""
    for aspect, (_, _, name, priority, *_) in zip(aspects, MATTERS, strict=True):
        await page.goto(f"{case}/aspects/{aspect}")
        form = page.locator("form[action$='/change']")
        await form.locator("[name=category]").fill(name)
        await form.locator("[name=priority]").select_option(priority)
        await form.get_by_role("button", name="Save").click()
        await expect(page).to_have_url(re.compile(f"{re.escape(case)}$"))


async def decide(page: Page, case: str, aspect: str, outcome: str, reason: str) -> None:
    await page.goto(f"{case}/aspects/{aspect}/decide")
    await page.locator(f"label:has([name=outcome][value={outcome}])").click()
    await page.get_by_label("Reason").fill(reason)
    await page.get_by_role("button", name=re.compile("^Decide")).click()
    await expect(page).to_have_url(re.compile(f"{re.escape(case)}$"))


@pytest.mark.browser
async def test_three_matters_go_to_three_teams_with_three_deadlines_and_close_with_the_third(
    desk: Desk, browsing: Callable[..., Any]
) -> None:
    await teams(desk)
    filed = await desk.file(*(text for text, *_ in MATTERS))
    case = f"/cases/{filed.reference}"
    async with browsing(desk, "leader", *TEAMS) as (leader, *agents):
        every = "SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position"
        await sort_out(leader, case, [str(row["id"]) for row in await db.fetch(every, filed.case_id)])
        await watching.start_waiting()
        await desk.work()
        rows = await db.fetch("SELECT id, category, queue_id FROM core_aspect WHERE case_id = $1 ORDER BY position",
                              filed.case_id)  # fmt: skip
        assert [row["category"] for row in rows] == [code for _, code, *_ in MATTERS]
        await leader.goto(f"{case}/clocks")
        due = await db.fetch(
            "SELECT DISTINCT due_at FROM core_clock WHERE case_id = $1 AND key = 'sla.resolution'", filed.case_id
        )
        assert len(due) == 3, "each matter has a deadline of its own"
        await expect(leader.get_by_role("heading", name="Resolution")).to_have_count(3)
        for agent, row, (_, code, *_) in zip(agents, rows, MATTERS, strict=True):
            await agent.goto(f"/queues/{code}")
            await expect(agent.get_by_text(filed.reference).first).to_be_visible()
            await agent.get_by_role("button", name="Take next").click()
            await expect(agent).to_have_url(re.compile(filed.reference))
            owner = await db.fetchval("SELECT coalesce(a.owner_id, c.owner_id) FROM core_aspect a "
                                      "JOIN core_case c ON c.id = a.case_id WHERE a.id = $1", row["id"])  # fmt: skip
            assert owner == (await desk.viewer(TEAMS[agents.index(agent)])).user_id
        for place, (agent, row, (*_, outcome, reason)) in enumerate(zip(agents, rows, MATTERS, strict=True), 1):
            await leader.goto(case)
            await expect(leader.get_by_role("button", name=re.compile("^Close the case"))).to_have_count(0)
            await decide(agent, case, str(row["id"]), outcome, reason)
            status = await db.fetchval("SELECT status FROM core_case WHERE id = $1", filed.case_id)
            assert (status == "resolved") == (place == 3)
        await leader.goto(case)
        await leader.get_by_role("button", name=re.compile("^Close the case")).first.click()
        await expect(leader.get_by_text("Closed").first).to_be_visible()
    outcomes = await db.fetch("SELECT outcome FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    assert [row["outcome"] for row in outcomes] == [outcome for *_, outcome, _ in MATTERS]
    assert await db.fetchval("SELECT status FROM core_case WHERE id = $1", filed.case_id) == "closed"


@pytest.mark.browser
async def test_words_selected_in_a_message_are_pinned_to_a_matter_with_the_keyboard_alone(
    desk: Desk, browsing: Callable[..., Any]
) -> None:
    words = "A fee \U0001f62c was taken. The clerk was rude. A fee was taken."
    filed = await desk.file("The fee.", "A rude clerk.")
    said = await messages.write(await desk.viewer("agent"), filed.case_id, "told", words)
    async with browsing(desk, "agent") as (page,):
        await page.goto(f"/cases/{filed.reference}")
        offer, entry = page.locator("#pin-offer"), page.locator(f"#entry-{said}")
        await expect(offer).to_be_hidden()
        rude = words.index("The clerk") + 1  # a browser counts the face as two
        await page.evaluate(SELECT, [str(said), rude, rude + 19])
        await expect(offer).to_be_visible()
        await expect(page.locator("#pin-said")).to_have_text("Pin to a matter: press P, or Tab.")
        await page.keyboard.press("Escape")
        await expect(offer).to_be_hidden()
        await page.evaluate(SELECT, [str(said), rude, rude + 19])
        await expect(offer).to_be_visible()
        await page.keyboard.press("p")
        await expect(offer.get_by_role("button", name=re.compile("The fee."))).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(entry.locator("mark")).to_have_text("The clerk was rude.")
        await expect(entry.locator("mark + .pinned a")).to_have_attribute("href", re.compile("/aspects/.+/passages$"))
        await expect(page.locator("#toasts")).to_contain_text("The passage is pinned to aspect B.")
        await expect(entry).to_be_focused()
        last = words.rindex("A fee") + 1  # behind a mark, and there twice
        await page.evaluate(SELECT, [str(said), last, last + 5])
        await offer.get_by_role("button", name=re.compile("Pin to a matter")).click()
        await offer.get_by_role("button", name=re.compile("The fee.")).click()
        await expect(entry.locator("mark")).to_have_count(2)
    rows = await db.fetch("SELECT start, finish FROM core_pin ORDER BY start")
    assert [words[row["start"] : row["finish"]] for row in rows] == ["The clerk was rude.", "A fee"]
    assert rows[1]["start"] == words.rindex("A fee")
