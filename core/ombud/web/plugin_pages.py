"""Each plugin's pages are a small Litestar app of their own at /p/<slug>/, built when it runs and swapped when it
changes, so that on and off take effect at once. Core adds viewer, guard, templates, platform and a time limit."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.types import Message, Receive, Scope, Send
from markupsafe import Markup

import ombud_plugin_api as api
from ombud.desk.platform import context_for, context_in
from ombud.kernel import faults, heartbeat
from ombud.kernel.calling import Outcome, call, resting_until
from ombud.kernel.database import is_away
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import Loaded
from ombud.process import settings
from ombud.speech import sentence, word
from ombud.trust.permissions import KEYS
from ombud.trust.policy import Viewer
from ombud.web import gpc, guard, shell, templating
from ombud.web.apart import NotAnsweringError, is_apart
from ombud.web.door import viewer_of
from ombud.web.look import look
from ombud.web.refusals import status_of
from ombud.web.throttled import address_of

log = logging.getLogger("ombud.plugins")

FIRST_BYTE_SECONDS = 10.0
SLOT_SECONDS = 2.0
SLOT_CHARACTERS = 200_000

_recording: set[asyncio.Task[Any]] = set()


class PluginPages:
    """The dispatcher behind /p/: finds the plugin's app, made anew for each generation of plugins, and each look."""

    def __init__(self, exception_handlers: Mapping[Any, Any]) -> None:
        self._handlers = dict(exception_handlers)
        self._apps: dict[str, tuple[Loaded, Any, Litestar]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slug, _, rest = scope["path"].removeprefix("/p/").partition("/")
        app = await self._app(slug)
        _refuse_if_it_rests(running.loaded.get(slug))
        inner: Any = dict(scope)
        inner["path"] = f"/{rest.rstrip('/')}"
        inner["raw_path"] = inner["path"].encode()
        inner["root_path"], inner["app_path"] = "", ""
        inner.pop("path_params", None)
        started = asyncio.Event()

        async def sending(message: Message) -> None:
            started.set()
            await send(message)

        await self._limited(slug, app, inner, receive, sending, started)

    async def _limited(
        self, slug: str, app: Litestar, scope: Any, receive: Receive, send: Send, started: asyncio.Event
    ) -> None:
        """At most ten seconds to the first byte; then the page says so and the plugin has a fault more."""
        place = f"page {scope['path']}"
        with heartbeat.pulse().open_call(slug, place, FIRST_BYTE_SECONDS):
            task = asyncio.create_task(app(scope, receive, send))
            first = asyncio.create_task(started.wait())
            await asyncio.wait({task, first}, timeout=FIRST_BYTE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        if not task.done() and not started.is_set():
            task.cancel()
            await faults.record(slug, "timeout", place, f"no answer within {FIRST_BYTE_SECONDS:.0f} s")
            raise NotAnsweringError
        await task

    async def _app(self, slug: str) -> Litestar:
        loaded = running.loaded.get(slug)
        if loaded is None:
            raise NotFoundException
        known = self._apps.get(slug)
        if known is None or known[0] is not loaded or known[1] is not look.jinja:
            known = (loaded, look.jinja, app_of(loaded, self._handlers))
            self._apps[slug] = known
        return known[2]


def app_of(loaded: Loaded, exception_handlers: Mapping[Any, Any] | None = None) -> Litestar:
    """Its pages as an app. Raises guard.UnguardedError for a page that names no permission; none is served then."""
    templates = loaded.folder / "templates"
    jinja = templating.with_templates(look.jinja, templates) if templates.is_dir() else look.jinja
    app = Litestar(
        route_handlers=list(loaded.pages),
        guards=[guard.guard],
        dependencies={
            "platform": Provide(_platform_of(loaded.slug)),
            "context": Provide(_context_of(loaded.slug)),
            "pages": Provide(_pages_of(loaded, jinja)),
        },
        exception_handlers={
            kind: _blaming(loaded.slug, handler) for kind, handler in (exception_handlers or {}).items()
        },
        state=State({"jinja": jinja, "slug": loaded.slug}),
        openapi_config=None,
        logging_config=None,  # the usual one takes over what the whole process writes
        request_max_body_size=settings().limits.body_mb * 1_000_000,
    )
    guard.check(app, KEYS | {permission.key for permission in loaded.permissions})
    return app


def _refuse_if_it_rests(loaded: Loaded | None) -> None:
    """Not where it serves one of core's public addresses: somebody may be complaining there."""
    if loaded is not None and not loaded.manifest.doors and resting_until(loaded.slug) is not None:
        raise ServiceUnavailableException(
            sentence(
                "%(name)s rests after repeated faults. The rest of Ombud works; try again in a few minutes.",
                name=word(loaded.manifest.name),
            )
        )


def _blaming(slug: str, handler: Any) -> Any:
    """Counts what a page of the plugin did wrong against it, and answers as for core's own pages."""

    def answer(request: Request[Any, Any, Any], problem: Exception) -> Any:
        if status_of(problem) >= 500 and not is_away(problem):
            place = f"page {request.scope['path']}"
            log.warning("fault of %s in %s: %s", slug, place, faults.told(problem))
            task = asyncio.create_task(
                faults.record(slug, "error", place, faults.told(problem), faults.trace_hash(problem))
            )
            _recording.add(task)
            task.add_done_callback(_recorded)
        return handler(request, problem)

    return answer


def _recorded(task: "asyncio.Task[Any]") -> None:
    _recording.discard(task)
    if not task.cancelled() and (trouble := task.exception()) is not None:
        log.error("a fault could not be recorded: %s", trouble)


def _platform_of(slug: str) -> Any:
    async def platform(request: Request[Any, Any, Any]) -> api.Platform:
        return context_for(
            slug, viewer_of(request), asked_from=address_of(request), opted_out=gpc.opted_out(request)
        ).platform

    return platform


def _context_of(slug: str) -> Any:
    async def context(request: Request[Any, Any, Any]) -> api.Context:
        return await context_in(slug, viewer_of(request), asked_from=address_of(request))

    return context


class Pages:
    """What a plugin's handler draws with: `await pages.show("slug/page.html", …)` inside core's layouts."""

    def __init__(self, request: Request[Any, Any, Any], slug: str, jinja: Any) -> None:
        self._request, self._slug, self._jinja = request, slug, jinja

    async def show(self, template: str, *, status: int = 200, here: str = "", **context: Any) -> Any:
        if taken := {"request", "jinja", "home", "shell", "csrf_field"} & context.keys():
            raise TypeError(f"the names {', '.join(sorted(taken))} are core's own; call the variables otherwise")
        return await shell.page(
            self._request,
            template,
            here=shell.place_of(self._slug, here),
            status=status,
            jinja=self._jinja,
            home=f"/p/{self._slug}/",
            **context,
        )

    def go(self, path: str, toast: str = "") -> Any:
        """To another page of the plugin (relative), or to an address of core's (with a slash)."""
        to = path if path.startswith("/") else f"/p/{self._slug}/{path}"
        return shell.go(to, toast)


def _pages_of(loaded: Loaded, jinja: Any) -> Any:
    async def pages(request: Request[Any, Any, Any]) -> Any:
        return Pages(request, loaded.slug, jinja)

    return pages


def fills_of(viewer: Viewer, slot: str) -> list[tuple[Loaded, int, api.Fill]]:
    """What this viewer gets in a slot: the plugin, which of its fills of this slot, and the fill."""
    found = []
    for loaded in running.loaded.values():
        own = [fill for fill in loaded.slots if fill.slot == slot]
        found += [
            (loaded, place, fill)
            for place, fill in enumerate(own)
            if not fill.permission or viewer.may(fill.permission)
        ]
    return found


async def fills(request: Request[Any, Any, Any], slot: str, subject: Any, retry: str) -> list[dict[str, Any]]:
    """What plugins show in a slot, each called alone under a limit, as `states.slot` draws it; a failed one says so in
    its place; a lazy one, and one whose code runs in another process, is not called but asked for by the browser.
    `retry` is the address that draws one plugin's part again, with `{slug}` in it."""
    shown = []
    for loaded, place, fill in fills_of(viewer_of(request), slot):
        later = fill.lazy or is_apart(loaded.slug)
        part = _later(loaded) if later else await _fill(request, loaded, fill, subject)
        shown.append(part and {**part, "slug": loaded.slug, "href": _address(retry, loaded.slug, place)})
    return [each for each in shown if each]


def _later(loaded: Loaded) -> dict[str, Any]:
    """Fetched by the page once it is there."""
    return {"state": "loading", "title": word(loaded.manifest.name)}


async def fill_again(
    request: Request[Any, Any, Any], slot: str, subject: Any, retry: str, slug: str, place: int
) -> dict[str, Any]:
    """One plugin's part of a slot, lazy or not; raises NotFoundException where this viewer has none. One that has
    nothing to show is in the state `off`."""
    for loaded, at, fill in fills_of(viewer_of(request), slot):
        if (loaded.slug, at) == (slug, place):
            part = await _fill(request, loaded, fill, subject) or {"state": "off", "title": word(loaded.manifest.name)}
            return {**part, "slug": slug, "href": _address(retry, slug, place)}
    raise NotFoundException


def _address(retry: str, slug: str, place: int) -> str:
    return retry.format(slug=slug) + (f"?part={place}" if place else "")


async def _fill(request: Request[Any, Any, Any], loaded: Loaded, fill: api.Fill, subject: Any) -> dict[str, Any] | None:
    context = await context_in(loaded.slug, viewer_of(request), unit=getattr(subject, "unit", ""))
    place = f"slot {fill.slot}"
    outcome: Outcome[Mapping[str, Any] | None] = await call(
        loaded.slug, fill.data, subject, context, limit=SLOT_SECONDS, place=place
    )
    title = word(loaded.manifest.name)
    if outcome.fault is None and outcome.value is None:
        return None
    if outcome.fault is None and outcome.value is not None:
        try:
            html = _drawn(request, loaded, fill, outcome.value)
            if len(html) > SLOT_CHARACTERS:
                raise ValueError(f"its part is {len(html)} characters long; at most {SLOT_CHARACTERS}")
            return {"state": "ready", "title": title, "html": html}
        except Exception as problem:
            log.exception("plugin %s: template %s failed", loaded.slug, fill.template)
            await faults.record(loaded.slug, "error", place, f"{type(problem).__name__}: {problem}"[:500])
    return {"state": "fault", "title": title, "text": ""}


def _drawn(request: Request[Any, Any, Any], loaded: Loaded, fill: api.Fill, data: Mapping[str, Any]) -> Markup:
    jinja = templating.with_templates(look.jinja, loaded.folder / "templates")
    around = {"language": shell.language_of(request, viewer_of(request), "en"), "zone": "UTC"}
    return Markup(shell.render(request, jinja, fill.template, around, dict(data)))  # noqa: S704 - escaped by Jinja
