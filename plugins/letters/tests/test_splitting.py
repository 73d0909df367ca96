"""Where letters begin, and what a text seems to say; pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.desk import references as cores
from ombud_letters.recognising import language, look, references
from ombud_letters.splitting import Page, beginnings, letter_pages

A, B = cores.make(7, "OMB"), cores.make(8, "OMB")
ENGLISH = """Ann Nowak
Flat 3, 27 Long Acre
Brighton BN1 4GH
ann.nowak@example.org
Tel: +44 20 7946 0018

Dear Sir or Madam,

Re: The fee of October

it was taken twice and your colleague was not helpful.

Yours faithfully,

Ann B. Nowak
"""
POLISH = """Zażalenie

Szanowni Państwo,

w sprawie opłaty: nie zgadzam się z decyzją i proszę o zwrot.

Z poważaniem
Łucja Żółkiewska
"""


def test_a_case_number_is_found_however_it_was_read_and_only_if_its_check_holds() -> None:
    assert references(f"about {A}, and {B.lower()} and {A}") == [A, B]
    assert references(A.replace("-", " - ").replace("0", "O")) == [A]
    wrong = A[:-1] + ("0" if A[-1] != "0" else "1")
    assert references(f"{wrong} is no number, nor is AB-12 or a telephone 0700-900-555") == []


@given(st.integers(min_value=1, max_value=10**8), st.sampled_from(["OMB", "AB", "CASE"]))
def test_every_number_that_core_makes_is_found(number: int, prefix: str) -> None:
    made = cores.make(number, prefix)
    assert references(f"Nasz znak: {made}.") == [made]


def pages(*kinds: str) -> list[Page]:
    return [
        Page(number, kind if kind in {"separator", "blank"} else "page", "" if kind in {"separator", "blank"} else kind)
        for number, kind in enumerate(kinds, 1)
    ]


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (("Dear", "goes on"), [(1, "start")]),
        (("separator", "Dear", "separator", "Dear"), [(2, "start"), (4, "separator")]),
        (("Dear", "separator", "blank", "separator", "Dear", "more"), [(1, "start"), (5, "separator")]),
        ((f"About {A}", "page two", f"{A} again", f"About {B}"), [(1, "start"), (4, "reference")]),
        (("no number", f"About {A}", f"and {A}"), [(1, "start")]),
        ((f"About {A} and {B}", f"{B} goes on"), [(1, "start")]),
        (("blank", "separator"), []),
        ((), []),
    ],
)
def test_a_letter_begins_after_a_separator_and_where_a_page_names_another_case(
    kinds: tuple[str, ...], found: list[tuple[int, str]]
) -> None:
    assert [(each.page, each.why) for each in beginnings(pages(*kinds))] == found


@given(st.lists(st.sampled_from(["Dear", A, B, "separator", "blank"]), max_size=30))
def test_every_page_with_something_on_it_belongs_to_exactly_one_letter(kinds: list[str]) -> None:
    scan = pages(*kinds)
    firsts = [each.page for each in beginnings(scan)]
    own = [number for first in firsts for number in letter_pages(first, firsts, scan)]
    assert own == [page.number for page in scan if page.kind == "page"]


def test_a_page_that_was_left_out_is_no_part_of_the_letter() -> None:
    assert letter_pages(1, [1, 4], pages("a", "b", "c", "d"), [2]) == [1, 3]


def test_who_wrote_is_proposed_from_the_closing_or_the_head() -> None:
    seen = look(ENGLISH)
    assert (seen.sender, seen.email, seen.phone, seen.postcode, seen.subject, seen.language) == (
        "Ann B. Nowak", "ann.nowak@example.org", "+44 20 7946 0018", "BN1 4GH", "The fee of October", "en",
    )  # fmt: skip
    polish = look(POLISH)
    assert (polish.sender, polish.language) == ("Łucja Żółkiewska", "pl")
    assert look("Ann Nowak\nLong Acre\n80-827 Gdańsk\n").sender == "Ann Nowak"
    assert look("Ann Nowak\nul. Długa 27\n80-827 Gdańsk\n").postcode == "80-827"


def test_our_own_letterhead_is_not_the_sender() -> None:
    seen = look("Modra Bank\nteam@modra.example\nsome words", ("Modra Bank", "team@modra.example"))
    assert (seen.sender, seen.email) == ("", "")


@given(st.text(max_size=400))
def test_any_text_at_all_is_looked_at_without_a_fault(text: str) -> None:
    look(text)
    references(text)
    assert language(text) in {"", "en", "pl"}
