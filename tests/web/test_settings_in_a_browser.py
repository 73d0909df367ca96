"""Settings in a real browser: with scripts, trying out and a refusal leave what was typed where it is, a secret too."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright, expect

from ombud.desk.settings.groups import values_for_plugin
from ombud.testing_desk import Desk
from ombud.web import assets
from ombud.web.door import SESSION_COOKIE

DUMMY = Path(__file__).parent.parent / "dummy_plugin"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SECRET = "swordfish-4711"


@asynccontextmanager
async def administrating(desk: Desk) -> AsyncIterator[Page]:
    """An administrator's browser on the dummy's settings."""
    if not CHROMIUM.exists():
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    assets.build()
    sys.path.insert(0, str(DUMMY))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await desk.enable("dummy")
        signed_in = await desk.signed_in("administrator")
        cookie = {"name": SESSION_COOKIE, "value": signed_in.http.cookies[SESSION_COOKIE]}
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            context = await browser.new_context(base_url=address)
            await context.add_cookies([{**cookie, "url": address}])  # type: ignore[list-item]
            page = await context.new_page()
            await page.goto("/settings/p-dummy")
            yield page
            await browser.close()
    finally:
        server.should_exit = True
        await serving
        sys.path.remove(str(DUMMY))
        for name in [each for each in sys.modules if each.startswith("ombud_dummy")]:
            del sys.modules[name]


def box(page: Page, name: str) -> Any:
    return page.locator(f"[id='set.{name}']")


@pytest.mark.browser
async def test_a_secret_typed_once_is_tried_out_refused_and_saved_anyway(desk: Desk) -> None:
    async with administrating(desk) as page:
        await box(page, "password").fill(SECRET)
        await box(page, "address").fill("refuse")
        await page.get_by_role("button", name="Try it out").click()
        await expect(page.locator("#tried")).to_contain_text("refuse took ••• from Administrator and refused.")
        await expect(box(page, "password")).to_have_value(SECRET)
        await page.get_by_role("button", name="Save", exact=False).first.click()
        await expect(page.locator("#tried")).to_contain_text("nothing was saved")
        await expect(box(page, "password")).to_have_value(SECRET)
        await page.get_by_role("button", name="Save anyway").click()
        await expect(page.locator(".toast")).to_contain_text("Saved for The whole desk.")
        await expect(box(page, "password")).to_have_value("")
        await expect(page.locator(".setting", has=box(page, "password"))).to_contain_text("by Administrator")
        assert SECRET not in await page.content()
    held = await values_for_plugin("dummy", None)
    assert (held["password"], held["address"]) == (SECRET, "refuse")


@pytest.mark.browser
async def test_what_does_not_fit_is_said_beside_its_field_without_leaving_the_page(desk: Desk) -> None:
    async with administrating(desk) as page:
        await box(page, "hours").fill("99")
        await box(page, "greeting").fill("My careful words")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("[data-summary]")).to_be_focused()
        await expect(box(page, "hours")).to_have_attribute("aria-invalid", "true")
        await expect(box(page, "greeting")).to_have_value("My careful words")
        await box(page, "hours").fill("12")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".toast")).to_contain_text("It holds from now on.")
    assert (await values_for_plugin("dummy", None))["hours"] == 12
