"""The form in a real browser: no barrier in any step, light, dark and on a phone; and all of it without script."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.web import assets

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
AXE = assets.MODULES / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The barriers alone are sent over: all that axe looked at takes longer than the look itself.
BARRIERS = """async rules => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], selectors: false});
    return found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}"""


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[tuple[str, Browser]]:
    """The desk on a private port, and a browser."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", browser
        await browser.close()
    server.should_exit = True
    await serving


@pytest.fixture
async def place(desk: Desk) -> AsyncIterator[tuple[str, Browser]]:
    if not CHROMIUM.exists() or not AXE.exists():
        reason = "Chromium or axe-core is not installed (Debian: apt-get install chromium; then make)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    assets.build()
    await desk.enable("webform")
    async with served(desk) as there:
        yield there


async def no_barrier(page: Page) -> None:
    await page.evaluate(AXE.read_text("utf-8") + "; 0")
    for width, scheme in ((1440, "light"), (1440, "dark"), (320, "light")):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert await page.evaluate(BARRIERS, RULES) == [], (page.url, width, scheme)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
async def test_no_step_of_the_form_has_a_barrier(place: tuple[str, Browser]) -> None:
    address, browser = place
    page = await browser.new_page()
    await page.goto(f"{address}/complain")
    await no_barrier(page)
    await page.click("text=Save and continue")
    await no_barrier(page)  # with an error
    await page.fill("#text", "The fee was taken twice.")
    await page.click("text=Add another matter")
    await no_barrier(page)
    await page.click("text=Save and continue")
    await page.click("text=Save and continue")
    await no_barrier(page)
    await page.fill("#name", "Helena Marsh")
    await page.click("text=Save and continue")
    await no_barrier(page)
    await page.click("text=Save and continue")
    await no_barrier(page)
    await page.click("text=Send complaint")
    await no_barrier(page)


@pytest.mark.browser
async def test_the_whole_form_works_without_script_and_enter_goes_on(place: tuple[str, Browser]) -> None:
    address, browser = place
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{address}/complain")
    await page.fill("#text", "The fee was taken twice.")
    await page.click("text=Add another matter")
    await page.fill("#text", "My card is blocked.")
    await page.press("#when", "Enter")
    await page.fill("#name", "Helena Marsh")
    await page.press("#name", "Enter")
    await page.set_input_files("#documents", {"name": "bill.txt", "mimeType": "text/plain", "buffer": b"The bill."})
    await page.click("text=Save and continue")
    await page.get_by_text("bill.txt").wait_for()
    await page.click("text=Send complaint")
    await page.wait_for_url("**/p/webform/sent/*")
    await page.reload()
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1
    assert await db.fetchval("SELECT count(*) FROM core_aspect") == 2
    await page.get_by_text(await db.fetchval("SELECT reference FROM core_case"), exact=True).wait_for()
