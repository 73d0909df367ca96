"""No value becomes anything but a value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud_salesforce import numbers, soql

LITERAL = re.compile(r"'(?:[^'\\\x00-\x1f]|\\['\"\\nrtbf])*'", re.DOTALL)


@given(st.text())
def test_whatever_is_asked_for_stays_within_its_quotes(value: str) -> None:
    assert LITERAL.fullmatch(soql.text(value))


def test_a_value_that_would_ask_for_everybody_finds_its_own_letters_alone() -> None:
    assert soql.text("x' OR Name != '") == "'x\\' OR Name != \\''"
    assert soql.text("x\\") == "'x\\\\'"
    assert soql.text("x\\' OR 1=1 --") == "'x\\\\\\' OR 1=1 --'"
    assert soql.text("a\nb\0c") == "'a\\nbc'"
    assert soql.text("O'Neill") == "'O\\'Neill'"


def test_a_cut_value_does_not_end_within_an_escape() -> None:
    assert LITERAL.fullmatch(soql.text("'" * 1000))


@pytest.mark.parametrize("name", ["", "Id FROM Contact", "a.b.c", "Email) OR (Id", "1x", "Ż", "x'"])
def test_what_is_no_name_of_a_field_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a field"):
        soql.named(name)


@pytest.mark.parametrize("identity", ["", "x", "003000000000001AA", "003000000000001AA'", "003 00000000001AAA"])
def test_what_is_no_id_is_refused(identity: str) -> None:
    with pytest.raises(ValueError, match="no id of a record"):
        soql.record(identity)
    assert soql.record("003000000000001AAA") == "'003000000000001AAA'"


def test_numbers_are_asked_for_as_they_may_be_written() -> None:
    asked = numbers.variants("+44 20 7946 0018", "")
    assert {"+442079460018", "020 7946 0018", "02079460018", "+44 20 7946 0018"} <= set(asked)
    assert numbers.variants("123", "GB") == []
    assert numbers.same("(020) 7946 0018", "+442079460018", "GB")
    assert not numbers.same("020 7946 0018", "020 7946 0019", "GB")
    assert not numbers.same("", "", "GB")
    assert numbers.same("0044 20 7946 0018", "020 7946 0018", "gb")
    assert numbers.plain("K-1 204") == numbers.plain("k1204")
