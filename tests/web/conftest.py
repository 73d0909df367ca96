"""A browser without scripts: it reads the forms of a page and sends them as they stand, with some fields changed."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ombud.testing_desk import Desk
from ombud.web import assets
from ombud.web.door import SESSION_COOKIE


class Forms(HTMLParser):
    """The forms of a page: (method, action, fields with the values a browser would send)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, Any]]] = []
        self._select, self._area, self._text = "", "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("method", "get"), given.get("action", ""), {}))
        elif not self.found:
            return
        elif tag == "input":
            self._input(given, dict(attrs))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            fields = self.found[-1][2]
            if "selected" in given or self._select not in fields:
                fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area, self._text = given.get("name", ""), ""

    def _input(self, given: dict[str, str], attrs: dict[str, Any]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        if not name or kind in {"file", "submit"} or (kind in {"checkbox", "radio"} and "checked" not in attrs):
            return
        self._put(name, given.get("value", ""))

    def _put(self, name: str, value: str) -> None:
        """A name that comes again makes a list."""
        fields = self.found[-1][2]
        known = fields.get(name)
        fields[name] = value if known is None else [*(known if isinstance(known, list) else [known]), value]

    def handle_data(self, data: str) -> None:
        if self._area:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea" and self._area:
            self._put(self._area, self._text.removeprefix("\n"))
            self._area = ""

    def of(self, action: str) -> dict[str, Any]:
        for method, leads_to, fields in self.found:
            if method == "post" and leads_to == action:
                return fields
        raise AssertionError(f"no form leads to {action}; there are {[each[1] for each in self.found]}")

    def has(self, action: str) -> bool:
        return any(method == "post" and leads_to == action for method, leads_to, _ in self.found)


@pytest.fixture
def forms() -> type[Forms]:
    return Forms


@pytest.fixture
def send() -> Callable[..., Any]:
    """Opens a page, changes fields of the form with this action, and sends it."""

    async def sending(
        browser: Any, page: str, action: str, *, files: Any = None, follow: bool = False, **changes: Any
    ) -> Any:
        shown = await browser.get(page)
        assert shown.status_code == 200, shown.text
        fields = {**Forms(shown.text).of(action), **changes}
        return await browser.http.post(action, data=fields, files=files, follow_redirects=follow)

    return sending


CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@asynccontextmanager
async def _browsing(desk: Desk, *names: str) -> AsyncIterator[list[Any]]:
    """One page for each of these people, signed in."""
    if not CHROMIUM.exists():
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    from playwright.async_api import async_playwright

    assets.build()
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            pages = []
            for name in names:
                cookie = (await desk.signed_in(name)).http.cookies[SESSION_COOKIE]
                context = await browser.new_context(base_url=address)
                await context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": address}])
                pages.append(await context.new_page())
            yield pages
            await browser.close()
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
def browsing() -> Callable[..., Any]:
    """`async with browsing(desk, "agent", "leader") as pages`: the desk served to a real browser, for asynchronous
    tests that also look behind the pages."""
    return _browsing
