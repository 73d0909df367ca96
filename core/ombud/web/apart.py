"""Plugins' pages, slots and trials of settings run in a process of their own, `pages`, beside the web processes.

A handler that blocks its process (`while True`, `time.sleep`, a pathological pattern) stops other plugins' pages for
the seconds until the watchdog replaced that process, and no complaint, no case and no API. Only plugins that serve one
of core's public addresses (`[doors]` in the manifest) stay in the web process. The web process hands requests over as
they came, before anything of them is read; the other process does all the rest, sign-in and policy included.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
from litestar import Request, get
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.types import ASGIApp, Receive, Scope, Send

from ombud.kernel.lifecycle import running
from ombud.kernel.processes import PAGES_VARIABLE, serves_pages

ASKS = b"x-ombud-asks"  # who asks, as the web process found out; believed on the private socket alone
STARTING = 8.0  # seconds a request waits for the process to come back
ANSWERING = 15.0  # seconds to the first byte; the process itself gives a page less
UNANSWERED = "/not-answering"

_PLUGINS = re.compile(r"/(?:p/|settings/p-|cases/[^/]+/slots/)([a-z0-9-]+)(?:/|$)")
_BRINGS = frozenset({b"content-length", b"transfer-encoding"})
_OF_THE_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", ASKS})


def is_apart(slug: str) -> bool:
    """Whether this process leaves the plugin's code to the process `pages`."""
    loaded = running.loaded.get(slug)
    return bool(_socket()) and loaded is not None and not loaded.manifest.doors


def _socket() -> str:
    """Where the process `pages` listens; empty in that process, and where there is none (tests, other servers)."""
    return "" if serves_pages() else os.environ.get(PAGES_VARIABLE, "")


class Apart:
    """Wraps the app of a web process: hands over what belongs to the process `pages`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        socket = _socket()
        self._there = httpx.AsyncHTTPTransport(uds=socket, limits=httpx.Limits(max_connections=200)) if socket else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._there is None or scope["type"] != ScopeType.HTTP or not _belongs_there(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._asked(scope, receive)
        except httpx.TransportError:
            await self._app(
                cast(Any, {**scope, "method": "GET", "path": UNANSWERED, "unanswered": True}), receive, send
            )
            return
        await _pass_on(answer, send)

    async def _asked(self, scope: Scope, receive: Receive) -> httpx.Response:
        """A request that was not taken is asked again while the process starts; one that was taken is not."""
        assert self._there is not None
        until = asyncio.get_running_loop().time() + STARTING
        while True:
            try:
                return await self._there.handle_async_request(_request(scope, receive))
            except httpx.ConnectError:
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(0.1)


def _belongs_there(path: str) -> bool:
    found = _PLUGINS.match(path)
    return found is not None and is_apart(found.group(1))


def _request(scope: Scope, receive: Receive) -> httpx.Request:
    given = cast(Any, scope)
    client = given.get("client") or ("", 0)
    headers = [(name, value) for name, value in given["headers"] if name not in _OF_THE_HOP]
    brings = any(name in _BRINGS for name, _ in given["headers"]) or given["method"] not in {"GET", "HEAD"}
    target = given["raw_path"] + (b"?" + given["query_string"] if given["query_string"] else b"")
    limits = {"connect": 2.0, "read": ANSWERING, "write": 60.0, "pool": 5.0}
    return httpx.Request(
        given["method"],
        httpx.URL(scheme="http", host="pages", raw_path=target),
        headers=[*headers, (ASKS, str(client[0]).encode())],
        content=_body(receive) if brings else None,
        extensions={"timeout": limits},
    )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = cast(Any, await receive())
        more = message["type"] == "http.request" and message.get("more_body", False)
        yield message.get("body", b"")


async def _pass_on(answer: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OF_THE_HOP]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    try:
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await answer.aclose()


@get(UNANSWERED, opt={"public": True}, include_in_schema=False)
async def not_answering(request: Request[Any, Any, Any]) -> None:
    """What is drawn in place of a page whose process ended or gave no answer; nobody asks for it by its address."""
    if not cast(Any, request.scope).get("unanswered"):
        raise NotFoundException
    raise ServiceUnavailableException("This page is not answering. The rest of Ombud works; try again later.")


handlers = [not_answering]
