"""The main job in a browser: three matters in, three different outcomes out, and a ledger that notices one byte."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ombud.kernel.postgres import EmbeddedPostgres

MATTERS = [
    "My card was blocked on Friday and nobody told me why.",
    "The overdraft fee of 42 euros was taken twice, on 2 and 3 October.",
    "The clerk at the branch laughed at me when I asked.",
]
DECISIONS = [
    ("A", "Upheld", "We blocked your card by mistake.", "Correction", ""),
    ("B", "Partly upheld", "One of the two fees was booked wrongly.", "Money", "42.00"),
    ("C", "Not upheld", "The recording does not show it.", "", ""),
]
PASSWORD = "harbour lantern moss"

pytestmark = pytest.mark.browser


def complain(page: Any, address: str) -> tuple[str, str]:
    """Fills the public form with three matters; returns the reference and the tracking address."""
    page.goto(f"{address}/complain")
    for number, text in enumerate(MATTERS):
        page.locator("textarea").first.fill(text)
        if number < len(MATTERS) - 1:
            page.get_by_role("button", name="Add another matter").click()
    page.get_by_role("button", name="continue").click()
    page.get_by_label("name", exact=False).first.fill("Helena Marsh")
    page.locator("input[name=email]").fill("helena@example.org")
    page.locator("input[name=postcode]").fill("80-001")
    page.get_by_role("button", name="continue").click()
    page.get_by_role("button", name="continue").click()
    assert all(text in page.inner_text("main") for text in MATTERS)
    page.locator("#send").click()
    reference = re.search(r"OMB-[0-9A-Z]{5,}-[0-9A-Z]", page.inner_text("main"))
    assert reference, page.inner_text("main")
    track = page.locator("a[href*='/track/'], a[href*='/p/portal/']").first.get_attribute("href")
    return reference.group(0), track


def work(page: Any, address: str, reference: str) -> None:
    """Signs in as an agent, takes the case from the queue and decides each aspect differently."""
    page.goto(f"{address}/sign-in")
    page.fill("input[name=login]", "ewa")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queues/**")
    page.get_by_role("link", name=re.compile("New complaints")).first.click()
    page.get_by_role("link", name=re.compile("My card was blocked")).first.click()
    page.wait_for_url(f"**/cases/{reference}")
    page.get_by_role("button", name=re.compile("Take")).first.click()
    page.wait_for_load_state("networkidle")
    for decision in DECISIONS:
        decide(page, address, reference, decision)


def decide(page: Any, address: str, reference: str, decision: tuple[str, str, str, str, str]) -> None:
    letter, outcome, reason, kind, amount = decision
    page.goto(f"{address}/cases/{reference}")
    page.get_by_role("link", name=re.compile(f"Decide( aspect {letter})?$")).first.click()
    form = page.locator("form#decide")
    form.wait_for()
    assert f"Decide aspect {letter}" in form.inner_text()
    form.get_by_text(outcome, exact=True).click()
    form.locator("textarea[name=reason]").fill(reason)
    if kind:
        form.locator("select[name=redress_kind]").first.select_option(label=kind)
    if amount:
        form.locator("input[name=redress_amount]").first.fill(amount)
    with page.expect_navigation():
        form.get_by_role("button", name=re.compile("^Decide")).click()


def test_three_matters_become_three_outcomes_the_customer_sees_and_the_case_is_closed(
    make_desk: Callable[..., Any], chromium: Any
) -> None:
    desk = make_desk()
    desk.command("migrate")
    desk.command("user", "add", "ewa", "--role", "agent", "--password-stdin", given=f"{PASSWORD}\n")
    desk.start()
    customer, agent = chromium.new_context().new_page(), chromium.new_context().new_page()
    troubles: list[str] = []
    for page in (customer, agent):
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
    reference, track = complain(customer, desk.address)
    customer.goto(track if track.startswith("http") else desk.address + track)
    assert reference in customer.inner_text("body")
    work(agent, desk.address, reference)
    customer.reload()
    seen = customer.inner_text("main")
    for _, _, reason, _, amount in DECISIONS:
        assert reason in seen
        assert amount in seen
    for words in ("you were right", "you were partly right", "we do not agree"):
        assert words in seen
    agent.goto(f"{desk.address}/cases/{reference}")
    agent.locator("summary, button").filter(has_text=re.compile("Change")).first.click()
    with agent.expect_navigation():
        agent.locator("button[name=status][value=closed]").first.click()
    assert "Closed" in agent.inner_text("main")
    customer.reload()
    assert "closed" in customer.inner_text("main").lower()
    assert not troubles
    assert "hold" in desk.command("ledger", "verify")
    flip_one_byte(desk.data, reference)
    desk.command("ledger", "verify", code=1)
    assert re.search(r"case/[0-9a-f-]{36}.*1", desk.said), desk.said


def flip_one_byte(data: Path, reference: str) -> None:
    """As the database's superuser, who can lift the guard: one letter of one committed fact."""
    with psycopg.connect(EmbeddedPostgres(data / "postgres").start(), autocommit=True) as connection:
        connection.execute("ALTER TABLE core_ledger_entry DISABLE TRIGGER USER")
        changed = connection.execute(
            "UPDATE core_ledger_entry SET body = replace(body::text, %s, %s)::jsonb WHERE kind = 'case.opened'",
            (reference, reference[:-1] + ("A" if reference[-1] != "A" else "B")),
        )
        assert changed.rowcount == 1
        connection.execute("ALTER TABLE core_ledger_entry ENABLE TRIGGER USER")
