"""Walks through a served desk as a browser without scripts does, and finds one address for every page it has."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
from litestar.routes import HTTPRoute

from ombud.app import create_app
from ombud.config import Config
from ombud.web.guard import handlers_of

EACH = 3  # addresses of one kind that are opened
EACH_OF = {"/cases/{reference}": 12}  # what a case shows depends on what happened in it
MOST = 600  # pages in all

# Pages nobody walks to, and why. Everything else must be found by links from the first page.
APART = {
    "/returns/new/{key}": "no return is begun on a fresh desk; drawn in tests/look",
    "/returns/{return_id}": "no return is begun on a fresh desk; drawn in tests/look",
    "/returns/{return_id}/figures": "no return is begun on a fresh desk; drawn in tests/look",
    "/returns/{return_id}/difference": "no return is begun on a fresh desk; drawn in tests/look",
    "/returns/{return_id}/file/{ending}": "no return is begun on a fresh desk; drawn in tests/look",
    "/health": "an answer for machines",
    "/health/details": "an answer for machines",
    "/live": "a stream",
    "/live/cases/{reference}": "a part of the case's page",
    "/live/cases/{reference}/timeline": "a part of the case's page",
    "/live/notices": "an answer for a script",
    "/palette": "an answer for a script",
    "/search/quick": "an answer for a script",
    "/track": "for those who come without their link; leads on",
    "/track/{token}": "leads on to whichever plugin shows the complaint",
    "/language/{code}": "leads back, in another language",
    "/cases/{reference}/why/{entry}": "no rule acted yet; drawn in tests/look",
    "/cases/{reference}/slots/{slug}": "a part of the case's page",
    "/static/{name}": "a file",
    "/themes/{theme}/{name}": "a file",
    "/me/second-factor/qr.svg": "a picture",
    "/forgot-password": "for those who are not signed in; drawn in tests/look",
    "/sign-in/code": "between two steps of signing in; drawn in tests/look",
    "/me/confirm": "before a risky step; drawn in tests/look",
    "/reset/{token}": "for those who got a link; drawn in tests/look",
    "/views/new": "a form leads there with the filters of a list; drawn in tests/look",
    "/views/{view_id}": "there is none yet; drawn in tests/look",
    "/bulk/{bulk_id}": "there is none yet; drawn in tests/look",
    "/bulk/{bulk_id}/result.csv": "a file",
    "/bulk/{bulk_id}/messages/{reference}": "a part of a preview; drawn in tests/look",
    "/jobs/again": "nothing failed yet; drawn in tests/look",
    "/jobs/{delivery_id}": "nothing failed yet; drawn in tests/look",
    "/not-answering": "what the dispatcher asks for when a plugin's pages are silent",
    "/inbox/{message_id}/case": "one of many pages of a message; drawn in tests/look",
    "/inbox/{message_id}/html": "a frame of a message's page",
    "/inbox/{message_id}/raw": "a file",
    "/inbox/samples/{sample_id}": "nothing was drawn yet; drawn in tests/look",
    "/cases/{reference}/file/{file_id}": "a file",
    "/cases/{reference}/macros/{macro_id}": "there is none yet; drawn in tests/look",
    "/privacy/{request_id}": "nobody asked yet; drawn in tests/look",
    "/privacy/{request_id}/erase": "nobody asked yet; drawn in tests/look",
    "/privacy/{request_id}/bundle": "a file",
    "/privacy/{request_id}/files/{file_id}": "a file",
    "/privacy/marks/{mark_id}/end": "nothing stands with anybody yet; drawn in tests/look",
    "/privacy/figures/file": "a file",
    "/privacy/log": "a file",
    "/your-data": "leads on to whichever plugin serves the form; drawn in tests/look",
    "/.well-known/gpc.json": "an answer for machines",
    "/privacy/erasures/{erasure_id}": "nobody was erased yet; drawn in tests/look",
    "/privacy/erasures/{erasure_id}/file": "a file",
    "/privacy/retention/runs/{run_id}": "nothing was destroyed yet; drawn in tests/look",
    "/privacy/retention/runs/{run_id}/file": "a file",
    "/privacy/retention/runs/{run_id}/page": "a file",
    "/plugins/{slug}/enable": "every plugin is on already; drawn in tests/look",
}


@dataclass
class Walk:
    """`found`: pattern of a route → the address of a page of it; `broken`: what a link led to in vain."""

    found: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


class _Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.to: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.to.append(str(given["href"]))


def patterns(config: Config) -> list[str]:
    """Every page that core answers a GET with, except the API."""
    found = []
    for route in create_app(config).routes:
        if not isinstance(route, HTTPRoute) or f"{route.path}/".startswith(("/api/", "/p/")):
            continue
        if any("GET" in handler.http_methods for handler in handlers_of(route)):
            found.append(route.path_format)
    return sorted(set(found), key=lambda path: (path.count("{"), path))


def walk(client: httpx.Client, starts: list[str], config: Config) -> Walk:
    """Follows links from `starts`, at most EACH addresses of a kind; plugins' pages count by their first words."""
    known = [(each, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", each) + r"\Z")) for each in patterns(config)]
    result, seen, waiting, opened = Walk(), set(starts), list(starts), dict[str, int]()
    while waiting and len(seen) < MOST * 10:
        address = waiting.pop(0)
        kind = _kind(urlsplit(address).path, known)
        if kind in APART or opened.get(kind, 0) >= EACH_OF.get(kind, EACH) or sum(opened.values()) >= MOST:
            continue
        opened[kind] = opened.get(kind, 0) + 1
        answer = client.get(address, follow_redirects=True)
        if answer.status_code >= 400:
            result.broken.append(f"{address}: {answer.status_code}")
            continue
        attached = answer.headers.get("content-disposition", "").startswith("attachment")
        if attached or not answer.headers.get("content-type", "").startswith("text/html"):
            result.found.setdefault(kind, "")
            continue
        result.found.setdefault(kind, address)
        for link in _Links(answer.text).to:
            to = urljoin(str(answer.url), link)
            parts = urlsplit(to)
            inside = parts._replace(scheme="", netloc="", fragment="").geturl()
            if to.startswith(str(client.base_url).rstrip("/")) and inside not in seen:
                seen.add(inside)
                waiting.append(inside)
    result.missed = [each for each, _ in known if each not in result.found and each not in APART]
    return result


def _kind(path: str, known: list[tuple[str, re.Pattern[str]]]) -> str:
    if path.startswith("/p/"):
        return "/".join(path.split("/")[:4])
    return next((pattern for pattern, shape in known if shape.match(path)), path)
