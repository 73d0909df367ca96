"""A customer system's part in a real browser: it comes once the page stands, waits, and takes a choice."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright, expect

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.web import assets
from ombud.web.door import SESSION_COOKIE
from ombud.web.pages import crm as crm_pages
from ombud_plugin_api import PersonMatch

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture
async def page(desk_with_dummy: Any, monkeypatch: Any) -> AsyncIterator[Page]:
    """An agent's browser; the customer system knows Helena Marsh twice."""
    import ombud_dummy.plugin as module

    if not CHROMIUM.exists():
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    assets.build()
    monkeypatch.setattr(crm_pages, "_unused", {})
    module.Mood.people = tuple(
        PersonMatch(id=each, name=f"Helena {each}", email="helena@example.org", source="Book", fetched_at=now())
        for each in ("7", "8")
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk_with_dummy.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        signed_in = await desk_with_dummy.signed_in("agent")
        cookie = {"name": SESSION_COOKIE, "value": signed_in.http.cookies[SESSION_COOKIE]}
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            context = await browser.new_context(base_url=address)
            await context.add_cookies([{**cookie, "url": address}])  # type: ignore[list-item]
            yield await context.new_page()
            await browser.close()
    finally:
        server.should_exit = True
        await serving


@pytest.mark.browser
async def test_the_part_comes_by_itself_waits_and_takes_a_choice_and_its_undoing(
    desk_with_dummy: Any, page: Page
) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    filed = await desk_with_dummy.file()
    await page.goto(f"/cases/{filed.reference}")
    part = page.locator("#crm .crm")
    await expect(part).to_contain_text("Asking")
    await desk_with_dummy.work()
    await expect(part).to_contain_text("2 records may be this person", timeout=20_000)
    await part.get_by_role("button", name="This is them Helena 8").click()
    await expect(part).to_contain_text("Chosen by Agent", timeout=20_000)
    await desk_with_dummy.work()
    await expect(part).to_contain_text("Account of 8", timeout=20_000)
    assert await db.fetchval("SELECT record FROM core_crm_link WHERE ended_at IS NULL") == "8"
    await part.get_by_role("button", name="Not this one").click()
    await expect(part).to_contain_text("2 records may be this person", timeout=20_000)
    assert page.url.endswith(f"/cases/{filed.reference}"), "the page stays where it is"
    assert refused == []
