"""Hosts, proxies, cookies and headers: what the desk believes of a request, and what it sends with every answer."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ombud.config_table import Server
from ombud.process import run_with
from ombud.testing_desk import PASSWORD, Desk
from ombud.trust.permissions import ROLES
from ombud.web.arrival import HEADERS, address_behind, answers_to

PROXIES = ("127.0.0.1", "10.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("near", "forwarded", "who"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger's own header says nothing
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # what the customer put in front does not count
        ("127.0.0.1", ["198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["rubbish"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, rubbish"], "127.0.0.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_who_asks_is_told_by_the_proxies_that_the_settings_name(near: str, forwarded: list[str], who: str) -> None:
    assert address_behind(near, forwarded, PROXIES) == who
    assert address_behind("203.0.113.9", forwarded, ()) == "203.0.113.9"


def test_behind_a_proxy_nobody_named_no_allowance_is_shared() -> None:
    for near in ("127.0.0.1", "::1", "10.0.0.4", "172.20.1.1", "192.168.3.3", "fd00::5", "::ffff:10.0.0.4"):
        assert address_behind(near, ["198.51.100.1"], ()) == ""
        assert address_behind(near, [], ()) == near


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("desk.example.org", True), ("DESK.example.org.", True), ("desk.example.org:8443", True),
        ("intern.local", True), ("localhost:8000", True), ("127.0.0.1:8000", True), ("[::1]:8000", True),
        ("192.168.1.5", True), ("evil.test", False), ("desk.example.org.evil.test", False),
        ("evil.test:desk.example.org", False), ("desk.example.org@evil.test", False), ("", False), ("[::1", False),
        ("127.0.0.1.nip.example", False),
    ],
)  # fmt: skip
def test_the_desk_answers_to_its_own_names_and_to_bare_addresses(host: str, known: bool) -> None:
    server = Server(base_url="https://desk.example.org:8443", hosts=("intern.local",))
    assert answers_to(server, host) is known


async def test_a_strange_host_is_refused_before_anything_is_written(desk: Desk) -> None:
    browser = desk.browser()
    answer = await browser.get("/sign-in", headers={"host": "evil.test"})
    assert answer.status_code == 421
    assert "evil.test" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await browser.get("/health", headers={"host": "10-0-0-7.pod"})).status_code == 200


async def test_guesses_count_by_the_address_behind_the_proxy(desk: Desk) -> None:
    usual = desk.config
    run_with(replace(usual, server=replace(usual.server, trusted_proxies=("127.0.0.1",))))
    await desk.viewer("agent")

    async def guess(address: str, name: str) -> int:
        browser = desk.browser()
        browser.http.headers["x-forwarded-for"] = address
        return (await browser.submit("/sign-in", {"login": name, "password": "wrong"})).status_code

    assert {await guess("198.51.100.1", f"n{n}") for n in range(50)} == {401}
    assert await guess("198.51.100.1", "other") == 429
    assert await guess("198.51.100.2", "other") == 401


async def test_over_https_cookies_are_locked_to_the_host_and_browsers_are_told_to_stay(desk: Desk) -> None:
    usual = desk.config
    assert "strict-transport-security" not in (await desk.browser().get("/sign-in")).headers
    run_with(replace(usual, server=replace(usual.server, base_url="https://desk.test")))
    await desk.viewer("agent")
    browser = desk.browser()
    browser.http.base_url = "https://desk.test"
    answer = await browser.submit("/sign-in", {"login": "agent", "password": PASSWORD})
    lines = answer.headers.get_list("set-cookie")
    session = next(line for line in lines if line.startswith("__Host-ombud_session="))
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert part.lower() in session.lower()
    assert "domain=" not in session.lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert (await browser.get("/queues/all")).status_code == 200
    planted = desk.browser()
    planted.http.cookies.set("ombud_session", session.partition("=")[2].partition(";")[0])
    assert (await planted.get("/queues/all")).status_code == 303


class Page(HTMLParser):
    """What a page holds that the content policy forbids, and the addresses it leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.leads_to: set[str] = set()
        self.foreign: list[str] = []
        self.open_forms: list[str] = []
        self._form: dict[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(f"<{tag}>")
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith(("on", "hx-on"))]
        for name in ("href", "src", "action", "formaction"):
            if given.get(name, "").lower().startswith(("http:", "https:", "//", "javascript:", "data:")):
                self.foreign.append(f"{tag} {name}={given[name]}")
        if tag == "a" and given.get("href", "").startswith("/"):
            self.leads_to.add(given["href"].partition("#")[0])
        if tag == "form":
            self._form = given if given.get("method", "").lower() == "post" else None
        elif tag == "input" and self._form is not None and given.get("name") == "_csrf":
            self._form = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form is not None:
            self.open_forms.append(self._form.get("action", ""))
            self._form = None


MOST = 120
# Each asks a process of its own what would change, and they differ in words alone: the first stands for all.
PREVIEW = re.compile(r"/plugins/[^/]+/enable\Z")


@pytest.mark.parametrize("role", ["anonymous", *(role.key for role in ROLES)])
async def test_every_page_one_can_walk_to_is_without_inline_code_and_carries_the_headers(desk: Desk, role: str) -> None:
    for plugin in ("webform", "portal", "csv-import"):
        await desk.enable(plugin)
    filed = await desk.file("The fee was taken twice.", "Nobody answered.")
    browser = desk.browser() if role == "anonymous" else await desk.signed_in(role)
    start = ["/", "/sign-in", "/forgot-password", "/complain", filed.track_url.removeprefix("http://desk.test"),
             "/nowhere", "/api/docs", "/queues", "/me/second-factor", "/me/sessions", "/me/confirm",
             "/me/tokens"]  # fmt: skip
    waiting, seen = list(start), set()
    while waiting and len(seen) < MOST:
        path = waiting.pop(0)
        if path in seen or path.startswith(("/language/", "/files/")):
            continue
        if PREVIEW.match(path) and any(PREVIEW.match(each) for each in seen):
            continue
        seen.add(path)
        answer = await browser.get(path)
        assert answer.status_code < 500, path
        for name, value in HEADERS.items():
            assert name in answer.headers, (path, name)
            assert answer.headers[name] == value or name in {"content-security-policy", "referrer-policy"}, (path, name)
        attached = answer.headers.get("content-disposition", "").startswith("attachment")
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy or (attached and "sandbox" in policy), "a file shut away may carry its own styles"
        assert answer.headers["cache-control"] == "no-store"
        if answer.is_redirect and answer.headers["location"].startswith("/"):
            waiting.append(answer.headers["location"].partition("#")[0])
        if attached or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page = Page(answer.text)
        assert page.inline == [], path
        assert page.foreign == [], path
        assert page.open_forms == [], path
        waiting += sorted(page.leads_to - seen)
    assert len(seen) >= (15 if role == "anonymous" else 20), sorted(seen)
    assert any(PREVIEW.match(path) for path in seen) == (role == "administrator")


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    rules = dict(part.strip().partition(" ")[::2] for part in HEADERS["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert not any(word in value for value in rules.values() for word in ("unsafe", "*", "http", "data:"))
