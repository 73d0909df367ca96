"""Pages drawn for somebody who reads Polish: no sentence and no word of ours is left in English on them.

What people write is data here, and is in Polish or in words that no text of ours has, so whatever is English is ours.
"""

import re
import tomllib
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from ombud import speech
from ombud.kernel import plugins
from ombud.kernel.lifecycle import running
from ombud.kernel.setting_columns import cells
from ombud.testing_desk import Browser, Desk
from ombud.web import catalogue
from ombud.web.door import LANGUAGE_COOKIE

PLUGINS = Path(__file__).parents[2] / "plugins"
DOORS = ("webform", "portal", "gdpr", "ccpa")  # what serves those who complain
SPOKEN = ("aria-label", "title", "placeholder", "data-key-label")
UNREAD = ("script", "style", "textarea", "pre", "code")

WORD = re.compile(r"[^\W\d_]+")
PLACE = re.compile(r"%\(\w+\)s|%%|&\w+;")
LINK = re.compile(r'<a [^>]*href="([^"#]+)')
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|OMB-[0-9A-Z-]+|(?<=^/plugins/)[^/]+|(?<=/compliance/cases/)\w+")
EACH, MOST = 1, 400  # addresses of one kind, and pages in all
# Files, ways out, the machines' descriptions of themselves, and what is in a language of its own: letters in English.
APART = re.compile(
    r"/(sign-out|language|static|themes|live|api)\b|/file|\.(csv|json|zip|html|py|svg|pdf)\b|/raw\b|/export"
    r"|/templates/standard-\w+-en\b"
)
# Codes, addresses, names of columns and time zones, lines of syntax that a setting shows as an example.
CODES = re.compile(
    r"^[a-z]+(?:_[a-z]+)+: .*\(|^Osobowe: [\w, ]+\.|\S+@\S+|\S+://\S+|[\w{}]+(?:[._/=-][\w{}]+)+|^/\S*|\{\w+\}|.*\{\{.*"
    r"|^[A-Z]{3}, .*|^\(?[a-z]+\)?$|.* \| .*|, wpisz \w+$|.*\w=\w.*|\b[A-Z][a-z]+/\w+"
)
# Names that a desk begins with, of places outside, and of whatever libraries call by English names.
STORED = (
    "Our organisation", "New complaints", "English", "Heard i McDonalda", "Financial Conduct Authority",
    "CCPA (California)", "TDPSA (Texas)", "pursuant to = under", "loan: none", "admin,",
    "default, upper, lower, capitalize, title, trim, join, length, first, last",
    "Modra Bank, 12 Harbour Street, London",
)  # fmt: skip


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
    """Words of three letters and more that stand in texts of core and of plugins and in no Polish one."""
    ours, polish = set[str](), set[str]()
    for message in catalogue.read("pl"):
        ours |= _words(message.id)
        polish |= _words(message.string)
    for path in PLUGINS.glob("*/ombud_*/words/pl.toml"):
        for english, said in tomllib.loads(path.read_text("utf-8")).items():
            ours |= _words(english)
            polish |= _words(said)
    for path in PLUGINS.glob("*/ombud_*/texts/*.toml"):
        told = ours if path.stem == "en" else polish
        told |= _words(tomllib.loads(path.read_text("utf-8")))
    return {each for each in ours - polish if len(each) > 2}


def _words(text: Any) -> set[str]:
    """Of a text, or of all in a table or a row."""
    if isinstance(text, str):
        return {each.lower() for each in WORD.findall(PLACE.sub(" ", text))}
    return set().union(*map(_words, text.values() if isinstance(text, dict) else text or ()))


def _of_regulators() -> frozenset[str]:
    """Exact words of forms and portals, as the lists of plugins' settings quote them."""
    fields = [
        field for loaded in running.loaded.values() if loaded.setting_schema
        for field in loaded.setting_schema.fields.values() if field.columns
    ]  # fmt: skip
    return frozenset(
        text for field in fields for line in field.default or ()
        for column, text in zip(field.columns, cells(line, field.columns), strict=True)
        if text and not (column.choices or column.tick or column.terms)
    )  # fmt: skip


async def _walk(browser: Browser, starts: list[str], english: set[str]) -> dict[str, list[str]]:
    """The English of each page, by its kind."""
    quoted = _of_regulators()
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
        assert '<html lang="pl"' in answer.text, path
        if said := sorted(each for each in Words(answer.text).said if _english(each, english, quoted)):
            left.setdefault(kind, said)
        for link in LINK.findall(answer.text):
            to = urljoin(path, link.replace("&amp;", "&"))
            if to.startswith("/") and to not in seen and not APART.search(to):
                seen.add(to)
                waiting.append(to)
    assert len(starts) <= opened.total() < MOST
    return left


def _english(text: str, english: set[str], quoted: frozenset[str]) -> bool:
    text = " · ".join(each for each in text.split(" · ") if each not in quoted)
    for name in STORED:
        text = text.replace(name, " ")
    return bool(_words(CODES.sub(" ", text)) & english)


async def test_no_page_of_the_desk_or_of_its_plugins_says_a_word_of_ours_in_english(
    desk: Desk, words_of_ours: set[str]
) -> None:
    for slug in sorted(plugins.discover()):
        if (PLUGINS / slug).is_dir():
            await desk.enable(slug)
    filed = await desk.file("Pobrano opłatę dwa razy.", name="Zofia Wrzos", email="zofia@example.org")
    await desk.work()
    await desk.user("ewa", "agent", "leader", "quality", "administrator", "compliance")
    colleague = await desk.signed_in("ewa")
    case = f"/cases/{filed.reference}"
    starts = [
        "/",
        "/queues/all",
        case,
        f"{case}/history",
        "/administration",
        "/search?q=opłata",
        "/me/notices",
        "/inbox",
    ]
    assert await _walk(colleague, starts, words_of_ours) == {}


async def test_no_page_for_those_who_are_not_signed_in_says_one_either(desk: Desk, words_of_ours: set[str]) -> None:
    for slug in DOORS:
        await desk.enable(slug)
    starts = ["/", "/complain", "/track", "/your-data", "/sign-in", "/forgot-password"]
    assert await _walk(desk.browser(), starts, words_of_ours) == {}


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
