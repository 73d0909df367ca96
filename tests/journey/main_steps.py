"""The steps of the main job in a browser, wherever the desk came from: three matters in, three outcomes out."""

import re
from typing import Any

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
    page.wait_for_load_state()
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


def journey(desk: Any, chromium: Any) -> str:
    """The main job on a desk nobody used yet, which it starts; returns the reference of the closed case."""
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
    follow(customer)
    close(agent, desk.address, reference)
    customer.reload()
    assert "closed" in customer.inner_text("main").lower()
    assert not troubles
    assert "hold" in desk.command("ledger", "verify")
    return reference


def follow(page: Any) -> None:
    """The customer's page tells the three outcomes with their reasons."""
    page.reload()
    seen = page.inner_text("main")
    for _, _, reason, _, amount in DECISIONS:
        assert reason in seen
        assert amount in seen
    for words in ("you were right", "you were partly right", "we do not agree"):
        assert words in seen


def close(page: Any, address: str, reference: str) -> None:
    page.goto(f"{address}/cases/{reference}")
    page.locator("summary, button").filter(has_text=re.compile("Change")).first.click()
    with page.expect_navigation():
        page.locator("button[name=status][value=closed]").first.click()
    assert "Closed" in page.inner_text("main")
