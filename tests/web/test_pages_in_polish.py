"""Pages drawn for somebody who reads Polish: none of core's English sentences is left on them."""

from html.parser import HTMLParser

import pytest

from ombud.testing_desk import Browser, Desk
from ombud.web import catalogue
from ombud.web.door import LANGUAGE_COOKIE

SPOKEN = ("aria-label", "title", "placeholder", "data-key-label")
UNREAD = ("script", "style", "textarea", "pre", "code")


class Words(HTMLParser):
    """What a page says: its texts, and the attributes that are read aloud or shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: set[str] = set()
        self._unread = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in UNREAD
        self.said |= {value for name, value in attrs if name in SPOKEN and value}

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in UNREAD

    def handle_data(self, data: str) -> None:
        if not self._unread and data.strip():
            self.said.add(" ".join(data.split()))


@pytest.fixture(scope="module")
def english() -> set[str]:
    """The English of every text of several words that Polish says otherwise, and that is no Polish text itself."""
    messages = [message for message in catalogue.read("pl") if isinstance(message.id, str) and message.id]
    polish = {message.string for message in messages}
    return {message.id for message in messages if " " in message.id.strip() and message.id not in polish}


async def _in_polish(browser: Browser, path: str) -> set[str]:
    answer = await browser.get(path, follow_redirects=True)
    assert answer.status_code == 200, path
    assert '<html lang="pl"' in answer.text, path
    return Words(answer.text).said


async def test_the_main_pages_say_no_english_sentence_of_core(desk: Desk, english: set[str]) -> None:
    filed = await desk.file("A fee was taken twice.")
    await desk.user("amelia", "agent", "leader", "administrator", "compliance")
    visitor, colleague = desk.browser(), await desk.signed_in("amelia")
    for browser in (visitor, colleague):
        browser.http.cookies.set(LANGUAGE_COOKIE, "pl")
    left = {path: await _in_polish(visitor, path) & english for path in ("/", "/sign-in", "/forgot-password")}
    for path in (
        "/queues", "/queues/all", f"/cases/{filed.reference}", f"/cases/{filed.reference}/history", "/search?q=fee",
        "/inbox", "/outgoing", "/settings", "/roles", "/users", "/me/notices", "/me/keys", "/rules",
        "/administration/health",
    ):  # fmt: skip
        left[path] = await _in_polish(colleague, path) & english
    assert {path: sorted(words) for path, words in left.items() if words} == {}


async def test_a_refusal_and_a_word_about_what_was_done_are_polish(desk: Desk) -> None:
    await desk.user("amelia", "agent")
    colleague = await desk.signed_in("amelia")
    colleague.http.cookies.set(LANGUAGE_COOKIE, "pl")
    missing = await colleague.get("/cases/OMB-NONE0-0")
    assert missing.status_code == 404
    assert "Nic tu nie ma" in missing.text
    assert "Niczego nie zmieniono." in missing.text
    refused = await desk.browser().get("/queues")
    assert refused.status_code == 303
