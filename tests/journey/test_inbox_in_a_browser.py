"""The inbox in a browser on a served desk: what comes in is counted in a bar, nothing moves, and keys decide."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from served import Served, allowed

pytestmark = pytest.mark.browser
PASSWORD = "harbour lantern moss"


def lay(spool: Path, name: str, text: str) -> None:
    said = {"channel": "spool", "sender": {"name": name, "email": f"{name.lower()}@example.net"}, "text": text,
            "subject": text, "html": f"<p>{text}</p><img src='https://elsewhere.example/pixel.png'>"}  # fmt: skip
    (spool / f"{name}.json").write_text(json.dumps(said))


def test_new_messages_are_counted_in_a_bar_and_keys_move_open_and_decide(
    spooled: tuple[Served, Path], chromium: Any
) -> None:
    desk, spool = spooled
    desk.command("user", "add", "ewa", "--role", "agent", "--password-stdin", given=f"{PASSWORD}\n")
    desk.start()
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(allowed(30) * 1000)
    expect.set_options(timeout=allowed(40) * 1000)
    page, troubles, fetched = context.new_page(), [], []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("response", lambda answer: fetched.append(answer.url))
    page.goto(f"{desk.address}/sign-in")
    page.fill("[name=login]", "ewa")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/queues/**")
    page.goto(f"{desk.address}/inbox")
    expect(page.get_by_text("Nothing to decide").first).to_be_visible()
    lay(spool, "Ada", "When do you open?")
    expect(page.locator("#inbox-live")).to_contain_text("1 new")
    assert page.locator("a.mail").count() == 0, "nothing moves until somebody asks"
    page.keyboard.press("n")
    expect(page.locator("a.mail")).to_have_count(1)
    lay(spool, "Bruno", "You took the fee twice.")
    expect(page.locator("#inbox-live")).to_contain_text("1 new")
    page.keyboard.press("n")
    expect(page.locator("a.mail")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("article h2")).to_have_text("When do you open?")
    page.get_by_text("As it looked to the sender").click()
    expect(page.frame_locator("iframe.rendering").get_by_text("When do you open?")).to_be_visible()
    page.keyboard.press("e")
    page.select_option("#reason", "question")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+Enter")
    expect(page.locator("article h2")).to_have_text("You took the fee twice.")
    expect(page.locator("a.mail")).to_have_count(1)
    page.keyboard.press("z")
    expect(page.locator("a.mail")).to_have_count(2)
    page.locator("a.mail", has_text="Bruno").click()
    expect(page.locator("article h2")).to_have_text("You took the fee twice.")
    page.keyboard.press("c")
    expect(page.locator("#toasts")).to_contain_text("is open")
    expect(page.locator("a.mail")).to_have_count(1)
    assert not [each for each in fetched if "elsewhere.example" in each], "a message fetches nothing"
    assert troubles == []
    context.close()
