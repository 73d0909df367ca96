"""The web process: core's pages and API, and the plugins' pages behind one dispatcher."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.logging import LoggingConfig
from litestar.types import ASGIApp, ControllerRouterHandler

from ombud.config import Config, load
from ombud.desk import live as news
from ombud.kernel import lifecycle
from ombud.kernel.lifecycle import running
from ombud.kernel.notices import Notices
from ombud.process import run_with
from ombud.start import close_process, open_process
from ombud.web import front, guard, templating, themes
from ombud.web.api import api_handlers, openapi_config
from ombud.web.door import Headers, door
from ombud.web.live import hub
from ombud.web.pages import page_handlers
from ombud.web.plugin_pages import PluginPages
from ombud.web.refusals import refusal

log = logging.getLogger("ombud.web")

METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]


def create_app(config: Config | None = None) -> Litestar:
    """The app factory; the database's address is in the settings (the supervisor puts the embedded one there).

    Raises UnguardedError if a handler of core's names no permission.
    """
    settings = config or load()
    run_with(settings)
    theme = themes.find(settings.theme.name)
    jinja = templating.environment(theme)
    app = Litestar(
        route_handlers=[*front.handlers, *page_handlers, *api_handlers, _plugin_mount(jinja)],
        middleware=[door],
        guards=[guard.guard],
        exception_handlers={Exception: refusal},
        openapi_config=openapi_config,
        lifespan=[_life(settings)],
        state=State({"jinja": jinja, "theme": theme}),
        logging_config=LoggingConfig(configure_root_logger=False, log_exceptions="never"),
        request_max_body_size=settings.limits.body_mb * 1_000_000,
    )
    guard.check(app)
    app.asgi_handler = Headers(app.asgi_handler)
    return app


def _plugin_mount(jinja: Any) -> ControllerRouterHandler:
    """No mount of Litestar's: that takes every address with these first letters, /parties and /plugins among them."""
    pages = PluginPages(jinja, {Exception: refusal})

    @route(["/p/{slug:str}", "/p/{slug:str}/{rest:path}"], http_method=METHODS, opt={"public": True},
           include_in_schema=False)  # fmt: skip
    async def plugin_pages() -> ASGIApp:
        return pages

    return plugin_pages


def _life(settings: Config) -> Any:
    @asynccontextmanager
    async def life(app: Litestar) -> AsyncIterator[None]:
        await open_process(settings, settings.database.url, name="ombud web")
        running.blocked = tuple(settings.plugins.blocked)
        await running.refresh()
        notices = Notices(settings.database.url)
        notices.on(lifecycle.CHANNEL, running.refresh)
        notices.hear(news.CHANNEL, hub.hear)
        notices.hear(news.RIGHTS, hub.access_changed)
        hub.start(settings.sign_in.idle_minutes)
        notices.start()
        try:
            yield
        finally:
            await notices.stop()
            await hub.stop()
            await close_process()

    return life
