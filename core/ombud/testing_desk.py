"""A whole desk for tests: database, keys, the web app in this process, people signed in, background work on demand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from ombud import work
from ombud.app import begin, create_app
from ombud.config import Config, load
from ombud.desk import intake
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.ids import new_id
from ombud.kernel.installed import seen
from ombud.kernel.lifecycle import running
from ombud.start import prepare_desk
from ombud.trust import passwords, switching, tokens, users
from ombud.trust.policy import SYSTEM, Viewer
from ombud.trust.viewers import viewer_of_user
from ombud.web import templating, themes
from ombud.web.look import look
from ombud.web.themes import Theme
from ombud_plugin_api.facts import Complaint, Document, Filed, Matter, PersonGiven, RawReceipt

PASSWORD = "correct horse battery"  # noqa: S105 - of test users
ADDRESS = "http://desk.test"


class Desk:
    """What a test holds of a running desk."""

    def __init__(self, config: Config, app: Litestar) -> None:
        self.config = config
        self.app = app
        self._clients: list[httpx.AsyncClient] = []

    def browser(self) -> Browser:
        """Somebody's browser, not signed in."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=ADDRESS)  # type: ignore[arg-type]
        self._clients.append(client)
        return Browser(client)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def user(self, name: str, *roles: str, unit: str | None = None) -> UUID:
        """A user with the password PASSWORD; by default with the role of the same name."""
        return await users.add(
            name, name.capitalize(), f"{name}@desk.test", PASSWORD, list(roles or [name]), unit, "system"
        )

    async def viewer(self, name: str) -> Viewer:
        """The viewer a user is; the user is made at need."""
        known = await db.fetchval("SELECT id FROM core_user WHERE name = $1", name)
        found = await viewer_of_user(known or await self.user(name))
        assert found is not None
        return found

    async def signed_in(self, name: str) -> Browser:
        """A browser signed in as a user with that role, made at need."""
        await self.viewer(name)
        browser = self.browser()
        await browser.submit("/sign-in", {"login": name, "password": PASSWORD})
        return browser

    async def api(self, name: str) -> httpx.AsyncClient:
        """An API client with a token of that user."""
        await self.viewer(name)
        plain = await tokens.create(name, "tests", actor="system")
        browser = self.browser()
        browser.http.headers["authorization"] = f"Bearer {plain}"
        return browser.http

    async def file(self, *matters: str, key: str = "", documents: tuple[Document, ...] = (), **about: Any) -> Filed:
        """A complaint with these matters, filed as a door does it."""
        person = PersonGiven(name=about.pop("name", "Helena Marsh"), email=about.pop("email", "helena@example.org"),
                             phone=about.pop("phone", ""), postcode=about.pop("postcode", ""))  # fmt: skip
        complaint = Complaint(
            channel=about.pop("channel", "api"), person=person, documents=documents,
            matters=tuple(Matter(text=text) for text in matters or ("The fee was taken twice.",)), **about,
        )  # fmt: skip
        raw = RawReceipt(
            channel=complaint.channel,
            key=key or str(new_id()),
            content_type="text/plain",
            body="\n".join(matters).encode(),
        )
        return await intake.file(raw, complaint)

    async def enable(self, slug: str) -> None:
        await switching.enable(SYSTEM, slug)
        await running.refresh()

    async def disable(self, slug: str) -> None:
        await switching.disable(SYSTEM, slug)
        await running.refresh()

    async def uninstall(self, slug: str, *, keep_data: bool = False) -> None:
        await switching.uninstall(SYSTEM, slug, keep_data=keep_data)
        await running.refresh()

    async def work(self, rounds: int = 20) -> int:
        """Runs what is due in the background, in this process, until nothing is; returns how many deliveries ran."""
        ran = 0
        for _ in range(rounds):
            rows = await db.fetch("SELECT id FROM core_delivery WHERE state = 'waiting' AND available_at <= $1", now())
            if not rows:
                break
            for row in rows:
                await Runner(new_id()).run(row["id"])
            ran += len(rows)
        return ran


class Browser:
    """A client that keeps cookies and fills in the hidden fields of forms, as browsers do; it runs no script."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def token(self, path: str = "/sign-in") -> str:
        """The CSRF token of a page."""
        found = re.search(r'name="_csrf" value="([^"]+)"', (await self.http.get(path, follow_redirects=True)).text)
        return found.group(1) if found else ""

    async def submit(
        self, path: str, data: dict[str, Any], *, page: str = "", files: Any = None, follow: bool = False
    ) -> httpx.Response:
        """Posts a form; the CSRF token comes from `page`, by default the page of the same path."""
        token = await self.token(page or path)
        return await self.http.post(path, data={"_csrf": token, **data}, files=files, follow_redirects=follow)


_apps: dict[int, Litestar] = {}
# A hash that takes a tenth of a second in earnest would be half of what a test takes.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_environment = templating.environment
_drawn_with: dict[tuple[str, ...], templating.Templates] = {}


def _environment_once(theme: Theme | None = None) -> templating.Templates:
    """One for all desks of this process, unless the theme has templates: a new one would read each template anew."""
    if theme is not None and theme.templates.is_dir():
        return _environment(theme)
    sheets = tuple(theme.style_urls()) if theme else ()
    if sheets not in _drawn_with:
        _drawn_with[sheets] = _environment(theme)
    return _drawn_with[sheets]


templating.environment = _environment_once
_find_theme = themes.find


@cache
def _theme_of(name: str, seen: tuple[object, ...]) -> Theme:
    return _find_theme(name)


@contextmanager
def _known_theme() -> Iterator[None]:
    """As a desk begins, its theme is looked for once, as long as nothing is installed and nothing taken away: Python
    would ask every folder anew. Whoever looks later finds it as it is then."""
    themes.find = lambda name, installed=None: _theme_of(name, seen())
    try:
        yield
    finally:
        themes.find = _find_theme


def _app(config: Config) -> Litestar:
    """One app for all desks of this process: two hundred routes are not read again for each test."""
    size = config.limits.body_mb
    if size not in _apps:
        _apps[size] = create_app(config)
    with _known_theme():
        begin(config)
    _apps[size].state["jinja"] = look.jinja
    return _apps[size]


def _config(url: str, data: Path, **environment: str) -> Config:
    variables = {
        "OMBUD_DATABASE_URL": url, "OMBUD_SERVER_BASE_URL": ADDRESS, "OMBUD_PLUGINS_ENABLED_FIRST": "", **environment,
    }  # fmt: skip
    return load(data=data, environ=variables)


async def prepare(url: str, data: Path) -> None:
    """Makes of a migrated database and an empty folder what `running_desk` can be started on, any number of times."""
    await prepare_desk(_config(url, data), url)


@asynccontextmanager
async def running_desk(url: str, data: Path, *, is_prepared: bool = False, **environment: str) -> AsyncIterator[Desk]:
    """A prepared desk on a fresh database, without plugins, with its web app started. `is_prepared`: database and
    folder are copies of such a desk."""
    config = _config(url, data, **environment)
    running.loaded, running.problems = {}, {}
    if not is_prepared:
        await prepare_desk(config, url)
    app = _app(config)
    async with _alive(app):
        work.register(config)
        desk = Desk(config, app)
        try:
            yield desk
        finally:
            await desk.close()
            running.loaded, running.problems = {}, {}


@asynccontextmanager
async def _alive(app: Litestar) -> AsyncIterator[None]:
    """The app's lifespan in a task of its own: pytest sets a fixture up and takes it down in different tasks."""
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            await task
        yield
    finally:
        waiting.cancel()
        stop.set()
        await task
