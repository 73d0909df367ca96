"""Pages drawn for somebody who reads Polish: no sentence and no word of ours is left in English on them.

What people write is data here, and is in Polish or in words that no text of ours has, so whatever is English is ours.
"""

import re
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from ombud import speech
from ombud.testing_desk import Browser, Desk
from ombud.web import catalogue
from ombud.web.door import LANGUAGE_COOKIE

SPOKEN = ("aria-label", "title", "placeholder", "data-key-label")
UNREAD = ("script", "style", "textarea", "pre", "code")

WORD = re.compile(r"[^\W\d_]+")
PLACE = re.compile(r"%\(\w+\)s|%%|&\w+;")
LINK = re.compile(r'<a [^>]*href="([^"#]+)')
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|OMB-[0-9A-Z-]+")
EACH, MOST = 1, 150  # addresses of one kind, and pages in all
# Files, ways out, pages of codes for administrators, and what is not drawn in the reader's language by its nature.
APART = re.compile(
    r"/(sign-out|language|static|themes|live|api)\b|/file|\.(csv|json|zip|html|py|svg|pdf)\b|/raw\b|/export"
)
# Names, codes and commands: what a machine is told, countries and holidays as their library calls them, the roles,
# queues, texts and rules a desk begins with (they are stored, and may be renamed), and what stands in the placeholders.
DATA = re.compile(
    r"@|://|\.(txt|json|py)\b|\b[a-z]+[._/-][a-z_./-]+\b|[A-Z][a-z]+/[A-Z]|^[a-z_ ]+$|\((en|pl)\)|^[A-Z]{2}\b"
)
# The walk is through the pages that people work with. Those where a desk is set up speak of codes, of what is stored in
# English and may be written anew (texts of letters, terms, first rules), and of what libraries call by English names.
SET_UP = re.compile(
    r"/(administration|settings|units|roles|users|tokens|plugins|templates|macros|taxonomies|rules|case-types|jobs"
    r"|rates|limits|team)\b"
)
STORED = {
    "Administrator", "Agent", "Compliance officer", "Team leader", "Quality reviewer", "Privacy officer", "Example",
    "New complaints", "Our organisation", "All cases", "No owner", "Legal entity", "admin,", "matter ",
    "Default", "Plain", "English", "Ombud", "API",
}  # fmt: skip


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


@pytest.fixture(scope="module")
def words_of_ours() -> set[str]:
    """Words of three letters and more that stand in texts of ours and in no Polish one."""
    ours: set[str] = set()
    polish: set[str] = set()
    for message in catalogue.read("pl"):
        for text in message.id if isinstance(message.id, (tuple, list)) else (message.id,):
            ours |= _words(text)
        for text in message.string if isinstance(message.string, (tuple, list)) else (message.string,):
            polish |= _words(text)
    return {each for each in ours - polish if len(each) > 2}


def _words(text: str) -> set[str]:
    return {each.lower() for each in WORD.findall(PLACE.sub(" ", text))}


async def _walk(browser: Browser, starts: list[str], english: set[str]) -> dict[str, list[str]]:
    """The English of each page, by its kind."""
    browser.http.cookies.set(LANGUAGE_COOKIE, "pl")
    left: dict[str, list[str]] = {}
    waiting, seen, opened = list(starts), set(starts), Counter[str]()
    while waiting and opened.total() < MOST:
        path = waiting.pop(0)
        kind = ID.sub("{}", urlsplit(path).path)
        if opened[kind] >= EACH:
            continue
        opened[kind] += 1
        answer = await browser.get(path, follow_redirects=True)
        if answer.status_code != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        if said := sorted(each for each in Words(answer.text).said if _english(each, english)):
            left.setdefault(kind, said)
        for link in LINK.findall(answer.text):
            to = urljoin(path, link.replace("&amp;", "&"))
            if to.startswith("/") and to not in seen and not APART.search(to) and not SET_UP.match(to):
                seen.add(to)
                waiting.append(to)
    assert opened.total() >= len(starts)
    return left


def _english(text: str, english: set[str]) -> bool:
    for name in STORED:
        text = text.replace(name, " ")
    return not DATA.search(text) and bool(_words(text) & english)


async def test_no_page_of_core_says_a_word_of_ours_in_english(desk: Desk, words_of_ours: set[str]) -> None:
    filed = await desk.file("Pobrano opłatę dwa razy.", name="Zofia Wrzos", email="zofia@example.org")
    await desk.user("ewa", "agent", "leader", "administrator", "compliance")
    colleague = await desk.signed_in("ewa")
    starts = ["/", "/queues/all", f"/cases/{filed.reference}", f"/cases/{filed.reference}/history"]
    assert await _walk(colleague, [*starts, "/search?q=opłata", "/me/notices", "/inbox"], words_of_ours) == {}


async def test_no_page_for_those_who_are_not_signed_in_says_one_either(desk: Desk, words_of_ours: set[str]) -> None:
    assert await _walk(desk.browser(), ["/", "/sign-in", "/forgot-password"], words_of_ours) == {}


@pytest.mark.parametrize(
    ("one", "many", "number", "words"),
    [
        ("1 day", "%(num)s days", 1, "1 dzień"), ("1 day", "%(num)s days", 3, "3 dni"),
        ("1 month", "%(num)s months", 5, "5 miesięcy"), ("1 month", "%(num)s months", 22, "22 miesiące"),
    ],
)  # fmt: skip
def test_what_python_counts_is_english_for_programs_and_polish_for_its_reader(
    one: str, many: str, number: int, words: str
) -> None:
    said = speech.counted(one, many, number)
    assert said == (one if number == 1 else many % {"num": number})
    with speech.reading("pl"):
        assert speech.spoken(said) == words
        assert speech.spoken(f"{said} ") == f"{speech.plain(said)} "


def test_a_sentence_says_its_pieces_in_the_language_of_its_reader() -> None:
    said = speech.sentence("Priority: %(priority)s", priority=speech.word("High").lower())
    day = speech.day(date(2026, 9, 18))
    with speech.reading("pl"):
        assert speech.spoken(said) == "Priorytet: wysoki"
        assert speech.spoken(day) == "18\u00a0wrz\u00a02026"
        assert said.__html__() == "Priorytet: wysoki"  # type: ignore[attr-defined]
    assert (said, day) == ("Priority: high", "18 Sept 2026")
    assert speech.spoken(speech.sentence("Done: %(name)s.", name="<b>")) == "Done: <b>."
    assert speech.sentence("Done: %(name)s.", name="<b>").__html__() == "Done: &lt;b&gt;."  # type: ignore[attr-defined]
