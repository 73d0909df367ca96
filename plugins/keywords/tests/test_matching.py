"""Words of lists found in texts: whole ones, in a row, whatever their case and accents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud_keywords.lists import Unreadable, read, words_of
from ombud_keywords.matching import classify
from ombud_plugin_api import CategoryOption, MessageFacts

CODES = tuple(CategoryOption(code=each, labels={"en": each}) for each in ("fees", "staff"))


def _found(text: str, *lists: str) -> dict[str, list[str]]:
    facts = MessageFacts(text=text, categories=CODES, settings={"lists": list(lists)})
    return {each.value["category"]: [text[start:end] for start, end in each.spans] for each in classify(facts)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Fee was high", ["Fee"]),
        ("coffee and feet", []),
        ("Pobrano OPŁATĘ i opłatę", ["OPŁATĘ", "opłatę"]),
        ("oplate", ["oplate"]),
        ("an overdraft\n fee", ["overdraft\n fee", "fee"]),
        ("overdraft. fee", ["overdraft. fee", "fee"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("", []),
    ],
)
def test_whole_words_count_whatever_their_case_and_accents(text: str, words: list[str]) -> None:
    assert sorted(_found(text, "fees: fee, opłatę, overdraft fee, café").get("fees", [])) == sorted(words)


def test_a_category_that_the_unit_does_not_have_and_a_broken_list_propose_nothing() -> None:
    assert _found("a card", "cards: card") == {}
    assert _found("a fee", "no category here") == {}
    assert _found("a fee") == {}


def test_the_category_with_most_passages_comes_first() -> None:
    assert list(_found("fee, rude, rude", "fees: fee", "staff: rude")) == ["staff", "fees"]


@pytest.mark.parametrize(("line", "why"), [("fee, charge", "no category"), ("fees: , ,", "no words"), (": fee", "no")])
def test_a_line_that_is_no_list_says_what_is_wrong(line: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(["", line])


@given(st.text(max_size=200))
def test_words_stand_where_they_are_said_to(text: str) -> None:
    last = 0
    for word, start, end in words_of(text):
        assert last <= start < end <= len(text)
        assert words_of(text[start:end])[0][0] == word
        last = end
