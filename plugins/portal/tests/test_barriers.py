"""The complaint's pages in a real browser: no barrier, light, dark and on a phone."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from ombud.desk.aspects import Decision, RedressGiven, decide_aspect
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
    await desk.enable("portal")
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
async def test_no_page_of_a_complaint_has_a_barrier(desk: Desk, place: tuple[str, Browser]) -> None:
    address, browser = place
    filed = await desk.file("The fee was taken twice.", "My card is blocked.", postcode="EC1A 1BB")
    first = await db.fetchval("SELECT id FROM core_aspect ORDER BY position LIMIT 1")
    redress = (RedressGiven("money", Decimal("42.00"), "EUR"),)
    await decide_aspect(await desk.viewer("agent"), first, Decision("upheld", "Our mistake.", "", redress), None)
    page = await browser.new_page()
    home = f"{address}/p/portal/{filed.track_url.rsplit('/', 1)[-1]}"
    await page.goto(home)
    await page.fill("#text", "The card is still blocked.")
    await page.click("text=Send message")
    await no_barrier(page)
    await page.click("text=Send message")
    await no_barrier(page)  # with an error
    await page.goto(f"{home}/documents")
    await no_barrier(page)
    await page.fill("#answer", "EC1A 1BB")
    await page.click("text=Continue")
    await no_barrier(page)
    await page.goto(f"{home}/withdraw")
    await page.click("button:has-text('Withdraw')")
    await no_barrier(page)
    for elsewhere in ("/p/portal/", "/p/portal/nothing"):
        await page.goto(f"{address}{elsewhere}")
        await no_barrier(page)
