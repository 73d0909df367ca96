"""Before anything else: which host was asked, who really asks behind a proxy, and the headers that go out."""

import ipaddress
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.datastructures import Headers as GivenHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from ombud.config_table import Server
from ombud.kernel.heartbeat import pulse
from ombud.kernel.processes import serves_apart
from ombud.process import settings
from ombud.web.apart import ASKS

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "media-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
    "x-permitted-cross-domain-policies": "none",
}
_SITES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_HEADERS = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
_HTTPS = ((b"strict-transport-security", b"max-age=31536000"),)
_NO_STORE = ((b"cache-control", b"no-store"),)
CACHED = ("/static/", "/themes/")
STRANGE_HOST = (
    b"This desk does not answer to that name. Use its own address, or add the name to [server] hosts in settings.toml."
)


class Arrival:
    """Wraps the whole app. A strange Host is refused, because links and redirects would carry it on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        waits = _Waits()
        try:
            await self._let_in(scope, receive, _dressed(settings().server, scope["path"], send, waits))
        finally:
            waits.end()

    async def _let_in(self, scope: HTTPScope, receive: Receive, dressed: Send) -> None:
        server, given = settings().server, GivenHeaders.from_scope(scope)
        if scope["path"] != "/health" and not answers_to(server, given.get("host", "")):
            await _refuse(dressed)
            return
        state = cast(Any, scope)
        asks = _who_asks(scope, given, server)
        state["client"] = (asks, 0) if asks else None
        if server.is_https:  # a proxy ends it; cookies and redirects of plugins go by this
            state["scheme"] = "https"
        await self._app(scope, receive, dressed)


def _who_asks(scope: Scope, given: GivenHeaders, server: Server) -> str:
    near = (scope.get("client") or ("", 0))[0]
    if serves_apart() and not near:  # on the private socket a web process says it, which asked this very question
        return given.get(ASKS.decode(), "")
    return address_behind(near, given.getall("x-forwarded-for", []), server.trusted_proxies)


class _Waits:
    """Somebody who waits for an answer to begin; work in the background gives way to them."""

    def __init__(self) -> None:
        self._over = False
        pulse().asked(1)

    def end(self) -> None:
        if not self._over:
            self._over = True
            pulse().asked(-1)


def _dressed(server: Server, path: str, send: Send, waits: _Waits) -> Send:
    """No answer leaves without the security headers, errors included."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            waits.end()
            usual = [*_HEADERS, *(_HTTPS if server.is_https else ()), *(() if path.startswith(CACHED) else _NO_STORE)]
            given = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in usual if each[0] not in given)]
        await send(message)

    return sending


async def _refuse(send: Send) -> None:
    length = str(len(STRANGE_HOST)).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": STRANGE_HOST, "more_body": False})


def answers_to(server: Server, host: str) -> bool:
    """True for the desk's own names and for bare addresses: no name that somebody else owns can lead here by them."""
    name = _name_of(host)
    known = {urlsplit(server.base_url).hostname or "", "localhost", *server.hosts}
    return bool(name) and (name in known or _is_address(name))


@lru_cache(maxsize=1024)
def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def address_behind(near: str, forwarded: list[str], trusted: tuple[str, ...]) -> str:
    """Who asks: the last address in X-Forwarded-For that is no proxy of ours. A stranger's own header says nothing.

    Empty where the settings forgot to name a proxy that stands in the same network: whoever comes through it must not
    share one allowance, or a few complaints would shut the door for all.
    """
    if forwarded and not _among(near, trusted) and _is_near(near):
        return ""
    found = near
    for each in reversed([one.strip() for line in forwarded for one in line.split(",")]):
        if not _among(found, trusted):
            break
        if not _is_address(each):
            break
        found = each
    return found


def _is_near(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback or any(parsed.version == net.version and parsed in net for net in _SITES)


@lru_cache(maxsize=4096)
def _among(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in ipaddress.ip_network(each, strict=False) for each in networks)
