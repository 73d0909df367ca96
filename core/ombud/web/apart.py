"""Plugins' pages, slots and trials of settings run in processes of their own, beside the web processes.

A handler that blocks its process (`while True`, `time.sleep`, a pathological pattern) stops other plugins' pages for
the seconds until the watchdog replaced that process, and no complaint by the API and no case. Plugins that serve one of
core's public addresses (`[doors]` in the manifest) run in `doors`, all others in `pages`, so that these stop no form.
The web process hands requests over as they came, before anything of them is read; the other process does all the rest,
sign-in and policy included.
"""

import asyncio
import logging
import re
import tempfile
from typing import Any, cast

from litestar import Request, route
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.types import ASGIApp, Receive, Scope, Send

from ombud.kernel.lifecycle import running
from ombud.kernel.processes import APART, DOORS, PAGES, socket_of
from ombud.process import settings
from ombud.web import hop
from ombud.web.hop import Answer, Asked, CallerGoneError, NextPart, UnansweredError

log = logging.getLogger("ombud.web")

ASKS = b"x-ombud-asks"  # who asks, as the web process found out; believed on the private socket alone
METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]
READING = frozenset({"GET", "HEAD", "OPTIONS"})
STARTING = 8.0  # seconds a request waits for a process that nobody started yet, or for its turn
AT_ONCE = 400  # requests one web process has open at the same time at each of the others
AGAIN = 5  # seconds after which a process that ended answers again, as a rule
IN_MEMORY = 1_000_000  # bytes of a form kept here until it is answered; longer ones are kept in a file
UNANSWERED = "/not-answering"

_PLUGINS = re.compile(r"/(?:p/|settings/p-|cases/[^/]+/slots/)([a-z0-9-]+)(?:/|$)")
_OF_THE_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect", ASKS}
)

_OF_THE_SERVER = frozenset({b"date", b"server"})  # which says them once more


class NotAnsweringError(ServiceUnavailableException):
    """A page whose process ended or gave no answer in time; `asked`: its address."""

    def __init__(self, asked: str = "") -> None:
        super().__init__("The rest of Ombud works. Wait a moment, then try again.")
        self.asked, self.retry_after = asked, AGAIN


def is_apart(slug: str) -> bool:
    """Whether this process leaves the plugin's code to another one."""
    return bool(socket_of(_role_for(slug)))


def _role_for(slug: str) -> str:
    """Which of APART serves the plugin; empty where it does not run."""
    loaded = running.loaded.get(slug)
    return "" if loaded is None else DOORS if loaded.manifest.doors else PAGES


class Apart:
    """Wraps the app of a web process: hands over what belongs to another process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = {name: asyncio.Semaphore(AT_ONCE) for name in APART}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        role = _role_of_path(scope["path"]) if scope["type"] == ScopeType.HTTP else ""
        if not (socket := socket_of(role)):
            await self._app(scope, receive, send)
            return
        given = cast(Any, scope)
        kept = None if given["method"] in READING else _Kept(receive)
        try:
            await _hand_over(socket, self._turns[role], given, kept.receive if kept else receive, send)
        except CallerGoneError:
            pass
        except UnansweredError as problem:
            log.warning("%s %s got no answer from %s: %s", given["method"], given["path"], role, problem)
            words = kept is not None and kept.whole
            told = {**given, "path": UNANSWERED, "unanswered": _target(given).decode("latin-1"),
                    "method": given["method"] if words else "GET"}  # fmt: skip
            await self._app(cast(Any, told), kept.again if kept and words else _nothing, send)
        finally:
            if kept is not None:
                kept.close()


async def _hand_over(socket: str, turns: asyncio.Semaphore, scope: Any, receive: Receive, send: Send) -> None:
    """A request that was not taken waits; one that was taken is not sent a second time."""
    try:
        async with asyncio.timeout(STARTING):
            await turns.acquire()
    except TimeoutError as problem:
        raise UnansweredError(f"{AT_ONCE} requests are open") from problem
    try:
        connection = await hop.connected(socket, STARTING)
        await _pass_on(await connection.ask(_asked(scope, receive)), send)
    finally:
        turns.release()


def _role_of_path(path: str) -> str:
    found = _PLUGINS.match(path)
    return "" if found is None else _role_for(found.group(1))


def _asked(scope: Any, receive: Receive) -> Asked:
    client = scope.get("client") or ("", 0)
    names = {name for name, _ in scope["headers"]}
    brings = bool(names & {b"content-length", b"transfer-encoding"})
    return Asked(
        scope["method"].encode(),
        _target(scope),
        [*(each for each in scope["headers"] if each[0] not in _OF_THE_HOP), (ASKS, str(client[0]).encode())],
        _next_of(receive) if brings else None,
        sized=b"content-length" in names,
    )


def _target(scope: Any) -> bytes:
    return bytes(scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b""))


def _next_of(receive: Receive) -> NextPart:
    async def part() -> tuple[bytes, bool]:
        message = cast(Any, await receive())
        if message["type"] != "http.request":
            raise CallerGoneError
        return message.get("body", b""), message.get("more_body", False)

    return part


async def _pass_on(answer: Answer, send: Send) -> None:
    """What breaks off there breaks off here; it is too late for another page."""
    headers = [each for each in answer.headers if each[0] not in _OF_THE_HOP | _OF_THE_SERVER]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for chunk in answer.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except UnansweredError as problem:
        raise ConnectionError(str(problem)) from problem
    finally:
        answer.close()


class _Kept:
    """Remembers a form as it is handed over, so that its words can be given back where no answer comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - `close` does it
        self._size, self._most = 0, settings().limits.body_mb * 1_000_000
        self._read_again = self._ended = False

    @property
    def whole(self) -> bool:
        """False once it was longer than what this desk takes: then nothing of it is kept."""
        return self._size <= self._most

    async def receive(self) -> Any:
        message = cast(Any, await self._receive())
        self._ended = not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self.whole:
            self._file.write(message.get("body", b""))
        return message

    async def again(self) -> Any:
        """From its beginning; what was not handed over yet still comes from the browser."""
        if self._read_again:
            return await self._receive()
        self._read_again = True
        self._file.seek(0)
        return {"type": "http.request", "body": self._file.read(), "more_body": not self._ended}

    def close(self) -> None:
        self._file.close()


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


@route(UNANSWERED, http_method=METHODS, opt={"public": True, "counts_itself": True}, include_in_schema=False)
async def not_answering(request: Request[Any, Any, Any]) -> None:
    """What is drawn in place of a page whose process ended or gave no answer; nobody asks for it by its address."""
    asked = cast(Any, request.scope).get("unanswered")
    if not asked:
        raise NotFoundException
    raise NotAnsweringError(asked)


handlers = [not_answering]
