"""Opens pages of the stage's desk in a real browser and has axe look at them."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Sequence
from typing import Any

from ombud.testing_desk import Desk
from ombud.web import assets
from ombud_plugin_api.testing.checks import NotTried

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = ((1440, "light"), (1440, "dark"), (320, "light"))


async def barriers_of(desk: Desk, paths: Sequence[tuple[str, str]]) -> list[str]:
    """What axe finds on each address, opened as somebody of a role; raises NotTried where the tools are missing."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    axe = assets.MODULES / "axe-core" / "axe.min.js"
    try:
        import uvicorn
        from playwright.async_api import async_playwright
    except ImportError:
        raise NotTried("playwright is not installed: pip install playwright") from None
    if program is None or not axe.exists():
        raise NotTried("Chromium or axe-core is not here (Debian: apt-get install chromium; then make)")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    home = f"http://127.0.0.1:{listening.getsockname()[1]}"
    found: list[str] = []
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=program, args=FLAGS)
        for path, role in paths:
            found += await _looked_at(desk, browser, home, path, role, axe.read_text("utf-8"))
        await browser.close()
    server.should_exit = True
    await serving
    return found


async def _looked_at(desk: Desk, browser: Any, home: str, path: str, role: str, axe: str) -> list[str]:
    context, found = await browser.new_context(), []
    if role:
        cookies = (await desk.signed_in(role)).http.cookies
        await context.add_cookies([{"name": each.name, "value": each.value, "url": home} for each in cookies.jar])
    page = await context.new_page()
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        answer = await page.goto(home + path)
        if answer is None or answer.status != 200:
            continue
        await page.evaluate(f"{axe}; 0")
        told = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        found += [f"{path} ({width} px, {scheme}): {each['help']}" for each in told["violations"]]
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{path} does not fit {width} px")
    await context.close()
    return found
