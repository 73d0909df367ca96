"""What core says is there in Polish too: found whole, translated whole, and drawn."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
from babel.messages.catalog import Message

from ombud.web import catalogue, shell, templating

# Texts that are the same in both languages: names, formats, abbreviations, and words that Polish shares.
ALIKE = {
    "%(days)s d", "%(minutes)s min", "%(num)s sum", "%(what)s %(n)s", "360", "API", "Administrator", "BIC", "CSV",
    "E-mail", "Folder", "Format",
    "Global Privacy Control", "ISO 20022 pain.001.001.09 (SEPA)", "Import", "Limit", "Link",
    "%(law)s: %(right)s, %(part)s", "%(period)s %(since)s", "%(what)s: %(value)s",
    "Ombud %(version)s, Python %(python)s.",
    "Status", "Status: %(status)s", "Token", "Token: %(name)s", "%(actor)s: %(kind)s", "Program",
}  # fmt: skip
PLACE = re.compile(r"%\(\w+\)s|%s|%%")


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    """Two tests go through all of core's code; it is read and taken apart for the first."""
    read = catalogue.texts_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "texts_of", cache(lambda path: tuple(read(path))))
        yield


@pytest.fixture(scope="module")
def said() -> dict[catalogue.Text, list[tuple[str, int]]]:
    return catalogue.texts()


@pytest.fixture(scope="module")
def polish() -> list[Message]:
    return [message for message in catalogue.read("pl") if message.id]


@pytest.fixture
def reading_polish() -> Iterator[None]:
    token = templating.reader.set(templating.Reader("pl", "Europe/Warsaw"))
    yield
    templating.reader.reset(token)


def test_every_text_of_core_has_polish_words(said: dict[catalogue.Text, object], polish: list[Message]) -> None:
    """Red here: run `make words`, translate what it names in locale/pl/LC_MESSAGES/ombud.po, or list in unsaid.txt what
    nobody reads."""
    whole = {message.id for message in polish if not message.fuzzy and all(_strings(message))}
    assert sorted(map(str, set(said) - whole)) == []


def test_the_catalogue_holds_nothing_that_is_not_said_any_more(
    said: dict[catalogue.Text, object], polish: list[Message]
) -> None:
    assert sorted(str(message.id) for message in polish if message.id not in said) == []


def test_what_is_not_said_to_anybody_is_listed_once_and_still_there() -> None:
    listed = catalogue.UNSAID.read_text("utf-8").splitlines()
    found = {text for path in catalogue.spoken() for _, text in catalogue.texts_of(path)}
    assert len(listed) == len(set(listed))
    assert sorted(set(listed) - found) == []


def test_polish_sentences_have_the_places_of_the_english_ones(polish: list[Message]) -> None:
    wrong = [
        (message.id, string) for message in polish for string in _strings(message)
        if not set(PLACE.findall(string)) <= set(PLACE.findall(_ids(message)[-1]))
        or (not _is_plural(message) and sorted(PLACE.findall(string)) != sorted(PLACE.findall(_ids(message)[0])))
    ]  # fmt: skip
    assert wrong == []


def test_every_plural_has_three_forms_and_says_its_number_where_english_does(polish: list[Message]) -> None:
    for message in polish:
        if _is_plural(message):
            assert len(_strings(message)) == 3, message.id
            numbers = set(PLACE.findall(_ids(message)[1])) if "%(num)s" in _ids(message)[1] else set()
            assert all(numbers <= set(PLACE.findall(string)) for string in _strings(message)[1:]), message.id


def test_no_polish_text_is_the_english_one_except_those_that_are_alike(polish: list[Message]) -> None:
    same = {_ids(message)[0] for message in polish if set(_ids(message)) & set(_strings(message))}
    assert same - ALIKE == set()


def test_hard_spaces_and_ends_of_texts_are_kept(polish: list[Message]) -> None:
    wrong = [
        message.id for message in polish for string in _strings(message)
        if string[-1:].isspace() != _ids(message)[0][-1:].isspace() or _is_hard(_ids(message)[0]) > _is_hard(string)
    ]  # fmt: skip
    assert wrong == []


def test_each_language_that_can_be_chosen_has_a_catalogue_but_english() -> None:
    assert set(catalogue.languages()) == set(shell.LANGUAGES) - {"en"}


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 sprawa"), (2, "2 sprawy"), (5, "5 spraw"), (12, "12 spraw"), (22, "22 sprawy")]
)
@pytest.mark.usefixtures("reading_polish")
def test_polish_counts_in_three_forms(number: int, words: str) -> None:
    assert str(templating.environment().globals["ngettext"]("%(num)s case", "%(num)s cases", number)) == words


@pytest.mark.usefixtures("reading_polish")
def test_a_text_that_also_stands_for_many_is_found_by_itself() -> None:
    assert templating.gettext("Let it in") == "Przyjmij"
    assert templating.gettext("nobody ever said this") == "nobody ever said this"
    assert templating.gettext("") == ""


def test_somebodys_words_stay_words_when_a_template_translates_them() -> None:
    draw = templating.environment().from_string('{{ _(name) }} {{ name|translated }} {{ _("Sign in") }}')
    drawn = draw.render(name='<b title="x">Fraud & co</b>')
    assert drawn == "&lt;b title=&#34;x&#34;&gt;Fraud &amp; co&lt;/b&gt; " * 2 + "Sign in"


@pytest.mark.usefixtures("reading_polish")
def test_the_filter_translates_what_python_says_and_leaves_all_else() -> None:
    draw = templating.environment().from_string("{{ one|translated }}, {{ two|translated }}, {{ three|translated }}")
    assert draw.render(one="Sign in", two=42, three="Anna Nowak") == "Zaloguj, 42, Anna Nowak"


def test_extraction_finds_what_is_said_and_leaves_what_is_for_programs() -> None:
    source = '''
"""Words of a docstring."""
from typing import cast
WORDS = {"a": "Said to people", "b": "lower words"}
def f(x: "Some | None") -> "Other":
    """More of them."""
    log.info("Only for the log")
    if x: raise ValueError("Only for programmers")
    cast("Row", x)
    ngettext("%(n)s day of it", "%(n)s days of it", 2)
    return gettext("small but given"), f"Half of {x}", "SELECT a FROM b WHERE c"
'''
    found = {text for _, text in catalogue.of_python(source)}
    assert found == {"Said to people", ("%(n)s day of it", "%(n)s days of it"), "small but given"}
    assert "lower words" in {text for _, text in catalogue.of_python(source, small=True)}


def _is_hard(text: str) -> bool:
    return "\u00a0" in text


def _is_plural(message: Message) -> bool:
    return isinstance(message.id, tuple)


def _ids(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, (tuple, list)) else (message.id,)


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, (tuple, list)) else (message.string,)


def test_in_the_rail_only_words_that_are_too_long_for_it_may_break(reading_polish: None) -> None:
    assert templating.softened("Listy wychodzące") == "Listy wychodzące"
    assert templating.softened("Do przeprowadzenia").replace("\u00ad", "|") == "Do prze|pro|wa|dze|nia"
