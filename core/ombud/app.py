"""The web process: core's pages and API, and the plugins' pages behind one dispatcher."""

import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, route
from litestar.exceptions import MissingDependencyException
from litestar.types import ASGIApp, ControllerRouterHandler

from ombud.config import Config, load
from ombud.desk.colleagues import live as news
from ombud.desk.rules import in_force
from ombud.kernel import lifecycle
from ombud.kernel.alive import said_to_live
from ombud.kernel.lifecycle import running
from ombud.kernel.notices import Notices
from ombud.process import run_with, settings
from ombud.speech import Spoken, plain
from ombud.start import close_process, open_process
from ombud.trust import settings as kept
from ombud.trust.viewing import held
from ombud.web import apart, front, guard, health_checks
from ombud.web.apart import METHODS, Apart
from ombud.web.api import api_handlers, openapi_config
from ombud.web.arrival import Arrival
from ombud.web.door import door
from ombud.web.live import hub
from ombud.web.look import look
from ombud.web.pages import page_handlers
from ombud.web.plugin_pages import PluginPages
from ombud.web.refusals import refusal
from ombud.web.viewed import recording

with contextlib.suppress(MissingDependencyException):
    # Every app imports these where they are installed: here it is done once for all processes, which are forked later.
    import litestar.plugins.attrs
    import litestar.plugins.pydantic  # noqa: F401

log = logging.getLogger("ombud.web")


_beforehand: list[Litestar] = []


def assemble() -> None:
    """Makes an app for the next `create_app`, called where processes are forked: to read five hundred handlers takes
    longer than all else that a web process does before it answers. No settings are in force there."""
    _beforehand.append(_assembled())


def create_app(config: Config | None = None) -> Litestar:
    """The app factory; the database's address is in the settings (the supervisor puts the embedded one there).

    Raises UnguardedError if a handler of core's names no permission.
    """
    given = begin(config or load())
    health_checks.register()
    app = _beforehand.pop() if _beforehand else _assembled()
    app.request_max_body_size = given.limits.body_mb * 1_000_000  # handlers ask for it at their first request
    app.state["jinja"] = look.jinja
    return app


def _assembled() -> Litestar:
    app = Litestar(
        route_handlers=[*front.handlers, *apart.handlers, *page_handlers, *api_handlers, _plugin_mount()],
        middleware=[door, recording],
        guards=[guard.guard],
        exception_handlers={Exception: refusal},
        type_encoders={Spoken: plain},
        openapi_config=openapi_config,
        lifespan=[_life],
        logging_config=None,  # what goes wrong is noted by `refusal`; Litestar's own has a thread that writes
    )
    guard.check(app)
    app.asgi_handler = Arrival(Apart(app.asgi_handler))
    return app


def begin(config: Config) -> Config:
    """Makes these the settings of the process, before its app is made, or starts once more as tests let it."""
    run_with(config)
    look.begin(config.theme.name)
    return config


def _plugin_mount() -> ControllerRouterHandler:
    """No mount of Litestar's: that takes every address with these first letters, /parties and /plugins among them."""
    pages = PluginPages({Exception: refusal})

    @route(["/p/{slug:str}", "/p/{slug:str}/{rest:path}"], http_method=METHODS,
           opt={"public": True, "counts_itself": True}, include_in_schema=False)  # fmt: skip
    async def plugin_pages() -> ASGIApp:
        return pages

    return plugin_pages


@asynccontextmanager
async def _life(app: Litestar) -> AsyncIterator[None]:
    config = settings()
    await open_process(config, config.database.url, name="ombud web")
    running.blocked = tuple(config.plugins.blocked)
    await running.refresh()
    notices = Notices(config.database.url)
    notices.on(lifecycle.CHANNEL, running.refresh)

    async def settings_changed() -> None:
        await look.refresh()
        app.state.jinja = look.jinja

    await settings_changed()
    notices.on(kept.CHANNEL, settings_changed)
    notices.on(in_force.CHANNEL, in_force.refresh)
    notices.hear(news.CHANNEL, hub.hear)
    notices.hear(news.RIGHTS, hub.access_changed)
    hub.start(config.sign_in.idle_minutes)
    held.start()
    notices.start()
    news.look_again()
    try:
        async with said_to_live():
            yield
    finally:
        await notices.stop()
        await hub.stop()
        await held.stop()
        await close_process()
